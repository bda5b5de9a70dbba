//! Chunks that a file does not have are no darkness that was measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use lapwing_files::options::ReadOptions;
use lapwing_files::remarks::{Remark, What};
use lapwing_files::{Understanding, dialect};

/// A scan of 4 x 4 patterns whose positions are described.
fn read(path: &Path) -> Understanding {
    let mut options = ReadOptions { pixel_size: Some(1e-9), ..ReadOptions::default() };
    options.experiment.scan.step_m = Some((4e-9, 4e-9));
    dialect::read(path, &options).expect("it is read").1
}

/// What is remarked on that is about chunks: patterns, whether it is certain, and the words.
fn told(understood: &Understanding) -> Vec<(Vec<usize>, bool, String)> {
    let of_chunks = |remark: &&Remark| remark.evidence.contains("chunks are not in the file");
    let found = understood.remarks.iter().filter(of_chunks);
    found
        .map(|remark| {
            assert_eq!(remark.what, What::LostPatterns);
            (remark.patterns.clone(), remark.certain, remark.to_string())
        })
        .collect()
}

#[test]
fn chunks_of_hdf5_that_were_never_written_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"
import sys, h5py, numpy as np
y, x = np.mgrid[:16, :16]
light = (400 * np.exp(-((y - 8) ** 2 + (x - 8) ** 2) / 20)).astype("u2")
def file(name, chunks, fill, holes, packed):
    with h5py.File(f"{sys.argv[1]}/{name}.h5", "w") as f:
        d = f.create_dataset("data", (4, 4, 16, 16), "u2", chunks=chunks, fillvalue=fill,
                             compression="gzip" if packed else None)
        for row in range(4):
            for column in range(4):
                for half in range(2):
                    if (row, column, half) not in holes:
                        rows = slice(8 * half, 8 * half + 8)
                        d[row, column, rows] = (light + row + column)[rows]
both = lambda row, column: [(row, column, 0), (row, column, 1)]
for packed in 0, 1:
    file(f"whole{packed}", (1, 1, 16, 16), 0, both(1, 2) + both(3, 3), packed)
    file(f"filled{packed}", (1, 1, 16, 16), 65535, both(0, 1), packed)
    file(f"partly{packed}", (1, 1, 8, 16), 0, both(2, 2) + [(0, 3, 1)], packed)
    file(f"none{packed}", (1, 1, 16, 16), 0, [], packed)
"#;
    let run = Command::new("python3").args(["-c", script]).arg(folder.path()).output();
    match run {
        Ok(run) if run.status.success() => {}
        Ok(run) if !String::from_utf8_lossy(&run.stderr).contains("No module") => {
            panic!("{}", String::from_utf8_lossy(&run.stderr))
        }
        _ => return eprintln!("skipped: python3 with h5py is missing"),
    }
    for packed in 0..2 {
        let told = |name: &str| told(&read(&folder.path().join(format!("{name}{packed}.h5"))));
        let [(patterns, true, words)] = &told("whole")[..] else { panic!("{:?}", told("whole")) };
        assert_eq!(*patterns, [6, 15]);
        assert!(words.contains("2 of 16 chunks") && words.contains("2 patterns: 6,15"), "{words}");
        let [(patterns, true, _)] = &told("filled")[..] else { panic!("{:?}", told("filled")) };
        assert_eq!(*patterns, [1]);
        let both = told("partly");
        let [(whole, true, _), (partly, false, words)] = &both[..] else { panic!("{both:?}") };
        assert_eq!((&whole[..], &partly[..]), (&[10][..], &[3][..]));
        assert!(words.contains("3 of 32 chunks") && words.contains("a part of 1 pattern"));
        assert!(told("none").is_empty());
    }
    // What is left out of the reading is not counted.
    let mut options = ReadOptions { pixel_size: Some(1e-9), ..ReadOptions::default() };
    options.experiment.scan.step_m = Some((4e-9, 4e-9));
    options.experiment.patterns.leave_out_frames = vec![0, 15];
    let understood = dialect::read(folder.path().join("whole0.h5"), &options).expect("read").1;
    let [(patterns, true, _)] = &told(&understood)[..] else { panic!("{:?}", told(&understood)) };
    assert_eq!(*patterns, [5]);
}

#[test]
fn files_of_zarr_that_are_gone_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("scan.zarr");
    fs::create_dir(&root).expect("a folder");
    let header = r#"{"zarr_format": 2, "shape": [4, 4, 16, 16], "chunks": [1, 1, 16, 16],
        "dtype": "<u2", "order": "C", "fill_value": 0, "compressor": null, "filters": null}"#;
    fs::write(root.join(".zarray"), header).expect("written");
    let chunk = |row: usize, column: usize| -> Vec<u8> {
        let count = |at: usize| {
            let (y, x) = (at as f64 / 16.0 - 8.0, (at % 16) as f64 - 8.0);
            (400.0 * (-(y * y + x * x) / 20.0).exp()) as u16 + (row + column) as u16
        };
        (0..256).flat_map(|at| count(at).to_le_bytes()).collect()
    };
    for (row, column) in (0..16).map(|at| (at / 4, at % 4)) {
        fs::write(root.join(format!("{row}.{column}.0.0")), chunk(row, column)).expect("written");
    }
    assert!(told(&read(&root)).is_empty());
    fs::remove_file(root.join("2.1.0.0")).expect("it was there");
    let [(patterns, false, words)] = &told(&read(&root))[..] else { panic!("one remark") };
    assert_eq!(*patterns, [9]);
    assert!(words.contains("1 of 16 chunks") && words.contains("--leave-out-frames"), "{words}");
}
