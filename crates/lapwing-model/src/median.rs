//! The number in the middle.

/// The number in the middle of `values`, the upper of two, and `None` where there are none.
///
/// # Examples
/// ```
/// use lapwing_model::median;
///
/// assert_eq!(median([4.0, 1.0, 3.0]), Some(3.0));
/// assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(3.0));
/// assert_eq!(median([]), None);
/// ```
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    let middle = values.len() / 2;
    (middle < values.len()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}
