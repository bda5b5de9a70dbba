//! Named, seeded generators of random numbers that do not depend on threads or on the order of
//! draws elsewhere.
//!
//! Every use of randomness has a name ("exposure", "scan jitter", ...) and, where work is split, an
//! index (a pattern, an epoch). The generator is ChaCha with 8 rounds. Its 256-bit key is made of
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..8 | the seed, little-endian |
//! | 8..16 | the 64-bit FNV-1a hash of the name's UTF-8 bytes, little-endian |
//! | 16..32 | the ASCII text `lapwing stream 1` |
//!
//! and the 64-bit stream number is the index. The cipher does the mixing: keys that differ in one
//! bit give unrelated numbers, so equal seeds under different names, and neighbouring seeds or
//! indices, are independent.

use rand::SeedableRng;
pub use rand_chacha::ChaCha8Rng as Generator;

/// Last part of every key; the number changes if the meaning of keys ever does.
const TAG: &[u8; 16] = b"lapwing stream 1";

/// The generator called `name`, number `index`, under `seed`.
pub fn generator(seed: u64, name: &str, index: u64) -> Generator {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&fnv1a(name.as_bytes()).to_le_bytes());
    key[16..].copy_from_slice(TAG);
    let mut generator = Generator::from_seed(key);
    generator.set_stream(index);
    generator
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo; RFC 9923).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt};

    #[test]
    fn fnv1a_gives_the_published_test_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn golden_values() {
        // Computed by tests/fixtures/chacha8.py, an independent ChaCha8 in plain Python.
        let first = |seed, name, index| generator(seed, name, index).next_u64();
        assert_eq!(first(42, "exposure", 0), GOLDEN[0]);
        assert_eq!(first(42, "exposure", 1), GOLDEN[1]);
        assert_eq!(first(43, "exposure", 0), GOLDEN[2]);
        assert_eq!(first(42, "scan jitter", 0), GOLDEN[3]);
    }

    const GOLDEN: [u64; 4] = [
        0x051b_bec8_6e0c_898f,
        0xf605_c032_042e_39eb,
        0xc5ac_24f1_df08_8ddb,
        0x4ca2_470a_3b7e_87cb,
    ];

    #[test]
    fn generators_of_neighbouring_seeds_names_and_indices_are_uncorrelated() {
        let draws = |seed, name, index| -> Vec<f64> {
            let mut generator = generator(seed, name, index);
            (0..20_000).map(|_| generator.random::<f64>() - 0.5).collect()
        };
        let reference = draws(1, "a", 0);
        for other in [draws(2, "a", 0), draws(1, "b", 0), draws(1, "a", 1)] {
            let dot: f64 = reference.iter().zip(&other).map(|(a, b)| a * b).sum();
            // Standard deviation of the sum: sqrt(20000) / 12 = 11.8.
            assert!(dot.abs() < 60.0, "{dot}");
        }
    }
}
