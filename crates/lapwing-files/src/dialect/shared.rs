//! What several dialects do with what they find.

use lapwing_model::Position;

use crate::npz::Archive;
use crate::options::{CoordinateOrder, ReadOptions};
use crate::{Error, Metadata, metadata, physics};

/// Whether an archive holds an array that is not to be passed over.
pub(super) fn holds(archive: &Archive, name: &str, options: &ReadOptions) -> bool {
    archive.contains(name) && !options.leaves_out(name)
}

/// The metadata of an archive, unless they are to be passed over.
pub(super) fn stored_metadata(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Option<Metadata>, Error> {
    if archive.contains(metadata::KEY) && options.leaves_out(metadata::KEY) {
        notes.push(format!("{}: left out", metadata::KEY));
        return Ok(None);
    }
    metadata::read(archive)
}

/// Side of an object pixel along the axis that the first and the second coordinate of a dialect lie
/// on once they are exchanged as the options say: what lengths are divided by before
/// [`positions`]. `pixel` is (y, x).
pub(super) fn by_coordinate(pixel: (f64, f64), options: &ReadOptions) -> (f64, f64) {
    match options.coordinate_order {
        Some(CoordinateOrder::ColumnRow) => (pixel.1, pixel.0),
        _ => pixel,
    }
}

/// Positions from the two coordinates of a dialect, with what the options say about them.
pub(super) fn positions(
    rows: Vec<f64>,
    columns: Vec<f64>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Vec<Position> {
    let exchanged = options.coordinate_order == Some(CoordinateOrder::ColumnRow);
    let (rows, columns) = if exchanged { (columns, rows) } else { (rows, columns) };
    let sign = |flip: bool| if flip { -1.0 } else { 1.0 };
    let (sign_y, sign_x) = (sign(options.flip_y), sign(options.flip_x));
    for (done, what) in [
        (exchanged, "rows and columns of the positions exchanged, as specified"),
        (options.flip_y, "sign of the row coordinates reversed, as specified"),
        (options.flip_x, "sign of the column coordinates reversed, as specified"),
    ] {
        if done {
            notes.push(what.to_owned());
        }
    }
    rows.into_iter().zip(columns).map(|(y, x)| Position { y: sign_y * y, x: sign_x * x }).collect()
}

/// A displacement, exchanged and reversed as [`positions`] does the coordinates. It is in object
/// pixels of `sides` along (y, x), of which only the ratio counts; lengths are what is exchanged.
pub(super) fn followed(at: Position, sides: (f64, f64), options: &ReadOptions) -> Position {
    let sign = |flip: bool| if flip { -1.0 } else { 1.0 };
    let (y, x) = match options.coordinate_order {
        Some(CoordinateOrder::ColumnRow) => (at.x * sides.1 / sides.0, at.y * sides.0 / sides.1),
        _ => (at.y, at.x),
    };
    Position { y: sign(options.flip_y) * y, x: sign(options.flip_x) * x }
}

/// Whether [`positions`] exchanges or reverses anything.
pub(super) fn are_followed(options: &ReadOptions) -> bool {
    let exchanged = options.coordinate_order == Some(CoordinateOrder::ColumnRow);
    exchanged || options.flip_y || options.flip_x
}

/// Exchanges and reverses the stated motion of an exposure as [`followed`] does.
pub(super) fn follow_positions(
    metadata: &mut Metadata,
    sides: (f64, f64),
    options: &ReadOptions,
    notes: &mut Vec<String>,
) {
    let follow = |at| followed(at, sides, options);
    if are_followed(options) && physics::move_motion(metadata, follow) {
        notes.push("exposure_path_px: exchanged and reversed as the positions are".to_owned());
    }
}
