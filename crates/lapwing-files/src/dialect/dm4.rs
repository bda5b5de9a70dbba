//! 4D-STEM in Gatan's DigitalMicrograph files: an image of four axes (ny, nx, H, W) with the scales
//! of all of them. Its other images, of which a thumbnail is one, are passed over.

use super::emd::{note, scale};
use super::found::{Found, Wanted};
use super::stack::{self, Refusal, Rules};
use super::{AxisOrder, Dialect, Quantity, ReadOptions, ZeroFrequency};
use crate::container::Kind;
use crate::dm4::Axis;
use crate::experiment::Calibration;
use crate::{Container, Error, Problem};

/// The dialect.
pub(super) struct Dm4;

impl Dialect for Dm4 {
    fn name(&self) -> &'static str {
        "dm4"
    }

    fn kind(&self) -> Kind {
        Kind::Dm
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[]
    }

    fn claims(&self, _: &Container, _: &ReadOptions) -> Result<bool, Error> {
        Ok(true)
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let options = wanted.options;
        let images = file.list()?;
        let left_out = |name: &str| options.leave_out.iter().any(|left| left == name);
        let cube = images
            .iter()
            .filter(|image| matches!(image.shape.len(), 3 | 4) && !left_out(&image.name))
            .max_by_key(|image| image.shape.len());
        let (Some(cube), Container::Dm(tree)) = (cube, file) else {
            let shapes: Vec<String> =
                images.iter().map(|image| format!("{:?}", image.shape)).collect();
            let expected = "an image (ny, nx, H, W), or (n, H, W) with --scan-shape";
            let problems = vec![Problem::new("ImageList", expected, shapes.join(", "))];
            return Ok(Found { problems, ..Found::default() });
        };
        let axes = tree.axes(&cube.name);
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let flat = match *cube.shape.as_slice() {
            [ny, nx, height, width] => {
                found.raster = Some((ny, nx));
                vec![ny.saturating_mul(nx), height, width]
            }
            ref other => other.to_vec(),
        };
        if axes.len() == 4 {
            found.calibration = calibration(&axes, notes);
        }
        let array = file.read(&cube.name)?.reshape(flat);
        let array = array.map_err(|error| file.unfit(&cube.name, error))?;
        let rules = Rules {
            key: "ImageData",
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

/// The scales of the axes, the slowest first.
fn calibration(axes: &[Axis], notes: &mut Vec<String>) -> Calibration {
    let mut found = Calibration::default();
    for (at, is_scan) in [(0, true), (2, false)] {
        let (y, x) = (&axes[at], &axes[at + 1]);
        if scale(&y.unit).is_some() {
            note(&mut found, (y.scale, x.scale), &y.unit, is_scan, notes);
        }
    }
    found
}
