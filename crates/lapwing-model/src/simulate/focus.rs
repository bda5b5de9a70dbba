//! A probe whose focus differs from pattern to pattern.

use crate::Complex32;
use crate::fft::frequency;

/// Spectra of the modes of a probe, (u_x, u_y), that can be brought to another focus.
pub(super) struct Spectra {
    modes: Vec<Vec<Complex32>>,
    /// |u - mean u|^2 of every frequency over its value at the pupil's edge, where the focus
    /// changes.
    squares: Vec<f32>,
}

impl Spectra {
    /// Of `modes`, for windows of `(height, width)`; `refocused` where their focus will change.
    ///
    /// The edge of the pupil is sqrt 2 r.m.s. radii of the light in it from its middle, as that of
    /// an evenly lit disc; a pupil off the axis stays where it is.
    pub fn new(
        modes: Vec<Vec<Complex32>>,
        (height, width): (usize, usize),
        refocused: bool,
    ) -> Self {
        if !refocused {
            return Self { modes, squares: Vec::new() };
        }
        let at =
            |index: usize| (frequency(index % height, height), frequency(index / height, width));
        let mean = |of: &dyn Fn(usize) -> f64| {
            let values = modes.iter().flat_map(|mode| mode.iter().enumerate());
            let (sum, light) = values.fold((0.0, 0.0), |(sum, light), (index, value)| {
                let power = f64::from(value.norm_sqr());
                (sum + power * of(index), light + power)
            });
            sum / light
        };
        let (cy, cx) = (mean(&|index| at(index).0), mean(&|index| at(index).1));
        let square = |index: usize| (at(index).0 - cy).powi(2) + (at(index).1 - cx).powi(2);
        let edge = 2.0 * mean(&square);
        // One frequency alone, or no light, has no focus.
        let of = |index: usize| if edge > 0.0 { (square(index) / edge) as f32 } else { 0.0 };
        let squares = (0..height * width).map(of).collect();
        Self { modes, squares }
    }

    /// As they are.
    pub fn modes(&self) -> &[Vec<Complex32>] {
        &self.modes
    }

    /// Writes them out of focus by `phase`, radians at the pupil's edge, to `refocused`.
    pub fn refocus(&self, phase: f64, refocused: &mut Vec<Vec<Complex32>>) {
        refocused.clone_from(&self.modes);
        for mode in refocused {
            for (value, square) in mode.iter_mut().zip(&self.squares) {
                *value *= Complex32::from_polar(1.0, phase as f32 * square);
            }
        }
    }
}
