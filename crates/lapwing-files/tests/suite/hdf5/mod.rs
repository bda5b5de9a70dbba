//! HDF5: files of h5py in every layout, CXI, the ptychodus pair; beside it hostile files, and what
//! h5py makes of ours.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

mod damaged;
mod filters;
mod indices;
mod virtuals;
mod written;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lapwing_files::dialect::{self, FarFieldOptics, Geometry, Quantity};
use lapwing_files::hdf5::{Hdf5, is_hdf5};
use lapwing_files::npy::{Array, Values};
use lapwing_files::{Dataset, Error, ReadOptions, Understanding};
use lapwing_model::Complex32;
use lapwing_model::forward::Propagation;

const SHAPE: (usize, usize, usize) = (5, 12, 10);
const H_C: f64 = 6.626_070_15e-34 * 299_792_458.0;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-hdf5").join(name)
}

fn read(name: &str) -> (Dataset, Understanding) {
    dialect::read(fixture(name), &ReadOptions::default()).unwrap()
}

/// Says so past the capture of the test harness, which hides what a passing test prints.
fn skipped(missing: &str) {
    let mut terminal = std::io::stderr();
    writeln!(terminal, "SKIPPED a test of hdf5: {missing} is not there").unwrap();
}

/// The formula of the fixtures.
fn count(k: usize, y: usize, x: usize) -> f32 {
    ((7 * k + 3 * y + 5 * x) % 11) as f32
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }
}

fn rows(dataset: &Dataset) -> Vec<f64> {
    dataset.scan.iter().map(|p| p.y).collect()
}

fn columns(dataset: &Dataset) -> Vec<f64> {
    dataset.scan.iter().map(|p| p.x).collect()
}

/// lambda z / (N p) of the fixtures: 8 keV, 2 m, 75 um, along (y, x).
fn pixel() -> (f64, f64) {
    let lambda = H_C / (8000.0 * 1.602_176_634e-19);
    (lambda * 2.0 / (12.0 * 75e-6), lambda * 2.0 / (10.0 * 75e-6))
}

#[test]
fn every_kind_of_element_is_read() {
    let file = Hdf5::open(fixture("kinds.h5")).unwrap();
    for name in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"] {
        for order in ["le_", "be_"] {
            let array = file.read(&format!("{order}{name}")).unwrap();
            let values = array.into_complex32().unwrap();
            let expected: Vec<_> = [1.0, 2.0, 3.0].map(Complex32::from).into();
            assert_eq!(values, expected, "{order}{name}");
        }
    }
    assert_eq!(file.read("bool").unwrap(), Array::from(vec![true, false, true]));
    assert_eq!(file.read("text").unwrap(), Array::text("a µ in UTF-8"));
    assert_eq!(file.read("fixed").unwrap(), Array::texts(&["ab", "cde"]));
    assert_eq!(file.number("scalar").unwrap(), Some(2.5));
    assert_eq!(file.read("empty").unwrap().shape(), [0, 4]);
    assert!(!file.contains("null").unwrap() && !file.contains("nothing").unwrap());
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let file = Hdf5::open(fixture("kinds.h5")).unwrap();
    let started = Instant::now();
    for (name, part) in [
        ("dangling", "nowhere"),
        ("loop", "loop"),
        ("away", "no_such_file.h5"),
        ("compound", "not read"),
        ("absurd", "more than a file"),
        ("large", "more than a file"),
        ("nothing", "no such dataset"),
    ] {
        let text = file.read(name).unwrap_err().to_string();
        assert!(
            text.contains(part) && (text.contains("kinds.h5") || name == "away"),
            "{name}: {text}"
        );
    }
    assert!(file.number("fixed").is_err());
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn cxi_is_read_in_every_layout() {
    for (name, extra) in
        [("contiguous_u16.cxi", 0.0), ("gzip_i32.cxi", 0.0), ("chunked_big_f64.cxi", 0.5)]
    {
        let (dataset, understood) = read(name);
        assert_eq!(understood.dialect.name(), "cxi", "{name}");
        assert_eq!(understood.geometry, Some(Geometry::FarField));
        let masked = name == "contiguous_u16.cxi";
        for ((k, y, x), &amplitude) in dataset.diffraction.view().indexed_iter() {
            let bad = masked && ((y, x) == (0, 0) || (y, x) == (3, 4));
            let expected = if bad { 0.0 } else { count(k, y, x) + extra };
            let scale = dataset.intensity_scale().unwrap_or(1.0);
            let found = (f64::from(amplitude) * scale).powi(2);
            assert!(
                (found - f64::from(expected)).abs() < 1e-4,
                "{name} {k} {y} {x}: {found} is not {expected}"
            );
        }
        // Whole numbers are counts; others are an intensity of unknown unit.
        let quantity = if extra == 0.0 { Quantity::Counts } else { Quantity::Intensity };
        assert_eq!(understood.quantity, quantity);
        assert_eq!(dataset.counts().is_some(), extra == 0.0);
        // translation = (s, -2 s, 0) k: the beam is at (-s, 2 s) k; rows run along -y, columns
        // along -x.
        let (dy, dx) = pixel();
        let expected: Vec<f64> = (0..5).map(|k| -2.0 * 3e-8 * f64::from(k) / dy).collect();
        assert_close(&rows(&dataset), &expected, 1e-9);
        let expected: Vec<f64> = (0..5).map(|k| 3e-8 * f64::from(k) / dx).collect();
        assert_close(&columns(&dataset), &expected, 1e-9);
        let found = understood.pixel_size_m.unwrap();
        assert_close(&[found.0 / dy, found.1 / dx], &[1.0, 1.0], 1e-12);
        let metadata = dataset.metadata.as_ref().unwrap();
        assert_eq!(dialect::object_pixel(metadata), Some(found));
        let optics = FarFieldOptics::of(metadata).unwrap();
        assert_close(&[optics.photon_energy_ev()], &[8000.0], 1e-6);
    }
}

#[test]
fn the_mask_is_carried_along() {
    let (dataset, understood) = read("contiguous_u16.cxi");
    let mask = dataset.mask.as_ref().unwrap().array().unwrap();
    assert_eq!((mask.shape(), dataset.extras.len()), (&[1, 12, 10][..], 0));
    let Values::U32(bits) = mask.values() else { panic!("{mask:?}") };
    assert_eq!((bits[0], bits[12], bits[34], bits[1]), (1, 0x1000, 0x1004, 0));
    assert!(
        understood.notes.iter().any(|note| note.contains("2 of 120 pixels bad")),
        "{:?}",
        understood.notes
    );
    // Selection of patterns leaves it alone.
    assert_eq!(dataset.select(&[1, 3]).unwrap().mask, dataset.mask);
}

#[test]
fn basis_vectors_turn_the_positions() {
    // Rows run towards +x, columns towards -y; the beam is at (-s, 2 s) k.
    let (dataset, _) = read("turned.cxi");
    let (dy, dx) = pixel();
    let expected: Vec<f64> = (0..5).map(|k| -3e-8 * f64::from(k) / dy).collect();
    assert_close(&rows(&dataset), &expected, 1e-9);
    let expected: Vec<f64> = (0..5).map(|k| -2.0 * 3e-8 * f64::from(k) / dx).collect();
    assert_close(&columns(&dataset), &expected, 1e-9);
}

#[test]
fn rasters_and_links_lead_to_the_same_patterns() {
    let (whole, _) = read("gzip_i32.cxi");
    let (linked, _) = read("linked.cxi");
    assert_eq!(whole.diffraction, linked.diffraction);
    let (raster, understood) = read("raster.cxi");
    assert_eq!(raster.n_patterns(), 4);
    assert_eq!(raster.counts().unwrap(), whole.select(&[0, 1, 2, 3]).unwrap().counts().unwrap());
    assert!(
        understood.notes.iter().any(|note| note.contains("raster of 2 x 2")),
        "{:?}",
        understood.notes
    );
}

#[test]
fn units_that_are_not_si_are_refused() {
    let error = dialect::read(fixture("electronvolts.cxi"), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("joules") && error.to_string().contains("8000"), "{error}");
}

#[test]
fn what_is_told_wins() {
    let options = ReadOptions {
        pixel_size: Some(1e-8),
        flip_y: true,
        geometry: Some(Geometry::NearField),
        quantity: Some(Quantity::Intensity),
        ..ReadOptions::default()
    };
    let (dataset, understood) = dialect::read(fixture("gzip_i32.cxi"), &options).unwrap();
    assert_eq!((understood.geometry, dataset.counts()), (Some(Geometry::NearField), None));
    assert_close(&rows(&dataset), &[0.0, 6.0, 12.0, 18.0, 24.0], 1e-9);
    assert_close(&columns(&dataset), &[0.0, 3.0, 6.0, 9.0, 12.0], 1e-9);
}

#[test]
fn the_pair_is_joined_by_index() {
    let options =
        ReadOptions { companion: Some(fixture("pair_product.h5")), ..ReadOptions::default() };
    let (dataset, understood) = dialect::read(fixture("pair_dp.h5"), &options).unwrap();
    // Pattern 3 has no position, position 9 no pattern.
    assert_eq!(dataset.n_patterns(), 4);
    assert_eq!(dataset.frames.as_deref(), Some(&[0, 1, 2, 4][..]));
    let counts = dataset.counts().unwrap();
    for ((place, y, x), &found) in counts.indexed_iter() {
        assert_eq!(found, count([0, 1, 2, 4][place], y, x));
    }
    // x = 10 nm k at 10 nm, y = -5 nm k at 5 nm; the object is 31 x 30, the window 12 x 10.
    assert_close(&rows(&dataset), &[15.5, 14.5, 13.5, 11.5], 1e-9);
    assert_close(&columns(&dataset), &[15.0, 16.0, 17.0, 19.0], 1e-9);
    assert_eq!(dataset.probe.as_ref().unwrap().dim(), (2, 12, 10));
    assert_eq!(dataset.object.as_ref().unwrap().shape(), (31, 30));
    assert_eq!(understood.pixel_size_m, Some((5e-9, 10e-9)));
    for part in ["1 positions belong to no pattern", "1 patterns have no position", "by index"] {
        assert!(
            understood.notes.iter().any(|note| note.contains(part)),
            "{part}: {:?}",
            understood.notes
        );
    }
    let scale = dataset.intensity_scale().unwrap() as f32;
    let probe = dataset.probe.unwrap()[[0, 2, 1]] * scale;
    assert!((probe - Complex32::from_polar(1.0, 3.0)).norm() < 1e-5, "{probe}");
}

#[test]
fn half_a_pair_is_refused_with_what_is_missing() {
    for (name, part) in
        [("pair_dp.h5", "companion"), ("pair_product.h5", "a product file"), ("kinds.h5", "CXI")]
    {
        let error = dialect::read(fixture(name), &ReadOptions::default()).unwrap_err();
        assert!(
            matches!(error, Error::Contract { .. }) && error.to_string().contains(part),
            "{error}"
        );
    }
    let options = ReadOptions { companion: Some(fixture("pair_dp.h5")), ..ReadOptions::default() };
    let error = dialect::read(fixture("pair_dp.h5"), &options).unwrap_err();
    assert!(error.to_string().contains("probe_position_x_m"), "{error}");
    // A probe of another shape than the patterns.
    let options =
        ReadOptions { companion: Some(fixture("pair_product.h5")), ..ReadOptions::default() };
    assert!(dialect::read(fixture("gzip_i32.cxi"), &options).unwrap().0.probe.is_some());
}

#[test]
fn what_is_no_hdf5_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.cxi");
    std::fs::write(&path, b"\x89HDF\r\n\x1a\n").unwrap();
    assert!(is_hdf5(&path));
    assert!(matches!(Hdf5::open(&path), Err(Error::Hdf5 { .. })));
    std::fs::write(&path, b"PK\x03\x04").unwrap();
    assert!(!is_hdf5(&path) && !is_hdf5(folder.path()) && !is_hdf5(folder.path().join("nothing")));
    assert!(matches!(Hdf5::open(folder.path()), Err(Error::Io { .. })));
}

#[test]
fn the_real_near_field_scan_is_told_as_such() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/petra3-p25-near-field.cxi");
    if !path.is_file() {
        return skipped("../shared/data/petra3-p25-near-field.cxi");
    }
    let (dataset, understood) = dialect::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(dataset.diffraction.dim(), (200, 100, 100));
    assert_eq!(understood.geometry, Some(Geometry::NearField));
    assert_eq!(understood.quantity, Quantity::Counts);
    // The detector's pixels of 55 um. First translation (-53.400032, -38.399612) um.
    let (dy, dx) = understood.pixel_size_m.unwrap();
    assert_close(&[dy * 1e6, dx * 1e6], &[55.0, 55.0], 1e-6);
    // 12.66 keV and 1.12 m: wavelength x distance is 1.0970e-10 m^2.
    let physics = dataset.physics().unwrap();
    let Propagation::NearField { fresnel_number } = physics.propagation else {
        panic!("{physics:?}");
    };
    assert_close(&[fresnel_number], &[55e-6 * 55e-6 / 1.0970e-10], 0.01);
    assert_close(
        &[dataset.scan[0].y * dy, dataset.scan[0].x * dx],
        &[-38.399612e-6, -53.400032e-6],
        1e-11,
    );
    assert_close(
        &[dataset.counts().unwrap().index_axis(ndarray::Axis(0), 0).sum().into()],
        &[9_665_398.0],
        1.0,
    );
    // As far field, 100 pixels of 55 um: 19.946 nm.
    let told = ReadOptions { geometry: Some(Geometry::FarField), ..ReadOptions::default() };
    let far = dialect::read(&path, &told).unwrap().1;
    assert_eq!(far.geometry, Some(Geometry::FarField));
    assert_close(&[far.pixel_size_m.unwrap().0 * 1e9], &[19.946], 1e-3);
}
