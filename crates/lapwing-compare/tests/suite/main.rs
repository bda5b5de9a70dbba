//! The tests of this crate from outside, one module a subject: one program, so that it is compiled
//! and linked once.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod catalogue;
mod common;
mod compare;
mod invariance;
mod probe;
mod record;
mod robust;
