//! Patterns in a scratch file are those in memory, whatever the file they come from.

use std::path::{Path, PathBuf};

use lapwing_files::dialect::{FarFieldOptics, write_cxi};
use lapwing_files::npy::{Array, Values};
use lapwing_files::npz::{Packing, write_with};
use lapwing_files::options::{Geometry, MaskGood, Quantity};
use lapwing_files::{Dataset, ReadOptions, Storage, dialect, npy};

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

const SHAPE: [usize; 3] = [40, 6, 5];

/// A scan of whole numbers with an array of masks; some pixels may hold no number.
fn scan_with(folder: &Path, mask: Option<&Array>, numbers: bool) -> PathBuf {
    let path = folder.join("scan.npz");
    let [n, height, width] = SHAPE;
    write_with(&path, Packing::Deflated, |npz| {
        let value = |at: usize| match at % 7 == 3 && !numbers {
            true => f32::NAN,
            false => (at % 11) as f32,
        };
        let values: Vec<f32> = (0..n * height * width).map(value).collect();
        npz.values("diffraction", &SHAPE, &values)?;
        let places: Vec<f64> = (0..n).map(|index| index as f64 / 10.0).collect();
        npz.values("xcoords", &[n], &places)?;
        npz.values("ycoords", &[n], &places)?;
        mask.iter().try_for_each(|mask| npz.array("mask", mask))
    })
    .expect("an archive");
    path
}

/// A flag for each pixel of each pattern, a sixth of them bad.
fn flags() -> Vec<bool> {
    (0..SHAPE.iter().product()).map(|at: usize| (at * 31 / 8) % 6 != 1).collect()
}

/// What is read into memory and into files of `scratch`, the same.
fn both_ways(path: &Path, options: &ReadOptions, scratch: &Path) -> [Dataset; 2] {
    let (memory, told) = dialect::read(path, options).expect("a scan");
    let storage = Storage::Scratch(scratch.to_owned());
    let (file, also) = dialect::read_into(path, options, &storage).expect("a scan");
    assert!(memory.diffraction == file.diffraction && memory.mask == file.mask);
    assert_eq!((memory.metadata.as_ref(), told.remarks), (file.metadata.as_ref(), also.remarks));
    [memory, file]
}

#[test]
fn masks_of_every_pattern_stay_in_files_beside_their_patterns() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let shape = SHAPE.to_vec();
    let array = |values| Array::new(shape.clone(), values).unwrap();
    // As CXI has them, with the bit that does not matter.
    let bits = |good: bool, at: usize| {
        if good { 0x1000 * (at as u32 % 2) } else { 1 << (at % 5) }
    };
    let bits = (0..).zip(flags()).map(|(at, good)| bits(good, at)).collect();
    let weights = flags().iter().map(|&good| if good { 0.5 } else { 0.0 }).collect();
    let told = ReadOptions { mask_good: Some(MaskGood::One), ..ReadOptions::default() };
    let plain = ReadOptions::default;
    for (stored, options) in [
        (array(Values::Bool(flags())), plain()),
        (array(Values::U32(bits)), plain()),
        (array(Values::F32(weights)), told),
    ] {
        let path = scan_with(folder.path(), Some(&stored), true);
        for one in [plain(), ReadOptions { leave_out: vec!["mask".into()], ..plain() }] {
            let mut options = ReadOptions { leave_out: one.leave_out, ..options.clone() };
            // The same from a file of its own.
            if !options.leave_out.is_empty() {
                let beside = folder.path().join("mask.npy");
                npy::write(&beside, &stored).unwrap();
                options.experiment.detector.mask = Some(beside);
            }
            let [memory, file] = both_ways(&path, &options, scratch.path());
            let [memory_mask, file_mask] = [&memory, &file].map(|of| of.mask.as_ref().unwrap());
            assert!(memory_mask.in_memory() && !file_mask.in_memory());
            assert_eq!(file_mask.good().iter().copied().collect::<Vec<_>>(), flags());
            let chosen = [30, 2, 2, 17];
            let [memory, file] = [memory, file].map(|of| of.select(&chosen).unwrap());
            assert!(memory.mask == file.mask && !file.mask.as_ref().unwrap().in_memory());
            let copies = [(&memory, "memory.npz"), (&file, "file.npz")].map(|(of, name)| {
                let copy = folder.path().join(name);
                of.write(&copy).unwrap();
                both_ways(&copy, &plain(), scratch.path())[0].mask.clone()
            });
            assert!(copies[0] == memory.mask && copies[1] == memory.mask);
            let written = ["memory.npz", "file.npz"]
                .map(|name| std::fs::read(folder.path().join(name)).unwrap());
            assert!(written[0] == written[1]);
            let optics =
                FarFieldOptics { wavelength: 1.5e-10, distance: 1.75, pitch: (55e-6, 75e-6) };
            let cxi = folder.path().join("scan.cxi");
            let far = ReadOptions { geometry: Some(Geometry::FarField), ..plain() };
            for of in [&memory, &file] {
                write_cxi(of, &optics, None, &cxi).unwrap();
                let [_, file] = both_ways(&cxi, &far, scratch.path());
                assert!(file.mask == memory.mask && !file.mask.unwrap().in_memory());
            }
        }
    }
    assert!(std::fs::read_dir(scratch.path()).unwrap().next().is_none());
}

#[test]
fn masks_of_every_pattern_stay_in_files_whatever_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let [n, height, width] = SHAPE;
    let values: Vec<u16> = (0..n * height * width).map(|at| at as u16 % 11).collect();
    let tike = folder.path().join("tike.npz");
    write_with(&tike, Packing::Stored, |npz| {
        npz.values("data", &[1, n, height, width], &values)?;
        let corners: Vec<f32> = (0..2 * n).map(|at| 1.0 + at as f32 / 10.0).collect();
        npz.values("scan", &[1, n, 2], &corners)?;
        npz.values("mask", &SHAPE, &flags())
    })
    .unwrap();
    let raster = folder.path().join("raster.npz");
    write_with(&raster, Packing::Stored, |npz| {
        npz.values("frames", &[5, 8, height, width], &values)?;
        npz.values("mask", &SHAPE, &flags())
    })
    .unwrap();
    let mut options = ReadOptions { pixel_size: Some(1e-9), ..ReadOptions::default() };
    let plain = options.clone();
    options.experiment.scan.step_m = Some((1e-9, 1e-9));
    // The first has the zero frequency in the corner, and its mask goes to the centre with it.
    for (path, options, (down, right)) in
        [(tike, plain, (height / 2, width / 2)), (raster, options, (0, 0))]
    {
        let [memory, file] = both_ways(&path, &options, scratch.path());
        assert!(memory.mask.unwrap().in_memory() && !file.mask.as_ref().unwrap().in_memory());
        let flags = flags();
        for ((index, y, x), good) in file.mask.unwrap().good().indexed_iter() {
            let (from_y, from_x) = ((y + height - down) % height, (x + width - right) % width);
            assert_eq!(
                *good,
                flags[(index * height + from_y) * width + from_x],
                "({index}, {y}, {x})"
            );
        }
    }
}

#[test]
fn masks_of_every_pattern_are_refused_alike_and_found_alike() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let storage = Storage::Scratch(scratch.path().to_owned());
    let n: usize = SHAPE.iter().product();
    for values in [
        Values::U16((0..n).map(|at| at as u16 % 50).collect()),
        Values::U8(vec![1; n]),
        Values::F32(vec![0.5; n]),
        Values::Bool(vec![false; n]),
    ] {
        let stored = Array::new(SHAPE.to_vec(), values).unwrap();
        let path = scan_with(folder.path(), Some(&stored), true);
        let options = ReadOptions::default();
        let [a, b] = [
            dialect::read(&path, &options).unwrap_err(),
            dialect::read_into(&path, &options, &storage).unwrap_err(),
        ];
        assert!(a.to_string().contains("mask"), "{a}");
        // Of many different numbers no more are counted than decide it.
        let digits = |text: String| text.replace("50 different", "33 different");
        assert_eq!(digits(a.to_string()), digits(b.to_string()));
    }
    // Pixels without a number, other ones in every pattern.
    let path = scan_with(folder.path(), None, false);
    let mut options = ReadOptions { mask_hot: true, ..ReadOptions::default() };
    let [memory, file] = both_ways(&path, &options, scratch.path());
    assert!(memory.mask.unwrap().in_memory() && !file.mask.as_ref().unwrap().in_memory());
    let bad = (0..n).filter(|at| at % 7 == 3).count();
    assert_eq!(file.mask.unwrap().good().iter().filter(|&&good| !good).count(), bad);
    options.experiment.detector.window = Some((4, 4));
    options.experiment.patterns.frames = Some((3..9).collect());
    let [_, file] = both_ways(&path, &options, scratch.path());
    assert_eq!(file.mask.unwrap().good().dim(), (6, 4, 4));
}

/// What a bad pixel holds is no light, however the mask is given, and bad pixels that move about
/// leave enough to judge the patterns by.
#[test]
fn what_lies_under_a_mask_is_no_dose() {
    let folder = tempfile::tempdir().unwrap();
    let (n, side) = (40, 24);
    let bad = |index: usize, y: usize| (y + 24 - index % 24) % 24 < 3;
    let light = |y: usize, x: usize| {
        let far = (y as f64 - 12.0).hypot(x as f64 - 12.0);
        if far < 6.0 { 50_u32 } else { 1 }
    };
    let pixels = || (0..n * side * side).map(|at| (at / side / side, at / side % side, at % side));
    let counts = pixels().map(|(k, y, x)| if bad(k, y) { 60_000 } else { light(y, x) });
    let flags: Vec<bool> = pixels().map(|(k, y, _)| !bad(k, y)).collect();
    let dose = pixels().filter(|&(k, y, _)| !bad(k, y)).map(|(_, y, x)| light(y, x)).sum::<u32>();
    let counts: Vec<u32> = counts.collect();
    let places: Vec<f64> = (0..n).map(|index| index as f64).collect();
    let beside = folder.path().join("mask.npy");
    let mask = Array::new(vec![n, side, side], Values::Bool(flags)).unwrap();
    npy::write(&beside, &mask).unwrap();
    for inside in [true, false] {
        let path = folder.path().join("scan.npz");
        write_with(&path, Packing::Stored, |npz| {
            npz.values("diffraction", &[n, side, side], &counts)?;
            npz.values("xcoords", &[n], &places)?;
            npz.values("ycoords", &[n], &places)?;
            if inside { npz.array("mask", &mask) } else { Ok(()) }
        })
        .unwrap();
        let mut options = ReadOptions { quantity: Some(Quantity::Counts), ..Default::default() };
        options.experiment.detector.mask = (!inside).then(|| beside.clone());
        let [memory, file] = both_ways(&path, &options, folder.path());
        assert_eq!(memory.mask, file.mask);
        let (_, told) = dialect::read(&path, &options).unwrap();
        let mean = f64::from(dose) / n as f64;
        let found = told.mean_counts_per_pattern.unwrap();
        assert!((found / mean - 1.0).abs() < 1e-5, "{found} of {mean}");
        let words: Vec<String> = told.remarks.iter().map(ToString::to_string).collect();
        assert!(!words.iter().any(|text| text.contains("corner") || text.contains("no photon")));
        let part = ReadOptions { leave_out: vec!["none".into()], ..options.clone() };
        assert!(dialect::read(&path, &part).is_err());
        options.experiment.patterns.frames = Some(vec![7, 31]);
        let [few, _] = both_ways(&path, &options, folder.path());
        assert_eq!(few.counts().unwrap().iter().filter(|&&count| count > 100.0).count(), 0);
    }
}
