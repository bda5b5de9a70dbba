//! `Dataset`, and reading it from files.

mod class;
mod made;
pub mod options;
pub mod pickle;
pub mod read;
mod saved;
pub mod shown;

pub use class::Dataset;
pub use options::{known, reading};
