//! The report of a study: one HTML page that opens from disk, and the results as CSV and JSON.
//!
//! [`write()`] reads a study's folder (finished, half finished or with failures) through the records of `lapwing_study` and
//! writes `report/index.html`, `report/results.csv` and `report/results.json` into it. It reconstructs and compares nothing:
//! what the records do not hold is not in the report. The page needs no network; every picture is inside it.
//!
//! ```no_run
//! let paths = lapwing_report::write(std::path::Path::new("my-study"))?;
//! println!("open {}", paths.html.display());
//! # Ok::<(), lapwing_report::ReportError>(())
//! ```

mod answer;
mod error;
mod gather;
mod media;
mod metric;
mod page;
mod plots;
mod shots;
mod tables;

pub use error::ReportError;

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
}

/// Writes the report of the study in `study_dir` and says where. The same study gives the same bytes.
///
/// Each file appears whole or not at all; earlier ones are replaced.
///
/// # Errors
/// If the folder holds no study, its design or manifest cannot be read, or a file cannot be written. A condition whose own
/// record is damaged is reported on the page instead.
pub fn write(study_dir: &Path) -> Result<ReportPaths, ReportError> {
    let study = gather::Study::read(study_dir)?;
    let html = page::render(&study)?;
    let csv = tables::csv(&study);
    let json = tables::json(&study)?;
    let folder = study.folder.report_dir();
    std::fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let put = |name: &str, contents: &str| {
        let path = folder.join(name);
        match lapwing_files::atomic::write_bytes(&path, contents) {
            Ok(()) => Ok(path),
            Err(source) => Err(ReportError::Write { path, source }),
        }
    };
    Ok(ReportPaths {
        csv: put("results.csv", &csv)?,
        json: put("results.json", &json)?,
        html: put("index.html", &html)?,
    })
}
