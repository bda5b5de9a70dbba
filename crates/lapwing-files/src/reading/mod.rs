//! The options of reading as one table: the flags of the command line, the keyword arguments of
//! Python, the keys of an experiment file and the documentation are made of it or checked against
//! it.

mod given;
mod table;

use std::path::{Path, PathBuf};

use crate::dialect;
use crate::experiment;
use crate::options::ReadOptions;
use crate::physics::Fly;

pub use given::Given;
pub use table::OPTIONS;

/// One option of reading.
#[derive(Debug, Clone, Copy)]
pub struct ReadOption {
    /// Its name in Python; with hyphens it is the flag of the command line.
    pub name: &'static str,
    /// The section of an experiment file that it stands in; empty for what no such file says.
    pub section: &'static str,
    /// What stands for its value on the command line; empty for a flag.
    pub value_name: &'static str,
    /// What it says about a file; the limits of its values are in its kind.
    pub help: &'static str,
    /// A value that it could have, as an experiment file has it; empty where one of its kind will
    /// do.
    pub example: &'static str,
    /// What values it takes.
    pub kind: Kind,
}

/// The kind of value that an option takes, and how it gets into the [`ReadOptions`]. What is not
/// given is understood from the file.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One of a few words.
    Choice {
        /// The words.
        words: Words,
        /// Puts one of them into the options.
        set: for<'a> fn(&mut ReadOptions, &'a str) -> Result<(), String>,
    },
    /// Text with a form of its own.
    Text {
        /// Puts it into the options; the error says what was expected.
        set: for<'a> fn(&mut ReadOptions, &'a str) -> Result<(), String>,
    },
    /// Yes, where it is given.
    Flag {
        /// Puts it into the options.
        set: fn(&mut ReadOptions, bool),
    },
    /// The path of a file.
    File {
        /// Puts it into the options.
        set: fn(&mut ReadOptions, PathBuf),
    },
    /// The paths of any number of files.
    Files {
        /// Puts them into the options.
        set: fn(&mut ReadOptions, Vec<PathBuf>),
    },
    /// A number.
    Number {
        /// What numbers it takes.
        range: Range,
        /// Puts one into the options.
        set: fn(&mut ReadOptions, f64),
    },
    /// One number for both axes, or one for each, (y, x).
    Pair {
        /// What numbers it takes.
        range: Range,
        /// Puts both, (y, x), into the options.
        set: fn(&mut ReadOptions, (f64, f64)),
    },
    /// A way of the probe: `auto`, or how far along (y, x).
    Motion {
        /// Puts it into the options.
        set: fn(&mut ReadOptions, Fly),
    },
    /// Whole numbers from 0, and ranges of them with both ends: `3,17,40-52`.
    Indices {
        /// Puts them into the options.
        set: fn(&mut ReadOptions, Vec<usize>),
    },
    /// Any number of names.
    Names {
        /// Puts them into the options.
        set: fn(&mut ReadOptions, Vec<String>),
    },
}

/// What numbers an option takes; all must be finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// Any.
    Any,
    /// Zero and above.
    NotNegative,
    /// Above zero.
    Positive,
    /// Zero and above, up to this.
    UpTo(f64),
    /// Whole numbers from 1 to 2^24.
    Count,
    /// Whole numbers from 1 to this.
    CountUpTo(usize),
}

/// Names of the options that say how patterns come about, of simulated ones as well.
pub const PHYSICS: [&str; 7] = [
    "fresnel_number",
    "moves",
    "fly",
    "detector_blur",
    "slices",
    "slice_fresnel_number",
    "slice_spacing",
];

/// Largest of the counts that no option limits further.
const MOST: usize = 1 << 24;

impl Range {
    /// What is expected, in words.
    pub fn expected(self) -> String {
        match self {
            Self::Any => "a number".to_owned(),
            Self::NotNegative => "a number that is not negative".to_owned(),
            Self::Positive => "a positive number".to_owned(),
            Self::UpTo(most) => format!("a number from 0 to {most}"),
            Self::Count => Self::CountUpTo(MOST).expected(),
            Self::CountUpTo(most) => format!("a whole number from 1 to {most}"),
        }
    }

    /// The largest number, where an option limits it.
    fn limit(self) -> Option<f64> {
        match self {
            Self::Any | Self::NotNegative | Self::Positive | Self::Count => None,
            Self::UpTo(most) => Some(most),
            Self::CountUpTo(most) => Some(most as f64),
        }
    }

    /// Whether it has this number.
    pub fn has(self, number: f64) -> bool {
        number.is_finite()
            && match self {
                Self::Any => true,
                Self::NotNegative => number >= 0.0,
                Self::Positive => number > 0.0,
                Self::UpTo(most) => (0.0..=most).contains(&number),
                Self::Count => Self::CountUpTo(MOST).has(number),
                Self::CountUpTo(most) => {
                    (1.0..=most as f64).contains(&number) && number.fract() == 0.0
                }
            }
    }
}

/// The words of a choice.
#[derive(Debug, Clone, Copy)]
pub enum Words {
    /// These.
    Fixed(&'static [&'static str]),
    /// The names of all dialects.
    Dialects,
}

impl Words {
    /// The words, in the order in which they are told.
    pub fn list(self) -> Vec<&'static str> {
        match self {
            Self::Fixed(words) => words.to_vec(),
            Self::Dialects => dialect::names().collect(),
        }
    }
}

/// Why options of reading cannot be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// A value that an option cannot have.
    #[error("{name}: {problem}")]
    Value {
        /// The option, under the name that it has where it was given.
        name: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// An experiment file that cannot be understood.
    #[error("{}: {problem}", path.display())]
    Experiment {
        /// The file.
        path: PathBuf,
        /// The key, what was expected and what was found.
        problem: String,
    },
}

/// The option of a name.
pub fn option(name: &str) -> Option<&'static ReadOption> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// The option that names an experiment file.
pub const EXPERIMENT: &str = "experiment";

/// The option that says which probe a reconstruction starts from.
pub(crate) const PROBE_FROM: &str = "probe_from";

/// What all options together say: first what the experiment file says that one of them names, then
/// the others in its place.
///
/// # Errors
/// The first value that an option cannot have, and an experiment file that cannot be understood.
pub fn options<'a>(
    given: impl IntoIterator<Item = (&'static ReadOption, &'a Given)> + Clone,
) -> Result<ReadOptions, OptionError> {
    let mut options = ReadOptions::default();
    let file = given.clone().into_iter().find(|(option, _)| option.name == EXPERIMENT);
    if let Some((_, path)) = file {
        let path = path.path().ok_or_else(|| OptionError::Value {
            name: EXPERIMENT.to_owned(),
            problem: "expected the path of a file".to_owned(),
        })?;
        options = experiment::read(&path)?;
    }
    for (option, value) in given {
        if option.name != EXPERIMENT {
            option
                .set(&mut options, value)
                .map_err(|problem| OptionError::Value { name: option.name.to_owned(), problem })?;
        }
    }
    Ok(options)
}

impl ReadOption {
    /// With an [example](Self::example).
    const fn like(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// Its flag on the command line, without the hyphens before it.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Whether it is no flag of the commands that read a scan, and no keyword of Python's: an
    /// experiment says it, and those who reconstruct have an option of their own that takes
    /// precedence.
    pub fn is_of_experiments(&self) -> bool {
        self.name == PROBE_FROM
    }

    /// Whether it says how a file stores things, rather than how it was measured.
    pub fn is_of_files(&self) -> bool {
        matches!(self.section, "file" | "patterns" | "object")
    }

    /// Its key in the section of an experiment file: the name, without the section's in front.
    pub fn key(&self) -> &'static str {
        let rest = self.name.strip_prefix(self.section).and_then(|rest| rest.strip_prefix('_'));
        rest.unwrap_or(self.name)
    }

    /// What it says about a file, with the largest number that it takes.
    pub fn about(&self) -> String {
        let limit = match self.kind {
            Kind::Number { range, .. } | Kind::Pair { range, .. } => range.limit(),
            _ => None,
        };
        let limit = limit.map(|most| format!(", at most {most}"));
        format!("{}{}", self.help, limit.unwrap_or_default())
    }

    /// The help of the command line: what it says, and the words that it takes.
    pub fn help_line(&self) -> String {
        let Kind::Choice { words, .. } = self.kind else { return self.about() };
        let words = words.list();
        let (last, others) = words.split_last().expect("a choice has words");
        format!("{}: {} or {last}", self.help, others.join(", "))
    }

    /// Stores a value.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn set(&self, options: &mut ReadOptions, given: &Given) -> Result<(), String> {
        let wrong = |expected: &str| Err(format!("expected {expected}, found {given}"));
        match (self.kind, given) {
            (Kind::Choice { set, .. } | Kind::Text { set }, Given::Word(word)) => {
                set(options, word)
            }
            // Numbers of an experiment file are none of text.
            (Kind::Choice { words, set }, Given::Number(number))
                if words.list().contains(&number.to_string().as_str()) =>
            {
                set(options, &number.to_string())
            }
            (Kind::Flag { set }, Given::Flag(flag)) => {
                set(options, *flag);
                Ok(())
            }
            (Kind::File { set }, given) => match given.path() {
                Some(path) => {
                    set(options, path);
                    Ok(())
                }
                None => wrong("the path of a file"),
            },
            (Kind::Files { set }, given) => match given.paths() {
                Some(paths) => {
                    set(options, paths);
                    Ok(())
                }
                None => wrong("paths of files"),
            },
            (Kind::Number { range, set }, Given::Number(number)) if range.has(*number) => {
                set(options, *number);
                Ok(())
            }
            (Kind::Number { range, .. }, _) => wrong(&range.expected()),
            (Kind::Pair { range, set }, given) => match given.pair() {
                Some((y, x)) if range.has(y) && range.has(x) => {
                    set(options, (y, x));
                    Ok(())
                }
                _ => wrong(&format!("{} for both axes, or two, y and x", range.expected())),
            },
            (Kind::Motion { set }, given) => {
                set(options, given.motion()?);
                Ok(())
            }
            (Kind::Indices { set }, given) => {
                set(options, given.indices()?);
                Ok(())
            }
            (Kind::Names { set }, Given::Words(names)) => {
                set(options, names.clone());
                Ok(())
            }
            (Kind::Names { set }, Given::Word(name)) => {
                set(options, vec![name.clone()]);
                Ok(())
            }
            (Kind::Choice { .. } | Kind::Text { .. }, _) => wrong("text"),
            (Kind::Flag { .. }, _) => wrong("true or false"),
            (Kind::Names { .. }, _) => wrong("names"),
        }
    }

    /// The value that text on the command line means.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn parse(&self, text: &str) -> Result<Given, String> {
        let given = match self.kind {
            Kind::Number { range, .. } => match text.trim().parse() {
                Ok(number) => Given::Number(number),
                Err(_) => return Err(format!("expected {}, found {text:?}", range.expected())),
            },
            Kind::Pair { .. } => Given::numbers(text)?,
            Kind::Flag { .. } => Given::Flag(true),
            Kind::Names { .. } => Given::Words(vec![text.to_owned()]),
            Kind::Files { .. } => Given::Paths(vec![Path::new(text).to_owned()]),
            Kind::File { .. } => Given::Path(Path::new(text).to_owned()),
            Kind::Choice { .. }
            | Kind::Text { .. }
            | Kind::Motion { .. }
            | Kind::Indices { .. } => Given::Word(text.to_owned()),
        };
        self.set(&mut ReadOptions::default(), &given).map(|()| given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_choice_is_understood_and_others_are_told() {
        for option in OPTIONS {
            let Kind::Choice { words, .. } = option.kind else { continue };
            for word in words.list() {
                assert!(option.parse(word).is_ok(), "{} {word}", option.name);
            }
            let told = option.parse("none").unwrap_err();
            assert!(told.starts_with("expected ") && told.contains("\"none\""), "{told}");
        }
        let axes = option("axis_order").unwrap();
        let line = axes.help_line();
        assert!(line.starts_with("Order of the axes") && line.ends_with(": nhw or hwn"), "{line}");
        assert!(option("axis-order").is_none());
    }

    #[test]
    fn numbers_are_held_against_their_ranges() {
        let parsed = |name: &str, text: &str| option(name).unwrap().parse(text);
        assert_eq!(parsed("scan_step_m", "3e-9"), Ok(Given::Number(3e-9)));
        assert_eq!(parsed("scan_shape", "40x30"), Ok(Given::Numbers(vec![40.0, 30.0])));
        for (name, text) in [
            ("scan_step_m", "0"),
            ("scan_step_m", "1,2,3"),
            ("scan_shape", "40,0.5"),
            ("voltage_kv", "-300"),
            ("voltage_kv", "inf"),
            ("voltage_kv", "300 kV"),
            ("detector_blur", "-0.1"),
            ("detector_blur", "4.1"),
            ("leave_out_frames", "7-3"),
            ("leave_out_frames", "0-99999999999"),
        ] {
            let told = parsed(name, text).unwrap_err();
            assert!(told.contains("expected") && told.contains("found"), "{name} {text}: {told}");
        }
        // A blur that a file states can be switched off.
        assert_eq!(parsed("detector_blur", "0"), Ok(Given::Number(0.0)));
        let mut options = ReadOptions::default();
        let good = option("mask_good_is").unwrap();
        assert!(good.set(&mut options, &Given::Number(0.0)).is_ok() && options.mask_good.is_some());
        assert!(good.set(&mut options, &Given::Number(2.0)).is_err());
        let frames = option("leave_out_frames").unwrap();
        frames.set(&mut options, &Given::Word("3, 17,40-42".to_owned())).unwrap();
        assert_eq!(options.experiment.patterns.leave_out_frames, [3, 17, 40, 41, 42]);
    }

    #[test]
    fn no_two_options_have_one_name_or_one_place_in_a_file() {
        for (index, one) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[index + 1..] {
                assert_ne!(one.name, other.name);
                assert_ne!((one.section, one.key()), (other.section, other.key()));
            }
        }
    }
}
