//! Several pictures side by side in one PNG, with titles, colour bars and scale bars.

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas};
use crate::colormap::{INK, PAPER, Rgb};
use crate::field::hue_circle;
use crate::fit::fit;
use crate::number;
use crate::panel_axes::{BELOW, LEFT, PanelAxes};
use crate::picture::Picture;
use crate::scale_bar::ScaleBar;
use ndarray::Array2;

/// Side of the square that a panel's picture is fitted into.
pub(crate) const SIDE: usize = 280;
const MARGIN: usize = 22;
const TITLE: usize = 30;
const BAR: usize = 74;
/// Height of capitals.
const TEXT: f64 = 9.0;

/// One picture of a figure.
#[derive(Debug, Clone)]
pub struct Panel {
    title: String,
    picture: Picture,
    unit: String,
    pixel_size: Option<f64>,
    in_pixels: bool,
    decades: bool,
    hues: bool,
    axes: Option<PanelAxes>,
}

impl Panel {
    /// A picture under a title. A picture with a [scale](Picture::scale) gets a colour bar.
    pub fn new(title: impl Into<String>, picture: Picture) -> Self {
        Self {
            title: title.into(),
            picture,
            unit: String::new(),
            pixel_size: None,
            in_pixels: false,
            decades: false,
            hues: false,
            axes: None,
        }
    }

    /// A free place.
    pub fn empty() -> Self {
        Self::new("", Picture::of_pixels(Array2::from_elem((0, 0), PAPER)))
    }

    /// The unit of the values, written above the colour bar.
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Self { unit: unit.into(), ..self }
    }

    /// Adds a bar of the hues that stand for phases in a [complex](crate::Painter::complex)
    /// picture.
    pub fn hues(self) -> Self {
        Self { hues: true, ..self }
    }

    /// The values are logarithms to base 10: the colour bar names what they are logarithms of.
    pub fn decades(self) -> Self {
        Self { decades: true, ..self }
    }

    /// The side of one pixel of the field in metres: adds a scale bar.
    pub fn pixel_size(self, metres: f64) -> Self {
        Self { pixel_size: Some(metres), in_pixels: false, ..self }
    }

    /// Adds axes: what is along the picture from its left edge to its right one and from its lower
    /// edge to its upper one, each with its [range](Axis::range).
    pub fn axes(self, x: Axis, y: Axis) -> Self {
        Self { axes: Some(PanelAxes { x, y, rings: Vec::new() }), ..self }
    }

    /// Adds a ring around a place of the [axes](Self::axes), if it has any.
    pub fn ring(mut self, x: f64, y: f64) -> Self {
        if let Some(axes) = &mut self.axes {
            axes.rings.push((x, y));
        }
        self
    }

    /// Adds a scale bar in pixels of the field, for fields whose pixel size is not known.
    pub fn pixels(self) -> Self {
        Self { pixel_size: Some(1.0), in_pixels: true, ..self }
    }
}

/// Sets panels row by row in `columns` columns (at least one) and returns the PNG.
///
/// Pictures are fitted into squares of 280 pixels: small ones enlarged by whole factors, large ones
/// reduced by block means of their colours (reduce wrapped phases before, with
/// [`Painter::max_side`](crate::Painter::max_side)).
pub fn figure(panels: &[Panel], columns: usize) -> Vec<u8> {
    compose(panels, columns, None).png()
}

/// As [`figure`], with a heading above all panels.
pub fn figure_under(heading: &str, panels: &[Panel], columns: usize) -> Vec<u8> {
    compose(panels, columns, Some(heading)).png()
}

/// [`figure`] as a picture, with a heading if there is one.
pub(crate) fn compose(panels: &[Panel], columns: usize, heading: Option<&str>) -> Picture {
    let columns = columns.clamp(1, panels.len().max(1));
    let fitted: Vec<Picture> = panels.iter().map(|panel| fit(&panel.picture, SIDE)).collect();
    let rows = fitted.len().div_ceil(columns);
    let has_axes = |panel: &Panel| panel.axes.is_some();
    let lefts: Vec<usize> = (0..columns)
        .map(|column| {
            let any = panels.iter().skip(column).step_by(columns).any(has_axes);
            if any { LEFT } else { 0 }
        })
        .collect();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let bars = panels.iter().map(|panel| panel.hues || panel.picture.scale.is_some());
            let bar = bars.skip(column).step_by(columns).any(|bar| bar);
            lefts[column] + SIDE + if bar { BAR } else { 0 }
        })
        .collect();
    let heights: Vec<usize> = fitted
        .chunks(columns)
        .zip(panels.chunks(columns))
        .map(|(row, panels)| {
            let below = if panels.iter().any(has_axes) { BELOW } else { 0 };
            row.iter().map(Picture::height).max().unwrap_or(0) + below
        })
        .collect();
    let top = MARGIN + if heading.is_some() { 26 } else { 0 };
    let width = MARGIN + widths.iter().map(|width| width + MARGIN).sum::<usize>();
    let height = top
        + heights.iter().map(|height| height + TITLE).sum::<usize>()
        + rows.saturating_sub(1) * 12
        + MARGIN;
    let mut canvas = Canvas::new(width, height, PAPER);
    if let Some(heading) = heading {
        let limit = (width - 2 * MARGIN) as f64;
        let size = (12.0 * limit / Canvas::text_width(12.0, heading).max(1.0)).clamp(6.0, 12.0);
        canvas.text((MARGIN as f64, MARGIN as f64 + 10.0), size, Anchor::Start, INK, heading);
    }
    let mut y = top;
    for (row, &row_height) in heights.iter().enumerate() {
        let mut x = MARGIN;
        for (column, &column_width) in widths.iter().enumerate() {
            if let (Some(panel), Some(picture)) =
                (panels.get(row * columns + column), fitted.get(row * columns + column))
            {
                draw(&mut canvas, (x + lefts[column], y), panel, picture);
            }
            x += column_width + MARGIN;
        }
        y += row_height + TITLE + 12;
    }
    Picture::of_pixels(canvas.pixels)
}

fn draw(canvas: &mut Canvas, (x, y): (usize, usize), panel: &Panel, picture: &Picture) {
    let (left, top) = (x as f64, (y + TITLE) as f64);
    let title = shortened(&panel.title, SIDE as f64);
    canvas.text((left, top - 11.0), TEXT, Anchor::Start, INK, &title);
    canvas.picture((x, y + TITLE), picture);
    if let Some(axes) = &panel.axes {
        axes.draw(canvas, (left, top), picture);
    }
    let corner = (left + picture.width() as f64 + 10.0, top);
    if let Some(scale) = picture.scale {
        let value = |share: f64| {
            let (low, high) = (f64::from(scale.low), f64::from(scale.high));
            let value = low + share * (high - low);
            number::plain(if panel.decades { 10_f64.powf(value) } else { value }, 3)
        };
        let names = [0.0, 0.5, 1.0].map(value);
        colour_bar(
            canvas,
            corner,
            picture.height() as f64,
            &|t| scale.map.at(t),
            &names,
            &panel.unit,
        );
    } else if panel.hues {
        let names = ["-pi", "0", "pi"].map(str::to_owned);
        colour_bar(canvas, corner, picture.height() as f64, &hue_circle, &names, "rad");
    }
    let bar = |size: f64| match panel.in_pixels {
        true => ScaleBar::in_pixels(size, picture),
        false => ScaleBar::of(size, picture),
    };
    if let Some(bar) = panel.pixel_size.and_then(bar) {
        let length = bar.share * picture.width() as f64;
        let (end, base) =
            (left + picture.width() as f64 - 12.0, top + picture.height() as f64 - 12.0);
        let box_width = length.max(Canvas::text_width(7.0, &bar.label)) + 12.0;
        canvas.rectangle((end - box_width + 6.0, base - 19.0), (box_width, 25.0), PAPER);
        let centre = end - box_width / 2.0 + 6.0;
        canvas.rectangle((centre - length / 2.0, base - 3.0), (length, 4.0), INK);
        canvas.text((centre, base - 7.0), 7.0, Anchor::Middle, INK, &bar.label);
    }
}

/// A vertical bar of colours with its lower end, upper end and, when there is room, its middle
/// named.
fn colour_bar(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    height: f64,
    colour: &dyn Fn(f32) -> Rgb,
    [low, middle, high]: &[String; 3],
    unit: &str,
) {
    let steps = height.max(1.0) as usize;
    for step in 0..steps {
        let t = 1.0 - (step as f32 + 0.5) / steps as f32;
        canvas.rectangle((x, y + step as f64), (12.0, 1.0), colour(t));
    }
    for (text, down) in [(high, 4.0), (middle, height / 2.0), (low, height - 4.0)] {
        if down != height / 2.0 || height > 60.0 {
            canvas.text((x + 18.0, y + down + 4.0), 7.0, Anchor::Start, INK, text);
        }
    }
    canvas.text((x, y - 10.0), 7.0, Anchor::Start, INK, unit);
}

/// The text, cut with dots where it is wider than `width`.
fn shortened(text: &str, width: f64) -> String {
    let mut text = text.to_owned();
    if Canvas::text_width(TEXT, &text) > width {
        while Canvas::text_width(TEXT, &format!("{text}...")) > width && text.pop().is_some() {}
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colormap, Painter};

    #[test]
    fn panels_are_set_in_rows_and_columns() {
        let picture = Painter::default()
            .scalar(Array2::from_shape_fn((40, 40), |(y, x)| (y + x) as f32).view());
        let panels = vec![
            Panel::new("a", picture.clone()).unit("rad"),
            Panel::new("b", picture.clone()),
            Panel::new("c", picture),
        ];
        let composed = compose(&panels, 2, None);
        assert_eq!(composed.width(), MARGIN + 2 * (SIDE + BAR + MARGIN));
        assert_eq!(composed.height(), MARGIN + 2 * (SIDE + TITLE) + 12 + MARGIN);
        assert_eq!(
            composed.pixels[(MARGIN + TITLE + 279, MARGIN + 279)],
            Colormap::Viridis.table()[255]
        );
        assert_eq!(figure(&panels, 2), figure(&panels, 2));
    }

    #[test]
    fn axes_have_their_room() {
        let picture = Picture::of_pixels(Array2::from_elem((280, 280), [9; 3]));
        let axes = || (Axis::linear("x").range(0.0, 1.0), Axis::linear("y").range(0.0, 1.0));
        let panel = Panel::new("a", picture.clone()).axes(axes().0, axes().1).ring(0.5, 0.5);
        let composed = compose(&[panel, Panel::new("b", picture)], 2, Some("heading"));
        assert_eq!(composed.width(), MARGIN + 2 * (SIDE + MARGIN) + LEFT);
        assert_eq!(composed.height(), MARGIN + 26 + SIDE + BELOW + TITLE + MARGIN);
        assert_eq!(composed.pixels[(MARGIN + 26 + TITLE + 140, MARGIN + LEFT + 140)], [9; 3]);
        assert!(composed.pixels[(MARGIN + 26 + TITLE + 140, MARGIN + LEFT + 148)][0] > 9);
    }

    #[test]
    fn no_panels_and_odd_pictures_make_a_figure() {
        let empty = Picture::of_pixels(Array2::from_elem((0, 3), [0; 3]));
        let thin = Picture::of_pixels(Array2::from_elem((1, 3000), [0; 3]));
        for panels in [vec![], vec![Panel::new("x".repeat(400), empty)], vec![Panel::new("", thin)]]
        {
            assert!(!figure(&panels, 0).is_empty());
        }
    }
}
