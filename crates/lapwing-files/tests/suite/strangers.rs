//! Files that people have and that differ a little from what their formats say, as
//! `fixtures-formats/make_strangers.py` made them.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use lapwing_files::{Dataset, Error, Understanding, dataset, experiment, hdf5};
use lapwing_model::Position;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats").join(name)
}

fn read(name: &str, said: &str) -> Result<(Dataset, Understanding), Error> {
    let options = experiment::parse(said, "said.toml".as_ref()).unwrap_or_else(|e| panic!("{e}"));
    dataset::read(fixture(name), &options)
}

fn refused(name: &str, said: &str, parts: &[&str]) {
    let text = read(name, said).unwrap_err().to_string();
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Counts of all fixtures.
fn assert_counts(dataset: &Dataset, name: &str) {
    // Where nothing tells the unit of a photon, squares are what the file has.
    let counts = dataset.counts().unwrap_or_else(|| dataset.diffraction.view().mapv(|a| a * a));
    assert_eq!(counts.dim(), (12, 10, 8), "{name}");
    for ((i, y, x), found) in counts.indexed_iter() {
        let (dy, dx) = (y as i32 - 5, x as i32 - 4);
        let chance = (5 * y as i32 + 3 * x as i32) % 11;
        let expected = 200 - 3 * dy * dy - 4 * dx * dx + 7 * i as i32 + chance;
        assert!((found - expected as f32).abs() < 1e-2, "{name}: {i} {y} {x}: {found}");
    }
}

/// Positions of all fixtures, object pixels of 2e-8 m and 2.5e-8 m, as far as they differ.
fn assert_places(scan: &[Position], name: &str) {
    assert_eq!(scan.len(), 12);
    for (k, at) in scan.iter().enumerate() {
        let y = (k / 4) as f64 * 3.0 + k as f64 * 0.25;
        let x = (k % 4) as f64 * 3.5 - k as f64 * 0.125;
        let (dy, dx) = (at.y - scan[0].y, at.x - scan[0].x);
        assert!((dy - y).abs() < 1e-3 && (dx - x).abs() < 1e-3, "{name} {k}: {dy} {dx}");
    }
}

/// The light of these patterns would be narrower on the specimen than a step.
const FAR: &str = "[detector]\ngeometry = \"far-field\"\n";

#[test]
fn translations_in_another_unit_are_metres_when_their_unit_is_known() {
    let (dataset, understood) = read("micrometres.cxi", FAR).unwrap();
    assert_counts(&dataset, "micrometres.cxi");
    assert_places(&dataset.scan, "micrometres.cxi");
    assert!(understood.notes.iter().any(|note| note.contains("in um, as the file says")));
    refused("no_unit.cxi", FAR, &["translation", "--position-unit"]);
    let (dataset, _) =
        read("no_unit.cxi", &format!("{FAR}[scan]\nposition_unit = \"nm\"\n")).unwrap();
    assert_places(&dataset.scan, "no_unit.cxi");
    let pixels = "[scan]\nposition_unit = \"pixel\"\n";
    refused("no_unit.cxi", pixels, &["position_unit", "m, mm, um, nm"]);
    // Of files whose positions have no unit to say, as before.
    refused("columns.emd", "[scan]\nshape = [3, 4]\nposition_unit = \"nm\"\n", &["--positions"]);
}

#[test]
fn roots_of_counts_are_amplitudes() {
    let (dataset, understood) = read("amplitudes.cxi", FAR).unwrap();
    assert_counts(&dataset, "amplitudes.cxi");
    assert!(understood.notes.iter().any(|note| note.contains("--quantity intensity")));
    let said = format!("{FAR}[patterns]\nquantity = \"intensity\"\n");
    let (dataset, _) = read("amplitudes.cxi", &said).unwrap();
    assert!((dataset.diffraction[(0, 5, 4)] - (200.0_f32 + 4.0).powf(0.25)).abs() < 1e-4);
}

const SAID: &str = "[beam]\nvoltage_kv = 300\n[object]\npixel_size_m = 2.5e-8\n[scan]\n";

#[test]
fn patterns_of_ptychoshelves_take_positions_or_a_raster() {
    refused("shelves_dp.h5", "", &["--companion", "--positions", "--scan-shape"]);
    let file = fixture("shelves_positions.h5");
    // (x, y) in metres, as MATLAB writes (n, 2).
    let said = format!(
        "{SAID}positions = \"{}::probe_positions_0\"\nposition_unit = \"m\"\n\
         coordinate_order = \"column-row\"\n",
        file.display()
    );
    let (dataset, understood) = read("shelves_dp.h5", &said).unwrap();
    assert_eq!(understood.dialect.name(), "ptychodus");
    assert_counts(&dataset, "shelves_dp.h5");
    let stretched: Vec<Position> =
        dataset.scan.iter().map(|at| Position { y: at.y * 1.25, x: at.x }).collect();
    assert_places(&stretched, "shelves_dp.h5");
    let raster = format!("{SAID}shape = [3, 4]\nstep_m = 5e-8\n");
    let (dataset, understood) = read("shelves_dp.h5", &raster).unwrap();
    assert_eq!((understood.scan_shape, dataset.n_patterns()), (Some((3, 4)), 12));
}

#[test]
fn patterns_along_the_last_axis_are_told_by_the_scan() {
    let said = format!("{SAID}shape = [3, 4]\nstep_m = 5e-8\n");
    let (dataset, understood) = read("columns.emd", &said).unwrap();
    assert_counts(&dataset, "columns.emd");
    assert_eq!(understood.scan_shape, Some((3, 4)));
    // A wrong shape is told as ever.
    let wrong = format!("{SAID}shape = [3, 5]\nstep_m = 5e-8\n");
    refused("columns.emd", &wrong, &["scan_shape", "3 x 5 = 15"]);
}

#[test]
fn positions_under_another_name_are_pointed_at() {
    refused("own_positions.npz", "", &["own_positions.npz::where", "--position-unit"]);
    let said =
        format!("[scan]\npositions = \"{}::where\"\n", fixture("own_positions.npz").display());
    let (dataset, _) = read("own_positions.npz", &said).unwrap();
    assert_counts(&dataset, "own_positions.npz");
    assert_places(&dataset.scan, "own_positions.npz");
}

#[test]
fn single_electrons_are_known_by_name() {
    refused("single_electrons.h5", "", &["stempy", "to_dense", "--scan-shape"]);
}

/// 2 Angstrom, 1 m, 1 mm, as the files that tell their optics say.
const OPTICS: &str = "[beam]\nenergy_kev = 6.19920992\n[detector]\ndistance_m = 1.0\n\
                      pixel_size_m = 1e-3\n";

#[test]
fn four_axes_of_matlab_have_the_scans_rows_third() {
    let said = format!("{SAID}step_m = [5e-8, 2.5e-8]\n");
    let (dataset, understood) = read("cbed.mat", &said).unwrap();
    assert_counts(&dataset, "cbed.mat");
    assert_eq!(understood.scan_shape, Some((3, 4)));
    let at = |index: usize| dataset.scan[index];
    assert!((at(1).x - at(0).x - 1.0).abs() < 1e-9 && (at(1).y - at(0).y).abs() < 1e-9);
    assert!((at(4).y - at(0).y - 2.0).abs() < 1e-9 && (at(4).x - at(0).x).abs() < 1e-9);
}

#[test]
fn optics_that_a_file_lacks_may_be_said() {
    for (name, told) in [
        ("no_optics.ptyd", ["--energy-kev", "--pixel-size-m"]),
        ("metres.mat", ["--distance-m", "--pixel-size-m"]),
    ] {
        refused(name, "", &told);
        // The scan is there: nothing is asked of it.
        assert!(!read(name, "").unwrap_err().to_string().contains("scan_shape"), "{name}");
        let (dataset, _) = read(name, OPTICS).unwrap();
        assert_counts(&dataset, name);
        assert_places(&dataset.scan, name);
    }
}

#[test]
fn positions_of_a_cxi_may_be_elsewhere() {
    refused("placeless.cxi", "", &["--scan-shape", "--positions"]);
    let motors = fixture("motors.h5");
    let said =
        format!("{FAR}[scan]\npositions = \"{}::motors/pos_y,motors/pos_x\"\n", motors.display());
    let (dataset, _) = read("placeless.cxi", &said).unwrap();
    assert_counts(&dataset, "placeless.cxi");
    assert_places(&dataset.scan, "placeless.cxi");
    let (_, understood) = read("placeless.cxi", "[scan]\nshape = [3, 4]\nstep_m = 4e-8\n").unwrap();
    assert_eq!(understood.scan_shape, Some((3, 4)));
}

#[test]
fn an_array_for_each_coordinate_is_pointed_at_and_its_unit_read() {
    let patterns = format!("[file]\npatterns = \"frames\"\n{OPTICS}");
    let pair = format!("{}::motors/pos_y,motors/pos_x", fixture("motors.h5").display());
    refused("motors.h5", &patterns, &[&pair]);
    let said = format!("{patterns}[scan]\npositions = \"{pair}\"\n");
    let (dataset, understood) = read("motors.h5", &said).unwrap();
    assert_counts(&dataset, "motors.h5");
    assert_places(&dataset.scan, "motors.h5");
    assert!(understood.notes.iter().any(|note| note.contains("in um")), "{:?}", understood.notes);
}

#[test]
fn a_raster_of_nexus_has_its_units() {
    let (dataset, understood) = read("raster.nxs", "[scan]\nstep_m = [4e-8, 5e-8]\n").unwrap();
    assert_counts(&dataset, "raster.nxs");
    assert_eq!(understood.scan_shape, Some((3, 4)));
    // 2 Angstrom x 1 m / (10 x 1 mm), and 8 columns.
    let (y, x) = understood.pixel_size_m.unwrap();
    assert!((y / 2e-8 - 1.0).abs() < 1e-9 && (x / 2.5e-8 - 1.0).abs() < 1e-9, "{y} {x}");
    let at = |index: usize| dataset.scan[index];
    assert!((at(1).x - at(0).x - 2.0).abs() < 1e-9 && (at(4).y - at(0).y - 2.0).abs() < 1e-9);
}

#[test]
fn lengths_and_energies_have_the_units_that_files_say() {
    let step = "[scan]\nstep_m = [4e-8, 5e-8]\n";
    for (name, said) in [("energy.nxs", step), ("millimetres.cxi", FAR)] {
        let (dataset, understood) = read(name, said).unwrap();
        assert_counts(&dataset, name);
        let (y, x) = understood.pixel_size_m.unwrap();
        assert!((y / 2e-8 - 1.0).abs() < 1e-4 && (x / 2.5e-8 - 1.0).abs() < 1e-4, "{y} {x}");
    }
    let refused = read("furlongs.cxi", FAR).unwrap_err().to_string();
    for part in ["furlong", "--distance-m", "--detector-pixel-size-m"] {
        assert!(refused.contains(part), "{refused}");
    }
    // What is said goes before them.
    let said = format!("{FAR}distance_m = 1.0\npixel_size_m = 1e-3\n");
    let (_, understood) = read("furlongs.cxi", &said).unwrap();
    assert!((understood.pixel_size_m.unwrap().0 / 2e-8 - 1.0).abs() < 1e-4);
}

/// The fixtures' scan as CXI, with a storage ring of 3 GeV beside the energy of the photons as
/// NXcxi_ptycho has both, and its translation in rows where `turned`.
fn cxi(path: &Path, turned: bool) {
    let count = |k: usize| {
        let (i, y, x) = (k / 80, (k / 8 % 10) as i32, (k % 8) as i32);
        let chance = (5 * y + 3 * x) % 11;
        200 - 3 * (y - 5).pow(2) - 4 * (x - 4).pow(2) + 7 * i as i32 + chance
    };
    let counts: Vec<i32> = (0..960).map(count).collect();
    let at = |k: usize| {
        let y = (k / 4) as f64 * 3.0 + k as f64 * 0.25;
        let x = (k % 4) as f64 * 3.5 - k as f64 * 0.125;
        [x * 2.5e-8, y * 2e-8, 0.0]
    };
    let rows: Vec<f64> = (0..12).flat_map(at).collect();
    let columns: Vec<f64> = (0..3).flat_map(|axis| (0..12).map(move |k| at(k)[axis])).collect();
    hdf5::write(path, |file| {
        file.number("cxi_version", 160_i64)?;
        // 2 Angstrom.
        file.number("entry_1/instrument_1/beam_1/energy", 9.932_229_286e-16)?;
        file.number("entry_1/instrument_1/source_1/energy", 3e9 * 1.602_176_634e-19)?;
        for (name, value) in [("distance", 1.0), ("x_pixel_size", 1e-3), ("y_pixel_size", 1e-3)] {
            file.number(&format!("entry_1/instrument_1/detector_1/{name}"), value)?;
        }
        file.values("entry_1/data_1/data", &[12, 10, 8], &counts)?;
        let name = "entry_1/data_1/translation";
        match turned {
            true => file.values(name, &[3, 12], &columns)?,
            false => file.values(name, &[12, 3], &rows)?,
        };
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_energy_of_a_beam_is_not_that_of_the_storage_ring() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.cxi");
    for turned in [false, true] {
        cxi(&path, turned);
        let (dataset, understood) = read(path.to_str().unwrap(), FAR).unwrap();
        assert_counts(&dataset, "ring.cxi");
        assert_places(&dataset.scan, "ring.cxi");
        let (y, x) = understood.pixel_size_m.unwrap();
        assert!((y / 2e-8 - 1.0).abs() < 1e-6 && (x / 2.5e-8 - 1.0).abs() < 1e-6, "{y} {x}");
    }
    // An energy that is told goes before one that cannot be.
    hdf5::write(&path, |file| {
        file.number("entry_1/instrument_1/source_1/energy", 3e9 * 1.602_176_634e-19)?;
        file.values("entry_1/data_1/data", &[12, 10, 8], &[1; 960])?;
        file.values("entry_1/data_1/translation", &[12, 3], &[0.0; 36]).map(|_| ())
    })
    .unwrap();
    let path = path.to_str().unwrap();
    let scales = "[detector]\ndistance_m = 1.0\npixel_size_m = 1e-3\n";
    refused(path, scales, &["joules", "--energy-kev"]);
    read(path, &format!("{OPTICS}geometry = \"far-field\"\n")).unwrap();
}

#[test]
fn what_is_said_of_the_optics_takes_the_place_of_what_a_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.cxi");
    cxi(&path, false);
    let cxi = path.to_str().unwrap();
    let half_energy = "[beam]\nenergy_kev = 3.09960496\n";
    for name in [cxi, "scan.ptyd", "raster.nxs"] {
        let scan = if name == "raster.nxs" { "[scan]\nstep_m = [4e-8, 5e-8]\n" } else { "" };
        for (said, factor) in [
            (format!("{scan}[detector]\ngeometry = \"far-field\"\n"), 1.0),
            (format!("{scan}[detector]\ngeometry = \"far-field\"\ndistance_m = 2.0\n"), 2.0),
            (format!("{scan}[detector]\ngeometry = \"far-field\"\npixel_size_m = 5e-4\n"), 2.0),
            (format!("{half_energy}{scan}[detector]\ngeometry = \"far-field\"\n"), 2.0),
        ] {
            let (dataset, understood) = read(name, &said).unwrap();
            let (y, x) = understood.pixel_size_m.unwrap();
            let (found_y, found_x) = (y / 2e-8, x / 2.5e-8);
            // ptypy's energy is rounded to 6.2 keV.
            let off = (found_y / factor - 1.0).abs().max((found_x / factor - 1.0).abs());
            assert!(off < 2e-4, "{name} {said}: {found_y} {found_x}");
            // The positions are metres: in larger pixels there are fewer.
            let step = (dataset.scan[4].y - dataset.scan[0].y) * y;
            let expected = if name == "raster.nxs" { 4e-8 } else { 8e-8 };
            assert!((step / expected - 1.0).abs() < 1e-6, "{name} {said}: {step}");
        }
    }
    // The scale of the axes stays, and so the distance says nothing.
    let said = "[beam]\nvoltage_kv = 300\n[detector]\ndistance_m = 2.0\n";
    refused("scan.hspy", said, &["distance_m", "detector_pixel_size_m beside it"]);
    // What is recorded is what was said.
    let (dataset, _) = read(cxi, &format!("{FAR}distance_m = 2.0\n")).unwrap();
    let metadata = dataset.metadata.unwrap();
    assert_eq!(metadata["physics_parameters"]["distance_m"], 2.0);
}

#[test]
fn a_pixel_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.cxi");
    cxi(&path, false);
    for geometry in ["", FAR] {
        let said = format!("{geometry}[object]\npixel_size_m = 1e-13\n");
        refused(path.to_str().unwrap(), &said, &["pixel_size_m", "--pixel-size-m", "1e-13 m"]);
    }
}

#[test]
fn units_that_are_not_understood_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scan.zspy");
    let signal = root.join("Experiments/scan");
    let write = |place: &str, text: &str| {
        let path = signal.join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let scale = |unit: &str| {
        std::fs::create_dir_all(&signal).unwrap();
        std::fs::write(root.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
        for axis in 0..4 {
            let of = if axis < 2 { "nm" } else { unit };
            write(&format!("axis-{axis}/.zgroup"), r#"{"zarr_format": 2}"#);
            let attributes = format!(r#"{{"scale": 0.5, "units": "{of}"}}"#);
            write(&format!("axis-{axis}/.zattrs"), &attributes);
        }
        write(
            "data/.zarray",
            r#"{"zarr_format": 2, "shape": [2, 2, 4, 4], "chunks": [2, 2, 4, 4], "dtype": "|u1",
                "order": "C", "compressor": null, "filters": null, "fill_value": 1}"#,
        );
        let (dataset, understood) = read(root.to_str().unwrap(), "")?;
        assert_eq!(dataset.n_patterns(), 4);
        Ok::<_, Error>(understood.pixel_size_m.unwrap().0)
    };
    // 1 / (4 x 0.5 / A).
    for unit in ["$A^{-1}$", "k_A^{-1}"] {
        assert!((scale(unit).unwrap() / 5e-11 - 1.0).abs() < 1e-9, "{unit}");
    }
    let told = scale("furlongs").unwrap_err().to_string();
    assert!(told.contains("pixel_size_m") && told.contains("\"furlongs\""), "{told}");
}

#[test]
fn a_series_that_was_cut_short_is_told_of_its_own_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mib");
    let whole = std::fs::read(fixture("scan.mib")).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 7]).unwrap();
    let told = dataset::read(&path, &Default::default()).unwrap_err().to_string();
    assert!(told.contains("cut short") && !told.contains("--raw"), "{told}");
}

#[test]
fn the_distance_of_a_detector_is_a_number() {
    let (_, understood) =
        read("eiger_master.h5", "[scan]\nshape = [3, 4]\nstep_m = 2e-7\n").unwrap();
    let notes = understood.notes.join("\n");
    assert!(notes.contains(", 2 m away") && !notes.contains("Some"), "{notes}");
}
