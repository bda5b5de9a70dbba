//! What the epochs of all solvers have in common: the start, the guard, the constraints, the scale
//! between object and probe, snapshots, and the end.

use super::constraints::Constraints;
use super::gauge;
use super::guard::{Guard, Verdict};
use super::snapshot::{Snapshot, SnapshotError};
use super::solution::Solution;
use crate::Problem;
use crate::engine::vectors::Pool;
use crate::engine::{self, Engine, Fields, FieldsMut, Products, Vector};
use lapwing_model::Complex32;

/// Factor on the steps after epochs that had to be rolled back.
const SHRINK: f64 = 0.5;

/// The problem, the engine that works on it, and what all solvers do between epochs.
pub struct Frame<'a> {
    /// What is reconstructed.
    pub problem: &'a Problem,
    /// Where the fields are, and what works on batches.
    pub engine: Box<dyn Engine + 'a>,
    constraints: Constraints,
    /// Whether the engine works out search directions, by light that the frame keeps up to date.
    searches: bool,
    guard: Guard,
    /// Where the best epoch began.
    safe: Option<Vector>,
    pool: Pool,
    shrink: f64,
}

/// An epoch that the [guard](Frame::guarded) has judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Guarded {
    /// It did no harm.
    Kept {
        /// Its loss summed over all pixels, in the solver's unit.
        summed: f64,
        /// Its loss, a mean per pixel in the unit of the input.
        loss: f64,
    },
    /// The fields are back where the best epoch began, and steps are shorter from now on.
    RolledBack {
        /// The loss of the best epoch.
        loss: f64,
    },
}

impl<'a> Frame<'a> {
    /// Before the first epoch: an engine for batches of up to `batch_size` patterns which keeps
    /// `products`, and the start fields in it, the probe with the power that predicts the measured
    /// total intensity.
    pub fn new(
        problem: &'a Problem,
        constraints: Constraints,
        batch_size: usize,
        products: Products,
    ) -> Self {
        let engine = engine::open(problem, batch_size, products);
        let mut frame = Self {
            problem,
            engine,
            constraints,
            searches: products.waves,
            guard: Guard::default(),
            safe: None,
            pool: Pool::default(),
            shrink: 1.0,
        };
        frame.match_power();
        frame
    }

    /// Gives the probe of the start the power that predicts the measured total intensity.
    fn match_power(&mut self) {
        let problem = self.problem;
        let FieldsMut { object, probe, .. } = self.engine.fields_mut().parts_mut();
        let mut light = gauge::illumination(problem, probe);
        let factor = gauge::probe_scale(problem, object, &light);
        probe.iter_mut().for_each(|value| *value *= factor);
        if self.searches {
            light.iter_mut().for_each(|value| *value *= factor * factor);
            self.engine.trail_mut().set_light(light);
        }
    }

    /// Puts the fields to those of the start, as if no epoch had been before.
    pub(crate) fn begin_again(&mut self) {
        let refined = !self.engine.fields().offsets().is_empty();
        let start = Fields::start(self.problem, refined);
        self.restart(start.values());
        self.match_power();
    }

    /// Factor on all steps: 1 until an epoch had to be rolled back, and half as much each time.
    pub fn step_factor(&self) -> f64 {
        self.shrink
    }

    /// Does an epoch of batches by `sweep`, which returns its summed loss. When the loss exceeds
    /// the lowest so far by half, goes back to the fields from which that epoch started: the loss
    /// is measured as batches find the fields, so the harm done by one epoch shows in the next, and
    /// both are rolled back.
    pub fn guarded(&mut self, sweep: impl FnOnce(&mut Self) -> f64) -> Guarded {
        let began = self.pool.free(&mut *self.engine, self.safe.as_slice());
        self.engine.copy(began, Vector::Fields);
        let summed = sweep(self);
        let loss = self.problem.loss_per_pixel(summed);
        let good = match self.guard.judge(loss) {
            Verdict::Best => {
                self.safe = Some(began);
                return Guarded::Kept { summed, loss };
            }
            Verdict::Fine => return Guarded::Kept { summed, loss },
            Verdict::Harm(good) => good,
        };
        let safe = self.safe.expect("the fields before the best epoch are kept with its loss");
        self.engine.copy(Vector::Fields, safe);
        self.shrink *= SHRINK;
        if self.searches {
            let light = gauge::illumination(self.problem, self.engine.fields().probe());
            self.engine.trail_mut().set_light(light);
        }
        Guarded::RolledBack { loss: good }
    }

    /// Puts the fields to `values`, as if no epoch had been before.
    pub(crate) fn restart(&mut self, values: &[Complex32]) {
        self.engine.fields_mut().values_mut().copy_from_slice(values);
        self.guard = Guard::default();
        self.safe = None;
        self.shrink = 1.0;
    }

    /// Gives up the fields from which the best epoch started, and its loss.
    pub(crate) fn take_safe(&mut self) -> Option<(Vector, f64)> {
        let lowest = std::mem::take(&mut self.guard).lowest();
        self.safe.take().zip(lowest)
    }

    /// Brings the fields to the constraints.
    pub fn constrain(&mut self) {
        if self.constraints.is_none() {
            return;
        }
        let FieldsMut { object, probe, .. } = self.engine.fields_mut().parts_mut();
        self.constraints.apply(self.problem, object, probe);
    }

    /// Removes the scale ambiguity O -> O / c, P -> c P: the illumination-weighted r.m.s. of the
    /// object, and of each of its slices, becomes 1, unless the constraints fix the probe's power.
    /// Returns the factors on a slice of the object, their mean where there are several, and on the
    /// probe.
    pub fn balance(&mut self) -> [f64; 2] {
        if !self.constraints.keeps_balance() {
            return [1.0; 2];
        }
        let problem = self.problem;
        let up = if self.searches {
            let (fields, trail) = self.engine.fields_and_trail_mut();
            let FieldsMut { object, probe, .. } = fields.parts_mut();
            let up = gauge::balance(problem, object, trail.light(), probe);
            let factor = up as f32;
            trail.scale_light(factor * factor);
            up
        } else {
            let FieldsMut { object, probe, .. } = self.engine.fields_mut().parts_mut();
            let light = gauge::illumination(problem, probe);
            gauge::balance(problem, object, &light, probe)
        };
        [(1.0 / up).powf(1.0 / problem.n_slices() as f64), up]
    }

    /// sum |P|^2 / C: the probe's power over the mean measured one, which carries the scale of the
    /// object.
    pub(crate) fn relative_power(&mut self) -> f64 {
        self.engine.fields().probe_power() / self.problem.mean_intensity
    }

    pub(super) fn save(&mut self, snapshot: &mut Snapshot) {
        snapshot.put_fields("fields", self.engine.fields().values());
        snapshot.put_numbers("step_factor", &[self.shrink]);
        if self.searches {
            snapshot.put_single("illumination", self.engine.trail_mut().light());
        }
        if let Some(waves) = self.engine.waves() {
            snapshot.put_fields("waves", &waves);
        }
        if let (Some(safe), Some(lowest)) = (self.safe, self.guard.lowest()) {
            snapshot.put_fields("guard.fields", &self.engine.vector(safe));
            snapshot.put_numbers("guard.loss", &[lowest]);
        }
    }

    pub(super) fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let fields = self.engine.fields_mut().values_mut();
        let len = fields.len();
        fields.copy_from_slice(snapshot.fields("fields", len)?);
        [self.shrink] = snapshot.numbers("step_factor")?;
        if self.searches {
            let pixels = self.engine.fields().object().len();
            let light = snapshot.single("illumination", pixels)?.to_vec();
            self.engine.trail_mut().set_light(light);
        }
        if snapshot.has("waves") {
            let all = self.problem.n_patterns() * self.problem.waves_len();
            self.engine.set_waves(snapshot.fields("waves", all)?);
        }
        self.safe = None;
        self.guard = Guard::default();
        if snapshot.has("guard.loss") {
            let safe = self.pool.free(&mut *self.engine, &[]);
            self.engine.set_vector(safe, snapshot.fields("guard.fields", len)?);
            self.safe = Some(safe);
            let [lowest] = snapshot.numbers("guard.loss")?;
            self.guard = Guard::of(Some(lowest));
        }
        Ok(())
    }

    pub(super) fn finish(mut self, losses: Vec<f64>) -> Solution {
        self.balance();
        Solution::new(self.problem, self.engine.fields(), losses)
    }
}
