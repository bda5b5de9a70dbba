//! Files that NumPy made (see make_fixtures.py) read back equal, in every encoding of the field.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::io::Write;
use std::path::PathBuf;

use lapwing_files::npy::{Array, DType, Values};
use lapwing_files::options::{AxisOrder, Quantity, ZeroFrequency};
use lapwing_files::{Archive, Dataset, ReadOptions, dataset, metadata};
use lapwing_model::{Complex32, Object, Position};
use ndarray::{Array3, Ix2, Ix3};

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect()
}

/// The values by the rule of make_fixtures.py, element k in C order.
fn rule(code: &str, count: usize) -> Values {
    let k = || 0..count as i32;
    let float = |k: i32| f64::from(k - 5) / 4.0;
    let signed = |k: i32| k * 5 - 23;
    let unsigned = |k: i32| k * 7 % 251;
    match code {
        "?" => Values::Bool(k().map(|k| k % 3 == 0).collect()),
        "i1" => Values::I8(k().map(|k| signed(k) as i8).collect()),
        "i2" => Values::I16(k().map(|k| signed(k) as i16).collect()),
        "i4" => Values::I32(k().map(signed).collect()),
        "i8" => Values::I64(k().map(|k| signed(k).into()).collect()),
        "u1" => Values::U8(k().map(|k| unsigned(k) as u8).collect()),
        "u2" => Values::U16(k().map(|k| unsigned(k) as u16).collect()),
        "u4" => Values::U32(k().map(|k| unsigned(k) as u32).collect()),
        "u8" => Values::U64(k().map(|k| unsigned(k) as u64).collect()),
        "f4" => Values::F32(k().map(|k| float(k) as f32).collect()),
        "f8" => Values::F64(k().map(float).collect()),
        "c8" => Values::C64(k().map(|k| Complex32::new(float(k) as f32, k as f32)).collect()),
        "c16" => {
            Values::C128(k().map(|k| num_complex::Complex64::new(float(k), k.into())).collect())
        }
        other => panic!("no rule for {other}"),
    }
}

fn check(array: &Array, code: &str, count: usize, name: &str) {
    match code {
        "f2" => {
            assert_eq!(array.dtype(), DType::F16, "{name}");
            let expected: Vec<f64> = (0..count).map(|k| (k as f64 - 5.0) / 4.0).collect();
            assert_eq!(array.to_f64().unwrap(), expected, "{name}");
        }
        "U6" => {
            let expected: Vec<String> = (0..count).map(|k| format!("é{k}π")).collect();
            assert_eq!(
                (array.dtype(), array.to_strings().unwrap()),
                (DType::Text(6), expected),
                "{name}"
            );
        }
        "S4" => {
            let expected: Vec<String> = (0..count).map(|k| format!("b{k}")).collect();
            assert_eq!(
                (array.dtype(), array.to_strings().unwrap()),
                (DType::Bytes(4), expected),
                "{name}"
            );
        }
        code => assert_eq!(array.values(), &rule(code, count), "{name}"),
    }
}

#[test]
fn every_dtype_in_both_byte_orders_and_both_memory_orders() {
    for file in ["arrays_stored.npz", "arrays_deflated.npz"] {
        let archive = Archive::open(fixture(file)).unwrap();
        let mut checked = 0;
        for code in [
            "?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16",
            "U6", "S4",
        ] {
            for side in ["le_c", "le_f", "be_c", "be_f"] {
                let name = format!("{code}_{side}");
                let array = archive.read(&name).unwrap();
                assert_eq!(array.shape(), [2, 3, 4], "{name}");
                check(&array, code, 24, &name);
                checked += 1;
            }
            let scalar = archive.read(&format!("{code}_0d")).unwrap();
            assert_eq!(scalar.shape(), [0_usize; 0]);
            check(&scalar, code, 1, code);
            let empty = archive.read(&format!("{code}_empty")).unwrap();
            assert_eq!(empty.shape(), [0, 3]);
            check(&empty, code, 0, code);
        }
        assert_eq!(checked, 64);
        for version in 1..=3 {
            check(&archive.read(&format!("version{version}")).unwrap(), "f4", 5, "version");
        }
        assert_eq!(archive.header("f8_be_f").unwrap().dtype_name(), ">f8");
        assert!(archive.header("f8_be_f").unwrap().fortran_order);
        let record = archive.read("record").unwrap();
        assert_eq!((record.shape(), record.dtype().width()), ([3].as_slice(), 8 + 3 + 4));
        assert!(record.dtype().to_string().contains("größe"));
        let Values::Raw { bytes, .. } = archive.read("date").unwrap().into_values() else {
            panic!("no dates")
        };
        assert_eq!(bytes[..8], 20_455_i64.to_le_bytes(), "2026-01-02 is day 20,455 of the epoch");
    }
}

#[test]
fn descriptors_zip64_fields_and_strangers() {
    let expected = rule("f8", 15);
    for file in ["descriptors_stored.npz", "descriptors_deflated.npz"] {
        let archive = Archive::open(fixture(file)).unwrap();
        for name in ["a", "b"] {
            assert_eq!(archive.read(name).unwrap().values(), &expected, "{file} {name}");
        }
    }
    let archive = Archive::open(fixture("strangers.npz")).unwrap();
    assert_eq!(archive.names().collect::<Vec<_>>(), ["a", "group/b"]);
    assert_eq!(archive.strangers(), ["README.txt", "plots/", "plots/x.png"]);
    assert_eq!(archive.read("group/b").unwrap().values(), &expected);
}

#[test]
fn metadata_in_every_encoding() {
    let text = std::fs::read_to_string(fixture("metadata.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = Archive::open(fixture("metadata.npz")).unwrap();
    let mut pickled = 0;
    for name in all.names() {
        let Values::U8(bytes) = all.read(name).unwrap().into_values() else { panic!("no bytes") };
        let archive = Archive::from_bytes(bytes, name).unwrap();
        let read =
            metadata::read(&archive).unwrap_or_else(|error| panic!("{name}: {error}")).unwrap();
        // Key order counts as well, so the texts are compared, in which 64 and 64.0 would differ.
        assert_eq!(
            serde_json::Value::Object(read.clone()).to_string(),
            expected.to_string(),
            "{name}"
        );
        assert_eq!(metadata::intensity_scale(&read), Some(988.211666), "{name}");
        assert_eq!(metadata::nphotons(&read), Some(1e9), "{name}");
        pickled += usize::from(archive.header("_metadata").unwrap().dtype == DType::Object);
    }
    assert_eq!((all.names().count(), pickled), (9 + 6 * (11 + 3) + 1, 6 * 14 + 1));
}

#[test]
fn absent_metadata_are_absent() {
    assert!(metadata::read(&Archive::open(fixture("strangers.npz")).unwrap()).unwrap().is_none());
}

struct Expected {
    counts: Array3<f32>,
    amplitude: Array3<f32>,
    scale: f64,
    x: Vec<f64>,
    y: Vec<f64>,
    object: Object,
    probe: Array3<Complex32>,
}

fn expected() -> Expected {
    let archive = Archive::open(fixture("expected.npz")).unwrap();
    let array = |name: &str| archive.read(name).unwrap();
    Expected {
        counts: array("counts").into_f32_array::<Ix3>().unwrap(),
        amplitude: array("amplitude").into_f32_array::<Ix3>().unwrap(),
        scale: array("scale").to_f64().unwrap()[0],
        x: array("x").to_f64().unwrap(),
        y: array("y").to_f64().unwrap(),
        object: array("object").into_complex32_array::<Ix2>().unwrap().into(),
        probe: array("probe").into_complex32_array::<Ix3>().unwrap(),
    }
}

fn assert_close(found: &Array3<f32>, expected: &Array3<f32>, tolerance: f32) {
    assert_eq!(found.shape(), expected.shape());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "worst difference {worst}");
}

#[test]
fn a_study_file() {
    let expected = expected();
    let (data, understood) = dataset::read(fixture("study.npz"), &ReadOptions::default()).unwrap();
    assert_eq!((understood.dialect.name(), understood.quantity), ("study", Quantity::Amplitude));
    assert_eq!(understood.axis_order, AxisOrder::PatternFirst);
    assert_eq!((understood.n_patterns, understood.pattern_shape), (7, (6, 8)));
    let mean = expected.counts.sum() / 7.0;
    assert!((understood.mean_counts_per_pattern.unwrap() / f64::from(mean) - 1.0).abs() < 1e-6);
    assert_close(&data.diffraction.to_array(), &expected.amplitude, 1e-7);
    assert_eq!(data.counts().unwrap(), expected.counts, "whole counts are restored exactly");
    assert_eq!(
        (data.object.as_ref(), data.probe.as_ref()),
        (Some(&expected.object), Some(&expected.probe))
    );
    assert_eq!(data.scan.iter().map(|p| p.x).collect::<Vec<_>>(), expected.x);
    assert_eq!(data.scan.iter().map(|p| p.y).collect::<Vec<_>>(), expected.y);
    let extra = |name: &str| &data.extras.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(extra("filenames").to_strings().unwrap()[6], "f6.tif", "objects became text");
    assert!(understood.notes.iter().any(|note| note.contains("filenames")), "and that is said");

    let half = data.select(&[5, 1]).unwrap();
    assert_eq!(half.n_patterns(), 2);
    assert_eq!(half.scan, [data.scan[5], data.scan[1]]);
    let extra = |name: &str| &half.extras.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(extra("filenames").to_strings().unwrap(), ["f5.tif", "f1.tif"]);
    assert_eq!(half.frames.as_deref(), Some(&[5, 1][..]));
    assert_eq!(extra("Y").shape(), [2, 6, 8]);
    assert_eq!(extra("pixel_size").shape(), [0_usize; 0]);
}

#[test]
fn intensity_in_the_order_height_width_pattern() {
    let expected = expected();
    let (data, understood) = dataset::read(fixture("hwn.npz"), &ReadOptions::default()).unwrap();
    assert_eq!((understood.dialect.name(), understood.quantity), ("diff3d", Quantity::Intensity));
    assert_eq!(understood.axis_order, AxisOrder::PatternLast);
    // The unit of the intensity is not in the file, but it is whole numbers of something.
    let mean = expected.counts.mapv(f64::from).sum() / expected.counts.dim().0 as f64;
    assert!((understood.mean_counts_per_pattern.unwrap() / mean - 1.0).abs() < 1e-6);
    assert!(understood.notes.iter().any(|note| note.contains("photon counts")));
    assert_close(&data.diffraction.to_array(), &expected.counts.mapv(f32::sqrt), 0.0);
    assert_eq!(data.probe.unwrap().dim(), (1, 6, 8));
    let patches =
        data.extras.iter().find(|(n, _)| n == "Y").unwrap().1.clone().into_complex32().unwrap();
    assert!(patches.iter().enumerate().all(|(index, value)| value.re == index as f32));

    let counts = ReadOptions { quantity: Some(Quantity::Counts), ..ReadOptions::default() };
    let (data, understood) = dataset::read(fixture("hwn.npz"), &counts).unwrap();
    assert_eq!(understood.quantity, Quantity::Counts);
    assert_eq!(data.counts().unwrap(), expected.counts);
    assert_close(&data.diffraction.to_array(), &expected.amplitude, 1e-7);
}

#[test]
fn a_tike_file() {
    let expected = expected();
    let (data, understood) = dataset::read(fixture("tike.npz"), &ReadOptions::default()).unwrap();
    assert_eq!((understood.dialect.name(), understood.quantity), ("tike", Quantity::Counts));
    assert_eq!(understood.zero_frequency, ZeroFrequency::Corner);
    assert_close(&data.diffraction.to_array(), &expected.amplitude, 1e-7);
    assert_eq!(data.counts().unwrap(), expected.counts);
    assert!((data.intensity_scale().unwrap() / expected.scale - 1.0).abs() < 1e-12);
    assert!((data.mean_intensity() - f64::from(expected.counts.sum()) / 7.0).abs() < 1e-3);
    assert_eq!(data.object.as_ref(), Some(&expected.object));
    for (position, (y, x)) in data.scan.iter().zip(expected.y.iter().zip(&expected.x)) {
        assert!((position.y - y).abs() < 1e-12 && (position.x - x).abs() < 1e-12);
    }
    let ratio = data.probe.as_ref().unwrap()[[1, 2, 3]] / expected.probe[[1, 2, 3]];
    assert!((f64::from(ratio.re) * expected.scale - 1.0).abs() < 1e-5 && ratio.im.abs() < 1e-6);
    let history = &data.metadata.as_ref().unwrap()["data_transformations"][0];
    assert_eq!(
        (history["tool"].as_str(), history["parameters"]["dialect"].as_str()),
        (Some("lapwing"), Some("tike"))
    );

    let options =
        ReadOptions { leave_out: vec!["psi".into()], flip_y: true, ..ReadOptions::default() };
    let (flipped, _) = dataset::read(fixture("tike.npz"), &options).unwrap();
    assert!(flipped.object.is_none());
    assert!((flipped.scan[0].y - (3.0 - (expected.y[0] - 3.0))).abs() < 1e-12);
}

#[test]
fn the_siemens_star_scan() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "..", "shared", "data", "siemens-star-tike.npz"]
            .iter()
            .collect();
    if !path.exists() {
        // Past the capture of the test harness, which hides what a passing test prints.
        let mut terminal = std::io::stderr();
        writeln!(terminal, "SKIPPED the_siemens_star_scan: {} is not there", path.display())
            .unwrap();
        return;
    }
    let (data, understood) = dataset::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((data.n_patterns(), data.pattern_shape()), (516, (128, 128)));
    assert_eq!(understood.quantity, Quantity::Counts);
    // Published with the file: 461,213 photons per frame on average, at most 963 in a pixel.
    assert_eq!(understood.mean_counts_per_pattern.unwrap().round(), 461_213.0);
    let counts = data.counts().unwrap();
    assert_eq!(counts.iter().copied().fold(0.0, f32::max), 963.0);
    assert!(counts.iter().all(|count| count.fract() == 0.0));
    assert!(data.object.is_none());
    let centre: f32 = counts.slice(ndarray::s![.., 32..96, 32..96]).sum();
    assert!(centre > 0.9 * counts.sum(), "the bright field is in the centre now");
}

#[test]
fn what_is_written_reads_back_equal() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["study.npz", "tike.npz", "hwn.npz"] {
        let (first, _) = dataset::read(fixture(file), &ReadOptions::default()).unwrap();
        let path = folder.path().join(file);
        first.write(&path).unwrap();
        let (second, understood) = dataset::read(&path, &ReadOptions::default()).unwrap();
        assert_eq!(understood.dialect, "study");
        let parts = |d: &Dataset| {
            (
                d.diffraction.to_array(),
                d.scan.clone(),
                d.object.clone(),
                d.probe.clone(),
                d.metadata.clone(),
                d.extras.clone(),
            )
        };
        assert_eq!(parts(&first), parts(&second), "{file}");
    }
}

#[test]
fn what_is_written_takes_the_place_of_arrays_beside_what_was_read() {
    use lapwing_files::dataset::Form;
    let scan: Vec<Position> = (0..3).map(|i| Position { y: f64::from(i), x: 0.5 }).collect();
    let form = Form { quantity: Quantity::Counts, zero_frequency: ZeroFrequency::Centre };
    let counts = Array3::ones((3, 4, 6));
    let mut dataset = Dataset::from_patterns(counts, form, scan, None, None, None).unwrap();
    let other = |name: &str| (name.to_owned(), Array::from(vec![7.0, 7.0, 7.0]));
    dataset.extras = ["xcoords", "note"].map(other).to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.npz");
    dataset.write(&path).unwrap();
    let file = Archive::open(&path).unwrap();
    let read = |name| file.read(name).unwrap().to_f64().unwrap();
    assert_eq!((read("xcoords"), read("note")), (vec![0.5; 3], vec![7.0; 3]));
}
