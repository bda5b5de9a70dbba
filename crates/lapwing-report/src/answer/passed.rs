//! Goals that are reached with fewer photons than counting statistics allow.

use super::Question;
use super::reach::Reach;
use crate::plots::limit::allowed;
use lapwing_study::{Split, View};

impl Question<'_> {
    /// What the photons allow a view, where it is known, at the dose that reaches the goal: the
    /// best of the splits, where that is worse than the goal. Infinite where they resolve nothing.
    pub(super) fn passed(&self, view: View, splits: &[Split], reach: Reach) -> Option<f64> {
        let (study, dose) = (self.study?, reach.place()?);
        let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let of = |&split: &Split| allowed(study, self.metric, split, view, dose);
        let most = splits.iter().filter_map(of).max_by(|a, b| (sign * a).total_cmp(&(sign * b)))?;
        let short = sign * (self.metric.goal - most);
        (short > self.metric.least_difference(self.metric.goal, most)).then_some(most)
    }

    /// That a place on a list is beyond what the photons allow.
    pub(super) fn beyond(&self, most: f64) -> String {
        match most.is_finite() {
            true => format!(
                ", past the bound of counting statistics, which allows {}",
                self.metric.with_unit(most)
            ),
            false => ", past the bound of counting statistics, which resolves nothing".to_owned(),
        }
    }

    /// The same as a sentence.
    pub(super) fn passes(&self, most: f64) -> String {
        let allows = match most.is_finite() {
            true => format!("allow {}", self.metric.with_unit(most)),
            false => "resolve nothing".to_owned(),
        };
        format!(
            "That passes the bound of counting statistics, by which so many photons {allows}: what \
             a solver knows of the specimen beforehand may do that, and chance may."
        )
    }
}
