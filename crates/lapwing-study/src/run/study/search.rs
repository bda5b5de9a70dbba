//! The least dose that reaches a goal, view by view, by bisection in place of a grid of doses.

mod found;
mod judged;
mod means;

pub use found::{DoseValue, Found, Least};

use crate::crossing::student;
use crate::design::condition::View;
use crate::design::{Design, DesignError, Goal, Matrix};
use crate::disk::folder::StudyFolder;
use crate::disk::record::{Filters, JobResult};
use crate::reach::{Point, Range, Reach, Rule};
use crate::run::dataset::stream::Streaming;
use crate::run::event::Observer;
use crate::run::jobs::{AtOnce, JobOptions};
use crate::run::study::exposures::{Geometry, settled_in};
use crate::run::study::{StudyOptions, study_jobs, study_with};
use crate::{Result, StudyError};
use judged::{Judge, Values};
use means::{mean, mean_of_splits};
use std::collections::BTreeMap;
use std::path::Path;

/// Finds for every view of `design` the least dose between the lowest and the highest that the
/// study has for it that reaches `goal` with its first solver, by bisection in the logarithm of the
/// dose down to the goal's precision. The study in `root` grows by what is looked at, with that
/// solver; what is done there already is used, and what is told is told of all of it by the rule of
/// the report ([`Rule`]).
///
/// The goal is kept in the design of that study, for its report, and so is that a search between
/// fluences is about photons on the specimen.
///
/// # Errors
/// When a view has fewer than two doses, when the goal is in nanometres of pixels whose side nobody
/// tells or two tell differently - both before anything is done -, and as for [`study_with`] and
/// [`study_jobs`].
pub fn search(
    design: &Design,
    goal: &Goal,
    root: &Path,
    (at_once, stream): (AtOnce, Streaming),
    observe: Observer<'_>,
) -> Result<Vec<Found>> {
    let design = settled_in(&Design { goal: Some(goal.clone()), ..design.clone() }, stream)?;
    let range = |&view: &View| match design.study.doses_of(view).as_slice() {
        [low, .., high] => Ok((view, (*low, *high))),
        _ => {
            let text = "study.doses: expected the lowest and the highest dose of the search, found \
                        one";
            Err(StudyError::Invalid(text.to_owned()))
        }
    };
    let ranges = design.study.views.iter().map(range).collect::<Result<Vec<_>>>()?;
    let pixel_size = pixel_size(&design, goal, stream)?;
    let finest = if goal.is_in_nanometres() { pixel_size.map_or(0.0, |m| m * 1e9) } else { 1.0 };
    if goal.is_length() && goal.value() < finest {
        let expected = format!("a resolution of one pixel of the object at least, {finest}");
        return Err(DesignError::rule("goal", expected, goal.value()).into());
    }
    let by_fluence = design.study.is_by_fluence();
    let fluences_per_dose = match by_fluence {
        true => fluences_per_dose(&design, stream)?,
        false => BTreeMap::new(),
    };
    // The study has the doses that it had, and those that are looked at: no others wait to be done.
    let there = StudyFolder::new(root).design().ok().flatten().map(|there| there.study);
    let (doses, fluences, exposures) =
        there.map(|there| (there.doses, there.fluences, there.exposures)).unwrap_or_default();
    let study = Matrix { doses, fluences, exposures, by_fluence, ..design.study };
    let design = Design { study, ..design };
    let mut search = Search { design, goal, pixel_size, root, at_once, stream, observe };
    let find = |(view, range)| {
        let fluence_per_dose = fluences_per_dose.get(&view).copied();
        Ok(Found { fluence_per_dose, ..search.view(view, range)? })
    };
    ranges.into_iter().map(find).collect()
}

/// Photons on the specimen per area of the design, of all patterns of a view, for each photon per
/// pattern, where the area is known.
fn fluences_per_dose(design: &Design, stream: Streaming) -> Result<BTreeMap<View, f64>> {
    let geometry = Geometry::of(design, stream)?;
    let told = || design.goal.as_ref()?.pixel_size_m;
    let area = design.study.fluence_area.pixels(geometry.pixel_size.or_else(told));
    let of = |&view: &View| Some((view, area? * geometry.patterns_per_pixel(design, view)));
    Ok(design.study.views.iter().filter_map(of).collect())
}

/// Side of an object pixel, metres, where the goal needs it or tells it.
///
/// # Errors
/// When the goal is one that nothing in the study will be measured by.
pub(super) fn pixel_size(design: &Design, goal: &Goal, stream: Streaming) -> Result<Option<f64>> {
    if goal.catalogued().is_some_and(|metric| metric.of_halves) && !design.study.halves {
        let expected = "true, for a goal between halves of the photons";
        return Err(DesignError::rule("study.halves", expected, "false").into());
    }
    if !goal.is_in_nanometres() && goal.pixel_size_m.is_none() {
        return Ok(None);
    }
    match (Geometry::of(design, stream)?.pixel_size, goal.pixel_size_m) {
        (Some(data), Some(said)) if (said / data - 1.0).abs() > 1e-6 => {
            let expected = format!("the {data:e} m that the data tell, or none");
            let field = "goal.pixel_size_m (--pixel-size-m)";
            Err(DesignError::rule(field, expected, format!("{said:e} m")).into())
        }
        (None, None) => {
            let expected = "the side of an object pixel for a goal in nanometres: pixel_size_m in \
                            [goal], [base] or [specimen], or --pixel-size-m of `lapwing study search`";
            Err(DesignError::rule("goal", expected, "none, in the data neither").into())
        }
        (data, said) => Ok(data.or(said)),
    }
}

struct Search<'a, 'o> {
    design: Design,
    goal: &'a Goal,
    /// Side of an object pixel, metres, where the goal needs it.
    pixel_size: Option<f64>,
    root: &'a Path,
    at_once: AtOnce,
    stream: Streaming,
    observe: Observer<'o>,
}

impl Search<'_, '_> {
    fn view(&mut self, view: View, (low, high): (u64, u64)) -> Result<Found> {
        let highest = self.look(view, high)?;
        // What other searches and runs have left in the folder is known as well: the report tells
        // of all of it.
        let there = StudyFolder::new(self.root).design()?;
        self.design.study.searched = there.map(|of| of.study.searched).unwrap_or_default();
        let itself = self.judge().is_itself(view, high)?.then_some(high);
        let mut known = Known { by_dose: BTreeMap::new(), itself };
        for dose in self.design.study.doses_of(view) {
            let of = self.measured(view, dose)?;
            if of.value.is_some() || of.why.is_some() {
                known.by_dose.insert(dose, of);
            }
        }
        let enough = highest.value.is_some_and(|value| self.goal.is_reached(value));
        known.by_dose.insert(high, highest);
        if enough {
            known.by_dose.insert(low, self.look(view, low)?);
        }
        while let Some(dose) = self.next(&known, (low, high)).filter(|_| enough) {
            let looked = self.look(view, dose)?;
            known.by_dose.insert(dose, looked);
        }
        let (reach, range) = self.told(view, &known);
        let top = known.by_dose.keys().next_back().map_or(high, |&top| top.max(high));
        let never = Least::Never { up_to: top };
        let whole = |at: f64| at.round() as u64;
        let (least, open) = match reach {
            Reach::About { at, between } => {
                // Of one realisation chance is not known: nothing narrower than the two doses.
                let (low, high) = range.unwrap_or((Some(between.0), Some(between.1)));
                (Least::About { at, low, high }, None)
            }
            Reach::By { at, after } => (Least::By { at: whole(at), after: after.map(whole) }, None),
            Reach::AtMost(at) => (Least::AtMost { at: whole(at) }, None),
            Reach::Unsteady { at, lost } => (
                never,
                Some(format!(
                    "at {at} per pattern it is reached, and at {lost}, which is more, not"
                )),
            ),
            // Where the highest dose says nothing that is told of it.
            Reach::Unconfirmed { at } => (
                never,
                Some(format!(
                    "at {at} per pattern it seems to be reached, but chance alone may do that at \
                     every dose up to {top}"
                )),
            ),
            Reach::Never | Reach::Unknown => {
                let only = itself.filter(|_| enough).map(|at| {
                    format!(
                        "at {at} per pattern it is what the others are compared with, and none of \
                         these reaches it"
                    )
                });
                (never, only)
            }
        };
        let tried: Vec<DoseValue> = known.by_dose.into_values().collect();
        let results = self.judge().results(view, high)?;
        let mean = |of: &dyn Fn(&JobResult) -> Option<f64>| {
            mean(&results.iter().filter_map(of).collect::<Vec<_>>()).map(|of| of.value)
        };
        let linear_overlap = mean(&|result| result.linear_overlap);
        let step_px = mean(&|result| result.step_px);
        // The lowest dose that has reached it, if it be that of the reference.
        let reached = match least {
            Least::About { at, .. } => tried.iter().map(|one| one.dose).find(|&of| of as f64 >= at),
            Least::By { at, .. } | Least::AtMost { at } => Some(at),
            Least::Never { .. } => itself.filter(|_| enough),
        };
        let (untold, may_take_more) = self.judge().judged(top, &tried, reached)?;
        let untold = untold.or(open).or(self.judge().without_result(view, high)?);
        Ok(Found {
            view,
            dose: if untold.is_some() { never } else { least },
            tried,
            linear_overlap,
            step_px,
            fluence_per_dose: None,
            untold,
            may_take_more,
        })
    }

    fn judge(&self) -> Judge<'_> {
        let Self { design, goal, pixel_size, root, .. } = self;
        Judge { design, goal, pixel_size: *pixel_size, root }
    }

    /// Reconstructs a view at a dose, unless that is done, and measures it.
    fn look(&mut self, view: View, dose: u64) -> Result<DoseValue> {
        if !self.design.study.doses_of(view).contains(&dose) {
            self.design.study.searched.entry(view).or_default().push(dose);
        }
        let (at_once, stream) = (self.at_once, self.stream);
        let prepare =
            StudyOptions { at_once, stream, prepare_only: true, ..StudyOptions::default() };
        study_with(&self.design, self.root, prepare, &mut *self.observe)?;
        let filters = Filters {
            dose: Some(dose),
            view: Some(view),
            solver: Some(self.design.solvers[0].name.clone()),
            ..Filters::default()
        };
        let options = JobOptions { filters, at_once, stream, ..JobOptions::default() };
        study_jobs(self.root, options, &mut *self.observe)?;
        self.measured(view, dose)
    }

    /// What the results of a view at a dose say.
    fn measured(&self, view: View, dose: u64) -> Result<DoseValue> {
        let (values, why) = match self.judge().values(view, dose)? {
            Values::Told(values) => (values, None),
            Values::Untold(why) => (BTreeMap::new(), Some(why)),
        };
        let measured = mean_of_splits(&values);
        Ok(DoseValue {
            dose,
            why,
            value: measured.map(|of| of.value),
            error: measured.and_then(|of| of.error),
            half_width: measured.and_then(|of| Some(student(of.spare) * of.error?)),
        })
    }

    /// Where the goal is reached, and between which doses, from all that is `known` of a view: as
    /// the report has it.
    fn told(&self, view: View, known: &Known) -> (Reach, Option<Range>) {
        let (points, untold) = known.split();
        let range = self.rule().range(&points, &untold);
        // What is not done yet below the lowest may be enough.
        let lowest = self.design.study.doses_of(view).first().map(|&lowest| lowest as f64);
        match self.rule().reach(&points, &untold) {
            Reach::AtMost(at) if lowest.is_some_and(|lowest| lowest < at) => {
                (Reach::By { at, after: None }, range)
            }
            reach => (reach, range),
        }
    }

    fn rule(&self) -> Rule {
        Rule {
            goal: self.goal.value(),
            higher_is_better: self.goal.higher_is_better(),
            of_lengths: self.goal.is_length(),
            of_doses: true,
        }
    }

    /// The dose to look at next, within the range of the search: between the two doses of which one
    /// is enough and the other is not, or is not told to be, until they are as near to each other
    /// as the goal's precision asks for.
    fn next(&self, known: &Known, (low, high): (u64, u64)) -> Option<u64> {
        let (points, untold) = known.split();
        let above = match (self.rule().reach(&points, &untold), known.itself) {
            (Reach::About { between: (_, above), .. }, _) => above as u64,
            (Reach::By { at, .. } | Reach::Unconfirmed { at }, _) => at as u64,
            (Reach::Never, Some(itself)) => itself,
            (Reach::AtMost(_) | Reach::Unsteady { .. } | Reach::Never | Reach::Unknown, _) => {
                return None;
            }
        };
        let below = *known.by_dose.range(..above).next_back()?.0;
        let inside = (low..=high).contains(&below) && (low..=high).contains(&above);
        between(below, above, self.goal.precision).filter(|_| inside)
    }
}

/// What is known of a view.
struct Known {
    by_dose: BTreeMap<u64, DoseValue>,
    /// The dose whose reconstruction is what all are compared with.
    itself: Option<u64>,
}

impl Known {
    /// The doses that are told of, and those of which nothing is, ascending.
    fn split(&self) -> (Vec<Point>, Vec<f64>) {
        let point = |of: &DoseValue| {
            Some(Point { x: of.dose as f64, mean: of.value?, half_width: of.half_width })
        };
        let all = || self.by_dose.values().filter(|of| Some(of.dose) != self.itself);
        let untold = all().filter(|of| of.why.is_some()).map(|of| of.dose as f64);
        (all().filter_map(point).collect(), untold.collect())
    }
}

/// The dose in the middle of two in the logarithm, of two digits where these tell it from both;
/// `None` when they are near enough.
fn between(low: u64, high: u64, precision: f64) -> Option<u64> {
    if high as f64 <= low as f64 * precision {
        return None;
    }
    let middle = (low as f64 * high as f64).sqrt();
    let unit = 10f64.powf(middle.log10().floor() - 1.0).max(1.0);
    let rounded = ((middle / unit).round() * unit) as u64;
    [rounded, middle.round() as u64].into_iter().find(|dose| (low + 1..high).contains(dose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doses_are_halved_in_the_logarithm_down_to_the_precision() {
        assert_eq!(between(100, 100_000, 1.25), Some(3200));
        assert_eq!(between(3200, 100_000, 1.25), Some(18_000));
        assert_eq!(between(1000, 1200, 1.25), None);
        assert_eq!(between(10, 13, 1.2), Some(11));
        assert_eq!((between(1, 2, 1.25), between(7, 8, 1.01)), (None, None));
        // Every search ends.
        let (mut low, high, mut steps) = (1, 1_000_000_000_000_000, 0);
        while let Some(middle) = between(low, high, 1.000_001) {
            (low, steps) = (middle, steps + 1);
            assert!(steps < 200);
        }
    }
}
