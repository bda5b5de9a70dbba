//! Stored exit waves, resident on the card in as many arrays as they need.

use super::GpuEngine;
use super::arrays::Params;
use super::stacks::Split;
use crate::Problem;
use crate::engine::{Side, WaveUpdate};
use lapwing_model::Complex32;

/// Values that are brought there or back in one piece.
const PIECE: usize = 1 << 23;
/// As in `kernels/waves.wgsl`.
const IS_NEW: u32 = 1 << 31;

/// The waves of all patterns, axes (pattern, mode, y, x).
pub(super) struct Waves {
    split: Split,
    /// Values of one pattern.
    of_one: usize,
    /// What is kept, and what was shared in the last pass where that is something else.
    pub kept: Vec<wgpu::Buffer>,
    pub shares: Vec<wgpu::Buffer>,
    /// Which patterns have had their first pass.
    begun: Vec<bool>,
}

impl Waves {
    /// The array of a pattern's wave, and the word of the batch for it.
    pub fn of(&self, pattern: usize) -> (usize, u32) {
        let (array, number) = self.split.of(pattern);
        (array, number as u32 | if self.begun[pattern] { 0 } else { IS_NEW })
    }
}

/// Bytes of one wave of every mode of a pattern.
pub(super) fn bytes_of_one(problem: &Problem) -> u64 {
    (size_of::<Complex32>() * problem.waves_len()) as u64
}

impl GpuEngine<'_> {
    /// Makes room for waves, and (`two`) for what they share.
    fn make_waves(&mut self, two: bool) {
        let problem = self.problem;
        let most = self.gpu.largest_of_several();
        let recorder = &mut self.recorder;
        let waves = self.waves.get_or_insert_with(|| {
            let split = Split::new(problem.n_patterns(), bytes_of_one(problem), most);
            let kept = split.lengths.iter().map(|&bytes| recorder.buffer(bytes)).collect();
            let begun = vec![false; problem.n_patterns()];
            Waves { split, of_one: problem.waves_len(), kept, shares: Vec::new(), begun }
        });
        if two && waves.shares.is_empty() {
            waves.shares = waves.kept.iter().map(|kept| recorder.buffer(kept.size())).collect();
        }
        recorder.set_waves(&waves.kept, &waves.shares);
    }

    /// Records a kernel on all members, array by array.
    fn run_on_waves(&mut self, kernel: &str, params: Params, modes: usize) {
        let rows = self.layout.row_groups();
        for run in &self.members.of_waves {
            let params = Params { first: run.first as u32, ..params };
            let group = self.recorder.group_of_waves(run.array);
            self.recorder.run(kernel, params, group, [rows, modes, run.count]);
        }
    }

    pub(super) fn project_stored(&mut self, members: &[usize], update: WaveUpdate) {
        let two = update.keep != update.share;
        self.make_waves(two);
        self.begin_batch(members, true);
        self.make_slots(members.len());
        let [trial_product, trial_wave] = update.trial;
        let (keep, share) = (update.keep, update.share);
        let weights = Params {
            mode: 1,
            slot: self.slots.0 as u32,
            trial_product,
            trial_wave,
            keep_product: keep.product,
            keep_before: keep.before,
            keep_after: keep.after,
            share_product: share.product,
            share_before: share.before,
            share_after: share.after,
            shares: u32::from(two),
            ..Params::default()
        };
        let modes = self.waves_of_one();
        let params = self.on_batch(weights);
        self.run("illuminate_y", params, self.columns(modes, members.len()));
        self.run_on_waves("meet_x", params, modes);
        self.on_patterns("detect", weights, |engine, count| engine.columns(1, count));
        let params = self.on_batch(weights);
        self.run_on_waves("land_x", params, 1);
        self.slots.0 += members.len();
        self.sides = [true, false];
        if let Some(waves) = &mut self.waves {
            members.iter().for_each(|&pattern| waves.begun[pattern] = true);
        }
    }

    pub(super) fn share_stored(&mut self, members: &[usize], side: Side) {
        let shares = self.waves.as_ref().expect("waves are stored before they share");
        let weights = Params { shares: u32::from(!shares.shares.is_empty()), ..Params::default() };
        self.begin_batch(members, false);
        let (modes, params) = (self.waves_of_one(), self.on_batch(weights));
        match side {
            Side::Object => {
                self.run("illuminate_y", params, self.columns(modes, members.len()));
                self.run_on_waves("share_object_x", params, modes);
            }
            Side::Probe => self.run_on_waves("share_probe_x", params, modes),
        }
        self.sides = [side == Side::Object, side == Side::Probe];
    }

    /// What is kept, in pieces of whole patterns: array, its first pattern there, and where its
    /// values are among all.
    fn pieces(waves: &Waves) -> Vec<(wgpu::Buffer, u64, std::ops::Range<usize>)> {
        let (of_one, all, each) = (waves.of_one, waves.begun.len(), waves.split.each());
        let some = (PIECE / of_one).max(1);
        let mut pieces = Vec::new();
        for (kept, first) in waves.kept.iter().zip((0..all).step_by(each)) {
            let end = (first + each).min(all);
            for from in (first..end).step_by(some) {
                let values = from * of_one..(from + some).min(end) * of_one;
                let at = size_of::<Complex32>() * (from - first) * of_one;
                pieces.push((kept.clone(), at as u64, values));
            }
        }
        pieces
    }

    pub(super) fn stored_waves(&mut self) -> Option<Vec<Complex32>> {
        let waves = self.waves.as_ref().filter(|waves| waves.begun.iter().all(|begun| *begun))?;
        let mut values = vec![Complex32::ZERO; waves.of_one * waves.begun.len()];
        for (buffer, at, range) in Self::pieces(waves) {
            self.recorder.read_buffer_at(&buffer, at, &mut values[range]);
        }
        Some(values)
    }

    pub(super) fn set_stored_waves(&mut self, values: &[Complex32]) {
        self.make_waves(false);
        let Some(waves) = &mut self.waves else { return };
        waves.begun.fill(true);
        for (buffer, at, range) in Self::pieces(waves) {
            self.recorder.write_buffer(&buffer, at, bytemuck::cast_slice(&values[range]));
        }
    }
}
