//! The names of a plot's series.

use crate::number::short;
use crate::plot_area::symbol;
use crate::series::{Mark, Series};
use crate::svg::{Look, escape};
use std::fmt::Write;

/// The names of the series in rows above the frame.
pub(crate) struct Legend<'a> {
    /// Series, row, and where it begins.
    pub entries: Vec<(&'a Series, usize, f64)>,
    rows: usize,
}

impl<'a> Legend<'a> {
    /// The names of `series` in a plot that is `width` units wide.
    pub fn of(series: &'a [Series], width: f64) -> Self {
        let mut entries = Vec::new();
        let (mut row, mut x) = (0, 58.0);
        for series in series.iter().filter(|series| !series.name.is_empty()) {
            let length = 32.0 + 6.8 * series.name.chars().count() as f64 + 14.0;
            if x + length > width && x > 58.0 {
                (row, x) = (row + 1, 58.0);
            }
            entries.push((series, row, x));
            x += length;
        }
        let rows = if entries.is_empty() { 0 } else { row + 1 };
        Self { entries, rows }
    }

    pub fn height(&self) -> f64 {
        18.0 * self.rows as f64
    }

    pub fn draw(&self, body: &mut String, look: Look, top: f64) {
        for &(series, row, x) in &self.entries {
            let y = top + 18.0 * row as f64 + 2.0;
            let colour = look.colour(series.colour);
            let dashes = if series.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
            if series.mark != Mark::Symbols {
                let (width, pale) = series.mark.pen();
                let opacity = if pale { " stroke-opacity=\"0.55\"" } else { "" };
                let _ = writeln!(
                    body,
                    "<path d=\"M{} {}h24\" fill=\"none\" style=\"stroke:{colour}\" stroke-width=\"{width}\"{opacity}{dashes}/>",
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
