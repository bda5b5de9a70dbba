//! Progress with the time left, on standard error when that is a terminal; else nothing.

use crate::output::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A bar over `steps` steps, or a bar that never shows when messages are not wanted or no one would
/// see it.
pub fn bar(output: Output, steps: usize, unit: &str) -> ProgressBar {
    // `stderr` hides itself when standard error is not a terminal.
    let target =
        if output.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    let template = format!("{{msg}} [{{wide_bar}}] {{pos}}/{{len}} {unit}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
