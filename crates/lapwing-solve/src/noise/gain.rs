//! The gain, variance over mean, from the differences of neighbouring patterns.

use super::moments::Moments;
use super::rings::Rings;
use super::stack::{Buffer, GoOn, Stack, Stopped};
use lapwing_model::{Position, median};

/// Rings with more than this share of the brightest ring's mean are the direct beam.
const BEAM: f64 = 0.05;
/// Counts that a ring must have, over all pairs of neighbours, to be used.
const COUNTS: f64 = 200.0;
/// Pairs of patterns farther apart than this many times the usual distance are no neighbours.
const NEAR: f64 = 2.0;
/// Counts per pixel of a ring that is lit.
const LIT: f64 = 1.0;
/// A ring is so many times as bright as the darkest where a read-out that is clipped at zero, which
/// may be all that these show, hardly lowers its variance.
const ABOVE: f64 = 2.0;
/// Standard deviations by which the variance of a ring may be larger than it was found.
const SURE: f64 = 4.0;
/// Rings are alike in variance over mean where they differ from the average by no more than this
/// times the square of what chance makes, at least [`ALIKE`] of them, whose means span a factor of
/// [`SPAN`].
const MISFIT: f64 = 3.0;
const ALIKE: usize = 6;
const SPAN: f64 = 1.5;
/// Share of the pixels that are the darkest.
const DARKEST: f64 = 0.125;
/// A gain within this of 1 is that of photons.
const PHOTONS: f64 = 0.2;
/// Correlation of adjacent pixels' noise above which it is not independent.
const CORRELATED: f64 = 0.15;
/// Pixels so far apart have noise of their own, and the same light but for speckle.
const APART: usize = 2;
/// Pairs that one task sums; fixed, so that the sums do not depend on the number of threads.
const TASK: usize = 64;

/// Sums over pairs of neighbouring patterns.
struct Differences {
    /// Of each ring, over pixels that are good in both: sum (m - m')^2, sum (m + m'), over the
    /// pairs the sum of the square of the ring's mean, the number of pixels, and sum m m'.
    rings: Vec<[f64; 5]>,
    /// Of each ring, over good pixels [`APART`] in the same pattern: sum of products, and number.
    apart: Vec<(f64, f64)>,
    /// Of each ring: sum d d_right over pairs of adjacent good pixels, and sum d^2 over the same.
    adjacent: Vec<(f64, f64)>,
}

/// What is found of the detector's noise.
pub(super) struct Found {
    pub gain: f64,
    /// Whether the noise of adjacent pixels is correlated.
    pub correlated: bool,
    /// The variance that the darkest pixels lack, for their mean is that of a read-out which is
    /// clipped at zero and has not the noise of so much light.
    pub lacking: f64,
}

/// The gain and its kin. `path` lists the patterns, neighbours next to each other.
///
/// Half the mean square difference of neighbours is the variance of their noise, which is that of
/// the read-out and the gain times the mean, and a little more: their coherent light differs by an
/// amount that grows with the square of the light in the same pair of patterns, into few of which a
/// sharp edge scatters. A fit over the rings outside the direct beam separates the three.
pub(super) fn find(
    stack: &Stack<'_>,
    scan: &[Position],
    path: &[usize],
    rings: &Rings,
    moments: &Moments,
    go_on: GoOn<'_>,
) -> Result<Found, Stopped> {
    let means: Vec<f64> = rings
        .sums(&moments.mean)
        .into_iter()
        .map(|(sum, pixels)| if pixels > 0.0 { sum / pixels } else { 0.0 })
        .collect();
    let brightest = means.iter().copied().fold(0.0, f64::max);
    let dark: Vec<usize> =
        (0..rings.len()).rev().filter(|&ring| means[ring] <= BEAM * brightest).collect();
    let pairs = neighbours(scan, path);
    let differences = differences(stack, &pairs, rings, go_on)?;

    let pairs = pairs.len() as f64;
    let points: Vec<Point> = dark
        .iter()
        .filter_map(|&ring| {
            let [squares, counts, of_pairs, compared, common] = differences.rings[ring];
            let (mean, variance) = (means[ring], squares / (2.0 * compared));
            let usable = counts >= COUNTS && variance > 0.0;
            let weight = compared / (2.0 * variance * variance);
            // Less what counting adds to the square of a mean of both patterns' pixels.
            let noise = 0.5 * mean / (compared / pairs);
            let square = (of_pairs / pairs - noise).max(mean * mean);
            let pixels = rings.members(ring).len() as f64;
            let (products, number) = differences.apart[ring];
            let light = (products / number.max(1.0)).max(common / compared) / mean;
            usable.then_some(Point { mean, square, light, variance, weight, pixels })
        })
        .collect();
    // Light adds to differences and only the read-out lowers them: a gain below that of photons is
    // chance, and none is above what a lit ring shows. It is above 1 only where light that is
    // uncorrelated between patterns, with twice the variance of speckle, cannot explain it: a sharp
    // edge lights few patterns and a streak of their pixels, which products of pixels show.
    let beyond_light =
        |point: &Point| point.variance / point.mean - 2.0 * point.light > 1.0 + PHOTONS;
    let gain = slope_at_zero(&points).unwrap_or(1.0).min(largest(&points));
    let gain = match steady_ratio(&points) {
        // Static light far brighter than speckle, which products of pixels show as well.
        Some(steady) if steady >= 1.0 + PHOTONS => steady,
        _ if gain >= 1.0 + PHOTONS && points.iter().any(beyond_light) => gain,
        _ => 1.0,
    };

    let quiet = dark.iter().filter(|&&ring| {
        let [squares, counts, ..] = differences.rings[ring];
        squares < 1.1 * gain * counts
    });
    let (products, squares) = quiet.fold((0.0, 0.0), |sum, &ring| {
        let (products, squares) = differences.adjacent[ring];
        (sum.0 + products, sum.1 + squares)
    });
    let (mean, variance) = darkest(&points);
    let lacking = if gain == 1.0 { 0.0 } else { gain * mean - variance };
    Ok(Found {
        gain,
        correlated: squares > 0.0 && products / squares > CORRELATED,
        lacking: if lacking > PHOTONS * gain * mean { lacking } else { 0.0 },
    })
}

/// A ring: mean and variance of a pixel, and how well the latter is known.
struct Point {
    mean: f64,
    /// Mean over the pairs of the square of their mean.
    square: f64,
    /// Square over mean of the light but for speckle, which is the variance over mean that speckle
    /// adds: from products of pixels with noise of their own, in two patterns or in one.
    light: f64,
    variance: f64,
    weight: f64,
    pixels: f64,
}

impl Point {
    /// Standard deviation of the variance.
    fn error(&self) -> f64 {
        self.weight.powf(-0.5)
    }
}

/// The variance over mean of the dimmer half of the pixels, where all their rings have the same
/// however bright they are: variance that coherent light makes grows with the square of it.
fn steady_ratio(points: &[Point]) -> Option<f64> {
    let dim = dimmest(points, 0.5);
    let [first, .., last] = dim.as_slice() else { return None };
    if dim.len() < ALIKE || last.mean < SPAN * first.mean {
        return None;
    }
    let weight = |point: &Point| point.weight * point.mean.powi(2);
    let (sum, all) = dim.iter().fold((0.0, 0.0), |(sum, all), point| {
        let weight = weight(point);
        (sum + weight * point.variance / point.mean, all + weight)
    });
    let ratio = sum / all;
    let squares: f64 =
        dim.iter().map(|point| weight(point) * (point.variance / point.mean - ratio).powi(2)).sum();
    (squares <= MISFIT * (dim.len() - 1) as f64).then_some(ratio)
}

/// The dimmest rings that hold this share of the pixels of all, from the darkest on.
fn dimmest(points: &[Point], share: f64) -> Vec<&Point> {
    let mut points: Vec<&Point> = points.iter().collect();
    points.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let enough = share * points.iter().map(|point| point.pixels).sum::<f64>();
    let mut pixels = 0.0;
    points.retain(|point| {
        let before = pixels;
        pixels += point.pixels;
        before < enough
    });
    points
}

/// The largest gain that the lit rings leave possible: the least of their variances over means.
///
/// A read-out that is clipped at zero adds to means as well as to variances. What a ring has more
/// than the darkest is that of light, and where the read-out hides, the variance over mean of that
/// is the larger one.
fn largest(points: &[Point]) -> f64 {
    let (mean, variance) = darkest(points);
    // Dark rings with the noise of photons are lit.
    let above = if variance < (1.0 + PHOTONS) * mean { 0.0 } else { ABOVE * mean };
    // One of a few pixels limits nothing by chance.
    let at_most = |point: &Point| point.variance + SURE * point.error();
    let ratio = |point: &Point| at_most(point) / point.mean;
    let beyond = |point: &Point| {
        let more = point.mean - mean;
        let beyond = if more > 0.0 { (at_most(point) - variance) / more } else { 0.0 };
        beyond.max(ratio(point))
    };
    let lit = || points.iter().filter(|point| point.mean >= LIT);
    let bright = lit().filter(|point| point.mean >= above).map(beyond).reduce(f64::min);
    bright.unwrap_or_else(|| lit().map(ratio).fold(f64::INFINITY, f64::min))
}

/// Mean and variance of a pixel of the darkest rings, zero where there are none.
fn darkest(points: &[Point]) -> (f64, f64) {
    let of = |value: fn(&Point) -> f64| {
        let dim = dimmest(points, DARKEST);
        let sum: f64 = dim.iter().map(|point| point.pixels * value(point)).sum();
        sum / dim.iter().map(|point| point.pixels).sum::<f64>().max(1.0)
    };
    (of(|point| point.mean), of(|point| point.variance))
}

/// The gain of variance = read-out + gain mean + change square that fits `points` best; without the
/// read-out's term where there are few.
fn slope_at_zero(points: &[Point]) -> Option<f64> {
    let powers: &[usize] = match points.len() {
        0 => return None,
        1..3 => &[1],
        3..6 => &[1, 2],
        _ => &[0, 1, 2],
    };
    // Means of about 1 keep the equations well conditioned.
    let scale = points.iter().map(|point| point.mean).fold(0.0, f64::max);
    let mut normal = [[0.0; 4]; 3];
    for point in points {
        let of_power = |&power: &usize| match power {
            0 => 1.0,
            1 => point.mean / scale,
            _ => point.square / (scale * scale),
        };
        let terms: Vec<f64> = powers.iter().map(of_power).collect();
        for (row, a) in normal.iter_mut().zip(&terms) {
            row.iter_mut().zip(&terms).for_each(|(sum, b)| *sum += point.weight * a * b);
            row[3] += point.weight * a * point.variance;
        }
    }
    let solution = solve(normal, powers.len())?;
    let at = powers.iter().position(|&power| power == 1)?;
    let gain = solution[at] / scale;
    (gain > 0.0 && gain.is_finite()).then_some(gain)
}

/// Solves `n` positive definite equations, the right sides in column 3, by Gauss's elimination.
fn solve(mut equations: [[f64; 4]; 3], n: usize) -> Option<[f64; 3]> {
    for pivot in 0..n {
        let diagonal = equations[pivot][pivot];
        if diagonal.is_nan() || diagonal <= 0.0 {
            return None;
        }
        for row in pivot + 1..n {
            let factor = equations[row][pivot] / diagonal;
            let above = equations[pivot];
            equations[row]
                .iter_mut()
                .zip(above)
                .for_each(|(value, above)| *value -= factor * above);
        }
    }
    let mut solution = [0.0; 3];
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| equations[row][column] * solution[column]).sum();
        solution[row] = (equations[row][3] - known) / equations[row][row];
    }
    Some(solution)
}

/// Pairs of patterns next to each other in `path` and in the scan.
fn neighbours(scan: &[Position], path: &[usize]) -> Vec<(usize, usize)> {
    let distance = |a: usize, b: usize| (scan[a].y - scan[b].y).hypot(scan[a].x - scan[b].x);
    let mut pairs: Vec<(f64, usize, usize)> =
        path.windows(2).map(|pair| (distance(pair[0], pair[1]), pair[0], pair[1])).collect();
    let usual = median(pairs.iter().map(|pair| pair.0)).unwrap_or(0.0);
    pairs.retain(|pair| pair.0 <= NEAR * usual);
    pairs.into_iter().map(|(_, a, b)| (a, b)).collect()
}

fn differences(
    stack: &Stack<'_>,
    pairs: &[(usize, usize)],
    rings: &Rings,
    go_on: GoOn<'_>,
) -> Result<Differences, Stopped> {
    let (height, width) = stack.shape();
    let mut good = vec![false; height * width];
    for ring in 0..rings.len() {
        rings.members(ring).iter().for_each(|&place| good[place as usize] = true);
    }
    let none = || Differences {
        rings: vec![[0.0; 5]; rings.len()],
        apart: vec![(0.0, 0.0); rings.len()],
        adjacent: vec![(0.0, 0.0); rings.len()],
    };
    let of_task = |_: &mut (), pairs: &[(usize, usize)]| {
        let mut sums = none();
        let mut difference = vec![0.0_f64; height * width];
        let mut of_pair = Vec::new();
        let (mut first, mut second) = (Buffer::default(), Buffer::default());
        for &(a, b) in pairs {
            let (a, b) = (stack.pattern(a, &mut first), stack.pattern(b, &mut second));
            let hidden = [a.hidden, b.hidden].concat();
            let (a, b) = (a.values, b.values);
            for ((difference, a), b) in difference.iter_mut().zip(a).zip(b) {
                *difference = f64::from(*a) - f64::from(*b);
            }
            let good = match hidden.is_empty() {
                true => &good,
                false => {
                    of_pair.clone_from(&good);
                    hidden.iter().for_each(|&place| of_pair[place as usize] = false);
                    &of_pair
                }
            };
            for ring in 0..rings.len() {
                let [squares, counts, of_pairs, compared, common] = &mut sums.rings[ring];
                let (mut both, mut pixels) = (0.0, 0_usize);
                let (products, own) = &mut sums.adjacent[ring];
                let (light, number) = &mut sums.apart[ring];
                for &place in rings.members(ring) {
                    let place = place as usize;
                    if !good[place] {
                        continue;
                    }
                    pixels += 1;
                    let here = difference[place];
                    *squares += here * here;
                    let of = |place: usize| (f64::from(a[place]), f64::from(b[place]));
                    let (of_a, of_b) = of(place);
                    both += of_a + of_b;
                    *common += of_a * of_b;
                    let right = (place % width + APART < width).then_some(place + APART);
                    let below = Some(place + APART * width).filter(|&below| below < a.len());
                    for apart in [right, below].into_iter().flatten().filter(|&at| good[at]) {
                        let (apart_a, apart_b) = of(apart);
                        *light += of_a * apart_a + of_b * apart_b;
                        *number += 2.0;
                    }
                    if !(place + 1).is_multiple_of(width) && good[place + 1] {
                        *products += here * difference[place + 1];
                        *own += here * here;
                    }
                }
                *counts += both;
                *of_pairs += (0.5 * both / pixels.max(1) as f64).powi(2);
                *compared += pixels as f64;
            }
        }
        sums
    };
    let parts = stack.each(pairs.chunks(TASK), 2 * TASK, go_on, || (), of_task)?;
    let mut all = none();
    for part in &parts {
        for (sums, more) in all.rings.iter_mut().zip(&part.rings) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        for (sum, more) in all.apart.iter_mut().zip(&part.apart) {
            sum.0 += more.0;
            sum.1 += more.1;
        }
        for (sum, more) in all.adjacent.iter_mut().zip(&part.adjacent) {
            sum.0 += more.0;
            sum.1 += more.1;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_one_pixel_limits_no_gain_by_chance() {
        // 300 pairs: of a single pixel the variance is known to 8 %.
        let ring = |mean: f64, pixels: f64, ratio: f64| {
            let variance = ratio * mean;
            let weight = 300.0 * pixels / (2.0 * variance * variance);
            Point { mean, square: mean * mean, light: 0.0, variance, weight, pixels }
        };
        let mut rings: Vec<Point> =
            (1..20).map(|ring_of| ring(0.2 * f64::from(ring_of), 100.0, 4.75)).collect();
        rings.push(ring(2.6, 1.0, 3.6));
        assert!(largest(&rings) > 4.7, "{}", largest(&rings));
        // A whole ring does.
        rings.push(ring(2.6, 100.0, 3.6));
        assert!(largest(&rings) < 3.8, "{}", largest(&rings));
    }
}
