//! The prior, chosen from held-out detector pixels: its strength, how much more it weighs
//! absorption than phase, and how it grows with jumps.
//!
//! A **round** fits all but the held-out pixels from the start fields with one strength (the base),
//! and from there goes on for a few epochs with weaker and stronger ones (trials). A fit that
//! follows noise, or is too stiff for the specimen, predicts the held-out pixels worse; the
//! strength is where a parabola through the best trials' losses, over the logarithm of the
//! strength, is lowest. When that is far from the base's strength, the base's fit may bias the
//! trials, and one more round begins with the strength found, at the end of the first stage, which
//! knows no prior. Then trials with that strength give absorption more weight, as long as that
//! helps, and one bounds what jumps cost, with a stronger prior, for that spares sharp edges: all
//! before are of the prior that grows in proportion, which has one minimum. The best trial's fields
//! are what the **last** stage, with all pixels, starts from.
//!
//! Small batches find the way fast and may take a wrong one where the start probe is far off: two
//! probes beside each other that show the object twice, from which nothing leads back. A first base
//! that leaves much **unexplained** is therefore made a second time, from the start and with larger
//! batches, and the one that predicts the held-out pixels better is gone on from.
//!
//! Pixels, and not photons, are held out: where one electron makes several counts, these fall on
//! both sides of a split of photons, and the weakest prior would always win.

mod base;
mod kept;
mod vertex;

use self::base::Base;
use self::vertex::vertex;
use super::stiffness::Stiffness;
use crate::engine::HoldOut;
use crate::prior::Jumps;
use crate::solver::solution::{Choice, Tried};
use lapwing_model::Complex32;

/// Strength of the first round's base, photons: between those for sharp and for weak specimens.
const CENTRE: f64 = 12.0;
/// Factor between the strengths of trials of the first round, and between those beside the best.
const COARSE: f64 = 4.0;
const FINE: f64 = 2.0;
/// Strengths beyond which no trial goes.
const LIMITS: (f64, f64) = (1e-2, 1e5);
/// Epochs of L-BFGS of a base, and of one whose loss still falls by more than this share of itself
/// in an epoch before the last: of a fit on its way every trial gains by following the noise.
const BASE: (usize, usize) = (8, 16);
const FALLING: f64 = 4.5e-3;
/// Epochs of a trial, the last of which only evaluates.
const TRIAL: usize = 6;
/// Epochs of the last stage, at least and at most, and those that a longer base must leave it.
const LAST: (usize, usize) = (28, 200);
const ROOM: usize = 80;
/// The last stage is over when the loss has fallen by less than this share of itself in so many
/// epochs. Where an object pixel has more than [`FEW`] photons the share is as much smaller, down
/// to [`LEAST`]: what it follows then are slow waves, and of few photons their noise.
const SETTLED: (f64, usize) = (5e-4, 5);
const FEW: f64 = 200.0;
const LEAST: f64 = 2e-5;
/// Weights of absorption above the phase's that are tried, one after the other.
const STIFFER: [f64; 3] = [4.0, 16.0, 64.0];
/// Strength of a bounded prior, in that found for one that grows in proportion.
const STRONGER: f64 = 1.3;
/// Rounds at most.
const ROUNDS: usize = 2;
/// Factor by which the strength found may be off the base's before another round is worth it.
const FAR: f64 = 4.0;
/// Trials of a round, at least and at most.
const TRIALS: (usize, usize) = (3, 7);

/// Share of the amplitudes that a base leaves unexplained from which another one is made: one on
/// its way leaves less.
const DOUBTFUL: f64 = 0.012;
/// How many times as many patterns a batch of the other one has.
pub(super) const LARGER: usize = 4;

/// Epochs of a search and of what follows it, at most, after `start` epochs of the first stage.
pub(super) fn most_epochs(start: usize) -> usize {
    let bases = start + BASE.1 + start + ROUNDS * BASE.1;
    bases + ROUNDS * TRIALS.1 * TRIAL + (STIFFER.len() + 1) * TRIAL + LAST.1
}

/// Epochs below which there is no room for a search.
pub(super) fn least_epochs(start: usize) -> usize {
    start + BASE.0 + TRIALS.0 * TRIAL + LAST.0
}

/// What the documents say of a search.
#[cfg(test)]
pub(super) fn said(start: usize) -> [String; 6] {
    let stiffer = STIFFER.map(|weight| weight.to_string());
    [
        format!(
            "fits the others for {} epochs, {} where the loss still falls, and goes on from there",
            start + BASE.0,
            start + BASE.1
        ),
        format!("with weaker and stronger priors, {TRIAL} epochs each"),
        format!("{}, {} and {} times as much as phase", stiffer[0], stiffer[1], stiffer[2]),
        format!("with {STRONGER} times the strength"),
        format!(
            "The last stage, {} epochs or more until the loss has settled ({} at most)",
            LAST.0, LAST.1
        ),
        format!("Below {} there is no room for a search", least_epochs(start)),
    ]
}

/// The pixels that a fit does not see which is to predict them.
pub(super) fn held_out_pixels(blocks: bool, seed: u64) -> HoldOut {
    HoldOut { share: 0.1, blocks, seed }
}

/// Where the search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Base,
    Trial,
    Last,
}

/// What is to be done before the next epoch.
pub(super) enum Turn<'a> {
    /// Nothing.
    None,
    /// Start anew from the start fields.
    Again,
    /// Start anew from these fields.
    From(&'a [Complex32]),
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct StrengthSearch {
    start_epochs: usize,
    limit: usize,
    pub stage: Stage,
    round: usize,
    /// Epochs done of the stage, or of the trial.
    pub done: usize,
    /// Epochs of L-BFGS of this base.
    base_epochs: usize,
    settled: bool,
    is_done: bool,
    /// Epochs of the last stage, at most.
    longest: usize,
    /// See [`SETTLED`].
    settles: f64,
    /// Epochs done in all.
    spent: usize,
    /// Strength of a prior that grows in proportion, photons.
    strength: f64,
    /// Weight of absorption in use.
    absorption: f64,
    chooses_absorption: bool,
    /// How the prior in use grows.
    jumps: Jumps,
    /// How it is to grow in the end; chosen where nothing is said.
    asked: Option<Jumps>,
    centre: f64,
    /// Of this round.
    trials: Vec<Tried>,
    /// Of all rounds.
    tried: Vec<Tried>,
    /// Weights of absorption with the strength found.
    absorptions: Vec<Tried>,
    /// Ways to grow, by their places in [`Jumps::NAMES`].
    growths: Vec<Tried>,
    /// Length of the fields.
    len: usize,
    /// What the trials go on from.
    base: Base,
    /// The doubtful one, while another is made.
    other: Base,
    best: Vec<Complex32>,
}

impl StrengthSearch {
    /// Before the first epoch of `limit`, for fields of length `len`; `None` where that is too few
    /// for a search. What is not given of `absorption` and `jumps` is chosen, too.
    pub fn new(
        start_epochs: usize,
        limit: usize,
        (absorption, jumps): (Option<f64>, Option<Jumps>),
        len: usize,
    ) -> Option<Self> {
        (limit >= least_epochs(start_epochs)).then(|| Self {
            start_epochs,
            limit,
            stage: Stage::Base,
            round: 1,
            done: 0,
            base_epochs: BASE.0,
            settled: false,
            is_done: false,
            longest: LAST.1,
            settles: SETTLED.0,
            spent: 0,
            strength: CENTRE,
            absorption: absorption.unwrap_or(1.0),
            chooses_absorption: absorption.is_none(),
            jumps: Jumps::Linear,
            asked: jumps,
            centre: CENTRE,
            trials: Vec::new(),
            tried: Vec::new(),
            absorptions: Vec::new(),
            growths: Vec::new(),
            len,
            base: Base::default(),
            other: Base::default(),
            best: Vec::new(),
        })
    }

    /// The same whose last stage has its fewest epochs: of a probe whose eigenmodes are found. More
    /// go far along what patterns hardly tell, a stretched object under a probe that moves.
    pub fn with_short_end(self) -> Self {
        Self { longest: LAST.0, ..self }
    }

    /// The same for a scan with so many photons for each pixel of the object.
    pub fn of_photons(self, photons: f64) -> Self {
        Self { settles: (SETTLED.0 * FEW / photons).clamp(LEAST, SETTLED.0), ..self }
    }

    /// Makes `prior` the one in use, where a photon makes `gain` counts.
    pub fn set(&self, prior: &mut Stiffness, gain: f64) {
        prior.strength = self.strength() * gain;
        (prior.absorption, prior.jumps) = (self.absorption, self.jumps);
    }

    /// Strength in use, photons.
    fn strength(&self) -> f64 {
        match self.jumps {
            Jumps::Linear => self.strength,
            Jumps::Bounded => STRONGER * self.strength,
        }
    }

    /// The pixels held out of the present stage; in `blocks` where neighbours would reveal them.
    pub fn held_out_pixels(&self, blocks: bool, seed: u64) -> Option<HoldOut> {
        (self.stage != Stage::Last).then_some(held_out_pixels(blocks, seed))
    }

    /// Whether the next epoch is one of small batches.
    pub fn starts(&self) -> bool {
        self.stage == Stage::Base && self.done < self.start_epochs
    }

    /// Whether the next epoch is the first after the first stage, whose fields are to be
    /// [kept](Self::keep).
    pub fn begins(&self) -> bool {
        self.stage == Stage::Base && self.done == self.start_epochs && self.round == 1
    }

    /// Keeps the fields at the end of the first stage, from which another round begins, and those
    /// from which its best epoch started, with that epoch's loss per pixel.
    pub fn keep(&mut self, fields: Vec<Complex32>, safe: Option<(Vec<Complex32>, f64)>) {
        self.base.begun = fields;
        self.base.safe = safe.unwrap_or((Vec::new(), f64::NAN));
    }

    /// How many times as many patterns as usual a batch of the first stage has.
    pub fn larger(&self) -> usize {
        if self.other.fields.is_empty() { 1 } else { LARGER }
    }

    /// Whether the epoch that is to be noted next ends a base beside which another one may be made.
    pub fn may_doubt(&self) -> bool {
        let first = self.stage == Stage::Base && self.round == 1 && self.other.fields.is_empty();
        let again = self.start_epochs + BASE.1;
        // Its own epoch is not counted yet.
        let affords = self.affords(1 + again + TRIALS.0 * TRIAL);
        self.start_epochs > 0 && first && self.takes_fields() && affords
    }

    /// In an epoch that begins another round, the fields from which the best epoch of the first
    /// stage started, and its loss per pixel.
    pub fn safe(&self) -> Option<(&[Complex32], f64)> {
        let begins = self.stage == Stage::Base && self.done == self.start_epochs && self.round > 1;
        let (fields, loss) = &self.base.safe;
        (begins && !fields.is_empty()).then_some((fields, *loss))
    }

    /// Whether the next epoch only evaluates its trial.
    pub fn looks(&self) -> bool {
        self.stage == Stage::Trial && self.done + 1 == TRIAL
    }

    /// Whether the last stage is over.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the loss of the last stage has settled; `None` where it was not waited for.
    pub fn has_settled(&self) -> Option<bool> {
        (self.settled || self.longest > LAST.0).then_some(self.settled)
    }

    /// Notes the losses of all epochs done, the last one included.
    pub fn judge(&mut self, losses: &[f64]) {
        if self.stage == Stage::Base && self.done + 1 == self.start_epochs + BASE.0 {
            let falls =
                matches!(losses, [.., before, last] if before - last > FALLING * last.abs());
            // Never at the cost of the last stage.
            let longest = self.start_epochs + BASE.1 + TRIALS.1 * TRIAL + ROOM;
            if falls && self.spent - self.done + longest <= self.limit {
                self.base_epochs = BASE.1;
            }
        }
        if self.stage != Stage::Last || self.done < LAST.0 {
            return;
        }
        self.settled = match losses {
            [.., last] if losses.len() > SETTLED.1 => {
                losses[losses.len() - 1 - SETTLED.1] - last < self.settles * last.abs()
            }
            _ => false,
        };
        self.is_done = self.settled || self.done >= self.longest;
    }

    /// Whether the epoch that is to be noted next ends a stage or a trial, which needs its fields.
    pub fn takes_fields(&self) -> bool {
        match self.stage {
            Stage::Base => self.done + 1 >= self.start_epochs + self.base_epochs,
            Stage::Trial => self.done + 1 >= TRIAL,
            Stage::Last => false,
        }
    }

    /// Notes an epoch that ended with `fields`, which may be none unless it
    /// [takes them](Self::takes_fields), and predicted the held-out pixels with `score`; of a base
    /// that [may be doubted](Self::may_doubt) also the share of the amplitudes `unexplained`.
    pub fn advance(&mut self, fields: &[Complex32], score: f64, unexplained: f64) -> Turn<'_> {
        let (takes_fields, may_doubt) = (self.takes_fields(), self.may_doubt());
        self.done += 1;
        self.spent += 1;
        match self.stage {
            Stage::Base if takes_fields => {
                (self.base.fields, self.base.score) = (fields.to_vec(), score);
                if may_doubt && unexplained > DOUBTFUL {
                    self.other = std::mem::take(&mut self.base);
                    (self.done, self.base_epochs) = (0, BASE.0);
                    return Turn::Again;
                }
                let other = std::mem::take(&mut self.other);
                if !other.fields.is_empty() && score.total_cmp(&other.score).is_ge() {
                    self.base = other;
                }
                self.trials.clear();
                self.begin_trial(self.centre)
            }
            Stage::Trial if takes_fields => self.end_trial(fields, score),
            _ => Turn::None,
        }
    }

    fn begin_trial(&mut self, strength: f64) -> Turn<'_> {
        (self.stage, self.done, self.strength) = (Stage::Trial, 0, strength);
        Turn::From(&self.base.fields)
    }

    fn end_trial(&mut self, fields: &[Complex32], score: f64) -> Turn<'_> {
        if !self.growths.is_empty() {
            return self.end_trial_of_jumps(fields, score);
        }
        if !self.absorptions.is_empty() {
            return self.end_trial_of_absorption(fields, score);
        }
        if self.trials.iter().all(|trial| score < trial.score) {
            self.best = fields.to_vec();
        }
        let trial = Tried { value: self.strength, score };
        self.tried.push(trial);
        let at = self.trials.partition_point(|before| before.value < trial.value);
        self.trials.insert(at, trial);
        let factor = if self.round == 1 { COARSE } else { FINE };
        if let Some(next) = self.beside_best(factor).filter(|_| self.affords(TRIAL)) {
            return self.begin_trial(next);
        }
        let found = self.found();
        let far = (found.value / self.centre).ln().abs() > FAR.ln();
        if far && self.round < ROUNDS && self.affords(BASE.1 + TRIALS.0 * TRIAL) {
            self.round += 1;
            (self.stage, self.done) = (Stage::Base, self.start_epochs);
            self.base_epochs = BASE.0;
            (self.centre, self.strength) = (found.value, found.value);
            return Turn::From(&self.base.begun);
        }
        if let Some(next) = self.beside_best(FINE).filter(|_| self.affords(TRIAL)) {
            return self.begin_trial(next);
        }
        let found = self.found();
        if self.chooses_absorption && self.affords(TRIAL) {
            self.absorptions.push(Tried { value: self.absorption, ..found });
            self.absorption = STIFFER[0];
            return self.begin_trial(found.value);
        }
        self.strength = found.value;
        self.begin_jumps()
    }

    /// The best strength by the trials so far, and its score.
    fn found(&self) -> Tried {
        vertex(&self.trials).unwrap_or(Tried { value: self.centre, score: f64::INFINITY })
    }

    /// Whether a larger weight is worth trying, and what to do next.
    fn end_trial_of_absorption(&mut self, fields: &[Complex32], score: f64) -> Turn<'_> {
        let before = *self.absorptions.last().expect("one stands for the trials of the strength");
        self.absorptions.push(Tried { value: self.absorption, score });
        if score < before.score {
            self.best = fields.to_vec();
            let stiffer = STIFFER.into_iter().find(|weight| *weight > self.absorption);
            if let Some(weight) = stiffer.filter(|_| self.affords(TRIAL)) {
                self.absorption = weight;
                return self.begin_trial(self.strength);
            }
        } else {
            self.absorption = before.value;
        }
        self.begin_jumps()
    }

    /// The trial of a bounded prior, or else the last stage.
    fn begin_jumps(&mut self) -> Turn<'_> {
        let tries = self.asked.is_none() && self.affords(TRIAL);
        if tries {
            let scores = self.trials.iter().chain(&self.absorptions).map(|trial| trial.score);
            let score = scores.fold(f64::INFINITY, f64::min);
            self.growths.push(Tried { value: f64::from(Jumps::Linear as u8), score });
        }
        if tries || self.asked == Some(Jumps::Bounded) {
            self.jumps = Jumps::Bounded;
        }
        if tries { self.begin_trial(self.strength) } else { self.begin_last() }
    }

    fn end_trial_of_jumps(&mut self, fields: &[Complex32], score: f64) -> Turn<'_> {
        let linear = self.growths[0].score;
        self.growths.push(Tried { value: f64::from(Jumps::Bounded as u8), score });
        if score < linear {
            self.best = fields.to_vec();
        } else {
            self.jumps = Jumps::Linear;
        }
        self.begin_last()
    }

    fn begin_last(&mut self) -> Turn<'_> {
        (self.stage, self.done) = (Stage::Last, 0);
        Turn::From(&self.best)
    }

    /// Whether so many epochs leave enough for the last stage.
    fn affords(&self, epochs: usize) -> bool {
        self.spent + epochs + LAST.0 <= self.limit
    }

    /// The strength to try next: beside the best one, unless there is one within `factor` already
    /// on either side.
    fn beside_best(&self, factor: f64) -> Option<f64> {
        let best = (0..self.trials.len())
            .min_by(|&a, &b| self.trials[a].score.total_cmp(&self.trials[b].score))?;
        let at = self.trials[best].value;
        if self.trials.len() >= TRIALS.1 {
            return None;
        }
        let within = |value: &f64| (LIMITS.0..=LIMITS.1).contains(value);
        // A little more than the factor: it is compared with what came of it.
        let near = 1.01 * factor;
        let free_below = best == 0 || self.trials[best - 1].value * near < at;
        let free_above = self.trials.get(best + 1).is_none_or(|next| at * near < next.value);
        let below = free_below.then_some(at / factor).filter(within);
        let above = free_above.then_some(at * factor).filter(within);
        below.or(above)
    }

    /// What was tried and taken.
    pub fn choices(&self) -> Vec<Choice> {
        let strength =
            Choice { option: "prior", value: self.strength(), sd: None, tried: self.tried.clone() };
        let absorption = Choice {
            option: "prior_absorption",
            value: self.absorption,
            sd: None,
            tried: self.absorptions.clone(),
        };
        let jumps = Choice {
            option: "prior_jumps",
            value: f64::from(self.jumps as u8),
            sd: None,
            tried: self.growths.clone(),
        };
        let chosen = [strength, absorption, jumps].into_iter();
        chosen.filter(|choice| !choice.tried.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests;
