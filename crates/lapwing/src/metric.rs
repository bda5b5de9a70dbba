//! The names of metrics as people write them.

use lapwing_compare::Metric;

/// Title and unit of the number that is called `name` in JSON; a name that is not in the catalogue
/// as it is.
pub fn label(name: &str) -> String {
    Metric::find(name).map_or_else(|| name.replace('_', " "), Metric::label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_that_people_use() {
        for (name, expected) in [
            ("amplitude_ssim", "amplitude SSIM"),
            ("phase_ms_ssim_decimated", "phase MS-SSIM, decimated"),
            ("amplitude_frc_0_5", "amplitude FRC 1/2, cycles/px"),
            ("complex_frc_1_7", "complex FRC 1/7, cycles/px"),
            ("complex_nrmse", "complex NRMSE"),
            ("complex_correlation", "complex correlation"),
            ("phase_mae", "phase MAE, rad"),
            ("phase_frc_half_bit", "phase FRC half-bit, cycles/px"),
            ("phase_resolution_0_5_px", "phase resolution 1/2, px"),
            ("complex_resolution_one_bit_nm", "complex resolution one-bit, nm"),
            ("probe_nrmse", "probe NRMSE"),
            ("shift_y", "shift removed along y, px"),
            ("scale", "scale removed"),
            ("phase_offset", "phase removed, rad"),
            ("novel", "novel"),
        ] {
            assert_eq!(label(name), expected);
        }
    }
}
