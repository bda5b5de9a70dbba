//! Scans of detectors that stop counting, whose pixels are summed.

use crate::described::read;
use lapwing_files::npy::Array;
use lapwing_files::reading::Given;
use lapwing_files::remarks::What;
use lapwing_files::{Metadata, Remark, Understanding, metadata, npz};
use ndarray::Array3;
use std::path::{Path, PathBuf};

const SIDE: usize = 16;
const PATTERNS: usize = 9;

/// Counts of discs of light that stop at `limit`.
fn counts(limit: u16) -> Array3<u16> {
    Array3::from_shape_fn((PATTERNS, SIDE, SIDE), |(k, y, x)| {
        let (dy, dx) = (y as f64 - 8.2 + 0.3 * k as f64, x as f64 - 7.6 - 0.2 * k as f64);
        let light = 900.0 * (-(dy * dy + dx * dx) / 18.0).exp() + 3.0;
        (light.round() as u16).min(limit)
    })
}

/// A scan of these counts, which may be stated to stop there.
fn scan(folder: &Path, limit: u16, stated: bool) -> PathBuf {
    let path = folder.join(format!("at_{limit}_{stated}.npz"));
    let mut own = Metadata::default();
    let apparatus = serde_json::json!({ "apparatus": { "saturation": limit } });
    metadata::append_transformation(&mut own, "lapwing", "simulate", apparatus);
    metadata::set_physics_parameter(&mut own, "intensity_scale", 1.0);
    let amplitudes = counts(limit).mapv(|count| f32::from(count).sqrt());
    let patterns = if stated { Array::from(&amplitudes) } else { Array::from(&counts(limit)) };
    write(&path, patterns, stated.then_some(own));
    path
}

/// Writes a scan of such patterns.
fn write(path: &Path, patterns: Array, own: Option<Metadata>) {
    let places =
        |step: f64| Array::from((0..PATTERNS).map(|k| 20.0 + step * k as f64).collect::<Vec<_>>());
    let mut arrays =
        vec![("diffraction", patterns), ("ycoords", places(1.0)), ("xcoords", places(2.0))];
    let text = |own| Array::texts(&[serde_json::Value::Object(own).to_string()]);
    arrays.extend(own.map(|own| ("_metadata", text(own))));
    npz::write(path, &arrays).expect("written");
}

/// Of sums of 2 x 2 pixels those of which no part is at `limit`.
fn sound(limit: u16) -> Array3<bool> {
    let counts = counts(limit);
    Array3::from_shape_fn((PATTERNS, SIDE / 2, SIDE / 2), |(k, y, x)| {
        let parts = [(0, 0), (0, 1), (1, 0), (1, 1)];
        parts.iter().all(|(i, j)| counts[(k, 2 * y + i, 2 * x + j)] < limit)
    })
}

#[test]
fn a_sum_is_left_out_where_any_of_its_parts_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let binning = ("binning", Given::Number(2.0));
    let quantity = ("quantity", Given::Word("counts".to_owned()));
    for stated in [true, false] {
        let paths = [400, 650].map(|limit| scan(folder.path(), limit, stated));
        let said = [Some(quantity.clone()).filter(|_| !stated), None];
        for said in said {
            let given: Vec<_> = [binning.clone()].into_iter().chain(said).collect();
            for (path, limit) in paths.iter().zip([400, 650]) {
                let (dataset, understood) = read(path, &given).unwrap();
                let good = dataset.mask.as_ref().expect("some stopped").good().to_owned();
                assert_eq!(good, sound(limit), "{given:?} {limit}");
                let parts = counts(limit).iter().filter(|&&count| count == limit).count();
                let told = format!("binning: {parts} values at the ");
                let is_told = |note: &String| note.starts_with(&told) && note.contains("counts");
                assert!(understood.notes.iter().any(is_told), "{:?}", understood.notes);
                // What is left is summed.
                let summed = dataset.counts().unwrap();
                let at = good.indexed_iter().find(|(_, good)| **good).unwrap().0;
                let parts = counts(limit);
                let sum: u16 = parts
                    .slice(ndarray::s![at.0, 2 * at.1..2 * at.1 + 2, 2 * at.2..2 * at.2 + 2])
                    .sum();
                assert!((summed[at] - f32::from(sum)).abs() < 1e-2, "{given:?} {limit}");
            }
            // Of two scans each has its own limit.
            let join = ("join", Given::Words(vec![paths[1].display().to_string()]));
            let (both, _) = read(&paths[0], &[given, vec![join]].concat()).unwrap();
            let good = both.mask.expect("some stopped").good().to_owned();
            let each = ndarray::concatenate![ndarray::Axis(0), sound(400), sound(650)];
            assert_eq!(good, each, "stated: {stated}");
        }
    }
    // Nothing stops where nothing is stopped, and nothing is masked where nothing is summed.
    let free = scan(folder.path(), u16::MAX, false);
    assert!(read(&free, &[binning]).unwrap().0.mask.is_none());
    let clipped = scan(folder.path(), 400, false);
    assert!(read(&clipped, &[]).unwrap().0.mask.is_none());
}

/// Of scans that stop at different numbers, which nobody states, each has its own limit; what a
/// file of them all carries is no count any more.
#[test]
fn each_scan_that_is_joined_has_the_limit_that_is_found_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |limit: u16, stated: bool| scan(folder.path(), limit, stated);
    let of = |paths: &[&PathBuf]| {
        let others = paths[1..].iter().map(|path| path.display().to_string()).collect();
        let quantity = ("quantity", Given::Word("counts".to_owned()));
        // What states its unit is amplitudes.
        let said = [quantity].into_iter().filter(|_| paths.iter().all(|path| !is_stated(path)));
        let join = [("join", Given::Words(others))];
        read(paths[0], &said.chain(join).collect::<Vec<_>>()).unwrap()
    };
    let good = |limit: u16| counts(limit).mapv(|count| count < limit);
    let free = Array3::from_elem((PATTERNS, SIDE, SIDE), true);
    let (low, high, none) = (at(400, false), at(650, false), at(u16::MAX, false));
    let (low_stated, high_stated) = (at(400, true), at(650, true));
    for (paths, expected) in [
        ([&low, &high], [good(400), good(650)]),
        ([&high, &low], [good(650), good(400)]),
        ([&low, &none], [good(400), free.clone()]),
        ([&low_stated, &high], [good(400), good(650)]),
        ([&low, &high_stated], [good(400), good(650)]),
    ] {
        let (both, understood) = of(&paths);
        let masked = expected.iter().flatten().filter(|good| !**good).count();
        let expected = ndarray::concatenate![ndarray::Axis(0), expected[0], expected[1]];
        assert_eq!(both.mask.as_ref().expect("some stopped").good(), expected, "{paths:?}");
        let told =
            format!("{masked} values at the limits of detectors, of which each scan has its own (");
        let at = |note: &String| note.starts_with(&told) && note.contains(" counts, as ");
        assert!(understood.notes.iter().any(at), "{understood:?}");
        assert!(understood.notes.iter().any(|note| note.contains("400 counts")), "{understood:?}");
        let clipped: Vec<_> = remarks(&understood).collect();
        assert!(!clipped.is_empty() && clipped.iter().all(|remark| remark.ends_with("numbers")));
        // The file of both is what was read, summed or not.
        let joined = folder.path().join("joined.npz");
        both.write(&joined).unwrap();
        let (back, understood) = read(&joined, &[]).unwrap();
        assert_eq!((&back.mask, remarks(&understood).count()), (&both.mask, 0));
        let (summed, _) = read(&joined, &[("binning", Given::Number(2.0))]).unwrap();
        let parts = |(k, y, x): (usize, usize, usize)| {
            expected
                .slice(ndarray::s![k, 2 * y..2 * y + 2, 2 * x..2 * x + 2])
                .iter()
                .all(|&good| good)
        };
        let sums = Array3::from_shape_fn((2 * PATTERNS, SIDE / 2, SIDE / 2), parts);
        assert_eq!(summed.mask.unwrap().good(), sums);
    }
    // One limit of all is kept, for a fit that knows what it says: also where a scan stays below.
    let dark = folder.path().join("dark.npz");
    write(&dark, Array::from(&counts(u16::MAX).mapv(|count| count / 4)), None);
    for other in [&low, &dark] {
        let (both, understood) = of(&[&low, other]);
        assert!(both.mask.is_none());
        assert!(
            remarks(&understood).all(|told| told.contains("takes saturated counts as at least"))
        );
    }
}

fn is_stated(path: &Path) -> bool {
    path.to_string_lossy().contains("true")
}

/// What is said of numbers that stop.
fn remarks(understood: &Understanding) -> impl Iterator<Item = String> {
    let of_limits = |remark: &&Remark| remark.what == What::Saturation;
    understood.remarks.iter().filter(of_limits).map(Remark::to_string)
}
