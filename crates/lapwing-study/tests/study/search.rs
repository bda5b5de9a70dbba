//! A search of the least dose against a dense grid of doses.

use crate::run_study;
use lapwing_study::design::Goal;
use lapwing_study::event::unobserved;
use lapwing_study::run::search::{Least, search};
use lapwing_study::{Condition, Design, Split, StudyFolder, View, run};

/// Doses of the grid: 16 to a decade.
const GRID: usize = 16;

#[test]
fn the_dose_of_a_dense_grid_is_found_with_a_third_of_its_jobs() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let design = |doses: &str| {
        let text = format!(
            "[study]\ndoses = [{doses}]\npattern_size = 32\nviews = [\"baseline\", \"step_9\"]\n\
             splits = [\"train\"]\nrepeats = 2\n[probe]\ndiameter = 18\n[scan]\nstep = 5\n\
             field = [90, 60]\n[solver]\nepochs = 12\n"
        );
        Design::parse(&text, folder.path()).unwrap()
    };
    let doses: Vec<u64> = (0..=2 * GRID)
        .map(|i| (100.0 * 10f64.powf(i as f64 / GRID as f64)).round() as u64)
        .collect();
    let listed: Vec<String> = doses.iter().map(u64::to_string).collect();
    let grid = folder.path().join("grid");
    run_study(&design(&listed.join(", ")), &grid);
    let study = StudyFolder::new(&grid);
    let views = design("1").study.views;
    let metric = |name: &str, dose: u64, view: View| {
        let condition = Condition { dose, view, split: Split::Train };
        let of = |repeat| {
            let case = lapwing_study::Case { repeat, ..condition.into() };
            study.result(&case).unwrap().unwrap().comparison.unwrap().metric(name).unwrap()
        };
        (of(1) + of(2)) / 2.0
    };
    let value = |dose, view| metric("complex_correlation", dose, view);
    // A goal in the middle of what the sparser view spans and an image without detail does not.
    let (least, most) = (value(doses[0], views[1]), value(doses[2 * GRID], views[1]));
    let flat = metric("complex_correlation_flat", doses[0], views[1]);
    let goal_value = (least.max(flat) + most) / 2.0;
    let goal = Goal::new("complex_correlation", goal_value).unwrap().with_precision(1.2).unwrap();
    let root = folder.path().join("search");
    let found =
        search(&design("100, 10000"), &goal, &root, Default::default(), &mut unobserved).unwrap();
    assert_eq!(found.len(), 2);
    let mut looked = 0;
    for of in &found {
        looked += of.tried.len();
        let crossing = doses.iter().find(|&&dose| value(dose, of.view) >= goal_value).unwrap();
        match of.dose {
            Least::About { at, low, high } => {
                let crossing = *crossing as f64;
                let step = 10f64.powf(1.0 / GRID as f64);
                let (low, high) = (low.unwrap_or(0.0), high.unwrap_or(f64::INFINITY));
                assert!(low <= crossing * step && high * step >= crossing, "{of:?} {crossing}");
                assert!((low..=high).contains(&at), "{of:?}");
            }
            Least::By { at, .. } => assert!(at >= *crossing, "{of:?} {crossing}"),
            Least::AtMost { at } => assert_eq!(at, *crossing, "{of:?}"),
            Least::Never { .. } => panic!("{of:?}"),
        }
        assert!(of.linear_overlap.is_some() && of.step_px.is_some());
    }
    assert!(matches!(found[1].dose, Least::About { .. }), "{found:?}");
    assert!(3 * looked <= 2 * doses.len(), "{looked} of {}", 2 * doses.len());
    // Again, everything is there: the same answer.
    let again =
        search(&design("100, 10000"), &goal, &root, Default::default(), &mut unobserved).unwrap();
    assert_eq!(again, found);
    // A run of the same design goes on from there, with all that was looked at, and so does a
    // search.
    let (report, _) = run_study(&design("100, 10000"), &root);
    let results = &report.manifest.execution_results;
    assert!(results.len() >= 2 * looked && report.failed() == 0, "{}", results.len());
    assert!(results.iter().filter(|result| result.resumed).count() >= 2 * looked);
    let kept = StudyFolder::new(&root).design().unwrap().unwrap().study.searched;
    assert_eq!(kept.values().map(Vec::len).sum::<usize>(), looked);
    // What no dose of the range reaches is told.
    let never = Goal::new("complex_correlation", 1.0).unwrap();
    let told =
        search(&design("100, 10000"), &never, &root, Default::default(), &mut unobserved).unwrap();
    assert!(told.iter().all(|of| of.dose == Least::Never { up_to: 10_000 }), "{told:?}");
    let one = search(&design("100"), &never, &root, Default::default(), &mut unobserved);
    assert!(one.unwrap_err().to_string().contains("study.doses"));
}

#[test]
fn a_resolution_of_noise_reaches_no_goal() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[study]\ndoses = [1, 2]\npattern_size = 32\nviews = [\"baseline\"]\n\
                splits = [\"train\"]\n[probe]\ndiameter = 18\n[scan]\nstep = 5\nfield = [90, 60]\n\
                [solver]\nepochs = 6\n";
    let design = Design::parse(text, folder.path()).unwrap();
    // Any number would be fine enough.
    let goal = Goal::parse("resolution=1000px").unwrap();
    let found = search(&design, &goal, folder.path(), Default::default(), &mut unobserved)
        .unwrap()
        .remove(0);
    assert_eq!(found.dose, Least::Never { up_to: 2 }, "{found:?}");
    assert_eq!(found.tried[0].value, None, "{found:?}");
    // And why is said.
    let why = found.tried[0].why.as_ref().unwrap();
    let untold = found.untold.as_ref().unwrap();
    assert!(untold.starts_with("at 2 per pattern") && untold.ends_with(why.as_str()), "{found:?}");
}

#[test]
fn goals_that_no_dose_can_reach_or_be_measured_by_are_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[study]\ndoses = [1, 2]\npattern_size = 32\nviews = [\"baseline\"]\n\
                splits = [\"train\"]\n[probe]\ndiameter = 18\n[scan]\nstep = 5\nfield = [90, 60]\n";
    let design =
        |sections: &str| Design::parse(&format!("{text}{sections}"), folder.path()).unwrap();
    let sized = design("[specimen]\npixel_size_m = 1e-8\n");
    let goal = Goal::parse("resolution=5nm").unwrap();
    let refused = search(&sized, &goal, folder.path(), Default::default(), &mut unobserved);
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("one pixel of the object at least, 10,"), "{told}");
    // A run, too, says that nobody tells the size of a pixel.
    let metric = "[goal]\nmetric = \"phase_resolution_nm\"\nat_most = 60\n";
    let refused = run::study(&design(metric), folder.path(), &mut unobserved);
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("goal") && told.contains("pixel_size_m"), "{told}");
    assert!(!folder.path().join("study.toml").exists());
}

#[test]
fn a_view_that_is_refused_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[study]\ndoses = [100, 200]\npattern_size = 32\nviews = [\"baseline\", \"sparse\"]\n\
                splits = [\"train\"]\nerror_maps = false\n[probe]\ndiameter = 18\n[scan]\nstep = 5\n\
                field = [60, 40]\n[solver]\nepochs = 2\n";
    let design = Design::parse(text, folder.path()).unwrap();
    let goal = Goal::parse("complex_correlation=0.999").unwrap();
    let found = search(&design, &goal, folder.path(), Default::default(), &mut unobserved).unwrap();
    assert_eq!(found[0].untold, None, "{found:?}");
    assert_eq!(found[1].dose, Least::Never { up_to: 200 }, "{found:?}");
    let why = found[1].untold.as_ref().unwrap();
    assert!(why.starts_with("there is no result at 200 per pattern"), "{why}");
    assert!(why.contains("positions are needed"), "{why}");
}
