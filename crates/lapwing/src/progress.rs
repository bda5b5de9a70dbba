//! Progress with the time left, on standard error when that is a terminal; else nothing.

use crate::output::Output;
use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use std::fmt::Write;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A bar that knows which of its steps were done here.
pub struct Bar {
    bar: ProgressBar,
    /// Steps that nobody had to do here: they say nothing of the pace.
    skipped: Arc<AtomicU64>,
}

impl Deref for Bar {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.bar
    }
}

impl Bar {
    /// One over `steps` steps among `bars`, or one that never shows when messages are not wanted or
    /// no one would see it.
    pub fn new(output: Output, bars: &MultiProgress, steps: usize, unit: &str) -> Self {
        // It has a place on the terminal from `bars` only: a bar that draws before it is one of
        // them leaves a line that nobody takes away.
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        let skipped = Arc::new(AtomicU64::new(0));
        let template = format!("{{msg}} [{{wide_bar}}] {{pos}}/{{len}} {unit}, {{left}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let skipped = Arc::clone(&skipped);
            let left = move |state: &ProgressState, to: &mut dyn Write| {
                let done = (state.pos(), skipped.load(Ordering::Relaxed));
                let left = time_left(state.elapsed(), done, state.len().unwrap_or_default());
                // What cannot be written is not shown.
                let _ = write!(to, "{:#}", HumanDuration(left));
            };
            bar.set_style(style.with_key("left", left).progress_chars("=> "));
        }
        if output.quiet {
            return Self { bar, skipped };
        }
        let bar = bars.add(bar);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, skipped }
    }

    /// How long it has to go.
    pub fn left(&self) -> Duration {
        let done = (self.position(), self.skipped.load(Ordering::Relaxed));
        time_left(self.elapsed(), done, self.length().unwrap_or_default())
    }

    /// Moves by steps that nobody had to do here.
    pub fn skip(&self, steps: u64) {
        self.skipped.fetch_add(steps, Ordering::Relaxed);
        self.inc(steps);
    }

    /// Moves to the end of step `done`; others before it were done elsewhere.
    pub fn reach(&self, done: u64) {
        self.skip(done.saturating_sub(self.position()).saturating_sub(1));
        self.set_position(done);
    }
}

/// How long the rest of `all` steps takes at the mean pace of those done, some of which were
/// skipped. Epochs of one scan last equally long, be it milliseconds or hours.
fn time_left(elapsed: Duration, (done, skipped): (u64, u64), all: u64) -> Duration {
    let here = done.saturating_sub(skipped).max(1);
    let left = all.saturating_sub(done) as f64 / here as f64;
    Duration::try_from_secs_f64(left * elapsed.as_secs_f64()).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_mean_pace_however_long_a_step_is() {
        for (seconds, done, skipped, all, expected) in [
            (421, 1, 0, 4, 3 * 421),
            (1263, 3, 0, 4, 421),
            (100, 0, 0, 4, 400),
            (100, 4, 0, 4, 0),
            (10, 95, 90, 100, 10),
            (1, 90, 90, 100, 10),
        ] {
            let left = time_left(Duration::from_secs(seconds), (done, skipped), all);
            assert_eq!(left, Duration::from_secs(expected), "{seconds} s, {done} of {all}");
        }
        assert!(time_left(Duration::from_secs(9), (1, 0), u64::MAX) > Duration::from_secs(1 << 60));
    }

    #[test]
    fn steps_between_were_done_elsewhere() {
        let output = Output { json: false, verbose: false, quiet: true, asked: None };
        let bar = Bar::new(output, &MultiProgress::new(), 100, "epochs");
        bar.reach(51);
        bar.reach(52);
        bar.skip(8);
        assert_eq!((bar.position(), bar.skipped.load(Ordering::Relaxed)), (60, 58));
    }
}
