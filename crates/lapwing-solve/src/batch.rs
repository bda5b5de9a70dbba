//! The work on one batch: exit waves, their corrections, and the sums over the batch.
//!
//! Every sum runs over fixed pieces in a fixed order - chunks of [`CHUNK`] patterns for the probe, bands of [`BAND`] rows
//! for the object - so that the bits do not depend on the number of threads.

use crate::Problem;
use crate::detector::Step;
use crate::touched::{BAND, Touched};
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::{Patch, Workspace};
use lapwing_model::{Complex32, elementwise};
use rayon::prelude::*;

/// Patterns that one task works through with its own accumulators.
const CHUNK: usize = 5;
/// Pixels of the probe's sums that one task adds up.
const PIECE: usize = 2048;

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

/// Arrays for the largest batch, allocated once.
pub(crate) struct Batch {
    pixels: usize,
    modes: usize,
    /// Shifted probe of every pattern and mode of the batch, (pattern, mode, y, x).
    probes: Buffer,
    /// chi of every pattern and mode of the batch, (pattern, mode, y, x).
    chi: Buffer,
    chunks: Vec<Chunk>,
}

/// What one task needs and sums up.
struct Chunk {
    work: Workspace,
    /// The modes of one pattern on their way, as the model keeps them.
    half: Buffer,
    /// Room for measured values in the order of the model's pixels.
    measured: Vec<f32>,
    /// Sum over the chunk of chi conj(O), unshifted, as spectra (mode, u_x, u_y).
    probe_sum: Buffer,
    /// Sum over the chunk of |O_j|^2 (y, x).
    object_power: Vec<f32>,
    loss: f64,
}

/// Sums over a batch that the probe direction is made of.
pub(crate) struct ProbeSums {
    /// sum_j chi conj(O_j), unshifted, as spectra (mode, u_x, u_y).
    pub spectrum: Vec<Complex32>,
    /// sum_j |O_j|^2 (y, x).
    pub object_power: Vec<f32>,
    /// Summed loss of the batch.
    pub loss: f64,
}

/// The inner products of one pattern's least-squares problem for the two real step lengths (O18, Eq. 22).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Normal {
    /// |dO P|^2
    pub object: f64,
    /// |dP O|^2
    pub probe: f64,
    /// Re <dO P, dP O>
    pub cross: f64,
    /// Re <dO P, chi>
    pub object_chi: f64,
    /// Re <dP O, chi>
    pub probe_chi: f64,
}

impl Batch {
    pub fn new(problem: &Problem, batch_size: usize) -> Self {
        let (pixels, modes) = (problem.model.len(), problem.probe.dim().0);
        let size = batch_size.clamp(1, problem.n_patterns());
        let chunk = || Chunk {
            work: problem.model.workspace(),
            half: Buffer::zeros(modes * pixels),
            measured: vec![0.0; pixels],
            probe_sum: Buffer::zeros(modes * pixels),
            object_power: vec![0.0; pixels],
            loss: 0.0,
        };
        Self {
            pixels,
            modes,
            probes: Buffer::zeros(size * modes * pixels),
            chi: Buffer::zeros(size * modes * pixels),
            chunks: (0..size.div_ceil(CHUNK)).map(|_| chunk()).collect(),
        }
    }

    /// Computes the shifted probes and chi of every pattern of `members`, and the sums for the probe direction.
    pub fn project(
        &mut self,
        problem: &Problem,
        step: Step,
        members: &[usize],
        object: &[Complex32],
        probe_spectra: &[Complex32],
    ) -> ProbeSums {
        let (pixels, per_pattern) = (self.pixels, self.pixels * self.modes);
        let used = members.len() * per_pattern;
        self.probes[..used]
            .par_chunks_mut(CHUNK * per_pattern)
            .zip(self.chi[..used].par_chunks_mut(CHUNK * per_pattern))
            .zip(members.par_chunks(CHUNK))
            .zip(&mut self.chunks)
            .for_each(|(((probes, chi), members), chunk)| {
                chunk.probe_sum.fill(ZERO);
                chunk.object_power.fill(0.0);
                chunk.loss = 0.0;
                let arrays = probes.chunks_exact_mut(per_pattern).zip(chi.chunks_exact_mut(per_pattern));
                for (&pattern, (probes, chi)) in members.iter().zip(arrays) {
                    chunk.project(problem, step, pattern, object, probe_spectra, probes, chi);
                }
            });
        let chunks = &self.chunks[..members.len().div_ceil(CHUNK)];
        let mut sums = ProbeSums {
            spectrum: vec![ZERO; per_pattern],
            object_power: vec![0.0; pixels],
            loss: chunks.iter().map(|chunk| chunk.loss).sum(),
        };
        sums.spectrum.par_chunks_mut(PIECE).enumerate().for_each(|(piece, sum)| {
            for chunk in chunks {
                let part = &chunk.probe_sum[piece * PIECE..];
                sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
            }
        });
        sums.object_power.par_chunks_mut(PIECE).enumerate().for_each(|(piece, sum)| {
            for chunk in chunks {
                let part = &chunk.object_power[piece * PIECE..];
                sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
            }
        });
        sums
    }

    /// chi (y, x) of the pattern in place `slot` of the batch and of one mode, as [`project`](Self::project) left it.
    pub fn chi(&self, slot: usize, mode: usize) -> &[Complex32] {
        let start = (slot * self.modes + mode) * self.pixels;
        &self.chi[start..start + self.pixels]
    }

    /// Adds sum_j chi_j conj(P_j) to `direction` and sum_j |P_j|^2 to `illumination`, both on the object's grid.
    pub fn scatter(
        &self,
        problem: &Problem,
        members: &[usize],
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) {
        let band = BAND * problem.object.dim().1;
        let bands = direction.par_chunks_mut(band).zip(illumination.par_chunks_mut(band)).enumerate();
        bands.for_each(|(index, (direction, illumination))| {
            self.scatter_band(problem, members, index * BAND, direction, illumination);
        });
    }

    /// As [`scatter`](Self::scatter), but the sums are those of this batch alone where it touches the object; elsewhere they are left as they
    /// are. Returns the largest illumination.
    pub fn scatter_anew(
        &self,
        problem: &Problem,
        members: &[usize],
        touched: &Touched,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) -> f32 {
        let row = problem.object.dim().1;
        let bands = direction.par_chunks_mut(BAND * row).zip(illumination.par_chunks_mut(BAND * row));
        let largest = bands.enumerate().map(|(index, (direction, illumination))| {
            let columns = touched.columns(index);
            if columns.is_empty() {
                return 0.0;
            }
            direction.chunks_exact_mut(row).for_each(|row| row[columns.clone()].fill(ZERO));
            illumination.chunks_exact_mut(row).for_each(|row| row[columns.clone()].fill(0.0));
            self.scatter_band(problem, members, index * BAND, direction, illumination);
            let rows = illumination.chunks_exact(row).map(|row| elementwise::largest(&row[columns.clone()]));
            rows.fold(0.0_f32, f32::max)
        });
        largest.reduce(|| 0.0, f32::max)
    }

    /// The part of [`scatter`](Self::scatter) that falls on the object rows from `first` on that `direction` and `illumination` hold.
    fn scatter_band(
        &self,
        problem: &Problem,
        members: &[usize],
        first: usize,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) {
        let (height, width) = problem.model.shape();
        let columns = problem.object.dim().1;
        let last = first + direction.len() / columns;
        for (slot, &pattern) in members.iter().enumerate() {
            let window = &problem.windows[pattern];
            let (top, left) = (window.row as usize, window.column as usize);
            for row in first.max(top)..last.min(top + height) {
                let start = (row - first) * columns + left;
                let (direction, illumination) =
                    (&mut direction[start..start + width], &mut illumination[start..start + width]);
                for mode in 0..self.modes {
                    let at = (slot * self.modes + mode) * self.pixels + (row - top) * width;
                    let (probe, chi) = (&self.probes[at..at + width], &self.chi[at..at + width]);
                    elementwise::add_conjugate_product(direction, illumination, chi, probe);
                }
            }
        }
    }

    /// The inner products of every pattern's step-length problem for the object direction `object_direction` (on the
    /// object's grid) and the probe direction `probe_direction` (mode, y, x), unshifted.
    pub fn normals(
        &self,
        problem: &Problem,
        members: &[usize],
        object: &[Complex32],
        object_direction: &[Complex32],
        probe_direction: &[Complex32],
    ) -> Vec<Normal> {
        let (height, width) = problem.model.shape();
        let columns = problem.object.dim().1;
        let normal = |(slot, &pattern): (usize, &usize)| {
            let window = &problem.windows[pattern];
            let (top, left) = (window.row as usize, window.column as usize);
            let mut sum = Normal::default();
            for mode in 0..self.modes {
                for row in 0..height {
                    let on_object = (top + row) * columns + left;
                    let on_probe = mode * self.pixels + row * width;
                    let in_batch = slot * self.modes * self.pixels + on_probe;
                    sum.add_row(
                        &object[on_object..on_object + width],
                        &object_direction[on_object..on_object + width],
                        &self.probes[in_batch..in_batch + width],
                        &probe_direction[on_probe..on_probe + width],
                        &self.chi[in_batch..in_batch + width],
                    );
                }
            }
            sum
        };
        members.par_iter().enumerate().with_min_len(CHUNK).map(normal).collect()
    }
}

impl Chunk {
    #[expect(clippy::too_many_arguments, reason = "the inner step: everything it reads and writes, by name")]
    fn project(
        &mut self,
        problem: &Problem,
        step: Step,
        pattern: usize,
        object: &[Complex32],
        probe_spectra: &[Complex32],
        probes: &mut [Complex32],
        chi: &mut [Complex32],
    ) {
        let model = &problem.model;
        let pixels = model.len();
        let ramp = &problem.ramps[pattern];
        let window = &problem.windows[pattern];
        let columns = problem.object.dim().1;
        let start = window.row as usize * columns + window.column as usize;
        let patch = Patch { object: &object[start..], columns };
        let mut power = Some(self.object_power.as_mut_slice());
        let per_mode = probes.chunks_exact_mut(pixels).zip(probe_spectra.chunks_exact(pixels));
        for ((probe, spectrum), half) in per_mode.zip(self.half.chunks_exact_mut(pixels)) {
            model.illuminate(spectrum, ramp, patch, probe, power.take(), half, &mut self.work);
        }
        let (measured, masked) = (problem.pattern(pattern), problem.mask.of(pattern));
        let kind = (step.needs_whole_pattern() || !masked.is_empty(), masked);
        let (loss, room) = (&mut self.loss, &mut self.measured);
        model.detect(&mut self.half, chi, kind, &mut self.work, &mut |pixels, intensity, factor| {
            *loss += step.factor(pixels.of(measured, room), intensity, factor);
        });
        let per_mode = chi.chunks_exact_mut(pixels).zip(self.probe_sum.chunks_exact_mut(pixels));
        for ((chi, probe_sum), half) in per_mode.zip(self.half.chunks_exact_mut(pixels)) {
            model.gather(chi, ramp, patch, half, probe_sum, &mut self.work);
        }
    }
}

impl Normal {
    fn add_row(
        &mut self,
        object: &[Complex32],
        object_direction: &[Complex32],
        probe: &[Complex32],
        probe_direction: &[Complex32],
        chi: &[Complex32],
    ) {
        let [oo, pp, op, oc, pc] =
            elementwise::five_products(object_direction, probe, probe_direction, object, chi);
        self.object += oo;
        self.probe += pp;
        self.cross += op;
        self.object_chi += oc;
        self.probe_chi += pc;
    }
}
