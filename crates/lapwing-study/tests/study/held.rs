//! Goals of measured scans whose reference holds no specimen, or none so fine.

use crate::tiny;
use lapwing_model::{Complex32, Field, Object};
use lapwing_study::Design;
use lapwing_study::design::Goal;
use lapwing_study::event::unobserved;
use lapwing_study::jobs::AtOnce;
use lapwing_study::run::search::{Found, Least, search};
use std::f32::consts::TAU;
use std::path::Path;

/// Photons per pattern of the scans.
const MEASURED: u64 = 10_000;

/// Writes a measured scan of an object, by default that of the sample, without a truth.
fn measure(folder: &Path, object: impl FnOnce((usize, usize)) -> Option<Field>) {
    let mut sample = lapwing_study::sample::Sample::of(&tiny("")).unwrap();
    if let Some(object) = object(sample.object.shape()) {
        sample.object = Object::thin(object);
    }
    let mut scan = sample.expose(MEASURED, 7).unwrap();
    scan.object = None;
    scan.write(folder.join("scan.npz")).unwrap();
}

fn found(folder: &Path, halves: bool, goal: &str) -> Found {
    let text = format!(
        "[base]\nmeasured = \"scan.npz\"\n[study]\ndoses = [100, {MEASURED}]\nhalves = {halves}\n\
         views = [\"baseline\"]\nsplits = [\"train\"]\npattern_size = 32\nrepeats = 2\n[[solver]]\n\
         algorithm = \"LSQML\"\nepochs = 15\n"
    );
    let design = Design::parse(&text, folder).unwrap();
    let goal = Goal::parse(goal).unwrap().with_precision(2.0).unwrap();
    let root = folder.join(format!("study_{halves}"));
    search(&design, &goal, &root, AtOnce::Auto, &mut unobserved).unwrap().remove(0)
}

#[test]
fn nothing_is_told_of_a_blank_or_smooth_scan_near_its_own_dose() {
    if lapwing_testing::left_out() {
        return;
    }
    let blank = |shape| Some(Field::ones(shape));
    let smooth = |shape| {
        let wave = |(y, x): (usize, usize)| {
            let phase = (TAU * y as f32 / 60.0).sin() * (TAU * x as f32 / 70.0).cos();
            Complex32::from_polar(1.0, 0.15 * phase)
        };
        Some(Field::from_shape_fn(shape, wave))
    };
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
    assert!(why.contains("above 2500 photons") && why.contains("halves = true"), "{why}");
    let folder = tempfile::tempdir().unwrap();
    measure(folder.path(), smooth);
    let why = not_told(folder.path(), true, "resolution=4px");
    assert!(why.contains("independent halves of the photons"), "{why}");

    // A specimen is told of as it was, and near the measured dose with the remark.
    let folder = tempfile::tempdir().unwrap();
    measure(folder.path(), |_| None);
    let of = found(folder.path(), true, "resolution=3px");
    assert!(of.untold.is_none() && !matches!(of.dose, Least::Never { .. }), "{of:?}");
}
