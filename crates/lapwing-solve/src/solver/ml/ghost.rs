//! How far a second probe lies from the first, by the ghost that it makes of the object.
//!
//! The light of two probes at a distance adds up in intensity. A fit with one of them, or with
//! modes that begin around it, explains the other's light by an object that is there twice. Once
//! all frequencies of one length have the same power, so that what the object looks like does not
//! matter, its autocorrelation has a peak at that distance.

use lapwing_model::Complex32;
use lapwing_model::fft::{Fft2, frequency};
use ndarray::ArrayView2;

/// Frequencies that count, cycles per pixel: slower ones are few, faster ones mostly noise.
const BAND: (f64, f64) = (0.03, 0.3);
/// Nearest distance, px: up to there reaches the peak at zero.
const NEAREST: f64 = 4.0;
/// Height of a peak over the root mean square of the autocorrelation around it from which it is
/// worth a look: ghosts have 5.5 to 12, most objects without one 4 to 5.5, a star of straight lines
/// 6.8.
const CLEAR: f64 = 4.5;
/// Share of either side over which the object fades at its edges, which would be lines of their
/// own.
const EDGE: f64 = 0.1;

/// Distance (y, x) in whole pixels, at most `farthest`, of the two images in an object seen twice;
/// it holds with either sign. `None` where there is no such peak, or the object is not as large as
/// two such distances.
pub(super) fn distance(object: ArrayView2<'_, Complex32>, farthest: f64) -> Option<(isize, isize)> {
    let (height, width) = object.dim();
    if farthest <= NEAREST || (height.min(width) as f64) < 2.0 * farthest + 2.0 {
        return None;
    }
    let correlation = autocorrelation(object);
    let reach = farthest as isize;
    let (mut sum, mut count, mut best) = (0.0, 0.0, (f64::NEG_INFINITY, (0, 0)));
    // The other half is the same with the other sign.
    for y in 0..=reach {
        for x in -reach..=reach {
            let far = (y as f64).hypot(x as f64);
            if far < NEAREST || far > farthest || (y == 0 && x < 0) {
                continue;
            }
            let column = x.rem_euclid(width as isize) as usize;
            let value = f64::from(correlation[y as usize * width + column].re);
            sum += value * value;
            count += 1.0;
            if value > best.0 {
                best = (value, (y, x));
            }
        }
    }
    (best.0 > CLEAR * f64::sqrt(sum / count)).then_some(best.1)
}

/// The autocorrelation, axes (y, x), distance zero first, of what the object has in the band, with
/// the mean power of its length for every frequency.
fn autocorrelation(object: ArrayView2<'_, Complex32>) -> Vec<Complex32> {
    let (height, width) = object.dim();
    let fft = Fft2::new((height, width));
    let mut scratch = vec![Complex32::default(); fft.scratch_len()];
    let mean = object.sum() / object.len() as f32;
    let (rows, columns) = (fading(height), fading(width));
    let faded = object.indexed_iter();
    let mut field: Vec<Complex32> =
        faded.map(|((y, x), value)| (value - mean) * (rows[y] * columns[x])).collect();
    let mut spectrum = vec![Complex32::default(); field.len()];
    fft.forward(&mut field, &mut spectrum, &mut scratch);
    // Spectra are transposed.
    let length =
        |index: usize| frequency(index % height, height).hypot(frequency(index / height, width));
    let ring = |length: f64| (length * height.max(width) as f64) as usize;
    let mut rings = vec![(0.0, 0.0); ring(1.0) + 1];
    for (index, value) in spectrum.iter().enumerate() {
        let (sum, count) = &mut rings[ring(length(index))];
        *sum += f64::from(value.norm_sqr());
        *count += 1.0;
    }
    for (index, value) in spectrum.iter_mut().enumerate() {
        let length = length(index);
        let (sum, count) = rings[ring(length)];
        let counts = (BAND.0..=BAND.1).contains(&length) && sum > 0.0;
        let power = if counts { f64::from(value.norm_sqr()) * count / sum } else { 0.0 };
        *value = Complex32::from(power as f32);
    }
    fft.inverse(&mut spectrum, &mut field, &mut scratch);
    field
}

/// Weights along a side: 1, falling to 0 at both ends.
fn fading(length: usize) -> Vec<f32> {
    let edge = (EDGE * length as f64).max(1.0);
    let weight = |index: usize| {
        let inside = (index.min(length - 1 - index) as f64 + 0.5) / edge;
        (0.5 - 0.5 * (std::f64::consts::PI * inside.min(1.0)).cos()) as f32
    };
    (0..length).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::Field;
    use lapwing_model::random::generator;
    use rand::RngExt;

    /// Blobs at random places, and `ghost` times the same at a distance.
    fn object(ghost: f32, (down, right): (usize, usize)) -> Field {
        let mut rng = generator(1, "test blobs", 0);
        let mut once = Field::from_elem((140, 120), Complex32::default());
        for _ in 0..90 {
            let (y, x) = (rng.random_range(0.0..140.0), rng.random_range(0.0..120.0));
            let (size, phase): (f32, f32) =
                (rng.random_range(1.0..5.0), rng.random_range(0.1..0.5));
            for ((row, column), value) in once.indexed_iter_mut() {
                let far = (row as f32 - y).hypot(column as f32 - x) / size;
                *value += Complex32::new(0.0, phase * (-far * far).exp());
            }
        }
        Field::from_shape_fn((120, 100), |(y, x)| {
            once[(y, x)] + once[(y + down, x + right)] * ghost + Complex32::ONE
        })
    }

    #[test]
    fn an_object_seen_twice_tells_the_distance() {
        assert_eq!(distance(object(0.0, (0, 0)).view(), 25.0), None);
        for at in [(12, 0), (9, 7), (0, 5), (20, 15)] {
            let signed = (at.0 as isize, at.1 as isize);
            assert_eq!(distance(object(0.4, at).view(), 25.0), Some(signed));
        }
        // Beyond what is looked at, and of too small an object.
        assert_eq!(distance(object(0.4, (20, 15)).view(), 20.0), None);
        assert_eq!(distance(object(0.4, (9, 7)).view(), 60.0), None);
    }
}
