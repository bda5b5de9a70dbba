//! What looks wrong in a scan is said, and what is beyond doubt does no harm.

use crate::common::{Bench, stderr};
use lapwing_files::dataset::Form;
use lapwing_files::options::{Quantity, ZeroFrequency};
use lapwing_files::{Dataset, ReadOptions, dataset};
use ndarray::s;

#[test]
fn dark_patterns_of_an_unknown_unit_are_told_and_left_out() {
    let bench = Bench::new();
    bench.ok(
        "simulate --specimen cells --pattern-size 32 --scan fermat --step 3 --field-of-view 30 --dose 20000 \
         --seed 6 --output truth.npz",
    );
    let (whole, _) = dataset::read(bench.path("truth.npz"), &ReadOptions::default()).unwrap();
    let mut counts = whole.counts().unwrap();
    counts.slice_mut(s![20..26, .., ..]).fill(0.0);
    let form = Form { quantity: Quantity::Intensity, zero_frequency: ZeroFrequency::Centre };
    let (scan, probe, object) = (whole.scan.clone(), whole.probe.clone(), whole.object.clone());
    let dark = Dataset::from_patterns(counts, form, scan, probe, object, None).unwrap();
    dark.write(bench.path("dark.npz")).unwrap();
    let lit: Vec<usize> = (0..whole.n_patterns()).filter(|i| !(20..26).contains(i)).collect();
    dark.select(&lit).write(bench.path("lit.npz")).unwrap();

    let said = bench.json("inspect dark.npz")["understood"]["remarks"].clone();
    assert_eq!((&said[0]["what"], &said[0]["certain"]), (&"lost-patterns".into(), &true.into()));
    assert!(bench.ok("inspect dark.npz").contains("remark: 6 of"));
    let error = |name: &str, more: &str| -> f64 {
        let run = bench.run(&format!(
            "reconstruct --input-npz {name}.npz --output-dir {name}{more} --num-epochs 20 --compare {}",
            if more.is_empty() { "" } else { "--faulty keep" }
        ));
        assert!(run.status.success(), "{}", stderr(&run));
        assert_eq!(stderr(&run).contains("remark: 6 of"), name == "dark", "{}", stderr(&run));
        let record = std::fs::read(bench.path(&format!("{name}{more}/result.json"))).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["remarks"][0]["what"] == "lost-patterns", name == "dark");
        record["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
    };
    let (left_out, without, kept) = (error("dark", ""), error("lit", ""), error("dark", "kept"));
    assert!((left_out - without).abs() < 0.01, "{left_out} {without}");
    assert!(kept > 1.5 * without, "{kept} {without}");
}
