//! The first screen, the page of a study that runs, and what photons cost and allow.

use crate::report::{after, assert_balanced, condition, plain, report};
use crate::support::{Special, write_study};
use lapwing_study::event::unobserved;
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View, run};
use std::collections::BTreeMap;
use std::fs;

#[test]
fn the_first_screen_has_a_sentence_a_picture_and_a_table() {
    let (folder, html) = plain();
    let first = &html[html.find("<section class=\"first\"").unwrap()..];
    let first = &first[..first.find("</section>").unwrap()];
    // The baseline reaches the goal at 10^4.88, and so does nothing else; with steps of 16 px, of a
    // quarter of the patterns, 0.07 ln 4 are missing.
    let told = "Phase SSIM at least 0.9 takes about 76\u{202f}000 photons per pattern with steps of \
                8.0 px, overlap 0.80; half of that gives about 0.806.";
    assert!(first.contains(told), "{first}");
    let cost = "Steps of 16.0 px, overlap 0.60, would cost 0.097 of Phase SSIM at that dose: 0.803 \
                in place of 0.900.";
    assert!(first.contains(cost));
    assert!(
        first.contains("a straight line between 10\u{2074} and 10\u{2075}, which are far apart")
            && first.contains("That is ")
    );
    assert_eq!((first.matches("<svg xmlns").count(), first.matches("<table").count()), (1, 1));
    // Beside what the positions have stands what the design asks for: 1 - 19.2 / 64.
    let asked = "overlap 0.60 (asked:\u{a0}0.70 of the side)";
    assert!(first.contains(asked), "{first}");
    assert!(html.contains("asked: 19.2 px, overlap 0.70 of the side"));
    // A row for each view, and words for who is new to it.
    assert_eq!(first.matches("<th scope=\"row\">").count(), 3);
    assert!(first.contains("not reached") && first.contains("<dt>on the specimen</dt>"));
    let answer = fs::read(folder.path().join("report/study_answer.json")).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let headline = &answer["headline"];
    assert!(headline["sentences"][0].as_str().unwrap().starts_with(told), "{headline}");
    assert_eq!(headline["views"][0]["between"], serde_json::json!([1e4, 1e5]));
    assert_eq!(
        (&headline["views"][0]["state"], &headline["views"][2]["state"]),
        (&"about".into(), &"never".into())
    );
    assert_eq!(headline["views"][0]["step_px"], 8.0);
}

#[test]
fn the_page_of_a_study_that_runs_looks_again_and_the_last_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let pending = vec![condition(100_000, View::Baseline, Split::Test)];
    write_study(folder.path(), &Special { pending, ..Special::default() });
    let page = |paths: lapwing_report::ReportPaths| fs::read_to_string(paths.html).unwrap();
    let live = page(lapwing_report::write_live(folder.path(), 7).unwrap());
    assert_balanced(&live);
    assert!(live.contains("data-again=\"7\"") && live.contains("17 of 18 conditions are done"));
    let last = page(lapwing_report::write(folder.path()).unwrap());
    assert!(!last.contains("data-again=") && !last.contains("looks again"));
}

#[test]
fn a_goal_that_a_flat_image_reaches_is_not_reached_by_noise() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[study]\ndoses = [10]\nviews = [\"baseline\"]\nsplits = [\"train\"]\n\
                pattern_size = 32\n[specimen]\nkind = \"weak-phase\"\n[probe]\ndiameter = 18\n\
                [scan]\nstep = 5\nfield = [90, 60]\n[solver]\nalgorithm = \"ML\"\nepochs = 10\n";
    let design = Design::parse(text, folder.path()).unwrap();
    run::study(&design, folder.path(), &mut unobserved).unwrap();
    let paths = lapwing_report::write(folder.path()).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    let csv = fs::read_to_string(folder.path().join("report/results.csv")).unwrap();
    let cell = |name: &str| {
        let column = csv.lines().next().unwrap().split(',').position(|head| head == name).unwrap();
        csv.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse::<f64>().unwrap()
    };
    // The flat image is within the usual goal of 0.9, and ten photons per pattern make none better.
    assert!(cell("phase_ssim_flat") > 0.95 && cell("phase_ssim") < cell("phase_ssim_flat"));
    assert!(html.contains("an image without any detail has"), "{}", cell("phase_ssim"));
    assert!(!after(&html, "<p class=\"lead\">").starts_with("Phase SSIM at least 0.9 takes"));
    // The first screen is of another metric, and says why.
    assert!(html.contains("There is no answer in Phase SSIM at least 0.9"));
}

#[test]
fn a_goal_that_a_flat_image_reaches_is_no_answer_however_good_the_images_are() {
    // The baseline has 0.938 at 10^5, better than the flat image.
    for several in [false, true] {
        let special = Special { flat: Some(0.92), several, ..Special::default() };
        let (folder, html) = report(&special);
        assert_balanced(&html);
        let lead = after(&html, "<p class=\"lead\">");
        assert!(lead.starts_with("Complex correlation at least"), "{lead}");
        let why = "There is no answer in Phase SSIM at least 0.9: an image without any detail \
                   reaches it as well (0.92).";
        assert!(html.contains(&format!("<p class=\"also\">{why}</p>")), "{why}");
        assert!(!html.contains("Phase SSIM at least 0.9 takes"));
        assert!(!html.contains("Phase SSIM at least 0.9 with"));
        assert!(!html.contains("for Phase SSIM at least 0.9</caption>"));
        let text = fs::read(folder.path().join("report/study_answer.json")).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(answer["headline"]["metric"], "complex_correlation");
        assert_eq!(answer["untold"], serde_json::json!([why]));
        let ssim = &answer["answers"][0];
        assert_eq!(
            (&ssim["metric"], &ssim["reached_by_flat"]),
            (&"phase_ssim".into(), &0.92.into())
        );
        for reached in ssim["reached"].as_array().unwrap() {
            assert_eq!((&reached["state"], &reached["dose"]), (&"unknown".into(), &().into()));
        }
        assert_eq!(answer["answers"][1]["reached_by_flat"], serde_json::Value::Null);
        if several {
            // One of three realisations no better than the flat image: done, and not told.
            let job = folder.path().join("reconstructions/repeat_2/dose_100000/baseline/train");
            let file = job.join("comparison.json");
            let text = fs::read(&file).unwrap();
            let mut comparison: serde_json::Value = serde_json::from_slice(&text).unwrap();
            comparison["metrics"]["phase_ssim"] = 0.91.into();
            fs::write(file, comparison.to_string()).unwrap();
            let paths = lapwing_report::write(folder.path()).unwrap();
            let html = fs::read_to_string(paths.html).unwrap();
            let grid = html.split("Phase SSIM, LSQML, train split").nth(1).unwrap();
            let row = grid.split("<th scope=\"row\">10\u{2075}</th>").nth(1).unwrap();
            let row = &row[..row.find("</tr>").unwrap()];
            assert_eq!(row.matches(">not told<").count(), 3, "{row}");
        }
    }
    // Of a goal beyond it something is told.
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { flat: Some(0.92), ..Special::default() });
    let goals = [("phase_ssim".to_owned(), 0.93)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    let lead = after(&html, "<p class=\"lead\">");
    assert!(lead.starts_with("Phase SSIM at least 0.93 takes about"), "{lead}");
}

#[test]
fn what_is_not_done_yet_is_neither_enough_nor_too_little() {
    if lapwing_testing::left_out() {
        return;
    }
    let of = |doses: &[u64]| {
        let splits = |dose: u64| Split::ALL.map(|split| (dose, split));
        let each = doses.iter().copied().flat_map(splits);
        let all = each.flat_map(|(dose, split)| View::ALL.map(|view| condition(dose, view, split)));
        report(&Special { pending: all.collect(), ..Special::default() })
    };
    let (folder, _) = of(&[1_000, 10_000]);
    let goals = [("phase_ssim".to_owned(), 0.1)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    let lead = after(&html, "<p class=\"lead\">");
    let told = "is reached by 10\u{2075} photons per pattern with";
    assert!(lead.contains(told) && lead.contains("lower doses undecided"), "{lead}");
    assert!(!html.contains("write doses"), "{lead}");
    // The goal of 0.9 is reached beyond what is done.
    let (_folder, html) = of(&[100_000]);
    let lead = after(&html, "<p class=\"lead\">");
    assert!(lead.contains("is not reached by what is done and can be told: the best"), "{lead}");
}

#[test]
fn a_goal_of_the_design_that_no_usual_one_stands_for_is_answered_too() {
    let sections = "[goal]\nmetric = \"amplitude_resolution_0_5_px\"\nat_most = 6\n";
    let (folder, html) = report(&Special { sections, ..Special::default() });
    let lead = after(&html, "<p class=\"lead\">");
    assert!(lead.starts_with("Amplitude resolution"), "{lead}");
    let text = fs::read_to_string(folder.path().join("report/study_answer.json")).unwrap();
    assert!(text.contains("\"amplitude_resolution_0_5_px\""), "{text}");
    // A length that no pixel makes one in pixels is refused, as on the command line.
    let sections = "[goal]\nmetric = \"phase_resolution_nm\"\nat_most = 60\n";
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { sections, ..Special::default() });
    let error = lapwing_report::write(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("phase_resolution_0_5_nm") && error.contains("--pixel-size-m"),
        "{error}"
    );
}

#[test]
fn the_goal_of_the_design_is_the_first_screen() {
    let sections = "[goal]\nmetric = \"phase_resolution_nm\"\nat_most = 60\n";
    let special = Special { pixel_size: Some(1.25e-8), sections, ..Special::default() };
    let (folder, html) = report(&special);
    let lead = after(&html, "<p class=\"lead\">");
    assert!(
        lead.starts_with("Phase resolution (FRC 1&#x2f;2) at most 4.8 px (60 nm) takes"),
        "{lead}"
    );
    // Lengths may be asked for in nanometres.
    let nm = [("phase_resolution_0_5_nm".to_owned(), 50.0)].into();
    let paths = lapwing_report::write_with(folder.path(), &nm).unwrap();
    let page = fs::read_to_string(paths.html).unwrap();
    assert!(after(&page, "<p class=\"lead\">").contains("at most 4 px (50 nm) takes"));
    // Unless another one is asked for.
    let goals = [("phase_ssim".to_owned(), 0.1)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    let lead = after(&html, "<p class=\"lead\">");
    assert!(lead.starts_with("Phase SSIM at least 0.1 takes 10\u{b3} or fewer photons"), "{lead}");
    // What fewer photons are enough for is a bound of everything that follows from them.
    let bounds = " in all, at least 100 times fewer per pattern than the highest dose of this";
    assert!(html.contains("That is at most ") && html.contains(bounds), "{lead}");
    // Which is enough at the lowest dose: what to do is said beside it.
    let advice = "write doses = [100, 1000, 10000, 100000] in the section [study]";
    assert!(html.contains(advice) && html.contains("the lowest of this study"), "{advice}");
}

#[test]
fn what_the_photons_allow_is_drawn_and_told_where_the_truth_is_known() {
    let (folder, html) = plain();
    let figure =
        |name: &str| fs::read_to_string(folder.path().join("report/figures").join(name)).unwrap();
    let named = ">allowed by the photons, baseline<";
    for metric in ["complex_nrmse", "complex_correlation", "phase_resolution_0_5_px"] {
        assert_eq!(figure(&format!("{metric}.svg")).matches(named).count(), 1, "{metric}");
    }
    assert!(!figure("phase_ssim.svg").contains(named));
    let told = "What the photons allow the best linear filter that knows the specimen\u{2019}s \
                spectrum (baseline, train): ";
    assert_eq!(html.matches(told).count(), 3);
    let (_folder, html) = report(&Special { measured: true, ..Special::default() });
    assert!(!html.contains("allowed by the photons"));
}

#[test]
fn error_maps_and_their_calibration_are_columns() {
    if lapwing_testing::left_out() {
        return;
    }
    let (_folder, html) = report(&Special { maps: true, ..Special::default() });
    for head in ["phase, 1 sd, rad", "within 1 sd, %", "within 2 sd, %"] {
        assert_eq!(html.matches(&format!(">{head}</th>")).count(), 1, "{head}");
    }
    let cell = "data-value=\"0.03\">0.03</td><td class=\"number\" data-value=\"61\">61</td>";
    assert_eq!(html.matches(cell).count(), 18);
    assert!(!plain().1.contains("within 1 sd, %"));
    // Where there are none, the page says how to have them.
    let none = "error_maps = 2 beside algorithm = &quot;LSQML&quot; in the design makes one, in another folder or with \
                --replace.";
    assert_eq!([&html, &plain().1].map(|html| html.matches(none).count()), [0, 1]);
}

#[test]
fn doses_are_told_in_gray_where_beam_and_specimen_are() {
    let sections = "[radiation]\nenergy_kev = 10\nmass_absorption_m2_kg = 0.5\n\
                    flux_per_s = 1e6\nefficiency = 0.5\n";
    let special = Special { pixel_size: Some(1.25e-8), sections, ..Special::default() };
    let (folder, html) = report(&special);
    assert_balanced(&html);
    let csv = fs::read_to_string(folder.path().join("report/results.csv")).unwrap();
    let cell = |name: &str| {
        let column = csv.lines().next().unwrap().split(',').position(|head| head == name).unwrap();
        csv.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse::<f64>().unwrap()
    };
    // A square metre of photons, twice those that are counted, times 10 keV and 0.5 m^2/kg.
    let expected = 2.0 * cell("fluence_um2") * 1e12 * 10.0 * 1.602_176_634e-16 * 0.5;
    assert!((cell("gray") / expected - 1.0).abs() < 1e-9);
    assert!((cell("exposure_s") / (2e-6 * cell("dose")) - 1.0).abs() < 1e-9);
    assert!(html.contains("Below them the dose to the specimen"));
    // The first screen has four columns beside the view; the rest is behind a click.
    let first = &html[html.find("<section class=\"first\"").unwrap()..];
    let (table, more) = first.split_at(first.find("<details class=\"more\"").unwrap());
    assert_eq!(table.matches("<th scope=\"col\">").count(), 5);
    let more = &more[..more.find("</details>").unwrap()];
    for column in ["dose to the specimen", "exposure", "scan"] {
        assert!(more.contains(&format!("<th scope=\"col\">{column}</th>")), "{more}");
    }
    assert!(html.contains("Gy</span></td>"));
    let text = fs::read(folder.path().join("report/study_answer.json")).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let reached = &answer["answers"][0]["reached"][0];
    let number = |name: &str| reached[name].as_f64().unwrap();
    assert!(
        (number("gray") / number("fluence_m2") / (10.0 * 1.602_176_634e-16) - 1.0).abs() < 1e-9
    );
    assert!((number("exposure_s") / (2e-6 * number("dose")) - 1.0).abs() < 1e-9);
}

#[test]
fn the_specimen_is_given_the_whole_scan_whichever_split_is_reconstructed() {
    if lapwing_testing::left_out() {
        return;
    }
    let sections = "[radiation]\nenergy_kev = 10\nmass_absorption_m2_kg = 0.5\nflux_per_s = 1e6\n\
                    overhead_s = 0.1\n";
    let special = || Special { pixel_size: Some(1.25e-8), sections, ..Special::default() };
    let read = |folder: &std::path::Path| -> serde_json::Value {
        serde_json::from_slice(&fs::read(folder.join("report/study_answer.json")).unwrap()).unwrap()
    };
    let (both, html) = report(&special());
    let whole = read(both.path())["headline"]["views"][0].clone();
    let (lead, first) = (after(&html, "<p class=\"lead\">"), after(&html, "time</summary>"));
    assert!(lead.contains("\u{202f}ms each) with steps of"), "{lead}");
    assert!(html.contains("photons per \u{b5}m\u{b2} in all"), "{first}");
    let number = |view: &serde_json::Value, name: &str| view[name].as_f64().unwrap();
    // Twice 160 patterns, each with its exposure and what comes on top.
    let scan = 320.0 * (number(&whole, "exposure_s") + 0.1);
    assert!((number(&whole, "scan_s") / scan - 1.0).abs() < 1e-12, "{whole}");
    // All is of the dose, of which the counts of a split are a percent off.
    let csv = fs::read_to_string(both.path().join("report/results.csv")).unwrap();
    let cell = |name: &str| {
        let column = csv.lines().next().unwrap().split(',').position(|head| head == name).unwrap();
        csv.lines().nth(1).unwrap().split(',').nth(column).unwrap().to_owned()
    };
    let table: f64 = cell("fluence_um2").parse().unwrap();
    let per_dose = number(&whole, "fluence_m2") / number(&whole, "dose");
    assert!((table * 1e12 / 1e3 / per_dose - 1.0).abs() < 1e-9, "{table} {per_dose}");
    assert_eq!(cell("fluence_of"), "scan");
    // One split by design, or one of which some results are not there yet.
    let pending = [1_000, 10_000, 100_000].map(|dose| condition(dose, View::Baseline, Split::Test));
    for special in [
        Special { splits: Some("train"), ..special() },
        Special { pending: pending.to_vec(), ..special() },
        Special { pending: pending[..1].to_vec(), ..special() },
    ] {
        let (folder, html) = report(&special);
        assert_balanced(&html);
        let view = &read(folder.path())["headline"]["views"][0];
        for name in ["state", "fluence_m2", "photons_per_pixel", "gray", "scan_s", "part"] {
            assert_eq!(view[name], whole[name], "{name}");
        }
    }
    // Where the other split is not there, nothing is told of it.
    let (folder, _) = report(&Special { splits: Some("train"), ..special() });
    for dose in [1_000, 10_000, 100_000] {
        let data = StudyFolder::new(folder.path()).data_root();
        fs::remove_file(lapwing_study::layout::data_file(&data, dose, Split::Test)).unwrap();
    }
    let html = fs::read_to_string(lapwing_report::write(folder.path()).unwrap().html).unwrap();
    let lead = after(&html, "<p class=\"lead\">");
    assert!(html.contains("photons per \u{b5}m\u{b2} of the train split"), "{lead}");
    assert!(!html.contains(" in all") && html.contains(">baseline, train split</th>"));
    let part = &read(folder.path())["headline"]["views"][0];
    assert_eq!(part["part"], "train");
    assert!((number(part, "scan_s") / scan - 0.5).abs() < 1e-12, "{part}");
}

#[test]
fn a_microscope_has_electrons() {
    let sections = "[radiation]\nvoltage_kv = 300\nstopping_power = 2.3\n";
    let special = Special { pixel_size: Some(1.25e-10), sections, ..Special::default() };
    let (folder, html) = report(&special);
    assert_balanced(&html);
    let words = html.split("<script").next().unwrap();
    let at = words.to_lowercase().find("photon");
    assert!(at.is_none(), "{}", &words[at.unwrap().saturating_sub(200)..][..300]);
    assert!(words.matches("electrons").count() > 50);
    let text = fs::read_to_string(folder.path().join("report/study_answer.json")).unwrap();
    assert!(text.contains("electrons per pattern") && !text.contains("photons per pattern"));
    let figures = fs::read_dir(folder.path().join("report/figures")).unwrap();
    let plots = figures.map(|entry| entry.unwrap().path());
    let plots = plots.filter(|path| path.extension().is_some_and(|ending| ending == "svg"));
    for path in plots {
        let svg = fs::read_to_string(&path).unwrap();
        assert!(!svg.to_lowercase().contains("photon"), "{}", path.display());
    }
}

#[test]
fn with_equal_fluence_the_tables_are_by_fluence_and_say_which_view_is_best() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = "[study]\nfluences = [0.06, 3.0, 300.0]\nfluence_area = \"px\"\nviews = [\"baseline\"]\n\
                splits = [\"train\"]\npattern_size = 32\n[probe]\ndiameter = 18\n[scan]\nstep = 5\n\
                field = [90, 80]\n[views]\nsteps = [12]\n[solver]\nepochs = 10\n";
    let design = Design::parse(text, folder.path()).unwrap();
    run::study(&design, folder.path(), &mut unobserved).unwrap();
    let paths = lapwing_report::write(folder.path()).unwrap();
    let html = fs::read_to_string(paths.html).unwrap();
    assert_balanced(&html);
    assert!(
        html.contains("<th scope=\"col\">photons on the specimen, per pixel of the object</th>")
    );
    // A design's overlap is that of its distance and the disc.
    let study = StudyFolder::new(folder.path());
    let of_step = |case: &Case| matches!(case.condition.view, View::Step(_));
    let case = study.cases().unwrap().into_iter().find(of_step).unwrap();
    let overlap = 1.0 - 12.0 / study.result(&case).unwrap().unwrap().probe_diameter_px;
    let asked = format!("asked: 12.0 px, overlap {overlap:.2}");
    assert!(overlap > 0.2 && html.contains(&asked), "{asked}");
    // Rows are fluences, with a number of both views in each.
    for fluence in ["3", "300"] {
        let row = format!("<tr><th scope=\"row\">{fluence}</th><td");
        let cells = html.split(&row).nth(1).unwrap();
        assert_eq!(cells[..cells.find("</tr>").unwrap()].matches("<a href=").count(), 2);
        let told = format!("with {fluence} photons on the specimen per pixel of the object, ");
        assert!(html.contains(&told), "{told}");
    }
    let lead = &html[html.find("<section class=\"first\"").unwrap()..];
    let lead = &lead[..lead.find("<div class=\"glance").unwrap()];
    assert!(!lead.contains("at that dose"), "{lead}");
    // What is lowest is a fluence.
    let goals = [("probe_nrmse".to_owned(), 5.0)].into();
    let paths = lapwing_report::write_with(folder.path(), &goals).unwrap();
    let loose = fs::read_to_string(paths.html).unwrap();
    assert!(loose.contains("lowest fluence of this study") && !loose.contains("lowest dose of"));
    // Two or three photons per pattern are not two and a half.
    let told = html.matches(" (doses are whole photons per pattern: ").count();
    assert!(told > 0 && html.matches("with 3 photons on the specimen").count() >= told);
    let listed = html.matches("photons on the specimen per pixel of the object, ").count();
    assert!(3 * told <= listed, "{told} of {listed}");
}

#[test]
fn a_pixel_that_is_told_later_gives_nanometres_and_fluences_and_contradicts_nothing() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special::default());
    let none = BTreeMap::new();
    let told = lapwing_report::write_sized(folder.path(), &none, Some(1.25e-8)).unwrap();
    let page = fs::read_to_string(&told.html).unwrap();
    assert!(page.contains("<h2 id=\"fluence\">Photons on the specimen</h2>"));
    assert!(page.contains(">Phase resolution, nm</th>") && page.contains("step 8.0 px (100 nm)"));
    // As the same study has it whose data tell the pixel.
    let (with, same) = report(&Special { pixel_size: Some(1.25e-8), ..Special::default() });
    let csv = |folder: &std::path::Path| fs::read_to_string(folder.join("report/results.csv"));
    assert_eq!(csv(folder.path()).unwrap(), csv(with.path()).unwrap());
    assert_eq!(after(&page, "<p class=\"lead\">"), after(&same, "<p class=\"lead\">"));
    // The size of the data may be repeated, but not replaced.
    lapwing_report::write_sized(with.path(), &none, Some(1.25e-8)).unwrap();
    let error = lapwing_report::write_sized(with.path(), &none, Some(2e-8)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("1.25e-8 m of the study") && text.contains("2e-8"), "{text}");
    // One that a search has kept may be.
    let kept = "[goal]\nmetric = \"phase_resolution_nm\"\nat_most = 60\npixel_size_m = 1e-8\n";
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { sections: kept, ..Special::default() });
    let lead = |told| {
        let paths = lapwing_report::write_sized(folder.path(), &none, told).unwrap();
        after(&fs::read_to_string(paths.html).unwrap(), "<p class=\"lead\">").to_owned()
    };
    assert!(lead(None).contains("at most 6 px (60 nm)"), "{}", lead(None));
    assert!(lead(Some(2e-8)).contains("at most 3 px (60 nm)"), "{}", lead(Some(2e-8)));
}

#[test]
fn lines_of_equal_quality_are_drawn_between_neighbours_or_the_page_says_why_not() {
    let (folder, html) = plain();
    let name = "report/figures/phase_ssim_dose_overlap.svg";
    let map = fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(html.contains("Lines of equal Phase SSIM"));
    // The goal, four levels and the nine conditions.
    for line in ["goal 0.9", "measured"] {
        assert!(map.contains(&format!(">{line}<")), "{line}");
    }
    assert!(map.matches("<polyline").count() + map.matches("<path").count() >= 5);
    // One overlap with numbers is no map.
    let all = [1_000, 10_000, 100_000].into_iter().flat_map(|dose| {
        Split::ALL.into_iter().flat_map(move |split| {
            [View::Dense, View::Sparse].map(|view| Condition { dose, view, split })
        })
    });
    let (_folder, html) = report(&Special { pending: all.collect(), ..Special::default() });
    assert!(!html.contains("<title>Lines of equal"));
    assert!(html.contains("numbers that hold are there with one overlap at most"));
    // Nor is one dose, whatever the overlaps.
    let others = [10_000, 100_000].into_iter().flat_map(|dose| {
        Split::ALL
            .into_iter()
            .flat_map(move |split| View::ALL.map(|view| Condition { dose, view, split }))
    });
    let (folder, html) = report(&Special { pending: others.collect(), ..Special::default() });
    assert!(html.contains("no line can be drawn, for that takes two doses"));
    // Whose plot has its numbers inside of it, which is 470 wide.
    let plot = fs::read_to_string(folder.path().join("report/figures/phase_ssim.svg")).unwrap();
    let end = plot.find(">2000</text>").unwrap();
    let tick = &plot[plot[..end].rfind("<text").unwrap()..end];
    let x: f64 = tick.split("x=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    assert!(x < 430.0, "{tick}");
}
