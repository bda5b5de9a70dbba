//! `lapwing views`: the dense and sparse views of split data.

use crate::input::Reading;
use crate::output::Output;
use crate::value;
use anyhow::bail;
use clap::Args;
use lapwing_study::View;
use lapwing_study::condition::Step;
use lapwing_study::design;
use lapwing_study::layout::Roots;
use lapwing_study::run::write_views;
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Select the positions of dense and sparse views
///
/// A view keeps positions at least S = (1 - overlap) x N pixels apart: all whose nearest neighbour
/// is that far away, or, when these are too few, greedily in the order of (y, x). Reads
/// dose_<D>/patched_<split>.npz, writes dose_<D>/<view>/<view>_<split>.npz.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lapwing views --data-root study/data --output study/views --view dense"
)]
pub struct Views {
    /// Folder of the split data sets
    #[arg(long = "data-root", alias = "phase-c-root", value_name = "DIR")]
    phase_c_root: PathBuf,
    /// Folder for the views
    #[arg(long = "output", aliases = ["views-root", "output-root"], value_name = "DIR")]
    output_root: PathBuf,
    /// Only this dose, photons per pattern [default: all under the data root]
    #[arg(long, value_name = "D", value_parser = value::whole_dose)]
    dose: Option<u64>,
    /// Views of positions at least so many pixels apart, several with commas: step_<PX>
    #[arg(long, value_name = "PX", value_delimiter = ',', value_parser = step, conflicts_with = "view")]
    step: Vec<View>,
    /// Only this view: dense or sparse [default: both]
    #[arg(long, value_name = "VIEW", value_parser = selected_view)]
    view: Option<View>,
    /// Least share of positions to keep when the geometry allows it, 0 to 1 [default: 0.1]
    #[arg(long, value_name = "F", value_parser = value::share)]
    min_acceptance: Option<f64>,
    /// Overlap of the dense view as a share of the pattern's side, 0 to below 1 (that of the discs
    /// is less where the probe is smaller than the pattern) [default: 0.7]
    #[arg(long, value_name = "F", value_parser = value::overlap)]
    dense_overlap: Option<f64>,
    /// Overlap of the sparse view, likewise [default: 0.2]
    #[arg(long, value_name = "F", value_parser = value::overlap)]
    sparse_overlap: Option<f64>,
    /// Least number of positions to keep [default: 5]
    #[arg(long, value_name = "N", value_parser = value::count)]
    min_positions: Option<usize>,
    #[command(flatten)]
    reading: Reading,
}

fn step(text: &str) -> Result<View, String> {
    let step = Step::of(value::positive(text)?).map(View::Step);
    step.ok_or_else(|| "expected a step of 0.001 to 1e6 pixels".to_owned())
}

fn selected_view(text: &str) -> Result<View, String> {
    match text.parse()? {
        View::Baseline => {
            Err("expected dense or sparse: the baseline view is the split itself".into())
        }
        view => Ok(view),
    }
}

impl Views {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let roots = Roots {
            data: self.phase_c_root.clone(),
            views: self.output_root.clone(),
            artifacts: self.output_root.clone(),
        };
        let doses = match self.dose {
            Some(dose) => vec![dose],
            None => roots.doses()?,
        };
        let wanted = match (self.view, self.step.as_slice()) {
            (Some(view), _) => vec![view],
            (None, []) => vec![View::Dense, View::Sparse],
            (None, steps) => steps.to_vec(),
        };
        let default = design::ViewRules::default();
        let settings = design::ViewRules {
            dense_overlap: self.dense_overlap.unwrap_or(default.dense_overlap),
            sparse_overlap: self.sparse_overlap.unwrap_or(default.sparse_overlap),
            acceptance_floor: self.min_acceptance.unwrap_or(default.acceptance_floor),
            min_positions: self.min_positions.unwrap_or(default.min_positions),
            ..default
        };
        let (reading, stream) = (self.reading.options(), self.reading.streaming());
        let report = write_views(&roots, &doses, &wanted, &settings, &reading, stream)?;
        if report.made.is_empty() && report.refused.is_empty() {
            bail!(
                "{}: no folder dose_<D> with patched_train.npz and patched_test.npz; {}",
                self.phase_c_root.display(),
                self.way_to_splits()
            );
        }
        for file in &report.replaced {
            let done = if file.is_file() { "replaced" } else { "removed" };
            output.warn(format_args!("{done} {}, which was there already", file.display()));
        }

        let mut words = String::new();
        // Writing to a string does not fail.
        for (condition, telemetry, file) in &report.made {
            let _ = writeln!(
                words,
                "{condition}: {} of {} positions ({} selection, S = {:.1} px), {}",
                telemetry.n_accepted,
                telemetry.n_accepted + telemetry.n_rejected,
                serde_json::to_value(telemetry.selection_strategy)?.as_str().unwrap_or_default(),
                telemetry.spacing_threshold,
                file.display()
            );
        }
        for (condition, reason) in &report.refused {
            let _ = writeln!(words, "{condition}: refused: {reason}");
        }
        let record = json!({
            "views": report.made.iter().map(|(condition, telemetry, file)| {
                let mut view = json!(telemetry);
                view["dose"] = json!(condition.dose);
                view["view"] = json!(condition.view);
                view["split"] = json!(condition.split);
                view["file"] = json!(file);
                view
            }).collect::<Vec<_>>(),
            "refused": report.refused.iter().map(|(condition, reason)| json!({
                "dose": condition.dose, "view": condition.view, "split": condition.split, "reason": reason
            })).collect::<Vec<_>>(),
        });
        output.result(&record, words)?;
        if report.refused.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        bail!(
            "{} of {} views were refused (see above)",
            report.refused.len(),
            report.refused.len() + report.made.len()
        )
    }

    /// What to type for splits where views look for them.
    fn way_to_splits(&self) -> String {
        let root = &self.phase_c_root;
        let folder = root.join("dose_1000").display().to_string();
        match root.join("patched_train.npz").is_file() {
            true => format!(
                "splits lie in it directly: move them to {folder}, or cut them there with `lapwing split \
                 --output {folder}`, with their own dose in place of 1000"
            ),
            false => {
                format!("make them with `lapwing split --output {folder}`, for a dose of 1000")
            }
        }
    }
}
