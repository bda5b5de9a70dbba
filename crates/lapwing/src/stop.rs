//! Ctrl-C and the request to end: long work stops where nothing is lost.

use crate::watch::Watch;
use anyhow::bail;
use lapwing_study::event::{Event, Leave, Observer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Set by the first signal; the second ends the process at once.
fn asked() -> &'static Arc<AtomicBool> {
    static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    ASKED.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the first signal finds the flag down and only then raises it.
            // Where a signal cannot be caught, it ends the process as it would without this.
            let second =
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked));
            let _ = second.and_then(|_| flag::register(signal, Arc::clone(&asked)));
        }
        asked
    })
}

/// Does `work` under `watch` until it is done, or leaves it after the first event that follows
/// Ctrl-C or a request to end.
///
/// # Errors
/// That of the work, or that it was stopped.
pub fn stoppable<T, E>(
    watch: &mut Watch,
    work: impl FnOnce(Observer<'_>) -> Result<T, E>,
) -> anyhow::Result<T>
where
    E: Into<anyhow::Error>,
{
    let asked = asked();
    asked.store(false, Ordering::SeqCst);
    let mut observe = |event: Event<'_>| {
        watch.see(event);
        if asked.load(Ordering::SeqCst) {
            resume_unwind(Box::new(Leave));
        }
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut observe)));
    watch.finish();
    match outcome {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(left) if left.is::<Leave>() => bail!("stopped; the same command goes on from here"),
        Err(panic) => resume_unwind(panic),
    }
}
