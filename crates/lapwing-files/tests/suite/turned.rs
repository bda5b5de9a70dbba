//! Positions that are turned, exchanged and reversed, in pixels that need not be squares, and what
//! lies where they do.

use crate::described::{problems, read};
use lapwing_files::Dataset;
use lapwing_files::dialect::object_sides;
use lapwing_files::npy::Array;
use lapwing_files::npz;
use lapwing_files::reading::Given;
use lapwing_model::Position;
use ndarray::Array3;
use std::path::{Path, PathBuf};

/// Five positions and where they truly are.
const TOLD: [(f64, f64); 5] =
    [(40.0, 40.0), (40.0, 52.0), (46.0, 44.0), (50.0, 61.0), (41.0, 57.0)];
const TRUE: [(f64, f64); 5] =
    [(41.0, 40.5), (38.0, 53.0), (46.5, 44.0), (50.0, 60.0), (42.0, 58.0)];

/// Patterns of a shape at these positions, in pixels of the object, of whose size nothing is said.
fn scan(folder: &Path, (height, width): (usize, usize), truth: &[&str]) -> PathBuf {
    let path = folder.join("scan.npz");
    let pattern = |(_, y, x): (usize, usize, usize)| {
        let (y, x) = (y as f32 - height as f32 / 2.0, x as f32 - width as f32 / 2.0);
        ((-(y * y + x * x) / 200.0).exp() * 400.0).round().sqrt()
    };
    let rows = |of: [(f64, f64); 5]| Array::from(of.map(|at| at.0).to_vec());
    let columns = |of: [(f64, f64); 5]| Array::from(of.map(|at| at.1).to_vec());
    let mut arrays = vec![
        ("diffraction", Array::from(&Array3::from_shape_fn((5, height, width), pattern))),
        ("ycoords", rows(TOLD)),
        ("xcoords", columns(TOLD)),
    ];
    let others = [("true_ycoords", rows(TRUE)), ("true_xcoords", columns(TRUE))];
    arrays.extend(others.into_iter().filter(|(name, _)| truth.contains(name)));
    npz::write(&path, &arrays).expect("written");
    path
}

fn rotation(degrees: f64) -> (&'static str, Given) {
    ("scan_rotation_deg", Given::Number(degrees))
}

fn exchanged() -> (&'static str, Given) {
    ("coordinate_order", Given::Word("column-row".to_owned()))
}

/// Positions less the first one, multiplied by the sides of a pixel.
fn lengths(scan: &[Position], sides: (f64, f64)) -> Vec<(f64, f64)> {
    scan.iter().map(|at| ((at.y - scan[0].y) * sides.0, (at.x - scan[0].x) * sides.1)).collect()
}

/// The told positions of pixels of these sides, less the first one, turned as lengths.
fn expected(degrees: f64, sides: (f64, f64)) -> Vec<(f64, f64)> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let turned = |(y, x): (f64, f64)| {
        let (y, x) = ((y - TOLD[0].0) * sides.0, (x - TOLD[0].1) * sides.1);
        (y * cos - x * sin, y * sin + x * cos)
    };
    TOLD.map(turned).to_vec()
}

fn alike(found: &[(f64, f64)], expected: &[(f64, f64)]) -> bool {
    let off = |(a, b): (&(f64, f64), &(f64, f64))| (a.0 - b.0).hypot(a.1 - b.1);
    found.len() == expected.len() && found.iter().zip(expected).all(|pair| off(pair) < 1e-9)
}

#[test]
fn positions_of_pixels_of_unknown_size_turn_as_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let window = |y: f64, x: f64| ("detector_window", Given::Numbers(vec![y, x]));
    let pitch = |y: f64, x: f64| ("detector_pixel_size_m", Given::Numbers(vec![y, x]));
    // A pixel of the object is inverse to the range of the detector along its axis. The last pair
    // is that pixel's, of which only the ratio counts, before a window is cut, the one before it
    // the same after that.
    for (shape, given, after, before) in [
        ((64, 64), vec![], (1.0, 1.0), (1.0, 1.0)),
        ((64, 64), vec![window(32.0, 64.0)], (2.0, 1.0), (1.0, 1.0)),
        ((64, 64), vec![window(64.0, 16.0)], (1.0, 4.0), (1.0, 1.0)),
        ((64, 32), vec![], (1.0, 2.0), (1.0, 2.0)),
        ((64, 32), vec![window(32.0, 32.0)], (1.0, 1.0), (0.5, 1.0)),
        ((64, 64), vec![pitch(5e-5, 1e-4)], (2.0, 1.0), (2.0, 1.0)),
        ((64, 32), vec![pitch(5e-5, 1e-4)], (1.0, 1.0), (1.0, 1.0)),
    ] {
        let path = scan(folder.path(), shape, &[]);
        for degrees in [30.0, 90.0] {
            let given = [given.clone(), vec![rotation(degrees)]].concat();
            let (dataset, understood) = read(&path, &given).unwrap();
            assert_eq!(understood.pixel_size_m, None);
            let found = lengths(&dataset.scan, after);
            assert!(alike(&found, &expected(degrees, before)), "{shape:?} {given:?}: {found:?}");
            let notes = understood.notes.join("\n");
            let square = after == (1.0, 1.0);
            assert_eq!(!square, notes.contains("times as high as wide"), "{given:?}: {notes}");
            let is_told = given.iter().any(|(name, _)| *name == "detector_pixel_size_m");
            let guessed = notes.contains("nothing says their sides");
            assert_eq!(guessed, !square && !is_told, "{given:?}: {notes}");
            // What was written is turned back without a word on pixels.
            let again = folder.path().join("again.npz");
            dataset.write(&again).unwrap();
            let back = lengths(&read(&again, &[rotation(-degrees)]).unwrap().0.scan, after);
            assert!(alike(&back, &expected(0.0, before)), "{shape:?} {given:?}: {back:?}");
        }
    }
    // The pixels of an image are the detector's.
    let path = scan(folder.path(), (64, 32), &[]);
    let near = ("geometry", Given::Word("near-field".to_owned()));
    let (dataset, _) = read(&path, &[near, rotation(30.0)]).unwrap();
    assert!(alike(&lengths(&dataset.scan, (1.0, 1.0)), &expected(30.0, (1.0, 1.0))));
    // A pitch that tells no ratio, or turns nothing, is of no use without a distance.
    let path = scan(folder.path(), (64, 64), &[]);
    for given in [vec![pitch(5e-5, 5e-5), rotation(3.0)], vec![pitch(5e-5, 1e-4)]] {
        assert_eq!(problems(&path, &given)[0].0, "detector_pixel_size_m", "{given:?}");
    }
}

/// A scan that lies at (u, v) as lengths, told at (v, u), is where it lies once that is said.
#[test]
fn positions_in_pixels_are_exchanged_as_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let window = |y: f64, x: f64| ("detector_window", Given::Numbers(vec![y, x]));
    let pitch = |y: f64, x: f64| ("detector_pixel_size_m", Given::Numbers(vec![y, x]));
    let near = ("geometry", Given::Word("near-field".to_owned()));
    let names = ["true_ycoords", "true_xcoords"];
    // Told at (v, u), pixels of sides (y, x); the pixels in use have others where a window is cut.
    let told = |at: [(f64, f64); 5], (y, x): (f64, f64)| -> Vec<(f64, f64)> {
        at.map(|at| ((at.1 - TOLD[0].1) * x, (at.0 - TOLD[0].0) * y)).to_vec()
    };
    for (shape, given, after, before) in [
        ((64, 64), vec![], (1.0, 1.0), (1.0, 1.0)),
        ((64, 64), vec![window(32.0, 64.0)], (2.0, 1.0), (1.0, 1.0)),
        ((64, 32), vec![], (1.0, 2.0), (1.0, 2.0)),
        ((64, 32), vec![window(32.0, 32.0)], (1.0, 1.0), (0.5, 1.0)),
        ((64, 64), vec![pitch(5e-5, 1e-4)], (2.0, 1.0), (2.0, 1.0)),
        ((64, 32), vec![near], (1.0, 1.0), (1.0, 1.0)),
    ] {
        let path = scan(folder.path(), shape, &names);
        let all = [given.clone(), vec![exchanged()]].concat();
        let (dataset, understood) = read(&path, &all).unwrap();
        let found = lengths(&dataset.scan, after);
        assert!(alike(&found, &told(TOLD, before)), "{shape:?} {given:?}: {found:?}");
        // The true ones lie to the told ones as they did.
        let from = dataset.scan[0];
        let there = places(&dataset, names).into_iter();
        let there: Vec<_> =
            there.map(|(y, x)| ((y - from.y) * after.0, (x - from.x) * after.1)).collect();
        assert!(alike(&there, &told(TRUE, before)), "{shape:?} {given:?}: {there:?}");
        let notes = understood.notes.join("\n");
        assert_eq!(notes.contains("as lengths"), before != (1.0, 1.0), "{given:?}: {notes}");
        // Other positions are in the pixels in use.
        let other = folder.path().join("other.txt");
        let lines = TOLD.map(|(y, x)| format!("{y} {x}\n")).concat();
        std::fs::write(&other, lines).unwrap();
        let all = [all, vec![("positions", Given::Path(other))]].concat();
        let (dataset, _) = read(&path, &all).unwrap();
        assert!(alike(&lengths(&dataset.scan, after), &told(TOLD, after)), "{given:?}");
    }
}

#[test]
fn sides_of_pixels_that_metadata_do_not_tell_are_those_of_square_pixels_of_a_detector() {
    let ratio = |metadata: &str, shape| {
        let metadata = serde_json::from_str(metadata).ok();
        let (y, x) = object_sides(metadata.as_ref(), shape);
        y / x
    };
    assert_eq!(ratio("", (64, 32)), 0.5);
    assert_eq!(ratio(r#"{"physics_parameters": {"geometry": "near-field"}}"#, (64, 32)), 1.0);
    assert_eq!(ratio(r#"{"physics_parameters": {"pixel_size_m": 1e-9}}"#, (64, 32)), 1.0);
    let pitch = r#"{"physics_parameters":
        {"detector_pixel_size_y_m": 1e-5, "detector_pixel_size_x_m": 3e-5}}"#;
    assert_eq!(ratio(pitch, (64, 64)), 3.0);
    let stated = r#"{"physics_parameters": {"pixel_height_over_width": 1.0}}"#;
    assert_eq!(ratio(stated, (64, 32)), 1.0);
}

/// The positions in arrays of these names.
fn places(dataset: &Dataset, [rows, columns]: [&str; 2]) -> Vec<(f64, f64)> {
    let of = |name: &str| {
        let array = dataset.extras.iter().find(|(other, _)| other == name).expect(name);
        array.1.to_f64().expect("numbers")
    };
    of(rows).into_iter().zip(of(columns)).collect()
}

#[test]
fn true_positions_go_where_the_positions_go() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["true_ycoords", "true_xcoords"];
    let path = scan(folder.path(), (64, 64), &names);
    let flip = |name| (name, Given::Flag(true));
    let half = ("detector_window", Given::Numbers(vec![32.0, 64.0]));
    for given in [
        vec![],
        vec![exchanged()],
        vec![flip("flip_y")],
        vec![flip("flip_x"), exchanged()],
        vec![rotation(30.0)],
        vec![flip("flip_y"), exchanged(), rotation(-75.0)],
        vec![exchanged(), half, rotation(20.0)],
    ] {
        let (dataset, _) = read(&path, &given).unwrap();
        // What one affine map does to three positions it does to all places.
        let at = |index: usize| (dataset.scan[index].y, dataset.scan[index].x);
        let (a, b, c) = (TOLD[0], TOLD[1], TOLD[2]);
        let (u, v) = ((b.0 - a.0, b.1 - a.1), (c.0 - a.0, c.1 - a.1));
        let area = u.0 * v.1 - u.1 * v.0;
        let mapped = |(y, x): (f64, f64)| {
            let (y, x) = (y - a.0, x - a.1);
            let (s, t) = ((y * v.1 - x * v.0) / area, (u.0 * x - u.1 * y) / area);
            let along = |a: f64, b: f64, c: f64| a + s * (b - a) + t * (c - a);
            (along(at(0).0, at(1).0, at(2).0), along(at(0).1, at(1).1, at(2).1))
        };
        let (found, expected) = (places(&dataset, names), TRUE.map(mapped));
        assert!(alike(&found, &expected), "{given:?}: {found:?}, not {expected:?}");
    }
    // Other positions say nothing of the file's own.
    let other = folder.path().join("other.txt");
    std::fs::write(&other, "1 2\n3 4\n5 6\n7 9\n8 3\n").unwrap();
    let (dataset, _) = read(&path, &[exchanged(), ("positions", Given::Path(other))]).unwrap();
    assert!(alike(&places(&dataset, names), &TRUE));
}

#[test]
fn one_true_coordinate_goes_as_far_as_it_tells() {
    let folder = tempfile::tempdir().unwrap();
    let path = scan(folder.path(), (64, 64), &["true_xcoords"]);
    let (dataset, _) = read(&path, &[exchanged()]).unwrap();
    let names: Vec<_> = dataset.extras.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["true_ycoords"]);
    assert_eq!(dataset.extras[0].1.to_f64().unwrap(), TRUE.map(|at| at.1));
    let (dataset, understood) = read(&path, &[rotation(30.0)]).unwrap();
    assert!(dataset.extras.is_empty());
    let told = |note: &String| note.starts_with("true_xcoords: left out");
    assert!(understood.notes.iter().any(told), "{:?}", understood.notes);
}
