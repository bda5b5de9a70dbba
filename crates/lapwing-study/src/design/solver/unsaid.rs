//! What is taken where nothing is said about it.

use super::config::{AUTO, ProbeStart};
use lapwing_files::options::ProbeFrom;
use lapwing_solve::SOLVERS;

/// Solver and start probe of a reconstruction for which none are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsaid {
    /// Name of the solver, or [`AUTO`].
    pub algorithm: &'static str,
    /// The start probe.
    pub probe_start: ProbeStart,
}

impl Unsaid {
    /// Of one reconstruction of a user's own data: the solver that suits them, from the probe that
    /// they have or that can be made of them.
    pub const DATA: Self = Self { algorithm: AUTO, probe_start: ProbeStart::Auto };

    /// Of studies and their jobs: the field's baseline, the first of [`SOLVERS`], from the file's
    /// probe perturbed, since that of simulated data is the true one.
    pub fn study() -> Self {
        Self { algorithm: SOLVERS[0].name, probe_start: ProbeStart::Perturbed }
    }

    /// With the start probe that an experiment says, if it does.
    pub fn with_probe_from(self, from: Option<ProbeFrom>) -> Self {
        Self { probe_start: from.map_or(self.probe_start, ProbeStart::of_experiment), ..self }
    }
}
