//! Kept vectors, in the memory of the process.

use super::Cpu;
use crate::engine::vectors::{Blend, Push, Vector, parts};
use crate::vector::dot;
use lapwing_model::Complex32;
use lapwing_model::parallel::InParallel;
use std::borrow::Cow;

/// Values that one task works on.
const PIECE: usize = 1 << 14;

impl Cpu<'_> {
    /// All values of a vector.
    fn whole(&self, vector: Vector) -> Cow<'_, [Complex32]> {
        match vector {
            Vector::Fields => Cow::Borrowed(self.fields.values()),
            Vector::Kept(index) => Cow::Borrowed(&self.kept[index]),
            Vector::Update => {
                let trail = &self.directions.as_ref().expect(super::NO_SEARCH).trail;
                let mut values = [&*trail.object_update, &*trail.probe_update].concat();
                values.resize(self.fields.values().len(), Complex32::ZERO);
                Cow::Owned(values)
            }
        }
    }

    /// Object and probe of a vector.
    fn object_and_probe(&self, vector: Vector) -> [&[Complex32]; 2] {
        let ends = self.fields.ends();
        match vector {
            Vector::Fields => parts(self.fields.values(), ends),
            Vector::Kept(index) => parts(&self.kept[index], ends),
            Vector::Update => {
                let trail = &self.directions.as_ref().expect(super::NO_SEARCH).trail;
                [&trail.object_update, &trail.probe_update]
            }
        }
    }

    /// Calls `change` with the values of a vector, to be changed, and the engine without it.
    fn change(&mut self, vector: Vector, change: impl FnOnce(&Self, &mut [Complex32])) {
        match vector {
            Vector::Fields => {
                (self.stale, self.moved) = (true, true);
                let mut values = self.fields.take();
                change(self, &mut values);
                self.fields.put_back(values);
            }
            Vector::Kept(index) => {
                let mut values = std::mem::take(&mut self.kept[index]);
                change(self, &mut values);
                self.kept[index] = values;
            }
            Vector::Update => unreachable!("the update of an epoch is only read"),
        }
    }

    pub(super) fn copy_vector(&mut self, to: Vector, from: Vector) {
        let fill = |engine: &Self, values: &mut [Complex32]| match from {
            Vector::Update => {
                let [object, probe] = engine.object_and_probe(from);
                let (to_object, rest) = values.split_at_mut(object.len());
                let (to_probe, rest) = rest.split_at_mut(probe.len());
                to_object.copy_from_slice(object);
                to_probe.copy_from_slice(probe);
                rest.fill(Complex32::ZERO);
            }
            _ => values.copy_from_slice(&engine.whole(from)),
        };
        if to != from {
            self.change(to, fill);
        }
    }

    pub(super) fn blend_vectors(&mut self, to: Vector, from: Vector, blend: Blend) {
        let [object, probe, ..] = self.fields.ends();
        self.change(to, |engine, values| {
            let (of_object, rest) = values.split_at_mut(object);
            let of_probe = &mut rest[..probe - object];
            let sources = engine.object_and_probe(from);
            for ((to, from), [a, b]) in
                [of_object, of_probe].into_iter().zip(sources).zip([blend.object, blend.probe])
            {
                let pieces = to.chunks_mut(PIECE).zip(from.chunks(PIECE));
                pieces.in_parallel().for_each(|(to, from)| {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *to * a + from * b);
                });
            }
        });
    }

    pub(super) fn dots_of_vectors(&self, pairs: &[[Vector; 2]]) -> Vec<[f64; 2]> {
        let of_pair = |&pair: &[Vector; 2]| {
            let [a, b] = pair.map(|vector| self.object_and_probe(vector));
            [dot(a[0], b[0]), dot(a[1], b[1])]
        };
        pairs.iter().map(of_pair).collect()
    }

    pub(super) fn push_fields(&mut self, from: Vector, push: Push) {
        let [end, probe_end, ..] = self.fields.ends();
        self.change(Vector::Fields, |engine, values| {
            let (object, rest) = values.split_at_mut(end);
            let [of_object, of_probe] = engine.object_and_probe(from);
            if let Some([gain, half]) = push.object {
                let light = engine.directions.as_ref().expect(super::NO_SEARCH).trail.light();
                let pieces = object.chunks_mut(PIECE).zip(of_object.chunks(PIECE));
                pieces.zip(light.chunks(PIECE)).in_parallel().for_each(
                    |((object, from), light)| {
                        for ((value, from), &light) in object.iter_mut().zip(from).zip(light) {
                            *value += from * (gain * light / (light + half));
                        }
                    },
                );
            }
            if let Some(gain) = push.probe {
                let probe = rest[..probe_end - end].iter_mut();
                probe.zip(of_probe).for_each(|(value, from)| *value += from * gain);
            }
        });
    }

    pub(super) fn values_of_vector(&self, vector: Vector) -> Vec<Complex32> {
        self.whole(vector).into_owned()
    }

    pub(super) fn set_values_of_vector(&mut self, vector: Vector, values: &[Complex32]) {
        self.change(vector, |_, own| own.copy_from_slice(values));
    }
}
