//! The catalogue of metrics: complete, true to what is measured, and equal to `docs/metrics.md`.

use crate::common::{Gauge, assert_near, specimen, texture};
use lapwing_compare::{
    Better, Comparison, ComparisonRecord, Metric, Region, compare, compare_probes,
};
use lapwing_model::Complex32;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A comparison of a large specimen with itself and noise of this size, under a gauge.
fn noisy(size: f32) -> Comparison {
    let truth = specimen((220, 230), 1);
    let noise = texture(truth.dim(), 77, 1.5).mapv(|v| Complex32::new(v.re as f32, v.im as f32));
    let gauge = Gauge { shift: [1.3, -0.4], ramp: [0.01, 0.0], scale: 3.0, phase: 1.0 };
    let made = gauge.applied(&(&truth + &noise.mapv(|v| v * size)));
    compare(made.view(), truth.view(), &Region::rectangle(10..200, 10..215).unwrap()).unwrap()
}

#[test]
fn the_catalogue_has_every_number_of_a_record_and_no_other() {
    let found = noisy(0.1);
    let mut record = ComparisonRecord::new(&found, Some(1e-8));
    record.add_halves(&found);
    let mut names: Vec<String> = record.metrics.iter().map(|(name, _)| name.to_owned()).collect();
    let rest = record.derived().into_iter().chain(record.alignment.numbers());
    names.extend(rest.map(|number| number.name));
    let known: Vec<&str> = Metric::all().iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names.len(), known.len());
    assert_eq!(
        names.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        known.iter().copied().collect::<BTreeSet<_>>()
    );
    for metric in Metric::all() {
        assert_eq!(Metric::find(&metric.name), Some(metric));
        assert!(!metric.title.is_empty() && metric.meaning.ends_with('.'), "{metric:?}");
        assert!(metric.heading.starts_with(char::is_uppercase), "{metric:?}");
    }
}

#[test]
fn what_a_comparison_may_lack_has_a_reason() {
    // Of a small area that is perfect, with no probe, no pixel and no halves.
    let truth = specimen((120, 90), 1);
    let found = compare(truth.view(), truth.view(), &Region::whole((120, 90)).unwrap()).unwrap();
    let record = ComparisonRecord::new(&found, None);
    let mut lacking = 0;
    for metric in Metric::all() {
        let derived = || record.derived().into_iter().find(|n| n.name == metric.name)?.value;
        if record.metric(&metric.name).or_else(derived).is_some()
            || metric.better == Better::Neither
        {
            continue;
        }
        assert_ne!(metric.absent, "nothing was compared", "{}", metric.name);
        lacking += 1;
    }
    assert!(lacking > 20, "{lacking}");
    let of = |name: &str| &Metric::find(name).unwrap().absent;
    assert!(
        of("phase_ms_ssim").contains("176 px") && of("phase_ms_ssim_decimated").contains("97 px")
    );
    assert!(of("halves_phase_resolution_half_bit_px").contains("two halves"));
}

#[test]
fn better_results_have_better_numbers() {
    let [good, bad] = [0.05, 0.3].map(|size| ComparisonRecord::new(&noisy(size), None));
    let mut judged = 0;
    for metric in Metric::all() {
        let of = |record: &ComparisonRecord| {
            let derived = || record.derived().into_iter().find(|n| n.name == metric.name)?.value;
            record.metric(&metric.name).or_else(derived)
        };
        let (Some(good), Some(bad)) = (of(&good), of(&bad)) else { continue };
        let gain = match metric.better {
            Better::Higher => good - bad,
            Better::Lower => bad - good,
            // Of the truth alone.
            Better::Neither if metric.name.ends_with("_flat") => continue,
            Better::Neither => panic!("{} is no quality", metric.name),
        };
        // Both can be resolved to the pixel.
        let equal = gain == 0.0 && metric.name.ends_with("_px") && good == 1.0;
        assert!(gain > 0.0 || equal, "{}: {good} and {bad}", metric.name);
        judged += 1;
    }
    assert!(judged > 20, "{judged}");
}

#[test]
fn perfect_results_have_perfect_numbers() {
    let truth = specimen((220, 230), 1);
    let region = Region::rectangle(10..200, 10..215).unwrap();
    let found = compare(truth.view(), truth.view(), &region).unwrap();
    let probe = truth.clone().insert_axis(ndarray::Axis(0));
    let mut record = ComparisonRecord::new(&found, None);
    record.probe = Some(compare_probes(probe.view(), probe.view()).unwrap());
    let derived = record.derived();
    for metric in Metric::all() {
        let Some(perfect) = metric.perfect else { continue };
        let of_derived = || derived.iter().find(|number| number.name == metric.name)?.value;
        if let Some(value) = record.metric(&metric.name).or_else(of_derived) {
            assert_near(value, perfect, 1e-4, &metric.name);
        } else {
            assert!(metric.name.starts_with("halves_"), "{} was not measured", metric.name);
        }
    }
}

/// The table of `docs/metrics.md`. The resolutions and the numbers of halves, which are the same
/// many times, are described in words there.
fn table() -> String {
    let mut table = String::from(
        "| name | title | unit | better | perfect | meaning |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let many = |name: &str| name.starts_with("halves_") || name.contains("_resolution_");
    for metric in Metric::all().iter().filter(|metric| !many(&metric.name)) {
        let better = match metric.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
            Better::Neither => "",
        };
        let perfect = metric.perfect.map(|value| value.to_string()).unwrap_or_default();
        let Metric { name, title, unit, meaning, .. } = metric;
        let line = format!("| `{name}` | {title} | {unit} | {better} | {perfect} | {meaning} |");
        let _ = writeln!(table, "{}", line.replace("|  |", "| |").replace("|  |", "| |"));
    }
    table
}

#[test]
fn the_documentation_says_the_same() {
    let documented = include_str!("../../../../docs/metrics.md");
    let table = table();
    let missing: Vec<&str> = table.lines().filter(|line| !documented.contains(line)).collect();
    assert!(missing.is_empty(), "docs/metrics.md lacks these rows:\n{}", missing.join("\n"));
    assert!(documented.contains(&table), "docs/metrics.md has these rows in another order");
}
