//! The second file of a scan whose start probe is elsewhere.

use std::path::Path;

use lapwing_model::Modes;

use super::product::{self, Product};
use crate::reconstruction::{axes, is_complex, probe_name, probe_of};
use crate::{ArrayInfo, Container, Error, Problem, open};

/// Most names of arrays that a refusal lists.
const LISTED: usize = 8;

/// The probe of a second file of any kind that is read: a product of ptychodus, an array of a usual
/// name, the only complex one that may be a probe, or that of `FILE::NAME`.
pub(super) fn probe(path: &Path, notes: &mut Vec<String>) -> Result<Modes, Error> {
    notes.push(format!("probe: from {}", path.display()));
    let (path, named) = open::named(path);
    let file = Container::open(path)?;
    if let (Container::Hdf5(hdf5), None) = (&file, named)
        && product::is_product(hdf5)?
    {
        let product = Product::read(path)?;
        notes.extend(product.notes);
        return Ok(product.probe);
    }
    let arrays = file.list()?;
    let name = match named {
        Some(name) => Some(name.to_owned()),
        None => probe_name(&file)?,
    };
    let may_be = |array: &&ArrayInfo| is_complex(array) && matches!(axes(array), 2..=3);
    let only = || {
        let mut candidates = arrays.iter().filter(may_be);
        candidates.next().filter(|_| candidates.next().is_none()).map(|array| array.name.clone())
    };
    let name = name.or_else(only);
    let bare = |name: &str| name.trim_start_matches('/').to_owned();
    let found = name.and_then(|name| arrays.iter().find(|array| bare(&array.name) == bare(&name)));
    match found {
        Some(array) if is_complex(array) => probe_of(&file, &array.name),
        other => Err(refused(path, other, &arrays)),
    }
}

/// Why there is no probe: the array that was meant is none, or none can be told among `arrays`.
fn refused(path: &Path, meant: Option<&ArrayInfo>, arrays: &[ArrayInfo]) -> Error {
    let described = |array: &ArrayInfo| {
        format!("{} ({} {:?})", array.name, array.dtype, array.shape).trim().to_owned()
    };
    let found = match meant {
        Some(array) => described(array),
        None if arrays.is_empty() => "no array".to_owned(),
        None => {
            let more = if arrays.len() > LISTED { ", ..." } else { "" };
            let listed: Vec<String> = arrays.iter().take(LISTED).map(described).collect();
            listed.join(", ") + more
        }
    };
    let expected = "a start probe, complex numbers (H, W) or (modes, H, W), named probe, probeGuess \
                    or reconstructed_probe, or its array as FILE::NAME";
    let problems = vec![Problem::new("companion", expected, found)];
    Error::Contract { path: path.to_owned(), problems }
}
