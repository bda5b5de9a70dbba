//! Patterns as the estimates look at them, wherever they are.

use crate::{Flow, Problem};
use lapwing_model::ForwardModel;
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, ArrayView3, Axis};

/// Who waits does not want to know any more.
#[derive(Debug)]
pub(crate) struct Stopped;

/// Who waits for an estimate, asked now and then whether it goes on.
pub(crate) type GoOn<'a> = &'a mut dyn FnMut() -> Flow;

/// Pixels that are looked at between two questions whether to go on, and tasks at least.
const TOGETHER: usize = 1 << 25;
const LEAST: usize = 16;

/// The patterns, wherever they are.
pub(crate) enum Stack<'a> {
    /// In memory, in standard order, zero frequency in the centre.
    Array(ArrayView3<'a, f32>),
    /// Those of a problem.
    Problem(&'a Problem, PatternOrder),
}

impl Stack<'_> {
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Array(intensity) => (intensity.dim().1, intensity.dim().2),
            Self::Problem(problem, _) => problem.pattern_shape(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Array(intensity) => intensity.len_of(Axis(0)),
            Self::Problem(problem, _) => problem.n_patterns(),
        }
    }

    /// A pattern in axes (y, x), zero frequency in the centre: a view, or a copy in `buffer`.
    pub fn pattern<'b>(&'b self, index: usize, buffer: &'b mut Buffer) -> &'b [f32] {
        match self {
            Self::Array(intensity) => {
                let start = index * intensity.len_of(Axis(1)) * intensity.len_of(Axis(2));
                let all = intensity.as_slice().expect("the stack is in standard order");
                &all[start..start + intensity.len_of(Axis(1)) * intensity.len_of(Axis(2))]
            }
            Self::Problem(problem, order) => {
                let pixels = problem.model.len();
                buffer.0.resize(pixels, 0.0);
                buffer.1.resize(pixels, 0.0);
                let Buffer(ordered, centred) = buffer;
                let factor = problem.to_input_unit(1.0) as f32;
                let values = problem.pattern(index, ordered);
                for (&place, value) in order.pixel_of.iter().zip(values) {
                    centred[place as usize] = value * factor;
                }
                centred
            }
        }
    }

    /// What `of` makes of the items, in their order, each of so many `patterns`: side by side,
    /// group by group, before each of which `go_on` is asked.
    pub fn each<T: Send, S: Send, R: Send>(
        &self,
        items: impl Iterator<Item = T>,
        patterns: usize,
        go_on: GoOn<'_>,
        new: impl Fn() -> S + Sync,
        of: impl Fn(&mut S, T) -> R + Sync,
    ) -> Result<Vec<R>, Stopped> {
        let (height, width) = self.shape();
        let group = (TOGETHER / (height * width * patterns).max(1)).max(LEAST);
        let (mut items, mut all) = (items.peekable(), Vec::new());
        while items.peek().is_some() {
            if go_on() == Flow::Stop {
                return Err(Stopped);
            }
            all.extend(items.by_ref().take(group).in_parallel().map_with(&new, &of));
        }
        Ok(all)
    }

    pub fn mean(&self, good: &Array2<bool>) -> f64 {
        let mut buffer = Buffer::default();
        let mut sum = 0.0;
        for pattern in 0..self.len() {
            let pixels = self.pattern(pattern, &mut buffer).iter().zip(good);
            sum +=
                pixels.filter(|(_, good)| **good).map(|(&value, _)| f64::from(value)).sum::<f64>();
        }
        sum / self.len().max(1) as f64
    }
}

/// Memory for a pattern.
#[derive(Default)]
pub(crate) struct Buffer(Vec<f32>, Vec<f32>);

/// Where the pixels of a pattern are in pattern order (see [`ForwardModel::to_pattern_order`]).
pub(crate) struct PatternOrder {
    /// The pixel, counted along x and then y, at each place.
    pub pixel_of: Vec<u32>,
    /// The place of each pixel.
    pub place_of: Vec<u32>,
}

impl PatternOrder {
    pub fn new(model: &ForwardModel) -> Self {
        let pixels: Vec<u32> = (0..model.len() as u32).collect();
        let mut pixel_of = pixels.clone();
        model.to_pattern_order(&pixels, &mut pixel_of);
        let mut place_of = pixels;
        for (place, &pixel) in (0_u32..).zip(&pixel_of) {
            place_of[pixel as usize] = place;
        }
        Self { pixel_of, place_of }
    }
}
