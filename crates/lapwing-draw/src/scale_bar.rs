//! Scale bars: round lengths beside pictures of fields.

use crate::number;
use crate::picture::Picture;

/// A bar of a round length (1, 2 or 5 times a power of ten), at most a quarter of the picture's
/// width.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleBar {
    /// Its length as a share of the picture's width.
    pub share: f64,
    /// Its length in words: `500 nm`.
    pub label: String,
}

impl ScaleBar {
    /// The bar of a picture of a field with pixels of this side, metres; `None` when that is no
    /// positive number.
    pub fn of(pixel_size: f64, picture: &Picture) -> Option<Self> {
        let (metres, share) = round_length(pixel_size, picture)?;
        let units = [
            (1e-9, 1e-12, "pm"),
            (1e-6, 1e-9, "nm"),
            (1e-3, 1e-6, "\u{b5}m"),
            (f64::MAX, 1e-3, "mm"),
        ];
        let (_, unit, name) = units.into_iter().find(|(limit, ..)| metres < limit * 0.999)?;
        Some(Self { share, label: format!("{} {name}", number::label(metres / unit, 3)) })
    }

    /// The bar of a picture of a field with pixels of this many other pixels, of which its length
    /// is given.
    pub fn in_pixels(pixels: f64, picture: &Picture) -> Option<Self> {
        let (length, share) = round_length(pixels, picture)?;
        Some(Self { share, label: format!("{} px", number::label(length, 3)) })
    }
}

/// The length of the bar in the unit of a field's pixel, and its share of the picture's width.
fn round_length(pixel: f64, picture: &Picture) -> Option<(f64, f64)> {
    let width = pixel / picture.zoom * picture.width() as f64;
    let wanted = width / 4.0;
    if !(wanted.is_finite() && wanted > 0.0) {
        return None;
    }
    let power = 10f64.powf(wanted.log10().floor());
    let length =
        [5.0, 2.0, 1.0].into_iter().map(|nice| nice * power).find(|&nice| nice <= wanted)?;
    Some((length, length / width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn scale_bars_are_round_lengths() {
        let mut picture = Picture::of_pixels(Array2::from_elem((280, 280), [0; 3]));
        let bar = ScaleBar::of(10e-9, &picture).unwrap();
        assert_eq!(((bar.share * 280.0).round(), bar.label.as_str()), (50.0, "500 nm"));
        assert_eq!(ScaleBar::of(2e-11, &picture).unwrap().label, "1 nm");
        assert_eq!(ScaleBar::of(1e-7, &picture).unwrap().label, "5 \u{b5}m");
        assert_eq!(ScaleBar::in_pixels(1.0, &picture).unwrap().label, "50 px");
        assert!(
            ScaleBar::of(f64::NAN, &picture).is_none() && ScaleBar::of(0.0, &picture).is_none()
        );
        // Twice enlarged, the picture shows half as much and the bar stays round.
        picture.zoom = 2.0;
        let bar = ScaleBar::of(10e-9, &picture).unwrap();
        assert_eq!(((bar.share * 280.0).round(), bar.label.as_str()), (40.0, "200 nm"));
    }
}
