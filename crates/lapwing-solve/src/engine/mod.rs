//! The work on batches of patterns, on one device.
//!
//! A solver decides; an [`Engine`] computes. Object, probe, and what varies along the scan - the
//! [`Fields`] - are resident in the engine, and so are the measured patterns and every sum over
//! them. What happens between the fields and a pattern stays behind this trait, in a few operations
//! that are described by values ([`DetectorRule`], [`Quotient`], [`SearchDirections`],
//! [`WaveUpdate`]): nothing here calls back into a solver, and no batch has to wait for an answer
//! about the one before, so a device with memory of its own can do the same.
//!
//! [`Engine::fields`] and [`Engine::fields_mut`] show the fields in the memory of the process; a
//! device with its own brings them there and back when they are asked for, which solvers do about
//! once an epoch.

pub(crate) mod cpu;
mod device;
mod fields;
#[cfg(feature = "gpu")]
pub mod gpu;
mod held;
mod open;
mod resident;
mod rules;
pub(crate) mod vectors;

pub use crate::noise::DetectorRule;
pub use device::{Device, Needs, Unsupported};
pub use fields::{Fields, FieldsMut};
pub use open::open;
pub use resident::{PriorRule, Resident};
pub use rules::{
    Floor, HoldOut, Losses, Products, Quotient, SearchDirections, Side, Sums, Trail, WaveUpdate,
    WaveWeights,
};
pub(crate) use rules::{Normal, between_step_rows, step_lengths};
pub use vectors::{Blend, Push, Vector};

use lapwing_model::Complex32;

/// Works on batches of patterns of one problem. See the [module](self).
///
/// The order of calls is: [`project`](Self::project) (or [`project_waves`](Self::project_waves))
/// computes a batch; the other operations use the batch that was computed last.
pub trait Engine {
    /// The fields as they are.
    fn fields(&mut self) -> &Fields;

    /// The fields, to be changed: what is computed next sees the change.
    fn fields_mut(&mut self) -> &mut Fields;

    /// Computes exit waves and far fields of the patterns `members`, takes `step` in the detector
    /// plane, and brings the change back: chi_j = F^-1[Psi_j factor] for every mode of every
    /// pattern. The loss is added to what [`take_losses`](Self::take_losses) gives.
    ///
    /// Neighbours in `members` should be neighbours on the object.
    fn project(&mut self, members: &[usize], step: DetectorRule);

    /// The losses of all batches that were projected since they were taken last.
    fn take_losses(&mut self) -> Losses;

    /// Hides pixels from every [`project`](Self::project) from now on, or shows all again: hidden
    /// ones enter neither the loss nor the step. [`DetectorRule::Poisson`], whose step length is of
    /// the whole pattern, still sees them.
    fn hold_out(&mut self, hidden: Option<HoldOut>);

    /// Adds this share of the problem's background to the model from now on; all of it at first.
    fn scale_background(&mut self, share: f32);

    /// As [`project`](Self::project), for stored exit waves: that of every pattern of `members`,
    /// w_j, meets p_j = P O_j, the product of the present fields, and goes through the modulus
    /// projection as `update` says. The batch's sums are those of what the waves share, for the
    /// object: sum c_j conj(P_j). The loss is the gap between the projections, sum |m_j - p_j|^2.
    ///
    /// In a pattern's first pass e_j is p_j.
    fn project_waves(&mut self, members: &[usize], update: WaveUpdate);

    /// Makes the batch's sums those of what the waves of `members` shared in their last pass, with
    /// the present fields: for the object sum c_j conj(P_j) and sum |P_j|^2, for the probe sum c_j
    /// conj(O_j) and sum |O_j|^2; those of the other field are 0.
    ///
    /// # Panics
    /// When no waves are stored.
    fn share_waves(&mut self, members: &[usize], side: Side);

    /// The stored exit waves, axes (pattern, mode, y, x); `None` before the first pass of all.
    fn waves(&mut self) -> Option<Vec<Complex32>>;

    /// Replaces the stored exit waves, of the same axes.
    fn set_waves(&mut self, waves: &[Complex32]);

    /// Adds the sums over the batch to those that [`take_sums`](Self::take_sums) gives.
    fn add_sums(&mut self);

    /// The sums over the batches that were added since they were taken last.
    fn take_sums(&mut self) -> Sums;

    /// For every pattern of the batch, in its order: half the decrease of the loss per pixel of a
    /// shift along y and along x, at no shift. Empty unless [`Products::slopes`] was asked for.
    fn slopes(&mut self) -> Vec<[f64; 2]>;

    /// For every pattern of the batch, in its order, and every eigenmode E_k of the probe: <E_k
    /// O_j, chi_j>, minus the derivative of half the loss with the conjugate weight.
    fn weight_slopes(&mut self) -> Vec<Complex32>;

    /// For every pattern of the batch, in its order: minus the derivative of half the loss with the
    /// logarithm of the beam's power, Re <psi_j, chi_j> / 2. Empty where the power does not vary.
    fn power_slopes(&mut self) -> Vec<f64>;

    /// Moves object and probe by the batch's sums divided by its light, as `object` and `probe`
    /// say; without `probe` it stays.
    fn step_by_quotients(&mut self, object: Quotient, probe: Option<Quotient>);

    /// Begins an epoch of search directions: forgets what the epoch before added up.
    ///
    /// # Panics
    /// Without [`Products::waves`]; so do the other operations on search directions.
    fn begin_search(&mut self, search: SearchDirections);

    /// Works out the search directions of object and probe for the batch, for every pattern the
    /// two step lengths along them (O18, Eqs. 22, 24, 25), and moves the fields by their means, as
    /// the [`SearchDirections`] of the epoch says.
    fn search(&mut self);

    /// Ends an epoch of search directions; an object that has waited moves now, along the direction
    /// of all batches together, by the shortest step of them. Returns the object's step: that, or
    /// the mean of the batches'.
    fn end_search(&mut self) -> f64;

    /// What the search directions leave behind.
    fn trail_mut(&mut self) -> &mut Trail;

    /// The fields and what the search directions leave behind.
    fn fields_and_trail_mut(&mut self) -> (&mut Fields, &mut Trail);

    /// A new vector, zeros all.
    fn new_vector(&mut self) -> Vector;

    /// to <- from
    ///
    /// # Panics
    /// If `to` is the update of the epoch, which is only read; so do the operations below.
    fn copy(&mut self, to: Vector, from: Vector);

    /// to <- a to + b from, in object and probe; two different vectors.
    fn blend(&mut self, to: Vector, from: Vector, blend: Blend);

    /// Re <a, b> over the object and over the probe, of every pair.
    fn dots(&mut self, pairs: &[[Vector; 2]]) -> Vec<[f64; 2]>;

    /// Adds a multiple of a vector other than the fields to the fields, weighted by the light of
    /// the search directions.
    fn push(&mut self, from: Vector, push: Push);

    /// The values of a vector.
    fn vector(&mut self, vector: Vector) -> Vec<Complex32>;

    /// Replaces the values of a vector.
    fn set_vector(&mut self, vector: Vector, values: &[Complex32]);

    /// The largest light that search directions go by.
    fn strongest_light(&mut self) -> f32;

    /// Gradients that stay on the device with what is preconditioned there; `None` where vectors
    /// are in the memory of the process anyway, or the device's does not hold what ML keeps.
    fn resident(&mut self) -> Option<&mut dyn Resident> {
        None
    }

    /// The device's error, if it has failed: all results computed since are invalid.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// Message of an operation on search directions without [`Products::waves`].
const NO_SEARCH: &str = "an engine that searches was opened with Products::waves";
