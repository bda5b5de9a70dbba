//! Exposures that differ at once from those beside them, told from where a specimen begins.

use std::collections::{BTreeSet, HashMap};

use crate::Position;
use crate::scan::usual_step;

/// Exposures so many usual steps apart lie beside each other: those of a raster, across its corners
/// too.
const BESIDE: f64 = 1.6;

/// Of the exposures `odd` of a `scan`, places in it, those that differ at once, ascending.
///
/// Probes beside each other share light. So what a specimen does goes by degrees: beside an opaque
/// part exposures lose some of their light, beside a particle they resemble the others less. A
/// detector that fails knows nothing of its neighbours in the scan. Exposures that lie beside each
/// other and are odd are judged as one, by those around them, which for a run of lost ones are
/// those of other rows: `by_degrees` says of them and of those around whether it is the specimen.
pub(super) fn at_once(
    scan: &[Position],
    odd: &[usize],
    by_degrees: impl Fn(&[usize], &[usize]) -> bool,
) -> Vec<usize> {
    if odd.is_empty() {
        return Vec::new();
    }
    let beside = Beside::of(scan);
    let mut left: BTreeSet<usize> = odd.iter().copied().collect();
    let mut at_once = Vec::new();
    while let Some(first) = left.pop_first() {
        let (mut members, mut around) = (vec![first], BTreeSet::new());
        let mut next = 0;
        while next < members.len() {
            for near in beside.near(members[next]) {
                if left.remove(&near) {
                    members.push(near);
                } else {
                    around.insert(near);
                }
            }
            next += 1;
        }
        members.iter().for_each(|member| _ = around.remove(member));
        let around: Vec<usize> = around.into_iter().collect();
        if around.is_empty() || !by_degrees(&members, &around) {
            at_once.extend(members);
        }
    }
    at_once.sort_unstable();
    at_once
}

/// Which positions of a scan lie beside each other.
struct Beside<'a> {
    scan: &'a [Position],
    apart: f64,
    /// Those in each square of that side.
    squares: HashMap<(i64, i64), Vec<usize>>,
}

impl<'a> Beside<'a> {
    fn of(scan: &'a [Position]) -> Self {
        // Of exposures in one place all lie beside each other.
        let apart = (BESIDE * usual_step(scan)).max(f64::MIN_POSITIVE);
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
            super::super::unlike_any(&scan(), &unlike, lacks, 0.006)
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
        let around = |_: &[usize], around: &[usize]| around.len() == 4;
        assert_eq!(at_once(&same, &[0], around), []);
        assert_eq!(at_once(&same, &[], around), []);
        let none = [Position { y: f64::NAN, x: 2.0 }; 3];
        assert_eq!(at_once(&none, &[0, 2], |_, _| true), [0, 2]);
        let far = [0.0, 1.0, 1e300].map(|y| Position { y, x: -1e300 });
        assert_eq!(at_once(&far, &[0, 1], |_, _| true), [0, 1]);
    }
}
