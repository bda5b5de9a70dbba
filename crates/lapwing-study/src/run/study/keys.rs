//! What the data sets and views of a study are made from: they are made anew where that changes.

use super::measured;
use crate::design::condition::View;
use crate::design::{Design, Radiation, Source};
use crate::disk::hash;
use crate::geometry::selection::Acceptance;
use lapwing_model::random::generator;
use rand::Rng;
use serde_json::json;

/// The seed of the noise of a repeat: `seed` itself for the first, and numbers of a generator of
/// their own for the others.
pub(super) fn noise_seed(seed: u64, repeat: usize) -> u64 {
    match repeat {
        1 => seed,
        _ => generator(seed, "repeat", repeat as u64).next_u64(),
    }
}

/// What the data sets of a dose are made from. The content of a base file counts (its hash,
/// `base`), not where it lies.
pub(super) fn data_key(design: &Design, base: Option<&str>, dose: u64, repeat: usize) -> String {
    let mut source = match &design.source {
        // Data simulated from a base keep its metadata.
        Source::Base { scan, probe, .. } => json!({ "scan": scan, "probe": probe, "kept": 1 }),
        Source::Measured { .. } => json!({ "measured": measured::key(design) }),
        built_in @ Source::BuiltIn { .. } => json!(built_in),
    };
    let (named, sections) = design.source.said_without_files();
    if !(named.is_empty() && sections.is_empty()) {
        source["reading"] = json!([named, sections]);
    }
    if design.study.patches {
        source["patches"] = json!(true);
    }
    if !design.physics.is_empty() {
        source["physics"] = json!(design.physics);
        // In which a distance between slices is counted.
        let beam = design.radiation.as_ref().and_then(Radiation::wavelength);
        if let (Some(wavelength), Some(_)) = (beam, design.physics.slice_spacing) {
            source["wavelength_m"] = json!(wavelength);
        }
    }
    if !design.apparatus.is_ideal() {
        source["apparatus"] = json!(design.apparatus);
    }
    let side = design.study.pattern_size;
    let seeds = (design.seeds.simulation, noise_seed(design.seeds.simulation, repeat));
    hash::key(&("data 3", source, base, side, dose, design.split, seeds, env!("CARGO_PKG_VERSION")))
}

/// What a view is made from; `input` is the content hash of its split.
pub(super) fn view_key(input: &str, view: View, spacing: f64, acceptance: &Acceptance) -> String {
    // By which rule its positions are selected.
    let rule = if matches!(view, View::Step(_)) { "view 3" } else { "view 2" };
    hash::key(&(rule, input, spacing.to_bits(), acceptance, env!("CARGO_PKG_VERSION")))
}
