//! Pictures of fields, scans and curves: PNG bytes and SVG text, the same bytes for the same input.
//!
//! Key types: [`Painter`] turns a real or complex field into a [`Picture`] (and that into a PNG),
//! [`Plot`] and [`ScanPlot`] write SVG, [`figure()`] sets several pictures with titles and colour
//! bars side by side in one PNG, a [`Pyramid`] is a field too large for one picture, in tiles and
//! with a page that zooms, and an [`ImageSheet`] is a table of pictures on common colours, as SVG
//! and PNG.
//!
//! ```
//! use lapwing_draw::{Colormap, Painter};
//! let values = ndarray::Array2::from_shape_fn((32, 48), |(y, x)| (x * y) as f32);
//! let png = Painter::default().map(Colormap::Magma).enlarge_to(96).scalar(values.view()).png();
//! assert_eq!(&png[1..4], b"PNG");
//! ```

pub mod axis;
mod canvas;
pub mod colormap;
pub mod contact_sheet;
pub mod field;
pub mod figure;
mod fit;
mod legend;
pub mod number;
mod panel_axes;
pub mod picture;
pub mod plot;
mod plot_area;
pub mod pyramid;
pub mod range;
mod raster;
mod reduce;
pub mod scale_bar;
pub mod scan;
mod scan_frame;
mod series;
pub mod sheet;
pub mod shifts;
pub mod svg;
mod text;

pub use axis::{Axis, Scale};
pub use colormap::{Colormap, Rgb};
pub use contact_sheet::{ContactSheet, Detector};
pub use field::Painter;
pub use figure::{Panel, figure, figure_under};
pub use picture::{ColourScale, NEUTRAL, Picture, is_drawn_here};
pub use plot::Plot;
pub use pyramid::Pyramid;
pub use scale_bar::ScaleBar;
pub use scan::ScanPlot;
pub use series::{Guide, Mark, Point, Series};
pub use sheet::{Block, ImageSheet};
pub use shifts::ShiftPlot;
pub use svg::Look;
