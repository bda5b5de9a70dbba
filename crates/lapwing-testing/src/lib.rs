//! What the tests of all crates share: the features of dependencies that they are built with
//! (`Cargo.toml`), and which of them are long.

/// Whether the long tests are asked for: `LAPWING_LONG_TESTS=1`, as `.ci/run` sets it.
pub fn long_tests() -> bool {
    std::env::var_os("LAPWING_LONG_TESTS").is_some_and(|value| value == "1")
}
