//! Values of options, and the types that hold them.

use std::fmt;

/// A value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A word, or anything else.
    Word(String),
}

impl Value {
    /// As a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number) => Some(*number),
            Self::Flag(_) | Self::Word(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Word(word) => write!(f, "`{word}`"),
        }
    }
}

/// A type that an option's value may have in its struct.
pub trait Typed: Sized {
    /// Whether it may have no value.
    const OPTIONAL: bool = false;

    /// The value, if it has one.
    fn to_value(&self) -> Option<Value>;

    /// From a value that its kind accepts; `None` when it does not fit.
    fn from_value(value: &Value) -> Option<Self>;
}

impl Typed for usize {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Count(*self as u64))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Count(count) => (*count).try_into().ok(),
            _ => None,
        }
    }
}

impl Typed for bool {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Flag(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }
}

impl Typed for u64 {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Count(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Count(count) => Some(*count),
            _ => None,
        }
    }
}

impl Typed for f64 {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Number(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.number()
    }
}

/// The word for a value that the solver chooses from the data.
pub const AUTO: &str = "auto";

/// A value that is given, or chosen from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auto<T> {
    /// Chosen from the data: `auto`.
    Auto,
    /// This one.
    Given(T),
}

impl<T: Copy> Auto<T> {
    /// The value that was given.
    pub fn given(self) -> Option<T> {
        match self {
            Self::Auto => None,
            Self::Given(value) => Some(value),
        }
    }
}

impl<T: Typed> Typed for Auto<T> {
    fn to_value(&self) -> Option<Value> {
        match self {
            Self::Auto => Some(Value::Word(AUTO.to_owned())),
            Self::Given(value) => value.to_value(),
        }
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Word(word) if word == AUTO => Some(Self::Auto),
            value => T::from_value(value).map(Self::Given),
        }
    }
}

impl<T: Typed> Typed for Option<T> {
    const OPTIONAL: bool = true;

    fn to_value(&self) -> Option<Value> {
        self.as_ref().and_then(T::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Some)
    }
}
