//! Documents and Python's types repeat the table of options of reading. With `LAPWING_WRITE_DOCS=1`
//! they are written anew.

use lapwing_files::reading::{EXPERIMENT, Kind, OPTIONS, Range, ReadOption, Words};
use lapwing_testing::{hold, wrapped};
use std::fmt::Write;

/// Columns of a line of Python.
const WIDTH: usize = 100;

/// What is said of an option, as part of a sentence.
fn about(option: &ReadOption) -> String {
    let about = option.about();
    let mut letters = about.chars();
    let first = letters.next().expect("there is help");
    let acronym = letters.clone().next().is_some_and(|second| second.is_uppercase());
    let named = option.help.starts_with("Fresnel");
    match acronym || named {
        true => about,
        false => first.to_lowercase().chain(letters).collect(),
    }
}

/// Those that are flags and keywords.
fn options() -> impl Iterator<Item = &'static ReadOption> {
    OPTIONS.iter().filter(|option| !option.is_of_experiments())
}

#[test]
fn the_tables_in_the_document() {
    let table = |wanted: &dyn Fn(&ReadOption) -> bool| {
        let mut table = String::from("| option | says |\n| --- | --- |\n");
        for option in options().filter(|option| wanted(option)) {
            let value = match option.kind {
                Kind::Choice { words, .. } => format!(" {}", words.list().join(", ")),
                Kind::Flag { .. } => String::new(),
                _ => format!(" {}", option.value_name),
            };
            writeln!(table, "| `--{}{value}` | {} |", option.flag(), about(option)).unwrap();
        }
        table
    };
    let file = "docs/reading.md";
    let markers = ["<!-- options of the file -->", "<!-- end of options of the file -->"];
    hold(file, markers, &table(&ReadOption::is_of_files));
    let markers =
        ["<!-- options of the experiment -->", "<!-- end of options of the experiment -->"];
    hold(file, markers, &table(&|option| !option.is_of_files()));
}

/// Those that Python's types are written from: that of an experiment takes more than a file.
fn in_python() -> impl Iterator<Item = &'static ReadOption> {
    options().filter(|option| option.name != EXPERIMENT)
}

/// The type of an option in Python.
fn annotation(option: &ReadOption) -> String {
    match option.kind {
        // Any of a list that grows.
        Kind::Choice { words: Words::Dialects, .. } | Kind::Text { .. } => "str".to_owned(),
        Kind::Choice { words, .. } => {
            let words: Vec<String> =
                words.list().iter().map(|word| format!("\"{word}\"")).collect();
            format!("Literal[{}]", words.join(", "))
        }
        Kind::Flag { .. } => "bool".to_owned(),
        Kind::File { .. } => "str | os.PathLike[str]".to_owned(),
        Kind::Files { .. } => "Sequence[str | os.PathLike[str]]".to_owned(),
        Kind::Number { range: Range::Count | Range::CountUpTo(_), .. } => "int".to_owned(),
        Kind::Number { .. } => "float".to_owned(),
        Kind::Pair { range: Range::Count | Range::CountUpTo(_), .. } => {
            "int | Sequence[int]".to_owned()
        }
        Kind::Pair { .. } => "float | Sequence[float]".to_owned(),
        Kind::Motion { .. } => "str | Sequence[float]".to_owned(),
        Kind::Indices { .. } => "str | Sequence[int]".to_owned(),
        Kind::Names { .. } => "Sequence[str]".to_owned(),
    }
}

/// What is said of an option in Python, where it is given once.
fn sentence(option: &ReadOption) -> String {
    format!("{}.", option.about().trim_end_matches("; may be repeated"))
}

const LOAD: &str = "python/lapwing/_load.py";

#[test]
fn the_types_of_python() {
    let (mut fields, mut keywords) = (String::new(), String::new());
    for option in in_python() {
        let (name, of_type) = (option.name, annotation(option));
        let about = wrapped(&format!("\"\"\"{}\"\"\"", sentence(option)), "    ", WIDTH);
        writeln!(fields, "    {name}: {of_type}\n{about}").unwrap();
        let default = match option.kind {
            Kind::Flag { .. } => " = False",
            Kind::Files { .. } | Kind::Names { .. } => " = ()",
            _ => " | None = None",
        };
        writeln!(keywords, "    {name}: {of_type}{default},").unwrap();
    }
    hold(LOAD, ["    # Options of reading.", "    # End of options of reading."], &fields);
    hold(LOAD, ["    # Keywords of reading.", "    # End of keywords of reading."], &keywords);
}

#[test]
fn the_parameters_in_python() {
    let mut text = String::new();
    for option in in_python() {
        let of_type = match option.kind {
            Kind::Choice { words: Words::Fixed(words), .. } => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                let (last, others) = words.split_last().expect("a choice has words");
                format!("{} or {last}", others.join(", "))
            }
            Kind::Choice { .. } | Kind::Text { .. } => "str".to_owned(),
            Kind::Flag { .. } => "bool".to_owned(),
            Kind::File { .. } => "path".to_owned(),
            Kind::Files { .. } => "sequence of path".to_owned(),
            Kind::Number { range: Range::Count | Range::CountUpTo(_), .. } => "int".to_owned(),
            Kind::Number { .. } => "float".to_owned(),
            Kind::Pair { range: Range::Count | Range::CountUpTo(_), .. } => {
                "int or (int, int)".to_owned()
            }
            Kind::Pair { .. } => "float or (float, float)".to_owned(),
            Kind::Motion { .. } => "str or (float, float)".to_owned(),
            Kind::Indices { .. } => "str or sequence of int".to_owned(),
            Kind::Names { .. } => "sequence of str".to_owned(),
        };
        let about = wrapped(&sentence(option), "        ", WIDTH);
        writeln!(text, "    {} : {of_type}, optional\n{about}", option.name).unwrap();
    }
    // What stands beside them in the documentation of `load`.
    let around = [
        "        the other arguments have them, which take precedence.",
        "    memory : str or float",
    ];
    hold(LOAD, around, &text);
}
