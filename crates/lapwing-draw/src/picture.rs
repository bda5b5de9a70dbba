//! A picture in memory, and its PNG.

use crate::colormap::{Colormap, Rgb};
use ndarray::Array2;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Colour of pixels that were never seen, or are not a number.
pub const NEUTRAL: Rgb = [0xa6, 0xa6, 0xa6];

/// Keyword of the PNG text that holds the colour scale, as `map low high`.
const SCALE_KEYWORD: &str = "Colour scale";
/// What says whose picture it is, and whose.
const MAKER: (&str, &str) = ("Software", "Lapwing");

/// Whether a PNG file is one that [`Picture::png`] made.
pub fn is_drawn_here(png: &[u8]) -> bool {
    let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info();
    reader.is_ok_and(|reader| {
        let texts = &reader.info().uncompressed_latin1_text;
        texts.iter().any(|text| (text.keyword.as_str(), text.text.as_str()) == MAKER)
    })
}

/// Keyword of the PNG text that holds the zoom.
const ZOOM_KEYWORD: &str = "Zoom";

/// Most pixels of a picture of which two kinds of file are made for the smaller one.
const LARGE: usize = 1 << 20;
/// Most pixels of a picture that is compressed as well as it can be.
const SMALL: usize = 1 << 16;

/// Why a PNG cannot be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not a PNG, or a damaged one.
    #[error("expected a PNG picture: {0}")]
    Png(#[from] png::DecodingError),
    /// A kind of PNG that this crate does not write.
    #[error("expected a PNG with a palette or with 8-bit red, green and blue, found {0}")]
    Kind(String),
    /// More pixels than any report shows.
    #[error("expected a picture of at most 2^28 pixels, found {width} x {height}")]
    #[expect(missing_docs, reason = "the message names them")]
    Size { width: u32, height: u32 },
}

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

impl std::fmt::Display for ColourScale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.map.name(), self.low, self.high)
    }
}

impl ColourScale {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let name = words.next()?;
        let map = Colormap::ALL.into_iter().find(|map| map.name() == name)?;
        Some(Self { map, low: words.next()?.parse().ok()?, high: words.next()?.parse().ok()? })
    }
}

/// A picture: sRGB pixels, axes (y, x), and the scale of its colours when they stand for numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The pixels.
    pub pixels: Array2<Rgb>,
    /// What the colours mean; `None` for drawings and complex fields.
    pub scale: Option<ColourScale>,
    /// How many pixels of this picture one pixel of the field is, for scale bars: 2 when enlarged
    /// twice, 0.5 when halved.
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

    /// Reads back a PNG that [`png`](Self::png) wrote (other PNGs with a palette or 8-bit colours
    /// are understood too), with its colour scale.
    ///
    /// # Errors
    /// If the bytes are no such PNG.
    pub fn decode(file: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info()?;
        let (width, height) = reader.info().size();
        if u64::from(width) * u64::from(height) > 1 << 28 {
            return Err(DecodeError::Size { width, height });
        }
        let texts = &reader.info().uncompressed_latin1_text;
        let zoom = texts
            .iter()
            .find(|text| text.keyword == ZOOM_KEYWORD)
            .and_then(|text| text.text.parse().ok());
        let scale = texts
            .iter()
            .find(|text| text.keyword == SCALE_KEYWORD)
            .and_then(|text| ColourScale::parse(&text.text));
        let size = reader.output_buffer_size().ok_or(DecodeError::Size { width, height })?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes)?;
        let channels = match frame.color_type {
            png::ColorType::Rgb => 3,
            png::ColorType::Rgba => 4,
            png::ColorType::Grayscale => 1,
            other => return Err(DecodeError::Kind(format!("{other:?}"))),
        };
        let width = width as usize;
        let pixels = Array2::from_shape_fn((height as usize, width), |(y, x)| {
            let start = y * frame.line_size + x * channels;
            if channels == 1 {
                [bytes[start]; 3]
            } else {
                [bytes[start], bytes[start + 1], bytes[start + 2]]
            }
        });
        Ok(Self { pixels, scale, zoom: zoom.unwrap_or(1.0) })
    }

    /// The picture before it was enlarged: one pixel for one pixel of the field. A reduced one as
    /// it is.
    pub fn unenlarged(&self) -> Self {
        let factor = self.zoom.round().max(1.0) as usize;
        if factor == 1
            || self.zoom.fract() != 0.0
            || !self.width().is_multiple_of(factor)
            || !self.height().is_multiple_of(factor)
        {
            return self.clone();
        }
        let step = factor as isize;
        Self {
            pixels: self.pixels.slice(ndarray::s![..;step, ..;step]).to_owned(),
            scale: self.scale,
            zoom: 1.0,
        }
    }

    /// The PNG file: with a palette where 256 colours are enough, else in true colour. The same
    /// bytes for the same pixels.
    ///
    /// A picture without pixels becomes a single grey one, since PNG has no empty pictures.
    pub fn png(&self) -> Vec<u8> {
        // Noise compresses best unfiltered, smooth fields filtered: the smaller file is kept, but
        // of large pictures.
        self.png_by(match self.pixels.len() <= LARGE {
            true => &[png::Filter::NoFilter, png::Filter::Adaptive],
            false => &[png::Filter::Adaptive],
        })
    }

    /// [`png`](Self::png) without filters: of lines, text and small pictures on paper, for which
    /// such files are the smaller ones, and of tiles, of which there are many.
    pub(crate) fn png_unfiltered(&self) -> Vec<u8> {
        self.png_by(&[png::Filter::NoFilter])
    }

    /// The smallest of the files by these filters.
    fn png_by(&self, filters: &[png::Filter]) -> Vec<u8> {
        let (height, width) = self.pixels.dim();
        if height == 0 || width == 0 {
            return Self::of_pixels(Array2::from_elem((1, 1), NEUTRAL)).png_by(filters);
        }
        let (palette, bytes, colour) = match palette_of(&self.pixels) {
            Some(palette) => {
                let index: HashMap<Rgb, u8, Quick> =
                    palette.iter().enumerate().map(|(i, &c)| (c, i as u8)).collect();
                // Neighbours are often of one colour, which is looked up once.
                let mut last = (palette[0], 0);
                let indices = self.pixels.iter().map(|&colour| {
                    if colour != last.0 {
                        last = (colour, index[&colour]);
                    }
                    last.1
                });
                (palette.concat(), indices.collect::<Vec<u8>>(), png::ColorType::Indexed)
            }
            None => {
                let bytes = self.pixels.iter().copied().collect::<Vec<Rgb>>().into_flattened();
                (Vec::new(), bytes, png::ColorType::Rgb)
            }
        };
        // A few per cent less are not worth five times the time, but in a page with many of them.
        let effort = match height * width <= SMALL {
            true => png::Compression::High,
            false => png::Compression::Balanced,
        };
        let candidates = filters.iter().map(|&filter| {
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
            encoder.set_color(colour);
            if colour == png::ColorType::Indexed {
                encoder.set_palette(palette.as_slice());
            }
            let signed = encoder.add_text_chunk(MAKER.0.to_owned(), MAKER.1.to_owned());
            let noted = self.scale.map_or(Ok(()), |scale| {
                encoder.add_text_chunk(SCALE_KEYWORD.to_owned(), scale.to_string())
            });
            let noted = signed.and(noted).and_then(|()| match self.zoom {
                1.0 => Ok(()),
                zoom => encoder.add_text_chunk(ZOOM_KEYWORD.to_owned(), zoom.to_string()),
            });
            assert!(noted.is_ok(), "{noted:?}");
            encoder.set_compression(effort);
            encoder.set_filter(filter);
            let written =
                encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
            // Writing to memory does not fail; sides of 2^31 pixels, which PNG refuses, do not fit
            // in memory as pixels.
            assert!(written.is_ok(), "{written:?}");
            file
        });
        candidates.min_by_key(Vec::len).unwrap_or_default()
    }
}

/// Hashes colours, of which a picture may have millions; nobody chooses them to collide.
type Quick = BuildHasherDefault<ColourHasher>;

#[derive(Default)]
struct ColourHasher(u64);

impl Hasher for ColourHasher {
    fn write(&mut self, bytes: &[u8]) {
        let packed = bytes.iter().fold(self.0, |packed, &byte| packed << 8 | u64::from(byte));
        // Mixes every bit into the upper half, and that into the lower.
        let mixed = packed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The colours in use, dark to light so that neighbouring indices are similar colours; `None` when
/// there are over 256.
fn palette_of(pixels: &Array2<Rgb>) -> Option<Vec<Rgb>> {
    let mut seen = HashSet::<Rgb, Quick>::default();
    let mut last = None;
    for &colour in pixels {
        if last.replace(colour) != Some(colour) && seen.insert(colour) && seen.len() > 256 {
            return None;
        }
    }
    let mut palette: Vec<Rgb> = seen.into_iter().collect();
    palette.sort_unstable_by_key(|&[r, g, b]| {
        (2 * u32::from(r) + 5 * u32::from(g) + u32::from(b), r, g, b)
    });
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
    fn decoding_gives_back_pixels_and_scale() {
        let scale = Some(ColourScale { map: Colormap::Cyclic, low: -0.1, high: 2.5e-7 });
        for colours in [5usize, 900] {
            let pixels = Array2::from_shape_fn((9, 130), |(y, x)| {
                [((y * 130 + x) % colours / 4) as u8, x as u8, 200]
            });
            let picture = Picture { pixels, scale, zoom: 1.0 };
            assert_eq!(Picture::decode(&picture.png()).unwrap(), picture);
        }
        let field = Array2::from_shape_fn((5, 7), |(y, x)| (y * x) as f32);
        let plain = crate::Painter::default().scalar(field.view());
        let enlarged = crate::Painter::default().enlarge_to(40).scalar(field.view());
        let decoded = Picture::decode(&enlarged.png()).unwrap();
        assert_eq!((decoded.zoom, decoded.unenlarged()), (5.0, plain));
        assert!(Picture::decode(b"no picture").unwrap_err().to_string().contains("expected a PNG"));
    }

    #[test]
    fn empty_picture_is_one_pixel() {
        let (width, height, _) =
            decode(&Picture::of_pixels(Array2::from_elem((0, 4), [0; 3])).png());
        assert_eq!((width, height), (1, 1));
    }
}
