//! The dose that a plan expects, against simulated scans of details of that contrast.

use lapwing_study::event::unobserved;
use lapwing_study::forecast::ForecastRequest;

/// Window, diameter of the probe, linear overlap, side of a detail (lengths in pixels), phase and
/// absorption.
type Case = (usize, f64, f64, f64, f64, f64);

fn request((window, diameter, overlap, detail, phase, absorption): Case) -> ForecastRequest {
    ForecastRequest {
        resolution: detail,
        phase,
        absorption,
        field: (110.0, 110.0),
        probe: diameter,
        overlap,
        pixel: Some(1.0),
        window: Some(window),
        ..ForecastRequest::default()
    }
}

#[test]
fn the_expected_dose_is_found_within_a_factor_of_two() {
    if lapwing_testing::left_out() {
        return;
    }
    for case in [
        (48, 20.0, 0.7, 2.0, 0.3, 0.0),
        (48, 20.0, 0.7, 3.0, 0.2, 0.0),
        (64, 32.0, 0.8, 4.0, 0.1, 0.0),
        (48, 24.0, 0.5, 3.0, 0.4, 0.0),
        (32, 14.0, 0.75, 2.0, 0.2, 0.0),
    ] {
        let request = request(case);
        let expected = request.answer().unwrap().expected.photons_per_pattern;
        let found = request.rehearse(&mut unobserved).unwrap();
        println!("{case:?}: expected {expected:.0} photons per pattern, {found:?}");
        assert!((found.photons_per_pattern / expected - 1.0).abs() < 1e-3, "{found:?}");
        let ratio = found.found_over_expected;
        assert!((0.5..2.0).contains(&ratio), "{case:?}: {ratio:.2} times {expected:.0}");
    }
}

#[test]
fn an_absorption_takes_less_than_a_phase_of_the_same_contrast() {
    if lapwing_testing::left_out() {
        return;
    }
    // Slow errors of the phase, which scans tell badly, are not in the amplitude.
    let found = request((48, 20.0, 0.7, 3.0, 0.0, 0.2)).rehearse(&mut unobserved).unwrap();
    println!("{found:?}");
    // Not less than the bound, a fifth of what is expected.
    assert!((0.2..0.5).contains(&found.found_over_expected), "{found:?}");
}

#[test]
fn what_is_too_small_or_too_large_to_be_simulated_is_told() {
    let told =
        |request: ForecastRequest| request.rehearse(&mut unobserved).unwrap_err().to_string();
    let small = ForecastRequest { field: (20.0, 20.0), ..request((32, 14.0, 0.75, 4.0, 0.2, 0.0)) };
    let told_small = told(small);
    assert!(told_small.contains("details") || told_small.contains("region"), "{told_small}");
    let large = ForecastRequest { overlap: 0.999, ..request((512, 100.0, 0.5, 4.0, 0.2, 0.0)) };
    assert!(told(large).contains("larger object pixel"));
}
