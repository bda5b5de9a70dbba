//! The section `[views]` of a design as the user may write it.

use crate::design::condition::{Step, View};
use crate::design::error::DesignError;
use crate::design::settled::{Source, ViewRules};
use lapwing_model::probe;

/// The section `[views]`: the rules of selection, and views beside the three named ones.
pub(super) struct FurtherViews {
    pub(super) rules: ViewRules,
    steps: Vec<f64>,
    steps_nm: Vec<f64>,
    overlaps: Vec<f64>,
    probe_diameter: Option<f64>,
    /// Side of a pattern, pixels.
    side: usize,
}

impl FurtherViews {
    pub(super) fn take(mut section: toml::Table, side: usize) -> Result<Self, DesignError> {
        let mut numbers = |name: &str| -> Result<Vec<f64>, DesignError> {
            let Some(value) = section.remove(name) else { return Ok(Vec::new()) };
            value.try_into().map_err(DesignError::Syntax)
        };
        let (steps, steps_nm, overlaps) =
            (numbers("steps")?, numbers("steps_nm")?, numbers("overlaps")?);
        let probe_diameter = section.remove("probe_diameter").map(toml::Value::try_into);
        let rules = toml::Table::try_from(ViewRules::default()).expect("rules are a table");
        if let Some(key) = section.keys().find(|&key| !rules.contains_key(key)) {
            let rules: Vec<&str> = rules.keys().map(String::as_str).collect();
            let expected =
                format!("the keys steps, steps_nm, overlaps, probe_diameter, {}", rules.join(", "));
            return Err(DesignError::rule("views", expected, format!("the key {key}")));
        }
        Ok(Self {
            rules: section.try_into().map_err(DesignError::Syntax)?,
            steps,
            steps_nm,
            overlaps,
            probe_diameter: probe_diameter.transpose().map_err(DesignError::Syntax)?,
            side,
        })
    }

    /// The views: of steps in pixels, of steps in nanometres, and of linear overlaps of the probe's
    /// disc.
    pub(super) fn steps(&self, source: &Source) -> Result<Vec<View>, DesignError> {
        let mut pixels = self.steps.clone();
        if !self.steps_nm.is_empty() {
            let size = match source.pixel_size()? {
                Some(size) => size,
                None => {
                    let file = source.of_file()?;
                    let expected = "pixel_size_m in [base] or [specimen], the object\u{2019}s pixel \
                                    in metres, or a far-field scan whose file tells it";
                    let none = || DesignError::rule("views.steps_nm", expected, file.none());
                    file.pixel_size.ok_or_else(none)?
                }
            };
            pixels.extend(self.steps_nm.iter().map(|nm| nm * 1e-9 / size));
        }
        if !self.overlaps.is_empty() {
            let diameter = self.diameter(source)?;
            for &overlap in &self.overlaps {
                if !(0.0..1.0).contains(&overlap) {
                    let expected = "linear overlaps of at least 0 and less than 1";
                    return Err(DesignError::rule("views.overlaps", expected, overlap));
                }
                pixels.push((1.0 - overlap) * diameter);
            }
        }
        let view = |pixels: f64| {
            Step::of(pixels).map(View::Step).ok_or_else(|| {
                let expected = "steps of 0.001 to 1e6 pixels";
                DesignError::rule("views.steps", expected, format!("{pixels} pixels"))
            })
        };
        pixels.into_iter().map(view).collect()
    }

    /// Diameter of the disc, pixels.
    fn diameter(&self, source: &Source) -> Result<f64, DesignError> {
        let built = match source {
            Source::BuiltIn { probe, .. } | Source::Base { probe: Some(probe), .. } => Some(probe),
            _ => None,
        };
        match (self.probe_diameter, built) {
            (Some(diameter), _) if diameter > 0.0 && diameter.is_finite() => Ok(diameter),
            (Some(wrong), _) => {
                Err(DesignError::rule("views.probe_diameter", "a number of pixels above 0", wrong))
            }
            (None, Some(probe)) => {
                let side = self.side;
                let built = probe.build((side, side)).map_err(DesignError::Probe)?;
                Ok(probe::diameter(built.view()))
            }
            (None, None) => {
                let file = source.of_file()?;
                let expected = "probe_diameter beside them, the disc\u{2019}s in pixels as `lapwing \
                                inspect` tells it, a far-field scan whose file has a probe, or \
                                steps in place of overlaps";
                let none = || DesignError::rule("views.overlaps", expected, file.none());
                file.probe_diameter.ok_or_else(none)
            }
        }
    }
}
