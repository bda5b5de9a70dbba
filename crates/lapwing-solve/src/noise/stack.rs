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
    /// In memory, in standard order, zero frequency in the centre, and the good pixels, for all
    /// patterns or for each.
    Array(ArrayView3<'a, f32>, Option<ArrayView3<'a, bool>>),
    /// Those of a problem.
    Problem(&'a Problem, PatternOrder),
}

impl Stack<'_> {
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Array(intensity, _) => (intensity.dim().1, intensity.dim().2),
            Self::Problem(problem, _) => problem.pattern_shape(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Array(intensity, _) => intensity.len_of(Axis(0)),
            Self::Problem(problem, _) => problem.n_patterns(),
        }
    }

    /// A pattern in axes (y, x), zero frequency in the centre: a view, or a copy in `buffer`. What
    /// is hidden in it is 0.
    pub fn pattern<'b>(&'b self, index: usize, buffer: &'b mut Buffer) -> Pattern<'b> {
        let Buffer { ordered, centred, hidden } = buffer;
        hidden.clear();
        match self {
            Self::Array(intensity, valid) => {
                let pixels = intensity.len_of(Axis(1)) * intensity.len_of(Axis(2));
                let all = intensity.as_slice().expect("the stack is in standard order");
                let values = &all[index * pixels..(index + 1) * pixels];
                if let Some(valid) = valid.filter(|_| self.hides()) {
                    let valid = valid.index_axis_move(Axis(0), index);
                    let places = (0_u32..).zip(valid).filter(|(_, valid)| !**valid);
                    hidden.extend(places.map(|(place, _)| place));
                }
                if hidden.is_empty() {
                    return Pattern { values, hidden };
                }
                centred.clear();
                centred.extend_from_slice(values);
            }
            Self::Problem(problem, order) => {
                let pixels = problem.model.len();
                ordered.resize(pixels, 0.0);
                centred.resize(pixels, 0.0);
                let factor = problem.to_input_unit(1.0) as f32;
                let values = problem.pattern(index, ordered);
                for (&place, value) in order.pixel_of.iter().zip(values) {
                    centred[place as usize] = value * factor;
                }
                if self.hides() {
                    let places = problem.mask.of(index).iter();
                    hidden.extend(places.map(|&place| order.pixel_of[place as usize]));
                }
            }
        }
        hidden.iter().for_each(|&place| centred[place as usize] = 0.0);
        Pattern { values: centred, hidden }
    }

    /// Whether every pattern has a mask of its own.
    pub fn hides(&self) -> bool {
        match self {
            Self::Array(_, valid) => valid.is_some_and(|valid| valid.len_of(Axis(0)) > 1),
            Self::Problem(problem, _) => problem.mask.lists() > 1,
        }
    }

    /// Pixels that are good in some pattern.
    pub fn seen(&self) -> Array2<bool> {
        let everywhere = Array2::from_elem(self.shape(), true);
        match self {
            Self::Array(_, None) => everywhere,
            Self::Array(_, Some(valid)) => {
                valid.fold_axis(Axis(0), false, |any, &valid| *any || valid)
            }
            Self::Problem(problem, order) => {
                let mut seen = everywhere;
                let lists = problem.mask.lists().min(self.len());
                let mut hidden = vec![0; problem.model.len()];
                for place in (0..lists).flat_map(|index| problem.mask.of(index)) {
                    hidden[*place as usize] += 1;
                }
                let pixels = seen.as_slice_mut().expect("a new array is in standard order");
                for (&pixel, &hidden) in order.pixel_of.iter().zip(&hidden) {
                    pixels[pixel as usize] = hidden == 0 || hidden < lists;
                }
                seen
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
            let pixels = self.pattern(pattern, &mut buffer).values.iter().zip(good);
            sum +=
                pixels.filter(|(_, good)| **good).map(|(&value, _)| f64::from(value)).sum::<f64>();
        }
        sum / self.len().max(1) as f64
    }
}

/// Memory for a pattern.
#[derive(Default)]
pub(crate) struct Buffer {
    ordered: Vec<f32>,
    centred: Vec<f32>,
    hidden: Vec<u32>,
}

/// A pattern, and the pixels that its own mask hides: none where one mask is that of all patterns.
#[derive(Clone, Copy)]
pub(crate) struct Pattern<'a> {
    pub values: &'a [f32],
    pub hidden: &'a [u32],
}

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
