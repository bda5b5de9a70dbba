//! Alignment where it is hard: noise, sharp specimens, few illuminated pixels.

use crate::common::{Gauge, assert_near, noise, specimen};
use lapwing_compare::{Region, compare};
use lapwing_model::{Complex32, Field, Position};
use ndarray::{Array2, Array3};

/// A weak-phase star of 24 spokes: constant amplitude, sharp edges, phase 0 or 0.3.
fn star(side: usize) -> Field {
    let centre = side as f64 / 2.0 + 0.3;
    Field::from_shape_fn((side, side), |(y, x)| {
        let angle = (y as f64 - centre).atan2(x as f64 - centre);
        let spoke = (12.0 * angle).sin() / 0.3;
        Complex32::from_polar(1.0, 0.15 * spoke.tanh() as f32)
    })
}

fn noisy(field: &Field, level: f64, seed: u64) -> Field {
    let mut index = 0;
    field.mapv(|value| {
        index += 2;
        let part = |i: u64| (level * noise(seed, index + i) * 12_f64.sqrt()) as f32;
        value + Complex32::new(part(0), part(1))
    })
}

#[test]
fn white_noise_does_not_lead_the_search_astray() {
    let region = Region::rectangle(20..140, 22..140).unwrap();
    for (name, truth) in [("texture", specimen((160, 160), 6)), ("star", star(160))] {
        for (trial, level) in [0.05, 0.1, 0.2, 0.4].into_iter().enumerate() {
            let seed = 40 + trial as u64;
            let part = |index| 10.0 * noise(seed, index);
            let gauge = Gauge {
                shift: [part(0), part(1)],
                ramp: [part(2) * 0.01, part(3) * 0.01],
                scale: 30.0,
                phase: part(4),
            };
            let found = compare(
                noisy(&gauge.applied(&truth), 30.0 * level, seed).view(),
                truth.view(),
                &region,
            );
            let found = found.unwrap().alignment;
            assert!(found.converged, "{name} {level}: {found:?}");
            for axis in 0..2 {
                assert_near(
                    found.shift[axis],
                    gauge.shift[axis],
                    0.5 * level,
                    &format!("{name} {level}: shift"),
                );
                assert_near(
                    found.ramp[axis],
                    gauge.ramp[axis],
                    0.01 * level,
                    &format!("{name} {level}: ramp"),
                );
            }
        }
    }
}

#[test]
fn a_sparse_scan_is_compared_on_its_discs_only() {
    let truth = specimen((200, 200), 8);
    let scan: Vec<Position> = (0..16)
        .map(|i| Position { y: 40.0 + 40.0 * (i / 4) as f64, x: 40.0 + 40.0 * (i % 4) as f64 })
        .collect();
    let probe = Array3::from_shape_fn((1, 48, 48), |(_, y, x)| {
        let radius = (y as f64 - 24.0).hypot(x as f64 - 24.0);
        Complex32::new(if radius < 18.0 { 1.0 } else { 0.0 }, 0.0)
    });
    let region = Region::from_scan((200, 200), &scan, probe.view()).unwrap();
    let share = region.seen() as f64 / region.mask().len() as f64;
    assert!((0.4..0.8).contains(&share), "{share}");
    // What no disc reached is garbage in the reconstruction.
    let gauge = Gauge { shift: [1.4, -2.3], ramp: [0.02, -0.01], scale: 5.0, phase: 2.0 };
    let mut reconstruction = gauge.applied(&truth);
    for ((y, x), value) in reconstruction.indexed_iter_mut() {
        // The illumination moves with the object.
        let near = scan.iter().any(|p| {
            (y as f64 - p.y - gauge.shift[0]).hypot(x as f64 - p.x - gauge.shift[1]) < 22.0
        });
        if !near {
            *value = Complex32::new(noise(1, (y * 200 + x) as u64) as f32 * 20.0, 7.0);
        }
    }
    let found = compare(reconstruction.view(), truth.view(), &region).unwrap();
    for axis in 0..2 {
        assert_near(found.alignment.shift[axis], gauge.shift[axis], 0.02, "shift");
    }
    assert!(found.metrics.complex_nrmse < 0.03, "{:?}", found.metrics);
    assert!(found.metrics.phase_ssim.unwrap() > 0.99);
}

#[test]
fn works_at_the_corner_of_the_array() {
    // The region touches the border: nothing beyond it exists to interpolate from.
    let large = specimen((140, 140), 12);
    let cut = |field: &Field| field.slice(ndarray::s![20..120, 20..120]).to_owned();
    let gauge = Gauge { shift: [0.4, 2.3], ramp: [0.01, 0.0], scale: 2.0, phase: 0.0 };
    let region = Region::rectangle(0..100, 0..100).unwrap();
    let found = compare(cut(&gauge.applied(&large)).view(), cut(&large).view(), &region).unwrap();
    assert_near(found.alignment.shift[0], 0.4, 0.05, "shift y");
    assert_near(found.alignment.shift[1], 2.3, 0.05, "shift x");
    assert!(found.metrics.complex_correlation > 0.98, "{:?}", found.metrics);
}

#[test]
fn small_and_odd_regions_are_compared() {
    let truth = specimen((60, 61), 2);
    for (height, width) in [(16, 16), (16, 53), (37, 19)] {
        let region =
            Region::new(3..3 + height, 2..2 + width, Array2::from_elem((height, width), true))
                .unwrap();
        let found = compare(noisy(&truth, 0.05, 4).view(), truth.view(), &region).unwrap();
        assert!(found.metrics.named().iter().all(|(_, value)| value.is_none_or(f64::is_finite)));
        assert!(found.metrics.phase_ssim.is_some() && found.metrics.complex_correlation > 0.95);
        assert_eq!(found.frc.complex.frequency.len(), height.min(width) / 2);
    }
}
