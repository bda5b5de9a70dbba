//! Aligns a reconstruction with the truth and measures how well they agree.
//!
//! Key types: [`Region`] (which pixels count), [`Alignment`] (the shift, ramp, phase and scale that
//! ptychography cannot determine and that are removed first), [`Metrics`] (the numbers) and
//! [`Comparison`] (numbers and pictures), which [`compare`] returns; [`compare_probes`] does the
//! same for probes. [`Metric::all`] is the catalogue of all numbers: names, titles, units and
//! directions. A [`ComparisonRecord`] is what a result keeps of a comparison, and [`doubts`] lists
//! which of its numbers are unreliable, and why. Every metric's formula, range and source stands in
//! `docs/metrics.md`.
//!
//! ```
//! use lapwing_compare::{Region, compare};
//! use lapwing_model::{Complex32, Field};
//!
//! let truth = Field::from_shape_fn((64, 64), |(y, x)| {
//!     Complex32::from_polar(1.0, (0.2 * y as f32).sin() * (0.3 * x as f32).cos())
//! });
//! let reconstruction = truth.mapv(|t| t * Complex32::from_polar(2.0, 0.7));
//! let found = compare(reconstruction.view(), truth.view(), &Region::rectangle(8..56, 8..56)?)?;
//! assert!(found.metrics.complex_nrmse < 1e-4);
//! assert!((found.alignment.scale - 2.0).abs() < 1e-4);
//! # Ok::<(), lapwing_compare::CompareError>(())
//! ```

mod align;
mod catalogue;
mod comparison;
mod coverage;
mod error;
mod fit;
mod fourier;
mod frc;
mod held;
mod laid;
mod lattice;
mod limit;
mod metrics;
mod patch;
mod placement;
mod probe;
mod record;
mod region;
pub mod registration;
mod resolution;
mod trust;
mod window;
mod zero;

pub use align::{Alignment, LARGEST_SHIFT};
pub use catalogue::{Better, Metric, resolution_name};
pub use comparison::{Comparison, compare};
pub use coverage::{Coverage, coverage};
pub use error::CompareError;
pub use frc::{FrcCurve, FrcCurves};
pub use held::{independent_share, not_held, of_object};
pub use laid::{Counted, Cut, Judged, Known, Laid, NotLaid};
pub use lattice::Lattice;
pub use limit::Limit;
pub use metrics::Metrics;
pub use placement::{fits_by_chance, lies_elsewhere, place};
pub use probe::{ProbeComparison, compare_probes};
pub use record::{ComparisonRecord, HalvesRecord, Number, Numbers, probe_numbers};
pub use region::{LARGEST_SIDE, MINIMUM_SEEN, MINIMUM_SIDE, Region, SEEN_FRACTION};
pub use resolution::{ByCriterion, Criterion, Quantity, Resolution, Resolutions};
pub use trust::{as_flat, doubts, no_better_than_flat, reached_by_flat, resolution_doubts};
pub use zero::{Scanned, zeros_apart};
