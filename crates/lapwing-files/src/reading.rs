//! The options of reading as one table: the flags of the command line, the keyword arguments of
//! Python and the documentation are made of it or checked against it.

use std::path::PathBuf;

use crate::dialect;
use crate::options::ReadOptions;

/// One option of reading.
#[derive(Debug, Clone, Copy)]
pub struct ReadOption {
    /// Its name in Python.
    pub name: &'static str,
    /// Its name on the command line, without the hyphens before it.
    pub flag: &'static str,
    /// What stands for its value on the command line; empty for a flag.
    pub value_name: &'static str,
    /// What it says about a file.
    pub help: &'static str,
    /// What values it takes.
    pub kind: Kind,
}

/// The kind of value that an option takes, and how it gets into the [`ReadOptions`]. What is not
/// given is understood from the file.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "`set` is the same in all: it stores a value")]
pub enum Kind {
    /// One of a few words.
    Choice {
        /// The words.
        words: Words,
        set: fn(&mut ReadOptions, &str) -> Result<(), String>,
    },
    /// Yes, where it is given.
    Flag { set: fn(&mut ReadOptions, bool) },
    /// The path of a file.
    File { set: fn(&mut ReadOptions, PathBuf) },
    /// A number.
    Number { set: fn(&mut ReadOptions, f64) },
    /// Any number of names.
    Names { set: fn(&mut ReadOptions, Vec<String>) },
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

/// Every option, in the order of the help.
pub static OPTIONS: [ReadOption; 11] = [
    ReadOption {
        name: "dialect",
        flag: "dialect",
        value_name: "NAME",
        help: "Dialect",
        kind: Kind::Choice {
            words: Words::Dialects,
            set: |options, word| word.parse().map(|value| options.dialect = Some(value)),
        },
    },
    ReadOption {
        name: "axis_order",
        flag: "axis-order",
        value_name: "ORDER",
        help: "Order of the axes",
        kind: Kind::Choice {
            words: Words::Fixed(&["nhw", "hwn"]),
            set: |options, word| word.parse().map(|value| options.axis_order = Some(value)),
        },
    },
    ReadOption {
        name: "quantity",
        flag: "quantity",
        value_name: "WHAT",
        help: "What the patterns hold",
        kind: Kind::Choice {
            words: Words::Fixed(&["amplitude", "intensity", "counts"]),
            set: |options, word| word.parse().map(|value| options.quantity = Some(value)),
        },
    },
    ReadOption {
        name: "zero_frequency",
        flag: "zero-frequency",
        value_name: "WHERE",
        help: "Where the zero frequency is",
        kind: Kind::Choice {
            words: Words::Fixed(&["centre", "corner"]),
            set: |options, word| word.parse().map(|value| options.zero_frequency = Some(value)),
        },
    },
    ReadOption {
        name: "coordinate_order",
        flag: "coordinate-order",
        value_name: "ORDER",
        help: "Order of the two coordinates of a position; column-row exchanges them",
        kind: Kind::Choice {
            words: Words::Fixed(&["row-column", "column-row"]),
            set: |options, word| word.parse().map(|value| options.coordinate_order = Some(value)),
        },
    },
    ReadOption {
        name: "flip_y",
        flag: "flip-y",
        value_name: "",
        help: "Reverse the sign of the row coordinates",
        kind: Kind::Flag { set: |options, given| options.flip_y = given },
    },
    ReadOption {
        name: "flip_x",
        flag: "flip-x",
        value_name: "",
        help: "Reverse the sign of the column coordinates",
        kind: Kind::Flag { set: |options, given| options.flip_x = given },
    },
    ReadOption {
        name: "companion",
        flag: "companion",
        value_name: "FILE",
        help: "Second file: the product (probe, positions) of a ptychodus or pty-chi pair, or the \
               start probe of a CXI file",
        kind: Kind::File { set: |options, path| options.companion = Some(path) },
    },
    ReadOption {
        name: "pixel_size_m",
        flag: "pixel-size-m",
        value_name: "METRES",
        help: "Size of an object pixel in metres, where positions are in metres",
        kind: Kind::Number { set: |options, metres| options.pixel_size = Some(metres) },
    },
    ReadOption {
        name: "geometry",
        flag: "geometry",
        value_name: "WHICH",
        help: "How the detector sees the sample",
        kind: Kind::Choice {
            words: Words::Fixed(&["far-field", "near-field"]),
            set: |options, word| word.parse().map(|value| options.geometry = Some(value)),
        },
    },
    ReadOption {
        name: "leave_out",
        flag: "leave-out",
        value_name: "NAME",
        help: "Pass over this array; may be repeated",
        kind: Kind::Names { set: |options, names| options.leave_out = names },
    },
];

/// The option of a name.
pub fn option(name: &str) -> Option<&'static ReadOption> {
    OPTIONS.iter().find(|option| option.name == name)
}

impl ReadOption {
    /// The help of the command line: what it says, and the words that it takes.
    pub fn help_line(&self) -> String {
        let Kind::Choice { words, .. } = self.kind else { return self.help.to_owned() };
        let words = words.list();
        let (last, others) = words.split_last().expect("a choice has words");
        format!("{}: {} or {last}", self.help, others.join(", "))
    }

    /// Checks a word of a choice.
    ///
    /// # Errors
    /// What was expected, when it is none of the words.
    pub fn check(&self, word: &str) -> Result<(), String> {
        match self.kind {
            Kind::Choice { set, .. } => set(&mut ReadOptions::default(), word),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_choice_is_understood_and_others_are_told() {
        for option in &OPTIONS {
            let Kind::Choice { words, .. } = option.kind else { continue };
            for word in words.list() {
                assert_eq!(option.check(word), Ok(()), "{}", option.name);
            }
            let told = option.check("none").unwrap_err();
            assert!(told.starts_with("expected ") && told.contains("\"none\""), "{told}");
        }
        let axes = option("axis_order").unwrap();
        assert_eq!(axes.help_line(), "Order of the axes: nhw or hwn");
        assert!(OPTIONS.iter().all(|option| option.flag == option.name.replace('_', "-")));
        assert!(option("axis-order").is_none());
    }
}
