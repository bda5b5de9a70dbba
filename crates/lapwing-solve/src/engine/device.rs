//! Devices, what they are asked for, and what they refuse.

#[cfg(feature = "gpu")]
use super::gpu::Gpu;
use std::fmt;

/// What a solver requires of data and memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Whether the intensities must be photon counts.
    pub counts: bool,
    /// Complex fields (mode, y, x) that it keeps for every pattern of the scan.
    pub waves_per_pattern: usize,
    /// Patterns that it computes at once, at most.
    pub batch_size: usize,
    /// Whether it moves the positions.
    pub moves_positions: bool,
    /// Complex fields on the object's grid that it has at a time, about, the object included.
    pub object_fields: usize,
    /// Whether these are kept where the problem has an
    /// [`OutsideStore`](crate::outside::OutsideStore); else only the states that it goes back to
    /// are.
    pub stores_fields: bool,
}

/// Where reconstructions are computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Device {
    /// This machine's processor, on the threads of the current rayon pool.
    #[default]
    Cpu,
    /// A graphics card.
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

impl Device {
    /// Whether it is called a graphics card and is a program on the processor.
    pub fn is_software(&self) -> bool {
        match self {
            Self::Cpu => false,
            #[cfg(feature = "gpu")]
            Self::Gpu(card) => card.info().software,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "the processor"),
            #[cfg(feature = "gpu")]
            Self::Gpu(card) => write!(f, "{} ({})", card.info().name, card.info().interface),
        }
    }
}

/// Why a reconstruction cannot be computed on a device.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// What this kind of device does not compute.
    #[error("{0} is not computed on a graphics card, but on the processor")]
    OnCard(String),
    /// An object of several slices for a solver that keeps exit waves, on any device.
    #[error(
        "an object of {0} slices: expected one where a pattern's exit wave is kept and divided between \
         object and probe"
    )]
    Slices(usize),
}

impl Unsupported {
    #[cfg(feature = "gpu")]
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self::OnCard(what.into())
    }
}
