//! Gradients and their preconditioner on the card: see `kernels/descent.wgsl`.

use super::GpuEngine;
use super::arrays::{Array, Params};
use super::descent_arrays::{Descent, GROUPS, Numbers};
use super::kernels::Layout;
use crate::engine::{Blend, PriorRule, Resident, Vector};
use crate::prior::{DAMPING, Jumps, ROUGHNESS, STEPS};
use lapwing_model::Complex32;

/// What the preconditioner needs of where the gradient was taken.
#[derive(Clone)]
pub(super) struct Curved {
    /// Numbers of the kernels on the object.
    object: Numbers,
    /// What is added under the probe's step.
    probe_floor: f32,
    descent: Descent,
}

/// The floor under a diagonal whose largest element this is.
fn floor(largest: f32) -> f32 {
    (DAMPING * largest).max(f32::MIN_POSITIVE)
}

impl GpuEngine<'_> {
    fn run_descent(&mut self, kernel: &str, numbers: Numbers, to: &wgpu::Buffer, shared: bool) {
        let curved = self.curved();
        let pixels = if kernel == "divide" { numbers.len } else { numbers.columns * numbers.rows };
        let groups = match shared {
            true => [numbers.groups as usize, 1, 1],
            false => Layout::tile_groups((pixels as usize).div_ceil(256)),
        };
        let lights = if kernel == "divide" { Array::Sums } else { Array::Lights };
        let lights = self.recorder.array(lights).clone();
        let object = self.recorder.array(Array::Object).clone();
        let arrays = curved.descent.clone();
        self.recorder.flush_if_many();
        self.recorder.run_descent(kernel, numbers, &arrays, [&object, &lights, to], groups);
    }

    /// The sums that the workgroups have put to the first slot, and the largest fourth value.
    fn parts(&mut self) -> [f64; 4] {
        let Curved { object, descent, .. } = self.curved();
        let parts = descent.parts.clone();
        let mut values = vec![[0.0_f32; 4]; object.groups as usize];
        self.recorder.read_buffer(&parts, &mut values);
        values.iter().fold([0.0; 4], |sum, part| {
            let part = part.map(f64::from);
            [sum[0] + part[0], sum[1] + part[1], sum[2] + part[2], sum[3].max(part[3])]
        })
    }

    /// What the latest gradient has left, which all kernels of a descent need.
    fn curved(&self) -> &Curved {
        self.curved.as_ref().unwrap_or_else(|| unreachable!("a gradient is taken first"))
    }

    /// The buffer of a kept vector.
    fn kept_buffer(&self, vector: Vector) -> wgpu::Buffer {
        let Vector::Kept(index) = vector else {
            unreachable!("gradients are taken to kept vectors, which are preconditioned there");
        };
        self.kept[index].clone()
    }
}

impl Resident for GpuEngine<'_> {
    fn take_gradient(&mut self, to: Vector, prior: Option<PriorRule>) -> f64 {
        self.upload_fields();
        let (object, probe, pixels) =
            (self.layout.object_pixels(), self.probe_len(), self.layout.pixels());
        if !std::mem::take(&mut self.added) {
            self.recorder.clear(Array::Object, 8 * object, 8 * object);
            self.recorder.clear(Array::Lights, 4 * self.lights()[1] as usize, 4 * object);
            self.recorder.clear(Array::Probe, 8 * 5 * probe, 8 * probe);
            self.recorder.clear(Array::Sums, 0, 4 * pixels);
        }
        let of_sums = Params { mode: 1, ..Params::default() };
        self.run("collect_y", of_sums, self.columns(self.layout.fields(), 1));
        self.run("probe_direction_x", of_sums, self.rows(self.layout.fields(), 1));
        let descent = match self.curved.take() {
            Some(curved) => curved.descent,
            None => Descent::new(&self.recorder, object),
        };
        let rule = prior.unwrap_or(PriorRule {
            strength: 0.0,
            edge: 1.0,
            jumps: Jumps::Linear,
            absorption: 1.0,
            directions: None,
            scale: 1.0,
            per_power: 0.0,
        });
        let (rows, columns) = self.layout.shape.object;
        let mut numbers = Numbers {
            columns: columns as u32,
            rows: rows as u32,
            sum: object as u32,
            light: self.lights()[1],
            has_prior: u32::from(prior.is_some()),
            s2: rule.scale as f32,
            edge: (rule.edge * rule.jumps.turn()) as f32,
            bounded: u32::from(rule.jumps == Jumps::Bounded),
            groups: object.div_ceil(256).min(GROUPS) as u32,
            absorption: rule.absorption as f32,
            strength: (rule.strength * rule.scale) as f32,
            ..Numbers::default()
        };
        self.curved = Some(Curved { object: numbers, probe_floor: 0.0, descent });
        if let Some(directions) = rule.directions {
            let into = self.curved().descent.weights().clone();
            let directions = self.kept_buffer(directions);
            self.recorder.copy(directions, 0, into, 4 * object as u64, 8 * object as u64);
        }
        let buffer = self.kept_buffer(to);
        self.run_descent("weigh", numbers, &buffer, true);
        let [value, power, rough, largest] = self.parts();
        numbers.floor = floor(largest as f32);
        self.run_descent("gradient", numbers, &buffer, false);
        // The probe's: what `probe_direction_x` has left, and the prior's by s^2.
        let rough = f64::from(ROUGHNESS) * rough;
        let by_power = (rule.per_power * (power + rough)) as f32;
        let of_probe = self.recorder.array(Array::Probe).clone();
        let (from, into) = (8 * 3 * probe as u64, 8 * object as u64);
        self.recorder.copy(of_probe, from, buffer, into, 8 * probe as u64);
        let blend = Blend { object: [1.0, 0.0], probe: [-1.0, by_power] };
        self.blend_vectors(to, Vector::Fields, blend);
        let mut powers = vec![0.0_f32; self.layout.column_groups()];
        self.recorder.read_into([(Array::Sums, pixels, powers.as_mut_slice())]);
        let probe_floor = floor(powers.iter().fold(0.0, |most, &value| most.max(value)));
        let curved =
            Curved { object: numbers, probe_floor, descent: self.curved().descent.clone() };
        self.curved = Some(curved);
        match prior {
            Some(PriorRule { strength, edge, jumps, scale, .. }) => {
                let turn = edge * jumps.turn();
                strength * (2.0 * turn * value + f64::from(scale as f32) * rough)
            }
            None => 0.0,
        }
    }

    fn precondition(&mut self, vector: Vector) {
        let &Curved { object, probe_floor, .. } = self.curved();
        let buffer = self.kept_buffer(vector);
        self.run_descent("begin", object, &buffer, false);
        if object.has_prior == 1 {
            self.run_descent("apply", Numbers { source: 1, ..object }, &buffer, true);
            self.run_descent("reduce", object, &buffer, true);
            self.run_descent("direct", object, &buffer, true);
            for step in 1..=STEPS as u32 {
                // What <p, M p> of the step before goes to is behind <r, r / B>.
                let of_product = Numbers { source: 2, step: 2 * step, ..object };
                self.run_descent("apply", of_product, &buffer, true);
                self.run_descent("reduce", Numbers { step, ..object }, &buffer, true);
                self.run_descent("direct", Numbers { step, ..object }, &buffer, true);
            }
            self.run_descent("finish", object, &buffer, false);
        }
        let (height, width) = self.layout.shape.window;
        let of_probe = Numbers {
            columns: width as u32,
            rows: height as u32,
            first: self.layout.object_pixels() as u32,
            len: self.probe_len() as u32,
            floor: probe_floor,
            ..object
        };
        self.run_descent("divide", of_probe, &buffer, false);
    }
}

/// Vectors that ML's second stage keeps, about: ten pairs, points, directions and U.
const KEPT: usize = 28;

/// Bytes of what a descent keeps for so many values of object and probe.
pub(super) fn bytes_of(object: usize, probe: usize) -> u64 {
    let fields = object * (3 * size_of::<f32>() + 5 * size_of::<Complex32>());
    (fields + KEPT * size_of::<Complex32>() * (object + probe)) as u64
}
