//! A short run of the fuzz targets in `fuzz/`: their kept corpus, and mutations of it, the same
//! ones in every run.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::path::{Path, PathBuf};

#[path = "common/memory.rs"]
mod memory;
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, clippy::expect_used)] // what only libFuzzer uses
mod targets;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// A xorshift generator (Marsaglia 2003).
struct Random(u64);

impl Random {
    /// A number below `limit`, or 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }
}

fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let kinds = ["py", "gitignore"].map(|kind| Some(std::ffi::OsStr::new(kind)));
    paths.retain(|path| path.is_file() && !kinds.contains(&path.extension()));
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The words between quotes of `fuzz/words.dict`, escapes undone.
fn words() -> Vec<Vec<u8>> {
    let undone = |line: &str| {
        let inner = line.trim().strip_prefix('"')?.strip_suffix('"')?.as_bytes();
        let (mut word, mut at) = (Vec::new(), 0);
        while at < inner.len() {
            let escape = inner[at..].starts_with(b"\\x");
            let end = if escape { at + 4 } else { at + 1 };
            word.push(match escape {
                true => u8::from_str_radix(std::str::from_utf8(&inner[at + 2..end]).unwrap(), 16)
                    .unwrap(),
                false => inner[at],
            });
            at = end;
        }
        Some(word)
    };
    include_str!("../fuzz/words.dict").lines().filter_map(undone).collect()
}

/// One small change: bits, bytes, numbers, words, pieces of another file, pieces taken out or
/// repeated.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + random.below(64)).min(bytes.len());
    match random.below(8) {
        _ if bytes.is_empty() => bytes.extend(&words[random.below(words.len())]),
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        2 => bytes[at] = random.below(256) as u8,
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        5 => {
            let word = words[random.below(words.len())].iter().copied();
            let over = if random.below(2) == 0 { (at + word.len()).min(bytes.len()) } else { at };
            bytes.splice(at..over, word);
        }
        6 => {
            let from = random.below(other.len());
            let to = (from + random.below(400)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        _ => {
            let value = [u64::MAX, 1 << 31, 1 << 40, 0][random.below(4)].to_le_bytes();
            let length = (bytes.len() - at).min(1 << random.below(4));
            bytes[at..at + length].copy_from_slice(&value[..length]);
        }
    }
}

/// Runs a target over the corpus, then over so many mutations of it; over a twentieth of them where
/// the long sweeps are not asked for.
fn run(target: &str, corpus: &[Vec<u8>], mutations: usize, work: impl Fn(&[u8])) {
    assert!(corpus.len() >= 10, "{target}: a corpus of {} files only", corpus.len());
    for (index, bytes) in corpus.iter().enumerate() {
        memory::limited(&format!("{target}, file {index}"), || work(bytes));
    }
    let words = words();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..if lapwing_testing::long_tests() { mutations } else { mutations / 20 } {
        let mut bytes = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            let other = &corpus[random.below(corpus.len())];
            mutate(&mut bytes, other, &words, &mut random);
        }
        memory::limited(&format!("{target}, mutation {round}"), || work(&bytes));
    }
}

/// All in one test, so that the peaks of memory are those of one file each.
#[test]
fn no_target_falls_over() {
    run("pickle", &files("fuzz/corpus/pickle"), 60_000, targets::pickle);
    run("members", &files("fuzz/corpus/members"), 6_000, targets::members);
    run("archive", &files("fuzz/corpus/archive"), 6_000, targets::archive);
    let hdf5 = [files("fuzz/corpus/hdf5"), files("tests/fixtures-hdf5")].concat();
    run("hdf5", &hdf5, 3_000, targets::hdf5);
    run("file", &files("tests/fixtures-formats"), 6_000, targets::file);
}
