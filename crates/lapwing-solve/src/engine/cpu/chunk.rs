//! A few neighbouring patterns, one after the other on one thread, and the sums over them.

use super::footprint::Footprint;
use super::passage::Passage;
use super::scratch::Scratch;
use super::slopes::Slopes;
use crate::Problem;
use crate::engine::held::Held;
use crate::engine::{DetectorRule, Normal, Products, between_step_rows};
use lapwing_model::buffer::Buffer;
use lapwing_model::elementwise::Packed;
use lapwing_model::forward::{PatternQuery, Ramp};
use lapwing_model::{Complex32, elementwise};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

/// What patterns are computed from.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub problem: &'a Problem,
    /// The shifts of the probe to every pattern's position within its window, those of the places
    /// of an exposure one after the other.
    pub ramps: &'a [Ramp],
    /// (slice, y, x)
    pub object: &'a [Complex32],
    /// Of the probe's modes and eigenmodes, (mode, u_x, u_y).
    pub spectra: &'a [Complex32],
    /// Of the eigenmodes, (pattern, eigenmode).
    pub weights: &'a [Complex32],
    /// Logarithms of the beam's power, pattern by pattern, where it varies.
    pub powers: &'a [Complex32],
    /// What is added to the model's intensity, in pattern order, where something is.
    pub background: Option<&'a [f32]>,
    /// The pixels that are hidden, where there are any.
    pub held: Option<&'a Held>,
}

impl<'a> Scene<'a> {
    /// What every wave of a pattern is made of, all modes at the first place of its exposure and
    /// then at the others: the shift and the spectrum of its mode, and which mode that is.
    ///
    /// `first` is the spectrum of the first mode as this pattern has it ([`own`](Self::own)).
    pub fn waves<'b>(
        self,
        pattern: usize,
        first: &'b [Complex32],
    ) -> impl Iterator<Item = (&'a Ramp, &'b [Complex32], usize)>
    where
        'a: 'b,
    {
        let (model, spectra) = (&self.problem.model, self.spectra);
        let modes = self.problem.n_modes();
        self.ramps_of(pattern).iter().flat_map(move |ramp| {
            let others = spectra.chunks_exact(model.len()).take(modes).skip(1);
            let all = std::iter::once(first).chain(others).enumerate();
            all.map(move |(mode, spectrum)| (ramp, spectrum, mode))
        })
    }

    /// The shifts of the probe at the places of a pattern's exposure.
    pub fn ramps_of(self, pattern: usize) -> &'a [Ramp] {
        let places = self.problem.model.n_places();
        &self.ramps[pattern * places..(pattern + 1) * places]
    }

    /// The spectrum of the first mode as a pattern has it, P_0 + sum_k w_k E_k: that of P_0 itself,
    /// or in `own`.
    pub fn own<'b>(self, pattern: usize, own: &'b mut [Complex32]) -> &'b [Complex32]
    where
        'a: 'b,
    {
        let pixels = self.problem.model.len();
        let first = &self.spectra[..pixels];
        let weights = self.weights_of(pattern);
        if weights.is_empty() {
            return first;
        }
        own.copy_from_slice(first);
        for (&weight, eigenmode) in weights.iter().zip(self.eigenmodes()) {
            own.iter_mut().zip(eigenmode).for_each(|(sum, value)| *sum += weight * value);
        }
        own
    }

    fn weights_of(self, pattern: usize) -> &'a [Complex32] {
        let count = self.problem.n_eigenmodes();
        &self.weights[pattern * count..(pattern + 1) * count]
    }

    /// Spectra of the eigenmodes.
    fn eigenmodes(self) -> impl Iterator<Item = &'a [Complex32]> {
        self.spectra.chunks_exact(self.problem.model.len()).skip(self.problem.n_modes())
    }

    /// Writes the factors of `step` for the pixels of a pattern from number `first` on, whose model
    /// intensity is `intensity`, and returns their summed loss. `buffer` is as long as these.
    pub fn factor(
        self,
        step: DetectorRule,
        (pattern, first): (usize, usize),
        buffer: &mut [f32],
        intensity: &[f32],
        factor: &mut [f32],
    ) -> f64 {
        let patterns = &self.problem.patterns;
        let from = self.problem.stored(pattern).start + first;
        let masked = self.problem.mask.of(pattern);
        if masked.is_empty() && self.problem.clipped.is_none() {
            return step.factor(patterns, from, buffer, intensity, factor);
        }
        patterns.copy(from..from + buffer.len(), buffer);
        // Where there are any, all pixels come together. The values measured there are ignored.
        masked.iter().for_each(|&place| buffer[place as usize] = 0.0);
        let mut one_sided = 0.0;
        if let Some(clipped) = self.problem.clipped {
            let pixels = buffer.iter_mut().zip(intensity);
            for (measured, &light) in pixels.filter(|(measured, _)| **measured >= clipped.limit) {
                let (expected, loss) = clipped.expected(step, light);
                *measured = expected;
                one_sided += loss - step.loss(f64::from(expected), f64::from(light));
            }
        }
        step.factor_measured(buffer, intensity, factor) + one_sided
    }

    /// The loss of the pixel of a pattern at `place` in pattern order.
    fn loss(self, step: DetectorRule, (pattern, place): (usize, usize), intensity: f32) -> f64 {
        let pixel = self.problem.stored(pattern).start + place;
        let measured = self.problem.patterns.of(pixel..pixel + 1, &mut [0.0])[0];
        match self.problem.clipped {
            Some(clipped) if measured >= clipped.limit => clipped.expected(step, intensity).1,
            _ => step.loss(f64::from(measured), f64::from(intensity)),
        }
    }

    /// The model's intensity at the pixels from number `first` in pattern order on: `coherent`
    /// itself, or with the background added, in `total`, which is at least as long.
    pub fn with_background<'b>(
        self,
        first: usize,
        coherent: &'b [f32],
        total: &'b mut [f32],
    ) -> &'b [f32] {
        let Some(background) = self.background else { return coherent };
        let total = &mut total[..coherent.len()];
        for ((total, coherent), background) in
            total.iter_mut().zip(coherent).zip(&background[first..])
        {
            *total = coherent + background;
        }
        total
    }
}

/// The sums over one task's patterns, and what it keeps of each.
pub(super) struct Chunk {
    /// chi conj(P) and |P|^2 on the object's grid.
    pub footprint: Footprint,
    /// Sum of chi conj(O), unshifted, as spectra (mode, u_x, u_y).
    pub probe_sum: Buffer,
    /// Sum of |O_j|^2 (y, x).
    pub object_power: Vec<f32>,
    pub loss: f64,
    /// The loss of the hidden pixels that judge.
    pub held_out: f64,
    /// Shifted probes, or the waves before each slice, and chi, (pattern, slice, wave, y, x), of
    /// the rows that step lengths are made of, where they are wanted.
    pub probes: Vec<Packed>,
    pub chi: Vec<Packed>,
    /// (s_y, s_x) of every pattern, where they are wanted.
    pub slopes: Vec<[f64; 2]>,
    /// <E_k O_j, chi_j> of every pattern and eigenmode.
    pub weight_slopes: Vec<Complex32>,
    /// Re <psi_j, chi_j> / 2 of every pattern, where the beam's power varies.
    pub power_slopes: Vec<f64>,
}

/// Waves of a pattern: its modes, at every place of its exposure.
pub(super) fn n_waves(problem: &Problem) -> usize {
    problem.waves_len() / problem.model.len()
}

/// Pixels that are kept of a wave.
pub(super) fn kept_len(problem: &Problem) -> usize {
    let (height, width) = problem.model.shape();
    height.div_ceil(between_step_rows(height)) * width
}

impl Chunk {
    /// For `patterns` patterns at most.
    pub fn new(problem: &Problem, products: Products, patterns: usize) -> Self {
        let of_pattern = problem.n_slices() * n_waves(problem) * kept_len(problem);
        let waves = if products.waves { patterns * of_pattern } else { 0 };
        Self {
            footprint: Footprint::default(),
            probe_sum: Buffer::zeros(problem.probe.len()),
            object_power: vec![0.0; problem.model.len()],
            loss: 0.0,
            held_out: 0.0,
            probes: vec![0; waves],
            chi: vec![0; waves],
            slopes: Vec::new(),
            weight_slopes: Vec::new(),
            power_slopes: Vec::new(),
        }
    }

    /// Sums of zero, for the patterns `members`.
    pub(super) fn begin(&mut self, problem: &Problem, members: &[usize]) {
        self.probe_sum.fill(ZERO);
        self.object_power.fill(0.0);
        self.slopes.clear();
        self.weight_slopes.clear();
        self.power_slopes.clear();
        self.loss = 0.0;
        self.held_out = 0.0;
        self.footprint.begin(problem, members);
    }

    /// Computes the patterns `members` and sums over them.
    pub fn project(
        &mut self,
        scene: Scene<'_>,
        step: DetectorRule,
        products: Products,
        members: &[usize],
        scratch: &mut Scratch,
    ) {
        let Scene { problem, object, spectra, held, .. } = scene;
        let model = &problem.model;
        let (pixels, waves) = (model.len(), n_waves(problem));
        let kept_len = kept_len(problem);
        self.begin(problem, members);
        let slopes = products.slopes.then(|| Slopes::new(model.shape()));
        // Whether a pattern's part of the probe's sums is needed by itself.
        let alone = products.slopes || problem.n_eigenmodes() > 0;
        for (index, &pattern) in members.iter().enumerate() {
            let Scratch {
                work,
                in_flight,
                measured,
                expected,
                probes,
                chi,
                per_pattern,
                own,
                exits,
                ..
            } = &mut *scratch;
            let own = scene.own(pattern, own);
            let passage = Passage::new(problem, object, pattern);
            let mut power = Some(self.object_power.as_mut_slice());
            if let Some(brighter) = scene.powers.get(pattern) {
                let (brighter, width) = (brighter.re.exp(), model.shape().1);
                let sums = power.take().into_iter().flat_map(|all| all.chunks_exact_mut(width));
                for (sums, row) in sums.zip(passage.rows(0)) {
                    let pixels = sums.iter_mut().zip(row);
                    pixels.for_each(|(sum, value)| *sum += brighter * value.norm_sqr());
                }
            }
            let per_wave = in_flight.chunks_exact_mut(pixels).enumerate();
            for ((ramp, spectrum, _), (wave, in_flight)) in scene.waves(pattern, own).zip(per_wave)
            {
                let (from, power) = ((spectrum, ramp), power.take());
                passage.illuminate(wave, from, probes, power, in_flight, chi, work);
            }
            let masked = problem.mask.of(pattern);
            let (whole, ramps) = (step.needs_whole_pattern(), scene.ramps_of(pattern));
            let query = PatternQuery { whole, masked, ramps };
            let (loss, held_out) = (&mut self.loss, &mut self.held_out);
            let behind = passage.behind(chi);
            let mut power_slope = problem.log_powers.is_some().then_some(0.0_f64);
            model.detect(in_flight, behind, query, work, &mut |first, coherent, factor| {
                let measured = &mut measured[..coherent.len()];
                let intensity = scene.with_background(first, coherent, expected);
                *loss += scene.factor(step, (pattern, first), measured, intensity, factor);
                if let Some(held) = held {
                    for (place, judges) in held.of(pattern, first..first + intensity.len()) {
                        // What a masked pixel shows neither teaches nor judges.
                        if masked.binary_search(&(place as u32)).is_ok() {
                            continue;
                        }
                        let at = place - first;
                        let hidden = scene.loss(step, (pattern, place), intensity[at]);
                        *loss -= hidden;
                        *held_out += if judges { hidden } else { 0.0 };
                        factor[at] = 0.0;
                    }
                }
                if let Some(slope) = &mut power_slope {
                    // Re <psi, chi> = sum |Psi|^2 factor: the transform is unitary.
                    let pixels = coherent.iter().zip(&*factor);
                    *slope += pixels.map(|(i, f)| 0.5 * f64::from(i * f)).sum::<f64>();
                }
            });
            self.power_slopes.extend(power_slope);
            let sums: &mut [Complex32] = if alone { per_pattern } else { &mut self.probe_sum };
            if alone {
                sums.fill(ZERO);
            }
            // What the light that stands still takes from the slopes.
            let mut still = [0.0_f64; 2];
            let per_wave = in_flight.chunks_exact_mut(pixels).enumerate();
            for ((ramp, _, mode), (wave, in_flight)) in scene.waves(pattern, own).zip(per_wave) {
                let sum = &mut sums[mode * pixels..(mode + 1) * pixels];
                passage.gather(wave, ramp, chi, in_flight, sum, work);
                if let Some(slopes) = slopes.as_ref().filter(|_| model.light_stands_still()) {
                    let (exit_wave, changed) = exits.split_at_mut(pixels);
                    passage.exit_wave(wave, probes, in_flight);
                    model.probe_spectrum(in_flight, exit_wave, work);
                    let chi = &chi[passage.at(problem.n_slices() - 1, wave)];
                    model.probe_spectrum(chi, changed, work);
                    let of_wave = slopes.of(exit_wave, changed);
                    still = [still[0] + of_wave[0], still[1] + of_wave[1]];
                }
                for slice in 0..problem.n_slices() {
                    let at = passage.at(slice, wave);
                    let kept = products.waves.then(|| {
                        let kept = ((index * problem.n_slices() + slice) * waves + wave) * kept_len;
                        let kept = kept..kept + kept_len;
                        (&mut self.chi[kept.clone()], &mut self.probes[kept])
                    });
                    let both = (&chi[at.clone()], &probes[at]);
                    self.footprint.add(problem, (index, pattern), slice, both, kept);
                }
            }
            if alone {
                if let Some(slopes) = &slopes {
                    let others = &spectra[pixels..problem.n_modes() * pixels];
                    let (first, rest) = per_pattern.split_at(pixels);
                    let [a, b] = [slopes.of(own, first), slopes.of(others, rest)];
                    self.slopes.push([a[0] + b[0] - still[0], a[1] + b[1] - still[1]]);
                }
                self.share(scene, pattern, per_pattern);
            }
        }
    }
}

impl Chunk {
    /// Adds a pattern's chi conj(O), unshifted, as spectra of its modes, to the sums for the probe,
    /// and works out the slopes of its weights.
    fn share(&mut self, scene: Scene<'_>, pattern: usize, product: &[Complex32]) {
        let (pixels, modes) = (scene.problem.model.len(), scene.problem.n_modes());
        let of_modes = self.probe_sum.iter_mut().zip(&product[..modes * pixels]);
        of_modes.for_each(|(sum, value)| *sum += value);
        let weights = scene.weights_of(pattern).iter().zip(scene.eigenmodes());
        let sums = self.probe_sum.chunks_exact_mut(pixels).skip(modes);
        for ((weight, eigenmode), sum) in weights.zip(sums) {
            let back = weight.conj();
            let mut slope = (0.0_f64, 0.0_f64);
            for ((sum, value), of_mode) in sum.iter_mut().zip(product).zip(eigenmode) {
                *sum += back * value;
                let part = of_mode.conj() * value;
                slope = (slope.0 + f64::from(part.re), slope.1 + f64::from(part.im));
            }
            self.weight_slopes.push(Complex32::new(slope.0 as f32, slope.1 as f32));
        }
    }
}

impl Normal {
    pub(super) fn add_row(
        &mut self,
        object: &[Complex32],
        object_direction: &[Complex32],
        probe: &[Packed],
        probe_direction: &[Complex32],
        chi: &[Packed],
    ) {
        let [oo, pp, op, oc, pc] =
            elementwise::five_products(object_direction, probe, probe_direction, object, chi);
        self.object += oo;
        self.probe += pp;
        self.cross += op;
        self.object_chi += oc;
        self.probe_chi += pc;
    }
}
