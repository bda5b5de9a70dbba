//! The options of reconstructions, as every command that reconstructs takes them.

use crate::value;
use clap::Args;
use clap::error::ErrorKind;
use lapwing_solve::lsqml::{Batching, Noise, ObjectStep, Preconditioner};
use lapwing_study::checkpoint::Every;
use lapwing_study::solver::{NAMES, ObjectStart, ProbeStart, SolverConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Which solver reconstructs, with which options, and what it starts from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reconstruction")]
pub struct SolverOptions {
    /// Solver: LSQML, the field's baseline; ML, the best image for the data (needs photon counts);
    /// rPIE; ePIE
    #[arg(long, value_name = "NAME", default_value = "LSQML", ignore_case = true, value_parser = NAMES)]
    algorithm: String,
    /// Number of epochs; one epoch visits every pattern once [default: 100, ML 50]
    #[arg(long, alias = "epochs", value_name = "N", value_parser = value::count)]
    num_epochs: Option<usize>,
    /// Patterns per batch, at most [default: 100; rPIE, ePIE, and ML in its first stage: 10]
    #[arg(long, value_name = "B", value_parser = value::count)]
    batch_size: Option<usize>,
    /// Grouping of positions into batches: compact (neighbours together), random, or sparse (spread
    /// over the scan)
    #[arg(long, value_name = "KIND", value_parser = value::named::<Batching>)]
    batching: Option<Batching>,
    /// ML: epochs of its first stage, of small batches [default: 8]
    #[arg(long, value_name = "N", value_parser = value::count_or_none)]
    start_epochs: Option<usize>,
    /// LSQML: when the object moves, after every batch or once per epoch [default: epoch with
    /// compact batches]; ePIE: factor on its update [default: 1]
    #[arg(long, value_name = "batch|epoch|FACTOR", value_parser = move_of_the_object)]
    object_step: Option<ObjectMove>,
    /// ePIE: factor on the probe's update [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = value::not_negative)]
    probe_step: Option<f64>,
    /// What LSQML's object update is divided by: the illumination by the whole scan, or by the
    /// batch
    #[arg(long, value_name = "OF", value_parser = value::named::<Preconditioner>)]
    preconditioner: Option<Preconditioner>,
    /// Likelihood: gaussian (of amplitudes) or poisson (needs photon counts)
    #[arg(long, value_name = "KIND", value_parser = value::named::<Noise>)]
    noise: Option<Noise>,
    /// Gain of the momentum acceleration where the object moves once per epoch, 0 for none
    #[arg(long, value_name = "GAIN", value_parser = value::not_negative)]
    momentum: Option<f64>,
    /// Damping of the object update where little light falls, a share of the largest illumination
    #[arg(long, value_name = "SHARE", value_parser = value::not_negative)]
    damping: Option<f64>,
    /// LSQML: factor on the least-squares steps of object and probe [default: 0.9]
    #[arg(long, value_name = "FACTOR", value_parser = value::not_negative)]
    step_scale: Option<f64>,
    /// First epoch, from 1, in which the probe is refined
    #[arg(long, value_name = "EPOCH", value_parser = value::count)]
    probe_from_epoch: Option<usize>,
    /// First epoch, from 1, in which positions are refined (LSQML, ML) [default: never]
    #[arg(long, value_name = "EPOCH", value_parser = value::count)]
    positions_from_epoch: Option<usize>,
    /// Strength of the edge-preserving prior in photons; 0 switches it off [default: ML 20, LSQML
    /// 0]
    #[arg(long, value_name = "MU", value_parser = value::not_negative)]
    prior: Option<f64>,
    /// Difference between neighbouring object pixels above which the prior spares edges; the
    /// object's r.m.s. is 1 [default: 0.05]
    #[arg(long, value_name = "H", value_parser = value::positive)]
    prior_edge: Option<f64>,
    /// rPIE: share of the largest illumination under the object's update
    #[arg(long, value_name = "SHARE", value_parser = value::positive_share)]
    object_alpha: Option<f64>,
    /// rPIE: share of the largest object power under the probe's update
    #[arg(long, value_name = "SHARE", value_parser = value::positive_share)]
    probe_alpha: Option<f64>,
    /// Number of incoherent probe modes; those the file lacks are made [default: as many as the
    /// file has]
    #[arg(long, value_name = "K", value_parser = value::count)]
    probe_modes: Option<usize>,
    /// Radius outside which the probe is dark, as a share of the window's side
    #[arg(long, value_name = "SHARE", value_parser = value::positive)]
    probe_support: Option<f64>,
    /// Summed power of the probe in the unit of the patterns, which fixes the scale of the object
    #[arg(long, value_name = "COUNTS", value_parser = value::positive)]
    probe_power: Option<f64>,
    /// Smallest amplitude of the object
    #[arg(long, value_name = "A", value_parser = value::not_negative)]
    object_min: Option<f64>,
    /// Largest amplitude of the object (1 is its r.m.s., unless --probe-power fixes the scale)
    #[arg(long, value_name = "A", value_parser = value::positive)]
    object_max: Option<f64>,
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

/// What does not change a result, and so goes with solvers that are settled elsewhere too. It
/// stands apart from [`SolverOptions`] because clap knows no conflict with a group of options that
/// contains another.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reconstruction")]
pub struct Checkpoints {
    /// How often to store the solver's state, from which the same command goes on: epochs (10) or
    /// minutes (5m)
    #[arg(long, value_name = "EVERY", value_parser = every, default_value = "5m")]
    pub checkpoint_every: Every,
}

impl SolverOptions {
    /// The solver asked for; `probe_start` where nothing is said about it.
    ///
    /// The options have the names of a design's section `[solver]`, which knows which solver takes
    /// which.
    pub fn config(&self, probe_start: ProbeStart) -> anyhow::Result<SolverConfig> {
        let name = NAMES
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(&self.algorithm))
            .unwrap_or(NAMES[0]);
        match (name, self.object_step) {
            ("LSQML", Some(ObjectMove::Factor(found))) => {
                return Err(usage(format!(
                    "--object-step: expected batch or epoch with LSQML, found {found}; its steps are fitted, and \
                     --step-scale is a factor on them\n"
                ))
                .into());
            }
            ("ePIE", Some(ObjectMove::When(_))) => {
                return Err(usage(
                    "--object-step: expected a number, 0 or more, with ePIE\n".to_owned(),
                )
                .into());
            }
            _ => {}
        }
        let mut written = given(json!({
            "num_epochs": self.num_epochs,
            "batch_size": self.batch_size,
            "batching": self.batching,
            "start_epochs": self.start_epochs,
            "object_step": self.object_step,
            "probe_step": self.probe_step,
            "preconditioner": self.preconditioner,
            "noise": self.noise,
            "momentum": self.momentum,
            "damping": self.damping,
            "step_scale": self.step_scale,
            "probe_from_epoch": self.probe_from_epoch,
            "positions_from_epoch": self.positions_from_epoch,
            "prior": self.prior,
            "prior_edge": self.prior_edge,
            "object_alpha": self.object_alpha,
            "probe_alpha": self.probe_alpha,
            "batch_seed": self.batch_seed,
        }));
        let own: Vec<String> = written.keys().cloned().collect();
        written.extend(given(json!({
            "algorithm": name,
            "object_start": self.start,
            "probe_start": self.probe_start.unwrap_or(probe_start),
            "probe_modes": self.probe_modes,
        })));
        let constraints = given(json!({
            "probe_support": self.probe_support,
            "probe_power": self.probe_power,
            "object_min": self.object_min,
            "object_max": self.object_max,
        }));
        if !constraints.is_empty() {
            written.insert("constraints".to_owned(), Value::Object(constraints));
        }
        let config = SolverConfig::deserialize(Value::Object(written)).map_err(|error| {
            let error = error.to_string();
            let stranger = own.iter().find(|own| error.contains(&format!("unknown field `{own}`")));
            usage(match stranger {
                Some(option) => format!(
                    "--{} is no option of {name}: leave it out, or choose another solver\n",
                    option.replace('_', "-")
                ),
                None => format!("{error}\n"),
            })
        })?;
        config.check().map_err(|error| usage(format!("{error}\n")))?;
        Ok(config)
    }
}

/// What `--object-step` says: when the object moves, or how far.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum ObjectMove {
    When(ObjectStep),
    Factor(f64),
}

fn move_of_the_object(text: &str) -> Result<ObjectMove, String> {
    if let Ok(when) = value::named(text) {
        return Ok(ObjectMove::When(when));
    }
    value::not_negative(text)
        .map(ObjectMove::Factor)
        .map_err(|_| "expected batch or epoch (LSQML), or a number, 0 or more (ePIE)".to_owned())
}

/// The options that were given: entries that are not null.
fn given(options: Value) -> Map<String, Value> {
    match options {
        Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

fn usage(message: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, message)
}

/// A number of epochs, or of minutes with an m.
fn every(text: &str) -> Result<Every, String> {
    let expected = |_| "expected a number of epochs (10) or of minutes (5m)".to_owned();
    match text.strip_suffix('m') {
        Some(minutes) => value::positive(minutes)
            .and_then(|minutes| if minutes <= 1e6 { Ok(minutes) } else { Err(String::new()) })
            .map(Every::Minutes)
            .map_err(expected),
        None => value::count(text).map(Every::Epochs).map_err(expected),
    }
}
