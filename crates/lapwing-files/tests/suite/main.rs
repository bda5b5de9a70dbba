//! The tests of this crate from outside, one module a subject: one program, so that it is compiled
//! and linked once. Those that watch the memory of their own process are programs of their own.

mod blo;
mod by_name;
mod chosen;
mod clipped;
mod contradictions;
mod described;
mod dialects;
mod flown;
mod formats;
mod gaps;
mod hdf5;
mod joined;
mod matlab;
mod merlin;
mod npy_stack;
mod numpy_files;
mod options;
mod python_reads;
mod reconstruction;
mod reframed;
mod remarks;
mod rewritten;
mod second_files;
mod series;
mod stacks;
mod storage;
mod strangers;
mod turned;
