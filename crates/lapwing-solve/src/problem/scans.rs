//! Several scans of one object, each with a probe of its own.
//!
//! The first mode of every pattern of scan s is P_s = P_0 + sum_k W_sk E_k, with one eigenmode less
//! than there are scans and weights that stay what they are: contrasts between the scans, columns
//! that are orthogonal over the patterns to each other and to the common part P_0. What solvers do
//! with a probe that varies along the scan, they so do with a probe of every scan.

use super::{Problem, ProblemError};
use lapwing_model::{Complex32, Modes};
use ndarray::{Array2, ArrayView2, Axis, s};
use num_complex::Complex64;

impl Problem {
    /// The problem of several scans of one object: `of` is the scan of every stored pattern, those
    /// that are left out among them, counted from 0. Each scan has a first mode of its own, which
    /// begins as that of `starts`, axes (scan, y, x), in any unit, or without them as the problem's
    /// own, with the power that the scan's patterns have; other modes are common to all scans.
    ///
    /// # Errors
    /// When `of` is not of all stored patterns, there is not a start for every scan, or one has
    /// another shape, no light, or a number that is not finite.
    pub fn with_probe_of_each_scan(
        &self,
        of: &[usize],
        starts: Option<&Modes>,
    ) -> Result<Self, ProblemError> {
        let refuse = |text: String| Err(ProblemError::Probe(text));
        let patterns = self.whole_scan.len();
        if of.len() != patterns {
            return refuse(format!(
                "expected the scan of each of {patterns} patterns, found {} numbers",
                of.len()
            ));
        }
        // Scans of which no pattern is used have no probe to be found.
        let mut present: Vec<usize> = self.kept.iter().map(|&stored| of[stored]).collect();
        present.sort_unstable();
        present.dedup();
        let place = |scan: usize| present.partition_point(|&other| other < scan);
        let used: Vec<usize> = self.kept.iter().map(|&stored| place(of[stored])).collect();
        let scans = present.len();
        let mut sizes = vec![0; scans];
        used.iter().for_each(|&scan| sizes[scan] += 1);
        let starts = starts.map(|starts| self.starts_of(&present, starts)).transpose()?;
        let begun = self.begun(&used, &sizes, starts.as_ref())?;
        let contrasts = contrasts(&sizes);
        let mut problem = self.with_eigenmodes(scans - 1);
        let (modes, total) = (self.n_modes(), used.len() as f64);
        let mean_by = |weight: &dyn Fn(usize) -> f64| {
            let mut sum = ndarray::Array2::<Complex32>::zeros(self.pattern_shape());
            for (scan, probe) in begun.outer_iter().enumerate() {
                let share = (sizes[scan] as f64 * weight(scan) / total) as f32;
                sum.zip_mut_with(&probe, |sum, value| *sum += value * share);
            }
            sum
        };
        problem.probe.index_axis_mut(Axis(0), 0).assign(&mean_by(&|_| 1.0));
        for contrast in 0..scans - 1 {
            let eigenmode = mean_by(&|scan| contrasts[(scan, contrast)]);
            problem.probe.slice_mut(s![modes + contrast, .., ..]).assign(&eigenmode);
        }
        problem.weights = Array2::from_shape_fn((used.len(), scans - 1), |(pattern, contrast)| {
            Complex32::from(contrasts[(used[pattern], contrast)] as f32)
        });
        problem.weights_stay = true;
        Ok(problem)
    }

    /// The starts of the scans `present`.
    fn starts_of(&self, present: &[usize], starts: &Modes) -> Result<Modes, ProblemError> {
        let (height, width) = self.pattern_shape();
        let finite = |value: &Complex32| value.re.is_finite() && value.im.is_finite();
        let (count, rows, columns) = starts.dim();
        let last = present.last().copied().unwrap_or_default();
        let fits = (rows, columns) == (height, width) && last < count;
        if !fits || !starts.iter().all(finite) {
            return Err(ProblemError::Probe(format!(
                "expected finite first modes of the scans, ({} or more, {height}, {width}), found {:?}",
                last + 1,
                starts.dim()
            )));
        }
        Ok(starts.select(Axis(0), present))
    }

    /// The first mode that each scan begins with, axes (scan, y, x), turned to the phase of the
    /// first and with the power that its patterns have over that of all.
    fn begun(
        &self,
        used: &[usize],
        sizes: &[usize],
        starts: Option<&Modes>,
    ) -> Result<Modes, ProblemError> {
        let (height, width) = self.pattern_shape();
        let own = self.probe.index_axis(Axis(0), 0);
        let usual = power(own);
        let intensities = self.mean_of_each(used, sizes);
        let total: f64 = intensities.iter().zip(sizes).map(|(mean, &n)| mean * n as f64).sum();
        let mean = total / used.len() as f64;
        let mut begun = Modes::zeros((sizes.len(), height, width));
        for (scan, mut to) in begun.outer_iter_mut().enumerate() {
            let from = starts.map_or(own, |starts| starts.index_axis(Axis(0), scan));
            let found = power(from);
            if found <= 0.0 || intensities[scan] <= 0.0 {
                let text = format!("expected some light in scan {scan}, found none");
                return Err(ProblemError::Probe(text));
            }
            let factor = (usual * intensities[scan] / mean / found).sqrt();
            let first = starts.map_or(own, |starts| starts.index_axis(Axis(0), 0));
            let product: Complex64 =
                first.iter().zip(from).map(|(a, b)| wide(b).conj() * wide(a)).sum();
            let turn = if product.norm() > 0.0 { product / product.norm() } else { 1.0.into() };
            let factor = turn * factor;
            let factor = Complex32::new(factor.re as f32, factor.im as f32);
            to.zip_mut_with(&from, |to, value| *to = value * factor);
        }
        Ok(begun)
    }

    /// Mean summed intensity of the patterns of each scan, in the solver's unit.
    fn mean_of_each(&self, used: &[usize], sizes: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; sizes.len()];
        let mut buffer = vec![0.0; self.model.len()];
        for (pattern, &scan) in used.iter().enumerate() {
            let values = self.pattern(pattern, &mut buffer);
            sums[scan] += values.iter().map(|&value| f64::from(value)).sum::<f64>();
        }
        sums.iter().zip(sizes).map(|(sum, &size)| sum / size as f64).collect()
    }
}

fn wide(value: &Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}

fn power(mode: ArrayView2<'_, Complex32>) -> f64 {
    mode.iter().map(|value| f64::from(value.norm_sqr())).sum()
}

/// Contrasts between scans of so many patterns, axes (scan, contrast): one less than there are
/// scans, of mean 0 and mean square 1 over all patterns, orthogonal to each other.
fn contrasts(sizes: &[usize]) -> Array2<f64> {
    let scans = sizes.len();
    let mut contrasts = Array2::zeros((scans, scans - 1));
    // Helmert: every scan against all before it.
    let mut before = sizes[0] as f64;
    let total: f64 = sizes.iter().map(|&size| size as f64).sum();
    for contrast in 0..scans - 1 {
        let own = sizes[contrast + 1] as f64;
        // n_before a^2 + own b^2 = total, n_before a + own b = 0.
        let b = (total * before / (own * (own + before))).sqrt();
        for scan in 0..=contrast {
            contrasts[(scan, contrast)] = -b * own / before;
        }
        contrasts[(contrast + 1, contrast)] = b;
        before += own;
    }
    contrasts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrasts_are_orthogonal_over_the_patterns() {
        let sizes = [7, 3, 12, 1];
        let found = contrasts(&sizes);
        let mean = |of: &dyn Fn(usize) -> f64| {
            let sum: f64 = (0..4).map(|scan| sizes[scan] as f64 * of(scan)).sum();
            sum / 23.0
        };
        for k in 0..3 {
            assert!(mean(&|scan| found[(scan, k)]).abs() < 1e-14);
            for l in 0..3 {
                let product = mean(&|scan| found[(scan, k)] * found[(scan, l)]);
                assert!((product - f64::from(u8::from(k == l))).abs() < 1e-14, "{k} {l} {product}");
            }
        }
        assert_eq!(contrasts(&[5]).dim(), (1, 0));
    }
}
