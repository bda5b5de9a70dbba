//! Documents and types that repeat the table of solvers agree with it. With `LAPWING_WRITE_DOCS=1`
//! they are written anew.

use lapwing_solve::SOLVERS;
use lapwing_solve::solver::options::{Kind, OptionDoc, Value};
use lapwing_solve::solver::{self, FOLLOW_UP, POSITIONS_FROM_EPOCH, TakenFor};
use lapwing_study::solver::{AUTO, SolverConfig, Unsaid};
use lapwing_testing::{hold, wrapped};
use std::fmt::Write;

/// One option by its name: every solver that has it, and what it is there. The options of the start
/// belong to all.
struct Row {
    name: &'static str,
    solvers: Vec<(&'static str, &'static OptionDoc)>,
}

fn rows() -> Vec<Row> {
    let start = SolverConfig::common_docs();
    let start = start.flat_map(|doc| {
        let all = || SOLVERS.iter().map(|entry| entry.name).collect();
        let solvers = SolverConfig::meant_for(doc).unwrap_or_else(all);
        solvers.into_iter().map(move |solver| (solver, doc))
    });
    let own = SOLVERS.iter().flat_map(|entry| entry.options.iter().map(|doc| (entry.name, doc)));
    let mut rows: Vec<Row> = Vec::new();
    for (solver, doc) in own.chain(start) {
        match rows.iter_mut().find(|row| row.name == doc.name) {
            Some(row) => row.solvers.push((solver, doc)),
            None => rows.push(Row { name: doc.name, solvers: vec![(solver, doc)] }),
        }
    }
    // Those of all solvers first.
    rows.sort_by_key(|row| row.solvers.len() < SOLVERS.len());
    rows
}

/// `of` for every solver of a row; said once where it is the same for all of them.
fn per_solver(row: &Row, of: impl Fn(&'static str, &'static OptionDoc) -> String) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for &(solver, doc) in &row.solvers {
        let text = of(solver, doc);
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, solvers)) => solvers.push(solver),
            None => groups.push((text, vec![solver])),
        }
    }
    match groups.as_slice() {
        [(text, _)] => text.clone(),
        several => {
            let texts = several.iter().map(|(text, of)| format!("{}: {text}", of.join(", ")));
            texts.collect::<Vec<_>>().join("; ")
        }
    }
}

fn default(solver: &str, doc: &OptionDoc) -> String {
    let entry = SOLVERS.iter().find(|entry| entry.name == solver).unwrap();
    let [data, designs] = [Unsaid::DATA, Unsaid::study()].map(|unsaid| unsaid.probe_start.name());
    if doc.name == "probe_start" {
        return format!("`{data}`; `{designs}` in designs");
    }
    let (own, common) = (entry.defaults().values().into_iter(), SolverConfig::default());
    let mut values = own.chain(common.common_values());
    match values.find(|(name, _)| *name == doc.name) {
        Some((_, Value::Word(word))) => format!("`{word}`"),
        Some((_, value)) => value.to_string(),
        None => "none".to_owned(),
    }
}

fn solvers_of(row: &Row) -> String {
    match row.solvers.len() == SOLVERS.len() {
        true => "all".to_owned(),
        false => row.solvers.iter().map(|(solver, _)| *solver).collect::<Vec<_>>().join(", "),
    }
}

#[test]
fn the_table_of_solvers_in_the_documents() {
    let mut table = String::from("| solver | what it is | published | needs counts |\n");
    table += "| --- | --- | --- | --- |\n";
    for entry in SOLVERS {
        let (name, about, source, counts) = (entry.name, entry.about, entry.source, entry.counts);
        writeln!(table, "| `{name}` | {about} | {source} | {counts} |").unwrap();
    }
    hold("docs/solvers.md", ["<!-- solvers -->", "<!-- end of solvers -->"], &table);
}

#[test]
fn the_table_of_options_in_the_documents() {
    let mut table = String::from("| option | flag | solvers | default | meaning |\n");
    table += "| --- | --- | --- | --- | --- |\n";
    for row in rows() {
        let flag = per_solver(&row, |_, doc| format!("`--{}`", doc.flag()));
        let default = per_solver(&row, default);
        let about = per_solver(&row, |_, doc| {
            let about = doc.about();
            format!("{} ({})", about.trim_end_matches('.'), doc.kind.expected())
        });
        let (name, solvers) = (row.name, solvers_of(&row));
        writeln!(table, "| `{name}` | {flag} | {solvers} | {default} | {about} |").unwrap();
    }
    hold("docs/solvers.md", ["<!-- options -->", "<!-- end of options -->"], &table);
}

/// Columns of a line of Python.
const WIDTH: usize = 100;

#[test]
fn the_types_of_options_in_python() {
    let literal = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        format!("Literal[{}]", words.join(", "))
    };
    let kind = |doc: &OptionDoc| match doc.kind {
        Kind::Count { .. } => "int".to_owned(),
        Kind::Number(_) => "float".to_owned(),
        Kind::CountOrAuto { .. } => "int | Literal[\"auto\"]".to_owned(),
        Kind::NumberOrAuto(_) => "float | Literal[\"auto\"]".to_owned(),
        Kind::Switch => "bool".to_owned(),
        Kind::Choice(words) => literal(words),
        Kind::File(_) | Kind::Words(_) => "str".to_owned(),
    };
    let names: Vec<&str> = SOLVERS.iter().map(|entry| entry.name).chain([AUTO]).collect();
    let mut types = format!("    algorithm: {}\n", literal(&names));
    let [counts, others] =
        [TakenFor::Counts, TakenFor::Intensities].map(|what| solver::taken_for(what).name);
    let about = format!(
        "\"\"\"Name of the solver, see :func:`solvers`; \"auto\" unless given: {counts} where photon \
         counts are known, else {others}.\"\"\""
    );
    types += &(wrapped(&about, "    ", WIDTH) + "\n");
    let mut aliases = String::new();
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows() {
        if let Some((section, name)) = row.name.split_once('.') {
            match sections.iter_mut().find(|(known, _)| *known == section) {
                Some((_, names)) => names.push(name),
                None => sections.push((section, vec![name])),
            }
            continue;
        }
        let mut kinds: Vec<String> = Vec::new();
        for kind in row.solvers.iter().map(|(_, doc)| kind(doc)) {
            for kind in kind.split(" | ") {
                if !kinds.iter().any(|told| told == kind) {
                    kinds.push(kind.to_owned());
                }
            }
        }
        let kinds = kinds.join(" | ");
        let about = per_solver(&row, |_, doc| doc.about().trim_end_matches('.').to_owned());
        // Where they differ, each says whose it is.
        let differs = row.solvers.iter().any(|(_, doc)| doc.about() != row.solvers[0].1.about());
        let of = match row.solvers.len() == SOLVERS.len() || differs {
            true => String::new(),
            false => format!("{}: ", solvers_of(&row)),
        };
        let line = format!("    {}: {kinds}", row.name);
        let line = match line.len() > WIDTH {
            // As formatters of Python have it.
            true => line.replace("Literal[", "Literal[\n        ").replace(']', "\n    ]"),
            false => line,
        };
        writeln!(types, "{line}\n{}", wrapped(&format!("\"\"\"{of}{about}.\"\"\""), "    ", WIDTH))
            .unwrap();
        for alias in row.solvers[0].1.aliases {
            // An alias for one solver may be the name of another's option.
            // Python's `start` takes reconstructions in memory as well, and stands apart.
            if !rows().iter().any(|row| row.name == *alias) && *alias != "start" {
                let name = row.name;
                writeln!(
                    aliases,
                    "    {alias}: {kinds}\n    \"\"\"Another name of ``{name}``.\"\"\""
                )
                .unwrap();
            }
        }
    }
    for (section, names) in sections {
        let names: Vec<String> = names.iter().map(|name| format!("``{name}``")).collect();
        let about = format!("\"\"\"{}: see the guide to the solvers.\"\"\"", names.join(", "));
        writeln!(types, "    {section}: dict[str, float]\n{}", wrapped(&about, "    ", WIDTH))
            .unwrap();
    }
    let markers = ["    # The table of solvers.", "    # End of the table."];
    hold("python/lapwing/_solve.py", markers, &(types + &aliases));
}

#[test]
fn the_template_of_designs_names_options_that_there_are() {
    let template = lapwing_study::design::TEMPLATE;
    for entry in SOLVERS {
        let about = format!("# Further options of {}: ", entry.name);
        let Some(start) = template.find(&about) else { continue };
        let names: Vec<&str> = template[start + about.len()..]
            .split_inclusive('\n')
            .scan(true, |first, line| {
                let goes_on = std::mem::take(first) || line.starts_with("# ");
                goes_on.then_some(line)
            })
            .flat_map(|line| line.split(','))
            .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            .filter(|word| !word.is_empty())
            .collect();
        assert!(names.len() > 2, "{names:?}");
        for name in names {
            assert!(entry.options.iter().any(|doc| doc.is(name)), "{name} of {}", entry.name);
        }
    }
}

/// Numbers and names that texts repeat, of what the code defines.
#[test]
fn texts_say_what_the_code_does() {
    for entry in SOLVERS.iter().filter(|entry| entry.has("positions_from_epoch")) {
        let option = entry.options.iter().find(|doc| doc.name == "positions_from_epoch").unwrap();
        let text = format!("{POSITIONS_FROM_EPOCH} unless given");
        assert!(option.about().contains(&text), "{}: {}", entry.name, option.about());
    }
    let maps = SolverConfig::common_docs().find(|doc| doc.name == "error_maps").unwrap();
    assert!(maps.about().contains(&format!("costs {FOLLOW_UP} epochs")), "{}", maps.about());
    assert_eq!(lapwing_model::scan::MAX_AREA, 1 << 30, "messages say 2^30");
    let most = solver::entry("ML").unwrap().defaults().epochs();
    let template = lapwing_study::design::TEMPLATE;
    assert!(template.contains(&format!("as many as it takes, {most} at most")));
}
