//! The pair of files of ptychodus and pty-chi: patterns in `dp` (n, H, W), intensity with the zero
//! frequency in the centre, and a product file with probe, object and positions. The two are joined
//! by **index**, not by order.

use std::collections::BTreeMap;

use serde_json::json;

use super::geometry::record_pixel;
use super::product::{self, Product};
use super::stack::{Refusal, Rules};
use super::{
    AxisOrder, Dialect, Geometry, Quantity, ReadOptions, Understanding, ZeroFrequency, positions,
    stack,
};
use crate::dataset::scaled;
use crate::hdf5::Hdf5;
use crate::npy::{Array, Values};
use crate::{Dataset, Error, Metadata, Problem, contract, metadata};

const DATA: &str = "dp";
/// The pattern that each position belongs to, kept as an extra.
const SCAN_INDEX: &str = "scan_index";

pub(super) fn is_patterns(file: &Hdf5) -> Result<bool, Error> {
    file.contains(DATA)
}

pub(super) fn read(file: &Hdf5, options: &ReadOptions) -> Result<(Dataset, Understanding), Error> {
    let contract = |problems| Error::Contract { path: file.path().to_owned(), problems };
    if !file.contains(DATA)? {
        let expected = "(n, H, W) intensities; name the file of the patterns, and this one as its companion (--companion)";
        return Err(contract(vec![Problem::new(DATA, expected, "a product file")]));
    }
    let Some(companion) = &options.companion else {
        let expected = "the product file that belongs to these patterns (--companion FILE)";
        return Err(contract(vec![Problem::new(
            "companion",
            expected,
            "patterns only: no probe, no positions",
        )]));
    };
    let arrays = file.list()?;
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    let product = Product::read(companion)?;
    notes.push(format!("probe, object and positions: from {}", companion.display()));
    notes.extend(product.notes.iter().cloned());

    let shape = file.shape(DATA)?.unwrap_or_default();
    let [n, height, width] = *shape.as_slice() else {
        return Err(contract(vec![Problem::new(DATA, "(n, H, W)", format!("shape {shape:?}"))]));
    };
    if options.axis_order == Some(AxisOrder::PatternLast) {
        let found = "(H, W, n) as told, which this dialect does not have";
        return Err(contract(vec![Problem::new(DATA, "(n, H, W)", found)]));
    }
    let join = Join::of(&product, n, &mut notes, &mut problems);
    let array = file.read(DATA)?;
    if let Some(problem) = stack::wrong_kind(DATA, &array.dtype()) {
        problems.push(problem);
        return Err(contract(problems));
    }
    let array = match join.patterns.len() == n {
        true => array,
        false => array
            .select(&join.patterns)
            .map_err(|error| Error::hdf5(file.path(), DATA, error.to_string()))?,
    };
    if !problems.is_empty() {
        return Err(contract(problems));
    }
    let rules = Rules {
        key: DATA,
        floats: Some(Quantity::Intensity),
        integers: Quantity::Counts,
        zero_frequency: ZeroFrequency::Centre,
    };
    let stack = match stack::read(array, AxisOrder::PatternFirst, &rules, options, &mut notes) {
        Ok(stack) => stack,
        Err(Refusal::Problems(found)) => return Err(contract(found)),
        Err(Refusal::Ambiguous(question)) => return Err(question.about(file.path())),
    };

    let pattern = (height, width);
    let told = options.pixel_size.filter(|&size| size > 0.0 && size.is_finite());
    if let Some(told) = told {
        notes.push(format!(
            "object pixel: {told:e} m, as told, instead of {:?}",
            product.pixel_size
        ));
    }
    let product =
        Product { pixel_size: told.map_or(product.pixel_size, |size| (size, size)), ..product };
    let object_shape = product.object.as_ref().map_or(pattern, |object| object.dim());
    // Signs and order are of the metres; the object's centre comes after.
    let metres = join.positions;
    let (rows, columns) = metres.iter().copied().unzip();
    let metres: Vec<(f64, f64)> =
        positions(rows, columns, options, &mut notes).iter().map(|p| (p.y, p.x)).collect();
    let pixel_size = product.pixel_size;
    let scan = Product { positions: metres, ..product.clone() }.on_object(object_shape, pattern);
    notes.push(format!(
        "positions: metres from the object's centre, divided by the object pixel ({:e}, {:e}) m along (y, x)",
        pixel_size.0, pixel_size.1
    ));
    let leave_out = |name: &str| options.leave_out.iter().any(|left| left == name);
    let object = product.object.filter(|_| !leave_out("object"));
    let probe = (!leave_out("probe")).then_some(product.probe).map(|modes| match stack.scale {
        Some(scale) => {
            notes.push(format!("probe: divided by {scale}, like the amplitudes"));
            scaled(modes, (1.0 / scale) as f32)
        }
        None => modes,
    });
    problems.extend(
        contract::scan(&scan).into_iter().map(|p| Problem { key: "positions".into(), ..p }),
    );
    if let Some(modes) = &probe {
        let found = contract::probe(modes, pattern);
        problems.extend(found.into_iter().map(|p| Problem { key: "probe".into(), ..p }));
    }
    if let Some(object) = &object {
        problems.extend(
            contract::object(object).into_iter().map(|p| Problem { key: "object".into(), ..p }),
        );
        let found = contract::windows(&scan, pattern, object.dim());
        problems.extend(found.into_iter().map(|p| Problem { key: "positions".into(), ..p }));
    }
    if !problems.is_empty() {
        return Err(contract(problems));
    }

    let mut metadata = Metadata::new();
    if let Some(scale) = stack.scale {
        metadata::set_physics_parameter(&mut metadata, "intensity_scale", scale);
        metadata::set_physics_parameter(&mut metadata, "nphotons", scale * scale);
    }
    record_pixel(&mut metadata, pixel_size);
    let parameters = json!({
        "dialect": Dialect::Ptychodus, "quantity": stack.quantity, "zero_frequency": stack.zero_frequency,
        "companion": companion, "notes": notes,
    });
    metadata::append_transformation(&mut metadata, "lapwing", "read", parameters);
    let indexes: Vec<i64> = join.patterns.iter().map(|&index| index as i64).collect();
    let extras = Array::new(vec![indexes.len()], Values::I64(indexes)).ok();
    let dataset = Dataset {
        diffraction: stack.amplitude,
        scan,
        object,
        probe,
        metadata: Some(metadata),
        extras: extras.map(|array| (SCAN_INDEX.to_owned(), array)).into_iter().collect(),
    };
    let understanding = Understanding {
        dialect: Dialect::Ptychodus,
        axis_order: AxisOrder::PatternFirst,
        quantity: stack.quantity,
        zero_frequency: stack.zero_frequency,
        geometry: Some(options.geometry.unwrap_or(Geometry::FarField)),
        n_patterns: dataset.n_patterns(),
        pattern_shape: pattern,
        pixel_size_m: Some(pixel_size),
        mean_counts_per_pattern: dataset.intensity_scale().map(|_| dataset.mean_intensity()),
        notes,
        arrays,
    };
    Ok((dataset, understanding))
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

/// Whether a file is a product, which is no data set on its own.
pub(super) fn is_product(file: &Hdf5) -> Result<bool, Error> {
    product::is_product(file)
}
