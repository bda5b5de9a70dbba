//! Pictures of fields, scans and curves: PNG bytes and SVG text, the same bytes for the same input.
//!
//! Key types: [`Painter`] turns a real or complex field into a [`Picture`] (and that into a PNG), [`Plot`](plot::Plot) and
//! [`ScanPlot`](scan::ScanPlot) write SVG, [`figure()`](figure::figure) sets several pictures with titles and colour bars side by
//! side in one PNG.
//!
//! ```
//! use lapwing_draw::{Colormap, Painter};
//! let values = ndarray::Array2::from_shape_fn((32, 48), |(y, x)| (x * y) as f32);
//! let png = Painter::default().map(Colormap::Magma).enlarge_to(96).scalar(values.view()).png();
//! assert_eq!(&png[1..4], b"PNG");
//! ```

pub mod colormap;
pub mod field;
pub mod picture;
pub mod range;

pub use colormap::{Colormap, Rgb};
pub use field::Painter;
pub use picture::{ColourScale, Picture};
