//! How the positions of a scan are grouped into batches.

use crate::neighbours::compact;
use lapwing_model::Position;
use lapwing_model::random::generator;
use rand::seq::SliceRandom;

/// Patterns computed at once where they are summed over; only memory depends on it.
pub(crate) const GROUP: usize = 320;

/// A random partition of `0..n` into batches of at most `size`, the same for the same `seed` and
/// `epoch`.
///
/// Batches differ in size by at most one: a short last batch would count as much as a full one.
pub(crate) fn random(n: usize, size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut generator(seed, "lsqml batches", epoch));
    let batches = n.div_ceil(size.max(1));
    (0..batches).map(|b| order[b * n / batches..(b + 1) * n / batches].to_vec()).collect()
}

/// Sets that spread over the whole scan, of at most `size` positions each and of sizes that differ
/// by at most one.
///
/// The scan is cut into compact cells of as many neighbours as there are sets, and the members of a
/// cell, in the order of y and then x, go to one set each: on a regular scan every set is a coarser
/// scan of the same kind.
pub(crate) fn sparse(scan: &[Position], size: usize) -> Vec<Vec<usize>> {
    let sets = scan.len().div_ceil(size.max(1)).max(1);
    let mut batches = vec![Vec::new(); sets];
    // Cells that lack a member leave out one set after the other.
    let mut left_out = 0;
    for mut cell in compact(scan, sets) {
        cell.sort_unstable_by(|&a, &b| {
            let (a, b) = ((scan[a], a), (scan[b], b));
            a.0.y.total_cmp(&b.0.y).then(a.0.x.total_cmp(&b.0.x)).then(a.1.cmp(&b.1))
        });
        let missing = sets - cell.len();
        let skipped: Vec<usize> = (0..missing).map(|k| (left_out + k) % sets).collect();
        left_out = (left_out + missing) % sets;
        let kept = (0..sets).filter(|set| !skipped.contains(set));
        kept.zip(cell).for_each(|(set, index)| batches[set].push(index));
    }
    batches.retain(|batch| !batch.is_empty());
    batches.iter_mut().for_each(|batch| batch.sort_unstable());
    batches
}

/// A random order of `n` batches, the same for the same `seed` and `epoch`.
pub(crate) fn order(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut generator(seed, "batch order", epoch));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_even_partition(batches: &[Vec<usize>], n: usize, size: usize) -> bool {
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        let longest = batches.iter().map(Vec::len).max().unwrap_or(0);
        let shortest = batches.iter().map(Vec::len).min().unwrap_or(0);
        all == (0..n).collect::<Vec<_>>() && longest <= size && longest - shortest <= 1
    }

    proptest! {
        #[test]
        fn all_are_even_partitions(points in prop::collection::vec((0.0..9.0f64, 0.0..9.0f64), 1..200), size in 1..60usize) {
            let scan: Vec<Position> = points.iter().map(|&(y, x)| Position { y, x }).collect();
            prop_assert!(is_even_partition(&random(scan.len(), size, 7, 3), scan.len(), size));
            let batches = compact(&scan, size);
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..scan.len()).collect::<Vec<_>>());
            prop_assert!(batches.iter().all(|batch| !batch.is_empty() && batch.len() <= size));
            prop_assert!(is_even_partition(&sparse(&scan, size), scan.len(), size));
        }
    }

    #[test]
    fn random_batches_change_with_the_epoch_and_repeat_with_the_seed() {
        assert_eq!(random(50, 10, 1, 4), random(50, 10, 1, 4));
        assert_ne!(random(50, 10, 1, 4), random(50, 10, 1, 5));
        assert_ne!(random(50, 10, 1, 4), random(50, 10, 2, 4));
    }

    #[test]
    fn sparse_sets_are_spread() {
        // Nine sets of a 12 x 12 grid: no two members nearer than two steps, and every ninth of the
        // scan has its share.
        let scan: Vec<Position> =
            (0..144).map(|i| Position { y: f64::from(i / 12), x: f64::from(i % 12) }).collect();
        for set in sparse(&scan, 16) {
            let pairs =
                set.iter().flat_map(|&a| set.iter().map(move |&b| (a, b))).filter(|(a, b)| a != b);
            let nearest =
                pairs.map(|(a, b)| scan[a].distance(scan[b])).fold(f64::INFINITY, f64::min);
            assert!(nearest >= 2.0, "{nearest}");
            for (y, x) in [(0.0, 0.0), (6.0, 0.0), (0.0, 6.0), (6.0, 6.0)] {
                let inside = |&&i: &&usize| {
                    (y..y + 6.0).contains(&scan[i].y) && (x..x + 6.0).contains(&scan[i].x)
                };
                assert!((3..=5).contains(&set.iter().filter(inside).count()));
            }
        }
    }
}
