//! Files of raw frames: numbers without a header, whose form only the user can know.

mod blo;
mod empad;
mod formats;
mod medipix;
mod mib;
mod mrc;

pub(crate) use formats::RAW_FORMATS;
use medipix::Packed;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::npy::{Array, DType, Header, Sequential, read_values};
use crate::parts::{Skip, Take, entries_of_part, in_parts, parts_with};
use crate::{Error, open, stop};

/// Bytes in which the order of bytes is looked for, and numbers other than zero that it takes.
const LOOKED_AT: u64 = 1 << 20;
const FEWEST: usize = 64;

/// The form of a file of raw frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawForm {
    /// Element type, a real number.
    pub dtype: DType,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// Rows and columns of a frame.
    pub frame: (usize, usize),
    /// Bytes before the first frame.
    pub offset: u64,
    /// Bytes between one frame and the next.
    pub gap: u64,
}

impl RawForm {
    /// EMPAD (M. W. Tate et al., *Microsc. Microanal.* 22, 237, 2016) as its makers' program writes
    /// it: 130 rows of 128 numbers, the last two of which are no pixels.
    pub fn empad() -> Self {
        let gap = 2 * 128 * 4;
        Self { dtype: DType::F32, big_endian: false, frame: (128, 128), offset: 0, gap }
    }

    /// EMPAD-G2 (H. T. Philipp et al., *Microsc. Microanal.* 28, 425, 2022), calibrated: frames of
    /// 128 x 128 single-precision numbers. What the detector itself writes, gain bits and two
    /// counters in each number, needs the calibration of that one detector.
    pub fn empad_g2() -> Self {
        Self { gap: 0, ..Self::empad() }
    }

    /// Bytes from one frame to the next.
    pub(crate) fn stride(&self) -> u64 {
        self.frame_bytes().saturating_add(self.gap)
    }

    fn frame_bytes(&self) -> u64 {
        (self.frame.0 as u64)
            .saturating_mul(self.frame.1 as u64)
            .saturating_mul(self.dtype.width() as u64)
    }
}

impl FromStr for RawForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected empad, empad-g2, or dtype=uint16,frame=256x256 and if need be offset=BYTES, \
                        gap=BYTES (between frames), order=big";
        let wrong = || format!("{expected}; found {text:?}");
        match text {
            "empad" => return Ok(Self::empad()),
            "empad-g2" => return Ok(Self::empad_g2()),
            _ => {}
        }
        let (mut dtype, mut frame, mut offset, mut gap, mut big) = (None, None, 0, 0, false);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            match (key.trim(), value.trim()) {
                ("dtype", value) => dtype = Some(dtype_of(value).ok_or_else(wrong)?),
                ("frame", value) => {
                    let (rows, columns) = value.split_once('x').ok_or_else(wrong)?;
                    let side = |text: &str| text.trim().parse().ok().filter(|&side| side > 0);
                    frame = Some(side(rows).zip(side(columns)).ok_or_else(wrong)?);
                }
                ("offset", value) => offset = value.parse().map_err(|_| wrong())?,
                ("gap", value) => gap = value.parse().map_err(|_| wrong())?,
                ("order", "big") => big = true,
                ("order", "little") => big = false,
                _ => return Err(wrong()),
            }
        }
        let ((dtype, big_endian), frame) = dtype.zip(frame).ok_or_else(wrong)?;
        Ok(Self { dtype, big_endian: big_endian || big, frame, offset, gap })
    }
}

/// The element type of a name such as `uint16`, or of NumPy's code `>u2`.
fn dtype_of(name: &str) -> Option<(DType, bool)> {
    let known = match name {
        "uint8" => DType::U8,
        "uint16" => DType::U16,
        "uint32" => DType::U32,
        "uint64" => DType::U64,
        "int8" => DType::I8,
        "int16" => DType::I16,
        "int32" => DType::I32,
        "int64" => DType::I64,
        "float16" => DType::F16,
        "float32" => DType::F32,
        "float64" => DType::F64,
        code => {
            let (dtype, big) = DType::parse(code).ok()?;
            return (dtype.is_integer() || dtype.is_float()).then_some((dtype, big));
        }
    };
    Some((known, false))
}

/// A file of raw frames, whose length is that of whole frames.
#[derive(Debug)]
pub struct RawFrames {
    path: PathBuf,
    form: RawForm,
    frames: usize,
    /// Rows and columns of the scan, where they are known.
    raster: Option<(usize, usize)>,
    /// How frames are packed, where they are.
    packed: Option<Packed>,
}

impl RawFrames {
    /// Looks at the length of a file, and nothing else.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Archive`] with the numbers when its length is not that of whole
    /// frames.
    pub fn open(path: &Path, form: &RawForm) -> Result<Self, Error> {
        Self::opened(path, form, None, "state another --raw, or copy the file again")
    }

    /// [`open`](Self::open) of a file whose own header tells the form.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) fn by_header(
        path: &Path,
        form: &RawForm,
        packed: Option<Packed>,
    ) -> Result<Self, Error> {
        Self::opened(
            path,
            form,
            packed,
            "it was cut short, or is still being written: copy it again",
        )
    }

    fn opened(
        path: &Path,
        form: &RawForm,
        packed: Option<Packed>,
        remedy: &str,
    ) -> Result<Self, Error> {
        let length = open::check(path).map_err(|source| Error::io(path, source))?.len();
        let frame = packed.map_or(form.frame_bytes(), |packed| packed.bytes() as u64);
        let (gap, offset) = (form.gap, form.offset);
        let data = length.saturating_sub(offset);
        let stride = frame.saturating_add(gap);
        // The gap behind the last frame may be there or not.
        let whole = [data, data.saturating_add(gap)];
        let frames = whole.into_iter().find(|bytes| *bytes > 0 && bytes % stride == 0);
        let Some(frames) = frames.map(|bytes| bytes / stride).filter(|_| length > offset) else {
            let (rows, columns) = form.frame;
            let reason = format!(
                "expected whole frames of {rows} x {columns} {} ({frame} bytes each, {gap} between \
                 them, {offset} before the first), found {length} bytes, which are {:.3} frames: \
                 {remedy}",
                form.dtype,
                data as f64 / stride as f64
            );
            return Err(Error::archive(path, reason));
        };
        let frames = usize::try_from(frames).unwrap_or(usize::MAX);
        Ok(Self { path: path.to_owned(), form: form.clone(), frames, raster: None, packed })
    }

    /// The same frames, known to be those of a raster of so many rows and columns.
    pub(crate) fn on_raster(self, raster: (usize, usize)) -> Self {
        Self { raster: Some(raster), ..self }
    }

    /// Rows and columns of the scan, where a file beside the frames tells them.
    pub fn raster(&self) -> Option<(usize, usize)> {
        self.raster
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its form.
    pub fn form(&self) -> &RawForm {
        &self.form
    }

    /// Lengths of the axes (frame, row, column).
    pub fn shape(&self) -> [usize; 3] {
        [self.frames, self.form.frame.0, self.form.frame.1]
    }

    /// Reads all frames, axes (frame, row, column).
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Npy`].
    pub fn read(&self) -> Result<Array, Error> {
        if let Some(packed) = self.packed {
            return self.unpacked(packed, 0, self.frames);
        }
        let (mut input, header) = self.data()?;
        let unreadable = |source| Error::Npy { path: self.path.clone(), source };
        let available = self.form.frame_bytes().saturating_mul(self.frames as u64);
        header.data_bytes().map_err(unreadable)?;
        read_values(&mut Sequential(&mut input), header, available).map_err(unreadable)
    }

    /// Up to `most` of the bytes that lie before each frame, where there are as many before the
    /// first as between them.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn before_each(&self, most: usize) -> Result<Vec<Vec<u8>>, Error> {
        let failed = |source| Error::io(&self.path, source);
        let frame = self.packed.map_or(self.form.frame_bytes(), |packed| packed.bytes() as u64);
        let stride = frame.saturating_add(self.form.gap);
        let length = usize::try_from(self.form.gap).unwrap_or(most).min(most);
        let mut file = open::regular(&self.path).map_err(failed)?;
        (0..self.frames as u64)
            .map(|index| {
                stop::check()?;
                let mut bytes = vec![0; length];
                file.seek(SeekFrom::Start(index.saturating_mul(stride))).map_err(failed)?;
                file.read_exact(&mut bytes).map_err(failed)?;
                Ok(bytes)
            })
            .collect()
    }

    /// Whether nearly all whole numbers other than zero have a zero for their lowest byte and none
    /// for the highest: then their bytes lie the other way round, of counts at least.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn looks_exchanged(&self) -> Result<bool, Error> {
        let width = self.form.dtype.width();
        if !self.form.dtype.is_integer() || width < 2 {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        let (input, _) = self.data()?;
        let read = input.take(LOOKED_AT).read_to_end(&mut bytes);
        read.map_err(|source| Error::io(&self.path, source))?;
        let (lowest, highest) = match self.form.big_endian {
            true => (width - 1, 0),
            false => (0, width - 1),
        };
        let (mut all, mut exchanged) = (0, 0);
        for number in bytes.chunks_exact(width).filter(|number| number.iter().any(|&b| b != 0)) {
            all += 1;
            exchanged += usize::from(number[lowest] == 0 && number[highest] != 0);
        }
        Ok(all >= FEWEST && 10 * exchanged > 9 * all)
    }

    /// [`Container::parts`](crate::Container::parts) of them.
    pub(crate) fn parts(&self, wanted: &[Range<usize>], take: &mut Take<'_>) -> Result<(), Error> {
        if let Some(packed) = self.packed {
            let (shape, pixels) = (self.shape(), self.form.frame.0 * self.form.frame.1);
            let together = entries_of_part(&shape, size_of::<u32>(), 1);
            return parts_with(&shape, (together, 1), wanted).into_iter().try_for_each(
                |(first, count)| take(first * pixels, self.unpacked(packed, first, count)?),
            );
        }
        let (mut input, header) = self.data()?;
        let unreadable = |source| Error::Npy { path: self.path.clone(), source };
        in_parts(&mut input, &header, unreadable, wanted, take)
    }

    /// `count` frames from `first` on.
    fn unpacked(&self, packed: Packed, first: usize, count: usize) -> Result<Array, Error> {
        let failed = |source| Error::io(&self.path, source);
        let unreadable = |source| Error::Npy { path: self.path.clone(), source };
        let mut file = open::regular(&self.path).map_err(failed)?;
        let (size, stride) = (packed.bytes(), packed.bytes() as u64 + self.form.gap);
        let start = (first as u64).saturating_mul(stride).saturating_add(self.form.offset);
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut file = BufReader::new(file);
        // Of so many frames the file has the bytes: its length was compared when it was opened.
        let mut bytes = vec![0; size * count];
        for (index, frame) in bytes.chunks_exact_mut(size).enumerate() {
            if index > 0 {
                file.seek_relative(self.form.gap as i64).map_err(failed)?;
            }
            file.read_exact(frame).map_err(failed)?;
        }
        let (rows, columns) = self.form.frame;
        Array::new(vec![count, rows, columns], packed.unpack(&bytes)).map_err(unreadable)
    }

    /// The bytes of all frames, and what they are.
    fn data(&self) -> Result<(Gapped<'_>, Header), Error> {
        let mut file = open::regular(&self.path).map_err(|source| Error::io(&self.path, source))?;
        let at_offset = file.seek(SeekFrom::Start(self.form.offset));
        at_offset.map_err(|source| Error::io(&self.path, source))?;
        let input = Gapped { file: BufReader::new(file), form: &self.form, at: 0, place: 0 };
        let header = Header {
            dtype: self.form.dtype.clone(),
            big_endian: self.form.big_endian,
            fortran_order: false,
            shape: self.shape().to_vec(),
            length: 0,
        };
        Ok((input, header))
    }
}

/// The bytes of frames, without those between them.
struct Gapped<'a> {
    file: BufReader<File>,
    form: &'a RawForm,
    /// Bytes of frames before the next one to read.
    at: u64,
    /// Where the file is read, from the first frame on.
    place: u64,
}

impl Read for Gapped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let frame = self.form.frame_bytes();
        let gaps = self.form.gap.saturating_mul(self.at / frame);
        let place = self.at.saturating_add(gaps);
        if place > self.place {
            let forward = i64::try_from(place - self.place).map_err(io::Error::other)?;
            self.file.seek_relative(forward)?;
            self.place = place;
        }
        let left = usize::try_from(frame - self.at % frame).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read(&mut buffer[..wanted])?;
        self.at += read as u64;
        self.place += read as u64;
        Ok(read)
    }
}

impl Skip for Gapped<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        self.at = self.at.saturating_add(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_without_what_lies_between_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.bin");
        // Three bytes, then two frames of 1 x 2 big-endian numbers with one byte between them.
        let mut bytes = vec![9, 9, 9, 1, 0, 0, 2, 77, 0, 3, 4, 0];
        std::fs::write(&path, &bytes).unwrap();
        let form: RawForm = "dtype=uint16,frame=1x2,offset=3,gap=1,order=big".parse().unwrap();
        let frames = RawFrames::open(&path, &form).unwrap();
        let read = frames.read().unwrap();
        assert_eq!(read.shape(), [2, 1, 2]);
        assert_eq!(read.to_f64().unwrap(), [256.0, 2.0, 3.0, 1024.0]);
        // With a gap behind the last frame it is the same file; one byte more is none.
        bytes.push(77);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(RawFrames::open(&path, &form).unwrap().shape(), [2, 1, 2]);
        bytes.push(77);
        std::fs::write(&path, &bytes).unwrap();
        let told = RawFrames::open(&path, &form).unwrap_err().to_string();
        assert!(told.contains("found 14 bytes, which are 2.200 frames"), "{told}");
    }

    #[test]
    fn empads_last_rows_are_no_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan_x2_y1.raw");
        // Two frames of 130 rows; number k holds k, and the rows that are no pixels NaN.
        let number = |k: usize| if k % (130 * 128) < 128 * 128 { k as f32 } else { f32::NAN };
        let bytes: Vec<u8> = (0..2 * 130 * 128).flat_map(|k| number(k).to_le_bytes()).collect();
        std::fs::write(&path, bytes).unwrap();
        let read = RawFrames::open(&path, &RawForm::empad()).unwrap().read().unwrap();
        assert_eq!(read.shape(), [2, 128, 128]);
        for (at, found) in read.to_f64().unwrap().into_iter().enumerate() {
            assert_eq!(found, (at + at / (128 * 128) * 2 * 128) as f64);
        }
    }

    #[test]
    fn forms_are_understood_or_refused_with_an_example() {
        assert_eq!("empad".parse(), Ok(RawForm::empad()));
        assert_eq!("empad-g2".parse(), Ok(RawForm { gap: 0, ..RawForm::empad() }));
        let form: RawForm = "dtype=>u2,frame=4x5".parse().unwrap();
        assert_eq!((form.dtype, form.big_endian, form.frame), (DType::U16, true, (4, 5)));
        for text in [
            "",
            "empad2",
            "dtype=uint16",
            "frame=2x2",
            "dtype=complex64,frame=2x2",
            "dtype=uint8,frame=2",
            "dtype=uint8,frame=0x2",
            "dtype=uint8,frame=2x2,gap=-1",
        ] {
            let told = text.parse::<RawForm>().unwrap_err();
            assert!(told.contains("dtype=uint16,frame=256x256"), "{told}");
        }
    }
}
