//! The stated motion of an exposure where positions are brought into other coordinates.

use lapwing_model::Position;

use super::{MOTION, motion_of, record_motion};
use crate::metadata::Metadata;

/// Takes every place that metadata state of the motion of an exposure, a displacement of the
/// positions, to where `map`, which is linear, takes it. Whether any are stated.
pub(crate) fn move_motion(metadata: &mut Metadata, map: impl FnMut(Position) -> Position) -> bool {
    let stated = metadata.get("physics_parameters").and_then(|of| of.get(MOTION));
    let Some(places) = stated.and_then(motion_of).filter(|places| !places.is_empty()) else {
        return false;
    };
    record_motion(metadata, &places.into_iter().map(map).collect::<Vec<_>>());
    true
}
