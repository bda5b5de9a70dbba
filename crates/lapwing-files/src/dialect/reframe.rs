//! What a dialect found, as a part of the detector, or pixels of it that are summed, see it.

use lapwing_model::probe;
use ndarray::Ix3;
use serde_json::Value;

use super::found::Found;
use super::probe_window::{of_image, reframed};
use crate::experiment::frames::Reframe;
use crate::mask::{Layers, Mask};
use crate::metadata::SIDE;
use crate::npy::Array;
use crate::options::ReadOptions;
use crate::physics::{self, Rescaled};
use crate::remarks::Stop;
use crate::scans::SCAN_PROBES;
use crate::{Error, Problem, limit, metadata};

/// Entry of the metadata's physics: equivalent-disc diameter of the probe, pixels of the object.
const DIAMETER: &str = "probe_diameter_px";

/// The object's patches under the patterns.
pub(super) const PATCHES: &str = "Y";

/// Arrays that hold rows, and columns, of the object beside those of the scan itself.
const ROWS: [&str; 2] = ["ycoords_start", "true_ycoords"];
const COLUMNS: [&str; 2] = ["xcoords_start", "true_xcoords"];

impl Found {
    /// Patterns, mask, positions, pixel, probe and stated physics as a part of the detector sees
    /// them.
    pub(super) fn reframe(
        &mut self,
        reframe: &Reframe,
        near: bool,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let finer = reframe.finer(near);
        let stored = self.stack.as_ref().map(|stack| stack.pattern_shape());
        self.mask_limit(reframe.binning(), notes)?;
        if let Some(stack) = &mut self.stack {
            stack.amplitude = reframe.amplitudes(&stack.amplitude)?;
        }
        self.mask = reframe.mask(self.mask.as_ref())?;
        self.stretch(finer);
        if let Some((y, x)) = &mut self.pixel {
            (*y, *x) = (*y / finer.0, *x / finer.1);
        }
        if let Some(optics) = &mut self.optics {
            let binning = reframe.binning() as f64;
            optics.pitch = (optics.pitch.0 * binning, optics.pitch.1 * binning);
        }
        if let Some(metadata) = &mut self.metadata {
            let rescaled = Rescaled { finer, binning: reframe.binning() };
            notes.extend(physics::rescale(metadata, rescaled));
        }
        let of_probe = if near { of_image } else { reframed };
        self.probe = self.probe.take().map(|probe| of_probe(&probe, reframe));
        if let Some(metadata) = &mut self.metadata {
            let mut restate = |name: &str, value: Value| {
                if metadata::physics_parameter(metadata, name).is_some() {
                    metadata::set_physics_parameter(metadata, name, value);
                }
            };
            restate(SIDE, reframe.shape().0.into());
            if let Some(probe) = &self.probe {
                restate(DIAMETER, probe::diameter(probe.view()).into());
            }
        }
        let patches = self.extras.len();
        self.extras.retain(|(name, _)| name != PATCHES);
        if self.object.take().is_some() || self.extras.len() < patches {
            notes.push(
                "object: left out, for other pixels of the detector make another grid".into(),
            );
        }
        for (name, array) in &mut self.extras {
            if name == SCAN_PROBES
                && let Ok(probes) = array.clone().into_complex32_array::<Ix3>()
                && stored == Some((probes.dim().1, probes.dim().2))
            {
                *array = Array::from(&of_probe(&probes, reframe));
            }
            let along = |axis: [&str; 2]| axis.contains(&name.as_str());
            let factor = match (along(ROWS), along(COLUMNS)) {
                (true, _) => finer.0,
                (_, true) => finer.1,
                _ => continue,
            };
            let scaled = array.to_f64().map(|places| {
                Array::from(places.into_iter().map(|at| at * factor).collect::<Vec<_>>())
            });
            if let Ok(scaled) = scaled.and_then(|scaled| scaled.reshape(array.shape().to_vec())) {
                *array = scaled;
            }
        }
        self.framed = Some(*reframe);
        self.converted = true;
        Ok(())
    }

    /// Masks the values at the limit of the detector where pixels are summed, for of a sum it is
    /// not known any more that it says "at least so much": the limit that the metadata state, and
    /// else the one at which the patterns stop.
    fn mask_limit(&mut self, binning: usize, notes: &mut Vec<String>) -> Result<(), Error> {
        let Some(stack) = self.stack.as_ref().filter(|_| binning > 1) else { return Ok(()) };
        let own = self.metadata.as_ref();
        let scale = stack.scale.or_else(|| own.and_then(metadata::intensity_scale));
        let stated = own.and_then(limit::stated).zip(scale);
        let (least, words) = match stated {
            Some((limit, scale)) => {
                let least = limit::reaching(limit) / (scale * scale);
                (least, format!("the detector's limit of {limit} counts"))
            }
            None => {
                let scale = scale.or(stack.found_scale);
                let good = self.mask.as_ref().map(Mask::good);
                let Some(stop) = Stop::of(stack.amplitude.view(), good, scale) else {
                    return Ok(());
                };
                let words = format!(
                    "the largest number, {}, at which the detector saturates or the numbers were \
                     clipped,",
                    stop.in_words(scale)
                );
                // Roots that were squared again.
                (f64::from(stop.largest) * (1.0 - 1e-6), words)
            }
        };
        let bad = |amplitude: f32| f64::from(amplitude).powi(2) >= least;
        let at_limit = stack.amplitude.values().iter().filter(|&&value| bad(value)).count();
        if at_limit == 0 {
            return Ok(());
        }
        // A mask has a layer for every pattern of the file, of which some may not be here.
        let (_, height, width) = stack.amplitude.dim();
        let good = Layers::made(
            &stack.amplitude.storage(),
            (stack.n_patterns(), height, width),
            |index, to| {
                let place = match &stack.chosen {
                    None => Some(index),
                    Some(chosen) => chosen.binary_search(&index).ok(),
                };
                to.fill(true);
                if let Some(place) = place {
                    let pattern = stack.amplitude.pattern(place);
                    to.iter_mut().zip(pattern).for_each(|(to, &value)| *to = !bad(value));
                }
            },
        )?;
        let found = Mask::of(good);
        self.mask = Some(match self.mask.take() {
            Some(mask) => mask.and(&found)?,
            None => found,
        });
        notes.push(format!(
            "binning: {at_limit} values at {words} say \"at least so much\", which a sum of pixels \
             cannot: they are masked before it"
        ));
        Ok(())
    }
}

/// The problem with pixels of the object that are no squares, where the wave travels through an
/// object in slices: one Fresnel number serves both axes.
pub(super) fn uneven(found: &Found, options: &ReadOptions, finer: (f64, f64)) -> Option<Problem> {
    let own = found.metadata.as_ref();
    let stated = own.and_then(|own| metadata::physics_parameter(own, "slices"));
    let slices = options.physics.slices.map_or(stated.unwrap_or(1.0), |said| said as f64);
    // Of pixels whose size nobody knows only what was made of them tells something.
    let pixel = found.pixel.unwrap_or((1.0 / finer.0, 1.0 / finer.1));
    if slices <= 1.0 || physics::is_square(pixel) {
        return None;
    }
    let expected = "square pixels of the object, for one Fresnel number serves both sides of an \
                    object in slices (the same range of the detector along both: \
                    --detector-window N,N; or --pixel-size-m where they are square)";
    let found = format!("pixels {:.3} times as high as wide", pixel.0 / pixel.1);
    Some(Problem::new("detector_window", expected, found))
}
