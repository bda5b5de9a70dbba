//! Block files (`.blo`, NanoMegas' ASTAR): a header, a note, an image of the scan and the patterns
//! row by row, numbers of 8 bits, each behind six bytes: a mark and its number. Little-endian.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::experiment::Calibration;
use crate::npy::DType;
use crate::raw::{RawForm, RawFrames};
use crate::{Error, open};

/// Bytes of the header that are looked at.
const HEADER: usize = 64;
/// Before each pattern: a mark of two bytes, and its number.
const MARK: [u8; 2] = [0xaa, 0x55];
const BEFORE: u64 = 6;

/// What a header tells.
struct Header {
    /// Where the first pattern's mark is.
    offset: u64,
    side: usize,
    /// Rows and columns of the scan.
    raster: (usize, usize),
    /// Step (y, x), nanometres; hundredths of pixels per centimetre; tenths of millimetres; volts;
    /// hundredths of degrees. What is not told is 0.
    step: (f64, f64),
    per_centimetre: f64,
    camera_length: f64,
    volts: f64,
    rotation: f64,
}

fn header(path: &Path) -> Option<Header> {
    let mut bytes = Vec::with_capacity(HEADER);
    open::check(path).ok()?;
    File::open(path).ok()?.take(HEADER as u64).read_to_end(&mut bytes).ok()?;
    if bytes.len() < HEADER || !bytes.starts_with(b"IMGBLO") {
        return None;
    }
    let whole = |at: usize, width: usize| {
        bytes[at..at + width].iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte))
    };
    let real = |at: usize| f64::from_bits(whole(at, 8));
    Some(Header {
        offset: whole(12, 4),
        side: whole(20, 2) as usize,
        raster: (whole(26, 2) as usize, whole(24, 2) as usize),
        rotation: whole(28, 2) as f64,
        step: (real(38), real(30)),
        volts: whole(46, 4) as f64,
        per_centimetre: whole(50, 2) as f64,
        camera_length: whole(52, 4) as f64,
    })
}

/// The patterns of a block file, on its raster; `None` for other files.
///
/// # Errors
/// [`Error::Archive`] when the header makes no sense, or the patterns are not as many as it says.
pub(super) fn open(path: &Path) -> Option<Result<RawFrames, Error>> {
    header(path).map(|header| frames(path, &header))
}

fn frames(path: &Path, header: &Header) -> Result<RawFrames, Error> {
    let refused = |reason: String| Err(Error::archive(path, format!("a block file: {reason}")));
    let &Header { offset, side, raster: (rows, columns), .. } = header;
    let mut mark = [0; 2];
    let marked = open::regular(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut mark)
    });
    if marked.is_err() || mark != MARK || side == 0 || rows * columns == 0 {
        return refused(format!(
            "expected patterns from byte {offset} on, each behind the bytes aa 55, found none: it \
             was cut short, or its header is damaged"
        ));
    }
    let frame = (side, side);
    let offset = offset + BEFORE;
    let form = RawForm { dtype: DType::U8, big_endian: false, frame, offset, gap: BEFORE };
    let read = RawFrames::by_header(path, &form, None)?;
    let found = read.shape()[0];
    if found != rows * columns {
        return refused(format!(
            "expected {rows} x {columns} patterns, as its header says, found {found}: take those \
             that are there as raw frames (--raw dtype=uint8,frame={side}x{side},offset={offset},\
             gap={BEFORE} --scan-shape {rows},{columns} --common)"
        ));
    }
    Ok(read.on_raster((rows, columns)))
}

/// The scales that a block file tells; `None` for other files.
pub(crate) fn calibration(path: &Path, notes: &mut Vec<String>) -> Option<Calibration> {
    let Header { step: (y, x), per_centimetre, camera_length, volts, rotation, .. } = header(path)?;
    let mut told = Calibration::default();
    let sound = |number: f64| number > 0.0 && number.is_finite();
    if sound(y) && sound(x) {
        told.step = Some((y * 1e-9, x * 1e-9));
        notes.push(format!("scan: steps of {y} and {x} nm, as the file says"));
    }
    if volts > 0.0 {
        told.take_volts(Some(volts), notes);
    }
    if sound(per_centimetre) && sound(camera_length) {
        let (pitch, distance) = (1.0 / per_centimetre, camera_length * 1e-4);
        told.pitch = Some((pitch, pitch));
        told.distance = Some(distance);
        notes.push(format!(
            "detector: pixels of {:.4} mm at a camera length of {:.1} mm, as the file says",
            1e3 * pitch,
            1e3 * distance
        ));
    }
    if rotation > 0.0 {
        notes.push(format!(
            "the file says that the scan is turned by {} degrees, which is not applied, for programs \
             differ in its sign (--calibrate finds it)",
            rotation / 100.0
        ));
    }
    Some(told)
}
