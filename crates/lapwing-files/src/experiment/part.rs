//! Part of a scan: the patterns that are taken of those that a file holds.

use super::Numbers;
use crate::Problem;
use lapwing_model::{Position, position};

/// The rectangle of a scan that is taken, pixels of the object from the smallest position of the
/// scan along each axis, of further scans of the same object of the first one: first and last row,
/// first and last column, ends included; an end that is not given is the scan's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FieldOfView {
    /// From and to, along y.
    pub rows: (Option<f64>, Option<f64>),
    /// From and to, along x.
    pub columns: (Option<f64>, Option<f64>),
    /// Where row and column 0 are, if not at the scan's own smallest position.
    zero: Option<Position>,
}

impl std::str::FromStr for FieldOfView {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected rows and columns as 0:200,50:300, found {text:?}");
        let end = |text: &str| match text.trim() {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(wrong()),
            },
        };
        let range = |text: &str| {
            let (from, to) = text.split_once(':').ok_or_else(wrong)?;
            match (end(from)?, end(to)?) {
                (Some(from), Some(to)) if from > to => Err(wrong()),
                ends => Ok(ends),
            }
        };
        let (rows, columns) = text.split_once(',').ok_or_else(wrong)?;
        Ok(Self { rows: range(rows)?, columns: range(columns)?, zero: None })
    }
}

impl FieldOfView {
    /// The same, counted from `zero` in any scan.
    pub(crate) fn counted_from(self, zero: Position) -> Self {
        Self { zero: Some(zero), ..self }
    }

    /// Whether a position, counted from the zero, is inside.
    fn has(&self, at: Position) -> bool {
        let within = |(from, to): (Option<f64>, Option<f64>), at: f64| {
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
        };
        within(self.rows, at.y) && within(self.columns, at.x)
    }
}

/// Whether `wanted` leaves out the pattern at an index, wherever it is.
pub(crate) fn is_left_out(wanted: &Numbers, index: usize) -> bool {
    let Numbers { leave_out_frames, frames, .. } = wanted;
    leave_out_frames.binary_search(&index).is_ok()
        || frames.as_ref().is_some_and(|frames| frames.binary_search(&index).is_err())
}

/// Whether positions are those of `n` patterns, or of those that are taken of them.
pub(crate) fn are_of(positions: usize, n: usize, wanted: &Numbers) -> bool {
    positions == n || kept(n, wanted).len() == positions
}

/// Indices, ascending, of the patterns of `n` that are not left out by their numbers.
pub(crate) fn kept(n: usize, wanted: &Numbers) -> Vec<usize> {
    (0..n).filter(|&index| !is_left_out(wanted, index)).collect()
}

/// Indices, ascending, of the patterns of `n` that `wanted` takes, [`taken`] where that does not
/// depend on where they are; `None` for all.
///
/// # Errors
/// As for [`taken`].
pub(crate) fn taken_by_number(n: usize, wanted: &Numbers) -> Result<Option<Vec<usize>>, Problem> {
    chosen(n, None, wanted)
}

/// Indices, ascending, of the patterns at `scan` that `wanted` takes: of its `frames`, or of all,
/// those in its region, every so many of these, less those to leave out. `None` for all. Of several
/// scans, `of` says which each pattern belongs to.
///
/// # Errors
/// Indices beyond the scan, and when no pattern is left.
pub(crate) fn taken(
    scan: &[Position],
    of: Option<&[usize]>,
    wanted: &Numbers,
) -> Result<Option<Vec<usize>>, Problem> {
    chosen(scan.len(), Some((scan, of)), wanted)
}

/// The smallest position of a scan along each axis, of several (`of`) that of the first one.
pub(crate) fn smallest(scan: &[Position], of: Option<&[usize]>) -> Position {
    let numbered = scan.iter().zip(of.unwrap_or_default());
    let first: Vec<Position> =
        numbered.filter(|(_, number)| **number == 0).map(|(at, _)| *at).collect();
    let scan = if first.is_empty() { scan } else { &first };
    let (y, _, x, _) = position::bounding_box(scan).unwrap_or_default();
    Position { y, x }
}

/// [`taken`], of a region where the positions are known.
fn chosen(
    n: usize,
    scan: Option<(&[Position], Option<&[usize]>)>,
    wanted: &Numbers,
) -> Result<Option<Vec<usize>>, Problem> {
    let Numbers { leave_out_frames, frames, every, region, .. } = wanted;
    let region = region.as_ref().zip(scan);
    if leave_out_frames.is_empty() && frames.is_none() && every.is_none() && region.is_none() {
        return Ok(None);
    }
    let refused = |key: &str, found: String| {
        let expected = format!("some of the patterns 0 to {}", n.saturating_sub(1));
        Problem::new(key, expected, found)
    };
    let named = [("frames", frames.as_ref()), ("leave_out_frames", Some(leave_out_frames))];
    for (key, indices) in named {
        if let Some(last) = indices.and_then(|indices| indices.last()).filter(|&&last| last >= n) {
            return Err(refused(key, last.to_string()));
        }
    }
    let mut taken = frames.clone().unwrap_or_else(|| (0..n).collect());
    if let Some((region, (scan, of))) = region {
        let Position { y, x } = region.zero.unwrap_or_else(|| smallest(scan, of));
        taken.retain(|&index| region.has(Position { y: scan[index].y - y, x: scan[index].x - x }));
        if taken.is_empty() {
            let (y0, y1, x0, x1) = position::bounding_box(scan).unwrap_or_default();
            let expected = match region.zero {
                None => format!(
                    "some positions of the scan, which is {:.1} x {:.1} px of the object",
                    y1 - y0,
                    x1 - x0
                ),
                Some(_) => format!(
                    "some positions of this further scan, which has rows {:.1} to {:.1} and columns \
                     {:.1} to {:.1} px, counted as those of the first scan",
                    y0 - y,
                    y1 - y,
                    x0 - x,
                    x1 - x
                ),
            };
            return Err(Problem::new("region", expected, "none".to_owned()));
        }
    }
    let mut taken: Vec<usize> = taken.into_iter().step_by(every.unwrap_or(1)).collect();
    taken.retain(|index| leave_out_frames.binary_search(index).is_err());
    if taken.is_empty() {
        return Err(match frames {
            Some(frames) if frames.is_empty() => refused("frames", "none".to_owned()),
            _ => refused("leave_out_frames", "all of them".to_owned()),
        });
    }
    Ok(Some(taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_of_parts() {
        // Three rows of four, 10 px apart, from (5, 7).
        let scan: Vec<Position> = (0..12)
            .map(|i| Position {
                y: 5.0 + 10.0 * f64::from(i / 4),
                x: 7.0 + 10.0 * f64::from(i % 4),
            })
            .collect();
        let of = |wanted: Numbers| taken(&scan, None, &wanted).map_err(|problem| problem.key);
        assert_eq!(of(Numbers::default()), Ok(None));
        let region = |text: &str| Some(text.parse::<FieldOfView>().unwrap());
        let middle = Numbers { region: region("0:10,10:20.5"), ..Numbers::default() };
        assert_eq!(of(middle.clone()), Ok(Some(vec![1, 2, 5, 6])));
        assert_eq!(of(Numbers { every: Some(2), ..middle.clone() }), Ok(Some(vec![1, 5])));
        let some = Numbers { leave_out_frames: vec![5], frames: Some(vec![2, 5, 9]), ..middle };
        assert_eq!(of(some), Ok(Some(vec![2])));
        let last_row = Numbers { region: region("15:,:"), ..Numbers::default() };
        assert_eq!(of(last_row), Ok(Some(vec![8, 9, 10, 11])));
        let wrong = |wanted: Numbers| of(wanted).unwrap_err();
        assert_eq!(wrong(Numbers { frames: Some(vec![12]), ..Numbers::default() }), "frames");
        assert_eq!(wrong(Numbers { frames: Some(Vec::new()), ..Numbers::default() }), "frames");
        assert_eq!(wrong(Numbers { region: region("99:,:"), ..Numbers::default() }), "region");
        let all = Numbers { leave_out_frames: (0..12).collect(), ..Numbers::default() };
        assert_eq!(wrong(all), "leave_out_frames");
    }

    #[test]
    fn a_region_is_rows_and_columns() {
        let region: FieldOfView = "0:200, :-3.5".parse().unwrap();
        assert_eq!((region.rows, region.columns), ((Some(0.0), Some(200.0)), (None, Some(-3.5))));
        for wrong in ["", "1:2", "1,2", "3:1,:", "nan:,:", "a:b,c:d", "1:2:3,:"] {
            assert!(wrong.parse::<FieldOfView>().unwrap_err().contains("0:200,50:300"), "{wrong}");
        }
    }
}
