//! Numbers in attributes of groups, which the crate underneath reads for datasets only.
//!
//! Attributes in an object header and its continuations are found; more than eight, which HDF5 may
//! keep in a heap, are not.

use std::path::Path;

use rust_hdf5::format::messages::attribute::AttributeMessage;

use super::decode;
use super::guard::guarded;
use super::walk::Walk;

/// Type of the message of an attribute.
const ATTRIBUTE: u8 = 0x0c;

/// An attribute of one number of the group `name`; `None` when it is not found or something else.
pub(super) fn number(path: &Path, name: &str, attribute: &str) -> Option<f64> {
    match *numbers(path, name, attribute)?.as_slice() {
        [number] => Some(number),
        _ => None,
    }
}

/// The numbers of an attribute of the group `name`; `None` when it is not found or something else.
pub(super) fn numbers(path: &Path, name: &str, attribute: &str) -> Option<Vec<f64>> {
    let look = || {
        let mut walk = Walk::open(path)?;
        let found = walk.messages_of(name)?.into_iter().filter(|(kind, _)| *kind == ATTRIBUTE);
        let context = walk.context();
        let mut found =
            found.filter_map(|(_, data)| Some(AttributeMessage::decode(&data, &context).ok()?.0));
        let found = found.find(|found| found.name == attribute)?;
        decode::numbers_of(&found.datatype, &found.data).ok()
    };
    guarded(|| Ok(look())).ok().flatten()
}
