//! The present point of stage 2.

use super::{Second, State, ZERO};
use crate::engine::DetectorRule;
use crate::prior::CurvatureSystem;
use crate::solver::batching::GROUP;
use crate::solver::frame::Frame;
use crate::solver::ml::evaluation::{BACKGROUND, Evaluation, Gradient, evaluate_there};
use crate::solver::{positions, variation};
use crate::vector::add_scaled;
use lapwing_model::Complex32;

impl State<'_> {
    /// Loss, gradient (of the loss with respect to the conjugate fields) and preconditioner at the
    /// present point.
    pub(super) fn evaluate(&mut self, frame: &mut Frame<'_>) -> Evaluation {
        if let Second::There(_, lent) = &mut self.second {
            return evaluate_there(frame, &self.path, &mut self.prior, lent);
        }
        let problem = frame.problem;
        let len = frame.engine.fields().values().len();
        let [object_end, probe_end, offsets_end, weights_end] = frame.engine.fields().ends();
        let eigenmodes = problem.n_eigenmodes();
        let mut gradient = vec![ZERO; len];
        let background = (BACKGROUND * problem.gain) as f32;
        for members in self.path.chunks(GROUP) {
            frame.engine.project(members, DetectorRule::Gradient { background });
            frame.engine.add_sums();
            let slopes = frame.engine.weight_slopes();
            let slopes = if problem.weights_stay { &[] } else { &slopes[..] };
            for (&pattern, slopes) in members.iter().zip(slopes.chunks_exact(eigenmodes.max(1))) {
                let from = offsets_end + pattern * eigenmodes;
                let weights = gradient[from..from + eigenmodes].iter_mut().zip(slopes);
                weights.for_each(|(gradient, slope)| *gradient = -slope);
            }
            for (&pattern, slope) in members.iter().zip(frame.engine.power_slopes()) {
                gradient[weights_end + pattern] = Complex32::from(-slope as f32);
            }
            if self.positions_free {
                for (&pattern, [y, x]) in members.iter().zip(frame.engine.slopes()) {
                    gradient[probe_end + pattern] = Complex32::new(-y as f32, -x as f32);
                }
            }
        }
        let losses = frame.engine.take_losses();
        let mut loss = 0.5 * losses.seen;
        let sums = frame.engine.take_sums();
        let s2 = frame.relative_power();
        let fields = frame.engine.fields();
        let (gradient_before, by_variation) = gradient.split_at_mut(offsets_end);
        let (by_weights, by_powers) = by_variation.split_at_mut(weights_end - offsets_end);
        variation::centre(by_powers);
        self.variation.restrict(by_weights, by_powers);
        let (by_fields, by_position) = gradient_before.split_at_mut(probe_end);
        if let Some(offsets) = &self.offsets {
            offsets.restrict(by_position);
        }
        // chi is minus the gradient in the detector plane.
        let (by_object, by_probe) = by_fields.split_at_mut(object_end);
        by_probe
            .iter_mut()
            .zip(&sums.probe)
            .for_each(|(gradient, &direction)| *gradient = -direction);
        let by = (&mut *by_object, &mut *by_probe);
        let (of_prior, slices) = self.prior.at(problem, fields, s2, sums.light, by);
        loss += of_prior;
        add_scaled(by_object, -1.0, &sums.object);
        self.constraints().confine(problem, by_probe);
        let mut preconditioner = CurvatureSystem::new(slices, sums.power);
        if probe_end < offsets_end {
            let each = positions::curvatures(problem, fields.object(), fields.probe());
            let mean = |[y, x]: [f64; 2]| ((0.5 * (y + x)) as f32).max(f32::MIN_POSITIVE);
            let mut curvatures: Vec<f32> = each.into_iter().map(mean).collect();
            if self.offsets.as_ref().is_some_and(|offsets| !offsets.are_free()) {
                // One for all, so that steps stay among the offsets that are allowed.
                let mean = curvatures.iter().map(|&value| f64::from(value)).sum::<f64>();
                let mean = (mean / curvatures.len() as f64) as f32;
                curvatures.fill(mean);
            }
            preconditioner = preconditioner.with_positions(curvatures);
        }
        if offsets_end < len {
            let mut curvatures = variation::of_weights(problem, fields.probe());
            curvatures.extend(variation::of_powers(problem, fields.probe()));
            preconditioner = preconditioner.with_variation(curvatures);
        }
        Evaluation { loss, losses, gradient: Gradient::Here(gradient, preconditioner) }
    }
}
