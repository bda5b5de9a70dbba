//! Graphics cards: which there are, and one that is open.

use super::programs::{KernelTime, Programs};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Storage buffers that a kernel sees.
const BUFFERS: u32 = 13;

/// Why there is no graphics card to compute on, or none any more.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GpuError {
    /// None at all.
    #[error("no graphics card with a Vulkan, Metal or DirectX 12 driver was found")]
    None,
    /// Fewer than asked for.
    #[error("graphics card {wanted} does not exist: there are {found}, counted from 0")]
    Number {
        /// What was asked for.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// The driver does not open it, or not with what the kernels need.
    #[error("{name} cannot be used: {reason}")]
    Unusable {
        /// Its name.
        name: String,
        /// The driver's reason.
        reason: String,
    },
}

/// A graphics card of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuInfo {
    /// Its name, as its driver gives it.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// The interface that it is used by: `Vulkan`, `Metal` or `Dx12`.
    pub interface: String,
    /// Whether it is a program on the processor and no card at all.
    pub software: bool,
    /// Whether it is a card of its own, and no part of the processor.
    pub discrete: bool,
    /// Its memory, bytes, where its driver reports it.
    pub memory: Option<u64>,
    /// Largest array that kernels can see at once, bytes.
    pub largest_array: u64,
}

/// An open graphics card. A clone is the same card.
#[derive(Clone)]
pub struct Gpu(pub(super) Arc<Open>, Option<u64>);

pub(super) struct Open {
    pub info: GpuInfo,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub limits: wgpu::Limits,
    /// What went wrong first.
    pub failure: Failure,
    pub programs: Programs,
    /// Bytes that were brought there, and back.
    pub traffic: [AtomicU64; 2],
}

/// The first error, which the driver may report at any time.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    pub fn note(&self, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }

    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn adapters() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut description = wgpu::InstanceDescriptor::new_without_display_handle();
    description.backends = backends;
    let instance = wgpu::Instance::new(description);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
    // Cards before programs, and the fastest kind of card first; in the driver's order otherwise.
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

impl GpuInfo {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let driver = [info.driver, info.driver_info];
        Self {
            name: info.name,
            driver: driver.join(" ").trim().to_owned(),
            interface: format!("{:?}", info.backend),
            software: info.device_type == wgpu::DeviceType::Cpu,
            discrete: info.device_type == wgpu::DeviceType::DiscreteGpu,
            memory: memory(adapter),
            largest_array: adapter.limits().max_storage_buffer_binding_size,
        }
    }

    /// All graphics cards of this machine, the fastest kinds first, in the order in which
    /// [`Gpu::open`] counts them.
    pub fn all() -> Vec<Self> {
        adapters().iter().map(Self::of).collect()
    }
}

impl Gpu {
    /// Opens the graphics card number `number`.
    ///
    /// # Errors
    /// When there is none, or its driver refuses.
    pub fn open(number: usize) -> Result<Self, GpuError> {
        let adapters = adapters();
        let found = adapters.len();
        if found == 0 {
            return Err(GpuError::None);
        }
        let adapter = adapters.get(number).ok_or(GpuError::Number { wanted: number, found })?;
        let info = GpuInfo::of(adapter);
        let unusable = |reason: String| GpuError::Unusable { name: info.name.clone(), reason };
        let has = adapter.limits();
        if has.max_storage_buffers_per_shader_stage < BUFFERS {
            return Err(unusable(format!(
                "its driver shows {} arrays to a kernel, and {BUFFERS} are needed",
                has.max_storage_buffers_per_shader_stage
            )));
        }
        let limits = wgpu::Limits {
            max_storage_buffers_per_shader_stage: BUFFERS,
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
            max_buffer_size: has.max_buffer_size,
            max_compute_workgroup_storage_size: has.max_compute_workgroup_storage_size.min(1 << 15),
            ..wgpu::Limits::default()
        };
        let wanted = wgpu::DeviceDescriptor {
            label: Some("lapwing"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: limits.clone(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&wanted))
            .map_err(|error| unusable(error.to_string()))?;
        let failure = Failure::default();
        let noted = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            noted.note(match error {
                wgpu::Error::OutOfMemory { .. } => "its memory is full".to_owned(),
                other => one_line(&other.to_string()),
            });
        }));
        let noted = failure.clone();
        device.set_device_lost_callback(move |reason, text| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                noted.note(format!("it was lost: {}", one_line(&text)));
            }
        });
        let programs = Programs::new(&device);
        Ok(Self(
            Arc::new(Open {
                info,
                device,
                queue,
                limits,
                failure,
                programs,
                traffic: Default::default(),
            }),
            None,
        ))
    }

    /// The same card, of whose memory reconstructions plan to take no more than `bytes` bytes.
    #[must_use]
    pub fn within(&self, bytes: u64) -> Self {
        Self(self.0.clone(), Some(bytes))
    }

    /// Its memory, bytes, as far as it may be used; `None` where its driver does not report it.
    pub fn memory(&self) -> Option<u64> {
        let limit = self.1;
        self.0.info.memory.map_or(limit, |memory| Some(limit.map_or(memory, |l| l.min(memory))))
    }

    /// Bytes of one array, at most, where something may be spread over several.
    pub(super) fn largest_of_several(&self) -> u64 {
        let limits = &self.0.limits;
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        most.min(1 << 30).min(self.memory().map_or(u64::MAX, |memory| memory / 8))
    }

    /// Which it is.
    pub fn info(&self) -> &GpuInfo {
        &self.0.info
    }

    /// Measures from now on how long kernels take, one after the other, or no longer does;
    /// everything is slower then. Returns whether the card can.
    pub fn measure(&self, on: bool) -> bool {
        let can = self.0.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        self.0.programs.measure(on && can);
        can
    }

    /// How long every kernel took since [`measure`](Self::measure) was called.
    pub fn measured(&self) -> Vec<KernelTime> {
        self.0.programs.measured()
    }

    /// Bytes that were brought to the card since it was opened, and back from it.
    pub fn traffic(&self) -> [u64; 2] {
        self.0.traffic.each_ref().map(|bytes| bytes.load(Ordering::Relaxed))
    }

    /// Notes bytes that are brought there (0) or back (1).
    pub(super) fn count(&self, way: usize, bytes: usize) {
        self.0.traffic[way].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Its error, if it has failed: all results computed since are invalid.
    pub fn failure(&self) -> Option<String> {
        self.0.failure.get()
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.info.name, self.0.info.interface)
    }
}

impl PartialEq for Gpu {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) && self.1 == other.1
    }
}

/// The largest heap of a card's own memory.
#[cfg(not(target_vendor = "apple"))]
fn memory(adapter: &wgpu::Adapter) -> Option<u64> {
    /// `VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`
    const OF_DEVICE: u32 = 1;
    // SAFETY: the handles are read while `adapter` lives, and nothing is destroyed.
    let properties = unsafe {
        let adapter = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = adapter.shared_instance().raw_instance();
        instance.get_physical_device_memory_properties(adapter.raw_physical_device())
    };
    let heaps = &properties.memory_heaps[..properties.memory_heap_count as usize];
    heaps.iter().filter(|heap| heap.flags.as_raw() & OF_DEVICE > 0).map(|heap| heap.size).max()
}

#[cfg(target_vendor = "apple")]
fn memory(_adapter: &wgpu::Adapter) -> Option<u64> {
    None
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
