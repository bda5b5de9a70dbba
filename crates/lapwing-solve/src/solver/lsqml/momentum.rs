//! Momentum acceleration: when the epoch's updates keep pointing the same way, go further that way.
//!
//! The scheme known as accelerated gradients of PtychoShelves (O18's companion code), in formulas:
//! with U the epoch's update, Uhat = U / rms(U), and c_i the correlation of Uhat with the one i
//! epochs ago, a line through the origin is fitted to (i, ln c_i); half its slope is the friction,
//! and the velocity becomes V <- (1 - friction) V + U. When an earlier update points away (c_i <=
//! 0), or the loss has stopped falling, the velocity is halved and nothing is added. How much of
//! the velocity a pixel of the object takes depends on the noise that its light leaves it with
//! ([`half_weight`]).

use crate::solver::snapshot::{Snapshot, SnapshotError};
use crate::solver::vector::{dot, scale_and_add, scaled};
use lapwing_model::Complex32;
use std::collections::VecDeque;

/// Share of the largest illumination at which the object's momentum has half its weight where there
/// is no noise.
const DAMPING: f64 = 0.1;
/// Noise of an object pixel, relative to the object's r.m.s., at which it has half its weight in
/// strong light: above it most of what keeps pulling the same way, epoch after epoch, is noise.
const NOISE: f64 = 0.05;

/// The illumination at which the object's momentum has half its weight, light / (light + this).
///
/// The misfit per pixel of an exit wave, `variance`, leaves an object pixel that `light` fell on
/// with the variance `variance` / light.
pub(super) fn half_weight(peak: f32, variance: f64) -> f32 {
    let light = DAMPING * f64::from(peak) + variance / NOISE.powi(2);
    (light as f32).max(f32::MIN_POSITIVE)
}

/// Velocity of one field and its memory of past updates.
pub(super) struct Momentum {
    memory: usize,
    past: VecDeque<Vec<Complex32>>,
    velocity: Vec<Complex32>,
}

impl Momentum {
    /// A field at rest, comparing each update with the `memory` before it.
    pub fn new(memory: usize, len: usize) -> Self {
        Self {
            memory,
            past: VecDeque::with_capacity(memory + 1),
            velocity: vec![Complex32::default(); len],
        }
    }

    /// Takes the epoch's update, whose normalised form is remembered, and returns the velocity to
    /// be added, if any.
    pub fn after(&mut self, update: &[Complex32], improving: bool) -> Option<&[Complex32]> {
        let power = dot(update, update) / update.len() as f64;
        if !(power > 0.0 && power.is_finite()) {
            return None;
        }
        let now = scaled(update, 1.0 / power.sqrt());
        // Newest first: past[i - 1] is the update i epochs ago.
        let correlations: Vec<f64> = self.past.iter().map(|past| correlation(&now, past)).collect();
        let ready = self.past.len() > self.memory;
        self.past.truncate(self.memory);
        self.past.push_front(now);
        if !ready {
            return None;
        }
        let correlations = &correlations[..self.memory];
        if !improving || correlations.iter().any(|&c| c <= 0.0) {
            self.velocity.iter_mut().for_each(|value| *value *= 0.5);
            return None;
        }
        scale_and_add(&mut self.velocity, 1.0 - friction(correlations), update);
        Some(&self.velocity)
    }

    /// Brings the field to rest and forgets its past.
    pub fn stop(&mut self) {
        self.past.clear();
        self.velocity.fill(Complex32::default());
    }

    pub fn save(&self, field: &str, snapshot: &mut Snapshot) {
        snapshot.put_fields(&format!("momentum.{field}.velocity"), &self.velocity);
        for (age, past) in self.past.iter().enumerate() {
            snapshot.put_fields(&format!("momentum.{field}.past.{age}"), past);
        }
    }

    pub fn load(&mut self, field: &str, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let len = self.velocity.len();
        self.velocity.copy_from_slice(snapshot.fields(&format!("momentum.{field}.velocity"), len)?);
        self.past.clear();
        for age in 0..=self.memory {
            let name = format!("momentum.{field}.past.{age}");
            if snapshot.has(&name) {
                self.past.push_back(snapshot.fields(&name, len)?.to_vec());
            }
        }
        Ok(())
    }

    /// Follows a change of the field's scale.
    pub fn rescale(&mut self, factor: f32) {
        self.velocity.iter_mut().for_each(|value| *value *= factor);
    }
}

/// Re mean conj(a) b.
fn correlation(a: &[Complex32], b: &[Complex32]) -> f64 {
    dot(a, b) / a.len() as f64
}

/// Half the decay rate per epoch of the correlations, by a least-squares line through (0, 0) and
/// (i, ln c_i).
fn friction(correlations: &[f64]) -> f64 {
    // The fit is of slope and offset: the origin is a point like the others.
    let n = (correlations.len() + 1) as f64;
    let points = std::iter::once(0.0).chain(correlations.iter().map(|c| c.ln()));
    let (mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0);
    for (i, y) in points.enumerate() {
        let x = i as f64;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    let slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    (-0.5 * slope).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(value: f32) -> Vec<Complex32> {
        vec![Complex32::new(value, 0.0), Complex32::new(0.0, 2.0 * value)]
    }

    #[test]
    fn steady_updates_build_up_speed_without_friction() {
        let mut momentum = Momentum::new(2, 2);
        for _ in 0..3 {
            assert!(momentum.after(&update(1.0), true).is_none());
        }
        assert!((momentum.after(&update(1.0), true).unwrap()[0].re - 1.0).abs() < 1e-5);
        assert!((momentum.after(&update(1.0), true).unwrap()[0].re - 2.0).abs() < 1e-5);
        // A loss that stopped falling halves the velocity and adds nothing.
        assert!(momentum.after(&update(1.0), false).is_none());
        assert!((momentum.velocity[0].re - 1.0).abs() < 1e-5);
        // So does an update that turns round.
        assert!(momentum.after(&update(-1.0), true).is_none());
        assert!((momentum.velocity[0].re - 0.5).abs() < 1e-5);
    }

    #[test]
    fn momentum_is_weak_where_noise_or_darkness_is() {
        let weight =
            |light: f32, strongest, variance| light / (light + half_weight(strongest, variance));
        // 5 % of noise: a standard deviation of 0.05, so a variance of 0.0025 in light of 1.
        assert!((weight(1.0, 0.0, 0.0025) - 0.5).abs() < 1e-6);
        // Four times the light, a quarter of the variance.
        assert!((weight(4.0, 0.0, 0.0025) - 0.8).abs() < 1e-6);
        // Without noise: half at a tenth of the strongest light, nearly all in it.
        assert!((weight(3.0, 30.0, 0.0) - 0.5).abs() < 1e-6);
        assert!((weight(30.0, 30.0, 0.0) - 10.0 / 11.0).abs() < 1e-6);
        // Darkness and no noise: no division by zero, and no weight.
        assert_eq!(weight(0.0, 0.0, 0.0), 0.0);
    }

    #[test]
    fn friction_is_half_the_decay_rate() {
        let rate: f64 = 0.3;
        let correlations: Vec<f64> = (1..=3).map(|i| (-rate * f64::from(i)).exp()).collect();
        assert!((friction(&correlations) - rate / 2.0).abs() < 1e-12);
        assert_eq!(friction(&[1.0, 1.0]), 0.0);
    }
}
