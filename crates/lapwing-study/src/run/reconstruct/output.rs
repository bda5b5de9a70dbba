//! The files of one reconstruction.

use crate::design::solver::SolverConfig;
use crate::disk::record::Files;
use crate::run::data::TOOL;
use crate::run::pictures::{self, ObjectPictures};
use crate::{Result, StudyError};
use lapwing_files::metadata::{self, append_transformation};
use lapwing_files::npy::Array;
use lapwing_files::{Metadata, atomic, npz};
use lapwing_model::{Modes, Position};
use lapwing_solve::Solution;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Name of the reconstruction inside its folder.
pub(crate) const RECONSTRUCTION: &str = "reconstruction.npz";

/// Writes everything but pictures of the object, the comparison, the log and `result.json`.
pub(super) fn write(
    folder: &Path,
    solution: &Solution,
    scan: &[Position],
    origin: Option<(i64, i64)>,
    solver: (&str, &Value),
    metadata: Option<&Metadata>,
) -> Result<Files> {
    write_as(&folder.join(RECONSTRUCTION), solution, scan, origin, solver, metadata)?;
    Ok(Files {
        reconstruction: Some(RECONSTRUCTION.to_owned()),
        loss_csv: write_bytes(folder, "loss.csv", loss_table(&solution.loss).as_bytes())?,
        loss_svg: write_bytes(folder, "loss.svg", pictures::loss(&solution.loss).as_bytes())?,
        probe: write_bytes(folder, "probe.png", &pictures::probe(&solution.probe))?,
        ..Files::default()
    })
}

/// Writes the pictures of the object and adds their names.
pub(super) fn write_pictures(
    folder: &Path,
    pictures: &ObjectPictures,
    probe: &Modes,
    pixel_size: Option<f64>,
    files: &mut Files,
) -> Result<()> {
    files.amplitude = write_bytes(folder, "amplitude.png", &pictures.amplitude.png())?;
    files.phase = write_bytes(folder, "phase.png", &pictures.phase.png())?;
    if let Some(picture) = &pictures.error {
        files.error = write_bytes(folder, "error.png", &picture.png())?;
    }
    files.overview = write_bytes(folder, "overview.png", &pictures.overview(probe, pixel_size))?;
    Ok(())
}

fn write_bytes(folder: &Path, name: &str, contents: &[u8]) -> Result<Option<String>> {
    let path = folder.join(name);
    atomic::write_bytes(&path, contents).map_err(StudyError::io("cannot write", &path))?;
    Ok(Some(name.to_owned()))
}

fn loss_table(loss: &[f64]) -> String {
    let mut table = String::from("epoch,loss\n");
    for (epoch, value) in loss.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(table, "{},{value:e}", epoch + 1);
    }
    table
}

/// Writes `reconstruction.npz`: object and probe, window centres (n, 2) as (y, x) in the input's
/// own pixels, loss of every epoch.
///
/// `origin` is where pixel (0, 0) of the object lies in these pixels, `history` the metadata of the
/// input.
///
/// # Errors
/// When the file cannot be written.
pub fn write_npz(
    path: &Path,
    solution: &Solution,
    scan: &[Position],
    origin: Option<(i64, i64)>,
    config: &SolverConfig,
    history: Option<&Metadata>,
) -> Result<()> {
    write_as(path, solution, scan, origin, (config.algorithm(), &json!(config)), history)
}

/// [`write_npz`] of a solver given by the name of its algorithm and its options.
fn write_as(
    path: &Path,
    solution: &Solution,
    scan: &[Position],
    origin: Option<(i64, i64)>,
    (algorithm, options): (&str, &Value),
    history: Option<&Metadata>,
) -> Result<()> {
    let object: Vec<_> = solution.object.iter().copied().collect();
    let probe: Vec<_> = solution.probe.iter().copied().collect();
    let (modes, height, width) = solution.probe.dim();
    let probe_shape = if modes == 1 { vec![height, width] } else { vec![modes, height, width] };
    let positions: Vec<f64> = scan.iter().flat_map(|position| [position.y, position.x]).collect();
    let mut metadata_now = history.cloned().unwrap_or_default();
    let told = json!({ "algorithm": algorithm, "options": options });
    append_transformation(&mut metadata_now, TOOL, "reconstruct", told);
    npz::write_with(path, npz::Packing::Stored, |file| {
        file.values(
            "reconstructed_object",
            &[solution.object.nrows(), solution.object.ncols()],
            &object,
        )?;
        file.values("reconstructed_probe", &probe_shape, &probe)?;
        file.values("positions", &[scan.len(), 2], &positions)?;
        file.values("loss", &[solution.loss.len()], &solution.loss)?;
        if let Some((y, x)) = origin {
            file.values("reconstructed_object_origin", &[2], &[y, x])?;
        }
        file.array("algorithm", &Array::text(algorithm))?;
        file.array("timestamp", &Array::text(&jiff::Timestamp::now().to_string()))?;
        file.array(metadata::KEY, &metadata::to_array(&metadata_now))
    })?;
    Ok(())
}
