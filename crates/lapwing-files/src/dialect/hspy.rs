//! HyperSpy's `.hspy` (HDF5) and `.zspy` (Zarr): `Experiments/NAME/data` (ny, nx, H, W), and a
//! group `axis-0`, `axis-1`, ... for each axis with its `scale` and `units`.

use super::cube;
use super::definition::Dialect;
use super::emd::{note, scale};
use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::options::ReadOptions;
use crate::{Container, Error, Problem};

/// The dialect in one kind of container.
pub(super) struct Hspy {
    kind: ByteFormat,
}

pub(super) static HSPY: Hspy = Hspy { kind: ByteFormat::Hdf5 };
pub(super) static ZSPY: Hspy = Hspy { kind: ByteFormat::Zarr };

impl Dialect for Hspy {
    fn name(&self) -> &'static str {
        "hspy"
    }

    fn kind(&self) -> ByteFormat {
        self.kind
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[]
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        Ok(!signals(file, options)?.is_empty())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let signals = signals(file, wanted.options)?;
        let [name] = signals.as_slice() else {
            let expected = "one signal (ny, nx, H, W); pass over the others (--leave-out)";
            let problems = vec![Problem::new("Experiments", expected, signals.join(", "))];
            return Ok(Found { problems, ..Found::default() });
        };
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        notes.push(format!("patterns: {name}"));
        found.calibration = calibration(file, name, notes)?;
        cube::take(&mut found, file, (name, "data"), wanted, notes)?;
        Ok(found)
    }
}

/// The name of every signal of three or four axes.
fn signals(file: &Container, options: &ReadOptions) -> Result<Vec<String>, Error> {
    let arrays = file.list()?.into_iter().filter_map(|array| {
        let name = array.name.trim_start_matches('/').to_owned();
        let of_signal = name.starts_with("Experiments/") && name.matches('/').count() == 2;
        let taken = of_signal && name.ends_with("/data") && matches!(array.shape.len(), 3 | 4);
        (taken && !options.leave_out.contains(&name)).then_some(name)
    });
    Ok(arrays.collect())
}

/// The scales of the four axes, the slowest first.
fn calibration(
    file: &Container,
    data: &str,
    notes: &mut Vec<String>,
) -> Result<Calibration, Error> {
    let mut found = Calibration::default();
    let group = data.trim_end_matches("/data");
    let axis = |index: usize| -> Result<Option<(f64, String)>, Error> {
        let name = format!("{group}/axis-{index}");
        Ok(match file {
            Container::Zarr(file) => {
                let all = file.attributes(&name)?;
                let text = all.get("units").and_then(serde_json::Value::as_str);
                let number = all.get("scale").and_then(serde_json::Value::as_f64);
                number.zip(text.map(str::to_owned))
            }
            Container::Hdf5(file) => {
                file.group_number(&name, "scale").zip(file.group_text(&name, "units"))
            }
            _ => None,
        })
    };
    for (first, is_scan) in [(0, true), (2, false)] {
        let (Some((y, unit)), Some((x, _))) = (axis(first)?, axis(first + 1)?) else { continue };
        if scale(&unit).is_some() {
            note(&mut found, (y, x), &unit, is_scan, notes);
        }
    }
    if found.step.is_none() || (found.frequency.is_none() && found.angle.is_none()) {
        notes.push(
            "the file does not tell all scales of its axes: --scan-step-m and --mrad-per-pixel or \
             --inv-angstrom-per-pixel say them"
                .to_owned(),
        );
    }
    Ok(found)
}
