//! Line plots and histograms as SVG.

use crate::axis::{Axis, Span};
use crate::legend::Legend;
use crate::plot_area::PlotArea;
use crate::series::{Guide, Mark, Point, Series};
use crate::sheet::text_width;
use crate::svg::{Look, text};

/// A plot of series over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What is shown; also the accessible name.
    pub title: String,
    /// Alternative text, for people who cannot see it.
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

    /// The plotting area below a legend.
    pub(crate) fn frame(&self, legend: &Legend<'_>) -> PlotArea {
        let mut area = PlotArea {
            left: 58.0,
            top: self.title_height() + legend.height() + 4.0,
            right: self.size.0 - 12.0,
            bottom: self.size.1 - 44.0,
            x: Span::of(&self.x, self.points().map(|p| p.x).chain(self.bar_edges())),
            y: Span::of(&self.y, self.values()),
        };
        // The axis' own label stands at the left of those of its ticks.
        let widths = area.y_ticks().into_iter().map(|tick| text_width(&tick.label));
        area.left = widths.fold(area.left, |left, width| left.max(26.0 + width));
        area
    }

    pub(crate) fn title_height(&self) -> f64 {
        if self.show_title { 22.0 } else { 4.0 }
    }

    /// The SVG. The same text for the same plot.
    pub fn svg(&self, look: Look) -> String {
        let legend = Legend::of(&self.series, self.size.0);
        let (frame, title_height) = (self.frame(&legend), self.title_height());
        let mut body = String::new();
        if self.show_title {
            body +=
                &text((12.0, 17.0), "start", "font-size=\"13\" font-weight=\"600\"", &self.title);
        }
        legend.draw(&mut body, look, title_height + 8.0);
        frame.draw(&mut body, &self.x.label, &self.y.label);
        for guide in &self.guides {
            let at_left = frame.room_at_left(guide, &self.series);
            frame.guide(&mut body, guide, at_left);
        }
        for series in &self.series {
            frame.series(&mut body, look, series);
        }
        look.document(self.size, &self.title, &self.description, &body)
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = &Point> {
        self.series.iter().flat_map(|series| &series.points)
    }

    fn bar_edges(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| {
            let half = match series.mark {
                Mark::Bars(width) => width / 2.0,
                _ => 0.0,
            };
            series
                .points
                .iter()
                .filter(move |_| half > 0.0)
                .flat_map(move |p| [p.x - half, p.x + half])
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

/// A histogram of `values` in at most `bins` bars of equal width; `label` names the values and
/// their unit.
pub fn histogram(
    title: impl Into<String>,
    label: impl Into<String>,
    values: &[f64],
    bins: usize,
) -> Plot {
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
    let (low, high) =
        finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return (1.0, Vec::new());
    }
    let bins = if low == high { 1 } else { bins.max(1) };
    let width = if low == high { low.abs().max(1.0) / 10.0 } else { (high - low) / bins as f64 };
    let start = if low == high { low - width / 2.0 } else { low };
    let mut counts: Vec<(f64, usize)> =
        (0..bins).map(|i| (start + (i as f64 + 0.5) * width, 0)).collect();
    for value in finite() {
        counts[(((value - start) / width) as usize).min(bins - 1)].1 += 1;
    }
    (width, counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::short;

    fn sample() -> Plot {
        let mut plot =
            Plot::new("Quality <against> dose", Axis::log("photons"), Axis::linear("SSIM"));
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
        // PlotArea: x from 58 to 408, y from 236 up to 44; the middle point is half way along the
        // decades at 0.7.
        let (x, y) = (58.0 + 0.5 * 350.0, 236.0 - 0.7 * (236.0 - 44.0));
        assert!(svg.contains(&format!("M{} {}a4", short(x - 4.0), short(y))), "{svg}");
    }

    #[test]
    fn long_ticks_leave_room_for_the_label_of_their_axis() {
        let left = |low: f64, high: f64| {
            let plot = Plot::new("", Axis::linear("x"), Axis::linear("y").range(low, high));
            plot.frame(&Legend::of(&[], 420.0)).left
        };
        assert_eq!(left(0.0, 1.0), 58.0);
        // Ticks as 10000.2 end six units before the axis and begin behind the label.
        assert!(left(10_000.0, 10_001.0) > 26.0 + 8.0 * 5.0);
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
        let path = svg
            .split("<svg x=")
            .nth(1)
            .unwrap()
            .split('"')
            .find(|part| part.starts_with('M'))
            .unwrap();
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
