//! The train and test splits of a scan, and how much of the object they share.

use crate::geometry::coverage::Coverage;
use lapwing_model::Position;
use lapwing_model::position::bounding_box;
use serde::{Deserialize, Serialize};

/// Coordinate along which a scan is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Rows: train above, test below.
    #[default]
    Y,
    /// Columns.
    X,
}

/// Where to cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Coordinate along which to cut.
    pub axis: Axis,
    /// The cut lies at min + fraction (max - min) of the coordinate; between 0 and 1, exclusive.
    pub fraction: f64,
    /// Positions nearer to the cut than half of this, in pixels, belong to neither split.
    pub guard_band: f64,
}

impl Default for Cut {
    /// Across y, in the middle, no guard band.
    fn default() -> Self {
        Self { axis: Axis::Y, fraction: 0.5, guard_band: 0.0 }
    }
}

/// The two splits of a scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    /// Indices of the positions below the cut, ascending.
    pub train: Vec<usize>,
    /// Indices of the positions at or above the cut, ascending.
    pub test: Vec<usize>,
    /// Number of positions in the guard band.
    pub dropped: usize,
    /// The cut, pixels.
    pub cut: f64,
}

impl Cut {
    /// Cuts `scan`: a position is train where its coordinate is less than min + fraction (max -
    /// min), else test; positions strictly nearer to the cut than `guard_band` / 2 are dropped.
    pub fn apply(&self, scan: &[Position]) -> Splits {
        let along = |position: &Position| match self.axis {
            Axis::Y => position.y,
            Axis::X => position.x,
        };
        let (y0, y1, x0, x1) = bounding_box(scan).unwrap_or((0.0, 0.0, 0.0, 0.0));
        let (min, max) = match self.axis {
            Axis::Y => (y0, y1),
            Axis::X => (x0, x1),
        };
        let cut = min + self.fraction * (max - min);
        let kept =
            (0..scan.len()).filter(|&i| (along(&scan[i]) - cut).abs() >= self.guard_band / 2.0);
        let (train, test): (Vec<usize>, Vec<usize>) = kept.partition(|&i| along(&scan[i]) < cut);
        Splits { dropped: scan.len() - train.len() - test.len(), train, test, cut }
    }
}

/// How much of the illuminated object two splits have in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// Object pixels illuminated in both splits / those illuminated in train.
    pub train: f64,
    /// Object pixels illuminated in both splits / those illuminated in test.
    pub test: f64,
}

impl Shared {
    /// Counts object pixels within `probe_diameter` / 2 of a position of either split.
    ///
    /// The window of a pattern is wider than that, but its rim sees next to no light.
    pub fn measure(train: &[Position], test: &[Position], probe_diameter: f64) -> Self {
        let all: Vec<Position> = train.iter().chain(test).copied().collect();
        let raster = Coverage::raster(&all, probe_diameter);
        let (train, test) = (Coverage::of(train, &raster), Coverage::of(test, &raster));
        let both = train.in_common(&test) as f64;
        let share =
            |split: &Coverage| if split.area() == 0 { 0.0 } else { both / split.area() as f64 };
        Self { train: share(&train), test: share(&test) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(ys: &[f64]) -> Vec<Position> {
        ys.iter().map(|&y| Position { y, x: 7.0 - y }).collect()
    }

    #[test]
    fn a_position_on_the_cut_is_test() {
        let splits = Cut::default().apply(&column(&[10.0, 20.0, 14.999, 15.0]));
        assert_eq!(splits, Splits { train: vec![0, 2], test: vec![1, 3], dropped: 0, cut: 15.0 });
        let quarter =
            Cut { fraction: 0.25, ..Cut::default() }.apply(&column(&[10.0, 20.0, 12.4, 12.5]));
        assert_eq!((quarter.train, quarter.test), (vec![0, 2], vec![1, 3]));
    }

    #[test]
    fn along_x_the_splits_swap_here() {
        let splits =
            Cut { axis: Axis::X, ..Cut::default() }.apply(&column(&[10.0, 20.0, 14.999, 15.0]));
        // x = 7 - y: the cut is at x = -8.
        assert_eq!((splits.train, splits.test, splits.cut), (vec![1], vec![0, 2, 3], -8.0));
    }

    #[test]
    fn guard_band_drops_what_is_strictly_inside() {
        let cut = Cut { guard_band: 4.0, ..Cut::default() };
        let splits = cut.apply(&column(&[10.0, 12.9, 13.0, 13.1, 15.0, 16.9, 17.0, 20.0]));
        assert_eq!((splits.train, splits.test, splits.dropped), (vec![0, 1, 2], vec![6, 7], 3));
    }

    #[test]
    fn shared_fraction_is_the_lens_of_two_discs() {
        // Two discs of diameter D with centres D/2 apart: the closed form gives 0.391.
        let at = |y: f64| [Position { y, x: 0.0 }];
        let shared = Shared::measure(&at(0.0), &at(100.0), 200.0);
        assert!((shared.train - 0.391).abs() < 2e-3 && shared.train == shared.test, "{shared:?}");
        assert_eq!(Shared::measure(&at(0.0), &at(201.0), 200.0).test, 0.0);
        // A split that lies wholly inside the other.
        let wide: Vec<Position> = (0..40).map(|i| Position { y: i as f64, x: 0.0 }).collect();
        let shared = Shared::measure(&wide, &at(20.0), 10.0);
        assert!(shared.test == 1.0 && shared.train < 0.3, "{shared:?}");
    }
}
