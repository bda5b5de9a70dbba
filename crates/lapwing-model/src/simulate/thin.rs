//! Binomial thinning: what the detector would have counted at a lower dose.

use crate::parallel::InParallel;
use crate::random::generator;
use ndarray::ArrayViewMut3;
use rand_distr::{Binomial, Distribution};

/// Why counts cannot be thinned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThinError {
    /// The target is not below the present dose.
    #[error(
        "dose {to}: expected more than 0 and at most the present {} photons per pattern; photons can \
         be taken away, never added",
        (from * 1e3).round() / 1e3
    )]
    Dose {
        /// Present dose, photons per pattern.
        from: f64,
        /// Target dose, photons per pattern.
        to: f64,
    },
    /// A count is no whole number.
    #[error(
        "value {value} in pattern {pattern}: thinning is exact only for whole photon counts >= 0; \
         convert to counts first (counts = (s x amplitude)^2)"
    )]
    NotACount {
        /// Index of the first bad pattern.
        pattern: usize,
        /// The first bad value in it.
        value: f32,
    },
}

/// Thins photon counts from dose `from` to dose `to` (photons per pattern), in place: every photon
/// stays with probability p = to / from, independently.
///
/// A Poisson number thinned binomially is Poisson with p times its mean, so the result is what an
/// exposure at the lower dose would have given. `counts` has axes (pattern, ...). Values must be
/// whole numbers, as counting detectors give them; squares of single-precision amplitudes miss
/// these by some 1e-7 and are rounded. Pattern j draws from generator `thin` number j of `seed`,
/// whatever the number of threads. On an error the contents of `counts` are unchanged. Returns the
/// measured mean counts per pattern.
///
/// # Errors
/// A dose above that of the counts or not above 0, and values that are no counts.
pub fn thin(
    mut counts: ArrayViewMut3<'_, f32>,
    from: f64,
    to: f64,
    seed: u64,
) -> Result<f64, ThinError> {
    if !(to > 0.0 && to <= from && from.is_finite()) {
        return Err(ThinError::Dose { from, to });
    }
    let probability = to / from;
    for (pattern, values) in counts.outer_iter().enumerate() {
        if let Some(&value) = values.iter().find(|value| whole(**value).is_none()) {
            return Err(ThinError::NotACount { pattern, value });
        }
    }
    let sums: Vec<f64> =
        counts.outer_iter_mut().enumerate().in_parallel().map(|(index, mut pattern)| {
            let mut draws = generator(seed, "thin", index as u64);
            let mut sum = 0.0;
            for value in &mut pattern {
                let count = match whole(*value).expect("all were checked to be whole") {
                    0 => 0,
                    photons => Binomial::new(photons, probability)
                        .expect("the doses were checked, so this is a probability")
                        .sample(&mut draws),
                };
                *value = count as f32;
                sum += count as f64;
            }
            sum
        });
    Ok(sums.iter().sum::<f64>() / sums.len().max(1) as f64)
}

/// The photon count that `value` stands for.
fn whole(value: f32) -> Option<u64> {
    let (value, nearest) = (f64::from(value), f64::from(value).round());
    let tolerance = (1e-3 + 1e-6 * value).min(0.25);
    let near = value.is_finite() && nearest >= 0.0 && (value - nearest).abs() <= tolerance;
    near.then_some(nearest as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use rand_distr::Poisson;

    fn poisson(mean: f64, seed: u64) -> Array3<f32> {
        let mut draws = generator(seed, "test", 0);
        let poisson = Poisson::new(mean).unwrap();
        Array3::from_shape_simple_fn((50, 20, 20), || poisson.sample(&mut draws) as f32)
    }

    #[test]
    fn thinned_poisson_is_poisson_of_the_lower_mean() {
        for (mean, p) in [(0.7, 0.3), (40.0, 0.1), (5000.0, 0.25)] {
            let mut counts = poisson(mean, 7);
            let before = counts.clone();
            let measured = thin(counts.view_mut(), mean, mean * p, 3).unwrap();
            let number = counts.len() as f64;
            let average = counts.iter().map(|&v| f64::from(v)).sum::<f64>() / number;
            assert!((measured - average * 400.0).abs() < 1e-6 * measured);
            let m = mean * p;
            let z = |v: f32| (f64::from(v) - m) / m.sqrt();
            let variance = counts.iter().map(|&v| z(v).powi(2)).sum::<f64>() / number;
            // 20,000 samples: standard errors 0.007 of the mean and sqrt((2 + 1/m) / 20000) of the
            // variance.
            assert!((average - m).abs() / m.sqrt() < 0.03, "mean {average} for {m}");
            assert!(
                (variance - 1.0).abs() < 4.0 * ((2.0 + 1.0 / m) / number).sqrt(),
                "variance {variance} for {m}"
            );
            // Photons kept and photons removed are independent (their covariance vanishes): this is
            // what makes it exact.
            let covariance = counts.iter().zip(&before).map(|(&kept, &all)| {
                (f64::from(kept) - m) * (f64::from(all - kept) - mean * (1.0 - p))
            });
            let correlation = covariance.sum::<f64>() / number / (m * mean * (1.0 - p)).sqrt();
            assert!(correlation.abs() < 0.03, "correlation {correlation}");
            assert!(counts.iter().zip(&before).all(|(kept, all)| kept <= all));
        }
    }

    #[test]
    fn the_same_on_any_number_of_threads_and_all_at_probability_one() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut counts = poisson(30.0, 1);
            pool.install(|| thin(counts.view_mut(), 10.0, 3.0, 5)).unwrap();
            counts
        };
        assert_eq!(run(1), run(3));
        let mut counts = poisson(30.0, 1);
        thin(counts.view_mut(), 10.0, 10.0, 5).unwrap();
        assert_eq!(counts, poisson(30.0, 1));
    }

    #[test]
    fn squares_of_single_precision_amplitudes_are_counts() {
        let mut counts =
            Array3::from_shape_fn((1, 1000, 1), |(_, i, _)| ((i * i) as f32).sqrt() / 37.3);
        counts
            .mapv_inplace(|amplitude| (f64::from(amplitude) * f64::from(37.3_f32)).powi(2) as f32);
        assert!(counts.iter().any(|count| count.fract() != 0.0));
        thin(counts.view_mut(), 2.0, 2.0, 1).unwrap();
        assert!(counts.iter().enumerate().all(|(i, &count)| count == (i * i) as f32));
    }

    #[test]
    fn refusals_leave_the_counts_alone() {
        let mut counts = poisson(3.0, 1);
        for (from, to) in
            [(10.0, 11.0), (10.0, 0.0), (f64::NAN, 1.0), (10.0, f64::NAN), (f64::INFINITY, 1.0)]
        {
            assert!(
                thin(counts.view_mut(), from, to, 1)
                    .unwrap_err()
                    .to_string()
                    .contains("never added")
            );
        }
        for bad in [0.5, -1.0, f32::NAN, f32::INFINITY] {
            counts[(4, 2, 2)] = bad;
            let before = counts.clone();
            let message = thin(counts.view_mut(), 10.0, 5.0, 1).unwrap_err().to_string();
            assert!(message.contains("in pattern 4"), "{message}");
            assert!(counts.iter().zip(&before).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}
