//! The section `[goal]`: what is good enough, for a search of the dose that it takes.

use crate::design::error::DesignError;
use lapwing_compare::{Better, Metric};
use serde::{Deserialize, Serialize};

/// What is good enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Goal {
    /// Name of a metric (see [`Metric::all`]).
    pub metric: String,
    /// The value that must be reached: at least, or at most where small values are better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The same where small values are better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The factor between two doses at which a search ends, above 1.
    pub precision: f64,
    /// Side of an object pixel, metres, for lengths in nanometres where the data do not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_size_m: Option<f64>,
}

/// The section as it may be written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGoal {
    metric: String,
    at_least: Option<f64>,
    at_most: Option<f64>,
    precision: Option<f64>,
    pixel_size_m: Option<f64>,
}

/// The factor between doses at which a search ends unless told.
const PRECISION: f64 = 1.25;

/// Short names of metrics.
const SHORT: [(&str, &str); 4] = [
    ("resolution_px", "phase_resolution_0_5_px"),
    ("resolution_nm", "phase_resolution_0_5_nm"),
    ("phase_resolution_px", "phase_resolution_0_5_px"),
    ("phase_resolution_nm", "phase_resolution_0_5_nm"),
];

impl WrittenGoal {
    pub(super) fn resolve(self) -> Result<Goal, DesignError> {
        let goal = match (self.at_least, self.at_most) {
            (Some(value), None) | (None, Some(value)) => Goal::new(&self.metric, value)?,
            _ => {
                let expected = "either at_least or at_most";
                return Err(DesignError::rule("goal", expected, "both or neither"));
            }
        };
        if (self.at_least, self.at_most) != (goal.at_least, goal.at_most) {
            let expected = format!("{} of {}", goal.direction(), goal.metric);
            return Err(DesignError::rule("goal", expected, "the other bound"));
        }
        let goal = Goal { pixel_size_m: self.pixel_size_m, ..goal };
        goal.with_precision(self.precision.unwrap_or(PRECISION))
    }
}

impl Goal {
    /// To reach `value` of a metric, by its name or a short one: at least, or at most where small
    /// values are better.
    ///
    /// # Errors
    /// When there is no such metric, it is no quality, or no result can have such a value.
    pub fn new(name: &str, value: f64) -> Result<Self, DesignError> {
        let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, name)| name);
        let metric = Metric::find(name).filter(|metric| metric.better != Better::Neither);
        let metric = metric.ok_or_else(|| {
            let expected = "a metric such as phase_ssim, complex_correlation or resolution_nm, see \
                            docs/metrics.md";
            DesignError::rule("goal.metric", expected, name)
        })?;
        if !value.is_finite() {
            return Err(DesignError::rule("goal", "a finite number", value));
        }
        let higher = metric.better == Better::Higher;
        let possible = match (higher, metric.perfect) {
            (true, Some(perfect)) if value > perfect => Err(format!("at most {perfect}")),
            (false, Some(perfect)) if value < perfect => Err(format!("at least {perfect}")),
            (false, None) if value <= 0.0 => Err("a number above 0".to_owned()),
            _ => Ok(()),
        };
        possible.map_err(|expected| {
            let expected = format!("{expected} of {}, which no result surpasses", metric.name);
            DesignError::rule("goal", expected, value)
        })?;
        Ok(Self {
            metric: metric.name.clone(),
            at_least: higher.then_some(value),
            at_most: (!higher).then_some(value),
            precision: PRECISION,
            pixel_size_m: None,
        })
    }

    /// A goal as people write it: `phase_ssim=0.9`, `resolution=30nm`, `resolution=2px`.
    ///
    /// # Errors
    /// When it has another form, and as for [`Goal::new`].
    pub fn parse(text: &str) -> Result<Self, DesignError> {
        let wrong = || {
            let expected = "METRIC=VALUE, such as phase_ssim=0.9 or resolution=30nm";
            DesignError::rule("goal", expected, format!("`{text}`"))
        };
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let (number, unit) = ["nm", "px"]
            .into_iter()
            .find_map(|unit| Some((value.strip_suffix(unit)?, unit)))
            .unwrap_or((value, ""));
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        match (name.trim(), unit) {
            ("resolution" | "phase_resolution", "") => Err(wrong()),
            ("resolution" | "phase_resolution", unit) => {
                Self::new(&format!("resolution_{unit}"), number)
            }
            (name, "") => Self::new(name, number),
            (name, unit) if name.ends_with(unit) => Self::new(name, number),
            _ => Err(wrong()),
        }
    }

    /// Whether large values are good.
    pub fn higher_is_better(&self) -> bool {
        self.at_least.is_some()
    }

    /// Its metric in the catalogue.
    pub fn catalogued(&self) -> Option<&'static Metric> {
        Metric::find(&self.metric)
    }

    /// Whether values are lengths.
    pub fn is_length(&self) -> bool {
        self.catalogued().is_some_and(|metric| ["px", "nm"].contains(&metric.unit))
    }

    /// The same with another precision.
    ///
    /// # Errors
    /// When that is not above 1.
    pub fn with_precision(self, precision: f64) -> Result<Self, DesignError> {
        match precision > 1.0 && precision.is_finite() {
            true => Ok(Self { precision, ..self }),
            false => Err(DesignError::rule("goal.precision", "a factor above 1", precision)),
        }
    }

    /// Whether it is a length in nanometres.
    pub fn is_in_nanometres(&self) -> bool {
        self.catalogued().is_some_and(|metric| metric.in_pixels().is_some())
    }

    /// A goal in nanometres as one in pixels of that side, metres; others as they are.
    pub fn in_pixels(self, pixel_size: f64) -> Self {
        match (self.catalogued().and_then(Metric::in_pixels), self.at_most) {
            (Some(length), Some(nm)) => {
                let pixels = Metric::nanometres_in_pixels(nm, pixel_size);
                Self { metric: length.name.clone(), at_most: Some(pixels), ..self }
            }
            _ => self,
        }
    }

    /// Whether a value is good enough.
    pub fn is_reached(&self, value: f64) -> bool {
        self.at_least.is_none_or(|least| value >= least)
            && self.at_most.is_none_or(|most| value <= most)
    }

    /// The value to be reached.
    pub fn value(&self) -> f64 {
        self.at_least.or(self.at_most).unwrap_or_default()
    }

    /// `at_least` or `at_most`.
    fn direction(&self) -> &'static str {
        if self.at_least.is_some() { "at_least" } else { "at_most" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_as_people_write_them() {
        let ssim = Goal::parse("phase_ssim=0.9").unwrap();
        assert_eq!((ssim.at_least, ssim.at_most), (Some(0.9), None));
        assert!(ssim.is_reached(0.9) && !ssim.is_reached(0.89));
        let nm = Goal::parse("resolution=30nm").unwrap();
        assert_eq!((nm.metric.as_str(), nm.at_most), ("phase_resolution_0_5_nm", Some(30.0)));
        assert!(nm.is_reached(29.0) && !nm.is_reached(31.0));
        let px = nm.in_pixels(1e-8);
        assert_eq!(px.metric, "phase_resolution_0_5_px");
        assert_eq!(px.value(), 3.0);
        assert_eq!(Goal::parse("resolution=2px").unwrap().metric, "phase_resolution_0_5_px");
        let impossible =
            ["phase_ssim=2", "complex_nrmse=-0.1", "resolution=0nm", "resolution=0.5px"];
        for wrong in impossible {
            let told = Goal::parse(wrong).unwrap_err().to_string();
            assert!(told.contains("no result surpasses"), "{told}");
        }
        assert_eq!(Goal::parse("phase_ssim = 1").unwrap().value(), 1.0);
        for wrong in ["phase_ssim", "resolution=30", "shift_y=1", "beauty=1", "phase_ssim=0.9nm"] {
            assert!(Goal::parse(wrong).unwrap_err().to_string().starts_with("goal"), "{wrong}");
        }
        let written = |text: &str| toml::from_str::<WrittenGoal>(text).unwrap().resolve();
        let goal = written("metric = \"phase_resolution_nm\"\nat_most = 30\nprecision = 2.0");
        assert_eq!(goal.unwrap().precision, 2.0);
        for wrong in [
            "metric = \"phase_ssim\"",
            "metric = \"phase_ssim\"\nat_most = 0.9",
            "metric = \"phase_ssim\"\nat_least = 0.9\nprecision = 1",
        ] {
            assert!(written(wrong).is_err(), "{wrong}");
        }
    }
}
