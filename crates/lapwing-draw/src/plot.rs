//! Line plots and histograms as SVG.

use crate::axis::{Axis, Span};
use crate::number::short;
use crate::svg::{Look, escape, text};
use std::fmt::Write;

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Along the horizontal axis.
    pub x: f64,
    /// Along the vertical axis.
    pub y: f64,
    /// Half the length of the error bar (one standard error), in units of `y`.
    pub error: Option<f64>,
}

/// How the points of a series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Mark {
    /// Joined by a line.
    #[default]
    Line,
    /// A symbol each; its shape tells series apart without colour.
    Symbols,
    /// Both.
    LineAndSymbols,
    /// Bars from zero, this wide in units of `x`.
    Bars(f64),
}

/// Named points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend; a plot with a single unnamed series has no legend.
    pub name: String,
    /// The points in the order in which they are joined. Points without a place on the axes interrupt the line.
    pub points: Vec<Point>,
    /// Lines, symbols, or bars.
    pub mark: Mark,
    /// Index into [`SERIES_COLOURS`](crate::svg::SERIES_COLOURS) and the symbol shapes.
    pub colour: usize,
    /// Broken lines.
    pub dashed: bool,
}

impl Series {
    /// A series of `(x, y)` without error bars.
    pub fn new(
        name: impl Into<String>,
        colour: usize,
        mark: Mark,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let points = points.into_iter().map(|(x, y)| Point { x, y, error: None }).collect();
        Self { name: name.into(), points, mark, colour, dashed: false }
    }
}

/// A horizontal line across the plot with a label, for thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// Where, in units of `y`.
    pub y: f64,
    /// What it is.
    pub label: String,
}

/// A plot of series over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What is shown; also the accessible name.
    pub title: String,
    /// What there is to see, for people who do not see it.
    pub description: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The series, drawn in order.
    pub series: Vec<Series>,
    /// Threshold lines.
    pub guides: Vec<Guide>,
    /// Whether the title is drawn above the plot.
    pub show_title: bool,
    /// Width and height in user units; text is 12 units high.
    pub size: (f64, f64),
}

impl Plot {
    /// An empty plot of 420 x 280 units.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        let (title, description) = (title.into(), String::new());
        Self {
            title,
            description,
            x,
            y,
            series: Vec::new(),
            guides: Vec::new(),
            show_title: true,
            size: (420.0, 280.0),
        }
    }

    /// The SVG. The same text for the same plot.
    pub fn svg(&self, look: Look) -> String {
        let legend = Legend::of(self);
        let title_height = if self.show_title { 22.0 } else { 4.0 };
        let frame = Frame {
            left: 58.0,
            top: title_height + legend.height() + 4.0,
            right: self.size.0 - 12.0,
            bottom: self.size.1 - 44.0,
            x: Span::of(&self.x, self.points().map(|p| p.x).chain(self.bar_edges())),
            y: Span::of(&self.y, self.values()),
        };
        let mut body = String::new();
        if self.show_title {
            body += &text((12.0, 17.0), "start", "font-size=\"13\" font-weight=\"600\"", &self.title);
        }
        legend.draw(&mut body, look, title_height + 8.0);
        frame.draw(&mut body, &self.x.label, &self.y.label);
        for guide in &self.guides {
            let at_left = frame.room_at_left(guide, self.points());
            frame.guide(&mut body, guide, at_left);
        }
        for series in &self.series {
            frame.series(&mut body, look, series);
        }
        look.document(self.size, &self.title, &self.description, &body)
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.series.iter().flat_map(|series| &series.points)
    }

    fn bar_edges(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| {
            let half = match series.mark {
                Mark::Bars(width) => width / 2.0,
                _ => 0.0,
            };
            series.points.iter().filter(move |_| half > 0.0).flat_map(move |p| [p.x - half, p.x + half])
        })
    }

    /// All values that the vertical axis must reach.
    fn values(&self) -> impl Iterator<Item = f64> {
        let bars = self.series.iter().any(|series| matches!(series.mark, Mark::Bars(_)));
        let points = self.points().flat_map(|p| {
            let error = p.error.filter(|e| e.is_finite()).unwrap_or(0.0);
            [p.y - error, p.y, p.y + error]
        });
        points.chain(self.guides.iter().map(|guide| guide.y)).chain(bars.then_some(0.0))
    }
}

/// A histogram of `values` in at most `bins` bars of equal width; `label` names the values and their unit.
pub fn histogram(title: impl Into<String>, label: impl Into<String>, values: &[f64], bins: usize) -> Plot {
    let (width, counts) = bin(values, bins);
    let mut plot = Plot::new(title, Axis::linear(label), Axis::linear("number"));
    let highest = counts.iter().map(|&(_, count)| count).max().unwrap_or(1);
    plot.y.range = Some((0.0, highest as f64 * 1.05));
    let points = counts.iter().map(|&(centre, count)| (centre, count as f64));
    plot.series.push(Series::new("", 0, Mark::Bars(width), points));
    plot
}

/// Bin width, and centre and number of each bin. Values that are not finite are left out.
pub(crate) fn bin(values: &[f64], bins: usize) -> (f64, Vec<(f64, usize)>) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return (1.0, Vec::new());
    }
    let bins = if low == high { 1 } else { bins.max(1) };
    let width = if low == high { low.abs().max(1.0) / 10.0 } else { (high - low) / bins as f64 };
    let start = if low == high { low - width / 2.0 } else { low };
    let mut counts: Vec<(f64, usize)> = (0..bins).map(|i| (start + (i as f64 + 0.5) * width, 0)).collect();
    for value in finite() {
        counts[(((value - start) / width) as usize).min(bins - 1)].1 += 1;
    }
    (width, counts)
}

/// The plotting area and its two spans.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub x: Span,
    pub y: Span,
}

impl Frame {
    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (across, up) = (self.x.place(x)?, self.y.place(y)?);
        // Far outside is as good as infinity, and keeps the numbers short.
        let (across, up) = (across.clamp(-9.0, 10.0), up.clamp(-9.0, 10.0));
        Some((self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)))
    }

    fn inside(&self, (x, y): (f64, f64)) -> bool {
        let slack = 0.01;
        (self.left - slack..=self.right + slack).contains(&x)
            && (self.top - slack..=self.bottom + slack).contains(&y)
    }

    /// Grid, tick labels, axis lines and axis labels.
    pub fn draw(&self, body: &mut String, x_label: &str, y_label: &str) {
        let (mut strong, mut faint) = (String::new(), String::new());
        let mut labels = String::new();
        for tick in self.x.ticks(((self.right - self.left) / 60.0) as usize) {
            let x = self.left + tick.place * (self.right - self.left);
            let grid = if tick.label.is_empty() { &mut faint } else { &mut strong };
            let _ = write!(grid, "M{} {}V{}", short(x), short(self.bottom), short(self.top));
            if !tick.label.is_empty() {
                labels += &text((x, self.bottom + 16.0), "middle", "", &tick.label);
            }
        }
        for tick in self.y.ticks(((self.bottom - self.top) / 36.0) as usize) {
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

    /// Whether the left end of a guide is freer of points than its right end.
    fn room_at_left<'p>(&self, guide: &Guide, points: impl Iterator<Item = &'p Point>) -> bool {
        let Some(level) = self.y.place(guide.y) else { return false };
        let mut room = [f64::INFINITY; 2];
        for (across, up) in points.filter_map(|p| self.x.place(p.x).zip(self.y.place(p.y))) {
            if !(0.3..=0.7).contains(&across) {
                let end = &mut room[usize::from(across > 0.5)];
                *end = end.min((up - level).abs());
            }
        }
        room[0] > room[1]
    }

    fn guide(&self, body: &mut String, guide: &Guide, at_left: bool) {
        let Some(place) = self.y.place(guide.y).filter(|place| (0.0..=1.0).contains(place)) else { return };
        let y = self.bottom - place * (self.bottom - self.top);
        let _ = writeln!(
            body,
            "<path d=\"M{} {}H{}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.55\" stroke-dasharray=\"2 4\"/>",
            short(self.left),
            short(y),
            short(self.right)
        );
        let (x, anchor) = if at_left { (self.left + 5.0, "start") } else { (self.right - 3.0, "end") };
        *body += &text((x, y - 4.0), anchor, "font-size=\"11\" fill-opacity=\"0.75\"", &guide.label);
    }

    fn series(&self, body: &mut String, look: Look, series: &Series) {
        let colour = look.colour(series.colour);
        match series.mark {
            Mark::Bars(width) => return self.bars(body, &colour, series, width),
            Mark::Line | Mark::LineAndSymbols => self.line(body, &colour, series),
            Mark::Symbols => {}
        }
        self.error_bars(body, &colour, series);
        if series.mark != Mark::Line {
            let places = series.points.iter().filter_map(|p| self.at(p.x, p.y)).filter(|&at| self.inside(at));
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
        // The inner svg cuts off what leaves the frame.
        let _ = writeln!(
            body,
            "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><path d=\"{path}\" fill=\"none\" style=\"stroke:{colour}\" \
             stroke-width=\"1.8\" stroke-linejoin=\"round\"{dashes}/></svg>",
            short(self.left),
            short(self.top),
            short(self.right - self.left),
            short(self.bottom - self.top)
        );
    }

    fn error_bars(&self, body: &mut String, colour: &str, series: &Series) {
        let mut path = String::new();
        for point in &series.points {
            let error = point.error.filter(|error| error.is_finite() && *error > 0.0);
            let ends = error.and_then(|e| self.at(point.x, point.y - e).zip(self.at(point.x, point.y + e)));
            if let Some(((x, low), (_, high))) = ends {
                let (low, high) = (low.min(self.bottom), high.max(self.top));
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
            let corners = self.at(point.x - width / 2.0, 0.0).zip(self.at(point.x + width / 2.0, point.y));
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
fn symbol(series: usize, (x, y): (f64, f64)) -> String {
    let at = |x_off: f64, y_off: f64| format!("{} {}", short(x + x_off), short(y + y_off));
    match series % 4 {
        0 => format!("M{}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", at(-4.0, 0.0)),
        1 => format!("M{}h7v7h-7z", at(-3.5, -3.5)),
        2 => format!("M{}L{}L{}z", at(0.0, -4.8), at(4.6, 3.4), at(-4.6, 3.4)),
        _ => format!("M{}L{}L{}L{}z", at(0.0, -5.0), at(5.0, 0.0), at(0.0, 5.0), at(-5.0, 0.0)),
    }
}

/// The names of the series in rows above the frame.
struct Legend<'a> {
    entries: Vec<(&'a Series, usize, f64)>,
    rows: usize,
}

impl<'a> Legend<'a> {
    fn of(plot: &'a Plot) -> Self {
        let mut entries = Vec::new();
        let (mut row, mut x) = (0, 58.0);
        for series in plot.series.iter().filter(|series| !series.name.is_empty()) {
            let width = 32.0 + 6.8 * series.name.chars().count() as f64 + 14.0;
            if x + width > plot.size.0 && x > 58.0 {
                (row, x) = (row + 1, 58.0);
            }
            entries.push((series, row, x));
            x += width;
        }
        let rows = if entries.is_empty() { 0 } else { row + 1 };
        Self { entries, rows }
    }

    fn height(&self) -> f64 {
        18.0 * self.rows as f64
    }

    fn draw(&self, body: &mut String, look: Look, top: f64) {
        for &(series, row, x) in &self.entries {
            let y = top + 18.0 * row as f64 + 2.0;
            let colour = look.colour(series.colour);
            let dashes = if series.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
            if series.mark != Mark::Symbols {
                let _ = writeln!(
                    body,
                    "<path d=\"M{} {}h24\" fill=\"none\" style=\"stroke:{colour}\" stroke-width=\"1.8\"{dashes}/>",
                    short(x),
                    short(y)
                );
            }
            if matches!(series.mark, Mark::Symbols | Mark::LineAndSymbols) {
                let mark = symbol(series.colour, (x + 12.0, y));
                let _ = writeln!(body, "<path d=\"{mark}\" style=\"fill:{colour}\"/>");
            }
            let _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{}\">{}</text>",
                short(x + 30.0),
                short(y + 4.0),
                escape(&series.name)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Plot {
        let mut plot = Plot::new("Quality <against> dose", Axis::log("photons"), Axis::linear("SSIM"));
        plot.series.push(Series::new(
            "base & line",
            0,
            Mark::LineAndSymbols,
            [(1e3, 0.5), (1e4, 0.7), (1e5, 0.9)],
        ));
        plot.series[0].points[1].error = Some(0.05);
        plot.guides.push(Guide { y: 0.8, label: "goal".into() });
        plot
    }

    #[test]
    fn points_stand_where_the_axes_say() {
        let mut plot = sample();
        plot.x = Axis::log("photons").range(1e3, 1e5);
        plot.y = Axis::linear("SSIM").range(0.0, 1.0);
        let svg = plot.svg(Look::Standalone);
        // Frame: x from 58 to 408, y from 236 up to 44; the middle point is half way along the decades at 0.7.
        let (x, y) = (58.0 + 0.5 * 350.0, 236.0 - 0.7 * (236.0 - 44.0));
        assert!(svg.contains(&format!("M{} {}a4", short(x - 4.0), short(y))), "{svg}");
    }

    #[test]
    fn text_is_escaped_and_both_looks_differ_in_colours_only() {
        let plot = sample();
        let (inline, alone) = (plot.svg(Look::Inline), plot.svg(Look::Standalone));
        for svg in [&inline, &alone] {
            assert!(
                svg.contains("&lt;against&gt;")
                    && svg.contains("base &amp; line")
                    && !svg.contains("<against>")
            );
            assert!(svg.contains("role=\"img\"") && svg.contains("<title>"));
        }
        assert!(inline.contains("var(--series-0,#0072b2)") && !inline.contains("<rect"));
        assert!(alone.contains("<rect") && !alone.contains("var("));
        assert_eq!(inline, sample().svg(Look::Inline));
    }

    #[test]
    fn values_without_a_place_interrupt_the_line() {
        let mut plot = Plot::new("", Axis::linear(""), Axis::log(""));
        plot.series.push(Series::new(
            "",
            0,
            Mark::Line,
            [(0.0, 1.0), (1.0, 0.0), (2.0, 10.0), (3.0, f64::NAN), (4.0, 2.0)],
        ));
        let svg = plot.svg(Look::Inline);
        let path =
            svg.split("<svg x=").nth(1).unwrap().split('"').find(|part| part.starts_with('M')).unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (3, 0));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn histogram_counts_every_finite_value_once() {
        let values = [0.0, 0.1, 0.9, 1.0, f64::NAN, 0.5];
        let (width, counts) = bin(&values, 2);
        assert_eq!((width, counts), (0.5, vec![(0.25, 2), (0.75, 3)]));
        assert_eq!(bin(&[3.0; 4], 10).1, [(3.0, 4)]);
        assert!(bin(&[], 10).1.is_empty());
        assert!(histogram("h", "counts", &values, 4).svg(Look::Inline).contains("var(--series-0"));
    }
}
