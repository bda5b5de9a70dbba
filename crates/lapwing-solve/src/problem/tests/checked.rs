//! What a problem refuses, and what it accepts.

use crate::problem::{Mask, Problem, ProblemError};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::simulate::expose_noise_free;
use lapwing_model::{Complex32, Field, ForwardModel, Modes, Object, Position};
use ndarray::{Array3, s};

fn flat(shape: (usize, usize)) -> Field {
    Field::from_elem(shape, Complex32::new(1.0, 0.0))
}

fn problem(intensity: Array3<f32>, scan: &[(f64, f64)]) -> Result<Problem, ProblemError> {
    let probe = Modes::from_elem((1, 4, 4), Complex32::new(1.0, 0.0));
    let scan = scan.iter().map(|&(y, x)| Position { y, x }).collect();
    Problem::builder(scan, flat((10, 10)), probe).patterns(intensity)
}

#[test]
fn bad_problems_are_refused_with_what_was_found() {
    let ones = |n| Array3::<f32>::ones((n, 4, 4));
    let message = |result: Result<Problem, ProblemError>| result.unwrap_err().to_string();
    assert!(message(problem(ones(0), &[])).contains("empty"));
    assert!(message(problem(ones(2), &[(5.0, 5.0)])).contains("2 patterns but 1 positions"));
    assert!(message(problem(ones(1), &[(1.0, 5.0)])).contains("pattern 0: the 4 x 4 window"));
    let mut bad = ones(2);
    bad[(1, 2, 3)] = f32::NAN;
    assert!(message(problem(bad, &[(5.0, 5.0), (5.0, 6.0)])).contains("NaN in pattern 1"));
    assert!(message(problem(ones(1) * 0.0, &[(5.0, 5.0)])).contains("all patterns are zero"));
    let probe = Modes::from_elem((1, 4, 5), Complex32::new(1.0, 0.0));
    let scan = vec![Position { y: 5.0, x: 5.0 }];
    assert!(
        message(Problem::builder(scan, flat((10, 10)), probe).patterns(ones(1)))
            .contains("(1, 4, 5)")
    );
}

#[test]
fn any_memory_layout_gives_the_same_patterns() {
    let standard = Array3::from_shape_fn((2, 4, 4), |(j, y, x)| (j * 16 + y * 4 + x) as f32);
    let scan = [(5.0, 5.0), (5.0, 6.0)];
    let mut fortran = Array3::zeros(ndarray::ShapeBuilder::f((2, 4, 4)));
    fortran.assign(&standard);
    let (a, b) = (problem(standard, &scan).unwrap(), problem(fortran, &scan).unwrap());
    for index in 0..2 {
        assert_eq!(a.pattern(index, &mut [0.0; 16]), b.pattern(index, &mut [0.0; 16]));
    }
    assert!((a.mean_intensity() - (0..32).sum::<usize>() as f64 / 2.0).abs() < 1e-9);
}

#[test]
fn the_light_behind_a_mask_is_where_the_mask_is() {
    // A window whose patterns are stored in groups of columns, and light that is far from even.
    let shape = (32, 32);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build(shape).unwrap();
    let scan = vec![Position { y: 20.0, x: 21.0 }, Position { y: 22.5, x: 20.25 }];
    let object = Object::flat((44, 46));
    let exposure =
        expose_noise_free(&Physics::default(), object.slice(0), probe.view(), &scan, 1e4)
            .unwrap()
            .counts;
    let mut valid = Array3::from_elem((1, 32, 32), true);
    valid.slice_mut(s![0, 14..18, 3..17]).fill(false);
    let hidden: f32 = exposure.slice(s![.., 14..18, 3..17]).sum();
    let seen = 1.0 - f64::from(hidden / exposure.sum());
    assert!(seen < 0.9, "{seen}");
    let mask = Mask::new(&ForwardModel::new(shape), valid.view());
    let found = mask.seen_share(&ForwardModel::new(shape), &object, &probe, &scan);
    assert!((found - seen).abs() < 1e-4, "{found}, expected {seen}");
}
