//! Which pixels of the object count in a comparison.

use crate::CompareError;
use lapwing_model::position::bounding_box;
use lapwing_model::{Complex32, Position, Window};
use ndarray::{Array2, ArrayView2, ArrayView3};
use std::collections::BTreeMap;
use std::ops::Range;

/// Fewest rows and columns of a region: two 7 x 7 windows of the structural similarity and some
/// context.
pub const MINIMUM_SIDE: usize = 16;

/// Fewest pixels that must count.
pub const MINIMUM_SEEN: usize = MINIMUM_SIDE * MINIMUM_SIDE / 2;

/// Most rows and columns of the region of a scan. A comparison takes some 250 bytes for each pixel,
/// 4 GB for as many as this.
pub const LARGEST_SIDE: usize = 4096;

/// A pixel counts when its illumination is at least this fraction of the region's typical one, see
/// [`Region::from_scan`].
pub const SEEN_FRACTION: f64 = 0.05;

/// A rectangle of the object array, and the pixels in it that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    rows: Range<usize>,
    columns: Range<usize>,
    mask: Array2<bool>,
}

impl Region {
    /// The region of half-open ranges `rows` and `columns` in which the pixels with a true `mask`
    /// (y, x) count.
    ///
    /// # Errors
    /// If the mask has another shape than the rectangle, a side is below [`MINIMUM_SIDE`], or fewer
    /// than
    /// [`MINIMUM_SEEN`] pixels count.
    pub fn new(
        rows: Range<usize>,
        columns: Range<usize>,
        mask: Array2<bool>,
    ) -> Result<Self, CompareError> {
        let (height, width) = (rows.len(), columns.len());
        if height < MINIMUM_SIDE || width < MINIMUM_SIDE {
            return Err(CompareError::RegionTooSmall { height, width, minimum: MINIMUM_SIDE });
        }
        if mask.dim() != (height, width) {
            return Err(CompareError::MaskShape { mask: mask.dim(), rectangle: (height, width) });
        }
        let seen = mask.iter().filter(|&&seen| seen).count();
        if seen < MINIMUM_SEEN {
            return Err(CompareError::TooFewSeen { seen, minimum: MINIMUM_SEEN });
        }
        Ok(Self { rows, columns, mask: mask.as_standard_layout().into_owned() })
    }

    /// The region in which every pixel of the rectangle counts.
    ///
    /// # Errors
    /// If a side is below [`MINIMUM_SIDE`].
    pub fn rectangle(rows: Range<usize>, columns: Range<usize>) -> Result<Self, CompareError> {
        let mask = Array2::from_elem((rows.len(), columns.len()), true);
        Self::new(rows, columns, mask)
    }

    /// The region in which every pixel of an object of shape `object` (y, x) counts; of a large one
    /// its middle [`LARGEST_SIDE`] rows and columns.
    ///
    /// # Errors
    /// If a side is below [`MINIMUM_SIDE`].
    pub fn whole(object: (usize, usize)) -> Result<Self, CompareError> {
        Self::rectangle(middle(0..object.0), middle(0..object.1))
    }

    /// The region that a scan covers on an object of shape `object` (y, x).
    ///
    /// The rectangle is the bounding box of the window centres, rounded to whole pixels and cut to
    /// the object, and its middle [`LARGEST_SIDE`] rows and columns where it has more. The
    /// illumination of a pixel is sum_j sum_m |P_m(r - r_j)|^2 over positions j and probe modes m
    /// (`probe`, axes (mode, y, x)), with windows at whole pixels. A pixel counts when its
    /// illumination is at least [`SEEN_FRACTION`] times the median illumination of the brighter
    /// half of the rectangle (its upper quartile).
    ///
    /// # Errors
    /// If there is no position, a position or the probe is not finite, the probe is dark, or the
    /// region is too small.
    pub fn from_scan(
        object: (usize, usize),
        scan: &[Position],
        probe: ArrayView3<'_, Complex32>,
    ) -> Result<Self, CompareError> {
        let not_finite = scan.iter().filter(|p| !(p.y.is_finite() && p.x.is_finite())).count();
        let (Some((rows, columns)), 0) = (Self::window(object, scan), not_finite) else {
            return Err(CompareError::UnusableScan { positions: scan.len(), not_finite });
        };
        let intensity = probe.map(|p| f64::from(p.re).powi(2) + f64::from(p.im).powi(2));
        let total = intensity.sum();
        if !(total.is_finite() && total > 0.0) {
            return Err(CompareError::DarkProbe { total });
        }
        let light =
            illumination(&rows, &columns, scan, intensity.sum_axis(ndarray::Axis(0)).view());
        let mut sorted: Vec<f64> = light.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let typical = sorted.get(sorted.len() * 3 / 4).copied().unwrap_or(0.0);
        let mask = light.mapv(|value| value > 0.0 && value >= SEEN_FRACTION * typical);
        Self::new(rows, columns, mask)
    }

    /// Rows and columns of the rectangle of [`from_scan`](Self::from_scan), half-open; `None` of no
    /// positions.
    pub fn window(
        object: (usize, usize),
        scan: &[Position],
    ) -> Option<(Range<usize>, Range<usize>)> {
        let (rows, columns) = Self::spanned(object, scan)?;
        Some((middle(rows), middle(columns)))
    }

    /// The same before it is cut to its middle: all that the scan spans.
    pub fn spanned(
        object: (usize, usize),
        scan: &[Position],
    ) -> Option<(Range<usize>, Range<usize>)> {
        let (y_min, y_max, x_min, x_max) = bounding_box(scan)?;
        Some((whole_pixels(y_min, y_max, object.0), whole_pixels(x_min, x_max, object.1)))
    }

    /// The pixels that count in both regions.
    ///
    /// # Errors
    /// If a side of the common rectangle is below [`MINIMUM_SIDE`], or fewer than [`MINIMUM_SEEN`]
    /// pixels count in both.
    pub fn intersection(&self, other: &Self) -> Result<Self, CompareError> {
        let common = |a: &Range<usize>, b: &Range<usize>| {
            let start = a.start.max(b.start);
            start..a.end.min(b.end).max(start)
        };
        let (rows, columns) =
            (common(&self.rows, &other.rows), common(&self.columns, &other.columns));
        let seen = |region: &Self, y: usize, x: usize| {
            region.mask
                [[y + rows.start - region.rows.start, x + columns.start - region.columns.start]]
        };
        let mask = Array2::from_shape_fn((rows.len(), columns.len()), |(y, x)| {
            seen(self, y, x) && seen(other, y, x)
        });
        Self::new(rows, columns, mask)
    }

    /// Rows of the object array, half-open.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Columns of the object array, half-open.
    pub fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// Shape (y, x) of the rectangle.
    pub fn shape(&self) -> (usize, usize) {
        self.mask.dim()
    }

    /// The pixels of the rectangle that count, axes (y, x).
    pub fn mask(&self) -> ArrayView2<'_, bool> {
        self.mask.view()
    }

    /// Number of pixels that count.
    pub fn seen(&self) -> usize {
        self.mask.iter().filter(|&&seen| seen).count()
    }
}

/// The middle of a range, at most [`LARGEST_SIDE`] long.
fn middle(range: Range<usize>) -> Range<usize> {
    let start = range.start + range.len().saturating_sub(LARGEST_SIDE) / 2;
    start..range.end.min(start + LARGEST_SIDE)
}

/// Pixels from `low` to `high` inclusive, rounded to the nearest and cut to `0..limit`.
fn whole_pixels(low: f64, high: f64, limit: usize) -> Range<usize> {
    let bound = |value: f64| value.clamp(0.0, limit as f64) as usize;
    let start = bound(low.round());
    start..bound(high.round() + 1.0).max(start)
}

/// Sum over the scan of the probe intensity, on the pixels of a rectangle.
fn illumination(
    rows: &Range<usize>,
    columns: &Range<usize>,
    scan: &[Position],
    intensity: ArrayView2<'_, f64>,
) -> Array2<f64> {
    // Positions that share a pixel are added once with their number, so that the cost is bounded by
    // the object's area.
    let mut corners: BTreeMap<(isize, isize), f64> = BTreeMap::new();
    for &position in scan {
        let window = Window::of(position, intensity.dim());
        *corners.entry((window.row, window.column)).or_default() += 1.0;
    }
    let (height, width) = intensity.dim();
    let mut light = Array2::zeros((rows.len(), columns.len()));
    for ((row, column), times) in corners {
        let (y0, y1) = overlap(row, height, rows);
        let (x0, x1) = overlap(column, width, columns);
        for y in y0..y1 {
            let source = (y as isize - row) as usize;
            for x in x0..x1 {
                light[[y - rows.start, x - columns.start]] +=
                    times * intensity[[source, (x as isize - column) as usize]];
            }
        }
    }
    light
}

/// Pixels that a window of `length` pixels from `start` shares with `range`; empty as `(a, b)` with
/// `b <= a`.
fn overlap(start: isize, length: usize, range: &Range<usize>) -> (usize, usize) {
    let end = start.saturating_add_unsigned(length).max(0) as usize;
    (range.start.max(start.max(0) as usize), range.end.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, s};

    fn disc(side: usize, radius: f64) -> Array3<Complex32> {
        let centre = (side / 2) as f64;
        Array3::from_shape_fn((1, side, side), |(_, y, x)| {
            let inside = (y as f64 - centre).hypot(x as f64 - centre) <= radius;
            Complex32::new(if inside { 2.0 } else { 0.0 }, 0.0)
        })
    }

    #[test]
    fn rectangle_is_the_bounding_box_of_the_centres() {
        let scan: Vec<Position> = (0..25)
            .map(|i| Position { y: 20.0 + 8.0 * (i / 5) as f64, x: 30.2 + 9.0 * (i % 5) as f64 })
            .collect();
        let region = Region::from_scan((100, 100), &scan, disc(32, 14.0).view()).unwrap();
        assert_eq!((region.rows(), region.columns()), (20..53, 30..67));
        assert_eq!(region.seen(), region.shape().0 * region.shape().1);
    }

    #[test]
    fn gaps_between_discs_do_not_count() {
        // Four discs of radius 8 at the corners of a 40 px square: a pixel counts exactly when it
        // is in one of them.
        let corners = [(30.0, 30.0), (30.0, 70.0), (70.0, 30.0), (70.0, 70.0)];
        let scan = corners.map(|(y, x)| Position { y, x });
        let region = Region::from_scan((100, 100), &scan, disc(32, 8.0).view()).unwrap();
        for ((row, column), &seen) in region.mask().indexed_iter() {
            let (y, x) = (row as f64 + 30.0, column as f64 + 30.0);
            let near = corners.iter().any(|&(cy, cx)| (y - cy).hypot(x - cx) <= 8.0);
            assert_eq!(seen, near, "at {y}, {x}");
        }
    }

    #[test]
    fn illumination_is_the_sum_over_positions_and_modes() {
        let mut probe = Array3::from_elem((2, 4, 6), Complex32::new(0.0, 0.0));
        probe.slice_mut(s![0, .., ..]).fill(Complex32::new(0.0, 2.0));
        probe[[1, 2, 3]] = Complex32::new(3.0, 0.0);
        let intensity = probe.map(|p| f64::from(p.norm_sqr())).sum_axis(ndarray::Axis(0));
        // The second position stands twice; its window leaves the rectangle at the lower right.
        let scan =
            [Position { y: 4.0, x: 5.0 }, Position { y: 9.0, x: 9.2 }, Position { y: 9.0, x: 9.0 }];
        let light = illumination(&(2..10), &(2..11), &scan, intensity.view());
        assert_eq!(light[[0, 0]], 4.0);
        assert_eq!(light[[2, 3]], 4.0 + 9.0);
        assert_eq!(light[[7, 7]], 2.0 * (4.0 + 9.0));
        assert_eq!(light[[7, 8]], 8.0);
        assert_eq!(light[[4, 0]], 0.0);
        assert_eq!(light.sum(), 24.0 * 4.0 + 9.0 + 2.0 * (15.0 * 4.0 + 9.0));
    }

    #[test]
    fn intersections_count_what_both_count() {
        let mut mask = Array2::from_elem((40, 40), true);
        mask[[10, 20]] = false;
        let (a, b) =
            (Region::new(5..45, 0..40, mask).unwrap(), Region::rectangle(10..60, 8..30).unwrap());
        let common = a.intersection(&b).unwrap();
        assert_eq!((common.rows(), common.columns()), (10..45, 8..30));
        assert_eq!(common.mask().iter().filter(|seen| !**seen).count(), 1);
        assert!(!common.mask()[[5, 12]], "row 15, column 20 of the object");
        assert_eq!(common, b.intersection(&a).unwrap());
        let far = Region::rectangle(50..90, 0..40).unwrap();
        assert!(matches!(
            a.intersection(&far),
            Err(CompareError::RegionTooSmall { height: 0, .. })
        ));
    }

    #[test]
    fn refuses_what_cannot_be_compared() {
        let one = [Position { y: 50.0, x: 50.0 }];
        let probe = disc(32, 8.0);
        assert_eq!(
            Region::from_scan((100, 100), &one, probe.view()),
            Err(CompareError::RegionTooSmall { height: 1, width: 1, minimum: MINIMUM_SIDE })
        );
        assert!(matches!(
            Region::from_scan((100, 100), &[], probe.view()),
            Err(CompareError::UnusableScan { positions: 0, .. })
        ));
        let lost = [Position { y: f64::NAN, x: 1.0 }, one[0]];
        assert!(matches!(
            Region::from_scan((100, 100), &lost, probe.view()),
            Err(CompareError::UnusableScan { not_finite: 1, .. })
        ));
        // Far outside the object, in both directions, and with an empty probe.
        let far = [Position { y: -1e30, x: 1e30 }, Position { y: -2e30, x: 2e30 }];
        assert!(Region::from_scan((100, 100), &far, probe.view()).is_err());
        let dark = Array3::zeros((0, 0, 0));
        assert!(matches!(
            Region::from_scan((100, 100), &one, dark.view()),
            Err(CompareError::DarkProbe { .. })
        ));
        let sparse = Array2::from_elem((20, 20), false);
        assert!(matches!(
            Region::new(0..20, 0..20, sparse),
            Err(CompareError::TooFewSeen { seen: 0, .. })
        ));
        let wrong = Array2::from_elem((20, 21), true);
        assert!(matches!(Region::new(0..20, 0..20, wrong), Err(CompareError::MaskShape { .. })));
    }

    #[test]
    fn of_a_large_scan_the_middle_is_compared() {
        let at = |y: f64, x: f64| Position { y, x };
        // Along the rim and in the middle.
        let scan = [at(10.0, 20.0), at(9009.0, 419.0), at(4500.0, 200.0)];
        let probe = Array3::from_elem((1, 64, 64), Complex32::new(1.0, 0.0));
        let region = Region::from_scan((9100, 500), &scan, probe.view()).unwrap();
        assert_eq!(Region::spanned((9100, 500), &scan), Some((10..9010, 20..420)));
        assert_eq!((region.rows(), region.columns()), (2462..6558, 20..420));
        assert_eq!(Region::window((9100, 500), &scan), Some((2462..6558, 20..420)));
        // What counts is decided by the light on this part alone.
        assert_eq!(region.seen(), 64 * 64);
        let whole = Region::whole((20, 5000)).unwrap();
        assert_eq!((whole.rows(), whole.columns()), (0..20, 452..4548));
    }
}
