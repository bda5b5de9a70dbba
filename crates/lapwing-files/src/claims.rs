//! What an array may claim, and what deflate can do at most.

/// How many times longer than its compressed bytes data may be: more than deflate can reach is
/// damage, or an attack.
pub(crate) const MOST: u64 = 1032;

/// An array of so many bytes is read whatever the length of what is stored of it: the rest has the
/// fill value.
pub(crate) const SMALL: u64 = 1 << 20;
/// A chunk of so many bytes is unpacked however little of it the array holds.
pub(crate) const SMALL_CHUNK: u64 = 64 << 20;
/// How much longer than all of its array a chunk may be otherwise.
pub(crate) const MOST_CHUNK: u64 = 4;
