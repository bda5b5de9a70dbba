//! Slurm, by its own commands: `sbatch`, `squeue`, `scancel`.

use super::order::{BatchSystem, Handed, Order, State, output_of};
use super::script::{StudyStage, quoted};
use super::time::{no_limit, seconds};
use crate::design::Resources;
use crate::design::resources::{in_quotes, value_of};
use crate::{Result, StudyError};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

/// Seconds before the end of a time limit at which a task stores its state.
const WARNING: u32 = 60;

/// The batch system.
pub(super) struct Slurm;

impl BatchSystem for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn files(&self, order: &Order) -> Result<Vec<(String, String)>> {
        // In a line of options words end, and `%` stands for what Slurm puts in.
        let place = order.place();
        let odd = |letter: char| letter.is_whitespace() || "\"'\\%#".contains(letter);
        if place.to_str().is_none_or(|path| path.contains(odd)) {
            return Err(StudyError::Invalid(format!(
                "{}: expected a folder without spaces, quotes, backslashes, % and # in its path, \
                 which Slurm does not take for its logs; choose another with --output",
                place.display()
            )));
        }
        let Resources { time, memory, .. } = &order.resources;
        if let Some(time) = time.as_ref().filter(|time| !is_time(time)) {
            return Err(StudyError::Invalid(format!(
                "--time: expected minutes or a time such as 02:00:00 or 1-12:00:00, found {time:?}"
            )));
        }
        if let Some(memory) = memory.as_ref().filter(|memory| !is_memory(memory)) {
            return Err(StudyError::Invalid(format!(
                "--memory: expected megabytes or a size such as 8G, found {memory:?}"
            )));
        }
        Ok(StudyStage::ALL.map(|step| (step.file(), script(step, order))).into())
    }

    fn submit(&self, order: &Order) -> Result<Vec<Handed>> {
        let mut handed: Vec<Handed> = Vec::new();
        for step in StudyStage::ALL {
            let mut command = Command::new("sbatch");
            command.arg("--parsable");
            if let Some(before) = handed.last() {
                // A report is made of whatever was done; without data nothing can be.
                let when = if step == StudyStage::Report { "afterany" } else { "afterok" };
                command.arg(format!("--dependency={when}:{}", before.id));
                command.arg("--kill-on-invalid-dep=yes");
            }
            command.arg(order.place().join(step.file()));
            match output_of("Slurm", &mut command) {
                Ok(told) => {
                    // `ID`, or `ID;CLUSTER`.
                    let id = told.split(';').next().unwrap_or_default().trim().to_owned();
                    let tasks = if step == StudyStage::Reconstruct { order.tasks } else { 1 };
                    handed.push(Handed { step: step.name().to_owned(), id, tasks });
                }
                Err(refused) => {
                    // Half a study is none: what was submitted would only wait.
                    self.cancel(&handed)?;
                    return Err(refused);
                }
            }
        }
        Ok(handed)
    }

    fn state(&self, job: &Handed) -> Result<State> {
        let mut command = Command::new("squeue");
        command.args([
            "--noheader",
            "--array",
            "--states=all",
            "--format=%T|%r",
            "--jobs",
            &job.id,
        ]);
        // A job that the controller has forgotten is over.
        let told = match output_of("Slurm", &mut command) {
            Ok(told) => told,
            Err(error) if error.to_string().contains("Invalid job id") => String::new(),
            Err(error) => return Err(error),
        };
        Ok(counted(&told))
    }

    fn cancel(&self, jobs: &[Handed]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        // The last first, so that none begins because another one ended.
        let ids = jobs.iter().rev().map(|job| job.id.as_str());
        output_of("Slurm", Command::new("scancel").arg("--quiet").args(ids)).map(drop)
    }
}

/// Whether it is a time limit as `sbatch` reads one.
fn is_time(text: &str) -> bool {
    no_limit(text) || seconds(text).is_some()
}

/// Whether it is a size as `sbatch --mem` reads one: a number with or without a unit.
fn is_memory(text: &str) -> bool {
    let digits = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let units = ["", "k", "m", "g", "t", "kb", "mb", "gb", "tb"];
    digits.len() < text.len() && units.contains(&digits.to_lowercase().as_str())
}

/// An option of `sbatch` as a line of a script: a value that would not be read as it stands in
/// double quotes, in which a backslash precedes what stands for itself. One that is in quotes as a
/// whole, or of an option that is not long, is taken as it is.
fn quoted_value(option: &str) -> String {
    let odd = |letter: char| letter.is_whitespace() || "#\\\"'".contains(letter);
    match value_of(option) {
        Some((named, value)) if value.contains(odd) && !in_quotes(value) => {
            let escaped = value.replace('\\', r"\\").replace('"', r#"\""#);
            format!("{named}\"{escaped}\"")
        }
        _ => option.to_owned(),
    }
}

/// The states of the tasks of a job, each as `STATE|REASON`, in words.
fn counted(told: &str) -> State {
    const LIVE: [&str; 9] = [
        "PENDING",
        "RUNNING",
        "REQUEUED",
        "REQUEUE_HOLD",
        "REQUEUE_FED",
        "SUSPENDED",
        "COMPLETING",
        "CONFIGURING",
        "RESIZING",
    ];
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut over = true;
    for line in told.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (state, reason) = line.split_once('|').unwrap_or((line, "None"));
        over &= !LIVE.contains(&state);
        let reason = if state == "PENDING" && reason != "None" { reason } else { "" };
        let words = match reason {
            "" => state.to_lowercase(),
            reason => format!("{} ({reason})", state.to_lowercase()),
        };
        *states.entry(words).or_default() += 1;
    }
    let words: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let words = if words.is_empty() { "over".to_owned() } else { words.join(", ") };
    State { over, words }
}

/// The script of a step.
///
/// Slurm sends `USR1` to the shell alone before the time runs out (`B:`); the program is then asked
/// to store its state, and the task is put into the queue again. `TERM`, of a cancellation or a
/// preemption, is passed on; whether the task comes again is Slurm's own matter then.
fn script(step: StudyStage, order: &Order) -> String {
    let Resources { partition, account, time, memory, cpus, gpus, sbatch, .. } = &order.resources;
    let is_array = step == StudyStage::Reconstruct;
    let log = if is_array { "%x-%A_%a.log" } else { "%x-%j.log" };
    let mut options = vec![
        format!("--job-name=lapwing-{}", step.name()),
        format!("--output={}/{log}", order.place().display()),
        "--open-mode=append".to_owned(),
        "--requeue".to_owned(),
        format!("--signal=B:USR1@{WARNING}"),
    ];
    if is_array {
        options.push(format!("--array=1-{}", order.tasks));
    }
    let named = [("partition", partition), ("account", account), ("time", time), ("mem", memory)];
    options.extend(
        named
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("--{name}={value}"))),
    );
    options.extend(cpus.map(|cpus| format!("--cpus-per-task={cpus}")));
    options.extend(gpus.map(|gpus| format!("--gres=gpu:{gpus}")));
    options.extend(sbatch.iter().map(|word| quoted_value(word)));
    let mut text = "#!/bin/bash\n".to_owned();
    for option in options {
        // Writing to a string does not fail.
        let _ = writeln!(text, "#SBATCH {option}");
    }
    let command = step.command(order, "${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}");
    let _ = write!(
        text,
        "\ncd {folder} || exit 1\n\
         task=\"$SLURM_JOB_ID\"\n\
         [ -z \"$SLURM_ARRAY_JOB_ID\" ] || task=\"${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID\"\n\
         {command} &\n\
         work=$!\n\
         # The time runs out: the state is stored, and the task goes on from it later.\n\
         trap 'trap \"\" USR1; kill -TERM $work; wait $work; scontrol requeue \"$task\"; exit 1' USR1\n\
         trap 'kill -TERM $work; wait $work; exit 1' TERM\n\
         wait $work\n",
        folder = quoted(&order.folder),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            program: vec!["/opt/lapwing".into()],
            design: "/home/me/my study.toml".into(),
            folder: "/scratch/out".into(),
            tasks: 5,
            resources: Resources {
                time: Some("01:00:00".into()),
                cpus: Some(4),
                sbatch: vec!["--nice".into()],
                ..Resources::default()
            },
        }
    }

    #[test]
    fn what_sbatch_would_refuse_is_refused_before() {
        let refused = |resources: Resources| {
            Slurm.files(&Order { resources, ..order() }).unwrap_err().to_string()
        };
        let time = |text: &str| Resources { time: Some(text.into()), ..Resources::default() };
        for text in ["xyz", "1h", "", "10\n"] {
            assert!(refused(time(text)).starts_with("--time: expected"), "{text}");
        }
        let memory = |text: &str| Resources { memory: Some(text.into()), ..Resources::default() };
        for text in ["much", "8 G", "8G\n--array=1", "", "G"] {
            assert!(refused(memory(text)).starts_with("--memory: expected"), "{text}");
        }
        for text in ["8G", "4000", "512mb"] {
            Slurm.files(&Order { resources: memory(text), ..order() }).unwrap();
        }
        for text in ["UNLIMITED", "90", "1-0"] {
            Slurm.files(&Order { resources: time(text), ..order() }).unwrap();
        }
    }

    #[test]
    fn scripts_ask_for_what_was_said_and_nothing_else() {
        let text = script(StudyStage::Reconstruct, &order());
        for line in [
            "#SBATCH --array=1-5",
            "#SBATCH --time=01:00:00",
            "#SBATCH --cpus-per-task=4",
            "#SBATCH --nice",
            "#SBATCH --signal=B:USR1@60",
            "#SBATCH --output=/scratch/out/cluster/%x-%A_%a.log",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(!text.contains("--mem") && !text.contains("gres"), "{text}");
        assert!(text.contains("'/opt/lapwing' jobs --study '/scratch/out' --threads"), "{text}");
        let text = script(StudyStage::Report, &order());
        assert!(text.contains("study run '/home/me/my study.toml' --output"), "{text}");
        assert!(!text.contains("--array"), "{text}");
    }

    /// Read as `sbatch` reads the lines of a script: quotes group, a backslash takes what follows
    /// as it is, `#` begins a comment.
    #[test]
    fn values_with_spaces_stay_one_word() {
        for (option, line) in [
            ("--comment=a b", "--comment=\"a b\""),
            ("--comment=run #3", "--comment=\"run #3\""),
            (r"--comment=a\b", r#"--comment="a\\b""#),
            ("--qos=long", "--qos=long"),
            ("--qos long", "--qos long"),
            ("--comment a b", "--comment \"a b\""),
            ("--comment='a b'", "--comment='a b'"),
            (r#"--comment="it's \"a\"""#, r#"--comment="it's \"a\"""#),
            ("--comment=it's", r#"--comment="it's""#),
            (r#"--comment=a "b" c"#, r#"--comment="a \"b\" c""#),
            (r#"--comment="a" b "c""#, r#"--comment="\"a\" b \"c\"""#),
            ("--comment='", "--comment=\"'\""),
            (r#"--comment="a\""#, r#"--comment="\"a\\\"""#),
            ("-J it", "-J it"),
            ("-N 2 -n 4", "-N 2 -n 4"),
            ("--nice -n 4", "--nice -n 4"),
        ] {
            assert_eq!(quoted_value(option), line);
        }
    }

    #[test]
    fn folders_that_slurm_cannot_log_to_are_refused() {
        assert!(Slurm.files(&order()).is_ok());
        for folder in ["/a b", "/it's", "/p%j", "/a\\b", "/a#b"] {
            let refused = Slurm.files(&Order { folder: folder.into(), ..order() }).unwrap_err();
            let told = refused.to_string();
            assert!(told.starts_with(folder) && told.contains("--output"), "{told}");
        }
    }

    #[test]
    fn states_are_counted() {
        let state = counted("RUNNING|None\nPENDING|Resources\nPENDING|Resources\nCOMPLETED|None\n");
        assert_eq!(state.words, "1 completed, 2 pending (Resources), 1 running");
        assert!(!state.over && counted("FAILED|NonZeroExitCode").over);
        assert_eq!(counted(""), State { over: true, words: "over".into() });
    }
}
