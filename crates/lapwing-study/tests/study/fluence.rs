//! Studies that give every view the same photons on the specimen.

use crate::run_study;
use lapwing_files::reconstruction::read_positions;
use lapwing_study::design::DesignError;
use lapwing_study::overlap::covered_area;
use lapwing_study::{Condition, Design, Split, StudyFolder, View, run};
use std::collections::BTreeMap;
use std::path::Path;

fn design(study: &str, more: &str) -> Result<Design, DesignError> {
    let text = format!(
        "[study]\n{study}\npattern_size = 32\n[probe]\ndiameter = 18\n[scan]\nstep = 5\n\
         field = [90, 70]\n[views]\nsteps = [10]\n[solver]\nepochs = 2\n{more}"
    );
    Design::parse(&text, Path::new("."))
}

fn equal(fluences: &str) -> Design {
    let study = format!("fluences = {fluences}\nfluence_area = \"px\"\nviews = [\"baseline\"]");
    design(&study, "").unwrap()
}

#[test]
fn every_view_has_the_same_photons_on_the_specimen() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let one = equal("[40.0, 4.0]");
    assert_eq!((one.study.fluences.as_slice(), one.study.doses.len()), ([4.0, 40.0].as_slice(), 0));
    let (report, _) = run_study(&one, root);
    assert_eq!((report.manifest.jobs.len(), report.failed()), (8, 0));
    let study = StudyFolder::new(root);
    let settled = study.design().unwrap().unwrap();
    assert_eq!(settled, run::settled(&one).unwrap());
    let step = settled.study.views[1];
    let (all, few) = (settled.study.doses_of(View::Baseline), settled.study.doses_of(step));
    // Fewer patterns have more photons each.
    assert!(all.len() == 2 && few.len() == 2 && few[0] > 3 * all[0], "{all:?} {few:?}");
    // As the results have it: dose times patterns over the pixels that both splits cover together.
    for view in [View::Baseline, step] {
        for (index, fluence) in [4.0, 40.0].into_iter().enumerate() {
            let dose = settled.study.doses_of(view)[index];
            let (mut scan, mut diameter) = (Vec::new(), 0.0);
            for split in Split::ALL {
                let case = Condition { dose, view, split }.into();
                let result = study.result(&case).unwrap().unwrap();
                let file = study.job_dir(&case).join(result.files.reconstruction.unwrap());
                scan.extend(read_positions(&file).unwrap().unwrap());
                diameter = result.probe_diameter_px;
                let counted = result.mean_counts.unwrap() / dose as f64;
                assert!((counted - 1.0).abs() < 0.1, "{case}: {counted}");
            }
            let found = dose as f64 * scan.len() as f64 / covered_area(&scan, diameter);
            // To whole photons per pattern.
            assert!((found / fluence - 1.0).abs() < 0.6 / dose as f64, "{view} {found} {fluence}");
        }
    }
    // A further fluence leaves what is there.
    let (report, _) = run_study(&equal("[4.0, 12.0, 40.0]"), root);
    let resumed = report.manifest.execution_results.iter().filter(|result| result.resumed).count();
    assert_eq!((report.manifest.jobs.len(), resumed, report.failed()), (12, 8, 0));
}

#[test]
fn areas_in_metres_need_the_pixel_and_fluences_are_no_doses() {
    let micrometres = design("fluences = [1e6]", "").unwrap();
    let told = run::settled(&micrometres).unwrap_err().to_string();
    assert!(told.contains("study.fluences") && told.contains("pixel_size_m"), "{told}");
    for (study, part) in [
        ("fluences = [1e6]\ndoses = [1e3]", "either fluences"),
        ("fluences = [-1.0]", "above 0"),
        ("fluences = [1.0, 1.0]", "once"),
        ("fluences = [1.0]\nfluence_area = \"mm2\"", "um2"),
        ("exposures = { sparse = [10] }\nviews = [\"baseline\"]", "study.exposures"),
    ] {
        let told = design(study, "").unwrap_err().to_string();
        assert!(told.contains(part), "{study}: {told}");
    }
    let tiny = equal("[1e-9]");
    let told = run::settled(&tiny).unwrap_err().to_string();
    assert!(told.contains("photons per pattern, 1 to 1e15"), "{told}");
}

#[test]
fn single_views_may_have_doses_of_their_own() {
    let text = "doses = [100]\nviews = [\"baseline\"]\nexposures = { step_10 = [3000, 400] }";
    let one = design(text, "").unwrap();
    let doses: BTreeMap<String, Vec<u64>> =
        one.study.views.iter().map(|&view| (view.name(), one.study.doses_of(view))).collect();
    assert_eq!(doses["baseline"], [100]);
    assert_eq!(doses["step_10"], [100, 400, 3000]);
    assert_eq!((one.conditions().len(), one.study.all_doses().len()), (8, 3));
    let again = Design::parse(&one.to_toml().unwrap(), Path::new("/elsewhere")).unwrap();
    assert_eq!(again, one);
}
