//! What another design would do to the results of a study that is there.

use crate::design::Design;
use serde_json::Value;

/// Most differences that are told.
const TOLD: usize = 4;

/// Whether a design asks for what another has and for more: then nothing that was made for the
/// other is made anew.
enum Growth {
    /// A list that may have more members, in any order.
    Members,
    /// A list that may go on.
    Tail,
    /// A table of lists that may have more members, and of more lists.
    Groups,
    /// A number that may be higher.
    Number,
    /// Something of no consequence.
    Label,
}

/// The keys of a settled design in which it may grow.
const GROWTH: [(&str, Growth); 14] = [
    ("study.name", Growth::Label),
    ("goal", Growth::Label),
    ("radiation", Growth::Label),
    ("study.doses", Growth::Members),
    ("study.fluences", Growth::Members),
    ("study.exposures", Growth::Groups),
    // Kept from the study that is there where nothing else stands against it.
    ("study.searched", Growth::Label),
    ("study.by_fluence", Growth::Label),
    // What is done keeps the maps that it has, or has not.
    ("study.error_maps", Growth::Label),
    ("study.views", Growth::Members),
    ("study.splits", Growth::Members),
    ("study.gridsize", Growth::Members),
    ("study.repeats", Growth::Number),
    ("solver", Growth::Tail),
];

impl Design {
    /// Where this design differs from `there`, the one of results that exist, such that some of
    /// them would be made anew or have no place any more: key, what is there and what is here, one
    /// sentence part each. Empty when this design is that one or grows from it by doses, views,
    /// splits, grid sizes, repeats or further solvers.
    ///
    /// `same_base` says that the contents of the base are the same: then it does not matter where
    /// the files lie.
    pub(crate) fn replaces(&self, there: &Self, same_base: bool) -> Vec<String> {
        let mut found = Vec::new();
        let value = |design: &Self| {
            let mut design = design.clone();
            if same_base {
                design.source = design.source.without_places();
            }
            // A design is numbers, texts, lists and tables with texts as keys: JSON has all of
            // them.
            serde_json::to_value(design).expect("JSON has all that designs are made of")
        };
        compare("", &value(there), &value(self), &mut found);
        let more = found.len().saturating_sub(TOLD);
        found.truncate(TOLD);
        if more > 0 {
            found.push(format!("{more} more"));
        }
        found
    }
}

fn compare(key: &str, there: &Value, here: &Value, found: &mut Vec<String>) {
    if there == here || grown(key, there, here) {
        return;
    }
    match (there, here) {
        (Value::Object(old), Value::Object(new)) => {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            for name in keys {
                let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                let of = |table: &serde_json::Map<String, Value>| {
                    table.get(name).cloned().unwrap_or(Value::Null)
                };
                compare(&inner, &of(old), &of(new), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if key == "solver" => {
            for (i, old) in old.iter().enumerate() {
                let new = new.get(i).unwrap_or(&Value::Null);
                compare(&format!("solver {}", i + 1), old, new, found);
            }
        }
        _ => found.push(format!("{key} is {} there and {} here", told(there), told(here))),
    }
}

fn grown(key: &str, there: &Value, here: &Value) -> bool {
    let Some((_, growth)) = GROWTH.iter().find(|(name, _)| *name == key) else { return false };
    let lists = || there.as_array().zip(here.as_array());
    match growth {
        Growth::Members => {
            // No member is not written.
            there.is_null() || lists().is_some_and(|(old, new)| old.iter().all(|v| new.contains(v)))
        }
        Growth::Tail => lists().is_some_and(|(old, new)| new.starts_with(old)),
        Growth::Groups => match (there, here) {
            (Value::Null, _) => true,
            (Value::Object(old), Value::Object(new)) => old.iter().all(|(name, old)| {
                let lists = old.as_array().zip(new.get(name).and_then(Value::as_array));
                lists.is_some_and(|(old, new)| old.iter().all(|v| new.contains(v)))
            }),
            _ => false,
        },
        Growth::Number => there.as_u64() <= here.as_u64(),
        Growth::Label => true,
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Null => "not given".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        other => other.to_string().chars().take(120).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn design(text: &str) -> Design {
        Design::parse(text, Path::new(".")).unwrap()
    }

    #[test]
    fn growth_replaces_nothing_and_whatever_else_differs_is_named() {
        let one = "[study]\ndoses = [1e3]\nviews = [\"baseline\"]\n[[solver]]\nepochs = 4\n";
        let there = design(one);
        let grown = one.replace("[1e3]", "[1e2, 1e3]\nrepeats = 2\nname = \"more\"");
        let grown = grown.replace("\"baseline\"", "\"baseline\", \"dense\"")
            + "[[solver]]\nalgorithm = \"ML\"\n";
        let grown = design(&grown);
        assert_eq!(there.replaces(&there, false), [""; 0]);
        assert_eq!(grown.replaces(&there, false), [""; 0]);
        // The way back takes results away.
        let told = there.replaces(&grown, false).join("; ");
        for part in ["study.doses is [100,1000] there and [1000] here", "study.repeats", "solver 2"]
        {
            assert!(told.contains(part), "{told}");
        }
        let other =
            design(&(one.replace("epochs = 4", "epochs = 7") + "[seeds]\nsimulation = 1\n"));
        let told = other.replaces(&there, false);
        assert!(
            told.iter()
                .any(|text| text.contains("solver 1.") && text.ends_with("4 there and 7 here"))
                && told.contains(&"seeds.simulation is 42 there and 1 here".to_owned()),
            "{told:?}"
        );
    }

    #[test]
    fn a_base_that_was_moved_is_the_same_base() {
        let text = |place: &str| {
            format!(
                "[base]\nmeasured = \"{place}/scan.h5\"\ncompanion = \"{place}/p.h5\"\n\
                 [experiment.scan]\npositions = \"{place}/p.csv\"\n"
            )
        };
        let (there, here) = (design(&text("/a")), design(&text("/b")));
        assert_eq!(here.replaces(&there, true), [""; 0]);
        let told = here.replaces(&there, false).join("; ");
        for part in ["base.measured", "base.companion", "experiment.scan.positions"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
