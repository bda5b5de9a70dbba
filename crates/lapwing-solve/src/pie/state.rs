//! The fields as they move, batch by batch.

use crate::batch::{Batch, Wanted};
use crate::detector::Step;
use crate::guard::Guard;
use crate::probe_side::ProbeSide;
use crate::run::Iteration;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::touched::Touched;
use crate::{Constraints, Problem, Solution, batching, gauge};
use lapwing_model::{Complex32, elementwise};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);
/// Factor on the steps after epochs that had to be taken back.
const CAUTION: f64 = 0.5;

/// What tells the members of the family apart.
pub(super) struct Update {
    pub batch_size: usize,
    /// Share of the maximum under the fraction, and factor on the whole.
    pub object: (f64, f64),
    pub probe: (f64, f64),
    pub probe_from_epoch: usize,
    pub seed: u64,
    pub constraints: Constraints,
}

pub(super) struct State<'a> {
    update: Update,
    problem: &'a Problem,
    /// Object, then probe modes.
    fields: Vec<Complex32>,
    sum: Vec<Complex32>,
    light: Vec<f32>,
    batch: Batch,
    probe_side: ProbeSide,
    guard: Guard,
    /// Factor on all steps: 1 until something went wrong.
    caution: f64,
}

impl<'a> State<'a> {
    pub fn new(update: Update, problem: &'a Problem) -> Self {
        let mut fields: Vec<Complex32> =
            problem.object.iter().chain(&problem.probe).copied().collect();
        let (object, probe) = fields.split_at_mut(problem.object.len());
        let scale = gauge::probe_scale(problem, object, &gauge::illumination(problem, probe));
        probe.iter_mut().for_each(|value| *value *= scale);
        Self {
            batch: Batch::new(problem, update.batch_size, Wanted::default()),
            probe_side: ProbeSide::new(problem),
            sum: vec![ZERO; problem.object.len()],
            light: vec![0.0; problem.object.len()],
            guard: Guard::default(),
            caution: 1.0,
            update,
            problem,
            fields,
        }
    }

    /// One batch; returns its summed loss.
    fn batch(&mut self, members: &[usize], probe_moves: bool) -> f64 {
        let model = &self.problem.model;
        let (object, probe) = self.fields.split_at_mut(self.problem.object.len());
        let side = &mut self.probe_side;
        side.look_at(model, probe);
        let loss = self.batch.project(self.problem, Step::Gaussian, members, object, &side.spectra);
        let touched = Touched::by(self.problem, members);
        let largest =
            self.batch.scatter_anew(self.problem, &touched, &mut self.sum, &mut self.light);
        let of_object = weights(largest, self.update.object, self.caution);
        touched.for_each(object, |value, at| {
            elementwise::add_quotient(value, &self.sum[at.clone()], &self.light[at], of_object);
        });
        if probe_moves {
            side.clear();
            side.add(&self.batch);
            let (direction, power) = side.direction(model);
            let of_probe = weights(elementwise::largest(power), self.update.probe, self.caution);
            let modes =
                probe.chunks_exact_mut(model.len()).zip(direction.chunks_exact(model.len()));
            for (mode, direction) in modes {
                elementwise::add_quotient(mode, direction, power, of_probe);
            }
        }
        loss
    }

    fn balance(&mut self) {
        let (object, probe) = self.fields.split_at_mut(self.problem.object.len());
        let illumination = gauge::illumination(self.problem, probe);
        let rms = gauge::object_rms(object, &illumination);
        gauge::rescale(object, &illumination, probe, rms);
    }
}

/// (1 - a), a max(power), and the factor on the update.
fn weights(largest: f32, (share, step): (f64, f64), caution: f64) -> (f32, f32, f32) {
    let share = share as f32;
    (1.0 - share, (share * largest).max(f32::MIN_POSITIVE), (step * caution) as f32)
}

impl Iteration for State<'_> {
    fn epoch(&mut self, number: usize, _losses: &[f64]) -> f64 {
        let began = self.fields.clone();
        let probe_moves = number >= self.update.probe_from_epoch;
        let (size, seed) = (self.update.batch_size, self.update.seed);
        let batches = batching::random(self.problem.n_patterns(), size, seed, number as u64);
        let loss: f64 = batches.iter().map(|members| self.batch(members, probe_moves)).sum();
        let loss = self.problem.to_input_unit(loss / self.problem.used_pixels() as f64);
        if let Some((safe, good)) = self.guard.judge(began, loss) {
            self.fields.copy_from_slice(safe);
            self.caution *= CAUTION;
            return good;
        }
        let (object, probe) = self.fields.split_at_mut(self.problem.object.len());
        self.update.constraints.apply(self.problem, object, probe);
        loss
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_fields("fields", &self.fields);
        snapshot.put_numbers("caution", &[self.caution]);
        self.guard.save(snapshot);
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let len = self.fields.len();
        self.fields.copy_from_slice(snapshot.fields("fields", len)?);
        [self.caution] = snapshot.numbers("caution")?;
        self.guard.load(snapshot, len)
    }

    fn finish(mut self: Box<Self>, losses: Vec<f64>) -> Solution {
        if self.update.constraints.keeps_balance() {
            self.balance();
        }
        let probe = self.fields.split_off(self.problem.object.len());
        Solution::new(self.problem, self.fields, probe, &[], losses)
    }
}
