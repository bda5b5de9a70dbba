//! A thick specimen whose patterns another program has computed: `fixtures/make_abtem_slices.py`.

use lapwing_compare::{Region, compare};
use lapwing_files::dialect::{self, ReadOptions};
use lapwing_files::physics::PhysicsOptions;
use lapwing_model::Field;
use lapwing_study::run;
use lapwing_study::solver::SolverConfig;
use ndarray::Axis;
use std::ops::ControlFlow;
use std::path::Path;

/// What a user knows: the beam, the defocus within a tenth, and that there are two flakes.
fn known(slices: usize) -> ReadOptions {
    let physics = PhysicsOptions {
        slices: Some(slices),
        slice_spacing: Some(15e-9),
        ..PhysicsOptions::default()
    };
    let mut options = ReadOptions { physics, ..ReadOptions::default() };
    options.experiment.beam.voltage_kv = Some(80.0);
    options.experiment.probe.semi_angle_mrad = Some(20.0);
    // abTEM's underfocus is a negative C10.
    options.experiment.probe.defocus_m = Some(-12.6e-9);
    options
}

#[test]
fn two_flakes_simulated_by_another_program_are_told_apart() {
    if lapwing_testing::left_out() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/abtem_slices.npz");
    let text = "algorithm = \"ML\"\nepochs = 60\nprior = 10.0\nprobe_start = \"auto\"\n";
    let config: SolverConfig = toml::from_str(text).unwrap();
    let errors = |slices: usize| -> Vec<f64> {
        let (dataset, _) = dialect::read(&path, &known(slices)).unwrap();
        // Its grid is kept; the start is flat.
        let truth = dataset.object.as_ref().unwrap().slices();
        let truths: Vec<Field> = truth.outer_iter().map(|slice| slice.to_owned()).collect();
        let made = run::reconstruct(&dataset, &config, &mut |_| ControlFlow::Continue(())).unwrap();
        let probe = made.probe.as_ref().unwrap();
        let region = Region::from_scan(truths[0].dim(), &dataset.scan, probe.view()).unwrap();
        let error = |found: &Field, truth: &Field| {
            compare(found.view(), truth.view(), &region).unwrap().metrics.complex_nrmse
        };
        let mut errors = vec![error(&made.object.projection(), &(&truths[0] * &truths[1]))];
        if slices > 1 {
            let found = made.object.slices();
            errors.extend(
                (0..2).map(|index| {
                    error(&found.index_axis(Axis(0), index).to_owned(), &truths[index])
                }),
            );
        }
        errors
    };
    let (thin, thick) = (errors(1), errors(2));
    assert!(thick[0] < 0.6 * thin[0], "{thick:?} and {thin:?}");
    assert!(thick[1].max(thick[2]) < 0.5 * thin[0], "{thick:?} and {thin:?}");
}
