//! The three steps of a pattern's pass, one thread, arrays in cache: `cargo bench -p lapwing-model
//! --bench pass`.

use divan::Bencher;
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::{ForwardModel, Patch, PatternQuery, Ramp, Site, Workspace};
use lapwing_model::{Complex32, Position};

const SIDES: [usize; 3] = [64, 128, 256];

fn main() {
    divan::main();
}

/// One pattern and the arrays of its pass.
struct Pattern {
    model: ForwardModel,
    ramp: Ramp,
    object: Buffer,
    spectrum: Buffer,
    probe: Buffer,
    in_flight: Buffer,
    chi: Buffer,
    sum: Buffer,
    power: Vec<f32>,
    work: Workspace,
}

impl Pattern {
    fn new(side: usize) -> Self {
        let model = ForwardModel::new((side, side));
        let centre = side as f64 / 2.0;
        let position = Position { y: centre + 0.3, x: centre - 0.2 };
        let window = model.window(position, (side, side)).unwrap_or_else(|error| panic!("{error}"));
        let filled = || {
            let mut values = Buffer::zeros(model.len());
            for (i, value) in values.iter_mut().enumerate() {
                *value = Complex32::new((i % 17) as f32, (i % 5) as f32);
            }
            values
        };
        Self {
            ramp: model.ramps(&window).swap_remove(0),
            object: filled(),
            spectrum: filled(),
            probe: filled(),
            in_flight: filled(),
            chi: filled(),
            sum: filled(),
            power: vec![0.0; model.len()],
            work: model.workspace(),
            model,
        }
    }

    fn illuminate(&mut self) {
        let site = Site {
            patch: Patch { object: &self.object, columns: self.model.shape().1 },
            ramp: &self.ramp,
        };
        let Self { model, spectrum, probe, power, in_flight, work, .. } = self;
        model.illuminate(spectrum, site, probe, Some(power), in_flight, work);
    }

    fn detect(&mut self) {
        let Self { model, in_flight, chi, work, .. } = self;
        model.detect(in_flight, chi, PatternQuery::default(), work, &mut |_, intensity, factor| {
            for (factor, intensity) in factor.iter_mut().zip(intensity) {
                *factor = 1.0 - 0.5 * intensity.min(1.0);
            }
        });
    }

    fn gather(&mut self) {
        let site = Site {
            patch: Patch { object: &self.object, columns: self.model.shape().1 },
            ramp: &self.ramp,
        };
        let Self { model, chi, in_flight, sum, work, .. } = self;
        model.gather(chi, site, in_flight, sum, work);
    }
}

#[divan::bench(args = SIDES)]
fn illuminate(bencher: Bencher, side: usize) {
    let mut pattern = Pattern::new(side);
    bencher.bench_local(|| pattern.illuminate());
}

#[divan::bench(args = SIDES)]
fn detect(bencher: Bencher, side: usize) {
    let mut pattern = Pattern::new(side);
    bencher.bench_local(|| pattern.detect());
}

/// All three steps: the rest is `gather`, whose waves are those that `detect` left.
#[divan::bench(args = SIDES)]
fn whole_pass(bencher: Bencher, side: usize) {
    let mut pattern = Pattern::new(side);
    bencher.bench_local(|| {
        pattern.illuminate();
        pattern.detect();
        pattern.gather();
    });
}
