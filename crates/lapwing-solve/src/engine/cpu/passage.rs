//! A pattern's waves through the object, slice by slice, and back.
//!
//! Arrays of waves have axes (slice, wave, y, x): of the incident waves psi_s, and of chi_s, the
//! correction of the wave behind slice s ([`lapwing_model::forward`], module `slices`). A thin
//! object has one slice, and is computed by the model's own, faster, pass.

use crate::Problem;
use lapwing_model::forward::{Patch, Ramp, Site, Workspace};
use lapwing_model::{Complex32, ForwardModel, elementwise};
use std::ops::Range;

/// What of the object lies under a pattern.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    model: &'a ForwardModel,
    /// The object from the window's first pixel in the first slice on.
    object: &'a [Complex32],
    /// Length of the object's rows.
    columns: usize,
    /// Pixels of a slice.
    slice: usize,
    slices: usize,
    /// Waves of the pattern.
    waves: usize,
}

impl<'a> Passage<'a> {
    /// Of pattern `pattern` through `object`, (slice, y, x).
    pub fn new(problem: &'a Problem, object: &'a [Complex32], pattern: usize) -> Self {
        let (window, columns) = (&problem.windows[pattern], problem.object.shape().1);
        let start = window.row as usize * columns + window.column as usize;
        Self {
            model: &problem.model,
            object: &object[start..],
            columns,
            slice: problem.slice_len(),
            slices: problem.n_slices(),
            waves: problem.waves_len() / problem.model.len(),
        }
    }

    fn patch(self, slice: usize) -> Patch<'a> {
        Patch { object: &self.object[slice * self.slice..], columns: self.columns }
    }

    /// The object's rows in the window of slice `slice`.
    pub fn rows(self, slice: usize) -> impl Iterator<Item = &'a [Complex32]> {
        let width = self.model.shape().1;
        self.patch(slice).object.chunks(self.columns).map(move |row| &row[..width])
    }

    /// Where wave `wave` lies behind or before slice `slice`.
    fn start(&self, slice: usize, wave: usize) -> usize {
        (slice * self.waves + wave) * self.model.len()
    }

    /// Where the pixels of wave `wave` lie behind or before slice `slice`.
    pub fn at(&self, slice: usize, wave: usize) -> Range<usize> {
        let start = self.start(slice, wave);
        start..start + self.model.len()
    }

    /// The part of chi that [`ForwardModel::detect`] writes: behind the last slice.
    pub fn behind<'b>(&self, chi: &'b mut [Complex32]) -> &'b mut [Complex32] {
        &mut chi[self.start(self.slices - 1, 0)..]
    }

    /// Wave number `wave`, from its mode's `spectrum` to the detector: `incident` <- the wave
    /// before each slice, and `in_flight` <- its exit wave, on its way. Adds |O|^2 of the first
    /// slice to `power` where it is given. This wave's part of `chi` is overwritten.
    #[expect(clippy::too_many_arguments, reason = "one wave, and all it leaves behind")]
    pub fn illuminate(
        &self,
        wave: usize,
        (spectrum, ramp): (&[Complex32], &Ramp),
        incident: &mut [Complex32],
        power: Option<&mut [f32]>,
        in_flight: &mut [Complex32],
        chi: &mut [Complex32],
        work: &mut Workspace,
    ) {
        let pixels = self.model.len();
        let first = self.start(0, wave);
        if self.slices == 1 {
            let view = Site { patch: self.patch(0), ramp };
            let incident = &mut incident[first..first + pixels];
            return self.model.illuminate(spectrum, view, incident, power, in_flight, work);
        }
        self.model.shifted_probe(spectrum, ramp, &mut incident[first..first + pixels], work);
        if let Some(power) = power {
            let rows = power.chunks_exact_mut(self.model.shape().1).zip(self.rows(0));
            rows.for_each(|(power, row)| elementwise::add_power(power, row));
        }
        for slice in 0..self.slices {
            let from = self.start(slice, wave);
            let left = &mut chi[from..from + pixels];
            self.multiply(&incident[from..from + pixels], slice, left);
            if slice + 1 < self.slices {
                let to = self.start(slice + 1, wave);
                self.model.cross_gap(left, &mut incident[to..to + pixels], work);
            } else {
                self.model.launch(left, ramp, in_flight, work);
            }
        }
    }

    /// Wave number `wave` back from the detector: completes its `chi` behind every slice, and adds
    /// chi_0 conj(O_0), unshifted, to the spectrum `sum`. `in_flight` is overwritten.
    pub fn gather(
        &self,
        wave: usize,
        ramp: &Ramp,
        chi: &mut [Complex32],
        in_flight: &mut [Complex32],
        sum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        let pixels = self.model.len();
        if self.slices == 1 {
            let first = self.start(0, wave);
            let view = Site { patch: self.patch(0), ramp };
            let chi = &mut chi[first..first + pixels];
            return self.model.gather(chi, view, in_flight, sum, work);
        }
        for slice in (0..self.slices).rev() {
            let from = self.start(slice, wave);
            if slice + 1 == self.slices {
                self.model.land(&mut chi[from..from + pixels], work);
            }
            self.multiply_conjugate(&chi[from..from + pixels], slice, in_flight);
            if slice > 0 {
                let to = self.start(slice - 1, wave);
                self.model.cross_gap_back(in_flight, &mut chi[to..to + pixels], work);
            }
        }
        self.model.accumulate_unshifted(in_flight, ramp, sum, work);
    }

    /// `exit_wave` <- that of wave number `wave`, of the waves before each slice.
    pub fn exit_wave(&self, wave: usize, incident: &[Complex32], exit_wave: &mut [Complex32]) {
        let last = self.slices - 1;
        self.multiply(&incident[self.at(last, wave)], last, exit_wave);
    }

    /// product <- wave O_s
    fn multiply(&self, wave: &[Complex32], slice: usize, product: &mut [Complex32]) {
        let width = self.model.shape().1;
        let rows = product.chunks_exact_mut(width).zip(wave.chunks_exact(width));
        for ((product, wave), row) in rows.zip(self.rows(slice)) {
            elementwise::multiply(product, wave, row);
        }
    }

    /// product <- wave conj(O_s)
    fn multiply_conjugate(&self, wave: &[Complex32], slice: usize, product: &mut [Complex32]) {
        let width = self.model.shape().1;
        let rows = product.chunks_exact_mut(width).zip(wave.chunks_exact(width));
        for ((product, wave), row) in rows.zip(self.rows(slice)) {
            elementwise::multiply_conjugate(product, wave, row);
        }
    }
}
