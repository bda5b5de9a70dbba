//! What cards can compute, and how it is laid out there.

use super::Gpu;
use super::arrays::Array;
use super::kernels::{Layout, Shape};
use super::stacks::Slabs;
use super::{upload, waves};
use crate::Problem;
use crate::engine::rules::SETS;
use crate::engine::{Needs, Unsupported};
use lapwing_model::Complex32;
use lapwing_model::forward::Propagation;

/// Pieces in which the members of a batch are summed for the probe, at most.
const MOST_PIECES: usize = 40;
/// Vectors like the fields that solvers keep there, about.
const KEPT: u64 = 8;

/// Refuses what the kernels do not compute.
pub(in crate::engine) fn check(
    gpu: &Gpu,
    problem: &Problem,
    needs: Needs,
) -> Result<(), Unsupported> {
    let physics = problem.physics();
    if physics.propagation != Propagation::FarField {
        return Err(Unsupported::new("near field"));
    }
    if physics.blur > 0.0 {
        return Err(Unsupported::new("a detector with a point spread"));
    }
    if problem.object.n_slices() > 1 {
        return Err(Unsupported::new("an object of several slices"));
    }
    Plan::new(gpu, problem, needs).map(|_| ())
}

/// What an engine keeps on a card.
pub(super) struct Plan {
    pub layout: Layout,
    /// Where patterns come with the batches that need them.
    pub slabs: Option<Slabs>,
    /// Memory that is left, bytes, where it is known.
    pub left: Option<u64>,
}

impl Plan {
    /// For a solver with these needs.
    ///
    /// # Errors
    /// Where the kernels or the card's memory do not reach.
    pub fn new(gpu: &Gpu, problem: &Problem, needs: Needs) -> Result<Self, Unsupported> {
        let waves_per_pattern = needs.waves_per_pattern;
        let (height, width) = problem.model.shape();
        let layout = layout_of(gpu, problem, needs, false).ok_or_else(|| {
            Unsupported::new(format!(
                "patterns of {height} x {width} pixels, sides that are no product of 2, 3, 5 and 7"
            ))
        })?;
        let limits = &gpu.0.limits;
        let largest = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let lengths = lengths(&layout, problem.mask.lists(), SETS, slots_of(problem));
        if let Some(most) = lengths.iter().max().filter(|most| **most > largest) {
            return Err(Unsupported::new(format!(
                "arrays of {} MB, where the card takes {} MB at once",
                most >> 20,
                largest >> 20
            )));
        }
        let Some(memory) = gpu.memory() else {
            return Ok(Self { layout, slabs: None, left: None });
        };
        let (patterns, of_one) = (problem.n_patterns() as u64, upload::bytes_of_one(problem));
        let fields = size_of::<Complex32>() * (layout.object_pixels() + problem.probe.len());
        let arrays = lengths.iter().sum::<u64>() + KEPT * fields as u64;
        let waves = patterns * waves_per_pattern as u64 * waves::bytes_of_one(problem);
        let free = (memory / 10 * 9).saturating_sub(arrays + waves);
        if patterns * of_one <= free {
            let left = Some(free - patterns * of_one);
            return Ok(Self { layout, slabs: None, left });
        }
        let streamed = layout_of(gpu, problem, needs, true);
        if let (Some(layout), Some(slabs)) = (streamed, Slabs::new(free, of_one, largest)) {
            let left = Some(free - slabs.lengths(of_one).iter().sum::<u64>());
            return Ok(Self { layout, slabs: Some(slabs), left });
        }
        let gigabytes = |bytes: u64| format!("{:.3} GB", bytes as f64 / 1e9);
        let [waves, arrays, memory] = [waves, arrays, memory].map(gigabytes);
        Err(Unsupported::new(match waves_per_pattern {
            0 => format!("fields and batches of {arrays}, where the card has {memory},"),
            _ => format!(
                "a solver that stores exit waves, here {waves} beside fields and batches of \
                 {arrays}, where the card has {memory},"
            ),
        }))
    }
}

/// The layout of patterns that are on the card, or (`streamed`) come with the batches; `None` where
/// the kernels have none.
pub(super) fn layout_of(
    gpu: &Gpu,
    problem: &Problem,
    needs: Needs,
    streamed: bool,
) -> Option<Layout> {
    let members = needs.batch_size.min(problem.n_patterns()).max(1);
    let shape = Shape {
        window: problem.model.shape(),
        modes: problem.n_modes(),
        eigenmodes: problem.n_eigenmodes(),
        stops: problem.model.n_places(),
        object: problem.object.shape(),
        kind: upload::number_of(problem.patterns.kind()),
        background: problem.background.is_some(),
        mask: problem.mask.lists() > 0,
        streamed,
        varies: problem.log_powers.is_some(),
        moves: needs.moves_positions,
        members,
        pieces: members.min(MOST_PIECES),
    };
    Layout::new(shape, gpu.0.limits.max_compute_workgroup_storage_size as usize)
}

/// Number of patterns whose losses fit.
pub(super) fn slots_of(problem: &Problem) -> usize {
    problem.n_patterns()
}

/// Lengths of the arrays in bytes but for the measured patterns; `masks` and `sets` of hidden
/// pixels.
pub(super) fn lengths(layout: &Layout, masks: usize, sets: usize, slots: usize) -> [u64; 13] {
    let (pixels, object) = (layout.pixels(), layout.object_pixels());
    let shape = &layout.shape;
    let waves = shape.members * layout.waves() * pixels;
    let tiles = layout.tiles();
    let words = |array: Array| match array {
        // These are made by themselves.
        Array::Batch | Array::Measured => 0,
        Array::Tables => 2 * (shape.window.0 + shape.window.1),
        Array::Pixels => layout.places(masks, sets) + if shape.streamed { pixels } else { 0 },
        Array::Object => 8 * object,
        Array::Lights => 2 * object + tiles.max(256),
        Array::Probe => 12 * layout.fields() * pixels,
        Array::Sums => layout.sums(),
        Array::Partials => 2 * shape.pieces * layout.fields() * pixels,
        Array::Waves | Array::Probes | Array::Chi => 2 * waves,
        Array::Outs => layout.losses() + 2 * slots * layout.loss_pairs(),
    };
    Array::ALL.map(|array| 4 * words(array) as u64)
}
