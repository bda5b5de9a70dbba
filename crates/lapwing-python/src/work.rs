//! Long work: on its own threads, without the interpreter's lock, told about as it goes, and
//! stopped by Ctrl-C.

use anyhow::{Context, anyhow, ensure};
use lapwing_files::Stop;
use lapwing_study::StudyError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a signal may go unnoticed.
const ATTENTION: Duration = Duration::from_millis(50);

/// Most worker threads, as on the command line.
const MAX_THREADS: usize = 4096;

/// Tells Python of an event; the answer is whether to go on.
pub type Listener<'l, E> = &'l mut dyn FnMut(Python<'_>, E) -> PyResult<bool>;

/// Does `work` in a pool of `threads` threads (`None`: all processors) while the calling thread
/// minds signals and callbacks.
///
/// `work` calls what it is given whenever something happened, and must come to an end when the
/// answer is false: the listener said so or raised, or the user pressed Ctrl-C. What was raised is
/// then raised again in place of the result.
pub fn attended<T, E, W>(
    py: Python<'_>,
    threads: Option<usize>,
    mut listener: Option<Listener<'_, E>>,
    work: W,
) -> anyhow::Result<T>
where
    T: Send,
    E: Send,
    W: FnOnce(&mut (dyn FnMut(E) -> bool + Send)) -> anyhow::Result<T> + Send,
{
    let in_range = threads.is_none_or(|threads| (1..=MAX_THREADS).contains(&threads));
    ensure!(
        in_range,
        "threads: expected 1 to {MAX_THREADS}, found {}",
        threads.unwrap_or_default()
    );
    // 0 lets rayon take all processors.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.context("cannot start the worker threads; try fewer")?;
    let stop = AtomicBool::new(false);
    let reading = Stop::default();
    let (event, events) = channel();
    let (answer, answers) = channel();
    let events = Mutex::new(events);
    let listens = listener.is_some();
    let (outcome, raised) = thread::scope(|scope| {
        let (stop, reading) = (&stop, &reading);
        let worker = scope.spawn(move || {
            let mut tell = move |happened| {
                if stop.load(Ordering::Relaxed) {
                    return false;
                }
                !listens || (event.send(happened).is_ok() && answers.recv().unwrap_or(false))
            };
            pool.install(|| reading.during(|| work(&mut tell)))
        });
        let mut raised = None;
        loop {
            let next =
                || events.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(ATTENTION);
            match py.detach(next) {
                Ok(happened) => {
                    let told = match listener.as_mut() {
                        Some(listener) if raised.is_none() => listener(py, happened),
                        _ => Ok(false),
                    };
                    let go_on = told.unwrap_or_else(|error| {
                        raised = Some(error);
                        false
                    });
                    // A worker that has ended needs no answer.
                    let _ = answer.send(go_on);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if raised.is_none() {
                raised = py.check_signals().err();
            }
            stop.store(raised.is_some(), Ordering::Relaxed);
            if raised.is_some() {
                reading.ask();
            }
        }
        (py.detach(|| worker.join()), raised)
    });
    match (raised, outcome) {
        (Some(raised), _) => Err(raised.into()),
        (None, Ok(result)) => result,
        (None, Err(_)) => {
            Err(anyhow!("internal error: the work ended unexpectedly; please report it"))
        }
    }
}

/// [`attended`] for work that has nothing to tell, and asks now and then whether to go on: it is
/// given what breaks after Ctrl-C.
pub fn asking<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce(&mut (dyn FnMut() -> lapwing_study::Result<()> + Send)) -> anyhow::Result<T>
    + Send,
) -> anyhow::Result<T> {
    attended::<T, (), _>(py, threads, None, |tell| {
        work(&mut || if tell(()) { Ok(()) } else { Err(StudyError::Stopped) })
    })
}

/// [`attended`] for work that has nothing to tell. It can be stopped half way where it reads files;
/// after Ctrl-C its result is dropped.
pub fn alone<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    attended::<T, (), _>(py, threads, None, |_| work())
}
