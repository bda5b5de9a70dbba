//! The orientation of a scan, or the curvature of its probe, by the likelihood of short
//! reconstructions: for patterns whose disc is too small to see the specimen under many angles.
//!
//! For every candidate the middle of the scan is fitted for a few epochs by ML with a tenth of
//! the pixels held out ([`held_out_loss`]); the one that predicts these best is right. Where the
//! specimen scatters weakly the likelihood hardly depends on the orientation, and the images of the
//! disc's parts tell it better.

use crate::Result;
use crate::geometry::grid::grid_of;
use crate::geometry::turn::turned_about;
use crate::run::dataset::data::intensities;
use crate::run::solve::asking::Between;
use crate::run::solve::start_probe::sides;
use lapwing_files::{Dataset, Mask};
use lapwing_model::forward::Physics;
use lapwing_model::{Modes, Object, Position};
use lapwing_solve::Problem;
use lapwing_solve::ml::{Ml, held_out_loss};
use ndarray::Array3;

/// Patterns that are fitted: those in the middle of the scan.
const MOST: usize = 200;
/// Steps of the angle on either side of the best quarter turn, degrees, the coarsest first.
const STEPS: [f64; 4] = [30.0, 15.0, 7.5, 3.75];
/// Draws of held-out pixels that the last step is done with.
const SEEDS: [u64; 3] = [42, 43, 44];
/// Standard deviations from which a difference is no chance; of three draws they are uncertain
/// themselves.
const SIGMAS: f64 = 4.0;
/// Counts of a mean pattern that are assumed where its unit is not known.
const COUNTS: f64 = 1e5;

/// One orientation that was fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fitted {
    /// Whether the coordinates were exchanged.
    pub transposed: bool,
    /// Angle by which they were turned after that, degrees.
    pub rotation_deg: f64,
    /// Loss per held-out pixel.
    pub loss: f64,
}

/// By how much more one thing loses than another: the mean over draws of held-out pixels, and the
/// standard deviation of that mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Margin {
    mean: f64,
    sd: f64,
}

impl Margin {
    /// How much more `other` loses than `one`, draw by draw.
    fn of(one: &[f64], other: &[f64]) -> Self {
        let more: Vec<f64> = one.iter().zip(other).map(|(one, other)| other - one).collect();
        let n = more.len().max(2) as f64;
        let mean = more.iter().sum::<f64>() / n;
        let variance = more.iter().map(|more| (more - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self { mean, sd: (variance / n).sqrt() }
    }

    /// Whether that is no chance.
    pub(super) fn is_sure(self) -> bool {
        self.mean > SIGMAS * self.sd
    }
}

/// What the fits say.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// The best orientation; its angle is where a parabola through the last fits has its minimum.
    pub best: Fitted,
    /// Standard deviation of the angle: what several draws of held-out pixels differ by.
    pub rotation_sd: f64,
    /// The lowest loss of the other handedness.
    pub other: f64,
    /// By how much more the other handedness loses, over draws of held-out pixels.
    pub margin: Margin,
    /// Every fit.
    pub fitted: Vec<Fitted>,
}

/// The curvature of the probe of a scan whose orientation is right, pixels squared, among up to
/// `most` on either side, with the loss there and without any curvature; `probe` makes the probe of
/// a curvature. `between` is called before every epoch of the fits.
///
/// # Errors
/// As for [`verdict`], and those of `probe`.
pub(super) fn curvature(
    dataset: &Dataset,
    most: f64,
    probe: &dyn Fn(f64) -> Result<Modes>,
    between: Between<'_>,
) -> Result<(f64, f64, f64)> {
    let start = probe(0.0)?;
    let trials = Trials::of(dataset, &start)?;
    let mut loss = |curvature: f64| -> Result<(f64, f64)> {
        let probe = probe(curvature)?;
        Ok((curvature, trials.with(&probe, &trials.scan, SEEDS[0], &mut *between)?))
    };
    let flat = loss(0.0)?;
    let mut best = flat;
    let mut step = most;
    for half in 0..4 {
        // Of the coarse places all, of the finer ones those beside the best.
        for sign in [-1.0, 1.0] {
            let around = if half == 0 { 0.0 } else { best.0 };
            let found = loss(around + sign * step)?;
            if found.1 < best.1 {
                best = found;
            }
        }
        step *= 0.5;
    }
    Ok((best.0, best.1, flat.1))
}

/// The middle of a scan, to be fitted.
struct Trials<'a> {
    intensity: Array3<f32>,
    scan: Vec<Position>,
    /// Sides (y, x) of an object pixel.
    sides: (f64, f64),
    physics: Physics,
    mask: Option<Mask>,
    probe: &'a Modes,
    fitted: Vec<Fitted>,
}

/// The orientation of the scan of `dataset`, by fits that start from `probe`. The quarter turns of
/// both handednesses are tried, and `guesses`. `between` is called before every epoch of the fits.
///
/// # Errors
/// When the scan fits on no grid or the patterns cannot be fitted; what `between` returns.
pub(super) fn verdict(
    dataset: &Dataset,
    probe: &Modes,
    guesses: &[(bool, f64)],
    between: Between<'_>,
) -> Result<Verdict> {
    let mut trials = Trials::of(dataset, probe)?;
    let quarters = [0.0, 90.0, 180.0, 270.0];
    let both = [false, true].map(|transposed| quarters.map(|degrees| (transposed, degrees)));
    for &(transposed, degrees) in both.iter().flatten().chain(guesses) {
        trials.fit(transposed, degrees, SEEDS[0], &mut *between)?;
    }
    let mut at = trials.best(None);
    for step in STEPS {
        for degrees in [at.rotation_deg - step, at.rotation_deg + step] {
            trials.fit(at.transposed, degrees, SEEDS[0], &mut *between)?;
        }
        at = trials.best(Some(at.transposed));
    }
    // The loss around the minimum, for several draws.
    let step = STEPS[2];
    let (mut angles, mut losses, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let other = trials.best(Some(!at.transposed));
    for seed in SEEDS {
        let mut loss = |degrees: f64| trials.loss(at.transposed, degrees, seed, &mut *between);
        let (low, middle, high) =
            (loss(at.rotation_deg - step)?, loss(at.rotation_deg)?, loss(at.rotation_deg + step)?);
        losses.push(middle);
        others.push(loss_of(&trials, other, seed, &mut *between)?);
        let curvature = low - 2.0 * middle + high;
        let shift = if curvature > 0.0 { 0.5 * (low - high) / curvature } else { 0.0 };
        angles.push(at.rotation_deg + step * shift.clamp(-1.0, 1.0));
    }
    let mean = angles.iter().sum::<f64>() / angles.len() as f64;
    let variance =
        angles.iter().map(|angle| (angle - mean).powi(2)).sum::<f64>() / (angles.len() - 1) as f64;
    let best = Fitted { rotation_deg: mean, ..at };
    let margin = Margin::of(&losses, &others);
    let (other, rotation_sd) = (other.loss, variance.sqrt());
    Ok(Verdict { best, rotation_sd, other, margin, fitted: trials.fitted })
}

fn loss_of(trials: &Trials<'_>, of: Fitted, seed: u64, between: Between<'_>) -> Result<f64> {
    trials.loss(of.transposed, of.rotation_deg, seed, between)
}

/// How well other positions of the same patterns explain them, `best` being the orientation of
/// those that they have: the best orientation of the others, and by how much more they lose. Those
/// in the middle of the order of the patterns are fitted.
///
/// # Errors
/// As for [`verdict`].
pub(super) fn rival(
    dataset: &Dataset,
    others: &[Position],
    probe: &Modes,
    best: Fitted,
    between: Between<'_>,
) -> Result<(Fitted, Margin)> {
    let n = dataset.scan.len();
    let taken = n.min(MOST);
    let first = (n - taken) / 2;
    let middle: Vec<usize> = (first..first + taken).collect();
    let part = dataset.select(&middle)?;
    let mut other = part.clone();
    other.scan = middle.iter().map(|&index| others[index]).collect();
    let (own, mut trials) = (Trials::of(&part, probe)?, Trials::of(&other, probe)?);
    for transposed in [false, true] {
        for degrees in [0.0, 90.0, 180.0, 270.0] {
            let around = best.rotation_deg + degrees;
            trials.fit(transposed, around, SEEDS[0], &mut *between)?;
        }
    }
    let mut at = trials.best(None);
    for step in &STEPS[..3] {
        for degrees in [at.rotation_deg - step, at.rotation_deg + step] {
            trials.fit(at.transposed, degrees, SEEDS[0], &mut *between)?;
        }
        at = trials.best(Some(at.transposed));
    }
    let (mut losses, mut of_others) = (Vec::new(), Vec::new());
    for seed in SEEDS {
        losses.push(loss_of(&own, best, seed, &mut *between)?);
        of_others.push(loss_of(&trials, at, seed, &mut *between)?);
    }
    Ok((at, Margin::of(&losses, &of_others)))
}

impl<'a> Trials<'a> {
    fn of(dataset: &Dataset, probe: &'a Modes) -> Result<Self> {
        let n = dataset.scan.len().max(1) as f64;
        let middle =
            dataset.scan.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.y / n, sum.1 + at.x / n));
        let far = |index: &usize| {
            let at = dataset.scan[*index];
            (at.y - middle.0).hypot(at.x - middle.1)
        };
        let mut taken: Vec<usize> = (0..dataset.scan.len()).collect();
        taken.sort_by(|a, b| far(a).total_cmp(&far(b)));
        taken.truncate(MOST);
        taken.sort_unstable();
        let part = dataset.select(&taken)?;
        let mut intensity = intensities(&part)?.into_array();
        let scale = dataset.intensity_scale().map(|scale| scale * scale);
        let sum: f64 = intensity.iter().map(|&value| f64::from(value)).sum();
        let factor = scale.unwrap_or(COUNTS * taken.len() as f64 / sum.max(f64::MIN_POSITIVE));
        intensity.mapv_inplace(|value| (f64::from(value) * factor) as f32);
        Ok(Self {
            intensity,
            mask: part.mask.clone(),
            physics: part.physics()?,
            scan: part.scan,
            sides: sides(dataset),
            probe,
            fitted: Vec::new(),
        })
    }

    fn fit(
        &mut self,
        transposed: bool,
        rotation_deg: f64,
        seed: u64,
        between: Between<'_>,
    ) -> Result<()> {
        let loss = self.loss(transposed, rotation_deg, seed, between)?;
        self.fitted.push(Fitted { transposed, rotation_deg, loss });
        Ok(())
    }

    fn loss(&self, transposed: bool, degrees: f64, seed: u64, between: Between<'_>) -> Result<f64> {
        let mut scan = self.scan.clone();
        turned_about(&mut scan, transposed, degrees, self.sides);
        self.with(self.probe, &scan, seed, between)
    }

    fn with(
        &self,
        probe: &Modes,
        scan: &[Position],
        seed: u64,
        between: Between<'_>,
    ) -> Result<f64> {
        let (_, height, width) = self.intensity.dim();
        let grid = grid_of(scan, (height, width))?;
        let object = Object::flat_slices(self.physics.slices.map_or(1, |of| of.count), grid.shape);
        let builder =
            Problem::builder(grid.scan, object, probe.clone()).physics(self.physics.clone());
        let problem = match &self.mask {
            Some(mask) => builder.mask(mask.good()).patterns(self.intensity.clone())?,
            None => builder.patterns(self.intensity.clone())?,
        };
        held_out_loss(&problem, &Ml { seed, ..Ml::default() }, between)
    }

    /// The best of those fitted, or of one handedness.
    fn best(&self, transposed: Option<bool>) -> Fitted {
        let of = self.fitted.iter().filter(|fit| transposed.is_none_or(|t| t == fit.transposed));
        *of.min_by(|a, b| a.loss.total_cmp(&b.loss)).expect("both handednesses were fitted")
    }
}
