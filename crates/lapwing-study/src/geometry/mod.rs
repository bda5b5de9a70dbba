//! Where the patterns of a scan lie: their place on the object, the cut into train and test, the
//! selection of a view, overlap and coverage. Pure functions of positions; nothing here knows files
//! or solvers.

pub(crate) mod coverage;
pub(crate) mod grid;
pub(crate) mod neighbours;
pub mod overlap;
pub mod place;
pub mod selection;
pub mod split;
pub mod step;
pub(crate) mod turn;
