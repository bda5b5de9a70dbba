//! How the patterns of a data set come about, as its metadata tell it.
//!
//! Entries of `physics_parameters`: `geometry`, and for near-field patterns `fresnel_number`, or
//! else wavelength, distance and pixels, and `moves`, the specimen or the probe;
//! `exposure_path_px` (place, (y, x)) for a probe that moves
//! during an exposure; `detector_blur_px`; `slices`, the number of slices of a thick object, with
//! `slice_fresnel_number`, or `slice_spacing_m`, wavelength and object pixel.

mod fly;
mod moved;
mod rescaled;
#[cfg(test)]
mod tests;
mod unknown;
mod words;

pub use fly::Fly;

use lapwing_model::Position;
use lapwing_model::forward::{Physics, Propagation, Slices};
use serde::Serialize;
use serde_json::{Value, json};

use crate::dialect::geometry::{self, record_pixel};
use crate::dialect::{FarFieldOptics, object_pixel};
use crate::metadata::{self, Metadata};
use crate::options::{Geometry, Moves, ReadOptions};

pub use unknown::UnknownPhysics;
pub use words::exposure_in_words;

pub(crate) use moved::move_motion;
pub(crate) use rescaled::{Rescaled, rescale};

pub(crate) const FRESNEL_NUMBER: &str = "fresnel_number";
const MOVES: &str = "moves";
const MOTION: &str = "exposure_path_px";
const BLUR: &str = "detector_blur_px";
const WAVELENGTH: &str = "wavelength_m";
const SLICES: &str = "slices";
const SLICE_SPACING: &str = "slice_spacing_m";
pub(crate) const SLICE_FRESNEL_NUMBER: &str = "slice_fresnel_number";

/// Beginning of what is told of a word on what moves in a far field; what to say follows.
const NOBODY_SEES: &str = "moves: makes no difference in a far field; of a near field say ";

/// What a user may say of how patterns come about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PhysicsOptions {
    /// Fresnel number of one object pixel, of near-field patterns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresnel_number: Option<f64>,
    /// What moves from pattern to pattern, of a near field; of a far field nobody sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves: Option<Moves>,
    /// How the probe moves during an exposure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fly: Option<Fly>,
    /// Standard deviation of the detector's point spread, pixels; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector_blur: Option<f64>,
    /// Number of slices of the object; 1 for a thin one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slices: Option<usize>,
    /// Fresnel number of one object pixel over the gap between two slices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice_fresnel_number: Option<f64>,
    /// The gap between two slices, metres; its Fresnel number, where that is given, takes
    /// precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice_spacing: Option<f64>,
}

impl PhysicsOptions {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `physics` with what is said here in its place, for positions `scan` in object pixels and
    /// with the `metadata` that tell wavelength and pixel, where a gap between slices is said in
    /// metres.
    ///
    /// # Errors
    /// Slices whose number or gap is not known, and pixels that are no squares where one Fresnel
    /// number serves both axes.
    pub fn applied(
        &self,
        physics: Physics,
        scan: &[Position],
        metadata: Option<&Metadata>,
    ) -> Result<Physics, UnknownPhysics> {
        let physics = Physics {
            propagation: match self.fresnel_number {
                Some(fresnel_number) => Propagation::NearField { fresnel_number },
                None => physics.propagation,
            },
            motion: match self.fly {
                Some(fly) => Physics::fly(fly.along(scan)?),
                None => physics.motion,
            },
            blur: self.detector_blur.unwrap_or(physics.blur),
            slices: self.slices_over(physics.slices, metadata)?,
            moves: self.moves.map_or(physics.moves, Into::into),
        };
        with_square_pixels(physics, metadata)
    }

    /// What is said here and makes no difference to patterns that are simulated by `physics`, in
    /// words that name `fresnel_number`, the option of it.
    pub fn without_effect(&self, physics: &Physics, fresnel_number: &str) -> Option<String> {
        let far = physics.propagation == Propagation::FarField;
        (far && self.moves.is_some()).then(|| format!("{NOBODY_SEES}{fresnel_number}, too"))
    }

    /// The slices of `before` with what is said here in its place.
    fn slices_over(
        &self,
        before: Option<Slices>,
        metadata: Option<&Metadata>,
    ) -> Result<Option<Slices>, UnknownPhysics> {
        let told = self.slice_fresnel_number.is_some() || self.slice_spacing.is_some();
        let count = self.slices.or(before.map(|before| before.count));
        let fresnel_number = match (self.slice_fresnel_number, self.slice_spacing) {
            (Some(said), _) => Some(said),
            (None, Some(spacing)) if count != Some(1) => Some(gap(metadata, spacing)?),
            _ => before.map(|before| before.fresnel_number),
        };
        settled(count, fresnel_number, told)
    }
}

/// Slices of which number and Fresnel number are known as far as they are; `told` is whether a gap
/// was told in some way.
fn settled(
    count: Option<usize>,
    fresnel_number: Option<f64>,
    told: bool,
) -> Result<Option<Slices>, UnknownPhysics> {
    match (count, fresnel_number) {
        (Some(1), _) => Ok(None),
        (Some(count), Some(fresnel_number)) => Ok(Some(Slices { count, fresnel_number })),
        (Some(_), None) => Err(UnknownPhysics::SliceGap),
        (None, _) if told => Err(UnknownPhysics::SliceCount),
        (None, _) => Ok(None),
    }
}

/// Fresnel number of one object pixel over a gap of `spacing` metres.
fn gap(metadata: Option<&Metadata>, spacing: f64) -> Result<f64, UnknownPhysics> {
    let pixel = metadata.and_then(object_pixel);
    let wavelength = metadata.and_then(|own| metadata::physics_parameter(own, WAVELENGTH));
    let missing = match (pixel, wavelength.filter(|&wavelength| wavelength > 0.0)) {
        (Some((dy, dx)), Some(wavelength)) => return Ok(dy * dx / (wavelength * spacing)),
        (Some(_), None) => "the wavelength",
        (None, Some(_)) => "the object pixel",
        (None, None) => "wavelength and object pixel",
    };
    Err(UnknownPhysics::SliceUnits { spacing, missing })
}

/// The wavelength and the object pixel that `options` tell, as metadata have them; `None` where
/// they tell neither.
///
/// # Errors
/// A beam that contradicts itself or is out of range.
pub fn units(options: &ReadOptions) -> Result<Option<Metadata>, UnknownPhysics> {
    if let Some(problem) = options.experiment.problems().into_iter().next() {
        return Err(UnknownPhysics::Beam(problem));
    }
    let wavelength = options.experiment.beam.wavelength();
    if wavelength.is_none() && options.pixel_size.is_none() {
        return Ok(None);
    }
    let mut metadata = Metadata::new();
    if let Some(wavelength) = wavelength {
        metadata::set_physics_parameter(&mut metadata, WAVELENGTH, wavelength);
    }
    if let Some(size) = options.pixel_size {
        record_pixel(&mut metadata, (size, size));
    }
    Ok(Some(metadata))
}

/// Physics of patterns of `shape` in a geometry, with these metadata.
pub(crate) fn of(
    geometry: Option<Geometry>,
    metadata: Option<&Metadata>,
    shape: (usize, usize),
) -> Result<Physics, UnknownPhysics> {
    let propagation = match geometry {
        Some(Geometry::NearField) => Propagation::NearField {
            fresnel_number: metadata
                .and_then(fresnel_number)
                .ok_or(UnknownPhysics::FresnelNumber)?,
        },
        Some(Geometry::FarField) | None => Propagation::FarField,
    };
    let entry = |name| metadata?.get("physics_parameters")?.get(name);
    let motion = match entry(MOTION) {
        None | Some(Value::Null) => Vec::new(),
        Some(places) => motion_of(places)
            .ok_or(UnknownPhysics::Entry(MOTION, "places [y, x] in object pixels"))?,
    };
    let blur = match entry(BLUR) {
        None | Some(Value::Null) => 0.0,
        Some(blur) => blur.as_f64().ok_or(UnknownPhysics::Entry(BLUR, "a number of pixels"))?,
    };
    let moves = match propagation {
        Propagation::FarField => Moves::Specimen,
        Propagation::NearField { .. } => moves_of(metadata)?,
    };
    let (slices, moves) = (slices_of(metadata)?, moves.into());
    let physics = Physics { propagation, motion, blur, slices, moves };
    physics.check(shape)?;
    with_square_pixels(physics, metadata)
}

/// `physics`, unless one Fresnel number is to serve both axes of pixels that are no squares, as
/// metadata tell them.
fn with_square_pixels(
    physics: Physics,
    metadata: Option<&Metadata>,
) -> Result<Physics, UnknownPhysics> {
    let one_number = physics.propagation != Propagation::FarField || physics.slices.is_some();
    match metadata.and_then(object_pixel) {
        Some((y, x)) if one_number && !is_square((y, x)) => Err(UnknownPhysics::Pixels(y, x)),
        _ => Ok(physics),
    }
}

/// Whether an object pixel is as high as wide, so that one Fresnel number serves both axes.
pub(crate) fn is_square((y, x): (f64, f64)) -> bool {
    /// How far the sides may differ, as a share.
    const CLOSE: f64 = 0.01;
    (y / x - 1.0).abs() <= CLOSE
}

/// What moves in a near field, as metadata tell it. Scans that Lapwing simulated before it told
/// this are of a probe that moves.
fn moves_of(metadata: Option<&Metadata>) -> Result<Moves, UnknownPhysics> {
    let Some(metadata) = metadata else { return Ok(Moves::Specimen) };
    let stated = metadata.get("physics_parameters").and_then(|of| of.get(MOVES));
    match stated.map(metadata::bare) {
        None | Some(Value::Null) if metadata::is_simulated(metadata) => Ok(Moves::Probe),
        None | Some(Value::Null) => Ok(Moves::Specimen),
        Some(word) => {
            let known = word.as_str().and_then(|word| word.parse().ok());
            known.ok_or(UnknownPhysics::Entry(MOVES, "specimen or probe"))
        }
    }
}

/// The slices that metadata tell.
fn slices_of(metadata: Option<&Metadata>) -> Result<Option<Slices>, UnknownPhysics> {
    let Some(metadata) = metadata else { return Ok(None) };
    let number = |name| metadata::physics_parameter(metadata, name);
    let whole = UnknownPhysics::Entry(SLICES, "a whole number above 0");
    let count = match number(SLICES) {
        None => None,
        Some(count) if count >= 1.0 && count.fract() == 0.0 && count < 1e9 => Some(count as usize),
        Some(_) => return Err(whole),
    };
    let fresnel_number = match (number(SLICE_FRESNEL_NUMBER), number(SLICE_SPACING)) {
        (None, Some(spacing)) if count.is_some_and(|count| count > 1) => {
            Some(gap(Some(metadata), spacing)?)
        }
        (stated, _) => stated,
    };
    settled(count, fresnel_number, false)
}

fn motion_of(places: &Value) -> Option<Vec<Position>> {
    let place = |place: &Value| match place.as_array()?.as_slice() {
        [y, x] => Some(Position { y: y.as_f64()?, x: x.as_f64()? }),
        _ => None,
    };
    places.as_array()?.iter().map(place).collect()
}

/// The Fresnel number of an object pixel as somebody has stated it, by itself or by the pixel's
/// size.
pub fn stated_fresnel_number(metadata: &Metadata) -> Option<f64> {
    metadata::physics_parameter(metadata, FRESNEL_NUMBER)
}

/// The Fresnel number of an object pixel dx: as it is stated, or dx p / (lambda z) for a detector
/// of pixels p at distance z. A parallel beam has dx = p; a cone beam magnifies by M = p / dx,
/// which brings the distance to z / M.
fn fresnel_number(metadata: &Metadata) -> Option<f64> {
    stated_fresnel_number(metadata).or_else(|| {
        let optics = FarFieldOptics::of(metadata)?;
        Some(optics.fresnel_number(object_pixel(metadata).unwrap_or(optics.pitch)))
    })
}

/// Writes into the metadata what `options` say, and what they were understood as into `notes`.
/// `geometry` becomes the near field where a Fresnel number is given; `pixel_is_said` where
/// somebody has said how large an object pixel is, which decides it, too. Patterns at the positions
/// `scan` are of a `shape`.
pub(crate) fn tell(
    options: PhysicsOptions,
    pixel_is_said: bool,
    geometry: &mut Option<Geometry>,
    metadata: &mut Option<Metadata>,
    (scan, shape): (&[Position], (usize, usize)),
    notes: &mut Vec<String>,
) -> Result<(), UnknownPhysics> {
    if let Some(number) = options.fresnel_number {
        *geometry = Some(Geometry::NearField);
        metadata::set_physics_parameter(metadata.get_or_insert_default(), FRESNEL_NUMBER, number);
    }
    let by_pixel = || fresnel_number(metadata.as_ref()?);
    if let (true, None, Some(Geometry::NearField)) =
        (pixel_is_said, options.fresnel_number, *geometry)
        && let Some(number) = by_pixel()
    {
        metadata::set_physics_parameter(metadata.get_or_insert_default(), FRESNEL_NUMBER, number);
    }
    if let (Some(Geometry::FarField), Some(metadata)) = (*geometry, metadata.as_mut()) {
        for name in [FRESNEL_NUMBER, MOVES] {
            metadata::remove_physics_parameter(metadata, name);
        }
    }
    match (options.moves, *geometry) {
        (Some(moves), Some(Geometry::NearField)) => {
            metadata::set_physics_parameter(metadata.get_or_insert_default(), MOVES, moves.name());
        }
        (Some(_), _) => notes.push(format!(
            "{NOBODY_SEES}--fresnel-number F, or --geometry near-field where wavelength, distance and \
             pixels are known"
        )),
        (None, _) => {}
    }
    if let Some(fly) = options.fly {
        let (y, x) = fly.along(scan)?;
        let motion = Physics::fly((y, x));
        let flown = Physics { motion, ..Physics::default() };
        flown.check(shape).map_err(|_| UnknownPhysics::LongWay(fly, (y, x), shape))?;
        let motion = flown.motion;
        notes.push(match motion.is_empty() {
            true => "fly scan: none, nothing moves during an exposure".to_owned(),
            false => format!("fly scan: each exposure along ({y:.2}, {x:.2}) px, (y, x)"),
        });
        record_motion(metadata.get_or_insert_default(), &motion);
    }
    if let Some(blur) = options.detector_blur {
        metadata::set_physics_parameter(metadata.get_or_insert_default(), BLUR, blur);
    }
    if let Some(count) = options.slices {
        metadata::set_physics_parameter(metadata.get_or_insert_default(), SLICES, count);
    }
    // What is said of the gap takes the place of what is stated, in whichever way.
    let gaps = [
        (SLICE_SPACING, options.slice_spacing),
        (SLICE_FRESNEL_NUMBER, options.slice_fresnel_number),
    ];
    if gaps.iter().any(|(_, said)| said.is_some()) {
        let metadata = metadata.get_or_insert_default();
        for (name, said) in gaps {
            metadata::set_physics_parameter(metadata, name, said.map_or(Value::Null, Value::from));
        }
    }
    Ok(())
}

/// Writes into the metadata what differs from the default physics, in place of what they state.
pub fn record(metadata: &mut Metadata, physics: &Physics) {
    for name in [MOVES, MOTION, BLUR, SLICES, SLICE_SPACING, SLICE_FRESNEL_NUMBER] {
        metadata::remove_physics_parameter(metadata, name);
    }
    match physics.propagation {
        Propagation::NearField { fresnel_number } => {
            geometry::state(metadata, Geometry::NearField);
            metadata::set_physics_parameter(metadata, FRESNEL_NUMBER, fresnel_number);
            let moves = Moves::from(physics.moves);
            metadata::set_physics_parameter(metadata, MOVES, moves.name());
        }
        Propagation::FarField if geometry::stated(metadata) == Some(Geometry::NearField) => {
            geometry::state(metadata, Geometry::FarField);
            metadata::remove_physics_parameter(metadata, FRESNEL_NUMBER);
        }
        Propagation::FarField => {}
    }
    if !physics.motion.is_empty() {
        record_motion(metadata, &physics.motion);
    }
    if physics.blur > 0.0 {
        metadata::set_physics_parameter(metadata, BLUR, physics.blur);
    }
    if let Some(Slices { count, fresnel_number }) = physics.slices {
        metadata::set_physics_parameter(metadata, SLICES, count);
        metadata::set_physics_parameter(metadata, SLICE_FRESNEL_NUMBER, fresnel_number);
    }
}

fn record_motion(metadata: &mut Metadata, motion: &[Position]) {
    let places: Vec<[f64; 2]> = motion.iter().map(|place| [place.y, place.x]).collect();
    metadata::set_physics_parameter(metadata, MOTION, json!(places));
}
