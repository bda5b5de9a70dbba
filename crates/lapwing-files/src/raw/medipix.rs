//! Frames of Medipix3 as its chips send them, which Merlin writes in its raw mode (`R64`): words of
//! 64 bits, the most significant byte first, whose least significant bits are the first pixel. A
//! pixel has 1 bit, 8 (counters of 6 bits) or 16 (12 bits); of 24 bits the upper 12 of all pixels
//! come first and then the lower ones.
//!
//! Of four chips, 2 x 2, a row of a file has a row of each: those of the lower two, on their heads,
//! right before left, and then those of the upper two, right before left.

use crate::npy::{DType, Values};

/// How frames are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Bits of a counter: 1, 6, 12 or 24.
    depth: u32,
    /// Rows and columns of a frame, once it is unpacked.
    frame: (usize, usize),
    /// Whether it is of four chips.
    quad: bool,
}

impl Packed {
    /// Of frames with a counter of so many bits, and (rows, columns), chips and layout as the line
    /// before a frame tells them. The error is what is not read.
    pub(crate) fn new(
        depth: u32,
        (rows, columns): (usize, usize),
        chips: usize,
        layout: &str,
    ) -> Result<Self, String> {
        // Both counters beside each other are twice as many columns.
        let columns = if depth == 24 && columns == 2 * rows { rows } else { columns };
        let quad = chips == 4 && layout.trim_end_matches('G') == "2x2";
        if !quad && chips != 1 {
            return Err(format!("one chip, or 2 x 2, found {chips} of layout {layout}"));
        }
        if quad && depth == 24 {
            return Err("counters of 1, 6 or 12 bits of 2 x 2 chips, found 24".to_owned());
        }
        // Where nobody put the chips in their places, a row is one of all four.
        let side = (rows.saturating_mul(columns)).isqrt();
        let frame = if quad { (side, side) } else { (rows, columns) };
        let packed = Self { depth, frame, quad };
        let row = if quad { side / 2 } else { columns };
        let fits = frame.0 * frame.1 == rows.saturating_mul(columns) && (!quad || side % 2 == 0);
        if !fits || row == 0 || !(row * packed.width() as usize).is_multiple_of(64) {
            return Err(format!("rows of whole words of 64 bits, found {rows} x {columns} pixels"));
        }
        Ok(packed)
    }

    /// Bits of a pixel in the file.
    fn width(self) -> u32 {
        match self.depth {
            1 => 1,
            6 => 8,
            _ => 16,
        }
    }

    /// Rows and columns.
    pub(crate) fn frame(self) -> (usize, usize) {
        self.frame
    }

    /// What the pixels become.
    pub(crate) fn dtype(self) -> DType {
        match self.depth {
            1 | 6 => DType::U8,
            12 => DType::U16,
            _ => DType::U32,
        }
    }

    /// Bytes of a frame in the file.
    pub(crate) fn bytes(self) -> usize {
        let parts = if self.depth == 24 { 2 } else { 1 };
        parts * self.frame.0 * self.frame.1 * self.width() as usize / 8
    }

    /// The pixels of whole frames, given their bytes.
    pub(crate) fn unpack(self, frames: &[u8]) -> Values {
        let frames = frames.chunks_exact(self.bytes());
        let pixels = frames.flat_map(|frame| self.frame_of(frame));
        match self.dtype() {
            DType::U8 => Values::U8(pixels.map(|pixel| pixel as u8).collect()),
            DType::U16 => Values::U16(pixels.map(|pixel| pixel as u16).collect()),
            _ => Values::U32(pixels.collect()),
        }
    }

    fn frame_of(self, bytes: &[u8]) -> Vec<u32> {
        let count = self.frame.0 * self.frame.1;
        let mut stored = pixels(bytes, self.width());
        if self.depth == 24 {
            let lower = stored.split_off(count);
            stored.iter_mut().zip(lower).for_each(|(upper, lower)| *upper = (*upper << 12) + lower);
        }
        if !self.quad {
            return stored;
        }
        let (half, mut placed) = (self.frame.0 / 2, vec![0; count]);
        for (row, chips) in stored.chunks_exact(4 * half).enumerate() {
            let chip = |at: usize| &chips[at * half..(at + 1) * half];
            let (upper, lower) = (row * 2 * half, (2 * half - 1 - row) * 2 * half);
            placed[upper..upper + half].copy_from_slice(chip(3));
            placed[upper + half..upper + 2 * half].copy_from_slice(chip(2));
            for (to, from) in placed[lower..lower + half].iter_mut().zip(chip(1).iter().rev()) {
                *to = *from;
            }
            let right = &mut placed[lower + half..lower + 2 * half];
            right.iter_mut().zip(chip(0).iter().rev()).for_each(|(to, from)| *to = *from);
        }
        placed
    }
}

/// The pixels of `width` bits in words of 64.
fn pixels(bytes: &[u8], width: u32) -> Vec<u32> {
    let mask = (1 << width) - 1;
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word: u64, &byte| word << 8 | u64::from(byte));
    let of = |word: u64| (0..64 / width).map(move |at| (word >> (at * width) & mask) as u32);
    bytes.chunks_exact(8).flat_map(|bytes| of(word(bytes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pixel_is_in_the_last_bits_of_a_word() {
        let packed = |depth, columns| Packed::new(depth, (1, columns), 1, "1x1").unwrap();
        let bits = packed(1, 64).unpack(&[0x80, 0, 0, 0, 0, 0, 0, 0x05]);
        let lit: Vec<usize> = match bits {
            Values::U8(bits) => (0..64).filter(|&at| bits[at] == 1).collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(lit, [0, 2, 63]);
        assert_eq!(
            packed(6, 8).unpack(&[8, 7, 6, 5, 4, 3, 2, 1]),
            Values::U8(vec![1, 2, 3, 4, 5, 6, 7, 8])
        );
        let twelve = [0x0f, 0xff, 0, 3, 0, 2, 0x01, 0x00];
        assert_eq!(packed(12, 4).unpack(&twelve), Values::U16(vec![256, 2, 3, 4095]));
        let lower = [0, 0, 0, 1, 0, 0, 0, 7];
        let both = [twelve, lower].concat();
        let expected = vec![(256 << 12) + 7, 2 << 12, (3 << 12) + 1, 4095 << 12];
        assert_eq!(packed(24, 4).unpack(&both), Values::U32(expected));
    }

    #[test]
    fn what_is_not_read_is_told() {
        let refused =
            |depth, shape, chips, layout| Packed::new(depth, shape, chips, layout).unwrap_err();
        assert!(refused(12, (256, 1024), 4, "4x1").contains("4x1"));
        assert!(refused(24, (256, 1024), 4, "2x2").contains("24"));
        assert!(refused(1, (4, 60), 1, "1x1").contains("64 bits"));
        assert!(refused(6, (0, 0), 1, "1x1").contains("64 bits"));
        assert!(refused(6, (8, 40), 4, "2x2").contains("64 bits"));
        let quad = Packed::new(12, (256, 1024), 4, "2x2G").unwrap();
        assert_eq!((quad.frame(), quad.bytes()), ((512, 512), 2 * 512 * 512));
        let deep = Packed::new(24, (256, 512), 1, "1x1").unwrap();
        assert_eq!((deep.frame(), deep.bytes(), deep.dtype()), ((256, 256), 4 << 16, DType::U32));
    }
}
