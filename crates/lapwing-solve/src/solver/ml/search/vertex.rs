//! The lowest point of a parabola through trials.

use crate::solver::solution::Tried;

/// Where a parabola through the best trial and its neighbours is lowest, over the logarithm of the
/// strength, and how low; the best trial itself at an end. `trials` ascend.
pub(super) fn vertex(trials: &[Tried]) -> Option<Tried> {
    let best = (0..trials.len()).min_by(|&a, &b| trials[a].score.total_cmp(&trials[b].score))?;
    if best == 0 || best + 1 == trials.len() {
        return Some(trials[best]);
    }
    let [(x0, y0), (x1, y1), (x2, y2)] =
        [best - 1, best, best + 1].map(|index| (trials[index].value.ln(), trials[index].score));
    let (left, right) = (x1 - x0, x2 - x1);
    let (down, up) = ((y1 - y0) / left, (y2 - y1) / right);
    // Between the middles of both sides the slope goes from `down` to `up`.
    let middle = 0.5 * (x0 + x1);
    let lowest = middle - down * 0.5 * (left + right) / (up - down);
    if !lowest.is_finite() {
        return Some(trials[best]);
    }
    let bend = (up - down) / (left + right);
    Some(Tried { value: lowest.clamp(x0, x2).exp(), score: y1 - bend * (x1 - lowest).powi(2) })
}
