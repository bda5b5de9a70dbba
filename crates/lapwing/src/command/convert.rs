//! `lapwing convert`: a scan of any format in one that other programs read.

use crate::input::Reading;
use crate::output::{Output, other_than_input};
use crate::product::Facts;
use anyhow::{Context, bail};
use clap::Args;
use lapwing_files::dialect::{Optics, Product, write_cxi, write_dp};
use lapwing_files::metadata::physics_parameter;
use lapwing_files::{Dataset, Understanding};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a scan in another format
///
/// The end of OUT decides: .npz writes the study's format, .cxi CXI 1.6, .h5 or .hdf5 the patterns
/// of a ptychodus or pty-chi pair, with their product (probe, object, positions) beside it as
/// OUT.product.h5. CXI needs the wavelength and the size of an object pixel, a product that and a
/// probe.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lapwing convert scan.ptyd scan.cxi\n  \
    lapwing convert scan.mib scan.npz --experiment microscope.toml")]
pub struct Convert {
    /// The scan, of any format that is read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

impl Convert {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let end = self.output.extension().map(|end| end.to_string_lossy().to_lowercase());
        let end = end.unwrap_or_default();
        if !["npz", "cxi", "h5", "hdf5"].contains(&end.as_str()) {
            bail!(
                "{}: expected a name that ends in .npz, .cxi or .h5, found {end:?}",
                self.output.display()
            );
        }
        other_than_input(&self.output, "OUT", &self.input)?;
        if ["h5", "hdf5"].contains(&end.as_str()) {
            other_than_input(&self.beside(), "OUT's product", &self.input)?;
        }
        let (dataset, understood) = self.reading.read(&self.input, Some(&self.output), output)?;
        let written = match end.as_str() {
            "npz" => {
                dataset.write(&self.output)?;
                vec![self.output.clone()]
            }
            "cxi" => self.cxi(&dataset, &understood, output)?,
            _ => self.pair(&dataset, &understood)?,
        };
        let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        let words = format!(
            "{} patterns of {} x {} px\nwrote {}",
            dataset.n_patterns(),
            understood.pattern_shape.0,
            understood.pattern_shape.1,
            names.join(", ")
        );
        let record = json!({
            "input": self.input,
            "files": written,
            "n_patterns": dataset.n_patterns(),
            "pattern_shape": understood.pattern_shape,
        });
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Where the product of a pair goes.
    fn beside(&self) -> PathBuf {
        self.output.with_extension("product.h5")
    }

    fn cxi(
        &self,
        dataset: &Dataset,
        understood: &Understanding,
        output: Output,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let known = dataset.metadata.as_ref().and_then(Optics::of);
        let optics = known.or_else(|| {
            let metadata = dataset.metadata.as_ref()?;
            let wavelength = physics_parameter(metadata, "wavelength_m")?;
            let (y, x) = self.reading.pixel_size().or(understood.pixel_size_m)?;
            let (height, width) = understood.pattern_shape;
            output.note(format_args!(
                "{}: the distance of the detector is not known; written as 1 m with pixels that make the same \
                 pixel of the object",
                self.output.display()
            ));
            let pitch = (wavelength / (height as f64 * y), wavelength / (width as f64 * x));
            Some(Optics { wavelength, distance: 1.0, pitch })
        });
        let optics = optics.with_context(|| {
            format!(
                "{}: CXI has the optics, but the wavelength or the size of an object pixel is unknown: give \
                 --energy-kev or --voltage-kv, and --pixel-size-m",
                self.input.display()
            )
        })?;
        let left_out = write_cxi(dataset, &optics, &self.output)?;
        if !left_out.is_empty() {
            output.note(format_args!(
                "{}: left out, for CXI has no place for text: {}",
                self.output.display(),
                left_out.join(", ")
            ));
        }
        Ok(vec![self.output.clone()])
    }

    fn pair(&self, dataset: &Dataset, understood: &Understanding) -> anyhow::Result<Vec<PathBuf>> {
        let pixel = self.reading.pixel_size().or(understood.pixel_size_m);
        let pixel = pixel.with_context(|| {
            format!(
                "{}: a product has positions in metres, but the size of an object pixel is unknown: give \
                 --pixel-size-m",
                self.input.display()
            )
        })?;
        let probe = dataset.probe.clone().with_context(|| {
            format!(
                "{}: a product has a probe, but the scan has none: give --companion FILE",
                self.input.display()
            )
        })?;
        let facts = Facts::of(dataset, understood, Some(pixel));
        let facts = facts.context("the size of an object pixel is unknown")?;
        let product: Product = facts.of_scan(dataset, probe, pixel);
        let beside = self.beside();
        write_dp(dataset, &self.output)?;
        product.write(&beside)?;
        Ok(vec![self.output.clone(), beside])
    }
}
