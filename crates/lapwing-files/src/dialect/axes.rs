//! The axes of a stack as programs of electron microscopy calibrate them: which are the scan's, and
//! the scales of scan and detector.

use super::emd::note;
use super::unit::{Scale, not_understood, scale};
use crate::experiment::Calibration;
use crate::options::AxisOrder;

/// The calibration of an axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Axis {
    /// What one pixel spans, in `unit`.
    pub scale: f64,
    /// The unit, as the file has it.
    pub unit: String,
}

impl Axis {
    /// Whether it is one of a detector: an angle or a spatial frequency.
    fn is_detector(&self) -> bool {
        matches!(scale(&self.unit), Some(Scale::PerMetre(_) | Scale::Radians(_)))
    }

    fn is_length(&self) -> bool {
        matches!(scale(&self.unit), Some(Scale::Metres(_)))
    }

    /// What one pixel of this axis spans in the unit of another; `None` where they do not measure
    /// the same.
    fn in_unit_of(&self, other: &Self) -> Option<f64> {
        let factor = match (scale(&self.unit)?, scale(&other.unit)?) {
            (Scale::Metres(own), Scale::Metres(of))
            | (Scale::PerMetre(own), Scale::PerMetre(of))
            | (Scale::Radians(own), Scale::Radians(of)) => own / of,
            _ => return None,
        };
        Some(self.scale * factor)
    }
}

/// The order of three or four axes, the slowest first, by their units: an angle or a frequency is
/// the detector's, a length the scan's. `None` where the units do not say, or say both.
pub(super) fn order_of(axes: &[Axis]) -> Option<AxisOrder> {
    let (first, last) = match axes {
        [a, b, c, d] => {
            let both = |one: &Axis, other: &Axis, is: fn(&Axis) -> bool| is(one) && is(other);
            (
                both(a, b, Axis::is_length) || both(c, d, Axis::is_detector),
                both(a, b, Axis::is_detector) || both(c, d, Axis::is_length),
            )
        }
        [a, b, c] => {
            let detector = [a, b, c].map(Axis::is_detector);
            (detector == [false, true, true], detector == [true, true, false])
        }
        _ => (false, false),
    };
    match (first, last) {
        (true, false) => Some(AxisOrder::PatternFirst),
        (false, true) => Some(AxisOrder::PatternLast),
        _ => None,
    }
}

/// A unit of some axes that is not understood.
pub(super) fn strange_unit(axes: &[Axis]) -> Option<String> {
    axes.iter().find_map(|axis| not_understood(&axis.unit))
}

/// The scales of axes, the slowest first, in an order: step of the scan where there are four, and
/// pixel of the detector.
pub(super) fn calibration(axes: &[Axis], order: AxisOrder, notes: &mut Vec<String>) -> Calibration {
    let mut found = Calibration::default();
    let (scan, detector) = match (axes, order) {
        ([a, b, c, d], AxisOrder::PatternFirst) => (Some((a, b)), (c, d)),
        ([a, b, c, d], AxisOrder::PatternLast) => (Some((c, d)), (a, b)),
        ([_, b, c], AxisOrder::PatternFirst) => (None, (b, c)),
        ([a, b, _], AxisOrder::PatternLast) => (None, (a, b)),
        _ => return found,
    };
    for ((y, x), is_scan) in scan.map(|pair| (pair, true)).into_iter().chain([(detector, false)]) {
        if scale(&y.unit).is_none() {
            continue;
        }
        match x.in_unit_of(y) {
            Some(along_x) => note(&mut found, (y.scale, along_x), &y.unit, is_scan, notes),
            None => notes.push(format!(
                "scales of {} {} and {} {} do not belong to one kind of axes; passed over",
                y.scale, y.unit, x.scale, x.unit
            )),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes<const N: usize>(units: [&str; N]) -> [Axis; N] {
        units.map(|unit| Axis { scale: 2.0, unit: unit.to_owned() })
    }

    #[test]
    fn units_tell_the_scan_from_the_detector() {
        use AxisOrder::{PatternFirst, PatternLast};
        for (units, expected) in [
            (["nm", "nm", "1/nm", "1/nm"], Some(PatternFirst)),
            (["1/nm", "1/nm", "nm", "nm"], Some(PatternLast)),
            (["mrad", "mrad", "", ""], Some(PatternLast)),
            (["", "", "A^-1", "A^-1"], Some(PatternFirst)),
            (["", "", "µm", "µm"], Some(PatternLast)),
            (["nm", "nm", "nm", "nm"], None),
            (["mrad", "mrad", "1/nm", "1/nm"], None),
            (["nm", "1/nm", "nm", "1/nm"], None),
            (["", "", "", ""], None),
        ] {
            assert_eq!(order_of(&axes(units)), expected, "{units:?}");
        }
        assert_eq!(order_of(&axes(["s", "1/nm", "1/nm"])), Some(PatternFirst));
        assert_eq!(order_of(&axes(["1/nm", "1/nm", ""])), Some(PatternLast));
        assert_eq!(order_of(&axes(["1/nm", "1/nm", "1/nm"])), None);
    }

    #[test]
    fn two_axes_may_have_two_units_of_one_kind() {
        let mut notes = Vec::new();
        let found =
            calibration(&axes(["um", "nm", "mrad", "rad"]), AxisOrder::PatternFirst, &mut notes);
        let (y, x) = found.step.unwrap();
        assert!((y - 2e-6).abs() < 1e-18 && (x - 2e-9).abs() < 1e-18, "{y} {x}");
        let (y, x) = found.angle.unwrap();
        assert!((y - 2e-3).abs() < 1e-15 && (x - 2.0).abs() < 1e-12, "{y} {x}");
        let mixed = axes(["nm", "mrad", "1/nm", "1/nm"]);
        let found = calibration(&mixed, AxisOrder::PatternFirst, &mut notes);
        assert!(found.step.is_none() && notes.iter().any(|note| note.contains("passed over")));
    }
}
