//! The kinds of built-in probes, by name.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The kind of a built-in probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProbeKind {
    /// The focal spot of an aperture.
    Focused,
    /// Out of focus: a broad disc with curved phase and fringes; the usual choice for ptychography.
    #[default]
    Defocused,
    /// A disc of uniform amplitude and phase, such as a pinhole close to the specimen.
    Disc,
}

impl ProbeKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Focused, Self::Defocused, Self::Disc];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Focused => "focused",
            Self::Defocused => "defocused",
            Self::Disc => "disc",
        }
    }
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ProbeKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| format!("expected a probe (focused, defocused or disc), found `{text}`"))
    }
}
