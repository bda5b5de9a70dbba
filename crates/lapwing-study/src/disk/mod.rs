//! A study on disk: where everything is, what the records hold, who works in a folder, and what a
//! file was made from.

pub mod checkpoint;
pub mod folder;
pub mod hash;
pub(crate) mod ledger;
pub mod lock;
pub mod record;
pub mod runs;
