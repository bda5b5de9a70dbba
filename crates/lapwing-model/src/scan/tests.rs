use super::*;
use crate::{ForwardModel, Position, Window};

#[test]
fn raster_is_centred_regular_and_complete() {
    let scan = generate(ScanKind::Raster, 10.0, (25.0, 40.0), 0).unwrap();
    assert_eq!(scan.len(), 3 * 5);
    assert_eq!(scan[0], Position { y: 2.5, x: 0.0 });
    assert_eq!(scan[1], Position { y: 2.5, x: 10.0 });
    assert_eq!(scan[14], Position { y: 22.5, x: 40.0 });
    assert_eq!(generate(ScanKind::Raster, 0.1, (0.3, 0.0), 0).unwrap().len(), 4);
    assert_eq!(
        generate(ScanKind::Raster, 10.0, (0.0, 0.0), 0).unwrap(),
        [Position { y: 0.0, x: 0.0 }]
    );
}

#[test]
fn every_kind_stays_in_the_field_and_has_the_density_of_the_step() {
    for kind in ScanKind::ALL {
        for (step, field) in [(7.0, (300.0, 210.0)), (3.3, (100.0, 400.0))] {
            let scan = generate(kind, step, field, 5).unwrap();
            assert!(
                scan.iter()
                    .all(|p| (0.0..=field.0).contains(&p.y) && (0.0..=field.1).contains(&p.x))
            );
            // A raster has up to (a + 1)(b + 1) positions where the density alone gives a b.
            let density = field.0 * field.1 / (step * step);
            let ratio = scan.len() as f64 / density;
            assert!((0.95..1.1).contains(&ratio), "{kind}: {ratio}");
        }
    }
}

#[test]
fn fermat_neighbours_are_about_a_step_apart() {
    let scan = generate(ScanKind::Fermat, 6.0, (120.0, 120.0), 0).unwrap();
    for (index, p) in scan.iter().enumerate() {
        let others = scan.iter().enumerate().filter(|(other, _)| *other != index);
        let nearest = others.map(|(_, q)| p.distance(*q)).fold(f64::INFINITY, f64::min);
        assert!((0.8 * 6.0..1.25 * 6.0).contains(&nearest), "{nearest}");
    }
}

#[test]
fn jitter_is_seeded_bounded_and_fills_its_range() {
    let make = |seed| generate(ScanKind::Jittered, 8.0, (160.0, 160.0), seed).unwrap();
    assert_eq!(make(3), make(3));
    assert_ne!(make(3), make(4));
    // The border of 2 px leaves 156 px: 19 steps, the grid centred.
    let scan = make(3);
    assert_eq!(scan.len(), 20 * 20);
    let offsets: Vec<f64> =
        scan.iter().enumerate().map(|(i, p)| p.y - (4.0 + 8.0 * (i / 20) as f64)).collect();
    let (low, high) = offsets.iter().fold((0.0_f64, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
    assert!((-2.0..-1.9).contains(&low) && (1.9..=2.0).contains(&high), "{low} {high}");
}

#[test]
fn overlap_is_linear_in_the_diameter() {
    assert!((Spacing::Overlap(0.7).step(128.0).unwrap() - 38.4).abs() < 1e-12);
    assert!((Spacing::Overlap(0.2).step(128.0).unwrap() - 102.4).abs() < 1e-12);
    assert_eq!(Spacing::Step(5.0).step(128.0), Ok(5.0));
    assert_eq!(Spacing::Overlap(1.0).step(128.0), Err(ScanError::Overlap(1.0)));
    assert!(Spacing::Overlap(f64::NAN).step(128.0).is_err());
    assert_eq!(Spacing::Overlap(0.5).step(0.0), Err(ScanError::Step(0.0)));
}

#[test]
fn nonsense_is_refused_and_names_parse_back() {
    assert!(generate(ScanKind::Raster, 0.0, (10.0, 10.0), 0).is_err());
    assert!(generate(ScanKind::Raster, f64::NAN, (10.0, 10.0), 0).is_err());
    assert!(generate(ScanKind::Fermat, 1.0, (-1.0, 10.0), 0).is_err());
    let error = generate(ScanKind::Fermat, 1e-3, (1e3, 1e3), 0).unwrap_err();
    assert!(error.to_string().contains("larger step"));
    for (step, field) in [(1e3, (1e6, 1e6)), (1e17, (1e18, 1e18)), (1e299, (1e300, 0.0))] {
        let error = generate(ScanKind::Jittered, step, field, 0).unwrap_err();
        assert_eq!(error, ScanError::FieldTooLarge(field.0, field.1));
        assert!(error.to_string().contains("whatever the step"));
    }
    for kind in ScanKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("spiral".parse::<ScanKind>().unwrap_err().contains("raster, jittered or fermat"));
}

#[test]
fn a_spiral_that_is_nearly_all_outside_the_field_is_refused() {
    // 8e5 positions inside, pi / 4 (200000^2 + 4^2) = 3.1e10 on the way to the corners.
    let error = generate(ScanKind::Fermat, 1.0, (200_000.0, 4.0), 0).unwrap_err();
    let ScanError::LongSpiral(passed) = error else { panic!("{error}") };
    assert!((passed / 3.141_592_66e10 - 1.0).abs() < 1e-6, "{passed}");
    assert!(generate(ScanKind::Raster, 1.0, (200_000.0, 4.0), 0).is_ok());
    // Narrow, but within reason.
    let scan = generate(ScanKind::Fermat, 2.0, (2000.0, 20.0), 0).unwrap();
    assert!((scan.len() as f64 / 10_000.0 - 1.0).abs() < 0.1, "{}", scan.len());
}

#[test]
fn objects_too_large_to_hold_are_not_fitted() {
    let corners = |side: f64| [Position { y: 0.0, x: 0.0 }, Position { y: side, x: side }];
    let largest = 32_768.0 - 16.0;
    assert_eq!(fit(&corners(largest), (16, 16), 0).unwrap().shape, (32_768, 32_768));
    assert_eq!(fit(&corners(largest + 1.0), (16, 16), 0), None);
    assert_eq!(fit(&corners(1e18), (16, 16), 0), None);
    assert_eq!(fit(&corners(0.0), (usize::MAX, 1), 0), None);
}

#[test]
fn the_fitted_object_holds_every_window_with_the_margin_and_not_a_pixel_more() {
    for window in [(16, 16), (9, 12)] {
        let scan = generate(ScanKind::Fermat, 3.7, (61.3, 44.9), 0).unwrap();
        let placement = fit(&scan, window, 3).unwrap();
        let placed = placement.place(&scan);
        let windows: Vec<Window> = placed.iter().map(|p| Window::of(*p, window)).collect();
        let extremes =
            |values: Vec<isize>| (values.iter().min().copied(), values.iter().max().copied());
        let (top, bottom) = extremes(windows.iter().map(|w| w.row).collect());
        let (left, right) = extremes(windows.iter().map(|w| w.column).collect());
        assert_eq!((top, left), (Some(3), Some(3)));
        assert_eq!(bottom.unwrap() as usize + window.0 + 3, placement.shape.0);
        assert_eq!(right.unwrap() as usize + window.1 + 3, placement.shape.1);
        for (before, after) in scan.iter().zip(&placed) {
            assert!(ForwardModel::new(window).window(*after, placement.shape).is_ok());
            let moved = after.y - before.y - placement.offset.0 as f64;
            assert!(moved.abs() < 1e-12);
        }
    }
    assert_eq!(fit(&[], (4, 4), 0), None);
    assert_eq!(fit(&[Position { y: f64::NAN, x: 0.0 }], (4, 4), 0), None);
}
