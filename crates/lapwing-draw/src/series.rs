//! What stands in a plot: named points and threshold lines.

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
    /// A symbol each; its shape distinguishes series without colour.
    Symbols,
    /// Both.
    LineAndSymbols,
    /// Joined by a thin, pale line: for what was fitted rather than measured.
    Fit,
    /// Bars from zero, this wide in units of `x`.
    Bars(f64),
}

impl Mark {
    /// Width of its line in user units, and whether the line is pale.
    pub(crate) fn pen(self) -> (f64, bool) {
        if self == Self::Fit { (1.0, true) } else { (1.8, false) }
    }
}

/// Named points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend; a plot with a single unnamed series has no legend.
    pub name: String,
    /// The points in the order in which they are joined. Points without a place on the axes
    /// interrupt the line.
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
