//! A robust error: the median of the moduli.

use ndarray::Array2;

/// The median over the mask of |error|; of an even number of pixels the mean of the middle two.
///
/// Half of the pixels are at least as good. Unlike the mean it hardly depends on how wrong a few
/// pixels are, such as those around a phase vortex.
///
/// # Panics
/// Without a pixel that counts, which no region is.
pub(crate) fn median_error(error: &Array2<f64>, mask: &Array2<f64>) -> f64 {
    let counting = error.iter().zip(mask).filter(|(_, weight)| **weight > 0.0);
    let mut moduli: Vec<f64> = counting.map(|(error, _)| error.abs()).collect();
    let middle = moduli.len() / 2;
    let even = moduli.len().is_multiple_of(2);
    let (below, &mut upper, _) = moduli.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if even => (lower + upper) / 2.0,
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn closed_forms() {
        let ones = Array2::from_elem((1, 4), 1.0);
        // numpy.median([0.4, 0.1, 3.0, 0.2]) = 0.3
        assert!((median_error(&array![[0.4, -0.1, -3.0, 0.2]], &ones) - 0.3).abs() < 1e-15);
        let odd = array![[1.0, 1.0, 0.0, 1.0]];
        assert_eq!(median_error(&array![[0.4, -0.1, -3.0, 0.2]], &odd), 0.2);
        assert_eq!(median_error(&array![[-0.5]], &array![[1.0]]), 0.5);
    }

    #[test]
    fn a_minority_of_any_size_of_error_stays_without_influence() {
        let mask = Array2::from_elem((10, 10), 1.0);
        let with = |outlier: f64| {
            let error = Array2::from_shape_fn((10, 10), |(y, x)| match y {
                0..3 => outlier,
                _ => 0.001 * (10 * y + x) as f64,
            });
            median_error(&error, &mask)
        };
        assert_eq!(with(3.0), with(300.0));
    }
}
