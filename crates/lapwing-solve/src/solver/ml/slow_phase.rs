//! Slow waves of the object's phase, taken at once.
//!
//! What a pattern tells of a phase phi that varies little over the probe is only that it is shifted
//! by the slope of phi, so the loss L of ML changes by
//!
//! ```text
//! 2 sum_x b phi + sum_j C (v_y phi_y^2 + v_x phi_x^2) + mu s^2 sum_x (phi_y^2 + phi_x^2)
//! b = Im(conj(O) dL/dO*),  v_y = sum (d sqrt(I)/d phi_y)^2 / sum I,  d Psi/d phi_y = i F[y psi]
//! ```
//!
//! with phi_y and phi_x the slopes at pattern j, C its counts, psi its exit wave, mu s^2 the
//! prior's part. That is some (k a)^2 of what single pixels make of a wave of frequency k under a
//! probe of radius a: waves across ten probes take L-BFGS, whose preconditioner knows pixels alone,
//! hundreds of epochs. The phi for which the sum is least solves an elliptic equation of second
//! order, here by conjugate gradients on nodes about a probe apart, between which phi is a spline.
//! Multiplying O by exp(i phi) is then one step of a two-level method (A. Toselli, O. Widlund,
//! Domain Decomposition Methods, chapters 2 and 3), and no loss is evaluated for it.
//!
//! While pixels are far from where they are going, b is mostly theirs. So a wave is taken only
//! where one epoch promises of it what the epoch before did, and where that is more than noise
//! would promise.

mod grid;

use self::grid::Grid;
use super::evaluation::Gradient;
use crate::Problem;
use crate::engine::Fields;
use crate::solver::frame::Frame;
use crate::solver::snapshot::{Snapshot, SnapshotError};
use lapwing_model::Complex32;
use lapwing_model::fft::Fft2;
use lapwing_model::forward::Propagation;
use lapwing_model::parallel::InParallel;

/// Epochs of which two, one after the other, look for a wave, and the first of these: steps are
/// large before. No base ends with the second, and no last stage that is as short as may be: a wave
/// should be followed by an epoch that takes it back where it does harm.
const EVERY: usize = 5;
const FIRST: usize = 2;
/// Share of the gain by which it may differ from that of the epoch before.
const STEADY: f64 = 0.15;
/// Photons' loss that a wave must take off, and more of it for every node in the light: noise
/// promises a quarter of a photon's for each node whose phase is its own, and less for a spline's.
const CLEAR: f64 = 4.0;
const CLEAR_OF_NODE: f64 = 0.25;
/// Share of the most counts of a node from which it is in the light.
const LIT: f64 = 0.1;
/// Patterns whose exit waves tell how a slope is seen, at most.
const LOOKED_AT: usize = 32;
/// Distance of nodes in radii of the probe, which is the root mean square of the distance of its
/// light from its middle.
const NODES: f64 = 2.0;

/// When waves are looked for, and what is known of them.
#[derive(Debug, Clone)]
pub(super) struct SlowPhases {
    /// Epochs since the last new beginning.
    epochs: usize,
    /// What the last epoch promised.
    gain: f64,
    /// Whether it took a wave.
    took: bool,
    /// Whether a wave has done harm.
    off: bool,
}

impl Default for SlowPhases {
    fn default() -> Self {
        Self { epochs: 0, gain: f64::NAN, took: false, off: false }
    }
}

impl SlowPhases {
    /// The wave to be taken beside the step of this epoch, if any, by the `gradient` there and a
    /// prior of that `strength`, in the solver's unit.
    pub fn wave(
        &mut self,
        frame: &mut Frame<'_>,
        gradient: &Gradient,
        strength: f64,
    ) -> Option<Wave> {
        self.epochs += 1;
        let turn = (self.epochs - 1) % EVERY;
        let problem = frame.problem;
        let physics = problem.model.physics();
        let far = physics.propagation == Propagation::FarField && physics.slices.is_none();
        // A held prior is not that of an object that turns.
        if self.off || !far || problem.prior_draw.is_some() || !(FIRST..=FIRST + 1).contains(&turn)
        {
            return None;
        }
        let strength = strength * frame.relative_power();
        let from_there;
        let gradient = match gradient {
            Gradient::Here(gradient, _) => gradient,
            Gradient::There(gradient) => {
                from_there = frame.engine.vector(**gradient);
                &from_there
            }
        };
        let wave = Wave::of(problem, frame.engine.fields(), gradient, strength)?;
        let before = std::mem::replace(&mut self.gain, wave.gain);
        let steady = turn > FIRST && (wave.gain - before).abs() < STEADY * wave.gain;
        let clear = (CLEAR + CLEAR_OF_NODE * wave.lit as f64) * problem.gain;
        (steady && wave.gain > clear).then_some(wave)
    }

    /// Turns the object by the `wave` after the step, unless the step `went_back` instead.
    pub fn take(&mut self, frame: &mut Frame<'_>, wave: Option<Wave>, went_back: bool) {
        self.off |= self.took && went_back;
        let wave = wave.filter(|_| !went_back);
        self.took = wave.is_some();
        if let Some(wave) = wave {
            let columns = frame.problem.object.shape().1;
            wave.turn(frame.engine.fields_mut().parts_mut().object, columns);
        }
    }

    pub fn save(&self, snapshot: &mut Snapshot) {
        let flags = [self.took, self.off].map(|flag| f64::from(u8::from(flag)));
        snapshot.put_numbers("slow_phase", &[self.epochs as f64, self.gain, flags[0], flags[1]]);
    }

    pub fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let [epochs, gain, took, off] = snapshot.numbers("slow_phase")?;
        *self = Self { epochs: epochs as usize, gain, took: took != 0.0, off: off != 0.0 };
        Ok(())
    }
}

/// A phase on nodes.
pub(super) struct Wave {
    grid: Grid,
    /// Of every node, rad.
    angles: Vec<f64>,
    /// By how much it lowers the loss.
    gain: f64,
    /// Nodes in the light.
    lit: usize,
}

impl Wave {
    /// The phase that lowers the loss most, by its `gradient` at `fields`, in which the object is
    /// first; `stiffness` is mu s^2. `None` where there is no light.
    fn of(
        problem: &Problem,
        fields: &Fields,
        gradient: &[Complex32],
        stiffness: f64,
    ) -> Option<Self> {
        let (object, shape) = (fields.object(), problem.object.shape());
        let Seen { slopes, radius, middle } = Seen::of(problem, fields);
        let side = (NODES * radius).round();
        if !(side.is_finite() && slopes.iter().all(|slope| *slope > 0.0)) {
            return None;
        }
        let grid = Grid::new(shape, side.max(2.0));
        let mut counts = vec![0.0; grid.len()];
        for window in &problem.windows {
            let at = [window.row as f64 + middle[0], window.column as f64 + middle[1]];
            grid.add(&mut counts, at, problem.mean_intensity);
        }
        // As many in all, and more where the object is bright.
        let pixels = grid.sums(shape, |_| 1.0);
        let bright = grid.sums(shape, |pixel| f64::from(object[pixel].norm_sqr()));
        let all: f64 = counts.iter().sum();
        for ((counts, bright), pixels) in counts.iter_mut().zip(bright).zip(pixels) {
            *counts *= bright / pixels.max(f64::MIN_POSITIVE);
        }
        let scale = all / counts.iter().sum::<f64>();
        counts.iter_mut().for_each(|counts| *counts *= scale);
        let most = counts.iter().fold(0.0_f64, |most, &counts| most.max(counts));
        let lit = counts.iter().filter(|counts| **counts > LIT * most).count();
        let slope =
            grid.sums(shape, |pixel| f64::from((object[pixel].conj() * gradient[pixel]).im));
        let (angles, gain) = grid.solve(&counts, slopes, stiffness, &slope);
        gain.is_finite().then_some(Self { grid, angles, gain, lit })
    }

    /// object <- object exp(i phi), in rows of `columns` pixels
    fn turn(&self, object: &mut [Complex32], columns: usize) {
        object.chunks_mut(columns).enumerate().in_parallel().for_each(|(y, row)| {
            let mut angles = vec![0.0; columns];
            self.grid.row(&self.angles, y, &mut angles);
            for (value, angle) in row.iter_mut().zip(angles) {
                *value *= Complex32::cis(angle as f32);
            }
        });
    }
}

/// How slopes of the phase are seen.
struct Seen {
    /// v_y and v_x, px^2
    slopes: [f64; 2],
    /// Of the probe's light, px.
    radius: f64,
    /// Its middle (y, x) in the window.
    middle: [f64; 2],
}

impl Seen {
    /// By the exit waves of a sample of the patterns, the fractions of a pixel aside.
    fn of(problem: &Problem, fields: &Fields) -> Self {
        let (object, probe) = (fields.object(), fields.probe());
        let (shape, columns) = (problem.model.shape(), problem.object.shape().1);
        let (pixels, width) = (shape.0 * shape.1, shape.1);
        let modes = || probe.chunks_exact(pixels).take(problem.n_modes());
        let place = |pixel: usize| [(pixel / width) as f64, (pixel % width) as f64];
        let mut moments = [0.0; 4];
        for (pixel, value) in modes().flat_map(|mode| mode.iter().enumerate()) {
            let ([y, x], light) = (place(pixel), f64::from(value.norm_sqr()));
            let values = [1.0, y, x, y * y + x * x];
            moments.iter_mut().zip(values).for_each(|(sum, value)| *sum += light * value);
        }
        let [y, x, squares] = [1, 2, 3].map(|moment| moments[moment] / moments[0]);
        let fft = Fft2::new(shape);
        let stride = problem.n_patterns().div_ceil(LOOKED_AT).max(1);
        let windows = problem.windows.iter().step_by(stride).in_parallel();
        let sums = windows.map(|window| {
            let zeros = || vec![Complex32::ZERO; pixels];
            let [mut wave, mut spectrum] = [zeros(), zeros()];
            let mut scratch = vec![Complex32::ZERO; fft.scratch_len()];
            // I and the halves of dI/d phi_y and dI/d phi_x
            let mut intensities = vec![[0.0_f32; 3]; pixels];
            for mode in modes() {
                let mut of_mode = zeros();
                for factor in 0..3 {
                    for (pixel, (wave, probe)) in wave.iter_mut().zip(mode).enumerate() {
                        let [dy, dx] = place(pixel);
                        let row = window.row as usize + pixel / width;
                        let at = row * columns + window.column as usize + pixel % width;
                        let arm = [1.0, dy - y, dx - x][factor] as f32;
                        *wave = object[at] * probe * arm;
                    }
                    fft.forward(&mut wave, &mut spectrum, &mut scratch);
                    if factor == 0 {
                        of_mode.copy_from_slice(&spectrum);
                    }
                    for ((sums, psi), part) in intensities.iter_mut().zip(&of_mode).zip(&spectrum) {
                        let product = psi.conj() * part;
                        sums[factor] += if factor == 0 { product.re } else { -product.im };
                    }
                }
            }
            let brightest = intensities.iter().fold(0.0_f32, |most, [value, ..]| most.max(*value));
            let mut sums = [0.0; 3];
            for [intensity, dy, dx] in intensities {
                if intensity > f32::EPSILON * brightest {
                    let values = [intensity, dy * dy / intensity, dx * dx / intensity];
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
                }
            }
            sums
        });
        let sum = |part: usize| sums.iter().map(|sums| sums[part]).sum::<f64>();
        Self {
            slopes: [sum(1) / sum(0), sum(2) / sum(0)],
            radius: (squares - y * y - x * x).max(0.0).sqrt(),
            middle: [y, x],
        }
    }
}

#[cfg(test)]
mod tests;
