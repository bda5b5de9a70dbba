//! The commands for the card, in order, and the transfers to and from it.
//!
//! Commands are gathered and handed over some dozens at a time; single ones cost more to hand over
//! than to carry out. Every command has numbers of its own ([`Params`]), and a batch's commands
//! share its members and tiles; both are brought to the card with the commands that need them.

mod transfers;

use super::arrays::{Array, Params};
use super::device::Gpu;
use super::kernel_set::KernelSet;
use super::kernels::KERNELS;
use super::programs::Program;
use std::num::NonZeroU64;
use std::sync::Arc;

/// Bytes from one command's numbers to the next.
const STRIDE: usize = 256;
/// Commands that are handed over together.
const TOGETHER: usize = 32;
/// Number of commands whose parameters fit.
const MOST_COMMANDS: usize = 256;
/// Initial capacity for members and tiles, in words.
const BATCH_WORDS: usize = 1 << 16;

enum Command {
    Run { kernel: usize, stack: usize, groups: [u32; 3] },
    Bound { kernel: wgpu::ComputePipeline, bound: wgpu::BindGroup, groups: [u32; 3] },
    Copy { from: wgpu::Buffer, at: u64, to: wgpu::Buffer, into: u64, bytes: u64 },
    Clear { array: Array, from: u64, bytes: u64 },
}

/// The card's arrays, kernels, and the commands that it has not been given yet.
pub(super) struct Recorder {
    gpu: Gpu,
    program: Arc<Program>,
    params: wgpu::Buffer,
    /// Those of all but the measured patterns.
    arrays: Vec<wgpu::Buffer>,
    /// The measured patterns, in as many arrays as they need.
    stacks: Vec<wgpu::Buffer>,
    /// Stored exit waves, kept and shared, where there are any.
    waves: Vec<[wgpu::Buffer; 2]>,
    /// For every stack, then for every array of waves.
    groups: Vec<wgpu::BindGroup>,
    commands: Vec<Command>,
    numbers: Vec<u8>,
    batch: Vec<u32>,
    /// How often commands were handed over.
    handed: usize,
    /// What was handed over last, and what used each of two stacks last before the other one.
    last: Option<wgpu::SubmissionIndex>,
    used: [Option<wgpu::SubmissionIndex>; 2],
    /// What values are read through.
    staging: Option<wgpu::Buffer>,
    /// Where products of vectors are written.
    products: Option<wgpu::Buffer>,
}

impl Recorder {
    /// With kernels of this text; `lengths` are those of the arrays in bytes, but for the measured
    /// patterns, for which the other lengths are.
    pub fn new(gpu: &Gpu, text: &str, lengths: [u64; 13], stacks: &[u64]) -> Self {
        let device = &gpu.0.device;
        let program = gpu.0.programs.of(device, text);
        let storage = |bytes: u64| storage(device, bytes);
        let mut lengths = lengths;
        lengths[Array::Batch as usize] = 4 * BATCH_WORDS as u64;
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: (MOST_COMMANDS * STRIDE) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut recorder = Self {
            program,
            params,
            arrays: lengths.map(storage).into(),
            stacks: stacks.iter().map(|&bytes| storage(bytes)).collect(),
            waves: Vec::new(),
            groups: Vec::new(),
            commands: Vec::new(),
            numbers: Vec::new(),
            batch: Vec::new(),
            handed: 0,
            last: None,
            used: [None, None],
            staging: None,
            products: None,
            gpu: gpu.clone(),
        };
        recorder.bind();
        recorder
    }

    /// Makes the groups of bindings of the present arrays.
    fn bind(&mut self) {
        fn entry(index: usize, buffer: &wgpu::Buffer) -> wgpu::BindGroupEntry<'_> {
            wgpu::BindGroupEntry { binding: index as u32 + 1, resource: buffer.as_entire_binding() }
        }
        let bound = |replaced: &[(Array, &wgpu::Buffer)]| {
            let numbers = wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &self.params,
                    offset: 0,
                    size: NonZeroU64::new(size_of::<Params>() as u64),
                }),
            };
            let arrays = Array::ALL.iter().zip(&self.arrays).enumerate();
            let arrays = arrays.map(|(index, (&array, buffer))| {
                let instead = replaced.iter().find(|(replaced, _)| *replaced == array);
                entry(index, instead.map_or(buffer, |(_, instead)| instead))
            });
            self.gpu.0.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &self.gpu.0.programs.bindings,
                entries: &std::iter::once(numbers).chain(arrays).collect::<Vec<_>>(),
            })
        };
        let measured = |stack| (Array::Measured, stack);
        let of_stacks = self.stacks.iter().map(|stack| bound(&[measured(stack)]));
        // Kernels for stored waves need none of what these take the place of.
        let of_waves = self.waves.iter().map(|[kept, shares]| {
            let stack = measured(&self.stacks[0]);
            bound(&[stack, (Array::Partials, kept), (Array::Lights, shares)])
        });
        let groups = of_stacks.chain(of_waves).collect();
        self.groups = groups;
    }

    /// Takes these arrays for stored exit waves; `shares` may be none.
    pub fn set_waves(&mut self, kept: &[wgpu::Buffer], shares: &[wgpu::Buffer]) {
        let lights = &self.arrays[Array::Lights as usize];
        let of_array = |(index, kept): (usize, &wgpu::Buffer)| {
            [kept.clone(), shares.get(index).unwrap_or(lights).clone()]
        };
        let waves: Vec<_> = kept.iter().enumerate().map(of_array).collect();
        if waves != self.waves {
            self.flush();
            self.waves = waves;
            self.bind();
        }
    }

    /// What [`run`](Self::run) takes for array `array` of stored waves.
    pub fn group_of_waves(&self, array: usize) -> usize {
        self.stacks.len() + array
    }

    /// Makes room for `words` words of a batch, and returns where they begin; commands recorded
    /// before may be handed over for it.
    pub fn put(&mut self, words: &[u32]) -> u32 {
        let capacity = (self.arrays[Array::Batch as usize].size() / 4) as usize;
        if self.batch.len() + words.len() > capacity {
            self.flush();
        }
        if words.len() > capacity {
            self.arrays[Array::Batch as usize] =
                self.gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size: 4 * words.len().next_power_of_two() as u64,
                    usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
            self.bind();
        }
        let at = self.batch.len() as u32;
        self.batch.extend_from_slice(words);
        at
    }

    /// How often commands were handed over: what was put before is gone.
    pub fn handed(&self) -> usize {
        self.handed
    }

    /// Records a run of `kernel` with these numbers, for the patterns of stack `stack`.
    pub fn run(&mut self, kernel: &str, params: Params, stack: usize, groups: [usize; 3]) {
        if groups.contains(&0) {
            return;
        }
        let kernel = KERNELS.iter().position(|name| *name == kernel);
        let kernel = kernel.expect("every kernel that is run has a name in the table");
        self.numbers.extend_from_slice(bytemuck::bytes_of(&params));
        self.numbers.resize(self.numbers.len().next_multiple_of(STRIDE), 0);
        let groups = groups.map(|count| count as u32);
        self.commands.push(Command::Run { kernel, stack, groups });
    }

    /// Records a run of a kernel with bindings of its own.
    pub fn run_bound(
        &mut self,
        kernel: wgpu::ComputePipeline,
        bound: wgpu::BindGroup,
        groups: [usize; 3],
    ) {
        let groups = groups.map(|count| count as u32);
        self.commands.push(Command::Bound { kernel, bound, groups });
    }

    /// Records a copy from one buffer to another.
    pub fn copy(&mut self, from: wgpu::Buffer, at: u64, to: wgpu::Buffer, into: u64, bytes: u64) {
        self.commands.push(Command::Copy { from, at, to, into, bytes });
    }

    /// An array of the card.
    pub fn array(&self, array: Array) -> &wgpu::Buffer {
        &self.arrays[array as usize]
    }

    /// The card.
    pub fn device(&self) -> &wgpu::Device {
        &self.gpu.0.device
    }

    /// The kernels for vectors.
    pub fn vector_kernels(&self) -> &KernelSet {
        self.gpu.0.programs.vectors(&self.gpu.0.device)
    }

    /// The kernels for gradients and their preconditioner.
    pub fn descent_kernels(&self) -> &KernelSet {
        self.gpu.0.programs.descent(&self.gpu.0.device)
    }

    /// A new buffer of zeros.
    pub fn buffer(&self, bytes: u64) -> wgpu::Buffer {
        storage(&self.gpu.0.device, bytes)
    }

    /// A small buffer with these numbers.
    pub fn small(&self, numbers: &[u8]) -> wgpu::Buffer {
        let buffer = self.gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: numbers.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM,
            mapped_at_creation: true,
        });
        self.gpu.count(0, numbers.len());
        match buffer.get_mapped_range_mut(..) {
            Ok(mut view) => view.copy_from_slice(numbers),
            Err(_) => self.gpu.0.failure.note("its memory cannot be written".to_owned()),
        }
        buffer.unmap();
        buffer
    }

    /// A buffer for so many complex numbers, the same every time as far as it suffices.
    pub fn products(&mut self, len: usize) -> wgpu::Buffer {
        match &self.products {
            Some(buffer) if buffer.size() >= 8 * len as u64 => buffer.clone(),
            _ => {
                let buffer = self.buffer(8 * len.next_power_of_two() as u64);
                self.products.insert(buffer).clone()
            }
        }
    }

    /// Records that some of an array becomes 0.
    pub fn clear(&mut self, array: Array, from: usize, bytes: usize) {
        self.commands.push(Command::Clear { array, from: from as u64, bytes: bytes as u64 });
    }

    /// Hands commands over when there are enough of them; members that were put are gone then.
    pub fn flush_if_many(&mut self) {
        if self.commands.len() >= TOGETHER {
            self.flush();
        }
    }

    /// Hands all commands over.
    pub fn flush(&mut self) {
        if self.commands.is_empty() {
            return;
        }
        self.handed += 1;
        let Self { gpu, commands, numbers, batch, arrays, .. } = self;
        let (device, queue) = (&gpu.0.device, &gpu.0.queue);
        assert!(numbers.len() <= MOST_COMMANDS * STRIDE, "commands are handed over in time");
        gpu.count(0, numbers.len() + 4 * batch.len());
        queue.write_buffer(&self.params, 0, numbers);
        queue.write_buffer(&arrays[Array::Batch as usize], 0, bytemuck::cast_slice(batch));
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass: Option<wgpu::ComputePass<'static>> = None;
        let kernels = commands.iter().filter_map(|command| match command {
            Command::Run { kernel, .. } => Some(*kernel),
            _ => None,
        });
        let clock = gpu.0.programs.clock(device, kernels.collect());
        let mut number = 0;
        for command in commands.drain(..) {
            match command {
                Command::Copy { from, at, to, into, bytes } => {
                    pass = None;
                    encoder.copy_buffer_to_buffer(&from, at, &to, into, bytes);
                }
                Command::Bound { kernel, bound, groups: [x, y, z] } => {
                    if clock.is_some() {
                        pass = None;
                    }
                    let pass = pass.get_or_insert_with(|| {
                        let description = wgpu::ComputePassDescriptor::default();
                        encoder.begin_compute_pass(&description).forget_lifetime()
                    });
                    pass.set_pipeline(&kernel);
                    pass.set_bind_group(0, &bound, &[]);
                    pass.dispatch_workgroups(x, y, z);
                }
                Command::Clear { array, from, bytes } => {
                    pass = None;
                    encoder.clear_buffer(&arrays[array as usize], from, Some(bytes));
                }
                Command::Run { kernel, stack, groups: [x, y, z] } => {
                    if clock.is_some() {
                        pass = None;
                    }
                    let pass = pass.get_or_insert_with(|| {
                        let description = wgpu::ComputePassDescriptor {
                            label: None,
                            timestamp_writes: clock.as_ref().map(|clock| clock.around(number)),
                        };
                        encoder.begin_compute_pass(&description).forget_lifetime()
                    });
                    pass.set_pipeline(self.program.kernel(device, &gpu.0.programs, kernel));
                    pass.set_bind_group(0, &self.groups[stack], &[(number * STRIDE) as u32]);
                    pass.dispatch_workgroups(x, y, z);
                    number += 1;
                }
            }
        }
        drop(pass);
        match clock {
            Some(clock) => clock.read(device, queue, encoder, &gpu.0.programs),
            None => self.last = Some(queue.submit([encoder.finish()])),
        }
        numbers.clear();
        batch.clear();
    }
}

/// A new buffer of zeros, for kernels and copies.
fn storage(device: &wgpu::Device, bytes: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes.next_multiple_of(16).max(16),
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
