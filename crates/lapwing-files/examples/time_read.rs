//! Times one reading of a NumPy archive; `bench/npz.py` runs it beside NumPy.
//!
//! ```text
//! time_read read FILE ARRAY      the array as it is
//! time_read f32 FILE ARRAY       the array as f32
//! time_read dataset FILE         the whole file as a data set
//! ```
//!
//! One line comes back: seconds, bytes of the stack in memory, peak of the process's memory in
//! bytes (0 where the system does not tell).
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Instant;

use lapwing_files::{Archive, Error, ReadOptions, dataset};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let start = Instant::now();
    let bytes = match arguments[..] {
        ["read", file, array] => read(file, array),
        ["f32", file, array] => Archive::open(file)
            .and_then(|archive| archive.read_f32(array))
            .map(|array| 4 * array.len()),
        ["dataset", file] => dataset::read(file, &ReadOptions::default())
            .map(|(dataset, _)| 4 * dataset.diffraction.values().len()),
        _ => {
            eprintln!("usage: time_read read|f32 FILE ARRAY, or time_read dataset FILE");
            return ExitCode::from(2);
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    match bytes {
        Ok(bytes) => {
            println!("{seconds} {bytes} {}", peak());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn read(file: &str, array: &str) -> Result<usize, Error> {
    let array = Archive::open(file)?.read(array)?;
    Ok(array.count() * array.dtype().width())
}

/// Most memory that the process ever held.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
        * 1024
}
