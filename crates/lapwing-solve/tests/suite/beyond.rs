//! What goes beyond one coherent probe at known positions on a perfect detector: each on a
//! simulation that needs it.

use crate::common::{Case, case, case_within};
use lapwing_model::probe::perturb;
use lapwing_model::random::generator;
use lapwing_model::{Complex32, Field, Modes, Position};
use lapwing_solve::lsqml::{Batching, Lsqml, Noise, ObjectStep, Preconditioner};
use lapwing_solve::ml::{Ml, found_modes};
use lapwing_solve::modes::start_modes;
use lapwing_solve::pie::Rpie;
use lapwing_solve::solver::options::Auto;
use lapwing_solve::{Constraints, Flow, Problem, ProblemError, Run, Solution, Solver};
use lapwing_testing::swept;
use ndarray::{Array3, Axis, concatenate};
use rand::RngExt;

/// Positions within this square, px: half as many as in the other tests, where that is enough. They
/// make one batch of the usual size.
const SIDE: f64 = 80.0;

fn small_case() -> Case {
    case_within(false, SIDE)
}

fn lsqml(problem: &Problem, options: &Lsqml) -> Solution {
    options.solve(problem, &mut |_| Flow::Continue)
}

fn ml(problem: &Problem, options: &Ml) -> Solution {
    options.solve(problem, &mut |_| Flow::Continue)
}

/// The first mode alone.
fn first_of(modes: &Modes) -> Modes {
    modes.slice(ndarray::s![..1, .., ..]).to_owned()
}

/// Two modes, of which one is known.
fn modes_of(problem: &Problem) -> Modes {
    let go_on = &mut || Ok::<(), ProblemError>(());
    found_modes(problem, &Ml::default(), 1, 2, go_on).unwrap().modes
}

/// Light of two modes: the case's probe, and the same `(down, right)` pixels away with half its
/// power.
fn partly_coherent((down, right): (usize, usize)) -> Case {
    let mut case = case_within(true, SIDE);
    let first = case.probe.clone();
    let second = Modes::from_shape_fn(first.dim(), |(k, y, x)| {
        first[(k, (y + 64 - down) % 64, (x + 64 - right) % 64)] * 0.7
    });
    case.probe = concatenate(Axis(0), &[first.view(), second.view()]).unwrap();
    case.start = perturb(case.probe.view(), 1.0, 0.3);
    case
}

/// Errors and losses with the first mode alone at the start, with a second one that is found, and
/// with both known.
fn of_modes(case: &Case, with_ml: bool) -> [(f64, f64); 3] {
    let problem = |start: Modes| {
        let builder = Problem::builder(case.scan.clone(), case.flat(), start);
        builder.patterns(case.counts(Some(1e6))).unwrap()
    };
    let one = problem(first_of(&case.start));
    let found = problem(modes_of(&one));
    [one, found, problem(case.start.clone())].map(|problem| {
        let solution = match with_ml {
            true => ml(&problem, &Ml::default()),
            false => lsqml(&problem, &Lsqml { epochs: 60, ..Lsqml::default() }),
        };
        (case.measure(&solution).complex_nrmse, solution.loss[solution.loss.len() - 1])
    })
}

#[test]
fn two_modes_are_needed_and_found() {
    if lapwing_testing::left_out() {
        return;
    }
    for &with_ml in swept(&[true, false], 1) {
        let [one, found, two] = of_modes(&partly_coherent((3, 2)), with_ml);
        println!(
            "ML {with_ml}: (error, loss) with one mode {one:?}, found {found:?}, both {two:?}"
        );
        assert!(two.0 < 0.7 * one.0 && two.1 < 0.5 * one.1, "ML {with_ml}: {one:?} and {two:?}");
        let (share, loss) = if with_ml { (0.5, 1.05) } else { (0.95, 1.2) };
        assert!(found.0 < share * one.0, "ML {with_ml}: {one:?} and {found:?}");
        // 0.0298 for 0.0255 with ML, 0.043 for 0.058 with LSQML (docs/lab, modes).
        let times = if with_ml { 1.2 } else { 1.0 };
        assert!(found.0 < times * two.0, "ML {with_ml}: {two:?} and {found:?}");
        assert!(found.1 < loss * two.1, "ML {with_ml}: {two:?} and {found:?}");
    }
}

/// Two probes that lie as far apart as this one is wide are the same as an object with a ghost for
/// a fit of few modes, which tells where the second one is.
#[test]
fn a_second_mode_far_from_the_first_is_found() {
    if lapwing_testing::left_out() {
        return;
    }
    let far = partly_coherent((54, 5));
    let builder = Problem::builder(far.scan.clone(), far.flat(), first_of(&far.start));
    let problem = builder.patterns(far.counts(Some(1e6))).unwrap();
    let go_on = &mut || Ok::<(), ProblemError>(());
    let beside = found_modes(&problem, &Ml::default(), 1, 2, go_on).unwrap().beside;
    assert_eq!(beside, [(-10, 5)]);
    let [one, found, two] = of_modes(&far, true);
    println!("(error, loss) with one mode {one:?}, found {found:?}, both {two:?}");
    assert!(two.0 < 0.5 * one.0 && two.1 < 0.5 * one.1, "{one:?} and {two:?}");
    assert!(found.0 < 0.3 * one.0 && found.1 < 1.1 * two.1, "{two:?} and {found:?}");
}

/// Positions as a stage with a random error of up to 1.5 px per axis would report them.
fn reported(scan: &[Position]) -> Vec<Position> {
    let mut rng = generator(3, "test position errors", 0);
    let mut error = || rng.random_range(-1.5..1.5);
    scan.iter().map(|p| Position { y: p.y + error(), x: p.x + error() }).collect()
}

/// R.m.s. distance between two scans apart from a common shift, px.
fn apart(a: &[Position], b: &[Position]) -> f64 {
    let n = a.len() as f64;
    let mean =
        |of: fn(&Position) -> f64| a.iter().zip(b).map(|(a, b)| of(a) - of(b)).sum::<f64>() / n;
    let (y, x) = (mean(|p| p.y), mean(|p| p.x));
    let square = |(a, b): (&Position, &Position)| (a.y - b.y - y).powi(2) + (a.x - b.x - x).powi(2);
    (a.iter().zip(b).map(square).sum::<f64>() / n).sqrt()
}

#[test]
fn wrong_positions_are_needed_right_and_found() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case();
    let found_at = reported(&case.scan);
    let before = apart(&found_at, &case.scan);
    let problem = Problem::builder(found_at.clone(), case.flat(), case.start.clone())
        .patterns(case.counts(Some(1e6)))
        .unwrap();
    for &with_ml in swept(&[true, false], 1) {
        // An object that moves with its wrong positions explains most of the data, so what is left
        // to the positions is little.
        let solve = |from: Option<usize>| match with_ml {
            true => ml(
                &problem,
                &Ml {
                    epochs: Auto::Given(80),
                    prior: Auto::Given(20.0),
                    positions_from_epoch: from,
                    ..Ml::default()
                },
            ),
            false => lsqml(
                &problem,
                &Lsqml { epochs: 100, positions_from_epoch: from, ..Lsqml::default() },
            ),
        };
        let (without, with) = (solve(None), solve(Some(12)));
        assert_eq!(without.positions, found_at);
        let (error, after) =
            (case.measure(&with).complex_nrmse, apart(&with.positions, &case.scan));
        let blind = case.measure(&without).complex_nrmse;
        println!("ML {with_ml}: error {blind} to {error}, positions {before} to {after} px");
        let (less, nearer) = if with_ml { (0.4, 0.2) } else { (0.7, 0.45) };
        assert!(error < less * blind, "ML {with_ml}: error {blind} to {error}");
        assert!(after < nearer * before, "ML {with_ml}: {before} px to {after} px");
    }
}

/// A beam stop over the centre, a dead row and hot pixels: the counts as read, and where they are
/// true.
fn hurt(counts: &Array3<f32>) -> (Array3<f32>, Array3<bool>) {
    let (_, height, width) = counts.dim();
    let valid = Array3::from_shape_fn((1, height, width), |(_, y, x)| {
        let centre = (y as f64 - 32.0).hypot(x as f64 - 32.0);
        !(centre < 2.5 || y == 20 || (y * 7 + x * 13) % 97 == 0)
    });
    let read = Array3::from_shape_fn(counts.dim(), |(j, y, x)| {
        if valid[(0, y, x)] {
            counts[(j, y, x)]
        } else if (y * 7 + x * 13) % 97 == 0 {
            5000.0
        } else {
            0.0
        }
    });
    (read, valid)
}

#[test]
fn bad_pixels_are_needed_masked() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = small_case();
    let (read, valid) = hurt(&case.counts(Some(1e6)));
    let masked = Problem::builder(case.scan.clone(), case.flat(), case.start.clone())
        .mask(valid.view())
        .patterns(read.clone())
        .unwrap();
    let open = case.problem_of(read);
    let error = |solution: Solution| case.measure(&solution).complex_nrmse;
    let (with, without) = (error(ml(&masked, &Ml::default())), error(ml(&open, &Ml::default())));
    println!("ML: masked {with}, not {without}");
    assert!(with < 0.05 && with < 0.2 * without, "ML: masked {with}, not {without}");
    for noise in [Noise::Gaussian, Noise::Poisson] {
        let options = Lsqml { epochs: 60, noise, ..Lsqml::default() };
        let (with, without) = (error(lsqml(&masked, &options)), error(lsqml(&open, &options)));
        println!("LSQML {noise:?}: masked {with}, not {without}");
        assert!(with < 0.06 && with < 0.3 * without, "{noise:?}: masked {with}, not {without}");
    }
}

#[test]
fn a_mask_that_hides_nothing_changes_nothing_and_a_bad_one_is_refused() {
    let case = small_case();
    let counts = case.counts(Some(1e5));
    let with_mask = |valid: Array3<bool>| {
        Problem::builder(case.scan.clone(), case.flat(), case.start.clone())
            .mask(valid.view())
            .patterns(counts.clone())
    };
    let options = Lsqml { epochs: 3, ..Lsqml::default() };
    let plain = lsqml(&case.problem_of(counts.clone()), &options);
    let each = Array3::from_elem(counts.dim(), true);
    assert_eq!(lsqml(&with_mask(each).unwrap(), &options).object, plain.object);
    let message = |valid| with_mask(valid).unwrap_err().to_string();
    assert!(message(Array3::from_elem((1, 64, 63), true)).contains("(1, 64, 63)"));
    assert!(message(Array3::from_elem((2, 64, 64), true)).contains("(2, 64, 64)"));
    assert!(!message(Array3::from_elem((1, 64, 64), false)).is_empty());
}

#[test]
fn a_probe_support_keeps_the_probe_where_it_is() {
    // A perturbed start probe spreads; where photons are few the light outside the true probe's
    // disc is noise that stays.
    let case = small_case();
    let problem = case.problem(Some(100.0));
    let constraints = Constraints { probe_support: Some(0.3), ..Constraints::default() };
    let solve =
        |constraints| ml(&problem, &Ml { constraints, prior: Auto::Given(0.0), ..Ml::default() });
    let outside = |probe: &Modes| -> f64 {
        let power = |value: &Complex32| f64::from(value.norm_sqr());
        let far = probe
            .indexed_iter()
            .filter(|((_, y, x), _)| (*y as f64 - 32.0).hypot(*x as f64 - 32.0) > 0.3 * 64.0);
        far.map(|(_, value)| power(value)).sum::<f64>() / probe.iter().map(power).sum::<f64>()
    };
    let (free, held) = (solve(Constraints::default()), solve(constraints));
    println!(
        "light outside: truth {}, free {}, held {}",
        outside(&case.probe),
        outside(&free.probe),
        outside(&held.probe)
    );
    assert!(outside(&free.probe) > 0.1);
    assert_eq!(outside(&held.probe), 0.0);
    let (free, held) = (case.measure(&free).complex_nrmse, case.measure(&held).complex_nrmse);
    println!("free {free}, held {held}");
    assert!(held < 0.96 * free, "free {free}, held {held}");
    let by_batches = Lsqml { epochs: 3, constraints, ..Lsqml::default() };
    assert_eq!(outside(&lsqml(&problem, &by_batches).probe), 0.0);
}

#[test]
fn probe_power_fixes_the_scale_that_amplitude_limits_need() {
    if lapwing_testing::left_out() {
        return;
    }
    // A phase object through which every photon passes: its amplitude is 1 when the probe's power
    // is known, and known to be 1.
    let mut case = small_case();
    case.truth.mapv_inplace(|v| v / v.norm() * 0.8);
    let dose = 300.0;
    let power = dose / 0.64;
    let constraints = Constraints {
        probe_power: Some(power),
        object_min: Some(0.8),
        object_max: Some(0.8),
        ..Constraints::default()
    };
    let problem = case.problem(Some(dose));
    let amplitude = |solution: &Solution| {
        let middle = solution.object.projection().slice_move(ndarray::s![60..90, 60..90]);
        middle.iter().map(|v| f64::from(v.norm())).sum::<f64>() / middle.len() as f64
    };
    for with_ml in [true, false] {
        let solve = |constraints| match with_ml {
            true => ml(&problem, &Ml { constraints, prior: Auto::Given(0.0), ..Ml::default() }),
            false => lsqml(&problem, &Lsqml { epochs: 50, constraints, ..Lsqml::default() }),
        };
        let (free, held) = (solve(Constraints::default()), solve(constraints));
        let found: f64 = held.probe.iter().map(|v| f64::from(v.norm_sqr())).sum();
        assert!((found / power - 1.0).abs() < 1e-3, "{found}");
        assert!((amplitude(&held) - 0.8).abs() < 1e-3, "{}", amplitude(&held));
        assert!((amplitude(&free) - 0.8).abs() > 0.05, "{}", amplitude(&free));
        let (free, held) = (case.measure(&free).complex_nrmse, case.measure(&held).complex_nrmse);
        println!("ML {with_ml}: free {free}, held {held}");
        assert!(held < 0.85 * free, "ML {with_ml}: free {free}, held {held}");
    }
}

#[test]
fn the_prior_helps_lsqml_where_photons_are_few() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case();
    let ways = [(Noise::Gaussian, Batching::Compact), (Noise::Poisson, Batching::Sparse)];
    for &(noise, batching) in swept(&ways, 1) {
        let options = Lsqml { noise, batching, ..Lsqml::default() };
        let few = case.solve(Some(300.0), &options).1.complex_nrmse;
        let with =
            case.solve(Some(300.0), &Lsqml { prior: 20.0, ..options.clone() }).1.complex_nrmse;
        println!("{noise:?}, {batching:?}: {few} to {with}");
        assert!(with < 0.95 * few, "{noise:?}, {batching:?}: {few} to {with}");
    }
}

#[test]
fn sparse_batches_and_other_steps_converge() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case();
    let sparse = Lsqml { epochs: 60, batching: Batching::Sparse, ..Lsqml::default() };
    let choices = [
        ("sparse", sparse.clone()),
        ("sparse, whole epochs", Lsqml { object_moves: Some(ObjectStep::Epoch), ..sparse.clone() }),
        (
            "sparse, batch's illumination",
            Lsqml { preconditioner: Preconditioner::Batch, ..sparse.clone() },
        ),
        (
            "compact, every batch",
            Lsqml { batching: Batching::Compact, object_moves: Some(ObjectStep::Batch), ..sparse },
        ),
    ];
    for (name, options) in choices {
        for dose in [1e3, 1e9] {
            let error = case.solve(Some(dose), &options).1.complex_nrmse;
            println!("{name}, dose {dose}: {error}");
            assert!(error < if dose > 1e6 { 0.12 } else { 0.3 }, "{name}, dose {dose}: {error}");
        }
    }
}

/// Runs to the end, once in one go and once with a stop after every epoch that rebuilds the run
/// from its snapshot.
fn stops_and_resumes<'a>(start: impl Fn() -> Run<'a>, name: &str) {
    let whole = start().solve(&mut |_| Flow::Continue);
    let mut snapshot = start().snapshot();
    loop {
        let mut run = start().resume(&snapshot).unwrap();
        if run.epoch().is_none() {
            break;
        }
        snapshot = run.snapshot();
    }
    let parts = start().resume(&snapshot).unwrap().finish();
    assert_eq!(whole.loss, parts.loss, "{name}");
    assert!(whole.object == parts.object && whole.probe == parts.probe, "{name}");
    assert_eq!(whole.positions, parts.positions, "{name}");
}

#[test]
fn stopping_after_every_epoch_changes_no_bit() {
    let case = case();
    let problem = case.problem(Some(1e4));
    let positions_from_epoch = Some(5);
    let batchings = [Batching::Compact, Batching::Random, Batching::Sparse];
    for &batching in swept(&batchings, 1) {
        let options =
            Lsqml { epochs: 11, batching, positions_from_epoch, prior: 2.0, ..Lsqml::default() };
        stops_and_resumes(|| options.start(&problem), &format!("{batching:?}"));
    }
    let options =
        Ml { epochs: Auto::Given(14), start_epochs: 3, positions_from_epoch, ..Ml::default() };
    stops_and_resumes(|| options.start(&problem), "ML");
    if lapwing_testing::long_tests() {
        let options = Ml { start_epochs: 2, positions_from_epoch, ..Ml::default() };
        stops_and_resumes(|| options.start(&problem), "ML that chooses its prior");
    }
    let options = Rpie { epochs: 4, ..Rpie::default() };
    stops_and_resumes(|| options.start(&problem), "rPIE");
    // A snapshot of another problem or solver is refused.
    let snapshot = options.start(&problem).snapshot();
    assert!(Lsqml::default().start(&problem).resume(&snapshot).is_err());
}

#[test]
fn start_modes_of_a_measured_probe_carry_its_light() {
    let probe = perturb(small_case().probe.view(), 0.5, 0.1);
    let modes = start_modes(&probe, 3);
    let power = |field: &Field| field.iter().map(|v| v.norm_sqr()).sum::<f32>();
    let of = |k: usize| power(&modes.index_axis(Axis(0), k).to_owned());
    assert!((of(1) / of(0) - 1.0).abs() < 1e-3 && (of(2) / of(0) - 1.0).abs() < 1e-3);
}

/// Derivatives of a plane wave are nothing: there are as many modes as can be made, and no more.
#[test]
fn modes_that_cannot_be_made_are_not() {
    let case = small_case();
    let flat = Modes::from_elem(case.probe.dim(), Complex32::new(0.1, 0.0));
    assert_eq!(start_modes(&flat, 4).dim().0, 1);
    let problem = Problem::builder(case.scan.clone(), case.flat(), flat)
        .patterns(case.counts(Some(1e4)))
        .unwrap();
    let found = modes_of(&problem);
    assert!(found.dim().0 == 1 && found.iter().all(|value| value.is_finite()));
}
