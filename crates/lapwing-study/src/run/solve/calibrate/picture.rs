//! The picture of the search for how a scan lies on its detector.

use super::Calibration;
use crate::run::solve::trial::Verdict;
use lapwing_draw::{Axis, Colormap, Mark, Painter, Panel, Plot, Series, figure_under};
use ndarray::Array2;

impl Calibration {
    /// A picture of the search as a PNG: the agreement over defocus (to the right) and rotation
    /// (upwards) for both handednesses, with a ring around what was found; of short fits their loss
    /// over the rotation.
    pub fn picture(&self) -> Vec<u8> {
        match &self.fits {
            Some(fits) => picture_of(fits),
            None => self.picture_of_search(),
        }
    }

    fn picture_of_search(&self) -> Vec<u8> {
        let tried = &self.found.tried;
        let angles: Vec<f64> = distinct(tried.iter().map(|at| at.rotation_deg));
        let curvatures: Vec<f64> = distinct(tried.iter().map(|at| at.curvature));
        let widest = curvatures.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let metres = self.defocus_m.filter(|_| self.curvature_px2 != 0.0);
        let (each, named, unit) = match metres.map(|defocus| defocus / self.curvature_px2) {
            Some(metres) => {
                let (unit, name) = unit_of(metres * widest);
                (metres / unit, "defocus", name)
            }
            // The defocus times the wavelength.
            None => (1.0, "curvature", "px^2"),
        };
        // A place stands for a rotation and, with the defocus reversed, for half a turn more.
        let best = self.found.best;
        let turns = ((best.rotation_deg + 90.0) / 180.0).ceil() - 1.0;
        let sign = if turns.rem_euclid(2.0) == 0.0 { 1.0 } else { -1.0 };
        let place = (sign * each * best.curvature, best.rotation_deg - 180.0 * turns);
        let panel = |transposed: bool, title: &str| {
            let of: Vec<f32> = tried
                .iter()
                .filter(|at| at.transposed == transposed)
                .map(|at| at.agreement as f32)
                .collect();
            let columns = of.len() / angles.len().max(1);
            // The largest angle at the top.
            let values = Array2::from_shape_fn((angles.len(), columns), |(row, column)| {
                of[(angles.len() - 1 - row) * columns + column]
            });
            let map = Painter::default()
                .map(Colormap::Viridis)
                .range(Some((0.0, self.agreement as f32)))
                .enlarge_to(320)
                .scalar(values.view());
            let x = edges(&curvatures).map(|value| each * value);
            let y = edges(&angles);
            let panel = Panel::new(title, map).unit("agreement").axes(
                Axis::linear(format!("{named}, {unit}")).range(x[0], x[1]),
                Axis::linear("rotation, degrees").range(y[0], y[1]),
            );
            if best.transposed == transposed { panel.ring(place.0, place.1) } else { panel }
        };
        let panels = [panel(false, "coordinates as read"), panel(true, "coordinates exchanged")];
        let heading = format!(
            "ring: {:.2} degrees, {named} {:.2} {unit}; half a turn on, the {named} reversed, is the \
             same place",
            self.rotation_deg,
            each * self.curvature_px2
        );
        figure_under(&heading, &panels, 2)
    }
}

/// The values that occur, ascending.
fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// Where the first pixel of an axis begins and the last one ends, for values at their centres.
fn edges(values: &[f64]) -> [f64; 2] {
    let (first, last) = (values.first().copied(), values.last().copied());
    let (first, last) = (first.unwrap_or(0.0), last.unwrap_or(0.0));
    let half = (last - first) / values.len().saturating_sub(1).max(1) as f64 / 2.0;
    [first - half, last + half]
}

/// The unit, metres, that suits a length, and its name.
fn unit_of(metres: f64) -> (f64, &'static str) {
    let units = [(1e-3, "mm"), (1e-6, "um"), (1e-9, "nm")];
    units.into_iter().find(|(unit, _)| metres.abs() >= *unit).unwrap_or((1e-12, "pm"))
}

/// The loss of all fits over the rotation, for both handednesses, and the angle that was found.
fn picture_of(fits: &Verdict) -> Vec<u8> {
    let of = |transposed: bool| -> Vec<(f64, f64)> {
        let fitted = fits.fitted.iter().filter(|fit| fit.transposed == transposed);
        let mut points: Vec<(f64, f64)> =
            fitted.map(|fit| (fit.rotation_deg.rem_euclid(360.0), fit.loss)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let mut plot = Plot::new(
        "loss of short fits, the lower the better",
        Axis::linear("rotation, degrees").range(-10.0, 370.0),
        Axis::linear("loss per held-out pixel"),
    );
    let best = (fits.best.rotation_deg.rem_euclid(360.0), fits.best.loss);
    let handedness = if fits.best.transposed { "exchanged" } else { "as read" };
    plot.series = vec![
        Series::new("coordinates as read", 0, Mark::LineAndSymbols, of(false)),
        Series::new("coordinates exchanged", 1, Mark::LineAndSymbols, of(true)),
        Series::new(
            format!("found: {handedness}, {:.1} degrees", best.0),
            2,
            Mark::Symbols,
            [best],
        ),
    ];
    plot.size = (640.0, 360.0);
    plot.png(1.5)
}
