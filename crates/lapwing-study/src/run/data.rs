//! Data sets: simulated at a dose, and cut into train and test parts.

use crate::design::{Design, MAX_PATTERN_VALUES, Source};
use crate::geometry::place;
use crate::geometry::split::{Axis, Cut, Parts, Shared};
use crate::{DesignError, Result, StudyError};
use jiff::Timestamp;
use lapwing_files::dialect::{self, ReadOptions, read_base_as};
use lapwing_files::metadata::{
    append_transformation, nphotons, set_physics_parameter, stamp_transformation,
};
use lapwing_files::options::Geometry;
use lapwing_files::{Dataset, Mask, Metadata, physics};
use lapwing_model::forward::{Physics, Propagation};
use lapwing_model::{Complex32, Field, Modes, Position, Window, position, probe, scan, simulate};
use lapwing_solve::noise;
use ndarray::Array3;
use serde_json::{Value, json};
use std::path::Path;

/// Name of this program in the history of a data set.
pub(crate) const TOOL: &str = "lapwing";

/// What the history of a data set calls its simulation.
const SIMULATED: &str = "simulate";

/// Key of the metadata that says who made the file.
const CREATION: &str = "creation_info";

/// Key of the metadata that says what `objectGuess` is, where it is no truth.
pub(crate) const REFERENCE: &str = "reference";

/// What is looked at, with what, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The object, axes (y, x).
    pub object: Field,
    /// The probe, axes (mode, y, x).
    pub probe: Modes,
    /// Window centres on the object.
    pub scan: Vec<Position>,
    /// How its patterns come about.
    pub physics: Physics,
    /// What the base file says besides, which the simulated data keep (see [`kept_of_base`]).
    pub metadata: Option<Metadata>,
}

/// Entries of the metadata that hold for the selected positions of a view or split.
const OF_SELECTION: [&str; 10] = [
    "split",
    "overlap_view",
    "spacing_threshold",
    "source_file",
    "n_accepted",
    "n_rejected",
    "acceptance_rate",
    "selection_strategy",
    "geometry_acceptance_bound",
    "effective_min_acceptance",
];

/// What of a base file's metadata holds for data simulated from it: all but what its object was to
/// its own patterns and, on positions of another scan, how its own ones were selected.
pub fn kept_of_base(metadata: Option<Metadata>, own_positions: bool) -> Option<Metadata> {
    let mut kept = metadata?;
    kept.retain(|key, _| {
        key != REFERENCE && (own_positions || !OF_SELECTION.contains(&key.as_str()))
    });
    Some(kept)
}

/// Name of the array of ground-truth patches in a data set.
pub const PATCHES: &str = "Y";

/// Writes into the history of a data set when its last step was made. Not for the data of studies,
/// which are the same bits whenever they are made.
pub fn stamp(dataset: &mut Dataset) {
    if let Some(metadata) = &mut dataset.metadata {
        stamp_transformation(metadata, &Timestamp::now().to_string());
    }
}

impl Sample {
    /// The object, probe and scan of a design.
    pub fn of(design: &Design) -> Result<Self> {
        let side = design.study.pattern_size;
        let seed = design.seeds.simulation;
        let said = design.physics;
        match &design.source {
            Source::BuiltIn { specimen, probe, scan: wanted } => {
                let probe = probe.build((side, side)).map_err(DesignError::Probe)?;
                let [height, width] = wanted.field;
                let positions = scan::generate(wanted.kind, wanted.step, (height, width), seed)
                    .map_err(DesignError::Scan)?;
                let placement = place::on_new_object(&positions, (side, side))
                    .ok_or_else(|| StudyError::Invalid("the scan has no positions".to_owned()))?;
                let object = specimen.kind.make(placement.shape, seed);
                let scan = placement.place(&positions);
                let physics = said.applied(Physics::default(), &scan);
                Ok(Self { object, probe, scan, physics, metadata: None })
            }
            Source::Measured { base, .. } => Err(StudyError::Invalid(format!(
                "{}: a measured scan has no object and probe to simulate from",
                base.measured.display()
            ))),
            Source::Base { base, scan: wanted, probe, .. } => {
                let file = read_base_as(&base.file, &design.source.reading()?)?;
                let of_base = file.physics((side, side))?;
                let object = file.object;
                let probe = match probe {
                    Some(probe) => probe.build((side, side)).map_err(DesignError::Probe)?,
                    None => file.probe,
                };
                if probe.dim().1 != side || probe.dim().2 != side {
                    let found = format!(
                        "a probe of {} x {} in the base file",
                        probe.dim().1,
                        probe.dim().2
                    );
                    let expected = format!("the side of the base file's probe, not {side}");
                    return Err(DesignError::rule("study.pattern_size", expected, found).into());
                }
                let scan = match wanted {
                    None => file.scan.ok_or_else(|| {
                        let found = format!("no xcoords and ycoords in {}", base.file.display());
                        DesignError::rule(
                            "scan",
                            "a section [scan], or positions in the base file",
                            found,
                        )
                    })?,
                    Some(wanted) => {
                        let [height, width] = wanted.field;
                        let positions =
                            scan::generate(wanted.kind, wanted.step, (height, width), seed)
                                .map_err(DesignError::Scan)?;
                        place::in_the_middle(
                            &positions,
                            (height, width),
                            (side, side),
                            object.dim(),
                        )
                    }
                };
                check_size(scan.len(), side)?;
                let physics = said.applied(of_base, &scan);
                let metadata = kept_of_base(file.metadata, wanted.is_none());
                Ok(Self { object, probe, scan, physics, metadata })
            }
        }
    }

    /// `made`, the metadata of simulated data, and what the base file said besides.
    fn with_metadata_of_base(&self, made: Metadata) -> Metadata {
        let Some(mut all) = self.metadata.clone() else { return made };
        for (key, value) in made {
            match (all.get_mut(&key), value) {
                (Some(Value::Object(there)), Value::Object(new)) if key != CREATION => {
                    there.extend(new);
                }
                (_, value) => {
                    all.insert(key, value);
                }
            }
        }
        all
    }

    /// The object's patch under every pattern, axes (pattern, y, x): the ground truth of what a
    /// network predicts, `Y` of the data set. Windows lie on whole pixels, as in the forward model
    /// (see [`Window`]).
    pub fn patches(&self) -> Array3<Complex32> {
        let (_, height, width) = self.probe.dim();
        let mut patches = Array3::zeros((self.scan.len(), height, width));
        for (mut patch, position) in patches.outer_iter_mut().zip(&self.scan) {
            let window = Window::of(*position, (height, width));
            for ((y, x), value) in patch.indexed_iter_mut() {
                let row =
                    window.row.checked_add_unsigned(y).and_then(|row| usize::try_from(row).ok());
                let column =
                    window.column.checked_add_unsigned(x).and_then(|x| usize::try_from(x).ok());
                let pixel = row.zip(column).and_then(|place| self.object.get(place));
                *value = pixel.copied().unwrap_or_default();
            }
        }
        patches
    }

    /// The whole scan at a mean of `dose` photons per pattern, as a data set; the noise draws from
    /// `seed`.
    pub fn expose(&self, dose: u64, seed: u64) -> Result<Dataset> {
        let exposure = simulate::expose(
            &self.physics,
            self.object.view(),
            self.probe.view(),
            &self.scan,
            dose as f64,
            seed,
        )?;
        let scale = exposure.scale;
        let side = self.probe.dim().1;
        let metadata = json!({
            "schema_version": "1.0",
            "creation_info": { "tool": "lapwing", "version": env!("CARGO_PKG_VERSION") },
            "physics_parameters": {
                "nphotons": dose,
                "intensity_scale": scale,
                "mean_counts_per_pattern": exposure.mean_counts,
                "probe_diameter_px": probe::diameter(self.probe.view()),
                "N": side,
                "gridsize": 1,
            },
            "additional_parameters": {},
        });
        let mut metadata = self.with_metadata_of_base(object_of(metadata));
        physics::record(&mut metadata, &self.physics);
        append_transformation(
            &mut metadata,
            TOOL,
            SIMULATED,
            json!({ "dose": dose, "seed": seed }),
        );
        let mut diffraction = exposure.counts;
        diffraction.mapv_inplace(|counts| (f64::from(counts).sqrt() / scale) as f32);
        Ok(Dataset {
            diffraction,
            scan: self.scan.clone(),
            object: Some(self.object.clone()),
            probe: Some(self.probe.clone()),
            geometry: match self.physics.propagation {
                Propagation::FarField => None,
                Propagation::NearField { .. } => Some(Geometry::NearField),
            },
            metadata: Some(metadata),
            ..Dataset::default()
        })
    }
}

/// Refuses more patterns than any memory holds.
fn check_size(patterns: usize, side: usize) -> Result<()> {
    if patterns as f64 * (side * side) as f64 <= MAX_PATTERN_VALUES {
        return Ok(());
    }
    let expected = format!("at most {MAX_PATTERN_VALUES:.0} pixels in all patterns together");
    let found = format!("{patterns} positions with patterns of {side} x {side}");
    Err(DesignError::rule("base.file", expected, found).into())
}

/// Reads a data set of any dialect.
pub(crate) fn read(path: &Path) -> Result<Dataset> {
    Ok(dialect::read(path, &ReadOptions::default())?.0)
}

/// Diameter of the illuminated disc of a data set, pixels: the probe's, else 0.6 times the
/// pattern's side.
pub fn probe_diameter(dataset: &Dataset) -> f64 {
    let (_, height, width) = dataset.diffraction.dim();
    let measured =
        dataset.probe.as_ref().map(|probe| probe::diameter(probe.view())).filter(|d| *d > 0.0);
    measured.unwrap_or(0.6 * height.min(width) as f64)
}

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
            format!(
                "{} Thinned to {mean:.1} counts per pattern it is {:.2} here. {CLUMPED_REMEDY}",
                clumped(gain),
                self.gain_now()
            )
        })
    }
}

/// Variance over mean of the counts of a data set; 1 where Lapwing simulated them, for these are
/// photons.
pub(crate) fn gain(dataset: &Dataset, counts: &Array3<f32>) -> f64 {
    let history = dataset.metadata.as_ref().and_then(|all| all.get("data_transformations"));
    let mut entries = history.and_then(Value::as_array).into_iter().flatten();
    if entries.any(|entry| entry["tool"] == TOOL && entry["operation"] == SIMULATED) {
        return 1.0;
    }
    let valid = dataset.mask.as_ref().map(Mask::good);
    noise::estimate(counts.view(), &dataset.scan, valid.as_ref().map(|valid| valid.view())).gain
}

/// What thinning does to counts of a gain above 1.
pub(crate) fn clumped(gain: f64) -> String {
    format!(
        "the counts seem not to be single photons: their variance is estimated to be {gain:.2} \
         times their mean (gain {gain:.2}), as where a photon or electron makes several counts at \
         once. Thinning keeps or drops single counts, not whole photons: the dose is in counts, \
         not in photons, and the variance comes nearer to the mean than in an exposure of that \
         dose, where it would still be {gain:.2} times."
    )
}

/// What to do about it.
pub(crate) const CLUMPED_REMEDY: &str = "Thin data in which every photon or electron counts once, or call the dose one in counts; where \
     patterns of neighbouring positions differ much, the estimate is too high";

/// Thins the counts of a data set to a mean of `dose` photons per pattern (see [`simulate::thin`]);
/// the draws come from `seed`. The history of the data set tells a gain above 1.
///
/// # Errors
/// When the counts of the data set are not known, or the dose is not lower than its own.
pub fn thin(mut dataset: Dataset, dose: f64, seed: u64) -> Result<Thinned> {
    let (Some(mut counts), Some(scale)) = (dataset.counts(), dataset.intensity_scale()) else {
        let text = "the photon counts are not known: expected whole counts, or physics_parameters.nphotons and \
                    .intensity_scale in the metadata; simulated and measured counts can be thinned, bare amplitudes cannot";
        return Err(StudyError::Invalid(text.to_owned()));
    };
    let mean_before = dataset.mean_intensity();
    let gain = gain(&dataset, &counts);
    // The nominal dose where it is known: thinning 10,000 to 1,000 then keeps exactly a tenth.
    let from = dataset.metadata.as_ref().and_then(nphotons).unwrap_or(mean_before);
    let mean = simulate::thin(&mut counts, from, dose, seed)?;
    let scale = scale * (dose / from).sqrt();
    counts.mapv_inplace(|count| (f64::from(count).sqrt() / scale) as f32);
    dataset.diffraction = counts;
    let metadata = dataset.metadata.get_or_insert_default();
    set_physics_parameter(metadata, "nphotons", dose);
    set_physics_parameter(metadata, "intensity_scale", scale);
    set_physics_parameter(metadata, "mean_counts_per_pattern", mean);
    let mut parameters = json!({ "from": from, "dose": dose, "seed": seed });
    if gain > 1.0 {
        parameters["gain"] = json!(gain);
    }
    append_transformation(metadata, "lapwing thin", "binomial thinning", parameters);
    Ok(Thinned { dataset, from, mean_before, mean, scale, gain })
}

/// Both parts of a data set.
#[derive(Debug, Clone)]
pub struct SplitData {
    /// The part below the cut.
    pub train: Dataset,
    /// The other part.
    pub test: Dataset,
    /// Indices and cut.
    pub parts: Parts,
    /// What they have in common.
    pub shared: Shared,
}

/// Cuts a data set into train and test parts and says so in their metadata.
///
/// # Errors
/// When a part would be empty.
pub fn split(dataset: &Dataset, cut: &Cut) -> Result<SplitData> {
    let parts = cut.apply(&dataset.scan);
    if parts.train.is_empty() || parts.test.is_empty() {
        let (y0, y1, x0, x1) = position::bounding_box(&dataset.scan).unwrap_or_default();
        let (here, other) = match cut.axis {
            Axis::Y => ("y", "x"),
            Axis::X => ("x", "y"),
        };
        return Err(StudyError::Invalid(format!(
            "the split leaves {} train and {} test positions of {}: expected positions on both sides \
             of the cut at {here} = {:.1} px (guard band {} px), found them within y {y0:.1} to \
             {y1:.1} and x {x0:.1} to {x1:.1} px; cut along the other axis (--axis {other}), or \
             elsewhere (--fraction), or with a smaller guard band",
            parts.train.len(),
            parts.test.len(),
            dataset.scan.len(),
            parts.cut,
            cut.guard_band
        )));
    }
    let at = |indices: &[usize]| indices.iter().map(|&i| dataset.scan[i]).collect::<Vec<_>>();
    let shared = Shared::measure(&at(&parts.train), &at(&parts.test), probe_diameter(dataset));
    let part = |indices: &[usize], name: &str, shared: f64| {
        let mut part = dataset.select(indices);
        note_mean_counts(&mut part);
        let metadata = part.metadata.get_or_insert_default();
        let facts = json!({
            "part": name,
            "axis": cut.axis,
            "fraction": cut.fraction,
            "guard_band_px": cut.guard_band,
            "cut_px": parts.cut,
            "n_dropped": parts.dropped,
            "shared_fraction": shared,
            "mean_counts_per_pattern_of_scan": mean_counts(dataset),
        });
        metadata.insert("split".to_owned(), facts);
        append_transformation(metadata, TOOL, "split", json!({ "part": name, "n": indices.len() }));
        part
    };
    let train = part(&parts.train, "train", shared.train);
    let test = part(&parts.test, "test", shared.test);
    Ok(SplitData { train, test, parts, shared })
}

/// Mean counts of the patterns of a data set, when its dose scale is known.
pub fn mean_counts(dataset: &Dataset) -> Option<f64> {
    dataset.intensity_scale().map(|_| dataset.mean_intensity())
}

/// Writes the data set's own mean counts into its metadata, in place of those of the data set it
/// was taken from.
pub fn note_mean_counts(dataset: &mut Dataset) {
    let counts = mean_counts(dataset);
    if let (Some(counts), Some(metadata)) = (counts, &mut dataset.metadata) {
        set_physics_parameter(metadata, "mean_counts_per_pattern", counts);
    }
}

/// Mean counts per pattern of the scan that a split was cut from, as [`split`] wrote them.
pub(crate) fn mean_counts_of_scan(metadata: &Metadata) -> Option<f64> {
    metadata.get("split")?.get("mean_counts_per_pattern_of_scan")?.as_f64()
}

/// The share of this split's illuminated object that the other split sees too, as [`split`] wrote
/// it.
pub fn shared_fraction(metadata: Option<&Metadata>) -> Option<f64> {
    metadata?.get("split")?.get("shared_fraction")?.as_f64()
}

/// What `objectGuess` is when it is no truth but the reconstruction of all measured photons.
pub fn reference(metadata: Option<&Metadata>) -> Option<&str> {
    metadata?.get(REFERENCE)?.as_str()
}

fn object_of(value: Value) -> Metadata {
    match value {
        Value::Object(object) => object,
        _ => Metadata::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::metadata::physics_parameter;

    #[test]
    fn parts_and_views_tell_their_own_mean_counts() {
        // Pattern i holds 4 x 4 pixels of amplitude i + 1, and the scale is 2: 64 (i + 1)^2 counts.
        let metadata = json!({"physics_parameters":
            {"nphotons": 1, "intensity_scale": 2.0, "mean_counts_per_pattern": 5.0}});
        let whole = Dataset {
            diffraction: ndarray::Array3::from_shape_fn((6, 4, 4), |(i, _, _)| (i + 1) as f32),
            scan: (0..6).map(|i| Position { y: 10.0 * f64::from(i), x: 3.0 }).collect(),
            metadata: Some(object_of(metadata)),
            ..Dataset::default()
        };
        let told = |dataset: &Dataset| {
            physics_parameter(dataset.metadata.as_ref().unwrap(), "mean_counts_per_pattern")
        };
        let parts = split(&whole, &Cut::default()).unwrap();
        let mean = |patterns: &[i32]| {
            patterns.iter().map(|i| 64.0 * f64::from(i * i)).sum::<f64>() / patterns.len() as f64
        };
        assert_eq!(
            (told(&parts.train), told(&parts.test)),
            (Some(mean(&[1, 2, 3])), Some(mean(&[4, 5, 6])))
        );
        let of_scan = mean_counts_of_scan(parts.train.metadata.as_ref().unwrap());
        assert_eq!(of_scan, Some(mean(&[1, 2, 3, 4, 5, 6])));
        let acceptance =
            crate::geometry::selection::Acceptance { min_positions: 1, ..Default::default() };
        let made = crate::run::views::make(&parts.test, crate::View::Dense, 15.0, &acceptance, "x")
            .unwrap();
        let crate::run::views::Made::View(view, _) = made else { panic!("{made:?}") };
        assert_eq!((view.scan.len(), told(&view)), (2, Some(mean(&[4, 6]))));
    }

    #[test]
    fn patches_are_what_the_forward_model_sees_and_metadata_of_the_base_stay() {
        let object = Field::from_shape_fn((9, 8), |(y, x)| Complex32::new(y as f32, x as f32));
        let told = json!({"physics_parameters": {"pixel_size_m": 1e-8, "nphotons": 7},
            "mine": 1, "split": {"part": "train"}, "reference": "x",
            "data_transformations": [{"operation": "before"}]});
        let sample = |own| Sample {
            object: object.clone(),
            probe: Modes::from_elem((1, 4, 4), Complex32::new(1.0, 0.0)),
            scan: vec![Position { y: 2.0, x: 2.0 }, Position { y: 4.3, x: 3.8 }],
            physics: Physics::default(),
            metadata: kept_of_base(Some(object_of(told.clone())), own),
        };
        let patches = sample(true).patches();
        assert_eq!(patches[(0, 3, 1)], Complex32::new(3.0, 1.0));
        assert_eq!(patches[(1, 0, 0)], Complex32::new(2.0, 2.0));
        let kept = sample(true).expose(100, 1).unwrap().metadata.unwrap();
        assert_eq!((&kept["mine"], &kept["split"]["part"]), (&json!(1), &json!("train")));
        assert_eq!(kept["physics_parameters"]["pixel_size_m"], 1e-8);
        assert_eq!(kept["physics_parameters"]["nphotons"], 100);
        assert_eq!(kept["data_transformations"].as_array().unwrap().len(), 2);
        assert!(!kept.contains_key("reference"));
        let other = sample(false).expose(100, 1).unwrap().metadata.unwrap();
        assert!(!other.contains_key("split") && other["mine"] == 1);
    }

    #[test]
    fn a_base_with_absurdly_many_patterns_is_refused() {
        let design = Design::default();
        assert!(check_size(10_404, design.study.pattern_size).is_ok());
        let error = check_size(10_000_000, 8192).unwrap_err().to_string();
        assert!(error.contains("base.file") && error.contains("10000000"), "{error}");
    }
}
