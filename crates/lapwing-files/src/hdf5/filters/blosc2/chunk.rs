//! A chunk of Blosc2 (Blosc Development Team, *Blosc Chunk Format*): blocks that are packed and
//! filtered for themselves.

use super::super::super::Codec;
use super::super::bitshuffle;

/// Bytes of the header.
const HEADER: usize = 32;
/// Filters that a chunk may have gone through, one after the other.
const SLOTS: usize = 6;

/// What the header says.
struct Header {
    flags: u8,
    /// Bytes of an element.
    width: usize,
    /// Bytes of a block.
    block: usize,
    /// Filters, and what each was told.
    filters: [(u8, u8); SLOTS],
}

/// Bits of `flags`.
const COPIED: u8 = 0x02;
const EXTENDED: u8 = 0x05;
const WHOLE: u8 = 0x10;
/// Codes of filters.
const SHUFFLE: u8 = 1;
const BITSHUFFLE: u8 = 2;
const DELTA: u8 = 3;
/// Bits of noise that were set to zero: nothing to undo.
const TRUNCATION: u8 = 4;

/// Unpacks a chunk that comes to at most `most` bytes; more may follow behind it.
///
/// # Errors
/// What is wrong with it, or is not read, in words.
pub(super) fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let damaged = || "Blosc2: the chunk is damaged".to_owned();
    let head = bytes.get(..HEADER).ok_or_else(damaged)?;
    let number = |at: usize| le(head, at).ok_or_else(damaged);
    let (length, block, packed) = (number(4)?, number(8)?, number(12)?);
    let bytes = bytes.get(..packed).filter(|_| packed >= HEADER).ok_or_else(damaged)?;
    if length > most {
        return Err(format!("Blosc2: {length} bytes in a chunk of at most {most}"));
    }
    let (flags, width, special) = (head[2], usize::from(head[3]), head[31]);
    if flags & EXTENDED != EXTENDED || width == 0 || (block == 0 && length > 0) {
        return Err(damaged());
    }
    if special & 0x89 != 0 {
        let what = if special & 1 != 0 { "a dictionary" } else { "measurements in place of data" };
        return Err(format!("Blosc2: a chunk with {what}, which is not read"));
    }
    match special >> 4 & 7 {
        0 => {}
        3 => {
            let value = bytes.get(HEADER..HEADER + width).ok_or_else(damaged)?;
            return Ok(value.iter().copied().cycle().take(length).collect());
        }
        kind => return of_one_value(kind, width, length),
    }
    if flags & COPIED != 0 {
        return bytes.get(HEADER..HEADER + length).map(<[u8]>::to_vec).ok_or_else(damaged);
    }
    let filters: [(u8, u8); SLOTS] = std::array::from_fn(|slot| (head[16 + slot], head[24 + slot]));
    if let Some((other, _)) = filters.iter().find(|(filter, _)| *filter > TRUNCATION) {
        return Err(format!("Blosc2: filter {other} of a chunk, which is not read"));
    }
    let header = Header { flags, width, block, filters };
    // Each block takes four bytes to say where it is.
    if length.div_ceil(block.max(1)) > (bytes.len() - HEADER) / 4 {
        return Err(damaged());
    }
    let mut out: Vec<u8> = Vec::with_capacity(length);
    for index in 0..length.div_ceil(block.max(1)) {
        let start = le(bytes, HEADER + 4 * index).ok_or_else(damaged)?;
        let here = header.block.min(length - out.len());
        let streams = bytes.get(start..).ok_or_else(damaged)?;
        let mut values = header.streams(streams, here)?;
        for &(filter, told) in header.filters.iter().rev() {
            values = header.undone(filter, told, values, &out)?;
        }
        if values.len() != here {
            return Err(damaged());
        }
        out.extend(values);
    }
    Ok(out)
}

/// `length` bytes of elements that are all the same: zeros (1), NaN (2), or nothing in particular
/// (4), for which HDF5 has zeros.
///
/// # Errors
/// For any other `kind`.
pub(super) fn of_one_value(kind: u8, width: usize, length: usize) -> Result<Vec<u8>, String> {
    let repeated = |value: &[u8]| value.iter().copied().cycle().take(length).collect();
    match (kind, width) {
        (1 | 4, _) => Ok(vec![0; length]),
        (2, 4) => Ok(repeated(&f32::NAN.to_le_bytes())),
        (2, 8) => Ok(repeated(&f64::NAN.to_le_bytes())),
        _ => Err(format!("Blosc2: a chunk of one value of kind {kind}, which is not read")),
    }
}

/// A little-endian number of four bytes that is not negative.
fn le(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(i32::from_le_bytes(*digits)).ok()
}

impl Header {
    /// The streams of a block of `length` bytes one after the other: one for each byte of the
    /// elements, or one for all.
    fn streams(&self, mut bytes: &[u8], length: usize) -> Result<Vec<u8>, String> {
        let damaged = || "Blosc2: a block is damaged".to_owned();
        let split = self.flags & WHOLE == 0 && length == self.block;
        let count = if split { self.width } else { 1 };
        let each = length / count;
        let mut out = Vec::with_capacity(length);
        for _ in 0..count {
            let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
            let size = i32::from_le_bytes(*size);
            bytes = rest;
            if size <= 0 {
                let mut value = 0;
                if size < 0 {
                    // A mark follows: the stream is one byte, repeated, which the size tells.
                    let (mark, rest) = bytes.split_first().ok_or_else(damaged)?;
                    bytes = rest;
                    value = u8::try_from(size.unsigned_abs()).map_err(|_| damaged())?;
                    if mark & 1 == 0 {
                        return Err(damaged());
                    }
                }
                out.resize(out.len() + each, value);
                continue;
            }
            let (stream, rest) = bytes.split_at_checked(size as usize).ok_or_else(damaged)?;
            bytes = rest;
            if stream.len() == each {
                out.extend(stream);
                continue;
            }
            let unpacked = self.unpacked(stream, each)?;
            if unpacked.len() != each {
                return Err(damaged());
            }
            out.extend(unpacked);
        }
        Ok(out)
    }

    /// A packed stream, which Blosc 1 has in the same form: its decoder is told that this is all of
    /// a buffer.
    fn unpacked(&self, stream: &[u8], length: usize) -> Result<Vec<u8>, String> {
        const OVERHEAD: usize = 24;
        let codec = self.flags >> 5;
        if ![0, 1, 3, 4].contains(&codec) {
            return Err(format!("Blosc2: codec {codec} of a chunk, which is not read"));
        }
        let mut buffer = Vec::with_capacity(OVERHEAD + stream.len());
        buffer.extend([2, 1, codec << 5 | WHOLE, 1]);
        let numbers = [length, length, OVERHEAD + stream.len(), OVERHEAD - 4, stream.len()];
        buffer.extend(numbers.iter().flat_map(|&number| (number as u32).to_le_bytes()));
        buffer.extend(stream);
        Codec::Blosc.unpack(&buffer, length)
    }

    /// A block before a filter, which was `told` something; `done` are the blocks before it.
    fn undone(
        &self,
        filter: u8,
        told: u8,
        mut block: Vec<u8>,
        done: &[u8],
    ) -> Result<Vec<u8>, String> {
        match filter {
            // Told the width of what it shuffles, or 0 for that of the elements.
            SHUFFLE => {
                let width = if told == 0 { self.width } else { usize::from(told) };
                let length = block.len();
                match width {
                    1 => Ok(block),
                    _ => Codec::Shuffle(width as u32).unpack(&block, length),
                }
            }
            BITSHUFFLE => {
                let mut out = vec![0; block.len()];
                bitshuffle::gather(&block, self.width, &mut out);
                Ok(out)
            }
            // The first block has differences of neighbours, others those to the first.
            DELTA if done.is_empty() => {
                let width = if [1, 2, 4].contains(&self.width) {
                    self.width
                } else if self.width.is_multiple_of(8) {
                    8
                } else {
                    1
                };
                for at in width..block.len() {
                    block[at] ^= block[at - width];
                }
                Ok(block)
            }
            DELTA => {
                block.iter_mut().zip(done).for_each(|(value, &first)| *value ^= first);
                Ok(block)
            }
            _ => Ok(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of elements of two bytes with this behind its header.
    fn chunk(flags: u8, special: u8, length: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (5, 1, flags | EXTENDED, 2);
        (bytes[4], bytes[8], bytes[12]) = (length, length, (HEADER + rest.len()) as u8);
        bytes[31] = special;
        bytes.extend(rest);
        bytes
    }

    /// By blosc2 4.14.1: `compress2(values, typesize=4, filters_meta=[0, 0, 0, 0, 0, 8])`, and 1
    /// and 4 in place of 4 and 8, with shuffled bytes, Zstandard and `SplitMode.NEVER_SPLIT`.
    #[test]
    fn what_is_shuffled_may_be_wider_than_an_element() {
        let values: Vec<u8> = (0..64_u32).flat_map(|at| (at / 16 + 254).to_le_bytes()).collect();
        #[rustfmt::skip]
        let chunks: [&[u8]; 2] = [
            &[
                5, 1, 149, 4, 0, 1, 0, 0, 0, 1, 0, 0, 74, 0, 0, 0,
                0, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 8, 0, 0,
                36, 0, 0, 0, 34, 0, 0, 0, 40, 181, 47, 253, 96, 0, 0, 197,
                0, 0, 64, 254, 255, 0, 1, 0, 1, 0, 254, 8, 96, 1, 208, 219,
                3, 124, 144, 82, 234, 250, 156, 115, 230, 2,
            ],
            &[
                5, 1, 149, 1, 0, 1, 0, 0, 0, 1, 0, 0, 68, 0, 0, 0,
                0, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 4, 0, 0,
                36, 0, 0, 0, 28, 0, 0, 0, 40, 181, 47, 253, 96, 0, 0, 149,
                0, 0, 56, 254, 255, 0, 1, 0, 1, 0, 7, 80, 1, 0, 60, 109,
                154, 174, 235, 186,
            ],
        ];
        for chunk in chunks {
            assert_eq!(unpack(chunk, 256), Ok(values.clone()), "width {}", chunk[3]);
        }
    }

    #[test]
    fn chunks_without_streams_are_read() {
        assert_eq!(unpack(&chunk(0, 1 << 4, 5, &[]), 9), Ok(vec![0; 5]));
        assert_eq!(unpack(&chunk(0, 3 << 4, 4, &[7, 8]), 9), Ok(vec![7, 8, 7, 8]));
        assert_eq!(unpack(&chunk(COPIED, 0, 3, &[1, 2, 3]), 9), Ok(vec![1, 2, 3]));
        // Two streams, of zeros and of nines.
        let start = [36, 0, 0, 0];
        let streams = [&start[..], &[0, 0, 0, 0, 247, 255, 255, 255, 1]].concat();
        assert_eq!(unpack(&chunk(0, 0, 4, &streams), 9), Ok(vec![0, 0, 9, 9]));
        assert!(unpack(&chunk(0, 1 << 4, 5, &[]), 4).unwrap_err().contains("at most 4"));
        assert!(unpack(&chunk(0, 1, 4, &streams), 9).unwrap_err().contains("dictionary"));
    }
}
