//! Descent along gradients that never leave a device: what ML's second stage needs of an engine
//! whose vectors are in a memory of their own.

use super::Vector;
use crate::prior::Jumps;

/// The edge-preserving prior on an object of one slice (module `prior`) at the present fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriorRule {
    /// mu, in the unit of the likelihood.
    pub strength: f64,
    /// h, the difference between neighbouring pixels above which edges are spared.
    pub edge: f64,
    /// How it grows with differences above.
    pub jumps: Jumps,
    /// How many times as much absorption weighs as phase.
    pub absorption: f64,
    /// The directions of which absorption is the part of the object along them, of modulus 1;
    /// needed where it does not weigh as much as phase.
    pub directions: Option<Vector>,
    /// s^2 = sum |P|^2 / C, which carries the scale of the object.
    pub scale: f64,
    /// mu / C, the factor between the prior's derivative with s^2 and its gradient with the probe.
    pub per_power: f64,
}

/// Gradients and their preconditioner on the device. Both are of the sums over the batches that
/// were added since a gradient was taken last.
pub trait Resident {
    /// `to` <- the gradient with the conjugate object and probe: minus the sums over the patterns,
    /// and that of the prior. Returns the value of the prior.
    fn take_gradient(&mut self, to: Vector, prior: Option<PriorRule>) -> f64;

    /// `vector` <- M^-1 times it, M the curvature of the likelihood's diagonal and of the prior
    /// where the gradient was taken last.
    fn precondition(&mut self, vector: Vector);
}
