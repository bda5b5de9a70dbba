//! Datasets whose chunks go through a filter that the crate underneath does not know: their chunks
//! are found and put together here.

use std::path::Path;

use lapwing_model::parallel::InParallel;
use rust_hdf5::{FillValue, Filter, H5Dataset};

use super::filters;
use super::guard::guarded;
use super::index::{Grid, Index, StoredChunk, check_length};
use crate::holes::Holes;

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
    chunk: Vec<usize>,
    width: usize,
    index: Option<Index>,
}

/// The chunks of the dataset `name` of the file at `path` that were never written, where its index
/// can be followed.
pub(super) fn holes(path: &Path, name: &str, dataset: &H5Dataset) -> Option<Holes> {
    let (shape, chunk) = (dataset.shape(), dataset.chunk_dims()?);
    let size = chunk.iter().fold(dataset.element_size(), |size, &side| size.saturating_mul(side));
    let index = guarded(|| {
        let grid = Grid::new(&shape, &dataset.max_shape()?, &chunk);
        Ok(grid.and_then(|grid| Index::of(path, name, grid, size)))
    });
    let index = index.ok().flatten()?;
    Holes::of(&shape, &chunk, |place| index.has(place))
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
        let width = dataset.element_size();
        let size = chunk.iter().fold(width, |size, &length| size.saturating_mul(length));
        let index = guarded(|| {
            let grid = Grid::new(&shape, &dataset.max_shape()?, &chunk);
            Ok(grid.and_then(|grid| Index::of(path, name, grid, size)))
        });
        let index = index.ok().flatten();
        Some(Self { dataset, filters, chunk, width, index })
    }

    /// Bytes of `counts` elements from `starts` on, which are within the shape.
    ///
    /// # Errors
    /// What is wrong with a chunk, in words.
    pub(super) fn read(&self, starts: &[usize], counts: &[usize]) -> Result<Vec<u8>, String> {
        let mut out = blank(self.dataset, counts.iter().product::<usize>() * self.width);
        let size = self.chunk.iter().product::<usize>() * self.width;
        if out.is_empty() || size == 0 {
            return Ok(out);
        }
        let from: Vec<usize> =
            starts.iter().zip(&self.chunk).map(|(at, chunk)| at / chunk).collect();
        let ends = starts.iter().zip(counts).map(|(start, count)| start + count);
        let grid: Vec<usize> = ends
            .zip(&self.chunk)
            .zip(&from)
            .map(|((end, chunk), from)| end.div_ceil(*chunk) - from)
            .collect();
        let total = grid.iter().fold(1_usize, |product, &length| product.saturating_mul(length));
        if self.index.is_none() && total > MOST_SEARCHED {
            return Err(format!(
                "its index of {total} chunks cannot be followed, and is searched for at most \
                 {MOST_SEARCHED}: {}",
                filters::REPACK
            ));
        }
        // No filter makes more of what it cannot pack, and many chunks are read together.
        let most = size.saturating_mul(2).saturating_add(1 << 16);
        let mut places = (0..total).map(|at| {
            let within = indices(at, &grid);
            within.iter().zip(&from).map(|(at, from)| at + from).collect::<Vec<usize>>()
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
            let unpacked = found.into_iter().in_parallel().map(|(place, (bytes, left_out))| {
                Ok::<_, String>((place, filters::unpack(filters, left_out, &bytes, size)?))
            });
            for unpacked in unpacked {
                let (place, values) = unpacked?;
                self.put(&place, &values, (starts, counts), &mut out);
            }
        }
    }

    /// A chunk of the grid, of at most `most` bytes; `None` where it was never written.
    fn stored(&self, place: &[usize], most: usize) -> Result<Option<StoredChunk>, String> {
        match &self.index {
            Some(index) => index.stored(place, most),
            None => match self.dataset.read_chunk_raw_at(place) {
                Ok(stored) => check_length(place, stored.0.len(), most).map(|()| Some(stored)),
                Err(error) if error.to_string().contains(NOT_WRITTEN) => Ok(None),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// Copies what a chunk has of the elements from some starts on, in some numbers.
    fn put(
        &self,
        place: &[usize],
        values: &[u8],
        (starts, counts): (&[usize], &[usize]),
        out: &mut [u8],
    ) {
        let axes = place.len();
        let first: Vec<usize> =
            place.iter().zip(&self.chunk).map(|(at, chunk)| at * chunk).collect();
        // What both have, along each axis.
        let low: Vec<usize> = first.iter().zip(starts).map(|(&a, &b)| a.max(b)).collect();
        let lengths: Vec<usize> = (0..axes)
            .map(|axis| {
                let end = (first[axis] + self.chunk[axis]).min(starts[axis] + counts[axis]);
                end.saturating_sub(low[axis])
            })
            .collect();
        let (last, row) = (axes - 1, lengths[axes - 1] * self.width);
        for at in 0..lengths[..last].iter().product::<usize>() {
            let mut within = indices(at, &lengths[..last]);
            within.push(0);
            let place_in = |origin: &[usize], shape: &[usize]| {
                let at = (0..axes).fold(0, |sum, axis| {
                    sum * shape[axis] + low[axis] + within[axis] - origin[axis]
                });
                at * self.width
            };
            let (source, target) = (place_in(&first, &self.chunk), place_in(starts, counts));
            out[target..target + row].copy_from_slice(&values[source..source + row]);
        }
    }
}

/// So many bytes of elements of a dataset that nobody wrote.
pub(super) fn blank(dataset: &H5Dataset, length: usize) -> Vec<u8> {
    match dataset.fill_value() {
        Ok(FillValue::UserDefined(value)) if !value.is_empty() => {
            value.into_iter().cycle().take(length).collect()
        }
        _ => vec![0; length],
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
