//! Whether independent halves of the photons agree on what a number claims of the specimen.

use crate::frc::first_below;
use crate::trust::{CARRY, OWN, no_image};
use crate::{Criterion, FrcCurve, HalvesRecord, Metric, Quantity};

/// Why a number of a measured scan that reaches `goal` says nothing of the specimen: independent
/// halves of the photons agree on nothing of that quantity, or on nothing so fine. `None` where
/// they do, of numbers that are not of the object, and of halves without ring correlations.
///
/// An image and the reconstruction of all photons share photons, so that they agree on their noise
/// too; halves share none.
pub fn not_held(name: &str, goal: f64, halves: &HalvesRecord) -> Option<String> {
    let quantity = of_object(name)?;
    let curve = halves.frc.as_ref()?.of(quantity);
    if let Some(why) = no_image(|name| halves.metrics.value(name)) {
        return Some(format!("of independent halves of the photons, {why}"));
    }
    let held = held_to(curve);
    let carries = curve.frequency.get(CARRY - 1).copied().unwrap_or(f64::INFINITY);
    if held < carries {
        return Some(format!(
            "independent halves of the photons agree on no detail of the {}",
            said(quantity)
        ));
    }
    let asked = if name.ends_with("_px") { 0.5 / goal } else { goal };
    let is_scale = name.ends_with("_px") || name.contains("_frc_");
    (is_scale && held < asked).then(|| {
        let fine = if name.ends_with("_px") {
            format!("{:.1} px", 0.5 / held)
        } else {
            format!("{held:.3} cycles per pixel")
        };
        format!(
            "independent halves of the photons agree on details of the {} down to {fine} only",
            said(quantity)
        )
    })
}

/// Whether a number is one of the object that is compared with a reference, and of which quantity.
pub fn of_object(name: &str) -> Option<Quantity> {
    Metric::find(name).filter(|metric| !metric.of_halves)?;
    // What the alignment removed is no quality.
    let all = Quantity::ALL.into_iter().filter(|_| name != "phase_offset");
    all.into_iter()
        .find(|of| name.starts_with(of.name()) && name[of.name().len()..].starts_with('_'))
}

/// The share of a measured scan's photons up to which a number that reaches `goal`, against the
/// reconstruction of all of them, tells of more than the noise of the photons that both have.
///
/// The noise of a share f correlates with that of all by the root of f; what leaks from the phase
/// into an amplitude without detail makes it up to 1.4 times that, for which a factor of 2 is left.
/// What asks for an agreement of c alone, by its threshold or by the goal itself, may be reached by
/// noise from (c / 2)^2 on. Errors, which ask for more, are told up to a quarter.
pub fn independent_share(name: &str, goal: f64) -> f64 {
    let by = |criterion: &Criterion| {
        let end = format!("_{}", criterion.name());
        name.strip_suffix("_px").unwrap_or(name).ends_with(&end)
    };
    let agreement = match Criterion::ALL.into_iter().find(by) {
        // Of a ring of many frequencies: the least that it asks for.
        Some(criterion) => criterion.threshold(usize::MAX),
        None if name.contains("ssim") || name.ends_with("correlation") => goal,
        None => 1.0,
    };
    (agreement / 2.0).clamp(0.0, 0.5).powi(2)
}

/// A quantity within a sentence.
fn said(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Amplitude => "amplitude",
        Quantity::Complex => "complex field",
        Quantity::Phase => "phase",
    }
}

/// The frequency up to which two halves agree on detail by the half bit: what coarser structure,
/// spread by the window, adds to their correlation is taken off, and where it is most of what is
/// there nothing is held.
fn held_to(curve: &FrcCurve) -> f64 {
    let thresholds = curve.threshold(Criterion::HalfBit);
    let margins = curve.correlation.iter().enumerate().map(|(ring, &correlation)| {
        match curve.own.get(ring) {
            Some(&own) if own < OWN => -1.0,
            // Of the whole the share 1 - own is spread, and alike in both halves.
            Some(&own) => (correlation - (1.0 - own)) / own - thresholds[ring],
            None => correlation - thresholds[ring],
        }
    });
    let start = 1.0 - thresholds.first().copied().unwrap_or_default();
    first_below(&curve.frequency, margins, start)
        .unwrap_or_else(|| curve.frequency.last().map_or(0.0, |_| 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrcCurves, Numbers};

    /// Halves that agree up to `at` cycles per pixel, with so much of their own beyond `coarse`.
    fn halves(at: f64, coarse: f64, own: f64, (value, flat): (f64, f64)) -> HalvesRecord {
        let frequency: Vec<f64> = (1..=50).map(|ring| f64::from(ring) / 100.0).collect();
        let curve = || FrcCurve {
            correlation: frequency.iter().map(|f| 1.0 / (1.0 + ((f - at) * 200.0).exp())).collect(),
            count: (1..=50).map(|ring| 6 * ring).collect(),
            own: frequency.iter().map(|&f| if f <= coarse { 1.0 } else { own }).collect(),
            frequency: frequency.clone(),
        };
        let mut metrics = Numbers::default();
        metrics.push("complex_correlation", Some(value));
        metrics.push("complex_correlation_flat", Some(flat));
        let frc = FrcCurves { complex: curve(), amplitude: curve(), phase: curve() };
        HalvesRecord { metrics, resolution: None, frc: Some(frc) }
    }

    #[test]
    fn what_halves_agree_on_is_held_and_nothing_finer() {
        let good = halves(0.26, 1.0, 1.0, (0.99, 0.9));
        let told = |name: &str, goal: f64| not_held(name, goal, &good);
        assert_eq!(told("phase_resolution_0_5_px", 2.0), None);
        assert!(told("phase_resolution_0_5_px", 1.5).unwrap().contains("down to 1.9 px only"));
        assert_eq!((told("phase_frc_0_5", 0.25), told("phase_ssim", 0.99)), (None, None));
        assert!(told("amplitude_frc_0_5", 0.4).unwrap().contains("cycles per pixel only"));
        // What is not of the object, or of halves itself, is not theirs to tell.
        let nothing = halves(0.0, 1.0, 1.0, (0.8, 0.9));
        for name in
            ["halves_phase_resolution_half_bit_px", "probe_nrmse", "shift_y", "phase_offset"]
        {
            assert_eq!(not_held(name, 0.1, &nothing), None, "{name}");
        }
    }

    #[test]
    fn what_asks_for_little_agreement_is_reached_by_noise_of_few_photons() {
        let share = independent_share;
        assert_eq!(share("phase_resolution_0_5_px", 3.0), 0.0625);
        assert_eq!(share("amplitude_frc_0_5", 0.2), 0.0625);
        assert!((share("amplitude_resolution_1_7_px", 3.0) - 1.0 / 196.0).abs() < 1e-12);
        // Half a bit is 0.2071 / 1.2071, one bit a third.
        let bits = ["half", "one"].map(|n| share(&format!("phase_resolution_{n}_bit_px"), 3.0));
        assert!((bits[0] - 0.00736).abs() < 1e-5 && (bits[1] - 1.0 / 36.0).abs() < 1e-6);
        assert_eq!([0.5, 1.0].map(|goal| share("amplitude_ssim", goal)), [0.0625, 0.25]);
        assert_eq!(share("amplitude_mae", 0.01), 0.25);
        assert_eq!(share("phase_ssim", -1.0), 0.0);
    }

    #[test]
    fn halves_of_a_blank_or_of_a_smooth_specimen_hold_no_detail() {
        let flat = halves(0.26, 1.0, 1.0, (0.999_13, 0.999_57));
        assert!(
            not_held("phase_ssim", 0.99, &flat).unwrap().contains("no better than one without")
        );
        let noise = halves(0.005, 1.0, 1.0, (0.9, 0.8));
        let told = not_held("amplitude_ssim", 0.5, &noise).unwrap();
        assert_eq!(told, "independent halves of the photons agree on no detail of the amplitude");
        // Coarse structure alone, spread: they correlate far out, and hold nothing there.
        for own in [0.3, 0.0] {
            let smooth = halves(0.26, 0.05, own, (0.99, 0.9));
            let told = not_held("phase_resolution_0_5_px", 6.0, &smooth);
            assert!(told.as_ref().is_some_and(|why| why.contains("down to ")), "{told:?}");
            assert_eq!(not_held("phase_resolution_0_5_px", 12.0, &smooth), None);
        }
        // Noise is of its own in every ring, and what is spread explains all that correlates.
        let mut spread = halves(0.0, 0.05, 0.7, (0.99, 0.9));
        let curve = &mut spread.frc.as_mut().unwrap().phase;
        curve.correlation.iter_mut().zip(&curve.own).for_each(|(correlation, own)| {
            *correlation = if *own < 1.0 { 0.4 } else { 0.99 };
        });
        assert!(not_held("phase_resolution_0_5_px", 6.0, &spread).is_some());
    }
}
