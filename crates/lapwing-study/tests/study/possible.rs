//! What the jobs of a design cannot do is told before anything is made for them.

use crate::{prepare_study, read, tiny};
use lapwing_study::event::unobserved;
use lapwing_study::run::StudyOptions;
use lapwing_study::{Design, StudyFolder, run};
use std::path::Path;

/// Why a study is not prepared in `root`, where nothing is then.
fn refused(design: &Design, root: &Path) -> String {
    let options = StudyOptions { prepare_only: true, ..StudyOptions::default() };
    let told = run::study_with(design, root, options, &mut unobserved).unwrap_err().to_string();
    assert!(!StudyFolder::new(root).design_file().exists(), "{told}");
    assert!(!StudyFolder::new(root).data_root().exists(), "{told}");
    told
}

#[test]
fn more_eigenmodes_than_a_view_determines_are_refused_before_its_data_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let with = |eigenmodes: usize| tiny(&format!("probe_eigenmodes = {eigenmodes}\n"));
    // How many patterns the smallest view has, by its file.
    let made = folder.path().join("made");
    prepare_study(&tiny(""), &made);
    let plan = run::plan(&tiny(""), &StudyFolder::new(&made));
    let inputs = plan.cases.iter().map(|case| plan.roots.input(case.condition, case.repeat));
    let counts = inputs.filter(|input| input.is_file()).map(|input| read(input).n_patterns());
    let fewest = counts.min().unwrap();
    let told = refused(&with(fewest - 1), &folder.path().join("refused"));
    let found = format!("at most {} for {fewest} patterns", fewest - 2);
    assert!(told.starts_with("sparse view of ") && told.contains(&found), "{told}");
    assert!(told.ends_with(&format!("say [solver] probe_eigenmodes = {} or less", fewest - 2)));
    prepare_study(&with(fewest - 2), &folder.path().join("allowed"));
}

#[test]
fn a_solver_without_slices_is_refused_before_data_of_slices_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("study");
    let physics = "[physics]\nslices = 2\nslice_fresnel_number = 1.0\n";
    let told = refused(&tiny(&format!("algorithm = \"DM\"\n{physics}")), &root);
    assert!(told.starts_with("slices: expected the solver LSQML, ML"), "{told}");
    assert!(told.contains("or [physics] slices = 1"), "{told}");
    let thick = lapwing_study::sample::Sample::of(&tiny(physics)).unwrap();
    thick.expose(20_000, 1).unwrap().write(folder.path().join("thick.npz")).unwrap();
    let measured = |solver: &str| {
        let text = format!(
            "[base]\nmeasured = \"thick.npz\"\n[study]\ndoses = [500]\nviews = [\"baseline\"]\n\
             pattern_size = 32\n[[solver]]\nalgorithm = \"LSQML\"\nepochs = 1\n[[solver]]\n\
             algorithm = \"{solver}\"\nepochs = 1\n"
        );
        Design::parse(&text, folder.path()).unwrap()
    };
    let told = refused(&measured("RAAR"), &root);
    assert!(told.contains("found RAAR") && told.contains("or [base] slices = 1"), "{told}");
    prepare_study(&measured("ML"), &root);
}
