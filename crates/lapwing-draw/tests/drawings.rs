//! What the crate draws, looked at from outside: decoded PNGs and the text of SVGs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use lapwing_draw::{
    Axis, Block, Colormap, Guide, ImageSheet, Look, Mark, Painter, Panel, Picture, Plot, ScanPlot,
    Series, figure,
};
use lapwing_model::Position;
use ndarray::Array2;
use num_complex::Complex32;

/// Width, height and the red, green and blue of every pixel of a PNG, as the `png` crate reads it.
fn decoded(file: &[u8]) -> (usize, usize, Vec<[u8; 3]>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let pixels = bytes.chunks_exact(3).map(|colour| [colour[0], colour[1], colour[2]]).collect();
    (info.width as usize, info.height as usize, pixels)
}

#[test]
fn a_field_has_the_published_colours_of_viridis() {
    let values = Array2::from_shape_fn((3, 256), |(_, x)| x as f32);
    let picture = Painter::default().range((0.0, 255.0)).scalar(values.view());
    let (width, height, pixels) = decoded(&picture.png());
    assert_eq!((width, height), (256, 3));
    // First, middle and last colour of matplotlib's viridis.
    assert_eq!(pixels[0], [68, 1, 84]);
    assert_eq!(pixels[255], [253, 231, 37]);
    let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 2);
    assert!(near(pixels[128], [33, 144, 140]), "{:?}", pixels[128]);
    assert_eq!(Picture::decode(&picture.png()).unwrap(), picture);
}

#[test]
fn phases_that_differ_by_a_turn_have_one_colour() {
    let field = Array2::from_shape_fn((2, 64), |(row, x)| {
        let turn = if row == 0 { 0.0 } else { std::f32::consts::TAU };
        Complex32::from_polar(1.0, 0.1 * x as f32 - 3.0 + turn)
    });
    let (width, _, pixels) = decoded(&Painter::default().complex(field.view()).png());
    for x in 0..width {
        let (first, second) = (pixels[x], pixels[width + x]);
        assert!(first.iter().zip(second).all(|(a, b)| a.abs_diff(b) <= 1), "{first:?} {second:?}");
    }
}

#[test]
fn a_figure_holds_its_pictures() {
    let grey = |level: f32| {
        let values = Array2::from_elem((10, 10), level);
        Painter::default().map(Colormap::Grey).range((0.0, 1.0)).scalar(values.view())
    };
    let file = figure(&[Panel::new("dark", grey(0.2)), Panel::new("light", grey(0.6))], 2);
    let (.., pixels) = decoded(&file);
    let count = |colour: [u8; 3]| pixels.iter().filter(|&&pixel| pixel == colour).count();
    // 10 x 10 pixels, enlarged 28 times to the panel's 280.
    assert!(count([51; 3]) >= 280 * 280 && count([153; 3]) >= 280 * 280);
}

#[test]
fn plots_are_the_same_text_each_time_and_escape_names() {
    let mut plot =
        Plot::new("a < b & c", Axis::log("dose").range(1.0, 100.0), Axis::linear("quality"));
    plot.guides.push(Guide { y: 0.5, label: "goal <0.5>".to_owned() });
    for (colour, name) in ["one", "<two>"].into_iter().enumerate() {
        let points = [(1.0, 0.1), (10.0, 0.4), (100.0, 0.9)];
        plot.series.push(Series::new(name, colour, Mark::LineAndSymbols, points));
    }
    let svg = plot.svg(Look::Standalone);
    assert_eq!(svg, plot.svg(Look::Standalone));
    assert!(svg.contains("a &lt; b &amp; c") && svg.contains("&lt;two&gt;"));
    assert!(!svg.contains("<two>") && !svg.contains("<0.5>"));
    let (width, height, _) = decoded(&plot.png(2.0));
    assert_eq!((width as f64, height as f64), (2.0 * plot.size.0, 2.0 * plot.size.1));
}

#[test]
fn scans_and_sheets_are_drawn() {
    let selected = [(10.0, 10.0), (10.0, 20.0), (20.0, 10.0)].map(|(y, x)| Position { y, x });
    let rejected = [Position { y: 20.0, x: 20.0 }];
    let scan = ScanPlot {
        title: "scan",
        description: "three of four",
        selected: &selected,
        rejected: &rejected,
        probe_diameter: 8.0,
        width: 300.0,
    };
    let svg = scan.svg(Look::Inline);
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("three of four"));

    let picture = Painter::default().scalar(Array2::from_elem((8, 8), 1.0).view());
    let sheet = ImageSheet {
        title: "sheet".to_owned(),
        description: "two doses".to_owned(),
        columns: vec!["dense".to_owned()],
        rows: vec!["10".to_owned(), "100".to_owned()],
        blocks: vec![Block {
            title: "Phase".to_owned(),
            unit: "rad".to_owned(),
            pictures: vec![vec![Some(picture)], vec![None]],
        }],
        pixel_size: None,
    };
    let svg = sheet.svg();
    assert!(svg.contains("dense") && svg.contains("two doses"));
    assert!(svg.contains("data:image/png;base64,"), "the picture is inside");
    assert!(!decoded(&sheet.png(1.0)).2.is_empty());
}
