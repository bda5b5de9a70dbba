//! Limited-memory BFGS: the two-loop recursion with a preconditioner as first inverse Hessian.
//!
//! J. Nocedal, S. Wright, Numerical Optimization, Alg. 7.4. The inner product is Re sum conj(a) b
//! over complex vectors.

use super::space::{Precondition, Space};
use crate::solver::snapshot::{Snapshot, SnapshotError};
use std::collections::VecDeque;

/// Pairs of steps s and gradient changes y, newest last.
pub(super) struct Lbfgs<V> {
    memory: usize,
    pairs: VecDeque<Pair<V>>,
}

struct Pair<V> {
    s: V,
    y: V,
    /// 1 / Re<s, y>
    rho: f64,
}

impl<V> Lbfgs<V> {
    pub fn new(memory: usize) -> Self {
        Self { memory, pairs: VecDeque::with_capacity(memory) }
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub fn clear(&mut self) {
        self.pairs.clear();
    }

    pub fn save(&self, space: &mut impl Space<Vector = V>, snapshot: &mut Snapshot) {
        for (index, pair) in self.pairs.iter().enumerate() {
            snapshot.put_fields(&format!("pair.{index}.s"), &space.values(&pair.s));
            snapshot.put_fields(&format!("pair.{index}.y"), &space.values(&pair.y));
        }
    }

    pub fn load(
        &mut self,
        space: &mut impl Space<Vector = V>,
        snapshot: &Snapshot,
    ) -> Result<(), SnapshotError> {
        let len = snapshot.fields_len("fields")?;
        self.pairs.clear();
        for index in 0..self.memory {
            let names = ["s", "y"].map(|name| format!("pair.{index}.{name}"));
            if snapshot.has(&names[0]) {
                let [s, y] = [snapshot.fields(&names[0], len)?, snapshot.fields(&names[1], len)?];
                let [s, y] = [s, y].map(|values| space.of_values(values));
                self.remember(space, s, y);
            }
        }
        Ok(())
    }

    /// Remembers a pair when its curvature is positive.
    pub fn remember(&mut self, space: &mut impl Space<Vector = V>, s: V, y: V) {
        let curvature = space.dot(&s, &y);
        let sizes = space.dot(&s, &s) * space.dot(&y, &y);
        if curvature <= 1e-12 * sizes.sqrt() || !curvature.is_finite() {
            return;
        }
        if self.pairs.len() == self.memory {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { s, y, rho: 1.0 / curvature });
    }

    /// The direction -H g; `solve` overwrites a vector with M^-1 times it.
    pub fn direction<S: Space<Vector = V>>(
        &self,
        space: &mut S,
        gradient: &V,
        solve: Precondition<'_, S>,
    ) -> V {
        let mut d = space.scaled(gradient, -1.0);
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let alpha = pair.rho * space.dot(&pair.s, &d);
            space.add_scaled(&mut d, -alpha, &pair.y);
            alphas.push(alpha);
        }
        solve(space, &mut d);
        if let Some(last) = self.pairs.back() {
            let mut solved = space.scaled(&last.y, 1.0);
            solve(space, &mut solved);
            let gamma = 1.0 / (last.rho * space.dot(&last.y, &solved));
            if gamma.is_finite() && gamma > 0.0 {
                d = space.scaled(&d, gamma);
            }
        }
        for (pair, alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = pair.rho * space.dot(&pair.y, &d);
            space.add_scaled(&mut d, alpha - beta, &pair.s);
        }
        d
    }
}

#[cfg(test)]
mod tests {
    use super::super::space::Here;
    use super::*;
    use crate::vector::{add_scaled, dot};
    use lapwing_model::Complex32;

    #[test]
    fn minimises_a_quadratic_in_few_steps() {
        // f = sum a_i |x_i - t_i|^2 with curvatures over two decades and a preconditioner that is
        // wrong by up to a factor 3.
        let n = 12;
        let a: Vec<f32> = (0..n).map(|i| 10.0_f32.powf(2.0 * i as f32 / n as f32)).collect();
        let target: Vec<Complex32> =
            (0..n).map(|i| Complex32::new(i as f32, 1.0 - i as f32)).collect();
        let gradient = |x: &[Complex32]| -> Vec<Complex32> {
            x.iter().zip(&target).zip(&a).map(|((x, t), a)| (x - t) * *a).collect()
        };
        let mut precondition = |_: &mut Here, v: &mut Vec<Complex32>| {
            for (i, v) in v.iter_mut().enumerate() {
                *v /= a[i] * if i % 2 == 0 { 3.0 } else { 1.0 };
            }
        };
        let mut x = vec![Complex32::new(0.0, 0.0); n];
        let mut lbfgs = Lbfgs::new(10);
        let mut g = gradient(&x);
        for _ in 0..12 {
            let d = lbfgs.direction(&mut Here, &g, &mut precondition);
            assert!(dot(&g, &d) < 0.0 || dot(&g, &g) < 1e-8);
            add_scaled(&mut x, 1.0, &d);
            let next = gradient(&x);
            let y: Vec<Complex32> = next.iter().zip(&g).map(|(a, b)| a - b).collect();
            lbfgs.remember(&mut Here, d, y);
            g = next;
        }
        let error = x.iter().zip(&target).map(|(x, t)| (x - t).norm()).fold(0.0, f32::max);
        assert!(error < 1e-3, "{error}");
    }

    #[test]
    fn pairs_without_positive_curvature_are_forgotten() {
        let v = |re: f32| vec![Complex32::new(re, 0.0)];
        let mut lbfgs = Lbfgs::new(2);
        lbfgs.remember(&mut Here, v(1.0), v(-1.0));
        assert!(lbfgs.is_empty());
        for _ in 0..5 {
            lbfgs.remember(&mut Here, v(1.0), v(2.0));
        }
        assert_eq!(lbfgs.pairs.len(), 2);
    }
}
