//! What a page does not tell: no dose across a gap, no trend and no resolution of images without
//! any detail, and nothing beyond counting statistics without a word.

use crate::report::{after, assert_balanced, condition, plain, report};
use crate::support::{Special, write_study};
use lapwing_study::{Split, StudyFolder, View};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The made-up baseline resolves 2 px at 10^4.57, between 10^4 and 10^5.
#[test]
fn what_is_told_of_no_dose_between_two_is_not_told_by_a_line_between_them() {
    let of = |view: View| Split::ALL.map(|split| condition(10_000, view, split));
    let dips = View::ALL.into_iter().flat_map(of).collect();
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { dips, ..Special::default() });
    let goals = [("phase_resolution_0_5_px".to_owned(), 2.0)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    assert_balanced(&html);
    let lead = after(&html, "<p class=\"lead\">");
    assert!(lead.contains("is reached by 10\u{2075} photons per pattern with"), "{lead}");
    assert!(lead.contains("lower doses undecided (10\u{b3} is not enough)"), "{lead}");
    // What another step would cost is not known of a gap.
    let first = &html[html.find("<section class=\"first\"").unwrap()..];
    let first = &first[..first.find("</section>").unwrap()];
    assert!(!first.contains("would cost") && !first.contains("half of that"), "{first}");
    assert!(first.contains(">by 10\u{2075}<"), "{first}");
    // Neither is a line drawn across it in the map of dose and overlap.
    assert!(html.contains("Lines of equal Phase resolution (FRC 1&#x2f;2): no line can be drawn"));
    let answer = fs::read(folder.path().join("report/study_answer.json")).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    for of in [&answer["headline"]["views"][0], &answer["answers"][0]["reached"][0]] {
        assert_eq!((&of["state"], &of["dose"]), (&"by".into(), &1e5.into()), "{of}");
        assert_eq!(of["within"], serde_json::json!([1e3, 1e5]), "{of}");
        assert_eq!(of["between"], serde_json::json!([1e3, 1e5]), "{of}");
    }
}

#[test]
fn images_that_are_no_better_than_a_flat_one_have_no_trend_and_no_resolution() {
    // Of the flat image 0.92: the baseline is better at 10^5 alone, the others nowhere.
    let special = Special { flat: Some(0.92), flat_field: Some(0.992), ..Special::default() };
    let (folder, html) = report(&special);
    let grid = html.split("Phase resolution, px, train split").nth(1).unwrap();
    let row = |dose: &str| {
        let row = grid.split(&format!("<th scope=\"row\">{dose}</th>")).nth(1).unwrap();
        &row[..row.find("</tr>").unwrap()]
    };
    assert_eq!(row("10\u{2074}").matches(">not told<").count(), 3, "{}", row("10\u{2074}"));
    assert_eq!(row("10\u{2075}").matches(">not told<").count(), 2, "{}", row("10\u{2075}"));
    assert!(html.contains("the image is no better than one without any detail"));
    // Where all are better there is a trend.
    let sentences = |folder: &std::path::Path| {
        let text = fs::read(folder.join("report/study_answer.json")).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&text).unwrap();
        answer["answers"][0]["sentences"].to_string()
    };
    assert!(!sentences(folder.path()).contains("A tenfold dose changes it by"));
    assert!(sentences(plain().0.path()).contains("A tenfold dose changes it by"));
}

#[test]
fn a_goal_beyond_the_bound_of_counting_statistics_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special::default());
    // The photons of the made-up study resolve 2.5 px at its highest dose; the baseline alone has
    // less.
    let goals = [("phase_resolution_0_5_px".to_owned(), 1.6)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    let told = "That passes the bound of counting statistics, by which so many photons allow 2.";
    let bound: Vec<&str> = html.lines().filter(|line| line.contains("bound of count")).collect();
    assert!(html.contains(told), "{bound:?}");
    assert!(html.contains("is allowed, which passes that bound"));
    assert!(html.contains("past the bound of counting statistics, which allows 2."));
    assert!(!plain().1.contains("That passes the bound"));
}

#[test]
fn a_goal_in_what_no_result_has_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special::default());
    let goals = [("halves_complex_correlation".to_owned(), 0.9)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let why = "There is no answer in Agreement of halves, which was asked for: no result has it, for \
               no photons were dealt to two halves";
    let html = fs::read_to_string(paths.html).unwrap();
    let first = &html[..html.find("id=\"answer\"").unwrap_or(html.len())];
    assert!(first.contains(why));
    let answer: Value = serde_json::from_slice(&fs::read(paths.answer).unwrap()).unwrap();
    assert_eq!(answer["headline"]["metric"], "phase_ssim");
    assert!(answer["untold"][0].as_str().unwrap().starts_with(why), "{}", answer["untold"]);
    // Usual goals that nobody asked for give way without a word.
    assert!(!plain().1.contains("which was asked for"));
}

/// The answer for programs of the report in `folder`.
fn answer(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report/study_answer.json")).unwrap()).unwrap()
}

/// What it says of a metric.
fn of_metric(answer: &Value, name: &str) -> Value {
    let answers = answer["answers"].as_array().unwrap();
    answers.iter().find(|of| of["metric"] == name).unwrap().clone()
}

#[test]
fn halves_of_an_empty_specimen_agree_in_nothing() {
    let special = |flat_half| Special { measured: true, flat_half, ..Special::default() };
    let states = |flat: Option<f64>| {
        let folder = tempfile::tempdir().unwrap();
        write_study(folder.path(), &special(flat));
        let goals = [("halves_complex_correlation".to_owned(), 0.9)].into();
        lapwing_report::write_with(folder.path(), &goals).unwrap();
        let answer = answer(folder.path());
        let of = of_metric(&answer, "halves_complex_correlation");
        let reached = of["reached"].as_array().unwrap().clone();
        let known = reached.iter().filter(|reached| !reached["dose"].is_null()).count();
        (of["reached_by_flat"].clone(), known, answer["untold"].to_string())
    };
    // The made-up halves of the baseline agree by 0.94 at the highest dose.
    let (flat, known, _) = states(Some(0.8));
    assert!(flat.is_null() && known > 0);
    let (flat, known, untold) = states(Some(0.97));
    assert_eq!((flat, known), (json!(0.97), 0));
    assert!(untold.contains("There is no answer in Agreement of halves"), "{untold}");
}

#[test]
fn a_goal_that_nothing_above_confirms_is_not_taken_for_reached() {
    let of = |view: View| Split::ALL.map(|split| condition(100_000, view, split));
    let dips: Vec<_> = View::ALL.into_iter().flat_map(of).collect();
    let folder = tempfile::tempdir().unwrap();
    let goals = [("phase_resolution_0_5_px".to_owned(), 10.0)].into();
    let state = |dips: Vec<_>| {
        write_study(folder.path(), &Special { dips, ..Special::default() });
        let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
        let answer = answer(folder.path());
        let view = answer["headline"]["views"][0].clone();
        (view["state"].clone(), view["dose"].clone(), fs::read_to_string(paths.html).unwrap())
    };
    let (told, dose, _) = state(Vec::new());
    assert!(told == "at_most" || told == "about", "{told} {dose}");
    let (told, dose, html) = state(dips);
    assert_eq!((told, dose), ("unconfirmed".into(), Value::Null));
    assert_balanced(&html);
    let lead = after(&html, "<p class=\"lead\">");
    assert!(lead.contains("cannot be told to be reached"), "{lead}");
    assert!(lead.contains("nothing can be told of higher doses"), "{lead}");
    assert!(html.contains(">not for sure<"));
}

#[test]
fn the_best_of_all_doses_is_not_called_the_best_of_the_lower_ones() {
    let sentence = |from: f64| {
        let thinned_from = Some(from);
        let folder = tempfile::tempdir().unwrap();
        let special = Special { measured: true, thinned_from, ..Special::default() };
        write_study(folder.path(), &special);
        let goals = [("phase_ssim".to_owned(), 0.99)].into();
        lapwing_report::write_with(folder.path(), &goals).unwrap();
        answer(folder.path())["headline"]["sentences"][0].as_str().unwrap().to_owned()
    };
    // Of 10^5 photons doses to 25 000 stand alone, of 3000 none of the study.
    let told = sentence(1e5);
    assert!(told.contains("the best, up to 25\u{202f}000 photons per pattern, is"), "{told}");
    let told = sentence(3e3);
    assert!(told.contains("the best is") && !told.contains("up to"), "{told}");
}

#[test]
fn a_study_without_a_truth_says_so_to_machines_and_knows_its_pixel() {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { pixel_size: Some(1.25e-8), ..Special::default() });
    let study = StudyFolder::new(folder.path());
    for case in study.cases().unwrap() {
        let job = study.job_dir(&case);
        let record = job.join("result.json");
        let mut result: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
        result["comparison"] = Value::Null;
        result["files"]["comparison"] = Value::Null;
        result["not_compared"] = json!("the data set has no objectGuess to compare with");
        fs::write(&record, result.to_string()).unwrap();
        fs::remove_file(job.join("comparison.json")).unwrap();
    }
    lapwing_report::write(folder.path()).unwrap();
    let answer = answer(folder.path());
    assert_eq!((&answer["headline"], &answer["pixel_size_m"]), (&Value::Null, &json!(1.25e-8)));
    let untold = answer["untold"].to_string();
    assert!(untold.contains("no objectGuess to compare with"), "{untold}");
}

#[test]
fn coverage_of_error_maps_is_in_the_table() {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { maps: true, ..Special::default() });
    let paths = lapwing_report::write(folder.path()).unwrap();
    let table = fs::read_to_string(paths.csv).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (names, first) = (lines.next().unwrap(), lines.next().unwrap());
    let of = |name: &str| first[names.iter().position(|of| *of == name).expect(name)];
    let found = ["amplitude_within_sd", "amplitude_within_2_sd", "phase_within_sd"].map(of);
    assert_eq!((found, of("phase_within_2_sd")), (["0.6", "0.9", "0.61"], "0.93"));
}

#[test]
fn how_an_error_map_is_made_is_told_once_for_all_conditions_without_one() {
    let told = |maps| {
        let folder = tempfile::tempdir().unwrap();
        write_study(folder.path(), &Special { maps, several: true, ..Special::default() });
        let page = lapwing_report::write(folder.path()).unwrap().html;
        let page = fs::read_to_string(page).unwrap();
        // What is after the settings of the design quotes it.
        let (said, _) = page.split_once("Make this study again").unwrap();
        said.matches("error_maps = 2 beside").count()
    };
    assert_eq!((told(false), told(true)), (1, 0));
}

#[test]
fn a_folder_of_others_is_no_report_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special::default());
    let report = folder.path().join("report");
    fs::create_dir(&report).unwrap();
    fs::write(report.join("index.html"), "my thesis").unwrap();
    fs::write(report.join("notes.txt"), "mine").unwrap();
    let refused = lapwing_report::write(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("index.html is there already, and not written by Lapwing"));
    assert_eq!(fs::read_to_string(report.join("index.html")).unwrap(), "my thesis");
    assert_eq!(fs::read_dir(&report).unwrap().count(), 2);
    // What is no file of a report stays, and a report is replaced.
    fs::remove_file(report.join("index.html")).unwrap();
    for _ in 0..2 {
        lapwing_report::write(folder.path()).unwrap();
    }
    assert_eq!(fs::read_to_string(report.join("notes.txt")).unwrap(), "mine");
}
