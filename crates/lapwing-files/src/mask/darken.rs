//! The bad pixels of patterns made dark.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use lapwing_model::parallel::InParallel;
use ndarray::Axis;

use super::Mask;
use crate::patterns::Patterns;

/// Patterns that are looked at together.
const TOGETHER: usize = 16;

impl Mask {
    /// Sets the bad pixels of patterns to zero, so that nothing takes what is there for light;
    /// `chosen` are their indices among the patterns of the mask, where they are not all. Returns
    /// whether there was anything.
    pub(crate) fn darken(&self, patterns: &mut Patterns, chosen: Option<&[usize]>) -> bool {
        let (_, height, width) = patterns.dim();
        let (good, pixels, found) = (self.good(), (height * width).max(1), AtomicBool::new(false));
        let each = patterns.values_mut().chunks_exact_mut(pixels).enumerate();
        each.in_parallel().at_least(TOGETHER).for_each(|(place, pattern)| {
            let index = chosen.map_or(place, |chosen| chosen[place]);
            let layer = if good.len_of(Axis(0)) == 1 { 0 } else { index };
            for (value, &good) in pattern.iter_mut().zip(good.index_axis(Axis(0), layer)) {
                // What is zero already is not written, in a file least of all.
                if !good && *value != 0.0 {
                    *value = 0.0;
                    found.store(true, Relaxed);
                }
            }
        });
        found.into_inner()
    }
}
