//! What a reconstruction estimates besides its image: detector, prior, fit and errors.

use super::fact::{Fact, fact};
use lapwing_draw::number::label;
use lapwing_study::record::{ChoiceRecord, JobResult, VariationRecord};

/// Least share of the phases within one standard deviation, of 0.68, of error maps that hold.
const HOLDS: f64 = 0.4;

/// The single figure of the error maps: the r.m.s. error to be expected; not where the truth shows
/// that it says little, or the image shows no more.
pub(super) fn known_to(result: &JobResult) -> Option<Fact> {
    let maps = result.error_maps?;
    let text = match maps.phase_within {
        Some([within, _]) if within < HOLDS => format!(
            "not told: {:.0} % of the phases are within one standard deviation of the truth, where \
             normal errors have 68 %",
            100.0 * within
        ),
        _ if maps.buried => {
            "not told: the image differs from a flat one by less, and the specimen may by more"
                .to_owned()
        }
        _ => format!(
            "{} rad in phase, {} in amplitude",
            label(maps.phase_rms, 2),
            label(maps.amplitude_rms, 2)
        ),
    };
    Some(fact("expected error (1 sd)", text))
}

/// A line for each estimate.
pub(super) fn facts(result: &JobResult) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(noise) = &result.noise {
        if noise.gain != 1.0 {
            let what = format!("{} times that of photons", label(noise.gain, 3));
            facts.push(fact("noise of the detector", what));
        }
        if noise.background_per_pattern > 0.0 {
            let counts = label(noise.background_per_pattern, 3);
            let share = format!("{:.2} % of the light", 100.0 * noise.background_share);
            facts.push(fact("background", format!("{counts} counts per pattern, {share}")));
        }
        if let Some(limit) = noise.saturation {
            let what = format!("{} counts, of which pixels have at least as many", label(limit, 4));
            facts.push(fact("limit of the detector", what));
        }
        let counts = [
            (noise.dead_pixels.len() + noise.hot_pixels.len(), "pixels"),
            (noise.lost_patterns.len() + noise.wrong_patterns.len(), "patterns"),
        ];
        let faulty: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !faulty.is_empty() {
            facts.push(fact("faulty, left out", faulty.join(", ")));
        }
    }
    facts.extend(result.choices.iter().map(choice));
    if let Some(shifts) = result.shifts {
        let left = shifts
            .beyond_map_px
            .map(|left| format!("; {} beyond stretch, shear and rotation", label(left, 2)));
        let what = format!(
            "{} px r.m.s., {} at most{}",
            label(shifts.rms_px, 2),
            label(shifts.largest_px, 2),
            left.unwrap_or_default()
        );
        facts.push(fact("positions moved by", what));
    }
    if let Some(variation) = &result.variation {
        facts.extend(of_probe(variation));
    }
    if let Some(misfit) = result.misfit {
        facts.push(fact("misfit (1 is the noise of the counts)", label(misfit, 3)));
    }
    if let Some(excess) = result.lattice_excess {
        let what = format!("{} times the usual power", label(excess, 2));
        facts.push(fact("period of the raster in the image", what));
    }
    if let Some(settled) = result.settled {
        let what = if settled { "yes" } else { "no, the loss was still falling" };
        facts.push(fact("converged", what));
    }
    if let Some([one, two]) = result.error_maps.and_then(|maps| maps.phase_within) {
        let what = format!("{:.0} and {:.0} % of the pixels", 100.0 * one, 100.0 * two);
        facts.push(fact("phase within one and two sd", what));
    }
    facts
}

/// How the probe varies, a line for its eigenmodes and one for its power.
fn of_probe(variation: &VariationRecord) -> Vec<Fact> {
    let along = |successive: Option<f64>| {
        let told = successive.map(|by| format!(", successive patterns correlated by {by:.2}"));
        told.unwrap_or_default().replace('-', "\u{2212}")
    };
    let mut facts = Vec::new();
    for (index, eigenmode) in variation.eigenmodes.iter().enumerate() {
        let share = format!("{} % of the light", label(100.0 * eigenmode.share, 2));
        facts.push(fact(
            format!("the probe varies by eigenmode {}", index + 1),
            share + &along(eigenmode.successive),
        ));
    }
    if let Some(power) = variation.power {
        let what = format!(
            "{} % r.m.s., {} to {} of the usual{}",
            label(100.0 * power.sd, 2),
            label(power.lowest, 3),
            label(power.highest, 3),
            along(power.successive)
        );
        facts.push(fact("the beam\u{2019}s power varies by", what));
    }
    facts
}

fn choice(choice: &ChoiceRecord) -> Fact {
    let name = match choice.option.as_str() {
        "prior" => "strength of the prior".to_owned(),
        "prior_absorption" => "weight of absorption in the prior".to_owned(),
        "prior_jumps" => "what jumps cost in the prior".to_owned(),
        "diffuse_share" => "share of the light taken for diffuse".to_owned(),
        other => other.replace('_', " "),
    };
    let value = match choice.sd {
        Some(_) => choice.number().replace("+-", "\u{b1}").replace('-', "\u{2212}"),
        None => match choice.word(choice.value) {
            Some(word) => word.to_owned(),
            None => label(choice.value, 3),
        },
    };
    let what = match choice.tried.len() {
        0 => format!("{value}, as usual: too few epochs to choose it"),
        tried => format!("{value}, best of {tried} by held-out pixels"),
    };
    fact(name, what)
}
