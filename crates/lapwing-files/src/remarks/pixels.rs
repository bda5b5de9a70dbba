//! Pixels that hold no measurement, saturation, a level that is written without light, and a beam
//! that is not in the middle.

use lapwing_model::faults::{Ceiling, HOT, STUCK, is_central, near};
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, ArrayView3};

use super::dark::{self, Unit};
use super::remark::{Remark, What};
use super::survey::Survey;
use super::words::{counted, places};
use crate::stop::Asked;

/// Patterns from which something is told of their pixels.
const FEWEST: usize = 4;
/// Quanta that the pixels around a silent or stuck one have in all patterns together at least.
const QUANTA: f64 = 50.0;
/// A pixel is hot where it is so in this share of the patterns, and in so many: else a particle hit
/// it.
const OFTEN: (f64, usize) = (0.1, 3);
/// Silent pixels opposite to lit ones that are an area.
const AREA: usize = 5;
/// Distance from the middle that is remarked on, pixels and share of the side.
const OFF: (f64, f64) = (1.5, 0.02);
/// The mean squared distance of light that is in the corners from there, as a share of that from
/// the middle.
const CORNERED: f64 = 0.5;

/// Pixels (y, x).
type Pixels = Vec<(usize, usize)>;

pub(super) fn look(
    survey: &Survey,
    patterns: ArrayView3<'_, f32>,
    good: &Array2<bool>,
    mut stuck: Pixels,
    scale: Option<f64>,
) -> Vec<Remark> {
    if survey.patterns < FEWEST || !survey.quantum.is_finite() {
        return Vec::new();
    }
    let mut remarks = Vec::new();
    let unit = Unit::of(survey, scale);
    let dark = unit.and_then(|unit| Some((unit, dark::level(survey, good, unit)?)));
    if let Some((unit, level)) = dark {
        let more = unit.option();
        stuck.retain(|&at| unit.number(f64::from(survey.least[at])) > 2.0 * level);
        remarks.push(Remark::new(
            What::DarkLevel,
            format!(
                "the darkest pixels show about {level} in every pattern, steadier than light could be"
            ),
            format!(
                "if the detector writes that without light, have it subtracted (--dark-level {level}{more}): \
                 else it is taken for light"
            ),
        ));
    }
    if !stuck.is_empty() {
        let evidence = format!(
            "{} the same in every pattern, or more than {HOT} times what is around: {}",
            verb(stuck.len(), "shows", "show"),
            places(&stuck)
        );
        let advice = "a reconstruction leaves them out (--faulty keep keeps them)";
        remarks.push(
            Remark::new(What::HotPixels, evidence, advice).on_pixels(stuck.clone()).beyond_doubt(),
        );
    }
    let mut sound = good.clone();
    stuck.iter().for_each(|&at| sound[at] = false);
    let (single, area) = silent(survey, &sound, scale);
    if !single.is_empty() {
        let evidence = format!(
            "{} although light falls around: {}",
            verb(single.len(), "never counts", "never count"),
            places(&single)
        );
        let advice = "a reconstruction leaves them out (--faulty keep keeps them)";
        remarks
            .push(Remark::new(What::DeadPixels, evidence, advice).on_pixels(single).beyond_doubt());
    }
    let dead_area = area.len() >= AREA;
    if dead_area {
        let (rows, columns) = bounds(&area);
        let silent = survey.most.iter().zip(&sound).filter(|(most, good)| **good && **most == 0.0);
        let evidence = format!(
            "{} of {} pixels never count, {} of them although those opposite do, within rows {}-{} and columns {}-{}",
            silent.count(),
            good.len(),
            area.len(),
            rows.0,
            rows.1,
            columns.0,
            columns.1
        );
        let advice = "if a part of the detector is dead or covered, give a mask of it";
        remarks.push(Remark::new(What::DeadPixels, evidence, advice).on_pixels(area));
    }
    remarks.extend(saturation(survey, patterns, &sound, scale));
    if !dead_area {
        remarks.extend(off_centre(survey, &sound, scale));
    }
    remarks
}

fn verb(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", counted(number, "pixel"), if number == 1 { one } else { many })
}

/// Pixels that show the same light in every pattern, or, in many, far more than any pixel near
/// them.
pub(super) fn stuck(survey: &Survey, patterns: ArrayView3<'_, f32>, good: &Array2<bool>) -> Pixels {
    if survey.patterns < FEWEST || !survey.quantum.is_finite() {
        return Vec::new();
    }
    let lit = survey.most.indexed_iter().filter(|(at, most)| good[*at] && **most > 0.0);
    lit.map(|(at, _)| at)
        .filter(|&at| {
            // Where a detector saturates, the brightest pixels are all the same.
            let alone = || near(at, good).all(|other| survey.most[other] != survey.most[at]);
            let (least, most) = (survey.least[at], survey.most[at]);
            let same = least > 0.0 && least == most && survey.patterns >= STUCK && alone();
            let brightest = near(at, good).map(|at| survey.most[at]).fold(0.0, f32::max);
            let central = is_central(at, middle(survey.shape()));
            let limit = HOT * f64::from(brightest);
            same || (!central && brightest > 0.0 && f64::from(most) > limit)
                && is_often_above(limit, at, patterns)
        })
        .collect()
}

/// Whether a pixel's intensity is above a limit in many patterns.
fn is_often_above(limit: f64, (y, x): (usize, usize), patterns: ArrayView3<'_, f32>) -> bool {
    let values = patterns.slice(ndarray::s![.., y, x]);
    let above = values.iter().filter(|value| f64::from(**value).powi(2) > limit).count();
    above as f64 >= OFTEN.0 * values.len() as f64 && above >= OFTEN.1
}

/// Pixels without any light: those that are alone so among lit ones, and those opposite to lit
/// ones, as the patterns of a thin specimen are as wide on either side. Opposite is meant across
/// the middle, and across the centre of the light, which need not be there.
fn silent(survey: &Survey, good: &Array2<bool>, scale: Option<f64>) -> (Pixels, Pixels) {
    let (height, width) = survey.shape();
    let lit = Array2::from_shape_fn((height, width), |at| {
        survey.quanta(survey.mean[at], scale) * survey.patterns as f64 >= QUANTA
    });
    let middle = middle((height, width));
    let centre = Light::of(survey, good).map_or(middle, |light| light.pixel());
    let lit_across = |at: (usize, usize), centre: (usize, usize)| -> bool {
        let mirrored = |centre: usize, index: usize| (2 * centre).checked_sub(index);
        let across = mirrored(centre.0, at.0).zip(mirrored(centre.1, at.1));
        across.is_some_and(|at| at.0 < height && at.1 < width && good[at] && lit[at])
    };
    let dark = survey.most.indexed_iter().filter(|(at, most)| good[*at] && **most == 0.0);
    let (mut single, mut area) = (Vec::new(), Vec::new());
    for (at, _) in dark {
        let (mut around, mut lit_around) = (0, 0);
        near(at, good).for_each(|near| {
            around += 1;
            lit_around += usize::from(lit[near]);
        });
        if lit_around > 0 && 2 * lit_around >= around {
            single.push(at);
        } else if lit_across(at, middle) && lit_across(at, centre) {
            area.push(at);
        }
    }
    // A few alone are single pixels; the rim of a dead area is part of it.
    if !area.is_empty() && single.len() > area.len() / 2 && area.len() >= AREA {
        area.append(&mut single);
        area.sort_unstable();
    }
    (single, area)
}

fn bounds(pixels: &[(usize, usize)]) -> ((usize, usize), (usize, usize)) {
    let of = |axis: fn(&(usize, usize)) -> usize| {
        let values = || pixels.iter().map(axis);
        (values().min().unwrap_or(0), values().max().unwrap_or(0))
    };
    (of(|at| at.0), of(|at| at.1))
}

/// The number at which many pixels of many patterns stop.
pub(crate) struct Stop {
    /// It, in the unit of the intensity.
    pub largest: f32,
    /// Values that reach it.
    pub at: usize,
}

impl Stop {
    /// Of amplitudes (pattern, y, x), counts of which are (scale x amplitude)^2; in the pixels that
    /// are `good` in all of them, or in some.
    pub(crate) fn of(
        patterns: ArrayView3<'_, f32>,
        good: Option<ArrayView3<'_, bool>>,
        scale: Option<f64>,
    ) -> Option<Self> {
        let (_, height, width) = patterns.dim();
        let good = super::shared(good, (height, width));
        let survey = Survey::of(patterns, &good);
        let told = survey.patterns >= FEWEST && survey.quantum.is_finite();
        let mut sound = good.clone();
        stuck(&survey, patterns, &good).into_iter().for_each(|at| sound[at] = false);
        if told { Self::found(&survey, patterns, &sound, scale) } else { None }
    }

    fn found(
        survey: &Survey,
        patterns: ArrayView3<'_, f32>,
        good: &Array2<bool>,
        scale: Option<f64>,
    ) -> Option<Self> {
        let most = || survey.most.iter().zip(good).filter(|(_, good)| **good);
        let largest = most().map(|(most, _)| *most).fold(0.0, f32::max);
        let reach = most().filter(|(most, _)| **most == largest);
        // Where a detector saturates, several pixels have the largest number.
        if survey.quanta(f64::from(largest), scale) < Ceiling::LARGE || reach.count() < 3 {
            return None;
        }
        let just_below = largest * Ceiling::JUST_BELOW;
        let asked = Asked::here();
        let each = patterns.outer_iter().in_parallel().map(|pattern| {
            let mut ceiling = Ceiling::default();
            if asked.to_stop() {
                return ceiling;
            }
            for (&value, &good) in pattern.iter().zip(good) {
                let value = if good { value * value } else { 0.0 };
                ceiling.at += usize::from(value >= largest);
                ceiling.below += usize::from(value >= just_below && value < largest);
            }
            ceiling
        });
        let ceiling = each.into_iter().fold(Ceiling::default(), std::ops::Add::add);
        ceiling.is_saturation().then_some(Self { largest, at: ceiling.at })
    }

    /// The number in counts, where the scale is known, a whole one where it is nearly one: it is a
    /// root that was squared again.
    pub(crate) fn number(&self, scale: Option<f64>) -> f64 {
        let number = f64::from(self.largest) * scale.map_or(1.0, |scale| scale * scale);
        let whole = (number - number.round()).abs() < 1e-5 * number;
        if whole { number.round() } else { number }
    }

    /// The number with its unit.
    pub(crate) fn in_words(&self, scale: Option<f64>) -> String {
        let unit = if scale.is_some() { "counts" } else { "in intensity" };
        let number = self.number(scale);
        let whole = number.fract() == 0.0;
        let number = if whole { format!("{number:.0}") } else { format!("{number:.4e}") };
        format!("{number} {unit}")
    }
}

fn saturation(
    survey: &Survey,
    patterns: ArrayView3<'_, f32>,
    good: &Array2<bool>,
    scale: Option<f64>,
) -> Option<Remark> {
    let stop = Stop::found(survey, patterns, good, scale)?;
    let evidence = format!(
        "the largest number, {}, occurs {} times and hardly any just below it",
        stop.in_words(scale),
        stop.at
    );
    Some(Remark::new(
        What::Saturation,
        evidence,
        "the detector saturates or the numbers were clipped: give a mask of those pixels for each \
         pattern, or say what the patterns hold (--quantity counts): a reconstruction \
         takes saturated counts as at least that much",
    ))
}

/// Centre of the bright part of the mean pattern.
struct Light {
    /// Row and column.
    centre: (f64, f64),
    /// Mean of the squared distance from there.
    spread: f64,
    /// Its intensity in the mean pattern.
    total: f64,
}

impl Light {
    fn of(survey: &Survey, good: &Array2<bool>) -> Option<Self> {
        let lit = || survey.mean.indexed_iter().filter(|(at, _)| good[*at]);
        let most = lit().map(|(_, mean)| *mean).fold(0.0, f64::max);
        let bright = || lit().filter(|(_, mean)| **mean > 0.05 * most);
        let total: f64 = bright().map(|(_, mean)| *mean).sum();
        let y = bright().map(|((y, _), mean)| y as f64 * mean).sum::<f64>() / total;
        let x = bright().map(|((_, x), mean)| x as f64 * mean).sum::<f64>() / total;
        let square =
            |row: usize, column: usize| (row as f64 - y).powi(2) + (column as f64 - x).powi(2);
        let spread = bright().map(|((row, column), mean)| square(row, column) * mean / total).sum();
        (total > 0.0).then_some(Self { centre: (y, x), spread, total })
    }

    fn pixel(&self) -> (usize, usize) {
        (self.centre.0.round() as usize, self.centre.1.round() as usize)
    }
}

/// Where the light is, when that is not the middle.
fn off_centre(survey: &Survey, good: &Array2<bool>, scale: Option<f64>) -> Option<Remark> {
    let (height, width) = survey.shape();
    if height < 16 || width < 16 {
        return None;
    }
    let Light { centre: (y, x), spread, total } = Light::of(survey, good)?;
    if cornered(survey, good) {
        return Some(Remark::new(
            What::OffCentre,
            "the light is in the four corners of the patterns, where the highest frequencies should be",
            "say where the zero frequency is in the file: --zero-frequency corner, or centre where it \
             was taken to be in the corner",
        ));
    }
    let (middle_y, middle_x) = middle((height, width));
    let off = (y - middle_y as f64).hypot(x - middle_x as f64);
    // Of few photons the centre is uncertain itself.
    let photons = survey.quanta(total, scale) * survey.patterns as f64;
    let least = OFF.0.max(OFF.1 * height.min(width) as f64);
    (off > least.max(5.0 * (spread / photons.max(1.0)).sqrt())).then(|| {
        let evidence = format!(
            "the light is centred on row {y:.1}, column {x:.1} of the patterns, {off:.1} px off the \
             middle ({middle_y}, {middle_x})"
        );
        Remark::new(
            What::OffCentre,
            evidence,
            format!(
                "if that is where the beam is, say so (--detector-centre {y:.0},{x:.0}); otherwise the \
                 object gets a phase ramp"
            ),
        )
    })
}

/// Whether the bright part of the mean pattern is nearer to the corners, which are one point of a
/// periodic pattern, than to the middle.
fn cornered(survey: &Survey, good: &Array2<bool>) -> bool {
    let (height, width) = survey.shape();
    let lit = || survey.mean.indexed_iter().filter(|(at, _)| good[*at]);
    let most = lit().map(|(_, mean)| *mean).fold(0.0, f64::max);
    let spread = |from: (usize, usize)| -> f64 {
        let along = |index: usize, from: usize, length: usize| {
            let apart = index.abs_diff(from);
            apart.min(length - apart).pow(2) as f64
        };
        let bright = lit().filter(|(_, mean)| **mean > 0.05 * most);
        bright
            .map(|((y, x), mean)| mean * (along(y, from.0, height) + along(x, from.1, width)))
            .sum()
    };
    spread((0, 0)) < CORNERED * spread(middle((height, width)))
}

/// Where the zero frequency is.
fn middle((height, width): (usize, usize)) -> (usize, usize) {
    (height / 2, width / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    /// Patterns of a round spot whose counts differ from one to the next.
    fn spot(change: impl Fn((usize, usize, usize), f32) -> f32) -> Array3<f32> {
        Array3::from_shape_fn((40, 32, 32), |(i, y, x)| {
            let radius = (y as f32 - 16.0).hypot(x as f32 - 16.0);
            let light = 400.0 * (-radius * radius / 40.0).exp();
            let chance = ((i * 7919 + y * 104_729 + x * 1_299_709) % 1009) as f32 / 1009.0;
            let count =
                (light + 2.0 * light.sqrt() * (chance - 0.5) + 0.5 * chance).round().max(0.0);
            change((i, y, x), count).sqrt()
        })
    }

    fn told(patterns: &Array3<f32>) -> Vec<(What, usize, bool)> {
        let good = Array2::from_elem((32, 32), true);
        let survey = Survey::of(patterns.view(), &good);
        let stuck = stuck(&survey, patterns.view(), &good);
        let remarks = look(&survey, patterns.view(), &good, stuck, Some(1.0));
        remarks
            .into_iter()
            .map(|remark| (remark.what, remark.pixels.len(), remark.certain))
            .collect()
    }

    #[test]
    fn sound_patterns_have_no_remark() {
        assert_eq!(told(&spot(|_, count| count)), []);
    }

    #[test]
    fn dead_and_stuck_pixels_are_found() {
        let patterns = spot(|(_, y, x), count| match (y, x) {
            (12, 13) | (12, 14) => 0.0,
            (4, 4) => 77.0,
            _ => count,
        });
        assert_eq!(told(&patterns), [(What::HotPixels, 1, true), (What::DeadPixels, 2, true)]);
        let third = told(&spot(|(_, y, _), count| if y < 11 { 0.0 } else { count }));
        assert!(matches!(third[..], [(What::DeadPixels, 20.., false)]), "{third:?}");
    }

    #[test]
    fn pixels_that_are_hot_at_times_are_hot_and_those_hit_once_are_not() {
        let hot = |every: usize| {
            spot(|(i, y, x), count| if (y, x) == (4, 4) && i % every == 0 { 9e3 } else { count })
        };
        assert_eq!(told(&hot(2)), [(What::HotPixels, 1, true)]);
        assert_eq!(told(&hot(40)), []);
    }

    #[test]
    fn clipped_numbers_are_saturation() {
        assert_eq!(told(&spot(|_, count| count.min(300.0))), [(What::Saturation, 0, false)]);
    }

    #[test]
    fn a_beam_off_the_middle_is_found() {
        let patterns = spot(|_, count| count);
        let rolled = Array3::from_shape_fn((40, 32, 32), |(i, y, x)| {
            patterns[(i, (y + 29) % 32, (x + 2) % 32)]
        });
        assert_eq!(told(&rolled), [(What::OffCentre, 0, false)]);
    }

    #[test]
    fn light_in_the_corners_is_told_as_such() {
        let patterns = spot(|_, count| count);
        let rolled = Array3::from_shape_fn((40, 32, 32), |(i, y, x)| {
            patterns[(i, (y + 16) % 32, (x + 16) % 32)]
        });
        let good = Array2::from_elem((32, 32), true);
        let survey = Survey::of(rolled.view(), &good);
        let remarks = look(&survey, rolled.view(), &good, Vec::new(), Some(1.0));
        assert!(remarks.iter().all(|remark| remark.what == What::OffCentre), "{remarks:?}");
        assert!(remarks[0].advice.contains("--zero-frequency"), "{remarks:?}");
    }

    #[test]
    fn what_is_written_without_light_is_told_from_light_that_is_everywhere() {
        let level = |patterns: &Array3<f32>| {
            let good = Array2::from_elem((32, 32), true);
            dark::level(&Survey::of(patterns.view(), &good), &good, Unit::Counts(1.0))
        };
        assert_eq!(level(&spot(|_, count| count)), None);
        let written = spot(|_, count| count + 50.0);
        assert_eq!(level(&written), Some(50.0));
        assert_eq!(told(&written), [(What::DarkLevel, 0, false)]);
        // 40 photons in every pixel vary by 6: sums of twelve even draws are nearly normal.
        let mut state = 1_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as f32 / (1_u64 << 31) as f32
        };
        let chance = Array3::from_shape_simple_fn((40, 32, 32), || {
            (0..12).map(|_| draw()).sum::<f32>() - 6.0
        });
        let light = |gain: f32| {
            spot(|at, count| (count + 40.0 + (gain * 40.0_f32).sqrt() * chance[at]).round())
        };
        assert_eq!((level(&light(1.0)), level(&light(4.0))), (None, None));
        let steady = level(&light(0.02)).unwrap();
        assert!((steady - 40.0).abs() < 1.5 && steady.to_string().len() <= 4, "{steady}");
    }

    #[test]
    fn a_level_of_whole_numbers_is_told_whatever_they_were_taken_for() {
        let good = Array2::from_elem((32, 32), true);
        let unit = |patterns: &Array3<f32>| {
            let survey = Survey::of(patterns.view(), &good);
            let unit = Unit::of(&survey, None)?;
            Some((unit, dark::level(&survey, &good, unit)))
        };
        let intensities = spot(|_, count| count + 100.0);
        assert_eq!(unit(&intensities), Some((Unit::Intensities, Some(100.0))));
        let amplitudes = intensities.mapv(|amplitude| (amplitude * amplitude).round());
        assert_eq!(unit(&amplitudes), Some((Unit::Amplitudes, Some(100.0))));
        assert_eq!(unit(&spot(|_, count| count)), Some((Unit::Intensities, None)));
        assert_eq!(unit(&intensities.mapv(|amplitude| 0.37 * amplitude)), None);
    }
}
