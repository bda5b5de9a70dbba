//! One epoch of either stage.

mod evaluate;

use super::Ml;
use super::descent::{Descent, Point, Step};
use super::evaluation::{BACKGROUND, Evaluation, Gradient};
use super::search::{Stage, StrengthSearch, Turn};
use super::slow_phase::SlowPhases;
use super::space::{Here, Lent, There, keeper};
use super::stiffness::Stiffness;
use crate::engine::{Blend, DetectorRule, Floor, Losses, Quotient, Vector};
use crate::neighbours;
use crate::prior::{Buffers, Jumps};
use crate::solver::frame::{Frame, Guarded};
use crate::solver::guard::diverged;
use crate::solver::options::Auto;
use crate::solver::refinement::Offsets;
use crate::solver::run::Algorithm;
use crate::solver::snapshot::{Snapshot, SnapshotError};
use crate::solver::solution::{Choice, Solution};
use crate::solver::{Constraints, Solver, batching, gauge, variation};
use crate::vector::add_scaled;
use lapwing_model::Complex32;
use std::rc::Rc;

const ZERO: Complex32 = Complex32::new(0.0, 0.0);
/// Strength of the prior where it is to be chosen but there are too few epochs for it, photons.
pub(super) const USUAL_STRENGTH: f64 = 20.0;
/// Share added under the updates of stage 1: of the probe's brightest light (object), and of the
/// largest sum |O|^2 (probe).
const START_DAMPING: f32 = 0.01;
/// Epochs of stage 1 at most where the object is thick: small batches give a slice what belongs to
/// another one, which stage 2 takes long to undo.
const START_EPOCHS_OF_SLICES: usize = 3;
/// Factor on it when an epoch has done harm and is rolled back.
const DAMPING_GROWTH: f32 = 8.0;
/// Photons per object pixel added there: batches with fewer are averaged.
const START_PHOTONS: f64 = 6.0;
/// First epoch in which the probe moves.
const PROBE_FROM: usize = 2;
/// Epochs whose losses decide whether a search is over.
const RECENT: usize = 10;

/// Where the vectors of stage 2 are.
enum Second {
    Here(Descent<Vec<Complex32>>, Box<Buffers>),
    There(Descent<Rc<Vector>>, Lent),
}

impl Second {
    /// On the engine's device where that keeps them, and they are object and probe alone.
    fn of(options: &Ml, frame: &mut Frame<'_>) -> Self {
        let problem = frame.problem;
        let varies = problem.n_eigenmodes() > 0 || problem.varies_in_power();
        let plain = problem.n_slices() == 1
            && !varies
            && options.refined_positions().is_none()
            && problem.prior_draw.is_none();
        match options.constraints.is_none() && plain && frame.engine.resident().is_some() {
            true => Self::There(Descent::default(), Lent::default()),
            false => Self::Here(Descent::default(), Box::default()),
        }
    }

    /// Whether there is a step that nobody has looked at.
    fn has_stepped(&self) -> bool {
        match self {
            Self::Here(descent, _) => descent.last.is_some(),
            Self::There(descent, _) => descent.last.is_some(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Here(descent, _) => descent.clear(),
            Self::There(descent, _) => descent.clear(),
        }
    }
}

pub(super) struct State<'a> {
    options: &'a Ml,
    /// Epochs of stage 1.
    start_epochs: usize,
    /// All patterns, neighbours next to each other.
    path: Vec<usize>,
    damping: f32,
    /// The offsets that positions may have, where they are refined.
    offsets: Option<Offsets>,
    /// The changes that weights and powers may have.
    variation: variation::Allowed,
    /// Whether the positions move in this epoch.
    positions_free: bool,
    second: Second,
    slow: SlowPhases,
    prior: Stiffness,
    /// Where strength and weight of absorption are chosen from the data.
    search: Option<StrengthSearch>,
    /// Losses of the pixels that are seen, and of the held-out ones, at the last point taken.
    losses: Losses,
}

impl<'a> State<'a> {
    pub fn new(options: &'a Ml, frame: &mut Frame<'_>) -> Self {
        let problem = frame.problem;
        let start_epochs = match problem.n_slices() {
            1 => options.start_epochs,
            _ => options.start_epochs.min(START_EPOCHS_OF_SLICES),
        };
        let search = match options.prior {
            Auto::Given(_) => None,
            Auto::Auto => {
                let len = frame.engine.fields().values().len();
                let given = (options.prior_absorption.given(), options.prior_jumps);
                let search = StrengthSearch::new(start_epochs, options.epochs(), given, len);
                let photons = gauge::photons_of_a_pixel(problem, frame.engine.fields().probe());
                let search = search.map(|search| search.of_photons(photons));
                let finds_eigenmodes = problem.n_eigenmodes() > 0 && !problem.weights_stay;
                search.map(|search| if finds_eigenmodes { search.with_short_end() } else { search })
            }
        };
        if let Some(search) = &search {
            frame.engine.hold_out(search.held_out_pixels(problem.correlated, options.seed));
        }
        let mut prior = Stiffness::new(problem, options.prior_edge, frame.engine.fields());
        prior.strength = options.prior.given().unwrap_or(USUAL_STRENGTH) * problem.gain;
        prior.absorption = options.prior_absorption.given().unwrap_or(1.0);
        prior.jumps = options.prior_jumps.unwrap_or(Jumps::Linear);
        if let Some(search) = &search {
            search.set(&mut prior, problem.gain);
        }
        Self {
            options,
            start_epochs,
            path: neighbours::path(&problem.scan, (0..problem.n_patterns()).collect()),
            damping: START_DAMPING,
            offsets: options.refined_positions().map(|(what, _)| Offsets::new(problem, what)),
            variation: variation::Allowed::of_start(frame),
            positions_free: false,
            second: Second::of(options, frame),
            slow: SlowPhases::default(),
            prior,
            search,
            losses: Losses { seen: f64::NAN, held_out: f64::NAN },
        }
    }

    fn constraints(&self) -> &Constraints {
        &self.options.constraints
    }

    /// One epoch of small batches; returns the loss per pixel.
    fn start_epoch(&mut self, frame: &mut Frame<'_>, epoch: usize) -> f64 {
        match frame.guarded(|frame| self.sweep(frame, epoch)) {
            Guarded::RolledBack { loss } => {
                self.damping = (DAMPING_GROWTH * self.damping).min(1.0);
                loss
            }
            Guarded::Kept { loss, .. } => {
                frame.constrain();
                loss
            }
        }
    }

    /// Visits all batches of stage 1; returns the summed loss.
    fn sweep(&self, frame: &mut Frame<'_>, epoch: usize) -> f64 {
        let problem = frame.problem;
        let larger = self.search.as_ref().map_or(1, StrengthSearch::larger);
        let (size, seed) = (larger * self.options.start_batch_size, self.options.seed);
        let quotient = |floor, step| Quotient { weight: 1.0, floor, step };
        let floor = Floor::OfProbe {
            brightest: self.damping,
            power: START_PHOTONS * problem.gain / problem.mean_intensity,
        };
        // Slices that move together each correct the same error.
        let object = quotient(floor, 1.0 / problem.n_slices() as f32);
        let probe = quotient(Floor::ShareOfLargest(self.damping), 1.0);
        let probe = (epoch >= PROBE_FROM).then_some(probe);
        let background = (BACKGROUND * problem.gain) as f32;
        for mut members in batching::random(problem.n_patterns(), size, seed, epoch as u64) {
            // From top to bottom: what a thread has worked out is then mostly what it moves.
            members.sort_unstable_by_key(|&pattern| (problem.windows[pattern].row, pattern));
            frame.engine.project(&members, DetectorRule::Modulus { background });
            frame.engine.step_by_quotients(object, probe);
        }
        frame.engine.take_losses().seen
    }

    /// Whether the fields of the first epoch after stage 1, which have this loss per pixel, were
    /// replaced by those from which its best epoch started: its last batches may have diverged
    /// without any loss showing it yet.
    fn went_back(&mut self, frame: &mut Frame<'_>, loss: f64) -> bool {
        let safe = frame.take_safe();
        let begins = self.search.as_mut().filter(|search| search.begins());
        if let Some(search) = begins {
            let here = frame.engine.fields().values().to_vec();
            let of_best = safe.map(|(safe, good)| {
                frame.engine.copy(Vector::Fields, safe);
                let of_best = frame.engine.fields().values().to_vec();
                frame.engine.fields_mut().values_mut().copy_from_slice(&here);
                (of_best, good)
            });
            search.keep(here, of_best);
        }
        let again = self.search.as_ref().and_then(StrengthSearch::safe);
        match (safe, again) {
            (Some((safe, good)), _) if diverged(loss, good) => {
                frame.engine.copy(Vector::Fields, safe);
            }
            (None, Some((safe, good))) if diverged(loss, good) => {
                frame.engine.fields_mut().values_mut().copy_from_slice(safe);
            }
            _ => return false,
        }
        self.prior.begin_again();
        true
    }

    /// One epoch of L-BFGS: evaluates the present point, takes it or goes back, and steps; returns
    /// the loss per pixel.
    fn descend(&mut self, frame: &mut Frame<'_>, number: usize) -> f64 {
        let from = self.options.refined_positions().map(|(_, from)| from);
        // Trials of a search should differ in the prior alone.
        self.positions_free = !self.searches() && from.is_some_and(|from| number >= from);
        let mut here = self.evaluate(frame);
        if self.went_back(frame, frame.problem.loss_per_pixel(2.0 * here.loss)) {
            here = self.evaluate(frame);
        }
        let Evaluation { loss, losses, gradient } = here;
        let anew = from == Some(number); // Gradients before lack the positions.
        let tries = self.search.as_ref().is_some_and(|search| search.stage == Stage::Trial);
        let strength = self.prior.strength;
        let wave = (!tries).then(|| self.slow.wave(frame, &gradient, strength)).flatten();
        let taken = match (&mut self.second, gradient) {
            (Second::Here(descent, buffers), Gradient::Here(gradient, preconditioner)) => {
                let x = frame.engine.fields().values().to_vec();
                let mut solve = |_: &mut Here, v: &mut Vec<Complex32>| {
                    preconditioner.solve(v, buffers);
                };
                let here = Point { x, gradient, loss };
                let taken = descent.step(&mut Here, &mut solve, here, anew);
                if let Some(Step { from, direction, step }) = &descent.last {
                    let x = frame.engine.fields_mut().values_mut();
                    x.copy_from_slice(&from.x);
                    add_scaled(x, *step, direction);
                }
                taken
            }
            (Second::There(descent, lent), Gradient::There(gradient)) => {
                let mut space = There { engine: &mut *frame.engine, lent };
                let mut solve = |space: &mut There<'_>, v: &mut Rc<Vector>| {
                    keeper(space.engine).precondition(**v);
                };
                let here = Point { x: space.copy_of(Vector::Fields), gradient, loss };
                let taken = descent.step(&mut space, &mut solve, here, anew);
                if let Some(Step { from, direction, step }) = &descent.last {
                    let factors = [1.0, *step as f32];
                    frame.engine.copy(Vector::Fields, *from.x);
                    let blend = Blend { object: factors, probe: factors };
                    frame.engine.blend(Vector::Fields, **direction, blend);
                }
                taken
            }
            _ => unreachable!("gradients are where the vectors of stage 2 are"),
        };
        self.slow.take(frame, wave, taken != loss);
        // Of one without a loss nothing is known that is better.
        if taken == loss || taken.is_nan() {
            self.losses = losses;
        }
        self.constrain(frame);
        frame.problem.loss_per_pixel(2.0 * taken)
    }

    /// Whether strength or weight of absorption are still to be chosen.
    pub fn searches(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.stage != Stage::Last)
    }

    /// Summed losses of the pixels that are seen, without the prior, and of the held-out ones, at
    /// the last point taken.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Evaluates the last step, takes it back where it did harm, and makes no other; returns the
    /// loss per pixel.
    pub fn look(&mut self, frame: &mut Frame<'_>) -> f64 {
        let Evaluation { loss, losses, .. } = self.evaluate(frame);
        let back = match &self.second {
            Second::Here(descent, _) if descent.is_harm(loss) => {
                descent.last.as_ref().map(|Step { from, .. }| {
                    frame.engine.fields_mut().values_mut().copy_from_slice(&from.x);
                    from.loss
                })
            }
            Second::There(descent, _) if descent.is_harm(loss) => {
                descent.last.as_ref().map(|Step { from, .. }| {
                    frame.engine.copy(Vector::Fields, *from.x);
                    from.loss
                })
            }
            _ => None,
        };
        if back.is_none() {
            self.losses = losses;
        }
        frame.problem.loss_per_pixel(2.0 * back.unwrap_or(loss))
    }

    /// Reports the epoch to the search, and does what it asks for.
    fn follow_search(&mut self, frame: &mut Frame<'_>) {
        let Some(search) = &mut self.search else { return };
        let before = search.stage;
        let score = frame.problem.loss_per_pixel(self.losses.held_out);
        let takes_fields = search.takes_fields();
        let unexplained = if search.may_doubt() { unexplained(frame) } else { 0.0 };
        let fields = if takes_fields { frame.engine.fields().values() } else { &[] };
        let turn = search.advance(fields, score, unexplained);
        match turn {
            Turn::None => {}
            Turn::Again => frame.begin_again(),
            Turn::From(fields) => frame.restart(fields),
        }
        if !matches!(turn, Turn::None) {
            self.damping = START_DAMPING;
            self.second.clear();
            self.slow = SlowPhases::default();
            self.prior.begin_again();
        }
        search.set(&mut self.prior, frame.problem.gain);
        if search.stage != before {
            let blocks = frame.problem.correlated;
            frame.engine.hold_out(search.held_out_pixels(blocks, self.options.seed));
        }
    }

    fn constrain(&self, frame: &mut Frame<'_>) {
        frame.constrain();
        if let Some(offsets) = &self.offsets {
            let problem = frame.problem;
            offsets.bound(problem, frame.engine.fields_mut().parts_mut().offsets);
        }
        if frame.problem.varies_in_power() {
            variation::bound(frame.engine.fields_mut().parts_mut().log_powers);
        }
    }
}

/// Share of the amplitudes that the fields as they stand leave unexplained, r.m.s.
fn unexplained(frame: &mut Frame<'_>) -> f64 {
    let solution = Solution::new(frame.problem, frame.engine.fields(), Vec::new());
    let misfit = frame.problem.misfit(&solution);
    // Positions that have left the object say nothing of the start.
    misfit.map_or(0.0, |misfit| misfit.unexplained)
}

impl Algorithm for State<'_> {
    fn epoch(&mut self, frame: &mut Frame<'_>, number: usize, losses: &[f64]) -> f64 {
        let loss = match &self.search {
            None if number <= self.start_epochs => self.start_epoch(frame, number),
            Some(search) if search.starts() => {
                let number = search.done + 1;
                self.start_epoch(frame, number)
            }
            Some(search) if search.looks() => self.look(frame),
            _ => self.descend(frame, number),
        };
        self.follow_search(frame);
        if let Some(search) = &mut self.search {
            let recent = losses.len().saturating_sub(RECENT);
            let losses: Vec<f64> = losses[recent..].iter().copied().chain([loss]).collect();
            search.judge(&losses);
        }
        loss
    }

    fn end(&mut self, frame: &mut Frame<'_>) {
        if self.second.has_stepped() {
            self.look(frame);
        }
    }

    fn is_done(&self) -> bool {
        self.search.as_ref().is_some_and(StrengthSearch::is_done)
    }

    fn has_settled(&self) -> Option<bool> {
        self.search.as_ref().and_then(StrengthSearch::has_settled)
    }

    fn choices(&self) -> Vec<Choice> {
        match (&self.search, self.options.prior) {
            (Some(search), _) => search.choices(),
            // Too few epochs to choose it.
            (None, Auto::Auto) => {
                vec![Choice { option: "prior", value: USUAL_STRENGTH, sd: None, tried: Vec::new() }]
            }
            (None, Auto::Given(_)) => Vec::new(),
        }
    }

    fn save(&self, frame: &mut Frame<'_>, snapshot: &mut Snapshot) {
        snapshot.put_numbers("damping", &[f64::from(self.damping), self.losses.held_out]);
        if let Some(search) = &self.search {
            search.save(snapshot);
        }
        self.slow.save(snapshot);
        self.prior.save(frame.problem, snapshot);
        match &self.second {
            Second::Here(descent, _) => descent.save(&mut Here, snapshot),
            Second::There(descent, _) => {
                let lent = &mut Lent::default();
                descent.save(&mut There { engine: &mut *frame.engine, lent }, snapshot);
            }
        }
    }

    fn load(&mut self, frame: &mut Frame<'_>, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let [damping, held_out] = snapshot.numbers("damping")?;
        self.damping = damping as f32;
        self.losses.held_out = held_out;
        if let Some(search) = &mut self.search {
            search.load(snapshot)?;
            search.set(&mut self.prior, frame.problem.gain);
            let blocks = frame.problem.correlated;
            frame.engine.hold_out(search.held_out_pixels(blocks, self.options.seed));
        }
        self.slow.load(snapshot)?;
        self.prior.load(frame.problem, snapshot)?;
        match &mut self.second {
            Second::Here(descent, _) => descent.load(&mut Here, snapshot),
            Second::There(descent, lent) => {
                descent.load(&mut There { engine: &mut *frame.engine, lent }, snapshot)
            }
        }
    }
}

#[cfg(test)]
mod tests;
