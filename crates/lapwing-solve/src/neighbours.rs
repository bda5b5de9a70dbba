//! Positions of a scan that lie beside each other, by bisection.

use lapwing_model::Position;

/// Groups of neighbouring positions, of at most `size` each and of nearly the same size.
///
/// The scan is bisected along the longer side of its bounding box until every part is one batch:
/// compact groups without a distance matrix. Ties in a coordinate are broken by the index.
pub(crate) fn compact(scan: &[Position], size: usize) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let order: Vec<usize> = (0..scan.len()).collect();
    bisect(scan, order, scan.len().div_ceil(size.max(1)), &mut batches);
    batches
}

/// `members` in an order in which neighbours in the list are neighbours in the scan: by bisection
/// down to single positions.
pub(crate) fn path(scan: &[Position], members: Vec<usize>) -> Vec<usize> {
    let (mut single, parts) = (Vec::new(), members.len());
    bisect(scan, members, parts, &mut single);
    single.concat()
}

fn bisect(scan: &[Position], mut members: Vec<usize>, parts: usize, batches: &mut Vec<Vec<usize>>) {
    if parts <= 1 {
        members.sort_unstable();
        batches.push(members);
        return;
    }
    let extent = |coordinate: fn(&Position) -> f64| {
        let (low, high) =
            members.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &index| {
                let value = coordinate(&scan[index]);
                (low.min(value), high.max(value))
            });
        high - low
    };
    let y: fn(&Position) -> f64 = |p| p.y;
    let x: fn(&Position) -> f64 = |p| p.x;
    let along = if extent(y) >= extent(x) { y } else { x };
    members.sort_unstable_by(|&a, &b| along(&scan[a]).total_cmp(&along(&scan[b])).then(a.cmp(&b)));
    let first_parts = parts / 2;
    let rest = members.split_off(members.len() * first_parts / parts);
    bisect(scan, members, first_parts, batches);
    bisect(scan, rest, parts - first_parts, batches);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_batches_are_neighbours() {
        // A 12 x 12 grid in 9 parts of 16 is nine squares of 4 x 4 or nearly so: diameter at most
        // that of a 3 x 6 block.
        let scan: Vec<Position> =
            (0..144).map(|i| Position { y: f64::from(i / 12), x: f64::from(i % 12) }).collect();
        for batch in compact(&scan, 16) {
            let widest = batch
                .iter()
                .flat_map(|&a| batch.iter().map(move |&b| (a, b)))
                .map(|(a, b)| scan[a].distance(scan[b]))
                .fold(0.0, f64::max);
            assert!(widest <= 6.5, "{widest}");
        }
    }
}
