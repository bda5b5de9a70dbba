//! Measured or simulated counts at a lower dose.

use crate::run::dataset::data::{SIMULATED, TOOL};
use crate::run::solve::asking::{Asking, Between};
use crate::{Result, StudyError};
use lapwing_files::metadata::{append_transformation, nphotons, set_physics_parameter};
use lapwing_files::{Dataset, Mask, Quantum, remarks};
use lapwing_model::simulate;
use lapwing_solve::noise::{self, Faults};
use ndarray::ArrayView3;
use serde_json::{Value, json};

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
}

impl Thinned {
    /// Variance over mean of the counts now. Of counts of which each is kept with probability p, it
    /// is 1 + p (gain - 1).
    pub fn gain_now(&self) -> f64 {
        let kept = if self.mean_before > 0.0 { self.mean / self.mean_before } else { 1.0 };
        1.0 + kept * (self.gain - 1.0)
    }

    /// What to know where the counts are not those of single photons; `None` where they are.
    pub fn note(&self) -> Option<String> {
        let Self { gain, mean, .. } = *self;
        (gain > 1.0).then(|| {
            let quantum = self.dataset.quantum();
            format!(
                "{} Thinned to {mean:.1} counts per pattern it is {:.2} here. {}",
                clumped(gain, quantum),
                self.gain_now(),
                clumped_remedy(quantum)
            )
        })
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
    let history = dataset.metadata.as_ref().and_then(|all| all.get("data_transformations"));
    let mut entries = history.and_then(Value::as_array).into_iter().flatten();
    if entries.any(|entry| entry["tool"] == TOOL && entry["operation"] == SIMULATED) {
        return Ok(1.0);
    }
    let valid = dataset.mask.as_ref().map(Mask::good);
    let scans = dataset.scans.as_ref().map(|scans| &scans.of[..]);
    let found = Asking::new(between).during(|go_on| {
        noise::estimate_while(counts, &dataset.scan, valid, &Faults::default(), scans, go_on)
    })?;
    Ok(found.ok_or(StudyError::Stopped)?.gain)
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
/// the draws come from `seed`. The history of the data set tells a gain above 1.
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
    let mut counts = dataset.intensities()?;
    let gain = gain(&dataset, counts.view(), &mut || Ok(()))?;
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
    append_transformation(metadata, "lapwing thin", "binomial thinning", parameters);
    Ok(Thinned { dataset, from, mean_before, mean, scale, gain })
}
