//! Means over splits and noise realisations.

use crate::Split;
use std::collections::BTreeMap;

/// A mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mean {
    pub value: f64,
    /// Its standard error, where it is of several values.
    pub error: Option<f64>,
    /// Degrees of freedom of that error.
    pub spare: usize,
}

/// The mean over the splits of the mean of each, with its standard error where every split has
/// several values: what differs between splits is no chance.
pub(super) fn mean_of_splits(values: &BTreeMap<Split, Vec<f64>>) -> Option<Mean> {
    let of: Vec<Mean> = values.values().filter_map(|of| mean(of)).collect();
    let value = mean(&of.iter().map(|of| of.value).collect::<Vec<_>>())?.value;
    let squares: Option<f64> = of.iter().map(|of| Some(of.error?.powi(2))).sum();
    let error = squares.map(|sum| sum.sqrt() / of.len() as f64);
    Some(Mean { value, error, spare: of.iter().map(|of| of.spare).sum() })
}

/// Mean and its standard error.
pub(super) fn mean(values: &[f64]) -> Option<Mean> {
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|one| (one - value).powi(2)).sum();
    let error = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
    let spare = values.len().saturating_sub(1);
    (!values.is_empty()).then_some(Mean { value, error, spare })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_splits_is_no_chance() {
        let values = |train: &[f64], test: &[f64]| {
            [(Split::Train, train.to_vec()), (Split::Test, test.to_vec())].into()
        };
        let of = mean_of_splits(&values(&[0.7, 0.9], &[0.2, 0.4])).unwrap();
        // Each mean is known to 0.1, their mean to 0.1 / sqrt 2.
        let error = of.error.unwrap();
        assert!((of.value - 0.55).abs() < 1e-12 && (error - 0.005f64.sqrt()).abs() < 1e-12);
        assert_eq!(of.spare, 2);
        let single = Mean { value: 0.375, error: None, spare: 0 };
        assert_eq!(mean_of_splits(&values(&[0.5], &[0.25])), Some(single));
        assert_eq!(mean_of_splits(&BTreeMap::new()), None);
    }
}
