//! Built-in objects that look like specimens, at any shape, the same for the same seed.
//!
//! An object is the complex transmission O = A exp(i phi) on a pixel grid (y, x), of modulus at
//! most 1. All have detail from a few pixels to the size of the field, everywhere: no part of a
//! scan looks at nothing.

mod canvas;
mod cells;
mod particles;
mod star;
mod texture;

use crate::{Field, Object};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A built-in specimen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Specimen {
    /// A Siemens star: spokes of 0.75 amplitude and 0.9 rad that end in ever finer detail, cut by
    /// rings.
    #[serde(alias = "siemens_star")]
    SiemensStar,
    /// Stained cells: membranes, nuclei, organelles; amplitude 0.6 to 1, phase within +-1 rad.
    #[default]
    Cells,
    /// Nanoparticles with lattice fringes on an amorphous film: amplitude 1, phase 0 to about 0.1
    /// rad.
    #[serde(alias = "weak_phase")]
    WeakPhase,
}

impl Specimen {
    /// All specimens.
    pub const ALL: [Self; 3] = [Self::SiemensStar, Self::Cells, Self::WeakPhase];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::SiemensStar => "siemens-star",
            Self::Cells => "cells",
            Self::WeakPhase => "weak-phase",
        }
    }

    /// `count` slices, at least one, of a thick specimen: the specimens of `seed` and of the seeds
    /// after it.
    pub fn make_slices(self, count: usize, shape: (usize, usize), seed: u64) -> Object {
        if count <= 1 {
            return Object::thin(self.make(shape, seed));
        }
        let mut object = Object::flat_slices(count, shape);
        for (mut slice, index) in object.slices_mut().outer_iter_mut().zip(0..) {
            slice.assign(&self.make(shape, seed.wrapping_add(index)));
        }
        object
    }

    /// The specimen on a grid of `(rows, columns)`; an empty grid gives an empty field.
    ///
    /// `seed` chooses where things lie, from generators whose names begin with `specimen`; the
    /// star is the same for every seed.
    pub fn make(self, shape: (usize, usize), seed: u64) -> Field {
        if shape.0 == 0 || shape.1 == 0 {
            return Field::zeros(shape);
        }
        match self {
            Self::SiemensStar => star::make(shape),
            Self::Cells => cells::make(shape, seed),
            Self::WeakPhase => particles::make(shape, seed),
        }
    }
}

impl fmt::Display for Specimen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Specimen {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.replace('_', "-");
        Self::ALL.into_iter().find(|specimen| specimen.name() == wanted).ok_or_else(|| {
            format!("expected a specimen (siemens-star, cells or weak-phase), found `{text}`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IntoDeserializer;

    /// Smallest and largest amplitude and phase.
    fn ranges(field: &Field) -> ((f32, f32), (f32, f32)) {
        let range = |values: &mut dyn Iterator<Item = f32>| {
            values.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
        };
        (range(&mut field.iter().map(|v| v.norm())), range(&mut field.iter().map(|v| v.arg())))
    }

    #[test]
    fn ranges_are_as_documented_at_any_shape() {
        for shape in [(200, 200), (97, 311), (64, 64), (700, 500)] {
            for seed in [0, 42] {
                let ((low, high), (from, to)) = ranges(&Specimen::SiemensStar.make(shape, seed));
                assert!(low > 0.74 && low < 0.76 && high <= 1.0 + 1e-6 && high > 0.99);
                assert!(from >= -1e-6 && to < 0.901 && to > 0.89);
                let ((low, high), (from, to)) = ranges(&Specimen::Cells.make(shape, seed));
                assert!(
                    (0.6..0.8).contains(&low) && high <= 1.0 + 1e-6 && high > 0.93,
                    "{low} {high}"
                );
                assert!(from > -1.05 && to < 1.05 && to - from > 0.9, "{from} {to}");
                let ((low, high), (from, to)) = ranges(&Specimen::WeakPhase.make(shape, seed));
                assert!((low - 1.0).abs() < 1e-5 && (high - 1.0).abs() < 1e-5);
                assert!(from > -0.05 && to < 0.15 && to - from > 0.06, "{from} {to}");
            }
        }
    }

    #[test]
    fn every_window_sees_structure() {
        for specimen in Specimen::ALL {
            let field = specimen.make((256, 320), 7);
            for row in (0..256).step_by(64) {
                for column in (0..320).step_by(64) {
                    let window = field.slice(ndarray::s![row..row + 64, column..column + 64]);
                    let mean = window.iter().sum::<crate::Complex32>() / 4096.0;
                    let variance =
                        window.iter().map(|v| (v - mean).norm_sqr()).sum::<f32>() / 4096.0;
                    let least = if specimen == Specimen::WeakPhase { 0.005 } else { 0.03 };
                    assert!(
                        variance.sqrt() > least,
                        "{specimen} at ({row}, {column}): {}",
                        variance.sqrt()
                    );
                }
            }
        }
    }

    #[test]
    fn seeds_repeat_and_differ() {
        for specimen in [Specimen::Cells, Specimen::WeakPhase] {
            assert_eq!(specimen.make((90, 80), 3), specimen.make((90, 80), 3));
            assert_ne!(specimen.make((90, 80), 3), specimen.make((90, 80), 4));
        }
    }

    #[test]
    fn tiny_and_empty_grids_are_made_too() {
        for specimen in Specimen::ALL {
            for shape in [(0, 5), (1, 1), (1, 40), (7, 3)] {
                let field = specimen.make(shape, 1);
                assert_eq!(field.dim(), shape);
                assert!(field.iter().all(|v| v.re.is_finite() && v.im.is_finite()));
            }
        }
    }

    #[test]
    fn names_parse_back_with_either_dash() {
        for specimen in Specimen::ALL {
            assert_eq!(specimen.name().parse(), Ok(specimen));
            assert_eq!(specimen.name().replace('-', "_").parse(), Ok(specimen));
            for name in [specimen.name().to_owned(), specimen.name().replace('-', "_")] {
                let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                    name.as_str().into_deserializer();
                assert_eq!(Specimen::deserialize(text), Ok(specimen));
            }
        }
        assert!(
            "star".parse::<Specimen>().unwrap_err().contains("siemens-star, cells or weak-phase")
        );
    }
}
