//! The rules of the dialects: what is refused, with all problems at once, and what the user may
//! say.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::path::Path;

use lapwing_files::npy::Array;
use lapwing_files::options::{AxisOrder, CoordinateOrder, Quantity, ZeroFrequency};
use lapwing_files::{Dataset, Error, Problem, ReadOptions, Understanding, dataset, npz};
use lapwing_model::{Complex32, Position};
use ndarray::{Array1, Array2, Array3, Axis};
use serde_json::json;

type Arrays = Vec<(&'static str, Array)>;

/// Four patterns of 4 x 6 pixels on an object of 10 x 12.
fn sound() -> Arrays {
    let amplitude = Array3::from_shape_fn((4, 4, 6), |(i, j, k)| (i + j + k) as f32 / 10.0);
    vec![
        ("diffraction", Array::from(&amplitude)),
        ("objectGuess", Array::from(&Array2::from_elem((10, 12), Complex32::ONE))),
        ("probeGuess", Array::from(&Array2::from_elem((4, 6), Complex32::I))),
        ("xcoords", Array::from(vec![3.0, 4.5, 5.0, 8.0])),
        ("ycoords", Array::from(vec![2.0, 3.5, 6.0, 8.0])),
    ]
}

/// The sound arrays, some of them replaced, added, or (when `None`) left out.
fn altered(changes: Vec<(&'static str, Option<Array>)>) -> Arrays {
    let mut arrays = sound();
    for (name, change) in changes {
        arrays.retain(|(other, _)| *other != name);
        arrays.extend(change.map(|array| (name, array)));
    }
    arrays
}

fn read_with(arrays: &Arrays, options: &ReadOptions) -> Result<(Dataset, Understanding), Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.npz");
    npz::write(&path, arrays).unwrap();
    dataset::read(&path, options)
}

fn read(arrays: &Arrays) -> Result<(Dataset, Understanding), Error> {
    read_with(arrays, &ReadOptions::default())
}

fn problems(arrays: &Arrays) -> Vec<Problem> {
    match read(arrays) {
        Err(Error::Contract { problems, .. }) => problems,
        other => panic!("expected a broken contract, found {other:?}"),
    }
}

fn keys(arrays: &Arrays) -> Vec<String> {
    problems(arrays).into_iter().map(|problem| problem.key).collect()
}

fn numbers(shape: (usize, usize, usize), value: f32) -> Array {
    Array::from(&Array3::from_elem(shape, value))
}

#[test]
fn a_sound_file_is_read_as_it_is() {
    let (data, understood) = read(&sound()).unwrap();
    assert_eq!(understood.notes, Vec::<String>::new());
    assert_eq!(data.scan[1], Position { y: 3.5, x: 4.5 });
    assert_eq!(data.diffraction[[3, 2, 1]], 0.6);
    assert_eq!((data.counts(), data.metadata), (None, None));
    let names: Vec<_> =
        understood.arrays.iter().map(|info| (info.name.as_str(), info.dtype.as_str())).collect();
    assert_eq!(names[..2], [("diffraction", "float32"), ("objectGuess", "complex64")]);
    let json = serde_json::to_value(&understood).unwrap();
    assert_eq!(json["axis_order"], "(n, H, W)");
    assert_eq!(json["pattern_shape"], serde_json::json!([4, 6]));
}

#[test]
fn every_problem_of_a_file_is_reported_at_once() {
    let real_object = Array::from(&Array2::<f64>::ones((10, 12)));
    let wrong_probe = Array::from(&Array2::from_elem((5, 6), Complex32::ONE));
    let arrays = altered(vec![
        ("diffraction", Some(numbers((4, 4, 6), -1.0))),
        ("objectGuess", Some(real_object)),
        ("probeGuess", Some(wrong_probe)),
        ("ycoords", Some(Array::from(vec![2.0, f64::NAN, 6.0, 8.0]))),
        ("scan_index", Some(Array::from(vec![1_i64, 2]))),
    ]);
    // The patterns themselves are refused, so the probe has nothing to be compared with.
    assert_eq!(keys(&arrays), ["objectGuess", "diffraction", "ycoords"]);
    let arrays = altered(vec![
        ("probeGuess", Some(Array::from(&Array2::from_elem((5, 6), Complex32::ONE)))),
        ("ycoords", Some(Array::from(vec![2.0, f64::NAN, 6.0, 9.0]))),
        ("scan_index", Some(Array::from(vec![1_i64, 2]))),
    ]);
    assert_eq!(keys(&arrays), ["ycoords", "probeGuess", "xcoords, ycoords", "scan_index"]);
    let message = read(&arrays).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 5, "{message}");
    assert!(message.contains("1 of 4 off the object, the first at index 3"), "{message}");
}

#[test]
fn each_problem_says_what_was_expected_and_found() {
    let complex = Array::from(&Array3::from_elem((4, 4, 6), Complex32::ONE));
    for (name, replacement, key, found) in [
        ("diffraction", Some(complex), "diffraction", "complex64"),
        ("diffraction", Some(numbers((4, 4, 6), f32::INFINITY)), "diffraction", "inf in pattern 0"),
        ("diffraction", Some(numbers((5, 4, 6), 1.0)), "diffraction", "[5, 4, 6]"),
        ("diffraction", Some(Array::from(&Array2::<f32>::ones((4, 24)))), "diffraction", "[4, 24]"),
        ("diffraction", Some(Array::text("x")), "diffraction", "<U1"),
        ("diffraction", None, "diffraction", "objectGuess"),
        ("xcoords", None, "xcoords", "nothing"),
        ("xcoords", Some(Array::from(vec![1.0; 5])), "xcoords", "(5,)"),
        ("xcoords", Some(Array::from(vec![Complex32::ONE; 4])), "xcoords", "complex64"),
        ("xcoords", Some(Array::from(&Array2::<f64>::ones((4, 1)))), "xcoords", "[4, 1]"),
        (
            "objectGuess",
            Some(Array::from(&Array2::from_elem((10, 12), Complex32::new(0.0, f32::NAN)))),
            "objectGuess",
            "120",
        ),
        (
            "objectGuess",
            Some(Array::from(&Array3::from_elem((1, 10, 12), Complex32::ONE))),
            "objectGuess",
            "[1, 10, 12]",
        ),
        ("probeGuess", Some(Array::from(&Array2::<f32>::ones((4, 6)))), "probeGuess", "float32"),
        ("Y", Some(numbers((3, 4, 6), 1.0)), "Y", "[3, 4, 6]"),
    ] {
        let arrays = altered(vec![(name, replacement)]);
        let problems = problems(&arrays);
        let problem = problems
            .iter()
            .find(|problem| problem.key == key)
            .unwrap_or_else(|| panic!("{problems:?}"));
        assert!(problem.found.contains(found), "{problem}");
    }
}

#[test]
fn slices_are_those_of_the_object_beside_them() {
    let object = Array2::from_shape_fn((10, 12), |(y, x)| {
        Complex32::from_polar(1.0 - 0.02 * y as f32, 0.05 * x as f32)
    });
    let other = Array2::from_shape_fn((10, 12), |(y, x)| {
        Complex32::from_polar(0.9, 0.03 * y as f32 - 0.02 * x as f32)
    });
    let slices = ndarray::stack![Axis(0), object, other];
    let with = |product: &Array2<Complex32>| {
        altered(vec![
            ("objectGuess", Some(Array::from(product))),
            ("objectSlices", Some(Array::from(&slices))),
        ])
    };
    let right = with(&(&object * &other));
    let (data, _) = read(&right).unwrap();
    assert_eq!(data.object.unwrap().slices(), slices);
    assert!(data.extras.iter().all(|(name, _)| name != "objectSlices"));
    // Of an object that was changed since, nobody knows which of the two is meant.
    assert_eq!(keys(&with(&object)), ["objectSlices"]);
    let left_out =
        ReadOptions { leave_out: vec!["objectSlices".to_owned()], ..ReadOptions::default() };
    let (thin, _) = read_with(&with(&object), &left_out).unwrap();
    assert_eq!(thin.object, Some(object.into()));
    let neither =
        ReadOptions { leave_out: vec!["objectGuess".to_owned()], ..ReadOptions::default() };
    assert_eq!(read_with(&right, &neither).unwrap().0.object, None);
}

#[test]
fn an_empty_scan_is_refused() {
    let arrays = altered(vec![
        ("diffraction", Some(numbers((0, 4, 6), 1.0))),
        ("xcoords", Some(Array::from(Vec::<f64>::new()))),
        ("ycoords", Some(Array::from(Vec::<f64>::new()))),
    ]);
    assert_eq!(keys(&arrays), ["diffraction", "xcoords"]);
}

#[test]
fn other_widths_and_kinds_of_probes_are_converted() {
    use num_complex::Complex64;
    let modes = Array3::from_shape_fn((2, 4, 6), |(m, y, x)| {
        Complex64::new((100 * m + 10 * y + x) as f64, 1.0)
    });
    let column =
        Array3::from_shape_fn((4, 6, 1), |(y, x, _)| Complex32::new((10 * y + x) as f32, 1.0));
    let arrays = altered(vec![
        ("probeGuess", Some(Array::from(&modes))),
        ("diffraction", Some(Array::from(&Array3::from_elem((4, 4, 6), 0.25_f64)))),
        ("xcoords", Some(Array::from(vec![3.0_f32, 4.5, 5.0, 8.0]))),
    ]);
    let (data, understood) = read(&arrays).unwrap();
    assert_eq!(data.probe.unwrap()[[1, 2, 3]], Complex32::new(123.0, 1.0));
    assert_eq!((data.diffraction[[0, 0, 0]], data.scan[1].x), (0.25, 4.5));
    assert_eq!(understood.notes.len(), 2, "{:?}", understood.notes);
    let (data, _) = read(&altered(vec![("probeGuess", Some(Array::from(&column)))])).unwrap();
    assert_eq!(data.probe.as_ref().unwrap().dim(), (1, 4, 6));
    assert_eq!(data.probe.unwrap()[[0, 2, 3]], Complex32::new(23.0, 1.0));
}

#[test]
fn diff3d_has_three_meanings() {
    let with = |array: Array| altered(vec![("diffraction", None), ("diff3d", Some(array))]);
    let quantity = |arrays: &Arrays| {
        read(arrays).map(|(_, understood)| (understood.dialect.name(), understood.quantity))
    };
    let amplitude = with(numbers((4, 4, 6), 0.5));
    assert_eq!(quantity(&amplitude).unwrap(), ("diff3d", Quantity::Amplitude));
    let intensity = with(Array::from(&Array3::from_elem((4, 4, 6), 9_u16)));
    let (data, understood) = read(&intensity).unwrap();
    assert_eq!((understood.quantity, data.diffraction[[1, 1, 1]]), (Quantity::Intensity, 3.0));
    assert!(
        understood.notes.iter().any(|note| note.contains("square root")),
        "{:?}",
        understood.notes
    );
    // What was converted is part of the history of what is written next; what was not leaves no
    // trace.
    let history = &data.metadata.unwrap()["data_transformations"];
    assert_eq!(history.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&history[0]["operation"], &history[0]["parameters"]["quantity"]),
        (&json!("read"), &json!("intensity"))
    );
    assert_eq!(read(&amplitude).unwrap().0.metadata, None);

    // Whole floating-point numbers may be anything.
    let whole = with(numbers((4, 4, 6), 9.0));
    assert!(matches!(read(&whole), Err(Error::Ambiguous { .. })));
    for (quantity, value, scale) in [
        (Quantity::Amplitude, 9.0, None),
        (Quantity::Intensity, 3.0, None),
        (Quantity::Counts, 3.0 / 216.0_f32.sqrt(), Some(216.0_f64.sqrt())),
    ] {
        let options = ReadOptions { quantity: Some(quantity), ..ReadOptions::default() };
        let (data, understood) = read_with(&whole, &options).unwrap();
        assert_eq!(understood.quantity, quantity);
        assert!((data.diffraction[[0, 0, 0]] - value).abs() < 1e-6);
        assert_eq!(data.intensity_scale(), scale);
    }
}

#[test]
fn a_cube_is_ambiguous_until_its_layout_is_given() {
    let cube = Array::from(&Array3::from_shape_fn((4, 4, 4), |(i, j, k)| {
        (16 * i + 4 * j + k) as f32 / 64.0
    }));
    let probe = Array::from(&Array2::from_elem((4, 4), Complex32::ONE));
    let arrays = altered(vec![("diffraction", Some(cube)), ("probeGuess", Some(probe))]);
    let message = read(&arrays).unwrap_err().to_string();
    assert!(message.contains("ambiguous") && message.contains("axis order"), "{message}");

    let told = |order| ReadOptions { axis_order: Some(order), ..ReadOptions::default() };
    let (first, _) = read_with(&arrays, &told(AxisOrder::PatternFirst)).unwrap();
    let (last, _) = read_with(&arrays, &told(AxisOrder::PatternLast)).unwrap();
    assert_eq!(first.diffraction[[1, 2, 3]], 27.0 / 64.0);
    assert_eq!(last.diffraction[[3, 1, 2]], 27.0 / 64.0);

    // The metadata of a tool that follows the contract say enough.
    let generator = Array::text(r#"{"schema_version": "1.0"}"#);
    let (data, understood) = read(&[arrays, vec![("_metadata", generator)]].concat()).unwrap();
    assert_eq!(data.diffraction, first.diffraction);
    assert_eq!(understood.notes.len(), 1);
}

#[test]
fn overrides_are_obeyed_and_noted() {
    let options = ReadOptions {
        zero_frequency: Some(ZeroFrequency::Corner),
        coordinate_order: Some(CoordinateOrder::ColumnRow),
        flip_x: true,
        leave_out: vec!["objectGuess".into()],
        ..ReadOptions::default()
    };
    let (data, understood) = read_with(&sound(), &options).unwrap();
    // At (3.5, 4.5) under patterns of 4 x 6, whose object pixels are 6 : 4: (21, 18) as lengths.
    assert_eq!(data.scan[1], Position { y: 3.0, x: -5.25 });
    assert_eq!(data.diffraction[[1, 2, 3]], 0.1, "what was in the corner is in the centre");
    assert_eq!((data.object, understood.zero_frequency), (None, ZeroFrequency::Corner));
    assert_eq!(understood.notes.len(), 5, "{:?}", understood.notes);
    assert_eq!("corner".parse(), Ok(ZeroFrequency::Corner));
    assert_eq!("hwn".parse(), Ok(AxisOrder::PatternLast));
    assert!("diagonal".parse::<AxisOrder>().unwrap_err().contains("(n, H, W) or (H, W, n)"));
}

/// Positions that are passed over are not read: others take their place, or they are missed.
#[test]
fn positions_that_are_left_out_are_not_taken() {
    let without = |names: &[&str]| {
        let leave_out = names.iter().map(|name| (*name).to_owned()).collect();
        ReadOptions { leave_out, ..ReadOptions::default() }
    };
    for names in [&["xcoords", "ycoords"][..], &["xcoords"], &["ycoords"]] {
        let told = read_with(&sound(), &without(names)).unwrap_err().to_string();
        let found = told.matches("found left out, as specified").count();
        assert_eq!(found, names.len(), "{told}");
        assert!(names.iter().all(|name| told.contains(&format!("{name}: expected"))), "{told}");
    }
    let mut options = without(&["xcoords", "ycoords"]);
    options.pixel_size = Some(1e-8);
    options.leave_out.push("objectGuess".to_owned());
    options.experiment.scan.shape = Some((2, 2));
    options.experiment.scan.step_m = Some((2e-8, 3e-8));
    let (data, _) = read_with(&sound(), &options).unwrap();
    let (dy, dx) = (data.scan[1].y - data.scan[0].y, data.scan[1].x - data.scan[0].x);
    assert!(dy == 0.0 && (dx - 3.0).abs() < 1e-9, "{dy} {dx}");
}

#[test]
fn tike_files_are_checked_too() {
    let tike = |scan: Array1<f32>| -> Arrays {
        let scan = scan.into_shape_with_order((1, 2, 2)).unwrap();
        let data = ndarray::Array4::from_elem((1, 2, 4, 6), 2.0_f32);
        let psi = Array3::from_elem((1, 10, 12), Complex32::ONE);
        vec![("data", Array::from(&data)), ("scan", Array::from(&scan)), ("psi", Array::from(&psi))]
    };
    let (data, understood) = read(&tike(Array1::from(vec![0.0, 0.0, 6.0, 5.5]))).unwrap();
    assert_eq!(data.scan, [Position { y: 2.0, x: 3.0 }, Position { y: 8.0, x: 8.5 }]);
    assert_eq!(understood.mean_counts_per_pattern.map(|mean| (mean * 1e3).round()), Some(48_000.0));
    let message = read(&tike(Array1::from(vec![0.0, 0.0, 7.0, f32::NAN]))).unwrap_err().to_string();
    assert!(message.contains("scan: expected finite numbers"), "{message}");
    let message = read(&tike(Array1::from(vec![0.0, -1.0, 7.0, 0.0]))).unwrap_err().to_string();
    assert!(message.contains("scan") && message.contains("2 of 2"), "{message}");
    let views = ndarray::Array4::from_elem((3, 2, 4, 6), 2.0_f32);
    let arrays =
        vec![("data", Array::from(&views)), ("scan", Array::from(&Array2::<f32>::zeros((2, 2))))];
    assert!(read(&arrays).unwrap_err().to_string().contains("[3, 2, 4, 6]"));
}

#[test]
fn a_base_needs_no_patterns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.npz");
    let base = |arrays: Arrays| {
        npz::write(&path, &arrays).unwrap();
        dataset::read_base(&path)
    };
    let read = base(altered(vec![("diffraction", None)])).unwrap();
    assert_eq!(
        (read.object.shape(), read.probe.dim(), read.scan.unwrap().len()),
        ((10, 12), (1, 4, 6), 4)
    );
    let without = base(altered(vec![("xcoords", None), ("ycoords", None)])).unwrap();
    assert!(without.scan.is_none());
    let message =
        base(altered(vec![("objectGuess", None), ("ycoords", None)])).unwrap_err().to_string();
    assert!(message.contains("objectGuess") && message.contains("ycoords"), "{message}");
}

#[test]
fn what_breaks_the_contract_is_not_written() {
    let (mut data, _) = read(&sound()).unwrap();
    data.scan.pop();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npz");
    assert!(matches!(data.write(&path), Err(Error::Contract { .. })));
    assert!(!path.exists());
}

#[test]
fn missing_files_and_folders_are_named() {
    for path in ["/no/such/file.npz", "/tmp"] {
        let error = dataset::read(Path::new(path), &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(path), "{error}");
    }
}

mod counts {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Stored as f32 amplitudes of any scale, whole counts come back exactly.
        #[test]
        fn whole_counts_are_restored_exactly(
            counts in prop::collection::vec(0..1_000_000_u32, 24),
            factor in 0.01..100.0_f64,
        ) {
            let stack = Array3::from_shape_vec((1, 4, 6), counts.iter().map(|&c| c as f32).collect()).unwrap();
            let (_, scale) = Dataset::amplitudes(stack.clone());
            let scale = scale * factor;
            let amplitude = stack.mapv(|count| (f64::from(count).sqrt() / scale) as f32);
            let (mut data, _) = read(&sound()).unwrap();
            data.diffraction = amplitude.into();
            let mut metadata = lapwing_files::Metadata::new();
            lapwing_files::metadata::set_physics_parameter(&mut metadata, "intensity_scale", scale);
            data.metadata = Some(metadata);
            prop_assert_eq!(data.counts().unwrap(), stack);
        }

        /// Noise-free intensities are not rounded to whole numbers.
        #[test]
        fn other_intensities_stay(intensity in 0.0..1000.0_f32) {
            prop_assume!((intensity - intensity.round()).abs() > 2e-3);
            let (mut data, _) = read(&sound()).unwrap();
            data.diffraction.values_mut().fill(intensity.sqrt() / 7.0);
            let mut metadata = lapwing_files::Metadata::new();
            lapwing_files::metadata::set_physics_parameter(&mut metadata, "intensity_scale", 7.0);
            data.metadata = Some(metadata);
            let found = data.counts().unwrap()[[0, 0, 0]];
            prop_assert!((found / intensity - 1.0).abs() < 1e-6);
        }
    }
}
