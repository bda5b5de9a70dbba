//! Positions that can hardly be meant, or that ptychography cannot use.

use std::collections::HashMap;

use lapwing_model::scan::{SpreadOut, spread_out};
use lapwing_model::{Modes, Position, median, probe};

use super::remark::{Remark, What};
use super::words::{far as px, leave_out, ranges};

/// Extent of a scan, pixels, up to which its unit is in doubt rather than its shape.
const TINY: f64 = 4.0;
/// Steps above this share of the probe's diameter leave little overlap.
const WIDE: f64 = 0.55;
/// A position that is so many steps from every other was not read, where at most one of so many is.
const FAR_OFF: f64 = 15.0;
const MANY: usize = 20;
/// Positions from which it is told.
const FEWEST: usize = 20;
/// Positions looked at for the distance to their neighbours.
const LOOKED_AT: usize = 256;
/// Deviation from a line or a lattice, in pixels, below which there is none.
const EXACT: f64 = 1e-3;
/// Positions of which regularity is no accident.
const RASTER: usize = 9;
/// Rounding of coordinates that is remarked on, pixels.
const ROUNDED: f64 = 0.02;

/// What to do about a scan that is spread out too far: what is probably wrong, and what to type.
pub fn advice_on(spread: &SpreadOut) -> String {
    match spread.mistaken_unit() {
        Some(words) => format!(
            "a length is probably {words}: give --scan-step-m, --detector-pixel-size-m and \
             --distance-m in metres, and the unit of positions in a file (--position-unit um, for \
             instance); a study's NPZ has them in pixels of the object"
        ),
        None => {
            "leave out positions that lie far from all others (--leave-out-frames), or look at \
                 the unit of the positions (--position-unit) and of --scan-step-m"
                .to_owned()
        }
    }
}

/// What looks wrong with positions on a detector of `pattern` pixels, `far` from the specimen or in
/// the near field.
pub(super) fn look(
    scan: &[Position],
    pattern: (usize, usize),
    probe: Option<&Modes>,
    far: bool,
) -> Vec<Remark> {
    let finite: Vec<Position> =
        scan.iter().copied().filter(|p| p.y.is_finite() && p.x.is_finite()).collect();
    if finite.len() < 2 || finite.len() != scan.len() {
        return Vec::new();
    }
    let mut remarks = Vec::new();
    let repeated = repeated(scan);
    let lost = far_off(scan);
    remarks.extend(lost_ones(scan, &lost));
    // What is said of the scan is that of the others.
    let others: Vec<Position> = (scan.iter().enumerate())
        .filter(|(index, _)| lost.binary_search(index).is_err())
        .map(|(_, at)| *at)
        .collect();
    let scan = others.as_slice();
    let degenerate = vast(scan, pattern).or_else(|| degenerate(scan, far));
    let is_degenerate = degenerate.is_some();
    remarks.extend(degenerate);
    if !repeated.is_empty() && repeated.len() + 1 < scan.len() {
        let evidence = format!(
            "{} of {} positions are where another is: {}",
            repeated.len(),
            finite.len(),
            ranges(&repeated)
        );
        let advice =
            "nothing to do if exposures were repeated; otherwise these positions were not written";
        remarks.push(Remark::new(What::RepeatedPositions, evidence, advice).on_patterns(repeated));
    }
    remarks.extend(precision(scan));
    if is_degenerate {
        return remarks;
    }
    let steps = steps(scan);
    let step = median(steps.iter().copied()).unwrap_or(0.0);
    let measured =
        probe.map(|modes| probe::diameter(modes.view())).filter(|diameter| *diameter > 0.0);
    let (diameter, whose) = match measured {
        Some(diameter) => (diameter, "the probe"),
        None => (probe::usual_diameter(pattern), "a probe of the usual share of the pattern"),
    };
    if step > WIDE * diameter {
        let overlap = if step >= diameter { "nothing overlaps" } else { "little overlaps" };
        let evidence = format!(
            "neighbouring positions are {step:.1} px apart, {whose} is {diameter:.1} px wide: {overlap}"
        );
        remarks.push(Remark::new(
            What::Sparse,
            evidence,
            "if the unit of the positions is right, the object is badly determined: take steps of a \
             third of the probe's width",
        ));
    } else if let Some((rows, columns)) = raster(scan).or_else(|| raster(&turned_back(scan))) {
        let evidence =
            format!("the positions are a perfectly regular raster of {rows} x {columns}");
        remarks.push(Remark::new(
            What::Raster,
            evidence,
            "a grid of its period may appear in the object; positions off the raster by a tenth of a \
             step prevent it",
        ));
    }
    remarks
}

/// Positions that were there before, bit by bit.
fn repeated(scan: &[Position]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scan.len()).collect();
    let key = |index: usize| (scan[index].y, scan[index].x);
    order.sort_by(|&a, &b| {
        let ((ay, ax), (by, bx)) = (key(a), key(b));
        ay.total_cmp(&by).then(ax.total_cmp(&bx)).then(a.cmp(&b))
    });
    let mut again: Vec<usize> =
        order.windows(2).filter(|pair| key(pair[0]) == key(pair[1])).map(|pair| pair[1]).collect();
    again.sort_unstable();
    again
}

/// Positions that lie so many steps from every other, a few of the scan: those of a motor that was
/// not read.
fn far_off(scan: &[Position]) -> Vec<usize> {
    let step = median(steps(scan)).unwrap_or(0.0);
    if scan.len() < FEWEST || !(step > 0.0 && step.is_finite()) {
        return Vec::new();
    }
    let side = FAR_OFF * step;
    let cell = |at: &Position| ((at.y / side).floor() as i64, (at.x / side).floor() as i64);
    let mut cells: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
    for (index, at) in scan.iter().enumerate() {
        cells.entry(cell(at)).or_default().push(index);
    }
    let is_alone = |&index: &usize| {
        let at = &scan[index];
        let (row, column) = cell(at);
        let around = (-1..=1).flat_map(|y| (-1..=1).map(move |x| (y, x)));
        around
            .filter_map(|(y, x)| cells.get(&(row.saturating_add(y), column.saturating_add(x))))
            .flatten()
            .filter(|&&other| other != index)
            .all(|&other| (scan[other].y - at.y).hypot(scan[other].x - at.x) > side)
    };
    let alone: Vec<usize> = (0..scan.len()).filter(is_alone).collect();
    if alone.len() * MANY > scan.len() { Vec::new() } else { alone }
}

/// What is said of positions at `lost`, far from all others.
fn lost_ones(scan: &[Position], lost: &[usize]) -> Option<Remark> {
    let index = *lost.first()?;
    let away = |other: &Position| (other.y - scan[index].y).hypot(other.x - scan[index].x);
    let others = scan.iter().enumerate().filter(|(other, _)| lost.binary_search(other).is_err());
    let nearest = others.map(|(_, other)| away(other)).fold(f64::INFINITY, f64::min);
    let evidence = match lost {
        [_] => format!("position {index} lies {} px from every other", px(nearest, 0)),
        _ => format!(
            "{} of {} positions lie far from all others, the first {} px: {}",
            lost.len(),
            scan.len(),
            px(nearest, 0),
            ranges(lost)
        ),
    };
    let advice =
        format!("if the motor was not read there, leave the pattern out ({})", leave_out(lost));
    Some(Remark::new(What::FarPositions, evidence, advice).on_patterns(lost.to_vec()))
}

/// So far apart that no object can be determined from them.
fn vast(scan: &[Position], pattern: (usize, usize)) -> Option<Remark> {
    let spread = spread_out(scan, pattern)?;
    let advice = format!("a reconstruction refuses them: {}", advice_on(&spread));
    Some(Remark::new(What::Degenerate, spread.to_string(), advice))
}

/// All within a pixel or two, or all on a line.
fn degenerate(scan: &[Position], far: bool) -> Option<Remark> {
    let n = scan.len() as f64;
    let extent = |of: fn(&Position) -> f64| {
        let values = || scan.iter().map(of);
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    };
    let (height, width) = (extent(|p| p.y), extent(|p| p.x));
    let tiny = || {
        let extent = height.max(width);
        let extent = if extent < 0.1 { format!("{extent:.2e}") } else { format!("{extent:.1}") };
        let evidence = format!("all {} positions lie within {extent} px of the object", scan.len());
        let advice = match far {
            true => {
                "look at the units of positions, distance and pixel size: a step is usually several \
                 pixels"
            }
            false => {
                "in the near field these are pixels of the detector until the magnification is \
                 known, which reconstruct and calibrate find from the images (or --pixel-size-m \
                 says the pixel of the object)"
            }
        };
        Some(Remark::new(What::Degenerate, evidence, advice))
    };
    if height.max(width) < 1.0 {
        return tiny();
    }
    if scan.len() < 4 {
        return None;
    }
    // The smaller eigenvalue of the positions' covariance.
    let mean = |of: fn(&Position) -> f64| scan.iter().map(of).sum::<f64>() / n;
    let (y, x) = (mean(|p| p.y), mean(|p| p.x));
    let (mut yy, mut xx, mut yx) = (0.0, 0.0, 0.0);
    for p in scan {
        let (dy, dx) = (p.y - y, p.x - x);
        yy += dy * dy / n;
        xx += dx * dx / n;
        yx += dy * dx / n;
    }
    let half = 0.5 * (yy + xx);
    let smaller = half - (half * half - (yy * xx - yx * yx)).max(0.0).sqrt();
    if smaller.max(0.0).sqrt() >= 0.5 {
        return None;
    }
    if height.hypot(width) < TINY {
        return tiny();
    }
    Some({
        let evidence = format!(
            "all {} positions lie on a line of {} px",
            scan.len(),
            px(height.hypot(width), 1)
        );
        Remark::new(
            What::Degenerate,
            evidence,
            "across the line nothing but the probe's width determines the object; if the scan had rows, look at \
             the coordinates",
        )
    })
}

/// Coordinates that were stored as 32-bit numbers far from zero.
fn precision(scan: &[Position]) -> Option<Remark> {
    let values = || scan.iter().flat_map(|p| [p.y, p.x]);
    let far = values().map(f64::abs).fold(0.0, f64::max);
    let spacing = far * f64::from(f32::EPSILON) / 2.0;
    let single = values().all(|value| f64::from(value as f32) == value);
    let whole = values().all(|value| value.fract() == 0.0);
    (spacing > ROUNDED && single && !whole).then(|| {
        let evidence = format!("coordinates up to {far:.0} px are stored as 32-bit numbers, {spacing:.2} px apart");
        Remark::new(
            What::Precision,
            evidence,
            "store them as 64-bit numbers, or with their mean taken off, or let the reconstruction refine \
             them (--positions-from-epoch)",
        )
    })
}

/// Distances of some positions to the nearest other place.
fn steps(scan: &[Position]) -> Vec<f64> {
    let stride = scan.len().div_ceil(LOOKED_AT);
    scan.iter()
        .step_by(stride)
        .map(|a| {
            let distances = scan.iter().map(|b| (a.y - b.y).hypot(a.x - b.x));
            distances.filter(|&d| d > 0.0).fold(f64::INFINITY, f64::min)
        })
        .filter(|distance| distance.is_finite())
        .collect()
}

/// The scan turned so that its first step runs along x.
fn turned_back(scan: &[Position]) -> Vec<Position> {
    let [first, second, ..] = scan else { return Vec::new() };
    let (dy, dx) = (second.y - first.y, second.x - first.x);
    let step = dy.hypot(dx).max(f64::MIN_POSITIVE);
    let (sin, cos) = (dy / step, dx / step);
    let turned = |at: &Position| {
        let (y, x) = (at.y - first.y, at.x - first.x);
        Position { y: y * cos - x * sin, x: y * sin + x * cos }
    };
    scan.iter().map(turned).collect()
}

/// Rows and columns of a lattice along the axes that every position lies on, and every place of
/// which has one.
fn raster(scan: &[Position]) -> Option<(usize, usize)> {
    let lines = |of: fn(&Position) -> f64| -> Option<usize> {
        let mut values: Vec<f64> = scan.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.dedup_by(|a, b| (*a - *b).abs() < EXACT);
        let step = (values.last()? - values.first()?) / (values.len() - 1).max(1) as f64;
        let even = values.windows(2).all(|pair| (pair[1] - pair[0] - step).abs() < EXACT);
        (even && values.len() > 2).then_some(values.len())
    };
    let (rows, columns) = (lines(|p| p.y)?, lines(|p| p.x)?);
    (scan.len() >= RASTER && rows.checked_mul(columns) == Some(scan.len()))
        .then_some((rows, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: usize, columns: usize, step: f64, jitter: f64) -> Vec<Position> {
        let off = |i: usize| jitter * ((i * 7919 % 101) as f64 / 50.0 - 1.0);
        let at = |i: usize| Position {
            y: step * (i / columns) as f64 + off(i),
            x: step * (i % columns) as f64 + off(i + 37),
        };
        (0..rows * columns).map(at).collect()
    }

    fn told(scan: &[Position]) -> Vec<What> {
        look(scan, (48, 48), None, true).into_iter().map(|remark| remark.what).collect()
    }

    #[test]
    fn an_ordinary_scan_has_no_remark() {
        assert_eq!(told(&grid(8, 9, 5.0, 1.0)), []);
        assert_eq!(told(&grid(1, 1, 5.0, 0.0)), []);
    }

    #[test]
    fn lines_points_repeats_and_wide_steps_are_told() {
        assert_eq!(told(&grid(1, 40, 4.0, 0.0)), [What::Degenerate]);
        assert_eq!(told(&vec![Position { y: 1.0, x: 2.0 }; 20]), [What::Degenerate]);
        assert_eq!(told(&grid(4, 4, 0.01, 0.0)), [What::Degenerate]);
        let twice = [grid(8, 9, 5.0, 1.0), grid(8, 9, 5.0, 1.0)].concat();
        let remarks = look(&twice, (48, 48), None, true);
        assert_eq!((remarks[0].what, remarks[0].patterns.len()), (What::RepeatedPositions, 72));
        assert_eq!(told(&grid(5, 5, 20.0, 1.0)), [What::Sparse]);
        assert_eq!(told(&grid(5, 6, 5.0, 0.0)), [What::Raster]);
        // However the scan lies on the detector.
        for degrees in [12.0_f64, 90.0, -135.5] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let turned = |jitter: f64| -> Vec<Position> {
                let turn = |at: &Position| Position {
                    y: at.y * cos - at.x * sin + 7.3,
                    x: at.y * sin + at.x * cos - 2.0,
                };
                grid(5, 6, 5.0, jitter).iter().map(turn).collect()
            };
            assert_eq!((told(&turned(0.0)), told(&turned(0.3))), (vec![What::Raster], vec![]));
        }
    }

    #[test]
    fn positions_that_were_not_read_are_named() {
        let mut scan = grid(8, 9, 5.0, 1.0);
        scan[40] = Position { y: 2000.0, x: 10.0 };
        let remarks = look(&scan, (48, 48), None, true);
        assert_eq!((remarks.len(), remarks[0].what), (1, What::FarPositions), "{remarks:?}");
        assert_eq!(remarks[0].patterns, [40]);
        assert!(remarks[0].advice.contains("--leave-out-frames 40)"), "{}", remarks[0]);
        // However far it is.
        scan[40] = Position { y: -1e9, x: 1e9 };
        scan[41] = Position { y: 1e7, x: 0.0 };
        let remarks = look(&scan, (48, 48), None, true);
        assert!(remarks[0].advice.contains("--leave-out-frames 40-41)"), "{}", remarks[0]);
        // Two areas are no lost positions.
        let two = [grid(8, 9, 5.0, 1.0), grid(8, 9, 5.0, 1.0)].concat();
        let apart: Vec<Position> = (two.iter().enumerate())
            .map(|(i, p)| Position { y: p.y + if i < 72 { 0.0 } else { 500.0 }, x: p.x + 0.01 })
            .collect();
        assert_eq!(told(&apart), []);
    }

    #[test]
    fn scans_of_the_wrong_size_are_no_lines() {
        let words = |scan: &[Position], far: bool| {
            let remarks = look(scan, (32, 32), None, far);
            assert_eq!((remarks.len(), remarks[0].what), (1, What::Degenerate), "{remarks:?}");
            remarks[0].to_string()
        };
        let small = grid(8, 10, 0.14, 0.0);
        let told = words(&small, true);
        assert!(told.contains("within 1.3 px") && told.contains("units"), "{told}");
        assert!(words(&small, false).contains("magnification"));
        assert!(words(&grid(1, 40, 4.0, 0.0), true).contains("on a line of 156.0 px"));
        let told = words(&grid(8, 10, 1e7, 0.0), true);
        assert!(told.contains("7.000e7 x 9.000e7 px") && told.contains("micrometres"), "{told}");
        assert!(words(&grid(8, 10, 4e3, 0.0), true).contains("millimetres are taken for metres"));
    }

    #[test]
    fn coordinates_that_were_rounded_are_told() {
        let far: Vec<Position> = grid(8, 9, 5.0, 1.0)
            .iter()
            .map(|p| Position {
                y: f64::from((p.y + 2e6) as f32),
                x: f64::from((p.x - 3e6) as f32),
            })
            .collect();
        assert!(told(&far).contains(&What::Precision));
        let exact: Vec<Position> =
            grid(8, 9, 5.0, 1.0).iter().map(|p| Position { y: p.y + 2e6, x: p.x }).collect();
        assert_eq!(told(&exact), []);
    }
}
