//! What is varied in a study: dose, view and split; and the jobs of a condition: its repeats and
//! solvers.

use lapwing_model::simulate::MAX_DOSE;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which positions of a split a reconstruction uses. Written as text: `baseline`, `dense`, `sparse`
/// or `step_12.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum View {
    /// All positions of the split.
    Baseline,
    /// Positions at least the dense spacing apart.
    Dense,
    /// Positions at least the sparse spacing apart.
    Sparse,
    /// Positions at least this far apart.
    Step(Step),
}

impl View {
    /// What a view of a step says beside the step that its positions really have, pixels, where
    /// these two differ: `, at least 18 px apart`; nothing of other views.
    pub fn apart_in_words(self, really: f64) -> String {
        match self {
            Self::Step(step) if (really / step.pixels() - 1.0).abs() > 0.02 => {
                format!(", at least {} px apart", step.pixels())
            }
            _ => String::new(),
        }
    }
}

/// A distance of positions in thousandths of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u64);

/// What the names of views of a step begin with.
const STEP: &str = "step_";

/// Largest step, pixels.
const MAX_STEP: f64 = 1e6;

impl Step {
    /// A step of so many pixels, rounded to a thousandth; `None` unless it is between that and a
    /// million.
    pub fn of(pixels: f64) -> Option<Self> {
        let thousandths = (pixels * 1e3).round();
        (thousandths >= 1.0 && pixels <= MAX_STEP).then_some(Self(thousandths as u64))
    }

    /// In pixels.
    pub fn pixels(self) -> f64 {
        self.0 as f64 / 1e3
    }
}

impl View {
    /// The views of the reference study, in the order of the jobs.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Dense, Self::Sparse];

    /// The name in files and folders.
    pub fn name(self) -> String {
        match self {
            Self::Baseline => "baseline".to_owned(),
            Self::Dense => "dense".to_owned(),
            Self::Sparse => "sparse".to_owned(),
            Self::Step(step) => format!("{STEP}{}", step.pixels()),
        }
    }
}

impl From<View> for String {
    fn from(view: View) -> Self {
        view.name()
    }
}

impl TryFrom<String> for View {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The positions for training or for testing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Those with the smaller coordinate.
    Train,
    /// The others.
    Test,
}

impl Split {
    /// Both splits, in the order of the jobs.
    pub const ALL: [Self; 2] = [Self::Train, Self::Test];

    /// The name in files and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for View {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let step = || Step::of(text.strip_prefix(STEP)?.parse().ok()?).map(Self::Step);
        let named = Self::ALL.into_iter().find(|view| view.name() == text);
        named.or_else(step).filter(|view| view.name() == text).ok_or_else(|| {
            format!(
                "expected a view (baseline, dense or sparse, or a step in pixels such as \
                 step_12.5), found `{text}`"
            )
        })
    }
}

impl FromStr for Split {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|split| split.name() == text)
            .ok_or_else(|| format!("expected a split (train or test), found `{text}`"))
    }
}

/// The dose that `photons` per pattern is in a study, whose folders are named by it: a whole number
/// from 1 to [`MAX_DOSE`]. `None` for any other number.
pub fn whole_dose(photons: f64) -> Option<u64> {
    let whole = (1.0..=MAX_DOSE).contains(&photons) && photons.fract() == 0.0;
    whole.then_some(photons as u64)
}

/// What [`whole_dose`] takes, in words.
pub fn expected_dose() -> String {
    format!("a whole number of photons per pattern, 1 to {MAX_DOSE:e}")
}

/// One cell of a study. Its ordering is the order of the jobs: dose ascending, train before test,
/// then baseline, dense, sparse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Condition {
    /// Mean photons per pattern.
    pub dose: u64,
    /// Which positions of the scan. (Compared before the view: the field order is the job order.)
    pub split: Split,
    /// Selection of positions.
    pub view: View,
}

impl Condition {
    /// Every combination, in the order of the jobs, each once.
    pub fn all(doses: &[u64], views: &[View], splits: &[Split]) -> Vec<Self> {
        let mut all: Vec<Self> = doses
            .iter()
            .flat_map(|&dose| splits.iter().map(move |&split| (dose, split)))
            .flat_map(|(dose, split)| views.iter().map(move |&view| Self { dose, split, view }))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dose {} {} {}", self.dose, self.view, self.split)
    }
}

/// One job of a study: a condition, one of its noise realisations, and one of the study's solvers.
///
/// The first realisation and the first solver lie in the folders of the reference study, and their
/// records have its fields and no others; the rest lie in a folder of their own inside the same
/// roots (see [`crate::layout`]) and are named in the records. Its ordering is that of the
/// condition, then the repeat, then the solver, the first one first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Case {
    /// Dose, view and split.
    #[serde(flatten)]
    pub condition: Condition,
    /// Which noise realisation, from 1; absent in records of the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub repeat: usize,
    /// Name of the solver; `None` for the first solver of the study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solver: Option<String>,
}

/// The repeat of a record that names none.
pub(crate) fn first() -> usize {
    1
}

/// Whether a record need not name the repeat.
pub(crate) fn is_first(repeat: &usize) -> bool {
    *repeat == 1
}

impl From<Condition> for Case {
    /// The first noise realisation, with the first solver.
    fn from(condition: Condition) -> Self {
        Self { condition, repeat: 1, solver: None }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.condition)?;
        if let Some(solver) = &self.solver {
            write!(f, " {solver}")?;
        }
        if self.repeat > 1 {
            write!(f, " repeat {}", self.repeat)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_of_a_step_says_how_far_apart_its_positions_are_where_the_step_is_another() {
        let view = View::Step(Step::of(18.0).unwrap());
        assert_eq!(view.apart_in_words(21.3), ", at least 18 px apart");
        assert_eq!(
            (view.apart_in_words(18.2), View::Dense.apart_in_words(21.3)),
            Default::default()
        );
    }

    #[test]
    fn eighteen_jobs_in_the_order_of_the_reference_study() {
        let all = Condition::all(&[100_000, 1_000, 10_000], &View::ALL, &Split::ALL);
        let names: Vec<String> =
            all.iter().map(|c| format!("{} {} {}", c.dose, c.split, c.view)).collect();
        assert_eq!(names.len(), 18);
        assert_eq!(
            names[..7],
            [
                "1000 train baseline",
                "1000 train dense",
                "1000 train sparse",
                "1000 test baseline",
                "1000 test dense",
                "1000 test sparse",
                "10000 train baseline"
            ]
        );
        assert_eq!(names[17], "100000 test sparse");
    }

    #[test]
    fn records_of_the_first_realisation_and_solver_have_the_fields_of_the_reference_study() {
        let condition = Condition { dose: 1000, split: Split::Train, view: View::Dense };
        let plain = Case::from(condition);
        let json = serde_json::to_value(&plain).unwrap();
        assert_eq!(json, serde_json::json!({"dose": 1000, "split": "train", "view": "dense"}));
        assert_eq!(serde_json::from_value::<Case>(json).unwrap(), plain);
        let other = Case { condition, repeat: 2, solver: Some("ML".to_owned()) };
        let json = serde_json::to_value(&other).unwrap();
        assert_eq!((&json["repeat"], &json["solver"]), (&2.into(), &"ML".into()));
        assert_eq!(serde_json::from_value::<Case>(json).unwrap(), other);
        assert_eq!(
            (plain.to_string(), other.to_string()),
            ("dose 1000 dense train".to_owned(), "dose 1000 dense train ML repeat 2".to_owned())
        );
    }

    #[test]
    fn doses_are_whole_and_not_beyond_the_largest() {
        assert_eq!([1.0, 1e4, 1e15].map(whole_dose), [1, 10_000, 1_000_000_000_000_000].map(Some));
        for wrong in [0.0, 0.5, -3.0, 10.5, 1.1e15, f64::NAN, f64::INFINITY] {
            assert_eq!(whole_dose(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_parse_back_and_others_are_refused_with_the_choices() {
        let steps = [12.5, 8.0, 0.001].map(|step| View::Step(Step::of(step).unwrap()));
        assert_eq!(steps.map(View::name), ["step_12.5", "step_8", "step_0.001"]);
        for wrong in ["step_", "step_0", "step_-3", "step_nan", "step_08", "step_1e3", "step_1e9"] {
            assert!(wrong.parse::<View>().is_err(), "{wrong}");
        }
        for view in View::ALL.into_iter().chain(steps) {
            assert_eq!(view.name().parse(), Ok(view));
            assert_eq!(serde_json::to_value(view).unwrap(), view.name());
        }
        assert!("Dense".parse::<View>().unwrap_err().contains("baseline, dense or sparse"));
        assert!("val".parse::<Split>().unwrap_err().contains("train or test"));
    }
}
