//! `lapwing overlap`: the overlap metrics of a data set.

use crate::input::Reading;
use crate::output::Output;
use crate::value;
use clap::Args;
use lapwing_study::data::probe_diameter;
use lapwing_study::overlap::{Sampling, measure};
use std::path::PathBuf;
use std::process::ExitCode;

/// Measure how much neighbouring illuminated discs overlap
///
/// The overlap of two discs is the share of a disc's area that both cover: 1 at the same place,
/// 0.391 half a diameter apart. Metric 1: within groups (grid size 2); metric 2: of an image with
/// its nearest neighbours; metric 3: between groups.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lapwing overlap --input dense_train.npz --gridsize 2 --s-img 0.5 --n-groups 512 --json"
)]
pub struct Overlap {
    /// The data set
    #[arg(long, value_name = "X.npz")]
    input: PathBuf,
    /// Images per group = gridsize squared: 1 or 2
    #[arg(long, value_name = "1|2", default_value_t = 1,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=2))]
    gridsize: usize,
    /// Share of the images that is kept, above 0 and at most 1
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = value::positive_share)]
    s_img: f64,
    /// Number of groups, at most 10,000,000
    #[arg(long, value_name = "G", default_value_t = 1, value_parser = value::whole)]
    n_groups: usize,
    /// Number of neighbours for metrics 1 and 2
    #[arg(long, value_name = "K", default_value_t = 6, value_parser = value::whole)]
    neighbor_count: usize,
    /// Diameter of the illuminated disc, pixels [default: the probe's, else 0.6 of the pattern's
    /// side]
    #[arg(long, value_name = "D", value_parser = value::positive)]
    probe_diameter_px: Option<f64>,
    /// Seed of the image and group draws
    #[arg(long, value_name = "SEED", default_value_t = 42)]
    rng_seed_subsample: u64,
    #[command(flatten)]
    reading: Reading,
}

impl Overlap {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let (dataset, _) = self.reading.read(&self.input, output)?;
        let sampling = Sampling {
            gridsize: self.gridsize,
            s_img: self.s_img,
            n_groups: self.n_groups,
            neighbor_count: self.neighbor_count,
            probe_diameter_px: self.probe_diameter_px.unwrap_or_else(|| probe_diameter(&dataset)),
            rng_seed_subsample: self.rng_seed_subsample,
        };
        let overlap = measure(&dataset.scan, &sampling)?;
        let within = match overlap.metric_1_group_based_avg {
            Some(value) => format!("metric 1 (within groups)   {value:.4}\n"),
            None => String::new(),
        };
        let words = format!(
            "{} images, {} kept, {} different positions, {} groups; probe diameter {:.2} px\n\
             {within}metric 2 (with neighbours) {:.4}\nmetric 3 (between groups)  {:.4}",
            overlap.n_images_total,
            overlap.n_images_subsampled,
            overlap.n_unique_images,
            overlap.n_groups_actual,
            sampling.probe_diameter_px,
            overlap.metric_2_image_based_avg,
            overlap.metric_3_group_to_group_avg,
        );
        output.result(&overlap, words)?;
        Ok(ExitCode::SUCCESS)
    }
}
