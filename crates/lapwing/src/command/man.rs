//! `lapwing man`: manual pages.

use crate::output::{Output, counted};
use anyhow::Context;
use clap::Args;
use clap_mangen::Man as Page;
use serde_json::json;
use std::fs;
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
        fs::create_dir_all(&self.output)
            .with_context(|| format!("{folder}: expected a folder for --output"))?;
        let mut pages = Vec::new();
        let mut program = crate::command();
        program.build();
        add(&mut pages, &program);
        let mut names = Vec::new();
        for page in pages {
            let name = page.get_filename();
            let path = self.output.join(&name);
            let mut text = Vec::new();
            page.render(&mut text).context("the page cannot be made")?;
            lapwing_files::atomic::write_bytes(&path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            names.push(name);
        }
        let words = format!("{} in {folder}", counted(names.len(), "page"));
        output.result(&json!({ "folder": self.output, "pages": names }), words)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The page of `command` and those of its own commands. Being built, each knows what is typed
/// (`lapwing study run`) and what its page is called (`lapwing-study-run`).
fn add(pages: &mut Vec<Page>, command: &clap::Command) {
    pages.push(Page::new(command.clone()));
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        add(pages, sub);
    }
}
