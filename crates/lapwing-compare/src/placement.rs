//! Where a reconstruction of another size lies on the truth, to whole pixels.

use crate::fourier::{Fft2, fast_length};
use crate::registration::{cross_power, signed};
use crate::{LARGEST_SIDE, Region, compare};
use lapwing_model::{Complex32, parallel};
use ndarray::{Array2, ArrayView2, s};
use num_complex::Complex64;

/// Moduli above this multiple of the median are cut to it: what was never seen is often wild.
const CUT: f32 = 3.0;

/// Where pixel (0, 0) of `reconstruction` lies on `truth`, (row, column), for reconstructions whose
/// file does not state it.
///
/// The peak of the cross-correlation of the neighbour products f(r + 1) f*(r), along y and along x,
/// which a phase ramp cannot hide (as in the alignment itself), each field continued by zeros.
/// Places where the two share less than half of the rows or columns of the smaller are left out.
/// Exact to a pixel or two; [`compare`](crate::compare) does the rest. Arrays of one shape are
/// taken to be on one grid already: (0, 0). Without structure, the two are concentric.
pub fn place(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
) -> (i64, i64) {
    if reconstruction.dim() == truth.dim() || reconstruction.is_empty() || truth.is_empty() {
        return (0, 0);
    }
    fits_best(reconstruction, truth)
}

/// Where pixel (0, 0) of one lies on the other, of arrays of any shape but an empty one. Of large
/// ones it is found in sums over blocks of pixels first, and then in a part of both.
pub(crate) fn fits_best(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
) -> (i64, i64) {
    let longest = (0..2).map(|axis| reconstruction.shape()[axis] + truth.shape()[axis]).max();
    match longest.unwrap_or(0) {
        longest if longest > 2 * LARGEST_SIDE => {
            fits_best_in_blocks(reconstruction, truth, longest.div_ceil(LARGEST_SIDE), PART)
        }
        _ => peak(&correlation(reconstruction, truth), reconstruction.dim(), truth.dim()),
    }
}

/// Rows and columns, at most, of the part of large arrays in which the place is found to a pixel.
const PART: usize = LARGEST_SIDE / 2;

/// [`fits_best`] by the neighbour products summed over blocks of `block` x `block` pixels, and then
/// by at most `part` rows and columns in the middle of what both share.
fn fits_best_in_blocks(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
    block: usize,
    part: usize,
) -> (i64, i64) {
    let cells = |(height, width): (usize, usize)| (height.div_ceil(block), width.div_ceil(block));
    let coarse = correlation_in_blocks(reconstruction, truth, block);
    let (y, x) = peak(&coarse, cells(reconstruction.dim()), cells(truth.dim()));
    let (y, x) = (y * block as i64, x * block as i64);
    let Some((own, other)) = middle_of_both(reconstruction, truth, (y, x), part) else {
        return (y, x);
    };
    let (dy, dx) = peak(&correlation(own, other), own.dim(), other.dim());
    (y + dy, x + dx)
}

/// The middle, at most `most` rows and columns, of what both share where pixel (0, 0) of the
/// reconstruction lies at `(y, x)` of the truth; `None` where they share nothing.
fn middle_of_both<'a>(
    reconstruction: ArrayView2<'a, Complex32>,
    truth: ArrayView2<'a, Complex32>,
    (y, x): (i64, i64),
    most: usize,
) -> Option<(ArrayView2<'a, Complex32>, ArrayView2<'a, Complex32>)> {
    let shared = |start: i64, axis: usize| {
        let (own, other) = (reconstruction.shape()[axis] as i64, truth.shape()[axis] as i64);
        let (low, high) = (start.max(0), (start + own).min(other));
        let cut = (high - low - most as i64).max(0) / 2;
        (low < high).then(|| low + cut..(low + cut + most as i64).min(high))
    };
    let (rows, columns) = (shared(y, 0)?, shared(x, 1)?);
    let index = |range: &std::ops::Range<i64>, start: i64| {
        (range.start - start) as usize..(range.end - start) as usize
    };
    Some((
        reconstruction.slice_move(s![index(&rows, y), index(&columns, x)]),
        truth.slice_move(s![index(&rows, 0), index(&columns, 0)]),
    ))
}

/// The place of the largest `correlation` of arrays of the shapes `made` and `wanted`.
fn peak(correlation: &Array2<f64>, made: (usize, usize), wanted: (usize, usize)) -> (i64, i64) {
    let centred = |made: usize, wanted: usize| (wanted as i64 - made as i64).div_euclid(2);
    let (mut best, mut origin) = (0.0, (centred(made.0, wanted.0), centred(made.1, wanted.1)));
    for (place, value) in places(correlation, made, wanted) {
        if value > best * (1.0 + 1e-10) {
            (best, origin) = (value, place);
        }
    }
    origin
}

/// The places at which arrays of the shapes `made` and `wanted` share at least half of the rows and
/// columns of the smaller, with the value of `correlation` there.
fn places(
    correlation: &Array2<f64>,
    made: (usize, usize),
    wanted: (usize, usize),
) -> impl Iterator<Item = ((i64, i64), f64)> {
    let shape = correlation.dim();
    // The reconstruction's own origin at o: its field is the truth displaced by -o.
    let allowed = |place: f64, made: usize, wanted: usize| {
        let (made, wanted) = (made as f64, wanted as f64);
        let shared = (place + made).min(wanted) - place.max(0.0);
        2.0 * shared >= made.min(wanted)
    };
    correlation.indexed_iter().filter_map(move |((row, column), &value)| {
        let (y, x) = (-signed(row, shape.0), -signed(column, shape.1));
        let is_allowed = allowed(y, made.0, wanted.0) && allowed(x, made.1, wanted.1);
        is_allowed.then_some(((y as i64, x as i64), value))
    })
}

/// How much better, in power, neighbour products must agree at one place than at any other that is
/// not alike: of objects that have nothing in common the ratio is below 2, of one that lies there
/// ten and more.
const DISTINCT: f64 = 2.5;
/// Pixels around a place that belong to it.
const NEAR: u64 = 8;
/// Places at which the truth agrees with itself by more than this, in power, are alike: those of a
/// smooth object nearby, those of a crystal one lattice vector apart.
const ALIKE: f64 = 0.25;
/// Share of the truth below which it is not asked whether it agrees with itself.
const LEAST_SHARED: f64 = 0.1;

/// Whether [`place`] found `origin` by chance, where the two correlate by `correlation` and an
/// image without any detail correlates with the truth by `flat`: the reconstruction explains hardly
/// more of the truth than that one, and other places fit nearly as well. Such a comparison says
/// nothing.
pub fn fits_by_chance(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
    origin: (i64, i64),
    correlation: f64,
    flat: f64,
) -> bool {
    if reconstruction.is_empty() || truth.is_empty() {
        return true;
    }
    if unexplained(correlation) <= FAR_BETTER * unexplained(flat) {
        return false;
    }
    match is_large(reconstruction) || is_large(truth) {
        true => middle_of_both(reconstruction, truth, origin, PART)
            .is_none_or(|(own, other)| !is_distinct(own, other, (0, 0))),
        false => !is_distinct(reconstruction, truth, origin),
    }
}

/// Whether the neighbour products agree far better at `origin` than at any place that is not alike.
fn is_distinct(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
    origin: (i64, i64),
) -> bool {
    let map = correlation(reconstruction, truth);
    let own = correlation(truth, truth);
    let agreement = |map: &Array2<f64>, (y, x): (i64, i64)| {
        let index = |at: i64, length: usize| (-at).rem_euclid(length as i64) as usize;
        map[[index(y, map.nrows()), index(x, map.ncols())]]
    };
    // The share of the truth that it has in common with itself, displaced.
    let shared = |apart: i64, side: usize| 1.0 - (apart.unsigned_abs() as f64 / side as f64);
    let alike = |(dy, dx): (i64, i64)| {
        let overlap = shared(dy, truth.nrows()).max(0.0) * shared(dx, truth.ncols()).max(0.0);
        dy.unsigned_abs().max(dx.unsigned_abs()) <= NEAR
            || (overlap >= LEAST_SHARED
                && agreement(&own, (dy, dx)) > ALIKE * overlap.powi(2) * own[[0, 0]])
    };
    let others = places(&map, reconstruction.dim(), truth.dim())
        .filter(|((y, x), _)| !alike((y - origin.0, x - origin.1)));
    let second = others.map(|(_, value)| value).fold(0.0, f64::max);
    second > 0.0 && agreement(&map, origin) > DISTINCT * second
}

/// How well the neighbour products of both agree with pixel (0, 0) of the reconstruction at
/// (-row, -column) of the truth, cyclic.
pub(crate) fn correlation(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
) -> Array2<f64> {
    correlation_in_blocks(reconstruction, truth, 1)
}

/// [`correlation`] of the products summed over blocks of `block` x `block` pixels.
fn correlation_in_blocks(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
    block: usize,
) -> Array2<f64> {
    let cells =
        |field: &ArrayView2<'_, Complex32>, axis: usize| field.shape()[axis].div_ceil(block);
    let sum = |axis: usize| fast_length(cells(&reconstruction, axis) + cells(&truth, axis));
    let shape = (sum(0), sum(1));
    let fft = Fft2::new(shape);
    let along = |step: [usize; 2]| {
        let power = cross_power(
            &fft,
            products(truth, step, shape, block),
            products(reconstruction, step, shape, block),
        );
        fft.inverse(power).mapv(|value| value.norm_sqr())
    };
    let (mut correlation, other) = parallel::both(|| along([1, 0]), || along([0, 1]));
    correlation += &other;
    correlation
}

/// Correlation below which it is asked whether the two were laid on each other rightly: of objects
/// that hardly absorb, also what does not lie on each other correlates.
const DOUBTFUL: f64 = 0.95;
/// Share of what correlation leaves unexplained, 1 - r^2, that may be left elsewhere.
const FAR_BETTER: f64 = 0.5;

/// What a correlation leaves unexplained.
fn unexplained(correlation: f64) -> f64 {
    1.0 - correlation * correlation.abs()
}

/// Whether a search over all of a field would take many times the memory of a comparison.
pub(crate) fn is_large(field: ArrayView2<'_, Complex32>) -> bool {
    field.shape().iter().any(|&n| n > LARGEST_SIDE)
}

/// Where on the truth, and with what correlation, a reconstruction would agree far better than at
/// `origin`, where it was laid and correlates by `correlation`: such a comparison says nothing. Of
/// fields with a side above [`LARGEST_SIDE`] it is not asked.
pub fn lies_elsewhere(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
    (y, x): (i64, i64),
    correlation: f64,
) -> Option<((i64, i64), f64)> {
    if correlation >= DOUBTFUL || reconstruction.is_empty() || truth.is_empty() {
        return None;
    }
    // The search would take many times the memory of the comparison.
    if is_large(reconstruction) || is_large(truth) {
        return None;
    }
    let best = fits_best(reconstruction, truth);
    if (best.0 - y).abs().max((best.1 - x).abs()) <= 2 {
        return None;
    }
    let shared = |start: i64, axis: usize| {
        let end = (start + reconstruction.shape()[axis] as i64).min(truth.shape()[axis] as i64);
        start.max(0)..end
    };
    let (rows, columns) = (shared(best.0, 0), shared(best.1, 1));
    if rows.is_empty() || columns.is_empty() {
        return None;
    }
    let crop = |field: ArrayView2<'_, Complex32>, y: i64, x: i64| {
        let index = |range: &std::ops::Range<i64>, start: i64| {
            (range.start - start) as usize..(range.end - start) as usize
        };
        field.slice(s![index(&rows, y), index(&columns, x)]).to_owned()
    };
    let (own, other) = (crop(reconstruction, best.0, best.1), crop(truth, 0, 0));
    let region = Region::rectangle(0..other.nrows(), 0..other.ncols()).ok()?;
    let better = compare(own.view(), other.view(), &region).ok()?.metrics.complex_correlation;
    (unexplained(better) <= FAR_BETTER * unexplained(correlation)).then_some((best, better))
}

/// f(r + step) f*(r), summed over blocks of `block` x `block` pixels, less its mean, on a larger
/// array of zeros.
fn products(
    field: ArrayView2<'_, Complex32>,
    step: [usize; 2],
    shape: (usize, usize),
    block: usize,
) -> Array2<Complex64> {
    let limit = {
        let mut moduli: Vec<f32> =
            field.iter().map(|v| v.norm()).filter(|m| m.is_finite() && *m > 0.0).collect();
        let middle = moduli.len() / 2;
        if moduli.is_empty() {
            1.0
        } else {
            CUT * *moduli.select_nth_unstable_by(middle, f32::total_cmp).1
        }
    };
    let tame = |value: Complex32| -> Complex64 {
        let modulus = value.norm();
        let factor = match modulus {
            m if !m.is_finite() => return Complex64::default(),
            m if m > limit => limit / m,
            _ => 1.0,
        };
        Complex64::new((value.re * factor).into(), (value.im * factor).into())
    };
    let (rows, columns) =
        (field.nrows().saturating_sub(step[0]), field.ncols().saturating_sub(step[1]));
    let product =
        |y: usize, x: usize| tame(field[[y + step[0], x + step[1]]]) * tame(field[[y, x]]).conj();
    let mut result: Array2<Complex64> = Array2::zeros(shape);
    for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
        result[[y / block, x / block]] += product(y, x);
    }
    let (rows, columns) = (rows.div_ceil(block), columns.div_ceil(block));
    let mean = result.sum() / (rows * columns).max(1) as f64;
    result.slice_mut(s![..rows, ..columns]).mapv_inplace(|value: Complex64| value - mean);
    result
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn object(y: i64, x: i64) -> Complex32 {
        let mut hash = (y * 7919 + x).unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
        let rough = (hash % 1000) as f32 / 1000.0;
        let (y, x) = (y as f32, x as f32);
        Complex32::from_polar(
            0.7 + 0.2 * rough,
            0.8 * (0.21 * y + 0.02 * x * x).sin() * (0.17 * x).cos(),
        )
    }

    #[test]
    fn finds_where_a_larger_and_a_smaller_array_lie() {
        let truth = Array2::from_shape_fn((90, 110), |(y, x)| object(y as i64, x as i64));
        for (shape, origin) in
            [((120, 140), (-13, -21)), ((60, 64), (17, 9)), ((100, 70), (-20, 24))]
        {
            let made = Array2::from_shape_fn(shape, |(y, x)| {
                let (y, x) = (y as i64 + origin.0, x as i64 + origin.1);
                let inside = (0..90).contains(&y) && (0..110).contains(&x);
                let value = if inside { object(y, x) } else { Complex32::new(1.0, 0.0) };
                value * Complex32::from_polar(4.0, 0.7 + 0.03 * y as f32 - 0.05 * x as f32)
            });
            assert_eq!(place(made.view(), truth.view()), origin, "{shape:?}");
        }
        assert_eq!(place(truth.view(), truth.view()), (0, 0));
    }

    #[test]
    fn large_arrays_are_placed_by_blocks_and_then_to_the_pixel() {
        // Squares of 7 pixels.
        let squares = |y: i64, x: i64| {
            let turn = 40.0 * object(y.div_euclid(7), 13 * x.div_euclid(7)).re;
            Complex32::from_polar(1.0, turn.sin())
        };
        let truth = Array2::from_shape_fn((420, 380), |(y, x)| squares(y as i64, x as i64));
        let ramp =
            |y: usize, x: usize| Complex32::from_polar(4.0, 0.7 + 0.3 * y as f32 - 0.5 * x as f32);
        for ((height, width), origin) in [((260, 200), (57, 103)), ((300, 330), (-37, 22))] {
            let made = Array2::from_shape_fn((height, width), |(y, x)| {
                squares(y as i64 + origin.0, x as i64 + origin.1) * ramp(y, x)
            });
            for (block, part) in [(2, 96), (5, 128)] {
                let found = fits_best_in_blocks(made.view(), truth.view(), block, part);
                assert_eq!(found, origin, "{block} {part}");
            }
        }
        // What both share is cut to the same pixels.
        let (own, other) =
            middle_of_both(truth.slice(s![30.., 50..]), truth.view(), (30, 50), 64).unwrap();
        assert_eq!((own.dim(), own), ((64, 64), other));
        assert!(middle_of_both(truth.view(), truth.view(), (500, 0), 64).is_none());
    }

    #[test]
    fn a_wrong_place_is_seen_where_the_right_one_is_far_better() {
        let truth = Array2::from_shape_fn((90, 110), |(y, x)| object(y as i64, x as i64));
        let made = truth.slice(s![20..80, 30..95]).to_owned();
        let ((y, x), correlation) = lies_elsewhere(made.view(), truth.view(), (0, 0), 0.1).unwrap();
        assert!((y - 20).abs() <= 2 && (x - 30).abs() <= 2 && correlation > 0.9);
        assert_eq!(lies_elsewhere(made.view(), truth.view(), (20, 30), 0.1), None);
        assert_eq!(lies_elsewhere(made.view(), truth.view(), (0, 0), 0.97), None);
        // A chance number of an object that hardly absorbs, on arrays of one shape.
        let moved = Array2::from_shape_fn((90, 110), |(y, x)| object(y as i64 + 9, x as i64 - 7));
        let ((y, x), _) = lies_elsewhere(moved.view(), truth.view(), (0, 0), 0.8).unwrap();
        assert!((y - 9).abs() <= 2 && (x + 7).abs() <= 2);
    }

    #[test]
    fn what_lies_nowhere_on_the_truth_fits_by_chance() {
        let truth = Array2::from_shape_fn((90, 110), |(y, x)| object(y as i64, x as i64));
        let chance = |made: &Array2<Complex32>, correlation: f64| {
            let origin = place(made.view(), truth.view());
            fits_by_chance(made.view(), truth.view(), origin, correlation, 0.9)
        };
        // A part of it, also where noise makes the agreement worse than that of a flat image.
        let part = truth.slice(s![20..80, 30..95]).to_owned();
        let noise = |y: usize, x: usize| {
            let turn = |seed: i64| 60.0 * object(7 * y as i64 + seed, 3 * x as i64 - seed).norm();
            Complex32::from_polar(0.3, turn(5))
        };
        let noisy = Array2::from_shape_fn(part.dim(), |(y, x)| part[[y, x]] + noise(y, x));
        assert!(!chance(&part, 0.5) && !chance(&noisy, 0.5));
        // Noise, and the object mirrored.
        let rough = Array2::from_shape_fn((60, 65), |(y, x)| noise(y, x));
        let mirrored = truth.slice(s![20..80;-1, 30..95]).to_owned();
        assert!(chance(&rough, 0.8) && chance(&mirrored, 0.8));
        // What explains far more than a flat image does is no chance.
        assert!(!chance(&mirrored, 0.99));
        // Of a crystal many places fit, and none of them is wrong.
        let crystal = |shape| {
            Array2::from_shape_fn(shape, |(y, x): (usize, usize)| {
                let turn = std::f32::consts::TAU;
                let (y, x) = (y as f32 * turn / 10.0, x as f32 * turn / 12.0);
                Complex32::from_polar(1.0, 0.3 * (y.cos() + x.cos() + (y + x).sin()))
            })
        };
        let (whole, cut) = (crystal((100, 96)), crystal((60, 60)));
        let origin = place(cut.view(), whole.view());
        assert!(is_distinct(cut.view(), whole.view(), origin));
    }

    #[test]
    fn arrays_without_structure_or_pixels_are_concentric() {
        let flat = |shape| Array2::from_elem(shape, Complex32::new(1.0, 0.0));
        assert_eq!(place(flat((40, 50)).view(), flat((60, 50)).view()), (10, 0));
        assert_eq!(place(flat((0, 0)).view(), flat((60, 50)).view()), (0, 0));
        let wild = Array2::from_elem((20, 20), Complex32::new(f32::NAN, 3.0));
        assert_eq!(place(wild.view(), flat((30, 40)).view()), (5, 10));
        assert_eq!(place(flat((1, 1)).view(), flat((3, 3)).view()), (1, 1));
    }
}
