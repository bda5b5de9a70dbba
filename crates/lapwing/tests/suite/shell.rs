//! What a shell asks of the program: completions, manual pages, no colours where none are wanted.

use crate::common::{Bench, PROGRAM};
use std::process::Command;

#[test]
fn completions_know_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = bench.ok(&format!("completions {shell}"));
        // Commands, options, and the words that some options take.
        for word in ["reconstruct", "completions", "num-epochs", "LSQML", "weak-phase"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        // Names for scripts of the reference study are taken, and offered to no one.
        for word in ["phase-c-root", "phase-d-root", "artifact-root", "input-npz", "output-dir"] {
            assert!(!script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(bench.run("completions tcsh").status.code(), Some(2));
}

/// Bash itself takes the script and completes with it.
#[test]
fn bash_completes_a_command() {
    let bench = Bench::new();
    std::fs::write(bench.path("lapwing.bash"), bench.ok("completions bash")).unwrap();
    let typed = "source lapwing.bash && COMP_WORDS=(lapwing recon) COMP_CWORD=1 && \
                 _lapwing lapwing recon lapwing && echo \"${COMPREPLY[@]}\"";
    match Command::new("bash").args(["-c", typed]).current_dir(bench.path(".")).output() {
        Ok(output) => {
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "reconstruct", "{output:?}");
        }
        Err(_) => println!("SKIPPED: bash is not there"),
    }
}

#[test]
fn every_command_has_its_manual_page() {
    let bench = Bench::new();
    let made = bench.json("man --output pages/man1");
    let pages: Vec<&str> =
        made["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    for page in ["lapwing.1", "lapwing-reconstruct.1", "lapwing-study-run.1"] {
        assert!(pages.contains(&page), "{pages:?}");
    }
    let page = std::fs::read_to_string(bench.path("pages/man1/lapwing-study-run.1")).unwrap();
    for part in ["lapwing study run", "\\-\\-output", "\\-\\-json", ".SH EXAMPLES\n", "lapwing 0."]
    {
        assert!(page.contains(part), "no {part} in\n{page}");
    }
    let whole = std::fs::read_to_string(bench.path("pages/man1/lapwing.1")).unwrap();
    assert!(whole.contains("lapwing\\-version(1)") && !whole.contains("lapwing\\-help(1)"));
    // The synopsis is what `--help` calls usage, in one line.
    let (_, after) = page.split_once(".SH SYNOPSIS\n").unwrap();
    let synopsis = after.lines().next().unwrap();
    assert!(synopsis.contains("[OPTIONS]") && synopsis.contains("STUDY.toml"), "{synopsis}");
    std::fs::write(bench.path("file"), "").unwrap();
    // A file where a folder is to be is named.
    for command in ["man", "examples"] {
        let said = ["file: expected a folder, found the file file"];
        bench.fails(&format!("{command} --output file"), &said);
        bench
            .fails(&format!("{command} --output file/below"), &["expected a folder", "file file;"]);
    }
}

/// `man` itself finds nothing to warn of, and keeps what is typed in lines of its own.
#[cfg(target_os = "linux")]
#[test]
fn man_shows_the_pages_without_warnings() {
    // That of man-db; others have no --warnings, and some systems a stub.
    let version = Command::new("man").args(["--warnings", "--version"]).output();
    if !version.is_ok_and(|output| output.stdout.starts_with(b"man ")) {
        println!("SKIPPED: man is not there");
        return;
    }
    let bench = Bench::new();
    let made = bench.json("man --output pages");
    for page in made["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()) {
        let mut command = Command::new("man");
        command.args(["--warnings", "-P", "cat", "-l", page]).current_dir(bench.path("pages"));
        let output = command.env("MANWIDTH", "100").env("LC_ALL", "C").output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}");
        if page == "lapwing-calibrate.1" {
            assert!(shown.contains("--mrad-per-pixel 0.0331 \\\n"), "{shown}");
        }
    }
}

#[test]
fn examples_are_written_once() {
    let bench = Bench::new();
    bench.ok("examples");
    assert!(bench.path("examples/electrons/sunflower.npz").is_file());
    std::fs::write(bench.path("examples/quick.toml"), "mine").unwrap();
    let output = bench.run("examples");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("quick.toml: another file"), "{said}");
    assert_eq!(std::fs::read(bench.path("examples/quick.toml")).unwrap(), b"mine");
}

#[test]
fn nothing_is_coloured_into_a_pipe() {
    let bench = Bench::new();
    for arguments in ["--help", "reconstruct --help", "no-such-command", "inspect none.npz"] {
        let output = bench.run(arguments);
        let bytes = [output.stdout, output.stderr].concat();
        assert!(!bytes.contains(&0x1b), "{arguments}: {}", String::from_utf8_lossy(&bytes));
    }
}

/// `script` gives the program a terminal, on which wrong usage is coloured unless `NO_COLOR` is
/// set.
#[cfg(target_os = "linux")]
#[test]
fn no_color_is_honoured_on_a_terminal() {
    let typed = |no_color: bool| {
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{} no-such-command", PROGRAM), "/dev/null"]);
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
        if no_color {
            command.env("NO_COLOR", "1");
        }
        command.output().map(|output| output.stdout.contains(&0x1b))
    };
    match (typed(false), typed(true)) {
        (Ok(plain), Ok(without)) => assert_eq!((plain, without), (true, false)),
        _ => println!("SKIPPED: script is not there"),
    }
}
