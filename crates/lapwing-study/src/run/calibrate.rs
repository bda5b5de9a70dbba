//! How a scan lies on its detector and how far its probe is out of focus, found from the data set
//! itself: the numbers, in the user's units, and what they change.

use crate::run::start_probe::{in_metres, intensities, pixel, wavelength};
use crate::{Result, StudyError};
use lapwing_draw::{Colormap, Painter, Panel, Picture, figure};
use lapwing_files::options::CoordinateOrder;
use lapwing_files::{Dataset, ReadOptions};
use lapwing_model::Position;
use lapwing_solve::calibrate::{Orientation, orientation};
use ndarray::Array2;
use serde::Serialize;

/// Wavelengths above which the light is X-rays, metres: 124 keV, and electrons of 15 kV.
const X_RAYS: f64 = 1e-11;
/// Skewness of the phase below which it says nothing.
const SKEWED: f64 = 0.2;

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
    /// What decided: the shifts of these images, or the deflection of the light.
    pub method: &'static str,
    /// Centre of the bright disc (y, x), pixels of the detector; the middle is at H/2, W/2.
    pub disc_centre: (f64, f64),
    /// Its radius, pixels of the detector.
    pub disc_radius: f64,
    /// Convergence semi-angle that this is, milliradians, where the scales are known.
    pub semi_angle_mrad: Option<f64>,
    /// Rotation and defocus of the other solution that explains the patterns as well, of the
    /// conjugate specimen.
    pub twin: (f64, Option<f64>),
    /// Why this one was taken.
    pub choice: String,
    #[serde(skip)]
    found: Orientation,
}

/// Finds how the scan of `dataset` lies on the detector, beside what was said of it already.
///
/// # Errors
/// When the patterns cannot tell (see [`lapwing_solve::calibrate`]).
pub fn calibrate(dataset: &Dataset) -> Result<Calibration> {
    let intensity = intensities(dataset);
    let found = orientation(intensity.view(), &dataset.scan)
        .map_err(|error| StudyError::Invalid(format!("the scan cannot be calibrated: {error}")))?;
    let (found, choice) = chosen(found, wavelength(dataset));
    let metres = in_metres(dataset);
    let told = |value: f64| value.is_finite().then_some(value);
    let side = dataset.pattern_shape().0.min(dataset.pattern_shape().1) as f64;
    let semi_angle = pixel(dataset)
        .zip(wavelength(dataset))
        .map(|(pixel, wavelength)| 1e3 * wavelength * found.disc.radius / side / pixel);
    let best = found.best;
    let other = found.twin().best;
    Ok(Calibration {
        transposed: best.transposed,
        rotation_deg: turned(best.rotation_deg),
        rotation_sd_deg: told(found.rotation_sd),
        defocus_m: metres.map(|metres| metres * best.curvature),
        defocus_sd_m: metres.and_then(|metres| told(metres * found.curvature_sd)),
        curvature_px2: best.curvature,
        agreement: best.agreement,
        agreement_other_handedness: found.other,
        agreement_in_focus: found.flat,
        method: if found.by_deflection { "deflection" } else { "shifts" },
        disc_centre: found.disc.centre,
        disc_radius: found.disc.radius,
        semi_angle_mrad: semi_angle,
        twin: (turned(other.rotation_deg), metres.map(|metres| metres * other.curvature)),
        choice,
        found,
    })
}

/// An angle in (-180, 180].
fn turned(degrees: f64) -> f64 {
    let rest = degrees.rem_euclid(360.0);
    if rest > 180.0 { rest - 360.0 } else { rest }
}

/// One of the two solutions, and why: what stands out from a specimen advances electrons and
/// retards X-rays.
fn chosen(found: Orientation, wavelength: Option<f64>) -> (Orientation, String) {
    let skewness = found.phase_skewness;
    let wanted = match wavelength {
        Some(length) if length >= X_RAYS => ("X-rays are retarded", -1.0),
        Some(_) => ("electrons are advanced", 1.0),
        None => ("", 0.0),
    };
    if wanted.1 == 0.0 || skewness.abs() < SKEWED {
        let why = "of the two, the smaller rotation".to_owned();
        return (found, why);
    }
    let why = format!(
        "of the two, the one in which {} by what stands out from the specimen (skewness {:.2})",
        wanted.0,
        skewness.abs() * wanted.1
    );
    if skewness * wanted.1 < 0.0 { (found.twin(), why) } else { (found, why) }
}

impl Calibration {
    /// Brings the positions of a data set, as they were calibrated, to where they are. Its object,
    /// which lay under the old ones, is dropped.
    pub fn apply(&self, dataset: &mut Dataset) {
        let count = dataset.scan.len().max(1) as f64;
        let (y, x) = dataset
            .scan
            .iter()
            .fold((0.0, 0.0), |sum, at| (sum.0 + at.y / count, sum.1 + at.x / count));
        let map = orthogonal(self.transposed, self.rotation_deg);
        for at in &mut dataset.scan {
            let (dy, dx) = (at.y - y, at.x - x);
            *at = Position {
                y: y + map[0][0] * dy + map[0][1] * dx,
                x: x + map[1][0] * dy + map[1][1] * dx,
            };
        }
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
        let described = options.experiment.probe.is_described();
        if let (Some(defocus), true) = (self.defocus_m, described) {
            keys.push(("probe", "defocus_m", format!("{defocus:.4e}")));
        }
        keys
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
        vec![
            format!(
                "positions: {exchange}turned by {:.2}{} degrees",
                self.rotation_deg,
                sd(self.rotation_sd_deg)
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
                "bright disc: centre ({:.1}, {:.1}), radius {:.1} px{angle}",
                self.disc_centre.0, self.disc_centre.1, self.disc_radius
            ),
            format!(
                "agreement by {}: {:.3}; other handedness {:.3}, in focus {:.3}",
                self.method,
                self.agreement,
                self.agreement_other_handedness,
                self.agreement_in_focus
            ),
        ]
    }

    /// A picture of the search as a PNG: the agreement over rotation (-84 to 90 degrees, downwards)
    /// and curvature (from the largest negative that the window has room for to the largest
    /// positive, to the right) for both handednesses.
    pub fn picture(&self) -> Vec<u8> {
        let map = |transposed: bool| -> Picture {
            let of: Vec<_> =
                self.found.tried.iter().filter(|at| at.transposed == transposed).collect();
            let mut angles: Vec<f64> = of.iter().map(|at| at.rotation_deg).collect();
            angles.dedup();
            let columns = of.len() / angles.len().max(1);
            let values = Array2::from_shape_fn((angles.len(), columns), |(row, column)| {
                of[row * columns + column].agreement as f32
            });
            let most = self.agreement as f32;
            Painter::default()
                .map(Colormap::Viridis)
                .range(Some((0.0, most)))
                .enlarge_to(320)
                .scalar(values.view())
        };
        let panels = vec![
            Panel::new("agreement, as read", map(false)),
            Panel::new("agreement, exchanged", map(true)),
        ];
        figure(&panels, 2)
    }
}

/// The map of an exchange followed by a rotation, rows (y, x).
fn orthogonal(transposed: bool, degrees: f64) -> [[f64; 2]; 2] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    match transposed {
        false => [[cos, -sin], [sin, cos]],
        true => [[-sin, cos], [cos, sin]],
    }
}

fn product(a: [[f64; 2]; 2], b: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
}
