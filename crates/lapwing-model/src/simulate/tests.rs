use super::*;
use crate::test_support::random_field;
use crate::{Field, Modes};
use ndarray::Axis;

fn case() -> (Field, Modes, Vec<Position>) {
    let object = Field::from_shape_vec((24, 26), random_field(24 * 26, 1)).unwrap();
    let probe = Modes::from_shape_vec((2, 8, 8), random_field(128, 2)).unwrap();
    let scan = (0..40)
        .map(|j| Position { y: 4.2 + f64::from(j) * 0.37, x: 20.0 - f64::from(j) * 0.31 })
        .collect();
    (object, probe, scan)
}

/// Sides of square pixels.
const SQUARE: (f64, f64) = (1.0, 1.0);

#[test]
fn noise_free_total_is_the_dose_and_patterns_are_those_of_the_model() {
    let (object, probe, scan) = case();
    let exposure =
        expose_noise_free(&Physics::default(), object.view(), probe.view(), &scan, 1234.5).unwrap();
    let total: f64 = exposure.counts.iter().map(|&v| f64::from(v)).sum();
    assert!((total / 40.0 / 1234.5 - 1.0).abs() < 1e-5);
    assert!((exposure.mean_counts / 1234.5 - 1.0).abs() < 1e-5);
    let model = ForwardModel::new((8, 8));
    for (position, pattern) in scan.iter().zip(exposure.counts.outer_iter()) {
        let truth = model.intensity(object.view(), probe.view(), *position).unwrap();
        for (&value, &truth) in pattern.iter().zip(&truth) {
            let truth = f64::from(truth) * exposure.scale.powi(2);
            assert!((f64::from(value) - truth).abs() < 1e-4 * truth.max(1.0));
        }
    }
}

#[test]
fn counts_have_the_mean_and_the_variance_of_poisson() {
    // The normalised deviation (n - m) / sqrt(m) has mean 0 and variance 1 wherever m > 0.
    let (object, probe, scan) = case();
    for dose in [60.0, 3e3, 1e6] {
        let expected =
            expose_noise_free(&Physics::default(), object.view(), probe.view(), &scan, dose)
                .unwrap();
        let (mut sum, mut squares, mut number) = (0.0, 0.0, 0.0);
        for seed in 0..40 {
            let counts =
                expose(&Physics::default(), object.view(), probe.view(), &scan, dose, seed)
                    .unwrap()
                    .counts;
            for (&n, &m) in counts.iter().zip(&expected.counts) {
                assert_eq!(n.fract(), 0.0);
                if m > 0.1 {
                    let z = f64::from(n - m) / f64::from(m).sqrt();
                    sum += z;
                    squares += z * z;
                    number += 1.0;
                }
            }
        }
        // About 1e5 samples: standard errors 0.003 and 0.0045 (more at small means: fourth
        // moment 3 + 1/m).
        assert!((sum / number).abs() < 0.015, "mean {}", sum / number);
        assert!((squares / number - 1.0).abs() < 0.03, "variance {}", squares / number);
    }
}

#[test]
fn counts_do_not_depend_on_threads_and_seeds_differ() {
    let (object, probe, scan) = case();
    let run = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            expose(&Physics::default(), object.view(), probe.view(), &scan, 500.0, seed).unwrap()
        })
    };
    let (one, three) = (run(1, 42), run(3, 42));
    assert_eq!(one.counts, three.counts);
    assert_eq!(
        (one.scale.to_bits(), one.mean_counts.to_bits()),
        (three.scale.to_bits(), three.mean_counts.to_bits())
    );
    assert_ne!(one.counts, run(1, 43).counts);
}

#[test]
fn golden_counts() {
    // Uniform light on a uniform object: one bright pixel in the centre, so only the random
    // numbers matter.
    let object = Field::from_elem((8, 8), Complex32::new(1.0, 0.0));
    let probe = Modes::from_elem((1, 4, 4), Complex32::new(1.0, 0.0));
    let scan = vec![Position { y: 4.0, x: 4.0 }; 6];
    let draw = |dose| {
        let counts = expose(&Physics::default(), object.view(), probe.view(), &scan, dose, 42)
            .unwrap()
            .counts;
        counts.outer_iter().map(|pattern| pattern[(2, 2)]).collect::<Vec<_>>()
    };
    assert_eq!(draw(5.0), GOLDEN_5);
    assert_eq!(draw(1000.0), GOLDEN_1000);
}

const GOLDEN_5: [f32; 6] = [4.0, 6.0, 9.0, 5.0, 3.0, 2.0];
const GOLDEN_1000: [f32; 6] = [1012.0, 1017.0, 1078.0, 1015.0, 1043.0, 968.0];

#[test]
fn refusals_say_what_was_expected() {
    let (object, probe, scan) = case();
    let refuse = |object: &Field, probe: &Modes, scan: &[Position], dose| {
        expose(&Physics::default(), object.view(), probe.view(), scan, dose, 1)
            .unwrap_err()
            .to_string()
    };
    assert!(refuse(&object, &probe, &[], 1.0).contains("at least one position"));
    for dose in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refuse(&object, &probe, &scan, dose).contains("photons per pattern"));
    }
    let mut bad = object.clone();
    bad[(3, 3)].re = f32::NAN;
    assert!(refuse(&bad, &probe, &scan, 1.0).contains("the object holds NaN"));
    let off = [scan[0], Position { y: 2.0, x: 9.0 }];
    assert!(refuse(&object, &probe, &off, 1.0).starts_with("position 1: the 8 x 8 window"));
    assert!(refuse(&(object * 0.0), &probe, &scan, 1.0).contains("no light"));
    for shape in [(10_000_000, 512, 512), (usize::MAX, 2, 2), (1 << 38, 1, 2)] {
        let error = stack(shape).unwrap_err().to_string();
        assert!(error.contains("at most 1 TiB") && error.contains("larger step"), "{error}");
    }
    assert_eq!(stack((3, 4, 5)).unwrap(), Array3::<f32>::zeros((3, 4, 5)));
}

#[test]
fn beams_fade_and_flicker_and_detectors_saturate() {
    let (object, probe, scan) = case();
    let scan: Vec<Position> = scan.iter().cycle().take(400).copied().collect();
    let exposed = |apparatus: Apparatus, dose: f64| {
        let mut counts = Array3::zeros((scan.len(), probe.dim().1, probe.dim().2));
        let (view, physics) = (counts.view_mut(), Physics::default());
        let object = object.view();
        let exposing =
            Exposing { physics: &physics, apparatus: &apparatus, sides: SQUARE, dose, seed: 5 };
        exposing.onto(object, probe.view(), &scan, view).unwrap();
        counts
    };
    let plain = exposed(Apparatus::default(), 1e4);
    let usual =
        expose(&Physics::default(), object.view(), probe.view(), &scan, 1e4, 5).unwrap().counts;
    assert_eq!(plain, usual);
    let total = |counts: &Array3<f32>| counts.iter().map(|&v| f64::from(v)).sum::<f64>();
    let of = |counts: &Array3<f32>, index: usize| {
        f64::from(counts.index_axis(Axis(0), index).sum())
            / f64::from(plain.index_axis(Axis(0), index).sum())
    };
    // The dose is the mean; the last pattern has half the power of the first.
    let fading = exposed(Apparatus { beam_fading: 0.5, ..Apparatus::default() }, 1e4);
    assert!((total(&fading) / total(&plain) - 1.0).abs() < 0.01);
    let ratio = of(&fading, 399) / of(&fading, 0);
    assert!((ratio - 0.5).abs() < 0.05, "{ratio}");
    // Logarithms of powers have the deviation that was asked for; counts alone have 0.014.
    let flickering = exposed(Apparatus { beam_flicker: 0.2, ..Apparatus::default() }, 1e4);
    let logarithms: Vec<f64> = (0..400).map(|index| of(&flickering, index).ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / 400.0;
    let variance = logarithms.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 400.0;
    assert!((variance.sqrt() - 0.2).abs() < 0.02, "{}", variance.sqrt());
    let limit = 30.0;
    let clipped = exposed(Apparatus { saturation: Some(limit), ..Apparatus::default() }, 1e4);
    assert!(plain.iter().any(|&count| f64::from(count) > limit));
    assert_eq!(clipped, plain.mapv(|count| count.min(limit as f32)));
    for (wrong, word) in [
        (Apparatus { beam_flicker: -0.1, ..Apparatus::default() }, "beam_flicker"),
        (Apparatus { beam_fading: 1.0, ..Apparatus::default() }, "beam_fading"),
        (Apparatus { saturation: Some(0.5), ..Apparatus::default() }, "saturation"),
    ] {
        assert!(wrong.check().unwrap_err().to_string().contains(word));
    }
}

/// Patterns of an apparatus on `case`, without noise to speak of.
fn bright(apparatus: Apparatus) -> Array3<f32> {
    let (object, probe, scan) = inner();
    let mut counts = Array3::zeros((scan.len(), 8, 8));
    let physics = Physics::default();
    let exposing =
        Exposing { physics: &physics, apparatus: &apparatus, sides: SQUARE, dose: 1e12, seed: 5 };
    exposing.onto(object.view(), probe.view(), &scan, counts.view_mut()).unwrap();
    counts
}

/// [`case`] with positions that may be off.
fn inner() -> (Field, Modes, Vec<Position>) {
    let (object, probe, _) = case();
    let at = |j: u32| Position { y: 10.0 + f64::from(j / 4) * 0.8, x: 11.0 + f64::from(j % 4) };
    (object, probe, (0..20).map(at).collect())
}

/// Shares of the light of patterns in their pixels.
fn shares(counts: &Array3<f32>) -> Array3<f32> {
    let mut shares = counts.clone();
    for mut pattern in shares.outer_iter_mut() {
        let sum = pattern.sum();
        pattern.mapv_inplace(|value| value / sum);
    }
    shares
}

fn farthest(a: &Array3<f32>, b: &Array3<f32>) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn patterns_are_taken_where_the_stage_is_and_not_where_it_says() {
    let (object, probe, scan) = inner();
    let off = Apparatus {
        scan_scale: 1.1,
        scan_rotation_deg: 4.0,
        scan_drift: (1.0, -2.0),
        scan_scatter: 0.1,
        ..Apparatus::default()
    };
    let places = off.places(&scan, SQUARE, 5).unwrap();
    // By hand: about the mean, (11.6, 12.5), turned from rows towards columns; j of 19.
    let (sin, cos) = 4.0_f64.to_radians().sin_cos();
    let (mut sum, mut square) = (0.0, 0.0);
    for (index, (told, at)) in scan.iter().zip(&places).enumerate() {
        let (y, x) = (1.1 * (told.y - 11.6), 1.1 * (told.x - 12.5));
        let share = index as f64 / 19.0 - 0.5;
        let by = [
            at.y - (11.6 + cos * y - sin * x + share),
            at.x - (12.5 + sin * y + cos * x - 2.0 * share),
        ];
        sum += by[0] + by[1];
        square += by[0].powi(2) + by[1].powi(2);
    }
    // 40 draws of deviation 0.1.
    assert!((sum / 40.0).abs() < 0.06 && ((square / 40.0).sqrt() - 0.1).abs() < 0.04);
    let right = expose(&Physics::default(), object.view(), probe.view(), &places, 1e12, 5).unwrap();
    assert_eq!(bright(off), right.counts);
    assert_eq!(off.places(&scan, SQUARE, 5).unwrap(), places);
    // What is drawn lies within the extent, of any seed.
    let (y0, y1, x0, x1) = crate::position::bounding_box(&off.extent(&scan)).unwrap();
    for at in (0..50).flat_map(|seed| off.places(&scan, SQUARE, seed).unwrap()) {
        assert!((y0..=y1).contains(&at.y) && (x0..=x1).contains(&at.x));
    }
    assert_eq!(Apparatus::default().extent(&scan), scan);
    let far = Apparatus { scan_drift: (0.0, 30.0), ..Apparatus::default() };
    let (physics, mut counts) = (Physics::default(), Array3::zeros((20, 8, 8)));
    let exposing =
        Exposing { physics: &physics, apparatus: &far, sides: SQUARE, dose: 1e3, seed: 5 };
    let refused = exposing.onto(object.view(), probe.view(), &scan, counts.view_mut());
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("where the stage really is") && told.contains("leaves room"), "{told}");
    assert_eq!(
        Apparatus { beam_fading: 0.5, ..Apparatus::default() }.places(&scan, SQUARE, 5),
        None
    );
}

#[test]
fn the_focus_changes_along_the_scan() {
    let (object, probe, scan) = inner();
    let drifting = bright(Apparatus { focus_drift: 3.0, ..Apparatus::default() });
    let usual = bright(Apparatus::default());
    // The probe half-way is the probe; the last one is out of focus by half of it.
    let model = ForwardModel::new((8, 8));
    let mut work = model.workspace();
    let spectra: Vec<Vec<Complex32>> = probe
        .outer_iter()
        .map(|mode| {
            let mut spectrum = vec![Complex32::default(); 64];
            model.probe_spectrum(
                &mode.iter().copied().collect::<Vec<_>>(),
                &mut spectrum,
                &mut work,
            );
            spectrum
        })
        .collect();
    // Frequencies of eight pixels, along u_y the fast one; by hand from the definition.
    let u = |index: usize| if index < 4 { index as f64 } else { index as f64 - 8.0 } / 8.0;
    let light = |of: &dyn Fn(usize) -> f64| {
        let all = spectra.iter().flatten().map(|value| f64::from(value.norm_sqr())).sum::<f64>();
        let one = |index: usize| -> f64 {
            spectra.iter().map(|mode| f64::from(mode[index].norm_sqr())).sum::<f64>() * of(index)
        };
        (0..64).map(one).sum::<f64>() / all
    };
    let (cy, cx) = (light(&|i| u(i % 8)), light(&|i| u(i / 8)));
    let square = |i: usize| (u(i % 8) - cy).powi(2) + (u(i / 8) - cx).powi(2);
    let edge = 2.0 * light(&square);
    let mut last = probe.clone();
    for (mut mode, spectrum) in last.outer_iter_mut().zip(&spectra) {
        let turned = |(i, value): (usize, &Complex32)| {
            value * Complex32::from_polar(1.0, (1.5 * square(i) / edge) as f32)
        };
        let mut turned: Vec<Complex32> = spectrum.iter().enumerate().map(turned).collect();
        let mut field = vec![Complex32::default(); 64];
        model.probe_of_spectrum(&mut turned, &mut field, &mut work);
        mode.iter_mut().zip(field).for_each(|(to, value)| *to = value);
    }
    let of_last =
        expose(&Physics::default(), object.view(), last.view(), &scan, 1e12, 5).unwrap().counts;
    let (drifting, usual, of_last) = (shares(&drifting), shares(&usual), shares(&of_last));
    let end = |counts: &Array3<f32>| counts.slice(ndarray::s![19.., .., ..]).to_owned();
    assert!(farthest(&end(&drifting), &end(&of_last)) < 1e-4);
    assert!(farthest(&end(&drifting), &end(&usual)) > 5e-3);
    // Around the middle it hardly differs: 3 / 38 at the pupil's edge.
    let middle = |counts: &Array3<f32>| counts.slice(ndarray::s![9..11, .., ..]).to_owned();
    let near = farthest(&middle(&drifting), &middle(&usual));
    assert!(near < 0.2 * farthest(&end(&drifting), &end(&usual)), "{near}");
    let flicker = Apparatus { focus_flicker: 0.5, ..Apparatus::default() };
    let drawn = flicker.focus(2000, 1).unwrap();
    let square = drawn.iter().map(|phase| phase * phase).sum::<f64>() / 2000.0;
    assert!((square.sqrt() - 0.5).abs() < 0.03, "{square}");
    assert!(Apparatus::default().focus(10, 1).is_none());
}

#[test]
fn an_apparatus_that_means_nothing_is_refused() {
    let usual = Apparatus::default();
    for (wrong, word) in [
        (Apparatus { focus_flicker: -1.0, ..usual }, "focus_flicker"),
        (Apparatus { focus_drift: f64::NAN, ..usual }, "focus_drift"),
        (Apparatus { scan_scale: 0.0, ..usual }, "scan_scale"),
        (Apparatus { scan_aspect: 3.0, ..usual }, "scan_aspect"),
        (Apparatus { scan_rotation_deg: f64::INFINITY, ..usual }, "scan_rotation_deg"),
        (Apparatus { scan_shear: f64::NAN, ..usual }, "scan_shear"),
        (Apparatus { scan_drift: (0.0, f64::NAN), ..usual }, "scan_drift"),
        (Apparatus { scan_scatter: -0.1, ..usual }, "scan_scatter"),
    ] {
        assert!(wrong.check().unwrap_err().to_string().starts_with(word), "{word}");
    }
    assert!(usual.is_ideal() && usual.check().is_ok());
}

#[test]
fn a_stage_turns_lengths_whatever_the_pixels() {
    let scan: Vec<_> =
        [(0.0, 0.0), (10.0, 0.0), (0.0, 20.0), (7.0, -4.0)].map(|(y, x)| Position { y, x }).into();
    let (y0, x0) = (17.0 / 4.0, 16.0 / 4.0);
    let stage = Apparatus { scan_scale: 1.1, scan_rotation_deg: 30.0, ..Apparatus::default() };
    // Pixels of 20 nm x 10 nm: cos 30 = sqrt(3) / 2, sin 30 = 1 / 2.
    let places = stage.places(&scan, (20e-9, 10e-9), 1).unwrap();
    for (told, at) in scan.iter().zip(&places) {
        let (y, x) = (20.0 * (told.y - y0), 10.0 * (told.x - x0));
        let (cos, sin) = (0.5 * 3.0_f64.sqrt(), 0.5);
        let turned = (1.1 * (cos * y - sin * x), 1.1 * (sin * y + cos * x));
        let off = (20.0 * (at.y - y0) - turned.0).hypot(10.0 * (at.x - x0) - turned.1);
        assert!(off < 1e-9, "{told:?}: {off} nm off");
    }
    let square = |side: f64| stage.places(&scan, (side, side), 1);
    assert_eq!(square(1.0), square(3e-9));
    assert_ne!(square(1.0), Some(places));
}
