//! A data set at a glance: mean pattern, probe, scan and counts in one PNG.

use crate::canvas::{Anchor, Canvas};
use crate::colormap::INK;
use crate::figure::{Panel, SIDE, compose};
use crate::fit::fit;
use crate::number::plain;
use crate::plot::bin;
use crate::{Colormap, Painter, Picture};
use lapwing_model::Position;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use num_complex::Complex32;

/// What a contact sheet shows.
#[derive(Debug, Clone)]
pub struct ContactSheet<'a> {
    /// Heading, for example the file's name.
    pub title: &'a str,
    /// Mean intensity over the patterns, axes (y, x), zero frequency in the centre; shown
    /// logarithmically.
    pub mean_pattern: ArrayView2<'a, f32>,
    /// The probe's modes, axes (mode, y, x), when there is a probe; the first one is shown.
    pub probe: Option<ArrayView3<'a, Complex32>>,
    /// Whether it was made for a reconstruction to start from, and is not the data set's own.
    pub probe_is_made: bool,
    /// Window centres.
    pub scan: &'a [Position],
    /// Diameter of the illuminated disc, pixels.
    pub probe_diameter: f64,
    /// Summed intensity of each pattern.
    pub totals: &'a [f64],
    /// Unit of `totals`: `photons` when the dose scale is known.
    pub totals_unit: &'a str,
    /// Side of an object pixel in metres, when it is known: probe and positions get scale bars in
    /// metres, in pixels otherwise.
    pub pixel_size: Option<f64>,
    /// The detector's properties, when they are known.
    pub detector: Option<Detector<'a>>,
}

/// What a detector adds to the light, and where it does not measure.
#[derive(Debug, Clone, Copy)]
pub struct Detector<'a> {
    /// Mean light of every pixel that is the same in all patterns, axes (y, x) as the mean pattern,
    /// in the unit of the totals.
    pub background: ArrayView2<'a, f32>,
    /// Pixels (y, x) that never count.
    pub dead: &'a [(usize, usize)],
    /// Pixels (y, x) that show too much, or always the same.
    pub hot: &'a [(usize, usize)],
}

impl ContactSheet<'_> {
    /// The PNG.
    pub fn png(&self) -> Vec<u8> {
        let totals = format!("sum of each pattern, {}", self.totals_unit);
        let totals = Panel::new(totals, histogram_picture(self.totals));
        let fields = [self.shown_probe(), self.positions(), totals];
        let panels = match self.detector {
            // The detector in one row, what is on it in the other.
            Some(detector) => {
                vec![self.pattern(), self.background(&detector), self.faulty(&detector)]
            }
            None => vec![self.pattern()],
        };
        let columns = if self.detector.is_some() { 3 } else { 2 };
        let panels: Vec<Panel> = panels.into_iter().chain(fields).collect();
        compose(&panels, columns, Some(self.title)).png()
    }

    fn pattern(&self) -> Panel {
        let picture = Painter::default().map(Colormap::Magma).max_side(SIDE);
        let picture = picture.scalar(self.logarithm().view());
        Panel::new(format!("mean pattern, {}, log scale", self.totals_unit), picture).decades()
    }

    fn background(&self, detector: &Detector<'_>) -> Panel {
        let highest = detector.background.iter().copied().fold(0.0, f32::max);
        if highest <= 0.0 {
            return Panel::new("no background found", blank());
        }
        let painter = Painter::default().map(Colormap::Magma).max_side(SIDE);
        let picture = painter.range((0.0, highest)).scalar(detector.background);
        Panel::new(format!("background, {} per pixel", self.totals_unit), picture)
    }

    fn faulty(&self, detector: &Detector<'_>) -> Panel {
        let title = match (detector.dead.len(), detector.hot.len()) {
            (0, 0) => "no faulty pixels found".to_owned(),
            (dead, hot) => format!("{dead} dead (blue), {hot} hot (orange) pixels"),
        };
        Panel::new(title, self.ringed(detector))
    }

    /// The mean pattern in grey with a ring around every faulty pixel.
    fn ringed(&self, detector: &Detector<'_>) -> Picture {
        let painter = Painter::default().map(Colormap::Grey).max_side(SIDE);
        let shown = fit(&painter.scalar(self.logarithm().view()), SIDE);
        let zoom = shown.zoom;
        let mut canvas = Canvas::new(shown.width(), shown.height(), FAINT);
        canvas.picture((0, 0), &shown);
        let radius = (0.75 * zoom).max(4.0);
        for (pixels, colour) in [(detector.dead, BLUE), (detector.hot, ORANGE)] {
            for &(y, x) in pixels {
                let centre = (zoom * (x as f64 + 0.5), zoom * (y as f64 + 0.5));
                canvas.circle(centre, radius, 1.6, colour);
            }
        }
        Picture::of_pixels(canvas.pixels)
    }

    /// Logarithm to base 10 of the mean pattern.
    fn logarithm(&self) -> Array2<f32> {
        // Pixels without a count have no logarithm; they get the smallest there is.
        let floor =
            self.mean_pattern.iter().copied().filter(|&v| v > 0.0).fold(f32::INFINITY, f32::min);
        let logarithm = |value: f32| if value.is_nan() { value } else { value.max(floor).log10() };
        self.mean_pattern.mapv(logarithm)
    }

    fn shown_probe(&self) -> Panel {
        let first = self.probe.filter(|modes| modes.len_of(Axis(0)) > 0);
        let Some(modes) = first else {
            return Panel::new("no probe in the file", blank());
        };
        let picture = Painter::default().max_side(SIDE).complex(modes.index_axis(Axis(0), 0));
        let probe = if self.probe_is_made { "start probe, made" } else { "probe" };
        let title = match modes.len_of(Axis(0)) {
            1 => format!("{probe}, hue is phase"),
            count => format!("{probe}, first of {count} modes, hue is phase"),
        };
        self.scaled(Panel::new(title, picture)).hues()
    }

    fn positions(&self) -> Panel {
        let title =
            format!("{} positions, disc {} px", self.scan.len(), plain(self.probe_diameter, 3));
        self.scaled(Panel::new(title, scan_picture(self.scan, self.probe_diameter)))
    }

    fn scaled(&self, panel: Panel) -> Panel {
        match self.pixel_size {
            Some(metres) => panel.pixel_size(metres),
            None => panel.pixels(),
        }
    }
}

const BLUE: [u8; 3] = [0x00, 0x72, 0xb2];
const ORANGE: [u8; 3] = [0xd5, 0x5e, 0x00];
const FAINT: [u8; 3] = [0xee, 0xf0, 0xf2];

/// Where there is nothing to show.
fn blank() -> Picture {
    Picture::of_pixels(Array2::from_elem((SIDE, SIDE), FAINT))
}

/// The positions and one disc, y downwards.
fn scan_picture(scan: &[Position], diameter: f64) -> Picture {
    let side = SIDE as f64;
    let mut canvas = Canvas::new(SIDE, SIDE, FAINT);
    let mut zoom = 1.0;
    let finite: Vec<Position> =
        scan.iter().copied().filter(|p| p.y.is_finite() && p.x.is_finite()).collect();
    if let Some((y0, y1, x0, x1)) = lapwing_model::position::bounding_box(&finite) {
        let reach = if diameter.is_finite() { diameter.max(0.0) / 2.0 } else { 0.0 };
        let border = 2.0 * reach.max(1.0);
        // The scale bar gets a strip of its own, so that it hides no position.
        let high = side - 28.0;
        let scale = (high / (y1 - y0 + border)).min(side / (x1 - x0 + border));
        zoom = scale;
        let middle = Position { y: f64::midpoint(y0, y1), x: f64::midpoint(x0, x1) };
        let place = |p: &Position| {
            (side / 2.0 + scale * (p.x - middle.x), high / 2.0 + scale * (p.y - middle.y))
        };
        let dot = (0.5 * side / (finite.len() as f64).sqrt()).clamp(1.2, 5.0);
        for position in &finite {
            canvas.stroke(place(position), place(position), dot, BLUE);
        }
        let central =
            finite.iter().min_by(|a, b| a.distance(middle).total_cmp(&b.distance(middle)));
        if let Some(centre) = central {
            canvas.circle(place(centre), reach * scale, 2.0, ORANGE);
        }
    }
    Picture { zoom, ..Picture::of_pixels(canvas.pixels) }
}

/// Bars of equal width with the ends of the axis named.
fn histogram_picture(values: &[f64]) -> Picture {
    let side = SIDE as f64;
    let base = side - 18.0;
    let mut canvas = Canvas::new(SIDE, SIDE, [255; 3]);
    let (width, bins) = bin(values, 40);
    let highest = bins.iter().map(|&(_, count)| count).max().unwrap_or(1) as f64;
    for (i, &(_, count)) in bins.iter().enumerate() {
        let (left, right) =
            (side * i as f64 / bins.len() as f64, side * (i + 1) as f64 / bins.len() as f64);
        let height = (base - 12.0) * count as f64 / highest;
        canvas.rectangle(
            (left.round(), base - height),
            (right.round() - left.round() - 1.0, height),
            BLUE,
        );
    }
    canvas.rectangle((0.0, base), (side, 1.0), INK);
    if let Some((tallest, &(_, count))) =
        bins.iter().enumerate().max_by_key(|(i, (_, count))| (*count, bins.len() - i))
    {
        let middle = side * (tallest as f64 + 0.5) / bins.len() as f64;
        let anchor = if middle < side / 2.0 { Anchor::Start } else { Anchor::End };
        canvas.text((middle, 7.5), 7.0, anchor, INK, &format!("{count} patterns"));
    }
    if let (Some((first, _)), Some((last, _))) = (bins.first(), bins.last()) {
        let (low, high) = (first - width / 2.0, last + width / 2.0);
        canvas.text((1.0, side - 4.0), 7.0, Anchor::Start, INK, &plain(low, 3));
        canvas.text((side - 2.0, side - 4.0), 7.0, Anchor::End, INK, &plain(high, 3));
    }
    Picture::of_pixels(canvas.pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(pattern: ArrayView2<'_, f32>) -> ContactSheet<'_> {
        ContactSheet {
            title: "nothing",
            mean_pattern: pattern,
            probe: None,
            probe_is_made: false,
            scan: &[Position { y: f64::NAN, x: 0.0 }],
            probe_diameter: f64::NAN,
            totals: &[f64::INFINITY],
            totals_unit: "photons",
            pixel_size: None,
            detector: None,
        }
    }

    #[test]
    fn sheets_of_odd_data_are_still_made() {
        let empty = Array2::<f32>::zeros((0, 0));
        let blank = Array2::<f32>::zeros((8, 8));
        for pattern in [empty.view(), blank.view()] {
            let sheet = odd(pattern);
            assert!(sheet.png().len() > 100);
            let detector = Detector { background: pattern, dead: &[(100, 0)], hot: &[(0, 0)] };
            assert!(ContactSheet { detector: Some(detector), ..sheet }.png().len() > 100);
        }
    }

    #[test]
    fn faulty_pixels_are_ringed_where_they_are() {
        // 40 x 28 pixels, each 7 x 7 on the sheet.
        let pattern = Array2::from_shape_fn((40, 28), |(y, x)| (1 + y + x) as f32);
        let sheet = odd(pattern.view());
        let detector =
            Detector { background: pattern.view(), dead: &[(5, 20)], hot: &[(30, 3), (31, 20)] };
        let picture = sheet.ringed(&detector);
        assert_eq!((picture.height(), picture.width()), (280, 196));
        // The middle of the pixels of a colour, in pixels of the pattern.
        let middle = |colour: [u8; 3]| {
            let found: Vec<(usize, usize)> = picture
                .pixels
                .indexed_iter()
                .filter(|(_, pixel)| **pixel == colour)
                .map(|(at, _)| at)
                .collect();
            let mean =
                |values: Vec<usize>| values.iter().sum::<usize>() as f64 / values.len() as f64;
            let rows = mean(found.iter().map(|at| at.0).collect());
            (rows / 7.0, mean(found.iter().map(|at| at.1).collect()) / 7.0)
        };
        let near = |found: (f64, f64), y: f64, x: f64| {
            assert!((found.0 - y).abs() < 0.5 && (found.1 - x).abs() < 0.5, "{found:?}");
        };
        near(middle(BLUE), 5.5, 20.5);
        near(middle(ORANGE), 31.0, 12.0);
        let none = Detector { dead: &[], hot: &[], ..detector };
        assert!(!sheet.ringed(&none).pixels.iter().any(|pixel| *pixel == ORANGE));
    }
}
