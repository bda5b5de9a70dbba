//! What an array is, without its values.

use serde::Serialize;

/// Name, element type and shape of an array in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrayInfo {
    /// The array's name.
    pub name: String,
    /// NumPy's name of the dtype as stored, byte order included: `float32`, `>f4`, `<U12`,
    /// `object`.
    pub dtype: String,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
}
