//! HDF5 files cut short or with wrong bits: an error or a data set, soon, and never a panic.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use lapwing_files::ReadOptions;
use lapwing_files::dialect::{self, Product};
use lapwing_files::hdf5::Hdf5;

use super::fixture;

/// Reads bytes as a file of its own: whatever comes, it comes soon and without a panic.
fn survives(folder: &Path, bytes: &[u8], what: &str) -> bool {
    let path = folder.join("hostile.h5");
    std::fs::write(&path, bytes).unwrap();
    let started = Instant::now();
    let outcome = dialect::read(&path, &ReadOptions::default());
    if let Ok(file) = Hdf5::open(&path) {
        let names = file.list().unwrap_or_default().into_iter().map(|array| array.name);
        for name in names.chain(["loop".to_owned()]) {
            let _ = file.read(&name);
        }
    }
    let _ = Product::read(&path);
    assert!(started.elapsed() < Duration::from_secs(2), "{what} took {:?}", started.elapsed());
    if let Err(error) = &outcome {
        let told = error.to_string();
        assert!(told.contains("hostile.h5"), "{what}: {told}");
        for raw in ["-io error", "format error", "decompress error", "invalid HDF5 signature"] {
            assert!(!told.contains(raw), "{what}: {told}");
        }
    }
    outcome.is_ok()
}

#[test]
fn truncated_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gzip_i32.cxi", "contiguous_u16.cxi"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        assert!(survives(folder.path(), &whole, name));
        for tenth in 0..10 {
            let length = whole.len() * tenth / 10;
            let read =
                survives(folder.path(), &whole[..length], &format!("{name} cut to {length}"));
            assert!(!read, "{name} cut to {length} of {} bytes was read", whole.len());
        }
    }
}

#[test]
fn flipped_bits_never_panic_or_hang() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let name = format!("virtual_{number}.h5");
        std::fs::copy(fixture(&name), folder.path().join(name)).unwrap();
    }
    // A small generator with a fixed seed: the same files in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let rounds = if lapwing_testing::long_tests() { 120 } else { 40 };
    let rounds: usize = std::env::var("LAPWING_HDF5_FLIPS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(rounds);
    let names = ["gzip_i32.cxi", "contiguous_u16.cxi", "pair_product.h5", "kinds.h5"];
    for name in names.into_iter().chain(["filters.h5", "filters_btree.h5", "virtual.h5"]) {
        let whole = std::fs::read(fixture(name)).unwrap();
        // Files of many datasets take longer.
        let rounds =
            if name.starts_with("filters") || name == "virtual.h5" { rounds / 6 } else { rounds };
        for round in 0..rounds {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 4 {
                let place = random() % bytes.len();
                match random() % 3 {
                    0 => bytes[place] ^= 1 << (random() % 8),
                    1 => bytes[place] = 0xff,
                    _ => bytes[place] = random() as u8,
                }
            }
            survives(folder.path(), &bytes, &format!("{name}, round {round}"));
        }
    }
}
