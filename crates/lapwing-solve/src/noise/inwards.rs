//! The background inside the rings that show it: continued inwards from their slope.
//!
//! Diffuse light - scattering in air, by slits, or by the heat in a crystal - falls off with the
//! angle. Where nearly all light is static it is known well; nearer to the direct beam it hides
//! under coherent light, and inside the direct beam that is no speckle from whose moments it could
//! be told. Of the two usual shapes an exponential of the radius has the sharper peak and a
//! Gaussian the flatter one; taken is their geometric mean.

/// Static light at one ring, as far as its moments tell it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RingLight {
    /// Mean of a pixel.
    pub mean: f64,
    /// The part of it that is static.
    pub background: f64,
    /// The part of it that may be coherent, by two standard deviations.
    pub coherent: f64,
    /// Its good pixels.
    pub pixels: f64,
    /// Share of them in the direct beam.
    pub beam: f64,
}

/// Share of coherent light up to which a ring shows its background.
const COHERENT: f64 = 0.45;
/// Share of a ring in the direct beam up to which it is outside.
const OUTSIDE: f64 = 0.5;
/// Rings that must show it, and good pixels that each must have.
const RINGS: usize = 6;
const PIXELS: f64 = 8.0;
/// Rings in a row that may not show it.
const GAP: usize = 2;
/// The slope is that up to so many times the radius of the innermost of them.
const NEAR: f64 = 2.0;
/// A slope below so many standard deviations is none.
const SURE: f64 = 2.0;
/// The background rises inwards by this factor at most.
const RISE: f64 = 6.0;

/// The background inside the innermost ring that shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inwards {
    /// Radius of that ring, pixels, and the background there.
    radius: f64,
    background: f64,
    /// - d ln b / d r and - d ln b / d r^2.
    slopes: [f64; 2],
}

impl Inwards {
    /// From rings one pixel apart, the innermost first; `None` where too few show their background.
    pub fn of(rings: &[RingLight]) -> Option<Self> {
        let shows = |ring: &RingLight| {
            ring.pixels >= PIXELS
                && ring.beam <= OUTSIDE
                && ring.background > 0.0
                && ring.coherent <= COHERENT * ring.mean
        };
        let outermost = rings.iter().rposition(shows)?;
        let mut innermost = outermost;
        while let Some(next) =
            (innermost.saturating_sub(GAP + 1)..innermost).rev().find(|&at| shows(&rings[at]))
        {
            innermost = next;
        }
        let last = (NEAR * innermost as f64) as usize;
        let points: Vec<(f64, &RingLight)> = (innermost..=last.min(outermost))
            .map(|radius| (radius as f64, &rings[radius]))
            .filter(|(_, ring)| shows(ring))
            .collect();
        if points.len() < RINGS {
            return None;
        }
        let radius = innermost as f64;
        let (at_radius, by_radius) = line(&points, |r| r - radius);
        let (_, by_square) = line(&points, |r| r * r - radius * radius);
        Some(Self { radius, background: at_radius.exp(), slopes: [-by_radius, -by_square] })
    }

    /// The background at this radius; 0 where the rings show it themselves.
    pub fn at(&self, radius: f64) -> f64 {
        if radius >= self.radius {
            return 0.0;
        }
        let [by_radius, by_square] = self.slopes;
        let of_square = by_square * (self.radius.powi(2) - radius.powi(2));
        let rise = 0.5 * (by_radius * (self.radius - radius) + of_square);
        self.background * rise.clamp(0.0, RISE.ln()).exp()
    }
}

/// ln b = a + s t(r) by least squares, every ring by its light: a and s, which is 0 where it is not
/// a falling one for sure.
fn line(points: &[(f64, &RingLight)], t: impl Fn(f64) -> f64) -> (f64, f64) {
    let all =
        || points.iter().map(|&(r, ring)| (ring.pixels * ring.mean, t(r), ring.background.ln()));
    let weight: f64 = all().map(|(w, ..)| w).sum();
    let [t_mean, b_mean] = [
        all().map(|(w, t, _)| w * t).sum::<f64>() / weight,
        all().map(|(w, _, b)| w * b).sum::<f64>() / weight,
    ];
    let spread: f64 = all().map(|(w, t, _)| w * (t - t_mean).powi(2)).sum();
    let slope = all().map(|(w, t, b)| w * (t - t_mean) * (b - b_mean)).sum::<f64>() / spread;
    let left = |(w, t, b): (f64, f64, f64)| w * (b - b_mean - slope * (t - t_mean)).powi(2);
    let error = (all().map(left).sum::<f64>() / (points.len() - 2) as f64 / spread).sqrt();
    match slope < -SURE * error {
        true => (b_mean - slope * t_mean, slope),
        false => (b_mean, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rings of 6 r pixels with this background, and coherent light inside 20.
    fn rings(background: impl Fn(f64) -> f64) -> Vec<RingLight> {
        (0..40)
            .map(|radius| {
                let static_light = background(f64::from(radius));
                let coherent = if radius < 20 { 100.0 * static_light } else { 0.1 * static_light };
                RingLight {
                    mean: static_light + coherent,
                    background: if radius < 20 { 0.3 * static_light } else { static_light },
                    coherent,
                    pixels: 6.0 * f64::from(radius) + 1.0,
                    beam: if radius < 12 { 1.0 } else { 0.0 },
                }
            })
            .collect()
    }

    #[test]
    fn between_an_exponential_and_a_gaussian() {
        let exponential = |r: f64| 2.0 * (-r / 20.0).exp();
        let gaussian = |r: f64| 2.0 * (-0.5 * (r / 20.0).powi(2)).exp();
        for (shape, from, to) in [
            (&exponential as &dyn Fn(f64) -> f64, 0.6, 1.0),
            (&gaussian, 1.0, 1.75),
            (&|_| 0.4, 0.999, 1.001),
        ] {
            let found = Inwards::of(&rings(shape)).unwrap();
            for radius in [0.0, 5.0, 10.0, 15.0, 19.0] {
                let ratio = found.at(radius) / shape(radius);
                assert!((from..=to).contains(&ratio), "{radius}: {ratio}");
            }
            assert_eq!(found.at(20.0), 0.0);
        }
    }

    #[test]
    fn nothing_is_continued_from_rings_that_do_not_show_it() {
        let mut few = rings(|r| (-r / 20.0).exp());
        few.truncate(25);
        assert!(Inwards::of(&few).is_none());
        let lit = rings(|_| 1.0).into_iter().map(|ring| RingLight { coherent: ring.mean, ..ring });
        assert!(Inwards::of(&lit.collect::<Vec<_>>()).is_none());
        assert!(Inwards::of(&[]).is_none());
        // However steep, it rises by a factor at most.
        let steep = Inwards::of(&rings(|r| (-r / 2.0).exp())).unwrap();
        assert!(steep.at(0.0) <= 1.001 * RISE * (-10.0_f64).exp());
    }
}
