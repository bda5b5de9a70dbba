//! What a study is to do: the user's file, and the design that is run.
//!
//! In the user's file everything is optional. [`Design::parse`] fills in the rest, refuses what
//! cannot be run, and returns a design in which everything is settled; it is written back as
//! `study.toml` beside the results, and reads back as itself.

mod base;
mod change;
mod check;
pub mod condition;
mod error;
pub mod external;
mod further_views;
mod goal;
mod keys;
mod radiation;
pub(crate) mod resources;
mod settled;
pub mod solver;
#[cfg(test)]
mod tests;
mod unused;
mod written;

pub use base::{BaseFile, MeasuredBase};
pub use error::DesignError;
pub use goal::Goal;
pub use radiation::Radiation;
pub use resources::Resources;
pub use settled::{
    Design, Exposures, FluenceArea, MAX_PATTERN_VALUES, Matrix, ScanSection, Seeds, Source,
    SpecimenSection, ViewRules,
};
pub(crate) use settled::{cases, solver_of};

use std::path::Path;

/// A commented design with all the defaults, for people to start from.
pub const TEMPLATE: &str = include_str!("study.template.toml");

impl Design {
    /// Reads a design file; relative paths are taken from the file's own folder and made absolute.
    /// A study without a name has that of its file.
    ///
    /// # Errors
    /// When the file cannot be read, is empty or holds no design, or the design breaks a rule.
    pub fn load(path: &Path) -> Result<Self, DesignError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DesignError::Unreadable { path: path.to_path_buf(), source })?;
        let path = std::path::absolute(path)
            .map_err(|source| DesignError::Unreadable { path: path.to_path_buf(), source })?;
        Self::of_file(&path, &text, path.parent().unwrap_or(Path::new(".")))
    }

    /// The design in the file `path`, which holds `text`.
    pub(crate) fn of_file(path: &Path, text: &str, folder: &Path) -> Result<Self, DesignError> {
        if text.trim().is_empty() {
            return Err(DesignError::Empty { path: path.to_path_buf() });
        }
        let mut design = Self::parse(text, folder)?;
        if !written::has_name(text) {
            design.study.name = name_of(path).unwrap_or(design.study.name);
        }
        Ok(design)
    }

    /// Settles the design in `text`; relative paths are taken from `folder`.
    ///
    /// # Errors
    /// When the text is no design, or the design breaks a rule.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, DesignError> {
        let written: written::WrittenDesign = toml::from_str(text).map_err(DesignError::Syntax)?;
        let design = written.resolve(folder)?;
        check::check(&design)?;
        Ok(design)
    }

    /// The text of `study.toml`.
    ///
    /// # Errors
    /// When the design, made in memory, holds something that TOML does not.
    pub fn to_toml(&self) -> Result<String, DesignError> {
        toml::to_string(self).map_err(DesignError::Unwritable)
    }
}

/// The name of a study whose design, in this file, gives none: that of the file, or of its folder
/// where the file is called as all are.
fn name_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?;
    let name = match stem.to_str() {
        Some("study" | "design") => path.parent().and_then(Path::file_name).unwrap_or(stem),
        _ => stem,
    };
    Some(name.to_string_lossy().into_owned())
}

impl Default for Design {
    /// The constants of the reference study.
    fn default() -> Self {
        written::WrittenDesign::default_design()
    }
}
