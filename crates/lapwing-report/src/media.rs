//! Pictures inside the page: data addresses, colour bars, alternative text, and a bound on their
//! size together.

use base64::Engine;
use lapwing_draw::colormap::css_gradient;
use lapwing_draw::field::hue_circle;
use lapwing_draw::number::label;
use lapwing_draw::{Colormap, ColourScale, Picture, ScaleBar};
use minijinja::Value;
use serde::Serialize;
use std::ops::Range;
use std::path::PathBuf;

/// Most bytes that all pictures of a page take as text; curves and scans need the rest of the 5 MB.
const BUDGET: usize = 3_200_000;

/// Longest sides to try, the first that keeps within the budget wins.
const SIDES: [usize; 6] = [384, 288, 224, 160, 112, 80];

/// Pixels of the object that a picture shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Place {
    pub fn of(rows: &Range<usize>, columns: &Range<usize>) -> Self {
        let (height, width) = (rows.len(), columns.len());
        Self { top: rows.start, left: columns.start, height, width }
    }

    /// Whether a picture that is not enlarged has as many pixels, or is one of means of blocks that
    /// have.
    fn is_of(self, picture: &Picture) -> bool {
        let block = (1.0 / picture.zoom).round().max(1.0) as usize;
        let side = |length: usize| length.div_ceil(block);
        (picture.height(), picture.width()) == (side(self.height), side(self.width))
    }

    /// For the page: top, left, height, width.
    fn text(self) -> String {
        format!("{} {} {} {}", self.top, self.left, self.height, self.width)
    }
}

/// Where a picture comes from. Those in files are read one at a time: together, those of large
/// objects do not fit into memory.
#[derive(Debug)]
pub(crate) enum Source {
    /// A PNG that [`Picture::decode`] reads.
    File(PathBuf),
    Drawn(Picture),
}

/// A picture that the page will show.
#[derive(Debug)]
pub(crate) struct Shot {
    pub source: Source,
    /// Where it lies on the object if it is as large, if that is known.
    pub place: Option<Place>,
    /// What it shows, for the caption.
    pub caption: String,
    /// What it shows, for people who do not see it.
    pub alt: String,
    /// Unit of the colours.
    pub unit: &'static str,
    /// The whole picture, relative to the page and percent-encoded; empty when there is no file.
    pub link: String,
    /// Worth the whole width of a card when it is broad.
    pub main: bool,
    /// Whether hues stand for phases.
    pub hues: bool,
    /// Side of a pixel of the field, metres, for a scale bar.
    pub pixel_size: Option<f64>,
}

impl Shot {
    /// The picture, not enlarged; `None` when its file cannot be read.
    fn whole(&self) -> Option<Picture> {
        match &self.source {
            Source::File(path) => {
                let bytes = std::fs::read(path).ok()?;
                Some(Picture::decode(&bytes).ok()?.unenlarged())
            }
            Source::Drawn(picture) => Some(picture.unenlarged()),
        }
    }

    /// The picture, its longer side at most `side` pixels.
    pub fn picture(&self, side: usize) -> Option<Picture> {
        Some(self.whole()?.reduced(side))
    }

    /// What its colours mean.
    pub fn scale(&self) -> Option<ColourScale> {
        match &self.source {
            Source::File(path) => Picture::decode(&std::fs::read(path).ok()?).ok()?.scale,
            Source::Drawn(picture) => picture.scale,
        }
    }
}

/// A picture as the template needs it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shown {
    /// Base64, so free of what HTML would have to escape.
    source: Value,
    width: usize,
    height: usize,
    /// Shown over the whole width of a card.
    broad: bool,
    caption: String,
    alt: String,
    link: Value,
    bar: Option<Bar>,
    length: Option<Length>,
    /// Where it lies on the object: top, left, height and width in its pixels; empty if unknown.
    place: String,
}

/// A scale bar over the picture.
#[derive(Debug, Clone, Serialize)]
struct Length {
    /// Of the picture's width.
    percent: f64,
    label: String,
}

impl Shown {
    /// Length of the picture in the page.
    fn bytes(&self) -> usize {
        self.source.as_str().map_or(0, str::len)
    }
}

/// A colour bar.
#[derive(Debug, Clone, Serialize)]
struct Bar {
    map: &'static str,
    low: String,
    high: String,
    unit: &'static str,
}

/// Encodes all pictures at the largest common size that keeps within the budget, in the order
/// given; `None` in place of one whose file cannot be read.
pub(crate) fn embed(shots: &[Shot]) -> Vec<Option<Shown>> {
    let (smallest, larger) = (SIDES[SIDES.len() - 1], &SIDES[..SIDES.len() - 1]);
    let within = larger.iter().find_map(|&side| embed_within(shots, side));
    within.unwrap_or_else(|| shots.iter().map(|shot| encode(shot, smallest)).collect())
}

/// All pictures at a size; `None` as soon as the budget is spent.
fn embed_within(shots: &[Shot], side: usize) -> Option<Vec<Option<Shown>>> {
    let (mut shown, mut spent) = (Vec::new(), 0);
    for shot in shots {
        let encoded = encode(shot, side);
        spent += encoded.as_ref().map_or(0, Shown::bytes);
        if spent > BUDGET {
            return None;
        }
        shown.push(encoded);
    }
    Some(shown)
}

fn encode(shot: &Shot, side: usize) -> Option<Shown> {
    let whole = shot.whole()?;
    let place = shot.place.filter(|place| place.is_of(&whole));
    let picture = whole.reduced(side);
    drop(whole);
    let source = format!(
        "data:image/png;base64,{}",
        base64::engine::general_purpose::STANDARD.encode(picture.png())
    );
    let bar = picture.scale.map(|ColourScale { map, low, high }| Bar {
        map: map.name(),
        low: label(low.into(), 3),
        high: label(high.into(), 3),
        unit: shot.unit,
    });
    let range =
        bar.as_ref().map(|bar| format!(" Colours from {} to {} {}.", bar.low, bar.high, bar.unit));
    let bar = bar.or(shot.hues.then_some(Bar {
        map: "hue",
        low: "\u{2212}\u{3c0}".to_owned(),
        high: "\u{3c0}".to_owned(),
        unit: "rad",
    }));
    let length = shot
        .pixel_size
        .and_then(|size| ScaleBar::of(size, &picture))
        .map(|bar| Length { percent: (1e4 * bar.share).round() / 100.0, label: bar.label });
    let long =
        length.as_ref().map(|length| format!(" The bar in the picture is {} long.", length.label));
    Some(Shown {
        source: Value::from_safe_string(source),
        broad: shot.main && 5 * picture.width() > 7 * picture.height(),
        width: picture.width(),
        height: picture.height(),
        caption: shot.caption.clone(),
        alt: format!("{}{}{}", shot.alt, range.unwrap_or_default(), long.unwrap_or_default())
            .replace(" .", "."),
        link: Value::from_safe_string(shot.link.clone()),
        bar,
        length,
        place: place.map(Place::text).unwrap_or_default(),
    })
}

/// CSS classes `map-NAME` with the maps as gradients.
pub(crate) fn gradients() -> String {
    let gradient = |name: &str, colour: &dyn Fn(f32) -> [u8; 3]| {
        format!(".map-{name}{{background:{}}}", css_gradient(colour))
    };
    let mut all: Vec<String> =
        Colormap::ALL.into_iter().map(|map| gradient(map.name(), &|t| map.at(t))).collect();
    all.push(gradient("hue", &hue_circle));
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn noisy(side: usize, seed: u32) -> Shot {
        let mut state = seed.wrapping_add(1);
        let values = Array2::from_shape_simple_fn((side, side), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32
        });
        let picture = lapwing_draw::Painter::default().scalar(values.view());
        Shot {
            source: Source::Drawn(picture),
            place: None,
            caption: "c".into(),
            alt: "a".into(),
            unit: "rad",
            link: String::new(),
            main: true,
            hues: false,
            pixel_size: Some(1e-8),
        }
    }

    #[test]
    fn many_noisy_pictures_stay_within_the_budget() {
        let shots: Vec<Shot> = (0..76).map(|seed| noisy(300, seed)).collect();
        let shown: Vec<Shown> = embed(&shots).into_iter().flatten().collect();
        assert!(shown.iter().map(Shown::bytes).sum::<usize>() <= BUDGET);
        assert!(shown[0].width >= 112, "{}", shown[0].width);
    }

    #[test]
    fn few_pictures_keep_their_size() {
        let shown = embed(&[noisy(300, 1)]).remove(0).unwrap();
        assert_eq!(shown.width, 300);
        // 300 pixels of 10 nm: the bar is 500 nm long.
        let length = shown.length.as_ref().unwrap();
        assert_eq!((length.percent, length.label.as_str()), (16.67, "500 nm"));
        assert!(shown.alt.ends_with("The bar in the picture is 500 nm long."));
    }

    #[test]
    fn pictures_in_files_are_shown_as_drawn_ones_and_those_that_are_gone_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let drawn = noisy(600, 3);
        let Source::Drawn(picture) = &drawn.source else { panic!() };
        let path = folder.path().join("phase.png");
        std::fs::write(&path, picture.png()).unwrap();
        let of = |path| Shot { source: Source::File(path), ..noisy(4, 1) };
        let gone = of(folder.path().join("gone.png"));
        let shown = embed(&[drawn, of(path), gone]);
        let source = |index: usize| shown[index].as_ref().map(|shown| shown.source.to_string());
        assert!(source(0).is_some() && source(0) == source(1) && shown[2].is_none());
    }

    #[test]
    fn means_of_blocks_lie_where_all_of_their_pixels_do() {
        let place = Place::of(&(5..605), &(7..1006));
        let field = Array2::from_shape_fn((600, 999), |(y, x)| (y + x) as f32);
        let of = |painter: lapwing_draw::Painter| painter.scalar(field.view());
        let plain = lapwing_draw::Painter::default();
        assert!(place.is_of(&of(plain)) && place.is_of(&of(plain.max_side(333))));
        assert!(!Place::of(&(0..600), &(0..900)).is_of(&of(plain.max_side(333))));
    }
}
