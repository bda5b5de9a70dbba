//! One forward and one inverse two-dimensional transform, in cache: `cargo bench -p lapwing-model`.

use divan::Bencher;
use lapwing_model::Complex32;
use lapwing_model::buffer::Buffer;
use lapwing_model::fft::Fft2;

fn main() {
    divan::main();
}

#[divan::bench(args = [32, 64, 96, 128, 256, 512])]
fn forward_and_inverse(bencher: Bencher, side: usize) {
    let fft = Fft2::new((side, side));
    let mut field = Buffer::zeros(fft.len());
    for (i, value) in field.iter_mut().enumerate() {
        *value = Complex32::new((i % 17) as f32, (i % 5) as f32);
    }
    let mut spectrum = Buffer::zeros(fft.len());
    let mut scratch = Buffer::zeros(fft.scratch_len());
    bencher.counter(divan::counter::ItemsCount::new(2_usize)).bench_local(|| {
        fft.forward(&mut field, &mut spectrum, &mut scratch);
        fft.inverse(&mut spectrum, &mut field, &mut scratch);
    });
}
