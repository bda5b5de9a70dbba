//! Progress with the time left, on standard error when that is a terminal; else nothing.

use crate::output::Output;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A bar over `steps` steps among `bars`, or a bar that never shows when messages are not wanted or
/// no one would see it.
pub fn bar(output: Output, bars: &MultiProgress, steps: usize, unit: &str) -> ProgressBar {
    // It has a place on the terminal from `bars` only: a bar that draws before it is one of them
    // leaves a line that nobody takes away.
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
    let template = format!("{{msg}} [{{wide_bar}}] {{pos}}/{{len}} {unit}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    if output.quiet {
        return bar;
    }
    let bar = bars.add(bar);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
