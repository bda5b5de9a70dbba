//! Files that can be read but look wrong, after what users met: each is read with a remark, or
//! refused with what to say.

use lapwing_files::npy::{Array, Values};
use lapwing_files::options::{MaskGood, Quantity};
use lapwing_files::remarks::What;
use lapwing_files::{Dataset, ReadOptions, Understanding, dataset, npz};
use ndarray::Array3;
use std::path::Path;

const N: usize = 40;
const SIDE: usize = 24;

/// Counts of a round spot with chance in them.
fn counts() -> Array3<u32> {
    Array3::from_shape_fn((N, SIDE, SIDE), |(i, y, x)| {
        let square = (y as f64 - 12.0).powi(2) + (x as f64 - 12.0).powi(2);
        let light = 300.0 * (-square / 20.0).exp();
        let chance = ((i * 7919 + y * 104_729 + x * 1_299_709) % 1009) as f64 / 1009.0;
        (light + 2.0 * light.sqrt() * (chance - 0.5) + 0.5 * chance).round().max(0.0) as u32
    })
}

fn write(path: &Path, patterns: Array, positions: usize, others: Vec<(&str, Array)>) {
    let coordinate = |step: f64| -> Vec<f64> {
        (0..positions).map(|i| step * i as f64 + ((i * 37) % 11) as f64).collect()
    };
    let mut arrays = vec![
        ("diffraction", patterns),
        ("xcoords", Array::from(coordinate(0.3))),
        ("ycoords", Array::from(coordinate(-0.7))),
    ];
    arrays.extend(others);
    npz::write(path, &arrays).expect("a folder of its own can be written to");
}

fn read(
    patterns: Array,
    positions: usize,
    others: Vec<(&str, Array)>,
    options: &ReadOptions,
) -> Result<(Dataset, Understanding), String> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("scan.npz");
    write(&path, patterns, positions, others);
    dataset::read(&path, options).map_err(|error| error.to_string())
}

fn told(understood: &Understanding) -> Vec<What> {
    understood.remarks.iter().map(|remark| remark.what).collect()
}

#[test]
fn a_sound_scan_has_no_remark() {
    let (_, understood) = read(Array::from(&counts()), N, vec![], &ReadOptions::default()).unwrap();
    assert_eq!(told(&understood), []);
}

#[test]
fn lost_and_mad_patterns_are_told_whatever_the_unit() {
    let mut patterns = counts();
    patterns.slice_mut(ndarray::s![10..15, .., ..]).fill(0);
    for ((y, x), value) in patterns.index_axis_mut(ndarray::Axis(0), 30).indexed_iter_mut() {
        *value = ((y * 31 + x * 17) % 97 * 20) as u32;
    }
    for quantity in [None, Some(Quantity::Counts)] {
        let options = ReadOptions { quantity, ..ReadOptions::default() };
        let (_, understood) = read(Array::from(&patterns), N, vec![], &options).unwrap();
        assert_eq!(told(&understood), [What::LostPatterns, What::UnlikePatterns]);
        let [lost, mad] = &understood.remarks[..] else { panic!("two remarks") };
        assert_eq!((&lost.patterns[..], lost.certain), (&[10, 11, 12, 13, 14][..], true));
        assert_eq!((&mad.patterns[..], mad.certain), (&[30][..], true));
        assert!(lost.to_string().contains("10-14") && lost.to_string().contains("--faulty keep"));
    }
}

#[test]
fn a_pattern_far_too_bright_is_left_out_and_one_of_few_times_the_light_is_not() {
    let of = |factor: u32| {
        let mut patterns = counts();
        patterns.slice_mut(ndarray::s![30, .., ..]).mapv_inplace(|count| factor * count);
        let (_, understood) =
            read(Array::from(&patterns), N, vec![], &ReadOptions::default()).unwrap();
        let [bright] = &understood.remarks[..] else { panic!("{:?}", understood.remarks) };
        assert_eq!((bright.what, &bright.patterns[..]), (What::BrightPatterns, &[30][..]));
        bright.certain
    };
    assert_eq!([7, 30, 100].map(of), [false, true, true]);
}

#[test]
fn what_a_hot_pixel_shows_is_no_light() {
    let options = ReadOptions { quantity: Some(Quantity::Counts), ..ReadOptions::default() };
    let of = |every: usize, frames: std::ops::Range<usize>| {
        let mut patterns = counts();
        patterns.slice_mut(ndarray::s![frames, .., ..]).fill(0);
        patterns.slice_mut(ndarray::s![..;every, 3, 4]).fill(60_000);
        let (_, understood) = read(Array::from(&patterns), N, vec![], &options).unwrap();
        (told(&understood), understood.mean_counts_per_pattern.unwrap())
    };
    let sound = {
        let mut patterns = counts();
        patterns.slice_mut(ndarray::s![.., 3, 4]).fill(0);
        f64::from(patterns.sum()) / N as f64
    };
    for every in [1, 2] {
        let (remarks, mean) = of(every, 0..0);
        assert_eq!(remarks, [What::HotPixels], "{every}");
        assert!((mean / sound - 1.0).abs() < 1e-6, "{mean} {sound}");
    }
    // Nor are lost patterns of the scan.
    let (remarks, mean) = of(1, 10..15);
    assert_eq!(remarks, [What::LostPatterns, What::HotPixels]);
    assert!((mean / sound - 1.0).abs() < 0.01, "{mean} {sound}");
}

#[test]
fn exposures_that_repeat_to_the_last_count_are_told() {
    let mut patterns = counts();
    let stuck = patterns.index_axis(ndarray::Axis(0), 29).to_owned();
    patterns.slice_mut(ndarray::s![30..36, .., ..]).assign(&stuck);
    let options = ReadOptions { quantity: Some(Quantity::Counts), ..ReadOptions::default() };
    let (_, understood) = read(Array::from(&patterns), N, vec![], &options).unwrap();
    assert_eq!(told(&understood), [What::RepeatedPatterns]);
    let remark = &understood.remarks[0];
    assert_eq!(
        (remark.patterns.as_slice(), remark.certain),
        (&[30, 31, 32, 33, 34, 35][..], false)
    );
    assert!(remark.advice.contains("--leave-out-frames 30-35"), "{remark}");
}

#[test]
fn sentinels_go_to_the_mask() {
    let mut patterns = counts();
    patterns.slice_mut(ndarray::s![.., 5, ..]).fill(u32::MAX);
    let (dataset, understood) =
        read(Array::from(&patterns), N, vec![], &ReadOptions::default()).unwrap();
    assert_eq!(told(&understood), [What::Sentinels]);
    let bad = dataset.mask.unwrap().good().iter().filter(|&&good| !good).count();
    assert_eq!((bad, dataset.diffraction[(3, 5, 7)]), (SIDE, 0.0));
    // In some patterns only they may be anything.
    patterns[(0, 5, 5)] = 3;
    let refused = read(Array::from(&patterns), N, vec![], &ReadOptions::default()).unwrap_err();
    assert!(refused.contains("4294967295") && refused.contains("--mask-hot"), "{refused}");
    let options = ReadOptions { mask_hot: true, ..ReadOptions::default() };
    let (_, understood) = read(Array::from(&patterns), N, vec![], &options).unwrap();
    assert_eq!(told(&understood), [What::Cleaned]);
}

#[test]
fn numbers_under_the_mask_do_not_matter() {
    let mut patterns = counts().mapv(|count| (count as f32).sqrt());
    patterns.slice_mut(ndarray::s![.., 5, ..]).fill(f32::NAN);
    let refused = read(Array::from(&patterns), N, vec![], &ReadOptions::default()).unwrap_err();
    assert!(refused.contains("the same 24 pixels in every pattern"), "{refused}");
    let flags = (0..SIDE * SIDE).map(|pixel| pixel / SIDE != 5).collect();
    let mask = Array::new(vec![SIDE, SIDE], Values::Bool(flags)).unwrap();
    let read = read(Array::from(&patterns), N, vec![("mask", mask)], &ReadOptions::default());
    assert_eq!(told(&read.unwrap().1), []);
}

#[test]
fn a_mask_the_other_way_round_is_refused_until_its_meaning_is_said() {
    let flags = (0..SIDE * SIDE).map(|pixel| u8::from(pixel / SIDE != 5)).collect();
    let mask = Array::new(vec![SIDE, SIDE], Values::U8(flags)).unwrap();
    let with = |options: &ReadOptions| {
        read(Array::from(&counts()), N, vec![("mask", mask.clone())], options)
    };
    let refused = with(&ReadOptions::default()).unwrap_err();
    assert!(
        refused.contains("24 good of 576") && refused.contains("--mask-good-is 1"),
        "{refused}"
    );
    for (good, left) in [(MaskGood::One, 552), (MaskGood::Zero, 24)] {
        let options = ReadOptions { mask_good: Some(good), ..ReadOptions::default() };
        let (dataset, understood) = with(&options).unwrap();
        assert_eq!(dataset.mask.unwrap().good().iter().filter(|&&good| good).count(), left);
        assert_eq!(told(&understood).contains(&What::Mask), left == 24);
    }
}

#[test]
fn frames_that_are_left_out_need_no_position() {
    let mut options = ReadOptions::default();
    let refused = read(Array::from(&counts()), N - 2, vec![], &options).unwrap_err();
    assert!(refused.contains("--leave-out-frames"), "{refused}");
    options.experiment.patterns.leave_out_frames = vec![0, 7];
    let (dataset, _) = read(Array::from(&counts()), N - 2, vec![], &options).unwrap();
    assert_eq!(dataset.n_patterns(), N - 2);
    // The positions follow the frames that are left, in their order.
    let x: Vec<f64> = dataset.scan.iter().map(|at| at.x).collect();
    let expected: Vec<f64> = (0..N - 2).map(|i| 0.3 * i as f64 + ((i * 37) % 11) as f64).collect();
    assert_eq!(x, expected);
    let sums = dataset.pattern_sums();
    let (whole, _) = read(Array::from(&counts()), N, vec![], &ReadOptions::default()).unwrap();
    assert_eq!((sums[0], sums[6]), (whole.pattern_sums()[1], whole.pattern_sums()[8]));
}

#[test]
fn as_many_patterns_as_positions_or_the_first_ones_of_both() {
    let refused = read(Array::from(&counts()), N - 7, vec![], &ReadOptions::default()).unwrap_err();
    assert!(refused.contains("n = 33") && refused.contains("[40, 24, 24]"), "{refused}");
    assert!(refused.contains("--common"), "{refused}");
    let options = ReadOptions { common: true, ..ReadOptions::default() };
    for positions in [N - 7, N, N + 5] {
        let index = Array::from((0..positions as i64).collect::<Vec<_>>());
        let others = vec![("scan_index", index)];
        let (dataset, _) = read(Array::from(&counts()), positions, others, &options).unwrap();
        let n = N.min(positions);
        assert_eq!((dataset.n_patterns(), dataset.scan.len()), (n, n));
        assert_eq!(dataset.frames.unwrap().len(), n);
    }
}

/// Counts drawn of a dim spot, each by as many draws as stay above exp(-mean) when multiplied.
fn photons(light: f64) -> Array3<u32> {
    let mut state = 3_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bits = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (bits >> 33) as f64 / (1_u64 << 31) as f64
    };
    Array3::from_shape_fn((120, SIDE, SIDE), |(_, y, x)| {
        let square = (y as f64 - 12.0).powi(2) + (x as f64 - 12.0).powi(2);
        let least = (-light * (-square / 20.0).exp()).exp();
        let (mut count, mut product) = (0, draw());
        while product > least {
            (count, product) = (count + 1, product * draw());
        }
        count
    })
}

#[test]
fn few_photons_are_counts_and_other_whole_numbers_are_not() {
    let options = ReadOptions::default();
    let scale = |patterns: Array| {
        let (dataset, _) = read(patterns, 120, vec![], &options).unwrap();
        dataset.intensity_scale()
    };
    for light in [0.1, 1.0, 10.0] {
        let counts = photons(light);
        assert!(scale(Array::from(&counts)).is_some(), "{light}");
        assert!(scale(Array::from(&counts.mapv(|count| count as f32))).is_some(), "{light}");
        let roots = counts.mapv(|count| 0.7 * (count as f32).sqrt());
        assert!(scale(Array::from(&roots)).is_some(), "{light}");
        // What a detector makes of each, and amplitudes that were rounded.
        let adu = counts.mapv(|count| (2.7 * count as f32).round());
        assert_eq!(scale(Array::from(&adu)), None, "{light}");
    }
    let rounded = photons(30.0).mapv(|count| (1.3 * (count as f32).sqrt()).round());
    assert_eq!(scale(Array::from(&rounded)), None);
}

#[test]
fn a_dark_level_is_told_whatever_the_numbers_were_taken_for() {
    let written = photons(10.0).mapv(|count| count + 100);
    let floats = written.mapv(|number| number as f32);
    for (patterns, typed) in [
        (Array::from(&written), "(--dark-level 100)"),
        (Array::from(&floats), "(--dark-level 100 --quantity counts)"),
    ] {
        let (_, understood) = read(patterns, 120, vec![], &ReadOptions::default()).unwrap();
        let dark = understood.remarks.iter().find(|remark| remark.what == What::DarkLevel);
        assert!(dark.is_some_and(|remark| remark.advice.contains(typed)), "{dark:?}");
    }
}
