//! Start probes and masks that files of their own bring.

use crate::described::{counts, problems, read, six_numbers};
use lapwing_files::npy::{self, Array};
use lapwing_files::reading::Given;
use lapwing_files::{hdf5, npz};
use lapwing_model::Complex32;
use ndarray::{Array2, Array3};
use std::path::PathBuf;

#[test]
fn a_start_probe_comes_from_a_file_of_any_kind() {
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scan.npz");
    let counts = Array3::from_shape_fn((6, 8, 5), |(i, y, x)| ((i + 3 * y + x) % 7) as u16);
    let places: Vec<f64> = (0..6).map(f64::from).collect();
    npz::write(
        &scan,
        &[
            ("diffraction", Array::from(&counts)),
            ("xcoords", Array::from(places.clone())),
            ("ycoords", Array::from(places)),
        ],
    )
    .unwrap();
    let probe_of = |name: &str| {
        let given = Given::Path(folder.path().join(name));
        read(&scan, &[("companion", given)]).map(|(data, _)| data.probe.unwrap())
    };
    let one = Array3::from_shape_fn((2, 8, 5), |(mode, y, x)| {
        Complex32::new((10 * y + x) as f32, mode as f32)
    });
    npy::write(folder.path().join("probe.npy"), &Array::from(&one)).unwrap();
    // The amplitude of counts is in its own unit.
    let unit = probe_of("probe.npy").unwrap();
    let scale = one[(0, 7, 4)] / unit[(0, 7, 4)];
    assert!(unit.iter().zip(&one).all(|(a, b)| (a * scale - b).norm() < 1e-4));
    // Of several arrays one is named; what is no probe is told with what there is.
    npz::write(
        folder.path().join("two.npz"),
        &[("first", Array::from(&one)), ("second", Array::from(&one.mapv(|v| v * 2.0)))],
    )
    .unwrap();
    let second = probe_of("two.npz::second").unwrap();
    assert!((second[(0, 7, 4)] * scale / one[(0, 7, 4)] - 2.0).norm() < 1e-5);
    for (name, parts) in [
        ("two.npz", vec!["FILE::NAME", "first", "second"]),
        ("two.npz::third", vec!["FILE::NAME", "first"]),
        ("scan.npz::xcoords", vec!["complex", "xcoords"]),
    ] {
        let error = probe_of(name).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{name}: {error}");
    }
}

#[test]
fn a_mask_comes_from_a_file_of_any_kind() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name: &str| folder.path().join(name);
    let good = Array::from(&Array2::from_shape_fn((8, 5), |(y, x)| y > 0 || x > 1));
    npy::write(path("a.npy"), &Array::from(&counts())).expect("written, or valid");
    npy::write(path("m.npy"), &good).expect("written, or valid");
    npz::write(path("m.npz"), &[("other", Array::from(vec![1.0])), ("mask", good.clone())])
        .expect("written, or valid");
    let bits = Array::from(&Array2::from_shape_fn((8, 5), |(y, x)| u32::from(y == 0 && x < 2)));
    hdf5::write(path("m.h5"), |file| {
        file.array("entry/pixel_mask", &bits)?;
        file.array("entry/flat", &Array::from(vec![1.0])).map(|_| ())
    })
    .expect("written, or valid");
    let h5 = path("m.h5");
    let named = PathBuf::from(format!("{}::entry/pixel_mask", h5.display()));
    let shape = ("scan_shape", Given::Numbers(vec![2.0, 3.0]));
    for mask in [path("m.npy"), path("m.npz"), h5, named] {
        let given = [six_numbers(), vec![shape.clone(), ("mask", Given::Path(mask.clone()))]];
        let (dataset, understood) = read(&path("a.npy"), &given.concat()).expect("a mask");
        let bad = dataset.mask.expect("one").good().iter().filter(|&&good| !good).count();
        assert_eq!(bad, 2, "{}", mask.display());
        assert!(understood.notes.iter().any(|note| note.starts_with("mask: 2 of 40 pixels bad")));
    }
    // Counts are no mask.
    let picture = Array::from(&Array2::from_shape_fn((8, 5), |(y, x)| (5 * y + x) as u32));
    npy::write(path("picture.npy"), &picture).expect("written, or valid");
    let mask = ("mask", Given::Path(path("picture.npy")));
    let told = problems(&path("a.npy"), &[six_numbers(), vec![shape, mask]].concat());
    assert!(told.iter().any(|(_, found)| found.contains("look like counts")), "{told:?}");
}
