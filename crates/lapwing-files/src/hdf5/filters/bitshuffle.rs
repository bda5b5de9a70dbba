//! Bitshuffle (K. Masui et al., *Astronomy and Computing* 12, 181, 2015): the bits of the elements
//! in planes, first bits of all elements first, each block packed for itself.

use super::super::Codec;

/// Bytes before the first block.
const HEADER: usize = 12;

/// Unpacks a chunk of elements of `width` bytes whose blocks are Zstandard frames, to at most
/// `most` bytes.
///
/// Behind the unpacked length (8 bytes) and that of a block (4) each block has its packed length
/// (4) in front, all big-endian. The last block is of whole groups of eight elements; what is left
/// follows as it is.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn unpack_zstd(bytes: &[u8], width: usize, most: usize) -> Result<Vec<u8>, String> {
    let damaged = || "bitshuffle: the chunk is damaged".to_owned();
    let (header, mut packed) = bytes.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
    let [total @ .., b0, b1, b2, b3] = *header;
    let total = usize::try_from(u64::from_be_bytes(total)).map_err(|_| damaged())?;
    if total > most || width == 0 {
        return Err(format!("bitshuffle: {total} bytes in a chunk of at most {most}"));
    }
    let group = width.checked_mul(8).ok_or_else(damaged)?;
    let block = u32::from_be_bytes([b0, b1, b2, b3]) as usize / group * group;
    if block == 0 {
        return Err(damaged());
    }
    let mut out = Vec::with_capacity(total);
    while total - out.len() >= group {
        let length = block.min((total - out.len()) / group * group);
        let (size, rest) = packed.split_first_chunk::<4>().ok_or_else(damaged)?;
        let frame = rest.split_at_checked(u32::from_be_bytes(*size) as usize);
        let (frame, rest) = frame.ok_or_else(damaged)?;
        let planes = Codec::Zstd.unpack(frame, length)?;
        if planes.len() != length {
            return Err(damaged());
        }
        let start = out.len();
        out.resize(start + length, 0);
        gather(&planes, width, &mut out[start..]);
        packed = rest;
    }
    out.extend(packed.get(..total - out.len()).ok_or_else(damaged)?);
    Ok(out)
}

/// Elements of `width` bytes from the planes of their bits: plane `8 j + k` has bit k of byte j of
/// each, those of the first element in its lowest bit. What is beyond whole groups of eight
/// elements stays as it is.
pub(super) fn gather(planes: &[u8], width: usize, out: &mut [u8]) {
    let groups = planes.len().checked_div(8 * width).unwrap_or(0);
    let whole = groups * 8 * width;
    for byte in 0..width {
        for group in 0..groups {
            let plane = |bit: usize| planes[(8 * byte + bit) * groups + group];
            let turned = transposed(std::array::from_fn(plane));
            for (element, value) in turned.into_iter().enumerate() {
                out[(8 * group + element) * width + byte] = value;
            }
        }
    }
    out[whole..].copy_from_slice(&planes[whole..]);
}

/// The transpose of eight rows of eight bits (H. S. Warren, *Hacker's Delight*, 7-3).
fn transposed(rows: [u8; 8]) -> [u8; 8] {
    let mut bits = u64::from_le_bytes(rows);
    for (by, kept) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swapped = (bits ^ (bits >> by)) & kept;
        bits ^= swapped ^ (swapped << by);
    }
    bits.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_gathered_from_their_planes() {
        let elements: Vec<u8> = (0..51_u8).map(|at| at.wrapping_mul(37) ^ 0x5a).collect();
        for width in [1, 2, 3] {
            let groups = elements.len() / width / 8;
            let mut planes = elements.clone();
            planes[..groups * 8 * width].fill(0);
            for (at, &byte) in elements[..groups * 8 * width].iter().enumerate() {
                let (element, j) = (at / width, at % width);
                for bit in 0..8 {
                    let plane = (8 * j + bit) * groups;
                    planes[plane + element / 8] |= (byte >> bit & 1) << (element % 8);
                }
            }
            let mut out = vec![0; elements.len()];
            gather(&planes, width, &mut out);
            assert_eq!(out, elements, "{width}");
        }
    }

    #[test]
    fn damaged_chunks_are_refused() {
        for length in 0..16 {
            assert!(unpack_zstd(&vec![0xff; length], 2, 1 << 20).is_err());
        }
        // 16 bytes in blocks of 16, the packed length beyond the end.
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 9, 1];
        assert!(unpack_zstd(&bytes, 2, 16).is_err());
        assert!(unpack_zstd(&bytes, 2, 15).unwrap_err().contains("at most 15"));
        bytes[11] = 0;
        assert!(unpack_zstd(&bytes, 2, 16).is_err());
    }
}
