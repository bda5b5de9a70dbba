//! What cards can compute, and how it is laid out there.

use super::Gpu;
use super::arrays::Array;
use super::kernels::{Layout, Shape};
use super::upload::{self, Stacks};
use crate::Problem;
use crate::engine::held::SETS;
use crate::engine::{Needs, Unsupported};
use lapwing_model::forward::Propagation;

/// Pieces in which the members of a batch are summed for the probe, at most.
const MOST_PIECES: usize = 40;

/// Refuses what the kernels do not compute.
pub(in crate::engine) fn check(
    gpu: &Gpu,
    problem: &Problem,
    needs: Needs,
) -> Result<(), Unsupported> {
    let physics = problem.physics();
    let (height, width) = problem.model.shape();
    if physics.propagation != Propagation::FarField {
        return Err(Unsupported::new("near field"));
    }
    if !physics.motion.is_empty() {
        return Err(Unsupported::new("a probe that moves during the exposure"));
    }
    if physics.blur > 0.0 {
        return Err(Unsupported::new("a detector with a point spread"));
    }
    if problem.n_eigenmodes() > 0 {
        return Err(Unsupported::new("a probe with eigenmodes"));
    }
    if problem.log_powers.is_some() {
        return Err(Unsupported::new("a beam whose power varies"));
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
    let lengths = lengths(&layout, problem.mask.lists(), SETS, slots);
    match lengths.iter().max() {
        Some(&most) if most > largest => Err(Unsupported::new(format!(
            "arrays of {} MB, where the card takes {} MB at once",
            most >> 20,
            largest >> 20
        ))),
        _ => Ok(()),
    }
}

pub(super) fn layout_of(gpu: &Gpu, problem: &Problem, batch_size: usize) -> Option<Layout> {
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

/// Number of patterns whose losses fit.
pub(super) fn slots_of(problem: &Problem) -> usize {
    problem.n_patterns()
}

/// Lengths of the arrays in bytes but for the measured patterns; `masks` and `sets` of hidden
/// pixels.
pub(super) fn lengths(layout: &Layout, masks: usize, sets: usize, slots: usize) -> [u64; 13] {
    let (pixels, object) = (layout.pixels(), layout.object_pixels());
    let shape = &layout.shape;
    let waves = shape.members * shape.modes * pixels;
    let [mask_words, held_words] = layout.words();
    let tiles = layout.tiles();
    let words = |array: Array| match array {
        // These are made by themselves.
        Array::Batch | Array::Measured => 0,
        Array::Tables => 2 * (shape.window.0 + shape.window.1),
        Array::Pixels => layout.masks() + masks * mask_words + sets * held_words,
        Array::Object => 8 * object,
        Array::Lights => 2 * object + tiles.max(256),
        Array::Probe => 12 * shape.modes * pixels,
        Array::Sums => layout.sums(),
        Array::Partials => 2 * shape.pieces * shape.modes * pixels,
        Array::Waves | Array::Probes | Array::Chi => 2 * waves,
        Array::Outs => layout.losses() + 2 * slots * layout.column_groups(),
    };
    Array::ALL.map(|array| 4 * words(array) as u64)
}
