//! Virtual datasets, whose elements are in other datasets, mostly of other files: the parts that
//! are asked for are read from there, where the crate underneath reads all of it for each.

use std::path::PathBuf;

use rust_hdf5::format::messages::virtual_mapping::parse_source_name;
use rust_hdf5::{H5Dataset, Selection, VirtualMapping};

use super::guard::guarded;
use super::part::Wanted;
use super::spans::{Span, block, ended, spans};
use super::{Hdf5, packed, part};
use crate::Error;
use crate::npy::{Array, DType, write_values};

/// Virtual datasets in virtual datasets.
const MOST_NESTED: usize = 4;
/// How many times its elements what fills a virtual dataset may have: they do not overlap.
const MOST_OVERLAP: usize = 2;
/// Sources of one virtual dataset.
const MOST_SOURCES: usize = 1 << 20;

/// What fills a virtual dataset.
pub(super) struct Virtual {
    shape: Vec<usize>,
    dtype: DType,
    /// One element that nothing fills, little-endian.
    fill: Vec<u8>,
    pieces: Vec<Piece>,
}

/// Elements of another dataset, and their places.
struct Piece {
    /// The other file; `None` for this one.
    file: Option<PathBuf>,
    name: String,
    from: Selection,
    into: Vec<Span>,
}

impl Virtual {
    /// Looks at a virtual dataset of real numbers; `None` where its elements are not in an order
    /// that is followed here.
    pub(super) fn of(file: &Hdf5, name: &str, dataset: &H5Dataset) -> Result<Option<Self>, Error> {
        let shape = dataset.shape();
        let Some((dtype, big)) = part::real(dataset) else { return Ok(None) };
        let Ok(mappings) = guarded(|| dataset.virtual_mappings()) else { return Ok(None) };
        let mut pieces = Vec::new();
        for mapping in mappings {
            let Some(mut found) = sources(file, &mapping, &shape)? else { return Ok(None) };
            pieces.append(&mut found);
            if pieces.len() > MOST_SOURCES {
                return Ok(None);
            }
        }
        let elements = shape.iter().product::<usize>();
        let filled = pieces
            .iter()
            .flat_map(|piece| &piece.into)
            .fold(0, |all, span: &Span| usize::saturating_add(all, span.len()));
        if filled > elements.saturating_mul(MOST_OVERLAP) {
            let reason = format!("{filled} elements are put into shape {shape:?}");
            return Err(file.error(name, reason));
        }
        let mut fill = packed::blank(dataset, dtype.width());
        if big {
            fill.reverse();
        }
        Ok(Some(Self { shape, dtype, fill, pieces }))
    }

    /// The entries `first` to `first + count` along the first axis of the dataset `name`, inside
    /// so many others.
    pub(super) fn entries(
        &self,
        file: &Hdf5,
        name: &str,
        (first, count): (usize, usize),
        nested: usize,
    ) -> Result<Array, Error> {
        if nested == MOST_NESTED {
            let reason = format!(
                "it nests more than {MOST_NESTED} virtual datasets in each other, perhaps in a circle"
            );
            return Err(file.error(name, reason));
        }
        let width = self.dtype.width();
        let mut shape = self.shape.clone();
        shape[0] = count;
        let length = shape.iter().product::<usize>() * width;
        let mut out: Vec<u8> = self.fill.iter().copied().cycle().take(length).collect();
        for piece in &self.pieces {
            let from = piece.into.partition_point(|span| span.start[0] + span.count[0] <= first);
            let parts =
                piece.into[from..].iter().map_while(|span| span.within(first, first + count));
            let parts: Vec<Span> = parts.collect();
            let (Some(low), Some(high)) = (parts.first(), parts.last()) else { continue };
            let range = (low.before, high.before + high.len());
            let bytes = self.elements(file, piece, range, nested)?;
            for part in &parts {
                let at = (part.before - range.0) * width;
                put(&bytes[at..], part, first, (&shape, width), &mut out);
            }
        }
        part::from_bytes(shape, &self.dtype, &out).map_err(|reason| file.error(name, reason))
    }

    /// Elements of a piece, in their order, as this dataset has them.
    fn elements(
        &self,
        file: &Hdf5,
        piece: &Piece,
        (low, high): (usize, usize),
        nested: usize,
    ) -> Result<Vec<u8>, Error> {
        let opened;
        let source = match &piece.file {
            None => file,
            Some(path) => {
                opened = Hdf5::open(path)?;
                &opened
            }
        };
        let wrong = |reason: String| source.error(&piece.name, reason);
        let shape = source.shape(&piece.name)?;
        let shape =
            shape.ok_or_else(|| wrong("no such dataset, though another one names it".into()))?;
        let from = spans(&piece.from, &shape).unwrap_or_default();
        let total = |spans: &[Span]| spans.last().map_or(0, |span| span.before + span.len());
        if total(&from) != total(&piece.into) {
            return Err(wrong(format!(
                "a virtual dataset in {} takes {} elements from shape {shape:?}, where it has {}",
                file.path().display(),
                total(&piece.into),
                total(&from)
            )));
        }
        let width = self.dtype.width();
        let mut out = Vec::with_capacity((high - low) * width);
        let first = from.partition_point(|span| span.before + span.len() <= low);
        for span in from[first..].iter().take_while(|span| span.before < high) {
            let within = |at: usize| at.clamp(span.before, span.before + span.len());
            let (from, to) = (within(low), within(high));
            let taken = span.around(from - span.before, to - span.before);
            let wanted = Wanted { starts: &taken.start, counts: &taken.count, nested: nested + 1 };
            let values = source.part(&piece.name, &wanted)?;
            let values = part::as_dtype(values, &self.dtype).map_err(wrong)?;
            let mut bytes = Vec::with_capacity(taken.len() * width);
            write_values(&mut bytes, values.values())
                .map_err(|error| Error::io(source.path(), error))?;
            out.extend_from_slice(
                &bytes[(from - taken.before) * width..(to - taken.before) * width],
            );
        }
        Ok(out)
    }
}

/// What a mapping takes; `None` for one that is not followed here.
fn sources(
    file: &Hdf5,
    mapping: &VirtualMapping,
    shape: &[usize],
) -> Result<Option<Vec<Piece>>, Error> {
    let (Ok(files), Ok(names)) = (
        parse_source_name(&mapping.source_file_name),
        parse_source_name(&mapping.source_dset_name),
    ) else {
        return Ok(None);
    };
    let (from, into) = (&mapping.source_selection, &mapping.virtual_selection);
    let piece = |number: u64, from: Selection, into: &Selection| {
        let name = files.build(number);
        let file = (name != ".").then(|| file.beside(&name));
        spans(into, shape).map(|into| Piece { file, name: names.build(number), from, into })
    };
    let numbered = files.nsubs() + names.nsubs() > 0;
    Ok(match (from.unlim_dim(), into.unlim_dim()) {
        (None, None) => piece(0, from.clone(), into).map(|piece| vec![piece]),
        (None, Some(_)) if numbered => {
            let blocks = (0..MOST_SOURCES as u64).map_while(|number| {
                let into = block(into, number, shape)?;
                Some(piece(number, from.clone(), &into))
            });
            blocks.collect()
        }
        (Some(_), Some(_)) => {
            let name = files.build(0);
            let length = match name.as_str() {
                "." => file.shape(&names.build(0))?,
                name => Hdf5::open(file.beside(name))?.shape(&names.build(0))?,
            };
            let ends = ended((from, &length.unwrap_or_default()), (into, shape));
            ends.and_then(|(from, into)| piece(0, from, &into)).map(|piece| vec![piece])
        }
        _ => None,
    })
}

/// Puts the elements of a part to its place in entries that begin at `first`, of some shape and
/// width.
fn put(bytes: &[u8], part: &Span, first: usize, (shape, width): (&[usize], usize), out: &mut [u8]) {
    let last = shape.len() - 1;
    let row = part.count[last] * width;
    for (at, row) in bytes.chunks_exact(row).take(part.len() / part.count[last]).enumerate() {
        let mut rest = at;
        let mut place = if last == 0 { part.start[0] - first } else { part.start[last] };
        let mut stride = shape[last];
        for axis in (0..last).rev() {
            let start = part.start[axis] - if axis == 0 { first } else { 0 };
            place += (start + rest % part.count[axis]) * stride;
            rest /= part.count[axis];
            stride *= shape[axis];
        }
        out[place * width..][..row.len()].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn parts_are_those_of_the_whole() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-hdf5");
        let file = Hdf5::open(fixtures.join("virtual.h5")).unwrap();
        for name in ["stacked", "turns", "tiles", "raster", "nested", "endless", "numbered", "gaps"]
        {
            let dataset = file.dataset(name).unwrap().unwrap();
            let found = Virtual::of(&file, name, &dataset).unwrap().unwrap();
            let whole = file.read(name).unwrap().to_f64().unwrap();
            let count = dataset.shape()[0];
            let entry = whole.len() / count;
            for first in 0..count {
                for end in first + 1..=count {
                    let part = found.entries(&file, name, (first, end - first), 0).unwrap();
                    let expected = &whole[first * entry..end * entry];
                    assert_eq!(part.to_f64().unwrap(), expected, "{name} {first}..{end}");
                }
            }
        }
    }
}
