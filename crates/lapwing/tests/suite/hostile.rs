//! Files made to hurt, given to the whole program: one clear error that names the file, exit code
//! 1, no more than 200 MB, and nothing in them executed.

#[path = "../../../lapwing-files/tests/common/corpus.rs"]
mod corpus;

use crate::common::PROGRAM;
use lapwing_files::Archive;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Far more than any of these files takes; a program that hangs ends here.
const HANG: Duration = Duration::from_secs(60);

/// The commands that read a scan.
const READERS: [&str; 6] = [
    "inspect FILE --figure out.png",
    "inspect FILE --json",
    "reconstruct --input-npz FILE --output-dir out --num-epochs 1",
    "split --input FILE --output-dir out",
    "overlap --input FILE",
    "thin --input FILE --dose 1 --output out.npz",
];

/// Runs the program with `FILE` in the arguments replaced, its writable memory limited to 200 MB
/// (where there is a `sh` that can): what asks for more is killed or fails in another way than by
/// exit code 1 and its own words.
fn run(folder: &Path, arguments: &str, file: &str) -> Output {
    let mut command = if cfg!(unix) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -d 204800 2>/dev/null; exec \"$0\" \"$@\""]).arg(PROGRAM);
        shell
    } else {
        Command::new(PROGRAM)
    };
    command.args(arguments.split_whitespace().map(|word| if word == "FILE" { file } else { word }));
    command.args(["--threads", "2", "--quiet"]).current_dir(folder);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let (ended, waiting) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    waiting.recv_timeout(HANG).unwrap_or_else(|_| panic!("{arguments} of {file} hangs")).unwrap()
}

/// The commands that a file is given to: all of them, or, where the long sweeps are not asked for,
/// one that depends on what the file is.
fn readers(what: &str) -> impl Iterator<Item = &'static str> {
    let chosen = what.bytes().map(usize::from).sum::<usize>() % READERS.len();
    READERS
        .into_iter()
        .enumerate()
        .filter(move |(at, _)| lapwing_testing::long_tests() || *at == chosen)
        .map(|(_, r)| r)
}

/// Whatever reads the file refuses it, in words that hold `expected` when the whole of it was read.
fn refused(folder: &Path, file: &str, what: &str, expected: &str) {
    for command in readers(what) {
        let output = run(folder, command, file);
        let words = [output.stdout.as_slice(), &output.stderr].concat();
        let words = String::from_utf8_lossy(&words);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{what}: {command}: {:?}\n{words}",
            output.status
        );
        assert!(words.contains(file) && words.contains(expected), "{what}: {command}\n{words}");
        assert!(!words.contains("panicked"), "{what}: {command}\n{words}");
        for made in ["out.npz", "out/reconstruction.npz", "out/train.npz"] {
            assert!(!folder.join(made).exists(), "{what}: {command} made {made}");
        }
    }
    if !lapwing_testing::long_tests() {
        return;
    }
    // A comparison reads other arrays of the file, and nothing it needs is there.
    let output = run(folder, "compare --reconstruction FILE --truth FILE", file);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{what}: compare: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn archives() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("executed");
    let file = folder.path().join("x.npz");
    for (what, pickled, expected) in corpus::executable_pickles(marker.to_str().unwrap()) {
        for bytes in [
            corpus::with_metadata("'|O'", "()", &pickled),
            corpus::with(&[corpus::stored("evil.npy", &corpus::npy("'|O'", "()", &pickled))]),
        ] {
            std::fs::write(&file, bytes).unwrap();
            refused(folder.path(), "x.npz", what, expected);
        }
        assert!(!marker.exists(), "{what} was executed");
    }
    for (what, bytes, expected) in corpus::corpus() {
        std::fs::write(&file, bytes).unwrap();
        // Words inside a JSON string are escaped.
        let expected = expected.split('"').next().unwrap();
        refused(folder.path(), "x.npz", what, expected);
    }
}

#[test]
fn hdf5_files() {
    let folder = tempfile::tempdir().unwrap();
    // Some of the files point to a pipe, at which a careless reader waits for ever.
    let pipe = cfg!(unix)
        && std::process::Command::new("mkfifo")
            .arg(folder.path().join("pipe"))
            .status()
            .is_ok_and(|s| s.success());
    let kept = Archive::open(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile_hdf5.npz"),
    )
    .unwrap();
    let expected = |name: &str| match name {
        "soft_link_to_itself" | "soft_links_in_a_ring" | "soft_links_in_a_long_chain" => {
            "does not exist"
        }
        "groups_in_a_cycle" | "groups_1000_deep" | "2000_links" => "entry_1/data_1/data",
        "external_link_to_itself" => "external links",
        "external_link_to_a_pipe" | "external_link_to_a_device" => "could not be opened",
        "external_link_to_a_text" => "signature",
        "external_data_in_a_pipe" | "virtual_of_a_pipe" if pipe => "pipe or a device",
        "external_data_in_a_pipe" | "virtual_of_a_pipe" | "virtual_of_nothing" => "cannot be read",
        "external_data_in_a_device" => "/dev/zero",
        "virtual_of_itself" => "nests",
        "virtual_huge" | "huge_in_chunks" | "huge_in_one_block" | "bomb_that_says_so" => {
            "more than a file"
        }
        "huge_chunks" => "claims chunks",
        "bomb" | "bomb_in_a_bomb" => "decodes past",
        "not_a_number" => "NaN",
        "one_text_many_times" => "bytes of text",
        other => panic!("no case for {other}"),
    };
    let mut seen = 0;
    for name in kept.names() {
        let bytes: Vec<u8> =
            kept.read(name).unwrap().to_i64().unwrap().iter().map(|&byte| byte as u8).collect();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        refused(folder.path(), name, name, expected(name));
        seen += 1;
    }
    assert_eq!(seen, 24);
}

#[test]
fn what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    refused(folder.path(), "folder", "a folder", "it is a folder");
    refused(folder.path(), "nothing", "a missing file", "nothing");
    if cfg!(unix) {
        refused(folder.path(), "/dev/zero", "a device", "pipe or a device");
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
        if made.is_ok_and(|status| status.success()) {
            refused(folder.path(), "pipe", "a pipe", "pipe or a device");
        }
    }
}
