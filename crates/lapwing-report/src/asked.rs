//! The overlap that a design asks for, beside the one that its positions have.

use crate::answer::{overlap_in_words, step_in_words};
use crate::estimate::Line;
use lapwing_study::View;
use lapwing_study::record::JobResult;

/// How far apart the positions of a view are at least, as the design asks for, and the overlap that
/// this is.
///
/// Where they lie on no raster of that distance they spread more widely, so that the overlap that
/// they have is lower. The named views count in sides of a pattern, not in diameters of the disc.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    spacing: f64,
    overlap: f64,
    /// Whether the overlap is a share of the pattern's side.
    of_side: bool,
    pixel_size: Option<f64>,
}

impl Asked {
    /// Of a result; nothing of all positions.
    pub fn of(view: View, result: &JobResult) -> Option<Self> {
        let spacing = result.view.as_ref()?.spacing_threshold;
        let of_side = matches!(view, View::Dense | View::Sparse);
        let side = result.pattern_shape.0 as f64;
        let overlap = 1.0 - spacing / if of_side { side } else { result.probe_diameter_px };
        let asked = Self { spacing, overlap, of_side, pixel_size: result.pixel_size_m };
        (view != View::Baseline).then_some(asked)
    }

    fn of_what(self) -> &'static str {
        if self.of_side { " of the side" } else { "" }
    }

    /// `asked: 18.0 px (360 nm), overlap 0.60`.
    pub fn words(self) -> String {
        let step = step_in_words(self.spacing, self.pixel_size);
        format!("asked: {step}, {}{}", overlap_in_words(self.overlap), self.of_what())
    }

    /// The same behind the overlap that there is: ` (asked: 0.60)`.
    pub fn behind(self) -> String {
        format!(" (asked:\u{a0}{:.2}{})", self.overlap.max(0.0), self.of_what())
    }
}

impl Line<'_> {
    /// What the design asks of its view.
    pub fn asked(self) -> Option<Asked> {
        let of = |row: &crate::gather::Row| Asked::of(self.view, row.result()?);
        self.rows.iter().filter(|row| row.condition.view == self.view).find_map(of)
    }
}
