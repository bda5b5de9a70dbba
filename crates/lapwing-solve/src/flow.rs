//! Whether long work goes on.

/// The answer of whoever waits for a run, a fit or a search, when it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop: a run after this epoch, with the present state as its solution; anything else at once,
    /// without a result.
    Stop,
}
