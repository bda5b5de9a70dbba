//! Every option that names an output, and what becomes of what lies there already.

use crate::common::{Bench, stderr};
use crate::contract::prepared;
use std::collections::BTreeSet;

/// What a command does with a file that is there under a name that it writes.
#[derive(Clone, Copy, PartialEq)]
enum There {
    /// A file that the option names: replaced, and told, also to those who asked for quiet.
    Replaced,
    /// The same, but only of a file that Lapwing wrote; one of others is refused.
    OwnReplaced,
    /// A folder: files of others are refused, by name, and everything else stays.
    OthersRefused,
    /// A file that people go on writing: it stays.
    Stays,
}
use There::{OthersRefused, OwnReplaced, Replaced, Stays};

/// A command, the option, a call with it, a file that the call writes, and what is done with it.
const OUTPUTS: [(&str, &str, &str, &str, There); 22] = [
    ("simulate", "output", "simulate --base scan.npz --dose 50 --output a.npz", "a.npz", Replaced),
    ("thin", "output", "thin --input scan.npz --dose 10 --output b.npz", "b.npz", Replaced),
    ("convert", "made", "convert scan.npz c.npz", "c.npz", Replaced),
    ("convert", "output", "convert scan.npz --output d.npz", "d.npz", Replaced),
    ("inspect", "figure", "inspect scan.npz --figure e.png", "e.png", OwnReplaced),
    ("calibrate", "figure", "calibrate scan.npz --figure f.png", "f.png", OwnReplaced),
    (
        "compare",
        "csv",
        "compare --reconstruction scan.npz --truth scan.npz --csv g.csv",
        "g.csv",
        OwnReplaced,
    ),
    (
        "compare",
        "figure",
        "compare --reconstruction scan.npz --truth scan.npz --figure h.png",
        "h.png",
        OwnReplaced,
    ),
    (
        "reconstruct",
        "product",
        "reconstruct scan.npz --output i --num-epochs 1 --pixel-size-m 1e-8 --product i.h5",
        "i.h5",
        OwnReplaced,
    ),
    (
        "reconstruct",
        "output_dir",
        "reconstruct scan.npz --output j --num-epochs 1",
        "j/phase.png",
        OthersRefused,
    ),
    (
        "jobs",
        "artifact_root",
        "jobs --data-root data --views-root views --output k --num-epochs 1 --split train",
        "k/dose_10000/dense/train/log.txt",
        OthersRefused,
    ),
    (
        "jobs",
        "artifact_root",
        "jobs --data-root data --views-root views --output l --dry-run",
        "l/reconstruction_manifest.json",
        OthersRefused,
    ),
    (
        "split",
        "output_dir",
        "split --input scan.npz --output m",
        "m/patched_test.npz",
        OthersRefused,
    ),
    (
        "views",
        "output_root",
        "views --data-root data --output n --view dense",
        "n/dose_10000/dense/dense_test.npz",
        OthersRefused,
    ),
    (
        "overlap",
        "output_root",
        "overlap --data-root data/dose_10000 --output o",
        "o/metrics_bundle.json",
        OthersRefused,
    ),
    ("study run", "output", "study run s.toml --output p", "p/report/index.html", OthersRefused),
    (
        "study run",
        "output",
        "study run s.toml --output x",
        "x/reconstructions/reconstruction_manifest.json",
        OthersRefused,
    ),
    (
        "study prepare",
        "output",
        "study prepare s.toml --output q",
        "q/data/dose_1000/patched_train.npz",
        OthersRefused,
    ),
    (
        "study search",
        "output",
        "study search s.toml --output r --goal phase_psnr=1",
        "r/data/dose_10000/patched_train.npz",
        OthersRefused,
    ),
    (
        "study submit",
        "output",
        "study submit s.toml --output t --dry-run",
        "t/data/dose_1000/patched_train.npz",
        OthersRefused,
    ),
    ("man", "output", "man --output u", "u/lapwing.1", Replaced),
    ("examples", "output", "examples --output v", "v/quick.toml", Stays),
];

const STUDY: &str = "[study]\ndoses = [1e3, 1e4]\npattern_size = 32\nviews = [\"baseline\"]\n\
                     splits = [\"train\"]\n[scan]\nstep = 6\nfield = [90, 60]\n\
                     [solver]\nalgorithm = \"LSQML\"\nepochs = 1\n";

#[test]
fn every_option_that_names_an_output_is_in_the_table() {
    fn collect(command: &clap::Command, path: &str, found: &mut BTreeSet<(String, String)>) {
        let names = ["output", "output_dir", "output_root", "artifact_root"];
        for argument in command.get_arguments() {
            let of = argument.get_value_names().unwrap_or_default();
            let out = of.iter().any(|name| name.starts_with("OUT"));
            let id = argument.get_id().as_str();
            if out || names.contains(&id) {
                found.insert((path.to_owned(), id.to_owned()));
            }
        }
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            collect(sub, path.trim_start(), found);
        }
    }
    let mut found = BTreeSet::new();
    collect(&lapwing_cli::command(), "", &mut found);
    let listed: BTreeSet<(String, String)> =
        OUTPUTS.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
    assert_eq!(found, listed);
}

#[test]
fn what_lies_where_a_command_writes_is_neither_lost_nor_replaced_without_a_word() {
    let bench = Bench::new();
    prepared(&bench);
    std::fs::write(bench.path("s.toml"), STUDY).unwrap();
    let put = |file: &str, text: &str| {
        std::fs::create_dir_all(bench.path(file).parent().unwrap()).unwrap();
        std::fs::write(bench.path(file), text).unwrap();
    };
    let text_of = |file: &str| std::fs::read_to_string(bench.path(file)).unwrap_or_default();
    for (.., call, file, there) in OUTPUTS {
        put(file, "mine");
        let before = bench.listing();
        match there {
            OwnReplaced | OthersRefused => {
                bench.fails(call, &[file]);
                assert_eq!(text_of(file), "mine", "{call}");
                let left = without_locks(bench.listing());
                assert!(left == without_locks(before), "{call}: {left:?}");
                std::fs::remove_file(bench.path(file)).unwrap();
                bench.ok(call);
            }
            Replaced | Stays => {
                bench.ok(call);
                assert_eq!(text_of(file) == "mine", there == Stays, "{call}");
            }
        }
        if file == "j/phase.png" {
            // Nor what others have laid among the files of a result.
            put("j/error.png", "mine");
            bench.fails(call, &["j/error.png is there already"]);
            assert_eq!(text_of("j/error.png"), "mine");
            std::fs::remove_file(bench.path("j/error.png")).unwrap();
        }
        if there == OthersRefused {
            // What Lapwing writes under no name of it stays beside what it does.
            let beside = bench.path(file).with_file_name("notes.txt");
            std::fs::create_dir_all(beside.parent().unwrap()).unwrap();
            std::fs::write(&beside, "mine").unwrap();
            bench.ok(call);
            assert_eq!(std::fs::read_to_string(&beside).unwrap(), "mine", "{call}");
        }
        if matches!(there, Replaced | OwnReplaced) {
            let again = stderr(&bench.run(&format!("{call} -q")));
            let told = again.lines().any(|line| line.contains(file) && line.contains("replaced"));
            assert!(told, "{call} -q\n{again}");
        }
    }
    // Files that people go on writing.
    for call in ["study init w.toml", "experiment init w.toml"] {
        put("w.toml", "mine");
        bench.fails(call, &["w.toml", "exists already"]);
        assert_eq!(text_of("w.toml"), "mine");
    }
}

fn without_locks(names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|name| !name.ends_with(".lock")).collect()
}
