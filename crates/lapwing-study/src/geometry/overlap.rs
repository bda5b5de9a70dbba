//! Overlap, measured: the share that neighbouring illuminated discs have in common, three ways
//! (metrics 1 to 3).

use crate::geometry::coverage::Coverage;
use crate::geometry::neighbours::Tree;
use crate::geometry::selection::{effective_min_acceptance, geometry_acceptance_bound};
use lapwing_model::Position;
use lapwing_model::random::generator;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::f64::consts::PI;

/// Version of the definitions below, written into every record.
pub const METRICS_VERSION: &str = "1.0";

/// Most groups that can be asked for.
pub const MAX_GROUPS: usize = 10_000_000;

/// Largest diameter of the illuminated disc that can be asked for, pixels.
pub const MAX_DIAMETER: f64 = 1e9;

/// Share of a disc of `diameter` that a second one covers whose centre is `distance` away.
///
/// A = 2 R^2 acos(d / 2R) - (d/2) sqrt(4 R^2 - d^2) over pi R^2: 1 at d = 0, 0.391 at d = R, 0 from
/// d = 2 R on. Depends on the ratio r = d / 2R alone, as 2/pi (acos r - r sqrt(1 - r^2)), so that
/// discs of any size can be told.
pub fn disc_overlap(distance: f64, diameter: f64) -> f64 {
    if distance >= diameter {
        return 0.0;
    }
    let ratio = distance / diameter;
    2.0 / PI * (ratio.acos() - ratio * ((1.0 - ratio) * (1.0 + ratio)).sqrt())
}

/// Neighbours that metrics 1 and 2 are over unless told. The files of a study are over those of its
/// design, [`Matrix::neighbor_count`](crate::design::Matrix::neighbor_count).
pub const NEIGHBOR_COUNT: usize = 6;

/// How the images are sampled and grouped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 1: one image for each group. 2: four images for each group.
    pub gridsize: usize,
    /// Share of the images that is kept, in (0, 1]: floor(s_img n), at least one.
    pub s_img: f64,
    /// Number of groups; for grid size 1, where every image is a group, the most that are taken.
    pub n_groups: usize,
    /// Number of neighbours for metrics 1 and 2.
    pub neighbor_count: usize,
    /// Diameter of the illuminated disc, pixels.
    pub probe_diameter_px: f64,
    /// Seed of the image and group draws.
    pub rng_seed_subsample: u64,
}

/// A sampling parameter outside its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name}: expected {expected}, found {found}")]
pub struct SamplingError {
    name: &'static str,
    expected: &'static str,
    found: String,
}

impl Sampling {
    /// Everything in one group each: grid size 1, all images, [`NEIGHBOR_COUNT`] neighbours.
    pub fn all_images(probe_diameter_px: f64) -> Self {
        Self {
            gridsize: 1,
            s_img: 1.0,
            n_groups: MAX_GROUPS,
            neighbor_count: NEIGHBOR_COUNT,
            probe_diameter_px,
            rng_seed_subsample: 456,
        }
    }

    /// Refuses parameters outside their ranges.
    ///
    /// # Errors
    /// The first of them.
    pub fn check(&self) -> Result<(), SamplingError> {
        let rule = |holds: bool, name, expected, found: String| {
            if holds { Ok(()) } else { Err(SamplingError { name, expected, found }) }
        };
        rule(matches!(self.gridsize, 1 | 2), "gridsize", "1 or 2", self.gridsize.to_string())?;
        rule(
            self.s_img > 0.0 && self.s_img <= 1.0,
            "s_img",
            "a number above 0 and at most 1",
            self.s_img.to_string(),
        )?;
        rule(
            (1..=MAX_GROUPS).contains(&self.n_groups),
            "n_groups",
            "a whole number from 1 to 10,000,000",
            self.n_groups.to_string(),
        )?;
        rule(
            self.neighbor_count >= 1,
            "neighbor_count",
            "at least 1",
            self.neighbor_count.to_string(),
        )?;
        let diameter = self.probe_diameter_px;
        rule(
            diameter > 0.0 && diameter <= MAX_DIAMETER,
            "probe_diameter_px",
            "a number of pixels above 0 and at most 1e9",
            diameter.to_string(),
        )
    }
}

/// The measured overlap of one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// Version of the definitions.
    pub metrics_version: String,
    /// All the parameters.
    #[serde(flatten)]
    pub sampling: Sampling,
    /// Mean overlap within groups; absent for grid size 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_1_group_based_avg: Option<f64>,
    /// Mean overlap of an image with its nearest others.
    pub metric_2_image_based_avg: f64,
    /// Mean overlap of a group's centre of mass with those of all groups nearer than the diameter.
    pub metric_3_group_to_group_avg: f64,
    /// Images of the split.
    pub n_images_total: usize,
    /// Images kept by `s_img`.
    pub n_images_subsampled: usize,
    /// Different positions among these.
    pub n_unique_images: usize,
    /// Groups made.
    pub n_groups_actual: usize,
    /// See [`geometry_acceptance_bound`].
    pub geometry_acceptance_bound: f64,
    /// See [`effective_min_acceptance`].
    pub effective_min_acceptance: f64,
}

/// Both splits of a view, as written to `overlap_gs<gridsize>.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// The train split, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Overlap>,
    /// The test split, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Overlap>,
}

/// Measures the overlap of `scan`.
///
/// # Errors
/// When a parameter is out of range, or no image is kept.
pub fn measure(scan: &[Position], sampling: &Sampling) -> Result<Overlap, SamplingError> {
    sampling.check()?;
    let images: Vec<Position> =
        kept_images(scan.len(), sampling)?.into_iter().map(|index| scan[index]).collect();
    let groups = groups(&images, sampling);
    let diameter = sampling.probe_diameter_px;
    let bound = geometry_acceptance_bound(scan, diameter);
    let unique = unique(&images);
    Ok(Overlap {
        metrics_version: METRICS_VERSION.to_owned(),
        sampling: *sampling,
        metric_1_group_based_avg: (sampling.gridsize == 2)
            .then(|| within_groups(&images, &groups, sampling.neighbor_count, diameter)),
        metric_2_image_based_avg: image_overlap(&unique, sampling.neighbor_count, diameter),
        metric_3_group_to_group_avg: between_groups(&images, &groups, diameter),
        n_images_total: scan.len(),
        n_images_subsampled: images.len(),
        n_unique_images: unique.len(),
        n_groups_actual: groups.iter().map(|group| group.times).sum(),
        geometry_acceptance_bound: bound,
        effective_min_acceptance: effective_min_acceptance(bound),
    })
}

/// Metric 2 of all positions of a scan: the mean overlap of each different position with its
/// [`NEIGHBOR_COUNT`] nearest others.
pub fn scan_overlap(scan: &[Position], probe_diameter: f64) -> f64 {
    image_overlap(&unique(scan), NEIGHBOR_COUNT, probe_diameter)
}

/// The linear overlap of discs of `diameter` a `step` apart: 1 - step / diameter, negative where
/// they do not touch. It is what people mean by the overlap of a scan; [`disc_overlap`] is the
/// share of the area, which is smaller.
pub fn linear_overlap(step: f64, diameter: f64) -> f64 {
    1.0 - step / diameter
}

/// Area that discs of `diameter` around a scan cover together, square pixels.
pub fn covered_area(scan: &[Position], diameter: f64) -> f64 {
    let raster = Coverage::raster(scan, diameter);
    Coverage::of(scan, &raster).area() as f64 * raster.point_area()
}

/// `count` different indices below `n`, in random order (the first steps of a Fisher-Yates
/// shuffle).
fn draw(n: usize, count: usize, generator: &mut impl Rng) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..n).collect();
    for i in 0..count {
        indices.swap(i, i + below(n - i, generator));
    }
    indices.truncate(count);
    indices
}

/// A uniform index below `n` > 0 (multiply-shift; its bias of n / 2^64 is far below anything
/// measurable).
fn below(n: usize, generator: &mut impl Rng) -> usize {
    ((u128::from(generator.next_u64()) * n as u128) >> 64) as usize
}

/// Indices of the images that are kept of `n`, ascending.
///
/// # Errors
/// When the share keeps none.
pub fn kept_images(n: usize, sampling: &Sampling) -> Result<Vec<usize>, SamplingError> {
    let count = (sampling.s_img * n as f64).floor() as usize;
    if count == 0 {
        return Err(SamplingError {
            name: "s_img",
            expected: "a share that keeps an image, floor(s_img n) of at least 1",
            found: format!("{} of {n} images", sampling.s_img),
        });
    }
    if count >= n {
        return Ok((0..n).collect());
    }
    let mut kept = draw(n, count, &mut generator(sampling.rng_seed_subsample, "overlap images", 0));
    kept.sort_unstable();
    Ok(kept)
}

/// Images that belong together.
struct Group {
    /// Indices of the images, the seed first.
    members: Vec<usize>,
    /// How often this group was drawn: with more groups than images the same seed comes again, and
    /// its group with it.
    times: usize,
}

fn groups(images: &[Position], sampling: &Sampling) -> Vec<Group> {
    if sampling.gridsize == 1 || images.is_empty() {
        let each = |index| Group { members: vec![index], times: 1 };
        return (0..images.len().min(sampling.n_groups)).map(each).collect();
    }
    let mut generator = generator(sampling.rng_seed_subsample, "overlap groups", 0);
    let seeds: Vec<(usize, usize)> = if sampling.n_groups > images.len() {
        let mut times = vec![0; images.len()];
        (0..sampling.n_groups).for_each(|_| times[below(images.len(), &mut generator)] += 1);
        times.into_iter().enumerate().filter(|(_, times)| *times > 0).collect()
    } else {
        draw(images.len(), sampling.n_groups, &mut generator)
            .into_iter()
            .map(|seed| (seed, 1))
            .collect()
    };
    let tree = Tree::new(images);
    let with_neighbours = |(seed, times): (usize, usize)| {
        let mut members = vec![seed];
        members.extend(tree.nearest(seed, 3).into_iter().map(|(index, _)| index));
        Group { members, times }
    };
    seeds.into_iter().map(with_neighbours).collect()
}

/// Positions without exact repetitions, in order of first appearance.
pub(crate) fn unique(images: &[Position]) -> Vec<Position> {
    let mut seen = HashSet::with_capacity(images.len());
    // Adding 0 makes the two zeros equal.
    let bits = |position: &Position| ((position.y + 0.0).to_bits(), (position.x + 0.0).to_bits());
    images.iter().filter(|position| seen.insert(bits(position))).copied().collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    weighted_mean(values.into_iter().map(|value| (1, value)))
}

/// The mean of values of which each occurs a number of times.
fn weighted_mean(values: impl IntoIterator<Item = (usize, f64)>) -> f64 {
    let add =
        |(sum, count), (times, value): (usize, f64)| (sum + times as f64 * value, count + times);
    let (sum, count) = values.into_iter().fold((0.0, 0), add);
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// Metric 1.
fn within_groups(images: &[Position], groups: &[Group], k: usize, diameter: f64) -> f64 {
    weighted_mean(groups.iter().flat_map(|group| {
        let members: Vec<Position> = group.members.iter().map(|&index| images[index]).collect();
        let member_mean = |member: usize| {
            let nearest = Tree::new(&members).nearest(member, k);
            mean(nearest.into_iter().map(|(_, distance)| disc_overlap(distance, diameter)))
        };
        (0..members.len()).map(|member| (group.times, member_mean(member))).collect::<Vec<_>>()
    }))
}

/// Metric 2 of positions that are all different.
fn image_overlap(unique: &[Position], k: usize, diameter: f64) -> f64 {
    let tree = Tree::new(unique);
    mean((0..unique.len()).map(|image| {
        mean(
            tree.nearest(image, k)
                .into_iter()
                .map(|(_, distance)| disc_overlap(distance, diameter)),
        )
    }))
}

/// Metric 3.
fn between_groups(images: &[Position], groups: &[Group], diameter: f64) -> f64 {
    let centres: Vec<Position> = groups
        .iter()
        .map(|group| Position {
            y: mean(group.members.iter().map(|&i| images[i].y)),
            x: mean(group.members.iter().map(|&i| images[i].x)),
        })
        .collect();
    let tree = Tree::new(&centres);
    weighted_mean(groups.iter().enumerate().map(|(centre, group)| {
        // Each drawing of a group has the other drawings of it as neighbours at distance 0.
        let mut count = group.times - 1;
        let mut sum = count as f64;
        tree.within(centre, diameter, &mut |other, distance| {
            sum += groups[other].times as f64 * disc_overlap(distance, diameter);
            count += groups[other].times;
        });
        (group.times, if count == 0 { 0.0 } else { sum / count as f64 })
    }))
}

#[cfg(test)]
mod tests;
