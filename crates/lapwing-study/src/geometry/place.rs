//! Where a generated scan goes: on an object made for it, or in the middle of one that exists.

use lapwing_model::Position;
use lapwing_model::scan::{self, Placement};

/// Pixels between the outermost windows and the edge of an object made for a scan.
pub const MARGIN: usize = 2;

/// The smallest object that holds all windows of shape `window` = (height, width) around `scan`
/// with a margin of [`MARGIN`] pixels, and the scan's offset on it.
///
/// `None` for a scan without positions or with one that is not finite, and where the object would
/// have more than [`scan::MAX_AREA`] pixels.
pub fn on_new_object(scan: &[Position], window: (usize, usize)) -> Option<Placement> {
    scan::fit(scan, window, MARGIN)
}

/// Positions generated in a field of view `field` = (height, width), moved by whole pixels so that
/// the middle of the field lies, to half a pixel, on the middle of what window centres can reach on
/// an object of shape `object` with windows of shape `window`, all (y, x) in pixels.
///
/// A field that is no larger than this reach, object - window, keeps every window on the object.
pub fn in_the_middle(
    positions: &[Position],
    field: (f64, f64),
    window: (usize, usize),
    object: (usize, usize),
) -> Vec<Position> {
    let offset = |field: f64, window: usize, object: usize| {
        let reach = object as f64 - window as f64;
        (window / 2) as f64 + ((reach - field) / 2.0).round()
    };
    let (y, x) = (offset(field.0, window.0, object.0), offset(field.1, window.1, object.1));
    positions.iter().map(|p| Position { y: p.y + y, x: p.x + x }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::Window;

    #[test]
    fn a_field_within_reach_keeps_its_windows_on_the_object_and_lies_in_the_middle() {
        for object in 20..31 {
            for window in 5..15 {
                for tenths in 0..=10 * (object - window) {
                    let field = tenths as f64 / 10.0;
                    let ends = [0.0, field].map(|at| Position { y: at, x: at });
                    let placed =
                        in_the_middle(&ends, (field, field), (window, window), (object, object));
                    let case = format!("object {object}, window {window}, field {field}");
                    for end in &placed {
                        let on = Window::of(*end, (window, window));
                        assert!(on.fits((window, window), (object, object)), "{case}");
                    }
                    // Pixels left free before the first window and behind the last one.
                    let before = placed[0].y - (window / 2) as f64;
                    let behind = (object - window + window / 2) as f64 - placed[1].y;
                    assert!((before - behind).abs() <= 1.0 + 1e-9, "{case}: {before}, {behind}");
                }
            }
        }
    }

    #[test]
    fn an_object_made_for_a_scan_leaves_the_margin_on_all_sides() {
        let scan = [Position { y: 3.0, x: -5.0 }, Position { y: 10.0, x: 7.0 }];
        let placement = on_new_object(&scan, (8, 6)).unwrap();
        assert_eq!(placement.shape, (7 + 8 + 2 * MARGIN, 12 + 6 + 2 * MARGIN));
        assert_eq!(placement.place(&scan)[0], Position { y: 4.0 + 2.0, x: 3.0 + 2.0 });
        assert_eq!(on_new_object(&[], (8, 6)), None);
    }
}
