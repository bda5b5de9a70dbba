//! Metrics do not depend on the shift, ramp, phase and scale of the reconstruction, nor on the
//! number of threads.

use crate::common::{Gauge, assert_near, specimen, texture};
use lapwing_compare::{Comparison, Criterion, FrcCurve, Region, compare};
use lapwing_model::{Complex32, Field};
use proptest::prelude::*;

/// Ring correlations that differ by less are the same.
const SAME_CORRELATION: f64 = 5e-3;
/// Up to this frequency, cycles per pixel. Towards the limit of the pixels, 1/2, moduli of
/// interpolated fields alias, and a shift by +1/2 cannot be distinguished from one by -1/2.
const HIGHEST: f64 = 0.4;

/// A reconstruction with smooth errors of the size that real ones have.
fn reconstruction(truth: &Field, seed: u64, error: f32) -> Field {
    let errors = texture(truth.dim(), seed, 1.2);
    ndarray::Zip::from(truth)
        .and(&errors)
        .map_collect(|t, e| t + Complex32::new(e.re as f32, e.im as f32) * error)
}

fn region() -> Region {
    let mut mask = ndarray::Array2::from_elem((110, 100), true);
    mask[[50, 50]] = false;
    for y in 0..15 {
        for x in 0..15 - y {
            mask[[y, x]] = false;
        }
    }
    Region::new(24..134, 26..126, mask).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn metrics_do_not_depend_on_the_gauge(
        seed in 0_u64..1000,
        shift in prop::array::uniform2(-5.0_f64..5.0),
        ramp in prop::array::uniform2(-0.05_f64..0.05),
        log_scale in -4.0_f64..4.0,
        phase in -3.2_f64..3.2,
        error in prop::sample::select(vec![0.01_f32, 0.05, 0.2]),
    ) {
        let truth = specimen((160, 150), seed);
        let plain = reconstruction(&truth, seed + 7, error);
        let gauge = Gauge { shift, ramp, scale: 10_f64.powf(log_scale), phase };
        let region = region();
        let before = compare(plain.view(), truth.view(), &region).unwrap();
        let after = compare(gauge.applied(&plain).view(), truth.view(), &region).unwrap();
        prop_assert!(before.alignment.converged && after.alignment.converged);
        for ((name, a), (_, b)) in before.metrics.named().into_iter().zip(after.metrics.named()) {
            if name.contains("_frc_") {
                // A crossing jumps, or comes and goes, where the curve touches the threshold: see
                // the curves below.
                continue;
            }
            prop_assert_eq!(a.is_some(), b.is_some(), "{}", name);
            let (a, b) = (a.unwrap_or(0.0), b.unwrap_or(0.0));
            prop_assert!((a - b).abs() <= 5e-4 * a.abs().max(1.0), "{}: {} became {}", name, a, b);
        }
        for (name, a, b) in [
            ("complex", &before.frc.complex, &after.frc.complex),
            ("amplitude", &before.frc.amplitude, &after.frc.amplitude),
            ("phase", &before.frc.phase, &after.frc.phase),
        ] {
            prop_assert_eq!(&a.frequency, &b.frequency);
            for ((&frequency, a), b) in a.frequency.iter().zip(&a.correlation).zip(&b.correlation) {
                let same = frequency > HIGHEST || (a - b).abs() <= SAME_CORRELATION;
                prop_assert!(same, "{} at {}: {} became {}", name, frequency, a, b);
            }
            for criterion in Criterion::ALL {
                // Where curves a little above and below cross: the crossing must lie between.
                let at = |curve: &FrcCurve, up: f64| {
                    let correlation = curve.correlation.iter().map(|c| c + up).collect();
                    let moved = FrcCurve { correlation, ..curve.clone() };
                    moved.resolved(criterion).unwrap_or(0.5).min(HIGHEST)
                };
                let (early, late) = (at(a, -SAME_CORRELATION), at(a, SAME_CORRELATION));
                let found = at(b, 0.0);
                let same = early <= found && found <= late;
                prop_assert!(same, "{} by {:?}: {} became {}", name, criterion, at(a, 0.0), found);
            }
        }
        for (axis, wanted) in shift.iter().enumerate() {
            let moved = after.alignment.shift[axis] - before.alignment.shift[axis];
            prop_assert!((moved - wanted).abs() < 2e-3, "shift {} for {}", moved, wanted);
        }
    }
}

#[test]
fn a_worse_reconstruction_measures_worse() {
    let truth = specimen((160, 150), 11);
    let errors = [0.01, 0.05, 0.2, 0.6];
    let found = errors.map(|e| {
        compare(reconstruction(&truth, 3, e).view(), truth.view(), &region()).unwrap().metrics
    });
    for pair in found.windows(2) {
        let (good, bad) = (&pair[0], &pair[1]);
        assert!(
            good.complex_nrmse < bad.complex_nrmse
                && good.complex_correlation > bad.complex_correlation
        );
        assert!(good.amplitude_mae < bad.amplitude_mae && good.phase_mse < bad.phase_mse);
        assert!(good.phase_ssim > bad.phase_ssim && good.amplitude_ssim > bad.amplitude_ssim);
        assert!(good.phase_psnr > bad.phase_psnr && good.amplitude_psnr > bad.amplitude_psnr);
    }
}

#[test]
fn correlation_and_error_of_independent_noise_have_their_closed_form() {
    // t + e with <t, e> = 0: after the best scale, nrmse^2 = E / (T + E) and correlation^2 = T / (T
    // + E).
    let truth = specimen((160, 150), 11);
    let noisy = reconstruction(&truth, 3, 0.2);
    let region = Region::rectangle(20..140, 20..130).unwrap();
    let metrics = compare(noisy.view(), truth.view(), &region).unwrap().metrics;
    let energy: f64 =
        truth.iter().map(|t| f64::from(t.norm_sqr())).sum::<f64>() / truth.len() as f64;
    let error = 2.0 * 0.2_f64.powi(2);
    assert_near(metrics.complex_nrmse, (error / (energy + error)).sqrt(), 0.02, "nrmse");
    assert_near(
        metrics.complex_correlation.powi(2) + metrics.complex_nrmse.powi(2),
        1.0,
        1e-9,
        "Pythagoras",
    );
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let truth = specimen((160, 150), 2);
    let noisy = Gauge { shift: [1.3, -0.7], ramp: [0.01, 0.02], scale: 3.0, phase: 1.0 }
        .applied(&reconstruction(&truth, 3, 0.1));
    let on = |threads: usize| -> Comparison {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compare(noisy.view(), truth.view(), &region()).unwrap())
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(
        (one.metrics, one.alignment, &one.frc),
        (three.metrics, three.alignment, &three.frc)
    );
    assert_eq!(one.aligned, three.aligned);
}
