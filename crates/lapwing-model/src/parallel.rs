//! Work on many items side by side, on the threads of rayon's current pool.
//!
//! rayon's own iterators are generic in everything that they are chained of, so that every loop
//! compiles its splitting, stealing and joining anew; a third of the code of the numerical crates
//! was that. Here it is compiled once, and a loop adds its own body only.
//!
//! ```
//! use lapwing_model::parallel::InParallel;
//!
//! let mut sums = [0, 0];
//! sums.iter_mut().zip([1..3, 3..5]).in_parallel().for_each(|(sum, part)| *sum = part.sum());
//! assert_eq!(sums, [3, 7]);
//! assert_eq!((0..4).in_parallel().map(|number| number * number), [0, 1, 4, 9]);
//! ```

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calls `work` with all numbers below `count`, in any order, neighbouring ones mostly on one
/// thread: at least `least` of them in a row.
fn every(count: usize, least: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().with_min_len(least).for_each(work);
}

/// What a lock holds. A loop whose body panicked ends with that panic, and nothing is taken from
/// its locks any more.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Any iterator whose items may be worked on side by side.
pub trait InParallel: Iterator + Sized {
    /// Collects the items (some tens of bytes each: let them be pieces of the data, not numbers).
    fn in_parallel(self) -> Tasks<Self::Item> {
        Tasks { items: self.map(|item| Mutex::new(Some(item))).collect(), least: 1 }
    }
}

impl<I: Iterator> InParallel for I {}

/// Items that wait to be worked on. Which thread takes which is left open: the results do not
/// depend on it where the body depends on its item alone.
pub struct Tasks<T> {
    items: Vec<Mutex<Option<T>>>,
    least: usize,
}

impl<T: Send> Tasks<T> {
    /// So many items in a row are left to one thread, where single ones are too little work.
    pub fn at_least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// Calls `work` with every item.
    pub fn for_each(self, work: impl Fn(T) + Sync) {
        self.numbered(|_, item| work(item));
    }

    /// As [`for_each`](Self::for_each), with a scratch that `new` makes and several calls use, one
    /// after the other.
    pub fn for_each_with<S: Send>(
        self,
        new: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, T) + Sync,
    ) {
        let scratches = Scratches::default();
        self.numbered(|_, item| scratches.with(&new, |scratch| work(scratch, item)));
    }

    /// What `work` makes of the items, in their order.
    pub fn map<R: Send>(self, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        self.map_with(|| (), |(), item| work(item))
    }

    /// As [`map`](Self::map), with a scratch as of [`for_each_with`](Self::for_each_with).
    pub fn map_with<S: Send, R: Send>(
        self,
        new: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, T) -> R + Sync,
    ) -> Vec<R> {
        let results: Vec<Mutex<Option<R>>> = self.items.iter().map(|_| Mutex::default()).collect();
        let scratches = Scratches::default();
        self.numbered(|number, item| {
            let result = scratches.with(&new, |scratch| work(scratch, item));
            *hold(&results[number]) = Some(result);
        });
        let results = results.into_iter().map(Mutex::into_inner);
        results.filter_map(|result| result.unwrap_or_else(PoisonError::into_inner)).collect()
    }

    /// Whether `holds` says so of every item; it is not asked any more once it has denied one.
    pub fn all(self, holds: impl Fn(T) -> bool + Sync) -> bool {
        let all = AtomicBool::new(true);
        self.for_each(|item| {
            if all.load(Relaxed) && !holds(item) {
                all.store(false, Relaxed);
            }
        });
        all.into_inner()
    }

    fn numbered(self, work: impl Fn(usize, T) + Sync) {
        every(self.items.len(), self.least, &|number| {
            let item = hold(&self.items[number]).take();
            item.into_iter().for_each(|item| work(number, item));
        });
    }
}

/// Scratches that nobody uses just now.
struct Scratches<S>(Mutex<Vec<S>>);

impl<S> Default for Scratches<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S> Scratches<S> {
    fn with<R>(&self, new: impl Fn() -> S, work: impl FnOnce(&mut S) -> R) -> R {
        let free = hold(&self.0).pop();
        let mut scratch = free.unwrap_or_else(new);
        let result = work(&mut scratch);
        hold(&self.0).push(scratch);
        result
    }
}

/// Does both, side by side where a thread is free.
pub fn both<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (mut first, mut second) = (Some(first), Some(second));
    let (mut a, mut b) = (None, None);
    join(&mut || a = first.take().map(|work| work()), &mut || b = second.take().map(|work| work()));
    match (a, b) {
        (Some(a), Some(b)) => (a, b),
        _ => unreachable!("each is called once"),
    }
}

fn join(first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
    rayon::join(first, second);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn every_item_is_worked_on_once_and_results_keep_their_order() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                for count in [0, 1, 2, 7, 1000] {
                    let mut calls = vec![0; count];
                    calls.iter_mut().in_parallel().at_least(3).for_each(|calls| *calls += 1);
                    assert_eq!(calls, vec![1; count]);
                    let named = (0..count).in_parallel().map(|number| number.to_string());
                    assert!(named.iter().enumerate().all(|(at, name)| *name == at.to_string()));
                    assert!((0..count).in_parallel().all(|number| number < count));
                    assert_eq!((0..count).in_parallel().all(|number| number != 6), count <= 6);
                    let (made, used) = (AtomicUsize::new(0), AtomicUsize::new(0));
                    let new = || made.fetch_add(1, Relaxed);
                    (0..count).in_parallel().for_each_with(new, |_, _| {
                        used.fetch_add(1, Relaxed);
                    });
                    assert_eq!(used.into_inner(), count);
                    assert!(made.into_inner() <= threads.min(count));
                }
                assert_eq!(both(|| 1, || "two"), (1, "two"));
            });
        }
    }

    #[test]
    fn loops_within_loops_end() {
        let sums = (0..20_usize).in_parallel().map_with(
            || (),
            |(), outer| (0..50).in_parallel().map(|inner| outer * inner).into_iter().sum::<usize>(),
        );
        assert!(sums.iter().enumerate().all(|(outer, &sum)| sum == outer * 1225));
    }

    #[test]
    #[should_panic(expected = "the seventh")]
    fn a_panic_of_the_body_is_the_caller_s() {
        (0..100).in_parallel().for_each(|item| assert!(item != 7, "the seventh"));
    }
}
