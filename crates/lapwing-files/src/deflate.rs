//! What deflate can do at most.

/// How many times longer than its compressed bytes data may be: more than deflate can reach is
/// damage, or an attack.
pub(crate) const MOST: u64 = 1032;
