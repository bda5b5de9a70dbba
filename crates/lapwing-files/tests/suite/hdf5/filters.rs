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
