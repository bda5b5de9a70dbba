//! A scan whose file states its physics, as a part of the detector and summed pixels see it.

use crate::described::{problems, read};
use lapwing_files::npy::Array;
use lapwing_files::reading::Given;
use lapwing_files::{dataset, npz};
use lapwing_model::Complex32;
use lapwing_model::forward::{Physics, Propagation, Slices};
use ndarray::{Array2, Array3};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Pixel of the object in the file, metres: 100 pm electrons, 1 m, 64 pixels of 50 um.
const PIXEL: f64 = 1e-10 / (64.0 * 5e-5);

/// Three patterns of 64 x 64 pixels whose metadata state `physics` and this history.
fn scan(folder: &Path, physics: Value, history: Value) -> PathBuf {
    let path = folder.join("scan.npz");
    let pattern = |(_, y, x): (usize, usize, usize)| {
        let (y, x) = (y as f32 - 32.0, x as f32 - 32.0);
        ((-(y * y + x * x) / 200.0).exp() * 400.0).round().sqrt()
    };
    let metadata = json!({ "physics_parameters": physics, "data_transformations": history });
    let at = |places: [f64; 3]| Array::from(places.to_vec());
    let arrays = [
        ("diffraction", Array::from(&Array3::from_shape_fn((3, 64, 64), pattern))),
        ("ycoords", at([40.0, 40.0, 46.0])),
        ("xcoords", at([40.0, 52.0, 44.0])),
        ("true_xcoords", at([41.0, 52.0, 44.0])),
        ("probeGuess", Array::from(&Array2::from_elem((64, 64), Complex32::new(1.0, 0.0)))),
        ("_metadata", Array::texts(&[metadata.to_string()])),
    ];
    npz::write(&path, &arrays).expect("written");
    path
}

fn window(height: f64, width: f64) -> (&'static str, Given) {
    ("detector_window", Given::Numbers(vec![height, width]))
}

fn binning(pixels: f64) -> (&'static str, Given) {
    ("binning", Given::Number(pixels))
}

fn physics_of(path: &Path, given: &[(&str, Given)]) -> Physics {
    read(path, given).expect("read").0.physics().expect("known")
}

/// Optics that make pixels of [`PIXEL`], and all physics of a far field.
fn far() -> Value {
    json!({
        "wavelength_m": 1e-10, "distance_m": 1.0,
        "detector_pixel_size_y_m": 5e-5, "detector_pixel_size_x_m": 5e-5, "pixel_size_m": PIXEL,
        "slices": 2, "slice_fresnel_number": 0.02, "detector_blur_px": 1.5,
        "exposure_path_px": Physics::fly((1.0, 4.0)).iter()
            .map(|place| [place.y, place.x]).collect::<Vec<_>>(),
    })
}

#[test]
fn a_far_field_has_the_physics_of_the_pixels_that_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = scan(folder.path(), far(), json!([]));
    // Of a detector cut to 1/c the object's pixel is c times larger, summed pixels leave it: the
    // pixel is wavelength x distance / (pixels x pitch).
    for (given, cut, sum) in [
        (vec![], 1.0, 1.0),
        (vec![window(32.0, 32.0)], 2.0, 1.0),
        (vec![binning(2.0)], 1.0, 2.0),
        (vec![window(48.0, 48.0), binning(3.0)], 4.0 / 3.0, 3.0),
        (vec![window(128.0, 128.0)], 0.5, 1.0),
    ] {
        let (dataset, understood) = read(&path, &given).unwrap();
        let pixel = understood.pixel_size_m.unwrap().0;
        assert!((pixel / (cut * PIXEL) - 1.0).abs() < 1e-9, "{given:?}: {pixel:e}");
        let physics = dataset.physics().unwrap();
        let Slices { count, fresnel_number } = physics.slices.unwrap();
        // dx^2 / (wavelength gap), with the gap that 0.02 is of the file's pixel.
        let gap = PIXEL * PIXEL / (1e-10 * 0.02);
        let expected = pixel * pixel / (1e-10 * gap);
        assert!(count == 2 && (fresnel_number / expected - 1.0).abs() < 1e-9, "{given:?}");
        assert!((physics.blur - 1.5 / sum).abs() < 1e-12, "{given:?}: {}", physics.blur);
        assert_eq!(physics.motion.len(), Physics::fly((1.0 / cut, 4.0 / cut)).len(), "{given:?}");
        let (y, x) = Physics::path(&physics.motion).unwrap();
        assert!((y - 1.0 / cut).abs() < 1e-9 && (x - 4.0 / cut).abs() < 1e-9, "{given:?}");
        assert!((dataset.scan[1].x - 52.0 / cut).abs() < 1e-9, "{given:?}");
        let metadata = dataset.metadata.as_ref().unwrap();
        let pitch = metadata["physics_parameters"]["detector_pixel_size_y_m"].as_f64().unwrap();
        assert!((pitch / (sum * 5e-5) - 1.0).abs() < 1e-9, "{given:?}: {pitch:e}");
        let places = dataset.extras.iter().find(|(name, _)| name == "true_xcoords").unwrap();
        let places = places.1.to_f64().unwrap();
        assert!((places[0] - 41.0 / cut).abs() < 1e-9, "{given:?}: {places:?}");
        // What is written is read again as it is.
        let again = folder.path().join("again.npz");
        dataset.write(&again).unwrap();
        assert_eq!(physics_of(&again, &[]), physics, "{given:?}");
    }
    // A gap in metres stays, and with it the number follows the pixel.
    let mut metres = far();
    metres["slice_spacing_m"] = json!(5e-8);
    metres["slice_fresnel_number"] = json!(null);
    let path = scan(folder.path(), metres, json!([]));
    let slices = physics_of(&path, &[window(32.0, 32.0)]).slices.unwrap();
    let expected = (2.0 * PIXEL).powi(2) / (1e-10 * 5e-8);
    assert!((slices.fresnel_number / expected - 1.0).abs() < 1e-9, "{slices:?}");
    // What is said is of the patterns as they are read.
    let path = scan(folder.path(), far(), json!([]));
    let said = [
        ("slice_fresnel_number", Given::Number(0.3)),
        ("detector_blur", Given::Number(0.5)),
        ("fly", Given::Numbers(vec![0.0, 2.0])),
        window(32.0, 32.0),
        binning(2.0),
    ];
    let physics = physics_of(&path, &said);
    assert_eq!((physics.slices.unwrap().fresnel_number, physics.blur), (0.3, 0.5));
    assert_eq!(physics.motion, Physics::fly((0.0, 2.0)));
}

#[test]
fn a_near_field_has_the_fresnel_number_of_the_pixels_that_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let number = |path: &Path, given: &[(&str, Given)]| match physics_of(path, given).propagation {
        Propagation::NearField { fresnel_number } => fresnel_number,
        other => panic!("{other:?}"),
    };
    let stated = json!({
        "geometry": "near-field", "fresnel_number": 0.05, "detector_blur_px": 1.0,
        "exposure_path_px": [[0.0, -1.0], [0.5, 0.0], [0.0, 1.0]],
    });
    let path = scan(folder.path(), stated, json!([]));
    // An image has the detector's pixels: cutting it leaves them, summing makes them larger.
    assert_eq!(number(&path, &[window(32.0, 32.0)]), 0.05);
    assert_eq!(number(&path, &[window(48.0, 32.0)]), 0.05);
    assert!((number(&path, &[binning(2.0)]) - 0.2).abs() < 1e-12);
    let physics = physics_of(&path, &[window(48.0, 48.0), binning(2.0)]);
    assert_eq!(physics.blur, 0.5);
    let places: Vec<_> = physics.motion.iter().map(|at| (at.y, at.x)).collect();
    assert_eq!(places, [(0.0, -0.5), (0.25, 0.0), (0.0, 0.5)]);
    // By the optics: 0.1 nm, 50 mm, pixels of 1 um, magnified twice on the detector.
    let optics = json!({
        "geometry": "near-field", "wavelength_m": 1e-10, "distance_m": 0.05,
        "detector_pixel_size_y_m": 2e-6, "detector_pixel_size_x_m": 2e-6, "pixel_size_m": 1e-6,
    });
    let path = scan(folder.path(), optics, json!([]));
    for sum in [1.0, 2.0, 4.0] {
        let expected = sum * sum * 1e-6 * 2e-6 / (1e-10 * 0.05);
        let found = number(&path, &[binning(sum)]);
        assert!((found / expected - 1.0).abs() < 1e-9, "{sum}: {found} for {expected}");
    }
}

#[test]
fn one_fresnel_number_needs_square_pixels() {
    let folder = tempfile::tempdir().unwrap();
    for physics in [far(), json!({ "slices": 2, "slice_fresnel_number": 0.02 })] {
        let path = scan(folder.path(), physics, json!([]));
        let found = problems(&path, &[window(64.0, 32.0)]);
        assert_eq!(found[0].0, "detector_window", "{found:?}");
        assert!(found[0].1.starts_with("pixels 0.500 times as high as wide"), "{found:?}");
        let thin = [window(64.0, 32.0), ("slices", Given::Number(1.0))];
        assert_eq!(physics_of(&path, &thin).slices, None);
    }
    let oblong = json!({
        "geometry": "near-field", "fresnel_number": 0.05, "pixel_size_y_m": 1e-6,
        "pixel_size_x_m": 2e-6,
    });
    let path = scan(folder.path(), oblong, json!([]));
    let refused = read(&path, &[]).unwrap().0.physics().unwrap_err().to_string();
    assert!(refused.contains("square pixels") && refused.contains("--pixel-size-m"), "{refused}");
    physics_of(
        &path,
        &[("pixel_size_m", Given::Number(1e-6)), ("fresnel_number", Given::Number(0.1))],
    );
}

#[test]
fn what_a_detector_clipped_is_masked_before_it_is_summed() {
    let folder = tempfile::tempdir().unwrap();
    let history = json!([
        { "tool": "lapwing", "operation": "simulate",
          "parameters": { "apparatus": { "saturation": 400.0 } } },
    ]);
    let path = scan(folder.path(), json!({ "intensity_scale": 1.0 }), history);
    let good = |given: &[(&str, Given)]| {
        let (dataset, understood) = read(&path, given).unwrap();
        let mask = dataset.mask.map(|mask| mask.good().iter().filter(|&&good| !good).count());
        (mask, understood.notes.join("; "))
    };
    // One pixel of each pattern, the middle, holds 400.
    assert_eq!(good(&[window(32.0, 32.0)]).0, None);
    let (masked, notes) = good(&[binning(2.0)]);
    assert_eq!(masked, Some(3));
    assert!(notes.contains("3 values at the detector's limit of 400 counts"), "{notes}");
    // Those of them that are taken, of all that the file has.
    assert_eq!(good(&[binning(2.0), ("leave_out_frames", Given::Word("0".to_owned()))]).0, Some(2));
    let (dataset, _) = dataset::read(&path, &lapwing_files::ReadOptions::default()).unwrap();
    let stated = lapwing_files::limit::stated;
    assert_eq!(stated(dataset.metadata.as_ref().unwrap()), Some(400.0));
    let (summed, _) = read(&path, &[binning(2.0)]).unwrap();
    assert_eq!(stated(summed.metadata.as_ref().unwrap()), None);
}

#[test]
fn side_disc_and_counts_of_the_metadata_are_those_of_the_pixels_that_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let stated = json!({
        "intensity_scale": 1.0, "nphotons": 1e4, "mean_counts_per_pattern": 1.0, "N": 64,
        "probe_diameter_px": 40.0, "pixel_size_m": PIXEL,
    });
    let path = scan(folder.path(), stated, json!([]));
    let of = |given: &[(&str, Given)]| {
        let (dataset, _) = read(&path, given).unwrap();
        let counts = f64::from(dataset.counts().unwrap().sum()) / dataset.n_patterns() as f64;
        let probe = dataset.probe.unwrap();
        let of = |name| dataset.metadata.as_ref().unwrap()["physics_parameters"][name].as_f64();
        let disc = lapwing_model::probe::diameter(probe.view());
        (of("N"), of("probe_diameter_px"), of("mean_counts_per_pattern"), disc, counts)
    };
    // As it is, what the file states stays.
    assert_eq!((of(&[]).0, of(&[]).1, of(&[]).2), (Some(64.0), Some(40.0), Some(1.0)));
    for (given, side) in [
        (vec![window(32.0, 32.0)], 32.0),
        (vec![binning(2.0)], 32.0),
        (vec![window(48.0, 48.0), binning(2.0)], 24.0),
    ] {
        let (n, told, mean, disc, counts) = of(&given);
        assert_eq!((n, told), (Some(side), Some(disc)), "{given:?}");
        assert!((mean.unwrap() / counts - 1.0).abs() < 1e-5, "{given:?}: {mean:?}, {counts}");
    }
    // So are the counts of some of the patterns.
    let (n, told, mean, _, counts) = of(&[("frames", Given::Word("1".to_owned()))]);
    assert_eq!((n, told), (Some(64.0), Some(40.0)));
    assert!((mean.unwrap() / counts - 1.0).abs() < 1e-5, "{mean:?}, {counts}");
}

#[test]
fn another_pixel_than_that_of_the_file_is_told_with_the_file_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let stated = json!({ "geometry": "near-field", "fresnel_number": 0.05, "pixel_size_m": 2e-8 });
    let path = scan(folder.path(), stated, json!([]));
    let said = |side| ("pixel_size_m", Given::Number(side));
    let told = |given: &[(&str, Given)]| {
        let remarks = read(&path, given).unwrap().1.remarks;
        remarks.iter().map(|remark| remark.evidence.clone()).find(|told| told.contains("as said"))
    };
    let expected = "pixel of the object: 20 nm as said (--pixel-size-m), where the file has 20 nm, \
                    which are 40 nm of the pixels used here";
    assert_eq!(told(&[said(2e-8), binning(2.0)]).as_deref(), Some(expected));
    assert_eq!(told(&[said(4e-8), binning(2.0)]), None);
    let expected = "pixel of the object: 40 nm as said (--pixel-size-m), where the file has 20 nm";
    assert_eq!(told(&[said(4e-8)]).as_deref(), Some(expected));
}

#[test]
fn probes_of_several_scans_go_with_the_patterns() {
    let folder = tempfile::tempdir().unwrap();
    let path = scan(folder.path(), json!({}), json!([]));
    let joined = [("join", Given::Paths(vec![path.with_file_name("other.npz")]))];
    std::fs::copy(&path, path.with_file_name("other.npz")).unwrap();
    let both = folder.path().join("both.npz");
    read(&path, &joined).unwrap().0.write(&both).unwrap();
    let (cut, _) = read(&both, &[window(32.0, 32.0), binning(2.0)]).unwrap();
    let probes = cut.scans.unwrap().probes.unwrap();
    assert_eq!(probes.dim(), (2, 16, 16));
    assert_eq!(
        probes.index_axis(ndarray::Axis(0), 0),
        cut.probe.unwrap().index_axis(ndarray::Axis(0), 0)
    );
}
