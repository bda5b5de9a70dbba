//! A base of the search, as it is kept.

use crate::solver::snapshot::{Snapshot, SnapshotError};
use lapwing_model::Complex32;

/// A base, and where another round would begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Base {
    /// Loss of the held-out pixels.
    pub score: f64,
    pub fields: Vec<Complex32>,
    /// Fields at the end of its first stage.
    pub begun: Vec<Complex32>,
    /// Those from which that stage's best epoch started, and that epoch's loss per pixel.
    pub safe: (Vec<Complex32>, f64),
}

impl Base {
    pub fn save(&self, name: &str, snapshot: &mut Snapshot) {
        snapshot.put_numbers(&format!("{name}.losses"), &[self.score, self.safe.1]);
        snapshot.put_fields(&format!("{name}.fields"), &self.fields);
        snapshot.put_fields(&format!("{name}.begun"), &self.begun);
        snapshot.put_fields(&format!("{name}.safe"), &self.safe.0);
    }

    pub fn load(
        &mut self,
        name: &str,
        len: usize,
        snapshot: &Snapshot,
    ) -> Result<(), SnapshotError> {
        [self.score, self.safe.1] = snapshot.numbers(&format!("{name}.losses"))?;
        self.fields = snapshot.fields_or_none(&format!("{name}.fields"), len)?;
        self.begun = snapshot.fields_or_none(&format!("{name}.begun"), len)?;
        self.safe.0 = snapshot.fields_or_none(&format!("{name}.safe"), len)?;
        Ok(())
    }
}
