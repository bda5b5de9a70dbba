//! Pictures inside the page: data addresses, colour bars, alternative text, and a bound on their size together.

use base64::Engine;
use lapwing_draw::number::label;
use lapwing_draw::{Colormap, ColourScale, Picture};
use minijinja::Value;
use serde::Serialize;

/// Most bytes that all pictures of a page take as text; curves and scans need the rest of the 5 MB.
const BUDGET: usize = 3_200_000;

/// Longest sides to try, the first that keeps within the budget wins.
const SIDES: [usize; 6] = [384, 288, 224, 160, 112, 80];

/// A picture that the page will show.
#[derive(Debug)]
pub(crate) struct Shot {
    pub picture: Picture,
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

/// Encodes all pictures at the largest common size that keeps within the budget, in the order given.
pub(crate) fn embed(shots: &[Shot]) -> Vec<Shown> {
    let mut shown = Vec::new();
    for side in SIDES {
        shown = shots.iter().map(|shot| encode(shot, side)).collect();
        if shown.iter().map(Shown::bytes).sum::<usize>() <= BUDGET {
            break;
        }
    }
    shown
}

fn encode(shot: &Shot, side: usize) -> Shown {
    let picture = shot.picture.unenlarged().reduced(side);
    let source =
        format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(picture.png()));
    let bar = picture.scale.map(|ColourScale { map, low, high }| Bar {
        map: map.name(),
        low: label(low.into(), 3),
        high: label(high.into(), 3),
        unit: shot.unit,
    });
    let range = bar.as_ref().map(|bar| format!(" Colours from {} to {} {}.", bar.low, bar.high, bar.unit));
    Shown {
        source: Value::from_safe_string(source),
        broad: shot.main && 5 * picture.width() > 7 * picture.height(),
        width: picture.width(),
        height: picture.height(),
        caption: shot.caption.clone(),
        alt: format!("{}{}", shot.alt, range.unwrap_or_default()).trim_end().to_owned(),
        link: Value::from_safe_string(shot.link.clone()),
        bar,
    }
}

/// CSS classes `map-NAME` with the maps as gradients.
pub(crate) fn gradients() -> String {
    let gradient = |map: Colormap| {
        let colours = (0..=16).map(|i| {
            // One turn of a cyclic map ends where it began.
            let [r, g, b] = map.at(i as f32 / 16.0);
            format!("#{r:02x}{g:02x}{b:02x}")
        });
        format!(
            ".map-{}{{background:linear-gradient(to right,{})}}",
            map.name(),
            colours.collect::<Vec<_>>().join(",")
        )
    };
    Colormap::ALL.into_iter().map(gradient).collect::<Vec<_>>().join("\n")
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
        Shot { picture, caption: "c".into(), alt: "a".into(), unit: "rad", link: String::new(), main: true }
    }

    #[test]
    fn many_noisy_pictures_stay_within_the_budget() {
        let shots: Vec<Shot> = (0..76).map(|seed| noisy(300, seed)).collect();
        let shown = embed(&shots);
        assert!(shown.iter().map(Shown::bytes).sum::<usize>() <= BUDGET);
        assert!(shown[0].width >= 112, "{}", shown[0].width);
    }

    #[test]
    fn few_pictures_keep_their_size() {
        assert_eq!(embed(&[noisy(300, 1)])[0].width, 300);
    }
}
