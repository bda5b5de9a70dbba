//! Patterns in a scratch file are those in memory, whatever the file they come from.

use std::path::{Path, PathBuf};

use lapwing_files::options::{Geometry, Quantity};
use lapwing_files::{ReadOptions, Storage, dialect};

/// What makes the fixtures of a folder readable that do not say everything themselves.
pub(crate) fn options(path: &Path) -> ReadOptions {
    let mut options = ReadOptions { pixel_size: Some(1e-10), ..ReadOptions::default() };
    let scan = &mut options.experiment.scan;
    let name = path.file_name().expect("a file").to_string_lossy();
    scan.shape = match &*name {
        "eiger_master.h5" | "scan.tif" | "scan.mib" => Some((3, 4)),
        _ if name.starts_with("raw_") || name.starts_with("quad_") => Some((2, 3)),
        "eiger_data_000001.h5" => Some((2, 4)),
        "eiger_data_000002.h5" => Some((2, 2)),
        _ => None,
    };
    let with_positions = ["npz", "cxi", "ptyd", "mat"].iter().any(|end| name.ends_with(end));
    scan.step_m = (!with_positions).then_some((1e-9, 1e-9));
    match &*name {
        "hwn.npz" => options.quantity = Some(Quantity::Amplitude),
        "pair_dp.h5" => {
            options.companion = Some(path.with_file_name("pair_product.h5"));
            options.pixel_size = None;
            options.experiment.scan.step_m = None;
        }
        _ if name.ends_with("cxi") => {
            options.geometry = Some(Geometry::FarField);
            options.pixel_size = None;
        }
        _ => {}
    }
    // What is as large as the patterns is passed over where these are in a file.
    if lapwing_files::Container::open(path).is_ok_and(|file| file.contains("Y")) {
        options.leave_out.push("Y".to_owned());
    }
    options
}

#[test]
fn every_fixture_is_the_same_in_memory_and_in_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let scratch = tempfile::tempdir().unwrap();
    let storage = Storage::Scratch(scratch.path().to_owned());
    let mut read = Vec::new();
    for folder in ["fixtures", "fixtures-formats", "fixtures-hdf5"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let options = options(&path);
            let whole = dialect::read(&path, &options);
            let kept = dialect::read_into(&path, &options, &storage);
            match (whole, kept) {
                (Ok((whole, a)), Ok((kept, b))) => {
                    assert!(whole.diffraction.in_memory() && !kept.diffraction.in_memory());
                    assert!(whole.diffraction == kept.diffraction, "{}", path.display());
                    assert_eq!((whole.scan, whole.mask), (kept.scan, kept.mask));
                    assert_eq!(whole.metadata, kept.metadata, "{}", path.display());
                    assert_eq!(a.remarks, b.remarks, "{}", path.display());
                    read.push(a.dialect.to_string());
                }
                (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
                (a, b) => panic!("{}: {:?} and {:?}", path.display(), a.err(), b.err()),
            }
        }
    }
    for dialect in [
        "study",
        "diff3d",
        "tike",
        "cxi",
        "ptychodus",
        "ptyd",
        "emd",
        "hspy",
        "nion",
        "eiger",
        "matlab",
        "dm4",
        "raster",
    ] {
        assert!(read.iter().any(|name| name == dialect), "{dialect} is not in {read:?}");
    }
}
