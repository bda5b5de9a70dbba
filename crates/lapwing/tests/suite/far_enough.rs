//! A detector near enough for Fresnel's integral, and so far that its pattern is a far field under
//! a curved illumination: Fresnel numbers below 1/N, which `--geometry near-field` refuses.

use crate::common::Bench;
use lapwing_files::npy::Array;
use lapwing_files::{Archive, ReadOptions, Reconstruction, dataset, npz};
use lapwing_model::{Complex32, Field};
use ndarray::{Array2, Array3, Axis, Ix2, s};
use num_complex::Complex64;
use std::f64::consts::PI;

/// Pixels of a pattern's side.
const N: usize = 32;
/// Side of an object pixel, and the wavelength of 8 keV, metres.
const PIXEL: f64 = 20e-9;
const WAVELENGTH: f64 = 1.549_803e-10;
/// 1/N over the Fresnel number of an object pixel.
const BELOW: f64 = 4.0;

/// exp(i `phase`).
fn turned(phase: f64) -> Complex64 {
    Complex64::from_polar(1.0, phase)
}

/// From a wave at the N pixels of a window to N pixels of this `pitch` at a `distance`, metres,
/// along one axis: the angular spectrum of a wave in a field so wide that none comes around, as a
/// sum over all its frequencies.
fn angular_spectrum(distance: f64, pitch: f64) -> Array2<Complex64> {
    let wide = 2 * (N as f64 * BELOW) as i64;
    let centred = |index: usize| index as f64 - (N / 2) as f64;
    Array2::from_shape_fn((N, N), |(to, from)| {
        let way = centred(to) * pitch - centred(from) * PIXEL;
        let sum: Complex64 = (-wide / 2..wide / 2)
            .map(|index| {
                let frequency = index as f64 / (wide as f64 * PIXEL);
                turned(2.0 * PI * frequency * way - PI * WAVELENGTH * distance * frequency.powi(2))
            })
            .sum();
        sum / wide as f64
    })
}

#[test]
fn a_fresnel_number_below_one_over_n_is_a_far_field_of_a_curved_probe() {
    let bench = Bench::new();
    bench.ok(
        "simulate --specimen cells --pattern-size 32 --probe-diameter 16 --step 4 --field-of-view \
         40x40 --dose 20000 --seed 3 --output base.npz",
    );
    let (base, _) = dataset::read(bench.path("base.npz"), &ReadOptions::default()).unwrap();
    let archive = Archive::open(bench.path("base.npz")).unwrap();
    let object: Field = archive.read("objectGuess").unwrap().into_complex32_array::<Ix2>().unwrap();
    let probe = base.probe.unwrap().index_axis_move(Axis(0), 0);

    let number = 1.0 / (BELOW * N as f64);
    let distance = PIXEL * PIXEL / (WAVELENGTH * number);
    // What a far field of this many pixels of the object has; the detector's light falls on it.
    let pitch = WAVELENGTH * distance / (N as f64 * PIXEL);
    let there = angular_spectrum(distance, pitch);
    let at: Vec<[usize; 2]> =
        base.scan.iter().map(|at| [at.y, at.x].map(|centre| centre.round() as usize)).collect();
    let mut patterns = Array3::<f32>::zeros((at.len(), N, N));
    for (&[y, x], mut pattern) in at.iter().zip(patterns.outer_iter_mut()) {
        let [top, left] = [y, x].map(|centre| centre - N / 2);
        let patch = object.slice(s![top..top + N, left..left + N]);
        let exit = (&patch * &probe).mapv(|v| Complex64::new(v.re.into(), v.im.into()));
        let wave = there.dot(&exit).dot(&there.t());
        pattern.assign(&wave.mapv(|value| value.norm_sqr() as f32));
    }
    let column = |axis: usize| Array::from(at.iter().map(|at| at[axis] as f64).collect::<Vec<_>>());
    let arrays = [
        ("diffraction", Array::from(&patterns)),
        ("objectGuess", Array::from(&object)),
        ("probeGuess", Array::from(&probe)),
        ("ycoords", column(0)),
        ("xcoords", column(1)),
    ];
    npz::write(bench.path("near.npz"), &arrays).unwrap();

    let solve = format!(
        "reconstruct --input near.npz --quantity intensity --algorithm LSQML --num-epochs 300 \
         --probe-start file --compare --energy-kev 8 --distance-m {distance} \
         --detector-pixel-size-m {pitch}"
    );
    let near = format!("{solve} --geometry near-field --fresnel-number {number} --output-dir near");
    bench.fails(&near, &["too small", "geometry far-field"]);
    let found = bench.json(&format!("{solve} --geometry far-field --output-dir far"));
    let error = found["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap();
    // 0.007 after 300 epochs; the start probe, which is flat where this one is curved, has 1.
    assert!(error < 0.015, "{error}");
    // The probe is the one that was there, times Fresnel's quadratic phase.
    let made = Reconstruction::read(bench.path("far/reconstruction.npz")).unwrap();
    let made = made.probe.unwrap().index_axis_move(Axis(0), 0);
    let likeness = |curvature: f64| {
        let power = |field: &Field| field.iter().map(Complex32::norm_sqr).sum::<f32>();
        let sum: Complex64 = made
            .indexed_iter()
            .map(|((y, x), &value)| {
                let [y2, x2] = [y, x].map(|at| (at as f64 - (N / 2) as f64).powi(2));
                let both = value * probe[(y, x)].conj();
                Complex64::new(both.re.into(), both.im.into()) * turned(-curvature * (y2 + x2))
            })
            .sum();
        sum.norm() / f64::from(power(&made) * power(&probe)).sqrt()
    };
    assert!(likeness(PI * number) > 0.999, "{}", likeness(PI * number));
    assert!(likeness(0.0) < 0.9, "{}", likeness(0.0));
}
