//! Which pixels of the detector become those of the patterns: centre, window and binning.

use lapwing_model::Short;
use ndarray::Axis;

use super::Detector;
use crate::mask::{Layers, Mask};
use crate::patterns::{Patterns, Storage};

/// From stored pixels to those of the patterns, zero frequency in the middle of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reframe {
    /// Stored (height, width).
    stored: (usize, usize),
    /// Stored pixel that is moved to the centre of the window.
    centre: (i64, i64),
    /// Pixels around it.
    window: (usize, usize),
    /// Pixels to sum on each axis.
    binning: usize,
}

impl Reframe {
    /// What a detector asks of patterns of `stored` pixels; `None` when they stay as they are.
    /// The error is an option, what was expected of it and what was found.
    pub(crate) fn of(
        detector: &Detector,
        stored: (usize, usize),
        notes: &mut Vec<String>,
    ) -> Result<Option<Self>, (&'static str, String, String)> {
        let window = detector.window.unwrap_or(stored);
        let binning = detector.binning.unwrap_or(1);
        let (y, x) = detector.centre.unwrap_or(((stored.0 / 2) as f64, (stored.1 / 2) as f64));
        let inside = |at: f64, length: usize| at >= -0.5 && at < length as f64 - 0.5;
        if !inside(y, stored.0) || !inside(x, stored.1) {
            let expected = format!("a pixel of the {} x {} that are stored", stored.0, stored.1);
            return Err(("detector_centre", expected, format!("{}, {}", Short(y), Short(x))));
        }
        if !window.0.is_multiple_of(binning) || !window.1.is_multiple_of(binning) {
            let expected = "a divisor of the patterns' sides (cut them with detector_window)";
            let found = format!("{binning} for {} x {}", window.0, window.1);
            return Err(("binning", expected.to_owned(), found));
        }
        if window.0 > 8 * stored.0 || window.1 > 8 * stored.1 {
            let expected = format!("at most eight times the {} x {} stored", stored.0, stored.1);
            return Err(("detector_window", expected, format!("{} x {}", window.0, window.1)));
        }
        let centre = (y.round() as i64, x.round() as i64);
        let same = Self { stored, centre, window, binning };
        let unchanged = window == stored
            && binning == 1
            && centre == ((stored.0 / 2) as i64, (stored.1 / 2) as i64);
        if unchanged {
            return Ok(None);
        }
        notes.push(format!(
            "patterns: {} x {} pixels around ({}, {}) of {} x {}, summed by {binning} x {binning}",
            window.0, window.1, centre.0, centre.1, stored.0, stored.1
        ));
        Ok(Some(same))
    }

    /// (height, width) of the patterns.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.window.0 / self.binning, self.window.1 / self.binning)
    }

    /// Pixels of the object per pixel that the stored patterns would have, along (y, x): a larger
    /// window of diffraction patterns sees finer, and in images, `near`, pixels that are summed see
    /// coarser.
    pub(crate) fn finer(&self, near: bool) -> (f64, f64) {
        if near {
            let coarser = 1.0 / self.binning as f64;
            return (coarser, coarser);
        }
        let ratio = |window: usize, stored: usize| window as f64 / stored as f64;
        (ratio(self.window.0, self.stored.0), ratio(self.window.1, self.stored.1))
    }

    /// Pixels summed on each axis.
    pub(crate) fn binning(&self) -> usize {
        self.binning
    }

    /// The stored pixel under a pixel of the window, if there is one.
    pub(crate) fn stored(&self, (row, column): (usize, usize)) -> Option<(usize, usize)> {
        let at = |index: usize, window: usize, centre: i64, length: usize| {
            let place = index as i64 - (window / 2) as i64 + centre;
            usize::try_from(place).ok().filter(|&place| place < length)
        };
        let row = at(row, self.window.0, self.centre.0, self.stored.0)?;
        Some((row, at(column, self.window.1, self.centre.1, self.stored.1)?))
    }

    /// Amplitudes (pattern, y, x): of pixels that are summed, the root of the summed squares.
    ///
    /// # Errors
    /// [`Error::Scratch`](crate::Error::Scratch) when there is no room for them.
    pub(crate) fn amplitudes(&self, patterns: &Patterns) -> Result<Patterns, crate::Error> {
        let (height, width) = self.shape();
        patterns.made(patterns.count(), (height, width), |index, to| {
            let from = patterns.pattern(index);
            to.fill(0.0);
            for row in 0..self.window.0 {
                for column in 0..self.window.1 {
                    let Some(at) = self.stored((row, column)) else { continue };
                    let target = row / self.binning * width + column / self.binning;
                    to[target] += from[at] * from[at];
                }
            }
            to.iter_mut().for_each(|value| *value = value.sqrt());
        })
    }

    /// A mask (layer, y, x), true where a pixel is good: of pixels that are summed all must be, and
    /// those beyond the detector are none.
    ///
    /// # Errors
    /// [`Error::Scratch`](crate::Error::Scratch) when there is no room for it.
    pub(crate) fn mask(&self, mask: Option<&Mask>) -> Result<Option<Mask>, crate::Error> {
        let (height, width) = self.shape();
        let good = mask.map(Mask::good);
        let layers = good.map_or(1, |good| good.len_of(Axis(0)));
        let storage = mask.map_or(Storage::Memory, Mask::storage);
        let framed = Layers::made(&storage, (layers, height, width), |layer, to| {
            to.fill(true);
            for row in 0..self.window.0 {
                for column in 0..self.window.1 {
                    let is_good = match (self.stored((row, column)), good) {
                        (None, _) => false,
                        (Some(_), None) => true,
                        (Some((y, x)), Some(good)) => good[(layer, y, x)],
                    };
                    to[row / self.binning * width + column / self.binning] &= is_good;
                }
            }
        })?;
        let all_good = !framed.flags().contains(&false);
        Ok((!all_good).then(|| Mask::of(framed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn reframe(detector: &Detector, stored: (usize, usize)) -> Reframe {
        Reframe::of(detector, stored, &mut Vec::new()).unwrap().unwrap()
    }

    #[test]
    fn a_window_around_the_centre_is_cut_filled_and_summed() {
        let patterns = Array3::from_shape_fn((1, 4, 6), |(_, y, x)| (10 * y + x) as f32).into();
        let cut =
            Detector { centre: Some((2.4, 2.0)), window: Some((2, 4)), ..Detector::default() };
        let cut = reframe(&cut, (4, 6)).amplitudes(&patterns).unwrap();
        let expected = [10.0, 11.0, 12.0, 13.0, 20.0, 21.0, 22.0, 23.0];
        assert_eq!(cut.values(), expected);

        let filled = Detector { centre: Some((0.0, 0.0)), ..Detector::default() };
        let filled = reframe(&filled, (4, 6));
        let patterns = filled.amplitudes(&patterns).unwrap();
        assert_eq!((patterns[(0, 2, 3)], patterns[(0, 3, 5)]), (0.0, 12.0));
        let mask = filled.mask(None).unwrap().unwrap();
        assert_eq!(mask.good().iter().filter(|&&good| good).count(), 2 * 3);

        let ones = Array3::from_elem((2, 4, 6), 1.0).into();
        let binned = Detector { binning: Some(2), ..Detector::default() };
        let binned = reframe(&binned, (4, 6));
        assert_eq!((binned.shape(), binned.finer(false)), ((2, 3), (1.0, 1.0)));
        assert_eq!(binned.finer(true), (0.5, 0.5));
        assert!(binned.amplitudes(&ones).unwrap().values().iter().all(|&value| value == 2.0));
        assert!(binned.mask(None).unwrap().is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_changes_nothing_is_nothing() {
        let told = |detector: Detector| Reframe::of(&detector, (4, 6), &mut Vec::new());
        assert_eq!(told(Detector::default()), Ok(None));
        assert_eq!(
            told(Detector { binning: Some(4), ..Detector::default() }).unwrap_err().0,
            "binning"
        );
        let centre = Some((9.0, 0.0));
        assert_eq!(
            told(Detector { centre, ..Detector::default() }).unwrap_err().0,
            "detector_centre"
        );
        let window = Some((4096, 4096));
        assert!(told(Detector { window, ..Detector::default() }).is_err());
    }
}
