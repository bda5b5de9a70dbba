//! Merlin files (`.mib`, Quantum Detectors): frames with a line of text before each, which tells
//! their form: `MQ1,000001,00384,01,0256,0256,U16,...` - identifier, number of the frame, bytes of
//! the line, chips, columns, rows, element type, layout of the chips and, at its end, bits of a
//! counter. Numbers are big-endian; those of raw frames (`R64`) are packed (`medipix`).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::npy::DType;
use crate::raw::formats::LikelyRaster;
use crate::raw::medipix::Packed;
use crate::raw::{RawForm, RawFrames};
use crate::{Error, open};

/// Longest line before a frame, bytes.
const LONGEST: u64 = 1 << 16;
/// Bytes of a header file that are looked at.
const LONGEST_HEADER: u64 = 1 << 16;

/// The frames of a Merlin file; `None` for other files.
///
/// # Errors
/// [`Error::Archive`] for frames that are not read, and a length that is not that of whole frames.
pub(super) fn open(path: &Path) -> Option<Result<RawFrames, Error>> {
    form(path).map(|form| {
        let (form, packed) = form?;
        RawFrames::by_header(path, &form, packed)
    })
}

/// The form of the frames of a Merlin file, by the line before the first, and how they are packed
/// where they are; `None` for other files.
fn form(path: &Path) -> Option<Result<(RawForm, Option<Packed>), Error>> {
    let mut head = Vec::new();
    open::check(path).ok()?;
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut head).ok()?;
    let start = head.strip_prefix(b"MQ1,")?;
    let text: String =
        start.iter().map(|&byte| char::from(byte)).take_while(|c| c.is_ascii()).collect();
    Some(parsed(&text).map_err(|reason| Error::archive(path, reason)))
}

/// The raster that the header file `NAME.hdr` beside `NAME.mib` suggests, of a row for each
/// trigger, and what says so.
pub(super) fn likely_raster(path: &Path) -> Option<LikelyRaster> {
    let mut bytes = Vec::new();
    let beside = path.with_extension("hdr");
    open::check(&beside).ok()?;
    File::open(&beside).ok()?.take(LONGEST_HEADER).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let number = |key: &str| -> Option<usize> {
        let line = text.lines().find(|line| line.trim_start().starts_with(key))?;
        line.rsplit([':', '\t']).next()?.trim().parse().ok()
    };
    let (all, each) = (number("Frames in Acquisition")?, number("Frames per Trigger")?);
    let rows = all.checked_div(each).filter(|rows| *rows > 1 && each > 1 && rows * each == all)?;
    let why = format!("{} has {rows} triggers of {each} frames each", beside.display());
    Some(((rows, each), why))
}

/// Bits of a counter: the last number of the line, which may be filled up with zeros, if one can
/// have so many.
fn depth(fields: &[&str]) -> Option<u32> {
    let plain = fields.iter().rev().map(|field| field.trim_matches('\0').trim());
    plain
        .into_iter()
        .find(|field| !field.is_empty())?
        .parse()
        .ok()
        .filter(|depth| [1, 6, 12, 24].contains(depth))
}

fn parsed(text: &str) -> Result<(RawForm, Option<Packed>), String> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let found = || format!("found {:?}", text.chars().take(40).collect::<String>());
    let expected =
        "a Merlin file (.mib): expected MQ1,FRAME,BYTES,CHIPS,COLUMNS,ROWS,TYPE before the frames";
    let [_, bytes, chips, columns, rows, kind, more @ ..] = fields.as_slice() else {
        return Err(format!("{expected}, {}", found()));
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|&number| number > 0);
    let (Some(bytes), Some(columns), Some(rows)) = (number(bytes), number(columns), number(rows))
    else {
        return Err(format!("{expected}, {}", found()));
    };
    if bytes > LONGEST || columns > 1 << 16 || rows > 1 << 16 {
        return Err(format!("{expected}, {}", found()));
    }
    let frame = (rows as usize, columns as usize);
    let (dtype, packed) = match *kind {
        "U08" | "U8" => (DType::U8, None),
        "U16" => (DType::U16, None),
        "U32" => (DType::U32, None),
        "R64" => {
            let line = text.get(..(bytes as usize).saturating_sub(4)).unwrap_or(text);
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let Some(depth) = depth(&fields) else {
                return Err(
                    "a Merlin file (.mib) of raw frames (R64): expected 1, 6, 12 or 24 bits \
                            of a counter at the end of the line before them, found none"
                        .to_owned(),
                );
            };
            let chips = chips.parse().unwrap_or(0);
            let packed = Packed::new(depth, frame, chips, more.first().unwrap_or(&""));
            let packed = packed.map_err(|reason| {
                format!(
                    "a Merlin file (.mib) of raw frames (R64): expected {reason}: load it with the \
                     detector's own program and save it as U16 or U32"
                )
            })?;
            (packed.dtype(), Some(packed))
        }
        other => {
            return Err(format!(
                "a Merlin file (.mib): expected frames of U08, U16, U32 or R64, found {other}"
            ));
        }
    };
    let frame = packed.map_or(frame, Packed::frame);
    let form = RawForm { dtype, big_endian: true, frame, offset: bytes, gap: bytes };
    Ok((form, packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_file_suggests_a_raster() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.mib");
        assert!(likely_raster(&path).is_none());
        let header = |all: usize, each: usize| {
            let text = format!(
                "HDR,\t\nChip ID:\tW1_A1\nFrames in Acquisition (Number):\t{all}\n\
                 Frames per Trigger (Number):\t{each}\nEnd\t"
            );
            std::fs::write(folder.path().join("scan.hdr"), text).unwrap();
            likely_raster(&path)
        };
        let (raster, why) = header(12, 4).unwrap();
        assert!(raster == (3, 4) && why.contains("3 triggers of 4 frames"), "{why}");
        assert!(header(12, 1).is_none() && header(12, 12).is_none() && header(13, 4).is_none());
        assert!(header(12, 0).is_none());
    }

    #[test]
    fn the_line_before_a_frame_tells_its_form() {
        let (form, packed) = parsed("000001,00384,01,0048,0064,U16,   1x1,01").unwrap();
        assert_eq!(
            (form.dtype, form.frame, form.offset, form.gap, packed),
            (DType::U16, (64, 48), 384, 384, None)
        );
        let (form, packed) = parsed("000001,00384,01,0064,0032,R64,   1x1,01,6\0\0").unwrap();
        assert_eq!((form.dtype, form.frame), (DType::U8, (32, 64)));
        assert_eq!(packed.map(Packed::bytes), Some(32 * 64));
        for (line, part) in [
            ("000001,00384,01,0048,0064,R64", "bits of a counter"),
            ("000001,00384,01,0048,0064,R64,1x1,0", "bits of a counter"),
            ("000001,00384,03,0256,0256,R64,3x1,12", "3x1"),
            ("000001,00384,01,0048,0064,F32", "F32"),
            ("000001,00384,01,0048", "expected MQ1"),
            ("000001,0,01,0048,0064,U16", "expected MQ1"),
            ("000001,99999999,01,0048,0064,U16", "expected MQ1"),
        ] {
            assert!(parsed(line).unwrap_err().contains(part), "{line}");
        }
    }
}
