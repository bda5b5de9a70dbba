//! Gatan's DigitalMicrograph files (`.dm4`, and `.dm3` of the same tree with 32-bit lengths): a
//! tree of tags, of which the image data, their dimensions and calibrations are looked for.
//!
//! The layout is not published by its makers; it is described by B. Schaffer and P. Cueva
//! (*Documentation of the DM3 and DM4 file formats*). Lengths are checked against the bytes there
//! are.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::npy::{Array, DType, Values};
use crate::parts::{Take, entries_of_part, parts_with};
use crate::{ArrayInfo, Error, open};

/// Tags within each other.
const DEPTH: usize = 32;
/// Tags of a file.
const MOST_TAGS: usize = 200_000;

/// A file, and the images in it.
pub struct DmFile {
    path: PathBuf,
    map: Mmap,
    images: Vec<Image>,
}

/// An image: its numbers and what it says of its axes, the fastest first.
#[derive(Debug, Clone, Default)]
struct Image {
    dtype: Option<DType>,
    /// First byte and number of elements.
    data: Option<(usize, usize)>,
    dimensions: Vec<usize>,
    /// What one pixel spans of each axis, and in which unit.
    axes: Vec<(f64, String)>,
    little: bool,
    /// What GMS says of the order of the axes: true where those of the scan are the slow ones.
    swapped: Option<bool>,
    /// The microscope's voltage.
    volts: Option<f64>,
}

impl std::fmt::Debug for DmFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DmFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl DmFile {
    /// Opens a file of DigitalMicrograph; `None` when it is none.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Archive`] when it is damaged.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let mut head = [0; 16];
        let Ok(mut file) = open::regular(path) else { return Ok(None) };
        let whole = file.read_exact(&mut head).is_ok();
        let version = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        // The byte order is the last word of the header, and 0 or 1.
        let order = if version == 4 { &head[12..16] } else { &head[8..12] };
        if !whole || !matches!(version, 3 | 4) || !matches!(order, [0, 0, 0, 0 | 1]) {
            return Ok(None);
        }
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        // SAFETY: as everywhere in this crate the file is taken not to be changed while it is read;
        // the bytes are checked wherever they are looked at.
        let map = unsafe { Mmap::map(&file) }.map_err(|source| Error::io(path, source))?;
        let long = version == 4;
        let little = order[3] == 1;
        let mut reader =
            Tags { bytes: &map, at: if long { 16 } else { 12 }, long, little, seen: 0 };
        let mut images: Vec<Image> = Vec::new();
        let read =
            reader.directory(&mut Vec::new(), &mut |path, leaf| gather(&mut images, path, leaf));
        if read.is_none() {
            let reason = "a file of DigitalMicrograph that is cut short or damaged, copy it again";
            return Err(Error::archive(path, reason));
        }
        images.iter_mut().for_each(|image| image.little = little);
        images.retain(|image| image.is_whole(&map));
        Ok(Some(Self { path: path.to_owned(), map, images }))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The images, the slowest axis first.
    pub fn list(&self) -> Vec<ArrayInfo> {
        let each = |(index, image): (usize, &Image)| ArrayInfo {
            name: index.to_string(),
            dtype: image.dtype.as_ref().map(ToString::to_string).unwrap_or_default(),
            shape: image.dimensions.iter().rev().copied().collect(),
        };
        self.images.iter().enumerate().map(each).collect()
    }

    /// What one pixel spans of each of an image's axes, the slowest first, and in which unit.
    pub(crate) fn axes(&self, name: &str) -> Vec<(f64, String)> {
        let image = self.image(name);
        image.map(|image| image.axes.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// What the tag `Data Order Swapped` of an image says: true where the axes of the scan are the
    /// slow ones, false where they are the fast ones.
    pub(crate) fn is_swapped(&self, name: &str) -> Option<bool> {
        self.image(name).ok()?.swapped
    }

    /// The voltage that accelerated the electrons of an image.
    pub(crate) fn volts(&self, name: &str) -> Option<f64> {
        self.image(name).ok()?.volts
    }

    /// Reads an image.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`].
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        let image = self.image(name)?;
        self.part(image, 0, image.dimensions.last().copied().unwrap_or(1))
    }

    /// [`Container::parts`](crate::Container::parts) of an image.
    pub(crate) fn parts(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let image = self.image(name)?;
        let shape: Vec<usize> = image.dimensions.iter().rev().copied().collect();
        let together = entries_of_part(&shape, image.width(), 1);
        let each: usize = shape.iter().skip(1).product();
        parts_with(&shape, (together, 1), wanted)
            .into_iter()
            .try_for_each(|(first, count)| take(first * each, self.part(image, first, count)?))
    }

    /// `count` entries of an image along its slowest axis.
    fn part(&self, image: &Image, first: usize, count: usize) -> Result<Array, Error> {
        let mut shape: Vec<usize> = image.dimensions.iter().rev().copied().collect();
        let each: usize = shape.iter().skip(1).product();
        if let Some(length) = shape.first_mut() {
            *length = count;
        }
        let values = image.values(&self.map, first * each, count * each);
        let read = values.and_then(|values| Array::new(shape, values).ok());
        read.ok_or_else(|| Error::archive(&self.path, "its image is damaged"))
    }

    fn image(&self, name: &str) -> Result<&Image, Error> {
        let image = name.parse().ok().and_then(|index: usize| self.images.get(index));
        image.ok_or_else(|| Error::NoSuchArray {
            path: self.path.clone(),
            key: name.to_owned(),
            names: (0..self.images.len()).map(|index| index.to_string()).collect(),
        })
    }
}

impl Image {
    fn is_whole(&self, bytes: &[u8]) -> bool {
        let count = self.dimensions.iter().try_fold(1_usize, |n, &length| n.checked_mul(length));
        let (Some(dtype), Some((start, elements)), Some(count)) = (&self.dtype, self.data, count)
        else {
            return false;
        };
        let length = count.checked_mul(dtype.width());
        let end = length.and_then(|length| start.checked_add(length));
        !self.dimensions.is_empty()
            && count == elements
            && end.is_some_and(|end| end <= bytes.len())
    }

    /// Bytes of an element.
    fn width(&self) -> usize {
        self.dtype.as_ref().map_or(1, DType::width)
    }

    /// `count` of its numbers from `first` on.
    fn values(&self, bytes: &[u8], first: usize, count: usize) -> Option<Values> {
        let (start, _) = self.data?;
        let dtype = self.dtype.as_ref()?;
        let start = start.checked_add(first.checked_mul(dtype.width())?)?;
        let bytes = bytes.get(start..start.checked_add(count.checked_mul(dtype.width())?)?)?;
        macro_rules! read {
            ($variant:ident, $type:ty) => {{
                let of = |part: &[u8]| -> $type {
                    let mut bytes = [0; size_of::<$type>()];
                    bytes.copy_from_slice(part);
                    if self.little {
                        <$type>::from_le_bytes(bytes)
                    } else {
                        <$type>::from_be_bytes(bytes)
                    }
                };
                Values::$variant(bytes.chunks_exact(size_of::<$type>()).map(of).collect())
            }};
        }
        Some(match dtype {
            DType::I8 => read!(I8, i8),
            DType::U8 => read!(U8, u8),
            DType::I16 => read!(I16, i16),
            DType::U16 => read!(U16, u16),
            DType::I32 => read!(I32, i32),
            DType::U32 => read!(U32, u32),
            DType::F32 => read!(F32, f32),
            DType::F64 => read!(F64, f64),
            _ => return None,
        })
    }
}

/// Puts a leaf of the tree where it belongs, when it is of an image.
fn gather(images: &mut Vec<Image>, path: &[Step], leaf: &Leaf) {
    let names: Vec<&str> = path.iter().map(|step| step.name.as_str()).collect();
    let Some(("ImageList", rest)) = names.split_first().map(|(first, rest)| (*first, rest)) else {
        return;
    };
    let Some(index) = path.get(1).map(|step| step.place).filter(|&index| index < 64) else {
        return;
    };
    if images.len() <= index {
        images.resize(index + 1, Image::default());
    }
    let image = &mut images[index];
    match (rest.get(1..).unwrap_or_default(), leaf) {
        (["ImageData", "Data"], Leaf::Array { kind, start, count }) => {
            image.data = Some((*start, *count));
            image.dtype = dtype(*kind);
        }
        (["ImageData", "Dimensions", _], Leaf::Number(number)) if image.dimensions.len() < 8 => {
            image.dimensions.push(*number as usize);
        }
        (["ImageData", "Calibrations", "Dimension", _, what], leaf) => {
            let place = path.get(5).map_or(0, |step| step.place).min(8);
            if image.axes.len() <= place {
                image.axes.resize(place + 1, Default::default());
            }
            match (*what, leaf) {
                ("Scale", Leaf::Number(number)) => image.axes[place].0 = *number,
                ("Units", Leaf::Text(text)) => image.axes[place].1.clone_from(text),
                _ => {}
            }
        }
        (["ImageTags", "Meta Data", "Data Order Swapped"], Leaf::Number(number)) => {
            image.swapped = Some(*number != 0.0);
        }
        (["ImageTags", "Microscope Info", "Voltage"], Leaf::Number(volts)) => {
            image.volts = Some(*volts);
        }
        _ => {}
    }
}

/// The type of an encoded number.
fn dtype(kind: u64) -> Option<DType> {
    Some(match kind {
        2 => DType::I16,
        3 => DType::I32,
        4 => DType::U16,
        5 => DType::U32,
        6 => DType::F32,
        7 => DType::F64,
        8 | 10 => DType::U8,
        9 => DType::I8,
        _ => return None,
    })
}

/// Bytes of an encoded number.
fn width(kind: u64) -> Option<usize> {
    Some(match kind {
        2 | 4 => 2,
        3 | 5 | 6 => 4,
        7 | 11 | 12 => 8,
        8..=10 => 1,
        _ => return None,
    })
}

/// A step down the tree: the name, and the place among its brothers.
struct Step {
    name: String,
    place: usize,
}

enum Leaf {
    Number(f64),
    Text(String),
    Array { kind: u64, start: usize, count: usize },
    Other,
}

/// Reads the tree.
struct Tags<'a> {
    bytes: &'a [u8],
    at: usize,
    long: bool,
    little: bool,
    seen: usize,
}

impl Tags<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A length: 64 bits in DM4 and 32 in DM3, the highest byte first.
    fn length(&mut self) -> Option<u64> {
        match self.long {
            true => {
                self.take(8).and_then(|bytes| bytes.first_chunk()).map(|b| u64::from_be_bytes(*b))
            }
            false => {
                let read = self.take(4).and_then(|bytes| bytes.first_chunk());
                read.map(|b| u32::from_be_bytes(*b).into())
            }
        }
    }

    fn directory(
        &mut self,
        path: &mut Vec<Step>,
        see: &mut dyn FnMut(&[Step], &Leaf),
    ) -> Option<()> {
        self.take(2)?;
        let count = self.length()?;
        for place in 0..usize::try_from(count).ok()? {
            self.seen += 1;
            if self.seen > MOST_TAGS || path.len() > DEPTH {
                return None;
            }
            let kind = self.byte()?;
            let length = self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))?;
            let name = String::from_utf8_lossy(self.take(length.into())?).into_owned();
            path.push(Step { name, place });
            if self.long {
                self.length()?;
            }
            match kind {
                20 => self.directory(path, see)?,
                21 => {
                    let leaf = self.leaf()?;
                    see(path, &leaf);
                }
                _ => return None,
            }
            path.pop();
        }
        Some(())
    }

    fn leaf(&mut self) -> Option<Leaf> {
        if self.take(4)? != b"%%%%" {
            return None;
        }
        let count = self.length()?;
        if count > 1 << 12 {
            return None;
        }
        let info: Vec<u64> = (0..count).map(|_| self.length()).collect::<Option<_>>()?;
        match info.as_slice() {
            [kind] => {
                let width = width(*kind)?;
                let little = self.little;
                let bytes = self.take(width)?.to_vec();
                Some(number(*kind, &bytes, little).map_or(Leaf::Other, Leaf::Number))
            }
            [18, length] => {
                self.take(usize::try_from(*length).ok()?)?;
                Some(Leaf::Other)
            }
            [15, _, fields @ ..] => {
                let length = structure(fields)?;
                self.take(length)?;
                Some(Leaf::Other)
            }
            [20, kind, count] if *kind != 15 => {
                let count = usize::try_from(*count).ok()?;
                let (start, little) = (self.at, self.little);
                let bytes = self.take(count.checked_mul(width(*kind)?)?)?;
                // Text is an array of 16-bit characters.
                if *kind == 4 && count <= 256 {
                    let unit = |pair: &[u8]| match little {
                        true => u16::from_le_bytes([pair[0], pair[1]]),
                        false => u16::from_be_bytes([pair[0], pair[1]]),
                    };
                    let units: Vec<u16> = bytes.chunks_exact(2).map(unit).collect();
                    let plain = units.iter().all(|&unit| (0x20..0x2200).contains(&unit));
                    if let (true, Ok(text)) = (plain, String::from_utf16(&units)) {
                        return Some(Leaf::Text(text));
                    }
                }
                Some(Leaf::Array { kind: *kind, start, count })
            }
            [20, 15, _, fields @ .., count] => {
                let each = structure(fields)?;
                self.take(each.checked_mul(usize::try_from(*count).ok()?)?)?;
                Some(Leaf::Other)
            }
            _ => None,
        }
    }
}

/// Bytes of a structure: the number of its fields, then a length of the name and a type for each.
fn structure(fields: &[u64]) -> Option<usize> {
    let (_, fields) = fields.split_first()?;
    fields.chunks_exact(2).try_fold(0_usize, |sum, field| sum.checked_add(width(field[1])?))
}

fn number(kind: u64, bytes: &[u8], little: bool) -> Option<f64> {
    macro_rules! read {
        ($type:ty) => {{
            let bytes = *bytes.first_chunk::<{ size_of::<$type>() }>()?;
            if little {
                <$type>::from_le_bytes(bytes) as f64
            } else {
                <$type>::from_be_bytes(bytes) as f64
            }
        }};
    }
    Some(match kind {
        2 => read!(i16),
        3 => read!(i32),
        4 => read!(u16),
        5 => read!(u32),
        6 => read!(f32),
        7 => read!(f64),
        11 => read!(i64),
        12 => read!(u64),
        8..=10 => read!(u8),
        _ => return None,
    })
}
