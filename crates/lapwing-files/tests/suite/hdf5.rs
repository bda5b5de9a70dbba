//! HDF5: files of h5py in every layout, CXI, the ptychodus pair, hostile files, and what h5py makes
//! of ours.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lapwing_files::dialect::{self, Experiment, Geometry, Optics, Product, Quantity, write_cxi};
use lapwing_files::hdf5::{Hdf5, is_hdf5};
use lapwing_files::npy::{Array, Values};
use lapwing_files::{Dataset, Error, Mask, ReadOptions, Understanding, metadata};
use lapwing_model::{Complex32, Field, Modes, Position};
use ndarray::Array3;

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
        for ((k, y, x), &amplitude) in dataset.diffraction.indexed_iter() {
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
        let optics = Optics::of(metadata).unwrap();
        assert_close(&[optics.photon_energy_ev()], &[8000.0], 1e-6);
    }
}

#[test]
fn the_mask_is_carried_along() {
    let (dataset, understood) = read("contiguous_u16.cxi");
    let mask = dataset.mask.as_ref().unwrap().array();
    assert_eq!((mask.shape(), dataset.extras.len()), (&[1, 12, 10][..], 0));
    let Values::U32(bits) = mask.values() else { panic!("{mask:?}") };
    assert_eq!((bits[0], bits[12], bits[34], bits[1]), (1, 0x1000, 0x1004, 0));
    assert!(
        understood.notes.iter().any(|note| note.contains("2 of 120 pixels bad")),
        "{:?}",
        understood.notes
    );
    // Selection of patterns leaves it alone.
    assert_eq!(dataset.select(&[1, 3]).mask, dataset.mask);
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
    assert_eq!(raster.counts().unwrap(), whole.select(&[0, 1, 2, 3]).counts().unwrap());
    assert!(
        understood.notes.iter().any(|note| note.contains("raster of 2 x 2")),
        "{:?}",
        understood.notes
    );
}

#[test]
fn units_that_are_not_si_are_refused() {
    let error = dialect::read(fixture("electronvolts.cxi"), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("joules") && error.to_string().contains("8e3"), "{error}");
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
    let index = &dataset.extras.iter().find(|(name, _)| name == "scan_index").unwrap().1;
    assert_eq!(index.to_i64().unwrap(), [0, 1, 2, 4]);
    let counts = dataset.counts().unwrap();
    for ((place, y, x), &found) in counts.indexed_iter() {
        assert_eq!(found, count([0, 1, 2, 4][place], y, x));
    }
    // x = 10 nm k at 10 nm, y = -5 nm k at 5 nm; the object is 31 x 30, the window 12 x 10.
    assert_close(&rows(&dataset), &[15.5, 14.5, 13.5, 11.5], 1e-9);
    assert_close(&columns(&dataset), &[15.0, 16.0, 17.0, 19.0], 1e-9);
    assert_eq!(dataset.probe.as_ref().unwrap().dim(), (2, 12, 10));
    assert_eq!(dataset.object.as_ref().unwrap().dim(), (31, 30));
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

fn product() -> Product {
    let probe =
        Modes::from_shape_fn((2, 6, 5), |(m, y, x)| Complex32::new(m as f32 + y as f32, x as f32));
    let object = Field::from_shape_fn((20, 17), |(y, x)| {
        Complex32::from_polar(1.0, 0.1 * (y + 2 * x) as f32)
    });
    let scan: Vec<_> =
        (0..7).map(|k| Position { y: 4.25 + f64::from(k), x: 6.5 - 0.5 * f64::from(k) }).collect();
    Product {
        name: "a name".to_owned(),
        comments: "some words".to_owned(),
        positions: Product::of_object(&scan, object.dim(), (6, 5), (2e-8, 3e-8)),
        probe,
        object: Some(object),
        indexes: vec![0, 1, 2, 3, 5, 6, 7],
        pixel_size: (2e-8, 3e-8),
        loss: vec![3.5, 2.5, 1.25],
        notes: Vec::new(),
        experiment: Experiment::default(),
    }
}

#[test]
fn a_product_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("product.h5");
    let written = product();
    written.write(&path).unwrap();
    let read = Product::read(&path).unwrap();
    assert_eq!(read, written);
    let scan = read.on_object((20, 17), (6, 5));
    assert_close(&[scan[1].y, scan[1].x], &[5.25, 6.0], 1e-9);
    // Concentric at zero: rows 7..13 of 20, columns 6..11 of 17.
    let zero = Product { positions: vec![(0.0, 0.0)], ..read }.on_object((20, 17), (6, 5))[0];
    assert_eq!((zero.y, zero.x), (10.0, 8.0));
}

fn dataset() -> Dataset {
    let counts = Array3::from_shape_fn(SHAPE, |(k, y, x)| count(k, y, x));
    let (diffraction, scale) = Dataset::amplitudes(&counts);
    let mut facts = metadata::Metadata::new();
    metadata::set_physics_parameter(&mut facts, "intensity_scale", scale);
    facts.insert("note".into(), "kept".into());
    Dataset {
        diffraction,
        scan: (0..5)
            .map(|k| Position { y: 8.25 + f64::from(k), x: 9.0 + 1.5 * f64::from(k) })
            .collect(),
        object: Some(Field::from_elem((24, 26), Complex32::new(0.5, 0.25))),
        probe: Some(Modes::from_shape_fn((2, 12, 10), |(m, y, x)| {
            Complex32::new(m as f32, (y * x) as f32)
        })),
        metadata: Some(facts),
        extras: vec![
            ("scan_index".into(), Array::from(vec![3_i64, 1, 4, 1, 5])),
            ("filenames".into(), Array::texts(&["a", "b", "c", "d", "e"])),
        ],
        mask: Some(mask()),
        geometry: None,
    }
}

/// A mask by which all pixels are good.
fn mask() -> Mask {
    let mut bits = vec![0; 120];
    bits[7] = 0x1000;
    Mask::new(Array::new(vec![12, 10], Values::U32(bits)).unwrap(), 5, (12, 10)).unwrap()
}

fn optics() -> Optics {
    Optics { wavelength: 1.5e-10, distance: 1.75, pitch: (55e-6, 75e-6) }
}

#[test]
fn a_data_set_survives_cxi() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.cxi");
    let with_counts = dataset();
    let mut without = dataset();
    without.metadata = None;
    // Intensities that are whole numbers by chance, and no counts.
    without.diffraction = Array3::from_shape_fn(SHAPE, |(k, y, x)| count(k, y, x).sqrt());
    for written in [with_counts, without] {
        assert_eq!(write_cxi(&written, &optics(), &path).unwrap(), ["filenames"]);
        assert!(is_hdf5(&path));
        let (read, understood) = dialect::read(&path, &ReadOptions::default()).unwrap();
        for (a, b) in read.diffraction.iter().zip(&written.diffraction) {
            assert!((a - b).abs() <= 2e-7 * b.abs(), "{a} is not {b}");
        }
        assert_close(&rows(&read), &rows(&written), 1e-9);
        assert_close(&columns(&read), &columns(&written), 1e-9);
        assert_eq!((&read.object, &read.probe), (&written.object, &written.probe));
        assert_eq!(read.counts(), written.counts());
        assert_eq!(understood.geometry, Some(Geometry::FarField));
        assert_eq!(read.mask.as_ref().map(Mask::good), written.mask.as_ref().map(Mask::good));
        let index =
            |set: &Dataset| set.extras.iter().find(|(name, _)| name == "scan_index").cloned();
        assert_eq!(index(&read), index(&written));
        if let Some(facts) = &written.metadata {
            assert_eq!(read.metadata.as_ref().unwrap()["note"], facts["note"]);
        }
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside the file"
    );
}

/// Runs a Python script on a folder; skips, visibly, where Python or h5py is missing.
fn python(script: &str, folder: &Path) {
    let available = Command::new("python3").args(["-c", "import h5py, numpy"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        skipped("python3 with h5py");
        return;
    }
    let output = Command::new("python3").args(["-c", script]).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn h5py_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment { distance_m: 1.5, energy_ev: 9000.0, photon_count: 1e6 };
    Product { experiment, ..product() }.write(folder.path().join("product.h5")).unwrap();
    write_cxi(&dataset(), &optics(), folder.path().join("set.cxi")).unwrap();
    python(
        r#"
import sys, h5py, numpy as np
folder = sys.argv[1]
with h5py.File(folder + "/product.h5") as f:
    assert f.attrs["name"] == "a name" and f.attrs["comments"] == "some words"
    assert float(f.attrs["detector_object_distance_m"]) == 1.5 and float(f.attrs["probe_energy_eV"]) == 9000.0
    assert float(f.attrs["photon_energy_eV"]) == 9000.0 and float(f.attrs["probe_photon_count"]) == 1e6
    assert float(f.attrs["exposure_time_s"]) == 0.0
    assert f["probe"].dtype == np.complex64 and f["probe"].shape == (2, 6, 5)
    m, y, x = np.mgrid[:2, :6, :5]
    assert np.array_equal(f["probe"][()], m + y + 1j * x)
    assert f["object"].shape == (1, 20, 17)
    y, x = np.mgrid[:20, :17]
    assert np.allclose(f["object"][0], np.exp(0.1j * (y + 2 * x)), atol=1e-6)
    assert f["object"].attrs["pixel_height_m"] == 2e-8 and f["object"].attrs["pixel_width_m"] == 3e-8
    assert f["object"].attrs["center_x_m"] == 0 and f["object"].attrs["center_y_m"] == 0
    assert list(f["probe_position_indexes"]) == [0, 1, 2, 3, 5, 6, 7]
    assert np.allclose(f["probe_position_y_m"], (4.25 + np.arange(7) - 10) * 2e-8)
    assert np.allclose(f["probe_position_x_m"], (6.5 - 0.5 * np.arange(7) - 8) * 3e-8)
    assert list(f["loss_values"]) == [3.5, 2.5, 1.25] and list(f["loss_epochs"]) == [1, 2, 3]
    assert f["object_layer_spacing_m"].shape == (0,)
with h5py.File(folder + "/set.cxi") as f:
    assert f["cxi_version"][()] == 160
    data = f["entry_1/data_1/data"]
    k, y, x = np.mgrid[:5, :12, :10]
    assert data.dtype == np.float32 and np.array_equal(data[()], (7 * k + 3 * y + 5 * x) % 11)
    assert isinstance(f.get("entry_1/data_1/data", getlink=True), h5py.SoftLink)
    energy = f["entry_1/instrument_1/source_1/energy"][()]
    assert np.isclose(energy, 6.62607015e-34 * 299792458 / 1.5e-10, rtol=1e-12)
    dy, dx = 1.5e-10 * 1.75 / (12 * 55e-6), 1.5e-10 * 1.75 / (10 * 75e-6)
    t = f["entry_1/data_1/translation"][()]
    assert t.shape == (5, 3)
    assert np.allclose(t[:, 1], (8.25 + np.arange(5)) * dy) and np.allclose(t[:, 0], (9 + 1.5 * np.arange(5)) * dx)
    assert f["entry_1/instrument_1/detector_1/mask"].shape == (12, 10)
"#,
        folder.path(),
    );
}

/// Reads bytes as a file of its own: whatever comes, it comes soon and without a panic.
fn survives(folder: &Path, bytes: &[u8], what: &str) -> bool {
    let path = folder.join("hostile.h5");
    std::fs::write(&path, bytes).unwrap();
    let started = Instant::now();
    let outcome = dialect::read(&path, &ReadOptions::default());
    if let Ok(file) = Hdf5::open(&path) {
        for name in ["le_c8", "text", "fixed", "bool", "absurd", "large", "be_i4", "loop"] {
            let _ = file.read(name);
        }
    }
    let _ = Product::read(&path);
    assert!(started.elapsed() < Duration::from_secs(2), "{what} took {:?}", started.elapsed());
    if let Err(error) = &outcome {
        assert!(error.to_string().contains("hostile.h5"), "{what}: {error}");
    }
    outcome.is_ok()
}

#[test]
fn truncated_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gzip_i32.cxi", "contiguous_u16.cxi"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        assert!(survives(folder.path(), &whole, name));
        for tenth in 0..10 {
            let length = whole.len() * tenth / 10;
            let read =
                survives(folder.path(), &whole[..length], &format!("{name} cut to {length}"));
            assert!(!read, "{name} cut to {length} of {} bytes was read", whole.len());
        }
    }
}

#[test]
fn flipped_bits_never_panic_or_hang() {
    let folder = tempfile::tempdir().unwrap();
    // A small generator with a fixed seed: the same files in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let rounds: usize =
        std::env::var("LAPWING_HDF5_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    for name in ["gzip_i32.cxi", "contiguous_u16.cxi", "pair_product.h5", "kinds.h5"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for round in 0..rounds {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 4 {
                let place = random() % bytes.len();
                match random() % 3 {
                    0 => bytes[place] ^= 1 << (random() % 8),
                    1 => bytes[place] = 0xff,
                    _ => bytes[place] = random() as u8,
                }
            }
            survives(folder.path(), &bytes, &format!("{name}, round {round}"));
        }
    }
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
    // 12.66 keV, 1.12 m, 100 pixels of 55 um: 19.946 nm. First translation (-53.400032, -38.399612)
    // um.
    let (dy, dx) = understood.pixel_size_m.unwrap();
    assert_close(&[dy * 1e9, dx * 1e9], &[19.946, 19.946], 1e-3);
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
    let told = ReadOptions { geometry: Some(Geometry::FarField), ..ReadOptions::default() };
    assert_eq!(dialect::read(&path, &told).unwrap().1.geometry, Some(Geometry::FarField));
}

#[test]
fn the_geometry_survives_a_copy_in_the_studys_format() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.npz");
    let read_again = || dialect::read(&copy, &ReadOptions::default()).unwrap();
    for geometry in [Geometry::NearField, Geometry::FarField] {
        let told = ReadOptions { geometry: Some(geometry), ..ReadOptions::default() };
        let (dataset, _) = dialect::read(fixture("gzip_i32.cxi"), &told).unwrap();
        assert_eq!(dataset.geometry, Some(geometry));
        dataset.select(&[0, 2, 3]).write(&copy).unwrap();
        let (read, understood) = read_again();
        assert_eq!((read.geometry, understood.geometry), (Some(geometry), Some(geometry)));
    }
    // What the metadata do not say yet is written into them.
    Dataset { geometry: Some(Geometry::NearField), metadata: None, ..dataset() }
        .write(&copy)
        .unwrap();
    assert_eq!(read_again().0.geometry, Some(Geometry::NearField));
    // The user has the last word, and it is written too.
    let told = ReadOptions { geometry: Some(Geometry::FarField), ..ReadOptions::default() };
    let (read, _) = dialect::read(&copy, &told).unwrap();
    read.write(&copy).unwrap();
    assert_eq!(read_again().0.geometry, Some(Geometry::FarField));
    dataset().write(&copy).unwrap();
    assert_eq!(read_again().0.geometry, None);
}
