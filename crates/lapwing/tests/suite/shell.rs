//! What a shell asks of the program: completions, manual pages, no colours where none are wanted.

use crate::common::Bench;
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
    for part in ["lapwing study run", "\\-\\-output", "\\-\\-json"] {
        assert!(page.contains(part), "no {part} in\n{page}");
    }
    std::fs::write(bench.path("file"), "").unwrap();
    bench.fails("man --output file", &["file", "--output"]);
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
    let program = assert_cmd::cargo::cargo_bin!("lapwing");
    let typed = |no_color: bool| {
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{} no-such-command", program.display()), "/dev/null"]);
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
