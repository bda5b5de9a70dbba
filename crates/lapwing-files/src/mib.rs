//! Merlin files (`.mib`, Quantum Detectors): frames with a line of text before each, which tells
//! their form: `MQ1,000001,00384,01,0256,0256,U16,...` - identifier, number of the frame, bytes of
//! the line, chips, columns, rows, element type. Numbers are big-endian.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::npy::DType;
use crate::raw::RawForm;
use crate::{Error, open};

/// Longest line before a frame, bytes.
const LONGEST: u64 = 1 << 16;
/// Bytes of a header file that are looked at.
const LONGEST_HEADER: u64 = 1 << 16;

/// The form of the frames of a Merlin file, by the line before the first; `None` for other files.
///
/// # Errors
/// [`Error::Archive`] for frames that are not read.
pub(crate) fn form(path: &Path) -> Option<Result<RawForm, Error>> {
    let mut head = Vec::new();
    open::check(path).ok()?;
    File::open(path).ok()?.take(64).read_to_end(&mut head).ok()?;
    let start = head.strip_prefix(b"MQ1,")?;
    let text: String =
        start.iter().map(|&byte| char::from(byte)).take_while(|c| c.is_ascii()).collect();
    Some(parsed(&text).map_err(|reason| Error::archive(path, reason)))
}

/// The raster that the header file `NAME.hdr` beside `NAME.mib` suggests, of a row for each
/// trigger, and what says so.
pub(crate) fn likely_raster(path: &Path) -> Option<((usize, usize), String)> {
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

fn parsed(text: &str) -> Result<RawForm, String> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let found = || format!("found {:?}", text.chars().take(40).collect::<String>());
    let expected =
        "a Merlin file (.mib): expected MQ1,FRAME,BYTES,CHIPS,COLUMNS,ROWS,TYPE before the frames";
    let [_, bytes, _, columns, rows, kind, ..] = fields.as_slice() else {
        return Err(format!("{expected}, {}", found()));
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|&number| number > 0);
    let (Some(bytes), Some(columns), Some(rows)) = (number(bytes), number(columns), number(rows))
    else {
        return Err(format!("{expected}, {}", found()));
    };
    let dtype = match *kind {
        "U08" | "U8" => DType::U8,
        "U16" => DType::U16,
        "U32" => DType::U32,
        other => {
            return Err(format!(
                "a Merlin file (.mib): expected frames of U08, U16 or U32, found {other} (R64 is the \
                 detector's raw mode): load it with RosettaSciIO or LiberTEM, save the frames with \
                 numpy.save and read that .npy"
            ));
        }
    };
    if bytes > LONGEST || columns > 1 << 16 || rows > 1 << 16 {
        return Err(format!("{expected}, {}", found()));
    }
    Ok(RawForm {
        dtype,
        big_endian: true,
        frame: (rows as usize, columns as usize),
        offset: bytes,
        gap: bytes,
    })
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
        let form = parsed("000001,00384,01,0048,0064,U16,   1x1,01").unwrap();
        assert_eq!(
            (form.dtype, form.frame, form.offset, form.gap),
            (DType::U16, (64, 48), 384, 384)
        );
        for (line, part) in [
            ("000001,00384,01,0048,0064,R64", "R64"),
            ("000001,00384,01,0048", "expected MQ1"),
            ("000001,0,01,0048,0064,U16", "expected MQ1"),
            ("000001,99999999,01,0048,0064,U16", "expected MQ1"),
        ] {
            assert!(parsed(line).unwrap_err().contains(part), "{line}");
        }
    }
}
