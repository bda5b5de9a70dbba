//! What a solution predicts of the patterns, and how far the counts are from it.

use super::{Problem, ProblemError};
use crate::noise::PatternOrder;
use crate::solver::Solution;
use lapwing_model::Position;
use lapwing_model::parallel::InParallel;

/// Patterns that [`Problem::misfit`] uses, at most: a sample is enough.
const LOOKED_AT: usize = 512;
/// Patterns that are predicted together.
const TOGETHER: usize = 64;

/// How far counts are from a fit; see [`Problem::misfit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Misfit {
    /// The Poisson deviance of the counts over its expectation at the fit, the detector's gain
    /// taken into account: 1 for a perfect model, less for one that has begun to follow the noise,
    /// more for one that is wrong.
    pub ratio: f64,
    /// The part of the amplitudes that noise does not explain, as a share of them, r.m.s.: with
    /// many photons `ratio` is large for errors too small to see. Zero where all light is in pixels
    /// at the detector's limit.
    pub unexplained: f64,
}

/// Intensities that a solution predicts.
pub(super) struct Expected {
    /// Of every pattern, background included, in the solver's unit and in pattern order.
    pub intensity: Vec<f32>,
    /// Window centres of the patterns.
    pub scan: Vec<Position>,
}

impl Problem {
    /// What `solution` predicts of these patterns.
    ///
    /// # Errors
    /// When `solution` is not one of this problem.
    pub(super) fn expected(
        &self,
        solution: &Solution,
        members: &[usize],
    ) -> Result<Expected, ProblemError> {
        let scan = self.positions_of(solution, members);
        Ok(Expected { intensity: self.expected_at(solution, members, &scan)?, scan })
    }

    /// Window centres of these patterns of `solution`.
    pub(super) fn positions_of(&self, solution: &Solution, members: &[usize]) -> Vec<Position> {
        let positions = &solution.positions;
        members.iter().filter_map(|&at| positions.get(self.kept[at]).copied()).collect()
    }

    /// What `solution` predicts of these patterns at other places, background included, in the
    /// solver's unit and in pattern order.
    ///
    /// # Errors
    /// When `solution` is not one of this problem, or a window leaves the object.
    pub(super) fn expected_at(
        &self,
        solution: &Solution,
        members: &[usize],
        scan: &[Position],
    ) -> Result<Vec<f32>, ProblemError> {
        if solution.object.slices().dim() != self.object.slices().dim()
            || solution.probe.dim().0 + solution.eigenmodes.dim().0 != self.probe.dim().0
            || solution.positions.len() != self.whole_scan.len()
            || solution.weights.dim() != (self.whole_scan.len(), self.n_eigenmodes())
            || solution.powers.len()
                != self.log_powers.as_ref().map_or(0, |_| self.whole_scan.len())
        {
            let text = "expected a solution of this problem, found that of another";
            return Err(ProblemError::Object(text.to_owned()));
        }
        let order = PatternOrder::new(&self.model);
        let factor = self.to_solver_unit(1.0) as f32;
        let mut intensity = vec![0.0_f32; members.len() * self.model.len()];
        let patterns = intensity.chunks_mut(self.model.len()).zip(members).zip(scan);
        let predicted = patterns.in_parallel().map(|((expected, &pattern), &position)| {
            let probe = solution.probe_of(self.kept[pattern]);
            let found = self.model.intensity(&solution.object, probe.view(), position);
            let centred = found.map_err(|source| ProblemError::OffObject { pattern, source })?;
            let centred = centred.as_slice().expect("a new array is in standard order");
            for (place, value) in expected.iter_mut().enumerate() {
                let coherent = centred[order.pixel_of[place] as usize] * factor;
                *value = coherent + self.background.as_ref().map_or(0.0, |values| values[place]);
            }
            Ok(())
        });
        predicted.into_iter().collect::<Result<(), ProblemError>>()?;
        Ok(intensity)
    }

    /// How far the counts are from what `solution` predicts, compared with what their noise alone
    /// would do. The patterns must be counts; those at the detector's limit are passed over. Of
    /// large scans, 512 patterns spread over the scan are looked at.
    ///
    /// The expectation is exact for photons, and that of photons times the gain for other
    /// detectors.
    ///
    /// # Errors
    /// When `solution` is not one of this problem.
    pub fn misfit(&self, solution: &Solution) -> Result<Misfit, ProblemError> {
        let stride = self.n_patterns().div_ceil(LOOKED_AT).max(1);
        let members: Vec<usize> = (0..self.n_patterns()).step_by(stride).collect();
        let (pixels, table) = (self.model.len(), Deviance::new());
        let limit = self.clipped.map_or(f32::INFINITY, |clipped| clipped.limit);
        let mut total = [0.0; 3];
        for members in members.chunks(TOGETHER) {
            let Expected { intensity, .. } = self.expected(solution, members)?;
            let sums: Vec<[f64; 3]> =
                (intensity.chunks(pixels).zip(members)).in_parallel().map_with(
                    || vec![0.0; pixels],
                    |buffer, (expected, &pattern)| {
                        let mut bad = self.mask.of(pattern).iter().peekable();
                        let measured = self.pattern(pattern, buffer);
                        let [mut found, mut noise, mut counts] = [0.0; 3];
                        for (place, (&mean, &count)) in expected.iter().zip(measured).enumerate() {
                            let masked = bad.next_if(|&&bad| bad as usize == place).is_some();
                            if masked || count >= limit {
                                continue;
                            }
                            let (mean, count) =
                                (f64::from(mean) / self.gain, f64::from(count) / self.gain);
                            found += deviance(count, mean.max(LEAST));
                            noise += table.expected(mean);
                            counts += count;
                        }
                        [found, noise, counts]
                    },
                );
            for sum in sums {
                total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
            }
        }
        let [found, noise, counts] = total;
        // Where all light is at the limit, nothing below it tells how much there is.
        let share = if counts > 0.0 { 0.25 * (found - noise) / counts } else { 0.0 };
        let unexplained = share.max(0.0).sqrt();
        Ok(Misfit { ratio: found / noise, unexplained })
    }
}

/// Counts are compared with at least this mean, photons, so that one stray photon does not decide.
const LEAST: f64 = 1e-3;

/// Deviance of a count from its mean, 2 (n ln(n / m) - n + m).
fn deviance(count: f64, mean: f64) -> f64 {
    let log = if count > 0.0 { count * (count / mean).ln() } else { 0.0 };
    2.0 * (log - count + mean)
}

/// The mean deviance of Poisson counts from their mean, or from [`LEAST`] where that is larger;
/// over the logarithm of the mean.
struct Deviance {
    table: Vec<f64>,
}

impl Deviance {
    /// Means of the table, and its steps for a factor of e.
    const RANGE: (f64, f64) = (LEAST, 64.0);
    const STEPS: f64 = 64.0;

    fn new() -> Self {
        let (least, most) = Self::RANGE;
        let steps = ((most / least).ln() * Self::STEPS).ceil() as usize + 1;
        let table = (0..=steps).map(|step| Self::summed(least * (step as f64 / Self::STEPS).exp()));
        Self { table: table.collect() }
    }

    /// The sum over all counts.
    fn summed(mean: f64) -> f64 {
        let mut probability = (-mean).exp();
        let mut sum = 0.0;
        let most = (mean + 12.0 * mean.sqrt() + 30.0) as u32;
        for count in 0..=most {
            sum += probability * deviance(f64::from(count), mean);
            probability *= mean / f64::from(count + 1);
        }
        sum
    }

    fn expected(&self, mean: f64) -> f64 {
        let (least, most) = Self::RANGE;
        if mean < least {
            // None or one.
            return (1.0 - mean) * deviance(0.0, least) + mean * deviance(1.0, least);
        }
        if mean >= most {
            // 1 + 1 / (6 m) + 1 / (6 m^2), the first terms of its expansion.
            return 1.0 + (1.0 + 1.0 / mean) / (6.0 * mean);
        }
        let at = ((mean / least).ln() * Self::STEPS).max(0.0);
        let step = at as usize;
        let share = at - step as f64;
        self.table[step] * (1.0 - share) + self.table[step + 1] * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_deviance_of_poisson_counts() {
        let table = Deviance::new();
        // Of few counts 2 m (1 - ln m) - ... : one photon with probability m, 2 (-ln m - 1 + m).
        let m = 2e-3_f64;
        let one = m * (-m).exp() * 2.0 * (-m.ln() - 1.0 + m) + (-m).exp() * 2.0 * m;
        assert!((table.expected(m) / one - 1.0).abs() < 1e-2, "{}", table.expected(m));
        // Both sides of where the expansion takes over, and far beyond.
        let (below, above) = (table.expected(63.999), table.expected(64.0));
        assert!((below / above - 1.0).abs() < 1e-5, "{below} and {above}");
        assert!((table.expected(1e6) - 1.0).abs() < 1e-6);
        assert_eq!(deviance(5.0, 5.0), 0.0);
        assert_eq!(deviance(0.0, 3.0), 6.0);
    }
}
