//! What users of ptychography met, after public reports: each a small file, what is done with it,
//! and what must be said. A row is a case; what is beyond a message is measured below the table.

use crate::common::{Bench, stderr};
use lapwing_files::npy::Array;
use lapwing_files::{ReadOptions, dataset, hdf5, npz};
use lapwing_model::{Modes, Position};
use ndarray::{Array3, s};

/// The scan that the cases are made from, as its parts.
#[derive(Clone)]
struct Scan {
    counts: Array3<f32>,
    at: Vec<Position>,
    probe: Modes,
}

/// Photon energy of 8 keV, joules, and the rest of a far-field geometry whose object pixel is 20
/// nm.
const ENERGY: f64 = 1.281_741e-15;
const DISTANCE: f64 = 1.0;
const PIXEL: f64 = 20e-9;

impl Scan {
    fn new(bench: &Bench) -> Self {
        bench.ok(
            "simulate --specimen cells --pattern-size 32 --scan fermat --step 3 --field-of-view 30 \
             --dose 20000 --seed 6 --output truth.npz",
        );
        let (data, _) = dataset::read(bench.path("truth.npz"), &ReadOptions::default()).unwrap();
        let scale = data.intensity_scale().unwrap() as f32;
        let probe = data.probe.clone().unwrap().mapv(|value| value * scale);
        Self { counts: data.counts().unwrap(), at: data.scan, probe }
    }

    /// As an NPZ of the study, counts in integers of 32 bits; without a probe if it has no mode.
    fn npz(&self, bench: &Bench, name: &str) {
        let counts = self.counts.mapv(|count| count as u32);
        self.npz_of(bench, name, Array::from(&counts), &[]);
    }

    fn npz_of(&self, bench: &Bench, name: &str, patterns: Array, more: &[(&str, Array)]) {
        let column =
            |of: fn(&Position) -> f64| Array::from(self.at.iter().map(of).collect::<Vec<_>>());
        let mut arrays = vec![
            ("diffraction", patterns),
            ("xcoords", column(|at| at.x)),
            ("ycoords", column(|at| at.y)),
        ];
        if self.probe.dim().0 > 0 {
            arrays.push(("probeGuess", Array::from(&self.probe)));
        }
        arrays.extend(more.iter().cloned());
        npz::write(bench.path(name), &arrays).unwrap();
    }

    /// As CXI without a probe: positions of the sample times `unit`, with this energy and distance.
    fn cxi(&self, bench: &Bench, name: &str, (unit, energy, distance): (f64, f64, f64)) {
        let (n, height, width) = self.counts.dim();
        let pitch = 1.549_803e-10 * DISTANCE / (32.0 * PIXEL);
        let moved: Vec<f64> =
            self.at.iter().flat_map(|at| [-at.x, -at.y, 0.0].map(|px| px * PIXEL * unit)).collect();
        hdf5::write(bench.path(name), |file| {
            let detector = "entry_1/instrument_1/detector_1";
            file.number("cxi_version", 160_i32)?;
            let counts: Vec<f32> = self.counts.iter().copied().collect();
            file.frames(&format!("{detector}/data"), [n, height, width], &counts)?;
            file.values(&format!("{detector}/translation"), &[n, 3], &moved)?;
            for (name, value) in
                [("x_pixel_size", pitch), ("y_pixel_size", pitch), ("distance", distance)]
            {
                file.number(&format!("{detector}/{name}"), value)?;
            }
            file.number("entry_1/instrument_1/source_1/energy", energy)
        })
        .unwrap();
    }
}

/// A case: what is made, what is run, the exit code, and what must be said.
struct Case {
    name: &'static str,
    make: fn(&Bench, Scan),
    run: &'static str,
    code: i32,
    said: &'static [&'static str],
}

/// All cases of a message.
#[rustfmt::skip] // a row for each
const CASES: &[Case] = &[
    Case { name: "counts without metadata are known by their squares", make: |b, s| s.npz(b, "a.npz"),
        run: "inspect a.npz", code: 0, said: &["taken as photon counts", "contract: kept"] },
    Case { name: "positions in millimetres", make: |b, s| s.cxi(b, "a.cxi", (1e3, ENERGY, DISTANCE)),
        run: "inspect a.cxi", code: 1, said: &["positions of the sample in metres", "in millimetres"] },
    Case { name: "positions in micrometres", make: |b, s| s.cxi(b, "a.cxi", (1e6, ENERGY, DISTANCE)),
        run: "reconstruct --input a.cxi --output-dir out", code: 1, said: &["expected positions", "metres"] },
    Case { name: "energy in keV", make: |b, s| s.cxi(b, "a.cxi", (1.0, 8.0, DISTANCE)),
        run: "inspect a.cxi", code: 1, said: &["energy", "kiloelectronvolts"] },
    Case { name: "energy in eV", make: |b, s| s.cxi(b, "a.cxi", (1.0, 8000.0, DISTANCE)),
        run: "inspect a.cxi", code: 1, said: &["energy", "electronvolts"] },
    Case { name: "distance in millimetres", make: |b, s| s.cxi(b, "a.cxi", (1.0, ENERGY, 1e3 * DISTANCE)),
        run: "inspect a.cxi", code: 0, said: &["remark: all", "look at the units"] },
    Case { name: "positions on a line", make: |b, mut s| { s.at.iter_mut().for_each(|at| at.y = 40.0); s.npz(b, "a.npz") },
        run: "split --input a.npz --output-dir halves", code: 1, said: &["cut along the other axis (--axis x)"] },
    Case { name: "one position for all", make: |b, mut s| { s.at.fill(Position { y: 40.0, x: 40.0 }); s.npz(b, "a.npz") },
        run: "inspect a.npz --figure a.png", code: 0, said: &["lie within", "wrote"] },
    Case { name: "positions that repeat", make: |b, mut s| { let n = s.at.len() / 2; let half = s.at[..n].to_vec(); s.at[n..2 * n].copy_from_slice(&half); s.npz(b, "a.npz") },
        run: "inspect a.npz", code: 0, said: &["positions are where another is"] },
    Case { name: "not a number", make: |b, mut s| { s.counts[(7, 3, 4)] = f32::NAN; s.npz_of(b, "a.npz", Array::from(&s.counts), &[]) },
        run: "inspect a.npz", code: 1, said: &["pattern 7 at row 3, column 4", "--mask-hot"] },
    Case { name: "negative after a background was subtracted", make: |b, mut s| { s.counts[(5, 1, 2)] = -0.4; s.npz_of(b, "a.npz", Array::from(&s.counts), &[]) },
        run: "inspect a.npz", code: 1, said: &["--clip-negative", "--mask-negative", "-0.4"] },
    Case { name: "a sentinel in dead pixels", make: |b, s| { let mut c = s.counts.mapv(|c| c as u32); c.slice_mut(s![.., 4..6, 7]).fill(u32::MAX); s.npz_of(b, "a.npz", Array::from(&c), &[]) },
        run: "inspect a.npz", code: 0, said: &["2 pixels hold 4294967295 in every pattern", "bad pixels"] },
    Case { name: "a mask the wrong way round", make: |b, s| { let mut bad = ndarray::Array2::<u8>::ones((32, 32)); bad.slice_mut(s![3..5, ..]).fill(0); let c = s.counts.mapv(|c| c as u32); s.npz_of(b, "a.npz", Array::from(&c), &[("mask", Array::from(&bad))]) },
        run: "inspect a.npz", code: 1, said: &["the other way round", "--mask-good-is"] },
    Case { name: "fewer patterns than positions", make: |b, mut s| { let n = s.at.len(); s.counts.slice_collapse(s![..n - 3, .., ..]); s.npz(b, "a.npz") },
        run: "inspect a.npz", code: 1, said: &["the number of positions", "--common"] },
    Case { name: "lost frames", make: |b, mut s| { s.counts.slice_mut(s![20..26, .., ..]).fill(0.0); s.npz(b, "a.npz") },
        run: "reconstruct --input a.npz --output-dir out --num-epochs 5", code: 0, said: &["6 of", "20-25", "leaves them out"] },
    Case { name: "a probe of zeros", make: |b, mut s| { s.probe.fill(num_complex::Complex32::ZERO); s.npz(b, "a.npz") },
        run: "reconstruct --input a.npz --output-dir out", code: 1, said: &["zero throughout", "--leave-out"] },
    Case { name: "no light", make: |b, mut s| { s.counts.fill(0.0); s.npz(b, "a.npz") },
        run: "reconstruct --input a.npz --output-dir out", code: 1, said: &["no light to reconstruct from"] },
    Case { name: "a probe of another shape", make: |b, mut s| { s.probe = Modes::ones((1, 40, 40)); s.npz(b, "a.npz") },
        run: "inspect a.npz", code: 1, said: &["(modes, 32, 32)", "cut its middle out"] },
    Case { name: "nothing overlaps", make: |b, mut s| { s.at.iter_mut().for_each(|at| { at.y *= 12.0; at.x *= 12.0; }); s.npz(b, "a.npz") },
        run: "inspect a.npz", code: 0, said: &["nothing overlaps"] },
    Case { name: "light off the middle", make: |b, mut s| { let c = s.counts.clone(); s.counts.slice_mut(s![.., 5.., ..]).assign(&c.slice(s![.., ..27, ..])); s.npz(b, "a.npz") },
        run: "inspect a.npz", code: 0, said: &["off the middle", "--detector-centre"] },
    Case { name: "arrays of other names", make: |b, s| npz::write(b.path("a.npz"), &[("reciprocal", Array::from(&s.counts)), ("places", Array::from(s.at.iter().map(|at| at.y).collect::<Vec<f64>>()))]).unwrap(),
        run: "inspect a.npz", code: 1, said: &["--patterns NAME", "--positions FILE::NAME", "reciprocal"] },
    Case { name: "an option for an array that is not there", make: |b, s| s.npz(b, "a.npz"),
        run: "inspect a.npz --leave-out nothing", code: 1, said: &["leave_out", "nothing"] },
    Case { name: "a second file that does not exist", make: |b, s| s.npz(b, "a.npz"),
        run: "inspect a.npz --companion missing.npz", code: 1, said: &["missing.npz"] },
    Case { name: "the near field", make: |b, s| s.npz(b, "a.npz"),
        run: "reconstruct --input a.npz --output-dir out --geometry near-field", code: 1, said: &["near-field"] },
    Case { name: "a scan rotation under another name", make: |b, s| s.npz(b, "a.npz"),
        run: "reconstruct --input a.npz --output-dir out --scan-rotation 12", code: 2, said: &["--scan-rotation-deg"] },
    Case { name: "raw frames without their form", make: |b, s| std::fs::write(b.path("a.raw"), s.counts.iter().flat_map(|c| c.to_le_bytes()).collect::<Vec<u8>>()).unwrap(),
        run: "inspect a.raw", code: 1, said: &["--raw empad", "dtype=uint16"] },
];

#[test]
fn every_case_is_answered_in_words_that_help() {
    let truth = Bench::new();
    let scan = Scan::new(&truth);
    let mut wrong = Vec::new();
    for case in CASES {
        let bench = Bench::new();
        (case.make)(&bench, scan.clone());
        let run = bench.run(case.run);
        let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), stderr(&run));
        let mut check = |fits: bool, what: String| {
            if !fits {
                wrong.push(format!(
                    "{}: {what}, found {:?} and\n{told}",
                    case.name,
                    run.status.code()
                ));
            }
        };
        check(run.status.code() == Some(case.code), format!("expected exit code {}", case.code));
        for said in case.said {
            check(told.contains(said), format!("expected {said:?}"));
        }
        for rust in ["Some(", "None)", "panicked", "Err(", "unwrap"] {
            check(!told.contains(rust), format!("expected no {rust:?}"));
        }
        let longest = told.lines().map(str::len).max().unwrap_or(0);
        check(longest < 1200, format!("expected no line of {longest} bytes"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Complex error of a reconstruction of `a.npz` by ML, 40 epochs, its log beside it.
fn error(bench: &Bench, more: &str) -> (f64, String) {
    bench.ok(&format!(
        "reconstruct --input a.npz --output-dir out --num-epochs 40 --algorithm ML {more}"
    ));
    let found = bench.json("compare --reconstruction out/reconstruction.npz --truth truth.npz");
    let log = std::fs::read_to_string(bench.path("out/log.txt")).unwrap();
    (found["metrics"]["complex_nrmse"].as_f64().unwrap(), log)
}

#[test]
fn frames_of_a_detector_gone_mad_do_no_harm() {
    let bench = Bench::new();
    let scan = Scan::new(&bench);
    scan.npz(&bench, "a.npz");
    let (clean, _) = error(&bench, "");
    let mut mad = scan.clone();
    for (frame, seed) in [(20, 3_usize), (33, 5), (41, 7)] {
        for (index, count) in mad.counts.slice_mut(s![frame, .., ..]).iter_mut().enumerate() {
            *count = ((index * 7919 * seed + 104_729) % 2000) as f32;
        }
    }
    mad.npz(&bench, "a.npz");
    let (found, log) = error(&bench, "");
    assert!(log.contains("3 of") && log.contains("left out: 3 wrong patterns"), "{log}");
    assert!((found - clean).abs() < 0.01, "{found} {clean}");
}

#[test]
fn positions_far_from_zero_are_as_good_as_near_it() {
    let bench = Bench::new();
    let scan = Scan::new(&bench);
    scan.npz(&bench, "a.npz");
    let (near, _) = error(&bench, "");
    let mut far = scan;
    far.at.iter_mut().for_each(|at| (at.y, at.x) = (at.y + 2e6, at.x - 3e6));
    far.npz(&bench, "a.npz");
    let (found, _) = error(&bench, "");
    assert!((found - near).abs() < 0.01, "{found} {near}");
}

#[test]
fn a_reconstruction_may_be_the_truth_of_another() {
    let bench = Bench::new();
    let mut scan = Scan::new(&bench);
    scan.npz(&bench, "a.npz");
    error(&bench, "");
    std::fs::rename(bench.path("out"), bench.path("with")).unwrap();
    scan.probe = Modes::zeros((0, 32, 32));
    scan.at.iter_mut().for_each(|at| at.y -= 100.0);
    scan.npz(&bench, "a.npz");
    bench.ok("reconstruct --input a.npz --output-dir out --num-epochs 40 --algorithm ML");
    let found = bench
        .json("compare --reconstruction out/reconstruction.npz --truth with/reconstruction.npz");
    let correlation = found["metrics"]["complex_correlation"].as_f64().unwrap();
    assert!(correlation > 0.97, "{correlation}");
}
