//! Ctrl-C and the request to end: long work stops where nothing is lost.

use crate::watch::Watch;
use lapwing_files::Stop;
use lapwing_study::event::{Event, Observer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Set by the first signal; a second Ctrl-C ends the process at once.
///
/// A second SIGTERM does not: a batch system sends it to every process of a job, and the job's
/// script hands its own on.
fn asked() -> &'static Arc<AtomicBool> {
    static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    ASKED.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        let pressed = Arc::new(AtomicBool::new(false));
        // The order matters: the first Ctrl-C finds the flag down and only then raises it. Where a
        // signal cannot be caught, it ends the process as it would without this.
        let _ = flag::register_conditional_shutdown(SIGINT, 128 + SIGINT, Arc::clone(&pressed))
            .and_then(|_| flag::register(SIGINT, pressed))
            .and_then(|_| flag::register(SIGINT, Arc::clone(&asked)));
        let _ = flag::register(SIGTERM, Arc::clone(&asked));
        asked
    })
}

/// Does `work` under `watch` until it is done, or stops it after the first event that follows
/// Ctrl-C or a request to end, or where it reads a file.
///
/// # Errors
/// That of the work, or that it was stopped.
///
/// Who asked within this process hears of every event, too, and stops the work by its answer:
/// signals are then its own.
pub fn stoppable<T>(
    watch: &mut Watch<'_>,
    work: impl FnOnce(Observer<'_>) -> lapwing_study::Result<T>,
) -> anyhow::Result<T> {
    if let Some(asked) = watch.asked() {
        let outcome = work(&mut |event: Event<'_>| {
            watch.see(event);
            asked.observe(event)
        });
        watch.finish();
        return Ok(outcome?);
    }
    let asked = asked();
    asked.store(false, Ordering::SeqCst);
    let mut observe = |event: Event<'_>| {
        watch.see(event);
        if asked.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    // What is being read then ends, too.
    let outcome = Stop::from(Arc::clone(asked)).during(|| work(&mut observe));
    watch.finish();
    Ok(outcome?)
}
