use super::*;

#[test]
fn patches_are_what_the_forward_model_sees_and_metadata_of_the_base_stay() {
    let object =
        lapwing_model::Field::from_shape_fn((9, 8), |(y, x)| Complex32::new(y as f32, x as f32));
    let told = json!({"physics_parameters": {"pixel_size_m": 1e-8, "nphotons": 7},
        "mine": 1, "split": {"part": "train"}, "reference": "x",
        "data_transformations": [{"operation": "before"}]});
    let sample = |own| Sample {
        object: object.clone().into(),
        probe: Modes::from_elem((1, 4, 4), Complex32::new(1.0, 0.0)),
        scan: vec![Position { y: 2.0, x: 2.0 }, Position { y: 4.3, x: 3.8 }],
        physics: Physics::default(),
        apparatus: Apparatus::default(),
        metadata: kept_of_base(Some(object_of(told.clone())), own),
    };
    let patches = sample(true).patches(1);
    assert_eq!(patches[(0, 3, 1)], Complex32::new(3.0, 1.0));
    assert_eq!(patches[(1, 0, 0)], Complex32::new(2.0, 2.0));
    let kept = sample(true).expose(100, 1).unwrap().metadata.unwrap();
    assert_eq!((&kept["mine"], &kept["split"]["part"]), (&json!(1), &json!("train")));
    assert_eq!(kept["physics_parameters"]["pixel_size_m"], 1e-8);
    assert_eq!(kept["physics_parameters"]["nphotons"], 100);
    assert_eq!(kept["data_transformations"].as_array().unwrap().len(), 2);
    assert!(!kept.contains_key("reference"));
    let other = sample(false).expose(100, 1).unwrap().metadata.unwrap();
    assert!(!other.contains_key("split") && other["mine"] == 1);
}

#[test]
fn one_fresnel_number_needs_square_pixels_of_a_base_as_well() {
    let base = |pixel: Value| Base {
        object: Object::thin(lapwing_model::Field::from_elem((40, 40), Complex32::ONE)),
        probe: Modes::from_elem((1, 16, 16), Complex32::ONE),
        scan: Some(vec![Position { y: 20.0, x: 20.0 }]),
        metadata: Some(object_of(json!({ PHYSICS: pixel }))),
        notes: Vec::new(),
    };
    let oblong = || json!({ "pixel_size_y_m": 2e-8, "pixel_size_x_m": 1e-8 });
    let near = PhysicsOptions { fresnel_number: Some(0.3), ..PhysicsOptions::default() };
    let blurred = PhysicsOptions { detector_blur: Some(0.5), ..PhysicsOptions::default() };
    let made = |pixel: Value, physics: PhysicsOptions, units: Option<Metadata>| {
        Sample::on_base(base(pixel), None, None, &Said { physics, units })
    };
    let refused = made(oblong(), near, None);
    assert_eq!(refused, Err(UnknownPhysics::Pixels(2e-8, 1e-8)));
    assert!(made(oblong(), blurred, None).is_ok());
    assert!(made(json!({ "pixel_size_m": 1e-8 }), near, None).is_ok());
    // Where the pixels are said to be square, the base's own physics is of these.
    let square = || Some(object_of(json!({ PHYSICS: { "pixel_size_m": 1e-8 } })));
    assert!(made(oblong(), near, square()).is_ok());
    let mut of_base = oblong();
    of_base["geometry"] = json!("near-field");
    of_base["fresnel_number"] = json!(0.3);
    let plain = PhysicsOptions::default();
    assert!(made(of_base.clone(), plain, None).is_err());
    assert!(made(of_base, plain, square()).is_ok());
}

/// What a stage that turns did to the scan is undone by saying so, under any patterns.
#[test]
fn a_simulation_that_is_turned_is_read_as_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let positions: Vec<Position> = (0..12)
        .map(|k| Position { y: 7.0 * f64::from(k / 4), x: 9.0 * f64::from(k % 4) })
        .collect();
    let pixels = json!({ "pixel_size_y_m": 2e-8, "pixel_size_x_m": 1e-8 });
    for (name, window, pixels) in [
        ("oblong.npz", (32, 20), None),
        ("square.npz", (24, 24), None),
        ("pixels.npz", (24, 24), Some(pixels)),
    ] {
        let placement = place::on_new_object(&positions, window).unwrap();
        let probe = Modes::from_elem((1, window.0, window.1), Complex32::ONE);
        let scan = (positions.as_slice(), &placement);
        let specimen = Specimen::ALL[0];
        let made = Sample::on_new_object(specimen, probe, scan, &Said::default(), 1).unwrap();
        let apparatus = Apparatus { scan_rotation_deg: 5.0, ..Apparatus::default() };
        let path = folder.path().join(name);
        let metadata = pixels.map(|pixels| object_of(json!({ PHYSICS: pixels }))).or(made.metadata);
        let made = Sample { apparatus, metadata, ..made }.into_exposed(1000, 1, &Storage::Memory);
        made.unwrap().write(&path).unwrap();
        let cut = (16.0 / window.0 as f64, 20.0 / window.1 as f64);
        for (cut, finer) in [(None, (1.0, 1.0)), (Some((16, 20)), cut)] {
            let mut options = ReadOptions::default();
            options.experiment.detector.window = cut;
            options.experiment.scan.rotation_deg = Some(5.0);
            let (read, _) = lapwing_files::dialect::read(&path, &options).unwrap();
            let told = ReadOptions::default();
            let (told, _) = lapwing_files::dialect::read(&path, &told).unwrap();
            let places = TRUE_PLACES.map(|name| {
                let array = told.extras.iter().find(|(other, _)| other == name).unwrap();
                array.1.to_f64().unwrap()
            });
            let off = |index: usize| {
                let [y, x] = [0, 1].map(|axis| places[axis][index] - places[axis][0]);
                let (at, from) = (read.scan[index], read.scan[0]);
                (at.y - from.y - y * finer.0).hypot(at.x - from.x - x * finer.1)
            };
            let off = (0..12).map(off).fold(0.0, f64::max);
            assert!(off < 1e-9, "{name} {cut:?}: {off} px off");
        }
    }
}

/// A thick object without a gap is what it is where its number is said, and never its product
/// unless that is asked for.
#[test]
fn slices_of_a_base_are_not_dropped_without_a_word() {
    let base = |stated: Value| Base {
        object: Object::flat_slices(2, (40, 40)),
        probe: Modes::from_elem((1, 16, 16), Complex32::ONE),
        scan: Some(vec![Position { y: 20.0, x: 20.0 }]),
        metadata: Some(object_of(json!({ PHYSICS: stated }))),
        notes: Vec::new(),
    };
    let made = |stated: Value, slices: Option<usize>| {
        let physics = PhysicsOptions { slices, ..PhysicsOptions::default() };
        let sample = Sample::on_base(base(stated), None, None, &Said { physics, units: None });
        sample.map(|sample| sample.unwrap().object.n_slices())
    };
    for slices in [None, Some(2)] {
        assert_eq!(made(json!({}), slices), Err(UnknownPhysics::SliceGap));
    }
    assert_eq!((made(json!({}), Some(1)), made(json!({ "slices": 1 }), None)), (Ok(1), Ok(1)));
    let gap = json!({ "slices": 2, "slice_fresnel_number": 0.1 });
    assert_eq!((made(gap.clone(), None), made(gap, Some(1))), (Ok(2), Ok(1)));
}

#[test]
fn a_base_with_absurdly_many_patterns_is_refused() {
    let design = Design::default();
    assert!(check_size(10_404, design.study.pattern_size).is_ok());
    let error = check_size(10_000_000, 8192).unwrap_err().to_string();
    assert!(error.contains("base.file") && error.contains("10000000"), "{error}");
}
