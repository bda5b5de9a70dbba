//! The physics of ptychography: fields, probes, scans, specimens, the forward model and
//! the dose.
//!
//! Key types: [`Position`] and [`Window`] (where the probe stands), [`ForwardModel`] (probe x
//! object patch to the detector, and its adjoint), [`Specimen`](specimen::Specimen),
//! [`ProbeKind`](probe::ProbeKind) and [`ScanKind`](scan::ScanKind) (built-in samples,
//! illuminations and trajectories), and [`simulate::expose`] (photon counts at a dose).
//!
//! A scan is simulated from a probe, positions and an object that holds all their windows:
//!
//! ```
//! use lapwing_model::forward::Physics;
//! use lapwing_model::probe::{ProbeDesign, ProbeKind};
//! use lapwing_model::scan::{ScanKind, fit, generate};
//! use lapwing_model::simulate::expose;
//! use lapwing_model::specimen::Specimen;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let window = (64, 64);
//! let probe = ProbeDesign::new(ProbeKind::Defocused).build(window)?;
//! let scan = generate(ScanKind::Fermat, 8.0, (80.0, 80.0), 1)?;
//! let placement = fit(&scan, window, 2).ok_or("a scan without positions")?;
//! let scan = placement.place(&scan);
//! let object = Specimen::Cells.make(placement.shape, 1);
//! let exposure = expose(&Physics::default(), object.view(), probe.view(), &scan, 1e4, 42)?;
//!
//! // One pattern for every position, with 10,000 photons each on average.
//! assert_eq!(exposure.counts.dim(), (scan.len(), 64, 64));
//! assert!((exposure.mean_counts / 1e4 - 1.0).abs() < 0.01);
//! # Ok(())
//! # }
//! ```
//!
//! Array conventions (axis order, origin, zero frequency, normalisation, units) are stated once, in
//! `ARCHITECTURE.md` at the root of the repository, and hold for every item here.

pub mod buffer;
mod c8;
pub mod elementwise;
pub mod faults;
pub mod fft;
pub mod forward;
pub mod linear;
mod median;
mod object;
pub mod parallel;
pub mod position;
pub mod probe;
pub mod random;
pub mod scan;
mod short;
pub mod simulate;
pub mod specimen;
#[cfg(test)]
mod test_support;

pub use forward::{ForwardModel, ModelError};
pub use median::median;
pub use num_complex::Complex32;
pub use object::{Object, ObjectView};
pub use position::{Position, Window};
pub use short::Short;

/// A complex field on a pixel grid, axes (y, x): an object, one probe mode, an exit wave.
pub type Field = ndarray::Array2<Complex32>;

/// Probe modes, axes (mode, y, x); a coherent probe has one mode.
pub type Modes = ndarray::Array3<Complex32>;
