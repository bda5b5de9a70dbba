//! The text of the kernels, for one shape of patterns and objects.

use super::fft::FftPlan;
use crate::engine::between_step_rows;
use crate::engine::rules::SETS;
use crate::noise::{Clipped, FEW};
use lapwing_model::Position;
use std::fmt::Write;

/// Threads of a workgroup, at most.
const GROUP: usize = 256;
/// Bytes of workgroup memory that sums over a workgroup take.
const FOR_SUMS: usize = 16 * GROUP;
/// Columns that a workgroup transforms at once, at most: sixteen neighbours fill a line of a cache.
const COLUMN_LINES: usize = 16;
/// Tiles in a row of workgroups.
pub(super) const TILES_ACROSS: usize = 1 << 15;
/// Parts of a window that are summed by themselves for the step lengths.
pub(super) const PARTS: usize = 4;
/// Side of a tile of the object, pixels.
pub(super) const TILE: usize = 16;

/// The texts of the kernels, in order.
const TEXTS: [&str; 7] = [
    include_str!("kernels/common.wgsl"),
    include_str!("kernels/clipped.wgsl"),
    include_str!("kernels/batch.wgsl"),
    include_str!("kernels/probe.wgsl"),
    include_str!("kernels/object.wgsl"),
    include_str!("kernels/steps.wgsl"),
    include_str!("kernels/waves.wgsl"),
];

/// What kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Of patterns and probe.
    pub window: (usize, usize),
    pub modes: usize,
    pub eigenmodes: usize,
    /// Places of the probe in the course of an exposure, one where it stands still.
    pub stops: usize,
    pub object: (usize, usize),
    /// How measured values are stored: in one byte (0), in two (1), as numbers (2).
    pub kind: u32,
    pub background: bool,
    pub mask: bool,
    /// Whether patterns come with the batches that need them, in pattern order.
    pub streamed: bool,
    /// Whether the beam's power varies, and whether positions move.
    pub varies: bool,
    pub moves: bool,
    /// Members of a batch, at most, and pieces in which they are summed.
    pub members: usize,
    pub pieces: usize,
}

/// How transforms are shared out, and where everything is.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub shape: Shape,
    pub along_y: FftPlan,
    pub along_x: FftPlan,
    pub column_lines: usize,
    pub row_lines: usize,
}

impl Layout {
    /// `None` where a side has no plan, or a line of it does not fit into `workgroup_memory` bytes.
    pub fn new(shape: Shape, workgroup_memory: usize) -> Option<Self> {
        let (along_y, along_x) = (FftPlan::new(shape.window.0)?, FftPlan::new(shape.window.1)?);
        let lines = |plan: &FftPlan, most: usize, padded: usize| {
            let by_threads = GROUP / plan.threads();
            let by_memory = workgroup_memory.saturating_sub(FOR_SUMS) / (8 * padded);
            most.min(by_threads).min(by_memory)
        };
        let column_lines = lines(&along_y, COLUMN_LINES, along_y.length);
        let row_lines = lines(&along_x, GROUP, padded(along_x.length));
        (column_lines > 0 && row_lines > 0).then_some(Self {
            shape,
            along_y,
            along_x,
            column_lines,
            row_lines,
        })
    }

    pub fn pixels(&self) -> usize {
        self.shape.window.0 * self.shape.window.1
    }

    pub fn object_pixels(&self) -> usize {
        self.shape.object.0 * self.shape.object.1
    }

    /// Workgroups that share out the columns of a pattern.
    pub fn column_groups(&self) -> usize {
        self.shape.window.1.div_ceil(self.column_lines)
    }

    /// Workgroups that share out its rows.
    pub fn row_groups(&self) -> usize {
        self.shape.window.0.div_ceil(self.row_lines)
    }

    /// Workgroups for `count` tiles, or for as many pieces of 256 pixels.
    pub fn tile_groups(count: usize) -> [usize; 3] {
        [count.min(TILES_ACROSS), count.div_ceil(TILES_ACROSS), 1]
    }

    /// Number of the first slope with the beam's power in `outs`: of every member and group of
    /// columns.
    pub fn power_slopes(&self) -> usize {
        STEPS + self.shape.members + 5 * PARTS * self.shape.members
    }

    /// Number of the first pair of slopes with the position: of every member, mode and group of
    /// columns.
    pub fn position_slopes(&self) -> usize {
        let of_powers =
            if self.shape.varies { self.shape.members * self.column_groups() } else { 0 };
        self.power_slopes() + of_powers
    }

    /// Number of the first pair of slopes with an eigenmode's weight: of every member, eigenmode
    /// and group of columns.
    pub fn weight_slopes(&self) -> usize {
        let Shape { members, modes, moves, .. } = self.shape;
        let of_positions = if moves { 2 * members * modes * self.column_groups() } else { 0 };
        self.position_slopes() + of_positions
    }

    /// Number of the first loss there.
    pub fn losses(&self) -> usize {
        let Shape { members, eigenmodes, .. } = self.shape;
        self.weight_slopes() + 2 * members * eigenmodes * self.column_groups()
    }

    /// Waves of a pattern: its modes at every stop.
    pub fn waves(&self) -> usize {
        self.shape.modes * self.shape.stops
    }

    /// Modes and eigenmodes of the probe.
    pub fn fields(&self) -> usize {
        self.shape.modes + self.shape.eigenmodes
    }

    /// Pairs of losses of every pattern: of what is seen and of what is hidden.
    pub fn loss_pairs(&self) -> usize {
        self.column_groups().max(self.row_groups())
    }

    /// Length of `sums`.
    pub fn sums(&self) -> usize {
        self.partial_powers() + self.shape.pieces * self.pixels()
    }

    fn partial_powers(&self) -> usize {
        self.pixels() + self.column_groups() + 2 * self.row_groups()
    }

    /// Tiles of the object.
    pub fn tiles(&self) -> usize {
        self.shape.object.0.div_ceil(TILE) * self.shape.object.1.div_ceil(TILE)
    }

    /// The numbers of `tables`.
    pub fn tables(&self) -> Vec<[f32; 2]> {
        self.along_y.twiddles().chain(self.along_x.twiddles()).collect()
    }

    /// Words of one mask, and of one set of hidden pixels.
    pub fn words(&self) -> [usize; 2] {
        [self.pixels().div_ceil(32), self.pixels().div_ceil(16)]
    }

    /// Where masks begin in `pixels`, behind the background.
    pub fn masks(&self) -> usize {
        if self.shape.background { self.pixels() } else { 0 }
    }

    /// Where the places of pixels in pattern order begin in `pixels`, behind `masks` masks and
    /// `sets` sets of hidden pixels.
    pub fn places(&self, masks: usize, sets: usize) -> usize {
        let [of_mask, of_set] = self.words();
        self.masks() + masks * of_mask + sets * of_set
    }

    /// The text, with `masks` masks, where counts at the detector's limit are `clipped`, and the
    /// probe's places in the course of an exposure are these.
    pub fn text(&self, masks: usize, clipped: Option<Clipped>, motion: &[Position]) -> String {
        let Shape { window, modes, object, kind, background, mask, streamed, members, .. } =
            self.shape;
        let (pixels, object_pixels) = (self.pixels(), self.object_pixels());
        let (field, words) = (self.fields() * pixels, self.words());
        let between = between_step_rows(window.0);
        let groups = [self.column_groups(), self.row_groups()];
        let exchange = (self.column_lines * window.0).max(self.row_lines * padded(window.1));
        let mut text = String::new();
        let numbers = [
            ("H", window.0),
            ("W", window.1),
            ("PIXELS", pixels),
            ("BETWEEN_STEP_ROWS", between),
            ("STEP_PIXELS", window.0.div_ceil(between) * window.1),
            ("MODES", modes),
            ("EIGENMODES", self.shape.eigenmodes),
            ("FIELDS", self.fields()),
            ("STOPS", self.shape.stops),
            ("WAVES", self.waves()),
            ("ROWS", object.0),
            ("COLUMNS", object.1),
            ("OBJECT", object_pixels),
            ("KIND", kind as usize),
            ("COLUMN_LINES", self.column_lines),
            ("COLUMN_GROUP", self.column_lines * self.along_y.threads()),
            ("COLUMN_GROUPS", groups[0]),
            ("ROW_LINES", self.row_lines),
            ("ROW_THREADS", self.along_x.threads()),
            ("ROW_GROUP", self.row_lines * self.along_x.threads()),
            ("ROW_GROUPS", groups[1]),
            ("LOSS_PAIRS", self.loss_pairs()),
            ("EXCHANGE", exchange),
            ("TILES_ACROSS", TILES_ACROSS),
            ("PARTS", PARTS),
            // In `pixels`.
            ("MASKS", self.masks()),
            ("MASK_WORDS", words[0]),
            ("HELD", self.masks() + masks * words[0]),
            ("HELD_WORDS", words[1]),
            ("PLACES", self.places(masks, SETS)),
            // In `object`.
            ("SUM", object_pixels),
            ("TO_OBJECT", 2 * object_pixels),
            ("OBJECT_UPDATE", 3 * object_pixels),
            // In `lights`.
            ("TILES", 2 * object_pixels),
            // In `probe`.
            ("SPECTRA", field),
            ("HALFWAY", 2 * field),
            ("DIRECTION", 3 * field),
            ("UPDATE", 4 * field),
            ("ADDED", 5 * field),
            // In `sums`.
            ("ADDED_POWER", 0),
            ("LARGEST", pixels),
            ("STATISTICS", pixels + groups[0]),
            ("PARTIAL_POWERS", self.partial_powers()),
            // In `outs`.
            ("STEPS", STEPS),
            ("NORMALS", STEPS + members),
            ("SLOPES", self.power_slopes()),
            ("TURNS", self.position_slopes()),
            ("WEIGHTS", self.weight_slopes()),
            ("LOSSES", self.losses()),
        ];
        for (name, value) in numbers {
            let _ = writeln!(text, "const {name}: u32 = {value}u;");
        }
        // What stands for a limit where there is none is never asked for.
        let limit = clipped.unwrap_or_else(|| Clipped::new(1.0, 1.0));
        let flags = [
            ("HAS_BACKGROUND", background),
            ("HAS_MASK", mask),
            ("STREAMED", streamed),
            ("VARIES", self.shape.varies),
            ("MOVES", self.shape.moves),
            ("HAS_LIMIT", clipped.is_some()),
            ("LIMIT_FEW", limit.photons <= FEW),
        ];
        for (name, value) in flags {
            let _ = writeln!(text, "const {name}: bool = {value};");
        }
        let of_limit = [
            ("LIMIT", limit.limit),
            ("LIMIT_EDGE", limit.edge),
            ("LIMIT_GAIN", limit.gain),
            ("LIMIT_PHOTONS", limit.photons),
            ("LIMIT_LN_FACTORIAL", limit.ln_factorial),
        ];
        for (name, value) in of_limit {
            let _ = writeln!(text, "const {name}: f32 = {value:e};");
        }
        let weight = 1.0 / (self.shape.stops as f64).sqrt();
        let _ = writeln!(text, "const STOP_WEIGHT: f32 = {weight:e};");
        text.push_str("fn motion_of(stop: u32) -> vec2f {\nswitch stop {\n");
        for (stop, Position { y, x }) in motion.iter().enumerate() {
            let _ = writeln!(text, "case {stop}u: {{ return vec2f({y:e}, {x:e}); }}");
        }
        text.push_str("default: { return vec2f(); }\n}\n}\n");
        for (name, length) in [("SCALE_Y", window.0), ("SCALE_X", window.1)] {
            let _ = writeln!(text, "const {name}: f32 = {:e};", 1.0 / (length as f64).sqrt());
        }
        let mut twiddles = |length: usize, from: usize| {
            let _ = writeln!(
                text,
                "fn twiddle_{length}(index: u32) -> vec2f {{ return tables[{from}u + index]; }}"
            );
        };
        twiddles(window.0, 0);
        if window.1 != window.0 {
            twiddles(window.1, window.0);
        }
        let columns = |at: &str| format!("{at} * COLUMN_LINES + line");
        let line = padded(window.1);
        let rows = move |at: &str| format!("line * {line}u + {at} + {at} / 32u");
        for template in TEXTS.iter().flat_map(|text| text.lines()) {
            let line = template.strip_prefix('@');
            match line {
                Some("y_forward") => text.push_str(&self.along_y.transform(false, &columns)),
                Some("y_inverse") => text.push_str(&self.along_y.transform(true, &columns)),
                Some("x_forward") => text.push_str(&self.along_x.transform(false, &rows)),
                Some("ramp") => self.ramp(&mut text),
                Some("x_inverse") => text.push_str(&self.along_x.transform(true, &rows)),
                Some(each) if each.starts_with("x ") => {
                    unroll(&mut text, &self.along_x, &each[2..])
                }
                Some(each) if each.starts_with("y ") => {
                    unroll(&mut text, &self.along_y, &each[2..])
                }
                _ => {
                    text.push_str(template);
                    text.push('\n');
                }
            }
        }
        text
    }
}

impl Layout {
    /// Statements that give the shift by `rest` along y for every value that a thread holds of a
    /// column, `r0`, `r1`, ...: each is the one before times what lies between them. Frequencies
    /// are negative from half a column on.
    fn ramp(&self, text: &mut String) {
        let (length, held, threads) =
            (self.along_y.length, self.along_y.held, self.along_y.threads());
        if !held.is_multiple_of(2) {
            for k in 0..held {
                let _ = writeln!(text, "let r{k} = ramp_along(rest.x, t + {}u, H);", k * threads);
            }
            return;
        }
        let _ =
            writeln!(text, "let between = turn(-rest.x * {:e});", threads as f64 / length as f64);
        for (half, first) in [(0, 0), (1, held / 2)] {
            let _ =
                writeln!(text, "let r{first} = ramp_along(rest.x, t + {}u, H);", half * length / 2);
            for k in first + 1..first + held / 2 {
                let _ = writeln!(text, "let r{k} = turned(r{}, between);", k - 1);
            }
        }
    }
}

/// Where the step lengths of a batch's members begin in `outs`, behind a few single numbers.
const STEPS: usize = 8;

/// A line of the template for every value that a thread holds.
fn unroll(text: &mut String, plan: &FftPlan, line: &str) {
    for k in 0..plan.held {
        let place = format!("(t + {}u)", k * plan.threads());
        let line = line.replace("$V", &format!("v{k}")).replace("$K", &k.to_string());
        let _ = writeln!(text, "{}", line.replace("$X", &place).replace("$Y", &place));
    }
}

/// Numbers of a row in workgroup memory, with one in 32 left out so that threads which write with a
/// power of two between them meet different banks.
fn padded(length: usize) -> usize {
    length + length.div_ceil(32)
}

/// Every kernel's name.
pub(super) const KERNELS: [&str; 25] = [
    "illuminate_y",
    "illuminate_x",
    "detect",
    "arrive",
    "poisson_step",
    "leave",
    "gather_x",
    "gather_y",
    "add_probe_sums",
    "collect_y",
    "probe_direction_x",
    "probe_quotient_x",
    "advance_probe_x",
    "probe_spectrum_y",
    "gather_object",
    "largest_of_tiles",
    "largest_light",
    "move_object",
    "finish_object",
    "normals",
    "step_lengths",
    "meet_x",
    "land_x",
    "share_object_x",
    "share_probe_x",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_in_the_text() {
        let shape = Shape {
            window: (64, 96),
            modes: 2,
            eigenmodes: 1,
            stops: 2,
            object: (100, 130),
            kind: 0,
            background: true,
            mask: true,
            streamed: true,
            varies: true,
            moves: true,
            members: 10,
            pieces: 3,
        };
        let layout = Layout::new(shape, 1 << 15).unwrap();
        let text = layout.text(1, None, &[Position { y: 0.5, x: -1.0 }; 2]);
        for kernel in KERNELS {
            assert_eq!(text.matches(&format!("fn {kernel}(")).count(), 1, "{kernel}");
        }
        assert!(!text.contains(['@', '$'].map(|sign| format!("{sign}V")).join("").as_str()));
        assert!(Layout::new(Shape { window: (64, 22), ..shape }, 1 << 15).is_none());
    }
}
