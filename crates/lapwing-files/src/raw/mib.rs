//! Merlin files (`.mib`, Quantum Detectors): frames with a line of text before each, which tells
//! their form: `MQ1,000001,00384,01,0256,0256,U16,...` - identifier, number of the frame, bytes of
//! the line, chips, columns, rows, element type, layout of the chips and, at its end, bits of a
//! counter. Numbers are big-endian; those of raw frames (`R64`) are packed (`medipix`).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::npy::DType;
use crate::raw::formats::{LikelyRaster, OfFrames};
use crate::raw::medipix::Packed;
use crate::raw::{RawForm, RawFrames};
use crate::remarks::{Remark, What, counted, leave_out, ranges};
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

/// Bytes of the line before a frame that tell its number and its form.
const NUMBERED: usize = 64;
/// Frames that a file spans, of those that it has, at most: else its numbers count something else.
const MOST_SPARSE: u64 = 4;

/// What the lines before the frames tell: which numbers are missing between them, and which lines
/// are damaged.
pub(super) fn of_frames(frames: &RawFrames) -> Option<Result<OfFrames, Error>> {
    form(frames.path())?.ok()?;
    Some(frames.before_each(NUMBERED).map(|lines| numbered(&lines)))
}

/// Number of a frame by the line before it, and its form: bytes of the line, chips, columns, rows
/// and element type.
type Told<'a> = Option<(u64, Vec<&'a [u8]>)>;

fn number_and_form(line: &[u8]) -> Told<'_> {
    let mut fields = line.strip_prefix(b"MQ1,")?.split(|&byte| byte == b',');
    let number = std::str::from_utf8(fields.next()?).ok()?.trim().parse().ok()?;
    let form: Vec<&[u8]> = fields.take(5).collect();
    (form.len() == 5).then_some((number, form))
}

fn numbered(lines: &[Vec<u8>]) -> OfFrames {
    let told: Vec<Told<'_>> = lines.iter().map(|line| number_and_form(line)).collect();
    let form = told.first().and_then(Option::as_ref).map(|(_, form)| form);
    let is_sound = |of: &Told<'_>| of.as_ref().map(|(_, form)| form) == form;
    let damaged: Vec<usize> = (0..told.len()).filter(|&at| !is_sound(&told[at])).collect();
    let mut remarks = Vec::new();
    if !damaged.is_empty() {
        let evidence = format!(
            "the line before {} is damaged, or of another form than that of the first: {}",
            counted(damaged.len(), "frame"),
            ranges(&damaged)
        );
        let advice = format!(
            "look at them, copy the file again, or leave them out ({})",
            leave_out(&damaged)
        );
        remarks
            .push(Remark::new(What::LostPatterns, evidence, advice).on_patterns(damaged.clone()));
    }
    // A damaged line is that of the next frame.
    let mut numbers: Vec<u64> = Vec::with_capacity(told.len());
    for (at, told) in told.iter().enumerate() {
        let next = numbers.last().map_or(1, |last| last.saturating_add(1));
        let sound = damaged.binary_search(&at).is_err();
        numbers.push(told.as_ref().filter(|_| sound).map_or(next, |(number, _)| *number));
    }
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
        return OfFrames { places: None, remarks };
    };
    let count = numbers.len() as u64;
    // Some programs write the same line before every frame.
    if last.wrapping_sub(first) == count - 1 && numbers.is_sorted() || last == first {
        return OfFrames { places: None, remarks };
    }
    let ascends = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascends || last - first >= MOST_SPARSE.saturating_mul(count) {
        let broken = numbers.windows(2).position(|pair| pair[1] != pair[0].saturating_add(1));
        let at = broken.unwrap_or(0);
        let evidence = format!(
            "the lines before the frames do not count them: after number {} comes {} (frames {at} and \
             {})",
            numbers[at],
            numbers[at + 1],
            at + 1
        );
        let advice = "they are taken in the order of the file: look whether it is of one scan";
        remarks.push(Remark::new(What::LostPatterns, evidence, advice));
        return OfFrames { places: None, remarks };
    }
    let places: Vec<usize> = numbers.iter().map(|number| (number - first) as usize).collect();
    let missing: Vec<usize> = numbers
        .windows(2)
        .flat_map(|pair| pair[0] + 1..pair[1])
        .map(|number| number as usize)
        .collect();
    let evidence = format!(
        "{} missing, by the numbers {first}-{last} before the {count} frames: {}",
        if missing.len() == 1 {
            "1 frame is".into()
        } else {
            format!("{} frames are", missing.len())
        },
        ranges(&missing)
    );
    let advice = "frames lie at their places on a raster of all of them (--scan-shape), and so they \
                  do among positions of all of them";
    remarks.push(Remark::new(What::LostPatterns, evidence, advice));
    OfFrames { places: Some(places), remarks }
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
    fn numbers_of_frames_tell_which_are_missing() {
        let line = |number: u64| format!("MQ1,{number:06},00384,01,0048,0064,U16,").into_bytes();
        let told = |lines: &[Vec<u8>]| {
            let OfFrames { places, remarks } = numbered(lines);
            let words: Vec<String> = remarks.iter().map(ToString::to_string).collect();
            (places, words.join("\n"))
        };
        let of = |numbers: &[u64]| told(&numbers.iter().copied().map(line).collect::<Vec<_>>());
        assert_eq!(of(&[1, 2, 3, 4]), (None, String::new()));
        assert_eq!(of(&[7, 8, 9]), (None, String::new()));
        assert_eq!(of(&[1, 1, 1]), (None, String::new()));
        let (places, words) = of(&[1, 2, 4, 5, 8]);
        assert_eq!(places, Some(vec![0, 1, 3, 4, 7]));
        assert!(
            words.contains("3 frames are missing") && words.contains("5 frames: 3,6-7"),
            "{words}"
        );
        let (places, words) = of(&[1, 2, 1, 2]);
        assert!(places.is_none() && words.contains("after number 2 comes 1"), "{words}");
        assert!(of(&[1, 2, 900_000]).0.is_none());
        // A damaged line, and one of another form.
        let mut lines: Vec<_> = [1, 2, 3, 5].into_iter().map(line).collect();
        lines[1] = vec![0xff; 40];
        lines[2] = b"MQ1,000003,00384,01,0048,0032,U16,".to_vec();
        let (places, words) = told(&lines);
        assert_eq!(places, Some(vec![0, 1, 2, 4]));
        assert!(words.contains("before 2 frames is damaged") && words.contains("1-2"), "{words}");
        assert!(
            words.contains("1 frame is missing") && words.ends_with("of all of them"),
            "{words}"
        );
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
