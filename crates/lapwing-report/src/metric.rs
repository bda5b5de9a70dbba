//! The metrics that the report can answer its question with.

use crate::ReportError;
use lapwing_compare::{Better, Criterion, Metric as Catalogued};
use std::collections::BTreeMap;
use std::ops::Deref;

/// The least difference, as a share of the larger value, that is reported where chance is not
/// known.
const MATTERS: f64 = 0.01;
/// The same as a share of what the better value lacks to a perfect one: near a perfect correlation
/// a thousandth is much.
const MATTERS_OF_LACK: f64 = 0.25;

/// One choice of the metric: its row of the catalogue, and what this study asks of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metric {
    row: &'static Catalogued,
    /// Value that counts as good; the answer in words is about reaching it.
    pub goal: f64,
    /// Whether the goal was asked for; otherwise it is the usual one.
    pub asked: bool,
    /// Nanometres in one pixel, of lengths whose pixel is known.
    pub nm: Option<f64>,
}

impl Deref for Metric {
    type Target = Catalogued;

    fn deref(&self) -> &Catalogued {
        self.row
    }
}

impl Metric {
    /// Whether larger is better.
    pub fn higher_is_better(&self) -> bool {
        self.better == Better::Higher
    }

    /// Whether values are lengths, which span decades and are laid out and fitted as logarithms.
    pub fn is_length(&self) -> bool {
        self.unit == "px"
    }

    /// The heading, and by which criterion: `Phase resolution (FRC 1/2)`.
    pub fn named(&self) -> String {
        let criterion = Criterion::ALL
            .into_iter()
            .filter(|_| self.is_length())
            .find(|criterion| self.name.contains(&format!("resolution_{}_", criterion.name())));
        match criterion {
            Some(criterion) => format!("{} (FRC {})", self.heading, criterion.title()),
            None => self.heading.clone(),
        }
    }

    /// `at least` or `at most`.
    fn bound(&self) -> &'static str {
        if self.higher_is_better() { "at least" } else { "at most" }
    }

    /// The goal as `Phase SSIM at least 0.9`.
    pub fn goal_in_words(&self) -> String {
        let space = if self.unit.is_empty() { "" } else { " " };
        let nm = self.nm(self.goal).map(|nm| format!(" ({nm})")).unwrap_or_default();
        format!("{} {} {}{space}{}{nm}", self.named(), self.bound(), self.goal_label(), self.unit)
    }

    /// The goal as a number.
    pub fn goal_label(&self) -> String {
        lapwing_draw::number::label(self.goal, 4)
    }

    /// The goal, and its origin.
    pub fn whose_goal(&self) -> String {
        let goal = self.goal_in_words();
        match self.asked {
            true => format!("The goal, as asked for: {goal}."),
            false => format!(
                "The goal: {goal}, a usual one and not this study's own; lapwing report DIR --goal \
                 {}=VALUE sets another.",
                self.name
            ),
        }
    }

    /// A value with its unit: `0.912`, `2.31 px`, `2.31 px (28.4 nm)`.
    pub fn with_unit(&self, value: f64) -> String {
        self.text_with_unit(&self.number(value), value)
    }

    /// A difference of two values with its unit. Goal and perfect result are values and no
    /// differences: one that is near such a number by accident has the usual digits.
    pub fn difference_with_unit(&self, difference: f64) -> String {
        self.text_with_unit(&shown(difference), difference)
    }

    /// What is written of a value, and its unit.
    fn text_with_unit(&self, text: &str, value: f64) -> String {
        let space = if self.unit.is_empty() { "" } else { " " };
        let nm = self.nm(value).map(|nm| format!(" ({nm})")).unwrap_or_default();
        format!("{text}{space}{}{nm}", self.unit)
    }

    /// A value without its unit, in as many digits as tell it from the goal and from that of a
    /// perfect result.
    pub fn number(&self, value: f64) -> String {
        let rounds_to = |other: f64, digits: usize| {
            value != other && format!("{value:.digits$}") == format!("{other:.digits$}")
        };
        let alike = |digits: usize| {
            rounds_to(self.goal, digits) || self.perfect.is_some_and(|best| rounds_to(best, digits))
        };
        match (3..=6).find(|&digits| !alike(digits)) {
            Some(digits) if digits > 3 && value.abs() >= 0.001 => format!("{value:.digits$}"),
            _ => shown(value),
        }
    }

    /// The least difference of two values that is reported where chance is not known: a share of
    /// the larger, or of what the better lacks to a perfect result, whichever is less.
    pub fn least_difference(&self, one: f64, other: f64) -> f64 {
        let of_value = MATTERS * one.abs().max(other.abs());
        let lacks = |value: f64| self.perfect.map(|best| (best - value).abs());
        match lacks(one).zip(lacks(other)) {
            Some((one, other)) if self.higher_is_better() => {
                of_value.min(MATTERS_OF_LACK * one.min(other))
            }
            _ => of_value,
        }
    }

    /// Whether a value is no measurement but the end of what can be measured: a resolution of one
    /// pixel, beyond which no frequency tells anything.
    pub fn is_limit(&self, value: f64) -> bool {
        self.is_length() && self.perfect.is_some_and(|finest| value <= finest)
    }

    /// What is to be said beside a value that is the end of what can be measured; else nothing.
    pub fn limit_in_words(&self, value: f64) -> &'static str {
        if self.is_limit(value) { ", the limit of its pixels" } else { "" }
    }

    /// The same length in nanometres, of lengths whose pixel is known.
    pub fn nm(&self, value: f64) -> Option<String> {
        Some(format!("{} nm", lapwing_draw::number::label(value * self.nm?, 3)))
    }

    /// The heading with the unit: `Phase resolution, px`.
    pub fn heading_with_unit(&self) -> String {
        if self.unit.is_empty() {
            self.heading.clone()
        } else {
            format!("{}, {}", self.heading, self.unit)
        }
    }
}

/// The metrics with usual goals that stand first on the page; the others follow in the order of the
/// catalogue. The first is shown when it opens.
const FIRST: [&str; 2] = ["phase_ssim", "complex_correlation"];

/// The metrics that have usual goals, in the order of the page.
fn usual() -> Vec<&'static Catalogued> {
    let mut rows: Vec<&Catalogued> =
        Catalogued::all().iter().filter(|row| row.goal.is_some()).collect();
    rows.sort_by_key(|row| FIRST.iter().position(|name| *name == row.name).unwrap_or(FIRST.len()));
    rows
}

/// The metric of this name, where a goal can be set for it: one that is a quality, lengths in
/// pixels.
fn with_quality(name: &str) -> Option<&'static Catalogued> {
    Catalogued::find(name).filter(|row| row.better != Better::Neither && row.unit != "nm")
}

/// The metrics of the page: those with goals that were asked for first, and those that have usual
/// goals, in a study with pixels of `pixel_size` metres.
///
/// # Errors
/// For a name that is none of a metric that is a quality, a length in nanometres, which only a
/// known pixel makes one in pixels, and a value beyond that of a perfect result.
pub(crate) fn with_goals(
    goals: &BTreeMap<String, f64>,
    pixel_size: Option<f64>,
) -> Result<Vec<Metric>, ReportError> {
    let usual = usual();
    for (name, &value) in goals {
        let name = name.clone();
        let in_pixels = Catalogued::find(&name).and_then(Catalogued::in_pixels);
        if in_pixels.is_some_and(|length| with_quality(&length.name).is_some()) {
            return Err(ReportError::Pixel { name });
        }
        let Some(row) = with_quality(&name) else {
            let known: Vec<&str> = usual.iter().map(|row| row.name.as_str()).collect();
            return Err(ReportError::Goal { name, known: known.join(", ") });
        };
        // A length of a fraction of a pixel, from nanometres, is only a strict goal.
        let length = row.unit == "px";
        let higher = row.better == Better::Higher;
        let expected = if higher { "at most" } else { "at least" };
        let perfect = row.perfect.unwrap_or(if higher { f64::INFINITY } else { 0.0 });
        let beyond = if higher { value > perfect } else { value < perfect && !length };
        if beyond || !value.is_finite() || (length && value <= 0.0) {
            return Err(ReportError::Impossible { name, value, expected, perfect });
        }
    }
    let nm = |row: &Catalogued| pixel_size.filter(|_| row.unit == "px").map(|metres| metres * 1e9);
    let of_usual = usual
        .iter()
        .filter_map(|&row| Some(Metric { row, goal: row.goal?, asked: false, nm: nm(row) }));
    let mut metrics: Vec<Metric> = of_usual.collect();
    for (name, &goal) in goals {
        match metrics.iter_mut().find(|metric| metric.name == *name) {
            Some(metric) => (metric.goal, metric.asked) = (goal, true),
            None => metrics.extend(with_quality(name).map(|row| Metric {
                row,
                goal,
                asked: true,
                nm: nm(row),
            })),
        }
    }
    metrics.sort_by_key(|metric| !metric.asked);
    Ok(metrics)
}

/// A dose as people write it: 10^3, 2500, 25 000.
pub(crate) fn dose_label(dose: u64) -> String {
    let exponent = (dose.max(1) as f64).log10().round() as i32;
    if exponent >= 3 && 10u64.checked_pow(exponent as u32) == Some(dose) {
        lapwing_draw::number::power_of_ten(exponent)
    } else {
        thousands(dose)
    }
}

/// A whole number with its thousands set apart from 10,000 on: `25 000`, `1 250 000`.
pub(crate) fn thousands(number: u64) -> String {
    let plain = number.to_string();
    if number < 10_000 {
        return plain;
    }
    let first = plain.len() % 3;
    let groups = std::iter::once(&plain[..first]).filter(|group| !group.is_empty());
    let rest = plain.as_bytes()[first..].chunks(3).map(|group| {
        // Digits of a number are text.
        std::str::from_utf8(group).unwrap_or_default()
    });
    groups.chain(rest).collect::<Vec<_>>().join("\u{202f}")
}

/// A metric's value as text.
pub(crate) fn shown(value: f64) -> String {
    if value.abs() >= 1000.0 || (value != 0.0 && value.abs() < 0.001) {
        lapwing_draw::number::label(value, 3)
    } else {
        format!("{value:.3}").replace('-', "\u{2212}")
    }
}

/// A standard error as text, to the last digit that values have.
pub(crate) fn shown_error(error: f64) -> String {
    match error {
        error if error > 0.0 && error < 0.000_5 => "<\u{2009}0.001".to_owned(),
        error if error < 1.0 => format!("{error:.3}"),
        error => shown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units_and_errors_no_more_digits_than_values() {
        let metrics = with_goals(&BTreeMap::new(), Some(1.25e-8)).unwrap();
        let lengths: Vec<&Metric> = metrics.iter().filter(|metric| metric.nm.is_some()).collect();
        assert_eq!(lengths.len(), 2);
        assert_eq!(lengths[0].with_unit(2.0), "2.000 px (25 nm)");
        assert_eq!(metrics[0].with_unit(0.5), "0.500");
        // A value tells itself from a pixel, the finest there is, and from the goal of 2.
        let values = [1.000_002, 1.999_998].map(|value| lengths[0].with_unit(value));
        assert_eq!(values, ["1.000002 px (12.5 nm)", "1.999998 px (25 nm)"]);
        let differences =
            [1.000_002, 1.999_998].map(|value| lengths[0].difference_with_unit(value));
        assert_eq!(differences, ["1.000 px (12.5 nm)", "2.000 px (25 nm)"]);
        let correlation = metrics.iter().find(|m| m.name == "complex_correlation").unwrap();
        // Half the error is no small difference, though both are near 1.
        assert!(correlation.least_difference(0.992, 0.984) < 0.008);
        assert!((correlation.least_difference(0.9, 0.8) - 0.009).abs() < 1e-12);
        let ssim = metrics.iter().find(|metric| metric.name == "phase_ssim").unwrap();
        let told = [0.8998, 0.9, 0.89996, 0.99964, 1.0].map(|value| ssim.number(value));
        assert_eq!(
            (ssim.goal, told),
            (0.9, ["0.8998", "0.900", "0.89996", "0.9996", "1.000"].map(str::to_owned))
        );
        assert_eq!(lengths[0].heading_with_unit(), "Phase resolution, px");
        let named: Vec<String> = lengths.iter().map(|metric| metric.named()).collect();
        assert_eq!(named, ["Phase resolution (FRC 1/2)", "Resolution of halves (FRC half-bit)"]);
        assert!(lengths[0].whose_goal().contains("at most 2 px (25 nm), a usual one"));
        for (name, value, part) in [
            ("phase_ssim", 2.0, "at most 1"),
            ("complex_nrmse", -1.0, "at least 0"),
            ("phase_resolution_0_5_nm", 20.0, "--pixel-size-m"),
            ("beauty", 1.0, "phase_ssim"),
            ("shift_y", 1.0, "phase_ssim"),
            ("amplitude_resolution_1_7_nm", 20.0, "--pixel-size-m"),
        ] {
            let told =
                with_goals(&[(name.to_owned(), value)].into(), None).unwrap_err().to_string();
            assert!(told.contains(part) && told.contains(name), "{told}");
        }
        let asked = with_goals(&[("phase_ssim".to_owned(), 0.7)].into(), None).unwrap();
        assert_eq!(asked[0].whose_goal(), "The goal, as asked for: Phase SSIM at least 0.7.");
        // One without a usual goal comes in addition.
        let more = with_goals(&[("phase_psnr".to_owned(), 30.0)].into(), None).unwrap();
        assert_eq!(more.len(), asked.len() + 1);
        assert_eq!(
            (more[0].name.as_str(), more[0].asked, more[1].asked),
            ("phase_psnr", true, false)
        );
        assert_eq!(
            [0.0, 3.46e-5, 8e-4, 12.0].map(shown_error),
            ["0.000", "<\u{2009}0.001", "0.001", "12.000"]
        );
    }
}
