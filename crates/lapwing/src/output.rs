//! Results on standard output, messages on standard error.

use crate::asked::Asking;
use anyhow::{Context, bail};
use lapwing_draw::is_drawn_here;
use lapwing_files::atomic;
use lapwing_files::dialect::Product;
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
        if let [first, others @ ..] = there {
            let was = if others.is_empty() { "was" } else { "were" };
            let all = match others.len() {
                0..=MOST => there.join(", "),
                more => format!("{first} and {more} others"),
            };
            self.warn(format_args!("replaced {all}, which {was} there already"));
        }
    }

    /// Writes the file that a flag names, and says so.
    pub fn write(&self, path: &Path, contents: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let replaced = there([path]);
        atomic::write_bytes(path, contents)
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.note_replaced(&replaced);
        self.note(format_args!("wrote {}", path.display()));
        Ok(())
    }

    /// Something worth knowing for those who asked for details.
    pub fn detail(&self, message: impl Display) {
        if self.verbose {
            say(message);
        }
    }
}

/// The most files beside the first that are named one by one.
const MOST: usize = 5;

/// A kind of file beside a command's result that a flag names.
#[derive(Debug, Clone, Copy)]
pub enum Beside {
    /// A picture, PNG.
    Picture,
    /// The table of a comparison, CSV.
    Table,
    /// A product of ptychodus, HDF5.
    Product,
}

impl Beside {
    /// What the table of a comparison begins with.
    pub const TABLE: &'static str = "reconstruction,array,";

    /// Refuses a file that `flag` names and that somebody else made: one of this program's is
    /// replaced. To be asked before the work.
    pub fn refuse_others(self, path: &Path, flag: &str) -> anyhow::Result<()> {
        if path.is_file() && !self.is_own(path) {
            bail!(
                "{}: expected a new name for {flag}, or {} that Lapwing wrote, found another file: \
                 choose another name, or move it away",
                path.display(),
                match self {
                    Self::Picture => "a picture",
                    Self::Table => "a table",
                    Self::Product => "a product",
                }
            );
        }
        Ok(())
    }

    fn is_own(self, path: &Path) -> bool {
        match self {
            Self::Picture => std::fs::read(path).is_ok_and(|bytes| is_drawn_here(&bytes)),
            Self::Table => {
                std::fs::read(path).is_ok_and(|text| text.starts_with(Self::TABLE.as_bytes()))
            }
            Self::Product => {
                Product::read(path).is_ok_and(|made| made.comments.starts_with("lapwing"))
            }
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
