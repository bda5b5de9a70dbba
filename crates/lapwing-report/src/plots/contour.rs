//! Lines of equal value through points in columns.

use std::collections::BTreeMap;

/// A point with a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub x: f64,
    pub y: f64,
    pub value: f64,
}

/// Place of a node: column, place in it.
type Name = (usize, usize);

/// The lines on which `value` is `level`, as (x, y), of `columns` in ascending x, each of nodes
/// with one x in ascending y.
///
/// Neighbouring columns are joined by triangles, whose corners are neighbours in a column and one
/// in the other, in the order of y; inside of a triangle the value is linear, and none is drawn in
/// one of which a corner has no value. So each point lies
/// between nodes on both sides, and on the way between two nodes it is their linear interpolation.
pub(super) fn contour(columns: &[Vec<Node>], level: f64) -> Vec<Vec<(f64, f64)>> {
    let node = |(column, place): Name| columns[column][place];
    let above = |of: Name| node(of).value >= level;
    // Where the level is passed on an edge, and the edges that are passed on with it.
    let mut passed: BTreeMap<(Name, Name), Vec<(Name, Name)>> = BTreeMap::new();
    for [a, b, c] in triangles(columns) {
        if [a, b, c].into_iter().any(|corner| !node(corner).value.is_finite()) {
            continue;
        }
        let edges = [(a, b), (b, c), (a, c)].map(|(p, q)| (p.min(q), p.max(q)));
        let crossed: Vec<_> = edges.into_iter().filter(|&(p, q)| above(p) != above(q)).collect();
        if let [one, other] = crossed[..] {
            passed.entry(one).or_default().push(other);
            passed.entry(other).or_default().push(one);
        }
    }
    let point = |(p, q): (Name, Name)| {
        let (p, q) = (node(p), node(q));
        let part = (level - p.value) / (q.value - p.value);
        (p.x + part * (q.x - p.x), p.y + part * (q.y - p.y))
    };
    let mut lines = Vec::new();
    // From the ends of lines first, then what is left goes round.
    for ends in [true, false] {
        let starts: Vec<_> = passed.keys().copied().collect();
        for start in starts {
            if passed[&start].is_empty() || (ends && passed[&start].len() > 1) {
                continue;
            }
            let (mut at, mut line) = (start, vec![point(start)]);
            while let Some(next) = passed.get_mut(&at).and_then(Vec::pop) {
                if let Some(back) = passed.get_mut(&next) {
                    back.retain(|&of| of != at);
                }
                line.push(point(next));
                at = next;
            }
            lines.push(line);
        }
    }
    lines
}

/// Triangles between each column and the next.
fn triangles(columns: &[Vec<Node>]) -> Vec<[Name; 3]> {
    let mut found = Vec::new();
    for column in 1..columns.len() {
        let (left, right) = (&columns[column - 1], &columns[column]);
        let (mut i, mut j) = (0, 0);
        while i + 1 < left.len() || j + 1 < right.len() {
            let (here, there) = ((column - 1, i), (column, j));
            // The shorter of the two ways across.
            let left_is_next = match (left.get(i + 1), right.get(j + 1)) {
                (Some(up), Some(other)) => (up.y - right[j].y).abs() <= (other.y - left[i].y).abs(),
                (up, _) => up.is_some(),
            };
            if left_is_next {
                i += 1;
                found.push([here, there, (column - 1, i)]);
            } else {
                j += 1;
                found.push([here, there, (column, j)]);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column at `x` of nodes at these heights with the values of a plane.
    fn column(x: f64, heights: &[f64], value: impl Fn(f64, f64) -> f64) -> Vec<Node> {
        heights.iter().map(|&y| Node { x, y, value: value(x, y) }).collect()
    }

    #[test]
    fn lines_of_a_plane_are_straight_whatever_the_nodes() {
        let plane = |x: f64, y: f64| 2.0 * y + 3.0 * x;
        let columns = [
            column(0.0, &[0.0, 1.0, 2.0], plane),
            column(0.4, &[0.3, 0.5, 2.1, 3.0], plane),
            column(1.0, &[0.0, 2.0], plane),
        ];
        let found = contour(&columns, 3.1);
        assert_eq!(found.len(), 1);
        let line = &found[0];
        for &(x, y) in line {
            assert!((plane(x, y) - 3.1).abs() < 1e-12, "{x} {y}");
        }
        let ends = [line[0].0, line[line.len() - 1].0];
        assert_eq!((ends[0].min(ends[1]), ends[0].max(ends[1])), (0.0, 1.0));
        assert!(line.is_sorted_by_key(|at| at.0) || line.iter().rev().is_sorted_by_key(|at| at.0));
    }

    #[test]
    fn two_conditions_of_two_overlaps_are_enough_and_one_side_is_not() {
        let two = [column(0.2, &[1.0, 2.0], |_, y| y), column(0.6, &[1.0, 2.0], |_, y| y)];
        let [line] = contour(&two, 1.5).try_into().unwrap();
        assert!(line.iter().all(|&(_, y)| y == 1.5) && line.len() == 3);
        assert!(contour(&two, 2.5).is_empty() && contour(&two, 0.5).is_empty());
        // One dose: between the overlaps there is none to move along.
        let row = [column(0.2, &[1.0], |x, _| x), column(0.6, &[1.0], |x, _| x)];
        assert!(contour(&row, 0.4).is_empty());
        assert!(contour(&two[..1], 1.5).is_empty() && contour(&[], 1.5).is_empty());
        // No line crosses what nothing can be told of.
        let untold = |x: f64, y: f64| if (x, y) == (0.2, 2.0) { f64::NAN } else { y };
        let gap = [0.2, 0.6].map(|x| column(x, &[1.0, 2.0, 3.0], untold));
        let whole = [0.2, 0.6].map(|x| column(x, &[1.0, 2.0, 3.0], |_, y| y));
        let length =
            |columns: &[Vec<Node>]| contour(columns, 1.5).iter().map(Vec::len).sum::<usize>();
        assert!(length(&gap) < length(&whole), "{} {}", length(&gap), length(&whole));
    }

    #[test]
    fn a_peak_has_a_closed_line_around_it() {
        let peak = |x: f64, y: f64| 1.0 - (x - 1.0).abs() - (y - 1.0).abs();
        let columns: Vec<_> = [0.0, 1.0, 2.0].map(|x| column(x, &[0.0, 1.0, 2.0], peak)).into();
        let [line] = contour(&columns, 0.5).try_into().unwrap();
        assert_eq!(line.first(), line.last());
        assert!(line.len() >= 5);
    }
}
