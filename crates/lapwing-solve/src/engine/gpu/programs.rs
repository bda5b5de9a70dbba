//! Kernels that the driver has translated, kept for as long as their card is open, and how long
//! they take.

use super::arrays::Array;
use super::kernel_set::{DESCENT, KernelSet, VECTORS};
use super::kernels::KERNELS;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Time after which a card is no longer expected to signal that it is done.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often one kernel ran, and for how long in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelTime {
    /// Its name.
    pub kernel: &'static str,
    /// Runs.
    pub runs: usize,
    /// Seconds.
    pub seconds: f64,
}

/// All that was translated on a card.
pub(super) struct Programs {
    pub bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
    by_text: Mutex<HashMap<String, Arc<Program>>>,
    vectors: OnceLock<KernelSet>,
    descent: OnceLock<KernelSet>,
    /// Runs and nanoseconds of every kernel, where they are measured.
    times: Mutex<Option<Vec<(usize, f64)>>>,
}

/// The kernels of one text, each translated when first needed.
pub(super) struct Program {
    module: wgpu::ShaderModule,
    kernels: [OnceLock<wgpu::ComputePipeline>; KERNELS.len()],
}

impl Programs {
    pub fn new(device: &wgpu::Device) -> Self {
        let bindings = bindings(device);
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        Self {
            bindings,
            layout,
            by_text: Mutex::default(),
            vectors: OnceLock::new(),
            descent: OnceLock::new(),
            times: Mutex::default(),
        }
    }

    /// The kernels of this text.
    pub fn of(&self, device: &wgpu::Device, text: &str) -> Arc<Program> {
        let mut by_text = self.by_text.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("kernels"),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
            Arc::new(Program { module, kernels: std::array::from_fn(|_| OnceLock::new()) })
        };
        by_text.entry(text.to_owned()).or_insert_with(new).clone()
    }

    /// The kernels for vectors.
    pub fn vectors(&self, device: &wgpu::Device) -> &KernelSet {
        self.vectors.get_or_init(|| KernelSet::new(device, &VECTORS))
    }

    /// The kernels for gradients and their preconditioner.
    pub fn descent(&self, device: &wgpu::Device) -> &KernelSet {
        self.descent.get_or_init(|| KernelSet::new(device, &DESCENT))
    }

    /// Begins to measure, or stops.
    pub fn measure(&self, on: bool) {
        let none = vec![(0, 0.0); KERNELS.len()];
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = on.then_some(none);
    }

    pub fn measured(&self) -> Vec<KernelTime> {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let all = KERNELS.iter().zip(times.iter().flatten());
        all.filter(|(_, (runs, _))| *runs > 0)
            .map(|(kernel, &(runs, nanoseconds))| KernelTime {
                kernel,
                runs,
                seconds: 1e-9 * nanoseconds,
            })
            .collect()
    }

    /// A clock for runs of these kernels, where they are measured.
    pub fn clock(&self, device: &wgpu::Device, kernels: Vec<usize>) -> Option<Clock> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?;
        let set = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count: (2 * kernels.len()).max(2) as u32,
        });
        Some(Clock { set, kernels })
    }
}

impl Program {
    /// Kernel number `index` of [`KERNELS`].
    pub fn kernel(
        &self,
        device: &wgpu::Device,
        programs: &Programs,
        index: usize,
    ) -> &wgpu::ComputePipeline {
        self.kernels[index].get_or_init(|| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(KERNELS[index]),
                layout: Some(&programs.layout),
                module: &self.module,
                entry_point: Some(KERNELS[index]),
                compilation_options: wgpu::PipelineCompilationOptions {
                    // Kernels write what they read there.
                    zero_initialize_workgroup_memory: false,
                    ..wgpu::PipelineCompilationOptions::default()
                },
                cache: None,
            })
        })
    }
}

/// Takes the time of every run of one hand-over.
pub(super) struct Clock {
    set: wgpu::QuerySet,
    kernels: Vec<usize>,
}

impl Clock {
    /// The marks around run number `number`.
    pub fn around(&self, number: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        let first = 2 * number as u32;
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Hands the commands over, waits for them, and notes the times.
    pub fn read(
        self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        mut encoder: wgpu::CommandEncoder,
        programs: &Programs,
    ) {
        let count = 2 * self.kernels.len();
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 8 * count.max(2) as u64,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        encoder.resolve_query_set(&self.set, 0..count as u32, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, 8 * count as u64);
        queue.submit([encoder.finish()]);
        let (tell, told) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = tell.send(result.is_ok());
        });
        let polled = device.poll(wgpu::PollType::wait_indefinitely());
        // As in `Recorder::read`.
        let _ = told.recv_timeout(LONGEST_WAIT);
        let (Ok(_), Ok(view)) = (polled, staging.get_mapped_range(..)) else { return };
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&view[..8 * count]);
        let mut times = programs.times.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = times.as_mut() else { return };
        for (&kernel, ticks) in self.kernels.iter().zip(ticks.chunks_exact(2)) {
            let passed = ticks[1].saturating_sub(ticks[0]) as f64;
            let (runs, nanoseconds) = &mut times[kernel];
            *runs += 1;
            *nanoseconds += passed * f64::from(queue.get_timestamp_period());
        }
    }
}

fn bindings(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry =
        |binding: u32, ty: wgpu::BufferBindingType, moves: bool| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: moves, min_binding_size: None },
            count: None,
        };
    let arrays = (1..).zip(Array::ALL).map(|(binding, array)| {
        entry(binding, wgpu::BufferBindingType::Storage { read_only: array.is_given() }, false)
    });
    let params = std::iter::once(entry(0, wgpu::BufferBindingType::Uniform, true));
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &params.chain(arrays).collect::<Vec<_>>(),
    })
}
