//! What people ask for: a plan that is confirmed, a study that is watched, a search that goes on.

use crate::common::{Bench, stderr};

#[test]
fn a_plan_is_confirmed_by_a_simulation() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let asked = "plan --resolution-m 2e-9 --pixel-size-m 1e-9 --pattern-size 32 --probe-diameter-m 14e-9 \
                 --field-m 110e-9 --overlap 0.75 --phase 0.2";
    let plain = bench.json(asked);
    assert!(plain["simulated"].is_null());
    let found = bench.json(&format!("{asked} --simulate"));
    assert_eq!(found["expected"], plain["expected"]);
    let ratio = found["simulated"]["found_over_expected"].as_f64().unwrap();
    assert!((0.5..2.0).contains(&ratio), "{ratio}");
    let words = bench.ok(&format!("{asked} --simulate"));
    assert!(words.contains("as expected within a factor of two"), "{words}");
    // Gray by an index of absorption and the density.
    let gray = bench.json(
        "plan --resolution-m 30e-9 --delta 4e-6 --beta 3e-8 --thickness-m 2e-6 --energy-kev 6.2 \
         --density-kg-m3 2300 --probe-diameter-m 1e-6 --field-m 10e-6",
    );
    // 4 pi beta / (lambda rho) photons of 6.2 keV on each square metre.
    let wavelength = 12.398_42e-10 / 6.2;
    let absorbed = 4.0 * std::f64::consts::PI * 3e-8 / wavelength / 2300.0;
    let expected = &gray["expected"];
    let energy = 6.2 * 1.602_176_634e-16 * expected["fluence_m2"].as_f64().unwrap();
    assert!((expected["gray"].as_f64().unwrap() / (absorbed * energy) - 1.0).abs() < 1e-4);
}

const DESIGN: &str = "[study]\ndoses = [1e2, 1e4]\nviews = [\"baseline\"]\nsplits = [\"train\"]\n\
                      pattern_size = 32\n[probe]\ndiameter = 18\n[scan]\nstep = 6\n\
                      field = [80, 60]\n[[solver]]\nepochs = 6\n[[solver]]\nalgorithm = \"ML\"\n\
                      epochs = 4\n";

#[test]
fn a_study_that_is_watched_has_a_page_from_its_beginning_and_at_its_end_a_still_one() {
    let bench = Bench::new();
    std::fs::write(bench.path("design.toml"), DESIGN).unwrap();
    let output = bench.run("study run design.toml --output watched --watch");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("it grows while the study runs"), "{}", stderr(&output));
    let html = std::fs::read_to_string(bench.path("watched/report/index.html")).unwrap();
    assert!(html.contains("All 4 conditions are done") && !html.contains("data-again"));
}

#[test]
fn a_run_of_the_same_design_goes_on_where_a_search_was() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    std::fs::write(bench.path("design.toml"), DESIGN).unwrap();
    let goal = "--goal complex_correlation=0.9 --precision 2";
    let found = bench.json(&format!("study search design.toml --output found {goal} --quiet"));
    let tried = found["views"][0]["tried"].as_array().unwrap().len();
    assert!(tried >= 2, "{found}");
    let run = bench.json("study run design.toml --output found --quiet");
    // Both doses by both solvers, and what was looked at between them by the first.
    assert_eq!((run["jobs"].as_u64(), run["failed"].as_u64()), (Some(tried as u64 + 2), Some(0)));
    assert_eq!(run["resumed"].as_u64(), Some(tried as u64));
    let again = bench.json(&format!("study search design.toml --output found {goal} --quiet"));
    assert_eq!(again["views"], found["views"]);
    // Between the two doses there is an answer, of one realisation.
    let value = |look: usize| found["views"][0]["tried"][look]["value"].as_f64().unwrap();
    let goal = format!("--goal complex_correlation={} --precision 90", (value(0) + value(1)) / 2.0);
    let words = bench.ok(&format!("study search design.toml --output found {goal} --quiet"));
    assert!(words.contains("100 to 1000 of one realisation"), "{words}");
    // Another design is still another design.
    let other = DESIGN.replace("epochs = 6", "epochs = 7");
    std::fs::write(bench.path("other.toml"), other).unwrap();
    bench.fails("study run other.toml --output found", &["6 there and 7 here", "--replace"]);
}

#[test]
fn a_goal_that_chance_may_reach_at_the_lowest_dose_is_found_to_the_precision() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let search = |doses: &str, goal: f64, folder: &str| {
        let design = DESIGN.replace("doses = [1e2, 1e4]", &format!("{doses}\nrepeats = 2"));
        let design = design.replace("epochs = 6", "epochs = 12");
        std::fs::write(bench.path("design.toml"), design).unwrap();
        let goal = format!("--goal complex_correlation={goal} --precision 1.5");
        let asked = format!("study search design.toml --output {folder} {goal} --quiet");
        (bench.json(&asked)["views"][0].clone(), bench.ok(&asked))
    };
    let number = |of: &serde_json::Value, name: &str| of[name].as_f64().unwrap();
    let worst = |of: &serde_json::Value| number(of, "value") - number(of, "half_width");
    // The lowest dose reaches the goal on average, the highest whatever chance does.
    let (ends, _) = search("doses = [3e2, 3e4]", 0.9, "found");
    let (lowest, highest) = (&ends["tried"][0], &ends["tried"][1]);
    let goal = 0.5 * (number(lowest, "value") + worst(lowest));
    assert!(goal < number(lowest, "value") && goal < worst(highest), "{ends}");
    let (found, words) = search("doses = [3e2, 3e4]", goal, "found");
    let at = number(&found["dose"], "at");
    assert_eq!(found["dose"]["reached"], "by", "{found}");
    let tried = found["tried"].as_array().unwrap();
    let place = tried.iter().position(|one| number(one, "dose") == at).unwrap();
    let below = &tried[..place];
    assert!(worst(&tried[place]) >= goal && below.iter().all(|one| worst(one) < goal), "{found}");
    assert!(at <= 1.5 * number(below.last().unwrap(), "dose"), "{found}");
    // In words, and in the report.
    let told = format!("reached by {at} photons per pattern, lower doses undecided (from 300 on");
    assert!(words.contains(&told), "{words}");
    let answer = std::fs::read(bench.path("found/report/study_answer.json")).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let view = &answer["headline"]["views"][0];
    assert_eq!((view["state"].as_str(), view["dose"].as_f64()), (Some("by"), Some(at)), "{view}");
    // What chance may do at the highest dose as well is not told, there and here.
    let two = "doses = [3000, 4000]";
    let (ends, _) = search(two, 0.9, "near");
    let [lowest, highest] = ends["tried"].as_array().unwrap().as_slice() else { panic!("{ends}") };
    let goal = 0.5 * (number(lowest, "value") + worst(lowest).max(worst(highest)));
    assert!(number(lowest, "value").min(number(highest, "value")) > goal, "{ends}");
    let (found, words) = search(two, goal, "near");
    assert_eq!(found["dose"]["reached"], "never", "{found}");
    assert!(words.contains("not told: at 3000") && words.contains("chance alone"), "{words}");
}

#[test]
fn words_records_and_page_tell_the_same_of_a_goal_after_other_goals() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let design = DESIGN.replace("doses = [1e2, 1e4]", "doses = [1e2, 1e4]\nrepeats = 3");
    std::fs::write(bench.path("design.toml"), design).unwrap();
    let mut looked = 0;
    let goals = ["phase_ssim=0.75", "complex_correlation=0.93", "phase_ssim=0.78"];
    for goal in goals.iter().chain(&goals[..1]) {
        let asked = format!(
            "study search design.toml --output found --goal {goal} --precision 1.5 --quiet"
        );
        let found = bench.json(&asked);
        let (of, words) = (&found["views"][0], bench.ok(&asked));
        let page = std::fs::read_to_string(bench.path("found/report/index.html")).unwrap();
        let answer = std::fs::read(bench.path("found/report/study_answer.json")).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let view = &answer["headline"]["views"][0];
        let near = |one: &serde_json::Value, other: &serde_json::Value| match (
            one.as_f64(),
            other.as_f64(),
        ) {
            (Some(one), Some(other)) => (one / other - 1.0).abs() < 1e-9,
            (one, other) => one == other,
        };
        let dose = &of["dose"];
        assert_eq!(view["state"], dose["reached"], "{goal}: {of} {view}");
        assert!(near(&view["dose"], &dose["at"]), "{goal}: {of} {view}");
        if dose["reached"] == "about" {
            let within = &view["within"];
            let same = near(&within[0], &dose["low"]) && near(&within[1], &dose["high"]);
            assert!(same, "{goal}: {of} {view}");
        }
        // What the two say of it in words, thousands set apart or written as powers.
        let plain = |text: &str| {
            let text = text.replace(['\u{202f}', ' '], "");
            text.replace("10\u{b3}", "1000").replace("10\u{2074}", "10000")
        };
        let range = words.split(" with 95 % confidence").next().unwrap();
        let range = range.rsplit("pattern, ").next().unwrap();
        if range.starts_with(|first: char| first.is_ascii_digit()) {
            assert!(plain(&page).contains(&plain(&format!("({range})"))), "{goal}: {range}");
        }
        // All that earlier goals have looked at counts.
        let tried = of["tried"].as_array().unwrap().len();
        assert!(tried >= looked, "{goal}: {of}");
        looked = tried;
    }
}

#[test]
fn a_search_between_fluences_is_about_photons_on_the_specimen() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let fluences = "fluences = [3, 300]\nfluence_area = \"px\"";
    let design = DESIGN.replace("doses = [1e2, 1e4]", fluences) + "[views]\nsteps = [9]\n";
    std::fs::write(bench.path("design.toml"), design).unwrap();
    let goal = "--goal complex_correlation=0.9 --precision 3";
    let found = bench.json(&format!("study search design.toml --output found {goal} --quiet"));
    let of = |view: usize| found["views"][view]["fluence_per_dose"].as_f64().unwrap();
    // Fewer patterns bring fewer photons.
    assert!(of(0) > 1.5 * of(1), "{found}");
    // Both views were looked at from the same photons on the specimen to the same.
    for view in 0..2 {
        let tried = found["views"][view]["tried"].as_array().unwrap();
        let most = tried.last().unwrap()["dose"].as_f64().unwrap() * of(view);
        assert!((most / 300.0 - 1.0).abs() < 0.01, "{found}");
    }
    let html = std::fs::read_to_string(bench.path("found/report/index.html")).unwrap();
    assert!(html.contains(">photons on the specimen, per pixel of the object</th>"), "by dose");
    assert!(html.contains("<tr><th scope=\"row\">300</th>"));
    let words = bench.ok(&format!("study search design.toml --output found {goal}"));
    assert!(words.contains("on the specimen per pixel of the object"), "{words}");
}

#[test]
fn a_report_takes_the_pixel_that_the_data_do_not_tell() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    std::fs::write(bench.path("design.toml"), DESIGN).unwrap();
    bench.ok("study run design.toml --output done --quiet");
    let table = || std::fs::read_to_string(bench.path("done/report/results.csv")).unwrap();
    let without = table();
    bench.ok("report done --goal resolution=60nm --pixel-size-m 2e-8");
    let (heads, row) = (table().lines().next().unwrap().to_owned(), table());
    let cell = |name: &str| {
        let column = heads.split(',').position(|head| head == name).unwrap();
        row.lines().nth(1).unwrap().split(',').nth(column).unwrap().to_owned()
    };
    let nm: f64 = cell("step_nm").parse().unwrap();
    assert!((nm / 120.0 - 1.0).abs() < 0.04, "a jittered raster of 6 px is one of 120 nm: {nm}");
    assert!(cell("fluence_um2").parse::<f64>().unwrap() > 0.0 && table() != without);
    assert_eq!(bench.run("report done --pixel-size-m 0").status.code(), Some(2));
}
