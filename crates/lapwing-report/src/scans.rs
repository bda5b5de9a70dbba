//! The scans of a page, drawn.

use crate::gather::{Row, Study};
use lapwing_draw::{Look, ScanPlot};
use lapwing_files::reconstruction::{read_positions, read_scan, read_variation};
use lapwing_model::Position;
use lapwing_study::Split;
use lapwing_study::layout::data_file;
use lapwing_study::pictures;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The scans of a page: each file read once, and scans that are the same, as those of all doses and
/// solvers are, drawn once.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    whole: HashMap<(u64, Split), Vec<Position>>,
    drawings: Vec<Drawing>,
}

/// A scan that several conditions may have.
#[derive(Debug)]
struct Drawing {
    svg: String,
    /// How many conditions have it.
    uses: usize,
}

impl Scans {
    /// The scan of a finished condition as an index for [`shown`](Self::shown); `None` when its
    /// files are gone.
    pub fn add(&mut self, study: &Study, row: &Row) -> Option<usize> {
        let (condition, result) = (row.condition, row.result()?);
        let whole = self.whole.entry((condition.dose, condition.split)).or_insert_with(|| {
            positions(&data_file(&study.folder.data_root(), condition.dose, condition.split))
                .unwrap_or_default()
        });
        let file = study.folder.result_dir(&row.case).join(result.files.reconstruction.as_ref()?);
        // Where they were refined, those of the data set are in the measured ones.
        let scan = read_scan(&file).ok()??;
        let selected = scan.measured.unwrap_or(scan.positions);
        if selected.is_empty() {
            return None;
        }
        let bits = |p: &Position| (p.y.to_bits(), p.x.to_bits());
        let kept: HashSet<(u64, u64)> = selected.iter().map(bits).collect();
        let rejected: Vec<Position> =
            whole.iter().filter(|p| !kept.contains(&bits(p))).copied().collect();
        let title = match rejected.len() {
            0 => format!("Scan: all {} positions", selected.len()),
            n => format!("Scan: {} positions selected, {n} left out", selected.len()),
        };
        let description = format!(
            "Window centres in pixels of the object. The shaded area is illuminated; the circle is one probe, {:.1} pixels wide.",
            result.probe_diameter_px
        );
        let plot = ScanPlot {
            title: &title,
            description: &description,
            selected: &selected,
            rejected: &rejected,
            probe_diameter: result.probe_diameter_px,
            width: 420.0,
        };
        let svg = plot.svg(Look::Inline);
        let known = self.drawings.iter().position(|drawing| drawing.svg == svg);
        let index = known.unwrap_or_else(|| {
            self.drawings.push(Drawing { svg, uses: 0 });
            self.drawings.len() - 1
        });
        self.drawings[index].uses += 1;
        Some(index)
    }

    /// What stands in a card: the drawing, or what takes it from [`shared`](Self::shared).
    pub fn shown(&self, index: usize) -> String {
        let Some(drawing) = self.drawings.get(index) else { return String::new() };
        match (drawing.uses, drawing.parts()) {
            (2.., Some((head, _))) => format!("{head}<use href=\"#scan-{index}\"/></svg>\n"),
            _ => drawing.svg.clone(),
        }
    }

    /// The drawings that several cards take: SVG that shows nothing itself.
    pub fn shared(&self) -> String {
        let parts = self.drawings.iter().enumerate().filter(|(_, drawing)| drawing.uses > 1);
        parts
            .filter_map(|(index, drawing)| {
                Some(format!("<g id=\"scan-{index}\">\n{}</g>\n", drawing.parts()?.1))
            })
            .collect()
    }
}

impl Drawing {
    /// What stands up to the end of the description, and what is drawn.
    fn parts(&self) -> Option<(&str, &str)> {
        let end = self.svg.find("</desc>")? + "</desc>".len();
        Some((&self.svg[..end], self.svg[end..].trim_start().strip_suffix("</svg>\n")?))
    }
}

/// How far the positions of a finished condition were moved; nothing where they were not.
pub(crate) fn shifts(study: &Study, row: &Row) -> Option<String> {
    let result = row.result()?;
    result.shifts?;
    let file = study.folder.result_dir(&row.case).join(result.files.reconstruction.as_ref()?);
    let scan = read_scan(&file).ok()??;
    let (measured, shifts) = (scan.measured.as_ref()?, scan.shifts()?);
    Some(pictures::shifts(measured, &shifts, Look::Inline))
}

/// How the probe of a finished condition varies along the scan; nothing where it does not.
pub(crate) fn variation(study: &Study, row: &Row) -> Option<String> {
    let result = row.result()?;
    result.variation.as_ref()?;
    let file = study.folder.result_dir(&row.case).join(result.files.reconstruction.as_ref()?);
    let found = read_variation(&file).ok()??;
    Some(pictures::variation(&found)?.svg(Look::Inline))
}

/// Window centres of a data set, or those that a reconstruction used.
pub(crate) fn positions(file: &Path) -> Option<Vec<Position>> {
    read_positions(file).ok()?
}
