//! Several scans of one object.

use lapwing_model::Modes;
use ndarray::Ix3;

use crate::Problem;
use crate::npy::{Array, Values};

/// Name of the array that says which scan each pattern belongs to.
pub(crate) const SCAN_NUMBER: &str = "scan_number";

/// Name of the array of the scans' own start probes.
pub(crate) const SCAN_PROBES: &str = "scan_probes";

/// Which of several scans of one object the patterns of a data set belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scans {
    /// The scan of each pattern, counted from 0.
    pub of: Vec<usize>,
    /// The first mode of every scan's own start probe, axes (scan, y, x), where all have one.
    pub probes: Option<Modes>,
}

impl Scans {
    /// Number of scans, those counted of which a selection has no pattern left.
    pub fn count(&self) -> usize {
        let known = self.probes.as_ref().map_or(0, |probes| probes.dim().0);
        self.of.iter().max().map_or(0, |last| last + 1).max(known)
    }

    /// Indices of the patterns of scan `number`, ascending.
    pub fn members(&self, number: usize) -> Vec<usize> {
        (0..self.of.len()).filter(|&index| self.of[index] == number).collect()
    }

    /// Those of the patterns at `indices`.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        let of = indices.iter().map(|&index| self.of[index]).collect();
        Self { of, probes: self.probes.clone() }
    }

    /// Out of the arrays `scan_number` and `scan_probes`, where there are such; `n` and the shape
    /// of a pattern are those of the data set.
    ///
    /// # Errors
    /// Numbers that are not one for each of `n` patterns, or probes of other scans or of another
    /// shape than `pattern`.
    pub fn from_arrays(
        numbers: Option<Array>,
        probes: Option<Array>,
        (n, pattern): (usize, (usize, usize)),
    ) -> Result<Option<Self>, Problem> {
        let Some(numbers) = numbers else { return Ok(None) };
        let of: Option<Vec<usize>> = numbers.to_i64().ok().and_then(|numbers| {
            numbers.into_iter().map(|number| usize::try_from(number).ok()).collect()
        });
        let expected =
            format!("{n} whole numbers from 0, the scan of each pattern, fewer than {n}");
        let of = of.filter(|of| of.len() == n && of.iter().all(|&scan| scan < n.max(1)));
        let Some(of) = of else {
            let found = format!("an array of shape {:?}", numbers.shape());
            return Err(Problem::new(SCAN_NUMBER, expected, found));
        };
        let probes = match probes {
            None => None,
            Some(array) => {
                let scans = of.iter().max().map_or(0, |last| last + 1);
                let expected = format!("({scans} or more, {}, {}) complex", pattern.0, pattern.1);
                let found = format!("an array of shape {:?}", array.shape());
                let modes = array.into_complex32_array::<Ix3>().ok();
                let fits = |modes: &Modes| {
                    modes.dim().0 >= scans
                        && modes.dim().1 == pattern.0
                        && modes.dim().2 == pattern.1
                };
                match modes.filter(fits) {
                    Some(modes) => Some(modes),
                    None => return Err(Problem::new(SCAN_PROBES, expected, found)),
                }
            }
        };
        Ok(Some(Self { of, probes }))
    }

    /// As arrays under the names by which files have them.
    pub fn to_arrays(&self) -> Vec<(String, Array)> {
        let numbers = Values::I64(self.of.iter().map(|&scan| scan as i64).collect());
        let numbers = Array::new(vec![self.of.len()], numbers).expect("one number for each");
        let probes =
            self.probes.as_ref().map(|probes| (SCAN_PROBES.to_owned(), Array::from(probes)));
        [(SCAN_NUMBER.to_owned(), numbers)].into_iter().chain(probes).collect()
    }
}
