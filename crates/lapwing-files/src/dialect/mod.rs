//! The dialects of the field, each converted at once to the project's conventions.
//!
//! A file is recognised by the names of its arrays; where it leaves something open it is refused
//! with what to say, and [`ReadOptions`] says it. What was understood comes back beside the data as
//! an [`Understanding`].
//!
//! A dialect is a file of this folder with one `Dialect` and a row of `DIALECTS` in
//! `table.rs`: it says which files are its own, and what it finds in them, in the project's
//! conventions. Everything else - the contract, scales and geometry in the metadata, the history -
//! is done by `settle`.

mod axes;
mod base;
mod by_name;
mod clean;
mod companion;
mod contradictions;
mod coordinates;
mod cube;
pub(crate) mod cxi;
mod definition;
mod described;
mod dm4;
mod eiger;
mod emd;
mod extras;
mod found;
pub(crate) mod geometry;
mod hints;
mod hspy;
mod join;
mod left_out;
mod marks;
mod mask_file;
pub(crate) mod masks;
mod matlab;
mod missing;
mod named;
mod ndata;
mod near_as_far;
mod npy_stack;
mod order;
mod pairs;
mod pinhole;
mod probe_window;
mod product;
mod ptychodus;
mod ptyd;
mod raster;
mod reframe;
mod settle;
mod shared;
pub(crate) mod stack;
mod stored;
mod study;
mod table;
mod tike;
mod turned;
mod unit;
mod values;
mod wanted;

pub use crate::options::{
    AxisOrder, CoordinateOrder, DialectName, Geometry, Quantity, ReadOptions, Understanding,
    ZeroFrequency,
};
pub use base::{Base, read_base, read_base_as};
pub use cxi::write_cxi;
pub use geometry::{FarFieldOptics, object_pixel, object_sides, state_square_pixels};
pub use pairs::positions_in_pixels;
pub use product::{Acquisition, Product};
pub use ptychodus::write_dp;
pub use study::check_count;
pub(crate) use study::unequal;
pub use table::{name_of, names, pattern_values, read, read_from, read_into};
