//! Solvers as designs write them.

use super::*;
use lapwing_solve::Solver;
use lapwing_solve::ml::Ml;
use lapwing_solve::solver::options::Auto;

#[test]
fn written_and_read_back() {
    let text = "algorithm = \"LSQML\"\nobject_start = \"guess\"\nepochs = 7\nnoise = \"poisson\"\n";
    let config: SolverConfig = toml::from_str(text).unwrap();
    assert_eq!((config.solver.epochs(), &config.start.object_start), (7, &ObjectStart::Guess));
    assert!(config.solver.needs().counts);
    let again: SolverConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
    let text = "algorithm = \"rPIE\"\nprobe_modes = 2\nobject_alpha = 0.2\n[constraints]\nprobe_support = 0.4\n";
    let config: SolverConfig = toml::from_str(text).unwrap();
    assert_eq!(config.start.probe_modes, Some(2));
    assert_eq!(config.solver.constraints().probe_support, Some(0.4));
    let again: SolverConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
    assert_eq!(toml::from_str::<SolverConfig>("").unwrap(), SolverConfig::default());
    let config: SolverConfig = toml::from_str("algorithm = \"ML\"\nprior = 0.0\n").unwrap();
    let expected: Box<dyn Solver> = Box::new(Ml { prior: Auto::Given(0.0), ..Ml::default() });
    assert_eq!(*config.solver, *expected);
    assert!(config.solver.needs().counts);
    let again: SolverConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
}

#[test]
fn unknown_solvers_and_options_are_named() {
    let refused = |text| toml::from_str::<SolverConfig>(text).unwrap_err().to_string();
    assert!(refused("algorithm = \"HIO\"").contains("HIO"));
    assert!(refused("epoch = 7").contains("epoch"));
    assert!(refused("name = \"mine\"").contains("name"));
    assert!(refused("noise = \"white\"").contains("white"));
    // What another solver has is said to be there.
    let of_another = refused("algorithm = \"ePIE\"\nprior = 20.0");
    assert!(of_another.contains("; to have it say --algorithm LSQML or ML"), "{of_another}");
}

#[test]
fn the_names_of_the_command_line_are_understood_too() {
    let same = |a, b| {
        assert_eq!(
            toml::from_str::<SolverConfig>(a).unwrap(),
            toml::from_str::<SolverConfig>(b).unwrap()
        );
    };
    same(
        "num_epochs = 3\nbatch_seed = 9\nstart = \"guess\"",
        "epochs = 3\nseed = 9\nobject_start = \"guess\"",
    );
    same("algorithm = \"ML\"\nbatch_size = 5", "algorithm = \"ML\"\nstart_batch_size = 5");
}

fn unsaid(probe_start: ProbeStart) -> Unsaid {
    Unsaid { probe_start, ..Unsaid::study() }
}

#[test]
fn one_solver_or_several() {
    let read = |text: &str| {
        let table: toml::Table = toml::from_str(text).unwrap();
        StudySolver::read(table["solver"].clone(), unsaid(ProbeStart::File), Path::new("/designs"))
    };
    let one = read("[solver]\nepochs = 7").unwrap();
    assert_eq!((one.len(), one[0].name.as_str(), one[0].epochs()), (1, "LSQML", 7));
    assert_eq!(one[0].starts().1, ProbeStart::File);
    let two = "[[solver]]\n[[solver]]\nname = \"no prior\"\nalgorithm = \"ML\"\nprior = 0.0\nprobe_start = \"perturbed\"";
    let two = read(two).unwrap();
    assert_eq!((two[0].name.as_str(), two[1].name.as_str()), ("LSQML", "no prior"));
    assert_eq!((two[1].algorithm(), two[1].starts().1), ("ML", ProbeStart::Perturbed));
    assert!(
        read("[[solver]]\nobject_alpha = 1.0").unwrap_err().to_string().contains("object_alpha")
    );
    assert!(read("solver = 3").is_err());
    let other = "[solver]\nalgorithm = \"external\"\nname = \"mine\"\ncommand = [\"python3\", \"{folder}/a.py\", \"{input}\"]\nepochs = 9";
    let other = read(other).unwrap();
    let Method::External(config) = &other[0].method else { panic!("{other:?}") };
    assert_eq!(config.external.command, ["python3", "/designs/a.py", "{input}"]);
    assert_eq!(
        (other[0].name.as_str(), other[0].algorithm(), other[0].epochs()),
        ("mine", "external", 9)
    );
    let again: toml::Value = toml::Value::try_from(&other[0]).unwrap();
    assert_eq!(
        StudySolver::read(again, unsaid(ProbeStart::Perturbed), Path::new("/x")).unwrap(),
        other
    );
    assert!(read("[solver]\nalgorithm = \"external\"\ncmd = 3").is_err());
}

#[test]
fn a_limit_is_not_sought_where_saturated_counts_are_kept() {
    let read = |text: &str| {
        let table: toml::Table = toml::from_str(text).unwrap();
        StudySolver::read(table["solver"].clone(), unsaid(ProbeStart::File), Path::new("/x"))
    };
    let both = "[solver]\nsaturation = \"auto\"\nfaulty = \"keep\"\n";
    let told = read(both).unwrap_err().to_string();
    let parts =
        ["solver.saturation: expected a number of counts", "faulty = \"keep\"", "found `auto`"];
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    read(&both.replace("\"auto\"", "60")).unwrap();
    // What a settled design says of the one that is said is read back as itself.
    let kept = read("[solver]\nfaulty = \"keep\"\n").unwrap();
    let again = toml::Value::try_from(&kept[0]).unwrap();
    assert!(again.to_string().contains("saturation"));
    assert_eq!(StudySolver::read(again, unsaid(ProbeStart::File), Path::new("/x")).unwrap(), kept);
}

#[test]
fn names_that_are_no_folders_or_folders_of_something_else_are_refused() {
    for name in ["LSQML", "pty-chi_v1.2", "a+b"] {
        assert_eq!(unusable_name(name), None, "{name}");
    }
    let long = "x".repeat(65);
    for name in ["", "..", ".x", "a/b", "a b", "ü", "runs", "Runs", "dose_1000", "repeat_2", &long]
    {
        assert!(unusable_name(name).is_some(), "{name}");
    }
}

#[test]
fn a_probe_that_varies_freely_is_no_other_solver_than_before_there_was_a_choice() {
    let free: SolverConfig = toml::from_str("vary_power = true\n").unwrap();
    assert!(!toml::to_string(&free).unwrap().contains("probe_variation"));
    let slow: SolverConfig =
        toml::from_str("vary_power = true\nprobe_variation = \"slow\"\n").unwrap();
    let written = toml::to_string(&slow).unwrap();
    assert!(written.contains("probe_variation = \"slow\""), "{written}");
    assert_eq!(toml::from_str::<SolverConfig>(&written).unwrap(), slow);
}

#[test]
fn an_experiment_names_start_probes_by_the_same_words() {
    use lapwing_files::reading::{Kind, option};
    let Kind::Choice { words, .. } = option("probe_from").unwrap().kind else { panic!("words") };
    assert_eq!(words.list(), ProbeStart::NAMES);
    for name in words.list() {
        assert_eq!(ProbeStart::of_experiment(name.parse().unwrap()).name(), name);
    }
}
