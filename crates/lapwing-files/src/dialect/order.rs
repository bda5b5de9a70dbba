//! Which axis of a stack counts the patterns.

use super::stack::{Question, Refusal};
use crate::Problem;
use crate::experiment::part;
use crate::options::{AxisOrder, ReadOptions};

/// What the lengths of the axes say about their order, and what else may decide.
pub(super) struct OrderEvidence {
    pub key: &'static str,
    /// Number of positions.
    pub n: usize,
    /// Shape of the probe, (height, width), when there is one.
    pub probe: Option<(usize, usize)>,
    /// Whether the metadata say that the file follows the contract, which has the patterns first.
    pub by_contract: bool,
}

impl OrderEvidence {
    pub(super) fn decide(
        &self,
        shape: &[usize; 3],
        options: &ReadOptions,
        notes: &mut Vec<String>,
    ) -> Result<AxisOrder, Refusal> {
        let Self { key, n, .. } = self;
        // Frames that are left out need no position.
        let exact = shape[0] == *n || shape[2] == *n;
        let numbers = &options.experiment.patterns;
        let counts = |length: usize| length == *n || !exact && part::are_of(*n, length, numbers);
        let (first, last) = (counts(shape[0]), counts(shape[2]));
        let wrong = |expected: String| {
            Err(Refusal::Problems(vec![Problem::new(*key, expected, format!("shape {shape:?}"))]))
        };
        if options.common && !first && !last {
            return Ok(options.axis_order.unwrap_or(AxisOrder::PatternFirst));
        }
        match (options.axis_order, first, last) {
            (Some(AxisOrder::PatternFirst), true, _) => Ok(AxisOrder::PatternFirst),
            (Some(AxisOrder::PatternLast), _, true) => Ok(AxisOrder::PatternLast),
            (Some(told), _, _) => wrong(format!("{told} with n = {n}, the number of positions")),
            (None, true, false) => Ok(AxisOrder::PatternFirst),
            (None, false, true) => Ok(AxisOrder::PatternLast),
            (None, false, false) => wrong(format!(
                "(n, H, W) with n = {n}, the number of positions (or that the frames without one are \
                 named, --leave-out-frames, or --common to take the first ones of both)"
            )),
            (None, true, true) => {
                let fits = |height: usize, width: usize| {
                    self.probe.is_none_or(|shape| shape == (height, width))
                };
                match (fits(shape[1], shape[2]), fits(shape[0], shape[1])) {
                    (true, false) => Ok(AxisOrder::PatternFirst),
                    (false, true) => Ok(AxisOrder::PatternLast),
                    _ if self.by_contract => {
                        notes.push(format!(
                            "{key}: first and last axis are both {n} long; (n, H, W) by its metadata"
                        ));
                        Ok(AxisOrder::PatternFirst)
                    }
                    _ => Err(Refusal::Ambiguous(Question {
                        key,
                        reason: format!(
                            "shape {shape:?} with {n} positions may be (n, H, W) or (H, W, n)"
                        ),
                        remedy: "state the axis order (--axis-order nhw or hwn)",
                    })),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(
        n: usize,
        shape: [usize; 3],
        probe: Option<(usize, usize)>,
        by_contract: bool,
    ) -> Option<AxisOrder> {
        let evidence = OrderEvidence { key: "diff3d", n, probe, by_contract };
        evidence.decide(&shape, &ReadOptions::default(), &mut Vec::new()).ok()
    }

    #[test]
    fn frames_that_are_left_out_need_no_position() {
        let evidence = OrderEvidence { key: "data", n: 4, probe: None, by_contract: true };
        let mut options = ReadOptions::default();
        let decide = |shape: [usize; 3]| {
            evidence.decide(&shape, &options, &mut Vec::new()).map_err(|refusal| match refusal {
                Refusal::Problems(problems) => problems[0].to_string(),
                Refusal::Ambiguous(_) => "ambiguous".to_owned(),
            })
        };
        assert!(decide([5, 8, 8]).unwrap_err().contains("--leave-out-frames"));
        options.experiment.patterns.leave_out_frames = vec![0];
        let decide = |shape: [usize; 3]| evidence.decide(&shape, &options, &mut Vec::new()).ok();
        assert_eq!(decide([5, 8, 8]), Some(AxisOrder::PatternFirst));
        assert_eq!(decide([6, 8, 8]), None);
    }

    #[test]
    fn lengths_decide_and_cubes_are_ambiguous() {
        use AxisOrder::{PatternFirst, PatternLast};
        assert_eq!(decide(5, [5, 8, 8], None, false), Some(PatternFirst));
        assert_eq!(decide(5, [8, 8, 5], None, false), Some(PatternLast));
        assert_eq!(decide(4, [5, 8, 8], None, false), None);
        assert_eq!(decide(8, [8, 8, 8], Some((8, 8)), false), None);
        assert_eq!(decide(8, [8, 8, 8], Some((8, 8)), true), Some(PatternFirst));
        assert_eq!(decide(8, [8, 6, 8], Some((8, 6)), false), Some(PatternLast));
        assert_eq!(decide(8, [8, 6, 8], Some((6, 8)), false), Some(PatternFirst));
    }
}
