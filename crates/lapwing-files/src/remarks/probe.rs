//! Start probes that can hardly be meant.

use lapwing_model::Modes;
use ndarray::Axis;

use super::remark::{Remark, What};

/// Two modes are copies from this square of the cosine between them.
const SAME: f64 = 0.999;
/// A probe is in the corners when they have so many times the light of the middle.
const CORNERS: f64 = 2.0;

/// A probe fills its window when the outermost pixels have more than this share of the mean
/// intensity.
const FILLED: f64 = 0.3;

/// What looks wrong with a start probe of patterns in the far field (`far`), or of images, which
/// light fills.
pub(super) fn look(probe: &Modes, far: bool) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let (modes, height, width) = probe.dim();
    let product = |a: usize, b: usize| {
        let (a, b) = (probe.index_axis(Axis(0), a), probe.index_axis(Axis(0), b));
        let (mut re, mut im) = (0.0_f64, 0.0_f64);
        for (a, b) in a.iter().zip(b.iter()) {
            let product = a.conj() * b;
            re += f64::from(product.re);
            im += f64::from(product.im);
        }
        re * re + im * im
    };
    // (a . a)^2 is the square of the power.
    let squares: Vec<f64> = (0..modes).map(|mode| product(mode, mode)).collect();
    let same = (1..modes).flat_map(|b| (0..b).map(move |a| (a, b))).find(|&(a, b)| {
        let length = (squares[a] * squares[b]).sqrt();
        length > 0.0 && product(a, b) > SAME * length
    });
    if let Some((a, b)) = same {
        let evidence = format!("modes {a} and {b} of the start probe are the same up to a factor");
        remarks.push(Remark::new(
            What::Probe,
            evidence,
            "give one of them and the number of modes (--probe-modes), which starts with different ones",
        ));
    }
    let inner = |index: usize, length: usize| (length / 4..length - length / 4).contains(&index);
    let (mut middle, mut corners, mut all) = (0.0, 0.0, 0.0);
    let (mut edge, mut outermost) = (0.0, 0);
    for ((_, y, x), value) in probe.indexed_iter() {
        all += f64::from(value.norm_sqr());
        if y == 0 || x == 0 || y + 1 == height || x + 1 == width {
            edge += f64::from(value.norm_sqr());
            outermost += 1;
        }
        match (inner(y, height), inner(x, width)) {
            (true, true) => middle += f64::from(value.norm_sqr()),
            (false, false) => corners += f64::from(value.norm_sqr()),
            _ => {}
        }
    }
    if height >= 8 && width >= 8 && corners > CORNERS * middle {
        remarks.push(Remark::new(
            What::Probe,
            "the start probe is brighter in the corners of its window than in the middle",
            "it is to be centred at index (H/2, W/2): apply numpy.fft.fftshift to it",
        ));
    } else if far && height >= 8 && width >= 8 {
        // Means over the pixels of all modes.
        let share = (edge / f64::from(outermost.max(1))) / (all / probe.len().max(1) as f64);
        if share > FILLED {
            let evidence = format!(
                "the start probe reaches the edge of its window, with {share:.2} times the mean \
                 intensity there"
            );
            remarks.push(Remark::new(
                What::Probe,
                evidence,
                "a probe ends within its window: describe the optics (--probe-start optics), let it \
                 be made (--probe-start patterns), or take more pixels of the detector",
            ));
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::Complex32;

    #[test]
    fn copies_and_probes_in_the_corners_are_told() {
        let spot = |y: usize, x: usize| {
            let light = (-((y as f32 - 8.0).powi(2) + (x as f32 - 8.0).powi(2)) / 9.0).exp();
            Complex32::new(light, 0.3 * light)
        };
        let one = Modes::from_shape_fn((1, 16, 16), |(_, y, x)| spot(y, x));
        assert_eq!(look(&one, true), []);
        let copies =
            Modes::from_shape_fn((2, 16, 16), |(mode, y, x)| spot(y, x) * (mode as f32 - 0.3));
        assert!(look(&copies, true)[0].evidence.contains("0 and 1"));
        let other = Modes::from_shape_fn((2, 16, 16), |(mode, y, x)| {
            spot(y, x) * if mode == 1 { x as f32 - 8.0 } else { 1.0 }
        });
        assert_eq!(look(&other, true), []);
        let corner =
            Modes::from_shape_fn((1, 16, 16), |(_, y, x)| spot((y + 8) % 16, (x + 8) % 16));
        assert!(look(&corner, true)[0].advice.contains("fftshift"));
        assert_eq!(look(&corner, true).len(), 1);
        let flat = Modes::from_elem((1, 16, 16), Complex32::ONE);
        assert!(look(&flat, true)[0].evidence.contains("1.00 times the mean"));
        // Light that fills the window is what the near field has.
        assert_eq!(look(&flat, false), []);
    }
}
