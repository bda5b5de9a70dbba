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

/// Writes a `.npy` file whose first axis runs fastest; `value` is that of the indices of a number.
fn write_fortran(path: &Path, shape: &[usize], value: impl Fn(&[usize]) -> u16) {
    let text = format!(
        "{{'descr': '<u2', 'fortran_order': True, 'shape': ({}), }}",
        shape.iter().map(|length| format!("{length}, ")).collect::<String>()
    );
    let text = format!("{text:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    for at in 0..shape.iter().product() {
        let mut rest = at;
        let indices: Vec<usize> = shape
            .iter()
            .map(|length| {
                let index = rest % length;
                rest /= length;
                index
            })
            .collect();
        bytes.extend(value(&indices).to_le_bytes());
    }
    std::fs::write(path, bytes).expect("written");
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
    let fortran = |name: &str, shape: &[usize], place: fn(&[usize]) -> (usize, usize)| {
        write_fortran(&folder.path().join(name), shape, |indices| {
            let (frame, pixel) = place(indices);
            value(frame * pixels + pixel)
        });
    };
    fortran("stack_f.npy", &[30, 8, 9], |at| (at[0], 9 * at[1] + at[2]));
    fortran("cube_f.npy", &[5, 6, 8, 9], |at| (6 * at[0] + at[1], 9 * at[2] + at[3]));
    fortran("last_f.npy", &[8, 9, 30], |at| (at[2], 9 * at[0] + at[1]));
    fortran("cube_last_f.npy", &[8, 9, 5, 6], |at| (6 * at[2] + at[3], 9 * at[0] + at[1]));
    let hwn = "[file]\naxis_order = \"hwn\"\n";
    let storage = Storage::Scratch(folder.path().to_owned());
    for (name, file) in [
        ("stack_f.npy", ""),
        ("cube_f.npy", ""),
        ("last_f.npy", hwn),
        ("cube_last_f.npy", hwn),
        ("frames.raw", "[file]\nraw = \"dtype=uint16,frame=8x9,offset=3,gap=73\"\n"),
        ("cube.npy", ""),
        ("last.npy", hwn),
    ] {
        let said = format!("{said}{file}");
        let whole = experiment::parse(&said, "said.toml".as_ref()).unwrap();
        let path = folder.path().join(name);
        let (all, _) = dialect::read(&path, &whole).unwrap_or_else(|error| panic!("{error}"));
        let expected: Vec<f32> = (0..n).flat_map(frame).map(f32::from).collect();
        assert_eq!(intensities(&all), expected, "{name}");
        let (kept, _) = dialect::read_into(&path, &whole, &storage).unwrap();
        assert!(kept.diffraction == all.diffraction && !kept.diffraction.in_memory(), "{name}");
        for (frames, taken) in [("0-2,7,28-29", vec![0, 1, 2, 7, 28, 29]), ("13", vec![13])] {
            let said = format!("{said}[patterns]\nframes = \"{frames}\"\n");
            let options = experiment::parse(&said, "said.toml".as_ref()).unwrap();
            let (part, _) = dialect::read(&path, &options).unwrap();
            same(&part, &all, &taken, &format!("{name} {frames}"));
            let (kept, _) = dialect::read_into(&path, &options, &storage).unwrap();
            assert!(kept.diffraction == part.diffraction, "{name} {frames}");
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

/// Of patterns and positions that are not as many, the first ones of both are taken, and of these
/// a part.
#[test]
fn a_part_of_the_common_ones_is_that_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let value = |at: usize| (at.wrapping_mul(2_654_435_761) >> 13 & 0xff) as u16;
    let array = Array::new(vec![30, 8, 9], Values::U16((0..30 * 72).map(value).collect())).unwrap();
    let path = folder.path().join("stack.npy");
    npy::write(&path, &array).unwrap();
    let lines: String = (0..23).map(|at| format!("{},{}\n", at / 5 * 3, at % 5 * 3)).collect();
    std::fs::write(folder.path().join("at.csv"), lines).unwrap();
    let read = |part: &str| {
        let said = format!(
            "[object]\npixel_size_m = 1e-9\n[scan]\npositions = \"at.csv\"\n[patterns]\ncommon = true\n{part}"
        );
        dialect::read(&path, &experiment::parse(&said, &folder.path().join("said.toml")).unwrap())
    };
    let (whole, _) = read("").unwrap();
    assert_eq!(whole.n_patterns(), 23);
    for (part, taken) in [
        ("every = 4", (0..23).step_by(4).collect::<Vec<_>>()),
        ("frames = \"2,7-9,22\"", vec![2, 7, 8, 9, 22]),
        ("leave_out_frames = \"0-20\"", vec![21, 22]),
        ("region = \"3:6,:\"", (5..15).collect()),
        ("every = 2\nleave_out_frames = \"4\"", (0..23).step_by(2).filter(|&at| at != 4).collect()),
    ] {
        let (found, _) = read(part).unwrap_or_else(|error| panic!("{part}: {error}"));
        same(&found, &whole, &taken, part);
    }
    for part in ["frames = \"25\"", "frames = \"2,25\"", "leave_out_frames = \"0-22\""] {
        let told = read(part).unwrap_err().to_string();
        assert!(told.contains("some of the patterns 0 to 22"), "{part}: {told}");
    }
}
