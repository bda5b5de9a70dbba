//! Truth and reconstructions side by side.

use super::Entry;
use lapwing_draw::field::ranges_beside;
use lapwing_draw::range::robust_range;
use lapwing_draw::{Colormap, Painter, Panel};

/// Longest side of a picture before it is laid into its panel.
const SIDE: usize = 560;

/// Rows: the truth, then each reconstruction; columns: amplitude, phase, error. All on the truth's
/// own ranges.
fn panels(entries: &[Entry], pixel_size: Option<f64>) -> Vec<Panel> {
    let Some(first) = entries.first() else { return Vec::new() };
    let painter = Painter::default().mask(first.found.mask.view()).max_side(SIDE);
    let truth = first.found.truth.view();
    let ranges = ranges_beside(truth, Some(first.found.mask.view()));
    let [amplitudes, phases] = ranges.map(|range| painter.range(range));
    let largest = |entry: &Entry| {
        robust_range(entry.found.error.iter().copied()).map_or(0.0, |(_, high)| high)
    };
    let errors = painter
        .map(Colormap::Error)
        .range((0.0, entries.iter().map(largest).fold(f32::MIN_POSITIVE, f32::max)));
    let scaled = |panel: Panel| match pixel_size {
        Some(metres) => panel.pixel_size(metres),
        None => panel,
    };
    let mut panels = vec![
        scaled(Panel::new("truth: amplitude", amplitudes.amplitude(truth))),
        Panel::new("truth: phase", phases.phase(truth)).unit("rad"),
        Panel::empty(),
    ];
    for (index, entry) in entries.iter().enumerate() {
        let aligned = entry.found.aligned.view();
        let name = match entries.len() {
            1 => String::new(),
            _ => format!("[{}] ", index + 1),
        };
        panels.push(scaled(Panel::new(format!("{name}amplitude"), amplitudes.amplitude(aligned))));
        panels.push(Panel::new(format!("{name}phase"), phases.phase(aligned)).unit("rad"));
        panels.push(Panel::new(format!("{name}error"), errors.scalar(entry.found.error.view())));
    }
    panels
}

/// The PNG.
pub fn figure(entries: &[Entry], pixel_size: Option<f64>) -> Vec<u8> {
    lapwing_draw::figure(&panels(entries, pixel_size), 3)
}
