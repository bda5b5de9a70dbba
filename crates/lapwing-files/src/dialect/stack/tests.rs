use super::*;
use ndarray::Array3;

#[test]
fn the_zero_frequency_moves_to_the_centre() {
    for (height, width) in [(4, 6), (5, 3)] {
        let mut values: Array3<f32> = Array3::zeros((2, height, width));
        values[[1, 0, 0]] = 1.0;
        values[[1, 1, 0]] = 2.0;
        centre(&mut values.view_mut());
        assert_eq!(values[[1, height / 2, width / 2]], 1.0);
        assert_eq!(values[[1, height / 2 + 1, width / 2]], 2.0);
        assert_eq!(values.sum(), 3.0);
    }
}
