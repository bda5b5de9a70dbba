//! The physics of far-field ptychography: fields, probes, scans, specimens, the forward model and
//! the dose.
//!
//! Key types: [`Position`] and [`Window`] (where the probe stands), [`ForwardModel`] (probe x
//! object patch to far field, and its adjoint), [`Specimen`](specimen::Specimen),
//! [`ProbeKind`](probe::ProbeKind) and
//! [`ScanKind`](scan::ScanKind) (built-in samples, illuminations and trajectories), and
//! [`simulate::expose`] (photon counts at a dose).
//!
//! Array conventions (axis order, origin, zero frequency, normalisation, units) are stated once, in
//! `ARCHITECTURE.md` at the root of the repository, and hold for every item here.

pub mod buffer;
mod c8;
pub mod elementwise;
pub mod fft;
pub mod forward;
mod object;
pub mod position;
pub mod probe;
pub mod random;
pub mod scan;
pub mod simulate;
pub mod specimen;
#[cfg(test)]
mod test_support;

pub use forward::{ForwardModel, ModelError};
pub use num_complex::Complex32;
pub use object::Object;
pub use position::{Position, Window};

/// A complex field on a pixel grid, axes (y, x): an object, one probe mode, an exit wave.
pub type Field = ndarray::Array2<Complex32>;

/// Probe modes, axes (mode, y, x); a coherent probe has one mode.
pub type Modes = ndarray::Array3<Complex32>;
