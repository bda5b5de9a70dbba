//! The engine for graphics cards, by Vulkan, Metal or DirectX 12.
//!
//! Patterns and fields are resident on the card. A batch takes the way of [`ForwardModel`] in
//! passes over rows and columns, each of which does what stands between two transforms at once:
//!
//! ```text
//! illuminate_y   columns   shifted spectrum of the probe, back along y
//! illuminate_x   rows      back along x: P_j; times O_j; on along x
//! detect         columns   along y: Psi_j; the step; back along y
//! gather_x       rows      back along x: chi_j; times conj(O_j); on along x
//! gather_y       columns   along y, unshifted, summed over some members
//! gather_object  tiles     sum of chi_j conj(P_j) and |P_j|^2 over the members on a tile
//! ```
//!
//! Where exit waves are stored, `meet_x` stands for `illuminate_x` and `land_x` for `gather_x`.
//!
//! Every sum is one thread's over a fixed list in a fixed order, or a tree over a workgroup: the
//! same bits from run to run. `kernels/*.wgsl` have the kernels, `kernels` and `fft` write them
//! for a shape, `recorder` hands commands over.
//!
//! [`ForwardModel`]: lapwing_model::ForwardModel

mod arrays;
mod check;
mod descent;
mod descent_arrays;
mod device;
mod fft;
mod kernel_set;
mod kernels;
mod programs;
mod recorder;
mod slopes;
mod stacks;
mod state;
#[cfg(test)]
mod tests;
mod tiles;
mod upload;
mod vectors;
mod waves;

pub(super) use check::check;
pub use device::{Gpu, GpuError, GpuInfo};
pub use programs::KernelTime;

use super::held::Held;
use super::{
    Blend, DetectorRule, Engine, Fields, Floor, HoldOut, Losses, Push, Quotient, Resident,
    SearchDirections, Side, Sums, Trail, Vector, WaveUpdate,
};
use crate::Problem;
use arrays::{Array, Params};
use descent::Curved;
use kernels::{Layout, PARTS};
use lapwing_model::Complex32;
use recorder::Recorder;
use stacks::Run;
use tiles::Tiles;
use upload::{Order, Stacks};
use waves::Waves;

/// Numbers in `outs`.
const STEPS_SUM: usize = 2;
const STRONGEST: usize = 4;

/// See the [module](self).
pub(crate) struct GpuEngine<'a> {
    problem: &'a Problem,
    gpu: Gpu,
    layout: Layout,
    recorder: Recorder,
    order: Order,
    stacks: Stacks,
    fields: Fields,
    /// Whether the fields in the process, and those on the card, are the present ones.
    fields_here: bool,
    fields_there: bool,
    background_share: f32,
    held: bool,
    members: Members,
    losses: Losses,
    /// Losses on the card: their number, and the capacity for them.
    slots: (usize, usize),
    /// Whether something was added since sums were taken.
    added: bool,
    trail: Option<Trail>,
    /// As of the fields.
    trail_here: bool,
    light_there: bool,
    /// Which of the two lights is the one to go by.
    light: usize,
    search: Option<SearchDirections>,
    /// Batches of the epoch of search directions.
    batches: usize,
    /// The largest light to go by.
    strongest: f32,
    /// Vectors that solvers keep.
    kept: Vec<wgpu::Buffer>,
    /// Their values behind object and probe, which are in the memory of the process.
    kept_rests: Vec<Vec<Complex32>>,
    waves: Option<Waves>,
    /// Memory of the card that is left for what ML's second stage keeps, bytes, where it is known.
    left: Option<u64>,
    /// Where a gradient was taken last.
    curved: Option<Curved>,
    /// Whether the present batch has sums for the object, and for the probe.
    sides: [bool; 2],
}

/// The batch that was computed last, as uploaded to the card.
#[derive(Default)]
struct Members {
    count: usize,
    words: Vec<u32>,
    tile_count: usize,
    patterns: Vec<usize>,
    /// Which of them are in the same array of patterns, and of waves, in the order of the arrays.
    of_stacks: Vec<Run>,
    of_waves: Vec<Run>,
    /// Where the words were put, and how often commands had been submitted then.
    put: Option<(u32, usize)>,
    tiles: Tiles,
    /// Whether its sums for the probe are there, in pieces.
    is_gathered: bool,
}

impl Engine for GpuEngine<'_> {
    fn fields(&mut self) -> &Fields {
        self.download_fields();
        &self.fields
    }

    fn fields_mut(&mut self) -> &mut Fields {
        self.download_fields();
        self.fields_there = false;
        &mut self.fields
    }

    fn project(&mut self, members: &[usize], step: DetectorRule) {
        self.begin_batch(members, true);
        self.make_slots(members.len());
        let (number, background) = match step {
            DetectorRule::Gaussian => (0, 0.0),
            DetectorRule::Poisson => (1, 0.0),
            DetectorRule::Modulus { background } => (2, background),
            DetectorRule::Gradient { background } => (3, background),
        };
        let own =
            Params { step: number, background, slot: self.slots.0 as u32, ..Params::default() };
        let (modes, count, params) = (self.waves_of_one(), members.len(), self.on_batch(own));
        self.run("illuminate_y", params, self.columns(modes, count));
        self.run("illuminate_x", params, self.rows(modes, count));
        if step == DetectorRule::Poisson {
            self.run("arrive", params, self.columns(1, count));
            self.on_patterns("poisson_step", own, |_, count| [count, 1, 1]);
        } else {
            self.on_patterns("detect", own, |engine, count| engine.columns(1, count));
        }
        let params = self.on_batch(own);
        if step == DetectorRule::Poisson {
            self.run("leave", params, self.columns(modes, count));
        }
        self.run("gather_x", params, self.rows(modes, count));
        self.slots.0 += count;
        self.sides = [true; 2];
    }

    fn take_losses(&mut self) -> Losses {
        if self.slots.0 > 0 {
            self.collect_losses();
        }
        std::mem::take(&mut self.losses)
    }

    fn hold_out(&mut self, hidden: Option<HoldOut>) {
        self.recorder.flush();
        self.held = hidden.is_some();
        if let Some(hidden) = hidden {
            let held = Held::new(self.problem, hidden);
            let masks = self.problem.mask.lists();
            upload::hide(&held, &self.order, &self.layout, masks, &mut self.recorder);
        }
    }

    fn scale_background(&mut self, share: f32) {
        self.background_share = share;
    }

    fn add_sums(&mut self) {
        let is_first = !std::mem::replace(&mut self.added, true);
        let (object, next) = (self.layout.object_pixels(), self.lights()[1] as usize);
        if is_first {
            self.recorder.clear(Array::Object, 8 * object, 8 * object);
            self.recorder.clear(Array::Lights, 4 * next, 4 * object);
        }
        let [object_side, probe_side] = self.sides;
        if probe_side {
            self.add_probe(is_first);
        } else if is_first {
            let (probe, pixels) = (self.probe_len(), self.layout.pixels());
            self.recorder.clear(Array::Probe, 8 * 5 * probe, 8 * probe);
            self.recorder.clear(Array::Sums, 0, 4 * pixels);
        }
        if object_side {
            let params = self.params();
            self.gather_object(Params { mode: 0, ..params });
        }
    }

    fn take_sums(&mut self) -> Sums {
        let (object, pixels) = (self.layout.object_pixels(), self.layout.pixels());
        let probe = self.probe_len();
        let mut sums = Sums {
            object: vec![Complex32::ZERO; object],
            light: vec![0.0; object],
            probe: vec![Complex32::ZERO; probe],
            power: vec![0.0; pixels],
        };
        if !std::mem::take(&mut self.added) {
            return sums;
        }
        let params = Params { mode: 1, ..Params::default() };
        self.run("collect_y", params, self.columns(self.layout.fields(), 1));
        self.run("probe_direction_x", params, self.rows(self.layout.fields(), 1));
        let next = self.lights()[1] as usize;
        let fields = [
            (Array::Object, object, sums.object.as_mut_slice()),
            (Array::Probe, 3 * probe, &mut sums.probe),
        ];
        self.recorder.read_into(fields);
        let singles =
            [(Array::Lights, next, sums.light.as_mut_slice()), (Array::Sums, 0, &mut sums.power)];
        self.recorder.read_into(singles);
        sums
    }

    fn slopes(&mut self) -> Vec<[f64; 2]> {
        self.position_slopes()
    }

    fn power_slopes(&mut self) -> Vec<f64> {
        self.slopes_with_power()
    }

    fn weight_slopes(&mut self) -> Vec<Complex32> {
        self.slopes_with_weights()
    }

    fn step_by_quotients(&mut self, object: Quotient, probe: Option<Quotient>) {
        let probe = probe.map(|quotient| {
            let floor = match quotient.floor {
                Floor::ShareOfLargest(share) => (share, 0.0),
                known @ Floor::OfProbe { .. } => {
                    self.download_fields();
                    (0.0, known.of_probe(self.fields.probe(), self.layout.pixels()))
                }
            };
            (quotient, floor)
        });
        let params = self.params();
        if probe.is_some() {
            self.add_probe(true);
        }
        let of_object = Params { weight: object.weight, factor: object.step, ..params };
        match object.floor {
            Floor::OfProbe { brightest, power } => self.gather_object(Params {
                mode: 1,
                floor: brightest,
                floor_power: power as f32,
                ..of_object
            }),
            Floor::ShareOfLargest(share) => {
                let of_object = Params { next_light: of_object.light, ..of_object };
                self.gather_object(Params { mode: 2, ..of_object });
                self.run("largest_of_tiles", of_object, [1, 1, 1]);
                self.move_object(Params { mode: 0, floor: share, ..of_object });
            }
        }
        if let Some((Quotient { weight, step, .. }, (floor, floor_power))) = probe {
            let params = Params { weight, factor: step, floor, floor_power, ..params };
            self.run("collect_y", params, self.columns(self.layout.fields(), 1));
            self.run("probe_quotient_x", params, self.rows(1, 1));
            self.run("probe_spectrum_y", params, self.columns(self.layout.fields(), 1));
        }
        self.fields_here = false;
    }

    fn begin_search(&mut self, search: SearchDirections) {
        self.upload_light();
        let (object, probe) = (self.layout.object_pixels(), self.probe_len());
        let next = self.lights()[1] as usize;
        self.recorder.clear(Array::Object, 8 * object, 8 * object);
        self.recorder.clear(Array::Object, 8 * 3 * object, 8 * object);
        self.recorder.clear(Array::Probe, 8 * 4 * probe, 8 * probe);
        self.recorder.clear(Array::Lights, 4 * next, 4 * object);
        self.search = Some(search);
        self.batches = 0;
        self.trail_here = false;
    }

    fn search(&mut self) {
        let search = self.search.expect(super::NO_SEARCH);
        let params = self.add_probe(true);
        self.run("collect_y", params, self.columns(self.layout.fields(), 1));
        let to_probe = Params { floor: search.probe_damping as f32, ..params };
        self.run("probe_direction_x", to_probe, self.rows(self.layout.fields(), 1));
        let to_object = Params { floor: search.object_damping as f32, ..params };
        if search.light_of_batch {
            self.gather_object(Params { mode: 2, ..to_object });
            self.run("largest_of_tiles", to_object, [1, 1, 1]);
            self.move_object(Params { mode: 1, ..to_object });
        } else {
            self.gather_object(Params {
                mode: if search.every_batch { 4 } else { 3 },
                ..to_object
            });
        }
        self.run("normals", params, [PARTS, self.members.count, 1]);
        let lengths = Params {
            mode: u32::from(self.batches == 0),
            factor: search.step as f32,
            probe_factor: (search.step * search.probe.unwrap_or(0.0)) as f32,
            ..params
        };
        self.run("step_lengths", lengths, [1, 1, 1]);
        if search.every_batch {
            self.move_object(Params { mode: 2, ..params });
        }
        if search.probe.is_some() {
            self.run("advance_probe_x", params, self.rows(1, 1));
            self.run("probe_spectrum_y", params, self.columns(self.layout.fields(), 1));
        }
        self.batches += 1;
        self.fields_here = false;
    }

    fn end_search(&mut self) -> f64 {
        let search = self.search.expect(super::NO_SEARCH);
        let [light, _] = self.lights();
        if !search.every_batch {
            let params = Params { light, floor: search.object_damping as f32, ..Params::default() };
            let groups = Layout::tile_groups(self.layout.object_pixels().div_ceil(256));
            self.run("finish_object", params, groups);
        }
        self.light = 1 - self.light;
        let [light, _] = self.lights();
        let params = Params { light, tile_count: 256, ..Params::default() };
        self.run("largest_light", params, [256, 1, 1]);
        self.run("largest_of_tiles", params, [1, 1, 1]);
        let first = self.collect_losses();
        self.strongest = first[STRONGEST];
        let [sum, smallest] = [first[STEPS_SUM], first[STEPS_SUM + 1]].map(f64::from);
        if search.every_batch { sum / self.batches as f64 } else { smallest }
    }

    fn new_vector(&mut self) -> Vector {
        self.new_kept()
    }

    fn copy(&mut self, to: Vector, from: Vector) {
        self.copy_vector(to, from);
    }

    fn blend(&mut self, to: Vector, from: Vector, blend: Blend) {
        self.blend_vectors(to, from, blend);
    }

    fn dots(&mut self, pairs: &[[Vector; 2]]) -> Vec<[f64; 2]> {
        self.dots_of_vectors(pairs)
    }

    fn push(&mut self, from: Vector, push: Push) {
        self.push_fields(from, push);
    }

    fn vector(&mut self, vector: Vector) -> Vec<Complex32> {
        self.values_of_vector(vector)
    }

    fn set_vector(&mut self, vector: Vector, values: &[Complex32]) {
        self.set_values_of_vector(vector, values);
    }

    fn strongest_light(&mut self) -> f32 {
        self.upload_light();
        self.strongest
    }

    fn trail_mut(&mut self) -> &mut Trail {
        self.download_trail();
        self.light_there = false;
        self.trail.as_mut().expect(super::NO_SEARCH)
    }

    fn fields_and_trail_mut(&mut self) -> (&mut Fields, &mut Trail) {
        self.download_fields();
        self.download_trail();
        self.fields_there = false;
        self.light_there = false;
        (&mut self.fields, self.trail.as_mut().expect(super::NO_SEARCH))
    }

    fn project_waves(&mut self, members: &[usize], update: WaveUpdate) {
        self.project_stored(members, update);
    }

    fn share_waves(&mut self, members: &[usize], side: Side) {
        self.share_stored(members, side);
    }

    fn waves(&mut self) -> Option<Vec<Complex32>> {
        self.stored_waves()
    }

    fn set_waves(&mut self, waves: &[Complex32]) {
        self.set_stored_waves(waves);
    }

    fn resident(&mut self) -> Option<&mut dyn Resident> {
        let needs = descent::bytes_of(self.layout.object_pixels(), self.probe_len());
        self.left.is_none_or(|left| needs <= left).then_some(self)
    }

    fn failure(&self) -> Option<String> {
        self.gpu.failure()
    }
}
