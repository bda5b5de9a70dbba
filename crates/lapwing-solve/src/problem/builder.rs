//! The builder of problems: everything is checked here.

use super::mask::{Mask, check_mask, mask_of};
use super::patterns::{PatternType, Patterns, Stored};
use super::spooled::{Blocks, PatternStore};
use super::{Problem, ProblemError, Unit};
use crate::engine::Device;
use lapwing_model::forward::Physics;
use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, ForwardModel, Modes, Object, Position, Window};
use ndarray::{Array2, Array3, ArrayView3, Axis};
use std::sync::Arc;

/// Takes what a [`Problem`] is made of.
#[derive(Debug, Clone)]
pub struct ProblemBuilder<'m> {
    scan: Vec<Position>,
    object: Object,
    probe: Modes,
    valid: Option<ArrayView3<'m, bool>>,
    physics: Physics,
}

impl ProblemBuilder<'static> {
    pub(super) fn new(scan: Vec<Position>, object: Object, probe: Modes) -> Self {
        Self { scan, object, probe, valid: None, physics: Physics::default() }
    }
}

impl<'m> ProblemBuilder<'m> {
    /// A detector mask: pixels where `valid` is false enter neither likelihood nor updates, so the
    /// model is free there. `valid` has axes (1 or pattern, y, x), zero frequency in the centre;
    /// the values of the patterns at bad pixels are ignored.
    ///
    /// The power that the bad pixels hide is estimated from the start fields.
    pub fn mask<'n>(self, valid: ArrayView3<'n, bool>) -> ProblemBuilder<'n> {
        let Self { scan, object, probe, physics, .. } = self;
        ProblemBuilder { scan, object, probe, valid: Some(valid), physics }
    }

    /// How the patterns come about; a far field of a probe that stands still unless given.
    pub fn physics(self, physics: Physics) -> Self {
        Self { physics, ..self }
    }

    /// The problem of patterns in memory, which are taken over: `intensity` has axes (pattern, y,
    /// x), zero frequency in the centre, in photon counts when the dose scale is known, else in any
    /// unit.
    ///
    /// # Errors
    /// When the scan is empty or disagrees with the patterns, a window leaves the object, a value
    /// is not a finite number >= 0, all patterns are dark, a start field or the mask cannot be
    /// used, or the physics has no model.
    pub fn patterns(self, mut intensity: Array3<f32>) -> Result<Problem, ProblemError> {
        if let Some(valid) = self.valid {
            check_mask(valid, intensity.dim())?;
            for (index, mut pattern) in intensity.axis_iter_mut(Axis(0)).enumerate() {
                pattern.zip_mut_with(&mask_of(valid, index), |value, &good| {
                    if !good {
                        *value = 0.0;
                    }
                });
            }
        }
        let layout = self.layout(intensity.dim())?;
        let pixels = layout.model.len();

        // A stack in standard order gives up its buffer; any other is copied into that order here.
        let mut intensity = match intensity.is_standard_layout() {
            true => intensity.into_raw_vec_and_offset().0,
            false => intensity.iter().copied().collect(),
        };
        // In place, pattern by pattern: the stack is the largest thing in memory.
        let totals: Vec<Result<f64, ProblemError>> =
            intensity.chunks_mut(pixels).enumerate().in_parallel().map_with(
                || vec![0.0; pixels],
                |centred, (index, pattern)| {
                    centred.copy_from_slice(pattern);
                    let total = checked_total(index, centred)?;
                    layout.model.to_pattern_order(centred, pattern);
                    Ok(total)
                },
            );
        let total = totals.into_iter().sum::<Result<f64, _>>()?;
        let scale = layout.scale_of(total)?;
        if scale.unit.intensity() != 1.0 {
            let factor = scale.unit.intensity();
            intensity.iter_mut().for_each(|value| *value *= factor);
        }
        layout.finish(Patterns::new(intensity), scale)
    }

    /// As [`patterns`](Self::patterns), of patterns that are never in memory together: `blocks`
    /// reads their intensities, twice, and `store` holds them, in the smallest type that does. The
    /// problem is the same, bit for bit.
    ///
    /// `shape` has the lengths of the axes (pattern, y, x).
    ///
    /// # Errors
    /// As [`patterns`](Self::patterns), and whatever `blocks` and `store` fail with.
    pub fn patterns_from<E: From<ProblemError>>(
        self,
        shape: (usize, usize, usize),
        blocks: &mut Blocks<'_, E>,
        mut store: impl PatternStore<Error = E>,
    ) -> Result<Problem, E> {
        let valid = self.valid;
        if let Some(valid) = valid {
            check_mask(valid, shape)?;
        }
        let layout = self.layout(shape)?;
        let (patterns, pixels) = (layout.scan.len(), layout.model.len());
        let hide = |index: usize, pattern: &mut [f32]| {
            // A source may bring too many patterns, which is noticed at its end.
            if let Some(valid) = valid.filter(|_| index < patterns) {
                let hidden =
                    pattern.iter_mut().zip(mask_of(valid, index)).filter(|(_, good)| !**good);
                hidden.for_each(|(value, _)| *value = 0.0);
            }
        };

        let (mut seen, mut sum, mut kind) = (0, 0.0, PatternType::Bytes);
        blocks(&mut |block| {
            let each: Vec<Result<(f64, PatternType), ProblemError>> =
                block.chunks_exact_mut(pixels).enumerate().in_parallel().map(|(place, pattern)| {
                    hide(seen + place, pattern);
                    Ok((checked_total(seen + place, pattern)?, PatternType::of(pattern)))
                });
            seen += each.len();
            for found in each {
                let (total, needed) = found?;
                sum += total;
                kind = kind.max(needed);
            }
            Ok(())
        })?;
        if seen != patterns {
            return Err(ProblemError::Lengths { patterns: seen, positions: patterns }.into());
        }
        let scale = layout.scale_of(sum)?;
        let factor = scale.unit.intensity();
        if factor != 1.0 {
            kind = PatternType::Singles;
        }

        let mut seen = 0;
        blocks(&mut |block| {
            let parts: Vec<Vec<u8>> =
                block.chunks_exact_mut(pixels).enumerate().in_parallel().map_with(
                    || vec![0.0; pixels],
                    |ordered, (place, pattern)| {
                        hide(seen + place, pattern);
                        layout.model.to_pattern_order(pattern, ordered);
                        if factor != 1.0 {
                            ordered.iter_mut().for_each(|value| *value *= factor);
                        }
                        let mut bytes = Vec::with_capacity(pixels * kind.width());
                        kind.append(ordered, &mut bytes);
                        bytes
                    },
                );
            seen += parts.len();
            parts.iter().try_for_each(|bytes| store.append(bytes))
        })?;
        let bytes = store.finish()?;
        let (stored, expected) = ((*bytes).as_ref().len(), patterns * pixels * kind.width());
        if stored != expected {
            return Err(ProblemError::Stored { stored, expected }.into());
        }
        Ok(layout.finish(Patterns::Stored(kind, Stored(bytes)), scale)?)
    }

    /// Checks everything but the patterns, whose axes (pattern, y, x) have the lengths `shape`.
    fn layout(self, shape: (usize, usize, usize)) -> Result<CheckedParts, ProblemError> {
        let Self { scan, object, probe, valid, physics } = self;
        let (patterns, height, width) = shape;
        if patterns == 0 || height == 0 || width == 0 {
            return Err(ProblemError::Empty(shape));
        }
        if patterns != scan.len() {
            return Err(ProblemError::Lengths { patterns, positions: scan.len() });
        }
        check_start(&object, &probe, (height, width))?;
        let model = ForwardModel::with_physics((height, width), physics)?;
        model
            .check_slices((&object).into())
            .map_err(|error| ProblemError::Object(error.to_string()))?;
        let windows = scan
            .iter()
            .enumerate()
            .map(|(pattern, &position)| {
                model
                    .window(position, object.shape())
                    .map_err(|source| ProblemError::OffObject { pattern, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mask = valid.map(|valid| Mask::new(&model, valid));
        Ok(CheckedParts { model, scan, windows, object, probe, mask })
    }
}

/// A problem's checked parts, all but the patterns.
struct CheckedParts {
    model: ForwardModel,
    scan: Vec<Position>,
    windows: Vec<Window>,
    object: Object,
    probe: Modes,
    mask: Option<Mask>,
}

/// The unit of a problem, and the mean summed intensity of its patterns in this unit.
#[derive(Debug, Clone, Copy)]
struct Scale {
    unit: Unit,
    mean_intensity: f64,
}

impl CheckedParts {
    /// Of patterns whose intensities add up to `total`.
    fn scale_of(&self, total: f64) -> Result<Scale, ProblemError> {
        if total <= 0.0 {
            return Err(ProblemError::Dark);
        }
        let mean_intensity = total / self.scan.len() as f64;
        let unit = Unit::of(mean_intensity / self.model.len() as f64);
        let mean_intensity = mean_intensity * f64::from(unit.amplitude).powi(2);
        Ok(Scale { unit, mean_intensity })
    }

    fn finish(self, patterns: Patterns, scale: Scale) -> Result<Problem, ProblemError> {
        let Self { model, scan, windows, object, probe, mask } = self;
        let Scale { unit, mut mean_intensity } = scale;
        let mask = match mask {
            None => Mask::default(),
            Some(mask) => {
                let seen = mask.seen_share(&model, &object, &probe, &scan);
                if seen <= 0.0 || mask.count(scan.len()) == scan.len() * model.len() {
                    return Err(ProblemError::Mask(
                        "expected some pixels to be good (true, or not 0), found none that the \
                         start fields light"
                            .to_owned(),
                    ));
                }
                mean_intensity /= seen;
                mask
            }
        };
        let patterns = Arc::new(patterns);
        let gain = f64::from(unit.intensity());
        let weights = Array2::zeros((scan.len(), 0));
        Ok(Problem {
            model,
            weights,
            weights_stay: false,
            varies_slowly: false,
            log_powers: None,
            patterns,
            kept: (0..scan.len()).collect(),
            whole_scan: scan.clone(),
            mask,
            scan,
            windows,
            object: Arc::new(object),
            probe,
            mean_intensity,
            unit,
            background: None,
            gain,
            correlated: false,
            clipped: None,
            device: Device::Cpu,
            field_store: None,
            pattern_store: None,
            prior_draw: None,
        })
    }
}

/// Sum of the intensities of pattern `index`, which are checked.
fn checked_total(index: usize, pattern: &[f32]) -> Result<f64, ProblemError> {
    match pattern.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
        Some(&value) => Err(ProblemError::Intensity { pattern: index, value }),
        None => Ok(pattern.iter().map(|&value| f64::from(value)).sum()),
    }
}

fn check_start(
    object: &Object,
    probe: &Modes,
    (height, width): (usize, usize),
) -> Result<(), ProblemError> {
    let finite = |value: &Complex32| value.re.is_finite() && value.im.is_finite();
    let (modes, rows, columns) = probe.dim();
    if modes == 0 || (rows, columns) != (height, width) {
        return Err(ProblemError::Probe(format!(
            "expected shape (modes, {height}, {width}), as the patterns, found ({modes}, {rows}, \
             {columns})"
        )));
    }
    if !probe.iter().all(finite) {
        return Err(ProblemError::Probe("expected finite numbers, found NaN or infinity".into()));
    }
    if probe.iter().all(|value| value.norm_sqr() == 0.0) {
        return Err(ProblemError::Probe("expected some light, found zeros everywhere".into()));
    }
    if !object.slices().iter().all(finite) {
        return Err(ProblemError::Object("expected finite numbers, found NaN or infinity".into()));
    }
    if object.slices().iter().all(|value| value.norm_sqr() == 0.0) {
        return Err(ProblemError::Object(
            "expected some transmission, found zeros everywhere".into(),
        ));
    }
    Ok(())
}
