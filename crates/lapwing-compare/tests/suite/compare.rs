//! Whole comparisons: against NumPy, SciPy and scikit-image, known gauges, and inputs at the edge.

use crate::common::{Gauge, assert_near, specimen};
use lapwing_compare::{CompareError, Region, compare};
use lapwing_model::{Complex32, Field};
use ndarray::Array2;

/// The stored truth and reconstruction, and what `tests/fixtures/make.py` found on them.
fn fixture() -> (Field, Field, serde_json::Value) {
    let bytes = include_bytes!("../fixtures/fields.c64");
    let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let values: Vec<Complex32> =
        bytes.chunks_exact(8).map(|b| Complex32::new(number(&b[..4]), number(&b[4..]))).collect();
    let (truth, reconstruction) = values.split_at(112 * 120);
    let field = |values: &[Complex32]| Field::from_shape_vec((112, 120), values.to_vec()).unwrap();
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/expected.json")).unwrap();
    (field(truth), field(reconstruction), expected["fields"].clone())
}

#[test]
fn agrees_with_an_independent_fit_and_scikit_image() {
    let (truth, reconstruction, expected) = fixture();
    let region = Region::rectangle(24..88, 24..96).unwrap();
    let found = compare(reconstruction.view(), truth.view(), &region).unwrap();
    assert!(found.alignment.converged);
    let number = |name: &str| expected[name].as_f64().unwrap();
    for axis in 0..2 {
        assert_near(
            found.alignment.shift[axis],
            expected["shift"][axis].as_f64().unwrap(),
            1e-4,
            "shift",
        );
        assert_near(
            found.alignment.ramp[axis],
            expected["ramp"][axis].as_f64().unwrap(),
            1e-5,
            "ramp",
        );
    }
    let metrics = serde_json::to_value(found.metrics).unwrap();
    for (name, tolerance) in [
        ("complex_nrmse", 1e-5),
        ("complex_correlation", 1e-6),
        ("amplitude_mae", 1e-5),
        ("amplitude_psnr", 1e-3),
        ("amplitude_ssim", 1e-4),
        ("phase_mae", 1e-5),
        ("phase_mse", 1e-6),
        // No mean takes out how the pixels of two interpolations differ.
        ("phase_median_error", 1e-4),
        ("phase_psnr", 1e-3),
        ("phase_ssim", 1e-5),
    ] {
        assert_near(metrics[name].as_f64().unwrap(), number(name), tolerance, name);
    }
    // Small windows cannot hold five scales of 11 x 11 windows.
    assert!(metrics["amplitude_ms_ssim"].is_null() && metrics["phase_ms_ssim_decimated"].is_null());
}

#[test]
fn removes_a_known_gauge() {
    let truth = specimen((160, 150), 5);
    let region = Region::rectangle(30..130, 26..120).unwrap();
    for gauge in [
        Gauge { shift: [0.0, 0.0], ramp: [0.0, 0.0], scale: 1.0, phase: 0.0 },
        Gauge { shift: [5.3, -4.8], ramp: [0.03, -0.025], scale: 1e4, phase: 3.0 },
        Gauge { shift: [-5.46, 4.5], ramp: [-0.06, 0.06], scale: 1e-3, phase: -2.0 },
        Gauge { shift: [0.5, 12.5], ramp: [0.2, 0.2], scale: 0.5, phase: 1.0 },
    ] {
        let found = compare(gauge.applied(&truth).view(), truth.view(), &region).unwrap();
        let alignment = found.alignment;
        assert!(alignment.converged, "{gauge:?}: {alignment:?}");
        for axis in 0..2 {
            assert_near(alignment.shift[axis], gauge.shift[axis], 1e-3, "shift");
            assert_near(alignment.ramp[axis], gauge.ramp[axis], 1e-5, "ramp");
        }
        assert_near(alignment.scale / gauge.scale, 1.0, 1e-3, "scale");
        assert!(found.metrics.complex_nrmse < 2e-3, "{gauge:?}: {:?}", found.metrics);
        assert!(found.metrics.complex_correlation > 0.99999);
        assert!(found.metrics.phase_ssim.unwrap() > 0.9999);
        assert_eq!(found.metrics.complex_frc_0_5, None);
    }
}

#[test]
fn alignment_says_what_its_model_says() {
    // reconstruction(r + shift) = scale exp(i (phase + ramp . (r - r0))) truth(r), checked where
    // the shift is whole.
    let truth = specimen((120, 120), 9);
    let gauge = Gauge { shift: [3.0, -2.0], ramp: [0.02, 0.01], scale: 2.5, phase: 0.4 };
    let reconstruction = gauge.applied(&truth);
    let region = Region::rectangle(20..90, 30..100).unwrap();
    let found = compare(reconstruction.view(), truth.view(), &region).unwrap().alignment;
    let (row, column) = (40, 77);
    let r = [row as f64 - (20.0 + 69.0 / 2.0), column as f64 - (30.0 + 69.0 / 2.0)];
    let phase = found.phase + found.ramp[0] * r[0] + found.ramp[1] * r[1];
    let predicted = truth[[row, column]] * Complex32::from_polar(found.scale as f32, phase as f32);
    assert!((predicted - reconstruction[[row + 3, column - 2]]).norm() < 1e-3);
}

#[test]
fn an_object_against_itself_is_perfect() {
    let truth = specimen((220, 230), 1);
    let region = Region::rectangle(10..200, 10..215).unwrap();
    let metrics = compare(truth.view(), truth.view(), &region).unwrap().metrics;
    assert!(
        metrics.complex_nrmse < 1e-5 && metrics.phase_mae < 1e-5 && metrics.amplitude_mae < 1e-5
    );
    for (name, value) in metrics.named().into_iter().filter(|(name, _)| !name.ends_with("_flat")) {
        if name.contains("ssim") || name.contains("correlation") {
            assert_near(value.unwrap(), 1.0, 1e-6, name);
        }
    }
    // An image of the mean has what the truth's own numbers say of it.
    let mean = truth.slice(ndarray::s![10..200, 10..215]).mean().unwrap();
    let flat = ndarray::Array2::from_elem(truth.dim(), mean);
    let found = compare(flat.view(), truth.view(), &region).unwrap().metrics;
    let expected = metrics.complex_correlation_flat.unwrap();
    assert_near(found.complex_correlation, expected, 1e-3, "correlation of a flat image");
    assert_near(
        found.complex_nrmse,
        (1.0 - expected.powi(2)).sqrt(),
        1e-3,
        "error of a flat image",
    );
    let amplitude = metrics.amplitude_ssim_flat.unwrap();
    assert_near(found.amplitude_ssim.unwrap(), amplitude, 0.02, "SSIM of a flat image");
}

#[test]
fn phases_that_wrap_at_different_pixels_are_no_error() {
    // A hill of 4 rad wraps at pi; in the reconstruction it is 5 % higher and wraps one or two
    // pixels further out.
    let hill = |height: f64| {
        Field::from_shape_fn((100, 100), |(y, x)| {
            let d = (y as f64 - 50.0).hypot(x as f64 - 50.0) / 18.0;
            Complex32::from_polar(1.0, (height * (-d * d).exp()) as f32)
        })
    };
    let (truth, higher) = (hill(4.0), hill(4.2));
    let found =
        compare(higher.view(), truth.view(), &Region::rectangle(10..90, 10..90).unwrap()).unwrap();
    let largest = found.phase_error.iter().fold(0.0_f32, |most, e| most.max(e.abs()));
    assert!(largest < 0.25, "{largest}");
    let mean = found.phase_error.iter().map(|e| f64::from(e.abs())).sum::<f64>()
        / found.phase_error.len() as f64;
    assert_near(found.metrics.phase_mae, mean, 1e-6, "phase_mae");
    assert!(mean > 0.01, "the hills do differ: {mean}");
}

#[test]
fn constant_reconstructions_give_finite_numbers() {
    let truth = specimen((96, 96), 3);
    let region = Region::rectangle(16..80, 16..80).unwrap();
    for value in [Complex32::new(1.0, 0.0), Complex32::new(-3e4, 1e-3), Complex32::new(0.0, 1e-12)]
    {
        let flat = Field::from_elem((96, 96), value);
        for (a, b) in [(&flat, &truth), (&truth, &flat), (&flat, &flat)] {
            let found = compare(a.view(), b.view(), &region).unwrap();
            for (name, value) in found.metrics.named() {
                assert!(value.is_none_or(f64::is_finite), "{name}: {value:?}");
            }
            let alignment = found.alignment;
            let numbers = [
                alignment.shift[0],
                alignment.shift[1],
                alignment.ramp[0],
                alignment.scale,
                alignment.phase,
            ];
            assert!(numbers.iter().all(|n| n.is_finite()), "{alignment:?}");
            assert!(found.aligned.iter().all(|v| v.re.is_finite() && v.im.is_finite()));
        }
    }
    let flat = Field::from_elem((96, 96), Complex32::new(1.0, 0.0));
    let found = compare(flat.view(), truth.view(), &region).unwrap().metrics;
    assert!(found.phase_ssim.unwrap() < 0.95 && found.complex_frc_0_5.is_some(), "{found:?}");
    let pure_phase = compare(truth.view(), flat.view(), &region).unwrap().metrics;
    assert_eq!((pure_phase.amplitude_ssim, pure_phase.amplitude_psnr), (None, None));
}

#[test]
fn pixels_outside_the_mask_do_not_matter() {
    let truth = specimen((120, 120), 4);
    let mut reconstruction =
        Gauge { shift: [0.0, 0.0], ramp: [0.01, 0.0], scale: 2.0, phase: 1.0 }.applied(&truth);
    let mut mask = Array2::from_elem((80, 80), true);
    for y in 0..20 {
        for x in 0..20 {
            mask[[y, x]] = false;
            reconstruction[[y + 20, x + 20]] = Complex32::new(f32::NAN, 1e30);
        }
    }
    reconstruction[[0, 0]] = Complex32::new(1e30, f32::INFINITY);
    let region = Region::new(20..100, 20..100, mask).unwrap();
    let found = compare(reconstruction.view(), truth.view(), &region).unwrap();
    assert!(found.metrics.complex_nrmse < 1e-3, "{:?}", found.metrics);
    assert!(found.metrics.phase_ssim.unwrap() > 0.9999);
}

#[test]
fn refuses_bad_input_by_name() {
    let truth = specimen((64, 64), 4);
    let region = Region::rectangle(8..56, 8..56).unwrap();
    let other = specimen((64, 66), 4);
    assert!(matches!(
        compare(other.view(), truth.view(), &region),
        Err(CompareError::ShapeMismatch { .. })
    ));
    let outside = Region::rectangle(8..56, 20..65).unwrap();
    assert!(matches!(
        compare(truth.view(), truth.view(), &outside),
        Err(CompareError::RegionOutside { .. })
    ));
    let mut broken = truth.clone();
    broken[[30, 31]].im = f32::NAN;
    let expected = |which| Some(CompareError::NotFinite { which, row: 30, column: 31 });
    assert_eq!(compare(broken.view(), truth.view(), &region).err(), expected("reconstruction"));
    assert_eq!(compare(truth.view(), broken.view(), &region).err(), expected("truth"));
    let dark = Field::zeros((64, 64));
    assert_eq!(
        compare(dark.view(), truth.view(), &region).err(),
        Some(CompareError::Zero { which: "reconstruction" })
    );
    assert_eq!(
        compare(truth.view(), dark.view(), &region).err(),
        Some(CompareError::Zero { which: "truth" })
    );
}

#[test]
fn metrics_survive_json_under_their_names() {
    let truth = specimen((64, 64), 4);
    let region = Region::rectangle(8..56, 8..56).unwrap();
    let metrics = compare(truth.view(), truth.view(), &region).unwrap().metrics;
    let json = serde_json::to_value(metrics).unwrap();
    let names: Vec<&str> = metrics.named().iter().map(|(name, _)| *name).collect();
    assert_eq!(json.as_object().unwrap().len(), names.len());
    for name in names {
        assert!(json.get(name).is_some(), "{name}");
    }
    assert_eq!(serde_json::from_value::<lapwing_compare::Metrics>(json).unwrap(), metrics);
}
