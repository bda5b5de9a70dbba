//! The page: what the template needs, in the order in which it is read.

use crate::ReportError;
use crate::answer::words;
use crate::gather::{Row, State, Study};
use crate::media::{self, Shot, Shown};
use crate::metric::{METRICS, Metric, dose_label, shown};
use crate::plots::{self, Scans};
use crate::shots::{self, address};
use crate::tables::strategy;
use lapwing_draw::Look;
use lapwing_draw::number::label;
use lapwing_study::record::{Files, JobResult, link};
use lapwing_study::{Split, StudyFolder, View};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

/// The whole page.
pub(crate) fn render(study: &Study) -> Result<String, ReportError> {
    let views = distinct(study.rows.iter().map(|row| row.condition.view));
    let splits = distinct(study.rows.iter().map(|row| row.condition.split));

    let truths: Vec<(Split, Vec<Shot>)> =
        splits.iter().map(|&split| (split, shots::of_truth(study, split))).collect();
    let rows: Vec<Vec<Shot>> = study.rows.iter().map(|row| shots::of_row(study, row)).collect();
    let counts: Vec<usize> =
        truths.iter().map(|(_, shots)| shots.len()).chain(rows.iter().map(Vec::len)).collect();
    let all: Vec<Shot> =
        truths.into_iter().flat_map(|(_, shots)| shots).chain(rows.into_iter().flatten()).collect();
    let mut embedded = media::embed(&all).into_iter();
    let mut pictures = counts.into_iter().map(|count| embedded.by_ref().take(count).collect::<Vec<Shown>>());

    let truths: Vec<Truth> = splits
        .iter()
        .map(|split| Truth { split: split.to_string(), pictures: pictures.next().unwrap_or_default() })
        .filter(|truth| !truth.pictures.is_empty())
        .collect();
    let mut scans = Scans::default();
    let cards: Vec<Card> = study
        .rows
        .iter()
        .zip(pictures)
        .map(|(row, pictures)| card(study, row, pictures, &mut scans))
        .collect();

    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("report.html", include_str!("templates/report.html"))?;
    let page = context! {
        title => study.name(),
        generator => concat!("Lapwing ", env!("CARGO_PKG_VERSION")),
        finished => study.rows.iter().filter_map(|row| Some(row.result.as_ref()?.timestamp)).max().map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        done => study.done(),
        total => study.rows.len(),
        facts => Serde(facts(study)),
        panels => Serde(METRICS.iter().map(|metric| panel(study, metric, &views, &splits)).collect::<Vec<_>>()),
        measured => study.rows.iter().any(|row| !row.metrics.is_empty()),
        problems => Serde(problems(study)),
        truths => Serde(truths),
        groups => Serde(groups(study, cards)),
        columns => Serde(METRICS.map(|metric| metric.title)),
        results => Serde(study.rows.iter().map(result_line).collect::<Vec<_>>()),
        settings => study.settings.clone(),
        style => Value::from_safe_string(include_str!("templates/report.css").to_owned()),
        gradients => Value::from_safe_string(media::gradients()),
        script => Value::from_safe_string(include_str!("templates/report.js").to_owned()),
    };
    Ok(environment.get_template("report.html")?.render(page)?)
}

/// The distinct values in ascending order.
fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<std::collections::BTreeSet<T>>().into_iter().collect()
}

/// A term and what it is.
#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into() }
}

/// What holds for the whole study.
fn facts(study: &Study) -> Vec<Fact> {
    let results = || study.rows.iter().filter_map(|row| row.result.as_ref());
    let mut facts = Vec::new();
    let doses = distinct(study.rows.iter().map(|row| row.condition.dose));
    let doses: Vec<String> = doses.into_iter().map(dose_label).collect();
    facts.push(fact("doses", format!("{} photons per pattern", doses.join(", "))));
    if let Some(result) = results().next() {
        let (height, width) = result.pattern_shape;
        facts.push(fact("patterns", format!("{height} \u{d7} {width} pixels")));
        facts.push(fact("probe", format!("{} pixels wide", label(result.probe_diameter_px, 3))));
        let epochs = result.loss.map(|loss| format!(", {} epochs", loss.epochs)).unwrap_or_default();
        facts.push(fact("solver", format!("{}{epochs}", result.algorithm)));
    }
    let seconds: f64 = results().map(|result| result.seconds).filter(|seconds| seconds.is_finite()).sum();
    if seconds > 0.0 {
        facts.push(fact("reconstruction time", duration(seconds)));
    }
    let shared = results().filter_map(|result| result.shared_fraction).fold(f64::NAN, f64::max);
    if shared > 0.0 {
        let text = format!("up to {:.1} % of the illuminated pixels are seen by both splits", 100.0 * shared);
        facts.push(fact("train and test share", text));
    }
    facts
}

/// `42.0 s`, `3 min 5 s`, `2 h 10 min`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round().clamp(0.0, 1e15) as u64;
    match whole {
        0..100 => format!("{} s", label(seconds, 3)),
        100..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// The answer in one metric: a table of dose and view for each split, a plot, and words.
#[derive(Serialize)]
struct Panel {
    title: &'static str,
    meaning: &'static str,
    unit: &'static str,
    words: Vec<String>,
    grids: Vec<Grid>,
    plot: Value,
}

#[derive(Serialize)]
struct Grid {
    split: String,
    views: Vec<String>,
    rows: Vec<GridRow>,
}

#[derive(Serialize)]
struct GridRow {
    dose: String,
    cells: Vec<Cell>,
}

/// A value with its place between the worst (0) and the best (100) of the study, or why there is none.
#[derive(Serialize)]
struct Cell {
    text: String,
    anchor: String,
    percent: Option<u32>,
}

fn panel(study: &Study, metric: &Metric, views: &[View], splits: &[Split]) -> Panel {
    let rows = &study.rows;
    let values = || rows.iter().filter_map(|row| row.metric(metric.key));
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let percent = |value: f64| {
        let t = if high > low { (value - low) / (high - low) } else { 1.0 };
        (100.0 * if metric.higher_is_better { t } else { 1.0 - t }).round() as u32
    };
    let cell = |row: Option<&Row>| match row {
        Some(row) => {
            let value = row.metric(metric.key);
            let text = match (value, &row.state) {
                (Some(value), _) => shown(value),
                (None, State::Done) => "\u{2013}".to_owned(),
                (None, state) => state.name().to_owned(),
            };
            Cell { text, anchor: row.anchor(), percent: value.map(percent) }
        }
        None => Cell { text: "\u{2013}".to_owned(), anchor: String::new(), percent: None },
    };
    let doses = distinct(rows.iter().map(|row| row.condition.dose));
    let grid = |&split: &Split| Grid {
        split: split.to_string(),
        views: views.iter().map(View::to_string).collect(),
        rows: doses
            .iter()
            .map(|&dose| {
                let find = |view: &View| {
                    rows.iter().find(|row| {
                        (row.condition.dose, row.condition.split, row.condition.view) == (dose, split, *view)
                    })
                };
                GridRow { dose: dose_label(dose), cells: views.iter().map(|view| cell(find(view))).collect() }
            })
            .collect(),
    };
    Panel {
        title: metric.title,
        meaning: metric.meaning,
        unit: metric.unit,
        words: words(rows, metric, views, splits),
        grids: splits.iter().map(grid).collect(),
        plot: Value::from_safe_string(if low <= high {
            plots::quality(rows, metric, views, splits).svg(Look::Inline)
        } else {
            String::new()
        }),
    }
}

/// The truth of one split.
#[derive(Serialize)]
struct Truth {
    split: String,
    pictures: Vec<Shown>,
}

/// Everything about one condition.
#[derive(Serialize)]
struct Card {
    anchor: String,
    view: String,
    status: &'static str,
    reason: Option<String>,
    headline: Vec<Fact>,
    pictures: Vec<Shown>,
    scan: Value,
    loss: Value,
    frc: Value,
    details: Vec<Fact>,
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    name: String,
    /// Percent-encoded.
    address: Value,
}

/// The conditions of one dose, split by split.
#[derive(Serialize)]
struct Group {
    dose: String,
    splits: Vec<GroupSplit>,
}

#[derive(Serialize)]
struct GroupSplit {
    split: String,
    cards: Vec<Card>,
}

fn groups(study: &Study, cards: Vec<Card>) -> Vec<Group> {
    let mut groups: Vec<(u64, Group)> = Vec::new();
    for (row, card) in study.rows.iter().zip(cards) {
        let (dose, split) = (row.condition.dose, row.condition.split.to_string());
        if groups.last().is_none_or(|(last, _)| *last != dose) {
            groups.push((dose, Group { dose: dose_label(dose), splits: Vec::new() }));
        }
        if let Some((_, group)) = groups.last_mut() {
            match group.splits.last_mut().filter(|last| last.split == split) {
                Some(last) => last.cards.push(card),
                None => group.splits.push(GroupSplit { split, cards: vec![card] }),
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn card(study: &Study, row: &Row, pictures: Vec<Shown>, scans: &mut Scans) -> Card {
    let svg = |plot: Option<String>| Value::from_safe_string(plot.unwrap_or_default());
    let headline = METRICS
        .iter()
        .take(4)
        .filter_map(|metric| Some(fact(metric.title, shown(row.metric(metric.key)?))))
        .collect();
    Card {
        anchor: row.anchor(),
        view: row.condition.view.to_string(),
        status: row.state.name(),
        reason: row.state.reason().map(str::to_owned),
        headline,
        pictures,
        scan: svg(scans.plot(study, row)),
        loss: svg(plots::loss(row).map(|plot| plot.svg(Look::Inline))),
        frc: svg(plots::frc(row).map(|plot| plot.svg(Look::Inline))),
        details: row.result.as_ref().map(|result| details(row, result)).unwrap_or_default(),
        links: links(study, row),
    }
}

/// How the data of a condition came about, what it cost, and the gauge that was removed.
fn details(row: &Row, result: &JobResult) -> Vec<Fact> {
    let mut details = vec![fact("patterns used", result.n_patterns.to_string())];
    if let Some(counts) = result.mean_counts {
        details.push(fact("measured photons per pattern", label(counts, 5)));
    }
    details.push(fact("measured overlap of neighbours", format!("{:.3}", result.overlap)));
    if let Some(view) = &result.view {
        details.push(fact("selection", strategy(view)));
        details.push(fact("least spacing", format!("{} px", label(view.spacing_threshold, 4))));
        let all = view.n_accepted + view.n_rejected;
        details.push(fact(
            "positions kept",
            format!(
                "{} of {all} ({:.2} %), {} left out",
                view.n_accepted,
                100.0 * view.acceptance_rate,
                view.n_rejected
            ),
        ));
    }
    if let Some(shared) = result.shared_fraction {
        details.push(fact("pixels shared with the other split", format!("{:.1} %", 100.0 * shared)));
    }
    if let Some(loss) = result.loss {
        details.push(fact("epochs", loss.epochs.to_string()));
        details.push(fact(
            "loss, first to last",
            format!("{} to {}", label(loss.first, 4), label(loss.last, 4)),
        ));
    }
    details.push(fact("time", duration(result.seconds)));
    if let Some(seconds) = result.seconds_per_epoch {
        details.push(fact("time per epoch", format!("{} s", label(seconds, 3))));
    }
    if let Some(memory) = result.peak_memory_mb {
        details.push(fact("peak memory", format!("{memory:.0} MB")));
    }
    if let Some(alignment) = row.comparison.get("alignment") {
        let pair = |key: &str| {
            let pair = alignment.get(key)?.as_array()?;
            Some((pair.first()?.as_f64()?, pair.get(1)?.as_f64()?))
        };
        if let Some((y, x)) = pair("shift") {
            details.push(fact("shift removed (y, x)", format!("{}, {} px", label(y, 2), label(x, 2))));
        }
        if let Some((y, x)) = pair("ramp") {
            details
                .push(fact("phase ramp removed (y, x)", format!("{}, {} rad/px", label(y, 2), label(x, 2))));
        }
        if let Some(scale) = alignment.get("scale").and_then(serde_json::Value::as_f64) {
            details.push(fact("amplitude scale removed", label(scale, 4)));
        }
    }
    details
}

fn links(study: &Study, row: &Row) -> Vec<Link> {
    let folder = StudyFolder::relative_job_dir(row.condition);
    let named = |files: &Files| -> Vec<String> {
        let names = [&files.reconstruction, &files.comparison, &files.loss_csv, &files.loss_svg, &files.log];
        names.into_iter().flatten().cloned().chain(["result.json".to_owned()]).collect()
    };
    let names = row.result.as_ref().map(|result| named(&result.files)).unwrap_or_default();
    names
        .into_iter()
        .filter(|name| study.folder.job_dir(row.condition).join(name).is_file())
        .map(|name| Link { address: Value::from_safe_string(address(&link(&folder, &name))), name })
        .collect()
}

/// A condition without a result, and why.
#[derive(Serialize)]
struct Trouble {
    name: String,
    anchor: String,
    status: &'static str,
    reason: String,
}

fn problems(study: &Study) -> Vec<Trouble> {
    let of = |row: &Row| {
        let c = row.condition;
        Some(Trouble {
            name: format!("{} photons, {} view, {}", dose_label(c.dose), c.view, c.split),
            anchor: row.anchor(),
            status: row.state.name(),
            reason: row.state.reason()?.to_owned(),
        })
    };
    study.rows.iter().filter_map(of).collect()
}

/// A line of the table of all results; numbers carry the value that the table is sorted by.
#[derive(Serialize)]
struct Line {
    anchor: String,
    dose: u64,
    dose_label: String,
    split: String,
    view: String,
    status: &'static str,
    numbers: Vec<Number>,
}

#[derive(Serialize)]
struct Number {
    text: String,
    value: String,
}

fn result_line(row: &Row) -> Line {
    let result = row.result.as_ref();
    let number =
        |value: Option<f64>, show: &dyn Fn(f64) -> String| match value.filter(|value| value.is_finite()) {
            Some(value) => Number { text: show(value), value: value.to_string() },
            None => Number { text: "\u{2013}".to_owned(), value: String::new() },
        };
    let mut numbers = vec![
        number(result.map(|r| r.n_patterns as f64), &|n| n.to_string()),
        number(result.map(|r| r.overlap), &|overlap| format!("{overlap:.3}")),
    ];
    numbers.extend(METRICS.iter().map(|metric| number(row.metric(metric.key), &shown)));
    numbers.push(number(result.map(|r| r.seconds), &|seconds| label(seconds, 3)));
    Line {
        anchor: row.anchor(),
        dose: row.condition.dose,
        dose_label: dose_label(row.condition.dose),
        split: row.condition.split.to_string(),
        view: row.condition.view.to_string(),
        status: row.state.name(),
        numbers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doses_and_durations_for_people() {
        assert_eq!(
            [1, 500, 1000, 100_000, 25_000].map(dose_label),
            ["1", "500", "10\u{b3}", "10\u{2075}", "25000"]
        );
        assert_eq!([0.5, 99.2, 185.0, 7830.0].map(duration), ["0.5 s", "99.2 s", "3 min 5 s", "2 h 10 min"]);
    }
}
