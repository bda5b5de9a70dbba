//! The probe that a reconstruction starts from: the file's, that of the optics, or one made of the
//! patterns.

use crate::design::solver::ProbeStart;
use crate::geometry::grid::grid_of;
use crate::run::dataset::data::{self, sound_intensities};
use crate::run::solve::asking::{Asking, Between};
use crate::run::solve::trial;
use crate::{Result, StudyError};
use lapwing_files::dialect::object_sides;
use lapwing_files::experiment::ProbeOptics;
use lapwing_files::{Dataset, metadata};
use lapwing_model::forward::{Physics, Propagation};
use lapwing_model::probe::{Aberrations, Aperture, perturb};
use lapwing_model::{Complex32, ForwardModel, Modes};
use lapwing_solve::calibrate::{self, CalibrateError, Curvature, Disc};
use ndarray::{ArrayView3, Axis};

/// Defocus that [`perturbed`] adds, radians at the edge of the probe's aperture.
pub const DEFOCUS: f64 = 1.0;

/// Astigmatism that [`perturbed`] adds, radians there.
pub const ASTIGMATISM: f64 = 0.3;

/// A start probe, and where it comes from.
#[derive(Debug, Clone)]
pub struct StartProbe {
    /// Axes (mode, y, x), in the unit of the amplitudes.
    pub modes: Modes,
    /// Where it comes from, in words.
    pub told: String,
    /// Whether it is the data set's own as it is there.
    pub is_files: bool,
}

impl StartProbe {
    /// One that was made.
    fn made(modes: Modes, told: impl Into<String>) -> Self {
        Self { modes, told: told.into(), is_files: false }
    }
}

/// Whether it is the experiment of `dataset` that asks for a start probe as `asked` does.
pub(crate) fn is_of_experiment(dataset: &Dataset, asked: ProbeStart) -> bool {
    asked != ProbeStart::Auto && dataset.probe_from.map(ProbeStart::of_experiment) == Some(asked)
}

/// Who asks for a start probe, by the name of the option that the user gave.
pub(crate) fn asked_by(dataset: &Dataset, asked: ProbeStart) -> String {
    let word = asked.name();
    match is_of_experiment(dataset, asked) {
        true => format!("from = \"{word}\" ([probe] of the experiment)"),
        false => format!("probe_start = \"{word}\""),
    }
}

/// The start probe of a data set as `which` asks for it. Where it leaves that open: as the
/// experiment says, else the file's where there is one, else that of the optics where they are
/// described, else one made of the patterns. `between` is called some ten times a second while one
/// is made of them, and may stop it by an error.
///
/// # Errors
/// When there is none of the kind asked for, or the patterns do not show the pupil of the optics;
/// what `between` returns.
pub fn start_probe(
    dataset: &Dataset,
    which: ProbeStart,
    between: &mut dyn FnMut() -> Result<()>,
) -> Result<StartProbe> {
    let asked = which.or_of_experiment(dataset.probe_from);
    let mut start = probe_of(dataset, asked, between)?;
    if is_of_experiment(dataset, asked) {
        start.told.push_str(", as the experiment says");
    }
    Ok(start)
}

/// The start probe of a data set, whatever its experiment says.
fn probe_of(dataset: &Dataset, which: ProbeStart, between: Between<'_>) -> Result<StartProbe> {
    let of_file = || {
        dataset.probe.clone().map(sizable).ok_or_else(|| {
            let by = if which == ProbeStart::Auto {
                String::new()
            } else {
                format!("{}: ", asked_by(dataset, which))
            };
            let or = match is_of_experiment(dataset, which) {
                true => "from = \"auto\"",
                false => "--probe-start auto",
            };
            StudyError::Invalid(format!(
                "{by}the data set has no probe: expected the array probeGuess as a start probe, or \
                 --companion FILE, or a probe that is made ({or})"
            ))
        })
    };
    let made = data::made_probe(dataset.metadata.as_ref());
    match which {
        ProbeStart::File => Ok(StartProbe {
            modes: of_file()?,
            told: made.unwrap_or("the file's").to_owned(),
            is_files: true,
        }),
        ProbeStart::Perturbed => Ok(StartProbe::made(
            perturbed(&of_file()?),
            match made {
                Some(made) => format!("perturbed (one {made}, out of focus and astigmatic)"),
                None => "perturbed (the file's out of focus and astigmatic)".to_owned(),
            },
        )),
        ProbeStart::Optics => match &dataset.optics {
            Some(optics) => of_optics(dataset, optics, between),
            None => Err(StudyError::Invalid(format!(
                "{}: no optics are described; expected an aperture (--semi-angle-mrad, \
                 --numerical-aperture, --outermost-zone-m or --pinhole-diameter-m) with beam and \
                 detector, or an experiment file with them",
                asked_by(dataset, which)
            ))),
        },
        ProbeStart::Patterns => of_patterns(dataset, between),
        ProbeStart::Auto => match (&dataset.probe, &dataset.optics) {
            (Some(_), None) => probe_of(dataset, ProbeStart::File, between),
            (Some(_), Some(_)) => {
                let mut start = probe_of(dataset, ProbeStart::File, between)?;
                start.told.push_str(", not that of the optics (--probe-start optics)");
                Ok(start)
            }
            (None, Some(optics)) => of_optics(dataset, optics, between),
            (None, None) => of_patterns(dataset, between),
        },
    }
}

/// A probe as an experiment would know it: out of focus and astigmatic, see
/// [`lapwing_model::probe::perturb`].
pub fn perturbed(probe: &Modes) -> Modes {
    perturb(probe.view(), DEFOCUS, ASTIGMATISM)
}

/// Share by which the disc of the patterns may differ from that of the optics without a word.
const FAR_OFF: f64 = 0.2;

/// The curvature of the probe as the patterns have it; the outer error is that of `between`.
fn seen(
    dataset: &Dataset,
    intensity: ArrayView3<'_, f32>,
    between: Between<'_>,
) -> Result<Result<Curvature>> {
    let found = Asking::new(between).during(|go_on| {
        calibrate::curvature_while(intensity, &dataset.scan, sides(dataset), go_on)
    })?;
    Ok(found.map_err(|error| {
        StudyError::Invalid(format!(
            "there is no start probe, and none can be made: {error}; give one (--companion FILE) or \
             describe the optics (--semi-angle-mrad and --defocus-m, or --pinhole-diameter-m)"
        ))
    }))
}

/// The wavelength that the metadata tell, metres.
pub(crate) fn wavelength(dataset: &Dataset) -> Option<f64> {
    let known = dataset.metadata.as_ref()?;
    metadata::physics_parameter(known, "wavelength_m").filter(|&length| length > 0.0)
}

/// Sides (y, x) of an object pixel, of which only the ratio counts.
pub(crate) fn sides(dataset: &Dataset) -> (f64, f64) {
    object_sides(dataset.metadata.as_ref(), dataset.pattern_shape())
}

/// Side of an object pixel, metres: the mean of both axes.
pub(crate) fn pixel(dataset: &Dataset) -> Option<f64> {
    let (y, x) = lapwing_files::dialect::object_pixel(dataset.metadata.as_ref()?)?;
    Some((y * x).sqrt())
}

/// Metres of defocus for each pixel squared of curvature, where the scales are known.
pub(crate) fn in_metres(dataset: &Dataset) -> Option<f64> {
    Some(pixel(dataset)?.powi(2) / wavelength(dataset)?)
}

/// The defocus of a curvature in words, with its deviation where the scan's halves tell one.
fn told_defocus(dataset: &Dataset, found: &Curvature) -> String {
    let known = found.curvature_sd.is_finite();
    let deviation = |text: String| if known { format!(" +- {text}") } else { String::new() };
    match in_metres(dataset) {
        Some(metres) => {
            let sd = deviation(format!("{:.1e}", found.curvature_sd * metres));
            format!("defocus {:.3e}{sd} m", found.curvature * metres)
        }
        None => {
            let sd = deviation(format!("{:.1}", found.curvature_sd));
            format!("defocus {:.1}{sd} px^2", found.curvature)
        }
    }
}

/// The square root of the mean pattern, propagated back to the specimen.
fn of_images(dataset: &Dataset, physics: Physics) -> Result<StartProbe> {
    let model = ForwardModel::with_physics(dataset.pattern_shape(), physics)
        .map_err(|error| StudyError::Invalid(error.to_string()))?;
    let mean = sound_intensities(dataset)?.view().mean_axis(Axis(0));
    let mean = mean.ok_or_else(|| StudyError::Invalid("a scan without patterns".to_owned()))?;
    let mut arrived: Vec<Complex32> =
        mean.iter().map(|&value| Complex32::from(value.max(0.0).sqrt())).collect();
    let mut probe = arrived.clone();
    model.back_propagate(&mut arrived, None, &mut probe, &mut model.workspace());
    let (height, width) = model.shape();
    let modes = Modes::from_shape_vec((1, height, width), probe);
    let modes = modes.expect("a wave has the shape of a pattern");
    let told = "made from the mean pattern, propagated back to the specimen".to_owned();
    Ok(StartProbe::made(powered(modes, dataset), told))
}

/// Width of the probe of the largest curvature, as a share of the window's shorter side.
const WIDEST: f64 = 0.35;

/// Radius of the bright disc, pixels, below which its parts are too few to shift against each
/// other.
const SPOT: f64 = 3.0;

/// A probe of patterns without a disc: the pupil is what there is, the curvature that by which
/// short fits predict the patterns best.
fn of_spot(
    dataset: &Dataset,
    intensity: ArrayView3<'_, f32>,
    between: Between<'_>,
) -> Result<StartProbe> {
    let mean = calibrate::mean(intensity);
    let (height, width) = mean.dim();
    let sides = sides(dataset);
    let ratio = (sides.0 / sides.1).sqrt();
    let window = (height as f64 * ratio, width as f64 / ratio);
    // Root mean square frequency of the light's amplitude, cycles per pixel.
    let (mut sum, mut weight) = (0.0, 0.0);
    for ((y, x), &value) in mean.indexed_iter() {
        let (y, x) = (y as f64 - (height / 2) as f64, x as f64 - (width / 2) as f64);
        let (y, x) = (y / window.0, x / window.1);
        sum += value * (y * y + x * x);
        weight += value;
    }
    let edge = (sum / weight).sqrt().max(0.5 / window.0.max(window.1));
    let most = WIDEST * window.0.min(window.1) / edge;
    let made = |curvature: f64| -> Result<Modes> {
        let modes = calibrate::probe(intensity, curvature, (0.0, 0.0), sides);
        let modes = modes.map_err(|error| StudyError::Invalid(error.to_string()))?;
        Ok(powered(modes, dataset))
    };
    let (curvature, loss, flat) = trial::curvature(dataset, most, &made, between)?;
    let defocus = match in_metres(dataset) {
        Some(metres) => format!("defocus {:.3e} m", curvature * metres),
        None => format!("defocus {curvature:.1} px^2"),
    };
    let told = format!(
        "made from the patterns (their light as pupil, {defocus} by short fits, loss per held-out pixel \
         {loss:.4} for {flat:.4} in focus)"
    );
    // Short fits weigh counts; the start is in the unit of the amplitudes.
    Ok(StartProbe::made(made(curvature)?, told))
}

fn of_patterns(dataset: &Dataset, between: Between<'_>) -> Result<StartProbe> {
    // Of positions that no object holds, no search is begun.
    grid_of(&dataset.scan, dataset.pattern_shape())?;
    let physics = dataset.physics()?;
    if physics.propagation != Propagation::FarField {
        return of_images(dataset, physics);
    }
    between()?;
    let intensity = sound_intensities(dataset)?;
    between()?;
    let disc = Disc::of(calibrate::mean(intensity.view()).view());
    let small = disc.as_ref().is_ok_and(|disc| disc.radius < SPOT);
    if small || matches!(disc, Err(CalibrateError::NoDisc { .. })) {
        return of_spot(dataset, intensity.view(), between);
    }
    let found = seen(dataset, intensity.view(), between)??;
    let (size, sides) = (found.curvature, sides(dataset));
    let modes = calibrate::probe(intensity.view(), size, found.astigmatism, sides);
    let modes = modes.map_err(|error| StudyError::Invalid(error.to_string()))?;
    let told = format!(
        "made from the patterns (bright disc of {:.1} px radius, {}, agreement {:.2} for {:.2} in \
         focus)",
        found.disc.radius,
        told_defocus(dataset, &found),
        found.agreement,
        found.flat
    );
    Ok(StartProbe::made(powered(modes, dataset), told))
}

fn of_optics(dataset: &Dataset, optics: &ProbeOptics, between: Between<'_>) -> Result<StartProbe> {
    let shape = dataset.pattern_shape();
    let angle = matches!(optics.lens.aperture, Aperture::Angle { .. });
    if optics.says_defocus || !angle {
        let told = "made from the optics".to_owned();
        return Ok(StartProbe::made(powered(optics.probe(shape), dataset), told));
    }
    // The defocus is not said: the patterns tell it.
    grid_of(&dataset.scan, dataset.pattern_shape())?;
    between()?;
    let intensity = sound_intensities(dataset)?;
    let Ok(found) = seen(dataset, intensity.view(), between)? else {
        let told = "made from the optics, in focus (no defocus was said, and the patterns do not \
                    tell it)";
        return Ok(StartProbe::made(powered(optics.probe(shape), dataset), told));
    };
    let metres = optics.pixel.0 * optics.pixel.1 / optics.lens.wavelength;
    let mut made = *optics;
    let (size, direction) = found.astigmatism;
    let said = optics.lens.aberrations;
    let c12 = if said.c12.0 == 0.0 { (size * metres, direction) } else { said.c12 };
    made.lens.aberrations = Aberrations { c10: found.curvature * metres, c12, ..said };
    let mut told = format!(
        "made from the optics, {} by the patterns (agreement {:.2} for {:.2} in focus)",
        told_defocus(dataset, &found),
        found.agreement,
        found.flat
    );
    if let Aperture::Angle { semi_angle, .. } = optics.lens.aperture {
        // The window's sides in metres, as one: it need not be square.
        let [y, x] = [shape.0 as f64 * optics.pixel.0, shape.1 as f64 * optics.pixel.1];
        let seen = made.lens.wavelength * found.disc.radius / (y * x).sqrt();
        if (seen / semi_angle - 1.0).abs() > FAR_OFF {
            told.push_str(&format!(
                "; the bright disc has a radius of {:.3} mrad where the optics say {:.3}: check \
                 --semi-angle-mrad and the scale of the detector",
                seen * 1e3,
                semi_angle * 1e3
            ));
        }
    }
    Ok(StartProbe::made(powered(made.probe(shape), dataset), told))
}

/// A probe whose squares are numbers of single precision: one that is far too faint or bright is
/// brought to a largest modulus of 1. Its power is the solver's business.
fn sizable(mut modes: Modes) -> Modes {
    let largest = modes.iter().fold(0.0_f64, |largest, value| {
        largest.max(f64::from(value.re).hypot(f64::from(value.im)))
    });
    if largest > 0.0 && !(1e-12..1e12).contains(&largest) {
        let part = |value: f32| (f64::from(value) / largest) as f32;
        modes.mapv_inplace(|value| Complex32::new(part(value.re), part(value.im)));
    }
    modes
}

/// A probe with the power of a mean pattern.
fn powered(mut modes: Modes, dataset: &Dataset) -> Modes {
    let sums = dataset.pattern_sums();
    let wanted = sums.iter().sum::<f64>() / sums.len().max(1) as f64;
    let power: f64 = modes.iter().map(|value| f64::from(value.norm_sqr())).sum();
    if wanted > 0.0 && power > 0.0 {
        let factor = (wanted / power).sqrt() as f32;
        modes.mapv_inplace(|value| value * factor);
    }
    modes
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::options::ProbeFrom;
    use lapwing_model::probe::Lens;

    fn made(dataset: &Dataset, which: ProbeStart) -> Result<StartProbe> {
        start_probe(dataset, which, &mut || Ok(()))
    }

    #[test]
    fn a_probe_of_any_power_starts_a_reconstruction() {
        let faint = Modes::from_elem((1, 8, 8), Complex32::new(3e-30, -4e-30));
        let dataset = Dataset { probe: Some(faint), ..Dataset::default() };
        let found = made(&dataset, ProbeStart::File).unwrap().modes;
        assert!((found[(0, 2, 3)] - Complex32::new(0.6, -0.8)).norm() < 1e-6);
        let plain = Modes::from_elem((1, 8, 8), Complex32::new(0.5, 0.0));
        let dataset = Dataset { probe: Some(plain.clone()), ..Dataset::default() };
        assert_eq!(made(&dataset, ProbeStart::Auto).unwrap().modes, plain);
        let optics = ProbeOptics {
            lens: Lens {
                wavelength: 2e-12,
                aperture: Aperture::Angle { semi_angle: 1e-3, stop: 0.0 },
                aberrations: Aberrations::default(),
            },
            pixel: (1e-10, 1e-10),
            says_defocus: true,
        };
        let both = Dataset { optics: Some(optics), ..dataset };
        let start = made(&both, ProbeStart::Auto).unwrap();
        assert!(start.modes == plain && start.told.contains("--probe-start optics"));
        assert_eq!(made(&both, ProbeStart::File).unwrap().told, "the file's");
        // What the experiment says decides what is left open, and nothing else.
        let said = Dataset { probe_from: Some(ProbeFrom::Perturbed), ..both };
        let start = made(&said, ProbeStart::Auto).unwrap();
        assert!(start.modes == perturbed(&plain), "{}", start.told);
        assert!(start.told.ends_with(", as the experiment says"), "{}", start.told);
        let start = made(&said, ProbeStart::File).unwrap();
        assert_eq!((start.modes, start.told.as_str()), (plain, "the file's"));
        let none = made(&Dataset::default(), ProbeStart::File).unwrap_err().to_string();
        assert!(none.contains("--companion"), "{none}");
    }
}
