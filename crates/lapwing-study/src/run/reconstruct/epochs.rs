//! The second step of a request: the epochs, and the reconstruction on disk.

use super::understand::Input;
use super::{Request, output};
use crate::design::condition::Case;
use crate::design::solver::{Method, SolverConfig};
use crate::disk::checkpoint::{CHECKPOINT, Checkpoint};
use crate::disk::record::{
    ChoiceRecord, ErrorRecord, JobResult, LossSummary, NoiseRecord, ShiftRecord, VariationRecord,
};
use crate::run::event::{self, Event, Level, Observer, note};
use crate::run::solve::choose::Chosen;
use crate::run::solve::fits::Fits;
use crate::run::solve::misfit;
use crate::run::solve::noise;
use crate::run::solve::start::Start;
use crate::run::solve::{Account, Done, Place, Watch, check, described, solve, with_maps};
use crate::{Result, StudyError};
use lapwing_files::Quantum;
use lapwing_model::Object;
use lapwing_solve::engine::Device;
use lapwing_solve::uncertainty::ErrorMaps;
use lapwing_solve::{Epoch, Run, Solution};
use serde_json::json;
use std::ops::ControlFlow;
use std::time::Instant;

/// What is said of error maps that exceed what the image shows.
const BURIED: &str = "remark: the image differs from a flat one by less than its expected error; \
                      the specimen may differ by more than either, so do not go by the error \
                      maps: more photons or more overlap would tell";
/// Replicates of the error maps that a solver was not asked for: as few as tell.
const ERROR_MAPS: usize = 2;

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

impl Request {
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
        let Solved { mut solution, maps, resumed, seconds } = match &self.solver.method {
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
        let epochs = solution.loss.len() - resumed;
        result.seconds_per_epoch = (epochs > 0).then(|| seconds / epochs as f64);
        result.loss = summary(&solution.loss);
        check(&solution)?;
        result.choices = solution.choices.iter().map(ChoiceRecord::from).collect();
        for choice in &result.choices {
            note(&mut *observe, Level::Fact, &told(choice))?;
        }
        note(&mut *observe, Level::Detail, &format!("solved in {seconds:.2} s"))?;
        let Input { measured, scan, on_grid, origin, .. } = input;
        let place = Place { measured, of_data: scan, on_grid, origin: *origin };
        let algorithm = self.solver.algorithm();
        let account = Account { algorithm, options: json!(self.solver.method) };
        // A large object is there once.
        let object = std::mem::replace(&mut solution.object, Object::flat((1, 1)));
        let solved = Solution { object, ..solution.clone() };
        let made = described(solved, &place, account, input.metadata.as_ref());
        let made = with_maps(made, maps.clone());
        result.shifts = made.shifts().map(|shifts| ShiftRecord::of(measured, &shifts));
        if let Some(shifts) = &result.shifts {
            note(&mut *observe, Level::Fact, &shifts.to_string())?;
        }
        result.variation = made.variation().as_ref().and_then(VariationRecord::of);
        if let Some(variation) = &result.variation {
            note(observe, Level::Fact, &variation.to_string())?;
        }
        result.files = output::write(&self.output, &made, &solution.probe)?;
        solution.object = made.object;
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
        let device = self.device_of(config);
        let quantum = start.quantum;
        let mut watch =
            Watching { case, quantum, result, checkpoint, resumed: 0, observe: &mut *observe };
        let done = solve(start, config, device, &mut watch)?;
        watch.result.settled = done.solution.settled;
        if let Some(text) = misfit::ending(&done.solution) {
            note(&mut *watch.observe, Level::Fact, text)?;
        }
        let misfit = done.misfit()?;
        if let Some(misfit) = misfit {
            watch.result.misfit = Some(misfit.ratio);
            let (counts, epochs) = (done.chosen.problem.mean_intensity(), done.solution.loss.len());
            for text in misfit::described(misfit, counts, config.algorithm(), epochs) {
                note(&mut *watch.observe, Level::Fact, &text)?;
            }
        }
        let (count, patterns) = (config.start.probe_eigenmodes, done.chosen.problem.n_patterns());
        let ratio = misfit.map(|misfit| misfit.ratio);
        if let Some(text) = misfit::eigenmodes(count, patterns, ratio) {
            note(&mut *watch.observe, Level::Fact, &text)?;
        }
        if let Some(remark) = done.scan_pull(config)?.and_then(misfit::scan) {
            note(&mut *watch.observe, Level::Fact, &format!("remark: {remark}"))?;
            watch.result.remarks.push(remark);
        }
        let replicates = match config.errors.error_maps {
            0 if self.error_maps && done.counts => ERROR_MAPS,
            asked => asked,
        };
        let maps = done.error_maps(replicates, &mut watch)?;
        let (Watching { resumed, .. }, Done { solution, seconds, .. }) = (watch, done);
        if let Some(maps) = &maps {
            let text = format!(
                "expected error (1 sd): {:.4} in amplitude and {:.4} rad in phase, r.m.s. of the \
                 error maps ({} replicates; what is wrong every time does not show)",
                maps.amplitude_rms, maps.phase_rms, maps.replicates
            );
            note(&mut *observe, Level::Fact, &text)?;
            if maps.buried {
                note(&mut *observe, Level::Fact, BURIED)?;
            }
            result.error_maps = Some(ErrorRecord::from(maps));
        }
        Ok(Solved { solution, maps, resumed, seconds })
    }
}

/// A request that tells its observer what it does, and keeps the state of its run.
struct Watching<'a> {
    case: Option<&'a Case>,
    quantum: Quantum,
    result: &'a mut JobResult,
    checkpoint: &'a mut Checkpoint,
    /// Epochs that an earlier run had done.
    resumed: usize,
    observe: Observer<'a>,
}

impl Watch for Watching<'_> {
    fn waiting(&mut self, what: &'static str) -> Result<()> {
        event::tell(&mut *self.observe, Event::Waiting { case: self.case, what })
    }

    fn fitting(&mut self, Fits { done, expected }: Fits, epochs: usize) -> Result<()> {
        let case = self.case;
        event::tell(&mut *self.observe, Event::Fitting { case, done, expected, epochs })
    }

    fn begins(&mut self, chosen: &Chosen) -> Result<()> {
        let device = chosen.problem.device();
        if *device != Device::Cpu {
            self.result.device = Some(device.to_string());
            let slow = match device.is_software() {
                true => {
                    ", no card but a program on the processor and much slower than it: --device cpu"
                }
                false => "",
            };
            note(&mut *self.observe, Level::Fact, &format!("computed on {device}{slow}"))?;
        }
        if let Some(modes) = &chosen.modes {
            let start = self.result.start_probe.take();
            self.result.start_probe =
                Some(start.into_iter().chain([modes.clone()]).collect::<Vec<_>>().join("; "));
            note(&mut *self.observe, Level::Fact, &format!("start: probe of {modes}"))?;
        }
        self.result.noise = Some(NoiseRecord::from(&chosen.noise));
        let overlap = self.result.linear_overlap;
        let mut acting = chosen.noise.clone();
        if chosen.idle_limit {
            // The remark says so.
            acting.faults.saturation = None;
        }
        for text in noise::described(&acting, self.quantum, overlap) {
            note(&mut *self.observe, Level::Fact, &text)?;
        }
        if let Some(text) = &chosen.diffuse {
            note(&mut *self.observe, Level::Fact, text)?;
        }
        if let Some(remark) = &chosen.remark {
            note(&mut *self.observe, Level::Fact, &format!("remark: {remark}"))?;
            self.result.remarks.push(remark.clone());
        }
        Ok(())
    }

    fn card_failed(&mut self, failure: &StudyError) -> Result<()> {
        note(&mut *self.observe, Level::Fact, &format!("{failure}: the processor goes on"))
    }

    fn resumed<'p>(&mut self, run: Run<'p>) -> Result<Run<'p>> {
        let Some(snapshot) = self.checkpoint.load() else { return Ok(run) };
        let run = run.resume(&snapshot)?;
        self.resumed = snapshot.loss.len();
        let text = format!("resumed after epoch {} from {CHECKPOINT}", self.resumed);
        note(&mut *self.observe, Level::Detail, &text)?;
        Ok(run)
    }

    fn epoch(&mut self, epoch: Epoch, run: &mut Run<'_>) -> Result<ControlFlow<()>> {
        let text = format!("epoch {:4} of {}: loss {:.6e}", epoch.done, epoch.total, epoch.loss);
        let more = epoch.done < epoch.total && epoch.loss.is_finite();
        // Either may end the work, whose state is stored then.
        let told = note(&mut *self.observe, Level::Detail, &text).and_then(|()| {
            event::tell(&mut *self.observe, Event::Epoch { case: self.case, epoch })
        });
        if let Err(stopped) = told {
            if epoch.loss.is_finite() {
                // What cannot be stored is only done again.
                let _ = self.checkpoint.store(&run.snapshot());
            }
            return Err(stopped);
        }
        if more && self.checkpoint.due(epoch.done) {
            self.checkpoint.store(&run.snapshot())?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// What follows - error maps, pictures, the comparison - may take long and be stopped, too.
    fn ended(&mut self, run: &mut Run<'_>) -> Result<()> {
        let snapshot = self.checkpoint.due_at_the_end().then(|| run.snapshot());
        match snapshot.filter(|snapshot| snapshot.loss.iter().all(|loss| loss.is_finite())) {
            Some(snapshot) if snapshot.loss.len() > self.resumed => {
                self.checkpoint.store(&snapshot)
            }
            _ => Ok(()),
        }
    }
}

/// What a solver has chosen, in one line.
fn told(choice: &ChoiceRecord) -> String {
    if choice.tried.is_empty() {
        let (option, number) = (&choice.option, choice.number());
        return format!(
            "{option} = {number}, the usual value: so few epochs leave no room to choose it"
        );
    }
    let lowest = choice.tried.iter().map(|tried| tried.score).fold(f64::INFINITY, f64::min);
    let tried: Vec<String> = choice
        .tried
        .iter()
        .map(|tried| {
            let value = choice.word(tried.value).map(str::to_owned);
            let value = value.unwrap_or_else(|| format!("{:.3}", tried.value));
            format!("{value}: {:+.2}", 1e6 * (tried.score - lowest))
        })
        .collect();
    // A search ends where it began when nothing was better by more than the noise of the fits.
    let why = match &choice.tried[..] {
        [first, .., last] if first == last && last.score > lowest => {
            "kept, for nothing that was tried predicts held-out pixels clearly better"
        }
        _ => "chosen by held-out pixels",
    };
    format!(
        "{} = {}, {why} (tried, 1e-6 worse per pixel: {})",
        choice.option,
        choice.number(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::record::TriedRecord;

    #[test]
    fn a_value_that_others_hardly_beat_is_told_as_kept() {
        let tried = |values: &[(f64, f64)]| {
            let of = |&(value, score): &(f64, f64)| TriedRecord { value, score };
            values.iter().map(of).collect::<Vec<_>>()
        };
        let line = |value: f64, values: &[(f64, f64)]| {
            let option = "scan_drift_y".to_owned();
            told(&ChoiceRecord { option, value, sd: None, tried: tried(values) })
        };
        let kept = line(0.0, &[(0.0, 3e-6), (-0.2, 1e-6), (0.0, 3e-6)]);
        assert!(kept.contains("= 0.000, kept, for nothing that was tried"), "{kept}");
        assert!(kept.ends_with("pixel: 0.000: +2.00, -0.200: +0.00, 0.000: +2.00)"), "{kept}");
        // The best map of a smooth surface may lie beside a lucky fit.
        let found = line(4.0, &[(0.0, 9e-6), (4.1, 0.9e-6), (4.0, 1e-6)]);
        assert!(found.contains(", chosen by held-out pixels (tried"), "{found}");
        let option = "prior_jumps".to_owned();
        let tried = tried(&[(0.0, 1e-6), (1.0, 0.5e-6)]);
        let jumps = told(&ChoiceRecord { option, value: 1.0, sd: None, tried });
        assert!(jumps.starts_with("prior_jumps = bounded, chosen by held-out"), "{jumps}");
        assert!(jumps.ends_with("pixel: linear: +0.50, bounded: +0.00)"), "{jumps}");
    }
}
