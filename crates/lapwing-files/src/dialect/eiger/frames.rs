//! The frames that a master file names, in files beside it of which some may lack.

use crate::experiment::{Numbers, part};
use crate::hdf5::Hdf5;
use crate::{Error, Problem};

/// The groups of the frames, and of what is known of the detector.
pub(super) const DATA: &str = "entry/data";
pub(super) const DETECTOR: &str = "entry/instrument/detector";
/// Pixels of frames that are not there, at most, and how many times as many as are there.
const MOST_ABSENT: usize = 64 << 20;
const TIMES_ABSENT: usize = 4;
/// Numbers that are looked for behind the last one that is there.
const MOST_SKIPPED: usize = 16;

/// An array of frames that a master file names.
struct Part {
    name: String,
    /// Lengths of its axes, those of a raster in one; `None` where it is not there.
    shape: Option<Vec<usize>>,
    /// Rows and columns of the scan, where it has an axis for each.
    raster: Option<(usize, usize)>,
    /// What lacks, where it is not there.
    lacking: String,
    /// Frames that it has, or must have had; `None` where nothing tells.
    frames: Option<usize>,
}

/// The frames of a master file, or of one of its linked files.
pub(super) struct Series {
    parts: Vec<Part>,
    /// Exposures for one trigger, and triggers, as the detector was told.
    asked: Option<(usize, usize)>,
    /// Frames of the scan, as the user says.
    described: Option<usize>,
}

/// Frames to read.
pub(super) struct Frames {
    /// Their arrays, one behind the other.
    pub names: Vec<String>,
    /// Lengths of the three axes of all of them together.
    pub shape: [usize; 3],
    /// Of the arrays that are not there, the place among the names and the number of frames.
    pub absent: Vec<(usize, usize)>,
}

impl Series {
    /// What a file names.
    pub(super) fn of(file: &Hdf5, scan: Option<(usize, usize)>) -> Result<Self, Error> {
        let mut parts: Vec<Part> = Vec::new();
        let mut skipped = Vec::new();
        for number in 1..=999_999 {
            let name = format!("{DATA}/data_{number:06}");
            if file.is_link(&name) || file.contains(&name)? {
                parts.append(&mut skipped);
                parts.push(Part::new(file, name)?);
            } else {
                let lacking = format!("no link {name}, though there is one behind it");
                skipped.push(Part { name, shape: None, raster: None, lacking, frames: None });
                if skipped.len() > MOST_SKIPPED || parts.is_empty() {
                    break;
                }
            }
        }
        let alone = format!("{DATA}/data");
        if parts.is_empty() && file.contains(&alone)? {
            parts.push(Part::new(file, alone)?);
        }
        let number = |name: &str| -> Option<usize> {
            let places = ["detectorSpecific/", ""].map(|place| format!("{DETECTOR}/{place}{name}"));
            let found = places.iter().find_map(|name| file.number(name).ok().flatten())?;
            (1.0..1e12).contains(&found).then_some(found as usize)
        };
        let asked = number("nimages").map(|images| (images, number("ntrigger").unwrap_or(1)));
        let described = scan.map(|(rows, columns)| rows.saturating_mul(columns));
        let mut series = Self { parts, asked, described };
        series.count(file)?;
        Ok(series)
    }

    /// Fills in how many frames are in what is not there: as the frames beside them are numbered,
    /// as many as in each file but the last, or what is left of what was asked for.
    fn count(&mut self, file: &Hdf5) -> Result<(), Error> {
        let ends = |part: &Part| -> Result<Option<(usize, usize)>, Error> {
            let number = |name: &str| file.attribute(&part.name, name);
            Ok(match part.shape {
                Some(_) => number("image_nr_low")?
                    .zip(number("image_nr_high")?)
                    .map(|(low, high)| (low as usize, high as usize)),
                None => None,
            })
        };
        let full = self.parts.iter().rev().skip(1).find_map(|part| part.frames);
        let asked = self.asked.map(|(images, triggers)| images.saturating_mul(triggers));
        let asked = asked.or(self.described);
        for at in 0..self.parts.len() {
            if self.parts[at].frames.is_some() {
                continue;
            }
            let before = at.checked_sub(1).map(|at| ends(&self.parts[at])).transpose()?.flatten();
            let behind = self.parts.get(at + 1).map(ends).transpose()?.flatten();
            let told = match (before, behind) {
                (Some((_, high)), Some((low, _))) => low.checked_sub(high + 1),
                (None, Some((low, _))) if at == 0 => low.checked_sub(1),
                _ => None,
            };
            let others: Option<usize> = self
                .parts
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .try_fold(0_usize, |sum, (_, part)| sum.checked_add(part.frames?));
            let is_last = at + 1 == self.parts.len();
            let left = asked.zip(others).and_then(|(asked, others)| asked.checked_sub(others));
            self.parts[at].frames =
                told.or(if is_last { left } else { full.or(left) }).filter(|&frames| frames > 0);
        }
        Ok(())
    }

    /// The frames to read, or what is wrong with them. Of what is not there nothing may be wanted.
    pub(super) fn wanted(
        &self,
        wanted: &Numbers,
        notes: &mut Vec<String>,
    ) -> Result<Frames, Problem> {
        let mut size: Option<[usize; 2]> = None;
        for Part { name, shape, .. } in &self.parts {
            let Some(shape) = shape else { continue };
            let wrong = |expected: &str| Problem::new(name, expected, format!("shape {shape:?}"));
            match (shape.as_slice(), size) {
                (&[_, height, width], None) => size = Some([height, width]),
                (&[_, height, width], Some(size)) if size == [height, width] => {}
                (&[_, _, _], Some(_)) => return Err(wrong("frames like those before")),
                _ => return Err(wrong("(n, H, W) or (ny, nx, H, W)")),
            }
        }
        let (mut first, mut there, mut lacking, mut absent) =
            (0_usize, Vec::new(), Vec::new(), Vec::new());
        let count = |part: &Part| part.shape.as_ref().and(part.frames).unwrap_or(0);
        let present = self.parts.iter().map(count).fold(0_usize, usize::saturating_add);
        let pixels = size.map_or(1, |[height, width]| height.saturating_mul(width).max(1));
        let most = present.saturating_mul(TIMES_ABSENT).max(MOST_ABSENT / pixels);
        for (at, part) in self.parts.iter().enumerate() {
            // The number of frames of a missing file is capped.
            let frames = part.frames.filter(|&frames| part.shape.is_some() || frames <= most);
            let end = frames.map(|frames| first.saturating_add(frames));
            if part.shape.is_some() {
                there.extend(end.map(|end| (first, end)));
            } else {
                let left_out =
                    end.is_some_and(|end| (first..end).all(|at| part::is_left_out(wanted, at)));
                // Those at the end are left out by whatever says which to take.
                let open = end.is_none()
                    && wanted
                        .frames
                        .as_ref()
                        .is_some_and(|frames| frames.last().is_some_and(|&last| last < first));
                if !left_out && !open {
                    lacking.push((part, (first, end)));
                }
                absent.push((at, frames.unwrap_or(0)));
            }
            let Some(end) = end else {
                // Nothing behind it has a place.
                if at + 1 < self.parts.len() {
                    there.clear()
                }
                continue;
            };
            first = end;
        }
        if let (Some(&(part, (from, end))), size) = (lacking.first(), size) {
            let which = match end {
                Some(end) => format!("the frames {from} to {}", end - 1),
                None => format!("frames from {from} on, of an unknown number"),
            };
            let more = match lacking.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more such files"),
            };
            let others = match (ranges(&there), size.is_some()) {
                (others, true) if !others.is_empty() => {
                    format!(", or only the others to be asked for: --frames {others}")
                }
                _ => String::new(),
            };
            let expected = format!("the file beside its master file{others}");
            let found = format!("{}, which would hold {which}{more}", part.lacking);
            return Err(Problem::new(part.name.as_str(), expected, found));
        }
        let Some([height, width]) = size else {
            return Err(Problem::new(DATA, "frames", "none"));
        };
        self.note(first, &absent, notes);
        let names = self.parts.iter().map(|part| part.name.clone()).collect();
        Ok(Frames { names, shape: [first, height, width], absent })
    }

    /// Says what the number of frames is unlike.
    fn note(&self, found: usize, absent: &[(usize, usize)], notes: &mut Vec<String>) {
        for &(at, frames) in absent {
            let Part { name, lacking, .. } = &self.parts[at];
            notes
                .push(format!("{name}: {lacking}; its {frames} frames are left out, as specified"));
        }
        let Some((images, triggers)) = self.asked else { return };
        let asked = images.saturating_mul(triggers);
        if found != asked {
            notes.push(format!(
                "{DATA}: {found} frames, where {asked} were asked for (nimages {images}, ntrigger \
                 {triggers}): the series was cut short, or files are missing in the master file"
            ));
        }
    }

    /// The raster of an only array that has its rows and columns as axes.
    pub(super) fn raster(&self) -> Option<(usize, usize)> {
        match self.parts.as_slice() {
            [only] => only.raster,
            _ => None,
        }
    }

    /// The raster that triggers and their frames are, and what says so.
    pub(super) fn likely_raster(&self) -> Option<((usize, usize), String)> {
        let (images, triggers) =
            self.asked.filter(|&(images, triggers)| images > 1 && triggers > 1)?;
        Some((
            (triggers, images),
            format!("the file has {triggers} triggers of {images} frames each"),
        ))
    }
}

impl Part {
    /// Looks at an array of a master file. What is there and damaged is an error.
    fn new(file: &Hdf5, name: String) -> Result<Self, Error> {
        let path = file.link_target(&name);
        let missing = path.as_ref().is_some_and(|path| !path.exists());
        let shape = if missing { None } else { file.shape(&name)? };
        let lacking = match path {
            Some(path) if missing => format!("no file {}", path.display()),
            Some(path) => format!("nothing of that name in {}", path.display()),
            None => "nothing".to_owned(),
        };
        let (shape, raster) = match shape.as_deref() {
            Some(&[rows, columns, height, width]) => {
                let flat = vec![rows.saturating_mul(columns), height, width];
                (Some(flat), Some((rows, columns)))
            }
            _ => (shape, None),
        };
        let frames = shape.as_ref().and_then(|shape| shape.first().copied());
        Ok(Self { name, shape, raster, lacking, frames })
    }
}

/// Ranges of indices, ends left out of them, in the words of the options.
fn ranges(all: &[(usize, usize)]) -> String {
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for &(from, end) in all.iter().filter(|(from, end)| from < end) {
        match joined.last_mut() {
            Some(last) if last.1 == from => last.1 = end,
            _ => joined.push((from, end)),
        }
    }
    let words: Vec<String> =
        joined.iter().map(|(from, end)| format!("{from}-{}", end - 1)).collect();
    words.join(",")
}
