//! The metadata of a dense or sparse view: which positions were kept, and by what rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Metadata;
use crate::Problem;

/// How the positions of a view were selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectionStrategy {
    /// Every position whose nearest neighbour is far enough away.
    Direct,
    /// In order of (y, x), every position that is far enough from all kept so far.
    Greedy,
}

impl fmt::Display for SelectionStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Greedy => "greedy",
        })
    }
}

impl FromStr for SelectionStrategy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "direct" => Ok(Self::Direct),
            "greedy" => Ok(Self::Greedy),
            other => Err(format!("expected direct or greedy, found {other:?}")),
        }
    }
}

/// The fields that the view stage writes. They are looked for at the top of the metadata and, where
/// absent there, in `additional_parameters`.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewMetadata {
    /// Name of the view: `dense`, `sparse`.
    pub overlap_view: String,
    /// Least distance between positions, pixels; positive.
    pub spacing_threshold: f64,
    /// The file that the positions were selected from.
    pub source_file: String,
    /// Number of positions kept.
    pub n_accepted: u64,
    /// Number of positions left out.
    pub n_rejected: u64,
    /// `n_accepted / (n_accepted + n_rejected)`.
    pub acceptance_rate: f64,
    /// The rule.
    pub selection_strategy: SelectionStrategy,
}

/// How far the acceptance rate may be from the one of the counts: it may have been rounded to three
/// digits.
const RATE_TOLERANCE: f64 = 1e-3;

impl ViewMetadata {
    /// Reads and checks the fields.
    ///
    /// # Errors
    /// Every field that is absent, of the wrong type or range, or at odds with the others.
    pub fn parse(metadata: &Metadata) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields { metadata, problems: Vec::new() };
        let overlap_view =
            fields.get("overlap_view", "a name", |v| v.as_str().filter(|s| !s.is_empty()));
        let spacing_threshold = fields.get("spacing_threshold", "pixels > 0", |v| {
            v.as_f64().filter(|&s| s > 0.0 && s.is_finite())
        });
        let source_file = fields.get("source_file", "a file name", Value::as_str);
        let n_accepted = fields.get("n_accepted", "a whole number >= 0", whole);
        let n_rejected = fields.get("n_rejected", "a whole number >= 0", whole);
        let acceptance_rate = fields.get("acceptance_rate", "a number from 0 to 1", |v| {
            v.as_f64().filter(|r| (0.0..=1.0).contains(r))
        });
        let selection_strategy = fields.get("selection_strategy", "direct or greedy", |v| {
            v.as_str()?.parse::<SelectionStrategy>().ok()
        });

        if let (Some(accepted), Some(rejected), Some(rate)) =
            (n_accepted, n_rejected, acceptance_rate)
        {
            let total = accepted as f64 + rejected as f64;
            let expected = accepted as f64 / total;
            if total > 0.0 && (rate - expected).abs() > RATE_TOLERANCE {
                fields.problems.push(Problem::new(
                    "acceptance_rate",
                    format!("{expected} ({accepted} accepted, {rejected} rejected)"),
                    rate.to_string(),
                ));
            }
        }
        match (
            overlap_view,
            spacing_threshold,
            source_file,
            n_accepted,
            n_rejected,
            acceptance_rate,
            selection_strategy,
        ) {
            (
                Some(overlap_view),
                Some(spacing_threshold),
                Some(source_file),
                Some(n_accepted),
                Some(n_rejected),
                Some(acceptance_rate),
                Some(selection_strategy),
            ) if fields.problems.is_empty() => Ok(Self {
                overlap_view: overlap_view.to_owned(),
                spacing_threshold,
                source_file: source_file.to_owned(),
                n_accepted,
                n_rejected,
                acceptance_rate,
                selection_strategy,
            }),
            _ => Err(fields.problems),
        }
    }

    /// Sets the fields at the top of the metadata; every other field stays as it is.
    pub fn write_into(&self, metadata: &mut Metadata) {
        for (key, value) in [
            ("overlap_view", json!(self.overlap_view)),
            ("spacing_threshold", json!(self.spacing_threshold)),
            ("source_file", json!(self.source_file)),
            ("n_accepted", json!(self.n_accepted)),
            ("n_rejected", json!(self.n_rejected)),
            ("acceptance_rate", json!(self.acceptance_rate)),
            ("selection_strategy", json!(self.selection_strategy)),
        ] {
            metadata.insert(key.to_owned(), value);
        }
    }
}

/// A whole number that is not negative; Python may have written it as a float.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        value
            .as_f64()
            .filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n))
            .map(|number| number as u64)
    })
}

struct Fields<'a> {
    metadata: &'a Metadata,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    fn get<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value =
            self.metadata.get(key).or_else(|| self.metadata.get("additional_parameters")?.get(key));
        let parsed = value.map(super::bare).and_then(read);
        if parsed.is_none() {
            let found: String = match value {
                None => "nothing".to_owned(),
                Some(other) => other.to_string().chars().take(60).collect(),
            };
            self.problems.push(Problem::new(key, expected, found));
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metadata {
        let value = json!({
            "overlap_view": "dense", "spacing_threshold": 38.4, "source_file": "patched_train.npz",
            "n_accepted": 42, "n_rejected": 5046, "acceptance_rate": 42.0 / 5088.0,
            "selection_strategy": "greedy", "colour": {"deep": [1, 2]},
        });
        value.as_object().unwrap().clone()
    }

    #[test]
    fn fields_survive_a_round_trip_with_everything_else() {
        let view = ViewMetadata::parse(&sample()).unwrap();
        assert_eq!((view.n_accepted, view.selection_strategy), (42, SelectionStrategy::Greedy));
        let mut metadata = sample();
        metadata.insert("n_accepted".into(), json!(0));
        view.write_into(&mut metadata);
        assert_eq!(metadata, sample());
    }

    #[test]
    fn arrays_of_one_element_are_their_element() {
        let mut metadata = sample();
        for (key, value) in &sample() {
            metadata.insert(key.clone(), json!([value]));
        }
        assert_eq!(ViewMetadata::parse(&metadata), ViewMetadata::parse(&sample()));
    }

    #[test]
    fn nested_fields_are_found() {
        let nested = json!({"additional_parameters": sample()});
        assert!(ViewMetadata::parse(nested.as_object().unwrap()).is_ok());
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let problems = ViewMetadata::parse(&Metadata::new()).unwrap_err();
        assert_eq!(problems.len(), 7);
        let mut metadata = sample();
        metadata.insert("acceptance_rate".into(), json!(0.5));
        metadata.insert("spacing_threshold".into(), json!(-1));
        metadata.insert("selection_strategy".into(), json!("random"));
        let keys: Vec<_> =
            ViewMetadata::parse(&metadata).unwrap_err().into_iter().map(|p| p.key).collect();
        assert_eq!(keys, ["spacing_threshold", "selection_strategy", "acceptance_rate"]);
    }
}
