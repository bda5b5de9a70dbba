//! The step of a scan.

use crate::geometry::neighbours::{Tree, median_spacing};
use crate::geometry::overlap::unique;
use lapwing_model::Position;

/// A position so many times as far from all others as their median is no part of the scan.
const ASTRAY: f64 = 10.0;

/// The step of a scan, pixels: the side of the square raster that has as many positions and
/// spreads as far, which is what a designer calls the step. `None` of fewer than two positions.
///
/// How far N different positions spread is told by the trace T and the determinant D of their
/// covariance (over N). A raster of m rows and n columns has the variances s^2 (m^2 - 1) / 12 and
/// s^2 (n^2 - 1) / 12, so that with N = m n
///
/// (N^2 - 1) s^4 - 12 T s^2 - 144 D = 0,
///
/// whose solution is exact for rasters of any shape and orientation, a line and a pair among them.
/// Displacements that are no part of a scan's extent hardly change a variance: a jittered raster
/// has the step of its raster, while its nearest neighbours are a fifth closer. Of a scan without
/// rows it is the root of the area for each position, to a few per cent: 0.93 of the distance in
/// a hexagonal lattice, sqrt(pi) c of a Fermat spiral r = c sqrt(n) (2 % less where its outline is
/// round), the geometric mean where rows and columns differ.
pub fn scan_step(scan: &[Position]) -> Option<f64> {
    let mut scan = unique(scan);
    scan.retain(|p| p.y.is_finite() && p.x.is_finite());
    let reach = ASTRAY * median_spacing(&scan);
    let tree = Tree::new(&scan);
    let near = |of: usize| tree.nearest(of, 1).first().is_some_and(|(_, away)| *away <= reach);
    let scan: Vec<Position> = (0..scan.len()).filter(|&of| near(of)).map(|of| scan[of]).collect();
    let n = scan.len() as f64;
    let mean = |of: &dyn Fn(&Position) -> f64| scan.iter().map(of).sum::<f64>() / n;
    let (y, x) = (mean(&|p| p.y), mean(&|p| p.x));
    let (yy, xx) = (mean(&|p| (p.y - y).powi(2)), mean(&|p| (p.x - x).powi(2)));
    let yx = mean(&|p| (p.y - y) * (p.x - x));
    let (trace, determinant) = (yy + xx, (yy * xx - yx * yx).max(0.0));
    let others = n * n - 1.0;
    let root = (trace * trace + 4.0 * determinant * others).sqrt();
    let step = (6.0 * (trace + root) / others).sqrt();
    (scan.len() > 1 && step.is_finite()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::random::generator;
    use lapwing_model::scan::{ScanKind, generate};
    use rand::RngExt;

    fn at(y: f64, x: f64) -> Position {
        Position { y, x }
    }

    fn raster(rows: usize, columns: usize, step: f64) -> Vec<Position> {
        let row = |r| (0..columns).map(move |c| at(r as f64 * step, c as f64 * step));
        (0..rows).flat_map(row).collect()
    }

    fn close(scan: &[Position], expected: f64, within: f64) {
        let found = scan_step(scan).unwrap();
        assert!((found / expected - 1.0).abs() <= within, "{found}, not {expected}");
    }

    #[test]
    fn rasters_lines_and_pairs_are_exact() {
        for (rows, columns) in [(1, 2), (2, 2), (1, 17), (40, 1), (2, 9), (25, 31)] {
            let scan = raster(rows, columns, 6.4);
            close(&scan, 6.4, 1e-12);
            // Turned, somewhere else, and with every position twice.
            let (sin, cos) = 0.7_f64.sin_cos();
            let turned = |p: &Position| at(p.y * cos - p.x * sin + 900.0, p.y * sin + p.x * cos);
            let twice: Vec<Position> = scan.iter().chain(&scan).map(turned).collect();
            close(&twice, 6.4, 1e-9);
        }
        assert_eq!((scan_step(&[]), scan_step(&[at(3.0, 3.0); 4])), (None, None));
        assert_eq!(scan_step(&[at(0.0, f64::NAN), at(1.0, 1.0)]), None);
        assert_eq!(scan_step(&[at(-1e300, 0.0), at(1e300, 0.0)]), None);
    }

    #[test]
    fn generated_scans_have_the_step_that_was_asked_for() {
        for kind in ScanKind::ALL {
            for (field, within) in [((30.0, 40.0), 0.04), ((90.0, 120.0), 0.02)] {
                close(&generate(kind, 5.0, field, 7).unwrap(), 5.0, within);
            }
        }
    }

    #[test]
    fn scans_without_rows_have_that_of_their_density() {
        // Neighbours 6 px apart: one position for every sqrt(3) / 2 of 36 square pixels.
        let row = |r: usize| {
            (0..20).map(move |c| {
                at(r as f64 * 6.0 * 0.75_f64.sqrt(), 6.0 * (c as f64 + (r % 2) as f64 / 2.0))
            })
        };
        let hexagonal: Vec<Position> = (0..24).flat_map(row).collect();
        close(&hexagonal, 6.0 * 0.75_f64.powf(0.25), 0.01);
        // Uniform draws, 900 for 300 x 300 px.
        let mut draws = generator(1, "positions", 0);
        let mut draw = || 300.0 * draws.random::<f64>();
        let random: Vec<Position> = (0..900).map(|_| at(draw(), draw())).collect();
        close(&random, 10.0, 0.03);
        // A spiral with a round outline.
        let spiral: Vec<Position> = (0..400)
            .map(|n| {
                let (radius, angle) = (4.0 * (n as f64).sqrt(), 2.399_963_23 * n as f64);
                at(radius * angle.sin(), radius * angle.cos())
            })
            .collect();
        close(&spiral, 4.0 * std::f64::consts::PI.sqrt(), 0.03);
        // Rows 4 px apart, columns 9.
        let oblong: Vec<Position> =
            raster(30, 20, 1.0).iter().map(|p| at(4.0 * p.y, 9.0 * p.x)).collect();
        close(&oblong, 6.0, 0.01);
    }

    #[test]
    fn what_lies_far_from_all_others_does_not_count() {
        let mut scan = raster(5, 6, 4.0);
        scan.extend([at(500.0, 0.0), at(-9000.0, 80.0)]);
        close(&scan, 4.0, 1e-12);
    }
}
