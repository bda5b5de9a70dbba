//! HyperQueue (`hq`), for people without rights on a batch system: one job whose tasks wait for
//! each other, described by a file (*Job Definition File* of its documentation).

use super::order::{BatchSystem, Handed, Order, State, output_of};
use super::script::{StudyStage, quoted};
use crate::design::Resources;
use crate::{Result, StudyError};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Name of the file that describes the job.
const FILE: &str = "job.toml";

/// The batch system.
pub(super) struct HyperQueue;

/// A job, as `hq job submit-file` reads it.
#[derive(Serialize)]
struct Job<'a> {
    name: &'a str,
    task: Vec<Task>,
}

#[derive(Serialize)]
struct Task {
    id: usize,
    command: Vec<String>,
    deps: Vec<usize>,
    stdout: String,
    stderr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_limit: Option<String>,
    request: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    resources: BTreeMap<&'static str, usize>,
}

impl BatchSystem for HyperQueue {
    fn name(&self) -> &'static str {
        "hq"
    }

    fn files(&self, order: &Order) -> Result<Vec<(String, String)>> {
        let Resources { partition, account, memory, sbatch, .. } = &order.resources;
        let unknown = [("partition", partition), ("account", account), ("memory", memory)];
        let unknown = unknown.iter().find(|(_, value)| value.is_some()).map(|(name, _)| *name);
        if let Some(name) = unknown.or(sbatch.first().map(|_| "sbatch")) {
            return Err(StudyError::Invalid(format!(
                "--{name}: hq has no such request for a task; its workers are given these (`hq worker start`, `hq \
                 alloc add`)"
            )));
        }
        let text = toml::to_string(&job(order))
            .map_err(|error| StudyError::Invalid(format!("cannot write {FILE}: {error}")))?;
        Ok(vec![(FILE.to_owned(), text)])
    }

    fn submit(&self, order: &Order) -> Result<Vec<Handed>> {
        let mut command = Command::new("hq");
        command.args(["--output-mode=json", "job", "submit-file"]).arg(order.place().join(FILE));
        let told = output_of("HyperQueue", &mut command)?;
        let id = serde_json::from_str::<Value>(&told).ok().and_then(|told| told["id"].as_u64());
        let id = id.ok_or_else(|| {
            StudyError::Invalid(format!("hq: expected the number of the job as JSON, found {told}"))
        })?;
        let step = StudyStage::ALL.map(StudyStage::name).join(", ");
        Ok(vec![Handed { step, id: id.to_string(), tasks: order.tasks + 2 }])
    }

    fn state(&self, job: &Handed) -> Result<State> {
        let mut command = Command::new("hq");
        command.args(["--output-mode=json", "job", "info", &job.id]);
        Ok(state(&output_of("HyperQueue", &mut command)?))
    }

    fn cancel(&self, jobs: &[Handed]) -> Result<()> {
        for job in jobs {
            output_of("HyperQueue", Command::new("hq").args(["job", "cancel", &job.id]))?;
        }
        Ok(())
    }
}

/// Task 0 prepares, the last one reports.
fn job(order: &Order) -> Job<'static> {
    let last = order.tasks + 1;
    let task = |id: usize| {
        let (step, deps) = match id {
            0 => (StudyStage::Prepare, Vec::new()),
            _ if id == last => (StudyStage::Report, (1..last).collect()),
            _ => (StudyStage::Reconstruct, vec![0]),
        };
        let Resources { cpus, gpus, time, .. } = &order.resources;
        let cpus = cpus.unwrap_or(1);
        // A task that fails would end those that wait for it, and the report is made of what there
        // is.
        let fails = if step == StudyStage::Reconstruct { " || true" } else { "" };
        let folder = quoted(&order.folder);
        let line = format!("cd {folder} && {}{fails}", step.command(order, &cpus.to_string()));
        let place = order.place();
        let log = |end: &str| {
            Path::display(&place.join(format!("{}-{id}.{end}", step.name()))).to_string()
        };
        let mut resources = BTreeMap::from([("cpus", cpus)]);
        resources.extend(gpus.map(|gpus| ("gpus", gpus)));
        Task {
            id,
            command: ["bash", "-c"].map(str::to_owned).into_iter().chain([line]).collect(),
            deps,
            stdout: log("out"),
            stderr: log("log"),
            time_limit: time.clone(),
            request: vec![Request { resources }],
        }
    };
    Job { name: "lapwing", task: (0..=last).map(task).collect() }
}

/// What `hq job info` says as JSON, of one job or a list of one.
fn state(told: &str) -> State {
    let told: Value = serde_json::from_str(told).unwrap_or_default();
    let job = told.get(0).unwrap_or(&told);
    let stats = job["info"]["task_stats"].as_object().cloned().unwrap_or_default();
    let count = |name: &str| stats.get(name).and_then(Value::as_u64).unwrap_or(0);
    let names = ["finished", "failed", "canceled", "running", "waiting"];
    let words: Vec<String> = (names.iter().filter(|name| count(name) > 0))
        .map(|name| format!("{} {name}", count(name)))
        .collect();
    let over = count("running") + count("waiting") == 0;
    State { over, words: if words.is_empty() { "over".to_owned() } else { words.join(", ") } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(resources: Resources) -> Order {
        Order {
            program: vec!["/opt/lapwing".into()],
            design: "/home/me/study.toml".into(),
            folder: "/scratch/out".into(),
            tasks: 2,
            resources,
        }
    }

    #[test]
    fn the_report_waits_for_the_tasks_and_they_for_the_data() {
        let files = HyperQueue
            .files(&order(Resources { cpus: Some(4), gpus: Some(1), ..Resources::default() }))
            .unwrap();
        let job: toml::Value = toml::from_str(&files[0].1).unwrap();
        let tasks = job["task"].as_array().unwrap();
        let deps = |task: usize| tasks[task]["deps"].as_array().unwrap().len();
        assert_eq!([0, 1, 2, 3].map(deps), [0, 1, 1, 2]);
        assert_eq!(tasks[1]["request"][0]["resources"]["gpus"].as_integer(), Some(1));
        let line = tasks[1]["command"][2].as_str().unwrap();
        assert!(line.contains("jobs --study '/scratch/out' --threads \"4\""), "{line}");
    }

    #[test]
    fn what_it_cannot_ask_for_is_refused() {
        let asked = Resources { account: Some("x".into()), ..Resources::default() };
        assert!(HyperQueue.files(&order(asked)).unwrap_err().to_string().contains("--account"));
    }

    #[test]
    fn its_account_of_tasks_is_understood() {
        let told = r#"[{"info":{"id":1,"task_stats":
            {"canceled":0,"failed":1,"finished":2,"running":0,"waiting":3}}}]"#;
        let found = state(told);
        assert_eq!((found.over, found.words.as_str()), (false, "2 finished, 1 failed, 3 waiting"));
        assert!(state(&told.replace("\"waiting\":3", "\"waiting\":0")).over);
    }
}
