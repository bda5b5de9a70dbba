//! What differs from a far field of one probe at known positions: each on a simulation that needs
//! it, solved with the term and without.

use crate::common::{Case, case_within};
use lapwing_compare::{Region, compare};
use lapwing_model::forward::{Physics, Propagation, Slices};
use lapwing_model::simulate::expose;
use lapwing_model::{Complex32, Field, ForwardModel, Object, Position};
use lapwing_solve::engine::Device;
use lapwing_solve::lsqml::Lsqml;
use lapwing_solve::ml::{Affine, EvenDrift, Ml, affine, even_drift};
use lapwing_solve::noise::{Faults, NoiseModel};
use lapwing_solve::pie::Rpie;
use lapwing_solve::solver::options::Auto;
use lapwing_solve::solver::raar::Raar;
use lapwing_solve::{Flow, Problem, Solution, Solver};
use ndarray::Array3;
use std::convert::Infallible;

const SIDE: f64 = 80.0;
/// For maps of the scan, which few positions determine poorly.
const WIDE: f64 = 110.0;
const DOSE: f64 = 1e5;

/// A short run of ML with a fixed prior.
fn ml() -> Ml {
    Ml { epochs: Auto::Given(40), prior: Auto::Given(10.0), ..Ml::default() }
}

fn error(case: &Case, solver: &dyn Solver, problem: &Problem) -> f64 {
    case.measure(&solver.solve(problem, &mut |_| Flow::Continue)).complex_nrmse
}

fn problem(case: &Case, counts: Array3<f32>, physics: &Physics) -> Problem {
    let builder = Problem::builder(case.scan.clone(), case.flat(), case.start.clone());
    builder.physics(physics.clone()).patterns(counts).unwrap()
}

/// Errors of a solver that knows `physics`, and of one that does not, on a scan simulated with it.
fn with_and_without(physics: &Physics, solver: &dyn Solver) -> [f64; 2] {
    let case = case_within(true, SIDE);
    let counts = || {
        let (object, probe) = (case.truth.view(), case.probe.view());
        expose(physics, object, probe, &case.scan, DOSE, 42).unwrap().counts
    };
    [physics.clone(), Physics::default()]
        .map(|physics| error(&case, solver, &problem(&case, counts(), &physics)))
}

#[test]
fn the_near_field_is_solved_by_all_that_know_it() {
    if lapwing_testing::left_out() {
        return;
    }
    let propagation = Propagation::NearField { fresnel_number: 0.05 };
    let physics = Physics { propagation, ..Physics::default() };
    let lsqml = Lsqml { epochs: 60, ..Lsqml::default() };
    let solvers: [(&dyn Solver, f64); 3] =
        [(&ml(), 0.2), (&lsqml, 0.5), (&Raar { epochs: 60, ..Raar::default() }, 0.5)];
    for (solver, most) in solvers {
        let [with, without] = with_and_without(&physics, solver);
        assert!(with < most * without, "{}: {with} and {without}", solver.name());
    }
}

#[test]
fn a_fly_scan_is_sharp_again() {
    if lapwing_testing::left_out() {
        return;
    }
    let physics = Physics { motion: Physics::fly((0.0, 6.0)), ..Physics::default() };
    let lsqml = Lsqml { epochs: 60, ..Lsqml::default() };
    let solvers: [(&dyn Solver, f64); 2] = [(&ml(), 0.7), (&lsqml, 0.9)];
    for (solver, most) in solvers {
        let [with, without] = with_and_without(&physics, solver);
        assert!(with < most * without, "{}: {with} and {without}", solver.name());
    }
}

#[test]
fn a_blurred_detector_is_known() {
    if lapwing_testing::left_out() {
        return;
    }
    let physics = Physics { blur: 1.5, ..Physics::default() };
    let [with, without] = with_and_without(&physics, &ml());
    assert!(with < 0.7 * without, "{with} and {without}");
}

#[test]
fn slices_are_told_apart_by_all_that_know_them() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case_within(true, SIDE);
    // Behind the truth, the same turned upside down.
    let mut truth = Object::flat_slices(2, case.truth.dim());
    let turned = case.truth.slice(ndarray::s![..;-1, ..]);
    for (mut slice, of) in truth.slices_mut().outer_iter_mut().zip([case.truth.view(), turned]) {
        slice.assign(&of);
    }
    let slices = Some(Slices { count: 2, fresnel_number: 0.02 });
    let physics = Physics { slices, ..Physics::default() };
    let exposed = expose(&physics, &truth, case.probe.view(), &case.scan, DOSE, 42).unwrap();
    let builder = Problem::builder(
        case.scan.clone(),
        Object::flat_slices(2, case.truth.dim()),
        case.start.clone(),
    );
    let thick = builder.physics(physics).patterns(exposed.counts.clone()).unwrap();
    let thin = problem(&case, exposed.counts, &Physics::default());
    let region = Region::from_scan(case.truth.dim(), &case.scan, case.probe.view()).unwrap();
    let error = |found: Field, truth: Field| {
        compare(found.view(), truth.view(), &region).unwrap().metrics.complex_nrmse
    };
    let lsqml = Lsqml { epochs: 60, ..Lsqml::default() };
    let rpie = Rpie { epochs: 60, ..Rpie::default() };
    let solvers: [(&dyn Solver, f64); 3] = [(&ml(), 0.45), (&lsqml, 0.7), (&rpie, 0.8)];
    for (solver, most) in solvers {
        let name = solver.name();
        let found = solver.solve(&thick, &mut |_| Flow::Continue).object;
        let blind = solver.solve(&thin, &mut |_| Flow::Continue).object;
        let product = error(found.projection(), truth.projection());
        let without = error(blind.projection(), truth.projection());
        assert!(product < most * without, "{name}: {product} and {without}");
        for index in 0..2 {
            let own = error(found.slice(index).to_owned(), truth.slice(index).to_owned());
            let other = error(found.slice(index).to_owned(), truth.slice(1 - index).to_owned());
            assert!(own < 0.5 * other, "{name}, slice {index}: {own} and {other}");
        }
    }
    let raar = Raar::default();
    let refused = Device::Cpu.check(&thick, raar.needs()).unwrap_err().to_string();
    assert!(refused.contains("2 slices"), "{refused}");
    assert!(Device::Cpu.check(&thick, rpie.needs()).is_ok());
}

#[test]
fn a_probe_that_loses_power_and_focus_is_followed() {
    if lapwing_testing::left_out() {
        return;
    }
    let mut case = case_within(true, SIDE);
    let model = ForwardModel::new((64, 64));
    let n = case.scan.len();
    let mut counts = Array3::zeros((n, 64, 64));
    let first = case.probe.clone();
    // Towards a probe of other focus, with less power.
    let other = lapwing_model::probe::perturb(first.view(), 0.8, 0.0).mapv(|value| value * 0.8);
    for (index, (mut pattern, &position)) in counts.outer_iter_mut().zip(&case.scan).enumerate() {
        let share = index as f32 / n as f32;
        let probe = first.mapv(|value| value * (1.0 - share)) + other.mapv(|value| value * share);
        pattern.assign(&model.intensity(case.truth.view(), probe.view(), position).unwrap());
    }
    let factor = (DOSE * n as f64 / counts.iter().map(|&v| f64::from(v)).sum::<f64>()) as f32;
    counts.mapv_inplace(|value| (value * factor).round());
    case.probe.mapv_inplace(|value| value * factor.sqrt());
    let bare = problem(&case, counts, &Physics::default());
    let still = error(&case, &ml(), &bare);
    let solver = ml();
    let varied = bare.with_eigenmodes(1);
    let solution = solver.solve(&varied, &mut |_| Flow::Continue);
    let found = case.measure(&solution).complex_nrmse;
    assert!(found < 0.6 * still, "{found} and {still}");
    assert_eq!((solution.eigenmodes.dim(), solution.weights.dim()), ((1, 64, 64), (n, 1)));
    // What it predicts is as far from the counts as their noise is, and more so without.
    let misfit = varied.misfit(&solution).unwrap().ratio;
    assert!(misfit < 1.1, "{misfit}");
    // The last pattern has less light than the first.
    let power =
        |index: usize| solution.probe_of(index).iter().map(Complex32::norm_sqr).sum::<f32>();
    assert!(power(n - 1) < 0.8 * power(0), "{} and {}", power(n - 1), power(0));
    // Told to change slowly, weights of neighbouring patterns are nearly the same.
    let slow = varied.varying_slowly();
    let jump = |solution: &Solution| {
        let weights = solution.weights.column(0);
        let steps = weights.iter().zip(weights.iter().skip(1)).map(|(a, b)| (a - b).norm());
        steps.fold(0.0, f32::max)
    };
    let followed = solver.solve(&slow, &mut |_| Flow::Continue);
    let found = case.measure(&followed).complex_nrmse;
    assert!(found < 0.6 * still, "slow: {found} and {still}");
    let [slowly, freely] = [jump(&followed), jump(&solution)];
    println!("jumps {slowly} and {freely}, errors {found} and {still}");
    assert!(slowly < 0.5 * freely, "{slowly} and {freely}");
    let lsqml = Lsqml { epochs: 60, ..Lsqml::default() };
    let still = error(&case, &lsqml, &bare);
    for problem in [&varied, &slow] {
        let found = error(&case, &lsqml, problem);
        assert!(found < 0.8 * still, "LSQML: {found} and {still}");
    }
}

#[test]
fn several_scans_have_probes_of_their_own() {
    if lapwing_testing::left_out() {
        return;
    }
    let mut case = case_within(true, SIDE);
    let model = ForwardModel::new((64, 64));
    let n = case.scan.len();
    // Three scans, each of another focus and power, over the same field.
    let of: Vec<usize> = (0..n).map(|index| index % 3).collect();
    let first = case.probe.clone();
    let probes = [0.0, 0.8, -0.8].map(|defocus| {
        let power = 1.0 - 0.3 * defocus as f32;
        lapwing_model::probe::perturb(first.view(), defocus, 0.0).mapv(|value| value * power)
    });
    let mut counts = Array3::zeros((n, 64, 64));
    for (index, (mut pattern, &position)) in counts.outer_iter_mut().zip(&case.scan).enumerate() {
        let probe = probes[of[index]].view();
        pattern.assign(&model.intensity(case.truth.view(), probe, position).unwrap());
    }
    let factor = (DOSE * n as f64 / counts.iter().map(|&v| f64::from(v)).sum::<f64>()) as f32;
    counts.mapv_inplace(|value| (value * factor).round());
    case.probe.mapv_inplace(|value| value * factor.sqrt());
    // The second one counts from another zero, which its probe makes up for.
    let told = |(index, at): (usize, &Position)| match of[index] {
        1 => Position { y: at.y + 1.5, x: at.x - 2.0 },
        _ => *at,
    };
    let scan = case.scan.iter().enumerate().map(told).collect();
    let shared = Problem::builder(scan, case.flat(), case.start.clone()).patterns(counts).unwrap();
    let own = shared.with_probe_of_each_scan(&of, None).unwrap();
    let lsqml = Lsqml { epochs: 60, ..Lsqml::default() };
    let solvers: [(&dyn Solver, f64); 2] = [(&ml(), 0.3), (&lsqml, 0.5)];
    for (solver, most) in solvers {
        let solution = solver.solve(&own, &mut |_| Flow::Continue);
        let [with, without] =
            [case.measure(&solution).complex_nrmse, error(&case, solver, &shared)];
        assert!(with < most * without, "{}: {with} and {without}", solver.name());
        // One probe for every scan, of the power that it has.
        assert_eq!(solution.probe_of(4), solution.probe_of(1));
        let power = |index: usize| -> f32 {
            solution.probe_of(index).iter().map(Complex32::norm_sqr).sum()
        };
        for scan in 1..3 {
            let true_power =
                |scan: usize| -> f32 { probes[scan].iter().map(Complex32::norm_sqr).sum() };
            let (found, expected) = (power(scan) / power(0), true_power(scan) / true_power(0));
            assert!((found / expected - 1.0).abs() < 0.03, "{found} and {expected}");
        }
    }
    let refused = |of: &[usize]| shared.with_probe_of_each_scan(of, None).unwrap_err().to_string();
    assert!(refused(&of[1..]).contains(&format!("each of {n} patterns")));
    // A single scan is the problem as it was.
    let one = shared.with_probe_of_each_scan(&vec![5; n], None).unwrap();
    assert_eq!((one.n_eigenmodes(), one.probe() == shared.probe()), (0, true));
}

#[test]
fn a_beam_that_fades_and_flickers_is_measured() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case_within(true, SIDE);
    let n = case.scan.len();
    let power = |index: usize| {
        let flicker = if index.is_multiple_of(3) { 0.85 } else { 1.0 };
        flicker * (1.0 - 0.4 * index as f64 / n as f64)
    };
    let model = ForwardModel::new((64, 64));
    let mut counts = Array3::zeros((n, 64, 64));
    for (index, (mut pattern, &position)) in counts.outer_iter_mut().zip(&case.scan).enumerate() {
        let light = model.intensity(case.truth.view(), case.probe.view(), position).unwrap();
        pattern.assign(&light.mapv(|value| value * power(index) as f32));
    }
    let factor = (DOSE * n as f64 / counts.iter().map(|&v| f64::from(v)).sum::<f64>()) as f32;
    counts.mapv_inplace(|value| (value * factor).round());
    let bare = problem(&case, counts, &Physics::default());
    let varied = bare.with_varying_power();
    let mean = (0..n).map(|index| power(index).ln()).sum::<f64>() / n as f64;
    let lsqml = Lsqml { epochs: 60, ..Lsqml::default() };
    let solvers: [(&dyn Solver, f64); 2] = [(&ml(), 0.4), (&lsqml, 0.6)];
    for (solver, most) in solvers {
        let name = solver.name();
        let solution = solver.solve(&varied, &mut |_| Flow::Continue);
        let (found, still) = (case.measure(&solution).complex_nrmse, error(&case, solver, &bare));
        assert!(found < most * still, "{name}: {found} and {still}");
        let off = |(index, found): (usize, &f64)| found / (power(index) / mean.exp()) - 1.0;
        let off: Vec<f64> = solution.powers.iter().enumerate().map(off).collect();
        let rms = (off.iter().map(|off| off * off).sum::<f64>() / n as f64).sqrt();
        // What fades slowly along a spiral can be in the object, too; what flickers cannot.
        assert!(rms < 0.06 && off.iter().all(|off| off.abs() < 0.12), "{name}: {rms}, {off:?}");
        let mean_of = |flickers: bool| {
            let of = (0..n).filter(|index| index.is_multiple_of(3) == flickers);
            let of: Vec<f64> = of.map(|index| off[index]).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        let flicker = mean_of(true) - mean_of(false);
        println!("{name}: rms {rms}, flicker off by {flicker}");
        assert!(flicker.abs() < 0.02, "{name}: {flicker}");
        let misfit = varied.misfit(&solution).unwrap().ratio;
        assert!(misfit < 1.15, "{name}: {misfit}");
        // Of the same light, the same powers.
        let again = varied.replicate(&solution, 1, 0).unwrap();
        let again = solver.follow_up(&solution.choices).solve(&again, &mut |_| Flow::Continue);
        let of_both = solution.powers.iter().zip(&again.powers);
        of_both.for_each(|(a, b)| assert!((a / b - 1.0).abs() < 0.05, "{name}: {a} and {b}"));
    }
}

/// Pixels by which a start object is larger than the truth on every side, for positions that move.
const RIM: f64 = 6.0;

/// The scan of `case`, `told` to be elsewhere.
fn told(case: &Case, told: &[Position]) -> Problem {
    let (rows, columns) = case.truth.dim();
    let rim = 2 * RIM as usize;
    let start = Object::flat((rows + rim, columns + rim));
    let scan = told.iter().map(|at| Position { y: at.y + RIM, x: at.x + RIM }).collect();
    let builder = Problem::builder(scan, start, case.start.clone());
    builder.patterns(case.counts(Some(DOSE))).unwrap()
}

/// Sum of the distances of positions from those of `case`.
fn off<'a>(case: &Case, scan: impl IntoIterator<Item = &'a Position>, rim: f64) -> f64 {
    let pairs = scan.into_iter().zip(&case.scan);
    pairs.map(|(a, b)| (a.y - rim - b.y).hypot(a.x - rim - b.x)).sum()
}

#[test]
fn an_affine_map_is_found_by_held_out_pixels() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case_within(true, WIDE);
    // What the positions are told as, of which the search is to find the inverse.
    let map = Affine { scale: 1.02, rotation: 0.03, ..Affine::default() };
    let scan = map.applied(&case.scan);
    let found = affine::<Infallible>(&told(&case, &scan), &Ml::default(), &mut || Ok(()))
        .unwrap_or_else(|no| match no {});
    let Affine { scale, rotation, shear, .. } = found.map;
    let (before, after) = (off(&case, &scan, 0.0), off(&case, found.problem.scan(), RIM));
    println!("{after} and {before}: {:?}", found.map);
    assert!((scale * 1.02 - 1.0).abs() < 0.01);
    // In the mean of all directions.
    assert!((rotation + 0.5 * shear + 0.03).abs() < 0.01);
    for choice in &found.choices {
        println!("{} = {} +- {:?}", choice.option, choice.value, choice.sd);
        assert!(choice.tried.last().unwrap().score < choice.tried[0].score);
    }
    assert!(after < 0.4 * before);
}

#[test]
fn an_even_drift_is_found_by_held_out_pixels_and_hardly_one_where_there_is_none() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case_within(true, WIDE);
    let search = |scan: &[Position]| {
        even_drift::<Infallible>(&told(&case, scan), &Ml::default(), &mut || Ok(()))
            .unwrap_or_else(|no| match no {})
    };
    let drift = EvenDrift { y: -1.0, x: 2.5 };
    let scan = drift.applied(&case.scan);
    let found = search(&scan);
    let (before, after) = (off(&case, &scan, 0.0), off(&case, found.problem.scan(), RIM));
    assert!(after < 0.4 * before, "{after} and {before}: {:?}", found.map);
    let EvenDrift { y, x } = search(&case.scan).map;
    assert!(y.abs() < 0.1 && x.abs() < 0.1, "{y} and {x}");
}

#[test]
fn a_probe_that_varies_goes_on_from_a_snapshot_with_the_same_bits_on_any_threads() {
    let case = case_within(true, SIDE);
    let bare = problem(&case, case.counts(Some(DOSE)), &Physics::default());
    let varied = bare.with_eigenmodes(2).with_varying_power();
    let lsqml = Lsqml { epochs: 9, ..Lsqml::default() };
    let ml = Ml { epochs: Auto::Given(12), start_epochs: 3, ..ml() };
    let solvers: [&dyn Solver; 2] = [&lsqml, &ml];
    for solver in solvers {
        let on = |threads: usize, work: &(dyn Fn() -> Solution + Sync)| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(work)
        };
        let whole = on(4, &|| solver.solve(&varied, &mut |_| Flow::Continue));
        let parts = on(1, &|| {
            let mut run = solver.start(&varied);
            (0..5).for_each(|_| assert!(run.epoch().is_some()));
            let snapshot = run.snapshot();
            solver.start(&varied).resume(&snapshot).unwrap().solve(&mut |_| Flow::Continue)
        });
        let name = solver.name();
        assert!(whole.powers.iter().any(|power| (power - 1.0).abs() > 1e-3), "{name}");
        assert!(whole.object == parts.object && whole.probe == parts.probe, "{name}");
        assert!(whole.weights == parts.weights && whole.powers == parts.powers, "{name}");
        // The usual power is the geometric mean.
        let mean = whole.powers.iter().map(|power| power.ln()).sum::<f64>();
        assert!(mean.abs() < 1e-3 * whole.powers.len() as f64, "{name}: {mean}");
    }
    // Patterns that are left out take their weights and powers along, in either order.
    let faults = Faults { lost: vec![0, 3], ..Faults::default() };
    let noise = NoiseModel { faults, ..NoiseModel::photons((64, 64), DOSE) };
    let [before, after] = [
        bare.with_noise(&noise).unwrap().with_eigenmodes(2).with_varying_power(),
        varied.with_noise(&noise).unwrap(),
    ];
    assert_eq!(before.n_patterns(), case.scan.len() - 2);
    for left in [before, after] {
        let solution = lsqml.solve(&left, &mut |_| Flow::Continue);
        assert_eq!((solution.powers[0], solution.powers[3]), (1.0, 1.0));
        assert!(left.misfit(&solution).is_ok() && bare.misfit(&solution).is_err());
    }
}
