//! The kernels for kept vectors.

use bytemuck::{Pod, Zeroable};
use std::sync::OnceLock;

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

/// The kernels for vectors, translated when first needed.
pub(super) struct VectorKernels {
    pub bindings: wgpu::BindGroupLayout,
    pub blend: wgpu::ComputePipeline,
    pub dot_parts: wgpu::ComputePipeline,
}

impl VectorKernels {
    /// Those of this device.
    pub fn of<'a>(once: &'a OnceLock<Self>, device: &wgpu::Device) -> &'a Self {
        once.get_or_init(|| Self::new(device))
    }

    fn new(device: &wgpu::Device) -> Self {
        let entry = |binding: u32, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
        let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &[
                entry(0, wgpu::BufferBindingType::Uniform),
                entry(1, storage(true)),
                entry(2, storage(true)),
                entry(3, storage(true)),
                entry(4, storage(false)),
            ],
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("vectors"),
            source: wgpu::ShaderSource::Wgsl(include_str!("kernels/vectors.wgsl").into()),
        });
        let pipeline = |name| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: Some(&layout),
                module: &module,
                entry_point: Some(name),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        };
        Self { blend: pipeline("blend"), dot_parts: pipeline("dot_parts"), bindings }
    }
}
