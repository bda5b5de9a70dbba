//! Problems are checked, and are the same wherever their patterns come from.

mod checked;
mod replicated;
mod spooled;
