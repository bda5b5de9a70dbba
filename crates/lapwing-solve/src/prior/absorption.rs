//! How much more the prior weighs absorption than phase.
//!
//! What a specimen adds to its mean transmission is, where it is weak, phase in quadrature with
//! that mean and absorption in phase with it. Many specimens hardly absorb, and the absorption
//! found then is noise.

use super::SplitComplex;
use lapwing_model::Complex32;

/// See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Absorption {
    /// Factor on the strength of the prior for the part in phase with the mean transmission.
    weight: f32,
    /// The mean transmission, of modulus 1.
    mean: Complex32,
}

impl Absorption {
    /// As much weight as the phase has.
    pub const AS_PHASE: Self = Self { weight: 1.0, mean: Complex32::new(1.0, 0.0) };

    /// This weight, for an object under this light.
    pub fn new(weight: f64, object: &[Complex32], light: &[f32]) -> Self {
        if weight == 1.0 {
            return Self::AS_PHASE;
        }
        let (mut re, mut im) = (0.0_f64, 0.0_f64);
        for (value, light) in object.iter().zip(light) {
            re += f64::from(value.re * light);
            im += f64::from(value.im * light);
        }
        let norm = re.hypot(im);
        let mean = match norm > 0.0 && norm.is_finite() {
            true => Complex32::new((re / norm) as f32, (im / norm) as f32),
            false => Complex32::ONE,
        };
        Self { weight: weight as f32, mean }
    }

    /// Factors on the strength for the real and the imaginary part of a field that was
    /// [split](Self::split).
    pub fn weights(self) -> [f32; 2] {
        [self.weight, 1.0]
    }

    /// Whether both parts weigh the same.
    pub fn is_even(self) -> bool {
        self.weight == 1.0
    }

    /// Turns a field so that its parts are what is in phase with the mean transmission and what is
    /// in quadrature.
    pub fn turn(self, planes: &mut SplitComplex) {
        planes.multiply(self.mean.conj());
    }

    /// Takes [`turn`](Self::turn) back.
    pub fn turn_back(self, planes: &mut SplitComplex) {
        planes.multiply(self.mean);
    }

    /// `field` in the two parts of [`turn`](Self::turn).
    pub fn split(self, field: &[Complex32], width: usize) -> SplitComplex {
        let mut planes = SplitComplex::of(field, width);
        self.turn(&mut planes);
        planes
    }

    /// The field of these two parts.
    pub fn join(self, mut planes: SplitComplex, field: &mut [Complex32]) {
        self.turn_back(&mut planes);
        planes.write_to(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_object_is_split_into_absorption_and_phase() {
        // exp(-a + i p) turned by 2 rad: 1 - a and p to first order.
        let turn = Complex32::from_polar(1.0, 2.0);
        let (a, p) = ([0.01_f32, -0.01, 0.02, -0.02], [0.03_f32, -0.03, -0.01, 0.01]);
        let object: Vec<Complex32> =
            a.iter().zip(p).map(|(a, p)| Complex32::from_polar((-a).exp(), p) * turn).collect();
        let absorption = Absorption::new(4.0, &object, &[1.0; 4]);
        let planes = absorption.split(&object, 2);
        for index in 0..4 {
            let [re, im] = [0, 1].map(|part| planes.row(index / 2, part)[index % 2]);
            assert!((re - (1.0 - a[index])).abs() < 1e-3 && (im - p[index]).abs() < 1e-3);
        }
        let mut back = vec![Complex32::ZERO; 4];
        absorption.join(planes, &mut back);
        assert!(back.iter().zip(&object).all(|(a, b)| (a - b).norm() < 1e-6));
    }

    #[test]
    fn an_object_without_a_mean_is_left_as_it_is() {
        let object = [Complex32::ONE, -Complex32::ONE];
        assert_eq!(Absorption::new(4.0, &object, &[1.0; 2]).mean, Complex32::ONE);
        assert_eq!(Absorption::new(1.0, &object, &[1.0; 2]), Absorption::AS_PHASE);
    }
}
