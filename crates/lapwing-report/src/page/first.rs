//! The first screen: a sentence, a picture, a table, and the words that a visitor needs.

use super::fact::{Fact, fact};
use crate::answer::{First, NeedTable, first_screen};
use crate::gather::Study;
use crate::levels::{Axes, Level};
use crate::metric::Metric;
use crate::plots;
use lapwing_draw::{Look, Plot};
use lapwing_files::Quantum;
use minijinja::Value;
use serde::Serialize;

/// The answer in one metric.
#[derive(Serialize)]
pub(super) struct Screen {
    /// The name of that metric.
    pub(super) metric: String,
    solver: String,
    sentences: Vec<String>,
    more: Vec<String>,
    table: NeedTable,
    costs: Option<NeedTable>,
    note: Option<String>,
    plot: Value,
    goal: String,
}

/// The answer in the first of `metrics` that has one, and why those before it have none; `None`
/// where nothing was compared or nothing can be told.
pub(super) fn screen(study: &Study, metrics: &[Metric]) -> (Option<Screen>, Vec<String>) {
    let axes = Axes::of(study);
    let First { found, untold } = first_screen(study, &axes, metrics);
    let screen = found.map(|(metric, found)| Screen {
        plot: {
            let plot = picture(study, metric, &found.solver, &axes);
            let plot = Plot { show_title: true, ..plot };
            Value::from_safe_string(plot.svg(Look::Inline))
        },
        metric: metric.name.to_string(),
        solver: found.solver,
        sentences: found.sentences,
        more: found.more,
        table: found.table,
        costs: found.costs,
        note: found.note,
        goal: metric.whose_goal(),
    });
    (screen, untold)
}

/// Why there is no answer although images are there: nothing that they could be compared with.
pub(crate) fn not_compared(study: &Study) -> Option<String> {
    let mut reasons: Vec<&str> = Vec::new();
    for reason in study.rows.iter().filter_map(|row| row.result()?.not_compared.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let reasons = reasons.join("; ");
    (!reasons.is_empty()).then(|| {
        format!("The images below were compared with nothing, so that none can be told: {reasons}.")
    })
}

/// Doses (photons on the specimen in a study of equal fluence) and overlaps of equal quality where
/// the goal is reached from one of three overlaps to another; else quality against the photons on
/// the specimen in a study of equal fluence, and against the dose in any other.
fn picture(study: &Study, metric: &Metric, solver: &str, axes: &Axes) -> Plot {
    // A line through two strips between overlaps crosses each of these and what is between them.
    let reached = |plot: &Plot| {
        let goal = plot.series.first().filter(|one| one.name.starts_with("goal"));
        goal.is_some_and(|goal| goal.points.len() > 4)
    };
    let equal = || plots::equal_quality(study, metric, solver)?.ok().filter(reached);
    let by_fluence = axes.levels.first().is_some_and(Level::is_fluence);
    let fluence = || plots::against_fluence(study, metric, solver).filter(|_| by_fluence);
    equal().or_else(fluence).unwrap_or_else(|| plots::quality(study, metric, solver))
}

/// What the words of the page mean.
pub(super) fn legend(study: &Study) -> Vec<Fact> {
    let compared = match &study.reference {
        Some(reference) => format!(
            "The scan was measured, so there is no ground truth. Reconstructions are compared \
             with the {reference}, made of all photons and positions, after shift, phase and scale, \
             which no ptychography determines, are taken out."
        ),
        None => "Patterns were simulated from a known object. Reconstructions, which do not know \
                 it, are compared with it after shift, phase and scale, which no ptychography \
                 determines, are taken out."
            .to_owned(),
    };
    let words = [
        (
            "ptychography",
            "A beam, the probe, is moved over a specimen in overlapping steps; at each position a \
             detector counts the photons that arrive, a pattern. A solver computes amplitude and \
             phase of the specimen from all patterns together.",
        ),
        (
            "dose",
            match study.quantum {
                Quantum::Electron => {
                    "Photons of one pattern, on average over the scan. More of them make a better \
                     image, and more damage."
                }
                _ => {
                    "Photons (electrons, of an electron microscope) of one pattern, on average over \
                     the scan. More of them make a better image, and more damage."
                }
            },
        ),
        (
            "on the specimen",
            "Photons of all patterns together on an area of the specimen, which determine \
             radiation damage. Wider steps of the same dose bring fewer.",
        ),
        (
            "step, overlap",
            "The step of a raster that spreads as far as the positions do; 1 less the step over the \
             probe\u{2019}s diameter.",
        ),
        (
            "view",
            "A choice of positions: baseline has all of a split; dense, sparse and step_12.5 leave \
             positions out until those that stay are at least so far apart, 12.5 px. Where the scan \
             is no raster, its step, which is that of all of them together, is wider; what the design \
             asks for stands beside it, of dense and sparse in sides of a pattern.",
        ),
        ("train, test", "The two splits of the scan, cut apart and each reconstructed alone."),
        (
            "phase SSIM",
            "Structural similarity of the phases, 1 where they are the same; other measures of \
             quality follow below.",
        ),
        (
            "resolution (FRC)",
            "The finest detail of which two images still agree: half the period at which the \
             correlation of their Fourier rings falls below a threshold. In pixels of the object; \
             small is good.",
        ),
    ];
    let allowed = (
        "allowed by the photons",
        "What the best linear filter that knows the specimen\u{2019}s spectrum makes of counts at \
         the Cram\u{e9}r-Rao bound (docs/metrics.md). A solver that knows more of the specimen, \
         such as that it has flat areas, may pass it.",
    );
    let simulated = study.reference.is_none().then_some(allowed);
    let words = words.into_iter().chain(simulated).map(|(name, meaning)| fact(name, meaning));
    words.chain([fact("compared with", compared)]).collect()
}
