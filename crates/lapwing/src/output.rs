//! Results on standard output, messages on standard error.

use crate::asked::Asking;
use anyhow::{Context, bail};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

/// Where results and messages go.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// Results as JSON instead of words.
    pub json: bool,
    /// Details too.
    pub verbose: bool,
    /// No messages but warnings.
    pub quiet: bool,
    /// Who asked within this process, and has result and messages in place of a terminal.
    pub asked: Option<&'a dyn Asking>,
}

impl Output<'_> {
    /// The result of a command: `record` as JSON, or `words`.
    pub fn result(&self, record: &impl Serialize, words: impl Display) -> anyhow::Result<()> {
        if let Some(asked) = self.asked {
            let record = serde_json::to_value(record).context("the result cannot be recorded")?;
            asked.result(record);
            return Ok(());
        }
        let text = match self.json {
            true => serde_json::to_string_pretty(record)
                .context("the result cannot be written as JSON")?,
            false => words.to_string(),
        };
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", text.trim_end())
            .and_then(|()| stdout.flush())
            .context("cannot write to standard output")
    }

    /// Something worth knowing.
    pub fn note(&self, message: impl Display) {
        match self.asked {
            Some(asked) => asked.note(message.to_string()),
            None if !self.quiet => say(message),
            None => {}
        }
    }

    /// Something that is said also to those who asked for quiet, such as what is gone.
    pub fn warn(&self, message: impl Display) {
        match self.asked {
            Some(asked) => asked.note(message.to_string()),
            None => say(message),
        }
    }

    /// Says which files, those that were [`there`], have been replaced by now.
    pub fn note_replaced(&self, there: &[String]) {
        if !there.is_empty() {
            let was = if there.len() == 1 { "was" } else { "were" };
            self.warn(format_args!("replaced {}, which {was} there already", there.join(", ")));
        }
    }

    /// Something worth knowing for those who asked for details.
    pub fn detail(&self, message: impl Display) {
        if self.verbose {
            say(message);
        }
    }
}

/// Which of the files that are to be written are there already.
pub fn there<'p>(files: impl IntoIterator<Item = &'p Path>) -> Vec<String> {
    let there = files.into_iter().filter(|file| file.is_file());
    there.map(|file| file.display().to_string()).collect()
}

/// `1 job`, `3 jobs`.
pub fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Refuses to write `output`, which `flag` names, onto an input: a file or a folder.
pub fn other_than_input(output: &Path, flag: &str, input: &Path) -> anyhow::Result<()> {
    let (input, _) = lapwing_files::open::named(input);
    let same = |path: &Path| path.canonicalize().ok();
    if same(output).is_some_and(|output| Some(output) == same(input)) {
        let kind = if input.is_dir() { "folder" } else { "file" };
        bail!("{}: expected another {kind} for {flag}, found the input itself", output.display());
    }
    Ok(())
}

/// One line on standard error; a failure of even that is ignored.
pub fn say(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}
