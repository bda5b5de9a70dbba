//! The section `[slurm]`: what tasks of a cluster ask for.

use crate::{Result, StudyError};
use serde::{Deserialize, Serialize};

/// What each job and task asks for; the section `[slurm]` of a design. What is `None` is left to
/// the cluster's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Tasks that reconstruct side by side, at most one for each reconstruction.
    pub tasks: Option<usize>,
    /// Partition, or queue.
    pub partition: Option<String>,
    /// Account that is charged.
    pub account: Option<String>,
    /// Time limit of each job and task, as the batch system writes it.
    pub time: Option<String>,
    /// Memory of each, as the batch system writes it.
    pub memory: Option<String>,
    /// Processors of each.
    pub cpus: Option<usize>,
    /// Graphics cards of each.
    pub gpus: Option<usize>,
    /// Further options of `sbatch`.
    pub sbatch: Vec<String>,
}

impl Resources {
    /// What is said here, and what is not as `other` says it.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            tasks: self.tasks.or(other.tasks),
            partition: self.partition.or(other.partition),
            account: self.account.or(other.account),
            time: self.time.or(other.time),
            memory: self.memory.or(other.memory),
            cpus: self.cpus.or(other.cpus),
            gpus: self.gpus.or(other.gpus),
            sbatch: if self.sbatch.is_empty() { other.sbatch } else { self.sbatch },
        }
    }

    /// Refuses what no batch system takes: each word becomes part of a line of a script.
    ///
    /// # Errors
    /// [`StudyError::Invalid`] with the option, what was expected and what was found.
    pub fn check(&self) -> Result<()> {
        let refused = |option: &str, expected: &str, found: &str| {
            let text = format!("--{option}: expected {expected}, found {found:?}");
            Err(StudyError::Invalid(text))
        };
        for (option, name) in [("partition", &self.partition), ("account", &self.account)] {
            let odd = |letter: char| letter.is_whitespace() || letter.is_control();
            match name {
                Some(name) if name.is_empty() || name.contains(odd) => {
                    return refused(option, "a name without spaces", name);
                }
                _ => {}
            }
        }
        if let Some(word) = self.sbatch.iter().find(|word| !is_option(word)) {
            return refused("sbatch", "one option such as --qos=long", word);
        }
        match self.cpus {
            Some(0) => refused("cpus", "1 or more", "0"),
            _ => Ok(()),
        }
    }
}

/// Whether a word is one option, on a line of its own.
fn is_option(word: &str) -> bool {
    let quoted = value_of(word).is_some_and(|(_, value)| in_quotes(value));
    let several = word.split_whitespace().skip(1).any(|part| part.starts_with("--"));
    word.starts_with('-') && !word.contains(char::is_control) && (quoted || !several)
}

/// A long option as far as its value, with `=` or spaces, and the value; `None` of one without, and
/// where another option follows.
pub(crate) fn value_of(option: &str) -> Option<(&str, &str)> {
    let end = option.find(|letter: char| letter == '=' || letter.is_whitespace())?;
    let rest = &option[end..];
    // Behind spaces what begins like an option is one; behind `=` it is a value.
    let (value, follows) = match rest.strip_prefix('=') {
        Some(value) => (value, false),
        None => (rest.trim_start(), rest.trim_start().starts_with('-')),
    };
    let named = &option[..option.len() - value.len()];
    (option.starts_with("--") && !value.is_empty() && !follows).then_some((named, value))
}

/// Whether a value is in quotes as a whole, those of one sort, as Slurm reads it: a backslash takes
/// what follows as it is.
pub(crate) fn in_quotes(value: &str) -> bool {
    let mut letters = value.chars();
    let Some(quote) = letters.next().filter(|letter| matches!(letter, '"' | '\'')) else {
        return false;
    };
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            letter if letter == quote => return letters.next().is_none(),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_script_is_refused_by_name() {
        let refused = |resources: Resources| resources.check().unwrap_err().to_string();
        let named = |name: &str| Resources { account: Some(name.into()), ..Resources::default() };
        named("p-42/x").check().unwrap();
        assert!(refused(named("two words")).starts_with("--account: expected"));
        assert!(refused(named("")).starts_with("--account: expected"));
        let words = |word: &str| Resources { sbatch: vec![word.into()], ..Resources::default() };
        words("--comment=a b").check().unwrap();
        assert!(refused(words("--nice\nrm -r x")).starts_with("--sbatch: expected"));
        for one in ["--comment='a --b'", "--comment=it's", r#"--comment=a "b" c"#] {
            words(one).check().unwrap();
        }
        // A quote within a value is a letter of it, and makes no one option of several.
        assert!(refused(words("--comment=it's --qos=long")).starts_with("--sbatch: expected one"));
        assert!(refused(words("--comment=a --qos=long")).starts_with("--sbatch: expected one"));
        assert!(refused(words("long")).starts_with("--sbatch: expected"));
        let none = Resources { cpus: Some(0), ..Resources::default() };
        assert_eq!(refused(none), "--cpus: expected 1 or more, found \"0\"");
    }
}
