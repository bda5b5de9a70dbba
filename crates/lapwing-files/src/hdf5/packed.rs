//! Datasets whose chunks go through a filter that the crate underneath does not know: their chunks
//! are found and put together here.

use std::path::Path;

use rayon::prelude::*;
use rust_hdf5::{FillValue, Filter, H5Dataset};

use super::filters;
use super::guard::guarded;
use super::index::{Index, Stored, check_length};

/// Chunks that are unpacked together.
const TOGETHER: usize = 64;
/// Chunks of a dataset whose index the crate underneath goes through for each of them.
const MOST_SEARCHED: usize = 1 << 16;
/// What the crate underneath says of a chunk that was never written.
const NOT_WRITTEN: &str = "has not been written";

/// A dataset of such chunks.
pub(super) struct Packed<'a> {
    dataset: &'a H5Dataset,
    filters: Vec<Filter>,
    shape: Vec<usize>,
    chunk: Vec<usize>,
    width: usize,
    index: Option<Index>,
}

impl<'a> Packed<'a> {
    /// Looks at the dataset `name` of the file at `path`; `None` when the crate underneath knows
    /// all of its filters.
    pub(super) fn of(path: &Path, name: &str, dataset: &'a H5Dataset) -> Option<Self> {
        let filters = dataset.filters().ok().filter(|filters| filters::has_own(filters))?;
        let (shape, chunk) = (dataset.shape(), dataset.chunk_dims()?);
        if chunk.len() != shape.len() || chunk.contains(&0) {
            return None;
        }
        let index = guarded(|| Ok(Index::of(path, name, &chunk))).ok().flatten();
        Some(Self { dataset, filters, shape, chunk, width: dataset.element_size(), index })
    }

    /// Bytes of the entries `first` to `first + count` along the first axis.
    ///
    /// # Errors
    /// What is wrong with a chunk, in words.
    pub(super) fn read(&self, first: usize, count: usize) -> Result<Vec<u8>, String> {
        let entry = self.shape.iter().skip(1).product::<usize>() * self.width;
        let mut out = self.blank(count * entry);
        let size = self.chunk.iter().product::<usize>() * self.width;
        if out.is_empty() || size == 0 {
            return Ok(out);
        }
        let mut grid: Vec<usize> = self
            .shape
            .iter()
            .zip(&self.chunk)
            .map(|(shape, chunk)| shape.div_ceil(*chunk))
            .collect();
        let from = first / self.chunk[0];
        grid[0] = (first + count).div_ceil(self.chunk[0]) - from;
        let total = grid.iter().fold(1_usize, |product, &length| product.saturating_mul(length));
        if self.index.is_none() && total > MOST_SEARCHED {
            return Err(format!(
                "its index, which is no B-tree of version 1, names {total} chunks, expected at most \
                 {MOST_SEARCHED}: {}",
                filters::REPACK
            ));
        }
        // No filter makes more of what it cannot pack, and many chunks are read together.
        let most = size.saturating_mul(2).saturating_add(1 << 16);
        let mut places = (0..total).map(|at| {
            let mut place = indices(at, &grid);
            place[0] += from;
            place
        });
        loop {
            let mut found = Vec::new();
            for place in places.by_ref() {
                if let Some(stored) = self.stored(&place, most)? {
                    found.push((place, stored));
                }
                if found.len() == TOGETHER {
                    break;
                }
            }
            if found.is_empty() {
                return Ok(out);
            }
            let filters = &self.filters;
            let unpacked: Result<Vec<_>, String> = found
                .into_par_iter()
                .map(|(place, (bytes, left_out))| {
                    Ok((place, filters::unpack(filters, left_out, &bytes, size)?))
                })
                .collect();
            for (place, values) in unpacked? {
                self.put(&place, &values, first..first + count, &mut out);
            }
        }
    }

    /// Elements that nobody wrote.
    fn blank(&self, length: usize) -> Vec<u8> {
        match self.dataset.fill_value() {
            Ok(FillValue::UserDefined(value)) if !value.is_empty() => {
                value.into_iter().cycle().take(length).collect()
            }
            _ => vec![0; length],
        }
    }

    /// A chunk of the grid, of at most `most` bytes; `None` where it was never written.
    fn stored(&self, place: &[usize], most: usize) -> Result<Option<Stored>, String> {
        match &self.index {
            Some(index) => index.stored(place, most),
            None => match self.dataset.read_chunk_raw_at(place) {
                Ok(stored) => check_length(place, stored.0.len(), most).map(|()| Some(stored)),
                Err(error) if error.to_string().contains(NOT_WRITTEN) => Ok(None),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// Copies what a chunk has of some entries along the first axis.
    fn put(&self, place: &[usize], values: &[u8], entries: std::ops::Range<usize>, out: &mut [u8]) {
        let last = self.shape.len() - 1;
        let rows = self.chunk[..last].iter().product::<usize>();
        let row = self.chunk[last] * self.width;
        let column = place[last] * self.chunk[last];
        let length = row.min((self.shape[last] - column) * self.width);
        for (at, values) in values.chunks_exact(row).take(rows).enumerate() {
            let mut within = indices(at, &self.chunk[..last]);
            within.push(0);
            let at: Vec<usize> = within
                .iter()
                .zip(place.iter().zip(&self.chunk))
                .map(|(within, (place, chunk))| place * chunk + within)
                .collect();
            if last == 0 {
                // The only axis: entries are elements.
                let (from, to) = (column.max(entries.start), (column + length / self.width));
                let to = to.min(entries.end);
                if from < to {
                    let target = (from - entries.start) * self.width;
                    let source = &values[(from - column) * self.width..(to - column) * self.width];
                    out[target..target + source.len()].copy_from_slice(source);
                }
                continue;
            }
            if !entries.contains(&at[0])
                || at.iter().zip(&self.shape).any(|(at, shape)| at >= shape)
            {
                continue;
            }
            let first =
                (1..=last).fold(at[0] - entries.start, |to, axis| to * self.shape[axis] + at[axis]);
            let target = first * self.width;
            out[target..target + length].copy_from_slice(&values[..length]);
        }
    }
}

/// The indices along axes of these lengths of what comes at `at` in C order.
fn indices(mut at: usize, lengths: &[usize]) -> Vec<usize> {
    let mut indices = vec![0; lengths.len()];
    for (index, &length) in indices.iter_mut().zip(lengths).rev() {
        *index = at % length;
        at /= length;
    }
    indices
}
