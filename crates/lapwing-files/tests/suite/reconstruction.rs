//! Reconstructions of this and of other programs as one value.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::path::{Path, PathBuf};

use lapwing_files::hdf5;
use lapwing_files::npy::{self, Array, Values};
use lapwing_files::reconstruction::{OBJECT, Role};
use lapwing_files::{Archive, Error, Reconstruction, npz};
use lapwing_model::{Complex32, Field, Modes, Object, Position};
use ndarray::Array3;
use serde_json::json;

fn field((height, width): (usize, usize), offset: f32) -> Field {
    Field::from_shape_fn((height, width), |(y, x)| Complex32::new(y as f32 + offset, x as f32))
}

fn array(shape: &[usize], values: impl IntoIterator<Item = Complex32>) -> Array {
    Array::new(shape.to_vec(), Values::C64(values.into_iter().collect())).unwrap()
}

fn made() -> Reconstruction {
    let metadata = json!({
        "physics_parameters": { "nphotons": 1000.0, "pixel_size_m": 2e-8 },
        "data_transformations": [{ "tool": "lapwing", "operation": "simulate", "parameters": {} }],
    });
    Reconstruction {
        probe: Some(Modes::from_shape_fn((1, 4, 5), |(_, y, x)| {
            Complex32::new(y as f32, x as f32)
        })),
        positions: Some(vec![Position { y: 3.5, x: 7.0 }, Position { y: -1.0, x: 2.25 }]),
        origin: Some((-3, 2)),
        loss: vec![0.5, 0.25, 0.125],
        algorithm: Some("LSQML".to_owned()),
        options: Some(json!({ "epochs": 3, "object_start": "flat" })),
        metadata: Some(metadata.as_object().unwrap().clone()),
        ..Reconstruction::of(field((6, 8), 0.0).into())
    }
}

#[test]
fn what_is_written_has_the_names_of_the_contract_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reconstruction.npz");
    let made = made();
    made.write(&path).unwrap();
    let archive = Archive::open(&path).unwrap();
    let stored: Vec<(String, String, Vec<usize>)> = archive
        .list()
        .unwrap()
        .into_iter()
        .map(|info| (info.name, info.dtype, info.shape))
        .collect();
    let expected = [
        ("reconstructed_object", "complex64", vec![6, 8]),
        ("reconstructed_probe", "complex64", vec![4, 5]),
        ("positions", "float64", vec![2, 2]),
        ("loss", "float64", vec![3]),
        ("reconstructed_object_origin", "int64", vec![2]),
    ];
    for (found, (name, dtype, shape)) in stored.iter().zip(&expected) {
        assert_eq!((&*found.0, &*found.1, &found.2), (*name, *dtype, shape));
    }
    let rest: Vec<&str> = stored[5..].iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(rest, ["algorithm", "timestamp", "_metadata"]);
    let history = lapwing_files::metadata::read(&archive).unwrap().unwrap();
    let last = &history["data_transformations"][1];
    assert_eq!(last["operation"], "reconstruct");
    assert_eq!(last["parameters"], json!({ "algorithm": "LSQML", "options": made.options }));

    let read = Reconstruction::read(&path).unwrap();
    let source = read.source.clone().unwrap();
    assert_eq!((source.path, source.array.as_str()), (path, OBJECT));
    assert!(read.timestamp.as_ref().unwrap().ends_with('Z'));
    assert_eq!(read.pixel_size(), Some((2e-8, 2e-8)));
    let known = Reconstruction { timestamp: None, source: None, ..read };
    assert_eq!(known, made);
}

#[test]
fn refined_positions_keep_those_that_were_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reconstruction.npz");
    let measured = vec![Position { y: 3.0, x: 7.5 }, Position { y: -1.0, x: 2.25 }];
    let made = Reconstruction { measured_positions: Some(measured.clone()), ..made() };
    made.write(&path).unwrap();
    let read = Reconstruction::read(&path).unwrap();
    assert_eq!((&read.positions, &read.measured_positions), (&made.positions, &Some(measured)));
    let moved = vec![Position { y: 0.5, x: -0.5 }, Position { y: 0.0, x: 0.0 }];
    assert_eq!(read.shifts(), Some(moved));
    assert_eq!(Reconstruction { measured_positions: None, ..made }.shifts(), None);
}

#[test]
fn slices_are_an_object_and_written_with_their_axis() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slices.npz");
    let slices =
        Array3::from_shape_fn((3, 6, 8), |(z, y, x)| Complex32::new((10 * z + y) as f32, x as f32));
    let object = Object::from_slices(slices).unwrap();
    Reconstruction::of(object.clone()).write(&path).unwrap();
    assert_eq!(Archive::open(&path).unwrap().header(OBJECT).unwrap().shape, [3, 6, 8]);
    assert_eq!(Reconstruction::read(&path).unwrap().object, object);
}

#[test]
fn other_programs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.npz");
    let plain: Object = field((6, 8), 1.0).into();
    let values = || plain.slices().into_iter().copied().collect::<Vec<_>>();
    let probe = || array(&[1, 1, 1, 2, 4, 4], vec![Complex32::ONE; 32]);
    for (name, shape) in [
        ("psi", vec![1, 6, 8]),
        ("reconstructed_object", vec![1, 6, 8]),
        ("ptychopinn_complex", vec![6, 8, 1]),
        ("objectGuess", vec![6, 8]),
        ("anything", vec![6, 8]),
    ] {
        let arrays = [(name, array(&shape, values())), ("loss", Array::texts(&["none"]))];
        npz::write(&path, &arrays).unwrap();
        let read = Reconstruction::read(&path).unwrap();
        assert_eq!((&read.object, &read.probe), (&plain, &None), "{name}");
        assert!(read.loss.is_empty() && read.notes[0].starts_with("loss: left out"), "{name}");
    }
    npz::write(&path, &[("psi", array(&[6, 8], values())), ("probe", probe())]).unwrap();
    let error = Reconstruction::read(&path).unwrap_err().to_string();
    assert!(error.contains("`probe`: expected (H, W) or (modes, H, W)"), "{error}");

    let plain_file = folder.path().join("plain.npy");
    npy::write(&plain_file, &array(&[6, 8], values())).unwrap();
    assert_eq!(Reconstruction::read(&plain_file).unwrap().object, plain);

    let product = folder.path().join("product.h5");
    hdf5::write(&product, |file| {
        let object = file.complex("object", &[1, 6, 8], &values())?;
        object.attribute("pixel_height_m", 3e-8)?.attribute("pixel_width_m", 2e-8)?;
        file.complex("probe", &[1, 2, 4, 4], &vec![Complex32::ONE; 32])?;
        file.values("loss_values", &[2], &[2.0, 1.0])?;
        Ok(())
    })
    .unwrap();
    let read = Reconstruction::read(&product).unwrap();
    assert_eq!((&read.object, read.loss.as_slice()), (&plain, &[2.0, 1.0][..]));
    assert_eq!(read.probe.as_ref().map(|probe| probe.dim()), Some((2, 4, 4)));
    assert_eq!((read.pixel_size(), read.positions), (Some((3e-8, 2e-8)), None));
}

/// Made by h5py with the axes of PtyLab, see `fixtures-hdf5/make_fixtures.py`.
#[test]
fn results_of_ptylab_are_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-hdf5");
    let read = Reconstruction::read(fixtures.join("ptylab.hdf5")).unwrap();
    assert_eq!((read.object.n_slices(), read.object.shape()), (2, (9, 7)));
    assert_eq!(read.object.slice(1)[(3, 4)], Complex32::new(13.0, 4.0));
    let probe = read.probe.unwrap();
    assert_eq!((probe.dim(), probe[(2, 3, 1)]), ((3, 4, 4), Complex32::new(5.0, -1.0)));
    assert_eq!(read.loss, [3.0, 2.0, 1.5]);
    let (y, x) = read.metadata.as_ref().and_then(lapwing_files::dialect::object_pixel).unwrap();
    assert!(y == x && (x - 4e-7).abs() < 1e-13);
}

#[test]
fn one_of_several_objects_is_asked_for_by_name_and_comes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("two.npz");
    let picture = |offset| array(&[6, 8], field((6, 8), offset));
    let probe = array(&[4, 4], vec![Complex32::ONE; 16]);
    npz::write(&path, &[("a", picture(1.0)), ("b", picture(2.0)), ("probe", probe)]).unwrap();
    let error = Reconstruction::read(&path).unwrap_err();
    assert!(matches!(&error, Error::WhichObject { arrays, .. } if arrays.len() == 3));
    let text = error.to_string();
    assert!(text.contains("a complex64 [6, 8], b complex64") && text.contains("name"), "{text}");
    let named = |name| Reconstruction::read_as(&path, Role::Reconstruction, Some(name));
    let read = named("b").unwrap();
    assert_eq!((read.object, read.probe), (field((6, 8), 2.0).into(), None));
    assert!(matches!(named("c"), Err(Error::NoSuchArray { .. })));
    let truth = Reconstruction::read_as(&path, Role::Truth, None).unwrap_err().to_string();
    assert!(
        truth.contains("ground_truth_complex, object, reconstructed_object or exactly"),
        "{truth}"
    );
}
