//! Options whose value is some words of a vocabulary.

use lapwing_solve::solver::options::{Typed, Value};
use std::marker::PhantomData;

/// Words of an option that takes several.
pub trait Vocabulary {
    /// All of them.
    const WORDS: &'static [&'static str];
}

/// Some words of a vocabulary, in its order.
#[derive(Debug, Clone, Copy)]
pub struct WordSet<V>(u32, PhantomData<V>);

impl<V> Default for WordSet<V> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<V> PartialEq for WordSet<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Vocabulary> WordSet<V> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    ///
    /// # Panics
    /// For what is no word of the vocabulary.
    pub fn contains(&self, word: &str) -> bool {
        assert!(V::WORDS.contains(&word), "{word} is none of {:?}", V::WORDS);
        self.words().any(|chosen| chosen == word)
    }

    /// Those that are, in the order of the vocabulary.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        let chosen = V::WORDS.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        chosen.map(|(_, word)| *word)
    }
}

impl<V: Vocabulary> Typed for WordSet<V> {
    fn to_value(&self) -> Option<Value> {
        let words: Vec<&str> = self.words().collect();
        Some(Value::Word(if words.is_empty() { "none".to_owned() } else { words.join(",") }))
    }

    fn from_value(value: &Value) -> Option<Self> {
        let Value::Word(list) = value else { return None };
        let bits = V::WORDS.iter().enumerate().map(|(bit, word)| {
            let chosen = list.split(',').any(|written| written.trim() == *word);
            u32::from(chosen) << bit
        });
        Some(Self(bits.sum(), PhantomData))
    }
}
