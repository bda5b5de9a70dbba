//! The frame of a drawing on the plane of a scan.

use crate::axis::{Axis, Span};
use crate::plot_area::PlotArea;
use lapwing_model::Position;
use lapwing_model::position::bounding_box;

/// Axes in pixels around the positions of a scan, y downwards as in pictures, the same scale along
/// both.
pub(crate) struct ScanFrame {
    area: PlotArea,
    /// Place of the upper left corner, pixels.
    corner: Position,
    /// User units of a pixel.
    pub scale: f64,
}

impl ScanFrame {
    /// Around `places` with `room` pixels beside them, `width` user units wide; the height follows.
    pub fn around(places: &[Position], room: f64, width: f64) -> Self {
        let (y0, y1, x0, x1) = bounding_box(places).unwrap_or((0.0, 1.0, 0.0, 1.0));
        let (y0, y1, x0, x1) = (y0 - room, y1 + room, x0 - room, x1 + room);
        let (left, top, right) = (58.0, 30.0, width.max(120.0) - 12.0);
        let scale = ((right - left) / (x1 - x0)).min(1.5 * (right - left) / (y1 - y0));
        let area = PlotArea {
            left,
            top,
            right: left + scale * (x1 - x0),
            bottom: top + scale * (y1 - y0),
            x: Span::of(&Axis::linear("").range(x0, x1), std::iter::empty()),
            y: Span::of(&Axis::linear("").range(-y1, -y0), std::iter::empty()),
        };
        Self { area, corner: Position { y: y0, x: x0 }, scale }
    }

    /// Where a place of the scan is drawn, user units (x, y).
    pub fn place(&self, at: &Position) -> (f64, f64) {
        let (y, x) = (at.y - self.corner.y, at.x - self.corner.x);
        (self.area.left + self.scale * x, self.area.top + self.scale * y)
    }

    /// Adds the axes.
    pub fn draw(&self, body: &mut String) {
        let mut axes = String::new();
        self.area.draw(&mut axes, "x, pixels", "y, pixels");
        // The vertical axis counts down, so its labels lose the sign that the flipped span gave
        // them.
        *body += &axes.replace('\u{2212}', "");
    }

    /// Where the vertical axis is, user units.
    pub fn left(&self) -> f64 {
        self.area.left
    }

    /// Size of the drawing with its labels, user units.
    pub fn size(&self) -> (f64, f64) {
        (self.area.right + 12.0, self.area.bottom + 44.0)
    }
}

/// A typical distance between neighbours: the side of the square that each position has to itself.
pub(crate) fn spacing(places: &[Position]) -> f64 {
    let area = bounding_box(places).map_or(0.0, |(y0, y1, x0, x1)| (y1 - y0) * (x1 - x0));
    (area / places.len().max(1) as f64).sqrt()
}

/// The longer side of the box around positions, pixels.
pub(crate) fn extent(places: &[Position]) -> f64 {
    bounding_box(places).map_or(1.0, |(y0, y1, x0, x1)| (y1 - y0).max(x1 - x0))
}
