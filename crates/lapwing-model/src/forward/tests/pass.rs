//! A pattern's pass of both back-ends, against the reference and against each other.

use super::super::*;
use super::{field, modes};
use crate::fft;
use crate::test_support::random_field;
use ndarray::ArrayView2;

/// Shapes of the fused pass, and one that it does not do.
const SHAPES: [(usize, usize); 5] = [(16, 16), (32, 16), (16, 32), (128, 64), (9, 12)];
const POSITION: Position = Position { y: 75.37, x: 53.81 };
const OBJECT: (usize, usize) = (150, 110);

/// The back-end chosen for a shape, and the plain one.
fn back_ends(shape: (usize, usize)) -> [ForwardModel; 2] {
    [ForwardModel::new(shape), ForwardModel::plain(shape)]
}

/// One pattern of a random object and probe.
struct Case {
    model: ForwardModel,
    object: crate::Field,
    probe: crate::Modes,
    spectra: Vec<Complex32>,
    window: Window,
    ramp: Ramp,
    /// Made-up measured values, in pattern order.
    measured: Vec<f32>,
}

/// Both waves of a pattern, all modes, and what the solver sums.
struct Waves {
    probes: Vec<Complex32>,
    in_flight: Vec<Complex32>,
    chi: Vec<Complex32>,
    sum: Vec<Complex32>,
    power: Vec<f32>,
    work: Workspace,
}

impl Case {
    fn new(model: ForwardModel, n_modes: usize) -> Self {
        let (height, width) = model.shape();
        let (object, probe) = (field(OBJECT, 1), modes((n_modes, height, width), 2));
        let mut work = model.workspace();
        let mut spectra = vec![Complex32::ZERO; n_modes * model.len()];
        for (mode, spectrum) in probe.outer_iter().zip(spectra.chunks_exact_mut(model.len())) {
            model.probe_spectrum(mode.as_slice().unwrap(), spectrum, &mut work);
        }
        let window = model.window(POSITION, OBJECT).unwrap();
        let centred: Vec<f32> =
            random_field(model.len(), 3).iter().map(|value| value.norm_sqr()).collect();
        let mut measured = centred.clone();
        model.to_pattern_order(&centred, &mut measured);
        let ramp = Ramp::new(&window, (height, width));
        Self { model, object, probe, spectra, window, ramp, measured }
    }

    fn view(&self) -> Site<'_> {
        let first = self.window.row as usize * OBJECT.1 + self.window.column as usize;
        let object = &self.object.as_slice().unwrap()[first..];
        Site { patch: Patch { object, columns: OBJECT.1 }, ramp: &self.ramp }
    }

    fn waves(&self) -> Waves {
        let zeros = || vec![Complex32::ZERO; self.spectra.len()];
        Waves {
            probes: zeros(),
            in_flight: zeros(),
            chi: zeros(),
            sum: random_field(self.spectra.len(), 4),
            power: vec![0.5; self.model.len()],
            work: self.model.workspace(),
        }
    }

    fn illuminate(&self, waves: &mut Waves) {
        let pixels = self.model.len();
        for (mode, spectrum) in self.spectra.chunks_exact(pixels).enumerate() {
            let part = mode * pixels..(mode + 1) * pixels;
            let power = (mode == 0).then_some(waves.power.as_mut_slice());
            let (probe, in_flight) =
                (&mut waves.probes[part.clone()], &mut waves.in_flight[part.clone()]);
            self.model.illuminate(spectrum, self.view(), probe, power, in_flight, &mut waves.work);
        }
    }

    fn gather(&self, waves: &mut Waves) {
        let pixels = self.model.len();
        for mode in 0..self.probe.dim().0 {
            let part = mode * pixels..(mode + 1) * pixels;
            let (chi, in_flight) =
                (&mut waves.chi[part.clone()], &mut waves.in_flight[part.clone()]);
            let sum = &mut waves.sum[part];
            self.model.gather(chi, self.view(), in_flight, sum, &mut waves.work);
        }
    }

    /// The object in the window, (y, x).
    fn patch(&self) -> ArrayView2<'_, Complex32> {
        let (height, width) = self.model.shape();
        let (row, column) = (self.window.row as usize, self.window.column as usize);
        self.object.slice(ndarray::s![row..row + height, column..column + width])
    }
}

/// There and back, with a step whose factor depends on its own pixel only.
fn there_and_back(model: ForwardModel, n_modes: usize, whole: bool, masked: &[usize]) -> Waves {
    let case = Case::new(model, n_modes);
    let mut mask = vec![false; case.model.len()];
    masked.iter().for_each(|&pixel| mask[pixel] = true);
    let mut ordered = mask.clone();
    case.model.to_pattern_order(&mask, &mut ordered);
    let masked: Vec<u32> =
        (0..).zip(ordered).filter(|(_, bad)| *bad).map(|(index, _)| index).collect();
    let mut waves = case.waves();
    case.illuminate(&mut waves);
    let Waves { in_flight, chi, work, .. } = &mut waves;
    let query = PatternQuery { whole, masked: &masked, ..PatternQuery::default() };
    case.model.detect(in_flight, chi, query, work, &mut |first, intensity, factor| {
        for ((factor, i), m) in factor.iter_mut().zip(intensity).zip(&case.measured[first..]) {
            *factor = m / (i + 0.3) - 1.0;
        }
    });
    case.gather(&mut waves);
    waves
}

fn assert_close(found: &[Complex32], truth: &[Complex32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), truth.len(), "{what}");
    let largest = truth.iter().fold(0.0_f32, |most, value| most.max(value.norm()));
    for (index, (a, b)) in found.iter().zip(truth).enumerate() {
        assert!((a - b).norm() < tolerance * (1.0 + largest), "{what}, {index}: {a} and {b}");
    }
}

#[test]
fn the_fused_pass_does_what_the_plain_one_does() {
    for shape in [(16, 16), (32, 16), (16, 32)] {
        for (n_modes, whole, masked) in [
            (1, false, &[][..]),
            (1, true, &[]),
            (2, false, &[]),
            (1, false, &[3, 77]),
            (2, true, &[0]),
        ] {
            let [a, b] =
                back_ends(shape).map(|model| there_and_back(model, n_modes, whole, masked));
            for (what, a, b) in
                [("probes", &a.probes, &b.probes), ("chi", &a.chi, &b.chi), ("sum", &a.sum, &b.sum)]
            {
                for (a, b) in a.iter().zip(b) {
                    assert!(
                        (a - b).norm() < 3e-5 * (1.0 + b.norm()),
                        "{what}, {shape:?}, {n_modes} modes: {a} and {b}"
                    );
                }
            }
            for (a, b) in a.power.iter().zip(&b.power) {
                assert!((a - b).abs() < 3e-5 * (1.0 + b.abs()), "{shape:?}: {a} and {b}");
            }
        }
    }
}

#[test]
fn both_passes_are_the_reference_model_and_its_adjoint() {
    for shape in SHAPES {
        for model in back_ends(shape) {
            for n_modes in [1, 2] {
                let case = Case::new(model.clone(), n_modes);
                let (object, probe) = (case.object.view(), case.probe.view());
                let far_fields = model.at_detector(object, probe, POSITION).unwrap();
                let intensity = model.intensity(object, probe, POSITION).unwrap();
                let mut expected = vec![0.0; model.len()];
                model.to_pattern_order(intensity.as_slice().unwrap(), &mut expected);

                let mut waves = case.waves();
                waves.sum.fill(Complex32::ZERO);
                case.illuminate(&mut waves);
                let mut seen = vec![0.0; model.len()];
                let Waves { in_flight, chi, work, .. } = &mut waves;
                let query = PatternQuery::default();
                model.detect(in_flight, chi, query, work, &mut |first, intensity, factor| {
                    seen[first..first + intensity.len()].copy_from_slice(intensity);
                    factor.copy_from_slice(&case.measured[first..first + factor.len()]);
                });
                case.gather(&mut waves);

                let brightest = expected.iter().fold(0.0_f32, |most, &value| most.max(value));
                for (seen, expected) in seen.iter().zip(&expected) {
                    assert!((seen - expected).abs() < 1e-5 * brightest, "{seen} and {expected}");
                }
                // The factors in the order of spectra, from where they stand in pattern order.
                let mut by_pattern_order = vec![0; model.len()];
                let places: Vec<usize> = (0..model.len()).collect();
                model.to_pattern_order(&places, &mut by_pattern_order);
                let mut centred = vec![0.0; model.len()];
                for (&place, &factor) in by_pattern_order.iter().zip(&case.measured) {
                    centred[place] = factor;
                }
                let mut factors = vec![0.0; model.len()];
                fft::to_detector_order(&centred, &mut factors, shape);
                let mut corrected = far_fields.clone();
                for mut far_field in corrected.outer_iter_mut() {
                    far_field.iter_mut().zip(&factors).for_each(|(psi, factor)| *psi *= factor);
                }
                let mut chi = Vec::new();
                for far_field in corrected.outer_iter() {
                    let mut wave = vec![Complex32::ZERO; model.len()];
                    let mut far_field: Vec<_> = far_field.iter().copied().collect();
                    model.back_propagate(&mut far_field, None, &mut wave, &mut waves.work);
                    chi.extend(wave);
                }
                assert_close(&waves.chi, &chi, 1e-5, "chi");
                let (_, to_probe) =
                    model.adjoint(corrected.view(), object, probe, POSITION).unwrap();
                let mut from_sum = Vec::new();
                for spectrum in waves.sum.chunks_exact_mut(model.len()) {
                    let mut direction = vec![Complex32::ZERO; model.len()];
                    model.back_propagate(spectrum, None, &mut direction, &mut waves.work);
                    from_sum.extend(direction);
                }
                assert_close(&from_sum, to_probe.as_slice().unwrap(), 1e-5, "the probe's sum");
            }
        }
    }
}

#[test]
fn a_launched_product_is_what_illuminate_sends() {
    for shape in SHAPES {
        for model in back_ends(shape) {
            let case = Case::new(model.clone(), 1);
            let mut waves = case.waves();
            case.illuminate(&mut waves);
            let exit_wave: Vec<Complex32> =
                waves.probes.iter().zip(case.patch()).map(|(p, o)| p * o).collect();
            let mut launched = vec![Complex32::ZERO; model.len()];
            model.launch(&exit_wave, &case.ramp, &mut launched, &mut waves.work);
            assert_close(&launched, &waves.in_flight, 1e-5, "in flight");
        }
    }
}

/// As the difference map uses it: 2 P O - psi goes to the detector, takes the measured modulus, and
/// comes back. Its far field, by the reference, then has that modulus, and the phase it came with.
#[test]
fn a_given_wave_lands_with_the_measured_modulus_and_its_own_phase() {
    for shape in SHAPES {
        for model in back_ends(shape) {
            for n_modes in [1, 2] {
                let case = Case::new(model.clone(), n_modes);
                let mut waves = case.waves();
                case.illuminate(&mut waves);
                let last = random_field(waves.probes.len(), 8);
                let product = waves.probes.chunks_exact(model.len()).flat_map(|probe| {
                    probe.iter().zip(case.patch()).map(|(p, o)| p * o).collect::<Vec<_>>()
                });
                let reflected: Vec<Complex32> =
                    product.zip(&last).map(|(po, psi)| po * 2.0 - psi).collect();
                let Waves { in_flight, chi, work, .. } = &mut waves;
                let each = reflected.chunks_exact(model.len());
                for (wave, in_flight) in each.zip(in_flight.chunks_exact_mut(model.len())) {
                    model.launch(wave, &case.ramp, in_flight, work);
                }
                let query = PatternQuery { whole: n_modes == 2, ..PatternQuery::default() };
                model.detect(in_flight, chi, query, work, &mut |first, intensity, factor| {
                    for ((factor, i), m) in
                        factor.iter_mut().zip(intensity).zip(&case.measured[first..])
                    {
                        *factor = (m / i).sqrt();
                    }
                });
                chi.chunks_exact_mut(model.len()).for_each(|chi| model.land(chi, work));

                let far_field = |wave: &[Complex32], work: &mut Workspace| {
                    let mut far = vec![Complex32::ZERO; model.len()];
                    model.propagate(wave, None, &mut far, work);
                    far
                };
                let mut power = vec![0.0; model.len()];
                let mut landed = Vec::new();
                for chi in chi.chunks_exact(model.len()) {
                    let far = far_field(chi, work);
                    power.iter_mut().zip(&far).for_each(|(sum, psi)| *sum += psi.norm_sqr());
                    landed.push(far);
                }
                let (mut centred, mut found) = (power.clone(), power.clone());
                fft::from_detector_order(&power, &mut centred, shape);
                model.to_pattern_order(&centred, &mut found);
                for (found, measured) in found.iter().zip(&case.measured) {
                    assert!((found - measured).abs() < 1e-4, "{shape:?}: {found}, {measured}");
                }
                for (landed, wave) in landed.iter().zip(reflected.chunks_exact(model.len())) {
                    for (a, b) in landed.iter().zip(&far_field(wave, work)) {
                        // Parallel, and in the same direction.
                        let cross = a * b.conj();
                        assert!(cross.im.abs() < 1e-3 && cross.re > -1e-3, "{a} and {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn pattern_order_has_every_pixel_once_and_is_that_of_spectra_in_the_plain_pass() {
    for shape in SHAPES {
        for model in back_ends(shape) {
            let centred: Vec<usize> = (0..model.len()).collect();
            let mut ordered = vec![0; model.len()];
            model.to_pattern_order(&centred, &mut ordered);
            let centre = shape.0 / 2 * shape.1 + shape.1 / 2;
            assert_eq!(ordered[0], centre, "zero frequency comes first");
            ordered.sort_unstable();
            assert_eq!(ordered, centred);
        }
        let plain = ForwardModel::plain(shape);
        let centred: Vec<usize> = (0..plain.len()).collect();
        let (mut ordered, mut spectrum) = (centred.clone(), centred.clone());
        plain.to_pattern_order(&centred, &mut ordered);
        fft::to_detector_order(&centred, &mut spectrum, shape);
        assert_eq!(ordered, spectrum);
    }
}

#[test]
#[should_panic(expected = "leaves its object")]
fn a_patch_that_ends_before_its_window_is_refused() {
    let case = Case::new(ForwardModel::new((16, 16)), 1);
    let mut waves = case.waves();
    let patch =
        Patch { object: &case.view().patch.object[..15 * OBJECT.1 + 15], columns: OBJECT.1 };
    let view = Site { patch, ramp: &case.ramp };
    let Waves { probes, in_flight, work, .. } = &mut waves;
    case.model.illuminate(&case.spectra, view, probes, None, in_flight, work);
}

#[test]
#[should_panic(expected = "a ramp for windows of (16, 32) pixels")]
fn a_ramp_of_another_shape_is_refused() {
    let case = Case::new(ForwardModel::new((32, 16)), 1);
    let mut waves = case.waves();
    let ramp = Ramp::new(&case.window, (16, 32));
    let view = Site { ramp: &ramp, ..case.view() };
    case.model.gather(&mut waves.chi, view, &mut waves.in_flight, &mut waves.sum, &mut waves.work);
}
