//! Several processes in one study folder, requests to end, and commands of other programs that must
//! not outlive a study.

use crate::common::{Bench, PROGRAM, objects, stderr, wait_until};
use lapwing_files::Archive;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DESIGN: &str = r#"
[study]
name = "beside"
doses = [1e3, 1e4]
views = ["baseline", "dense"]
pattern_size = 16
[probe]
diameter = 9
[scan]
step = 4
field = [40, 24]
[[solver]]
epochs = 3
[[solver]]
algorithm = "ML"
epochs = 2
start_epochs = 1
"#;

fn start(bench: &Bench, arguments: &str) -> Child {
    Command::new(PROGRAM)
        .args(arguments.split_whitespace())
        .args(["--quiet", "--threads", "1"])
        .current_dir(bench.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent =
        Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every run's own results that were no repetition.
fn executed(root: &Path) -> Vec<Value> {
    let runs = std::fs::read_dir(root.join("reconstructions/runs")).unwrap();
    let manifests = runs.map(|run| read(&run.unwrap().path().join("reconstruction_manifest.json")));
    manifests
        .flat_map(|manifest| manifest["execution_results"].as_array().unwrap().clone())
        .filter(|result| result["resumed"] == false)
        .collect()
}

#[test]
fn processes_side_by_side_do_every_job_once_with_the_same_bits() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    std::fs::write(bench.path("design.toml"), DESIGN).unwrap();
    bench.ok("study run design.toml --output whole --jobs 1");
    let expected = objects(&bench.path("whole"));
    assert_eq!(expected.len(), 16);
    // A study has its own solvers and folders; how often their state is stored is nobody's but the
    // user's.
    bench.ok("jobs --study whole --dry-run --checkpoint-every 1");
    for (wrong, told) in [
        ("--num-epochs 3", "--num-epochs"),
        ("--algorithm ML", "--algorithm"),
        ("--artifact-root out", "--output"),
        ("--shard 4/3", "--shard"),
    ] {
        let output = bench.run(&format!("jobs --study whole {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        // Of all flags only the one that was typed.
        let words = stderr(&output);
        assert!(words.contains(told) && words.matches("--").count() < 8, "{wrong}: {words}");
    }
    // Tasks that know their share of the jobs, and tasks that take what is left.
    let ways = [
        ("any", [""; 3]),
        ("shares", ["--shard 1/3", "--shard 2/3", "--shard 3/3"]),
        ("solvers", ["--solver LSQML", "--solver ML --dose 1000", "--solver ML --dose 10000"]),
    ];
    for (name, tasks) in ways.into_iter().take(if lapwing_testing::long_tests() { 3 } else { 1 }) {
        let prepared = bench.json(&format!("study prepare design.toml --output {name}"));
        assert_eq!(prepared["jobs"].as_array().unwrap().len(), 16);
        let children = tasks.map(|task| start(&bench, &format!("jobs --study {name} {task}")));
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let root = bench.path(name);
        assert!(objects(&root) == expected, "{name}");
        assert_eq!(executed(&root).len(), 16, "{name}");
        let merged = read(&root.join("reconstructions/reconstruction_manifest.json"));
        assert_eq!(merged["execution_results"].as_array().unwrap().len(), 16);
        assert_eq!(merged["run_ids"].as_array().unwrap().len(), 4);
        assert_eq!(bench.json(&format!("study status {name}"))["done"], 16);
        // The study itself finds everything done and makes the report.
        assert_eq!(bench.json(&format!("study run design.toml --output {name}"))["resumed"], 16);
    }
}

#[test]
fn a_task_that_is_killed_leaves_its_jobs_to_the_others() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    std::fs::write(bench.path("design.toml"), DESIGN).unwrap();
    bench.ok("study run design.toml --output whole --jobs 1");
    bench.ok("study prepare design.toml --output study");
    let root = bench.path("study");
    for _ in 0..if lapwing_testing::long_tests() { 3 } else { 1 } {
        let mut killed = start(&bench, "jobs --study study");
        wait_until("a job", || {
            let runs = std::fs::read_dir(root.join("reconstructions/runs")).unwrap();
            let mut logs =
                runs.filter_map(|run| std::fs::read_dir(run.unwrap().path().join("logs")).ok());
            logs.any(|mut logs| logs.next().is_some()).then_some(())
        });
        let other = start(&bench, "jobs --study study --jobs 1");
        signal(&killed, "KILL");
        killed.wait().unwrap();
        let output = other.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(objects(&root) == objects(&bench.path("whole")));
        std::fs::remove_dir_all(root.join("reconstructions/ML")).unwrap();
    }
}

#[test]
fn what_changes_data_waits_until_nobody_works_on_them() {
    let bench = Bench::new();
    let waiting = r#"
[[solver]]
name = "slow"
algorithm = "external"
command = ["sh", "-c", "echo started; while [ ! -e {folder}/go ]; do sleep 0.05; done; exit 3"]
"#;
    let design = DESIGN.replace("[1e3, 1e4]", "[1e3]\nsplits = [\"train\"]");
    std::fs::write(bench.path("design.toml"), format!("{design}{waiting}")).unwrap();
    bench.ok("study prepare design.toml --output study");
    assert_eq!(bench.json("study status study")["pending"], 6);
    let jobs = start(&bench, "jobs --study study");
    let running = wait_until("a command at work", || {
        let status = bench.json("study status study");
        let jobs = status["jobs"].as_array().unwrap().clone();
        let at_work =
            jobs.into_iter().find(|job| job["status"] == "running" && job["solver"] == "slow")?;
        at_work["reason"]
            .as_str()?
            .contains("started")
            .then_some((at_work, status["held_by"].clone()))
    });
    assert!(running.1.as_str().unwrap().contains("process"), "{}", running.1);
    // Of several solvers every job names its own, also of the first.
    let status = bench.json("study status study");
    let solvers = status["jobs"].as_array().unwrap().iter().map(|job| job["solver"].as_str());
    assert!(
        solvers.clone().any(|name| name == Some("LSQML")) && solvers.clone().all(|n| n.is_some())
    );
    let words = bench.ok("study status study");
    assert!(words.contains("running  dose 1000 baseline train slow: "), "{words}");
    let line = words.lines().find(|line| line.contains("slow: ")).unwrap();
    assert!(line.contains(", after ") && line.ends_with(" s"), "{line}");
    // Making the data anew would take them away from under the jobs.
    bench.fails("study run design.toml --output study", &["study is in use by process"]);
    bench
        .fails("views --phase-c-root study/data --output-root study/views", &["in use by process"]);
    std::fs::write(bench.path("go"), "").unwrap();
    let output = jobs.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "a failed job is a failure");

    // What failed says why; what was made with other options or from other data is to be done
    // again.
    let status = bench.json("study status study");
    assert_eq!(
        (status["done"].as_u64(), status["failed"].as_u64()),
        (Some(4), Some(2)),
        "{status}"
    );
    assert_eq!((status["held_by"].is_null(), status["running"].as_u64()), (true, Some(0)));
    let words = bench.ok("study status study");
    assert!(
        words.contains("failed   dose 1000 baseline train slow: ")
            && words.contains("exit status: 3"),
        "{words}"
    );
    let record = bench.path("study/reconstructions/ML/dose_1000/dense/train/result.json");
    let mut result = read(&record);
    result["input_hash"] = "0".repeat(64).into();
    std::fs::write(&record, result.to_string()).unwrap();
    let design = bench.path("study/study.toml");
    let text = std::fs::read_to_string(&design).unwrap();
    std::fs::write(&design, text.replacen("epochs = 3", "epochs = 4", 1)).unwrap();
    let status = bench.json("study status study");
    assert_eq!(
        (status["done"].as_u64(), status["pending"].as_u64()),
        (Some(1), Some(3)),
        "{status}"
    );
    let reasons = status["jobs"].to_string();
    assert!(
        reasons.contains("made from other data") && reasons.contains("other solver options"),
        "{reasons}"
    );
}

#[test]
fn a_request_to_end_keeps_the_state_and_the_same_command_goes_on() {
    let bench = Bench::new();
    // It never comes to its end here.
    let design = DESIGN.replace("epochs = 3", "epochs = 900000").replace("[1e3, 1e4]", "[1e3]");
    std::fs::write(bench.path("design.toml"), design).unwrap();
    let logs = |part: &str| {
        let runs = std::fs::read_dir(bench.path("study/reconstructions/runs")).ok()?;
        let mut found = runs
            .filter_map(|run| std::fs::read_dir(run.unwrap().path().join("logs")).ok())
            .flatten();
        found
            .any(|log| {
                std::fs::read_to_string(log.unwrap().path()).is_ok_and(|log| log.contains(part))
            })
            .then_some(())
    };
    for (name, part) in [("TERM", "epoch"), ("INT", "resumed after epoch")] {
        let child = start(&bench, "study run design.toml --output study");
        wait_until(part, || logs(part));
        signal(&child, name);
        if name == "TERM" {
            // A batch system sends it to all processes of a job, and the job's script once more.
            signal(&child, name);
        }
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("stopped; the same command goes on"), "{text}");
        let job = bench.path("study/reconstructions/dose_1000/baseline/train");
        Archive::open(job.join("checkpoint.npz")).unwrap();
        let left: Vec<_> =
            bench.listing().into_iter().filter(|name| name.ends_with(".part")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_process_killed_after_its_last_epoch_is_finished_without_another_one() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    // Error maps take many times as long as the epochs before them.
    let command =
        "reconstruct scan.npz --output out --epochs 3 --checkpoint-every 1 --error-maps 9";
    let mut child = start(&bench, command);
    wait_until("the state after the last epoch", || {
        let state = Archive::open(bench.path("out/checkpoint.npz")).ok()?;
        (state.header("loss").ok()?.shape == [3]).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!bench.path("out/result.json").exists(), "it was too fast to be killed");
    let begun = bench.path("out/.lapwing-a1b2c3.part");
    std::fs::write(&begun, "another instant of a kill").unwrap();
    let told = bench.ok(command);
    assert!(told.contains(": 3 epochs (done before), loss"), "{told}");
    assert!(!begun.exists());
}

#[test]
fn a_search_for_a_start_probe_is_stopped_at_once_and_leaves_nothing() {
    let bench = Bench::new();
    bench
        .ok("simulate --specimen cells --pattern-size 64 --step 4 --field-of-view 160 --dose 1e4 \
         --seed 5 --output scan.npz");
    for name in ["TERM", "INT"] {
        // Some seconds of search, before the one for a start probe.
        let child =
            start(&bench, "reconstruct scan.npz --output out --calibrate --probe-start patterns");
        wait_until("the folder of results", || bench.path("out").exists().then_some(()));
        std::thread::sleep(Duration::from_millis(700));
        let signalled = Instant::now();
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(signalled.elapsed() < Duration::from_secs(3), "{:?}", signalled.elapsed());
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("stopped; the same command goes on"), "{text}");
        let left = std::fs::read_dir(bench.path("out")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        let is_lock = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".lock");
        assert!(left.iter().all(is_lock), "{left:?}");
    }
}

#[test]
fn a_command_does_not_outlive_its_study() {
    let bench = Bench::new();
    let design = DESIGN.replace("[1e3, 1e4]", "[1e3]");
    let command = r#"command = ["sh", "-c", "sleep 600 & echo $! > {folder}/inner; echo $$ > {folder}/outer; wait"]"#;
    let solver = format!("[solver]\nname = \"slow\"\nalgorithm = \"external\"\n{command}\n");
    let design = format!("{}{solver}", &design[..design.find("[[solver]]").unwrap()]);
    std::fs::write(bench.path("design.toml"), design).unwrap();
    let number = |name: &str| -> Option<String> {
        let text = std::fs::read_to_string(bench.path(name)).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    };
    let gone = |process: &str| {
        // Nothing is left of it, or only its number until its new parent takes note.
        let told = Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap();
        let state = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        (state.is_empty() || state.starts_with('Z')).then_some(())
    };
    let signals: &[&str] = if cfg!(target_os = "linux") { &["TERM", "KILL"] } else { &["TERM"] };
    for name in signals {
        for file in ["inner", "outer"] {
            let _ = std::fs::remove_file(bench.path(file));
        }
        let mut child = start(&bench, "study run design.toml --output study");
        let (inner, outer) = wait_until("the command", || number("inner").zip(number("outer")));
        signal(&child, name);
        child.wait().unwrap();
        wait_until("the end of the command", || gone(&outer));
        match *name {
            "TERM" => wait_until("the end of what it started", || gone(&inner)),
            // The kernel ends the command alone.
            _ => assert!(Command::new("kill").arg(&inner).status().unwrap().success()),
        }
    }
}
