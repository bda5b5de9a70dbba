//! Where the patterns of a scan lie: the cut into train and test, the selection of a view, overlap
//! and coverage. Pure functions of positions; nothing here knows files or solvers.

pub mod coverage;
pub mod neighbours;
pub mod overlap;
pub mod selection;
pub mod split;
