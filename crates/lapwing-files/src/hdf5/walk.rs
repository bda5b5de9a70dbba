//! The way from the superblock of a file to an object, and what its header says, by the decoders of
//! the crate underneath: for what that crate does not tell.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use rust_hdf5::format::FormatContext;
use rust_hdf5::format::object_header::ObjectHeader;
use rust_hdf5::format::superblock::{SuperblockV0V1, SuperblockV2V3, detect_superblock_version};

use super::pieces::{Pieces, bytes_at};
use super::start;
use crate::open;

/// Bytes of a structure that are looked at, at most.
pub(super) const PIECE: u64 = 1 << 16;
/// Nodes of one tree, and continuations of one header, that are followed.
pub(super) const MOST_STEPS: usize = 1 << 12;
/// Messages of one header.
const MOST_MESSAGES: usize = 1 << 16;
/// Types of messages in object headers.
const CONTINUATION: u8 = 0x10;

/// A file, and where its root group is.
pub(super) struct Walk {
    file: File,
    /// Bytes before the first one that addresses count from: those of a user block.
    base: u64,
    context: FormatContext,
    /// Where the object header of the root group is.
    pub(super) root: u64,
    version_2: bool,
}

impl Walk {
    /// Opens a file; `None` for one that is damaged, or that begins with something else.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let file = open::regular(path).ok()?;
        let base = start(&file).ok()??;
        let head = bytes_at(&file, base, 256)?;
        let version_2 = detect_superblock_version(&head).ok()? >= 2;
        // Where the superblock is goes before the address that it says.
        let (offsets, lengths, root) = match version_2 {
            true => {
                let block = SuperblockV2V3::decode(&head).ok()?;
                let root = block.root_group_object_header_address;
                (block.sizeof_offsets, block.sizeof_lengths, root)
            }
            false => {
                let block = SuperblockV0V1::decode(&head).ok()?;
                let root = block.root_symbol_table_entry.obj_header_addr;
                (block.sizeof_offsets, block.sizeof_lengths, root)
            }
        };
        let context = FormatContext { sizeof_addr: offsets, sizeof_size: lengths };
        Some(Self { file, base, context, root, version_2 })
    }

    /// The file as its indices are read.
    pub(super) fn pieces(&self) -> Option<Pieces> {
        Pieces::new(self.file.try_clone().ok()?, self.base, self.context)
    }

    /// Widths of addresses and lengths.
    pub(super) fn context(&self) -> FormatContext {
        self.context
    }

    /// Type and payload of every message of the header of the object `name`, to which links within
    /// the file lead.
    pub(super) fn messages_of(&mut self, name: &str) -> Option<Vec<(u8, Vec<u8>)>> {
        let at = self.find(name)?;
        self.messages(at)
    }

    /// Bytes from an address on, as many as there are up to `most`.
    pub(super) fn bytes(&self, address: u64, most: u64) -> Option<Vec<u8>> {
        bytes_at(&self.file, self.base.checked_add(address)?, most.min(PIECE))
    }

    /// Type and payload of every message of an object header.
    pub(super) fn messages(&mut self, address: u64) -> Option<Vec<(u8, Vec<u8>)>> {
        let (header, _) = ObjectHeader::decode_any(&self.bytes(address, PIECE)?).ok()?;
        // Bit 2: every message has its place in the order of creation.
        let tracked = self.version_2 && header.flags & 4 != 0;
        let mut found: Vec<(u8, Vec<u8>)> =
            header.messages.into_iter().map(|message| (message.msg_type, message.data)).collect();
        // Blocks that continue a header lie beside each other, each in one place of the file.
        let mut seen = BTreeSet::from([address]);
        let mut room = self.file.metadata().ok()?.len();
        let mut at = 0;
        while let Some((kind, data)) = found.get(at) {
            at += 1;
            if *kind != CONTINUATION || at > MOST_STEPS {
                continue;
            }
            let address = self.address(data, 0)?;
            let length = self.address(data, usize::from(self.context.sizeof_addr))?;
            if !seen.insert(address) {
                continue;
            }
            let block = self.bytes(address, length)?;
            room = room.checked_sub(block.len() as u64)?;
            found.extend(match block.starts_with(b"OCHK") {
                true => continued(block.get(4..block.len().checked_sub(4)?)?, 1, tracked),
                false => continued(&block, 2, false),
            });
            if found.len() > MOST_MESSAGES {
                return None;
            }
        }
        Some(found)
    }

    /// A little-endian address at a place of some bytes.
    pub(super) fn address(&self, bytes: &[u8], from: usize) -> Option<u64> {
        let bytes = bytes.get(from..from + usize::from(self.context.sizeof_addr))?;
        Some(bytes.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte)))
    }
}

/// Messages one behind the other: type (one or two bytes), length, flags, and three unused bytes in
/// version 1 or the place in the order of creation where that is tracked in version 2.
fn continued(block: &[u8], kind_width: usize, tracked: bool) -> Vec<(u8, Vec<u8>)> {
    let head = match (kind_width, tracked) {
        (2, _) => 8,
        (_, true) => 6,
        (_, false) => 4,
    };
    let (mut found, mut rest) = (Vec::new(), block);
    while let Some((start, behind)) = rest.split_at_checked(head) {
        let length = usize::from(u16::from_le_bytes([start[kind_width], start[kind_width + 1]]));
        let Some((data, after)) = behind.split_at_checked(length) else { break };
        found.push((start[0], data.to_vec()));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of version 1 that says where a header goes on, at which address and how long.
    fn continuation(at: u64, length: u64) -> Vec<u8> {
        [&[0x10, 0, 16, 0, 0, 0, 0, 0][..], &at.to_le_bytes(), &length.to_le_bytes()].concat()
    }

    /// The messages of a header of version 1 at the beginning of a file, which holds `message` and
    /// has these bytes behind it, from address 40 on.
    fn messages(message: &[u8], rest: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("header");
        let mut bytes = vec![1, 0, 1, 0, 1, 0, 0, 0, message.len() as u8, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([message, rest].concat());
        std::fs::write(&path, bytes).unwrap();
        let file = File::open(path).unwrap();
        let context = FormatContext { sizeof_addr: 8, sizeof_size: 8 };
        Walk { file, base: 0, context, root: 0, version_2: false }.messages(0)
    }

    #[test]
    fn continuations_that_point_at_each_other_are_followed_once() {
        // The blocks at 40 and 64 point at each other, the first one at the header too.
        let blocks = [continuation(64, 48), continuation(40, 24), continuation(0, 40)].concat();
        let found = messages(&continuation(40, 24), &blocks).unwrap();
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|(kind, data)| *kind == CONTINUATION && data.len() == 16));
    }

    #[test]
    fn a_header_has_no_more_messages_than_it_may() {
        // Blocks that overlap: each begins within the one before. Messages without data.
        let mut blocks = Vec::new();
        for at in 0..20 {
            blocks.extend(continuation(40 + 24 * (at + 1), 1 << 16));
        }
        let sound = messages(&continuation(40, 24 * 20), &blocks);
        assert!(sound.is_none(), "more bytes than the file has");
        blocks.extend(vec![0; 4 << 20]);
        assert!(messages(&continuation(40, 1 << 16), &blocks).is_none());
        assert!(messages(&continuation(520, 1 << 16), &blocks).is_some());
    }
}
