//! The overlap that a design asks for, beside the one that its positions have.

use crate::answer::{overlap_in_words, step_in_words};
use crate::estimate::Line;
use lapwing_study::View;
use lapwing_study::record::JobResult;

/// How far apart the positions of a view are at least, as the design asks for, and what overlap
/// that is: `asked for: 18.0 px (360 nm), overlap 0.60`. Nothing of all positions.
///
/// Where they lie on no raster of that distance they spread more widely, so that the overlap that
/// they have is lower. The named views count in sides of a pattern, not in diameters of the disc.
pub(crate) fn asked_for(view: View, result: &JobResult) -> Option<String> {
    let spacing = result.view.as_ref()?.spacing_threshold;
    let overlap = match view {
        View::Baseline => return None,
        View::Dense | View::Sparse => {
            let side = result.pattern_shape.0 as f64;
            format!("{} of the pattern\u{2019}s side", overlap_in_words(1.0 - spacing / side))
        }
        View::Step(_) => overlap_in_words(1.0 - spacing / result.probe_diameter_px),
    };
    Some(format!("asked for: {}, {overlap}", step_in_words(spacing, result.pixel_size_m)))
}

impl Line<'_> {
    /// The same of its view.
    pub fn asked_for(self) -> Option<String> {
        let of = |row: &crate::gather::Row| asked_for(self.view, row.result()?);
        self.rows.iter().filter(|row| row.condition.view == self.view).find_map(of)
    }
}
