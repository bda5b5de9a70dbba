use super::*;

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
