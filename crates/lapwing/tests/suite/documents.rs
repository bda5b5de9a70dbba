//! Documents say what is so: their links lead somewhere, the commands in their text are right
//! usage, and those in their `sh` blocks run as they stand there.

use crate::common::{Bench, stderr};
use std::path::{Path, PathBuf};

/// What other tests run, or what makes the program that is tested.
const ELSEWHERE: [(&str, &str); 10] = [
    ("cargo run --release -- study run examples/quick.toml", "quick_study"),
    ("lapwing study run examples/quick.toml", "quick_study"),
    ("lapwing study run study.toml --output study", "`measured::` of lapwing-study"),
    ("lapwing study search", "`search::` of lapwing-study"),
    ("cargo test", "this"),
    ("cargo install --path crates/lapwing", "the build"),
    ("pip install .", "the tests of the Python package"),
    ("lapwing --version", "usage"),
    ("lapwing reconstruct --input scan.npz --output result --device gpu", "devices"),
    ("lapwing study run my.toml --output my-study --device gpu:1", "devices"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All pages of the repository, from its root.
fn pages() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut folders = vec![PathBuf::new(), "docs".into()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap().map(Result::unwrap) {
            let path = folder.join(entry.file_name());
            let inside = !folder.as_os_str().is_empty() && entry.file_name() != "api";
            if entry.file_type().unwrap().is_dir() && inside {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

fn text(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap().replace("\r\n", "\n")
}

/// The anchors of a page's headings, as code hosts make them.
fn anchors(page: &str) -> Vec<String> {
    let text = text(page);
    let (_, plain) = fences(&text);
    let headings = plain.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    let anchor = |line: &str| {
        line.trim_start_matches('#').trim().to_lowercase().chars().filter_map(kept).collect()
    };
    headings.map(anchor).collect()
}

/// The fenced blocks of a page, (language, lines), and what is left of it.
fn fences(text: &str) -> (Vec<(String, String)>, String) {
    let (mut blocks, mut plain, mut open) = (Vec::new(), String::new(), None);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => plain += &format!("{line}\n"),
        }
    }
    (blocks, plain)
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = text(&page);
        let (_, plain) = fences(&text);
        let links = plain.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let pictures = plain.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.chain(pictures).filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().unwrap();
            let target = if file.is_empty() { page.clone().into() } else { folder.join(file) };
            let there = root().join(&target).canonicalize();
            let known = there.as_ref().is_ok_and(|path| {
                let relative = path.strip_prefix(root()).unwrap().to_str().unwrap();
                anchor.is_empty() || anchors(relative).iter().any(|known| known == anchor)
            });
            if !known {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Commands in running text and tables, but those with a gap (`...`): every option exists and takes
/// what it is given.
#[test]
fn commands_in_the_text_are_right_usage() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages().iter().filter(|page| !page.starts_with("docs/lab/")) {
        let text = text(page);
        let (_, plain) = fences(&text);
        let quoted = plain.split('`').skip(1).step_by(2);
        let commands = quoted.map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "));
        for command in commands.filter(|code| code.starts_with("lapwing ")) {
            // A gap, something optional, or words that stand for a kind of thing.
            let open = ["...", "[", "COMMAND", "SHELL", " --help", "gpu:N", "--jobs N"];
            let words = command.replace('"', "");
            let last = words.split(' ').next_back().unwrap_or_default();
            let named = words.split(' ').count() == 2 || last.starts_with("--");
            if open.iter().any(|part| words.contains(part)) || named {
                continue;
            }
            seen += 1;
            if let Err(error) = lapwing_cli::command().try_get_matches_from(words.split(' ')) {
                // A command that is only named needs no arguments.
                if error.kind() != clap::error::ErrorKind::MissingRequiredArgument {
                    wrong.push(format!("{page}: {command}\n{error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "{seen}");
}

/// Blocks for a shell whose variables and files are the reader's own are right usage.
#[test]
fn scripts_in_the_text_are_right_usage() {
    let mut seen = 0;
    for page in pages() {
        for (_, block) in fences(&text(&page)).0.iter().filter(|(kind, _)| kind == "bash") {
            let block = block.replace("\\\n", " ");
            let commands = block.lines().filter_map(|line| line.split("lapwing ").nth(1));
            for arguments in commands {
                let words = format!("lapwing {}", arguments.replace('"', ""));
                let parsed = lapwing_cli::command().try_get_matches_from(words.split_whitespace());
                assert!(parsed.is_ok(), "{page}: {words}\n{}", parsed.unwrap_err());
                seen += 1;
            }
        }
    }
    assert!(seen > 3, "{seen}");
}

/// Each page in a folder of its own with `scan.npz` in it.
#[test]
fn blocks_of_commands_run_as_they_stand() {
    if lapwing_testing::left_out() {
        return;
    }
    let mut ran = 0;
    for page in pages() {
        let blocks = fences(&text(&page)).0;
        if !blocks.iter().any(|(language, _)| language == "sh") {
            continue;
        }
        let bench = Bench::new();
        bench.simulate("scan.npz", "");
        for (language, block) in blocks {
            let first = block.lines().next().and_then(|line| line.strip_prefix("# "));
            match (language.as_str(), first) {
                // A file of a name.
                ("toml", Some(name)) if name.ends_with(".toml") => {
                    std::fs::write(bench.path(name), &block).unwrap();
                }
                ("sh", _) => {
                    let block = block.replace("\\\n", " ");
                    ran += block.lines().filter(|line| run(&bench, &page, line)).count();
                }
                _ => {}
            }
        }
    }
    assert!(ran > 15, "{ran}");
}

/// Runs a line of a page, unless it is run elsewhere.
fn run(bench: &Bench, page: &str, line: &str) -> bool {
    let (command, remark) = line.split_once('#').unwrap_or((line, ""));
    let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
    let elsewhere = ELSEWHERE.iter().any(|(start, _)| command.starts_with(start));
    if command.is_empty() || elsewhere {
        return false;
    }
    let arguments = command.strip_prefix("lapwing ");
    let arguments = arguments.unwrap_or_else(|| panic!("{page}: what runs `{command}`?"));
    let expected = remark.trim().strip_prefix("exit code ").map_or(0, |code| code.parse().unwrap());
    let output = bench.run(arguments);
    assert_eq!(output.status.code(), Some(expected), "{page}: {command}\n{}", stderr(&output));
    true
}
