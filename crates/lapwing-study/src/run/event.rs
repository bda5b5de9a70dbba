//! What happens during a study, as typed events; progress bars, logs and lines of JSON are their
//! consumers.

use crate::design::condition::{Case, Condition};
use crate::disk::record::{JobRecord, JobResult, Telemetry};
use crate::{Result, StudyError};
use lapwing_solve::Epoch;
use std::ops::ControlFlow;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The data sets of a dose are being simulated and split.
    Simulating {
        /// Mean photons per pattern.
        dose: u64,
        /// Which noise realisation, from 1.
        repeat: usize,
        /// Number of patterns of the whole scan.
        patterns: usize,
    },
    /// The data sets of a dose are there.
    Simulated {
        /// Mean photons per pattern.
        dose: u64,
        /// Which noise realisation, from 1.
        repeat: usize,
        /// Measured mean counts per pattern of the whole scan.
        mean_counts: Option<f64>,
        /// They were there already.
        resumed: bool,
    },
    /// A view is there.
    View {
        /// Which.
        condition: Condition,
        /// Which noise realisation, from 1.
        repeat: usize,
        /// How its positions were selected.
        telemetry: Telemetry,
        /// It was there already.
        resumed: bool,
    },
    /// A view cannot be made; its jobs will be skipped.
    ViewRefused {
        /// Which.
        condition: Condition,
        /// Which noise realisation, from 1.
        repeat: usize,
        /// The numbers, and what would help.
        reason: &'a str,
    },
    /// The jobs of a run begin.
    JobsPlanned {
        /// The jobs to run, in order.
        jobs: &'a [JobRecord],
        /// Number of cases left out.
        skipped: usize,
    },
    /// A job begins.
    JobStarted {
        /// Which.
        case: &'a Case,
        /// Its place among the jobs of this run, from 0.
        index: usize,
        /// Number of patterns.
        patterns: usize,
    },
    /// Something else has to come to its end first: another process with the jobs that are left,
    /// another program with its reconstruction, or the passes over patterns that stay out of
    /// memory. Told again and again until then.
    Waiting {
        /// The job; `None` outside a study.
        case: Option<&'a Case>,
        /// What it waits for.
        what: &'a str,
    },
    /// An epoch is done of the fits that a reconstruction has before its own, which find out what
    /// it was asked: a map of the scan, the number of modes.
    Fitting {
        /// The job; `None` outside a study.
        case: Option<&'a Case>,
        /// Epochs of all these fits that are done.
        done: usize,
        /// And that there will be, as far as that can be said before.
        expected: usize,
        /// Epochs of the reconstruction after them.
        epochs: usize,
    },
    /// A line of a reconstruction's log. In a study, where every job has a log file, only that has
    /// it.
    Note {
        /// Who should see it.
        level: Level,
        /// The line.
        text: &'a str,
    },
    /// An epoch of a reconstruction is done.
    Epoch {
        /// The job; `None` outside a study.
        case: Option<&'a Case>,
        /// Epochs done and asked for, and the loss.
        epoch: Epoch,
    },
    /// A job is done; what came of it.
    JobDone {
        /// Its place among the jobs of this run, from 0.
        index: usize,
        /// The result.
        result: &'a JobResult,
        /// It was there already.
        resumed: bool,
    },
    /// A job failed; the others go on.
    JobFailed {
        /// Which.
        case: &'a Case,
        /// Its place among the jobs of this run, from 0.
        index: usize,
        /// Why.
        error: &'a str,
    },
}

/// The importance of a [`Event::Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What is replaced or removed: for everyone, those who asked for quiet too.
    Loss,
    /// What was understood of the input and how it is treated: worth seeing before the work.
    Fact,
    /// A line of the solver's account, for the log.
    Detail,
}

/// A consumer of events. Jobs that run at the same time call it in turn, each from its own thread.
///
/// [`ControlFlow::Break`] stops the work: it returns [`StudyError::Stopped`] as soon as it can.
/// Every file of a study is whole at every instant, so the next run resumes from there; stopped
/// after an epoch, it resumes after that epoch. Jobs that run at the same time end at their own
/// next event, and commands of external solvers are killed.
pub type Observer<'o> = &'o mut (dyn FnMut(Event<'_>) -> ControlFlow<()> + Send);

/// An observer that ignores all events and never stops the work.
pub fn unobserved(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Passes an event to the observer.
///
/// # Errors
/// [`StudyError::Stopped`] when the observer stops the work.
pub(crate) fn tell(observe: Observer<'_>, event: Event<'_>) -> Result<()> {
    match observe(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(StudyError::Stopped),
    }
}

/// Passes a line of the log to the observer.
///
/// # Errors
/// [`StudyError::Stopped`] when the observer stops the work.
pub(crate) fn note(observe: Observer<'_>, level: Level, text: &str) -> Result<()> {
    tell(observe, Event::Note { level, text })
}
