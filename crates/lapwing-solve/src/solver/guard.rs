//! The guard: the state in which the best epoch of a batched solver began.

/// Factor by which the loss of an epoch may exceed the lowest of all before. Noise and the order of
/// batches make it rise by far less; a diverging solver, however slowly, exceeds it.
pub(crate) const HARM: f64 = 1.5;

/// The loss of the best epoch.
///
/// An epoch measures the loss while the fields move, so the harm of one shows in the next, and both
/// must be rolled back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guard {
    lowest: Option<f64>,
}

/// What an epoch has done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// The best so far: its start is the state to go back to.
    Best,
    /// No harm.
    Fine,
    /// Harm: back to where the best epoch began, whose loss this is.
    Harm(f64),
}

impl Guard {
    /// That of an earlier run, whose best epoch had this loss.
    pub fn of(lowest: Option<f64>) -> Self {
        Self { lowest }
    }

    /// The loss of the best epoch, once there is one.
    pub fn lowest(&self) -> Option<f64> {
        self.lowest
    }

    /// Judges an epoch that found `loss`.
    pub fn judge(&mut self, loss: f64) -> Verdict {
        match self.lowest {
            Some(lowest) if diverged(loss, lowest) && !lowest.is_nan() => Verdict::Harm(lowest),
            Some(lowest) if loss > lowest => Verdict::Fine,
            _ => {
                self.lowest = Some(loss);
                Verdict::Best
            }
        }
    }
}

/// Whether a loss shows that the solver has diverged since it was `good`.
pub(crate) fn diverged(loss: f64, good: f64) -> bool {
    loss.is_nan() || loss - good > (HARM - 1.0) * good.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_to_where_the_best_epoch_began() {
        let mut guard = Guard::default();
        assert_eq!([10.0, 8.0].map(|loss| guard.judge(loss)), [Verdict::Best; 2]);
        assert_eq!(guard.judge(13.0), Verdict::Harm(8.0));
        assert_eq!(guard.judge(f64::NAN), Verdict::Harm(8.0));
        // A rise that no single epoch shows.
        assert_eq!(guard.judge(11.0), Verdict::Fine);
        assert_eq!(guard.judge(13.0), Verdict::Harm(8.0));
        assert_eq!(guard.judge(7.0), Verdict::Best);
        assert_eq!(guard.judge(11.0), Verdict::Harm(7.0));
        // Where a loss may be negative, too.
        let mut guard = Guard::default();
        assert_eq!([-4.0, -3.0].map(|loss| guard.judge(loss)), [Verdict::Best, Verdict::Fine]);
        assert_eq!(guard.judge(-1.0), Verdict::Harm(-4.0));
        // NaN counts as the worst loss.
        let mut guard = Guard::default();
        assert_eq!(guard.judge(f64::NAN), Verdict::Best);
        assert_eq!(guard.judge(9.0), Verdict::Best);
    }
}
