//! `lapwing completions`: the script by which a shell completes commands and options.

use crate::output::Output;
use anyhow::Context;
use clap::Args;
use clap_complete::Shell;
use serde_json::json;
use std::io::{self, Write};
use std::process::ExitCode;

/// Write the script by which a shell completes commands and options
///
/// It goes to standard output; where a shell looks for it stands in the examples.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lapwing completions bash > ~/.local/share/bash-completion/completions/lapwing\n  \
    lapwing completions zsh > ~/.zfunc/_lapwing    (with `fpath+=~/.zfunc` in .zshrc)\n  \
    lapwing completions fish > ~/.config/fish/completions/lapwing.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub fn run(&self, output: Output<'_>) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "lapwing", &mut script);
        if output.json {
            let script = String::from_utf8_lossy(&script);
            output.result(&json!({ "shell": self.shell.to_string(), "script": script }), "")?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(&script)
            .and_then(|()| stdout.flush())
            .context("cannot write to standard output")?;
        Ok(ExitCode::SUCCESS)
    }
}
