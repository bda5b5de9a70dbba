//! Where reconstructions are computed.

use crate::common::{Bench, stderr};
use serde_json::Value;

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Number of graphics cards, or programs that stand in for one.
fn cards(bench: &Bench) -> usize {
    let output = bench.run("devices --json");
    let found = json(&output.stdout);
    assert!(found["cpu"]["threads"].as_u64().unwrap() > 0);
    found["gpu"].as_array().unwrap().len()
}

#[test]
fn a_card_that_is_not_there_is_refused_by_what_there_is() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --dose 1e4 --pattern-size 32 --field-of-view 40x40 --overlap 0.7 --output scan.npz");
    let there = cards(&bench);
    let line = "reconstruct --input-npz scan.npz --output-dir out --num-epochs 2 --device";
    let output = bench.run(&format!("{line} gpu:7"));
    assert_eq!(output.status.code(), Some(1));
    let expected = match there {
        0 => "no graphics card with a Vulkan, Metal or DirectX 12 driver was found".to_owned(),
        n => format!("graphics card 7 does not exist: there are {n}, counted from 0"),
    };
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    let output = bench.run(&format!("{line} tpu"));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("expected auto, cpu, gpu, or gpu:0 to gpu:7"));
}

#[test]
fn a_card_computes_what_the_processor_does() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    if cards(&bench) == 0 {
        eprintln!("no graphics card and no Vulkan driver without one: skipped");
        return;
    }
    bench.ok("simulate --specimen cells --dose 1e4 --pattern-size 32 --field-of-view 40x40 --overlap 0.7 --output scan.npz");
    let line = "reconstruct --input-npz scan.npz --compare --num-epochs 12 --algorithm LSQML";
    bench.ok(&format!("{line} --output-dir cpu --device cpu"));
    bench.ok(&format!("{line} --output-dir gpu --device gpu"));
    // Too short for a card to pay.
    bench.ok(&format!("{line} --output-dir auto"));
    let result = |folder: &str| -> Value {
        json(&std::fs::read(bench.path(&format!("{folder}/result.json"))).unwrap())
    };
    let [cpu, gpu, auto] = ["cpu", "gpu", "auto"].map(result);
    assert!(gpu["device"].as_str().is_some_and(|device| device.contains('(')), "{gpu}");
    assert_eq!((&cpu["device"], &auto["device"]), (&Value::Null, &Value::Null));
    assert_eq!(cpu["options"], gpu["options"]);
    let error = |result: &Value| result["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap();
    assert!((error(&gpu) / error(&cpu) - 1.0).abs() < 0.01, "{} and {}", error(&gpu), error(&cpu));
    // What has no kernels is not done on the processor without a word.
    bench.ok(
        "reconstruct --input-npz scan.npz --output-dir dm --num-epochs 2 --algorithm DM --device gpu",
    );
    let output = bench.run(
        "reconstruct --input-npz scan.npz --output-dir blur --num-epochs 2 --algorithm LSQML \
         --detector-blur 0.5 --device gpu",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("a detector with a point spread is not computed"));
    assert!(stderr(&output).contains("--device cpu"));
}

#[test]
fn a_study_and_its_jobs_take_a_device() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let there = cards(&bench);
    std::fs::write(bench.path("small.toml"), include_str!("devices.toml")).unwrap();
    let output = bench.run("study run small.toml --output study --device gpu:7");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--device: "), "{}", stderr(&output));
    let device = if there > 0 { "gpu" } else { "cpu" };
    bench.ok(&format!("study run small.toml --output study --device {device}"));
    // The same study, wherever it was computed.
    let again = bench.run("jobs --study study --device cpu --json");
    assert_eq!(json(&again.stdout)["manifest"]["execution_results"][0]["resumed"], true);
}
