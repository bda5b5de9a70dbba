//! Plots and images as files for papers and slides: SVG, and PNG at print resolution.

use crate::gather::Study;
use crate::levels::{Axes, Level};
use crate::media::Shot;
use crate::metric::Metric;
use crate::quanta::{plot_said, said};
use crate::{plots, shots};
use lapwing_draw::{Block, ImageSheet, Look, Painter, Picture};
use lapwing_study::{Split, View};

/// Folder of the figures, inside that of the report.
pub(crate) const FOLDER: &str = "figures";

/// Pixels for each unit of a plot: 470 units are 11.9 cm at 300 dots per inch.
const ZOOM: f64 = 3.0;

/// Pixels for each unit of a sheet of images, whose pictures are 150 units wide.
const SHEET_ZOOM: f64 = 2.0;

/// Longest side of a picture in a sheet of images: one pixel of a field for each pixel of the PNG
/// at most.
const SIDE: usize = 300;

/// Name and contents of every figure: quality against dose in every metric that was measured, for
/// each solver, and the images of every condition side by side, for each split and solver.
pub(crate) fn all(study: &Study, metrics: &[Metric]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let solvers = study.solvers();
    let by =
        |solver: &str| if solvers.len() > 1 { format!("_{}", safe(solver)) } else { String::new() };
    for metric in metrics.iter().filter(|metric| study.has(metric)) {
        for solver in &solvers {
            let plot = plot_said(study.quantum, plots::quality(study, metric, solver));
            let name = format!("{}{}", metric.name, by(solver));
            files.push((format!("{name}.svg"), plot.svg(Look::Standalone).into_bytes()));
            files.push((format!("{name}.png"), plot.png(ZOOM)));
            let others = [
                ("fluence", plots::against_fluence(study, metric, solver)),
                ("dose_overlap", plots::equal_quality(study, metric, solver).and_then(Result::ok)),
            ];
            for (kind, plot) in others {
                let Some(plot) = plot else { continue };
                let plot = plot_said(study.quantum, plot);
                let name = format!("{name}_{kind}");
                files.push((format!("{name}.svg"), plot.svg(Look::Standalone).into_bytes()));
                files.push((format!("{name}.png"), plot.png(ZOOM)));
            }
        }
    }
    for split in study.distinct(|condition| condition.split) {
        for solver in &solvers {
            if let Some(sheet) = images(study, split, solver) {
                let name = format!("images_{split}{}", by(solver));
                files.push((format!("{name}.svg"), sheet.svg().into_bytes()));
                files.push((format!("{name}.png"), sheet.png(SHEET_ZOOM)));
            }
        }
    }
    files
}

/// Amplitude and phase of every condition of a split and solver: doses below each other, views
/// beside each other behind the truth.
///
/// `None` when there are no pictures.
fn images(study: &Study, split: Split, solver: &str) -> Option<ImageSheet> {
    let Axes { levels, views, .. } = &Axes::of(study);
    // Amplitude and phase.
    let shown = |shot: &&Shot| shot.main;
    let small = |shot: &Shot| Some((shot.caption.clone(), shot.picture(SIDE)?));
    let shots: Vec<Vec<Vec<(String, Picture)>>> = levels
        .iter()
        .map(|level| {
            let of = |&view: &View| {
                let row = study.row(level.dose(view)?, split, view, solver)?;
                Some(shots::of_row(study, row).iter().filter(shown).filter_map(small).collect())
            };
            views.iter().map(|view| of(view).unwrap_or_default()).collect()
        })
        .collect();
    let find = |shots: &[(String, Picture)], quantity: &str| {
        let shot = shots.iter().find(|(caption, _)| caption == quantity);
        shot.map(|(_, picture)| picture.clone())
    };
    let truth = shots::true_object(study, split);
    let block = |quantity: &str, unit: &str| {
        let made: Vec<Vec<Option<Picture>>> = shots
            .iter()
            .map(|row| row.iter().map(|shots| find(shots, quantity)).collect())
            .collect();
        // The truth in the colours of the reconstructions, which are on its range.
        let scale = made.iter().flatten().flatten().find_map(|picture| picture.scale);
        let truth = truth.as_ref().zip(scale).map(|(object, scale)| {
            let painter =
                Painter::default().map(scale.map).range((scale.low, scale.high)).max_side(SIDE);
            let picture = match quantity {
                "Phase" => painter.phase(object.view()),
                _ => painter.amplitude(object.view()),
            };
            Picture { scale: Some(scale), ..picture }
        });
        let pictures = made
            .into_iter()
            .enumerate()
            .map(|(row, made)| {
                std::iter::once(truth.clone().filter(|_| row == 0)).chain(made).collect()
            })
            .collect();
        Block { title: quantity.to_owned(), unit: unit.to_owned(), pictures }
    };
    let blocks = vec![block("Amplitude", ""), block("Phase", "rad")];
    let any = blocks.iter().any(|block| block.pictures.iter().flatten().any(Option::is_some));
    let by = if study.solvers().len() > 1 { format!(", {solver}") } else { String::new() };
    let reference = if study.reference.is_some() { "reference" } else { "truth" };
    any.then(|| ImageSheet {
        title: said(
            study.quantum,
            &format!("Reconstructions, {split} split{by}; rows: {}", Axes::of(study).corner()),
        ),
        description:
            "Amplitude and phase of every condition: doses from top to bottom, views from left to \
                      right."
                .to_owned(),
        columns: std::iter::once(reference.to_owned())
            .chain(views.iter().map(View::to_string))
            .collect(),
        rows: levels.iter().map(Level::label).collect(),
        blocks,
        pixel_size: study.pixel_size,
    })
}

/// A name that is valid on any file system.
fn safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_solvers_are_names_of_files() {
        assert_eq!(safe("../pty chi"), "___pty_chi");
    }
}
