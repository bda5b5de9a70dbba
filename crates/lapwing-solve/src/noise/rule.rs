//! The steps and losses of the likelihoods, in the detector plane.

/// The step in the detector plane, Psi_k -> Psi_k (1 + factor) with one real factor per pixel, from
/// the measured intensity m and the model's I = sum_k |Psi_k|^2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DetectorRule {
    /// The modulus projection, factor = sqrt(m / I) - 1; loss (sqrt I - sqrt m)^2.
    Gaussian,
    /// The best step along the Poisson gradient, one step length per pattern (O18, Eqs. 16, 17);
    /// loss I - m + m ln(m / I).
    Poisson,
    /// The modulus projection; loss of a Poisson likelihood with this background in counts, e: I -
    /// m + (m + e) ln((m + e) / (I + e)).
    Modulus {
        /// e
        background: f32,
    },
    /// Minus half the gradient of the Poisson loss with this background.
    Gradient {
        /// e
        background: f32,
    },
}

impl DetectorRule {
    /// The loss of one pixel.
    pub(crate) fn loss(self, measured: f64, intensity: f64) -> f64 {
        let poisson = |e: f64| {
            let (m, i) = (measured + e, intensity + e);
            if m > 0.0 { i - m + m * (m / i.max(f64::MIN_POSITIVE)).ln() } else { i }
        };
        match self {
            Self::Gaussian => (intensity.sqrt() - measured.sqrt()).powi(2),
            Self::Poisson => poisson(0.0),
            Self::Modulus { background } | Self::Gradient { background } => {
                poisson(f64::from(background))
            }
        }
    }
}
