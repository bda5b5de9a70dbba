//! Points of stage 2.

use crate::engine::Losses;
use crate::prior::Preconditioner;
use crate::solver::snapshot::{Snapshot, SnapshotError};
use lapwing_model::Complex32;

/// The last accepted point and the step taken from it.
pub(super) struct Descent {
    pub x: Vec<Complex32>,
    pub gradient: Vec<Complex32>,
    pub direction: Vec<Complex32>,
    pub loss: f64,
    pub step: f64,
}

impl Descent {
    pub fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_fields("descent.x", &self.x);
        snapshot.put_fields("descent.gradient", &self.gradient);
        snapshot.put_fields("descent.direction", &self.direction);
        snapshot.put_numbers("descent.loss_and_step", &[self.loss, self.step]);
    }

    /// `None` when none was saved.
    pub fn load(snapshot: &Snapshot) -> Result<Option<Self>, SnapshotError> {
        if !snapshot.has("descent.x") {
            return Ok(None);
        }
        let len = snapshot.fields_len("fields")?;
        let field = |name| snapshot.fields(name, len).map(<[Complex32]>::to_vec);
        let [loss, step] = snapshot.numbers("descent.loss_and_step")?;
        Ok(Some(Self {
            x: field("descent.x")?,
            gradient: field("descent.gradient")?,
            direction: field("descent.direction")?,
            loss,
            step,
        }))
    }
}

/// Sums over all patterns at one point.
pub(super) struct Evaluation {
    pub loss: f64,
    /// Losses of the pixels that are seen, without the prior, and of the held-out ones.
    pub losses: Losses,
    pub gradient: Vec<Complex32>,
    pub preconditioner: Preconditioner,
}
