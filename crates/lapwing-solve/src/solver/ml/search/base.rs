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
        self.fields = fields_or_none(snapshot, &format!("{name}.fields"), len)?;
        self.begun = fields_or_none(snapshot, &format!("{name}.begun"), len)?;
        self.safe.0 = fields_or_none(snapshot, &format!("{name}.safe"), len)?;
        Ok(())
    }
}

/// Fields of this length, or none.
pub(super) fn fields_or_none(
    snapshot: &Snapshot,
    name: &str,
    len: usize,
) -> Result<Vec<Complex32>, SnapshotError> {
    let stored = snapshot.fields_len(name)?;
    let expected = if stored == 0 { 0 } else { len };
    Ok(snapshot.fields(name, expected)?.to_vec())
}
