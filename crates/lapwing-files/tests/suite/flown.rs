//! Exposures in motion, whose path is stated by a file or said, and positions in other coordinates.

use crate::described::{problems, read};
use lapwing_files::npy::Array;
use lapwing_files::reading::Given;
use lapwing_files::{dialect, npz, reading};
use lapwing_model::Complex32;
use lapwing_model::forward::Physics;
use ndarray::{Array2, Array3};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Four patterns of 16 x 16 pixels along a row, in steps of 6 columns, each flown along (1, 4).
fn scan(folder: &Path, step: f64) -> PathBuf {
    let path = folder.join("flown.npz");
    let flown: Vec<[f64; 2]> =
        Physics::fly((1.0, 4.0)).iter().map(|place| [place.y, place.x]).collect();
    let metadata = json!({ "physics_parameters": { "exposure_path_px": flown } });
    let ones = |shape| Array2::from_elem(shape, Complex32::new(1.0, 0.0));
    let arrays = [
        ("diffraction", Array::from(&Array3::from_elem((4, 16, 16), 1.0_f32))),
        ("ycoords", Array::from(vec![20.0, 20.0, 20.0, 21.0])),
        ("xcoords", Array::from([0.0, 1.0, 2.0, 3.0].map(|k| 20.0 + step * k).to_vec())),
        ("probeGuess", Array::from(&ones((16, 16)))),
        ("_metadata", Array::texts(&[metadata.to_string()])),
    ];
    npz::write(&path, &arrays).expect("written");
    path
}

#[test]
fn a_stated_path_goes_where_the_positions_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = scan(folder.path(), 6.0);
    let exchanged = ("coordinate_order", Given::Word("column-row".to_owned()));
    let (flip_y, flip_x) = (("flip_y", Given::Flag(true)), ("flip_x", Given::Flag(true)));
    let turned = |degrees: f64| ("scan_rotation_deg", Given::Number(degrees));
    let half = ("detector_window", Given::Numbers(vec![8.0, 8.0]));
    let (sin, cos) = 30.0_f64.to_radians().sin_cos();
    for (given, (y, x)) in [
        (vec![], (1.0, 4.0)),
        (vec![exchanged.clone()], (4.0, 1.0)),
        (vec![flip_y.clone()], (-1.0, 4.0)),
        (vec![flip_x.clone()], (1.0, -4.0)),
        // Exchanged first, then reversed, then turned from rows towards columns.
        (vec![exchanged.clone(), flip_x.clone()], (4.0, -1.0)),
        (vec![turned(90.0)], (-4.0, 1.0)),
        (vec![turned(30.0)], (cos - 4.0 * sin, sin + 4.0 * cos)),
        (vec![exchanged.clone(), flip_y, turned(30.0)], (-4.0 * cos - sin, -4.0 * sin + cos)),
        // Half of the detector has pixels of the object twice as large.
        (vec![exchanged.clone(), half, turned(90.0)], (-0.5, 2.0)),
    ] {
        let (dataset, _) = read(&path, &given).unwrap();
        let flown = Physics::path(&dataset.physics().unwrap().motion).unwrap();
        let off = (flown.0 - y).hypot(flown.1 - x);
        assert!(off < 1e-9, "{given:?}: {flown:?} for ({y}, {x})");
        // One map takes both: the path stays as long against the steps of 6 columns, and as far
        // along them.
        let [from, to] = [&dataset.scan[0], &dataset.scan[1]];
        let (dy, dx) = (to.y - from.y, to.x - from.x);
        let (step, length) = (dy.hypot(dx), flown.0.hypot(flown.1));
        assert!((length / step - 17.0_f64.sqrt() / 6.0).abs() < 1e-9, "{given:?}: {flown:?}");
        let along = (dy * flown.0 + dx * flown.1) / (step * step);
        assert!((along - 4.0 / 6.0).abs() < 1e-9, "{given:?}: {along}");
    }
    // What is said is of the pixels and the coordinates that are used.
    let said = ("fly", Given::Numbers(vec![0.0, 3.0]));
    let (dataset, _) = read(&path, &[exchanged.clone(), turned(30.0), said]).unwrap();
    assert_eq!(dataset.physics().unwrap().motion, Physics::fly((0.0, 3.0)));
    // Other positions are exchanged by themselves.
    let other = folder.path().join("other.txt");
    std::fs::write(&other, "1 2\n3 4\n5 6\n7 9\n").unwrap();
    let (dataset, _) = read(&path, &[exchanged, ("positions", Given::Path(other))]).unwrap();
    let (y, x) = Physics::path(&dataset.physics().unwrap().motion).unwrap();
    assert!((y - 1.0).abs() < 1e-9 && (x - 4.0).abs() < 1e-9, "({y}, {x})");
}

#[test]
fn the_path_of_a_base_goes_where_its_positions_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.npz");
    let metadata =
        json!({ "physics_parameters": { "exposure_path_px": [[-0.5, 1.0], [0.5, -1.0]] } });
    let ones = |shape| Array2::from_elem(shape, Complex32::new(1.0, 0.0));
    let arrays = [
        ("objectGuess", Array::from(&ones((40, 40)))),
        ("ycoords", Array::from(vec![10.0, 12.0])),
        ("xcoords", Array::from(vec![20.0, 24.0])),
        ("probeGuess", Array::from(&ones((16, 16)))),
        ("_metadata", Array::texts(&[metadata.to_string()])),
    ];
    npz::write(&path, &arrays).unwrap();
    let exchanged = Given::Word("column-row".to_owned());
    let options = reading::options([(reading::option("coordinate_order").unwrap(), &exchanged)]);
    let base = dialect::read_base_as(&path, &options.unwrap()).unwrap();
    let motion = base.physics((16, 16)).unwrap().motion;
    let places: Vec<_> = motion.iter().map(|at| (at.y, at.x)).collect();
    assert_eq!(places, [(1.0, -0.5), (-1.0, 0.5)]);
    assert_eq!(base.scan.unwrap()[0].y, 20.0);
}

#[test]
fn a_way_that_leaves_the_window_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = scan(folder.path(), 1e9);
    for (fly, name, found) in [
        (Given::Numbers(vec![1e9, 1.0]), "fly", "(1.00e9, 1.00) pixels, (y, x)"),
        (Given::Numbers(vec![1e300, 0.0]), "fly", "(1.00e300, 0.00) pixels, (y, x)"),
        (Given::Word("auto".to_owned()), "fly auto", "(0.33, 1.00e9) pixels, (y, x)"),
    ] {
        let told = problems(&path, &[("fly", fly)]);
        assert_eq!(told, [(name.to_owned(), found.to_owned())]);
    }
}
