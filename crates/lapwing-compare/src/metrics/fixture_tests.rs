//! The image metrics against scikit-image and SciPy, on stored images (`tests/fixtures/make.py`).

use super::ms_ssim::{ms_ssim, ms_ssim_decimated, smoothed};
use super::pointwise::{Levels, mean_errors, psnr};
use super::ssim::{Kernel, similarity};
use crate::registration::{Whitening, register};
use ndarray::Array2;
use num_complex::Complex64;
use serde_json::Value;

const SHAPE: (usize, usize) = (184, 192);

fn expected() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/expected.json")).unwrap()
}

/// Image `index` of a file of bytes.
fn image(bytes: &[u8], index: usize) -> Array2<f64> {
    let size = SHAPE.0 * SHAPE.1;
    let values =
        bytes[index * size..(index + 1) * size].iter().map(|&b| f64::from(b) / 255.0).collect();
    Array2::from_shape_vec(SHAPE, values).unwrap()
}

#[test]
fn image_metrics_are_those_of_scikit_image() {
    let bytes = include_bytes!("../../tests/fixtures/images.u8");
    let (a, b, mask) = (image(bytes, 0), image(bytes, 1), Array2::from_elem(SHAPE, 1.0));
    let expected = &expected()["images"];
    let check = |name: &str, found: f64| {
        let wanted = expected[name].as_f64().unwrap();
        assert!((found - wanted).abs() < 1e-9, "{name}: found {found}, expected {wanted}");
    };
    let range = Levels::of(&b, &mask).range(1.0).unwrap();
    check("range", range);
    let errors = mean_errors(&a, &b, &mask);
    check("mae", errors.absolute);
    check("mse", errors.square);
    check("psnr", psnr(errors.square, Some(range)).unwrap());
    check("ssim", similarity(&a, &b, &mask, range, &Kernel::uniform()).unwrap().whole);
    check("ms_ssim", ms_ssim(&a, &b, &mask, range).unwrap());
    check("ms_ssim_decimated", ms_ssim_decimated(&a, &b, &mask, range).unwrap());
    let (smooth_a, smooth_b) = (smoothed(&a, &mask), smoothed(&b, &mask));
    check(
        "ms_ssim_decimated_smoothed",
        ms_ssim_decimated(&smooth_a, &smooth_b, &mask, range).unwrap(),
    );
    for (y, row) in expected["smoothed_corner"].as_array().unwrap().iter().enumerate() {
        for (x, value) in row.as_array().unwrap().iter().enumerate() {
            assert!((smooth_a[[y, x]] - value.as_f64().unwrap()).abs() < 1e-12);
        }
    }
}

#[test]
fn registration_is_that_of_scikit_image() {
    let reference =
        image(include_bytes!("../../tests/fixtures/images.u8"), 0).mapv(Complex64::from);
    let moving = image(include_bytes!("../../tests/fixtures/moved.u8"), 0).mapv(Complex64::from);
    for (name, whitening) in [("phase", Whitening::Phase), ("none", Whitening::None)] {
        let found = register(reference.view(), moving.view(), 50, whitening);
        let expected = &expected()["registration"][name];
        for axis in 0..2 {
            // scikit-image gives the shift that brings the moving image back.
            let wanted = -expected[axis].as_f64().unwrap();
            assert!(
                (found[axis] - wanted).abs() < 1e-9,
                "{name}: found {found:?}, expected {expected}"
            );
        }
    }
}
