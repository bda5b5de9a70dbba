//! A whole comparison of objects of several sizes: `cargo bench -p lapwing-compare`.

use divan::Bencher;
use lapwing_compare::{Region, compare};
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field};

fn main() {
    divan::main();
}

#[divan::bench(args = [256, 512, 1000], sample_count = 5, sample_size = 1)]
fn moved_scaled_and_tilted(bencher: Bencher, side: usize) {
    let border = 20;
    let truth = Specimen::Cells.make((side + 2 * border, side + 2 * border), 3);
    let (height, width) = truth.dim();
    // Two rows down, three columns left, a ramp, another scale: what a reconstruction may differ
    // by.
    let reconstruction = Field::from_shape_fn(truth.dim(), |(y, x)| {
        let ramp = Complex32::from_polar(100.0, 0.003 * y as f32 - 0.002 * x as f32);
        truth[((y + height - 2) % height, (x + 3) % width)] * ramp
    });
    let area = border..side + border;
    let region = Region::rectangle(area.clone(), area).unwrap_or_else(|error| panic!("{error}"));
    bencher.bench_local(|| compare(reconstruction.view(), truth.view(), &region));
}
