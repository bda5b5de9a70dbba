//! Plain `.npy` stacks with their positions beside them.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::path::{Path, PathBuf};

use lapwing_files::npy::{self, Array, Values};
use lapwing_files::options::{AxisOrder, Quantity};
use lapwing_files::{Dataset, Error, ReadOptions, Understanding, dialect};
use lapwing_model::{Complex32, Position};
use ndarray::Array3;

/// (7 k + 3 y + 5 x) mod 11 for 5 patterns of 12 x 10 pixels.
fn counts() -> Array3<u16> {
    Array3::from_shape_fn((5, 12, 10), |(k, y, x)| ((7 * k + 3 * y + 5 * x) % 11) as u16)
}

fn put(folder: &Path, name: &str, array: &Array) -> PathBuf {
    let path = folder.join(name);
    npy::write(&path, array).unwrap();
    path
}

fn read(path: &Path) -> Result<(Dataset, Understanding), Error> {
    dialect::read(path, &ReadOptions::default())
}

fn positions() -> Array {
    let values = (0..5).flat_map(|k| [8.25 + f64::from(k), 9.0 - 0.5 * f64::from(k)]).collect();
    Array::new(vec![5, 2], Values::F64(values)).unwrap()
}

#[test]
fn counts_positions_and_probe_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "scan.npy", &(&counts()).into());
    put(folder.path(), "scan.positions.npy", &positions());
    let probe = Array::new(vec![12, 10], Values::C64(vec![Complex32::new(2.0, 1.0); 120])).unwrap();
    put(folder.path(), "scan.probe.npy", &probe);
    let (dataset, understood) = read(&path).unwrap();
    assert_eq!((understood.dialect.name(), understood.quantity), ("npy", Quantity::Counts));
    assert_eq!(dataset.counts().unwrap(), counts().mapv(f32::from));
    assert_eq!(dataset.scan[3], Position { y: 11.25, x: 7.5 });
    // The probe is in the unit of the amplitudes, which their scale divides.
    let scale = dataset.intensity_scale().unwrap();
    let expected = f64::from(counts().iter().map(|&count| u32::from(count)).sum::<u32>()) / 5.0;
    assert!((scale * scale - expected).abs() < 1e-6 * expected);
    assert!((f64::from(dataset.probe.unwrap()[(0, 3, 4)].re) - 2.0 / scale).abs() < 1e-6);
    assert_eq!(dialect::pattern_values(&path, &ReadOptions::default()), Some(600));
}

#[test]
fn positions_may_be_text_and_axes_the_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let last = counts().permuted_axes([1, 2, 0]);
    let path = put(folder.path(), "scan.npy", &(&last).into());
    let text = "y, x\n8.25,9\n# a remark\n9.25 8.5\n10.25;8\n11.25\t7.5 # three\n\n12.25, 7.0\n";
    std::fs::write(folder.path().join("scan.positions.csv"), text).unwrap();
    let (dataset, understood) = read(&path).unwrap();
    assert_eq!(understood.axis_order, AxisOrder::PatternLast);
    assert_eq!(dataset.counts().unwrap(), counts().mapv(f32::from));
    let y: Vec<f64> = dataset.scan.iter().map(|position| position.y).collect();
    assert_eq!((y, dataset.scan[4].x), (vec![8.25, 9.25, 10.25, 11.25, 12.25], 7.0));
    assert!(dataset.probe.is_none());
}

#[test]
fn what_is_missing_or_open_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "scan.npy", &(&counts()).into());
    let told = |part: &str| {
        let text = read(&path).unwrap_err().to_string();
        assert!(text.contains(part), "{part} is not in {text}");
    };
    told("scan.positions.csv");
    std::fs::write(folder.path().join("scan.positions.csv"), "1 2\n3 4 5\n").unwrap();
    told("line 2 of");
    let four = Array::new(vec![4, 2], Values::F64(vec![9.0; 8])).unwrap();
    put(folder.path(), "scan.positions.npy", &four);
    told("with n = 4");
    put(folder.path(), "scan.positions.npy", &positions());
    put(folder.path(), "scan.probe.npy", &positions());
    told("probe: expected complex numbers");
    std::fs::remove_file(folder.path().join("scan.probe.npy")).unwrap();

    let amplitude = counts().mapv(|count| f32::from(count).sqrt());
    put(folder.path(), "scan.npy", &(&amplitude).into());
    assert!(matches!(read(&path), Err(Error::Ambiguous { .. })));
    told("--quantity amplitude, intensity or counts");
    let known = ReadOptions { quantity: Some(Quantity::Amplitude), ..ReadOptions::default() };
    assert_eq!(dialect::read(&path, &known).unwrap().0.diffraction, amplitude);
    // A picture is no stack.
    put(folder.path(), "scan.npy", &positions());
    told("a single NumPy array (.npy)");
}

#[test]
fn a_file_that_is_cut_short_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(put(folder.path(), "scan.npy", &(&counts()).into())).unwrap();
    for (length, found) in
        [(0, "an empty file"), (2, "cut short"), (5, "cut short"), (7, "cut short")]
            .into_iter()
            .chain([8, 9, 60, 127].map(|length| (length, "ends within it: cut short")))
            .chain([(128, "found 0: cut short"), (1000, "found 872: cut short")])
    {
        let path = folder.path().join("cut.npy");
        std::fs::write(&path, &whole[..length]).unwrap();
        let told = read(&path).unwrap_err().to_string();
        let asked = told.contains("cut.npy: expected") || told.contains("promises 1200 bytes");
        assert!(asked && told.contains(found), "{length}: {told}");
        assert!(told.ends_with("copy it again"), "{length}: {told}");
    }
}
