//! Chunks through filters that are not HDF5's own, as h5py and hdf5plugin write them.
#![allow(clippy::unwrap_used)]

use lapwing_files::hdf5::Hdf5;
use lapwing_files::npy::{Array, Values};

use super::{count, fixture};

/// What the name of a dataset says that it holds.
fn expected(name: &str, len: usize) -> Vec<f64> {
    let counts = |at: usize| f64::from(count(at / 120, at / 10 % 12, at % 10));
    match name {
        "zeros" => vec![0.0; len],
        "ones" => vec![1.0; len],
        "part" => (0..len).map(|at| if at < 480 { 3.0 } else { counts(at) }).collect(),
        name if name.starts_with("steps") => (0..len).map(|at| (at / 700) as f64).collect(),
        _ => (0..len).map(counts).collect(),
    }
}

fn numbers(file: &Hdf5, name: &str) -> Vec<f64> {
    file.read(name).unwrap_or_else(|error| panic!("{name}: {error}")).to_f64().unwrap()
}

#[test]
fn every_filter_gives_what_was_written() {
    let file = Hdf5::open(fixture("filters.h5")).unwrap();
    let arrays = file.list().unwrap();
    assert!(arrays.len() > 35, "{}", arrays.len());
    for array in arrays.into_iter().filter(|array| array.name.trim_matches('/') != "zfp") {
        let name = array.name.trim_matches('/');
        let found = numbers(&file, name);
        assert_eq!(found.len(), array.shape.iter().product::<usize>(), "{name}");
        assert_eq!(found, expected(name, found.len()), "{name}");
    }
}

#[test]
fn the_index_of_the_chunks_does_not_matter() {
    let file = Hdf5::open(fixture("filters_btree.h5")).unwrap();
    for name in ["blosc2_edges", "bitshuffle_edges", "part"] {
        assert_eq!(numbers(&file, name), expected(name, 600), "{name}");
    }
    // What could not be packed is stored as it was.
    let noise = file.read("noise").unwrap();
    assert!(
        matches!(noise.values(), Values::U16(values) if values.iter().any(|&value| value > 60_000))
    );
    assert_eq!(file.read("noise_blosc2").unwrap(), noise);
    assert_eq!(file.read("noise_bitshuffle").unwrap(), noise);
}

#[test]
fn what_is_not_read_is_named_with_the_line_that_repacks_it() {
    let file = Hdf5::open(fixture("filters.h5")).unwrap();
    let refused = |read: Result<Array, _>| -> String {
        let error: lapwing_files::Error = read.unwrap_err();
        error.to_string()
    };
    let text = refused(file.read("zfp"));
    for part in ["filters.h5", "zfp", "ZFP (filter 32013)", "h5repack -f GZIP=1", "hdf5plugin"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_chunk_that_claims_more_than_it_can_take_is_refused() {
    let mut bytes = std::fs::read(fixture("filters_btree.h5")).unwrap();
    // Keys of the B-trees: length (4 bytes), filters left out (4), then offsets along the axes.
    let key: Vec<u8> =
        [0; 4].into_iter().chain([4, 0, 0, 0].map(u64::to_le_bytes).concat()).collect();
    let places: Vec<usize> =
        (4..bytes.len() - key.len()).filter(|&at| bytes[at..].starts_with(&key)).collect();
    assert!(places.len() >= 3, "{places:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.h5");
    // Chunks of 240 and 480 bytes, in a file that has room.
    bytes.extend(vec![0; 1 << 20]);
    for (length, refused) in [(200_000_u32, true), (65_536, false)] {
        for &at in &places {
            bytes[at - 4..at].copy_from_slice(&length.to_le_bytes());
        }
        std::fs::write(&path, &bytes).unwrap();
        let file = Hdf5::open(&path).unwrap();
        for name in ["part", "noise_blosc2"] {
            match file.read(name) {
                Err(error) if refused => {
                    let text = error.to_string();
                    assert!(text.contains("[4, 0, 0]") || text.contains("[2, 0, 0]"), "{text}");
                    assert!(text.contains("claims 200000 stored bytes"), "{text}");
                }
                // Blosc2 knows where its frame ends.
                Ok(_) if !refused => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
