//! Master files of DECTRIS detectors whose linked files are not all there.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use lapwing_files::{Dataset, Error, ReadOptions, Understanding, dataset, experiment};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats")
}

/// A folder with these of the files of a series.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::copy(fixtures().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn read(folder: &Path, master: &str, said: &str) -> Result<(Dataset, Understanding), Error> {
    let said = format!("[scan]\nshape = [3, 4]\nstep_m = 2e-7\n{SCALE}{said}");
    let options: ReadOptions = experiment::parse(&said, "said.toml".as_ref()).unwrap();
    dataset::read(folder.join(master), &options)
}

const SCALE: &str = "[detector]\nmrad_per_pixel = 0.1\n[beam]\nenergy_kev = 6.2\n";

/// Counts of a frame of `make_series.py`.
fn count(i: usize, y: usize, x: usize) -> f32 {
    let (dy, dx) = (y as i32 - 5, x as i32 - 4);
    let chance = (5 * y as i32 + 3 * x as i32) % 11;
    (200 - 3 * dy * dy - 4 * dx * dx + 7 * i as i32 + chance) as f32
}

fn assert_frames(dataset: &Dataset, expected: &[usize]) {
    assert_eq!(dataset.n_patterns(), expected.len());
    for ((at, y, x), &found) in dataset.counts().unwrap().indexed_iter() {
        assert_eq!(found, count(expected[at], y, x), "frame {}", expected[at]);
    }
    // Positions are those of the frames' own places: rows of four. A pixel of the object is less
    // high than wide, 8 to 10, as the pattern is higher.
    let first = dataset.scan[0];
    let step = dataset.scan[1].x - first.x;
    for (position, &frame) in dataset.scan.iter().zip(expected) {
        let (dy, dx) = (position.y - first.y, position.x - first.x);
        let from = expected[0];
        assert!((dy - (frame / 4 - from / 4) as f64 * step * 1.25).abs() < 1e-6, "{frame}");
        assert!((dx - ((frame % 4) as f64 - (from % 4) as f64) * step).abs() < 1e-6, "{frame}");
    }
}

const ALL: [&str; 4] =
    ["series_master.h5", "series_data_000001.h5", "series_data_000002.h5", "series_data_000003.h5"];

#[test]
fn triggers_suggest_a_raster() {
    let folder = folder(&ALL);
    let (dataset, understood) = read(folder.path(), ALL[0], "").unwrap();
    assert_frames(&dataset, &(0..12).collect::<Vec<_>>());
    assert!(!understood.notes.iter().any(|note| note.contains("cut short")));
    let text = dataset::read(folder.path().join(ALL[0]), &ReadOptions::default()).unwrap_err();
    let text = text.to_string();
    assert!(text.contains("3 triggers of 4 frames each, so perhaps --scan-shape 3,4"), "{text}");
}

#[test]
fn a_file_that_lacks_is_named_with_its_frames_and_what_to_type() {
    let folder = folder(&[ALL[0], ALL[1], ALL[3]]);
    let text = read(folder.path(), ALL[0], "").unwrap_err().to_string();
    for part in [
        "entry/data/data_000002",
        "series_data_000002.h5",
        "the frames 4 to 7",
        "--frames 0-3,8-11",
        "beside its master file",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Asked for, the others are read, each in its place.
    for said in ["[patterns]\nframes = \"0-3,8-11\"", "[patterns]\nleave_out_frames = \"4-7\""] {
        let (dataset, understood) = read(folder.path(), ALL[0], said).unwrap();
        assert_frames(&dataset, &[0, 1, 2, 3, 8, 9, 10, 11]);
        assert!(understood.notes.iter().any(|note| note.contains("series_data_000002.h5")));
    }
    let text = read(folder.path(), ALL[0], "[patterns]\nframes = \"0-4\"").unwrap_err().to_string();
    assert!(text.contains("the frames 4 to 7"), "{text}");
}

#[test]
fn the_first_and_the_last_may_lack() {
    let first = folder(&[ALL[0], ALL[2], ALL[3]]);
    let text = read(first.path(), ALL[0], "").unwrap_err().to_string();
    assert!(text.contains("the frames 0 to 3") && text.contains("--frames 4-11"), "{text}");
    let (dataset, _) = read(first.path(), ALL[0], "[patterns]\nframes = \"4-11\"").unwrap();
    assert_frames(&dataset, &[4, 5, 6, 7, 8, 9, 10, 11]);
    let last = folder(&ALL[..3]);
    let text = read(last.path(), ALL[0], "").unwrap_err().to_string();
    assert!(text.contains("the frames 8 to 11") && text.contains("--frames 0-7"), "{text}");
    let none = folder(&ALL[..1]);
    let text = read(none.path(), ALL[0], "").unwrap_err().to_string();
    assert!(text.contains("and 2 more such files") && !text.contains("--frames"), "{text}");
}

#[test]
fn without_what_was_asked_for_the_scan_says_how_many_lack() {
    let folder = folder(&["eiger_master.h5", "eiger_data_000001.h5"]);
    let text = read(folder.path(), "eiger_master.h5", "").unwrap_err().to_string();
    assert!(text.contains("the frames 8 to 11") && text.contains("--frames 0-7"), "{text}");
    let taken = read(folder.path(), "eiger_master.h5", "[patterns]\nframes = \"0-7\"").unwrap().0;
    assert_eq!(taken.n_patterns(), 8);
    // Nothing tells.
    let options = ReadOptions::default();
    let text = dataset::read(folder.path().join("eiger_master.h5"), &options).unwrap_err();
    assert!(text.to_string().contains("frames from 8 on, of an unknown number"), "{text}");
}
