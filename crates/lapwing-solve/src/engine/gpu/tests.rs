//! Every operation on a card, or on the program that stands in for one, against the processor's.

mod descent;
mod streamed;
mod varying;
mod waves;

use super::*;
use crate::engine::Needs;
use crate::engine::cpu::Cpu;
use crate::engine::{Device, Products};
use crate::lsqml::{Batching, Lsqml};
use crate::ml::Ml;
use crate::noise::{Faults, Noise, NoiseModel};
use crate::pie::Rpie;
use crate::solver::options::Auto;
use crate::{Flow, Solver};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Field, Modes, Object, Position};
use ndarray::{Array2, Array3};
use rand::{RngExt, SeedableRng};
use std::sync::OnceLock;

/// The first card, opened once; none where this machine has neither a card nor the program.
fn card() -> Option<&'static Gpu> {
    static CARD: OnceLock<Option<Gpu>> = OnceLock::new();
    let card = CARD.get_or_init(|| Gpu::open(0).ok());
    if card.is_none() {
        eprintln!("no graphics card and no Vulkan driver without one: skipped");
    }
    card.as_ref()
}

/// The same for what takes long on a driver without a card.
fn card_at_length() -> Option<&'static Gpu> {
    if lapwing_testing::left_out() { None } else { card() }
}

fn random<const N: usize>(
    shape: [usize; N],
    seed: u64,
) -> ndarray::Array<Complex32, ndarray::Dim<[usize; N]>>
where
    ndarray::Dim<[usize; N]>: ndarray::Dimension,
    [usize; N]: ndarray::IntoDimension<Dim = ndarray::Dim<[usize; N]>>,
{
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut part = || random.random::<f32>() - 0.5;
    ndarray::Array::from_shape_simple_fn(shape, || Complex32::new(part(), part()))
}

struct Case {
    window: (usize, usize),
    modes: usize,
    patterns: usize,
    /// Largest count.
    bright: f32,
    object: (usize, usize),
}

const CASES: [Case; 4] = [
    Case { window: (16, 16), modes: 1, patterns: 9, bright: 40.0, object: (40, 35) },
    Case { window: (32, 24), modes: 2, patterns: 7, bright: 900.0, object: (60, 50) },
    Case { window: (20, 30), modes: 3, patterns: 5, bright: 0.7, object: (37, 61) },
    Case { window: (128, 64), modes: 1, patterns: 6, bright: 4000.0, object: (150, 100) },
];

impl Case {
    fn problem(&self) -> Problem {
        self.with(Physics::default())
    }

    fn with(&self, physics: Physics) -> Problem {
        let Self { window: (height, width), modes, patterns, bright, object } = *self;
        let mut random_numbers = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut within = |length: usize, side: usize| {
            let (low, high) = ((side / 2) as f64, (length - side.div_ceil(2)) as f64);
            low + (high - low) * random_numbers.random::<f64>()
        };
        let scan: Vec<Position> = (0..patterns)
            .map(|_| Position { y: within(object.0, height), x: within(object.1, width) })
            .collect();
        let whole = bright > 1.0;
        let mut random_numbers = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let counts = Array3::from_shape_simple_fn((patterns, height, width), || {
            let value = bright * random_numbers.random::<f32>().powi(3);
            if whole { value.round() } else { value }
        });
        let start =
            Field::from_elem(object, Complex32::new(0.2, 0.1)) + random([object.0, object.1], 1);
        let probe: Modes = random([modes, height, width], 2) * Complex32::new(bright.sqrt(), 0.0);
        let builder = Problem::builder(scan, Object::thin(start), probe).physics(physics);
        builder.patterns(counts).unwrap()
    }
}

/// The problems of all cases as they are, of some with background and masks, one for all patterns
/// or one for each, and of others with counts at a limit, or a probe that moves.
fn problems() -> Vec<Problem> {
    let plain = CASES.iter().map(Case::problem);
    let masked = CASES[..3].iter().zip([1, 7, 5]).map(|(case, masks)| {
        let problem = case.problem();
        let each = (case.patterns, case.window.0, case.window.1);
        let order = crate::noise::PatternOrder::new(&problem.model);
        let mut buffer = vec![0.0; problem.model.len()];
        let mut counts = Array3::zeros(each);
        for pattern in 0..case.patterns {
            for (place, &value) in problem.pattern(pattern, &mut buffer).iter().enumerate() {
                let pixel = order.pixel_of[place] as usize;
                counts[(pattern, pixel / case.window.1, pixel % case.window.1)] = value;
            }
        }
        let valid = Array3::from_shape_fn((masks, each.1, each.2), |(j, y, x)| {
            (7 * j + 3 * y + 5 * x) % 11 > 0
        });
        let good = |y, x| valid.index_axis(ndarray::Axis(0), 0)[(y, x)];
        let background = Array2::from_shape_fn(case.window, |(y, x)| {
            if masks == 1 && !good(y, x) { 0.0 } else { 0.02 * case.bright }
        });
        let builder = Problem::builder(problem.scan, (*problem.object).clone(), problem.probe);
        let problem = builder.mask(valid.view()).patterns(counts).unwrap();
        // A mask of a single pattern leaves no background at its pixels; a mask of all is simpler
        // to construct.
        if masks > 1 {
            return problem;
        }
        let photons = NoiseModel::photons(case.window, problem.mean_intensity());
        problem.with_noise(&NoiseModel { background, ..photons }).unwrap()
    });
    // Detectors of few and of many photons that stop halfway.
    let clipped = CASES[..2].iter().zip([1.0, 0.05]).map(|(case, gain)| {
        let problem = case.problem();
        let faults = Faults { saturation: Some((0.5 * case.bright).floor()), ..Faults::default() };
        let photons = NoiseModel::photons(case.window, problem.mean_intensity());
        problem.with_noise(&NoiseModel { faults, gain, ..photons }).unwrap()
    });
    // A probe that moves during the exposure.
    let motion = [(-1.2, 0.3), (0.0, 0.0), (1.1, -0.4)].map(|(y, x)| Position { y, x });
    let flown = CASES[1].with(Physics { motion: motion.to_vec(), ..Physics::default() });
    let all: Vec<Problem> = plain.chain(masked).chain(clipped).chain([flown]).collect();
    // The first and the last, unless there is time.
    let step = if lapwing_testing::long_tests() { 1 } else { all.len() - 1 };
    all.into_iter().step_by(step).collect()
}

/// The card, of which no more may be used than such a reconstruction cannot do without.
fn narrow(card: &Gpu, problem: &Problem, needs: Needs) -> Gpu {
    let (mut low, mut high) = (0_u64, 1 << 40);
    while low + 1 < high {
        let middle = low.midpoint(high);
        match check(&card.within(middle), problem, needs) {
            Ok(()) => high = middle,
            Err(_) => low = middle,
        }
    }
    card.within(high)
}

fn assert_close(a: &[Complex32], b: &[Complex32], share: f32, what: &str) {
    let error: f32 = a.iter().zip(b).map(|(a, b)| (a - b).norm_sqr()).sum();
    let size: f32 = b.iter().map(|b| b.norm_sqr()).sum();
    assert!(a.len() == b.len() && error <= (share * share) * size, "{what}: {error:e} of {size:e}");
}

fn assert_near(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() <= 2e-5 * b.abs(), "{what}: {a} and {b}");
}

const STEPS: [DetectorRule; 4] = [
    DetectorRule::Gaussian,
    DetectorRule::Poisson,
    DetectorRule::Modulus { background: 1e-4 },
    DetectorRule::Gradient { background: 1e-4 },
];

fn as_fields(values: &[f32]) -> Vec<Complex32> {
    values.iter().map(|&value| Complex32::new(value, 0.0)).collect()
}

#[test]
fn losses_and_sums_are_those_of_the_processor() {
    if lapwing_testing::left_out() {
        return;
    }
    let Some(card) = card() else { return };
    for (number, problem) in problems().iter().enumerate() {
        let n = problem.n_patterns();
        let batches = [(0..n - 2).rev().collect::<Vec<_>>(), vec![n - 1, n - 2]];
        let mut engines: [Box<dyn Engine>; 2] = [
            Box::new(Cpu::new(problem, n, Products::default())),
            Box::new(GpuEngine::new(card, problem, n, Products::default())),
        ];
        for step in STEPS {
            for hidden in [None, Some(HoldOut { share: 0.2, blocks: number % 2 == 0, seed: 5 })] {
                // A step of the whole pattern sees hidden pixels in part.
                if hidden.is_some() && step == DetectorRule::Poisson {
                    continue;
                }
                let found = engines.each_mut().map(|engine| {
                    engine.hold_out(hidden);
                    engine.scale_background(if hidden.is_some() { 0.5 } else { 1.0 });
                    for members in &batches {
                        engine.project(members, step);
                        engine.add_sums();
                    }
                    (engine.take_losses(), engine.take_sums())
                });
                assert_eq!(card.failure(), None);
                let [(losses, sums), (of_card, on_card)] = &found;
                let what = format!("problem {number}, {step:?}, {hidden:?}");
                assert_near(of_card.seen, losses.seen, &what);
                assert_near(of_card.held_out, losses.held_out, &what);
                assert_close(&on_card.object, &sums.object, 2e-5, &what);
                assert_close(&on_card.probe, &sums.probe, 2e-5, &what);
                assert_close(&as_fields(&on_card.light), &as_fields(&sums.light), 1e-5, &what);
                assert_close(&as_fields(&on_card.power), &as_fields(&sums.power), 1e-5, &what);
            }
        }
    }
}

#[test]
fn steps_by_quotients_are_those_of_the_processor() {
    let Some(card) = card_at_length() else { return };
    for (number, problem) in problems().iter().enumerate() {
        let n = problem.n_patterns();
        let batches = [(0..3).collect::<Vec<_>>(), (3..n).collect()];
        let mut engines: [Box<dyn Engine>; 2] = [
            Box::new(Cpu::new(problem, n, Products::default())),
            Box::new(GpuEngine::new(card, problem, n, Products::default())),
        ];
        let share =
            |share| Quotient { weight: 0.9, floor: Floor::ShareOfLargest(share), step: 0.7 };
        let of_probe = Floor::OfProbe { brightest: 0.1, power: 1e-3 };
        let known = Quotient { weight: 1.0, floor: of_probe, step: 1.0 };
        for (object, probe) in [
            (share(0.1), Some(share(0.2))),
            (known, None),
            (known, Some(share(0.1))),
            (share(0.3), Some(known)),
        ] {
            let fields = engines.each_mut().map(|engine| {
                for members in &batches {
                    engine.project(members, DetectorRule::Gaussian);
                    engine.step_by_quotients(object, probe);
                }
                engine.fields().values().to_vec()
            });
            assert_close(&fields[1], &fields[0], 1e-4, &format!("problem {number}, {object:?}"));
        }
    }
}

#[test]
fn search_directions_are_those_of_the_processor() {
    if lapwing_testing::left_out() {
        return;
    }
    let Some(card) = card() else { return };
    for (number, problem) in problems().iter().enumerate() {
        let n = problem.n_patterns();
        let products = Products { waves: true, slopes: false, ..Products::default() };
        for (every_batch, light_of_batch, probe) in [
            (false, false, Some(0.5)),
            (true, false, Some(1.0)),
            (true, true, None),
            (false, false, None),
        ] {
            let mut engines: [Box<dyn Engine>; 2] = [
                Box::new(Cpu::new(problem, n, products)),
                Box::new(GpuEngine::new(card, problem, n, products)),
            ];
            let what = format!("problem {number}, {every_batch}, {light_of_batch}, {probe:?}");
            let start =
                crate::solver::gauge::illumination(problem, problem.probe.as_slice().unwrap());
            let found = engines.each_mut().map(|engine| {
                engine.trail_mut().set_light(start.clone());
                let mut steps = Vec::new();
                for _epoch in 0..2 {
                    engine.begin_search(SearchDirections {
                        object_damping: 0.1,
                        probe_damping: 0.2,
                        every_batch,
                        light_of_batch,
                        step: 0.8,
                        probe,
                    });
                    for members in [&[2, 0, 1][..], &(3..n).collect::<Vec<_>>()] {
                        engine.project(members, DetectorRule::Gaussian);
                        engine.search();
                    }
                    steps.push(engine.end_search());
                    engine.trail_mut().scale_light(0.9);
                }
                let trail = engine.trail_mut().clone();
                (steps, engine.take_losses(), trail, engine.fields().values().to_vec())
            });
            let [(steps, losses, trail, fields), (on_card, of_card, its_trail, its_fields)] =
                &found;
            steps.iter().zip(on_card).for_each(|(a, b)| {
                assert!((a - b).abs() <= 1e-3 * a.abs(), "{what}: {a} and {b}");
            });
            assert!((of_card.seen / losses.seen - 1.0).abs() < 1e-4, "{what}");
            assert_close(its_fields, fields, 1e-3, &what);
            assert_close(&its_trail.object_update, &trail.object_update, 2e-3, &what);
            assert_close(&its_trail.probe_update, &trail.probe_update, 2e-3, &what);
            assert_close(&as_fields(its_trail.light()), &as_fields(trail.light()), 1e-3, &what);
            assert!((its_trail.strongest() / trail.strongest() - 1.0).abs() < 1e-3, "{what}");
        }
    }
}

#[test]
fn vectors_are_those_of_the_processor() {
    let Some(card) = card_at_length() else { return };
    let problem = CASES[1].problem();
    let products = Products { waves: true, slopes: false, ..Products::default() };
    let engines: [Box<dyn Engine>; 2] = [
        Box::new(Cpu::new(&problem, 7, products)),
        Box::new(GpuEngine::new(card, &problem, 7, products)),
    ];
    let start = crate::solver::gauge::illumination(&problem, problem.probe.as_slice().unwrap());
    let found = engines.map(|mut engine| {
        engine.trail_mut().set_light(start.clone());
        engine.begin_search(SearchDirections {
            object_damping: 0.1,
            probe_damping: 0.2,
            every_batch: false,
            light_of_batch: false,
            step: 0.8,
            probe: Some(0.5),
        });
        engine.project(&[2, 0, 1, 5], DetectorRule::Gaussian);
        engine.search();
        engine.end_search();
        let [a, b] = [engine.new_vector(), engine.new_vector()];
        assert!(engine.vector(a).iter().all(|value| *value == Complex32::ZERO));
        engine.copy(a, Vector::Fields);
        engine.copy(b, Vector::Update);
        engine.blend(a, b, Blend { object: [0.5, -2.0], probe: [1.0, 3.0] });
        let strongest = engine.strongest_light();
        engine.push(a, Push { object: Some([0.7, 0.1 * strongest]), probe: None });
        engine.push(b, Push { object: None, probe: Some(0.3) });
        let dots = engine.dots(&[[a, b], [Vector::Update, Vector::Fields], [a, a]]);
        // The fields on a card go on from there.
        engine.project(&[3, 4], DetectorRule::Gaussian);
        let loss = engine.take_losses().seen;
        let after = engine.fields().values().to_vec();
        engine.copy(Vector::Fields, a);
        let back = engine.fields().values().to_vec();
        assert_eq!(back, engine.vector(a));
        engine.set_vector(b, &after);
        assert_eq!(engine.vector(b), after);
        (dots, loss, after, back)
    });
    let [(dots, loss, after, back), (its_dots, its_loss, its_after, its_back)] = &found;
    for (a, b) in dots.iter().flatten().zip(its_dots.iter().flatten()) {
        assert!((a - b).abs() < 2e-3 * a.abs().max(1.0), "{a} and {b}");
    }
    assert!((its_loss / loss - 1.0).abs() < 1e-4);
    assert_close(its_after, after, 1e-3, "fields");
    assert_close(its_back, back, 1e-3, "vector");
}

#[test]
fn what_has_no_kernels_is_refused_by_name() {
    let Some(card) = card() else { return };
    let problem = CASES[0].problem();
    let needs = Needs { batch_size: 5, ..Needs::default() };
    assert_eq!(check(card, &problem, needs), Ok(()));
    let told = |problem: &Problem, needs| check(card, problem, needs).unwrap_err().to_string();
    let blurred = CASES[0].with(Physics { blur: 1.0, ..Physics::default() });
    let refused = told(&blurred, needs);
    assert!(refused.contains("a detector with a point spread is not computed"), "{refused}");
    assert!(refused.ends_with("on a graphics card, but on the processor"), "{refused}");
    let storing = Needs { waves_per_pattern: 2, ..needs };
    assert_eq!(check(card, &problem, storing), Ok(()));
    let small = check(&card.within(1 << 17), &problem, storing).unwrap_err().to_string();
    assert!(small.contains("exit waves, here 0.000 GB beside fields"), "{small}");
    let small = check(&card.within(1 << 17), &problem, needs).unwrap_err().to_string();
    assert!(small.contains("where the card has 0.000 GB"), "{small}");
    let odd = Case { window: (22, 22), ..CASES[0] }.problem();
    assert!(told(&odd, needs).contains("22 x 22"));
    let large = Needs { batch_size: usize::MAX, ..needs };
    assert_eq!(check(card, &problem, large), Ok(()));
}

#[test]
fn a_card_that_is_not_there_is_refused_by_number() {
    let found = GpuInfo::all().len();
    match Gpu::open(found) {
        Err(GpuError::None) => assert_eq!(found, 0),
        Err(GpuError::Number { wanted, found: there }) => {
            assert_eq!((wanted, there), (found, found))
        }
        other => panic!("{other:?}"),
    }
}

/// A scan of a specimen, with a flat start object and an astigmatic start probe.
fn scan() -> Problem {
    let window = (32, 32);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build(window).unwrap();
    let scan = generate(ScanKind::Fermat, 4.0, (30.0, 30.0), 1).unwrap();
    let placement = fit(&scan, window, 2).unwrap();
    let scan = placement.place(&scan);
    let object = Specimen::Cells.make(placement.shape, 1);
    let physics = Physics::default();
    let exposure = expose(&physics, object.view(), probe.view(), &scan, 1e4, 42).unwrap();
    let start = ProbeDesign { astigmatism: 0.5, ..ProbeDesign::new(ProbeKind::Defocused) };
    let flat = Object::flat(placement.shape);
    let start = start.build(window).unwrap();
    Problem::builder(scan, flat, start).patterns(exposure.counts).unwrap()
}

#[test]
fn reconstructions_are_as_good_as_the_processors_and_repeat_to_the_bit() {
    let Some(card) = card_at_length() else { return };
    let problem = scan();
    let there = problem.on(Device::Gpu(card.clone()));
    let ml = Ml { epochs: Auto::Given(30), prior: Auto::Given(20.0), ..Ml::default() };
    let lsqml = Lsqml { epochs: 30, batch_size: 20, ..Lsqml::default() };
    let random = Lsqml { batching: Batching::Random, noise: Noise::Poisson, ..lsqml.clone() };
    let solvers: [Box<dyn Solver>; 4] = [
        Box::new(ml),
        Box::new(lsqml),
        Box::new(random),
        Box::new(Rpie { epochs: 30, ..Rpie::default() }),
    ];
    for solver in &solvers {
        let solve = |problem: &Problem| solver.solve(problem, &mut |_| Flow::Continue);
        let [on_cpu, on_card, again] = [&problem, &there, &there].map(solve);
        assert_eq!(card.failure(), None);
        let [a, b] = [&on_cpu, &on_card].map(|solution| *solution.loss.last().unwrap());
        assert!((b / a - 1.0).abs() < 0.01, "{}: {a} and {b}", solver.name());
        assert_eq!(on_card.loss, again.loss);
        assert_eq!((on_card.object, on_card.probe), (again.object, again.probe));
    }
}

#[test]
fn a_search_for_the_prior_and_a_snapshot_go_the_same_way() {
    let Some(card) = card_at_length() else { return };
    let problem = scan();
    let there = problem.on(Device::Gpu(card.clone()));
    // The fewest epochs that have a search.
    let solver = Ml { epochs: Auto::Given(62), ..Ml::default() };
    // The strength is chosen from the same held-out pixels.
    let mut run = solver.start(&there);
    for _ in 0..12 {
        run.epoch();
    }
    let snapshot = run.snapshot();
    let resumed = solver.start(&there).resume(&snapshot).unwrap();
    let [whole, resumed] = [run, resumed].map(|run| run.solve(&mut |_| Flow::Continue));
    assert_eq!((&whole.loss, &whole.object), (&resumed.loss, &resumed.object));
    let on_cpu = solver.solve(&problem, &mut |_| Flow::Continue);
    // So few trials leave the strength to the last bits of a fit; what each trial predicts is that
    // of the same pixels.
    let [of_card, of_cpu] = [&whole, &on_cpu].map(|solution| &solution.choices[0].tried);
    assert!(of_card.len() >= 3 && of_card.len() == of_cpu.len());
    for (a, b) in of_card.iter().zip(of_cpu).take(2) {
        assert!(a.value == b.value && (a.score / b.score - 1.0).abs() < 0.01, "{a:?} {b:?}");
    }
}
