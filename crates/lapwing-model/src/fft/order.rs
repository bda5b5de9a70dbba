//! The order of spectra in memory, and that of patterns in files.

/// Signed frequency of index `index` of a transform of length `length`, in cycles per pixel, in
/// [-0.5, 0.5).
pub fn frequency(index: usize, length: usize) -> f64 {
    let signed =
        if index < length.div_ceil(2) { index as f64 } else { index as f64 - length as f64 };
    signed / length as f64
}

/// Brings one array from the order of files (y, x; zero frequency in the centre) into that of
/// spectra (u_x, u_y; at 0, 0).
///
/// # Panics
/// If the slices are not of `height * width` elements.
pub fn to_detector_order<T: Copy>(
    centred: &[T],
    spectrum: &mut [T],
    (height, width): (usize, usize),
) {
    assert!(
        centred.len() == height * width && spectrum.len() == height * width,
        "reordering of unequal arrays"
    );
    for u_x in 0..width {
        let x = (u_x + width / 2) % width;
        for u_y in 0..height {
            let y = (u_y + height / 2) % height;
            spectrum[u_x * height + u_y] = centred[y * width + x];
        }
    }
}

/// The inverse of [`to_detector_order`].
///
/// # Panics
/// If the slices are not of `height * width` elements.
pub fn from_detector_order<T: Copy>(
    spectrum: &[T],
    centred: &mut [T],
    (height, width): (usize, usize),
) {
    assert!(
        centred.len() == height * width && spectrum.len() == height * width,
        "reordering of unequal arrays"
    );
    for u_x in 0..width {
        let x = (u_x + width / 2) % width;
        for u_y in 0..height {
            let y = (u_y + height / 2) % height;
            centred[y * width + x] = spectrum[u_x * height + u_y];
        }
    }
}
