//! What values an option takes.

use super::{AUTO, Value};

/// The word for an empty list.
const NONE: &str = "none";

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number, at least `least` and at most `most`.
    Count {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A whole number, or `auto`.
    CountOrAuto {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A finite number.
    Number(Range),
    /// A finite number, or `auto`.
    NumberOrAuto(Range),
    /// Yes or no, `true` or `false`; a flag without a value means yes.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any of these words, with commas between them; `none` for none.
    Words(&'static [&'static str]),
    /// One of these words, or the name of a file.
    File(&'static [&'static str]),
}

/// Where a number may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// 0 or more.
    NotNegative,
    /// Above 0.
    Positive,
    /// Above 0 and at most 1.
    Share,
    /// 1 or more.
    FromOne,
}

/// The most epochs that a solver takes.
pub const MOST_EPOCHS: u64 = 1_000_000;

impl Kind {
    /// Numbers of epochs.
    pub const EPOCHS: Self = Self::Count { least: 1, most: MOST_EPOCHS };
    /// Numbers of epochs, or as many as it takes.
    pub const EPOCHS_OR_AUTO: Self = Self::CountOrAuto { least: 1, most: MOST_EPOCHS };
    /// Any whole number from 1.
    pub const FROM_ONE: Self = Self::Count { least: 1, most: u64::MAX };
    /// Any whole number.
    pub const WHOLE: Self = Self::Count { least: 0, most: u64::MAX };

    /// Whether it takes `value`.
    pub fn accepts(self, value: &Value) -> bool {
        match (self.without_auto(), value) {
            _ if self.is_auto(value) => true,
            (Self::Count { least, most }, Value::Count(count)) => (least..=most).contains(count),
            (Self::Number(range), value) => value.number().is_some_and(|n| range.holds(n)),
            (Self::Switch, Value::Flag(_)) => true,
            (Self::Choice(words), Value::Word(word)) => words.contains(&word.as_str()),
            (Self::Words(_), Value::Word(word)) if word == NONE => true,
            (Self::Words(words), Value::Word(list)) => {
                list.split(',').all(|word| words.contains(&word.trim()))
            }
            (Self::File(_), Value::Word(word)) => !word.is_empty(),
            _ => false,
        }
    }

    /// The value that a word on a command line stands for, if it takes it.
    pub fn parse(self, text: &str) -> Option<Value> {
        let word = Value::Word(text.to_owned());
        let value = match self.without_auto() {
            _ if self.is_auto(&word) => word,
            Self::Count { .. } => Value::Count(text.parse().ok()?),
            Self::Number(_) => Value::Number(text.parse().ok()?),
            Self::Switch => Value::Flag(text.parse().ok()?),
            _ => word,
        };
        self.accepts(&value).then_some(value)
    }

    /// Whether `value` is `auto`, and may be.
    fn is_auto(self, value: &Value) -> bool {
        self != self.without_auto() && matches!(value, Value::Word(word) if word == AUTO)
    }

    /// The kind without the word `auto`.
    fn without_auto(self) -> Self {
        match self {
            Self::CountOrAuto { least, most } => Self::Count { least, most },
            Self::NumberOrAuto(range) => Self::Number(range),
            other => other,
        }
    }

    /// What is expected of a value, for messages.
    pub fn expected(self) -> String {
        match self {
            Self::CountOrAuto { .. } | Self::NumberOrAuto(_) => {
                format!("{AUTO} or {}", self.without_auto().expected())
            }
            Self::Count { least: 0, most: u64::MAX } => "a whole number, 0 or more".to_owned(),
            Self::Count { least, most: u64::MAX } => format!("a whole number, at least {least}"),
            Self::Count { least, most } => {
                format!("a whole number, {} to {}", grouped(least), grouped(most))
            }
            Self::Number(Range::NotNegative) => "a number, 0 or more".to_owned(),
            Self::Number(Range::Positive) => "a number greater than 0".to_owned(),
            Self::Number(Range::Share) => "a number above 0 and at most 1".to_owned(),
            Self::Number(Range::FromOne) => "a number, at least 1".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::File(words) => format!("{} or a file", words.join(", ")),
            Self::Words(words) => {
                format!("{NONE}, or any of {} with commas between them", words.join(", "))
            }
            Self::Choice([one]) => (*one).to_owned(),
            Self::Choice([words @ .., last]) => format!("{} or {last}", words.join(", ")),
            Self::Choice([]) => "nothing".to_owned(),
        }
    }
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}

impl Range {
    fn holds(self, number: f64) -> bool {
        number.is_finite()
            && match self {
                Self::NotNegative => number >= 0.0,
                Self::Positive => number > 0.0,
                Self::Share => number > 0.0 && number <= 1.0,
                Self::FromOne => number >= 1.0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_are_values_or_refused() {
        let share = Kind::Number(Range::Share);
        assert_eq!(share.parse("0.5"), Some(Value::Number(0.5)));
        for wrong in ["0", "1.5", "nan", "inf", "half", ""] {
            assert_eq!(share.parse(wrong), None, "{wrong}");
        }
        let weight = Kind::NumberOrAuto(Range::FromOne);
        assert_eq!(weight.parse("1"), Some(Value::Number(1.0)));
        assert_eq!((weight.parse("0.5"), weight.parse("inf")), (None, None));
        assert_eq!(weight.expected(), "auto or a number, at least 1");
        assert_eq!(Kind::EPOCHS.parse("7"), Some(Value::Count(7)));
        for wrong in ["0", "-3", "1.5", "1000001"] {
            assert_eq!(Kind::EPOCHS.parse(wrong), None, "{wrong}");
        }
        let choice = Kind::Choice(&["scan", "batch"]);
        assert_eq!(choice.parse("batch"), Some(Value::Word("batch".to_owned())));
        assert_eq!((choice.parse("Batch"), choice.expected().as_str()), (None, "scan or batch"));
        assert_eq!(Kind::Switch.parse("true"), Some(Value::Flag(true)));
        assert_eq!((Kind::Switch.parse("1"), Kind::Switch.parse("yes")), (None, None));
        let words = Kind::Words(&["modes", "positions"]);
        for right in ["none", "modes", "positions,modes", "modes, positions"] {
            assert_eq!(words.parse(right), Some(Value::Word(right.to_owned())), "{right}");
        }
        for wrong in ["", "mode", "modes,", "none,modes"] {
            assert_eq!(words.parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn limits_are_written_for_people() {
        assert_eq!(Kind::EPOCHS.expected(), "a whole number, 1 to 1,000,000");
        assert_eq!(Kind::Count { least: 1, most: 64 }.expected(), "a whole number, 1 to 64");
        assert_eq!(grouped(12_345), "12,345");
    }

    #[test]
    fn a_whole_number_is_a_number() {
        assert!(Kind::Number(Range::Positive).accepts(&Value::Count(3)));
        assert!(!Kind::WHOLE.accepts(&Value::Number(3.0)));
    }
}
