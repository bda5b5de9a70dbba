//! The contract of a data set (DATA-001): what must hold before anything is computed from it.
//!
//! Each check returns every problem it finds, so that a file can be mended in one go.

use lapwing_model::{Complex32, Modes, Object, Position, Window};

use crate::dataset::{OBJECT_SLICES, SCAN_INDEX};
use crate::remarks::ranges;
use crate::{Dataset, Patterns, Problem, bulk};

/// All problems of a data set in memory, in the order of its fields.
pub fn check(dataset: &Dataset) -> Vec<Problem> {
    let mut problems = diffraction(&dataset.diffraction);
    problems.extend(scan(&dataset.scan));
    if dataset.scan.len() != dataset.n_patterns() {
        problems.push(Problem::new(
            "xcoords",
            format!("{} positions, one for each pattern", dataset.n_patterns()),
            format!("{} positions", dataset.scan.len()),
        ));
    }
    if let Some(transmission) = &dataset.object {
        problems.extend(object(transmission));
        problems.extend(windows(&dataset.scan, dataset.pattern_shape(), transmission.shape()));
    }
    if let Some(modes) = &dataset.probe {
        problems.extend(probe(modes, dataset.pattern_shape()));
    }
    if let Some(mask) = &dataset.mask {
        problems.extend(mask.problem(dataset.n_patterns(), dataset.pattern_shape()));
    }
    if let Some(frames) = &dataset.frames
        && frames.len() != dataset.n_patterns()
    {
        let expected = format!("{} numbers, one for each pattern", dataset.n_patterns());
        problems.push(Problem::new(SCAN_INDEX, expected, format!("{} numbers", frames.len())));
    }
    problems
}

/// What patterns must be, and how to make them so while they are read.
pub(crate) const FINITE: &str = "finite numbers (or leave these pixels out: --mask-hot, or a mask)";
pub(crate) const NOT_NEGATIVE: &str = "no negative numbers (or --clip-negative to set them to zero, \
     --mask-negative to leave these pixels out)";

/// Amplitudes: at least one pattern of at least one pixel; finite and not negative.
pub fn diffraction(patterns: &Patterns) -> Vec<Problem> {
    let (n, height, width) = patterns.dim();
    if n == 0 || height == 0 || width == 0 {
        let found = format!("shape {:?}", [n, height, width]);
        let expected = "at least one pattern of at least one pixel";
        return vec![Problem::new("diffraction", expected, found)];
    }
    let values = patterns.values();
    // One fast pass for the usual case; NaN is in no range.
    if bulk::all(values, |value| (0.0..f32::INFINITY).contains(&value)) {
        return Vec::new();
    }
    let (mut not_finite, mut negative) = (Wrong::default(), Wrong::default());
    for (place, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            not_finite.add(place, value);
        }
        if value < 0.0 {
            negative.add(place, value);
        }
    }
    let mut problems = Vec::new();
    for (expected, wrong) in [(FINITE, not_finite), (NOT_NEGATIVE, negative)] {
        let Some((place, value)) = wrong.first else { continue };
        let (pattern, y, x) = (place / (height * width), place / width % height, place % width);
        let others = match wrong.count - 1 {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        let lowest = match expected == NOT_NEGATIVE {
            true => format!(", the lowest {}", wrong.lowest),
            false => String::new(),
        };
        let found = format!("{value} in pattern {pattern} at row {y}, column {x}{others}{lowest}");
        problems.push(Problem::new("diffraction", expected, found));
    }
    problems
}

/// The first of some numbers that are wrong, its place, and how many there are.
#[derive(Default)]
struct Wrong {
    first: Option<(usize, f32)>,
    count: usize,
    lowest: f32,
}

impl Wrong {
    fn add(&mut self, place: usize, value: f32) {
        self.first.get_or_insert((place, value));
        self.count += 1;
        self.lowest = self.lowest.min(value);
    }
}

/// Positions: at least one, all finite.
pub fn scan(scan: &[Position]) -> Vec<Problem> {
    if scan.is_empty() {
        return vec![Problem::new("xcoords", "at least one position", "an empty scan")];
    }
    let mut problems = Vec::new();
    for (key, coordinate) in
        [("xcoords", (|p| p.x) as fn(&Position) -> f64), ("ycoords", |p: &Position| p.y)]
    {
        let wrong: Vec<usize> =
            (0..scan.len()).filter(|&i| !coordinate(&scan[i]).is_finite()).collect();
        if let Some(&first) = wrong.first() {
            let advice = match wrong.len() < scan.len() {
                true => format!("leave them out (--leave-out-frames {})", ranges(&wrong)),
                false => "give the positions that were meant (--positions FILE)".to_owned(),
            };
            let found = format!(
                "{} of {} not finite, the first at index {first}; {advice}",
                wrong.len(),
                scan.len()
            );
            problems.push(Problem::new(key, "finite numbers", found));
        }
    }
    problems
}

/// The object: slices of at least one pixel, all finite.
pub fn object(object: &Object) -> Vec<Problem> {
    let slices = object.slices();
    match object.n_slices() {
        1 => complex("objectGuess", object.slice(0).shape(), slices.iter()),
        _ => complex(OBJECT_SLICES, slices.shape(), slices.iter()),
    }
}

/// The probe: modes of the patterns' shape, all finite.
pub fn probe(modes: &Modes, pattern: (usize, usize)) -> Vec<Problem> {
    let mut problems = complex("probeGuess", modes.shape(), modes.iter());
    let (_, height, width) = modes.dim();
    if (height, width) != pattern {
        // The middles, floor(n / 2), fall on each other.
        let what = match height >= pattern.0 && width >= pattern.1 {
            true => {
                let (y, x) = (height / 2 - pattern.0 / 2, width / 2 - pattern.1 / 2);
                format!(
                    "; cut its middle out, probe[..., {y}:{}, {x}:{}], if its pixels are the same",
                    y + pattern.0,
                    x + pattern.1
                )
            }
            false => "; fill it up with zeros around, if its pixels are the same".to_owned(),
        };
        let expected =
            format!("(modes, {}, {}), the shape of a pattern{what}", pattern.0, pattern.1);
        problems.push(Problem::new("probeGuess", expected, format!("shape {:?}", modes.shape())));
    }
    let fits = problems.is_empty();
    if fits && modes.iter().all(|value| *value == Complex32::ZERO) {
        let expected = "some light; leave it out (--leave-out) to start from a probe that is made";
        problems.push(Problem::new("probeGuess", expected, "a probe that is zero throughout"));
    }
    problems
}

fn complex<'a>(
    key: &str,
    shape: &[usize],
    values: impl Iterator<Item = &'a Complex32>,
) -> Vec<Problem> {
    if shape.contains(&0) {
        return vec![Problem::new(key, "at least one pixel", format!("shape {shape:?}"))];
    }
    match values.filter(|value| !value.is_finite()).count() {
        0 => Vec::new(),
        wrong => vec![Problem::new(key, "finite numbers", format!("{wrong} that are not"))],
    }
}

/// Every window must lie on the object array; positions that are not finite are another check's
/// business.
pub fn windows(scan: &[Position], pattern: (usize, usize), object: (usize, usize)) -> Vec<Problem> {
    let off = |position: &Position| {
        position.y.is_finite()
            && position.x.is_finite()
            && !Window::of(*position, pattern).fits(pattern, object)
    };
    let wrong: Vec<usize> = (0..scan.len()).filter(|&index| off(&scan[index])).collect();
    let Some(&first) = wrong.first() else { return Vec::new() };
    let Position { y, x } = scan[first];
    let expected = format!(
        "windows of {} x {} inside the object's {} x {}",
        pattern.0, pattern.1, object.0, object.1
    );
    let found = format!(
        "{} of {} off the object, the first at index {first} centred on row {y}, column {x}",
        wrong.len(),
        scan.len()
    );
    vec![Problem::new("xcoords, ycoords", expected, found)]
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn sound() -> Dataset {
        Dataset {
            diffraction: Array3::from_elem((2, 4, 4), 0.5).into(),
            scan: vec![Position { y: 2.0, x: 2.0 }, Position { y: 6.0, x: 3.0 }],
            object: Some(Object::flat((8, 8))),
            probe: Some(Modes::from_elem((1, 4, 4), Complex32::ONE)),
            ..Dataset::default()
        }
    }

    #[test]
    fn a_sound_data_set_has_no_problems() {
        assert_eq!(check(&sound()), []);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let mut dataset = sound();
        dataset.diffraction.view_mut()[[0, 1, 2]] = -1.0;
        dataset.diffraction.view_mut()[[1, 0, 0]] = f32::NAN;
        dataset.scan.push(Position { y: 6.5, x: f64::INFINITY });
        dataset.scan[1].y = 7.0;
        dataset.probe = Some(Modes::from_elem((1, 5, 4), Complex32::new(f32::NAN, 0.0)));
        let problems = check(&dataset);
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "diffraction",
                "diffraction",
                "xcoords",
                "xcoords",
                "xcoords, ycoords",
                "probeGuess",
                "probeGuess"
            ]
        );
        assert!(problems[0].found.contains("pattern 1 at row 0, column 0"), "{problems:?}");
        assert!(problems[4].found.starts_with("1 of 3"), "{problems:?}");
    }

    #[test]
    fn emptiness_is_a_problem() {
        let mut dataset = sound();
        dataset.diffraction = Array3::zeros((0, 4, 4)).into();
        dataset.scan.clear();
        assert_eq!(check(&dataset).len(), 2);
    }

    #[test]
    fn the_middle_of_a_larger_probe_is_told_so_that_it_can_be_typed() {
        let told = |shape: (usize, usize), pattern: (usize, usize)| {
            let modes = Modes::from_elem((1, shape.0, shape.1), Complex32::ONE);
            probe(&modes, pattern)
                .iter()
                .map(|problem| problem.expected.clone())
                .collect::<String>()
        };
        assert!(
            told((16, 20), (8, 9)).contains("probe[..., 4:12, 6:15]"),
            "{}",
            told((16, 20), (8, 9))
        );
        assert!(told((6, 8), (8, 8)).contains("zeros around"));
        assert_eq!(told((8, 8), (8, 8)), "");
    }
}
