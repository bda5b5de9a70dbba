//! The page: what the template needs, in the order in which it is read.

mod card;
mod fact;
mod findings;
mod first;
mod panel;

pub(crate) use first::not_compared;

use crate::gather::{Row, Study};
use crate::media::{self, Shot, Shown};
use crate::metric::{Metric, dose_label, shown};
use crate::scans::Scans;
use crate::shots;
use crate::{ReportError, fluence, quanta};
use card::{Card, card, groups, unmapped};
use fact::{Fact, duration, fact};
use lapwing_draw::number::label;
use lapwing_study::Split;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use panel::{Panel, panel};
use serde::Serialize;

/// The whole page; while the study is running, it looks for a newer one after so many seconds.
pub(crate) fn render(
    study: &Study,
    metrics: &[Metric],
    live: Option<u32>,
) -> Result<String, ReportError> {
    let splits = study.distinct(|condition| condition.split);
    let (headline, untold) = first::screen(study, metrics);
    // Metrics that nothing was measured in are nowhere else on the page.
    let metrics: Vec<Metric> = metrics.iter().filter(|metric| study.has(metric)).copied().collect();
    let panels: Vec<Panel> = metrics.iter().filter_map(|metric| panel(study, metric)).collect();
    let repeats = study.rows.iter().map(Row::repeat).max().unwrap_or(1);
    let several = study.solvers().len() > 1;
    let of_maps =
        study.rows.iter().any(|row| row.result().is_some_and(|result| result.error_maps.is_some()));

    let truths: Vec<(Split, Vec<Shot>)> =
        splits.iter().map(|&split| (split, shots::of_truth(study, split))).collect();
    // Every condition and solver has one card, that of its first noise realisation.
    let first: Vec<&Row> = study.rows.iter().filter(|row| row.repeat() == 1).collect();
    let rows: Vec<Vec<Shot>> = first.iter().map(|row| shots::of_row(study, row)).collect();
    let counts: Vec<usize> =
        truths.iter().map(|(_, shots)| shots.len()).chain(rows.iter().map(Vec::len)).collect();
    let all: Vec<Shot> =
        truths.into_iter().flat_map(|(_, shots)| shots).chain(rows.into_iter().flatten()).collect();
    let mut embedded = media::embed(&all).into_iter();
    let mut pictures = counts
        .into_iter()
        .map(|count| embedded.by_ref().take(count).flatten().collect::<Vec<Shown>>());

    let truths: Vec<Truth> = splits
        .iter()
        .map(|split| Truth {
            split: split.to_string(),
            pictures: pictures.next().unwrap_or_default(),
        })
        .filter(|truth| !truth.pictures.is_empty())
        .collect();
    let mut scans = Scans::default();
    let drawn: Vec<Option<usize>> = first.iter().map(|row| scans.add(study, row)).collect();
    let cards: Vec<Card> = first
        .iter()
        .zip(pictures)
        .zip(drawn)
        .map(|((row, pictures), scan)| {
            let scan = scan.map(|index| scans.shown(index)).unwrap_or_default();
            card(study, &metrics, row, pictures, scan)
        })
        .collect();

    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("report.html", include_str!("templates/report.html"))?;
    // The panel that is open is the answer's.
    let of_answer = headline.as_ref().map(|headline| headline.metric.clone());
    let open = of_answer.or_else(|| panels.first().map(|panel| panel.name.clone()));
    // Sentences, tables and plots speak of what the beam consists of.
    let page = context! {
        title => study.name(),
        live,
        headline => told(study, headline),
        untold => told(study, untold),
        not_compared => first::not_compared(study),
        legend => told(study, first::legend(study)),
        generator => concat!("Lapwing ", env!("CARGO_PKG_VERSION")),
        finished => study.rows.iter().filter_map(|row| Some(row.result()?.timestamp)).max().map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        done => study.done(),
        failed => study.rows.iter().filter(|row| row.outcome.name() == "failed").count(),
        total => study.rows.len(),
        facts => told(study, facts(study)),
        measured => !panels.is_empty(),
        panels => told(study, panels),
        open,
        repeats,
        several,
        fluence => told(study, fluence::table(study)),
        problems => told(study, problems(study)),
        truths => told(study, truths),
        unmapped => unmapped(&first),
        groups => told(study, groups(&first, cards)),
        reference => study.reference.clone(),
        quanta => study.quantum.many(),
        scans => Value::from_safe_string(scans.shared()),
        columns => told(study, metrics.iter().flat_map(headings).chain(of_maps.then_some(OF_MAPS).into_iter().flatten().map(str::to_owned)).collect::<Vec<_>>()),
        results => told(study, study.rows.iter().map(|row| result_line(row, &metrics, (repeats > 1, several, of_maps))).collect::<Vec<_>>()),
        settings => study.settings.clone(),
        style => Value::from_safe_string(include_str!("templates/report.css").to_owned()),
        gradients => Value::from_safe_string(media::gradients()),
        script => Value::from_safe_string(include_str!("templates/report.js").to_owned()),
    };
    Ok(environment.get_template("report.html")?.render(page)?)
}

/// `value` for the template, its words about what the beam of the study consists of.
fn told(study: &Study, value: impl Serialize) -> Value {
    quanta::all_said(study.quantum, Value::from(Serde(value)))
}

/// What holds for the whole study.
fn facts(study: &Study) -> Vec<Fact> {
    let results = || study.rows.iter().filter_map(|row| row.result());
    let mut facts = Vec::new();
    let doses: Vec<String> =
        study.distinct(|condition| condition.dose).into_iter().map(dose_label).collect();
    facts.push(fact("doses", format!("{} photons per pattern", doses.join(", "))));
    if let Some(matrix) = study.design.as_ref().map(|design| &design.study) {
        let asked: Vec<String> =
            matrix.fluences.iter().map(|&photons| fluence::counted(photons)).collect();
        if !asked.is_empty() {
            let area = matrix.fluence_area.words();
            let text = format!("{} photons on the specimen, per {area}", asked.join(", "));
            facts.push(fact("fluences", text));
        }
    }
    if let Some(result) = results().next() {
        let (height, width) = result.pattern_shape;
        facts.push(fact("patterns", format!("{height} \u{d7} {width} pixels")));
        facts.push(fact("probe", format!("{} pixels wide", label(result.probe_diameter_px, 3))));
    }
    let solvers: Vec<String> =
        study.solvers().iter().map(|solver| with_epochs(study, solver)).collect();
    facts.push(fact("solver", solvers.join(", ")));
    if let Some(metres) = study.pixel_size {
        facts.push(fact("pixel of the object", format!("{} nm", label(metres * 1e9, 3))));
    }
    if let Some(reference) = &study.reference {
        facts.push(fact("compared with", format!("the {reference}")));
    }
    let seconds: f64 =
        results().map(|result| result.seconds).filter(|seconds| seconds.is_finite()).sum();
    if seconds > 0.0 {
        facts.push(fact("reconstruction time", duration(seconds)));
    }
    let shared = results().filter_map(|result| result.shared_fraction).fold(f64::NAN, f64::max);
    if shared > 0.0 {
        let text = format!(
            "up to {:.1} % of the illuminated pixels are seen by both splits",
            100.0 * shared
        );
        facts.push(fact("train and test share", text));
    }
    facts
}

/// `LSQML (100 epochs)`; `ML (80 to 112 epochs)` where conditions took different numbers of them.
fn with_epochs(study: &Study, solver: &str) -> String {
    let of = |row: &Row| Some(row.result()?.loss?.epochs).filter(|_| row.solver() == solver);
    let epochs = || study.rows.iter().filter_map(of);
    match (epochs().min(), epochs().max()) {
        (Some(least), Some(most)) if least < most => {
            format!("{solver} ({least} to {most} epochs)")
        }
        (Some(epochs), _) => format!("{solver} ({epochs} epochs)"),
        _ => solver.to_owned(),
    }
}

/// The truth of one split.
#[derive(Serialize)]
struct Truth {
    split: String,
    pictures: Vec<Shown>,
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
            status: row.status(),
            reason: row.outcome.reason()?.to_owned(),
        })
    };
    study.rows.iter().filter_map(of).collect()
}

/// The columns of a metric in the table of all results: lengths have one in nanometres too.
fn headings(metric: &Metric) -> Vec<String> {
    let nm = metric.nm.map(|_| format!("{}, nm", metric.heading));
    std::iter::once(metric.heading_with_unit()).chain(nm).collect()
}

/// A line of the table of all results; numbers carry the value that the table is sorted by.
#[derive(Serialize)]
struct Line {
    anchor: String,
    dose: u64,
    dose_label: String,
    solver: Option<String>,
    repeat: Option<usize>,
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

/// The columns of error maps: how well the phase is known, and how many pixels are within one and
/// two of these standard deviations of the truth: 68 and 95 % for normal errors.
const OF_MAPS: [&str; 3] = ["phase, 1 sd, rad", "within 1 sd, %", "within 2 sd, %"];

fn result_line(
    row: &Row,
    metrics: &[Metric],
    (repeats, several, of_maps): (bool, bool, bool),
) -> Line {
    let result = row.result();
    let number = |value: Option<f64>, show: &dyn Fn(f64) -> String| match value
        .filter(|value| value.is_finite())
    {
        Some(value) => Number { text: show(value), value: value.to_string() },
        None => Number { text: "\u{2013}".to_owned(), value: String::new() },
    };
    let mut numbers = vec![
        number(result.map(|r| r.n_patterns as f64), &|n| n.to_string()),
        number(result.and_then(|r| r.step_px), &|step| format!("{step:.1}")),
        number(result.and_then(|r| r.linear_overlap), &|overlap| format!("{overlap:.3}")),
        number(result.map(|r| r.overlap), &|overlap| format!("{overlap:.3}")),
    ];
    for metric in metrics {
        if row.is_itself(&metric.name) {
            let text = "the reference".to_owned();
            numbers.push(Number { text, value: String::new() });
            let nm = metric.nm.map(|_| number(None, &shown));
            numbers.extend(nm);
            continue;
        }
        let value = row.metric(&metric.name);
        numbers.push(number(value, &shown));
        if let Some(nm) = metric.nm {
            numbers.push(number(value.map(|px| px * nm), &|length| label(length, 3)));
        }
    }
    if of_maps {
        let maps = result.and_then(|r| r.error_maps);
        numbers.push(number(maps.map(|maps| maps.phase_rms), &|sd| label(sd, 2)));
        for deviations in 0..2 {
            let within = maps.and_then(|maps| Some(100.0 * maps.phase_within?[deviations]));
            numbers.push(number(within, &|percent| format!("{percent:.0}")));
        }
    }
    numbers.push(number(result.map(|r| r.seconds), &|seconds| label(seconds, 3)));
    Line {
        anchor: row.anchor(),
        dose: row.condition.dose,
        dose_label: dose_label(row.condition.dose),
        solver: several.then(|| row.solver().to_owned()),
        repeat: repeats.then(|| row.repeat()),
        split: row.condition.split.to_string(),
        view: row.condition.view.to_string(),
        status: row.status(),
        numbers,
    }
}
