//! `lapwing reconstruct`: one data set.

use crate::input::Reading;
use crate::metric::label;
use crate::output::{Beside, Output, counted, there};
use crate::product::Facts;
use crate::scan_file::ScanFile;
use crate::solver::{Checkpoints, SolverOptions};
use crate::stop::stoppable;
use crate::watch::Watch;
use clap::Args;
use lapwing_files::{Dataset, Understanding};
use lapwing_study::StudyError;
use lapwing_study::reconstruct::{CompareWith, Request};
use lapwing_study::record::JobResult;
use lapwing_study::solver::{StudySolver, Unsaid};
use lapwing_study::stream::Streaming;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reconstruct object and probe from one data set
///
/// Writes reconstruction.npz, the loss curve, pictures of amplitude, phase and probe, a log and
/// result.json into a folder. Unless told otherwise, ML reconstructs where photon counts are known
/// and LSQML where they are not, from a flat object and the file's probe, that of the optics
/// described, or one made of the patterns.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lapwing reconstruct scan.npz --output result\n  \
    lapwing reconstruct scan.npz --output result --algorithm LSQML --num-epochs 200\n\n\
    `lapwing inspect scan.npz` says how the file will be understood.")]
pub struct Reconstruct {
    #[command(flatten)]
    scan: ScanFile,
    /// Folder for the results
    #[arg(long = "output", alias = "output-dir", value_name = "DIR")]
    output_dir: PathBuf,
    /// Compare with the file's objectGuess, the truth in simulated data
    #[arg(long)]
    compare: bool,
    /// Also write probe, object, positions and losses as a product file of ptychodus and pty-chi
    /// (HDF5)
    #[arg(long, value_name = "OUT.h5")]
    product: Option<PathBuf>,
    /// Whether the patterns, and what the solver keeps of the object besides the object itself, are
    /// in scratch files on the disk of the output folder instead of memory: auto (each when
    /// --memory, or else what is free, would not comfortably hold it), always or never. Results are
    /// the same bits. Needs room there for up to eight bytes per pixel of the patterns, and some 64
    /// per pixel of the object
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    stream: Streaming,
    /// Find first how the scan lies on the detector (rotation, exchange of rows and columns), and
    /// reconstruct with the positions so turned; see `lapwing calibrate`
    #[arg(long)]
    calibrate: bool,
    #[command(flatten)]
    solver: SolverOptions,
    #[command(flatten)]
    checkpoints: Checkpoints,
    #[command(flatten)]
    reading: Reading,
}

impl Reconstruct {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        if let Some(product) = &self.product {
            self.reading.refuse_onto_input(product, "--product", self.scan.path())?;
            Beside::Product.refuse_others(product, "--product")?;
        }
        let config = self.solver.config(Unsaid::DATA)?;
        let mut facts = None;
        let mut watch = Watch::new(output);
        let request = Request {
            input: self.scan.path().to_owned(),
            reading: self.reading.options(),
            output: self.output_dir.clone(),
            solver: StudySolver::new(config),
            case: None,
            comparison: if self.compare { CompareWith::Truth } else { CompareWith::Nothing },
            checkpoint: self.checkpoints.checkpoint_every,
            device: self.checkpoints.place.device,
            photon_halves: false,
            error_maps: false,
            stream: match self.stream {
                Streaming::Auto => self.reading.streaming(),
                said => said,
            },
            calibrate: self.calibrate,
            source: None,
        };
        let mut see = |dataset: &Dataset, understood: &Understanding| {
            if self.product.is_some() {
                facts = Some(self.facts(dataset, understood)?);
            }
            Ok(())
        };
        let result = stoppable(&mut watch, |observe| request.run_seen(&mut see, observe))?;
        if let (Some(path), Some(facts)) = (&self.product, facts) {
            let replaced = there([path.as_path()]);
            facts.write_product(&self.output_dir, path)?;
            output.note_replaced(&replaced);
            output.note(format_args!("wrote {}", path.display()));
        }
        output.result(&self.record(&result), self.words(&result))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What a product file must tell of the input.
    fn facts(&self, dataset: &Dataset, understood: &Understanding) -> Result<Facts, StudyError> {
        let pixel_size = self.reading.pixel_size().or(understood.pixel_size_m);
        Facts::of(dataset, understood, pixel_size).ok_or_else(|| {
            StudyError::Invalid(format!(
                "{}: a product file has positions in metres, but the size of an object pixel is unknown; give --pixel-size-m",
                self.scan.path().display()
            ))
        })
    }

    fn record(&self, result: &JobResult) -> Value {
        let mut record = json!({
            "input": self.scan.path(),
            "output_dir": self.output_dir,
            "algorithm": result.algorithm,
            "n_patterns": result.n_patterns,
            "pattern_shape": result.pattern_shape,
            "mean_counts_per_pattern": result.mean_counts,
            "probe_diameter_px": result.probe_diameter_px,
            "step_px": result.step_px,
            "linear_overlap": result.linear_overlap,
            "overlap": result.overlap,
            "seconds": result.seconds,
            "seconds_per_epoch": result.seconds_per_epoch,
            "epochs": result.loss.map(|loss| loss.epochs),
            "final_loss": result.loss.map(|loss| loss.last),
            "peak_memory_mb": result.peak_memory_mb,
            "start_probe": result.start_probe,
            "files": result.files,
        });
        if let Some(misfit) = result.misfit {
            record["misfit"] = json!(misfit);
        }
        if let Some(calibration) = &result.calibration {
            record["calibration"] = calibration.clone();
        }
        if let Some(comparison) = &result.comparison {
            record["comparison"] = json!(comparison);
        }
        if let Some(reason) = &result.not_compared {
            record["not_compared"] = json!(reason);
        }
        record
    }

    fn words(&self, result: &JobResult) -> String {
        let (height, width) = result.pattern_shape;
        let mut words = format!("{} patterns of {height} x {width} px", result.n_patterns);
        // Writing to a string does not fail.
        let _ = match result.mean_counts {
            Some(mean) => writeln!(words, ", {mean:.1} counts each"),
            None => writeln!(words, ", dose scale unknown"),
        };
        if let Some(told) = &result.start_probe {
            let _ = writeln!(words, "start probe {told}");
        }
        if let Some(loss) = result.loss {
            // None was timed where an earlier run had done them all.
            let each = match result.seconds_per_epoch {
                Some(seconds) => format!("of {seconds:.3} s"),
                None => "(done before)".to_owned(),
            };
            let _ = writeln!(
                words,
                "{}: {} {each}, loss {:.4e} to {:.4e}",
                result.algorithm,
                counted(loss.epochs, "epoch"),
                loss.first,
                loss.last
            );
        }
        let metric = |name: &str| result.comparison.as_ref()?.metric(name);
        for name in ["complex_correlation", "complex_nrmse", "phase_ssim", "amplitude_ssim"] {
            if let Some(value) = metric(name) {
                let _ = writeln!(words, "{} {value:.5}", label(name));
            }
        }
        let _ = write!(words, "{:.2} s; results in {}", result.seconds, self.output_dir.display());
        words
    }
}
