//! MRC stacks (`.mrc`, `.mrcs`), as direct electron detectors write frames: a header of 1024 bytes
//! (MRC2014; A. Cheng et al., *J. Struct. Biol.* 192, 146, 2015), further bytes that it tells the
//! number of, and frames row by row.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::npy::DType;
use crate::raw::{RawForm, RawFrames};
use crate::{Error, open};

/// Bytes of the header.
const HEADER: usize = 1024;

/// The frames of an MRC stack; `None` for other files.
///
/// # Errors
/// [`Error::Archive`] for numbers that are not read, and a length that is not that of whole frames.
pub(super) fn open(path: &Path) -> Option<Result<RawFrames, Error>> {
    form(path).map(|form| RawFrames::by_header(path, &form?, None))
}

/// The form of the frames of an MRC stack; `None` for other files.
fn form(path: &Path) -> Option<Result<RawForm, Error>> {
    let mut head = Vec::with_capacity(HEADER);
    open::check(path).ok()?;
    File::open(path).ok()?.take(HEADER as u64).read_to_end(&mut head).ok()?;
    let known = head.len() == HEADER && head[208..212] == *b"MAP ";
    known.then(|| parsed(&head).map_err(|reason| Error::archive(path, reason)))
}

fn parsed(head: &[u8]) -> Result<RawForm, String> {
    let big_endian = head[212] == 0x11;
    let word = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&head[at..at + 4]);
        if big_endian { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) }
    };
    let (columns, rows, mode, further) = (word(0), word(4), word(12), word(92));
    let dtype = match mode {
        0 => DType::I8,
        1 => DType::I16,
        2 => DType::F32,
        6 => DType::U16,
        12 => DType::F16,
        other => {
            return Err(format!(
                "an MRC stack: expected numbers of mode 0, 1, 2, 6 or 12, found mode {other}: write \
                 it again as one of these"
            ));
        }
    };
    let side =
        |length: i32| usize::try_from(length).ok().filter(|side| (1..1 << 16).contains(side));
    let (Some(rows), Some(columns), Ok(further)) =
        (side(rows), side(columns), u64::try_from(further))
    else {
        return Err(format!(
            "an MRC stack whose header is damaged: frames of {rows} x {columns} behind {further} bytes"
        ));
    };
    let offset = HEADER as u64 + further;
    Ok(RawForm { dtype, big_endian, frame: (rows, columns), offset, gap: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of frames of 4 x 6 numbers of a mode behind 32 further bytes.
    fn header(mode: i32, big_endian: bool) -> Vec<u8> {
        let mut head = vec![0; HEADER];
        for (at, value) in [(0, 6), (4, 4), (8, 2), (12, mode), (92, 32)] {
            let bytes = if big_endian { i32::to_be_bytes(value) } else { i32::to_le_bytes(value) };
            head[at..at + 4].copy_from_slice(&bytes);
        }
        head[208..212].copy_from_slice(b"MAP ");
        head[212] = if big_endian { 0x11 } else { 0x44 };
        head
    }

    #[test]
    fn the_header_tells_the_form_of_the_frames() {
        for big_endian in [false, true] {
            let expected =
                RawForm { dtype: DType::U16, big_endian, frame: (4, 6), offset: 1056, gap: 0 };
            assert_eq!(parsed(&header(6, big_endian)), Ok(expected));
        }
        assert!(parsed(&header(4, false)).unwrap_err().contains("found mode 4"));
        let mut broken = header(6, false);
        broken[3] = 0x80;
        assert!(parsed(&broken).unwrap_err().contains("damaged"));
    }

    #[test]
    fn frames_are_read_behind_all_of_the_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.mrc");
        let mut bytes = header(6, false);
        bytes.extend([9; 32]);
        bytes.extend((0..48_u16).flat_map(u16::to_le_bytes));
        std::fs::write(&path, bytes).unwrap();
        let file = crate::Container::open(&path).unwrap();
        assert_eq!(file.shape("").unwrap().unwrap(), [2, 4, 6]);
        let expected: Vec<f64> = (0..48).map(f64::from).collect();
        assert_eq!(file.read("").unwrap().to_f64().unwrap(), expected);
    }
}
