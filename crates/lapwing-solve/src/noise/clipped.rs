//! Counts at a detector's limit, of which only a lower bound is known.

use super::DetectorRule;

/// The likelihood of a pixel at the detector's limit: the light was at least this much.
///
/// With the model's intensity I, gain g, mean photons I / g and a limit of n photons, the
/// likelihood is one-sided, L = -g ln P(count >= n). Its slope is that of a Poisson likelihood for
/// I (1 + r) counts, r = P(count = n - 1) / P(count >= n): the limit itself where the model is far
/// below it, the model's own intensity, which gives no gradient, where it is far above.
///
/// For few photons the sums are exact. For many, the root of a count has nearly the same variance
/// whatever its mean, a quarter of the gain (Anscombe 1948, Biometrika 35, 246), so with the lowest
/// light c that is recorded as the limit
///
/// ```text
/// L = -g ln Q(z)      r = h(z) sqrt(g / I)      z = 2 (sqrt c - sqrt I) / sqrt g
/// ```
///
/// where Q is the upper tail of the normal distribution and h = -Q' / Q.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clipped {
    /// The number that the detector records for all light above some amount.
    pub limit: f32,
    /// That amount: half a photon less.
    pub edge: f32,
    /// Variance over mean of counts below the limit.
    pub gain: f32,
    /// The limit in whole photons, at least one, and the logarithm of its factorial.
    pub photons: f32,
    pub ln_factorial: f32,
}

/// Up to so many photons all terms are summed.
pub(crate) const FEW: f32 = 32.0;

impl Clipped {
    /// All in the solver's unit.
    pub fn new(limit: f64, gain: f64) -> Self {
        let photons = (limit / gain).round().max(1.0);
        let factors = photons.min(FEW.into()) as u32;
        Self {
            limit: limit as f32,
            edge: (limit - 0.5 * gain).max(0.5 * limit) as f32,
            gain: gain as f32,
            photons: photons as f32,
            ln_factorial: (1..=factors).map(|factor| f64::from(factor).ln()).sum::<f64>() as f32,
        }
    }

    /// What stands for the measured value in `step` where the model's intensity is `intensity`, and
    /// the loss there, as `step` counts losses.
    pub fn expected(self, step: DetectorRule, intensity: f32) -> (f32, f64) {
        let background = match step {
            DetectorRule::Gaussian | DetectorRule::Poisson => 0.0,
            DetectorRule::Modulus { background } | DetectorRule::Gradient { background } => {
                f64::from(background)
            }
        };
        let gain = f64::from(self.gain);
        let light = (f64::from(intensity) + background).max(f64::from(f32::MIN_POSITIVE));
        let (slope, logarithm) = match self.photons <= FEW {
            true => at_least(self.photons, self.ln_factorial, light / gain),
            false => {
                let edge = f64::from(self.edge) + background;
                let (slope, logarithm) = tail(2.0 * (edge.sqrt() - light.sqrt()) / gain.sqrt());
                (slope * (gain / light).sqrt(), logarithm)
            }
        };
        let expected = light * (1.0 + slope) - background;
        let loss = match step {
            // Half the square of a root's deviation over its variance, g / 4, is twice this.
            DetectorRule::Gaussian => -0.5 * gain * logarithm,
            DetectorRule::Poisson
            | DetectorRule::Modulus { .. }
            | DetectorRule::Gradient { .. } => -gain * logarithm,
        };
        (expected.max(0.0) as f32, loss)
    }
}

/// P(count = n - 1) / P(count >= n) and ln P(count >= n) of Poisson counts around `mean`, n =
/// `photons`.
///
/// P(count >= n) = mean^n exp(-mean) S / n!, S = sum_j mean^j n! / (n + j)!, and the quotient is
/// n / (mean S).
fn at_least(photons: f32, ln_factorial: f32, mean: f64) -> (f64, f64) {
    let n = f64::from(photons);
    // Beyond, the probability is 1 to single precision.
    if mean > 3.0 * n + 30.0 {
        return (0.0, 0.0);
    }
    let (mut term, mut sum, mut next) = (1.0, 1.0, n);
    while term > 1e-9 * sum {
        next += 1.0;
        term *= mean / next;
        sum += term;
    }
    let logarithm = n * mean.ln() - mean - f64::from(ln_factorial) + f64::ln(sum);
    (n / (mean * sum), logarithm.min(0.0))
}

/// -Q'(z) / Q(z) and ln Q(z), with Q(z) the probability that a standard normal number exceeds z.
///
/// Below 1.5 by the series of the normal integral, above by Laplace's continued fraction
/// (Abramowitz and Stegun, 26.2.11 and 26.2.14).
fn tail(z: f64) -> (f64, f64) {
    const SERIES: f64 = 1.5;
    const NONE: f64 = -8.0;
    const TERMS: usize = 120;
    if z <= NONE {
        return (0.0, 0.0);
    }
    let root = (2.0 * std::f64::consts::PI).sqrt();
    if z >= SERIES {
        // Q over the density.
        let mut fraction = z;
        for term in (1..=TERMS).rev() {
            fraction = z + term as f64 / fraction;
        }
        return (fraction, -0.5 * z * z - root.ln() - fraction.ln());
    }
    let density = (-0.5 * z * z).exp() / root;
    let (mut term, mut sum) = (z, z);
    for index in 1..=TERMS {
        term *= z * z / (2 * index + 1) as f64;
        sum += term;
    }
    let above = 0.5 - density * sum;
    (density / above, above.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [DetectorRule; 4] = [
        DetectorRule::Gaussian,
        DetectorRule::Poisson,
        DetectorRule::Modulus { background: 0.02 },
        DetectorRule::Gradient { background: 0.02 },
    ];

    #[test]
    fn the_tail_is_that_of_tables() {
        // Abramowitz and Stegun, Tables 26.1 and 26.2: z, Q(z).
        let table = [
            (-3.0, 0.998_650_101_968_370),
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457),
            (2.0, 0.022_750_131_948_179),
            (3.0, 1.349_898_031_630_1e-3),
            (5.0, 2.866_515_718_791_9e-7),
            (10.0, 7.619_853_024_160_5e-24),
        ];
        for (z, above) in table {
            let (slope, logarithm) = tail(z);
            assert!((logarithm.exp() / above - 1.0).abs() < 1e-9, "{z}: {}", logarithm.exp());
            let density = (-0.5_f64 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
            assert!((slope * above / density - 1.0).abs() < 1e-9, "{z}: {slope}");
        }
        // Both ways of computing meet.
        let (below, above) = (tail(1.5 - 1e-9), tail(1.5 + 1e-9));
        assert!((below.0 - above.0).abs() < 1e-7 && (below.1 - above.1).abs() < 1e-7);
        assert_eq!(tail(-1e9), (0.0, 0.0));
        let (slope, logarithm) = tail(1e6);
        assert!((slope / 1e6 - 1.0).abs() < 1e-9 && (logarithm / -5e11 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_slope_is_that_of_the_loss() {
        let few_and_many = [Clipped::new(40.0, 1.7), Clipped::new(40.0, 0.4)];
        for (step, clipped) in STEPS.into_iter().flat_map(|step| few_and_many.map(|c| (step, c))) {
            for light in [0.3_f32, 5.0, 30.0, 39.0, 45.0, 60.0] {
                let loss = |light: f32| clipped.expected(step, light).1;
                let width = 1e-3 * light;
                let slope = (loss(light + width) - loss(light - width)) / f64::from(2.0 * width);
                let (expected, _) = clipped.expected(step, light);
                let (m, i) = (f64::from(expected), f64::from(light));
                let of_step = match step {
                    // (sqrt I - sqrt m)^2 moves with I by 1 - sqrt(m / I); here by half the slope
                    // of the Poisson loss.
                    DetectorRule::Gaussian => 0.5 * (1.0 - m / i),
                    DetectorRule::Poisson => 1.0 - m / i,
                    DetectorRule::Modulus { background }
                    | DetectorRule::Gradient { background } => {
                        1.0 - (m + f64::from(background)) / (i + f64::from(background))
                    }
                };
                let close = (slope - of_step).abs() < 1e-3 * slope.abs().max(1e-3);
                assert!(close, "{step:?} at {light}: {slope} and {of_step}");
            }
        }
    }

    #[test]
    fn light_above_the_limit_costs_nothing_and_light_far_below_is_drawn_to_it() {
        let clipped = Clipped::new(1000.0, 1.0);
        for step in STEPS {
            let (expected, loss) = clipped.expected(step, 2000.0);
            assert!((expected - 2000.0).abs() < 1e-3 && loss.abs() < 1e-6, "{expected} {loss}");
            let (expected, loss) = clipped.expected(step, 500.0);
            let of_count = step.loss(999.5, 500.0);
            assert!((loss / of_count - 1.0).abs() < 0.1, "{step:?}: {loss} and {of_count}");
            assert!(expected > 850.0 && expected < 1000.0, "{expected}");
            // A dark model: finite.
            let (expected, loss) = clipped.expected(step, 0.0);
            assert!(expected.is_finite() && loss.is_finite() && loss > 0.0);
        }
    }

    #[test]
    fn the_likelihood_is_that_of_counts_at_the_limit() {
        // P(count >= limit) of Poisson counts, summed from below: exact of few photons.
        for (limit, tolerance) in [(1_u32, 1e-5), (4, 1e-5), (32, 1e-5), (50, 0.06)] {
            let clipped = Clipped::new(f64::from(limit), 1.0);
            for share in [0.8, 0.9, 1.0, 1.2] {
                let mean = share * f64::from(limit);
                let (mut probability, mut below) = ((-mean).exp(), 0.0);
                let mut last = 0.0;
                for count in 0..limit {
                    below += probability;
                    last = probability;
                    probability *= mean / f64::from(count + 1);
                }
                let (expected, loss) = clipped.expected(DetectorRule::Poisson, mean as f32);
                let exact = -(1.0 - below).ln();
                let close = (loss - exact).abs() < tolerance * exact.max(0.2);
                assert!(close, "{limit}, {mean}: {loss} and {exact}");
                let exact = mean * (1.0 + last / (1.0 - below));
                let close = (f64::from(expected) - exact).abs() < tolerance * exact;
                assert!(close, "{limit}, {mean}: {expected} and {exact}");
            }
        }
    }
}
