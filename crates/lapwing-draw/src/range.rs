//! Ranges of values for display, robust against a few outliers.

/// The percentiles `low` and `high` (0 to 100) of the finite values, linearly interpolated as
/// `numpy.percentile` does.
///
/// `None` when no value is finite. The range may be empty (`low == high`) for constant values.
pub fn percentile_range(
    values: impl IntoIterator<Item = f32>,
    low: f64,
    high: f64,
) -> Option<(f32, f32)> {
    let mut finite: Vec<f32> = values.into_iter().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    let mut percentile = |percent: f64| {
        let place = percent.clamp(0.0, 100.0) / 100.0 * (finite.len() - 1) as f64;
        let (_, &mut below, rest) =
            finite.select_nth_unstable_by(place.floor() as usize, f32::total_cmp);
        let above = rest.iter().copied().min_by(f32::total_cmp).unwrap_or(below);
        (f64::from(below) + place.fract() * (f64::from(above) - f64::from(below))) as f32
    };
    Some((percentile(low), percentile(high)))
}

/// The range that pictures use when none is given: percentiles 0.5 and 99.5.
pub fn robust_range(values: impl IntoIterator<Item = f32>) -> Option<(f32, f32)> {
    percentile_range(values, 0.5, 99.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [10, 50, 99.5]) = [1, 3.5, 8.895]
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        let (low, high) = percentile_range(values, 10.0, 99.5).unwrap();
        assert!((low - 1.0).abs() < 1e-6 && (high - 8.895).abs() < 1e-5);
        assert_eq!(percentile_range(values, 50.0, 100.0), Some((3.5, 9.0)));
    }

    #[test]
    fn only_finite_values_count() {
        assert_eq!(percentile_range([f32::NAN, 2.0, f32::INFINITY], 0.0, 100.0), Some((2.0, 2.0)));
        assert_eq!(robust_range([f32::NAN]), None);
    }
}
