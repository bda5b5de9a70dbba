//! What is looked at, with what, and where: put together once for designs, the command line and
//! Python, and exposed.

use crate::design::{Design, MAX_PATTERN_VALUES, Radiation, Source};
use crate::geometry::place;
use crate::run::dataset::data::{REFERENCE, SIMULATED, START_PROBE, TOOL, object_of};
use crate::{DesignError, Result, StudyError};
use lapwing_files::dialect::{Base, object_sides, read_base_as, state_square_pixels};
use lapwing_files::metadata::{append_transformation, physics_parameter, set_physics_parameter};
use lapwing_files::options::Geometry;
use lapwing_files::physics::{PhysicsOptions, UnknownPhysics};
use lapwing_files::{Dataset, Metadata, ReadOptions, Storage, patterns, physics};
use lapwing_model::forward::{Physics, Propagation};
use lapwing_model::scan::Placement;
use lapwing_model::simulate::{Apparatus, Exposing};
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Modes, Object, Position, Window, probe, scan};
use ndarray::Array3;
use serde_json::{Value, json};

/// Key of the metadata that says who made the file.
const CREATION: &str = "creation_info";
/// Key of the metadata that holds wavelength, pixels and photons.
const PHYSICS: &str = "physics_parameters";

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
    /// What beam, detector and stage do besides.
    pub apparatus: Apparatus,
    /// What the base file says besides, which the simulated data keep.
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

/// What of a base file's metadata holds for data simulated from it: all but what its object and its
/// probe were to its own patterns and, on positions of another scan, how its own ones were
/// selected.
fn kept_of_base(metadata: Option<Metadata>, own_positions: bool) -> Option<Metadata> {
    let mut kept = metadata?;
    kept.retain(|key, _| {
        let of_measured = [REFERENCE, START_PROBE].contains(&key.as_str());
        !of_measured && (own_positions || !OF_SELECTION.contains(&key.as_str()))
    });
    Some(kept)
}

/// Name of the array of ground-truth patches in a data set.
pub const PATCHES: &str = "Y";

/// Names of the arrays (n) that hold where the patterns of simulated data were taken, (y, x), where
/// that is not what the positions tell.
pub const TRUE_PLACES: [&str; 2] = ["true_ycoords", "true_xcoords"];

/// Positions generated for the middle of an object that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Window centres within the field, (y, x) in pixels from its corner.
    pub positions: Vec<Position>,
    /// Height and width that they were made for, pixels.
    pub field: (f64, f64),
}

/// What is said of how patterns come about.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The physics.
    pub physics: PhysicsOptions,
    /// Wavelength and object pixel, where they are told, as metadata have them: a distance between
    /// slices in metres needs both.
    pub units: Option<Metadata>,
}

impl Said {
    /// As the options of reading say it of measured patterns.
    ///
    /// # Errors
    /// A beam that contradicts itself or is out of range.
    pub fn of(options: &ReadOptions) -> Result<Self, UnknownPhysics> {
        Ok(Self { physics: options.physics, units: physics::units(options)? })
    }

    /// `metadata` with the units that are told in the place of its own.
    fn over(&self, metadata: Option<Metadata>) -> Option<Metadata> {
        let Some(units) = &self.units else { return metadata };
        let mut all = metadata.unwrap_or_default();
        let told = units.get(PHYSICS).and_then(Value::as_object);
        for (name, value) in told.into_iter().flatten() {
            set_physics_parameter(&mut all, name, value.clone());
        }
        Some(all)
    }
}

impl Sample {
    /// `specimen` on the object of `placement`, which was made for `positions`, under `probe`;
    /// the slices are those of `said`, and random choices draw from `seed`.
    ///
    /// # Errors
    /// What `said` leaves open of the physics (see [`PhysicsOptions::applied`]).
    pub fn on_new_object(
        specimen: Specimen,
        probe: Modes,
        (positions, placement): (&[Position], &Placement),
        said: &Said,
        seed: u64,
    ) -> Result<Self, UnknownPhysics> {
        let scan = placement.place(positions);
        let mut metadata = said.over(None);
        let physics = said.physics.applied(Physics::default(), &scan, metadata.as_ref())?;
        square_pixels(&mut metadata, &physics, &probe);
        let slices = physics.slices.map_or(1, |slices| slices.count);
        let object = specimen.make_slices(slices, placement.shape, seed);
        Ok(Self { object, probe, scan, physics, apparatus: Apparatus::default(), metadata })
    }

    /// The object of `base`, with `probe` or its own one, at the positions `generated` or its own
    /// ones; `None` for a base without positions where none were generated.
    ///
    /// # Errors
    /// What `base` and `said` leave open of the physics.
    pub fn on_base(
        base: Base,
        probe: Option<Modes>,
        generated: Option<&Generated>,
        said: &Said,
    ) -> Result<Option<Self>, UnknownPhysics> {
        let probe_shape = |probe: &Modes| (probe.dim().1, probe.dim().2);
        let window = probe_shape(probe.as_ref().unwrap_or(&base.probe));
        // What is said of its pixels is of those of the base's own physics, too.
        let base = Base { metadata: said.over(base.metadata), ..base };
        let of_base = base.physics(window)?;
        let scan = match generated {
            Some(Generated { positions, field }) => {
                place::in_the_middle(positions, *field, window, base.object.shape())
            }
            None => match base.scan {
                Some(scan) => scan,
                None => return Ok(None),
            },
        };
        let told = base.metadata.as_ref();
        let physics = said.physics.applied(of_base, &scan, told)?;
        let stated = told.and_then(|told| physics_parameter(told, "slices"));
        let thin = said.physics.slices.is_some() || stated.is_some();
        let metadata = kept_of_base(base.metadata, generated.is_none());
        let probe = probe.unwrap_or(base.probe);
        let apparatus = Apparatus::default();
        let object = match (base.object.n_slices(), physics.slices.map_or(1, |of| of.count)) {
            (has, wanted) if has == wanted => base.object,
            // A thin one that was asked for has what a thick one is in projection.
            (_, 1) if thin => Object::thin(base.object.projection()),
            (_, 1) => return Err(UnknownPhysics::SliceGap),
            (has, said) => return Err(UnknownPhysics::ObjectSlices { has, said }),
        };
        Ok(Some(Self { object, probe, scan, physics, apparatus, metadata }))
    }

    /// The object, probe and scan of a design.
    ///
    /// # Errors
    /// A base file that cannot be read, and a probe or a scan that cannot be made of it.
    pub fn of(design: &Design) -> Result<Self> {
        Self::made(design).map_err(|error| design.source.in_keys(error))
    }

    fn made(design: &Design) -> Result<Self> {
        let side = design.study.pattern_size;
        let seed = design.seeds.simulation;
        let mut said = Said { physics: design.physics, units: None };
        match &design.source {
            Source::BuiltIn { specimen, probe, scan: wanted } => {
                let probe = probe.build((side, side)).map_err(DesignError::Probe)?;
                let [height, width] = wanted.field;
                let positions = scan::generate(wanted.kind, wanted.step, (height, width), seed)
                    .map_err(DesignError::Scan)?;
                let around = design.apparatus.extent(&positions);
                let placement = place::on_new_object(&around, (side, side))
                    .ok_or_else(|| StudyError::Invalid(
                        "scan: expected positions on an object of at most 2^30 pixels, found none, or \
                         a field of view that is larger".to_owned(),
                    ))?;
                let placed = (positions.as_slice(), &placement);
                said.units = specimen.pixel_size_m.map(|size| {
                    let mut told = object_of(json!({ PHYSICS: { "pixel_size_m": size } }));
                    // A distance between slices needs it.
                    let beam = design.radiation.as_ref().and_then(Radiation::wavelength);
                    if let (Some(wavelength), Some(_)) = (beam, said.physics.slice_spacing) {
                        set_physics_parameter(&mut told, "wavelength_m", wavelength);
                    }
                    told
                });
                let made = Self::on_new_object(specimen.kind, probe, placed, &said, seed)?;
                Ok(Self { apparatus: design.apparatus, ..made })
            }
            Source::Measured { base, .. } => Err(StudyError::Invalid(format!(
                "{}: a measured scan has no object and probe to simulate from",
                base.measured.display()
            ))),
            Source::Base { base, scan: wanted, probe, .. } => {
                let file = read_base_as(&base.file, &design.source.reading()?)?;
                let probe = match probe {
                    Some(probe) => Some(probe.build((side, side)).map_err(DesignError::Probe)?),
                    None => None,
                };
                let (_, height, width) = probe.as_ref().unwrap_or(&file.probe).dim();
                if (height, width) != (side, side) {
                    let found = format!("a probe of {height} x {width} in the base file");
                    let expected = format!("the side of the base file's probe, not {side}");
                    return Err(DesignError::rule("study.pattern_size", expected, found).into());
                }
                let generated = match wanted {
                    Some(wanted) => {
                        let field = wanted.field.into();
                        let positions = scan::generate(wanted.kind, wanted.step, field, seed)
                            .map_err(DesignError::Scan)?;
                        Some(Generated { positions, field })
                    }
                    None => None,
                };
                let sample = Self::on_base(file, probe, generated.as_ref(), &said)?;
                let sample = sample.ok_or_else(|| {
                    let found = format!("no xcoords and ycoords in {}", base.file.display());
                    let expected = "a section [scan], or positions in the base file";
                    DesignError::rule("scan", expected, found)
                })?;
                check_size(sample.scan.len(), side)?;
                Ok(Self { apparatus: design.apparatus, ..sample })
            }
        }
    }

    /// Pixels of a pattern.
    pub fn pattern_pixels(&self) -> usize {
        self.probe.dim().1 * self.probe.dim().2
    }

    /// Sides (y, x) of an object pixel, of which only the ratio counts: as the metadata tell them,
    /// and squares where they do not.
    fn sides(&self) -> (f64, f64) {
        let mut metadata = self.metadata.clone();
        square_pixels(&mut metadata, &self.physics, &self.probe);
        match self.physics.propagation {
            Propagation::FarField => {
                object_sides(metadata.as_ref(), (self.probe.dim().1, self.probe.dim().2))
            }
            // Its model has one Fresnel number for both sides.
            Propagation::NearField { .. } => (1.0, 1.0),
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

    /// The object's patch under every pattern, of all slices together, axes (pattern, y, x): the
    /// ground truth of what a network predicts, `Y` of the data set. Windows lie on whole pixels,
    /// as in the forward model (see [`Window`]), where the patterns of `seed` are taken.
    pub fn patches(&self, seed: u64) -> Array3<Complex32> {
        let object = self.object.projection();
        let (_, height, width) = self.probe.dim();
        let mut patches = Array3::zeros((self.scan.len(), height, width));
        let places = self.apparatus.places(&self.scan, self.sides(), seed);
        let places = places.as_ref().unwrap_or(&self.scan);
        for (mut patch, position) in patches.outer_iter_mut().zip(places) {
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
    /// When it cannot be simulated (see [`Exposing::onto`]).
    pub fn expose(&self, dose: u64, seed: u64) -> Result<Dataset> {
        self.expose_into(dose, seed, &Storage::Memory)
    }

    /// [`expose`](Self::expose), the patterns kept in `storage`.
    ///
    /// # Errors
    /// As for [`expose`](Self::expose), and when there is no room for the patterns.
    pub fn expose_into(&self, dose: u64, seed: u64, storage: &Storage) -> Result<Dataset> {
        let object = Some(self.object.clone());
        Ok(Dataset { object, ..self.exposed(dose, seed, storage)? })
    }

    /// [`expose_into`](Self::expose_into) of a sample that is no longer needed, whose object the
    /// data set takes over.
    ///
    /// # Errors
    /// As for [`expose_into`](Self::expose_into).
    pub fn into_exposed(self, dose: u64, seed: u64, storage: &Storage) -> Result<Dataset> {
        let dataset = self.exposed(dose, seed, storage)?;
        Ok(Dataset { object: Some(self.object), ..dataset })
    }

    /// The data set without its object.
    fn exposed(&self, dose: u64, seed: u64, storage: &Storage) -> Result<Dataset> {
        let (_, side, width) = self.probe.dim();
        let mut diffraction =
            patterns::make_in(storage, (self.scan.len(), side, width), |_, _| ())?;
        let Self { physics, apparatus, object, .. } = self;
        let sides = self.sides();
        let exposing = Exposing { physics, apparatus, sides, dose: dose as f64, seed };
        let onto = diffraction.view_mut();
        let exposed = exposing.onto(object, self.probe.view(), &self.scan, onto)?;
        let scale = exposed.scale;
        let places = self.apparatus.places(&self.scan, self.sides(), seed);
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
        let mut metadata = Some(self.with_metadata_of_base(object_of(metadata)));
        if places.is_some() {
            // The stage turns, shears and stretches as if they were.
            square_pixels(&mut metadata, &self.physics, &self.probe);
        }
        let mut metadata = metadata.unwrap_or_default();
        physics::record(&mut metadata, &self.physics);
        let mut parameters = json!({ "dose": dose, "seed": seed });
        if !self.apparatus.is_ideal() {
            parameters["apparatus"] = json!(self.apparatus);
        }
        append_transformation(&mut metadata, TOOL, SIMULATED, parameters);
        diffraction.change(|counts| (f64::from(counts).sqrt() / scale) as f32);
        let mut extras = Vec::new();
        if let Some(places) = places {
            let along = |of: fn(&Position) -> f64| -> Vec<f64> { places.iter().map(of).collect() };
            for (name, values) in TRUE_PLACES.into_iter().zip([along(|at| at.y), along(|at| at.x)])
            {
                extras.push((name.to_owned(), values.into()));
            }
        }
        Ok(Dataset {
            extras,
            diffraction,
            scan: self.scan.clone(),
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

/// States that the pixels of an object are squares, where patterns of another shape would say
/// something else; those of images are the detector's.
fn square_pixels(metadata: &mut Option<Metadata>, physics: &Physics, probe: &Modes) {
    if physics.propagation == Propagation::FarField {
        state_square_pixels(metadata, (probe.dim().1, probe.dim().2));
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

#[cfg(test)]
mod tests;
