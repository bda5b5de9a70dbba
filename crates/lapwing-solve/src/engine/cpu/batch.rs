//! The work on one batch: exit waves, their corrections, and the sums over the batch.
//!
//! Every sum runs over fixed pieces in a fixed order - chunks of a few patterns, and what they
//! leave in bands of [`BAND`] rows of the object - so that the bits do not depend on the number of
//! threads.

use super::bands::{BAND, Bands, bands_of_a_task};
use super::chunk::{Chunk, Scene, kept_len, n_waves};
use super::scratch::{Scratch, Scratches};
use super::waves::Waves;
use crate::Problem;
use crate::engine::{DetectorRule, Losses, Normal, Products, Side, WaveUpdate, between_step_rows};
use lapwing_model::elementwise::Packed;
use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, elementwise};
use std::ops::Range;

/// Chunks that a batch falls into, as far as they hold between so many patterns: two, four, eight
/// and sixteen threads end them together.
const CHUNKS: usize = 16;
const PATTERNS: [usize; 2] = [5, 10];

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

/// Arrays for the largest batch, allocated when first needed.
pub(super) struct Batch {
    products: Products,
    /// Patterns of a chunk of the largest batch.
    largest: usize,
    chunks: Vec<Chunk>,
    /// Chunks of the last batch.
    used: usize,
    scratches: Scratches,
}

impl Batch {
    pub fn new(problem: &Problem, batch_size: usize, products: Products) -> Self {
        let members = batch_size.min(problem.n_patterns()).max(1);
        let largest = members.div_ceil(chunks_of(members));
        Self { products, largest, chunks: Vec::new(), used: 0, scratches: Scratches::default() }
    }

    /// Computes chi of every pattern of `members` and the sums for the probe and for the object;
    /// returns the summed losses.
    ///
    /// Neighbours in `members` should be neighbours on the object.
    pub fn project(&mut self, scene: Scene<'_>, step: DetectorRule, members: &[usize]) -> Losses {
        let products = self.products;
        self.compute(scene.problem, members, |chunk, members, scratch| {
            chunk.project(scene, step, products, members, scratch);
        })
    }

    /// Takes the stored waves of `members` through a pass; returns the summed gap.
    pub fn project_waves(
        &mut self,
        scene: Scene<'_>,
        update: WaveUpdate,
        members: &[usize],
        waves: &Waves,
    ) -> Losses {
        self.compute(scene.problem, members, |chunk, members, scratch| {
            chunk.project_waves(scene, update, members, waves, scratch);
        })
    }

    /// Sums what the stored waves of `members` shared in their last pass, for one field.
    pub fn share_waves(&mut self, scene: Scene<'_>, side: Side, members: &[usize], waves: &Waves) {
        self.compute(scene.problem, members, |chunk, members, scratch| {
            chunk.share_waves(scene, side, members, waves, scratch);
        });
    }

    /// Does `work` for every chunk of the patterns `members`; returns the summed losses.
    fn compute(
        &mut self,
        problem: &Problem,
        members: &[usize],
        work: impl Fn(&mut Chunk, &[usize], &mut Scratch) + Sync,
    ) -> Losses {
        let (products, largest) = (self.products, self.largest);
        self.used = chunks_of(members.len());
        if self.chunks.len() < self.used {
            self.chunks.resize_with(self.used, || Chunk::new(problem, products, largest));
        }
        self.scratches.prepare();
        let (chunks, scratches) = (&mut self.chunks[..self.used], &self.scratches);
        chunks.iter_mut().zip(parts(members)).in_parallel().for_each(|(chunk, members)| {
            scratches.with(problem, |scratch| work(chunk, members, scratch));
        });
        let used = self.used();
        Losses {
            seen: used.iter().map(|chunk| chunk.loss).sum(),
            held_out: used.iter().map(|chunk| chunk.held_out).sum(),
        }
    }

    /// sum_j chi conj(O_j), unshifted, as spectra (mode, u_x, u_y), and sum_j |O_j|^2 (y, x), in
    /// parts to be added up.
    pub fn probe_sums(&self) -> impl Iterator<Item = (&[Complex32], &[f32])> {
        self.used().iter().map(|chunk| (&*chunk.probe_sum, chunk.object_power.as_slice()))
    }

    /// Re <psi_j, chi_j> / 2 of every pattern, in the order in which [`project`](Self::project) was
    /// given them, where the power varies.
    pub fn power_slopes(&self) -> Vec<f64> {
        self.used().iter().flat_map(|chunk| chunk.power_slopes.iter().copied()).collect()
    }

    fn used(&self) -> &[Chunk] {
        &self.chunks[..self.used]
    }

    /// (s_y, s_x) of every pattern ([`Slopes`](super::slopes::Slopes)), in the order in which
    /// [`project`](Self::project) was given them.
    pub fn slopes(&self) -> impl Iterator<Item = [f64; 2]> {
        self.used().iter().flat_map(|chunk| chunk.slopes.iter().copied())
    }

    /// <E_k O_j, chi_j> of every pattern and eigenmode, patterns in the order in which
    /// [`project`](Self::project) was given them.
    pub fn weight_slopes(&self) -> Vec<Complex32> {
        self.used().iter().flat_map(|chunk| chunk.weight_slopes.iter().copied()).collect()
    }

    /// Adds sum_j chi_j conj(P_j) to `direction` and sum_j |P_j|^2 to `illumination`, both on the
    /// object's grid.
    pub fn scatter(
        &self,
        problem: &Problem,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) {
        let row = problem.object.shape().1;
        let chunks = self.used();
        let bands = direction.chunks_mut(BAND * row).zip(illumination.chunks_mut(BAND * row));
        let bands = bands.enumerate().in_parallel().at_least(bands_of_a_task(row));
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
        covered: &Bands,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) -> f32 {
        let row = problem.object.shape().1;
        let bands = direction.chunks_mut(BAND * row).zip(illumination.chunks_mut(BAND * row));
        let bands = bands.enumerate().in_parallel().at_least(bands_of_a_task(row));
        let largest = bands.map(|(index, (direction, illumination))| {
            let columns = covered.columns(index);
            if columns.is_empty() {
                return 0.0;
            }
            self.sum_band(index, row, &columns, direction, illumination);
            let rows = illumination
                .chunks_exact(row)
                .map(|row| elementwise::largest(&row[columns.clone()]));
            rows.fold(0.0_f32, f32::max)
        });
        largest.into_iter().fold(0.0, f32::max)
    }

    /// Calls `change` with pieces of rows of `field`, on the object's grid, and the sums of this
    /// batch alone there, sum_j chi_j conj(P_j) and sum_j |P_j|^2, wherever the batch touches the
    /// object.
    pub fn scatter_into(
        &self,
        problem: &Problem,
        covered: &Bands,
        field: &mut [Complex32],
        change: impl Fn(&mut [Complex32], &[Complex32], &[f32]) + Sync,
    ) {
        let row = problem.object.shape().1;
        let bands = field.chunks_mut(BAND * row).enumerate().in_parallel();
        let bands = bands.at_least(bands_of_a_task(row));
        bands.for_each(|(index, field)| {
            let columns = covered.columns(index);
            if columns.is_empty() {
                return;
            }
            self.scratches.with(problem, |scratch| {
                let (sum, light) =
                    (&mut scratch.band_sum[..field.len()], &mut scratch.band_light[..field.len()]);
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
    /// y, x), unshifted; of a thick object, whose slices move together, an upper bound of that of
    /// the object with itself. `powers` are the logarithms of the beam's power in all patterns,
    /// where it varies.
    pub fn normals(
        &self,
        problem: &Problem,
        members: &[usize],
        powers: &[Complex32],
        object: &[Complex32],
        object_direction: &[Complex32],
        probe_direction: &[Complex32],
    ) -> Vec<Normal> {
        let ((height, width), pixels) = (problem.model.shape(), problem.model.len());
        let (modes, waves, kept_len) = (problem.n_modes(), n_waves(problem), kept_len(problem));
        let between = between_step_rows(height);
        let columns = problem.object.shape().1;
        // What the eigenmodes would add to a pattern's direction is left out.
        let probe_direction = &probe_direction[..modes * pixels];
        // Every place of an exposure has its share of the probe.
        let weight = (1.0 / (problem.model.n_places() as f64).sqrt()) as f32;
        let scaled = (weight != 1.0)
            .then(|| probe_direction.iter().map(|value| value * weight).collect::<Vec<_>>());
        let probe_direction = scaled.as_deref().unwrap_or(probe_direction);
        // A change of the probe is compared with chi behind the first slice.
        let (slices, dark) = (problem.n_slices(), vec![ZERO; width]);
        let chunk = |(members, chunk): (&[usize], &Chunk)| -> Vec<Normal> {
            let all = slices * waves * kept_len;
            let kept = chunk.probes.chunks_exact(all).zip(chunk.chi.chunks_exact(all));
            let normal = |(&pattern, (probes, chi)): (&usize, (&[Packed], &[Packed]))| {
                let window = &problem.windows[pattern];
                let start = window.row as usize * columns + window.column as usize;
                let mut sum = Normal::default();
                let of_waves = probes.chunks_exact(kept_len).zip(chi.chunks_exact(kept_len));
                for (wave, (probe, chi)) in of_waves.enumerate() {
                    let on_slice = wave / waves * problem.slice_len() + start;
                    let mode = wave % modes * pixels;
                    let rows = probe.chunks_exact(width).zip(chi.chunks_exact(width));
                    for (y, (probe, chi)) in (0..).step_by(between).zip(rows) {
                        let on_object = on_slice + y * columns;
                        let on_probe = mode + y * width;
                        sum.add_row(
                            &object[on_object..on_object + width],
                            &object_direction[on_object..on_object + width],
                            probe,
                            match wave < waves {
                                true => &probe_direction[on_probe..on_probe + width],
                                false => &dark,
                            },
                            chi,
                        );
                    }
                }
                // |sum of K changes|^2 <= K sum of |change|^2: they may all point the same way.
                sum.object *= slices as f64;
                if let Some(power) = powers.get(pattern) {
                    // Factor on the brightness of the probe's change in this pattern.
                    let power = f64::from(power.re).exp();
                    sum.probe *= power;
                    sum.cross *= power.sqrt();
                    sum.probe_chi *= power.sqrt();
                }
                sum
            };
            members.iter().zip(kept).map(normal).collect()
        };
        parts(members).zip(self.used()).in_parallel().map(chunk).concat()
    }
}

/// Number of chunks of a batch of `members` patterns; even where it can be.
fn chunks_of(members: usize) -> usize {
    let [most, fewest] = PATTERNS.map(|patterns| members.div_ceil(patterns));
    CHUNKS.clamp(fewest, most).next_multiple_of(2).min(members)
}

/// The members of each chunk, as many in one as in another, but for one.
fn parts(members: &[usize]) -> impl Iterator<Item = &[usize]> {
    let (all, chunks) = (members.len(), chunks_of(members.len()));
    (0..chunks).map(move |chunk| &members[chunk * all / chunks..(chunk + 1) * all / chunks])
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
