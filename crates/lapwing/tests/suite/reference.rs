//! `docs/commands.md` says what `--help` says. With `LAPWING_WRITE_DOCS=1` it is written anew.

use clap::{Arg, Command};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "\
# Commands

Made of the program's own words, which `lapwing COMMAND --help` prints as well. Options that a
command shares with others stand [at the end](#options-of-several-commands). `lapwing completions
SHELL` lets a shell complete them, `lapwing man --output DIR` writes them as manual pages.

Exit codes: 0 done, 1 something failed, 2 wrong usage. Results go to standard output, messages and
progress to standard error; progress shows only on a terminal, and colours only there and without
`NO_COLOR`. What `--json` prints: [JSON](json.md).
";

/// Options of a command under one heading, in order.
type Section<'a> = (&'a str, Vec<&'a Arg>);

#[test]
fn the_commands_of_the_guide_are_the_programs() {
    let mut program = lapwing_cli::command();
    program.build();
    let mut leaves = Vec::new();
    collect(&program, &mut leaves);
    let mut shared: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for command in &leaves {
        for section in sections(command).iter().filter(|(heading, _)| !heading.is_empty()) {
            shared.entry(table(section)).or_default().push(name(command));
        }
    }
    shared.retain(|_, users| users.len() > 1);

    let mut text = HEAD.to_owned();
    for command in &leaves {
        one(&mut text, command, &shared);
    }
    text.push_str("\n## Options of several commands\n");
    let mut done: Vec<String> = Vec::new();
    for section in leaves.iter().flat_map(|command| sections(command)) {
        let rows = table(&section);
        let Some(users) = shared.get(&rows) else { continue };
        if !done.contains(&rows) {
            let of = wrapped(&format!("Of {}.", quoted(users)));
            let _ = write!(text, "\n### {}\n\n{of}\n\n{rows}", section.0);
            done.push(rows);
        }
    }
    hold(&text);
}

/// Commands without commands of their own.
fn collect<'a>(command: &'a Command, leaves: &mut Vec<&'a Command>) {
    let mut subs = command.get_subcommands().filter(|sub| sub.get_name() != "help").peekable();
    if subs.peek().is_none() {
        leaves.push(command);
    }
    subs.for_each(|sub| collect(sub, leaves));
}

fn name(command: &Command) -> &str {
    command.get_bin_name().unwrap()
}

fn quoted(users: &[&str]) -> String {
    users.iter().map(|user| format!("`{user}`")).collect::<Vec<_>>().join(", ")
}

fn one(text: &mut String, command: &Command, shared: &BTreeMap<String, Vec<&str>>) {
    let about = command.get_long_about().or(command.get_about()).unwrap().to_string();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = write!(
        text,
        "\n## `{}`\n\n{}\n\n```text\n{usage}\n```\n",
        name(command),
        wrapped(&escaped(&about))
    );
    let mut elsewhere = Vec::new();
    for section in sections(command) {
        let rows = table(&section);
        match (shared.contains_key(&rows), section.0) {
            (true, heading) => elsewhere.push(heading),
            (false, "") => text.push_str(&format!("\n{rows}")),
            (false, heading) => text.push_str(&format!("\n**{heading}**\n\n{rows}")),
        }
    }
    if !elsewhere.is_empty() {
        let elsewhere = elsewhere.join("; ");
        let line = format!("Further options, [below](#options-of-several-commands): {elsewhere}.");
        let _ = write!(text, "\n{}\n", wrapped(&line));
    }
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        let _ = write!(text, "\n```text\n{}\n```\n", after.to_string().trim());
    }
}

/// The options of a command by their headings, what is given without a name first.
fn sections(command: &Command) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help";
    let mut args: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    args.sort_by_key(|arg| !arg.is_positional());
    for arg in args {
        let heading = arg.get_help_heading().unwrap_or_default();
        match sections.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, args)) => args.push(arg),
            None => sections.push((heading, vec![arg])),
        }
    }
    sections
}

fn table((_, args): &Section<'_>) -> String {
    let mut rows = "| option | meaning |\n| --- | --- |\n".to_owned();
    for arg in args {
        let values: Vec<String> =
            arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
        let optional = arg.get_action().takes_values()
            && arg.get_num_args().is_some_and(|values| values.min_values() == 0);
        let value = if optional {
            format!("[={}]", values.join("|"))
        } else if arg.get_action().takes_values() {
            format!("<{}>", values.join("> <"))
        } else {
            String::new()
        };
        let spelt = match (arg.get_short(), arg.get_long()) {
            (_, None) => value,
            (Some(short), Some(long)) => format!("-{short}, --{long} {value}"),
            (None, Some(long)) if optional => format!("--{long}{value}"),
            (None, Some(long)) => format!("--{long} {value}"),
        };
        let help =
            arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut notes = String::new();
        let given: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy().into_owned())
            .collect();
        if !given.is_empty() && arg.get_action().takes_values() {
            let _ = write!(notes, " [default: {}]", given.join(" "));
        }
        let choices: Vec<_> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !choices.is_empty() && arg.get_action().takes_values() {
            let _ = write!(notes, " [{}]", choices.join(", "));
        }
        let _ = writeln!(
            rows,
            "| `{}` | {} |",
            spelt.trim().replace('|', "\\|"),
            escaped(&format!("{help}{notes}"))
        );
    }
    rows
}

/// Paragraphs in lines of at most 100 characters; what has lines of its own keeps them.
fn wrapped(text: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 100 {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Words that markdown would take for markup.
fn escaped(words: &str) -> String {
    words.replace('|', "\\|").replace('<', "\\<").replace('*', "\\*")
}

fn hold(expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    if std::env::var_os("LAPWING_WRITE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&file, expected).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found.replace("\r\n", "\n") == expected,
        "docs/commands.md does not say what --help says: LAPWING_WRITE_DOCS=1 cargo test -p lapwing --test suite reference"
    );
}
