//! The real Siemens-star scan: with the conventions of its dialect it becomes a star, with any other choice of axis order and
//! sign it does not. Reads `../shared/data` beside the repository and says so when that folder is absent.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use lapwing_files::dialect::{CoordinateOrder, ReadOptions, read};
use lapwing_model::{Complex32, Field, scan::fit};
use lapwing_solve::lsqml::Lsqml;
use lapwing_solve::{Flow, Problem};
use std::path::{Path, PathBuf};

fn star() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/siemens-star-tike.npz");
    if !path.exists() {
        eprintln!("SKIPPED: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// Loss after `epochs` epochs: mean over pixels of (sqrt I - sqrt m)^2 in counts, at most 0.25 for a perfect model.
fn residual(path: &Path, options: &ReadOptions, epochs: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let (dataset, understood) = read(path, options)?;
    assert_eq!((understood.n_patterns, understood.pattern_shape), (516, (128, 128)));
    let mean = understood.mean_counts_per_pattern.ok_or("the counts are known")?;
    assert!((mean - 461_213.0).abs() < 1.0, "{mean}");
    let placement = fit(&dataset.scan, (128, 128), 16).ok_or("a scan")?;
    let object = Field::from_elem(placement.shape, Complex32::new(1.0, 0.0));
    let counts = dataset.counts().ok_or("the counts are known")?;
    let probe = dataset.probe.ok_or("a probe")?;
    let problem = Problem::new(counts, placement.place(&dataset.scan), object, probe)?;
    let solution = Lsqml { epochs, ..Lsqml::default() }.solve(&problem, &mut |_| Flow::Continue);
    solution.loss.last().copied().ok_or_else(|| "no epoch".into())
}

#[test]
fn only_row_column_with_positive_signs_fits_the_patterns() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = star() else { return Ok(()) };
    let swapped = Some(CoordinateOrder::ColumnRow);
    let right = residual(&path, &ReadOptions::default(), 30)?;
    let wrong = [
        ("swapped", ReadOptions { coordinate_order: swapped, ..ReadOptions::default() }),
        ("reversed", ReadOptions { flip_y: true, flip_x: true, ..ReadOptions::default() }),
        (
            "swapped and reversed",
            ReadOptions { coordinate_order: swapped, flip_y: true, flip_x: true, ..ReadOptions::default() },
        ),
    ];
    println!("as stored: {right}");
    for (name, options) in wrong {
        let found = residual(&path, &options, 30)?;
        println!("{name}: {found}");
        assert!(found > 2.0 * right, "{name}: residual {found}, as stored {right}");
    }
    Ok(())
}

#[test]
fn the_star_is_fitted_almost_to_the_photon_noise() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = star() else { return Ok(()) };
    let found = residual(&path, &ReadOptions::default(), 100)?;
    println!("residual after 100 epochs: {found}");
    assert!(found < 0.325, "residual {found}; 0.25 is a perfect model of the photon noise");
    Ok(())
}
