//! What `lapwing inspect` says in words.

use lapwing_files::metadata::KEY;
use lapwing_files::{ArrayInfo, Metadata, Problem, Quantum, Remark};
use lapwing_model::Short;
use lapwing_solve::noise::NoiseModel;
use lapwing_study::noise::described;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// What is said of a file that could be read.
pub struct Understood<'a> {
    /// The facts, by name.
    pub facts: &'a Value,
    /// What the counts are.
    pub quantum: Quantum,
    /// What the counts tell of the detector, or why they tell nothing.
    pub noise: Result<&'a NoiseModel, String>,
}

/// The whole answer.
pub fn words(
    file: &Path,
    arrays: &[ArrayInfo],
    metadata: Option<&Metadata>,
    understood: Option<Understood<'_>>,
    remarks: &[Remark],
    problems: &[Problem],
) -> String {
    // Writing to a string does not fail.
    let mut words = format!("{}\narrays:\n", file.display());
    let names = arrays.iter().map(|array| array.name.chars().count()).max().unwrap_or(0).min(60);
    for array in arrays {
        let _ = writeln!(words, "  {:<names$}  {:<12} {:?}", array.name, array.dtype, array.shape);
    }
    match metadata {
        _ if problems.iter().any(|problem| problem.key == KEY) => {
            words.push_str("metadata: unreadable, see below\n");
        }
        Some(metadata) => {
            let _ = writeln!(words, "metadata: {}", history(metadata));
        }
        None => words.push_str("no metadata of a study\n"),
    }
    if let Some(Understood { facts, quantum, noise }) = understood {
        words.push_str("understood:\n");
        let gain = noise.as_ref().map_or(1.0, |noise| noise.gain);
        for (name, text) in facts_in_words(facts, gain, quantum) {
            let _ = writeln!(words, "  {name:<15} {text}");
        }
        for note in facts["notes"].as_array().into_iter().flatten() {
            let _ = writeln!(words, "  note: {}", note.as_str().unwrap_or_default());
        }
        for remark in remarks {
            let _ = writeln!(words, "  remark: {remark}");
        }
        let overlap = facts["linear_overlap"].as_f64();
        words.push_str(&detector(noise, quantum, overlap));
    }
    match problems {
        [] => words.push_str("contract: kept"),
        problems => {
            words.push_str("contract: BROKEN");
            problems.iter().for_each(|problem| {
                let _ = write!(words, "\n  {problem}");
            });
        }
    }
    words
}

/// What the counts tell of the detector.
fn detector(noise: Result<&NoiseModel, String>, quantum: Quantum, overlap: Option<f64>) -> String {
    let lines = match noise {
        Err(reason) => return format!("detector: its noise cannot be determined, {reason}\n"),
        Ok(noise) => described(noise, quantum, overlap),
    };
    if lines.is_empty() {
        let nothing = "no background, no faulty pixels or patterns found";
        let many = quantum.many();
        return format!("detector: counts with the noise of {many}, {nothing}\n");
    }
    let lines = lines.iter().map(|line| format!("  {line}\n")).collect::<String>();
    format!("detector, as a reconstruction will take it:\n{lines}")
}

/// The names of the fields, and what the tools say they did.
fn history(metadata: &Metadata) -> String {
    let names: Vec<&str> = metadata.keys().map(String::as_str).take(20).collect();
    let more = metadata.len() - names.len();
    let mut text = if names.is_empty() { "an empty object".to_owned() } else { names.join(", ") };
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    let done: Vec<&str> = metadata
        .get("data_transformations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["operation"].as_str())
        .collect();
    if !done.is_empty() {
        let _ = write!(text, "\nhistory: {}", done.join(", then "));
    }
    text
}

/// The facts that are known, with their units; counts are quanta when their `gain` is 1.
fn facts_in_words(facts: &Value, gain: f64, quantum: Quantum) -> Vec<(&'static str, String)> {
    let text = |name: &str| facts[name].as_str().map(str::to_owned);
    let number =
        |name: &str, digits: usize| facts[name].as_f64().map(|number| format!("{number:.digits$}"));
    let sides = |name: &str| {
        Some(format!("{} x {} px", facts[name][0].as_u64()?, facts[name][1].as_u64()?))
    };
    let patterns =
        sides("pattern_shape").map(|sides| format!("{} of {sides}", facts["n_patterns"]));
    let counted = if gain > 1.0 { "counts" } else { quantum.many() };
    let pixel = match (facts["pixel_size_m"][0].as_f64(), facts["pixel_size_m"][1].as_f64()) {
        (Some(y), Some(x)) if (y - x).abs() <= 1e-6 * x => Some(length(x)),
        (Some(y), Some(x)) => Some(format!("{} along y, {} along x", length(y), length(x))),
        _ => None,
    };
    let in_metres = |px: f64| match facts["pixel_size_m"][1].as_f64() {
        Some(size) => format!(" ({})", length(px * size)),
        None => String::new(),
    };
    let step = facts["step_px"].as_f64().map(|step| match step < 1e6 {
        true => format!("{step:.2} px{}", in_metres(step)),
        false => format!("{step:.3e} px"),
    });
    let by_area =
        number("overlap", 3).map(|overlap| format!("{overlap} with the nearest neighbours"));
    let overlap = match number("linear_overlap", 3) {
        Some(linear) => {
            by_area.map(|by_area| format!("{linear} of the probe's diameter; by area {by_area}"))
        }
        None => by_area,
    };
    [
        ("dialect", text("dialect")),
        ("patterns", patterns),
        ("axis order", text("axis_order")),
        ("quantity", text("quantity")),
        ("zero frequency", text("zero_frequency")),
        ("geometry", text("geometry")),
        ("exposure", text("exposure")),
        (
            "dose",
            number("mean_counts_per_pattern", 1)
                .map(|mean| format!("{mean} {counted} per pattern on average")),
        ),
        ("pixel size", pixel.map(|size| format!("{size} on the object"))),
        (
            "object",
            sides("object_shape").map(|size| match facts["object_slices"].as_u64() {
                Some(slices) if slices > 1 => format!("{slices} slices of {size}"),
                _ => size,
            }),
        ),
        ("probe", facts["probe_modes"].as_u64().map(modes)),
        ("probe diameter", number("probe_diameter_px", 1).map(|diameter| format!("{diameter} px"))),
        ("step", step),
        ("overlap", overlap),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name, text?)))
    .collect()
}

fn modes(count: u64) -> String {
    if count == 1 { "1 mode".to_owned() } else { format!("{count} modes") }
}

/// A length in the unit that suits it.
fn length(metres: f64) -> String {
    let units =
        [(1e-9, 1e-12, "pm"), (1e-6, 1e-9, "nm"), (1e-3, 1e-6, "um"), (f64::INFINITY, 1e-3, "mm")];
    let unit = units.into_iter().find(|(limit, ..)| metres.abs() < *limit);
    unit.map_or_else(
        || format!("{metres} m"),
        |(_, unit, name)| format!("{:.2} {name}", Short(metres / unit)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_known_is_said_and_with_its_unit() {
        let facts = json!({
            "dialect": "cxi", "n_patterns": 5, "pattern_shape": [12, 10], "pixel_size_m": [3.5e-7, 3.5e-7],
            "mean_counts_per_pattern": null, "probe_modes": 2, "overlap": 0.51234,
        });
        let said = facts_in_words(&facts, 1.0, Quantum::Photon);
        let of =
            |name: &str| said.iter().find(|(said, _)| *said == name).map(|(_, text)| text.as_str());
        assert_eq!(of("patterns"), Some("5 of 12 x 10 px"));
        assert_eq!(of("pixel size"), Some("350.00 nm on the object"));
        assert_eq!((of("probe"), of("dose"), of("geometry")), (Some("2 modes"), None, None));
        assert_eq!(of("overlap"), Some("0.512 with the nearest neighbours"));
        let facts = json!({ "step_px": 8.0, "linear_overlap": 0.85, "overlap": 0.48,
            "pixel_size_m": [1e-8, 1e-8] });
        let said = facts_in_words(&facts, 1.0, Quantum::Photon);
        let overlap = "0.850 of the probe's diameter; by area 0.480 with the nearest neighbours";
        let all: Vec<_> = said.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(all[1..], [("step", "8.00 px (80.00 nm)"), ("overlap", overlap)]);
    }

    #[test]
    fn the_detector_is_told_in_words() {
        let perfect = NoiseModel::photons((8, 8), 100.0);
        let (light, matter) = (Quantum::Photon, Quantum::Electron);
        assert!(detector(Ok(&perfect), light, None).contains("noise of photons"));
        assert!(detector(Ok(&perfect), matter, None).contains("noise of electrons"));
        assert!(detector(Err("for a reason".to_owned()), light, None).contains("for a reason"));
        let mut noise = NoiseModel { gain: 2.5, ..perfect };
        noise.faults.hot = vec![(1, 2)];
        noise.background.fill(0.25);
        let words = detector(Ok(&noise), matter, Some(0.7));
        for part in [
            "2.50 times that of electron counts",
            "16.00 counts per pattern, 16.00 %",
            "left out: 1 hot pixel\n",
        ] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("wide"), "{words}");
        assert!(detector(Ok(&noise), matter, Some(0.3)).contains("steps this wide"));
        let facts = json!({ "mean_counts_per_pattern": 100.0 });
        let said = |gain, quantum| facts_in_words(&facts, gain, quantum)[0].1.clone();
        assert_eq!(said(1.0, light), "100.0 photons per pattern on average");
        assert_eq!(said(1.0, matter), "100.0 electrons per pattern on average");
        assert_eq!(said(2.5, matter), "100.0 counts per pattern on average");
    }

    #[test]
    fn metadata_tell_their_history() {
        let metadata = json!({
            "nphotons": 1, "data_transformations": [{"operation": "simulate"}, {"operation": "split"}, 3],
        });
        let Value::Object(metadata) = metadata else { unreachable!() };
        assert_eq!(
            history(&metadata),
            "nphotons, data_transformations\nhistory: simulate, then split"
        );
        assert_eq!(history(&Metadata::new()), "an empty object");
    }
}
