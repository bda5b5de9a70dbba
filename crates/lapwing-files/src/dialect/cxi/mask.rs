//! The mask of a CXI file: bits for each pixel of the detector, 0 where it is good.

use crate::dialect::masks;
use crate::mask::{KEY, Mask, is_good};
use crate::npy::{Array, Values};
use crate::options::{AxisOrder, MaskGood, ReadOptions};
use crate::patterns::Storage;
use crate::{Container, Error, Problem};

/// Where the mask is.
pub(super) const MASK: &str = "entry_1/instrument_1/detector_1/mask";

/// The mask of patterns whose axes are of lengths `shape` in the file; it is (1, H, W) or (n, H,
/// W).
pub(super) fn read(
    container: &Container,
    (shape, order): ([usize; 3], AxisOrder),
    options: &ReadOptions,
    storage: &Storage,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Mask>, Error> {
    let file = container.hdf5()?;
    if !file.contains(MASK)? {
        return Ok(None);
    }
    if options.leave_out.iter().any(|left| left == KEY || left.trim_start_matches('/') == MASK) {
        notes.push("mask: left out, as specified".to_owned());
        return Ok(None);
    }
    let (n, height, width) = match (shape, order) {
        ([n, height, width], AxisOrder::PatternFirst) | ([height, width, n], _) => {
            (n, height, width)
        }
    };
    if order == AxisOrder::PatternFirst {
        let (of, meant) = ((n, (height, width)), options.mask_good);
        let read = masks::spooled(container.into(), &[MASK], of, meant, storage, |number| number)?;
        match read {
            Some(Ok(mask)) => {
                let (good, all) = (mask.good(), n * height * width);
                let wrong = good.iter().filter(|&&good| !good).count();
                notes.push(told_of(wrong, all, options));
                return Ok(Some(mask));
            }
            Some(Err(problem)) if options.experiment.detector.mask.is_none() => {
                problems.push(problem);
                return Ok(None);
            }
            Some(Err(problem)) => {
                notes.push(format!("mask: that of the file is passed over, {}", problem.found));
                return Ok(None);
            }
            None => {}
        }
    }
    let array = file.read(MASK)?;
    let per_pattern = array.shape() == [n, height, width] && order == AxisOrder::PatternFirst;
    let bits: Option<Vec<u32>> = match (array.values(), options.mask_good) {
        (Values::Bool(flags), None) => Some(flags.iter().map(|&flag| u32::from(flag)).collect()),
        (_, Some(good)) => told(&array, good),
        _ => array.to_i64().ok().map(|bits| bits.iter().map(|&bit| bit as u32).collect()),
    };
    let expected = format!("whole numbers of shape ({height}, {width}), 0 where a pixel is good");
    let found = format!("shape {:?} of {}", array.shape(), array.dtype());
    let fits =
        array.shape() == [height, width] || array.shape() == [1, height, width] || per_pattern;
    let (Some(bits), true) = (bits, fits) else {
        match options.experiment.detector.mask {
            Some(_) => notes.push(format!("mask: that of the file is passed over, {found}")),
            None => {
                let found = format!(
                    "{found}: give another (--mask FILE), say which number is good \
                     (--mask-good-is), or pass it over (--leave-out mask)"
                );
                problems.push(Problem::new(MASK, expected, found));
            }
        }
        return Ok(None);
    };
    let wrong = bits.iter().filter(|&&bits| !is_good(bits.into())).count();
    if wrong == bits.len() && options.experiment.detector.mask.is_none() {
        let found = "every pixel bad: say which number is good (--mask-good-is 1), or pass it over \
                     (--leave-out mask)";
        problems.push(Problem::new(MASK, expected, found));
        return Ok(None);
    }
    notes.push(told_of(wrong, bits.len(), options));
    if wrong == bits.len() {
        return Ok(None);
    }
    let shape = if per_pattern { vec![n, height, width] } else { vec![1, height, width] };
    let carried = Array::new(shape, Values::U32(bits))
        .map_err(|error| Error::hdf5(file.path(), MASK, error.to_string()))?;
    let meant = options.mask_good.map(|_| MaskGood::Zero);
    match Mask::told(carried, n, (height, width), meant) {
        Ok(mask) => Ok(Some(mask)),
        Err(problem) => {
            problems.push(problem);
            Ok(None)
        }
    }
}

/// What is noted of a mask in which so many pixels of all are bad.
fn told_of(wrong: usize, all: usize, options: &ReadOptions) -> String {
    let rule = match options.mask_good {
        None => "0 is good, so is 0x1000 alone".to_owned(),
        Some(good) => format!("{good} is good, as specified"),
    };
    format!(
        "mask: {wrong} of {all} pixels bad ({rule}); set to 0 in the patterns and carried along as \
         `mask`, whose bad pixels the solvers leave out"
    )
}

/// Bits that are 0 where a pixel is good, by what the user says is good.
fn told(array: &Array, good: MaskGood) -> Option<Vec<u32>> {
    let bad = |zero: bool| u32::from(zero != (good == MaskGood::Zero));
    match array.values() {
        Values::Bool(flags) => Some(flags.iter().map(|&flag| bad(!flag)).collect()),
        _ => Some(array.to_f64().ok()?.iter().map(|&number| bad(number == 0.0)).collect()),
    }
}
