//! Kept vectors, in the memory of the card.

use super::GpuEngine;
use super::arrays::Array;
use super::kernels::Layout;
use super::recorder::Recorder;
use crate::engine::vectors::{Blend, Push, Vector};
use bytemuck::{Pod, Zeroable};
use lapwing_model::Complex32;

/// Workgroups that share out a product.
const GROUPS: usize = 256;

/// One field of a vector: its buffer, and its first value there.
type Place = (wgpu::Buffer, u32);

/// Numbers of one command, as `kernels/vectors.wgsl` names them.
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Numbers {
    pub to: u32,
    pub source: u32,
    pub len: u32,
    pub light: u32,
    pub half: f32,
    pub a: f32,
    pub b: f32,
    pub slot: u32,
}

impl GpuEngine<'_> {
    /// Object and probe of a vector.
    fn places(&self, vector: Vector) -> [Place; 2] {
        let (object, probe) = (self.layout.object_pixels() as u32, self.probe_len() as u32);
        let array = |array: Array, at: u32| (self.recorder.array(array).clone(), at);
        match vector {
            Vector::Fields => [array(Array::Object, 0), array(Array::Probe, 0)],
            Vector::Update => [array(Array::Object, 3 * object), array(Array::Probe, 4 * probe)],
            Vector::Kept(index) => {
                let buffer = &self.kept[index];
                [(buffer.clone(), 0), (buffer.clone(), object)]
            }
        }
    }

    /// What is behind object and probe of a vector: these values are few, and solvers move them.
    fn rest(&self, vector: Vector) -> Vec<Complex32> {
        let [_, probe_end, ..] = self.fields.ends();
        let of_fields = &self.fields.values()[probe_end..];
        match vector {
            Vector::Fields => of_fields.to_vec(),
            Vector::Update => vec![Complex32::ZERO; of_fields.len()],
            Vector::Kept(index) => self.kept_rests[index].clone(),
        }
    }

    fn set_rest(&mut self, vector: Vector, rest: &[Complex32]) {
        let [_, probe_end, ..] = self.fields.ends();
        match vector {
            Vector::Fields => self.fields.values_mut()[probe_end..].copy_from_slice(rest),
            Vector::Kept(index) => self.kept_rests[index].copy_from_slice(rest),
            Vector::Update => unreachable!("the update of an epoch is only read"),
        }
    }

    fn lengths(&self) -> [usize; 2] {
        [self.layout.object_pixels(), self.probe_len()]
    }

    pub(super) fn new_kept(&mut self) -> Vector {
        let [object, probe] = self.lengths();
        self.kept.push(self.recorder.buffer(8 * (object + probe) as u64));
        self.kept_rests.push(vec![Complex32::ZERO; self.rest(Vector::Fields).len()]);
        Vector::Kept(self.kept.len() - 1)
    }

    /// Notes that the fields on the card are about to be changed there.
    fn fields_move(&mut self) {
        self.upload_fields();
        self.fields_here = false;
    }

    pub(super) fn copy_vector(&mut self, to: Vector, from: Vector) {
        if to == from {
            return;
        }
        if from == Vector::Fields {
            self.upload_fields();
        }
        if to == Vector::Fields {
            // Whatever is there is lost.
            self.fields_there = true;
            self.fields_here = false;
        }
        let rest = self.rest(from);
        self.set_rest(to, &rest);
        let lengths = self.lengths();
        for (((from, at), (to, into)), len) in
            self.places(from).into_iter().zip(self.places(to)).zip(lengths)
        {
            self.recorder.copy(from, 8 * u64::from(at), to, 8 * u64::from(into), 8 * len as u64);
        }
        if to == Vector::Fields {
            self.transform_probe();
        }
    }

    pub(super) fn blend_vectors(&mut self, to: Vector, from: Vector, blend: Blend) {
        if to == Vector::Fields {
            self.fields_move();
        }
        if from == Vector::Fields {
            self.upload_fields();
        }
        let without_light = [-1.0, -1.0];
        self.blend_parts(to, from, [blend.object, blend.probe], without_light);
        if to == Vector::Fields {
            self.transform_probe();
        }
    }

    fn blend_parts(&mut self, to: Vector, from: Vector, factors: [[f32; 2]; 2], halves: [f32; 2]) {
        let lengths = self.lengths();
        let light = self.lights()[0];
        let places = self.places(from).into_iter().zip(self.places(to));
        for (((from, to), len), ([a, b], half)) in
            places.zip(lengths).zip(factors.into_iter().zip(halves))
        {
            if [a, b] == [1.0, 0.0] {
                continue;
            }
            let numbers =
                Numbers { to: to.1, source: from.1, len: len as u32, light, half, a, b, slot: 0 };
            let groups = Layout::tile_groups(len.div_ceil(256));
            // What is not read must be bound, too, and is not what is written.
            self.recorder.run_vectors(false, numbers, [&from.0, &from.0], &to.0, groups);
        }
    }

    pub(super) fn push_fields(&mut self, from: Vector, push: Push) {
        self.fields_move();
        let factors = [push.object.map(|[gain, _]| gain), push.probe];
        let factors = factors.map(|gain| [1.0, gain.unwrap_or(0.0)]);
        let half = push.object.map_or(-1.0, |[_, half]| half);
        self.blend_parts(Vector::Fields, from, factors, [half, -1.0]);
        if push.probe.is_some() {
            self.transform_probe();
        }
    }

    pub(super) fn dots_of_vectors(&mut self, pairs: &[[Vector; 2]]) -> Vec<[f64; 2]> {
        if pairs.iter().flatten().any(|&vector| vector == Vector::Fields) {
            self.upload_fields();
        }
        let lengths = self.lengths();
        let out = self.recorder.products(2 * pairs.len() * GROUPS);
        for (number, pair) in pairs.iter().enumerate() {
            let [a, b] = pair.map(|vector| self.places(vector));
            for (field, ((a, b), len)) in a.into_iter().zip(b).zip(lengths).enumerate() {
                let numbers = Numbers {
                    to: b.1,
                    source: a.1,
                    len: len as u32,
                    slot: ((2 * number + field) * GROUPS) as u32,
                    half: -1.0,
                    ..Numbers::default()
                };
                self.recorder.run_vectors(true, numbers, [&a.0, &b.0], &out, [GROUPS, 1, 1]);
            }
        }
        let mut parts = vec![Complex32::ZERO; 2 * pairs.len() * GROUPS];
        self.recorder.read_buffer(&out, &mut parts);
        let sum = |parts: &[Complex32]| parts.iter().map(|part| f64::from(part.re)).sum();
        parts
            .chunks_exact(2 * GROUPS)
            .map(|parts| [sum(&parts[..GROUPS]), sum(&parts[GROUPS..])])
            .collect()
    }

    pub(super) fn values_of_vector(&mut self, vector: Vector) -> Vec<Complex32> {
        if vector == Vector::Fields {
            self.upload_fields();
        }
        let lengths = self.lengths();
        let mut values = vec![Complex32::ZERO; lengths.iter().sum()];
        let (object, probe) = values.split_at_mut(lengths[0]);
        for ((buffer, at), part) in self.places(vector).into_iter().zip([object, probe]) {
            self.recorder.read_buffer_at(&buffer, 8 * u64::from(at), part);
        }
        values.extend(self.rest(vector));
        values
    }

    pub(super) fn set_values_of_vector(&mut self, vector: Vector, values: &[Complex32]) {
        let [object, probe] = self.lengths();
        let (values, rest) = values.split_at(object + probe);
        self.set_rest(vector, rest);
        let (object, probe) = values.split_at(object);
        for ((buffer, at), part) in self.places(vector).into_iter().zip([object, probe]) {
            self.recorder.write_buffer(&buffer, 8 * u64::from(at), bytemuck::cast_slice(part));
        }
        if vector == Vector::Fields {
            self.fields_there = true;
            self.fields_here = false;
            self.transform_probe();
        }
    }
}

fn entry(binding: u32, buffer: &wgpu::Buffer) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }
}

impl Recorder {
    /// Records a product (its parts) or a sum of two vectors.
    pub fn run_vectors(
        &mut self,
        product: bool,
        numbers: Numbers,
        sources: [&wgpu::Buffer; 2],
        to: &wgpu::Buffer,
        groups: [usize; 3],
    ) {
        let uniform = self.small(bytemuck::bytes_of(&numbers));
        let lights = self.array(Array::Lights).clone();
        let device = self.device().clone();
        let kernels = self.vector_kernels();
        let bound = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernels.bindings,
            entries: &[
                entry(0, &uniform),
                entry(1, sources[0]),
                entry(2, sources[1]),
                entry(3, &lights),
                entry(4, to),
            ],
        });
        let kernel = kernels.by_name[if product { "dot_parts" } else { "blend" }].clone();
        self.run_bound(kernel, bound, groups);
    }
}
