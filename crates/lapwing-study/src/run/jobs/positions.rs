//! Where patterns were taken, as jobs need it before they read them.

use crate::design::condition::{Case, Split};
use crate::run::dataset::stream::Streaming;
use crate::run::jobs::plan::Plan;
use crate::{Result, StudyError};
use lapwing_files::ReadOptions;
use lapwing_files::reconstruction::read_positions;
use lapwing_model::Position;
use std::collections::HashMap;
use std::path::Path;

/// The positions of each split as a whole: all views of a split are compared over the same area.
pub(super) struct Areas<'a> {
    pub plan: &'a Plan,
    reading: &'a ReadOptions,
    known: HashMap<(u64, Split), Vec<Position>>,
}

impl<'a> Areas<'a> {
    /// None are known yet of the splits of `plan`, which are read as `reading` says.
    pub fn new(plan: &'a Plan, reading: &'a ReadOptions) -> Self {
        Self { plan, reading, known: HashMap::new() }
    }

    /// Those of the split's own file, the same in all repeats; of the view where that file does not
    /// exist.
    pub fn of(&mut self, case: &Case, stream: Streaming) -> Result<Vec<Position>> {
        let condition = case.condition;
        let key = (condition.dose, condition.split);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let roots = &self.plan.roots;
        let read = |file: &Path| positions(file, self.reading, stream, &roots.artifacts);
        let split = roots.split(condition, case.repeat);
        if !split.is_file() {
            return read(&roots.input(condition, case.repeat));
        }
        let scan = read(&split)?;
        self.known.insert(key, scan.clone());
        Ok(scan)
    }
}

/// The window centres in a data set's file, without its patterns unless something is said about how
/// to read them: these stay out of memory as `stream` says, in `folder` then.
///
/// # Errors
/// When the file cannot be read, or holds no `xcoords` and `ycoords` of one length.
pub(super) fn positions(
    path: &Path,
    reading: &ReadOptions,
    stream: Streaming,
    folder: &Path,
) -> Result<Vec<Position>> {
    if *reading != ReadOptions::default() {
        return Ok(stream.read(path, reading, folder)?.0.scan);
    }
    positions_alone(path).map_err(|error| match error {
        StudyError::Files(of) if matches!(*of, lapwing_files::Error::Coordinates { .. }) => {
            StudyError::Invalid(format!(
                "{of}; make the file anew, or --common takes the first ones of both"
            ))
        }
        error => error,
    })
}

/// The window centres in a file of the study's format, which need hold nothing else.
///
/// # Errors
/// When the file cannot be read, or holds no `xcoords` and `ycoords` of one length.
pub fn positions_alone(path: &Path) -> Result<Vec<Position>> {
    let refused = |text: String| StudyError::Invalid(format!("{}: {text}", path.display()));
    let scan = read_positions(path)?.ok_or_else(|| {
        refused("expected the positions of a scan, xcoords and ycoords, found none".to_owned())
    })?;
    match scan.iter().position(|at| !(at.y.is_finite() && at.x.is_finite())) {
        Some(index) => Err(refused(format!(
            "positions: expected finite numbers, found y {}, x {} at index {index}",
            scan[index].y, scan[index].x
        ))),
        None => Ok(scan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::Dataset;

    #[test]
    fn patterns_read_for_their_positions_stay_out_of_memory_as_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scan.npz");
        let (diffraction, _) = Dataset::amplitudes(ndarray::Array3::from_elem((3, 8, 8), 4.0));
        let scan: Vec<Position> = (0..3).map(|x| Position { y: 4.0, x: f64::from(x) }).collect();
        Dataset { diffraction, scan: scan.clone(), ..Dataset::default() }.write(&file).unwrap();
        let said = ReadOptions { pixel_size: Some(1e-8), ..ReadOptions::default() };
        let nowhere = folder.path().join("nowhere");
        let of = |reading, stream, folder: &Path| positions(&file, reading, stream, folder);
        assert_eq!(of(&said, Streaming::Always, folder.path()).unwrap(), scan);
        // They fit into the machine, not into what a run may take.
        assert_eq!(of(&said, Streaming::Auto, &nowhere).unwrap(), scan);
        let within = of(&said, Streaming::Within(1000), &nowhere).unwrap_err().to_string();
        assert!(within.contains("nowhere"), "{within}");
        // Nothing said: no pattern is read.
        assert_eq!(of(&ReadOptions::default(), Streaming::Always, &nowhere).unwrap(), scan);
    }
}
