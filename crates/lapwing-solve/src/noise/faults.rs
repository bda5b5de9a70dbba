//! Pixels and patterns that hold no measurement.

use super::Faults;
use super::moments::Moments;
use super::stack::{Buffer, GoOn, Stack, Stopped};
use lapwing_model::faults::{self, Ceiling, HOT, LOST, QUANTA, SPREADS, STUCK};
use lapwing_model::faults::{far_too_bright, near};
use lapwing_model::{Position, median};
use ndarray::Array2;

/// Neighbours on either side, along the path, that a pattern is compared with.
const AROUND: usize = 4;
/// A pattern is an outlier when its correlation with the mean pattern is below that of the others
/// by this much, too. Of counts throughout it takes less than of the numbers of a file.
const UNLIKE: f64 = 0.08;
/// A pixel is stuck when its variance, relative to its mean, is below this share of that of the
/// quietest others, or of photons.
const QUIET: f64 = 0.25;
/// This many larger counts, expected of photons and not seen, indicate saturation.
const MISSING: f64 = 40.0;

/// Finds the faults of the patterns along `path`, taken at `scan`; `good` loses the pixels found.
/// `first` are the moments of these patterns where each has a mask of its own.
pub(super) fn find(
    stack: &Stack<'_>,
    scan: &[Position],
    path: &[usize],
    good: &mut Array2<bool>,
    first: Option<&Moments>,
    go_on: GoOn<'_>,
) -> Result<Faults, Stopped> {
    let (lost, bright) = by_light(stack, scan, path, good, first, &mut *go_on)?;
    let is_out = |at: &usize| lost.binary_search(at).is_ok() || bright.binary_search(at).is_ok();
    let mut members: Vec<usize> = path.iter().copied().filter(|at| !is_out(at)).collect();
    members.sort_unstable();
    if members.len() < 4 {
        return Ok(Faults { lost, wrong: bright, ..Faults::default() });
    }
    // Bad patterns hide bad pixels, and bright bad pixels hide bad patterns.
    let mut wrong = bright;
    let mut leave_out_wrong = |members: &mut Vec<usize>, good: &Array2<bool>, go_on: GoOn<'_>| {
        let moments = Moments::of(stack, members, &mut *go_on)?;
        let found = self::wrong(stack, scan, &moments, good, members, go_on)?;
        members.retain(|pattern| found.binary_search(pattern).is_err());
        wrong.extend(found);
        Ok::<(), Stopped>(())
    };
    leave_out_wrong(&mut members, good, &mut *go_on)?;
    let moments = Moments::of(stack, &members, &mut *go_on)?;
    let dead = dead(&moments, good);
    let mut hot = hot(&moments, good);
    if !(dead.is_empty() && hot.is_empty()) {
        dead.iter().chain(&hot).for_each(|&at| good[at] = false);
        leave_out_wrong(&mut members, good, &mut *go_on)?;
    }
    let saturation = saturation(stack, &members, &moments, good, go_on)?;
    if let Some(limit) = saturation {
        // A pixel in bright light that is nearly always at the limit is no fault.
        hot.retain(|&at| {
            let all = Array2::from_elem(good.dim(), true);
            let bright = near(at, &all).map(|at| moments.mean[at]).fold(0.0, f64::max);
            let mostly = moments.mean[at] > 0.9 * f64::from(limit);
            let saturated = mostly && bright > 0.5 * f64::from(limit);
            good[at] |= saturated;
            !saturated
        });
    }
    wrong.sort_unstable();
    Ok(Faults { dead, hot, saturation, lost, wrong })
}

/// Patterns without the light that their neighbours along the path have, and those of far more
/// light than a specimen lets through.
fn by_light(
    stack: &Stack<'_>,
    scan: &[Position],
    path: &[usize],
    good: &Array2<bool>,
    first: Option<&Moments>,
    go_on: GoOn<'_>,
) -> Result<(Vec<usize>, Vec<usize>), Stopped> {
    let total = |buffer: &mut Buffer, &pattern: &usize| -> Option<f64> {
        let pattern = stack.pattern(pattern, buffer);
        let pixels = pattern.values.iter().zip(good);
        let total: f64 =
            pixels.filter(|(_, good)| **good).map(|(&value, _)| f64::from(value)).sum();
        let share = first.map_or(Some(1.0), |usual| usual.seen_share(pattern.hidden, good));
        share.map(|share| total / share)
    };
    let totals = stack.each(path.iter(), 1, go_on, Buffer::default, total)?;
    // What cannot be told is as usual.
    let middle = usual(totals.iter().copied().flatten());
    let totals: Vec<f64> = totals.into_iter().map(|total| total.unwrap_or(middle)).collect();
    let around = |at: usize| {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(path.len());
        usual(around.filter(|&near| near != at).map(|near| totals[near]))
    };
    let beside: Vec<f64> = (0..path.len()).map(around).collect();
    let dark: Vec<usize> = (0..path.len())
        .filter(|&at| beside[at] >= QUANTA && totals[at] < LOST * beside[at])
        .collect();
    // In the order of time.
    let mut order: Vec<usize> = (0..path.len()).collect();
    order.sort_unstable_by_key(|&at| path[at]);
    let places: Vec<Position> = order.iter().map(|&at| scan[path[at]]).collect();
    let [light, usual] =
        [&totals, &beside].map(|of| order.iter().map(|&at| of[at]).collect::<Vec<_>>());
    let is_dark = |&place: &usize| dark.binary_search(&order[place]).is_ok();
    let dark: Vec<usize> = (0..order.len()).filter(is_dark).collect();
    let lost = faults::lost(&places, &dark, &light, &usual).into_iter();
    let lost: Vec<usize> = lost.map(|place| path[order[place]]).collect();
    let bright = far_too_bright(&totals, AROUND).into_iter();
    let mut bright: Vec<usize> = bright.map(|at| path[at]).collect();
    bright.sort_unstable();
    Ok((lost, bright))
}

/// Pixels that never count although half of those around them do.
fn dead(moments: &Moments, good: &Array2<bool>) -> Vec<(usize, usize)> {
    let silent = moments.mean.indexed_iter().filter(|(at, mean)| good[*at] && **mean == 0.0);
    silent
        .map(|(at, _)| at)
        .filter(|&at| {
            let usual = usual(near(at, good).map(|at| moments.mean[at]));
            usual * f64::from(moments.patterns[at]) >= QUANTA
        })
        .collect()
}

/// Pixels that are stuck, or far brighter than any near them away from the centre of the light.
fn hot(moments: &Moments, good: &Array2<bool>) -> Vec<(usize, usize)> {
    let ratio = |at: (usize, usize)| moments.variance[at] / moments.mean[at];
    let number = |at: (usize, usize)| moments.patterns[at];
    let lit =
        |at: &(usize, usize)| good[*at] && moments.mean[*at] * f64::from(number(*at)) >= QUANTA;
    let pixels: Vec<(usize, usize)> =
        moments.mean.indexed_iter().map(|(at, _)| at).filter(lit).collect();
    let mut ratios: Vec<f64> = pixels.iter().map(|&at| ratio(at)).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    // Up to a tenth may be stuck themselves.
    let quiet = ratios.get(ratios.len() / 10).copied().unwrap_or(0.0);
    let (y, x) = moments.centre(good);
    let mut hot: Vec<(usize, usize)> = pixels
        .into_iter()
        .filter(|&at| {
            let brightest = near(at, good).map(|at| moments.mean[at]).fold(0.0, f64::max);
            let central = (at.0 as f64 - y).hypot(at.1 as f64 - x) < 3.0;
            // Of few patterns a pixel may well be quiet by chance.
            let stuck = ratio(at) < QUIET * quiet.min(1.0) && number(at) as usize >= STUCK;
            stuck || (!central && moments.mean[at] > HOT * brightest)
        })
        .collect();
    hot.sort_unstable();
    hot
}

/// Patterns that resemble the mean pattern far less than the others do, and those beside them.
fn wrong(
    stack: &Stack<'_>,
    scan: &[Position],
    moments: &Moments,
    good: &Array2<bool>,
    members: &[usize],
    go_on: GoOn<'_>,
) -> Result<Vec<usize>, Stopped> {
    let model: Vec<f64> = moments.mean.iter().map(|mean| mean.sqrt()).collect();
    let norm: f64 = moments.sum(good);
    let of = |buffer: &mut Buffer, &pattern: &usize| -> Option<(f64, f64)> {
        let (mut product, mut power) = (0.0, 0.0);
        let pattern = stack.pattern(pattern, buffer);
        let share = moments.seen_share(pattern.hidden, good)?;
        let pixels = pattern.values.iter().zip(&model).zip(good);
        for ((&value, model), _) in pixels.filter(|(_, good)| **good) {
            let value = f64::from(value);
            product += value.sqrt() * model;
            power += value;
        }
        let length = (power * norm * share).sqrt();
        Some((if power > 0.0 { product / length } else { 0.0 }, power / share))
    };
    let resemblance: Vec<Option<(f64, f64)>> =
        stack.each(members.iter(), 1, go_on, Buffer::default, of)?;
    let dark = faults::too_dark(resemblance.iter().flatten().map(|(_, light)| *light));
    let lit = |&(value, light): &(f64, f64)| (light >= dark).then_some(value);
    let told = || resemblance.iter().flatten().filter_map(lit);
    let middle = usual(told());
    let spread = 1.4826 * usual(told().map(|value| (value - middle).abs()));
    let unlike = (SPREADS * spread).max(UNLIKE);
    // What cannot be told is as usual.
    let lacks: Vec<f64> =
        resemblance.iter().map(|value| value.map_or(0.0, |(value, _)| middle - value)).collect();
    let is_dark = |&at: &usize| resemblance[at].is_some_and(|found| lit(&found).is_none());
    let (dark, lit): (Vec<usize>, Vec<usize>) = (0..members.len()).partition(is_dark);
    let unlike: Vec<usize> = lit.into_iter().filter(|&at| lacks[at] > unlike).collect();
    let places: Vec<Position> = members.iter().map(|&at| scan[at]).collect();
    let found = faults::unlike_any(&places, [&unlike, &dark], &lacks, spread).into_iter();
    Ok(found.map(|at| members[at]).collect())
}

/// The value at which many pixels of many patterns stop, where there is one.
///
/// For large counts, where hardly any value is just below. Small counts repeat by nature: there the
/// pixels' means give the number of larger counts that photons would have made.
fn saturation(
    stack: &Stack<'_>,
    members: &[usize],
    moments: &Moments,
    good: &Array2<bool>,
    go_on: GoOn<'_>,
) -> Result<Option<f32>, Stopped> {
    let of = |buffer: &mut Buffer, pattern: usize, best: &mut dyn FnMut(f32)| {
        let pixels = stack.pattern(pattern, buffer).values.iter().zip(good);
        pixels.filter(|(_, good)| **good).for_each(|(&value, _)| best(value));
    };
    let largest_of = |buffer: &mut Buffer, &pattern: &usize| {
        let mut largest = 0.0_f32;
        of(buffer, pattern, &mut |value| largest = largest.max(value));
        largest
    };
    let each = stack.each(members.iter(), 1, &mut *go_on, Buffer::default, largest_of)?;
    let largest = each.into_iter().fold(0.0, f32::max);
    let just_below = (Ceiling::JUST_BELOW * largest).min(largest - 1.0);
    let counts = |buffer: &mut Buffer, &pattern: &usize| {
        let mut ceiling = Ceiling::default();
        of(buffer, pattern, &mut |value| {
            ceiling.at += usize::from(value >= largest);
            ceiling.below += usize::from(value >= just_below && value < largest);
        });
        ceiling
    };
    let each = stack.each(members.iter(), 1, go_on, Buffer::default, counts)?;
    let ceiling = each.into_iter().fold(Ceiling::default(), std::ops::Add::add);
    let stops = match f64::from(largest) < Ceiling::LARGE {
        true => {
            let means = moments.mean.iter().zip(good).filter(|(_, good)| **good);
            let above = means.map(|(&mean, _)| beyond(largest, mean)).sum::<f64>();
            ceiling.is_frequent() && above * members.len() as f64 >= MISSING
        }
        false => ceiling.is_saturation(),
    };
    Ok(stops.then_some(largest))
}

/// The probability that a Poisson count around `mean` exceeds `limit`.
fn beyond(limit: f32, mean: f64) -> f64 {
    let (mut probability, mut up_to) = ((-mean).exp(), 0.0);
    for count in 0..=limit.round() as u32 {
        up_to += probability;
        probability *= mean / f64::from(count + 1);
    }
    (1.0 - up_to).max(0.0)
}

/// The number in the middle, zero where there is none.
fn usual(values: impl Iterator<Item = f64>) -> f64 {
    median(values).unwrap_or(0.0)
}
