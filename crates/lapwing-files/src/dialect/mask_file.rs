//! The mask that a file of its own brings.

use std::path::Path;

use super::masks;
use super::shared::holds;
use super::stored::StackFile;
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

/// The mask of the patterns of a file, where the options name one or an array of it is called so:
/// what says, before anything is made of the patterns, which of their numbers do not matter; or
/// what is wrong with it.
pub(super) fn said(
    file: StackFile<'_>,
    of: (usize, (usize, usize)),
    wanted: &Wanted<'_>,
) -> Result<Option<Result<Mask, Problem>>, Error> {
    if let Some(named) = read(of, wanted)? {
        return Ok(Some(named));
    }
    match file {
        StackFile::Archive(archive) if holds(archive, mask::KEY, wanted.options) => {
            masks::read(file, mask::KEY, of, wanted.options, wanted.storage).map(Some)
        }
        _ => Ok(None),
    }
}
