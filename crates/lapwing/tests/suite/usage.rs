//! Exit codes, help, and what is wrong usage.

use crate::common::{Bench, PROGRAM, stderr};

const COMMANDS: [&str; 20] = [
    "inspect",
    "experiment",
    "calibrate",
    "plan",
    "simulate",
    "thin",
    "split",
    "views",
    "overlap",
    "reconstruct",
    "jobs",
    "compare",
    "convert",
    "devices",
    "study",
    "report",
    "examples",
    "completions",
    "man",
    "version",
];

#[test]
fn every_command_explains_itself_with_an_example() {
    let bench = Bench::new();
    let overview = bench.ok("--help");
    for command in COMMANDS {
        assert!(overview.contains(command), "{command} is not in the overview");
        let help = bench.ok(&format!("{command} --help"));
        assert!(help.contains("Example"), "{command}:\n{help}");
        assert!(help.contains(&format!("lapwing {command}")), "{command}:\n{help}");
        for option in ["--json", "--threads", "--verbose", "--quiet"] {
            assert!(help.contains(option), "{command} lacks {option}");
        }
    }
    // Those of commands of commands too, in lines that `--help` does not break.
    let (mut open, mut seen) = (vec![lapwing_cli::command()], 0);
    while let Some(command) = open.pop() {
        let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(example.contains("Example"), "{}", command.get_name());
        let long = example.lines().find(|line| line.starts_with("  ") && line.len() > 100);
        assert_eq!(long, None, "{}", command.get_name());
        open.extend(command.get_subcommands().cloned());
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}

/// What a command makes goes to `--output`; names that scripts of the study know are taken as well.
#[test]
fn output_is_called_the_same_everywhere() {
    let program = lapwing_cli::command();
    for (name, earlier) in [
        ("simulate", ""),
        ("thin", ""),
        ("split", "output-dir"),
        ("views", "output-root"),
        ("views", "views-root"),
        ("overlap", "output-root"),
        ("reconstruct", "output-dir"),
        ("jobs", "artifact-root"),
        ("examples", ""),
        ("man", ""),
    ] {
        let command = program.find_subcommand(name).unwrap();
        let output = command.get_arguments().find(|arg| arg.get_long() == Some("output"));
        let aliases = output.unwrap_or_else(|| panic!("{name}")).get_all_aliases();
        assert!(
            earlier.is_empty() || aliases.is_some_and(|names| names.contains(&earlier)),
            "{name}"
        );
    }
}

#[test]
fn lengths_angles_and_doses_have_units_in_the_help() {
    let help = Bench::new().ok("simulate --help");
    for unit in ["photons per pattern", "pixels", "cycles per pixel", "radians"] {
        assert!(help.contains(unit), "{unit}:\n{help}");
    }
    for (command, units) in [
        ("inspect", ["pixels", "photons per pattern"]),
        ("compare", ["cycles per pixel", "radians"]),
        ("overlap", ["pixels", "diameter"]),
        ("thin", ["photons per pattern", "Dose"]),
        ("split", ["pixels", "share"]),
    ] {
        let help = Bench::new().ok(&format!("{command} --help"));
        for unit in units {
            assert!(help.contains(unit), "{command}: {unit}:\n{help}");
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_two_and_names_the_option() {
    let bench = Bench::new();
    for (arguments, part) in [
        ("", "Usage"),
        ("frobnicate", "frobnicate"),
        ("simulate --dose 1000 --output x.npz", "--base"),
        (
            "simulate --specimen cells --base b.npz --dose 1000 --output x.npz",
            "cannot be used with",
        ),
        ("simulate --specimen cat --dose 1000 --output x.npz", "siemens-star, cells or weak-phase"),
        ("simulate --specimen cells --dose 0 --output x.npz", "--dose"),
        ("simulate --specimen cells --dose -5 --output x.npz", "-5"),
        ("simulate --specimen cells --dose nan --output x.npz", "--dose"),
        ("simulate --specimen cells --dose 1000 --overlap 1.0 --output x.npz", "--overlap"),
        (
            "simulate --specimen cells --dose 1000 --step 3 --overlap 0.5 --output x.npz",
            "cannot be used with",
        ),
        (
            "simulate --specimen cells --dose 1000 --scan spiral --output x.npz",
            "raster, jittered or fermat",
        ),
        ("thin --input x.npz --output y.npz", "--dose"),
        ("split --input x.npz --output-dir d --axis z", "--axis"),
        ("split --input x.npz --output-dir d --fraction 1", "--fraction"),
        ("views --phase-c-root c --output-root d --view baseline", "dense or sparse"),
        ("overlap --input x.npz --gridsize 3", "--gridsize"),
        ("overlap --input x.npz --s-img 0", "--s-img"),
        ("reconstruct --input-npz x.npz --output-dir d --num-epochs 0", "--num-epochs"),
        ("reconstruct --input-npz x.npz --output-dir d --num-epochs 1000001", "1 to 1,000,000"),
        (
            "reconstruct --input-npz x.npz --output-dir d --num-epochs 18446744073709551615",
            "1 to 1,000,000",
        ),
        ("reconstruct --input-npz x.npz --output-dir d --noise white", "--noise"),
        ("reconstruct --input-npz x.npz --output-dir d --algorithm magic", "LSQML"),
        ("inspect x.npz --threads 0", "--threads"),
        ("inspect x.npz --input x.npz", "cannot be used with"),
        ("inspect", "<FILE|--input <FILE>>"),
        ("inspect x.npz --figure x.pdf", "ends in .png"),
        ("inspect x.npz -v -q", "cannot be used with"),
    ] {
        let output = bench.run(arguments);
        assert_eq!(output.status.code(), Some(2), "lapwing {arguments}\n{}", stderr(&output));
        assert!(
            stderr(&output).contains(part),
            "lapwing {arguments}: expected `{part}` in\n{}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty());
    }
    assert!(bench.listing().is_empty(), "{:?}", bench.listing());
}

/// Every command that reads a scan takes it as the first word and under both of its names.
#[test]
fn a_scan_is_named_in_one_way_everywhere() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    for rest in [
        "inspect SCAN",
        "thin SCAN --dose 1000 --output thin.npz",
        "split SCAN --output-dir halves",
        "overlap SCAN --n-groups 16",
        "reconstruct SCAN --output-dir result --num-epochs 1",
    ] {
        let told = ["scan.npz", "--input scan.npz", "--input-npz scan.npz"]
            .map(|named| bench.run(&format!("{} --quiet", rest.replace("SCAN", named))));
        for output in told {
            assert!(output.status.success(), "{rest}\n{}", stderr(&output));
        }
    }
    // The folder of a result stands for the reconstruction in it.
    let named = bench.ok("compare --reconstruction result/reconstruction.npz --truth scan.npz");
    assert_eq!(bench.ok("compare --reconstruction result --truth scan.npz"), named);
}

#[test]
fn what_the_system_says_is_told_without_its_number() {
    let told = Bench::new().fails("inspect none.npz", &["none.npz"]);
    assert!(!told.contains("os error"), "{told}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::{Command, Stdio};
    let bench = Bench::new();
    let mut child = Command::new(PROGRAM)
        .args(["study", "init", "study.toml", "--json"])
        .current_dir(bench.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The reader goes away, most likely before anything is written; either way this is a success.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).is_empty(), "{}", stderr(&output));
    assert!(bench.path("study.toml").is_file());
}

#[test]
fn numbers_below_zero_are_values_however_they_are_written() {
    let bench = Bench::new();
    for numbers in ["--defocus-m -5e-8", "--c12-m -2e-9", "--defocus-m=-5e-8", "--fly -1,2"] {
        bench.fails(&format!("inspect nowhere.npz {numbers}"), &["nowhere.npz: No such file"]);
    }
    // A number that is missing is told of the flag before.
    let output = bench.run("inspect nowhere.npz --defocus-m --c12-m 1e-9");
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("required for '--defocus-m"), "{told}");
}

#[test]
fn what_is_wrong_in_an_experiment_file_is_one_sentence() {
    let bench = Bench::new();
    for (text, said) in [
        ("[beam]\nenergy_kev = \"x\"\n", "[beam] energy_kev: expected a positive number"),
        ("[beam]\nenergykev = 3\n", "has no key energykev: is energy_kev meant?"),
        ("[beam\n", "line 1: expected TOML"),
    ] {
        std::fs::write(bench.path("e.toml"), text).unwrap();
        let output = bench.run("inspect scan.npz --experiment e.toml");
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with("error: e.toml: ") && told.contains(said), "{told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
    }
}
