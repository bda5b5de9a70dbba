//! Search directions of object and probe, and the steps along them.

use super::bands::Bands;
use super::batch::Batch;
use super::probe_gradient::ProbeGradient;
use crate::Problem;
use crate::engine::{Fields, SearchDirections, Trail};
use crate::outside::StoredField;
use lapwing_model::{Complex32, elementwise, parallel};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);
/// Smallest divisor of light; its square is a normal number.
const DARK: f32 = 1e-18;

/// The directions, and what they are made from.
pub(super) struct Directions {
    /// sum_j chi_j conj(P_j) on the object's grid.
    sum: StoredField,
    /// The sum divided by the light, where the object moves with every batch. Where it waits for
    /// the end of the epoch, its update is 0 until then, and has the direction in its place.
    object: StoredField,
    /// (mode, y, x)
    probe: Vec<Complex32>,
    /// Where the object's direction was worked out last.
    bands: Bands,
    /// Those of the epoch, once it has begun.
    search: Option<SearchDirections>,
    steps: Steps,
    pub trail: Trail,
}

/// The object's steps in an epoch.
struct Steps {
    sum: f64,
    smallest: f64,
    batches: usize,
}

impl Steps {
    const NONE: Self = Self { sum: 0.0, smallest: f64::INFINITY, batches: 0 };
}

impl Directions {
    pub fn new(problem: &Problem) -> Self {
        let (pixels, store) = (problem.object.slices().len(), problem.field_store());
        Self {
            sum: StoredField::zeros(pixels, store),
            object: StoredField::default(),
            probe: vec![ZERO; problem.probe.len()],
            bands: Bands::whole(problem),
            search: None,
            steps: Steps::NONE,
            trail: Trail::new(vec![0.0; pixels], problem.probe.len(), store),
        }
    }

    /// Begins an epoch.
    pub fn begin(&mut self, problem: &Problem, search: SearchDirections) {
        self.sum.fill(ZERO);
        if search.every_batch && self.object.len() != self.sum.len() {
            self.object = StoredField::zeros(self.sum.len(), problem.field_store());
        }
        self.trail.begin();
        self.search = Some(search);
        self.steps = Steps::NONE;
    }

    fn epoch(&self) -> SearchDirections {
        self.search.expect("an epoch of search directions is begun before it is used")
    }

    /// Directions of object (y, x) and probe (mode, y, x).
    pub fn along(&self) -> (&[Complex32], &[Complex32]) {
        let object = match self.epoch().every_batch {
            true => &self.object,
            false => &self.trail.object_update,
        };
        (object, &self.probe)
    }

    /// Works out the directions for a batch, the object's where the batch touches it.
    pub fn of_batch(
        &mut self,
        problem: &Problem,
        batch: &Batch,
        members: &[usize],
        gradient: &mut ProbeGradient,
    ) {
        let search = self.epoch();
        self.bands = Bands::of(problem, members);
        let Self { sum, object, probe, bands, trail, .. } = self;
        if search.every_batch {
            bands.for_each(sum, |sum, _| sum.fill(ZERO));
        }
        let to_object = || {
            let (light, strongest, next_light) = trail.lights_mut();
            if search.light_of_batch {
                *strongest = batch.scatter_anew(problem, bands, sum, light);
                bands.for_each(next_light, |sum, at| {
                    sum.iter_mut().zip(&light[at]).for_each(|(sum, light)| *sum += light);
                });
            } else {
                batch.scatter(problem, sum, next_light);
            }
            precondition(search, object, sum, trail, bands);
        };
        let to_probe = || {
            let (sum, power) = gradient.of_batch(&problem.model, batch);
            let damping = search.probe_damping as f32;
            let floor = (damping * elementwise::largest(power)).max(f32::MIN_POSITIVE);
            probe.copy_from_slice(sum);
            for mode in probe.chunks_exact_mut(problem.model.len()) {
                for (value, &power) in mode.iter_mut().zip(power) {
                    *value /= power + floor;
                }
            }
        };
        parallel::both(to_object, to_probe);
    }

    /// Moves the fields along the directions by these step lengths of the batch, where they are to
    /// move; returns whether the probe has.
    pub fn advance(&mut self, fields: &mut Fields, (object, probe): (f64, f64)) -> bool {
        let search = self.epoch();
        let (object, probe) = (search.step * object, search.step * probe);
        self.steps.sum += object;
        self.steps.smallest = self.steps.smallest.min(object);
        self.steps.batches += 1;
        let probe = search.probe.map(|factor| factor * probe);
        self.go(fields, search.every_batch.then_some(object), probe);
        probe.is_some()
    }

    /// Ends the epoch: the object, if it has waited, moves by the smallest step along the direction
    /// of all batches, everywhere. Returns its step.
    pub fn end(&mut self, problem: &Problem, fields: &mut Fields) -> f64 {
        let search = self.epoch();
        let step = if search.every_batch {
            self.steps.sum / self.steps.batches as f64
        } else {
            self.bands = Bands::whole(problem);
            let Self { sum, object, bands, trail, .. } = self;
            precondition(search, object, sum, trail, bands);
            let (step, direction) = (self.steps.smallest, &mut self.trail.object_update);
            self.bands.for_each(fields.parts_mut().object, |value, at| {
                elementwise::add_scaled(value, step as f32, &direction[at]);
            });
            // The direction becomes the update.
            self.bands.for_each(direction, |value, _| {
                value.iter_mut().for_each(|value| *value = Complex32::ZERO + *value * step as f32);
            });
            step
        };
        self.trail.end();
        step
    }

    fn go(&mut self, fields: &mut Fields, object: Option<f64>, probe: Option<f64>) {
        let parts = fields.parts_mut();
        if let Some(step) = object {
            for field in [parts.object, &mut self.trail.object_update[..]] {
                self.bands.for_each(field, |value, at| {
                    elementwise::add_scaled(value, step as f32, &self.object[at])
                });
            }
        }
        if let Some(step) = probe {
            let step = step as f32;
            let fields = parts.probe.iter_mut().zip(&mut self.trail.probe_update).zip(&self.probe);
            for ((value, update), direction) in fields {
                let change = direction * step;
                *value += change;
                *update += change;
            }
        }
    }
}

/// direction = sum / sqrt(light^2 + (damping max light)^2), in `object` where the object moves with
/// every batch, else in the place of the epoch's update.
fn precondition(
    search: SearchDirections,
    object: &mut [Complex32],
    sum: &[Complex32],
    trail: &mut Trail,
    bands: &Bands,
) {
    let (light, strongest, update) = trail.light_and_update_mut();
    let direction = if search.every_batch { object } else { update };
    let floor = (search.object_damping as f32 * strongest).max(DARK);
    bands.for_each(direction, |direction, at| {
        elementwise::divide_damped(direction, &sum[at.clone()], &light[at], floor);
    });
}
