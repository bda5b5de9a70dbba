//! Every command line of README and guides is typed as it stands there, page by page and in order,
//! by a shell, in a folder that holds what the page takes for granted.

#![allow(clippy::print_stdout, reason = "what was skipped, and how long each took, is said")]

use crate::cluster;
use crate::common::{Bench, PROGRAM, stderr};
use crate::documents::{Piece, gap, pages, pieces, root, text};
use std::path::PathBuf;
use std::process::{Command, Output};

/// What no test can type: the beginning of a line, and why.
const ELSEWHERE: [(&str, &str); 7] = [
    ("cargo test", "it is what runs here"),
    ("cargo install --path crates/lapwing", ".ci/run types it: it builds the program"),
    ("pip install .", ".ci/run types it: it builds the package"),
    ("lapwing study run my.toml --output my-study --device gpu:1", "it takes a second card"),
    ("lapwing study run examples/fly64.toml", "it is the study at full size: hours"),
    ("lapwing study search examples/star-search.toml", "it takes many minutes"),
    ("lapwing reconstruct --input petra3-p25-near-field.cxi", "it takes many minutes"),
];

/// A minute's work that several pages name: typed on the page that it belongs to.
const ONCE: (&str, &str) = ("lapwing study run examples/quick.toml", "docs/start/xray.md");

/// Real scans, beside the repository where there are any.
const REAL: [&str; 3] = ["ducky-4dstem.npz", "cryo-4dstem-corner.npz", "cryo.npy"];

/// A small study, where a page has one of the reader's.
const STUDY: &str = "study.toml";

/// What a page, or a section of the reference, takes for granted: `[PAGE]`, then what is typed
/// before.
const BEFORE: &str = include_str!("typed.txt");

/// The lines before a page, by its name.
fn before() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sections = BEFORE.split("\n[").skip(1);
    sections.map(|section| section.split_once("]\n").expect("a name in brackets"))
}

/// A step on the way through a page.
enum Step {
    /// A file is written.
    File(String, String),
    /// A line is typed; the exit code that it is said to end with.
    Line(String, i32),
}

/// The lines of a page, or of a section of it, that can be typed, and its files.
fn steps(text: &str, reference: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => {
                let parts: Vec<&str> = plain.split('`').collect();
                for quoted in parts[1..].chunks_exact(2) {
                    let line = quoted[0].split_whitespace().collect::<Vec<_>>().join(" ");
                    if is_complete(&line) {
                        let refused = quoted[1].starts_with(" is refused");
                        steps.push(Step::Line(line, i32::from(refused)));
                    }
                }
            }
            Piece::Block(language, block) => {
                let block = block.replace("\\\n", " ");
                let first = block.lines().next().and_then(|line| line.strip_prefix("# "));
                let typed = |line: &str| {
                    let (line, remark) = line.split_once(" #").unwrap_or((line, ""));
                    let code = remark.trim().strip_prefix("exit code ");
                    Step::Line(line.trim().to_owned(), code.map_or(0, |code| code.parse().unwrap()))
                };
                match (language.as_str(), first) {
                    ("toml", Some(name)) if name.ends_with(".toml") => {
                        steps.push(Step::File(name.to_owned(), block.clone()));
                    }
                    ("sh", _) => steps.extend(block.lines().map(typed)),
                    ("bash", _) => {
                        let lines = block.lines().filter(|line| line.contains("lapwing "));
                        steps.extend(lines.map(typed));
                    }
                    ("text", _) if reference => {
                        let lines = block.lines().filter(|line| line.starts_with("  lapwing "));
                        let lines = lines.filter(|line| !line.contains("[OPTIONS]"));
                        // What stands behind it far off is a remark.
                        steps.extend(lines.map(|line| typed(line.trim()).without_aside()));
                    }
                    ("text", _) => {
                        // What was seen is a refusal where it says so.
                        let code = i32::from(block.contains("BROKEN"));
                        let lines = block.lines().filter_map(|line| line.strip_prefix("$ "));
                        let lines = lines.filter(|line| line.starts_with("lapwing "));
                        steps.extend(lines.map(|line| Step::Line(line.to_owned(), code)));
                    }
                    _ => {}
                }
            }
        }
    }
    steps.retain(|step| !matches!(step, Step::Line(line, _) if line.is_empty()));
    steps
}

impl Step {
    fn without_aside(self) -> Self {
        match self {
            Self::Line(line, code) => {
                Self::Line(line.split("    (").next().unwrap().to_owned(), code)
            }
            other => other,
        }
    }
}

/// Whether a command in the text is a whole one, with arguments, not only named.
fn is_complete(line: &str) -> bool {
    if !line.starts_with("lapwing ") || gap(line) {
        return false;
    }
    let words = line.replace('"', "");
    let mut command = &lapwing_cli::command();
    let mut rest = words.split(' ').skip(1).peekable();
    while let Some(below) = rest.peek().and_then(|word| command.find_subcommand(word)) {
        (command, _) = (below, rest.next());
    }
    let alone = rest.peek().is_none() && command.get_name() != "examples";
    !alone && lapwing_cli::command().try_get_matches_from(words.split(' ')).is_ok()
}

/// A folder with what a page takes for granted, in which a shell types.
struct Desk {
    bench: Bench,
    scene: String,
}

impl Desk {
    fn new(scene: &str) -> Self {
        let bench = Bench::new();
        bench.simulate("scan.npz", "");
        let study = cluster::DESIGN.replace("EPOCHS", "2");
        std::fs::write(bench.path(STUDY), study).unwrap();
        let commands = cluster::fake(&bench);
        std::os::unix::fs::symlink(PROGRAM, commands.join("lapwing")).unwrap();
        let desk = Self { bench, scene: scene.to_owned() };
        for line in before().filter(|(name, _)| *name == scene).flat_map(|(_, it)| it.lines()) {
            let output = desk.shell(line);
            assert!(output.status.success(), "before {scene}: {line}\n{}", stderr(&output));
        }
        desk
    }

    fn shell(&self, line: &str) -> Output {
        let commands = self.bench.path("fake");
        let path = std::env::var("PATH").unwrap_or_default();
        let here = self.bench.path("");
        Command::new("bash")
            .args(["-c", line])
            .current_dir(&here)
            .env("PATH", format!("{}:{path}", commands.display()))
            .env("FAKE", &commands)
            .env("HOME", &here)
            .env("SCRATCH", &here)
            .env("REPO", root())
            .env("DATA", data())
            .env("SCANS", root().join("crates/lapwing-files/tests"))
            .env("FIXTURES", root().join("crates/lapwing/tests/fixtures"))
            .output()
            .unwrap()
    }

    /// Whether a line was typed here; fails where it does not end as it is said to.
    fn type_line(&self, line: &str, code: i32) -> bool {
        let line = line.replace("cargo run --release -- ", "lapwing ");
        let (long, place) = ONCE;
        if ELSEWHERE.iter().any(|(start, _)| line.starts_with(start))
            || (line.starts_with(long) && self.scene != place)
            || (line.contains("--device gpu") && !self.has_card())
        {
            return false;
        }
        for name in REAL.iter().filter(|name| line.split(' ').any(|word| word == **name)) {
            if !self.fetch(name) {
                println!("SKIPPED: {line}: {name} is not in {}", data().display());
                return false;
            }
        }
        let started = std::time::Instant::now();
        let output = self.shell(&line);
        println!("{:6.2} s  {}: {line}", started.elapsed().as_secs_f64(), self.scene);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{}: {line}\n{said}", self.scene);
        if let Some(name) = line.strip_prefix("lapwing study init ") {
            // A reader edits it; at full size it would take hours.
            let study = cluster::DESIGN.replace("EPOCHS", "2");
            std::fs::write(self.bench.path(name), study).unwrap();
        }
        true
    }

    fn has_card(&self) -> bool {
        let devices = self.bench.json("devices");
        let found = devices["gpu"].as_array().is_some_and(|cards| {
            // A card that is a program takes minutes for what takes a second.
            cards.iter().any(|card| card["software"] == false)
        });
        if !found {
            println!("SKIPPED: no graphics card");
        }
        found
    }

    /// Whether a real scan could be put here.
    fn fetch(&self, name: &str) -> bool {
        if name == "cryo.npy" {
            let cut = "python3 -c \"import numpy as n; n.save('cryo.npy', \
                       n.load('$DATA/cryo-4dstem-corner.npz')['data'].reshape(-1, 128, 128)); \
                       n.save('cryo.positions.npy', n.mgrid[:40, :40].reshape(2, -1).T * 16.0)\"";
            return self.shell(cut).status.success();
        }
        self.shell(&format!("cp \"$DATA/{name}\" .")).status.success()
    }
}

/// Where real scans lie, if they do.
fn data() -> PathBuf {
    root().join("../shared/data")
}

/// Pages and sections by name, with their text. Notes of the laboratory tell what was done on a
/// day.
fn scenes() -> Vec<(String, String)> {
    let mut scenes = Vec::new();
    for page in pages().into_iter().filter(|page| !page.starts_with("docs/lab/")) {
        let text = text(&page);
        if page != "docs/commands.md" {
            scenes.push((page, text));
            continue;
        }
        for section in text.split("\n## ") {
            let name = section.split('`').nth(1).unwrap_or_default();
            scenes.push((format!("{page}#{name}"), section.to_owned()));
        }
    }
    scenes
}

#[test]
fn every_line_can_be_typed_as_it_stands() {
    if lapwing_testing::left_out() {
        return;
    }
    let scenes = scenes();
    let only = std::env::var("LAPWING_PAGE").unwrap_or_default();
    let mut count = 0;
    for (scene, text) in scenes.iter().filter(|(scene, _)| scene.contains(&only)) {
        let steps = steps(text, scene.starts_with("docs/commands.md"));
        if !steps.iter().any(|step| matches!(step, Step::Line(..))) {
            continue;
        }
        let desk = Desk::new(scene);
        for step in steps {
            match step {
                Step::File(name, text) => std::fs::write(desk.bench.path(&name), text).unwrap(),
                Step::Line(line, code) => count += usize::from(desk.type_line(&line, code)),
            }
        }
    }
    assert!(count > 100 || !only.is_empty(), "{count}");
}

/// What is furnished and left out is of today's pages.
#[test]
fn nothing_is_kept_for_lines_that_are_gone() {
    let scenes = scenes();
    for (name, _) in before() {
        assert!(scenes.iter().any(|(scene, _)| scene == name), "{name}");
    }
    let lines: Vec<String> = scenes
        .iter()
        .flat_map(|(scene, text)| steps(text, scene.starts_with("docs/commands.md")))
        .filter_map(|step| match step {
            Step::Line(line, _) => Some(line),
            Step::File(..) => None,
        })
        .collect();
    let typed = |start: &str| lines.iter().any(|line| line.starts_with(start));
    for (start, _) in ELSEWHERE.into_iter().chain([ONCE]) {
        assert!(typed(start), "{start}");
    }
    for name in REAL {
        assert!(lines.iter().any(|line| line.contains(name)), "{name}");
    }
}
