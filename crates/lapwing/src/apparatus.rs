//! What is not ideal about beam, stage and detector of a simulation.

use crate::value;
use clap::Args;
use lapwing_model::simulate::Apparatus;

/// Beam, stage and detector.
#[derive(Debug, Args)]
#[command(next_help_heading = "Beam, stage and detector")]
pub struct ApparatusArgs {
    /// Standard deviation of the logarithm of the beam's power, drawn for every pattern
    #[arg(long, value_name = "SIGMA", value_parser = value::positive)]
    beam_flicker: Option<f64>,
    /// Share of its power that the beam loses, evenly from the first pattern to the last
    #[arg(long, value_name = "F", value_parser = value::share)]
    beam_fading: Option<f64>,
    /// Change of the probe's focus, evenly from the first pattern to the last, radians at the
    /// aperture's edge (for `reconstruct --probe-eigenmodes`)
    #[arg(long, value_name = "RAD", value_parser = value::number)]
    focus_drift: Option<f64>,
    /// Standard deviation of the probe's focus, drawn for every pattern, radians
    #[arg(long, value_name = "RAD", value_parser = value::positive)]
    focus_flicker: Option<f64>,
    /// Scale of the places where patterns are taken over the positions that are told, about their
    /// mean (for `reconstruct --refine-scan affine`, as the three below)
    #[arg(long, value_name = "F", value_parser = value::positive)]
    scan_scale: Option<f64>,
    /// The same along rows, and its inverse along columns
    #[arg(long, value_name = "F", value_parser = value::positive)]
    scan_aspect: Option<f64>,
    /// Rotation of these places, from rows towards columns
    #[arg(long, value_name = "DEGREES", value_parser = value::number)]
    scan_rotation_deg: Option<f64>,
    /// Shear of these places: columns go with rows
    #[arg(long, value_name = "F", value_parser = value::number)]
    scan_shear: Option<f64>,
    /// How far these places go away from the positions, evenly from the first pattern to the last,
    /// pixels: a specimen that drifts, or a beam that wanders (`--refine-scan drift`)
    #[arg(long, value_name = "DY,DX", value_parser = value::along)]
    scan_drift: Option<(f64, f64)>,
    /// Standard deviation of each of them along each axis, pixels (`--refine-scan positions`)
    #[arg(long, value_name = "PX", value_parser = value::positive)]
    scan_scatter: Option<f64>,
    /// Counts at which a pixel saturates: it holds no more
    #[arg(long, value_name = "COUNTS", value_parser = value::positive)]
    saturation: Option<f64>,
}

impl ApparatusArgs {
    /// The same for the library.
    pub fn settled(&self) -> Apparatus {
        let usual = Apparatus::default();
        Apparatus {
            beam_flicker: self.beam_flicker.unwrap_or(usual.beam_flicker),
            beam_fading: self.beam_fading.unwrap_or(usual.beam_fading),
            focus_drift: self.focus_drift.unwrap_or(usual.focus_drift),
            focus_flicker: self.focus_flicker.unwrap_or(usual.focus_flicker),
            scan_scale: self.scan_scale.unwrap_or(usual.scan_scale),
            scan_aspect: self.scan_aspect.unwrap_or(usual.scan_aspect),
            scan_rotation_deg: self.scan_rotation_deg.unwrap_or(usual.scan_rotation_deg),
            scan_shear: self.scan_shear.unwrap_or(usual.scan_shear),
            scan_drift: self.scan_drift.unwrap_or(usual.scan_drift),
            scan_scatter: self.scan_scatter.unwrap_or(usual.scan_scatter),
            saturation: self.saturation,
        }
    }
}
