//! A table of pictures for papers and slides: the same thing under many conditions, on common
//! colours, as SVG and PNG.

mod item;

use crate::canvas::{Anchor, Canvas};
use crate::colormap::{INK, PAPER};
use crate::number::label;
use crate::picture::{ColourScale, Picture};
use crate::scale_bar::ScaleBar;
use crate::svg::Look;
use item::Item;

/// Side of the square that every picture is fitted into, user units.
const CELL: f64 = 150.0;
const GAP: f64 = 8.0;
const MARGIN: f64 = 12.0;
/// Height of a heading with the room around it.
const HEAD: f64 = 20.0;
/// Room for a colour bar and its numbers.
const BAR: f64 = 74.0;
/// Height of a line of text under a picture.
const LINE: f64 = 15.0;
/// Most pixels of a side of the PNG.
const LARGEST: f64 = 8000.0;

/// Blocks of pictures below each other; rows and columns are named, and mean the same in every
/// block.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSheet {
    /// What is shown; also the accessible name.
    pub title: String,
    /// Alternative text, for people who cannot see it.
    pub description: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// The blocks.
    pub blocks: Vec<Block>,
    /// Side of a pixel of the fields, metres: adds a scale bar to the first picture of each block.
    pub pixel_size: Option<f64>,
}

/// Pictures of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The quantity.
    pub title: String,
    /// Its unit, above the colour bar; empty for pure numbers.
    pub unit: String,
    /// `pictures[row][column]`; what is not there stays free. Pictures that all have one
    /// [scale](Picture::scale) share a colour bar, otherwise each has its range written under it.
    pub pictures: Vec<Vec<Option<Picture>>>,
}

impl Block {
    fn all(&self) -> impl Iterator<Item = &Picture> {
        self.pictures.iter().flatten().flatten()
    }

    /// The scale that all pictures have.
    fn common_scale(&self) -> Option<ColourScale> {
        let first = self.all().next()?.scale;
        if self.all().all(|picture| picture.scale == first) { first } else { None }
    }
}

impl ImageSheet {
    /// The SVG, pictures inside it. The same text for the same sheet.
    pub fn svg(&self) -> String {
        let (size, items) = self.layout();
        let mut body = String::new();
        for item in &items {
            item.write(&mut body);
        }
        Look::Standalone.document(size, &self.title, &self.description, &body)
    }

    /// The PNG, `zoom` pixels for each user unit (cut so that no side exceeds 8000 pixels). A
    /// picture is 150 units wide or high.
    pub fn png(&self, zoom: f64) -> Vec<u8> {
        let ((width, height), items) = self.layout();
        let zoom = if zoom.is_finite() { zoom } else { 1.0 };
        let zoom = zoom.max(0.1).min(LARGEST / width.max(height).max(1.0));
        let side = |units: f64| (units * zoom).round().clamp(1.0, LARGEST) as usize;
        let mut canvas = Canvas::new(side(width), side(height), PAPER);
        for item in &items {
            item.paint(&mut canvas, zoom);
        }
        Picture::of_pixels(canvas.pixels).png_unfiltered()
    }

    fn layout(&self) -> ((f64, f64), Vec<Item<'_>>) {
        let names = self.rows.iter().map(|name| text_width(name)).fold(0.0, f64::max);
        let left = MARGIN + if names > 0.0 { names + GAP } else { 0.0 };
        let across = self.columns.len() as f64 * (CELL + GAP);
        let title = text_width(&self.title) + 2.0 * MARGIN;
        let width = (left + across + BAR).max(title);
        let mut items = vec![Item::text((MARGIN, MARGIN + 12.0), Anchor::Start, true, &self.title)];
        let mut y = MARGIN + HEAD;
        for block in &self.blocks {
            y = self.block(block, (left, y), &mut items) + 1.5 * GAP;
        }
        ((width, y + MARGIN), items)
    }

    /// Adds a block with its upper left picture at x; returns where it ends.
    fn block<'a>(
        &self,
        block: &'a Block,
        (left, top): (f64, f64),
        items: &mut Vec<Item<'a>>,
    ) -> f64 {
        let scale = block.common_scale();
        items.push(Item::text((MARGIN, top + 13.0), Anchor::Start, true, &block.title));
        let mut y = top + HEAD;
        for (column, name) in self.columns.iter().enumerate() {
            let middle = left + column as f64 * (CELL + GAP) + CELL / 2.0;
            items.push(Item::text((middle, y + 12.0), Anchor::Middle, false, name));
        }
        y += HEAD;
        let first = y;
        let mut barred = false;
        for (row, pictures) in block.pictures.iter().enumerate() {
            let height =
                pictures.iter().flatten().map(|picture| size(picture).1).fold(LINE, f64::max);
            if let Some(name) = self.rows.get(row) {
                items.push(Item::text(
                    (left - GAP, y + height / 2.0 + 4.0),
                    Anchor::End,
                    false,
                    name,
                ));
            }
            let mut ranges = false;
            for (column, picture) in pictures.iter().enumerate() {
                let Some(picture) = picture else { continue };
                let at = (left + column as f64 * (CELL + GAP), y);
                let size = size(picture);
                items.push(Item::Image { at, size, picture });
                if !barred && let Some(metres) = self.pixel_size {
                    scale_bar(metres, picture, (at, size), items);
                    barred = true;
                }
                if let (None, Some(own)) = (scale, picture.scale) {
                    let range = format!(
                        "{} to {} {}",
                        label(own.low.into(), 3),
                        label(own.high.into(), 3),
                        block.unit
                    );
                    let at = (at.0 + CELL / 2.0, y + height + 12.0);
                    items.push(Item::text(at, Anchor::Middle, false, range.trim_end()));
                    ranges = true;
                }
            }
            y += height + GAP + if ranges { LINE } else { 0.0 };
        }
        if let Some(scale) = scale {
            let x = left + self.columns.len() as f64 * (CELL + GAP);
            let height = (y - GAP - first).clamp(1.0, CELL);
            items.push(Item::Bar { at: (x, first), size: (12.0, height), scale });
            for (value, down) in [(scale.high, 8.0), (scale.low, height)] {
                items.push(Item::text(
                    (x + 17.0, first + down),
                    Anchor::Start,
                    false,
                    &label(value.into(), 3),
                ));
            }
            items.push(Item::text((x, first - 8.0), Anchor::Start, false, &block.unit));
        }
        y
    }
}

/// A white plate with a bar and its length, in the lower right corner of a picture.
fn scale_bar(
    metres: f64,
    picture: &Picture,
    ((x, y), (width, height)): ((f64, f64), (f64, f64)),
    items: &mut Vec<Item<'_>>,
) {
    let Some(bar) = ScaleBar::of(metres, picture) else { return };
    let length = bar.share * width;
    let plate = length.max(text_width(&bar.label)) + 10.0;
    let (right, bottom) = (x + width - 4.0, y + height - 4.0);
    let middle = right - plate / 2.0;
    items.push(Item::Rectangle {
        at: (right - plate, bottom - 22.0),
        size: (plate, 22.0),
        colour: PAPER,
    });
    items.push(Item::Rectangle {
        at: (middle - length / 2.0, bottom - 6.0),
        size: (length, 3.0),
        colour: INK,
    });
    items.push(Item::text((middle, bottom - 10.0), Anchor::Middle, false, &bar.label));
}

/// Width and height of a picture on the sheet.
fn size(picture: &Picture) -> (f64, f64) {
    let (width, height) = (picture.width().max(1) as f64, picture.height().max(1) as f64);
    let unit = CELL / width.max(height);
    (width * unit, height * unit)
}

/// About as wide as the text is in either kind of file, user units; generous.
pub(crate) fn text_width(text: &str) -> f64 {
    Canvas::text_width(8.0, text).max(6.6 * text.chars().count() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colormap, Painter};
    use ndarray::Array2;

    fn picture(high: f32) -> Option<Picture> {
        let values = Array2::from_shape_fn((50, 100), |(y, x)| (y * x) as f32);
        Some(Painter::default().range((0.0, high)).scalar(values.view()))
    }

    fn sheet(highs: [f32; 2]) -> ImageSheet {
        let [first, second] = highs.map(picture);
        ImageSheet {
            title: "Images <1>".into(),
            description: String::new(),
            columns: vec!["truth".into(), "dense".into()],
            rows: vec!["10\u{b3}".into(), "10\u{2074}".into()],
            blocks: vec![Block {
                title: "Phase".into(),
                unit: "rad".into(),
                pictures: vec![vec![first, None], vec![None, second]],
            }],
            pixel_size: Some(1e-8),
        }
    }

    #[test]
    fn pictures_stand_in_their_cells_in_both_kinds_of_file() {
        let sheet = sheet([5000.0, 5000.0]);
        let svg = sheet.svg();
        assert_eq!(svg.matches("<image ").count(), 2);
        for text in
            ["Images &lt;1&gt;", ">truth<", ">dense<", ">rad<", ">5000<", ">200 nm<", "10\u{b3}"]
        {
            assert!(svg.contains(text), "{text} is not in\n{svg}");
        }
        assert_eq!(svg, sheet.svg());
        let drawn = Picture::decode(&sheet.png(2.0)).unwrap();
        let left =
            MARGIN + sheet.rows.iter().map(|name| text_width(name)).fold(0.0, f64::max) + GAP;
        let (x, y) = (2.0 * left, 2.0 * (MARGIN + 3.0 * HEAD));
        // The first picture is 150 by 75 units; its first pixel is the lowest value, and right of
        // it is paper.
        assert_eq!(drawn.pixels[(y as usize + 1, x as usize + 1)], Colormap::Viridis.at(0.0));
        assert_eq!(drawn.pixels[(y as usize + 1, x as usize + 2 * 150 + 3)], PAPER);
        // The second, one row and one column on, ends with the highest.
        let last = (y + 2.0 * (2.0 * 75.0 + GAP) - 2.0, x + 2.0 * (2.0 * CELL + GAP) - 2.0);
        assert_eq!(
            drawn.pixels[(last.0 as usize, last.1 as usize)],
            Colormap::Viridis.at(49.0 * 99.0 / 5000.0)
        );
    }

    #[test]
    fn different_ranges_are_written_under_the_pictures() {
        let svg = sheet([5000.0, 900.0]).svg();
        assert!(svg.contains(">0 to 5000 rad<") && svg.contains(">0 to 900 rad<"), "{svg}");
    }

    #[test]
    fn odd_sheets_are_drawn_too() {
        let empty =
            ImageSheet { columns: vec![], rows: vec![], blocks: vec![], ..sheet([1.0, 1.0]) };
        let mut odd = sheet([1.0, 1.0]);
        odd.blocks[0].pictures[0][0] = Some(Picture::of_pixels(Array2::from_elem((0, 3), PAPER)));
        odd.blocks[0].pictures.push(vec![]);
        for sheet in [empty, odd] {
            for zoom in [f64::NAN, 0.0, 3.0] {
                assert_eq!(&sheet.png(zoom)[1..4], b"PNG");
            }
            assert!(sheet.svg().starts_with("<svg"));
        }
    }
}
