//! The report of a study: one HTML page that opens from disk, and the results as CSV and JSON.
//!
//! [`write()`] reads a study's folder (finished, half finished or with failures) through the
//! records of `lapwing_study` and writes `report/index.html`, `report/results.csv`,
//! `report/results.json`, `report/study_answer.json` and `report/figures/` into it. It reconstructs
//! and compares nothing: what the records do not hold is not in the report. The page needs no
//! network; every picture is inside it.
//!
//! ```no_run
//! let paths = lapwing_report::write(std::path::Path::new("my-study"))?;
//! println!("open {}", paths.html.display());
//! # Ok::<(), lapwing_report::ReportError>(())
//! ```

mod answer;
mod asked;
mod error;
mod estimate;
mod figures;
mod fluence;
mod gather;
mod levels;
mod machine;
mod media;
mod metric;
mod need;
mod page;
mod plots;
mod quanta;
mod scans;
mod shots;
mod specimen;
mod tables;

pub use error::ReportError;

use lapwing_study::foreign::{self, REPORT};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPaths {
    /// The page.
    pub html: PathBuf,
    /// One row for each condition.
    pub csv: PathBuf,
    /// Every record in full.
    pub json: PathBuf,
    /// The answer of the page, for programs.
    pub answer: PathBuf,
    /// Folder of the plots as SVG and PNG.
    pub figures: PathBuf,
}

/// Writes the report with the usual goals; see [`write_with`].
///
/// # Errors
/// Those of [`write_with`].
pub fn write(study_dir: &Path) -> Result<ReportPaths, ReportError> {
    write_with(study_dir, &BTreeMap::new())
}

/// Writes the report of the study in `study_dir` and returns its paths. The same study gives the
/// same bytes.
///
/// `goals` are the qualities that the answer in words is about, by the metric's name (for example
/// `phase_ssim`), the first screen about the first of them; without any it is the goal of the
/// design. The usual ones stand for those not named. Each file appears whole or not at all;
/// earlier ones are replaced.
///
/// # Errors
/// If the folder holds no study, its design or manifest cannot be read, or a file cannot be
/// written. A condition whose own record is damaged is reported on the page instead. Also if a goal
/// is given for an unknown metric, and if the folder of the report holds files of others under its
/// names.
pub fn write_with(
    study_dir: &Path,
    goals: &BTreeMap<String, f64>,
) -> Result<ReportPaths, ReportError> {
    write_sized(study_dir, goals, None)
}

/// [`write_with`] for a study whose data do not tell the side of an object pixel: `pixel_size_m`,
/// metres, makes resolutions in nanometres and photons per area of them. It stands before the size
/// that a search has kept with its goal.
///
/// # Errors
/// Those of [`write_with`]; and when the data tell another size.
pub fn write_sized(
    study_dir: &Path,
    goals: &BTreeMap<String, f64>,
    pixel_size_m: Option<f64>,
) -> Result<ReportPaths, ReportError> {
    write_page(study_dir, goals, pixel_size_m, None)
}

/// Writes the report of a study that is running: its page looks for a newer one every `seconds`.
///
/// # Errors
/// Those of [`write_with`].
pub fn write_live(study_dir: &Path, seconds: u32) -> Result<ReportPaths, ReportError> {
    write_page(study_dir, &BTreeMap::new(), None, Some(seconds))
}

fn write_page(
    study_dir: &Path,
    goals: &BTreeMap<String, f64>,
    pixel_size_m: Option<f64>,
    live: Option<u32>,
) -> Result<ReportPaths, ReportError> {
    let mut study = gather::Study::read(study_dir, pixel_size_m)?;
    foreign::refuse_report(&study.folder.report_dir())?;
    let metrics = metric::with_goals(&study.goals(goals), study.pixel_size)?;
    study.doubt_what_is_flat(&metrics);
    study.note_what_is_not_held(&metrics);
    let html = page::render(&study, &metrics, live)?;
    let csv = tables::csv(&study);
    let json = tables::json(&study)?;
    let answer = machine::answer(&study, &metrics)?;
    let folder = study.folder.report_dir();
    std::fs::create_dir_all(&folder)
        .map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let put = |name: &str, contents: &[u8]| {
        let path = folder.join(name);
        match lapwing_files::atomic::write_bytes(&path, contents) {
            Ok(()) => Ok(path),
            Err(source) => Err(ReportError::Write { path, source }),
        }
    };
    let figures = folder.join(figures::FOLDER);
    std::fs::create_dir_all(&figures)
        .map_err(|source| ReportError::Write { path: figures.clone(), source })?;
    [&folder, &figures].into_iter().for_each(lapwing_files::atomic::remove_abandoned);
    for (name, contents) in figures::all(&study, &metrics) {
        put(&format!("{}/{name}", figures::FOLDER), &contents)?;
    }
    Ok(ReportPaths {
        csv: put(REPORT[1], csv.as_bytes())?,
        json: put(REPORT[2], json.as_bytes())?,
        answer: put(REPORT[3], answer.as_bytes())?,
        html: put(REPORT[0], html.as_bytes())?,
        figures,
    })
}
