//! The arrays that the kernels for gradients and their preconditioner work in, and their commands.

use super::recorder::Recorder;
use crate::prior::STEPS;
use bytemuck::{Pod, Zeroable};

/// Workgroups that share out a sum, at most, as `kernels/descent.wgsl` says.
pub(super) const GROUPS: usize = 512;
/// Slots of sums.
const SLOTS: usize = 2 * STEPS + 3;

/// Numbers of one command, as `kernels/descent.wgsl` names them.
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Numbers {
    pub columns: u32,
    pub rows: u32,
    pub sum: u32,
    pub light: u32,
    pub source: u32,
    pub step: u32,
    pub has_prior: u32,
    pub first: u32,
    pub len: u32,
    pub s2: f32,
    pub edge: f32,
    pub groups: u32,
    pub absorption: f32,
    pub strength: f32,
    pub floor: f32,
    pub bounded: u32,
}

/// Arrays that the kernels work in, in the order of their bindings from number 3 on.
#[derive(Clone)]
pub(super) struct Descent {
    fields: [wgpu::Buffer; 6],
    /// Four numbers of every workgroup and slot.
    pub parts: wgpu::Buffer,
}

impl Descent {
    /// For an object of so many pixels.
    pub fn new(recorder: &Recorder, pixels: usize) -> Self {
        let fields = [12, 8, 8, 8, 8, 8].map(|bytes| recorder.buffer(bytes * pixels as u64));
        Self { fields, parts: recorder.buffer((16 * SLOTS * GROUPS) as u64) }
    }

    /// w of every pixel, and behind them U.
    pub fn weights(&self) -> &wgpu::Buffer {
        &self.fields[0]
    }
}

impl Recorder {
    /// Records a kernel of `kernels/descent.wgsl` on object, lights and what is written.
    pub fn run_descent(
        &mut self,
        kernel: &str,
        numbers: Numbers,
        arrays: &Descent,
        [object, lights, to]: [&wgpu::Buffer; 3],
        groups: [usize; 3],
    ) {
        let uniform = self.small(bytemuck::bytes_of(&numbers));
        let device = self.device().clone();
        let kernels = self.descent_kernels();
        let given = [&uniform, object, lights].into_iter();
        let buffers = given.chain(&arrays.fields).chain([&arrays.parts, to]);
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let bound = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernels.bindings,
            entries: &entries,
        });
        let kernel = kernels.by_name[kernel].clone();
        self.run_bound(kernel, bound, groups);
    }
}
