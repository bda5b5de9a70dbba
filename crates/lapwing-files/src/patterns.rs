//! Stacks of patterns, in memory or in a scratch file.

use std::ops::Index;
use std::path::PathBuf;
use std::sync::Arc;

use lapwing_model::parallel::InParallel;
use ndarray::{Array3, ArrayView2, ArrayView3, ArrayViewMut3, Axis};

use crate::scratch::MappedMut;
use crate::spool::{self, BLOCK, Spool, Spooled, no_space};
use crate::stop::Asked;
use crate::{Error, bulk};

/// Where a stack of patterns is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Storage {
    /// In memory.
    #[default]
    Memory,
    /// In a nameless file on the disk of this folder, four bytes for each pixel, of which the
    /// system keeps in memory what it has room for.
    Scratch(PathBuf),
}

/// Patterns, axes (pattern, y, x), as `f32` in C order: in memory, or in a scratch file that looks
/// like memory. What a clone in a file has in common with the original is not copied.
#[derive(Debug, Clone)]
pub struct Patterns(Store);

#[derive(Debug, Clone)]
enum Store {
    /// In C order.
    Memory(Array3<f32>),
    File(Arc<InFile>),
}

#[derive(Debug)]
struct InFile {
    values: MappedMut,
    shape: (usize, usize, usize),
    folder: PathBuf,
}

impl Default for Patterns {
    fn default() -> Self {
        Self(Store::Memory(Array3::default((0, 0, 0))))
    }
}

impl From<Array3<f32>> for Patterns {
    fn from(values: Array3<f32>) -> Self {
        let ordered = values.is_standard_layout();
        Self(Store::Memory(if ordered { values } else { values.as_standard_layout().into_owned() }))
    }
}

impl From<&Array3<f32>> for Patterns {
    fn from(values: &Array3<f32>) -> Self {
        values.as_standard_layout().into_owned().into()
    }
}

impl PartialEq<Array3<f32>> for Patterns {
    fn eq(&self, other: &Array3<f32>) -> bool {
        self.view() == *other
    }
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Index<[usize; 3]> for Patterns {
    type Output = f32;

    fn index(&self, [pattern, y, x]: [usize; 3]) -> &f32 {
        let (_, height, width) = self.dim();
        assert!(y < height && x < width, "pixel ({y}, {x}) of patterns of {height} x {width}");
        &self.values()[(pattern * height + y) * width + x]
    }
}

impl Index<(usize, usize, usize)> for Patterns {
    type Output = f32;

    fn index(&self, (pattern, y, x): (usize, usize, usize)) -> &f32 {
        &self[[pattern, y, x]]
    }
}

impl Patterns {
    /// Lengths of the axes (pattern, y, x).
    pub fn dim(&self) -> (usize, usize, usize) {
        match &self.0 {
            Store::Memory(values) => values.dim(),
            Store::File(file) => file.shape,
        }
    }

    /// Number of patterns.
    pub fn count(&self) -> usize {
        self.dim().0
    }

    /// Pixels of a pattern.
    fn pixels(&self) -> usize {
        self.dim().1 * self.dim().2
    }

    /// All values, in C order.
    pub fn values(&self) -> &[f32] {
        match &self.0 {
            Store::Memory(values) => values.as_slice().expect("a stack is in C order"),
            Store::File(file) => of_bytes(file.values.as_ref()),
        }
    }

    /// All patterns.
    pub fn view(&self) -> ArrayView3<'_, f32> {
        ArrayView3::from_shape(self.dim(), self.values()).expect("as many values as pixels")
    }

    /// Pattern `index`, axes (y, x).
    ///
    /// # Panics
    /// When there is none.
    pub fn pattern(&self, index: usize) -> ArrayView2<'_, f32> {
        self.view().index_axis_move(Axis(0), index)
    }

    /// The patterns one after the other, axes (y, x).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ArrayView2<'_, f32>> {
        (0..self.count()).map(|index| self.pattern(index))
    }

    /// Where they are kept, and what is made of them is.
    pub fn storage(&self) -> Storage {
        match &self.0 {
            Store::Memory(_) => Storage::Memory,
            Store::File(file) => Storage::Scratch(file.folder.clone()),
        }
    }

    /// Whether they are in memory, and not in a file.
    pub fn in_memory(&self) -> bool {
        matches!(self.0, Store::Memory(_))
    }

    /// A copy in memory.
    pub fn to_array(&self) -> Array3<f32> {
        self.view().to_owned()
    }

    /// The patterns in memory, copied there from a file.
    pub fn into_array(self) -> Array3<f32> {
        match self.0 {
            Store::Memory(values) => values,
            Store::File(_) => self.to_array(),
        }
    }

    /// All values to be changed, in C order. Those in a file that a clone uses too are copied to
    /// memory first.
    pub fn values_mut(&mut self) -> &mut [f32] {
        if let Store::File(file) = &mut self.0
            && Arc::get_mut(file).is_none()
        {
            *self = self.to_array().into();
        }
        match &mut self.0 {
            Store::Memory(values) => values.as_slice_mut().expect("a stack is in C order"),
            Store::File(file) => {
                let file = Arc::get_mut(file).expect("what others use was copied");
                match file.values.as_mut() {
                    [] => &mut [],
                    bytes => bytemuck::cast_slice_mut(bytes),
                }
            }
        }
    }

    /// All patterns to be changed, as [`values_mut`](Self::values_mut).
    pub fn view_mut(&mut self) -> ArrayViewMut3<'_, f32> {
        let shape = self.dim();
        ArrayViewMut3::from_shape(shape, self.values_mut()).expect("as many values as pixels")
    }

    /// Puts `new(value)` in the place of every value, as [`values_mut`](Self::values_mut).
    pub fn change(&mut self, new: impl Fn(f32) -> f32 + Sync) {
        bulk::replace(self.values_mut(), new);
    }

    /// Other patterns, kept where these are: `count` of `shape`, of which `make` fills the one of
    /// an index with values. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub fn made(
        &self,
        count: usize,
        (height, width): (usize, usize),
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self, Error> {
        make_in(&self.storage(), (count, height, width), make)
    }

    /// The patterns at `indices`, in that order, kept where these are; indices may repeat.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    ///
    /// # Panics
    /// When an index is not below the number of patterns.
    pub fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        let (values, pixels) = (self.values(), self.pixels());
        let (_, height, width) = self.dim();
        self.made(indices.len(), (height, width), |place, to| {
            let first = indices[place] * pixels;
            to.copy_from_slice(&values[first..first + pixels]);
        })
    }

    /// `new(value)` of every value, kept where these are.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub fn map(&self, new: impl Fn(f32) -> f32 + Sync) -> Result<Self, Error> {
        let (values, pixels) = (self.values(), self.pixels());
        let (count, height, width) = self.dim();
        self.made(count, (height, width), |index, to| {
            let from = &values[index * pixels..(index + 1) * pixels];
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = new(from));
        })
    }

    /// The same, kept in `storage`.
    pub(crate) fn kept_in(self, storage: &Storage) -> Result<Self, Error> {
        if *storage == self.storage() {
            return Ok(self);
        }
        let (values, pixels) = (self.values(), self.pixels());
        make_in(storage, self.dim(), |index, to| {
            to.copy_from_slice(&values[index * pixels..(index + 1) * pixels]);
        })
    }

    /// Patterns stored as (pattern, x, y) with these lengths, each brought to (y, x) where it is.
    pub(crate) fn turned(mut self) -> Self {
        let (count, width, height) = self.dim();
        let pixels = self.pixels().max(1);
        let asked = Asked::here();
        let blocks = self.values_mut().chunks_mut((BLOCK / pixels).max(1) * pixels);
        blocks.in_parallel().for_each_with(Vec::new, |from: &mut Vec<f32>, block| {
            for pattern in block.chunks_exact_mut(pixels).take_while(|_| !asked.to_stop()) {
                from.clear();
                from.extend_from_slice(pattern);
                for (y, row) in pattern.chunks_exact_mut(width).enumerate() {
                    let column = from[y..].iter().step_by(height);
                    row.iter_mut().zip(column).for_each(|(to, &value)| *to = value);
                }
            }
        });
        let shape = (count, height, width);
        match &mut self.0 {
            Store::Memory(values) => {
                let values = std::mem::take(values).into_shape_with_order(shape);
                values.expect("as many values as before").into()
            }
            Store::File(file) => {
                Arc::get_mut(file).expect("what others use was copied").shape = shape;
                self
            }
        }
    }

    /// Patterns stored as (y, x, pattern) with these lengths, brought to (pattern, y, x).
    pub(crate) fn pattern_first(self) -> Result<Self, Error> {
        let (height, width, count) = self.dim();
        let values = self.values();
        self.made(count, (height, width), |index, to| {
            to.iter_mut().zip(values[index..].iter().step_by(count)).for_each(|(to, &v)| *to = v);
        })
    }
}

/// The values that the bytes of a mapped file are; nothing is mapped of an empty one.
fn of_bytes(bytes: &[u8]) -> &[f32] {
    if bytes.is_empty() { &[] } else { bytemuck::cast_slice(bytes) }
}

/// Whether there is space for patterns of lengths (pattern, y, x), before any is written; what
/// memory there is shows when it is asked for.
///
/// # Errors
/// [`Error::Scratch`] when the disk has less than they take.
pub fn check_space(storage: &Storage, shape: (usize, usize, usize)) -> Result<(), Error> {
    match storage {
        Storage::Memory => Ok(()),
        Storage::Scratch(folder) => spool::check_space::<f32>(folder, shape),
    }
}

/// Patterns of lengths (pattern, y, x) in `storage`, of which `make` fills the one of an index.
///
/// # Errors
/// [`Error::Scratch`] when there is no room for them.
pub fn make_in(
    storage: &Storage,
    shape: (usize, usize, usize),
    make: impl Fn(usize, &mut [f32]) + Sync,
) -> Result<Patterns, Error> {
    spool::made(storage, shape, make)?.patterns()
}

impl Spool<f32> {
    /// The whole stack.
    ///
    /// # Panics
    /// When other than all of its values were written.
    pub(crate) fn patterns(self) -> Result<Patterns, Error> {
        let (whole, shape) = self.finish();
        Ok(match whole {
            Spooled::Memory(values) => {
                let values = Array3::from_shape_vec(shape, values);
                values.expect("all values were written").into()
            }
            Spooled::File(file, folder) => {
                let mapped = file.finish_mut();
                let values = mapped.map_err(|source| no_space::<f32>(&folder, shape, source))?;
                Patterns(Store::File(Arc::new(InFile { values, shape, folder })))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The same stack in memory and in a file.
    fn both(folder: &Path) -> [Patterns; 2] {
        let value = |at: usize| (at * 7 % 251) as f32;
        [Storage::Memory, Storage::Scratch(folder.to_owned())].map(|storage| {
            let made = make_in(&storage, (5, 3, 4), |index, pattern| {
                pattern.iter_mut().enumerate().for_each(|(at, v)| *v = value(12 * index + at));
            });
            made.unwrap()
        })
    }

    #[test]
    fn a_stack_in_a_file_is_that_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let [memory, file] = both(folder.path());
        assert!(memory.in_memory() && !file.in_memory() && memory == file);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        assert_eq!((memory[(4, 2, 3)], file[(4, 2, 3)]), (162.0, 162.0));
        let picked = [4, 0, 4];
        let [a, b] = [&memory, &file].map(|stack| stack.select(&picked).unwrap());
        assert!(a == b && b.storage() == file.storage());
        assert_eq!(a.pattern(1), memory.pattern(0));
        let [a, b] = [&memory, &file].map(|stack| stack.map(|value| value * value).unwrap());
        assert!(a == b && a[(0, 0, 2)] == 196.0);
        assert_eq!(file.iter().len(), 5);
        let [a, b] = [memory, file].map(|stack| stack.pattern_first().unwrap());
        assert!(a == b && a.dim() == (4, 5, 3) && a[(1, 0, 2)] == 63.0);
    }

    #[test]
    fn a_change_stays_with_whom_made_it() {
        let folder = tempfile::tempdir().unwrap();
        for mut stack in both(folder.path()) {
            stack.values_mut()[1] = -1.0;
            assert_eq!(stack[(0, 0, 1)], -1.0);
            let mut other = stack.clone();
            other.view_mut()[(0, 0, 1)] = 3.0;
            assert_eq!((stack[(0, 0, 1)], other[(0, 0, 1)]), (-1.0, 3.0));
        }
    }

    #[test]
    fn other_orders_of_memory_are_brought_into_the_usual_one() {
        let values = Array3::from_shape_fn((2, 3, 4), |(i, y, x)| (12 * i + 4 * y + x) as f32);
        let turned = values.clone().reversed_axes();
        let stack = Patterns::from(turned.clone());
        assert_eq!(stack.view(), turned);
        assert_eq!(stack.values()[1], 12.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_no_disk_holds_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Scratch(folder.path().to_owned());
        let shape = (1 << 30, 1 << 10, 1 << 10);
        let error = make_in(&storage, shape, |_, _| ()).unwrap_err().to_string();
        assert!(error.contains("GB are free") && error.contains("it may need"), "{error}");
    }

    #[test]
    fn no_room_is_told_with_the_folder() {
        let nowhere = Storage::Scratch("/nowhere/at/all".into());
        let error = make_in(&nowhere, (2, 3, 4), |_, _| ()).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all") && error.contains("scratch file"), "{error}");
    }
}
