//! Further scans of the same object, put behind the first one.

use std::fmt;
use std::path::Path;

use lapwing_model::faults::Ceiling;
use lapwing_model::forward::Physics;
use lapwing_model::{Modes, Position, Short};
use ndarray::{Axis, s};
use serde_json::json;

use super::geometry::object_pixel;
use super::settle::Settled;
use super::table::read_into;
use crate::dataset::mean_counts;
use crate::mask::Layers;
use crate::metadata::TOOL;
use crate::options::{Moves, ReadOptions, Understanding};
use crate::patterns::{Storage, make_in};
use crate::physics::exposure_in_words;
use crate::remarks::{Stop, What};
use crate::scans::Scans;
use crate::{Dataset, Error, Mask, Metadata, Problem, Remark, contract, limit, metadata, remarks};

/// How far apart, as a share, the pixels of two scans may be.
const SAME_PIXEL: f64 = 1e-3;

/// The scan of the file `path` with those of `options.join` behind it: one data set of them all, on
/// the first one's object. Positions are taken to count from the same zero, so that they turn about
/// one point, and the region of the options from the first one's smallest position.
///
/// # Errors
/// A file that cannot be read, or whose patterns, pixels, geometry or unit are others.
pub(super) fn joined(
    path: &Path,
    Settled { dataset: first, mut understanding, smallest, turned_about }: Settled,
    options: &ReadOptions,
    storage: &Storage,
) -> Result<(Dataset, Understanding), Error> {
    let mut alone = ReadOptions { join: Vec::new(), ..options.clone() };
    let region = &mut alone.experiment.patterns.region;
    *region = region.map(|region| region.counted_from(smallest));
    alone.experiment.scan.turned_about = turned_about;
    let mut parts = vec![first];
    let mut told = vec![std::mem::take(&mut understanding.remarks)];
    for (index, file) in options.join.iter().enumerate() {
        if file == path || options.join[..index].contains(file) {
            understanding.notes.push(format!(
                "{}: joined to itself, so each of its patterns counts twice: name the file of another \
                 scan",
                file.display()
            ));
        }
        let (part, of_part) = read_into(file, &alone, storage)?;
        if let Some(problem) = unlike(&parts[0], &part) {
            return Err(Error::Contract { path: file.clone(), problems: vec![problem] });
        }
        let lines = of_part.notes.iter().map(|line| format!("{}: {line}", file.display()));
        understanding.notes.extend(lines);
        told.push(of_part.remarks);
        parts.push(part);
    }
    let counts: Vec<String> = parts.iter().map(|part| part.n_patterns().to_string()).collect();
    understanding.notes.push(format!(
        "{} scans of one object, of {} patterns, on the first one's; positions count from the same \
         zero",
        parts.len(),
        counts.join(", ")
    ));
    let limits: Vec<Limit> = parts.iter().zip(&told).map(|of| Limit::of(of.0, of.1)).collect();
    let masked = masked_at_limits(&mut parts, &limits)?;
    if let Some(count @ 1..) = masked {
        let each: Vec<String> = limits.iter().map(Limit::to_string).collect();
        understanding.notes.push(format!(
            "{count} values at the limits of detectors, of which each scan has its own ({}), say \"at \
             least so much\": they are masked",
            each.join("; ")
        ));
        let of_limits = told.iter_mut().flatten().filter(|told| told.what == What::Saturation);
        of_limits.for_each(|told| {
            told.advice =
                "they say \"at least so much\" and are masked, for the scans that are joined \
                           stop at different numbers"
                    .to_owned();
        });
    }
    let dataset = together(&parts, options, masked, storage)?;
    let problems = contract::check(&dataset);
    if !problems.is_empty() {
        return Err(Error::Contract { path: path.to_owned(), problems });
    }
    understanding.n_patterns = dataset.n_patterns();
    understanding.scan_shape = None;
    understanding.remarks = remarks::of(&dataset);
    understanding.mean_counts_per_pattern =
        dataset.intensity_scale().map(|_| dataset.mean_measured(&understanding.remarks));
    // What only the reading of a file shows is kept.
    let scans = dataset.scans.as_ref().expect("they were put together");
    for (number, told) in told.into_iter().enumerate() {
        let again = |remark: &Remark| {
            understanding.remarks.iter().any(|other| other.evidence.ends_with(&remark.evidence))
        };
        let own: Vec<Remark> = told.into_iter().filter(|remark| !again(remark)).collect();
        let members = scans.members(number);
        understanding.remarks.extend(own.into_iter().map(|own| own.of_scan(number, &members)));
    }
    Ok((dataset, understanding))
}

/// Where the counts of a scan stop.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// Nowhere that is known.
    None,
    /// Where its history states it.
    Stated(f64),
    /// Where many of them are the same, and hardly any just below, as `remarks` have it.
    Found(f64),
}

impl Limit {
    /// Of a scan with these `remarks`.
    fn of(part: &Dataset, remarks: &[Remark]) -> Self {
        let Some(scale) = part.intensity_scale() else { return Self::None };
        if let Some(limit) = part.metadata.as_ref().and_then(limit::stated) {
            return Self::Stated(limit);
        }
        if !remarks.iter().any(|remark| remark.what == What::Saturation) {
            return Self::None;
        }
        let good = part.mask.as_ref().map(Mask::good);
        let stop = Stop::of(part.diffraction.view(), good, Some(scale));
        stop.map_or(Self::None, |stop| Self::Found(stop.number(Some(scale))))
    }

    /// So many counts.
    fn counts(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Stated(counts) | Self::Found(counts) => Some(counts),
        }
    }

    /// Whether it is the same as another: squares of single-precision amplitudes miss whole
    /// numbers.
    fn is(self, other: Self) -> bool {
        match (self.counts(), other.counts()) {
            (Some(one), Some(other)) => (one - other).abs() < 0.5,
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "none is known"),
            Self::Stated(counts) => write!(f, "{counts} counts, as stated"),
            Self::Found(counts) => write!(f, "{} counts, as found", Short(*counts)),
        }
    }
}

/// Masks what is at the limit of each scan's detector where these are not all the same, which is
/// all that a data set states, and all that is found of it; tells how many values, and `None` where
/// they are.
fn masked_at_limits(parts: &mut [Dataset], limits: &[Limit]) -> Result<Option<usize>, Error> {
    if limits.iter().all(|limit| limit.is(limits[0])) || is_that_of_all(parts, limits) {
        return Ok(None);
    }
    let mut masked = 0;
    for (part, limit) in parts.iter_mut().zip(limits) {
        if let Some(limit) = limit.counts() {
            masked += part.mask_limit(limit)?;
        }
    }
    Ok(Some(masked))
}

/// Whether one limit was found of some scans, and the others stay so far below that it is found of
/// all together.
fn is_that_of_all(parts: &[Dataset], limits: &[Limit]) -> bool {
    let stop = limits.iter().copied().find(|limit| *limit != Limit::None);
    let Some(Limit::Found(counts)) = stop else { return false };
    let below = (f64::from(Ceiling::JUST_BELOW) * counts).min(counts - 1.0);
    parts.iter().zip(limits).all(|(part, limit)| match limit {
        Limit::Stated(_) => false,
        Limit::Found(other) => Limit::Found(*other).is(Limit::Found(counts)),
        Limit::None => {
            let scale = part.intensity_scale().unwrap_or(1.0);
            let largest = part.diffraction.values().iter().fold(0.0, |most: f32, &at| most.max(at));
            (f64::from(largest) * scale).powi(2) < below
        }
    })
}

/// Why a scan cannot stand behind the first one.
fn unlike(first: &Dataset, part: &Dataset) -> Option<Problem> {
    let [a, b] = [first, part].map(Dataset::pattern_shape);
    if a != b {
        let expected = format!("patterns of {} x {} pixels, as the first scan", a.0, a.1);
        return Some(Problem::new("join", expected, format!("{} x {}", b.0, b.1)));
    }
    let pixels = [first, part].map(|scan| scan.metadata.as_ref().and_then(object_pixel));
    if let [Some(a), Some(b)] = pixels {
        let off = |a: f64, b: f64| (a / b - 1.0).abs() > SAME_PIXEL;
        if off(a.0, b.0) || off(a.1, b.1) {
            let told = |(y, x): (f64, f64)| format!("{y:.4e} x {x:.4e} m");
            let expected = format!("object pixels of {}, as in the first scan", told(a));
            return Some(Problem::new("join", expected, told(b)));
        }
    }
    let physics = [first, part].map(|scan| scan.physics().ok());
    if let [Some(a), Some(b)] = &physics
        && a.moves != b.moves
        && alike(Some(a), Some(&Physics { moves: a.moves, ..b.clone() }))
    {
        let [a, b] = [a, b].map(|of| Moves::from(of.moves).name());
        let expected = format!(
            "a near field whose {a} moves, as in the first scan (where the files do not tell what \
             moved, say it of all: --moves specimen or --moves probe)"
        );
        return Some(Problem::new("join", expected, format!("one whose {b} moves")));
    }
    if !alike(physics[0].as_ref(), physics[1].as_ref()) {
        let words = |scan: &Dataset| {
            exposure_in_words(scan).unwrap_or_else(|| match scan.physics() {
                Ok(_) => "a far field of a thin object, the probe at rest".to_owned(),
                Err(error) => error.to_string(),
            })
        };
        let expected = format!(
            "patterns that come about as those of the first scan ({}; what is said, as \
             --fresnel-number, --fly, --detector-blur or --slices, is taken for all)",
            words(first)
        );
        return Some(Problem::new("join", expected, words(part)));
    }
    let known = [first, part].map(|scan| scan.intensity_scale().is_some());
    let words = |known: bool| if known { "counts" } else { "intensities in any unit" };
    (known[0] != known[1]).then(|| {
        let expected = format!("{}, as in the first scan", words(known[0]));
        Problem::new("join", expected, words(known[1]))
    })
}

/// Whether patterns of the one come about as those of the other: which way the probe goes along its
/// path changes nothing.
fn alike(first: Option<&Physics>, part: Option<&Physics>) -> bool {
    let (Some(first), Some(part)) = (first, part) else { return first.is_none() && part.is_none() };
    let same = |places: &mut dyn Iterator<Item = &Position>| {
        let near = |(a, b): (&Position, &Position)| (a.y - b.y).hypot(a.x - b.x) < 1e-6;
        first.motion.len() == part.motion.len() && first.motion.iter().zip(places).all(near)
    };
    let one_way = same(&mut part.motion.iter()) || same(&mut part.motion.iter().rev());
    one_way && *first == Physics { motion: first.motion.clone(), ..part.clone() }
}

/// All of them as one, in the unit of the first one's amplitudes.
/// So many values were `masked` at limits.
fn together(
    parts: &[Dataset],
    options: &ReadOptions,
    masked: Option<usize>,
    storage: &Storage,
) -> Result<Dataset, Error> {
    let first = &parts[0];
    let (height, width) = first.pattern_shape();
    let of: Vec<usize> = parts
        .iter()
        .enumerate()
        .flat_map(|(scan, part)| std::iter::repeat_n(scan, part.n_patterns()))
        .collect();
    let begins: Vec<usize> = parts
        .iter()
        .scan(0, |sum, part| Some(std::mem::replace(sum, *sum + part.n_patterns())))
        .collect();
    // Counts are (s amplitude)^2: amplitudes of another scale are brought to the first one's.
    let scale = |part: &Dataset| part.intensity_scale().unwrap_or(1.0);
    let factors: Vec<f32> = parts.iter().map(|part| (scale(part) / scale(first)) as f32).collect();
    let diffraction = make_in(storage, (of.len(), height, width), |index, to| {
        let (scan, pixels) = (of[index], height * width);
        let at = (index - begins[scan]) * pixels;
        let from = &parts[scan].diffraction.values()[at..at + pixels];
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from * factors[scan]);
    })?;
    let scan = parts.iter().flat_map(|part| part.scan.iter().copied()).collect();
    let mut metadata = first.metadata.clone();
    tell(&mut metadata, &diffraction_mean(first, &diffraction), options, masked);
    let probes = parts.iter().zip(&factors).map(|(part, &factor)| {
        let probe = part.probe.as_ref()?;
        Some(probe.slice(s![..1, .., ..]).mapv(|value| value * factor))
    });
    let probes: Option<Vec<Modes>> = probes.collect();
    let probes = probes.map(|probes| {
        let views: Vec<_> = probes.iter().map(|probe| probe.view()).collect();
        ndarray::concatenate(Axis(0), &views).expect("all have the patterns' shape")
    });
    Ok(Dataset {
        diffraction,
        scan,
        object: first.object.clone(),
        probe: first.probe.clone(),
        mask: mask_of(parts, &of, &begins, storage)?,
        frames: None,
        scans: Some(Scans { of, probes }),
        geometry: first.geometry,
        optics: first.optics,
        probe_from: first.probe_from,
        metadata,
        extras: of_the_object(first),
    })
}

/// Mean counts of a pattern of all scans, where the first one's are known.
fn diffraction_mean(first: &Dataset, all: &crate::Patterns) -> Option<f64> {
    first.intensity_scale().map(|scale| mean_counts(&crate::dataset::powers(all), scale))
}

/// Notes in the metadata what was put together.
fn tell(
    metadata: &mut Option<Metadata>,
    mean: &Option<f64>,
    options: &ReadOptions,
    masked: Option<usize>,
) {
    let metadata = metadata.get_or_insert_default();
    if let Some(mean) = mean {
        metadata::set_physics_parameter(metadata, "nphotons", *mean);
    }
    let mut parameters = json!({ "files": options.join });
    if let Some(masked) = masked {
        parameters[limit::MASKED] = json!(masked);
    }
    metadata::append_transformation(metadata, TOOL, limit::JOIN, parameters);
}

/// One mask for all where it is the same, else one for each pattern.
fn mask_of(
    parts: &[Dataset],
    of: &[usize],
    begins: &[usize],
    storage: &Storage,
) -> Result<Option<Mask>, Error> {
    let first = &parts[0].mask;
    let one = |mask: &Option<Mask>| mask.as_ref().is_none_or(|mask| !mask.is_per_pattern());
    if parts.iter().all(|part| part.mask == *first && one(&part.mask)) {
        return Ok(first.clone());
    }
    let (height, width) = parts[0].pattern_shape();
    let goods: Vec<_> = parts.iter().map(|part| part.mask.as_ref().map(Mask::good)).collect();
    let good = Layers::made(storage, (of.len(), height, width), |index, to| {
        let scan = of[index];
        let Some(good) = goods[scan] else { return to.fill(true) };
        let layer = if good.dim().0 == 1 { 0 } else { index - begins[scan] };
        to.iter_mut().zip(good.index_axis(Axis(0), layer)).for_each(|(to, &good)| *to = good);
    })?;
    Ok(Some(Mask::of(good)))
}

/// Extra arrays that are not one entry for each pattern of the first scan.
fn of_the_object(first: &Dataset) -> Vec<(String, crate::npy::Array)> {
    let n = first.n_patterns();
    let kept = first.extras.iter().filter(|(_, array)| array.shape().first() != Some(&n));
    kept.cloned().collect()
}
