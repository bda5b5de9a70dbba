//! What a probe may be made from.

use super::{MAX_DIAMETER, ProbeDesign, ProbeKind};

/// Why a probe cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ProbeError {
    /// A parameter is out of range or does not belong to this kind of probe.
    #[error("probe {name} = {value}: expected {expected}")]
    Parameter {
        /// Name of the parameter, a field of [`ProbeDesign`].
        name: &'static str,
        /// What was given.
        value: f64,
        /// What can be given.
        expected: String,
    },
    /// The window is too small.
    #[error("a {0} x {1} window: expected at least 8 pixels on each side for a built-in probe")]
    Window(usize, usize),
    /// The window is too large.
    #[error(
        "a {0} x {1} window: expected at most 2^26 pixels (such as 8,192 x 8,192) for a built-in probe"
    )]
    WindowTooLarge(usize, usize),
}

impl ProbeDesign {
    /// That every parameter belongs to this kind and is in range, for windows whose shorter side
    /// is `side`.
    pub(super) fn check(&self, side: f64) -> Result<(), ProbeError> {
        let refuse =
            |name, value, expected: String| Err(ProbeError::Parameter { name, value, expected });
        if let Some(value) = self.diameter {
            if self.kind == ProbeKind::Focused {
                return refuse(
                    "diameter",
                    value,
                    "none: a focal spot is as large as `aperture` makes it".into(),
                );
            }
            if self.defocus.is_some() {
                return refuse(
                    "diameter",
                    value,
                    "either `diameter` or `defocus`, not both".into(),
                );
            }
            let largest = MAX_DIAMETER * side;
            if !(value >= 2.0 && value <= largest) {
                let expected =
                    format!("pixels, 2 to {largest:.1} (0.7 of the window: more would leave it)");
                return refuse("diameter", value, expected);
            }
        }
        let optical = [
            ("aperture", self.aperture),
            ("central_stop", Some(self.central_stop).filter(|stop| *stop != 0.0)),
            ("defocus", self.defocus),
            ("astigmatism", Some(self.astigmatism).filter(|value| *value != 0.0)),
            ("spherical", Some(self.spherical).filter(|value| *value != 0.0)),
        ];
        for (name, value) in optical {
            let Some(value) = value else { continue };
            if self.kind == ProbeKind::Disc {
                return refuse(
                    name,
                    value,
                    "none: a disc has no optic (use focused or defocused)".into(),
                );
            }
            let (range, expected) = match name {
                "aperture" => {
                    (2.0 / side..=0.45, format!("cycles per pixel, {:.4} to 0.45", 2.0 / side))
                }
                "central_stop" => (0.0..=0.9, "a fraction of the aperture, 0 to 0.9".into()),
                _ => (-1e4..=1e4, "radians at the edge of the aperture".into()),
            };
            if !range.contains(&value) {
                return refuse(name, value, expected);
            }
        }
        Ok(())
    }
}
