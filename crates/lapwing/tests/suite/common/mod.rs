//! Running the program in a temporary folder.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// Whether the long sweeps are asked for: `LAPWING_LONG_TESTS=1`, as `.ci/run` sets it.
pub fn long() -> bool {
    std::env::var_os("LAPWING_LONG_TESTS").is_some_and(|value| value == "1")
}

/// A temporary folder in which the program runs.
pub struct Bench {
    dir: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the program with arguments separated by spaces.
    pub fn run(&self, arguments: &str) -> Output {
        let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("lapwing"));
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
