//! Panics of the crate underneath, which a damaged file may set off, become errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::open;

thread_local! {
    /// Whether a panic of this thread is about to be caught here, and must not be printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a call into the crate underneath; its errors and its panics become text.
///
/// What the call leaves half done stays inside that crate's own types, which report poisoned locks
/// as errors or panics again: nothing of ours is seen in a broken state.
pub(super) fn guarded<T>(call: impl FnOnce() -> rust_hdf5::Result<T>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    // The hook that prints panics still does so for all others.
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    QUIET.set(outer);
    match outcome {
        Ok(result) => result.map_err(|error| open::in_plain_words(&error.to_string())),
        Err(panic) => {
            Err(format!("it cannot be decoded and is most likely damaged ({})", words(&*panic)))
        }
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let caught = guarded(|| -> rust_hdf5::Result<()> { panic!("index {} out of bounds", 7) });
        assert!(caught.unwrap_err().contains("index 7 out of bounds"));
        assert!(!QUIET.get());
        assert_eq!(guarded(|| Ok(3)), Ok(3));
    }
}
