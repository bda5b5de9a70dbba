#![no_main]

#[path = "../../tests/common/memory.rs"]
mod memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

libfuzzer_sys::fuzz_target!(
    init: {
        // One thread, this one: what a run does depends on its bytes alone.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    },
    |bytes: &[u8]| memory::limited("pickle", || lapwing_files_fuzz::pickle(bytes))
);
