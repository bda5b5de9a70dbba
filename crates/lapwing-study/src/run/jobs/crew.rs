//! Several jobs at a time, each on its own share of the threads.

use crate::design::external::ALGORITHM;
use crate::disk::record::JobRecord;
use crate::run::dataset::memory::stack_bytes;
use crate::run::dataset::stream::Streaming;
use crate::run::event::{self, Event, Observer};
use crate::{Result, StudyError};
use lapwing_files::{ReadOptions, Stop};
use lapwing_solve::solver;
use std::panic::resume_unwind;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

/// How many jobs run at the same time. The threads are shared out among them; results do not depend
/// on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtOnce {
    /// One for each thread, as far as there are jobs and the memory suffices; one where a solver is
    /// another program, which takes as many threads as it likes.
    #[default]
    Auto,
    /// This many, but no more than there are threads.
    Jobs(usize),
}

impl FromStr for AtOnce {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = || text.parse().ok().filter(|&number: &usize| number > 0);
        match text {
            "auto" => Ok(Self::Auto),
            _ => number()
                .map(Self::Jobs)
                .ok_or_else(|| "expected auto or a number of jobs, 1 or more".to_owned()),
        }
    }
}

impl AtOnce {
    /// The number of jobs at a time of a run of `jobs` on `threads` threads.
    pub(crate) fn number(self, jobs: &[JobRecord], threads: usize, stream: Streaming) -> usize {
        let wanted = match self {
            Self::Jobs(number) => number,
            Self::Auto if jobs.iter().any(|job| job.algorithm == ALGORITHM) => 1,
            Self::Auto => match (largest(jobs), stream.memory()) {
                (Some(job), Some(free)) => usize::try_from(free / job.max(1)).unwrap_or(usize::MAX),
                _ => threads,
            },
        };
        wanted.min(threads).min(jobs.len()).max(1)
    }
}

/// What a job needs for each byte of its patterns as 32-bit numbers: the patterns, the two halves
/// that they are dealt to, and the solver's own arrays.
const MEMORY_PER_PATTERN_BYTE: u64 = 4;

/// Memory of the largest of `jobs`, bytes, from the headers of its files; `None` when none can be
/// read.
fn largest(jobs: &[JobRecord]) -> Option<u64> {
    let reading = ReadOptions::default();
    let of = |job: &JobRecord| {
        // A complex field for every pattern takes twice what the pattern does.
        let waves = solver::entry(&job.algorithm).map(|entry| entry.defaults().needs());
        let waves = waves.map_or(0, |needs| 2 * needs.waves_per_pattern as u64);
        Some(stack_bytes(&job.input_npz, &reading)?.saturating_mul(MEMORY_PER_PATTERN_BYTE + waves))
    };
    jobs.iter().filter_map(of).max()
}

/// What the workers of a run have in common.
pub(crate) struct Crew<'a> {
    observer: Mutex<Observer<'a>>,
    /// The observer stopped the run, or a worker panicked: the others end at their next event.
    stopped: AtomicBool,
    /// Something went wrong outside any job: no further one begins.
    failed: AtomicBool,
}

impl<'a> Crew<'a> {
    /// A crew whose events go to `observe`.
    pub fn new(observe: Observer<'a>) -> Self {
        Self {
            observer: Mutex::new(observe),
            stopped: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// Calls `work` on `workers` threads at once, each with its share of the threads of the current
    /// pool, and waits for all.
    ///
    /// `work` continues from job to job and must ask [`Self::goes_on`] between them.
    ///
    /// # Errors
    /// [`StudyError::Stopped`] when the observer stopped any worker, else the first error of any.
    pub fn run(&self, workers: usize, work: impl Fn(&Self) -> Result<()> + Sync) -> Result<()> {
        if workers <= 1 {
            return work(self);
        }
        let (threads, stop) = (rayon::current_num_threads(), Stop::here());
        let share =
            |worker: usize| (threads / workers + usize::from(worker < threads % workers)).max(1);
        let endings: Vec<Result<()>> = std::thread::scope(|scope| {
            let begun: Vec<_> = (0..workers)
                .map(|worker| {
                    let (work, share, stop) = (&work, share(worker), &stop);
                    scope.spawn(move || self.in_pool(share, stop, work))
                })
                .collect();
            let join = |worker: ScopedJoinHandle<'_, Result<()>>| match worker.join() {
                Ok(ending) => ending,
                Err(panic) => resume_unwind(panic),
            };
            begun.into_iter().map(join).collect()
        });
        if endings.iter().any(|ending| matches!(ending, Err(StudyError::Stopped))) {
            return Err(StudyError::Stopped);
        }
        endings.into_iter().collect()
    }

    fn in_pool(
        &self,
        threads: usize,
        stop: &Stop,
        work: &(impl Fn(&Self) -> Result<()> + Sync),
    ) -> Result<()> {
        let _stops_the_others = StopOnPanic(&self.stopped);
        let started = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = started.map_err(|error| {
            let text =
                format!("cannot start the threads of several jobs at a time: {error}; run fewer");
            StudyError::Invalid(text)
        });
        let ending = pool.and_then(|pool| pool.install(|| stop.during(|| work(self))));
        if ending.is_err() {
            self.failed.store(true, Ordering::SeqCst);
        }
        ending
    }

    /// Whether another job may begin.
    pub fn goes_on(&self) -> bool {
        !self.failed.load(Ordering::SeqCst) && !self.stopped.load(Ordering::SeqCst)
    }

    /// Tells the observer of an event; the workers do so in turn.
    ///
    /// # Errors
    /// [`StudyError::Stopped`] when the observer stopped this worker or another one.
    pub fn tell(&self, event: Event<'_>) -> Result<()> {
        // An observer that panicked is called again: its panic ends the job that it was called for.
        let mut observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked while nobody else can tell: another worker may have been stopped before this turn.
        if self.stopped.load(Ordering::SeqCst) {
            return Err(StudyError::Stopped);
        }
        let told = event::tell(&mut **observer, event);
        if told.is_err() {
            self.stopped.store(true, Ordering::SeqCst);
        }
        told
    }
}

/// Sets its flag when it is dropped by a panic.
struct StopOnPanic<'f>(&'f AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::condition::{Condition, Split, View};
    use std::ops::ControlFlow;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::PathBuf;
    use std::sync::atomic::AtomicUsize;

    fn job(input_npz: PathBuf, algorithm: &str) -> JobRecord {
        JobRecord {
            case: Condition { dose: 1, split: Split::Train, view: View::Baseline }.into(),
            input_npz,
            output_dir: PathBuf::new(),
            algorithm: algorithm.to_owned(),
            num_epochs: 1,
        }
    }

    #[test]
    fn as_many_jobs_as_threads_but_no_more_than_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("a.npz");
        let patterns = ndarray::Array3::<f32>::zeros((2, 4, 4));
        lapwing_files::npz::write(&input, &[("diffraction", (&patterns).into())]).unwrap();
        let jobs = vec![job(input.clone(), "LSQML"); 3];
        assert_eq!(largest(&jobs), Some(2 * 16 * 4 * MEMORY_PER_PATTERN_BYTE));
        assert_eq!(AtOnce::Auto.number(&jobs, 2, Streaming::Auto), 2);
        assert_eq!(AtOnce::Auto.number(&jobs, 8, Streaming::Auto), 3);
        // As many as there is memory for, of what was said to be worked in.
        let within = |jobs: u64| Streaming::Within(jobs * 2 * 16 * 4 * MEMORY_PER_PATTERN_BYTE + 1);
        assert_eq!(AtOnce::Auto.number(&jobs, 8, within(2)), 2);
        assert_eq!(AtOnce::Auto.number(&jobs, 8, within(0)), 1);
        assert_eq!(AtOnce::Jobs(2).number(&jobs, 8, Streaming::Auto), 2);
        assert_eq!(AtOnce::Jobs(9).number(&jobs, 2, Streaming::Auto), 2);
        assert_eq!(AtOnce::Auto.number(&[], 8, Streaming::Auto), 1);
        let mixed = [jobs[0].clone(), job(input, ALGORITHM)];
        assert_eq!(
            (
                AtOnce::Auto.number(&mixed, 8, Streaming::Auto),
                AtOnce::Jobs(2).number(&mixed, 8, Streaming::Auto)
            ),
            (1, 2)
        );
    }

    #[test]
    fn words_for_it() {
        assert_eq!("auto".parse(), Ok(AtOnce::Auto));
        assert_eq!("3".parse(), Ok(AtOnce::Jobs(3)));
        for wrong in ["0", "-1", "many", ""] {
            assert!(wrong.parse::<AtOnce>().unwrap_err().contains("auto"), "{wrong}");
        }
    }

    #[test]
    fn threads_are_shared_out_and_all_used() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
        let shares = Mutex::new(Vec::new());
        let mut nothing = event::unobserved;
        let crew = Crew::new(&mut nothing);
        let note = |_: &Crew<'_>| {
            shares.lock().unwrap().push(rayon::current_num_threads());
            Ok(())
        };
        pool.install(|| crew.run(2, note)).unwrap();
        let mut shares = shares.into_inner().unwrap();
        shares.sort_unstable();
        assert_eq!(shares, [2, 3]);
    }

    #[test]
    fn when_the_observer_stops_one_the_others_end_at_their_next_event() {
        let (begun, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut stop = |_: Event<'_>| {
            told.fetch_add(1, Ordering::SeqCst);
            ControlFlow::Break(())
        };
        let crew = Crew::new(&mut stop);
        let work = |crew: &Crew<'_>| {
            begun.fetch_add(1, Ordering::SeqCst);
            while begun.load(Ordering::SeqCst) < 3 {
                std::thread::yield_now();
            }
            loop {
                crew.tell(Event::JobsPlanned { jobs: &[], skipped: 0 })?;
            }
        };
        assert!(matches!(crew.run(3, work), Err(StudyError::Stopped)) && !crew.goes_on());
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_panic_outside_jobs_ends_the_others_and_is_passed_on() {
        let mut nothing = event::unobserved;
        let crew = Crew::new(&mut nothing);
        let first = AtomicBool::new(true);
        let work = |crew: &Crew<'_>| {
            assert!(!first.swap(false, Ordering::SeqCst), "the first one");
            loop {
                crew.tell(Event::JobsPlanned { jobs: &[], skipped: 0 })?;
            }
        };
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let ended = catch_unwind(AssertUnwindSafe(|| crew.run(2, work)));
        std::panic::set_hook(hook);
        assert!(ended.is_err() && !crew.goes_on());
    }

    #[test]
    fn an_error_outside_jobs_lets_no_further_one_begin() {
        let mut nothing = event::unobserved;
        let crew = Crew::new(&mut nothing);
        let first = AtomicBool::new(true);
        let outcome = crew.run(2, |crew| {
            if first.swap(false, Ordering::SeqCst) {
                return Err(StudyError::Invalid("the disk is full".to_owned()));
            }
            while crew.goes_on() {
                std::thread::yield_now();
            }
            Ok(())
        });
        assert_eq!(outcome.unwrap_err().to_string(), "the disk is full");
    }
}
