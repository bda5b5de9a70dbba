//! Helpers of the unit tests.

use crate::Complex32;

/// Reproducible complex numbers in the unit square around zero.
pub(crate) fn random_field(len: usize, seed: u64) -> Vec<Complex32> {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..len)
        .map(|_| Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
        .collect()
}
