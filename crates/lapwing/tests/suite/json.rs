//! What `--json` prints is what `docs/json.md` says: no key that is not there, none that is
//! missing, every value of its type.

use crate::common::Bench;
use serde_json::Value;
use std::collections::BTreeSet;

/// A row of a table: the steps of its key, and its types.
struct Row {
    steps: Vec<String>,
    types: Vec<String>,
}

/// The commands of the guide and their tables.
fn tables() -> Vec<(String, Vec<Row>)> {
    let guide = include_str!("../../../../docs/json.md").replace("\r\n", "\n");
    let sections = guide.split("\n## `lapwing ").skip(1);
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let key = cells.next()?.trim_end_matches('`').replace("[]", ".[]");
        Some(Row {
            steps: key.split('.').map(str::to_owned).collect(),
            types: cells.next()?.split(" or ").map(str::to_owned).collect(),
        })
    };
    let table = |section: &str| {
        let (command, rest) = section.split_once('`').unwrap();
        (command.to_owned(), rest.lines().filter_map(row).collect())
    };
    sections.map(table).collect()
}

/// What is wrong with `value` at `path`, of which `rows` tell what comes `depth` steps down.
fn check(value: &Value, path: &str, rows: &[&Row], depth: usize, wrong: &mut Vec<String>) {
    let ends: Vec<&&Row> = rows.iter().filter(|row| row.steps.len() == depth).collect();
    let is = |name: &str| ends.iter().any(|row| row.types.iter().any(|known| known == name));
    if is("any") {
        return;
    }
    let step = |row: &&&Row| row.steps.get(depth).cloned().unwrap_or_default();
    let under = |key: &str| -> Vec<&Row> {
        let fits = |row: &&&Row| [key, "*"].contains(&step(row).trim_end_matches('?'));
        rows.iter().filter(fits).copied().collect()
    };
    let fine = match value {
        Value::Object(object) => {
            for (key, value) in object {
                // A key of its own goes before any key.
                let mut next = under(key);
                let own = |row: &&Row| row.steps[depth].trim_end_matches('?') == key;
                if next.iter().any(own) {
                    next.retain(own);
                }
                let path = format!("{path}.{key}");
                match next.is_empty() {
                    true => wrong.push(format!("{path} is not in the guide")),
                    false => check(value, &path, &next, depth + 1, wrong),
                }
            }
            let steps: BTreeSet<String> = rows.iter().map(|row| step(&row)).collect();
            let needed = steps.iter().filter(|step| !step.is_empty() && !step.ends_with('?'));
            for key in needed.filter(|key| *key != "*" && !object.contains_key(*key)) {
                wrong.push(format!("{path}.{key} is missing"));
            }
            ends.is_empty()
        }
        Value::Array(array) => {
            let next = under("[]");
            for value in array {
                check(value, &format!("{path}[]"), &next, depth + 1, wrong);
            }
            !next.is_empty()
        }
        Value::Null => is("null"),
        Value::Bool(_) => is("true"),
        Value::Number(_) => is("number"),
        Value::String(_) => is("text"),
    };
    if !fine {
        wrong.push(format!("{path} has another type: {value}"));
    }
}

const DESIGN: &str = "\
[study]\nname = \"tiny\"\ndoses = [1e3, 1e4]\npattern_size = 32\n\
views = [\"baseline\", \"dense\"]\n\
[specimen]\nkind = \"cells\"\n[probe]\nkind = \"defocused\"\ndiameter = 19.2\n\
[scan]\nkind = \"jittered\"\nstep = 6\nfield = [140, 140]\n\
[[solver]]\nalgorithm = \"LSQML\"\nepochs = 3\n";

/// Every command of the guide, each with what those before it made.
const RUN: [&str; 28] = [
    "simulate --specimen cells --pattern-size 32 --step 8 --field-of-view 200 --dose 1e4 --output scan.npz",
    "inspect scan.npz",
    "experiment init scan.toml",
    "calibrate {root}/examples/electrons/sunflower.npz --voltage-kv 80 --semi-angle-mrad 20 \
     --mrad-per-pixel 1.305 --scan-step-m 2e-10",
    "plan --resolution-m 30e-9 --phase 0.1 --probe-diameter-m 1e-6 --field-m 10e-6 --flux 1e9",
    "plan --resolution-m 30e-9 --phase 0.1 --probe-diameter-m 1e-6 --field-m 10e-6",
    "thin --input scan.npz --dose 1000 --output thin.npz",
    "split --input scan.npz --output-dir data/dose_10000",
    "views --data-root data --output-root views",
    "overlap --input scan.npz --gridsize 1 --s-img 1 --n-groups 64",
    "overlap --input scan.npz --gridsize 2 --s-img 1 --n-groups 64",
    "reconstruct --input scan.npz --output-dir result --num-epochs 3 --compare",
    "reconstruct --input thin.npz --output-dir other --num-epochs 3 --algorithm ePIE",
    "jobs --data-root data --views-root views --artifact-root results --num-epochs 2",
    "compare --reconstruction result/reconstruction.npz --truth scan.npz",
    "convert scan.npz copy.npz",
    "devices",
    "study init design.toml",
    "study run tiny.toml --output tiny",
    "study status tiny",
    "study prepare tiny.toml --output prepared",
    "study submit tiny.toml --output submitted --dry-run",
    "study search tiny.toml --output searched --goal complex_correlation=0.93",
    "report tiny",
    "examples --output given",
    "completions bash",
    "man --output pages",
    "version",
];

#[test]
fn every_command_prints_what_the_guide_says() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    std::fs::write(bench.path("tiny.toml"), DESIGN).unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let tables = tables();
    let mut left: BTreeSet<&str> = tables.iter().map(|(command, _)| command.as_str()).collect();
    let mut wrong = Vec::new();
    for arguments in RUN.map(|arguments| arguments.replace("{root}", root)) {
        let of = |(command, _): &&(String, Vec<Row>)| arguments.starts_with(&format!("{command} "));
        let table = tables.iter().find(|table| of(table) || table.0 == arguments);
        let (command, rows) = table.unwrap_or_else(|| panic!("{arguments} is not in the guide"));
        left.remove(command.as_str());
        let rows: Vec<&Row> = rows.iter().collect();
        check(&bench.json(&arguments), command, &rows, 0, &mut wrong);
    }
    assert!(left.is_empty(), "not run: {left:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
