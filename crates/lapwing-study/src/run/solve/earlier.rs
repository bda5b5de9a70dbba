//! Going on from where an earlier reconstruction ended.

use crate::design::solver::ObjectStart;
use crate::geometry::grid::grid_of;
use crate::{Result, StudyError};
use lapwing_files::{Dataset, Reconstruction, Scans};
use lapwing_model::{Complex32, Modes, Object, Position, Window};
use lapwing_solve::Problem;
use ndarray::{Array2, Axis, s};
use std::collections::HashMap;

/// The reconstruction that a start is, where it is one.
///
/// # Errors
/// A file that was not read: see [`crate::run::with_files_read`].
pub(crate) fn of(start: &ObjectStart) -> Result<Option<&Reconstruction>> {
    match start {
        ObjectStart::Flat | ObjectStart::Guess => Ok(None),
        ObjectStart::Given { made, .. } => Ok(Some(made)),
        ObjectStart::File(file) => {
            Err(refused("file", "one that was read", file.display().to_string()))
        }
    }
}

/// What does not fit the data.
fn refused(what: &str, expected: impl std::fmt::Display, found: String) -> StudyError {
    StudyError::Invalid(format!("start: {what}: expected {expected}, found {found}"))
}

/// An earlier reconstruction on the scan of a data set.
pub(crate) struct Placed {
    /// Its object.
    pub object: Object,
    /// Window centres on the object's grid.
    pub scan: Vec<Position>,
    /// The same in pixels of the data set.
    pub of_data: Vec<Position>,
    /// Where pixel (0, 0) of the object lies in the data set's pixels; `None` on the data set's own
    /// grid.
    pub origin: Option<(i64, i64)>,
}

/// How far, in pixels, the positions of a reconstruction of a part of a scan may have been refined.
const REFINED: f64 = 2.0;

/// Lays the object of `made`, and its positions where it has them, under the patterns of `dataset`;
/// of a thin object that is to have several `slices` the middle one is made. One of fewer patterns
/// of this scan, or of more of which these are some, gives its object, which is flat where these
/// patterns go beyond it, and positions are those of the data set.
///
/// # Errors
/// What of it does not fit the data set.
pub(crate) fn placed(made: &Reconstruction, dataset: &Dataset, slices: usize) -> Result<Placed> {
    let shape = made.object.shape();
    let told = |shape: (usize, usize)| format!("{} x {} px", shape.0, shape.1);
    let of_data = match &made.positions {
        Some(scan) if scan.len() == dataset.n_patterns() => scan.clone(),
        Some(other) if is_part(other, &dataset.scan) || is_part(&dataset.scan, other) => {
            return of_others(made, dataset, slices);
        }
        Some(scan) => {
            let expected = format!(
                "those of {} patterns, or of a part or the whole of their scan to within \
                 {REFINED} px",
                dataset.n_patterns()
            );
            let found = format!("{} at other places; leave --start out", scan.len());
            return Err(refused("positions", expected, found));
        }
        None => dataset.scan.clone(),
    };
    let own = dataset.object.as_ref().map(Object::shape);
    let origin = match (own, made.origin) {
        (Some(own), origin) if shape != own || origin.is_some_and(|origin| origin != (0, 0)) => {
            let found = format!("{} from {:?}", told(shape), origin.unwrap_or_default());
            let expected = format!("{} from (0, 0), as in the data set", told(own));
            return Err(refused("object", expected, found));
        }
        (Some(_), _) => None,
        (None, None) if made.positions.is_none() => {
            // Of another program, whose pixels are those of the scan where there are as many.
            let grid = grid_of(&dataset.scan, dataset.pattern_shape())?;
            if shape != grid.shape {
                let expected = format!("{}, the field of this scan", told(grid.shape));
                return Err(refused("object", expected, told(shape)));
            }
            Some(grid.origin)
        }
        (None, origin) => Some(origin.unwrap_or_default()),
    };
    let (y, x) = origin.unwrap_or_default();
    let on_grid = |at: &Position| Position { y: at.y - y as f64, x: at.x - x as f64 };
    let scan: Vec<Position> = of_data.iter().map(on_grid).collect();
    let window = dataset.pattern_shape();
    let outside = |at: &Position| {
        !(at.y.is_finite() && at.x.is_finite() && Window::of(*at, window).fits(window, shape))
    };
    if let Some(pattern) = scan.iter().position(outside) {
        let expected = format!("one that holds the windows of all patterns, {}", told(window));
        let found = format!("{}, beyond which pattern {pattern} reaches", told(shape));
        return Err(refused("object", expected, found));
    }
    check_slices(made, slices)?;
    let object = in_slices(&made.object, slices);
    Ok(Placed { object, scan, of_data, origin })
}

/// Refuses an object of several slices, but not of as many as are to be reconstructed.
fn check_slices(made: &Reconstruction, slices: usize) -> Result<()> {
    let found = made.object.n_slices();
    if found == slices || found == 1 {
        return Ok(());
    }
    let expected = match slices {
        1 => "an object of one slice".to_owned(),
        _ => format!("an object of {slices} slices, or of one"),
    };
    let found = format!(
        "{found}; to go on with these say --slices {found} with their gap (--slice-spacing or \
         --slice-fresnel-number), else leave --start out"
    );
    Err(refused("object", expected, found))
}

/// Whether each of fewer positions is one of `scan`, but for what refinement moves them by.
fn is_part(part: &[Position], scan: &[Position]) -> bool {
    let cell = |at: &Position| ((at.y / REFINED).floor() as i64, (at.x / REFINED).floor() as i64);
    let mut cells: HashMap<(i64, i64), Vec<&Position>> = HashMap::new();
    for at in scan {
        cells.entry(cell(at)).or_default().push(at);
    }
    let found = |at: &Position| {
        let (row, column) = cell(at);
        let mut near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)));
        near.any(|(dy, dx)| {
            let there = cells.get(&(row.saturating_add(dy), column.saturating_add(dx)));
            there.into_iter().flatten().any(|of| (of.y - at.y).hypot(of.x - at.x) <= REFINED)
        })
    };
    !part.is_empty() && part.len() < scan.len() && part.iter().all(found)
}

/// The object of a reconstruction of fewer or more patterns of the scan of `dataset` under those
/// that it has.
fn of_others(made: &Reconstruction, dataset: &Dataset, slices: usize) -> Result<Placed> {
    check_slices(made, slices)?;
    let (shape, origin) = match &dataset.object {
        Some(object) => (object.shape(), None),
        None => {
            let grid = grid_of(&dataset.scan, dataset.pattern_shape())?;
            (grid.shape, Some(grid.origin))
        }
    };
    let (y, x) = origin.unwrap_or_default();
    let (own_y, own_x) = made.origin.unwrap_or_default();
    let of_part = in_slices(&made.object, slices);
    let mut object = Object::flat_slices(slices, shape);
    // Where an axis of the part, of so many pixels from `own`, lies on that of the whole.
    let shared = |own: i64, whole: i64, part: usize, length: usize| {
        let start = own.saturating_sub(whole);
        let first = start.max(0);
        let last = start.saturating_add(part as i64).min(length as i64).max(first);
        (first as usize..last as usize, (first - start) as usize..(last - start) as usize)
    };
    let (rows, own_rows) = shared(own_y, y, of_part.shape().0, shape.0);
    let (columns, own_columns) = shared(own_x, x, of_part.shape().1, shape.1);
    object.slices_mut().slice_mut(s![.., rows, columns]).assign(&of_part.slices().slice(s![
        ..,
        own_rows,
        own_columns
    ]));
    let on_grid = |at: &Position| Position { y: at.y - y as f64, x: at.x - x as f64 };
    let scan = dataset.scan.iter().map(on_grid).collect();
    Ok(Placed { object, scan, of_data: dataset.scan.clone(), origin })
}

/// `guess` in `slices` slices: as it is where it has as many, else its projection as the middle
/// one of slices that transmit everything.
pub(crate) fn in_slices(guess: &Object, slices: usize) -> Object {
    if guess.n_slices() == slices {
        return guess.clone();
    }
    let mut object = Object::flat_slices(slices, guess.shape());
    object.slices_mut().index_axis_mut(Axis(0), slices / 2).assign(&guess.projection());
    object
}

/// The probe of an earlier reconstruction, which must have the patterns' shape.
///
/// # Errors
/// When it has another.
pub(crate) fn fitting(probe: &Modes, dataset: &Dataset) -> Result<Modes> {
    let ((modes, height, width), window) = (probe.dim(), dataset.pattern_shape());
    if modes == 0 || (height, width) != window {
        let expected = format!("modes of {} x {} px, as the patterns", window.0, window.1);
        let found = format!(
            "{modes} of {height} x {width}; read as many pixels of the detector as then \
             (--detector-window {}, --binning), or leave --start out",
            format_args!("{height},{width}")
        );
        return Err(refused("probe", expected, found));
    }
    Ok(probe.clone())
}

/// The first mode of each scan, (scan, y, x), out of `probe` and the eigenmodes with their weights
/// in every pattern; `None` where these are of another scan, or differ within one.
fn of_each(
    probe: &Modes,
    eigenmodes: &Modes,
    weights: &Array2<Complex32>,
    scans: &Scans,
) -> Option<Modes> {
    if weights.dim().0 != scans.of.len() {
        return None;
    }
    // Patterns that were left out have no weights.
    let known = |pattern: usize| weights.row(pattern).iter().any(|weight| weight.norm() > 0.0);
    let first = |scan| (0..scans.of.len()).find(|&at| scans.of[at] == scan && known(at));
    let firsts: Vec<usize> = (0..scans.count()).map(first).collect::<Option<_>>()?;
    let mut each = Modes::zeros((firsts.len(), probe.dim().1, probe.dim().2));
    for (mut to, &pattern) in each.outer_iter_mut().zip(&firsts) {
        to.assign(&probe.index_axis(Axis(0), 0));
        for (eigenmode, &weight) in eigenmodes.outer_iter().zip(weights.row(pattern)) {
            to.zip_mut_with(&eigenmode, |sum, value| *sum += weight * value);
        }
    }
    let even = |(pattern, &scan): (usize, &usize)| {
        weights
            .row(pattern)
            .iter()
            .zip(weights.row(firsts[scan]))
            .all(|(a, b)| (a - b).norm() < 1e-4)
    };
    scans.of.iter().enumerate().filter(|&(at, _)| known(at)).all(even).then_some(each)
}

/// How the probe of an earlier reconstruction varies along the scan.
#[derive(Debug, Clone, Default)]
pub struct Variation {
    /// Eigenmodes (eigenmode, y, x) and their weights (pattern, eigenmode).
    eigenmodes: Option<(Modes, Array2<Complex32>)>,
    /// The beam's power in every pattern over its usual one.
    powers: Option<Vec<f64>>,
    /// How many patterns it is of that varied, where it is of others.
    of_others: Option<usize>,
}

impl Variation {
    /// Whether nothing is known to vary.
    pub(crate) fn is_even(&self) -> bool {
        self.eigenmodes.is_none() && self.powers.is_none()
    }

    /// That of `made` in so many patterns, where it is of as many.
    pub(crate) fn of(made: &Reconstruction, patterns: usize) -> Self {
        let weighted = made.eigenmodes.as_ref().map(|(_, weights)| weights.dim().0);
        let powered = made.beam_power.as_ref().map(Vec::len);
        let of_others = weighted.or(powered).filter(|&found| found != patterns);
        match of_others {
            Some(_) => Self { of_others, ..Self::default() },
            None => Self {
                eigenmodes: made.eigenmodes.clone(),
                powers: made.beam_power.clone(),
                of_others,
            },
        }
    }

    /// The problem with `count` eigenmodes that begin as these, where there are some.
    ///
    /// # Errors
    /// When they do not fit it.
    pub(crate) fn with_eigenmodes(&self, problem: &Problem, count: usize) -> Result<Problem> {
        Ok(match &self.eigenmodes {
            Some((modes, weights)) => {
                problem.with_eigenmodes_from(count, modes.view(), weights.view())?
            }
            None => problem.with_eigenmodes(count),
        })
    }

    /// The problem with a probe of its own for each of several scans, that of an earlier
    /// reconstruction where it had them.
    ///
    /// # Errors
    /// When they do not fit it.
    pub(crate) fn with_probe_of_each_scan(
        &self,
        problem: &Problem,
        scans: &Scans,
    ) -> Result<Problem> {
        let earlier = self
            .eigenmodes
            .as_ref()
            .and_then(|(modes, weights)| of_each(problem.probe(), modes, weights, scans));
        let starts = earlier.as_ref().or(scans.probes.as_ref());
        Ok(problem.with_probe_of_each_scan(&scans.of, starts)?)
    }

    /// The problem with a beam of varying power that begins as this, where it is known.
    ///
    /// # Errors
    /// When it does not fit it.
    pub(crate) fn with_power(&self, problem: &Problem) -> Result<Problem> {
        Ok(match &self.powers {
            Some(powers) => problem.with_powers_from(powers)?,
            None => problem.with_varying_power(),
        })
    }

    /// What is left out of it where the probe is to have so many eigenmodes and the beam's power
    /// does not vary, or does: a line for each.
    pub(crate) fn left_out(&self, eigenmodes: usize, powers: bool) -> Vec<String> {
        let found = self.eigenmodes.as_ref().map_or(0, |(modes, _)| modes.dim().0);
        let mut lines = Vec::new();
        if let Some(patterns) = self.of_others {
            lines.push(format!(
                "start: how its probe varies left out, which is of {patterns} patterns"
            ));
        }
        if found > eigenmodes {
            lines.push(format!(
                "start: {} of its {found} eigenmodes left out (probe_eigenmodes = {found} goes on \
                 with all)",
                found - eigenmodes
            ));
        }
        if self.powers.is_some() && !powers {
            let line = "start: the beam's power in every pattern left out (vary_power = true goes on \
                        with it)";
            lines.push(line.to_owned());
        }
        lines
    }
}
