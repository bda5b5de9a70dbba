//! The properties of a detector.

use ndarray::Array2;

/// The properties of a detector, estimated from the patterns of one scan.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseModel {
    /// Variance over mean of what is recorded: 1 for photon counts, more where one photon or
    /// electron makes several counts. 1 where it cannot be estimated.
    pub gain: f64,
    /// Mean of the light in every pixel that is the same in all patterns and belongs to no coherent
    /// wave, axes (y, x), zero frequency in the centre; 0 in bad pixels.
    pub background: Array2<f32>,
    /// Mean summed intensity of a good pattern, over the pixels that are good in some pattern, each
    /// by the patterns in which it is.
    pub mean_intensity: f64,
    /// Whether the noise of adjacent pixels is correlated.
    pub correlated: bool,
    /// Pixels that are good by the given mask and were found to be faulty.
    pub faults: Faults,
}

/// Pixels and patterns that hold no measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// Pixels (y, x) that never count although light falls around them.
    pub dead: Vec<(usize, usize)>,
    /// Pixels (y, x) that show much more than their neighbours, or the same in all patterns.
    pub hot: Vec<(usize, usize)>,
    /// The value at which the detector saturates, where many pixels have it: they hold at least
    /// that much light.
    pub saturation: Option<f32>,
    /// Patterns without the light that their neighbours have.
    pub lost: Vec<usize>,
    /// Patterns that look like no other.
    pub wrong: Vec<usize>,
}

impl Faults {
    /// Patterns to leave out, ascending.
    pub fn patterns(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.lost.iter().chain(&self.wrong).copied().collect();
        all.sort_unstable();
        all
    }

    /// Pixels to leave out of all patterns.
    pub fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.dead.iter().chain(&self.hot).copied()
    }

    /// These and `other`, each in its place.
    pub(super) fn with(mut self, other: &Self) -> Self {
        fn join<T: Ord + Clone>(all: &mut Vec<T>, more: &[T]) {
            all.extend_from_slice(more);
            all.sort_unstable();
            all.dedup();
        }
        join(&mut self.dead, &other.dead);
        join(&mut self.hot, &other.hot);
        join(&mut self.lost, &other.lost);
        join(&mut self.wrong, &other.wrong);
        self.saturation = self.saturation.or(other.saturation);
        self
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl NoiseModel {
    /// Photons, and nothing else.
    pub fn photons(shape: (usize, usize), mean_intensity: f64) -> Self {
        Self {
            gain: 1.0,
            background: Array2::zeros(shape),
            mean_intensity,
            correlated: false,
            faults: Faults::default(),
        }
    }

    /// The mean of models of so many patterns each, with the faults of all; `None` of none. The
    /// background of a pixel is that of the models whose patterns show it, which are marked.
    pub(super) fn mean(models: &[(usize, Self, Array2<bool>)]) -> Option<Self> {
        let [(_, first, _), others @ ..] = models else { return None };
        if others.is_empty() {
            return Some(first.clone());
        }
        let total: f64 = models.iter().map(|(patterns, ..)| *patterns as f64).sum();
        let mean = |of: &dyn Fn(&Self) -> f64| -> f64 {
            models.iter().map(|(patterns, model, _)| *patterns as f64 * of(model)).sum::<f64>()
                / total
        };
        let mut background = Array2::zeros(first.background.dim());
        let mut shown = Array2::<f64>::zeros(first.background.dim());
        for (patterns, model, seen) in models {
            background.scaled_add((*patterns as f64 / total) as f32, &model.background);
            shown.zip_mut_with(seen, |shown, &seen| {
                *shown += if seen { *patterns as f64 } else { 0.0 };
            });
        }
        background.zip_mut_with(&shown, |background, &shown| {
            if shown > 0.0 && shown < total {
                *background *= (total / shown) as f32;
            }
        });
        let limits = models.iter().filter_map(|(_, model, _)| model.faults.saturation);
        let saturation = limits.reduce(f32::max);
        let faults =
            models.iter().fold(Faults::default(), |all, (_, model, _)| all.with(&model.faults));
        Some(Self {
            gain: mean(&|model| model.gain.ln()).exp(),
            background,
            mean_intensity: mean(&|model| model.mean_intensity),
            correlated: models.iter().any(|(_, model, _)| model.correlated),
            faults: Faults { saturation, ..faults },
        })
    }

    /// Sum of the background over a pattern.
    pub fn background_per_pattern(&self) -> f64 {
        self.background.iter().map(|&value| f64::from(value)).sum()
    }

    /// The background's share of a pattern.
    pub fn background_share(&self) -> f64 {
        match self.mean_intensity > 0.0 {
            true => self.background_per_pattern() / self.mean_intensity,
            false => 0.0,
        }
    }
}
