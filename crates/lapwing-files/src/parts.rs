//! Arrays larger than memory, read part by part along their first axis.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;

use crate::Error;
use crate::npy::{Array, Header, NpyError, Sequential, read_values};

/// Bytes of a part of an array that is read part by part.
const PART: usize = 32 << 20;

/// What takes the parts of an array: the place of the first element of each, in C order, and its
/// elements.
pub(crate) type Take<'a> = dyn FnMut(usize, Array) -> Result<(), Error> + 'a;

/// Bytes that are read one after the other, some of them passed over.
pub(crate) trait Skip: Read {
    /// Passes over so many bytes.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

impl Skip for BufReader<File> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        self.seek_relative(i64::try_from(bytes).map_err(io::Error::other)?)
    }
}

/// All of `count` elements.
pub(crate) fn everything(count: usize) -> Vec<Range<usize>> {
    std::iter::once(0..count).collect()
}

/// Entries along the first axis, out of `shape` with elements of `width` bytes, that make a part:
/// a multiple of `chunk`, which are unpacked together.
pub(crate) fn entries_of_part(shape: &[usize], width: usize, chunk: usize) -> usize {
    let entry =
        shape.iter().skip(1).fold(width.max(1), |product, &length| product.saturating_mul(length));
    let chunk = chunk.max(1);
    (PART / entry.max(1) / chunk).max(1) * chunk
}

/// The parts of an array of `shape` that have the `wanted` elements (ranges in C order, ascending):
/// first entry and number of entries along the first axis. They begin at multiples of `chunk`, and
/// none has more than `together` entries, a multiple of that.
pub(crate) fn parts_with(
    shape: &[usize],
    (together, chunk): (usize, usize),
    wanted: &[Range<usize>],
) -> Vec<(usize, usize)> {
    let count = shape.first().copied().unwrap_or(1);
    let entry = shape.iter().skip(1).fold(1_usize, |n, &length| n.saturating_mul(length)).max(1);
    let (together, chunk) = (together.max(1), chunk.max(1));
    let mut runs: Vec<Range<usize>> = Vec::new();
    for range in wanted.iter().filter(|range| !range.is_empty()) {
        let first = range.start / entry / chunk * chunk;
        let end = range.end.div_ceil(entry).div_ceil(chunk).saturating_mul(chunk).min(count);
        match runs.last_mut() {
            Some(last) if first <= last.end => last.end = last.end.max(end),
            _ if first < end => runs.push(first..end),
            _ => {}
        }
    }
    let parts = runs.into_iter().flat_map(|run| {
        run.clone().step_by(together).map(move |first| (first, together.min(run.end - first)))
    });
    parts.collect()
}

/// The `wanted` elements of the data behind a header in C order, part by part.
pub(crate) fn in_parts(
    data: &mut impl Skip,
    header: &Header,
    unreadable: impl Fn(NpyError) -> Error,
    wanted: &[Range<usize>],
    take: &mut Take<'_>,
) -> Result<(), Error> {
    let (count, width) = (header.count(), header.dtype.width());
    let together = entries_of_part(&[count], width, 1);
    let mut at = 0;
    for (first, count) in parts_with(&[count], (together, 1), wanted) {
        let skipped = data.skip(((first - at) as u64).saturating_mul(width as u64));
        skipped.map_err(|error| unreadable(error.into()))?;
        at = first + count;
        let part = Header { shape: vec![count], ..header.clone() };
        let bytes = part.data_bytes().map_err(&unreadable)?.unwrap_or_default();
        let mut data = Sequential(&mut *data);
        take(first, read_values(&mut data, part, bytes).map_err(&unreadable)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element that is wanted is in one part, in their order, and no part is one of chunks
    /// without any.
    #[test]
    fn parts_have_what_is_wanted_and_little_else() {
        for (shape, together, chunk) in
            [(&[10, 2, 3][..], 4, 2), (&[7, 5], 3, 1), (&[60], 7, 1), (&[9, 4], 9, 9)]
        {
            let entry: usize = shape[1..].iter().product();
            let all = shape[0] * entry;
            for (start, length, again) in [(0, all, 0), (0, 1, 3), (7, 9, 20), (all - 1, 1, 0)] {
                let second = (start + again).min(all)..(start + again + length).min(all);
                let wanted: Vec<Range<usize>> = [start..start + length, second]
                    .into_iter()
                    .take(if again > 0 { 2 } else { 1 })
                    .collect();
                let parts = parts_with(shape, (together, chunk), &wanted);
                let within = |at: usize| {
                    parts
                        .iter()
                        .filter(|(first, count)| (*first..first + count).contains(&(at / entry)))
                        .count()
                };
                assert!(
                    wanted.iter().flat_map(Clone::clone).all(|at| within(at) == 1),
                    "{parts:?}"
                );
                assert!(
                    parts.is_sorted()
                        && parts
                            .iter()
                            .all(|(first, count)| first % chunk == 0 && *count <= together)
                );
                let asked = |unit: usize| {
                    wanted.iter().any(|range| range.clone().any(|at| at / entry / chunk == unit))
                };
                for (first, count) in parts {
                    assert!((first / chunk..(first + count).div_ceil(chunk)).all(asked));
                }
            }
        }
    }
}
