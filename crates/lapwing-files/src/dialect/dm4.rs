//! 4D-STEM in Gatan's DigitalMicrograph files: an image of four axes (ny, nx, H, W) with the scales
//! of all of them. Its other images, of which a thumbnail is one, are passed over.

use super::cube::take;
use super::definition::Dialect;
use super::emd::{note, scale};
use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::dm4::Axis;
use crate::experiment::Calibration;
use crate::options::ReadOptions;
use crate::{Container, Error, Problem};

/// The dialect.
pub(super) struct Dm4;

impl Dialect for Dm4 {
    fn name(&self) -> &'static str {
        "dm4"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Dm
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
        if axes.len() == 4 {
            found.calibration = calibration(&axes, notes);
        }
        take(&mut found, file, (&cube.name, "ImageData"), wanted, notes)?;
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
