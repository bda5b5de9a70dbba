//! The dose that a plan expects, against simulated scans of details of that contrast.

use lapwing_compare::{Region, compare};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{self, ProbeDesign, ProbeKind};
use lapwing_model::scan::{self, ScanKind};
use lapwing_model::{Complex32, Field};
use lapwing_study::data::Sample;
use lapwing_study::forecast::Question;
use lapwing_study::place;
use lapwing_study::run;
use lapwing_study::solver::SolverConfig;
use std::ops::ControlFlow;

/// Window, diameter of the probe, linear overlap, side of a detail (lengths in pixels), phase.
type Case = (usize, f64, f64, usize, f64);

/// Signal over noise of details of both signs, as ML without prior sees them at a dose.
fn seen((window, diameter, overlap, detail, phase): Case, dose: u64) -> f64 {
    let design =
        ProbeDesign { kind: ProbeKind::Defocused, diameter: Some(diameter), ..Default::default() };
    let probe = design.build((window, window)).unwrap();
    let step = (1.0 - overlap) * probe::diameter(probe.view());
    let positions = scan::generate(ScanKind::Jittered, step, (110.0, 110.0), 3).unwrap();
    let placed = place::on_new_object(&positions, (window, window)).unwrap();
    let scan = placed.place(&positions);
    let sign = |row: usize, column: usize| if (row * 7 + column * 3) % 5 < 2 { 1.0 } else { -1.0 };
    let pitch = 3 * detail;
    let object = Field::from_shape_fn(placed.shape, |(y, x)| {
        let inside = y % pitch < detail && x % pitch < detail;
        let phase = if inside { sign(y / pitch, x / pitch) * phase } else { 0.0 };
        Complex32::from_polar(1.0, phase as f32)
    });
    let sample = Sample { object, probe, scan, physics: Physics::default(), metadata: None };
    // The object's grid is kept; its contents are not used, for the start is flat.
    let data = sample.expose(dose, 5).unwrap();
    let config: SolverConfig =
        toml::from_str("algorithm = \"ML\"\nprior = 0.0\nprobe_start = \"file\"\n").unwrap();
    let made = run::reconstruct(&data, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    let region = Region::from_scan(sample.object.dim(), &sample.scan, sample.probe.view()).unwrap();
    let found = made.object.projection();
    let compared = compare(found.view(), sample.object.view(), &region).unwrap();
    let (top, left) = (region.rows().start, region.columns().start);
    let mut values = Vec::new();
    for row in 0..sample.object.nrows() / pitch {
        for column in 0..sample.object.ncols() / pitch {
            let pixels = (0..detail * detail)
                .map(|i| (row * pitch + i / detail, column * pitch + i % detail));
            let phases: Option<Vec<f64>> = pixels
                .map(|(y, x)| {
                    let at = (y.checked_sub(top)?, x.checked_sub(left)?);
                    let counts = *compared.mask.get(at)?;
                    counts.then(|| f64::from(compared.aligned[at].arg()))
                })
                .collect();
            if let Some(phases) = phases {
                let mean = phases.iter().sum::<f64>() / phases.len() as f64;
                values.push(mean * sign(row, column));
            }
        }
    }
    assert!(values.len() > 30, "{}", values.len());
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance =
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    mean / variance.sqrt()
}

#[test]
fn the_expected_dose_is_found_within_a_factor_of_two() {
    for case in [
        (48, 20.0, 0.7, 2, 0.3),
        (48, 20.0, 0.7, 3, 0.2),
        (64, 32.0, 0.8, 4, 0.1),
        (48, 24.0, 0.5, 3, 0.4),
        (32, 14.0, 0.75, 2, 0.2),
    ] {
        let (window, diameter, overlap, detail, phase) = case;
        let question = Question {
            resolution: detail as f64,
            phase,
            field: (110.0, 110.0),
            probe: diameter,
            overlap,
            pixel: Some(1.0),
            window: Some(window),
            ..Question::default()
        };
        let expected = question.answer().unwrap().expected.photons_per_pattern;
        let ratio = seen(case, expected.round() as u64);
        // Signal over noise grows as the root of the dose: 5 is reached at (5 / ratio)^2 of it.
        let found = (5.0 / ratio).powi(2);
        println!(
            "{case:?}: expected {expected:.0} photons per pattern, found {found:.2} times that"
        );
        assert!((0.5..2.0).contains(&found), "{case:?}: {found:.2} times {expected:.0}");
    }
}
