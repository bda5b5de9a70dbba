//! Of a part of a scan only its patterns are read, and they are those of the whole.

use std::path::{Path, PathBuf};

use lapwing_files::npy::{self, Array, Values};
use lapwing_files::{Dataset, ReadOptions, Storage, dialect, experiment};
use lapwing_model::Position;

use crate::storage::options;

/// Every fixture of this crate.
fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = ["fixtures", "fixtures-formats", "fixtures-hdf5"].map(|name| root.join(name));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The intensities of all patterns, in counts where the data set has these.
fn intensities(dataset: &Dataset) -> Vec<f32> {
    match dataset.counts() {
        Some(counts) => counts.into_iter().collect(),
        None => dataset.diffraction.values().to_vec(),
    }
}

fn same(part: &Dataset, whole: &Dataset, taken: &[usize], what: &str) {
    let expected = whole.select(taken).expect("in memory");
    assert_eq!(part.diffraction.dim(), expected.diffraction.dim(), "{what}");
    assert_eq!((&part.scan, &part.mask), (&expected.scan, &expected.mask), "{what}");
    assert_eq!((&part.frames, part.extras.len()), (&expected.frames, expected.extras.len()));
    let (found, expected) = (intensities(part), intensities(&expected));
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 2e-6 * b.abs();
    assert!(found.iter().zip(&expected).all(close), "{what}");
}

#[test]
fn a_part_of_every_fixture_is_that_of_the_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let storage = Storage::Scratch(scratch.path().to_owned());
    let mut read = Vec::new();
    for path in fixtures() {
        let all = options(&path);
        let Ok((whole, understood)) = dialect::read(&path, &all) else { continue };
        let n = whole.n_patterns();
        if n < 4 {
            continue;
        }
        // Beside the first row, in the middle of the first axis.
        let (top, left) =
            whole.scan.iter().fold((f64::MAX, f64::MAX), |(y, x), at| (y.min(at.y), x.min(at.x)));
        let inside = |at: &Position| at.y - top >= 1e-9 && at.x - left <= 1e9;
        let below: Vec<usize> = (0..n).filter(|&at| inside(&whole.scan[at])).collect();
        let by_number = |change: fn(&mut ReadOptions, usize)| {
            let mut options = all.clone();
            change(&mut options, n);
            options
        };
        let numbers = |options: &mut ReadOptions, frames: Vec<usize>| {
            options.experiment.patterns.frames = Some(frames);
        };
        let mut parts = vec![
            (
                by_number(|options, _| options.experiment.patterns.every = Some(3)),
                (0..n).step_by(3).collect(),
            ),
            (
                by_number(|options, n| {
                    options.experiment.patterns.leave_out_frames = vec![0, n - 2]
                }),
                (0..n).filter(|&at| at != 0 && at != n - 2).collect(),
            ),
        ];
        for frames in [vec![1, 2, n - 1], vec![n - 1], vec![0, 3]] {
            let mut options = all.clone();
            numbers(&mut options, frames.clone());
            parts.push((options, frames));
        }
        if !below.is_empty() && below.len() < n {
            let mut options = all.clone();
            options.experiment.patterns.region = Some("1e-9:,:".parse().unwrap());
            parts.push((options, below));
        }
        for (options, taken) in parts {
            let what = format!("{} {:?}", path.display(), options.experiment.patterns);
            let (part, _) =
                dialect::read(&path, &options).unwrap_or_else(|error| panic!("{what}: {error}"));
            same(&part, &whole, &taken, &what);
            let (kept, _) = dialect::read_into(&path, &options, &storage).unwrap();
            assert!(
                kept.diffraction == part.diffraction && !kept.diffraction.in_memory(),
                "{what}"
            );
        }
        read.push(understood.dialect.to_string());
    }
    for dialect in [
        "study",
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

/// The parts of files that are read at any position, however long what lies between the frames is.
#[test]
fn parts_of_plain_files_are_those_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let value = |at: usize| (at.wrapping_mul(2_654_435_761) >> 13 & 0xff) as u16;
    let (n, pixels) = (30, 8 * 9);
    let said = "[object]\npixel_size_m = 1e-9\n[scan]\nstep_m = 1e-9\nshape = [5, 6]\n";
    let frame = |index: usize| (0..pixels).map(move |pixel| value(index * pixels + pixel));
    let bytes = |at: usize| frame(at).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let gapped: Vec<u8> =
        (0..n).flat_map(|at| [vec![1, 2, 3], bytes(at), vec![9; 70]].concat()).collect();
    let gapped = [gapped, vec![0; 3]].concat();
    std::fs::write(folder.path().join("frames.raw"), gapped).unwrap();
    let all: Vec<u16> = (0..n).flat_map(frame).collect();
    let last: Vec<u16> = (0..n * pixels).map(|at| value(at % n * pixels + at / n)).collect();
    for (name, shape, values) in
        [("cube.npy", vec![5, 6, 8, 9], &all), ("last.npy", vec![8, 9, 30], &last)]
    {
        let array = Array::new(shape, Values::U16(values.clone())).unwrap();
        npy::write(folder.path().join(name), &array).unwrap();
    }
    for (name, file) in [
        ("frames.raw", "[file]\nraw = \"dtype=uint16,frame=8x9,offset=3,gap=73\"\n"),
        ("cube.npy", ""),
        ("last.npy", "[file]\naxis_order = \"hwn\"\n"),
    ] {
        let said = format!("{said}{file}");
        let whole = experiment::parse(&said, "said.toml".as_ref()).unwrap();
        let path = folder.path().join(name);
        let (all, _) = dialect::read(&path, &whole).unwrap_or_else(|error| panic!("{error}"));
        for (frames, taken) in [("0-2,7,28-29", vec![0, 1, 2, 7, 28, 29]), ("13", vec![13])] {
            let said = format!("{said}[patterns]\nframes = \"{frames}\"\n");
            let options = experiment::parse(&said, "said.toml".as_ref()).unwrap();
            let (part, _) = dialect::read(&path, &options).unwrap();
            same(&part, &all, &taken, &format!("{name} {frames}"));
            let expected: Vec<f32> =
                taken.iter().flat_map(|&at| frame(at)).map(f32::from).collect();
            assert_eq!(intensities(&part), expected);
        }
    }
}

/// Numbers beyond the scan are told as of the whole.
#[test]
fn patterns_that_are_not_there_are_told() {
    let path = fixtures().into_iter().find(|path| path.ends_with("scan.mib")).unwrap();
    for said in ["[patterns]\nframes = \"3,12\"", "[patterns]\nleave_out_frames = \"12\""] {
        let said = format!(
            "[object]\npixel_size_m = 1e-10\n[scan]\nshape = [3, 4]\nstep_m = 1e-9\n{said}"
        );
        let options = experiment::parse(&said, "said.toml".as_ref()).unwrap();
        let told = dialect::read(&path, &options).unwrap_err().to_string();
        assert!(told.contains("some of the patterns 0 to 11") && told.contains("12"), "{told}");
    }
}
