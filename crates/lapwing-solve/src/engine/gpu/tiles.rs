//! Which members of a batch lie on which tiles of the object.

use super::kernels::TILE;
use lapwing_model::Window;

/// Sorts windows into tiles; its arrays are kept from one batch to the next.
#[derive(Default)]
pub(super) struct Tiles {
    counts: Vec<u32>,
    starts: Vec<u32>,
}

impl Tiles {
    /// The words that describe the tiles of some windows of `shape` on an object of `object`: for
    /// every tile that some window touches its first row and column and where among these words the
    /// list of its windows begins and ends, then all lists. Also the number of tiles.
    pub fn of(
        &mut self,
        windows: &[Window],
        shape: (usize, usize),
        object: (usize, usize),
    ) -> (Vec<u32>, usize) {
        let columns = object.1.div_ceil(TILE);
        let all = object.0.div_ceil(TILE) * columns;
        self.counts.clear();
        self.counts.resize(all, 0);
        let each = |window: &Window, f: &mut dyn FnMut(usize)| {
            let (row, column) = (window.row as usize, window.column as usize);
            for y in row / TILE..(row + shape.0).div_ceil(TILE) {
                for x in column / TILE..(column + shape.1).div_ceil(TILE) {
                    f(y * columns + x);
                }
            }
        };
        for window in windows {
            each(window, &mut |tile| self.counts[tile] += 1);
        }
        let touched = self.counts.iter().filter(|count| **count > 0).count();
        let mut words = Vec::with_capacity(4 * touched);
        let mut at = (4 * touched) as u32;
        self.starts.clear();
        self.starts.resize(all, 0);
        for (tile, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (y, x) = (tile / columns * TILE, tile % columns * TILE);
            words.extend([y as u32, x as u32, at, at + count]);
            self.starts[tile] = at;
            at += count;
        }
        words.resize(at as usize, 0);
        for (member, window) in (0_u32..).zip(windows) {
            each(window, &mut |tile| {
                words[self.starts[tile] as usize] = member;
                self.starts[tile] += 1;
            });
        }
        (words, touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_of_every_window_is_on_one_tile_in_order() {
        let at = |row, column| Window { row, column, rest_y: 0.0, rest_x: 0.0 };
        let windows = [at(3, 20), at(0, 0), at(30, 33), at(3, 20)];
        let (shape, object) = ((20, 9), (50, 47));
        let (words, count) = Tiles::default().of(&windows, shape, object);
        let mut found = vec![Vec::new(); object.0 * object.1];
        for tile in words[..4 * count].chunks_exact(4) {
            let list = &words[tile[2] as usize..tile[3] as usize];
            assert!(list.is_sorted() && !list.is_empty());
            for y in tile[0] as usize..(tile[0] as usize + TILE).min(object.0) {
                for x in tile[1] as usize..(tile[1] as usize + TILE).min(object.1) {
                    for &member in list {
                        let window = &windows[member as usize];
                        let (in_y, in_x) = (y as isize - window.row, x as isize - window.column);
                        if (0..20).contains(&in_y) && (0..9).contains(&in_x) {
                            found[y * object.1 + x].push(member);
                        }
                    }
                }
            }
        }
        for (pixel, found) in found.iter().enumerate() {
            let (y, x) = ((pixel / object.1) as isize, (pixel % object.1) as isize);
            let inside = |window: &Window| {
                (0..20).contains(&(y - window.row)) && (0..9).contains(&(x - window.column))
            };
            let expected: Vec<u32> =
                (0_u32..).zip(&windows).filter(|(_, w)| inside(w)).map(|(i, _)| i).collect();
            assert_eq!(*found, expected);
        }
    }
}
