//! Axes around one picture of a figure, and rings on it.

use crate::axis::{Axis, Span};
use crate::canvas::{Anchor, Canvas};
use crate::colormap::{INK, PAPER};
use crate::picture::Picture;

/// Room for the numbers and the label at the left of a picture, and below it.
pub(crate) const LEFT: usize = 62;
pub(crate) const BELOW: usize = 44;
/// Height of capitals.
const TEXT: f64 = 8.0;
/// Numbers along an axis, about.
const TICKS: usize = 6;
/// Radius of a ring.
const RING: f64 = 8.0;

/// The axes of a picture.
#[derive(Debug, Clone)]
pub(crate) struct PanelAxes {
    /// From its left edge to its right one.
    pub x: Axis,
    /// From its lower edge to its upper one.
    pub y: Axis,
    /// Places (x, y) to ring.
    pub rings: Vec<(f64, f64)>,
}

impl PanelAxes {
    /// Draws them around a picture whose upper left corner is at `(left, top)`.
    pub fn draw(&self, canvas: &mut Canvas, (left, top): (f64, f64), picture: &Picture) {
        let (right, bottom) = (left + picture.width() as f64, top + picture.height() as f64);
        let (x, y) = (Span::of(&self.x, std::iter::empty()), Span::of(&self.y, std::iter::empty()));
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        for (at, &corner) in corners.iter().enumerate() {
            canvas.stroke(corner, corners[(at + 1) % 4], 1.0, INK);
        }
        for tick in x.ticks(TICKS) {
            let at = left + tick.place * (right - left);
            canvas.stroke((at, bottom), (at, bottom + 4.0), 1.0, INK);
            canvas.text((at, bottom + 17.0), TEXT, Anchor::Middle, INK, &tick.label);
        }
        for tick in y.ticks(TICKS) {
            let at = bottom - tick.place * (bottom - top);
            canvas.stroke((left - 4.0, at), (left, at), 1.0, INK);
            canvas.text((left - 8.0, at + 4.0), TEXT, Anchor::End, INK, &tick.label);
        }
        let middle = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        canvas.text((middle.0, bottom + 36.0), TEXT, Anchor::Middle, INK, &self.x.label);
        let beside = (left - LEFT as f64 + 8.0, middle.1);
        canvas.upright(beside, TEXT, (INK, PAPER), &self.y.label);
        for &(at_x, at_y) in &self.rings {
            let (Some(along), Some(up)) = (x.place(at_x), y.place(at_y)) else { continue };
            if (0.0..=1.0).contains(&along) && (0.0..=1.0).contains(&up) {
                let centre = (left + along * (right - left), bottom - up * (bottom - top));
                canvas.circle(centre, RING, 4.0, PAPER);
                canvas.circle(centre, RING, 1.6, INK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn numbers_label_and_ring_are_where_they_belong() {
        let grey = [0x80; 3];
        let picture = Picture::of_pixels(Array2::from_elem((100, 200), grey));
        let mut canvas = Canvas::new(300, 200, PAPER);
        canvas.picture((70, 20), &picture);
        let axes = PanelAxes {
            x: Axis::linear("defocus, um").range(-10.0, 10.0),
            y: Axis::linear("rotation, degrees").range(-90.0, 90.0),
            rings: vec![(5.0, 45.0), (50.0, 0.0)],
        };
        axes.draw(&mut canvas, (70.0, 20.0), &picture);
        // (5, 45) lies at three quarters to the right and a quarter down.
        let (x, y) = (70 + 150, 20 + 25);
        assert_eq!(canvas.pixels[(y, x)], grey);
        assert!(canvas.pixels[(y, x + RING as usize)][0] < 100);
        // Nothing else is on the picture.
        let on = |x: usize, y: usize| canvas.pixels[(y, x)];
        assert!((75..200).all(|x| on(x, 100) == grey));
        // Numbers at the left and below, a label on its side.
        let inked = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
            rows.flat_map(|y| columns.clone().map(move |x| (y, x)))
                .any(|at| canvas.pixels[at][0] < 100)
        };
        assert!(inked(20..120, 30..64) && inked(124..140, 70..270) && inked(145..160, 120..220));
        assert!(inked(30..110, 10..24));
    }
}
