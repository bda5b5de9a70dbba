//! Whether a design may follow the one that a study's folder holds.

use crate::design::condition::{Condition, View};
use crate::design::{Design, Source};
use crate::disk::folder::StudyFolder;
use crate::disk::hash;
use crate::disk::layout::RESULT;
use crate::disk::ledger::Ledger;
use crate::run::dataset::sample::Sample;
use crate::run::dataset::stream::Streaming;
use crate::run::study::{measured, possible};
use crate::{Result, Split, StudyError};
use std::path::PathBuf;

/// Hash of the contents of what the data are made from: that of the base file, with those that its
/// reading names where there are any.
pub(super) fn hash_of_base(source: &Source) -> Result<Option<String>> {
    let hashes = source.files().iter().map(|file| hash::file(file)).collect::<Result<Vec<_>>>()?;
    Ok(match hashes.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(hash::key(&several)),
    })
}

/// `design` with what a search has looked at in the study of `folder`, and with its goal where the
/// design names none, where it is that study's design or grows from it.
pub(super) fn with_searched(design: Design, folder: &StudyFolder, same_base: bool) -> Design {
    let Ok(Some(there)) = folder.design() else { return design };
    if !same_base || !design.replaces(&there, true).is_empty() {
        return design;
    }
    let mut design = design;
    match (&mut design.goal, there.goal) {
        (Some(goal), Some(kept)) => goal.pixel_size_m = goal.pixel_size_m.or(kept.pixel_size_m),
        (none, kept) => *none = none.take().or(kept),
    }
    for (view, doses) in there.study.searched {
        let all = design.study.searched.entry(view).or_default();
        all.extend(doses);
        all.sort_unstable();
        all.dedup();
    }
    design
}

/// Refuses to replace what lies in the places of the study's files and was made by others: data
/// sets and views that the ledger does not know and, in a folder that holds no study yet, another
/// design, results and a report.
pub(super) fn check_foreign(design: &Design, folder: &StudyFolder, ledger: &Ledger) -> Result<()> {
    let roots = folder.roots();
    let repeats = 1..=design.study.repeats;
    let selected = design.conditions();
    // Whatever the views, both splits of every dose are made.
    let whole = Condition::all(&design.study.all_doses(), &[View::Baseline], &Split::ALL);
    let mut files: Vec<PathBuf> = whole
        .into_iter()
        .chain(selected)
        .flat_map(|condition| repeats.clone().map(move |repeat| (condition, repeat)))
        .map(|(condition, repeat)| roots.input(condition, repeat))
        .filter(|file| file.is_file() && !ledger.owns(file))
        .collect();
    if !folder.design_file().is_file() {
        let results = design.cases().into_iter().map(|case| folder.job_dir(&case).join(RESULT));
        let report = std::fs::read_dir(folder.report_dir()).into_iter().flatten().flatten();
        let report = report.map(|entry| entry.path());
        files.extend(results.chain(report).filter(|file| file.is_file()));
    }
    // A design of which nothing was made is no study's yet, but its owner's.
    let there = folder.design().ok().flatten().filter(|_| ledger.is_new());
    if there.is_some_and(|there| !design.replaces(&there, true).is_empty()) {
        files.push(folder.design_file());
    }
    files.sort();
    files.dedup();
    match files.is_empty() {
        true => Ok(()),
        false => Err(StudyError::Foreign { files }),
    }
}

/// Refuses a design that would replace results in `folder` without having been told to, or that
/// would become the design of the folder and then cannot be done. `bases` are the hashes of the
/// base now, and of that of the results.
pub(super) fn check_follows(
    design: &Design,
    folder: &StudyFolder,
    (now, then): (Option<&str>, Option<&str>),
    replace: bool,
    stream: Streaming,
) -> Result<()> {
    let other_base = now.zip(then).is_some_and(|(now, then)| now != then);
    // A damaged design says nothing that could be held against this one.
    let Ok(there) = folder.design() else { return Ok(()) };
    if there.as_ref() == Some(design) && !other_base {
        return Ok(());
    }
    let has_result = |case| folder.job_dir(&case).join(RESULT).is_file();
    let results = there.filter(|there| there.cases().into_iter().any(has_result));
    if let (Some(there), false) = (results, replace) {
        let mut differences = design.replaces(&there, now.is_some() && now == then);
        if other_base {
            let files: Vec<String> =
                design.source.files().iter().map(|file| file.display().to_string()).collect();
            differences.push(format!("the content of {} is another one now", files.join(" or ")));
        }
        if !differences.is_empty() {
            return Err(StudyError::OtherDesign {
                file: folder.design_file(),
                differences: differences.join("; "),
            });
        }
    }
    match &design.source {
        Source::Measured { base, .. } => measured::check_base(design, base, stream),
        Source::Base { .. } | Source::BuiltIn { .. } => {
            let sample = Sample::of(design)?;
            possible::check(design, &sample.scan, sample.physics.slices.map_or(1, |of| of.count))
        }
    }
}
