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

/// Numbers that are not finite do not matter under a mask, whether that lies beside the patterns or
/// comes from a file, and it goes with them: where their zero frequency is brought to the centre,
/// and where pixels are summed.
#[test]
fn a_mask_is_that_of_the_stored_patterns() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name: &str| folder.path().join(name);
    let is_bad = |y: usize, x: usize| (y, x) == (1, 2) || (y, x) == (6, 5);
    let patterns = Array3::from_shape_fn((6, 8, 6), |(i, y, x)| {
        let count = 1.0 + ((7 * i + 5 * y + 3 * x) % 47) as f32;
        if is_bad(y, x) { f32::NAN } else { count * count }
    });
    let corners = Array3::from_shape_fn((1, 6, 2), |(_, i, axis)| (3 * i + axis) as f32);
    let good = Array::from(&Array2::from_shape_fn((8, 6), |(y, x)| !is_bad(y, x)));
    let tike =
        [("data", Array::from(&patterns)), ("scan", Array::from(&corners)), ("mask", good.clone())];
    npz::write(path("beside.npz"), &tike).expect("written, or valid");
    npz::write(path("alone.npz"), &tike[..2]).expect("written, or valid");
    npy::write(path("mask.npy"), &good).expect("written, or valid");
    let mask = ("mask", Given::Path(path("mask.npy")));
    let binned = ("binning", Given::Number(2.0));
    // Patterns of this dialect have the zero frequency in the corner: (1, 2) goes to (5, 5), (6, 5)
    // to (2, 2).
    for (file, given, bad) in [
        ("beside.npz", vec![], [(2, 2), (5, 5)]),
        ("alone.npz", vec![mask.clone()], [(2, 2), (5, 5)]),
        ("beside.npz", vec![binned.clone()], [(1, 1), (2, 2)]),
        ("alone.npz", vec![mask, binned], [(1, 1), (2, 2)]),
    ] {
        let (dataset, _) = read(&path(file), &given).expect("a mask");
        let good = dataset.mask.as_ref().expect("one").good();
        let found: Vec<(usize, usize)> =
            good.indexed_iter().filter(|(_, good)| !**good).map(|((_, y, x), _)| (y, x)).collect();
        assert_eq!(found, bad, "{file}");
        assert!(dataset.diffraction.values().iter().all(|value| value.is_finite()), "{file}");
        assert!(bad.iter().all(|&(y, x)| dataset.diffraction.values()
            [dataset.diffraction.dim().2 * y + x]
            == 0.0));
    }
    let told = problems(&path("alone.npz"), &[]);
    assert!(told.iter().any(|(_, found)| found.contains("NaN in pattern 0")), "{told:?}");
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
