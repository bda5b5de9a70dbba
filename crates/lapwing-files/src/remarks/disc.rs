//! The bright disc of the patterns, held against the optics that are described.

use lapwing_model::probe::Aperture;
use ndarray::Array2;

use super::remark::{Remark, What};
use crate::experiment::ProbeOptics;

/// A radius that differs by this share, and by so many pixels, is another.
const OTHER: (f64, f64) = (0.15, 1.5);
/// Shares of the disc's level at which its rim begins, is, and ends.
const RIM: [f64; 3] = [0.75, 0.5, 0.25];
/// A rim that is wider than this share of the radius, and than so many pixels, is none.
const SOFT: (f64, f64) = (0.2, 2.0);
/// Pixels of the detector that a disc has at least.
const LEAST: usize = 30;
/// Radius, as a share of what the detector holds, from which a rim may be cut off.
const WHOLE: f64 = 0.95;

/// What is wrong with the angle of the optics, by the disc of the mean pattern: the cone of light
/// that forms the probe falls onto the detector as it is.
pub(super) fn look(
    mean: &Array2<f64>,
    good: &Array2<bool>,
    optics: &ProbeOptics,
) -> Option<Remark> {
    let Aperture::Angle { semi_angle: said, .. } = optics.lens.aperture else { return None };
    let (height, width) = mean.dim();
    let wavelength = optics.lens.wavelength;
    let each = (
        wavelength / (height as f64 * optics.pixel.0),
        wavelength / (width as f64 * optics.pixel.1),
    );
    let seen = semi_angle(mean, good, each)?;
    let apart = (seen - said).abs();
    let pixel = each.0.max(each.1);
    (apart > OTHER.0 * said && apart > OTHER.1 * pixel).then(|| {
        Remark::new(
            What::Contradiction,
            format!(
                "the bright disc of the patterns is {:.3} mrad in radius ({:.1} px), where the optics as \
                 described have a semi-angle of {:.3} mrad ({:.1} px)",
                seen * 1e3,
                seen / pixel,
                said * 1e3,
                said / pixel
            ),
            format!(
                "look at the optics (if they are wrong, --semi-angle-mrad {:.3}) and at the scale of the \
                 detector (if that is, --mrad-per-pixel {:.5})",
                seen * 1e3,
                pixel * said / seen * 1e3
            ),
        )
    })
}

/// Radius of the bright disc of a mean pattern, radians, whose pixels span `each` radians along (y,
/// x); `None` where there is none with a clear rim.
fn semi_angle(mean: &Array2<f64>, good: &Array2<bool>, each: (f64, f64)) -> Option<f64> {
    let lit = || mean.indexed_iter().filter(|(at, _)| good[*at]);
    let mut sorted: Vec<f64> = lit().map(|(_, &mean)| mean).filter(|mean| *mean > 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    // A few bright pixels are no disc: its level is the median of those above a tenth of the most.
    let brightest = *sorted.get(sorted.len().checked_sub(1 + sorted.len() / 200)?)?;
    let bright = sorted.partition_point(|&mean| mean < 0.1 * brightest);
    let level = sorted[bright + (sorted.len() - bright) / 2];
    let inside = || lit().filter(|(_, mean)| **mean > 0.5 * level).map(|(at, _)| at);
    let count = inside().count();
    if count < LEAST {
        return None;
    }
    let middle = |axis: fn((usize, usize)) -> usize| {
        inside().map(|at| axis(at) as f64).sum::<f64>() / count as f64
    };
    let (y, x) = (middle(|at| at.0), middle(|at| at.1));
    let pixel = each.0.max(each.1);
    let radius = |(row, column): (usize, usize)| {
        ((row as f64 - y) * each.0).hypot((column as f64 - x) * each.1) / pixel
    };
    // Rings of a pixel, and their mean.
    let (height, width) = mean.dim();
    let far = radius((0, 0)).max(radius((height - 1, width - 1)));
    let mut rings = vec![(0.0_f64, 0_usize); far.max(radius((0, width - 1))) as usize + 2];
    lit().for_each(|(at, mean)| {
        if let Some((sum, count)) = rings.get_mut(radius(at) as usize) {
            (*sum, *count) = (*sum + mean, *count + 1);
        }
    });
    let profile: Vec<Option<f64>> =
        rings.iter().map(|&(sum, count)| (count > 0).then(|| sum / count as f64)).collect();
    // Where the rings fall below a share of the level for good, between the middles of two.
    let falls = |share: f64| -> Option<f64> {
        let last =
            profile.iter().rposition(|mean| mean.is_some_and(|mean| mean >= share * level))?;
        let (here, next) = (profile[last]?, profile.get(last + 1).copied().flatten()?);
        let part = ((here - share * level) / (here - next).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        Some(last as f64 + 0.5 + part)
    };
    let [Some(begins), Some(rim), Some(ends)] = RIM.map(falls) else { return None };
    let room = [
        (y + 0.5) * each.0,
        (height as f64 - 0.5 - y) * each.0,
        (x + 0.5) * each.1,
        (width as f64 - 0.5 - x) * each.1,
    ];
    let room = room.into_iter().fold(f64::INFINITY, f64::min) / pixel;
    let clear = ends - begins <= SOFT.1.max(SOFT.0 * rim) && rim < WHOLE * room;
    clear.then_some(rim * pixel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::probe::{Aberrations, Lens};

    /// A disc of a radius in pixels with a dark middle, and light about it that falls off.
    fn pattern(radius: f64, stop: f64, about: f64) -> Array2<f64> {
        Array2::from_shape_fn((64, 64), |(y, x)| {
            let r = (y as f64 - 31.0).hypot(x as f64 - 33.0);
            let disc = (radius - r + 0.5).clamp(0.0, 1.0) * (r - stop + 0.5).clamp(0.0, 1.0);
            100.0 * disc + about * (-r / 20.0).exp()
        })
    }

    fn optics(radius: f64) -> ProbeOptics {
        let (wavelength, pixel) = (2e-12, 5e-11);
        let semi_angle = radius * wavelength / (64.0 * pixel);
        let aperture = Aperture::Angle { semi_angle, stop: 0.0 };
        let lens = Lens { wavelength, aperture, aberrations: Aberrations::default() };
        ProbeOptics { lens, pixel: (pixel, pixel), says_defocus: false }
    }

    fn told(mean: &Array2<f64>, said: f64) -> Option<String> {
        let good = Array2::from_elem((64, 64), true);
        look(mean, &good, &optics(said)).map(|remark| remark.to_string())
    }

    #[test]
    fn a_disc_of_another_radius_is_told_with_both() {
        for (radius, stop, about) in [(12.0, 0.0, 0.0), (20.0, 7.0, 10.0), (8.0, 0.0, 5.0)] {
            let mean = pattern(radius, stop, about);
            for said in [0.9, 1.0, 1.1] {
                assert_eq!(told(&mean, radius * said), None, "{radius} {said}");
            }
            for said in [0.5, 0.78, 1.3, 2.0] {
                let words = told(&mean, radius * said).expect("another radius");
                let seen = format!("--semi-angle-mrad {:.1}", radius * 2e-12 / 64.0 / 5e-11 * 1e3);
                assert!(words.contains(&seen), "{radius} {said}: {words}");
            }
        }
    }

    #[test]
    fn what_is_no_disc_says_nothing() {
        let fog = Array2::from_shape_fn((64, 64), |(y, x)| {
            let r = (y as f64 - 32.0).hypot(x as f64 - 32.0);
            100.0 * (-r * r / 200.0).exp()
        });
        assert_eq!(told(&fog, 5.0), None);
        assert_eq!(told(&Array2::ones((64, 64)), 5.0), None);
        assert_eq!(told(&Array2::zeros((64, 64)), 5.0), None);
        // A rim that the detector cuts off.
        assert_eq!(told(&pattern(33.0, 0.0, 0.0), 20.0), None);
    }
}
