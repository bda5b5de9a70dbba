//! Start probes that can hardly be meant.

use lapwing_model::Modes;
use ndarray::Axis;

use super::remark::{Remark, What};

/// Two modes are copies from this square of the cosine between them.
const SAME: f64 = 0.999;
/// A probe is in the corners when they have so many times the light of the middle.
const CORNERS: f64 = 2.0;

pub(super) fn look(probe: &Modes) -> Vec<Remark> {
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
    let (mut middle, mut corners) = (0.0, 0.0);
    for ((_, y, x), value) in probe.indexed_iter() {
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
        assert_eq!(look(&one), []);
        let copies =
            Modes::from_shape_fn((2, 16, 16), |(mode, y, x)| spot(y, x) * (mode as f32 - 0.3));
        assert!(look(&copies)[0].evidence.contains("0 and 1"));
        let other = Modes::from_shape_fn((2, 16, 16), |(mode, y, x)| {
            spot(y, x) * if mode == 1 { x as f32 - 8.0 } else { 1.0 }
        });
        assert_eq!(look(&other), []);
        let corner =
            Modes::from_shape_fn((1, 16, 16), |(_, y, x)| spot((y + 8) % 16, (x + 8) % 16));
        assert!(look(&corner)[0].advice.contains("fftshift"));
    }
}
