//! MAT-files of level 5 (MathWorks, *MAT-File Format*, 2023): elements of a tag and data, the data
//! of one variable each, most of them compressed by zlib.
//!
//! Nothing is believed before it was checked against the bytes that are there.

mod parts;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;
use memmap2::Mmap;
use num_complex::{Complex32, Complex64};

use super::columns::from_columns;
use super::no_numbers;
use crate::npy::{Array, NpyError, Values};
use crate::{ArrayInfo, Error, claims, open};

/// Bytes before the first element.
const HEADER: usize = 128;
/// Bytes of a compressed variable that tell its name and shape.
const PEEK: u64 = 1 << 16;
/// Structures within each other that are looked into.
const DEPTH: usize = 8;
/// Arrays that are listed.
const MOST_ARRAYS: usize = 10_000;
/// Variables of more unpacked bytes are not searched for structures.
const SEARCHED: u64 = 64 << 20;

const COMPRESSED: u32 = 15;
const MATRIX: u32 = 14;
const STRUCT: u8 = 2;
const OPAQUE: u8 = 17;
/// Classes of arrays that hold no numbers: type in lists, and in words.
const OTHERS: [(u8, &str, &str); 6] = [
    (1, "cell", "a cell"),
    (3, "object", "an object"),
    (4, "text", "text"),
    (5, "sparse", "a sparse matrix (full(x) makes an array of it)"),
    (16, "function", "a function"),
    (OPAQUE, "opaque", "an object (a string, a table, a date)"),
];

/// What is said of data that are not as they were written.
const CUT: &str =
    "expected its numbers, found data that are cut short or damaged: copy the file again";
const DAMAGED: &str =
    "expected its numbers, found compressed data that are damaged: copy the file again";
const TOO_LONG: &str = "expected its numbers, found compressed data that unpack to more than they can: copy the file again";

/// A file, and where its variables are.
pub(super) struct Level5 {
    path: PathBuf,
    map: Mmap,
    big: bool,
    arrays: Vec<Entry>,
    /// Variables that are too damaged to have a name.
    nameless: usize,
}

/// An array: the top-level element that it lies in, and its path.
struct Entry {
    info: ArrayInfo,
    element: (usize, usize),
    compressed: bool,
}

impl fmt::Debug for Level5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Level5").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Level5 {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::io(path, source);
        let file = open::regular(path).map_err(io)?;
        // SAFETY: as everywhere in this crate the file is taken not to be changed while it is read;
        // the bytes are checked wherever they are looked at.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        let damaged = |reason: String| Error::archive(path, format!("a MATLAB file: {reason}"));
        let big = match map.get(126..128) {
            Some(b"IM") => false,
            Some(b"MI") => true,
            _ => {
                return Err(damaged(format!(
                    "expected a header of {HEADER} bytes, found {} bytes: cut short or damaged, copy \
                     it again",
                    map.len()
                )));
            }
        };
        if map.len() == HEADER {
            let reason =
                "expected variables, found none behind its header: saved empty, or cut short";
            return Err(damaged(reason.to_owned()));
        }
        let (mut arrays, mut nameless) = (Vec::new(), 0);
        let mut at = HEADER;
        while at + 8 <= map.len() {
            let (kind, length) = (word(&map, at, big), word(&map, at + 4, big) as usize);
            let start = at + 8;
            let end = start.checked_add(length).filter(|&end| end <= map.len());
            let Some(end) = end else {
                return Err(damaged(format!(
                    "expected a variable of {length} bytes from byte {start} on, found {} bytes: cut \
                     short or damaged, copy it again",
                    map.len() - start
                )));
            };
            let compressed = kind == COMPRESSED;
            if compressed || kind == MATRIX {
                let found = describe(&map[start..end], compressed, big);
                nameless += usize::from(found.is_none());
                for info in
                    found.into_iter().flatten().take(MOST_ARRAYS.saturating_sub(arrays.len()))
                {
                    arrays.push(Entry { info, element: (start, end), compressed });
                }
            }
            // Elements that are not compressed are padded to eight bytes.
            at = if compressed { end } else { end.div_ceil(8) * 8 };
        }
        if map.get(at..).is_some_and(|rest| rest.iter().any(|&byte| byte != 0)) {
            let found = map.len() - at;
            return Err(damaged(format!(
                "expected a variable from byte {at} on, found {found} bytes: cut short, copy it again"
            )));
        }
        Ok(Self { path: path.to_owned(), map, big, arrays, nameless })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of variables that are too damaged to have a name.
    pub(super) fn nameless(&self) -> usize {
        self.nameless
    }

    pub(super) fn list(&self) -> Vec<ArrayInfo> {
        self.arrays.iter().map(|entry| entry.info.clone()).collect()
    }

    pub(super) fn read(&self, name: &str) -> Result<Array, Error> {
        let entry = self.entry(name)?;
        let (mut unpacked, refused) = (Vec::new(), |reason| self.refused(name, reason));
        let matrix = self.matrix(entry, &mut unpacked).map_err(refused)?;
        matrix.array(self.big).map_err(refused)
    }

    fn entry(&self, name: &str) -> Result<&Entry, Error> {
        let entry = self.arrays.iter().find(|entry| entry.info.name == name);
        let entry = entry.ok_or_else(|| Error::NoSuchArray {
            path: self.path.clone(),
            key: name.to_owned(),
            names: self.arrays.iter().take(40).map(|entry| entry.info.name.clone()).collect(),
        })?;
        let dtype = entry.info.dtype.as_str();
        match OTHERS.iter().find(|(_, other, _)| *other == dtype) {
            Some((_, _, told)) => Err(no_numbers(&self.path, name, told)),
            None => Ok(entry),
        }
    }

    fn refused(&self, name: &str, reason: String) -> Error {
        let (path, key) = (self.path.clone(), name.to_owned());
        Error::Array { path, key, source: NpyError::Unreadable(reason) }
    }

    /// The bytes of the top-level element that an array lies in.
    fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.map[entry.element.0..entry.element.1]
    }

    /// An array with its data, which are `unpacked` where they are compressed.
    fn matrix<'a>(
        &'a self,
        entry: &Entry,
        unpacked: &'a mut Vec<u8>,
    ) -> Result<Matrix<'a>, String> {
        let bytes = self.bytes(entry);
        let matrix = match entry.compressed {
            false => bytes,
            true => {
                let most = claims::MOST.saturating_mul(bytes.len() as u64);
                *unpacked = inflate(bytes, most)?;
                let unpacked: &'a [u8] = unpacked;
                let element = element(unpacked, 0, self.big).filter(|found| found.kind == MATRIX);
                element.ok_or_else(|| DAMAGED.to_owned())?.data
            }
        };
        let mut steps = entry.info.name.split('/');
        let mut found = Matrix::of(matrix, self.big);
        steps.next();
        for step in steps {
            found = found.and_then(|matrix| matrix.field(step, self.big));
        }
        found.ok_or_else(|| CUT.to_owned())
    }
}

/// Name, type and shape of the arrays in the data of a top-level element; `None` where these are
/// too damaged to tell.
fn describe(bytes: &[u8], compressed: bool, big: bool) -> Option<Vec<ArrayInfo>> {
    let mut found = Vec::new();
    let unpacked;
    let matrix = match compressed {
        false => bytes,
        true => {
            // The beginning tells what it is; structures are looked into as a whole.
            let start = peek(bytes, PEEK);
            let is_struct =
                Matrix::of(start.get(8..)?, big).is_some_and(|matrix| matrix.class == STRUCT);
            unpacked = match is_struct {
                true => match inflate(bytes, SEARCHED) {
                    Ok(whole) => whole,
                    Err(_) => return Some(found),
                },
                false => start,
            };
            unpacked.get(8..)?
        }
    };
    let matrix = Matrix::of(matrix, big)?;
    let name = matrix.name.clone();
    gather(&matrix, name, DEPTH, big, &mut found);
    Some(found)
}

fn gather(matrix: &Matrix<'_>, name: String, depth: usize, big: bool, found: &mut Vec<ArrayInfo>) {
    if found.len() >= MOST_ARRAYS {
        return;
    }
    let other = OTHERS.iter().find(|(class, ..)| *class == matrix.class);
    if let Some(dtype) = matrix.dtype().or(other.map(|(_, dtype, _)| *dtype)) {
        found.push(ArrayInfo { name, dtype: dtype.to_owned(), shape: matrix.shape.clone() });
    } else if matrix.class == STRUCT && depth > 0 {
        for (field, value) in matrix.fields(big) {
            gather(&value, format!("{name}/{field}"), depth - 1, big, found);
        }
    }
}

/// Up to `most` bytes of unpacked data; an error when there are more.
fn inflate(bytes: &[u8], most: u64) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(bytes).take(most.saturating_add(1)).read_to_end(&mut unpacked);
    read.map_err(|_| DAMAGED.to_owned())?;
    match unpacked.len() as u64 > most {
        true => Err(TOO_LONG.to_owned()),
        false => Ok(unpacked),
    }
}

/// The first bytes of unpacked data, as far as these are sound.
fn peek(bytes: &[u8], most: u64) -> Vec<u8> {
    let mut unpacked = Vec::new();
    // What stands before the damage is there.
    let _ = ZlibDecoder::new(bytes).take(most).read_to_end(&mut unpacked);
    unpacked
}

/// A tag and its data.
struct Piece<'a> {
    kind: u32,
    data: &'a [u8],
    /// Where the next one begins.
    next: usize,
}

fn word(bytes: &[u8], at: usize, big: bool) -> u32 {
    let Some(&[a, b, c, d]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
        return 0;
    };
    if big { u32::from_be_bytes([a, b, c, d]) } else { u32::from_le_bytes([a, b, c, d]) }
}

/// The element at a place; of one that is cut short, what there is of it.
fn element(bytes: &[u8], at: usize, big: bool) -> Option<Piece<'_>> {
    let tag = word(bytes.get(at..at.checked_add(8)?)?, 0, big);
    if tag >> 16 != 0 {
        // A small one: its data are in the second half of the tag.
        let length = (tag >> 16) as usize;
        let data = bytes.get(at + 4..at + 4 + length.min(4))?;
        return Some(Piece { kind: tag & 0xffff, data, next: at + 8 });
    }
    let length = word(bytes, at + 4, big) as usize;
    let start = at + 8;
    let end = start.checked_add(length)?;
    let data = &bytes[start..end.min(bytes.len())];
    Some(Piece { kind: tag, data, next: end.div_ceil(8) * 8 })
}

/// What the data of an array element say of it.
#[derive(Clone)]
struct Matrix<'a> {
    class: u8,
    complex: bool,
    logical: bool,
    shape: Vec<usize>,
    name: String,
    /// The data, of which the parts begin at `parts`.
    bytes: &'a [u8],
    parts: usize,
}

impl<'a> Matrix<'a> {
    fn of(bytes: &'a [u8], big: bool) -> Option<Self> {
        let flags = element(bytes, 0, big)?;
        let word_of_flags = word(flags.data, 0, big);
        let class = (word_of_flags & 0xff) as u8;
        let dims = element(bytes, flags.next, big)?;
        if class == OPAQUE {
            // An object of no shape: its name comes first.
            let name = String::from_utf8_lossy(dims.data).into_owned();
            let (shape, parts) = (vec![1, 1], dims.next);
            let (complex, logical) = (false, false);
            return Some(Self { class, complex, logical, shape, name, bytes, parts });
        }
        let shape: Vec<usize> =
            dims.data.chunks_exact(4).map(|dim| word(dim, 0, big) as usize).collect();
        if shape.is_empty() || shape.len() > 32 {
            return None;
        }
        let name = element(bytes, dims.next, big)?;
        Some(Self {
            class,
            complex: word_of_flags & 0x800 != 0,
            logical: word_of_flags & 0x200 != 0,
            shape,
            name: String::from_utf8_lossy(name.data).into_owned(),
            bytes,
            parts: name.next,
        })
    }

    /// The type that its elements have in MATLAB, in NumPy's words; `None` for what is no numbers.
    fn dtype(&self) -> Option<&'static str> {
        Some(match (self.class, self.complex) {
            (6, true) => "complex128",
            (7, true) => "complex64",
            (9, false) if self.logical => "bool",
            (6, false) => "float64",
            (7, false) => "float32",
            (8, false) => "int8",
            (9, false) => "uint8",
            (10, false) => "int16",
            (11, false) => "uint16",
            (12, false) => "int32",
            (13, false) => "uint32",
            (14, false) => "int64",
            (15, false) => "uint64",
            _ => return None,
        })
    }

    /// The fields of a structure of one element.
    fn fields(&self, big: bool) -> Vec<(String, Matrix<'a>)> {
        let mut found = Vec::new();
        let one = self.shape.iter().all(|&length| length == 1);
        let (Some(width), true) = (element(self.bytes, self.parts, big), one) else { return found };
        let each = word(width.data, 0, big) as usize;
        let Some(names) = element(self.bytes, width.next, big).filter(|_| each > 0) else {
            return found;
        };
        let mut at = names.next;
        for name in names.data.chunks_exact(each) {
            let Some(value) = element(self.bytes, at, big).filter(|value| value.kind == MATRIX)
            else {
                break;
            };
            at = value.next;
            let name: Vec<u8> = name.iter().copied().take_while(|&byte| byte != 0).collect();
            if let Some(matrix) = Matrix::of(value.data, big) {
                found.push((String::from_utf8_lossy(&name).into_owned(), matrix));
            }
        }
        found
    }

    fn field(&self, name: &str, big: bool) -> Option<Matrix<'a>> {
        self.fields(big).into_iter().find(|(field, _)| field == name).map(|(_, matrix)| matrix)
    }

    fn array(&self, big: bool) -> Result<Array, String> {
        from_columns(self.shape.clone(), self.columns(big)?).map_err(|error| error.to_string())
    }

    /// The numbers in the order of the file, the first axis running fastest.
    fn columns(&self, big: bool) -> Result<Values, String> {
        let cut = || CUT.to_owned();
        let real = element(self.bytes, self.parts, big).ok_or_else(cut)?;
        let part = |piece: &Piece<'_>| numbers(piece, big).ok_or_else(cut);
        let values = part(&real)?;
        Ok(if self.complex {
            let imaginary = element(self.bytes, real.next, big).ok_or_else(cut)?;
            complex(self.class, as_f64(values), as_f64(part(&imaginary)?))
        } else if self.class == 9 && self.logical {
            Values::Bool(as_f64(values).into_iter().map(|value| value != 0.0).collect())
        } else {
            cast(self.class, values)
        })
    }
}

/// The numbers of an element, in the type that they are stored in.
fn numbers(piece: &Piece<'_>, big: bool) -> Option<Values> {
    macro_rules! read {
        ($variant:ident, $type:ty) => {{
            let parts = piece.data.chunks_exact(size_of::<$type>());
            let of = |part: &[u8]| -> $type {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(part);
                if big { <$type>::from_be_bytes(bytes) } else { <$type>::from_le_bytes(bytes) }
            };
            Values::$variant(parts.map(of).collect())
        }};
    }
    Some(match piece.kind {
        1 => read!(I8, i8),
        2 => read!(U8, u8),
        3 => read!(I16, i16),
        4 => read!(U16, u16),
        5 => read!(I32, i32),
        6 => read!(U32, u32),
        7 => read!(F32, f32),
        9 => read!(F64, f64),
        12 => read!(I64, i64),
        13 => read!(U64, u64),
        _ => return None,
    })
}

fn as_f64(values: Values) -> Vec<f64> {
    macro_rules! each {
        ($($variant:ident),*) => {
            match values {
                $(Values::$variant(v) => v.into_iter().map(|value| value as f64).collect(),)*
                _ => Vec::new(),
            }
        };
    }
    each!(I8, U8, I16, U16, I32, U32, I64, U64, F32, F64)
}

fn complex(class: u8, re: Vec<f64>, im: Vec<f64>) -> Values {
    let pairs = re.into_iter().zip(im);
    match class {
        7 => Values::C64(pairs.map(|(re, im)| Complex32::new(re as f32, im as f32)).collect()),
        _ => Values::C128(pairs.map(|(re, im)| Complex64::new(re, im)).collect()),
    }
}

/// Numbers of the class that MATLAB has them in; they are stored as the shortest that holds them.
fn cast(class: u8, values: Values) -> Values {
    match (class, values) {
        (6, Values::F64(v)) => Values::F64(v),
        (6, other) => Values::F64(as_f64(other)),
        (7, Values::F32(v)) => Values::F32(v),
        (7, other) => Values::F32(as_f64(other).into_iter().map(|value| value as f32).collect()),
        (11, Values::U8(v)) => Values::U16(v.into_iter().map(u16::from).collect()),
        (13, Values::U8(v)) => Values::U32(v.into_iter().map(u32::from).collect()),
        (13, Values::U16(v)) => Values::U32(v.into_iter().map(u32::from).collect()),
        (10, Values::U8(v)) => Values::I16(v.into_iter().map(i16::from).collect()),
        (12, Values::U8(v)) => Values::I32(v.into_iter().map(i32::from).collect()),
        (12, Values::U16(v)) => Values::I32(v.into_iter().map(i32::from).collect()),
        (12, Values::I16(v)) => Values::I32(v.into_iter().map(i32::from).collect()),
        // Any whole numbers serve as well.
        (_, same) => same,
    }
}
