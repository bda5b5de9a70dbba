//! The period of a regular scan in a reconstruction.
//!
//! At positions on an exact lattice an object with the lattice's period, and a probe that makes up
//! for it, explain the patterns as well as the truth does: nothing but noise, a prior or a known
//! probe decides how much of it a reconstruction has (Thibault et al., Ultramicroscopy 109, 338
//! (2009)). It shows as power at the frequencies of the lattice.

use lapwing_model::{Complex32, Position, median};
use ndarray::ArrayView2;
use num_complex::Complex64;
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Positions from which neighbours are looked for, at most.
const LOOKED_AT: usize = 200;
/// Deviation of a neighbour from where the lattice has it, as a share of the lattice's shorter
/// vector.
const EXACT: f64 = 0.05;
/// Share of the neighbours that there must be: those at the edge have fewer.
const THERE: f64 = 0.75;
/// Directions in which the power at the same frequency is looked at for comparison.
const DIRECTIONS: usize = 36;
/// Radius of the part of the object that is looked at, px at most.
const RADIUS: f64 = 128.0;

/// The lattice of a regular scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    /// Its two shortest vectors (y, x), pixels.
    pub vectors: [[f64; 2]; 2],
    centre: [f64; 2],
    /// Area of the scan, square pixels.
    area: f64,
}

impl Lattice {
    /// The lattice of a scan; `None` where the positions lie on none, to a twentieth of their
    /// distance, or are fewer than sixteen.
    pub fn of(scan: &[Position]) -> Option<Self> {
        if scan.len() < 16 {
            return None;
        }
        let n = scan.len() as f64;
        let centre =
            [scan.iter().map(|p| p.y).sum::<f64>() / n, scan.iter().map(|p| p.x).sum::<f64>() / n];
        let from = |at: [f64; 2], p: &Position| [p.y - at[0], p.x - at[1]];
        let middle = scan
            .iter()
            .min_by(|a, b| length(from(centre, a)).total_cmp(&length(from(centre, b))))?;
        let around = scan.iter().map(|p| from([middle.y, middle.x], p));
        let mut around: Vec<[f64; 2]> = around.filter(|&d| length(d) > 1e-6).collect();
        around.sort_by(|a, b| length(*a).total_cmp(&length(*b)));
        let first = *around.first()?;
        let independent =
            |d: &&[f64; 2]| cross(first, **d).abs() > 0.5 * length(first) * length(**d);
        let second = *around.iter().take(32).find(independent)?;
        let stride = scan.len().div_ceil(LOOKED_AT);
        let (mut wanted, mut found) = (0.0, 0.0);
        for p in scan.iter().step_by(stride) {
            for vector in [first, second] {
                let at = [p.y + vector[0], p.x + vector[1]];
                wanted += 1.0;
                found += f64::from(u8::from(
                    scan.iter().any(|q| length(from(at, q)) < EXACT * length(first)),
                ));
            }
        }
        let area = n * cross(first, second).abs();
        (found >= THERE * wanted).then_some(Self { vectors: [first, second], centre, area })
    }

    /// Power of `object`, axes (y, x), at the lowest frequencies of the lattice over the median of
    /// the power at frequencies as high in other directions: the largest of four. Noise and
    /// specimens have some 4; `None` where no part of the object is scanned.
    ///
    /// The object is looked at through a round window in the middle of the scan, less its mean.
    pub fn excess(&self, object: ArrayView2<'_, Complex32>) -> Option<f64> {
        let radius = (0.5 * self.area.sqrt()).min(RADIUS);
        let part: Vec<([f64; 2], f64, Complex64)> = object
            .indexed_iter()
            .filter_map(|((y, x), value)| {
                let at = [y as f64 - self.centre[0], x as f64 - self.centre[1]];
                let r = length(at) / radius;
                let value = Complex64::new(value.re.into(), value.im.into());
                (r < 1.0).then(|| (at, (FRAC_PI_2 * r).cos().powi(2), value))
            })
            .collect();
        let weight: f64 = part.iter().map(|(_, weight, _)| weight).sum();
        let mean = part.iter().map(|(_, weight, value)| value * weight).sum::<Complex64>() / weight;
        let power = |frequency: [f64; 2]| -> f64 {
            let waves = part.iter().map(|(at, weight, value)| {
                let turn = -TAU * (frequency[0] * at[0] + frequency[1] * at[1]);
                (value - mean) * weight * Complex64::from_polar(1.0, turn)
            });
            waves.sum::<Complex64>().norm_sqr()
        };
        let [a, b] = self.vectors;
        let area = cross(a, b);
        // The reciprocal lattice, cycles per pixel.
        let reciprocal = [[b[1] / area, -b[0] / area], [-a[1] / area, a[0] / area]];
        let [p, q] = reciprocal;
        let lowest = [p, q, [p[0] + q[0], p[1] + q[1]], [p[0] - q[0], p[1] - q[1]]];
        let near = 2.0 / radius;
        let ratios =
            lowest.into_iter().filter(|&at| length(at) < 0.5 && length(at) > near).map(|at| {
                let around = (0..DIRECTIONS).map(|step| {
                    let angle = PI * (step as f64 + 0.5) / DIRECTIONS as f64;
                    [length(at) * angle.sin(), length(at) * angle.cos()]
                });
                let apart = |f: &[f64; 2]| {
                    lowest.iter().all(|l| {
                        let [minus, plus] =
                            [-1.0, 1.0].map(|s| length([f[0] + s * l[0], f[1] + s * l[1]]));
                        minus > near && plus > near
                    })
                };
                let usual = median(around.filter(apart).map(power)).unwrap_or(f64::NAN);
                // A complex object has its own power at both.
                power(at).max(power([-at[0], -at[1]])) / usual
            });
        ratios.filter(|ratio| ratio.is_finite()).reduce(f64::max)
    }
}

fn length([y, x]: [f64; 2]) -> f64 {
    y.hypot(x)
}

fn cross(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// A raster of 20 x 20 positions, 7 px apart, turned by 0.4 rad, each off by up to `jitter`.
    fn raster(jitter: f64) -> Vec<Position> {
        let (sin, cos) = 0.4_f64.sin_cos();
        (0..400)
            .map(|index| {
                let off = |k: f64| jitter * (k * f64::from(index)).sin();
                let (row, column) = (f64::from(index / 20) - 9.5, f64::from(index % 20) - 9.5);
                let (y, x) = (7.0 * row + off(12.9), 7.0 * column + off(78.2));
                Position { y: 100.0 + cos * y - sin * x, x: 100.0 + sin * y + cos * x }
            })
            .collect()
    }

    /// Noise, and a wave along the first reciprocal vector of the raster.
    fn object(wave: f32) -> Array2<Complex32> {
        let (sin, cos) = 0.4_f32.sin_cos();
        let mut state = 1_u64;
        Array2::from_shape_fn((200, 200), |(y, x)| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 40) as f32 / (1 << 24) as f32 - 0.5;
            let along = cos * y as f32 + sin * x as f32;
            Complex32::new(1.0, 0.1 * noise + wave * (std::f32::consts::TAU * along / 7.0).cos())
        })
    }

    #[test]
    fn a_raster_is_found_and_what_is_none_is_not() {
        let lattice = Lattice::of(&raster(0.0)).unwrap();
        let [a, b] = lattice.vectors;
        assert!((length(a) - 7.0).abs() < 1e-9 && (cross(a, b).abs() - 49.0).abs() < 1e-9);
        assert!(Lattice::of(&raster(0.1)).is_some());
        assert_eq!(Lattice::of(&raster(3.0)), None);
        assert_eq!(Lattice::of(&raster(0.0)[..15]), None);
        let line: Vec<Position> = (0..40).map(|i| Position { y: 0.0, x: f64::from(i) }).collect();
        assert_eq!(Lattice::of(&line), None);
        assert_eq!(Lattice::of(&[Position { y: 1.0, x: 1.0 }; 30]), None);
    }

    #[test]
    fn a_wave_of_the_lattices_period_is_seen_in_noise() {
        let lattice = Lattice::of(&raster(0.0)).unwrap();
        let clean = lattice.excess(object(0.0).view()).unwrap();
        assert!(clean < 15.0, "{clean}");
        let wavy = lattice.excess(object(0.01).view()).unwrap();
        assert!(wavy > 30.0, "{wavy}");
        assert_eq!(lattice.excess(Array2::from_elem((3, 3), Complex32::ONE).view()), None);
    }
}
