//! The program `lapwing`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(lapwing_cli::run(std::env::args_os()))
}
