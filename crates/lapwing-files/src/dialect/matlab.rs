//! Scans in MATLAB files, as PtychoShelves, fold_slice and others have them: patterns `dp` (H, W,
//! n), `probe` (H, W) or (H, W, modes), positions `probe_positions_0` (n, 2) as (x, y) or
//! `positions` as (y, x), pixels of the object, or metres where they are smaller than a hundredth.

use lapwing_model::{Modes, Position};
use ndarray::Axis;

use super::definition::Dialect;
use super::found::{Found, Names};
use super::order::OrderEvidence;
use super::shared::{by_coordinate, positions};
use super::stack;
use super::stored::{Rules, Stored};
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::options::ReadOptions;
use crate::reconstruction::{is_complex, probe_of};
use crate::{Container, Error, Problem};

/// Names of the patterns.
pub(super) const PATTERNS: [&str; 5] = ["dp", "cbed", "data", "diff", "diffraction"];
/// Names of positions, and whether the column comes first.
const POSITIONS: [(&str, bool); 4] = [
    ("probe_positions_0", true),
    ("probe_positions", true),
    ("outputs/probe_positions", true),
    ("positions", false),
];
const PROBES: [&str; 3] = ["probe", "ptycho_probe", "probe0"];
/// Coordinates below this are metres: no scan is so few pixels wide.
const METRES: f64 = 1e-2;

/// The dialect.
pub(super) struct Matlab;

impl Dialect for Matlab {
    fn name(&self) -> &'static str {
        "matlab"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Mat
    }

    fn patterns(&self) -> &'static [&'static str] {
        &PATTERNS
    }

    fn takes_named(&self) -> bool {
        true
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        Ok(options.patterns.is_some() || PATTERNS.iter().any(|name| file.contains(name)))
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let options = wanted.options;
        let named = options.patterns.as_deref();
        let usual = PATTERNS.into_iter().find(|name| file.contains(name));
        let mut found = Found {
            needs_scan: true,
            converted: true,
            names: Names { scan: Some("positions"), probe: Some("probe"), ..Names::default() },
            ..Found::default()
        };
        let Some(name) = named.or(usual).filter(|name| file.contains(name)) else {
            let expected = "patterns dp (H, W, n), or their name (--patterns)";
            found.problems.push(Problem::new("dp", expected, "nothing of that name"));
            return Ok(found);
        };
        found.calibration = calibration(file);
        let lengths = file.shape(name)?.unwrap_or_default();
        let shape = match *lengths {
            [height, width, ..] => (height, width),
            _ => (0, 0),
        };
        let places = match options.experiment.scan.positions {
            Some(_) => None,
            None => places(file, shape, options, notes, &mut found)?,
        };
        found.probe = probe(file, options, &mut found.problems)?;
        let shape = match *lengths {
            [height, width] => [height, width, 1],
            [height, width, n] => [height, width, n],
            // MATLAB has the axes of a raster behind those of the detector.
            [height, width, rows, columns] => {
                found.raster = Some((rows, columns));
                [height, width, rows.saturating_mul(columns)]
            }
            _ => {
                let shape = format!("shape {lengths:?}");
                found.problems.push(Problem::new(name, "(H, W, n) as in MATLAB", shape));
                return Ok(found);
            }
        };
        let n = places.as_ref().map_or(shape[2], Vec::len);
        let evidence = OrderEvidence {
            key: "dp",
            n,
            probe: found.probe.as_ref().map(|modes| (modes.len_of(Axis(1)), modes.len_of(Axis(2)))),
            by_contract: false,
        };
        let rules = Rules::counts("dp");
        let order = match (places.is_some(), options.axis_order) {
            (false, None) => Ok(super::AxisOrder::PatternLast),
            _ => evidence.decide(&shape, options, notes),
        };
        let outcome = match order {
            Ok(order) => {
                let names = [name];
                let stored = Stored { order, ..Stored::plain(file, &names, shape) };
                stack::read_from(&stored, &rules, wanted, notes)?
            }
            Err(refusal) => Err(refusal),
        };
        if !found.take(outcome, file.path())? {
            return Ok(found);
        }
        if let (Some(stack), Some(probe)) = (&found.stack, found.probe.take()) {
            found.probe = Some(stack.in_its_unit(probe, notes));
        }
        found.scan = places.map(|places| {
            let (rows, columns) = places.iter().map(|p| (p.y, p.x)).unzip();
            positions(rows, columns, options, notes)
        });
        Ok(found)
    }
}

/// Positions in pixels of the object, where the file has any; `shape` is that of a pattern.
fn places(
    file: &Container,
    shape: (usize, usize),
    options: &ReadOptions,
    notes: &mut Vec<String>,
    found: &mut Found,
) -> Result<Option<Vec<Position>>, Error> {
    let left_out = |name: &str| options.leaves_out(name);
    let known = POSITIONS.into_iter().find(|(name, _)| file.contains(name) && !left_out(name));
    let Some((name, column_first)) = known else { return Ok(None) };
    let array = file.read(name)?;
    let stored = array.shape().to_vec();
    let values = array.to_f64().map_err(|source| file.unfit(name, source))?;
    let pairs: Vec<(f64, f64)> = match *stored.as_slice() {
        [_, 2] => values.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(),
        [2, n] => (0..n).map(|index| (values[index], values[n + index])).collect(),
        _ => {
            let found_there = format!("shape {stored:?}");
            found.problems.push(Problem::new(name, "(n, 2) or (2, n) numbers", found_there));
            return Ok(None);
        }
    };
    let place = |&(first, second): &(f64, f64)| match column_first {
        true => Position { y: second, x: first },
        false => Position { y: first, x: second },
    };
    let mut places: Vec<Position> = pairs.iter().map(place).collect();
    let order = if column_first { "(x, y)" } else { "(y, x)" };
    let largest = places.iter().map(|p| p.y.abs().max(p.x.abs())).fold(0.0, f64::max);
    if largest < METRES && largest > 0.0 {
        let told = Calibration::of(&options.experiment).or(found.calibration);
        let pixel = options.pixel_size.map(|side| (side, side));
        let Some((y, x)) = pixel.or_else(|| own_pixel(file)).or_else(|| told.pixel(shape)) else {
            let expected = "the size of an object pixel (--pixel-size-m, or --energy-kev or \
                            --voltage-kv with --distance-m and --detector-pixel-size-m), for the \
                            positions are in metres";
            // Nothing more is asked of a scan that is there.
            found.needs_scan = false;
            found.problems.push(Problem::new(name, expected, "none"));
            return Ok(None);
        };
        let (first, second) = by_coordinate((y, x), options);
        places = places.iter().map(|p| Position { y: p.y / first, x: p.x / second }).collect();
        found.pixel = Some((y, x));
        found.written_pixel = own_pixel(file);
        found.in_metres = true;
        notes.push(format!("{name}: {order}, metres by their size"));
    } else {
        notes.push(format!("{name}: {order}, pixels of the object"));
    }
    Ok(Some(places))
}

/// `p/dx_spec` of PtychoShelves: the size of an object pixel, metres.
fn own_pixel(file: &Container) -> Option<(f64, f64)> {
    let values =
        file.contains("p/dx_spec").then(|| file.read("p/dx_spec").ok()?.to_f64().ok())??;
    let pair = match *values.as_slice() {
        [both] => (both, both),
        [y, x] => (y, x),
        _ => return None,
    };
    (pair.0 > 0.0 && pair.1 > 0.0 && pair.0.is_finite() && pair.1.is_finite()).then_some(pair)
}

fn calibration(file: &Container) -> Calibration {
    let number = |name: &str| -> Option<f64> {
        let values = file.contains(name).then(|| file.read(name).ok()?.to_f64().ok())??;
        values.first().copied().filter(|&value| value > 0.0 && value.is_finite())
    };
    let wavelength =
        number("p/lambda").or_else(|| number("lambda")).or_else(|| number("wavelength"));
    Calibration { wavelength, ..Calibration::default() }
}

/// The probe, (H, W) or (H, W, modes).
fn probe(
    file: &Container,
    options: &ReadOptions,
    problems: &mut Vec<Problem>,
) -> Result<Option<Modes>, Error> {
    let left_out = |name: &str| options.leaves_out(name);
    let known = PROBES.into_iter().find(|name| file.contains(name) && !left_out(name));
    let Some(name) = known else { return Ok(None) };
    let arrays = file.list()?;
    let array = arrays.iter().find(|array| array.name == name);
    match array.filter(|array| is_complex(array)).map(|_| probe_of(file, name)) {
        Some(Ok(modes)) => Ok(Some(modes)),
        _ => {
            let found = array.map(|array| format!("shape {:?} of {}", array.shape, array.dtype));
            let expected = "(H, W) or (H, W, modes) complex numbers";
            problems.push(Problem::new(name, expected, found.unwrap_or_default()));
            Ok(None)
        }
    }
}
