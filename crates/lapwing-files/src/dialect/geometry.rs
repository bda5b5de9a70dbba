//! Far field and near field: object pixels from the optics, and what the patterns say themselves.
//!
//! In the far field (Fraunhofer diffraction; J. W. Goodman, *Introduction to Fourier Optics*,
//! section 4.3) the field on the detector is the Fourier transform of the exit wave at the spatial
//! frequencies X / (lambda z). A detector of N pixels of pitch p at distance z therefore samples an
//! object of pixel size d = lambda z / (N p).

use lapwing_model::fft::{Fft2, frequency};
use lapwing_model::{Complex32, Position, median};
use ndarray::{ArrayView3, Axis};

use crate::metadata::{self, Metadata};
use crate::options::Geometry;

/// Entry of `physics_parameters` that says how the detector sees the sample.
const GEOMETRY: &str = "geometry";

/// Entry of `physics_parameters`: height of an object pixel over its width.
pub(crate) const PIXEL_RATIO: &str = "pixel_height_over_width";

/// Planck's constant times the speed of light, J m (both exact in the SI).
pub(super) const H_C: f64 = 6.626_070_15e-34 * 299_792_458.0;

/// The elementary charge, C: joules per electronvolt (exact in the SI).
pub(super) const ELEMENTARY_CHARGE: f64 = 1.602_176_634e-19;

/// The optics of a far-field experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FarFieldOptics {
    /// Wavelength, metres.
    pub wavelength: f64,
    /// Distance from the sample to the detector, metres.
    pub distance: f64,
    /// Pixel pitch of the detector, metres, along (y, x).
    pub pitch: (f64, f64),
}

impl FarFieldOptics {
    /// Size of an object pixel along (y, x), metres, for patterns of `shape`: lambda z / (N p) on
    /// each axis.
    pub fn object_pixel(&self, (height, width): (usize, usize)) -> (f64, f64) {
        let along = |pitch: f64, n: usize| self.wavelength * self.distance / (n as f64 * pitch);
        (along(self.pitch.0, height), along(self.pitch.1, width))
    }

    /// These optics with pixels of the detector that make object pixels of (dy, dx), metres, along
    /// (y, x), for patterns of `shape`; unchanged where they do so already, to one part in a
    /// million.
    pub fn making(&self, (dy, dx): (f64, f64), shape: (usize, usize)) -> Self {
        let (y, x) = self.object_pixel(shape);
        let alike = |made: f64, wanted: f64| (made / wanted - 1.0).abs() <= 1e-6;
        if alike(y, dy) && alike(x, dx) {
            return *self;
        }
        Self { pitch: (self.pitch.0 * y / dy, self.pitch.1 * x / dx), ..*self }
    }

    /// These optics where they make this Fresnel number of object pixels (dy, dx), metres, by the
    /// magnification p / d; else the parallel beam that does, whose detector has the object's
    /// pixels, at d^2 / (lambda F).
    pub fn imaging(&self, fresnel_number: f64, (dy, dx): (f64, f64)) -> Self {
        let made = self.fresnel_number((dy, dx));
        if (made / fresnel_number - 1.0).abs() <= 1e-6 {
            return *self;
        }
        let distance = dy * dx / (self.wavelength * fresnel_number);
        Self { distance, pitch: (dy, dx), ..*self }
    }

    /// Fresnel number of object pixels (dy, dx), metres, in the near field: d p / (lambda z).
    pub(crate) fn fresnel_number(&self, (dy, dx): (f64, f64)) -> f64 {
        let (along_y, along_x) = (dy * self.pitch.0, dx * self.pitch.1);
        (along_y * along_x).sqrt() / (self.wavelength * self.distance)
    }

    /// Photon energy, electronvolts: h c / lambda.
    pub fn photon_energy_ev(&self) -> f64 {
        H_C / self.wavelength / ELEMENTARY_CHARGE
    }

    /// The optics in `physics_parameters` of metadata: `wavelength_m`, `distance_m`,
    /// `detector_pixel_size_y_m` and `detector_pixel_size_x_m`, as the readers of this crate put
    /// them there; `None` unless all are positive.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let positive =
            |name: &str| metadata::physics_parameter(metadata, name).filter(|&number| number > 0.0);
        Some(Self {
            wavelength: positive("wavelength_m")?,
            distance: positive("distance_m")?,
            pitch: detector_pixel(metadata)?,
        })
    }

    pub(crate) fn record(&self, metadata: &mut Metadata) {
        metadata::set_physics_parameter(metadata, "wavelength_m", self.wavelength);
        metadata::set_physics_parameter(metadata, "distance_m", self.distance);
        metadata::set_physics_parameter(metadata, "detector_pixel_size_y_m", self.pitch.0);
        metadata::set_physics_parameter(metadata, "detector_pixel_size_x_m", self.pitch.1);
    }
}

/// Writes the size of an object pixel into the metadata: `pixel_size_m` when it is square to one
/// part in a million, `pixel_size_y_m` and `pixel_size_x_m` otherwise; what they had of it before
/// goes.
pub(crate) fn record_pixel(metadata: &mut Metadata, (dy, dx): (f64, f64)) {
    forget(metadata, &["pixel_size_m", "pixel_size_y_m", "pixel_size_x_m"]);
    if (dy - dx).abs() <= 1e-6 * dx.abs() {
        metadata::set_physics_parameter(metadata, "pixel_size_m", dx);
    } else {
        metadata::set_physics_parameter(metadata, "pixel_size_y_m", dy);
        metadata::set_physics_parameter(metadata, "pixel_size_x_m", dx);
    }
}

/// Takes wavelength and object pixel alone as known, where distance and pixels of the detector are
/// there and make another pixel of patterns of `shape` than the one `said`; whether they do.
pub(crate) fn forget_detector(
    metadata: &mut Metadata,
    said: (f64, f64),
    shape: (usize, usize),
) -> bool {
    /// Numbers that differ by more than this share are no roundings of each other.
    const ROUNDED: f64 = 0.005;
    let Some((y, x)) = FarFieldOptics::of(metadata).map(|optics| optics.object_pixel(shape)) else {
        return false;
    };
    let apart = |made: f64, said: f64| (made / said - 1.0).abs() > ROUNDED;
    let other = apart(y, said.0) || apart(x, said.1);
    if other {
        let names = ["distance_m", "detector_pixel_size_y_m", "detector_pixel_size_x_m"];
        forget(metadata, &names);
    }
    other
}

/// Takes entries out of `physics_parameters`.
fn forget(metadata: &mut Metadata, names: &[&str]) {
    let parameters = metadata.get_mut("physics_parameters").and_then(|of| of.as_object_mut());
    if let Some(parameters) = parameters {
        names.iter().for_each(|name| {
            parameters.remove(*name);
        });
    }
}

/// The geometry that `physics_parameters` of metadata state.
pub(crate) fn stated(metadata: &Metadata) -> Option<Geometry> {
    metadata.get("physics_parameters")?.get(GEOMETRY)?.as_str()?.parse().ok()
}

/// Writes the geometry into the metadata.
pub(crate) fn state(metadata: &mut Metadata, geometry: Geometry) {
    metadata::set_physics_parameter(metadata, GEOMETRY, geometry.name());
}

/// Size of an object pixel along (y, x), metres, from `physics_parameters`: `pixel_size_m`, or
/// `pixel_size_y_m` and `pixel_size_x_m`; `None` when they are not there.
pub fn object_pixel(metadata: &Metadata) -> Option<(f64, f64)> {
    let positive =
        |name: &str| metadata::physics_parameter(metadata, name).filter(|&number| number > 0.0);
    match positive("pixel_size_m") {
        Some(both) => Some((both, both)),
        None => Some((positive("pixel_size_y_m")?, positive("pixel_size_x_m")?)),
    }
}

/// Sides (y, x) of an object pixel of unknown size, of which only the ratio counts, for patterns
/// that span (height, width) pixels of a `detector` with these sides, squares where nothing says
/// them: in the far field the inverse of the range of frequencies, in the near field (`near`) a
/// pixel's own.
pub(crate) fn relative_sides(
    detector: Option<(f64, f64)>,
    (height, width): (usize, usize),
    near: bool,
) -> (f64, f64) {
    let (y, x) = detector.unwrap_or((1.0, 1.0));
    match near {
        true => (y, x),
        false => (width as f64 * x, height as f64 * y),
    }
}

/// Sides (y, x) of an object pixel under patterns of `shape`, of which only the ratio counts: as
/// the metadata tell the pixel, and else as they tell pixels of the detector or that ratio; where
/// they do not, those of a detector of square pixels.
pub fn object_sides(metadata: Option<&Metadata>, shape: (usize, usize)) -> (f64, f64) {
    let near = metadata.and_then(stated) == Some(Geometry::NearField);
    let detector = metadata.and_then(detector_pixel);
    let of_detector = || relative_sides(detector, shape, near);
    let ratio = metadata.and_then(pixel_ratio).filter(|_| detector.is_none());
    let sides = || ratio.map_or_else(of_detector, |ratio| (ratio, 1.0));
    metadata.and_then(object_pixel).unwrap_or_else(sides)
}

/// Height of an object pixel over its width, where the metadata state that and no more of it.
pub(crate) fn pixel_ratio(metadata: &Metadata) -> Option<f64> {
    metadata::physics_parameter(metadata, PIXEL_RATIO).filter(|&ratio| ratio > 0.0)
}

/// States that the pixels of the object are squares, of patterns of `shape` where they would be
/// taken for something else because nothing says their sides.
pub fn state_square_pixels(metadata: &mut Option<Metadata>, shape: (usize, usize)) {
    let (y, x) = object_sides(metadata.as_ref(), shape);
    let own = metadata.as_ref();
    let sides = own.and_then(object_pixel).or_else(|| own.and_then(detector_pixel));
    let known = sides.is_some() || own.and_then(pixel_ratio).is_some();
    if y != x && !known {
        metadata::set_physics_parameter(metadata.get_or_insert_default(), PIXEL_RATIO, 1.0);
    }
}

/// Pitch of the detector along (y, x), metres, in `physics_parameters`.
pub(crate) fn detector_pixel(metadata: &Metadata) -> Option<(f64, f64)> {
    let positive =
        |name: &str| metadata::physics_parameter(metadata, name).filter(|&number| number > 0.0);
    Some((positive("detector_pixel_size_y_m")?, positive("detector_pixel_size_x_m")?))
}

/// Patterns looked at to tell the geometry.
const LOOKED_AT: usize = 32;
/// How many diameters of the illumination neighbouring positions must be apart to rule the far
/// field out.
const RULED_OUT: f64 = 2.0;

/// Diameter of the illumination (object pixels) as the patterns have it **if** they are far-field
/// patterns, and the median distance to the nearest position, when the two cannot belong to a
/// ptychographic scan.
///
/// The Fourier transform of a far-field intensity is the autocorrelation of the exit wave, whose
/// radius is the diameter of the illumination. A scan whose steps are more than twice that has no
/// overlap anywhere, so its patterns are most likely no far-field patterns: near-field images are
/// broad and smooth, which reads as a tiny illumination. It is a sign, no proof; noise makes the
/// measured diameter larger and so hides it.
pub(super) fn no_far_field(
    amplitude: ArrayView3<'_, f32>,
    scan: &[Position],
) -> Option<(f64, f64)> {
    let (n, height, width) = amplitude.dim();
    if n == 0 || scan.len() < n.max(4) || height < 8 || width < 8 {
        return None;
    }
    let diameter = illumination(amplitude);
    let step = median_step(scan)?;
    (step > RULED_OUT * diameter).then_some((diameter, step))
}

/// Units that positions in metres are mistaken for, and how many of them a metre has.
const OTHER_UNITS: [(&str, f64); 3] =
    [("millimetres", 1e3), ("micrometres", 1e6), ("nanometres", 1e9)];
/// Steps that a scan has, in diameters of its illumination.
const USUAL_STEPS: std::ops::RangeInclusive<f64> = 0.05..=1.0;

/// The unit in which steps of `step` object pixels, taken as metres, would be those of a far-field
/// scan with an illumination of `diameter`, and how many pixels they would be.
pub(super) fn likely_unit(diameter: f64, step: f64) -> Option<(&'static str, f64)> {
    let found = OTHER_UNITS.into_iter().map(|(unit, each)| (unit, step / each));
    found.into_iter().find(|(_, step)| USUAL_STEPS.contains(&(step / diameter)))
}

/// Diameter, in pixels of the detector, of the disc around the middle of the patterns that holds 99
/// % of their light.
pub(super) fn lit_width(amplitude: ArrayView3<'_, f32>) -> f64 {
    let (n, height, width) = amplitude.dim();
    let mut rings = vec![0.0_f64; height.max(width) + 1];
    let last = rings.len() - 1;
    for pick in 0..n.min(LOOKED_AT) {
        let pattern = amplitude.index_axis(Axis(0), pick * n / n.min(LOOKED_AT));
        for ((y, x), &a) in pattern.indexed_iter() {
            let (y, x) = (y as f64 - (height / 2) as f64, x as f64 - (width / 2) as f64);
            rings[(y.hypot(x) as usize).min(last)] += f64::from(a * a);
        }
    }
    let total: f64 = rings.iter().sum();
    let mut sum = 0.0;
    let radius = rings.iter().position(|ring| {
        sum += ring;
        sum >= 0.99 * total
    });
    2.0 * radius.unwrap_or(last) as f64
}

/// Radius, in pixels of the object, that holds 99 % of the power of the autocorrelation, averaged
/// over some patterns: a measure of the illumination's diameter.
pub(super) fn illumination(amplitude: ArrayView3<'_, f32>) -> f64 {
    let (n, height, width) = amplitude.dim();
    let transform = Fft2::new((height, width));
    let mut field = vec![Complex32::ZERO; transform.len()];
    let mut spectrum = field.clone();
    let mut scratch = vec![Complex32::ZERO; transform.scratch_len()];
    let mut power = vec![0.0_f64; transform.len()];
    let looked_at = n.min(LOOKED_AT);
    for pick in 0..looked_at {
        let pattern = amplitude.index_axis(Axis(0), pick * n / looked_at);
        for (value, &a) in field.iter_mut().zip(pattern.iter()) {
            *value = Complex32::from(a * a);
        }
        transform.forward(&mut field, &mut spectrum, &mut scratch);
        power
            .iter_mut()
            .zip(&spectrum)
            .for_each(|(sum, value)| *sum += f64::from(value.norm_sqr()));
    }
    // Noise is the same everywhere; most of the plane is outside the illumination.
    let mut sorted: Vec<f64> = power.iter().map(|p| p.sqrt()).collect();
    sorted.sort_by(f64::total_cmp);
    let floor = sorted[sorted.len() / 2];
    let mut rings: Vec<(f64, f64)> = Vec::with_capacity(power.len());
    for u_x in 0..width {
        let x = frequency(u_x, width) * width as f64;
        for u_y in 0..height {
            let y = frequency(u_y, height) * height as f64;
            let above = (power[u_x * height + u_y].sqrt() - floor).max(0.0);
            rings.push((x.hypot(y), above * above));
        }
    }
    rings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = rings.iter().map(|ring| ring.1).sum();
    let mut sum = 0.0;
    for (radius, part) in rings {
        sum += part;
        if sum >= 0.99 * total {
            return radius.max(1.0);
        }
    }
    1.0
}

/// Median over up to 256 positions of the distance to the nearest other position that is not the
/// same.
pub(super) fn median_step(scan: &[Position]) -> Option<f64> {
    let stride = scan.len().div_ceil(256);
    let nearest = scan.iter().step_by(stride).map(|a| {
        let distances = scan.iter().map(|b| (a.y - b.y).hypot(a.x - b.x));
        distances.filter(|&d| d > 0.0).fold(f64::INFINITY, f64::min)
    });
    median(nearest.filter(|distance| distance.is_finite()))
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn a_pixel_of_the_object_is_the_inverse_of_the_detectors_extent() {
        // 8 keV, 2 m, 256 pixels of 55 um: lambda = 1.5498 Angstrom.
        let wavelength = H_C / (8000.0 * ELEMENTARY_CHARGE);
        assert!((wavelength - 1.549_802_5e-10).abs() < 1e-16);
        let optics = FarFieldOptics { wavelength, distance: 2.0, pitch: (55e-6, 110e-6) };
        let (dy, dx) = optics.object_pixel((256, 256));
        assert!((dy - 1.549_802_5e-10 * 2.0 / (256.0 * 55e-6)).abs() < 1e-15);
        assert!((dx - dy / 2.0).abs() < 1e-18);
    }

    /// Far-field patterns of discs of 16 pixels, at steps of `step`.
    fn discs(step: f64) -> Option<(f64, f64)> {
        let size = 64;
        let transform = Fft2::new((size, size));
        let mut amplitude = Array3::zeros((9, size, size));
        for mut pattern in amplitude.outer_iter_mut() {
            let mut field = vec![Complex32::ZERO; size * size];
            for (index, value) in field.iter_mut().enumerate() {
                let (y, x) = ((index / size) as f64 - 32.0, (index % size) as f64 - 32.0);
                *value = Complex32::from(if y.hypot(x) < 8.0 { 1.0 } else { 0.0 });
            }
            let mut spectrum = field.clone();
            transform.forward(
                &mut field,
                &mut spectrum,
                &mut vec![Complex32::ZERO; transform.scratch_len()],
            );
            lapwing_model::fft::from_detector_order(&spectrum, &mut field, (size, size));
            pattern.iter_mut().zip(&field).for_each(|(a, z)| *a = z.norm());
        }
        let scan: Vec<_> = (0..9)
            .map(|index| Position {
                y: step * f64::from(index / 3),
                x: step * f64::from(index % 3),
            })
            .collect();
        assert!(
            (illumination(amplitude.view()) - 12.0).abs() < 5.0,
            "{}",
            illumination(amplitude.view())
        );
        no_far_field(amplitude.view(), &scan)
    }

    #[test]
    fn a_thousand_times_a_usual_step_is_another_unit() {
        assert_eq!(likely_unit(9.0, 4400.0), Some(("millimetres", 4.4)));
        assert_eq!(likely_unit(9.0, 4.4e9).map(|(unit, _)| unit), Some("nanometres"));
        assert_eq!(likely_unit(7.0, 50.0), None);
        let spot = Array3::from_shape_fn((3, 32, 32), |(_, y, x)| {
            f32::from(u8::from((y as f32 - 16.0).hypot(x as f32 - 16.0) < 6.0))
        });
        assert!((lit_width(spot.view()) - 10.0).abs() <= 2.0, "{}", lit_width(spot.view()));
    }

    #[test]
    fn steps_far_beyond_the_illumination_rule_the_far_field_out() {
        assert_eq!(discs(8.0), None);
        assert_eq!(discs(16.0), None);
        assert_eq!(discs(50.0).map(|(_, step)| step), Some(50.0));
    }
}
