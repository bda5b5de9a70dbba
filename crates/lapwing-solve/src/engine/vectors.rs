//! Vectors like the fields, kept where an engine computes: what a solver keeps from one epoch to
//! the next never has to leave a device.

use super::Engine;
use lapwing_model::Complex32;

/// Which vector. All have the values of [`Fields`](super::Fields), in the same order and units:
/// the object dimensionless, the probe in square roots of photons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vector {
    /// The fields themselves.
    Fields,
    /// What the present epoch of search directions has added to object and probe; 0 elsewhere. It
    /// is only read.
    Update,
    /// One that [`Engine::new_vector`] has made.
    Kept(usize),
}

/// Factors a and b of y <- a y + b x, for the object and for the probe; the rest of the vectors
/// stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    /// For the object.
    pub object: [f32; 2],
    /// For the probe.
    pub probe: [f32; 2],
}

impl Blend {
    /// What leaves a vector as it is.
    pub const NOTHING: Self = Self { object: [1.0, 0.0], probe: [1.0, 0.0] };
}

/// How much of a vector x is added to the fields: of object pixels under a light L, sum_j |P_j|^2
/// in photons, gain L / (L + half) x, of the probe gain x. Gains are dimensionless.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Push {
    /// Gain, and the light at which it is half as large, photons; without it the object stays.
    pub object: Option<[f32; 2]>,
    /// Gain; without it the probe stays.
    pub probe: Option<f32>,
}

/// Vectors that are made when first needed and reused when no longer needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    made: Vec<Vector>,
}

impl Pool {
    /// One that is not among `used`; its contents are arbitrary.
    pub fn free(&mut self, engine: &mut dyn Engine, used: &[Vector]) -> Vector {
        if let Some(&free) = self.made.iter().find(|made| !used.contains(made)) {
            return free;
        }
        let new = engine.new_vector();
        self.made.push(new);
        new
    }
}

/// Object and probe of a vector, of which the object has `object` values and the probe ends behind
/// `probe` values.
pub(crate) fn parts(values: &[Complex32], [object, probe, ..]: [usize; 4]) -> [&[Complex32]; 2] {
    [&values[..object], &values[object..probe]]
}
