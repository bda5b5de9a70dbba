//! Arrays that are to be passed over.

use super::cxi::own::own_name;
use super::found::Found;
use super::mask_file;
use crate::options::ReadOptions;
use crate::{Container, Problem, mask, metadata};

/// Arrays to pass over that are not there.
pub(super) fn unknown_names(found: &mut Found, file: &Container, options: &ReadOptions) {
    let arrays = file.list().unwrap_or_default();
    // By the name that inspect prints, and masks by what they are.
    let ends = |name: &str| mask_file::MASKS.contains(&name.rsplit('/').next().unwrap_or_default());
    let is_mask = |name: &str| name == mask::KEY && arrays.iter().any(|array| ends(&array.name));
    // Of several archives that are read alike not each has metadata to leave out.
    let is_metadata = |name: &str| name == metadata::KEY && matches!(file, Container::Npz(_));
    // Object and probe of a CXI file of this program, and of the product beside patterns.
    let product = found.companion.as_ref().and_then(|path| Container::open(path).ok());
    let is_there = |name: &str| {
        file.contains(name)
            || file.contains(&own_name(name))
            || product.as_ref().is_some_and(|product| product.contains(name))
            || (name == "probe" && file.is_npy())
            || is_mask(name)
            || is_metadata(name)
    };
    for name in options.leave_out.iter().filter(|name| !is_there(name)) {
        found.problems.push(Problem::new("leave_out", "the name of an array of the file", name));
    }
}
