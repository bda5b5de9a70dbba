//! What the tests of all crates share: the features of dependencies that they are built with
//! (`Cargo.toml`), which of them are long, and how documents are held against the code.
#![allow(clippy::print_stderr)] // Tests say what they leave out.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Whether the long tests are asked for: `LAPWING_LONG_TESTS=1`, as `.ci/run` sets it.
pub fn long_tests() -> bool {
    std::env::var_os("LAPWING_LONG_TESTS").is_some_and(|value| value == "1")
}

/// Whether a test is left out, which it says, since it is one of the long ones.
pub fn left_out() -> bool {
    if !long_tests() {
        eprintln!("SKIPPED: a long test; LAPWING_LONG_TESTS=1 runs it");
    }
    !long_tests()
}

/// The whole of a sweep where the long tests are asked for, else its first values.
pub fn swept<T>(all: &[T], first: usize) -> &[T] {
    if long_tests() { all } else { &all[..first] }
}

/// Compares what stands after the line that contains `begin`, up to the line that contains `end`,
/// of a file of the repository with what the code says; with `LAPWING_WRITE_DOCS=1` it is written
/// anew.
///
/// # Panics
/// Where they differ, and where the file or a marker is not there.
pub fn hold(file: &str, [begin, end]: [&str; 2], expected: &str) {
    // Several parts stand in one file.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let text = std::fs::read_to_string(&path).expect("the file can be read");
    let from = text.find(begin).expect("the part begins") + begin.len() + 1;
    let to = from + text[from..].find(end).expect("the part ends");
    // Up to the beginning of the line of `end`.
    let to = text[..to].rfind('\n').map_or(0, |at| at + 1);
    if std::env::var_os("LAPWING_WRITE_DOCS").is_some() {
        let text = format!("{}{expected}{}", &text[..from], &text[to..]);
        std::fs::write(&path, text).expect("the file can be written");
        return;
    }
    let found = &text[from..to];
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "{file}: run this test with LAPWING_WRITE_DOCS=1");
    }
    assert_eq!(found, expected, "{file}: run this test with LAPWING_WRITE_DOCS=1");
}

/// Holds a file of the repository to sentences that the code knows the numbers of, wherever its
/// lines break.
///
/// # Panics
/// Where it lacks one of them, and where the file is not there.
pub fn says(file: &str, sentences: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let text = std::fs::read_to_string(&path).expect("the file can be read");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in sentences {
        assert!(text.contains(sentence.as_str()), "{file} does not say: {sentence}");
    }
}

/// A text in lines of at most `width` characters, each behind `indent`.
pub fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        let fresh = line.len() == indent.len();
        if !fresh && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{indent}{word}"));
        } else {
            *line += if fresh { "" } else { " " };
            *line += word;
        }
    }
    lines.join("\n")
}
