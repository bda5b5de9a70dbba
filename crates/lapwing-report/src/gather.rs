//! What a study folder holds, read into one row for each condition. Nothing is computed here and
//! nothing is changed.

use crate::ReportError;
use crate::metric::Metric;
use crate::specimen::{self, Specimen};
use lapwing_compare::{ComparisonRecord, Limit, Metric as Catalogued, doubts, no_better_than_flat};
use lapwing_files::Quantum;
use lapwing_study::design::{Radiation, Source};
use lapwing_study::held::Held;
use lapwing_study::layout::data_file;
use lapwing_study::record::{JobResult, Outcome};
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

/// Everything the report is made from.
#[derive(Debug)]
pub(crate) struct Study {
    pub folder: StudyFolder,
    /// `None` for a folder of results without a design.
    pub design: Option<Design>,
    /// The text of the design's file.
    pub settings: Option<String>,
    /// One for each condition, in the order of the jobs.
    pub rows: Vec<Row>,
    /// Side of a pixel of the object, metres, when it is known and the same everywhere.
    pub pixel_size: Option<f64>,
    /// What reconstructions were compared with when it is no truth.
    pub reference: Option<String>,
    /// Photons per pattern of a measured scan, which its doses were thinned from.
    pub measured: Option<f64>,
    /// What the beam consists of.
    pub quantum: Quantum,
    /// Variance over mean of the counts of a measured scan, where they are no single photons.
    pub gain: Option<f64>,
    /// Why nothing can be told of goals, by their metrics, for all that halves of the photons agree
    /// on.
    pub unheld: BTreeMap<String, String>,
    /// What photons allow images of the true object of each split.
    pub limits: [OnceLock<Option<Limit>>; 2],
}

/// One condition.
#[derive(Debug)]
pub(crate) struct Row {
    pub case: Case,
    /// Of the case.
    pub condition: Condition,
    pub outcome: Outcome,
    /// Metrics of the comparison by name; those that do not exist are `None`.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// The comparison, with ring correlations where its file is there.
    pub comparison: Option<ComparisonRecord>,
    /// Why numbers of the comparison are unreliable, by their names.
    pub doubts: BTreeMap<String, String>,
    /// (epoch, loss).
    pub loss: Vec<(f64, f64)>,
    /// What the specimen is given in the experiment, where the positions are there.
    pub specimen: Option<Specimen>,
    /// Whether it has all photons and positions of the reference, and its solver.
    pub is_reference: bool,
    /// Whether it has the same photons as the first realisation: all that were measured.
    pub is_again: bool,
}

impl Row {
    /// A metric's value when it was measured.
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.metrics.get(key).copied().flatten().filter(|value| value.is_finite())
    }

    /// A metric's value when it was measured and is reliable.
    pub fn answer(&self, key: &str) -> Option<f64> {
        self.metric(key).filter(|_| !self.doubts.contains_key(key))
    }

    /// Whether a number is that of the reference compared with itself, which is no result. What
    /// halves of the photons have in common is one.
    pub fn is_itself(&self, key: &str) -> bool {
        self.is_reference && !Catalogued::find(key).is_some_and(|metric| metric.of_halves)
    }

    /// Photons of the dose for each pixel of the object in the experiment; where counts are known.
    /// The dose is the mean over the whole scan: what is counted of a split or a view is more or
    /// less, by what the specimen lets through there and by chance.
    pub fn photons_per_px(&self) -> Option<f64> {
        self.result()?.mean_counts?;
        Some(self.condition.dose as f64 * self.specimen?.patterns_per_px)
    }

    /// The same per square metre of the specimen.
    pub fn fluence(&self) -> Option<f64> {
        Some(self.photons_per_px()? / self.result()?.pixel_size_m?.powi(2))
    }

    /// The same of the patterns of its own split, on the area that these cover.
    pub fn split_fluence(&self) -> Option<f64> {
        self.of_dose(self.result()?.fluence()?)
    }

    /// The same of one pattern on the disc that it illuminates.
    pub fn fluence_per_pattern(&self) -> Option<f64> {
        self.of_dose(self.result()?.fluence_per_pattern()?)
    }

    /// What is proportional to the counted photons, of those of the dose.
    fn of_dose(&self, of_counted: f64) -> Option<f64> {
        let counted = self.result()?.mean_counts.filter(|&counted| counted > 0.0)?;
        Some(of_counted / counted * self.condition.dose as f64)
    }

    /// The record of its result, done or failed.
    pub fn result(&self) -> Option<&JobResult> {
        self.outcome.result()
    }

    /// What became of it, the word in tables.
    pub fn status(&self) -> &'static str {
        match self.outcome.name() {
            "pending" => "not run",
            name => name,
        }
    }

    /// Name of the solver; empty where it is not known.
    pub fn solver(&self) -> &str {
        let told = self.result().map(|result| match result.solver.as_str() {
            "" => result.algorithm.as_str(),
            name => name,
        });
        told.or(self.case.solver.as_deref()).unwrap_or_default()
    }

    /// Which noise realisation, from 1.
    pub fn repeat(&self) -> usize {
        self.case.repeat
    }

    /// Anchor on the page.
    pub fn anchor(&self) -> String {
        let Condition { dose, view, split } = self.condition;
        let solver = self.case.solver.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
        let repeat = if self.case.repeat > 1 {
            format!("-repeat-{}", self.case.repeat)
        } else {
            String::new()
        };
        format!("dose-{dose}-{view}-{split}{solver}{repeat}")
    }
}

impl Study {
    /// Reads the folder.
    ///
    /// `told` is the side of a pixel in metres that the user tells: it stands before that of the
    /// design's goal, and must not contradict the data.
    pub fn read(root: &Path, told: Option<f64>) -> Result<Self, ReportError> {
        let folder = StudyFolder::new(root);
        let design = folder.design()?;
        let settings =
            design.as_ref().and_then(|_| std::fs::read_to_string(folder.design_file()).ok());
        let Some(outcomes) = folder.outcomes()? else {
            return Err(ReportError::NoStudy { folder: root.to_path_buf() });
        };
        let own = outcomes.iter().find_map(|(_, outcome)| outcome.result()?.pixel_size_m);
        if let Some((told, own)) = told.zip(own).filter(|(told, own)| !same_size(*told, *own)) {
            return Err(ReportError::OtherPixel { told, own });
        }
        let of_goal = || design.as_ref().and_then(|design| design.goal.as_ref()?.pixel_size_m);
        let told = told.or_else(of_goal);
        let outcomes: Vec<(Case, Outcome)> =
            outcomes.into_iter().map(|(case, outcome)| (case, with_pixel(outcome, told))).collect();
        let specimens = specimen::all(&folder, design.as_ref(), &outcomes);
        let read = |(case, outcome): (Case, Outcome)| {
            let specimen = specimens.get(&specimen::of_scan(&case)).copied();
            Row { specimen, ..read_row(&folder, case, outcome) }
        };
        let rows: Vec<Row> = outcomes.into_iter().map(read).collect();
        let (pixel_size, reference) = (pixel_size(&rows), reference(&rows));
        let quantum = folder.quantum()?;
        let of_reference = reference.as_ref().and_then(|_| folder.reference_result().ok()?);
        let gain = of_reference.and_then(|result| result.noise).map(|noise| noise.gain);
        let mut study = Self {
            folder,
            design,
            settings,
            rows,
            pixel_size,
            reference,
            measured: None,
            quantum,
            gain: gain.filter(|&gain| gain > 1.0),
            unheld: BTreeMap::new(),
            limits: Default::default(),
        };
        study.measured = study.measured_dose();
        let maker = study.reference_solver().map(str::to_owned);
        for row in &mut study.rows {
            // Doses are whole.
            let whole = study.measured.is_some_and(|full| row.condition.dose as f64 + 0.5 >= full);
            let by_it = maker.as_ref().is_none_or(|maker| row.solver() == maker);
            row.is_reference = whole && by_it && row.condition.view == View::Baseline;
            row.is_again = whole && row.repeat() > 1;
        }
        Ok(study)
    }

    /// Names of the solvers in the order in which they first appear; one without a name when
    /// nothing was reconstructed.
    pub fn solvers(&self) -> Vec<String> {
        let mut solvers: Vec<String> = Vec::new();
        for solver in self.rows.iter().map(Row::solver).filter(|solver| !solver.is_empty()) {
            if solvers.iter().all(|known| known != solver) {
                solvers.push(solver.to_owned());
            }
        }
        if solvers.is_empty() { vec![String::new()] } else { solvers }
    }

    /// The distinct values of something, ascending.
    pub fn distinct<T: Ord>(&self, of: impl Fn(&Condition) -> T) -> Vec<T> {
        let values: BTreeSet<T> = self.rows.iter().map(|row| of(&row.condition)).collect();
        values.into_iter().collect()
    }

    /// The first noise realisation of a condition; one that has no result belongs to every solver.
    pub fn row(&self, dose: u64, split: Split, view: View, solver: &str) -> Option<&Row> {
        let condition = Condition { dose, split, view };
        let of = |row: &&Row| {
            row.condition == condition && (row.solver() == solver || row.solver().is_empty())
        };
        self.rows.iter().filter(of).min_by_key(|row| (row.repeat(), row.solver().is_empty()))
    }

    /// Name of the solver that made what reconstructions are compared with, where that is no truth.
    pub fn reference_solver(&self) -> Option<&str> {
        let design = self.design.as_ref().filter(|_| self.reference.is_some())?;
        design.reference_solver().map(|solver| solver.name.as_str())
    }

    /// Beam and specimen, where the design has them.
    pub fn radiation(&self) -> Option<&Radiation> {
        self.design.as_ref()?.radiation.as_ref()
    }

    /// Whether the study is laid out by photons on the specimen.
    pub fn by_fluence(&self) -> bool {
        self.design.as_ref().is_some_and(|design| design.study.is_by_fluence())
    }

    /// Photons per pattern of a measured scan, which its doses were thinned from: by the history of
    /// the lowest dose. A single dose that was not thinned is that of the scan.
    fn measured_dose(&self) -> Option<f64> {
        self.reference.as_ref()?;
        let condition = self.rows.first()?.condition;
        let file = data_file(&self.folder.data_root(), condition.dose, condition.split);
        let measured = |design: &Design| matches!(design.source, Source::Measured { .. });
        let all = || {
            let only = self.distinct(|c| c.dose).len() == 1;
            let all = only && self.design.as_ref().is_some_and(measured) && file.is_file();
            all.then_some(condition.dose as f64)
        };
        self.folder.thinned_from(condition).or_else(all)
    }

    /// The goals of the page, lengths in pixels where their size is known: those asked for on the
    /// command line, else the design's own.
    pub fn goals(&self, asked: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        let own = || self.design.as_ref()?.goal.clone();
        if !asked.is_empty() {
            let in_pixels = |(name, &value): (&String, &f64)| {
                let length = Catalogued::find(name).and_then(Catalogued::in_pixels);
                match length.zip(self.pixel_size) {
                    Some((length, metres)) => {
                        (length.name.clone(), Catalogued::nanometres_in_pixels(value, metres))
                    }
                    None => (name.clone(), value),
                }
            };
            return asked.iter().map(in_pixels).collect();
        }
        let own = own().map(|goal| match self.pixel_size {
            Some(size) => goal.in_pixels(size),
            None => goal,
        });
        // Before there are results, nothing tells the pixel; then there is nothing to judge either.
        let compared = self.rows.iter().any(|row| row.comparison.is_some());
        let known = own.filter(|goal| compared || !goal.is_in_nanometres());
        known.map(|goal| (goal.metric.clone(), goal.value())).into_iter().collect()
    }

    /// What independent halves of the photons tell of what a measured scan is compared with: those
    /// by the solver that made it.
    pub fn held(&self) -> Held<'_> {
        let maker = self.reference_solver();
        let by_it = |row: &&Row| maker.is_none_or(|maker| row.solver() == maker);
        let rows = self.rows.iter().filter(by_it);
        let all = rows.filter_map(|row| Some((row.condition, row.comparison.as_ref()?)));
        Held::of(all, self.measured)
    }

    /// Doubts numbers that reach a goal as an image without any detail does.
    pub fn doubt_what_is_flat(&mut self, metrics: &[Metric]) {
        for row in &mut self.rows {
            for metric in metrics {
                let why = no_better_than_flat(&metric.name, metric.goal, |name| row.metric(name));
                if let Some(why) = why {
                    row.doubts.entry(metric.name.clone()).or_insert(why);
                }
            }
        }
    }

    /// Notes the goals of which halves of the photons tell that nothing can be told.
    pub fn note_what_is_not_held(&mut self, metrics: &[Metric]) {
        let held = self.held();
        let of = |metric: &Metric| {
            Some((metric.name.clone(), held.not_held(&metric.name, metric.goal)?))
        };
        self.unheld = metrics.iter().filter_map(of).collect();
    }

    /// Whether any result has a number of this metric.
    pub fn has(&self, metric: &Metric) -> bool {
        self.rows.iter().any(|row| row.metric(&metric.name).is_some())
    }

    /// Number of finished conditions.
    pub fn done(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome.is_done()).count()
    }

    /// The name of the study; without a design that of its folder.
    pub fn name(&self) -> String {
        match &self.design {
            Some(design) => design.study.name.clone(),
            None => self
                .folder
                .root()
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        }
    }
}

/// The outcome with the pixel that the goal of the study tells, where its data tell none.
fn with_pixel(outcome: Outcome, told: Option<f64>) -> Outcome {
    match (outcome, told) {
        (Outcome::Finished(mut result), Some(size)) => {
            result.pixel_size_m.get_or_insert(size);
            if let Some(comparison) = &mut result.comparison {
                comparison.pixel_size_m.get_or_insert(size);
            }
            Outcome::Finished(result)
        }
        (outcome, _) => outcome,
    }
}

fn read_row(folder: &StudyFolder, case: Case, outcome: Outcome) -> Row {
    let result = outcome.result();
    let job = folder.result_dir(&case);
    let file =
        |name: Option<&String>| name.and_then(|name| std::fs::read_to_string(job.join(name)).ok());
    let files = result.map(|result| result.files.clone()).unwrap_or_default();
    // The file holds all that the record holds and the curves besides.
    let comparison = file(files.comparison.as_ref())
        .and_then(|text| serde_json::from_str::<ComparisonRecord>(&text).ok())
        .or_else(|| result.and_then(|result| result.comparison.clone()))
        .map(|mut comparison| {
            let told = result.and_then(|result| result.pixel_size_m);
            comparison.pixel_size_m = comparison.pixel_size_m.or(told);
            comparison
        });
    let metrics = comparison.as_ref().map(numbers).unwrap_or_default();
    let loss = file(files.loss_csv.as_ref()).map(|text| read_loss(&text)).unwrap_or_default();
    let condition = case.condition;
    let doubts = comparison.as_ref().map(doubts).unwrap_or_default();
    Row {
        case,
        condition,
        outcome,
        metrics,
        comparison,
        doubts,
        loss,
        specimen: None,
        is_reference: false,
        is_again: false,
    }
}

/// The pixel that all results name, compared with anything or not.
fn pixel_size(rows: &[Row]) -> Option<f64> {
    let of = |row: &Row| {
        let of_comparison = || row.comparison.as_ref()?.pixel_size_m;
        row.result().and_then(|result| result.pixel_size_m).or_else(of_comparison)
    };
    let mut sizes = rows.iter().filter_map(of);
    let first = sizes.next().filter(|&size| size > 0.0 && size.is_finite())?;
    sizes.all(|size| same_size(size, first)).then_some(first)
}

/// Whether two sides of a pixel are one.
fn same_size(one: f64, other: f64) -> bool {
    (one / other - 1.0).abs() < 1e-6
}

/// What comparisons are with, when it is no truth.
fn reference(rows: &[Row]) -> Option<String> {
    let told = rows.iter().find_map(|row| Some(&row.comparison.as_ref()?.reference))?;
    (told != ComparisonRecord::TRUTH).then(|| told.clone())
}

/// Every metric that was measured, and the resolutions and the probe's numbers that exist.
fn numbers(comparison: &ComparisonRecord) -> BTreeMap<String, Option<f64>> {
    let metrics = comparison.metrics.iter().map(|(name, value)| (name.to_owned(), value));
    let derived = comparison.derived().into_iter().filter(|number| number.value.is_some());
    let flat = ["halves_complex_correlation_flat"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), Some(comparison.metric(name)?))));
    metrics.chain(derived.map(|number| (number.name, number.value))).chain(flat).collect()
}

/// Rows `epoch,loss` after a heading; lines that are no two numbers are left out.
fn read_loss(text: &str) -> Vec<(f64, f64)> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(',').map(|field| field.trim().parse::<f64>().ok());
            Some((fields.next()??, fields.next()??))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_tables_with_headings_and_damage() {
        assert_eq!(read_loss("epoch,loss\n0,2.5\n1,x\n2, 1e-3\r\n\n"), [(0.0, 2.5), (2.0, 1e-3)]);
    }
}
