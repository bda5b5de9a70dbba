//! Both solvers from the command line: each does its work, and refuses the other's options.

use crate::common::{Bench, stderr};
use lapwing_solve::SOLVERS;
use lapwing_solve::solver::Entry;
use serde_json::{Value, json};

#[test]
fn an_option_of_the_other_solver_is_wrong_usage() {
    let bench = Bench::new();
    for (algorithm, option) in [
        ("ML", "--momentum"),
        ("ML", "--step-scale"),
        ("LSQML", "--object-alpha"),
        ("LSQML", "--probe-step"),
        ("LSQML", "--object-moves"),
        ("rPIE", "--prior"),
        ("rPIE", "--object-step"),
        ("ePIE", "--prior-edge"),
    ] {
        let output = bench.run(&format!(
            "reconstruct --input-npz x.npz --output-dir y --algorithm {algorithm} {option} 0.5"
        ));
        assert_eq!(output.status.code(), Some(2));
        let told = stderr(&output);
        assert!(told.contains(option), "{told}");
        // Who lacks the option is told who has it; the other has another value for it.
        let has =
            |entry: &Entry| entry.options.iter().any(|doc| option == format!("--{}", doc.flag()));
        let of = |name: &str| SOLVERS.iter().find(|entry| entry.name == name);
        let name =
            told.split("say --algorithm ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let named = name.and_then(of).is_some_and(has);
        assert_eq!(named, !of(algorithm).is_some_and(has), "{told}");
    }
    assert!(bench.listing().is_empty());
}

/// What not every solver has is refused with a solver that has it, and with that it runs.
#[test]
fn a_refused_term_names_a_solver_that_takes_it() {
    let bench = Bench::new();
    let small =
        "simulate --specimen cells --pattern-size 32 --dose 1e4 --step 6 --field-of-view 20x20";
    bench.ok(&format!("{small} --output scan.npz"));
    bench.ok("simulate --base scan.npz --dose 1e4 --seed 5 --output again.npz");
    let solve = "reconstruct --input scan.npz --num-epochs 10 --probe-start file";
    for (term, had_by) in [
        ("--join again.npz", &["LSQML", "ML"][..]),
        ("--probe-eigenmodes 1", &["LSQML", "ML"]),
        ("--vary-power", &["LSQML", "ML"]),
        ("--vary-power --probe-variation slow", &["LSQML", "ML"]),
        ("--refine-scan positions", &["LSQML", "ML"]),
        ("--choose positions", &["LSQML", "ML"]),
        ("--slices 2 --slice-fresnel-number 0.05", &["LSQML", "ML", "rPIE", "ePIE"]),
    ] {
        let mut typed = None;
        for entry in SOLVERS.iter().filter(|entry| !had_by.contains(&entry.name)) {
            let command = format!("{solve} {term} --algorithm {} --output-dir no", entry.name);
            let told = bench.fails(&command, &["say --algorithm ", entry.name]);
            let name = told.split("say --algorithm ").nth(1).unwrap();
            typed = name.split([' ', ',', ';']).next().map(str::to_owned);
            assert!(!bench.path("no/reconstruction.npz").exists());
        }
        let typed = typed.unwrap();
        assert!(had_by.contains(&typed.as_str()), "{term}: {typed}");
        bench.ok(&format!("{solve} {term} --algorithm {typed} --output-dir yes"));
        std::fs::remove_dir_all(bench.path("yes")).unwrap();
    }
}

#[test]
fn options_reach_the_solver_under_their_own_names() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --dose 1e4 --pattern-size 32 --field-of-view 40x40 --overlap 0.7 --output scan.npz");
    for (options, names) in [
        (
            "ML --start-epochs 0 --prior 3 --prior-edge 0.2",
            json!({"start_epochs": 0, "prior": 3.0, "prior_edge": 0.2}),
        ),
        (
            "LSQML --step-scale 0.5 --object-moves batch",
            json!({"step_scale": 0.5, "object_moves": "batch"}),
        ),
        ("LSQML --vary-power", json!({"vary_power": true})),
        ("LSQML --vary-power=false", json!({"vary_power": false})),
        (
            "ePIE --object-step 0.5 --probe-step 0.25",
            json!({"object_step": 0.5, "probe_step": 0.25}),
        ),
    ] {
        bench.ok(&format!(
            "reconstruct --input-npz scan.npz --output-dir out --num-epochs 2 --algorithm {options}"
        ));
        let result: Value =
            serde_json::from_slice(&std::fs::read(bench.path("out/result.json")).unwrap()).unwrap();
        for (name, value) in names.as_object().unwrap() {
            assert_eq!(&result["options"][name], value, "{options}");
        }
        std::fs::remove_dir_all(bench.path("out")).unwrap();
    }
    for (algorithm, option) in [
        ("LSQML", "--object-moves=0.5"),
        ("LSQML", "--object-moves=often"),
        ("LSQML", "--object-step=1"),
        ("ePIE", "--object-step=batch"),
        ("ePIE", "--object-step=-1"),
    ] {
        let output = bench.run(&format!(
            "reconstruct --input-npz scan.npz --output-dir out --algorithm {algorithm} {option}"
        ));
        assert_eq!(output.status.code(), Some(2), "{algorithm} {option}");
        let (flag, _) = option.split_once('=').unwrap();
        assert!(stderr(&output).contains(flag), "{}", stderr(&output));
    }
}

#[test]
fn ml_beats_lsqml_on_the_same_file() {
    if lapwing_testing::left_out() {
        return;
    }
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

#[test]
fn every_solver_and_every_extra_runs_on_one_file() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --dose 1e5 --pattern-size 32 --field-of-view 60x60 --overlap 0.75 --output scan.npz");
    let solvers = SOLVERS.iter().map(|entry| (entry.name, format!("--algorithm {}", entry.name)));
    let extras = [
        ("sparse", "--batching sparse --prior 5 --positions-from-epoch 3 --checkpoint-every 2"),
        ("modes", "--algorithm ML --probe-modes 2 --probe-support 0.45 --checkpoint-every 5m"),
        ("alpha", "--algorithm rPIE --object-alpha 0.2"),
    ];
    let extras = extras.map(|(name, options)| (name, options.to_owned()));
    for (name, options) in solvers.chain(extras) {
        let summary = bench.json(&format!(
            "reconstruct --input-npz scan.npz --output-dir {name} --num-epochs 6 --probe-start perturbed --compare {options}"
        ));
        let error = summary["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap();
        assert!(error < 0.5, "{name}: {error}");
        assert!(
            !bench.listing().iter().any(|file| file.contains("checkpoint")),
            "{:?}",
            bench.listing()
        );
    }
}
