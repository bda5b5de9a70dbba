//! Patterns of a raster as programs of electron microscopy write them: one array (ny, nx, H, W) or
//! (H, W, ny, nx), or (n, H, W) or (H, W, n) where the scan is described. Whole numbers are counts,
//! others intensities.

use super::found::Found;
use super::stack;
use super::stored::{Rules, Stored};
use super::wanted::Wanted;
use crate::options::{AxisOrder, ReadOptions};
use crate::{Container, Error, Problem};

/// How a stack lies in an array.
pub(super) struct Lie {
    /// Lengths of three axes, those of the scan in one.
    pub shape: [usize; 3],
    pub order: AxisOrder,
    /// Rows and columns of the scan, where it has two axes.
    pub raster: Option<(usize, usize)>,
}

impl Lie {
    /// Of an array of three or four axes; `None` for others. What the user says of their order goes
    /// before what the file says (`told`); where nobody does, the shape of the scan that is
    /// described may tell that the patterns' own axes come first.
    pub(super) fn of(
        shape: &[usize],
        told: Option<AxisOrder>,
        options: &ReadOptions,
    ) -> Option<Self> {
        let scan = options.experiment.scan.shape;
        let patterns = scan.map(|(rows, columns)| rows.saturating_mul(columns));
        let order = |last: bool| {
            let by_shape = if last { AxisOrder::PatternLast } else { AxisOrder::PatternFirst };
            options.axis_order.or(told).unwrap_or(by_shape)
        };
        match *shape {
            [a, b, c, d] => {
                let (front, back) = (a.saturating_mul(b), c.saturating_mul(d));
                let order = order(scan == Some((c, d)) && patterns != Some(front));
                Some(match order {
                    AxisOrder::PatternFirst => {
                        Self { shape: [front, c, d], order, raster: Some((a, b)) }
                    }
                    AxisOrder::PatternLast => {
                        Self { shape: [a, b, back], order, raster: Some((c, d)) }
                    }
                })
            }
            [a, b, c] => {
                let order = order(patterns == Some(c) && patterns != Some(a));
                Some(Self { shape: [a, b, c], order, raster: None })
            }
            _ => None,
        }
    }
}

/// Takes an array of `file` as the patterns of `found`, and with it the raster that two of four
/// axes are. `name` is the array's in the file, `key` what messages call it, `told` the order of
/// its axes where the file says it.
///
/// # Errors
/// When the array cannot be read, and what only the user can decide.
pub(super) fn take(
    found: &mut Found,
    file: &Container,
    (name, key): (&str, &'static str),
    told: Option<AxisOrder>,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let shape = file.shape(name)?.unwrap_or_default();
    let Some(Lie { shape, order, .. }) = settled(found, &shape, key, told, wanted) else {
        return Ok(());
    };
    let names = [name];
    let stored = Stored { order, ..Stored::plain(file, &names, shape) };
    let read = stack::read_from(&stored, &Rules::counts(key), wanted, notes)?;
    found.take(read, file.path())?;
    Ok(())
}

/// [`take`] of an array that the file has with its axes in reverse.
///
/// # Errors
/// As for [`take`].
pub(super) fn take_reversed(
    found: &mut Found,
    file: &Container,
    (name, key): (&str, &'static str),
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let axes: Vec<usize> = file.shape(name)?.unwrap_or_default().into_iter().rev().collect();
    let Some(Lie { shape, order, .. }) = settled(found, &axes, key, None, wanted) else {
        return Ok(());
    };
    let names = [name];
    let stored = Stored { order, reversed: Some(&axes), ..Stored::plain(file, &names, shape) };
    let read = stack::read_from(&stored, &Rules::counts(key), wanted, notes)?;
    found.take(read, file.path())?;
    Ok(())
}

/// How an array of `shape` lies, whose raster goes to `found`; `None` where there is a problem.
fn settled(
    found: &mut Found,
    shape: &[usize],
    key: &'static str,
    told: Option<AxisOrder>,
    wanted: &Wanted<'_>,
) -> Option<Lie> {
    let lie = Lie::of(shape, told, wanted.options);
    match &lie {
        Some(lie) => found.raster = lie.raster,
        None => {
            let expected = "patterns (ny, nx, H, W), or (n, H, W) with --scan-shape";
            found.problems.push(Problem::new(key, expected, format!("shape {shape:?}")));
        }
    }
    lie
}

/// What is wrong with an order of axes that was said of frames, which lie one behind the other.
pub(super) fn wrong_order(options: &ReadOptions) -> Option<Problem> {
    (options.axis_order == Some(AxisOrder::PatternLast)).then(|| {
        let expected = "frames one behind the other; leave --axis-order out";
        Problem::new("axis_order", expected, "hwn")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_goes_before_what_the_lengths_say() {
        use AxisOrder::{PatternFirst, PatternLast};
        let lie = |shape: &[usize], told, said, scan| {
            let mut options = ReadOptions { axis_order: said, ..ReadOptions::default() };
            options.experiment.scan.shape = scan;
            let lie = Lie::of(shape, told, &options).unwrap();
            (lie.shape, lie.order, lie.raster)
        };
        let (first, last) =
            (([12, 5, 6], PatternFirst, Some((3, 4))), ([3, 4, 30], PatternLast, Some((5, 6))));
        let shape = &[3, 4, 5, 6];
        assert_eq!(lie(shape, None, None, None), first);
        assert_eq!(lie(shape, Some(PatternLast), None, None), last);
        assert_eq!(lie(shape, Some(PatternLast), Some(PatternFirst), None), first);
        assert_eq!(lie(shape, None, None, Some((5, 6))), last);
        // Read another way, a raster of as many patterns.
        assert_eq!(lie(&[3, 4, 2, 6], None, None, Some((2, 6))).1, PatternFirst);
        assert_eq!(lie(&[5, 6, 12], None, None, Some((3, 4))), ([5, 6, 12], PatternLast, None));
        assert_eq!(lie(&[12, 6, 12], None, None, Some((3, 4))).1, PatternFirst);
        assert!(Lie::of(&[3, 4], None, &ReadOptions::default()).is_none());
    }
}
