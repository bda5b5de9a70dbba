//! The tests of this crate from outside, one module a subject: one program, so that it is compiled
//! and linked once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answer;
mod browser;
mod contrast;
mod measured;
mod refined;
mod report;
mod support;
mod told;
mod zoom;
