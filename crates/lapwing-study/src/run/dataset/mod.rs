//! Data sets of a study: opened or kept in scratch files, simulated, thinned, and cut into views.

pub mod data;
pub(crate) mod memory;
pub(crate) mod named;
pub mod sample;
pub mod stream;
pub(crate) mod thinned;
pub mod views;
