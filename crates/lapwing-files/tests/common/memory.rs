//! The peak of memory that a piece of work takes, and the limits that hostile files must keep.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Bytes that reading a hostile file may take at most.
pub const MEMORY: usize = 200 << 20;
/// Time that reading a hostile file may take at most.
pub const TIME: Duration = Duration::from_secs(1);

/// The system's allocator, which also keeps the peak of what is allocated.
pub struct Counting;
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; the counters do not touch
// the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's
        // allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What `work` returns, and the peak of the bytes allocated meanwhile by the whole process, beyond
/// those before.
pub fn measured<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (result, PEAK.load(Relaxed).saturating_sub(before))
}

/// Time that this thread spent computing; unlike the clock on the wall it does not run while others
/// do.
#[cfg(target_os = "linux")]
pub fn computing() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of this function.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Elsewhere, the clock on the wall.
#[cfg(not(target_os = "linux"))]
pub fn computing() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Runs one reading of a hostile file and panics when it went beyond a limit.
pub fn limited<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let start = computing();
    let (result, memory) = measured(work);
    let time = computing() - start;
    assert!(time < TIME, "{what}: {time:?}");
    assert!(memory < MEMORY, "{what}: {memory} bytes");
    result
}
