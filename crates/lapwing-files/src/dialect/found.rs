//! What a dialect finds in a file.

use std::path::{Path, PathBuf};

use lapwing_model::{Modes, Object, Position};

use super::geometry::FarFieldOptics;
use super::stack::{Refusal, Stack};
use crate::experiment::frames::Reframe;
use crate::experiment::{Calibration, part};
use crate::mask::Mask;
use crate::npy::Array;
use crate::options::{Geometry, ReadOptions};
use crate::remarks::ranges;
use crate::scans::SCAN_NUMBER;
use crate::{Error, Metadata, Problem, contract};

/// What a dialect found in a file, in the project's conventions. What is `None` is not there, or
/// there is a problem with it.
#[derive(Default)]
pub(super) struct Found {
    /// The patterns.
    pub stack: Option<Stack>,
    /// Window centres in pixels of the object array.
    pub scan: Option<Vec<Position>>,
    /// The object on its full grid.
    pub object: Option<Object>,
    /// Probe modes in the unit of the amplitudes.
    pub probe: Option<Modes>,
    /// Which pixels are good; else an extra array `mask` says it.
    pub mask: Option<Mask>,
    /// The frame of a series that each pattern is; else an extra array of whole numbers,
    /// `scan_index`, says it.
    pub frames: Option<Vec<i64>>,
    /// How the detector sees the sample, where the dialect knows.
    pub geometry: Option<Geometry>,
    /// The optics.
    pub optics: Option<FarFieldOptics>,
    /// Size of an object pixel along (y, x), metres.
    pub pixel: Option<(f64, f64)>,
    /// Whether the positions were in metres, and that pixel made pixels of them.
    pub in_metres: bool,
    /// Whether the unit of positions that the user says was taken as that of the file's own.
    pub unit_taken: bool,
    /// Wavelength, detector and step as far as the file tells them: what the user says goes before
    /// it, and where no dialect made positions or a pixel they are made of it.
    pub calibration: Calibration,
    /// What the file itself says of these, where the user's word has gone before it already.
    pub as_written: Calibration,
    /// Size of an object pixel along (y, x), metres, that the file itself says, where the user's
    /// word has gone before it already.
    pub written_pixel: Option<(f64, f64)>,
    /// A unit of one of the file's scales that is not understood, as the file has it.
    pub strange_unit: Option<String>,
    /// Wavelength, metres, once the experiment was applied.
    pub wavelength: Option<f64>,
    /// Rows and columns of the raster that the patterns were taken on one after the other, where
    /// the file tells it.
    pub raster: Option<(usize, usize)>,
    /// Places of the patterns on the raster, or among positions of all frames, where some are
    /// missing.
    pub places: Option<Vec<usize>>,
    /// Rows and columns that a raster may have, and what suggests it, where the file does not tell.
    pub likely_raster: Option<((usize, usize), String)>,
    /// Whether it is no problem of the dialect that there are no positions: they are made of
    /// `raster`, `calibration` and what the user says.
    pub needs_scan: bool,
    /// The metadata of the file.
    pub metadata: Option<Metadata>,
    /// The other arrays.
    pub extras: Vec<(String, Array)>,
    /// The second file, where it brought positions.
    pub companion: Option<PathBuf>,
    /// What the arrays are called in the file.
    pub names: Names,
    /// Whether a data set written now has another form than the file, which its history must tell.
    pub converted: bool,
    /// The part of the detector that is used, and pixels of it that are summed.
    pub framed: Option<Reframe>,
    /// Everything that is wrong so far.
    pub problems: Vec<Problem>,
    /// What is wrong with the other arrays: told last.
    pub wrong_extras: Vec<Problem>,
}

/// What arrays are called in a file, for messages; those that are `None` have the study's names.
#[derive(Default)]
pub(super) struct Names {
    pub scan: Option<&'static str>,
    pub probe: Option<&'static str>,
    pub object: Option<&'static str>,
    pub windows: Option<&'static str>,
}

impl Found {
    /// Leaves the first `n` patterns, and what there is one of for each.
    pub(super) fn cut(&mut self, n: usize) -> Result<(), Error> {
        let Some(stack) = &mut self.stack else { return Ok(()) };
        let patterns = stack.n_patterns();
        let first: Vec<usize> = (0..n.min(patterns)).collect();
        stack.cut(n)?;
        self.mask = self.mask.take().map(|mask| mask.select(&first)).transpose()?;
        if let Some(frames) = &mut self.frames {
            frames.truncate(n);
        }
        if let Some(places) = &mut self.places {
            places.truncate(n);
        }
        for (_, array) in &mut self.extras {
            let length = array.shape().first().copied();
            if length == Some(patterns)
                && let Ok(shorter) = array.select(&first)
            {
                *array = shorter;
            }
        }
        Ok(())
    }

    /// Whether the patterns `kept` of `n` have places among so many frames, of which some are
    /// missing.
    pub(super) fn are_among(&self, frames: usize, n: usize, kept: &[usize]) -> bool {
        let holds = |of: &Vec<usize>| of.len() == n && kept.iter().all(|&index| of[index] < frames);
        self.places.as_ref().is_some_and(holds)
    }

    /// These places, once; the others, which are left out, have the first one.
    pub(super) fn places_among(
        &mut self,
        frames: usize,
        n: usize,
        kept: &[usize],
    ) -> Option<Vec<usize>> {
        let places = if self.are_among(frames, n, kept) { self.places.take() } else { None };
        let inside = |at: usize| if at < frames { at } else { 0 };
        places.map(|places| places.into_iter().map(inside).collect())
    }

    /// What is wrong with a raster that has no place for some of the patterns `kept`, by the
    /// numbers of their frames.
    pub(super) fn beyond(
        &self,
        (rows, columns): (usize, usize),
        kept: &[usize],
    ) -> Option<Problem> {
        let (places, all) = (self.places.as_ref()?, rows.saturating_mul(columns));
        let is_beyond = |&index: &usize| places.get(index).is_some_and(|&at| at >= all);
        let beyond: Vec<usize> = kept.iter().copied().filter(is_beyond).collect();
        let last = places.last().filter(|_| !beyond.is_empty())? + 1;
        let expected = format!(
            "a raster of {last} frames, which the file has but for {}, or that those beyond it are left \
             out (--leave-out-frames {})",
            last - places.len(),
            ranges(&beyond)
        );
        Some(Problem::new("scan_shape", expected, format!("{rows} x {columns} = {all}")))
    }

    /// The scan that each pattern belongs to, where the file says it and it can be understood.
    pub(super) fn scan_numbers(&self) -> Option<Vec<usize>> {
        let (_, numbers) = self.extras.iter().find(|(name, _)| name == SCAN_NUMBER)?;
        let numbers = numbers.to_i64().ok()?;
        numbers.into_iter().map(|number| usize::try_from(number).ok()).collect()
    }

    /// Multiplies the positions by factors along (y, x).
    pub(super) fn stretch(&mut self, (y, x): (f64, f64)) {
        for position in self.scan.iter_mut().flatten() {
            *position = Position { y: position.y * y, x: position.x * x };
        }
    }

    /// Takes over the patterns, or what is wrong with them; whether there are any.
    ///
    /// # Errors
    /// What only the user of the file at `path` can decide.
    pub(super) fn take(
        &mut self,
        read: Result<Stack, Refusal>,
        path: &Path,
    ) -> Result<bool, Error> {
        match read {
            Ok(stack) => self.stack = Some(stack),
            Err(Refusal::Problems(problems)) => self.problems.extend(problems),
            Err(Refusal::Ambiguous(question)) => return Err(question.about(path)),
        }
        Ok(self.stack.is_some())
    }

    /// How what was found breaks the contract, under the names that it has in the file.
    pub(super) fn breaches(&self, options: &ReadOptions) -> Vec<Problem> {
        let named = |problems: Vec<Problem>, name: Option<&'static str>| {
            problems.into_iter().map(move |problem| match name {
                Some(name) => Problem { key: name.to_owned(), ..problem },
                None => problem,
            })
        };
        let names = &self.names;
        let mut problems = Vec::new();
        let shape = self.stack.as_ref().map(Stack::pattern_shape);
        if let Some(scan) = &self.scan {
            // Of a position that is left out nothing is asked.
            let mut kept = scan.clone();
            if let Ok(Some(taken)) =
                part::taken(scan, self.scan_numbers().as_deref(), &options.experiment.patterns)
            {
                let left = |index: &usize| taken.binary_search(index).is_err();
                (0..scan.len()).filter(left).for_each(|index| {
                    kept[index] = Position { y: 0.0, x: 0.0 };
                });
            }
            problems.extend(named(contract::scan(&kept), names.scan));
        }
        if let Some(object) = &self.object {
            problems.extend(named(contract::object(object), names.object));
        }
        if let (Some(probe), Some(shape)) = (&self.probe, shape) {
            problems.extend(named(contract::probe(probe, shape), names.probe));
        }
        if let (Some(scan), Some(object), Some(shape)) = (&self.scan, &self.object, shape) {
            let mut off = contract::windows(scan, shape, object.shape());
            let name = names.object.unwrap_or("objectGuess");
            for problem in &mut off {
                problem.found += &format!(
                    "; where the positions are right, the object lies elsewhere, and --leave-out \
                     {name} reads the scan without it"
                );
            }
            problems.extend(named(off, names.windows));
        }
        problems
    }
}
