//! The plotting area: grid, axes, and what is drawn inside.

use crate::axis::{Span, Tick};
use crate::number::short;
use crate::series::{Guide, Mark, Point, Series};
use crate::svg::{Look, text};
use std::fmt::Write;

/// Places at which a line between two points is looked at.
const BETWEEN: i32 = 16;

/// The plotting area and its two spans.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlotArea {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub x: Span,
    pub y: Span,
}

impl PlotArea {
    /// Where a point stands; `None` where an axis has no place for it.
    pub fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (across, up) = (self.x.place(x)?, self.y.place(y)?);
        // Far outside is as good as infinity, and keeps the numbers short.
        let (across, up) = (across.clamp(-9.0, 10.0), up.clamp(-9.0, 10.0));
        Some((
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        ))
    }

    pub fn inside(&self, (x, y): (f64, f64)) -> bool {
        let slack = 0.01;
        (self.left - slack..=self.right + slack).contains(&x)
            && (self.top - slack..=self.bottom + slack).contains(&y)
    }

    pub fn x_ticks(&self) -> Vec<Tick> {
        self.x.ticks(((self.right - self.left) / 60.0) as usize)
    }

    pub fn y_ticks(&self) -> Vec<Tick> {
        self.y.ticks(((self.bottom - self.top) / 36.0) as usize)
    }

    /// Grid, tick labels, axis lines and axis labels.
    pub fn draw(&self, body: &mut String, x_label: &str, y_label: &str) {
        let (mut strong, mut faint) = (String::new(), String::new());
        let mut labels = String::new();
        for tick in self.x_ticks() {
            let x = self.left + tick.place * (self.right - self.left);
            let grid = if tick.label.is_empty() { &mut faint } else { &mut strong };
            let _ = write!(grid, "M{} {}V{}", short(x), short(self.bottom), short(self.top));
            if !tick.label.is_empty() {
                labels += &text((x, self.bottom + 16.0), "middle", "", &tick.label);
            }
        }
        for tick in self.y_ticks() {
            let y = self.bottom - tick.place * (self.bottom - self.top);
            let grid = if tick.label.is_empty() { &mut faint } else { &mut strong };
            let _ = write!(grid, "M{} {}H{}", short(self.left), short(y), short(self.right));
            if !tick.label.is_empty() {
                labels += &text((self.left - 6.0, y + 4.0), "end", "", &tick.label);
            }
        }
        for (grid, opacity) in [(faint, "0.06"), (strong, "0.14")] {
            if !grid.is_empty() {
                let _ = writeln!(
                    body,
                    "<path d=\"{grid}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"{opacity}\"/>"
                );
            }
        }
        let _ = writeln!(
            body,
            "<path d=\"M{l} {t}V{b}H{r}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.6\"/>",
            l = short(self.left),
            t = short(self.top),
            b = short(self.bottom),
            r = short(self.right)
        );
        let _ = write!(body, "<g fill-opacity=\"0.85\">\n{labels}</g>\n");
        *body += &text(((self.left + self.right) / 2.0, self.bottom + 36.0), "middle", "", x_label);
        let middle = (self.top + self.bottom) / 2.0;
        let turned = format!("transform=\"rotate(-90 14 {})\"", short(middle));
        *body += &text((14.0, middle), "middle", &turned, y_label);
    }

    /// Whether the left end of a guide, with the label above it, is freer of points and of the
    /// lines between them than its right end.
    pub fn room_at_left(&self, guide: &Guide, series: &[Series]) -> bool {
        let Some(level) = self.y.place(guide.y) else { return false };
        // The middle of the label: 8 units above the line.
        let level = level + 8.0 / (self.bottom - self.top).max(1.0);
        let mut room = [f64::INFINITY; 2];
        for one in series {
            let place = |p: &Point| self.x.place(p.x).zip(self.y.place(p.y));
            let places: Vec<(f64, f64)> = one.points.iter().filter_map(place).collect();
            let along = |ends: &[(f64, f64)]| {
                let (from, to) = (ends[0], ends[ends.len() - 1]);
                (0..=BETWEEN).map(move |step| {
                    let part = f64::from(step) / f64::from(BETWEEN);
                    (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1))
                })
            };
            let joined = if one.mark == Mark::Symbols { 1 } else { 2.min(places.len().max(1)) };
            for (across, up) in places.windows(joined).flat_map(along) {
                if !(0.3..=0.7).contains(&across) {
                    let end = &mut room[usize::from(across > 0.5)];
                    *end = end.min((up - level).abs());
                }
            }
        }
        room[0] > room[1]
    }

    pub fn guide(&self, body: &mut String, guide: &Guide, at_left: bool) {
        let Some(place) = self.y.place(guide.y).filter(|place| (0.0..=1.0).contains(place)) else {
            return;
        };
        let y = self.bottom - place * (self.bottom - self.top);
        let _ = writeln!(
            body,
            "<path d=\"M{} {}H{}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.55\" stroke-dasharray=\"2 4\"/>",
            short(self.left),
            short(y),
            short(self.right)
        );
        let (x, anchor) =
            if at_left { (self.left + 5.0, "start") } else { (self.right - 3.0, "end") };
        *body +=
            &text((x, y - 4.0), anchor, "font-size=\"11\" fill-opacity=\"0.75\"", &guide.label);
    }

    pub fn series(&self, body: &mut String, look: Look, series: &Series) {
        let colour = look.colour(series.colour);
        match series.mark {
            Mark::Bars(width) => return self.bars(body, &colour, series, width),
            Mark::Line | Mark::LineAndSymbols | Mark::Fit => self.line(body, &colour, series),
            Mark::Symbols => {}
        }
        self.error_bars(body, &colour, series);
        if matches!(series.mark, Mark::Symbols | Mark::LineAndSymbols) {
            let places = series
                .points
                .iter()
                .filter_map(|p| self.at(p.x, p.y))
                .filter(|&at| self.inside(at));
            let path: String = places.map(|at| symbol(series.colour, at)).collect();
            let _ = writeln!(
                body,
                "<path d=\"{path}\" style=\"fill:{colour};stroke:{}\" stroke-width=\"0.8\"/>",
                look.paper()
            );
        }
    }

    fn line(&self, body: &mut String, colour: &str, series: &Series) {
        let mut path = String::new();
        let mut pen_down = false;
        for point in &series.points {
            let Some((x, y)) = self.at(point.x, point.y) else {
                pen_down = false;
                continue;
            };
            let command = if pen_down { 'L' } else { 'M' };
            let _ = write!(path, "{command}{} {}", short(x - self.left), short(y - self.top));
            pen_down = true;
        }
        let dashes = if series.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let (width, pale) = series.mark.pen();
        let opacity = if pale { " stroke-opacity=\"0.55\"" } else { "" };
        // The inner svg cuts off what leaves the frame.
        let _ = writeln!(
            body,
            "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><path d=\"{path}\" fill=\"none\" style=\"stroke:{colour}\" \
             stroke-width=\"{width}\" stroke-linejoin=\"round\"{opacity}{dashes}/></svg>",
            short(self.left),
            short(self.top),
            short(self.right - self.left),
            short(self.bottom - self.top)
        );
    }

    /// Where the error bar of a point stands, from its low to its high end, as far as it is inside.
    pub fn error_bar(&self, point: &Point) -> Option<(f64, f64, f64)> {
        let error = point.error.filter(|error| error.is_finite() && *error > 0.0)?;
        let ((x, low), (_, high)) =
            self.at(point.x, point.y - error).zip(self.at(point.x, point.y + error))?;
        let (low, high) = (low.min(self.bottom), high.max(self.top));
        (low > high && self.inside((x, low))).then_some((x, low, high))
    }

    fn error_bars(&self, body: &mut String, colour: &str, series: &Series) {
        let mut path = String::new();
        for point in &series.points {
            if let Some((x, low, high)) = self.error_bar(point) {
                let (left, x_text, low, high) = (short(x - 4.0), short(x), short(low), short(high));
                let _ = write!(path, "M{left} {low}h8M{left} {high}h8M{x_text} {low}V{high}");
            }
        }
        if !path.is_empty() {
            let _ = writeln!(
                body,
                "<path d=\"{path}\" fill=\"none\" style=\"stroke:{colour}\" stroke-width=\"1.4\"/>"
            );
        }
    }

    fn bars(&self, body: &mut String, colour: &str, series: &Series, width: f64) {
        let mut path = String::new();
        for point in &series.points {
            let corners =
                self.at(point.x - width / 2.0, 0.0).zip(self.at(point.x + width / 2.0, point.y));
            if let Some(((left, bottom), (right, top))) = corners {
                let (left, right) = (left.max(self.left), right.min(self.right));
                let (bottom, top) = (bottom.min(self.bottom), top.max(self.top));
                let gap = if right - left > 4.0 { 0.5 } else { 0.0 };
                let (l, b) = (short(left + gap), short(bottom));
                let _ = write!(path, "M{l} {b}V{}H{}V{b}z", short(top), short(right - gap));
            }
        }
        let _ = writeln!(body, "<path d=\"{path}\" style=\"fill:{colour}\"/>");
    }
}

/// The outline of a symbol: circle, square, triangle, diamond, by series.
pub(crate) fn symbol(series: usize, (x, y): (f64, f64)) -> String {
    let at = |x_off: f64, y_off: f64| format!("{} {}", short(x + x_off), short(y + y_off));
    match series % 4 {
        0 => format!("M{}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", at(-4.0, 0.0)),
        1 => format!("M{}h7v7h-7z", at(-3.5, -3.5)),
        2 => format!("M{}L{}L{}z", at(0.0, -4.8), at(4.6, 3.4), at(-4.6, 3.4)),
        _ => format!("M{}L{}L{}L{}z", at(0.0, -5.0), at(5.0, 0.0), at(0.0, 5.0), at(-5.0, 0.0)),
    }
}
