//! The work on one batch: exit waves, their corrections, and the sums over the batch.
//!
//! Every sum runs over fixed pieces in a fixed order - chunks of a few patterns, and what they
//! leave in bands of [`BAND`] rows of the object - so that the bits do not depend on the number of
//! threads.

use crate::Problem;
use crate::detector::Step;
use crate::footprint::Footprint;
use crate::positions;
use crate::touched::{BAND, Touched, bands_of_a_task};
use lapwing_model::buffer::Buffer;
use lapwing_model::elementwise::Packed;
use lapwing_model::forward::{Patch, PatternQuery, View, Workspace};
use lapwing_model::{Complex32, elementwise};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Chunks that a batch falls into, as far as they hold between so many patterns: two, four, eight
/// and sixteen threads end them together.
const CHUNKS: usize = 16;
const PATTERNS: [usize; 2] = [5, 10];

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

/// What a batch leaves besides its sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Every pattern's shifted probe and chi, for [`Batch::normals`].
    pub waves: bool,
    /// Every pattern's slopes with its position.
    pub slopes: bool,
}

/// Arrays for the largest batch, allocated when first needed.
pub(crate) struct Batch {
    wanted: Wanted,
    /// Patterns of a chunk of the largest batch.
    largest: usize,
    chunks: Vec<Chunk>,
    /// Chunks of the last batch.
    used: usize,
    /// What a task works with and leaves nothing in: one for every thread, allocated by it when
    /// first needed.
    rooms: Vec<Mutex<Option<Room>>>,
}

/// The sums over one task's patterns, and what it keeps of each.
struct Chunk {
    /// chi conj(P) and |P|^2 on the object's grid.
    footprint: Footprint,
    /// Sum of chi conj(O), unshifted, as spectra (mode, u_x, u_y).
    probe_sum: Buffer,
    /// Sum of |O_j|^2 (y, x).
    object_power: Vec<f32>,
    loss: f64,
    /// Shifted probes and chi, (pattern, mode, y, x), where they are wanted.
    probes: Vec<Packed>,
    chi: Vec<Packed>,
    /// (s_y, s_x) of every pattern, where they are wanted.
    slopes: Vec<[f64; 2]>,
}

/// Arrays of one pattern on its way, or of one band of the object.
struct Room {
    work: Workspace,
    /// The modes on their way, as the model keeps them.
    half: Buffer,
    /// Measured values.
    measured: Vec<f32>,
    /// Shifted probes and chi (mode, y, x).
    probes: Buffer,
    chi: Buffer,
    /// chi conj(O), unshifted, of this pattern alone, where it is needed.
    own: Buffer,
    /// Sums on a band of the object.
    band_sum: Vec<Complex32>,
    band_light: Vec<f32>,
}

/// The inner products of one pattern's least-squares problem for the two real step lengths (O18,
/// Eq. 22).
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
    pub fn new(problem: &Problem, batch_size: usize, wanted: Wanted) -> Self {
        let members = batch_size.min(problem.n_patterns()).max(1);
        let largest = members.div_ceil(chunks_of(members));
        Self { wanted, largest, chunks: Vec::new(), used: 0, rooms: Vec::new() }
    }

    /// Computes chi of every pattern of `members` and the sums for the probe and for the object;
    /// returns the summed loss.
    ///
    /// Neighbours in `members` should be neighbours on the object.
    pub fn project(
        &mut self,
        problem: &Problem,
        step: Step,
        members: &[usize],
        object: &[Complex32],
        probe_spectra: &[Complex32],
    ) -> f64 {
        let (wanted, largest) = (self.wanted, self.largest);
        self.used = chunks_of(members.len());
        if self.chunks.len() < self.used {
            self.chunks.resize_with(self.used, || Chunk::new(problem, wanted, largest));
        }
        if self.rooms.len() < rayon::current_num_threads() {
            self.rooms.resize_with(rayon::current_num_threads(), Mutex::default);
        }
        let (chunks, rooms) = (&mut self.chunks[..self.used], &self.rooms);
        chunks.par_iter_mut().zip(parts(members)).for_each(|(chunk, members)| {
            with_room(rooms, problem, |room| {
                chunk.project(problem, step, wanted, members, object, probe_spectra, room);
            });
        });
        self.used().iter().map(|chunk| chunk.loss).sum()
    }

    /// sum_j chi conj(O_j), unshifted, as spectra (mode, u_x, u_y), and sum_j |O_j|^2 (y, x), in
    /// parts to be added up.
    pub fn probe_sums(&self) -> impl Iterator<Item = (&[Complex32], &[f32])> {
        self.used().iter().map(|chunk| (&*chunk.probe_sum, chunk.object_power.as_slice()))
    }

    fn used(&self) -> &[Chunk] {
        &self.chunks[..self.used]
    }

    /// (s_y, s_x) of every pattern (module [`positions`]), in the order in which
    /// [`project`](Self::project) was given them.
    pub fn slopes(&self) -> impl Iterator<Item = [f64; 2]> {
        self.used().iter().flat_map(|chunk| chunk.slopes.iter().copied())
    }

    /// Adds sum_j chi_j conj(P_j) to `direction` and sum_j |P_j|^2 to `illumination`, both on the
    /// object's grid.
    pub fn scatter(
        &self,
        problem: &Problem,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) {
        let row = problem.object.dim().1;
        let chunks = self.used();
        let bands =
            direction.par_chunks_mut(BAND * row).zip(illumination.par_chunks_mut(BAND * row));
        let bands = bands.enumerate().with_min_len(bands_of_a_task(row));
        bands.for_each(|(index, (direction, illumination))| {
            for chunk in chunks {
                chunk.footprint.add_to(index * BAND, row, direction, illumination);
            }
        });
    }

    /// As [`scatter`](Self::scatter), but the sums are those of this batch alone where it touches
    /// the object; elsewhere they are left as they are. Returns the largest illumination.
    pub fn scatter_anew(
        &self,
        problem: &Problem,
        touched: &Touched,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) -> f32 {
        let row = problem.object.dim().1;
        let bands =
            direction.par_chunks_mut(BAND * row).zip(illumination.par_chunks_mut(BAND * row));
        let bands = bands.enumerate().with_min_len(bands_of_a_task(row));
        let largest = bands.map(|(index, (direction, illumination))| {
            let columns = touched.columns(index);
            if columns.is_empty() {
                return 0.0;
            }
            self.sum_band(index, row, &columns, direction, illumination);
            let rows = illumination
                .chunks_exact(row)
                .map(|row| elementwise::largest(&row[columns.clone()]));
            rows.fold(0.0_f32, f32::max)
        });
        largest.reduce(|| 0.0, f32::max)
    }

    /// Calls `change` with pieces of rows of `field`, on the object's grid, and the sums of this
    /// batch alone there, sum_j chi_j conj(P_j) and sum_j |P_j|^2, wherever the batch touches the
    /// object.
    pub fn scatter_into(
        &self,
        problem: &Problem,
        touched: &Touched,
        field: &mut [Complex32],
        change: impl Fn(&mut [Complex32], &[Complex32], &[f32]) + Sync,
    ) {
        let row = problem.object.dim().1;
        let bands = field.par_chunks_mut(BAND * row).enumerate().with_min_len(bands_of_a_task(row));
        bands.for_each(|(index, field)| {
            let columns = touched.columns(index);
            if columns.is_empty() {
                return;
            }
            with_room(&self.rooms, problem, |room| {
                let (sum, light) =
                    (&mut room.band_sum[..field.len()], &mut room.band_light[..field.len()]);
                self.sum_band(index, row, &columns, sum, light);
                let rows = field
                    .chunks_exact_mut(row)
                    .zip(sum.chunks_exact(row))
                    .zip(light.chunks_exact(row));
                for ((field, sum), light) in rows {
                    change(
                        &mut field[columns.clone()],
                        &sum[columns.clone()],
                        &light[columns.clone()],
                    );
                }
            });
        });
    }

    /// The sums of this batch alone in the columns `columns` of band `index` of the object, whose
    /// rows are of `row` pixels.
    fn sum_band(
        &self,
        index: usize,
        row: usize,
        columns: &Range<usize>,
        sum: &mut [Complex32],
        light: &mut [f32],
    ) {
        sum.chunks_exact_mut(row).for_each(|row| row[columns.clone()].fill(ZERO));
        light.chunks_exact_mut(row).for_each(|row| row[columns.clone()].fill(0.0));
        for chunk in self.used() {
            chunk.footprint.add_to(index * BAND, row, sum, light);
        }
    }

    /// The inner products of every pattern's step-length problem for the object direction
    /// `object_direction` (on the object's grid) and the probe direction `probe_direction` (mode,
    /// y, x), unshifted.
    pub fn normals(
        &self,
        problem: &Problem,
        members: &[usize],
        object: &[Complex32],
        (object_direction, probe_direction): (&[Complex32], &[Complex32]),
    ) -> Vec<Normal> {
        let (width, pixels) = (problem.model.shape().1, problem.model.len());
        let columns = problem.object.dim().1;
        let chunk = |(members, chunk): (&[usize], &Chunk)| -> Vec<Normal> {
            let all = probe_direction.len();
            let waves = chunk.probes.chunks_exact(all).zip(chunk.chi.chunks_exact(all));
            let normal = |(&pattern, (probes, chi)): (&usize, (&[Packed], &[Packed]))| {
                let window = &problem.windows[pattern];
                let start = window.row as usize * columns + window.column as usize;
                let mut sum = Normal::default();
                for at in (0..all).step_by(width) {
                    let on_object = start + at % pixels / width * columns;
                    sum.add_row(
                        &object[on_object..on_object + width],
                        &object_direction[on_object..on_object + width],
                        &probes[at..at + width],
                        &probe_direction[at..at + width],
                        &chi[at..at + width],
                    );
                }
                sum
            };
            members.iter().zip(waves).map(normal).collect()
        };
        let each: Vec<Vec<Normal>> = parts(members).zip(self.used()).map(chunk).collect();
        each.concat()
    }
}

/// Number of chunks of a batch of `members` patterns; even where it can be.
fn chunks_of(members: usize) -> usize {
    let [most, fewest] = PATTERNS.map(|patterns| members.div_ceil(patterns));
    CHUNKS.clamp(fewest, most).next_multiple_of(2).min(members)
}

/// The members of each chunk, as many in one as in another, but for one.
fn parts(members: &[usize]) -> impl IndexedParallelIterator<Item = &[usize]> {
    let (all, chunks) = (members.len(), chunks_of(members.len()));
    (0..chunks)
        .into_par_iter()
        .map(move |chunk| &members[chunk * all / chunks..(chunk + 1) * all / chunks])
}

/// Calls `f` with this thread's room.
fn with_room(rooms: &[Mutex<Option<Room>>], problem: &Problem, f: impl FnOnce(&mut Room)) {
    let room = &rooms[rayon::current_thread_index().unwrap_or(0)];
    let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
    f(room.get_or_insert_with(|| Room::new(problem)));
}

impl Room {
    fn new(problem: &Problem) -> Self {
        let (all, band) = (problem.probe.len(), BAND * problem.object.dim().1);
        let zeros = || Buffer::zeros(all);
        Self {
            work: problem.model.workspace(),
            half: zeros(),
            measured: vec![0.0; problem.model.len()],
            probes: zeros(),
            chi: zeros(),
            own: zeros(),
            band_sum: vec![ZERO; band],
            band_light: vec![0.0; band],
        }
    }
}

impl Chunk {
    /// For `patterns` patterns at most.
    fn new(problem: &Problem, wanted: Wanted, patterns: usize) -> Self {
        let all = problem.probe.len();
        let waves = if wanted.waves { patterns * all } else { 0 };
        Self {
            footprint: Footprint::default(),
            probe_sum: Buffer::zeros(all),
            object_power: vec![0.0; problem.model.len()],
            loss: 0.0,
            probes: vec![0; waves],
            chi: vec![0; waves],
            slopes: Vec::new(),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the inner step: everything it reads and writes, by name"
    )]
    fn project(
        &mut self,
        problem: &Problem,
        step: Step,
        wanted: Wanted,
        members: &[usize],
        object: &[Complex32],
        probe_spectra: &[Complex32],
        room: &mut Room,
    ) {
        let model = &problem.model;
        let (pixels, all) = (model.len(), probe_spectra.len());
        let columns = problem.object.dim().1;
        self.probe_sum.fill(ZERO);
        self.object_power.fill(0.0);
        self.slopes.clear();
        self.loss = 0.0;
        self.footprint.begin(problem, members);
        let slopes = wanted.slopes.then(|| positions::Slopes::new(model.shape()));
        for (index, &pattern) in members.iter().enumerate() {
            let Room { work, half, measured, probes, chi, own, .. } = &mut *room;
            let (window, ramp) = (&problem.windows[pattern], &problem.ramps[pattern]);
            let start = window.row as usize * columns + window.column as usize;
            let view = View { patch: Patch { object: &object[start..], columns }, ramp };
            let mut power = Some(self.object_power.as_mut_slice());
            let per_mode = probes.chunks_exact_mut(pixels).zip(probe_spectra.chunks_exact(pixels));
            for ((probe, spectrum), half) in per_mode.zip(half.chunks_exact_mut(pixels)) {
                model.illuminate(spectrum, view, probe, power.take(), half, work);
            }
            let masked = problem.mask.of(pattern);
            let query = PatternQuery { whole: step.needs_whole_pattern(), masked };
            let loss = &mut self.loss;
            model.detect(half, chi, query, work, &mut |first, intensity, factor| {
                let from = pattern * pixels + first;
                let room = &mut measured[..intensity.len()];
                *loss += step.factor(&problem.patterns, from, room, intensity, factor);
            });
            let sums: &mut [Complex32] = if wanted.slopes { own } else { &mut self.probe_sum };
            if wanted.slopes {
                sums.fill(ZERO);
            }
            let per_mode = chi.chunks_exact_mut(pixels).zip(probes.chunks_exact(pixels));
            let per_mode =
                per_mode.zip(sums.chunks_exact_mut(pixels)).zip(half.chunks_exact_mut(pixels));
            for (((chi, probe), sum), half) in per_mode {
                model.gather(chi, view, half, sum, work);
                self.footprint.add(problem, (index, pattern), chi, probe);
            }
            if wanted.waves {
                let kept = index * all..(index + 1) * all;
                elementwise::pack(&mut self.probes[kept.clone()], probes);
                elementwise::pack(&mut self.chi[kept], chi);
            }
            if let Some(slopes) = &slopes {
                self.slopes.push(slopes.of(probe_spectra, own));
                self.probe_sum.iter_mut().zip(own.iter()).for_each(|(sum, value)| *sum += value);
            }
        }
    }
}

impl Normal {
    fn add_row(
        &mut self,
        object: &[Complex32],
        object_direction: &[Complex32],
        probe: &[Packed],
        probe_direction: &[Complex32],
        chi: &[Packed],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_share_a_batch_evenly_and_in_order() {
        assert_eq!([0, 1, 2, 10, 50, 95, 100, 320].map(chunks_of), [0, 1, 2, 2, 10, 16, 16, 32]);
        for count in [0, 1, 2, 3, 7, 10, 11, 95, 100, 101, 320, 1003] {
            let members: Vec<usize> = (0..count).rev().collect();
            let parts: Vec<&[usize]> = parts(&members).collect();
            assert_eq!(parts.concat(), members);
            let sizes = || parts.iter().map(|part| part.len());
            assert!(sizes().max() <= sizes().min().map(|least| least + 1), "{count}");
            assert!(sizes().max() <= Some(PATTERNS[1]), "{count}");
        }
    }
}
