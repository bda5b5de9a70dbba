//! Where the chunks of a dataset are in its file, by each of the indices that HDF5 has for chunks
//! that went through filters (HDF5 file format 3.0, sections III.A and VII).

mod arrays;
mod grid;
mod trees;

use std::collections::BTreeMap;
use std::path::Path;

use rust_hdf5::format::UNDEF_ADDR;
use rust_hdf5::format::messages::data_layout::{ChunkIndexType, DataLayoutMessage};

use super::pieces::Pieces;
use super::walk::Walk;
pub(super) use grid::Grid;
use grid::Place;

/// Type of the message of a dataset's layout.
const LAYOUT: u8 = 0x08;
/// Bit of a layout's flags: chunks that reach beyond the shape went through no filter.
const PLAIN_EDGES: u8 = 1;

/// A chunk as it is in the file, and which filters it did not go through.
pub(super) type StoredChunk = (Vec<u8>, u32);

/// The chunks of a dataset.
pub(super) struct Index {
    pieces: Pieces,
    grid: Grid,
    plain_edges: bool,
    /// By their number in the grid, in C order.
    places: BTreeMap<usize, Place>,
}

impl Index {
    /// The chunks of the dataset `name`, `size` bytes each when they are unpacked; `None` where the
    /// file is damaged, or is of a form that is not known here.
    pub(super) fn of(path: &Path, name: &str, grid: Grid, size: usize) -> Option<Self> {
        let mut walk = Walk::open(path)?;
        let messages = walk.messages_of(name)?;
        let (_, layout) = messages.into_iter().find(|(kind, _)| *kind == LAYOUT)?;
        let (layout, _) = DataLayoutMessage::decode(&layout, &walk.context()).ok()?;
        let mut pieces = walk.pieces()?;
        let mut places = BTreeMap::new();
        let mut by_place = |at: &[u64], place: Place| {
            if let Some(number) = grid.number(at) {
                places.insert(number, place);
            }
        };
        let mut plain_edges = false;
        match layout {
            // No chunk was ever written.
            DataLayoutMessage::ChunkedV3 { b_tree_address: UNDEF_ADDR, .. } => {}
            DataLayoutMessage::ChunkedV3 { b_tree_address, .. } => {
                trees::version_1(&mut pieces, b_tree_address, grid.chunk(), &mut by_place)?;
            }
            DataLayoutMessage::ChunkedV4 { flags, index_type, index_address, .. }
                if index_address == UNDEF_ADDR && index_type != ChunkIndexType::Implicit =>
            {
                plain_edges = flags & PLAIN_EDGES != 0;
            }
            DataLayoutMessage::ChunkedV4 {
                flags,
                index_type,
                index_address,
                single_chunk_filter,
                earray_params,
                ..
            } => {
                plain_edges = flags & PLAIN_EDGES != 0;
                let mut by_slot = |slot: u64, place: Place| {
                    if let Some(at) = grid.of_slot(slot) {
                        by_place(&at, place);
                    }
                };
                match index_type {
                    ChunkIndexType::SingleChunk => {
                        // One that went through no filter is as long as it is unpacked.
                        let (length, left_out) = single_chunk_filter
                            .map_or((size as u64, u32::MAX), |one| (one.nbytes, one.filter_mask));
                        by_slot(0, Place { at: index_address, length, left_out });
                    }
                    ChunkIndexType::FixedArray => {
                        arrays::fixed(&mut pieces, index_address, &mut by_slot)?;
                    }
                    ChunkIndexType::ExtensibleArray => {
                        let how = earray_params?;
                        arrays::extensible(&mut pieces, index_address, &how, &mut by_slot)?;
                    }
                    ChunkIndexType::BTreeV2 => {
                        trees::version_2(&mut pieces, index_address, grid.axes(), &mut by_place)?;
                    }
                    // Its chunks go through no filters.
                    ChunkIndexType::Implicit => return None,
                }
            }
            _ => return None,
        }
        Some(Self { pieces, grid, plain_edges, places })
    }

    /// Whether the chunk of this number in the grid, in C order, was ever written.
    pub(super) fn has(&self, number: usize) -> bool {
        self.places.contains_key(&number)
    }

    /// The chunk at these coordinates, which takes at most `most` bytes; `None` where it was never
    /// written.
    ///
    /// # Errors
    /// When it is longer, or not in the file, in words.
    pub(super) fn stored(&self, at: &[usize], most: usize) -> Result<Option<StoredChunk>, String> {
        let number = self.grid.number(&at.iter().map(|&at| at as u64).collect::<Vec<_>>());
        let Some(place) = number.and_then(|number| self.places.get(&number)) else {
            return Ok(None);
        };
        let length = usize::try_from(place.length).unwrap_or(usize::MAX);
        check_length(at, length, most)?;
        let bytes = self.pieces.look(place.at, length).unwrap_or_default();
        if bytes.len() != length {
            return Err(format!("the chunk at {at:?} is beyond the end of the file"));
        }
        let plain = self.plain_edges && self.grid.is_edge(at);
        Ok(Some((bytes, if plain { u32::MAX } else { place.left_out })))
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
