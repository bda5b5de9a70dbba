//! Folders of jobs that no design has made.

use crate::common::Bench;
use crate::contract::{json, prepared};

#[test]
fn a_report_without_a_design_shows_the_results_that_the_manifest_names() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    prepared(&bench);
    for epochs in [2, 3] {
        bench.ok(&format!(
            "jobs --data-root data --views-root views --artifact-root r/reconstructions \
             --num-epochs {epochs} --view baseline --split train"
        ));
    }
    bench.ok("report r");
    let shown = json(bench.path("r/report/results.json"));
    let of = &shown["conditions"][0];
    assert!(of["folder"].as_str().unwrap().contains("baseline/train_2"), "{of}");
    assert_eq!(of["result"]["loss"]["epochs"], 3, "{of}");
    let page = std::fs::read_to_string(bench.path("r/report/index.html")).unwrap();
    assert!(page.contains("baseline/train_2") && !page.contains("baseline/train/"));
}
