//! Measured or simulated counts at a lower dose.

use crate::run::solve::asking::{Asking, Between};
use crate::{Result, StudyError};
use lapwing_files::metadata::{self, append_transformation, nphotons, set_physics_parameter};
use lapwing_files::{Dataset, Mask, Quantum, limit as limits, remarks};
use lapwing_model::simulate;
use lapwing_solve::noise::{self, Faults};
use ndarray::ArrayView3;
use serde_json::json;

/// A data set thinned to a lower dose.
#[derive(Debug, Clone)]
pub struct Thinned {
    /// The data set, its metadata telling the new dose and scale.
    pub dataset: Dataset,
    /// The dose it had: nominal where the metadata tell it, else measured.
    pub from: f64,
    /// Mean counts per pattern before.
    pub mean_before: f64,
    /// Mean counts per pattern now.
    pub mean: f64,
    /// The scale s of counts = (s x amplitude)^2 now.
    pub scale: f64,
    /// Variance over mean of the counts before, estimated as in [`lapwing_solve::noise`]: 1 for
    /// photons, which those that Lapwing simulated are.
    pub gain: f64,
    /// The largest number that its detector counts, where pixels reach that.
    pub limit: Option<f32>,
    /// Values at that limit, which say "at least so much": no lower dose can be made of them, so
    /// they were masked.
    pub masked: usize,
}

impl Thinned {
    /// Variance over mean of the counts now. Of counts of which each is kept with probability p, it
    /// is 1 + p (gain - 1).
    pub fn gain_now(&self) -> f64 {
        let kept = if self.mean_before > 0.0 { self.mean / self.mean_before } else { 1.0 };
        1.0 + kept * (self.gain - 1.0)
    }

    /// What to know where the counts are not those of single photons, or stop at a limit; `None`
    /// where neither is so.
    pub fn note(&self) -> Option<String> {
        let Self { gain, mean, masked, .. } = *self;
        let stopped = self.limit.and_then(|limit| stopped(limit, masked));
        let clumped = (gain > 1.0).then(|| {
            let quantum = self.dataset.quantum();
            format!(
                "{} Thinned to {mean:.1} counts per pattern it is {:.2} here. {}",
                clumped(gain, quantum),
                self.gain_now(),
                clumped_remedy(quantum)
            )
        });
        let notes: Vec<String> = stopped.into_iter().chain(clumped).collect();
        (!notes.is_empty()).then(|| notes.join(". "))
    }
}

/// Variance over mean of the counts of a data set; 1 where Lapwing simulated them, for these are
/// photons. `between` is called now and then, and may stop it by an error.
///
/// # Errors
/// What `between` returns.
pub(crate) fn gain(
    dataset: &Dataset,
    counts: ArrayView3<'_, f32>,
    between: Between<'_>,
) -> Result<f64> {
    Ok(detector(dataset, counts, between)?.0)
}

/// The largest number that the detector of a data set counted when Lapwing simulated it, as its
/// metadata state it. What was made of its patterns since may hold other numbers.
pub(crate) fn stated_limit(dataset: &Dataset) -> Option<f32> {
    dataset.metadata.as_ref().and_then(limits::stated).map(|limit| limit as f32)
}

/// [`gain`], and the largest number that the detector counts, where pixels reach that.
fn detector(
    dataset: &Dataset,
    counts: ArrayView3<'_, f32>,
    between: Between<'_>,
) -> Result<(f64, Option<f32>)> {
    if dataset.metadata.as_ref().is_some_and(metadata::is_simulated) {
        // What is not estimated is known.
        return Ok((1.0, stated_limit(dataset)));
    }
    let valid = dataset.mask.as_ref().map(Mask::good);
    let scans = dataset.scans.as_ref().map(|scans| &scans.of[..]);
    let found = Asking::new(between).during(|go_on| {
        noise::estimate_while(counts, &dataset.scan, valid, &Faults::default(), scans, go_on)
    })?;
    let found = found.ok_or(StudyError::Stopped)?;
    Ok((found.gain, found.faults.saturation))
}

/// The largest number that the detector of a data set counts, where pixels reach that: known where
/// Lapwing simulated them, else estimated. `between` is called now and then, and may stop it by an
/// error.
///
/// # Errors
/// What `between` returns, and a data set whose counts are not known.
pub fn limit(dataset: &Dataset, between: Between<'_>) -> Result<Option<f32>> {
    Ok(detector(dataset, dataset.intensities()?.view(), between)?.1)
}

/// Masks the values of a data set that reach the detector's limit of so many counts, and sets them
/// to 0: of "at least so much" no fewer photons can be made. Returns how many they are.
///
/// # Errors
/// When there is no room for the mask.
pub fn mask_limit(dataset: &mut Dataset, limit: f32) -> Result<usize> {
    Ok(dataset.mask_limit(limit.into())?)
}

/// What to know of so many values that were masked for that.
pub fn stopped(limit: f32, masked: usize) -> Option<String> {
    (masked > 0).then(|| {
        format!(
            "{masked} values at the detector's limit of {limit} counts say no more than \"at \
             least\", so that no lower dose can be made of them: they are masked"
        )
    })
}

/// What thinning does to counts of a gain above 1.
pub(crate) fn clumped(gain: f64, quantum: Quantum) -> String {
    let (one, many) = (quantum.one(), quantum.many());
    format!(
        "the counts seem not to be single {many}: their variance is estimated to be {gain:.2} \
         times their mean (gain {gain:.2}), as where one {one} makes several counts at once. \
         Thinning keeps or drops single counts, not whole {many}: the dose is in counts, not in \
         {many}, and the variance comes nearer to the mean than in an exposure of that dose, where \
         it would still be {gain:.2} times."
    )
}

/// What to do about it.
pub(crate) fn clumped_remedy(quantum: Quantum) -> String {
    format!(
        "Thin data in which every {} counts once, or call the dose one in counts; where patterns \
         of neighbouring positions differ much, the estimate is too high",
        quantum.one()
    )
}

/// Thins the counts of a data set to a mean of `dose` photons per pattern (see [`simulate::thin`]);
/// the draws come from `seed`. The history of the data set tells a gain above 1, and how many
/// values were masked because they reach the detector's limit.
///
/// # Errors
/// When the counts of the data set are not known, or the dose is not lower than its own.
pub fn thin(mut dataset: Dataset, dose: f64, seed: u64) -> Result<Thinned> {
    let Some(scale) = dataset.intensity_scale() else {
        let text = format!(
            "{}; simulated and measured counts can be thinned, bare amplitudes cannot",
            dataset.quantum().unknown()
        );
        return Err(StudyError::Invalid(text));
    };
    let remarks = remarks::of(&dataset);
    let mean_before = dataset.mean_measured(&remarks);
    let (gain, limit) = detector(&dataset, dataset.intensities()?.view(), &mut || Ok(()))?;
    let masked = limit.map_or(Ok(0), |limit| mask_limit(&mut dataset, limit))?;
    let mut counts = dataset.intensities()?;
    // The nominal dose where it is known: thinning 10,000 to 1,000 then keeps exactly a tenth.
    let from = dataset.metadata.as_ref().and_then(nphotons).unwrap_or(mean_before);
    let mut mean = simulate::thin(counts.view_mut(), from, dose, seed)?;
    let scale = scale * (dose / from).sqrt();
    counts.change(|count| (f64::from(count).sqrt() / scale) as f32);
    dataset.diffraction = counts;
    let metadata = dataset.metadata.get_or_insert_default();
    set_physics_parameter(metadata, "nphotons", dose);
    set_physics_parameter(metadata, "intensity_scale", scale);
    if remarks.iter().any(|remark| remark.certain) {
        mean = dataset.mean_measured(&remarks);
    }
    let metadata = dataset.metadata.get_or_insert_default();
    set_physics_parameter(metadata, "mean_counts_per_pattern", mean);
    let mut parameters = json!({ "from": from, "dose": dose, "seed": seed });
    if gain > 1.0 {
        parameters["gain"] = json!(gain);
    }
    if masked > 0 {
        parameters["masked_at_limit"] = json!(masked);
    }
    append_transformation(metadata, "lapwing thin", "binomial thinning", parameters);
    Ok(Thinned { dataset, from, mean_before, mean, scale, gain, limit, masked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::{Metadata, Patterns};
    use lapwing_model::Position;
    use lapwing_model::forward::Physics;
    use lapwing_model::probe::ProbeDesign;
    use lapwing_model::simulate::expose;
    use lapwing_model::specimen::Specimen;
    use ndarray::Array3;

    fn dataset(counts: &Array3<f32>, scan: &[Position]) -> Dataset {
        let mut metadata = Metadata::default();
        set_physics_parameter(&mut metadata, "intensity_scale", 1.0);
        Dataset {
            diffraction: Patterns::from(counts.mapv(f32::sqrt)),
            scan: scan.to_vec(),
            object: None,
            probe: None,
            mask: None,
            frames: None,
            scans: None,
            geometry: None,
            optics: None,
            probe_from: None,
            metadata: Some(metadata),
            extras: Vec::new(),
        }
    }

    #[test]
    fn counts_at_the_detector_s_limit_are_masked() {
        let place = |index: usize| Position {
            y: 20.0 + 5.0 * (index / 10) as f64,
            x: 20.0 + 5.0 * (index % 10) as f64,
        };
        let scan: Vec<Position> = (0..100).map(place).collect();
        let probe = ProbeDesign::default().build((32, 32)).unwrap();
        let specimen = Specimen::Cells.make((90, 90), 1);
        let physics = Physics::default();
        let exposed = expose(&physics, specimen.view(), probe.view(), &scan, 1e5, 3).unwrap();
        let whole = thin(dataset(&exposed.counts, &scan), 1e4, 1).unwrap();
        assert!((whole.limit, whole.masked) == (None, 0) && whole.dataset.mask.is_none());
        let largest = exposed.counts.iter().copied().fold(0.0, f32::max);
        let limit = (largest / 4.0).round();
        let clipped = exposed.counts.mapv(|count| count.min(limit));
        let at_limit = clipped.iter().filter(|&&count| count == limit).count();
        let thinned = thin(dataset(&clipped, &scan), 1e4, 1).unwrap();
        assert_eq!((thinned.limit, thinned.masked), (Some(limit), at_limit));
        assert!(thinned.note().unwrap().contains("at least"));
        let good = thinned.dataset.mask.as_ref().unwrap().good();
        for ((value, &good), &count) in
            thinned.dataset.diffraction.view().iter().zip(good).zip(&clipped)
        {
            assert!(good == (count < limit) && (good || *value == 0.0));
        }
        let history = &thinned.dataset.metadata.as_ref().unwrap()["data_transformations"];
        assert_eq!(history[0]["parameters"]["masked_at_limit"], at_limit);
    }
}
