use super::*;
use lapwing_model::Position;

#[test]
fn the_twin_is_told_by_light_then_by_skewness_and_else_left_open() {
    const ELECTRONS: Option<f64> = Some(2e-12);
    const LIGHT: Option<f64> = Some(1e-10);
    let patterns = ndarray::Array3::<f32>::ones((1, 4, 4));
    let with = |skewness: f64, scattered: f64, missing: f64| Orientation {
        sign: Sign { skewness, scattered, missing, chance: 0.1 },
        ..unknown(patterns.view()).unwrap()
    };
    for (found, wavelength, decided, taken) in [
        (with(-0.9, 0.6, -0.4), ELECTRONS, "scattered light", true),
        (with(2.0, -0.6, 0.0), ELECTRONS, "scattered light", false),
        (with(-0.9, 0.6, 0.8), LIGHT, "missing light", false),
        (with(-0.9, 0.6, 0.5), LIGHT, "nothing", true),
        (with(2.0, 0.2, 0.0), ELECTRONS, "skewness", true),
        (with(2.0, 0.2, 0.0), LIGHT, "nothing", true),
        (with(-1.2, 0.29, 0.2), ELECTRONS, "nothing", true),
        (with(2.0, 0.6, 0.6), None, "nothing", true),
    ] {
        let (one, (by, why)) = chosen(found.clone(), wavelength);
        let same = one.best.rotation_deg == found.best.rotation_deg;
        assert_eq!((by, same), (decided, taken), "{why}");
        assert_eq!(by == "nothing", why.contains("may be the wrong one"), "{why}");
    }
}

/// The keys that are written make of the file what the calibration makes of its data set.
#[test]
fn keys_say_what_is_applied_where_pixels_are_no_squares() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sides) in [("told.npz", Some((7.5e-9, 1e-8))), ("untold.npz", None)] {
        let path = folder.path().join(name);
        let mut metadata = lapwing_files::Metadata::default();
        let mut state = |key: &str, value: f64| {
            lapwing_files::metadata::set_physics_parameter(&mut metadata, key, value);
        };
        if let Some((y, x)) = sides {
            state("pixel_size_y_m", y);
            state("pixel_size_x_m", x);
        }
        let at = |k: usize| Position { y: 40.0 + 3.0 * (k % 4) as f64, x: 30.0 + 5.0 * k as f64 };
        let dataset = Dataset {
            diffraction: ndarray::Array3::<f32>::ones((9, 64, 48)).into(),
            scan: (0..9).map(at).collect(),
            metadata: Some(metadata),
            ..Dataset::default()
        };
        dataset.write(&path).unwrap();
        for (said, transposed, degrees) in
            [((false, 0.0), true, 20.0), ((false, 0.0), true, 0.0), ((true, -7.0), true, 30.0)]
        {
            let options = |(exchanged, degrees): (bool, f64)| {
                let order =
                    if exchanged { CoordinateOrder::ColumnRow } else { CoordinateOrder::RowColumn };
                let mut options =
                    ReadOptions { coordinate_order: Some(order), ..ReadOptions::default() };
                options.experiment.scan.rotation_deg = Some(degrees);
                options
            };
            let (mut read, _) = lapwing_files::dialect::read(&path, &options(said)).unwrap();
            let mut found = unknown(read.intensities().unwrap().view()).unwrap();
            found.best = Candidate { transposed, rotation_deg: degrees, ..found.best };
            let found = Calibration::of(&read, found, ("nothing", String::new()), None);
            let keys = found.keys(&options(said));
            let value =
                |key: &str| keys.iter().find(|(_, name, _)| *name == key).unwrap().2.clone();
            let written =
                (value("coordinate_order").contains("column-row"), value("rotation_deg").parse());
            let written = options((written.0, written.1.unwrap()));
            let (again, _) = lapwing_files::dialect::read(&path, &written).unwrap();
            found.apply(&mut read);
            for (index, (one, other)) in read.scan.iter().zip(&again.scan).enumerate() {
                let off = (one.y - read.scan[0].y - other.y + again.scan[0].y)
                    .hypot(one.x - read.scan[0].x - other.x + again.scan[0].x);
                assert!(off < 1e-9, "{name} {said:?} {transposed} {degrees}: {index} {off} px off");
            }
        }
    }
}
