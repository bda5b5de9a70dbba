//! B-trees of chunks: of version 1, as HDF5 has them unless told otherwise, and of version 2, where
//! several axes grow without end.

use rust_hdf5::format::UNDEF_ADDR;
use rust_hdf5::format::btree_v1::ChunkBTreeV1Node;
use rust_hdf5::format::chunk_index::btree_v2::{
    BT2_TYPE_CHUNK_FILT, Bt2ChunkIndex, Bt2Header, walk_btree_v2,
};

use super::super::pieces::Pieces;
use super::grid::Place;

/// Bytes of a node of version 1 that are looked at, at most.
const NODE: usize = 1 << 16;
/// Bytes of such a node at least: a file has no more nodes than fit into it.
const LEAST_NODE: u64 = 64;
/// Levels of a tree of version 1.
const MOST_LEVELS: u8 = 16;
/// Bytes of a header, and of an address and a number in a record.
const HEADER: usize = 256;
const FILTERS: usize = 4;
const OFFSET: usize = 8;

/// What is done with a chunk of these coordinates in the grid.
type Take<'a> = dyn FnMut(&[u64], Place) + 'a;

/// Takes over the chunks, of lengths `chunk`, of a tree of version 1.
pub(super) fn version_1(
    pieces: &mut Pieces,
    at: u64,
    chunk: &[usize],
    take: &mut Take<'_>,
) -> Option<()> {
    // An index that is not there has no chunks.
    if at == UNDEF_ADDR { Some(()) } else { below(pieces, at, MOST_LEVELS, chunk, take) }
}

/// Takes over the chunks below a node that is below level `above`.
fn below(
    pieces: &mut Pieces,
    at: u64,
    above: u8,
    chunk: &[usize],
    take: &mut Take<'_>,
) -> Option<()> {
    pieces.spend(LEAST_NODE)?;
    let bytes = pieces.look(at, NODE)?;
    let node = ChunkBTreeV1Node::decode(&bytes, pieces.address(), chunk.len(), u16::MAX).ok()?;
    if node.level >= above {
        return None;
    }
    for (key, &child) in node.keys.iter().zip(&node.children) {
        if node.level > 0 {
            below(pieces, child, node.level, chunk, take)?;
            continue;
        }
        let offsets = key.offsets.iter().zip(chunk);
        let place: Vec<u64> = offsets.map(|(offset, &length)| offset / length as u64).collect();
        let (length, left_out) = (key.chunk_size.into(), key.filter_mask);
        take(&place, Place { at: child, length, left_out });
    }
    Some(())
}

/// Takes over the chunks of a tree of version 2 in a grid of so many axes.
pub(super) fn version_2(
    pieces: &mut Pieces,
    at: u64,
    axes: usize,
    take: &mut Take<'_>,
) -> Option<()> {
    let context = pieces.context();
    let head = Bt2Header::decode(&pieces.bytes(at, HEADER)?, &context).ok()?;
    let size = usize::from(head.record_size);
    let of_length = size.checked_sub(pieces.address() + FILTERS + axes * OFFSET)?;
    if head.record_type != BT2_TYPE_CHUNK_FILT || !(1..=8).contains(&of_length) {
        return None;
    }
    let records = walk_btree_v2(&head, &context, pieces).ok()?.records;
    // One by one: all of them decoded would take several times as much memory.
    for record in records.chunks_exact(size) {
        let one =
            Bt2ChunkIndex::decode_filtered_records(record, 1, axes, head.record_size, &context);
        for chunk in one.ok()? {
            let (length, left_out) = (chunk.chunk_size, chunk.filter_mask);
            if chunk.chunk_address != UNDEF_ADDR {
                take(&chunk.scaled_offsets, Place { at: chunk.chunk_address, length, left_out });
            }
        }
    }
    Some(())
}
