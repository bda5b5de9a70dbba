//! How the probe moves during an exposure, as it is said, or as the positions tell.

use std::str::FromStr;

use lapwing_model::Position;
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

    /// How far along (y, x), for positions `scan`.
    pub(super) fn along(self, scan: &[Position]) -> Result<(f64, f64), UnknownPhysics> {
        match self {
            Self::Along(y, x) => Ok((y, x)),
            Self::Auto => usual_step(scan).ok_or(UnknownPhysics::Motion),
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
            false => Err(format!("expected {}, found {y}, {x}", Self::EXPECTED)),
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

/// Length of the mean way from position to position over the usual length, below which there is no
/// common direction; a jittered raster has some 0.95, a spiral 0.64.
const STRAIGHT: f64 = 0.8;

/// The usual way (y, x) from one position to the next, up to its sign, which an exposure that is
/// centred does not show: the mean of those whose length is within a quarter of the median, brought
/// to one side of their common axis. `None` where they have none.
fn usual_step(scan: &[Position]) -> Option<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> =
        scan.windows(2).map(|pair| (pair[1].y - pair[0].y, pair[1].x - pair[0].x)).collect();
    let length = |step: &(f64, f64)| step.0.hypot(step.1);
    steps.sort_by(|a, b| length(a).total_cmp(&length(b)));
    let median = steps.get(steps.len() / 2).map(length)?;
    steps.retain(|step| (length(step) - median).abs() <= 0.25 * median);
    // Twice an angle is the same for a way and its opposite.
    let twice = steps.iter().fold((0.0, 0.0), |sum, &(y, x)| {
        let angle = 2.0 * y.atan2(x);
        (sum.0 + angle.sin(), sum.1 + angle.cos())
    });
    let (along_y, along_x) = (twice.0.atan2(twice.1) / 2.0).sin_cos();
    let count = steps.len() as f64;
    let mean = steps.iter().fold((0.0, 0.0), |sum, &(y, x)| {
        let sign = (along_y * y + along_x * x).signum() / count;
        (sum.0 + sign * y, sum.1 + sign * x)
    });
    (length(&mean) >= STRAIGHT * median).then_some(mean)
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
        assert_eq!(usual_step(&scan[..1]), None);
        let spiral: Vec<Position> = (0..200)
            .map(|index| {
                let (radius, angle) = (f64::from(index).sqrt(), f64::from(index) * 2.4);
                Position { y: radius * angle.sin(), x: radius * angle.cos() }
            })
            .collect();
        assert_eq!(usual_step(&spiral), None);
        let auto = PhysicsOptions { fly: Some(Fly::Auto), ..PhysicsOptions::default() };
        let refused = auto.applied(Physics::default(), &spiral, None).unwrap_err();
        assert!(refused.to_string().contains("--fly DY,DX"), "{refused}");
        assert_eq!("1.5, -2".parse(), Ok(Fly::Along(1.5, -2.0)));
        assert!("fast".parse::<Fly>().is_err() && "1,nan".parse::<Fly>().is_err());
    }
}
