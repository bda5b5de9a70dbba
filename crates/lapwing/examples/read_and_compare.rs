//! Reads a data set and a reconstruction of any program, and says how well the reconstruction
//! agrees with the object of the data set.
//!
//! ```text
//! cargo run --example read_and_compare -- SCAN RECONSTRUCTION
//! ```
//!
//! Without arguments both files are made first, in a temporary folder: a simulated scan, and its
//! object with a little noise in place of a reconstruction.

#![allow(clippy::print_stdout, reason = "an example says what it found")]

use lapwing_compare::{Region, compare};
use lapwing_files::{Dataset, ReadOptions, Reconstruction, dataset};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Position};
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (scan, reconstruction) = match arguments.as_slice() {
        [scan, reconstruction] => (scan.clone(), reconstruction.clone()),
        [] => make(folder.path())?,
        _ => return Err("expected SCAN RECONSTRUCTION, or nothing".into()),
    };

    // Whatever the dialect, a data set has the conventions of ARCHITECTURE.md.
    let (data, understood) = dataset::read(&scan, &ReadOptions::default())?;
    println!("{}: {} patterns of {:?}", scan.display(), data.n_patterns(), data.pattern_shape());
    println!("dialect {}, {}", understood.dialect, understood.quantity);
    for note in &understood.notes {
        println!("note: {note}");
    }

    let made = Reconstruction::read(&reconstruction)?;
    let (Some(truth), Some(probe)) = (&data.object, &data.probe) else {
        return Err("the data set has no object and probe to compare with".into());
    };
    // Counted are the pixels that the scan illuminates.
    let region = Region::from_scan(truth.shape(), &data.scan, probe.view())?;
    let found = compare(made.object.projection().view(), truth.projection().view(), &region)?;
    println!("complex correlation {:.5}", found.metrics.complex_correlation);
    println!("complex error       {:.5}", found.metrics.complex_nrmse);
    Ok(())
}

/// A simulated scan, and a file like that of a reconstruction.
fn make(folder: &Path) -> Outcome<(PathBuf, PathBuf)> {
    let probe = ProbeDesign::new(ProbeKind::Defocused).build((64, 64))?;
    let positions = generate(ScanKind::Fermat, 8.0, (80.0, 80.0), 1)?;
    let placement = fit(&positions, (64, 64), 2).ok_or("a scan without positions")?;
    let scan: Vec<Position> = placement.place(&positions);
    let object = Specimen::Cells.make(placement.shape, 1);
    let exposure = expose(&Physics::default(), object.view(), probe.view(), &scan, 1e4, 42)?;
    let (diffraction, _) = Dataset::amplitudes(&exposure.counts);

    let mut made = Reconstruction::of(object.clone().into());
    for (index, value) in made.object.slices_mut().iter_mut().enumerate() {
        let angle = 2.4 * index as f32;
        *value += Complex32::from_polar(0.02, angle);
    }
    let data = Dataset {
        diffraction,
        scan,
        object: Some(object.into()),
        probe: Some(probe),
        ..Dataset::default()
    };
    let (scan, reconstruction) = (folder.join("scan.npz"), folder.join("reconstruction.npz"));
    data.write(&scan)?;
    made.write(&reconstruction)?;
    Ok((scan, reconstruction))
}
