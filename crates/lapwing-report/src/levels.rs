//! What the views of a study have in common: doses per pattern, or photons on the specimen.

use crate::estimate::Estimate;
use crate::fluence::counted;
use crate::gather::Study;
use crate::metric::dose_label;
use lapwing_study::design::{FluenceArea, Matrix};
use lapwing_study::{Condition, Split, View};
use std::collections::{BTreeMap, BTreeSet};

/// What is varied in a study, in its order.
#[derive(Debug)]
pub(crate) struct Axes {
    pub solvers: Vec<String>,
    pub views: Vec<View>,
    pub splits: Vec<Split>,
    pub levels: Vec<Level>,
}

/// The views, those of smaller steps first; in their own order where a step is not known.
fn by_step(study: &Study) -> Vec<View> {
    let mut views = study.distinct(|c| c.view);
    let step = |view: View| {
        let rows = study.rows.iter().filter(|row| row.condition.view == view);
        let steps: Vec<f64> = rows.filter_map(|row| row.result()?.step_px).collect();
        Some(Estimate::of(&steps)?.mean)
    };
    let steps: Option<BTreeMap<View, f64>> =
        views.iter().map(|&view| Some((view, step(view)?))).collect();
    if let Some(steps) = steps {
        views.sort_by(|a, b| steps[a].total_cmp(&steps[b]));
    }
    views
}

impl Axes {
    pub fn of(study: &Study) -> Self {
        Self {
            solvers: study.solvers(),
            views: by_step(study),
            splits: study.distinct(|c| c.split),
            levels: levels(study),
        }
    }

    /// What all levels are in, the head of a column.
    pub fn corner(&self) -> String {
        match self.levels.first().map(|level| level.given) {
            Some(Given::Fluence(_, area)) => {
                format!("photons on the specimen, per {}", area.words())
            }
            _ => "photons per pattern".to_owned(),
        }
    }
}

/// A dose per pattern or a fluence, and the dose that it is for each view.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    given: Given,
    doses: BTreeMap<View, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Given {
    Dose(u64),
    Fluence(f64, FluenceArea),
}

impl Level {
    /// The dose per pattern that a view has at this level; `None` where it has none.
    pub fn dose(&self, view: View) -> Option<u64> {
        self.doses.get(&view).copied()
    }

    /// The head of a row.
    pub fn label(&self) -> String {
        match self.given {
            Given::Dose(dose) => dose_label(dose),
            Given::Fluence(fluence, _) => counted(fluence),
        }
    }

    /// In a sentence.
    pub fn words(&self) -> String {
        match self.given {
            Given::Dose(dose) => format!("{} photons per pattern", dose_label(dose)),
            Given::Fluence(fluence, area) => {
                format!("{} photons on the specimen per {}", counted(fluence), area.words())
            }
        }
    }

    /// Whether all views have the same photons on the specimen.
    pub fn is_fluence(&self) -> bool {
        matches!(self.given, Given::Fluence(..))
    }
}

/// The fluences of the design, and what a search has looked at beside them; or else the doses,
/// ascending.
fn levels(study: &Study) -> Vec<Level> {
    if let Some(design) = &study.design
        && study.by_fluence()
    {
        let levels = fluences(study, &design.study);
        if !levels.is_empty() {
            return levels;
        }
    }
    let mut doses: BTreeMap<u64, BTreeMap<View, u64>> = BTreeMap::new();
    for Condition { dose, view, .. } in study.rows.iter().map(|row| row.condition) {
        doses.entry(dose).or_default().insert(view, dose);
    }
    doses.into_iter().map(|(dose, doses)| Level { given: Given::Dose(dose), doses }).collect()
}

/// Levels of photons on the specimen, ascending.
fn fluences(study: &Study, matrix: &Matrix) -> Vec<Level> {
    let unit = matrix.fluence_area;
    let of = |(index, &fluence): (usize, &f64)| {
        let exposures = matrix.exposures.iter();
        let doses = exposures.filter_map(|(&view, doses)| Some((view, *doses.get(index)?)));
        (fluence, Level { given: Given::Fluence(fluence, unit), doses: doses.collect() })
    };
    let mut levels: Vec<(f64, Level)> = matrix.fluences.iter().enumerate().map(of).collect();
    // What belongs to none of these, by the photons that it brings; alike where two digits are.
    let known: BTreeSet<(View, u64)> =
        study.rows.iter().map(|row| (row.condition.view, row.condition.dose)).collect();
    for (view, dose) in known {
        if levels.iter().any(|(_, level)| level.dose(view) == Some(dose)) {
            continue;
        }
        let rows = study.rows.iter().filter(|row| row.condition.view == view);
        let per_px: Vec<f64> = rows.filter_map(|row| Some(row.specimen?.patterns_per_px)).collect();
        let per_px = Estimate::of(&per_px).map(|found| found.mean);
        let Some(per_dose) = per_px.zip(unit.pixels(study.pixel_size)).map(|(n, px)| n * px) else {
            continue;
        };
        let fluence = dose as f64 * per_dose;
        let alike = levels
            .iter_mut()
            .map(|(_, level)| level)
            .find(|level| level.label() == counted(fluence) && level.dose(view).is_none());
        match alike {
            Some(level) => {
                level.doses.insert(view, dose);
            }
            None => {
                let doses = BTreeMap::from([(view, dose)]);
                levels.push((fluence, Level { given: Given::Fluence(fluence, unit), doses }));
            }
        }
    }
    levels.sort_by(|a, b| a.0.total_cmp(&b.0));
    levels.into_iter().map(|(_, level)| level).collect()
}
