//! The page with every pixel of a large object, in a real browser.

use crate::support::browser;
use lapwing_draw::pyramid::{Pyramid, Tile};
use lapwing_draw::{Colormap, ColourScale, Painter};
use lapwing_model::Complex32;
use ndarray::{Array2, s};
use serde_json::json;
use std::io;

/// Zooms and moves by keys and by the wheel, and reads the colours of the canvas, in steps with
/// time for tiles to come.
const CHECK: &str = r#"<script>
(async () => {
  const wait = () => new Promise((done) => setTimeout(done, 1500));
  const press = (key) => dispatchEvent(new KeyboardEvent("keydown", { key }));
  const canvas = document.querySelector("canvas");
  const colour = (x, y) => [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
  const middle = () => colour(canvas.width / 2, canvas.height / 2);
  const told = () => document.querySelector(".place").textContent;
  const seen = {};
  await wait();
  seen.whole = told();
  press("1");
  await wait();
  seen.pixels = [told(), middle()];
  press("a");
  await wait();
  seen.amplitude = middle();
  // Far beyond the corner: the last pixel is in the corner of the canvas.
  for (let i = 0; i < 20; i++) { press("ArrowRight"); press("ArrowDown"); }
  await wait();
  seen.corner = colour(canvas.width - 1, canvas.height - 1);
  // The pixel under the pointer stays under it.
  const { left, top } = canvas.getBoundingClientRect();
  const under = [100, 60];
  seen.before = colour(...under);
  canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -900, clientX: left + under[0] + 0.5, clientY: top + under[1] + 0.5, cancelable: true }));
  await wait();
  seen.after = colour(...under);
  seen.near = told();
  seen.bar = document.querySelector(".length").textContent;
  press("0");
  await wait();
  seen.again = told();
  seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  seen.lost = !document.querySelector("p.lost").hidden;
  seen.size = [canvas.width, canvas.height];
  const place = document.createElement("pre");
  place.id = "self-check";
  place.textContent = JSON.stringify({ seen, errors: window.seenErrors });
  document.body.append(place);
})();
</script>"#;

#[test]
fn a_page_of_tiles_shows_the_right_pixels() {
    if lapwing_testing::left_out() {
        return;
    }
    // Squares of 8 pixels, so that a rounding by one pixel is none.
    let field = Array2::from_shape_fn((1700, 2300), |(y, x)| {
        let draw = ((y / 8) * 7919 + (x / 8) * 104_729 + (y / 8) * (x / 8)) % 61;
        Complex32::from_polar(0.5 + draw as f32 / 61.0, (draw % 17) as f32 / 17.0 - 0.5)
    });
    let scales = [
        ColourScale { map: Colormap::Viridis, low: 0.5, high: 1.5 },
        ColourScale { map: Colormap::Magma, low: -0.5, high: 0.5 },
    ];
    let pyramid = Pyramid { shape: field.dim(), tile: 256, scales };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("zoom")).unwrap();
    let keep =
        |tile: &Tile, png: &[u8]| std::fs::write(folder.path().join("zoom").join(tile.file()), png);
    let drawn: io::Result<()> =
        pyramid.draw(&mut |rows| Ok(field.slice(s![rows, ..]).to_owned()), &keep);
    drawn.unwrap();
    let page = folder.path().join("zoom.html");
    // A browser without a window draws no frames after the first.
    let frames = "<head><script>requestAnimationFrame = (work) => setTimeout(work, 16);</script>";
    let html = pyramid.page("zoom", Some(2e-9)).replacen("<head>", frames, 1);
    std::fs::write(&page, html).unwrap();
    let painted =
        |scale: ColourScale| Painter::default().map(scale.map).range((scale.low, scale.high));
    let amplitude = painted(scales[0]).amplitude(field.view()).pixels;
    let phase = painted(scales[1]).phase(field.view()).pixels;
    for width in [1200, 500] {
        let Some(found) = browser::look(&page, width, CHECK) else { return };
        // The browser has advice for those who read a canvas, which the test alone does.
        let advice = |line: &String| line.contains("willReadFrequently");
        assert!(found.console.iter().all(advice), "{:#?}", found.console);
        assert_eq!(found.check["errors"], json!([]));
        let seen = &found.check["seen"];
        assert_eq!(seen["pixels"], json!(["1700 x 2300 px, 100 %", phase[(850, 1150)]]), "{seen}");
        assert_eq!(seen["amplitude"], json!(amplitude[(850, 1150)]), "{seen}");
        assert_eq!(seen["corner"], json!(amplitude[(1699, 2299)]), "{seen}");
        assert_eq!(seen["before"], seen["after"], "{seen}");
        assert_eq!(seen["near"], "1700 x 2300 px, 800 %");
        assert!(seen["bar"].as_str().unwrap().ends_with(" nm"), "{seen}");
        assert_eq!(seen["whole"], seen["again"]);
        assert_eq!(seen["lost"], false);
        assert!(seen["wide"].as_i64().unwrap() <= 0, "{seen}");
    }
}
