//! The report of measured scans: what they are compared with, and which doses stand alone.

use crate::report::{after, assert_balanced, report};
use crate::support::{Special, write_study};
use lapwing_study::StudyFolder;
use serde_json::Value;
use std::fs;

#[test]
fn measured_scans_are_compared_with_a_reference_and_with_themselves() {
    let (_folder, html) = report(&Special { measured: true, ..Special::default() });
    assert_balanced(&html);
    assert!(
        html.contains("The reference: full-dose reconstruction") && !html.contains(">The truth<")
    );
    assert!(html.contains("Agreement of halves") && !html.contains("True probe"));
    // Whose reconstruction the reference is, and whose goals these are.
    assert!(html.contains("The reference is LSQML\u{2019}s own reconstruction of all photons"));
    assert!(html.contains("a usual one and not this study&#x27;s own"));
    // 0.5 / 0.25 cycles per pixel.
    assert_eq!(after(&html, "<dt>Resolution of halves</dt><dd>"), "2.000 px");
    assert_eq!(html.matches(">phase, halves</text>").count(), 18);
}

#[test]
fn the_reference_compared_with_itself_is_no_result() {
    let special =
        Special { measured: true, thinned_from: Some(1e5), several: true, ..Special::default() };
    let (folder, html) = report(&special);
    assert_balanced(&html);
    let grids = html.split("Phase SSIM, LSQML, train split").nth(1).unwrap();
    let grid = &grids[..grids.find("</table>").unwrap()];
    assert_eq!(grid.matches(">the reference<").count(), 1, "{grid}");
    // Only that of the solver that made it, and only of all positions.
    let grids = html.split("Phase SSIM, ML, train split").nth(1).unwrap();
    assert!(!grids[..grids.find("</table>").unwrap()].contains(">the reference<"));
    // All photons are one realisation, whatever the number of repeats.
    let row = |dose: &str| {
        let row = grids.split(&format!("<th scope=\"row\">{dose}</th>")).nth(1).unwrap();
        row[..row.find("</tr>").unwrap()].matches('\u{b1}').count()
    };
    assert_eq!((row("10\u{2074}"), row("10\u{2075}")), (3, 0));
    // What its halves have in common is a result.
    let grids = html.split("Agreement of halves, LSQML, train split").nth(1).unwrap();
    assert!(!grids[..grids.find("</table>").unwrap()].contains(">the reference<"));
    // 0.938 at 10^5 would reach it.
    let never = "LSQML: Phase SSIM at least 0.9 is not reached within this study";
    assert!(html.contains(never), "{never}");
    let lines = |solver: &str| {
        let name = format!("report/figures/phase_ssim_{solver}_dose_overlap.svg");
        fs::read_to_string(folder.path().join(name)).unwrap().contains("at goal 0.9")
    };
    assert!(!lines("LSQML") && lines("ML"));
    // Halves rank the solvers, unless they tell of nothing themselves.
    assert!(html.contains("cannot rank the solvers. The agreement of halves can."));
    let study = StudyFolder::new(folder.path());
    for case in study.cases().unwrap() {
        let file = study.result_dir(&case).join("comparison.json");
        let Ok(text) = fs::read(&file) else { continue };
        let mut comparison: Value = serde_json::from_slice(&text).unwrap();
        // They agree better than each does with the reference: what they repeat is a prior.
        comparison["halves"]["metrics"]["complex_correlation"] = 0.999.into();
        comparison["metrics"]["halves_complex_correlation"] = 0.999.into();
        comparison["metrics"]["complex_correlation"] = 0.5.into();
        fs::write(file, comparison.to_string()).unwrap();
    }
    let html = fs::read_to_string(lapwing_report::write(folder.path()).unwrap().html).unwrap();
    assert!(html.contains("cannot rank the solvers."));
    assert!(!html.contains("agreement of halves can"));
}

#[test]
fn doses_that_share_photons_with_the_reference_are_told_apart() {
    if lapwing_testing::left_out() {
        return;
    }
    let special = Special { measured: true, thinned_from: Some(1.2e5), ..Special::default() };
    let (_folder, html) = report(&special);
    assert_balanced(&html);
    let first = &html[html.find("<section class=\"first\"").unwrap()..];
    let first = &first[..first.find("</section>").unwrap()];
    // 10^5 is more than a quarter of what was measured, 10^4 is not.
    let head = "best Phase SSIM, up to 30\u{202f}000 photons per pattern</th>";
    assert!(first.contains(head), "{first}");
    assert!(first.contains("0.625<span class=\"sub\">at 10\u{2074}</span>"));
    assert!(first.contains("\u{2248} 76\u{202f}000<span class=\"sub\">may take more</span>"));
    assert!(first.contains("photons per pattern share more than a quarter of their photons"));
    assert!(html.contains("Best, up to 30\u{202f}000 photons per pattern: 0.625 (10\u{2074} "));
    // All doses of a scan with many more photons stand alone.
    let special = Special { measured: true, thinned_from: Some(1e6), ..Special::default() };
    let (_folder, html) = report(&special);
    assert!(!html.contains("may take more") && html.contains("Best: 0.938 (10\u{2075} photons"));
}

/// A study of 10^5 photons, 1.2 x 10^5 measured, and what it says of a phase SSIM of 0.8, which the
/// baseline reaches between 10^4 and 10^5.
fn told(without_halves: bool, flat_half: Option<f64>) -> (String, Value) {
    let special =
        Special { measured: true, thinned_from: Some(1.2e5), flat_half, ..Special::default() };
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &special);
    if without_halves || flat_half.is_some() {
        let study = StudyFolder::new(folder.path());
        let mut changed = 0;
        for case in study.cases().unwrap() {
            let file = study.result_dir(&case).join("comparison.json");
            let Ok(text) = fs::read(&file) else { continue };
            changed += 1;
            let mut comparison: Value = serde_json::from_slice(&text).unwrap();
            match flat_half {
                Some(flat) => {
                    comparison["halves"]["metrics"]["complex_correlation_flat"] = flat.into();
                }
                None => drop(comparison.as_object_mut().unwrap().remove("halves")),
            }
            fs::write(file, comparison.to_string()).unwrap();
        }
        assert!(changed > 0);
    }
    let goals = [("phase_ssim".to_owned(), 0.8)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let answer = serde_json::from_slice(&fs::read(paths.answer).unwrap()).unwrap();
    (fs::read_to_string(paths.html).unwrap(), answer)
}

#[test]
fn a_goal_near_the_measured_dose_has_an_answer_where_halves_hold_it() {
    let states = |answer: &Value| {
        let reached = answer["answers"][0]["reached"].as_array().unwrap();
        reached.iter().filter(|reached| !reached["dose"].is_null()).count()
    };
    let (_, answer) = told(false, None);
    assert_eq!(answer["headline"]["metric"], "phase_ssim");
    assert_eq!(answer["headline"]["views"][0]["may_take_more"], true, "{answer}");
    assert!(states(&answer) > 0 && answer["answers"][0]["not_held"].is_null());
    // Without halves nothing tells what both have in common.
    let (html, answer) = told(true, None);
    assert_balanced(&html);
    assert_eq!(answer["headline"]["views"][0]["may_take_more"], false);
    assert_eq!(answer["headline"]["views"][0]["state"], "never");
    assert_eq!(states(&answer), 0);
    assert!(html.contains("a goal that is reached there is not told"));
    // Halves that are no better than a flat image hold nothing.
    let (html, answer) = told(false, Some(0.99));
    assert_balanced(&html);
    let why = answer["answers"][0]["not_held"].as_str().unwrap();
    assert!(why.contains("no better than one without any detail"), "{why}");
    assert!(answer["untold"].to_string().contains("There is no answer in Phase SSIM"), "{answer}");
    assert_eq!((states(&answer), answer["headline"]["metric"] == "phase_ssim"), (0, false));
}
