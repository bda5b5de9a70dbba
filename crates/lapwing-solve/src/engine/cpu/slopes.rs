//! How the loss of a pattern changes with its position: see [`crate::solver`]'s module `positions`
//! for the formulas.

use lapwing_model::Complex32;
use lapwing_model::fft::frequency;
use std::f64::consts::TAU;

/// What the slopes of every pattern have in common: 2 pi u along both axes.
pub(super) struct Slopes {
    along_y: Vec<f64>,
    along_x: Vec<f64>,
}

impl Slopes {
    /// For windows of `(height, width)`.
    pub fn new((height, width): (usize, usize)) -> Self {
        let along = |length| (0..length).map(|index| TAU * frequency(index, length)).collect();
        Self { along_y: along(height), along_x: along(width) }
    }

    /// (s_y, s_x) of a pattern, from the probe's modes and its chi conj(O), unshifted, both as
    /// spectra (mode, u_x, u_y). Of an exit wave and its chi, those of the pattern's image.
    pub fn of(&self, probe: &[Complex32], product: &[Complex32]) -> [f64; 2] {
        let height = self.along_y.len();
        let mut slope = [0.0_f64; 2];
        let columns = probe.chunks_exact(height).zip(product.chunks_exact(height));
        for ((probe, product), u_x) in columns.zip(self.along_x.iter().cycle()) {
            // Re <-2 pi i u P, S> = -2 pi u Im(conj(P) S)
            let (mut of_y, mut of_x) = (0.0, 0.0);
            for ((p, s), u_y) in probe.iter().zip(product).zip(&self.along_y) {
                let turned = f64::from(p.re * s.im - p.im * s.re);
                of_y += u_y * turned;
                of_x += turned;
            }
            slope[0] -= of_y;
            slope[1] -= u_x * of_x;
        }
        slope
    }
}
