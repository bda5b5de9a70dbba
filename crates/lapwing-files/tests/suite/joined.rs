//! Several scans of one object, read as one.

use std::path::{Path, PathBuf};

use lapwing_files::npy::{Array, Values};
use lapwing_files::options::{CoordinateOrder, Geometry, Moves};
use lapwing_files::remarks::What;
use lapwing_files::{Dataset, Mask, ReadOptions, Storage, dialect, limit, metadata};
use lapwing_model::forward::Physics;
use lapwing_model::{Complex32, Modes, Position};
use ndarray::Array3;

/// A scan of `n` patterns whose amplitudes count up from `first`, of counts where `scale` is.
fn scan(n: usize, first: f32, scale: Option<f64>) -> Dataset {
    let value = |(k, y, x)| first + (k * 12 + y * 4 + x) as f32;
    let amplitude = Array3::from_shape_fn((n, 3, 4), value);
    let mut metadata = lapwing_files::Metadata::default();
    if let Some(scale) = scale {
        metadata::set_physics_parameter(&mut metadata, "intensity_scale", scale);
    }
    Dataset {
        diffraction: amplitude.into(),
        scan: (0..n).map(|k| Position { y: k as f64, x: f64::from(first) }).collect(),
        probe: Some(Modes::from_elem((2, 3, 4), Complex32::new(first + 1.0, 0.0))),
        metadata: Some(metadata),
        ..Dataset::default()
    }
}

fn written(folder: &Path, name: &str, dataset: &Dataset) -> PathBuf {
    let path = folder.join(name);
    dataset.write(&path).expect("it is valid");
    path
}

fn joined(path: &Path, others: &[&PathBuf], storage: &Storage) -> Result<Dataset, String> {
    let join = others.iter().map(|path| (*path).clone()).collect();
    let options = ReadOptions { join, ..ReadOptions::default() };
    let read = dialect::read_into(path, &options, storage);
    read.map(|(dataset, _)| dataset).map_err(|error| error.to_string())
}

#[test]
fn scans_stand_one_behind_the_other_in_the_first_ones_unit() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let a = written(place, "a.npz", &scan(3, 0.0, Some(2.0)));
    let b = written(place, "b.npz", &scan(2, 5.0, Some(1.0)));
    let c = written(place, "c.npz", &scan(4, 7.0, Some(2.0)));
    for storage in [Storage::Memory, Storage::Scratch(place.to_owned())] {
        let all = joined(&a, &[&b, &c], &storage).unwrap();
        assert_eq!((all.n_patterns(), all.diffraction.storage()), (9, storage.clone()));
        // Counts are (s amplitude)^2.
        let counts = all.counts().unwrap();
        assert_eq!((counts[(1, 0, 1)], counts[(3, 0, 1)], counts[(5, 0, 1)]), (676.0, 36.0, 256.0));
        assert_eq!(
            (all.scan[3], all.scan[8]),
            (Position { y: 0.0, x: 5.0 }, Position { y: 3.0, x: 7.0 })
        );
        let scans = all.scans.clone().unwrap();
        assert_eq!((&scans.of[..], scans.count()), (&[0, 0, 0, 1, 1, 2, 2, 2, 2][..], 3));
        // First modes, in the unit of the amplitudes.
        let probes = scans.probes.clone().unwrap();
        assert_eq!(probes.dim(), (3, 3, 4));
        let firsts: Vec<f32> = probes.outer_iter().map(|probe| probe[(1, 1)].re).collect();
        assert_eq!(firsts, [1.0, 3.0, 8.0]);
        let mean = metadata::nphotons(all.metadata.as_ref().unwrap()).unwrap();
        assert!((mean - all.mean_intensity()).abs() < 1e-9 * mean);

        // Scans stay known on the way out and back, and in a part.
        let back = written(place, "all.npz", &all);
        let back = joined(&back, &[], &storage).unwrap();
        assert_eq!((&back.scans, back.extras.len()), (&all.scans, 0));
        let part = back.select(&[8, 3, 0]).unwrap().scans.unwrap();
        assert_eq!((&part.of[..], part.count()), (&[2, 1, 0][..], 3));
    }
}

/// Where a pattern is decides whether it is taken, in whichever file it is.
#[test]
fn a_region_is_the_same_part_of_the_object_in_every_scan() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let moved = |n: usize, first: f32, by: f64| {
        let mut moved = scan(n, first, None);
        moved.scan.iter_mut().for_each(|at| *at = Position { y: at.y + by, x: 2.0 });
        written(place, &format!("{first}.npz"), &moved)
    };
    // Rows 10 to 15, and 13 to 19 as a stage counts them.
    let (a, b) = (moved(6, 0.0, 10.0), moved(7, 1.0, 13.0));
    let read = |region: &str, join: &[&PathBuf]| {
        let join = join.iter().map(|path| (*path).clone()).collect();
        let mut options = ReadOptions { join, ..ReadOptions::default() };
        options.experiment.patterns.region = Some(region.parse().unwrap());
        let read = dialect::read_into(&a, &options, &Storage::Memory);
        read.map(|(dataset, _)| dataset).map_err(|error| error.to_string())
    };
    let both = read("2:4,:", &[&b]).unwrap();
    let rows: Vec<f64> = both.scan.iter().map(|at| at.y).collect();
    assert_eq!(rows, [12.0, 13.0, 14.0, 13.0, 14.0]);
    assert_eq!(both.scans.unwrap().of, [0, 0, 0, 1, 1]);
    // Each file of its own counts from its own first row.
    assert_eq!(read("2:4,:", &[]).unwrap().n_patterns(), 3);
    let none = read("0:1,:", &[&b]).unwrap_err();
    assert!(none.contains("1.npz") && none.contains("rows 3.0 to 9.0"), "{none}");
}

#[test]
fn masks_of_scans_that_differ_are_one_for_each_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let mask = |bad: usize| {
        let good = (0..12).map(|pixel| pixel != bad).collect();
        Some(Mask::new(Array::new(vec![3, 4], Values::Bool(good)).unwrap(), 2, (3, 4)).unwrap())
    };
    let a = written(place, "a.npz", &Dataset { mask: mask(1), ..scan(2, 0.0, Some(1.0)) });
    let b = written(place, "b.npz", &Dataset { mask: mask(1), ..scan(2, 1.0, Some(1.0)) });
    let c = written(place, "c.npz", &Dataset { mask: mask(6), ..scan(2, 2.0, Some(1.0)) });
    let d = written(place, "d.npz", &scan(2, 3.0, Some(1.0)));
    let mask =
        |others: &[&PathBuf], storage: &Storage| joined(&a, others, storage).unwrap().mask.unwrap();
    assert_eq!(mask(&[&b], &Storage::Memory).good().dim(), (1, 3, 4));
    let each = mask(&[&b, &c, &d], &Storage::Memory);
    let in_file = mask(&[&b, &c, &d], &Storage::Scratch(place.to_owned()));
    assert!(each == in_file && !in_file.in_memory());
    let each = each.good();
    assert_eq!(each.dim(), (8, 3, 4));
    let bad: Vec<(usize, usize, usize)> =
        each.indexed_iter().filter(|(_, good)| !**good).map(|(at, _)| at).collect();
    assert_eq!(bad, [(0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1), (4, 1, 2), (5, 1, 2)]);
}

#[test]
fn each_scan_is_looked_at_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    // Counts of some hundreds, and of a hundredth of that; in each one pattern is dark.
    let exposed = |light: f32, dark: usize| {
        let amplitude = Array3::from_shape_fn((30, 6, 6), |(k, y, x)| {
            let count = light * (1 + (k * 5 + y * 3 + x * 7) % 11) as f32;
            if k == dark { 0.0 } else { count.round().sqrt() }
        });
        let mut metadata = lapwing_files::Metadata::default();
        metadata::set_physics_parameter(&mut metadata, "intensity_scale", 1.0);
        Dataset {
            diffraction: amplitude.into(),
            scan: (0..30).map(|k| Position { y: f64::from(k * k % 17), x: f64::from(k) }).collect(),
            metadata: Some(metadata),
            ..Dataset::default()
        }
    };
    let a = written(place, "a.npz", &exposed(100.0, 4));
    let b = written(place, "b.npz", &exposed(1.0, 7));
    let options = ReadOptions { join: vec![b], ..ReadOptions::default() };
    let (_, understood) = dialect::read(&a, &options).unwrap();
    let lost: Vec<_> = understood
        .remarks
        .iter()
        .filter(|remark| remark.what == What::LostPatterns)
        .map(|remark| (&remark.patterns[..], remark.certain, &remark.evidence[..7]))
        .collect();
    assert_eq!(lost, [(&[4][..], true, "scan 0:"), (&[37][..], true, "scan 1:")]);
    let of = |what: What| understood.remarks.iter().any(|remark| remark.what == what);
    assert!(!of(What::RepeatedPositions) && !of(What::WeakPatterns) && !of(What::BrightPatterns));
}

#[test]
fn scans_of_another_kind_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let a = written(place, "a.npz", &scan(3, 0.0, Some(2.0)));
    let told = |other: &PathBuf| joined(&a, &[other], &Storage::Memory).unwrap_err();
    let larger = Dataset {
        diffraction: Array3::from_elem((3, 5, 5), 1.0).into(),
        probe: None,
        ..scan(3, 0.0, Some(2.0))
    };
    let shape = told(&written(place, "shape.npz", &larger));
    assert!(shape.contains("shape.npz") && shape.contains("3 x 4"), "{shape}");
    let unit = told(&written(place, "unit.npz", &scan(3, 0.37, None)));
    assert!(unit.contains("unit.npz") && unit.contains("intensities in any unit"), "{unit}");
    let pixel = |name: &str, size: f64| {
        let mut scan = scan(3, 0.0, Some(2.0));
        let metadata = scan.metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "pixel_size_m", size);
        written(place, name, &scan)
    };
    let (fine, coarse) = (pixel("fine.npz", 1e-9), pixel("coarse.npz", 2e-9));
    let pixels = joined(&fine, &[&coarse], &Storage::Memory).unwrap_err();
    assert!(pixels.contains("coarse.npz") && pixels.contains("1.0000e-9 x"), "{pixels}");
    let absent = told(&place.join("absent.npz"));
    assert!(absent.contains("absent.npz"), "{absent}");

    // Numbers of scans that are none.
    let numbered = |numbers: Vec<i64>| {
        let numbers = Array::new(vec![numbers.len()], Values::I64(numbers)).unwrap();
        let extras = vec![("scan_number".to_owned(), numbers)];
        let path = written(place, "numbered.npz", &Dataset { extras, ..scan(3, 0.0, None) });
        joined(&path, &[], &Storage::Memory)
    };
    assert_eq!(numbered(vec![1, 0, 1]).unwrap().scans.unwrap().of, [1, 0, 1]);
    for wrong in [vec![0, -1, 0], vec![0, 1], vec![0, 1 << 40, 0]] {
        let error = numbered(wrong).unwrap_err();
        assert!(error.contains("scan_number"), "{error}");
    }
}

#[test]
fn each_scan_has_the_limit_of_its_own_detector() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |first: f32, limit: Option<f64>| {
        let mut scan = scan(2, first, Some(1.0));
        if let (Some(limit), Some(own)) = (limit, &mut scan.metadata) {
            let apparatus = serde_json::json!({ "apparatus": { "saturation": limit } });
            metadata::append_transformation(own, "lapwing", "simulate", apparatus);
        }
        scan
    };
    let stated = |dataset: &Dataset| limit::stated(dataset.metadata.as_ref().unwrap());
    // Amplitudes count up to 23 and to 24, whose squares stop at 529 and 576.
    let a = written(folder.path(), "a.npz", &limited(0.0, Some(529.0)));
    let like = written(folder.path(), "like.npz", &limited(0.0, Some(529.0)));
    let both = joined(&a, &[&like], &Storage::Memory).unwrap();
    assert_eq!((stated(&both), both.mask.is_some()), (Some(529.0), false));
    for (name, other, masked) in
        [("other.npz", Some(576.0), 2), ("none.npz", None, 1), ("high.npz", Some(1e4), 1)]
    {
        let b = written(folder.path(), name, &limited(1.0, other));
        for (first, second) in [(&a, &b), (&b, &a)] {
            let both = joined(first, &[second], &Storage::Memory).unwrap();
            assert_eq!(stated(&both), None, "{name}");
            let bad = both.mask.as_ref().unwrap();
            assert_eq!(bad.good().iter().filter(|&&good| !good).count(), masked, "{name}");
        }
    }
}

#[test]
fn a_scan_that_comes_about_otherwise_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let flown = |name: &str, along: f64, blur: f64| {
        let mut scan = scan(2, 0.0, Some(1.0));
        let motion = Physics::fly((0.0, along));
        let physics = Physics { motion, blur, ..Physics::default() };
        lapwing_files::physics::record(scan.metadata.as_mut().unwrap(), &physics);
        written(folder.path(), name, &scan)
    };
    let a = flown("a.npz", 1.0, 0.0);
    // To and fro is the same path.
    joined(&a, &[&flown("back.npz", -1.0, 0.0)], &Storage::Memory).unwrap();
    let told = joined(&a, &[&flown("b.npz", 1.0, 0.5)], &Storage::Memory).unwrap_err();
    for part in [
        "expected patterns that come about as those of the first scan (the probe moves along \
         (0.00, 1.00) px, (y, x), in 2 steps; what is said",
        "found the probe moves along (0.00, 1.00) px, (y, x), in 2 steps; the detector blurs by 0.5",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let still = written(folder.path(), "still.npz", &scan(2, 0.0, Some(1.0)));
    let told = joined(&a, &[&still], &Storage::Memory).unwrap_err();
    assert!(told.contains("found a far field of a thin object, the probe at rest"), "{told}");
}

#[test]
fn near_fields_that_tell_what_moves_and_that_do_not_are_joined_by_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let near = |name: &str, moves: Option<&str>| {
        let mut scan = Dataset { geometry: Some(Geometry::NearField), ..scan(2, 0.0, Some(1.0)) };
        let own = scan.metadata.as_mut().unwrap();
        metadata::set_physics_parameter(own, "fresnel_number", 0.5);
        match moves {
            Some(moves) => metadata::set_physics_parameter(own, "moves", moves),
            // One that was simulated before this was told.
            None => metadata::append_transformation(own, "lapwing", "simulate", Default::default()),
        }
        written(folder.path(), name, &scan)
    };
    let (earlier, new) = (near("earlier.npz", None), near("new.npz", Some("specimen")));
    for (first, second) in [(&earlier, &new), (&new, &earlier)] {
        let told = joined(first, &[second], &Storage::Memory).unwrap_err();
        let parts = ["--moves specimen", "--moves probe", "probe moves", "specimen moves"];
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        // What the message says to type is a way on.
        for moves in [Moves::Specimen, Moves::Probe] {
            let mut options = ReadOptions { join: vec![second.clone()], ..ReadOptions::default() };
            options.physics.moves = Some(moves);
            let all = dialect::read(first, &options).unwrap().0;
            assert_eq!((all.n_patterns(), all.physics().unwrap().moves), (4, moves.into()));
        }
    }
    // Said or not, a file that tells the same is joined as it is.
    joined(&earlier, &[&near("probe.npz", Some("probe"))], &Storage::Memory).unwrap();
}

/// Scans joined and turned at once lie to each other as those of their file do, turned later; both
/// as the formula has it.
#[test]
fn scans_turn_about_one_point() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let at = |name: &str, n: usize, (y, x): (f64, f64)| {
        let mut scan = scan(n, 0.0, None);
        let positions = scan.scan.iter_mut().enumerate();
        positions.for_each(|(k, at)| {
            *at = Position { y: y + (k % 3) as f64 * 2.0, x: x + (k / 3) as f64 * 3.0 };
        });
        written(place, name, &scan)
    };
    let (a, b) = (at("a.npz", 9, (70.0, 50.0)), at("b.npz", 6, (95.0, 120.0)));
    let all = joined(&a, &[&b], &Storage::Memory).unwrap();
    let (told, all) = (all.scan.clone(), written(place, "all.npz", &all));
    for exchanged in [false, true] {
        let options = |region: Option<&str>| {
            let mut options = ReadOptions { flip_x: exchanged, ..ReadOptions::default() };
            if exchanged {
                options.coordinate_order = Some(CoordinateOrder::ColumnRow);
            }
            options.pixel_size = Some(1e-8);
            options.experiment.scan.rotation_deg = Some(12.0);
            options.experiment.patterns.region = region.map(|region| region.parse().unwrap());
            options
        };
        let read = |path: &PathBuf, options: &ReadOptions| {
            dialect::read(path, options).map(|(dataset, _)| dataset).unwrap()
        };
        let both = |region| ReadOptions { join: vec![b.clone()], ..options(region) };
        let (sin, cos) = 12_f64.to_radians().sin_cos();
        let (at_once, later) = (read(&a, &both(None)), read(&all, &options(None)));
        for (index, told_at) in told.iter().enumerate() {
            let (y, x) = match exchanged {
                false => (told_at.y - told[0].y, told_at.x - told[0].x),
                true => (told_at.x - told[0].x, told[0].y - told_at.y),
            };
            let (y, x) = (y * cos - x * sin, y * sin + x * cos);
            for scan in [&at_once.scan, &later.scan] {
                let from = scan[0];
                let off = (scan[index].y - from.y - y).hypot(scan[index].x - from.x - x);
                assert!(off < 1e-9, "{index}: {off}");
            }
        }
        // A scan alone turns about its own middle, and joined is where it is alone.
        assert_eq!(read(&a, &options(None)).scan, at_once.scan[..9]);
        let region = Some(if exchanged { "2:90,-30:3" } else { "1:60,:" });
        let (at_once, later) = (read(&a, &both(region)), read(&all, &options(region)));
        let taken = |scan: &Dataset| scan.scans.clone().unwrap().of;
        assert_eq!(taken(&at_once), taken(&later), "{exchanged}");
        assert!((3..14).contains(&at_once.n_patterns()), "{}", at_once.n_patterns());
        assert_eq!(at_once.diffraction.values(), later.diffraction.values());
    }
}
