//! A probe as the part of the detector that is used sees it.

use lapwing_model::fft::{Fft2, from_detector_order, to_detector_order};
use lapwing_model::{Complex32, Modes};

use crate::experiment::frames::Reframe;

/// The part of a probe that images on a part of the detector see: where pixels are summed their
/// mean, times the root of their number, which keeps the light.
pub(super) fn of_image(probe: &Modes, reframe: &Reframe) -> Modes {
    let (modes, ..) = probe.dim();
    let ((height, width), binning) = (reframe.shape(), reframe.binning());
    let mut framed = Modes::zeros((modes, height, width));
    for (mode, mut target) in probe.outer_iter().zip(framed.outer_iter_mut()) {
        for row in 0..height * binning {
            for column in 0..width * binning {
                let Some(at) = reframe.stored((row, column)) else { continue };
                target[(row / binning, column / binning)] += mode[at] / binning as f32;
            }
        }
    }
    framed
}

/// A probe on the grid that a part of the detector makes: its spectrum cut or filled up to the
/// window, then its middle where pixels of the detector are summed.
pub(super) fn reframed(probe: &Modes, reframe: &Reframe) -> Modes {
    let (modes, height, width) = probe.dim();
    let shape = reframe.shape();
    let window = (shape.0 * reframe.binning(), shape.1 * reframe.binning());
    let mut framed = Modes::zeros((modes, shape.0, shape.1));
    for (mode, mut target) in probe.outer_iter().zip(framed.outer_iter_mut()) {
        let field: Vec<Complex32> = mode.iter().copied().collect();
        let at_detector = transformed(field, (height, width), true);
        let mut cut = vec![Complex32::default(); window.0 * window.1];
        for (row, line) in cut.chunks_exact_mut(window.1).enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                let y = row as i64 - (window.0 / 2) as i64 + (height / 2) as i64;
                let x = column as i64 - (window.1 / 2) as i64 + (width / 2) as i64;
                let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
                if inside {
                    *value = at_detector[y as usize * width + x as usize];
                }
            }
        }
        let field = transformed(cut, window, false);
        for ((row, column), value) in target.indexed_iter_mut() {
            let (y, x) = (row + window.0 / 2 - shape.0 / 2, column + window.1 / 2 - shape.1 / 2);
            *value = field[y * window.1 + x];
        }
    }
    framed
}

/// Between a field with its middle in the centre and its spectrum with the zero frequency in the
/// centre, both (y, x).
fn transformed(mut from: Vec<Complex32>, shape: (usize, usize), forward: bool) -> Vec<Complex32> {
    let fft = Fft2::new(shape);
    let mut scratch = vec![Complex32::default(); fft.scratch_len()];
    let mut to = vec![Complex32::default(); from.len()];
    let (height, width) = shape;
    // The middle of the field at index (0, 0), and back.
    let turned = |field: &[Complex32], (dy, dx): (usize, usize)| -> Vec<Complex32> {
        (0..field.len())
            .map(|at| {
                let (y, x) = ((at / width + dy) % height, (at % width + dx) % width);
                field[y * width + x]
            })
            .collect()
    };
    if forward {
        from = turned(&from, (height / 2, width / 2));
        fft.forward(&mut from, &mut to, &mut scratch);
        from_detector_order(&to, &mut from, shape);
        from
    } else {
        to_detector_order(&from, &mut to, shape);
        fft.inverse(&mut to, &mut from, &mut scratch);
        turned(&from, (height - height / 2, width - width / 2))
    }
}
