//! Nearest neighbours among positions: a balanced k-d tree, with ties broken by index so that
//! answers never depend on order.

use lapwing_model::{Position, median};

/// Positions per leaf of the tree.
const LEAF: usize = 16;

/// A k-d tree over positions. Memory is one index for each position.
#[derive(Debug, Clone)]
pub struct Tree<'a> {
    positions: &'a [Position],
    /// Indices into `positions`; every range longer than a leaf has its median in the middle, by y
    /// at even depth, else by x.
    order: Vec<u32>,
}

impl<'a> Tree<'a> {
    /// Builds the tree, O(n log n).
    pub fn new(positions: &'a [Position]) -> Self {
        let mut order: Vec<u32> = (0..positions.len() as u32).collect();
        build(positions, &mut order, 0);
        Self { positions, order }
    }

    /// Up to `k` positions nearest to position `of`, itself left out: (index, distance), nearest
    /// first, ties by index.
    pub fn nearest(&self, of: usize, k: usize) -> Vec<(usize, f64)> {
        let k = k.min(self.positions.len());
        let mut best = Vec::with_capacity(k + 1);
        if k > 0 {
            self.visit_nearest(&self.order, 0, of, k, &mut best);
        }
        best.into_iter().map(|(distance, index)| (index, distance)).collect()
    }

    /// Calls `found(index, distance)` for every position nearer than `radius` to position `of`,
    /// itself left out.
    pub fn within(&self, of: usize, radius: f64, found: &mut impl FnMut(usize, f64)) {
        self.visit_within(&self.order, 0, of, radius, found);
    }

    fn visit_nearest(
        &self,
        range: &[u32],
        depth: usize,
        of: usize,
        k: usize,
        best: &mut Vec<(f64, usize)>,
    ) {
        if range.len() <= LEAF {
            range.iter().for_each(|&index| self.offer(index as usize, of, k, best));
            return;
        }
        let middle = range.len() / 2;
        let gap =
            along(self.positions[of], depth) - along(self.positions[range[middle] as usize], depth);
        let (below, above) = (&range[..middle], &range[middle + 1..]);
        let (first, second) = if gap <= 0.0 { (below, above) } else { (above, below) };
        self.offer(range[middle] as usize, of, k, best);
        self.visit_nearest(first, depth + 1, of, k, best);
        // `<=`: a position at the same distance but with a smaller index still counts.
        if best.len() < k || best.last().is_some_and(|last| gap.abs() <= last.0) {
            self.visit_nearest(second, depth + 1, of, k, best);
        }
    }

    fn offer(&self, index: usize, of: usize, k: usize, best: &mut Vec<(f64, usize)>) {
        if index == of {
            return;
        }
        let candidate = (self.positions[index].distance(self.positions[of]), index);
        let place = best.partition_point(|known| *known < candidate);
        if place < k {
            best.insert(place, candidate);
            best.truncate(k);
        }
    }

    fn visit_within(
        &self,
        range: &[u32],
        depth: usize,
        of: usize,
        radius: f64,
        found: &mut impl FnMut(usize, f64),
    ) {
        let mut offer = |index: u32| {
            let distance = self.positions[index as usize].distance(self.positions[of]);
            if index as usize != of && distance < radius {
                found(index as usize, distance);
            }
        };
        if range.len() <= LEAF {
            range.iter().for_each(|&index| offer(index));
            return;
        }
        let middle = range.len() / 2;
        offer(range[middle]);
        let gap =
            along(self.positions[of], depth) - along(self.positions[range[middle] as usize], depth);
        if gap < radius {
            self.visit_within(&range[..middle], depth + 1, of, radius, found);
        }
        if -gap < radius {
            self.visit_within(&range[middle + 1..], depth + 1, of, radius, found);
        }
    }
}

/// Median distance of a position to its nearest neighbour, pixels; 0 for fewer than two positions.
pub fn median_spacing(scan: &[Position]) -> f64 {
    let tree = Tree::new(scan);
    let spacing = (0..scan.len()).filter_map(|i| Some(tree.nearest(i, 1).first()?.1));
    median(spacing).unwrap_or(0.0)
}

fn along(position: Position, depth: usize) -> f64 {
    if depth.is_multiple_of(2) { position.y } else { position.x }
}

fn build(positions: &[Position], order: &mut [u32], depth: usize) {
    if order.len() <= LEAF {
        return;
    }
    let middle = order.len() / 2;
    let key = |index: u32| along(positions[index as usize], depth);
    order.select_nth_unstable_by(middle, |&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
    build(positions, &mut order[..middle], depth + 1);
    build(positions, &mut order[middle + 1..], depth + 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn nearest_and_within_equal_brute_force(
            points in prop::collection::vec((0i32..40, 0i32..40), 1..150), k in 0usize..9, radius in 0.5f64..12.0,
        ) {
            let scan: Vec<Position> =
                points.iter().map(|&(y, x)| Position { y: y as f64 / 2.0, x: x as f64 / 2.0 }).collect();
            let tree = Tree::new(&scan);
            for of in 0..scan.len() {
                let mut all: Vec<(f64, usize)> =
                    (0..scan.len()).filter(|&i| i != of).map(|i| (scan[i].distance(scan[of]), i)).collect();
                all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                let nearest: Vec<(f64, usize)> = tree.nearest(of, k).into_iter().map(|(i, d)| (d, i)).collect();
                prop_assert_eq!(&nearest[..], &all[..k.min(all.len())]);
                let mut near = Vec::new();
                tree.within(of, radius, &mut |_, d| near.push(d));
                near.sort_by(f64::total_cmp);
                let expected: Vec<f64> = all.iter().map(|a| a.0).filter(|&d| d < radius).collect();
                prop_assert_eq!(near, expected);
            }
        }
    }

    #[test]
    fn any_number_of_neighbours_can_be_asked_for() {
        let scan = [Position { y: 0.0, x: 0.0 }, Position { y: 0.0, x: 2.0 }];
        assert_eq!(Tree::new(&scan).nearest(0, usize::MAX), [(1, 2.0)]);
        assert_eq!(Tree::new(&scan[..1]).nearest(0, 9_999_999_999_999), []);
    }

    #[test]
    fn median_spacing_of_a_lattice_is_its_step() {
        let scan: Vec<Position> = (0..100)
            .map(|i| Position { y: 3.0 * (i / 10) as f64, x: 3.0 * (i % 10) as f64 })
            .collect();
        assert_eq!(median_spacing(&scan), 3.0);
        assert_eq!(median_spacing(&scan[..1]), 0.0);
    }
}
