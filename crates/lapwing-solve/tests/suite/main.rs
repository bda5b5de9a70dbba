//! Solvers on simulated scans, one module for each and one for what goes beyond them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod beyond;
mod common;
mod lsqml;
mod misfit;
mod ml;
mod outside;
mod physics;
mod pie;
mod projection;
mod uncertainty;
