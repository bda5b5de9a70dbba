//! Several scans of one object, reconstructed together.

use crate::common::Bench;

#[test]
fn fractions_of_a_dose_are_one_reconstruction() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("a.npz", "");
    bench.ok("simulate --base a.npz --dose 2e3 --seed 8 --output b.npz");
    bench.ok("simulate --base a.npz --dose 1e3 --seed 9 --output c.npz");
    let correlation = |options: &str, folder: &str| {
        let solve = "reconstruct --compare --algorithm LSQML --num-epochs 12";
        let record = bench.json(&format!("{solve} {options} --output-dir {folder}"));
        record["comparison"]["metrics"]["complex_correlation"].as_f64().unwrap()
    };
    let alone = correlation("--input b.npz", "alone");
    let together = correlation("--input b.npz --join c.npz --scan-probes shared", "together");
    let own = correlation("--input b.npz --join c.npz", "own");
    assert!(together > alone && own > alone, "{together}, {own} and {alone}");
    let log = std::fs::read_to_string(bench.path("own/log.txt")).unwrap();
    assert!(
        log.contains("2 scans of one object") && log.contains("a first mode of its own"),
        "{log}"
    );
    // A scan with a hundredth of the light has not lost it.
    bench.ok("simulate --base a.npz --dose 1e2 --seed 11 --output faint.npz");
    bench.ok("reconstruct --input a.npz --join faint.npz --algorithm LSQML --num-epochs 2 --output-dir faint");
    let log = std::fs::read_to_string(bench.path("faint/log.txt")).unwrap();
    assert!(!log.contains("left out:") && !log.contains("lost"), "{log}");
    // What a probe of its own is not made by.
    let refused =
        "reconstruct --input b.npz --join c.npz --algorithm DM --num-epochs 2 --output-dir dm";
    bench.fails(refused, &["scan-probes shared", "LSQML or ML", "DM"]);
    bench.ok(&format!("{refused} --scan-probes shared"));
    let modes = "reconstruct --input b.npz --join c.npz --probe-eigenmodes 1 --output-dir modes";
    bench.fails(modes, &["probe_eigenmodes: expected none", "--scan-probes shared"]);
    // Other data under the same name are another result.
    let loss = || {
        let solve = "reconstruct --input b.npz --join c.npz --algorithm LSQML --num-epochs 3";
        bench.json(&format!("{solve} --output-dir again"))["final_loss"].as_f64().unwrap()
    };
    let first = loss();
    assert_eq!(loss(), first);
    bench.ok("simulate --base a.npz --dose 1e3 --seed 10 --output d.npz");
    std::fs::rename(bench.path("d.npz"), bench.path("c.npz")).unwrap();
    assert_ne!(loss(), first);
    // The parts of a joined scan keep their numbers.
    bench.ok("convert b.npz all.npz --join c.npz");
    bench.ok("reconstruct --input all.npz --algorithm LSQML --num-epochs 2 --output-dir all");
    let log = std::fs::read_to_string(bench.path("all/log.txt")).unwrap();
    assert!(log.contains("2 scans, each with a first mode of its own"), "{log}");
}
