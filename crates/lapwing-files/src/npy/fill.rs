//! Elements from bytes in one pass: decoded, converted and put into their final place.

use std::io::{self, Read};
use std::mem::MaybeUninit;

use lapwing_model::parallel::InParallel;

use super::{Element, NpyError};
use crate::stop;

/// Bytes handed over at a time: few enough to stay in a cache between checksum and conversion.
pub(crate) const PIECE: usize = 1 << 18;
/// Rows that are moved together are best this many: sixteen `f32` are a cache line.
const ROWS: usize = 16;
/// Largest piece for the sake of whole rows.
const MAX_PIECE: usize = 4 << 20;

/// Decodes one piece of bytes into as many places.
pub(crate) type Convert<'a, T> = dyn Fn(&[u8], &mut [MaybeUninit<T>]) + Sync + 'a;

/// The data of an array, header already read.
pub(crate) trait Bytes {
    /// Hands over the next `length` bytes in order, in pieces of `piece` bytes of which only the
    /// last may be shorter.
    fn pieces(
        &mut self,
        length: usize,
        piece: usize,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()>;

    /// Converts the next bytes, `width` for each place, into all of the places; in parallel where
    /// it can.
    fn fill<T: Send>(
        &mut self,
        places: &mut [MaybeUninit<T>],
        width: usize,
        convert: &Convert<'_, T>,
    ) -> io::Result<()> {
        fill_in_order(self, places, width, convert)
    }
}

/// [`Bytes::fill`], one piece after the other.
pub(crate) fn fill_in_order<T: Send>(
    data: &mut (impl Bytes + ?Sized),
    places: &mut [MaybeUninit<T>],
    width: usize,
    convert: &Convert<'_, T>,
) -> io::Result<()> {
    let length = places.len() * width;
    let mut rest = places;
    data.pieces(length, PIECE / width * width, &mut |bytes| {
        let (now, later) = std::mem::take(&mut rest).split_at_mut(bytes.len() / width);
        convert(bytes, now);
        rest = later;
    })?;
    match rest.is_empty() {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Bytes from a plain reader.
pub(crate) struct Sequential<R>(pub R);

impl<R: Read> Bytes for Sequential<R> {
    fn pieces(
        &mut self,
        length: usize,
        piece: usize,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut buffer = vec![0; piece.min(length)];
        let mut left = length;
        while left > 0 {
            let now = left.min(piece);
            stop::check_bytes()?;
            self.0.read_exact(&mut buffer[..now])?;
            take(&buffer[..now]);
            left -= now;
        }
        Ok(())
    }
}

/// Where each element of a file goes when its axes are put into another order.
pub(crate) struct Reorder {
    /// Lengths of the axes as the file runs through them, the last one fastest.
    lengths: Vec<usize>,
    /// Steps along these axes in the array that is made.
    steps: Vec<usize>,
}

impl Reorder {
    /// For an array of `shape` of which the axes are wanted in `order` (`order[0]` is the axis that
    /// becomes the first); each element is `width` values that stay together. `None` when the file
    /// already has that order.
    pub(crate) fn new(
        shape: &[usize],
        fortran: bool,
        order: &[usize],
        width: usize,
    ) -> Option<Self> {
        let mut steps = vec![0; shape.len()];
        let mut step = width;
        for &axis in order.iter().rev() {
            steps[axis] = step;
            step *= shape[axis];
        }
        let (mut lengths, mut steps): (Vec<usize>, Vec<usize>) = match fortran {
            true => (shape.iter().rev().copied().collect(), steps.into_iter().rev().collect()),
            false => (shape.to_vec(), steps),
        };
        lengths.push(width);
        steps.push(1);
        // Axes of length 1 have no order; neighbours that stay neighbours are one axis.
        let mut kept: Vec<(usize, usize)> = Vec::new();
        for (length, step) in lengths.into_iter().zip(steps).filter(|(length, _)| *length != 1) {
            match kept.last_mut() {
                Some(last) if last.1 == length * step => *last = (last.0 * length, step),
                _ => kept.push((length, step)),
            }
        }
        if kept.len() < 2 {
            return None;
        }
        let (lengths, steps) = kept.into_iter().unzip();
        Some(Self { lengths, steps })
    }

    /// Place of the first element of a row, which runs along the last axis of the file.
    fn row(&self, mut row: usize) -> usize {
        let outer = self.lengths.len() - 1;
        let axes = self.lengths[..outer].iter().zip(&self.steps[..outer]).rev();
        axes.map(|(length, step)| {
            let index = row % length;
            row /= length;
            index * step
        })
        .sum()
    }

    /// Length of a row and the step along it.
    fn along(&self) -> (usize, usize) {
        let last = self.lengths.len() - 1;
        (self.lengths[last], self.steps[last])
    }
}

/// Reads `count` elements, decoded and converted in one pass; memory is taken once, for all of
/// them.
pub(crate) fn numbers<S: Element, T: Copy + Default + Send>(
    data: &mut impl Bytes,
    count: usize,
    big: bool,
    reorder: Option<&Reorder>,
    convert: impl Fn(S) -> T + Copy + Sync,
) -> Result<Vec<T>, NpyError> {
    let mut values: Vec<T> = Vec::new();
    values.try_reserve_exact(count).map_err(|_| NpyError::TooLarge {
        bytes: (count as u64).saturating_mul(size_of::<T>() as u64),
        limit: "the memory there is",
    })?;
    if count == 0 {
        return Ok(values);
    }
    ask_for_large_pages(&mut values);
    if let Some(reorder) = reorder {
        values.resize(count, T::default());
        let read =
            move |bytes: &[u8]| convert(if big { S::from_be(bytes) } else { S::from_le(bytes) });
        scatter(data, &mut values, S::WIDTH, reorder, read)?;
        return Ok(values);
    }
    let little_to = move |bytes: &[u8], places: &mut [MaybeUninit<T>]| {
        for (place, bytes) in places.iter_mut().zip(bytes.chunks_exact(S::WIDTH)) {
            place.write(convert(S::from_le(bytes)));
        }
    };
    let big_to = move |bytes: &[u8], places: &mut [MaybeUninit<T>]| {
        for (place, bytes) in places.iter_mut().zip(bytes.chunks_exact(S::WIDTH)) {
            place.write(convert(S::from_be(bytes)));
        }
    };
    let places = &mut values.spare_capacity_mut()[..count];
    data.fill(places, S::WIDTH, if big { &big_to } else { &little_to })?;
    // SAFETY: the capacity is at least `count`, and `fill` returned without an error, so it has
    // handed every one of the `count` places to the conversion together with as many elements, and
    // that writes all of them.
    unsafe { values.set_len(count) };
    Ok(values)
}

/// Reads the next elements into as many places, which all threads convert.
pub(crate) fn next<S: Element>(
    data: &mut impl Bytes,
    places: &mut [f32],
    big: bool,
    convert: impl Fn(S) -> f32 + Copy + Sync,
) -> io::Result<()> {
    let piece = PIECE / S::WIDTH;
    let length = places.len() * S::WIDTH;
    data.pieces(length, length, &mut |bytes| {
        let pieces = places.chunks_mut(piece).zip(bytes.chunks(piece * S::WIDTH));
        pieces.in_parallel().for_each(|(places, bytes)| {
            for (place, bytes) in places.iter_mut().zip(bytes.chunks_exact(S::WIDTH)) {
                *place = convert(if big { S::from_be(bytes) } else { S::from_le(bytes) });
            }
        });
    })
}

/// Asks Linux to back a big vector by large pages, as NumPy does: filling two million small ones
/// takes longer than copying what comes into them.
#[cfg(target_os = "linux")]
fn ask_for_large_pages<T>(values: &mut Vec<T>) {
    const LARGE_PAGE: usize = 2 << 20;
    let memory = values.spare_capacity_mut();
    let length = size_of_val(memory);
    let start = memory.as_mut_ptr().cast::<u8>();
    let before = start.align_offset(LARGE_PAGE);
    let Some(whole) = length.checked_sub(before).map(|rest| rest / LARGE_PAGE * LARGE_PAGE) else {
        return;
    };
    if whole > 0 {
        // SAFETY: the range lies inside the memory of the vector and begins at a page. The advice
        // changes how the memory is backed, never what it holds; a kernel that does not take it
        // says so, and that does not matter.
        unsafe { libc::madvise(start.wrapping_add(before).cast(), whole, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages<T>(_: &mut Vec<T>) {}

/// Puts the elements of the file into their places in another order of axes.
fn scatter<T: Copy + Send>(
    data: &mut impl Bytes,
    values: &mut [T],
    width: usize,
    reorder: &Reorder,
    read: impl Fn(&[u8]) -> T,
) -> io::Result<()> {
    let (row, step) = reorder.along();
    // Many rows at a time, so that what is written close together lies close together.
    let rows = row.saturating_mul(ROWS * width).clamp(PIECE, MAX_PIECE) / width * width;
    let length = values.len() * width;
    let mut next = 0;
    data.pieces(length, rows, &mut |bytes| {
        let start = next;
        next += bytes.len() / width;
        let at = |element: usize| &bytes[(element - start) * width..(element - start + 1) * width];
        // What is left of a row that began in an earlier piece, whole rows, and the beginning of
        // one more.
        let whole = start.next_multiple_of(row).min(next);
        let end = (next / row * row).max(whole);
        for part in [start..whole, end..next] {
            let base = reorder.row(part.start / row);
            for element in part {
                values[base + element % row * step] = read(at(element));
            }
        }
        let bases: Vec<usize> = (whole / row..end / row).map(|row| reorder.row(row)).collect();
        for along in 0..if bases.is_empty() { 0 } else { row } {
            for (index, base) in bases.iter().enumerate() {
                values[base + along * step] = read(at(whole + index * row + along));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a[i, j, k] = 100 i + 10 j + k` with `order` of the axes wanted, from a file in either
    /// order.
    fn reordered(shape: [usize; 3], fortran: bool, order: [usize; 3]) -> Vec<u32> {
        let [a, b, c] = shape;
        let mut file = Vec::new();
        let value = |i: usize, j: usize, k: usize| (10_000 * i + 100 * j + k) as u32;
        for index in 0..a * b * c {
            let (i, j, k) = match fortran {
                false => (index / (b * c), index / c % b, index % c),
                true => (index % a, index / a % b, index / (a * b)),
            };
            file.extend(value(i, j, k).to_be_bytes());
        }
        let reorder = Reorder::new(&shape, fortran, &order, 1);
        let mut data = Sequential(file.as_slice());
        numbers::<u32, u32>(&mut data, a * b * c, true, reorder.as_ref(), |x| x).unwrap()
    }

    #[test]
    fn every_order_of_axes_from_both_memory_orders() {
        for shape in [[2, 3, 4], [1, 5, 2], [3, 1, 1], [70, 60, 50]] {
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let plain = ndarray::Array3::from_shape_fn(shape, |(i, j, k)| {
                    (10_000 * i + 100 * j + k) as u32
                });
                let wanted: Vec<u32> = plain.permuted_axes(order).iter().copied().collect();
                for fortran in [false, true] {
                    assert!(
                        reordered(shape, fortran, order) == wanted,
                        "{shape:?} {order:?} {fortran}"
                    );
                }
            }
        }
    }

    #[test]
    fn rows_longer_than_a_piece() {
        let (rows, columns) = (3, MAX_PIECE / 2 + 7);
        let file: Vec<u8> =
            (0..rows * columns).flat_map(|index| (index as u16).to_le_bytes()).collect();
        let reorder = Reorder::new(&[rows, columns], false, &[1, 0], 1);
        let mut data = Sequential(file.as_slice());
        let values =
            numbers::<u16, f32>(&mut data, rows * columns, false, reorder.as_ref(), f32::from)
                .unwrap();
        for (index, &value) in values.iter().enumerate() {
            assert_eq!(value, f32::from((index % rows * columns + index / rows) as u16), "{index}");
        }
    }

    #[test]
    fn data_that_end_early_are_an_error() {
        let mut data = Sequential([0_u8; 15].as_slice());
        assert!(numbers::<u32, u32>(&mut data, 4, false, None, |x| x).is_err());
    }
}
