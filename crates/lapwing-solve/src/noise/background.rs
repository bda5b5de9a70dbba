//! The static background, from mean and variance of every pixel over the scan.

use super::gain::Found;
use super::inwards::{Inwards, RingLight};
use super::moments::Moments;
use super::rings::Rings;
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, Axis, s};

/// Rings are pooled with their neighbours within 1 + r / POOL.
const POOL: usize = 12;
/// Width by which the mean pattern is smoothed, pixels r.m.s.
const SMOOTH: f64 = 1.5;
/// Pixels above this share of the mean pattern's 99th percentile are the direct beam.
const BEAM: f64 = 0.05;
/// Pixels by which the direct beam is grown.
const GROW: usize = 3;
/// Share of a pattern below which a background is taken as zero.
const NOTHING: f64 = 1e-6;

/// Mean of the static light in every pixel that is `seen`, 0 in the others. The `good` ones among
/// them are judged.
///
/// Outside the direct beam the share of static light is estimated ring by ring; it must not rise
/// outwards. Inside the direct beam, where coherent light is no speckle, the background is
/// continued from the rim, or with the slope of the rings that show little else ([`Inwards`]),
/// unless a clipped read-out is part of what these show. A pixel that is hidden too often to be
/// judged has what its ring has.
pub(super) fn find(
    moments: &Moments,
    noise: &Found,
    rings: &Rings,
    good: &Array2<bool>,
    seen: &Array2<bool>,
) -> Array2<f32> {
    let shape = good.dim();
    let beam = direct_beam(&moments.mean, seen);
    let by_ring = by_rings(moments, noise, rings, &beam);
    let mut falling: Vec<f64> = by_ring.iter().map(|ring| ring.background).collect();
    for ring in (1..falling.len()).rev() {
        falling[ring - 1] = falling[ring - 1].max(falling[ring]);
    }
    let inwards = if noise.lacking > 0.0 { None } else { Inwards::of(&by_ring) };
    let inwards = |at| inwards.map_or(0.0, |inwards| inwards.at(rings.of(at) as f64));
    let outside = Array2::from_shape_fn(shape, |at| good[at] && !beam[at]);
    let smoothed = normalised_blur(&moments.mean, &outside, SMOOTH);
    let ring_means: Vec<f64> = rings.sums(&moments.mean).into_iter().map(mean).collect();
    let known = Array2::from_shape_fn(shape, |at| {
        let ring = rings.of(at);
        let smooth = smoothed[at];
        match outside[at] && ring_means[ring] > 0.0 {
            true => (falling[ring] * smooth / ring_means[ring]).min(smooth),
            false => 0.0,
        }
    });
    let continued = normalised_blur(&known, &outside, shape.0.max(shape.1) as f64 / 16.0);
    let background = Array2::from_shape_fn(shape, |at| match (seen[at], beam[at]) {
        (false, _) => 0.0,
        (true, true) => continued[at].max(inwards(at)).min(moments.mean[at]) as f32,
        (true, false) if good[at] => known[at].max(inwards(at).min(smoothed[at])) as f32,
        (true, false) => falling[rings.of(at)].max(inwards(at)).min(moments.mean[at]) as f32,
    });
    let all: f64 = background.iter().map(|&value| f64::from(value)).sum();
    if all < NOTHING * moments.sum(seen) { Array2::zeros(shape) } else { background }
}

/// Of a sum over so many pixels; 0 over none.
pub(super) fn mean((sum, pixels): (f64, f64)) -> f64 {
    if pixels > 0.0 { sum / pixels } else { 0.0 }
}

/// The light of each ring; `beam` marks the pixels of the direct beam.
fn by_rings(
    moments: &Moments,
    noise: &Found,
    rings: &Rings,
    beam: &Array2<bool>,
) -> Vec<RingLight> {
    let (means, variances) = (rings.sums(&moments.mean), rings.sums(&moments.variance));
    let in_beam = rings.sums(&beam.mapv(|beam| f64::from(u8::from(beam))));
    let patterns = rings.sums(&moments.patterns.mapv(f64::from));
    let of_ring = |ring: usize| {
        let reach = 1 + ring / POOL;
        let pooled = ring.saturating_sub(reach)..(ring + reach + 1).min(rings.len());
        let sum = |sums: &[(f64, f64)]| {
            sums[pooled.clone()]
                .iter()
                .fold((0.0, 0.0), |sum, ring| (sum.0 + ring.0, sum.1 + ring.1))
        };
        let (light, variance) = (mean(sum(&means)), mean(sum(&variances)));
        let pixels = means[ring].1;
        let none = RingLight { pixels, ..RingLight::default() };
        if light <= 0.0 || pixels == 0.0 {
            return none;
        }
        let of_noise = (noise.gain * light - noise.lacking).max(0.0);
        let coherent = |variance: f64| (variance - of_noise).max(0.0).sqrt() / light;
        // Of counts: their fourth moment about the mean is 3 variance^2 + gain^2 variance.
        let error = (2.0 * variance + noise.gain.powi(2)) * variance / sum(&patterns).0;
        let own = mean(means[ring]);
        RingLight {
            mean: own,
            background: (1.0 - coherent(variance)).clamp(0.0, 1.0) * own,
            coherent: coherent(variance + 2.0 * error.sqrt()) * own,
            pixels,
            beam: in_beam[ring].0 / pixels,
        }
    };
    (0..rings.len()).map(of_ring).collect()
}

/// The direct beam, grown by a few pixels.
pub(super) fn direct_beam(mean: &Array2<f64>, good: &Array2<bool>) -> Array2<bool> {
    let (height, width) = mean.dim();
    let mut values: Vec<f64> =
        mean.iter().zip(good).filter(|(_, good)| **good).map(|(&mean, _)| mean).collect();
    values.sort_unstable_by(f64::total_cmp);
    let top = values.get(values.len() * 99 / 100).copied().unwrap_or(0.0);
    let mut beam = Array2::from_elem((height, width), false);
    for ((y, x), &value) in mean.indexed_iter() {
        if good[(y, x)] && value > BEAM * top {
            for row in y.saturating_sub(GROW)..(y + GROW + 1).min(height) {
                for column in x.saturating_sub(GROW)..(x + GROW + 1).min(width) {
                    if row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2) <= GROW * GROW {
                        beam[(row, column)] = true;
                    }
                }
            }
        }
    }
    beam
}

/// The average of the values at `known` pixels under a Gaussian of width `sigma` around each pixel;
/// 0 where none is near.
pub(crate) fn normalised_blur(
    values: &Array2<f64>,
    known: &Array2<bool>,
    sigma: f64,
) -> Array2<f64> {
    let weights = known.mapv(|known| f64::from(u8::from(known)));
    let (sum, weight) = (blur(&(values * &weights), sigma), blur(&weights, sigma));
    let mut out = sum;
    out.zip_mut_with(&weight, |sum, &weight| {
        *sum = if weight > 1e-12 { *sum / weight } else { 0.0 };
    });
    out
}

/// Convolves with a Gaussian of width `sigma`, zero beyond the edges.
fn blur(values: &Array2<f64>, sigma: f64) -> Array2<f64> {
    let reach = (6.0 * sigma).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach).map(|d| (-0.5 * (d as f64 / sigma).powi(2)).exp()).collect();
    let (height, width) = values.dim();
    // Along x: whole pieces of a row at once, one distance after the other.
    let mut once = Array2::zeros((height, width));
    once.axis_iter_mut(Axis(0)).zip(values.axis_iter(Axis(0))).in_parallel().for_each(
        |(mut out, row)| {
            let taps = kernel.iter().enumerate().take(width);
            for (distance, &weight) in taps.clone().skip(1).rev() {
                out.slice_mut(s![distance..])
                    .scaled_add(weight, &row.slice(s![..width - distance]));
            }
            for (distance, &weight) in taps {
                out.slice_mut(s![..width - distance])
                    .scaled_add(weight, &row.slice(s![distance..]));
            }
        },
    );
    // Along y: whole rows.
    let mut out = Array2::zeros((height, width));
    out.axis_iter_mut(Axis(0)).enumerate().in_parallel().for_each(|(y, mut out)| {
        for row in y.saturating_sub(reach)..(y + reach + 1).min(height) {
            out.scaled_add(kernel[row.abs_diff(y)], &once.row(row));
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_is_the_sum_over_its_kernel() {
        let (height, width, sigma) = (9, 23, 1.4_f64);
        let values =
            Array2::from_shape_fn((height, width), |(y, x)| ((7 * y + 3 * x * x) % 11) as f64);
        let weight = |a: usize, b: usize| {
            let distance = a.abs_diff(b) as f64;
            if distance > (6.0 * sigma).ceil() {
                return 0.0;
            }
            (-0.5 * (distance / sigma).powi(2)).exp()
        };
        let expected = Array2::from_shape_fn((height, width), |(y, x)| -> f64 {
            let terms = values
                .indexed_iter()
                .map(|((row, column), value)| value * weight(y, row) * weight(x, column));
            terms.sum()
        });
        let error = (blur(&values, sigma) - &expected).fold(0.0_f64, |most, e| most.max(e.abs()));
        assert!(error < 1e-12 * expected.fold(0.0, |most: f64, &e| most.max(e)), "{error}");
        // A kernel wider than the array.
        let flat = normalised_blur(
            &Array2::from_elem((3, 40), 2.5),
            &Array2::from_elem((3, 40), true),
            30.0,
        );
        assert!(flat.iter().all(|value| (value - 2.5).abs() < 1e-12));
    }
}
