//! Chunks in numbers, through filters that are undone here, by every index that HDF5 has for them.
#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use lapwing_files::hdf5::Hdf5;

use super::fixture;

/// The chunks that were written, of 70,000.
const SOME: [usize; 14] =
    [0, 1, 3, 4, 17, 1000, 1023, 1024, 5000, 65_535, 65_536, 65_537, 69_000, 69_999];

/// A fixture, which is long and empty, in a folder.
fn unpacked(folder: &tempfile::TempDir, name: &str) -> (PathBuf, Vec<u8>) {
    let mut bytes = Vec::new();
    let packed = std::fs::read(fixture(&format!("{name}.gz"))).unwrap();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[test]
fn every_index_is_followed_to_more_chunks_than_are_searched_for() {
    followed("indices.h5");
}

#[test]
fn indices_behind_a_user_block_are_followed_too() {
    followed("user_block.h5");
}

/// Reads every dataset of a fixture and holds it against what was written.
fn followed(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = unpacked(&folder, name);
    let started = Instant::now();
    let file = Hdf5::open(&path).unwrap();
    for name in ["fixed", "extensible", "tree"] {
        for code in ["blosc2", "bitshuffle"] {
            let name = format!("{name}_{code}");
            let found = file.read(&name).unwrap();
            assert_eq!(found.shape(), [70_000, 2]);
            let found = found.to_i64().unwrap();
            for (k, pair) in found.chunks_exact(2).enumerate() {
                let written = SOME.contains(&k);
                let expected = if written { [k % 251 + 1, k % 7 + 1] } else { [0; 2] };
                assert_eq!(pair, expected.map(|value| value as i64), "{name}: chunk {k}");
            }
        }
    }
    let across = file.read("across").unwrap().to_i64().unwrap();
    for (at, &found) in across.iter().enumerate() {
        let k = at / 24_000 + 3 * (at % 24_000);
        let expected = if SOME.contains(&k) { k % 251 + 1 } else { 0 };
        assert_eq!(found, expected as i64, "chunk {k}");
    }
    // Each chunk by a search of the whole index of its own would take hours.
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn an_index_that_cannot_be_followed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = unpacked(&folder, "indices.h5");
    for (signature, name) in [("FADB", "fixed"), ("EAIB", "extensible"), ("BTLF", "tree")] {
        let mut bytes = whole.clone();
        // One bit behind every signature of the index: its checksum does not agree.
        for at in 0..bytes.len() - 16 {
            if bytes[at..].starts_with(signature.as_bytes()) {
                bytes[at + 8] ^= 1;
            }
        }
        std::fs::write(&path, bytes).unwrap();
        let text =
            Hdf5::open(&path).unwrap().read(&format!("{name}_blosc2")).unwrap_err().to_string();
        for part in ["indices.h5", "70000 chunks cannot be followed", "at most 65536", "h5repack"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
