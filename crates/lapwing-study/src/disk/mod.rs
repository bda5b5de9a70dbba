//! A study on disk: where everything is, what the records hold, who works in a folder, and what a
//! file was made from.

pub mod checkpoint;
mod findings;
pub(crate) mod folder;
pub mod foreign;
pub(crate) mod hash;
pub(crate) mod json;
pub mod layout;
pub(crate) mod ledger;
pub mod lock;
mod outcome;
pub(crate) mod path;
pub mod record;
pub(crate) mod runs;
mod shard;
pub(crate) mod shifts;
pub(crate) mod variation;
