//! The pinhole that is described, held against what the patterns say of the illumination.

use std::f32::consts::TAU;

use lapwing_model::fft::{Fft2, from_detector_order};
use lapwing_model::probe::Aperture;
use lapwing_model::{Complex32, Modes};
use ndarray::{Array3, Axis};

use super::geometry::illumination;
use crate::Dataset;
use crate::options::Geometry;
use crate::remarks::{Remark, What};

/// Diameters that differ by less than this factor may be the specimen's doing.
const OTHER: f64 = 1.5;

/// Photons in a pattern from which their noise makes no illumination look wider.
const PHOTONS: f64 = 300.0;
/// Specimens by which the widest autocorrelation of a probe is told.
const SPECIMENS: u64 = 8;

/// A remark on a pinhole that lights another area than the patterns show. What patterns show is the
/// autocorrelation of their exit waves: of a weak specimen that of the pinhole, of a strong one as
/// wide as all of the light. Both are measured of the probe described in the same way.
pub(super) fn look(dataset: &Dataset) -> Option<Remark> {
    let optics = dataset.optics?;
    let Aperture::Pinhole { diameter } = optics.lens.aperture else { return None };
    let shape = dataset.pattern_shape();
    let side = (shape.0 as f64 * optics.pixel.0).min(shape.1 as f64 * optics.pixel.1);
    if dataset.geometry == Some(Geometry::NearField) || shape.0.min(shape.1) < 16 || diameter > side
    {
        return None;
    }
    let probe = optics.probe(shape);
    let bare = illumination(far_field(&probe, &[None]).view());
    let specimens: Vec<Option<u64>> = (0..SPECIMENS).map(Some).collect();
    let strong = illumination(far_field(&probe, &specimens).view());
    let seen = illumination(dataset.diffraction.view());
    let ratio = seen / seen.clamp(bare.min(strong), bare.max(strong));
    let clean = dataset.intensity_scale().is_some() && dataset.mean_intensity() >= PHOTONS;
    (ratio < 1.0 / OTHER || (clean && ratio > OTHER)).then(|| {
        Remark::new(
            What::Contradiction,
            format!(
                "the patterns show an illumination about {:.1e} m wide, where the pinhole as described is \
                 {diameter:.2e} m",
                diameter * ratio
            ),
            "look at --pinhole-diameter-m, at --defocus-m, and at the wavelength, the distance and the \
             pixels of the detector, which make the scale",
        )
    })
}

/// Amplitudes of the far field of the first mode of a probe, axes (pattern, y, x), the zero
/// frequency in the centre: behind nothing, or behind specimens of random phases.
fn far_field(probe: &Modes, specimens: &[Option<u64>]) -> Array3<f32> {
    let (_, height, width) = probe.dim();
    let transform = Fft2::new((height, width));
    let mut scratch = vec![Complex32::ZERO; transform.scratch_len()];
    let mut spectrum = vec![Complex32::ZERO; transform.len()];
    let mut patterns = Array3::zeros((specimens.len(), height, width));
    for (mut pattern, specimen) in patterns.outer_iter_mut().zip(specimens) {
        let mut field: Vec<Complex32> = probe.index_axis(Axis(0), 0).iter().copied().collect();
        if let Some(number) = specimen {
            field.iter_mut().zip(0..).for_each(|(value, pixel)| {
                *value *= Complex32::cis(TAU * mixed(number << 32 | pixel));
            });
        }
        transform.forward(&mut field, &mut spectrum, &mut scratch);
        from_detector_order(&spectrum, &mut field, (height, width));
        pattern.iter_mut().zip(&field).for_each(|(amplitude, value)| *amplitude = value.norm());
    }
    patterns
}

/// A number in [0, 1) that looks random beside those of other `key`s: the mixing function of
/// SplitMix64.
fn mixed(key: u64) -> f32 {
    let mut bits = key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 40) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Form;
    use crate::experiment::ProbeOptics;
    use crate::options::{Quantity, ZeroFrequency};
    use lapwing_model::Position;
    use lapwing_model::probe::{Aberrations, Lens};

    fn optics(diameter: f64) -> ProbeOptics {
        let aperture = Aperture::Pinhole { diameter };
        let lens = Lens { wavelength: 1.5e-10, aperture, aberrations: Aberrations::default() };
        ProbeOptics { lens, pixel: (2e-8, 2e-8), says_defocus: false }
    }

    /// Whether a pinhole of `said` metres is told to be wrong for patterns of one of 0.3 um, of
    /// `photons` each, behind specimens of any phases, or of none.
    fn told(said: f64, photons: f64, strong: bool) -> bool {
        let specimens: Vec<_> = (0..9).map(|index| strong.then_some(100 + index)).collect();
        let amplitudes = far_field(&optics(3e-7).probe((64, 64)), &specimens);
        let share = |a: &f32| f64::from(*a).powi(2);
        let total: f64 = amplitudes.index_axis(Axis(0), 0).iter().map(share).sum();
        let counts = amplitudes.mapv(|a| (share(&a) / total * photons).round() as f32);
        let form = Form { quantity: Quantity::Counts, zero_frequency: ZeroFrequency::Centre };
        let at = |n: i32| Position { y: 40.0 + f64::from(n), x: 40.0 + f64::from(n % 3) };
        let scan = (0..9).map(at).collect();
        let mut dataset = Dataset::from_patterns(counts, form, scan, None, None, None).unwrap();
        dataset.optics = Some(optics(said));
        look(&dataset).is_some()
    }

    #[test]
    fn a_pinhole_of_another_size_is_told() {
        for strong in [false, true] {
            assert!(told(3e-7 * 0.4, 1e5, strong) && told(3e-7 * 2.5, 1e5, strong), "{strong}");
            for said in [0.75, 1.0, 1.3] {
                assert!(!told(3e-7 * said, 1e5, strong), "{strong} {said}");
            }
        }
        // Of few photons nobody can tell whether it is noise that is so wide.
        assert!(!told(3e-7 * 0.4, 50.0, false));
    }
}
