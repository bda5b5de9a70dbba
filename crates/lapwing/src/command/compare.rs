//! `lapwing compare`: a reconstruction against the truth.

use crate::metric::label;
use crate::output::Output;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use lapwing_compare::{Region, compare};
use lapwing_files::Archive;
use lapwing_model::{Field, Modes, Position};
use ndarray::s;
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compare a reconstruction with the truth
///
/// What ptychography cannot determine is removed first: a shift, a phase ramp, a phase and a scale. Counted are the pixels
/// that the reconstruction's own scan illuminates. Lengths are in pixels of the object, frequencies in cycles per pixel, phases
/// in radians.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lapwing compare --reconstruction out/reconstruction.npz --truth dose_1000.npz --json"
)]
pub struct Compare {
    /// File with reconstructed_object (and positions, reconstructed_probe), as `lapwing reconstruct` writes it
    #[arg(long, value_name = "R.npz")]
    reconstruction: PathBuf,
    /// File with objectGuess (and probeGuess, xcoords, ycoords)
    #[arg(long, value_name = "T.npz")]
    truth: PathBuf,
}

impl Compare {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let (made, truth) = (Archive::open(&self.reconstruction)?, Archive::open(&self.truth)?);
        let object = field(&made, "reconstructed_object")?;
        let answer = field(&truth, "objectGuess")?;
        let origin = origin(&made)?;
        let (object, answer, origin) = on_common_grid(object, answer, origin)
            .with_context(|| format!("{} and {}", self.reconstruction.display(), self.truth.display()))?;

        let scan = match positions(&made)? {
            Some(scan) => Some(scan),
            None => coordinates(&truth)?,
        };
        let probe = match modes(&truth, "probeGuess")? {
            Some(probe) => Some(probe),
            None => modes(&made, "reconstructed_probe")?,
        };
        let region = match (scan, probe) {
            (Some(scan), Some(probe)) => {
                let moved = |p: &Position| Position { y: p.y - origin.0 as f64, x: p.x - origin.1 as f64 };
                let scan: Vec<Position> = scan.iter().map(moved).collect();
                Region::from_scan(answer.dim(), &scan, probe.view())?
            }
            _ => {
                output.note("no positions and probe in either file: comparing the whole object");
                Region::rectangle(0..answer.nrows(), 0..answer.ncols())?
            }
        };
        let found = compare(object.view(), answer.view(), &region)?;
        let record = json!({
            "reconstruction": self.reconstruction,
            "truth": self.truth,
            "region": {
                "rows": [region.rows().start, region.rows().end],
                "columns": [region.columns().start, region.columns().end],
                "pixels": region.seen(),
            },
            "metrics": found.metrics,
            "alignment": found.alignment,
            "frc": { "complex": found.frc.complex, "amplitude": found.frc.amplitude, "phase": found.frc.phase },
        });
        let (rows, columns) = (region.rows(), region.columns());
        let mut words = format!(
            "rows {}..{}, columns {}..{}, {} pixels counted\n",
            rows.start,
            rows.end,
            columns.start,
            columns.end,
            region.seen()
        );
        for (name, value) in found.metrics.named() {
            // Writing to a string does not fail.
            let _ = match value {
                Some(value) => writeln!(words, "{:<32} {value:.6}", label(name)),
                None => writeln!(words, "{:<32} none", label(name)),
            };
        }
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn field(archive: &Archive, name: &str) -> anyhow::Result<Field> {
    let array = archive.read(name)?;
    let shape = array.shape().to_vec();
    let place = || format!("{}: array {name}", archive.path().display());
    if shape.len() != 2 {
        return Err(anyhow!("expected two axes (y, x), found shape {shape:?}").context(place()));
    }
    array.into_complex32_array().with_context(place)
}

/// Probe modes from (H, W), (modes, H, W) or (H, W, 1), when there is such an array.
fn modes(archive: &Archive, name: &str) -> anyhow::Result<Option<Modes>> {
    if !archive.contains(name) {
        return Ok(None);
    }
    let array = archive.read(name)?;
    let place = || format!("{}: array {name}", archive.path().display());
    let shape = match *array.shape() {
        [height, width] | [height, width, 1] => vec![1, height, width],
        [modes, height, width] => vec![modes, height, width],
        ref other => {
            return Err(anyhow!("expected (H, W) or (modes, H, W), found shape {other:?}").context(place()));
        }
    };
    let array = array.reshape(shape).with_context(place)?;
    array.into_complex32_array().map(Some).with_context(place)
}

/// Window centres from `positions` (n, 2) as (y, x), when there are any.
fn positions(archive: &Archive) -> anyhow::Result<Option<Vec<Position>>> {
    if !archive.contains("positions") {
        return Ok(None);
    }
    let array = archive.read("positions")?;
    let place = || format!("{}: array positions", archive.path().display());
    if array.shape().len() != 2 || array.shape()[1] != 2 {
        return Err(anyhow!("expected shape (n, 2), found {:?}", array.shape()).context(place()));
    }
    let values = array.to_f64().with_context(place)?;
    Ok(Some(values.chunks_exact(2).map(|pair| Position { y: pair[0], x: pair[1] }).collect()))
}

/// Window centres from `xcoords` and `ycoords`, when there are any.
fn coordinates(archive: &Archive) -> anyhow::Result<Option<Vec<Position>>> {
    if !(archive.contains("xcoords") && archive.contains("ycoords")) {
        return Ok(None);
    }
    let read = |name: &str| -> anyhow::Result<Vec<f64>> {
        archive.read(name)?.to_f64().with_context(|| format!("{}: array {name}", archive.path().display()))
    };
    let (y, x) = (read("ycoords")?, read("xcoords")?);
    if y.len() != x.len() {
        bail!("{}: {} xcoords but {} ycoords", archive.path().display(), x.len(), y.len());
    }
    Ok(Some(y.into_iter().zip(x).map(|(y, x)| Position { y, x }).collect()))
}

/// Where pixel (0, 0) of the reconstruction lies in the coordinates of the positions; (0, 0) unless the file says otherwise.
fn origin(archive: &Archive) -> anyhow::Result<Option<(i64, i64)>> {
    let name = "reconstructed_object_origin";
    if !archive.contains(name) {
        return Ok(None);
    }
    let place = || format!("{}: array {name}", archive.path().display());
    match *archive.read(name)?.to_i64().with_context(place)? {
        [y, x] => Ok(Some((y, x))),
        ref other => Err(anyhow!("expected two whole numbers (y, x), found {other:?}").context(place())),
    }
}

/// Both objects on the pixels that they share, and where these begin in the coordinates of the positions.
fn on_common_grid(
    made: Field,
    truth: Field,
    origin: Option<(i64, i64)>,
) -> anyhow::Result<(Field, Field, (i64, i64))> {
    let Some((y, x)) = origin else {
        if made.dim() != truth.dim() {
            bail!(
                "reconstructed_object is {:?} and objectGuess {:?}: expected the same shape, or reconstructed_object_origin \
                 that says where the reconstruction lies on the truth",
                made.dim(),
                truth.dim()
            );
        }
        return Ok((made, truth, (0, 0)));
    };
    // The overlap of [start, start + made) and [0, truth).
    let common = |start: i64, made: usize, truth: usize| {
        let (low, high) = (start.max(0), (start.saturating_add(made as i64)).min(truth as i64));
        (low < high).then_some((low, high))
    };
    let rows = common(y, made.nrows(), truth.nrows());
    let columns = common(x, made.ncols(), truth.ncols());
    let (Some((top, bottom)), Some((left, right))) = (rows, columns) else {
        bail!(
            "the reconstruction, with its origin at ({y}, {x}), lies outside objectGuess, {:?}",
            truth.dim()
        );
    };
    let made =
        made.slice(s![(top - y) as usize..(bottom - y) as usize, (left - x) as usize..(right - x) as usize]);
    let truth = truth.slice(s![top as usize..bottom as usize, left as usize..right as usize]);
    Ok((made.to_owned(), truth.to_owned(), (top, left)))
}
