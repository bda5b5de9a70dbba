//! A large field pixel by pixel: tiles at its full resolution and at every half of it, and a page
//! that shows them by panning and zooming.
//!
//! Only a row of tiles of each level is in memory at a time, so that a field may be read, or made,
//! in bands.

use crate::colormap::css_gradient;
use crate::field::Painter;
use crate::number::label;
use crate::picture::{ColourScale, Picture};
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, ArrayView2, Axis, s};
use num_complex::Complex32;
use std::ops::Range;

/// The page, with places for its values.
const PAGE: &str = include_str!("pyramid.html");

/// What of a complex field is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Its modulus.
    Amplitude,
    /// Its phase, radians.
    Phase,
}

impl Layer {
    /// Both, in the order of the page.
    pub const ALL: [Self; 2] = [Self::Amplitude, Self::Phase];

    /// Its name in those of tiles, and on the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amplitude => "amplitude",
            Self::Phase => "phase",
        }
    }

    fn draw(self, painter: &Painter<'_>, field: ArrayView2<'_, Complex32>) -> Picture {
        match self {
            Self::Amplitude => painter.amplitude(field),
            Self::Phase => painter.phase(field),
        }
    }
}

/// Which part of the field a tile shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What of it.
    pub layer: Layer,
    /// 0 shows every pixel; at each next level a pixel is the mean of twice as many a side.
    pub level: usize,
    /// Its place among the tiles of its level.
    pub row: usize,
    /// Its place in the row.
    pub column: usize,
}

impl Tile {
    /// Name of its file: `phase_0_12_3.png` is the one in row 12, column 3 of level 0.
    pub fn file(&self) -> String {
        format!("{}_{}_{}_{}.png", self.layer.name(), self.level, self.row, self.column)
    }

    /// Whether a file has the name of a tile.
    pub fn is_named(file: &str) -> bool {
        let of = |name: &str| -> Option<Self> {
            let mut words = name.strip_suffix(".png")?.split('_');
            let layer = words.next()?;
            let layer = Layer::ALL.into_iter().find(|known| known.name() == layer)?;
            let mut number = || words.next()?.parse().ok();
            Some(Self { layer, level: number()?, row: number()?, column: number()? })
        };
        // Said otherwise (`00`, `+1`) or followed by more, it is not one of its names.
        of(file).is_some_and(|tile| tile.file() == file)
    }
}

/// What takes the PNG of each tile, from several threads at once.
pub type Keep<'a, E> = &'a (dyn Fn(&Tile, &[u8]) -> Result<(), E> + Sync);

/// A field that is drawn in tiles.
#[derive(Debug, Clone, Copy)]
pub struct Pyramid {
    /// Rows and columns of the field.
    pub shape: (usize, usize),
    /// Side of a tile, pixels; an even number.
    pub tile: usize,
    /// The colours of amplitude and phase, the same in all tiles.
    pub scales: [ColourScale; 2],
}

/// Rows of a level of which not all are there yet.
struct Waiting {
    /// Sums over the blocks of pixels.
    sums: Array2<Complex32>,
    row: usize,
}

impl Pyramid {
    /// Levels, of which the last fits into one tile.
    pub fn levels(&self) -> usize {
        let longest = self.shape.0.max(self.shape.1);
        let halves = (0..).take_while(|&level| longest.div_ceil(1 << level) > self.tile).count();
        halves + 1
    }

    /// Rows and columns of a level.
    fn shape_of(&self, level: usize) -> (usize, usize) {
        (self.shape.0.div_ceil(1 << level), self.shape.1.div_ceil(1 << level))
    }

    /// Draws all tiles: `band` gives rows of the field, from the first to the last, and `keep`
    /// takes the tiles. The same bytes on any number of threads.
    ///
    /// # Errors
    /// The first error of `band` or of `keep`.
    pub fn draw<E: Send>(
        &self,
        band: &mut dyn FnMut(Range<usize>) -> Result<Array2<Complex32>, E>,
        keep: Keep<'_, E>,
    ) -> Result<(), E> {
        let (height, width) = self.shape;
        if height == 0 || width == 0 {
            return Ok(());
        }
        let mut waiting: Vec<Option<Waiting>> = (0..self.levels()).map(|_| None).collect();
        for row in 0..height.div_ceil(self.tile) {
            let sums = band(row * self.tile..((row + 1) * self.tile).min(height))?;
            self.add(Waiting { sums, row }, 0, &mut waiting, keep)?;
        }
        Ok(())
    }

    /// Draws a row of tiles, and those of coarser levels that are complete with it.
    fn add<E: Send>(
        &self,
        done: Waiting,
        level: usize,
        waiting: &mut [Option<Waiting>],
        keep: Keep<'_, E>,
    ) -> Result<(), E> {
        self.paint(&done, level, keep)?;
        let above = level + 1;
        if above == waiting.len() {
            return Ok(());
        }
        let (height, width) = self.shape_of(above);
        let row = done.row / 2;
        let first = row * self.tile;
        let mut next = waiting[above].take().unwrap_or_else(|| Waiting {
            sums: Array2::zeros((self.tile.min(height - first), width)),
            row,
        });
        let start = done.row * self.tile / 2 - first;
        let end = start + done.sums.nrows().div_ceil(2);
        halve(&done.sums, next.sums.slice_mut(s![start..end, ..]).outer_iter_mut());
        drop(done);
        match end == next.sums.nrows() {
            true => self.add(next, above, waiting, keep),
            false => {
                waiting[above] = Some(next);
                Ok(())
            }
        }
    }

    /// Draws a row of tiles of a level.
    fn paint<E: Send>(
        &self,
        Waiting { sums, row }: &Waiting,
        level: usize,
        keep: Keep<'_, E>,
    ) -> Result<(), E> {
        let (block, first) = (1 << level, row * self.tile);
        // Blocks at the far edges have fewer pixels.
        let pixels = |at: usize, length: usize| block.min(length - at * block);
        let columns = sums.ncols().div_ceil(self.tile);
        let layers = || Layer::ALL.into_iter().zip(self.scales);
        let tiles = (0..columns).flat_map(|column| layers().map(move |layer| (column, layer)));
        let kept = tiles.in_parallel().map(|(column, (layer, scale))| {
            let left = column * self.tile;
            let part = sums.slice(s![.., left..(left + self.tile).min(sums.ncols())]);
            let means = Array2::from_shape_fn(part.dim(), |(y, x)| {
                let rows = pixels(first + y, self.shape.0);
                part[(y, x)] / (rows * pixels(left + x, self.shape.1)) as f32
            });
            let painter = Painter::default().map(scale.map).range((scale.low, scale.high));
            let picture = layer.draw(&painter, means.view());
            let picture = Picture { zoom: 1.0 / block as f64, ..picture };
            keep(&Tile { layer, level, row: *row, column }, &picture.png_unfiltered())
        });
        kept.into_iter().collect()
    }

    /// The page that shows the tiles, which lie in the folder `tiles` beside it, with a scale bar
    /// where the side of a pixel (metres) is known. It needs nothing but them.
    pub fn page(&self, tiles: &str, pixel_size: Option<f64>) -> String {
        let bars = Layer::ALL.into_iter().zip(self.scales).map(|(layer, scale)| {
            let (name, unit) = match layer {
                Layer::Amplitude => (layer.name(), ""),
                Layer::Phase => (layer.name(), " rad"),
            };
            let [low, high] = [scale.low, scale.high].map(|value| label(value.into(), 3));
            let colours = css_gradient(&|share| scale.map.at(share));
            format!("{{name:\"{name}\",low:\"{low}\",high:\"{high}{unit}\",colours:\"{colours}\"}}")
        });
        let (height, width) = self.shape;
        let pixel = pixel_size.filter(|size| size.is_finite() && *size > 0.0).unwrap_or(0.0);
        let values = format!(
            "{{height:{height},width:{width},tile:{},levels:{},pixel:{pixel:e},folder:\"{tiles}\",\
             layers:[{}]}}",
            self.tile,
            self.levels(),
            bars.collect::<Vec<_>>().join(",")
        );
        let made_by = concat!("Lapwing ", env!("CARGO_PKG_VERSION"));
        PAGE.replace("{{generator}}", made_by).replace("{{values}}", &values)
    }
}

/// Adds sums over 2 x 2 of the numbers, less at the far edges, to rows.
fn halve<'a>(
    from: &Array2<Complex32>,
    rows: impl Iterator<Item = ndarray::ArrayViewMut1<'a, Complex32>>,
) {
    rows.enumerate().in_parallel().at_least(16).for_each(|(y, mut row)| {
        for above in from.slice(s![2 * y..(2 * y + 2).min(from.nrows()), ..]).outer_iter() {
            let pairs = above.axis_chunks_iter(Axis(0), 2);
            row.iter_mut().zip(pairs).for_each(|(sum, pair)| *sum += pair.sum());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::Colormap;
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::Mutex;

    const SCALES: [ColourScale; 2] = [
        ColourScale { map: Colormap::Viridis, low: 0.5, high: 1.5 },
        ColourScale { map: Colormap::Magma, low: -0.5, high: 0.75 },
    ];

    /// Values whose sums over blocks are exact, so that their order does not matter.
    fn field(height: usize, width: usize) -> Array2<Complex32> {
        Array2::from_shape_fn((height, width), |(y, x)| {
            let draw = (y * 7919 + x * 104_729 + y * x) % 97;
            Complex32::new(1.0 + draw as f32 / 256.0, (draw % 13) as f32 / 32.0 - 0.125)
        })
    }

    fn tiles(field: &Array2<Complex32>, tile: usize) -> HashMap<String, Vec<u8>> {
        let found = Mutex::new(HashMap::new());
        let pyramid = Pyramid { shape: field.dim(), tile, scales: SCALES };
        let mut band = |rows: Range<usize>| Ok(field.slice(s![rows, ..]).to_owned());
        let drawn: Result<(), Infallible> = pyramid.draw(&mut band, &|tile, png| {
            let earlier = found.lock().unwrap().insert(tile.file(), png.to_vec());
            assert!(earlier.is_none(), "{tile:?} twice");
            Ok(())
        });
        drawn.unwrap();
        found.into_inner().unwrap()
    }

    /// The mean of every block of so many pixels a side.
    fn means(field: &Array2<Complex32>, block: usize) -> Array2<Complex32> {
        let (height, width) = field.dim();
        Array2::from_shape_fn((height.div_ceil(block), width.div_ceil(block)), |(row, column)| {
            let (top, left) = (row * block, column * block);
            let (bottom, right) = ((top + block).min(height), (left + block).min(width));
            let part = field.slice(s![top..bottom, left..right]);
            part.sum() / part.len() as f32
        })
    }

    #[test]
    fn tiles_of_a_level_are_the_picture_of_the_whole() {
        for (height, width, tile, levels) in
            [(37, 83, 8, 5), (64, 64, 16, 3), (5, 6, 8, 1), (17, 16, 16, 2), (1, 33, 16, 3)]
        {
            let field = field(height, width);
            let mut left = tiles(&field, tile);
            let pyramid = Pyramid { shape: field.dim(), tile, scales: SCALES };
            assert_eq!(pyramid.levels(), levels);
            for level in 0..levels {
                let block = 1 << level;
                let means = means(&field, block);
                for (layer, scale) in Layer::ALL.into_iter().zip(SCALES) {
                    let painter = Painter::default().map(scale.map).range((scale.low, scale.high));
                    let whole = layer.draw(&painter, means.view());
                    let mut joined = Array2::from_elem(whole.pixels.dim(), [0; 3]);
                    let (rows, columns) = joined.dim();
                    for row in 0..rows.div_ceil(tile) {
                        for column in 0..columns.div_ceil(tile) {
                            let name = Tile { layer, level, row, column }.file();
                            let part = Picture::decode(&left.remove(&name).unwrap()).unwrap();
                            assert_eq!((part.scale, part.zoom), (Some(scale), 1.0 / block as f64));
                            let (top, side) = (row * tile, column * tile);
                            let place =
                                s![top..(top + tile).min(rows), side..(side + tile).min(columns)];
                            joined.slice_mut(place).assign(&part.pixels);
                        }
                    }
                    assert!(joined == whole.pixels, "{height} x {width}, level {level}");
                }
            }
            assert!(left.is_empty(), "{:?}", left.keys());
        }
        assert!(tiles(&field(0, 5), 8).is_empty());
    }

    #[test]
    fn tiles_do_not_depend_on_threads() {
        let field = field(50, 70);
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| tiles(&field, 16))
        };
        assert!(of(1) == of(3));
    }

    #[test]
    fn an_error_ends_it() {
        let pyramid = Pyramid { shape: (40, 40), tile: 8, scales: SCALES };
        let mut bands = 0;
        let mut band = |rows: Range<usize>| {
            bands += 1;
            if rows.start >= 16 { Err("no rows") } else { Ok(field(rows.len(), 40)) }
        };
        assert_eq!(pyramid.draw(&mut band, &|_, _| Ok(())), Err("no rows"));
        assert_eq!(bands, 3);
        let mut band = |rows: Range<usize>| Ok(field(rows.len(), 40));
        assert_eq!(pyramid.draw(&mut band, &|_, _| Err("disk full")), Err("disk full"));
    }

    #[test]
    fn only_names_of_tiles_are_theirs() {
        let tile = Tile { layer: Layer::Phase, level: 0, row: 12, column: 3 };
        assert_eq!(tile.file(), "phase_0_12_3.png");
        assert!(Tile::is_named("phase_0_12_3.png") && Tile::is_named("amplitude_5_0_0.png"));
        for other in [
            "phase.png",
            "phase_0_12.png",
            "phase_0_012_3.png",
            "phase_0_12_3_4.png",
            "phase_+0_1_2.png",
            "error_0_1_2.png",
            "phase_0_12_3.png.txt",
        ] {
            assert!(!Tile::is_named(other), "{other}");
        }
    }

    #[test]
    fn the_page_has_the_values() {
        let pyramid = Pyramid { shape: (9000, 7000), tile: 512, scales: SCALES };
        let page = pyramid.page("zoom", Some(2e-9));
        assert!(!page.contains("{{") && page.contains("content=\"Lapwing "), "{page}");
        for value in ["height:9000", "width:7000", "tile:512", "levels:6", "pixel:2e-9"] {
            assert!(page.contains(value), "{value}");
        }
        assert!(page.contains("high:\"0.75 rad\"") && page.contains("linear-gradient"));
        assert!(pyramid.page("zoom", Some(f64::NAN)).contains("pixel:0e0"));
        // Nothing is fetched from elsewhere.
        assert!(!page.contains("http"), "{page}");
    }
}
