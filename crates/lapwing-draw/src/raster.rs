//! Plots as pixels, for programs that take no SVG: the same layout, drawn on a canvas.

use crate::canvas::{Anchor, Canvas};
use crate::colormap::{INK, PAPER, Rgb};
use crate::legend::Legend;
use crate::picture::Picture;
use crate::plot::Plot;
use crate::plot_area::PlotArea;
use crate::series::{Guide, Mark, Series};
use crate::svg::SERIES_COLOURS;

const GRID: Rgb = [0xe2, 0xe4, 0xe6];
const FAINT: Rgb = [0xf1, 0xf2, 0xf3];
const GUIDE: Rgb = [0x8a, 0x8e, 0x94];
/// Height of capitals, units.
const TEXT: f64 = 8.0;
/// Most pixels of a side.
const LARGEST: f64 = 8000.0;

impl Plot {
    /// The PNG, `zoom` pixels for each unit of [`Plot::size`] (cut so that no side exceeds 8000
    /// pixels).
    pub fn png(&self, zoom: f64) -> Vec<u8> {
        let zoom = if zoom.is_finite() { zoom } else { 1.0 };
        let zoom = zoom.max(0.1).min(LARGEST / self.size.0.max(self.size.1).max(1.0));
        let side = |units: f64| (units * zoom).round().clamp(1.0, LARGEST) as usize;
        let canvas = Canvas::new(side(self.size.0), side(self.size.1), PAPER);
        let mut sheet = Sheet { canvas, zoom };
        let legend = Legend::of(&self.series, self.size.0);
        let frame = self.frame(&legend);
        if self.show_title {
            sheet.text((12.0, 17.0), Anchor::Start, INK, &self.title);
        }
        for &(series, row, x) in &legend.entries {
            let y = self.title_height() + 10.0 + 18.0 * row as f64;
            sheet.sample(series, (x, y));
            sheet.text((x + 30.0, y + 4.0), Anchor::Start, INK, &series.name);
        }
        sheet.axes(&frame, &self.x.label, &self.y.label);
        for guide in &self.guides {
            sheet.guide(&frame, guide, frame.room_at_left(guide, &self.series));
        }
        for series in &self.series {
            sheet.series(&frame, series);
        }
        Picture::of_pixels(sheet.canvas.pixels).png_unfiltered()
    }
}

/// A canvas measured in the plot's units.
struct Sheet {
    canvas: Canvas,
    zoom: f64,
}

impl Sheet {
    fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, colour: Rgb, text: &str) {
        let at = (x * self.zoom, y * self.zoom);
        self.canvas.text(at, TEXT * self.zoom, anchor, colour, text);
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), width: f64, colour: Rgb) {
        let scaled = |(x, y): (f64, f64)| (x * self.zoom, y * self.zoom);
        self.canvas.stroke(scaled(from), scaled(to), width * self.zoom, colour);
    }

    /// Dashes of `on` with gaps of `off` units, beginning `start` units into the pattern; returns
    /// where it ends.
    fn dashes(
        &mut self,
        (from, to): ((f64, f64), (f64, f64)),
        (on, off): (f64, f64),
        start: f64,
        width: f64,
        colour: Rgb,
    ) -> f64 {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |along: f64| {
            let t = if length > 0.0 { along / length } else { 0.0 };
            (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1))
        };
        let mut along = -start;
        while along < length {
            let (first, last) = (along.max(0.0), (along + on).min(length));
            if last > first {
                self.stroke(at(first), at(last), width, colour);
            }
            along += on + off;
        }
        (start + length).rem_euclid(on + off)
    }

    fn axes(&mut self, frame: &PlotArea, x_label: &str, y_label: &str) {
        let PlotArea { left, top, right, bottom, .. } = *frame;
        for tick in frame.x_ticks() {
            let x = left + tick.place * (right - left);
            self.stroke(
                (x, bottom),
                (x, top),
                0.8,
                if tick.label.is_empty() { FAINT } else { GRID },
            );
            self.text((x, bottom + 16.0), Anchor::Middle, INK, &tick.label);
        }
        for tick in frame.y_ticks() {
            let y = bottom - tick.place * (bottom - top);
            self.stroke(
                (left, y),
                (right, y),
                0.8,
                if tick.label.is_empty() { FAINT } else { GRID },
            );
            self.text((left - 6.0, y + 4.0), Anchor::End, INK, &tick.label);
        }
        self.stroke((left, top), (left, bottom), 1.0, INK);
        self.stroke((left, bottom), (right, bottom), 1.0, INK);
        self.text((f64::midpoint(left, right), bottom + 36.0), Anchor::Middle, INK, x_label);
        let middle = (13.0 * self.zoom, f64::midpoint(top, bottom) * self.zoom);
        self.canvas.upright(middle, TEXT * self.zoom, (INK, PAPER), y_label);
    }

    fn guide(&mut self, frame: &PlotArea, guide: &Guide, at_left: bool) {
        let Some((_, y)) =
            frame.y.place(guide.y).map(|up| (0.0, frame.bottom - up * (frame.bottom - frame.top)))
        else {
            return;
        };
        if !(frame.top..=frame.bottom).contains(&y) {
            return;
        }
        self.dashes(((frame.left, y), (frame.right, y)), (2.0, 4.0), 0.0, 1.0, GUIDE);
        let (x, anchor) = if at_left {
            (frame.left + 5.0, Anchor::Start)
        } else {
            (frame.right - 3.0, Anchor::End)
        };
        self.text((x, y - 4.0), anchor, GUIDE, &guide.label);
    }

    fn series(&mut self, frame: &PlotArea, series: &Series) {
        let colour = colour(series.colour);
        if let Mark::Bars(width) = series.mark {
            for point in &series.points {
                let ends = frame
                    .at(point.x - width / 2.0, 0.0)
                    .zip(frame.at(point.x + width / 2.0, point.y));
                if let Some(((left, bottom), (right, top))) = ends {
                    let (left, right) = (left.max(frame.left), right.min(frame.right));
                    let (bottom, top) = (bottom.min(frame.bottom), top.max(frame.top));
                    let size =
                        ((right - left).max(0.0) * self.zoom, (bottom - top).max(0.0) * self.zoom);
                    self.canvas.rectangle((left * self.zoom, top * self.zoom), size, colour);
                }
            }
            return;
        }
        if series.mark != Mark::Symbols {
            self.line(frame, series, colour);
        }
        for point in &series.points {
            if let Some((x, low, high)) = frame.error_bar(point) {
                self.stroke((x, low), (x, high), 1.4, colour);
                for y in [low, high] {
                    self.stroke((x - 4.0, y), (x + 4.0, y), 1.4, colour);
                }
            }
        }
        if matches!(series.mark, Mark::Symbols | Mark::LineAndSymbols) {
            for at in series
                .points
                .iter()
                .filter_map(|p| frame.at(p.x, p.y))
                .filter(|&at| frame.inside(at))
            {
                self.symbol(series.colour, at, colour);
            }
        }
    }

    /// The line of a series, cut where it leaves the frame.
    fn line(&mut self, frame: &PlotArea, series: &Series, colour: Rgb) {
        let (width, colour) = pen(series, colour);
        let places: Vec<Option<(f64, f64)>> =
            series.points.iter().map(|p| frame.at(p.x, p.y)).collect();
        let mut start = 0.0;
        for pair in places.windows(2) {
            let ends = pair[0].zip(pair[1]).and_then(|(a, b)| cut(frame, a, b));
            let Some((a, b)) = ends else { continue };
            if series.dashed {
                start = self.dashes((a, b), (6.0, 4.0), start, width, colour);
            } else {
                self.stroke(a, b, width, colour);
            }
        }
    }

    /// A short piece of a series, as in the legend.
    fn sample(&mut self, series: &Series, (x, y): (f64, f64)) {
        let (width, colour) = pen(series, colour(series.colour));
        match (series.mark, series.dashed) {
            (Mark::Symbols, _) => {}
            (_, true) => {
                self.dashes(((x, y), (x + 24.0, y)), (6.0, 4.0), 0.0, width, colour);
            }
            (_, false) => self.stroke((x, y), (x + 24.0, y), width, colour),
        }
        if matches!(series.mark, Mark::Symbols | Mark::LineAndSymbols) {
            self.symbol(series.colour, (x + 12.0, y), colour);
        }
    }

    /// Circle, square, triangle, diamond, by series, as in the SVG.
    fn symbol(&mut self, series: usize, (x, y): (f64, f64), colour: Rgb) {
        match series % 4 {
            0 => self.stroke((x, y), (x, y), 8.0, colour),
            1 => {
                let corner = ((x - 3.5) * self.zoom, (y - 3.5) * self.zoom);
                self.canvas.rectangle(corner, (7.0 * self.zoom, 7.0 * self.zoom), colour);
            }
            kind => {
                let rows = (9.0 * self.zoom).ceil() as usize;
                for row in 0..=rows {
                    let down = -4.5 + 9.0 * row as f64 / rows as f64;
                    let half = if kind == 2 {
                        (down + 4.5) / 9.0 * 4.6
                    } else {
                        4.8 - down.abs() * 4.8 / 4.5
                    };
                    self.stroke(
                        (x - half, y + down),
                        (x + half, y + down),
                        1.2 / self.zoom,
                        colour,
                    );
                }
            }
        }
    }
}

/// The part of a stroke inside the frame (J. D. Foley et al., Liang and Barsky's algorithm).
fn cut(frame: &PlotArea, a: (f64, f64), b: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (speed, room) in [
        (-dx, a.0 - frame.left),
        (dx, frame.right - a.0),
        (-dy, a.1 - frame.top),
        (dy, frame.bottom - a.1),
    ] {
        if speed == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if speed < 0.0 {
            enter = enter.max(room / speed);
        } else {
            leave = leave.min(room / speed);
        }
    }
    let at = |t: f64| (a.0 + t * dx, a.1 + t * dy);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

/// Width and colour of a series' line; a pale one is half way to the paper.
fn pen(series: &Series, colour: Rgb) -> (f64, Rgb) {
    let (width, pale) = series.mark.pen();
    (width, if pale { colour.map(|code| code / 2 + 127) } else { colour })
}

/// The colour of a series.
fn colour(series: usize) -> Rgb {
    let text = SERIES_COLOURS[series % SERIES_COLOURS.len()];
    [1, 3, 5].map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap_or("0"), 16).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Axis;
    use crate::plot::histogram;
    use crate::series::Point;

    #[test]
    fn points_lines_and_guides_stand_where_the_axes_say() {
        let mut plot =
            Plot::new("T", Axis::log("photons").range(1e3, 1e5), Axis::linear("y").range(0.0, 1.0));
        let points = [(1e3, 0.0), (1e4, 0.5), (1e5, 5.0)]
            .map(|(x, y)| Point { x, y, error: Some(0.1) })
            .to_vec();
        plot.series.push(Series { points, ..Series::new("", 0, Mark::LineAndSymbols, []) });
        plot.guides.push(Guide { y: 0.8, label: "goal".into() });
        let picture = Picture::decode(&plot.png(2.0)).unwrap();
        assert_eq!((picture.width(), picture.height()), (840, 560));
        // PlotArea: x from 58 to 408, y from 236 up to 26.
        let (x, y) = ((58.0 + 175.0) * 2.0, (236.0 - 0.5 * 210.0) * 2.0);
        assert_eq!(picture.pixels[(y as usize, x as usize)], [0x00, 0x72, 0xb2]);
        let row = ((236.0 - 0.8 * 210.0) * 2.0) as usize;
        assert!((120..800).any(|x| picture.pixels[(row, x)] == GUIDE));
        // The line leaves the frame at its top and goes no further.
        let blue = |row: usize| (0..840).any(|x| picture.pixels[(row, x)] == [0x00, 0x72, 0xb2]);
        assert!(blue(60) && !blue(44));
    }

    #[test]
    fn odd_plots_are_drawn_too() {
        let mut odd = Plot::new("\u{2603}", Axis::log(""), Axis::linear(""));
        odd.series.push(Series::new("", 2, Mark::Line, [(0.0, f64::NAN), (f64::INFINITY, 1.0)]));
        for zoom in [f64::NAN, 0.0, -1.0, 1e9] {
            assert_eq!(&odd.png(zoom)[1..4], b"PNG");
        }
        assert_eq!(&histogram("h", "counts", &[0.0, 1.0, 1.0, 7.0], 4).png(1.0)[1..4], b"PNG");
    }
}
