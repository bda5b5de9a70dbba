//! The settings on a report's page make the study again, bit for bit, in another folder.

use crate::common::{Bench, stderr};

/// The settings as a reader copies them from the page.
fn settings(html: &str) -> String {
    let start = html.find("<summary>Settings</summary><pre>").unwrap()
        + "<summary>Settings</summary><pre>".len();
    let text = &html[start..start + html[start..].find("</pre>").unwrap()];
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

/// The table of results without the columns that a clock or the machine fills.
fn results(bench: &Bench, folder: &str) -> Vec<Vec<String>> {
    let csv = std::fs::read_to_string(bench.path(&format!("{folder}/report/results.csv"))).unwrap();
    let rows: Vec<Vec<String>> =
        csv.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let measured = |name: &str| name.starts_with("seconds") || name == "peak_memory_mb";
    let kept: Vec<usize> = (0..rows[0].len()).filter(|&i| !measured(&rows[0][i])).collect();
    rows.iter().map(|row| kept.iter().map(|&i| row[i].clone()).collect()).collect()
}

fn make_again(design: &str) {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    std::fs::write(bench.path("first.toml"), design).unwrap();
    bench.ok("study run first.toml --output first --quiet");
    let html = std::fs::read_to_string(bench.path("first/report/index.html")).unwrap();
    // Somewhere else, so that relative paths would lead nowhere.
    std::fs::create_dir(bench.path("elsewhere")).unwrap();
    std::fs::write(bench.path("elsewhere/study.toml"), settings(&html)).unwrap();
    bench.ok("study run elsewhere/study.toml --output second --quiet");
    let (first, second) = (results(&bench, "first"), results(&bench, "second"));
    assert_eq!(first, second);
    assert!(first.len() > 2 && first[0].iter().any(|name| name == "phase_ssim"));
    let names: Vec<&str> = first[0].iter().map(String::as_str).collect();
    let ssim = names.iter().position(|&name| name == "phase_ssim").unwrap();
    assert!(first[1..].iter().all(|row| row[ssim].parse::<f64>().is_ok()), "{first:?}");
}

#[test]
fn of_a_simulated_study() {
    if lapwing_testing::left_out() {
        return;
    }
    make_again(
        "[study]\nname = \"a <b> & 'c'\"\ndoses = [1e3]\npattern_size = 32\nviews = [\"baseline\"]\nrepeats = 2\n\
         [scan]\nstep = 6\nfield = [90, 60]\n[[solver]]\nalgorithm = \"LSQML\"\nepochs = 3\n[[solver]]\nalgorithm = \"ML\"\nepochs = 2\n",
    );
}

#[test]
fn of_a_measured_scan() {
    if lapwing_testing::left_out() {
        return;
    }
    make_again(
        "[base]\nmeasured = \"scan.npz\"\n[study]\nname = \"measured\"\ndoses = [1e3]\npattern_size = 32\nviews = [\"baseline\"]\n\
         [solver]\nalgorithm = \"LSQML\"\nepochs = 3\n",
    );
}

#[test]
fn another_design_is_refused_until_results_may_be_replaced() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let design = |doses: &str, epochs: usize| {
        let text = format!(
            "[study]\ndoses = [{doses}]\npattern_size = 32\nviews = [\"baseline\"]\n[scan]\nstep = 6\n\
             field = [90, 60]\n[solver]\nalgorithm = \"LSQML\"\nepochs = {epochs}\n"
        );
        std::fs::write(bench.path("design.toml"), text).unwrap();
    };
    let run = "study run design.toml --output made";
    design("1e3", 2);
    bench.ok(run);
    // Another dose only adds to it.
    design("1e3, 1e4", 2);
    bench.ok(run);
    let kept = std::fs::read_to_string(bench.path("made/study.toml")).unwrap();
    design("1e3, 1e4", 3);
    bench.fails(run, &["epochs", "2", "3", "--replace"]);
    // By a cluster not only after it has waited there.
    for dry in ["", " --dry-run"] {
        let submit = format!("study submit design.toml --output made{dry}");
        bench.fails(&submit, &["epochs", "made/study.toml", "`lapwing study prepare` takes"]);
    }
    // What replacing would not help is not told so.
    std::fs::create_dir_all(bench.path("others/report")).unwrap();
    std::fs::write(bench.path("others/report/index.html"), "mine").unwrap();
    let told = bench.fails("study submit design.toml --output others", &["index.html"]);
    assert!(told.contains("nothing was submitted") && !told.contains("--replace"), "{told}");
    assert!(!bench.path("made/cluster").exists());
    assert_eq!(std::fs::read_to_string(bench.path("made/study.toml")).unwrap(), kept);
    bench.ok(&format!("{run} --replace"));
    assert!(std::fs::read_to_string(bench.path("made/study.toml")).unwrap().contains("epochs = 3"));
}

#[test]
fn a_base_may_move_but_other_contents_are_refused_until_results_may_be_replaced() {
    if lapwing_testing::left_out() {
        return;
    }
    for (key, read, solver) in
        [("file", "", ""), ("measured", "quantity = \"amplitude\"\n", "algorithm = \"LSQML\"\n")]
    {
        let bench = Bench::new();
        bench.simulate("scan.npz", "");
        let design = |place: &str| {
            let text = format!(
                "[base]\n{key} = \"{place}\"\n{read}[study]\ndoses = [1e3]\n\
                 pattern_size = 32\nviews = [\"baseline\"]\n[solver]\n{solver}epochs = 2\n"
            );
            std::fs::write(bench.path("design.toml"), text).unwrap();
        };
        let run = "study run design.toml --output made";
        design("scan.npz");
        bench.ok(run);
        std::fs::create_dir(bench.path("elsewhere")).unwrap();
        std::fs::rename(bench.path("scan.npz"), bench.path("elsewhere/scan.npz")).unwrap();
        design("elsewhere/scan.npz");
        assert_eq!(bench.json(run)["resumed"], 2, "{key}");
        // Other contents in the same place.
        bench.simulate("elsewhere/scan.npz", "--seed 5");
        let before = std::fs::read(bench.path("made/data/dose_1000/patched_train.npz")).unwrap();
        let told = ["elsewhere/scan.npz", "another one now", "--replace"];
        bench.fails(run, &told);
        let after = || std::fs::read(bench.path("made/data/dose_1000/patched_train.npz")).unwrap();
        assert!(after() == before, "{key}");
        assert_eq!(bench.json(&format!("{run} --replace"))["resumed"], 0, "{key}");
        assert!(after() != before, "{key}");
    }
}

const SMALL: &str = "[study]\ndoses = [1e3]\npattern_size = 32\nviews = [\"baseline\", \"dense\"]\n\
                     [scan]\nstep = 6\nfield = [90, 60]\n[solver]\nepochs = 2\n";

#[test]
fn a_study_replaces_nothing_that_it_has_not_made() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.ok(
        "simulate --specimen cells --pattern-size 32 --step 8 --field-of-view 120 --dose 1000 \
         --output scan.npz",
    );
    std::fs::write(bench.path("small.toml"), SMALL).unwrap();
    bench.ok("split --input scan.npz --output-dir data/dose_1000");
    bench.ok("views --data-root data --output-root views --view dense");
    let before = bench.listing();
    let mine = std::fs::read(bench.path("data/dose_1000/patched_train.npz")).unwrap();
    let run = "study run small.toml --output .";
    bench
        .fails(run, &["data/dose_1000/patched_test.npz and 3 more are there already", "--replace"]);
    let locks = |name: &String| !name.ends_with(".lock");
    assert_eq!(
        bench.listing().into_iter().filter(locks).collect::<Vec<_>>(),
        before.into_iter().filter(locks).collect::<Vec<_>>()
    );
    assert!(std::fs::read(bench.path("data/dose_1000/patched_train.npz")).unwrap() == mine);
    bench.ok(&format!("{run} --replace"));
    // From now on they are the study's.
    assert_eq!(bench.json(run)["resumed"], 4);
    // Nor a reconstruction where there was no study.
    let other = "other/reconstructions/dose_1000/baseline/train";
    bench.ok(&format!("reconstruct --input scan.npz --output-dir {other} --num-epochs 2"));
    bench.fails("study run small.toml --output other", &["baseline/train/result.json is there"]);
    // Nor a report of somebody's own.
    std::fs::create_dir_all(bench.path("told/report")).unwrap();
    std::fs::write(bench.path("told/report/index.html"), "mine").unwrap();
    bench.fails("study run small.toml --output told", &["told/report/index.html is there"]);
    assert_eq!(std::fs::read_to_string(bench.path("told/report/index.html")).unwrap(), "mine");
    // Nor the user's own design.
    std::fs::create_dir(bench.path("own")).unwrap();
    std::fs::write(bench.path("own/study.toml"), SMALL).unwrap();
    let told = ["own/study.toml", "--output", "another name"];
    bench.fails("study run own/study.toml --output own", &told);
    assert_eq!(std::fs::read_to_string(bench.path("own/study.toml")).unwrap(), SMALL);
    // Nor by another one.
    let other = SMALL.replace("epochs = 2", "epochs = 3");
    std::fs::write(bench.path("own/study.toml"), &other).unwrap();
    bench.fails("study run small.toml --output own", &["own/study.toml is there already"]);
    assert_eq!(std::fs::read_to_string(bench.path("own/study.toml")).unwrap(), other);
    // The one that a study keeps is the study's.
    assert_eq!(bench.json("study run study.toml --output .")["resumed"], 4);
}

#[test]
fn who_asks_for_quiet_is_told_what_of_a_study_is_replaced() {
    let bench = Bench::new();
    let write = |text: &str| std::fs::write(bench.path("s.toml"), text).unwrap();
    write(SMALL);
    let run = "study run s.toml --output s -q";
    let told = |call: &str| {
        let output = bench.run(call);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    assert_eq!([told(run), told(run)], ["", ""]);
    // Changed by hand.
    let [data, view] = ["data/dose_1000/patched_train.npz", "views/dose_1000/dense/dense_test.npz"]
        .map(|name| format!("s/{name}"));
    for file in [&data, &view] {
        std::fs::write(bench.path(file), "mine").unwrap();
    }
    let again = told(run);
    for file in [&data, &view] {
        let line = format!("replaced {file}, which was changed since the study made it");
        assert_eq!(again.matches(&line).count(), 1, "{again}");
    }
    assert_eq!(again.lines().count(), 2, "{again}");
    // Another design, and files that are no study's.
    write(&SMALL.replace("step = 6", "step = 5"));
    let replaced = told(&format!("{run} --replace"));
    for file in ["patched_train.npz", "patched_test.npz", "dense_train.npz", "dense_test.npz"] {
        let line = |line: &&str| line.starts_with("replaced ") && line.contains(file);
        assert!(replaced.lines().any(|of| line(&of)), "{file}\n{replaced}");
    }
    let results = replaced.lines().filter(|line| line.starts_with("replaces the result in"));
    assert_eq!(results.count(), 4, "{replaced}");
    std::fs::create_dir_all(bench.path("o/data/dose_1000")).unwrap();
    std::fs::write(bench.path("o/data/dose_1000/patched_test.npz"), "mine").unwrap();
    let other = told("study run s.toml --output o -q --replace");
    let line = "replaced o/data/dose_1000/patched_test.npz, which this study had not made";
    assert_eq!(other.trim(), line);
}

#[test]
fn the_records_of_a_study_are_those_of_its_design() {
    let bench = Bench::new();
    let design = |doses: &str| {
        std::fs::write(bench.path("s.toml"), SMALL.replace("1e3", doses)).unwrap();
    };
    design("1e3, 1e4");
    bench.ok("study prepare s.toml --output s");
    design("1e3");
    bench.ok("study run s.toml --output s --replace");
    let merged = std::fs::read(bench.path("s/reconstructions/reconstruction_manifest.json"));
    let merged: serde_json::Value = serde_json::from_slice(&merged.unwrap()).unwrap();
    assert_eq!(
        (merged["total_jobs"].as_u64(), merged["jobs"].as_array().unwrap().len()),
        (Some(4), 4)
    );
    assert!(merged["jobs"].as_array().unwrap().iter().all(|job| job["dose"] == 1000));
}

#[test]
fn a_design_that_cannot_be_done_leaves_nothing() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let text = "[base]\nmeasured = \"scan.npz\"\n[study]\ndoses = [1e6]\npattern_size = 32\n\
                views = [\"baseline\"]\n[solver]\nepochs = 2\n";
    std::fs::write(bench.path("high.toml"), text).unwrap();
    bench.fails("study run high.toml --output new", &["study.doses", "never added"]);
    let left = bench.listing().into_iter().filter(|name| name.starts_with("new/"));
    assert_eq!(left.collect::<Vec<_>>(), ["new/.lapwing.lock"]);
}
