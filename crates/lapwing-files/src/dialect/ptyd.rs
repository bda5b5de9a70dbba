//! ptypy's `.ptyd` (HDF5): patterns in pieces under `chunks/`, positions of the illumination in
//! metres, weights of the pixels, and the optics under `meta/` (energy in keV, lengths in metres).
//!
//! What ptypy does not have is the text `None` there.

use lapwing_model::Position;
use ndarray::{Array3, Axis, Ix3, concatenate};

use super::definition::Dialect;
use super::found::{Found, Names};
use super::geometry::{ELEMENTARY_CHARGE, FarFieldOptics, H_C};
use super::masks;
use super::shared::{by_coordinate, positions};
use super::stack;
use super::stored::{Rules, StackFile, Stored};
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::npy::Array;
use crate::options::{Geometry, MaskGood, ReadOptions};
use crate::patterns::Storage;
use crate::{Container, Error, Mask, Problem, mask};

/// The dialect.
pub(super) struct Ptyd;

impl Dialect for Ptyd {
    fn name(&self) -> &'static str {
        "ptyd"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Hdf5
    }

    fn patterns(&self) -> &'static [&'static str] {
        &["chunks/0/data"]
    }

    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        file.hdf5()?.contains("chunks/0/data")
    }

    fn find(
        &self,
        container: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (file, options) = (container.hdf5()?, wanted.options);
        let mut found = Found {
            converted: true,
            needs_scan: true,
            geometry: Some(Geometry::FarField),
            names: Names { scan: Some("positions"), ..Names::default() },
            ..Found::default()
        };
        let chunks = chunks(file)?;
        let shape = together(file, &chunks, &mut found.problems)?;
        let metres = metres(file, &chunks, &mut found.problems)?;
        let Some(shape) = shape else { return Ok(found) };
        let n = shape[0];
        let names: Vec<String> = chunks.iter().map(|chunk| format!("{chunk}/data")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let stored = Stored::plain(container, &names, shape);
        let read = stack::read_from(&stored, &Rules::counts("chunks/*/data"), wanted, notes)?;
        if !found.take(read, file.path())? {
            return Ok(found);
        }
        let shape = found.stack.as_ref().map_or((0, 0), stack::Stack::pattern_shape);
        let left_out = options.leaves_out(mask::KEY);
        if !left_out && options.experiment.detector.mask.is_none() {
            let of = (n, shape);
            let good = weighted(container, &chunks, of, wanted.storage, &mut found.problems)?;
            found.mask = good.filter(|mask| mask.good().iter().any(|&good| !good));
            if found.mask.is_some() {
                notes.push("weights: pixels of weight 0 are bad".to_owned());
            }
        }
        found.optics = optics(file, options.experiment.beam.wavelength(), &mut found.problems)?;
        match &found.optics {
            Some(optics) => {
                found.pixel = Some(optics.object_pixel(shape));
                notes.push(format!(
                    "meta: {:.4} keV, {} m to the detector, pixels of {:?} m",
                    optics.photon_energy_ev() / 1e3,
                    optics.distance,
                    optics.pitch
                ));
            }
            None => notes.push(
                "meta: energy, distance or psize is not there; say what is missing".to_owned(),
            ),
        }
        let said = Calibration::of(&options.experiment).pixel(shape);
        let pixel = options.pixel_size.map(|side| (side, side)).or(found.pixel).or(said);
        if let Some(metres) = metres {
            let Some((dy, dx)) = pixel else {
                let expected = "energy, distance and psize (--energy-kev, --distance-m and \
                                --detector-pixel-size-m say them), or the pixel of the object \
                                (--pixel-size-m), for the positions are in metres";
                found.needs_scan = false;
                found.problems.push(Problem::new("meta", expected, "not all of them"));
                return Ok(found);
            };
            let (first, second) = by_coordinate((dy, dx), options);
            let (rows, columns) = metres.iter().map(|p| (p.y / first, p.x / second)).unzip();
            found.pixel = Some((dy, dx));
            found.in_metres = true;
            notes.push("positions: metres of the illumination (row, column)".to_owned());
            found.scan = Some(positions(rows, columns, options, notes));
        }
        Ok(found)
    }
}

/// The names of the chunks, in the order of their numbers.
fn chunks(file: &Hdf5) -> Result<Vec<String>, Error> {
    let mut numbers: Vec<u64> = file
        .list()?
        .iter()
        .filter_map(|array| {
            let rest = array.name.trim_start_matches('/').strip_prefix("chunks/")?;
            rest.strip_suffix("/data")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers.iter().map(|number| format!("chunks/{number}")).collect())
}

/// The lengths of the three axes of the patterns of all chunks, one behind the other; `None` where
/// they have none, or there is a problem.
fn together(
    file: &Hdf5,
    chunks: &[String],
    problems: &mut Vec<Problem>,
) -> Result<Option<[usize; 3]>, Error> {
    let mut whole: Option<[usize; 3]> = None;
    for chunk in chunks {
        let name = format!("{chunk}/data");
        let shape = file.shape(&name)?.unwrap_or_default();
        let [n, height, width] = *shape.as_slice() else {
            let found = format!("shape {shape:?}");
            problems.push(Problem::new(name, "(n, H, W) numbers", found));
            return Ok(None);
        };
        match &mut whole {
            None => whole = Some([n, height, width]),
            Some(first) if first[1..] == [height, width] => first[0] = first[0].saturating_add(n),
            Some(first) => {
                let found = format!("{:?} and {:?}", &first[1..], &shape[1..]);
                problems.push(Problem::new("data", "chunks of one shape", found));
                return Ok(None);
            }
        }
    }
    if whole.is_none() {
        problems.push(Problem::new("chunks/0/data", "(n, H, W) numbers", "none"));
    }
    Ok(whole)
}

/// An array of numbers of every chunk, one behind the other; `None` where a chunk has none.
fn joined(
    file: &Hdf5,
    chunks: &[String],
    name: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Array>, Error> {
    let mut parts: Vec<Array3<f32>> = Vec::new();
    for chunk in chunks {
        let path = format!("{chunk}/{name}");
        if !file.contains(&path)? {
            return Ok(None);
        }
        let array = file.read(&path)?;
        let numbers = array.dtype().is_integer() || array.dtype().is_float();
        if !numbers {
            return Ok(None);
        }
        if chunks.len() == 1 {
            return Ok(Some(array));
        }
        let found = format!("shape {:?} of {}", array.shape(), array.dtype());
        match array.into_f32_array::<Ix3>() {
            Ok(part) => parts.push(part),
            Err(_) => {
                problems.push(Problem::new(path, "(n, H, W) numbers", found));
                return Ok(None);
            }
        }
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    Ok(match concatenate(Axis(0), &views) {
        Ok(whole) => Some(Array::from(&whole)),
        Err(_) => {
            let found = parts.iter().map(|part| format!("{:?}", part.dim())).collect::<Vec<_>>();
            problems.push(Problem::new(name, "chunks of one shape", found.join(", ")));
            None
        }
    })
}

/// The mask that the weights of the pixels make, of one layer where all are the same.
fn weighted(
    container: &Container,
    chunks: &[String],
    (n, shape): (usize, (usize, usize)),
    storage: &Storage,
    problems: &mut Vec<Problem>,
) -> Result<Option<Mask>, Error> {
    let names: Vec<String> = chunks.iter().map(|chunk| format!("{chunk}/weights")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bad = |weight: f32| if weight > 0.0 { 0.0 } else { 1.0 };
    let (file, meant) = (StackFile::from(container), Some(MaskGood::Zero));
    let mask = match masks::spooled(file, &names, (n, shape), meant, storage, bad)? {
        Some(Ok(mask)) => mask,
        Some(Err(problem)) => {
            problems.push(problem);
            return Ok(None);
        }
        None => {
            let read = joined(container.hdf5()?, chunks, "weights", problems)?;
            let weights = read.and_then(|weights| match *weights.shape() {
                [height, width] => weights.reshape(vec![1, height, width]).ok(),
                _ => Some(weights),
            });
            let weights = weights.and_then(|weights| weights.into_f32_array::<Ix3>().ok());
            let Some(weights) = weights else { return Ok(None) };
            let (layers, height, width) = weights.dim();
            if (height, width) != shape || ![1, n].contains(&layers) {
                let (height, width) = shape;
                let expected = format!(
                    "({n}, {height}, {width}) or ({height}, {width}) (--leave-out mask passes them \
                     over)"
                );
                let found = format!("shape {:?}", weights.dim());
                problems.push(Problem::new("chunks/*/weights", expected, found));
                return Ok(None);
            }
            Mask::of(weights.mapv(|weight| weight > 0.0))
        }
    };
    let good = mask.good();
    let first = good.index_axis(Axis(0), 0);
    let same = good.outer_iter().all(|layer| layer == first);
    Ok(Some(if same { mask.select(&[0])? } else { mask }))
}

/// Positions of the illumination, metres.
fn metres(
    file: &Hdf5,
    chunks: &[String],
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<Position>>, Error> {
    let mut all = Vec::new();
    for chunk in chunks {
        let path = format!("{chunk}/positions");
        if !file.contains(&path)? {
            return Ok(None);
        }
        let array = file.read(&path)?;
        let found = format!("shape {:?} of {}", array.shape(), array.dtype());
        match (array.shape(), array.to_f64()) {
            ([_, 2], Ok(values)) => {
                all.extend(values.chunks_exact(2).map(|pair| Position { y: pair[0], x: pair[1] }));
            }
            // The text `None`.
            (_, Err(_)) => return Ok(None),
            _ => {
                problems.push(Problem::new(path, "(n, 2) numbers, metres", found));
                return Ok(None);
            }
        }
    }
    Ok(Some(all))
}

/// Photon energies in kiloelectronvolts that a file can mean.
const KILOELECTRONVOLTS: std::ops::Range<f64> = 1e-3..1e3;

/// The optics, when all of them are numbers; a wavelength that is `said` takes precedence over the
/// file's.
fn optics(
    file: &Hdf5,
    said: Option<f64>,
    problems: &mut Vec<Problem>,
) -> Result<Option<FarFieldOptics>, Error> {
    let numbers = |name: &str| -> Result<Vec<f64>, Error> {
        let path = format!("meta/{name}");
        if !file.contains(&path)? {
            return Ok(Vec::new());
        }
        let values = file.read(&path)?.to_f64().unwrap_or_default();
        let usable = values.iter().all(|&value| value > 0.0 && value.is_finite());
        Ok(if usable { values } else { Vec::new() })
    };
    let (energy, distance, psize) = (numbers("energy")?, numbers("distance")?, numbers("psize")?);
    let pitch = match psize.as_slice() {
        [both] => Some((*both, *both)),
        [y, x] => Some((*y, *x)),
        _ => None,
    };
    if let ([kev], None) = (energy.as_slice(), said)
        && !KILOELECTRONVOLTS.contains(kev)
    {
        let expected = "a photon energy in keV, or that it is said (--energy-kev)";
        let found = match KILOELECTRONVOLTS.contains(&(kev / 1e3)) {
            true => format!("{kev}, which looks like electronvolts: --energy-kev {}", kev / 1e3),
            false => kev.to_string(),
        };
        problems.push(Problem::new("meta/energy", expected, found));
        return Ok(None);
    }
    Ok(match (energy.as_slice(), distance.as_slice(), pitch) {
        ([kev], [distance], Some(pitch)) => Some(FarFieldOptics {
            wavelength: H_C / (kev * 1e3 * ELEMENTARY_CHARGE),
            distance: *distance,
            pitch,
        }),
        _ => None,
    })
}
