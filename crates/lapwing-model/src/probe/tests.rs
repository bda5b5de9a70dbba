use super::optic::SOFTNESS;
use super::*;
use crate::Complex32;
use std::f64::consts::TAU;

fn energy(probe: &Modes) -> f64 {
    probe.iter().map(|value| f64::from(value.norm_sqr())).sum()
}

#[test]
fn defaults_are_normalised_centred_contained_and_half_a_window_wide() {
    for kind in ProbeKind::ALL {
        for shape in [(64, 64), (128, 128), (48, 65)] {
            let probe = ProbeDesign::new(kind).build(shape).unwrap();
            assert_eq!(probe.dim(), (1, shape.0, shape.1));
            assert!((energy(&probe) - 1.0).abs() < 1e-5);
            let half = DIAMETER * shape.0.min(shape.1) as f64;
            let size = diameter(probe.view());
            match kind {
                ProbeKind::Focused => assert!(size < half, "{size}"),
                _ => assert!((size / half - 1.0).abs() < 0.01, "{kind} {shape:?}: {size}"),
            }
            let (mut y_mean, mut x_mean, mut outside) = (0.0, 0.0, 0.0);
            for ((_, y, x), value) in probe.indexed_iter() {
                let share = f64::from(value.norm_sqr());
                let (dy, dx) = (y as f64 - (shape.0 / 2) as f64, x as f64 - (shape.1 / 2) as f64);
                y_mean += share * dy;
                x_mean += share * dx;
                if dy.abs() > 0.45 * shape.0 as f64 || dx.abs() > 0.45 * shape.1 as f64 {
                    outside += share;
                }
            }
            assert!(
                y_mean.abs() < 0.05 && x_mean.abs() < 0.05,
                "{kind} {shape:?}: {y_mean}, {x_mean}"
            );
            assert!(outside < 1e-3, "{kind} {shape:?}: {outside} of the light in the outer tenth");
        }
    }
}

#[test]
fn second_moment_of_the_optic_is_that_of_its_gradient_in_the_aperture() {
    // <r^2> = (1 / 4 pi^2) int |grad(A exp(-i chi))|^2 / int A^2, where
    // |grad|^2 = A'^2 + A^2 |grad chi|^2.
    let n = 256.0;
    let design = ProbeDesign {
        aperture: Some(0.12),
        central_stop: 0.3,
        defocus: Some(14.0),
        spherical: 3.0,
        ..ProbeDesign::default()
    };
    let measured = diameter(design.build((256, 256)).unwrap().view());
    let (a, edge) = (0.12, SOFTNESS / n);
    let inside = |q: f64, radius: f64| 0.5 * (1.0 - f64::tanh((q - radius) / edge));
    let amplitude = |q: f64| inside(q, a) * (1.0 - inside(q, 0.3 * a));
    let (mut top, mut bottom) = (0.0, 0.0);
    for step in 0..40_000 {
        let q = (f64::from(step) + 0.5) * 1e-5;
        let slope = (amplitude(q + 1e-6) - amplitude(q - 1e-6)) / 2e-6;
        let chi = 2.0 * 14.0 * q / (a * a) + 4.0 * 3.0 * q.powi(3) / a.powi(4);
        top += q * (slope * slope + (amplitude(q) * chi).powi(2));
        bottom += q * amplitude(q).powi(2);
    }
    let expected = 2.0 * std::f64::consts::SQRT_2 * (top / bottom).sqrt() / TAU;
    assert!((measured / expected - 1.0).abs() < 0.01, "{measured} and {expected}");
}

#[test]
fn the_light_falls_inside_the_aperture_on_the_detector() {
    use crate::{Field, ForwardModel, Position};
    let design = ProbeDesign { aperture: Some(0.2), central_stop: 0.4, ..ProbeDesign::default() };
    let probe = design.build((64, 64)).unwrap();
    let flat = Field::from_elem((64, 64), Complex32::new(1.0, 0.0));
    let model = ForwardModel::new((64, 64));
    let pattern =
        model.intensity(flat.view(), probe.view(), Position { y: 32.0, x: 32.0 }).unwrap();
    let share = |range: std::ops::Range<f64>| -> f64 {
        let radius = |(y, x): (usize, usize)| (y as f64 - 32.0).hypot(x as f64 - 32.0) / 64.0;
        pattern
            .indexed_iter()
            .filter(|(at, _)| range.contains(&radius(*at)))
            .map(|(_, &v)| f64::from(v))
            .sum()
    };
    assert!(share(0.08..0.2) > 0.85 && share(0.0..0.05) < 1e-2 && share(0.24..1.0) < 1e-2);
}

#[test]
fn a_diameter_can_be_asked_for() {
    for target in [20.0, 44.0] {
        let design =
            ProbeDesign { diameter: Some(target), astigmatism: 1.5, ..ProbeDesign::default() };
        assert!((diameter(design.build((64, 64)).unwrap().view()) - target).abs() < 0.01 * target);
    }
}

#[test]
fn nonsense_is_refused_by_name() {
    for window in [(200_000, 200_000), (usize::MAX, 8)] {
        let error = ProbeDesign::default().build(window).unwrap_err();
        assert_eq!(error, ProbeError::WindowTooLarge(window.0, window.1));
    }
    let base = ProbeDesign::default();
    let bad = [
        ("diameter", ProbeDesign { diameter: Some(60.0), ..base }),
        ("diameter", ProbeDesign { diameter: Some(f64::NAN), ..base }),
        ("diameter", ProbeDesign { diameter: Some(3.0), ..base }),
        ("diameter", ProbeDesign { diameter: Some(20.0), defocus: Some(3.0), ..base }),
        ("diameter", ProbeDesign { kind: ProbeKind::Focused, diameter: Some(20.0), ..base }),
        ("aperture", ProbeDesign { aperture: Some(0.6), ..base }),
        ("aperture", ProbeDesign { kind: ProbeKind::Disc, aperture: Some(0.1), ..base }),
        ("central_stop", ProbeDesign { central_stop: 1.0, ..base }),
        ("defocus", ProbeDesign { defocus: Some(f64::INFINITY), ..base }),
    ];
    for (name, design) in bad {
        let error = design.build((64, 64)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("probe {name} = ")), "{error}");
    }
    assert!(base.build((4, 64)).is_err());
    for kind in ProbeKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
}
