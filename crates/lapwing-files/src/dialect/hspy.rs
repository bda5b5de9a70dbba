//! HyperSpy's `.hspy` (HDF5) and `.zspy` (Zarr): `Experiments/NAME/data` (ny, nx, H, W), and a
//! group `axis-0`, `axis-1`, ... for each axis with its `scale` and `units`.

use serde_json::Value;

use super::axes::{self, Axis};
use super::cube;
use super::definition::Dialect;
use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::options::{AxisOrder, ReadOptions};
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
        let group = name.trim_end_matches("/data");
        let axes = axes_of(file, group, file.shape(name)?.map_or(0, |shape| shape.len()))?;
        let told = axes::order_of(&axes);
        let order = wanted.options.axis_order.or(told).unwrap_or(AxisOrder::PatternFirst);
        found.calibration = axes::calibration(&axes, order, notes);
        found.strange_unit = axes::strange_unit(&axes);
        let microscope = format!("{group}/metadata/Acquisition_instrument/TEM");
        let kilovolts = number(file, &microscope, "beam_energy")?;
        found.calibration.take_volts(kilovolts.map(|kv| kv * 1e3), notes);
        if found.calibration.step.is_none() || !found.calibration.has_detector() {
            notes.push(
                "the file does not tell all scales of its axes: --scan-step-m and \
                 --mrad-per-pixel or --inv-angstrom-per-pixel say them"
                    .to_owned(),
            );
        }
        cube::take(&mut found, file, (name, "data"), told, wanted, notes)?;
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

/// The axes of a signal, the slowest first; none where the scales are not all there.
fn axes_of(file: &Container, group: &str, count: usize) -> Result<Vec<Axis>, Error> {
    let mut found = Vec::with_capacity(count);
    for index in 0..count {
        let name = format!("{group}/axis-{index}");
        let unit = match file {
            Container::Zarr(file) => {
                file.attributes(&name)?.get("units").and_then(Value::as_str).map(str::to_owned)
            }
            Container::Hdf5(file) => file.group_text(&name, "units"),
            _ => None,
        };
        let Some(scale) = number(file, &name, "scale")? else { return Ok(Vec::new()) };
        // An axis without a unit has a text that is none.
        found.push(Axis { scale, unit: unit.unwrap_or_default() });
    }
    Ok(found)
}

/// An attribute of one number of a group.
fn number(file: &Container, group: &str, name: &str) -> Result<Option<f64>, Error> {
    Ok(match file {
        Container::Zarr(file) => file.attributes(group)?.get(name).and_then(Value::as_f64),
        Container::Hdf5(file) => file.group_number(group, name),
        _ => None,
    })
}
