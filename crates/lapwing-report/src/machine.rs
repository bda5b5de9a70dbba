//! The answer as `study_answer.json`, for programs.

use crate::answer::{First, Question, first_screen};
use crate::gather::Study;
use crate::levels::Axes;
use crate::metric::Metric;
use crate::page::not_compared;
use crate::quanta::said;
use serde_json::{Value, json};

/// For every metric that was measured: its goal and the goal's origin, where each solver, view and
/// split reaches it, and the sentences of the page.
pub(crate) fn answer(study: &Study, metrics: &[Metric]) -> Result<String, serde_json::Error> {
    let axes = Axes::of(study);
    let measured = |metric: &&Metric| study.has(metric);
    let told = |sentences: Vec<String>| -> Vec<String> {
        sentences.iter().map(|sentence| said(study.quantum, sentence)).collect()
    };
    let of = |metric: &Metric| {
        let question = Question::of(study, &axes, metric);
        let reached: Vec<Value> = question
            .reached_everywhere()
            .iter()
            .map(|reached| reached.json(study.radiation()))
            .collect();
        json!({
            "metric": metric.name,
            "goal": metric.goal,
            "bound": if metric.higher_is_better() { "at_least" } else { "at_most" },
            "asked_for": metric.asked,
            "reached_by_flat": question.flat,
            "not_held": question.unheld,
            "reached": reached,
            "sentences": told(question.words()),
        })
    };
    let answers: Vec<Value> = metrics.iter().filter(measured).map(of).collect();
    let First { found, mut untold } = first_screen(study, &axes, metrics);
    // The page says it where the answer would stand.
    untold.extend(not_compared(study).filter(|_| found.is_none()));
    let headline = found.map(|(metric, found)| {
        json!({
            "metric": metric.name, "goal": metric.goal, "asked_for": metric.asked,
            "solver": found.solver, "views": found.views,
            "sentences": told(found.sentences.into_iter().chain(found.more).collect()),
        })
    });
    let whole = json!({
        "study": study.name(),
        "generator": concat!("lapwing ", env!("CARGO_PKG_VERSION")),
        "done": study.done(),
        "total": study.rows.len(),
        "pixel_size_m": study.pixel_size,
        "reference": study.reference,
        "headline": headline,
        "untold": told(untold),
        "answers": answers,
    });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}
