//! What became of a case of a study.

use super::record::{JobResult, Status};
use std::path::PathBuf;

/// What became of one case.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A result of the study's design, done or failed (see [`JobResult::status`]).
    Finished(Box<JobResult>),
    /// Failed before there was a result to write, or with a record that cannot be read.
    Failed {
        /// Why.
        error: String,
        /// The job's log.
        log_path: PathBuf,
    },
    /// Skipped, because its view could not be made or its file is missing.
    Skipped {
        /// Why.
        reason: String,
    },
    /// To be run: what its folder holds is the result of an earlier design or of other options.
    Stale {
        /// How it differs.
        reason: String,
    },
    /// Not run yet.
    Pending,
}

impl Outcome {
    /// The record of a result of the study's design, done or failed.
    pub fn result(&self) -> Option<&JobResult> {
        match self {
            Self::Finished(result) => Some(result),
            _ => None,
        }
    }

    /// Whether the case is reconstructed.
    pub fn is_done(&self) -> bool {
        self.result().is_some_and(|result| result.status == Status::Done)
    }

    /// In one word: `done`, `failed`, `skipped` or `pending`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished(_) if self.is_done() => "done",
            Self::Finished(_) | Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Stale { .. } | Self::Pending => "pending",
        }
    }

    /// Why it is not done, where there is more to say than that it has not run.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Finished(_) if self.is_done() => None,
            Self::Finished(result) => {
                Some(result.error.as_deref().unwrap_or("no reason was recorded; see its log"))
            }
            Self::Failed { error, .. } => Some(error),
            Self::Skipped { reason } | Self::Stale { reason } => Some(reason),
            Self::Pending => None,
        }
    }
}
