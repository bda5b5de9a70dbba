//! What a design may say of a measured scan, and nothing comes of where data are simulated from
//! object, probe and positions of a file, whose own patterns are not read.

use crate::design::error::DesignError;
use lapwing_files::ReadOptions;
use lapwing_files::options::Geometry;
use lapwing_files::physics::PhysicsOptions;

/// Refuses options of reading that would change the data of a measured study, and do not change
/// those of one that is simulated from a base.
///
/// # Errors
/// The first of them, with what to say instead.
pub(super) fn check(said: &ReadOptions) -> Result<(), DesignError> {
    let physics = physics(&said.physics).map(|key| (key, format!("say {key} under [physics]")));
    let geometry = said.geometry.map(|geometry| {
        let instead = match geometry {
            Geometry::NearField => "say fresnel_number under [physics] for a near field",
            _ => "leave it out, and take a base whose metadata state no near field",
        };
        ("geometry", instead.to_owned())
    });
    let of_patterns = of_patterns(said).map(|key| {
        let instead = match key {
            "scan_shape" | "scan_step_m" | "scan_snake" | "positions" => {
                "write a section [scan], or xcoords and ycoords into the base"
            }
            "detector_window" | "binning" | "detector_centre" => {
                "say pattern_size under [study] with a section [probe], for another size"
            }
            _ => "leave it out",
        };
        (key, format!("{instead}; or say measured in place of file, for its own patterns"))
    });
    match physics.or(geometry).or(of_patterns) {
        None => Ok(()),
        Some((key, instead)) => Err(DesignError::Base(format!(
            "{key}: expected no such key beside file, for data are simulated from the object, the \
             probe and the positions of a base, of which it changes nothing; {instead}"
        ))),
    }
}

/// What is said of how patterns come about.
fn physics(said: &PhysicsOptions) -> Option<&'static str> {
    let PhysicsOptions {
        fresnel_number,
        fly,
        detector_blur,
        slices,
        slice_fresnel_number,
        slice_spacing,
    } = said;
    first([
        ("fresnel_number", fresnel_number.is_some()),
        ("fly", fly.is_some()),
        ("detector_blur", detector_blur.is_some()),
        ("slices", slices.is_some()),
        ("slice_fresnel_number", slice_fresnel_number.is_some()),
        ("slice_spacing", slice_spacing.is_some()),
    ])
}

/// What is said of patterns: which there are, which of their pixels are used, what their numbers
/// mean, and where they were taken.
fn of_patterns(said: &ReadOptions) -> Option<&'static str> {
    let experiment = &said.experiment;
    let (detector, patterns, scan) = (&experiment.detector, &experiment.patterns, &experiment.scan);
    first([
        ("detector_centre", detector.centre.is_some()),
        ("detector_window", detector.window.is_some()),
        ("binning", detector.binning.is_some_and(|binning| binning > 1)),
        ("mask", detector.mask.is_some()),
        ("mask_hot", said.mask_hot),
        ("mask_negative", said.mask_negative),
        ("counts_per_quantum", patterns.counts_per_quantum.is_some()),
        ("dark_level", patterns.dark_level.is_some()),
        ("leave_out_frames", !patterns.leave_out_frames.is_empty()),
        ("frames", patterns.frames.is_some()),
        ("region", patterns.region.is_some()),
        ("every", patterns.every.is_some_and(|every| every > 1)),
        ("scan_shape", scan.shape.is_some()),
        ("scan_step_m", scan.step_m.is_some()),
        ("scan_snake", scan.snake),
        ("scan_rotation_deg", scan.rotation_deg.is_some()),
        ("positions", scan.positions.is_some()),
        ("join", !said.join.is_empty()),
        ("companion", said.companion.is_some()),
    ])
}

fn first<const N: usize>(keys: [(&'static str, bool); N]) -> Option<&'static str> {
    keys.into_iter().find(|(_, said)| *said).map(|(key, _)| key)
}
