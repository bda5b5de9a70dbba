//! `lapwing compare`: reconstructions against the truth, side by side.

mod grid;
mod picture;
mod table;

use crate::output::{Output, other_than_input};
use crate::reconstruction::Stored;
use anyhow::{Context, bail};
use clap::Args;
use grid::{Cut, Placed, on_common_grid};
use lapwing_compare::{
    CompareError, Comparison, LARGEST_SIDE, Metric, ProbeComparison, Region, Resolutions, compare,
    compare_probes, resolution_doubts,
};
use lapwing_files::atomic;
use lapwing_files::remarks::is_uniform_slice;
use lapwing_model::{Complex32, Field, Position};
use ndarray::ArrayView2;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compare reconstructions with the truth
///
/// What ptychography cannot determine is removed first: a shift, a phase ramp, a phase and a scale.
/// Counted are the pixels that the reconstruction's own scan illuminates, else the truth's; of
/// several reconstructions those that all of them saw. Lengths are in pixels of the object,
/// frequencies in cycles per pixel, resolutions in half periods, phases in radians.
///
/// Resolutions that a dip of a curve makes, or a curve that never falls of images that do not
/// agree, are not told, as in the report of a study; --json and --csv have them all, --json with
/// the reasons.
///
/// Reconstructions of other programs are taken from their NPZ, HDF5 or NPY files: the arrays
/// reconstructed_object, ptychopinn_complex, psi, object or objectGuess, in this order, else the
/// only complex picture; FILE::ARRAY names another. An object of several slices is compared as
/// their product. One of another size than the truth is laid where it fits best,
/// and refused where it fits nowhere better than by chance.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lapwing compare --reconstruction out/reconstruction.npz --truth dose_1000.npz --json\n  \
    lapwing compare --truth dose_1000.npz --reconstruction ours/reconstruction.npz \\\n    \
    --reconstruction ptychi_reconstruction.npz --reconstruction nets.npz::baseline_complex \\\n    \
    --csv table.csv --figure table.png")]
pub struct Compare {
    /// File with reconstructed_object (and positions, reconstructed_probe), as `lapwing
    /// reconstruct` writes it, or another program's; give it several times for one table
    #[arg(long, value_name = "R.npz", required = true)]
    reconstruction: Vec<String>,
    /// File with objectGuess (and probeGuess, xcoords, ycoords)
    #[arg(long, value_name = "T.npz")]
    truth: String,
    /// Side of an object pixel, for resolutions in nanometres and scale bars; else as the files say
    #[arg(long, value_name = "METRES", value_parser = crate::value::positive)]
    pixel_size_m: Option<f64>,
    /// Also write the table: one row for each reconstruction, one column for each number
    #[arg(long, value_name = "OUT.csv")]
    csv: Option<PathBuf>,
    /// Also draw amplitude, phase and error of each beside the truth
    #[arg(long, value_name = "OUT.png", value_parser = crate::value::png)]
    figure: Option<PathBuf>,
}

/// One reconstruction and how well it agrees.
struct Entry {
    /// As it was asked for.
    name: String,
    array: String,
    origin: (i64, i64),
    found: Comparison,
    probe: Option<ProbeComparison>,
    resolution: Resolutions,
    /// Why resolutions are unreliable, by their names in pixels.
    doubts: BTreeMap<String, String>,
}

impl Entry {
    /// Why the resolution called `name`, in pixels, nanometres or as the frequency that it is of,
    /// is unreliable.
    fn doubt(&self, name: &str) -> Option<&String> {
        let in_pixels = Metric::find(name).and_then(Metric::in_pixels);
        let in_pixels = match (in_pixels, name.split_once("_frc_")) {
            (Some(length), _) => length.name.clone(),
            (None, Some((quantity, criterion))) => format!("{quantity}_resolution_{criterion}_px"),
            (None, None) => name.to_owned(),
        };
        self.doubts.get(&in_pixels)
    }
}

impl Compare {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let mut truth = Stored::truth(&self.truth)?;
        let mut made: Vec<Stored> = self
            .reconstruction
            .iter()
            .map(|place| Stored::reconstruction(place))
            .collect::<Result<_, _>>()?;
        for written in [(self.csv.as_ref(), "--csv"), (self.figure.as_ref(), "--figure")] {
            let (Some(path), flag) = written else { continue };
            for input in made.iter().chain([&truth]) {
                other_than_input(path, flag, &input.path)?;
            }
        }
        if is_uniform_slice(truth.object.view()) {
            bail!(
                "{}: expected a truth to compare with, found an object that is the same everywhere: a \
                 placeholder",
                truth.path.display()
            );
        }
        for thick in made.iter().chain([&truth]).filter(|stored| stored.n_slices > 1) {
            output.note(format_args!(
                "{}: {} holds {} slices, compared as their product",
                thick.path.display(),
                thick.array,
                thick.n_slices
            ));
        }
        let pixel_size = self
            .pixel_size_m
            .or(truth.pixel_size)
            .or_else(|| made.iter().find_map(|made| made.pixel_size));
        let placed = on_common_grid(&made, &truth)?;
        for (made, &(y, x)) in
            made.iter().zip(&placed.guessed).filter_map(|(m, guess)| Some((m, guess.as_ref()?)))
        {
            output.note(format_args!(
                "{} is {:?}, the truth {:?}: laid at ({y}, {x}), where it fits best",
                made.path.display(),
                made.object.dim(),
                truth.object.dim()
            ));
        }
        for (made, &(y, x)) in
            made.iter().zip(&placed.apart).filter_map(|(m, apart)| Some((m, apart.as_ref()?)))
        {
            output.note(format_args!(
                "{}: its positions count from another zero than the truth's, ({y}, {x}) px apart: laid on \
                 the truth by the positions",
                made.path.display()
            ));
        }
        let (region, (height, width)) = self.region(&made, &truth, &placed, output)?;
        if region.shape() != (height, width) {
            output.note(format_args!(
                "compared: the middle {} x {} px of {height} x {width} px, more of which would take \
                 too much memory",
                region.shape().0,
                region.shape().1
            ));
        }
        let is_large = truth.object.shape().iter().any(|&side| side > LARGEST_SIDE);
        let entries: Vec<Entry> = if is_large {
            let Cut { truth: known, objects, region } = placed.cut(&region)?;
            let Placed { origins, guessed, .. } = placed;
            for stored in made.iter_mut().chain([&mut truth]) {
                stored.object = Field::default((0, 0));
            }
            let of = |(index, made): (usize, &Stored)| {
                let compared = [objects[index].view(), known.view()];
                let guessed = guessed[index].map(|_| (0, 0));
                let origin = origins[index];
                let laid = Laid { compared, region: &region, origin, whole: compared, guessed };
                self.entry(index, (made, &truth), &laid, (pixel_size, output))
            };
            made.iter().enumerate().map(of).collect::<Result<_, _>>()?
        } else {
            let of = |(index, made): (usize, &Stored)| {
                let laid = Laid {
                    compared: [placed.objects[index], placed.truth],
                    region: &region,
                    origin: placed.origins[index],
                    whole: [made.object.view(), truth.object.view()],
                    guessed: placed.guessed[index],
                };
                self.entry(index, (made, &truth), &laid, (pixel_size, output))
            };
            made.iter().enumerate().map(of).collect::<Result<_, _>>()?
        };

        if let Some(path) = &self.csv {
            atomic::write_bytes(path, table::csv(&entries))
                .with_context(|| format!("cannot write {}", path.display()))?;
            output.note(format_args!("wrote {}", path.display()));
        }
        if let Some(path) = &self.figure {
            atomic::write_bytes(path, picture::figure(&entries, pixel_size))
                .with_context(|| format!("cannot write {}", path.display()))?;
            output.note(format_args!("wrote {}", path.display()));
        }
        let area = json!({
            "rows": [region.rows().start, region.rows().end],
            "columns": [region.columns().start, region.columns().end],
            "pixels": region.seen(),
        });
        output.result(&self.record(&entries, &area), table::words(&region, &entries))?;
        Ok(ExitCode::SUCCESS)
    }

    /// One comparison.
    fn entry(
        &self,
        index: usize,
        (made, truth): (&Stored, &Stored),
        laid: &Laid<'_>,
        (pixel_size, output): (Option<f64>, Output),
    ) -> anyhow::Result<Entry> {
        let name = &self.reconstruction[index];
        let [own, known] = laid.compared;
        let found = compare(own, known, laid.region).with_context(|| name.clone())?;
        refuse_chance(made, laid, &found)?;
        Ok(Entry {
            name: name.clone(),
            array: made.array.clone(),
            origin: laid.origin,
            probe: probe(made, truth, output),
            resolution: found.frc.resolutions(pixel_size),
            doubts: resolution_doubts(&found.frc, |name| found.metrics.value(name)),
            found,
        })
    }

    /// The pixels that count, of several reconstructions those that count for all, and the shape of
    /// what could be compared if it were not too large.
    fn region(
        &self,
        made: &[Stored],
        truth: &Stored,
        placed: &Placed<'_>,
        output: Output,
    ) -> anyhow::Result<(Region, (usize, usize))> {
        let mut common: Option<(Region, (usize, usize))> = None;
        for (made, apart) in made.iter().zip(&placed.apart) {
            let scan = made.scan.as_ref().or(truth.scan.as_ref());
            let probe = truth.probe.as_ref().or(made.probe.as_ref());
            let (Some(scan), Some(probe)) = (scan, probe) else {
                output.note(format_args!(
                    "{}: no positions and probe in its file nor the truth's: comparing the whole object",
                    made.path.display()
                ));
                continue;
            };
            let own_zero = apart.filter(|_| made.scan.is_some()).unwrap_or((0, 0));
            let (top, left) = (placed.corner.0 + own_zero.0, placed.corner.1 + own_zero.1);
            let moved = |p: &Position| Position { y: p.y - top as f64, x: p.x - left as f64 };
            let scan: Vec<Position> = scan.iter().map(moved).collect();
            let own = Region::from_scan(placed.truth.dim(), &scan, probe.view())?;
            let spanned = Region::spanned(placed.truth.dim(), &scan)
                .map_or(own.shape(), |(rows, columns)| (rows.len(), columns.len()));
            let is_part = own.shape() != spanned;
            common = Some(match common {
                None => (own, spanned),
                Some((common, all)) => {
                    let both = common.intersection(&own)?;
                    let all = if is_part || all != common.shape() { all } else { both.shape() };
                    (both, all)
                }
            });
        }
        match common {
            Some(found) => Ok(found),
            None => Ok((Region::whole(placed.truth.dim())?, placed.truth.dim())),
        }
    }

    /// One reconstruction is a flat record, several are a list.
    fn record(&self, entries: &[Entry], area: &Value) -> Value {
        let one = |entry: &Entry| {
            let found = &entry.found;
            json!({
                "reconstruction": entry.name,
                "array": entry.array,
                "origin": [entry.origin.0, entry.origin.1],
                "truth": self.truth,
                "region": area,
                "metrics": found.metrics,
                "resolution": entry.resolution,
                "doubts": entry.doubts,
                "probe": entry.probe,
                "alignment": found.alignment,
                "frc": found.frc,
            })
        };
        match entries {
            [only] => one(only),
            several => {
                let all: Vec<Value> = several.iter().map(one).collect();
                json!({ "truth": self.truth, "region": area, "reconstructions": all })
            }
        }
    }
}

/// A reconstruction laid on the truth.
struct Laid<'a> {
    /// Both, on common pixels.
    compared: [ArrayView2<'a, Complex32>; 2],
    region: &'a Region,
    /// Where pixel (0, 0) of the reconstruction lies on the truth.
    origin: (i64, i64),
    /// Both as far as they are there to be looked for elsewhere: what is compared of large ones.
    whole: [ArrayView2<'a, Complex32>; 2],
    /// Where pixel (0, 0) of the one lies on the other of these, where that was found by
    /// correlation.
    guessed: Option<(i64, i64)>,
}

/// Refuses a comparison that says nothing: one where the objects would agree far better elsewhere
/// than where the positions of the files put them, and one whose place was guessed by chance.
fn refuse_chance(made: &Stored, laid: &Laid<'_>, found: &Comparison) -> anyhow::Result<()> {
    let correlation = found.metrics.complex_correlation;
    let ([object, known], (y, x)) = (laid.whole, laid.origin);
    let by_chance = |flat: &f64| {
        laid.guessed.is_some_and(|at| {
            lapwing_compare::fits_by_chance(object, known, at, correlation, *flat)
        })
    };
    if let Some(flat) = found.metrics.complex_correlation_flat.filter(by_chance) {
        bail!(
            "{}: expected an object that lies somewhere on the truth, found one that fits nowhere better than \
             by chance (best at ({y}, {x}), where the two correlate by {correlation:.3}, and an image \
             without any detail by {flat:.3}): check that both are of one specimen, pixel and \
             orientation, or bring it onto the truth's grid and shape",
            made.path.display()
        );
    }
    let elsewhere = made
        .origin
        .filter(|_| !made.object.is_empty())
        .and_then(|_| lapwing_compare::lies_elsewhere(object, known, (y, x), correlation));
    let Some(((best_y, best_x), better)) = elsewhere else { return Ok(()) };
    bail!(
        "{}: expected positions that count from the truth's zero, found its pixel (0, 0) at ({y}, {x}) of \
         the truth, where the two correlate by {correlation:.3}, but by {better:.3} at ({best_y}, \
         {best_x}): compare the object alone (an NPZ of it without positions and origin), which is \
         laid where it fits best",
        made.path.display()
    )
}

/// The probe's error, where both probes are known and of one shape.
fn probe(made: &Stored, truth: &Stored, output: Output) -> Option<ProbeComparison> {
    let (own, answer) = (made.probe.as_ref()?, truth.probe.as_ref()?);
    match compare_probes(own.view(), answer.view()) {
        Ok(found) => Some(found),
        Err(CompareError::ShapeMismatch { .. }) => None,
        Err(error) => {
            output.note(format_args!(
                "{}: the probes were not compared: {error}",
                made.path.display()
            ));
            None
        }
    }
}
