//! Data sets of arrays in memory.

use super::*;

#[test]
fn counts_in_memory_are_amplitudes_with_a_scale_and_come_back_exactly() {
    let counts = Array3::from_shape_fn((3, 4, 6), |(i, y, x)| (i + 7 * y + 31 * x) as f32);
    let scan: Vec<Position> = (0..3).map(|i| Position { y: f64::from(i), x: 0.5 }).collect();
    let probe = Modes::from_elem((1, 4, 6), Complex32::new(2.0, 0.0));
    let made = |zero_frequency, patterns: &Array3<f32>| {
        let how = Form { quantity: Quantity::Counts, zero_frequency };
        Dataset::from_patterns(patterns.clone(), how, scan.clone(), Some(probe.clone()), None, None)
            .unwrap()
    };
    let dataset = made(ZeroFrequency::Centre, &counts);
    assert_eq!(dataset.counts().unwrap(), counts);
    let scale = dataset.intensity_scale().unwrap();
    assert!((scale * scale - f64::from(counts.sum()) / 3.0).abs() < 1e-6 * scale * scale);
    assert!((dataset.probe.unwrap()[(0, 1, 1)].re - (2.0 / scale) as f32).abs() < 1e-7);
    let corner =
        Array3::from_shape_fn((3, 4, 6), |(i, y, x)| counts[(i, (y + 2) % 4, (x + 3) % 6)]);
    assert_eq!(made(ZeroFrequency::Corner, &corner).counts().unwrap(), counts);
}

#[test]
fn everything_wrong_with_arrays_in_memory_is_told_at_once() {
    let how = Form { quantity: Quantity::Intensity, zero_frequency: ZeroFrequency::Centre };
    let patterns = Array3::from_elem((2, 4, 4), -1.0);
    let scan = vec![Position { y: f64::NAN, x: 0.0 }];
    let probe = Modes::zeros((1, 4, 5));
    let problems =
        Dataset::from_patterns(patterns, how, scan, Some(probe), None, None).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["diffraction", "ycoords", "xcoords", "probeGuess"]);
}
