//! Whether the long sweeps are asked for.

/// `LAPWING_LONG_TESTS=1`, as `.ci/run` sets it.
pub fn long() -> bool {
    std::env::var_os("LAPWING_LONG_TESTS").is_some_and(|value| value == "1")
}
