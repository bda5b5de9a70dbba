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
