//! Photons on the specimen: how densities are written, and the table of them.

use crate::estimate::{Estimate, Line};
use crate::gather::{Row, Study};
use crate::levels::{Axes, Level};
use crate::need::Need;
use lapwing_draw::number::label;
use lapwing_study::{Split, View};
use serde::Serialize;

/// Below this side of a pixel, metres, areas are given in square ångström.
const ATOMIC: f64 = 5e-10;

/// The unit of areas that suits a study.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    /// Square metres.
    size: f64,
    name: &'static str,
}

impl Area {
    /// Of a study with pixels of that side, metres.
    pub fn of(pixel_size: Option<f64>) -> Self {
        match pixel_size {
            Some(pixel) if pixel < ATOMIC => Self { size: 1e-20, name: "\u{c5}\u{b2}" },
            _ => Self { size: 1e-12, name: "\u{b5}m\u{b2}" },
        }
    }

    /// A density per square metre in this unit: `1.3 \u{d7} 10\u{2076} / \u{b5}m\u{b2}`.
    pub fn text(self, per_square_metre: f64) -> String {
        format!("{} / {}", counted(per_square_metre * self.size), self.name)
    }

    /// The same in a sentence: `1.3 \u{d7} 10\u{2076} photons per \u{b5}m\u{b2}`.
    pub fn photons(self, per_square_metre: f64) -> String {
        format!("{} photons per {}", counted(per_square_metre * self.size), self.name)
    }
}

/// Photons on the specimen in the unit that a study has: per area where the pixel is known, else
/// per pixel of the object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    /// For each photon per pixel.
    factor: f64,
    name: &'static str,
}

impl Unit {
    /// Of a study with pixels of that side, metres.
    pub fn of(pixel_size: Option<f64>) -> Self {
        let area = Area::of(pixel_size);
        match pixel_size {
            Some(pixel) => Self { factor: area.size / pixel.powi(2), name: area.name },
            None => Self { factor: 1.0, name: "pixel of the object" },
        }
    }

    /// So many photons per pixel, in this unit.
    pub fn in_unit(self, photons: f64) -> f64 {
        self.factor * photons
    }

    /// So many photons per pixel as a number in this unit.
    pub fn number(self, photons: f64) -> String {
        counted(self.in_unit(photons))
    }

    /// The label of an axis.
    pub fn axis(self) -> String {
        format!("photons on the specimen, per {}", self.name)
    }

    /// So many photons per pixel as text.
    pub fn text(self, photons: f64) -> String {
        format!("{} photons per {}", self.number(photons), self.name)
    }
}

/// A number of photons with two digits, powers of ten set apart.
pub(crate) fn counted(number: f64) -> String {
    // To two digits first: 9996 is 1.0 x 10^4 then.
    let mut exponent = number.log10().floor();
    let mut digits = (number / 10f64.powf(exponent - 1.0)).round() / 10.0;
    if digits >= 10.0 {
        (exponent, digits) = (exponent + 1.0, 1.0);
    }
    if !(-2.0..4.0).contains(&exponent) && exponent.is_finite() {
        let power = lapwing_draw::number::power_of_ten(exponent as i32);
        return format!("{digits:.1}\u{202f}\u{d7}\u{202f}{power}");
    }
    label(number, 2)
}

/// Gray with two digits and a prefix: `3.1 MGy`.
pub(crate) fn in_gray(gray: f64) -> String {
    let (factor, unit) = match gray {
        gray if gray < 1e3 => (1.0, "Gy"),
        gray if gray < 1e6 => (1e-3, "kGy"),
        gray if gray < 1e9 => (1e-6, "MGy"),
        _ => (1e-9, "GGy"),
    };
    format!("{}\u{202f}{unit}", label(gray * factor, 2))
}

/// Photons on the specimen by dose and view.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Fluence {
    unit: &'static str,
    /// What the rows are.
    corner: String,
    /// Whether doses in gray are given beside densities.
    gray: bool,
    /// Views, and whether all of their patterns are meant.
    views: Vec<String>,
    /// Level, density per pattern, and of each view the density of all patterns together.
    rows: Vec<(String, Need, Vec<Need>)>,
}

/// The table of a study, of its first solver and all splits; `None` where the pixel or the counts
/// are not known.
pub(crate) fn table(study: &Study) -> Option<Fluence> {
    let area = Area::of(
        study.pixel_size.or_else(|| study.rows.iter().find_map(|row| row.result()?.pixel_size_m)),
    );
    let axes = Axes::of(study);
    let solver = axes.solvers.first()?;
    let mean = |values: Vec<f64>| Estimate::of(&values).map(|found| found.mean);
    let mut any = false;
    let mut shown = |value: Option<f64>, gray: Option<f64>| {
        any |= value.is_some();
        let text = value.map(|density| counted(density * area.size));
        let text = text.unwrap_or_else(|| "\u{2013}".to_owned());
        Need { text, within: value.and(gray).map(in_gray) }
    };
    let row = |level: &Level| {
        let of_level = |row: &&Row| level.dose(row.condition.view) == Some(row.condition.dose);
        let each: Vec<f64> =
            study.rows.iter().filter(of_level).filter_map(Row::fluence_per_pattern).collect();
        let of_view = |&view: &View| {
            let dose = level.dose(view)?;
            let of = |&split| Line { rows: &study.rows, solver, split, view }.fluence(dose);
            mean(axes.splits.iter().filter_map(of).collect())
        };
        let totals: Vec<Option<f64>> = axes.views.iter().map(of_view).collect();
        (each, totals)
    };
    let rows: Vec<(Vec<f64>, Vec<Option<f64>>)> = axes.levels.iter().map(row).collect();
    let gray = |density: Option<f64>| study.radiation()?.gray(density?);
    let rows = rows
        .into_iter()
        .zip(&axes.levels)
        .map(|((each, totals), level)| {
            let totals = totals.into_iter().map(|total| shown(total, gray(total))).collect();
            let (least, most) = each
                .iter()
                .fold((f64::INFINITY, 0.0_f64), |(least, most), &of| (least.min(of), most.max(of)));
            let mut one = shown(mean(each), None);
            // At equal fluence a pattern of every view has a density of its own.
            if level.is_fluence() && most > 1.05 * least {
                one.text = [least, most].map(|of| counted(of * area.size)).join(" to ");
            }
            (level.label(), one, totals)
        })
        .collect();
    let gray = study.radiation().is_some_and(|radiation| radiation.deposit().is_some());
    let head = |&view: &View| {
        let line = |&split: &Split| Line { rows: &study.rows, solver, split, view };
        let scan = axes.splits.iter().find_map(|split| line(split).specimen());
        match scan.and_then(|scan| scan.part) {
            Some(split) => format!("{view}, {split} split"),
            None => format!("{view}, all patterns"),
        }
    };
    let views = axes.views.iter().map(head).collect();
    any.then(|| Fluence { unit: area.name, corner: axes.corner(), gray, views, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_have_a_unit_that_suits_the_pixel() {
        assert_eq!(
            Area::of(Some(1e-8)).text(1.3e18),
            "1.3\u{202f}\u{d7}\u{202f}10\u{2076} / \u{b5}m\u{b2}"
        );
        // 1,000 electrons per square ångström are 1e23 per square metre.
        assert_eq!(Area::of(Some(2e-11)).text(1e23), "1000 / \u{c5}\u{b2}");
        let (known, unknown) = (Unit::of(Some(1e-8)), Unit::of(None));
        assert!((known.in_unit(2.0) / 2e4 - 1.0).abs() < 1e-12);
        assert_eq!(unknown.text(25.0), "25 photons per pixel of the object");
        assert_eq!((counted(0.0), counted(25.0)), ("0".to_owned(), "25".to_owned()));
        let rounded = [9.99e3, 9.96e4, 1.04e5, 9.94e-3].map(counted);
        assert_eq!(
            rounded[..2].join(", "),
            "1.0\u{202f}\u{d7}\u{202f}10\u{2074}, 1.0\u{202f}\u{d7}\u{202f}10\u{2075}"
        );
        assert_eq!(
            rounded[2..].join(", "),
            "1.0\u{202f}\u{d7}\u{202f}10\u{2075}, 9.9\u{202f}\u{d7}\u{202f}10\u{207b}\u{b3}"
        );
        assert_eq!(
            [0.5, 3100.0, 3.1e7, 2e12].map(in_gray),
            ["0.5\u{202f}Gy", "3.1\u{202f}kGy", "31\u{202f}MGy", "2000\u{202f}GGy"]
        );
    }
}
