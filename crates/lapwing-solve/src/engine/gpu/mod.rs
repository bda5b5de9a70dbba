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
//! Every sum is one thread's over a fixed list in a fixed order, or a tree over a workgroup: the
//! same bits from run to run. `kernels.wgsl` has the kernels, `kernels` and `fft` write them
//! for a shape, `recorder` hands commands over.
//!
//! [`ForwardModel`]: lapwing_model::ForwardModel

mod device;
mod fft;
mod kernels;
mod programs;
mod recorder;
#[cfg(test)]
mod tests;
mod tiles;
mod upload;
mod vectors;

pub use device::{Gpu, GpuError, GpuInfo};
pub use programs::KernelTime;

use super::held::{Held, SETS};
use super::{
    Blend, Engine, Fields, Floor, HoldOut, Losses, Products, Push, Quotient, Search, Side, Step,
    Sums, Trail, Unsupported, Vector, WaveUpdate,
};
use crate::Problem;
use crate::solver::Needs;
use kernels::{Layout, PARTS, Shape};
use lapwing_model::forward::Propagation;
use lapwing_model::{Complex32, Window};
use recorder::{Array, Params, Recorder};
use tiles::Tiles;
use upload::{Order, Stacks};

/// Pieces in which the members of a batch are summed for the probe, at most.
const MOST_PIECES: usize = 40;
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
    /// Losses on the card: patterns, and for how many there is room.
    slots: (usize, usize),
    /// Whether something was added since sums were taken.
    added: bool,
    trail: Option<Trail>,
    /// As of the fields.
    trail_here: bool,
    light_there: bool,
    /// Which of the two lights is the one to go by.
    light: usize,
    search: Option<Search>,
    /// Batches of the epoch of search directions.
    batches: usize,
    /// The largest light to go by.
    strongest: f32,
    /// Vectors that solvers keep.
    kept: Vec<wgpu::Buffer>,
}

/// The batch that was computed last, as the card is told it.
#[derive(Default)]
struct Members {
    count: usize,
    words: Vec<u32>,
    tile_count: usize,
    /// How many members, which come in the order of the arrays that hold their patterns, each array
    /// has.
    of_stacks: Vec<usize>,
    /// Where the words were put, and how often commands had been handed over then.
    put: Option<(u32, usize)>,
    tiles: Tiles,
}

/// Refuses what the kernels have no part for.
pub(super) fn check(gpu: &Gpu, problem: &Problem, needs: Needs) -> Result<(), Unsupported> {
    let physics = problem.physics();
    let (height, width) = problem.model.shape();
    if physics.propagation != Propagation::FarField {
        return Err(Unsupported::new("near field"));
    }
    if !physics.path.is_empty() {
        return Err(Unsupported::new("a probe that moves during the exposure"));
    }
    if physics.blur > 0.0 {
        return Err(Unsupported::new("a detector with a point spread"));
    }
    if problem.n_eigenmodes() > 0 {
        return Err(Unsupported::new("a probe with eigenmodes"));
    }
    if needs.moves_positions {
        return Err(Unsupported::new("refinement of positions"));
    }
    if needs.waves_per_pattern > 0 {
        return Err(Unsupported::new("a solver that stores exit waves"));
    }
    if problem.object.n_slices() > 1 {
        return Err(Unsupported::new("an object of several slices"));
    }
    let Some(layout) = layout_of(gpu, problem, needs.batch_size) else {
        return Err(Unsupported::new(format!(
            "patterns of {height} x {width} pixels, sides that are no product of 2, 3, 5 and 7"
        )));
    };
    let limits = &gpu.0.limits;
    let largest = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    let patterns: u64 = Stacks::new(problem, u64::MAX).bytes.iter().sum();
    if let Some(memory) = gpu.0.info.memory.filter(|memory| patterns > memory / 10 * 9) {
        return Err(Unsupported::new(format!(
            "a stack of {:.1} GB, where the card has {:.1} GB,",
            patterns as f64 / 1e9,
            memory as f64 / 1e9
        )));
    }
    let slots = slots_of(problem);
    let lengths = recorder::lengths(&layout, problem.mask.lists(), SETS, slots);
    match lengths.iter().max() {
        Some(&most) if most > largest => Err(Unsupported::new(format!(
            "arrays of {} MB, where the card takes {} MB at once",
            most >> 20,
            largest >> 20
        ))),
        _ => Ok(()),
    }
}

fn layout_of(gpu: &Gpu, problem: &Problem, batch_size: usize) -> Option<Layout> {
    let members = batch_size.min(problem.n_patterns()).max(1);
    let shape = Shape {
        window: problem.model.shape(),
        modes: problem.n_modes(),
        object: problem.object.shape(),
        kind: upload::number_of(problem.patterns.kind()),
        background: problem.background.is_some(),
        mask: problem.mask.lists() > 0,
        members,
        pieces: members.min(MOST_PIECES),
    };
    Layout::new(shape, gpu.0.limits.max_compute_workgroup_storage_size as usize)
}

/// Patterns for whose losses there is room.
fn slots_of(problem: &Problem) -> usize {
    problem.n_patterns()
}

impl<'a> GpuEngine<'a> {
    /// For what [`check`] has let through.
    pub fn new(gpu: &Gpu, problem: &'a Problem, batch_size: usize, products: Products) -> Self {
        let layout = layout_of(gpu, problem, batch_size)
            .expect("patterns without a layout are refused before they come here");
        let masks = problem.mask.lists();
        let slots = slots_of(problem);
        let lengths = recorder::lengths(&layout, masks, SETS, slots);
        let stacks =
            Stacks::new(problem, gpu.0.limits.max_storage_buffer_binding_size.min(1 << 30));
        let mut recorder = Recorder::new(gpu, &layout.text(masks), lengths, &stacks.bytes);
        let order = Order::new(problem);
        recorder.write(Array::Tables, 0, bytemuck::cast_slice(&layout.tables()));
        let pixels = order.pixels(problem, &layout);
        recorder.write(Array::Pixels, 0, bytemuck::cast_slice(&pixels));
        stacks.upload(problem, &order, &mut recorder);
        let fields = Fields::start(problem, false);
        let lights = vec![0.0; fields.object().len()];
        Self {
            trail: products.waves.then(|| Trail::new(lights, fields.probe().len())),
            gpu: gpu.clone(),
            layout,
            recorder,
            order,
            stacks,
            fields,
            fields_here: true,
            fields_there: false,
            background_share: 1.0,
            held: false,
            members: Members::default(),
            losses: Losses::default(),
            slots: (0, slots),
            added: false,
            trail_here: true,
            light_there: false,
            light: 0,
            search: None,
            batches: 0,
            strongest: 0.0,
            kept: Vec::new(),
            problem,
        }
    }

    /// Groups for columns, and for rows.
    fn columns(&self, modes: usize, members: usize) -> [usize; 3] {
        [self.layout.column_groups(), modes, members]
    }

    fn rows(&self, modes: usize, members: usize) -> [usize; 3] {
        [self.layout.row_groups(), modes, members]
    }

    fn modes(&self) -> usize {
        self.layout.shape.modes
    }

    /// Number of values of a whole probe.
    fn probe_len(&self) -> usize {
        self.modes() * self.layout.pixels()
    }

    /// Where the light to go by is, and the one being summed up.
    fn lights(&self) -> [u32; 2] {
        let object = self.layout.object_pixels();
        [self.light, 1 - self.light].map(|which| (which * object) as u32)
    }

    /// Numbers for a command on the present batch.
    fn params(&mut self) -> Params {
        let at = match self.members.put {
            Some((at, handed)) if handed == self.recorder.handed() => at,
            _ => {
                let at = self.recorder.put(&self.members.words);
                self.members.put = Some((at, self.recorder.handed()));
                at
            }
        };
        let count = self.members.count;
        let pieces = count.min(self.layout.shape.pieces).max(1);
        let [light, next_light] = self.lights();
        Params {
            members: at,
            count: count as u32,
            tiles: at + 8 * count as u32,
            tile_count: self.members.tile_count as u32,
            pieces: pieces as u32,
            per_piece: count.div_ceil(pieces) as u32,
            held: u32::from(self.held),
            light,
            next_light,
            background_share: self.background_share,
            factor: 1.0,
            ..Params::default()
        }
    }

    fn run(&mut self, kernel: &str, params: Params, groups: [usize; 3]) {
        self.recorder.run(kernel, params, 0, groups);
    }

    /// Tells the card which members the batch has, and on which tiles they lie.
    fn begin_batch(&mut self, members: &[usize]) {
        self.upload_fields();
        self.recorder.flush_if_many();
        let mut sorted: Vec<usize> = members.to_vec();
        sorted.sort_by_key(|&pattern| self.stacks.of(pattern).0);
        let windows: Vec<Window> =
            sorted.iter().map(|&pattern| self.problem.windows[pattern]).collect();
        let lists = self.problem.mask.lists();
        let batch = &mut self.members;
        batch.of_stacks.clear();
        batch.of_stacks.resize(self.stacks.bytes.len(), 0);
        batch.words.clear();
        for (&pattern, window) in sorted.iter().zip(&windows) {
            let (stack, number) = self.stacks.of(pattern);
            batch.of_stacks[stack] += 1;
            batch.words.extend([
                number as u32,
                window.row as u32,
                window.column as u32,
                (window.rest_y as f32).to_bits(),
                (window.rest_x as f32).to_bits(),
                if lists > 1 { pattern as u32 } else { 0 },
                (pattern % SETS) as u32,
                0,
            ]);
        }
        let (shape, object) = (self.layout.shape.window, self.layout.shape.object);
        let (tiles, count) = batch.tiles.of(&windows, shape, object);
        batch.words.extend(tiles);
        batch.tile_count = count;
        batch.count = members.len();
        batch.put = None;
    }

    /// Brings the fields to the card, if those there are not the present ones.
    fn upload_fields(&mut self) {
        if std::mem::replace(&mut self.fields_there, true) {
            return;
        }
        self.recorder.write(Array::Object, 0, bytemuck::cast_slice(self.fields.object()));
        self.recorder.write(Array::Probe, 0, bytemuck::cast_slice(self.fields.probe()));
        self.transform_probe();
    }

    /// Makes the spectra of the probe, and its statistics.
    fn transform_probe(&mut self) {
        let params = Params { mode: 1, ..Params::default() };
        self.run("advance_probe_x", params, self.rows(1, 1));
        self.run("probe_spectrum_y", params, self.columns(self.modes(), 1));
    }

    fn download_fields(&mut self) {
        if std::mem::replace(&mut self.fields_here, true) {
            return;
        }
        let fields = self.fields.parts_mut();
        self.recorder
            .read_into([(Array::Object, 0, fields.object), (Array::Probe, 0, fields.probe)]);
    }

    /// Brings the light to go by to the card.
    fn upload_light(&mut self) {
        if std::mem::replace(&mut self.light_there, true) {
            return;
        }
        let from = 4 * self.lights()[0] as usize;
        let trail = self.trail.as_ref().expect(super::NO_SEARCH);
        self.recorder.write(Array::Lights, from, bytemuck::cast_slice(trail.light()));
        self.strongest = trail.strongest();
        self.recorder.write(Array::Outs, 4 * STRONGEST, bytemuck::bytes_of(&self.strongest));
    }

    fn download_trail(&mut self) {
        if std::mem::replace(&mut self.trail_here, true) {
            return;
        }
        let (object, probe, light) =
            (self.layout.object_pixels(), self.probe_len(), self.lights()[0] as usize);
        let trail = self.trail.as_mut().expect(super::NO_SEARCH);
        let (of_object, of_probe) = (&mut trail.object_update, &mut trail.probe_update);
        let updates = [
            (Array::Object, 3 * object, of_object.as_mut_slice()),
            (Array::Probe, 4 * probe, of_probe.as_mut_slice()),
        ];
        self.recorder.read_into(updates);
        let (present, strongest, _) = trail.lights_mut();
        let strongest = std::slice::from_mut(strongest);
        self.recorder.read_into([
            (Array::Lights, light, present.as_mut_slice()),
            (Array::Outs, STRONGEST, strongest),
        ]);
    }

    /// Takes the losses from the card; with them some of the first numbers of `outs`.
    fn collect_losses(&mut self) -> [f32; 8] {
        let (mut first, count) = ([0.0_f32; 8], 2 * self.layout.column_groups() * self.slots.0);
        let mut losses = vec![0.0_f32; count];
        self.recorder.read_into([
            (Array::Outs, 0, first.as_mut_slice()),
            (Array::Outs, self.layout.losses(), &mut losses),
        ]);
        for pair in losses.chunks_exact(2) {
            self.losses.seen += f64::from(pair[0]);
            self.losses.held_out += f64::from(pair[1]);
        }
        self.slots.0 = 0;
        first
    }

    /// Sums for the probe over the present batch, in pieces.
    fn gather_probe(&mut self) -> Params {
        let params = self.params();
        let groups = self.columns(self.modes(), params.pieces as usize);
        self.run("gather_y", params, groups);
        params
    }

    /// The same, added up, to what was added before or (`anew`) to nothing.
    fn add_probe(&mut self, anew: bool) -> Params {
        let params = self.gather_probe();
        let groups = [self.probe_len().div_ceil(256), 1, 1];
        self.run("add_probe_sums", Params { mode: u32::from(anew), ..params }, groups);
        params
    }

    fn gather_object(&mut self, params: Params) {
        self.run("gather_object", params, Layout::tile_groups(params.tile_count as usize));
    }

    fn move_object(&mut self, params: Params) {
        self.run("move_object", params, Layout::tile_groups(params.tile_count as usize));
    }
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

    fn project(&mut self, members: &[usize], step: Step) {
        self.begin_batch(members);
        if self.slots.0 + members.len() > self.slots.1 {
            self.collect_losses();
        }
        let (number, background) = match step {
            Step::Gaussian => (0, 0.0),
            Step::Poisson => (1, 0.0),
            Step::Modulus { background } => (2, background),
            Step::Gradient { background } => (3, background),
        };
        let slot = self.slots.0 as u32;
        let params = Params { step: number, background, slot, ..self.params() };
        let (modes, count) = (self.modes(), members.len());
        self.run("illuminate_y", params, self.columns(modes, count));
        self.run("illuminate_x", params, self.rows(modes, count));
        if step == Step::Poisson {
            self.run("arrive", params, self.columns(1, count));
        }
        let mut first = 0;
        for (stack, &count) in self.members.of_stacks.iter().enumerate() {
            let params = Params { first, ..params };
            if step == Step::Poisson {
                self.recorder.run("poisson_step", params, stack, [count, 1, 1]);
            } else {
                let groups = [self.layout.column_groups(), 1, count];
                self.recorder.run("detect", params, stack, groups);
            }
            first += count as u32;
        }
        if step == Step::Poisson {
            self.run("leave", params, self.columns(modes, count));
        }
        self.run("gather_x", params, self.rows(modes, count));
        self.slots.0 += count;
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
        let params = self.add_probe(is_first);
        self.gather_object(Params { mode: 0, ..params });
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
        self.run("collect_y", params, self.columns(self.modes(), 1));
        self.run("probe_direction_x", params, self.rows(self.modes(), 1));
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

    fn slopes(&self) -> Vec<[f64; 2]> {
        Vec::new()
    }

    fn weight_slopes(&self) -> Vec<Complex32> {
        Vec::new()
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
            self.run("collect_y", params, self.columns(self.modes(), 1));
            self.run("probe_quotient_x", params, self.rows(1, 1));
            self.run("probe_spectrum_y", params, self.columns(self.modes(), 1));
        }
        self.fields_here = false;
    }

    fn begin_search(&mut self, search: Search) {
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
        self.run("collect_y", params, self.columns(self.modes(), 1));
        let to_probe = Params { floor: search.probe_damping as f32, ..params };
        self.run("probe_direction_x", to_probe, self.rows(self.modes(), 1));
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
            self.run("probe_spectrum_y", params, self.columns(self.modes(), 1));
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

    fn project_waves(&mut self, _members: &[usize], _update: WaveUpdate) {
        unreachable!("{NO_WAVES}");
    }

    fn share_waves(&mut self, _members: &[usize], _side: Side) {
        unreachable!("{NO_WAVES}");
    }

    fn waves(&mut self) -> Option<Vec<Complex32>> {
        None
    }

    fn set_waves(&mut self, _waves: &[Complex32]) {
        unreachable!("{NO_WAVES}");
    }

    fn failure(&self) -> Option<String> {
        self.gpu.failure()
    }
}

const NO_WAVES: &str = "solvers that store waves are refused before they come here";
