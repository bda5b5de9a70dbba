//! HDF5 files as we write them, read again here and by h5py.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use lapwing_files::dialect::{
    self, Acquisition, FarFieldOptics, Geometry, Product, object_pixel, write_cxi,
};
use lapwing_files::hdf5::is_hdf5;
use lapwing_files::npy::{Array, Values};
use lapwing_files::reconstruction::{Role, read_positions};
use lapwing_files::{Dataset, Mask, ReadOptions, Reconstruction, metadata};
use lapwing_model::forward::Propagation;
use lapwing_model::{Complex32, Field, Modes, Object, Position};
use ndarray::Array3;

use super::{SHAPE, assert_close, columns, count, fixture, rows, skipped};

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
        object: Some(object.into()),
        indexes: vec![0, 1, 2, 3, 5, 6, 7],
        pixel_size: (2e-8, 3e-8),
        loss: vec![3.5, 2.5, 1.25],
        notes: Vec::new(),
        acquisition: Acquisition::default(),
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
        optics: None,
        probe_from: None,
        diffraction,
        scan: (0..5)
            .map(|k| Position { y: 8.25 + f64::from(k), x: 9.0 + 1.5 * f64::from(k) })
            .collect(),
        object: Some(Field::from_elem((24, 26), Complex32::new(0.5, 0.25)).into()),
        probe: Some(Modes::from_shape_fn((2, 12, 10), |(m, y, x)| {
            Complex32::new(m as f32, (y * x) as f32)
        })),
        metadata: Some(facts),
        extras: vec![("filenames".into(), Array::texts(&["a", "b", "c", "d", "e"]))],
        mask: Some(mask()),
        frames: Some(vec![3, 1, 4, 1, 5]),
        scans: None,
        geometry: None,
    }
}

/// A mask by which all pixels are good.
fn mask() -> Mask {
    let mut bits = vec![0; 120];
    bits[7] = 0x1000;
    Mask::new(Array::new(vec![12, 10], Values::U32(bits)).unwrap(), 5, (12, 10)).unwrap()
}

fn optics() -> FarFieldOptics {
    FarFieldOptics { wavelength: 1.5e-10, distance: 1.75, pitch: (55e-6, 75e-6) }
}

#[test]
fn a_data_set_survives_cxi() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.cxi");
    let with_counts = dataset();
    let mut without = dataset();
    without.metadata = None;
    let slices = Array3::from_shape_fn((3, 24, 26), |(k, y, x)| {
        Complex32::from_polar(1.0 - 0.1 * k as f32, 0.01 * (y + 2 * x) as f32)
    });
    without.object = Object::from_slices(slices);
    // Intensities that are whole numbers by chance, and no counts.
    without.diffraction = Array3::from_shape_fn(SHAPE, |(k, y, x)| count(k, y, x).sqrt()).into();
    for written in [with_counts, without] {
        assert_eq!(write_cxi(&written, &optics(), None, &path).unwrap(), ["filenames"]);
        assert!(is_hdf5(&path));
        let (read, understood) = dialect::read(&path, &ReadOptions::default()).unwrap();
        for (a, b) in read.diffraction.values().iter().zip(written.diffraction.values()) {
            assert!((a - b).abs() <= 2e-7 * b.abs(), "{a} is not {b}");
        }
        assert_close(&rows(&read), &rows(&written), 1e-9);
        assert_close(&columns(&read), &columns(&written), 1e-9);
        assert_eq!((&read.object, &read.probe), (&written.object, &written.probe));
        assert_eq!(read.counts(), written.counts());
        assert_eq!(understood.geometry, Some(Geometry::FarField));
        assert_eq!(read.mask.as_ref().map(Mask::good), written.mask.as_ref().map(Mask::good));
        assert_eq!(read.frames, written.frames);
        if let Some(facts) = &written.metadata {
            assert_eq!(read.metadata.as_ref().unwrap()["note"], facts["note"]);
        }
        serves_as_object(&path, &written);
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside the file"
    );
}

#[test]
fn positions_that_leave_the_object_say_how_to_read_the_scan_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let [npz, cxi] = ["set.npz", "set.cxi"].map(|name| folder.path().join(name));
    let along = |k: i32| Position { y: 8.25, x: 6.0 + 3.5 * f64::from(k) };
    let written = Dataset { scan: (0..5).map(along).collect(), ..dataset() };
    written.write(&npz).unwrap();
    write_cxi(&written, &optics(), None, &cxi).unwrap();
    for path in [&npz, &cxi] {
        let mut options = ReadOptions::default();
        options.experiment.scan.rotation_deg = Some(70.0);
        let message = dialect::read(path, &options).unwrap_err().to_string();
        assert!(message.contains("off the object"), "{message}");
        let (_, name) = message.split_once("--leave-out ").expect("what to type");
        options.leave_out = vec![name.split(' ').next().unwrap().to_owned()];
        let (read, understood) = dialect::read(path, &options).unwrap();
        assert_eq!((read.object, read.scan.len()), (None, written.scan.len()));
        assert!(read.probe.is_some());
        let told = "objectGuess: left out, as specified";
        assert!(understood.notes.iter().any(|note| note == told), "{:?}", understood.notes);
    }
    let product = folder.path().join("product.h5");
    let (patterns, made) = (folder.path().join("dp.h5"), self::product());
    let row: Vec<_> = (0..7).map(|k| Position { y: 4.25, x: 3.5 + 1.5 * f64::from(k) }).collect();
    let positions = Product::of_object(&row, (20, 17), (6, 5), made.pixel_size);
    let counts = Dataset {
        scan: row,
        diffraction: Array3::from_elem((7, 6, 5), 3.0).into(),
        probe: Some(made.probe.clone()),
        object: None,
        mask: None,
        frames: None,
        extras: Vec::new(),
        ..dataset()
    };
    dialect::write_dp(&counts, &patterns).unwrap();
    Product { indexes: (0..7).collect(), positions, ..made }.write(&product).unwrap();
    let mut options = ReadOptions { companion: Some(product), ..ReadOptions::default() };
    options.experiment.scan.rotation_deg = Some(90.0);
    let message = dialect::read(&patterns, &options).unwrap_err().to_string();
    assert!(message.contains("--leave-out object reads"), "{message}");
    options.leave_out = vec!["object".to_owned()];
    assert_eq!(dialect::read(&patterns, &options).unwrap().0.object, None);
}

/// The object of a CXI file is that of simulations, comparisons and starts as well.
fn serves_as_object(path: &Path, written: &Dataset) {
    let close = |scan: Option<Vec<Position>>| {
        let scan = scan.expect("its positions are read");
        assert_eq!(scan.len(), written.scan.len());
        for (a, b) in scan.iter().zip(&written.scan) {
            assert_close(&[a.y, a.x], &[b.y, b.x], 1e-9);
        }
    };
    let base = dialect::read_base(path).unwrap();
    assert_eq!(Some(base.object), written.object);
    assert_eq!(Some(&base.probe), written.probe.as_ref());
    close(base.scan);
    let flipped = ReadOptions { flip_x: true, ..ReadOptions::default() };
    // Nothing is then on the object.
    let refused = dialect::read_base_as(path, &flipped).unwrap_err().to_string();
    assert!(refused.contains("off the object"), "{refused}");
    for role in [Role::Reconstruction, Role::Truth] {
        let made = Reconstruction::read_as(path, role, None).unwrap();
        let projection = made.object.into_projection();
        assert_eq!(Some(projection), written.object.as_ref().map(|object| object.projection()));
        assert_eq!(made.probe, written.probe);
        close(made.positions);
        assert!(made.metadata.is_some_and(|own| own.contains_key("physics_parameters")));
    }
    close(read_positions(path).unwrap());
    // The second file of a scan without a probe.
    let second = ReadOptions { companion: Some(path.to_owned()), ..ReadOptions::default() };
    let (with_probe, _) = dialect::read(path, &second).unwrap();
    assert!(with_probe.probe.is_some());
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
    let acquisition = Acquisition { distance_m: 1.5, energy_ev: 9000.0, photon_count: 1e6 };
    Product { acquisition, ..product() }.write(folder.path().join("product.h5")).unwrap();
    write_cxi(&dataset(), &optics(), None, folder.path().join("set.cxi")).unwrap();
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

#[test]
fn the_geometry_survives_a_copy_in_the_studys_format() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.npz");
    let read_again = || dialect::read(&copy, &ReadOptions::default()).unwrap();
    for geometry in [Geometry::NearField, Geometry::FarField] {
        let told = ReadOptions { geometry: Some(geometry), ..ReadOptions::default() };
        let (dataset, _) = dialect::read(fixture("gzip_i32.cxi"), &told).unwrap();
        assert_eq!(dataset.geometry, Some(geometry));
        dataset.select(&[0, 2, 3]).unwrap().write(&copy).unwrap();
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

#[test]
fn the_detector_of_a_near_field_makes_its_fresnel_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("near.cxi");
    let pitch = (5e-6, 5e-6);
    let told = FarFieldOptics { wavelength: 1.5e-10, distance: 0.1, pitch };
    let near = |number: Option<f64>| {
        let mut near = Dataset { geometry: Some(Geometry::NearField), ..dataset() };
        let own = near.metadata.as_mut().unwrap();
        let stated = [
            ("fresnel_number", number),
            ("wavelength_m", Some(told.wavelength)),
            ("distance_m", Some(told.distance)),
            ("detector_pixel_size_y_m", Some(pitch.0)),
            ("detector_pixel_size_x_m", Some(pitch.1)),
        ];
        for (name, stated) in stated {
            if let Some(stated) = stated {
                metadata::set_physics_parameter(own, name, stated);
            }
        }
        near
    };
    let pixel = 1e-6;
    // Of a cone beam, 1 um x 5 um / (0.15 nm x 0.1 m) = 1/3; stated the same; stated otherwise,
    // which 1 um at (1 um)^2 / (0.15 nm x 2) have.
    let cone = pixel * pitch.0 / (told.wavelength * told.distance);
    let parallel = FarFieldOptics {
        distance: pixel * pixel / (told.wavelength * 2.0),
        pitch: (pixel, pixel),
        ..told
    };
    for (number, expected, detector) in
        [(None, 1.0, told), (Some(cone), 1.0, told), (Some(2.0), 6.0, parallel)]
    {
        let mut near = near(number);
        metadata::set_physics_parameter(near.metadata.as_mut().unwrap(), "pixel_size_m", pixel);
        write_cxi(&near, &told, None, &path).unwrap();
        let (read, understood) = dialect::read(&path, &ReadOptions::default()).unwrap();
        let found = FarFieldOptics::of(read.metadata.as_ref().unwrap()).unwrap();
        let numbers = |of: FarFieldOptics| [of.wavelength, of.distance, of.pitch.0, of.pitch.1];
        for (found, expected) in numbers(found).iter().zip(numbers(detector)) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{number:?}: {found} for {expected}");
        }
        let physics = read.physics().unwrap();
        let Propagation::NearField { fresnel_number } = physics.propagation else {
            panic!("{physics:?}");
        };
        let meant = expected * cone;
        assert!((fresnel_number / meant - 1.0).abs() < 1e-9, "{number:?}: {fresnel_number}");
        assert_close(&[understood.pixel_size_m.unwrap().0 * 1e6], &[1.0], 1e-9);
        assert_close(&rows(&read), &rows(&near), 1e-9);
        assert_close(&columns(&read), &columns(&near), 1e-9);
    }
}

#[test]
fn a_near_field_taken_as_a_far_one_has_the_far_one_s_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("near.cxi");
    let npz = folder.path().join("near.npz");
    let told = FarFieldOptics { wavelength: 1.5e-10, distance: 0.1, pitch: (5e-6, 5e-6) };
    let pixel = 1e-6;
    let [height, width] = [SHAPE.1, SHAPE.2];
    // Wavelength x distance / (N x detector pixel).
    let far = |n: usize| told.wavelength * told.distance / (n as f64 * told.pitch.0);
    let number = pixel * told.pitch.0 / (told.wavelength * told.distance);
    for stated in [None, Some(number)] {
        let mut near = dataset();
        near.geometry = Some(Geometry::NearField);
        let own = near.metadata.as_mut().unwrap();
        metadata::set_physics_parameter(own, "pixel_size_m", pixel);
        metadata::set_physics_parameter(own, "geometry", "near-field");
        metadata::set_physics_parameter(own, "slice_fresnel_number", 0.3);
        let known = [
            ("fresnel_number", stated),
            ("wavelength_m", Some(told.wavelength)),
            ("distance_m", Some(told.distance)),
            ("detector_pixel_size_y_m", Some(told.pitch.0)),
            ("detector_pixel_size_x_m", Some(told.pitch.1)),
        ];
        // Nothing but the Fresnel number is known of one file, and of another not even a pixel.
        let known =
            known.into_iter().filter(|(name, _)| stated.is_none() || *name == "fresnel_number");
        for (name, value) in known {
            if let Some(value) = value {
                metadata::set_physics_parameter(own, name, value);
            }
        }
        write_cxi(&near, &told, None, &path).unwrap();
        near.write(&npz).unwrap();
        for path in [&path, &npz] {
            let options =
                ReadOptions { geometry: Some(Geometry::FarField), ..ReadOptions::default() };
            let (read, understood) = dialect::read(path, &options).unwrap();
            let (y, x) = object_pixel(read.metadata.as_ref().unwrap()).unwrap();
            for (found, expected) in [(y, far(height)), (x, far(width))] {
                assert!((found / expected - 1.0).abs() < 1e-9, "{found} for {expected}");
            }
            // They are where they were, in metres.
            for (at, was) in read.scan.iter().zip(&near.scan) {
                assert_close(&[at.y * y, at.x * x], &[was.y * pixel, was.x * pixel], 1e-15);
            }
            assert_eq!((read.object, read.probe), (None, None));
            let told = understood.notes.iter().any(|note| note.contains("taken as a far one"));
            assert!(told, "{:?}", understood.notes);
            assert_eq!(read.geometry, Some(Geometry::FarField));
            // On a pixel that is said they are there too, and where a window is cut it is that of
            // the window's patterns.
            let side = 2.0 * far(height);
            for window in [None, Some((height / 2, width / 2))] {
                let mut options = ReadOptions { pixel_size: Some(side), ..options.clone() };
                options.experiment.detector.window = window;
                let (read, _) = dialect::read(path, &options).unwrap();
                // A gap of slices is as long as it was: the square of a pixel over the number.
                let own = read.metadata.as_ref().unwrap();
                let gap = metadata::physics_parameter(own, "slice_fresnel_number").unwrap();
                let expected = 0.3 * (side / pixel).powi(2);
                assert!((gap / expected - 1.0).abs() < 1e-9, "{gap} for {expected}");
                for (at, was) in read.scan.iter().zip(&near.scan) {
                    assert_close(
                        &[at.y * side, at.x * side],
                        &[was.y * pixel, was.x * pixel],
                        1e-15,
                    );
                }
                assert_eq!((read.object, read.probe), (None, None));
            }
            // As it states itself it stays as it is.
            let (read, _) = dialect::read(path, &ReadOptions::default()).unwrap();
            assert_eq!(read.object, near.object);
            assert_close(&rows(&read), &rows(&near), 1e-9);
        }
    }
}
