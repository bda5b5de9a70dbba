//! From where the positions of two files count.

use std::collections::HashMap;

use crate::CompareError;
use crate::align::LARGEST_SHIFT;
use crate::placement::{correlation, fits_best, is_large};
use lapwing_model::{Complex32, Position, median};
use ndarray::ArrayView2;

/// Deviation of positions from a common offset, pixels, up to which they are the same scan: what
/// refinement may move them by.
const SAME_SCAN: f64 = 2.0;
/// The same in steps of the scan, where it is a fine one.
const SAME_STEP: f64 = 0.3;
/// Positions of which that they lie on others is no accident.
const ENOUGH: usize = 5;
/// Positions with which places are tried, before all are looked at.
const TRIED: usize = 64;
/// Places where positions lie more often than this as far off as at the best are none.
const FAR_OFF: f64 = 3.0;
/// How much better, in power, the images must agree at one place than at any other to tell it.
const DISTINCT: f64 = 1.5;
/// Pixels around a place within which images are looked for, at most.
const REACH: i64 = 2;

/// An object, where its pixel (0, 0) lies, and the positions of its scan, both in the pixels that
/// its file counts.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// Axes (y, x).
    pub object: ArrayView2<'a, Complex32>,
    /// Position of the object's pixel (0, 0), (y, x).
    pub origin: (i64, i64),
    /// Window centres.
    pub positions: &'a [Position],
}

/// How far the zero of a reconstruction's positions lies from that of the truth's, whole pixels (y,
/// x): what to take off its own. `None` where they count from the same zero, as they do where
/// neither scan is part of the other, but the objects agree best there.
///
/// Positions are compared as sets: frames may have been left out, or stand in another order. Where
/// they fit in several ways, as a part of a regular raster does, the objects decide.
///
/// # Errors
/// [`CompareError::ZeroInDoubt`] where neither positions nor objects tell, and
/// [`CompareError::OtherScan`] where the objects of different scans agree better elsewhere.
pub fn zeros_apart(
    made: &Scanned<'_>,
    truth: &Scanned<'_>,
) -> Result<Option<(i64, i64)>, CompareError> {
    let in_order = frame_by_frame(made.positions, truth.positions);
    let mut places = match in_order {
        Some(apart) => vec![apart],
        None => as_sets(made.positions, truth.positions),
    };
    if places.is_empty() {
        return match lie_as_said(made, truth) {
            true => Ok(None),
            false => Err(CompareError::OtherScan),
        };
    }
    if places.iter().all(|&apart| apart == (0, 0)) {
        return Ok(None);
    }
    let (is_whole, ways) = (in_order.is_some(), places.len());
    let same_fits = places.contains(&(0, 0));
    if !same_fits {
        places.push((0, 0));
    }
    let told = by_objects(made, truth, &places);
    match told {
        Some(apart) => Ok(Some(apart).filter(|&apart| apart != (0, 0))),
        None if is_whole || (ways == 1 && !same_fits) => Ok(Some(places[0])),
        None if same_fits => Ok(None),
        None => Err(CompareError::ZeroInDoubt { ways }),
    }
}

/// Whether the objects agree best where both count from one zero, or as near as they are aligned.
fn lie_as_said(made: &Scanned<'_>, truth: &Scanned<'_>) -> bool {
    if made.object.is_empty() || truth.object.is_empty() {
        return true;
    }
    let (y, x) = fits_best(made.object, truth.object);
    let off = |at: i64, own: i64, other: i64| {
        at.saturating_sub(own.saturating_sub(other)).unsigned_abs() <= LARGEST_SHIFT as u64
    };
    off(y, made.origin.0, truth.origin.0) && off(x, made.origin.1, truth.origin.1)
}

/// The offset of positions that stand in one order, rounded.
fn frame_by_frame(own: &[Position], other: &[Position]) -> Option<(i64, i64)> {
    if own.len() != other.len() || own.is_empty() {
        return None;
    }
    let typical = |of: fn(&Position) -> f64| -> Option<i64> {
        let steps: Vec<f64> = own.iter().zip(other).map(|(a, b)| of(a) - of(b)).collect();
        let middle = median(steps.clone())?;
        // A few may have been refined by more.
        let close = steps.iter().filter(|step| (**step - middle).abs() <= SAME_SCAN).count();
        (10 * close >= 9 * steps.len() && middle.abs() < 1e15).then(|| middle.round() as i64)
    };
    Some((typical(|p| p.y)?, typical(|p| p.x)?))
}

/// All offsets at which nine of ten positions of the smaller set lie on some of the larger.
fn as_sets(own: &[Position], other: &[Position]) -> Vec<(i64, i64)> {
    let (few, many, sign) =
        if own.len() <= other.len() { (own, other, 1) } else { (other, own, -1) };
    let known = |scan: &[Position]| scan.iter().all(|p| p.y.abs() < 1e15 && p.x.abs() < 1e15);
    if few.len() < ENOUGH || !known(few) || !known(many) {
        return Vec::new();
    }
    let within = SAME_SCAN.min(SAME_STEP * step(many)).max(1e-3);
    let cells = Cells::of(many, within);
    let tried: Vec<Position> = few.iter().copied().step_by(few.len().div_ceil(TRIED)).collect();
    let anchors = [0, few.len() / 2, few.len() - 1].map(|index| few[index]);
    // Each with how many lie there, and how far off, root mean square.
    let mut places: Vec<((i64, i64), usize, f64)> = Vec::new();
    for (anchor, at) in anchors.iter().flat_map(|anchor| many.iter().map(move |at| (anchor, at))) {
        let apart = Position { y: anchor.y - at.y, x: anchor.x - at.x };
        if 10 * cells.on(&tried, apart).len() < 8 * tried.len() {
            continue;
        }
        let off = cells.on(few, apart);
        let middle = |of: fn(&Position) -> f64| median(off.iter().map(of)).unwrap_or(0.0);
        let apart = Position { y: apart.y + middle(|p| p.y), x: apart.x + middle(|p| p.x) };
        let off = cells.on(few, apart);
        let matched = off.len();
        let squares: f64 = off.iter().map(|p| p.y * p.y + p.x * p.x).sum();
        let error = (squares / matched.max(1) as f64).sqrt();
        let place = (sign * apart.y.round() as i64, sign * apart.x.round() as i64);
        let near = |at: &(i64, i64)| {
            (at.0 - place.0).abs().max((at.1 - place.1).abs()) as f64 <= within.max(1.0)
        };
        match places.iter_mut().find(|(at, ..)| near(at)) {
            Some(found) if found.1 < matched => *found = (place, matched, error),
            Some(_) => {}
            None if 10 * matched >= 9 * few.len() => places.push((place, matched, error)),
            None => {}
        }
    }
    let least = places.iter().map(|(.., error)| *error).fold(f64::INFINITY, f64::min);
    let most = places.iter().map(|(_, matched, _)| *matched).max().unwrap_or(0);
    // Of a raster without a few places, a shift by a step loses a row.
    places.retain(|(_, matched, error)| *error <= FAR_OFF * least + 0.1 && matched + 2 > most);
    places.into_iter().map(|(place, ..)| place).collect()
}

/// The place at which the objects agree far better than at any other; of large ones it is not
/// asked.
fn by_objects(
    made: &Scanned<'_>,
    truth: &Scanned<'_>,
    places: &[(i64, i64)],
) -> Option<(i64, i64)> {
    if made.object.is_empty() || truth.object.is_empty() {
        return None;
    }
    if is_large(made.object) || is_large(truth.object) {
        return None;
    }
    let map = correlation(made.object, truth.object);
    let (rows, columns) = (map.nrows() as i64, map.ncols() as i64);
    let distance = |a: &(i64, i64), b: &(i64, i64)| {
        a.0.saturating_sub(b.0).saturating_abs().max(a.1.saturating_sub(b.1).saturating_abs())
    };
    let pairs =
        places.iter().enumerate().flat_map(|(at, a)| places[..at].iter().map(move |b| (a, b)));
    let nearest = pairs.map(|(a, b)| distance(a, b)).min().unwrap_or(i64::MAX);
    // No further than half the way to the next place.
    let reach = ((nearest - 1) / 2).clamp(0, REACH);
    let around = || (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (y, x)));
    let agreement = |&(dy, dx): &(i64, i64)| -> f64 {
        let y = made.origin.0.saturating_sub(dy).saturating_sub(truth.origin.0);
        let x = made.origin.1.saturating_sub(dx).saturating_sub(truth.origin.1);
        // Beyond this the two share nothing.
        if y.saturating_abs() > rows || x.saturating_abs() > columns {
            return 0.0;
        }
        let value = |(row, column): (i64, i64)| {
            map[((row - y).rem_euclid(rows) as usize, (column - x).rem_euclid(columns) as usize)]
        };
        around().map(value).fold(0.0, f64::max)
    };
    let mut found: Vec<((i64, i64), f64)> =
        places.iter().map(|place| (*place, agreement(place))).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    match found[..] {
        [(best, first), (_, second), ..] if first > DISTINCT * second => Some(best),
        _ => None,
    }
}

/// Positions by the cells that they lie in.
struct Cells {
    cells: HashMap<(i64, i64), Vec<Position>>,
    within: f64,
}

impl Cells {
    fn of(scan: &[Position], within: f64) -> Self {
        let mut cells: HashMap<(i64, i64), Vec<Position>> = HashMap::new();
        for &at in scan {
            cells.entry(Self::cell(at, within)).or_default().push(at);
        }
        Self { cells, within }
    }

    fn cell(at: Position, side: f64) -> (i64, i64) {
        ((at.y / side).floor() as i64, (at.x / side).floor() as i64)
    }

    /// How far those of `scan`, less `apart`, that lie on a position lie from it.
    fn on(&self, scan: &[Position], apart: Position) -> Vec<Position> {
        let near = |p: &Position| {
            let at = Position { y: p.y - apart.y, x: p.x - apart.x };
            let (row, column) = Self::cell(at, self.within);
            (-1..=1)
                .flat_map(|y| (-1..=1).map(move |x| (row + y, column + x)))
                .filter_map(|cell| self.cells.get(&cell))
                .flatten()
                .map(|q| Position { y: at.y - q.y, x: at.x - q.x })
                .filter(|off| off.y.abs().max(off.x.abs()) <= self.within)
                .min_by(|a, b| a.y.hypot(a.x).total_cmp(&b.y.hypot(b.x)))
        };
        scan.iter().filter_map(near).collect()
    }
}

/// Usual distance to the nearest other place, of some positions.
fn step(scan: &[Position]) -> f64 {
    let nearest = |a: &Position| {
        let apart = scan.iter().map(|b| (a.y - b.y).hypot(a.x - b.x));
        apart.filter(|&apart| apart > 1e-6).fold(f64::INFINITY, f64::min)
    };
    median(scan.iter().step_by(scan.len().div_ceil(TRIED)).map(nearest)).unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::tests::object;
    use ndarray::Array2;

    /// Rows of `columns`, 6.3 px apart and somewhat off the raster where `rough`.
    fn scan(rows: usize, columns: usize, rough: f64) -> Vec<Position> {
        let off = |i: usize| rough * ((i * 7919 % 101) as f64 / 50.0 - 1.0);
        let at = |i: usize| Position {
            y: 30.0 + 6.3 * (i / columns) as f64 + off(i),
            x: 28.0 + 6.3 * (i % columns) as f64 + off(i + 37),
        };
        (0..rows * columns).map(at).collect()
    }

    /// What a reconstruction of the positions `own`, less (131, -20), says about its zero.
    fn told(
        own: &[Position],
        other: &[Position],
        image: fn(i64, i64) -> Complex32,
    ) -> Result<Option<(i64, i64)>, CompareError> {
        let truth = Array2::from_shape_fn((120, 130), |(y, x)| image(y as i64, x as i64));
        let made = Array2::from_shape_fn((118, 126), |(y, x)| image(y as i64 + 4, x as i64 + 3));
        let own: Vec<Position> =
            own.iter().map(|p| Position { y: p.y - 131.0, x: p.x + 20.0 }).collect();
        zeros_apart(
            &Scanned { object: made.view(), origin: (4 - 131, 3 + 20), positions: &own },
            &Scanned { object: truth.view(), origin: (0, 0), positions: other },
        )
    }

    fn flat(_: i64, _: i64) -> Complex32 {
        Complex32::new(1.0, 0.0)
    }

    #[test]
    fn positions_of_one_scan_tell_how_far_their_zeros_are_apart() {
        let all = scan(9, 10, 1.5);
        let found = Ok(Some((-131, 20)));
        assert_eq!(told(&all, &all, flat), found);
        let refined: Vec<Position> = all
            .iter()
            .enumerate()
            .map(|(i, p)| Position { y: p.y + if i == 3 { 9.0 } else { 0.3 }, x: p.x - 0.2 })
            .collect();
        assert_eq!(told(&refined, &all, flat), found);
        // Without some, in another order, and of more than the truth has.
        let some: Vec<Position> = all.iter().copied().filter(|p| p.x > 40.0).collect();
        assert_eq!(told(&some, &all, flat), found);
        assert_eq!(told(&all, &some, flat), found);
        let reversed: Vec<Position> = all.iter().rev().copied().collect();
        assert_eq!(told(&reversed, &all, flat), found);
        // Of another scan nothing can be said.
        let other: Vec<Position> = all.iter().map(|p| Position { y: p.x * 0.77, x: p.y }).collect();
        assert_eq!(told(&all, &other, object), Err(CompareError::OtherScan));
        let image = Array2::from_shape_fn((120, 130), |(y, x)| object(y as i64, x as i64));
        let of = |positions| Scanned { object: image.view(), origin: (0, 0), positions };
        assert_eq!(zeros_apart(&of(&all), &of(&other)), Ok(None));
    }

    #[test]
    fn where_a_raster_fits_in_several_ways_the_objects_decide() {
        let all = scan(9, 10, 0.0);
        assert_eq!(told(&all[1..], &all, object), Ok(Some((-131, 20))));
        assert_eq!(told(&all[..40], &all, object), Ok(Some((-131, 20))));
        let doubt = told(&all[..40], &all, flat).unwrap_err();
        assert!(doubt.to_string().contains("6 ways"), "{doubt}");
    }

    #[test]
    fn halves_of_a_raster_that_count_from_one_zero_stay_where_they_are() {
        let all = scan(10, 10, 0.0);
        let every = |first: usize| -> Vec<Position> {
            all.chunks(10).skip(first).step_by(2).flatten().copied().collect()
        };
        let image = Array2::from_shape_fn((120, 130), |(y, x)| object(y as i64, x as i64));
        let of = |positions| Scanned { object: image.view(), origin: (0, 0), positions };
        assert_eq!(zeros_apart(&of(&every(0)), &of(&every(1))), Ok(None));
    }
}
