//! Photon counts recognised by their chance: whole numbers whose variance is their mean.
//!
//! Half the mean square difference of two exposures of the same light is the variance of their
//! noise. Of photons it is their mean; numbers of a gain g have g times that, and rounded roots of
//! counts far less where they are not nearly all zero. Patterns beside each other in the file have
//! nearly the same light where there is little of it.

use lapwing_model::parallel::InParallel;

use crate::patterns::Patterns;
use crate::stop::Asked;

/// Pairs of patterns that are looked at, at most, and at least.
const PAIRS: usize = 256;
const FEWEST: usize = 15;
/// Largest numbers of the groups of pixels, by their mean; what is brighter varies by the specimen.
const GROUPS: [f64; 4] = [0.2, 1.0, 5.0, 20.0];
/// Photons that a group has in all pairs, to tell anything.
const PHOTONS: f64 = 200.0;
/// Variance over mean of photons: at least, and at most of the pixels of the first group and for
/// each photon more.
const LEAST: f64 = 0.88;
const MOST: f64 = 1.25;
const PER_PHOTON: f64 = 1.0;

/// Whether the numbers that `counts` makes of the values of patterns are those of photons: whole,
/// and with the variance of chance wherever there is light. Few patterns, or bright ones alone, say
/// nothing.
pub(crate) fn are_counts(patterns: &Patterns, counts: impl Fn(f32) -> f32 + Sync) -> bool {
    let (n, height, width) = patterns.dim();
    let pairs = n.saturating_sub(1).min(PAIRS);
    if pairs < FEWEST {
        return false;
    }
    let values = patterns.values();
    let pixels = height * width;
    let asked = Asked::here();
    // Sums of the squared differences and of the numbers, group by group, row by row.
    let rows = (0..height).in_parallel().map(|row| {
        let mut groups = [(0.0_f64, 0.0_f64); GROUPS.len()];
        let mut whole = true;
        for column in 0..width {
            if asked.to_stop() {
                return (groups, false);
            }
            let (mut squares, mut sum) = (0.0, 0.0);
            for pair in 0..pairs {
                let first = pair * (n - 1) / pairs * pixels + row * width + column;
                let (a, b) = (counts(values[first]), counts(values[first + pixels]));
                whole &= a.fract() == 0.0 && b.fract() == 0.0;
                squares += f64::from(a - b).powi(2);
                sum += f64::from(a + b);
            }
            let mean = sum / (2 * pairs) as f64;
            if let Some(group) = GROUPS.iter().position(|&most| mean <= most) {
                let (of_squares, of_sums) = &mut groups[group];
                (*of_squares, *of_sums) = (*of_squares + squares, *of_sums + sum);
            }
        }
        (groups, whole)
    });
    let whole = rows.iter().all(|(_, whole)| *whole);
    let told = (0..GROUPS.len()).map(|group| {
        let of = |sums: &(f64, f64), row: &[(f64, f64); GROUPS.len()]| {
            (sums.0 + row[group].0, sums.1 + row[group].1)
        };
        rows.iter().fold((0.0, 0.0), |sums, (row, _)| of(&sums, row))
    });
    let told: Vec<Option<f64>> =
        told.map(|(squares, sum)| (sum >= 2.0 * PHOTONS).then(|| squares / sum)).collect();
    let chance = |(group, ratio): (usize, &Option<f64>)| {
        ratio.is_none_or(|ratio| (LEAST..MOST + PER_PHOTON * GROUPS[group]).contains(&ratio))
    };
    // The pixels of least light tell the unit.
    whole && told[..2].iter().any(Option::is_some) && told.iter().enumerate().all(chance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    /// Numbers of a spot of `light` photons in its middle, each drawn, made of counts by `made`.
    fn patterns(light: f64, made: impl Fn(f64, f64) -> f64) -> Patterns {
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bits = state ^ (state >> 29);
            (bits.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as f64 / (1_u64 << 31) as f64
        };
        Array3::from_shape_fn((60, 24, 24), |(index, y, x)| {
            let r = (y as f64 - 12.0).hypot(x as f64 - 12.0 - (0.1 * index as f64).sin());
            let mean = light * (-r * r / 25.0).exp();
            // Knuth's way: as many draws as stay above exp(-mean) when they are multiplied.
            let (mut count, mut product) = (0.0, draw());
            while product > (-mean).exp() {
                (count, product) = (count + 1.0, product * draw());
            }
            made(count, mean) as f32
        })
        .into()
    }

    #[test]
    fn photons_are_recognised_however_few() {
        for light in [0.15, 0.8, 4.0, 30.0] {
            assert!(are_counts(&patterns(light, |count, _| count), |value| value), "{light}");
            let roots = patterns(light, |count, _| 0.3 * count.sqrt());
            assert!(are_counts(&roots, |value| (value / 0.3).powi(2).round()), "{light}");
        }
    }

    #[test]
    fn other_whole_numbers_are_not() {
        for light in [0.15, 0.8, 4.0, 30.0] {
            for gain in [2.0, 3.3, 40.0] {
                let adu = patterns(light, |count, _| (gain * count).round());
                assert!(!are_counts(&adu, |value| value), "{light} {gain}");
            }
        }
        for light in [4.0, 30.0] {
            for each in [1.0, 1.3, 5.0] {
                let roots = patterns(light, |count, _| (each * count.sqrt()).round());
                assert!(!are_counts(&roots, |value| value), "{light} {each}");
            }
            let calm = patterns(light, |_, mean| mean.round());
            assert!(!are_counts(&calm, |value| value), "{light}");
            let broken = patterns(light, |count, _| count + 0.5);
            assert!(!are_counts(&broken, |value| value), "{light}");
        }
    }

    #[test]
    fn few_patterns_and_dark_ones_say_nothing() {
        let few = patterns(4.0, |count, _| count).select(&(0..8).collect::<Vec<_>>()).unwrap();
        assert!(!are_counts(&few, |value| value));
        assert!(!are_counts(&patterns(0.0, |count, _| count), |value| value));
    }
}
