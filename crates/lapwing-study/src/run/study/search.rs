//! The least dose that reaches a goal, view by view, by bisection in place of a grid of doses.

mod found;
mod judged;
mod means;

pub use found::{DoseValue, Found, Least};

use crate::crossing::{reached_between, student};
use crate::design::condition::View;
use crate::design::{Design, DesignError, Goal, Matrix};
use crate::disk::folder::StudyFolder;
use crate::disk::record::{Filters, JobResult};
use crate::run::event::Observer;
use crate::run::jobs::{AtOnce, JobOptions};
use crate::run::study::exposures::{Geometry, settled};
use crate::run::study::{StudyOptions, study_jobs, study_with};
use crate::{Result, StudyError};
use judged::{Judge, Values};
use means::{mean, mean_of_splits};
use std::collections::BTreeMap;
use std::path::Path;

/// Finds for every view of `design` the least dose between the lowest and the highest that the
/// study has for it that reaches `goal` with its first solver, by bisection in the logarithm of the
/// dose down to the goal's precision. The study in `root` grows by what is looked at, with that
/// solver; what is done there already is used.
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
    at_once: AtOnce,
    observe: Observer<'_>,
) -> Result<Vec<Found>> {
    let design = settled(&Design { goal: Some(goal.clone()), ..design.clone() })?;
    let range = |&view: &View| match design.study.doses_of(view).as_slice() {
        [low, .., high] => Ok((view, (*low, *high))),
        _ => {
            let text = "study.doses: expected the lowest and the highest dose of the search, found \
                        one";
            Err(StudyError::Invalid(text.to_owned()))
        }
    };
    let ranges = design.study.views.iter().map(range).collect::<Result<Vec<_>>>()?;
    let pixel_size = pixel_size(&design, goal)?;
    let finest = if goal.is_in_nanometres() { pixel_size.map_or(0.0, |m| m * 1e9) } else { 1.0 };
    if goal.is_length() && goal.value() < finest {
        let expected = format!("a resolution of one pixel of the object at least, {finest}");
        return Err(DesignError::rule("goal", expected, goal.value()).into());
    }
    let by_fluence = design.study.is_by_fluence();
    let fluences_per_dose = match by_fluence {
        true => fluences_per_dose(&design)?,
        false => BTreeMap::new(),
    };
    // The study has the doses that it had, and those that are looked at: no others wait to be done.
    let there = StudyFolder::new(root).design().ok().flatten().map(|there| there.study);
    let (doses, fluences, exposures) =
        there.map(|there| (there.doses, there.fluences, there.exposures)).unwrap_or_default();
    let study = Matrix { doses, fluences, exposures, by_fluence, ..design.study };
    let design = Design { study, ..design };
    let mut search = Search { design, goal, pixel_size, root, at_once, observe };
    let find = |(view, range)| {
        let fluence_per_dose = fluences_per_dose.get(&view).copied();
        Ok(Found { fluence_per_dose, ..search.view(view, range)? })
    };
    ranges.into_iter().map(find).collect()
}

/// Photons on the specimen per area of the design, of all patterns of a view, for each photon per
/// pattern, where the area is known.
fn fluences_per_dose(design: &Design) -> Result<BTreeMap<View, f64>> {
    let geometry = Geometry::of(design)?;
    let told = || design.goal.as_ref()?.pixel_size_m;
    let area = design.study.fluence_area.pixels(geometry.pixel_size.or_else(told));
    let of = |&view: &View| Some((view, area? * geometry.patterns_per_pixel(design, view)));
    Ok(design.study.views.iter().filter_map(of).collect())
}

/// Side of an object pixel, metres, where the goal needs it or tells it.
///
/// # Errors
/// When the goal is one that nothing in the study will be measured by.
pub(super) fn pixel_size(design: &Design, goal: &Goal) -> Result<Option<f64>> {
    if goal.catalogued().is_some_and(|metric| metric.of_halves) && !design.study.halves {
        let expected = "true, for a goal between halves of the photons";
        return Err(DesignError::rule("study.halves", expected, "false").into());
    }
    if !goal.is_in_nanometres() && goal.pixel_size_m.is_none() {
        return Ok(None);
    }
    match (Geometry::of(design)?.pixel_size, goal.pixel_size_m) {
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
    observe: Observer<'o>,
}

impl Search<'_, '_> {
    fn view(&mut self, view: View, (low, high): (u64, u64)) -> Result<Found> {
        let mut tried = vec![self.look(view, high)?];
        let goal = self.goal;
        let reaches = |tried: &DoseValue| tried.value.is_some_and(|value| goal.is_reached(value));
        let least = if !reaches(&tried[0]) {
            Least::Never { up_to: high }
        } else {
            let first = self.look(view, low)?;
            let highest = tried[0].clone();
            tried.push(first.clone());
            if !reaches(&first) {
                let (below, above) = self.narrowed(view, (first, highest), &mut tried, &reaches)?;
                self.about(&below, &above, &tried)
            } else if surely(goal, &first) {
                Least::AtMost { at: low }
            } else {
                Least::By { at: low, after: None }
            }
        };
        let (dose, chance) = self.beyond_chance(view, least, &mut tried)?;
        tried.sort_by_key(|tried| tried.dose);
        let results = self.judge().results(view, high)?;
        let mean = |of: &dyn Fn(&JobResult) -> Option<f64>| {
            mean(&results.iter().filter_map(of).collect::<Vec<_>>()).map(|of| of.value)
        };
        let linear_overlap = mean(&|result| result.linear_overlap);
        let step_px = mean(&|result| result.step_px);
        let (untold, may_take_more) = self.judge().judged(high, &tried, dose)?;
        let untold = untold.or(chance.map(|at| {
            format!(
                "at {at} per pattern it seems to be reached, but chance alone may do that at every \
                 dose up to {high}"
            )
        }));
        let dose = if untold.is_some() { Least::Never { up_to: high } } else { dose };
        Ok(Found {
            view,
            dose,
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
        let prepare =
            StudyOptions { at_once: self.at_once, prepare_only: true, ..StudyOptions::default() };
        study_with(&self.design, self.root, prepare, &mut *self.observe)?;
        let filters = Filters {
            dose: Some(dose),
            view: Some(view),
            solver: Some(self.design.solvers[0].name.clone()),
            ..Filters::default()
        };
        let options = JobOptions { filters, at_once: self.at_once, ..JobOptions::default() };
        study_jobs(self.root, options, &mut *self.observe)?;
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

    /// The two doses between which `reaches` begins to hold, from two that it lies between, as near
    /// to each other as the goal's precision asks for; what is looked at is added to `tried`.
    fn narrowed(
        &mut self,
        view: View,
        (mut below, mut above): (DoseValue, DoseValue),
        tried: &mut Vec<DoseValue>,
        reaches: &dyn Fn(&DoseValue) -> bool,
    ) -> Result<(DoseValue, DoseValue)> {
        while let Some(middle) = between(below.dose, above.dose, self.goal.precision) {
            let looked = self.look(view, middle)?;
            tried.push(looked.clone());
            if reaches(&looked) {
                above = looked;
            } else {
                below = looked;
            }
        }
        Ok((below, above))
    }

    /// `least` as far as it is no chance, where that is known: what may be reached by chance at a
    /// dose is reached by the lowest one that has it whatever chance does, which is looked for; or,
    /// where there is none, the dose that chance may have helped.
    fn beyond_chance(
        &mut self,
        view: View,
        least: Least,
        tried: &mut Vec<DoseValue>,
    ) -> Result<(Least, Option<u64>)> {
        let goal = self.goal;
        let (at, after) = match least {
            Least::By { at, after } => (at, after),
            Least::About { at, low: None, high: None } => {
                let doses = tried.iter().map(|one| one.dose).filter(|&dose| dose as f64 >= at);
                return Ok((least, doses.min()));
            }
            told => return Ok((told, None)),
        };
        let sure = tried.iter().filter(|one| one.dose >= at && surely(goal, one));
        let Some(sure) = sure.min_by_key(|one| one.dose).cloned() else {
            return Ok((least, Some(at)));
        };
        let unsure = tried.iter().find(|one| one.dose == at && at < sure.dose).cloned();
        let Some(unsure) = unsure else {
            return Ok((least, None));
        };
        let is_sure = |one: &DoseValue| surely(goal, one);
        let (_, sure) = self.narrowed(view, (unsure, sure), tried, &is_sure)?;
        Ok((Least::By { at: sure.dose, after }, None))
    }

    /// The dose between two neighbours at which the goal is reached, and between which doses it is
    /// with 95 % confidence, from all that was `tried`.
    fn about(&self, below: &DoseValue, above: &DoseValue, tried: &[DoseValue]) -> Least {
        let mut all: Vec<&DoseValue> = tried.iter().collect();
        all.sort_by_key(|tried| tried.dose);
        // What is told of no dose between two is not told by a line between them.
        let untold = |one: &&&DoseValue| one.value.is_none();
        if let Some(gap) = all.iter().rfind(|one| one.dose < above.dose).filter(untold) {
            let told = all.iter().rfind(|one| one.dose < gap.dose && one.value.is_some());
            return Least::By { at: above.dose, after: told.map(|one| one.dose) };
        }
        let place = |value: f64| if self.goal.is_length() { value.ln() } else { value };
        let points = |sign: f64| -> Vec<(f64, f64)> {
            let better = sign * if self.goal.higher_is_better() { 1.0 } else { -1.0 };
            let moved = |at: &&DoseValue| {
                let value = at.value? + better * at.half_width.unwrap_or(0.0);
                // No length is below zero, however far chance may reach.
                let value =
                    if self.goal.is_length() { value.max(f64::MIN_POSITIVE) } else { value };
                Some(((at.dose as f64).ln(), place(value)))
            };
            all.iter().filter_map(moved).collect()
        };
        let goal = place(self.goal.value());
        let told = points(0.0);
        let reached = |value: f64| match self.goal.higher_is_better() {
            true => value >= goal,
            false => value <= goal,
        };
        let at_above = told.iter().position(|&(dose, _)| dose == (above.dose as f64).ln());
        let Some(i) = at_above.filter(|&i| i > 0) else {
            return Least::By { at: above.dose, after: None };
        };
        let at = straight(told[i - 1], told[i], goal);
        let (from, to) = reached_between(&told, i, goal);
        if above.half_width.is_none() || below.half_width.is_none() {
            // Of one realisation chance is not known: nothing narrower than the two doses.
            let (low, high) = (Some(below.dose as f64), Some(above.dose as f64));
            return Least::About { at: at.exp(), low, high };
        }
        let (early, late) = (points(1.0), points(-1.0));
        // Quality grows with the dose: what misses the goal whatever chance does is too low, and so
        // is all below it.
        let misses = (0..i).rev().find(|&below| !reached(early[below].1));
        let low = misses.map(|below| {
            let reached = straight(early[below], early[below + 1], goal).min(at) + from - at;
            reached.max(early[below].0).exp()
        });
        let has = (i..late.len()).find(|&above| reached(late[above].1));
        let high = has.map(|above| {
            let reached = straight(late[above - 1], late[above], goal).max(at) + to - at;
            reached.min(late[above].0).exp()
        });
        Least::About { at: at.exp(), low, high }
    }
}

/// Whether a dose reaches a goal whatever chance does, where that is known.
fn surely(goal: &Goal, of: &DoseValue) -> bool {
    let worse = if goal.higher_is_better() { -1.0 } else { 1.0 };
    let worst = |value: f64| value + worse * of.half_width.unwrap_or(0.0);
    of.value.is_some_and(|value| goal.is_reached(worst(value)))
}

/// Where the straight line through two points has `goal`, between them.
fn straight((x0, y0): (f64, f64), (x1, y1): (f64, f64), goal: f64) -> f64 {
    let part = (goal - y0) / (y1 - y0);
    if part.is_finite() { x0 + part.clamp(0.0, 1.0) * (x1 - x0) } else { x1 }
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
