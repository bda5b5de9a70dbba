//! Where the probe stood: a scan as SVG.

use crate::number::short;
use crate::scan_frame::{ScanFrame, extent, spacing};
use crate::svg::{Look, text};
use lapwing_model::Position;
use lapwing_model::position::bounding_box;
use std::fmt::Write;

/// Positions that were used and positions that were left out, over the area that the used ones
/// illuminate.
#[derive(Debug, Clone)]
pub struct ScanPlot<'a> {
    /// What is shown; also the accessible name.
    pub title: &'a str,
    /// Alternative text, for people who cannot see it.
    pub description: &'a str,
    /// Positions that were used.
    pub selected: &'a [Position],
    /// Positions that were left out.
    pub rejected: &'a [Position],
    /// Diameter of the illuminated disc, pixels: shades what is illuminated and draws one disc.
    pub probe_diameter: f64,
    /// Width in user units; the height follows from the scan.
    pub width: f64,
}

impl ScanPlot<'_> {
    /// The SVG, y downwards as in pictures, the same scale along both axes. The same text for the
    /// same scan.
    ///
    /// Points that fall on the same tenth of a user unit are drawn once, so that large scans stay
    /// small files.
    pub fn svg(&self, look: Look) -> String {
        let finite = |p: &&Position| p.y.is_finite() && p.x.is_finite();
        let all: Vec<Position> =
            self.selected.iter().chain(self.rejected).filter(finite).copied().collect();
        let reach =
            if self.probe_diameter.is_finite() { self.probe_diameter.max(0.0) / 2.0 } else { 0.0 };
        let room = reach.max(0.02 * extent(&all)).max(1.0);
        let frame = ScanFrame::around(&all, room, self.width);
        let (scale, place) = (frame.scale, |p: &Position| frame.place(p));

        let mut body =
            text((12.0, 17.0), "start", "font-size=\"13\" font-weight=\"600\"", self.title);
        let blue = look.colour(0);
        let mut layer = |positions: &[Position],
                         grid: f64,
                         colour: &str,
                         width: f64,
                         opacity: &str| {
            let path = dots(positions.iter().filter(finite).map(place), grid);
            if !path.is_empty() {
                let _ = writeln!(
                    body,
                    "<path transform=\"scale(.1)\" d=\"{path}\" fill=\"none\" stroke-linecap=\"round\" \
                     style=\"stroke:{colour}\" stroke-width=\"{}\" stroke-opacity=\"{opacity}\"/>",
                    short(10.0 * width)
                );
            }
        };
        // A stroke of no length with round ends is a disc, and one path does not darken where its
        // discs overlap. The outline of the illuminated area does not need every disc.
        layer(self.selected, (0.1 * reach * scale).max(0.1), &blue, 2.0 * reach * scale, "0.16");
        layer(self.rejected, 0.1, "currentColor", 2.2, "0.5");
        let dot = (scale * spacing(&all) * 0.45).clamp(1.2, 5.0);
        layer(self.selected, 0.1, &blue, dot, "1");

        frame.draw(&mut body);
        let (y0, y1, x0, x1) = bounding_box(&all).unwrap_or((0.0, 1.0, 0.0, 1.0));
        let middle = Position { y: f64::midpoint(y0, y1), x: f64::midpoint(x0, x1) };
        if let Some(centre) = self.most_central(middle) {
            let (x, y) = place(&centre);
            let _ = writeln!(
                body,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"none\" style=\"stroke:{}\" stroke-width=\"1.6\"/>",
                short(x),
                short(y),
                short(reach * scale),
                look.colour(1)
            );
        }
        look.document(frame.size(), self.title, self.description, &body)
    }

    /// The selected position nearest to a point.
    fn most_central(&self, centre: Position) -> Option<Position> {
        self.selected
            .iter()
            .copied()
            .min_by(|a, b| a.distance(centre).total_cmp(&b.distance(centre)))
    }
}

/// A path in tenths of a user unit with a point of no length at every place, each cell of side
/// `grid` at most once.
fn dots(places: impl Iterator<Item = (f64, f64)>, grid: f64) -> String {
    let mut cells: Vec<(i64, i64)> =
        places.map(|(x, y)| ((y / grid).round() as i64, (x / grid).round() as i64)).collect();
    cells.sort_unstable();
    cells.dedup();
    let tenths = |cell: i64| (cell as f64 * grid * 10.0).round() as i64;
    let mut path = String::new();
    let mut pen = (0, 0);
    for (row, column) in cells {
        let (x, y) = (tenths(column), tenths(row));
        let _ = write!(path, "m{} {}h0", x - pen.0, y - pen.1);
        pen = (x, y);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot<'a>(selected: &'a [Position], rejected: &'a [Position]) -> ScanPlot<'a> {
        ScanPlot {
            title: "scan <1>",
            description: "",
            selected,
            rejected,
            probe_diameter: 20.0,
            width: 300.0,
        }
    }

    #[test]
    fn every_position_is_a_dot_and_repeats_are_drawn_once() {
        let grid: Vec<Position> = (0..36)
            .map(|i| Position { y: f64::from(i / 6) * 10.0, x: f64::from(i % 6) * 10.0 })
            .collect();
        let twice = [&grid[..18], &grid[..18]].concat();
        let svg = plot(&twice, &grid[18..]).svg(Look::Inline);
        // Selected dots are there twice: as discs and as points.
        assert_eq!(svg.matches("h0").count(), 18 * 2 + 18);
        assert!(svg.contains("scan &lt;1&gt;") && svg.contains("<circle"));
    }

    #[test]
    fn empty_and_odd_scans_do_not_panic() {
        let odd = [Position { y: f64::NAN, x: 1.0 }, Position { y: 5.0, x: 5.0 }];
        for selected in [&[][..], &odd] {
            let svg = plot(selected, &[]).svg(Look::Standalone);
            assert!(
                svg.starts_with("<svg") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
        }
    }

    #[test]
    fn large_scans_stay_small() {
        let many: Vec<Position> = (0..40_000)
            .map(|i| Position { y: f64::from(i / 200) * 0.01, x: f64::from(i % 200) * 0.01 })
            .collect();
        assert!(plot(&many, &[]).svg(Look::Inline).len() < 500_000);
    }
}
