//! Memory: what the patterns of a file take, and what this process may still take.

use lapwing_files::{ReadOptions, dialect};
use std::path::Path;

/// Bytes of the patterns of a file as 32-bit numbers, from its headers; `None` when they cannot be
/// read.
pub(crate) fn stack_bytes(path: &Path, reading: &ReadOptions) -> Option<u64> {
    dialect::pattern_values(path, reading).map(|values| values.saturating_mul(4))
}

/// Bytes that this process may still take: what the system has free, or less where the process has
/// a limit of its own, as under Slurm or in a container; `None` where nothing tells.
pub(crate) fn free_memory() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(limit_of_group().map_or(free * 1024, |limit| limit.min(free * 1024)))
}

/// The smallest memory limit of the control groups (version 2) around this process, less what they
/// use.
fn limit_of_group() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = told.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let number = |group: &Path, name: &str| -> Option<u64> {
        std::fs::read_to_string(group.join(name)).ok()?.trim().parse().ok()
    };
    let left = |group: &Path| {
        let limit = number(group, "memory.max")?;
        Some(limit.saturating_sub(number(group, "memory.current").unwrap_or(0)))
    };
    root.join(own).ancestors().take_while(|group| group.starts_with(root)).filter_map(left).min()
}
