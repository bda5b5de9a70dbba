//! Where the chunks of a dataset are in its file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use rust_hdf5::format::btree_v1::ChunkBTreeV1Node;
use rust_hdf5::format::messages::data_layout::DataLayoutMessage;

use super::walk::Walk;
use crate::open;

/// Type of the message of a dataset's layout.
const LAYOUT: u8 = 0x08;
/// Bytes of a node that are looked at, at most.
const NODE: u64 = 1 << 16;
/// Levels of an index.
const MOST_LEVELS: u8 = 16;
/// Bytes of a node at least: a file has no more nodes than fit into it.
const LEAST_NODE: u64 = 64;

/// A chunk as it is in the file, and which filters it did not go through.
pub(super) type Stored = (Vec<u8>, u32);

/// The chunks of a dataset: by their coordinates in the grid of chunks, place, length and the
/// filters that were left out.
pub(super) struct Index {
    file: File,
    places: BTreeMap<Vec<usize>, (u64, u32, u32)>,
}

impl Index {
    /// The chunks, of lengths `chunk`, of the dataset `name`, whose index is a B-tree of version 1,
    /// as HDF5 has it unless told otherwise; `None` for another index, and where it is damaged.
    pub(super) fn of(path: &Path, name: &str, chunk: &[usize]) -> Option<Self> {
        let mut walk = Walk::open(path)?;
        let messages = walk.messages_of(name)?;
        let (_, layout) = messages.into_iter().find(|(kind, _)| *kind == LAYOUT)?;
        let (layout, _) = DataLayoutMessage::decode(&layout, &walk.context()).ok()?;
        let DataLayoutMessage::ChunkedV3 { b_tree_address, .. } = layout else { return None };
        let mut index = Self { file: open::regular(path).ok()?, places: BTreeMap::new() };
        let width = usize::from(walk.context().sizeof_addr);
        let mut nodes = index.file.metadata().ok()?.len() / LEAST_NODE + 1;
        // An index that is not there has no chunks.
        if b_tree_address != u64::MAX {
            index.gather(b_tree_address, MOST_LEVELS, width, chunk, &mut nodes)?;
        }
        Some(index)
    }

    /// Takes over the chunks below a node that is below level `below`; addresses have `width`
    /// bytes, and at most so many `nodes` are left to be read.
    fn gather(
        &mut self,
        at: u64,
        below: u8,
        width: usize,
        chunk: &[usize],
        nodes: &mut u64,
    ) -> Option<()> {
        *nodes = nodes.checked_sub(1)?;
        let bytes = self.bytes(at, NODE)?;
        let node = ChunkBTreeV1Node::decode(&bytes, width, chunk.len(), u16::MAX).ok()?;
        if node.level >= below {
            return None;
        }
        for (key, &child) in node.keys.iter().zip(&node.children) {
            if node.level > 0 {
                self.gather(child, node.level, width, chunk, nodes)?;
                continue;
            }
            let place = key.offsets.iter().zip(chunk).map(|(&offset, &length)| {
                usize::try_from(offset).ok().map(|offset| offset / length)
            });
            let place: Option<Vec<usize>> = place.collect();
            self.places.insert(place?, (child, key.chunk_size, key.filter_mask));
        }
        Some(())
    }

    /// At most `most` bytes of the file.
    fn bytes(&self, at: u64, most: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at)).ok()?;
        file.take(most).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The chunk at these coordinates, which takes at most `most` bytes; `None` where it was never
    /// written.
    ///
    /// # Errors
    /// When it is longer, or not in the file, in words.
    pub(super) fn stored(&self, place: &[usize], most: usize) -> Result<Option<Stored>, String> {
        let Some(&(at, length, left_out)) = self.places.get(place) else { return Ok(None) };
        check_length(place, length as usize, most)?;
        let bytes = self.bytes(at, length.into());
        match bytes.filter(|bytes| bytes.len() == length as usize) {
            Some(bytes) => Ok(Some((bytes, left_out))),
            None => Err(format!("the chunk at {place:?} is beyond the end of the file")),
        }
    }
}

/// Refuses a chunk whose stored `length` is above `most`.
///
/// # Errors
/// In words.
pub(super) fn check_length(place: &[usize], length: usize, most: usize) -> Result<(), String> {
    match length <= most {
        true => Ok(()),
        false => Err(format!(
            "the chunk at {place:?} claims {length} stored bytes, expected at most {most}"
        )),
    }
}
