//! `lapwing man`: manual pages.

use crate::output::{Output, counted, there};
use anyhow::Context;
use clap::Args;
use clap_mangen::Man as Page;
use serde_json::json;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write the manual pages, one for each command
///
/// `man -l DIR/lapwing-reconstruct.1` reads one where it lies; in `share/man/man1` of a prefix on
/// the path `man lapwing-reconstruct` finds it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lapwing man --output ~/.local/share/man/man1")]
pub struct Man {
    /// Folder for the pages; it is made, and pages in it are replaced
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

impl Man {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let folder = self.output.display();
        lapwing_study::make_folder(&self.output)?;
        let mut pages = Vec::new();
        let mut program = crate::command();
        program.build();
        add(&mut pages, &program).context("a page cannot be made")?;
        let paths: Vec<PathBuf> = pages.iter().map(|(name, _)| self.output.join(name)).collect();
        let replaced = there(paths.iter().map(PathBuf::as_path));
        let mut names = Vec::new();
        for ((name, text), path) in pages.into_iter().zip(&paths) {
            lapwing_files::atomic::write_bytes(path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            names.push(name);
        }
        output.note_replaced(&replaced);
        let words = format!("{} in {folder}", counted(names.len(), "page"));
        output.result(&json!({ "folder": self.output, "pages": names }), words)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The page of `command` and those of its own commands. Being built, each knows what is typed
/// (`lapwing study run`) and what its page is called (`lapwing-study-run`).
fn add(pages: &mut Vec<(String, Vec<u8>)>, command: &clap::Command) -> io::Result<()> {
    pages.push(page(command)?);
    let subs = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    subs.into_iter().try_for_each(|sub| add(pages, sub))
}

/// The name of a command's page, and its text.
fn page(command: &clap::Command) -> io::Result<(String, Vec<u8>)> {
    // What is typed stands in the synopsis as `--help` has it, not every option once more; the
    // description does not repeat the name's line; examples keep their lines.
    let usage = command.clone().render_usage().to_string();
    let mut shown = command.clone().override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    if let Some((_, rest)) = long.split_once("\n\n") {
        shown = shown.long_about(rest.to_owned());
    }
    let after = command.get_after_long_help().or(command.get_after_help());
    let after = after.map(ToString::to_string).unwrap_or_default();
    // The version stands at the foot, and `help` has no page.
    shown = shown.after_help(None::<&str>).after_long_help(None::<&str>).version(None::<&str>);
    if shown.find_subcommand("help").is_some() {
        shown = shown.mut_subcommand("help", |help| help.hide(true));
    }
    let page = Page::new(shown);
    let name = page.get_filename();
    let mut text = Vec::new();
    page.render(&mut text)?;
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    // The title needs its empty date; without, what follows takes its place.
    let titled = text.lines().map(|line| match line.starts_with(".TH ") {
        true => format!(
            ".TH {} 1 \"\" \"lapwing {}\" Lapwing\n",
            name.trim_end_matches(".1"),
            env!("CARGO_PKG_VERSION")
        ),
        false => format!("{line}\n"),
    });
    let text = titled.collect::<String>() + &examples(&after);
    Ok((name, text.into_bytes()))
}

/// The words after a command's options: indented lines are typed, others say what they do.
fn examples(after: &str) -> String {
    if after.is_empty() {
        return String::new();
    }
    let mut text = ".SH EXAMPLES\n".to_owned();
    let mut typed = false;
    for line in after.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with("  ") != typed {
            typed = !typed;
            text.push_str(if typed { ".RS 4\n.nf\n" } else { ".fi\n.RE\n.PP\n" });
        }
        // The section's own title says that it is an example, unless the line says of what.
        let said = line.strip_prefix("Examples:").or_else(|| line.strip_prefix("Example:"));
        let words = match said.map(str::trim) {
            None => line.strip_prefix("  ").unwrap_or(line).to_owned(),
            Some("") => continue,
            Some(said) => capital(said) + ":",
        };
        // A control character that begins a line is none.
        let _ = writeln!(text, "\\&{}", escaped(&words));
    }
    text.push_str(if typed { ".fi\n.RE\n" } else { "" });
    text
}

/// The same words, as a sentence begins.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
}

/// What roff takes for words of its own: backslashes, hyphens, which it would turn into dashes, and
/// apostrophes, into quotation marks.
fn escaped(words: &str) -> String {
    words.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\*(Aq")
}
