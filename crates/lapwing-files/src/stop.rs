//! Reading that nobody waits for any more ends.
//!
//! Large files are read, and looked through, for minutes. Whoever may lose interest reads within
//! [`Stop::during`]; the loops of this crate ask there, piece by piece, whether to go on.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::Error;

thread_local! {
    /// By what the reading of this thread is ended.
    static ASKED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// The wish that reading ends.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl From<Arc<AtomicBool>> for Stop {
    /// One that is asked for by a flag that something else raises, a signal for example.
    fn from(asked: Arc<AtomicBool>) -> Self {
        Self(asked)
    }
}

impl Stop {
    /// That by which the reading of this thread is ended, for another thread that does a part of
    /// its work; one that nobody asks for where there is none.
    pub fn here() -> Self {
        Self(ASKED.with_borrow(Clone::clone).unwrap_or_default())
    }

    /// Asks for it.
    pub fn ask(&self) {
        self.0.store(true, Relaxed);
    }

    /// Does `work`, in which everything that this thread reads by this crate ends soon after it was
    /// asked for, with [`Error::Stopped`].
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Before(Option<Arc<AtomicBool>>);
        impl Drop for Before {
            fn drop(&mut self) {
                let before = self.0.take();
                ASKED.with_borrow_mut(|asked| *asked = before);
            }
        }
        let now = Some(Arc::clone(&self.0));
        let before = Before(ASKED.with_borrow_mut(|asked| std::mem::replace(asked, now)));
        let done = work();
        drop(before);
        done
    }
}

/// Whether a loop goes on: known to the thread that begins it, asked by those that share it.
#[derive(Debug, Clone)]
pub(crate) struct Asked(Option<Arc<AtomicBool>>);

impl Asked {
    /// Of the loop that this thread begins.
    pub(crate) fn here() -> Self {
        Self(ASKED.with_borrow(Clone::clone))
    }

    /// Whether what is left of it may be left out: the result is nobody's.
    pub(crate) fn to_stop(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| asked.load(Relaxed))
    }
}

/// Whether reading on this thread goes on.
///
/// # Errors
/// [`Error::Stopped`] when it does not.
pub fn check() -> Result<(), Error> {
    let asked = ASKED.with_borrow(|asked| asked.as_ref().is_some_and(|asked| asked.load(Relaxed)));
    if asked { Err(Error::Stopped) } else { Ok(()) }
}

/// [`check`] among bytes.
pub(crate) fn check_bytes() -> io::Result<()> {
    // Not `Interrupted`, after which readers try again.
    check().map_err(|stopped| io::Error::other(stopped.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_where_it_was_asked_for_and_nowhere_else() {
        let stop = Stop::default();
        assert!(stop.during(check).is_ok());
        let inner = Stop::default();
        stop.during(|| {
            let loops = Asked::here();
            stop.ask();
            assert!(loops.to_stop() && matches!(check(), Err(Error::Stopped)));
            assert!(check_bytes().is_err());
            inner.during(|| assert!(check().is_ok()));
            let here = Stop::here();
            let other = std::thread::spawn(move || (check().is_ok(), here.during(check).is_err()));
            assert_eq!(other.join().unwrap(), (true, true));
            assert!(check().is_err());
        });
        assert!(check().is_ok() && !Asked::here().to_stop());
    }
}
