//! The search in a snapshot.

use super::{Stage, StrengthSearch};
use crate::prior::Jumps;
use crate::solver::snapshot::{Snapshot, SnapshotError};
use crate::solver::solution::Tried;

impl StrengthSearch {
    pub fn save(&self, snapshot: &mut Snapshot) {
        let stage = match self.stage {
            Stage::Base => 0.0,
            Stage::Trial => 1.0,
            Stage::Last => 2.0,
        };
        let [settled, is_done] = [self.settled, self.is_done].map(usize::from);
        let counts = [self.round, self.done, self.base_epochs, self.spent, settled, is_done];
        let [round, done, base_epochs, spent, settled, is_done] = counts.map(|n| n as f64);
        let jumps = f64::from(self.jumps as u8);
        let choice = [self.strength, self.absorption, self.centre, jumps];
        let so_far = [stage, round, done, base_epochs, spent, settled, is_done];
        let numbers = [&so_far[..], &choice].concat();
        snapshot.put_numbers("search.state", &numbers);
        let pairs = |trials: &[Tried]| -> Vec<f64> {
            trials.iter().flat_map(|trial| [trial.value, trial.score]).collect()
        };
        snapshot.put_numbers("search.trials", &pairs(&self.trials));
        snapshot.put_numbers("search.tried", &pairs(&self.tried));
        snapshot.put_numbers("search.absorptions", &pairs(&self.absorptions));
        snapshot.put_numbers("search.growths", &pairs(&self.growths));
        self.base.save("search.base", snapshot);
        self.other.save("search.other", snapshot);
        snapshot.put_fields("search.best", &self.best);
    }

    pub fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let [
            stage,
            round,
            done,
            base_epochs,
            spent,
            settled,
            is_done,
            strength,
            absorption,
            centre,
            jumps,
        ] = snapshot.numbers("search.state")?;
        self.jumps = if jumps == 0.0 { Jumps::Linear } else { Jumps::Bounded };
        self.base_epochs = base_epochs as usize;
        (self.settled, self.is_done) = (settled != 0.0, is_done != 0.0);
        self.stage = match stage {
            0.0 => Stage::Base,
            1.0 => Stage::Trial,
            _ => Stage::Last,
        };
        (self.round, self.done, self.spent) = (round as usize, done as usize, spent as usize);
        (self.strength, self.absorption, self.centre) = (strength, absorption, centre);
        let pairs = |name| -> Result<Vec<Tried>, SnapshotError> {
            let pairs = snapshot.all_numbers(name)?.chunks_exact(2);
            Ok(pairs.map(|pair| Tried { value: pair[0], score: pair[1] }).collect())
        };
        self.trials = pairs("search.trials")?;
        self.tried = pairs("search.tried")?;
        self.absorptions = pairs("search.absorptions")?;
        self.growths = pairs("search.growths")?;
        self.base.load("search.base", self.len, snapshot)?;
        self.other.load("search.other", self.len, snapshot)?;
        self.best = snapshot.fields_or_none("search.best", self.len)?;
        Ok(())
    }
}
