//! Running the program in a temporary folder.

use lapwing_files::Archive;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A temporary folder in which the program runs.
pub struct Bench {
    dir: TempDir,
}

/// The program as it was compiled for these tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_lapwing");

impl Bench {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the program with arguments separated by spaces.
    pub fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.dir.path()).args(arguments.split_whitespace()).output().unwrap()
    }

    /// Runs it, expects success, returns standard output.
    pub fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "lapwing {arguments}\n{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it with `--json`, expects success, returns the JSON.
    pub fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{arguments} --json"))).unwrap()
    }

    /// Runs it, expects exit code 1 and one message that holds all of `parts`.
    pub fn fails(&self, arguments: &str, parts: &[&str]) -> String {
        let output = self.run(&format!("{arguments} --quiet"));
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "lapwing {arguments}\n{text}");
        assert_eq!(text.matches("error: ").count(), 1, "lapwing {arguments}\n{text}");
        for part in parts {
            assert!(text.contains(part), "lapwing {arguments}: expected `{part}` in\n{text}");
        }
        text
    }

    /// Names of everything in the folder, at any depth, sorted.
    pub fn listing(&self) -> Vec<String> {
        let mut names = Vec::new();
        list(self.dir.path(), self.dir.path(), &mut names);
        names.sort();
        names
    }

    /// A small simulated scan: 32 x 32 patterns, 120 x 120 px field of view, `options` added.
    pub fn simulate(&self, name: &str, options: &str) -> PathBuf {
        self.ok(&format!(
            "simulate --specimen cells --pattern-size 32 --step 8 --field-of-view 120 --dose 1e4 --output {name} {options}"
        ));
        self.path(name)
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn list(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(root, &path, names);
        } else {
            names.push(path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"));
        }
    }
}

/// Waits for something that must come, far longer than it ever takes.
#[cfg_attr(not(unix), allow(dead_code))]
pub fn wait_until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(300), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The objects of all jobs of a study by folder.
#[cfg_attr(not(unix), allow(dead_code))]
pub fn objects(root: &Path) -> BTreeMap<String, String> {
    let manifest = root.join("reconstructions/reconstruction_manifest.json");
    let merged: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let folder = |job: &Value| job["output_dir"].as_str().unwrap().to_owned();
    let jobs = merged["jobs"].as_array().unwrap().iter().map(folder);
    jobs.map(|folder| {
        let archive = Archive::open(Path::new(&folder).join("reconstruction.npz")).unwrap();
        let name = folder.rsplit_once("reconstructions").unwrap().1.to_owned();
        (name, format!("{:?}", archive.read("reconstructed_object").unwrap()))
    })
    .collect()
}
