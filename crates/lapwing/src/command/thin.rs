//! `lapwing thin`: measured counts at a lower dose.

use crate::input::Reading;
use crate::output::{Output, there};
use crate::scan_file::ScanFile;
use crate::value;
use anyhow::Context;
use clap::Args;
use lapwing_study::data::{Thinned, stamp, thin};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Thin photon counts to a lower dose, exactly
///
/// Every counted photon is kept with probability dose / present dose. For Poisson counts the result
/// is what an exposure at the lower dose would have given, so a real scan can be used for a dose
/// study. Counts that are not single photons (gain above 1, see `lapwing inspect`) are thinned too,
/// with a note on what their dose means.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: a tenth of the photons of a scan measured with about 10,000 per pattern\n  \
    lapwing thin --input scan.npz --dose 1000 --output scan_1000.npz"
)]
pub struct Thin {
    #[command(flatten)]
    scan: ScanFile,
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
        self.reading.refuse_onto_input(&self.output, "--output", self.scan.path())?;
        let (dataset, _) = self.reading.read(self.scan.path(), Some(&self.output), output)?;
        let thinned = thin(dataset, self.dose, self.seed)
            .with_context(|| self.scan.path().display().to_string())?;
        if let Some(note) = thinned.note() {
            output.note(format_args!("{}: {note}", self.scan.path().display()));
        }
        let gain_now = thinned.gain_now();
        let Thinned { mut dataset, from, mean_before: present, mean, scale, gain, .. } = thinned;
        stamp(&mut dataset);
        let replaced = there([self.output.as_path()]);
        dataset.write(&self.output)?;
        output.note_replaced(&replaced);

        let record = json!({
            "file": self.output,
            "n_patterns": dataset.scan.len(),
            "dose_before": from,
            "mean_counts_before": present,
            "dose": self.dose,
            "seed": self.seed,
            "mean_counts_per_pattern": mean,
            "intensity_scale": scale,
            "gain_before": gain,
            "gain": gain_now,
        });
        let counted = if gain > 1.0 { "counts" } else { dataset.quantum().many() };
        let words = format!(
            "{} patterns thinned from {from:.2} to {} {counted} per pattern: measured {present:.2} before, {mean:.2} now\nwrote {}",
            dataset.scan.len(),
            self.dose,
            self.output.display()
        );
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }
}
