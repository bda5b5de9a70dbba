//! Scans that are read and written again: whatever the pixel of the object is said to be, the
//! positions stay where the file has them, in metres.

use std::path::Path;

use lapwing_files::dialect::{
    self, Acquisition, FarFieldOptics, Geometry, Product, object_pixel, write_cxi, write_dp,
};
use lapwing_files::hdf5::{self, Hdf5};
use lapwing_files::{Dataset, ReadOptions};
use lapwing_model::{Complex32, Modes};

const SIDE: usize = 16;
/// A raster, metres: steps of 40 and 30 nm, from a corner on.
fn translations() -> Vec<f64> {
    let place = |k: usize| [3e-8 * (k % 4) as f64 + 1e-6, 4e-8 * (k / 4) as f64 - 2e-6, 0.0];
    (0..16).flat_map(place).collect()
}

/// Counts of a disc that differs from pattern to pattern.
fn counts() -> Vec<f32> {
    let pixel = |k: usize, y: usize, x: usize| {
        let radius = (y as f32 - 8.0).hypot(x as f32 - 8.0);
        if radius < 4.0 { (40 + (k * 7 + y * 5 + x * 3) % 11) as f32 } else { (y * x % 2) as f32 }
    };
    (0..16 * SIDE * SIDE).map(|at| pixel(at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE)).collect()
}

/// A CXI file as a beamline has it: 0.1 nm, 1 m, pixels of 625 and 500 um, which make 10 x 12.5 nm.
fn beamline(path: &Path) {
    let detector = "entry_1/instrument_1/detector_1";
    hdf5::write(path, |file| {
        file.number("cxi_version", 160_i64)?;
        file.number("entry_1/instrument_1/source_1/wavelength", 1e-10)?;
        file.number(&format!("{detector}/distance"), 1.0)?;
        file.number(&format!("{detector}/y_pixel_size"), 625e-6)?;
        file.number(&format!("{detector}/x_pixel_size"), 500e-6)?;
        file.frames(&format!("{detector}/data"), [16, SIDE, SIDE], &counts())?;
        file.values("entry_1/sample_1/geometry_1/translation", &[16, 3], &translations())
            .map(|_| ())
    })
    .expect("the file is written");
}

fn close(found: impl IntoIterator<Item = f64>, expected: &[f64], what: &str) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-13, "{what}: {a} m is not {b} m");
    }
}

/// Positions as (x, y, 0), metres, by the pixel that the metadata have.
fn in_metres(dataset: &Dataset) -> Vec<f64> {
    let metadata = dataset.metadata.as_ref().expect("metadata");
    let (dy, dx) = object_pixel(metadata).expect("a pixel");
    dataset.scan.iter().flat_map(|at| [at.x * dx, at.y * dy, 0.0]).collect()
}

#[test]
fn positions_stay_where_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let [scan, again, npz] = ["scan.cxi", "again.cxi", "again.npz"].map(|n| folder.path().join(n));
    beamline(&scan);
    for (geometry, said, pixel) in [
        (Geometry::FarField, None, (1e-8, 1.25e-8)),
        (Geometry::FarField, Some(2e-8), (2e-8, 2e-8)),
        (Geometry::NearField, None, (625e-6, 500e-6)),
        (Geometry::NearField, Some(3e-7), (3e-7, 3e-7)),
    ] {
        let what = format!("{geometry:?}, {said:?}");
        let options =
            ReadOptions { geometry: Some(geometry), pixel_size: said, ..ReadOptions::default() };
        let (dataset, understood) = dialect::read(&scan, &options).expect("it is read");
        assert_eq!(understood.pixel_size_m, Some(pixel), "{what}");
        close(in_metres(&dataset), &translations(), &what);

        let metadata = dataset.metadata.as_ref().expect("metadata");
        let known = FarFieldOptics::of(metadata);
        // Distance and detector that make another pixel than the one said are not told.
        assert_eq!(known.is_some(), geometry == Geometry::NearField || said.is_none(), "{what}");
        let optics = known.unwrap_or(FarFieldOptics {
            wavelength: 1e-10,
            distance: 1.0,
            pitch: (625e-6, 500e-6),
        });
        write_cxi(&dataset, &optics, None, &again).expect("it is written");
        let file = Hdf5::open(&again).expect("it is HDF5");
        let written = file.read("entry_1/sample_1/geometry_1/translation").expect("positions");
        close(written.to_f64().expect("numbers"), &translations(), &what);
        if geometry == Geometry::FarField {
            // What other programs make the pixel of.
            let detector = "entry_1/instrument_1/detector_1";
            let number = |name: &str| file.number(&format!("{detector}/{name}")).expect("a number");
            let [z, y, x] =
                ["distance", "y_pixel_size", "x_pixel_size"].map(|name| number(name).expect("one"));
            let made = [y, x].map(|pitch| 1e-10 * z / (SIDE as f64 * pitch));
            close(made, &[pixel.0, pixel.1], &what);
        }
        dataset.write(&npz).expect("it is written");
        for path in [&again, &npz] {
            let (read, understood) = dialect::read(path, &ReadOptions::default()).expect("read");
            assert_eq!(understood.geometry, Some(geometry), "{what}");
            let (dy, dx) = understood.pixel_size_m.expect("a pixel");
            close([dy, dx], &[pixel.0, pixel.1], &what);
            close(in_metres(&read), &translations(), &what);
        }
    }
}

#[test]
fn a_pixel_that_is_said_makes_no_far_field_of_images() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("images.cxi");
    let (n, side) = (16, 32);
    // Broad images over all of the detector, which move by little.
    let count = |k: usize, y: usize, x: usize| {
        let (y, x) = (y as f32 + 0.1 * (k / 4) as f32, x as f32 + 0.1 * (k % 4) as f32);
        (400.0 + 60.0 * (0.4 * y).sin() + 60.0 * (0.3 * x + 0.1 * y).cos()).round()
    };
    let counts: Vec<f32> = (0..n * side * side)
        .map(|at| count(at / (side * side), at / side % side, at % side))
        .collect();
    // The far field would have pixels of 1e-10 x 1 / (32 x 55e-6) = 57 nm: steps of 60 of them.
    let step = 60.0 * 1e-10 / (32.0 * 55e-6);
    let translations: Vec<f64> =
        (0..n).flat_map(|k| [step * (k % 4) as f64, step * (k / 4) as f64, 0.0]).collect();
    let detector = "entry_1/instrument_1/detector_1";
    hdf5::write(&path, |file| {
        file.number("cxi_version", 160_i64)?;
        file.number("entry_1/instrument_1/source_1/wavelength", 1e-10)?;
        file.number(&format!("{detector}/distance"), 1.0)?;
        file.number(&format!("{detector}/y_pixel_size"), 55e-6)?;
        file.number(&format!("{detector}/x_pixel_size"), 55e-6)?;
        file.frames(&format!("{detector}/data"), [n, side, side], &counts)?;
        file.values("entry_1/sample_1/geometry_1/translation", &[n, 3], &translations).map(|_| ())
    })
    .expect("the file is written");
    let read = |options: ReadOptions| dialect::read(&path, &options).expect("it is read");
    let plain = read(ReadOptions::default()).1;
    assert_eq!(plain.geometry, Some(Geometry::NearField), "{:?}", plain.notes);
    let said = ReadOptions { pixel_size: Some(1e-6), ..ReadOptions::default() };
    let (dataset, understood) = read(said.clone());
    assert_eq!(understood.geometry, Some(Geometry::NearField), "{:?}", understood.notes);
    assert_eq!(understood.pixel_size_m, Some((1e-6, 1e-6)));
    close(in_metres(&dataset), &translations, "images");
    // Whoever knows better says so.
    let far = read(ReadOptions { geometry: Some(Geometry::FarField), ..said });
    assert_eq!(far.1.geometry, Some(Geometry::FarField));
}

#[test]
fn what_becomes_the_study_s_format_states_the_side_of_its_patterns() {
    let folder = tempfile::tempdir().expect("a folder");
    let [scan, dp, other, npz] =
        ["scan.cxi", "dp.h5", "product.h5", "a.npz"].map(|n| folder.path().join(n));
    beamline(&scan);
    let (dataset, _) = dialect::read(&scan, &ReadOptions::default()).expect("it is read");
    write_dp(&dataset, &dp).expect("it is written");
    let positions = translations().chunks(3).map(|at| (at[1], at[0])).collect();
    let product = Product {
        name: String::new(),
        comments: String::new(),
        probe: Modes::from_elem((1, SIDE, SIDE), Complex32::ONE),
        object: None,
        positions,
        indexes: (0..16).collect(),
        pixel_size: (1e-8, 1.25e-8),
        loss: Vec::new(),
        notes: Vec::new(),
        acquisition: Acquisition::default(),
    };
    product.write(&other).expect("it is written");
    let window = |height: usize, width: usize| {
        let mut options = ReadOptions::default();
        options.experiment.detector.window = Some((height, width));
        options
    };
    let pair = ReadOptions { companion: Some(other), ..ReadOptions::default() };
    for (path, options, side) in [
        (&scan, ReadOptions::default(), Some(16.0)),
        (&scan, window(8, 8), Some(8.0)),
        (&scan, window(8, 16), None),
        (&dp, pair, Some(16.0)),
    ] {
        let (dataset, _) = dialect::read(path, &options).expect("it is read");
        dataset.write(&npz).expect("it is written");
        let (again, _) = dialect::read(&npz, &ReadOptions::default()).expect("it is read");
        let metadata = again.metadata.expect("metadata");
        assert_eq!(metadata["physics_parameters"]["N"].as_f64(), side, "{}", path.display());
    }
}
