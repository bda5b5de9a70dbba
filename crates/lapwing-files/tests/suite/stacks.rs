//! TIFF stacks that say themselves that they are rasters, as tifffile writes them in the manner of
//! ImageJ, OME and its own.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use lapwing_files::{Container, dataset, experiment, npy, npz};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats").join(name)
}

/// Counts of a frame of `make_stacks.py`.
fn count(i: usize, y: usize, x: usize) -> f32 {
    let (dy, dx) = (y as i32 - 5, x as i32 - 4);
    let chance = (5 * y as i32 + 3 * x as i32) % 11;
    (200 - 3 * dy * dy - 4 * dx * dx + 7 * i as i32 + chance) as f32
}

const SAID: &str = "[beam]\nvoltage_kv = 300\n[detector]\ninv_angstrom_per_pixel = 0.02\n[scan]\n\
                    step_m = 5e-10\n";

#[test]
fn frames_and_slices_are_rows_and_columns() {
    let options = experiment::parse(SAID, "said.toml".as_ref()).unwrap();
    for name in ["hyperstack.tif", "run.tif", "ome.tif", "shaped.tif"] {
        let (dataset, understood) = dataset::read(fixture(name), &options).unwrap();
        assert_eq!(understood.scan_shape, Some((3, 4)), "{name}");
        for ((i, y, x), &found) in dataset.counts().unwrap().indexed_iter() {
            assert_eq!(found, count(i, y, x), "{name}: {i} {y} {x}");
        }
        // 1 / (10 x 0.02 / A) = 5 A and 6.25 A; a step is 5 A, rows are slow.
        let [first, next, row] = [0, 1, 4].map(|at| dataset.scan[at]);
        assert!((next.x - first.x - 0.8).abs() < 1e-9 && (next.y - first.y).abs() < 1e-9);
        assert!((row.y - first.y - 1.0).abs() < 1e-9 && (row.x - first.x).abs() < 1e-9);
    }
}

#[test]
fn what_the_user_says_goes_before_what_the_file_says() {
    let said = format!("{SAID}shape = [4, 3]\n");
    let options = experiment::parse(&said, "said.toml".as_ref()).unwrap();
    let (_, understood) = dataset::read(fixture("ome.tif"), &options).unwrap();
    assert_eq!(understood.scan_shape, Some((4, 3)));
}

#[test]
fn a_run_that_was_cut_short_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.tif");
    let whole = std::fs::read(fixture("run.tif")).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let text = Container::open(&path).unwrap_err().to_string();
    for part in ["run.tif", "12 pages of 160 bytes", "cut short"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for length in (0..whole.len()).step_by(if lapwing_testing::long_tests() { 1 } else { 7 }) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let read = Container::open(&path).and_then(|file| file.read(""));
        assert!(read.is_err(), "{length}");
    }
}

#[test]
fn a_stack_whose_first_axes_are_those_of_the_patterns_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npz");
    // 40 x 32 pixels of a disc, and 6 x 9 places.
    let light = |y: usize, x: usize, place: usize| {
        let radius = (y as f64 - 20.0).hypot(x as f64 - 16.0);
        let bright = if radius < 7.0 { 300.0 } else { 3.0 };
        (bright + ((y * 5 + x * 3 + place * 7) % 11) as f64) as u16
    };
    let (height, width, places) = (40, 32, 6 * 9);
    let values: Vec<u16> = (0..height * width * places)
        .map(|at| light(at / places / width, at / places % width, at % places))
        .collect();
    let array = |shape: Vec<usize>, values: &[u16]| {
        let array = npy::Array::new(shape, npy::Values::U16(values.to_vec())).unwrap();
        npz::write(&path, &[("frames", array)]).unwrap();
    };
    let said =
        |order: &str| experiment::parse(&format!("{SAID}{order}"), "said.toml".as_ref()).unwrap();
    array(vec![height, width, 6, 9], &values);
    let told = dataset::read(&path, &said("")).unwrap_err().to_string();
    assert!(told.contains("--axis-order hwn") && told.contains("(40 x 32)"), "{told}");
    let last = said("[file]\naxis_order = \"hwn\"\n");
    let (dataset, understood) = dataset::read(&path, &last).unwrap();
    assert_eq!((dataset.pattern_shape(), understood.scan_shape), ((40, 32), Some((6, 9))));
    let first = said("[file]\naxis_order = \"nhw\"\n");
    assert_eq!(dataset::read(&path, &first).unwrap().0.pattern_shape(), (6, 9));
    // The other way round nothing needs to be said.
    let turned: Vec<u16> = (0..places)
        .flat_map(|place| (0..height * width).map(move |at| light(at / width, at % width, place)))
        .collect();
    array(vec![6, 9, height, width], &turned);
    assert_eq!(dataset::read(&path, &said("")).unwrap().0.pattern_shape(), (40, 32));
}
