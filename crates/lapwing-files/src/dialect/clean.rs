//! Numbers among the patterns that are no light: sentinels of dead pixels, NaN, negative numbers.
//!
//! What no measurement can be, in the same pixels of every pattern, is taken as bad; anything else
//! is refused until the user says what to do with it.

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut3, Axis};

use super::marks::{Largest, written};
use crate::contract::{FINITE, NOT_NEGATIVE};
use crate::experiment::part;
use crate::mask::Layers;
use crate::npy::DType;
use crate::options::ReadOptions;
use crate::patterns::Storage;
use crate::remarks::{Remark, What, counted, places, ranges};
use crate::stop::{self, Asked};
use crate::{Error, Mask, Problem, bulk};

/// Pixels lost for all patterns, as a share of them, from which every pattern gets its own mask.
const MANY: usize = 10;

/// Pixels that were found to be bad, and what was said of it.
#[derive(Default)]
pub(super) struct Cleaned {
    /// Axes (1 or pattern, y, x), true where a pixel is good.
    pub good: Option<Layers>,
    pub remarks: Vec<Remark>,
    /// What was there to be found at all.
    seen: Vec<Odd>,
}

impl Cleaned {
    /// The options that were given to clean the patterns `key`, and found nothing to clean.
    pub(super) fn idle(&self, key: &str, options: &ReadOptions) -> Vec<String> {
        let is_there = |odd: &[Odd]| odd.iter().any(|odd| self.seen.contains(odd));
        let hot = is_there(&[Odd::NotFinite, Odd::Largest, Odd::Copied]);
        let negative = is_there(&[Odd::Negative]);
        let large = "no good pixel holds NaN, infinity or the largest number of its type";
        let rows = [
            (options.mask_hot && !hot, "mask-hot", large),
            (options.mask_negative && !negative, "mask-negative", "no good pixel is negative"),
            (options.clip_negative && !negative, "clip-negative", "no good pixel is negative"),
        ];
        let idle = rows.into_iter().filter(|(idle, ..)| *idle);
        idle.map(|(_, flag, why)| format!("{key}: --{flag} changes nothing: {why}")).collect()
    }
}

/// What is odd about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    NotFinite,
    Negative,
    /// The largest number of its type, with which detectors mark what they did not measure.
    Largest,
    /// That of a narrower type, which was copied into this one.
    Copied,
}

/// How often each pixel holds odd numbers of one kind.
struct Seen {
    odd: Odd,
    /// Patterns in which each pixel does.
    patterns: Array2<u32>,
    count: usize,
    /// Whether each pixel does in every pattern that is looked at, or in none.
    everywhere: bool,
    /// Pattern, row and column of the first, and its value.
    first: ((usize, usize, usize), f32),
    lowest: f32,
}

/// Looks through patterns (pattern, y, x) as they are in the file and puts zero where a pixel is
/// bad. Where the mask that `masked` makes says so already, nothing is odd; it is asked only where
/// there is something to look at. What is found to be bad in each pattern is kept in `storage`.
pub(super) fn clean(
    values: &mut ArrayViewMut3<'_, f32>,
    dtype: &DType,
    masked: impl FnOnce() -> Result<Option<Mask>, Error>,
    key: &str,
    options: &ReadOptions,
    storage: &Storage,
) -> Result<Result<Cleaned, Vec<Problem>>, Error> {
    let largest = Largest::of(dtype);
    let plain = |value: f32| largest.is_plain(value);
    let is_left_out = |index: usize| part::is_left_out(&options.experiment.patterns, index);
    let copied = largest.copied(values.view(), is_left_out);
    if copied.is_none() && bulk::all(in_c_order(values), plain) {
        return Ok(Ok(Cleaned::default()));
    }
    let masked = masked()?;
    let masked = masked.as_ref().map(Mask::good);
    let n = values.len_of(Axis(0));
    let mut found = Cleaned::default();
    let mut lost = Vec::new();
    for (index, mut pattern) in values.outer_iter_mut().enumerate() {
        stop::check()?;
        // Of a pattern that is left out nothing is asked.
        if is_left_out(index) {
            pattern.mapv_inplace(|value| if plain(value) { value } else { 0.0 });
        } else if n > 1 && is_lost(pattern.view(), masked, index) {
            lost.push(index);
        }
    }
    // A lost pattern tells nothing of pixels, unless all are lost.
    let told_by = |index: usize| lost.len() == n || lost.binary_search(&index).is_err();
    let skipped: Vec<bool> = (0..n).map(|index| is_left_out(index) || !told_by(index)).collect();
    if let Some(masked) = masked {
        blank(values, masked, |value| !plain(value) || Some(value) == copied);
    }
    if !lost.is_empty() && lost.len() < n {
        for &index in &lost {
            values.index_axis_mut(Axis(0), index).fill(0.0);
        }
        let evidence = format!(
            "{key}: {} without a finite number: {}",
            counted(lost.len(), "pattern"),
            ranges(&lost)
        );
        let advice = "that is no measurement, and a reconstruction leaves it out";
        let remark = Remark::new(What::LostPatterns, evidence, advice);
        found.remarks.push(remark.on_patterns(lost).beyond_doubt());
    }
    let mut problems = Vec::new();
    for odd in [Odd::NotFinite, Odd::Largest, Odd::Copied, Odd::Negative] {
        let is_odd = |value: f32| odd.is(value, largest, copied);
        let Some(seen) = Seen::in_patterns(values.view(), odd, &skipped, is_odd) else { continue };
        found.seen.push(odd);
        let everywhere = seen.everywhere;
        let sentinel = match odd {
            Odd::NotFinite => false,
            Odd::Negative => dtype.is_integer(),
            Odd::Largest | Odd::Copied => true,
        };
        // A camera of few bits reaches its largest number by light.
        let by_light = odd == Odd::Largest && dtype.width() <= 2;
        let told = match odd {
            Odd::Negative => options.mask_negative,
            _ => options.mask_hot,
        };
        if odd == Odd::Negative && options.clip_negative {
            bulk::replace(in_c_order(values), |value| if value < 0.0 { 0.0 } else { value });
            let evidence = format!(
                "{key}: {} set to zero, the lowest {}",
                counted(seen.count, "negative number"),
                written(seen.lowest)
            );
            found.remarks.push(Remark::new(
                What::Cleaned,
                evidence,
                "as specified (--clip-negative)",
            ));
        } else if (sentinel && everywhere && (n > 1 || !by_light)) || told {
            let remark = seen.taken_as_bad(key, told);
            take(values, &seen, &mut found, storage, is_odd)?;
            found.remarks.push(remark);
        } else if !by_light {
            problems.push(seen.problem(key, n));
        }
    }
    Ok(if problems.is_empty() { Ok(found) } else { Err(problems) })
}

/// All values of a stack.
fn in_c_order<'a>(values: &'a mut ArrayViewMut3<'_, f32>) -> &'a mut [f32] {
    values.as_slice_mut().expect("a stack is in C order")
}

impl Odd {
    fn is(self, value: f32, largest: Largest, copied: Option<f32>) -> bool {
        match self {
            Self::NotFinite => !value.is_finite(),
            Self::Negative => value < 0.0,
            Self::Largest => largest.is(value),
            Self::Copied => Some(value) == copied,
        }
    }
}

impl Seen {
    /// Of the patterns that are not `skipped`.
    fn in_patterns(
        values: ArrayView3<'_, f32>,
        odd: Odd,
        skipped: &[bool],
        is_odd: impl Fn(f32) -> bool,
    ) -> Option<Self> {
        let (_, height, width) = values.dim();
        let mut patterns: Array2<u32> = Array2::zeros((height, width));
        let mut count = 0;
        let mut first = None;
        let mut lowest = f32::INFINITY;
        let asked = Asked::here();
        for (index, pattern) in values.outer_iter().enumerate().filter(|(at, _)| !skipped[*at]) {
            if asked.to_stop() {
                break;
            }
            for ((y, x), &value) in pattern.indexed_iter() {
                if is_odd(value) {
                    patterns[(y, x)] += 1;
                    count += 1;
                    first.get_or_insert(((index, y, x), value));
                    lowest = lowest.min(value);
                }
            }
        }
        let looked_at = skipped.iter().filter(|skipped| !**skipped).count();
        let everywhere = patterns.iter().all(|&count| count == 0 || count as usize == looked_at);
        Some(Self { odd, patterns, count, everywhere, first: first?, lowest })
    }

    /// The pixels that do in any pattern.
    fn pixels(&self) -> Vec<(usize, usize)> {
        self.patterns.indexed_iter().filter(|(_, count)| **count > 0).map(|(at, _)| at).collect()
    }

    fn value(&self) -> String {
        written(self.first.1)
    }

    fn taken_as_bad(&self, key: &str, told: bool) -> Remark {
        let pixels = self.pixels();
        let number = match self.odd {
            Odd::NotFinite => "numbers that are not finite".to_owned(),
            Odd::Negative if told => "negative numbers".to_owned(),
            _ => format!("{} in every pattern", self.value()),
        };
        let verb = if pixels.len() == 1 { "holds" } else { "hold" };
        let evidence = format!(
            "{key}: {} {verb} {number}: {}",
            counted(pixels.len(), "pixel"),
            places(&pixels)
        );
        let (what, advice) = match told {
            true => (What::Cleaned, "taken as bad, as specified"),
            false => (
                What::Sentinels,
                "that is no light, so they are taken as bad pixels and go to the mask",
            ),
        };
        Remark::new(what, evidence, advice).on_pixels(pixels)
    }

    fn problem(&self, key: &str, n: usize) -> Problem {
        let ((pattern, y, x), _) = self.first;
        let others = match self.count - 1 {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        let place = format!("{} in pattern {pattern} at row {y}, column {x}{others}", self.value());
        let pixels = self.patterns.iter().filter(|&&count| count > 0).count();
        let same = match self.everywhere && n > 1 {
            true => format!(", the same {} in every pattern", counted(pixels, "pixel")),
            false => String::new(),
        };
        match self.odd {
            Odd::NotFinite => Problem::new(key, FINITE, format!("{place}{same}")),
            Odd::Negative => Problem::new(
                key,
                NOT_NEGATIVE,
                format!("{place}, the lowest {}{same}", written(self.lowest)),
            ),
            Odd::Largest | Odd::Copied => {
                let partly = if self.everywhere { same } else { ", in some patterns only".into() };
                Problem::new(
                    key,
                    "counts, not the largest number of the type (or leave these pixels out: \
                     --mask-hot, or a mask)",
                    format!("{place}{partly}"),
                )
            }
        }
    }
}

/// Takes pixels as bad: in all patterns, or each pattern its own where that would lose many.
fn take(
    values: &mut ArrayViewMut3<'_, f32>,
    seen: &Seen,
    found: &mut Cleaned,
    storage: &Storage,
    is_odd: impl Fn(f32) -> bool + Sync,
) -> Result<(), Error> {
    let (n, height, width) = values.dim();
    let lost = seen.patterns.iter().filter(|&&count| count > 0).count();
    let new = match seen.everywhere || lost * MANY <= height * width {
        true => Layers::from(seen.patterns.mapv(|count| count == 0).insert_axis(Axis(0))),
        false => {
            let (values, pixels) = (&*in_c_order(values), height * width);
            Layers::made(storage, (n, height, width), |index, to| {
                let from = &values[index * pixels..][..pixels];
                to.iter_mut().zip(from).for_each(|(to, &value)| *to = !is_odd(value));
            })?
        }
    };
    blank(values, new.view(), |_| true);
    found.good = Some(match found.good.take() {
        None => new,
        Some(old) => old.merged(&new, |one, two| one & two)?,
    });
    Ok(())
}

/// Whether a pattern has no finite number in the pixels that its mask takes as good: in any pixel,
/// where it takes none as good.
fn is_lost(
    pattern: ArrayView2<'_, f32>,
    masked: Option<ArrayView3<'_, bool>>,
    index: usize,
) -> bool {
    let good = masked.and_then(|masked| layer(masked, index, pattern.dim()));
    match good.filter(|good| good.iter().any(|&good| good)) {
        Some(good) => !pattern.iter().zip(good).any(|(value, &good)| good && value.is_finite()),
        None => !pattern.iter().any(|value| value.is_finite()),
    }
}

/// What a mask, axes (1 or pattern, y, x), says of a pattern; `None` for one of another shape.
fn layer(
    mask: ArrayView3<'_, bool>,
    index: usize,
    shape: (usize, usize),
) -> Option<ArrayView2<'_, bool>> {
    let (layers, height, width) = mask.dim();
    (layers > 0 && (height, width) == shape)
        .then(|| mask.index_axis_move(Axis(0), index.min(layers - 1)))
}

/// Sets odd numbers of pixels that are not `good` to zero.
pub(super) fn blank(
    values: &mut ArrayViewMut3<'_, f32>,
    good: ArrayView3<'_, bool>,
    odd: impl Fn(f32) -> bool,
) {
    for (index, mut pattern) in values.outer_iter_mut().enumerate() {
        let Some(good) = layer(good, index, pattern.dim()) else { return };
        pattern.zip_mut_with(&good, |value, &good| {
            if !good && odd(*value) {
                *value = 0.0;
            }
        });
    }
}

#[cfg(test)]
mod tests;
