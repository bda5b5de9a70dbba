//! What every command takes.

use crate::output::Output;
use anyhow::Context;
use clap::Args;

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Write machine-readable JSON to standard output
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
    /// Number of worker threads [default: all processors]; results do not depend on it
    #[arg(long, value_name = "N", global = true, help_heading = "Common options",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub threads: Option<usize>,
    /// Say more about what is done (on standard error)
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Common options")]
    pub verbose: bool,
    /// Say nothing but results, errors and what is replaced; no progress
    #[arg(short, long, global = true, help_heading = "Common options")]
    pub quiet: bool,
}

impl Options {
    /// Where results and messages go.
    pub fn output(&self) -> Output<'static> {
        Output { json: self.json, verbose: self.verbose, quiet: self.quiet, asked: None }
    }

    /// Runs `work` in a thread pool of the size asked for.
    pub fn in_pool<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        // 0 lets rayon take all processors.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.unwrap_or(0)).build();
        pool.context("cannot start the worker threads; try a smaller --threads")?.install(work)
    }
}
