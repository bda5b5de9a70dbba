//! What patterns depend on besides probe and object, in words.

use crate::Dataset;
use crate::options::Moves;
use lapwing_model::Short;
use lapwing_model::forward::{Physics, Propagation, Slices};

/// How the patterns come about, where that is no far field of a probe that stands still; `None` as
/// well where it is not known.
pub fn exposure_in_words(dataset: &Dataset) -> Option<String> {
    let physics = dataset.physics().ok()?;
    let mut said = Vec::new();
    let near = physics.propagation != Propagation::FarField;
    let mover = if near { physics.moves.into() } else { Moves::Probe };
    if let Propagation::NearField { fresnel_number } = physics.propagation {
        said.push(format!("Fresnel number of a pixel {:.4}", Short(fresnel_number)));
        if mover == Moves::Probe {
            said.push("the probe moves, over specimen and detector".to_owned());
        }
    }
    let places = physics.motion.len();
    match Physics::path(&physics.motion) {
        Some((y, x)) => said.push(format!(
            "the {mover} moves along ({y:.2}, {x:.2}) px, (y, x), in {places} steps"
        )),
        None if places > 0 => {
            said.push(format!("the {mover} is in {places} places during an exposure"));
        }
        None => {}
    }
    if physics.blur > 0.0 {
        said.push(format!("the detector blurs by {} px", Short(physics.blur)));
    }
    if let Some(Slices { count, fresnel_number }) = physics.slices {
        said.push(format!(
            "{count} slices, Fresnel number of a pixel over a gap {:.4}",
            Short(fresnel_number)
        ));
    }
    (!said.is_empty()).then(|| said.join("; "))
}
