//! Elements in blocks of several axes.

/// How the elements of a chunk lie: block after block in C order, each in C order and filled up to
/// its full shape.
pub(super) struct Blocks {
    /// Lengths of the axes.
    shape: Vec<usize>,
    /// Those of the chunk, which the blocks cover.
    chunk: Vec<usize>,
    /// Those of a block.
    block: Vec<usize>,
    /// Bytes of an element.
    width: usize,
}

/// Most axes of an array.
const MOST_AXES: usize = 8;

impl Blocks {
    /// From the content of the metalayer, in MessagePack: version, number of axes, shape (64 bits
    /// each), shapes of a chunk and of a block (32 bits each).
    pub(super) fn read(content: &[u8], width: usize) -> Option<Self> {
        let axes = usize::from(*content.get(2)?);
        if axes == 0 || axes > MOST_AXES || width == 0 {
            return None;
        }
        let mut at = 3;
        let mut lengths = |digits: usize| -> Option<Vec<usize>> {
            // A mark for the list, and one for each number.
            let found =
                (0..axes).map(|axis| super::be(content, at + 2 + axis * (1 + digits), digits));
            let found: Option<Vec<usize>> = found.collect();
            at += 1 + axes * (1 + digits);
            found.filter(|lengths| !lengths.contains(&0))
        };
        let (shape, chunk, block) = (lengths(8)?, lengths(4)?, lengths(4)?);
        let within = |one: &[usize], other: &[usize]| one.iter().zip(other).all(|(a, b)| a <= b);
        (within(&shape, &chunk) && within(&block, &chunk)).then_some(Self {
            shape,
            chunk,
            block,
            width,
        })
    }

    /// Blocks along an axis.
    fn along(&self, axis: usize) -> usize {
        self.chunk[axis].div_ceil(self.block[axis])
    }

    /// Bytes of the elements, and those of all blocks, where the elements come to at most `most`.
    pub(super) fn sizes(&self, most: usize) -> Option<(usize, usize)> {
        let product = |length: &dyn Fn(usize) -> Option<usize>| {
            (0..self.shape.len())
                .try_fold(self.width, |product, axis| product.checked_mul(length(axis)?))
        };
        let elements = product(&|axis| Some(self.shape[axis]))?;
        let stored = product(&|axis| self.along(axis).checked_mul(self.block[axis]))?;
        // What fills up the blocks at the edges is less than the chunk along each axis: blocks of
        // 32 in a chunk of 33 take twice its room. Sixteen times is as much as four axes come to.
        let room = elements.checked_mul(1 << self.shape.len().min(4))?.checked_add(1 << 16)?;
        (elements <= most && stored <= room).then_some((elements, stored))
    }

    /// The elements in C order.
    pub(super) fn in_order(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let axes = self.shape.len();
        let mut out = vec![0; self.shape.iter().product::<usize>() * self.width];
        let rows = self.block[..axes - 1].iter().product::<usize>();
        let row = self.block[axes - 1] * self.width;
        let mut source = stored.chunks_exact(row);
        let count = (0..axes).map(|axis| self.along(axis)).product::<usize>();
        for index in 0..count {
            let corner = placed(index, axes, |axis| self.along(axis));
            for inner in 0..rows {
                let within = placed(inner, axes - 1, |axis| self.block[axis]);
                let values = source.next()?;
                let at = |axis: usize| {
                    corner[axis] * self.block[axis] + if axis + 1 < axes { within[axis] } else { 0 }
                };
                if (0..axes).any(|axis| at(axis) >= self.shape[axis]) {
                    continue;
                }
                let first = (0..axes).fold(0, |offset, axis| offset * self.shape[axis] + at(axis));
                let length = row.min((self.shape[axes - 1] - at(axes - 1)) * self.width);
                let target = out.get_mut(first * self.width..)?.get_mut(..length)?;
                target.copy_from_slice(&values[..length]);
            }
        }
        Some(out)
    }
}

/// The indices along `axes` axes of lengths `length` of what comes at `index` in C order.
fn placed(mut index: usize, axes: usize, length: impl Fn(usize) -> usize) -> [usize; MOST_AXES] {
    let mut at = [0; MOST_AXES];
    for axis in (0..axes).rev() {
        at[axis] = index % length(axis);
        index /= length(axis);
    }
    at
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn blocks_are_put_in_order() {
        // (3, 5) in blocks of (2, 3): the numbers 0 to 14, filled up with 99.
        let blocks = Blocks { shape: vec![3, 5], chunk: vec![3, 5], block: vec![2, 3], width: 1 };
        #[rustfmt::skip]
        let stored = [
            0, 1, 2, 5, 6, 7,       3, 4, 99, 8, 9, 99,
            10, 11, 12, 99, 99, 99, 13, 14, 99, 99, 99, 99,
        ];
        assert_eq!(blocks.sizes(15), Some((15, 24)));
        assert_eq!(blocks.sizes(14), None);
        assert_eq!(blocks.in_order(&stored).unwrap(), (0..15).collect::<Vec<u8>>());
        assert_eq!(blocks.in_order(&stored[..20]), None);
    }

    /// The metalayer of a chunk that is the whole array.
    pub(in super::super) fn content(chunk: &[u32], block: &[u32]) -> Vec<u8> {
        let axes = chunk.len() as u8;
        let mut bytes = vec![0x96, 0, axes, 0x90 | axes];
        chunk.iter().for_each(|&length| {
            bytes.push(0xd3);
            bytes.extend(u64::from(length).to_be_bytes());
        });
        for lengths in [chunk, block] {
            bytes.push(0x90 | axes);
            lengths.iter().for_each(|&length| {
                bytes.push(0xd2);
                bytes.extend(length.to_be_bytes());
            });
        }
        bytes
    }

    #[test]
    fn blocks_take_no_more_room_than_they_may() {
        let read = |chunk: &[u32], block: &[u32]| Blocks::read(&content(chunk, block), 2);
        let stored = |chunk: &[u32], block: &[u32]| {
            read(chunk, block).unwrap().sizes(1 << 30).map(|(_, stored)| stored)
        };
        assert_eq!(stored(&[3, 5], &[2, 3]), Some(48));
        assert!(read(&[3, 5], &[4, 3]).is_none());
        // As hdf5plugin has them: 7.3 and 12 times the chunk.
        assert_eq!(stored(&[33; 3], &[32; 3]), Some(2 << 18));
        assert_eq!(stored(&[8, 9, 9, 10, 9, 9], &[4, 4, 8, 8, 8, 8]), Some(192 << 16));
        // Eight axes of 7 in blocks of 4 fill up to 8: 2.9 times; of 5 in blocks of 4, 43 times.
        assert_eq!(stored(&[7; 8], &[4; 8]), Some(2 << 24));
        assert_eq!(stored(&[5; 8], &[4; 8]), None);
    }
}
