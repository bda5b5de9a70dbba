//! Overlap, measured: the share that neighbouring illuminated discs have in common, three ways
//! (metrics 1 to 3).

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

/// How the images are sampled and grouped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 1: one image for each group. 2: four images for each group.
    pub gridsize: usize,
    /// Share of the images that is kept, in (0, 1]: round(s_img n), at least one.
    pub s_img: f64,
    /// Number of groups for grid size 2; for grid size 1 every kept image is a group.
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
    /// Everything in one group each: grid size 1, all images, 6 neighbours.
    pub fn all_images(probe_diameter_px: f64) -> Self {
        Self {
            gridsize: 1,
            s_img: 1.0,
            n_groups: 1,
            neighbor_count: 6,
            probe_diameter_px,
            rng_seed_subsample: 456,
        }
    }

    /// Refuses parameters outside their ranges.
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

/// Measures the overlap of `scan`. An empty scan has overlap 0.
pub fn measure(scan: &[Position], sampling: &Sampling) -> Result<Overlap, SamplingError> {
    sampling.check()?;
    let images = subsample(scan, sampling);
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

/// Metric 2 of all positions of a scan: the mean overlap of each different position with its 6
/// nearest others.
pub fn scan_overlap(scan: &[Position], probe_diameter: f64) -> f64 {
    image_overlap(&unique(scan), 6, probe_diameter)
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

fn subsample(scan: &[Position], sampling: &Sampling) -> Vec<Position> {
    let count = (sampling.s_img * scan.len() as f64).round().max(1.0) as usize;
    if count >= scan.len() {
        return scan.to_vec();
    }
    let mut kept =
        draw(scan.len(), count, &mut generator(sampling.rng_seed_subsample, "overlap images", 0));
    kept.sort_unstable();
    kept.into_iter().map(|index| scan[index]).collect()
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
        return (0..images.len()).map(|index| Group { members: vec![index], times: 1 }).collect();
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
fn unique(images: &[Position]) -> Vec<Position> {
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
mod tests {
    use super::*;

    fn lattice(rows: usize, columns: usize, step: f64) -> Vec<Position> {
        let at =
            |i: usize| Position { y: (i / columns) as f64 * step, x: (i % columns) as f64 * step };
        (0..rows * columns).map(at).collect()
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn two_discs_in_closed_form() {
        assert_eq!(disc_overlap(0.0, 10.0), 1.0);
        assert_eq!(disc_overlap(10.0, 10.0), 0.0);
        assert_eq!(disc_overlap(11.0, 10.0), 0.0);
        // d = R: 2/3 - sqrt(3) / (2 pi).
        close(disc_overlap(5.0, 10.0), 2.0 / 3.0 - 3f64.sqrt() / (2.0 * PI));
    }

    #[test]
    fn the_overlap_depends_on_the_ratio_alone_at_any_scale() {
        for (distance, diameter) in [(0.0, 1.0), (0.3, 1.0), (0.5, 1.0), (0.999, 1.0)] {
            let expected = disc_overlap(distance, diameter);
            for scale in [1e-300, 1e200, 1e307] {
                close(disc_overlap(distance * scale, diameter * scale), expected);
            }
        }
    }

    #[test]
    fn groups_drawn_again_count_as_often_as_they_were_drawn() {
        // Every group drawn counts, with its repetitions at distance 0 among its neighbours: the
        // definition, pair by pair.
        let scan = lattice(3, 4, 7.0);
        let sampling = Sampling { gridsize: 2, n_groups: 40, ..Sampling::all_images(20.0) };
        let mut generator = generator(sampling.rng_seed_subsample, "overlap groups", 0);
        let tree = Tree::new(&scan);
        let drawn: Vec<Vec<usize>> = (0..40)
            .map(|_| {
                let seed = below(12, &mut generator);
                let others = tree.nearest(seed, 3).into_iter().map(|(index, _)| index);
                std::iter::once(seed).chain(others).collect()
            })
            .collect();
        let centre = |group: &Vec<usize>| Position {
            y: mean(group.iter().map(|&i| scan[i].y)),
            x: mean(group.iter().map(|&i| scan[i].x)),
        };
        let centres: Vec<Position> = drawn.iter().map(centre).collect();
        let metric_3 = mean((0..40).map(|i| {
            let distances = (0..40).filter(|&j| j != i).map(|j| centres[i].distance(centres[j]));
            mean(distances.filter(|&d| d < 20.0).map(|d| disc_overlap(d, 20.0)))
        }));
        let metric_1 = mean(drawn.iter().flat_map(|group| {
            group.iter().map(|&i| {
                let others = group.iter().filter(move |&&j| j != i);
                mean(others.map(|&j| disc_overlap(scan[i].distance(scan[j]), 20.0)))
            })
        }));
        let measured = measure(&scan, &sampling).unwrap();
        close(measured.metric_3_group_to_group_avg, metric_3);
        close(measured.metric_1_group_based_avg.unwrap(), metric_1);
    }

    #[test]
    fn the_most_groups_and_neighbours_are_measured_in_no_time() {
        let scan = lattice(8, 8, 5.0);
        let sampling = Sampling {
            gridsize: 2,
            n_groups: MAX_GROUPS,
            neighbor_count: usize::MAX,
            ..Sampling::all_images(20.0)
        };
        assert_eq!(measure(&scan, &sampling).unwrap().n_groups_actual, MAX_GROUPS);
    }

    #[test]
    fn metric_2_of_a_line_and_of_one_position() {
        let line = lattice(1, 3, 5.0);
        // Each end has neighbours at 5 and 10, the middle two at 5; D = 20.
        let (near, far) = (disc_overlap(5.0, 20.0), disc_overlap(10.0, 20.0));
        let expected = (2.0 * (near + far) / 2.0 + near) / 3.0;
        let measured = measure(&line, &Sampling::all_images(20.0)).unwrap();
        close(measured.metric_2_image_based_avg, expected);
        close(scan_overlap(&line, 20.0), expected);
        assert_eq!(measured.metric_1_group_based_avg, None);
        // With one image for each group metric 3 takes all neighbours nearer than D, which here are
        // all.
        close(measured.metric_3_group_to_group_avg, expected);
        assert_eq!(
            measure(&line[..1], &Sampling::all_images(20.0)).unwrap().metric_2_image_based_avg,
            0.0
        );
        assert_eq!(measure(&[], &Sampling::all_images(20.0)).unwrap().n_groups_actual, 0);
    }

    #[test]
    fn duplicates_count_once_in_metric_2() {
        let mut scan = lattice(2, 1, 5.0);
        scan.push(scan[0]);
        scan.push(Position { y: -0.0, x: 0.0 });
        let measured = measure(&scan, &Sampling::all_images(20.0)).unwrap();
        assert_eq!((measured.n_images_subsampled, measured.n_unique_images), (4, 2));
        close(measured.metric_2_image_based_avg, disc_overlap(5.0, 20.0));
    }

    #[test]
    fn groups_of_four_in_closed_form() {
        // Two squares of side 4 far apart: every group is its square, wherever its seed is.
        let mut scan = lattice(2, 2, 4.0);
        scan.extend(lattice(2, 2, 4.0).into_iter().map(|p| Position { y: p.y, x: p.x + 1000.0 }));
        let sampling = Sampling { gridsize: 2, n_groups: 8, ..Sampling::all_images(20.0) };
        let measured = measure(&scan, &sampling).unwrap();
        let (side, diagonal) = (disc_overlap(4.0, 20.0), disc_overlap(32f64.sqrt(), 20.0));
        close(measured.metric_1_group_based_avg.unwrap(), (2.0 * side + diagonal) / 3.0);
        // K = 1: only the nearest member counts.
        let one = measure(&scan, &Sampling { neighbor_count: 1, ..sampling }).unwrap();
        close(one.metric_1_group_based_avg.unwrap(), side);
        // Eight seeds without replacement: four groups with the same centre in each square.
        assert_eq!(measured.n_groups_actual, 8);
        close(measured.metric_3_group_to_group_avg, 1.0);
        // More groups than images: drawn with replacement.
        assert_eq!(
            measure(&scan, &Sampling { n_groups: 50, ..sampling }).unwrap().n_groups_actual,
            50
        );
    }

    #[test]
    fn metric_3_ignores_groups_beyond_the_diameter() {
        let measured = measure(&lattice(1, 3, 15.0), &Sampling::all_images(20.0)).unwrap();
        // The far pair (30 px) is left out instead of counting as 0.
        close(measured.metric_3_group_to_group_avg, disc_overlap(15.0, 20.0));
        assert_eq!(
            measure(&lattice(1, 3, 25.0), &Sampling::all_images(20.0))
                .unwrap()
                .metric_3_group_to_group_avg,
            0.0
        );
    }

    #[test]
    fn sampling_is_seeded_and_keeps_the_stated_share() {
        let scan = lattice(20, 20, 3.0);
        let sampling = Sampling { s_img: 0.25, ..Sampling::all_images(10.0) };
        let first = measure(&scan, &sampling).unwrap();
        assert_eq!(first, measure(&scan, &sampling).unwrap());
        assert_eq!(
            (first.n_images_total, first.n_images_subsampled, first.n_groups_actual),
            (400, 100, 100)
        );
        let other = measure(&scan, &Sampling { rng_seed_subsample: 7, ..sampling }).unwrap();
        assert_ne!(first.metric_2_image_based_avg, other.metric_2_image_based_avg);
        assert_eq!(
            measure(&scan, &Sampling { s_img: 1e-9, ..sampling }).unwrap().n_images_subsampled,
            1
        );
    }

    #[test]
    fn draws_are_uniform_and_different() {
        let mut counts = [0; 5];
        for seed in 0..5000 {
            let drawn = draw(5, 2, &mut generator(seed, "test", 0));
            assert_ne!(drawn[0], drawn[1]);
            drawn.iter().for_each(|&i| counts[i] += 1);
        }
        // Binomial: mean 2000, standard deviation 35.
        assert!(counts.iter().all(|&c| (1860..2140).contains(&c)), "{counts:?}");
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        let good = Sampling::all_images(10.0);
        for (bad, name) in [
            (Sampling { gridsize: 3, ..good }, "gridsize"),
            (Sampling { s_img: 0.0, ..good }, "s_img"),
            (Sampling { s_img: f64::NAN, ..good }, "s_img"),
            (Sampling { n_groups: 0, ..good }, "n_groups"),
            (Sampling { neighbor_count: 0, ..good }, "neighbor_count"),
            (Sampling { n_groups: usize::MAX, ..good }, "n_groups"),
            (Sampling { n_groups: MAX_GROUPS + 1, ..good }, "n_groups"),
            (Sampling { probe_diameter_px: -1.0, ..good }, "probe_diameter_px"),
            (Sampling { probe_diameter_px: 1e308, ..good }, "probe_diameter_px"),
            (Sampling { probe_diameter_px: f64::INFINITY, ..good }, "probe_diameter_px"),
        ] {
            assert!(measure(&[], &bad).unwrap_err().to_string().starts_with(name));
        }
    }

    #[test]
    fn json_has_the_documented_names() {
        let json =
            serde_json::to_value(measure(&lattice(2, 2, 3.0), &Sampling::all_images(9.0)).unwrap())
                .unwrap();
        for name in [
            "metrics_version",
            "gridsize",
            "s_img",
            "n_groups",
            "neighbor_count",
            "probe_diameter_px",
            "rng_seed_subsample",
            "n_images_total",
            "n_images_subsampled",
            "n_unique_images",
            "n_groups_actual",
            "geometry_acceptance_bound",
            "effective_min_acceptance",
        ] {
            assert!(json.get(name).is_some(), "{name}");
        }
        assert!(json.get("metric_1_group_based_avg").is_none());
    }
}
