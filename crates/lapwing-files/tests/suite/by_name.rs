//! Numbers whose names say what they may be: told, and not taken.

use crate::described::{counts, problems, read, six_numbers};
use lapwing_files::npy::Array;
use lapwing_files::reading::Given;
use lapwing_files::{Error, hdf5, npz};
use std::path::Path;

/// What is expected of one key, where a file is refused.
fn expected(path: &Path, given: &[(&str, Given)], key: &str) -> String {
    match read(path, given) {
        Err(Error::Contract { problems, .. }) => {
            let of = problems.into_iter().find(|problem| problem.key == key);
            of.unwrap_or_else(|| panic!("no problem with {key}")).expected
        }
        other => panic!("{:?}", other.map(|read| read.1)),
    }
}

#[test]
fn scalars_beside_patterns_are_told_with_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.npz");
    let number = |value: f64| Array::scalar(value);
    npz::write(
        &path,
        &[
            ("diff", Array::from(&counts())),
            ("scan_step_A", Array::from(vec![5.0, 5.0])),
            ("dk_invA", number(0.025)),
            ("HV_kV", Array::from(vec![300_u16])),
            ("defocus_nm", number(-20.0)),
            ("exposure_ms", number(1.0)),
            // No number, whatever it is called.
            ("scan_step_nm", Array::scalar(true)),
        ],
    )
    .unwrap();
    let keys = |given: &[(&str, Given)]| -> Vec<String> {
        problems(&path, given).into_iter().map(|(key, _)| key).collect()
    };
    // They are no calibration by themselves.
    assert_eq!(keys(&[]), ["scan_step_m", "pixel_size_m"]);
    let step = expected(&path, &[], "scan_step_m");
    assert!(
        step.ends_with(
            "; the file has scan_step_A = 5, which may be the step of the scan: --scan-step-m 5e-10"
        ),
        "{step}"
    );
    let pixel = expected(&path, &[], "pixel_size_m");
    assert!(pixel.contains(
        "dk_invA = 0.025, which may be the scale of the detector: \
                            --inv-angstrom-per-pixel 0.025"
    ));
    assert!(pixel.contains("HV_kV = 300") && pixel.ends_with("--voltage-kv 300"), "{pixel}");
    // What was typed as it was told reads the file, and only the rest is told.
    let typed =
        |name, text| (name, lapwing_files::reading::option(name).unwrap().parse(text).unwrap());
    let said = [typed("scan_step_m", "5e-10"), typed("inv_angstrom_per_pixel", "0.025")];
    let (data, understood) = read(&path, &said).unwrap();
    assert_eq!(data.n_patterns(), 6);
    let told: Vec<&String> =
        understood.notes.iter().filter(|note| note.starts_with("the file has ")).collect();
    assert_eq!(
        told,
        [
            "the file has HV_kV = 300, which may be that of the beam: --voltage-kv 300",
            "the file has defocus_nm = -20, which may be the defocus, where positive is overfocus: \
             --defocus-m -2e-8",
        ]
    );
    let (_, understood) = read(&path, &six_numbers()).unwrap();
    assert!(!understood.notes.iter().any(|note| note.contains("HV_kV")), "{:?}", understood.notes);
}

#[test]
fn attributes_and_datasets_of_hdf5_are_told_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.h5");
    hdf5::write(&path, |file| {
        let values: Vec<u16> = counts().into_iter().collect();
        file.values("data/frames", &[2, 3, 8, 5], &values)?.attribute("scan_step_nm", 0.5)?;
        file.number("meta/alpha_mrad", 21.0_f64)?;
        file.root_number("dk_invnm", 0.25)
    })
    .unwrap();
    let step = expected(&path, &[], "scan_step_m");
    assert!(step.contains("data/frames@scan_step_nm = 0.5, which may be"), "{step}");
    assert!(step.ends_with("--scan-step-m 5e-10"), "{step}");
    let pixel = expected(&path, &[], "pixel_size_m");
    assert!(pixel.contains("; the file has dk_invnm = 0.25, which may be"), "{pixel}");
    assert!(pixel.ends_with("--inv-angstrom-per-pixel 0.025"), "{pixel}");
    let number = |name, value| (name, Given::Number(value));
    let said = [number("scan_step_m", 5e-10), number("inv_angstrom_per_pixel", 0.025)];
    let (_, understood) = read(&path, &said).unwrap();
    let told =
        "meta/alpha_mrad = 21, which may be the convergence semi-angle: --semi-angle-mrad 21";
    assert!(understood.notes.iter().any(|note| note.ends_with(told)), "{:?}", understood.notes);
}

/// As h5py writes them: a unit beside a value, a pair of numbers, and what is no number.
#[test]
fn units_beside_values_and_pairs_are_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats");
    let path = folder.join("units_beside.h5");
    let step = expected(&path, &[], "scan_step_m");
    let pair =
        "data/frames@scan_step_A = 5, which may be the step of the scan: --scan-step-m 5e-10";
    assert!(step.ends_with(pair), "{step}");
    let pixel = expected(&path, &[], "pixel_size_m");
    assert!(pixel.contains("meta/dk = 0.025 1/\u{c5}, which may be the scale"), "{pixel}");
    assert!(pixel.ends_with("--inv-angstrom-per-pixel 0.025"), "{pixel}");
}
