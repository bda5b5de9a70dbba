//! Which object pixels a scan illuminates, with discs in place of the probe.

use lapwing_model::Position;
use lapwing_model::position::bounding_box;

/// Largest number of raster points; a larger field is counted on a coarser raster.
const MOST_POINTS: f64 = 3e7;

/// The raster that coverages are compared on: object pixels, coarser only for huge fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    origin: (f64, f64),
    shape: (usize, usize),
    pitch: f64,
    radius: f64,
}

/// Illuminated points of a [`Raster`].
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    lit: Vec<bool>,
}

impl Raster {
    /// Area that one point stands for, square pixels.
    pub fn point_area(&self) -> f64 {
        self.pitch * self.pitch
    }
}

impl Coverage {
    /// The raster that holds all discs of `diameter` around `scan`.
    pub fn raster(scan: &[Position], diameter: f64) -> Raster {
        let radius = diameter / 2.0;
        let (y0, y1, x0, x1) = bounding_box(scan).unwrap_or((0.0, 0.0, 0.0, 0.0));
        let (height, width) = (y1 - y0 + diameter, x1 - x0 + diameter);
        // Both terms: a field can be huge in area or in one length alone.
        let pitch =
            (height * width / MOST_POINTS).sqrt().max(height.max(width) / MOST_POINTS).max(1.0);
        let points = |length: f64| (length / pitch).ceil() as usize + 2;
        Raster {
            origin: ((y0 - radius).floor(), (x0 - radius).floor()),
            shape: (points(height), points(width)),
            pitch,
            radius,
        }
    }

    /// The points of `raster` within its radius of a position of `scan`.
    pub fn of(scan: &[Position], raster: &Raster) -> Self {
        let (rows, columns) = raster.shape;
        // Every disc adds +1 where each of its rows begins and -1 behind its end; running sums
        // count the discs.
        let mut steps = vec![0i32; rows * (columns + 1)];
        for position in scan {
            let y = (position.y - raster.origin.0) / raster.pitch;
            let x = (position.x - raster.origin.1) / raster.pitch;
            let radius = raster.radius / raster.pitch;
            for row in clamp((y - radius).ceil(), rows)..=clamp((y + radius).floor(), rows) {
                let half = (radius * radius - (row as f64 - y).powi(2)).max(0.0).sqrt();
                let (start, end) = ((x - half).ceil(), (x + half).floor());
                if row < rows && start <= end {
                    steps[row * (columns + 1) + clamp(start, columns)] += 1;
                    steps[row * (columns + 1) + clamp(end + 1.0, columns)] -= 1;
                }
            }
        }
        let lit = steps.chunks_exact(columns + 1).flat_map(|row| {
            let mut depth = 0;
            row[..columns].iter().map(move |step| {
                depth += step;
                depth > 0
            })
        });
        Self { lit: lit.collect() }
    }

    /// Number of illuminated points.
    pub fn area(&self) -> usize {
        self.lit.iter().filter(|lit| **lit).count()
    }

    /// Number of points illuminated in both; they must be of the same raster.
    pub fn in_common(&self, other: &Self) -> usize {
        self.lit.iter().zip(&other.lit).filter(|(a, b)| **a && **b).count()
    }
}

fn clamp(value: f64, limit: usize) -> usize {
    value.clamp(0.0, limit as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disc_covers_its_area_and_a_row_of_discs_its_union() {
        let one = [Position { y: 3.25, x: -70.5 }];
        let area = Coverage::of(&one, &Coverage::raster(&one, 61.0)).area() as f64;
        assert!((area / (std::f64::consts::PI * 30.5 * 30.5) - 1.0).abs() < 5e-3, "{area}");
        // Overlapping discs against counting every pixel.
        let scan: Vec<Position> =
            (0..7).map(|i| Position { y: 4.3 * i as f64, x: 9.1 * (i % 3) as f64 }).collect();
        let raster = Coverage::raster(&scan, 11.0);
        let mut expected = 0;
        for y in -20..60 {
            for x in -20..60 {
                let pixel = Position { y: y as f64, x: x as f64 };
                expected += usize::from(scan.iter().any(|p| p.distance(pixel) <= 5.5));
            }
        }
        assert_eq!(Coverage::of(&scan, &raster).area(), expected);
    }

    #[test]
    fn huge_and_empty_fields_are_harmless() {
        if lapwing_testing::left_out() {
            return;
        }
        let far = [Position { y: 0.0, x: 0.0 }, Position { y: 1e12, x: 1e12 }];
        assert!(Coverage::of(&far, &Coverage::raster(&far, 60.0)).area() <= 4);
        let line = [Position { y: 0.0, x: 0.0 }, Position { y: 0.0, x: 1e15 }];
        assert!(Coverage::of(&line, &Coverage::raster(&line, 60.0)).area() <= 4);
        assert_eq!(Coverage::of(&[], &Coverage::raster(&[], 60.0)).area(), 0);
    }
}
