//! The names of metrics as people write them.

/// What people call a metric, with its unit; `name` is its name in JSON.
pub fn label(name: &str) -> String {
    let (what, measure) = name.split_once('_').unwrap_or(("", name));
    let measure = match (what, measure) {
        ("phase", "mae") => "MAE, rad",
        ("phase", "mse") => "MSE, rad^2",
        (_, "mae") => "MAE",
        (_, "mse") => "MSE",
        (_, "psnr") => "PSNR, dB",
        (_, "ssim") => "SSIM",
        (_, "ms_ssim") => "MS-SSIM",
        (_, "ms_ssim_decimated") => "MS-SSIM, decimated",
        (_, "frc_0_5") => "FRC 1/2, cycles/px",
        (_, "frc_1_7") => "FRC 1/7, cycles/px",
        (_, "frc_half_bit") => "FRC half-bit, cycles/px",
        (_, "frc_one_bit") => "FRC one-bit, cycles/px",
        ("shift", axis @ ("y" | "x")) => return format!("shift removed along {axis}, px"),
        ("ramp", axis @ ("y" | "x")) => return format!("ramp removed along {axis}, rad/px"),
        ("", "scale") => "scale removed",
        ("phase", "offset") => "removed, rad",
        (_, "nrmse") => "NRMSE",
        (_, other) if other.starts_with("resolution_") => return resolution(what, other),
        (_, other) => return format!("{what} {}", other.replace('_', " ")).trim().to_owned(),
    };
    format!("{what} {measure}").trim().to_owned()
}

/// `resolution_half_bit_nm` of `phase`: "phase resolution half-bit, nm".
fn resolution(what: &str, measure: &str) -> String {
    let rest = measure.trim_start_matches("resolution_");
    let (criterion, unit) = rest.rsplit_once('_').unwrap_or((rest, ""));
    let criterion = match criterion {
        "0_5" => "1/2".to_owned(),
        "1_7" => "1/7".to_owned(),
        other => other.replace('_', "-"),
    };
    format!("{what} resolution {criterion}, {unit}")
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
