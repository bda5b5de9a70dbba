//! Views of a million positions, against a matrix of all distances at ten thousand.

use lapwing_model::Position;
use lapwing_model::scan::{ScanKind, generate};
use lapwing_study::selection::{direct, greedy};

/// Step of the scans, pixels; a dense view of 128 px patterns asks for 38.4.
const STEP: f64 = 8.0;
const SPACING: f64 = 38.4;

/// Counts what is allocated, so that memory is in the table too.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A jittered scan of about `n` positions.
fn scan(n: usize) -> Vec<Position> {
    let side = STEP * (n as f64).sqrt();
    generate(ScanKind::Jittered, STEP, (side, side), 42).unwrap_or_default()
}

#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 5, sample_size = 1)]
fn direct_selection(bencher: divan::Bencher<'_, '_>, n: usize) {
    let scan = scan(n);
    bencher.bench(|| direct(&scan, SPACING));
}

#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 5, sample_size = 1)]
fn greedy_selection(bencher: divan::Bencher<'_, '_>, n: usize) {
    let scan = scan(n);
    bencher.bench(|| greedy(&scan, SPACING));
}

/// Direct selection by all n x n distances, held in memory as the reference study does: 800 MB at
/// 10,000.
#[divan::bench(args = [10_000], sample_count = 5, sample_size = 1)]
fn distance_matrix(bencher: divan::Bencher<'_, '_>, n: usize) {
    let scan = scan(n);
    bencher.bench(|| {
        let matrix: Vec<f64> =
            scan.iter().flat_map(|a| scan.iter().map(|b| a.distance(*b))).collect();
        let far = |(i, row): (usize, &[f64])| {
            row.iter().enumerate().all(|(j, &distance)| i == j || distance >= SPACING)
        };
        matrix.chunks(scan.len()).enumerate().filter(|&row| far(row)).count()
    });
}
