//! 4D-STEM in Gatan's DigitalMicrograph files: an image of four axes with the scales of all of
//! them, (ny, nx, H, W) or (H, W, ny, nx): GMS writes both. Its other images, of which a thumbnail
//! is one, are passed over.

use super::axes::{self, Axis};
use super::cube::take;
use super::definition::Dialect;
use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::dm4::DmFile;
use crate::options::{AxisOrder, ReadOptions};
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
        let left_out = |name: &str| options.leaves_out(name);
        let cube = images
            .iter()
            .filter(|image| matches!(image.shape.len(), 3 | 4) && !left_out(&image.name))
            .max_by_key(|image| image.shape.len());
        let (Some(cube), Container::Dm(tree)) = (cube, file) else {
            let shapes: Vec<String> =
                images.iter().map(|image| format!("{:?}", image.shape)).collect();
            let expected =
                "an image (ny, nx, H, W) or (H, W, ny, nx), or (n, H, W) with --scan-shape";
            let problems = vec![Problem::new("ImageList", expected, shapes.join(", "))];
            return Ok(Found { problems, ..Found::default() });
        };
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let order = order(tree, &cube.name, options, notes);
        let axes = axes_of(tree, &cube.name);
        if axes.len() == cube.shape.len() {
            let order = options.axis_order.or(order).unwrap_or(AxisOrder::PatternFirst);
            found.calibration = axes::calibration(&axes, order, notes);
            found.strange_unit = axes::strange_unit(&axes);
        }
        found.calibration.take_volts(tree.volts(&cube.name), notes);
        take(&mut found, file, (&cube.name, "ImageData"), order, wanted, notes)?;
        Ok(found)
    }
}

/// The axes of an image, the slowest first.
fn axes_of(tree: &DmFile, image: &str) -> Vec<Axis> {
    tree.axes(image).into_iter().map(|(scale, unit)| Axis { scale, unit }).collect()
}

/// The order of the axes of an image: by their units, else by the tag in which GMS says it.
fn order(
    tree: &DmFile,
    image: &str,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Option<AxisOrder> {
    let axes = axes_of(tree, image);
    let by_units = axes::order_of(&axes).map(|order| (order, "by the units of its axes"));
    let by_tag = || {
        let order = match tree.is_swapped(image).filter(|_| axes.len() == 4)? {
            true => AxisOrder::PatternFirst,
            false => AxisOrder::PatternLast,
        };
        Some((order, "by its tag Data Order Swapped"))
    };
    let told = by_units.or_else(by_tag);
    match (axes.len(), told, options.axis_order) {
        (4, Some((order, why)), None) => {
            let which = match order {
                AxisOrder::PatternFirst => "(ny, nx, H, W)",
                AxisOrder::PatternLast => "(H, W, ny, nx)",
            };
            notes.push(format!("axes: {which}, {why}"));
        }
        (4, None, None) => notes.push(
            "axes: taken as (ny, nx, H, W), for the file does not say which are the scan's; are \
             they (H, W, ny, nx), say --axis-order hwn"
                .to_owned(),
        ),
        _ => {}
    }
    told.map(|(order, _)| order)
}
