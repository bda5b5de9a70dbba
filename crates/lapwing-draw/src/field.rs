//! Pictures of real and complex fields.
//!
//! [`Painter`] holds the choices (colour map, range, mask, size); the functions of this module are
//! its usual uses.

use crate::colormap::{Colormap, Rgb, oklab_to_srgb};
use crate::picture::{ColourScale, NEUTRAL, Picture};
use crate::range::robust_range;
use ndarray::{Array2, ArrayView2, s};
use num_complex::Complex32;
use std::f32::consts::PI;

/// How a field becomes a picture: [`Painter::default`] and the methods that change one choice each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Painter<'a> {
    map: Option<Colormap>,
    range: Option<(f32, f32)>,
    mask: Option<ArrayView2<'a, bool>>,
    max_side: Option<usize>,
    enlarge: Option<usize>,
}

impl<'a> Painter<'a> {
    /// Uses `map` in place of the usual one (viridis for amplitudes, magma for unwrapped phases,
    /// cyclic for wrapped ones).
    pub fn map(self, map: Colormap) -> Self {
        Self { map: Some(map), ..self }
    }

    /// Values of the first and last colour; values outside get these colours. `None`: found from
    /// the values seen.
    pub fn range(self, range: impl Into<Option<(f32, f32)>>) -> Self {
        Self { range: range.into(), ..self }
    }

    /// Draws pixels where `mask` is false in [`NEUTRAL`] grey. A mask of another shape than the
    /// field is ignored.
    pub fn mask(self, mask: impl Into<Option<ArrayView2<'a, bool>>>) -> Self {
        Self { mask: mask.into(), ..self }
    }

    /// Reduces fields with a longer side than `pixels` by a whole factor: each pixel the mean of
    /// its block.
    ///
    /// The mean of a complex field is the complex mean, so phases do not suffer at their wraps. A
    /// block is seen when any of its pixels is, and is the mean of those.
    pub fn max_side(self, pixels: usize) -> Self {
        Self { max_side: Some(pixels.max(1)), ..self }
    }

    /// Enlarges small fields by the greatest whole factor that keeps the longer side within
    /// `pixels`.
    pub fn enlarge_to(self, pixels: usize) -> Self {
        Self { enlarge: Some(pixels), ..self }
    }

    /// A real field, axes (y, x).
    pub fn scalar(&self, values: ArrayView2<f32>) -> Picture {
        let (values, shrink) = self.reduced(values, |sum, count| sum / count);
        self.coloured(&values, shrink, self.map.unwrap_or(Colormap::Viridis))
    }

    /// The modulus of a complex field.
    pub fn amplitude(&self, field: ArrayView2<Complex32>) -> Picture {
        let (field, shrink) = self.reduced(field, |sum, count| sum / count);
        self.coloured(
            &field.mapv(|value| value.norm()),
            shrink,
            self.map.unwrap_or(Colormap::Viridis),
        )
    }

    /// The phase of a complex field, radians: in a sequential map when a range is given, else in
    /// the cyclic one over
    /// [-pi, pi).
    pub fn phase(&self, field: ArrayView2<Complex32>) -> Picture {
        let (field, shrink) = self.reduced(field, |sum, count| sum / count);
        let phase = field.mapv(|value| value.arg());
        match self.range {
            Some(_) => self.coloured(&phase, shrink, self.map.unwrap_or(Colormap::Magma)),
            None => {
                let map = self.map.unwrap_or(Colormap::Cyclic);
                Self { range: Some((-PI, PI)), ..*self }.coloured(&phase, shrink, map)
            }
        }
    }

    /// A complex field in one picture, as probes are shown: brightness is the amplitude, hue the
    /// phase.
    ///
    /// The amplitude range's upper end (the 99.5 percentile when none is given) is full brightness.
    /// The hue circle has constant chroma in Oklab: phase 0 is red, pi/2 yellow-green, pi
    /// cyan-green, -pi/2 blue-violet.
    pub fn complex(&self, field: ArrayView2<Complex32>) -> Picture {
        let (field, shrink) = self.reduced(field, |sum, count| sum / count);
        let full = match self.range {
            Some((_, high)) => high,
            None => {
                robust_range(field.iter().map(|value| value.norm())).map_or(1.0, |(_, high)| high)
            }
        };
        let pixels = field.mapv(|value| {
            if !value.is_finite() {
                return NEUTRAL;
            }
            let brightness =
                f64::from(if full > 0.0 { (value.norm() / full).min(1.0) } else { 0.0 });
            hue(f64::from(value.arg()), brightness)
        });
        self.enlarged(pixels, shrink, None)
    }

    /// The field after block means, unseen pixels NaN, and the factor by which it was reduced.
    fn reduced<T>(&self, values: ArrayView2<T>, mean: impl Fn(T, f32) -> T) -> (Array2<T>, usize)
    where
        T: Copy + std::ops::Add<Output = T> + MaybeNan,
    {
        let (height, width) = values.dim();
        let mask = self.mask.filter(|mask| mask.dim() == values.dim());
        let factor = self.max_side.map_or(1, |side| height.max(width).div_ceil(side)).max(1);
        if factor == 1 && mask.is_none() {
            return (values.mapv(|value| if value.is_number() { value } else { T::NAN }), 1);
        }
        let shape = (height.div_ceil(factor), width.div_ceil(factor));
        let reduced = Array2::from_shape_fn(shape, |(row, column)| {
            let rows = row * factor..((row + 1) * factor).min(height);
            let columns = column * factor..((column + 1) * factor).min(width);
            let block = values.slice(s![rows.clone(), columns.clone()]);
            let (mut sum, mut count) = (None, 0);
            for ((y, x), &value) in block.indexed_iter() {
                let seen = mask.is_none_or(|mask| mask[(rows.start + y, columns.start + x)]);
                if seen && value.is_number() {
                    sum = Some(sum.map_or(value, |sum: T| sum + value));
                    count += 1;
                }
            }
            sum.map_or(T::NAN, |sum| mean(sum, count as f32))
        });
        (reduced, factor)
    }

    /// The values through `map` over the given or the robust range.
    fn coloured(&self, values: &Array2<f32>, shrink: usize, map: Colormap) -> Picture {
        let (low, high) =
            self.range.or_else(|| robust_range(values.iter().copied())).unwrap_or((0.0, 1.0));
        let span = high - low;
        let pixels = values.mapv(|value| match value {
            value if value.is_nan() => NEUTRAL,
            value if span != 0.0 => map.at((value - low) / span),
            _ => map.at(0.5),
        });
        self.enlarged(pixels, shrink, Some(ColourScale { map, low, high }))
    }

    fn enlarged(&self, pixels: Array2<Rgb>, shrink: usize, scale: Option<ColourScale>) -> Picture {
        let longest = pixels.nrows().max(pixels.ncols()).max(1);
        let factor = self.enlarge.map_or(1, |side| side / longest).max(1);
        let shape = (pixels.nrows() * factor, pixels.ncols() * factor);
        let pixels = if factor == 1 {
            pixels
        } else {
            Array2::from_shape_fn(shape, |(y, x)| pixels[(y / factor, x / factor)])
        };
        Picture { pixels, scale, zoom: factor as f64 / shrink as f64 }
    }
}

/// The colours of phases in [complex](Painter::complex) pictures at full brightness: `turn` from 0
/// (the phase -pi) to 1 (pi).
pub fn hue_circle(turn: f32) -> Rgb {
    hue(f64::from(turn - 0.5) * std::f64::consts::TAU, 1.0)
}

/// The colour of a phase (radians) at a brightness from 0 to 1.
pub(crate) fn hue(phase: f64, brightness: f64) -> Rgb {
    let (angle, lightness, chroma) = (phase + 0.5, 0.78 * brightness, 0.125 * brightness);
    oklab_to_srgb(lightness, chroma * angle.cos(), chroma * angle.sin())
}

/// Values that may be missing.
trait MaybeNan {
    const NAN: Self;
    fn is_number(&self) -> bool;
}

impl MaybeNan for f32 {
    const NAN: Self = f32::NAN;
    fn is_number(&self) -> bool {
        self.is_finite()
    }
}

impl MaybeNan for Complex32 {
    const NAN: Self = Complex32::new(f32::NAN, f32::NAN);
    fn is_number(&self) -> bool {
        self.is_finite()
    }
}

/// PNG of the modulus of `field`, axes (y, x), in viridis over `range` (percentiles 0.5 to 99.5
/// when `None`).
pub fn amplitude_png(field: ArrayView2<Complex32>, range: Option<(f32, f32)>) -> Vec<u8> {
    Painter::default().range(range).amplitude(field).png()
}

/// PNG of the phase of `field` in radians: sequential and clamped over a given `range`, cyclic over
/// [-pi, pi) without one.
pub fn phase_png(field: ArrayView2<Complex32>, range: Option<(f32, f32)>) -> Vec<u8> {
    Painter::default().range(range).phase(field).png()
}

/// PNG of a real field in `map` over `range` (percentiles 0.5 to 99.5 when `None`); NaN is drawn in
/// [`NEUTRAL`] grey.
pub fn scalar_png(values: ArrayView2<f32>, map: Colormap, range: Option<(f32, f32)>) -> Vec<u8> {
    Painter::default().map(map).range(range).scalar(values).png()
}

/// PNG of a complex field: brightness is the amplitude, hue the phase. See [`Painter::complex`].
pub fn complex_png(field: ArrayView2<Complex32>) -> Vec<u8> {
    Painter::default().complex(field).png()
}

/// The range for phases: `robust_range` of `arg(field)` where `mask` is true (everywhere without
/// one), in radians.
///
/// Meant for [`Painter::range`]. `None` when nothing is seen, and when the phases span so much of
/// the circle that they wrap or are about to: then the cyclic map over [-pi, pi) is right, in which
/// both ends of a wrap have one colour.
pub fn phase_range(
    field: ArrayView2<Complex32>,
    mask: Option<ArrayView2<bool>>,
) -> Option<(f32, f32)> {
    let mask = mask.filter(|mask| mask.dim() == field.dim());
    let seen = field.indexed_iter().filter(|(at, _)| mask.is_none_or(|mask| mask[*at]));
    robust_range(seen.map(|(_, value)| value.arg())).filter(|(low, high)| high - low < WIDEST)
}

/// The ranges for amplitudes and phases of what is laid beside `truth`: its own, or, of a pure
/// phase or a pure absorption, which has none of one kind, as far around that as a quarter of its
/// contrast, so that errors of that kind are seen.
pub fn ranges_beside(
    truth: ArrayView2<Complex32>,
    mask: Option<ArrayView2<bool>>,
) -> [Option<(f32, f32)>; 2] {
    let count = truth.len().max(1) as f32;
    let mean = truth.iter().sum::<Complex32>() / count;
    let contrast = robust_range(truth.iter().map(|value| (value - mean).norm()));
    let around = contrast.map_or(0.0, |(_, high)| 0.25 * high);
    let amplitudes = robust_range(truth.iter().map(|value| value.norm()));
    [amplitudes, phase_range(truth, mask)].map(|range| {
        range.map(|(low, high)| match high - low < CONSTANT {
            true => (low - around, high + around),
            false => (low, high),
        })
    })
}

/// Values that differ by less are one.
const CONSTANT: f32 = 1e-3;
/// Phases that span more, radians, are drawn in the cyclic map.
const WIDEST: f32 = 1.75 * PI;

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn values_get_the_colours_of_the_map() {
        let values = array![[0.0, 0.5], [1.0, f32::NAN]];
        let picture =
            Painter::default().range((0.0, 1.0)).map(Colormap::Grey).scalar(values.view());
        assert_eq!(picture.pixels, array![[[0; 3], [128; 3]], [[255; 3], NEUTRAL]]);
        assert_eq!(picture.scale, Some(ColourScale { map: Colormap::Grey, low: 0.0, high: 1.0 }));
    }

    #[test]
    fn phases_wrap_without_a_range_and_clamp_with_one() {
        let field = array![[Complex32::from_polar(1.0, 0.0), Complex32::from_polar(2.0, 3.0)]];
        let cyclic = Painter::default().phase(field.view());
        assert_eq!(cyclic.pixels[(0, 0)], Colormap::Cyclic.table()[128]);
        let clamped = Painter::default().range((-1.0, 1.0)).phase(field.view());
        assert_eq!(clamped.pixels[(0, 1)], Colormap::Magma.table()[255]);
    }

    #[test]
    fn errors_beside_a_truth_of_one_kind_are_seen() {
        let phases = array![[Complex32::cis(0.0), Complex32::cis(1.0)]];
        let [amplitudes, of_phases] = ranges_beside(phases.view(), None).map(Option::unwrap);
        let quarter = 0.25 * (Complex32::cis(1.0) - 1.0).norm() / 2.0;
        assert!((amplitudes.0 - (1.0 - quarter)).abs() < 0.01, "{amplitudes:?}");
        assert!((amplitudes.1 - (1.0 + quarter)).abs() < 0.01, "{amplitudes:?}");
        assert_eq!(Some(of_phases), phase_range(phases.view(), None));
        let absorbs = array![[Complex32::new(1.0, 0.0), Complex32::new(0.2, 0.0)]];
        let [amplitudes, of_phases] = ranges_beside(absorbs.view(), None).map(Option::unwrap);
        assert!(amplitudes.0 < 0.21 && amplitudes.1 > 0.99, "{amplitudes:?}");
        assert!((of_phases.0 + 0.1).abs() < 0.01 && (of_phases.1 - 0.1).abs() < 0.01);
        let flat = array![[Complex32::ONE; 3]];
        assert_eq!(ranges_beside(flat.view(), None), [Some((1.0, 1.0)), Some((0.0, 0.0))]);
    }

    #[test]
    fn phases_that_wrap_have_no_range() {
        let ramp = |span: f32| {
            Array2::from_shape_fn((20, 20), |(y, x)| {
                Complex32::from_polar(1.0, span * ((y * 20 + x) as f32 / 399.0 - 0.5))
            })
        };
        let (low, high) = phase_range(ramp(2.0).view(), None).unwrap();
        assert!((-1.0..-0.9).contains(&low) && (0.9..1.0).contains(&high));
        assert_eq!(phase_range(ramp(6.0).view(), None), None);
        assert_eq!(phase_range(ramp(20.0).view(), None), None);
    }

    #[test]
    fn block_means_are_complex_and_leave_unseen_pixels_out() {
        // Two phases either side of the wrap: their complex mean is at pi, the mean of their angles
        // would be 0.
        let near = [Complex32::from_polar(1.0, PI - 0.1), Complex32::from_polar(1.0, -PI + 0.1)];
        let field = array![[near[0], near[1]], [near[1], near[0]]];
        let picture = Painter::default().max_side(1).phase(field.view());
        assert_eq!(picture.pixels, array![[Colormap::Cyclic.table()[0]]]);
        assert_eq!(picture.zoom, 0.5);

        let values = array![[1.0, 9.0, 5.0], [1.0, 9.0, 5.0]];
        let mask = array![[true, false, false], [true, false, false]];
        let painter =
            Painter::default().mask(mask.view()).range((0.0, 2.0)).map(Colormap::Grey).max_side(2);
        assert_eq!(painter.scalar(values.view()).pixels, array![[[128; 3], NEUTRAL]]);
    }

    #[test]
    fn enlarges_by_whole_factors() {
        let picture =
            Painter::default().enlarge_to(7).scalar(array![[0.0, 1.0], [2.0, 3.0]].view());
        assert_eq!((picture.width(), picture.height(), picture.zoom), (6, 6, 3.0));
        assert_eq!(picture.pixels[(2, 2)], picture.pixels[(0, 0)]);
    }

    #[test]
    fn complex_pictures_are_black_where_the_field_is_zero() {
        let field =
            array![[Complex32::new(0.0, 0.0), Complex32::new(1.0, 0.0), Complex32::new(-1.0, 0.0)]];
        let pixels = Painter::default().complex(field.view()).pixels;
        assert_eq!(pixels[(0, 0)], [0; 3]);
        assert!(pixels[(0, 1)][0] > 180 && pixels[(0, 2)][0] < 120, "{pixels:?}");
    }

    #[test]
    fn constant_empty_and_undefined_fields_do_not_panic() {
        for values in
            [Array2::zeros((0, 0)), Array2::from_elem((3, 2), f32::NAN), Array2::ones((2, 2))]
        {
            assert!(!scalar_png(values.view(), Colormap::Viridis, None).is_empty());
        }
    }
}
