//! Pictures made smaller by way of the values that their colours stand for.

use crate::colormap::{Colormap, Rgb};
use crate::field::Painter;
use crate::fit::fit;
use crate::picture::{NEUTRAL, Picture};
use ndarray::Array2;
use num_complex::Complex32;
use std::collections::HashMap;

impl Picture {
    /// The picture with its longer side at most `side` pixels; a smaller one as it is.
    ///
    /// A picture with a colour scale is read back into values, which are averaged over blocks of a
    /// whole number of pixels, as [`Painter::max_side`] does, and
    /// coloured again. Any other has its colours averaged.
    pub fn reduced(&self, side: usize) -> Self {
        if self.width().max(self.height()) <= side {
            return self.clone();
        }
        let small = match self.scale.and_then(|scale| Some((scale, self.values(scale.map)?))) {
            Some((scale, values)) if scale.map == Colormap::Cyclic => {
                let field = values.mapv(|t| Complex32::cis(std::f32::consts::TAU * (t - 0.5)));
                Self { scale: self.scale, ..Painter::default().max_side(side).phase(field.view()) }
            }
            Some((scale, values)) => {
                let painter = Painter::default().map(scale.map).range((0.0, 1.0)).max_side(side);
                Self { scale: self.scale, ..painter.scalar(values.view()) }
            }
            None => fit(self, side.max(1)),
        };
        let zoom = self.zoom * small.width() as f64 / self.width() as f64;
        Self { zoom, ..small }
    }

    /// Where each pixel stands in `map`, from 0 to 1, not a number for unseen ones; `None` when a
    /// colour is not of this map.
    fn values(&self, map: Colormap) -> Option<Array2<f32>> {
        let last = if map == Colormap::Cyclic { 256.0 } else { 255.0 };
        let mut places: HashMap<Rgb, f32> =
            map.table().iter().enumerate().map(|(i, &colour)| (colour, i as f32 / last)).collect();
        places.entry(NEUTRAL).or_insert(f32::NAN);
        let values = self
            .pixels
            .iter()
            .map(|colour| places.get(colour).copied())
            .collect::<Option<Vec<f32>>>()?;
        Array2::from_shape_vec(self.pixels.dim(), values).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn reduced_pictures_average_values_and_keep_their_colours() {
        let field = Array2::from_shape_fn((300, 200), |(y, x)| ((y * 7 + x * 13) % 97) as f32);
        let picture = Painter::default().scalar(field.view());
        let small = picture.reduced(100);
        assert_eq!((small.height(), small.width(), small.scale), (100, 67, picture.scale));
        let table: HashSet<_> = Colormap::Viridis.table().iter().collect();
        assert!(small.pixels.iter().all(|colour| table.contains(colour)));
        assert_eq!(picture.reduced(300), picture);

        // Black and white in equal parts are grey by their values.
        let stripes = Array2::from_shape_fn((8, 8), |(_, x)| (x % 2) as f32);
        let grey = Painter::default()
            .map(Colormap::Grey)
            .range((0.0, 1.0))
            .scalar(stripes.view())
            .reduced(4);
        assert_eq!(grey.pixels, Array2::from_elem((4, 4), [128; 3]));
        // Phases either side of the wrap stay at the wrap.
        let wraps = stripes.mapv(|t| Complex32::from_polar(1.0, if t > 0.5 { 3.1 } else { -3.1 }));
        let dark = Painter::default().phase(wraps.view()).reduced(4);
        assert_eq!(dark.pixels[(1, 1)], Colormap::Cyclic.table()[0]);
    }
}
