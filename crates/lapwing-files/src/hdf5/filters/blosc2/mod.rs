//! Blosc2: what its filter puts into a chunk of HDF5, a contiguous frame with one chunk in it,
//! whose elements may lie in blocks of several axes (the metalayer `b2nd`).
//!
//! After *Blosc2 Contiguous Frame Format* and *Blosc2 NDim Metalayer* (Blosc Development Team). The
//! numbers of the frame are big-endian, those of its chunks little-endian.

mod blocks;
mod chunk;

use blocks::Blocks;

/// What a frame begins with, behind two bytes.
const MAGIC: &[u8] = b"b2frame\0";
/// Where the list of metalayers begins.
const METALAYERS: usize = 87;

/// Unpacks a frame that comes to at most `most` bytes.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
    frame(bytes, most).unwrap_or_else(|| Err("Blosc2: the frame is damaged".to_owned()))
}

/// [`unpack`]; `None` where the frame says what cannot be.
fn frame(bytes: &[u8], most: usize) -> Option<Result<Vec<u8>, String>> {
    if bytes.get(2..10)? != MAGIC {
        return None;
    }
    let [head, packed, unpacked] = [be(bytes, 11, 4)?, be(bytes, 39, 8)?, be(bytes, 30, 8)?];
    let (width, chunk) = (be(bytes, 48, 4)?, be(bytes, 58, 4)?);
    if chunk == 0 || unpacked > chunk {
        let found = format!("Blosc2: expected one chunk in a frame, found {unpacked} bytes");
        return Some(Err(format!("{found} in chunks of {chunk}")));
    }
    let blocks = match metalayer(bytes.get(..head)?, b"b2nd") {
        Some(content) => Some(Blocks::read(content?, width)?),
        None => None,
    };
    // Blocks at the edges are filled up.
    let sizes = blocks.as_ref().map_or(Some((unpacked, most)), |blocks| blocks.sizes(most));
    let Some((elements, stored)) = sizes.filter(|(elements, _)| *elements <= most) else {
        return Some(Err(format!("Blosc2: blocks that do not fit a chunk of {most} bytes")));
    };
    let index = chunk::unpack(bytes.get(head.checked_add(packed)?..)?, 8);
    let index = match index {
        Ok(index) => u64::from_le_bytes(index.try_into().ok()?),
        Err(reason) => return Some(Err(reason)),
    };
    // The highest bit says that the chunk is made of one value and is not there.
    let values = match (index >> 63, index >> 56 & 7) {
        (0, _) => {
            let at = head.checked_add(usize::try_from(index).ok()?)?;
            chunk::unpack(bytes.get(at..)?, stored)
        }
        (_, kind) => return Some(chunk::of_one_value(kind as u8, width, elements)),
    };
    let values = match values {
        Ok(values) => values,
        Err(reason) => return Some(Err(reason)),
    };
    match blocks {
        Some(blocks) => blocks.in_order(&values).map(Ok),
        None => Some(Ok(values)),
    }
}

/// A big-endian number of so many bytes.
fn be(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let digits = bytes.get(at..at.checked_add(width)?)?;
    let number = digits.iter().fold(0_u64, |number, &digit| number << 8 | u64::from(digit));
    usize::try_from(number).ok().filter(|&number| number <= i64::MAX as usize)
}

/// The content of a metalayer in the header of a frame: `None` when there is none of that name, and
/// `Some(None)` when it is not where the header says.
fn metalayer<'a>(head: &'a [u8], wanted: &[u8]) -> Option<Option<&'a [u8]>> {
    let count = be(head, METALAYERS + 5, 2)?;
    let mut at = METALAYERS + 7;
    for _ in 0..count.min(16) {
        // A short text, then where its content is.
        let length = usize::from(head.get(at)? & 0x1f);
        let name = head.get(at + 1..at + 1 + length)?;
        let place = be(head, at + 2 + length, 4)?;
        if name == wanted {
            let content = || {
                let length = be(head, place.checked_add(1)?, 4)?;
                head.get(place + 5..place.checked_add(5)?.checked_add(length)?)
            };
            return Some(content());
        }
        at += 6 + length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut frame = vec![0; 128];
        frame[2..10].copy_from_slice(MAGIC);
        for length in 0..frame.len() {
            assert!(unpack(&frame[..length], 1 << 20).is_err(), "{length}");
        }
        // Two chunks.
        (frame[37], frame[61]) = (9, 8);
        assert!(unpack(&frame, 64).unwrap_err().contains("one chunk"));
    }

    /// A frame without data, of bytes in blocks of several axes, that claims `length` zeros.
    fn of_zeros(chunk: &[u32], block: &[u32], length: u64) -> Vec<u8> {
        let content = blocks::tests::content(chunk, block);
        let place = METALAYERS + 7 + 10;
        let mut frame = vec![0; place + 5];
        frame[2..10].copy_from_slice(MAGIC);
        frame[30..38].copy_from_slice(&length.to_be_bytes());
        frame[51] = 1;
        frame[58..62].copy_from_slice(&(length as u32).to_be_bytes());
        frame[METALAYERS + 6] = 1;
        frame[METALAYERS + 7] = 0xa4;
        frame[METALAYERS + 8..METALAYERS + 12].copy_from_slice(b"b2nd");
        frame[METALAYERS + 13..METALAYERS + 17].copy_from_slice(&(place as u32).to_be_bytes());
        frame[place + 1..].copy_from_slice(&(content.len() as u32).to_be_bytes());
        frame.extend(content);
        let head = frame.len() as u32;
        frame[11..15].copy_from_slice(&head.to_be_bytes());
        // The index: one number of eight bytes, stored as it is, that says that all is zero.
        let mut index = vec![0; 32];
        (index[0], index[1], index[2], index[3]) = (5, 1, 7, 8);
        (index[4], index[8], index[12]) = (8, 8, 40);
        index.extend((1_u64 << 63 | 1 << 56).to_le_bytes());
        frame.extend(index);
        frame
    }

    #[test]
    fn a_frame_without_data_takes_no_more_room_than_its_chunk_may() {
        assert_eq!(unpack(&of_zeros(&[3, 5], &[2, 3], 24), 15), Ok(vec![0; 15]));
        // Filled up along eight axes the blocks take 2.9 and 25 times the room of the chunk.
        let chunk = [9, 9, 9, 9, 9, 5, 5, 5];
        let block = [5, 5, 5, 5, 5, 3, 3, 3];
        let filled = 10_u64.pow(5) * 6_u64.pow(3);
        assert_eq!(
            unpack(&of_zeros(&chunk, &block, filled), 8 << 20).map(|v| v.len()),
            Ok(7_381_125)
        );
        let chunk = [9, 9, 9, 9, 9, 5, 5, 1];
        let block = [8, 8, 8, 8, 8, 3, 3, 1];
        let filled = 16_u64.pow(5) * 36;
        let refused = unpack(&of_zeros(&chunk, &block, filled), 8 << 20).unwrap_err();
        assert!(refused.contains("do not fit"), "{refused}");
        assert!(unpack(&of_zeros(&[3, 5], &[6, 5], 30), 15).is_err());
    }
}
