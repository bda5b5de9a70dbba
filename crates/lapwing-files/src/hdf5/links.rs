//! From a group to its members, through the links that are within one file.

use rust_hdf5::format::btree_v1::BTreeV1Node;
use rust_hdf5::format::dense_link::read_dense_links;
use rust_hdf5::format::local_heap::{LocalHeapHeader, local_heap_get_string};
use rust_hdf5::format::messages::link::{LinkMessage, LinkTarget};
use rust_hdf5::format::messages::link_info::LinkInfoMessage;
use rust_hdf5::format::superblock::SymbolTableCache;
use rust_hdf5::format::symbol_table::SymbolTableNode;

use super::walk::{MOST_STEPS, PIECE, Walk};

/// Types of messages in object headers.
const LINK_INFO: u8 = 0x02;
const LINK: u8 = 0x06;
const SYMBOL_TABLE: u8 = 0x11;
/// Steps of a path, those of soft links included.
const MOST_LINKS: usize = 256;

/// Where a link leads.
enum Target {
    /// To the object header at this address.
    Header(u64),
    /// To another path.
    Path(String),
}

impl Walk {
    /// Where the object header of the object at a path from the root is.
    pub(super) fn find(&mut self, path: &str) -> Option<u64> {
        let steps = |path: &str| -> Vec<String> {
            path.split('/').filter(|step| !matches!(*step, "" | ".")).map(str::to_owned).collect()
        };
        let mut at = self.root;
        // What is left of the path, the next step last.
        let mut left = steps(path);
        left.reverse();
        let mut taken = 0;
        while let Some(step) = left.pop() {
            taken += 1;
            if taken > MOST_LINKS {
                return None;
            }
            match self.member(at, &step)? {
                Target::Header(address) => at = address,
                Target::Path(path) => {
                    if path.starts_with('/') {
                        at = self.root;
                    }
                    left.extend(steps(&path).into_iter().rev());
                    if left.len() > MOST_LINKS {
                        return None;
                    }
                }
            }
        }
        Some(at)
    }

    /// Where the member of a group leads.
    fn member(&mut self, group: u64, name: &str) -> Option<Target> {
        for (kind, data) in self.messages(group)? {
            match kind {
                LINK => {
                    let Ok((link, _)) = LinkMessage::decode(&data, &self.context()) else {
                        continue;
                    };
                    if link.name == name {
                        return target(link);
                    }
                }
                LINK_INFO => {
                    let links = self.many(&data)?;
                    if let Some(link) = links.into_iter().find(|link| link.name == name) {
                        return target(link);
                    }
                }
                SYMBOL_TABLE => {
                    let tree = self.address(&data, 0)?;
                    let heap = self.address(&data, usize::from(self.context().sizeof_addr))?;
                    return self.in_table(tree, heap, name);
                }
                _ => {}
            }
        }
        None
    }

    /// The links of a group that has so many that they are in a heap.
    fn many(&mut self, message: &[u8]) -> Option<Vec<LinkMessage>> {
        let context = self.context();
        let (info, _) = LinkInfoMessage::decode(message, &context).ok()?;
        read_dense_links(&info, &context, &mut self.pieces()?).ok()
    }

    /// A member of a group that has a table of them, as HDF5 writes unless told otherwise.
    fn in_table(&mut self, tree: u64, heap: u64, name: &str) -> Option<Target> {
        let context = self.context();
        let (a, s) = (usize::from(context.sizeof_addr), usize::from(context.sizeof_size));
        let head = LocalHeapHeader::decode(&self.bytes(heap, 64)?, a, s).ok()?;
        let names = self.bytes(head.data_addr, head.data_size)?;
        let mut nodes = vec![tree];
        let mut steps = 0;
        while let Some(at) = nodes.pop() {
            steps += 1;
            if steps > MOST_STEPS {
                return None;
            }
            let bytes = self.bytes(at, PIECE)?;
            if !bytes.starts_with(b"SNOD") {
                nodes.extend(BTreeV1Node::decode(&bytes, a, s, u16::MAX).ok()?.children);
                continue;
            }
            for entry in SymbolTableNode::decode(&bytes, a, s, u16::MAX).ok()?.entries {
                if local_heap_get_string(&names, entry.name_offset).is_ok_and(|n| n == name) {
                    return match entry.cache {
                        SymbolTableCache::SoftLink { value_offset } => {
                            local_heap_get_string(&names, value_offset.into())
                                .ok()
                                .map(Target::Path)
                        }
                        _ => Some(Target::Header(entry.obj_header_addr)),
                    };
                }
            }
        }
        None
    }
}

/// Where a link within the file leads.
fn target(link: LinkMessage) -> Option<Target> {
    match link.target {
        LinkTarget::Hard { address } => Some(Target::Header(address)),
        LinkTarget::Soft { target } => Some(Target::Path(target)),
        _ => None,
    }
}
