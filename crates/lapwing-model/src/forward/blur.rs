//! The point spread of a detector.

use super::pass::PixelOrder;

/// Radius of a point spread in standard deviations.
const REACH: f64 = 4.0;

/// A Gaussian point spread on patterns of one shape, in pattern order.
///
/// It is symmetric, so it is its own adjoint. Light that leaves one side of the detector comes in
/// on the other, which conserves it.
#[derive(Debug, Clone)]
pub(super) struct Blur {
    shape: (usize, usize),
    /// The place in pattern order of every pixel, along x and then y.
    places: Vec<u32>,
    /// Weights at distances 0, 1, ... along an axis.
    weights: Vec<f32>,
}

/// Scratch arrays of a [`Blur`], of one pattern each.
#[derive(Debug, Clone, Default)]
pub(super) struct BlurScratch {
    pub blurred: Vec<f32>,
    image: Vec<f32>,
    along_x: Vec<f32>,
}

impl Blur {
    /// Of standard deviation `blur` pixels, for patterns of `(height, width)`; `None` for 0.
    pub fn new(blur: f64, shape: (usize, usize), order: PixelOrder) -> Option<Self> {
        if blur <= 0.0 {
            return None;
        }
        let pixels: Vec<u32> = (0..(shape.0 * shape.1) as u32).collect();
        let mut pixel_of = pixels.clone();
        order.arrange(&pixels, &mut pixel_of, shape);
        let mut places = pixels;
        for (place, &pixel) in (0_u32..).zip(&pixel_of) {
            places[pixel as usize] = place;
        }
        let weight = |distance: usize| (-0.5 * (distance as f64 / blur).powi(2)).exp();
        let radius = (REACH * blur).ceil() as usize;
        let all = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
        let weights = (0..=radius).map(|distance| (weight(distance) / all) as f32).collect();
        Some(Self { shape, places, weights })
    }

    /// `values`, of a whole pattern in pattern order, blurred, to `scratch.blurred`.
    pub fn apply(&self, values: &[f32], scratch: &mut BlurScratch) {
        let (height, width) = self.shape;
        let BlurScratch { blurred, image, along_x } = scratch;
        for array in [&mut *blurred, image, along_x] {
            array.resize(values.len(), 0.0);
        }
        image.iter_mut().zip(&self.places).for_each(|(to, &at)| *to = values[at as usize]);
        let (&centre, sides) = self.weights.split_first().expect("a point spread has a centre");
        for (row, to) in image.chunks_exact(width).zip(along_x.chunks_exact_mut(width)) {
            for (x, to) in to.iter_mut().enumerate() {
                *to = centre * row[x];
                for (&weight, distance) in sides.iter().zip(1..) {
                    let before = (x + width * distance - distance) % width;
                    *to += weight * (row[before] + row[(x + distance) % width]);
                }
            }
        }
        for y in 0..height {
            let to = &mut image[y * width..(y + 1) * width];
            let row = |y: usize| &along_x[y * width..(y + 1) * width];
            to.iter_mut().zip(row(y)).for_each(|(to, from)| *to = centre * from);
            for (&weight, distance) in sides.iter().zip(1..) {
                let before = row((y + height * distance - distance) % height);
                let after = row((y + distance) % height);
                for ((to, before), after) in to.iter_mut().zip(before).zip(after) {
                    *to += weight * (before + after);
                }
            }
        }
        image.iter().zip(&self.places).for_each(|(&value, &at)| blurred[at as usize] = value);
    }

    /// Brings a pattern from pattern order into the order of files.
    pub fn to_file_order(&self, ordered: &[f32], centred: &mut [f32]) {
        centred.iter_mut().zip(&self.places).for_each(|(to, &at)| *to = ordered[at as usize]);
    }
}
