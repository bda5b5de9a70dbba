//! Which pictures the page shows: the truth once for each split, and up to five for each finished
//! condition, and one for each slice of a thick object.

use crate::gather::{Row, Study};
use crate::media::{Place, Shot, Source};
use crate::scans::positions;
use lapwing_compare::Region;
use lapwing_draw::Painter;
use lapwing_draw::field::phase_range;
use lapwing_files::dialect::{Base, read_base};
use lapwing_model::{Field, position};
use lapwing_study::layout::data_file;
use lapwing_study::record::link;
use lapwing_study::{Condition, Split};
use ndarray::{Axis, s};

/// Longest side of a picture of the truth, of which the page shows smaller ones.
const LARGEST: usize = 1536;

/// Amplitude, phase, error, error map, probe and slices of a condition, as far as its files are
/// there.
pub(crate) fn of_row(study: &Study, row: &Row) -> Vec<Shot> {
    let Some(result) = row.result() else { return Vec::new() };
    let files = &result.files;
    let by = match study.solvers().len() {
        1 => String::new(),
        _ => format!(", {}", row.solver()),
    };
    let condition = format!(
        "{} photons per pattern, {} view, {} split{by}",
        row.condition.dose, row.condition.view, row.condition.split
    );
    let difference = match study.reference {
        Some(_) => "Modulus of the difference from the reference after alignment",
        None => "Modulus of the difference from the truth after alignment",
    };
    let wanted = [
        (&files.amplitude, "Amplitude", "", "Amplitude of the reconstruction"),
        (&files.phase, "Phase", "rad", "Phase of the reconstruction"),
        (&files.error, "Error", "", difference),
        (&files.phase_sd, "Phase, 1 sd", "rad", "Standard deviation of the phase"),
        (&files.probe, "Probe", "", "Reconstructed probe; hue is phase, brightness is amplitude"),
    ];
    let place = place_of(study, row);
    // Pictures that are compared with nothing show the reconstruction's own area.
    let any = files.phase_sd.is_some() || !files.slices.is_empty();
    let own = any.then(|| own_place(study, row)).flatten();
    // Where a picture cannot have every pixel, a page has.
    let there = |page: &&String| study.folder.result_dir(&row.case).join(page).is_file();
    let zoom = files.zoom.as_ref().filter(there);
    let shot = |(file, caption, unit, alt): (&Option<String>, &str, &'static str, &str)| {
        let file = file.as_ref()?;
        let path = study.folder.result_dir(&row.case).join(file);
        let alone = caption.starts_with("Phase") && caption != "Phase";
        let link = |file: &str| address(&link(&study.folder.relative_result_dir(&row.case), file));
        path.is_file().then(|| Shot {
            place: if alone { own } else { place },
            source: Source::File(path),
            caption: caption.to_owned(),
            alt: format!("{alt}: {condition}."),
            unit,
            main: matches!(caption, "Amplitude" | "Phase"),
            hues: caption == "Probe",
            pixel_size: study.pixel_size,
            link: match (&zoom, caption) {
                // The page opens with what its address names.
                (Some(page), "Amplitude" | "Phase") => {
                    format!("{}#{}", link(page), caption.to_lowercase())
                }
                _ => link(file),
            },
        })
    };
    let mut shots: Vec<Shot> = wanted.into_iter().filter_map(shot).collect();
    for (index, file) in files.slices.iter().enumerate() {
        let caption = of_slice(index);
        let alt = format!("{caption} of the reconstruction");
        shots.extend(shot((&Some(file.clone()), &caption, "rad", &alt)));
    }
    shots
}

/// What the phase of a slice of a thick object is called.
fn of_slice(index: usize) -> String {
    format!("Phase of slice {}", index + 1)
}

/// Where the pictures of an object lie on it: over the positions of the whole split where it was
/// compared, over its own where it was not.
fn place_of(study: &Study, row: &Row) -> Option<Place> {
    if row.comparison.is_some() {
        let Condition { dose, split, .. } = row.condition;
        let scan = positions(&data_file(&study.folder.data_root(), dose, split))?;
        let (rows, columns) = Region::window((usize::MAX, usize::MAX), &scan)?;
        return Some(Place::of(&rows, &columns));
    }
    own_place(study, row)
}

/// The area of the positions of the reconstruction itself.
fn own_place(study: &Study, row: &Row) -> Option<Place> {
    let result = row.result()?;
    let file = study.folder.result_dir(&row.case).join(result.files.reconstruction.as_ref()?);
    let (y0, y1, x0, x1) = position::bounding_box(&positions(&file)?)?;
    Some(Place::of(&within(y0, y1, usize::MAX), &within(x0, x1, usize::MAX)))
}

/// Truth, probe and positions of a split; `None` when there are none.
fn data_of(study: &Study, split: Split) -> Option<Base> {
    let mut doses =
        study.rows.iter().filter(|row| row.condition.split == split).map(|row| row.condition.dose);
    doses.find_map(|dose| read_base(data_file(&study.folder.data_root(), dose, split)).ok())
}

/// The true object over the area that reconstructions are compared on.
pub(crate) fn true_object(study: &Study, split: Split) -> Option<Field> {
    Some(placed_truth(study, split)?.object)
}

/// The true object over an area.
struct PlacedTruth {
    /// The product of its slices.
    object: Field,
    /// Each of several.
    slices: Vec<Field>,
    /// Where they lie on the whole.
    place: Place,
}

fn placed_truth(study: &Study, split: Split) -> Option<PlacedTruth> {
    let Base { object, scan, .. } = data_of(study, split)?;
    let ((height, width), scan) = (object.shape(), scan.unwrap_or_default());
    let whole = || (0..height, 0..width);
    let (rows, columns) = Region::window((height, width), &scan).unwrap_or_else(whole);
    let place = Place::of(&rows, &columns);
    let area = s![rows, columns];
    let slices = match object.n_slices() {
        1 => Vec::new(),
        _ => object.slices().outer_iter().map(|slice| slice.slice(&area).to_owned()).collect(),
    };
    Some(PlacedTruth { object: object.into_projection().slice(&area).to_owned(), slices, place })
}

/// Amplitude and phase of the true object over the scanned area, the phases of its slices, and the
/// true probe.
pub(crate) fn of_truth(study: &Study, split: Split) -> Vec<Shot> {
    let shot = |picture, place, caption: &str, unit, alt: &str| Shot {
        source: Source::Drawn(picture),
        place,
        caption: caption.to_owned(),
        alt: format!("{alt}, {split} split."),
        unit,
        link: String::new(),
        main: false,
        hues: caption == "Probe",
        pixel_size: study.pixel_size,
    };
    let of = match &study.reference {
        Some(reference) => format!("the {reference}"),
        None => "the true object".to_owned(),
    };
    let mut shots = Vec::new();
    if let Some(PlacedTruth { object, slices, place }) = placed_truth(study, split) {
        // In the colours of the reconstructions, where there are any.
        let made = study.rows.iter().filter(|row| row.condition.split == split);
        let made = made.map(|row| of_row(study, row)).find(|made| !made.is_empty());
        let scale =
            |caption: &str| made.iter().flatten().find(|shot| shot.caption == caption)?.scale();
        let plain = Painter::default().max_side(LARGEST);
        let painter = |caption: &str| match scale(caption) {
            Some(scale) => plain.map(scale.map).range((scale.low, scale.high)),
            None if caption.starts_with("Phase") => plain.range(phase_range(object.view(), None)),
            None => plain,
        };
        let amplitude = painter("Amplitude").amplitude(object.view());
        let place = Some(place);
        shots.push(shot(amplitude, place, "Amplitude", "", &format!("Amplitude of {of}")));
        let phase = painter("Phase").phase(object.view());
        shots.push(shot(phase, place, "Phase", "rad", &format!("Phase of {of}")));
        for (index, slice) in slices.iter().enumerate() {
            let caption = of_slice(index);
            let picture = painter(&caption).phase(slice.view());
            shots.push(shot(picture, place, &caption, "rad", &format!("{caption} of {of}")));
        }
    }
    if let Some(probe) = data_of(study, split).map(|data| data.probe) {
        let picture = Painter::default().complex(probe.index_axis(Axis(0), 0));
        let of = if study.reference.is_some() { "Start probe" } else { "True probe" };
        shots.push(shot(
            picture,
            None,
            "Probe",
            "",
            &format!("{of}; hue is phase, brightness is amplitude"),
        ));
    }
    shots
}

/// Whole pixels around `low` to `high`, inside an axis of `length`, as pictures of an object that
/// is compared with nothing have them.
fn within(low: f64, high: f64, length: usize) -> std::ops::Range<usize> {
    let low = (low.floor().max(0.0) as usize).min(length);
    low..(high.ceil().max(0.0) as usize + 1).clamp(low, length)
}

/// The address of a file of the study, relative to the page in `report/`.
pub(crate) fn address(path: &str) -> String {
    let mut address = String::from("../");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                address.push(byte as char)
            }
            other => address += &format!("%{other:02X}"),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_percent_encoded() {
        assert_eq!(address("a b/\"ü#.png"), "../a%20b/%22%C3%BC%23.png");
    }

    #[test]
    fn areas_stay_inside() {
        assert_eq!(
            (within(-5.0, 3.2, 10), within(8.0, 99.0, 10), within(50.0, 99.0, 10)),
            (0..5, 8..10, 10..10)
        );
    }
}
