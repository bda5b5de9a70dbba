//! A share of the jobs of a study, for one of several machines.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One of several shares of the jobs, written `2/8`: the second job of every eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    /// Which, from 1.
    number: usize,
    /// Of how many.
    of: usize,
}

impl Shard {
    /// Whether the job at `place`, from 0, among those that the other filters leave belongs to it.
    pub fn has(self, place: usize) -> bool {
        place % self.of == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected a share of the jobs such as 2/8, found `{text}`");
        let (number, of) = text.split_once('/').ok_or_else(expected)?;
        let (Ok(number), Ok(of)) = (number.parse(), of.parse()) else { return Err(expected()) };
        if (1..=of).contains(&number) { Ok(Self { number, of }) } else { Err(expected()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_in_one_shard() {
        for of in [1, 3, 8, 40] {
            let shards: Vec<Shard> =
                (1..=of).map(|number| format!("{number}/{of}").parse().unwrap()).collect();
            for place in 0..36 {
                assert_eq!(
                    shards.iter().filter(|shard| shard.has(place)).count(),
                    1,
                    "{place} of {of}"
                );
            }
        }
        assert_eq!(serde_json::to_value("2/8".parse::<Shard>().unwrap()).unwrap(), "2/8");
        assert_eq!(serde_json::from_str::<Shard>("\"2/8\"").unwrap().to_string(), "2/8");
        for wrong in ["0/8", "9/8", "1/0", "1", "a/b", "", "-1/2"] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("such as 2/8"), "{wrong}");
            assert!(serde_json::from_value::<Shard>(wrong.into()).is_err());
        }
    }
}
