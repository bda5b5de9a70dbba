//! What distinguishes a specimen from its conjugate: the phase that the deflection of the light
//! gives, and where the light goes.

use super::disc_images::{DiscImages, Map, Spread};
use super::search::scaled;
use lapwing_model::Position;
use std::f64::consts::TAU;

/// Indicators of the sign of the specimen's phase, given an orientation. Each number is positive
/// where the specimen advances the wave, negative where it retards it, and has the opposite sign
/// for the conjugate specimen.
///
/// Matter scatters light beyond the bright disc, at any defocus and whichever sign its phase has,
/// so the image of the scattered light correlates with the phase of matter. The phase of evenly
/// spread atoms is as often above as below its mean, so its skewness is no indicator.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sign {
    /// Skewness of the phase over the scan.
    pub skewness: f64,
    /// Correlation of the phase with the share of the light that is scattered beyond the disc, at
    /// most 1.
    pub scattered: f64,
    /// Its correlation with the light that is missing, absorbed or beyond the detector, when the
    /// deflection is freed of what absorption does to it; the smaller one of those that 0.5 and
    /// 1.25 of its computed share give, and 0 where these differ in sign.
    pub missing: f64,
    /// Standard deviation of both correlations for pure noise.
    pub chance: f64,
}

impl Sign {
    /// Of the conjugate specimen.
    #[must_use]
    pub fn reversed(self) -> Self {
        let Self { skewness, scattered, missing, chance } = self;
        Self { skewness: -skewness, scattered: -scattered, missing: -missing, chance }
    }
}

/// Shares of the computed deflection by absorption between which the true one is: strong specimens
/// and a disc with a soft rim have less of it, an underestimated curvature more.
const ABSORBED: [f64; 2] = [0.5, 1.25];

/// The sign of the phase over `scan` with the map `to_scan` from detector to scan directions, of a
/// probe of this `curvature`.
///
/// For a phase object, the mean frequency at the detector is that of the phase's gradient under the
/// probe, at any defocus (Ehrenfest's theorem; I. Lazic, E. G. T. Bosch, S. Lazar,
/// *Ultramicroscopy* 160, 2016).
///
/// Of a probe out of focus each frequency comes from another place, so what the specimen absorbs at
/// one side of the probe moves the mean, too: by -a(Q) G(Q), with a the absorbed share, E the mean
/// over the disc of exp(2 pi i Q . kappa A^-1 q) and G that of q times it. The missing light is
/// a E, so E g + G (missing) is free of it, and is what is correlated with the missing light.
pub(super) fn sign(images: &DiscImages, to_scan: Map, curvature: f64, scan: &[Position]) -> Sign {
    let deflection = images.deflection();
    let phase = spectrum(&deflection, images, to_scan);
    // Low frequencies weigh less, so that a drifting beam contributes little.
    let correlation = |phase: &[(f64, f64)], image: &[(f64, f64)]| {
        let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
        for ((&(a, b), &(c, d)), &(q_y, q_x)) in phase.iter().zip(image).zip(&images.over) {
            let weight = q_y.hypot(q_x);
            both += weight * (a * c + b * d);
            one += weight * (a * a + b * b);
            other += weight * (c * c + d * d);
        }
        if one > 0.0 && other > 0.0 { both / (one * other).sqrt() } else { 0.0 }
    };
    let spread = images.spread(scaled(to_scan, -curvature));
    let blurred: Vec<(f64, f64)> = spread
        .iter()
        .zip(&images.missing)
        .map(|(spread, &missing)| times(spread.mean, missing))
        .collect();
    let freed = |share: f64| {
        let each = deflection.iter().zip(&spread).zip(&images.missing);
        let free: Vec<[(f64, f64); 2]> = each
            .map(|((deflection, Spread { mean, moment }), &missing)| {
                [0, 1].map(|axis| {
                    let own = times(*mean, deflection[axis]);
                    let absorbed = times(moment[axis], missing);
                    (own.0 + share * absorbed.0, own.1 + share * absorbed.1)
                })
            })
            .collect();
        correlation(&spectrum(&free, images, to_scan), &blurred)
    };
    let [less, more] = ABSORBED.map(freed);
    let missing = match less * more > 0.0 {
        true => less.signum() * less.abs().min(more.abs()),
        false => 0.0,
    };
    Sign {
        skewness: skewness(&phase, images, scan),
        scattered: correlation(&phase, &images.scattered),
        missing,
        // Up to 0.4 over the step there are n pi 0.4^2 / 2 waves, fewer by 1.5^2 under the window.
        chance: 3.0 / (images.count as f64).sqrt(),
    }
}

/// Product of complex numbers (re, im).
fn times(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// Spectrum of the phase whose gradient is the deflection, up to a factor, for each frequency of
/// `images`.
fn spectrum(deflection: &[[(f64, f64); 2]], images: &DiscImages, to_scan: Map) -> Vec<(f64, f64)> {
    // phi(Q) = Q . g(Q) / (i |Q|^2).
    let each = deflection.iter().zip(&images.over).map(|([y, x], &(q_y, q_x))| {
        let along =
            (q_y * to_scan[0][0] + q_x * to_scan[1][0], q_y * to_scan[0][1] + q_x * to_scan[1][1]);
        let square = q_y * q_y + q_x * q_x;
        let (re, im) = (along.0 * y.0 + along.1 * x.0, along.0 * y.1 + along.1 * x.1);
        (im / square, -re / square)
    });
    each.collect()
}

/// Skewness over the scan of the phase of this spectrum; zero without any.
fn skewness(spectrum: &[(f64, f64)], images: &DiscImages, scan: &[Position]) -> f64 {
    let (mut y, mut x) = (0.0, 0.0);
    for at in scan {
        (y, x) = (y + at.y / scan.len() as f64, x + at.x / scan.len() as f64);
    }
    let phase: Vec<f64> = scan
        .iter()
        .map(|at| {
            let wave = spectrum.iter().zip(&images.over).map(|(&(re, im), &(q_y, q_x))| {
                let (sin, cos) = (TAU * (q_y * (at.y - y) + q_x * (at.x - x))).sin_cos();
                re * cos - im * sin
            });
            wave.sum()
        })
        .collect();
    let n = phase.len() as f64;
    let mean = phase.iter().sum::<f64>() / n;
    let moment = |power: i32| phase.iter().map(|p| (p - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    if variance > 0.0 { moment(3) / variance.powf(1.5) } else { 0.0 }
}
