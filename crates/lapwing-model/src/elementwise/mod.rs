//! Products and sums over rows of complex numbers, eight at a time, in the widest instructions of
//! the processor at hand.
//!
//! The compiler may not use more than the oldest processors offer, and complex numbers lie in
//! memory as pairs, which it does not take apart well. So the loops that a reconstruction spends
//! its time in are written out here. Slices that belong together must be equally long; excess
//! elements are ignored.
//!
//! The same machine gives the same bits always; processors with other instructions may differ in
//! the last ones.

mod packed;
mod parts;
mod products;
mod quotients;
mod sums;
#[cfg(test)]
mod tests;

pub use packed::{Packed, five_products};
pub use parts::{put_together, take_apart};
pub use products::{
    add_conjugate_scaled, add_scaled, conjugate_product, multiply, multiply_conjugate,
    multiply_scaled, scale,
};
pub use quotients::{add_quotient, divide_damped};
pub use sums::{add_both, add_power, largest, real_dot, update};

use fearless_simd::Level;
use std::sync::OnceLock;

/// The vector instructions of this processor, detected once.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(Level::new)
}
