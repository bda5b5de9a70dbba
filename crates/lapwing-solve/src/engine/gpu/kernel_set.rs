//! Kernels of one text that have bindings of their own.

use std::collections::BTreeMap;

/// The text of such kernels and what they are bound to: numbers first, then arrays that are read,
/// then arrays that are written.
pub(super) struct KernelText {
    text: &'static str,
    names: &'static [&'static str],
    read: u32,
    written: u32,
}

/// For kept vectors.
pub(super) const VECTORS: KernelText = KernelText {
    text: include_str!("kernels/vectors.wgsl"),
    names: &["blend", "dot_parts"],
    read: 3,
    written: 1,
};

/// For gradients and their preconditioner.
pub(super) const DESCENT: KernelText = KernelText {
    text: include_str!("kernels/descent.wgsl"),
    names: &["weigh", "gradient", "begin", "apply", "reduce", "direct", "finish", "divide"],
    read: 2,
    written: 8,
};

/// The kernels, translated for a device.
pub(super) struct KernelSet {
    pub bindings: wgpu::BindGroupLayout,
    pub by_name: BTreeMap<&'static str, wgpu::ComputePipeline>,
}

impl KernelSet {
    pub fn new(device: &wgpu::Device, of: &KernelText) -> Self {
        let entry = |binding: u32| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match binding {
                    0 => wgpu::BufferBindingType::Uniform,
                    _ => wgpu::BufferBindingType::Storage { read_only: binding <= of.read },
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let entries: Vec<_> = (0..=of.read + of.written).map(entry).collect();
        let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &entries,
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(of.text.into()),
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
        let by_name = of.names.iter().map(pipeline).collect();
        Self { bindings, by_name }
    }
}
