//! Whether a design may follow the one that a study's folder holds.

use crate::design::{Design, Source};
use crate::disk::folder::StudyFolder;
use crate::disk::hash;
use crate::disk::layout::RESULT;
use crate::run::dataset::sample::Sample;
use crate::run::study::measured;
use crate::{Result, StudyError};

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

/// `design` with what a search has looked at in the study of `folder`, where it is that study's
/// design or grows from it.
pub(super) fn with_searched(design: Design, folder: &StudyFolder, same_base: bool) -> Design {
    let Ok(Some(there)) = folder.design() else { return design };
    if !same_base || !design.replaces(&there, true).is_empty() {
        return design;
    }
    let mut design = design;
    for (view, doses) in there.study.searched {
        let all = design.study.searched.entry(view).or_default();
        all.extend(doses);
        all.sort_unstable();
        all.dedup();
    }
    design
}

/// Refuses a design that would replace results in `folder` without having been told to, or that
/// would replace the design of the folder and then cannot be done. `bases` are the hashes of the
/// base now, and of that of the results.
pub(super) fn check_follows(
    design: &Design,
    folder: &StudyFolder,
    (now, then): (Option<&str>, Option<&str>),
    replace: bool,
) -> Result<()> {
    // A damaged design says nothing that could be held against this one.
    let Ok(Some(there)) = folder.design() else { return Ok(()) };
    let other_base = now.zip(then).is_some_and(|(now, then)| now != then);
    if there == *design && !other_base {
        return Ok(());
    }
    let has_result = |case| folder.job_dir(&case).join(RESULT).is_file();
    if !replace && there.cases().into_iter().any(has_result) {
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
        Source::Measured { base, .. } => measured::check_base(design, base),
        Source::Base { .. } | Source::BuiltIn { .. } => Sample::of(design).map(drop),
    }
}
