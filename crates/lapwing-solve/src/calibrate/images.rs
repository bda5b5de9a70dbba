//! How far images of the near field move from position to position.
//!
//! Divided by the mean pattern, which holds what the illumination adds to all patterns alike, an
//! image shows the specimen, which lies at -R in the window of position R. The peak of the
//! correlation of two neighbouring images is their displacement; a linear map fitted to many pairs
//! gives the number of detector pixels in a pixel of the positions: the magnification of a beam
//! that diverges, and how the scan lies on the detector.

use super::CalibrateError;
use super::disc_images::Map;
use lapwing_model::fft::{Fft2, frequency};
use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, Position};
use ndarray::{Array2, ArrayView3, Axis};
use std::f64::consts::PI;

/// Patterns looked at, at most.
const MOST: usize = 256;
/// Neighbours that each is compared with.
const NEIGHBOURS: usize = 5;
/// Share of the brightest pixel of the mean pattern below which a pixel is not used.
const FAINT: f64 = 0.05;
/// Pairs that a map is fitted to, at least.
const FEWEST: usize = 16;
/// Distance from the fit up to which a pair counts, in standard deviations.
const OUTLYING: f64 = 3.0;

/// How images move.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageShifts {
    /// The specimen lies at -`map` R: rows (y, x). The identity where positions are in the pixels
    /// of the detector.
    pub map: Map,
    /// Standard deviation of its elements.
    pub sd: f64,
    /// Pairs of images that it was fitted to: how far (y, x) their positions are apart, and how far
    /// the specimen moved against that from one to the other.
    pub pairs: Vec<([f64; 2], [f64; 2])>,
}

impl ImageShifts {
    /// Detector pixels for each pixel of the positions: the root of the determinant.
    pub fn magnification(&self) -> f64 {
        let [[a, b], [c, d]] = self.map;
        (a * d - b * c).abs().sqrt()
    }

    /// How far the map is from a plain magnification: the norm of the rest, as a share.
    pub fn turn(&self) -> f64 {
        let [[a, b], [c, d]] = self.map;
        let plain = self.magnification();
        let rest = (a - plain).powi(2) + b * b + c * c + (d - plain).powi(2);
        (0.5 * rest).sqrt() / plain
    }
}

/// One pair: how far its positions, and its images, are apart.
struct Pair {
    apart: [f64; 2],
    moved: [f64; 2],
    /// The correlation's peak over its spread.
    quality: f64,
}

/// Measures how the images `patterns` (pattern, y, x), taken at `scan`, move.
///
/// # Errors
/// When there are fewer than 16 patterns, no light, or too few pairs of images that agree.
pub fn image_shifts(
    patterns: ArrayView3<'_, f32>,
    scan: &[Position],
) -> Result<ImageShifts, CalibrateError> {
    let n = patterns.len_of(Axis(0));
    if n < 16 || n != scan.len() {
        return Err(CalibrateError::Patterns { patterns: n, positions: scan.len() });
    }
    let taken: Vec<usize> = (0..n.min(MOST)).map(|index| index * n / n.min(MOST)).collect();
    let spectra = spectra(patterns, &taken)?;
    let positions: Vec<Position> = taken.iter().map(|&index| scan[index]).collect();
    let (_, height, width) = patterns.dim();
    let fft = Fft2::new((height, width));
    let near: Vec<(usize, usize)> =
        (0..positions.len()).flat_map(|a| neighbours(&positions, a)).collect();
    let mut pairs: Vec<Pair> = near.iter().in_parallel().map_with(
        || (vec![Complex32::ZERO; fft.len()], vec![Complex32::ZERO; fft.len()]),
        |(product, correlation), &(a, b)| {
            let both = spectra[a].iter().zip(&spectra[b]);
            for (product, (a, b)) in product.iter_mut().zip(both) {
                let value = a * b.conj();
                *product = value / value.norm().sqrt().max(1e-12);
            }
            let mut scratch = vec![Complex32::ZERO; fft.scratch_len()];
            fft.inverse(product, correlation, &mut scratch);
            let (moved, quality) = peak(correlation, (height, width));
            let apart = [positions[a].y - positions[b].y, positions[a].x - positions[b].x];
            Pair { apart, moved, quality }
        },
    );
    // The better half.
    pairs.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    pairs.truncate(pairs.len().div_ceil(2));
    fit(pairs).ok_or(CalibrateError::Line)
}

/// Spectra of the images over their mean, under a window.
fn spectra(
    patterns: ArrayView3<'_, f32>,
    taken: &[usize],
) -> Result<Vec<Vec<Complex32>>, CalibrateError> {
    let (_, height, width) = patterns.dim();
    let mut mean = Array2::<f64>::zeros((height, width));
    for &index in taken {
        let pattern = patterns.index_axis(Axis(0), index);
        mean.zip_mut_with(&pattern, |sum, &value| *sum += f64::from(value));
    }
    mean /= taken.len() as f64;
    let brightest = mean.iter().fold(0.0_f64, |most, &value| most.max(value));
    if brightest <= 0.0 {
        return Err(CalibrateError::Dark);
    }
    let along = |at: usize, length: usize| (PI * (at as f64 + 0.5) / length as f64).sin().powi(2);
    let fft = Fft2::new((height, width));
    let of = |&index: &usize| {
        let pattern = patterns.index_axis(Axis(0), index);
        let mut field: Vec<Complex32> = pattern
            .indexed_iter()
            .map(|((y, x), &value)| {
                let mean = mean[(y, x)];
                if mean <= FAINT * brightest {
                    return Complex32::ZERO;
                }
                let window = along(y, height) * along(x, width);
                Complex32::from((window * (f64::from(value) / mean - 1.0)) as f32)
            })
            .collect();
        let mut spectrum = vec![Complex32::ZERO; fft.len()];
        fft.forward(&mut field, &mut spectrum, &mut vec![Complex32::ZERO; fft.scratch_len()]);
        spectrum
    };
    Ok(taken.iter().in_parallel().map(of))
}

/// The pairs of `a` and the positions nearest to it.
fn neighbours(positions: &[Position], a: usize) -> Vec<(usize, usize)> {
    let distance =
        |b: usize| (positions[a].y - positions[b].y).hypot(positions[a].x - positions[b].x);
    let mut others: Vec<usize> = (0..positions.len()).filter(|&b| distance(b) > 0.0).collect();
    others.sort_by(|&b, &c| distance(b).total_cmp(&distance(c)));
    others.into_iter().take(NEIGHBOURS).map(|b| (a, b)).collect()
}

/// Where a circular correlation (y, x) is largest, to a part of a pixel, and its height over the
/// spread.
fn peak(correlation: &[Complex32], (height, width): (usize, usize)) -> ([f64; 2], f64) {
    let value = |y: usize, x: usize| f64::from(correlation[y % height * width + x % width].re);
    let best = (0..correlation.len())
        .max_by(|&a, &b| correlation[a].re.total_cmp(&correlation[b].re))
        .unwrap_or(0);
    let (y, x) = (best / width, best % width);
    let spread = correlation.iter().map(|value| f64::from(value.re).powi(2)).sum::<f64>();
    let spread = (spread / correlation.len() as f64).sqrt();
    let centre = value(y, x);
    // The top of a parabola through three values.
    let within = |before: f64, after: f64| {
        let bend = before - 2.0 * centre + after;
        if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let signed = |at: usize, length: usize| frequency(at, length) * length as f64;
    let moved = [
        signed(y, height) + within(value(y + height - 1, x), value(y + 1, x)),
        signed(x, width) + within(value(y, x + width - 1), value(y, x + 1)),
    ];
    (moved, if spread > 0.0 { centre / spread } else { 0.0 })
}

/// The least-squares map from distances of positions to distances of images, without outliers.
fn fit(mut pairs: Vec<Pair>) -> Option<ImageShifts> {
    loop {
        if pairs.len() < FEWEST {
            return None;
        }
        let sum = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>();
        let [yy, yx, xx] = [
            sum(&|pair| pair.apart[0] * pair.apart[0]),
            sum(&|pair| pair.apart[0] * pair.apart[1]),
            sum(&|pair| pair.apart[1] * pair.apart[1]),
        ];
        let determinant = yy * xx - yx * yx;
        if determinant <= 1e-6 * yy * xx {
            return None;
        }
        let row = |axis: usize| {
            let y = sum(&|pair| pair.moved[axis] * pair.apart[0]);
            let x = sum(&|pair| pair.moved[axis] * pair.apart[1]);
            [(y * xx - x * yx) / determinant, (x * yy - y * yx) / determinant]
        };
        let rows = [row(0), row(1)];
        let off = |pair: &Pair| {
            let at = |row: [f64; 2]| row[0] * pair.apart[0] + row[1] * pair.apart[1];
            (pair.moved[0] - at(rows[0])).hypot(pair.moved[1] - at(rows[1]))
        };
        let spread = (sum(&|pair| off(pair).powi(2)) / (2.0 * pairs.len() as f64)).sqrt();
        let before = pairs.len();
        let limit = OUTLYING * spread;
        let map = rows.map(|row| row.map(|value| -value));
        let sd = spread / yy.min(xx).sqrt();
        pairs.retain(|pair| off(pair) <= limit);
        if pairs.len() == before {
            let seen = |pair: &Pair| (pair.apart, pair.moved.map(|moved| -moved));
            return Some(ImageShifts { map, sd, pairs: pairs.iter().map(seen).collect() });
        }
    }
}
