//! Measured patterns, background, masks and hidden pixels in the order of the kernels: rows of a
//! spectrum, zero frequency first.

use super::arrays::Array;
use super::kernels::Layout;
use super::recorder::Recorder;
use super::stacks::{Slabs, Split};
use crate::Problem;
use crate::engine::held::Held;
use crate::engine::rules::SETS;
use crate::noise::PatternOrder;
use crate::problem::PatternType;
use lapwing_model::parallel::InParallel;

/// Bytes of patterns that are brought to the card in one piece.
const PIECE: usize = 1 << 26;

/// Where every pixel of a spectrum, row by row, is in pattern order.
pub(super) struct Order {
    place_of: Vec<u32>,
    pixel_of: Vec<u32>,
}

impl Order {
    pub fn new(problem: &Problem) -> Self {
        let (height, width) = problem.model.shape();
        let order = PatternOrder::new(&problem.model);
        let pixels = 0..height * width;
        let place_of: Vec<u32> = pixels
            .map(|pixel| {
                let (y, x) = (pixel / width, pixel % width);
                let centred = (y + height / 2) % height * width + (x + width / 2) % width;
                order.place_of[centred]
            })
            .collect();
        let mut pixel_of = vec![0; place_of.len()];
        for (pixel, &place) in (0_u32..).zip(&place_of) {
            pixel_of[place as usize] = pixel;
        }
        Self { place_of, pixel_of }
    }

    /// Where every pixel of a spectrum is in pattern order, in which patterns come in slabs.
    pub fn places(&self) -> &[u32] {
        &self.place_of
    }

    /// Bits of a mask.
    fn mask(&self, bad: &[u32], words: usize) -> Vec<u32> {
        let mut bits = vec![0_u32; words];
        for &place in bad {
            let pixel = self.pixel_of[place as usize];
            bits[pixel as usize / 32] |= 1 << (pixel % 32);
        }
        bits
    }

    /// The hidden pixels of all sets, two bits each: 1 for hidden, 2 for one that judges.
    pub fn held(&self, held: &Held, words: usize) -> Vec<u32> {
        let mut bits = vec![0_u32; SETS * words];
        for set in 0..SETS {
            for (place, judges) in held.set(set) {
                let pixel = self.pixel_of[place];
                let state = if judges { 2 } else { 1 };
                bits[set * words + pixel as usize / 16] |= state << (2 * (pixel % 16));
            }
        }
        bits
    }

    /// Background and masks, as `pixels` begins.
    pub fn pixels(&self, problem: &Problem, layout: &Layout) -> Vec<u32> {
        let mut words = Vec::new();
        if let Some(background) = &problem.background {
            words.extend(self.place_of.iter().map(|&place| background[place as usize].to_bits()));
        }
        let [of_mask, _] = layout.words();
        for list in 0..problem.mask.lists() {
            words.extend(self.mask(problem.mask.of(list), of_mask));
        }
        words
    }
}

/// The measured patterns on the card.
pub(super) struct Stacks {
    /// How all of them are spread over arrays; batches are sorted by it even where none is.
    pub split: Split,
    /// Where they are brought with the batches that need them.
    pub slabs: Option<Slabs>,
}

/// Bytes of a pattern.
pub(super) fn bytes_of_one(problem: &Problem) -> u64 {
    (problem.patterns.kind().width() * problem.model.len()) as u64
}

impl Stacks {
    /// In arrays of up to `most` bytes.
    pub fn new(problem: &Problem, most: u64, slabs: Option<Slabs>) -> Self {
        Self { split: Split::new(problem.n_patterns(), bytes_of_one(problem), most), slabs }
    }

    /// Bytes of every array.
    pub fn lengths(&self, problem: &Problem) -> Vec<u64> {
        match &self.slabs {
            Some(slabs) => slabs.lengths(bytes_of_one(problem)),
            None => self.split.lengths.clone(),
        }
    }

    /// Brings all patterns to the card, in the order of the kernels; unless they come with the
    /// batches.
    pub fn upload(&self, problem: &Problem, order: &Order, recorder: &mut Recorder) {
        if self.slabs.is_some() {
            return;
        }
        let each = self.split.each();
        let (kind, pixels) = (problem.patterns.kind(), problem.model.len());
        let of_one = kind.width() * pixels;
        let piece = (PIECE / of_one / 4 * 4).max(4);
        let mut bytes = Vec::new();
        for (stack, first) in (0..problem.n_patterns()).step_by(each).enumerate() {
            let end = (first + each).min(problem.n_patterns());
            for from in (first..end).step_by(piece) {
                let patterns = from..(from + piece).min(end);
                bytes.clear();
                bytes.resize((patterns.len() * of_one).next_multiple_of(4), 0);
                bytes.chunks_mut(of_one).zip(patterns).in_parallel().for_each_with(
                    || (vec![0.0; pixels], vec![0.0; pixels], Vec::new()),
                    |(buffer, ordered, found), (bytes, pattern)| {
                        let values = problem.pattern(pattern, buffer);
                        for (value, &place) in ordered.iter_mut().zip(&order.place_of) {
                            *value = values[place as usize];
                        }
                        found.clear();
                        kind.append(ordered, found);
                        bytes.copy_from_slice(found);
                    },
                );
                recorder.write_stack(stack, (from - first) * of_one, &bytes);
            }
        }
    }
}

/// How kernels name the way in which patterns are stored.
pub(super) fn number_of(kind: PatternType) -> u32 {
    match kind {
        PatternType::Bytes => 0,
        PatternType::Words => 1,
        PatternType::Singles => 2,
    }
}

/// Replaces the hidden pixels.
pub(super) fn hide(held: &Held, order: &Order, layout: &Layout, masks: usize, to: &mut Recorder) {
    let [of_mask, of_set] = layout.words();
    let from = layout.masks() + masks * of_mask;
    let bits = order.held(held, of_set);
    to.write(Array::Pixels, 4 * from, bytemuck::cast_slice(&bits));
}
