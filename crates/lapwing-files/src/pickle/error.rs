//! Why a pickle is not read.

use crate::npy::NpyError;

/// Why a pickle was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// It asks for something that does more than build a value.
    #[error(
        "a pickle that asks for {0}, which is refused: only text, numbers, lists, dictionaries and NumPy arrays of them are built"
    )]
    Refused(String),
    /// It ends too early, or a length inside it points past its end.
    #[error("the pickle is cut short: {0}")]
    Truncated(&'static str),
    /// It is no valid pickle.
    #[error("malformed pickle: {0}")]
    Malformed(String),
    /// It is larger than allowed.
    #[error("the pickle is too large: {0}")]
    TooLarge(String),
    /// An array in it is malformed.
    #[error("array in the pickle: {0}")]
    Array(#[from] NpyError),
}
