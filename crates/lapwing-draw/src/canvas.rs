//! A surface to draw on: rectangles, round strokes, discs, text and pictures, with smooth edges.
//!
//! Coordinates are (x, y) in pixels from the upper left corner of the surface; the first pixel's
//! centre is (0.5, 0.5).

use crate::colormap::Rgb;
use crate::picture::Picture;
use crate::text;
use ndarray::{Array2, s};

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The surface.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    pub pixels: Array2<Rgb>,
}

impl Canvas {
    pub fn new(width: usize, height: usize, colour: Rgb) -> Self {
        Self { pixels: Array2::from_elem((height, width), colour) }
    }

    /// Fills the pixels of a rectangle; edges are rounded to whole pixels.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: Rgb) {
        let clamp = |value: f64, end: usize| value.round().clamp(0.0, end as f64) as usize;
        let (rows, columns) = self.pixels.dim();
        let (left, right) = (clamp(x, columns), clamp(x + width, columns));
        let (top, bottom) = (clamp(y, rows), clamp(y + height, rows));
        if left < right && top < bottom {
            self.pixels.slice_mut(s![top..bottom, left..right]).fill(colour);
        }
    }

    /// A straight stroke with round ends.
    pub fn stroke(&mut self, from: (f64, f64), to: (f64, f64), width: f64, colour: Rgb) {
        let (along_x, along_y) = (to.0 - from.0, to.1 - from.1);
        let squared = along_x * along_x + along_y * along_y;
        let reach = width / 2.0 + 1.0;
        let (low, high) = (from.1.min(to.1) - reach, from.1.max(to.1) + reach);
        let ends = (from.0.min(to.0) - reach, from.0.max(to.0) + reach);
        // Of a row, what is near the line: all of the box would be much of nothing.
        let near = |y: f64| {
            if along_y == 0.0 {
                return ends;
            }
            let middle = from.0 + (y - from.1) * along_x / along_y;
            let aside = reach * squared.sqrt() / along_y.abs();
            (ends.0.max(middle - aside), ends.1.min(middle + aside))
        };
        self.paint((low, high), near, colour, |x, y| {
            let (off_x, off_y) = (x - from.0, y - from.1);
            let t = if squared > 0.0 {
                ((off_x * along_x + off_y * along_y) / squared).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let (away_x, away_y) = (off_x - t * along_x, off_y - t * along_y);
            (width / 2.0 + 0.5 - (away_x * away_x + away_y * away_y).sqrt()).clamp(0.0, 1.0)
        });
    }

    /// A circle line.
    pub fn circle(&mut self, centre: (f64, f64), radius: f64, width: f64, colour: Rgb) {
        let reach = radius + width;
        let rows = (centre.1 - reach, centre.1 + reach);
        let columns = (centre.0 - reach, centre.0 + reach);
        self.paint(
            rows,
            |_| columns,
            colour,
            |x, y| {
                let away = ((x - centre.0).hypot(y - centre.1) - radius).abs();
                (width / 2.0 + 0.5 - away).clamp(0.0, 1.0)
            },
        );
    }

    /// A line of text whose capitals are `size` pixels high, standing on `y`; returns its width.
    pub fn text(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: Rgb,
        text: &str,
    ) -> f64 {
        let unit = size / 6.0;
        let (placed, width) = text::layout(text);
        let left = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width * unit / 2.0,
            Anchor::End => x - width * unit,
        };
        let at = |offset: f64, (column, row): (f64, f64)| {
            (left + (offset + column) * unit, y - 0.5 - (6.0 - row) * unit)
        };
        for (offset, glyph) in placed {
            for &[from, to] in &glyph.strokes {
                self.stroke(at(offset, from), at(offset, to), (0.85 * unit).max(1.0), colour);
            }
        }
        width * unit
    }

    /// A line of text from bottom to top, centred on its point, in some ink on a paper of its own.
    pub fn upright(&mut self, (x, y): (f64, f64), size: f64, (ink, paper): (Rgb, Rgb), text: &str) {
        let (width, height) =
            (Self::text_width(size, text).ceil() as usize + 4, (size * 1.9).ceil() as usize);
        let mut lying = Self::new(width, height, paper);
        lying.text((2.0, size + 2.0), size, Anchor::Start, ink, text);
        let turned = Array2::from_shape_fn((width, height), |(row, column)| {
            lying.pixels[(column, width - 1 - row)]
        });
        let place = |middle: f64, length: usize| (middle - length as f64 / 2.0).max(0.0) as usize;
        self.picture((place(x, height), place(y, width)), &Picture::of_pixels(turned));
    }

    /// Copies a picture with its upper left corner at (x, y); what does not fit is cut off.
    pub fn picture(&mut self, (x, y): (usize, usize), picture: &Picture) {
        for ((row, column), &colour) in picture.pixels.indexed_iter() {
            if let Some(pixel) = self.pixels.get_mut((y + row, x + column)) {
                *pixel = colour;
            }
        }
    }

    /// Width of a text in pixels.
    pub fn text_width(size: f64, text: &str) -> f64 {
        text::layout(text).1 * size / 6.0
    }

    /// Lays a colour over the pixels of some rows, and of some columns of each, as far as it covers
    /// them: a share for every pixel's centre (x, y).
    fn paint(
        &mut self,
        (low, high): (f64, f64),
        across: impl Fn(f64) -> (f64, f64),
        colour: Rgb,
        coverage: impl Fn(f64, f64) -> f64,
    ) {
        let (rows, columns) = self.pixels.dim();
        let bounds = |low: f64, high: f64, end: usize| {
            low.floor().clamp(0.0, end as f64) as usize..high.ceil().clamp(0.0, end as f64) as usize
        };
        for row in bounds(low, high, rows) {
            let y = row as f64 + 0.5;
            let (left, right) = across(y);
            for column in bounds(left, right, columns) {
                let share = coverage(column as f64 + 0.5, y);
                if share == 0.0 {
                    continue;
                }
                let pixel = &mut self.pixels[(row, column)];
                for (old, new) in pixel.iter_mut().zip(colour) {
                    let mixed = f64::from(*old) + share * (f64::from(new) - f64::from(*old));
                    *old = (mixed + 0.5) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_have_their_width_and_smooth_edges() {
        let mut canvas = Canvas::new(20, 9, [255; 3]);
        canvas.stroke((2.0, 4.5), (18.0, 4.5), 3.0, [0; 3]);
        let column: Vec<u8> = canvas.pixels.column(10).iter().map(|c| c[0]).collect();
        assert_eq!(column, [255, 255, 255, 0, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn drawing_outside_is_cut_off() {
        let mut canvas = Canvas::new(8, 8, [0; 3]);
        canvas.stroke((-50.0, 3.0), (90.0, 3.0), 2.0, [9; 3]);
        canvas.rectangle((-4.0, -4.0), (100.0, 6.0), [1; 3]);
        canvas.circle((100.0, 100.0), 3.0, 1.0, [5; 3]);
        canvas.picture((6, 6), &Picture::of_pixels(Array2::from_elem((5, 5), [7; 3])));
        assert_eq!((canvas.pixels[(1, 7)], canvas.pixels[(7, 7)]), ([1; 3], [7; 3]));
    }

    #[test]
    fn text_is_as_wide_as_said() {
        let mut canvas = Canvas::new(200, 40, [255; 3]);
        let width = canvas.text((10.0, 30.0), 14.0, Anchor::Start, [0; 3], "Hello, dose");
        assert_eq!(width, Canvas::text_width(14.0, "Hello, dose"));
        let mut inked = (0..200).filter(|&x| canvas.pixels.column(x).iter().any(|c| c[0] < 128));
        let last = inked.next_back().unwrap() as f64;
        assert!((last - (10.0 + width)).abs() < 3.0, "{last} {width}");
    }
}
