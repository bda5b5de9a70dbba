//! A scan that spans more pixels than a picture has.

use crate::common::Bench;
use lapwing_files::npy::{Array, Values};
use lapwing_files::npz;
use lapwing_model::Complex32;
use std::fs;
use std::path::PathBuf;

/// A strip of 4,400 x 150 pixels, scanned far apart.
fn scan(bench: &Bench) {
    let object = (0..4400 * 150).map(|at: usize| {
        let turn = ((at / 150 / 7 * 131 + at % 150 / 7 * 17) as f32 * 1.7).sin();
        Complex32::from_polar(1.0 - 0.1 * turn, 0.5 * (31.0 * turn).sin())
    });
    let object = Array::new(vec![4400, 150], Values::C64(object.collect())).unwrap();
    let probe = (0..32 * 32).map(|at: usize| {
        let [y, x] = [at / 32, at % 32].map(|at| at as f32 - 16.0);
        Complex32::from(if y.hypot(x) < 9.0 { 1.0 } else { 0.0 })
    });
    let probe = Array::new(vec![32, 32], Values::C64(probe.collect())).unwrap();
    let fields = [("objectGuess", object), ("probeGuess", probe)];
    npz::write(bench.path("base.npz"), &fields).unwrap();
    bench.ok("simulate --base base.npz --step 40 --dose 1e4 --output scan.npz");
}

#[test]
fn every_pixel_is_in_tiles_that_go_with_their_result() {
    let bench = Bench::new();
    scan(&bench);
    let reconstruct = "reconstruct scan.npz --algorithm LSQML --pixel-size-m 2e-9";
    bench.ok(&format!("{reconstruct} --num-epochs 1 --output out"));
    let record = || -> serde_json::Value {
        serde_json::from_slice(&fs::read(bench.path("out/result.json")).unwrap()).unwrap()
    };
    assert_eq!(record()["files"]["zoom"], "zoom.html");
    let page = fs::read_to_string(bench.path("out/zoom.html")).unwrap();
    assert!(page.contains("tile:512,levels:5,pixel:2e-9"), "{page}");
    let log = fs::read_to_string(bench.path("out/log.txt")).unwrap();
    // Nine rows of every pixel, five, three, two and one, twice.
    assert!(log.contains("every pixel: zoom.html, 40 tiles in zoom, "), "{log}");
    let tiles = |folder: &str| -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(bench.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "png"))
            .collect();
        files.sort();
        files
    };
    assert_eq!(tiles("out/zoom").len(), 40);
    let first: Vec<Vec<u8>> =
        tiles("out/zoom").iter().map(|tile| fs::read(tile).unwrap()).collect();
    let tile = lapwing_draw::Picture::decode(&first[first.len() - 1]).unwrap();
    assert_eq!(tile.zoom, 1.0 / 16.0);

    // Another result takes its place, and what others have laid there stays.
    fs::write(bench.path("out/zoom/mine.txt"), "mine").unwrap();
    bench.ok(&format!("{reconstruct} --num-epochs 2 --output out"));
    let kept: Vec<Vec<u8>> =
        tiles("out/earlier_1/zoom").iter().map(|tile| fs::read(tile).unwrap()).collect();
    assert!(kept == first && bench.path("out/earlier_1/zoom.html").is_file());
    assert!(bench.path("out/zoom/mine.txt").is_file() && tiles("out/zoom").len() == 40);
    assert!(!bench.path("out/earlier_1/zoom/mine.txt").exists());

    // A result without tiles leaves none, and they do not depend on threads.
    bench.ok(&format!("{reconstruct} --num-epochs 1 --threads 1 --output one"));
    let alone: Vec<Vec<u8>> =
        tiles("one/zoom").iter().map(|tile| fs::read(tile).unwrap()).collect();
    assert!(alone == first);
    bench.ok(&format!("{reconstruct} --num-epochs 1 --region 0:2000,0:150 --output one"));
    assert!(!bench.path("one/zoom").exists() && !bench.path("one/zoom.html").exists());
}
