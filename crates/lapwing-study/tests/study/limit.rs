//! What photons allow, against what reconstructions make of them.

use lapwing_compare::{Criterion, Limit, Region, compare};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{self, ProbeDesign, ProbeKind};
use lapwing_model::scan::{self, ScanKind};
use lapwing_model::simulate::Apparatus;
use lapwing_model::specimen::Specimen;
use lapwing_study::place;
use lapwing_study::run;
use lapwing_study::sample::Sample;
use lapwing_study::solver::SolverConfig;
use std::ops::ControlFlow;

/// A specimen under a probe of 20 pixels in steps of a quarter of that.
fn sample(specimen: Specimen) -> (Sample, f64) {
    let design =
        ProbeDesign { kind: ProbeKind::Defocused, diameter: Some(20.0), ..Default::default() };
    let probe = design.build((48, 48)).unwrap();
    let step = 0.25 * probe::diameter(probe.view());
    let positions = scan::generate(ScanKind::Jittered, step, (90.0, 90.0), 3).unwrap();
    let placed = place::on_new_object(&positions, (48, 48)).unwrap();
    let object = specimen.make(placed.shape, 7);
    let scan = placed.place(&positions);
    (
        Sample {
            object: object.into(),
            probe,
            scan,
            physics: Physics::default(),
            apparatus: Apparatus::default(),
            metadata: None,
        },
        step,
    )
}

/// Complex NRMSE, phase resolution by FRC 1/2, and those that the photons allow.
fn found_and_allowed(sample: &Sample, step: f64, dose: u64, prior: &str) -> [f64; 4] {
    let data = sample.expose(dose, 5).unwrap();
    let text = format!("algorithm = \"ML\"\nprior = {prior}\nprobe_start = \"file\"\n");
    let config: SolverConfig = toml::from_str(&text).unwrap();
    let made = run::reconstruct(&data, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    let region =
        Region::from_scan(sample.object.shape(), &sample.scan, sample.probe.view()).unwrap();
    let found = made.object.projection();
    let compared = compare(found.view(), sample.object.slice(0), &region).unwrap();
    let whole = sample.object.slice(0);
    let truth = whole.slice(ndarray::s![region.rows(), region.columns()]);
    let limit = Limit::of(truth).unwrap();
    // In the middle of the scan every pixel has the photons of one position in each step squared.
    let photons = dose as f64 / step.powi(2);
    let px = compared.frc.resolutions(None).phase.half.half_period_px.unwrap();
    [
        compared.metrics.complex_nrmse,
        px,
        limit.complex_nrmse(photons),
        limit.phase_resolution_px(photons, Criterion::Half).unwrap(),
    ]
}

#[test]
fn an_estimate_without_prior_comes_near_to_what_the_photons_allow_and_does_not_pass_it() {
    if lapwing_testing::left_out() {
        return;
    }
    // Edges of the star are sharper than its pixels: with many photons that is what is missing.
    let all = [
        (Specimen::Cells, &[1_000, 10_000, 100_000][..]),
        (Specimen::SiemensStar, &[1_000, 10_000]),
    ];
    for (specimen, doses) in all {
        let (sample, step) = sample(specimen);
        for &dose in doses {
            for prior in ["0.0", "\"auto\""] {
                let [nrmse, px, least, finest] = found_and_allowed(&sample, step, dose, prior);
                println!(
                    "{specimen:?}, {dose} photons, prior {prior}: NRMSE {nrmse:.4}, allowed \
                     {least:.4}; {px:.2} px, allowed {finest:.2}"
                );
                let within = if prior == "0.0" { 1.0..1.7 } else { 0.8..1.7 };
                assert!(within.contains(&(nrmse / least)), "{specimen:?} {dose}: {nrmse} {least}");
                assert!(px >= 0.99 * finest, "{specimen:?} {dose}: {px} {finest}");
            }
        }
    }
}
