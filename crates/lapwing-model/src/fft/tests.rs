use super::*;
use crate::test_support::random_field;
use std::f64::consts::TAU;

fn plain_dft(field: &[Complex32], height: usize, width: usize) -> Vec<num_complex::Complex64> {
    let mut spectrum = vec![num_complex::Complex64::default(); height * width];
    for u_y in 0..height {
        for u_x in 0..width {
            let mut sum = num_complex::Complex64::default();
            for y in 0..height {
                for x in 0..width {
                    let turn = (u_y * y) as f64 / height as f64 + (u_x * x) as f64 / width as f64;
                    let value = field[y * width + x];
                    sum += num_complex::Complex64::new(value.re.into(), value.im.into())
                        * num_complex::Complex64::from_polar(1.0, -TAU * turn);
                }
            }
            spectrum[u_x * height + u_y] = sum / ((height * width) as f64).sqrt();
        }
    }
    spectrum
}

#[test]
fn agrees_with_the_plain_sum_for_even_odd_and_rectangular_shapes() {
    for (height, width) in [(1, 1), (8, 8), (16, 16), (7, 5), (12, 9), (6, 17), (16, 32), (32, 12)]
    {
        let field = random_field(height * width, 3);
        let fft = Fft2::new((height, width));
        let mut scratch = vec![Complex32::default(); fft.scratch_len()];
        let (mut work, mut spectrum) = (field.clone(), field.clone());
        fft.forward(&mut work, &mut spectrum, &mut scratch);
        for (value, truth) in spectrum.iter().zip(plain_dft(&field, height, width)) {
            let error = (f64::from(value.re) - truth.re).hypot(f64::from(value.im) - truth.im);
            assert!(error < 1e-5, "{height} x {width}: {error}");
        }
        let mut back = field.clone();
        fft.inverse(&mut spectrum, &mut back, &mut scratch);
        for (value, truth) in back.iter().zip(&field) {
            assert!((value - truth).norm() < 1e-5);
        }
    }
}

#[test]
fn columns_of_eight_agree_with_rustfft() {
    let sides = [16, 32, 64, 128, 256, 512];
    for shape in sides.map(|side| (side, side)).into_iter().chain([(16, 512), (256, 32), (64, 128)])
    {
        let len = shape.0 * shape.1;
        let field = random_field(len, 9);
        let [(a, a_back), (b, b_back)] = [Fft2::new(shape), Fft2::by_rows(shape)].map(|fft| {
            let mut scratch = vec![Complex32::default(); fft.scratch_len()];
            let (mut work, mut spectrum) = (field.clone(), field.clone());
            fft.forward(&mut work, &mut spectrum, &mut scratch);
            let forward = spectrum.clone();
            fft.inverse(&mut spectrum, &mut work, &mut scratch);
            (forward, work)
        });
        for (a, b) in a.iter().zip(&b).chain(a_back.iter().zip(&b_back)) {
            assert!((a - b).norm() < 1e-5, "{shape:?}: {a} and {b}");
        }
    }
}

#[test]
fn keeps_energy() {
    let field = random_field(64 * 64, 5);
    let fft = Fft2::new((64, 64));
    let mut scratch = vec![Complex32::default(); fft.scratch_len()];
    let (mut work, mut spectrum) = (field.clone(), field.clone());
    fft.forward(&mut work, &mut spectrum, &mut scratch);
    let energy = |values: &[Complex32]| values.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>();
    assert!((energy(&field) / energy(&spectrum) - 1.0).abs() < 1e-6);
}

#[test]
fn detector_order_puts_the_centre_at_zero_and_transposes() {
    for (height, width) in [(4, 6), (5, 3), (1, 8)] {
        let centred: Vec<usize> = (0..height * width).collect();
        let mut spectrum = vec![0; height * width];
        to_detector_order(&centred, &mut spectrum, (height, width));
        assert_eq!(spectrum[0], (height / 2) * width + width / 2);
        if height > 2 {
            // One step along u_y is the next element and the next row of the file.
            assert_eq!(spectrum[1], (height / 2 + 1) * width + width / 2);
        }
        let mut back = vec![0; height * width];
        from_detector_order(&spectrum, &mut back, (height, width));
        assert_eq!(back, centred);
    }
}

#[test]
fn frequencies_are_those_of_numpy_fftfreq() {
    let even: Vec<f64> = (0..4).map(|i| frequency(i, 4)).collect();
    assert_eq!(even, [0.0, 0.25, -0.5, -0.25]);
    let odd: Vec<f64> = (0..5).map(|i| frequency(i, 5)).collect();
    assert_eq!(odd, [0.0, 0.2, 0.4, -0.4, -0.2]);
}
