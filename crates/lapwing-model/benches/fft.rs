//! One forward and one inverse two-dimensional transform, in cache: `cargo bench -p lapwing-model`.

use divan::Bencher;
use lapwing_model::Complex32;
use lapwing_model::fft::Fft2;

fn main() {
    divan::main();
}

#[divan::bench(args = [32, 64, 96, 128, 256, 512])]
fn forward_and_inverse(bencher: Bencher, side: usize) {
    let fft = Fft2::new((side, side));
    let zero = Complex32::new(0.0, 0.0);
    let mut field: Vec<Complex32> =
        (0..side * side).map(|i| Complex32::new((i % 17) as f32, (i % 5) as f32)).collect();
    let mut spectrum = vec![zero; fft.len()];
    let mut scratch = vec![zero; fft.scratch_len()];
    bencher.counter(divan::counter::ItemsCount::new(2_usize)).bench_local(|| {
        fft.forward(&mut field, &mut spectrum, &mut scratch);
        fft.inverse(&mut spectrum, &mut field, &mut scratch);
    });
}
