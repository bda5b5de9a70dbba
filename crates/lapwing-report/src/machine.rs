//! The answer as `study_answer.json`, for programs.

use crate::answer::{Question, Reached};
use crate::gather::Study;
use crate::metric::Metric;
use serde_json::{Value, json};

/// For every metric that was measured: its goal and whose it is, where each solver, view and split
/// reaches it, and the sentences of the page.
pub(crate) fn answer(study: &Study, metrics: &[Metric]) -> Result<String, serde_json::Error> {
    let (views, splits) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    let (doses, solvers) = (study.distinct(|c| c.dose), study.solvers());
    let measured =
        |metric: &&Metric| study.rows.iter().any(|row| row.metric(&metric.name).is_some());
    let of = |metric: &Metric| {
        let question = Question {
            rows: &study.rows,
            metric,
            solvers: &solvers,
            views: &views,
            splits: &splits,
            doses: &doses,
            reference: study.reference_solver(),
            pixel_size: study.pixel_size,
        };
        let reached: Vec<Value> = question.reached_everywhere().iter().map(Reached::json).collect();
        json!({
            "metric": metric.name,
            "goal": metric.goal,
            "bound": if metric.higher_is_better() { "at_least" } else { "at_most" },
            "asked_for": metric.asked,
            "reached": reached,
            "sentences": question.words(),
        })
    };
    let answers: Vec<Value> = metrics.iter().filter(measured).map(of).collect();
    let whole = json!({
        "study": study.name(),
        "generator": concat!("lapwing ", env!("CARGO_PKG_VERSION")),
        "done": study.done(),
        "total": study.rows.len(),
        "pixel_size_m": study.pixel_size,
        "reference": study.reference,
        "answers": answers,
    });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}
