//! Both solvers from the command line: each does its work, and refuses the other's options.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use common::{Bench, stderr};

#[test]
fn an_option_of_the_other_solver_is_wrong_usage() {
    let bench = Bench::new();
    for (algorithm, option) in [("ML", "--momentum"), ("LSQML", "--prior")] {
        let output = bench
            .run(&format!("reconstruct --input-npz x.npz --output-dir y --algorithm {algorithm} {option} 1"));
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(option), "{}", stderr(&output));
    }
    assert!(bench.listing().is_empty());
}

#[test]
fn ml_beats_lsqml_on_the_same_file() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --dose 1e5 --pattern-size 32 --field-of-view 60x60 --overlap 0.75 --output scan.npz");
    let error = |options: &str| {
        let summary = bench.json(&format!(
            "reconstruct --input-npz scan.npz --output-dir out --probe-start perturbed --num-epochs 50 --compare {options}"
        ));
        assert_eq!(summary["epochs"], 50);
        summary["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
    };
    let (lsqml, ml) = (error("--algorithm LSQML"), error("--algorithm ML"));
    println!("LSQML {lsqml}, ML {ml}");
    assert!(ml < lsqml, "LSQML {lsqml}, ML {ml}");
}
