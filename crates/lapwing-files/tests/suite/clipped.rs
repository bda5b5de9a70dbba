//! Scans of detectors that stop counting, whose pixels are summed.

use crate::described::read;
use lapwing_files::npy::Array;
use lapwing_files::reading::Given;
use lapwing_files::{metadata, npz};
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
    let places =
        |step: f64| Array::from((0..PATTERNS).map(|k| 20.0 + step * k as f64).collect::<Vec<_>>());
    let mut own = lapwing_files::Metadata::default();
    let apparatus = serde_json::json!({ "apparatus": { "saturation": limit } });
    metadata::append_transformation(&mut own, "lapwing", "simulate", apparatus);
    metadata::set_physics_parameter(&mut own, "intensity_scale", 1.0);
    let amplitudes = counts(limit).mapv(|count| f32::from(count).sqrt());
    let patterns = if stated { Array::from(&amplitudes) } else { Array::from(&counts(limit)) };
    let own = Array::texts(&[serde_json::Value::Object(own).to_string()]);
    let mut arrays =
        vec![("diffraction", patterns), ("ycoords", places(1.0)), ("xcoords", places(2.0))];
    arrays.extend(stated.then_some(("_metadata", own)));
    npz::write(&path, &arrays).expect("written");
    path
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
