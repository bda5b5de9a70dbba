//! Merlin's raw frames, as `fixtures-formats/make_merlin.py` laid them out and LiberTEM read them.

use std::path::{Path, PathBuf};

use lapwing_files::{Container, dataset, experiment};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats").join(name)
}

/// The counts that the script writes.
fn counts(depth: u32, (n, height, width): (usize, usize, usize)) -> Vec<f64> {
    let all = 0..(n * height * width) as u64;
    all.map(|at| (((at * 2_654_435_761) >> 7) % (1 << depth)) as f64).collect()
}

#[test]
fn raw_frames_are_unpacked() {
    for (name, depth, shape) in [
        ("raw_1.mib", 1, (6, 4, 64)),
        ("raw_6.mib", 6, (6, 5, 16)),
        ("raw_12.mib", 12, (6, 5, 8)),
        ("raw_24.mib", 24, (6, 8, 8)),
        ("quad_6.mib", 6, (6, 16, 16)),
        ("quad_12.mib", 12, (6, 8, 8)),
    ] {
        let file = Container::open(fixture(name)).unwrap();
        let read = file.read("").unwrap();
        assert_eq!(read.shape(), [shape.0, shape.1, shape.2], "{name}");
        let expected = counts(depth, shape);
        assert_eq!(read.to_f64().unwrap(), expected, "{name}");
        // And as a scan, of which a part is read alone.
        let said = "[object]\npixel_size_m = 1e-9\n[scan]\nshape = [2, 3]\nstep_m = 1e-9\n\
                    [patterns]\nframes = \"1,4-5\"\n";
        let options = experiment::parse(said, "said.toml".as_ref()).unwrap();
        let (scan, _) = dataset::read(fixture(name), &options).unwrap();
        let pixels = shape.1 * shape.2;
        let taken = [1, 4, 5].iter().flat_map(|at| &expected[at * pixels..(at + 1) * pixels]);
        let counts = scan.counts().unwrap();
        assert!(
            counts.iter().zip(taken).all(|(&a, &b)| (f64::from(a) - b).abs() <= 2e-7 * b),
            "{name}"
        );
    }
}

#[test]
fn raw_frames_that_are_not_whole_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mib");
    let whole = std::fs::read(fixture("raw_12.mib")).unwrap();
    for (bytes, part) in [
        (&whole[..whole.len() - 7], "cut short"),
        (&whole[..384], "cut short"),
        (&whole[..300], "cut short"),
        (&whole[..20], "expected MQ1"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let told = Container::open(&path).unwrap_err().to_string();
        assert!(told.contains(part), "{} bytes: {told}", bytes.len());
    }
}

/// Frames of 4 x 4 pixels with these numbers before them; all pixels of a frame hold its number.
fn numbered(numbers: &[u16]) -> Vec<u8> {
    let frame = |number: u16| {
        let mut bytes = format!("MQ1,{number:06},00384,01,0004,0004,U16,   1x1,01").into_bytes();
        bytes.resize(384, 0);
        (0..16).for_each(|_| bytes.extend(number.to_be_bytes()));
        bytes
    };
    numbers.iter().flat_map(|&number| frame(number)).collect()
}

#[test]
fn frames_lie_where_their_numbers_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mib");
    let said = "[object]\npixel_size_m = 1e-9\n[scan]\nshape = [3, 4]\nstep_m = 1e-9\n";
    let options = experiment::parse(said, "said.toml".as_ref()).unwrap();
    let numbers = [1, 2, 4, 5, 6, 7, 8, 11, 12];
    std::fs::write(&path, numbered(&numbers)).unwrap();
    let (scan, understood) = dataset::read(&path, &options).unwrap();
    let words: Vec<String> = understood.remarks.iter().map(ToString::to_string).collect();
    assert!(
        words.iter().any(|told| told.contains("3 frames are missing") && told.contains(": 3,9-10")),
        "{words:?}"
    );
    let counts = scan.counts().unwrap();
    let origin = scan.scan[0];
    for (pattern, number) in numbers.into_iter().enumerate() {
        assert!((counts[(pattern, 0, 0)] - f32::from(number)).abs() < 1e-3);
        let place = f64::from(number - 1);
        let at = scan.scan[pattern];
        assert_eq!((at.y - origin.y, at.x - origin.x), ((place / 4.0).floor(), place % 4.0));
    }
    // Among positions of all frames, too.
    let positions: String = (0..12).map(|k| format!("{},{}\n", 2 * k, 3 * k)).collect();
    std::fs::write(folder.path().join("all.csv"), positions).unwrap();
    let mut by_file = options.clone();
    by_file.experiment.scan = Default::default();
    by_file.experiment.scan.positions = Some(folder.path().join("all.csv"));
    let (scan, _) = dataset::read(&path, &by_file).unwrap();
    for (at, number) in scan.scan.iter().zip(numbers) {
        let place = f64::from(number - 1);
        assert_eq!((at.y, at.x), (2.0 * place, 3.0 * place));
    }
    // A frame beyond the raster has no place on it, and does not shift the others.
    std::fs::write(&path, numbered(&[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13])).unwrap();
    let told = dataset::read(&path, &options).unwrap_err().to_string();
    assert!(told.contains("13 frames") && told.contains("--leave-out-frames 11)"), "{told}");
    let mut without = options.clone();
    without.experiment.patterns.leave_out_frames = vec![11];
    let (scan, _) = dataset::read(&path, &without).unwrap();
    assert_eq!((scan.n_patterns(), scan.scan[4].x - origin.x), (11, 1.0));
    // A line that is damaged is told, and the frames after it stay in their places.
    let mut bytes = numbered(&[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
    bytes[416..420].copy_from_slice(b"\0\xff\0\xff");
    std::fs::write(&path, bytes).unwrap();
    let (scan, understood) = dataset::read(&path, &options).unwrap();
    let damaged = understood.remarks.iter().find(|told| told.evidence.contains("damaged")).unwrap();
    assert_eq!(damaged.patterns, [1]);
    assert_eq!(scan.scan[4].x - origin.x, 1.0);
    // Whole scans are what they were.
    std::fs::write(&path, numbered(&(1..=12).collect::<Vec<_>>())).unwrap();
    let (scan, understood) = dataset::read(&path, &options).unwrap();
    assert_eq!(scan.n_patterns(), 12);
    assert!(understood.remarks.iter().all(|told| !told.evidence.contains("frame")));
}
