//! What an engine keeps on the card, brought there and back, and the commands of a batch.

use super::arrays::{Array, Params};
use super::check::{Plan, lengths, slots_of};
use super::kernels::Layout;
use super::recorder::Recorder;
use super::stacks::Run;
use super::upload::{self, Order, Stacks};
use super::{Gpu, GpuEngine, Members, STRONGEST};
use crate::Problem;
use crate::engine::rules::SETS;
use crate::engine::{Fields, Losses, NO_SEARCH, Needs, Products, Trail};
use lapwing_model::Window;

/// Words of a batch for each of its members: eight of its own, two orders of all, and the beam's
/// amplitude; besides two for the weight of every eigenmode.
const WORDS: u32 = 11;

impl<'a> GpuEngine<'a> {
    /// For what [`check`] has let through.
    pub fn new(gpu: &Gpu, problem: &'a Problem, batch_size: usize, products: Products) -> Self {
        let needs = Needs {
            batch_size,
            waves_per_pattern: products.stored,
            moves_positions: products.slopes,
            ..Needs::default()
        };
        let plan = Plan::new(gpu, problem, needs)
            .expect("what a card cannot do is refused before it comes here");
        Self::planned(gpu, problem, plan, products)
    }

    /// As planned.
    pub(super) fn planned(gpu: &Gpu, problem: &'a Problem, plan: Plan, products: Products) -> Self {
        let Plan { layout, slabs, left } = plan;
        let masks = problem.mask.lists();
        let slots = slots_of(problem);
        let lengths = lengths(&layout, masks, SETS, slots);
        let stacks = Stacks::new(problem, gpu.largest_of_several(), slabs);
        let text = layout.text(masks, problem.clipped, &problem.physics().motion);
        let mut recorder = Recorder::new(gpu, &text, lengths, &stacks.lengths(problem));
        let order = Order::new(problem);
        recorder.write(Array::Tables, 0, bytemuck::cast_slice(&layout.tables()));
        let pixels = order.pixels(problem, &layout);
        recorder.write(Array::Pixels, 0, bytemuck::cast_slice(&pixels));
        if layout.shape.streamed {
            let from = 4 * layout.places(masks, SETS);
            recorder.write(Array::Pixels, from, bytemuck::cast_slice(order.places()));
        }
        stacks.upload(problem, &order, &mut recorder);
        let fields = Fields::start(problem, products.slopes);
        let lights = vec![0.0; fields.object().len()];
        Self {
            trail: products
                .waves
                .then(|| Trail::new(lights, fields.probe().len(), problem.field_store())),
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
            kept_rests: Vec::new(),
            waves: None,
            left,
            curved: None,
            sides: [true; 2],
            problem,
        }
    }

    /// Groups for columns, and for rows.
    pub(super) fn columns(&self, modes: usize, members: usize) -> [usize; 3] {
        [self.layout.column_groups(), modes, members]
    }

    pub(super) fn rows(&self, modes: usize, members: usize) -> [usize; 3] {
        [self.layout.row_groups(), modes, members]
    }

    /// Waves of a pattern.
    pub(super) fn waves_of_one(&self) -> usize {
        self.layout.waves()
    }

    /// Number of values of a whole probe.
    pub(super) fn probe_len(&self) -> usize {
        self.layout.fields() * self.layout.pixels()
    }

    /// Where the light to go by is, and the one being summed up.
    pub(super) fn lights(&self) -> [u32; 2] {
        let object = self.layout.object_pixels();
        [self.light, 1 - self.light].map(|which| (which * object) as u32)
    }

    /// Numbers for a command on the present batch.
    pub(super) fn params(&mut self) -> Params {
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
            tiles: at + (WORDS + 2 * self.layout.shape.eigenmodes as u32) * count as u32,
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

    pub(super) fn run(&mut self, kernel: &str, params: Params, groups: [usize; 3]) {
        self.recorder.run(kernel, params, 0, groups);
    }

    /// Those of a command that has these numbers besides.
    pub(super) fn on_batch(&mut self, own: Params) -> Params {
        let batch = self.params();
        Params {
            members: batch.members,
            count: batch.count,
            tiles: batch.tiles,
            tile_count: batch.tile_count,
            pieces: batch.pieces,
            per_piece: batch.per_piece,
            held: batch.held,
            light: batch.light,
            next_light: batch.next_light,
            background_share: batch.background_share,
            ..own
        }
    }

    /// Records a kernel that reads the measured patterns, array by array; they are brought there
    /// first where the card does not hold all.
    pub(super) fn on_patterns(
        &mut self,
        kernel: &str,
        own: Params,
        groups: impl Fn(&Self, usize) -> [usize; 3],
    ) {
        for run in self.members.of_stacks.clone() {
            if self.stacks.slabs.is_some() {
                self.bring(run);
            }
            let params = Params { first: run.first as u32, ..self.on_batch(own) };
            let groups = groups(self, run.count);
            self.recorder.run(kernel, params, run.array, groups);
        }
    }

    /// Brings the patterns of a run to its slab.
    fn bring(&mut self, run: Run) {
        if run.at == 0 {
            self.recorder.turn_to(run.array);
        }
        let (problem, of_one) = (self.problem, upload::bytes_of_one(self.problem) as usize);
        let members = &self.members.patterns[run.first..run.first + run.count];
        let patterns = members.iter().map(|&pattern| problem.pattern_bytes(pattern));
        self.recorder.fill(run.array, run.at * of_one, patterns, of_one);
    }

    /// Makes room for the losses of so many patterns.
    pub(super) fn make_slots(&mut self, members: usize) {
        if self.slots.0 + members > self.slots.1 {
            self.collect_losses();
        }
    }

    /// Uploads the batch's members and the tiles on which they lie; `measured` says whether it
    /// needs their patterns.
    pub(super) fn begin_batch(&mut self, members: &[usize], measured: bool) {
        self.upload_fields();
        self.recorder.flush_if_many();
        let Self { problem, stacks, waves, members: batch, .. } = self;
        let array_of = |pattern: usize| {
            let of_waves = waves.as_ref().map_or(0, |waves| waves.of(pattern).0);
            (stacks.split.of(pattern).0, of_waves)
        };
        let all = || members.iter().copied();
        let by_waves = Run::sort(all().map(|pattern| array_of(pattern).1));
        let by_stacks = match &mut stacks.slabs {
            Some(slabs) if measured => ((0..members.len()).collect(), slabs.next(members.len())),
            Some(_) => ((0..members.len()).collect(), Vec::new()),
            None => Run::sort(all().map(|pattern| array_of(pattern).0)),
        };
        let numbers: Vec<usize> = match &stacks.slabs {
            Some(_) => by_stacks.1.iter().flat_map(|run| run.at..run.at + run.count).collect(),
            None => all().map(|pattern| stacks.split.of(pattern).1).collect(),
        };
        let fields = &self.fields;
        let window_of = |pattern: usize| {
            let offset = fields.offset_of(pattern);
            let window = problem.windows[pattern];
            Window {
                rest_y: window.rest_y + f64::from(offset.re),
                rest_x: window.rest_x + f64::from(offset.im),
                ..window
            }
        };
        let windows: Vec<Window> = all().map(window_of).collect();
        let lists = problem.mask.lists();
        batch.patterns.clear();
        batch.patterns.extend(members);
        batch.words.clear();
        for (index, (&pattern, window)) in members.iter().zip(&windows).enumerate() {
            batch.words.extend([
                numbers.get(index).map_or(0, |&number| number as u32),
                window.row as u32,
                window.column as u32,
                (window.rest_y as f32).to_bits(),
                (window.rest_x as f32).to_bits(),
                if lists > 1 { pattern as u32 } else { 0 },
                (pattern % SETS) as u32,
                waves.as_ref().map_or(0, |waves| waves.of(pattern).1),
            ]);
        }
        for (order, runs, of_batch) in [
            (by_stacks.0, by_stacks.1, &mut batch.of_stacks),
            (by_waves.0, by_waves.1, &mut batch.of_waves),
        ] {
            batch.words.extend(order.into_iter().map(|member| member as u32));
            *of_batch = runs;
        }
        let powers = self.fields.log_powers();
        let power_of = |pattern: usize| powers.get(pattern).map_or(0.0, |power| power.re);
        batch.words.extend(all().map(|pattern| (0.5 * power_of(pattern)).exp().to_bits()));
        let (weights, count) = (self.fields.weights(), problem.n_eigenmodes());
        let weights = all().flat_map(|pattern| &weights[pattern * count..(pattern + 1) * count]);
        batch.words.extend(weights.flat_map(|weight| [weight.re.to_bits(), weight.im.to_bits()]));
        batch.is_gathered = false;
        let (shape, object) = (self.layout.shape.window, self.layout.shape.object);
        let (tiles, count) = batch.tiles.of(&windows, shape, object);
        batch.words.extend(tiles);
        batch.tile_count = count;
        batch.count = members.len();
        batch.put = None;
    }

    /// Brings the fields to the card, if those there are not the present ones.
    pub(super) fn upload_fields(&mut self) {
        if std::mem::replace(&mut self.fields_there, true) {
            return;
        }
        self.recorder.write(Array::Object, 0, bytemuck::cast_slice(self.fields.object()));
        self.recorder.write(Array::Probe, 0, bytemuck::cast_slice(self.fields.probe()));
        self.transform_probe();
    }

    /// Makes the spectra of the probe, and its statistics.
    pub(super) fn transform_probe(&mut self) {
        let params = Params { mode: 1, ..Params::default() };
        self.run("advance_probe_x", params, self.rows(1, 1));
        self.run("probe_spectrum_y", params, self.columns(self.layout.fields(), 1));
    }

    pub(super) fn download_fields(&mut self) {
        if std::mem::replace(&mut self.fields_here, true) {
            return;
        }
        let fields = self.fields.parts_mut();
        self.recorder
            .read_into([(Array::Object, 0, fields.object), (Array::Probe, 0, fields.probe)]);
    }

    /// Brings the light to go by to the card.
    pub(super) fn upload_light(&mut self) {
        if std::mem::replace(&mut self.light_there, true) {
            return;
        }
        let from = 4 * self.lights()[0] as usize;
        let trail = self.trail.as_ref().expect(NO_SEARCH);
        self.recorder.write(Array::Lights, from, bytemuck::cast_slice(trail.light()));
        self.strongest = trail.strongest();
        self.recorder.write(Array::Outs, 4 * STRONGEST, bytemuck::bytes_of(&self.strongest));
    }

    pub(super) fn download_trail(&mut self) {
        if std::mem::replace(&mut self.trail_here, true) {
            return;
        }
        let (object, probe, light) =
            (self.layout.object_pixels(), self.probe_len(), self.lights()[0] as usize);
        let trail = self.trail.as_mut().expect(NO_SEARCH);
        let (of_object, of_probe) = (&mut trail.object_update, &mut trail.probe_update);
        let updates = [
            (Array::Object, 3 * object, &mut **of_object),
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
    pub(super) fn collect_losses(&mut self) -> [f32; 8] {
        let (mut first, count) = ([0.0_f32; 8], 2 * self.layout.loss_pairs() * self.slots.0);
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

    /// Sums for the probe over the present batch, in pieces; once for a batch.
    pub(super) fn gather_probe(&mut self) -> Params {
        let params = self.params();
        if !std::mem::replace(&mut self.members.is_gathered, true) {
            let groups = self.columns(self.layout.fields(), params.pieces as usize);
            self.run("gather_y", params, groups);
        }
        params
    }

    /// The same, added up, to what was added before or (`anew`) to nothing.
    pub(super) fn add_probe(&mut self, anew: bool) -> Params {
        let params = self.gather_probe();
        let groups = [self.probe_len().div_ceil(256), 1, 1];
        self.run("add_probe_sums", Params { mode: u32::from(anew), ..params }, groups);
        params
    }

    pub(super) fn gather_object(&mut self, params: Params) {
        self.run("gather_object", params, Layout::tile_groups(params.tile_count as usize));
    }

    pub(super) fn move_object(&mut self, params: Params) {
        self.run("move_object", params, Layout::tile_groups(params.tile_count as usize));
    }
}
