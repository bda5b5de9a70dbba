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
                "a Merlin file (.mib): expected frames of U08, U16 or U32, found {other}: write it again \
                 as one of these"
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
