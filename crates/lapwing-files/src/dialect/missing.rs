//! Patterns in chunks that their file does not have: an acquisition or a copy that ended early, or
//! a file of a chunk that is gone. They are read as the fill value, and are no measured darkness.

use std::collections::BTreeMap;

use super::stored::{StackFile, Stored};
use crate::holes::Missing;
use crate::remarks::{Remark, What, counted, ranges};
use crate::{Container, Error};

/// What chunks that are not there mean for the patterns.
#[derive(Default)]
pub(super) struct Gaps {
    /// Places, among the patterns that are read, of those of which nothing is there, beyond doubt.
    pub lost: Vec<usize>,
    pub remarks: Vec<Remark>,
}

/// Share of chunks up to which a missing one is worth a word where writers leave out those that
/// hold nothing but the fill value.
const FEW: f64 = 0.1;

/// Looks for chunks that are missing among those of the patterns `stored`, called `key`, of which
/// `here` is read (indices of the file; `None` for all).
///
/// # Errors
/// When an array cannot be described.
pub(super) fn look(stored: &Stored<'_>, here: Option<&[usize]>, key: &str) -> Result<Gaps, Error> {
    let StackFile::Other(file) = stored.file else { return Ok(Gaps::default()) };
    if stored.turned || stored.reversed.is_some() {
        return Ok(Gaps::default());
    }
    let (mut absent, mut all, mut before) = (0, 0, 0);
    let mut missing = Missing::default();
    for (at, name) in stored.names.iter().enumerate() {
        if let Some((_, count)) = stored.absent.iter().find(|(absent, _)| *absent == at) {
            before += count;
            continue;
        }
        if let Some(holes) = file.holes(name)? {
            let (some, chunks) = holes.count();
            (absent, all) = (absent + some, all + chunks);
            let found = holes.patterns(stored.order);
            missing.whole.extend(found.whole.into_iter().map(|index| index + before));
            missing.partly.extend(found.partly.into_iter().map(|index| index + before));
        }
        if stored.names.len() > 1 {
            before += file.shape(name)?.and_then(|shape| shape.first().copied()).unwrap_or(0);
        }
    }
    if let Some(here) = here {
        let places: BTreeMap<usize, usize> = here.iter().copied().zip(0..).collect();
        for indices in [&mut missing.whole, &mut missing.partly] {
            *indices = indices.iter().filter_map(|index| places.get(index).copied()).collect();
            indices.sort_unstable();
        }
    }
    let Missing { whole, partly } = missing;
    // Zarr's writers leave out chunks that hold the fill value alone.
    let sparse = matches!(file, Container::Zarr(_));
    let mut gaps = Gaps::default();
    let chunks = format!("{key}: {absent} of {all} chunks are not in the file");
    let copied = "look whether the measurement ended early, or copy the file again";
    let as_fill = "unless they were measured dark, which writers may leave out";
    if !whole.is_empty() {
        let evidence = format!(
            "{chunks}, with all of {}: {}",
            counted(whole.len(), "pattern"),
            ranges(&whole)
        );
        let advice = match sparse {
            true => format!("{as_fill}, {copied}, or leave them out (--leave-out-frames)"),
            false => {
                format!("that is no darkness, and a reconstruction leaves them out; {copied}")
            }
        };
        let remark = Remark::new(What::LostPatterns, evidence, advice).on_patterns(whole.clone());
        gaps.remarks.push(if sparse { remark } else { remark.beyond_doubt() });
        if !sparse {
            gaps.lost = whole;
        }
    }
    if !partly.is_empty() && (!sparse || absent as f64 <= FEW * all as f64) {
        let evidence = format!(
            "{chunks}, with a part of {}, read as darkness: {}",
            counted(partly.len(), "pattern"),
            ranges(&partly)
        );
        let leave = "leave them out (--leave-out-frames) or give a mask of that part";
        let advice = match sparse {
            true => format!("{as_fill}, {copied}, or {leave}"),
            false => format!("{copied}, or {leave}"),
        };
        gaps.remarks.push(Remark::new(What::LostPatterns, evidence, advice).on_patterns(partly));
    }
    Ok(gaps)
}
