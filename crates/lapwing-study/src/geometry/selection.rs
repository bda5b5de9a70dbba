//! Which positions a view keeps: at least a spacing S apart, by one of two rules.
//!
//! Both rules use a hash grid of square cells of side S / 1.5. Two points of one cell are closer
//! than S (the diagonal is 0.943 S, so rounding cannot change that), and every point nearer than S
//! lies within two cells. Hence a cell with two points rejects them all at once, and a cell never
//! holds more than one kept point: the work and the memory are linear in the number of positions,
//! however they are clustered.

use lapwing_files::metadata::SelectionStrategy as Strategy;
use lapwing_model::Position;
use lapwing_model::position::bounding_box;
use serde::Serialize;
use std::collections::HashMap;
use std::f64::consts::PI;

/// When a selection counts as successful.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Acceptance {
    /// Least share of positions to keep when the geometry allows it, 0 to 1.
    pub floor: f64,
    /// Share of [`packing_bound`] that is enough when the geometry allows less than `floor`.
    pub bound_share: f64,
    /// Least number of positions to keep (see [`positions_needed`]).
    pub min_positions: usize,
}

impl Default for Acceptance {
    /// 10 %, or half of what the geometry allows; 5 positions.
    fn default() -> Self {
        Self { floor: 0.10, bound_share: 0.5, min_positions: 5 }
    }
}

impl Acceptance {
    /// Least share of `scan` that a selection with `spacing` must keep: the smaller of `floor` and
    /// `bound_share` of [`packing_bound`].
    pub fn floor_for(&self, scan: &[Position], spacing: f64) -> f64 {
        self.floor.min(self.bound_share * packing_bound(scan, spacing))
    }
}

/// Share of `scan` that discs of diameter `spacing` side by side would fill: A / (n pi (S/2)^2), A
/// the bounding box of the positions.
///
/// Positions at least S apart are centres of disjoint discs of diameter S, so not much more can be
/// kept (only discs at the border reach out of the box). 0 for an empty scan and for positions on
/// one line along an axis.
pub fn packing_bound(scan: &[Position], spacing: f64) -> f64 {
    let Some((y0, y1, x0, x1)) = bounding_box(scan) else { return 0.0 };
    (y1 - y0) * (x1 - x0) / (scan.len() as f64 * PI * (spacing / 2.0).powi(2))
}

/// `geometry_acceptance_bound` of the reference study: [`packing_bound`] with the probe's diameter,
/// at most 0.10.
pub fn geometry_acceptance_bound(scan: &[Position], probe_diameter: f64) -> f64 {
    packing_bound(scan, probe_diameter).min(0.10)
}

/// `effective_min_acceptance` of the reference study: its bound, at least 1e-6.
pub fn effective_min_acceptance(geometry_acceptance_bound: f64) -> f64 {
    geometry_acceptance_bound.max(1e-6)
}

/// Least number of patterns that can determine the object and the probe, whatever the overlap.
///
/// n patterns of N x N pixels are n N^2 real numbers. Without any overlap the unknowns are complex:
/// the illuminated object, n pi (D/2)^2 pixels, and the probe, N^2 pixels. Counting n N^2 >= 2 (n
/// pi (D/2)^2 + N^2) gives n >= 2 / (1 - pi (D/N)^2 / 2): 5 for D = 0.6 N. `None` from D = 0.798 N
/// on, where only overlap helps.
pub fn positions_needed(diameter_over_n: f64) -> Option<usize> {
    let surplus = 1.0 - PI * diameter_over_n.powi(2) / 2.0;
    (surplus > 0.0).then(|| (2.0 / surplus).ceil() as usize)
}

/// Indices, ascending, of the positions whose nearest neighbour is at least `spacing` away.
pub fn direct(scan: &[Position], spacing: f64) -> Vec<usize> {
    if !fits_cells(scan, spacing) {
        return direct_by_sweep(scan, spacing);
    }
    let mut cells: HashMap<Cell, Vec<u32>> = HashMap::with_capacity(scan.len());
    for (index, &position) in scan.iter().enumerate() {
        cells.entry(cell(position, spacing)).or_default().push(index as u32);
    }
    let far = |index: usize, others: &[u32]| {
        others
            .iter()
            .all(|&o| o as usize == index || scan[o as usize].distance(scan[index]) >= spacing)
    };
    (0..scan.len())
        .filter(|&index| {
            let own = cell(scan[index], spacing);
            cells.get(&own).is_some_and(|points| points.len() == 1)
                && around(own).all(|near| cells.get(&near).is_none_or(|points| far(index, points)))
        })
        .collect()
}

/// Indices, ascending, of the positions kept when all are visited in the order of (y, then x, then
/// index) and each is kept that is at least `spacing` from every one kept before.
pub fn greedy(scan: &[Position], spacing: f64) -> Vec<usize> {
    if !fits_cells(scan, spacing) {
        return greedy_by_sweep(scan, spacing);
    }
    let mut kept: HashMap<Cell, usize> = HashMap::new();
    for index in in_order(scan) {
        let own = cell(scan[index], spacing);
        let far =
            |near: Cell| kept.get(&near).is_none_or(|&k| scan[k].distance(scan[index]) >= spacing);
        if far(own) && around(own).all(far) {
            kept.insert(own, index);
        }
    }
    let mut kept: Vec<usize> = kept.into_values().collect();
    kept.sort_unstable();
    kept
}

/// Indices in the order of (y, then x, then index).
fn in_order(scan: &[Position]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scan.len()).collect();
    order.sort_by(|&a, &b| {
        (scan[a].y.total_cmp(&scan[b].y)).then(scan[a].x.total_cmp(&scan[b].x)).then(a.cmp(&b))
    });
    order
}

/// Whether cells tell positions apart: their numbers must be exact, which coordinates of absurd
/// size are not.
fn fits_cells(scan: &[Position], spacing: f64) -> bool {
    let side = spacing / 1.5;
    scan.iter().all(|p| (p.y / side).abs() < MOST_CELLS && (p.x / side).abs() < MOST_CELLS)
}

/// [`direct`] by comparing every position with those after it in the order of y that are less than
/// the spacing away there.
fn direct_by_sweep(scan: &[Position], spacing: f64) -> Vec<usize> {
    let order = in_order(scan);
    let mut alone = vec![true; scan.len()];
    for (place, &a) in order.iter().enumerate() {
        for &b in order[place + 1..].iter().take_while(|&&b| scan[b].y - scan[a].y < spacing) {
            if scan[a].distance(scan[b]) < spacing {
                (alone[a], alone[b]) = (false, false);
            }
        }
    }
    (0..scan.len()).filter(|&index| alone[index]).collect()
}

/// [`greedy`] by comparing every position with those kept before it that are less than the spacing
/// away in y.
fn greedy_by_sweep(scan: &[Position], spacing: f64) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for index in in_order(scan) {
        let mut near = kept.iter().rev().take_while(|&&k| scan[index].y - scan[k].y < spacing);
        if near.all(|&k| scan[k].distance(scan[index]) >= spacing) {
            kept.push(index);
        }
    }
    kept.sort_unstable();
    kept
}

/// A successful selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Indices of the kept positions, ascending.
    pub kept: Vec<usize>,
    /// Rule that found them.
    pub strategy: Strategy,
}

/// A selection that neither rule could make, with the numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refusal {
    /// Positions of the split.
    pub n: usize,
    /// Kept by [`direct`].
    pub direct: usize,
    /// Kept by [`greedy`].
    pub greedy: usize,
    /// Least number that would have been enough.
    pub needed: usize,
    /// Spacing asked for, pixels.
    pub spacing: f64,
    /// Median distance to the nearest neighbour in the split, pixels.
    pub median_spacing: f64,
    /// Height and width of the bounding box of the positions, pixels.
    pub field: (f64, f64),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = |kept: usize| 100.0 * kept as f64 / self.n.max(1) as f64;
        write!(
            f,
            "at least {} positions are needed, but of {} direct selection keeps {} ({:.2} %) and greedy selection {} ({:.2} %) \
             at a spacing of {:.1} px; the median spacing of the scan is {:.1} px and its field {:.0} x {:.0} px; a larger \
             field of view, a larger overlap of the view, or a lower acceptance floor would help",
            self.needed,
            self.n,
            self.direct,
            rate(self.direct),
            self.greedy,
            rate(self.greedy),
            self.spacing,
            self.median_spacing,
            self.field.0,
            self.field.1
        )
    }
}

/// Selects positions at least `spacing` apart: [`direct`] when that keeps enough, else [`greedy`],
/// else a refusal.
///
/// What [`direct`] keeps may be few scattered positions with gaps between them, rather than a scan
/// with that step: [`select_step`] keeps as many as [`greedy`] does.
///
/// # Errors
/// How many positions there are and how many were wanted.
pub fn select(
    scan: &[Position],
    spacing: f64,
    acceptance: &Acceptance,
) -> Result<Selection, Refusal> {
    let by_direct = direct(scan, spacing);
    if by_direct.len() >= positions_wanted(scan, spacing, acceptance) {
        return Ok(Selection { kept: by_direct, strategy: Strategy::Direct });
    }
    select_step(scan, spacing, acceptance)
}

/// Least number of positions of a successful selection.
fn positions_wanted(scan: &[Position], spacing: f64, acceptance: &Acceptance) -> usize {
    let share = (acceptance.floor_for(scan, spacing) * scan.len() as f64).ceil() as usize;
    share.max(acceptance.min_positions).max(1)
}

/// The scan with a step of `spacing`: [`greedy`], which keeps every position that [`direct`] does
/// and leaves no gap into which another would fit; a refusal where these are too few.
///
/// # Errors
/// How many positions there are and how many were wanted.
pub fn select_step(
    scan: &[Position],
    spacing: f64,
    acceptance: &Acceptance,
) -> Result<Selection, Refusal> {
    let needed = positions_wanted(scan, spacing, acceptance);
    let by_greedy = greedy(scan, spacing);
    if by_greedy.len() >= needed {
        return Ok(Selection { kept: by_greedy, strategy: Strategy::Greedy });
    }
    let (y0, y1, x0, x1) = bounding_box(scan).unwrap_or((0.0, 0.0, 0.0, 0.0));
    Err(Refusal {
        n: scan.len(),
        direct: direct(scan, spacing).len(),
        greedy: by_greedy.len(),
        needed,
        spacing,
        median_spacing: crate::geometry::neighbours::median_spacing(scan),
        field: (y1 - y0, x1 - x0),
    })
}

type Cell = (i64, i64);

/// Largest number of a cell, far inside what both `f64` and `i64` count exactly.
const MOST_CELLS: f64 = (1u64 << 40) as f64;

/// Cell of a position; exact when [`fits_cells`].
fn cell(position: Position, spacing: f64) -> Cell {
    let side = spacing / 1.5;
    ((position.y / side).floor() as i64, (position.x / side).floor() as i64)
}

/// The 24 cells around `own` that can hold a point nearer than the spacing.
fn around((row, column): Cell) -> impl Iterator<Item = Cell> {
    let offsets = (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| (dy, dx)));
    offsets
        .filter(|&offset| offset != (0, 0))
        .map(move |(dy, dx)| (row.saturating_add(dy), column.saturating_add(dx)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    fn at(y: f64, x: f64) -> Position {
        Position { y, x }
    }

    fn lattice(rows: usize, columns: usize, step: f64) -> Vec<Position> {
        (0..rows)
            .flat_map(|r| (0..columns).map(move |c| at(r as f64 * step, c as f64 * step)))
            .collect()
    }

    fn brute_direct(scan: &[Position], spacing: f64) -> Vec<usize> {
        let far =
            |i: usize| (0..scan.len()).all(|j| i == j || scan[i].distance(scan[j]) >= spacing);
        (0..scan.len()).filter(|&i| far(i)).collect()
    }

    fn brute_greedy(scan: &[Position], spacing: f64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..scan.len()).collect();
        order.sort_by(|&a, &b| {
            (scan[a].y, scan[a].x, a).partial_cmp(&(scan[b].y, scan[b].x, b)).unwrap()
        });
        let mut kept: Vec<usize> = Vec::new();
        for i in order {
            if kept.iter().all(|&k| scan[k].distance(scan[i]) >= spacing) {
                kept.push(i);
            }
        }
        kept.sort_unstable();
        kept
    }

    proptest! {
        /// Coordinates on a lattice of quarter pixels, so that distances exactly equal to the
        /// spacing and duplicates occur.
        #[test]
        fn both_rules_equal_brute_force(
            points in prop::collection::vec((-200i32..200, -200i32..200), 0..120),
            spacing in prop::sample::select(vec![0.25, 1.0, 5.0, 12.5, 38.4, 102.4]),
        ) {
            let scan: Vec<Position> = points.iter().map(|&(y, x)| at(y as f64 / 4.0, x as f64 / 4.0)).collect();
            prop_assert_eq!(direct(&scan, spacing), brute_direct(&scan, spacing));
            prop_assert_eq!(greedy(&scan, spacing), brute_greedy(&scan, spacing));
            prop_assert_eq!(direct_by_sweep(&scan, spacing), brute_direct(&scan, spacing));
            prop_assert_eq!(greedy_by_sweep(&scan, spacing), brute_greedy(&scan, spacing));
        }

        #[test]
        fn greedy_is_maximal(points in prop::collection::vec((0.0f64..99.0, 0.0f64..99.0), 1..80)) {
            let scan: Vec<Position> = points.iter().map(|&(y, x)| at(y, x)).collect();
            let kept = greedy(&scan, 20.0);
            for i in (0..scan.len()).filter(|i| !kept.contains(i)) {
                prop_assert!(kept.iter().any(|&k| scan[k].distance(scan[i]) < 20.0));
            }
        }
    }

    #[test]
    fn coordinates_of_absurd_size_are_compared_too() {
        for far in [1e12, 1e19, 1e300] {
            let scan = [
                at(far, 0.0),
                at(2.0 * far, 0.0),
                at(2.0 * far, 3.0),
                at(0.0, -far),
                at(0.0, -3.0 * far),
            ];
            assert_eq!(direct(&scan, 5.0), brute_direct(&scan, 5.0));
            assert_eq!(direct(&scan, 5.0), [0, 3, 4]);
            assert_eq!(greedy(&scan, 5.0), [0, 1, 3, 4]);
        }
    }

    #[test]
    fn a_spacing_met_exactly_is_accepted() {
        let scan = lattice(5, 5, 38.5);
        assert_eq!(direct(&scan, 38.5), (0..25).collect::<Vec<_>>());
        assert_eq!(direct(&scan, 38.51), Vec::<usize>::new());
        // A diagonal lattice whose diagonal is the spacing, which is where a cell of side S / sqrt
        // 2 would go wrong.
        let scan: Vec<_> = (0..50).map(|i| at(i as f64 * 3.0, i as f64 * 4.0)).collect();
        assert_eq!(direct(&scan, 5.0).len(), 50);
        assert_eq!(greedy(&scan, 5.0).len(), 50);
    }

    #[test]
    fn greedy_rescues_line_spaced_positions() {
        // Lines 64 px apart and 102.4 px asked for: direct keeps none, greedy every second position
        // of every second line.
        let scan = lattice(9, 9, 64.0);
        let selection = select(&scan, 102.4, &Acceptance::default()).unwrap();
        assert!(direct(&scan, 102.4).is_empty());
        assert_eq!((selection.strategy, selection.kept.len()), (Strategy::Greedy, 25));
    }

    #[test]
    fn direct_is_used_when_it_keeps_enough() {
        let mut scan = lattice(5, 5, 50.0);
        scan.push(at(0.0, 1.0));
        let selection = select(&scan, 40.0, &Acceptance::default()).unwrap();
        // The first position and the one beside it reject each other.
        assert_eq!((selection.strategy, selection.kept), (Strategy::Direct, (1..25).collect()));
    }

    #[test]
    fn a_step_leaves_no_gaps() {
        // Pairs of positions a pixel apart between single ones: direct keeps the single ones.
        let scan: Vec<Position> = (0..60)
            .flat_map(|i| {
                let x = 10.0 * f64::from(i);
                let beside = (i % 3 != 0).then_some(at(0.0, x + 1.0));
                std::iter::once(at(0.0, x)).chain(beside)
            })
            .collect();
        let acceptance = Acceptance::default();
        let (named, step) = (
            select(&scan, 8.0, &acceptance).unwrap(),
            select_step(&scan, 8.0, &acceptance).unwrap(),
        );
        assert_eq!((named.strategy, named.kept.len()), (Strategy::Direct, 20));
        assert_eq!((step.strategy, step.kept.len()), (Strategy::Greedy, 60));
        assert!(named.kept.iter().all(|index| step.kept.contains(index)));
    }

    #[test]
    fn floor_knows_the_geometry() {
        // The reference study's dense case: 5,088 positions in 165 x 166 px; ten per cent would be
        // 509.
        let scan: Vec<Position> = (0..5088)
            .map(|i| at(165.0 * (i / 72) as f64 / 70.0, 166.0 * (i % 72) as f64 / 71.0))
            .collect();
        let acceptance = Acceptance::default();
        assert!((packing_bound(&scan, 38.4) - 165.0 * 166.0 / (5088.0 * 1158.1167)).abs() < 1e-8);
        assert!(acceptance.floor_for(&scan, 38.4) < 0.0024);
        let selection = select(&scan, 38.4, &acceptance).unwrap();
        assert!(selection.strategy == Strategy::Greedy && selection.kept.len() >= 20);
        // Sparse there would keep four: refused, with the numbers.
        let refusal = select(&scan, 102.4, &acceptance).unwrap_err();
        assert_eq!((refusal.direct, refusal.greedy, refusal.needed, refusal.n), (0, 4, 5, 5088));
        let text = refusal.to_string();
        assert!(
            text.contains("102.4 px") && text.contains("165 x 166") && text.contains("(0.08 %)"),
            "{text}"
        );
    }

    #[test]
    fn counting_unknowns_asks_for_five_positions() {
        assert_eq!(positions_needed(0.6), Some(5));
        assert_eq!(positions_needed(0.0), Some(2));
        assert_eq!(positions_needed(0.8), None);
    }

    #[test]
    fn bounds_of_the_reference_study() {
        let scan = [at(0.0, 0.0), at(100.0, 50.0)];
        let bound = 100.0 * 50.0 / (2.0 * PI * 400.0f64.powi(2));
        assert!((geometry_acceptance_bound(&scan, 800.0) - bound).abs() < 1e-15);
        assert_eq!(geometry_acceptance_bound(&scan, 8.0), 0.10);
        assert_eq!(effective_min_acceptance(geometry_acceptance_bound(&scan[..1], 8.0)), 1e-6);
    }

    #[test]
    fn a_million_positions_even_when_clustered() {
        if lapwing_testing::left_out() {
            return;
        }
        // Half of them in one square pixel, half on a regular grid: nothing is quadratic.
        let scan: Vec<Position> = (0..1_000_000u32)
            .map(|i| {
                let (a, b) = ((i / 1000) as f64, (i % 1000) as f64);
                if i % 2 == 0 { at(a / 1000.0, b / 1000.0) } else { at(50.0 + a, b) }
            })
            .collect();
        let kept = (direct(&scan, 38.4).len(), greedy(&scan, 38.4).len());
        assert!(kept.0 == 0 && kept.1 > 500, "{kept:?}");
    }
}
