use super::*;
use ndarray::Array3;

fn stack() -> Array3<f32> {
    Array3::from_shape_fn((4, 5, 6), |(i, y, x)| (i + y + x) as f32)
}

fn cleaned(
    values: &mut Array3<f32>,
    dtype: &DType,
    options: &ReadOptions,
) -> Result<Cleaned, String> {
    let memory = Storage::Memory;
    let found =
        clean(&mut values.view_mut(), dtype, || Ok(None), "data", options, &memory).unwrap();
    found
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn patterns_without_a_number_are_lost_and_those_left_out_do_not_matter() {
    let mut values = stack();
    values.index_axis_mut(Axis(0), 2).fill(f32::NAN);
    let found = cleaned(&mut values, &DType::F32, &ReadOptions::default()).unwrap();
    let [remark] = &found.remarks[..] else { panic!("{:?}", found.remarks) };
    assert_eq!((remark.what, remark.certain), (What::LostPatterns, true));
    assert!(remark.patterns == [2] && found.good.is_none());
    assert!(values.index_axis(Axis(0), 2).iter().all(|&value| value == 0.0));
    // One odd number is no lost pattern, unless that is left out.
    values[(1, 2, 3)] = -1.0;
    assert!(cleaned(&mut values.clone(), &DType::F32, &ReadOptions::default()).is_err());
    let mut options = ReadOptions::default();
    options.experiment.patterns.leave_out_frames = vec![1];
    assert!(cleaned(&mut values, &DType::F32, &options).unwrap().remarks.is_empty());
    values.fill(f32::NAN);
    let error = cleaned(&mut values, &DType::F32, &ReadOptions::default()).err().unwrap();
    assert!(error.contains("NaN in pattern 0"), "{error}");
}

#[test]
fn sentinels_in_every_pattern_are_bad_pixels() {
    for (dtype, value) in [
        (DType::U32, u32::MAX as f32),
        (DType::U16, 65535.0),
        (DType::I32, -1.0),
        (DType::F64, u32::MAX as f32),
        (DType::F32, u32::MAX as f32),
        (DType::F64, i32::MAX as f32),
        (DType::I64, u32::MAX as f32),
        (DType::F32, 65535.0),
        (DType::U32, 65535.0),
        (DType::I32, 255.0),
    ] {
        let mut values = stack();
        values.index_axis_mut(Axis(1), 2).fill(value);
        // A pattern that is left out tells nothing, and a lost one neither.
        values.index_axis_mut(Axis(0), 3).fill(1.0);
        let mut options = ReadOptions::default();
        options.experiment.patterns.leave_out_frames = vec![3];
        let five = Array3::from_shape_fn((5, 5, 6), |(i, y, x)| values[(i % 3, y, x)]);
        let found = cleaned(&mut five.clone(), &dtype, &ReadOptions::default()).unwrap();
        assert_eq!(found.good.unwrap().flags().iter().filter(|&&good| !good).count(), 6);
        if [65535.0, 255.0].contains(&value) && dtype.width() > 2 {
            assert!(cleaned(&mut values, &dtype, &options).unwrap().good.is_none());
            continue;
        }
        let found = cleaned(&mut values, &dtype, &options).unwrap();
        assert_eq!(found.good.unwrap().flags().iter().filter(|&&good| !good).count(), 6);
        assert_eq!((found.remarks[0].what, values[(1, 2, 3)]), (What::Sentinels, 0.0));
    }
}

#[test]
fn odd_numbers_here_and_there_are_refused_with_what_to_say() {
    let mut values = stack();
    values[(2, 3, 4)] = f32::NAN;
    let said = cleaned(&mut values, &DType::F32, &ReadOptions::default()).err().unwrap();
    assert!(
        said.contains("NaN in pattern 2 at row 3, column 4") && said.contains("--mask-hot"),
        "{said}"
    );
    let options = ReadOptions { mask_hot: true, ..ReadOptions::default() };
    let found = cleaned(&mut values, &DType::F32, &options).unwrap();
    assert_eq!(found.good.unwrap().view().dim(), (1, 5, 6));
    assert_eq!(values[(2, 3, 4)], 0.0);

    let below = stack().mapv(|value| value - 3.5);
    let said = cleaned(&mut below.clone(), &DType::F32, &ReadOptions::default()).err().unwrap();
    assert!(said.contains("the lowest -3.5") && said.contains("--clip-negative"), "{said}");
    let options = ReadOptions { clip_negative: true, ..ReadOptions::default() };
    let mut clipped = below.clone();
    assert!(cleaned(&mut clipped, &DType::F32, &options).unwrap().good.is_none());
    assert_eq!(clipped, below.mapv(|value| value.max(0.0)));
    let options = ReadOptions { mask_negative: true, ..ReadOptions::default() };
    let mut masked = below.clone();
    let good = cleaned(&mut masked, &DType::F32, &options).unwrap().good.unwrap();
    assert_eq!(good.view(), below.mapv(|value| value >= 0.0));
}

#[test]
fn what_is_masked_is_no_matter() {
    let mut values = stack();
    values[(2, 3, 4)] = f32::NAN;
    let mut good = Array3::from_elem((1, 5, 6), true);
    good[(0, 3, 4)] = false;
    let found = clean(
        &mut values.view_mut(),
        &DType::F32,
        || Ok(Some(Mask::of(good))),
        "data",
        &ReadOptions::default(),
        &Storage::Memory,
    );
    let found = found.unwrap().unwrap();
    assert!(found.good.is_none() && found.remarks.is_empty() && values[(2, 3, 4)] == 0.0);
}

#[test]
fn patterns_without_a_number_are_lost_under_a_mask_too() {
    let mut values = stack();
    values.index_axis_mut(Axis(0), 2).fill(f32::NAN);
    // Programs put zero, too, where a pixel is bad.
    values.index_axis_mut(Axis(0), 3).fill(f32::NAN);
    values[(3, 3, 4)] = 0.0;
    for layers in [1, 4] {
        let mut good = Array3::from_elem((layers, 5, 6), true);
        good.index_axis_mut(Axis(1), 3).fill(false);
        // A pattern without a good pixel, which has numbers, is not lost.
        if layers > 1 {
            good.index_axis_mut(Axis(0), 0).fill(false);
        }
        let mut values = values.clone();
        let options = ReadOptions::default();
        let (masked, memory) = (|| Ok(Some(Mask::of(good))), Storage::Memory);
        let dtype = &DType::F32;
        let found = clean(&mut values.view_mut(), dtype, masked, "data", &options, &memory);
        let found = found.unwrap().unwrap();
        let [remark] = &found.remarks[..] else { panic!("{:?}", found.remarks) };
        assert_eq!((remark.what, &remark.patterns[..]), (What::LostPatterns, &[2, 3][..]));
        assert!(found.good.is_none() && values.iter().all(|value| value.is_finite()));
        assert_eq!(values[(1, 2, 3)], 6.0);
    }
}

#[test]
fn numbers_that_light_may_reach_are_no_marks() {
    let mut options = ReadOptions { mask_hot: true, clip_negative: true, ..ReadOptions::default() };
    for change in [
        // Light falls off to the sides, and varies.
        (|(_, y, x), value| if (y, x) == (2, 3) { 65535.0 } else { 3000.0 * value })
            as fn((usize, usize, usize), f32) -> f32,
        |(i, y, x), value| if (y, x) == (2, 3) && i != 2 { 65535.0 } else { value },
        |(_, y, x), value| if (y, x) == (2, 3) { 65534.0 } else { value },
    ] {
        let values = stack();
        let mut values = Array3::from_shape_fn(values.dim(), |at| change(at, values[at]));
        let found = cleaned(&mut values, &DType::F32, &options).unwrap();
        assert!(found.good.is_none() && found.remarks.is_empty() && values[(1, 2, 3)] > 65533.0);
        let told = found.idle("data", &options).join("\n");
        assert!(told.contains("--mask-hot changes nothing"), "{told}");
        assert!(told.contains("--clip-negative changes nothing"), "{told}");
    }
    let mut values = stack();
    values[(1, 2, 3)] = f32::NAN;
    values[(1, 2, 4)] = -1.0;
    let found = cleaned(&mut values, &DType::F32, &options).unwrap();
    assert!(found.idle("data", &options).is_empty());
    options.mask_hot = false;
    let mut values = stack();
    values[(1, 2, 3)] = i32::MAX as f32;
    let said = cleaned(&mut values, &DType::F64, &options).err().unwrap();
    assert!(said.contains("2147483647 in pattern 1") && said.contains("in some patterns only"));
}

#[test]
fn a_camera_of_few_bits_may_saturate() {
    let mut values = stack();
    values[(2, 3, 4)] = 65535.0;
    let found = cleaned(&mut values, &DType::U16, &ReadOptions::default()).unwrap();
    assert!(found.good.is_none() && values[(2, 3, 4)] == 65535.0);
}
