//! Files beside the data: what a result is made of is more than its patterns.

use crate::common::{Bench, stderr};
use lapwing_files::npy::Array;
use lapwing_files::{ReadOptions, dataset, hdf5};
use std::fmt::Write;

/// Writes a small scan as a beamline has it: `scan.h5` with frames and positions (x, y), and the
/// positions once more as `positions.csv`.
fn scan(bench: &Bench) -> Vec<[f64; 2]> {
    let path = bench.simulate("truth.npz", "");
    let (data, _) = dataset::read(path, &ReadOptions::default()).unwrap();
    let counts = Array::from(&data.counts().unwrap().mapv(|count| count.round() as u32));
    let told: Vec<[f64; 2]> = data.scan.iter().map(|at| [at.x, at.y]).collect();
    let pairs = Array::from(told.concat()).reshape(vec![told.len(), 2]).unwrap();
    hdf5::write(bench.path("scan.h5"), |file| {
        file.array("exp/frames", &counts)?;
        file.array("exp/at", &pairs).map(|_| ())
    })
    .unwrap();
    table(bench, &told);
    told
}

fn table(bench: &Bench, positions: &[[f64; 2]]) {
    let mut text = "x,y\n".to_owned();
    for [x, y] in positions {
        writeln!(text, "{x},{y}").unwrap();
    }
    std::fs::write(bench.path("positions.csv"), text).unwrap();
}

const SAID: &str = "--quantity counts --position-unit px";
const SOLVED: &str = "--algorithm LSQML --num-epochs 3";

#[test]
fn an_array_of_a_file_is_reconstructed_and_studied_like_a_file() {
    let bench = Bench::new();
    scan(&bench);
    let of = "scan.h5::exp/frames --positions scan.h5::exp/at";
    bench.ok(&format!("reconstruct {of} {SAID} {SOLVED} --output-dir out"));
    let again = bench.run(&format!("reconstruct {of} {SAID} {SOLVED} --output-dir out"));
    assert!(again.status.success(), "{}", stderr(&again));
    let design = "[study]\ndoses = [1e3]\npattern_size = 32\nviews = [\"baseline\"]\n\
                  splits = [\"train\"]\n[base]\nmeasured = \"scan.h5::exp/frames\"\npositions = \"scan.h5::exp/at\"\n\
                  position_unit = \"px\"\nquantity = \"counts\"\n[solver]\nepochs = 3\n";
    std::fs::write(bench.path("mine.toml"), design).unwrap();
    bench.ok("study run mine.toml --output study");
    // A study without a name has that of its file.
    let settled = std::fs::read_to_string(bench.path("study/study.toml")).unwrap();
    assert!(settled.contains("name = \"mine\""), "{settled}");
}

#[test]
fn other_positions_are_another_result() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let mut told = scan(&bench);
    std::fs::write(
        bench.path("e.toml"),
        "[scan]\npositions = \"positions.csv\"\nposition_unit = \"px\"\n",
    )
    .unwrap();
    let run = "reconstruct scan.h5::exp/frames --quantity counts --experiment e.toml";
    let run = format!("{run} {SOLVED} --output-dir out");
    bench.ok(&run);
    let design = "[study]\ndoses = [1e3]\npattern_size = 32\nviews = [\"baseline\"]\n\
                  splits = [\"train\"]\n[base]\nmeasured = \"scan.h5::exp/frames\"\nexperiment = \"e.toml\"\n\
                  quantity = \"counts\"\n[solver]\nepochs = 3\n";
    std::fs::write(bench.path("s.toml"), design).unwrap();
    bench.ok("study run s.toml --output study");
    for [x, _] in &mut told {
        *x = 120.0 - *x;
    }
    table(&bench, &told);
    bench.fails("study run s.toml --output study", &["positions.csv", "--replace"]);
    bench.ok(&run);
    // The first one is kept.
    assert!(bench.path("out/earlier_1/reconstruction.npz").is_file());
    // What cannot be read takes nobody's place.
    let before = bench.listing();
    std::fs::write(bench.path("positions.csv"), "x,y\n1,2\n").unwrap();
    bench.fails(&run, &["positions"]);
    let locks = |name: &String| !name.ends_with(".lock");
    let [before, after] = [before, bench.listing()].map(|all| all.into_iter().filter(locks));
    assert!(before.eq(after));
    // A folder of results is the reconstruction in it.
    let start = "reconstruct truth.npz --start out/earlier_1 --output-dir on";
    bench.ok(&format!("{start} {SOLVED}"));
}

#[test]
fn a_design_names_its_files_from_its_own_folder() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("designs")).unwrap();
    let nothing = Array::from(vec![0.0_f32; 32 * 32]).reshape(vec![32, 32]).unwrap();
    let background = bench.path("designs/background.npy");
    lapwing_files::npy::write(&background, &nothing).unwrap();
    let design = "[study]\ndoses = [1e3]\npattern_size = 32\nviews = [\"baseline\"]\n\
                  splits = [\"train\"]\n[scan]\nstep = 6\nfield = [90, 60]\n[solver]\n\
                  epochs = 3\nbackground = \"background.npy\"\n";
    std::fs::write(bench.path("designs/d.toml"), design).unwrap();
    bench.ok("study run designs/d.toml --output study");
    let again = || bench.json("study run designs/d.toml --output study");
    assert_eq!(again()["resumed"], 1);
    // Another background is another solver.
    let some = Array::from(vec![0.01_f32; 32 * 32]).reshape(vec![32, 32]).unwrap();
    lapwing_files::npy::write(&background, &some).unwrap();
    assert_eq!(again()["resumed"], 0);
}
