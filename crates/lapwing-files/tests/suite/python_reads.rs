//! What Lapwing writes, NumPy reads, without allow_pickle.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::io::Write;
use std::path::Path;
use std::process::Command;

use lapwing_files::npy::{self, Array, Values};
use lapwing_files::npz::{Packing, write_with};
use lapwing_files::{Dataset, metadata};
use lapwing_model::{Complex32, Field, Modes, Position};
use ndarray::Array3;
use num_complex::Complex64;

/// Says so past the capture of the test harness, which hides what a passing test prints.
fn skipped(missing: &str) {
    let mut terminal = std::io::stderr();
    writeln!(terminal, "SKIPPED a test of python_reads: {missing} is not there").unwrap();
}

/// Runs a Python script on a folder; skips, visibly, where Python or NumPy is missing.
fn python(script: &str, folder: &Path) {
    let available = Command::new("python3").args(["-c", "import numpy"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        skipped("python3 with numpy");
        return;
    }
    let output = Command::new("python3").args(["-c", script]).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn numpy_reads_every_dtype() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [
        ("bool", Array::from(vec![true, false])),
        ("i1", Array::from(vec![-1_i8, 2])),
        ("i2", Array::from(vec![-1_i16, 2])),
        ("i4", Array::from(vec![-1_i32, 2])),
        ("i8", Array::from(vec![i64::MIN, 2])),
        ("u1", Array::from(vec![255_u8, 2])),
        ("u2", Array::from(vec![65_535_u16, 2])),
        ("u4", Array::from(vec![u32::MAX, 2])),
        ("u8", Array::from(vec![u64::MAX, 2])),
        ("f2", Array::new(vec![2], Values::F16(vec![0x3c00, 0xc000])).unwrap()),
        ("f4", Array::from(vec![0.1_f32, f32::INFINITY])),
        ("f8", Array::from(vec![0.1_f64, -0.0])),
        ("c8", Array::from(vec![Complex32::new(1.0, -2.0)])),
        ("c16", Array::from(vec![Complex64::new(1.0, -2.0)])),
        ("text", Array::text("π is wide 🐦")),
        ("texts", Array::texts(&["a", "", "bcd"])),
        (
            "bytes",
            Array::new(vec![2], Values::Bytes { width: 3, bytes: b"a\0\0xyz".to_vec() }).unwrap(),
        ),
        (
            "cube",
            Array::from(&Array3::<u16>::from_shape_fn((2, 3, 4), |(i, j, k)| {
                (i * 12 + j * 4 + k) as u16
            })),
        ),
        ("nothing", Array::from(Vec::<f64>::new())),
        ("größe", Array::scalar(3_u8)),
    ];
    for (file, packing) in [("stored.npz", Packing::Stored), ("deflated.npz", Packing::Deflated)] {
        write_with(folder.path().join(file), packing, |npz| {
            arrays.iter().try_for_each(|(n, a)| npz.array(n, a))
        })
        .unwrap();
    }
    npy::write(folder.path().join("plain.npy"), &arrays[17].1).unwrap();
    let script = r#"
import sys, zipfile, numpy as np
for name in ["stored.npz", "deflated.npz"]:
    assert zipfile.ZipFile(sys.argv[1] + "/" + name).testzip() is None
    z = np.load(sys.argv[1] + "/" + name)
    expected = dict(
        bool=np.array([True, False]), i1=np.int8([-1, 2]), i2=np.int16([-1, 2]), i4=np.int32([-1, 2]),
        i8=np.int64([-2**63, 2]), u1=np.uint8([255, 2]), u2=np.uint16([65535, 2]), u4=np.uint32([2**32 - 1, 2]),
        u8=np.array([2**64 - 1, 2], np.uint64), f2=np.float16([1, -2]), f4=np.float32([0.1, np.inf]), f8=np.array([0.1, -0.0]),
        c8=np.complex64([1 - 2j]), c16=np.complex128([1 - 2j]), text=np.array("π is wide 🐦"),
        texts=np.array(["a", "", "bcd"]), bytes=np.array([b"a", b"xyz"]),
        cube=np.arange(24, dtype=np.uint16).reshape(2, 3, 4), nothing=np.zeros(0))
    expected["größe"] = np.array(3, np.uint8)
    assert list(z.files) == list(expected), z.files
    for key, value in expected.items():
        assert z[key].dtype == value.dtype and z[key].shape == value.shape, (key, z[key].dtype, value.dtype)
        assert np.array_equal(z[key], value), key
assert np.array_equal(np.load(sys.argv[1] + "/plain.npy", mmap_mode="r"), expected["cube"])
"#;
    python(script, folder.path());
}

#[test]
fn numpy_reads_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut metadata = lapwing_files::Metadata::new();
    metadata.insert("scale".into(), 0.1.into());
    metadata::append_transformation(
        &mut metadata,
        "lapwing",
        "test",
        serde_json::json!({"größe": [1, null]}),
    );
    // As many patterns as columns: the file must say the order of its axes.
    let data = Dataset {
        diffraction: Array3::from_shape_fn((5, 5, 5), |(i, j, k)| (i * 25 + j * 5 + k) as f32)
            .into(),
        scan: (0..5).map(|i| Position { y: 3.25 + f64::from(i), x: 8.5 - f64::from(i) }).collect(),
        object: Some(Field::from_elem((12, 16), Complex32::new(0.5, -1.0)).into()),
        probe: Some(Modes::from_elem((1, 5, 5), Complex32::I)),
        metadata: Some(metadata),
        extras: vec![("filenames".into(), Array::texts(&["a", "b", "c", "d", "e"]))],
        ..Dataset::default()
    };
    data.write(folder.path().join("set.npz")).unwrap();
    let (read, _) =
        lapwing_files::dataset::read(folder.path().join("set.npz"), &Default::default()).unwrap();
    assert_eq!(read.diffraction, data.diffraction);
    let script = r#"
import json, sys, numpy as np
z = np.load(sys.argv[1] + "/set.npz")
assert z.files == ["diffraction", "objectGuess", "probeGuess", "xcoords", "ycoords", "filenames", "_metadata"]
assert z["diffraction"].dtype == np.float32 and np.array_equal(z["diffraction"].ravel(), np.arange(125))
assert z["objectGuess"].dtype == np.complex64 and z["objectGuess"].shape == (12, 16) and (z["objectGuess"] == 0.5 - 1j).all()
assert z["probeGuess"].dtype == np.complex64 and z["probeGuess"].shape == (5, 5) and (z["probeGuess"] == 1j).all()
assert z["ycoords"].dtype == np.float64 and np.array_equal(z["ycoords"], 3.25 + np.arange(5))
assert np.array_equal(z["xcoords"], 8.5 - np.arange(5))
assert z["filenames"].tolist() == list("abcde")
m = z["_metadata"]
assert m.shape == () and m.dtype.kind == "U"
m = json.loads(m.item())
assert m["scale"] == 0.1 and m["data_transformations"][0]["parameters"] == {"größe": [1, None]}
assert m["axis_order"] == "(n, H, W)"
"#;
    python(script, folder.path());
}

#[test]
fn numpy_reads_more_members_than_16_bits_can_count() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_with(folder.path().join("many.npz"), Packing::Stored, |npz| {
        (0..65_540).try_for_each(|index| npz.values(&index.to_string(), &[1], &[index as u8]))
    })
    .unwrap();
    let script = r#"
import sys, numpy as np
z = np.load(sys.argv[1] + "/many.npz")
assert len(z.files) == 65540 and z["65539"][0] == 65539 % 256
"#;
    python(script, folder.path());
}
