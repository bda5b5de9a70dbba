//! What happens during long work: one line for each step done, and a bar with the time left.

use crate::output::{Output, say};
use crate::progress;
use indicatif::ProgressBar;
use lapwing_study::event::Event;
use lapwing_study::record::JobResult;

/// Consumes the events of a study or of one reconstruction.
pub struct Watch {
    output: Output,
    bar: Option<ProgressBar>,
    jobs: usize,
    epochs: usize,
}

impl Watch {
    /// Of a reconstruction with this many epochs; in a study the events tell more.
    pub fn new(output: Output, epochs: usize) -> Self {
        Self { output, bar: None, jobs: 1, epochs }
    }

    /// Takes note of an event.
    pub fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Simulating { dose, repeat, patterns } => {
                self.line(format_args!("simulating dose {dose}{}, {patterns} patterns", numbered(repeat)));
            }
            Event::Simulated { dose, repeat, mean_counts, resumed } => {
                let again = format!("{}{}", numbered(repeat), if resumed { " (there already)" } else { "" });
                match mean_counts {
                    Some(mean) => self.line(format_args!(
                        "data of dose {dose}: measured {mean:.2} counts per pattern{again}"
                    )),
                    None => self.line(format_args!("data of dose {dose}{again}")),
                }
            }
            Event::View { condition, repeat, telemetry, resumed } => {
                let again = format!("{}{}", numbered(repeat), if resumed { " (there already)" } else { "" });
                self.line(format_args!(
                    "view {condition}: {} of {} positions{again}",
                    telemetry.n_accepted,
                    telemetry.n_accepted + telemetry.n_rejected
                ));
            }
            Event::ViewRefused { condition, repeat, reason } => {
                self.line(format_args!("no view {condition}{}: {reason}", numbered(repeat)))
            }
            Event::JobsPlanned { jobs, skipped, epochs } => {
                (self.jobs, self.epochs) = (jobs, epochs);
                self.line(format_args!("{jobs} jobs, {epochs} epochs in all, {skipped} skipped"));
                self.bar = Some(progress::bar(self.output, epochs, "epochs"));
            }
            Event::JobStarted { case, index, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("job {}/{}: {case}", index + 1, self.jobs));
                }
            }
            Event::Epoch { epoch, .. } => {
                let total = self.epochs;
                let bar = self.bar.get_or_insert_with(|| progress::bar(self.output, total, "epochs"));
                bar.inc(1);
                if self.jobs == 1 {
                    bar.set_message(format!("loss {:.4e}", epoch.loss));
                }
            }
            Event::JobDone { index, result, resumed } => {
                self.settle(index);
                self.line(format_args!("job {}/{}: {}", index + 1, self.jobs, summary(result, resumed)));
            }
            Event::JobFailed { case, index, error } => {
                self.settle(index);
                self.line(format_args!("job {}/{}: {case} FAILED: {error}", index + 1, self.jobs));
            }
            _ => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// After a job the bar stands where its epochs end, however many it really had.
    fn settle(&self, index: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(index.saturating_add(1).saturating_mul(self.epochs) as u64);
        }
    }

    fn line(&self, text: impl std::fmt::Display) {
        match &self.bar {
            Some(bar) if !self.output.quiet => bar.suspend(|| say(text)),
            _ => self.output.note(text),
        }
    }
}

/// How a further repeat is told; nothing for the first.
fn numbered(repeat: usize) -> String {
    if repeat > 1 { format!(" repeat {repeat}") } else { String::new() }
}

/// One line about a job that is done.
fn summary(result: &JobResult, resumed: bool) -> String {
    let condition = result.condition.map(|condition| condition.to_string()).unwrap_or_default();
    let condition = format!("{condition} {}{}", result.solver, numbered(result.repeat));
    let metric = |name: &str| result.comparison.as_ref()?.get("metrics")?.get(name)?.as_f64();
    let quality = match (metric("complex_correlation"), metric("phase_ssim")) {
        (Some(correlation), Some(ssim)) => format!(", correlation {correlation:.4}, phase SSIM {ssim:.3}"),
        (Some(correlation), None) => format!(", correlation {correlation:.4}"),
        _ => String::new(),
    };
    match resumed {
        true => format!("{condition}: there already{quality}"),
        false => format!("{condition}: {} patterns, {:.1} s{quality}", result.n_patterns, result.seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_jobs_and_epochs_can_be_watched() {
        let mut watch = Watch::new(Output { json: false, verbose: false, quiet: true }, 1);
        watch.see(Event::JobsPlanned { jobs: 3, skipped: 0, epochs: usize::MAX });
        watch.settle(2);
        assert_eq!(watch.bar.as_ref().and_then(ProgressBar::length), Some(u64::MAX));
        watch.finish();
    }
}
