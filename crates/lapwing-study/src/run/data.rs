//! Data sets: simulated at a dose, and cut into train and test parts.

use crate::design::{Design, MAX_PATTERN_VALUES, Source};
use crate::geometry::place;
use crate::geometry::split::{Axis, Cut, Parts, Shared};
use crate::run::stream::Streaming;
pub(crate) use crate::run::thinned::{CLUMPED_REMEDY, clumped, gain};
pub use crate::run::thinned::{Thinned, thin};
use crate::{DesignError, Result, StudyError};
use jiff::Timestamp;
use lapwing_files::dialect::{ReadOptions, read_base_as};
use lapwing_files::metadata::{append_transformation, set_physics_parameter, stamp_transformation};
use lapwing_files::options::Geometry;
use lapwing_files::{Dataset, Metadata, Patterns, Storage, patterns, physics};
use lapwing_model::forward::{Physics, Propagation};
use lapwing_model::simulate::{Exposed, Exposure};
use lapwing_model::{Complex32, Modes, Object, Position, Window, position, probe, scan, simulate};
use ndarray::Array3;
use serde_json::{Value, json};
use std::path::Path;

/// Name of this program in the history of a data set.
pub(crate) const TOOL: &str = "lapwing";

/// What the history of a data set calls its simulation.
pub(crate) const SIMULATED: &str = "simulate";

/// Key of the metadata that says who made the file.
const CREATION: &str = "creation_info";

/// Key of the metadata that says what `objectGuess` is, where it is no truth.
pub(crate) const REFERENCE: &str = "reference";

/// What is looked at, with what, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The object, of as many slices as the physics says.
    pub object: Object,
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

/// Name of the array of a thick object's slices in a data set, (slice, y, x), of which
/// `objectGuess` is the product.
pub use lapwing_files::dialect::OBJECT_SLICES as SLICES;

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
                let scan = placement.place(&positions);
                let physics = said.applied(Physics::default(), &scan, None)?;
                let slices = physics.slices.map_or(1, |slices| slices.count);
                let object = specimen.kind.make_slices(slices, placement.shape, seed);
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
                            object.shape(),
                        )
                    }
                };
                check_size(scan.len(), side)?;
                let physics = said.applied(of_base, &scan, file.metadata.as_ref())?;
                let metadata = kept_of_base(file.metadata, wanted.is_none());
                Ok(Self { object, probe, scan, physics, metadata })
            }
        }
    }

    /// Pixels of a pattern.
    pub fn pattern_pixels(&self) -> usize {
        self.probe.dim().1 * self.probe.dim().2
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

    /// The object's patch under every pattern, of all slices together, axes (pattern, y, x): the
    /// ground truth of what a network predicts, `Y` of the data set. Windows lie on whole pixels,
    /// as in the forward model (see [`Window`]).
    pub fn patches(&self) -> Array3<Complex32> {
        let object = self.object.projection();
        let (_, height, width) = self.probe.dim();
        let mut patches = Array3::zeros((self.scan.len(), height, width));
        for (mut patch, position) in patches.outer_iter_mut().zip(&self.scan) {
            let window = Window::of(*position, (height, width));
            for ((y, x), value) in patch.indexed_iter_mut() {
                let row =
                    window.row.checked_add_unsigned(y).and_then(|row| usize::try_from(row).ok());
                let column =
                    window.column.checked_add_unsigned(x).and_then(|x| usize::try_from(x).ok());
                let pixel = row.zip(column).and_then(|place| object.get(place));
                *value = pixel.copied().unwrap_or_default();
            }
        }
        patches
    }

    /// The whole scan at a mean of `dose` photons per pattern, as a data set; the noise draws from
    /// `seed`.
    ///
    /// # Errors
    /// When it cannot be simulated (see [`simulate::expose`]).
    pub fn expose(&self, dose: u64, seed: u64) -> Result<Dataset> {
        self.expose_into(dose, seed, &Storage::Memory)
    }

    /// [`expose`](Self::expose), the patterns kept in `storage`.
    ///
    /// # Errors
    /// As for [`expose`](Self::expose), and when there is no room for the patterns.
    pub fn expose_into(&self, dose: u64, seed: u64, storage: &Storage) -> Result<Dataset> {
        let (_, side, width) = self.probe.dim();
        let (physics, object, probe) = (&self.physics, &self.object, self.probe.view());
        let photons = dose as f64;
        let (mut diffraction, exposed) = match storage {
            Storage::Memory => {
                let Exposure { counts, scale, mean_counts } =
                    simulate::expose(physics, object, probe, &self.scan, photons, seed)?;
                (Patterns::from(counts), Exposed { scale, mean_counts })
            }
            Storage::Scratch(_) => {
                let shape = (self.scan.len(), side, width);
                let mut counts = patterns::make_in(storage, shape, |_, _| ())?;
                let onto = counts.view_mut();
                let exposed =
                    simulate::expose_onto(physics, object, probe, &self.scan, photons, seed, onto)?;
                (counts, exposed)
            }
        };
        let scale = exposed.scale;
        let metadata = json!({
            "schema_version": "1.0",
            "creation_info": { "tool": "lapwing", "version": env!("CARGO_PKG_VERSION") },
            "physics_parameters": {
                "nphotons": dose,
                "intensity_scale": scale,
                "mean_counts_per_pattern": exposed.mean_counts,
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
        diffraction.change(|counts| (f64::from(counts).sqrt() / scale) as f32);
        Ok(Dataset {
            diffraction,
            scan: self.scan.clone(),
            object: Some(self.object.projection()),
            probe: Some(self.probe.clone()),
            geometry: match self.physics.propagation {
                Propagation::FarField => None,
                Propagation::NearField { .. } => Some(Geometry::NearField),
            },
            metadata: Some(metadata),
            extras: match self.object.n_slices() {
                1 => Vec::new(),
                _ => vec![(SLICES.to_owned(), (&self.object.slices()).into())],
            },
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

/// Reads a data set of any dialect; what does not fit into memory is kept beside it.
pub(crate) fn read(path: &Path) -> Result<Dataset> {
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(Streaming::Auto.read(path, &ReadOptions::default(), folder)?.0)
}

/// Diameter of the illuminated disc of a data set, pixels: the probe's, else 0.6 times the
/// pattern's side.
pub fn probe_diameter(dataset: &Dataset) -> f64 {
    let (_, height, width) = dataset.diffraction.dim();
    let measured =
        dataset.probe.as_ref().map(|probe| probe::diameter(probe.view())).filter(|d| *d > 0.0);
    measured.unwrap_or(0.6 * height.min(width) as f64)
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
        let mut part = dataset.select(indices)?;
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
        Ok::<_, StudyError>(part)
    };
    let train = part(&parts.train, "train", shared.train)?;
    let test = part(&parts.test, "test", shared.test)?;
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
            diffraction: ndarray::Array3::from_shape_fn((6, 4, 4), |(i, _, _)| (i + 1) as f32)
                .into(),
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
        let object = lapwing_model::Field::from_shape_fn((9, 8), |(y, x)| {
            Complex32::new(y as f32, x as f32)
        });
        let told = json!({"physics_parameters": {"pixel_size_m": 1e-8, "nphotons": 7},
            "mine": 1, "split": {"part": "train"}, "reference": "x",
            "data_transformations": [{"operation": "before"}]});
        let sample = |own| Sample {
            object: object.clone().into(),
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
