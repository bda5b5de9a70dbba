//! What looks wrong in a data set that can be read all the same: lost patterns, dead pixels, a
//! beam off the middle, positions in another unit.
//!
//! Everything that is remarked on is one [`Remark`], with what to do; [`of`] looks for all of it in
//! one place. What no measurement can be - patterns without light among bright ones, pixels that
//! always show the same - is [`certain`](Remark::certain), and reconstructions leave it out.

mod dark;
mod disc;
mod frames;
mod object;
mod pixels;
mod positions;
mod probe;
mod remark;
mod snake;
mod survey;
mod words;

use lapwing_model::Position;
use ndarray::{Array2, ArrayView3, Axis, CowArray, s};

use crate::dataset::mean_counts;
use crate::options::Geometry;
use crate::{Dataset, stop};
pub(crate) use object::PLACEHOLDER;
pub use object::{is_uniform, is_uniform_slice};
pub(crate) use pixels::Stop;
pub use positions::advice_on;
pub use remark::{Remark, What};
use survey::Survey;
pub(crate) use words::{counted, leave_out, places, ranges};

/// Everything that looks wrong in a data set.
///
/// Of several scans each is looked at by itself: patterns of one are no measure of another's. A few
/// passes over the patterns; the result does not depend on the number of threads.
pub fn of(dataset: &Dataset) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let layers = dataset.mask.as_ref().map(crate::Mask::good);
    let good = shared(layers, dataset.pattern_shape());
    let patterns = dataset.diffraction.view();
    match dataset.scans.as_ref().filter(|scans| scans.count() > 1) {
        None => remarks.extend(of_scan(dataset, patterns, &dataset.scan, &good)),
        Some(scans) => (0..scans.count()).for_each(|number| {
            let members = scans.members(number);
            if members.is_empty() {
                return;
            }
            let at: Vec<Position> = members.iter().map(|&index| dataset.scan[index]).collect();
            let apart = match members[..] {
                [first, .., last] if last - first + 1 == members.len() => {
                    CowArray::from(patterns.slice(s![first..=last, .., ..]))
                }
                _ => CowArray::from(patterns.select(Axis(0), &members)),
            };
            let found = of_scan(dataset, apart.view(), &at, &good).into_iter();
            remarks.extend(found.map(|remark| remark.of_scan(number, &members)));
        }),
    }
    remarks.extend(layers.and_then(mask));
    let far_field = dataset.geometry != Some(Geometry::NearField);
    remarks.extend(dataset.probe.iter().flat_map(|probe| probe::look(probe, far_field)));
    remarks.extend(dataset.object.as_ref().and_then(object::look));
    remarks
}

/// Whether the rows of a raster, of which nobody measured a position, look scanned the other way
/// than they are taken: to and fro (`snake`) or all in one direction.
pub(crate) fn direction(dataset: &Dataset, raster: (usize, usize), snake: bool) -> Option<Remark> {
    let layers = dataset.mask.as_ref().map(crate::Mask::good);
    let good = shared(layers, dataset.pattern_shape());
    snake::look(dataset.diffraction.view(), &good, raster, snake)
}

/// What looks wrong in the patterns of one scan and in their positions.
fn of_scan(
    dataset: &Dataset,
    patterns: ArrayView3<'_, f32>,
    scan: &[Position],
    good: &Array2<bool>,
) -> Vec<Remark> {
    let (shape, scale) = (dataset.pattern_shape(), dataset.intensity_scale());
    let mut survey = Survey::of(patterns, good);
    // Nobody asks for what comes after a stop.
    if stop::check().is_err() {
        return Vec::new();
    }
    // What a pixel that is stuck shows says nothing about the light of a pattern.
    let stuck = pixels::stuck(&survey, patterns, good);
    if !stuck.is_empty() {
        let mut sound = good.clone();
        stuck.iter().for_each(|&at| sound[at] = false);
        survey = Survey::of(patterns, &sound);
    }
    let mut remarks = frames::look(scan, &survey.totals, Some(&survey), scale, dataset.quantum());
    remarks.extend(frames::repeated(&survey, patterns, scale));
    remarks.extend(pixels::look(&survey, patterns, good, stuck, scale));
    // The probe's width and the steps can be compared in the far field only.
    let far_field = dataset.geometry != Some(Geometry::NearField);
    let optics = dataset.optics.filter(|_| far_field);
    remarks.extend(optics.and_then(|optics| disc::look(&survey.mean, good, &optics)));
    let positions = positions::look(scan, shape, dataset.probe.as_ref(), far_field);
    remarks.extend(positions.into_iter().filter(|remark| far_field || remark.what != What::Sparse));
    remarks
}

/// Patterns and pixels that `remarks` say beyond doubt to hold no measurement, ascending.
pub fn no_measurement(remarks: &[Remark]) -> (Vec<usize>, Vec<(usize, usize)>) {
    let certain = || remarks.iter().filter(|remark| remark.certain);
    let mut patterns: Vec<usize> = certain().flat_map(|remark| remark.patterns.clone()).collect();
    let mut pixels: Vec<_> = certain().flat_map(|remark| remark.pixels.clone()).collect();
    patterns.sort_unstable();
    patterns.dedup();
    pixels.sort_unstable();
    pixels.dedup();
    (patterns, pixels)
}

impl Dataset {
    /// [`mean_intensity`](Self::mean_intensity) of what was measured: without the patterns and
    /// pixels that `remarks` on the data set say beyond doubt to hold no measurement.
    pub fn mean_measured(&self, remarks: &[Remark]) -> f64 {
        let (patterns, pixels) = no_measurement(remarks);
        let mut sums = self.pattern_sums();
        for (index, sum) in sums.iter_mut().enumerate().take(self.n_patterns()) {
            let light =
                |&(y, x): &(usize, usize)| f64::from(self.diffraction[(index, y, x)]).powi(2);
            *sum -= pixels.iter().map(light).sum::<f64>();
        }
        let mut indices = 0..;
        sums.retain(|_| indices.next().is_some_and(|at| patterns.binary_search(&at).is_err()));
        match sums.is_empty() {
            true => self.mean_intensity(),
            false => mean_counts(&sums, self.intensity_scale().unwrap_or(1.0)),
        }
    }
}

/// The pixels that are good in every pattern, or in most of them where bad pixels move about.
fn shared(layers: Option<ArrayView3<'_, bool>>, shape: (usize, usize)) -> Array2<bool> {
    let mut good = Array2::from_elem(shape, 0_usize);
    // A pattern of which nothing is good says nothing of the others.
    let layers = layers.iter().flat_map(|layers| layers.outer_iter());
    let mut count = 0;
    for layer in layers.filter(|layer| layer.iter().any(|&good| good)) {
        good.zip_mut_with(&layer, |good, &layer| *good += usize::from(layer));
        count += 1;
    }
    let everywhere = good.mapv(|good| good == count);
    let mostly = good.mapv(|good| 2 * good > count || count == 0);
    let left = |good: &Array2<bool>| good.iter().filter(|&&good| good).count();
    // Where bad pixels move from pattern to pattern few are good in all of them; what a bad pixel
    // holds is zero.
    if 2 * left(&everywhere) < left(&mostly) { mostly } else { everywhere }
}

/// A mask that leaves less than half of the pixels, which may be meant.
fn mask(good: ArrayView3<'_, bool>) -> Option<Remark> {
    let left = good.iter().filter(|&&good| good).count();
    (2 * left < good.len()).then(|| {
        let evidence = format!("the mask leaves {left} of {} pixels", good.len());
        Remark::new(
            What::Mask,
            evidence,
            "nothing to do if that is meant, as with a beam stop; otherwise say which number is \
             good (--mask-good-is 0 or 1)",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn a_mask_that_leaves_little_is_remarked_on() {
        let of = |left: usize| {
            mask(Array3::from_shape_fn((1, 4, 4), |(_, y, x)| 4 * y + x < left).view())
        };
        assert_eq!(of(8), None);
        assert!(of(7).unwrap().evidence.contains("7 of 16"));
    }
}
