//! How the probe moves during an exposure, as it is said, or as the positions tell.

use std::str::FromStr;

use lapwing_model::{Position, Short};
use serde::Serialize;

use super::UnknownPhysics;

/// How the probe moves during an exposure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "String")]
pub enum Fly {
    /// From half-way before its position to half-way behind it, as the positions tell.
    Auto,
    /// This far along (y, x), pixels of the object, centred on the position.
    Along(f64, f64),
}

impl Fly {
    /// What it may be, in words.
    pub(crate) const EXPECTED: &str = "auto, or the motion DY,DX in object pixels";

    /// What messages call it.
    pub(crate) fn name(self) -> &'static str {
        self.if_auto("fly auto").unwrap_or("fly")
    }

    /// A way (y, x) in words, however long.
    pub(crate) fn in_words((y, x): (f64, f64)) -> String {
        format!("({:.2}, {:.2}) pixels, (y, x)", Short(y), Short(x))
    }

    /// `words` where the positions tell it.
    pub(super) fn if_auto(self, words: &'static str) -> Option<&'static str> {
        matches!(self, Self::Auto).then_some(words)
    }

    /// How far along (y, x), for positions `scan`.
    pub(super) fn along(self, scan: &[Position]) -> Result<(f64, f64), UnknownPhysics> {
        match self {
            Self::Along(y, x) => Ok((y, x)),
            Self::Auto => usual_step(scan).map_err(UnknownPhysics::Motion),
        }
    }
}

impl From<Fly> for String {
    fn from(fly: Fly) -> Self {
        match fly {
            Fly::Auto => "auto".to_owned(),
            Fly::Along(y, x) => format!("{y},{x}"),
        }
    }
}

impl TryFrom<(f64, f64)> for Fly {
    type Error = String;

    fn try_from((y, x): (f64, f64)) -> Result<Self, String> {
        match y.is_finite() && x.is_finite() {
            true => Ok(Self::Along(y, x)),
            false => Err(format!("expected {}, found {}, {}", Self::EXPECTED, Short(y), Short(x))),
        }
    }
}

impl FromStr for Fly {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {}; found {text:?}", Self::EXPECTED);
        if text.trim() == "auto" {
            return Ok(Self::Auto);
        }
        let (y, x) = text.split_once(',').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse().ok();
        let along = number(y).zip(number(x)).ok_or_else(wrong)?;
        Self::try_from(along).map_err(|_| wrong())
    }
}

/// Tangent of the angle, 30 degrees, to the axis of flight within which a way goes along it: the
/// ways of a jittered line do, the turns of a snake do not, even on a triangular grid, at 60.
const ALONG: f64 = 0.577;

/// Share of the ways that go along the axis, below which there is none. A snake of three columns
/// has two thirds, directions that are all as frequent have one third.
const MOST_WAYS: f64 = 0.6;

/// Share of the ways along the axis, from one to the next, that may turn back. Those of lines turn
/// back at their ends at most; rows of two positions, and a line that is gone to and fro, do so
/// everywhere, and the way back is as good as the way.
const MOST_BACK: f64 = 0.6;

/// The usual way (y, x) from one position to the next, up to its sign, which an exposure that is
/// centred does not show: the mean of those whose length is within a quarter of the median and
/// which go along the axis of most of them, brought to one side of it. The rest are turns at the
/// ends of lines and ways back. The error says what there is where they have no common axis, or go
/// to and fro along it.
fn usual_step(scan: &[Position]) -> Result<(f64, f64), &'static str> {
    let ways: Vec<(f64, f64)> =
        scan.windows(2).map(|pair| (pair[1].y - pair[0].y, pair[1].x - pair[0].x)).collect();
    let length = |way: &(f64, f64)| way.0.hypot(way.1);
    let mut lengths: Vec<f64> = ways.iter().map(length).collect();
    lengths.sort_by(f64::total_cmp);
    let &median = lengths.get(lengths.len() / 2).ok_or("no two of them")?;
    let is_usual = |way: &(f64, f64)| (length(way) - median).abs() <= 0.25 * median;
    let usual: Vec<(f64, f64)> = ways.iter().copied().filter(is_usual).collect();
    // A way along an axis, forwards or backwards.
    let along = |(axis_y, axis_x): (f64, f64), &(y, x): &(f64, f64)| {
        let (along, across) = (axis_y * y + axis_x * x, axis_y * x - axis_x * y);
        (across.abs() <= ALONG * along.abs()).then(|| along.signum())
    };
    let mut flown = usual.clone();
    // Turns draw the first axis to their side; without them it is that of the lines.
    for _ in 0..4 {
        let axis = axis(&flown);
        let forwards = |way: &(f64, f64)| along(axis, way).map(|sign| (sign * way.0, sign * way.1));
        flown = usual.iter().filter_map(forwards).collect();
    }
    let count = flown.len() as f64;
    if flown.is_empty() || count < MOST_WAYS * usual.len() as f64 {
        return Err("ways from one to the next of many directions");
    }
    let axis = axis(&flown);
    let sign = |way: &(f64, f64)| along(axis, way).filter(|_| is_usual(way));
    let both = |pair: &[(f64, f64)]| Some((sign(&pair[0])?, sign(&pair[1])?));
    let pairs: Vec<(f64, f64)> = ways.windows(2).filter_map(both).collect();
    let back = pairs.iter().filter(|(one, next)| one != next).count();
    if back as f64 > MOST_BACK * pairs.len() as f64 {
        return Err(
            "ways that turn back every time, as in rows of two positions, where the way to \
                    the next row looks like a step",
        );
    }
    let sum = flown.iter().fold((0.0, 0.0), |sum, &(y, x)| (sum.0 + y, sum.1 + x));
    Ok((sum.0 / count, sum.1 / count))
}

/// Direction (y, x) of the axis that ways have in common, of length 1.
fn axis(ways: &[(f64, f64)]) -> (f64, f64) {
    // Twice an angle is the same for a way and its opposite.
    let twice = ways.iter().fold((0.0, 0.0), |sum, &(y, x)| {
        let angle = 2.0 * y.atan2(x);
        (sum.0 + angle.sin(), sum.1 + angle.cos())
    });
    (twice.0.atan2(twice.1) / 2.0).sin_cos()
}

#[cfg(test)]
mod tests {
    use super::super::PhysicsOptions;
    use super::*;
    use lapwing_model::forward::Physics;

    #[test]
    fn a_snake_flies_along_its_rows() {
        let at = |row: usize, step: usize| {
            let x = if row.is_multiple_of(2) { step } else { 9 - step };
            Position { y: 4.0 * row as f64, x: 3.0 * x as f64 + 0.1 * row as f64 }
        };
        let scan: Vec<Position> = (0..60).map(|index| at(index / 10, index % 10)).collect();
        let (y, x) = usual_step(&scan).unwrap();
        assert!(y.abs() < 1e-9 && (x - 3.0).abs() < 1e-9, "({y}, {x})");
        // Columns that are not quite straight.
        let uneven = |(index, at): (usize, &Position)| Position {
            y: at.x,
            x: at.y + if index % 2 == 0 { 0.2 } else { -0.2 },
        };
        let columns: Vec<Position> = scan.iter().enumerate().map(uneven).collect();
        let (y, x) = usual_step(&columns).unwrap();
        assert!((y.abs() - 3.0).abs() < 0.05 && x.abs() < 0.05, "({y}, {x})");
        assert!(usual_step(&scan[..1]).is_err());
        let spiral: Vec<Position> = (0..200)
            .map(|index| {
                let (radius, angle) = (f64::from(index).sqrt(), f64::from(index) * 2.4);
                Position { y: radius * angle.sin(), x: radius * angle.cos() }
            })
            .collect();
        assert_eq!(usual_step(&spiral), Err("ways from one to the next of many directions"));
        let auto = PhysicsOptions { fly: Some(Fly::Auto), ..PhysicsOptions::default() };
        let refused = auto.applied(Physics::default(), &spiral, None).unwrap_err();
        assert!(refused.to_string().contains("--fly DY,DX"), "{refused}");
        assert_eq!("1.5, -2".parse(), Ok(Fly::Along(1.5, -2.0)));
        assert!("fast".parse::<Fly>().is_err() && "1,nan".parse::<Fly>().is_err());
    }

    /// Positions of a raster of (rows, columns) with steps (y, x), every other row backwards in a
    /// snake, each row shifted by so much against the one before.
    fn raster(
        (rows, columns): (usize, usize),
        (dy, dx): (f64, f64),
        snake: bool,
        shift: f64,
    ) -> Vec<Position> {
        let at = |index: usize| {
            let (row, step) = (index / columns, index % columns);
            let column = if snake && row % 2 == 1 { columns - 1 - step } else { step };
            Position { y: row as f64 * dy, x: column as f64 * dx + row as f64 * shift }
        };
        (0..rows * columns).map(at).collect()
    }

    #[test]
    fn turns_of_a_line_scan_are_no_flight() {
        let turned = |scan: &[Position]| -> Vec<Position> {
            scan.iter().map(|at| Position { y: at.x, x: at.y }).collect()
        };
        let check = |scan: &[Position], close: f64, what: &str| {
            let (y, x) = usual_step(scan).unwrap_or_else(|why| panic!("{what}: {why}"));
            assert!(y.abs() < close && (x.abs() - 4.0).abs() < close, "{what}: ({y}, {x})");
            let (y, x) = usual_step(&turned(scan)).unwrap_or_else(|why| panic!("{what}: {why}"));
            assert!(x.abs() < close && (y.abs() - 4.0).abs() < close, "{what}: ({y}, {x})");
        };
        let shapes = [(10, 10), (20, 5), (5, 20), (30, 3), (3, 3), (2, 20), (1, 8)];
        for shape in shapes {
            for (dy, snake) in [(4.0, true), (3.2, true), (4.8, true), (8.0, true), (4.0, false)] {
                let scan = raster(shape, (dy, 4.0), snake, 0.0);
                check(&scan, 1e-9, &format!("{shape:?}, rows {dy}, snake {snake}"));
            }
            // A triangular grid: turns at 60 degrees, as long as the steps.
            check(&raster(shape, (12.0_f64.sqrt(), 4.0), true, 2.0), 1e-9, &format!("{shape:?}"));
        }
        // Jittered by up to a tenth and a fifth of a step; the golden ratio's multiples are evenly
        // spread.
        let spread = |index: usize, k: f64| 2.0 * (index as f64 * k).fract() - 1.0;
        for (jitter, close) in [(0.4, 0.1), (0.8, 0.25)] {
            for shape in [(10, 10), (20, 5), (5, 20), (12, 4)] {
                let mut scan = raster(shape, (4.0, 4.0), true, 0.0);
                for (index, at) in scan.iter_mut().enumerate() {
                    at.y += jitter * spread(index, 0.618_034);
                    at.x += jitter * spread(index, 0.754_878);
                }
                check(&scan, close, &format!("{shape:?}, jitter {jitter}"));
            }
        }
        // As many turns as steps, and none is the flight.
        assert!(usual_step(&raster((10, 2), (4.0, 4.0), true, 0.0)).is_err());
    }

    #[test]
    fn rows_of_two_positions_do_not_tell_a_way_from_the_way_back() {
        // The way back is as long as the step, and hardly at an angle with it.
        for shape in [(12, 2), (20, 2), (3, 2)] {
            for steps in [(1.0, 4.0), (2.0, 4.0), (2.0, 8.0)] {
                let why = usual_step(&raster(shape, steps, false, 0.0)).expect_err("to and fro");
                assert!(why.contains("rows of two positions"), "{shape:?} {steps:?}: {why}");
            }
        }
        // Where it is longer, or aside, it is no step.
        for steps in [(4.0, 4.0), (8.0, 4.0)] {
            let (y, x) = usual_step(&raster((12, 2), steps, false, 0.0)).expect("rows");
            assert!(y.abs() < 1e-9 && (x - 4.0).abs() < 1e-9, "{steps:?}: ({y}, {x})");
        }
        // So are rows of three, whose way back is twice as long, and single lines.
        let (y, x) = usual_step(&raster((12, 3), (1.0, 4.0), false, 0.0)).expect("rows");
        assert!(y.abs() < 1e-9 && (x - 4.0).abs() < 1e-9, "({y}, {x})");
        assert_eq!(usual_step(&raster((1, 2), (4.0, 4.0), false, 0.0)), Ok((0.0, 4.0)));
    }
}
