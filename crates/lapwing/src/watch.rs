//! What happens during long work: one line for each step done, a bar with the time left, and one
//! for each job at work.

use crate::asked::Asking;
use crate::metric::label;
use crate::output::{Output, counted, say};
use crate::progress::Bar;
use indicatif::{HumanDuration, MultiProgress};
use lapwing_study::Case;
use lapwing_study::event::{Event, Level};
use lapwing_study::record::JobResult;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Consumes the events of a study or of one reconstruction.
pub struct Watch<'a> {
    output: Output<'a>,
    bars: MultiProgress,
    /// All epochs.
    whole: Option<Bar>,
    /// The jobs that are at work, by their place.
    running: BTreeMap<usize, Bar>,
    /// All jobs, and their epochs.
    jobs: Vec<(Case, usize)>,
    /// The fits that reconstructions have before their epochs.
    fits: FitsBefore,
    /// The report that grows.
    report: Option<GrowingReport>,
    /// When a log was last told how far the epochs are.
    told: Instant,
}

/// The report of a study that is running, written again after jobs.
#[derive(Debug)]
pub struct GrowingReport {
    /// The study.
    folder: PathBuf,
    /// Not before then.
    next: Instant,
}

/// Seconds between two looks of an open page, and the least between two writings.
const LOOK: u32 = 5;

/// The least time between two lines about epochs in a log, where no bar shows them.
const MINUTE: Duration = Duration::from_secs(60);

/// How many times the work on a report lies between two of them.
const PAUSE: u32 = 20;

impl GrowingReport {
    /// That of the study in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), next: Instant::now() }
    }

    /// Writes the report after an event that adds to it, if it is time. A page that cannot be
    /// written now may be so later, and the last one tells what is wrong.
    pub fn see(&mut self, event: &Event<'_>) {
        let grows = matches!(
            event,
            Event::JobsPlanned { .. } | Event::JobDone { .. } | Event::JobFailed { .. }
        );
        if !grows {
            return;
        }
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let _ = lapwing_report::write_live(&self.folder, LOOK);
        let pause = Duration::from_secs(u64::from(LOOK)).max(PAUSE * now.elapsed());
        self.next = Instant::now() + pause;
    }
}

/// The fits that reconstructions have before their epochs: of those that are at it as they tell,
/// of those to come as others with their solver had.
#[derive(Debug, Default)]
struct FitsBefore {
    /// Of each job by its place, and of a reconstruction outside a study: epochs of fits that the
    /// bar counts on, and those that are done.
    of: BTreeMap<Option<usize>, (u64, u64)>,
    /// Jobs that have begun, which know themselves.
    begun: BTreeSet<usize>,
}

impl FitsBefore {
    /// A job begins.
    fn begin(&mut self, index: usize) {
        self.begun.insert(index);
    }

    /// A job has told how many it expects; by how much there are more in all.
    fn told(&mut self, job: Option<usize>, jobs: &[(Case, usize)], expected: usize) -> i64 {
        let expected = expected as u64;
        let mut more = 0;
        let mut count_on = |of: &mut (u64, u64)| {
            more += expected.saturating_sub(of.0) as i64;
            of.0 = of.0.max(expected);
        };
        count_on(self.of.entry(job).or_default());
        let Some((case, _)) = job.and_then(|index| jobs.get(index)) else { return more };
        for (index, (other, _)) in jobs.iter().enumerate() {
            if other.solver == case.solver && !self.begun.contains(&index) {
                count_on(self.of.entry(Some(index)).or_default());
            }
        }
        more
    }

    /// One of them is done.
    fn done(&mut self, job: Option<usize>) {
        self.of.entry(job).or_default().1 += 1;
    }

    /// There will be no more of them; by how much there are more in all.
    fn over(&mut self, job: Option<usize>) -> i64 {
        let of = self.of.entry(job).or_default();
        let more = of.1 as i64 - of.0 as i64;
        of.0 = of.1;
        more
    }

    /// How many a job had.
    fn before(&self, job: Option<usize>) -> u64 {
        self.of.get(&job).map_or(0, |(_, done)| *done)
    }
}

impl<'a> Watch<'a> {
    /// Nothing shows before there is something to tell.
    pub fn new(output: Output<'a>) -> Self {
        Self {
            output,
            bars: MultiProgress::new(),
            whole: None,
            running: BTreeMap::new(),
            jobs: Vec::new(),
            fits: FitsBefore::default(),
            report: None,
            told: Instant::now(),
        }
    }

    /// The same, with the report of the study in `folder` growing meanwhile.
    pub fn with_report(output: Output<'a>, folder: &Path) -> Self {
        Self { report: Some(GrowingReport::new(folder)), ..Self::new(output) }
    }

    /// Who asked within this process, if it was nobody at a terminal.
    pub fn asked(&self) -> Option<&'a dyn Asking> {
        self.output.asked
    }

    /// Takes note of an event.
    pub fn see(&mut self, event: Event<'_>) {
        self.tell(event);
        if let Some(report) = &mut self.report {
            report.see(&event);
        }
    }

    fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Simulating { dose, repeat, patterns } => {
                self.line(format_args!(
                    "data of dose {dose}{}: {patterns} patterns to make",
                    numbered(repeat)
                ));
            }
            Event::Simulated { dose, repeat, mean_counts, resumed } => {
                let again = format!(
                    "{}{}",
                    numbered(repeat),
                    if resumed { " (there already)" } else { "" }
                );
                match mean_counts {
                    Some(mean) => self.line(format_args!(
                        "data of dose {dose}: measured {mean:.2} counts per pattern{again}"
                    )),
                    None => self.line(format_args!("data of dose {dose}{again}")),
                }
            }
            Event::View { condition, repeat, telemetry, resumed } => {
                let again = format!(
                    "{}{}",
                    numbered(repeat),
                    if resumed { " (there already)" } else { "" }
                );
                self.line(format_args!(
                    "view {condition}: {} of {} positions{again}",
                    telemetry.n_accepted,
                    telemetry.n_accepted + telemetry.n_rejected
                ));
            }
            Event::ViewRefused { condition, repeat, reason } => {
                self.line(format_args!("no view {condition}{}: {reason}", numbered(repeat)))
            }
            Event::JobsPlanned { jobs, skipped } => {
                let epochs =
                    jobs.iter().fold(0, |sum: usize, job| sum.saturating_add(job.num_epochs));
                self.jobs = jobs.iter().map(|job| (job.case.clone(), job.num_epochs)).collect();
                self.line(format_args!(
                    "{}, {} in all, {skipped} skipped",
                    counted(jobs.len(), "job"),
                    counted(epochs, "epoch")
                ));
                self.whole = Some(Bar::new(self.output, &self.bars, epochs, "epochs"));
            }
            Event::JobStarted { case, index, .. } => {
                self.fits.begin(index);
                let epochs = self.jobs.get(index).map_or(0, |(_, epochs)| *epochs);
                let bar = Bar::new(self.output, &self.bars, epochs, "epochs");
                bar.set_message(format!("job {}/{}: {case}", index + 1, self.jobs.len()));
                self.running.insert(index, bar);
            }
            Event::Fitting { case, done, expected, epochs } => {
                let job = self.place_of(case);
                if job.is_none() {
                    let bars = &self.bars;
                    let bar = || Bar::new(self.output, bars, epochs, "epochs");
                    self.whole.get_or_insert_with(bar).set_message("finding out about the scan");
                }
                let more = self.fits.told(job, &self.jobs, expected);
                self.longer(more);
                if let Some(bar) = job.and_then(|index| self.running.get(&index)) {
                    bar.set_length(expected.saturating_add(epochs) as u64);
                    bar.reach(done as u64);
                }
                self.step();
                self.fits.done(job);
            }
            Event::Epoch { case, epoch } => {
                let job = self.place_of(case);
                // The fits are over, however many they were.
                let more = self.fits.over(job);
                self.longer(more);
                let before = self.fits.before(job);
                if let Some(bar) = job.and_then(|index| self.running.get(&index)) {
                    bar.set_length(before.saturating_add(epoch.total as u64));
                    bar.reach(before.saturating_add(epoch.done as u64));
                }
                let bars = &self.bars;
                let whole = self
                    .whole
                    .get_or_insert_with(|| Bar::new(self.output, bars, epoch.total, "epochs"));
                if job.is_none() {
                    // Maps, pictures and comparisons may take long, and none of them is an epoch.
                    let next = if epoch.done == epoch.total { ", making pictures" } else { "" };
                    whole.set_message(format!("loss {:.4e}{next}", epoch.loss));
                }
                self.step();
            }
            Event::Waiting { case, what } => {
                let job = self.place_of(case);
                let bar = job.and_then(|index| self.running.get(&index)).or(self.whole.as_ref());
                if let (Some(bar), Some(case)) = (bar, case) {
                    bar.set_message(format!("{case}: waiting for {what}"));
                }
            }
            Event::JobDone { index, result, resumed } => {
                self.settle(index);
                let number = format!("job {}/{}", index + 1, self.jobs.len());
                self.line(format_args!("{number}: {}", summary(result, resumed)));
            }
            Event::JobFailed { case, index, error } => {
                self.settle(index);
                self.line(format_args!(
                    "job {}/{}: {case} FAILED: {error}",
                    index + 1,
                    self.jobs.len()
                ));
            }
            Event::Note { level: Level::Loss, text } => {
                self.bars.suspend(|| self.output.warn(text));
            }
            // What was understood of a file is for everyone; the solver's own lines are details.
            Event::Note { level: Level::Fact, text } => {
                self.bars.suspend(|| self.output.note(text));
            }
            Event::Note { level: Level::Detail, text } => {
                self.bars.suspend(|| self.output.detail(text));
            }
            _ => {}
        }
    }

    /// The place of a job among all.
    fn place_of(&self, case: Option<&Case>) -> Option<usize> {
        self.jobs.iter().position(|(job, _)| Some(job) == case)
    }

    /// One epoch more of all.
    fn step(&mut self) {
        let Some(whole) = &self.whole else { return };
        whole.inc(1);
        if whole.is_hidden() && self.told.elapsed() >= MINUTE {
            self.told = Instant::now();
            self.output.note(format_args!(
                "{} of {} epochs, {} left",
                whole.position(),
                whole.length().unwrap_or_default(),
                HumanDuration(whole.left())
            ));
        }
    }

    /// So many epochs more or less in all.
    fn longer(&self, by: i64) {
        if let Some(whole) = &self.whole {
            whole.set_length(whole.length().unwrap_or_default().saturating_add_signed(by));
        }
    }

    /// Takes the bars away.
    pub fn finish(&mut self) {
        for bar in std::mem::take(&mut self.running).into_values().chain(self.whole.take()) {
            bar.finish_and_clear();
        }
    }

    /// After a job the bar stands where its epochs end, however many it really had.
    fn settle(&mut self, index: usize) {
        let done = self.running.remove(&index).map_or(0, |bar| {
            // Finished bars stand at their end.
            let done = bar.position();
            bar.finish_and_clear();
            done
        });
        let planned = self.jobs.get(index).map_or(0, |(_, epochs)| *epochs as u64);
        let more = self.fits.over(Some(index));
        self.longer(more);
        let done = done.saturating_sub(self.fits.before(Some(index)));
        if let Some(whole) = &self.whole {
            whole.skip(planned.saturating_sub(done));
        }
    }

    fn line(&self, text: impl std::fmt::Display) {
        match &self.whole {
            Some(_) if !self.output.quiet => self.bars.suspend(|| say(text)),
            _ => self.output.note(text),
        }
    }
}

/// How a further repeat is named; nothing for the first.
fn numbered(repeat: usize) -> String {
    if repeat > 1 { format!(" repeat {repeat}") } else { String::new() }
}

/// One line about a job that is done.
fn summary(result: &JobResult, resumed: bool) -> String {
    let condition = result.condition.map(|condition| condition.to_string()).unwrap_or_default();
    let condition = format!("{condition} {}{}", result.solver, numbered(result.repeat));
    let metric = |name: &str| {
        let value = result.comparison.as_ref()?.metric(name)?;
        Some(format!(", {} {value:.4}", label(name)))
    };
    let quality: String =
        ["complex_correlation", "phase_ssim"].into_iter().filter_map(metric).collect();
    match resumed {
        true => format!("{condition}: there already{quality}"),
        false => {
            let patterns = counted(result.n_patterns, "pattern");
            format!("{condition}: {patterns}, {:.1} s{quality}", result.seconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_study::record::JobRecord;
    use lapwing_study::{Condition, Split, View};

    /// One job for every view, of ten epochs.
    fn jobs(algorithm: &str) -> Vec<JobRecord> {
        let job = |view| JobRecord {
            case: Condition { dose: 1000, split: Split::Train, view }.into(),
            input_npz: "in.npz".into(),
            output_dir: "out".into(),
            algorithm: algorithm.to_owned(),
            num_epochs: 10,
        };
        View::ALL.map(job).into()
    }

    /// Who prints nothing.
    fn quiet() -> Watch<'static> {
        Watch::new(Output { json: false, verbose: false, quiet: true, asked: None })
    }

    /// The same, told of these jobs.
    fn watching(jobs: &[JobRecord]) -> Watch<'static> {
        let mut watch = quiet();
        watch.see(Event::JobsPlanned { jobs, skipped: 0 });
        watch
    }

    #[test]
    fn jobs_at_work_have_bars_and_the_whole_counts_them_in_any_order() {
        let jobs = jobs("LSQML");
        let mut watch = watching(&jobs);
        for index in [0, 2] {
            watch.see(Event::JobStarted { case: &jobs[index].case, index, patterns: 5 });
        }
        let at = |watch: &Watch| watch.whole.as_ref().map(|bar| bar.position());
        for (index, done) in [(2, 1), (0, 1), (2, 2), (2, 3)] {
            let epoch = lapwing_solve::Epoch { done, total: 10, loss: 1.0 };
            watch.see(Event::Epoch { case: Some(&jobs[index].case), epoch });
        }
        assert_eq!((at(&watch), watch.running[&2].position()), (Some(4), 3));
        for (left, index) in [(1, 2), (1, 1), (0, 0)] {
            watch.see(Event::JobFailed { case: &jobs[index].case, index, error: "no" });
            assert_eq!(watch.running.len(), left);
        }
        assert_eq!(at(&watch), Some(30));
        watch.finish();
    }

    #[test]
    fn fits_before_the_epochs_count_where_they_are_made() {
        let jobs = jobs("ML");
        let mut watch = watching(&jobs);
        let whole = |watch: &Watch| {
            let whole = watch.whole.as_ref().unwrap();
            (whole.position(), whole.length().unwrap())
        };
        let fit = |watch: &mut Watch, index: Option<usize>, done| {
            let case = index.map(|index| &jobs[index].case);
            watch.see(Event::Fitting { case, done, expected: 50, epochs: 10 });
        };
        let epoch = |watch: &mut Watch, index: Option<usize>, done| {
            let epoch = lapwing_solve::Epoch { done, total: 10, loss: 1.0 };
            watch.see(Event::Epoch { case: index.map(|index| &jobs[index].case), epoch });
        };
        watch.see(Event::JobStarted { case: &jobs[0].case, index: 0, patterns: 5 });
        // The first tells what the others will have as well.
        fit(&mut watch, Some(0), 1);
        assert_eq!(whole(&watch), (1, 3 * 60));
        (2..=40).for_each(|done| fit(&mut watch, Some(0), done));
        epoch(&mut watch, Some(0), 1);
        assert_eq!(whole(&watch), (41, 50 + 2 * 60));
        let bar = &watch.running[&0];
        assert_eq!((bar.position(), bar.length()), (41, Some(50)));
        watch.see(Event::JobFailed { case: &jobs[0].case, index: 0, error: "no" });
        assert_eq!(whole(&watch), (50, 50 + 2 * 60));
        // One that is there already has none.
        watch.see(Event::JobFailed { case: &jobs[1].case, index: 1, error: "no" });
        assert_eq!(whole(&watch), (60, 60 + 60));
        watch.finish();
        // Outside a study.
        let mut watch = quiet();
        fit(&mut watch, None, 1);
        assert_eq!(whole(&watch), (1, 60));
        epoch(&mut watch, None, 1);
        assert_eq!(whole(&watch), (2, 11));
        let said = |watch: &Watch| watch.whole.as_ref().unwrap().message();
        assert_eq!(said(&watch), "loss 1.0000e0");
        epoch(&mut watch, None, 10);
        assert_eq!(said(&watch), "loss 1.0000e0, making pictures");
        watch.finish();
    }

    #[test]
    fn any_number_of_epochs_can_be_watched() {
        let mut watch =
            Watch::new(Output { json: false, verbose: false, quiet: true, asked: None });
        let case = Condition { dose: 1000, split: Split::Train, view: View::Dense }.into();
        let job = JobRecord {
            case,
            input_npz: "in.npz".into(),
            output_dir: "out".into(),
            algorithm: "LSQML".to_owned(),
            num_epochs: usize::MAX,
        };
        watch.see(Event::JobsPlanned { jobs: &[job.clone(), job], skipped: 0 });
        assert_eq!(watch.whole.as_ref().and_then(|bar| bar.length()), Some(u64::MAX));
        watch.finish();
    }
}
