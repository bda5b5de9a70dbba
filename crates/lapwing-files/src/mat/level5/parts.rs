//! A variable part by part, in the order of the file: the first axis runs fastest. One that is not
//! compressed is looked at where it lies, another is unpacked once from its beginning on.

use std::io::{self, Read};
use std::ops::Range;

use flate2::read::ZlibDecoder;

use super::{
    CUT, DAMAGED, Entry, Level5, MATRIX, Matrix, PEEK, Piece, TOO_LONG, cast, numbers, peek, word,
};
use crate::npy::Array;
use crate::parts::{Take, parts_with};
use crate::{Error, claims};

/// Bytes of a part.
const PART: usize = 8 << 20;

/// Where the numbers of an array lie among its bytes.
struct Place {
    /// The type that they are stored in, the class that they have, and bytes of one.
    kind: u32,
    class: u8,
    width: usize,
    count: usize,
    /// The first byte of them.
    start: usize,
}

impl Level5 {
    /// As [`Container::parts`](crate::Container::parts), of elements in the order of the file.
    pub(in crate::mat) fn parts(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let entry = self.entry(name)?;
        let refused = |reason| self.refused(name, reason);
        if entry.compressed && !name.contains('/') {
            let start = peek(self.bytes(entry), PEEK);
            let is_array = word(&start, 0, self.big) == MATRIX;
            let matrix = start.get(8..).filter(|_| is_array);
            let matrix = matrix.and_then(|bytes| Matrix::of(bytes, self.big));
            if let Some(place) = matrix.and_then(|matrix| Place::of(&matrix, self.big)) {
                return self.unpacked(entry, &place.map_err(refused)?, wanted, take);
            }
        }
        let mut unpacked = Vec::new();
        let matrix = self.matrix(entry, &mut unpacked).map_err(refused)?;
        let Some(place) = Place::of(&matrix, self.big) else {
            let values = matrix.columns(self.big).map_err(refused)?;
            let count = entry.info.shape.iter().product();
            let all = Array::new(vec![count], values);
            return take(0, all.map_err(|error| refused(error.to_string()))?);
        };
        let place = place.map_err(refused)?;
        let cut = || refused(CUT.to_owned());
        let end = place.start.checked_add(place.count * place.width).ok_or_else(cut)?;
        let data = matrix.bytes.get(place.start..end).ok_or_else(cut)?;
        for (first, count) in place.parts(wanted) {
            let bytes = &data[first * place.width..(first + count) * place.width];
            take(first, place.array(bytes, self.big).ok_or_else(cut)?)?;
        }
        Ok(())
    }

    /// The parts of a compressed array.
    fn unpacked(
        &self,
        entry: &Entry,
        place: &Place,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let refused = |reason| self.refused(&entry.info.name, reason);
        let damaged = |_: io::Error| refused(DAMAGED.to_owned());
        let bytes = self.bytes(entry);
        let most = claims::MOST.saturating_mul(bytes.len() as u64);
        if (place.count * place.width) as u64 > most {
            return Err(refused(TOO_LONG.to_owned()));
        }
        let mut data = ZlibDecoder::new(bytes);
        // The tag of the array stands before it.
        pass_over(&mut data, 8 + place.start as u64).map_err(damaged)?;
        let (mut at, mut buffer) = (0, Vec::new());
        for (first, count) in place.parts(wanted) {
            pass_over(&mut data, ((first - at) * place.width) as u64).map_err(damaged)?;
            buffer.resize(count * place.width, 0);
            data.read_exact(&mut buffer).map_err(damaged)?;
            at = first + count;
            let part = place.array(&buffer, self.big);
            take(first, part.ok_or_else(|| refused(CUT.to_owned()))?)?;
        }
        if at == place.count {
            // What is behind them is little, and then comes the checksum.
            io::copy(&mut data.take(PEEK), &mut io::sink()).map_err(damaged)?;
        }
        Ok(())
    }
}

impl Place {
    /// Of real numbers; `None` for others, and an error where there are not as many as the shape
    /// says.
    fn of(matrix: &Matrix<'_>, big: bool) -> Option<Result<Self, String>> {
        if matrix.complex || matrix.logical {
            return None;
        }
        let cut = || CUT.to_owned();
        let tag = word(matrix.bytes, matrix.parts, big);
        // A small element has its length in the first half of the tag, and its data in the second.
        let (kind, length, start) = match tag >> 16 {
            0 => (tag, word(matrix.bytes, matrix.parts + 4, big) as usize, matrix.parts + 8),
            length => (tag & 0xffff, length as usize, matrix.parts + 4),
        };
        let width = match kind {
            1 | 2 => 1,
            3 | 4 => 2,
            5..=7 => 4,
            9 | 12 | 13 => 8,
            _ => return Some(Err(cut())),
        };
        let count = matrix.shape.iter().try_fold(1_usize, |n, &length| n.checked_mul(length));
        Some(match count.filter(|count| count.checked_mul(width) == Some(length)) {
            Some(count) => Ok(Self { kind, class: matrix.class, width, count, start }),
            None => Err(cut()),
        })
    }

    /// First number and number of numbers of the parts with the `wanted` ones.
    fn parts(&self, wanted: &[Range<usize>]) -> Vec<(usize, usize)> {
        parts_with(&[self.count], ((PART / self.width).max(1), 1), wanted)
    }

    /// The numbers of a part as they are in MATLAB.
    fn array(&self, bytes: &[u8], big: bool) -> Option<Array> {
        let values = numbers(&Piece { kind: self.kind, data: bytes, next: 0 }, big)?;
        Array::new(vec![bytes.len() / self.width], cast(self.class, values)).ok()
    }
}

/// Reads so many bytes and forgets them.
fn pass_over(data: &mut impl Read, bytes: u64) -> io::Result<()> {
    match io::copy(&mut data.take(bytes), &mut io::sink())? == bytes {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
