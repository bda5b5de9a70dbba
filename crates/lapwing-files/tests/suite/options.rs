//! The table of options of reading against those who repeat it: documentation and Python's types.

use lapwing_files::reading::{Kind, OPTIONS, Words};

const DOCUMENT: &str = include_str!("../../../../docs/reading.md");
const PYTHON: &str = include_str!("../../../../python/lapwing/_load.py");

#[test]
fn the_document_has_every_option_with_its_words() {
    let table = DOCUMENT.split("## When the file is wrong").nth(1).expect("the section is there");
    for option in OPTIONS.iter().filter(|option| !option.is_of_experiments()) {
        let value = match option.kind {
            Kind::Choice { words, .. } => format!(" {}", words.list().join(", ")),
            Kind::Flag { .. } => String::new(),
            _ => format!(" {}", option.value_name),
        };
        let row = format!("`--{}{value}`", option.flag());
        assert!(table.contains(&row), "docs/reading.md has no {row}");
    }
}

#[test]
fn python_has_every_option_with_its_type() {
    let signature = PYTHON.split("def load(").nth(1).and_then(|text| text.split("->").next());
    let signature = signature.expect("load is there");
    let given = signature.lines().filter(|line| line.contains(": ")).count();
    let options: Vec<_> = OPTIONS.iter().filter(|option| !option.is_of_experiments()).collect();
    assert_eq!(given, options.len() + 3, "path, the options, and where to keep the patterns");
    for option in options {
        let of_type = match option.kind {
            // Any of a list that grows.
            Kind::Choice { words: Words::Dialects, .. } => "str | None = None".to_owned(),
            Kind::Choice { words, .. } => {
                let words: Vec<String> =
                    words.list().iter().map(|word| format!("\"{word}\"")).collect();
                format!("Literal[{}] | None = None", words.join(", "))
            }
            Kind::Flag { .. } => "bool = False".to_owned(),
            // What such a file says will do, too.
            Kind::File { .. } if option.name == "experiment" => {
                "str | os.PathLike[str] | Mapping[str, Any] | None = None".to_owned()
            }
            Kind::File { .. } => "str | os.PathLike[str] | None = None".to_owned(),
            Kind::Files { .. } => "Sequence[str | os.PathLike[str]] = ()".to_owned(),
            Kind::Number { .. } => "float | None = None".to_owned(),
            Kind::Pair { .. } => "float | Sequence[float] | None = None".to_owned(),
            Kind::Text { .. } => "str | None = None".to_owned(),
            Kind::Indices { .. } => "str | Sequence[int] | None = None".to_owned(),
            Kind::Names { .. } => "Sequence[str] = ()".to_owned(),
        };
        let line = format!("    {}: {of_type},\n", option.name);
        assert!(signature.contains(&line), "_load.py has no {line}");
        let passed = format!("\"{}\": ", option.name);
        assert!(PYTHON.contains(&passed), "_load.py does not pass {} on", option.name);
    }
}
