//! HyperSpy's `.hspy` (HDF5): `Experiments/NAME/data` (ny, nx, H, W). The scales of its axes are
//! attributes of groups, which are not read here, so that the experiment has to say them.

use super::found::{Found, Wanted};
use super::stack::{self, Refusal, Rules};
use super::{AxisOrder, Dialect, Quantity, ReadOptions, ZeroFrequency};
use crate::container::Kind;
use crate::hdf5::Hdf5;
use crate::{Container, Error, Problem};

/// The dialect.
pub(super) struct Hspy;

impl Dialect for Hspy {
    fn name(&self) -> &'static str {
        "hspy"
    }

    fn kind(&self) -> Kind {
        Kind::Hdf5
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[]
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        Ok(!signals(file.hdf5()?, options)?.is_empty())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (file, options) = (file.hdf5()?, wanted.options);
        let signals = signals(file, options)?;
        let Some((name, shape)) = signals.first().filter(|_| signals.len() == 1) else {
            let names: Vec<&str> = signals.iter().map(|(name, _)| name.as_str()).collect();
            let expected = "one signal (ny, nx, H, W); pass over the others (--leave-out)";
            let problems = vec![Problem::new("Experiments", expected, names.join(", "))];
            return Ok(Found { problems, ..Found::default() });
        };
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let flat = match *shape.as_slice() {
            [ny, nx, height, width] => {
                found.raster = Some((ny, nx));
                vec![ny.saturating_mul(nx), height, width]
            }
            ref other => other.to_vec(),
        };
        notes.push(format!(
            "patterns: {name}; the scales of its axes are not read: --scan-step-m and --mrad-per-pixel or \
             --inv-angstrom-per-pixel say them"
        ));
        let array = file.read(name)?.reshape(flat);
        let array = array.map_err(|error| Error::hdf5(file.path(), name, error.to_string()))?;
        let rules = Rules {
            key: "data",
            floats: Some(Quantity::Intensity),
            integers: Quantity::Counts,
            zero_frequency: ZeroFrequency::Centre,
        };
        match stack::read(array, AxisOrder::PatternFirst, &rules, options, notes) {
            Ok(stack) => found.stack = Some(stack),
            Err(Refusal::Problems(problems)) => found.problems = problems,
            Err(Refusal::Ambiguous(question)) => return Err(question.about(file.path())),
        }
        Ok(found)
    }
}

/// Name and shape of every signal of three or four axes.
fn signals(file: &Hdf5, options: &ReadOptions) -> Result<Vec<(String, Vec<usize>)>, Error> {
    let arrays = file.list()?.into_iter().filter_map(|array| {
        let name = array.name.trim_start_matches('/').to_owned();
        let of_signal = name.starts_with("Experiments/") && name.matches('/').count() == 2;
        let taken = of_signal && name.ends_with("/data") && matches!(array.shape.len(), 3 | 4);
        (taken && !options.leave_out.contains(&name)).then_some((name, array.shape))
    });
    Ok(arrays.collect())
}
