//! The mask that a file of its own brings.

use std::path::Path;

use super::found::Found;
use super::masks;
use super::wanted::Wanted;
use crate::mask;
use crate::{Container, Error, Mask, Problem, open};

/// What arrays of masks are called.
pub(super) const MASKS: [&str; 3] = [mask::KEY, "pixel_mask", "weights"];

/// A file of any kind and the name of the array of a mask in it: `FILE::NAME`, else the one that is
/// called so, else the only one.
fn mask_file(path: &Path) -> Result<Result<(Container, String), Problem>, Error> {
    let (path, named) = open::named(path);
    let file = Container::open(path)?;
    let arrays = file.list()?;
    let bare = |name: &str| name.trim_start_matches('/').to_owned();
    let called = |wanted: &str| {
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default() == wanted;
        arrays.iter().find(|array| last(&array.name))
    };
    let found = match (named, &arrays[..]) {
        (Some(named), _) => arrays.iter().find(|array| bare(&array.name) == bare(named)),
        (None, [only]) => Some(only),
        (None, _) => MASKS.iter().find_map(|name| called(name)),
    };
    match found {
        Some(array) => {
            let name = array.name.clone();
            Ok(Ok((file, name)))
        }
        None => {
            let names: Vec<String> = arrays.iter().map(|array| array.name.clone()).collect();
            let expected = "a file of one array, or of one called mask, or FILE::NAME";
            Ok(Err(Problem::new(mask::KEY, expected, names.join(", "))))
        }
    }
}

/// The mask of `n` patterns of shape `stored` that the options name, or what is wrong with it;
/// `None` where they name none.
pub(super) fn read(
    of: (usize, (usize, usize)),
    wanted: &Wanted<'_>,
) -> Result<Option<Result<Mask, Problem>>, Error> {
    let Some(path) = &wanted.options.experiment.detector.mask else { return Ok(None) };
    match mask_file(path)? {
        Ok((file, name)) => {
            masks::read((&file).into(), &name, of, wanted.options, wanted.storage).map(Some)
        }
        Err(problem) => Ok(Some(Err(problem))),
    }
}

/// The mask of a file of its own.
pub(super) fn apply(
    found: &mut Found,
    n: usize,
    stored: (usize, usize),
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let Some(path) = &wanted.options.experiment.detector.mask else { return Ok(()) };
    match read((n, stored), wanted)? {
        None => {}
        Some(Ok(mask)) => {
            let good = mask.good();
            let bad = good.iter().filter(|&&good| !good).count();
            notes.push(format!("mask: {bad} of {} pixels bad, by {}", good.len(), path.display()));
            found.mask = Some(mask);
            found.extras.retain(|(name, _)| name != mask::KEY);
        }
        Some(Err(problem)) => found.problems.push(problem),
    }
    Ok(())
}
