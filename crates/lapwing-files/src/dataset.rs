//! The data set every tool works on, and its way to disk.

use std::path::Path;

use lapwing_model::forward::Physics;
use lapwing_model::{Complex32, Modes, Object, Position};
use ndarray::{Array3, ArrayBase, Axis, Data, Dimension};

use crate::dialect::geometry::{state as state_geometry, stated as stated_geometry};
pub use crate::dialect::{Base, read, read_base, read_into};
use crate::experiment::ProbeOptics;
use crate::mask::{Layers, Mask};
use crate::npy::Array;
use crate::npz::{Packing, Writer, write_with};
use crate::options::{Geometry, ProbeFrom, Quantity, ZeroFrequency};
pub use crate::options::{ReadOptions, Understanding};
use crate::order::centre;
use crate::physics::{self, UnknownPhysics};
use crate::scans::Scans;
use crate::{Error, Metadata, Patterns, Problem, bulk, contract, limit, metadata};

/// A scan, always in the project's own conventions whatever dialect it came from.
///
/// The default is empty: no pattern, and nothing known of it.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// Diffraction **amplitude** (square root of intensity), axes (pattern, y, x), zero frequency
    /// in the centre.
    pub diffraction: Patterns,
    /// Window centres in pixels of the object array, one for each pattern.
    pub scan: Vec<Position>,
    /// The object on its full grid: the truth in synthetic data, a guess otherwise.
    pub object: Option<Object>,
    /// Probe modes, axes (mode, y, x), in the unit of the amplitudes.
    pub probe: Option<Modes>,
    /// Which pixels of the detector are good; `None` when all are.
    pub mask: Option<Mask>,
    /// The frame of a series that each pattern is, where the file tells it.
    pub frames: Option<Vec<i64>>,
    /// Which of several scans of the object each pattern belongs to; `None` where there is one.
    pub scans: Option<Scans>,
    /// How the detector sees the sample; `None` if unspecified, which means the far field.
    pub geometry: Option<Geometry>,
    /// The optics that form the probe, where they were described. They are not written: a probe
    /// made of them is.
    pub optics: Option<ProbeOptics>,
    /// The probe that a reconstruction starts from, where the experiment says it. It is not
    /// written.
    pub probe_from: Option<ProbeFrom>,
    /// The `_metadata` object; `None` when the file has none.
    pub metadata: Option<crate::Metadata>,
    /// Every other array of the file, kept for the way out, in file order.
    pub extras: Vec<(String, Array)>,
}

/// Entry of the metadata that says the order of the axes where their lengths leave it open.
pub(crate) const AXIS_ORDER: &str = "axis_order";

/// Name of the array that says which frame of a series each pattern is.
pub(crate) const SCAN_INDEX: &str = "scan_index";

/// Name of the array of a thick object's slices beside `objectGuess`, their product.
pub(crate) const OBJECT_SLICES: &str = "objectSlices";

impl Dataset {
    /// Number of patterns.
    pub fn n_patterns(&self) -> usize {
        self.diffraction.count()
    }

    /// Shape of one pattern, (height, width).
    pub fn pattern_shape(&self) -> (usize, usize) {
        let (_, height, width) = self.diffraction.dim();
        (height, width)
    }

    /// How the patterns come about, as geometry and metadata tell it.
    ///
    /// # Errors
    /// When near-field patterns do not tell their distance, and for what has no forward model.
    pub fn physics(&self) -> Result<Physics, UnknownPhysics> {
        physics::of(self.geometry, self.metadata.as_ref(), self.pattern_shape())
    }

    /// The scale s of counts = (s x amplitude)^2, when the metadata tell it.
    pub fn intensity_scale(&self) -> Option<f64> {
        metadata::intensity_scale(self.metadata.as_ref()?)
    }

    /// Photon counts, (s x amplitude)^2, axes (pattern, y, x); `None` without an intensity scale.
    ///
    /// Counts that were whole numbers (below some 10^6) are restored exactly: what is within 0.001
    /// of a whole number, and within the rounding of a stored `f32` amplitude (5e-7 of the count),
    /// is that number. Everything else, such as noise-free intensities, stays as it is.
    ///
    /// They are in memory, wherever the patterns are; [`intensities`](Self::intensities) are not.
    pub fn counts(&self) -> Option<Array3<f32>> {
        let scale = self.intensity_scale()?;
        let mut counts = self.diffraction.to_array();
        let values = counts.as_slice_mut().expect("a new array is in C order");
        bulk::replace(values, |amplitude| restored(scale, amplitude));
        Some(counts)
    }

    /// [`counts`](Self::counts) where the scale is known, else squared amplitudes, axes (pattern,
    /// y, x), kept where the patterns are.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub fn intensities(&self) -> Result<Patterns, Error> {
        self.diffraction.map(intensity(self.intensity_scale()))
    }

    /// [`intensities`](Self::intensities) in the place of the patterns.
    pub fn into_intensities(self) -> Patterns {
        let scale = self.intensity_scale();
        let mut intensities = self.diffraction;
        intensities.change(intensity(scale));
        intensities
    }

    /// Mean over the patterns of the summed intensity: in counts when the scale is known, in
    /// squared amplitudes otherwise. Zero for an empty data set.
    pub fn mean_intensity(&self) -> f64 {
        mean_counts(&self.pattern_sums(), self.intensity_scale().unwrap_or(1.0))
    }

    /// Sum of the squared amplitudes of each pattern.
    pub fn pattern_sums(&self) -> Vec<f64> {
        powers(&self.diffraction)
    }

    /// Takes the pixels whose amplitudes are `bad` as bad, in each pattern its own: they go to the
    /// mask and hold 0. Returns how many there are.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for a mask that is kept in a file.
    pub fn mask_out(&mut self, bad: impl Fn(f32) -> bool + Sync) -> Result<usize, Error> {
        let (_, height, width) = self.diffraction.dim();
        let (values, pixels) = (self.diffraction.values(), height * width);
        let storage = self.diffraction.storage();
        let good = Layers::made(&storage, self.diffraction.dim(), |index, to| {
            let from = &values[index * pixels..][..pixels];
            to.iter_mut().zip(from).for_each(|(to, &value)| *to = !bad(value));
        })?;
        let count = good.flags().iter().filter(|&&good| !good).count();
        if count > 0 {
            let found = Mask::of(good);
            self.mask = Some(match &self.mask {
                Some(mask) => mask.and(&found)?,
                None => found,
            });
            self.diffraction.change(|value| if bad(value) { 0.0 } else { value });
        }
        Ok(count)
    }

    /// [`mask_out`](Self::mask_out) of the values at the detector's limit of so many counts, which
    /// say "at least so much".
    ///
    /// # Errors
    /// As there.
    pub fn mask_limit(&mut self, limit: f64) -> Result<usize, Error> {
        let scale = self.intensity_scale().unwrap_or(1.0);
        self.mask_out(limit::is_reached(limit, scale))
    }

    /// Gives the patterns a mask, in place of one that is there. What its bad pixels hold is no
    /// light and becomes 0, as in a file that brings a mask; mean counts that were those of the
    /// patterns (`physics_parameters.nphotons`) are those of what is left.
    pub fn cover(&mut self, mask: Mask) {
        let mean = |of: &Self| of.intensity_scale().map(|_| of.mean_intensity());
        let before = mean(self);
        let darkened = mask.darken(&mut self.diffraction, None);
        self.mask = Some(mask);
        let told = self.metadata.as_ref().and_then(metadata::nphotons);
        if let (true, Some(before), Some(told), Some(left)) = (darkened, before, told, mean(self))
            && (told / before - 1.0).abs() < 1e-6
            && let Some(metadata) = &mut self.metadata
        {
            metadata::set_physics_parameter(metadata, "nphotons", left);
        }
    }

    /// The patterns at `indices`, in that order; indices may repeat.
    ///
    /// A mask for each pattern, the frames, the scans and every extra array whose first axis has
    /// one entry per pattern are filtered alike; object, probe, metadata and the other extras are
    /// copied. An extra of pickled Python objects cannot be filtered and is left out; files read by
    /// [`read`] never bring one.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for patterns that are kept in a file.
    ///
    /// # Panics
    /// When an index is not below [`n_patterns`](Self::n_patterns), as slices do.
    pub fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        self.selected(indices, self.diffraction.select(indices)?)
    }

    /// [`select`](Self::select), where the `diffraction` of those patterns is known.
    pub(crate) fn selected(&self, indices: &[usize], diffraction: Patterns) -> Result<Self, Error> {
        let n = self.scan.len();
        let extras = self.extras.iter().filter_map(|(name, array)| {
            let kept = match array.shape().first() {
                Some(&length) if length == n => array.select(indices).ok()?,
                _ => array.clone(),
            };
            Some((name.clone(), kept))
        });
        Ok(Self {
            diffraction,
            scan: indices.iter().map(|&index| self.scan[index]).collect(),
            object: self.object.clone(),
            probe: self.probe.clone(),
            mask: self.mask.as_ref().map(|mask| mask.select(indices)).transpose()?,
            frames: self.frames.as_ref().map(|of| indices.iter().map(|&at| of[at]).collect()),
            scans: self.scans.as_ref().map(|scans| scans.select(indices)),
            geometry: self.geometry,
            optics: self.optics,
            probe_from: self.probe_from,
            metadata: self.metadata.clone(),
            extras: extras.collect(),
        })
    }

    /// Writes the study's format (DATA-001), atomically and uncompressed: `diffraction` float32,
    /// `objectGuess` and `probeGuess` complex64 where present, `xcoords` and `ycoords` float64,
    /// `mask`, `scan_index` (the frames), `objectSlices` (of a thick object, whose product is
    /// `objectGuess`), `scan_number` and `scan_probes` (of several scans) where there are such, the
    /// extras, and `_metadata` as JSON text, with the geometry under `physics_parameters.geometry`
    /// where it is known.
    ///
    /// A probe of one mode is written as (H, W). Where there are as many patterns as columns, the
    /// order of the axes could not be told from their lengths, so the metadata get an entry
    /// `axis_order`.
    ///
    /// # Errors
    /// [`Error::Contract`] when the data set breaks its contract, [`Error::Io`] when it cannot be
    /// written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.write_packed(path, Packing::Stored)
    }

    /// [`write`](Self::write), compressed if asked for.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_packed(&self, path: impl AsRef<Path>, packing: Packing) -> Result<(), Error> {
        let path = path.as_ref();
        let problems = crate::contract::check(self);
        if !problems.is_empty() {
            return Err(Error::Contract { path: path.to_owned(), problems });
        }
        write_with(path, packing, |npz| {
            let (n, height, width) = self.diffraction.dim();
            npz.values("diffraction", &[n, height, width], self.diffraction.values())?;
            if let Some(object) = &self.object {
                match object.n_slices() {
                    1 => put(npz, "objectGuess", &object.slice(0))?,
                    _ => put(npz, "objectGuess", &object.projection())?,
                }
            }
            if let Some(probe) = &self.probe {
                match probe.len_of(Axis(0)) {
                    1 => put(npz, "probeGuess", &probe.index_axis(Axis(0), 0))?,
                    _ => put(npz, "probeGuess", probe)?,
                }
            }
            let n = self.scan.len();
            npz.values("xcoords", &[n], &self.scan.iter().map(|p| p.x).collect::<Vec<_>>())?;
            npz.values("ycoords", &[n], &self.scan.iter().map(|p| p.y).collect::<Vec<_>>())?;
            if let Some(mask) = &self.mask {
                mask.write(npz)?;
            }
            let named = self.named();
            let others = self.extras.iter().filter(|(name, _)| !self.has_own(name, &named));
            for (name, array) in named.iter().chain(others) {
                npz.array(name, array)?;
            }
            match self.stored_metadata() {
                Some(metadata) => npz.array(metadata::KEY, &metadata::to_array(&metadata)),
                None => Ok(()),
            }
        })
    }

    /// Whether what it is made of is written under this name, in place of an array that its file
    /// had under it beside what was read.
    fn has_own(&self, name: &str, named: &[(String, Array)]) -> bool {
        match name {
            "diffraction" | "xcoords" | "ycoords" => true,
            "objectGuess" => self.object.is_some(),
            "probeGuess" => self.probe.is_some(),
            crate::mask::KEY => self.mask.is_some(),
            other => named.iter().any(|(name, _)| name == other),
        }
    }

    /// Frames, slices and numbers of scans, as arrays beside the extras under the names that are
    /// read back.
    pub(crate) fn named(&self) -> Vec<(String, Array)> {
        let frames = self.frames.as_ref().map(|frames| (SCAN_INDEX, Array::from(frames.clone())));
        let thick = self.object.as_ref().filter(|object| object.n_slices() > 1);
        let slices = thick.map(|object| (OBJECT_SLICES, Array::from(&object.slices())));
        let named = frames.into_iter().chain(slices).map(|(name, array)| (name.to_owned(), array));
        named.chain(self.scans.iter().flat_map(Scans::to_arrays)).collect()
    }

    fn stored_metadata(&self) -> Option<Metadata> {
        let mut stored = self.metadata.clone();
        if let Some(geometry) = self.geometry
            && stored.as_ref().and_then(stated_geometry) != Some(geometry)
        {
            state_geometry(stored.get_or_insert_default(), geometry);
        }
        if self.pattern_shape().1 == self.n_patterns() {
            stored.get_or_insert_default().insert(AXIS_ORDER.to_owned(), "(n, H, W)".into());
        }
        stored
    }
}

/// Adds an array, without copying it when it is in C order.
fn put<T, S, D>(npz: &mut Writer<'_>, name: &str, array: &ArrayBase<S, D>) -> std::io::Result<()>
where
    T: crate::npy::Element,
    S: Data<Elem = T>,
    D: Dimension,
{
    match array.as_slice() {
        Some(values) => npz.values(name, array.shape(), values),
        None => npz.array(name, &Array::from(array)),
    }
}

/// Sum of the squared amplitudes of each pattern.
pub(crate) fn powers(amplitudes: &Patterns) -> Vec<f64> {
    let (_, height, width) = amplitudes.dim();
    bulk::sums(amplitudes.values(), height * width, |amplitude| f64::from(amplitude).powi(2))
}

/// Mean of the counts of patterns, given the sums of their squared amplitudes and their scale.
pub(crate) fn mean_counts(sums: &[f64], scale: f64) -> f64 {
    sums.iter().map(|sum| sum * scale * scale).sum::<f64>() / sums.len().max(1) as f64
}

/// What patterns in memory hold, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What the numbers are.
    pub quantity: Quantity,
    /// Where the zero frequency is.
    pub zero_frequency: ZeroFrequency,
}

/// The intensity that an amplitude stands for: counts where their scale is known, its square
/// otherwise.
fn intensity(scale: Option<f64>) -> impl Fn(f32) -> f32 + Sync {
    move |amplitude| match scale {
        Some(scale) => restored(scale, amplitude),
        None => amplitude * amplitude,
    }
}

/// (s x amplitude)^2, or the whole number that it is but for rounding: one value of
/// [`Dataset::counts`] at the scale s.
pub fn restored(scale: f64, amplitude: f32) -> f32 {
    let count = (scale * f64::from(amplitude)).powi(2);
    let whole = count.round();
    // Half a unit in the last place of the amplitude is 2^-24 of it, 2^-23 (1.2e-7) of the count;
    // four times that leaves room for a scale that was rounded too.
    let tolerance = 1e-3_f64.min(0.1 * count) + 5e-7 * count;
    (if (count - whole).abs() <= tolerance { whole } else { count }) as f32
}

impl Dataset {
    /// A data set from patterns in memory, axes (pattern, y, x), of the given form. Metadata that
    /// state the geometry (`physics_parameters.geometry`) decide it.
    ///
    /// `probe`, if any, is in the unit of the patterns. Counts bring their scale: amplitudes and
    /// probe are divided by it, and it is put into the metadata, as it is for files that hold
    /// counts.
    ///
    /// # Errors
    /// All problems with the contract at once.
    pub fn from_patterns(
        patterns: impl Into<Patterns>,
        form: Form,
        scan: Vec<Position>,
        probe: Option<Modes>,
        object: Option<Object>,
        metadata: Option<Metadata>,
    ) -> Result<Self, Vec<Problem>> {
        let mut patterns = patterns.into();
        let mut problems = contract::diffraction(&patterns);
        if !problems.is_empty() {
            // Square roots would only hide them.
            patterns.values_mut().fill(0.0);
        }
        if form.zero_frequency == ZeroFrequency::Corner {
            centre(&mut patterns.view_mut());
        }
        let scale = match form.quantity {
            Quantity::Amplitude => None,
            Quantity::Intensity => {
                patterns.change(f32::sqrt);
                None
            }
            Quantity::Counts => Some(amplitudes_in_place(&mut patterns)),
        };
        let geometry = metadata.as_ref().and_then(stated_geometry);
        let mut dataset = Self {
            diffraction: patterns,
            scan,
            object,
            probe,
            geometry,
            metadata,
            ..Self::default()
        };
        if let Some(scale) = scale {
            dataset.probe = dataset.probe.map(|probe| scaled(probe, (1.0 / scale) as f32));
            let metadata = dataset.metadata.get_or_insert_default();
            metadata::set_physics_parameter(metadata, "intensity_scale", scale);
            metadata::set_physics_parameter(metadata, "nphotons", scale * scale);
        }
        problems.extend(
            contract::check(&dataset).into_iter().filter(|problem| problem.key != "diffraction"),
        );
        if problems.is_empty() { Ok(dataset) } else { Err(problems) }
    }

    /// Amplitudes and their scale s from photon counts: amplitude = sqrt(counts) / s with s =
    /// sqrt(mean summed counts), so that the mean summed intensity is 1. Patterns without a single
    /// photon keep s = 1.
    pub fn amplitudes(counts: impl Into<Patterns>) -> (Patterns, f64) {
        let mut amplitudes = counts.into();
        let scale = amplitudes_in_place(&mut amplitudes);
        (amplitudes, scale)
    }
}

/// [`Dataset::amplitudes`] without a second stack.
pub(crate) fn amplitudes_in_place(counts: &mut Patterns) -> f64 {
    let (n, height, width) = counts.dim();
    let total: f64 = bulk::sums(counts.values(), height * width, f64::from).iter().sum();
    let mean = total / n.max(1) as f64;
    let scale = if mean > 0.0 && mean.is_finite() { mean.sqrt() } else { 1.0 };
    counts.change(|count| (f64::from(count).sqrt() / scale) as f32);
    scale
}

/// A field in another unit.
pub(crate) fn scaled<D: Dimension>(
    mut field: ndarray::Array<Complex32, D>,
    factor: f32,
) -> ndarray::Array<Complex32, D> {
    field.mapv_inplace(|value| value * factor);
    field
}

#[cfg(test)]
mod tests;
