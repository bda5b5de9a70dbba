//! The stack of patterns: from any order, quantity and place of the zero frequency to centred
//! amplitudes.

use std::path::Path;

use lapwing_model::Modes;
use ndarray::Axis;

use super::clean::{Cleaned, blank, clean};
use super::stored::{Rules, Stored};
use super::values::values;
use super::wanted::Wanted;
use super::{mask_file, missing};
use crate::dataset::{amplitudes_in_place, scaled};
use crate::mask::{Layers, Mask};
use crate::npy::DType;
use crate::options::{AxisOrder, Quantity, ReadOptions, ZeroFrequency};
use crate::order::centre;
use crate::patterns::Patterns;
use crate::photons::{Photons, is_root};
use crate::poisson::are_counts;
use crate::remarks::Remark;
use crate::{Error, Problem, bulk, stop};

/// Patterns in the project's conventions, and how the file had them.
pub(super) struct Stack {
    pub amplitude: Patterns,
    /// Number of patterns of the file.
    n: usize,
    /// Indices of those that are here, ascending; `None` for all.
    pub chosen: Option<Vec<usize>>,
    /// Order of the axes in the file.
    pub order: AxisOrder,
    pub quantity: Quantity,
    pub zero_frequency: ZeroFrequency,
    /// The scale s of counts = (s x amplitude)^2, when the file holds counts.
    pub scale: Option<f64>,
    /// The mask of pixels that were found to be bad.
    pub good: Option<Mask>,
    /// What was remarked on while the numbers were read.
    pub remarks: Vec<Remark>,
    /// That scale where nobody said that these are counts, but they look like it.
    pub found_scale: Option<f64>,
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

    /// Number of patterns of the file, of which some may not be here.
    pub(super) fn n_patterns(&self) -> usize {
        self.n
    }

    /// Number and shape of the patterns of the file.
    pub(super) fn of(&self) -> (usize, (usize, usize)) {
        (self.n_patterns(), self.pattern_shape())
    }

    /// Leaves the first `n` patterns of the file, or those of them that are here; one, where none
    /// of these is, which is told later.
    pub(super) fn cut(&mut self, n: usize) -> Result<(), Error> {
        let n = n.min(self.n);
        let kept = match &mut self.chosen {
            Some(chosen) => {
                chosen.truncate(chosen.partition_point(|&index| index < n).max(1));
                chosen.len()
            }
            None => n,
        };
        if kept < self.amplitude.count() {
            self.amplitude = self.amplitude.select(&(0..kept).collect::<Vec<_>>())?;
        }
        let first: Vec<usize> = (0..n).collect();
        self.good = self.good.take().map(|good| good.select(&first)).transpose()?;
        self.n = n;
        Ok(())
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

/// The patterns of a file, converted and put in order while they are read, so that no second copy
/// of them is ever in memory.
pub(super) fn read_from(
    stored: &Stored<'_>,
    rules: &Rules,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<Result<Stack, Refusal>, Error> {
    let &Stored { order, good, blank_bad, kept, shape, .. } = stored;
    let in_file = if order == AxisOrder::PatternFirst { shape[0] } else { shape[2] };
    let n = kept.map_or(in_file, <[usize]>::len);
    let chosen = wanted.indices(n);
    // Where they are in the file.
    let of_file: Option<Vec<usize>> = match (kept, &chosen) {
        (Some(kept), Some(chosen)) => Some(chosen.iter().map(|&index| kept[index]).collect()),
        (kept, chosen) => kept.map(<[usize]>::to_vec).or_else(|| chosen.clone()),
    };
    let (mut values, dtype) = match values(stored, of_file.as_deref(), rules, wanted.storage)? {
        Ok(read) => read,
        Err(problem) => return Ok(Err(Refusal::Problems(vec![problem]))),
    };
    let gaps = missing::look(stored, of_file.as_deref(), rules.key)?;
    for &lost in &gaps.lost {
        values.view_mut().index_axis_mut(Axis(0), lost).fill(0.0);
    }
    let of_these = match (good, &chosen) {
        (Some(good), Some(chosen)) if good.good().len_of(Axis(0)) == n => {
            Some(good.select(chosen)?)
        }
        _ => None,
    };
    let good = of_these.as_ref().or(good);
    if let (Some(good), true) = (good, blank_bad) {
        blank(&mut values.view_mut(), good.good(), |_| true);
    }
    let (_, height, width) = values.dim();
    let mut wrong_mask = None;
    let masked = || {
        let said = match mask_file::said(stored.file, (n, (height, width)), wanted)? {
            Some(Err(problem)) => {
                wrong_mask = Some(problem);
                None
            }
            said => said.and_then(Result::ok),
        };
        let said = match (said, &chosen) {
            (Some(said), Some(chosen)) => Some(said.select(chosen)?),
            (said, _) => said,
        };
        match (said, good) {
            (Some(said), Some(good)) => Ok(Some(said.and(good)?)),
            (said, good) => Ok(said.or_else(|| good.cloned())),
        }
    };
    let (of, options) = ((n, chosen.clone()), wanted.options);
    let read = convert(values, of, &dtype, order, masked, rules, options, notes)?;
    Ok(match (read, wrong_mask) {
        // What is wrong with a mask is told where it is applied, which does not come to pass.
        (Err(Refusal::Problems(mut problems)), Some(problem)) => {
            problems.insert(0, problem);
            Err(Refusal::Problems(problems))
        }
        (Ok(mut stack), _) => {
            stack.remarks.extend(gaps.remarks);
            Ok(stack)
        }
        (read, _) => read,
    })
}

/// Patterns that are in the order (n, H, W) already, whatever they were and had in the file, as the
/// project has them; those that were `chosen` of `n`.
#[expect(clippy::too_many_arguments, reason = "each is one thing that is known of the patterns")]
fn convert(
    mut patterns: Patterns,
    (n, chosen): (usize, Option<Vec<usize>>),
    dtype: &DType,
    order: AxisOrder,
    masked: impl FnOnce() -> Result<Option<Mask>, Error>,
    rules: &Rules,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Result<Stack, Refusal>, Error> {
    stop::check()?;
    note_form(dtype, order, rules.key, notes);
    let below = options.experiment.patterns.dark_level.filter(|&level| level < 0.0);
    if let Some(level) = below
        && bulk::all(patterns.values(), |value| value >= 0.0 || value.is_nan())
    {
        let expected = "what the detector writes without light: no number of the patterns is below \
                        0";
        let problem = Problem::new("dark_level", expected, level.to_string());
        return Ok(Err(Refusal::Problems(vec![problem])));
    }
    let mut options = calibrated(patterns.values_mut(), rules.key, options, notes);
    if chosen.is_some() {
        // What is left out was not read.
        options.experiment.patterns.frames = None;
        options.experiment.patterns.leave_out_frames = Vec::new();
    }
    let options = &options;
    if patterns.values().is_empty() {
        let problems = crate::contract::diffraction(&patterns);
        return Ok(Err(Refusal::Problems(named(problems, rules.key))));
    }
    let storage = patterns.storage();
    let (_, height, width) = patterns.dim();
    let cleaned = clean(&mut patterns.view_mut(), dtype, masked, rules.key, options, &storage)?;
    let cleaned = match cleaned {
        Ok(cleaned) => cleaned,
        Err(problems) => return Ok(Err(Refusal::Problems(problems))),
    };
    notes.extend(cleaned.idle(rules.key, options));
    let Cleaned { mut good, remarks, .. } = cleaned;
    let values = patterns.values();
    let whole = || {
        bulk::all(values, |value| value.fract() == 0.0) && values.iter().any(|&value| value > 1.0)
    };
    let rooted = || bulk::all(values, is_root) && values.iter().any(|&value| value > 1.0);
    let counted = || are_counts(&patterns, |value| value);
    let quantity = match quantity([&whole, &rooted, &counted], dtype, rules, options, notes) {
        Ok(quantity) => quantity,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let zero_frequency = options.zero_frequency.unwrap_or(rules.zero_frequency);
    if zero_frequency == ZeroFrequency::Corner {
        centre(&mut patterns.view_mut());
        good = good.map(|good| good.centred()).transpose()?;
        notes.push(format!("{}: zero frequency moved from the corner to the centre", rules.key));
    }
    let scale = match quantity {
        Quantity::Amplitude => None,
        Quantity::Intensity => {
            patterns.change(f32::sqrt);
            notes.push(format!(
                "{}: intensity converted to amplitude by the square root",
                rules.key
            ));
            None
        }
        Quantity::Counts => {
            let scale = amplitudes_in_place(&mut patterns);
            notes.push(format!(
                "{}: counts converted to amplitude, sqrt(counts) / {scale}, so that the mean summed intensity is 1",
                rules.key
            ));
            Some(scale)
        }
    };
    let mut photons = Photons::new(patterns.count());
    if scale.is_none() && options.quantity.is_none() {
        for (index, pattern) in patterns.iter().enumerate() {
            stop::check()?;
            photons.see(index, pattern);
        }
    }
    let likely = || {
        let scale = photons.likely_scale()?;
        let count = |value: f32| (f64::from(value) * scale).powi(2).round() as f32;
        are_counts(&patterns, count).then_some(scale)
    };
    let found_scale = photons.scale().or_else(likely);
    if let (Some(chosen), Some(layers)) = (&chosen, good.as_ref().filter(|good| good.count() > 1)) {
        let (flags, pixels) = (layers.flags(), height * width);
        let of_all = Layers::made(&storage, (n, height, width), |index, to| {
            match chosen.binary_search(&index) {
                Ok(place) => to.copy_from_slice(&flags[place * pixels..][..pixels]),
                Err(_) => to.fill(true),
            }
        });
        good = Some(of_all?);
    }
    Ok(Ok(Stack {
        amplitude: patterns,
        n,
        chosen,
        order,
        quantity,
        zero_frequency,
        scale,
        good: good.map(Mask::of),
        remarks,
        found_scale,
    }))
}

/// Takes the dark level away and divides by what one photon or electron makes; what is then counts
/// is said so in the options.
fn calibrated(
    values: &mut [f32],
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

/// Problems of the patterns under the name that their array has in the file.
fn named(problems: Vec<Problem>, key: &str) -> Vec<Problem> {
    problems.into_iter().map(|problem| Problem { key: key.to_owned(), ..problem }).collect()
}

/// What the numbers are; `whole` says whether all are whole numbers, some above 1, `rooted` whether
/// the squares of all of them are, `counted` whether they vary as photons do.
fn quantity(
    [whole, rooted, counted]: [&dyn Fn() -> bool; 3],
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
        (None | Some(Quantity::Amplitude), true) if counted() => {
            notes.push(format!(
                "{key}: every value is a whole number and they vary as photons do: taken as counts \
                 (should they be none, say --quantity amplitude or intensity)"
            ));
            Ok(Quantity::Counts)
        }
        (Some(quantity), true) => {
            if quantity == Quantity::Amplitude {
                notes.push(format!(
                    "{key}: every value is a whole number; should they be counts, say so (--quantity counts)"
                ));
            }
            // Floating-point intensities that are whole numbers are counts.
            Ok(if quantity == Quantity::Intensity { Quantity::Counts } else { quantity })
        }
        (Some(Quantity::Intensity), false) if rooted() => {
            notes.push(format!(
                "{key}: the square of every value is a whole number, so they are taken as amplitude \
                 (should they be none, say --quantity intensity)"
            ));
            Ok(Quantity::Amplitude)
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

#[cfg(test)]
mod tests;
