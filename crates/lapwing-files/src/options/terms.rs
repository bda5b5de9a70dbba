//! The words in which files are spoken of: what numbers are, where axes, zeros and signs lie.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An enum whose values have one name each: on the command line, in JSON and in messages.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$variant_doc])* $variant),*
        }

        impl $type {
            /// The names of all values.
            pub(crate) const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name, as in messages, in JSON and on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(name: &str) -> Result<Self, String> {
                match name {
                    $($name $(| $alias)* => Ok(Self::$variant),)*
                    other => Err(format!("expected {}, found {other:?}", Self::NAMES.join(" or "))),
                }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

/// The name of a dialect, one of [`dialect::names`](crate::dialect::names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DialectName(pub(crate) &'static str);

impl DialectName {
    /// The name, as in messages, in JSON and on the command line.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for DialectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl PartialEq<str> for DialectName {
    fn eq(&self, name: &str) -> bool {
        self.0 == name
    }
}

impl PartialEq<&str> for DialectName {
    fn eq(&self, name: &&str) -> bool {
        self.0 == *name
    }
}

names! {
    /// Which axis of a stack counts the patterns.
    AxisOrder {
        /// The first.
        PatternFirst = "(n, H, W)" | "nhw",
        /// The last.
        PatternLast = "(H, W, n)" | "hwn",
    }
}

names! {
    /// What the numbers of a stack are.
    Quantity {
        /// Square root of the intensity.
        Amplitude = "amplitude",
        /// Intensity in some unit.
        Intensity = "intensity",
        /// Intensity in photons.
        Counts = "counts",
    }
}

names! {
    /// Where in a pattern the zero frequency is.
    ZeroFrequency {
        /// At index (H/2, W/2).
        Centre = "centre" | "center",
        /// At index (0, 0).
        Corner = "corner",
    }
}

names! {
    /// Which of the two coordinates of a position is which.
    CoordinateOrder {
        /// As the dialect has it: `ycoords` are rows and `xcoords` columns; tike's `scan` is (row,
        /// column).
        RowColumn = "row-column" | "yx",
        /// The other way round.
        ColumnRow = "column-row" | "xy",
    }
}

names! {
    /// Unit of a file of positions.
    PositionUnit {
        /// Pixels of the object.
        Pixel = "pixel" | "px",
        /// Metres.
        Metre = "m",
        /// Millimetres.
        Millimetre = "mm",
        /// Micrometres.
        Micrometre = "um",
        /// Nanometres.
        Nanometre = "nm",
        /// Angstroms.
        Angstrom = "angstrom" | "A",
    }
}

impl PositionUnit {
    /// Its length, metres; `None` for pixels.
    pub fn metres(self) -> Option<f64> {
        match self {
            Self::Pixel => None,
            Self::Metre => Some(1.0),
            Self::Millimetre => Some(1e-3),
            Self::Micrometre => Some(1e-6),
            Self::Nanometre => Some(1e-9),
            Self::Angstrom => Some(1e-10),
        }
    }
}

names! {
    /// How the detector sees the sample.
    Geometry {
        /// Fraunhofer diffraction: a pattern is a Fourier transform. What the solvers are made for.
        FarField = "far-field" | "far",
        /// Fresnel diffraction: a pattern is a blurred image.
        NearField = "near-field" | "near",
    }
}

names! {
    /// What a near-field scan moves, by fractions of a pixel as well
    /// ([`lapwing_model::forward::Moves`]).
    Moves {
        /// The specimen, while light and detector stand still.
        Specimen = "specimen",
        /// The probe, over specimen and detector; patterns were cut out at whole pixels.
        Probe = "probe",
    }
}

impl From<Moves> for lapwing_model::forward::Moves {
    fn from(moves: Moves) -> Self {
        match moves {
            Moves::Specimen => Self::Specimen,
            Moves::Probe => Self::Probe,
        }
    }
}

impl From<lapwing_model::forward::Moves> for Moves {
    fn from(moves: lapwing_model::forward::Moves) -> Self {
        match moves {
            lapwing_model::forward::Moves::Specimen => Self::Specimen,
            lapwing_model::forward::Moves::Probe => Self::Probe,
        }
    }
}

names! {
    /// The probe that a reconstruction starts from, as an experiment says it: the words of
    /// `--probe-start`, which takes precedence.
    ProbeFrom {
        /// The file's where there is one, else that of the optics where they are described, else
        /// one made of the patterns.
        Auto = "auto",
        /// The file's.
        File = "file",
        /// That of the optics, which must be described.
        Optics = "optics",
        /// Made of the patterns.
        Patterns = "patterns",
        /// The file's, out of focus and astigmatic.
        Perturbed = "perturbed",
    }
}

names! {
    /// Which number of a mask stands for a good pixel.
    MaskGood {
        /// 0, as in CXI.
        Zero = "0",
        /// 1, or anything but 0.
        One = "1",
    }
}
