//! The report of made-up studies: well-formed, safe against hostile names, the same bytes, small,
//! in the study's order.

use crate::support::{Special, write_study};
use lapwing_files::reconstruction::read_positions;
use lapwing_model::Position;
use lapwing_report::ReportError;
use lapwing_study::event::unobserved;
use lapwing_study::overlap::covered_area;
use lapwing_study::record::Outcome;
use lapwing_study::run::{self, StudyOptions};
use lapwing_study::{Condition, Design, Split, StudyFolder, View};
use std::fs;
use std::sync::OnceLock;

/// The report of a study in which all went well, made once for the tests that only read it.
pub fn plain() -> &'static (tempfile::TempDir, String) {
    static PLAIN: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    PLAIN.get_or_init(|| report(&Special::default()))
}

pub fn report(special: &Special) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), special);
    let paths = lapwing_report::write(folder.path()).unwrap();
    let html = fs::read_to_string(&paths.html).unwrap();
    (folder, html)
}

/// Fails at the first tag that is closed out of order or never.
pub fn assert_balanced(html: &str) {
    const VOID: [&str; 4] = ["meta", "img", "input", "link"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a doctype first");
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/').unwrap();
        let name = &rest[..name_end];
        // Attributes may hold `>` only inside quotes.
        let mut quote = None;
        let end = rest
            .char_indices()
            .find(|&(_, c)| match (quote, c) {
                (None, '"' | '\'') => {
                    quote = Some(c);
                    false
                }
                (Some(q), c) if q == c => {
                    quote = None;
                    false
                }
                (None, '>') => true,
                _ => false,
            })
            .map(|(i, _)| i)
            .expect("a tag that ends");
        let closed = rest[..end].ends_with('/');
        rest = &rest[end + 1..];
        match name.strip_prefix('/') {
            Some(name) => {
                assert_eq!(open.pop(), Some(name), "closing </{name}> before {:.60}", rest)
            }
            None if VOID.contains(&name) || closed => {}
            None => {
                open.push(name);
                if name == "script" || name == "style" {
                    rest = &rest[rest.find(&format!("</{name}>")).unwrap()..];
                }
            }
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

#[test]
fn the_page_is_whole_and_well_formed() {
    let (_folder, html) = plain();
    assert_balanced(html);
    assert!(html.contains("All 18 conditions are done"));
    // Four pictures for each of 18 conditions, three of the truth for each split; each with words
    // in its place.
    assert_eq!(html.matches("<img ").count(), 18 * 4 + 2 * 3);
    assert_eq!(html.matches("<img ").count(), html.matches(" alt=\"").count());
    assert!(!html.contains(" alt=\"\""));
    // One panel is open, that of the answer.
    assert_eq!(html.matches("name=\"metric\"").count(), 5);
    assert_eq!(html.matches(" checked>").count(), 1);
    // The picture of the first screen; quality against dose and cost, and lines of equal quality,
    // for each metric; scan, loss and FRC for each condition.
    assert_eq!(html.matches("<svg xmlns").count(), 1 + 3 * 5 + 18 * 3);
    // Nothing is fetched: the only addresses with a scheme are data and the SVG name space.
    let foreign = html.replace("http://www.w3.org/2000/svg", "");
    assert!(
        !foreign.contains("http:") && !foreign.contains("https:") && !foreign.contains("//cdn")
    );
    assert!(html.contains("href=\"../reconstructions/dose_1000/dense/train/reconstruction.npz\""));
}

#[test]
fn it_answers_in_words_by_interpolation() {
    let (_folder, html) = plain();
    // Made-up quality of the baseline: (log10 dose - 2) / 3.2 reaches 0.9 at 10^4.88.
    assert!(html.contains(
        "Phase SSIM at least 0.9 with the baseline view: from about 76\u{202f}000 photons per pattern on train"
    ));
    assert!(
        html.contains(
            "Phase SSIM at least 0.9 with the sparse view: not reached within this study."
        )
    );
    assert!(html.contains("Best: 0.938 (10\u{2075} photons, baseline view, "));
}

#[test]
fn the_answer_is_told_to_programs_and_at_equal_cost() {
    let (folder, html) = plain();
    let text = fs::read(folder.path().join("report/study_answer.json")).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let ssim = &answer["answers"][0];
    assert_eq!((&ssim["metric"], &ssim["goal"]), (&"phase_ssim".into(), &0.9.into()));
    assert_eq!((&ssim["bound"], &ssim["asked_for"]), (&"at_least".into(), &false.into()));
    let reached = ssim["reached"].as_array().unwrap();
    assert_eq!(reached.len(), 6);
    // 10^(2 + 3.2 x 0.9) of the baseline; the sparse view never.
    assert_eq!((&reached[0]["state"], &reached[5]["state"]), (&"about".into(), &"never".into()));
    assert!((reached[0]["dose"].as_f64().unwrap() / 10f64.powf(4.88) - 1.0).abs() < 1e-6);
    for sentence in ssim["sentences"].as_array().unwrap() {
        let plain = sentence.as_str().unwrap().replace('<', "&lt;").replace('/', "&#x2f;");
        assert!(html.contains(&plain), "{plain}");
    }
    // Every fourth position is columns of discs that do not touch: a pixel of the object has 0.44
    // of the photons of the baseline, so that at the same number of them the dense view has 2.3
    // times the dose, which makes more of it, as log10(2.3) / 3.2 is more than 0.07 ln 4. The one
    // column of every sixteenth gains about as much dose and loses twice that.
    let cost =
        "At the same cost to the specimen, interpolated between the doses that are there: with ";
    let told = html.split(cost).nth(1).unwrap();
    assert!(told[..120].contains("dense is best on train"), "{}", &told[..200]);
    // A pixel's photons are known without its size.
    assert!(told[..60].contains("photons per pixel of the object"), "{}", &told[..100]);
}

#[test]
fn rows_stand_in_the_order_of_the_study() {
    let (folder, html) = plain();
    let csv = fs::read_to_string(folder.path().join("report/results.csv")).unwrap();
    let rows: Vec<Vec<&str>> =
        csv.lines().skip(1).map(|line| line.split(',').take(3).collect()).collect();
    let mut expected = Vec::new();
    for dose in ["1000", "10000", "100000"] {
        for split in ["train", "test"] {
            for view in ["baseline", "dense", "sparse"] {
                expected.push(vec![dose, split, view]);
            }
        }
    }
    assert_eq!(rows, expected);
    let places: Vec<usize> = expected
        .iter()
        .map(|row| html.find(&format!("id=\"dose-{}-{}-{}\"", row[0], row[2], row[1])).unwrap())
        .collect();
    assert!(places.is_sorted());
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("report/results.json")).unwrap())
            .unwrap();
    assert_eq!(json["conditions"][17]["dose"], 100_000);
    assert_eq!(json["conditions"][17]["metrics"]["phase_ms_ssim"], serde_json::Value::Null);
    assert_eq!(json["done"], 18);
}

#[test]
fn csv_has_one_value_for_each_column() {
    let (folder, _) = report(&Special {
        failed: vec![(
            condition(1_000, View::Dense, Split::Test),
            "a \"quoted\", reason".to_owned(),
        )],
        ..Special::default()
    });
    let csv = fs::read_to_string(folder.path().join("report/results.csv")).unwrap();
    let columns = csv.lines().next().unwrap().split(',').count();
    assert!(
        csv.lines()
            .filter(|line| !line.contains("quoted"))
            .all(|line| line.split(',').count() == columns)
    );
    assert!(csv.contains("1000,test,dense,failed,\"a \"\"quoted\"\", reason\""));
}

#[test]
fn the_same_study_gives_the_same_bytes() {
    let (folder, first) = plain();
    let files = ["index.html", "results.csv", "results.json"]
        .map(|name| folder.path().join("report").join(name));
    let before = files.clone().map(|file| fs::read(file).unwrap());
    lapwing_report::write(folder.path()).unwrap();
    assert_eq!(files.map(|file| fs::read(file).unwrap()), before);
    // Another folder, another name on disk: still the same page.
    assert_eq!(&report(&Special::default()).1, first);
}

#[test]
fn the_page_is_small() {
    let (_folder, html) = plain();
    assert!(html.len() < 5_000_000, "{}", html.len());
}

#[test]
fn solvers_stand_side_by_side_and_repeats_give_standard_errors() {
    if lapwing_testing::left_out() {
        return;
    }
    let (folder, html) = report(&Special { several: true, ..Special::default() });
    assert_balanced(&html);
    assert!(html.len() < 5_000_000, "{}", html.len());
    assert!(html.contains("108 conditions") && html.contains("means over 3 noise realisations"));
    // (log10 dose - 2) / 3.2 of the baseline view at 10^4, and 0.01 and 0.02 more: 0.635 with a
    // standard error of 0.01 / sqrt(3).
    assert!(html.contains(">0.635<span class=\"sub\">\u{b1} 0.006</span>"));
    // A sentence for each solver: 10^(2 + 3.2 x 0.89) and, 0.04 better, 10^(2 + 3.2 x 0.85).
    for answer in [
        "LSQML: Phase SSIM at least 0.9 takes about 70\u{202f}000 (baseline) photons per pattern; not reached within this study: dense, sparse.",
        "ML: Phase SSIM at least 0.9 takes about 52\u{202f}000 (baseline) photons per pattern; not reached within this study: dense, sparse.",
    ] {
        assert!(
            html.contains(answer),
            "{:?}",
            html.lines().find(|line| line.contains("LSQML: Phase SSIM"))
        );
    }
    // Three doses say no more than between which two it is, as far as 4.303 standard errors,
    // Student's t of three values, leave these where they are.
    let cell = "<td>\u{2248} 70\u{202f}000<span class=\"sub\">10\u{2074} to 10\u{2075}</span></td>";
    assert!(html.contains(cell) && html.contains("<td>not reached</td>"));
    // The straight line through values that lie on one, 1 / 3.2 for a decade.
    assert!(
        html.contains("<td>+0.312 \u{b1} 0.000</td>")
            || html.contains("<td>+0.313 \u{b1} 0.000</td>")
    );
    // Pictures are those of the first realisation, and the others are linked.
    assert!(html.contains("those of the first realisation"));
    assert_eq!(html.matches("Other realisations: <a href=").count(), 36);
    assert!(
        html.contains("Phase SSIM, ML, test split") && html.contains("Phase SSIM against dose, ML")
    );
    // A card for each condition and solver, a line of the table for each realisation.
    assert_eq!(html.matches("<article class=\"card\"").count(), 2 + 36);
    let csv = fs::read_to_string(folder.path().join("report/results.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 108);
    for name in ["phase_ssim_LSQML.svg", "phase_ssim_ML.png"] {
        assert!(folder.path().join("report/figures").join(name).is_file(), "{name}");
    }
}

/// Text of the page between a place and the end of its element.
pub fn after<'a>(html: &'a str, place: &str) -> &'a str {
    let start =
        html.find(place).unwrap_or_else(|| panic!("{place} is not on the page")) + place.len();
    &html[start..start + html[start..].find('<').unwrap()]
}

#[test]
fn known_pixels_give_scale_bars_and_nanometres() {
    let (folder, html) = report(&Special { pixel_size: Some(1.25e-8), ..Special::default() });
    assert_balanced(&html);
    assert_eq!(after(&html, "<dt>pixel of the object</dt><dd>"), "12.5 nm");
    // Every picture of an object, an error or a probe has a bar, on which 500 nm are 40 of its
    // pixels.
    assert_eq!(html.matches("class=\"length\"").count(), html.matches("<img ").count());
    // 138 pixels wide: 12.5 nm x 138 / 4 is 431 nm, so the bar is 200 nm, 16 pixels.
    assert!(html.contains("style=\"--w:11.59%\" aria-hidden=\"true\"><span>200 nm</span>"));
    assert!(html.contains("The bar in the picture is 200 nm long."));
    assert!(
        html.contains(">Phase resolution, px</th>") && html.contains(">Phase resolution, nm</th>")
    );
    assert!(
        html.contains(
            "Phase resolution (FRC 1&#x2f;2) at most 2 px (25 nm) with the baseline view"
        )
    );
    let sheet = fs::read_to_string(folder.path().join("report/figures/images_train.svg")).unwrap();
    assert_eq!(sheet.matches(">200 nm</text>").count(), 2, "one in each block");
    // What the patterns depend on besides probe and object.
    assert!(html.contains("the detector blurs by 0.5 px"));
    // Steps in pixels and nanometres, and photons on the specimen: 1000 photons on 160 positions
    // and 20,000 pixels of 1.5625e-4 square micrometres are 51,200 on each, of a split.
    assert!(html.contains(
        "<span class=\"sub\">step 8.0 px (100 nm)</span><span class=\"sub\">overlap 0.80</span>"
    ));
    assert!(html.contains("<h2 id=\"fluence\">Photons on the specimen</h2>"));
    assert!(html.contains("photons per \u{b5}m\u{b2} on the specimen in all"));
    let csv = fs::read_to_string(folder.path().join("report/results.csv")).unwrap();
    let cell = |name: &str| {
        let column = csv.lines().next().unwrap().split(',').position(|head| head == name).unwrap();
        csv.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse::<f64>().unwrap()
    };
    assert_eq!((cell("step_px"), cell("step_nm"), cell("linear_overlap")), (8.0, 100.0, 0.8));
    let expected = cell("dose") * cell("n_patterns") / (20_000.0 * 1.5625e-4);
    assert!((cell("split_fluence_um2") / expected - 1.0).abs() < 1e-9);
    // The specimen has light from both splits.
    let scan: Vec<Position> = Split::ALL
        .into_iter()
        .flat_map(|split| {
            let case = condition(1_000, View::Baseline, split).into();
            let job = StudyFolder::new(folder.path()).job_dir(&case);
            read_positions(job.join("reconstruction.npz")).unwrap().unwrap()
        })
        .collect();
    let area = covered_area(&scan, 24.0) * 1.5625e-4;
    let expected = cell("dose") * scan.len() as f64 / area;
    assert!((cell("fluence_um2") / expected - 1.0).abs() < 1e-9);
    assert!(scan.len() == 2 * cell("n_patterns") as usize);
    // Without a pixel size there is none of that.
    let (_, plain) = plain();
    assert!(!plain.contains("class=\"length\"") && !plain.contains(" nm"));
    assert!(!plain.contains("Photons on the specimen") && plain.contains("step 8.0 px</span>"));
}

#[test]
fn images_of_all_conditions_stand_on_one_sheet() {
    let (folder, _) = plain();
    for split in ["train", "test"] {
        let path = folder.path().join(format!("report/figures/images_{split}"));
        let sheet = fs::read_to_string(path.with_extension("svg")).unwrap();
        // Amplitude and phase of three doses and three views, and of the truth; all of a block on
        // one scale.
        assert_eq!(sheet.matches("<image ").count(), 2 * (9 + 1));
        for text in [">Amplitude<", ">Phase<", ">rad<", ">truth<", ">sparse<", ">10\u{2075}<"] {
            assert!(sheet.contains(text), "{text}");
        }
        assert!(!sheet.contains(" to 0."), "ranges under pictures, so colours are not common");
        let png =
            lapwing_draw::Picture::decode(&fs::read(path.with_extension("png")).unwrap()).unwrap();
        assert!(png.width() > 1000 && png.height() > 1000, "{} x {}", png.width(), png.height());
    }
}

#[test]
fn large_scans_and_two_solvers_stay_small() {
    if lapwing_testing::left_out() {
        return;
    }
    // 5,120 positions in each split, as in a study at full size.
    let (_folder, html) =
        report(&Special { several: true, across: Some(90), ..Special::default() });
    assert_balanced(&html);
    assert!(html.len() < 5_000_000, "{}", html.len());
    // Scans are the same for every dose and solver: those of three views and two splits are drawn
    // once.
    assert_eq!(html.matches("<g id=\"scan-").count(), 6);
    assert_eq!(html.matches("<use href=\"#scan-").count(), 36);
}

#[test]
fn goals_can_be_chosen_and_unknown_ones_are_refused() {
    let (folder, _) = plain();
    let copy = tempfile::tempdir().unwrap();
    write_study(copy.path(), &Special::default());
    let goals = [("phase_ssim".to_owned(), 0.5)].into();
    let html =
        fs::read_to_string(lapwing_report::write_with(copy.path(), &goals).unwrap().html).unwrap();
    // (log10 dose - 2) / 3.2 = 0.5 at 10^3.6.
    assert!(html.contains(
        "Phase SSIM at least 0.5 with the baseline view: from about 4000 photons per pattern"
    ));
    let error = lapwing_report::write_with(folder.path(), &[("beauty".to_owned(), 1.0)].into())
        .unwrap_err();
    assert!(
        error.to_string().contains("beauty") && error.to_string().contains("phase_ssim"),
        "{error}"
    );
}

#[test]
fn hostile_names_and_reasons_stay_text() {
    let evil = "</title><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & {{ 7*7 }}";
    let (_folder, html) = report(&Special {
        name: evil,
        failed: vec![(condition(1_000, View::Sparse, Split::Train), evil.to_owned())],
        skipped: vec![(condition(10_000, View::Sparse, Split::Test), evil.to_owned())],
        ..Special::default()
    });
    assert_balanced(&html);
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(!html.contains("<img src=x") && html.contains("{{ 7*7 }}"));
    assert!(
        html.contains("&lt;&#x2f;title&gt;&lt;script&gt;")
            || html.contains("&lt;/title&gt;&lt;script&gt;")
    );
}

#[test]
fn failed_skipped_and_pending_conditions_are_told_apart() {
    let (_folder, html) = report(&Special {
        failed: vec![(
            condition(1_000, View::Sparse, Split::Train),
            "the solver lost its way".to_owned(),
        )],
        skipped: vec![(condition(1_000, View::Dense, Split::Test), "only 2 positions".to_owned())],
        pending: vec![condition(100_000, View::Baseline, Split::Test)],
        ..Special::default()
    });
    assert_balanced(&html);
    assert!(html.contains("15 of 18 conditions are done, 1 failed<"));
    for text in
        ["the solver lost its way", "only 2 positions", ">not run<", ">skipped<", ">failed<"]
    {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn results_of_an_earlier_design_are_not_shown_as_this_ones() {
    let folder = tempfile::tempdir().unwrap();
    let design = |epochs: usize| {
        let text = format!(
            "[study]\ndoses = [1e4]\nviews = [\"baseline\"]\npattern_size = 32\n\
             [scan]\nstep = 8\nfield = [64, 48]\n[solver]\nepochs = {epochs}\n"
        );
        Design::parse(&text, folder.path()).unwrap()
    };
    let html = || {
        let paths = lapwing_report::write(folder.path()).unwrap();
        (fs::read_to_string(paths.html).unwrap(), fs::read_to_string(paths.csv).unwrap())
    };
    run::study(&design(2), folder.path(), &mut unobserved).unwrap();
    assert!(html().0.contains("All 2 conditions are done"));
    // Another option, and nothing reconstructed with it yet.
    let prepare = StudyOptions { prepare_only: true, replace: true, ..StudyOptions::default() };
    run::study_with(&design(3), folder.path(), prepare, &mut unobserved).unwrap();
    let outcomes = StudyFolder::new(folder.path()).outcomes().unwrap().unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Stale { .. })));
    let (page, table) = html();
    assert_balanced(&page);
    assert!(page.contains("0 of 2 conditions are done"), "{page}");
    // In the list of problems, and on the card of each.
    assert_eq!(page.matches("made with other solver options").count(), 2 * 2);
    assert_eq!(table.matches("not run").count(), 2, "{table}");
}

#[test]
fn a_damaged_record_is_reported_and_the_rest_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special::default());
    let job = folder.path().join("reconstructions/dose_1000/dense/train");
    fs::write(job.join("result.json"), "{ not json").unwrap();
    fs::write(folder.path().join("reconstructions/dose_1000/dense/test/phase.png"), "no picture")
        .unwrap();
    let html = fs::read_to_string(lapwing_report::write(folder.path()).unwrap().html).unwrap();
    assert_balanced(&html);
    assert!(html.contains("its record cannot be read") && html.contains("17 of 18"));
    assert_eq!(html.matches("<img ").count(), 16 * 4 + 3 + 2 * 3);
}

#[test]
fn a_folder_without_a_study_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = lapwing_report::write(folder.path()).unwrap_err();
    assert!(matches!(error, ReportError::NoStudy { .. }), "{error}");
    assert!(error.to_string().contains("study.toml"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

pub fn condition(dose: u64, view: View, split: Split) -> Condition {
    Condition { dose, split, view }
}
