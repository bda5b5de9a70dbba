//! The elements that a virtual dataset takes of another one, or gives a place, in their order.

use rust_hdf5::{Hyperslab, Selection};

/// A box of elements that come one behind the other, in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub start: Vec<usize>,
    pub count: Vec<usize>,
    /// Elements of the selection that come before it.
    pub before: usize,
}

impl Span {
    /// Number of its elements.
    pub(super) fn len(&self) -> usize {
        self.count.iter().product()
    }

    /// The part that has its elements `from` to `to`, and perhaps some before and behind: whole
    /// entries along the first axis that has more than one.
    pub(super) fn around(&self, from: usize, to: usize) -> Self {
        let axis = self.count.iter().position(|&count| count > 1).unwrap_or(0);
        let entry = self.count[axis + 1..].iter().product::<usize>().max(1);
        let (first, end) = (from / entry, to.div_ceil(entry));
        let mut part = self.clone();
        part.start[axis] += first;
        part.count[axis] = end - first;
        part.before += first * entry;
        part
    }

    /// The part whose first index is in a range; `None` for none.
    pub(super) fn within(&self, first: usize, end: usize) -> Option<Self> {
        let low = self.start[0].max(first);
        let high = (self.start[0] + self.count[0]).min(end);
        let entry = self.count[1..].iter().product::<usize>();
        (low < high).then(|| {
            let mut part = self.clone();
            part.before += (low - self.start[0]) * entry;
            (part.start[0], part.count[0]) = (low, high - low);
            part
        })
    }
}

/// What a selection of a dataset of this shape has, where it is of boxes one behind the other along
/// the first axis, as those of detectors are; `None` for all others and for what is outside.
pub(super) fn spans(selection: &Selection, shape: &[usize]) -> Option<Vec<Span>> {
    if shape.is_empty() || matches!(selection, Selection::Points(_)) {
        return None;
    }
    let lengths: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
    let mut boxes = selection.to_boxes(&lengths).ok()?;
    boxes.retain(|(_, count)| !count.contains(&0));
    boxes.sort_unstable_by_key(|(start, _)| start[0]);
    let mut spans: Vec<Span> = Vec::new();
    let mut before = 0_usize;
    for (start, count) in boxes {
        let inside = start.iter().zip(&count).zip(&lengths).all(|((start, count), length)| {
            start.checked_add(*count).is_some_and(|end| end <= *length)
        });
        if !inside {
            return None;
        }
        // Inside a shape of that type.
        let start: Vec<usize> = start.into_iter().map(|at| at as usize).collect();
        let count: Vec<usize> = count.into_iter().map(|at| at as usize).collect();
        let elements = count.iter().try_fold(1_usize, |all, &count| all.checked_mul(count))?;
        let next = before.checked_add(elements)?;
        match spans.last_mut() {
            Some(last) if last.start[0] + last.count[0] > start[0] => return None,
            Some(last)
                if last.start[0] + last.count[0] == start[0]
                    && last.start[1..] == start[1..]
                    && last.count[1..] == count[1..] =>
            {
                last.count[0] += count[0];
            }
            _ => spans.push(Span { start, count, before }),
        }
        before = next;
    }
    Some(spans)
}

/// A selection without end in datasets that have one: what this and the other selection of a
/// mapping have of them, along the axis of each that goes on. `None` where they do not go on both.
pub(super) fn ended(
    (source, length): (&Selection, &[usize]),
    (target, shape): (&Selection, &[usize]),
) -> Option<(Selection, Selection)> {
    let (of_source, of_target) = (regular(source)?, regular(target)?);
    let (from, to) = (of_source.unlim_dim()?, of_target.unlim_dim()?);
    let end = *length.get(from)? as u64;
    let last = of_target.clip_extent(of_source.num_slices(end), false);
    let last = last.min(*shape.get(to)? as u64);
    // What the target has no room for is left in the source.
    let slices = of_target.num_slices(last);
    let end = of_source.clip_extent(slices, false).min(end);
    Some((source.clip_unlimited(end).ok()?, target.clip_unlimited(last).ok()?))
}

/// The block of this number of a selection that goes on without end, in a dataset of this shape;
/// `None` beyond it.
pub(super) fn block(target: &Selection, number: u64, shape: &[usize]) -> Option<Selection> {
    let all = regular(target)?;
    let axis = all.unlim_dim()?;
    let start = number.checked_mul(all.stride[axis])?.checked_add(all.start[axis])?;
    let length = *shape.get(axis)? as u64;
    if start >= length {
        return None;
    }
    let mut block = all.unlim_block(number);
    block.block[axis] = block.block[axis].min(length - start);
    let rank = shape.len();
    Some(Selection::Hyperslab { rank, form: Hyperslab::Regular(block) })
}

fn regular(selection: &Selection) -> Option<&rust_hdf5::RegularHyperslab> {
    match selection {
        Selection::Hyperslab { form: Hyperslab::Regular(regular), .. } => Some(regular),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(list: &[(&[u64], &[u64])]) -> Selection {
        let block = |&(start, end): &(&[u64], &[u64])| rust_hdf5::HyperslabBlock {
            start: start.to_vec(),
            end: end.to_vec(),
        };
        let form = Hyperslab::Blocks(list.iter().map(block).collect());
        Selection::Hyperslab { rank: list[0].0.len(), form }
    }

    #[test]
    fn boxes_come_in_order_and_grow_together() {
        let found = spans(&boxes(&[(&[3, 0], &[3, 4]), (&[0, 0], &[1, 4])]), &[4, 5]).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].count, found[0].before), (&vec![2, 5], 0));
        assert_eq!((&found[1].start, found[1].before), (&vec![3, 0], 10));
        let together = boxes(&[(&[0, 0], &[0, 4]), (&[1, 0], &[1, 4])]);
        assert_eq!(spans(&together, &[4, 5]).unwrap().len(), 1);
        // Beside each other: rows of one and the other come in turns.
        assert!(spans(&boxes(&[(&[0, 0], &[1, 1]), (&[0, 3], &[1, 4])]), &[4, 5]).is_none());
        assert!(spans(&boxes(&[(&[0, 0], &[4, 4])]), &[4, 5]).is_none());
        assert_eq!(spans(&Selection::All, &[4, 5]).unwrap()[0].len(), 20);
    }

    #[test]
    fn a_part_has_whole_entries_along_the_first_axis_of_more_than_one() {
        let span = Span { start: vec![2, 0, 1], count: vec![1, 6, 4], before: 100 };
        let part = span.around(5, 13);
        assert_eq!((part.start, part.count, part.before), (vec![2, 1, 1], vec![1, 3, 4], 104));
        assert!(span.within(0, 2).is_none());
        assert_eq!(span.within(0, 9).unwrap(), span);
    }
}
