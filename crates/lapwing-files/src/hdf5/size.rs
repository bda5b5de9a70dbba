//! What a dataset may claim to have, and the other files that it names.

use std::path::{Path, PathBuf};

use rust_hdf5::format::messages::virtual_mapping::parse_source_name;
use rust_hdf5::{H5Dataset, StorageLayout};

use super::Hdf5;
use super::guard::guarded;
use crate::claims::{MOST, MOST_CHUNK, SMALL, SMALL_CHUNK};
use crate::{Error, open};

/// Files of one name with a running number.
const MOST_NUMBERED: u64 = 1 << 16;

impl Hdf5 {
    /// Refuses a dataset that claims more bytes than its file can hold.
    pub(super) fn check_size(&self, name: &str, dataset: &H5Dataset) -> Result<(), Error> {
        let shape = dataset.shape();
        let width = dataset.element_size() as u64;
        let bytes =
            shape.iter().try_fold(width, |product, &length| product.checked_mul(length as u64));
        let layout =
            guarded(|| dataset.storage_layout()).map_err(|reason| self.error(name, reason))?;
        // The data of a virtual dataset, and of one with external storage, are in other files.
        let others = match layout {
            StorageLayout::Virtual => {
                let mappings = guarded(|| dataset.virtual_mappings())
                    .map_err(|reason| self.error(name, reason))?;
                mappings.into_iter().map(|mapping| mapping.source_file_name).collect()
            }
            StorageLayout::Contiguous => {
                let segments = guarded(|| dataset.external_files())
                    .map_err(|reason| self.error(name, reason))?;
                segments.into_iter().map(|segment| segment.name).collect()
            }
            _ => Vec::new(),
        };
        let mut others: Vec<String> = others;
        others.sort();
        others.dedup();
        // Where such a file is missing the crate underneath, like HDF5 itself, would read fill
        // values in its place.
        let lengths: Result<Vec<u64>, Error> =
            others.iter().map(|other| self.length_of_other(name, other)).collect();
        let elsewhere = lengths?.iter().fold(0, |sum: u64, &length| sum.saturating_add(length));
        let stored = self.length.saturating_add(elsewhere);
        let most = match layout {
            StorageLayout::Contiguous | StorageLayout::Compact => stored,
            _ => stored.saturating_mul(MOST),
        };
        let Some(bytes) = bytes.filter(|&bytes| bytes <= most.max(SMALL)) else {
            let reason = format!(
                "claims shape {shape:?} of {width} bytes each, more than a file of {stored} bytes can hold"
            );
            return Err(self.error(name, reason));
        };
        // Chunks are unpacked whole.
        let chunk =
            guarded(|| Ok(dataset.chunk_dims())).map_err(|reason| self.error(name, reason))?;
        let long = chunk.as_deref().unwrap_or_default().iter();
        let long = long.fold(width, |product, &length| product.saturating_mul(length as u64));
        if chunk.is_some() && long > SMALL_CHUNK.max(bytes.saturating_mul(MOST_CHUNK)) {
            let reason = format!("claims chunks of {long} bytes for {bytes} bytes of data");
            return Err(self.error(name, reason));
        }
        Ok(())
    }

    /// Where a file that this one names is, as HDF5 looks for it: where the name leads, seen from
    /// the folder of this file, or else of the same name beside it.
    pub(super) fn beside(&self, other: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let told = folder.join(other);
        // Files of Windows too.
        let name = other.rsplit(['/', '\\']).next().unwrap_or(other);
        match told.exists() || name == other || !folder.join(name).exists() {
            true => told,
            false => folder.join(name),
        }
    }

    /// Length of another file that holds data of this one; it must be there, and a file.
    fn length_of_other(&self, name: &str, other: &str) -> Result<u64, Error> {
        // `.` is this file.
        if other == "." {
            return Ok(0);
        }
        let of_number = |number| parse_source_name(other).map(|name| name.build(number)).ok();
        // A `%b` stands for a running number: as many as there are.
        if of_number(0) != of_number(1) {
            let lengths = (0..MOST_NUMBERED)
                .map_while(|number| open::check(&self.beside(&of_number(number)?)).ok());
            return Ok(lengths.fold(0, |sum, facts| sum.saturating_add(facts.len())));
        }
        let path = self.beside(&of_number(0).unwrap_or_else(|| other.to_owned()));
        let facts = open::check(&path);
        facts.map(|facts| facts.len()).map_err(|error| {
            let told = format!(
                "its data are in the file {}, which cannot be read: {error}",
                path.display()
            );
            self.error(name, told)
        })
    }
}
