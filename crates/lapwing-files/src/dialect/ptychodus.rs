//! The pair of files of ptychodus and pty-chi: patterns in `dp` (n, H, W), intensity with the zero
//! frequency in the centre, and a product file with probe, object and positions. The two are joined
//! by **index**, not by order.
//!
//! The patterns alone, as PtychoShelves and its descendants have them too, are read where their
//! positions or a raster are described.

use std::collections::BTreeMap;
use std::path::Path;

use lapwing_model::Object;

use super::definition::Dialect;
use super::found::{Found, Names};
use super::product::{self, Product};
use super::shared::positions;
use super::stack::{Refusal, Stack};
use super::stored::{Rules, Stored};
use super::wanted::Wanted;
use super::{cube, stack};
use crate::container::ByteFormat;
use crate::hdf5;
use crate::options::{AxisOrder, Geometry, ReadOptions};
use crate::remarks::is_uniform;
use crate::{Container, Dataset, Error, Problem};

/// The array of the patterns.
pub(super) const DATA: &str = "dp";

/// The dialect.
pub(super) struct Ptychodus;

impl Dialect for Ptychodus {
    fn name(&self) -> &'static str {
        "ptychodus"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["pty-chi"]
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Hdf5
    }

    fn takes_companion(&self) -> bool {
        true
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[DATA]
    }

    /// A product alone is claimed too, to say that it is no data set on its own.
    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        let file = file.hdf5()?;
        Ok(file.contains(DATA)? || product::is_product(file)?)
    }

    fn find(
        &self,
        container: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (file, options) = (container.hdf5()?, wanted.options);
        let contract = |problems| Error::Contract { path: file.path().to_owned(), problems };
        if !file.contains(DATA)? {
            let expected = "(n, H, W) intensities; name the file of the patterns, and this one as its companion (--companion)";
            return Err(contract(vec![Problem::new(DATA, expected, "a product file")]));
        }
        let Some(companion) = &options.companion else {
            let scan = &options.experiment.scan;
            if scan.positions.is_none() && scan.shape.is_none() && scan.step_m.is_none() {
                let expected = "the product file that belongs to these patterns (--companion FILE), \
                                or their positions (--positions FILE::NAME), or a raster \
                                (--scan-shape NY,NX and --scan-step-m METRES)";
                let found = "patterns only: no probe, no positions";
                return Err(contract(vec![Problem::new("companion", expected, found)]));
            }
            let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
            cube::take(&mut found, container, (DATA, DATA), None, wanted, notes)?;
            return Ok(found);
        };
        let mut product = Product::read(companion)?;
        notes.push(format!("probe, object and positions: from {}", companion.display()));
        notes.append(&mut product.notes);
        let Joined { stack, join } = patterns(container, &product, wanted, notes)?;

        let told = options.pixel_size.filter(|&size| size > 0.0 && size.is_finite());
        let written_pixel = Some(product.pixel_size);
        if let Some(told) = told {
            notes.push(format!("object pixel: {told:e} m, as specified"));
            product.pixel_size = (told, told);
        }
        let pattern = stack.pattern_shape();
        let object_shape = product.object.as_ref().map_or(pattern, Object::shape);
        // Signs and order are of the metres; the object's centre comes after.
        let (rows, columns) = join.positions.into_iter().unzip();
        product.positions =
            positions(rows, columns, options, notes).iter().map(|p| (p.y, p.x)).collect();
        let scan = product.on_object(object_shape, pattern);
        let pixel = product.pixel_size;
        notes.push(format!(
            "positions: metres from the object's centre, divided by the object pixel ({:e}, {:e}) m along (y, x)",
            pixel.0, pixel.1
        ));
        // A product has an object even where nobody knows it.
        if product.object.as_ref().is_some_and(is_uniform) {
            product.object = None;
            notes.push("object: the same everywhere, a placeholder; left out".to_owned());
        }
        let left_out = |name: &str| options.leaves_out(name);
        let probe = (!left_out("probe")).then(|| stack.in_its_unit(product.probe, notes));
        let indexes: Vec<i64> = join.patterns.iter().map(|&index| index as i64).collect();
        Ok(Found {
            stack: Some(stack),
            scan: Some(scan),
            object: product.object.filter(|_| !left_out("object")),
            probe,
            geometry: Some(Geometry::FarField),
            pixel: Some(pixel),
            written_pixel,
            in_metres: true,
            frames: Some(indexes),
            companion: Some(companion.clone()),
            names: Names {
                scan: Some("positions"),
                probe: Some("probe"),
                object: Some("object"),
                windows: Some("positions"),
            },
            converted: true,
            ..Found::default()
        })
    }
}

/// Writes the patterns of a data set as ptychodus and pty-chi have them, `dp` (n, H, W): photon
/// counts where they are known, else squared amplitudes, the zero frequency in the centre.
///
/// # Errors
/// Whatever keeps the file from being written.
pub fn write_dp(dataset: &Dataset, path: impl AsRef<Path>) -> Result<(), Error> {
    let intensity = dataset.intensities()?;
    hdf5::write(path.as_ref(), |file| file.frames(DATA, intensity.dim().into(), intensity.values()))
}

/// Patterns that have a position, and what joined them to theirs.
struct Joined {
    stack: Stack,
    join: Join,
}

fn patterns(
    container: &Container,
    product: &Product,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<Joined, Error> {
    let (file, options) = (container.hdf5()?, wanted.options);
    let contract = |problems| Error::Contract { path: file.path().to_owned(), problems };
    let shape = file.shape(DATA)?.unwrap_or_default();
    let [n, height, width] = *shape.as_slice() else {
        return Err(contract(vec![Problem::new(DATA, "(n, H, W)", format!("shape {shape:?}"))]));
    };
    if options.axis_order == Some(AxisOrder::PatternLast) {
        let found = "(H, W, n) as specified, which this dialect does not have";
        return Err(contract(vec![Problem::new(DATA, "(n, H, W)", found)]));
    }
    let mut problems = Vec::new();
    let join = Join::of(product, n, notes, &mut problems);
    if !problems.is_empty() {
        return Err(contract(problems));
    }
    let kept = (join.patterns.len() < n).then_some(join.patterns.as_slice());
    let plain = Stored::plain(container, &[DATA], [n, height, width]);
    let stored = Stored { kept, ..plain };
    match stack::read_from(&stored, &Rules::counts(DATA), wanted, notes)? {
        Ok(stack) => Ok(Joined { stack, join }),
        Err(Refusal::Problems(found)) => Err(contract(found)),
        Err(Refusal::Ambiguous(question)) => Err(question.about(file.path())),
    }
}

/// Patterns that have a position, in their order, and their positions.
struct Join {
    patterns: Vec<usize>,
    /// (y, x), metres.
    positions: Vec<(f64, f64)>,
}

impl Join {
    /// Joins positions to patterns by index. Several positions of one pattern are averaged, as
    /// ptychodus does; patterns without a position and positions without a pattern are dropped, and
    /// said so.
    fn of(
        product: &Product,
        n: usize,
        notes: &mut Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut found: BTreeMap<i64, (f64, f64, usize)> = BTreeMap::new();
        for (&index, &(y, x)) in product.indexes.iter().zip(&product.positions) {
            let entry = found.entry(index).or_default();
            *entry = (entry.0 + y, entry.1 + x, entry.2 + 1);
        }
        let key = "probe_position_indexes";
        if found.len() == 1 && product.indexes.len() > 1 {
            let all = format!("{} times {}", product.indexes.len(), product.indexes[0]);
            problems.push(Problem::new(key, "the index of the pattern of each position", all));
        }
        let several = found.values().filter(|entry| entry.2 > 1).count();
        if several > 0 {
            notes.push(format!("{key}: {several} patterns have several positions; averaged"));
        }
        let known = found.iter().filter_map(|(&index, &(y, x, count))| {
            let index = usize::try_from(index).ok().filter(|&index| index < n)?;
            Some((index, (y / count as f64, x / count as f64)))
        });
        let (patterns, positions): (Vec<usize>, Vec<(f64, f64)>) = known.unzip();
        if patterns.is_empty() {
            let expected = format!("indexes of the {n} patterns, from 0");
            problems.push(Problem::new(key, expected, "none that belongs to a pattern"));
        }
        let strangers = found.len() - patterns.len();
        if strangers > 0 {
            notes.push(format!("{key}: {strangers} positions belong to no pattern; left out"));
        }
        if patterns.len() < n {
            notes.push(format!(
                "{DATA}: {} patterns have no position; left out",
                n - patterns.len()
            ));
        }
        if product.indexes.iter().zip(0..).any(|(&index, place)| index != place) {
            notes.push(format!("{key}: positions joined to patterns by index, not by order"));
        }
        Self { patterns, positions }
    }
}
