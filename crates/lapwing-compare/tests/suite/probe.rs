//! Probes: known gauges, mixtures of modes, known errors, and inputs at the edge.

use crate::common::{Gauge, assert_near, noise};
use lapwing_compare::{CompareError, compare_probes};
use lapwing_model::{Complex32, Modes};
use ndarray::{Array3, Axis, s};
use proptest::prelude::*;

const SIDE: usize = 64;

/// A defocused spot and, as further modes, weaker ones of other shapes.
fn probe(modes: usize) -> Modes {
    Array3::from_shape_fn((modes, SIDE, SIDE), |(mode, y, x)| {
        let (v, u) = ((y as f32 - 30.5) / 7.0, (x as f32 - 33.0) / 7.0);
        let shape = [1.0, 0.6 * u, 0.4 * v, 0.2 * (u * u - v)][mode % 4];
        Complex32::from_polar(30.0 * (-0.5 * (v * v + u * u)).exp(), 0.6 * (v * v + 0.8 * u * u))
            * shape
    })
}

fn moved(probe: &Modes, gauge: Gauge) -> Modes {
    let mut result = probe.clone();
    for (mut to, from) in result.outer_iter_mut().zip(probe.outer_iter()) {
        to.assign(&gauge.applied(&from.to_owned()));
    }
    result
}

fn with_noise(probe: &Modes, level: f64) -> Modes {
    let mut index = 0;
    probe.mapv(|value| {
        index += 2;
        let part = |i: u64| (level * noise(5, index + i) * 12_f64.sqrt()) as f32;
        value + Complex32::new(part(0), part(1))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn errors_do_not_depend_on_the_gauge_nor_on_the_mixture(
        modes in 1_usize..4,
        shift in prop::array::uniform2(-3.0_f64..3.0),
        ramp in prop::array::uniform2(-0.05_f64..0.05),
        log_scale in -3.0_f64..3.0,
        phase in -3.0_f64..3.0,
        mixing in -0.4_f32..0.4,
    ) {
        let truth = probe(modes);
        let made = with_noise(&truth, 0.3);
        let plain = compare_probes(made.view(), truth.view()).unwrap();
        let gauge = Gauge { shift, ramp, scale: 10_f64.powf(log_scale), phase };
        let mut gauged = moved(&made, gauge);
        if modes > 1 {
            // A unitary mixture of the first two modes.
            let (a, b) = (gauged.index_axis(Axis(0), 0).to_owned(), gauged.index_axis(Axis(0), 1).to_owned());
            let turn = Complex32::from_polar(1.0, 0.7);
            let (c, s) = (mixing.cos(), mixing.sin());
            gauged.index_axis_mut(Axis(0), 0).assign(&(&a * c + &b * (turn * s)));
            gauged.index_axis_mut(Axis(0), 1).assign(&(&b * c - &a * (turn.conj() * s)));
        }
        let found = compare_probes(gauged.view(), truth.view()).unwrap();
        prop_assert!((found.nrmse - plain.nrmse).abs() < 0.03 * plain.nrmse + 2e-3, "{} became {}", plain.nrmse, found.nrmse);
        prop_assert!((found.correlation - plain.correlation).abs() < 1e-3);
        if modes == 1 {
            prop_assert!((0..2).all(|axis| (found.alignment.shift[axis] - shift[axis]).abs() < 0.02));
            prop_assert!((found.alignment.scale / gauge.scale - 1.0).abs() < 0.01);
        }
    }
}

#[test]
fn a_probe_against_itself_is_perfect_and_errors_have_their_size() {
    for modes in [1, 3] {
        let truth = probe(modes);
        let same = compare_probes(truth.view(), truth.view()).unwrap();
        assert!(same.nrmse < 1e-4 && same.correlation > 1.0 - 1e-8, "{same:?}");
        // Noise of energy E beside a signal of energy T: nrmse^2 = E / (T + E), less what the
        // mixture can take up.
        let level = 0.5;
        let found = compare_probes(with_noise(&truth, level).view(), truth.view()).unwrap();
        let signal: f64 = truth.iter().map(|v| f64::from(v.norm_sqr())).sum();
        let error = 2.0 * level * level * truth.len() as f64;
        assert_near(found.nrmse, (error / (signal + error)).sqrt(), 0.03 * found.nrmse, "nrmse");
        assert_near(found.nrmse.powi(2) + found.correlation.powi(2), 1.0, 1e-12, "Pythagoras");
    }
}

#[test]
fn a_missing_mode_is_an_error_of_its_own_energy() {
    let truth = probe(2);
    let found = compare_probes(truth.slice(s![..1, .., ..]), truth.view()).unwrap();
    let energy = |mode: usize| -> f64 {
        truth.index_axis(Axis(0), mode).iter().map(|v| f64::from(v.norm_sqr())).sum()
    };
    assert_near(found.nrmse, (energy(1) / (energy(0) + energy(1))).sqrt(), 1e-3, "nrmse");
    // Seen from the other side it is one too many.
    let other = compare_probes(truth.view(), truth.slice(s![..1, .., ..])).unwrap();
    assert_near(other.nrmse, found.nrmse, 1e-3, "nrmse");
}

#[test]
fn refuses_bad_probes_by_name() {
    let truth = probe(1);
    let narrow = Modes::zeros((1, SIDE, SIDE - 2));
    assert!(matches!(
        compare_probes(narrow.view(), truth.view()),
        Err(CompareError::ShapeMismatch { .. })
    ));
    let dark = Modes::zeros((2, SIDE, SIDE));
    assert_eq!(
        compare_probes(dark.view(), truth.view()).err(),
        Some(CompareError::Zero { which: "reconstructed probe" })
    );
    let none = Modes::zeros((0, SIDE, SIDE));
    assert_eq!(
        compare_probes(truth.view(), none.view()).err(),
        Some(CompareError::Zero { which: "true probe" })
    );
    let mut broken = probe(2);
    broken[[1, 3, 4]].re = f32::NAN;
    assert!(matches!(
        compare_probes(broken.view(), truth.view()),
        Err(CompareError::NotFinite { which: "reconstructed probe", row: 3, column: 4 })
    ));
    let small = Modes::ones((1, 8, 8));
    assert!(matches!(
        compare_probes(small.view(), small.view()),
        Err(CompareError::RegionTooSmall { .. })
    ));
}
