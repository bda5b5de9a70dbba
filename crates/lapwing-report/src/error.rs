//! What can go wrong.

use std::path::PathBuf;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder holds no study.
    #[error(
        "{} holds no study: expected study.toml or reconstructions/reconstruction_manifest.json in it; name the folder that \
         `lapwing study run` was given as --output",
        folder.display()
    )]
    NoStudy {
        /// The folder.
        folder: PathBuf,
    },
    /// A goal for something that the report does not answer for.
    #[error(
        "no goal can be set for {name}: expected a metric that is a quality, one of {known}, or \
         another of docs/metrics.md, lengths in px or nm"
    )]
    Goal {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A goal in nanometres for a study whose results tell no pixel.
    #[error(
        "no goal can be set for {name}: expected the side of an object pixel in the results, found none; tell it \
         (--pixel-size-m), or give the goal in pixels (resolution=3px)"
    )]
    Pixel {
        /// What was asked for.
        name: String,
    },
    /// A pixel that is not that of the data.
    #[error(
        "--pixel-size-m (pixel_size_m): expected the {own:e} m of the study, or none, found {told:e} m; leave it \
         out, or run the study again with the other size where it describes its data"
    )]
    OtherPixel {
        /// Metres that were told.
        told: f64,
        /// Metres in the results.
        own: f64,
    },
    /// A goal that no result can reach.
    #[error("goal {name}={value}: expected {expected} {perfect}, the value of a perfect result")]
    Impossible {
        /// The metric.
        name: String,
        /// What was asked for.
        value: f64,
        /// `at most` or `at least`.
        expected: &'static str,
        /// The value of a perfect result.
        perfect: f64,
    },
    /// A record of the study cannot be read.
    #[error(transparent)]
    Study(#[from] lapwing_study::StudyError),
    /// A file of the report cannot be written.
    #[error("cannot write {}: {source}; check that the folder exists and has room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The page's template and its data disagree; a fault of this program.
    #[error("the page could not be composed (please report this): {0:#}")]
    Template(#[from] minijinja::Error),
    /// The results cannot be written as JSON; a fault of this program.
    #[error("the results could not be written as JSON (please report this): {0}")]
    Json(#[from] serde_json::Error),
}
