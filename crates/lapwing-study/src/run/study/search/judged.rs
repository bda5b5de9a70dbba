//! What the results of a search say of its goal, and where they say nothing.

use super::found::DoseValue;
use crate::Result;
use crate::design::condition::{Case, Condition, Split, View};
use crate::design::{Design, DesignError, Goal};
use crate::disk::folder::StudyFolder;
use crate::disk::record::{JobResult, Status};
use crate::held::Held;
use lapwing_compare::{ComparisonRecord, Metric, doubts, reached_by_flat, resolution_doubts};
use std::collections::BTreeMap;
use std::path::Path;

/// The metric of a view at a dose.
pub(super) enum Values {
    /// Of every repeat, by the split.
    Told(BTreeMap<Split, Vec<f64>>),
    /// Why one of them says nothing.
    Untold(String),
}

/// The results of a search.
pub(super) struct Judge<'a> {
    pub design: &'a Design,
    pub goal: &'a Goal,
    /// Side of an object pixel, metres, where the goal needs it.
    pub pixel_size: Option<f64>,
    pub root: &'a Path,
}

impl Judge<'_> {
    /// Why nothing is told of a goal that is reached `at` a dose, where there is one, and whether
    /// one that is told may take more, with what was `tried`, ascending up to `top`.
    pub(super) fn judged(
        &self,
        top: u64,
        tried: &[DoseValue],
        at: Option<u64>,
    ) -> Result<(Option<String>, bool)> {
        let folder = StudyFolder::new(self.root);
        let mut compared = Vec::new();
        for case in self.design.cases() {
            if case.condition.dose == top && case.solver.is_none() {
                compared.extend(folder.comparison(&case)?.map(|found| (case.condition, found)));
            }
        }
        let with_truth =
            |(_, found): &(_, ComparisonRecord)| found.reference == ComparisonRecord::TRUTH;
        let measured = self.thinned_from().filter(|_| !compared.iter().any(with_truth));
        let held = Held::of(compared.iter().map(|(of, found)| (*of, found)), measured);
        let (name, factor) = self.measured_by();
        let goal = self.goal.value() / factor;
        let last = tried.last().and_then(|last| Some((last.dose, last.why.as_ref()?)));
        let untold = held
            .not_held(name, goal)
            .or_else(|| {
                last.map(|(dose, why)| format!("at {dose} per pattern, the highest dose, {why}"))
            })
            .or_else(|| held.shared(name, goal, at? as f64));
        let more = at.is_some_and(|at| held.may_take_more(name, at as f64));
        Ok((untold.clone(), more && untold.is_none()))
    }

    /// Photons per pattern of the scan that the doses were thinned from.
    fn thinned_from(&self) -> Option<f64> {
        let folder = StudyFolder::new(self.root);
        let doses = self.design.study.all_doses();
        let data = self.design.study.splits.iter().flat_map(|&split| {
            doses.iter().map(move |&dose| Condition { dose, split, view: View::Baseline })
        });
        data.into_iter().find_map(|of| folder.thinned_from(of))
    }

    /// Whether a comparison is of all photons that were measured, with no truth: there is one
    /// realisation of them, whatever the repeats. Doses are whole.
    fn of_all_photons(&self, dose: u64, comparison: &ComparisonRecord) -> bool {
        let thinned = comparison.reference != ComparisonRecord::TRUTH;
        thinned && self.thinned_from().is_some_and(|full| dose as f64 + 0.5 >= full)
    }

    /// Whether the number of a view at a dose is that of the reference compared with itself, which
    /// is no result. What halves of the photons have in common is one.
    pub(super) fn is_itself(&self, view: View, dose: u64) -> Result<bool> {
        let of_halves = self.goal.catalogued().is_some_and(|metric| metric.of_halves);
        let first = self.design.solvers.first().map(|solver| &solver.name);
        let maker = self.design.reference_solver().map(|solver| &solver.name);
        if of_halves || view != View::Baseline || first != maker {
            return Ok(false);
        }
        let folder = StudyFolder::new(self.root);
        for case in self.cases(view, dose) {
            if let Some(comparison) = folder.comparison(&case)? {
                return Ok(self.of_all_photons(dose, &comparison));
            }
        }
        Ok(false)
    }

    /// The metric that the goal is measured by, and what makes its numbers those of the goal:
    /// lengths are measured in pixels.
    fn measured_by(&self) -> (&str, f64) {
        let in_pixels = self.goal.catalogued().and_then(Metric::in_pixels).zip(self.pixel_size);
        match in_pixels {
            Some((length, metres)) => (length.name.as_str(), metres * 1e9),
            None => (self.goal.metric.as_str(), 1.0),
        }
    }

    /// The cases of a view at a dose, by the first solver, of all splits and repeats.
    fn cases(&self, view: View, dose: u64) -> impl Iterator<Item = Case> {
        self.design.cases().into_iter().filter(move |case| {
            let Condition { dose: of, view: seen, .. } = case.condition;
            of == dose && seen == view && case.solver.is_none()
        })
    }

    pub(super) fn results(&self, view: View, dose: u64) -> Result<Vec<JobResult>> {
        let folder = StudyFolder::new(self.root);
        self.cases(view, dose).filter_map(|case| folder.result(&case).transpose()).collect()
    }

    /// Why there is no result of a view at a dose, where there is none.
    pub(super) fn without_result(&self, view: View, dose: u64) -> Result<Option<String>> {
        if self.results(view, dose)?.iter().any(|result| result.status == Status::Done) {
            return Ok(None);
        }
        let folder = StudyFolder::new(self.root);
        let Some(case) = self.cases(view, dose).next() else { return Ok(None) };
        let outcome = folder.outcome(&case)?;
        Ok(outcome.reason().map(|why| format!("there is no result at {dose} per pattern: {why}")))
    }

    /// The metric of each of these cases that has it, by the split, or why one of them is no answer
    /// (see [`doubts`]).
    pub(super) fn values(&self, view: View, dose: u64) -> Result<Values> {
        let folder = StudyFolder::new(self.root);
        let (name, factor) = self.measured_by();
        let mut values: BTreeMap<Split, Vec<f64>> = BTreeMap::new();
        for case in self.cases(view, dose) {
            let Some(comparison) = folder.comparison(&case)? else { continue };
            if case.repeat > 1 && self.of_all_photons(dose, &comparison) {
                continue;
            }
            if let Some(flat) =
                reached_by_flat(name, self.goal.value(), |name| comparison.metric(name))
            {
                let expected = format!(
                    "{name} that an image without any detail, which has {flat:.3}, does not reach"
                );
                return Err(DesignError::rule("goal", expected, self.goal.value()).into());
            }
            let curves = comparison.frc.as_ref();
            let of_curves = curves
                .and_then(|frc| resolution_doubts(frc, |of| comparison.metric(of)).remove(name));
            if let Some(why) = of_curves.or_else(|| doubts(&comparison).remove(name)) {
                return Ok(Values::Untold(why));
            }
            let derived =
                || comparison.derived().into_iter().find(|number| number.name == name)?.value;
            let found = comparison.metric(name).or_else(derived).filter(|v| v.is_finite());
            if let Some(value) = found {
                values.entry(case.condition.split).or_default().push(value * factor);
            }
        }
        Ok(Values::Told(values))
    }
}
