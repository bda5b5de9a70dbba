//! Arrays larger than memory, read part by part along their first axis.

use std::io::Read;

use crate::Error;
use crate::npy::{Array, Header, NpyError, Sequential, read_values};

/// Bytes of a part of an array that is read part by part.
const PART: usize = 32 << 20;

/// Entries along the first axis, out of `shape` with elements of `width` bytes, that make a part:
/// a multiple of `chunk`, which are unpacked together.
pub(crate) fn entries_of_part(shape: &[usize], width: usize, chunk: usize) -> usize {
    let entry =
        shape.iter().skip(1).fold(width.max(1), |product, &length| product.saturating_mul(length));
    let chunk = chunk.max(1);
    (PART / entry.max(1) / chunk).max(1) * chunk
}

/// The data behind a header in C order, part by part.
pub(crate) fn in_parts(
    data: &mut impl Read,
    header: &Header,
    unreadable: impl Fn(NpyError) -> Error,
    take: &mut dyn FnMut(Array) -> Result<(), Error>,
) -> Result<(), Error> {
    let count = header.shape.first().copied().unwrap_or(1);
    let together = entries_of_part(&header.shape, header.dtype.width(), 1);
    for first in (0..count).step_by(together) {
        let mut part = header.clone();
        if let Some(length) = part.shape.first_mut() {
            *length = together.min(count - first);
        }
        let bytes = part.data_bytes().map_err(&unreadable)?.unwrap_or_default();
        let mut data = Sequential(&mut *data);
        take(read_values(&mut data, part, bytes).map_err(&unreadable)?)?;
    }
    Ok(())
}
