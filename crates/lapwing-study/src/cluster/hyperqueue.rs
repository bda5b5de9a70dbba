//! HyperQueue (`hq`), for people without rights on a batch system: one job whose tasks wait for
//! each other, described by a file (*Job Definition File* of its documentation).

use super::order::{BatchSystem, Handed, Order, State, output_of};
use super::script::{StudyStage, quoted};
use super::time::{no_limit, seconds, with_units};
use crate::design::Resources;
use crate::{Result, StudyError};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Name of the file that describes the job.
const FILE: &str = "job.toml";

/// Name of the job.
const NAME: &str = "lapwing";

/// The names under which its workers find graphics cards.
const CARDS: [&str; 2] = ["gpus/nvidia", "gpus/amd"];

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

#[derive(Clone, Serialize)]
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
        let text = toml::to_string(&job(order)?)
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
        Ok(state(&output_of("HyperQueue", &mut command)?, job.tasks))
    }

    fn cancel(&self, jobs: &[Handed]) -> Result<()> {
        for job in jobs {
            // Nor somebody else's of that number.
            if self.state(job)?.over {
                continue;
            }
            output_of("HyperQueue", Command::new("hq").args(["job", "cancel", &job.id]))?;
        }
        Ok(())
    }
}

/// Task 0 prepares, the last one reports.
fn job(order: &Order) -> Result<Job<'static>> {
    let last = order.tasks + 1;
    let Resources { cpus, gpus, time, .. } = &order.resources;
    let cpus = cpus.unwrap_or(1);
    let limit = time.as_deref().map(duration).transpose()?.flatten();
    let with = |cards: Option<(&'static str, usize)>| Request {
        resources: [("cpus", cpus)].into_iter().chain(cards).collect(),
    };
    let requests = match gpus.filter(|&gpus| gpus > 0) {
        None => vec![with(None)],
        // Workers name their cards by the maker, and a task runs where one of its requests is met.
        Some(gpus) => CARDS.map(|name| with(Some((name, gpus)))).to_vec(),
    };
    let task = |id: usize| {
        let (step, deps) = match id {
            0 => (StudyStage::Prepare, Vec::new()),
            _ if id == last => (StudyStage::Report, (1..last).collect()),
            _ => (StudyStage::Reconstruct, vec![0]),
        };
        // A task that fails would end those that wait for it, and the report is made of what there
        // is.
        let fails = if step == StudyStage::Reconstruct { " || true" } else { "" };
        let folder = quoted(&order.folder);
        let line = format!("cd {folder} && {}{fails}", step.command(order, &cpus.to_string()));
        let place = order.place();
        let log = |end: &str| {
            Path::display(&place.join(format!("{}-{id}.{end}", step.name()))).to_string()
        };
        Task {
            id,
            command: ["bash", "-c"].map(str::to_owned).into_iter().chain([line]).collect(),
            deps,
            stdout: log("out"),
            stderr: log("log"),
            time_limit: limit.clone(),
            request: requests.clone(),
        }
    };
    Ok(Job { name: NAME, task: (0..=last).map(task).collect() })
}

/// A time limit as it reads one, of which Slurm's forms are none; `None` for no limit.
fn duration(time: &str) -> Result<Option<String>> {
    if no_limit(time) {
        return Ok(None);
    }
    match seconds(time).or_else(|| with_units(time)) {
        None | Some(0) => Err(StudyError::Invalid(format!(
            "--time {time}: expected a time such as 02:00:00, 1-12:00:00, 90 (minutes), \
             \"1h 30m\" or unlimited"
        ))),
        Some(seconds) => Ok(Some(format!("{seconds}s"))),
    }
}

/// What `hq job info` says as JSON, of one job or a list of one. Its numbers begin anew with its
/// server, so a job of another name, or of other than so many tasks, is not the one asked for.
fn state(told: &str, tasks: usize) -> State {
    let told: Value = serde_json::from_str(told).unwrap_or_default();
    let job = told.get(0).unwrap_or(&told);
    let info = &job["info"];
    if info["name"] != NAME || info["task_count"] != tasks {
        return State { over: true, words: "not known any more".to_owned() };
    }
    let stats = info["task_stats"].as_object().cloned().unwrap_or_default();
    let count = |name: &str| stats.get(name).and_then(Value::as_u64).unwrap_or(0);
    // Versions have states of their own, such as `aborted`, and all are told.
    let known = ["finished", "failed", "canceled", "running", "waiting"];
    let others = stats.keys().map(String::as_str).filter(|name| !known.contains(name));
    let words: Vec<String> = known
        .into_iter()
        .chain(others)
        .filter(|name| count(name) > 0)
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
        // Either maker's card will do.
        let asked = tasks[1]["request"].as_array().unwrap();
        for (request, name) in asked.iter().zip(["gpus/nvidia", "gpus/amd"]) {
            assert_eq!(request["resources"][name].as_integer(), Some(1));
            assert_eq!(request["resources"]["cpus"].as_integer(), Some(4));
        }
        assert_eq!(asked.len(), 2);
        let line = tasks[1]["command"][2].as_str().unwrap();
        assert!(line.contains("jobs --study '/scratch/out' --threads \"4\""), "{line}");
    }

    #[test]
    fn what_it_cannot_ask_for_is_refused() {
        let asked = Resources { account: Some("x".into()), ..Resources::default() };
        assert!(HyperQueue.files(&order(asked)).unwrap_err().to_string().contains("--account"));
    }

    /// The keys of the job definition file of HyperQueue 0.24: it refuses any other.
    #[test]
    fn the_file_has_no_key_that_it_does_not_know() {
        let all = Resources {
            cpus: Some(2),
            gpus: Some(1),
            time: Some("02:00:00".into()),
            ..Resources::default()
        };
        let files = HyperQueue.files(&order(all)).unwrap();
        let known = |table: &toml::Value, keys: &[&str]| {
            let table = table.as_table().unwrap();
            table.keys().for_each(|key| assert!(keys.contains(&key.as_str()), "{key}"));
        };
        let job: toml::Value = toml::from_str(&files[0].1).unwrap();
        known(&job, &["name", "max_fails", "task", "array", "stream"]);
        for task in job["task"].as_array().unwrap() {
            known(
                task,
                &[
                    "id",
                    "deps",
                    "command",
                    "env",
                    "request",
                    "stdout",
                    "stderr",
                    "cwd",
                    "pin",
                    "task_dir",
                    "time_limit",
                    "priority",
                    "crash_limit",
                    "stdin",
                ],
            );
            assert_eq!(task["time_limit"].as_str(), Some("7200s"));
            for request in task["request"].as_array().unwrap() {
                known(request, &["n_nodes", "time_request", "resources"]);
            }
        }
    }

    #[test]
    fn times_in_the_forms_of_slurm_become_its_own() {
        for (time, seconds) in [
            ("90", "5400s"),
            ("30:15", "1815s"),
            ("02:00:00", "7200s"),
            ("1-12", "129600s"),
            ("1-12:30", "131400s"),
            ("2-00:00:01", "172801s"),
            ("1h 30m", "5400s"),
            ("2 days", "172800s"),
        ] {
            assert_eq!(duration(time).unwrap().as_deref(), Some(seconds), "{time}");
        }
        for none in ["unlimited", "INFINITE"] {
            assert_eq!(duration(none).unwrap(), None, "{none}");
        }
        for wrong in ["", "0", "0s", "1:2:3:4", "1-", "-2", "2:", "1.5", "xyz", "12x", "1h 30"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        let asked = Resources { time: Some("1:2:3:4".into()), ..Resources::default() };
        let told = HyperQueue.files(&order(asked)).unwrap_err().to_string();
        assert!(told.contains("--time 1:2:3:4: expected"), "{told}");
    }

    /// Fields as HyperQueue 0.24 prints them for `hq job info --output-mode json`.
    #[test]
    fn its_account_of_tasks_is_understood() {
        let told = r#"[{
            "finished_at": null,
            "info": {
                "id": 1, "is_open": false, "name": "lapwing", "task_count": 6,
                "task_stats":
                    {"canceled": 0, "failed": 1, "finished": 2, "running": 0, "waiting": 3}
            },
            "max_fails": null,
            "started_at": "2026-01-01T08:00:00.000000Z",
            "submits": [{"graph": []}],
            "tasks": [{"id": 0, "state": "finished", "stderr": null, "stdout": "<pipe>"}]
        }]"#;
        let found = state(told, 6);
        assert_eq!((found.over, found.words.as_str()), (false, "2 finished, 1 failed, 3 waiting"));
        assert!(state(&told.replace("\"waiting\": 3", "\"waiting\": 0"), 6).over);
        let aborted = told.replace("\"waiting\": 3", "\"waiting\": 0, \"aborted\": 3");
        let found = state(&aborted, 6);
        assert_eq!((found.over, found.words.as_str()), (true, "2 finished, 1 failed, 3 aborted"));
        // A job that it does not know any more.
        assert_eq!(state("[]", 6).words, "not known any more");
        // Another one that has its number since.
        for other in [told.replace("lapwing", "sleep"), told.replace(": 6", ": 7")] {
            assert!(state(&other, 6).over);
        }
    }
}
