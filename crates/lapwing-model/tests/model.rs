//! Simulated scans against closed forms of far-field diffraction and of photon statistics.

use lapwing_model::forward::Physics;
use lapwing_model::probe::ProbeDesign;
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::{expose, expose_noise_free};
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field, Modes, Position};
use std::f64::consts::{PI, TAU};

/// A window of powers of two, and one of neither powers of two nor a square.
const WINDOWS: [(usize, usize); 2] = [(32, 32), (24, 45)];

/// Positions at whole and at broken pixels, and the shape of an object that holds their windows.
fn scan(window: (usize, usize)) -> (Vec<Position>, (usize, usize)) {
    let scan = generate(ScanKind::Jittered, 5.3, (30.0, 40.0), 7).expect("a scan");
    let placement = fit(&scan, window, 2).expect("its windows");
    (placement.place(&scan), placement.shape)
}

fn sum(values: impl IntoIterator<Item = f32>) -> f64 {
    values.into_iter().map(f64::from).sum()
}

#[test]
fn an_object_of_one_transmission_lets_through_its_power_at_every_position() {
    // sum I = |t|^2 sum |P|^2, the dose D by the scale s: s^2 |t|^2 sum |P|^2 = D.
    let transmission = Complex32::from_polar(0.6, 1.1);
    for window in WINDOWS {
        let (scan, shape) = scan(window);
        let probe = ProbeDesign::default().build(window).unwrap() * Complex32::new(3.0, 0.0);
        let object = Field::from_elem(shape, transmission);
        let exposure =
            expose_noise_free(&Physics::default(), object.view(), probe.view(), &scan, 5e3)
                .unwrap();
        let power = f64::from(transmission.norm_sqr()) * 9.0;
        assert!((exposure.scale.powi(2) * power / 5e3 - 1.0).abs() < 1e-5);
        for pattern in exposure.counts.outer_iter() {
            assert!((sum(pattern.iter().copied()) / 5e3 - 1.0).abs() < 1e-5, "{window:?}");
        }
    }
}

#[test]
fn a_rectangle_of_light_diffracts_as_two_dirichlet_kernels() {
    // F of a ones along an axis of N: sin(pi a u / N) / sin(pi u / N), squared and over N.
    let (rows, columns) = (7, 4);
    for (height, width) in WINDOWS {
        let probe = Modes::from_shape_fn((1, height, width), |(_, y, x)| {
            let inside = (5..5 + rows).contains(&y) && (8..8 + columns).contains(&x);
            Complex32::new(if inside { 1.0 } else { 0.0 }, 0.0)
        });
        let (scan, shape) = scan((height, width));
        let object = Field::from_elem(shape, Complex32::new(1.0, 0.0));
        let dose = (rows * columns) as f64;
        let exposure =
            expose_noise_free(&Physics::default(), object.view(), probe.view(), &scan, dose)
                .unwrap();
        let kernel = |ones: usize, index: usize, length: usize| {
            let u = (index as f64 - (length / 2) as f64) / length as f64;
            let value = match u == 0.0 {
                true => ones as f64,
                false => (PI * ones as f64 * u).sin() / (PI * u).sin(),
            };
            value * value / length as f64
        };
        for ((_, y, x), &count) in exposure.counts.indexed_iter() {
            let expected = kernel(rows, y, height) * kernel(columns, x, width);
            assert!((f64::from(count) - expected).abs() < 1e-5, "({y}, {x}): {count}, {expected}");
        }
    }
}

#[test]
fn a_wedge_moves_every_pattern_by_whole_pixels() {
    // exp(2 pi i (3 y / H - 2 x / W)) deflects by (3, -2) pixels of the detector, round its edges.
    for (height, width) in WINDOWS {
        let (scan, shape) = scan((height, width));
        let probe = ProbeDesign::default().build((height, width)).unwrap();
        let flat = Field::from_elem(shape, Complex32::new(1.0, 0.0));
        let wedge = Field::from_shape_fn(shape, |(y, x)| {
            let phase = TAU * (3.0 * y as f64 / height as f64 - 2.0 * x as f64 / width as f64);
            Complex32::new(phase.cos() as f32, phase.sin() as f32)
        });
        let patterns = |object: &Field| {
            expose_noise_free(&Physics::default(), object.view(), probe.view(), &scan, 1e3)
                .unwrap()
                .counts
        };
        let (straight, deflected) = (patterns(&flat), patterns(&wedge));
        for ((j, y, x), &count) in straight.indexed_iter() {
            let moved = deflected[(j, (y + 3) % height, (x + width - 2) % width)];
            assert!((count - moved).abs() < 1e-3, "({j}, {y}, {x}): {count} and {moved}");
        }
    }
}

#[test]
fn counts_over_a_scan_have_the_mean_and_the_variance_of_the_dose() {
    let window = WINDOWS[0];
    let (scan, shape) = scan(window);
    let probe = ProbeDesign::default().build(window).unwrap();
    let object = Specimen::Cells.make(shape, 3);
    let dose = 400.0;
    let expected =
        expose_noise_free(&Physics::default(), object.view(), probe.view(), &scan, dose).unwrap();
    let means: Vec<f64> =
        expected.counts.outer_iter().map(|pattern| sum(pattern.iter().copied())).collect();
    let (mut deviations, mut squares, seeds) = (0.0, 0.0, 50);
    for seed in 0..seeds {
        let exposure =
            expose(&Physics::default(), object.view(), probe.view(), &scan, dose, seed).unwrap();
        let total = sum(exposure.counts.iter().copied());
        assert!((exposure.mean_counts - total / scan.len() as f64).abs() < 1e-6);
        // A sum of Poisson numbers is one: of mean n D over the scan, and of its own mean in each
        // pattern.
        let all = dose * scan.len() as f64;
        assert!((total - all).abs() < 5.0 * all.sqrt(), "{total} photons, expected {all}");
        for (pattern, mean) in exposure.counts.outer_iter().zip(&means) {
            let deviation = (sum(pattern.iter().copied()) - mean) / mean.sqrt();
            deviations += deviation;
            squares += deviation * deviation;
        }
    }
    let number = seeds as f64 * scan.len() as f64;
    assert!(deviations.abs() < 5.0 * number.sqrt(), "mean {}", deviations / number);
    // The square of a normal deviate has variance 2.
    let excess = squares / number - 1.0;
    assert!(excess.abs() < 5.0 * (2.0 / number).sqrt(), "variance {}", 1.0 + excess);
}
