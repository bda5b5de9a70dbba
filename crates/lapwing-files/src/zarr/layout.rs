//! What the metadata of an array say, in Zarr's versions 2 (`.zarray`) and 3 (`zarr.json`).

use serde_json::{Map, Value};

use crate::hdf5::Codec;
use crate::npy::DType;

/// One step of unpacking a chunk.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A codec of HDF5's.
    Codec(Codec),
    /// zlib's stream.
    Zlib,
    /// gzip's stream.
    Gzip,
    /// Four bytes at the end are the CRC-32C of what is before them.
    Crc32c,
}

/// How elements lie in a chunk, and what was done to its bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChunkPacking {
    /// Lengths of the axes of a chunk.
    pub chunk: Vec<usize>,
    /// Whether the first axis varies fastest.
    pub fortran: bool,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// What to undo, the last step of packing first.
    pub steps: Vec<Step>,
}

/// Chunks that are stored together in one file, with an index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shards {
    /// Lengths of the axes of a shard.
    pub shape: Vec<usize>,
    /// Whether the index is at the beginning.
    pub index_first: bool,
    /// Whether a checksum follows the index.
    pub index_crc: bool,
}

/// The layout of an array.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub shape: Vec<usize>,
    pub dtype: DType,
    pub packing: ChunkPacking,
    pub shards: Option<Shards>,
    /// What stands between the indices in the name of a chunk.
    pub separator: char,
    /// Whether names of chunks begin with `c`.
    pub prefixed: bool,
    /// The value of chunks that are not stored, as the bytes of an element.
    pub fill: Vec<u8>,
}

/// What is wrong, in words.
type Outcome<T> = Result<T, String>;

fn lengths(value: &Value, what: &str) -> Outcome<Vec<usize>> {
    let wrong = || format!("{what}: expected whole numbers, found {}", short(value));
    let items = value.as_array().ok_or_else(wrong)?;
    let each = items.iter().map(|item| item.as_u64().and_then(|n| usize::try_from(n).ok()));
    each.collect::<Option<_>>().ok_or_else(wrong)
}

/// The beginning of a value, for a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn dtype(code: &str) -> Outcome<(DType, bool)> {
    let (dtype, big) = DType::parse(code).map_err(|error| error.to_string())?;
    let number = dtype.is_integer() || dtype.is_float() || dtype.is_complex();
    match number || dtype == DType::Bool {
        true => Ok((dtype, big)),
        false => Err(format!("elements of type {code:?}; expected numbers")),
    }
}

/// The bytes of a fill value: numbers, the names of those that JSON has not, and nothing for 0.
fn fill(value: &Value, dtype: &DType, big: bool) -> Vec<u8> {
    let width = dtype.width();
    let number = match value {
        Value::Number(number) => number.as_f64().unwrap_or(0.0),
        Value::Bool(true) => 1.0,
        Value::String(name) => match name.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => 0.0,
        },
        _ => 0.0,
    };
    let mut bytes = match (dtype, value.as_u64(), value.as_i64()) {
        (DType::F32, ..) => (number as f32).to_le_bytes().to_vec(),
        (DType::F64, ..) => number.to_le_bytes().to_vec(),
        // A half or complex number that is not zero is not worth its own code: not a number.
        (DType::F16, ..) if number != 0.0 => vec![0x00, 0x7e],
        (DType::C64 | DType::C128 | DType::F16, ..) => vec![0; width],
        (_, Some(whole), _) => whole.to_le_bytes()[..width.min(8)].to_vec(),
        (_, _, Some(whole)) => whole.to_le_bytes()[..width.min(8)].to_vec(),
        _ => (number as u64).to_le_bytes()[..width.min(8)].to_vec(),
    };
    bytes.resize(width, 0);
    if big {
        bytes.reverse();
    }
    bytes
}

impl Layout {
    /// Lengths of what is stored in one file: a chunk, or a shard of several.
    pub fn outer(&self) -> &[usize] {
        self.shards.as_ref().map_or(&self.packing.chunk, |shards| &shards.shape)
    }

    /// Of version 2.
    pub fn of_v2(all: &Map<String, Value>) -> Outcome<Self> {
        let of = |key: &str| all.get(key).unwrap_or(&Value::Null);
        let shape = lengths(of("shape"), "shape")?;
        let chunk = lengths(of("chunks"), "chunks")?;
        let code = of("dtype").as_str().ok_or("dtype: expected one of NumPy's codes")?;
        let (dtype, big_endian) = dtype(code)?;
        let mut steps = Vec::new();
        let compressor = Some(of("compressor")).filter(|value| !value.is_null());
        let filters = of("filters").as_array().map_or(&[][..], Vec::as_slice);
        // Filters were run in their order, and the compressor last.
        for codec in compressor.into_iter().chain(filters.iter().rev()) {
            steps.push(match codec["id"].as_str().unwrap_or_default() {
                "zlib" => Step::Zlib,
                "gzip" => Step::Gzip,
                "zstd" => Step::Codec(Codec::Zstd),
                "blosc" => Step::Codec(Codec::Blosc),
                "bz2" => Step::Codec(Codec::Bzip2),
                "lz4" => Step::Codec(Codec::Lz4),
                "crc32c" => Step::Crc32c,
                "shuffle" => {
                    let width = codec["elementsize"].as_u64().unwrap_or(4);
                    Step::Codec(Codec::Shuffle(width.min(1 << 16) as u32))
                }
                other => return Err(unread(other)),
            });
        }
        let separator = of("dimension_separator").as_str().unwrap_or(".");
        let packing =
            ChunkPacking { chunk, fortran: of("order").as_str() == Some("F"), big_endian, steps };
        Self {
            fill: fill(of("fill_value"), &dtype, big_endian),
            shape,
            dtype,
            packing,
            shards: None,
            separator: if separator == "/" { '/' } else { '.' },
            prefixed: false,
        }
        .sound()
    }

    /// Of version 3.
    pub fn of_v3(all: &Map<String, Value>) -> Outcome<Self> {
        let of = |key: &str| all.get(key).unwrap_or(&Value::Null);
        let shape = lengths(of("shape"), "shape")?;
        let grid = &of("chunk_grid")["configuration"]["chunk_shape"];
        let outer = lengths(grid, "chunk_grid")?;
        let name = of("data_type").as_str().unwrap_or_default();
        let code = match name {
            "bool" => "|b1",
            "int8" => "|i1",
            "int16" => "<i2",
            "int32" => "<i4",
            "int64" => "<i8",
            "uint8" => "|u1",
            "uint16" => "<u2",
            "uint32" => "<u4",
            "uint64" => "<u8",
            "float16" => "<f2",
            "float32" => "<f4",
            "float64" => "<f8",
            "complex64" => "<c8",
            "complex128" => "<c16",
            _ => {
                return Err(format!(
                    "data_type: expected numbers, found {}",
                    short(of("data_type"))
                ));
            }
        };
        let (dtype, _) = dtype(code)?;
        let codecs = of("codecs").as_array().map_or(&[][..], Vec::as_slice);
        let (packing, shards) = match codecs {
            [only] if only["name"] == "sharding_indexed" => {
                let inner = &only["configuration"];
                let chunk = lengths(&inner["chunk_shape"], "chunk_shape of the shards")?;
                let of_index = inner["index_codecs"].as_array().map_or(&[][..], Vec::as_slice);
                let index_crc = match of_index {
                    [bytes] if bytes["name"] == "bytes" => false,
                    [bytes, crc] if bytes["name"] == "bytes" && crc["name"] == "crc32c" => true,
                    _ => {
                        return Err(
                            "an index of shards that is packed otherwise than by crc32c".into()
                        );
                    }
                };
                let index_first = inner["index_location"] == "start";
                let codecs = inner["codecs"].as_array().map_or(&[][..], Vec::as_slice);
                let shards = Shards { shape: outer, index_first, index_crc };
                (Self::chain(chunk, codecs)?, Some(shards))
            }
            codecs => (Self::chain(outer, codecs)?, None),
        };
        let keys = of("chunk_key_encoding");
        let prefixed = keys["name"] != "v2";
        let usual = if prefixed { "/" } else { "." };
        let separator = keys["configuration"]["separator"].as_str().unwrap_or(usual);
        Self {
            fill: fill(of("fill_value"), &dtype, packing.big_endian),
            shape,
            dtype,
            packing,
            shards,
            separator: if separator == "/" { '/' } else { '.' },
            prefixed,
        }
        .sound()
    }

    /// The codecs of a chunk in version 3.
    fn chain(chunk: Vec<usize>, codecs: &[Value]) -> Outcome<ChunkPacking> {
        let mut found =
            ChunkPacking { chunk, fortran: false, big_endian: false, steps: Vec::new() };
        for codec in codecs {
            let name = codec["name"].as_str().unwrap_or_default();
            let step = match name {
                "bytes" => {
                    found.big_endian = codec["configuration"]["endian"] == "big";
                    continue;
                }
                "gzip" => Step::Gzip,
                "zlib" | "numcodecs.zlib" => Step::Zlib,
                "zstd" | "numcodecs.zstd" => Step::Codec(Codec::Zstd),
                "blosc" | "numcodecs.blosc" => Step::Codec(Codec::Blosc),
                "numcodecs.bz2" => Step::Codec(Codec::Bzip2),
                "numcodecs.lz4" => Step::Codec(Codec::Lz4),
                "crc32c" => Step::Crc32c,
                other => return Err(unread(other)),
            };
            found.steps.insert(0, step);
        }
        Ok(found)
    }

    fn sound(self) -> Outcome<Self> {
        let chunk = &self.packing.chunk;
        let axes = [Some(chunk), self.shards.as_ref().map(|shards| &shards.shape)];
        let fits = |outer: &[usize]| {
            outer.iter().zip(chunk).all(|(&outer, &inner)| inner > 0 && outer % inner == 0)
        };
        let whole = self.shards.as_ref().is_none_or(|shards| fits(&shards.shape));
        let sound = axes.into_iter().flatten().all(|lengths| {
            lengths.len() == self.shape.len() && lengths.iter().all(|&length| length > 0)
        });
        match sound && whole {
            true => Ok(self),
            false => Err(format!("chunks of shape {chunk:?} do not tile {:?}", self.shape)),
        }
    }
}

fn unread(codec: &str) -> String {
    let name: String = codec.chars().take(40).collect();
    format!(
        "packed by the codec {name:?}, which is not read; write it again with zstd, gzip or blosc, or \
         save it by numpy.save"
    )
}
