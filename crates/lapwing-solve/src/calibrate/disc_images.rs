//! The images of the specimen that parts of the bright disc form, as spectra.

use super::CalibrateError;
use super::disc::Disc;
use lapwing_model::Position;
use lapwing_model::parallel::InParallel;
use lapwing_model::position::bounding_box;
use ndarray::ArrayView3;
use std::f64::consts::{PI, TAU};

/// Parts of the disc along its diameter.
const PARTS: f64 = 10.0;
/// Spatial frequencies at most.
const MOST: usize = 1500;
/// How far beyond the disc light is scattered, and not of the disc's rim: share of the radius, and
/// pixels at least.
const BEYOND: (f64, f64) = (0.15, 1.5);

/// The images of the parts of the disc: their spectra over the scan at some frequencies.
pub(super) struct DiscImages {
    /// Frequencies (y, x) of the parts, cycles per object pixel.
    pub parts: Vec<(f64, f64)>,
    /// Frequencies (y, x) over the scan, cycles per object pixel: half of a disc, for images are
    /// real.
    pub over: Vec<(f64, f64)>,
    /// Spectrum of every part, one after the other: (re, im) for each of `over`.
    pub spectra: Vec<(f64, f64)>,
    /// Sum of all |spectra|^2.
    pub power: f64,
    /// Spectrum, for each of `over`, of the share of the light that arrives beyond the disc.
    pub scattered: Vec<(f64, f64)>,
    /// That of the light that is missing, relative to the mean.
    pub missing: Vec<(f64, f64)>,
    /// Number of positions.
    pub count: usize,
    /// Step of the scan, pixels: the root of the area per position.
    pub step: f64,
}

/// Means over the parts of the disc at one frequency over the scan.
pub(super) struct Spread {
    /// Of the wave of a part's shift.
    pub mean: (f64, f64),
    /// Of the part's frequency (y, x) times it, cycles per pixel.
    pub moment: [(f64, f64); 2],
}

/// A linear map of frequencies to shifts, rows (y, x).
pub(super) type Map = [[f64; 2]; 2];

impl DiscImages {
    /// The views of `patterns` (pattern, y, x), zero frequency in the centre, at window centres
    /// `scan`; only the patterns `taken` are used. `window` is the extent (y, x) of a pattern's
    /// window in the unit of the positions.
    pub fn of(
        patterns: ArrayView3<'_, f32>,
        scan: &[Position],
        disc: &Disc,
        taken: &[usize],
        window: (f64, f64),
    ) -> Result<Self, CalibrateError> {
        let scan: Vec<Position> = taken.iter().map(|&index| scan[index]).collect();
        let (y0, y1, x0, x1) = bounding_box(&scan).ok_or(CalibrateError::Line)?;
        let extent = ((y1 - y0), (x1 - x0));
        let step = (extent.0 * extent.1 / scan.len() as f64).sqrt();
        if !(step > 0.0 && extent.0.min(extent.1) > 2.0 * step) {
            return Err(CalibrateError::Line);
        }
        let cells = Cells::of(disc, window);
        // Images, relative to their mean, under a window that falls off to the scan's edge.
        let window: Vec<f64> = scan
            .iter()
            .map(|at| {
                let along = |at: f64, from: f64, to: f64| {
                    (PI * (at - (from + to) / 2.0) / (to - from + step)).cos()
                };
                along(at.y, y0, y1) * along(at.x, x0, x1)
            })
            .collect();
        // Behind the sums over the cells all light, and that beyond the disc.
        let parts = cells.frequencies.len();
        let far = disc.radius + (BEYOND.0 * disc.radius).max(BEYOND.1);
        let beyond: Vec<bool> = disc
            .inside
            .indexed_iter()
            .map(|((y, x), _)| (y as f64 - disc.centre.0).hypot(x as f64 - disc.centre.1) > far)
            .collect();
        let sums: Vec<Vec<f64>> = taken.iter().in_parallel().map(|&index| {
            let mut sums = vec![0.0; parts + 2];
            let pattern = patterns.index_axis(ndarray::Axis(0), index);
            for ((&value, &cell), &beyond) in pattern.iter().zip(&cells.of_pixel).zip(&beyond) {
                let value = f64::from(value);
                if cell < parts {
                    sums[cell] += value;
                }
                sums[parts] += value;
                sums[parts + 1] += if beyond { value } else { 0.0 };
            }
            sums
        });
        let over = frequencies(extent, step);
        let middle = ((y0 + y1) / 2.0, (x0 + x1) / 2.0);
        let n = scan.len() as f64;
        let mut images: Vec<Vec<f64>> = (0..parts)
            .map(|cell| {
                let mean = sums.iter().map(|sums| sums[cell]).sum::<f64>() / n;
                let relative = |sum: f64| if mean > 0.0 { sum / mean - 1.0 } else { 0.0 };
                sums.iter().zip(&window).map(|(sums, w)| relative(sums[cell]) * w).collect()
            })
            .collect();
        let windowed = |of: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
            let values: Vec<f64> = sums.iter().map(|sums| of(sums)).collect();
            let mean = values.iter().sum::<f64>() / n;
            values.iter().zip(&window).map(|(value, w)| (value - mean) * w).collect()
        };
        let light = sums.iter().map(|sums| sums[parts]).sum::<f64>() / n;
        images.push(windowed(&|sums| {
            if sums[parts] > 0.0 { sums[parts + 1] / sums[parts] } else { 0.0 }
        }));
        images.push(windowed(&|sums| if light > 0.0 { -sums[parts] / light } else { 0.0 }));
        let columns: Vec<Vec<(f64, f64)>> = over.iter().in_parallel().map(|&(q_y, q_x)| {
            let waves: Vec<(f64, f64)> = scan
                .iter()
                .map(|at| {
                    let phase = -TAU * (q_y * (at.y - middle.0) + q_x * (at.x - middle.1));
                    let (sin, cos) = phase.sin_cos();
                    (cos, sin)
                })
                .collect();
            let sum = |image: &Vec<f64>| {
                image.iter().zip(&waves).fold((0.0, 0.0), |(re, im), (value, wave)| {
                    (re + value * wave.0, im + value * wave.1)
                })
            };
            images.iter().map(sum).collect()
        });
        let spectrum = |part: usize| columns.iter().map(move |column| column[part]);
        let spectra: Vec<(f64, f64)> = (0..parts).flat_map(spectrum).collect();
        let power = spectra.iter().map(|(re, im)| re * re + im * im).sum();
        let (scattered, missing) = (spectrum(parts).collect(), spectrum(parts + 1).collect());
        let (parts, count) = (cells.frequencies, scan.len());
        Ok(Self { parts, over, spectra, power, scattered, missing, count, step })
    }

    /// How well the images coincide when that at q is shifted by `map` q: the power of their mean
    /// over the mean of their powers, 0 to 1.
    pub fn agreement(&self, map: Map) -> f64 {
        let count = self.over.len();
        let mut sums = vec![(0.0, 0.0); count];
        for (&(y, x), spectrum) in self.parts.iter().zip(self.spectra.chunks_exact(count)) {
            let shift = (map[0][0] * y + map[0][1] * x, map[1][0] * y + map[1][1] * x);
            for ((sum, &(re, im)), &(q_y, q_x)) in sums.iter_mut().zip(spectrum).zip(&self.over) {
                let (sin, cos) = (TAU * (q_y * shift.0 + q_x * shift.1)).sin_cos();
                *sum = (sum.0 + re * cos - im * sin, sum.1 + re * sin + im * cos);
            }
        }
        let together: f64 = sums.iter().map(|(re, im)| re * re + im * im).sum();
        if self.power > 0.0 { together / self.power / self.parts.len() as f64 } else { 0.0 }
    }

    /// For each of `over`, how far apart the parts' images lie when that at q is shifted by
    /// `map` q.
    pub fn spread(&self, map: Map) -> Vec<Spread> {
        let parts = self.parts.len() as f64;
        let of = |&(q_y, q_x): &(f64, f64)| {
            let mut spread = Spread { mean: (0.0, 0.0), moment: [(0.0, 0.0); 2] };
            let add = |sum: &mut (f64, f64), weight: f64, wave: (f64, f64)| {
                *sum = (sum.0 + weight * wave.0 / parts, sum.1 + weight * wave.1 / parts);
            };
            for &(y, x) in &self.parts {
                let shift = (map[0][0] * y + map[0][1] * x, map[1][0] * y + map[1][1] * x);
                let (sin, cos) = (-TAU * (q_y * shift.0 + q_x * shift.1)).sin_cos();
                add(&mut spread.mean, 1.0, (cos, sin));
                add(&mut spread.moment[0], y, (cos, sin));
                add(&mut spread.moment[1], x, (cos, sin));
            }
            spread
        };
        self.over.iter().in_parallel().map(of)
    }

    /// Spectra (y, x) over the scan of the mean frequency at which the light arrives: its
    /// deflection, cycles per pixel.
    pub fn deflection(&self) -> Vec<[(f64, f64); 2]> {
        let count = self.over.len();
        let mut sums = vec![[(0.0, 0.0); 2]; count];
        let parts = self.parts.len() as f64;
        for (&(y, x), spectrum) in self.parts.iter().zip(self.spectra.chunks_exact(count)) {
            for (sum, &(re, im)) in sums.iter_mut().zip(spectrum) {
                for (sum, q) in sum.iter_mut().zip([y, x]) {
                    *sum = (sum.0 + q * re / parts, sum.1 + q * im / parts);
                }
            }
        }
        sums
    }
}

/// Squares of pixels that together cover the disc.
struct Cells {
    /// Mean frequency (y, x) of each, cycles per object pixel.
    frequencies: Vec<(f64, f64)>,
    /// The cell of every pixel, row after row; beyond all cells outside the disc.
    of_pixel: Vec<usize>,
}

impl Cells {
    /// Of a disc on patterns whose window has this extent (y, x).
    fn of(disc: &Disc, window: (f64, f64)) -> Self {
        let (height, width) = disc.inside.dim();
        let side = (2.0 * disc.radius / PARTS).round().max(1.0) as usize;
        let columns = width.div_ceil(side);
        let mut gathered = vec![(0.0, 0.0, 0.0_f64); height.div_ceil(side) * columns];
        let cell = |y: usize, x: usize| y / side * columns + x / side;
        for ((y, x), _) in disc.inside.indexed_iter().filter(|(_, inside)| **inside) {
            let (sum_y, sum_x, count) = &mut gathered[cell(y, x)];
            *sum_y += (y as f64 - (height / 2) as f64) / window.0;
            *sum_x += (x as f64 - (width / 2) as f64) / window.1;
            *count += 1.0;
        }
        // Cells at the rim with few pixels would only add noise.
        let least = 0.5 * (side * side) as f64;
        let mut names = vec![usize::MAX; gathered.len()];
        let mut frequencies = Vec::new();
        for (name, (y, x, count)) in names.iter_mut().zip(gathered) {
            if count >= least {
                *name = frequencies.len();
                frequencies.push((y / count, x / count));
            }
        }
        let of_pixel = disc
            .inside
            .indexed_iter()
            .map(|((y, x), &inside)| if inside { names[cell(y, x)] } else { usize::MAX })
            .collect();
        Self { frequencies, of_pixel }
    }
}

/// Frequencies of an area of this extent: half of a disc up to 0.8 of what the step resolves,
/// without the lowest, which the window makes.
fn frequencies(extent: (f64, f64), step: f64) -> Vec<(f64, f64)> {
    let most = 0.8 * 0.5 / step;
    let mut spacing = 1.0 / (2.0 * extent.0.max(extent.1));
    // Half a disc of radius r at this spacing has pi r^2 / 2 points.
    spacing = spacing.max(most * (PI / 2.0 / MOST as f64).sqrt());
    let least = 1.5 / (2.0 * extent.0.min(extent.1));
    let count = (most / spacing) as i64;
    let mut found = Vec::new();
    for row in 0..=count {
        for column in -count..=count {
            let (y, x) = (row as f64 * spacing, column as f64 * spacing);
            let size = y.hypot(x);
            if size < most && size > least && (row > 0 || column > 0) {
                found.push((y, x));
            }
        }
    }
    found
}
