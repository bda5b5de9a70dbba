//! What a search finds.

use crate::design::condition::View;
use serde::Serialize;

/// What was found for a view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The view.
    pub view: View,
    /// The least dose, photons per pattern, or why there is none.
    pub dose: Least,
    /// Every dose that was looked at, by this search or whatever made the study before, ascending,
    /// with the metric.
    pub tried: Vec<DoseValue>,
    /// Linear overlap of neighbouring discs, of the splits on average.
    pub linear_overlap: Option<f64>,
    /// Step of the scan, pixels.
    pub step_px: Option<f64>,
    /// Photons on the specimen per area of the design for each photon per pattern, of a search
    /// between fluences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fluence_per_dose: Option<f64>,
    /// Why nothing is told of the goal: the number of the highest dose is no answer; or, in a
    /// measured scan in which it seems to be reached, halves of the photons do not agree on it, or
    /// only photons that are in the reference too tell of it; or chance alone may reach it at every
    /// dose, or it is reached and lost again; or there is no result, as of a view that is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// Whether more may be needed: the reference has many of the photons itself.
    pub may_take_more: bool,
}

/// The least dose that reaches a goal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reached")]
pub enum Least {
    /// About `at`, interpolated between two doses; between `low` and `high` with 95 % confidence:
    /// what chance may move the means by, and what the straight line between the two doses may be
    /// wrong by (see [`reached_between`](crate::crossing::reached_between)). Of one realisation
    /// these are the two doses.
    About {
        /// Photons per pattern.
        at: f64,
        /// Where it is reached at the earliest; `None` where that is below all that was looked at.
        low: Option<f64>,
        /// Where it is reached at the latest; `None` where that is beyond all that was looked at.
        high: Option<f64>,
    },
    /// At this dose; at the next lower ones nothing can be told: their numbers are no answer (see
    /// [`doubts`](lapwing_compare::doubts)), or reach it on average down to the lowest dose, where
    /// chance alone may do that.
    By {
        /// Photons per pattern.
        at: u64,
        /// The highest dose that was looked at and is too low, photons per pattern.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
    },
    /// At the lowest dose already.
    AtMost {
        /// Photons per pattern.
        at: u64,
    },
    /// Not even at the highest dose.
    Never {
        /// Photons per pattern.
        up_to: u64,
    },
}

/// A dose that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoseValue {
    /// Photons per pattern.
    pub dose: u64,
    /// Mean of the metric over splits and repeats; `None` when it was not measured, or is no answer
    /// anywhere (see [`doubts`](lapwing_compare::doubts)).
    pub value: Option<f64>,
    /// Standard error of the mean; `None` of a single value.
    pub error: Option<f64>,
    /// How far the mean may be off with 95 % confidence, by Student's t; `None` of a single value.
    pub half_width: Option<f64>,
    /// Why the number says nothing, where it was measured and is no answer (see
    /// [`doubts`](lapwing_compare::doubts)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
