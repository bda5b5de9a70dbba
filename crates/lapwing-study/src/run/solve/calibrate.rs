//! How a scan lies on its detector and how far its probe is out of focus, found from the data set
//! itself: the numbers, in the user's units, and what they change.

mod picture;
mod rival;

use crate::design::solver::ProbeStart;
use crate::geometry::grid::grid_of;
use crate::geometry::turn::{orthogonal, turned_about};
use crate::run::dataset::data::sound_intensities;
use crate::run::solve::asking::{Asking, Between};
use crate::run::solve::start_probe::{in_metres, pixel, sides, start_probe, wavelength};
use crate::run::solve::trial::{self, Verdict};
use crate::{Result, StudyError};
use lapwing_files::options::CoordinateOrder;
use lapwing_files::{Dataset, Quantum, ReadOptions};
use lapwing_solve::calibrate::{
    CalibrateError, Candidate, Disc, Orientation, Sign, mean, orientation_while,
};
use ndarray::ArrayView3;
pub use rival::OtherRaster;
use serde::Serialize;

/// Skewness of the phase below which it says nothing: of atoms that are spread evenly it is
/// anything up to 1.2, of either sign.
const SKEWED: f64 = 1.5;
/// Correlation with the scattered or the missing light, and multiple of what noise makes of it,
/// from which on it decides.
const RELATED: f64 = 0.3;
const BEYOND_CHANCE: f64 = 3.0;
/// The same of X-rays: the correlation of strong phases with the light that they throw off the
/// detector reaches 0.67 in either direction.
const ABSORBED: f64 = 0.7;
/// Radius of the disc, pixels, below which its parts are too few, and the standard deviation of
/// the rotation, degrees, from which on a disc of up to the second radius leaves it in doubt: short
/// fits decide then. Of wide discs the specimen scatters too weakly for these to do better.
const SMALL: f64 = 6.0;
const DOUBTFUL: f64 = 3.0;
const WIDE: f64 = 16.0;
/// Share of the agreement of one handedness from which on that of the other leaves both in doubt:
/// 0.1 to 0.35 of sound scans, 0.6 and more of rows in the wrong order or of the wrong length.
const ALIKE: f64 = 0.5;

/// What was found. Angles are in degrees; a standard deviation is `None` where the scan is too
/// small to tell.
#[derive(Debug, Clone, Serialize)]
pub struct Calibration {
    /// Whether the coordinates of the positions as read must be exchanged.
    pub transposed: bool,
    /// Angle by which they must be turned after that, from rows towards columns.
    pub rotation_deg: f64,
    /// Its standard deviation.
    pub rotation_sd_deg: Option<f64>,
    /// The same angle from the deflection of the light alone, which knows nothing of the shifts.
    pub rotation_by_deflection_deg: f64,
    /// Its standard deviation.
    pub rotation_by_deflection_sd_deg: Option<f64>,
    /// Defocus C10, metres, where wavelength and pixel are known.
    pub defocus_m: Option<f64>,
    /// Its standard deviation.
    pub defocus_sd_m: Option<f64>,
    /// The same as curvature of the probe, lambda C10 in pixels of the object squared.
    pub curvature_px2: f64,
    /// How well the images of the disc's parts fall on each other, 0 to 1.
    pub agreement: f64,
    /// The same for the other handedness, and without defocus.
    pub agreement_other_handedness: f64,
    /// The same in focus.
    pub agreement_in_focus: f64,
    /// What decided: the shifts of these images, the deflection of the light, or the likelihood of
    /// short fits.
    pub method: &'static str,
    /// Of short fits, the loss per held-out pixel, and that of the other handedness.
    pub loss_per_pixel: Option<(f64, f64)>,
    /// Centre of the bright disc (y, x), pixels of the detector; the middle is at H/2, W/2.
    pub disc_centre: (f64, f64),
    /// Standard deviation of the centre, pixels.
    pub disc_centre_sd: Option<f64>,
    /// Its radius, pixels of the detector.
    pub disc_radius: f64,
    /// Convergence semi-angle that this is, milliradians, where the scales are known.
    pub semi_angle_mrad: Option<f64>,
    /// Rotation and defocus of the other solution that explains the patterns as well, of the
    /// conjugate specimen.
    pub twin: (f64, Option<f64>),
    /// What decided between the two: the scattered light, the missing light, the skewness of the
    /// phase, short fits; `nothing` where the patterns do not tell.
    pub decided_by: &'static str,
    /// Why this one was taken.
    pub choice: String,
    /// Why the handedness is in doubt, where it is.
    pub doubt: Option<&'static str>,
    /// A raster with rows and columns exchanged, where it explains the patterns as well.
    pub other_raster: Option<OtherRaster>,
    /// Shape of a pattern.
    #[serde(skip)]
    shape: (usize, usize),
    /// Sides (y, x) of an object pixel.
    #[serde(skip)]
    sides: (f64, f64),
    #[serde(skip)]
    found: Orientation,
    #[serde(skip)]
    fits: Option<Verdict>,
}

/// Finds how the scan of `dataset` lies on the detector, beside what was said of it already.
/// `between` is called some ten times a second, and may stop it by an error.
///
/// # Errors
/// When the patterns cannot tell (see [`lapwing_solve::calibrate`]), and what `between` returns.
pub fn calibrate(
    dataset: &Dataset,
    between: &mut dyn FnMut() -> Result<()>,
) -> Result<Calibration> {
    // Of positions that no object holds, a search would not end.
    grid_of(&dataset.scan, dataset.pattern_shape())?;
    between()?;
    let intensity = sound_intensities(dataset)?;
    let refused = |error| StudyError::Invalid(format!("the scan cannot be calibrated: {error}"));
    let found = Asking::new(&mut *between).during(|go_on| {
        orientation_while(intensity.view(), &dataset.scan, sides(dataset), go_on)
    })?;
    let found = match found {
        Ok(found) => found,
        Err(CalibrateError::NoDisc { .. }) => unknown(intensity.view()).map_err(refused)?,
        Err(error) => return Err(refused(error)),
    };
    let small = found.disc.radius < SMALL;
    let sure = found.rotation_sd < DOUBTFUL;
    if small || (!sure && found.disc.radius < WIDE) {
        return by_fits(dataset, found, between);
    }
    let (found, choice) = chosen(found, wavelength(dataset));
    let mut found = Calibration::of(dataset, found, choice, None);
    if found.doubt.is_some() {
        found.other_raster = rival::by_images(dataset, &found, between)?;
    }
    Ok(found)
}

/// Nothing known of an orientation, for patterns without a disc.
fn unknown(intensity: ArrayView3<'_, f32>) -> std::result::Result<Orientation, CalibrateError> {
    let disc = Disc::spot(mean(intensity).view())?;
    let best = Candidate { transposed: false, rotation_deg: 0.0, curvature: 0.0, agreement: 0.0 };
    Ok(Orientation {
        best,
        rotation_sd: f64::NAN,
        curvature_sd: f64::NAN,
        other: 0.0,
        flat: 0.0,
        deflection_deg: 0.0,
        deflection_sd: f64::NAN,
        by_deflection: false,
        sign: Sign::default(),
        tried: Vec::new(),
        disc,
    })
}

/// The orientation by short fits; `found` is what the disc says.
fn by_fits(dataset: &Dataset, found: Orientation, between: Between<'_>) -> Result<Calibration> {
    let mut turned = dataset.clone();
    let best = found.best;
    turned_about(&mut turned.scan, best.transposed, best.rotation_deg, sides(dataset));
    let probe = start_probe(&turned, ProbeStart::Auto, &mut *between)?.modes;
    let twin = found.twin().best;
    let guesses: Vec<(bool, f64)> = match found.tried.is_empty() {
        true => Vec::new(),
        false => [best, twin].map(|at| (at.transposed, at.rotation_deg)).to_vec(),
    };
    let verdict = trial::verdict(dataset, &probe, &guesses, &mut *between)?;
    let fitted = verdict.best;
    let other_raster = rival::by_fits(dataset, &probe, fitted, &mut *between)?;
    // The curvature that the disc told belongs to its orientation, or to the other of the two.
    let known = fitted.transposed == best.transposed && !found.tried.is_empty();
    let apart = (fitted.rotation_deg - best.rotation_deg).to_radians().cos();
    let curvature = if known { best.curvature * apart.signum() } else { 0.0 };
    let found = Orientation {
        best: Candidate {
            transposed: fitted.transposed,
            rotation_deg: fitted.rotation_deg,
            curvature,
            ..best
        },
        rotation_sd: verdict.rotation_sd,
        ..found
    };
    // The sign of the phase is known of an orientation that the deflection was turned by.
    let (found, choice) = match known {
        true => {
            let sign = if apart < 0.0 { found.sign.reversed() } else { found.sign };
            chosen(Orientation { sign, ..found }, wavelength(dataset))
        }
        false => (found, ("fits", "the one that short fits predict better".to_owned())),
    };
    Ok(Calibration { other_raster, ..Calibration::of(dataset, found, choice, Some(verdict)) })
}

impl Calibration {
    fn of(
        dataset: &Dataset,
        found: Orientation,
        (decided_by, choice): (&'static str, String),
        fits: Option<Verdict>,
    ) -> Self {
        let metres = in_metres(dataset);
        let told = |value: f64| value.is_finite().then_some(value);
        let (height, width) = dataset.pattern_shape();
        // As the pixel, of two sides the geometric mean.
        let side = (height as f64 * width as f64).sqrt();
        let semi_angle = pixel(dataset)
            .zip(wavelength(dataset))
            .map(|(pixel, wavelength)| 1e3 * wavelength * found.disc.radius / side / pixel);
        let best = found.best;
        let other = found.twin().best;
        let alike = match &fits {
            Some(fits) => !fits.margin.is_sure(),
            None => found.other > ALIKE * best.agreement,
        };
        Self {
            transposed: best.transposed,
            rotation_deg: turned(best.rotation_deg),
            rotation_sd_deg: told(found.rotation_sd),
            rotation_by_deflection_deg: turned(found.deflection_deg),
            rotation_by_deflection_sd_deg: told(found.deflection_sd),
            defocus_m: metres.map(|metres| metres * best.curvature),
            defocus_sd_m: metres.and_then(|metres| told(metres * found.curvature_sd)),
            curvature_px2: best.curvature,
            agreement: best.agreement,
            agreement_other_handedness: found.other,
            agreement_in_focus: found.flat,
            method: match (&fits, found.by_deflection) {
                (Some(_), _) => "likelihood",
                (None, true) => "deflection",
                (None, false) => "shifts",
            },
            loss_per_pixel: fits.as_ref().map(|fits| (fits.best.loss, fits.other)),
            disc_centre: found.disc.centre,
            disc_centre_sd: told(found.disc.centre_sd),
            disc_radius: found.disc.radius,
            semi_angle_mrad: semi_angle,
            twin: (turned(other.rotation_deg), metres.map(|metres| metres * other.curvature)),
            decided_by,
            choice,
            doubt: alike.then_some(
                "the two handednesses are hardly apart, so neither is sure: look whether the rows \
                 were scanned to and fro (--scan-snake), at rows and columns of the raster \
                 (--scan-shape) and at the order of the axes (--axis-order)",
            ),
            other_raster: None,
            shape: dataset.pattern_shape(),
            sides: sides(dataset),
            found,
            fits,
        }
    }
}

/// An angle in (-180, 180].
fn turned(degrees: f64) -> f64 {
    let rest = degrees.rem_euclid(360.0);
    if rest > 180.0 { rest - 360.0 } else { rest }
}

/// One of the two solutions, what decided and why: matter advances electrons, whose waves its
/// potential shortens, and retards X-rays.
fn chosen(found: Orientation, wavelength: Option<f64>) -> (Orientation, (&'static str, String)) {
    let Sign { skewness, scattered, missing, chance } = found.sign;
    let wanted = match wavelength {
        None => None,
        known => match Quantum::of_wavelength(known) {
            Quantum::Electron => Some(("electrons are advanced", 1.0)),
            _ => Some(("X-rays are retarded", -1.0)),
        },
    };
    let related = |value: f64| value.abs() >= RELATED.max(BEYOND_CHANCE * chance);
    // The edges of a specimen scatter X-rays as much as the rest, and what it absorbs is seen;
    // electrons that are missing were scattered further than the detector reaches.
    let electrons = wanted.is_some_and(|(_, sign)| sign > 0.0);
    let light = match wanted {
        Some(_) if electrons && related(scattered) => {
            Some(("scattered light", scattered, "where light is scattered beyond the disc"))
        }
        Some(_) if related(missing) && (electrons || missing.abs() >= ABSORBED) => {
            Some(("missing light", missing, "where light is missing"))
        }
        _ => None,
    };
    let tells = match light {
        Some((what, value, place)) => Some((what, value, place, "correlation")),
        // Structures made for X-rays are as often holes as bars.
        None if electrons && skewness.abs() >= SKEWED => {
            Some(("skewness", skewness, "by what stands out from the specimen", "skewness"))
        }
        None => None,
    };
    match wanted.zip(tells) {
        Some(((which, sign), (what, value, place, measure))) => {
            let size = value.abs() * sign;
            let why = format!("of the two, the one in which {which} {place} ({measure} {size:.2})");
            (if value * sign < 0.0 { found.twin() } else { found }, (what, why))
        }
        None => {
            let reason = match wanted {
                None => "say --voltage-kv or --energy-kev: the sign needs the wavelength",
                Some(_) => {
                    "these patterns do not determine it: compare the phase with what is known of \
                            the specimen"
                }
            };
            let why =
                format!("of the two, the smaller rotation, which may be the wrong one; {reason}");
            let small = turned(found.best.rotation_deg).abs() <= 90.0;
            (if small { found } else { found.twin() }, ("nothing", why))
        }
    }
}

impl Calibration {
    /// Brings the positions of a data set, as they were calibrated, to where they are. Its object,
    /// which lay under the old ones, is dropped.
    pub fn apply(&self, dataset: &mut Dataset) {
        turned_about(&mut dataset.scan, self.transposed, self.rotation_deg, self.sides);
        dataset.object = None;
    }

    /// The keys of an experiment file that say the same of the file that was read with these
    /// options: section, key and value.
    pub fn keys(&self, options: &ReadOptions) -> Vec<(&'static str, &'static str, String)> {
        // What was said and what was found together: first exchange, then signs, then rotation.
        let said = {
            let exchanged = options.coordinate_order == Some(CoordinateOrder::ColumnRow);
            let sign = |flip: bool| if flip { -1.0 } else { 1.0 };
            let exchange =
                if exchanged { [[0.0, 1.0], [1.0, 0.0]] } else { [[1.0, 0.0], [0.0, 1.0]] };
            let signs = [[sign(options.flip_y), 0.0], [0.0, sign(options.flip_x)]];
            let rotation = options.experiment.scan.rotation_deg.unwrap_or(0.0);
            product(orthogonal(false, rotation), product(signs, exchange))
        };
        let whole = product(orthogonal(self.transposed, self.rotation_deg), said);
        let transposed = whole[0][0] * whole[1][1] - whole[0][1] * whole[1][0] < 0.0;
        let rotation = match transposed {
            true => product(whole, [[0.0, 1.0], [1.0, 0.0]]),
            false => whole,
        };
        let degrees = turned(rotation[1][0].atan2(rotation[0][0]).to_degrees());
        let order = if transposed { "column-row" } else { "row-column" };
        let mut keys = vec![
            ("scan", "coordinate_order", format!("{order:?}")),
            ("scan", "rotation_deg", format!("{degrees:.2}")),
        ];
        if options.flip_y {
            keys.push(("scan", "flip_y", "false".to_owned()));
        }
        if options.flip_x {
            keys.push(("scan", "flip_x", "false".to_owned()));
        }
        if let Some((y, x)) = self.stored_centre(options) {
            keys.push(("detector", "centre", format!("[{y:.2}, {x:.2}]")));
        }
        let described = options.experiment.probe.is_described();
        if let (Some(defocus), true) = (self.defocus_m, described) {
            keys.push(("probe", "defocus_m", format!("{defocus:.4e}")));
        }
        keys
    }

    /// The stored pixel that the middle of the bright disc is, where that is half a pixel or more
    /// off the middle of the patterns, which is beyond its uncertainty, and no window was cut that
    /// the patterns' middle could not be told of.
    fn stored_centre(&self, options: &ReadOptions) -> Option<(f64, f64)> {
        let detector = &options.experiment.detector;
        let (middle_y, middle_x) = ((self.shape.0 / 2) as f64, (self.shape.1 / 2) as f64);
        let off = (self.disc_centre.0 - middle_y, self.disc_centre.1 - middle_x);
        let sd = self.disc_centre_sd?;
        if off.0.abs().max(off.1.abs()) < (2.0 * sd).max(0.5)
            || detector.binning.is_some_and(|n| n > 1)
        {
            return None;
        }
        // Said before, that pixel is the middle already, to the nearest whole one.
        match (detector.centre, detector.window) {
            (Some((y, x)), _) => Some((y.round() + off.0, x.round() + off.1)),
            (None, Some(_)) => None,
            (None, None) => Some(self.disc_centre),
        }
    }

    /// What was found, line by line.
    pub fn lines(&self) -> Vec<String> {
        let sd = |value: Option<f64>| value.map_or(String::new(), |sd| format!(" +- {sd:.2}"));
        let sd_m = self.defocus_sd_m.map_or(String::new(), |sd| format!(" +- {sd:.1e}"));
        let defocus = |defocus: Option<f64>, curvature: f64| match defocus {
            Some(metres) => format!("{metres:.4e} m"),
            None => format!("{curvature:.1} px^2 (over the wavelength)"),
        };
        let exchange = match self.transposed {
            true => "coordinates exchanged (column-row), then ",
            false => "",
        };
        let angle = self.semi_angle_mrad.map_or(String::new(), |mrad| format!(", {mrad:.3} mrad"));
        let mut lines = vec![
            format!(
                "positions: {exchange}turned by {:.2}{} degrees",
                self.rotation_deg,
                sd(self.rotation_sd_deg)
            ),
            format!(
                "the deflection of the light alone says {:.1}{} degrees",
                self.rotation_by_deflection_deg,
                sd(self.rotation_by_deflection_sd_deg)
            ),
            format!("defocus: {}{sd_m}", defocus(self.defocus_m, self.curvature_px2)),
            format!(
                "or turned by {:.2} degrees with {}, of the conjugate specimen, which explains the \
                 patterns as well; {}",
                self.twin.0,
                defocus(self.twin.1, -self.curvature_px2),
                self.choice
            ),
            format!(
                "bright disc: centre ({:.2}, {:.2}){}, radius {:.1} px{angle}",
                self.disc_centre.0,
                self.disc_centre.1,
                sd(self.disc_centre_sd),
                self.disc_radius
            ),
            match self.loss_per_pixel {
                Some((loss, other)) => format!(
                    "loss of short fits per held-out pixel: {loss:.4}; other handedness {other:.4}"
                ),
                None => format!(
                    "agreement by {}: {:.3}; other handedness {:.3}, in focus {:.3}",
                    self.method,
                    self.agreement,
                    self.agreement_other_handedness,
                    self.agreement_in_focus
                ),
            },
        ];
        lines.extend(self.doubt.map(str::to_owned));
        lines.extend(self.other_raster.map(|other| other.line()));
        lines
    }
}

fn product(a: [[f64; 2]; 2], b: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
}

#[cfg(test)]
mod tests;
