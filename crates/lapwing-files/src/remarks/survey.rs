//! One pass over the patterns that everything else is told from.

use lapwing_model::parallel::InParallel;
use ndarray::{Array2, ArrayView3, Axis};

use crate::stop::Asked;

/// Patterns that tell of the pixels; more would say the same.
const LOOKED_AT: usize = 512;
/// Pixels that one task looks at.
const PIECE: usize = 4096;

/// What the patterns of a scan hold, pixel by pixel and pattern by pattern, as intensities.
pub(super) struct Survey {
    /// Sum of each pattern over the good pixels.
    pub totals: Vec<f64>,
    /// Mean of each pixel over the patterns looked at.
    pub mean: Array2<f64>,
    /// Smallest and largest intensity of each pixel there.
    pub least: Array2<f32>,
    pub most: Array2<f32>,
    /// Number of patterns looked at.
    pub patterns: usize,
    /// Cosine between the amplitudes of each pattern and the root of the mean of all patterns, each
    /// brought to the same total first, over the good pixels: 1 when they are proportional.
    pub resemblance: Vec<f64>,
    /// The smallest intensity above zero, a photon where there are photons; infinite when all are
    /// dark.
    pub quantum: f64,
}

impl Survey {
    pub(super) fn of(amplitude: ArrayView3<'_, f32>, good: &Array2<bool>) -> Self {
        let (n, height, width) = amplitude.dim();
        let amplitude = amplitude.as_standard_layout();
        let amplitude = amplitude.view();
        let values = amplitude.as_slice().expect("it is in standard layout");
        let pixels = height * width;
        let good: Vec<bool> = good.iter().copied().collect();
        let pattern = |index: usize| &values[index * pixels..(index + 1) * pixels];
        let asked = Asked::here();
        let of_two = |index: usize, other: Option<&[f32]>| match asked.to_stop() {
            true => 0.0,
            false => product(pattern(index), other, &good),
        };
        let totals: Vec<f64> = (0..n).in_parallel().map(|index| of_two(index, None));
        let looked_at = n.min(LOOKED_AT);
        let places: Vec<usize> = (0..looked_at).map(|pick| pick * n / looked_at.max(1)).collect();
        let pieces: Vec<Piece> = (0..pixels.div_ceil(PIECE)).in_parallel().map(|piece| {
            let first = piece * PIECE;
            let range = first..(first + PIECE).min(pixels);
            let places: &[usize] = if asked.to_stop() { &[] } else { &places };
            Piece::of(values, &totals, places, pixels, range)
        });
        let joined = |of: fn(&Piece) -> &Vec<f32>| -> Vec<f32> {
            pieces.iter().flat_map(|piece| of(piece).iter().copied()).collect()
        };
        let mean: Vec<f64> = pieces.iter().flat_map(|piece| piece.mean.iter().copied()).collect();
        let quantum = pieces.iter().map(|piece| piece.quantum).fold(f32::INFINITY, f32::min);
        let usual: Vec<f32> = pieces
            .iter()
            .flat_map(|piece| piece.usual.iter().map(|mean| mean.sqrt() as f32))
            .collect();
        let norm = product(&usual, None, &good);
        let resemblance = (0..n).in_parallel().map(|index| {
            let length = (totals[index] * norm).sqrt();
            if length > 0.0 { of_two(index, Some(&usual)) / length } else { 0.0 }
        });
        let shaped = |values: Vec<f32>| {
            Array2::from_shape_vec((height, width), values).expect("one value for each pixel")
        };
        Self {
            totals,
            least: shaped(joined(|piece| &piece.least)),
            most: shaped(joined(|piece| &piece.most)),
            mean: Array2::from_shape_vec((height, width), mean).expect("one value for each pixel"),
            patterns: looked_at,
            resemblance,
            quantum: f64::from(quantum).powi(2),
        }
    }

    /// How many quanta an intensity is, in photons where the scale is known.
    pub(super) fn quanta(&self, intensity: f64, scale: Option<f64>) -> f64 {
        match scale {
            Some(scale) => intensity * scale * scale,
            None if self.quantum.is_finite() => intensity / self.quantum,
            None => 0.0,
        }
    }

    /// Shape of a pattern.
    pub(super) fn shape(&self) -> (usize, usize) {
        (self.mean.len_of(Axis(0)), self.mean.len_of(Axis(1)))
    }
}

/// Sum over the good pixels of the products of two patterns, or of the squares of one.
fn product(one: &[f32], other: Option<&[f32]>, good: &[bool]) -> f64 {
    let other = other.unwrap_or(one);
    // Short sums in single precision are exact enough, and vector instructions.
    let pieces = one.chunks(64).zip(other.chunks(64)).zip(good.chunks(64));
    let sum = |((one, other), good): ((&[f32], &[f32]), &[bool])| -> f32 {
        let pixels = one.iter().zip(other).zip(good);
        pixels.map(|((one, other), &good)| if good { one * other } else { 0.0 }).sum()
    };
    pieces.map(|piece| f64::from(sum(piece))).sum()
}

/// What some pixels hold.
struct Piece {
    mean: Vec<f64>,
    /// The mean of patterns that were brought to the same total.
    usual: Vec<f64>,
    least: Vec<f32>,
    most: Vec<f32>,
    /// The smallest amplitude above zero.
    quantum: f32,
}

impl Piece {
    fn of(
        values: &[f32],
        totals: &[f64],
        places: &[usize],
        pixels: usize,
        range: std::ops::Range<usize>,
    ) -> Self {
        let mut mean = vec![0.0_f64; range.len()];
        let mut usual = mean.clone();
        let mut least = vec![f32::INFINITY; range.len()];
        let mut most = vec![0.0_f32; range.len()];
        let mut quantum = f32::INFINITY;
        for &place in places {
            let values = &values[place * pixels + range.start..place * pixels + range.end];
            let weight = if totals[place] > 0.0 { 1.0 / totals[place] } else { 0.0 };
            for (index, &value) in values.iter().enumerate() {
                let intensity = f64::from(value * value);
                mean[index] += intensity;
                usual[index] += weight * intensity;
                least[index] = least[index].min(value);
                most[index] = most[index].max(value);
                quantum = quantum.min(if value > 0.0 { value } else { f32::INFINITY });
            }
        }
        let count = places.len().max(1) as f64;
        mean.iter_mut().for_each(|mean| *mean /= count);
        least.iter_mut().chain(&mut most).for_each(|value| *value *= *value);
        Self { mean, usual, least, most, quantum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn sums_means_and_bounds_are_those_of_the_patterns() {
        let amplitude = Array3::from_shape_fn((3, 70, 80), |(i, y, x)| ((i + y + x) % 5) as f32);
        let mut good = Array2::from_elem((70, 80), true);
        good[(0, 1)] = false;
        let survey = Survey::of(amplitude.view(), &good);
        let total: f32 = amplitude.index_axis(Axis(0), 1).mapv(|a| a * a).sum();
        assert_eq!(survey.totals[1], f64::from(total) - 4.0);
        assert_eq!(survey.mean[(2, 1)], (9.0 + 16.0 + 0.0) / 3.0);
        assert_eq!((survey.least[(2, 1)], survey.most[(2, 1)]), (0.0, 16.0));
        assert_eq!((survey.quantum, survey.patterns), (1.0, 3));
        assert!(survey.resemblance.iter().all(|&cosine| cosine > 0.5 && cosine <= 1.0));
        let same =
            Survey::of(Array3::from_elem((2, 4, 4), 2.0).view(), &Array2::from_elem((4, 4), true));
        assert!(same.resemblance.iter().all(|cosine| (cosine - 1.0).abs() < 1e-6));
    }
}
