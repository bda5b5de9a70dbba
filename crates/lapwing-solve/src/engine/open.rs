//! The engine of a device.

#[cfg(feature = "gpu")]
use super::gpu::{self, GpuEngine};
use super::{Device, Engine, Needs, Products, Unsupported, cpu::Cpu};
use crate::Problem;

impl Device {
    /// Refuses problems, and solvers with these needs, that it cannot compute.
    ///
    /// # Errors
    /// The first thing that it cannot do.
    pub fn check(&self, problem: &Problem, needs: Needs) -> Result<(), Unsupported> {
        if needs.waves_per_pattern > 0 && problem.n_slices() > 1 {
            return Err(Unsupported::Slices(problem.n_slices()));
        }
        match self {
            Self::Cpu => Ok(()),
            #[cfg(feature = "gpu")]
            Self::Gpu(card) => gpu::check(card, problem, needs),
        }
    }
}

/// The engine for `problem` on its device, holding `products` of every pattern of batches of up to
/// `batch_size` patterns.
pub fn open<'a>(
    problem: &'a Problem,
    batch_size: usize,
    products: Products,
) -> Box<dyn Engine + 'a> {
    match &problem.device {
        Device::Cpu => Box::new(Cpu::new(problem, batch_size, products)),
        #[cfg(feature = "gpu")]
        Device::Gpu(card) => Box::new(GpuEngine::new(card, problem, batch_size, products)),
    }
}
