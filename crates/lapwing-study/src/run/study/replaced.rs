//! What a study makes in place of files that are there, and why.

use super::{DataSet, data_key, data_sets, view_key};
use crate::design::Design;
use crate::design::condition::{Split, View};
use crate::disk::folder::StudyFolder;
use crate::disk::hash;
use crate::disk::layout::{data_file, repeat_root, view_file};
use crate::disk::ledger::Ledger;
use crate::run::event::{Level, Observer, note};
use crate::{Result, StudyError};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is known of the files in a study's folder.
pub(super) struct Records {
    pub ledger: Ledger,
    /// Those that were made for another design.
    pub outdated: BTreeSet<PathBuf>,
}

impl Records {
    /// Why a file that is there is to be replaced; `None` where nothing is lost with it, as of one
    /// that was begun, or that has the bits which it is given again.
    pub fn why_lost(&self, file: &Path) -> Result<Option<&'static str>> {
        if !file.is_file() {
            return Ok(None);
        }
        if self.outdated.contains(file) {
            return Ok(Some("which was made for another design"));
        }
        if !self.ledger.owns(file) {
            return Ok(Some("which this study had not made"));
        }
        let changed = match self.ledger.hash_of(file) {
            Some(made) => hash::file(file)? != made,
            None => false,
        };
        Ok(changed.then_some("which was changed since the study made it"))
    }
}

/// Says that a file was replaced or removed, where something was lost with it.
pub(super) fn tell_loss(
    done: &str,
    file: &Path,
    why: Option<&str>,
    observe: Observer<'_>,
) -> Result<()> {
    match why {
        Some(why) => note(observe, Level::Loss, &format!("{done} {}, {why}", file.display())),
        None => Ok(()),
    }
}

/// Forgets the data sets and views that were made for another design: until they are made again, no
/// result stands on them. Returns those that are there.
pub(super) fn forget_outdated(
    design: &Design,
    base: Option<&str>,
    folder: &StudyFolder,
    ledger: &mut Ledger,
) -> Result<BTreeSet<PathBuf>> {
    let mut outdated = BTreeSet::new();
    let mut forget = |ledger: &mut Ledger, file: PathBuf| {
        let there = file.is_file() && ledger.hash_of(&file).is_some();
        ledger.forget(&file)?;
        outdated.extend(there.then_some(file));
        Ok::<_, StudyError>(())
    };
    let acceptance = design.views.acceptance();
    for DataSet { dose, repeat, split } in data_sets(design, &Split::ALL) {
        let data = data_file(&repeat_root(&folder.data_root(), repeat), dose, split);
        if !ledger.made_under(&data, &data_key(design, base, dose, repeat)) {
            forget(ledger, data.clone())?;
        }
        let input = ledger.hash_of(&data).map(str::to_owned);
        let views: BTreeSet<View> =
            View::ALL.into_iter().chain(design.study.views.iter().copied()).collect();
        for view in views {
            let Some(spacing) = design.views.spacing(view, design.study.pattern_size) else {
                continue;
            };
            let file = view_file(&repeat_root(&folder.views_root(), repeat), dose, view, split);
            let key = input.as_ref().map(|input| view_key(input, view, spacing, &acceptance));
            if !key.is_some_and(|key| ledger.made_under(&file, &key)) {
                forget(ledger, file)?;
            }
        }
    }
    Ok(outdated)
}
