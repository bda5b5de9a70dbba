//! Errors become one message and an exit code, in this one place.

use std::io;

/// Exit code when something failed.
pub const FAILED: u8 = 1;

/// Exit code when the command line asks for what cannot be; `clap` finds most of these itself.
const WRONG_USAGE: u8 = 2;

/// Prints an error with its causes as one message and returns the exit code; a reader who closed
/// the pipe got what they wanted, and is no error.
pub fn report(error: &anyhow::Error) -> u8 {
    if is_broken_pipe(error) {
        return 0;
    }
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        let printed = usage.print();
        if usage.use_stderr() {
            // Nothing can be done when standard error is closed.
            return WRONG_USAGE;
        }
        // Asking for help or the version is right usage.
        return match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                crate::output::say(format_args!("error: cannot write to standard output: {error}"));
                FAILED
            }
            _ => 0,
        };
    }
    crate::output::say(format_args!("error: {}", message(error)));
    FAILED
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error and its causes, joined by colons; a cause that a message already tells is not told
/// again, nor is a file that its cause names.
pub fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(|cause| without_number(&cause.to_string())) {
        let named = !text.contains(' ') && cause.split([' ', ':', ',']).any(|word| word == text);
        if text.is_empty() || cause.starts_with(&text) || named {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// What the system says of an error, without its number for it: ` (os error 2)`.
fn without_number(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| said + part.split_once(')').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn causes_are_told_once() {
        let error =
            anyhow!("disk full").context("cannot write a.npz: disk full").context("simulate");
        assert_eq!(message(&error), "simulate: cannot write a.npz: disk full");
        assert_eq!(message(&anyhow!("b").context("a")), "a: b");
        assert_eq!(message(&anyhow!("a.npz: b").context("a.npz")), "a.npz: b");
        assert_eq!(message(&anyhow!("no a.npz: b").context("a.npz")), "no a.npz: b");
        assert_eq!(message(&anyhow!("no a.npz: b").context("npz")), "npz: no a.npz: b");
    }

    #[test]
    fn the_systems_number_is_not_told() {
        let error = io::Error::from_raw_os_error(2);
        assert!(error.to_string().ends_with("(os error 2)"));
        let told = message(&anyhow!(error).context("a.npz"));
        assert!(told.starts_with("a.npz: ") && !told.contains("os error"), "{told}");
        assert_eq!(without_number("a (os error 2): b (os error 13)"), "a: b");
        assert_eq!(without_number("a"), "a");
    }

    #[test]
    fn a_broken_pipe_is_success_at_any_depth() {
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(pipe).context("cannot write")));
        assert!(!is_broken_pipe(&anyhow!("no such file")));
    }
}
