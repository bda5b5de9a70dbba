use super::*;

#[test]
fn what_is_recorded_takes_the_place_of_what_was_stated() {
    let slices = Some(Slices { count: 2, fresnel_number: 0.02 });
    let motion = Physics::fly((0.0, 4.0));
    let mut metadata = Metadata::new();
    let thick = Physics { motion, blur: 1.5, slices, ..Physics::default() };
    record(&mut metadata, &thick);
    metadata::set_physics_parameter(&mut metadata, "nphotons", 1e5);
    assert_eq!(of(None, Some(&metadata), (64, 64)).unwrap(), thick);
    record(&mut metadata, &Physics::default());
    assert_eq!(of(None, Some(&metadata), (64, 64)).unwrap(), Physics::default());
    assert_eq!(metadata["physics_parameters"], json!({ "nphotons": 1e5 }));
}

#[test]
fn a_cone_beam_has_an_effective_distance() {
    // 10 keV, 1 um pixels in the specimen, 10 um on the detector, 1 m: z / M = 0.1 m.
    let mut metadata = Metadata::new();
    let numbers = [
        ("wavelength_m", 1.24e-10),
        ("distance_m", 1.0),
        ("detector_pixel_size_y_m", 1e-5),
        ("detector_pixel_size_x_m", 1e-5),
    ];
    for (name, number) in numbers {
        metadata::set_physics_parameter(&mut metadata, name, number);
    }
    let near = Some(Geometry::NearField);
    let number = |metadata: &Metadata| match of(near, Some(metadata), (64, 64)).unwrap() {
        Physics { propagation: Propagation::NearField { fresnel_number }, .. } => fresnel_number,
        other => panic!("{other:?}"),
    };
    assert!((number(&metadata) / (1e-10 / 1.24e-10) - 1.0).abs() < 1e-12);
    metadata::set_physics_parameter(&mut metadata, "pixel_size_m", 1e-6);
    assert!((number(&metadata) / (1e-12 / (1.24e-10 * 0.1)) - 1.0).abs() < 1e-12);
    metadata::set_physics_parameter(&mut metadata, FRESNEL_NUMBER, 0.5);
    assert_eq!(number(&metadata), 0.5);
    assert_eq!(of(near, None, (64, 64)), Err(UnknownPhysics::FresnelNumber));
}

#[test]
fn what_is_recorded_comes_back() {
    let physics = Physics {
        propagation: Propagation::NearField { fresnel_number: 0.25 },
        motion: Physics::fly((0.5, -1.0)),
        blur: 0.7,
        slices: Some(Slices { count: 3, fresnel_number: 0.5 }),
        moves: lapwing_model::forward::Moves::Probe,
    };
    let mut metadata = Metadata::new();
    record(&mut metadata, &physics);
    let again = of(Some(Geometry::NearField), Some(&metadata), (16, 16));
    assert_eq!(again, Ok(physics));
    metadata::set_physics_parameter(&mut metadata, MOTION, "left");
    assert!(matches!(of(None, Some(&metadata), (16, 16)), Err(UnknownPhysics::Entry(MOTION, _))));
}

#[test]
fn what_moves_is_the_specimen_but_of_simulations_that_do_not_tell() {
    let near = Some(Geometry::NearField);
    let moves = |metadata: &Metadata| of(near, Some(metadata), (64, 64)).map(|of| of.moves);
    let mut measured = Metadata::new();
    metadata::set_physics_parameter(&mut measured, FRESNEL_NUMBER, 0.1);
    let mut simulated = measured.clone();
    let (tool, made) = (metadata::TOOL, metadata::SIMULATED);
    metadata::append_transformation(&mut simulated, tool, made, Value::Null);
    metadata::append_transformation(&mut simulated, tool, "thin", Value::Null);
    use lapwing_model::forward::Moves as Model;
    assert_eq!(moves(&measured), Ok(Model::Specimen));
    assert_eq!(moves(&simulated), Ok(Model::Probe));
    for (word, meant) in [("specimen", Model::Specimen), ("probe", Model::Probe)] {
        for metadata in [&mut measured, &mut simulated] {
            metadata::set_physics_parameter(metadata, MOVES, word);
            assert_eq!(moves(metadata), Ok(meant));
            // A far field has none of it.
            assert_eq!(of(None, Some(metadata), (64, 64)), Ok(Physics::default()));
        }
    }
    metadata::set_physics_parameter(&mut measured, MOVES, "stage");
    assert_eq!(moves(&measured), Err(UnknownPhysics::Entry(MOVES, "specimen or probe")));
    // What is said takes the place of what is stated.
    let said = PhysicsOptions { moves: Some(Moves::Specimen), ..PhysicsOptions::default() };
    let mut told = Some(simulated);
    tell(said, false, &mut near.clone(), &mut told, (&[], (64, 64)), &mut Vec::new()).unwrap();
    assert_eq!(moves(&told.unwrap()), Ok(Model::Specimen));
    // Where nobody can see it, that is said.
    let (mut none, mut notes) = (None, Vec::new());
    tell(said, false, &mut None, &mut none, (&[], (64, 64)), &mut notes).unwrap();
    assert!(none.is_none() && notes[0].contains("--fresnel-number"), "{notes:?}");
}

#[test]
fn a_far_field_keeps_nothing_of_a_near_one() {
    let mut stated = Metadata::new();
    metadata::set_physics_parameter(&mut stated, FRESNEL_NUMBER, 0.1);
    metadata::set_physics_parameter(&mut stated, MOVES, "probe");
    metadata::set_physics_parameter(&mut stated, BLUR, 0.5);
    let parameters = |geometry: Option<Geometry>| {
        let mut told = Some(stated.clone());
        let on = (&[][..], (16, 16));
        tell(PhysicsOptions::default(), false, &mut geometry.clone(), &mut told, on, &mut vec![])
            .unwrap();
        told.unwrap()["physics_parameters"].clone()
    };
    assert_eq!(parameters(Some(Geometry::FarField)), json!({ "detector_blur_px": 0.5 }));
    for geometry in [None, Some(Geometry::NearField)] {
        assert_eq!(parameters(geometry), stated["physics_parameters"]);
    }
}

#[test]
fn a_gap_in_metres_is_one_in_fresnel_numbers() {
    // 0.1 nm pixels, electrons of 300 kV (1.97 pm), 5 nm: 1e-20 / (1.97e-12 x 5e-9) = 1.015.
    let mut metadata = Metadata::new();
    let said =
        PhysicsOptions { slices: Some(4), slice_spacing: Some(5e-9), ..PhysicsOptions::default() };
    let applied = |said: PhysicsOptions, metadata: &Metadata| {
        said.applied(Physics::default(), &[], Some(metadata)).map(|physics| physics.slices)
    };
    let lacking = |metadata: &Metadata| match applied(said, metadata) {
        Err(UnknownPhysics::SliceUnits { spacing: 5e-9, missing }) => missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(lacking(&metadata), "wavelength and object pixel");
    let alone = PhysicsOptions { slices: Some(4), ..PhysicsOptions::default() };
    assert_eq!(applied(alone, &metadata), Err(UnknownPhysics::SliceGap));
    metadata::set_physics_parameter(&mut metadata, "pixel_size_m", 1e-10);
    assert_eq!(lacking(&metadata), "the wavelength");
    metadata::set_physics_parameter(&mut metadata, WAVELENGTH, 1.97e-12);
    metadata::set_physics_parameter(&mut metadata, "pixel_size_m", 1e-10);
    let Slices { count, fresnel_number } = applied(said, &metadata).unwrap().unwrap();
    assert!(count == 4 && (fresnel_number - 1.0152).abs() < 1e-3, "{fresnel_number}");
    // Told to a file, it is read from there, and what is said later takes its place.
    let mut told = Some(metadata);
    let on = (&[][..], (16, 16));
    tell(said, false, &mut None, &mut told, on, &mut Vec::new()).unwrap();
    let physics = of(None, told.as_ref(), (16, 16)).unwrap();
    assert_eq!(physics.slices, Some(Slices { count, fresnel_number }));
    let said = PhysicsOptions { slice_fresnel_number: Some(2.0), ..PhysicsOptions::default() };
    tell(said, false, &mut None, &mut told, on, &mut Vec::new()).unwrap();
    let physics = of(None, told.as_ref(), (16, 16)).unwrap();
    assert_eq!(physics.slices, Some(Slices { count, fresnel_number: 2.0 }));
    assert_eq!(applied(said, &Metadata::new()), Err(UnknownPhysics::SliceCount));
    let thin = PhysicsOptions { slices: Some(1), ..PhysicsOptions::default() };
    assert_eq!(thin.applied(physics, &[], None).unwrap().slices, None);
}
