//! `lapwing study submit` and `cancel`: a study on a cluster.

use crate::output::{Output, counted};
use anyhow::{Context, bail};
use clap::Args;
use lapwing_study::cluster::{self, BatchSystem, FOLDER, Order, Submission, TASKS};
use lapwing_study::design::Resources;
use lapwing_study::run;
use lapwing_study::{Design, StudyError};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

/// What is handed over, and what each job and task asks for; the rest is as the design's section
/// `[slurm]` says it.
#[derive(Debug, Args)]
pub struct Submit {
    /// The design
    #[arg(value_name = "STUDY.toml")]
    design: PathBuf,
    /// The study's folder, which all machines see
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// The batch system: slurm, or hq (HyperQueue)
    #[arg(long, value_name = "NAME", default_value = "slurm", value_parser = system)]
    engine: Named,
    /// Tasks that reconstruct side by side, at most one for each reconstruction [default: 16]
    #[arg(long, value_name = "N")]
    tasks: Option<usize>,
    /// Partition of the cluster
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Account that is charged
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Time limit of each job and task, as the batch system writes it (01:30:00)
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Memory of each, as the batch system writes it (8G)
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Processors of each
    #[arg(long, value_name = "N")]
    cpus: Option<usize>,
    /// Graphics cards of each
    #[arg(long, value_name = "N")]
    gpus: Option<usize>,
    /// A further option of sbatch, such as --sbatch=--qos=long; may be repeated
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    sbatch: Vec<String>,
    /// Print the scripts and submit nothing
    #[arg(long)]
    dry_run: bool,
}

/// A batch system of the table.
#[derive(Clone, Copy)]
struct Named(&'static dyn BatchSystem);

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

fn system(name: &str) -> Result<Named, String> {
    cluster::system(name).map(Named)
}

impl Submit {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let design =
            Design::load(&self.design).with_context(|| self.design.display().to_string())?;
        let jobs = design.cases().len();
        let said = Resources {
            tasks: self.tasks,
            partition: self.partition.clone(),
            account: self.account.clone(),
            time: self.time.clone(),
            memory: self.memory.clone(),
            cpus: self.cpus,
            gpus: self.gpus,
            sbatch: self.sbatch.clone(),
        };
        let resources = said.or(&design.slurm);
        let tasks = resources.tasks.unwrap_or(TASKS).min(jobs);
        if tasks == 0 {
            bail!("--tasks: expected 1 or more of the {jobs} reconstructions, found 0");
        }
        let full = |path: &Path| absolute(path).with_context(|| path.display().to_string());
        // What the first job would refuse after it has waited in a queue.
        run::check_design(&design, &self.output, false).map_err(|error| {
            let replaced =
                matches!(error, StudyError::OtherDesign { .. } | StudyError::Foreign { .. });
            anyhow::Error::from(error).context(match replaced {
                true => "nothing was submitted (`lapwing study prepare` takes --replace)",
                false => "nothing was submitted",
            })
        })?;
        let order = Order {
            program: crate::started_by().context("where this program is")?,
            design: full(&self.design)?,
            folder: full(&self.output)?,
            tasks,
            resources,
        };
        if self.dry_run {
            let files = cluster::files(self.engine.0, &order)?;
            let place = order.place();
            let mut words = String::new();
            for (name, text) in &files {
                // Writing to a string does not fail.
                let _ = writeln!(words, "# {}\n{text}", place.join(name).display());
            }
            let of =
                |(name, text): &(String, String)| json!({ "file": place.join(name), "text": text });
            let scripts: Vec<Value> = files.iter().map(of).collect();
            let record = json!({ "folder": order.folder, "dry_run": true, "scripts": scripts });
            output.result(&record, words.trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        let submitted = cluster::submit(self.engine.0, &order)?;
        let ids: Vec<String> =
            submitted.jobs.iter().map(|job| format!("{} {}", job.step, job.id)).collect();
        let words = format!(
            "{} by {} of {}: {}\nscripts and logs: {}\nsee how it goes: lapwing study status {}",
            counted(jobs, "reconstruction"),
            counted(tasks, "task"),
            submitted.engine,
            ids.join(", "),
            order.place().display(),
            self.output.display()
        );
        let record = json!({
            "folder": order.folder, "reconstructions": jobs, "tasks": tasks,
            "cluster": submitted,
        });
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Ends what a batch system has in hand.
pub fn cancel(folder: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let Some(submitted) = Submission::of(folder)? else {
        bail!(
            "{} was handed to no batch system: expected {FOLDER}/submission.json there, as `lapwing study submit` \
             writes it",
            folder.display()
        );
    };
    submitted.cancel()?;
    let ids: Vec<&str> = submitted.jobs.iter().map(|job| job.id.as_str()).collect();
    let words = format!("{}: {} cancelled", submitted.engine, ids.join(", "));
    output.result(&json!({ "folder": folder, "cancelled": submitted.jobs }), words)?;
    Ok(ExitCode::SUCCESS)
}

/// What a batch system says of a study, in words and as JSON; `None` where it has nothing in hand.
pub fn told(folder: &Path) -> Option<(String, Value)> {
    let submitted = Submission::of(folder).ok()??;
    let mut record = json!(submitted);
    let words = match submitted.states() {
        Ok(states) => {
            let each: Vec<String> = states
                .iter()
                .map(|(job, state)| format!("{} {}: {}", job.step, job.id, state.words))
                .collect();
            for ((_, state), job) in states.iter().zip(record["jobs"].as_array_mut()?) {
                job["state"] = json!(state);
            }
            each.join("; ")
        }
        Err(error) => error.to_string(),
    };
    Some((format!("{}: {words}", submitted.engine), record))
}
