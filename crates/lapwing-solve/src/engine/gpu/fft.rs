//! Transforms as text: one-dimensional transforms of many lines by a workgroup.
//!
//! A line of n values belongs to T = n / E threads, each of which holds E of them in registers:
//! thread t has those at t + T k. A transform is a chain of Stockham passes (N. K. Govindaraju et
//! al., Proc. SC08, 2008) of small radices r; every pass takes r values that are n / r apart, which
//! one thread has, and between passes values change hands through workgroup memory. Values go in
//! and come out in their natural order.

use std::f64::consts::TAU;
use std::fmt::Write;

/// Values that a thread holds, at most.
const MOST_HELD: usize = 32;

/// How lines of one length are transformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FftPlan {
    /// Length of a line.
    pub length: usize,
    /// Values that a thread holds.
    pub held: usize,
    radices: Vec<usize>,
}

impl FftPlan {
    /// For lines of `length` values, a product of 2, 3, 5 and 7; `None` for others.
    pub fn new(length: usize) -> Option<Self> {
        if length < 2 {
            return None;
        }
        let mut odd = Vec::new();
        let mut twos = length;
        for radix in [3, 5, 7] {
            while twos.is_multiple_of(radix) {
                twos /= radix;
                odd.push(radix);
            }
        }
        if !twos.is_power_of_two() {
            return None;
        }
        let plans = [8, 4, 2].map(|largest| {
            let mut radices = Vec::new();
            let mut left = twos;
            while left > 1 {
                let radix = largest.min(left);
                radices.push(radix);
                left /= radix;
            }
            radices.extend(&odd);
            let held = radices.iter().fold(1, |all, &radix| least_common_multiple(all, radix));
            Self { length, held, radices }
        });
        plans.into_iter().find(|plan| plan.held <= MOST_HELD)
    }

    /// Threads to which a line belongs.
    pub fn threads(&self) -> usize {
        self.length / self.held
    }

    /// Statements that transform the values `v0`, `v1`, ... in place, not scaled; `inverse` for the
    /// positive sign in the exponent. They use the thread's number in its line, `t`, and `place`,
    /// which is written around a number in the line to give where in workgroup memory it is.
    pub fn transform(&self, inverse: bool, place: &dyn Fn(&str) -> String) -> String {
        let mut text = String::new();
        let (n, held, threads) = (self.length, self.held, self.threads());
        let mut done = 1;
        let mut names = 0;
        for &radix in &self.radices {
            let groups = held / radix;
            for group in 0..groups {
                let value = |i: usize| format!("v{}", group + i * groups);
                if done > 1 {
                    let stride = n / (done * radix);
                    let _ = writeln!(
                        text,
                        "{{ let w = ((t + {}u) % {done}u) * {stride}u;",
                        group * threads
                    );
                    for i in 1..radix {
                        let v = value(i);
                        let turn = if inverse { "turned_back" } else { "turned" };
                        let _ = writeln!(text, "{v} = {turn}({v}, twiddle_{n}(w * {i}u));");
                    }
                    text.push_str("}\n");
                }
                text.push_str("{\n");
                let inputs: Vec<String> = (0..radix).map(value).collect();
                let outputs = small(&mut text, &mut names, &inputs, inverse);
                for (i, output) in outputs.iter().enumerate() {
                    let _ = writeln!(text, "{} = {output};", value(i));
                }
                text.push_str("}\n");
            }
            if done * radix < n {
                text.push_str("workgroupBarrier();\n");
                for group in 0..groups {
                    let _ = writeln!(
                        text,
                        "{{ let j = t + {}u; let first = (j / {done}u) * {}u + j % {done}u;",
                        group * threads,
                        done * radix
                    );
                    for i in 0..radix {
                        let at = place(&format!("(first + {}u)", i * done));
                        let v = group + i * groups;
                        let _ = writeln!(
                            text,
                            "{{ let at = {at}; real[at] = v{v}.x; imaginary[at] = v{v}.y; }}"
                        );
                    }
                    text.push_str("}\n");
                }
                text.push_str("workgroupBarrier();\n");
                for k in 0..held {
                    let at = place(&format!("(t + {}u)", k * threads));
                    let _ = writeln!(
                        text,
                        "{{ let at = {at}; v{k} = vec2f(real[at], imaginary[at]); }}"
                    );
                }
            }
            done *= radix;
        }
        text
    }

    /// exp(-2 pi i k / n) for all k.
    pub fn twiddles(&self) -> impl Iterator<Item = [f32; 2]> + '_ {
        (0..self.length).map(|k| {
            let (sin, cos) = (-TAU * k as f64 / self.length as f64).sin_cos();
            [cos as f32, sin as f32]
        })
    }
}

/// Writes the transform of the values `inputs`, and returns the names of its results.
fn small(text: &mut String, names: &mut usize, inputs: &[String], inverse: bool) -> Vec<String> {
    let sign = if inverse { 1.0 } else { -1.0 };
    let mut name = |text: &mut String, value: String| {
        *names += 1;
        let _ = writeln!(text, "let x{names} = {value};");
        format!("x{names}")
    };
    let radix = inputs.len();
    if radix == 1 {
        return vec![name(text, inputs[0].clone())];
    }
    if !radix.is_multiple_of(2) {
        // By its definition.
        let outputs = (0..radix).map(|k| {
            let terms = inputs.iter().enumerate().map(|(i, input)| {
                times(input, sign * TAU * ((i * k) % radix) as f64 / radix as f64)
            });
            name(text, terms.collect::<Vec<_>>().join(" + "))
        });
        return outputs.collect();
    }
    let half =
        |parity: usize| -> Vec<String> { inputs.iter().skip(parity).step_by(2).cloned().collect() };
    let even = small(text, names, &half(0), inverse);
    let odd = small(text, names, &half(1), inverse);
    let mut name = |text: &mut String, value: String| {
        *names += 1;
        let _ = writeln!(text, "let x{names} = {value};");
        format!("x{names}")
    };
    let odd: Vec<String> = odd
        .iter()
        .enumerate()
        .map(|(k, value)| {
            let turned = times(value, sign * TAU * k as f64 / radix as f64);
            name(text, turned)
        })
        .collect();
    let pairs = || even.iter().zip(&odd);
    let sums: Vec<String> =
        pairs().map(|(even, odd)| name(text, format!("{even} + {odd}"))).collect();
    let differences = pairs().map(|(even, odd)| name(text, format!("{even} - {odd}")));
    let differences: Vec<String> = differences.collect();
    [sums, differences].concat()
}

/// The value `name` times exp(i angle).
fn times(name: &str, angle: f64) -> String {
    let (sin, cos) = angle.sin_cos();
    let near = |value: f64, whole: f64| (value - whole).abs() < 1e-12;
    if near(cos, 1.0) {
        name.to_owned()
    } else if near(cos, -1.0) {
        format!("(-{name})")
    } else if near(sin, 1.0) {
        format!("vec2f(-{name}.y, {name}.x)")
    } else if near(sin, -1.0) {
        format!("vec2f({name}.y, -{name}.x)")
    } else {
        format!("turned({name}, vec2f({cos:.9}, {sin:.9}))")
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_cut_into_small_radices() {
        let plan =
            |length| FftPlan::new(length).map(|plan| (plan.held, plan.threads(), plan.radices));
        assert_eq!(plan(128), Some((8, 16, vec![8, 8, 2])));
        assert_eq!(plan(64), Some((8, 8, vec![8, 8])));
        assert_eq!(plan(8), Some((8, 1, vec![8])));
        assert_eq!(plan(192), Some((24, 8, vec![8, 8, 3])));
        assert_eq!(plan(160), Some((20, 8, vec![4, 4, 2, 5])));
        assert_eq!(plan(240), Some((30, 8, vec![2, 2, 2, 2, 3, 5])));
        assert_eq!((plan(11), plan(1), plan(0)), (None, None, None));
    }
}
