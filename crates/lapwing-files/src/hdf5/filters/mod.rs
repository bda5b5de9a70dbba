//! Filters that the crate underneath does not know, undone here: Blosc2, and bitshuffle with
//! Zstandard.

mod bitshuffle;
mod blosc2;

use std::borrow::Cow;

use rust_hdf5::Filter;
use rust_hdf5::format::messages::filter::{
    FILTER_BLOSC2, FILTER_BSHUF, FilterPipeline, reverse_filters_masked_bounded,
};

use super::guard::guarded;

/// What to do with a file that is not read the way it was compressed.
pub(super) const REPACK: &str = "repack the file, HDF5_PLUGIN_PATH=$(python -c 'import \
     hdf5plugin; print(hdf5plugin.PLUGINS_PATH)') h5repack -f GZIP=1 IN OUT";

/// What keeps a dataset from being read, with what to do where it is the way it was compressed.
pub(super) fn told(reason: String) -> String {
    const FILTERS: [(&str, &str); 10] = [
        ("bitshuffle: unsupported compression type", "bitshuffle with Zstandard (filter 32008)"),
        ("filter id 32026", "Blosc2 (filter 32026)"),
        ("filter id 32008", "bitshuffle (filter 32008)"),
        ("filter id 32013", "ZFP (filter 32013)"),
        ("filter id 32017", "SZ (filter 32017)"),
        ("filter id 32024", "SZ3 (filter 32024)"),
        ("filter id 32019", "JPEG (filter 32019)"),
        ("filter id 32028", "SPERR (filter 32028)"),
        ("filter id", "a filter that is not known here"),
        ("unsupported feature", "a filter that is not read"),
    ];
    let found = FILTERS.iter().find(|(part, _)| reason.contains(part));
    match found.filter(|_| reason.contains("unsupported feature")) {
        None => reason,
        Some((_, filter)) => {
            let detail = reason.rsplit("unsupported feature:").next().unwrap_or_default().trim();
            format!("compressed by {filter} ({detail}), which is not read: {}", REPACK)
        }
    }
}

/// What bitshuffle calls Zstandard.
const ZSTD: u32 = 3;

/// A filter that is undone here.
enum Own {
    Blosc2,
    /// Of elements of so many bytes.
    Bitshuffle(usize),
}

impl Own {
    fn of(filter: &Filter) -> Option<Self> {
        match (filter.id, filter.cd_values.as_slice()) {
            (FILTER_BLOSC2, _) => Some(Self::Blosc2),
            (FILTER_BSHUF, &[_, _, width, _, ZSTD, ..]) => Some(Self::Bitshuffle(width as usize)),
            _ => None,
        }
    }
}

/// Whether there is a filter that the crate underneath does not know and this module does.
pub(super) fn has_own(filters: &[Filter]) -> bool {
    filters.iter().any(|filter| Own::of(filter).is_some())
}

/// The `size` bytes of a chunk, which went through `filters` but for those whose bit is set in
/// `left_out`.
///
/// # Errors
/// What is wrong with it, or is not read, in words.
pub(super) fn unpack(
    filters: &[Filter],
    left_out: u32,
    bytes: &[u8],
    size: usize,
) -> Result<Vec<u8>, String> {
    let mut bytes = Cow::Borrowed(bytes);
    for (at, filter) in filters.iter().enumerate().rev() {
        if u32::try_from(at).is_ok_and(|at| left_out.checked_shr(at).unwrap_or(0) & 1 == 1) {
            continue;
        }
        // What filters before it added: checksums, headers, what could not be packed.
        let most = if at == 0 { size } else { size.saturating_add(size / 8 + (1 << 12)) };
        bytes = Cow::Owned(match Own::of(filter) {
            Some(Own::Blosc2) => blosc2::unpack(&bytes, most)?,
            Some(Own::Bitshuffle(width)) => bitshuffle::unpack_zstd(&bytes, width, most)?,
            None => {
                let alone = FilterPipeline { filters: vec![filter.clone()] };
                guarded(|| Ok(reverse_filters_masked_bounded(&alone, &bytes, 0, most)))?
                    .map_err(|error| error.to_string())?
            }
        });
    }
    match bytes.len() == size {
        true => Ok(bytes.into_owned()),
        false => Err(format!("a chunk of {} bytes, expected {size}", bytes.len())),
    }
}
