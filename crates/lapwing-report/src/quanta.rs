//! Photons or electrons: the sentences of the report speak of photons, and here they come to speak
//! of what the beam of the study consists of.

use crate::gather::Study;
use lapwing_draw::Plot;
use lapwing_files::Quantum;
use minijinja::Value;
use minijinja::value::ValueKind;

/// Keys of addresses and pictures, which are no words.
const NO_WORDS: [&str; 4] = ["address", "anchor", "link", "source"];

/// `text`, of which every word `photon` or `photons` is that for `quantum`.
pub(crate) fn said(quantum: Quantum, text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("hoton").filter(|_| quantum != Quantum::Photon) {
        let (before, after) = (&rest[..at], &rest[at + "hoton".len()..]);
        let belongs = |letter: char| letter.is_alphanumeric() || letter == '_';
        let begins = before.strip_suffix(['p', 'P']);
        let end = after.strip_prefix('s').unwrap_or(after);
        match begins.filter(|begins| !begins.ends_with(belongs) && !end.starts_with(belongs)) {
            Some(begins) => {
                let one = quantum.one();
                told.push_str(begins);
                match before.ends_with('P') {
                    true => told.extend(one[..1].to_uppercase().chars().chain(one[1..].chars())),
                    false => told.push_str(one),
                }
            }
            None => told.extend([before, "hoton"]),
        }
        rest = after;
    }
    told + rest
}

/// The same for every text in `value`.
pub(crate) fn all_said(quantum: Quantum, value: Value) -> Value {
    match value.kind() {
        ValueKind::String => {
            let told = said(quantum, value.as_str().unwrap_or_default());
            if value.is_safe() { Value::from_safe_string(told) } else { Value::from(told) }
        }
        ValueKind::Seq => {
            let items = value.try_iter().into_iter().flatten();
            items.map(|item| all_said(quantum, item)).collect()
        }
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let pairs = keys.filter_map(|key| Some((key.clone(), value.get_item(&key).ok()?)));
            let words = |key: &Value| !key.as_str().is_some_and(|key| NO_WORDS.contains(&key));
            let told = pairs.map(|(key, item)| match words(&key) {
                true => (key, all_said(quantum, item)),
                false => (key, item),
            });
            Value::from_pairs(told)
        }
        _ => value,
    }
}

/// The same for the words of a plot.
pub(crate) fn plot_said(quantum: Quantum, mut plot: Plot) -> Plot {
    let names = plot.series.iter_mut().map(|series| &mut series.name);
    let labels = plot.guides.iter_mut().map(|guide| &mut guide.label);
    let own = [&mut plot.title, &mut plot.description, &mut plot.x.label, &mut plot.y.label];
    for text in own.into_iter().chain(names).chain(labels) {
        *text = said(quantum, text);
    }
    plot
}

/// The label of an axis of photons: of counts, where these are known to be no single photons.
pub(crate) fn on_axis(study: &Study, label: &str) -> String {
    if study.gain.is_some() { label.replace("photons", "counts") } else { label.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_change() {
        let text =
            "Photons, 1 photon: photons_per_pixel, nphotons, photonic, \u{e4}photons (photons)";
        assert_eq!(said(Quantum::Photon, text), text);
        assert_eq!(
            said(Quantum::Electron, text),
            "Electrons, 1 electron: photons_per_pixel, nphotons, photonic, \u{e4}photons (electrons)"
        );
        assert_eq!(said(Quantum::Electron, ""), "");
    }

    #[test]
    fn addresses_stay_and_markup_stays_markup() {
        let svg = Value::from_safe_string("<text>photons</text>".to_owned());
        let value = Value::from_pairs([
            ("address", Value::from("photons/a.png")),
            ("plots", Value::from(vec![svg])),
            ("percent", Value::from(3)),
        ]);
        let told = all_said(Quantum::Electron, value);
        let plot = told.get_attr("plots").and_then(|plots| plots.get_item_by_index(0)).unwrap();
        assert!(plot.is_safe() && plot.as_str() == Some("<text>electrons</text>"));
        assert_eq!(told.get_attr("address").unwrap().as_str(), Some("photons/a.png"));
        assert_eq!(told.get_attr("percent").unwrap(), Value::from(3));
    }
}
