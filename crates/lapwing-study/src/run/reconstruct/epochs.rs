//! The second step of a task: the epochs, and the reconstruction on disk.

use super::understand::Input;
use super::{Task, output};
use crate::design::solver::{DeviceChoice, Method, SolverConfig};
use crate::disk::checkpoint::{CHECKPOINT, Checkpoint};
use crate::disk::record::{ChoiceRecord, ErrorRecord, JobResult, LossSummary, NoiseRecord};
use crate::run::choose::{self, Chosen};
use crate::run::event::{self, Event, Level, Observer, note};
use crate::run::misfit;
use crate::run::noise;
use crate::run::solve::{Account, Place, check, described, epochs, maps, placed, with_maps};
use crate::run::start::Start;
use crate::run::stream;
use crate::{Result, StudyError};
use lapwing_solve::engine::Device;
use lapwing_solve::uncertainty::ErrorMaps;
use lapwing_solve::{Flow, Solution};
use serde_json::json;
use std::ops::ControlFlow;
use std::time::Instant;

/// What a solver did.
struct Solved {
    solution: Solution,
    /// Its error maps, where they were asked for.
    maps: Option<ErrorMaps>,
    /// Epochs that an earlier run had done.
    resumed: usize,
    /// Wall-clock seconds of the epochs done now.
    seconds: f64,
}

impl Task {
    /// Solves, and writes the reconstruction and its loss: it is safe before anything else is made
    /// of it.
    pub(super) fn reconstruct(
        &self,
        start: Start,
        input: &Input,
        result: &mut JobResult,
        checkpoint: &mut Checkpoint,
        observe: Observer<'_>,
    ) -> Result<(Solution, Option<ErrorMaps>)> {
        let Solved { solution, maps, resumed, seconds } = match &self.solver.method {
            Method::Native(config) => {
                self.by_solver(config, start, result, checkpoint, &mut *observe)?
            }
            Method::External(config) => {
                let started = Instant::now();
                let (external, case) = (&config.external, self.case.as_ref());
                let solution =
                    external.solve(&self.input, &start, &self.output, case, &mut *observe)?;
                Solved {
                    solution,
                    maps: None,
                    resumed: 0,
                    seconds: started.elapsed().as_secs_f64(),
                }
            }
        };
        result.seconds_per_epoch = Some(seconds / (solution.loss.len() - resumed).max(1) as f64);
        result.loss = summary(&solution.loss);
        check(&solution)?;
        result.choices = solution.choices.iter().map(ChoiceRecord::from).collect();
        for choice in &result.choices {
            note(&mut *observe, Level::Fact, &told(choice))?;
        }
        note(observe, Level::Detail, &format!("solved in {seconds:.2} s"))?;
        let place = Place { of_data: &input.scan, on_grid: &input.on_grid, origin: input.origin };
        let algorithm = self.solver.algorithm();
        let account = Account { algorithm, options: json!(self.solver.method) };
        let made = described(solution.clone(), &place, account, input.metadata.as_ref());
        let made = with_maps(made, maps.clone());
        result.files = output::write(&self.output, &made, &solution.probe)?;
        Ok((solution, maps))
    }

    /// Does the epochs of a solver of this program, from `start` or from the state that a stopped
    /// run left.
    fn by_solver(
        &self,
        config: &SolverConfig,
        start: Start,
        result: &mut JobResult,
        checkpoint: &mut Checkpoint,
        observe: Observer<'_>,
    ) -> Result<Solved> {
        let case = self.case.as_ref();
        let (counts, faults) = (start.counts, start.faults.clone());
        let bare = start.into_problem_while(&mut || stream::waiting(case, &mut *observe))?;
        let chosen = choose::settled(&bare, config, (counts, &faults), &mut || {
            event::tell(&mut *observe, Event::Waiting { case, what: "a choice by held-out pixels" })
        })?;
        drop(bare);
        let device = self.device.unwrap_or(config.device.device);
        let mut chosen = placed(chosen, device)?;
        if *chosen.problem.device() != Device::Cpu {
            result.device = Some(chosen.problem.device().to_string());
            let text = format!("computed on {}", chosen.problem.device());
            note(&mut *observe, Level::Fact, &text)?;
        }
        result.noise = Some(NoiseRecord::from(&chosen.noise));
        for text in noise::described(&chosen.noise) {
            note(&mut *observe, Level::Fact, &text)?;
        }
        let mut started = Instant::now();
        let (mut solution, resumed) = match self.all_epochs(&chosen, checkpoint, &mut *observe) {
            // Nobody has asked for the card by name.
            Err(failure @ StudyError::CardFailed { .. }) if device == DeviceChoice::Auto => {
                let text = format!("{failure}: the processor goes on");
                note(&mut *observe, Level::Fact, &text)?;
                chosen.problem = chosen.problem.on(Device::Cpu);
                started = Instant::now();
                self.all_epochs(&chosen, checkpoint, &mut *observe)?
            }
            other => other?,
        };
        let Chosen { problem, choices, .. } = &chosen;
        let seconds = started.elapsed().as_secs_f64();
        check(&solution)?;
        solution.choices.splice(..0, choices.iter().cloned());
        result.settled = solution.settled;
        if let Some(text) = misfit::ending(&solution) {
            note(&mut *observe, Level::Fact, text)?;
        }
        if counts {
            let misfit = problem.misfit(&solution)?;
            result.misfit = Some(misfit.ratio);
            for text in misfit::described(misfit, problem.mean_intensity()) {
                note(&mut *observe, Level::Fact, &text)?;
            }
        }
        let mut stopped = false;
        let maps = maps(&chosen, &solution, config.errors.error_maps, &mut || {
            stopped = observe(Event::Waiting { case, what: "its error maps" }).is_break();
            if stopped { Flow::Stop } else { Flow::Continue }
        })?;
        if stopped {
            return Err(StudyError::Stopped);
        }
        if let Some(maps) = &maps {
            let text = format!(
                "by chance off by {:.4} in amplitude and {:.4} rad in phase, r.m.s. of the error \
                 maps ({} replicates; what is wrong every time does not show)",
                maps.amplitude_rms, maps.phase_rms, maps.replicates
            );
            note(&mut *observe, Level::Fact, &text)?;
            result.error_maps = Some(ErrorRecord::from(maps));
        }
        Ok(Solved { solution, maps, resumed, seconds })
    }

    /// All epochs, from the start or from where a stopped run left off, and how many of them that
    /// run had done.
    fn all_epochs(
        &self,
        Chosen { problem, solver, .. }: &Chosen,
        checkpoint: &mut Checkpoint,
        observe: Observer<'_>,
    ) -> Result<(Solution, usize)> {
        let case = self.case.as_ref();
        let mut run = solver.start(problem);
        let mut resumed = 0;
        if let Some(snapshot) = checkpoint.load() {
            run = run.resume(&snapshot)?;
            resumed = snapshot.loss.len();
            let text = format!("resumed after epoch {resumed} from {CHECKPOINT}");
            note(&mut *observe, Level::Detail, &text)?;
        }
        let solution = epochs(run, &mut |epoch, run| {
            let text =
                format!("epoch {:4} of {}: loss {:.6e}", epoch.done, epoch.total, epoch.loss);
            note(&mut *observe, Level::Detail, &text)?;
            let more = epoch.done < epoch.total && epoch.loss.is_finite();
            if observe(Event::Epoch { case, epoch }).is_break() {
                if more {
                    // What cannot be stored is only done again.
                    let _ = checkpoint.store(&run.snapshot());
                }
                return Err(StudyError::Stopped);
            }
            if more && checkpoint.due(epoch.done) {
                checkpoint.store(&run.snapshot())?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((solution, resumed))
    }
}

/// What a solver has chosen, in one line.
fn told(choice: &ChoiceRecord) -> String {
    let lowest = choice.tried.iter().map(|tried| tried.score).fold(f64::INFINITY, f64::min);
    let tried: Vec<String> = choice
        .tried
        .iter()
        .map(|tried| format!("{:.3}: {:+.2}", tried.value, 1e6 * (tried.score - lowest)))
        .collect();
    format!(
        "{} = {:.3}, chosen by held-out pixels (tried, 1e-6 worse per pixel: {})",
        choice.option,
        choice.value,
        tried.join(", ")
    )
}

fn summary(loss: &[f64]) -> Option<LossSummary> {
    let (&first, &last) = (loss.first()?, loss.last()?);
    Some(LossSummary {
        epochs: loss.len(),
        first,
        last,
        best: loss.iter().copied().fold(first, f64::min),
    })
}
