//! Numbers among the patterns that are no light: sentinels of dead pixels, NaN, negative numbers.
//!
//! What no measurement can be, in the same pixels of every pattern, is taken as bad; anything else
//! is refused until the user says what to do with it.

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut3, Axis};

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
}

/// What is odd about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    NotFinite,
    Negative,
    /// The largest number of its type, with which detectors mark what they did not measure.
    Largest,
}

/// How often each pixel holds odd numbers of one kind.
struct Seen {
    odd: Odd,
    /// Patterns in which each pixel does.
    patterns: Array2<u32>,
    count: usize,
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
    let plain = |value: f32| (0.0..largest.limit).contains(&value) & (value != largest.mark);
    if bulk::all(in_c_order(values), plain) {
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
        if part::is_left_out(&options.experiment.patterns, index) {
            pattern.mapv_inplace(|value| if plain(value) { value } else { 0.0 });
        } else if n > 1 && is_lost(pattern.view(), masked, index) {
            lost.push(index);
        }
    }
    if let Some(masked) = masked {
        blank(values, masked, |value| !plain(value));
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
    for odd in [Odd::NotFinite, Odd::Largest, Odd::Negative] {
        let Some(seen) = Seen::in_patterns(values.view(), odd, largest) else { continue };
        let everywhere = seen.patterns.iter().all(|&count| count == 0 || count as usize == n);
        let sentinel = dtype.is_integer() && odd != Odd::NotFinite;
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
                seen.lowest
            );
            found.remarks.push(Remark::new(
                What::Cleaned,
                evidence,
                "as specified (--clip-negative)",
            ));
        } else if (sentinel && everywhere && (n > 1 || !by_light)) || told {
            let remark = seen.taken_as_bad(key, told);
            take(values, &seen, &mut found, storage, |value| odd.is(value, largest))?;
            found.remarks.push(remark);
        } else if !by_light {
            problems.push(seen.problem(key, everywhere, n));
        }
    }
    Ok(if problems.is_empty() { Ok(found) } else { Err(problems) })
}

/// All values of a stack.
fn in_c_order<'a>(values: &'a mut ArrayViewMut3<'_, f32>) -> &'a mut [f32] {
    values.as_slice_mut().expect("a stack is in C order")
}

/// The numbers of a type that stand for no light.
#[derive(Debug, Clone, Copy)]
struct Largest {
    /// Whole numbers from this one on.
    limit: f32,
    /// What 32 bits have as their largest number, where floating-point numbers hold it.
    mark: f32,
}

impl Largest {
    fn of(dtype: &DType) -> Self {
        let limit = match dtype {
            DType::I8 => i8::MAX.into(),
            DType::U8 => u8::MAX.into(),
            DType::I16 => i16::MAX.into(),
            DType::U16 => u16::MAX.into(),
            DType::I32 => i32::MAX as f32,
            DType::U32 => u32::MAX as f32,
            DType::I64 => i64::MAX as f32,
            DType::U64 => u64::MAX as f32,
            _ => return Self { limit: f32::INFINITY, mark: u32::MAX as f32 },
        };
        Self { limit, mark: f32::NAN }
    }

    fn is(self, value: f32) -> bool {
        value.is_finite() && (value >= self.limit || value == self.mark)
    }
}

impl Odd {
    fn is(self, value: f32, largest: Largest) -> bool {
        match self {
            Self::NotFinite => !value.is_finite(),
            Self::Negative => value < 0.0,
            Self::Largest => largest.is(value),
        }
    }
}

impl Seen {
    fn in_patterns(values: ArrayView3<'_, f32>, odd: Odd, largest: Largest) -> Option<Self> {
        let (_, height, width) = values.dim();
        let mut patterns = Array2::zeros((height, width));
        let mut count = 0;
        let mut first = None;
        let mut lowest = f32::INFINITY;
        let asked = Asked::here();
        for (index, pattern) in values.outer_iter().enumerate() {
            if asked.to_stop() {
                break;
            }
            for ((y, x), &value) in pattern.indexed_iter() {
                if odd.is(value, largest) {
                    patterns[(y, x)] += 1;
                    count += 1;
                    first.get_or_insert(((index, y, x), value));
                    lowest = lowest.min(value);
                }
            }
        }
        Some(Self { odd, patterns, count, first: first?, lowest })
    }

    /// The pixels that do in any pattern.
    fn pixels(&self) -> Vec<(usize, usize)> {
        self.patterns.indexed_iter().filter(|(_, count)| **count > 0).map(|(at, _)| at).collect()
    }

    fn value(&self) -> String {
        match self.first.1 {
            // 4294967296 would be read as a typing mistake.
            value if value == u32::MAX as f32 => u32::MAX.to_string(),
            value => value.to_string(),
        }
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

    fn problem(&self, key: &str, everywhere: bool, n: usize) -> Problem {
        let ((pattern, y, x), _) = self.first;
        let others = match self.count - 1 {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        let place = format!("{} in pattern {pattern} at row {y}, column {x}{others}", self.value());
        let pixels = self.patterns.iter().filter(|&&count| count > 0).count();
        let same = match everywhere && n > 1 {
            true => format!(", the same {} in every pattern", counted(pixels, "pixel")),
            false => String::new(),
        };
        match self.odd {
            Odd::NotFinite => Problem::new(key, FINITE, format!("{place}{same}")),
            Odd::Negative => Problem::new(
                key,
                NOT_NEGATIVE,
                format!("{place}, the lowest {}{same}", self.lowest),
            ),
            Odd::Largest => Problem::new(
                key,
                "counts, not the largest number of the type (or leave these pixels out: --mask-hot, or a \
                 mask)",
                format!("{place}, in some patterns only"),
            ),
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
    let everywhere = seen.patterns.iter().all(|&count| count == 0 || count as usize == n);
    let new = match everywhere || lost * MANY <= height * width {
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
mod tests {
    use super::*;
    use ndarray::Array3;

    fn stack() -> Array3<f32> {
        Array3::from_shape_fn((4, 5, 6), |(i, y, x)| (i + y + x) as f32)
    }

    fn cleaned(
        values: &mut Array3<f32>,
        dtype: &DType,
        options: &ReadOptions,
    ) -> Result<Cleaned, String> {
        let memory = Storage::Memory;
        let found =
            clean(&mut values.view_mut(), dtype, || Ok(None), "data", options, &memory).unwrap();
        found.map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn patterns_without_a_number_are_lost_and_those_left_out_do_not_matter() {
        let mut values = stack();
        values.index_axis_mut(Axis(0), 2).fill(f32::NAN);
        let found = cleaned(&mut values, &DType::F32, &ReadOptions::default()).unwrap();
        let [remark] = &found.remarks[..] else { panic!("{:?}", found.remarks) };
        assert_eq!((remark.what, remark.certain), (What::LostPatterns, true));
        assert!(remark.patterns == [2] && found.good.is_none());
        assert!(values.index_axis(Axis(0), 2).iter().all(|&value| value == 0.0));
        // One odd number is no lost pattern, unless that is left out.
        values[(1, 2, 3)] = -1.0;
        assert!(cleaned(&mut values.clone(), &DType::F32, &ReadOptions::default()).is_err());
        let mut options = ReadOptions::default();
        options.experiment.patterns.leave_out_frames = vec![1];
        assert!(cleaned(&mut values, &DType::F32, &options).unwrap().remarks.is_empty());
        values.fill(f32::NAN);
        let error = cleaned(&mut values, &DType::F32, &ReadOptions::default()).err().unwrap();
        assert!(error.contains("NaN in pattern 0"), "{error}");
    }

    #[test]
    fn sentinels_in_every_pattern_are_bad_pixels() {
        for (dtype, value) in [
            (DType::U32, u32::MAX as f32),
            (DType::U16, 65535.0),
            (DType::I32, -1.0),
            (DType::F64, u32::MAX as f32),
        ] {
            let mut values = stack();
            values.index_axis_mut(Axis(1), 2).fill(value);
            let found = cleaned(&mut values, &dtype, &ReadOptions::default());
            if dtype == DType::F64 {
                assert!(found.err().unwrap().contains("4294967295"));
                continue;
            }
            let found = found.unwrap();
            assert_eq!(found.good.unwrap().flags().iter().filter(|&&good| !good).count(), 6);
            assert_eq!((found.remarks[0].what, values[(1, 2, 3)]), (What::Sentinels, 0.0));
        }
    }

    #[test]
    fn odd_numbers_here_and_there_are_refused_with_what_to_say() {
        let mut values = stack();
        values[(2, 3, 4)] = f32::NAN;
        let said = cleaned(&mut values, &DType::F32, &ReadOptions::default()).err().unwrap();
        assert!(
            said.contains("NaN in pattern 2 at row 3, column 4") && said.contains("--mask-hot"),
            "{said}"
        );
        let options = ReadOptions { mask_hot: true, ..ReadOptions::default() };
        let found = cleaned(&mut values, &DType::F32, &options).unwrap();
        assert_eq!(found.good.unwrap().view().dim(), (1, 5, 6));
        assert_eq!(values[(2, 3, 4)], 0.0);

        let below = stack().mapv(|value| value - 3.5);
        let said = cleaned(&mut below.clone(), &DType::F32, &ReadOptions::default()).err().unwrap();
        assert!(said.contains("the lowest -3.5") && said.contains("--clip-negative"), "{said}");
        let options = ReadOptions { clip_negative: true, ..ReadOptions::default() };
        let mut clipped = below.clone();
        assert!(cleaned(&mut clipped, &DType::F32, &options).unwrap().good.is_none());
        assert_eq!(clipped, below.mapv(|value| value.max(0.0)));
        let options = ReadOptions { mask_negative: true, ..ReadOptions::default() };
        let mut masked = below.clone();
        let good = cleaned(&mut masked, &DType::F32, &options).unwrap().good.unwrap();
        assert_eq!(good.view(), below.mapv(|value| value >= 0.0));
    }

    #[test]
    fn what_is_masked_is_no_matter() {
        let mut values = stack();
        values[(2, 3, 4)] = f32::NAN;
        let mut good = Array3::from_elem((1, 5, 6), true);
        good[(0, 3, 4)] = false;
        let found = clean(
            &mut values.view_mut(),
            &DType::F32,
            || Ok(Some(Mask::of(good))),
            "data",
            &ReadOptions::default(),
            &Storage::Memory,
        );
        let found = found.unwrap().unwrap();
        assert!(found.good.is_none() && found.remarks.is_empty() && values[(2, 3, 4)] == 0.0);
    }

    #[test]
    fn patterns_without_a_number_are_lost_under_a_mask_too() {
        let mut values = stack();
        values.index_axis_mut(Axis(0), 2).fill(f32::NAN);
        // Programs put zero, too, where a pixel is bad.
        values.index_axis_mut(Axis(0), 3).fill(f32::NAN);
        values[(3, 3, 4)] = 0.0;
        for layers in [1, 4] {
            let mut good = Array3::from_elem((layers, 5, 6), true);
            good.index_axis_mut(Axis(1), 3).fill(false);
            // A pattern without a good pixel, which has numbers, is not lost.
            if layers > 1 {
                good.index_axis_mut(Axis(0), 0).fill(false);
            }
            let mut values = values.clone();
            let options = ReadOptions::default();
            let (masked, memory) = (|| Ok(Some(Mask::of(good))), Storage::Memory);
            let dtype = &DType::F32;
            let found = clean(&mut values.view_mut(), dtype, masked, "data", &options, &memory);
            let found = found.unwrap().unwrap();
            let [remark] = &found.remarks[..] else { panic!("{:?}", found.remarks) };
            assert_eq!((remark.what, &remark.patterns[..]), (What::LostPatterns, &[2, 3][..]));
            assert!(found.good.is_none() && values.iter().all(|value| value.is_finite()));
            assert_eq!(values[(1, 2, 3)], 6.0);
        }
    }

    #[test]
    fn a_camera_of_few_bits_may_saturate() {
        let mut values = stack();
        values[(2, 3, 4)] = 65535.0;
        let found = cleaned(&mut values, &DType::U16, &ReadOptions::default()).unwrap();
        assert!(found.good.is_none() && values[(2, 3, 4)] == 65535.0);
    }
}
