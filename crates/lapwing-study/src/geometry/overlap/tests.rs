//! Overlaps against brute force and closed forms.

use super::*;

fn lattice(rows: usize, columns: usize, step: f64) -> Vec<Position> {
    let at = |i: usize| Position { y: (i / columns) as f64 * step, x: (i % columns) as f64 * step };
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
fn forty_scans_against_brute_force() {
    let mut generator = generator(7, "brute force", 0);
    for case in 0..40 {
        let n = 5 + below(60, &mut generator);
        let mut place = || 1e-4 * below(1_000_000, &mut generator) as f64;
        let scan: Vec<Position> = (0..n).map(|_| Position { y: place(), x: place() }).collect();
        let diameter = 5.0 + case as f64;
        let all = |i: usize| {
            let mut others: Vec<f64> =
                (0..n).filter(|&j| j != i).map(|j| scan[i].distance(scan[j])).collect();
            others.sort_unstable_by(f64::total_cmp);
            others
        };
        let shared = |d: &f64| disc_overlap(*d, diameter);
        let nearest = mean((0..n).map(|i| mean(all(i).iter().take(NEIGHBOR_COUNT).map(shared))));
        let within = |i: usize| mean(all(i).iter().filter(|&&d| d < diameter).map(shared));
        let between = mean((0..n).map(within));
        let found = measure(&scan, &Sampling { n_groups: n, ..Sampling::all_images(diameter) });
        let found = found.unwrap();
        for (found, expected) in [
            (found.metric_2_image_based_avg, nearest),
            (found.metric_3_group_to_group_avg, between),
        ] {
            assert!((found - expected).abs() <= 1e-15, "{case}: {found} is not {expected}");
        }
        // Of four images: every one as a seed, with its three nearest.
        let four = |i: usize| {
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| scan[i].distance(scan[a]).total_cmp(&scan[i].distance(scan[b])));
            order.truncate(4);
            order
        };
        let of_group = |group: Vec<usize>| {
            let each = |&i: &usize| {
                let others = group.iter().filter(|&&j| j != i);
                mean(others.map(|&j| disc_overlap(scan[i].distance(scan[j]), diameter)))
            };
            group.iter().map(each).collect::<Vec<f64>>()
        };
        let expected = mean((0..n).flat_map(|i| of_group(four(i))));
        let sampling = Sampling { gridsize: 2, n_groups: n, ..Sampling::all_images(diameter) };
        let found = measure(&scan, &sampling).unwrap().metric_1_group_based_avg.unwrap();
        assert!((found - expected).abs() <= 1e-15, "{case}: {found} is not {expected}");
    }
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
    let none = measure(&[], &Sampling::all_images(20.0)).unwrap_err().to_string();
    assert!(none.starts_with("s_img") && none.contains("0 images"), "{none}");
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
    assert_eq!(measure(&scan, &Sampling { n_groups: 50, ..sampling }).unwrap().n_groups_actual, 50);
}

#[test]
fn linear_overlap_and_covered_area() {
    close(linear_overlap(4.0, 20.0), 0.8);
    // The same discs share less of their area.
    assert!(disc_overlap(4.0, 20.0) < 0.8);
    // One disc, and two apart.
    let two = [Position { y: 0.0, x: 0.0 }, Position { y: 0.0, x: 300.0 }];
    let disc = PI * 50.0 * 50.0;
    assert!((covered_area(&two[..1], 100.0) / disc - 1.0).abs() < 5e-3);
    assert!((covered_area(&two, 100.0) / disc - 2.0).abs() < 1e-2);
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
    // floor(s n), and an error where that is none.
    let kept = |s_img: f64| measure(&scan, &Sampling { s_img, ..sampling });
    assert_eq!(kept(0.4999).unwrap().n_images_subsampled, 199);
    assert_eq!(kept(1.0 / 400.0).unwrap().n_images_subsampled, 1);
    let none = kept(1e-9).unwrap_err().to_string();
    assert!(none.starts_with("s_img") && none.contains("400 images"), "{none}");
}

#[test]
fn of_single_images_the_first_groups_are_taken() {
    let scan = lattice(1, 4, 5.0);
    let two = Sampling { n_groups: 2, ..Sampling::all_images(20.0) };
    let measured = measure(&scan, &two).unwrap();
    assert_eq!((measured.n_groups_actual, measured.n_images_subsampled), (2, 4));
    close(measured.metric_3_group_to_group_avg, disc_overlap(5.0, 20.0));
    // Metric 2 is that of all images.
    close(measured.metric_2_image_based_avg, scan_overlap(&scan, 20.0));
    let all = measure(&scan, &Sampling { n_groups: 9, ..two }).unwrap();
    assert_eq!(all.n_groups_actual, 4);
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
