//! The real Siemens-star scan: with the conventions of its dialect it becomes a star, with any
//! other choice of axis order and sign it does not. Reads `../shared/data` beside the repository
//! and says so when that folder is absent.

#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use lapwing_files::dialect::{CoordinateOrder, ReadOptions, read};
use lapwing_model::{Complex32, Field, scan::fit};
use lapwing_solve::lsqml::Lsqml;
use lapwing_solve::{Flow, Problem, Solver};
use std::path::{Path, PathBuf};

fn star() -> Option<PathBuf> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/siemens-star-tike.npz");
    if !path.exists() {
        eprintln!("SKIPPED: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// Loss of every epoch: mean over pixels of (sqrt I - sqrt m)^2 in counts, at most 0.25 for a
/// perfect model.
fn losses(
    path: &Path,
    options: &ReadOptions,
    epochs: usize,
) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let (dataset, understood) = read(path, options)?;
    assert_eq!((understood.n_patterns, understood.pattern_shape), (516, (128, 128)));
    let mean = understood.mean_counts_per_pattern.ok_or("the counts are known")?;
    assert!((mean - 461_213.0).abs() < 1.0, "{mean}");
    let placement = fit(&dataset.scan, (128, 128), 16).ok_or("a scan")?;
    let object = Field::from_elem(placement.shape, Complex32::new(1.0, 0.0));
    let counts = dataset.counts().ok_or("the counts are known")?;
    let probe = dataset.probe.ok_or("a probe")?;
    let problem =
        Problem::builder(placement.place(&dataset.scan), object, probe).patterns(counts)?;
    Ok(Lsqml { epochs, ..Lsqml::default() }.solve(&problem, &mut |_| Flow::Continue).loss)
}

#[test]
fn fits_to_the_photon_noise_as_stored_and_in_no_other_way() -> Result<(), Box<dyn std::error::Error>>
{
    let Some(path) = star() else { return Ok(()) };
    let swapped = Some(CoordinateOrder::ColumnRow);
    let wrong = [
        ("swapped", ReadOptions { coordinate_order: swapped, ..ReadOptions::default() }),
        ("reversed", ReadOptions { flip_y: true, flip_x: true, ..ReadOptions::default() }),
        (
            "swapped and reversed",
            ReadOptions {
                coordinate_order: swapped,
                flip_y: true,
                flip_x: true,
                ..ReadOptions::default()
            },
        ),
    ];
    let right = losses(&path, &ReadOptions::default(), 100)?;
    println!("as stored: {} after 20 epochs, {} after 100", right[19], right[99]);
    assert!(
        right[99] < 0.32,
        "residual {}; 0.25 is a perfect model of the photon noise",
        right[99]
    );
    for (name, options) in wrong {
        let found = losses(&path, &options, 20)?[19];
        println!("{name}: {found} after 20 epochs");
        assert!(found > 2.0 * right[19], "{name}: residual {found}, as stored {}", right[19]);
    }
    Ok(())
}
