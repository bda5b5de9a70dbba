//! What the counts of a scan are: photons, or electrons.

use crate::Dataset;
use crate::metadata::{self, Metadata};

/// Wavelengths from which on it is light, metres: X-rays of 124 keV have it, electrons of 15 kV.
const LIGHT: f64 = 1e-11;

/// What a beam consists of, for the words in which counts are spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Quantum {
    /// Of light, and where nothing is known of the beam.
    #[default]
    Photon,
    /// Of an electron beam.
    Electron,
}

impl Quantum {
    /// That of a beam of this wavelength, metres.
    pub fn of_wavelength(metres: Option<f64>) -> Self {
        match metres {
            Some(length) if length > 0.0 && length < LIGHT => Self::Electron,
            _ => Self::Photon,
        }
    }

    /// That of a scan with these metadata.
    pub fn of_metadata(metadata: Option<&Metadata>) -> Self {
        let known = metadata.and_then(|known| metadata::physics_parameter(known, "wavelength_m"));
        Self::of_wavelength(known)
    }

    /// The word for one of them.
    pub fn one(self) -> &'static str {
        match self {
            Self::Photon => "photon",
            Self::Electron => "electron",
        }
    }

    /// The word for several.
    pub fn many(self) -> &'static str {
        match self {
            Self::Photon => "photons",
            Self::Electron => "electrons",
        }
    }

    /// What is wrong with patterns whose counts are not known where they are needed.
    pub fn unknown(self) -> String {
        format!(
            "the {} counts are not known: expected whole counts, or physics_parameters.nphotons and \
             .intensity_scale in the metadata",
            self.one()
        )
    }
}

impl Dataset {
    /// What the counts of the patterns are.
    pub fn quantum(&self) -> Quantum {
        Quantum::of_metadata(self.metadata.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_wavelength_tells_electrons_from_light() {
        // 300 kV, 20 kV; 100 keV, 8 keV.
        for (length, word) in [
            (1.97e-12, "electrons"),
            (8.6e-12, "electrons"),
            (1.24e-11, "photons"),
            (1.55e-10, "photons"),
        ] {
            assert_eq!(Quantum::of_wavelength(Some(length)).many(), word);
            let metadata = json!({ "physics_parameters": { "wavelength_m": length } });
            let dataset = Dataset { metadata: metadata.as_object().cloned(), ..Dataset::default() };
            assert_eq!(dataset.quantum().many(), word);
        }
        assert_eq!(Dataset::default().quantum().one(), "photon");
    }
}
