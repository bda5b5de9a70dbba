//! The instrument of a CXI file: source, detector, and what they make of a translation in metres.

use std::path::Path;

use crate::dialect::geometry::{ELEMENTARY_CHARGE, FarFieldOptics, H_C};
use crate::dialect::unit;
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::options::ReadOptions;
use crate::{Error, Problem};

const SOURCE: &str = "entry_1/instrument_1/source_1";
const DETECTOR: &str = "entry_1/instrument_1/detector_1";
/// Where the energy of the photons is. NXcxi_ptycho has it in the beam, and the energy of the
/// electrons that the storage ring holds in the source; CXI has no beam.
const ENERGIES: [&str; 4] = [
    "entry_1/instrument_1/beam_1/energy",
    "entry_1/instrument_1/beam_1/incident_beam_energy",
    "entry_1/instrument_1/beam_1/incident_energy",
    "entry_1/instrument_1/source_1/energy",
];
/// Photon energies in joules that a CXI file can mean: 0.06 eV to 60 MeV. Electronvolts are far
/// above.
const JOULES: std::ops::Range<f64> = 1e-20..1e-11;
/// Wavelengths in metres: 20 fm to 20 um.
const METRES: std::ops::Range<f64> = 2e-14..2e-5;
/// Scans wider than this, in metres, are in another unit.
const WIDEST_SCAN: f64 = 0.1;

type Vector = [f64; 3];

pub(super) struct Instrument {
    wavelength: Option<f64>,
    distance: Option<f64>,
    pitch: Option<(f64, f64)>,
    /// Steps of the detector from row to row and from column to column, metres.
    basis: Option<(Vector, Vector)>,
    corner: Option<Vector>,
}

impl Instrument {
    /// What the file says; what the user says (`said`) goes before it, piece by piece.
    pub(super) fn read(
        file: &Hdf5,
        said: &Calibration,
        notes: &mut Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Error> {
        let basis = basis(file, notes, problems)?;
        let sound = |number: f64| number > 0.0 && number.is_finite();
        let mut in_metres = |name: &str, option: &str| -> Result<Option<f64>, Error> {
            let name = format!("{DETECTOR}/{name}");
            let Some(number) = file.number(&name)? else { return Ok(None) };
            match unit::metres_of(file, &name, 1.0, option) {
                Ok(1.0) => Ok(Some(number)),
                Ok(metres) => {
                    let metres = number * metres;
                    notes.push(format!("{name}: {metres:e} m, by the unit that the file says"));
                    Ok(Some(metres))
                }
                Err(problem) => {
                    problems.push(problem);
                    Ok(None)
                }
            }
        };
        let distance = match said.distance {
            Some(distance) => Some(distance),
            // It is negative where z counts against the beam.
            None => in_metres("distance", "--distance-m")?.map(f64::abs).filter(|&z| sound(z)),
        };
        let pitch = match said.pitch {
            Some(pitch) => Some(pitch),
            None => {
                let option = "--detector-pixel-size-m";
                let sides = in_metres("y_pixel_size", option)?;
                let sides = sides.zip(in_metres("x_pixel_size", option)?);
                if let Some((y, x)) = sides.filter(|&(y, x)| !(sound(y) && sound(x))) {
                    let (name, wrong) = if sound(y) { ("x", x) } else { ("y", y) };
                    let name = format!("{DETECTOR}/{name}_pixel_size");
                    let expected = "a positive number in metres";
                    problems.push(Problem::new(name, expected, wrong.to_string()));
                }
                let sides = sides.filter(|&(y, x)| sound(y) && sound(x));
                sides.or(basis.map(|(slow, fast)| (length(slow), length(fast))))
            }
        };
        let wavelength = match said.wavelength {
            Some(said) => Some(said),
            None => wavelength(file, notes, problems)?,
        };
        let corner = corner(file)?;
        Ok(Self { wavelength, distance, pitch, basis, corner })
    }

    /// Wavelength and scale of the detector that the file alone says, as far as it does.
    pub(super) fn as_written(file: &Hdf5) -> Calibration {
        let alone = Self::read(file, &Calibration::default(), &mut Vec::new(), &mut Vec::new());
        alone.map_or_else(|_| Calibration::default(), |alone| alone.calibration())
    }

    /// The optics, when all of them are known.
    pub(super) fn optics(&self) -> Option<FarFieldOptics> {
        Some(FarFieldOptics {
            wavelength: self.wavelength?,
            distance: self.distance?,
            pitch: self.pitch?,
        })
    }

    /// Wavelength and scale of the detector, as far as they are known.
    pub(super) fn calibration(&self) -> Calibration {
        Calibration {
            wavelength: self.wavelength,
            pitch: self.pitch,
            distance: self.distance,
            ..Calibration::default()
        }
    }

    /// A length in pixels of the detector; `None` when their size is not known.
    pub(super) fn on_detector(&self, length: f64) -> Option<f64> {
        self.pitch.map(|(y, x)| length / y.max(x))
    }

    /// Size of an object pixel along (y, x), metres: as specified, or the file's `own`, which this
    /// crate wrote, or lambda z / (N p); in the near field the detector's own.
    pub(super) fn object_pixel(
        &self,
        shape: (usize, usize),
        (near, own_pixel): (bool, Option<(f64, f64)>),
        options: &ReadOptions,
        path: &Path,
        notes: &mut Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<(f64, f64)>, Error> {
        if let Some(told) = options.pixel_size {
            if !(told > 0.0 && told.is_finite()) {
                problems.push(Problem::new(
                    "pixel size",
                    "a positive number of metres",
                    told.to_string(),
                ));
                return Ok(None);
            }
            notes.push(format!("object pixel: {told:e} m, as specified"));
            return Ok(Some((told, told)));
        }
        let said = Calibration::of(&options.experiment);
        let own = self.calibration();
        if let (true, Some(pixel)) = (said.says_pixel() && !near, said.or(own).pixel(shape)) {
            notes.push(format!("object pixel: {:e} m, by the experiment as described", pixel.0));
            return Ok(Some(pixel));
        }
        if let Some((dy, dx)) = own_pixel.filter(|_| !near || said.pitch.is_none()) {
            notes.push(format!("object pixel: ({dy:.5e}, {dx:.5e}) m along (y, x), as written"));
            return Ok(Some((dy, dx)));
        }
        if near {
            let Some(pitch) = self.pitch else {
                return Err(Error::Ambiguous {
                    path: path.to_owned(),
                    key: "pixel size".to_owned(),
                    reason:
                        "the size of an object pixel in the near field depends on the magnification"
                            .to_owned(),
                    remedy: "state the object's pixel size in metres (--pixel-size-m)".to_owned(),
                });
            };
            notes.push(
                "object pixel: in the near field the detector's own pixel is taken (a parallel beam); \
                 state the object's pixel size (--pixel-size-m) when the beam diverges"
                    .to_owned(),
            );
            return Ok(Some(pitch));
        }
        let Some(optics) = self.optics() else {
            for (name, option, known) in [
                ("source_1/energy", "--energy-kev", self.wavelength.is_some()),
                ("detector_1/distance", "--distance-m", self.distance.is_some()),
                ("detector_1/x_pixel_size", "--detector-pixel-size-m", self.pitch.is_some()),
            ] {
                let name = format!("entry_1/instrument_1/{name}");
                if !known && !problems.iter().any(|problem| problem.key == name) {
                    let expected = format!(
                        "a number in SI units; {option} says it, or --pixel-size-m the object's pixel"
                    );
                    problems.push(Problem::new(name, expected, "nothing usable"));
                }
            }
            return Ok(None);
        };
        let (dy, dx) = optics.object_pixel(shape);
        notes.push(format!(
            "object pixel: wavelength {:.5e} m x distance {} m / (pixels x pixel size of the detector) = \
             ({dy:.5e}, {dx:.5e}) m along (y, x)",
            optics.wavelength, optics.distance
        ));
        Ok(Some((dy, dx)))
    }

    /// Rows and columns of the beam on the sample, object pixels.
    ///
    /// The sample's translation t moves the beam by -t over the sample. The object's rows and
    /// columns run like those of the detector: the position along an axis is -t . b / |b| / d, with
    /// b the axis's basis vector.
    pub(super) fn beam_positions(
        &self,
        translations: &[Vector],
        (dy, dx): (f64, f64),
        notes: &mut Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> (Vec<f64>, Vec<f64>) {
        let extent = |axis: usize| {
            let values = || translations.iter().map(|t| t[axis]).filter(|v| v.is_finite());
            values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
        };
        let widest = extent(0).max(extent(1));
        if widest > WIDEST_SCAN {
            let found = format!(
                "a scan {widest:.4} wide, which is some other unit (millimetres, micrometres or \
                 nanometres): say it (--position-unit um, for instance)"
            );
            problems.push(Problem::new("translation", "positions in metres", found));
        }
        if extent(2) > dy.min(dx) {
            notes.push(format!("translation: z varies by {:.3e} m; not used", extent(2)));
        }
        // What CXI assumes: rows run down (-y), columns towards -x.
        let (slow, fast) = self.basis.unwrap_or(([0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]));
        let along = |t: &Vector, b: Vector, d: f64| -dot(*t, b) / length(b) / d;
        notes.push(
            "translation: metres of the sample; the beam moves the other way; converted to object pixels"
                .to_owned(),
        );
        let rows = translations.iter().map(|t| along(t, slow, dy)).collect();
        let columns = translations.iter().map(|t| along(t, fast, dx)).collect();
        (rows, columns)
    }

    /// Says so when the beam does not hit the middle of the patterns.
    pub(super) fn note_centre(&self, (height, width): (usize, usize), notes: &mut Vec<String>) {
        let (Some(corner), Some((slow, fast))) = (self.corner, self.basis) else { return };
        let along = |b: Vector| -dot(corner, b) / dot(b, b);
        let (row, column) = (along(slow), along(fast));
        let middle = (height as f64 / 2.0, width as f64 / 2.0);
        if (row - middle.0).abs() > 1.5 || (column - middle.1).abs() > 1.5 {
            notes.push(format!(
                "corner_position: puts the beam at row {row:.1}, column {column:.1}, not in the middle of the patterns; they \
                 are taken as they are, centred at index (H/2, W/2)"
            ));
        }
    }
}

fn dot(a: Vector, b: Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(v: Vector) -> f64 {
    dot(v, v).sqrt()
}

/// The photon energy in joules and its name: CXI has no other unit, NeXus says it in an attribute.
fn energy(file: &Hdf5, problems: &mut Vec<Problem>) -> Result<Option<(f64, &'static str)>, Error> {
    let Some(name) = file.first_of(&ENERGIES)? else { return Ok(None) };
    match unit::joules_of(file, name, 1.0, "--energy-kev") {
        Ok(each) => Ok(file.number(name)?.map(|energy| (energy * each, name))),
        Err(problem) => {
            problems.push(problem);
            Ok(None)
        }
    }
}

/// Wavelength in metres from `wavelength` or the photon energy, lambda = h c / E.
fn wavelength(
    file: &Hdf5,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<f64>, Error> {
    let wavelength_name = format!("{SOURCE}/wavelength");
    let energy = energy(file, problems)?;
    let stored = match unit::metres_of(file, &wavelength_name, 1.0, "--energy-kev") {
        Ok(metres) => file.number(&wavelength_name)?.map(|length| length * metres),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    if let Some((energy, name)) = energy.filter(|(energy, _)| !JOULES.contains(energy)) {
        let (unit, each) =
            if energy >= 100.0 { ("electronvolts", 1.0) } else { ("kiloelectronvolts", 1e3) };
        let found = match energy > 0.01 {
            true => {
                let joules = energy * each * ELEMENTARY_CHARGE;
                format!("{energy}, which looks like {unit}: write {joules:.4e}")
            }
            false => format!("{energy:e}"),
        };
        let expected = "a photon energy in joules, or that it is said (--energy-kev)";
        problems.push(Problem::new(name, expected, found));
        return Ok(None);
    }
    if let Some(wavelength) = stored.filter(|wavelength| !METRES.contains(wavelength)) {
        let found = format!("{wavelength:e}, which is some other unit");
        problems.push(Problem::new(wavelength_name, "a wavelength in metres", found));
        return Ok(None);
    }
    let energy = energy.map(|(energy, _)| energy);
    let computed = energy.map(|energy| H_C / energy);
    if let (Some(computed), Some(stored)) = (computed, stored)
        && (computed - stored).abs() > 0.01 * stored
    {
        let expected = format!("the wavelength of the energy beside it, {computed:.5e} m");
        problems.push(Problem::new(wavelength_name, expected, format!("{stored:.5e}")));
        return Ok(None);
    }
    if let Some(energy) = energy {
        notes.push(format!("energy: {:.3} keV", energy / ELEMENTARY_CHARGE / 1e3));
    }
    Ok(computed.or(stored))
}

fn corner(file: &Hdf5) -> Result<Option<Vector>, Error> {
    let name = format!("{DETECTOR}/corner_position");
    if !file.contains(&name)? {
        return Ok(None);
    }
    let values = file.read(&name)?.to_f64().unwrap_or_default();
    Ok(match *values.as_slice() {
        [x, y, z] if values.iter().all(|v| v.is_finite()) => Some([x, y, z]),
        _ => None,
    })
}

/// The two basis vectors: (2, 3) as the format has it, or transposed, (3, 2), as many files do.
fn basis(
    file: &Hdf5,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<(Vector, Vector)>, Error> {
    let name = format!("{DETECTOR}/basis_vectors");
    if !file.contains(&name)? {
        notes.push(
            "basis_vectors: none; rows taken to run towards -y, columns towards -x".to_owned(),
        );
        return Ok(None);
    }
    let array = file.read(&name)?;
    let values = array.to_f64().unwrap_or_default();
    let vectors = match (array.shape(), values.as_slice()) {
        ([2, 3], &[a, b, c, d, e, f]) => Some(([a, b, c], [d, e, f])),
        ([3, 2], &[a, d, b, e, c, f]) => Some(([a, b, c], [d, e, f])),
        _ => None,
    };
    let usable = |v: Vector| length(v) > 0.0 && length(v).is_finite();
    let Some((slow, fast)) = vectors.filter(|&(slow, fast)| usable(slow) && usable(fast)) else {
        let found = format!("{values:?} of shape {:?}", array.shape());
        problems.push(Problem::new(name, "two vectors of some length, (2, 3) or (3, 2)", found));
        return Ok(None);
    };
    let cosine = dot(slow, fast) / (length(slow) * length(fast));
    let tilt = (slow[2] / length(slow)).abs().max((fast[2] / length(fast)).abs());
    if cosine.abs() > 0.02 || tilt > 0.02 {
        notes.push(
            "basis_vectors: the detector is tilted or skewed; taken as square to the beam"
                .to_owned(),
        );
    }
    Ok(Some((slow, fast)))
}
