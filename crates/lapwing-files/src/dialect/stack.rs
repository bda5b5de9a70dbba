//! The stack of patterns: from any order, quantity and place of the zero frequency to centred
//! amplitudes.

use std::path::Path;

use lapwing_model::Modes;
use ndarray::{Array3, ArrayView2, Ix3};
use rayon::prelude::*;

use super::clean::{Cleaned, Largest, clean};
use super::{AxisOrder, Quantity, ReadOptions, ZeroFrequency};
use crate::contract::{Amplitudes, is_amplitude};
use crate::dataset::{amplitudes_in_place, scaled};
use crate::npy::{self, Array, DType, Header, NpyError};
use crate::order::{centre, centre_of};
use crate::photons::Photons;
use crate::remarks::Remark;
use crate::{Archive, Error, Problem, bulk};

/// What a dialect says about its patterns.
pub(super) struct Rules {
    /// The array's name, for messages.
    pub key: &'static str,
    /// What floating-point numbers are; `None` when only the user can know.
    pub floats: Option<Quantity>,
    /// What whole numbers are.
    pub integers: Quantity,
    pub zero_frequency: ZeroFrequency,
}

impl Rules {
    /// Of detectors: whole numbers are counts, others intensities, with the zero frequency in the
    /// centre.
    pub(super) const fn counts(key: &'static str) -> Self {
        Self {
            key,
            floats: Some(Quantity::Intensity),
            integers: Quantity::Counts,
            zero_frequency: ZeroFrequency::Centre,
        }
    }
}

/// Patterns in an archive: an array that is known to have three axes, others being of length 1.
pub(super) struct Stored<'a> {
    pub archive: &'a Archive,
    /// Its name in the archive.
    pub name: &'a str,
    pub header: &'a Header,
    /// Lengths of the three axes.
    pub shape: [usize; 3],
    pub order: AxisOrder,
    /// Which pixels a mask of the file calls good, axes (1 or pattern, y, x).
    pub good: Option<&'a Array3<bool>>,
}

/// Patterns in the project's conventions, and how the file had them.
pub(super) struct Stack {
    pub amplitude: Array3<f32>,
    /// Order of the axes in the file.
    pub order: AxisOrder,
    pub quantity: Quantity,
    pub zero_frequency: ZeroFrequency,
    /// The scale s of counts = (s x amplitude)^2, when the file holds counts.
    pub scale: Option<f64>,
    /// Pixels that were found to be bad, axes (1 or pattern, y, x).
    pub bad: Option<Array3<bool>>,
    /// What was remarked on while the numbers were read.
    pub remarks: Vec<Remark>,
    /// That scale where nobody said that these are counts, but they look like it.
    pub found_scale: Option<f64>,
    /// Of patterns that stay in their file, the sum of the squared amplitudes of each; `amplitude`
    /// has none of them then.
    pub sums_in_file: Option<Vec<f64>>,
}

/// Why there is no stack.
pub(super) enum Refusal {
    Problems(Vec<Problem>),
    Ambiguous(Question),
}

/// What cannot be decided about an array, and what to say to decide it.
pub(super) struct Question {
    pub key: &'static str,
    pub reason: String,
    pub remedy: &'static str,
}

impl Stack {
    /// Shape of a pattern, (height, width).
    pub(super) fn pattern_shape(&self) -> (usize, usize) {
        let (_, height, width) = self.amplitude.dim();
        (height, width)
    }

    /// Number of patterns.
    pub(super) fn n_patterns(&self) -> usize {
        self.sums_in_file.as_ref().map_or(self.amplitude.dim().0, Vec::len)
    }

    /// A probe in the unit of the patterns of the file, in that of the amplitudes.
    pub(super) fn in_its_unit(&self, probe: Modes, notes: &mut Vec<String>) -> Modes {
        let Some(scale) = self.scale else { return probe };
        notes.push(format!("probe: divided by {scale}, like the amplitudes"));
        scaled(probe, (1.0 / scale) as f32)
    }
}

impl Question {
    /// The question as the error of a file.
    pub(super) fn about(self, path: &Path) -> Error {
        let Self { key, reason, remedy } = self;
        Error::Ambiguous {
            path: path.to_owned(),
            key: key.to_owned(),
            reason,
            remedy: remedy.to_owned(),
        }
    }
}

/// The patterns of an archive. They are converted and put in order while they are read, so that no
/// second copy of them is ever in memory.
pub(super) fn read_from(
    stored: &Stored<'_>,
    rules: &Rules,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Result<Stack, Refusal>, Error> {
    let &Stored { archive, name, header, shape, order, good } = stored;
    if let Some(problem) = wrong_kind(rules.key, &header.dtype) {
        return Ok(Err(Refusal::Problems(vec![problem])));
    }
    let first = header.shape.len() - 3;
    let mut axes: Vec<usize> = (0..header.shape.len()).collect();
    let mut wanted = shape;
    if order == AxisOrder::PatternLast {
        axes[first..].rotate_right(1);
        wanted.rotate_right(1);
    }
    let values = archive.read_f32_in_order(name, &axes)?;
    // Only axes of length 1 disappear, or those of a raster become one.
    let values = values.into_shape_with_order(wanted).map_err(|error| Error::Array {
        path: archive.path().to_owned(),
        key: name.to_owned(),
        source: NpyError::Shape(error.to_string()),
    })?;
    Ok(convert(values, &header.dtype, order, good, rules, options, notes))
}

/// Values looked at together.
const BLOCK: usize = 1 << 19;

/// Whole patterns that are looked at together, in values.
pub(super) fn block((_, height, width): (usize, usize, usize)) -> usize {
    let pixels = height.saturating_mul(width).max(1);
    (BLOCK / pixels).max(1) * pixels
}

/// Whether the square root of what a file holds is the amplitude, up to a factor.
pub(super) fn is_root(quantity: Quantity) -> bool {
    quantity != Quantity::Amplitude
}

/// [`read_from`] for patterns that stay in the file: one pass checks them all.
pub(super) fn look_through(
    stored: &Stored<'_>,
    rules: &Rules,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Result<Stack, Refusal>, Error> {
    let &Stored { archive, header, shape, order, good, .. } = stored;
    let (key, dtype) = (rules.key, &header.dtype);
    let refused = |reason: &str| {
        let reason = format!(
            "{reason}; save {key} as (n, H, W) in C order, amplitude with the zero frequency in the centre"
        );
        Error::NotInPieces { path: archive.path().to_owned(), reason }
    };
    if order == AxisOrder::PatternLast || !npy::in_order(header) {
        return Err(refused("one pattern is not stored behind the other"));
    }
    if options.zero_frequency.unwrap_or(rules.zero_frequency) == ZeroFrequency::Corner {
        return Err(refused("their zero frequency is in the corner"));
    }
    if options.quantity == Some(Quantity::Counts) {
        return Err(refused("they are counts, whose scale is known only when all were read"));
    }
    note_form(dtype, order, key, notes);

    let [n, height, width] = shape;
    let dim = (n, height, width);
    // What the numbers are is a matter of their dtype, not of their values, which only bring a
    // note.
    let root = options.quantity.map_or(dtype.is_integer(), is_root);
    let mut check = Amplitudes::new(dim);
    let mut brightness = Brightness::new(dim);
    let mut photons = Photons::new(n);
    let (mut sums, mut squares) = (Vec::new(), Vec::new());
    let (mut fractions, mut above_one, mut sentinels) = (false, false, false);
    let largest = Largest::of(dtype);
    archive.blocks_f32::<Error>(key, block(dim), &mut |values| {
        match values.iter().all(|&value| is_amplitude(value)) {
            true => check.pass(values.len()),
            false => check.see(values.iter().copied()),
        }
        fractions = fractions || values.iter().any(|value| value.fract() != 0.0);
        above_one = above_one || values.iter().any(|&value| value > 1.0);
        sentinels = sentinels || values.iter().any(|&value| largest.is(value));
        let first = sums.len();
        let each: Vec<(f64, f64)> = values
            .par_chunks_exact(height * width)
            .map(|pattern| {
                let amplitude = |value: f32| if root { value.sqrt() } else { value };
                (
                    pattern.iter().map(|&value| f64::from(value)).sum(),
                    pattern.iter().map(|&value| f64::from(amplitude(value)).powi(2)).sum(),
                )
            })
            .collect();
        for (place, (sum, square)) in each.into_iter().enumerate() {
            let pattern = &values[place * height * width..(place + 1) * height * width];
            if let Ok(pattern) = ArrayView2::from_shape((height, width), pattern) {
                brightness.see(first + place, pattern);
                photons.see(
                    first + place,
                    pattern,
                    |value| if root { value.sqrt() } else { value },
                );
            }
            sums.push(sum);
            squares.push(square);
        }
        Ok(())
    })?;
    let problems = check.problems();
    let told = options.mask_hot || options.mask_negative || options.clip_negative;
    if sentinels || (!problems.is_empty() && (told || good.is_some())) {
        return Err(refused("some pixels hold no measurement and have to be taken out"));
    }
    if !problems.is_empty() {
        return Ok(Err(Refusal::Problems(named(problems, key))));
    }
    let quantity = match quantity(|| !fractions && above_one, dtype, rules, options, notes) {
        Ok(quantity) => quantity,
        Err(refusal) => return Ok(Err(refusal)),
    };
    brightness.note(key, notes);
    if root {
        note_root(key, notes);
    }
    Ok(Ok(Stack {
        amplitude: Array3::zeros((0, height, width)),
        order,
        quantity,
        zero_frequency: ZeroFrequency::Centre,
        scale: None,
        bad: None,
        remarks: Vec::new(),
        found_scale: options.quantity.is_none().then(|| photons.scale()).flatten(),
        sums_in_file: Some(squares),
    }))
}

/// [`read_from`] for an array in memory, which is known to have three axes.
pub(super) fn read(
    array: Array,
    order: AxisOrder,
    rules: &Rules,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Stack, Refusal> {
    let dtype = array.dtype();
    if let Some(problem) = wrong_kind(rules.key, &dtype) {
        return Err(Refusal::Problems(vec![problem]));
    }
    let unreadable = |error: NpyError| {
        Refusal::Problems(vec![Problem::new(
            rules.key,
            "three axes of real numbers",
            error.to_string(),
        )])
    };
    let mut values = array.into_f32_array::<Ix3>().map_err(unreadable)?;
    if order == AxisOrder::PatternLast {
        values = values.permuted_axes([2, 0, 1]).as_standard_layout().into_owned();
    }
    convert(values, &dtype, order, None, rules, options, notes)
}

/// Patterns that are in the order (n, H, W) already, whatever they were and had in the file, as the
/// project has them.
fn convert(
    mut values: Array3<f32>,
    dtype: &DType,
    order: AxisOrder,
    good: Option<&Array3<bool>>,
    rules: &Rules,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Stack, Refusal> {
    note_form(dtype, order, rules.key, notes);
    let options = &calibrated(&mut values, rules.key, options, notes);
    if values.is_empty() {
        let problems = crate::contract::diffraction(&values);
        return Err(Refusal::Problems(named(problems, rules.key)));
    }
    let Cleaned { mut bad, remarks } =
        clean(&mut values, dtype, good, rules.key, options).map_err(Refusal::Problems)?;

    let whole = || {
        bulk::all(&values, |value| value.fract() == 0.0) && values.iter().any(|&value| value > 1.0)
    };
    let quantity = quantity(whole, dtype, rules, options, notes)?;
    let zero_frequency = options.zero_frequency.unwrap_or(rules.zero_frequency);
    if zero_frequency == ZeroFrequency::Corner {
        centre(&mut values);
        bad.iter_mut().for_each(centre_of);
        notes.push(format!("{}: zero frequency moved from the corner to the centre", rules.key));
    }
    let mut brightness = Brightness::new(values.dim());
    values.outer_iter().enumerate().for_each(|(index, pattern)| brightness.see(index, pattern));
    brightness.note(rules.key, notes);
    let scale = match quantity {
        Quantity::Amplitude => None,
        Quantity::Intensity => {
            bulk::replace(&mut values, f32::sqrt);
            note_root(rules.key, notes);
            None
        }
        Quantity::Counts => {
            let scale = amplitudes_in_place(&mut values);
            notes.push(format!(
                "{}: counts converted to amplitude, sqrt(counts) / {scale}, so that the mean summed intensity is 1",
                rules.key
            ));
            Some(scale)
        }
    };
    let mut photons = Photons::new(values.dim().0);
    if scale.is_none() && options.quantity.is_none() {
        let patterns = values.outer_iter().enumerate();
        patterns.for_each(|(index, pattern)| photons.see(index, pattern, |value| value));
    }
    Ok(Stack {
        amplitude: values,
        order,
        quantity,
        zero_frequency,
        scale,
        bad,
        remarks,
        found_scale: photons.scale(),
        sums_in_file: None,
    })
}

/// Takes the dark level away and divides by what one photon or electron makes; what is then counts
/// is said so in the options.
fn calibrated(
    values: &mut Array3<f32>,
    key: &str,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> ReadOptions {
    let mut options = options.clone();
    let numbers = &options.experiment.patterns;
    let (dark, gain) = (numbers.dark_level, numbers.counts_per_quantum);
    if dark.is_none() && gain.is_none() {
        return options;
    }
    let (level, each) = (dark.unwrap_or(0.0) as f32, gain.unwrap_or(1.0) as f32);
    bulk::replace(values, |value| {
        let above = value - level;
        if dark.is_some() && above < 0.0 { 0.0 } else { above / each }
    });
    notes.push(format!("{key}: {level} subtracted and divided by {each}, as specified"));
    if gain.is_some() && options.quantity.is_none() {
        options.quantity = Some(Quantity::Counts);
    }
    options
}

fn note_form(dtype: &DType, order: AxisOrder, key: &str, notes: &mut Vec<String>) {
    if *dtype != DType::F32 {
        notes.push(format!("{key}: {dtype} converted to float32"));
    }
    if order == AxisOrder::PatternLast {
        notes.push(format!("{key}: axes (H, W, n) reordered to (n, H, W)"));
    }
}

fn note_root(key: &str, notes: &mut Vec<String>) {
    notes.push(format!("{key}: intensity converted to amplitude by the square root"));
}

/// Problems of the patterns under the name that their array has in the file.
fn named(problems: Vec<Problem>, key: &str) -> Vec<Problem> {
    problems.into_iter().map(|problem| Problem { key: key.to_owned(), ..problem }).collect()
}

/// The problem with a dtype that cannot hold patterns.
pub(super) fn wrong_kind(key: &str, dtype: &DType) -> Option<Problem> {
    let real = dtype.is_float() || dtype.is_integer();
    (!real).then(|| Problem::new(key, "real numbers", dtype.to_string()))
}

/// What the numbers are; `whole` says whether all are whole numbers, some above 1.
fn quantity(
    whole: impl FnOnce() -> bool,
    dtype: &DType,
    rules: &Rules,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Quantity, Refusal> {
    let key = rules.key;
    if let Some(told) = options.quantity {
        notes.push(format!("{key}: taken as {told}, as specified"));
        return Ok(told);
    }
    if dtype.is_integer() {
        if rules.integers == Quantity::Intensity {
            notes.push(format!(
                "{key}: whole numbers are intensity, in what unit the file does not say"
            ));
        }
        return Ok(rules.integers);
    }
    match (rules.floats, whole()) {
        (Some(quantity), true) => {
            if quantity == Quantity::Amplitude {
                notes.push(format!(
                    "{key}: every value is a whole number; should they be counts, say so (--quantity counts)"
                ));
            }
            // Floating-point intensities that are whole numbers are counts.
            Ok(if quantity == Quantity::Intensity { Quantity::Counts } else { quantity })
        }
        (Some(quantity), false) => Ok(quantity),
        (None, false) => Ok(Quantity::Amplitude),
        (None, true) => Err(Refusal::Ambiguous(Question {
            key,
            reason:
                "floating-point numbers that are all whole may be amplitude, intensity or counts"
                    .to_owned(),
            remedy: "state the quantity (--quantity amplitude, intensity or counts)",
        })),
    }
}

/// Far-field patterns are bright around the zero frequency: a note when that does not seem to be
/// the centre.
struct Brightness {
    shape: (usize, usize, usize),
    centre: f64,
    corners: f64,
}

impl Brightness {
    fn new(shape: (usize, usize, usize)) -> Self {
        Self { shape, centre: 0.0, corners: 0.0 }
    }

    /// Looks at a pattern.
    fn see(&mut self, index: usize, pattern: ArrayView2<'_, f32>) {
        let (count, height, width) = self.shape;
        // Some patterns tell as much as all of them.
        if height < 8 || width < 8 || !index.is_multiple_of(count.div_ceil(64)) {
            return;
        }
        let inner =
            |index: usize, length: usize| (length / 4..length - length / 4).contains(&index);
        for ((y, x), &value) in pattern.indexed_iter() {
            match (inner(y, height), inner(x, width)) {
                (true, true) => self.centre += f64::from(value),
                (false, false) => self.corners += f64::from(value),
                _ => {}
            }
        }
    }

    fn note(&self, key: &str, notes: &mut Vec<String>) {
        if self.corners > 2.0 * self.centre {
            notes.push(format!(
                "{key}: the corners are brighter than the centre; should the zero frequency be elsewhere, say so (--zero-frequency)"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zero_frequency_moves_to_the_centre() {
        for (height, width) in [(4, 6), (5, 3)] {
            let mut values = Array3::zeros((2, height, width));
            values[[1, 0, 0]] = 1.0;
            values[[1, 1, 0]] = 2.0;
            centre(&mut values);
            assert_eq!(values[[1, height / 2, width / 2]], 1.0);
            assert_eq!(values[[1, height / 2 + 1, width / 2]], 2.0);
            assert_eq!(values.sum(), 3.0);
        }
    }
}
