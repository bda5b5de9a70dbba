//! The options of reconstructions, as every command that reconstructs takes them.

use crate::value;
use clap::Args;
use clap::error::ErrorKind;
use lapwing_solve::lsqml::{Batching, Lsqml, Noise};
use lapwing_solve::ml::Ml;
use lapwing_study::solver::{ObjectStart, ProbeStart, Solver, SolverConfig};

/// Which solver reconstructs, with which options, and what it starts from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reconstruction")]
pub struct SolverOptions {
    /// Solver: LSQML, the field's baseline, or ML, the best image for the data (needs photon counts)
    #[arg(long, value_name = "NAME", default_value = "LSQML", ignore_case = true, value_parser = ["LSQML", "ML"])]
    algorithm: String,
    /// Number of epochs; one epoch visits every pattern once [default: 100, ML 50]
    #[arg(long, alias = "epochs", value_name = "N", value_parser = value::count)]
    num_epochs: Option<usize>,
    /// Patterns per batch, at most [default: 100; ML, in its first stage only: 10]
    #[arg(long, value_name = "B", value_parser = value::count)]
    batch_size: Option<usize>,
    /// Grouping of positions into batches: compact (neighbours together) or random
    #[arg(long, value_name = "KIND", value_parser = value::named::<Batching>)]
    batching: Option<Batching>,
    /// Likelihood: gaussian (of amplitudes) or poisson (needs photon counts)
    #[arg(long, value_name = "KIND", value_parser = value::named::<Noise>)]
    noise: Option<Noise>,
    /// Gain of the momentum acceleration of compact batches, 0 for none
    #[arg(long, value_name = "GAIN", value_parser = value::not_negative)]
    momentum: Option<f64>,
    /// Damping of the object update where little light falls, a share of the largest illumination
    #[arg(long, value_name = "SHARE", value_parser = value::not_negative)]
    damping: Option<f64>,
    /// First epoch, from 1, in which the probe is refined
    #[arg(long, value_name = "EPOCH", value_parser = value::count)]
    probe_from_epoch: Option<usize>,
    /// Strength of ML's prior in photons; 0 switches it off [default: 20]
    #[arg(long, value_name = "MU", value_parser = value::not_negative)]
    prior: Option<f64>,
    /// Seed of random batches
    #[arg(long, alias = "seed", value_name = "SEED")]
    batch_seed: Option<u64>,
    /// Start object: flat, or guess (the file's objectGuess, in simulated data the answer itself)
    #[arg(long, alias = "object-start", value_name = "OBJECT", value_parser = value::named::<ObjectStart>)]
    start: Option<ObjectStart>,
    /// Start probe: file (its probeGuess), or perturbed (that probe out of focus and astigmatic)
    #[arg(long, value_name = "PROBE", value_parser = value::named::<ProbeStart>)]
    probe_start: Option<ProbeStart>,
}

impl SolverOptions {
    /// The solver asked for; `probe_start` where nothing is said about it.
    pub fn config(&self, probe_start: ProbeStart) -> anyhow::Result<SolverConfig> {
        let solver = if self.algorithm.eq_ignore_ascii_case("ML") {
            Solver::Ml(self.ml()?)
        } else {
            Solver::Lsqml(self.lsqml()?)
        };
        let mut config = SolverConfig::new(solver, self.probe_start.unwrap_or(probe_start));
        config.object_start = self.start.unwrap_or_default();
        Ok(config)
    }

    fn lsqml(&self) -> anyhow::Result<Lsqml> {
        refuse("LSQML", "ML", &[("--prior", self.prior.is_some())])?;
        let default = Lsqml::default();
        Ok(Lsqml {
            epochs: self.num_epochs.unwrap_or(default.epochs),
            batch_size: self.batch_size.unwrap_or(default.batch_size),
            batching: self.batching.unwrap_or(default.batching),
            noise: self.noise.unwrap_or(default.noise),
            momentum: self.momentum.unwrap_or(default.momentum),
            damping: self.damping.unwrap_or(default.damping),
            probe_from_epoch: self.probe_from_epoch.unwrap_or(default.probe_from_epoch),
            seed: self.batch_seed.unwrap_or(default.seed),
            ..default
        })
    }

    fn ml(&self) -> anyhow::Result<Ml> {
        let given = [
            ("--batching", self.batching.is_some()),
            ("--noise", self.noise.is_some()),
            ("--momentum", self.momentum.is_some()),
            ("--damping", self.damping.is_some()),
            ("--probe-from-epoch", self.probe_from_epoch.is_some()),
        ];
        refuse("ML", "LSQML", &given)?;
        let default = Ml::default();
        Ok(Ml {
            epochs: self.num_epochs.unwrap_or(default.epochs),
            start_batch_size: self.batch_size.unwrap_or(default.start_batch_size),
            prior: self.prior.unwrap_or(default.prior),
            seed: self.batch_seed.unwrap_or(default.seed),
            ..default
        })
    }
}

/// An option of one solver given to the other would be passed over in silence.
fn refuse(solver: &str, other: &str, options: &[(&str, bool)]) -> anyhow::Result<()> {
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let message = format!(
                "{option} is an option of {other}: leave it out, or choose {other} instead of {solver}\n"
            );
            Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into())
        }
        None => Ok(()),
    }
}
