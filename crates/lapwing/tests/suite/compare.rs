//! `lapwing compare` on files of this and of other programs: one table, honest numbers, clear
//! refusals.

use crate::common::Bench;
use lapwing_files::npy::{self, Array, Values};
use lapwing_files::{Archive, npz};
use lapwing_model::{Complex32, Field};
use ndarray::{Ix2, Zip, s};
use serde_json::Value;

/// The truth of a simulated scan.
fn truth(bench: &Bench) -> Field {
    bench.simulate("truth.npz", "");
    let archive = Archive::open(bench.path("truth.npz")).unwrap();
    archive.read("objectGuess").unwrap().into_complex32_array::<Ix2>().unwrap()
}

/// The truth with an error of this size, in another phase and scale.
fn reconstruction(truth: &Field, error: f32) -> Field {
    let wrong = Field::from_shape_fn(truth.dim(), |(y, x)| {
        Complex32::new(
            (0.9 * y as f32).sin() * (0.4 * x as f32).cos(),
            (0.5 * y as f32 + 1.1 * x as f32).sin(),
        )
    });
    Zip::from(truth)
        .and(&wrong)
        .map_collect(|t, w| (t + w * error) * Complex32::from_polar(3.0, 0.8))
}

/// The field on an array that is larger by (top, left) before it and as much behind, 1 around it.
fn padded(field: &Field, (top, left): (usize, usize)) -> Field {
    Field::from_shape_fn((field.nrows() + 2 * top, field.ncols() + 2 * left), |(y, x)| {
        let inside = y.checked_sub(top).zip(x.checked_sub(left));
        inside.and_then(|at| field.get(at)).copied().unwrap_or(Complex32::new(1.0, 0.0))
    })
}

/// The field without its margins.
fn inner(field: &Field) -> Field {
    field.slice(s![4..field.nrows() - 4, 6..field.ncols() - 6]).to_owned()
}

fn array(field: &Field) -> Array {
    Array::new(field.shape().to_vec(), Values::C64(field.iter().copied().collect())).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn reconstructions_of_other_programs_stand_in_one_table() {
    let bench = Bench::new();
    let truth = truth(&bench);
    let [good, fair, poor] = [0.01, 0.05, 0.2].map(|error| reconstruction(&truth, error));
    // One slice more than the truth has, double precision and another size, a plain array, one
    // array of several.
    let wide = padded(&good, (9, 14));
    let double: Vec<_> = wide.iter().map(|v| num_complex(*v)).collect();
    let shape = vec![1, wide.nrows(), wide.ncols()];
    let wide = Array::new(shape, Values::C128(double)).unwrap();
    npz::write(bench.path("chi.npz"), &[("reconstructed_object", wide)]).unwrap();
    npy::write(bench.path("plain.npy"), &array(&fair)).unwrap();
    let nets = [("ptychopinn_complex", array(&fair)), ("baseline_complex", array(&poor))];
    npz::write(bench.path("nets.npz"), &nets).unwrap();

    let arguments = "compare --truth truth.npz --reconstruction chi.npz --reconstruction plain.npy --reconstruction nets.npz \
                     --reconstruction nets.npz::baseline_complex --pixel-size-m 2e-8 --csv table.csv --figure table.png";
    let record = bench.json(arguments);
    let all = record["reconstructions"].as_array().unwrap();
    let errors: Vec<f64> = all.iter().map(|one| number(&one["metrics"]["complex_nrmse"])).collect();
    assert_eq!(errors.len(), 4);
    assert!(errors[0] < 0.02 && errors[0] < errors[1] && errors[1] < errors[3], "{errors:?}");
    assert!((errors[1] - errors[2]).abs() < 1e-9, "one field from two files: {errors:?}");
    assert_eq!(all[0]["origin"], serde_json::json!([-9, -14]));
    assert_eq!(all[3]["array"], "baseline_complex");
    for one in all {
        assert_eq!(one["region"], record["region"]);
        let resolution = &one["resolution"]["phase"]["half_bit"];
        let (px, nm) =
            (number(&resolution["half_period_px"]), number(&resolution["half_period_nm"]));
        assert!(px >= 1.0 && (nm / px - 20.0).abs() < 1e-9, "{resolution}");
    }

    let csv = std::fs::read_to_string(bench.path("table.csv")).unwrap();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.matches(',').count() == rows[0].matches(',').count()));
    assert!(
        rows[0].contains("phase_resolution_half_bit_nm")
            && rows[4].starts_with("nets.npz::baseline_complex,")
    );
    assert_eq!(&std::fs::read(bench.path("table.png")).unwrap()[1..4], b"PNG");

    let words = bench.ok(
        "compare --truth truth.npz --reconstruction plain.npy --reconstruction nets.npz::baseline_complex",
    );
    for part in ["[1] plain.npy", "[2] nets.npz::baseline_complex", "phase resolution half-bit, px"]
    {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    assert!(!words.contains(", nm"), "no pixel size is known:\n{words}");
}

fn num_complex(value: Complex32) -> num_complex::Complex64 {
    num_complex::Complex64::new(value.re.into(), value.im.into())
}

#[test]
fn several_are_counted_where_all_of_them_saw() {
    let bench = Bench::new();
    bench.simulate("truth.npz", "");
    bench.ok("split --input truth.npz --output-dir halves");
    let epochs = "--num-epochs 3";
    bench.ok(&format!("reconstruct --input-npz truth.npz --output-dir whole {epochs}"));
    bench.ok(&format!(
        "reconstruct --input-npz halves/patched_train.npz --output-dir half {epochs}"
    ));
    let [whole, half] =
        ["whole", "half"].map(|name| format!("--reconstruction {name}/reconstruction.npz"));
    let pixels = |arguments: &str| {
        let record = bench.json(&format!("compare --truth truth.npz {arguments}"));
        record["region"]["pixels"].as_u64().unwrap()
    };
    let (of_whole, of_half) = (pixels(&whole), pixels(&half));
    let of_both = pixels(&format!("{whole} {half}"));
    assert!(
        of_half < of_whole && of_both <= of_half && of_both > of_half / 2,
        "{of_whole} {of_half} {of_both}"
    );
    let record = bench.json(&format!("compare --truth truth.npz {whole}"));
    let probe = &record["probe"];
    assert!(number(&probe["nrmse"]) < 0.5 && number(&probe["correlation"]) > 0.85, "{probe}");
}

#[test]
fn what_is_ambiguous_or_missing_is_named() {
    let bench = Bench::new();
    let truth = truth(&bench);
    let two = [("first", array(&truth)), ("second", array(&truth))];
    npz::write(bench.path("two.npz"), &two).unwrap();
    bench.fails(
        "compare --truth truth.npz --reconstruction two.npz",
        &["two.npz", "first", "second", "::"],
    );
    bench.ok("compare --truth truth.npz --reconstruction two.npz::second");
    bench.fails("compare --truth truth.npz --reconstruction two.npz::third", &["two.npz", "third"]);
    let part = inner(&truth);
    let empty = std::iter::repeat_n(Complex32::new(1.0, 0.0), part.len());
    let both = part.iter().copied().chain(empty).collect();
    let slices = Array::new(vec![2, part.nrows(), part.ncols()], Values::C64(both)).unwrap();
    npz::write(bench.path("slices.npz"), &[("object", slices)]).unwrap();
    // An object of slices is compared as their product.
    let output = bench.run("compare --truth truth.npz --reconstruction slices.npz");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("object holds 2 slices"), "{told}");
    npz::write(bench.path("none.npz"), &[] as &[(&str, Array)]).unwrap();
    bench.fails("compare --truth truth.npz --reconstruction none.npz", &["none.npz", "no array"]);
    bench.fails(
        "compare --truth truth.npz --reconstruction two.npz::first --csv no/such.csv",
        &["no/such.csv"],
    );
}

#[test]
fn what_lies_nowhere_on_the_truth_is_not_laid_there_by_chance() {
    let bench = Bench::new();
    let truth = truth(&bench);
    let part = inner(&truth);
    let mirrored = part.slice(s![..;-1, ..]).to_owned();
    let none = reconstruction(&Field::from_elem((40, 50), Complex32::new(0.0, 0.0)), 1.0);
    let flat = Field::from_elem((40, 50), Complex32::new(1.0, 0.0));
    for (name, field) in [("mirrored", mirrored), ("none", none), ("flat", flat)] {
        let file = format!("{name}.npy");
        npy::write(bench.path(&file), &array(&field)).unwrap();
        let asked = format!("compare --truth truth.npz --reconstruction {file}");
        bench.fails(&asked, &[&file, "fits nowhere better than by chance"]);
    }
    npy::write(bench.path("part.npy"), &array(&reconstruction(&part, 0.2))).unwrap();
    bench.ok("compare --truth truth.npz --reconstruction part.npy");
}

/// Files that NumPy and h5py made, with the errors that NumPy measured in them
/// (`fixtures/make_others.py`).
#[test]
fn files_of_other_programs_have_the_errors_that_numpy_measures() {
    let bench = Bench::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let expected: Value =
        serde_json::from_slice(&std::fs::read(fixtures.join("others_expected.json")).unwrap())
            .unwrap();
    let place = |name: &str| fixtures.join(name).to_str().unwrap().to_owned();
    // What it is, its file, the array that is taken of it.
    let all = [
        ("ptychi_npz", "others_ptychi.npz", "reconstructed_object"),
        ("ptychi_h5", "others_ptychi.h5", "object"),
        ("cxi", "others.cxi", "entry_1/image_1/data"),
        ("ptychopinn", "others_ptychopinn.npz", "ptychopinn_complex"),
        ("plain", "others_plain.npy", ""),
    ];
    let each: Vec<String> =
        all.iter().map(|(_, file, _)| format!("--reconstruction {}", place(file))).collect();
    let record =
        bench.json(&format!("compare --truth {} {}", place("others_truth.npz"), each.join(" ")));
    for ((name, _, array), found) in all.iter().zip(record["reconstructions"].as_array().unwrap()) {
        assert_eq!(found["array"], *array, "{name}");
        let (found, expected) =
            (number(&found["metrics"]["complex_nrmse"]), number(&expected[name]));
        // A shift and a ramp, which NumPy did not fit, can take up a little of the error.
        assert!(
            found < 1.002 * expected && found > 0.97 * expected,
            "{name}: {found}, NumPy {expected}"
        );
    }
    // The product file says how large its pixels are.
    let resolution = &record["reconstructions"][1]["resolution"]["phase"]["half_bit"];
    let (px, nm) = (number(&resolution["half_period_px"]), number(&resolution["half_period_nm"]));
    assert!((nm / px - 20.0).abs() < 1e-9, "{resolution}");
    // Any array of an HDF5 file by its name, and what is no picture is refused by name.
    let one = |array: &str| {
        format!(
            "compare --truth {} --reconstruction {}::{array}",
            place("others_truth.npz"),
            place("others_ptychi.h5")
        )
    };
    assert_eq!(bench.json(&one("object"))["array"], "object");
    bench.fails(&one("loss"), &["others_ptychi.h5", "loss"]);
    bench.fails(&one("nothing"), &["others_ptychi.h5", "nothing"]);
}

#[test]
fn of_a_large_truth_the_middle_is_compared_wherever_a_reconstruction_lies() {
    let bench = Bench::new();
    // Squares of 9 pixels; longer than what is compared at once.
    let square = |y: usize, x: usize| {
        let turn = ((y / 9 * 131 + x / 9 * 17) as f32 * 1.7).sin();
        Complex32::from_polar(1.0 - 0.05 * turn, 0.8 * (31.0 * turn).sin())
    };
    let truth = Field::from_shape_fn((4500, 64), |(y, x)| square(y, x));
    let part = reconstruction(&truth.slice(s![150..4450, 6..58]).to_owned(), 0.02);
    npz::write(bench.path("truth.npz"), &[("objectGuess", array(&truth))]).unwrap();
    npz::write(bench.path("part.npz"), &[("object", array(&part))]).unwrap();
    let found = bench.json("compare --truth truth.npz --reconstruction part.npz");
    assert_eq!(found["origin"], serde_json::json!([150, 6]));
    assert_eq!(found["region"]["rows"], serde_json::json!([102, 4198]));
    let correlation = number(&found["metrics"]["complex_correlation"]);
    // The error of 0.02 has a mean square of 0.75 of its own square, beside a truth of about 1.
    assert!((correlation - (1.0 - 0.5 * 0.75 * 0.02_f64.powi(2))).abs() < 5e-5, "{correlation}");
    // Noise lies nowhere on it.
    let noise = Field::from_shape_fn(part.dim(), |(y, x)| {
        Complex32::from_polar(1.0, ((y * 7919 + x * 104_729) as f32).sin() * 3.0)
    });
    npz::write(bench.path("noise.npz"), &[("object", array(&noise))]).unwrap();
    bench.fails("compare --truth truth.npz --reconstruction noise.npz", &["lies somewhere on"]);
}
