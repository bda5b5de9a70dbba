//! What stands on a sheet, and how it becomes SVG and pixels.

use crate::canvas::{Anchor, Canvas};
use crate::colormap::{INK, Rgb};
use crate::fit::fit;
use crate::number::short;
use crate::picture::{ColourScale, Picture};
use crate::svg::text;
use base64::Engine;
use ndarray::Array2;
use std::fmt::Write;

/// What is drawn, in user units.
pub(super) enum Item<'a> {
    Text {
        at: (f64, f64),
        anchor: Anchor,
        strong: bool,
        content: String,
    },
    Image {
        at: (f64, f64),
        size: (f64, f64),
        picture: &'a Picture,
    },
    Rectangle {
        at: (f64, f64),
        size: (f64, f64),
        colour: Rgb,
    },
    /// Colours from low at the bottom to high at the top.
    Bar {
        at: (f64, f64),
        size: (f64, f64),
        scale: ColourScale,
    },
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

impl Item<'_> {
    /// A line of text; a heading where `strong`.
    pub(super) fn text(at: (f64, f64), anchor: Anchor, strong: bool, content: &str) -> Self {
        Self::Text { at, anchor, strong, content: content.to_owned() }
    }

    /// Adds it to the body of an SVG.
    pub(super) fn write(&self, body: &mut String) {
        let rectangle = |(x, y): (f64, f64), (width, height): (f64, f64)| {
            format!(
                "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
                short(x),
                short(y),
                short(width),
                short(height)
            )
        };
        // Writing to a string does not fail.
        let _ = match self {
            Self::Text { at, anchor, strong, content } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                *body +=
                    &text(*at, anchor, if *strong { "font-weight=\"600\"" } else { "" }, content);
                Ok(())
            }
            Self::Image { at, size, picture } => writeln!(
                body,
                "<image {} preserveAspectRatio=\"none\" image-rendering=\"pixelated\" href=\"data:image/png;base64,{}\"/>",
                rectangle(*at, *size),
                base64::engine::general_purpose::STANDARD.encode(picture.png())
            ),
            Self::Rectangle { at, size, colour } => {
                writeln!(body, "<rect {} fill=\"{}\"/>", rectangle(*at, *size), hex(*colour))
            }
            // Bands of colour: gradients need names, and a name is not unique in a page of several
            // drawings.
            Self::Bar { at: (x, y), size: (width, height), scale } => {
                bands(*height).into_iter().try_for_each(|band| {
                    let place = rectangle((*x, y + band.top), (*width, band.height));
                    writeln!(body, "<rect {place} fill=\"{}\"/>", hex(scale.map.at(band.share)))
                })
            }
        };
    }

    /// Paints it, `zoom` pixels for each user unit.
    pub(super) fn paint(&self, canvas: &mut Canvas, zoom: f64) {
        let scaled = |(x, y): (f64, f64)| (x * zoom, y * zoom);
        match self {
            Self::Text { at, anchor, content, .. } => {
                canvas.text(scaled(*at), 8.0 * zoom, *anchor, INK, content);
            }
            Self::Image { at, size, picture } => {
                let side = |units: f64| (units * zoom).round().max(1.0) as usize;
                let corner = ((at.0 * zoom).round() as usize, (at.1 * zoom).round() as usize);
                canvas.picture(corner, &resized(picture, side(size.0), side(size.1)));
            }
            Self::Rectangle { at, size, colour } => {
                canvas.rectangle(scaled(*at), scaled(*size), *colour)
            }
            Self::Bar { at: (x, y), size: (width, height), scale } => {
                for band in bands(*height) {
                    let colour = scale.map.at(band.share);
                    canvas.rectangle(
                        scaled((*x, y + band.top)),
                        scaled((*width, band.height)),
                        colour,
                    );
                }
            }
        }
    }
}

/// A piece of a colour bar.
struct Band {
    top: f64,
    height: f64,
    /// Its place between the first colour (0) and the last (1).
    share: f32,
}

/// Pieces of a bar from its top, each reaching a little under the next so that no paper shines
/// through.
fn bands(height: f64) -> Vec<Band> {
    const BANDS: usize = 64;
    let step = height / BANDS as f64;
    let band = |i: usize| {
        let top = i as f64 * step;
        let share = 1.0 - (i as f32 + 0.5) / BANDS as f32;
        Band { top, height: (1.3 * step).min(height - top), share }
    };
    (0..BANDS).map(band).collect()
}

/// The picture on exactly this many pixels: means when it becomes smaller, the nearest pixel when
/// larger.
fn resized(picture: &Picture, width: usize, height: usize) -> Picture {
    let longest = width.max(height);
    let source = if picture.width().max(picture.height()) > longest {
        fit(picture, longest)
    } else {
        picture.clone()
    };
    let (rows, columns) = source.pixels.dim();
    if rows == 0 || columns == 0 {
        return source;
    }
    let pixels = Array2::from_shape_fn((height, width), |(y, x)| {
        source.pixels[((2 * y + 1) * rows / (2 * height), (2 * x + 1) * columns / (2 * width))]
    });
    Picture { pixels, ..source }
}
