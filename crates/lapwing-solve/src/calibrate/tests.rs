//! Simulated scans whose orientation and defocus are known.

use super::*;
use lapwing_model::forward::{Physics, Propagation};
use lapwing_model::probe::{ProbeDesign, ProbeKind, diameter};
use lapwing_model::random::generator;
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field, Modes, Position};
use ndarray::{Array2, Array3};
use rand::RngExt;
use std::f64::consts::PI;

const SIDE: usize = 48;
const APERTURE: f64 = 0.15;
const SQUARE: (f64, f64) = (1.0, 1.0);

/// Counts of a raster scan of cells, whose true positions are those given turned (and exchanged),
/// under a probe of `edge` radians of defocus at the pupil's edge; the positions as given.
fn scan(transposed: bool, degrees: f64, edge: f64) -> (Array3<f32>, Vec<Position>, Modes) {
    scan_of(&Specimen::Cells.make((128, 128), 5), transposed, degrees, edge)
}

/// The same of an object of 128 x 128 pixels.
fn scan_of(
    object: &Field,
    transposed: bool,
    degrees: f64,
    edge: f64,
) -> (Array3<f32>, Vec<Position>, Modes) {
    let design = ProbeDesign {
        aperture: Some(APERTURE),
        defocus: Some(edge),
        ..ProbeDesign::new(ProbeKind::Defocused)
    };
    let probe = design.build((SIDE, SIDE)).unwrap();
    let (rows, columns, step) = (13, 17, 3.0);
    let told: Vec<Position> = (0..rows * columns)
        .map(|at| Position { y: (at / columns) as f64 * step, x: (at % columns) as f64 * step })
        .collect();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = 64.0;
    let really: Vec<Position> = told
        .iter()
        .map(|at| {
            let (y, x) = (at.y - 18.0, at.x - 24.0);
            let (y, x) = if transposed { (x, y) } else { (y, x) };
            Position { y: middle + y * cos - x * sin, x: middle + y * sin + x * cos }
        })
        .collect();
    let counts =
        expose(&Physics::default(), object.view(), probe.view(), &really, 2e4, 7).unwrap().counts;
    (counts, told, probe)
}

/// Curvature in pixels squared of a defocus in radians at the edge: chi = pi kappa q^2.
fn curvature_of(edge: f64) -> f64 {
    edge / PI / APERTURE.powi(2)
}

#[test]
fn rotation_transposition_and_defocus_are_found_up_to_the_twin() {
    let scans = [(true, 37.0, 8.0), (false, 0.0, 8.0), (false, -68.0, -6.0)];
    for &(transposed, degrees, edge) in lapwing_testing::swept(&scans, 1) {
        let (counts, told, _) = scan(transposed, degrees, edge);
        let found = orientation(counts.view(), &told, SQUARE).unwrap();
        let Candidate { rotation_deg, curvature, .. } = found.best;
        assert_eq!(found.best.transposed, transposed, "{degrees}: {:?}", found.best);
        assert!((rotation_deg - degrees).abs() < 2.0, "{degrees}: {:?}", found.best);
        let expected = curvature_of(edge);
        assert!((curvature / expected - 1.0).abs() < 0.1, "{expected}: {curvature}");
        assert!(found.best.agreement > 1.3 * found.other && !found.by_deflection);
        assert!((found.deflection_deg - rotation_deg).abs() < 15.0, "{}", found.deflection_deg);
        let middle = (SIDE / 2) as f64;
        let off = (found.disc.centre.0 - middle).hypot(found.disc.centre.1 - middle);
        assert!(off < 0.3 && found.disc.centre_sd < 0.3, "{:?}", found.disc.centre);
        assert!(found.rotation_sd < 3.0 && found.curvature_sd < 0.2 * expected.abs());
        let twin = found.twin().best;
        assert_eq!((twin.curvature, twin.rotation_deg), (-curvature, rotation_deg + 180.0));
    }
}

/// The middle columns of patterns, and positions in the pixels that these make, which are longer
/// along x; with the sides of a pixel.
fn strip(
    counts: &Array3<f32>,
    told: &[Position],
    width: usize,
) -> (Array3<f32>, Vec<Position>, (f64, f64)) {
    let first = (SIDE - width) / 2;
    let cut = counts.slice(ndarray::s![.., .., first..first + width]).to_owned();
    let side = SIDE as f64 / width as f64;
    let told = told.iter().map(|at| Position { y: at.y, x: at.x / side }).collect();
    (cut, told, (1.0, side))
}

#[test]
fn a_strip_of_the_detector_tells_the_same() {
    if lapwing_testing::left_out() {
        return;
    }
    let (counts, told, _) = scan(true, 37.0, 8.0);
    let (cut, told, sides) = strip(&counts, &told, 36);
    let found = orientation(cut.view(), &told, sides).unwrap();
    assert!(found.best.transposed, "{:?}", found.best);
    assert!((found.best.rotation_deg - 37.0).abs() < 2.0, "{:?}", found.best);
    // In squares of the geometric mean of the sides.
    let expected = curvature_of(8.0) / sides.1;
    assert!((found.best.curvature / expected - 1.0).abs() < 0.1, "{expected}: {:?}", found.best);
    let (counts, told, truth) = scan(false, 0.0, 8.0);
    let (cut, told, sides) = strip(&counts, &told, 36);
    let found = curvature(cut.view(), &told, sides).unwrap();
    assert!((found.curvature / expected - 1.0).abs() < 0.05, "{expected}: {found:?}");
    assert!(found.astigmatism.0 < 0.1 * expected, "{:?}", found.astigmatism);
    // The same probe where pixels of both lie on each other: every fourth and every third.
    let made = probe(cut.view(), found.curvature, found.astigmatism, sides).unwrap();
    let (mut cross, mut own, mut other) = (Complex32::default(), 0.0, 0.0);
    for y in 0..SIDE {
        for k in 0..9 {
            let (a, b) = (truth[(0, y, 8 + 4 * k)], made[(0, y, 6 + 3 * k)]);
            cross += a.conj() * b;
            own += a.norm_sqr();
            other += b.norm_sqr();
        }
    }
    let overlap = cross.norm() / (own * other).sqrt();
    assert!(overlap > 0.9, "{overlap}");
}

#[test]
fn a_focused_scan_is_turned_by_the_deflection() {
    if lapwing_testing::left_out() {
        return;
    }
    let (counts, told, _) = scan(false, 25.0, 0.3);
    let found = orientation(counts.view(), &told, SQUARE).unwrap();
    assert!(found.by_deflection, "{:?}", found.best);
    assert!(!found.best.transposed, "{:?}", found.best);
    assert!((found.best.rotation_deg - 25.0).abs() < 4.0, "{:?}", found.best);
}

#[test]
fn near_the_focus_the_surer_of_two_rotations_is_taken() {
    if lapwing_testing::left_out() {
        return;
    }
    let mut surer = 0;
    for (degrees, edge) in [(25.0, 1.0), (-70.0, 1.5), (10.0, -1.5), (-40.0, 2.0)] {
        let (counts, told, _) = scan(false, degrees, edge);
        let found = orientation(counts.view(), &told, SQUARE).unwrap();
        let Candidate { rotation_deg, .. } = found.best;
        assert!(found.rotation_sd.is_finite() && found.deflection_sd.is_finite());
        assert!((rotation_deg - degrees).abs() < 4.0, "{degrees}: {:?}", found.best);
        if found.by_deflection {
            assert_eq!(found.rotation_sd, found.deflection_sd);
            surer += 1;
        }
    }
    assert!(surer > 0);
}

/// Atoms of `phase` radians on a grid of `apart` pixels, each up to a third of that off its place.
fn atoms(apart: f64, phase: f64, seed: u64) -> Field {
    let mut draw = generator(seed, "atoms", 0);
    let count = (128.0 / apart) as usize;
    let places: Vec<(f64, f64)> = (0..count * count)
        .map(|at| {
            let place = |at: usize, off: f64| (at as f64 + 0.5 + 0.66 * (off - 0.5)) * apart;
            (place(at / count, draw.random()), place(at % count, draw.random()))
        })
        .collect();
    Field::from_shape_fn((128, 128), |(y, x)| {
        let near = |&(v, u): &(f64, f64)| -(y as f64 - v).powi(2) - (x as f64 - u).powi(2);
        let atoms: f64 = places.iter().map(|place| (near(place) / 5.0).exp()).sum();
        Complex32::from_polar(1.0, (phase * atoms) as f32)
    })
}

#[test]
fn the_light_that_evenly_spread_atoms_scatter_tells_them_from_their_conjugates() {
    if lapwing_testing::left_out() {
        return;
    }
    for (apart, phase, edge, seed) in
        [(20.0, 0.8, 0.3, 1), (10.0, 0.5, 0.3, 2), (10.0, -0.5, 0.3, 3), (10.0, 0.8, 6.0, 4)]
    {
        let object = atoms(apart, phase, seed);
        let (counts, told, _) = scan_of(&object, false, 25.0, edge);
        let found = orientation(counts.view(), &told, SQUARE).unwrap();
        assert!(!found.best.transposed, "{:?}", found.best);
        assert!((found.best.rotation_deg - 25.0).abs() < 5.0, "{:?}", found.best);
        let told = found.sign.scattered * f64::signum(phase);
        assert!(told > 0.3 && told > 1.5 * found.sign.chance, "{apart} {phase}: {:?}", found.sign);
        assert_eq!(found.twin().sign.scattered, -found.sign.scattered);
    }
}

#[test]
fn what_absorbs_tells_the_sign_of_its_phase_on_either_side_of_the_focus() {
    if lapwing_testing::left_out() {
        return;
    }
    // Conjugating the specimen is reversing the defocus: without care the deflection by absorption,
    // which has the sign of the defocus, decides.
    for (phase, absorption) in [(0.6_f32, 0.1_f32), (-0.6, 0.1), (0.6, 0.2), (-0.6, 0.2)] {
        let object = atoms(20.0, phase.into(), 5)
            .mapv(|value| Complex32::from_polar(1.0 - absorption * value.arg().abs(), value.arg()));
        let (counts, told, _) = scan_of(&object, false, 25.0, 0.3);
        let sign = orientation(counts.view(), &told, SQUARE).unwrap().sign;
        let told = sign.missing * f64::from(phase.signum());
        assert!(told > 0.7 && told > 3.0 * sign.chance, "{phase} {absorption}: {sign:?}");
    }
}

#[test]
fn the_start_probe_of_the_patterns_is_nearly_the_true_one() {
    let (counts, told, truth) = scan(false, 0.0, 8.0);
    let found = curvature(counts.view(), &told, SQUARE).unwrap();
    assert!((found.curvature / curvature_of(8.0) - 1.0).abs() < 0.05, "{}", found.curvature);
    assert!(
        (found.disc.radius / SIDE as f64 / APERTURE - 1.0).abs() < 0.06,
        "{:?}",
        found.disc.radius
    );
    assert!(found.astigmatism.0 < 0.1 * found.curvature.abs());
    let made = probe(counts.view(), found.curvature, found.astigmatism, SQUARE).unwrap();
    let overlap = |a: &Modes, b: &Modes| {
        let product: num_complex::Complex32 = a.iter().zip(b).map(|(a, b)| a.conj() * b).sum();
        let power = |p: &Modes| p.iter().map(|v| v.norm_sqr()).sum::<f32>();
        product.norm() / (power(a) * power(b)).sqrt()
    };
    assert!(overlap(&made, &truth) > 0.9, "{}", overlap(&made, &truth));
    let (a, b) = (diameter(made.view()), diameter(truth.view()));
    assert!((a / b - 1.0).abs() < 0.15, "{a} {b}");
}

#[test]
fn the_centre_of_a_disc_is_found_to_a_fraction_of_a_pixel() {
    let (y, x) = (21.3, 26.8);
    // The share of each pixel inside the rim, by sixteen points along each axis.
    let mean = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let within = (0..256).filter(|point| {
            let at = |index: usize, step: usize| index as f64 + (step as f64 - 7.5) / 16.0;
            (at(row, point / 16) - y).hypot(at(column, point % 16) - x) < 9.4
        });
        within.count() as f64 / 256.0
    });
    let disc = Disc::of(mean.view()).unwrap();
    let off = (disc.centre.0 - y).hypot(disc.centre.1 - x);
    assert!(off < 0.1 && disc.centre_sd < 0.1, "{:?} +- {}", disc.centre, disc.centre_sd);
}

#[test]
fn patterns_that_cannot_tell_say_so() {
    let places = |n: usize| -> Vec<Position> {
        (0..n).map(|at| Position { y: at as f64, x: 0.0 }).collect()
    };
    let told = |patterns: Array3<f32>, n: usize| {
        orientation(patterns.view(), &places(n), SQUARE).unwrap_err()
    };
    let few = told(Array3::ones((9, 16, 16)), 9);
    assert_eq!(few, CalibrateError::Patterns { patterns: 9, positions: 9 });
    assert_eq!(told(Array3::zeros((20, 16, 16)), 20), CalibrateError::Dark);
    let mut point = Array3::zeros((20, 16, 16));
    point.slice_mut(ndarray::s![.., 8, 8]).fill(1.0);
    assert!(matches!(told(point, 20), CalibrateError::NoDisc { .. }));
    assert_eq!(told(Array3::ones((20, 16, 16)), 20), CalibrateError::Line);
}

#[test]
fn images_tell_how_much_larger_they_are() {
    let propagation = Propagation::NearField { fresnel_number: 0.05 };
    let physics = Physics { propagation, ..Physics::default() };
    let side = 64;
    let mut draw = generator(3, "light", 0);
    let light: Vec<f64> = (0..side * side).map(|_| draw.random::<f64>()).collect();
    // A soft disc with a rough phase, which all images have.
    let probe = Modes::from_shape_fn((1, side, side), |(_, y, x)| {
        let r = (y as f64 - 32.0).hypot(x as f64 - 32.0);
        let amplitude = 1.0 / (1.0 + (r - 22.0).exp());
        Complex32::from_polar(amplitude as f32, light[y / 4 * 16 + x / 4] as f32)
    });
    let object = Specimen::Cells.make((160, 160), 5);
    let mut draw = generator(4, "positions", 0);
    let really: Vec<Position> = (0..80)
        .map(|_| Position {
            y: 80.0 + 40.0 * (draw.random::<f64>() - 0.5),
            x: 80.0 + 40.0 * (draw.random::<f64>() - 0.5),
        })
        .collect();
    let counts = expose(&physics, object.view(), probe.view(), &really, 1e5, 7).unwrap().counts;
    let told: Vec<Position> =
        really.iter().map(|at| Position { y: at.y / 25.0, x: at.x / 25.0 }).collect();
    let found = image_shifts(counts.view(), &told).unwrap();
    assert!((found.magnification() / 25.0 - 1.0).abs() < 0.02, "{found:?}");
    assert!(found.sd < 0.5 && found.turn() < 0.05, "{found:?}");
    // Noise shows nothing.
    let noise = Array3::from_shape_fn((80, side, side), |_| draw.random::<f32>());
    let chance = image_shifts(noise.view(), &told);
    assert!(chance.map_or(true, |chance| chance.sd > 0.05 * chance.magnification()));
}

#[test]
fn a_search_that_is_stopped_ends_at_the_next_question() {
    let (counts, told, _) = scan(false, 0.0, 8.0);
    // Several times in each part of the search: the images, the coarse search, the climbs.
    for least in [1, 5, 40] {
        let mut asked = 0;
        let mut go_on = || {
            asked += 1;
            if asked < least { Flow::Continue } else { Flow::Stop }
        };
        let found = orientation_while(counts.view(), &told, SQUARE, &mut go_on);
        assert_eq!((found.unwrap_err(), asked), (CalibrateError::Stopped, least));
    }
    let mut asked = 0;
    let found = curvature_while(counts.view(), &told, SQUARE, &mut || {
        asked += 1;
        if asked < 10 { Flow::Continue } else { Flow::Stop }
    });
    assert_eq!((found.unwrap_err(), asked), (CalibrateError::Stopped, 10));
}
