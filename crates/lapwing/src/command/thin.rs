//! `lapwing thin`: measured counts at a lower dose.

use crate::input::Reading;
use crate::output::Output;
use crate::value;
use anyhow::{Context, anyhow};
use clap::Args;
use lapwing_files::{Dataset, metadata};
use lapwing_model::simulate;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Thin photon counts to a lower dose, exactly
///
/// Every counted photon is kept with probability dose / present dose. For Poisson counts the result is what an exposure at
/// the lower dose would have given, so a real scan can be used for a dose study.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: a tenth of the photons of a scan measured with about 10,000 per pattern\n  \
    lapwing thin --input scan.npz --dose 1000 --output scan_1000.npz"
)]
pub struct Thin {
    /// The data set; its counts must be known (see `lapwing inspect`)
    #[arg(long, value_name = "X.npz")]
    input: PathBuf,
    /// Dose to thin to: mean photons per pattern
    #[arg(long, value_name = "PHOTONS", value_parser = value::positive)]
    dose: f64,
    /// Seed of the thinning
    #[arg(long, value_name = "SEED", default_value_t = 42)]
    seed: u64,
    /// The data set to write (study NPZ)
    #[arg(long, value_name = "OUT.npz")]
    output: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

impl Thin {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let (mut dataset, understanding) = self.reading.read(&self.input, output)?;
        let unknown = || {
            anyhow!(
                "{}: the photon counts are not known: expected whole counts, or physics_parameters.nphotons and \
                 .intensity_scale in the metadata; simulated and measured counts can be thinned, bare amplitudes cannot",
                self.input.display()
            )
        };
        let mut counts = dataset.counts().ok_or_else(unknown)?;
        let present = understanding.mean_counts_per_pattern.ok_or_else(unknown)?;
        let scale = dataset.intensity_scale().ok_or_else(unknown)?;
        // The nominal dose where it is known: thinning 10,000 to 1,000 then keeps exactly a tenth.
        let from = dataset.metadata.as_ref().and_then(metadata::nphotons).unwrap_or(present);
        let mean = simulate::thin(&mut counts, from, self.dose, self.seed)
            .with_context(|| self.input.display().to_string())?;
        let scale = scale * (self.dose / from).sqrt();
        counts.mapv_inplace(|count| (f64::from(count).sqrt() / scale) as f32);
        dataset.diffraction = counts;
        self.describe(&mut dataset, scale, mean, from);
        dataset.write(&self.output)?;

        let record = json!({
            "file": self.output,
            "n_patterns": dataset.scan.len(),
            "dose_before": from,
            "mean_counts_before": present,
            "dose": self.dose,
            "seed": self.seed,
            "mean_counts_per_pattern": mean,
            "intensity_scale": scale,
        });
        let words = format!(
            "{} patterns thinned from {from:.2} to {} photons per pattern: measured {present:.2} before, {mean:.2} now\nwrote {}",
            dataset.scan.len(),
            self.dose,
            self.output.display()
        );
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }

    fn describe(&self, dataset: &mut Dataset, scale: f64, mean: f64, from: f64) {
        let metadata = dataset.metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "nphotons", self.dose);
        metadata::set_physics_parameter(metadata, "intensity_scale", scale);
        metadata::set_physics_parameter(metadata, "mean_counts_per_pattern", mean);
        let parameters = json!({ "from": from, "dose": self.dose, "seed": self.seed });
        metadata::append_transformation(metadata, "lapwing thin", "binomial thinning", parameters);
    }
}
