//! Commands for a caller within the process: no terminal, no signals, a record for an answer.

use crate::Arguments;
use anyhow::anyhow;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use lapwing_study::event::Event;
use serde_json::Value;
use std::error::Error as _;
use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

/// What a command found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// What `--json` prints.
    pub record: Value,
    /// What would have been said on standard error.
    pub notes: Vec<String>,
}

/// Hears of events, and says whether to go on.
type Listener<'a> = &'a mut (dyn FnMut(Event<'_>) -> ControlFlow<()> + Send);

/// Who has result, messages and events of a command in place of a terminal.
pub trait Asking: fmt::Debug + Sync {
    /// Takes the record of a command.
    fn result(&self, record: Value);
    /// Takes a message.
    fn note(&self, message: String);
    /// Hears of an event, and says whether to go on.
    fn observe(&self, event: Event<'_>) -> ControlFlow<()>;
}

struct Asked<'a> {
    answer: Mutex<Answer>,
    observe: Mutex<Listener<'a>>,
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl Asking for Asked<'_> {
    fn result(&self, record: Value) {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).record = record;
    }

    fn note(&self, message: String) {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).notes.push(message);
    }

    fn observe(&self, event: Event<'_>) -> ControlFlow<()> {
        (self.observe.lock().unwrap_or_else(PoisonError::into_inner))(event)
    }
}

/// Does what a command line asks for in the caller's threads and returns what it found, also where
/// the exit code would say that something in it failed. `observe` hears of every event and stops
/// the work by `Break`.
///
/// # Errors
/// As the command's, those of a wrong command line among them.
pub fn answer(
    arguments: impl IntoIterator<Item = OsString>,
    observe: Listener<'_>,
) -> anyhow::Result<Answer> {
    let Arguments { command, options } =
        Arguments::of(arguments).map_err(|wrong| anyhow!("{}", in_short(&wrong)))?;
    let asked = Asked { answer: Mutex::default(), observe: Mutex::new(observe) };
    command.run(crate::output::Output { asked: Some(&asked), ..options.output() })?;
    Ok(asked.answer.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What is wrong with a command line, without how it is used.
fn in_short(wrong: &clap::Error) -> String {
    match (wrong.kind(), wrong.get(ContextKind::InvalidArg)) {
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => {
            let each: Vec<String> = missing.iter().map(|one| names(one).join(" or ")).collect();
            return format!("expected {}, found none", each.join(" and "));
        }
        (ErrorKind::ValueValidation, Some(ContextValue::String(argument))) => {
            let value = wrong.get(ContextKind::InvalidValue);
            if let Some((value, why)) = value.zip(wrong.source()) {
                return format!("{}: {why}, found {value}", names(argument).join(" or "));
            }
        }
        _ => {}
    }
    let text = wrong.to_string();
    let told = text.split("\n\nUsage:").next().unwrap_or_default();
    let told = told.split("\n\nFor more information").next().unwrap_or_default();
    let lines: Vec<&str> = told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").replace(":; ", ": ").trim_start_matches("error: ").to_owned()
}

/// The names of the arguments that clap writes as `--phase <RAD>` or
/// `<FILE|--phase <RAD>|--absorption <F>>`, without what stands for their values.
fn names(arguments: &str) -> Vec<&str> {
    arguments.split('|').map(name).collect()
}

fn name(argument: &str) -> &str {
    let marks = ['<', '>', '[', ']'];
    let argument = argument.trim_start_matches(marks);
    argument.split([' ', '=']).next().unwrap_or_default().trim_end_matches(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> anyhow::Result<Answer> {
        answer(words.iter().map(OsString::from), &mut |_| ControlFlow::Continue(()))
    }

    #[test]
    fn a_command_answers_by_its_record() {
        let found = asked(&["lapwing", "devices"]).unwrap();
        assert!(found.record["cpu"]["threads"].as_u64() > Some(0), "{found:?}");
    }

    #[test]
    fn a_wrong_command_line_is_told_in_short() {
        let wrong = asked(&["lapwing", "plan", "--field-m", "no"]).unwrap_err().to_string();
        assert!(wrong.contains("--field-m") && !wrong.contains("Usage"), "{wrong}");
        assert!(!wrong.contains('\n') && !wrong.starts_with("error"), "{wrong}");
        let plan = "lapwing plan --resolution-m 3e-8 --probe-diameter-m 1e-6 --field-m 1e-5";
        for (more, told) in [
            ("", "expected --phase or --absorption or --delta, found none"),
            ("--delta 1e-6", "expected --thickness-m, found none"),
            ("--phase 0", "--phase: expected a number greater than 0, found 0"),
        ] {
            let words: Vec<&str> = plan.split(' ').chain(more.split_whitespace()).collect();
            assert_eq!(asked(&words).unwrap_err().to_string(), told);
        }
        let wrong = asked(&["lapwing", "overlap"]).unwrap_err().to_string();
        assert_eq!(wrong, "expected FILE, found none");
    }

    #[test]
    fn who_asked_hears_of_events_and_stops_the_work() {
        let plan = [
            "lapwing",
            "plan",
            "--resolution-m",
            "40e-9",
            "--phase",
            "0.3",
            "--probe-diameter-m",
            "400e-9",
            "--field-m",
            "1e-6",
            "--simulate",
        ];
        let mut epochs = 0;
        let stopped = answer(plan.map(OsString::from), &mut |event| {
            epochs += usize::from(matches!(event, Event::Epoch { .. }));
            ControlFlow::Break(())
        });
        assert!(stopped.is_err() && epochs == 1, "{epochs}");
    }
}
