//! Why it is not known how patterns come about.

use lapwing_model::forward::PhysicsError;

use super::Fly;

/// What else may be the matter where positions tell a way that is too long.
const OTHER_UNIT: &str = ", or look at the unit of the positions (--position-unit, --pixel-size-m)";

/// Why it is not known how the patterns of a data set come about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownPhysics {
    /// Near-field patterns at an unknown distance.
    #[error(
        "near-field patterns: expected the Fresnel number of an object pixel, or wavelength, distance and \
         pixels that tell it, found none: say --fresnel-number F with F = pixel^2 / (wavelength x distance), \
         or --energy-kev, --distance-m and --detector-pixel-size-m; or --geometry far-field if they are none"
    )]
    FresnelNumber,
    /// Slices an unknown distance apart.
    #[error(
        "a thick object: expected the gap between its slices, found their number alone: say \
         --slice-fresnel-number F with F = pixel^2 / (wavelength x gap), or --slice-spacing METRES of data \
         whose wavelength and object pixel are known (--energy-kev or --voltage-kv, --pixel-size-m); \
         or --slices 1 for a thin object"
    )]
    SliceGap,
    /// A gap between slices in metres, of which nobody knows how many pixels and wavelengths it is.
    #[error(
        "a thick object: expected {missing} that make a Fresnel number of the {spacing:e} m between its \
         slices, found none: say them (--energy-kev or --voltage-kv for the wavelength, --pixel-size-m or \
         what else makes an object pixel), or --slice-fresnel-number F with F = pixel^2 / \
         (wavelength x gap)"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    SliceUnits { spacing: f64, missing: &'static str },
    /// An object that has other slices than were said.
    #[error(
        "slices: expected {has}, as the object of the base has, found {said}: leave --slices out, or say \
         --slices 1 for their product"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    ObjectSlices { has: usize, said: usize },
    /// A gap between slices of unknown number.
    #[error(
        "a thick object: expected the number of its slices, found the gap between them alone: say --slices K"
    )]
    SliceCount,
    /// Positions that go in no common direction, and what was found of them.
    #[error(
        "fly auto: expected positions that follow each other along lines, found {0}: say --fly DY,DX, the \
         motion of an exposure in object pixels"
    )]
    Motion(&'static str),
    /// A motion that leaves the window of the patterns: what was said, its length (y, x) and their
    /// shape.
    #[error(
        "{}: expected a motion of an exposure within the window of {} x {} pixels, found {}: say --fly \
         DY,DX in pixels of the object{}",
        .0.name(), .2.0, .2.1, Fly::in_words(*.1), .0.if_auto(OTHER_UNIT).unwrap_or("")
    )]
    LongWay(Fly, (f64, f64), (usize, usize)),
    /// Object pixels that are no squares, where one Fresnel number serves both axes.
    #[error(
        "near-field patterns and objects in slices: expected square pixels of the object, for one Fresnel \
         number serves both axes, found {0:.4e} m x {1:.4e} m: say --pixel-size-m METRES if they are \
         square, or --slices 1 or --geometry far-field (no --fresnel-number) if that is what they are"
    )]
    Pixels(f64, f64),
    /// An entry of the metadata cannot be used.
    #[error("physics_parameters.{0}: expected {1}")]
    Entry(&'static str, &'static str),
    /// What is said of the beam contradicts itself, or is out of range.
    #[error("{0}")]
    Beam(crate::Problem),
    /// There is no model of it.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
}
