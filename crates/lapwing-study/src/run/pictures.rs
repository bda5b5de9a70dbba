//! Pictures of a data set and of one reconstruction: amplitude, phase, probe, loss curve, and the
//! error where the truth is known.

use crate::disk::record::{ShiftRecord, VariationRecord};
use crate::disk::shifts::less_mean;
use crate::disk::variation::Traces;
use crate::run::dataset::data::probe_diameter;
use crate::run::scanned::{LARGEST, SIDE, Scanned, area_of};
use lapwing_compare::Comparison;
use lapwing_draw::colormap::Colormap;
use lapwing_draw::field::{Painter, ranges_beside};
use lapwing_draw::range::robust_range;
use lapwing_draw::svg::Look;
use lapwing_draw::{ContactSheet, Detector, Panel, Picture, axis, figure};
use lapwing_draw::{Mark, Plot, Series, ShiftPlot};
use lapwing_files::Dataset;
use lapwing_files::dialect::object_pixel;
use lapwing_files::reconstruction::Variation;
use lapwing_model::{Complex32, Field, Modes, Position};
use lapwing_solve::noise::NoiseModel;
use lapwing_solve::uncertainty::ErrorMaps;
use ndarray::{ArrayView2, Axis};

/// The pictures of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObjectPictures {
    pub amplitude: Picture,
    pub phase: Picture,
    pub error: Option<Picture>,
    /// Phase of every slice of a thick object.
    pub slices: Vec<Picture>,
}

impl ObjectPictures {
    /// All of them and the probe in one picture, with colour bars, and with scale bars where the
    /// side of a pixel (metres) is known.
    pub fn overview(&self, probe: &Modes, pixel_size: Option<f64>) -> Vec<u8> {
        let scaled = |panel: Panel| match pixel_size {
            Some(metres) => panel.pixel_size(metres),
            None => panel,
        };
        let of = |name: &str, picture: &Picture| match means(picture) {
            None => name.to_owned(),
            Some(block) => format!("{name}, means of {block} x {block} px"),
        };
        let mut panels = vec![
            Panel::new(of("amplitude", &self.amplitude), self.amplitude.clone()),
            Panel::new(of("phase", &self.phase), self.phase.clone()).unit("rad"),
            Panel::new("probe: hue is phase", modes(probe)).hues(),
        ];
        if let Some(error) = &self.error {
            panels.insert(2, Panel::new("error after alignment", error.clone()));
        }
        for (index, slice) in self.slices.iter().enumerate() {
            let title = format!("phase of slice {}", index + 1);
            panels.push(Panel::new(&title, slice.clone()).unit("rad"));
        }
        figure(&panels.into_iter().map(scaled).collect::<Vec<_>>(), 2)
    }
}

impl From<[Picture; 2]> for ObjectPictures {
    /// Of amplitude and phase alone.
    fn from([amplitude, phase]: [Picture; 2]) -> Self {
        Self { amplitude, phase, error: None, slices: Vec::new() }
    }
}

/// Pictures of the aligned reconstruction over the compared area, on the truth's own ranges: the
/// same for all reconstructions of one specimen, so that they can be looked at side by side.
pub(crate) fn compared(comparison: &Comparison) -> ObjectPictures {
    let painter = Painter::default().mask(comparison.mask.view()).enlarge_to(SIDE);
    let [amplitudes, phases] = ranges_beside(comparison.truth.view(), Some(comparison.mask.view()));
    let count = comparison.truth.len().max(1) as f32;
    let mean = comparison.truth.iter().sum::<Complex32>() / count;
    // An error as large as the truth's own contrast is the end of the scale.
    let contrast = robust_range(comparison.truth.iter().map(|value| (value - mean).norm()));
    let errors = painter.map(Colormap::Error).range(contrast.map(|(_, high)| (0.0, high)));
    ObjectPictures {
        amplitude: painter.range(amplitudes).amplitude(comparison.aligned.view()),
        phase: painter.range(phases).phase(comparison.aligned.view()),
        error: Some(errors.scalar(comparison.error.view())),
        slices: Vec::new(),
    }
}

/// Side of the blocks of pixels of which the pixels of a picture are the means, where it is smaller
/// than what it shows.
pub(crate) fn means(picture: &Picture) -> Option<usize> {
    (picture.zoom < 1.0).then(|| (1.0 / picture.zoom).round() as usize)
}

/// Pictures of an object over the area of the scan, its mean phase and phase ramp removed.
pub(crate) fn alone(object: ArrayView2<Complex32>, scan: &[Position]) -> ObjectPictures {
    Scanned::of(object, scan, LARGEST).1.into()
}

/// Standard deviations of amplitude and phase over the area of the scan.
pub(crate) fn deviations(maps: &ErrorMaps, scan: &[Position]) -> [Picture; 2] {
    let painter = Painter::default().map(Colormap::Error).enlarge_to(SIDE).max_side(LARGEST);
    [&maps.amplitude, &maps.phase].map(|map| {
        // Nothing is known where no light fell.
        let map = map.mapv(|sd| if sd.is_nan() { 0.0 } else { sd });
        painter.scalar(map.slice(area_of(map.dim(), scan)))
    })
}

/// Amplitude and phase of an object over the area of the scan, its mean phase and phase ramp
/// removed, and the probe, in one PNG with colour bars, and with scale bars where the side of a
/// pixel (metres) is known.
pub fn overview(
    object: &Field,
    probe: &Modes,
    scan: &[Position],
    pixel_size: Option<f64>,
) -> Vec<u8> {
    alone(object.view(), scan).overview(probe, pixel_size)
}

/// A data set at a glance: mean pattern, probe, scan and totals of the patterns in one PNG under
/// `title`, with background and faulty pixels of the detector where `noise` is known. `start` is
/// the probe that a reconstruction starts from, which is shown where the data set has none.
pub fn contact_sheet(
    dataset: &Dataset,
    start: Option<&Modes>,
    noise: Option<&NoiseModel>,
    title: &str,
) -> Vec<u8> {
    let scale = dataset.intensity_scale();
    let power = scale.unwrap_or(1.0).powi(2);
    let intensity = |amplitude: f32| f64::from(amplitude).powi(2) * power;
    let totals: Vec<f64> = dataset.pattern_sums().iter().map(|sum| sum * power).collect();
    let mean = dataset
        .diffraction
        .view()
        .fold_axis(Axis(0), 0.0_f64, |sum, &amplitude| sum + intensity(amplitude))
        .mapv(|sum| (sum / totals.len() as f64) as f32);
    let sheet = ContactSheet {
        title,
        mean_pattern: mean.view(),
        probe: dataset.probe.as_ref().or(start).map(|probe| probe.view()),
        probe_is_made: dataset.probe.is_none(),
        scan: &dataset.scan,
        probe_diameter: match (&dataset.probe, start) {
            (None, Some(start)) => lapwing_model::probe::diameter(start.view()),
            _ => probe_diameter(dataset),
        },
        totals: &totals,
        totals_unit: match scale {
            Some(_) if noise.is_some_and(|noise| noise.gain > 1.0) => "counts",
            Some(_) => dataset.quantum().many(),
            None => "squared amplitude",
        },
        pixel_size: dataset.metadata.as_ref().and_then(object_pixel).map(|(_, x)| x),
        detector: noise.map(|noise| Detector {
            background: noise.background.view(),
            dead: &noise.faults.dead,
            hot: &noise.faults.hot,
        }),
    };
    sheet.png()
}

/// The PNG of a probe.
pub(crate) fn probe(probe: &Modes) -> Vec<u8> {
    modes(probe).png()
}

/// The modes of a probe side by side.
fn modes(probe: &Modes) -> Picture {
    let (modes, height, width) = probe.dim();
    let row =
        Field::from_shape_fn((height, modes * width), |(y, x)| probe[(x / width, y, x % width)]);
    Painter::default().enlarge_to(SIDE).complex(row.view())
}

/// The loss of every epoch.
pub(crate) fn loss(values: &[f64]) -> String {
    let mut plot = Plot::new("Loss", axis::Axis::linear("epoch"), axis::Axis::log("loss"));
    if let (Some(first), Some(last)) = (values.first(), values.last()) {
        plot.description = format!("From {first:.4e} to {last:.4e} in {} epochs.", values.len());
    }
    let points = values.iter().enumerate().map(|(epoch, &loss)| ((epoch + 1) as f64, loss));
    plot.series.push(Series::new("", 0, Mark::Line, points));
    plot.svg(Look::Standalone)
}

/// How far each of the positions `before` was moved by a reconstruction, less what all were, which
/// is the object's own place.
pub fn shifts(before: &[Position], shifts: &[Position], look: Look) -> String {
    let told = ShiftRecord::of(before, shifts);
    let description = format!("Window centres in pixels of the object as measured; {told}.");
    ShiftPlot {
        title: "Shifts of the positions",
        description: &description,
        before,
        shifts: &less_mean(shifts),
        width: 420.0,
    }
    .svg(look)
}

/// Points of a line, at most: of longer scans every second pattern is drawn, or every third.
const MOST_POINTS: usize = 1500;
/// Eigenmodes that are drawn, the brightest.
const DRAWN_EIGENMODES: usize = 3;

/// How the probe varies along the scan; `None` where it does not.
pub fn variation(found: &Variation) -> Option<Plot> {
    let told = VariationRecord::of(found)?;
    let Traces { patterns, weights, powers } = Traces::of(found);
    let mut plot = Plot::new(
        "The probe along the scan",
        axis::Axis::linear("pattern"),
        axis::Axis::linear("over the probe's amplitude, or usual power"),
    );
    let mut description = told.to_string();
    if weights.len() > DRAWN_EIGENMODES {
        description += &format!("; the brightest {DRAWN_EIGENMODES} eigenmodes are drawn");
    }
    plot.description = description + ".";
    let every = patterns.len().div_ceil(MOST_POINTS).max(1);
    let mut line = |name: String, colour: usize, dashed: bool, values: &[f64]| {
        let points = patterns.iter().zip(values).step_by(every);
        let points = points.map(|(&pattern, &value)| (pattern as f64, value));
        let series = Series::new(name, colour, Mark::Line, points);
        plot.series.push(Series { dashed, ..series });
    };
    for (index, weights) in weights.iter().take(DRAWN_EIGENMODES).enumerate() {
        let part = |of: fn(&Complex32) -> f32| -> Vec<f64> {
            weights.iter().map(|weight| of(weight).into()).collect()
        };
        let number = index + 1;
        line(format!("eigenmode {number}, real"), index, false, &part(|weight| weight.re));
        line(format!("{number}, imaginary"), index, true, &part(|weight| weight.im));
    }
    if !powers.is_empty() {
        line("beam's power".to_owned(), DRAWN_EIGENMODES, false, &powers);
    }
    Some(plot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::s;

    #[test]
    fn pictures_of_large_objects_are_of_means_over_blocks() {
        let object = Field::from_elem((4, 9000), Complex32::new(0.7, 0.0));
        let pictures = alone(object.view(), &[]);
        assert_eq!((pictures.amplitude.height(), pictures.amplitude.width()), (2, 3000));
        assert_eq!((means(&pictures.phase), pictures.phase.zoom), (Some(3), 1.0 / 3.0));
        let small = alone(object.slice(s![.., ..4000]), &[]);
        assert_eq!((small.phase.width(), means(&small.phase)), (4000, None));
    }

    #[test]
    fn odd_objects_make_pictures_too() {
        for shape in [(1, 1), (3, 40)] {
            let object = Field::from_elem(shape, Complex32::new(0.0, 0.0));
            let pictures = alone(object.view(), &[]);
            assert!(!pictures.phase.png().is_empty());
            assert!(!pictures.overview(&Modes::zeros((2, 8, 8)), Some(1e-8)).is_empty());
        }
        assert!(loss(&[]).contains("<svg") && loss(&[3.0, 0.0]).contains("<svg"));
        assert!(!probe(&Modes::zeros((2, 8, 8))).is_empty());
    }
}
