//! Studies of a measured scan.

use crate::{contents, read, run_study, tiny};
use lapwing_files::options::Geometry;
use lapwing_study::event::{Event, unobserved};
use lapwing_study::run::StudyOptions;
use lapwing_study::solver::ProbeStart;
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View, run};
use std::ops::ControlFlow;

#[test]
fn a_measured_scan_is_thinned_and_compared_with_its_full_dose_reconstruction() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sample = lapwing_study::sample::Sample::of(&tiny("")).unwrap();
    let mut scan = sample.expose(20_000, 7).unwrap();
    scan.object = None;
    // Nobody's grid: the study makes its own.
    for position in &mut scan.scan {
        (position.y, position.x) = (position.y - 40.25, position.x + 300.0);
    }
    scan.write(folder.path().join("scan.npz")).unwrap();
    let text = |doses: &str| {
        format!(
            "[base]\nmeasured = \"scan.npz\"\n[study]\ndoses = {doses}\nviews = [\"baseline\", \"dense\"]\n\
             splits = [\"train\"]\npattern_size = 32\n[solver]\nepochs = 30\n"
        )
    };
    let design = Design::parse(&text("[500, 20000]"), folder.path()).unwrap();
    assert_eq!(design.solvers[0].starts().1, ProbeStart::Auto);
    let root = folder.path().join("study");
    let (report, _) = run_study(&design, &root);
    assert_eq!(
        (report.manifest.jobs.len(), report.failed()),
        (4, 0),
        "{:?}",
        report.manifest.execution_results
    );
    let study = StudyFolder::new(&root);
    assert_eq!(study.design().unwrap().unwrap(), design);
    assert!(study.reference_dir().join("reconstruction.npz").is_file());
    // The data sets: photons taken away and none added, a complete data set on the reference's
    // grid.
    let (low, full) = (
        read(root.join("data/dose_500/patched_train.npz")),
        read(root.join("data/dose_20000/patched_train.npz")),
    );
    assert!(
        low.counts()
            .unwrap()
            .iter()
            .zip(&full.counts().unwrap())
            .all(|(low, full)| low.round() <= full.round())
    );
    assert!((low.mean_intensity() / 500.0 - 1.0).abs() < 0.2, "{}", low.mean_intensity());
    assert_eq!(low.metadata.as_ref().unwrap()["reference"], "full-dose reconstruction");
    let (rows, columns) = low.object.as_ref().unwrap().shape();
    assert!(low.scan.iter().all(|p| p.y > 15.0
        && p.y < rows as f64 - 15.0
        && p.x > 15.0
        && p.x < columns as f64 - 15.0));

    let numbers = |dose, view| {
        let case = Case::from(Condition { dose, view, split: Split::Train });
        let comparison = study.result(&case).unwrap().unwrap().comparison.unwrap();
        assert_eq!(comparison.reference, "full-dose reconstruction");
        assert!(comparison.probe.is_none());
        let metric = |name: &str| comparison.metric(name).unwrap();
        (metric("complex_correlation"), metric("halves_complex_correlation"))
    };
    let (low, full) = (numbers(500, View::Baseline), numbers(20_000, View::Baseline));
    assert!(full.0 > 0.95 && full.0 > low.0 && full.1 > low.1, "{low:?} {full:?}");
    assert!(full.0 > numbers(20_000, View::Dense).0);
    assert!(run_study(&design, &root).0.manifest.execution_results.iter().all(|e| e.resumed));

    // A dose that was not measured leaves the study as it is, whatever it is told to replace.
    let before = contents(&root);
    let above = Design::parse(&text("[500, 20000, 30000]"), folder.path()).unwrap();
    for replace in [false, true] {
        let options = StudyOptions { replace, ..StudyOptions::default() };
        let refused = run::study_with(&above, &root, options, &mut unobserved).unwrap_err();
        assert!(refused.to_string().contains("never added"), "{refused}");
        assert_eq!(contents(&root), before);
    }

    // A scan without a probe starts from one that is made.
    let mut bare = scan.clone();
    bare.probe = None;
    bare.write(folder.path().join("bare.npz")).unwrap();
    let design = Design::parse(&text("[20000]").replace("scan.npz", "bare.npz"), folder.path());
    let made = folder.path().join("bare");
    let report = run::study(&design.unwrap(), &made, &mut unobserved).unwrap();
    assert_eq!(report.failed(), 0);
    let case = Condition { dose: 20_000, view: View::Baseline, split: Split::Train };
    let result = StudyFolder::new(&made).result(&Case::from(case)).unwrap().unwrap();
    let found = result.comparison.unwrap().metric("complex_correlation").unwrap();
    assert!(found > 0.9, "{found}");
    // The record says what was used, and a file's probe that is not there is not.
    let told = result.start_probe.unwrap();
    assert!(told.starts_with("made from the patterns"), "{told}");
    let design = text("[20000]").replace("scan.npz", "bare.npz") + "probe_start = \"file\"\n";
    let design = Design::parse(&design, folder.path()).unwrap();
    let refused = run::study(&design, &folder.path().join("none"), &mut unobserved).unwrap_err();
    assert!(refused.to_string().contains("solver.probe_start"), "{refused}");

    // The experiment says which probe all start from.
    let said = text("[20000]") + "[experiment.probe]\nfrom = \"perturbed\"\n";
    let made = folder.path().join("said");
    let report =
        run::study(&Design::parse(&said, folder.path()).unwrap(), &made, &mut unobserved).unwrap();
    assert_eq!(report.failed(), 0);
    let begun = read(StudyFolder::new(&made).reference_dir().join("full_dose.npz")).probe.unwrap();
    let expected = lapwing_study::start_probe::perturbed(scan.probe.as_ref().unwrap());
    assert!(begun.iter().zip(&expected).all(|(a, b)| (a - b).norm() < 1e-6));
    let told =
        StudyFolder::new(&made).result(&Case::from(case)).unwrap().unwrap().start_probe.unwrap();
    assert!(told.starts_with("perturbed (the file's") && told.contains("experiment"), "{told}");

    // Near-field patterns at an unknown distance, said so by the metadata of a copy in the study's
    // format.
    let mut near = scan.clone();
    near.geometry = Some(Geometry::NearField);
    near.write(folder.path().join("near.npz")).unwrap();
    let design = Design::parse(&text("[500]").replace("scan.npz", "near.npz"), folder.path());
    let near = folder.path().join("near");
    let refused = run::study(&design.unwrap(), &near, &mut unobserved).unwrap_err().to_string();
    assert!(refused.contains("say [base] fresnel_number = F"), "{refused}");

    // More photons than were measured, other patterns, a start from the reference: refused by name.
    let refused = |text: &str| {
        let design = Design::parse(text, folder.path());
        let run = design
            .map_err(Into::into)
            .and_then(|design| run::study(&design, &folder.path().join("no"), &mut unobserved));
        run.unwrap_err().to_string()
    };
    assert!(refused(&text("[30000]")).contains("never added"));
    assert!(
        refused(&text("[500]").replace("pattern_size = 32", "pattern_size = 64"))
            .contains("study.pattern_size")
    );
    assert!(
        refused(&(text("[500]") + "object_start = \"guess\"\n")).contains("solver.object_start")
    );
    assert!(refused(&(text("[500]") + "[scan]\nstep = 3\n")).contains("base"));
}

/// What scans of several with probes of their own cannot have is refused before the reference.
#[test]
fn joined_scans_refuse_eigenmodes_before_anything_is_reconstructed() {
    let folder = tempfile::tempdir().unwrap();
    let sample = lapwing_study::sample::Sample::of(&tiny("")).unwrap();
    for (seed, name) in [(1, "one.npz"), (2, "two.npz")] {
        let mut scan = sample.expose(20_000, seed).unwrap();
        scan.object = None;
        scan.write(folder.path().join(name)).unwrap();
    }
    let design = |solver: &str| {
        let text = format!(
            "[base]\nmeasured = \"one.npz\"\njoin = [\"two.npz\"]\n[study]\ndoses = [500]\n\
             views = [\"baseline\"]\nsplits = [\"train\"]\npattern_size = 32\n[solver]\n\
             epochs = 2\n{solver}"
        );
        Design::parse(&text, folder.path()).unwrap()
    };
    for (said, advice) in [
        ("probe_eigenmodes = 1", "[solver] scan_probes = \"shared\""),
        ("algorithm = \"LSQML\"\nprobe_eigenmodes = 1", "[solver] scan_probes = \"shared\""),
        ("algorithm = \"DM\"", "[solver] algorithm = \"LSQML\" or \"ML\""),
        (
            "algorithm = \"ML\"\nprobe_variation = \"slow\"",
            "[solver] scan_probes = \"shared\" for one of all, with [solver] probe_eigenmodes = 1 \
             or [solver] vary_power",
        ),
        (
            "algorithm = \"ML\"\nprobe_variation = \"slow\"\nvary_power = true",
            "found one of its own for each; say [solver] scan_probes = \"shared\" for one of all",
        ),
    ] {
        let root = folder.path().join("study");
        let mut epochs = 0;
        let refused = run::study(&design(said), &root, &mut |event| {
            epochs += usize::from(matches!(event, Event::Epoch { .. } | Event::Fitting { .. }));
            ControlFlow::Continue(())
        });
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(advice) && !told.contains("--"), "{told}");
        assert_eq!(epochs, 0, "{told}");
        assert!(!StudyFolder::new(&root).reference_dir().exists());
    }
    // What the advice says to type.
    for (varies, name) in [
        ("probe_eigenmodes = 1", "shared"),
        ("vary_power = true\nprobe_variation = \"slow\"", "slow"),
    ] {
        let said = format!("algorithm = \"LSQML\"\n{varies}\nscan_probes = \"shared\"");
        let (report, _) = run_study(&design(&said), &folder.path().join(name));
        assert_eq!(report.failed(), 0, "{:?}", report.manifest.execution_results);
    }
}
