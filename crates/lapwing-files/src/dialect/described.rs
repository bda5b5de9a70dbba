//! What the user says of the experiment, applied to what a dialect found: frames, scales,
//! positions, mask and optics.

use lapwing_model::Position;

use super::by_name::{self, Meaning, Told};
use super::contradictions::Scales;
use super::definition::Dialect;
use super::found::Found;
use super::geometry::{FarFieldOptics, detector_pixel, object_pixel, pixel_ratio, stated};
use super::shared::{by_coordinate, positions};
use super::wanted::Wanted;
use super::{companion, coordinates, hints, left_out, named, near_as_far, pairs, reframe};
use crate::experiment::frames::Reframe;
use crate::experiment::raster::{middle, raster};
use crate::experiment::{Calibration, ProbeOptics, part};
use crate::options::{AxisOrder, Geometry, PositionUnit, ReadOptions};
use crate::remarks::Remark;
use crate::{Container, Error, Problem, metadata};

/// Places of a raster of which some are taken, at most.
const MOST_PLACES: usize = 1 << 24;

/// What came of it beside what is in [`Found`] itself.
#[derive(Default)]
pub(super) struct Described {
    /// The optics, where they are described and the scales are known.
    pub optics: Option<ProbeOptics>,
    /// Rows and columns of the raster that the patterns lie on, or those of them that are taken.
    pub raster: Option<(usize, usize)>,
    /// Whether the positions were made of that raster.
    pub made: bool,
    /// The point that the positions were turned about.
    pub turned_about: Option<Position>,
    /// What does not fit between the optics and the window.
    pub remarks: Vec<Remark>,
}

/// Applies the experiment. What is wrong goes to the problems of `found`.
pub(super) fn apply(
    found: &mut Found,
    dialect: &dyn Dialect,
    file: &Container,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<Described, Error> {
    let options = wanted.options;
    let experiment = &options.experiment;
    found.problems.extend(experiment.problems());
    left_out::unknown_names(found, file, options);
    if let (Some(path), false, Some(stack)) =
        (&options.companion, dialect.takes_companion(), &found.stack)
    {
        found.probe = Some(stack.in_its_unit(companion::probe(path, notes)?, notes));
    }
    // The motion of an exposure is a displacement of the file's own positions.
    let own_scan = found.scan.is_some() && experiment.scan.positions.is_none();
    let sides = found.pixel.filter(|_| found.in_metres).unwrap_or((1.0, 1.0));
    if own_scan {
        coordinates::follow(found, sides, options, notes);
    }
    let Some(stack) = &found.stack else { return Ok(Described::default()) };
    let (stored, n) = (stack.pattern_shape(), stack.n_patterns());
    place_all(found, n, options, notes);
    named::mask(found, (n, stored), wanted, notes)?;
    unused_mask_rule(found, options);
    if let Some(good) = found.stack.as_mut().and_then(|stack| stack.good.take()) {
        found.mask = Some(match found.mask.take() {
            Some(mask) => mask.and(&good)?,
            None => good,
        });
    }
    let reframe = match Reframe::of(&experiment.detector, stored, notes) {
        Ok(reframe) => reframe,
        Err((name, expected, found_there)) => {
            found.problems.push(Problem::new(name, expected, found_there));
            return Ok(Described::default());
        }
    };
    let said = Calibration::of(experiment);
    let before = found.pixel;
    // The optics are those of stored pixels; what the file says of them comes before the window.
    let own = found.metadata.as_ref();
    let optics = found.optics.or_else(|| own.and_then(FarFieldOptics::of));
    let file_wavelength = (optics.map(|optics| optics.wavelength))
        .or_else(|| own.and_then(|own| metadata::physics_parameter(own, "wavelength_m")));
    let told = Calibration {
        wavelength: found.calibration.wavelength.or(file_wavelength),
        pitch: found.calibration.pitch.or(optics.map(|optics| optics.pitch)),
        distance: found.calibration.distance.or(optics.map(|optics| optics.distance)),
        ..found.calibration
    };
    let in_metadata = || found.metadata.as_ref().and_then(stated);
    let geometry = options.geometry.or(found.geometry).or_else(in_metadata);
    let near = geometry == Some(Geometry::NearField);
    let scales = said.or(told);
    let by_optics = (scales.pixel(stored), said.says_pixel());
    let finer = reframe.map_or((1.0, 1.0), |reframe| reframe.finer(near));
    near_as_far::apply(found, by_optics, finer, own_scan, options, notes);
    if let Some(reframe) = reframe {
        found.reframe(&reframe, near, notes)?;
    }
    let window = reframe.map_or(stored, |reframe| {
        let (height, width) = reframe.shape();
        (height * reframe.binning(), width * reframe.binning())
    });
    let binning = reframe.map_or(1.0, |reframe| reframe.binning() as f64);
    if let (true, Some(wavelength), Some(distance), Some((y, x))) =
        (said.says_pixel(), scales.wavelength, scales.distance, scales.pitch)
    {
        let pitch = (y * binning, x * binning);
        found.optics = Some(FarFieldOptics { wavelength, distance, pitch });
    }
    // An image has the detector's pixels unless the beam diverges, a diffraction pattern those of
    // its range of frequencies.
    let of_detector = || match near {
        true => said.pitch.map(|(y, x)| (y * binning, x * binning)),
        false => said.says_pixel().then(|| scales.pixel(window)).flatten(),
    };
    let by_user = options.pixel_size.map(|side| (side, side)).or_else(of_detector);
    let own_pixel = || {
        let (y, x) = found.metadata.as_ref().and_then(object_pixel)?;
        Some((y / finer.0, x / finer.1))
    };
    let of_file = found.as_written.or(told);
    let far_pixel = |scales: Calibration| if near { None } else { scales.pixel(window) };
    let other_pixel = (said.says_pixel().then(|| far_pixel(scales)).flatten())
        .or(found.written_pixel.map(|(y, x)| (y / finer.0, x / finer.1)))
        .or_else(|| far_pixel(of_file))
        .or(found.pixel)
        .or_else(own_pixel);
    let contradictions = Scales {
        said,
        told: of_file,
        pixel: (options.pixel_size.map(|side| (side, side)), other_pixel),
        finer,
        steps_matter: found.needs_scan && found.scan.is_none(),
    };
    // Whether a wavelength that is said changes the pixel, or nothing does.
    let made = near || options.pixel_size.is_some() || scales.pixel(window).is_some();
    let pixel = by_user.or(found.pixel).or_else(own_pixel).or_else(|| far_pixel(scales));
    if let (Some((y, x)), Some((old_y, old_x)), true) = (pixel, found.pixel, found.in_metres) {
        let (finer_y, finer_x) = (old_y / y, old_x / x);
        coordinates::stretch(found, (finer_y, finer_x), own_scan);
    }
    if let (None, Some((y, x))) = (before, pixel) {
        notes.push(format!("pixel of the object: {y:.4e} m x {x:.4e} m"));
    }
    found.pixel = pixel;
    found.problems.extend(reframe::uneven(found, options, finer));
    found.wavelength = scales.wavelength;
    let lacking = found.needs_scan && found.scan.is_none();
    let unknown = lacking || pixel.is_none() || scales.wavelength.is_none();
    let told = if unknown { by_name::told(file) } else { Vec::new() };
    let raster = place(found, n, pixel, scales.step, &told, options, notes)?;
    if lacking && found.scan.is_none() && experiment.scan.positions.is_none() {
        found.problems.extend(hints::unused_positions(file, n));
    }
    // Of pixels of unknown size an exchange and a rotation take the ratio of the sides.
    let pitch = scales.pitch.or(found.metadata.as_ref().and_then(detector_pixel));
    let detector = if near { pitch } else { pitch.or(scales.angle).or(scales.frequency) };
    let ratio = found.metadata.as_ref().and_then(pixel_ratio);
    let known = coordinates::Known { pixel, detector, ratio, window, near, finer, own_scan };
    let exchanged = coordinates::exchange_lengths(found, &known, options, notes);
    let rotation = experiment.scan.rotation_deg;
    let middle = || found.scan.as_deref().map(middle);
    let about = rotation.and_then(|_| experiment.scan.turned_about.or_else(middle));
    if let Some(turn) = rotation.zip(about) {
        coordinates::rotate(found, turn, &known, notes);
    }
    let taken = (rotation.is_some() || exchanged)
        && pixel.is_none()
        && detector.is_some_and(|(y, x)| y != x);
    if let (true, Some((y, x))) = (taken, said.pitch) {
        coordinates::keep_pitch(found, (y * binning, x * binning));
    }
    if options.pixel_size.is_none() && !taken && found.problems.is_empty() {
        found.problems.extend(experiment.unused(&scales, near));
    }
    let (optics, mut remarks) = optics_of(found, options, scales.wavelength, &told);
    remarks.extend(contradictions.remarks(&experiment.beam));
    // Nothing is taken from a name; what nobody says is told.
    let is_known = |meaning: Meaning| match meaning {
        Meaning::Step => !lacking || scales.step.is_some(),
        Meaning::Rotation => !lacking || experiment.scan.rotation_deg.is_some(),
        Meaning::Beam => scales.wavelength.is_some(),
        Meaning::SemiAngle => experiment.probe.is_described() || found.probe.is_some(),
        Meaning::Defocus => experiment.probe.says_defocus() || found.probe.is_some(),
        _ => pixel.is_some(),
    };
    let open = told.iter().filter(|told| !is_known(told.meaning));
    notes.extend(open.map(|told| format!("the file has {}", told.text)));
    if optics.is_some() && found.probe.is_some() && experiment.probe.from.is_none() {
        notes.push(
            "probe: the one that was read takes precedence over the optics described, which --probe-start \
             optics takes"
                .to_owned(),
        );
    }
    if let (true, false, Some((y, x))) = (said.wavelength.is_some(), made, pixel) {
        notes.push(format!(
            "wavelength: as specified; the pixel of the object, {y:.4e} m x {x:.4e} m, is not made \
             of it (--pixel-size-m states another)"
        ));
    }
    let made = lacking && experiment.scan.positions.is_none();
    Ok(Described { optics, raster, made, turned_about: about, remarks })
}

/// Gives frames that are left out, and have no position, one.
fn place_all(found: &mut Found, n: usize, options: &ReadOptions, notes: &mut Vec<String>) {
    let Some(scan) = &mut found.scan else { return };
    let numbers = &options.experiment.patterns;
    if scan.len() == n || !part::are_of(scan.len(), n, numbers) {
        return;
    }
    notes.push(format!("positions: {} of {n} patterns, those that are taken", scan.len()));
    *scan = spread(scan, &part::kept(n, numbers), n);
}

/// The optics of the experiment on the grid of the object, and what does not fit between them and
/// the window.
fn optics_of(
    found: &mut Found,
    options: &ReadOptions,
    wavelength: Option<f64>,
    told: &[Told],
) -> (Option<ProbeOptics>, Vec<Remark>) {
    let described = &options.experiment.probe;
    if !described.is_described() {
        return (None, Vec::new());
    }
    let (Some(wavelength), Some(pixel)) = (wavelength, found.pixel) else {
        let expected = format!(
            "a wavelength (--energy-kev or --voltage-kv) and the pixel of the object \
             (--mrad-per-pixel, --inv-angstrom-per-pixel, --distance-m or --pixel-size-m) for the \
             optics{}",
            by_name::perhaps(told, &[Meaning::Beam])
        );
        let what = if wavelength.is_none() { "no wavelength" } else { "no pixel" };
        found.problems.push(Problem::new("probe", expected, what));
        return (None, Vec::new());
    };
    let says_defocus = described.says_defocus();
    let lens = described.lens(wavelength);
    let made = lens.map(|lens| ProbeOptics { lens, pixel, says_defocus });
    let shape = found.stack.as_ref().map(|stack| stack.pattern_shape());
    let remarks = made.zip(shape).map(|(made, shape)| made.remarks(shape)).unwrap_or_default();
    (made, remarks)
}

/// What is said of the numbers of a mask that is nowhere.
fn unused_mask_rule(found: &mut Found, options: &ReadOptions) {
    let is_there = found.mask.is_some();
    let sound = found.problems.is_empty() && found.wrong_extras.is_empty();
    if options.mask_good.is_some() && !is_there && sound {
        let expected = "a mask whose numbers it explains (--mask FILE, or one in the file)";
        found.problems.push(Problem::new("mask_good_is", expected, "none"));
    }
}

/// Positions that the user says, and else those of a raster where the file has none; of pixel and
/// step of the object, metres, `told` are those that the file may have. Returns the raster that the
/// patterns, or those of them that are taken, lie on.
fn place(
    found: &mut Found,
    n: usize,
    pixel: Option<(f64, f64)>,
    step: Option<(f64, f64)>,
    told: &[Told],
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Option<(usize, usize)>, Error> {
    let scan = &options.experiment.scan;
    let shape = scan.shape.or(found.raster);
    if let (Some(said), Some(of_file)) = (scan.shape, found.raster)
        && said != of_file
    {
        notes.push(format!(
            "scan: {} x {}, as specified, where the file has {} x {}",
            said.0, said.1, of_file.0, of_file.1
        ));
    }
    // A raster may be that of all patterns, or of those that are taken.
    let numbers = &options.experiment.patterns;
    let kept = part::kept(n, numbers);
    let fits = |&(rows, columns): &(usize, usize)| {
        let places = rows.saturating_mul(columns);
        let sparse = places < MOST_PLACES && found.are_among(places, n, &kept);
        [n, kept.len()].contains(&places)
            || sparse
            || (options.common && (n..MOST_PLACES).contains(&places))
    };
    if let Some((rows, columns)) = shape.filter(|shape| !fits(shape)) {
        let expected = match kept.len() {
            left if left < n => format!("rows and columns of {n} patterns, or of the {left} taken"),
            _ => format!(
                "rows and columns of {n} patterns (--frames takes some of these, or --common the \
                 first ones, where the others are no part of the raster)"
            ),
        };
        let told = format!("{rows} x {columns} = {}", rows.saturating_mul(columns));
        found.problems.push(Problem::new("scan_shape", expected, told));
        return Ok(None);
    }
    let of_raster = shape.filter(|_| scan.positions.is_none());
    if let Some(problem) = of_raster.and_then(|shape| found.beyond(shape, &kept)) {
        found.problems.push(problem);
        return Ok(None);
    }
    if scan.position_unit.is_some() && scan.positions.is_none() && !found.unit_taken {
        let expected = "positions, a file (--positions), whose unit it is";
        found.problems.push(Problem::new("position_unit", expected, "it was given"));
    }
    let no_pixel = "the size of an object pixel: --pixel-size-m, or --inv-angstrom-per-pixel, or a \
                    wavelength (--energy-kev or --voltage-kv) with --mrad-per-pixel, or with \
                    --detector-pixel-size-m and --distance-m";
    if let Some(path) = &scan.positions {
        refuse(found, "the positions are those of --positions", |found| {
            let first =
                found.stack.as_ref().is_none_or(|stack| stack.order == AxisOrder::PatternFirst);
            [
                ("scan_step_m", scan.step_m.is_some()),
                ("scan_snake", scan.snake),
                ("scan_shape", scan.shape.is_some() && found.raster.is_none() && first),
            ]
        });
        let mut read = match pairs::read(path, options.coordinate_order.is_some())? {
            Ok(read) => read,
            Err(problem) => {
                found.problems.push(problem);
                return Ok(None);
            }
        };
        let told = scan.position_unit.or(read.unit);
        let unit = told.and_then(PositionUnit::metres);
        let (y, x) = match (unit, pixel) {
            (None, _) => (1.0, 1.0),
            (Some(metres), Some((y, x))) => (metres / y, metres / x),
            (Some(_), None) => {
                found.problems.push(Problem::new("positions", no_pixel, "none"));
                return Ok(None);
            }
        };
        let count = read.values.len();
        if let Some(places) = found.places_among(count, n, &kept).filter(|_| count > n) {
            notes.push(format!("positions: those of {n} of {count} frames, by their numbers"));
            read.values = places.iter().map(|&at| read.values[at]).collect();
        } else if options.common && count < n {
            notes.push(format!(
                "the first {count} of {n} patterns are taken, as many as positions, as specified"
            ));
            found.cut(count)?;
        } else if options.common && count > n {
            notes.push(format!("the first {n} of {count} positions are taken, as specified"));
        } else if !part::are_of(count, n, numbers) {
            let expected = format!(
                "{n} positions, one for each pattern (or that the frames without one are named, \
                 --leave-out-frames, or --common to take the first ones of both)"
            );
            found.problems.push(Problem::new("positions", expected, count.to_string()));
        }
        notes.push(match (scan.position_unit, read.unit) {
            (None, Some(unit)) => format!("{}, in {unit}", read.told(path)),
            (Some(told), Some(unit)) if told != unit => {
                format!("{}, in {told}, as specified, where it says {unit}", read.told(path))
            }
            _ => read.told(path),
        });
        // Lengths are exchanged before pixels, which may not be square, are made of them.
        found.in_metres = unit.is_some();
        let (rows, columns) = read.values.into_iter().map(|[a, b]| (a, b)).unzip();
        let mut scan = positions(rows, columns, options, notes);
        scan.iter_mut().for_each(|at| *at = Position { y: at.y * y, x: at.x * x });
        if options.common {
            scan.truncate(n);
        }
        found.scan = Some(scan);
        place_all(found, n, options, notes);
        return Ok(shape);
    }
    if found.scan.is_some() {
        refuse(found, "the file has positions of its own", |found| {
            [
                ("scan_step_m", scan.step_m.is_some()),
                ("scan_snake", scan.snake),
                ("scan_shape", scan.shape.is_some() && found.raster.is_none()),
            ]
        });
        return Ok(shape);
    }
    if !found.needs_scan {
        return Ok(shape);
    }
    let likely = found.likely_raster.take();
    let fits = |all: usize| all == n || found.are_among(all, n, &kept);
    let likely = likely.filter(|((rows, columns), _)| rows.checked_mul(*columns).is_some_and(fits));
    let strange = found.strange_unit.as_ref().map_or("none".to_owned(), |unit| {
        format!("a scale of the file in {unit:?}, a unit that is not understood")
    });
    let mut missing = |name: &str, expected: &str, what: &str| {
        found.problems.push(Problem::new(name, expected, what));
    };
    if shape.is_none() {
        let suggested = likely.map_or(String::new(), |((rows, columns), why)| {
            format!("; {why}, so perhaps --scan-shape {rows},{columns}")
        });
        missing(
            "scan_shape",
            &format!(
                "rows and columns of the raster (--scan-shape), for the file has no \
                 positions{suggested}"
            ),
            "none",
        );
    }
    if step.is_none() {
        let expected = format!(
            "the step of the raster (--scan-step-m), or positions (--positions FILE), for the file \
             has no positions{}",
            by_name::perhaps(told, &[Meaning::Step])
        );
        missing("scan_step_m", &expected, &strange);
    }
    if pixel.is_none() {
        let expected = format!("{no_pixel}{}", by_name::perhaps(told, by_name::OF_PIXEL));
        missing("pixel_size_m", &expected, &strange);
    }
    let (Some(shape), Some(step), Some(pixel)) = (shape, step, pixel) else { return Ok(None) };
    let pixel = by_coordinate(pixel, options);
    let in_pixels = (step.0 / pixel.0, step.1 / pixel.1);
    let (mut rows, mut columns) = raster(shape, in_pixels, scan.snake);
    let all = rows.len();
    if let Some(places) = found.places_among(all, n, &kept) {
        notes.push(format!("positions: {n} of {all} places of a raster, by the frames' numbers"));
        rows = places.iter().map(|&at| rows[at]).collect();
        columns = places.iter().map(|&at| columns[at]).collect();
    } else if rows.len() > n {
        notes.push(format!("positions: the first {n} of that raster, as specified"));
        rows.truncate(n);
        columns.truncate(n);
    } else if rows.len() < n {
        // What is left out lies somewhere, until it is.
        (rows, columns) = (spread(&rows, &kept, n), spread(&columns, &kept, n));
    }
    notes.push(format!(
        "positions: a raster of {} x {} at steps of {:.3} and {:.3} pixels of the object",
        shape.0, shape.1, in_pixels.0, in_pixels.1
    ));
    let turned = scan.rotation_deg.is_some()
        || options.coordinate_order.is_some()
        || options.flip_y
        || options.flip_x;
    if options.experiment.beam.voltage_kv.is_some() && !turned {
        notes.push(
            "positions: not turned, for nothing says how the scan lies on the detector, and \
             microscopes turn it (--calibrate finds it, --scan-rotation-deg states it)"
                .to_owned(),
        );
    }
    found.in_metres = true;
    let whole = rows.len() >= shape.0.saturating_mul(shape.1);
    found.scan = Some(positions(rows, columns, options, notes));
    Ok(whole.then_some(shape))
}

/// Coordinates of the patterns that are taken, at their places among `n`; the others have the
/// first one's.
fn spread<T: Copy>(of_kept: &[T], kept: &[usize], n: usize) -> Vec<T> {
    let Some(&first) = of_kept.first() else { return Vec::new() };
    let mut all = vec![first; n];
    kept.iter().zip(of_kept).for_each(|(&index, &at)| all[index] = at);
    all
}

/// Refuses options that are given and not used, for the reason `why`.
fn refuse(found: &mut Found, why: &str, options: impl FnOnce(&Found) -> [(&'static str, bool); 3]) {
    for (name, _) in options(found).into_iter().filter(|(_, given)| *given) {
        let expected = format!("no such option, for {why}");
        found.problems.push(Problem::new(name, expected, "it was given"));
    }
}
