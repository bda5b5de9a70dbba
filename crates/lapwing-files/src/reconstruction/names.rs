//! Names in a file of this program.

/// Name of the file in a folder of results.
pub const FILE_NAME: &str = "reconstruction.npz";
/// Array of the object in a file of this program.
pub const OBJECT: &str = "reconstructed_object";
pub(super) const PROBE: &str = "reconstructed_probe";
pub(super) const EIGENMODES: &str = "probe_eigenmodes";
pub(super) const WEIGHTS: &str = "probe_weights";
pub(super) const BEAM_POWER: &str = "beam_power";
pub(super) const POSITIONS: &str = "positions";
/// Window centres before they were refined.
pub(super) const MEASURED: &str = "measured_positions";
pub(super) const LOSS: &str = "loss";
pub(super) const AMPLITUDE_SD: &str = "object_amplitude_sd";
pub(super) const PHASE_SD: &str = "object_phase_sd";
pub(super) const ORIGIN: &str = "reconstructed_object_origin";
pub(super) const ALGORITHM: &str = "algorithm";
pub(super) const TIMESTAMP: &str = "timestamp";
/// What the history of the metadata calls a reconstruction.
pub(super) const OPERATION: &str = "reconstruct";
