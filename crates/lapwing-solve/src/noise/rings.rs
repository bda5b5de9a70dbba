//! Rings of detector pixels at equal distance from the centre of the light.

use ndarray::Array2;

/// Ring number of every pixel, and the good pixels of every ring.
#[derive(Debug)]
pub(super) struct Rings {
    of: Array2<u32>,
    /// Good pixels of each ring, by their place in the pattern.
    members: Vec<Vec<u32>>,
}

impl Rings {
    /// Rings one pixel wide around `centre`.
    pub fn around(centre: (f64, f64), good: &Array2<bool>) -> Self {
        let of = Array2::from_shape_fn(good.dim(), |(y, x)| {
            (y as f64 - centre.0).hypot(x as f64 - centre.1).round() as u32
        });
        let count = of.iter().max().map_or(0, |&last| last as usize + 1);
        let mut members = vec![Vec::new(); count];
        for (place, (&ring, _)) in
            (0_u32..).zip(of.iter().zip(good)).filter(|(_, (_, good))| **good)
        {
            members[ring as usize].push(place);
        }
        Self { of, members }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The ring of a pixel.
    pub fn of(&self, at: (usize, usize)) -> usize {
        self.of[at] as usize
    }

    /// Good pixels of a ring.
    pub fn members(&self, ring: usize) -> &[u32] {
        &self.members[ring]
    }

    /// Sums of `values` over the good pixels of each ring, and their numbers.
    pub fn sums(&self, values: &Array2<f64>) -> Vec<(f64, f64)> {
        let values = values.as_slice().expect("moments are in standard order");
        let sum = |members: &Vec<u32>| -> (f64, f64) {
            (members.iter().map(|&place| values[place as usize]).sum(), members.len() as f64)
        };
        self.members.iter().map(sum).collect()
    }
}
