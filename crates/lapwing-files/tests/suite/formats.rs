//! Scans written by the programs of other ecosystems, as `fixtures-formats/make_fixtures.py` made
//! them.

use lapwing_files::dialect::read_base;
use lapwing_files::experiment;
use lapwing_files::npy::Array;
use lapwing_files::{
    Container, Dataset, ReadOptions, Reconstruction, Stop, Storage, Understanding, dataset, dialect,
};
use lapwing_model::Position;
use ndarray::Array3;
use std::path::PathBuf;

const SHAPE: (usize, usize, usize) = (12, 10, 8);

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats").join(name)
}

/// The counts of all fixtures.
fn counts() -> Array3<f32> {
    Array3::from_shape_fn(SHAPE, |(i, y, x)| {
        let (dy, dx) = (y as i32 - 5, x as i32 - 4);
        let chance = (5 * y as i32 + 3 * x as i32) % 11;
        (200 - 3 * dy * dy - 4 * dx * dx + 7 * i as i32 + chance) as f32
    })
}

/// Positions of the fixtures that have any, pixels.
fn places() -> Vec<Position> {
    let at = |i: usize| Position {
        y: (i / 4) as f64 * 3.0 + i as f64 * 0.25,
        x: (i % 4) as f64 * 3.5 - i as f64 * 0.125,
    };
    (0..12).map(at).collect()
}

fn read(name: &str, said: &str) -> (Dataset, Understanding) {
    let options = experiment::parse(said, "said.toml".as_ref()).unwrap_or_else(|e| panic!("{e}"));
    dataset::read(fixture(name), &options).unwrap_or_else(|error| panic!("{error}"))
}

fn close(found: &[Position], expected: &[Position]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a.y - b.y).abs() < 1e-6 && (a.x - b.x).abs() < 1e-6, "{a:?} {b:?}");
    }
}

#[test]
fn ptyd_has_everything_but_a_probe() {
    let (dataset, understood) = read("scan.ptyd", "");
    assert_eq!((understood.dialect.name(), dataset.probe.is_none()), ("ptyd", true));
    let mut expected = counts();
    expected.index_axis_mut(ndarray::Axis(1), 2).index_axis_mut(ndarray::Axis(1), 3).fill(0.0);
    let mut found = dataset.counts().unwrap();
    found.index_axis_mut(ndarray::Axis(1), 2).index_axis_mut(ndarray::Axis(1), 3).fill(0.0);
    assert_eq!(found, expected);
    let bad: Vec<_> = dataset
        .mask
        .unwrap()
        .good()
        .indexed_iter()
        .filter(|(_, good)| !**good)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(bad, [(0, 2, 3)]);
    // 6.2 keV is 2 Angstrom: 2e-10 x 1 m / (10 x 1 mm) = 2e-8 m, and 2.5e-8 m along x.
    let (y, x) = understood.pixel_size_m.unwrap();
    assert!((y / 2e-8 - 1.0).abs() < 1e-3 && (x / 2.5e-8 - 1.0).abs() < 1e-3, "{y} {x}");
    let scaled: Vec<Position> =
        places().iter().map(|p| Position { y: p.y * 2e-8 / y, x: p.x * 2.5e-8 / x }).collect();
    close(&dataset.scan, &scaled);
}

#[test]
fn results_of_ptypy_are_objects_and_probes() {
    let made = Reconstruction::read(fixture("scan.ptyr")).unwrap();
    assert_eq!(
        (made.object.shape(), made.probe.map(|probe| probe.dim())),
        ((24, 26), Some((2, 10, 8)))
    );
    let options = ReadOptions { companion: Some(fixture("scan.ptyr")), ..ReadOptions::default() };
    let (dataset, _) = dataset::read(fixture("scan.ptyd"), &options).unwrap();
    assert_eq!(dataset.probe.unwrap().dim(), (2, 10, 8));
}

/// Positions of a raster of 3 x 4, in pixels, around zero.
fn raster((dy, dx): (f64, f64)) -> Vec<Position> {
    let at = |i: usize| Position { y: ((i / 4) as f64 - 1.0) * dy, x: ((i % 4) as f64 - 1.5) * dx };
    (0..12).map(at).collect()
}

fn around_zero(scan: &[Position]) -> Vec<Position> {
    let n = scan.len() as f64;
    let (y, x) =
        (scan.iter().map(|p| p.y).sum::<f64>() / n, scan.iter().map(|p| p.x).sum::<f64>() / n);
    scan.iter().map(|p| Position { y: p.y - y, x: p.x - x }).collect()
}

#[test]
fn files_of_microscopes_tell_their_scales() {
    // 0.02 / Angstrom in 10 pixels: 5 Angstrom; the step is 5 Angstrom.
    let (pixel, step) = ((5e-10, 6.25e-10), (1.0, 0.8));
    for (name, dialect) in [
        ("py4dstem.h5", "emd"),
        ("berkeley.emd", "emd"),
        ("scan.dm4", "dm4"),
        ("exchanged.dm4", "dm4"),
        ("scan.hspy", "hspy"),
        ("exchanged.hspy", "hspy"),
        ("scan.zspy.zip", "hspy"),
    ] {
        let (dataset, understood) = read(name, "[beam]\nvoltage_kv = 300\n");
        assert_eq!(
            (understood.dialect.name(), understood.scan_shape),
            (dialect, Some((3, 4))),
            "{name}"
        );
        assert_eq!(dataset.counts().unwrap(), counts(), "{name}");
        let (y, x) = understood.pixel_size_m.unwrap();
        assert!((y / pixel.0 - 1.0).abs() < 1e-6 && (x / pixel.1 - 1.0).abs() < 1e-6, "{y} {x}");
        close(&around_zero(&dataset.scan), &raster(step));
    }
}

/// Axes in reverse are put in order piece by piece, in memory, in a scratch file, and of some
/// patterns alike.
#[test]
fn axes_in_reverse_are_read_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::Scratch(folder.path().to_owned());
    let options = |more: &str| {
        let said = format!("[beam]\nvoltage_kv = 300\n{more}");
        experiment::parse(&said, "said.toml".as_ref()).unwrap()
    };
    let file = fixture("berkeley.emd");
    let (kept, understood) = dialect::read_into(&file, &options(""), &storage).unwrap();
    assert!(!kept.diffraction.in_memory());
    assert_eq!(kept.counts().unwrap(), counts());
    assert!(understood.notes.iter().any(|note| note.contains("in reverse")));
    let some = options("[patterns]\nframes = \"1,4-6,11\"\n");
    for storage in [&storage, &Storage::Memory] {
        let (some, _) = dialect::read_into(&file, &some, storage).unwrap();
        let expected = counts().select(ndarray::Axis(0), &[1, 4, 5, 6, 11]);
        assert_eq!(some.counts().unwrap(), expected);
    }
}

#[test]
fn axes_that_no_unit_tells_are_taken_by_tag_or_as_they_are_said() {
    let said = "[beam]\nvoltage_kv = 300\n[detector]\ninv_angstrom_per_pixel = 0.02\n[scan]\nstep_m = 5e-10\n";
    for (name, order, told) in [
        ("exchanged_by_tag.dm4", "", "axes: (H, W, ny, nx), by its tag Data Order Swapped"),
        ("no_units.dm4", "", "axes: taken as (ny, nx, H, W)"),
        ("exchanged_by_tag.dm4", "[file]\naxis_order = \"hwn\"\n", "(H, W, n) reordered"),
    ] {
        let (dataset, understood) = read(name, &format!("{order}{said}"));
        assert_eq!(dataset.counts().unwrap(), counts(), "{name}");
        assert_eq!(understood.scan_shape, Some((3, 4)), "{name}");
        close(&around_zero(&dataset.scan), &raster((1.0, 0.8)));
        assert!(understood.notes.iter().any(|note| note.contains(told)), "{:?}", understood.notes);
    }
    // What the user says goes before the file.
    let (dataset, _) = read("scan.dm4", &format!("[file]\naxis_order = \"hwn\"\n{said}"));
    assert_eq!(dataset.n_patterns(), 80);
}

#[test]
fn files_of_microscopes_tell_their_voltage() {
    for name in ["exchanged.dm4", "exchanged.hspy"] {
        let (dataset, _) = read(name, "");
        let metadata = dataset.metadata.unwrap();
        let length = metadata["physics_parameters"]["wavelength_m"].as_f64().unwrap();
        assert!((length / 1.968_75e-12 - 1.0).abs() < 1e-5, "{name}: {length}");
    }
}

#[test]
fn the_patterns_own_axes_may_come_first_in_any_container() {
    let folder = tempfile::tempdir().unwrap();
    let cube = counts().into_shape_with_order((3, 4, 10, 8)).unwrap().permuted_axes([2, 3, 0, 1]);
    let array = Array::from(&cube.as_standard_layout().mapv(|count| count as u16));
    let path = |name: &str| folder.path().join(name);
    lapwing_files::npz::write(path("a.npz"), &[("frames", array.clone())]).unwrap();
    lapwing_files::npy::write(path("a.npy"), &array).unwrap();
    lapwing_files::hdf5::write(path("a.h5"), |file| file.array("frames", &array).map(|_| ()))
        .unwrap();
    let said = "[beam]\nvoltage_kv = 300\n[detector]\ninv_angstrom_per_pixel = 0.02\n[scan]\nstep_m = 5e-10\n";
    for name in ["a.npz", "a.npy", "a.h5"] {
        for how in
            [format!("[file]\naxis_order = \"hwn\"\n{said}"), format!("{said}shape = [3, 4]\n")]
        {
            let options = experiment::parse(&how, "said.toml".as_ref()).unwrap();
            let (dataset, understood) = dataset::read(path(name), &options).unwrap();
            assert_eq!(dataset.counts().unwrap(), counts(), "{name}");
            assert_eq!(understood.scan_shape, Some((3, 4)), "{name}");
            close(&around_zero(&dataset.scan), &raster((1.0, 0.8)));
        }
    }
}

#[test]
fn other_rasters_are_read_with_what_is_said() {
    let said = "[beam]\nvoltage_kv = 300\n[detector]\ninv_angstrom_per_pixel = 0.02\n[scan]\nstep_m = 5e-10\n";
    for (name, dialect, shape) in [
        ("scan.zarr", "raster", ""),
        ("scan.mib", "raster", "shape = [3, 4]\n"),
        ("scan.tif", "raster", "shape = [3, 4]\n"),
    ] {
        let (dataset, understood) = read(name, &format!("{said}{shape}"));
        assert_eq!(understood.dialect.name(), dialect);
        assert_eq!(dataset.counts().unwrap(), counts(), "{name}");
        close(&around_zero(&dataset.scan), &raster((1.0, 0.8)));
    }
}

#[test]
fn nion_swift_tells_scales_and_voltage() {
    for name in ["scan.ndata", "nion.h5"] {
        let (dataset, understood) = read(name, "");
        assert_eq!((understood.dialect.name(), understood.scan_shape), ("nion", Some((3, 4))));
        assert_eq!(dataset.counts().unwrap(), counts(), "{name}");
        // 1.9687 pm / (10 x 0.4 mrad).
        let (y, x) = understood.pixel_size_m.unwrap();
        assert!((y / 4.9219e-10 - 1.0).abs() < 1e-4 && (y / x - 0.8).abs() < 1e-9, "{y} {x}");
        close(&around_zero(&dataset.scan), &raster((5e-10 / y, 5e-10 / x)));
    }
}

#[test]
fn zarr_is_unpacked_whatever_packed_it() {
    let expected: Vec<f64> = counts().iter().take(240).map(|&count| f64::from(count)).collect();
    for (name, arrays) in [("codecs_v2.zarr.zip", 12), ("codecs_v3.zarr.zip", 9)] {
        let file = Container::open(fixture(name)).unwrap();
        let list = file.list().unwrap();
        assert_eq!(list.len(), arrays, "{name}");
        for array in list {
            let found = file.read(&array.name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found.shape(), [3, 10, 8], "{name} {}", array.name);
            let found = found.to_f64().unwrap();
            match array.name.as_str() {
                "sparse" => {
                    assert_eq!(found[80..160], expected[80..160]);
                    assert!(found[..80].iter().chain(&found[160..]).all(|&value| value == -2.5));
                }
                "empty" => assert!(found.iter().all(|value| value.is_nan())),
                other => assert_eq!(found, expected, "{name} {other}"),
            }
        }
    }
}

#[test]
fn zarr_that_claims_too_much_or_is_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scan.zarr");
    let array = root.join("data");
    std::fs::create_dir_all(&array).unwrap();
    std::fs::write(root.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
    let said = |shape: &str, chunks: &str, compressor: &str| {
        let text = format!(
            r#"{{"zarr_format": 2, "shape": {shape}, "chunks": {chunks}, "dtype": "<u2", "order": "C",
                "compressor": {compressor}, "filters": null, "fill_value": 0}}"#
        );
        std::fs::write(array.join(".zarray"), text).unwrap();
        Container::open(&root).unwrap().read("data")
    };
    std::fs::write(array.join("0.0.0"), [7; 8]).unwrap();
    assert_eq!(said("[1, 2, 2]", "[1, 2, 2]", "null").unwrap().to_f64().unwrap(), [1799.0; 4]);
    for (shape, chunks, compressor, word) in [
        ("[100000, 100000, 1000]", "[1, 2, 2]", "null", "claims shape"),
        ("[1, 2, 2]", "[100000, 100000, 2]", "null", "claims chunks"),
        ("[1, 2, 2]", "[1, 2]", "null", "do not tile"),
        ("[1, 2, 2]", "[0, 2, 2]", "null", "do not tile"),
        ("[1, 2, 2]", "[1, 2, 3]", "null", "expected 12 bytes, found 8"),
        ("[1, 2, 2]", "[1, 2, 2]", r#"{"id": "zlib"}"#, "damaged"),
        ("[1, 2, 2]", "[1, 2, 2]", r#"{"id": "blosc"}"#, "chunk data/0.0.0"),
        ("[1, 2, 2]", "[1, 2, 2]", r#"{"id": "zstd"}"#, "chunk data/0.0.0"),
        ("[1, 2, 2]", "[1, 2, 2]", r#"{"id": "jpeg2k"}"#, "codec \"jpeg2k\""),
        ("[9000000000000000000, 9000000000000000000, 0]", "[1, 2, 2]", "null", "no elements"),
        ("[1, 2, -2]", "[1, 2, 2]", "null", "whole numbers"),
    ] {
        let error = said(shape, chunks, compressor).unwrap_err().to_string();
        assert!(error.contains(word), "{shape} {chunks} {compressor}: {error}");
    }
}

#[test]
fn eiger_masters_bring_mask_and_geometry() {
    let (dataset, understood) = read("eiger_master.h5", "[scan]\nshape = [3, 4]\nstep_m = 2e-7\n");
    assert_eq!((understood.dialect.name(), understood.n_patterns), ("eiger", 12));
    let mut expected = counts();
    expected.index_axis_mut(ndarray::Axis(1), 2).index_axis_mut(ndarray::Axis(1), 3).fill(0.0);
    assert_eq!(dataset.counts().unwrap(), expected);
    assert_eq!(dataset.mask.unwrap().good().iter().filter(|&&good| !good).count(), 1);
    // 2 Angstrom x 2 m / (10 x 0.1 mm).
    assert!((understood.pixel_size_m.unwrap().0 / 4e-7 - 1.0).abs() < 1e-3);
    let alone = dataset::read(fixture("eiger_data_000002.h5"), &ReadOptions::default());
    assert!(alone.unwrap_err().to_string().contains("scan_step_m"));
}

#[test]
fn matlab_of_both_versions_is_read() {
    for name in ["scan_v5.mat", "scan_v73.mat"] {
        let (dataset, understood) = read(name, "");
        assert_eq!(understood.dialect.name(), "matlab");
        assert_eq!(dataset.counts().unwrap(), counts(), "{name}");
        close(&dataset.scan, &places());
        let scale = dataset.intensity_scale().unwrap() as f32;
        let probe = dataset.probe.unwrap();
        let expected = (-(1.0_f32 + 0.0) / 6.0).exp();
        assert!((probe[(0, 4, 4)].norm() * scale - expected).abs() < 1e-5, "{name}");
        assert!((probe[(0, 4, 4)].arg() - 0.4).abs() < 1e-5, "{name}");
    }
    let file = Container::open(fixture("plain_v5.mat")).unwrap();
    let names: Vec<String> = file.list().unwrap().into_iter().map(|array| array.name).collect();
    assert_eq!(names, ["x", "z", "s/a", "s/b/c"]);
    let x = Array::from(vec![0_i16, 1, 2, 3, 4, 5]).reshape(vec![2, 3]).unwrap();
    assert_eq!(file.read("x").unwrap(), x);
    assert_eq!(file.read("s/b/c").unwrap().to_f64().unwrap(), [3.0]);
    assert_eq!(file.read("z").unwrap().shape(), [10, 8]);
    assert!(file.read("s/d").unwrap_err().to_string().contains("no array"));
}

#[test]
fn a_reconstruction_of_gold_balls_is_read_where_it_is_there() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/gold-balls-reconstruction.mat");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let made = Reconstruction::read(&path).unwrap();
    assert_eq!((made.object.shape(), made.probe.unwrap().dim()), ((610, 610), (2, 104, 104)));
    assert_eq!(read_base(&path).unwrap().probe.dim(), (2, 104, 104));
}

/// Nobody's reading ends, of any byte format, and that of others goes on.
#[test]
fn reading_that_was_stopped_ends() {
    let folder = tempfile::tempdir().unwrap();
    let array = Array::from(&counts().mapv(|count| count as u16));
    let path = |name: &str| folder.path().join(name);
    lapwing_files::npz::write(path("a.npz"), &[("frames", array.clone())]).unwrap();
    lapwing_files::npy::write(path("a.npy"), &array).unwrap();
    let said = "[object]\npixel_size_m = 1e-9\n[scan]\nshape = [3, 4]\nstep_m = 5e-10\n";
    let options = experiment::parse(said, "said.toml".as_ref()).unwrap();
    let files = ["berkeley.emd", "scan_v5.mat", "scan.dm4", "scan.hspy", "scan.zarr", "scan.tif"];
    for file in files.iter().map(|name| fixture(name)).chain([path("a.npz"), path("a.npy")]) {
        let storage = Storage::Scratch(folder.path().to_owned());
        for storage in [Storage::Memory, storage] {
            let stop = Stop::default();
            let read = || dialect::read_into(&file, &options, &storage).map(|_| ());
            stop.during(|| {
                let whole = read().map_err(|error| error.to_string());
                assert!(whole.is_ok() || file.ends_with("scan_v5.mat"), "{file:?}: {whole:?}");
                stop.ask();
                assert!(matches!(read(), Err(lapwing_files::Error::Stopped)), "{file:?}");
            });
            assert!(!matches!(read(), Err(lapwing_files::Error::Stopped)), "{file:?}");
        }
    }
}
