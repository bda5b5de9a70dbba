//! What is said of an experiment where its file says something else.

use crate::described::read;
use lapwing_files::reading::Given;
use lapwing_files::remarks::{Remark, What};
use std::path::Path;

/// What the remarks on contradictions say of a scan read with `given`.
fn contradictions(path: &Path, given: &[(&str, Given)]) -> Vec<String> {
    let (_, understood) = read(path, given).expect("a scan that is read");
    let contradictory = |remark: &&Remark| remark.what == What::Contradiction;
    understood.remarks.iter().filter(contradictory).map(ToString::to_string).collect()
}

#[test]
fn what_the_file_says_otherwise_is_told_beside_what_is_said() {
    let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let cxi = fixture("fixtures-hdf5/gzip_i32.cxi");
    assert_eq!(contradictions(&cxi, &[]), [""; 0]);
    let (dataset, _) = read(&cxi, &[]).unwrap();
    let optics = lapwing_files::dialect::FarFieldOptics::of(dataset.metadata.as_ref().unwrap());
    let optics = optics.unwrap();
    let kev = optics.photon_energy_ev() / 1e3;
    // The same numbers again, and as they are rounded.
    let again = [
        ("energy_kev", Given::Number(kev * 1.002)),
        ("distance_m", Given::Number(optics.distance)),
    ];
    assert_eq!(contradictions(&cxi, &again), [""; 0]);
    let other = [
        ("energy_kev", Given::Number(2.0 * kev)),
        ("distance_m", Given::Number(2.0 * optics.distance)),
    ];
    let told = contradictions(&cxi, &other);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("--energy-kev"), "{told:?}");
    assert!(told[1].contains(&format!("the file has {} m", optics.distance)), "{told:?}");
    let pixel = optics.object_pixel(dataset.pattern_shape()).0;
    let told = contradictions(&cxi, &[("pixel_size_m", Given::Number(3.0 * pixel))]);
    assert!(told.len() == 1 && told[0].contains("pixel of the object"), "{told:?}");
    // And ptypy's, and that of a product.
    let ptyd = fixture("fixtures-formats/scan.ptyd");
    assert_eq!(contradictions(&ptyd, &[]), [""; 0]);
    let told = contradictions(&ptyd, &[("distance_m", Given::Number(77.0))]);
    assert!(told.len() == 1 && told[0].contains("77 m as said"), "{told:?}");
}
