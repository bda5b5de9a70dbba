//! Pictures made to fit a size: enlarged by whole factors, reduced by means of areas.

use crate::picture::Picture;
use ndarray::Array2;

/// The picture fitted into a square of `side` pixels.
pub(crate) fn fit(picture: &Picture, side: usize) -> Picture {
    let (height, width) = picture.pixels.dim();
    let longest = height.max(width);
    if longest == 0 || longest == side {
        return picture.clone();
    }
    if longest < side {
        let factor = side / longest;
        let pixels = Array2::from_shape_fn((height * factor, width * factor), |(y, x)| {
            picture.pixels[(y / factor, x / factor)]
        });
        return Picture { pixels, scale: picture.scale, zoom: picture.zoom * factor as f64 };
    }
    // Each new pixel is the mean over the old pixels that it covers, wholly or in part by its
    // share.
    let ratio = longest as f64 / side as f64;
    let shape = (
        (height as f64 / ratio).round().max(1.0) as usize,
        (width as f64 / ratio).round().max(1.0) as usize,
    );
    let across = shares(width, shape.1);
    let down = shares(height, shape.0);
    let pixels = Array2::from_shape_fn(shape, |(row, column)| {
        let mut sum = [0.0; 3];
        let mut total = 0.0;
        for &(y, weight_y) in &down[row] {
            for &(x, weight_x) in &across[column] {
                total += weight_y * weight_x;
                for (sum, code) in sum.iter_mut().zip(picture.pixels[(y, x)]) {
                    *sum += weight_y * weight_x * f64::from(code);
                }
            }
        }
        sum.map(|sum| (sum / total).round() as u8)
    });
    Picture { pixels, scale: picture.scale, zoom: picture.zoom / ratio }
}

/// For each of `new` cells the old cells that it covers and by how much.
fn shares(old: usize, new: usize) -> Vec<Vec<(usize, f64)>> {
    let ratio = old as f64 / new as f64;
    let cell = |i: usize| {
        let (start, end) = (i as f64 * ratio, ((i + 1) as f64 * ratio).min(old as f64));
        let covered = start as usize..(end.ceil() as usize).min(old);
        covered.map(|j| (j, (end.min(j as f64 + 1.0) - start.max(j as f64)).max(1e-12))).collect()
    };
    (0..new).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_fitted_without_loss_of_mean() {
        let large = Picture::of_pixels(Array2::from_shape_fn((500, 1000), |(_, x)| {
            if x % 2 == 0 { [0; 3] } else { [200; 3] }
        }));
        let fitted = fit(&large, 280);
        assert_eq!((fitted.height(), fitted.width()), (140, 280));
        let mean = fitted.pixels.iter().map(|c| f64::from(c[0])).sum::<f64>() / (140.0 * 280.0);
        assert!((mean - 100.0).abs() < 1.0, "{mean}");
        assert!((fitted.zoom - 0.28).abs() < 1e-12);
    }
}
