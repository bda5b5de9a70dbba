//! A study that is killed, or whose disk refuses to take more, at any instant: nothing half-written
//! under a final name, no record lost, and the same command finishes the rest with the same bits.

#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use crate::common::PROGRAM;
use lapwing_files::Archive;
use rand::RngExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const DESIGN: &str = r#"
[study]
name = "crash"
doses = [1e3]
views = ["baseline", "dense"]
pattern_size = 16
[probe]
diameter = 9
[scan]
step = 4
field = [40, 24]
[[solver]]
epochs = 2
[[solver]]
algorithm = "ML"
epochs = 2
start_epochs = 1
"#;

/// A folder with the design, and studies beside it.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crash.toml"), DESIGN).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Some studies run one job at a time, some two.
    fn command(&self, study: &str) -> Command {
        let threads = if study.contains("in twos") { "2" } else { "1" };
        let mut command = Command::new(PROGRAM);
        command.args(["study", "run", "crash.toml", "--quiet", "--output", study]);
        command.args(["--threads", threads, "--jobs", threads]);
        command.current_dir(self.0.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn finish(&self, study: &str) {
        assert!(self.command(study).status().unwrap().success());
    }
}

/// Every file below `root` but locks and files that are still being written, by its relative name.
fn files(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            match path.is_dir() {
                _ if hidden => {}
                true => folders.push(path),
                false => found.push((name, path)),
            }
        }
    }
    found.sort();
    found
}

/// Files below `root` that were begun under another name than their final one.
fn begun(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "part") => found.push(path),
                false => {}
            }
        }
    }
    found
}

/// What a file holds, without what the clock told.
fn content(name: &str, path: &Path) -> Vec<u8> {
    if name.ends_with(".npz") {
        let archive = Archive::open(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let names: Vec<String> = archive.names().map(str::to_owned).collect();
        let read =
            |array: &String| format!("{array} {:?}\n", archive.read(array).unwrap()).into_bytes();
        return names.iter().filter(|array| *array != "timestamp").flat_map(read).collect();
    }
    let bytes = std::fs::read(path).unwrap();
    if !name.ends_with(".json") {
        return bytes;
    }
    let mut value: Value =
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    without_clock(&mut value);
    value.to_string().into_bytes()
}

/// Forgets what the clock told, at any depth: entries of a ledger have times of their own.
fn without_clock(value: &mut Value) {
    match value {
        Value::Object(record) => {
            for clock in ["timestamp", "seconds", "seconds_per_epoch", "peak_memory_mb"] {
                record.remove(clock);
            }
            record.remove("input_npz");
            record.values_mut().for_each(without_clock);
        }
        Value::Array(values) => values.iter_mut().for_each(without_clock),
        _ => {}
    }
}

/// All results of a study; reading them proves that each is whole.
fn results(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let told = |name: &str| {
        name.starts_with("report/")
            || name.contains("runs/")
            || name.ends_with("log.txt")
            || name.ends_with("reconstruction_manifest.json")
            || name.ends_with("skip_summary.json")
    };
    files(root)
        .into_iter()
        .filter(|(name, _)| !told(name))
        .map(|(name, path)| {
            let content = content(&name, &path);
            (name, content)
        })
        .collect()
}

/// What must never be lost: the results in every run's own manifest, and the records of finished
/// jobs.
#[derive(Default)]
struct Memory {
    runs: BTreeMap<String, Vec<Value>>,
    jobs: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    /// Checks a study against what was there before, and remembers what is there now.
    fn check(&mut self, root: &Path) {
        let mut runs = BTreeMap::new();
        let mut jobs = BTreeMap::new();
        for (name, path) in files(root) {
            let content = content(&name, &path);
            if name.contains("runs/") && name.ends_with("reconstruction_manifest.json") {
                let manifest: Value = serde_json::from_slice(&content).unwrap();
                runs.insert(name, manifest["execution_results"].as_array().unwrap().clone());
            } else if name.ends_with("/result.json") {
                jobs.insert(name, std::fs::read(path).unwrap());
            }
        }
        for (run, before) in &self.runs {
            let now = runs.get(run).unwrap_or_else(|| panic!("the record {run} is lost"));
            assert!(before.iter().all(|result| now.contains(result)), "{run}");
        }
        for (job, before) in &self.jobs {
            assert_eq!(jobs.get(job), Some(before), "{job}");
        }
        (self.runs, self.jobs) = (runs, jobs);
    }
}

/// The merged manifest tells of every run that has a record, and of every job's success.
fn check_merged(root: &Path) {
    let read =
        |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let artifacts = root.join("reconstructions");
    let merged = read(artifacts.join("reconstruction_manifest.json"));
    let results = merged["execution_results"].as_array().unwrap();
    assert_eq!(results.len(), 8);
    assert!(results.iter().all(|result| result["returncode"] == 0), "{merged}");
    let mut runs: Vec<String> = std::fs::read_dir(artifacts.join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|run| {
            run.join("reconstruction_manifest.json").is_file()
                && run.join("skip_summary.json").is_file()
        })
        .map(|run| run.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    runs.sort();
    assert_eq!(merged["run_ids"], serde_json::json!(runs));
}

/// At a hundred instants, or at ten where the long sweeps are not asked for.
#[test]
fn killed_at_any_instant_and_resumed() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let started = Instant::now();
    bench.finish("whole");
    // Instants spread over the time that a whole study takes here; what is checked holds at any of
    // them.
    let whole_time = started.elapsed();
    let expected = results(&bench.path("whole"));
    assert!(expected.len() > 50, "{:?}", expected.keys());

    // Two at a time; each kills its studies several times and then lets them finish.
    let studies = 5;
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (bench, expected) = (&bench, &expected);
            scope.spawn(move || {
                for study in 0..studies {
                    let how = if (worker + study) % 2 == 0 { "in twos" } else { "one by one" };
                    let name = format!("study {worker} {study} {how}");
                    let seed = 1000 * worker + study;
                    killed_and_resumed(bench, &name, whole_time, seed, expected);
                }
            });
        }
    });
}

fn killed_and_resumed(
    bench: &Bench,
    name: &str,
    whole_time: Duration,
    seed: u64,
    expected: &BTreeMap<String, Vec<u8>>,
) {
    let mut instants = lapwing_model::random::generator(seed, "instants of kills", 0);
    let root = bench.path(name);
    let mut memory = Memory::default();
    for _ in 0..10 {
        let mut child = bench.command(name).spawn().unwrap();
        std::thread::sleep(whole_time.mul_f64(instants.random()));
        child.kill().unwrap();
        child.wait().unwrap();
        memory.check(&root);
    }
    // Of what was being written at an unlucky instant, one in each kind of place.
    let folders = ["", "data/dose_1000", "views/dose_1000/dense", "reconstructions", "report"];
    for folder in folders.map(|folder| root.join(folder)) {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(".lapwing-a1b2c3.part"), "begun").unwrap();
    }
    bench.finish(name);
    assert!(begun(&root).is_empty(), "{name}: {:?}", begun(&root));
    memory.check(&root);
    check_merged(&root);
    let found = results(&root);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (file, content) in &found {
        assert!(content == &expected[file], "{name}: {file} differs");
    }
    std::fs::remove_dir_all(root).unwrap();
}

/// A file size limit refuses bytes as a full disk does, in the middle of a file.
#[test]
fn a_disk_that_takes_no_more_is_an_error_and_the_rest_is_finished_afterwards() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.finish("whole");
    let expected = results(&bench.path("whole"));
    let mut memory = Memory::default();
    let root = bench.path("full");
    let mut failures = 0;
    for blocks in [0, 1, 3, 8, 20, 50] {
        let output: Output = Command::new("sh")
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"])
            .arg(PROGRAM)
            .args(["study", "run", "crash.toml", "--quiet", "--output", "full"])
            .current_dir(bench.path(""))
            .output()
            .unwrap();
        if !output.status.success() {
            failures += 1;
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(text.contains("full/") || text.contains("failed"), "{text}");
        }
        memory.check(&root);
    }
    assert!(failures > 0);
    bench.finish("full");
    check_merged(&root);
    assert!(results(&root) == expected);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_that_names_it() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.finish("study");
    let root = bench.path("study");
    let before = results(&root);
    std::fs::write(bench.path("crash.toml"), DESIGN.replace("[1e3]", "[1e3, 1e4]")).unwrap();
    let refused = |part: &str| {
        let output = bench.command("study").stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(part), "{text}");
    };
    // A file in place of the new dose's folder stops everyone, the superuser too.
    std::fs::write(root.join("data/dose_10000"), "in the way").unwrap();
    refused("dose_10000");
    std::fs::remove_file(root.join("data/dose_10000")).unwrap();
    let mode = |mode| {
        std::fs::set_permissions(root.join("data"), std::fs::Permissions::from_mode(mode)).unwrap()
    };
    mode(0o555);
    if std::fs::create_dir(root.join("data/probe")).is_ok() {
        std::fs::remove_dir(root.join("data/probe")).unwrap();
        eprintln!("SKIPPED: read-only folders do not bind this user");
    } else {
        refused("dose_10000");
    }
    mode(0o755);
    let after = results(&root);
    for (name, content) in before.iter().filter(|(name, _)| *name != "study.toml") {
        assert!(after.get(name) == Some(content), "{name}");
    }
    bench.finish("study");
}

/// Ctrl-C while a large file is read: the usual message and exit code, soon, and nothing is made.
#[test]
fn reading_ends_soon_after_ctrl_c() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Dark patterns, of which no disk holds more than the header.
    let path = folder.path().join("scan.npy");
    let (n, side) = (3000, 256);
    let text =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, {side}, {side}), }}");
    let header = format!("{text:<117}\n");
    let start = [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes()].concat();
    std::fs::write(&path, &start).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len((start.len() + n * side * side) as u64).unwrap();
    let options = "reconstruct scan.npy --scan-shape 50,60 --scan-step-m 1e-9 --pixel-size-m 1e-9 --output out";
    let mut running = Command::new(PROGRAM)
        .current_dir(folder.path())
        .args(options.split_whitespace())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(running.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("input ") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended");
    }
    let asked = Instant::now();
    let sent = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(1));
    assert!(rest.contains("error: stopped"), "{rest}");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(!folder.path().join("out/result.json").exists());
}
