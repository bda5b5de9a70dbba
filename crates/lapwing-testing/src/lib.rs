//! What the tests of all crates share: the features of dependencies that they are built with
//! (`Cargo.toml`), and which of them are long.
#![allow(clippy::print_stderr)] // Tests say what they leave out.

/// Whether the long tests are asked for: `LAPWING_LONG_TESTS=1`, as `.ci/run` sets it.
pub fn long_tests() -> bool {
    std::env::var_os("LAPWING_LONG_TESTS").is_some_and(|value| value == "1")
}

/// Whether a test is left out, which it says, since it is one of the long ones.
pub fn left_out() -> bool {
    if !long_tests() {
        eprintln!("SKIPPED: a long test; LAPWING_LONG_TESTS=1 runs it");
    }
    !long_tests()
}

/// The whole of a sweep where the long tests are asked for, else its first values.
pub fn swept<T>(all: &[T], first: usize) -> &[T] {
    if long_tests() { all } else { &all[..first] }
}
