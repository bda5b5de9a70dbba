//! Single codecs of the crate underneath, for other formats that compress by the same ones.

use rust_hdf5::format::messages::filter::{
    FILTER_BLOSC, FILTER_BZIP2, FILTER_LZ4, FILTER_SHUFFLE, FILTER_ZSTD, Filter, FilterPipeline,
    reverse_filters_masked_bounded,
};

use super::guard::guarded;

/// A codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// A Zstandard frame.
    Zstd,
    /// A buffer of Blosc 1, which names its own codec.
    Blosc,
    /// A stream of bzip2.
    Bzip2,
    /// A block of LZ4 behind its unpacked length, four bytes, little-endian.
    Lz4,
    /// The bytes of elements of this width in planes, the first bytes of all first.
    Shuffle(u32),
}

impl Codec {
    /// Unpacks bytes that come to at most `most`.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(crate) fn unpack(self, bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
        let framed;
        let (id, values, bytes) = match self {
            Self::Zstd => (FILTER_ZSTD, Vec::new(), bytes),
            Self::Blosc => (FILTER_BLOSC, Vec::new(), bytes),
            Self::Bzip2 => (FILTER_BZIP2, Vec::new(), bytes),
            Self::Shuffle(width) => (FILTER_SHUFFLE, vec![width], bytes),
            Self::Lz4 => {
                framed = as_hdf5_lz4(bytes).ok_or("an LZ4 block without its length")?;
                (FILTER_LZ4, Vec::new(), framed.as_slice())
            }
        };
        let pipeline = FilterPipeline { filters: vec![Filter { id, flags: 0, cd_values: values }] };
        guarded(|| Ok(reverse_filters_masked_bounded(&pipeline, bytes, 0, most)))?
            .map_err(|error| error.to_string())
    }
}

/// The block behind the header that HDF5's filter has: the whole length and that of a block, and
/// the packed length, all big-endian.
fn as_hdf5_lz4(bytes: &[u8]) -> Option<Vec<u8>> {
    let (length, block) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let packed = u32::try_from(block.len()).ok()?;
    let mut framed = Vec::with_capacity(block.len() + 16);
    framed.extend(u64::from(length).to_be_bytes());
    framed.extend(length.to_be_bytes());
    framed.extend(packed.to_be_bytes());
    framed.extend(block);
    Some(framed)
}
