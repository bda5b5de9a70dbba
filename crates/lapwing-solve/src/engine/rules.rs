//! What an engine is asked to do, and what it returns, as values.

use crate::outside::{OutsideStore, StoredField};
use lapwing_model::{Complex32, elementwise};

/// What an engine keeps of every pattern of a batch, besides the batch's sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Products {
    /// Shifted probes and chi, for [`Engine::search`](super::Engine::search).
    pub waves: bool,
    /// Slopes with the position, for [`Engine::slopes`](super::Engine::slopes); the fields then
    /// have offsets.
    pub slopes: bool,
    /// Exit waves stored of every mode of every pattern, for
    /// [`Engine::project_waves`](super::Engine::project_waves).
    pub stored: usize,
}

/// Sets of hidden pixels, which patterns take in turn: enough of them that neighbours on the object
/// hide different pixels.
pub(crate) const SETS: usize = 61;

/// Detector pixels that a fit does not see and is judged by: a share of each pattern's, drawn at
/// random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldOut {
    /// Share of the pixels that are hidden.
    pub share: f64,
    /// Whether they are hidden in squares of three by three, of which the centres judge: where the
    /// noise of neighbouring pixels is correlated, a hidden pixel's neighbours reveal its value.
    pub blocks: bool,
    /// Seed of the draw.
    pub seed: u64,
}

/// A field's step by the quotient of two sums: F += step sum / (weight light + floor).
///
/// For the object the sums are sum_j chi_j conj(P_j) and the light sum_j |P_j|^2, both in photons,
/// for the probe sum_j chi_j conj(O_j), in square roots of photons, and sum_j |O_j|^2, without a
/// unit. Weight and step are numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quotient {
    /// Factor on the light.
    pub weight: f32,
    /// What keeps the quotient bounded in the dark, in the unit of the light.
    pub floor: Floor,
    /// Factor on the whole.
    pub step: f32,
}

/// What is added under a [`Quotient`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// brightest max sum_k |P_k|^2 + power sum |P|^2, of the probe before the step.
    OfProbe {
        /// Factor on the probe's brightest light.
        brightest: f32,
        /// Factor on its power.
        power: f64,
    },
    /// This share of the batch's largest light.
    ShareOfLargest(f32),
}

impl Floor {
    /// The floor that a probe, axes (mode, y, x), with modes of `pixels` pixels gives; 0 for one
    /// that another sum decides.
    pub(crate) fn of_probe(self, probe: &[Complex32], pixels: usize) -> f32 {
        let Self::OfProbe { brightest, power } = self else { return 0.0 };
        let mut light = vec![0.0; pixels];
        probe.chunks_exact(pixels).for_each(|mode| elementwise::add_power(&mut light, mode));
        let all: f64 = probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
        let floor = brightest * elementwise::largest(&light) + (power * all) as f32;
        floor.max(f32::MIN_POSITIVE)
    }
}

/// How search directions are worked out.
///
/// ```text
/// dO = sum / sqrt(light^2 + (object_damping max light)^2)      sum = sum_j chi_j conj(P_j)
/// dP = sum_j chi_j conj(O_j) / (sum_j |O_j|^2 + probe_damping max sum_j |O_j|^2)
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchDirections {
    /// Share of the largest light under the object's direction.
    pub object_damping: f64,
    /// Share of the largest object power under the probe's direction.
    pub probe_damping: f64,
    /// Whether the object moves with every batch, by the sum of that batch; else it waits for the
    /// end of the epoch, and its sum grows.
    pub every_batch: bool,
    /// Whether the light is the batch's own; else that of the whole scan, in the epoch before.
    pub light_of_batch: bool,
    /// Factor on the step lengths of object and probe.
    pub step: f64,
    /// Further factor on the probe's, which moves with every batch; `None`: the probe stays.
    pub probe: Option<f64>,
}

/// What search directions leave behind over an epoch.
#[derive(Debug, Clone)]
pub struct Trail {
    /// sum_j sum_k |P_jk|^2 on the object's grid, photons, of the last epoch.
    light: Vec<f32>,
    /// Its maximum.
    strongest: f32,
    /// The same, being summed up in this epoch.
    next_light: Vec<f32>,
    /// What the epoch has added to the object, axes (slice, y, x).
    pub object_update: StoredField,
    /// What the epoch has added to the probe, axes (mode, y, x).
    pub probe_update: Vec<Complex32>,
}

impl Trail {
    /// Before the first epoch, with the light of the start fields; `probe` is the length of the
    /// probe; what is on the object's grid is kept in `store` where there is one.
    pub(crate) fn new(light: Vec<f32>, probe: usize, store: Option<&dyn OutsideStore>) -> Self {
        Self {
            strongest: elementwise::largest(&light),
            next_light: vec![0.0; light.len()],
            object_update: StoredField::zeros(light.len(), store),
            probe_update: vec![Complex32::ZERO; probe],
            light,
        }
    }

    /// sum_j sum_k |P_jk|^2 on the object's grid, of the last epoch that has ended.
    pub fn light(&self) -> &[f32] {
        &self.light
    }

    /// The largest light.
    pub fn strongest(&self) -> f32 {
        self.strongest
    }

    /// Replaces the light.
    pub fn set_light(&mut self, light: Vec<f32>) {
        self.strongest = elementwise::largest(&light);
        self.light = light;
    }

    /// Multiplies the light by `factor`, as a probe brighter by its root would.
    pub fn scale_light(&mut self, factor: f32) {
        self.light.iter_mut().for_each(|light| *light *= factor);
        self.strongest *= factor;
    }

    /// Begins an epoch: nothing has been added.
    pub(crate) fn begin(&mut self) {
        self.next_light.fill(0.0);
        self.object_update.fill(Complex32::ZERO);
        self.probe_update.fill(Complex32::ZERO);
    }

    /// Ends an epoch: its light is the one to go by.
    pub fn end(&mut self) {
        std::mem::swap(&mut self.light, &mut self.next_light);
        self.strongest = elementwise::largest(&self.light);
    }

    /// The light to go by, its maximum, and what the epoch has added to the object.
    pub(crate) fn light_and_update_mut(&mut self) -> (&[f32], f32, &mut [Complex32]) {
        (&self.light, self.strongest, &mut self.object_update)
    }

    /// The light to go by, its maximum, and the light being summed up.
    pub(crate) fn lights_mut(&mut self) -> (&mut Vec<f32>, &mut f32, &mut Vec<f32>) {
        (&mut self.light, &mut self.strongest, &mut self.next_light)
    }
}

/// The inner products of one pattern's least-squares problem for the two real step lengths (O18,
/// Eq. 22), over the rows that these are made of ([`between_step_rows`]).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Normal {
    /// |dO P|^2
    pub object: f64,
    /// |dP O|^2
    pub probe: f64,
    /// Re <dO P, dP O>
    pub cross: f64,
    /// Re <dO P, chi>
    pub object_chi: f64,
    /// Re <dP O, chi>
    pub probe_chi: f64,
}

/// Share of the batch's mean that is added to the diagonal of each pattern's step-length equations.
pub(crate) const STEP_DAMPING: f64 = 0.1;

/// Rows of a window from which on half of them say as much of a pattern's step lengths as all:
/// these are ratios of inner products, of which half of the rows have about the half, and the
/// fields move by means over a batch.
const MANY_ROWS: usize = 128;

/// How far apart the rows are, from the first on, that the step lengths of windows of `height` rows
/// are made of.
pub(crate) fn between_step_rows(height: usize) -> usize {
    if height < MANY_ROWS { 1 } else { 2 }
}

/// Step lengths of object and probe for a batch, means over its patterns: of each, the solution of
/// the 2 x 2 least-squares problem with a slightly raised diagonal, never negative; of the
/// object's, the mean between the 10 % and the 90 % quantile.
pub(crate) fn step_lengths(normals: &[Normal]) -> (f64, f64) {
    let count = normals.len().max(1) as f64;
    let object_damping = STEP_DAMPING * normals.iter().map(|n| n.object).sum::<f64>() / count;
    let probe_damping = STEP_DAMPING * normals.iter().map(|n| n.probe).sum::<f64>() / count;
    let of_pattern = |n: &Normal| {
        let (a, b, c) = (n.object + object_damping, n.probe + probe_damping, n.cross);
        let determinant = a * b - c * c;
        if !(determinant > 0.0 && determinant.is_finite()) {
            return (0.0, 0.0);
        }
        let object = (b * n.object_chi - c * n.probe_chi) / determinant;
        let probe = (a * n.probe_chi - c * n.object_chi) / determinant;
        (object.max(0.0), probe.max(0.0))
    };
    let (mut object, probe): (Vec<f64>, Vec<f64>) = normals.iter().map(of_pattern).unzip();
    object.sort_unstable_by(f64::total_cmp);
    let cut = object.len() / 10;
    (mean(&object[cut..object.len() - cut]), mean(&probe))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Losses summed over pixels and batches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Losses {
    /// Of the pixels that a fit sees.
    pub seen: f64,
    /// Of the hidden pixels that judge.
    pub held_out: f64,
}

/// Sums over batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    /// sum_j sum_k chi_jk conj(P_jk) on the object's grid, (slice, y, x).
    pub object: Vec<Complex32>,
    /// sum_j sum_k |P_jk|^2 there.
    pub light: Vec<f32>,
    /// sum_j chi_jk conj(O_j), in the probe's own place, (mode, y, x).
    pub probe: Vec<Complex32>,
    /// sum_j |O_j|^2, (y, x).
    pub power: Vec<f32>,
}

/// One of the two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The object.
    Object,
    /// The probe.
    Probe,
}

/// How stored exit waves move: with w the wave stored, p = P O_j the product of the present fields,
/// and M the modulus projection,
///
/// ```text
/// e = trial . (p, w)        what is projected
/// m = M[e]
/// w <- keep . (p, e, m)     what is stored
/// c = share . (p, e, m)     what object and probe are made of
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveUpdate {
    /// Factors on p and w; in a wave's first pass e is p.
    pub trial: [f32; 2],
    /// What is stored.
    pub keep: WaveWeights,
    /// What the sums are taken of.
    pub share: WaveWeights,
}

/// Factors on the product p of the fields, the wave e before and m after the modulus projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveWeights {
    /// On p.
    pub product: f32,
    /// On e.
    pub before: f32,
    /// On m.
    pub after: f32,
}
