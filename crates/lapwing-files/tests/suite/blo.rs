//! Block files of ASTAR, as RosettaSciIO writes and reads them (`fixtures-formats/make_blo.py`).

use std::path::{Path, PathBuf};

use lapwing_files::options::Quantity;
use lapwing_files::{Container, ReadOptions, dataset, experiment};
use lapwing_model::probe::electron_wavelength;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats/scan.blo")
}

/// The numbers that the script writes.
fn counts() -> Vec<f64> {
    (0..12 * 64).map(|at| (at * 31 % 251) as f64).collect()
}

#[test]
fn patterns_raster_and_scales_are_those_of_the_file() {
    let read = Container::open(fixture()).unwrap().read("").unwrap();
    assert_eq!((read.shape(), read.to_f64().unwrap()), (&[12, 8, 8][..], counts()));

    let (scan, understood) = dataset::read(fixture(), &ReadOptions::default()).unwrap();
    assert_eq!((understood.scan_shape, understood.quantity), (Some((3, 4)), Quantity::Intensity));
    // 0.1 mm at 250 mm are 0.4 mrad; 200 kV.
    let pixel = electron_wavelength(200e3) / (8.0 * 1e-4 / 0.25);
    let (y, x) = understood.pixel_size_m.unwrap();
    assert!((y / pixel - 1.0).abs() < 1e-9 && (x / pixel - 1.0).abs() < 1e-9, "{y}");
    let [first, second, next] = [0, 1, 4].map(|at| scan.scan[at]);
    assert!(((second.x - first.x) * pixel - 2e-9).abs() < 1e-18, "{second:?}");
    assert!(((next.y - first.y) * pixel - 2.5e-9).abs() < 1e-18, "{next:?}");
    let notes = understood.notes.join("\n");
    for part in ["12.5 degrees", "not applied", "200 kV", "camera length of 250.0 mm"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    // What the user says goes before it.
    let said =
        "[patterns]\nquantity = \"counts\"\nframes = \"2,11\"\n[detector]\ndistance_m = 0.5\n";
    let said = said.replace("quantity = \"counts\"\n", "");
    let mut options = experiment::parse(&said, "said.toml".as_ref()).unwrap();
    options.quantity = Some(Quantity::Counts);
    let (scan, understood) = dataset::read(fixture(), &options).unwrap();
    assert!((understood.pixel_size_m.unwrap().0 / pixel - 2.0).abs() < 1e-9);
    let found: Vec<f64> = scan.counts().unwrap().iter().map(|&count| f64::from(count)).collect();
    assert_eq!(found, [&counts()[128..192], &counts()[704..]].concat());
}

/// What a header does not tell is asked for.
#[test]
fn scales_that_are_not_told_are_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.blo");
    let mut bytes = std::fs::read(fixture()).unwrap();
    // Voltage, camera length.
    bytes[46..50].fill(0);
    bytes[52..56].fill(0);
    std::fs::write(&path, &bytes).unwrap();
    let told = dataset::read(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(told.contains("--mrad-per-pixel") && !told.contains("scan_step_m"), "{told}");
    let said = "[beam]\nvoltage_kv = 200\n[detector]\nmrad_per_pixel = 0.4\n";
    let options = experiment::parse(said, "said.toml".as_ref()).unwrap();
    assert_eq!(dataset::read(&path, &options).unwrap().0.n_patterns(), 12);
}

#[test]
fn what_is_damaged_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.blo");
    let whole = std::fs::read(fixture()).unwrap();
    for (bytes, part) in [
        (whole[..whole.len() - 7].to_vec(), "cut short"),
        (whole[..whole.len() - 2 * 70].to_vec(), "3 x 4 patterns, as its header says, found 10"),
        (whole[..4000].to_vec(), "cut short"),
        ([&whole[..20], &[0, 0], &whole[22..]].concat(), "header is damaged"),
        ([&whole[..12], &[255; 4], &whole[16..]].concat(), "header is damaged"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let told = Container::open(&path).unwrap_err().to_string();
        assert!(told.contains(part), "{part}: {told}");
    }
}
