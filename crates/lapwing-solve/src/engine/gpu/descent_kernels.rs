//! The kernels for gradients and their preconditioner, and the arrays that they work in.

use super::recorder::Recorder;
use crate::prior::STEPS;
use bytemuck::{Pod, Zeroable};
use std::collections::BTreeMap;
use std::sync::OnceLock;

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
    pub mean_x: f32,
    pub mean_y: f32,
    pub s2: f32,
    pub edge: f32,
    pub groups: u32,
    pub absorption: f32,
    pub strength: f32,
    pub floor: f32,
}

const NAMES: [&str; 9] =
    ["mean_parts", "weigh", "gradient", "begin", "apply", "reduce", "direct", "finish", "divide"];

/// The kernels, translated when first needed.
pub(super) struct DescentKernels {
    bindings: wgpu::BindGroupLayout,
    by_name: BTreeMap<&'static str, wgpu::ComputePipeline>,
}

impl DescentKernels {
    /// Those of this device.
    pub fn of<'a>(once: &'a OnceLock<Self>, device: &wgpu::Device) -> &'a Self {
        once.get_or_init(|| Self::new(device))
    }

    fn new(device: &wgpu::Device) -> Self {
        let storage =
            |binding: u32| (binding, wgpu::BufferBindingType::Storage { read_only: binding <= 2 });
        let uniform = (0, wgpu::BufferBindingType::Uniform);
        let entries: Vec<_> = std::iter::once(uniform)
            .chain((1..=10).map(storage))
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &entries,
        });
        let text = include_str!("kernels/descent.wgsl");
        let by_name = pipelines(device, &bindings, text, &NAMES);
        Self { bindings, by_name }
    }
}

/// The kernels `names` of a text, which all have these bindings.
pub(super) fn pipelines(
    device: &wgpu::Device,
    bindings: &wgpu::BindGroupLayout,
    text: &str,
    names: &[&'static str],
) -> BTreeMap<&'static str, wgpu::ComputePipeline> {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(bindings)],
        ..wgpu::PipelineLayoutDescriptor::default()
    });
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let pipeline = |name: &&'static str| {
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&layout),
            module: &module,
            entry_point: Some(name),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        (*name, pipeline)
    };
    names.iter().map(pipeline).collect()
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
        let fields = [4, 8, 8, 8, 8, 8].map(|bytes| recorder.buffer(bytes * pixels as u64));
        Self { fields, parts: recorder.buffer((16 * SLOTS * GROUPS) as u64) }
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
