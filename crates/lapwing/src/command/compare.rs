//! `lapwing compare`: reconstructions against the truth, side by side.

mod picture;
mod table;

use crate::output::{Beside, Output, other_than_input};
use crate::reconstruction::Stored;
use anyhow::{Context, bail};
use clap::Args;
use lapwing_compare::{
    CompareError, Comparison, Counted, Cut, Judged, Known, LARGEST_SIDE, Laid, Metric,
    ProbeComparison, Region, Resolutions, compare, compare_probes, resolution_doubts,
};
use lapwing_files::remarks::is_uniform_slice;
use lapwing_model::{Complex32, Field};
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
        for (path, flag, kind) in [
            (self.csv.as_ref(), "--csv", Beside::Table),
            (self.figure.as_ref(), "--figure", Beside::Picture),
        ] {
            let Some(path) = path else { continue };
            for input in made.iter().chain([&truth]) {
                other_than_input(path, flag, &input.path)?;
            }
            kind.refuse_others(path, flag)?;
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
        let known: Vec<Known<'_>> = made.iter().map(known).collect();
        let laid = Laid::new(&known, &self::known(&truth))
            .map_err(|refused| named(refused.why, &made[refused.index]))?;
        for (made, &(y, x)) in
            made.iter().zip(&laid.guessed).filter_map(|(m, guess)| Some((m, guess.as_ref()?)))
        {
            output.note(format_args!(
                "{} is {:?}, the truth {:?}: laid at ({y}, {x}), where it fits best",
                made.path.display(),
                made.object.dim(),
                truth.object.dim()
            ));
        }
        for (made, &(y, x)) in
            made.iter().zip(&laid.apart).filter_map(|(m, apart)| Some((m, apart.as_ref()?)))
        {
            output.note(format_args!(
                "{}: its positions count from another zero than the truth's, ({y}, {x}) px apart: laid on \
                 the truth by the positions",
                made.path.display()
            ));
        }
        let Counted { region, spanned: (height, width), unknown } =
            laid.counted(&known, &self::known(&truth))?;
        for index in unknown {
            output.note(format_args!(
                "{}: no positions and probe in its file nor the truth's: comparing the whole object",
                made[index].path.display()
            ));
        }
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
            let Cut { truth: answer, objects, region } = laid.cut(&region)?;
            let Laid { origins, guessed, .. } = laid;
            for stored in made.iter_mut().chain([&mut truth]) {
                stored.object = Field::default((0, 0));
            }
            let of = |(index, made): (usize, &Stored)| {
                let whole = [objects[index].view(), answer.view()];
                let guessed = guessed[index].map(|_| (0, 0));
                let judged = Judged { whole, origin: origins[index], is_said: false, guessed };
                self.entry(index, (made, &truth), (whole, &region), &judged, (pixel_size, output))
            };
            made.iter().enumerate().map(of).collect::<Result<_, _>>()?
        } else {
            let of = |(index, made): (usize, &Stored)| {
                let judged = Judged {
                    whole: [made.object.view(), truth.object.view()],
                    origin: laid.origins[index],
                    is_said: made.origin.is_some(),
                    guessed: laid.guessed[index],
                };
                let compared = ([laid.objects[index], laid.truth], &region);
                self.entry(index, (made, &truth), compared, &judged, (pixel_size, output))
            };
            made.iter().enumerate().map(of).collect::<Result<_, _>>()?
        };

        if let Some(path) = &self.csv {
            output.write(path, table::csv(&entries))?;
        }
        if let Some(path) = &self.figure {
            output.write(path, picture::figure(&entries, pixel_size))?;
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
        ([own, answer], region): ([ArrayView2<'_, Complex32>; 2], &Region),
        judged: &Judged<'_>,
        (pixel_size, output): (Option<f64>, Output),
    ) -> anyhow::Result<Entry> {
        let name = &self.reconstruction[index];
        let found = compare(own, answer, region).with_context(|| name.clone())?;
        judged.refuse_chance(&found).map_err(|why| named(why, made))?;
        Ok(Entry {
            name: name.clone(),
            array: made.array.clone(),
            origin: judged.origin,
            probe: probe(made, truth, output),
            resolution: found.frc.resolutions(pixel_size),
            doubts: resolution_doubts(&found.frc, |name| found.metrics.value(name)),
            found,
        })
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

/// What is known of a file's object and scan.
fn known(stored: &Stored) -> Known<'_> {
    Known {
        object: stored.object.view(),
        origin: stored.origin,
        positions: stored.scan.as_deref(),
        probe: stored.probe.as_ref().map(|probe| probe.view()),
    }
}

/// An error with the file that it is of.
fn named(why: CompareError, stored: &Stored) -> anyhow::Error {
    anyhow::Error::new(why).context(stored.path.display().to_string())
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
