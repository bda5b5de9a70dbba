//! The vectors of stage 2: in the memory of the process, or on a device that keeps them.

use crate::engine::{Blend, Engine, Resident, Vector};
use crate::vector;
use lapwing_model::Complex32;
use std::rc::Rc;

/// Vectors like the fields, and sums of them. The inner product is Re sum conj(a) b.
pub(super) trait Space {
    /// One of them.
    type Vector;

    fn dot(&mut self, a: &Self::Vector, b: &Self::Vector) -> f64;

    /// y <- y + factor x, of two vectors.
    fn add_scaled(&mut self, y: &mut Self::Vector, factor: f64, x: &Self::Vector);

    /// factor a
    fn scaled(&mut self, a: &Self::Vector, factor: f64) -> Self::Vector;

    /// a - b
    fn difference(&mut self, a: &Self::Vector, b: &Self::Vector) -> Self::Vector;

    fn values(&mut self, a: &Self::Vector) -> Vec<Complex32>;

    fn of_values(&mut self, values: &[Complex32]) -> Self::Vector;
}

/// What overwrites a vector with M^-1 times it.
pub(super) type Precondition<'a, S> = &'a mut dyn FnMut(&mut S, &mut <S as Space>::Vector);

/// The memory of the process.
pub(super) struct Here;

impl Space for Here {
    type Vector = Vec<Complex32>;

    fn dot(&mut self, a: &Self::Vector, b: &Self::Vector) -> f64 {
        vector::dot(a, b)
    }

    fn add_scaled(&mut self, y: &mut Self::Vector, factor: f64, x: &Self::Vector) {
        vector::add_scaled(y, factor, x);
    }

    fn scaled(&mut self, a: &Self::Vector, factor: f64) -> Self::Vector {
        vector::scaled(a, factor)
    }

    fn difference(&mut self, a: &Self::Vector, b: &Self::Vector) -> Self::Vector {
        vector::difference(a, b)
    }

    fn values(&mut self, a: &Self::Vector) -> Vec<Complex32> {
        a.clone()
    }

    fn of_values(&mut self, values: &[Complex32]) -> Self::Vector {
        values.to_vec()
    }
}

/// Vectors of an engine, which are free again when nothing holds them any more.
#[derive(Default)]
pub(super) struct Lent(Vec<Rc<Vector>>);

impl Lent {
    /// One whose contents are arbitrary.
    fn free(&mut self, engine: &mut dyn Engine) -> Rc<Vector> {
        if let Some(free) = self.0.iter().find(|vector| Rc::strong_count(vector) == 1) {
            return free.clone();
        }
        self.0.push(Rc::new(engine.new_vector()));
        self.0[self.0.len() - 1].clone()
    }
}

/// The part of an engine that keeps gradients, of one whose vectors are [`There`].
pub(super) fn keeper(engine: &mut dyn Engine) -> &mut dyn Resident {
    engine.resident().unwrap_or_else(|| unreachable!("vectors are there only where it keeps them"))
}

/// A device that keeps its vectors.
pub(super) struct There<'a> {
    pub engine: &'a mut dyn Engine,
    pub lent: &'a mut Lent,
}

impl There<'_> {
    /// A vector whose contents are arbitrary.
    pub fn free(&mut self) -> Rc<Vector> {
        self.lent.free(self.engine)
    }

    /// A copy of a vector of the engine.
    pub fn copy_of(&mut self, from: Vector) -> Rc<Vector> {
        let to = self.free();
        self.engine.copy(*to, from);
        to
    }
}

impl Space for There<'_> {
    type Vector = Rc<Vector>;

    fn dot(&mut self, a: &Self::Vector, b: &Self::Vector) -> f64 {
        self.engine.dots(&[[**a, **b]]).iter().flatten().sum()
    }

    fn add_scaled(&mut self, y: &mut Self::Vector, factor: f64, x: &Self::Vector) {
        let factors = [1.0, factor as f32];
        self.engine.blend(**y, **x, Blend { object: factors, probe: factors });
    }

    fn scaled(&mut self, a: &Self::Vector, factor: f64) -> Self::Vector {
        // a + (factor - 1) a would round twice.
        let to = self.copy_of(**a);
        let factors = [0.0, factor as f32];
        self.engine.blend(*to, **a, Blend { object: factors, probe: factors });
        to
    }

    fn difference(&mut self, a: &Self::Vector, b: &Self::Vector) -> Self::Vector {
        let mut to = self.copy_of(**a);
        self.add_scaled(&mut to, -1.0, b);
        to
    }

    fn values(&mut self, a: &Self::Vector) -> Vec<Complex32> {
        self.engine.vector(**a)
    }

    fn of_values(&mut self, values: &[Complex32]) -> Self::Vector {
        let to = self.free();
        self.engine.set_vector(*to, values);
        to
    }
}
