//! Whether a search that takes long goes on.

use crate::Result;
use lapwing_solve::Flow;

/// What is called now and then while something takes long, and may stop it by an error.
pub(crate) type Between<'a> = &'a mut dyn FnMut() -> Result<()>;

/// Asks for a search in `lapwing-solve` whether it goes on, and keeps the error by which it does
/// not.
pub(crate) struct Asking<'a> {
    between: Between<'a>,
    answer: Result<()>,
}

impl<'a> Asking<'a> {
    pub fn new(between: Between<'a>) -> Self {
        Self { between, answer: Ok(()) }
    }

    /// Whether the search goes on.
    pub fn go_on(&mut self) -> Flow {
        if self.answer.is_ok() {
            self.answer = (self.between)();
        }
        if self.answer.is_ok() { Flow::Continue } else { Flow::Stop }
    }

    /// What `search` found; the outer error is that by which it was stopped.
    ///
    /// # Errors
    /// That of who was asked.
    pub fn during<T>(mut self, search: impl FnOnce(&mut dyn FnMut() -> Flow) -> T) -> Result<T> {
        let found = search(&mut || self.go_on());
        self.answer.map(|()| found)
    }
}
