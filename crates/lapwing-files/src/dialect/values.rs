//! From a file to the values of its patterns, all of them or some.

use std::ops::Range;

use super::stored::{Rules, StackFile, Stored, wrong_kind};
use super::turned::Turned;
use crate::npy::{self, Array, DType, Header, NpyError};
use crate::options::AxisOrder;
use crate::parts::everything;
use crate::patterns::{Patterns, Storage};
use crate::spool::Spool;
use crate::{Archive, Error, Problem};

/// Values of an archive that are converted together, of all patterns and of some.
const BLOCK: usize = 1 << 22;
const BLOCK_OF_PART: usize = 1 << 20;

/// Patterns of a file that are read.
struct Pick {
    /// Their indices, ascending.
    indices: Vec<usize>,
    /// Lengths of the three axes in the file.
    shape: [usize; 3],
    order: AxisOrder,
}

impl Pick {
    /// Lengths of the axes of what is picked, as they are in the file.
    fn shape(&self) -> (usize, usize, usize) {
        let ([a, b, c], n) = (self.shape, self.indices.len());
        match self.order {
            AxisOrder::PatternFirst => (n, b, c),
            AxisOrder::PatternLast => (a, b, n),
        }
    }

    /// Places in the file, in C order, between which they are.
    fn ranges(&self) -> Vec<Range<usize>> {
        let [a, b, c] = self.shape;
        if self.order == AxisOrder::PatternLast {
            return everything(a.saturating_mul(b).saturating_mul(c));
        }
        let pixels = b.saturating_mul(c);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for &index in &self.indices {
            let (start, end) = (index.saturating_mul(pixels), (index + 1).saturating_mul(pixels));
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        ranges
    }

    /// Gives those of the values from the place `first` on that are picked to `take`.
    fn of<E>(
        &self,
        first: usize,
        values: &[f32],
        take: &mut dyn FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let [_, b, c] = self.shape;
        let end = first + values.len();
        if self.order == AxisOrder::PatternFirst {
            let pixels = b.saturating_mul(c).max(1);
            let from = self.indices.partition_point(|&index| (index + 1) * pixels <= first);
            let here = self.indices[from..].iter().map(|&index| (index * pixels).max(first));
            return here.take_while(|&start| start < end).try_for_each(|start| {
                let stop = ((start / pixels + 1) * pixels).min(end);
                take(&values[start - first..stop - first])
            });
        }
        // One pixel of all patterns after the other.
        let n = c.max(1);
        let mut picked = Vec::new();
        for row in first / n..end.div_ceil(n) {
            let (start, stop) = ((row * n).max(first), ((row + 1) * n).min(end));
            let from = self.indices.partition_point(|&index| row * n + index < start);
            let here = self.indices[from..].iter().map(|&index| row * n + index);
            picked.extend(here.take_while(|&at| at < stop).map(|at| values[at - first]));
        }
        take(&picked)
    }
}

/// The values of patterns, axes (pattern, y, x), and what they are in the file; those of the
/// `wanted` indices, in that order, where some are.
pub(super) fn values(
    stored: &Stored<'_>,
    wanted: Option<&[usize]>,
    rules: &Rules,
    storage: &Storage,
) -> Result<Result<(Patterns, DType), Problem>, Error> {
    if let Some(turned) = Turned::of(stored)?.filter(|turned| turned.pays(wanted, storage)) {
        return turned.values(stored, wanted, rules, storage);
    }
    picked(stored, wanted, rules, storage)
}

/// [`values`] of an array in C order, or as the file has it.
pub(super) fn picked(
    stored: &Stored<'_>,
    wanted: Option<&[usize]>,
    rules: &Rules,
    storage: &Storage,
) -> Result<Result<(Patterns, DType), Problem>, Error> {
    let Some(wanted) = wanted else { return read(stored, None, rules, storage) };
    let mut indices = wanted.to_vec();
    indices.sort_unstable();
    indices.dedup();
    let pick = Pick { indices, shape: stored.shape, order: stored.order };
    let read = read(stored, Some(&pick), rules, storage)?;
    let Ok((values, dtype)) = read else { return Ok(read) };
    if pick.indices == wanted {
        return Ok(Ok((values, dtype)));
    }
    let place = |index| pick.indices.binary_search(index).expect("every index is among them");
    let places: Vec<usize> = wanted.iter().map(place).collect();
    Ok(Ok((values.select(&places)?, dtype)))
}

/// [`values`] in the order of the file.
fn read(
    stored: &Stored<'_>,
    pick: Option<&Pick>,
    rules: &Rules,
    storage: &Storage,
) -> Result<Result<(Patterns, DType), Problem>, Error> {
    let &Stored { file, names, shape, order, absent, turned, .. } = stored;
    let file = match file {
        StackFile::Archive(archive) => {
            return of_archive(archive, stored, pick, rules, storage);
        }
        StackFile::Other(file) => file,
    };
    let spooled = pick.map_or(shape.into(), Pick::shape);
    let mut spool = Spool::new(spooled, storage)?;
    let all = shape.iter().fold(1, |n: usize, &length| n.saturating_mul(length));
    let ranges = pick.map_or_else(|| everything(all), Pick::ranges);
    let (mut dtype, mut problem, mut seen, mut before) = (None, None, 0, 0_usize);
    for (at, name) in names.iter().enumerate() {
        let mut append = |first: usize, values: &[f32]| match pick {
            None => {
                seen += values.len();
                spool.append(values)
            }
            Some(pick) => pick.of(first, values, &mut |values| {
                seen += values.len();
                spool.append(values)
            }),
        };
        if let Some((_, count)) = absent.iter().find(|(absent, _)| *absent == at) {
            let dark = vec![0.0; shape[1].saturating_mul(shape[2])];
            for _ in 0..*count {
                append(before, &dark)?;
                before += dark.len();
            }
            continue;
        }
        let length = match names.len() {
            1 => usize::MAX,
            _ => file.shape(name)?.unwrap_or_default().iter().product(),
        };
        let inside = |range: &Range<usize>| {
            let place = |at: usize| at.saturating_sub(before).min(length);
            Some(place(range.start)..place(range.end)).filter(|range| !range.is_empty())
        };
        let inside: Vec<Range<usize>> = ranges.iter().filter_map(inside).collect();
        if !inside.is_empty() {
            let mut take = |first: usize, part: Array| {
                let found = part.dtype();
                let other = dtype.as_ref().is_some_and(|first| *first != found);
                let wrong = match other {
                    true => Some(Problem::new(rules.key, "numbers of one type", found.to_string())),
                    false => wrong_kind(rules.key, &found),
                };
                if problem.is_some() || wrong.is_some() {
                    problem = problem.take().or(wrong);
                    return Ok(());
                }
                let values = part.into_f32().map_err(|source| file.unfit(name, source))?;
                dtype.get_or_insert(found);
                append(before.saturating_add(first), &values)
            };
            match turned {
                true => file.parts_as_stored(name, &inside, &mut take)?,
                false => file.parts(name, &inside, &mut take)?,
            }
        }
        before = before.saturating_add(length);
    }
    let (a, b, c) = spooled;
    let expected = a.saturating_mul(b).saturating_mul(c);
    match (problem, dtype) {
        (Some(problem), _) => Ok(Err(problem)),
        (None, Some(dtype)) if seen == expected => {
            Ok(Ok((in_order(spool.patterns()?, order)?, dtype)))
        }
        _ => {
            if expected == 0 {
                let found = format!("an array of shape {shape:?}, which has none");
                return Ok(Err(Problem::new(rules.key, "patterns of some pixels", found)));
            }
            let found = format!("{seen} numbers");
            Ok(Err(Problem::new(rules.key, format!("{expected} numbers for {shape:?}"), found)))
        }
    }
}

/// [`read`] of an array of an archive.
fn of_archive(
    archive: &Archive,
    &Stored { names, shape, order, turned, .. }: &Stored<'_>,
    pick: Option<&Pick>,
    rules: &Rules,
    storage: &Storage,
) -> Result<Result<(Patterns, DType), Problem>, Error> {
    let name = names.first().expect("patterns have a name");
    let header = archive.header(name)?;
    if let Some(problem) = wrong_kind(rules.key, &header.dtype) {
        return Ok(Err(problem));
    }
    let in_parts = turned || npy::in_order(&header);
    let values = match pick {
        Some(pick) if in_parts => {
            let mut spool = Spool::new(pick.shape(), storage)?;
            archive.blocks_f32::<Error>(
                name,
                BLOCK_OF_PART,
                &pick.ranges(),
                &mut |first, values| pick.of(first, values, &mut |values| spool.append(values)),
            )?;
            in_order(spool.patterns()?, order)?
        }
        Some(pick) => {
            let all = at_once(archive, name, &header, shape, order)?;
            all.select(&pick.indices)?.kept_in(storage)?
        }
        None if *storage != Storage::Memory && in_parts => {
            let mut spool = Spool::new(shape.into(), storage)?;
            let everything = everything(header.count());
            archive.blocks_f32::<Error>(name, BLOCK, &everything, &mut |_, values| {
                spool.append(values)
            })?;
            in_order(spool.patterns()?, order)?
        }
        None => at_once(archive, name, &header, shape, order)?.kept_in(storage)?,
    };
    Ok(Ok((values, header.dtype)))
}

/// A whole array, read in parallel and in order.
fn at_once(
    archive: &Archive,
    name: &str,
    header: &Header,
    shape: [usize; 3],
    order: AxisOrder,
) -> Result<Patterns, Error> {
    let mut axes: Vec<usize> = (0..header.shape.len()).collect();
    let mut wanted = shape;
    if order == AxisOrder::PatternLast {
        // Two axes of a raster are one of `shape`.
        let of_scan =
            |&last: &usize| header.shape.iter().rev().take(last).product::<usize>() == shape[2];
        let scan = (1..=axes.len()).find(of_scan).unwrap_or(1);
        axes.rotate_right(scan);
        wanted.rotate_right(1);
    }
    let values = archive.read_f32_in_order(name, &axes)?;
    // Only axes of length 1 disappear, or those of a raster become one.
    let values = values.into_shape_with_order(wanted).map_err(|error| Error::Array {
        path: archive.path().to_owned(),
        key: name.to_owned(),
        source: NpyError::Shape(error.to_string()),
    })?;
    Ok(values.into())
}

/// Patterns as the file has them, brought to (pattern, y, x).
fn in_order(values: Patterns, order: AxisOrder) -> Result<Patterns, Error> {
    match order {
        AxisOrder::PatternFirst => Ok(values),
        AxisOrder::PatternLast => values.pattern_first(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the values come, in pieces with what nobody asked for between them, those of the
    /// wanted patterns are picked.
    #[test]
    fn patterns_are_picked_from_pieces() {
        let (n, height, width) = (7, 2, 3);
        let value = |index: usize, pixel: usize| (100 * index + pixel) as f32;
        for order in [AxisOrder::PatternFirst, AxisOrder::PatternLast] {
            let first = order == AxisOrder::PatternFirst;
            let shape = if first { [n, height, width] } else { [height, width, n] };
            let all: Vec<f32> = (0..n * 6)
                .map(|at| if first { value(at / 6, at % 6) } else { value(at % n, at / n) })
                .collect();
            for indices in [vec![0], vec![6], vec![0, 1, 4], vec![2, 3, 5, 6], (0..7).collect()] {
                let pick = Pick { indices, shape, order };
                let of = |pattern: usize| (0..6).map(move |pixel| value(pattern, pixel));
                let wanted = || pick.indices.iter().copied();
                let expected: Vec<f32> = if first {
                    wanted().flat_map(of).collect()
                } else {
                    (0..6).flat_map(|pixel| wanted().map(move |at| value(at, pixel))).collect()
                };
                for piece in [1, 4, 6, 13, 42] {
                    let mut picked = Vec::new();
                    for (at, values) in all.chunks(piece).enumerate() {
                        let here = at * piece..at * piece + values.len();
                        let asked = pick
                            .ranges()
                            .iter()
                            .any(|range| range.start < here.end && here.start < range.end);
                        if asked || at % 2 == 0 {
                            let mut take = |values: &[f32]| {
                                picked.extend_from_slice(values);
                                Ok::<(), ()>(())
                            };
                            pick.of(at * piece, values, &mut take).unwrap();
                        }
                    }
                    assert_eq!(picked, expected, "{order:?} {piece} {:?}", pick.indices);
                    let (a, b, c) = pick.shape();
                    assert_eq!(a * b * c, picked.len());
                }
            }
        }
    }
}
