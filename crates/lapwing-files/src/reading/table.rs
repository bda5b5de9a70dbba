//! Every option of reading.

use std::path::PathBuf;

use super::{Kind, PROBE_FROM, Range, ReadOption, Words};
use lapwing_model::forward::{MOST_BLUR, MOST_SLICES};

use crate::options::{
    CoordinateOrder, Geometry, MaskGood, Moves, PositionUnit, ProbeFrom, Quantity, ReadOptions,
    ZeroFrequency,
};

/// Every option, in the order of the help and of the sections of an experiment file.
#[rustfmt::skip] // one row for each
pub static OPTIONS: &[ReadOption] = &[
    file(
        "experiment", "",
        "Experiment file (TOML; `lapwing experiment init` writes one); flags take the place of \
         what it says",
        |_, _| {},
    ),
    choice(
        "dialect", "file", "NAME",
        "Dialect",
        Words::Dialects, |o, word| word.parse().map(|value| o.dialect = Some(value)),
    ),
    choice(
        "axis_order", "file", "ORDER",
        "Order of the axes, patterns first or last (of four: ny, nx, H, W or H, W, ny, nx)",
        Words::Fixed(&["nhw", "hwn"]),
        |o, word| word.parse().map(|value| o.axis_order = Some(value)),
    ),
    file(
        "companion", "file",
        "Second file: the product (probe, positions) of a ptychodus or pty-chi pair, or the \
         start probe of any other scan",
        |o, path| o.companion = Some(path),
    ).like("\"probe.npz\""),
    row(
        "join", "file", "FILE",
        "File of a further scan of the same object, whose positions count from the same zero; may \
               be repeated",
        Kind::Files { set: |o, paths| o.join = paths },
    ).like("[\"second.npz\"]"),
    row(
        "leave_out", "file", "NAME",
        "Pass over this array; may be repeated",
        Kind::Names { set: |o, names| o.leave_out = names },
    ).like("[\"objectGuess\"]"),
    text(
        "patterns", "file", "NAME",
        "Name of the array of the patterns, (n, H, W) or (ny, nx, H, W), where it is none that is known",
        |o, text| {
            o.patterns = Some(text.to_owned());
            Ok(())
        },
    ).like("\"entry/data/data\""),
    text(
        "raw", "file", "FORM",
        "Raw binary frames: empad, empad-g2 (calibrated), or dtype=uint16,frame=256x256,offset=0,gap=0 (bytes before \
         the first frame and between frames)",
        |o, text| text.parse().map(|form| o.raw = Some(form)),
    ).like("\"empad\""),
    number(
        "energy_kev", "beam", "KEV",
        "Photon energy, keV",
        Range::Positive, |o, v| o.experiment.beam.energy_kev = Some(v),
    ).like("8.0"),
    number(
        "voltage_kv", "beam", "KV",
        "Voltage that accelerates the electrons, kV",
        Range::Positive, |o, v| o.experiment.beam.voltage_kv = Some(v),
    ).like("300"),
    choice(
        PROBE_FROM, "probe", "WHICH",
        "Which probe a reconstruction starts from, where --probe-start (probe_start of a solver) does not say it",
        Words::Fixed(ProbeFrom::NAMES),
        |o, word| word.parse().map(|from| o.experiment.probe.from = Some(from)),
    ).like("\"patterns\""),
    number(
        "semi_angle_mrad", "probe", "MRAD",
        "Convergence semi-angle",
        Range::Positive, |o, v| o.experiment.probe.semi_angle_mrad = Some(v),
    ).like("20"),
    number(
        "numerical_aperture", "probe", "NA",
        "Numerical aperture of the focusing optic",
        Range::Positive, |o, v| o.experiment.probe.numerical_aperture = Some(v),
    ).like("0.002"),
    number(
        "outermost_zone_m", "probe", "METRES",
        "Width of a zone plate's outermost zone",
        Range::Positive, |o, v| o.experiment.probe.outermost_zone_m = Some(v),
    ).like("50e-9"),
    number(
        "zone_plate_diameter_m", "probe", "METRES",
        "Diameter of the zone plate",
        Range::Positive, |o, v| o.experiment.probe.zone_plate_diameter_m = Some(v),
    ).like("200e-6"),
    number(
        "central_stop_m", "probe", "METRES",
        "Diameter of the central stop on the zone plate",
        Range::Positive, |o, v| o.experiment.probe.central_stop_m = Some(v),
    ).like("60e-6"),
    number(
        "zone_plate_distance_m", "probe", "METRES",
        "Distance from the zone plate to the specimen, in place of the defocus",
        Range::Positive, |o, v| o.experiment.probe.zone_plate_distance_m = Some(v),
    ).like("65e-3"),
    number(
        "pinhole_diameter_m", "probe", "METRES",
        "Diameter of a pinhole; its distance to the specimen is the defocus",
        Range::Positive, |o, v| o.experiment.probe.pinhole_diameter_m = Some(v),
    ).like("2e-6"),
    number(
        "defocus_m", "probe", "METRES",
        "Defocus C10; positive where the crossover lies before the specimen (overfocus)",
        Range::Any, |o, v| o.experiment.probe.defocus_m = Some(v),
    ).like("-20e-9"),
    number(
        "c12_m", "probe", "METRES",
        "Twofold astigmatism C12",
        Range::Any, |o, v| o.experiment.probe.c12_m = Some(v),
    ),
    number(
        "phi12_deg", "probe", "DEGREES",
        "Direction of C12, from columns towards rows",
        Range::Any, |o, v| o.experiment.probe.phi12_deg = Some(v),
    ),
    number(
        "c21_m", "probe", "METRES",
        "Axial coma C21",
        Range::Any, |o, v| o.experiment.probe.c21_m = Some(v),
    ),
    number(
        "phi21_deg", "probe", "DEGREES",
        "Direction of C21",
        Range::Any, |o, v| o.experiment.probe.phi21_deg = Some(v),
    ),
    number(
        "c23_m", "probe", "METRES",
        "Threefold astigmatism C23",
        Range::Any, |o, v| o.experiment.probe.c23_m = Some(v),
    ),
    number(
        "phi23_deg", "probe", "DEGREES",
        "Direction of C23",
        Range::Any, |o, v| o.experiment.probe.phi23_deg = Some(v),
    ),
    number(
        "c30_m", "probe", "METRES",
        "Spherical aberration C30",
        Range::Any, |o, v| o.experiment.probe.c30_m = Some(v),
    ),
    pair(
        "detector_pixel_size_m", "detector", "METRES",
        "Pitch of the detector's pixels, one number or y,x",
        Range::Positive, |o, v| o.experiment.detector.pixel_size_m = Some(v),
    ).like("75e-6"),
    number(
        "distance_m", "detector", "METRES",
        "Distance from the specimen to the detector",
        Range::Positive, |o, v| o.experiment.detector.distance_m = Some(v),
    ).like("2.0"),
    pair(
        "mrad_per_pixel", "detector", "MRAD",
        "Angle that a pixel of the detector spans, in place of pitch and distance",
        Range::Positive, |o, v| o.experiment.detector.mrad_per_pixel = Some(v),
    ).like("0.5"),
    pair(
        "inv_angstrom_per_pixel", "detector", "1/A",
        "Spatial frequency that a pixel of the detector spans, in place of pitch and distance",
        Range::Positive, |o, v| o.experiment.detector.inv_angstrom_per_pixel = Some(v),
    ).like("0.025"),
    pair(
        "detector_centre", "detector", "Y,X",
        "Pixel of the stored patterns that the direct beam meets; it is moved to the centre",
        Range::Any, |o, v| o.experiment.detector.centre = Some(v),
    ).like("[64, 64]"),
    pair(
        "detector_window", "detector", "H,W",
        "Pixels of the detector to use around that centre: fewer are cut out, more are filled up \
         and masked",
        Range::Count, |o, (y, x)| o.experiment.detector.window = Some((y as usize, x as usize)),
    ).like("[128, 128]"),
    number(
        "binning", "detector", "N",
        "Sum N x N pixels of the detector, after the window was cut",
        Range::Count, |o, v| o.experiment.detector.binning = Some(v as usize),
    ).like("2"),
    file(
        "mask", "detector",
        "Mask of the stored patterns, a file of any kind that is read, or `FILE::NAME`: true where a \
         pixel is good, or bits as CXI has them",
        |o, path| o.experiment.detector.mask = Some(path),
    ).like("\"mask.npy\""),
    choice(
        "mask_good_is", "detector", "NUMBER",
        "Which number of the mask is a good pixel; the mask may then leave as few as it likes",
        Words::Fixed(MaskGood::NAMES),
        |o, word| word.parse().map(|value| o.mask_good = Some(value)),
    ),
    flag(
        "mask_hot", "detector",
        "Take pixels as bad that hold NaN, infinity or the largest number of their type",
        |o, given| o.mask_hot = given,
    ),
    flag(
        "mask_negative", "detector",
        "Take pixels with negative numbers as bad",
        |o, given| o.mask_negative = given,
    ),
    choice(
        "zero_frequency", "detector", "WHERE",
        "Where the zero frequency is",
        Words::Fixed(ZeroFrequency::NAMES),
        |o, word| word.parse().map(|value| o.zero_frequency = Some(value)),
    ),
    choice(
        "geometry", "detector", "WHICH",
        "How the detector sees the sample",
        Words::Fixed(Geometry::NAMES),
        |o, word| word.parse().map(|value| o.geometry = Some(value)),
    ),
    number(
        "fresnel_number", "detector", "F",
        "Near-field patterns with this Fresnel number of an object pixel, pixel^2 / (wavelength x \
         distance)",
        Range::Positive,
        |o, v| {
            o.physics.fresnel_number = Some(v);
            o.geometry.get_or_insert(Geometry::NearField);
        },
    ).like("0.02"),
    number(
        "detector_blur", "detector", "PIXELS",
        "Standard deviation of the detector's point spread, 0 for none",
        Range::UpTo(MOST_BLUR), |o, v| o.physics.detector_blur = Some(v),
    ).like("0.5"),
    choice(
        "quantity", "patterns", "WHAT",
        "What the patterns hold",
        Words::Fixed(Quantity::NAMES),
        |o, word| word.parse().map(|value| o.quantity = Some(value)),
    ),
    number(
        "counts_per_quantum", "patterns", "NUMBER",
        "What the detector writes for one photon or electron; the patterns are divided by it",
        Range::Positive, |o, v| o.experiment.patterns.counts_per_quantum = Some(v),
    ).like("4.0"),
    number(
        "dark_level", "patterns", "NUMBER",
        "What the detector writes without light; it is subtracted first, and what is below 0 \
         then becomes 0",
        Range::Any, |o, v| o.experiment.patterns.dark_level = Some(v),
    ).like("0.0"),
    row(
        "leave_out_frames", "patterns", "FRAMES",
        "Patterns to leave out, counted from 0 as they are stored: 3,17,40-52",
        Kind::Indices { set: |o, v| o.experiment.patterns.leave_out_frames = v },
    ).like("\"3,17,40-52\""),
    row(
        "frames", "patterns", "FRAMES",
        "Patterns to take and no others, counted from 0 as they are stored: 0-99,200",
        Kind::Indices { set: |o, v| o.experiment.patterns.frames = Some(v) },
    ).like("\"0-99\""),
    text(
        "region", "patterns", "ROWS,COLUMNS",
        "Part of the scan to take, pixels of the object from the first row and column of its positions (of joined scans the first one's): 0:200,50:300",
        |o, text| text.parse().map(|region| o.experiment.patterns.region = Some(region)),
    ).like("\"0:200,50:300\""),
    number(
        "every", "patterns", "N",
        "Take one of so many patterns, in the order in which they are stored",
        Range::Count, |o, v| o.experiment.patterns.every = Some(v as usize),
    ).like("4"),
    flag(
        "clip_negative", "patterns",
        "Set negative numbers to zero",
        |o, given| o.clip_negative = given,
    ),
    flag(
        "common", "patterns",
        "Where there are not as many patterns as positions, take the first ones of both",
        |o, given| o.common = given,
    ),
    pair(
        "scan_shape", "scan", "NY,NX",
        "Rows and columns of a raster scan, where the file has no positions",
        Range::Count, |o, (y, x)| o.experiment.scan.shape = Some((y as usize, x as usize)),
    ).like("[40, 40]"),
    pair(
        "scan_step_m", "scan", "METRES",
        "Step of a raster scan, one number or between rows, between columns",
        Range::Positive, |o, v| o.experiment.scan.step_m = Some(v),
    ).like("0.5e-9"),
    flag(
        "scan_snake", "scan",
        "Every other row of the raster scan runs backwards",
        |o, given| o.experiment.scan.snake = given,
    ),
    number(
        "scan_rotation_deg", "scan", "DEGREES",
        "Turn the positions by this angle, from rows towards columns, after exchange and \
         reversal of their coordinates",
        Range::Any, |o, v| o.experiment.scan.rotation_deg = Some(v),
    ).like("-12.0"),
    file(
        "positions", "scan",
        "Positions (n, 2) as (y, x) or (ny, nx, 2), .npy, text, or `FILE::NAME` for an array of an NPZ or \
         HDF5 file, in place of the file's",
        |o, path| o.experiment.scan.positions = Some(path),
    ).like("\"positions.csv\""),
    choice(
        "position_unit", "scan", "UNIT",
        "Unit of the file of positions (pixels of the object unless given)",
        Words::Fixed(PositionUnit::NAMES),
        |o, word| word.parse().map(|unit| o.experiment.scan.position_unit = Some(unit)),
    ),
    choice(
        "coordinate_order", "scan", "ORDER",
        "Order of the two coordinates of a position; column-row exchanges them (a transposed scan)",
        Words::Fixed(CoordinateOrder::NAMES),
        |o, word| word.parse().map(|value| o.coordinate_order = Some(value)),
    ),
    flag("flip_y", "scan", "Reverse the sign of the row coordinates", |o, given| o.flip_y = given),
    flag(
        "flip_x", "scan",
        "Reverse the sign of the column coordinates",
        |o, given| o.flip_x = given,
    ),
    row(
        "fly", "scan", "DY,DX",
        "The probe moves over the specimen, or that under it, during each exposure: by this much, \
         in object pixels, or auto, from position to position",
        Kind::Motion { set: |o, fly| o.physics.fly = Some(fly) },
    ).like("\"auto\""),
    choice(
        "moves", "scan", "WHAT",
        "What moves in a near-field scan: the specimen, while light and detector stand still, or \
         the probe, over specimen and detector",
        Words::Fixed(Moves::NAMES),
        |o, word| word.parse().map(|moves| o.physics.moves = Some(moves)),
    ),
    number(
        "pixel_size_m", "object", "METRES",
        "Size of an object pixel, in place of what beam and detector tell",
        Range::Positive, |o, v| o.pixel_size = Some(v),
    ).like("20e-12"),
    number(
        "slices", "object", "K",
        "Number of slices of a thick object, equally far apart along the beam, 1 for a thin one",
        Range::CountUpTo(MOST_SLICES), |o, v| o.physics.slices = Some(v as usize),
    ).like("2"),
    number(
        "slice_spacing", "object", "METRES",
        "Distance between two slices of a thick object; needs wavelength and object pixel",
        Range::Positive, |o, v| o.physics.slice_spacing = Some(v),
    ).like("5e-9"),
    number(
        "slice_fresnel_number", "object", "F",
        "Fresnel number of an object pixel over the gap between two slices, pixel^2 / (wavelength \
         x gap), in place of the distance",
        Range::Positive, |o, v| o.physics.slice_fresnel_number = Some(v),
    ).like("0.5"),
];

const fn row(
    name: &'static str,
    section: &'static str,
    value_name: &'static str,
    help: &'static str,
    kind: Kind,
) -> ReadOption {
    ReadOption { name, section, value_name, help, example: "", kind }
}

const fn choice(
    name: &'static str,
    section: &'static str,
    value_name: &'static str,
    help: &'static str,
    words: Words,
    set: for<'a> fn(&mut ReadOptions, &'a str) -> Result<(), String>,
) -> ReadOption {
    row(name, section, value_name, help, Kind::Choice { words, set })
}

const fn text(
    name: &'static str,
    section: &'static str,
    value_name: &'static str,
    help: &'static str,
    set: for<'a> fn(&mut ReadOptions, &'a str) -> Result<(), String>,
) -> ReadOption {
    row(name, section, value_name, help, Kind::Text { set })
}

const fn number(
    name: &'static str,
    section: &'static str,
    value_name: &'static str,
    help: &'static str,
    range: Range,
    set: fn(&mut ReadOptions, f64),
) -> ReadOption {
    row(name, section, value_name, help, Kind::Number { range, set })
}

const fn pair(
    name: &'static str,
    section: &'static str,
    value_name: &'static str,
    help: &'static str,
    range: Range,
    set: fn(&mut ReadOptions, (f64, f64)),
) -> ReadOption {
    row(name, section, value_name, help, Kind::Pair { range, set })
}

const fn flag(
    name: &'static str,
    section: &'static str,
    help: &'static str,
    set: fn(&mut ReadOptions, bool),
) -> ReadOption {
    row(name, section, "", help, Kind::Flag { set })
}

const fn file(
    name: &'static str,
    section: &'static str,
    help: &'static str,
    set: fn(&mut ReadOptions, PathBuf),
) -> ReadOption {
    row(name, section, "FILE", help, Kind::File { set })
}
