//! The noise model against simulations whose detector is known.

use super::*;
use crate::Problem;
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::random::generator;
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field, Object, simulate};
use ndarray::{Array2, Array3, s};
use rand::RngExt;

const SIDE: usize = 64;

/// Mean patterns of a scan over a specimen of cells, `photons` each.
fn light(photons: f64, seed: u64) -> (Array3<f32>, Vec<Position>) {
    light_of(Specimen::Cells, 4.0, photons, seed)
}

fn light_of(
    specimen: Specimen,
    step: f64,
    photons: f64,
    seed: u64,
) -> (Array3<f32>, Vec<Position>) {
    light_through(|shape| specimen.make(shape, seed), step, photons, seed)
}

fn light_through(
    specimen: impl Fn((usize, usize)) -> Field,
    step: f64,
    photons: f64,
    seed: u64,
) -> (Array3<f32>, Vec<Position>) {
    let probe = ProbeDesign::new(ProbeKind::Defocused).build((SIDE, SIDE)).unwrap();
    let scan = generate(ScanKind::Fermat, step, (14.0 * step, 14.0 * step), seed).unwrap();
    let placement = fit(&scan, (SIDE, SIDE), 2).unwrap();
    let scan = placement.place(&scan);
    let specimen = specimen(placement.shape);
    let exposure =
        simulate::expose(&Physics::default(), specimen.view(), probe.view(), &scan, 1e9, seed)
            .unwrap();
    let factor = (photons / 1e9) as f32;
    (exposure.counts.mapv(|value| value * factor), scan)
}

/// Counts with these means: `per_photon` for each photon, of which the noise is Poisson's again.
fn counted(mean: &Array3<f32>, per_photon: f64, seed: u64) -> Array3<f32> {
    let mut random = generator(seed, "test counts", 0);
    let mut poisson = |mean: f64| -> f64 {
        // Knuth's product for small means, a rounded normal deviate for large ones.
        if mean > 50.0 {
            let sum: f64 = (0..12).map(|_| random.random::<f64>()).sum();
            return (mean + mean.sqrt() * (sum - 6.0)).round().max(0.0);
        }
        let (mut product, mut count) = (random.random::<f64>(), 0.0);
        let limit = (-mean).exp();
        while product > limit {
            product *= random.random::<f64>();
            count += 1.0;
        }
        count
    };
    mean.mapv(|mean| {
        let photons = poisson(mean.into());
        (if per_photon > 1.0 { photons + poisson((per_photon - 1.0) * photons) } else { photons })
            as f32
    })
}

#[test]
fn photons_are_photons_and_nothing_is_found_wrong() {
    for (photons, seed) in [(300.0, 1), (3e3, 2), (3e4, 3)] {
        let (mean, scan) = light(photons, seed);
        let found = estimate(counted(&mean, 1.0, seed).view(), &scan, None);
        assert_eq!(found.gain, 1.0, "{photons}");
        assert!(found.faults.is_empty() && !found.correlated, "{photons}: {:?}", found.faults);
        assert!(found.background_share() < 0.02, "{photons}: {}", found.background_share());
        assert!((found.mean_intensity / photons - 1.0).abs() < 0.1);
    }
}

#[test]
fn excess_noise_is_found() {
    let (mean, scan) = light(1e4, 4);
    for per_photon in [2.0, 4.0, 10.0] {
        let counts = counted(&mean, per_photon, 5);
        // Variance over mean of a Poisson number of Poisson numbers plus one each.
        let expected = (per_photon.powi(2) + per_photon - 1.0) / per_photon;
        let found = estimate(counts.view(), &scan, None).gain;
        assert!((found / expected - 1.0).abs() < 0.06, "{found}, expected {expected}");
    }
}

#[test]
fn excess_noise_is_found_under_static_light_brighter_than_speckle() {
    // A weak object: nearly all of its light is in the direct beam.
    let weak =
        |shape| Specimen::Cells.make(shape, 4).mapv(|value| Complex32::ONE + 0.005 * (value - 1.0));
    let (mut mean, scan) = light_through(weak, 4.0, 1e6, 4);
    for ((_, y, x), mean) in mean.indexed_iter_mut() {
        let radius = (y as f32 - 32.0).hypot(x as f32 - 32.0);
        *mean += 60.0 * (-radius / 15.0).exp();
    }
    let found = estimate(counted(&mean, 4.0, 5).view(), &scan, None).gain;
    assert!((found / 4.75 - 1.0).abs() < 0.06, "{found}");
    // Without excess noise it is that of photons.
    assert_eq!(estimate(counted(&mean, 1.0, 5).view(), &scan, None).gain, 1.0);
}

#[test]
fn a_gain_is_found_through_a_read_out_that_is_clipped_at_zero() {
    let (mean, scan) = light(1e4, 4);
    let photons = counted(&mean, 1.0, 5);
    let mut random = generator(6, "test read-out", 0);
    for (gain, sigma) in [(20.0, 2.0), (20.0, 5.0), (100.0, 10.0), (10.0, 1.0), (1.0, 1.0)] {
        let counts = photons.mapv(|count| {
            let normal = (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
            (gain * count + sigma * normal).round().max(0.0)
        });
        let model = estimate(counts.view(), &scan, None);
        let found = model.gain;
        assert!((0.75..1.15).contains(&(found / f64::from(gain))), "{found} of {gain}, {sigma}");
        if gain > 1.0 {
            // The mean of the positive half of a normal distribution, where there is no photon.
            let each = f64::from(sigma) / (2.0 * std::f64::consts::PI).sqrt();
            let background = model.background_per_pattern() / (each * (SIDE * SIDE) as f64);
            assert!((0.8..1.2).contains(&background), "{background}, {gain}, {sigma}");
        }
    }
}

#[test]
fn a_background_is_found_from_below() {
    let (mut mean, scan) = light(5e3, 6);
    // Where there is none, none is found; then 0.3 counts in every pixel, 6 % of the light.
    let clean = estimate(counted(&mean, 1.0, 7).view(), &scan, None).background_per_pattern();
    mean.mapv_inplace(|value| value + 0.3);
    let found = estimate(counted(&mean, 1.0, 7).view(), &scan, None);
    let (background, truth) = (found.background_per_pattern(), 0.3 * (SIDE * SIDE) as f64);
    assert!(clean < 0.1 * truth, "{clean}");
    assert!((0.7..1.1).contains(&(background / truth)), "{background} of {truth}");
    // At the edge, where there is nothing else, it is the whole signal.
    let corner = f64::from(found.background.slice(s![..4, ..4]).mean().unwrap());
    assert!((corner / 0.3 - 1.0).abs() < 0.15, "{corner}");
}

#[test]
fn a_background_that_falls_off_is_found_under_the_direct_beam() {
    let weak = |shape| Specimen::Cells.make(shape, 4).mapv(|value| 1.0 + 0.02 * (value - 1.0));
    let (mut mean, scan) = light_through(weak, 4.0, 1e5, 4);
    let inside = |mean: &Array2<f32>| f64::from(mean.slice(s![20..44, 20..44]).sum());
    let clean = estimate(counted(&mean, 1.0, 7).view(), &scan, None);
    assert!(clean.background_share() < 1e-3, "{}", clean.background_share());
    let diffuse = Array2::from_shape_fn((SIDE, SIDE), |(y, x)| {
        3.0 * (-(y as f32 - 32.0).hypot(x as f32 - 32.0) / 15.0).exp()
    });
    mean += &diffuse;
    let found = estimate(counted(&mean, 1.0, 7).view(), &scan, None);
    let ratio = inside(&found.background) / inside(&diffuse);
    assert!((0.75..1.05).contains(&ratio), "{ratio}");
}

#[test]
fn bad_pixels_and_patterns_are_found() {
    let (mean, scan) = light(2e4, 8);
    let mut counts = counted(&mean, 1.0, 9);
    counts.slice_mut(s![.., .., 34]).fill(0.0);
    let hot = [(3, 5), (16, 40), (50, 25)];
    hot.iter().for_each(|&(y, x)| counts.slice_mut(s![.., y, x]).fill(700.0));
    counts.slice_mut(s![40, .., ..]).fill(0.0);
    let flat = Array3::from_elem((1, SIDE, SIDE), 5.0_f32);
    counts.slice_mut(s![77..78, .., ..]).assign(&counted(&flat, 1.0, 10));
    let found = estimate(counts.view(), &scan, None).faults;
    assert_eq!((found.lost, found.wrong), (vec![40], vec![77]));
    assert_eq!(found.hot, hot);
    // Of the dead column, the part that light falls on.
    assert!(found.dead.iter().all(|&(_, x)| x == 34), "{:?}", found.dead);
    for y in 28..36 {
        assert!(found.dead.contains(&(y, 34)), "{y}");
    }
    assert_eq!(found.saturation, None);
}

#[test]
fn a_pattern_of_far_too_much_light_is_none() {
    let (mean, scan) = light(2e4, 8);
    let clean = estimate(counted(&mean, 1.0, 9).view(), &scan, None);
    for factor in [30.0, 100.0] {
        let mut counts = counted(&mean, 1.0, 9);
        counts.slice_mut(s![33, .., ..]).mapv_inplace(|value| value * factor);
        let found = estimate(counts.view(), &scan, None);
        assert_eq!(found.faults, Faults { wrong: vec![33], ..Faults::default() });
        assert_eq!(found.gain, clean.gain, "{factor}");
    }
}

#[test]
fn particles_and_opaque_parts_are_no_faults() {
    let discs = |inside: Complex32| {
        move |(height, width): (usize, usize)| {
            let places = [(0.4, 0.35, 9.0), (0.62, 0.6, 14.0)];
            Field::from_shape_fn((height, width), |(y, x)| {
                let of = |&(row, column, radius): &(f32, f32, f32)| {
                    let away = y as f32 - row * height as f32;
                    away.hypot(x as f32 - column * width as f32) < radius
                };
                if places.iter().any(of) { inside } else { Complex32::ONE }
            })
        }
    };
    for inside in [Complex32::cis(2.5), Complex32::new(0.01, 0.0), Complex32::from_polar(0.05, 0.5)]
    {
        for (step, photons) in [(4.0, 1e3), (4.0, 1e5), (8.0, 1e4)] {
            let (mean, scan) = light_through(discs(inside), step, photons, 41);
            let mut counts = counted(&mean, 1.0, 41);
            let found = estimate(counts.view(), &scan, None).faults;
            assert_eq!(found, Faults::default(), "{inside}, {step} px, {photons}");
            // In the empty corner of the scan.
            let far = |&pattern: &usize| scan[pattern].y + scan[pattern].x;
            let lost = (0..scan.len()).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
            counts.slice_mut(s![lost, .., ..]).fill(0.0);
            let found = estimate(counts.view(), &scan, None).faults;
            assert_eq!(found, Faults { lost: vec![lost], ..Faults::default() });
        }
    }
}

#[test]
fn sharp_edges_that_scatter_into_few_patterns_are_no_noise() {
    for (photons, seed) in [(1e3, 31), (1e4, 32), (1e5, 33)] {
        let (mean, scan) = light_of(Specimen::SiemensStar, 4.0, photons, seed);
        let found = estimate(counted(&mean, 1.0, seed).view(), &scan, None);
        assert!(found.gain == 1.0 && !found.correlated, "{photons}: {}", found.gain);
        assert!(found.background_share() < 0.02, "{photons}: {}", found.background_share());
        // Nor do they hide a gain that is there, though bright edges make its estimate less exact.
        let gain = estimate(counted(&mean, 4.0, seed).view(), &scan, None).gain;
        let expected = (4.0_f64.powi(2) + 3.0) / 4.0;
        assert!((0.7..1.15).contains(&(gain / expected)), "{photons}: {gain} of {expected}");
    }
    // Nor where neighbours have so little in common that almost every pattern is another.
    for (specimen, step) in
        [(Specimen::SiemensStar, 8.0), (Specimen::SiemensStar, 16.0), (Specimen::Cells, 16.0)]
    {
        for photons in [1e3, 2e4, 1e6] {
            let (mean, scan) = light_of(specimen, step, photons, 34);
            let found = estimate(counted(&mean, 1.0, 34).view(), &scan, None);
            assert_eq!(found.gain, 1.0, "{specimen:?}, {step} px, {photons}");
        }
    }
}

#[test]
fn a_detector_s_limit_is_found_however_low() {
    let (mean, scan) = light(2e4, 23);
    let whole = counted(&mean, 1.0, 24);
    assert_eq!(estimate(whole.view(), &scan, None).faults, Faults::default());
    for limit in [1.0_f32, 3.0, 15.0, 40.0] {
        let counts = whole.mapv(|count| count.min(limit));
        let found = estimate(counts.view(), &scan, None).faults;
        // Pixels that are always at the limit among them.
        let expected = Faults { saturation: Some(limit), ..Faults::default() };
        assert_eq!(found, expected);
    }
}

#[test]
fn what_is_known_to_be_wrong_tells_nothing() {
    let (mean, scan) = light(2e4, 20);
    let mut counts = counted(&mean, 1.0, 21);
    let clean = estimate(counts.view(), &scan, None);
    // A few patterns of a detector gone mad, so bright that they hide what is usual.
    let wrong = vec![20, 55, 77];
    for &pattern in &wrong {
        let noise = Array3::from_shape_fn((1, SIDE, SIDE), |(_, y, x)| {
            ((y * 7919 + x * 104_729 + pattern) % 2000) as f32
        });
        counts.slice_mut(s![pattern..pattern + 1, .., ..]).assign(&noise);
    }
    let known = Faults { wrong, hot: vec![(3, 4)], ..Faults::default() };
    let found = estimate_beside(counts.view(), &scan, None, &known, None);
    assert_eq!(found.faults, known);
    assert!((found.mean_intensity / clean.mean_intensity - 1.0).abs() < 0.02);
    assert_eq!(found.gain, clean.gain);
}

#[test]
fn saturation_is_found_where_many_values_stop() {
    let (mean, scan) = light(1e5, 11);
    let counts = counted(&mean, 1.0, 12);
    assert_eq!(estimate(counts.view(), &scan, None).faults.saturation, None);
    let largest = counts.iter().copied().fold(0.0, f32::max);
    let limit = (largest / 4.0).round();
    let clipped = counts.mapv(|value| value.min(limit));
    assert_eq!(estimate(clipped.view(), &scan, None).faults.saturation, Some(limit));
}

#[test]
fn what_is_masked_does_not_count() {
    let (mean, scan) = light(5e3, 13);
    let mut counts = counted(&mean, 1.0, 14);
    let clean = estimate(counts.view(), &scan, None);
    let mut valid = Array3::from_elem((1, SIDE, SIDE), true);
    valid.slice_mut(s![0, 24..40, 24..40]).fill(false);
    counts.slice_mut(s![.., 24..40, 24..40]).fill(1e6);
    let found = estimate(counts.view(), &scan, Some(valid.view()));
    assert!(found.faults.is_empty() && found.mean_intensity < clean.mean_intensity);
    assert!(found.background.slice(s![24..40, 24..40]).iter().all(|&value| value == 0.0));
}

/// The noise model of a problem of these counts and this mask.
fn of_problem(counts: &Array3<f32>, scan: &[Position], valid: &Array3<bool>) -> NoiseModel {
    let probe = ProbeDesign::new(ProbeKind::Defocused).build((SIDE, SIDE)).unwrap();
    let shape = fit(scan, (SIDE, SIDE), 2).unwrap().shape;
    let object = Object::flat((shape.0 + 8, shape.1 + 8));
    let builder = Problem::builder(scan.to_vec(), object, probe).mask(valid.view());
    builder.patterns(counts.clone()).unwrap().estimate_noise(&Faults::default(), None)
}

#[test]
fn a_pixel_that_a_pattern_hides_is_judged_by_the_others() {
    let (mut mean, scan) = light(2e4, 25);
    mean.mapv_inplace(|value| value + 0.3);
    for per_photon in [1.0, 4.0] {
        let mut counts = counted(&mean, per_photon, 26);
        let whole = estimate(counts.view(), &scan, None);
        // One value in fifty, somewhere else in every pattern, so that hardly a pixel is good in
        // all; one pattern has but a corner, one nothing.
        let mut random = generator(27, "test mask", 0);
        let mut valid = Array3::from_shape_fn(counts.dim(), |_| random.random::<f64>() > 0.02);
        valid.slice_mut(s![31, 4.., ..]).fill(false);
        valid.slice_mut(s![32, .., ..]).fill(false);
        counts.zip_mut_with(&valid, |count, &valid| *count = if valid { *count } else { 5e9 });
        let found = estimate(counts.view(), &scan, Some(valid.view()));
        assert_eq!(found.faults, Faults::default());
        assert!((found.gain / whole.gain - 1.0).abs() < 0.02, "{} {}", found.gain, whole.gain);
        assert!((found.mean_intensity / whole.mean_intensity - 1.0).abs() < 0.01);
        let share = found.background_per_pattern() / (0.3 * (SIDE * SIDE) as f64);
        assert!((0.8..1.1).contains(&share), "{share} of the background");
        assert_eq!(of_problem(&counts, &scan, &valid), found);
    }
}

#[test]
fn what_is_left_of_pixels_whose_bright_values_are_hidden_is_no_background() {
    let (mean, scan) = light(2e4, 28);
    for background in [0.0, 0.3] {
        let counts = counted(&mean.mapv(|value| value + background), 1.0, 29);
        for limit in [12.0, 25.0, 60.0] {
            let valid = counts.mapv(|count| count < limit);
            let dark = counts.mapv(|count| if count < limit { count } else { 0.0 });
            let found = estimate(dark.view(), &scan, Some(valid.view()));
            assert_eq!((found.gain, &found.faults), (1.0, &Faults::default()));
            let truth = f64::from(background) * (SIDE * SIDE) as f64;
            let error = found.background_per_pattern() - truth;
            assert!(error.abs() < 20.0 + 0.1 * truth, "{error}, truth {truth}");
            assert_eq!(of_problem(&dark, &scan, &valid), found);
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let (mean, scan) = light(3e3, 15);
    let counts = counted(&mean.mapv(|value| value + 0.1), 1.0, 16);
    let found = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| estimate(counts.view(), &scan, None))
    });
    assert_eq!(found[0], found[1]);
}

#[test]
fn too_few_patterns_tell_nothing() {
    let (mean, scan) = light(1e3, 17);
    let counts = mean.slice(s![..3, .., ..]).to_owned();
    let found = estimate(counts.view(), &scan[..3], None);
    assert_eq!((found.gain, found.background_per_pattern()), (1.0, 0.0));
    let dark = Array3::zeros((20, 8, 8));
    let found = estimate(dark.view(), &scan[..20], None);
    assert!(found.faults.is_empty() && found.gain == 1.0 && found.background_share() == 0.0);
}

#[test]
fn a_problem_estimates_what_its_stack_does() {
    let (mean, scan) = light(5e3, 18);
    let mut counts = counted(&mean.mapv(|value| value + 0.2), 1.0, 19);
    counts.slice_mut(s![9, .., ..]).fill(0.0);
    counts.slice_mut(s![.., 30, 30]).fill(500.0);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build((SIDE, SIDE)).unwrap();
    let shape = fit(&scan, (SIDE, SIDE), 2).unwrap().shape;
    let of_stack = estimate(counts.view(), &scan, None);
    let builder = Problem::builder(scan.clone(), Object::flat((shape.0 + 8, shape.1 + 8)), probe);
    let problem = builder.patterns(counts).unwrap();
    assert_eq!(problem.estimate_noise(&Faults::default(), None), of_stack);
    let quiet = problem.with_noise(&of_stack).unwrap();
    assert_eq!(quiet.n_patterns(), scan.len() - 1);
    assert_eq!(quiet.used_pixels(), (scan.len() - 1) * (SIDE * SIDE - 1));
    // The light that is left: of good pixels and patterns, without the background, with what the
    // start fields would bring to the hot pixel.
    let left = of_stack.mean_intensity - of_stack.background_per_pattern();
    assert!((quiet.mean_intensity() / left - 1.0).abs() < 0.02, "{}", quiet.mean_intensity());
}

#[test]
fn a_noise_model_that_cannot_be_is_refused() {
    let (mean, scan) = light(1e3, 20);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build((SIDE, SIDE)).unwrap();
    let problem = Problem::builder(scan, Object::flat((140, 140)), probe).patterns(mean).unwrap();
    let photons = NoiseModel::photons((SIDE, SIDE), 1e3);
    assert!(problem.with_noise(&photons).is_ok());
    let refused = |noise: &NoiseModel| problem.with_noise(noise).unwrap_err().to_string();
    assert!(refused(&NoiseModel { gain: 0.0, ..photons.clone() }).starts_with("gain: "));
    let background = |value, side| NoiseModel {
        background: Array2::from_elem((side, side), value),
        ..photons.clone()
    };
    assert!(refused(&background(0.1, 32)).contains("shape (64, 64)"));
    assert!(refused(&background(f32::NAN, SIDE)).contains("NaN"));
    assert!(refused(&background(1.0, SIDE)).contains("no light is left"));
}

#[test]
fn every_scan_of_several_is_judged_by_its_own_light() {
    let (mean, scan) = light(5e3, 21);
    let mut bright = counted(&mean, 1.0, 22);
    let mut faint = counted(&mean.mapv(|value| 0.02 * value), 1.0, 23);
    bright.slice_mut(s![5, .., ..]).fill(0.0);
    faint.slice_mut(s![8, .., ..]).fill(0.0);
    let n = scan.len();
    // One pattern of each in turn, at the same positions.
    let mut both = Array3::zeros((2 * n, SIDE, SIDE));
    for index in 0..n {
        both.slice_mut(s![2 * index, .., ..]).assign(&bright.slice(s![index, .., ..]));
        both.slice_mut(s![2 * index + 1, .., ..]).assign(&faint.slice(s![index, .., ..]));
    }
    let twice: Vec<Position> = scan.iter().flat_map(|&at| [at, at]).collect();
    let of: Vec<usize> = (0..2 * n).map(|pattern| pattern % 2).collect();
    let none = Faults::default();
    let as_one = estimate(both.view(), &twice, None);
    assert!(as_one.faults.lost.len() > n / 2, "{:?}", as_one.faults);
    let each = estimate_beside(both.view(), &twice, None, &none, Some(&of));
    assert_eq!(each.faults, Faults { lost: vec![10, 17], ..none.clone() });
    assert!((each.gain - 1.0).abs() < 0.02, "{}", each.gain);
    let means = [&bright, &faint].map(|counts| estimate(counts.view(), &scan, None).mean_intensity);
    assert!((each.mean_intensity / (0.5 * (means[0] + means[1])) - 1.0).abs() < 1e-9);
    // One scan is what it was.
    let alone = estimate_beside(bright.view(), &scan, None, &none, Some(&vec![3; n]));
    assert_eq!(alone, estimate(bright.view(), &scan, None));
}

#[test]
fn what_one_scan_of_several_hides_throughout_is_judged_by_the_others() {
    let (mean, scan) = light(5e3, 33);
    let counts = counted(&mean.mapv(|value| value + 0.2), 1.0, 34);
    let n = scan.len();
    let mut hides = Array3::from_elem((1, SIDE, SIDE), true);
    hides.slice_mut(s![0, .., 36..]).fill(false);
    let each = [None, Some(hides.view())].map(|valid| estimate(counts.view(), &scan, valid));
    let twice = ndarray::concatenate![ndarray::Axis(0), counts, counts];
    let valid = Array3::from_shape_fn(twice.dim(), |(at, y, x)| at < n || hides[(0, y, x)]);
    let (scans, of) = ([&scan[..], &scan[..]].concat(), [vec![0; n], vec![1; n]].concat());
    let none = Faults::default();
    let found = estimate_beside(twice.view(), &scans, Some(valid.view()), &none, Some(&of));
    let [a, b] = each;
    assert_eq!(found.faults, none);
    let both = 0.5 * (a.mean_intensity + b.mean_intensity);
    assert!((found.mean_intensity / both - 1.0).abs() < 1e-9);
    for ((at, &sum), valid) in found.background.indexed_iter().zip(&hides) {
        let expected =
            if *valid { 0.5 * (a.background[at] + b.background[at]) } else { a.background[at] };
        assert!((sum - expected).abs() < 1e-6, "{at:?}: {sum}, expected {expected}");
    }
}

#[test]
fn an_estimate_that_is_stopped_ends_at_the_next_question() {
    let (mean, scan) = light(1e3, 17);
    let counts = counted(&mean, 1.0, 3);
    let none = Faults::default();
    let estimate = |stop_at: usize| {
        let mut asked = 0;
        let mut go_on = || {
            asked += 1;
            if asked == stop_at { Flow::Stop } else { Flow::Continue }
        };
        let found = estimate_while(counts.view(), &scan, None, &none, None, &mut go_on);
        (found, asked)
    };
    let (whole, questions) = estimate(usize::MAX);
    assert!(whole == Some(super::estimate(counts.view(), &scan, None)) && questions > 5);
    for stop_at in 1..=questions {
        assert_eq!(estimate(stop_at), (None, stop_at));
    }
}
