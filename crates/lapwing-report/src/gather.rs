//! What a study folder holds, read into one row for each condition. Nothing is computed here and
//! nothing is changed.

use crate::ReportError;
use lapwing_compare::{Criterion, Resolution};
use lapwing_study::record::{JobResult, Outcome};
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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
    /// The whole comparison.
    pub comparison: Value,
    /// (epoch, loss).
    pub loss: Vec<(f64, f64)>,
}

impl Row {
    /// A metric's value when it was measured.
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.metrics.get(key).copied().flatten().filter(|value| value.is_finite())
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

    /// Name of the solver; empty where nothing tells it.
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
    pub fn read(root: &Path) -> Result<Self, ReportError> {
        let folder = StudyFolder::new(root);
        let design = folder.design()?;
        let settings =
            design.as_ref().and_then(|_| std::fs::read_to_string(folder.design_file()).ok());
        let Some(outcomes) = folder.outcomes()? else {
            return Err(ReportError::NoStudy { folder: root.to_path_buf() });
        };
        let read = |(case, outcome)| read_row(&folder, case, outcome);
        let rows: Vec<Row> = outcomes.into_iter().map(read).collect();
        let (pixel_size, reference) = (pixel_size(&rows), reference(&rows));
        Ok(Self { folder, design, settings, rows, pixel_size, reference })
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

    /// Number of finished conditions.
    pub fn done(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome.is_done()).count()
    }

    /// The name of the study, else of its folder.
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

fn read_row(folder: &StudyFolder, case: Case, outcome: Outcome) -> Row {
    let result = outcome.result();
    let job = folder.job_dir(&case);
    let file =
        |name: Option<&String>| name.and_then(|name| std::fs::read_to_string(job.join(name)).ok());
    let files = result.map(|result| result.files.clone()).unwrap_or_default();
    let recorded = result.and_then(|result| result.comparison.clone()).unwrap_or(Value::Null);
    // The file holds all that the record holds and the curves besides.
    let comparison = file(files.comparison.as_ref())
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| recorded.clone());
    let metrics =
        [&comparison, &recorded].into_iter().map(metrics_of).find(|metrics| !metrics.is_empty());
    let metrics = metrics.map(|mut metrics| {
        metrics.extend(derived(&comparison, &metrics));
        metrics
    });
    let loss = file(files.loss_csv.as_ref()).map(|text| read_loss(&text)).unwrap_or_default();
    let condition = case.condition;
    Row { case, condition, outcome, metrics: metrics.unwrap_or_default(), comparison, loss }
}

/// The pixel that all comparisons name.
fn pixel_size(rows: &[Row]) -> Option<f64> {
    let mut sizes = rows.iter().filter_map(|row| row.comparison.get("pixel_size_m")?.as_f64());
    let first = sizes.next().filter(|&size| size > 0.0 && size.is_finite())?;
    sizes.all(|size| (size / first - 1.0).abs() < 1e-6).then_some(first)
}

/// What comparisons are with, when it is no truth.
fn reference(rows: &[Row]) -> Option<String> {
    let told = rows.iter().find_map(|row| row.comparison.get("reference")?.as_str())?;
    (told != "truth").then(|| told.to_owned())
}

/// The numbers under `metrics`, or at the top level of older records.
fn metrics_of(comparison: &Value) -> BTreeMap<String, Option<f64>> {
    let Some(table) = comparison.get("metrics").unwrap_or(comparison).as_object() else {
        return BTreeMap::new();
    };
    table
        .iter()
        .filter(|(_, value)| value.is_number() || value.is_null())
        .map(|(name, value)| (name.clone(), value.as_f64()))
        .collect()
}

/// Resolutions and the probe's error under names of their own: `phase_resolution_half_bit_px`,
/// `halves_phase_resolution_1_7_nm`, `probe_nrmse`.
///
/// Records without resolutions have them from their crossings, of which none means that the pixels
/// are the limit.
fn derived(
    comparison: &Value,
    metrics: &BTreeMap<String, Option<f64>>,
) -> BTreeMap<String, Option<f64>> {
    let mut found = BTreeMap::new();
    for (prefix, record) in [("", Some(comparison)), ("halves_", comparison.get("halves"))] {
        for criterion in Criterion::ALL.map(Criterion::name) {
            for what in ["phase", "amplitude", "complex"] {
                let stored =
                    record.and_then(|record| record.get("resolution")?.get(what)?.get(criterion));
                let number = |key: &str| stored.and_then(|stored| stored.get(key)?.as_f64());
                let crossing = metrics.get(&format!("{prefix}{what}_frc_{criterion}")).copied();
                let px =
                    || crossing.and_then(|crossing| Resolution::new(crossing, None).half_period_px);
                let name = format!("{prefix}{what}_resolution_{criterion}");
                if let Some(px) = number("half_period_px").or_else(px) {
                    found.insert(format!("{name}_px"), Some(px));
                }
                if let Some(nm) = number("half_period_nm") {
                    found.insert(format!("{name}_nm"), Some(nm));
                }
            }
        }
    }
    for key in ["nrmse", "correlation"] {
        if let Some(value) = comparison.get("probe").and_then(|probe| probe.get(key)?.as_f64()) {
            found.insert(format!("probe_{key}"), Some(value));
        }
    }
    found
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

    #[test]
    fn metrics_are_numbers_or_nothing() {
        let comparison =
            serde_json::json!({"metrics": {"a": 1, "b": null, "c": [1.0]}, "other": 3});
        let expected: BTreeMap<String, Option<f64>> =
            [("a".into(), Some(1.0)), ("b".into(), None)].into();
        assert_eq!(metrics_of(&comparison), expected);
        assert!(metrics_of(&Value::Null).is_empty());
    }

    #[test]
    fn a_curve_that_never_falls_is_resolved_to_the_pixel() {
        let comparison = serde_json::json!({
            "metrics": {"phase_frc_0_5": null, "amplitude_frc_0_5": 0.25},
            "resolution": {"complex": {"0_5": {"half_period_px": 1.5, "half_period_nm": 12.0}}},
            "probe": {"nrmse": 0.1, "correlation": 0.99},
            "halves": {"resolution": {"phase": {"half_bit": {"half_period_px": 2.5}}}},
        });
        let found = derived(&comparison, &metrics_of(&comparison));
        for (name, value) in [
            ("phase_resolution_0_5_px", 1.0),
            ("amplitude_resolution_0_5_px", 2.0),
            ("complex_resolution_0_5_px", 1.5),
            ("complex_resolution_0_5_nm", 12.0),
            ("probe_nrmse", 0.1),
            ("halves_phase_resolution_half_bit_px", 2.5),
        ] {
            assert_eq!(found[name], Some(value), "{name}");
        }
        assert!(!found.contains_key("phase_resolution_1_7_px"), "never measured");
    }
}
