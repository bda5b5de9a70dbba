//! Points of stage 2, and the steps between them.

use super::lbfgs::Lbfgs;
use super::space::{Precondition, Space};
use crate::solver::snapshot::{Snapshot, SnapshotError};

/// Pairs that L-BFGS remembers.
const MEMORY: usize = 10;
/// Length of the first step, when there is no pair yet: object and probe each correct the whole
/// error.
const FIRST_STEP: f64 = 0.5;
/// A loss may rise by this share of itself before the step is taken back: single precision, and the
/// ups and downs of L-BFGS.
const RISE: f64 = 1e-4;

/// A point that was evaluated.
pub(super) struct Point<V> {
    pub x: V,
    pub gradient: V,
    pub loss: f64,
}

/// The last accepted point and the step taken from it: to `from.x` + `step` `direction`.
pub(super) struct Step<V> {
    pub from: Point<V>,
    pub direction: V,
    pub step: f64,
}

/// What is remembered of earlier points.
pub(super) struct Descent<V> {
    lbfgs: Lbfgs<V>,
    pub last: Option<Step<V>>,
}

impl<V> Default for Descent<V> {
    fn default() -> Self {
        Self { lbfgs: Lbfgs::new(MEMORY), last: None }
    }
}

impl<V> Descent<V> {
    pub fn clear(&mut self) {
        self.lbfgs.clear();
        self.last = None;
    }

    /// Whether this loss says that the last step did harm.
    pub fn is_harm(&self, loss: f64) -> bool {
        let rises = |last: f64| loss > last + RISE * last.abs() || loss.is_nan();
        self.last.as_ref().is_some_and(|last| rises(last.from.loss))
    }

    /// Takes a point, or the last one where the step from there did harm, and makes the next step
    /// from it; `anew` where gradients before cannot be compared with this one's. Returns the loss
    /// of the point taken.
    pub fn step<S: Space<Vector = V>>(
        &mut self,
        space: &mut S,
        solve: Precondition<'_, S>,
        here: Point<V>,
        anew: bool,
    ) -> f64 {
        let is_harm = self.is_harm(here.loss);
        if let Some(last) = &mut self.last {
            if is_harm {
                // Back to the last good point, and half as far along the steepest preconditioned
                // way.
                last.step *= 0.5;
                if !self.lbfgs.is_empty() {
                    self.lbfgs.clear();
                    last.direction = space.scaled(&last.from.gradient, -1.0);
                    solve(space, &mut last.direction);
                    last.step = FIRST_STEP;
                }
                return last.from.loss;
            }
            if anew {
                self.lbfgs.clear();
            } else {
                let s = space.difference(&here.x, &last.from.x);
                let y = space.difference(&here.gradient, &last.from.gradient);
                self.lbfgs.remember(space, s, y);
            }
        }
        let mut direction = self.lbfgs.direction(space, &here.gradient, solve);
        let mut step = if self.lbfgs.is_empty() { FIRST_STEP } else { 1.0 };
        let slope = space.dot(&here.gradient, &direction);
        if slope >= 0.0 || slope.is_nan() {
            self.lbfgs.clear();
            direction = self.lbfgs.direction(space, &here.gradient, solve);
            step = FIRST_STEP;
        }
        let loss = here.loss;
        self.last = Some(Step { from: here, direction, step });
        loss
    }

    pub fn save(&self, space: &mut impl Space<Vector = V>, snapshot: &mut Snapshot) {
        self.lbfgs.save(space, snapshot);
        let Some(Step { from, direction, step }) = &self.last else { return };
        snapshot.put_fields("descent.x", &space.values(&from.x));
        snapshot.put_fields("descent.gradient", &space.values(&from.gradient));
        snapshot.put_fields("descent.direction", &space.values(direction));
        snapshot.put_numbers("descent.loss_and_step", &[from.loss, *step]);
    }

    pub fn load(
        &mut self,
        space: &mut impl Space<Vector = V>,
        snapshot: &Snapshot,
    ) -> Result<(), SnapshotError> {
        self.lbfgs.load(space, snapshot)?;
        self.last = None;
        if !snapshot.has("descent.x") {
            return Ok(());
        }
        let len = snapshot.fields_len("fields")?;
        let mut field = |name| snapshot.fields(name, len).map(|values| space.of_values(values));
        let [x, gradient] = [field("descent.x")?, field("descent.gradient")?];
        let direction = field("descent.direction")?;
        let [loss, step] = snapshot.numbers("descent.loss_and_step")?;
        self.last = Some(Step { from: Point { x, gradient, loss }, direction, step });
        Ok(())
    }
}
