//! The way back: where the best epoch of a batched solver began.

use super::snapshot::{Snapshot, SnapshotError};
use lapwing_model::Complex32;

/// Factor by which the loss of an epoch may exceed the lowest of all before. Noise and the order of
/// batches make it rise by far less; a diverging solver, however slowly, exceeds it.
pub(crate) const HARM: f64 = 1.5;

/// The fields from which the epoch of the lowest loss started, and that loss.
///
/// An epoch measures the loss as it goes, so the harm done by one shows in the next: what must be
/// taken back is both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    safe: Option<(Vec<Complex32>, f64)>,
}

impl Guard {
    /// Judges an epoch that started from `began` and found `loss`: `None` when it did no harm, else
    /// the fields and the loss to go back to.
    pub fn judge(&mut self, began: Vec<Complex32>, loss: f64) -> Option<(&[Complex32], f64)> {
        if self.safe.as_ref().is_none_or(|(_, lowest)| loss <= *lowest || lowest.is_nan()) {
            self.safe = Some((began, loss));
        }
        let (fields, lowest) = self.safe.as_ref()?;
        diverged(loss, *lowest).then_some((fields.as_slice(), *lowest))
    }

    /// Gives up the fields.
    pub fn take(&mut self) -> Option<(Vec<Complex32>, f64)> {
        self.safe.take()
    }

    pub fn save(&self, snapshot: &mut Snapshot) {
        if let Some((fields, loss)) = &self.safe {
            snapshot.put_fields("guard.fields", fields);
            snapshot.put_numbers("guard.loss", &[*loss]);
        }
    }

    pub fn load(&mut self, snapshot: &Snapshot, len: usize) -> Result<(), SnapshotError> {
        self.safe = match snapshot.has("guard.loss") {
            true => Some((
                snapshot.fields("guard.fields", len)?.to_vec(),
                snapshot.numbers::<1>("guard.loss")?[0],
            )),
            false => None,
        };
        Ok(())
    }
}

/// Whether a loss says that the solver lost its way since it was `good`.
pub(crate) fn diverged(loss: f64, good: f64) -> bool {
    loss.is_nan() || loss > HARM * good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_to_where_the_best_epoch_began() {
        let at = |re: f32| vec![Complex32::new(re, 0.0)];
        let mut guard = Guard::default();
        assert!(guard.judge(at(1.0), 10.0).is_none());
        assert!(guard.judge(at(2.0), 8.0).is_none());
        assert_eq!(guard.judge(at(3.0), 13.0), Some((at(2.0).as_slice(), 8.0)));
        assert_eq!(guard.judge(at(3.0), f64::NAN), Some((at(2.0).as_slice(), 8.0)));
        // A rise that no single epoch shows.
        assert!(guard.judge(at(4.0), 11.0).is_none());
        assert_eq!(guard.judge(at(5.0), 13.0), Some((at(2.0).as_slice(), 8.0)));
        assert!(guard.judge(at(6.0), 7.0).is_none());
        assert_eq!(guard.judge(at(7.0), 11.0), Some((at(6.0).as_slice(), 7.0)));
    }
}
