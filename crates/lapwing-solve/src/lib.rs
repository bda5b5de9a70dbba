//! Iterative solvers for ptychography. One problem in, one solution out, one [`Epoch`] event for
//! every epoch.
//!
//! The crate has three floors:
//!
//! - [`problem`]: measured patterns, the scan and the start fields, checked once and never changed;
//! - [`engine`]: the work on batches of patterns, on one device, where the fields are;
//! - [`solver`]: what an algorithm does with it, and [`SOLVERS`], the table of all there are.
//!
//! ```
//! use lapwing_model::forward::Physics;
//! use lapwing_model::probe::{ProbeDesign, ProbeKind};
//! use lapwing_model::scan::{ScanKind, fit, generate};
//! use lapwing_model::simulate::expose;
//! use lapwing_model::specimen::Specimen;
//! use lapwing_model::Object;
//! use lapwing_solve::lsqml::Lsqml;
//! use lapwing_solve::{Flow, Problem, Solver};
//!
//! // A specimen under a defocused probe of 32 x 32 pixels, 10,000 photons per pattern.
//! let probe = ProbeDesign::new(ProbeKind::Defocused).build((32, 32))?;
//! let scan = generate(ScanKind::Fermat, 5.0, (40.0, 40.0), 1)?;
//! let placement = fit(&scan, (32, 32), 2).ok_or("an empty scan")?;
//! let scan = placement.place(&scan);
//! let specimen = Specimen::Cells.make(placement.shape, 1);
//! let counts = expose(&Physics::default(), specimen.view(), probe.view(), &scan, 1e4, 42)?.counts;
//!
//! // Reconstructed from a flat object.
//! let problem = Problem::builder(scan, Object::flat(placement.shape), probe).patterns(counts)?;
//! let options = Lsqml { epochs: 5, ..Lsqml::default() };
//! let solution = options.solve(&problem, &mut |epoch| {
//!     println!("epoch {} of {}: loss {:.4}", epoch.done, epoch.total, epoch.loss);
//!     Flow::Continue
//! });
//! assert!(solution.loss[4] < solution.loss[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub mod calibrate;
pub mod engine;
mod flow;
mod neighbours;
pub mod noise;
pub mod outside;
mod prior;
pub mod problem;
pub mod solver;
pub mod uncertainty;
mod vector;

pub use flow::Flow;
pub use noise::{Faults, Noise, NoiseModel};
pub use problem::{Blocks, PatternStore, Problem, ProblemError, StoredBytes};
pub use solver::{
    Constraints, Epoch, Needs, Run, SOLVERS, Snapshot, Solution, Solver, lsqml, ml, modes, pie,
    snapshot,
};
