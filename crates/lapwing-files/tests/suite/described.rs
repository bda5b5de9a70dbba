//! Scans that say little themselves, with an experiment that says the rest.

use lapwing_files::npy::{self, Array};
use lapwing_files::reading::{self, Given};
use lapwing_files::remarks::{Remark, What};
use lapwing_files::{Dataset, Error, ReadOptions, Understanding, dataset, hdf5, npz};
use lapwing_model::{Complex32, Position};
use ndarray::{Array2, Array3, Array4};
use std::path::{Path, PathBuf};

/// Counts of a raster of 2 x 3 patterns of 8 x 5 pixels.
pub fn counts() -> Array4<u16> {
    Array4::from_shape_fn((2, 3, 8, 5), |(i, j, y, x)| (i * 3 + j + 10 * y + 100 * x) as u16)
}

fn options(given: &[(&str, Given)]) -> ReadOptions {
    let given: Vec<_> =
        given.iter().map(|(name, value)| (reading::option(name).expect("a name"), value)).collect();
    reading::options(given).expect("written, or valid")
}

/// A step of two pixels between rows and three between columns: pixels of 1 nm along y, 2 nm along
/// x with 8 and 5 pixels of the detector.
pub fn six_numbers() -> Vec<(&'static str, Given)> {
    vec![
        ("voltage_kv", Given::Number(300.0)),
        ("semi_angle_mrad", Given::Number(0.5)),
        ("scan_step_m", Given::Numbers(vec![2e-9, 6e-9])),
        ("inv_angstrom_per_pixel", Given::Numbers(vec![0.1 / 8.0, 0.05 / 5.0])),
    ]
}

pub fn read(path: &Path, given: &[(&str, Given)]) -> Result<(Dataset, Understanding), Error> {
    dataset::read(path, &options(given))
}

pub fn problems(path: &Path, given: &[(&str, Given)]) -> Vec<(String, String)> {
    match read(path, given) {
        Err(Error::Contract { problems, .. }) => {
            problems.into_iter().map(|problem| (problem.key, problem.found)).collect()
        }
        other => panic!("{:?}", other.map(|read| read.1)),
    }
}

/// The same patterns in every container that has a raster, with what must be said to read them.
fn everywhere(folder: &Path) -> Vec<(PathBuf, Vec<(&'static str, Given)>)> {
    let stack = Array::from(&counts());
    let path = |name: &str| folder.join(name);
    npz::write(path("a.npz"), &[("frames", stack.clone())]).expect("written, or valid");
    npz::write(path("study.npz"), &[("diffraction", stack.clone())]).expect("written, or valid");
    npy::write(path("a.npy"), &stack).expect("written, or valid");
    hdf5::write(path("a.h5"), |file| file.array("place", &stack).map(|_| ()))
        .expect("written, or valid");
    let bytes: Vec<u8> = counts().iter().flat_map(|count| count.to_be_bytes()).collect();
    std::fs::write(path("a.raw"), &bytes).expect("written, or valid");
    let flat = stack.reshape(vec![6, 8, 5]).expect("written, or valid");
    npz::write(path("flat.npz"), &[("frames", flat)]).expect("written, or valid");
    let with = |more: &[(&'static str, Given)]| [six_numbers(), more.to_vec()].concat();
    let shape = ("scan_shape", Given::Numbers(vec![2.0, 3.0]));
    let raw = ("raw", Given::Word("dtype=uint16,frame=8x5,order=big".to_owned()));
    let counts = ("quantity", Given::Word("counts".to_owned()));
    vec![
        (path("a.npz"), with(&[])),
        (path("study.npz"), with(&[counts])),
        (path("a.npy"), with(&[])),
        (path("a.h5"), with(&[])),
        (path("a.raw"), with(&[raw, shape.clone()])),
        (path("flat.npz"), with(&[shape])),
    ]
}

#[test]
fn six_numbers_are_enough_in_every_container() {
    let folder = tempfile::tempdir().unwrap();
    for (path, given) in everywhere(folder.path()) {
        let (data, understood) = read(&path, &given).unwrap();
        let name = path.display();
        assert_eq!(understood.scan_shape, Some((2, 3)), "{name}");
        let expected = Array3::from_shape_vec((6, 8, 5), counts().into_iter().collect()).unwrap();
        assert_eq!(data.counts().unwrap(), expected.mapv(f32::from), "{name}");
        let (y, x) = understood.pixel_size_m.unwrap();
        assert!((y - 1e-9).abs() < 1e-20 && (x - 2e-9).abs() < 1e-20, "{name}: {y} {x}");
        for (at, (y, x)) in
            [(-1.0, -3.0), (-1.0, 0.0), (-1.0, 3.0), (1.0, -3.0), (1.0, 0.0), (1.0, 3.0)]
                .into_iter()
                .enumerate()
        {
            let found = data.scan[at];
            assert!((found.y - y).abs() < 1e-9 && (found.x - x).abs() < 1e-9, "{name}: {found:?}");
        }
        let optics = data.optics.unwrap();
        assert!((optics.lens.wavelength - 1.968_75e-12).abs() < 1e-16);
    }
}

#[test]
fn rotation_exchange_and_snake_are_those_of_the_documents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    npz::write(&path, &[("frames", Array::from(&counts()))]).unwrap();
    let mut given = six_numbers();
    given.push(("scan_snake", Given::Flag(true)));
    given.push(("coordinate_order", Given::Word("column-row".to_owned())));
    given.push(("scan_rotation_deg", Given::Number(90.0)));
    let (data, _) = read(&path, &given).unwrap();
    // Pattern 3 is the last of the second row, (1, 3); exchanged (3, 1); turned (-1, 3). In pixels
    // of 1 nm x 2 nm the raster is (2, 3) apart, and the exchange takes pixels, not metres.
    let Position { y, x } = data.scan[3];
    assert!((y + 1.0).abs() < 1e-9 && (x - 3.0).abs() < 1e-9, "{y} {x}");
}

#[test]
fn pixels_that_are_no_squares_leave_the_scan_a_rigid_figure() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    npy::write(&path, &Array::from(&counts())).expect("written");
    // Row i, column j lie at (2 i, 6 j) nm, or exchanged at (6 j, 2 i); then turned, y to x.
    let place = |index: usize, exchanged: bool, degrees: f64| {
        let (y, x) = (2.0 * (index / 3) as f64, 6.0 * (index % 3) as f64);
        let (y, x) = if exchanged { (x, y) } else { (y, x) };
        let (sin, cos) = degrees.to_radians().sin_cos();
        (y * cos - x * sin, y * sin + x * cos)
    };
    let csv = folder.path().join("places.csv");
    let rows = (0..6).map(|index| place(index, false, 0.0)).map(|(y, x)| format!("{y},{x}\n"));
    std::fs::write(&csv, rows.collect::<String>()).expect("written");
    for (order, degrees) in
        [("row-column", 30.0), ("column-row", 0.0), ("column-row", -75.0), ("row-column", 90.0)]
    {
        let mut given = six_numbers();
        given.push(("coordinate_order", Given::Word(order.to_owned())));
        given.push(("scan_rotation_deg", Given::Number(degrees)));
        let mut listed: Vec<_> =
            given.iter().filter(|(name, _)| *name != "scan_step_m").cloned().collect();
        listed.push(("positions", Given::Path(csv.clone())));
        listed.push(("position_unit", Given::Word("nm".to_owned())));
        for given in [given, listed] {
            let (dataset, understood) = read(&path, &given).expect("read");
            // 1 nm along y, 2 nm along x.
            let (py, px) = understood.pixel_size_m.expect("known");
            assert!((py * 1e9 - 1.0).abs() < 1e-9 && (px * 1e9 - 2.0).abs() < 1e-9);
            let origin = dataset.scan[0];
            for (index, at) in dataset.scan.iter().enumerate() {
                let (y, x) = ((at.y - origin.y) * py * 1e9, (at.x - origin.x) * px * 1e9);
                let expected = place(index, order == "column-row", degrees);
                let off = (y - expected.0).abs().max((x - expected.1).abs());
                assert!(off < 1e-9, "{order} {degrees}: {index} at {y} {x}, not {expected:?}");
            }
        }
    }
}

#[test]
fn what_is_missing_or_wrong_is_told_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    npz::write(&path, &[("frames", Array::from(&counts()))]).unwrap();
    let keys = |given: &[(&str, Given)]| -> Vec<String> {
        problems(&path, given).into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(&[]), ["scan_step_m", "pixel_size_m"]);
    let shape = ("scan_shape", Given::Numbers(vec![2.0, 4.0]));
    let wrong = problems(&path, &[six_numbers(), vec![shape]].concat());
    assert_eq!(wrong, [("scan_shape".to_owned(), "2 x 4 = 8".to_owned())]);
    let frames = ("leave_out_frames", Given::Word("4-6".to_owned()));
    let wrong = problems(&path, &[six_numbers(), vec![frames]].concat());
    assert_eq!(wrong, [("leave_out_frames".to_owned(), "6".to_owned())]);
    let nowhere = ("leave_out", Given::Words(vec!["nosuch".to_owned()]));
    let wrong = problems(&path, &[six_numbers(), vec![nowhere]].concat());
    assert_eq!(wrong, [("leave_out".to_owned(), "nosuch".to_owned())]);
    // Optics without scales, and scales that contradict each other.
    let angle = ("semi_angle_mrad", Given::Number(1.0));
    let pixel = ("pixel_size_m", Given::Number(1e-9));
    let step = ("scan_step_m", Given::Number(1e-9));
    let wrong = problems(&path, &[angle, pixel, step]);
    assert_eq!(wrong, [("probe".to_owned(), "no wavelength".to_owned())]);
    let both = [six_numbers(), vec![("energy_kev", Given::Number(8.0))]].concat();
    assert_eq!(problems(&path, &both)[0].1, "energy_kev and voltage_kv");
}

#[test]
fn options_that_a_file_has_no_use_for_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let stack = Array::from(&counts()).reshape(vec![6, 8, 5]).unwrap();
    let places = Array::from(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    npz::write(&path, &[("diffraction", stack), ("xcoords", places.clone()), ("ycoords", places)])
        .unwrap();
    for (name, value) in [
        ("scan_step_m", Given::Number(1e-9)),
        ("scan_snake", Given::Flag(true)),
        ("scan_shape", Given::Numbers(vec![2.0, 3.0])),
        ("leave_out", Given::Words(vec!["probeGuess".to_owned()])),
        ("position_unit", Given::Word("mm".to_owned())),
        ("phi12_deg", Given::Number(3.0)),
        ("mask_good_is", Given::Word("1".to_owned())),
        ("slice_spacing", Given::Number(1e-6)),
        ("slice_fresnel_number", Given::Number(0.1)),
        ("distance_m", Given::Number(2.0)),
        ("detector_pixel_size_m", Given::Number(1e-5)),
        ("mrad_per_pixel", Given::Number(0.5)),
    ] {
        let refused = problems(&path, &[(name, value)]);
        assert!(refused.iter().any(|(key, _)| key == name), "{name}: {refused:?}");
    }
    let nowhere = Given::Path(folder.path().join("nowhere.npz"));
    assert!(matches!(read(&path, &[("companion", nowhere)]), Err(Error::Io { .. })));
    // These are used: the pixel appears, the probe comes from the second file, the positions turn.
    let probe = folder.path().join("probe.npz");
    let modes = Array::from(&Array2::from_elem((8, 5), Complex32::ONE));
    npz::write(&probe, &[("probeGuess", modes)]).unwrap();
    let (data, understood) = read(
        &path,
        &[
            ("companion", Given::Path(probe)),
            ("pixel_size_m", Given::Number(1e-8)),
            ("scan_rotation_deg", Given::Number(-45.0)),
        ],
    )
    .unwrap();
    assert_eq!(understood.pixel_size_m, Some((1e-8, 1e-8)));
    assert_eq!(data.probe.unwrap().dim(), (1, 8, 5));
    assert!((data.scan[5].x - 2.5).abs() < 1e-9, "{:?}", data.scan[5]);
}

#[test]
fn frames_window_and_dark_level_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    npz::write(&path, &[("frames", Array::from(&counts()))]).unwrap();
    let given = [
        six_numbers(),
        vec![
            ("dark_level", Given::Number(3.0)),
            ("counts_per_quantum", Given::Number(2.0)),
            ("detector_window", Given::Numbers(vec![4.0, 4.0])),
            ("detector_centre", Given::Numbers(vec![3.0, 2.0])),
            ("binning", Given::Number(2.0)),
            ("leave_out_frames", Given::Numbers(vec![1.0])),
        ],
    ]
    .concat();
    let (data, understood) = read(&path, &given).unwrap();
    assert_eq!((data.n_patterns(), data.pattern_shape()), (5, (2, 2)));
    assert_eq!((understood.scan_shape, data.mask.is_none()), (None, true));
    // Rows 1 and 2, columns 0 and 1 of pattern 2, each less 3 and halved, at most zero.
    let expected: f64 = [12.0, 112.0, 22.0, 122.0].iter().map(|v| (v - 3.0) / 2.0).sum();
    let found = f64::from(data.counts().unwrap()[(1, 0, 0)]);
    assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    // Half the window sees half as fine: 8 pixels of 1 nm became 4 of 2 nm.
    let (y, _) = understood.pixel_size_m.unwrap();
    assert!((y - 2e-9).abs() < 1e-18, "{y}");
    assert!((data.scan[2].y - data.scan[1].y - 1.0).abs() < 1e-6, "{:?}", data.scan);
}

#[test]
fn coordinates_may_have_an_array_each_and_axes_of_length_one_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("five.npz");
    let stack = Array::from(&counts()).reshape(vec![2, 3, 1, 8, 5]).unwrap();
    let (y, x) = (vec![0.0, 0.0, 0.0, 2e-9, 2e-9, 2e-9], vec![0.0, 4e-9, 8e-9, 0.0, 4e-9, 8e-9]);
    let of = |values: &[f64]| Array::from(values.to_vec());
    npz::write(
        &path,
        &[("frames", stack), ("posY", of(&y)), ("posX", of(&x)), ("few", of(&y[1..]))],
    )
    .unwrap();
    let given = |names: &str| {
        [
            ("positions", Given::Word(format!("{}::{names}", path.display()))),
            ("position_unit", Given::Word("nm".to_owned())),
            ("pixel_size_m", Given::Number(1e-18)),
        ]
    };
    let (dataset, _) = read(&path, &given("posY,posX")).unwrap();
    assert_eq!(dataset.diffraction.dim(), (6, 8, 5));
    assert_eq!((dataset.scan[5].y, dataset.scan[5].x), (2.0, 8.0));
    for (names, part) in [("posY", "FILE::Y,X"), ("posY,few", "shapes [6] and [5]")] {
        let found = problems(&path, &given(names));
        assert!(
            found.iter().any(|(key, found)| key == "positions" && found.contains(part)),
            "{found:?}"
        );
    }
}

#[test]
fn options_that_others_make_useless_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    npy::write(&path, &Array::from(&counts())).unwrap();
    let keys = |more: Vec<(&'static str, Given)>| -> Vec<String> {
        problems(&path, &[six_numbers(), more].concat()).into_iter().map(|(key, _)| key).collect()
    };
    let number = |name, value| vec![(name, Given::Number(value))];
    assert_eq!(keys(number("zone_plate_diameter_m", 1e-4)), ["zone_plate_diameter_m"]);
    assert_eq!(keys(number("detector_pixel_size_m", 1e-5)), ["detector"]);
    assert_eq!(keys(number("distance_m", 1.0)), ["detector"]);
    // Positions of a file leave nothing for a raster to say.
    let places = folder.path().join("places.csv");
    std::fs::write(&places, (0..6).map(|i| format!("{i},{}\n", i % 3)).collect::<String>())
        .unwrap();
    let given = |name, value| {
        let mut given = vec![
            ("positions", Given::Path(places.clone())),
            ("inv_angstrom_per_pixel", Given::Number(0.1)),
        ];
        given.push((name, value));
        given
    };
    read(&path, &given("scan_rotation_deg", Given::Number(3.0))).unwrap();
    for (name, value) in [("scan_step_m", Given::Number(1e-9)), ("scan_snake", Given::Flag(true))] {
        assert_eq!(problems(&path, &given(name, value))[0].0, name);
    }
    let flat = folder.path().join("flat.npy");
    npy::write(&flat, &Array::from(&counts()).reshape(vec![6, 8, 5]).unwrap()).unwrap();
    let shape = given("scan_shape", Given::Numbers(vec![2.0, 3.0]));
    assert_eq!(problems(&flat, &shape)[0].0, "scan_shape");
}

#[test]
fn frames_that_are_no_part_of_the_raster_are_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.raw");
    // Six patterns of the raster, and two of the way back.
    let back = [7_u16; 80];
    let bytes: Vec<u8> =
        counts().iter().chain(&back).flat_map(|count| count.to_le_bytes()).collect();
    std::fs::write(&path, bytes).unwrap();
    let with = |more: &[(&'static str, Given)]| {
        let raw = ("raw", Given::Word("dtype=uint16,frame=8x5".to_owned()));
        let shape = ("scan_shape", Given::Numbers(vec![2.0, 3.0]));
        [six_numbers(), vec![raw, shape], more.to_vec()].concat()
    };
    let refused = read(&path, &with(&[])).unwrap_err().to_string();
    assert!(refused.contains("--frames") && refused.contains("2 x 3 = 6"), "{refused}");
    let frames = |name, text: &str| vec![(name, Given::Word(text.to_owned()))];
    let mut found = Vec::new();
    for more in [
        frames("frames", "0-5"),
        frames("leave_out_frames", "6,7"),
        vec![("common", Given::Flag(true))],
    ] {
        let (data, understood) = read(&path, &with(&more)).unwrap();
        assert_eq!((data.n_patterns(), understood.scan_shape), (6, Some((2, 3))), "{more:?}");
        assert_eq!(data.counts().unwrap()[(5, 7, 4)], 475.0);
        found.push(data.scan);
    }
    let lead = frames("frames", "2-7");
    found.push(read(&path, &with(&lead)).unwrap().0.scan);
    for scan in &found {
        assert!((scan[0].y + 1.0).abs() < 1e-9 && (scan[5].x - 3.0).abs() < 1e-9, "{scan:?}");
    }
    // A scan that was broken off has the first places of its raster.
    let broken = [
        with(&[("common", Given::Flag(true))]),
        vec![("scan_shape", Given::Numbers(vec![4.0, 3.0]))],
    ]
    .concat();
    let (data, understood) = read(&path, &broken).unwrap();
    assert_eq!((data.n_patterns(), understood.scan_shape), (8, None));
    assert!((data.scan[7].y - data.scan[0].y - 4.0).abs() < 1e-9, "{:?}", data.scan);
}

#[test]
fn bytes_the_other_way_round_and_levels_above_all_numbers_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.raw");
    let few = counts().mapv(|count| count % 13);
    let with = |form: &str, more: &[(&'static str, Given)]| {
        let form = Given::Word(format!("dtype=uint16,frame=8x5,order={form}"));
        let shape = ("scan_shape", Given::Numbers(vec![2.0, 3.0]));
        let given = [six_numbers(), vec![("raw", form), shape], more.to_vec()].concat();
        let (_, understood) = read(&path, &given).unwrap();
        understood.remarks
    };
    let is_order = |remarks: &[Remark]| remarks.iter().any(|r| r.what == What::ByteOrder);
    let swapped = |bytes: fn(u16) -> [u8; 2]| {
        std::fs::write(&path, few.iter().flat_map(|&count| bytes(count)).collect::<Vec<_>>())
            .unwrap();
        [with("little", &[]), with("big", &[])].map(|remarks| is_order(&remarks))
    };
    assert_eq!(swapped(u16::to_be_bytes), [true, false]);
    assert_eq!(swapped(u16::to_le_bytes), [false, true]);
    let dark = with("little", &[("dark_level", Given::Number(1e9))]);
    assert!(dark.iter().any(|remark| remark.advice.contains("--dark-level")), "{dark:?}");
}

#[test]
fn optics_that_do_not_fit_the_window_are_remarked_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    npy::write(&path, &Array::from(&counts())).unwrap();
    let with = |more: &[(&'static str, Given)]| {
        let narrow = vec![("semi_angle_mrad", Given::Number(0.4))];
        let (_, understood) =
            read(&path, &[six_numbers(), narrow, more.to_vec()].concat()).unwrap();
        let told: Vec<String> = (understood.remarks.iter())
            .filter(|remark| remark.what == What::Probe)
            .map(ToString::to_string)
            .collect();
        told.join("\n")
    };
    assert_eq!(with(&[]), "");
    assert!(with(&[("defocus_m", Given::Number(10.0))]).contains("--defocus-m"));
    assert!(with(&[("semi_angle_mrad", Given::Number(500.0))]).contains("beyond the detector"));
}

#[test]
fn an_array_of_a_file_is_named_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let flat = Array::from(&counts()).reshape(vec![6, 8, 5]).unwrap();
    let places = Array::from((0..12).map(f64::from).collect::<Vec<_>>());
    let places = places.reshape(vec![6, 2]).unwrap();
    hdf5::write(&path, |file| {
        file.array("entry/frames", &flat)?;
        file.array("entry/where", &places).map(|_| ())
    })
    .unwrap();
    // Nobody says which are the patterns: what they may be is told.
    let told = read(&path, &[]).unwrap_err().to_string();
    for part in ["--patterns entry/frames", "a.h5::entry/where", "--position-unit"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let positions = Given::Word(format!("{}::entry/where", path.display()));
    for name in ["entry/frames", "/entry/frames"] {
        let named = PathBuf::from(format!("{}::{name}", path.display()));
        let (data, _) = read(&named, &[("positions", positions.clone())]).unwrap();
        assert_eq!((data.n_patterns(), data.scan[5].x), (6, 11.0));
    }
    let nowhere = PathBuf::from(format!("{}::entry/nosuch", path.display()));
    assert!(read(&nowhere, &[]).unwrap_err().to_string().contains("entry/nosuch"));
    // So it is for archives and hierarchies of Zarr.
    let archive = folder.path().join("a.npz");
    npz::write(&archive, &[("frames", flat), ("where", places)]).unwrap();
    assert!(read(&archive, &[]).unwrap_err().to_string().contains("--patterns frames"));
}

#[test]
fn images_have_the_pixels_that_are_summed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("near.npz");
    let side = 8;
    let near = Dataset {
        diffraction: Array3::from_elem((4, side, side), 3.0).into(),
        scan: (0..4).map(|k| Position { y: 6.0 * f64::from(k), x: 10.0 }).collect(),
        probe: Some(lapwing_model::Modes::from_elem((1, side, side), Complex32::new(0.0, 2.0))),
        geometry: Some(lapwing_files::options::Geometry::NearField),
        ..Dataset::default()
    };
    near.write(&path).expect("written, or valid");
    let beam = [
        ("energy_kev", Given::Number(10.0)),
        ("distance_m", Given::Number(0.5)),
        ("detector_pixel_size_m", Given::Number(1e-6)),
    ];
    let with = |more: &[(&'static str, Given)]| [beam.to_vec(), more.to_vec()].concat();
    let pixel = |given: &[(&str, Given)]| {
        let (dataset, understood) = read(&path, given).expect("it can be read");
        (dataset, understood.pixel_size_m.expect("pitch of the detector"))
    };
    assert_eq!(pixel(&beam).1, (1e-6, 1e-6));
    // A smaller part of an image has the same pixels.
    let (cut, size) = pixel(&with(&[("detector_window", Given::Numbers(vec![4.0, 4.0]))]));
    assert_eq!((size, cut.scan[3].y, cut.pattern_shape()), ((1e-6, 1e-6), 18.0, (4, 4)));
    let (binned, size) = pixel(&with(&[("binning", Given::Number(2.0))]));
    assert_eq!((size, binned.scan[3].y, binned.scan[0].x), ((2e-6, 2e-6), 9.0, 5.0));
    assert_eq!((binned.pattern_shape(), binned.diffraction[(0, 1, 1)]), ((4, 4), 6.0));
    // As much light as before.
    let probe = binned.probe.expect("it stays");
    assert!(probe.iter().all(|value| (value - Complex32::new(0.0, 4.0)).norm() < 1e-6));
}

#[test]
fn a_raster_of_which_no_turn_is_known_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, given) = everywhere(folder.path()).swap_remove(0);
    let says = |more: &[(&'static str, Given)]| {
        let (_, understood) = read(&path, &[&given[..], more].concat()).expect("it can be read");
        understood.notes.iter().any(|note| note.contains("--calibrate finds it"))
    };
    assert!(says(&[]));
    assert!(!says(&[("scan_rotation_deg", Given::Number(0.0))]));
    assert!(!says(&[("flip_y", Given::Flag(true))]));
}
