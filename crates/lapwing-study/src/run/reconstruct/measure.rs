//! The third step of a request: the reconstruction is looked at and compared.

use super::target::{Compared, Target};
use super::understand::Input;
use super::{Request, output, photon_halves};
use crate::disk::json::write_json;
use crate::disk::record::JobResult;
use crate::run::dataset::data::reference;
use crate::run::event::{Level, Observer, note};
use crate::run::pictures;
use crate::run::scanned::{LARGEST, Scanned, TILES, Written, ZOOM, is_large};
use crate::run::solve::misfit;
use crate::{Result, StudyError};
use lapwing_compare::{CompareError, ComparisonRecord, Lattice, Metric, compare_probes};
use lapwing_model::Complex32;
use lapwing_solve::Solution;
use lapwing_solve::uncertainty::ErrorMaps;
use ndarray::ArrayView2;

/// Name of the comparison inside the folder of a reconstruction.
const COMPARISON: &str = "comparison.json";

impl Request {
    /// Makes the pictures, and the comparison where one was asked for and is possible.
    pub(super) fn measure(
        &self,
        input: &Input,
        solution: &Solution,
        maps: Option<&ErrorMaps>,
        result: &mut JobResult,
        observe: Observer<'_>,
    ) -> Result<()> {
        let product = (solution.object.n_slices() > 1).then(|| solution.object.projection());
        let object = product.as_ref().map_or(solution.object.slice(0), |product| product.view());
        let lattice = Lattice::of(&input.on_grid);
        result.lattice_excess = lattice.and_then(|lattice| lattice.excess(object));
        let algorithm = self.solver.algorithm();
        let told = result.lattice_excess.map(|excess| misfit::lattice(excess, algorithm));
        for text in told.into_iter().flatten() {
            note(&mut *observe, Level::Fact, &text)?;
        }
        let target = input.target.as_ref();
        let compared = match target.map(|target| target.compare(object)).transpose() {
            Ok(compared) => compared,
            // The reconstruction stands, and solving again would change nothing.
            Err(error) => {
                note(&mut *observe, Level::Fact, &format!("no comparison: {error}"))?;
                result.not_compared = Some(error.to_string());
                None
            }
        };
        let whole = || Scanned::of(object, &input.on_grid, LARGEST);
        let (whole, mut pictures) = match &compared {
            Some(compared) => {
                let whole = is_large(object.dim(), &input.on_grid).then(|| whole().0);
                (whole, pictures::compared(&compared.comparison))
            }
            None => {
                let (whole, pictures) = whole();
                (Some(whole), pictures.into())
            }
        };
        if solution.object.n_slices() > 1 {
            let slices = solution.object.slices();
            let phase = |slice: ArrayView2<Complex32>| pictures::alone(slice, &input.on_grid).phase;
            pictures.slices = slices.outer_iter().map(phase).collect();
        }
        if let Some(block) = pictures::means(&pictures.amplitude) {
            let (height, width) = object.dim();
            let text = format!(
                "pictures: each pixel the mean of {block} x {block} of the object's \
                 {height} x {width} px"
            );
            note(&mut *observe, Level::Fact, &text)?;
        }
        if let Some([(part_y, part_x), (y, x)]) = target.and_then(Target::part) {
            let text = format!(
                "compared: the middle {part_y} x {part_x} px of the {y} x {x} px that the scan spans"
            );
            note(&mut *observe, Level::Fact, &text)?;
        }
        let (probe, pixel_size) = (&solution.probe, input.pixel_size);
        output::write_pictures(&self.output, &pictures, probe, pixel_size, &mut result.files)?;
        let tiles = whole.map(|whole| whole.write_tiles(&self.output, pixel_size)).transpose()?;
        if let Some(Written { tiles, bytes }) = tiles.flatten() {
            result.files.zoom = Some(ZOOM.to_owned());
            let megabytes = bytes as f64 / 1e6;
            let text = format!("every pixel: {ZOOM}, {tiles} tiles in {TILES}, {megabytes:.1} MB");
            note(&mut *observe, Level::Fact, &text)?;
        }
        if let Some(maps) = maps {
            output::write_maps(&self.output, maps, &input.on_grid, &mut result.files)?;
        }
        let Some(Compared { comparison, own_area }) = &compared else { return Ok(()) };
        if let (Some(maps), Some(target)) = (maps, target)
            && let Some(found) = target.coverage(comparison, object, maps)
            && let Some(record) = &mut result.error_maps
        {
            record.amplitude_within = Some(found.amplitude);
            record.phase_within = Some(found.phase);
            let percent =
                |[one, two]: [f64; 2]| format!("{:.0} and {:.0} %", 100.0 * one, 100.0 * two);
            let text = format!(
                "within one and two standard deviations: {} of the amplitudes, {} of the phases \
                 (normal errors: 68 and 95 %)",
                percent(found.amplitude),
                percent(found.phase)
            );
            note(&mut *observe, Level::Fact, &text)?;
        }
        let number = |name: &str| {
            let value = comparison.metrics.value(name);
            titled(name, &value.map_or_else(|| "none".to_owned(), |value| format!("{value:.5}")))
        };
        let numbers = ["complex_correlation", "complex_nrmse", "phase_ssim"].map(number);
        note(&mut *observe, Level::Detail, &numbers.join(", "))?;
        let slices = target.map(|target| target.compare_slices(&solution.object)).transpose();
        let slices = match slices {
            Ok(slices) => slices.unwrap_or_default(),
            // The whole object was compared.
            Err(error) => {
                note(&mut *observe, Level::Fact, &format!("no comparison of slices: {error}"))?;
                Vec::new()
            }
        };
        for (index, found) in slices.iter().enumerate() {
            let number = titled("complex_nrmse", &format!("{:.5}", found.complex_nrmse));
            let text = format!("slice {}: {number}", index + 1);
            note(&mut *observe, Level::Fact, &text)?;
        }
        let reference = reference(input.metadata.as_ref());
        // The probe of a measured scan is a guess, not the truth.
        let true_probe = input.probe.as_ref().filter(|_| reference.is_none());
        let compared = true_probe.map(|truth| compare_probes(probe.view(), truth.view()));
        let compared = match compared.transpose() {
            Ok(compared) => compared,
            // A probe of another window is no truth.
            Err(CompareError::ShapeMismatch { .. }) => None,
            Err(error) => {
                note(&mut *observe, Level::Fact, &format!("no comparison of probes: {error}"))?;
                None
            }
        };
        let mut record = ComparisonRecord {
            probe: compared,
            metrics_own_area: own_area.map(Into::into),
            slices: slices.into_iter().map(Into::into).collect(),
            reference: reference.unwrap_or(ComparisonRecord::TRUTH).to_owned(),
            ..ComparisonRecord::new(comparison, pixel_size)
        };
        if let (true, Some(probe)) = (self.photon_halves, &input.probe) {
            match photon_halves::compare(self, probe, &mut *observe) {
                Ok(halves) => halves.iter().for_each(|halves| record.add_halves(halves)),
                Err(StudyError::Stopped) => return Err(StudyError::Stopped),
                Err(error) => {
                    note(observe, Level::Fact, &format!("no comparison of halves: {error}"))?;
                }
            }
        }
        write_json(&self.output.join(COMPARISON), &record)?;
        result.comparison = Some(record.short());
        result.files.comparison = Some(COMPARISON.to_owned());
        Ok(())
    }
}

/// A number of a comparison behind its title in the catalogue: `complex NRMSE 0.01234`.
fn titled(name: &str, value: &str) -> String {
    let label = Metric::find(name).map_or_else(|| name.to_owned(), Metric::label);
    format!("{label} {value}")
}
