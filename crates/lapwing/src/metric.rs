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
        (_, "nrmse") => "NRMSE",
        (_, other) => return format!("{what} {}", other.replace('_', " ")).trim().to_owned(),
    };
    format!("{what} {measure}")
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
            ("novel", "novel"),
        ] {
            assert_eq!(label(name), expected);
        }
    }
}
