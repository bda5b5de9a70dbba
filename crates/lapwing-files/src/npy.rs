//! One NumPy array of any dtype (being written).

/// A NumPy array as stored: dtype, shape, bytes.
#[derive(Debug, Clone)]
pub struct Array;
