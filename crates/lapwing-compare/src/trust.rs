//! Which numbers of a comparison hold as an answer, and why the others do not.
//!
//! A number is always in the tables; a sentence, a point of a plot or a headline is made of it only
//! when nothing here speaks against it.

use crate::{ComparisonRecord, Criterion, FrcCurve, FrcCurves, Quantity, resolution_name};
use std::collections::BTreeMap;

/// Rings beyond a crossing that must on average stay below the threshold, at least.
const RINGS: usize = 3;

/// Rings above the threshold again beyond a crossing, as a share of the rings before it, from which
/// the crossing is a dip.
const AGAIN: f64 = 0.5;

/// Rings above the threshold before the curve falls, below which it carries no resolution: one or
/// two of them, of a few frequencies each, are there by chance.
pub(crate) const CARRY: usize = 3;

/// How much better halves may agree with each other than the whole does with what it is compared
/// with. Of signal and independent noise, halves agree less.
const MARGIN: f64 = 0.01;

/// How much finer the resolution between halves may be than that of the whole.
const FINER: f64 = 0.8;

/// Least agreement of whole images of which every frequency can be resolved.
const AGREES: f64 = 0.8;

/// Share of a ring's power that must be the specimen's own there for it to be resolved.
pub(crate) const OWN: f64 = 0.5;

/// Names of the resolution of halves and of their agreement.
const OF_HALVES: &str = "halves_phase_resolution_half_bit_px";
const AGREEMENT: &str = "halves_complex_correlation";

/// Why numbers of a comparison are unreliable, by their names; those of lengths in pixels, and of
/// frequencies. `comparison` should have its ring correlations: without them less can be doubted.
pub fn doubts(comparison: &ComparisonRecord) -> BTreeMap<String, String> {
    let metric = |name: &str| comparison.metric(name);
    let mut doubts = match &comparison.frc {
        Some(curves) => resolution_doubts(curves, metric),
        None => each_resolution().filter_map(|of| Some((named(of), no_image(metric)?))).collect(),
    };
    for of in each_resolution() {
        if let Some(why) = doubts.get(&named(of)).cloned() {
            doubts.insert(format!("{}_frc_{}", of.0.name(), of.1.name()), why);
        }
    }
    // Amplitudes that an image without any detail has as well agree by what both share.
    if let Some(why) = no_image(metric) {
        for (name, _) in comparison.metrics.iter().filter(|(name, _)| is_of_amplitude(name)) {
            doubts.entry(name.to_owned()).or_insert_with(|| why.clone());
        }
    }
    let whole = metric("complex_correlation");
    let halves = comparison.halves.as_ref();
    let agreement = metric(AGREEMENT);
    if let Some(curves) = halves.and_then(|halves| halves.frc.as_ref())
        && let Some(why) = of_curve(&curves.phase, Criterion::HalfBit, agreement)
    {
        // What agrees although nothing in it is resolved is the mean of the field.
        if curves
            .phase
            .resolved(Criterion::HalfBit)
            .is_some_and(|at| at <= first_ring(&curves.phase))
        {
            doubts.insert(AGREEMENT.to_owned(), why.clone());
        }
        doubts.insert(OF_HALVES.to_owned(), why);
    }
    if let Some(halves) = halves
        && let Some(why) = no_image(|name| halves.metrics.value(name))
    {
        let why = format!("of one half, compared with the other: {why}");
        doubts.entry(OF_HALVES.to_owned()).or_insert(why);
    }
    let reference = match comparison.reference.as_str() {
        ComparisonRecord::TRUTH => "the truth",
        _ => "the reference",
    };
    if let (Some(halves), Some(whole)) = (agreement, whole)
        && halves > whole + MARGIN
    {
        let why = format!(
            "the halves agree with each other ({halves:.2}) better than the whole agrees with \
             {reference} ({whole:.2}): they share what the solver makes of the data, which is not \
             the specimen"
        );
        doubts.insert(OF_HALVES.to_owned(), why.clone());
        doubts.insert(AGREEMENT.to_owned(), why);
    }
    let derived = comparison.derived();
    let px = |name: &str| derived.iter().find(|number| number.name == name)?.value;
    let same = resolution_name(Quantity::Phase, Criterion::HalfBit, "px");
    if let (Some(halves), Some(whole)) = (px(OF_HALVES), px(&same))
        && halves < FINER * whole
    {
        let why = format!(
            "the halves seem to resolve {halves:.1} px by the half-bit threshold where the whole \
             resolves {whole:.1} px of {reference}: what repeats is not the specimen"
        );
        doubts.entry(OF_HALVES.to_owned()).or_insert(why);
    }
    // Of what the whole is compared with halves know nothing: what repeats where that has no detail
    // is not the specimen.
    if let (Some(curves), Some(halves)) = (&comparison.frc, px(OF_HALVES))
        && let Some(why) = not_its_own(&curves.phase, 0.5 / halves)
    {
        doubts.entry(OF_HALVES.to_owned()).or_insert(why);
    }
    doubts
}

/// Whether a number is a quality of the amplitudes, not what a flat image has.
fn is_of_amplitude(name: &str) -> bool {
    name.starts_with("amplitude_") && !name.ends_with("_flat")
}

/// The lowest frequency of a curve.
fn first_ring(curve: &FrcCurve) -> f64 {
    curve.frequency.first().copied().unwrap_or(0.0)
}

/// What an image without any detail has in the metric `name`, and 1 where more is better, else -1.
/// `metric` gives the numbers of the comparison by their names.
fn of_flat(name: &str, metric: impl Fn(&str) -> Option<f64>) -> Option<(f64, f64)> {
    let of_field = || metric("complex_correlation_flat");
    Some(match name {
        "phase_ssim" => (metric("phase_ssim_flat")?, 1.0),
        "amplitude_ssim" => (metric("amplitude_ssim_flat")?, 1.0),
        "complex_correlation" => (of_field()?, 1.0),
        // One half in place of the truth.
        AGREEMENT => (metric("halves_complex_correlation_flat")?, 1.0),
        "complex_nrmse" => ((1.0 - of_field()?.powi(2)).max(0.0).sqrt(), -1.0),
        _ => return None,
    })
}

/// What an image without any detail has, where that reaches `goal`: to reach it is then no
/// achievement. `metric` gives the numbers of the comparison by their names.
pub fn reached_by_flat(name: &str, goal: f64, metric: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let (flat, sign) = of_flat(name, metric)?;
    (sign * (flat - goal) >= 0.0).then_some(flat)
}

/// Why a number says nothing although it reaches `goal`: an image without any detail reaches it as
/// well, and the number is no better than that image's. `metric` gives the numbers of the
/// comparison by their names.
pub fn no_better_than_flat(
    name: &str,
    goal: f64,
    metric: impl Fn(&str) -> Option<f64>,
) -> Option<String> {
    let flat = reached_by_flat(name, goal, &metric)?;
    let (_, sign) = of_flat(name, &metric)?;
    (sign * (flat - metric(name)?) >= 0.0).then(|| {
        format!("an image without any detail has {flat:.3}, which is as good and reaches the goal")
    })
}

/// Why an image has no resolution whatever its ring correlations: one without any detail is as
/// good, in the phase and in the field as a whole, as far as both are known.
pub(crate) fn no_image(metric: impl Fn(&str) -> Option<f64>) -> Option<String> {
    let numbers = ["phase_ssim", "complex_correlation"]
        .map(|name| Some((metric(name)?, metric(&format!("{name}_flat"))?)));
    let known: Vec<(f64, f64)> = numbers.into_iter().flatten().collect();
    let (value, flat) = *known.first()?;
    let named = if numbers[0].is_some() { "phase SSIM" } else { "complex correlation" };
    known.iter().all(|(value, flat)| value <= flat).then(|| {
        format!(
            "the image is no better than one without any detail ({named} {value:.3}, without \
             detail {flat:.3}): nothing is resolved"
        )
    })
}

/// What an image without any detail has in the metric `name`, where the number is no better than
/// that. `metric` gives the numbers of the comparison by their names.
pub fn as_flat(name: &str, metric: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let (flat, sign) = of_flat(name, &metric)?;
    (sign * (flat - metric(name)?) >= 0.0).then_some(flat)
}

/// Why resolutions that ring correlations give are unreliable, by their names in pixels
/// ([`resolution_name`]): the rule of [`doubts`] for every quantity and criterion. `metric` gives
/// the numbers of the comparison by their names.
pub fn resolution_doubts(
    curves: &FrcCurves,
    metric: impl Fn(&str) -> Option<f64>,
) -> BTreeMap<String, String> {
    let agreement = metric("complex_correlation");
    let no_image = no_image(&metric);
    let why = |(quantity, criterion)| {
        let why = of_curve(curves.of(quantity), criterion, agreement);
        why.or_else(|| no_image.clone())
    };
    each_resolution().filter_map(|of| Some((named(of), why(of)?))).collect()
}

/// Every resolution of a comparison.
fn each_resolution() -> impl Iterator<Item = (Quantity, Criterion)> {
    Quantity::ALL.into_iter().flat_map(|of| Criterion::ALL.map(|by| (of, by)))
}

/// Its name in pixels.
fn named((quantity, criterion): (Quantity, Criterion)) -> String {
    resolution_name(quantity, criterion, "px")
}

/// Why the resolution that a curve gives by `criterion` is unreliable; `agreement` is the
/// correlation of the images as a whole.
fn of_curve(curve: &FrcCurve, criterion: Criterion, agreement: Option<f64>) -> Option<String> {
    let named = match criterion {
        Criterion::Half | Criterion::Seventh => criterion.title().to_owned(),
        _ => format!("the {} threshold", criterion.title()),
    };
    let thresholds = curve.threshold(criterion);
    let margins: Vec<f64> =
        curve.correlation.iter().zip(&thresholds).map(|(c, threshold)| c - threshold).collect();
    let Some(at) = curve.resolved(criterion) else {
        let apart = agreement.filter(|&agreement| agreement < AGREES).map(|agreement| {
            format!(
                "the ring correlation never falls below {named} although the images as a whole \
                 agree by {agreement:.2} only: they share what is not the specimen"
            )
        });
        return apart.or_else(|| not_its_own(curve, 0.5));
    };
    let first = margins.iter().position(|&margin| margin < 0.0)?;
    let beyond = curve.frequency.iter().filter(|&&frequency| frequency <= 2.0 * at).count();
    let end = beyond.max(first + RINGS).min(margins.len());
    let weighed = |range: std::ops::Range<usize>| {
        let count: usize = curve.count[range.clone()].iter().sum();
        let sum: f64 = range.map(|ring| curve.count[ring] as f64 * margins[ring]).sum();
        sum / count.max(1) as f64
    };
    // Near the middle a ring has few pixels, and one of them may fall below by chance.
    let again = margins[first..].iter().filter(|margin| **margin >= 0.0).count();
    if weighed(first..end) >= 0.0 || again as f64 >= AGAIN * first.max(1) as f64 {
        return Some(format!(
            "the ring correlation dips below {named} at {at:.3} cycles per pixel and rises above it \
             again"
        ));
    }
    if first == 0 {
        return Some(format!(
            "the ring correlation is below {named} from its first ring on: nothing is resolved"
        ));
    }
    let few = (first < CARRY).then(|| {
        let rings = if first == 1 { "ring" } else { "rings" };
        format!(
            "the ring correlation is above {named} in its first {first} {rings} alone, too few for a \
             resolution"
        )
    });
    few.or_else(|| not_its_own(curve, at))
}

/// Why nothing is resolved at a frequency at which what is compared with has nothing: coarser
/// structure, spread there by the window, correlates in place of it.
fn not_its_own(curve: &FrcCurve, at: f64) -> Option<String> {
    let own = curve.own_at(at).filter(|&own| own < OWN)?;
    Some(format!(
        "what it is compared with has no detail at {at:.3} cycles per pixel ({:.0} % of what is found \
         there): the correlation there is that of coarser structure",
        100.0 * own
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLUTION: &str = "phase_resolution_0_5_px";

    /// A curve that falls from 1 to 0 around `at` cycles per pixel.
    fn falling(at: f64) -> FrcCurve {
        let frequency: Vec<f64> = (1..=50).map(|ring| f64::from(ring) / 100.0).collect();
        FrcCurve {
            correlation: frequency.iter().map(|f| 1.0 / (1.0 + ((f - at) * 60.0).exp())).collect(),
            count: (1..=50).map(|ring| 6 * ring).collect(),
            frequency,
            own: Vec::new(),
        }
    }

    fn said(curve: &FrcCurve, agreement: f64) -> String {
        of_curve(curve, Criterion::Half, Some(agreement)).unwrap_or_default()
    }

    #[test]
    fn a_curve_that_falls_and_stays_is_believed() {
        assert_eq!(said(&falling(0.2), 0.9), "");
        // Also with noise about the threshold where it falls.
        let mut noisy = falling(0.2);
        for (ring, value) in noisy.correlation.iter_mut().enumerate() {
            *value += if ring % 2 == 0 { 0.08 } else { -0.08 };
        }
        assert_eq!(said(&noisy, 0.9), "");
        // All of a good image is resolved.
        assert_eq!(said(&falling(2.0), 0.99), "");
    }

    #[test]
    fn what_a_flat_image_has_as_well_is_no_quality() {
        let of = |name: &'static str, goal: f64, value: f64, flat: f64| {
            let told = move |asked: &str| if asked == name { Some(value) } else { Some(flat) };
            no_better_than_flat(name, goal, told).is_some()
        };
        // A weak phase: the flat image is within the goal.
        assert!(of("phase_ssim", 0.9, 0.96, 0.99) && !of("phase_ssim", 0.9, 0.995, 0.99));
        // A strong one: what is worse than flat does not reach the goal by itself.
        assert!(!of("phase_ssim", 0.9, 0.3, 0.4));
        let error = (1.0 - 0.999_f64.powi(2)).sqrt();
        assert!(of("complex_nrmse", 0.1, 1.1 * error, 0.999));
        assert!(!of("complex_nrmse", 0.1, 0.9 * error, 0.999));
        assert!(!of("phase_psnr", 30.0, 0.0, 1.0));
        let by_flat = |goal: f64| reached_by_flat("phase_ssim", goal, |_| Some(0.6));
        assert_eq!([0.3, 0.6, 0.7].map(by_flat), [Some(0.6), Some(0.6), None]);
    }

    #[test]
    fn an_early_dip_is_no_resolution() {
        let mut dip = falling(0.3);
        dip.correlation[1] = 0.2;
        assert!(said(&dip, 0.9).contains("dips below 1/2 at 0.0"), "{}", said(&dip, 0.9));
        let mut nothing = falling(0.2);
        nothing.correlation.iter_mut().for_each(|value| *value *= 0.1);
        assert!(said(&nothing, 0.1).contains("nothing is resolved"));
    }

    #[test]
    fn a_crossing_at_the_first_rings_is_believed_where_nothing_rises_again() {
        let curve = |values: &[f64]| {
            let mut curve = falling(0.005);
            curve.correlation[..values.len()].copy_from_slice(values);
            curve
        };
        // A real study's rings: two of them are above the threshold again, further out.
        let dips = said(&curve(&[0.53, -0.21, 0.31, 0.36, 0.72, 0.54]), 0.7);
        assert!(dips.contains("rises above it again"), "{dips}");
        assert_eq!(said(&curve(&[0.9, 0.7, 0.6, 0.3, 0.2, 0.4, 0.1]), 0.7), "");
        // One or two rings carry none.
        for (values, told) in [
            (&[0.76, 0.04, 0.29, 0.1][..], "in its first 1 ring alone"),
            (&[0.66, 0.52, -0.09, 0.08, 0.32][..], "in its first 2 rings alone"),
        ] {
            let why = said(&curve(values), 0.7);
            assert!(why.contains(told), "{why}");
        }
    }

    #[test]
    fn an_image_that_is_no_better_than_a_flat_one_resolves_nothing() {
        let of = |ssim: f64, field: f64| {
            let mut comparison: ComparisonRecord = serde_json::from_value(serde_json::json!({
                "metrics": {"complex_correlation": field, "complex_correlation_flat": 0.92,
                    "phase_ssim": ssim, "phase_ssim_flat": 0.669},
                "alignment": {"shift": [0.0, 0.0], "ramp": [0.0, 0.0], "scale": 1.0, "phase": 0.0,
                    "iterations": 1, "converged": true},
            }))
            .unwrap();
            let curves = || falling(0.2);
            comparison.frc =
                Some(FrcCurves { complex: curves(), amplitude: curves(), phase: curves() });
            doubts(&comparison)
        };
        let told = of(0.053, 0.34);
        assert!(told[RESOLUTION].contains("0.053, without detail 0.669"), "{told:?}");
        // Noise beyond what is resolved makes the phases worse, but not the field.
        assert_eq!(of(0.6, 0.95).get(RESOLUTION), None);
        assert_eq!(of(0.9, 0.9).get(RESOLUTION), None);
        // Nor does it have amplitudes.
        let mut comparison = record(0.1, 0.2, "full-dose reconstruction");
        comparison.metrics.push("amplitude_ssim", Some(0.8));
        comparison.metrics.push("amplitude_ssim_flat", Some(0.1));
        assert_eq!(doubts(&comparison).get("amplitude_ssim"), None);
        comparison.metrics.push("complex_correlation_flat", Some(0.9));
        let told = doubts(&comparison);
        assert!(told["amplitude_ssim"].contains("without any detail"), "{told:?}");
        assert_eq!(told.get("amplitude_ssim_flat"), None);
        let numbers = |name: &str| if name.ends_with("_flat") { Some(0.9) } else { Some(0.5) };
        assert_eq!(as_flat("phase_ssim", numbers), Some(0.9));
        assert_eq!(as_flat("phase_ssim", |_| None), None);
    }

    #[test]
    fn nothing_is_resolved_where_what_is_compared_with_has_nothing() {
        let with = |own: f64, at: f64| {
            let mut curve = falling(at);
            curve.own = curve.frequency.iter().map(|&f| if f < 0.1 { 1.0 } else { own }).collect();
            said(&curve, 0.99)
        };
        assert!(with(0.01, 0.3).contains("has no detail at 0.3"), "{}", with(0.01, 0.3));
        // Also where it never falls, and not where the detail is there.
        assert!(with(0.01, 2.0).contains("has no detail at 0.500"), "{}", with(0.01, 2.0));
        assert_eq!([with(0.9, 0.3), with(0.9, 2.0), with(0.01, 0.07)], ["", "", ""]);
        // Frequencies are no more reliable than the resolutions that they are.
        let mut comparison = record(0.8, 0.99, "truth");
        let curves = || FrcCurve { own: vec![0.01; 50], ..falling(0.3) };
        comparison.frc =
            Some(FrcCurves { complex: curves(), amplitude: curves(), phase: curves() });
        let told = doubts(&comparison);
        for name in ["phase_resolution_0_5_px", "phase_frc_0_5", "amplitude_resolution_1_7_px"] {
            assert!(told[name].contains("has no detail"), "{told:?}");
        }
    }

    #[test]
    fn halves_that_agree_as_a_flat_image_does_agree_in_nothing() {
        let of = |halves: f64, flat: f64| {
            let told = move |name: &str| match name {
                "halves_complex_correlation" => Some(halves),
                "halves_complex_correlation_flat" => Some(flat),
                _ => None,
            };
            let reached = reached_by_flat(AGREEMENT, 0.95, told).is_some();
            (reached, no_better_than_flat(AGREEMENT, 0.95, told).is_some())
        };
        assert_eq!(of(0.9998, 0.9999), (true, true));
        assert_eq!(of(0.9999, 0.98), (true, false));
        assert_eq!(of(0.97, 0.8), (false, false));
        // Records of earlier versions have it among the numbers of the halves alone.
        let mut comparison = record(0.9998, 0.99995, "truth");
        let halves = serde_json::json!({"metrics": {
            "complex_correlation_flat": 0.9999, "phase_ssim": 0.98, "phase_ssim_flat": 0.99,
            "complex_correlation": 0.9998}});
        comparison.halves = serde_json::from_value(halves).ok();
        assert_eq!(comparison.metric("halves_complex_correlation_flat"), Some(0.9999));
        let told = doubts(&comparison);
        assert!(told[OF_HALVES].contains("no better than one without any detail"), "{told:?}");
    }

    fn record(halves: f64, whole: f64, reference: &str) -> ComparisonRecord {
        serde_json::from_value(serde_json::json!({
            "metrics": {"complex_correlation": whole, "halves_complex_correlation": halves},
            "alignment": {"shift": [0.0, 0.0], "ramp": [0.0, 0.0], "scale": 1.0, "phase": 0.0,
                "iterations": 1, "converged": true},
            "reference": reference,
        }))
        .unwrap()
    }

    #[test]
    fn every_resolution_of_a_curve_is_held_against_the_rule() {
        let mut dip = falling(0.3);
        dip.correlation[1] = 0.05;
        let curves = FrcCurves { complex: falling(0.2), amplitude: falling(0.2), phase: dip };
        let told =
            resolution_doubts(&curves, |name| (name == "complex_correlation").then_some(0.9));
        let names: Vec<&str> = told.keys().map(String::as_str).collect();
        let of_phase = ["0_5", "1_7", "half_bit", "one_bit"];
        // A ring of few pixels has thresholds in bits that it may fall short of by more.
        assert!(names.iter().all(|name| name.starts_with("phase_resolution_")), "{names:?}");
        for criterion in &of_phase[..2] {
            let name = format!("phase_resolution_{criterion}_px");
            assert!(told[&name].contains("rises above it again"), "{told:?}");
        }
    }

    #[test]
    fn what_never_falls_is_believed_of_images_that_agree() {
        assert!(said(&falling(2.0), 0.4).contains("never falls"));
    }

    #[test]
    fn halves_that_agree_beyond_the_truth_repeat_the_prior() {
        assert!(doubts(&record(0.8, 0.9, "truth")).is_empty());
        let told = doubts(&record(0.98, 0.6, "full-dose reconstruction"));
        assert!(
            told[AGREEMENT].contains("0.98") && told[AGREEMENT].contains("the reference (0.60)")
        );
        assert!(told.contains_key(OF_HALVES));
    }
}
