//! A value as it was given: on the command line, in Python or in an experiment file.

use crate::physics::Fly;
use lapwing_model::Short;
use std::fmt;
use std::path::{Path, PathBuf};

/// Most indices that a range may stand for.
const MAX_INDICES: usize = 1 << 22;

/// A value as it was given, before an option took it.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// Text.
    Word(String),
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Several numbers.
    Numbers(Vec<f64>),
    /// Several texts.
    Words(Vec<String>),
    /// A path.
    Path(PathBuf),
    /// Several paths.
    Paths(Vec<PathBuf>),
}

impl Given {
    /// Numbers with commas, `x` or white space between them.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn numbers(text: &str) -> Result<Self, String> {
        let separator = |c: char| c == ',' || c == 'x' || c.is_whitespace();
        let words = text.split(separator).filter(|word| !word.is_empty());
        let numbers: Result<Vec<f64>, _> = words.map(str::parse).collect();
        match numbers {
            Ok(numbers) if numbers.len() == 1 => Ok(Self::Number(numbers[0])),
            Ok(numbers) if !numbers.is_empty() => Ok(Self::Numbers(numbers)),
            _ => Err(format!("expected numbers such as 40,30, found {text:?}")),
        }
    }

    /// What a value of an experiment file is; `None` for what no option takes.
    pub(crate) fn of_toml(value: &toml::Value) -> Option<Self> {
        let number = |value: &toml::Value| match value {
            toml::Value::Integer(number) => Some(*number as f64),
            toml::Value::Float(number) => Some(*number),
            _ => None,
        };
        match value {
            toml::Value::String(text) => Some(Self::Word(text.clone())),
            toml::Value::Boolean(flag) => Some(Self::Flag(*flag)),
            toml::Value::Array(values) if values.iter().all(toml::Value::is_str) => {
                let words = values.iter().filter_map(|value| value.as_str().map(str::to_owned));
                Some(Self::Words(words.collect()))
            }
            toml::Value::Array(values) => {
                values.iter().map(number).collect::<Option<_>>().map(Self::Numbers)
            }
            value => number(value).map(Self::Number),
        }
    }

    /// As a value of an experiment file.
    pub fn to_toml(&self) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let list = |values: Vec<String>| format!("[{}]", values.join(", "));
        let absolute = |path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            text(&path.to_string_lossy())
        };
        match self {
            Self::Word(word) => text(word),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => format!("{number:?}"),
            Self::Numbers(numbers) => list(numbers.iter().map(|n| format!("{n:?}")).collect()),
            Self::Words(words) => list(words.iter().map(|word| text(word)).collect()),
            // Relative paths are those of the file's folder.
            Self::Path(path) => absolute(path),
            Self::Paths(paths) => list(paths.iter().map(|path| absolute(path)).collect()),
        }
    }

    /// The path that it is.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Path(path) => Some(path.clone()),
            Self::Word(text) if !text.is_empty() => Some(PathBuf::from(text)),
            _ => None,
        }
    }

    /// The paths that it is, of one file or of several.
    pub(crate) fn paths(&self) -> Option<Vec<PathBuf>> {
        match self {
            Self::Paths(paths) => Some(paths.clone()),
            Self::Words(words) if !words.iter().any(String::is_empty) => {
                Some(words.iter().map(PathBuf::from).collect())
            }
            one => one.path().map(|path| vec![path]),
        }
    }

    /// One number for both axes, or two.
    pub(super) fn pair(&self) -> Option<(f64, f64)> {
        match self {
            Self::Number(both) => Some((*both, *both)),
            Self::Numbers(numbers) => match *numbers.as_slice() {
                [both] => Some((both, both)),
                [y, x] => Some((y, x)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A way of the probe: in words, or two numbers.
    pub(super) fn motion(&self) -> Result<Fly, String> {
        match self {
            Self::Word(text) => text.parse(),
            Self::Numbers(numbers) if numbers.len() == 2 => Fly::try_from((numbers[0], numbers[1])),
            _ => Err(format!("expected {}, found {self}", Fly::EXPECTED)),
        }
    }

    /// Whole numbers and ranges of them, sorted, each once.
    pub(super) fn indices(&self) -> Result<Vec<usize>, String> {
        let wrong =
            || format!("expected whole numbers and ranges from 0 such as 3,17,40-52, found {self}");
        let whole = |number: f64| {
            let fits = number >= 0.0 && number.fract() == 0.0 && number < 2.0_f64.powi(53);
            if fits { Ok(number as usize) } else { Err(wrong()) }
        };
        let mut found = match self {
            Self::Number(number) => vec![whole(*number)?],
            Self::Numbers(numbers) => {
                numbers.iter().map(|&number| whole(number)).collect::<Result<_, _>>()?
            }
            Self::Words(words) if words.is_empty() => Vec::new(),
            Self::Word(text) => ranges(text).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// The numbers of `3,17,40-52`.
fn ranges(text: &str) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('-') {
            None => found.push(part.parse().ok()?),
            Some((first, last)) => {
                let (first, last): (usize, usize) =
                    (first.trim().parse().ok()?, last.trim().parse().ok()?);
                if last < first || found.len() + (last - first) >= MAX_INDICES {
                    return None;
                }
                found.extend(first..=last);
            }
        }
    }
    Some(found)
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) => write!(f, "{text:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{}", Short(*number)),
            Self::Numbers(numbers) => {
                let shown: Vec<String> =
                    numbers.iter().take(8).map(|&number| Short(number).to_string()).collect();
                let more = if numbers.len() > 8 { ", ..." } else { "" };
                write!(f, "{}{more}", shown.join(", "))
            }
            Self::Words(words) => write!(f, "{}", words.join(", ")),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Paths(paths) => {
                let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                write!(f, "{}", shown.join(", "))
            }
        }
    }
}
