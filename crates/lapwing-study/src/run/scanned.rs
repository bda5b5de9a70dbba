//! An object as it is looked at: the part that the scan covers, without mean phase and phase ramp,
//! in one picture of at most so many pixels and, where that cannot hold every pixel, in tiles.

use crate::Result;
use crate::disk::path::make_folder;
use crate::error::StudyError;
use lapwing_draw::field::phase_range;
use lapwing_draw::pyramid::Tile;
use lapwing_draw::{ColourScale, Painter, Picture, Pyramid};
use lapwing_files::{atomic, stop};
use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, Field, Position, position};
use ndarray::{ArrayView1, ArrayView2, Ix2, SliceInfo, SliceInfoElem, s};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A part of a picture: rows and columns.
type Window = SliceInfo<[SliceInfoElem; 2], Ix2, Ix2>;

/// Longest side of a picture: of larger objects each pixel is the mean of a square block.
pub(crate) const LARGEST: usize = 4096;

/// Small pictures are enlarged by whole factors up to this side, pixels.
pub(crate) const SIDE: usize = 512;

/// Side of a tile, pixels.
const TILE: usize = 512;

/// Name of the page that shows the tiles.
pub(crate) const ZOOM: &str = "zoom.html";

/// Name of the folder of tiles, beside the page.
pub(crate) const TILES: &str = "zoom";

/// The part of an object that a scan covers, and how it is drawn.
pub(crate) struct Scanned<'a> {
    area: ArrayView2<'a, Complex32>,
    gauge: Gauge,
    /// Colours of amplitude and phase.
    scales: Option<[ColourScale; 2]>,
    /// Side of the blocks of which the pixels of its pictures are the means.
    block: usize,
}

/// Tiles that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub tiles: u64,
    pub bytes: u64,
}

/// A phase ramp, radians for a pixel, and a phase that are no property of an object.
#[derive(Debug, Clone, Copy)]
struct Gauge {
    along_y: f32,
    along_x: f32,
    mean: f32,
}

impl Gauge {
    /// That of a field; its mean phase is that of means over blocks of `block` x `block` pixels,
    /// without their ramp and it, which are given too.
    fn of(field: ArrayView2<Complex32>, block: usize) -> (Self, Field) {
        let ramped = Self { along_y: ramp(field, 1, 0), along_x: ramp(field, 0, 1), mean: 0.0 };
        let (height, width) = field.dim();
        let mut flat = Field::zeros((height.div_ceil(block), width.div_ceil(block)));
        let rows = flat.outer_iter_mut().enumerate().in_parallel();
        rows.for_each(|(row, mut means)| {
            let rows = row * block..((row + 1) * block).min(height);
            for (column, mean) in means.iter_mut().enumerate() {
                let columns = column * block..((column + 1) * block).min(width);
                let count = (rows.len() * columns.len()) as f32;
                let pixels = rows.clone().flat_map(|y| columns.clone().map(move |x| (y, x)));
                let sum = pixels.map(|(y, x)| field[(y, x)] * ramped.factor(y, x));
                *mean = sum.sum::<Complex32>() / count;
            }
        });
        let mean = flat.iter().sum::<Complex32>().arg();
        flat.mapv_inplace(|value| value * Complex32::from_polar(1.0, -mean));
        (Self { mean, ..ramped }, flat)
    }

    /// What takes it off a pixel.
    fn factor(&self, y: usize, x: usize) -> Complex32 {
        let phase = self.along_y * y as f32 + self.along_x * x as f32;
        Complex32::from_polar(1.0, -(phase + self.mean))
    }
}

/// The phase ramp from each pixel to the one so many further, estimated from their products.
fn ramp(field: ArrayView2<Complex32>, dy: usize, dx: usize) -> f32 {
    let (height, width) = field.dim();
    let (a, b) = (field.slice(s![dy.., dx..]), field.slice(s![..height - dy, ..width - dx]));
    // Single numbers run out of digits in a sum over a large object.
    let of_row = |(a, b): (ArrayView1<Complex32>, ArrayView1<Complex32>)| {
        let sum = a.iter().zip(b).map(|(a, b)| a * b.conj()).sum::<Complex32>();
        [f64::from(sum.re), f64::from(sum.im)]
    };
    let rows = a.outer_iter().zip(b.outer_iter()).in_parallel().at_least(16).map(of_row);
    let [re, im] = rows.into_iter().fold([0.0; 2], |sum, row| [sum[0] + row[0], sum[1] + row[1]]);
    im.atan2(re) as f32
}

/// Whether pictures of an object cannot show every pixel that its scan covers.
pub(crate) fn is_large(object: (usize, usize), scan: &[Position]) -> bool {
    let (rows, columns) = covered(object, scan);
    rows.len().max(columns.len()) > LARGEST
}

impl<'a> Scanned<'a> {
    /// The area of the scan, and its pictures of at most `largest` pixels a side: amplitude, phase.
    pub fn of(
        object: ArrayView2<'a, Complex32>,
        scan: &[Position],
        largest: usize,
    ) -> (Self, [Picture; 2]) {
        let area = object.slice_move(area_of(object.dim(), scan));
        let block = area.nrows().max(area.ncols()).div_ceil(largest).max(1);
        let (gauge, overview) = Gauge::of(area, block);
        let painter = Painter::default().enlarge_to(SIDE);
        let of_blocks = |picture: Picture| Picture { zoom: picture.zoom / block as f64, ..picture };
        let phases = phase_range(overview.view(), None);
        let amplitude = of_blocks(painter.amplitude(overview.view()));
        let phase = of_blocks(painter.range(phases).phase(overview.view()));
        let scales = amplitude.scale.zip(phase.scale).map(|(first, second)| [first, second]);
        (Self { area, gauge, scales, block }, [amplitude, phase])
    }

    /// Writes every pixel in tiles, in the colours of the pictures, and the page that shows them,
    /// with a scale bar where the side of a pixel (metres) is known; `None` where the pictures show
    /// every pixel.
    pub fn write_tiles(&self, folder: &Path, pixel_size: Option<f64>) -> Result<Option<Written>> {
        self.write_tiles_of(folder, pixel_size, TILE)
    }

    fn write_tiles_of(
        &self,
        folder: &Path,
        pixel_size: Option<f64>,
        tile: usize,
    ) -> Result<Option<Written>> {
        let Some(scales) = self.scales.filter(|_| self.block > 1) else { return Ok(None) };
        let pyramid = Pyramid { shape: self.area.dim(), tile, scales };
        let tiles = folder.join(TILES);
        make_folder(&tiles)?;
        let (count, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut band = |rows: Range<usize>| {
            stop::check()?;
            let mut flat = self.area.slice(s![rows.clone(), ..]).to_owned();
            flat.outer_iter_mut().zip(rows).in_parallel().for_each(|(mut row, y)| {
                for (x, value) in row.iter_mut().enumerate() {
                    *value *= self.gauge.factor(y, x);
                }
            });
            Ok(flat)
        };
        let keep = |tile: &Tile, png: &[u8]| {
            count.fetch_add(1, Relaxed);
            bytes.fetch_add(png.len() as u64, Relaxed);
            write(&tiles.join(tile.file()), png)
        };
        pyramid.draw(&mut band, &keep)?;
        write(&folder.join(ZOOM), pyramid.page(TILES, pixel_size).as_bytes())?;
        Ok(Some(Written { tiles: count.into_inner(), bytes: bytes.into_inner() }))
    }
}

fn write(path: &Path, contents: &[u8]) -> Result<()> {
    atomic::write_bytes(path, contents).map_err(StudyError::io("cannot write", path))
}

/// The box of the window centres, or the whole object when that is too small to look at.
pub(crate) fn area_of(object: (usize, usize), scan: &[Position]) -> Window {
    let (rows, columns) = covered(object, scan);
    s![rows, columns]
}

fn covered((height, width): (usize, usize), scan: &[Position]) -> (Range<usize>, Range<usize>) {
    let Some((y0, y1, x0, x1)) = position::bounding_box(scan) else {
        return (0..height, 0..width);
    };
    let range = |low: f64, high: f64, limit: usize| {
        let (low, high) = (low.floor().max(0.0) as usize, high.ceil().max(0.0) as usize + 1);
        low.min(limit)..high.min(limit)
    };
    let (rows, columns) = (range(y0, y1, height), range(x0, x1, width));
    match rows.len() < 16 || columns.len() < 16 {
        true => (0..height, 0..width),
        false => (rows, columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_and_a_phase_are_removed() {
        let truth = |y: usize, x: usize| {
            Complex32::from_polar(1.0, 0.3 * (0.7 * y as f32).sin() * (0.9 * x as f32).cos())
        };
        let field = Field::from_shape_fn((60, 50), |(y, x)| {
            truth(y, x) * Complex32::from_polar(1.0, 1.0 + 0.05 * y as f32 - 0.03 * x as f32)
        });
        let (gauge, flat) = Gauge::of(field.view(), 1);
        let worst = flat
            .indexed_iter()
            .map(|((y, x), v)| (v * truth(y, x).conj()).arg().abs())
            .fold(0.0, f32::max);
        assert!(worst < 0.1, "{worst}");
        let apart =
            flat.indexed_iter().map(|((y, x), v)| (field[(y, x)] * gauge.factor(y, x) - v).norm());
        assert!(apart.fold(0.0, f32::max) < 1e-5);
        // Of blocks, the ramp is gone before the mean is taken: with it blocks would be dark.
        let steep = field.indexed_iter().map(|((y, x), value)| {
            value * Complex32::from_polar(1.0, 1.5 * y as f32 - 0.9 * x as f32)
        });
        let steep = Field::from_shape_vec((60, 50), steep.collect()).unwrap();
        let (_, coarse) = Gauge::of(steep.view(), 7);
        assert_eq!(coarse.dim(), (9, 8));
        let dark = coarse.iter().map(|value| value.norm()).fold(1.0, f32::min);
        assert!(dark > 0.9, "{dark}");
    }

    /// An object of 90 x 130 px in which every pixel differs, with a ramp.
    fn object() -> Field {
        Field::from_shape_fn((90, 130), |(y, x)| {
            let draw = (y * 131 + x * 17 + y * x) % 64;
            let ramp = 0.02 * y as f32 - 0.01 * x as f32;
            Complex32::from_polar(0.8 + draw as f32 / 320.0, ramp + draw as f32 / 640.0)
        })
    }

    #[test]
    fn tiles_show_every_pixel_in_the_colours_of_the_picture_of_the_whole() {
        let object = object();
        let folder = tempfile::tempdir().unwrap();
        // Pictures of at most 40 px a side: means of 4 x 4.
        let (scanned, pictures) = Scanned::of(object.view(), &[], 40);
        assert_eq!(pictures[0].zoom, 15.0 / 4.0);
        let written = scanned.write_tiles_of(folder.path(), Some(1e-8), 32).unwrap().unwrap();
        // 3 x 5 tiles of every pixel, 2 x 3, 1 x 2, 1.
        assert_eq!(written.tiles, 2 * (15 + 6 + 2 + 1));
        let tiles = folder.path().join(TILES);
        assert_eq!(std::fs::read_dir(&tiles).unwrap().count() as u64, written.tiles);
        let Gauge { along_y, along_x, mean } = scanned.gauge;
        let flat = Field::from_shape_fn(object.dim(), |(y, x)| {
            let ramp = f64::from(along_y) * y as f64 + f64::from(along_x) * x as f64;
            object[(y, x)] * Complex32::from_polar(1.0, -(ramp + f64::from(mean)) as f32)
        });
        for (layer, picture) in ["amplitude", "phase"].into_iter().zip(&pictures) {
            let scale = picture.scale.unwrap();
            let painter = Painter::default().map(scale.map).range((scale.low, scale.high));
            let whole = match layer {
                "amplitude" => painter.amplitude(flat.view()),
                _ => painter.phase(flat.view()),
            };
            let mut apart = 0;
            for (row, column) in (0..3).flat_map(|row| (0..5).map(move |column| (row, column))) {
                let file = tiles.join(format!("{layer}_0_{row}_{column}.png"));
                let tile = Picture::decode(&std::fs::read(file).unwrap()).unwrap();
                assert_eq!(tile.scale, Some(scale));
                for ((y, x), colour) in tile.pixels.indexed_iter() {
                    apart += usize::from(*colour != whole.pixels[(row * 32 + y, column * 32 + x)]);
                }
            }
            // Where the last digit of a value lies between two colours, either is right.
            assert!(apart <= 20, "{layer}: {apart} of {}", whole.pixels.len());
            assert_eq!(whole.pixels.dim(), (90, 130));
        }
        let page = std::fs::read_to_string(folder.path().join(ZOOM)).unwrap();
        assert!(page.contains("height:90,width:130,tile:32,levels:4,pixel:1e-8"), "{page}");
        // A picture that has every pixel needs none.
        let folder = tempfile::tempdir().unwrap();
        let (scanned, _) = Scanned::of(object.view(), &[], 130);
        assert_eq!(scanned.write_tiles(folder.path(), None).unwrap(), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn tiles_end_when_they_are_to() {
        let object = object();
        let folder = tempfile::tempdir().unwrap();
        let (scanned, _) = Scanned::of(object.view(), &[], 40);
        let stop = stop::Stop::default();
        stop.ask();
        let ended = stop.during(|| scanned.write_tiles_of(folder.path(), None, 32));
        assert!(matches!(ended, Err(StudyError::Stopped)), "{ended:?}");
        assert!(!folder.path().join(ZOOM).exists());
    }

    #[test]
    fn the_area_that_counts_is_that_of_the_scan() {
        let scan = [(100.0, 50.0), (3000.0, 4200.0)].map(|(y, x)| Position { y, x });
        assert!(is_large((5000, 5000), &scan) && is_large((5000, 5000), &[]));
        assert!(!is_large((5000, 5000), &scan.map(|at| Position { x: at.x / 2.0, ..at })));
        assert!(!is_large((4096, 4096), &[]));
    }
}
