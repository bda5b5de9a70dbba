//! The near field of a specimen that moves by fractions of a pixel, while light and detector stand
//! still.

use super::*;

/// The value of the smooth object at a place, by its formula.
fn smooth(y: f64, x: f64) -> Complex64 {
    let period = |turns: f64, at: f64| TAU * turns * at / 24.0;
    let phase = 0.5 * period(2.0, y).cos() + 0.4 * (period(1.0, y) + period(2.0, x)).sin();
    Complex64::from_polar(1.0 + 0.3 * period(2.0, x).sin(), phase)
}

/// A light in the middle of a window of 24 x 24 pixels.
fn light() -> Modes {
    Modes::from_shape_fn((1, 24, 24), |(_, y, x)| {
        let squared = (y as f64 - 12.0).powi(2) + (x as f64 - 11.0).powi(2);
        Complex64::from_polar((-squared / 14.0).exp(), 0.02 * squared).to_complex32()
    })
}

trait Narrow {
    fn to_complex32(self) -> Complex32;
}

impl Narrow for Complex64 {
    fn to_complex32(self) -> Complex32 {
        Complex32::new(self.re as f32, self.im as f32)
    }
}

/// |D[P(r) O(r + corner)]|^2, by sums in double precision: the probe stays where it is.
fn truth(corner: (f64, f64), fresnel_number: f64) -> Array2<f64> {
    let probe = light();
    let wave = Array2::from_shape_fn((24, 24), |(y, x)| {
        let p = probe[(0, y, x)];
        Complex64::new(p.re.into(), p.im.into()) * smooth(y as f64 + corner.0, x as f64 + corner.1)
    });
    propagated(&wave, fresnel_number).map(|value| value.norm_sqr())
}

fn object() -> Field {
    Field::from_shape_fn((44, 44), |(y, x)| smooth(y as f64, x as f64).to_complex32())
}

fn largest(truth: &Array2<f64>, found: &Array2<f32>) -> f64 {
    let peak = truth.iter().copied().fold(0.0, f64::max);
    let off = truth.iter().zip(found).map(|(t, &f)| (t - f64::from(f)).abs());
    off.fold(0.0, f64::max) / peak
}

#[test]
fn a_near_field_stands_still_while_the_specimen_moves_by_fractions() {
    let propagation = Propagation::NearField { fresnel_number: 0.1 };
    let stage = Physics { propagation, ..Physics::default() };
    let stage = ForwardModel::with_physics((24, 24), stage).unwrap();
    for position in [(22.0, 21.0), (22.4, 21.3), (21.55, 22.45)] {
        let at = Position { y: position.0, x: position.1 };
        let found = stage.intensity(object().view(), light().view(), at).unwrap();
        let truth = truth((position.0 - 12.0, position.1 - 12.0), 0.1);
        let off = largest(&truth, &found);
        assert!(off < 2e-4, "{position:?}: {off}");
    }
}

#[test]
fn a_near_field_of_a_fly_scan_stands_still_at_every_place() {
    let propagation = Propagation::NearField { fresnel_number: 0.1 };
    let motion = Physics::fly((1.0, -2.0));
    let physics = Physics { propagation, motion: motion.clone(), ..Physics::default() };
    let model = ForwardModel::with_physics((24, 24), physics).unwrap();
    let at = Position { y: 22.2, x: 21.4 };
    let found = model.intensity(object().view(), light().view(), at).unwrap();
    let mut mean = Array2::<f64>::zeros((24, 24));
    for place in &motion {
        mean += &truth((at.y + place.y - 12.0, at.x + place.x - 12.0), 0.1);
    }
    mean /= motion.len() as f64;
    let off = largest(&mean, &found);
    assert!(off < 2e-4, "{off}");
}

#[test]
fn a_probe_that_moves_takes_its_near_field_with_it() {
    // By a whole pixel that the window does not follow, and the specimen with it: the pattern
    // moves by that pixel.
    let propagation = Propagation::NearField { fresnel_number: 0.1 };
    let motion = vec![Position { y: 1.0, x: -1.0 }];
    let physics = Physics { propagation, moves: Moves::Probe, motion, ..Physics::default() };
    let model = ForwardModel::with_physics((24, 24), physics).unwrap();
    let at = Position { y: 22.0, x: 21.0 };
    let found = model.intensity(object().view(), light().view(), at).unwrap();
    let still = truth((11.0, 8.0), 0.1);
    let moved = Array2::from_shape_fn((24, 24), |(y, x)| still[((y + 23) % 24, (x + 1) % 24)]);
    let off = largest(&moved, &found);
    assert!(off < 2e-4, "{off}");
}

#[test]
fn at_whole_pixels_the_bits_are_those_of_a_probe_that_moves() {
    let propagation = Propagation::NearField { fresnel_number: 0.1 };
    let of = |moves, at| {
        let physics = Physics { propagation, moves, ..Physics::default() };
        let model = ForwardModel::with_physics((24, 24), physics).unwrap();
        model.intensity(object().view(), light().view(), at).unwrap()
    };
    let [whole, fraction] = [22.0, 22.3]
        .map(|y| [Moves::Specimen, Moves::Probe].map(|moves| of(moves, Position { y, x: 21.0 })));
    assert_eq!(whole[0], whole[1]);
    assert_ne!(fraction[0], fraction[1]);
}
