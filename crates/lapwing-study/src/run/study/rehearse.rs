//! A plan confirmed by simulation: details of the contrast that is asked about, as a reconstruction
//! sees them.

use crate::design::solver::SolverConfig;
use crate::forecast::ForecastRequest;
use crate::geometry::place;
use crate::run::dataset::sample::Sample;
use crate::run::event::{Event, Observer};
use crate::run::solve::reconstruct;
use crate::{Result, StudyError};
use lapwing_compare::{Comparison, Region, compare};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{self, ProbeDesign, ProbeKind};
use lapwing_model::scan::{self, ScanKind};
use lapwing_model::simulate::Apparatus;
use lapwing_model::{Complex32, Field};
use serde::Serialize;

/// Details that a field must hold, so that their spread is known to a tenth or so.
const FEWEST: usize = 30;
/// Details are this many of their sides apart.
const PITCH: usize = 3;
/// Details along a side of the field that is simulated, at least.
const ALONG: f64 = 10.0;
/// Side of the smallest field that is simulated, pixels.
const SMALLEST: f64 = 110.0;
/// Most pixels of all patterns.
const MOST: f64 = 1e8;
/// Seeds of the scan and of the photons.
const SEEDS: (u64, u64) = (3, 5);

/// What a simulation makes of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rehearsal {
    /// Number of details that were seen.
    pub details: usize,
    /// Number of patterns that were simulated.
    pub patterns: usize,
    /// Height and width that their positions span, object pixels.
    pub field_px: (f64, f64),
    /// Photons per pattern of the simulation: the expected dose.
    pub photons_per_pattern: f64,
    /// By how many of their errors the details stood out at that dose.
    pub stood_out: f64,
    /// The dose at which they stand out five times over the expected one: signal over noise grows
    /// as the root of the dose.
    pub found_over_expected: f64,
}

impl ForecastRequest {
    /// Simulates a part of the scan at the expected dose over details of both signs of the
    /// contrast, reconstructs it by ML without prior from the true probe, and measures by how many
    /// of their errors the details stand out: the logarithm of the transmission, averaged over a
    /// detail and projected on that of the detail that was put there.
    ///
    /// # Errors
    /// When the request cannot be answered, or the part of the scan is too small for that or too
    /// large to be simulated.
    pub fn rehearse(&self, observe: Observer<'_>) -> Result<Rehearsal> {
        let invalid = |error: &dyn std::fmt::Display| StudyError::Invalid(error.to_string());
        let whole = self.answer().map_err(|error| invalid(&error))?;
        let detail = (self.resolution / whole.pixel_m).round().max(1.0) as usize;
        let diameter = self.probe / whole.pixel_m;
        let wanted = SMALLEST.max(ALONG * (PITCH * detail) as f64).max(2.0 * diameter);
        let part = |length: f64| wanted.min(length / whole.pixel_m);
        let field_px = (part(self.field.0), part(self.field.1));
        let field = (field_px.0 * whole.pixel_m, field_px.1 * whole.pixel_m);
        let part = Self { field, ..*self }.answer().map_err(|error| invalid(&error))?;
        let side = whole.window;
        let values = part.patterns as f64 * (side * side) as f64;
        if values > MOST {
            return Err(StudyError::Invalid(format!(
                "a simulation of {} patterns of {side} x {side} pixels: expected at most {MOST:.0e} \
                 pixels; a larger object pixel, a smaller window or a lower overlap makes fewer",
                part.patterns
            )));
        }
        let dose = (part.expected.photons_per_pattern * self.efficiency).round().max(1.0);
        let design = ProbeDesign {
            kind: ProbeKind::Defocused,
            diameter: Some(diameter),
            ..ProbeDesign::default()
        };
        let probe = design.build((side, side)).map_err(|error| invalid(&error))?;
        let step = (1.0 - self.overlap) * probe::diameter(probe.view());
        let positions = scan::generate(ScanKind::Jittered, step, field_px, SEEDS.0)
            .map_err(|error| invalid(&error))?;
        let placed = place::on_new_object(&positions, (side, side))
            .ok_or_else(|| invalid(&"the scan has no positions"))?;
        let scan = placed.place(&positions);
        let details = Details { side: detail, of_one: self.logarithm() };
        let object = details.object(placed.shape);
        let sample = Sample {
            object: object.into(),
            probe,
            scan,
            physics: Physics::default(),
            apparatus: Apparatus::default(),
            metadata: None,
        };
        let data = sample.expose(dose as u64, SEEDS.1)?;
        // The object's grid is kept; its contents are not used, for the start is flat.
        let config: SolverConfig =
            toml::from_str("algorithm = \"ML\"\nprior = 0.0\nprobe_start = \"file\"\n")
                .expect("these are options of ML");
        let mut stopped = false;
        let made = reconstruct(&data, &config, &mut |epoch| {
            let answer = observe(Event::Epoch { case: None, epoch });
            stopped = answer.is_break();
            answer
        })?;
        if stopped {
            return Err(StudyError::Stopped);
        }
        let (shape, probe) = (sample.object.shape(), sample.probe.view());
        let region =
            Region::from_scan(shape, &sample.scan, probe).map_err(|error| invalid(&error))?;
        let found = made.object.projection();
        let compared = compare(found.view(), sample.object.slice(0), &region)
            .map_err(|error| invalid(&error))?;
        let corner = (region.rows().start, region.columns().start);
        let seen = details.seen(&compared, corner, shape);
        if seen.len() < FEWEST {
            return Err(StudyError::Invalid(format!(
                "a simulation of {:.0} x {:.0} pixels holds {} details: expected {FEWEST} at least, \
                 with a larger field",
                field_px.0,
                field_px.1,
                seen.len()
            )));
        }
        let n = seen.len() as f64;
        let mean = seen.iter().sum::<f64>() / n;
        let variance = seen.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let stood_out = mean / variance.sqrt();
        Ok(Rehearsal {
            details: seen.len(),
            patterns: sample.scan.len(),
            field_px,
            photons_per_pattern: dose,
            stood_out,
            found_over_expected: (crate::forecast::ROSE / stood_out.max(1e-9)).powi(2),
        })
    }

    /// Logarithm of the transmission of a detail relative to its surroundings.
    fn logarithm(&self) -> (f64, f64) {
        ((1.0 - self.absorption).ln(), self.phase)
    }
}

/// Squares on a grid, of one transmission or of its inverse.
struct Details {
    /// Pixels.
    side: usize,
    /// Logarithm of the transmission, real and imaginary part.
    of_one: (f64, f64),
}

impl Details {
    /// Whether a detail has the transmission or its inverse, without order along any axis.
    fn sign(row: usize, column: usize) -> f64 {
        if (row * 7 + column * 3) % 5 < 2 { 1.0 } else { -1.0 }
    }

    fn object(&self, shape: (usize, usize)) -> Field {
        let pitch = PITCH * self.side;
        Field::from_shape_fn(shape, |(y, x)| {
            let inside = y % pitch < self.side && x % pitch < self.side;
            let sign = if inside { Self::sign(y / pitch, x / pitch) } else { 0.0 };
            let (amplitude, phase) = ((sign * self.of_one.0).exp(), sign * self.of_one.1);
            Complex32::from_polar(amplitude as f32, phase as f32)
        })
    }

    /// What the details that lie wholly in the compared region have, 1 if it is right.
    fn seen(
        &self,
        compared: &Comparison,
        (top, left): (usize, usize),
        shape: (usize, usize),
    ) -> Vec<f64> {
        let pitch = PITCH * self.side;
        let (real, imaginary) = self.of_one;
        let square = real * real + imaginary * imaginary;
        let of = |row: usize, column: usize| -> Option<f64> {
            let mut sum = 0.0;
            for i in 0..self.side * self.side {
                let (y, x) = (row * pitch + i / self.side, column * pitch + i % self.side);
                let at = (y.checked_sub(top)?, x.checked_sub(left)?);
                if !*compared.mask.get(at)? {
                    return None;
                }
                let value = compared.aligned[at];
                let log = f64::from(value.norm().max(f32::MIN_POSITIVE)).ln();
                sum += real * log + imaginary * f64::from(value.arg());
            }
            let mean = sum / (self.side * self.side) as f64 / square;
            Some(mean * Self::sign(row, column))
        };
        let rows = 0..shape.0 / pitch;
        rows.flat_map(|row| (0..shape.1 / pitch).filter_map(move |column| of(row, column)))
            .collect()
    }
}
