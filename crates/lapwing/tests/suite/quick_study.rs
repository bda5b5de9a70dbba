//! The example study, as the README runs it but for its second solver: it must answer its question
//! the way physics does.

#[path = "../../../lapwing-report/tests/suite/support/browser.rs"]
mod browser;

use crate::common::{PROGRAM, stderr};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const DOSES: [u64; 3] = [1_000, 10_000, 100_000];
const VIEWS: [&str; 3] = ["baseline", "dense", "sparse"];

#[test]
fn quality_rises_with_dose_and_overlap() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let design = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quick.toml");
    let design = std::fs::read_to_string(design).unwrap();
    let (one_solver, _) = design.split_once("\n[[solver]]\nalgorithm = \"ML\"").unwrap();
    let design = folder.path().join("quick.toml");
    std::fs::write(&design, one_solver).unwrap();
    let output = folder.path().join("quick");
    let done = Command::new(PROGRAM)
        .args(["study", "run", "--quiet", "--output"])
        .args([&output, &design])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    let page = std::fs::read_to_string(output.join("report/index.html")).unwrap();
    assert!(page.len() < 5_000_000 && page.contains("</html>"));

    for figure in
        ["phase_ssim.svg", "phase_ssim.png", "phase_resolution_0_5_px.svg", "probe_nrmse.png"]
    {
        assert!(output.join("report/figures").join(figure).is_file(), "{figure}");
    }
    // The truth of every split, amplitude, phase, error, error map and probe of every condition,
    // and the two that are compared under a slider.
    if let Some(seen) = browser::look_at(&output.join("report/index.html"), 1200) {
        browser::assert_sound(&seen, 2 * (3 + 9 * 5) + 2);
    }

    for split in ["train", "test"] {
        let metric = |dose: u64, view: &str, name: &str| -> f64 {
            let job =
                output.join(format!("reconstructions/dose_{dose}/{view}/{split}/comparison.json"));
            let comparison: Value = serde_json::from_slice(&std::fs::read(job).unwrap()).unwrap();
            comparison["metrics"][name].as_f64().unwrap()
        };
        for name in ["complex_correlation", "phase_ssim"] {
            for view in VIEWS {
                for dose in DOSES.windows(2) {
                    let (low, high) = (metric(dose[0], view, name), metric(dose[1], view, name));
                    assert!(
                        low < high,
                        "{split} {view} {name}: {low} at {}, {high} at {}",
                        dose[0],
                        dose[1]
                    );
                }
            }
            for dose in DOSES {
                for view in VIEWS.windows(2) {
                    let (more, less) = (metric(dose, view[0], name), metric(dose, view[1], name));
                    assert!(
                        more > less,
                        "{split} {dose} {name}: {} {more}, {} {less}",
                        view[0],
                        view[1]
                    );
                }
            }
        }
        let best = DOSES[2];
        assert!(metric(best, "baseline", "complex_correlation") > 0.98);
        assert!(metric(best, "baseline", "phase_ssim") > 0.9);
        assert!(metric(best, "sparse", "phase_ssim") < 0.6);
    }
}
