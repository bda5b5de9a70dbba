//! Exposures that differ at once from those beside them, told from where a specimen begins.

use std::collections::{BTreeSet, HashMap};

use crate::Position;
use crate::position::bounding_box;
use crate::scan::usual_step;

/// Exposures so many usual steps apart lie beside each other: those of a raster, across its corners
/// too.
const BESIDE: f64 = 1.6;
/// How often that is doubled at most where there is nothing beside.
const DOUBLED: usize = 16;

/// What exposures that lie beside each other and are odd are, by those around them that are not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    /// Places in the scan, ascending.
    pub members: &'a [usize],
    /// Those around them, of which there is one at least.
    pub around: &'a [usize],
}

/// Of the exposures `odd` of a `scan`, places in it, those that differ at once, ascending.
///
/// Probes beside each other share light. So what a specimen does goes by degrees: beside an opaque
/// part exposures lose some of their light, beside a particle they resemble the others less. A
/// detector that fails knows nothing of its neighbours in the scan. Exposures that lie beside each
/// other and are odd are judged as one, by those around them, which for a run of lost ones are
/// those of other rows: `by_degrees` says whether it is the specimen. Where there is nothing
/// around, as of exposures that were taken several times, what is farther away is.
pub(super) fn at_once(
    scan: &[Position],
    odd: &[usize],
    by_degrees: impl Fn(Group<'_>) -> bool,
) -> Vec<usize> {
    if odd.is_empty() {
        return Vec::new();
    }
    let all: BTreeSet<usize> = odd.iter().copied().collect();
    let (mut left, mut at_once) = (all.clone(), Vec::new());
    let mut apart = apart(scan);
    for _ in 0..=DOUBLED {
        let beside = Beside::of(scan, apart);
        let mut alone = BTreeSet::new();
        while let Some(first) = left.pop_first() {
            let (mut members, mut around) = (vec![first], BTreeSet::new());
            let mut next = 0;
            while next < members.len() {
                for near in beside.near(members[next]) {
                    if left.remove(&near) {
                        members.push(near);
                    } else if !all.contains(&near) {
                        around.insert(near);
                    }
                }
                next += 1;
            }
            members.sort_unstable();
            let around: Vec<usize> = around.into_iter().collect();
            if around.is_empty() {
                alone.extend(members);
            } else if !by_degrees(Group { members: &members, around: &around }) {
                at_once.extend(members);
            }
        }
        left = alone;
        if left.is_empty() {
            break;
        }
        apart *= 2.0;
    }
    // Beside nothing that is as usual.
    at_once.extend(left);
    at_once.sort_unstable();
    at_once
}

/// How far apart exposures of a scan lie beside each other, px: by the usual step, and of positions
/// that were measured more than once or lie at random by the area that each has.
fn apart(scan: &[Position]) -> f64 {
    let area = bounding_box(scan).map_or(0.0, |(y0, y1, x0, x1)| (y1 - y0) * (x1 - x0));
    let each = (area / scan.len().max(1) as f64).sqrt();
    let step = usual_step(scan).max(if each.is_finite() { each } else { 0.0 });
    // Of exposures in one place all lie beside each other.
    (BESIDE * step).max(f64::MIN_POSITIVE)
}

/// Those beside each of the exposures `of`, without itself.
pub(super) fn neighbours(scan: &[Position], of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return Vec::new();
    }
    let beside = Beside::of(scan, apart(scan));
    of.iter().map(|&at| beside.near(at).filter(|&near| near != at).collect()).collect()
}

/// Which positions of a scan lie beside each other.
struct Beside<'a> {
    scan: &'a [Position],
    apart: f64,
    /// Those in each square of that side.
    squares: HashMap<(i64, i64), Vec<usize>>,
}

impl<'a> Beside<'a> {
    fn of(scan: &'a [Position], apart: f64) -> Self {
        let mut squares: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, at) in scan.iter().enumerate().filter(|(_, at)| at.is_finite()) {
            squares.entry(square(at, apart)).or_default().push(index);
        }
        Self { scan, apart, squares }
    }

    /// Those beside a position, itself among them; none where it is no number.
    fn near(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let at = self.scan[index];
        let (y, x) = square(&at, self.apart);
        let places = (-1..=1).flat_map(move |dy| (-1..=1).map(move |dx| (dy, dx)));
        let squares = places.filter_map(move |(dy, dx)| {
            self.squares.get(&(y.saturating_add(dy), x.saturating_add(dx)))
        });
        squares.flatten().copied().filter(move |&other| at.distance(self.scan[other]) <= self.apart)
    }
}

fn square(at: &Position, side: f64) -> (i64, i64) {
    ((at.y / side).floor() as i64, (at.x / side).floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A raster of 20 by 20, to and fro.
    fn scan() -> Vec<Position> {
        let column = |row: usize, at: usize| if row.is_multiple_of(2) { at } else { 19 - at };
        let at = |i: usize| Position {
            y: 3.0 * (i / 20) as f64,
            x: 3.0 * column(i / 20, i % 20) as f64,
        };
        (0..400).map(at).collect()
    }

    /// Of exposures that lack so much of their light.
    fn lost(lack: &[f64]) -> Vec<usize> {
        let totals: Vec<f64> = lack.iter().map(|lack| 1e3 * (1.0 - lack)).collect();
        super::super::lost(&scan(), &odd(lack), &totals, &[1e3; 400])
    }

    fn odd(lack: &[f64]) -> Vec<usize> {
        (0..lack.len()).filter(|&at| lack[at] > 0.9).collect()
    }

    #[test]
    fn single_ones_and_runs_differ_at_once() {
        let mut of = vec![0.02; 400];
        let expected: Vec<usize> = [7].into_iter().chain(95..109).chain([399]).collect();
        expected.iter().for_each(|&at| of[at] = 1.0);
        assert_eq!(lost(&of), expected);
        // The rest of a scan that was broken off; all of it.
        of[250..].fill(1.0);
        assert_eq!(lost(&of).len(), 16 - 1 + 150);
        assert_eq!(lost(&[1.0; 400]).len(), 400);
        assert_eq!(lost(&[0.0; 400]), []);
    }

    #[test]
    fn lost_ones_that_reach_into_an_opaque_part_are_told_from_it() {
        // The right half is opaque, from a rim of two columns on.
        let taken = |at: &Position| ((at.x - 27.0) / 6.0).clamp(0.0, 1.0);
        let opaque: Vec<f64> = scan().iter().map(taken).collect();
        assert_eq!(lost(&opaque), []);
        // Two rows of twenty are lost, and with them the half that is dark anyway, up to where the
        // next row is lit again.
        let mut rows = opaque.clone();
        rows[120..160].fill(1.0);
        let found = lost(&rows);
        assert!((120..160).all(|at| found.contains(&at)) && found.len() <= 60, "{found:?}");
        // Broken off.
        let mut rest = opaque;
        rest[250..].fill(1.0);
        let found = lost(&rest);
        assert!((250..400).all(|at| found.contains(&at)) && found.len() <= 160, "{found:?}");
    }

    #[test]
    fn several_exposures_of_a_place_are_one() {
        let places: Vec<Position> = scan()
            .iter()
            .flat_map(|at| [0.0, 0.01, 0.02].map(|off| Position { y: at.y, x: at.x + off }))
            .collect();
        let taken =
            |at: &Position| ((8.0 - (at.y - 30.0).hypot(at.x - 27.0)) / 8.0 + 0.5).clamp(0.0, 1.0);
        let totals: Vec<f64> = places.iter().map(|at| 1e3 * (1.0 - taken(at))).collect();
        let dark: Vec<usize> = (0..1200).filter(|&at| totals[at] < 100.0).collect();
        assert!(dark.len() > 15);
        let usual = [1e3; 1200];
        assert_eq!(super::super::lost(&places, &dark, &totals, &usual), []);
        let mut lost = totals;
        lost[5] = 0.0;
        assert_eq!(super::super::lost(&places, &[&[5][..], &dark].concat(), &lost, &usual), [5]);
    }

    #[test]
    fn what_a_specimen_does_goes_by_degrees() {
        // The light that a disc of 8 px takes off a probe of 4 px, about.
        let taken =
            |at: &Position| ((8.0 - (at.y - 30.0).hypot(at.x - 27.0)) / 8.0 + 0.5).clamp(0.0, 1.0);
        let mut of: Vec<f64> = scan().iter().map(taken).collect();
        assert!(odd(&of).len() > 5);
        assert_eq!(lost(&of), []);
        // Beside it one that is lost.
        of[3] = 1.0;
        assert_eq!(lost(&of), [3]);
    }

    #[test]
    fn particles_are_unlike_by_degrees() {
        let noise = |i: usize| 0.01 * ((i * 7919 % 101) as f64 / 50.0 - 1.0);
        let near = |at: &Position| (-((at.y - 30.0).powi(2) + (at.x - 27.0).powi(2)) / 40.0).exp();
        let lacks: Vec<f64> =
            scan().iter().enumerate().map(|(i, at)| 0.3 * near(at) + noise(i)).collect();
        let unlike = |lacks: &[f64]| -> Vec<usize> {
            let unlike: Vec<usize> = (0..lacks.len()).filter(|&at| lacks[at] > 0.1).collect();
            assert!(unlike.len() > 4);
            super::super::unlike_any(&scan(), [&unlike, &[]], lacks, 0.006)
        };
        assert_eq!(unlike(&lacks), []);
        let mut wrong = lacks;
        wrong[350] = 0.9;
        assert_eq!(unlike(&wrong), [350]);
        // In the noise of the others there are no degrees.
        let mut single: Vec<f64> = (0..400).map(noise).collect();
        single[99..104].fill(0.2);
        assert_eq!(unlike(&single), [99, 100, 101, 102, 103]);
    }

    #[test]
    fn any_scan_is_judged() {
        let same = [Position { y: 1.0, x: 2.0 }; 5];
        let of_four = |group: Group<'_>| group.around.len() == 4;
        assert_eq!(at_once(&same, &[0], of_four), []);
        assert_eq!(at_once(&same, &[], of_four), []);
        let none = [Position { y: f64::NAN, x: 2.0 }; 3];
        assert_eq!(at_once(&none, &[0, 2], |_| true), [0, 2]);
        let far = [0.0, 1.0, 1e300].map(|y| Position { y, x: -1e300 });
        assert_eq!(at_once(&far, &[0, 1], |_| true), [0, 1]);
    }
}
