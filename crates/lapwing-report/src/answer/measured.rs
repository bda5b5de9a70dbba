//! What of a measured scan's doses is its own: those near the measured one share its photons.

use super::Question;
use super::reach::{Reach, Scale};
use crate::gather::Row;
use crate::levels::Level;
use lapwing_compare::independent_share;
use lapwing_study::held::SHARED;

/// What halves of the photons have in common.
const HALVES: &str = "halves_complex_correlation";

impl Question<'_> {
    /// Whether a dose is so far below that of a measured scan that comparing it with the
    /// reconstruction of all photons tells of more than the photons that both have: with halves of
    /// the photons, which tell whether there is a specimen, of more than a quarter of them.
    pub(super) fn stands_alone(&self, dose: f64) -> bool {
        self.alone_until().is_none_or(|most| dose <= most)
    }

    /// The highest dose that stands alone, where there is one.
    pub(super) fn alone_until(&self) -> Option<f64> {
        let share = match self.tells {
            true => 1.0 / SHARED,
            false => independent_share(&self.metric.name, self.metric.goal),
        };
        self.measured.filter(|_| !self.of_halves()).map(|full| full * share)
    }

    /// Whether a dose at which the goal is reached is known from one that does not stand alone.
    pub(super) fn leans(&self, reach: Reach) -> bool {
        match reach {
            Reach::AtMost(at) | Reach::By { at, .. } | Reach::About { between: (_, at), .. } => {
                !self.stands_alone(at)
            }
            Reach::Unsteady { .. } | Reach::Unconfirmed { .. } | Reach::Never | Reach::Unknown => {
                false
            }
        }
    }

    /// Whether a level shares its photons with what it is compared with, and no halves tell what
    /// else they have in common.
    pub(super) fn shares(&self, level: &Level) -> bool {
        let mut doses = self.views.iter().filter_map(|&view| level.dose(view));
        !self.tells && doses.any(|dose| !self.stands_alone(dose as f64))
    }

    /// The highest dose that stands alone, in words, where the study has higher ones.
    pub(super) fn alone_in_words(&self) -> Option<String> {
        let most = self.alone_until()?;
        let name = &self.metric.name;
        let above = |row: &Row| row.metric(name).is_some() && row.condition.dose as f64 > most;
        let any = self.rows.iter().any(above);
        any.then(|| format!("{} photons per pattern", Scale::Log.text(most, 3)))
    }

    /// `, up to 2500 photons per pattern`: of which doses the best is, where not of all.
    pub(super) fn of_alone(&self) -> String {
        self.alone_in_words().map(|most| format!(", up to {most}")).unwrap_or_default()
    }

    /// Why the best is not of all doses, and what that says of the dose that the goal takes.
    pub(super) fn about_shared(&self) -> Option<String> {
        let most = self.alone_in_words()?;
        let (shared, goal) = match self.tells {
            true => (
                "share more than a quarter of their photons with the full-dose reconstruction that \
                 they are compared with, and look better than they are",
                "a goal that is reached there may take more",
            ),
            false => (
                "share so many photons with the full-dose reconstruction that they are compared \
                 with that its noise alone may reach the goal",
                "a goal that is reached there is not told, which takes halves of the photons \
                 (halves = true in [study])",
            ),
        };
        Some(format!("Doses above {most} {shared}: best and worst leave them out, and {goal}."))
    }

    /// Whether the metric is between halves of the photons, without any reference.
    pub(super) fn of_halves(&self) -> bool {
        self.metric.of_halves
    }

    /// What can be concluded from a reference that a solver of the study made, and what cannot.
    pub(super) fn about_reference(&self) -> Option<String> {
        let maker = self.reference.filter(|_| !self.of_halves())?;
        Some(match self.solvers.len() {
            1 => format!(
                "The reference is {maker}\u{2019}s own reconstruction of all photons: the distance to \
                 it tells what fewer photons cost, not what is wrong in both."
            ),
            _ => {
                // Halves can, where something of them is no dip, no prior and no noise.
                let told = self.rows.iter().any(|row| row.answer(HALVES).is_some());
                let halves = if told { " The agreement of halves can." } else { "" };
                format!(
                    "The reference was made by {maker}, whose own errors are in it: these numbers \
                     tell what fewer photons cost each solver, and cannot rank the solvers.{halves}"
                )
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doses_near_the_measured_one_share_its_photons() {
        let metrics = crate::metric::with_goals(&std::collections::BTreeMap::new(), None).unwrap();
        let of = |name: &str, measured| Question {
            rows: &[],
            metric: metrics.iter().find(|metric| metric.name == name).unwrap(),
            solvers: &[],
            views: &[],
            splits: &[],
            levels: &[],
            study: None,
            reference: None,
            pixel_size: None,
            radiation: None,
            matrix: None,
            measured,
            unheld: None,
            tells: true,
            flat: None,
        };
        let with_reference = of("phase_ssim", Some(1e5));
        assert!(with_reference.stands_alone(2.5e4) && !with_reference.stands_alone(2.6e4));
        // Without halves noise alone may agree by half of 0.9, twice what it should.
        let blind = Question { tells: false, ..with_reference };
        assert!(blind.stands_alone(2.02e4) && !blind.stands_alone(2.03e4));
        // A truth, and halves that have no photon in common, share nothing.
        assert!(of("phase_ssim", None).stands_alone(1e5));
        assert!(of("halves_complex_correlation", Some(1e5)).stands_alone(1e5));
    }
}
