//! What a page does not tell: no dose across a gap, no trend and no resolution of images without
//! any detail, and nothing beyond counting statistics without a word.

use crate::report::{after, assert_balanced, condition, plain, report};
use crate::support::{Special, write_study};
use lapwing_study::{Split, View};
use serde_json::Value;
use std::fs;

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
