//! The files of one reconstruction.

use crate::disk::record::Files;
use crate::run::pictures::{self, ObjectPictures};
use crate::{Result, StudyError};
use lapwing_draw::Look;
use lapwing_files::{Reconstruction, atomic};
use lapwing_model::{Modes, Position};
use lapwing_solve::uncertainty::ErrorMaps;
use std::fmt::Write as _;
use std::path::Path;

/// Name of the reconstruction inside its folder.
pub(crate) const RECONSTRUCTION: &str = lapwing_files::reconstruction::FILE_NAME;

/// Writes everything but pictures of the object, the comparison, the log and `result.json`.
pub(super) fn write(folder: &Path, made: &Reconstruction, probe: &Modes) -> Result<Files> {
    made.write(folder.join(RECONSTRUCTION))?;
    Ok(Files {
        reconstruction: Some(RECONSTRUCTION.to_owned()),
        loss_csv: write_bytes(folder, "loss.csv", loss_table(&made.loss).as_bytes())?,
        loss_svg: write_bytes(folder, "loss.svg", pictures::loss(&made.loss).as_bytes())?,
        probe: write_bytes(folder, "probe.png", &pictures::probe(probe))?,
        shifts: write_shifts(folder, made)?,
        variation: write_variation(folder, made)?,
        ..Files::default()
    })
}

/// Draws how far positions were moved, where they were.
fn write_shifts(folder: &Path, made: &Reconstruction) -> Result<Option<String>> {
    let (Some(before), Some(shifts)) = (&made.measured_positions, made.shifts()) else {
        return Ok(None);
    };
    let drawn = pictures::shifts(before, &shifts, Look::Standalone);
    write_bytes(folder, "shifts.svg", drawn.as_bytes())
}

/// Draws how the probe varies along the scan, where it does.
fn write_variation(folder: &Path, made: &Reconstruction) -> Result<Option<String>> {
    let drawn = made.variation().and_then(|found| pictures::variation(&found));
    match drawn {
        Some(plot) => write_bytes(folder, "variation.svg", plot.svg(Look::Standalone).as_bytes()),
        None => Ok(None),
    }
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
    for (index, slice) in pictures.slices.iter().enumerate() {
        files.slices.extend(write_bytes(folder, &of_slice(index), &slice.png())?);
    }
    files.overview = write_bytes(folder, "overview.png", &pictures.overview(probe, pixel_size))?;
    Ok(())
}

/// Name of the picture of a slice, of which the first has index 0.
pub(super) fn of_slice(index: usize) -> String {
    format!("phase_slice_{}.png", index + 1)
}

/// Writes the pictures of error maps over the area of the scan and adds their names.
pub(super) fn write_maps(
    folder: &Path,
    maps: &ErrorMaps,
    scan: &[Position],
    files: &mut Files,
) -> Result<()> {
    let [amplitude, phase] = pictures::deviations(maps, scan);
    files.amplitude_sd = write_bytes(folder, "amplitude_sd.png", &amplitude.png())?;
    files.phase_sd = write_bytes(folder, "phase_sd.png", &phase.png())?;
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
