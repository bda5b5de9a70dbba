//! Photon counts recognised in amplitudes whose unit no file states.
//!
//! Counting detectors give whole numbers, and the square root keeps them: where the squares of all
//! amplitudes are whole multiples of one value, that value is a photon.

use ndarray::ArrayView2;

/// Patterns that are looked at, at most: some tell as much as all of them.
const LOOKED_AT: usize = 64;
/// What the smallest square may be, in photons: bright patterns have no pixel of a single one.
const SMALLEST: u32 = 16;
/// Above so many photons, the rounding of an amplitude hides whether they are whole.
const LARGEST: f64 = 1e5;
/// Different numbers of photons that there must be, at least.
const DIFFERENT: usize = 3;

/// Looks at patterns of amplitudes.
pub(crate) struct Photons {
    stride: usize,
    /// Squares of amplitudes that are not zero.
    squares: Vec<f64>,
}

impl Photons {
    /// Of `n` patterns.
    pub fn new(n: usize) -> Self {
        Self { stride: n.div_ceil(LOOKED_AT).max(1), squares: Vec::new() }
    }

    /// Looks at the amplitudes of pattern `index`.
    pub fn see(&mut self, index: usize, pattern: ArrayView2<'_, f32>) {
        if index.is_multiple_of(self.stride) {
            let squares = pattern.iter().map(|&value| f64::from(value).powi(2));
            self.squares.extend(squares.filter(|&square| square > 0.0));
            self.squares.sort_by(f64::total_cmp);
            self.squares.dedup();
        }
    }

    /// The scale s with which (s x amplitude)^2 are whole numbers; `None` when there is none, or
    /// the amplitudes themselves are whole multiples of one value as well: any unit could be meant
    /// then.
    pub fn scale(&self) -> Option<f64> {
        let smallest = *self.squares.first()?;
        let amplitudes: Vec<f64> = self.squares.iter().map(|square| square.sqrt()).collect();
        let of_amplitudes = (1..=SMALLEST).map(|each| amplitudes[0] / f64::from(each));
        if of_amplitudes.filter_map(|each| unit(&amplitudes, each)).next().is_some() {
            return None;
        }
        let candidates = (1..=SMALLEST).map(|photons| smallest / f64::from(photons));
        let photon = candidates.filter_map(|photon| unit(&self.squares, photon)).next()?;
        Some(photon.sqrt().recip())
    }

    /// The scale by which the squares of few different amplitudes would be whole numbers, where
    /// [`scale`](Self::scale) sees too few of them to tell: chance has to.
    pub fn likely_scale(&self) -> Option<f64> {
        let smallest = *self.squares.first()?;
        let is_whole = |square: &f64| {
            let ratio = square / smallest;
            (ratio - ratio.round()).abs() <= 1e-3
        };
        let few = self.squares.len() < DIFFERENT && self.squares.iter().all(is_whole);
        few.then(|| smallest.sqrt().recip())
    }
}

/// Whether the square of a number is whole, as nearly as single precision tells, and small enough
/// to tell it.
pub(crate) fn is_root(value: f32) -> bool {
    let square = f64::from(value).powi(2);
    square < 1e5 && (square - square.round()).abs() <= 4e-7 * square
}

/// The value near `unit` of which all `values` are whole multiples, as nearly as single precision
/// tells. `values` ascend.
fn unit(values: &[f64], unit: f64) -> Option<f64> {
    let told = &values[..values.partition_point(|value| *value <= LARGEST * unit)];
    let is_whole = |ratio: f64| (ratio - ratio.round()).abs() <= 1e-3 + 1e-6 * ratio;
    // Rounding of the smallest value is that of the unit: the others tell it better.
    let mut sums = (0.0, 0.0);
    for value in told {
        let ratio = value / unit;
        if !is_whole(ratio) {
            return None;
        }
        sums = (sums.0 + value * ratio.round(), sums.1 + ratio.round().powi(2));
    }
    let better = sums.0 / sums.1;
    let mut wholes: Vec<u64> = told.iter().map(|value| (value / better).round() as u64).collect();
    wholes.dedup();
    // Whole numbers that a half was added to are odd numbers of halves.
    let apart = wholes.windows(2).fold(0, |common, pair| divisor(common, pair[1] - pair[0]));
    let whole = apart == 1 && told.iter().all(|value| is_whole(value / better));
    (wholes.len() >= DIFFERENT && whole).then_some(better)
}

/// The greatest common divisor.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn scale_of(amplitude: impl Fn(usize) -> f32) -> Option<f64> {
        let pattern = Array2::from_shape_fn((16, 16), |(y, x)| amplitude(16 * y + x));
        let mut photons = Photons::new(1);
        photons.see(0, pattern.view());
        photons.scale()
    }

    #[test]
    fn roots_of_whole_numbers_are_recognised_in_any_unit() {
        for (unit, offset) in [(1.0_f32, 0), (0.0123, 0), (731.0, 1), (0.5, 7)] {
            // Counts from `offset` to some 10^4, more of the small ones.
            let found = scale_of(|i| unit * ((offset + i * i / 7) as f32).sqrt()).unwrap();
            assert!((found * f64::from(unit) - 1.0).abs() < 1e-6, "{unit}: {found}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        assert_eq!(scale_of(|_| 0.0), None);
        // Intensities between whole numbers.
        assert_eq!(scale_of(|i| (i as f32 * 1.37).sin().abs().sqrt()), None);
        // Whole amplitudes: their squares are whole as well.
        assert_eq!(scale_of(|i| 0.1 * (i % 20) as f32), None);
        assert_eq!(scale_of(|i| (2.7 * (i % 20) as f32).round()), None);
        // Two values tell nothing.
        assert_eq!(scale_of(|i| (2.0 * (i % 2) as f32).sqrt()), None);
        assert_eq!(scale_of(|_| f32::MAX), None);
        // Counts and something constant.
        assert_eq!(scale_of(|i| ((i % 50) as f32 + 0.5).sqrt()), None);
    }
}
