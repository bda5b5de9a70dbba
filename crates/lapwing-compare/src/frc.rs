//! Fourier ring correlation.
//!
//! M. van Heel, M. Schatz, "Fourier shell correlation threshold criteria", J. Struct. Biol. 151,
//! 250 (2005), equation 1 in two dimensions: FRC(q) = Re sum A B* / sqrt(sum |A|^2 sum |B|^2) over
//! the frequencies of ring q, with A and B the transforms of the two images, their mean under a
//! soft window removed, times that window.

use crate::fourier::Fft2;
use crate::registration::signed;
use crate::resolution::{ByCriterion, Criterion, Quantity, Resolution, Resolutions};
use crate::window::windowed;
use ndarray::Array2;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// A ring correlation from low to high frequency; ring k = 1, 2, ... holds the frequencies that
/// round to k / n, with n the region's shorter side, up to 1/2 cycle per pixel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrcCurve {
    /// Frequency of each ring, cycles per pixel.
    pub frequency: Vec<f64>,
    /// Correlation of each ring, in [-1, 1]; 0 where one of the images has nothing.
    pub correlation: Vec<f64>,
    /// Number of frequencies in each ring.
    pub count: Vec<usize>,
    /// Share of what the second image has in each ring that is its own there, in [0, 1]; the rest
    /// is coarser structure that the window spreads. Empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<f64>,
}

impl FrcCurve {
    /// The curve of two images under a soft window, all of one shape.
    pub(crate) fn of(a: &Array2<Complex64>, b: &Array2<Complex64>, window: &Array2<f64>) -> Self {
        let (height, width) = window.dim();
        let fft = Fft2::new((height, width));
        let (curved, kept) = second_differences(b, window);
        let (a, b) = (fft.forward(windowed(a, window)), fft.forward(windowed(b, window)));
        let curved = fft.forward(curved);
        let side = height.min(width);
        let rings = side / 2;
        let mut sums = vec![(0.0, 0.0, 0.0, 0_usize); rings + 1];
        let mut own = vec![0.0; rings + 1];
        for (((u_x, u_y), a), b) in a.indexed_iter().zip(&b) {
            let (y, x) = (signed(u_y, height) / height as f64, signed(u_x, width) / width as f64);
            let index = (y.hypot(x) * side as f64).round() as usize;
            if let Some(ring) = sums.get_mut(index) {
                ring.0 += (a * b.conj()).re;
                ring.1 += a.norm_sqr();
                ring.2 += b.norm_sqr();
                ring.3 += 1;
                let factor = 4.0 - 2.0 * (TAU * y).cos() - 2.0 * (TAU * x).cos();
                if factor > 0.0 {
                    own[index] += curved[[u_x, u_y]].norm_sqr() / (kept * factor * factor);
                }
            }
        }
        let sums = &sums[1..];
        let share = |(own, ring): (&f64, &(f64, f64, f64, usize))| {
            if ring.2 > 0.0 { (own / ring.2).min(1.0) } else { 0.0 }
        };
        let own = own[1..].iter().zip(sums).map(share).collect();
        let correlation = |&(mutual, a, b, _): &(f64, f64, f64, usize)| {
            let scale = (a * b).sqrt();
            if scale > 0.0 { (mutual / scale).clamp(-1.0, 1.0) } else { 0.0 }
        };
        Self {
            frequency: (1..=rings).map(|ring| ring as f64 / side as f64).collect(),
            correlation: sums.iter().map(correlation).collect(),
            count: sums.iter().map(|ring| ring.3).collect(),
            own,
        }
    }

    /// How much of what the second image has around `frequency` is its own there: the mean of
    /// [`own`](Self::own) over the rings of the last quarter below it; `None` where that is not
    /// known.
    pub fn own_at(&self, frequency: f64) -> Option<f64> {
        let near = self.frequency.iter().zip(&self.own);
        let near: Vec<f64> = near
            .filter(|&(&at, _)| at <= frequency && at >= 0.75 * frequency)
            .map(|(_, &own)| own)
            .collect();
        (!near.is_empty()).then(|| near.iter().sum::<f64>() / near.len() as f64)
    }

    /// The threshold of `criterion` at each ring.
    pub fn threshold(&self, criterion: Criterion) -> Vec<f64> {
        self.count.iter().map(|&n| criterion.threshold(n)).collect()
    }

    /// Where the curve first falls below the threshold of `criterion`, as [`Self::falls_below`]
    /// finds it.
    pub fn resolved(&self, criterion: Criterion) -> Option<f64> {
        self.first_below(&self.threshold(criterion))
    }

    /// Where the curve first falls below `threshold`, cycles per pixel, interpolated linearly
    /// between rings, from an assumed 1 at frequency zero; `None` when it never does, so that the
    /// resolution is that of the pixels.
    pub fn falls_below(&self, threshold: f64) -> Option<f64> {
        self.first_below(&vec![threshold; self.frequency.len()])
    }

    /// The same for a threshold that differs from ring to ring; at frequency zero it is taken to be
    /// that of the first.
    fn first_below(&self, thresholds: &[f64]) -> Option<f64> {
        let margins = self.correlation.iter().zip(thresholds).map(|(c, threshold)| c - threshold);
        first_below(&self.frequency, margins, 1.0 - thresholds.first()?)
    }
}

/// Where `margins` of rings of these frequencies first fall below 0, interpolated linearly between
/// rings, from `start` at frequency zero.
pub(crate) fn first_below(
    frequency: &[f64],
    margins: impl IntoIterator<Item = f64>,
    start: f64,
) -> Option<f64> {
    let mut before = (0.0, start);
    for (&frequency, margin) in frequency.iter().zip(margins) {
        if margin < 0.0 {
            let drop = before.1 - margin;
            let part = if drop > 0.0 { before.1 / drop } else { 0.0 };
            return Some(before.0 + part * (frequency - before.0));
        }
        before = (frequency, margin);
    }
    None
}

/// The second differences of an image, four times a pixel less its neighbours, under the window
/// where that holds the neighbours too, and the power of that window relative to the whole one.
///
/// They weigh a frequency by 4 - 2 cos(2 pi f_y) - 2 cos(2 pi f_x): what is coarse is all but gone
/// before a window can spread it over finer rings, and what is fine can be weighed back.
fn second_differences(image: &Array2<Complex64>, window: &Array2<f64>) -> (Array2<Complex64>, f64) {
    let (height, width) = window.dim();
    let mut curved = Array2::zeros((height, width));
    let (mut kept, mut whole) = (0.0, 0.0);
    for ((y, x), &w) in window.indexed_iter() {
        whole += w * w;
        if y == 0 || x == 0 || y + 1 == height || x + 1 == width {
            continue;
        }
        let around = [[y - 1, x], [y + 1, x], [y, x - 1], [y, x + 1]];
        if w > 0.0 && around.iter().all(|&at| window[at] > 0.0) {
            let sum: Complex64 = around.iter().map(|&at| image[at]).sum();
            curved[[y, x]] = w * (4.0 * image[[y, x]] - sum);
            kept += w * w;
        }
    }
    (curved, if kept > 0.0 { kept / whole } else { 1.0 })
}

/// The ring correlations of one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrcCurves {
    /// Of the complex fields.
    pub complex: FrcCurve,
    /// Of the amplitudes.
    pub amplitude: FrcCurve,
    /// Of the phases, in radians, without their planes.
    pub phase: FrcCurve,
}

impl FrcCurves {
    /// The curve of one quantity.
    pub fn of(&self, quantity: Quantity) -> &FrcCurve {
        match quantity {
            Quantity::Amplitude => &self.amplitude,
            Quantity::Complex => &self.complex,
            Quantity::Phase => &self.phase,
        }
    }

    /// The resolution of each curve by each criterion; in nanometres too where the side of a pixel,
    /// metres, is known.
    pub fn resolutions(&self, pixel_size: Option<f64>) -> Resolutions {
        let by_criterion = |curve: &FrcCurve| {
            let one = |criterion| Resolution::new(curve.resolved(criterion), pixel_size);
            ByCriterion {
                half: one(Criterion::Half),
                seventh: one(Criterion::Seventh),
                half_bit: one(Criterion::HalfBit),
                one_bit: one(Criterion::OneBit),
            }
        };
        Resolutions {
            amplitude: by_criterion(&self.amplitude),
            complex: by_criterion(&self.complex),
            phase: by_criterion(&self.phase),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::SQRT_2;

    fn noise(seed: u64, shape: (usize, usize)) -> Array2<Complex64> {
        // SplitMix64 (Steele, Lea, Flood 2014): independent uniform values, enough for a
        // statistical test.
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        Array2::from_shape_simple_fn(shape, || Complex64::new(next(), next()))
    }

    #[test]
    fn equal_images_correlate_fully_and_never_fall() {
        let a = noise(1, (60, 48));
        let curve = FrcCurve::of(&a, &a.mapv(|v| 3.0 * v + 2.0), &Array2::from_elem((60, 48), 1.0));
        assert_eq!(curve.frequency.len(), 24);
        assert!(curve.correlation.iter().all(|c| (c - 1.0).abs() < 1e-9));
        assert_eq!(curve.falls_below(0.5), None);
    }

    #[test]
    fn independent_noise_correlates_within_its_error() {
        let window = Array2::from_elem((128, 128), 1.0);
        let curve = FrcCurve::of(&noise(1, (128, 128)), &noise(2, (128, 128)), &window);
        // The real part of the mean of n unit products of random phase has standard deviation (2
        // n)^(-1/2).
        let chi: Vec<f64> = curve
            .correlation
            .iter()
            .zip(&curve.count)
            .map(|(c, &n)| c * (2.0 * n as f64).sqrt())
            .collect();
        assert!(chi.iter().all(|c| c.abs() < 4.5), "{chi:?}");
        let mean_square = chi.iter().map(|c| c * c).sum::<f64>() / chi.len() as f64;
        assert!((0.6..1.5).contains(&mean_square), "{mean_square}");
    }

    #[test]
    fn signal_and_noise_give_the_textbook_correlation() {
        // Equal power of common signal and independent noise: FRC = 1/2.
        let (signal, n1, n2) = (noise(1, (256, 256)), noise(2, (256, 256)), noise(3, (256, 256)));
        let curve =
            FrcCurve::of(&(&signal + &n1), &(&signal + &n2), &Array2::from_elem((256, 256), 1.0));
        let mean =
            curve.correlation[20..].iter().sum::<f64>() / (curve.correlation.len() - 20) as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    /// A smooth image, and beside it one with detail down to the pixel, of the same contrast; what
    /// a window spreads of the smooth one is taken for its own nowhere.
    #[test]
    fn what_a_window_spreads_is_not_a_rings_own() {
        let side = 160;
        let mask = Array2::from_elem((side, side), true);
        let window = crate::window::soft_window(mask.view());
        let smooth = Array2::from_shape_fn((side, side), |(y, x)| {
            let (y, x) = (y as f64 - 71.0, x as f64 - 90.0);
            Complex64::from(0.05 * (-(y * y + x * x) / (2.0 * 25.0 * 25.0)).exp() + 1e-4 * (y - x))
        });
        let share = |image: &Array2<Complex64>, at: f64| {
            FrcCurve::of(image, image, &window).own_at(at).unwrap()
        };
        // Blocks without a period, which would leave rings empty.
        let levels = noise(5, (side, side));
        let edges = |(y, x): (usize, usize)| levels[[y / 9, x / 7]].re;
        let sharp = Array2::from_shape_fn((side, side), |at| Complex64::from(0.05 * edges(at)));
        for at in [0.15, 0.25, 0.4, 0.5] {
            assert!(share(&smooth, at) < 0.1, "{at}: {}", share(&smooth, at));
            assert!(share(&sharp, at) > 0.9, "{at}: {}", share(&sharp, at));
            assert!(share(&noise(3, (side, side)), at) > 0.9, "{at}");
        }
        // Yet they correlate there, of any image that is as smooth.
        let other = smooth.mapv(|value| 1.1 * value);
        let curve = FrcCurve::of(&other, &smooth, &window);
        assert_eq!(curve.falls_below(0.5), None);
        // A hole in the window spreads it as well.
        let mut holed = mask.clone();
        holed[[60, 70]] = false;
        let window = crate::window::soft_window(holed.view());
        assert!(FrcCurve::of(&smooth, &smooth, &window).own_at(0.4).unwrap() < 0.1);
    }

    #[test]
    fn crossing_is_interpolated() {
        let curve = FrcCurve {
            frequency: vec![0.1, 0.2, 0.3, 0.4],
            correlation: vec![0.9, 0.6, 0.2, 0.8],
            count: vec![1; 4],
            own: Vec::new(),
        };
        assert!((curve.falls_below(0.5).unwrap() - 0.225).abs() < 1e-12);
        assert!(
            (curve.falls_below(0.95).unwrap() - 0.05).abs() < 1e-12,
            "from 1 at frequency zero"
        );
        assert_eq!(curve.falls_below(1.0 / 7.0), None);
    }

    #[test]
    fn information_thresholds_are_the_published_ones() {
        for n in [1, 2, 16, 100, 10_000, 1 << 40] {
            let r = (n as f64).sqrt();
            let half = (0.2071 + 1.9102 / r) / (1.2071 + 0.9102 / r);
            let one = (0.5 + 2.4142 / r) / (1.5 + SQRT_2 / r);
            assert!((Criterion::HalfBit.threshold(n) - half).abs() < 1e-4, "{n}");
            assert!((Criterion::OneBit.threshold(n) - one).abs() < 1e-4, "{n}");
        }
        // A ring of one frequency cannot be distinguished from noise.
        assert!((Criterion::HalfBit.threshold(0) - 1.0).abs() < 1e-12);
        // Rings of four frequencies: the half-bit threshold is (0.2071 + 0.9551) / (1.2071 +
        // 0.4551) = 0.6992.
        let curve = FrcCurve {
            frequency: vec![0.1, 0.2, 0.3],
            correlation: vec![0.9, 0.8, 0.6],
            count: vec![4; 3],
            own: Vec::new(),
        };
        let at = 0.2 + 0.1 * (0.8 - 0.69918) / (0.8 - 0.6);
        assert!((curve.resolved(Criterion::HalfBit).unwrap() - at).abs() < 1e-4);
        assert!((curve.resolved(Criterion::OneBit).unwrap() - 0.2).abs() < 0.1 * 0.2);
        assert_eq!(curve.resolved(Criterion::Half), None);
        assert_eq!(curve.threshold(Criterion::Seventh), vec![1.0 / 7.0; 3]);
    }

    #[test]
    fn information_thresholds_hold_for_signal_and_noise() {
        // Two images with the signal to noise ratio of each criterion: their correlation meets its
        // threshold.
        let side = 256;
        let (signal, n1, n2) =
            (noise(1, (side, side)), noise(2, (side, side)), noise(3, (side, side)));
        for (criterion, ratio) in [(Criterion::HalfBit, 0.2071_f64), (Criterion::OneBit, 0.5)] {
            let image = |noise: &Array2<Complex64>| &signal.mapv(|v| v * ratio.sqrt()) + noise;
            let curve =
                FrcCurve::of(&image(&n1), &image(&n2), &Array2::from_elem((side, side), 1.0));
            // The expectation without the terms that vanish with many frequencies.
            let limit = criterion.threshold(1 << 60);
            let mean =
                curve.correlation[20..].iter().sum::<f64>() / (curve.correlation.len() - 20) as f64;
            assert!((mean - limit).abs() < 0.012, "{criterion:?}: {mean} and {limit}");
        }
    }
}
