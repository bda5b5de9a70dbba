//! A weak-phase object: crystalline nanoparticles on an amorphous film, as an electron microscope
//! sees them.

use super::canvas::{paint, soft_step};
use super::texture::texture;
use crate::random::{Generator, generator};
use crate::{Complex32, Field};
use ndarray::Array2;
use rand::RngExt;
use std::f64::consts::TAU;

/// Root mean square phase of the film's texture, radians.
const FILM: f64 = 0.008;
/// Phase through the middle of the largest particle, radians.
const PARTICLE: f64 = 0.08;
/// Largest particle radius, pixels; small fields have smaller ones.
const RADIUS: f64 = 22.0;

/// Amplitude 1 everywhere; the phase is the film's plus that of particles whose projected thickness
/// is a ball's or a faceted crystal's, with lattice fringes 4 to 7 pixels apart.
pub(super) fn make(shape: (usize, usize), seed: u64) -> Field {
    let film = texture(shape, 1.6, 24.0, 0.7, seed, "specimen film");
    let mut phase = Array2::from_shape_fn(shape, |at| film.at(at) * FILM);
    drop(film);
    let mut draws = generator(seed, "specimen particles", 0);
    let side = shape.0.min(shape.1) as f64;
    let largest = RADIUS.min(side / 6.0).max(2.0);
    for (centre, radius) in scatter(shape, largest, &mut draws) {
        particle(&mut phase, centre, radius, PARTICLE * (radius / largest).sqrt(), &mut draws);
    }
    phase.mapv(|phase| Complex32::from_polar(1.0, phase.clamp(-0.04, 0.14) as f32))
}

/// Centres and radii of particles that hardly overlap, in a field of this shape.
fn scatter(
    (rows, columns): (usize, usize),
    largest: f64,
    draws: &mut Generator,
) -> Vec<((f64, f64), f64)> {
    let mut placed: Vec<((f64, f64), f64)> = Vec::new();
    let attempts = (12.0 * (rows * columns) as f64 / (largest * largest)).ceil() as usize;
    for _ in 0..attempts.min(20_000) {
        let centre =
            (draws.random_range(0.0..rows as f64), draws.random_range(0.0..columns as f64));
        // Many small ones, few large ones.
        let radius = largest * (0.22 + 0.78 * draws.random::<f64>().powi(2));
        let clear = |&((y, x), other): &((f64, f64), f64)| {
            (centre.0 - y).hypot(centre.1 - x) > 1.0 * (radius + other) + 0.15 * largest
        };
        if placed.iter().all(clear) {
            placed.push((centre, radius));
        }
    }
    placed
}

/// Adds one particle of this thickness (radians through its middle).
fn particle(
    phase: &mut Array2<f64>,
    centre: (f64, f64),
    radius: f64,
    thickness: f64,
    draws: &mut Generator,
) {
    let facets = [0.0, 5.0, 6.0, 6.0, 8.0][draws.random_range(0..5)];
    let turn = draws.random_range(0.0..TAU);
    let (fringe, period) = (draws.random_range(0.0..TAU), draws.random_range(4.0..7.0));
    let contrast = if draws.random::<f64>() < 0.75 { 0.22 } else { 0.0 };
    // The second set of fringes of a crystal seen along a zone axis.
    let crossed = draws.random::<f64>() < 0.4;
    paint(phase, 0, centre, radius * 1.2 + 2.0, |dy, dx, value| {
        let angle = dy.atan2(dx) - turn;
        let r = dy.hypot(dx);
        let rim = if facets > 0.0 {
            // A regular polygon of the same area, nearly.
            let sector = TAU / facets;
            let within = angle.rem_euclid(sector) - sector / 2.0;
            1.04 * radius * (sector / 2.0).cos() / within.cos() / (sector / 2.0).cos().sqrt()
        } else {
            radius
        };
        let t = r / rim;
        let profile = if facets > 0.0 {
            // A crystal with a flat top and sloping sides.
            soft_step(rim - r, 2.0) * (1.0_f64).min((1.0 - t).max(0.0) * 2.2 + 0.35)
        } else {
            (1.0 - t * t).max(0.0).sqrt()
        };
        let wave =
            |direction: f64| (TAU / period * (dy * direction.sin() + dx * direction.cos())).cos();
        let lattice =
            if crossed { 0.5 * (wave(fringe) + wave(fringe + TAU / 6.0)) } else { wave(fringe) };
        *value += thickness * profile * (1.0 + contrast * lattice);
    });
}
