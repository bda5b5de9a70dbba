//! What a measured study knows of its specimen from independent halves of the photons.
//!
//! Its images are compared with the reconstruction of all photons, some of which are theirs too:
//! near the measured dose the two agree on noise.

use crate::{Condition, Split};
use lapwing_compare::{ComparisonRecord, HalvesRecord, independent_share, not_held, of_object};
use std::collections::BTreeMap;

/// A dose that is less than this many times below the measured one shares so many photons with the
/// full-dose reconstruction that they agree beyond what they know of the specimen.
pub const SHARED: f64 = 4.0;

/// The halves of the highest dose that has some, of a study that was compared with its full-dose
/// reconstruction.
#[derive(Debug, Clone, Default)]
pub struct Held<'a> {
    halves: BTreeMap<Split, Vec<&'a HalvesRecord>>,
    dose: u64,
    measured: Option<f64>,
}

impl<'a> Held<'a> {
    /// Of the comparisons of a study whose scan was measured with so many photons per pattern;
    /// nothing is known, and nothing needs be, of one that was not measured.
    pub fn of(
        all: impl IntoIterator<Item = (Condition, &'a ComparisonRecord)>,
        measured: Option<f64>,
    ) -> Self {
        let mut held = Self { measured, ..Self::default() };
        for (condition, comparison) in all {
            let Some(halves) = comparison.halves.as_ref().filter(|halves| halves.frc.is_some())
            else {
                continue;
            };
            if condition.dose > held.dose {
                (held.dose, held.halves) = (condition.dose, BTreeMap::new());
            }
            if condition.dose == held.dose {
                held.halves.entry(condition.split).or_default().push(halves);
            }
        }
        held
    }

    /// Whether there are halves of more than a quarter of the photons: those of fewer may be too
    /// noisy to tell anything of the specimen.
    fn tells(&self) -> bool {
        let full = self.measured.unwrap_or(f64::INFINITY);
        !self.halves.is_empty() && self.dose as f64 * SHARED > full
    }

    /// Why nothing can be told of a goal: on some split no two halves agree on what it is about.
    pub fn not_held(&self, name: &str, goal: f64) -> Option<String> {
        if self.measured.is_none() || !self.tells() {
            return None;
        }
        let of = |all: &Vec<&HalvesRecord>| {
            let each: Option<Vec<String>> =
                all.iter().map(|halves| not_held(name, goal, halves)).collect();
            each?.into_iter().next()
        };
        let why = self.halves.values().find_map(of)?;
        Some(format!("{why} (halves of {} per pattern)", self.dose))
    }

    /// Why nothing can be told of a goal that is reached at `dose`: that shares its photons with
    /// what it is compared with, and no halves tell what else they have in common.
    pub fn shared(&self, name: &str, goal: f64, dose: f64) -> Option<String> {
        let most = self.measured? * independent_share(name, goal);
        of_object(name)?;
        (dose > most && !self.tells()).then(|| {
            format!(
                "above {} photons per pattern the noise that an image shares with the full-dose \
                 reconstruction that it is compared with may reach the goal alone, and only halves \
                 of the photons (halves = true in [study]) tell that apart from the specimen",
                most.floor()
            )
        })
    }

    /// Whether a goal that is reached at `dose` may take more: of what it is compared with the
    /// image has many photons itself.
    pub fn may_take_more(&self, name: &str, dose: f64) -> bool {
        let shared = |full| dose > full / SHARED;
        of_object(name).is_some() && self.measured.is_some_and(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::View;
    use serde_json::json;

    fn compared(value: f64, flat: f64) -> ComparisonRecord {
        let frequency: Vec<f64> = (1..=50).map(|ring| f64::from(ring) / 100.0).collect();
        let curve = json!({
            "frequency": frequency, "correlation": vec![0.9; 50], "count": vec![100; 50],
        });
        serde_json::from_value(json!({
            "metrics": {},
            "alignment": {"shift": [0.0, 0.0], "ramp": [0.0, 0.0], "scale": 1.0, "phase": 0.0,
                "iterations": 1, "converged": true},
            "halves": {
                "metrics": {"complex_correlation": value, "complex_correlation_flat": flat},
                "frc": {"complex": curve, "amplitude": curve, "phase": curve},
            },
        }))
        .unwrap()
    }

    #[test]
    fn halves_of_the_highest_dose_tell_of_every_split() {
        let (good, blank) = (compared(0.99, 0.9), compared(0.9, 0.99));
        let at = |dose, split| Condition { dose, split, view: View::Baseline };
        let (train, test) = (Split::Train, Split::Test);
        let why = |all: &[(Condition, &ComparisonRecord)], measured| {
            Held::of(all.iter().copied(), measured).not_held("phase_ssim", 0.9).is_some()
        };
        assert!(!why(&[(at(900, train), &good), (at(100, train), &blank)], Some(1e3)));
        assert!(why(&[(at(100, train), &good), (at(900, train), &blank)], Some(1e3)));
        assert!(why(&[(at(900, train), &good), (at(900, test), &blank)], Some(1e3)));
        // Of a truth, and of few photons, they tell nothing.
        assert!(!why(&[(at(900, train), &blank)], None));
        assert!(!why(&[(at(900, train), &blank)], Some(1e4)));
    }

    #[test]
    fn without_halves_few_of_the_photons_are_the_most_that_tell() {
        let none = Held::of([], Some(1e4));
        let told = none.shared("phase_resolution_0_5_px", 2.0, 650.0).unwrap();
        assert!(told.contains("above 625 photons") && told.contains("halves = true"), "{told}");
        assert_eq!(none.shared("phase_resolution_0_5_px", 2.0, 600.0), None);
        assert_eq!(none.shared("phase_ssim", 1.0, 2500.0), None);
        assert_eq!(none.shared("halves_complex_correlation", 0.9, 6500.0), None);
        assert!(none.may_take_more("phase_ssim", 6500.0));
        assert!(!none.may_take_more("phase_ssim", 2500.0));
        let good = compared(0.99, 0.9);
        let at = Condition { dose: 9000, split: Split::Train, view: View::Baseline };
        assert_eq!(Held::of([(at, &good)], Some(1e4)).shared("phase_ssim", 0.9, 6500.0), None);
        assert!(!Held::of([], None).may_take_more("phase_ssim", 6500.0));
    }
}
