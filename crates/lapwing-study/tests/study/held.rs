//! Goals of measured scans whose reference holds no specimen, or none so fine.

use crate::tiny;
use lapwing_model::{Complex32, Field, Object};
use lapwing_study::Design;
use lapwing_study::design::Goal;
use lapwing_study::event::unobserved;
use lapwing_study::run::search::{Found, Least, search};
use std::f32::consts::TAU;
use std::path::Path;

/// Photons per pattern of the scans.
const MEASURED: u64 = 10_000;

/// Writes a measured scan of what `object` makes of the sample's, without its truth; with it as
/// `truth.npz`.
fn measure(folder: &Path, object: impl FnOnce(Field) -> Field) {
    let mut sample = lapwing_study::sample::Sample::of(&tiny("")).unwrap();
    sample.object = Object::thin(object(sample.object.projection()));
    let mut scan = sample.expose(MEASURED, 7).unwrap();
    scan.write(folder.join("truth.npz")).unwrap();
    scan.object = None;
    scan.write(folder.join("scan.npz")).unwrap();
}

/// What the search of a goal in `base`, a line of the design, finds.
fn found_in(folder: &Path, base: &str, halves: bool, goal: &str) -> Found {
    let text = format!(
        "[base]\n{base}\n[study]\ndoses = [100, {MEASURED}]\nhalves = {halves}\n\
         views = [\"baseline\"]\nsplits = [\"train\"]\npattern_size = 32\nrepeats = 2\n[[solver]]\n\
         algorithm = \"LSQML\"\nepochs = 15\n"
    );
    let design = Design::parse(&text, folder).unwrap();
    let goal = Goal::parse(goal).unwrap().with_precision(2.0).unwrap();
    let root = folder.join(format!("{}_{halves}", &base[..4]));
    search(&design, &goal, &root, Default::default(), &mut unobserved).unwrap().remove(0)
}

fn found(folder: &Path, halves: bool, goal: &str) -> Found {
    found_in(folder, "measured = \"scan.npz\"", halves, goal)
}

/// Phases of so many radians whose finest detail is 60 px long.
fn smooth(radians: f32) -> impl FnOnce(Field) -> Field {
    move |object| {
        let wave = |(y, x): (usize, usize)| {
            let phase = (TAU * y as f32 / 60.0).sin() * (TAU * x as f32 / 70.0).cos();
            Complex32::from_polar(1.0, radians * phase)
        };
        Field::from_shape_fn(object.dim(), wave)
    }
}

#[test]
fn nothing_is_told_of_a_blank_or_smooth_scan_near_its_own_dose() {
    if lapwing_testing::left_out() {
        return;
    }
    let blank = |object: Field| Field::ones(object.dim());
    let not_told = |folder: &Path, halves: bool, goal: &str| {
        let of = found(folder, halves, goal);
        assert_eq!(of.dose, Least::Never { up_to: MEASURED }, "{of:?}");
        // Near the measured dose the image seems to be as good as that.
        assert!(of.tried.last().unwrap().value.is_some(), "{of:?}");
        assert!(!of.may_take_more, "{of:?}");
        of.untold.unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    measure(folder.path(), blank);
    let why = not_told(folder.path(), true, "resolution=2px");
    assert!(why.contains("independent halves of the photons"), "{why}");
    let why = not_told(folder.path(), true, "amplitude_ssim=0.5");
    assert!(why.contains("independent halves of the photons"), "{why}");
    let why = not_told(folder.path(), false, "resolution=2px");
    assert!(why.contains("above 625 photons") && why.contains("halves = true"), "{why}");
    let folder = tempfile::tempdir().unwrap();
    measure(folder.path(), smooth(0.15));
    let why = not_told(folder.path(), true, "resolution=4px");
    assert!(why.contains("independent halves of the photons"), "{why}");

    // A specimen is told of as it was, and near the measured dose with the remark.
    let folder = tempfile::tempdir().unwrap();
    measure(folder.path(), |object| object);
    let of = found(folder.path(), true, "resolution=3px");
    assert!(of.untold.is_none() && !matches!(of.dose, Least::Never { .. }), "{of:?}");
}

#[test]
fn without_halves_shared_noise_is_no_amplitude_of_a_pure_phase() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    measure(folder.path(), |object| object.mapv(|value| value / value.norm()));
    // The noise of a few hundred photons is as much like that of all as these ask for.
    for goal in ["amplitude_ssim=0.3", "amplitude_resolution_1_7_px=4"] {
        let of = found(folder.path(), false, goal);
        let enough = |one: &lapwing_study::run::search::DoseValue| {
            let goal = Goal::parse(goal).unwrap();
            one.dose < MEASURED / 4 && one.value.is_some_and(|value| goal.is_reached(value))
        };
        assert!(of.tried.iter().any(enough), "{of:?}");
        assert_eq!(of.dose, Least::Never { up_to: MEASURED }, "{of:?}");
        assert!(of.untold.as_ref().unwrap().contains("halves = true"), "{of:?}");
    }
    // What its phase has is told.
    let of = found(folder.path(), false, "phase_ssim=0.7");
    // Of all photons there is one realisation, however many repeats: chance is unknown, not zero.
    let widths: Vec<bool> = of.tried.iter().map(|one| one.half_width.is_some()).collect();
    let (all, fewer) = widths.split_last().unwrap();
    assert!(!all && fewer.iter().all(|&known| known), "{of:?}");
    assert!(of.untold.is_none() && !matches!(of.dose, Least::Never { .. }), "{of:?}");
}

#[test]
fn a_smooth_weak_specimen_has_no_resolution_where_its_truth_is_known() {
    if lapwing_testing::left_out() {
        return;
    }
    for radians in [0.15, 0.02] {
        let folder = tempfile::tempdir().unwrap();
        measure(folder.path(), smooth(radians));
        for goal in ["resolution=3px", "resolution=10px"] {
            let of = found_in(folder.path(), "file = \"truth.npz\"", true, goal);
            assert_eq!(of.dose, Least::Never { up_to: MEASURED }, "{of:?}");
            assert!(of.untold.is_some() && of.tried[0].why.is_some(), "{of:?}");
        }
    }
}
