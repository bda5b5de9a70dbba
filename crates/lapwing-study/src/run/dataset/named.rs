//! The files that a solver's options name: an earlier reconstruction, a background.

use crate::design::solver::{BackgroundSource, Method, ObjectStart, SolverConfig, StudySolver};
use crate::{Result, StudyError};
use lapwing_files::{Container, Reconstruction};
use ndarray::{Array2, Ix2};
use std::path::Path;
use std::sync::Arc;

/// `config` with what the files hold that it names, as a reconstruction takes it.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub fn with_files_read(mut config: SolverConfig) -> Result<SolverConfig> {
    read_start(&mut config.start.object_start)?;
    if let BackgroundSource::File(file) = &config.noise.background {
        let counts = Arc::new(background(file)?);
        config.noise.background = BackgroundSource::Given { counts, file: file.clone() };
    }
    Ok(config)
}

/// [`with_files_read`] of a solver of a study.
pub(crate) fn of_solver(mut solver: StudySolver) -> Result<StudySolver> {
    match &mut solver.method {
        Method::Native(config) => *config = with_files_read(config.clone())?,
        Method::External(config) => read_start(&mut config.object_start)?,
    }
    Ok(solver)
}

fn read_start(start: &mut ObjectStart) -> Result<()> {
    if let ObjectStart::File(file) = start {
        let made = Reconstruction::read(&*file).map_err(|error| {
            StudyError::Invalid(format!(
                "start: expected flat, guess or the file of a reconstruction, found {}: {error}",
                file.display()
            ))
        })?;
        *start = ObjectStart::Given { made: Arc::new(made), file: Some(std::mem::take(file)) };
    }
    Ok(())
}

/// The background of a file, counts of every pixel, axes (y, x).
fn background(file: &Path) -> Result<Array2<f32>> {
    const NAME: &str = "background";
    let container = Container::open(file)?;
    let arrays = container.list()?;
    let name = match arrays.as_slice() {
        [only] => only.name.as_str(),
        _ => NAME,
    };
    let refused = |found: String| {
        StudyError::Invalid(format!(
            "{}: array {name}: expected the counts of every pixel, finite and not negative, axes \
             (y, x), found {found}",
            file.display()
        ))
    };
    let array = container.read(name)?.into_f32_array::<Ix2>();
    let array = array.map_err(|error| refused(error.to_string()))?;
    match array.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        Some(value) => Err(refused(value.to_string())),
        None => Ok(array),
    }
}
