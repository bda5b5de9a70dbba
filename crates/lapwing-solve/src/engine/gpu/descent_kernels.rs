//! The kernels for gradients and their preconditioner.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const NAMES: [&str; 9] =
    ["mean_parts", "weigh", "gradient", "begin", "apply", "reduce", "direct", "finish", "divide"];

/// The kernels, translated when first needed.
pub(super) struct DescentKernels {
    pub bindings: wgpu::BindGroupLayout,
    pub by_name: BTreeMap<&'static str, wgpu::ComputePipeline>,
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
