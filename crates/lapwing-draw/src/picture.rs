//! A picture in memory, and its PNG.

use crate::colormap::{Colormap, Rgb};
use ndarray::Array2;

/// What the colours of a picture mean, for its colour bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourScale {
    /// The map that was used.
    pub map: Colormap,
    /// Value of the first colour.
    pub low: f32,
    /// Value of the last colour.
    pub high: f32,
}

/// A picture: sRGB pixels, axes (y, x), and the scale of its colours when they stand for numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The pixels.
    pub pixels: Array2<Rgb>,
    /// What the colours mean; `None` for drawings and complex fields.
    pub scale: Option<ColourScale>,
    /// How many pixels of this picture one pixel of the field is, for scale bars: 2 when enlarged twice, 0.5 when halved.
    pub zoom: f64,
}

impl Picture {
    /// A drawing without a colour scale.
    pub fn of_pixels(pixels: Array2<Rgb>) -> Self {
        Self { pixels, scale: None, zoom: 1.0 }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.pixels.ncols()
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.pixels.nrows()
    }

    /// The PNG file: with a palette where 256 colours are enough, else in true colour. The same bytes for the same pixels.
    ///
    /// A picture without pixels becomes a single grey one, since PNG knows no empty picture.
    pub fn png(&self) -> Vec<u8> {
        let (height, width) = self.pixels.dim();
        if height == 0 || width == 0 {
            return Self::of_pixels(Array2::from_elem((1, 1), crate::field::NEUTRAL)).png();
        }
        let (palette, bytes, colour) = match palette_of(&self.pixels) {
            Some(palette) => {
                let index: std::collections::HashMap<Rgb, u8> =
                    palette.iter().enumerate().map(|(i, &c)| (c, i as u8)).collect();
                let bytes = self.pixels.iter().map(|colour| index[colour]).collect::<Vec<u8>>();
                (palette.concat(), bytes, png::ColorType::Indexed)
            }
            None => (Vec::new(), self.pixels.iter().flatten().copied().collect(), png::ColorType::Rgb),
        };
        // Noise compresses best unfiltered, smooth fields filtered: the smaller file is kept.
        let candidates = [png::Filter::NoFilter, png::Filter::Adaptive].map(|filter| {
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
            encoder.set_color(colour);
            if colour == png::ColorType::Indexed {
                encoder.set_palette(palette.as_slice());
            }
            encoder.set_compression(png::Compression::High);
            encoder.set_filter(filter);
            let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
            // Writing to memory does not fail; sides of 2^31 pixels, which PNG refuses, do not fit in memory as pixels.
            debug_assert!(written.is_ok(), "{written:?}");
            file
        });
        let [plain, filtered] = candidates;
        if filtered.len() < plain.len() { filtered } else { plain }
    }
}

/// The colours in use, dark to light so that neighbouring indices are similar colours; `None` when there are over 256.
fn palette_of(pixels: &Array2<Rgb>) -> Option<Vec<Rgb>> {
    let mut seen = std::collections::HashSet::new();
    for &colour in pixels {
        if seen.insert(colour) && seen.len() > 256 {
            return None;
        }
    }
    let mut palette: Vec<Rgb> = seen.into_iter().collect();
    palette.sort_unstable_by_key(|&[r, g, b]| (2 * u32::from(r) + 5 * u32::from(g) + u32::from(b), r, g, b));
    Some(palette)
}

#[cfg(test)]
pub(crate) fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width, info.height, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_gives_back_the_pixels_with_and_without_a_palette() {
        for colours in [7usize, 1000] {
            let pixels = Array2::from_shape_fn((20, 70), |(y, x)| {
                let i = (y * 70 + x) % colours;
                [(i % 256) as u8, (i / 256) as u8, 9]
            });
            let picture = Picture::of_pixels(pixels.clone());
            let (width, height, bytes) = decode(&picture.png());
            assert_eq!((width, height), (70, 20));
            assert_eq!(bytes, pixels.iter().flatten().copied().collect::<Vec<_>>());
            assert_eq!(picture.png(), picture.png());
        }
    }

    #[test]
    fn empty_picture_is_one_pixel() {
        let (width, height, _) = decode(&Picture::of_pixels(Array2::from_elem((0, 4), [0; 3])).png());
        assert_eq!((width, height), (1, 1));
    }
}
