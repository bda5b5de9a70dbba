//! How far positions were moved: arrows on a scan, as SVG.

use crate::number::{label, short};
use crate::scan_frame::{ScanFrame, extent, spacing};
use crate::svg::{Look, text};
use lapwing_model::Position;
use std::fmt::Write;

/// Arrows at most; of more positions every second, third, ... is drawn.
const MOST: usize = 2000;

/// How far positions were moved, an arrow at each.
#[derive(Debug, Clone)]
pub struct ShiftPlot<'a> {
    /// Accessible name.
    pub title: &'a str,
    /// Alternative text, for people who cannot see it.
    pub description: &'a str,
    /// Where positions were, pixels.
    pub before: &'a [Position],
    /// How far each was moved, pixels; as many.
    pub shifts: &'a [Position],
    /// Width in user units; the height follows from the scan.
    pub width: f64,
}

impl ShiftPlot<'_> {
    /// The SVG, y downwards as in pictures, the same scale along both axes. Arrows are enlarged
    /// until nine of ten are shorter than the distance of neighbours; one under the axes tells how
    /// long they are.
    pub fn svg(&self, look: Look) -> String {
        let pairs = self.before.iter().zip(self.shifts);
        let finite = |p: &Position| p.y.is_finite() && p.x.is_finite();
        let all: Vec<(Position, Position)> =
            pairs.filter(|(at, by)| finite(at) && finite(by)).map(|(at, by)| (*at, *by)).collect();
        let places: Vec<Position> = all.iter().map(|(at, _)| *at).collect();
        let spacing = spacing(&places).max(1e-3);
        let every = all.len().div_ceil(MOST).max(1);
        // Drawn ones are farther apart.
        let distance = spacing * (every as f64).sqrt();
        let room = distance.max(0.03 * extent(&places));
        let frame = ScanFrame::around(&places, room, self.width);

        let mut lengths: Vec<f64> = all.iter().map(|(_, by)| by.y.hypot(by.x)).collect();
        lengths.sort_by(f64::total_cmp);
        let usual = lengths.get(lengths.len() * 9 / 10).copied().unwrap_or(0.0);
        let times = if usual > 0.0 { round_down(distance / usual) } else { 1.0 };

        let title = match times {
            1.0 => self.title.to_owned(),
            times => format!("{}, {} times enlarged", self.title, label(times, 3)),
        };
        let mut body = text((12.0, 17.0), "start", "font-size=\"13\" font-weight=\"600\"", &title);
        let (mut arrows, mut feet) = (String::new(), String::new());
        for (at, by) in all.iter().step_by(every) {
            let end = Position { y: at.y + times * by.y, x: at.x + times * by.x };
            let (from, to) = (frame.place(at), frame.place(&end));
            let _ = write!(feet, "M{} {}h0", short(from.0), short(from.1));
            arrow(&mut arrows, from, to);
        }
        let stroke = |colour: String, width: &str, path: &str| {
            format!(
                "<path d=\"{path}\" fill=\"none\" stroke-linecap=\"round\" style=\"stroke:{colour}\" \
                 stroke-width=\"{width}\"/>\n"
            )
        };
        if !feet.is_empty() {
            body += &stroke("currentColor".to_owned(), "1.6", &feet);
            body += &stroke(look.colour(0), "1.1", &arrows);
        }
        frame.draw(&mut body);
        let (width, mut height) = frame.size();
        if usual > 0.0 {
            let length = round_down(usual);
            let (from, y) = (frame.left(), height + 12.0);
            let to = from + frame.scale * times * length;
            let mut path = String::new();
            arrow(&mut path, (from, y), (to, y));
            body += &stroke(look.colour(0), "1.1", &path);
            let told = format!("{} px", label(length, 3));
            body += &text((to + 8.0, y + 4.0), "start", "font-size=\"11\"", &told);
            height += 24.0;
        }
        look.document((width, height), &title, self.description, &body)
    }
}

/// The largest of 1, 2 and 5 times a power of ten that is not above `value`, which is above 0.
fn round_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0].into_iter().find(|step| step * power <= value).unwrap_or(1.0) * power
}

/// Adds an arrow to a path.
fn arrow(path: &mut String, (x0, y0): (f64, f64), (x1, y1): (f64, f64)) {
    let (x, y) = (x1 - x0, y1 - y0);
    let length = x.hypot(y);
    let _ = write!(path, "M{} {}L{} {}", short(x0), short(y0), short(x1), short(y1));
    let head = (0.35 * length).min(4.0);
    if length < 2.0 {
        return;
    }
    for side in [-1.0, 1.0] {
        let (along, across) = (0.85 * head / length, 0.5 * side * head / length);
        let tip = (x1 - along * x - across * y, y1 - along * y + across * x);
        let _ = write!(path, "M{} {}L{} {}", short(x1), short(y1), short(tip.0), short(tip.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<Position> {
        let at = |i: u32| Position { y: f64::from(i / 6) * 10.0, x: f64::from(i % 6) * 10.0 };
        (0..36).map(at).collect()
    }

    fn svg(before: &[Position], shifts: &[Position]) -> String {
        ShiftPlot { title: "Shifts", description: "", before, shifts, width: 300.0 }
            .svg(Look::Inline)
    }

    #[test]
    fn arrows_are_enlarged_to_the_distance_of_neighbours() {
        let shifts = vec![Position { y: 0.3, x: -0.4 }; 36];
        let drawn = svg(&grid(), &shifts);
        // Neighbours are 8.3 px apart as the area has it: 16 times 0.5 px, and 10 is round.
        assert!(drawn.contains("Shifts, 10 times enlarged"), "{drawn}");
        assert!(drawn.contains("0.5 px"), "{drawn}");
        assert_eq!(drawn.matches("h0").count(), 36);
    }

    #[test]
    fn round_numbers_are_not_above() {
        for (value, round) in [(1.0, 1.0), (1.9, 1.0), (2.0, 2.0), (49.0, 20.0), (0.07, 0.05)] {
            assert!((round_down(value) - round).abs() < 1e-12, "{value}");
        }
    }

    #[test]
    fn odd_and_many_positions_make_small_whole_pictures() {
        let odd = [Position { y: f64::NAN, x: 1.0 }, Position { y: 5.0, x: 5.0 }];
        for (before, shifts) in [(&[][..], &[][..]), (&odd, &odd), (&odd[1..], &odd[..1])] {
            let drawn = svg(before, shifts);
            assert!(drawn.starts_with("<svg") && !drawn.contains("NaN") && !drawn.contains("inf"));
        }
        let many: Vec<Position> = (0..40_000)
            .map(|i| Position { y: f64::from(i / 200) * 4.0, x: f64::from(i % 200) * 4.0 })
            .collect();
        assert!(svg(&many, &many).len() < 300_000);
    }
}
