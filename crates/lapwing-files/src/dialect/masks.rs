//! Masks as they lie in files: those of a layer for each pattern, which are as large as the
//! patterns, are read piece by piece where patterns are.

use super::shared::holds;
use super::stored::StackFile;
use super::wanted::Wanted;
use crate::mask::{self, Mask, MaskSpool};
use crate::npy::{self, DType, Header};
use crate::options::{MaskGood, ReadOptions};
use crate::parts::everything;
use crate::patterns::Storage;
use crate::{Archive, Error, Problem};

/// Numbers of an archive that are read together.
const BLOCK: usize = 1 << 20;

/// The mask of `n` patterns of shape `pattern` that the array `name` holds, or what is wrong with
/// it; in a scratch file where the patterns are and it has a layer for each.
pub(super) fn read(
    file: StackFile<'_>,
    name: &str,
    of: (usize, (usize, usize)),
    options: &ReadOptions,
    storage: &Storage,
) -> Result<Result<Mask, Problem>, Error> {
    if let Some(spooled) = spooled(file, &[name], of, options.mask_good, storage, |number| number)?
    {
        return Ok(spooled);
    }
    let array = match file {
        StackFile::Archive(archive) => archive.read(name)?,
        StackFile::Other(file) => file.read(name)?,
    };
    Ok(Mask::told(array, of.0, of.1, options.mask_good))
}

/// The mask that lies beside the patterns of an archive, so many `of` a shape, where it has a layer
/// for each and goes to a scratch file; else it is one of the extra arrays.
pub(super) fn beside(
    archive: &Archive,
    of: Option<(usize, (usize, usize))>,
    wanted: &Wanted<'_>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Mask>, Error> {
    let (options, file) = (wanted.options, StackFile::Archive(archive));
    let Some(of) = of.filter(|_| holds(archive, mask::KEY, options)) else { return Ok(None) };
    match spooled(file, &[mask::KEY], of, options.mask_good, wanted.storage, |number| number)? {
        Some(Ok(mask)) => return Ok(Some(mask)),
        Some(Err(problem)) => problems.push(problem),
        None => {}
    }
    Ok(None)
}

/// The mask of layers in arrays one behind the other, each number as `as_flag` has it, in a scratch
/// file; `None` where it is none of a layer for each pattern, or belongs in memory.
pub(super) fn spooled(
    file: StackFile<'_>,
    names: &[&str],
    (n, pattern): (usize, (usize, usize)),
    meant: Option<MaskGood>,
    storage: &Storage,
    as_flag: impl Fn(f32) -> f32,
) -> Result<Option<Result<Mask, Problem>>, Error> {
    if *storage == Storage::Memory || n < 2 {
        return Ok(None);
    }
    if !fits(file, names, n, pattern)? {
        return Ok(None);
    }
    let mut spool = MaskSpool::new(storage, (n, pattern), meant)?;
    let mut append = |dtype: &DType, numbers: &[f32]| {
        let flags: Vec<f32> = numbers.iter().map(|&number| as_flag(number)).collect();
        spool.append(dtype, &flags)
    };
    for name in names {
        match file {
            StackFile::Archive(archive) => {
                let header = archive.header(name)?;
                let all = everything(header.count());
                archive.blocks_f32::<Error>(name, BLOCK, &all, &mut |_, numbers| {
                    append(&header.dtype, numbers)
                })?;
            }
            StackFile::Other(file) => {
                let all = everything(file.shape(name)?.unwrap_or_default().iter().product());
                file.parts(name, &all, &mut |_, part| {
                    let dtype = part.dtype();
                    append(&dtype, &part.into_f32().map_err(|source| file.unfit(name, source))?)
                })?;
            }
        }
    }
    spool.finish().map(Some)
}

/// Whether arrays of numbers or truth values are together a layer for each of `n` patterns, and can
/// be read piece by piece.
fn fits(
    file: StackFile<'_>,
    names: &[&str],
    n: usize,
    (height, width): (usize, usize),
) -> Result<bool, Error> {
    let mut layers = 0_usize;
    for name in names {
        let (shape, real) = match file {
            StackFile::Archive(archive) => {
                let Header { shape, dtype, .. } = &archive.header(name)?;
                let real = *dtype == DType::Bool || dtype.is_integer() || dtype.is_float();
                (shape.clone(), real && npy::in_order(&archive.header(name)?))
            }
            StackFile::Other(file) => {
                let Some(array) = file.list()?.into_iter().find(|array| array.name == *name) else {
                    return Ok(false);
                };
                let kind = array.dtype.trim_start_matches(['<', '>', '|', '=']);
                (array.shape, kind.starts_with(['b', 'i', 'u', 'f']))
            }
        };
        match shape[..] {
            [count, y, x] if real && (y, x) == (height, width) => {
                layers = layers.saturating_add(count);
            }
            _ => return Ok(false),
        }
    }
    Ok(layers == n)
}
