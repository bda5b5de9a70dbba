//! Light outside the direct beam that no fit can tell apart.
//!
//! Detail of a specimen that too few photons resolve scatters light all the same, far and evenly,
//! into another speckle in every pattern. A fit whose object is as smooth as the photons allow has
//! none of it; what explains its mean there is a halo of the probe's spectrum, which every pattern
//! has, and a probe with a halo makes a wrong object. Taken as light of no coherent wave, a
//! background, it does no harm: the mean over the detail, where the detail itself is lost, of the
//! intensity is that of the mean wave and that of its variance.

use super::NoiseModel;
use super::background::{direct_beam, mean};
use super::moments::Moments;
use super::rings::Rings;
use super::stack::{GoOn, PatternOrder, Stack, Stopped};
use crate::{Flow, Problem};
use lapwing_model::{Complex32, Field, Modes, Object, Position};
use ndarray::{Array2, ArrayView3};

/// Share of the light outside the direct beam from which a halo that has so much of it is in
/// question.
const MOSTLY: f64 = 0.5;
/// Rings next to the direct beam whose mean is that of what is inside it.
const RIM: usize = 3;

/// The mean pattern, inside and outside the direct beam.
#[derive(Debug)]
pub struct DarkField {
    /// Of the pixels outside the direct beam.
    rings: Rings,
    /// Which these are.
    outside: Array2<bool>,
    /// The light of every pixel less the background, 0 where none is good.
    light: Array2<f64>,
}

impl Problem {
    /// The mean pattern less the background of `noise`, which this problem has, as long as `go_on`,
    /// which is asked between pieces of the pass over the patterns, wants it; `None` where it was
    /// stopped.
    pub fn dark_field(
        &self,
        noise: &NoiseModel,
        go_on: &mut dyn FnMut() -> Flow,
    ) -> Option<DarkField> {
        DarkField::of(self, noise, go_on).ok()
    }

    /// Intensity of these modes without a specimen, axes (y, x), zero frequency of a far field in
    /// the centre.
    fn without_specimen(&self, modes: ArrayView3<'_, Complex32>) -> Array2<f32> {
        let (height, width) = self.pattern_shape();
        let flat = Object::thin(Field::from_elem((height, width), Complex32::ONE));
        let middle = Position { y: (height / 2) as f64, x: (width / 2) as f64 };
        self.model
            .intensity(&flat, modes, middle)
            .unwrap_or_else(|_| Array2::zeros((height, width)))
    }
}

impl DarkField {
    fn of(problem: &Problem, noise: &NoiseModel, go_on: GoOn<'_>) -> Result<Self, Stopped> {
        let stack = Stack::Problem(problem, PatternOrder::new(&problem.model));
        let good = stack.seen();
        let members: Vec<usize> = (0..stack.len()).collect();
        let moments = Moments::of(&stack, &members, go_on)?;
        let mut light = moments.mean.clone();
        light.zip_mut_with(&noise.background, |light, &background| {
            *light = (*light - f64::from(background)).max(0.0);
        });
        light.zip_mut_with(&good, |light, &good| *light *= f64::from(u8::from(good)));
        let beam = direct_beam(&light, &good);
        let outside = Array2::from_shape_fn(good.dim(), |at| good[at] && !beam[at]);
        let rings = Rings::around(moments.centre(&good), &outside);
        Ok(Self { rings, outside, light })
    }

    /// Share of the light outside the direct beam.
    pub fn share(&self) -> f64 {
        self.outside_of(&self.light) / self.light.sum().max(f64::MIN_POSITIVE)
    }

    fn outside_of(&self, values: &Array2<f64>) -> f64 {
        values
            .iter()
            .zip(&self.outside)
            .filter(|(_, outside)| **outside)
            .map(|(value, _)| value)
            .sum()
    }

    /// The halo of the `probe` that a fit of `problem` has found, where it has most of the light
    /// outside the direct beam: in every pixel, evenly over rings, and inside the direct beam as
    /// beside it; axes (y, x), zero frequency in the centre, in the unit of the light.
    pub fn halo(&self, problem: &Problem, probe: &Modes) -> Option<Array2<f32>> {
        let mut own = problem.without_specimen(probe.view()).mapv(f64::from);
        own.zip_mut_with(&self.light, |own, &light| *own *= f64::from(u8::from(light > 0.0)));
        own *= self.light.sum() / own.sum().max(f64::MIN_POSITIVE);
        if self.outside_of(&own) < MOSTLY * self.outside_of(&self.light) {
            return None;
        }
        let [own, light] = [&own, &self.light].map(|values| self.rings.sums(values));
        // A ring and its neighbours.
        let around = |ring: usize, sums: &[(f64, f64)]| {
            let near = &sums[ring.saturating_sub(1)..(ring + 2).min(sums.len())];
            mean(near.iter().fold((0.0, 0.0), |sum, ring| (sum.0 + ring.0, sum.1 + ring.1)))
        };
        let mut halo: Vec<f64> =
            (0..own.len()).map(|ring| around(ring, &own).min(around(ring, &light))).collect();
        let rim: Vec<usize> = (0..own.len()).filter(|&ring| own[ring].1 > 0.0).take(RIM).collect();
        let inside = mean((rim.iter().map(|&ring| halo[ring]).sum(), rim.len() as f64));
        halo[..rim.first().map_or(0, |&ring| ring)].fill(inside);
        Some(Array2::from_shape_fn(self.light.dim(), |at| halo[self.rings.of(at)] as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::ForwardModel;
    use lapwing_model::fft::Fft2;
    use ndarray::Array3;

    const SIDE: usize = 64;

    /// A mode whose spectrum has this intensity, zero frequency in the centre.
    fn mode(intensity: impl Fn(f64) -> f64) -> Modes {
        let mut spectrum = vec![Complex32::ZERO; SIDE * SIDE];
        for (at, value) in spectrum.iter_mut().enumerate() {
            let [y, x] = [at / SIDE, at % SIDE].map(|i| ((i + SIDE / 2) % SIDE) as f64 - 32.0);
            *value =
                Complex32::cis(0.02 * (y * y + x * x) as f32) * intensity(y.hypot(x)).sqrt() as f32;
        }
        let fft = Fft2::new((SIDE, SIDE));
        let mut wave = spectrum.clone();
        fft.inverse(&mut spectrum, &mut wave, &mut vec![Complex32::ZERO; fft.scratch_len()]);
        // The window's middle is where the wave is.
        let half = SIDE / 2;
        Modes::from_shape_fn((1, SIDE, SIDE), |(_, y, x)| {
            wave[(y + half) % SIDE * SIDE + (x + half) % SIDE]
        })
    }

    /// Patterns that all are this, of a flat object.
    fn problem(intensity: impl Fn(f64) -> f64) -> Problem {
        let pattern = Array3::from_shape_fn((9, SIDE, SIDE), |(_, y, x)| {
            intensity((y as f64 - 32.0).hypot(x as f64 - 32.0)) as f32
        });
        let scan =
            (0..9).map(|k| Position { y: 34.0 + f64::from(k / 3), x: 34.0 + f64::from(k % 3) });
        let flat = Field::from_elem((70, 70), Complex32::ONE);
        Problem::builder(scan.collect(), flat, mode(|_| 1.0)).patterns(pattern).unwrap()
    }

    const DISC: f64 = 10.0;

    fn disc(r: f64) -> f64 {
        if r <= DISC { 100.0 } else { 0.0 }
    }

    #[test]
    fn a_halo_of_the_probe_is_taken_for_what_is_outside_the_direct_beam() {
        let tail = |r: f64| 2.0 - 0.03 * r;
        let problem = problem(|r| disc(r) + if r > DISC { tail(r) } else { 0.0 });
        let noise = NoiseModel::photons((SIDE, SIDE), problem.mean_intensity());
        let found = problem.dark_field(&noise, &mut || Flow::Continue).unwrap();
        // The beam is the disc and the three pixels around it.
        let [mut outside, mut all] = [0.0; 2];
        for (y, x) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (y, x))) {
            let r = (y as f64 - 32.0).hypot(x as f64 - 32.0);
            let light = if r > DISC { tail(r) } else { 100.0 };
            all += light;
            outside += if r > DISC + 3.2 { light } else { 0.0 };
        }
        assert!((found.share() - outside / all).abs() < 0.01, "{}", found.share());
        // A probe with two thirds of the light there, in rings of its own.
        let halo = found.halo(&problem, &mode(|r| disc(r) + if r > DISC { 1.2 } else { 0.0 }));
        let halo = halo.expect("it has most of the light there");
        let whole = 100.0 * std::f64::consts::PI * DISC * DISC;
        for (at, &value) in halo.indexed_iter() {
            let r = (at.0 as f64 - 32.0).hypot(at.1 as f64 - 32.0);
            // The probe has the light of the patterns, not its own, and never more than they.
            let rest = 4096.0 - std::f64::consts::PI * DISC * DISC;
            let expected =
                (1.2 * all / (whole + 1.2 * rest)).min(if r > 14.0 { tail(r) } else { 9.0 });
            let near = (f64::from(value) - expected).abs() < 0.06;
            assert!(near, "{value} in place of {expected} at {r}");
        }
        // One that has little of it there is not the reason.
        let dark = mode(|r| disc(r) + if r > DISC { 0.2 } else { 0.0 });
        assert!(found.halo(&problem, &dark).is_none());
        // What is a background already is none of it.
        let background = Array2::from_shape_fn((SIDE, SIDE), |(y, x)| {
            let r = (y as f64 - 32.0).hypot(x as f64 - 32.0);
            if r > DISC { tail(r) as f32 } else { 0.0 }
        });
        let noise = NoiseModel { background, ..noise };
        let none = problem.dark_field(&noise, &mut || Flow::Continue).unwrap();
        assert!(none.share() < 1e-6, "{}", none.share());
        assert!(problem.dark_field(&noise, &mut || Flow::Stop).is_none());
    }

    #[test]
    fn without_a_specimen_the_detector_sees_the_spectrum_of_the_probe() {
        let problem = problem(disc);
        let seen = problem.without_specimen(mode(|r| disc(r) + r).view());
        let model = ForwardModel::new((SIDE, SIDE));
        assert_eq!(model.shape(), seen.dim());
        let at = |y: usize, x: usize| (y as f64 - 32.0).hypot(x as f64 - 32.0);
        let scale = f64::from(seen[(32, 40)]) / (100.0 + at(32, 40));
        for ((y, x), &value) in seen.indexed_iter() {
            let expected = scale * (disc(at(y, x)) + at(y, x));
            assert!((f64::from(value) - expected).abs() < 1e-2 * scale, "{y}, {x}: {value}");
        }
    }
}
