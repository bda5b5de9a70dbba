//! The tests of the command line, one module a subject: one program, so that it is compiled and
//! linked once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod again;
mod answer;
mod bad_input;
mod beside;
#[cfg(unix)]
mod cluster;
mod common;
mod compare;
mod contract;
mod coordinates;
#[cfg(unix)]
mod crash;
mod devices;
mod documents;
mod experiment;
mod far_enough;
mod field;
mod handed_on;
mod hostile;
mod json;
mod large;
mod noise;
mod numbers;
mod outputs;
mod physics;
mod pipeline;
mod places;
#[cfg(unix)]
mod processes;
mod quick_study;
mod reference;
mod reframed;
mod remarks;
mod replaced;
mod scans;
mod shell;
mod siemens_star;
mod slices;
mod solvers;
mod start;
mod stream;
mod threads;
#[cfg(unix)]
mod typed;
mod usage;
mod without_design;
