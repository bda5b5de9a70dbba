//! Virtual datasets over datasets through filters that are undone here, as h5py makes them.
#![allow(clippy::unwrap_used)]

use lapwing_files::hdf5::Hdf5;
use lapwing_files::npy::DType;

use super::{count, fixture};

fn expected() -> Vec<f64> {
    (0..720).map(|at| f64::from(count(at / 120, at / 10 % 12, at % 10))).collect()
}

#[test]
fn virtual_datasets_have_what_their_sources_have() {
    let file = Hdf5::open(fixture("virtual.h5")).unwrap();
    for name in [
        "stacked",
        "turns",
        "tiles",
        "raster",
        "converted",
        "linked",
        "tree",
        "nested",
        "endless",
        "numbered",
    ] {
        let read = file.read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.to_f64().unwrap(), expected(), "{name}");
        let raster = name == "raster";
        assert_eq!(read.shape(), if raster { &[2, 3, 12, 10][..] } else { &[6, 12, 10] });
    }
    assert_eq!(file.read("converted").unwrap().dtype(), DType::F64);
    // The first four frames belong to nothing.
    let gaps = file.read("gaps").unwrap().to_f64().unwrap();
    assert!(gaps[..480].iter().all(|&value| value == 3.0));
    assert_eq!(gaps[480..], expected()[480..]);
}

#[test]
fn a_source_that_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["virtual.h5", "virtual_0.h5"] {
        std::fs::copy(fixture(name), folder.path().join(name)).unwrap();
    }
    let file = Hdf5::open(folder.path().join("virtual.h5")).unwrap();
    let text = file.read("stacked").unwrap_err().to_string();
    assert!(text.contains("virtual_1.h5") && text.contains("stacked"), "{text}");
    // A file without what is taken from it.
    std::fs::copy(fixture("filters.h5"), folder.path().join("virtual_1.h5")).unwrap();
    let text = file.read("stacked").unwrap_err().to_string();
    assert!(text.contains("virtual_1.h5") && text.contains("late"), "{text}");
}

#[test]
fn circles_and_heaps_end() {
    let started = std::time::Instant::now();
    let file = Hdf5::open(fixture("virtual_hostile.h5")).unwrap();
    for (name, part) in [("round", "nests more than 4"), ("over", "768 elements are put into")] {
        let text = file.read(name).unwrap_err().to_string();
        assert!(text.contains(part) && text.contains("virtual_hostile.h5"), "{name}: {text}");
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(2));
}
