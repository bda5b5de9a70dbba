//! Results that are kept beside a job's own.

use crate::disk::layout::RESULT;
use crate::disk::path::absolute;
use std::path::{Path, PathBuf};

/// The results in `folder`, that of a job, and in those numbered after it (`train_2`), and what was
/// set aside inside each (`earlier_1`), in the order of their numbers; without that in `own`.
pub(super) fn kept_beside(folder: &Path, own: Option<&Path>) -> Vec<PathBuf> {
    let folder = absolute(folder);
    let parent = folder.parent().unwrap_or(&folder).to_owned();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let first = std::iter::once(folder.clone());
    let mut kept = Vec::new();
    for place in first.chain(numbered(&parent, &format!("{name}_"))) {
        let aside = numbered(&place, "earlier_");
        kept.extend(std::iter::once(place).chain(aside));
    }
    kept.retain(|place| place.join(RESULT).is_file() && own.is_none_or(|own| own != place));
    kept
}

/// The folders in `parent` that are called `begin` and a number, ascending.
fn numbered(parent: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let number = |name: &str| name.strip_prefix(begin)?.parse::<usize>().ok();
    let of = |entry: std::fs::DirEntry| Some((number(entry.file_name().to_str()?)?, entry.path()));
    let mut found: Vec<(usize, PathBuf)> = entries.filter_map(of).collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}
