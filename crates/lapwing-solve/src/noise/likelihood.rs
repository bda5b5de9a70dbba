//! The distribution of a detector's counts: the likelihood of a fit.

use super::DetectorRule;
use crate::choice;

choice! {
    /// Noise model of the detector.
    #[derive(Default)]
    pub enum Noise {
        /// Amplitudes with constant variance; any unit of intensity. Loss: mean over pixels of
        /// (sqrt I - sqrt m)^2, which a perfect model of photon counts brings to at most 0.25.
        #[default]
        Gaussian = "gaussian",
        /// Photon counts; the intensities must be counts. Loss: half the Poisson deviance per
        /// pixel, mean of I - m + m ln(m / I), 0 for a perfect fit and about 0.5 for a perfect
        /// model of bright pixels.
        Poisson = "poisson",
    }
}

impl From<Noise> for DetectorRule {
    fn from(noise: Noise) -> Self {
        match noise {
            Noise::Gaussian => Self::Gaussian,
            Noise::Poisson => Self::Poisson,
        }
    }
}
