//! Text in pictures: a font of strokes, laid out from a table of 5 x 9 cells.
//!
//! `glyphs.txt` holds the printable ASCII characters, sixteen to a band, rows 0 to 6 above the base
//! line and 7 to 8 below. Neighbouring marks of a cell are joined by strokes with round ends, so
//! that the letters are smooth at any size.

use std::sync::LazyLock;

/// Two ends of a stroke, (column, row) in cells.
pub(crate) type Stroke = [(f64, f64); 2];

/// One character: its strokes, first column at 0, and its width in cells.
#[derive(Debug, Default)]
pub(crate) struct Glyph {
    pub strokes: Vec<Stroke>,
    pub width: f64,
}

/// Space between two characters in cells.
const GAP: f64 = 2.0;

static GLYPHS: LazyLock<Vec<Glyph>> = LazyLock::new(|| {
    let rows: Vec<&[u8]> = include_str!("glyphs.txt").lines().map(str::as_bytes).collect();
    (0..95).map(|i| glyph(&rows[i / 16 * 9..i / 16 * 9 + 9], i % 16 * 6)).collect()
});

/// The glyph at column `left` of a band of nine rows.
fn glyph(band: &[&[u8]], left: usize) -> Glyph {
    let set = |column: isize, row: isize| {
        (0..5).contains(&column)
            && (0..9).contains(&row)
            && band[row as usize][left + column as usize] == b'#'
    };
    let mut columns = (0..5).filter(|&column| (0..9).any(|row| set(column, row)));
    let Some((first, last)) = columns.clone().next().zip(columns.next_back()) else {
        return Glyph { strokes: Vec::new(), width: 1.5 };
    };
    let mut strokes = Vec::new();
    for (column, row) in (0..5).flat_map(|column| (0..9).map(move |row| (column, row))) {
        if !set(column, row) {
            continue;
        }
        let place = |column: isize, row: isize| ((column - first) as f64, row as f64);
        let mut alone = true;
        for (right, down) in [(1, 0), (0, 1), (1, 1), (1, -1), (-1, 0), (0, -1), (-1, -1), (-1, 1)]
        {
            let diagonal = right != 0 && down != 0;
            // A diagonal stroke would fill the corner of a step that already is joined.
            let joined = diagonal && (set(column + right, row) || set(column, row + down));
            if set(column + right, row + down) && !joined {
                alone = false;
                if right > 0 || (right == 0 && down > 0) {
                    strokes.push([place(column, row), place(column + right, row + down)]);
                }
            }
        }
        if alone {
            strokes.push([place(column, row); 2]);
        }
    }
    Glyph { strokes, width: (last - first) as f64 }
}

/// The glyphs of `text` with their left edges in cells. Characters beyond ASCII are spelt out where
/// a plain spelling is usual and shown as `?` otherwise.
pub(crate) fn layout(text: &str) -> (Vec<(f64, &'static Glyph)>, f64) {
    let mut placed = Vec::new();
    let mut left = 0.0;
    // Powers of ten are spelt 10^4: the first of a run of raised digits gets the caret.
    let mut raised = false;
    let spelt = text.chars().flat_map(|character| {
        let digit = match character {
            '\u{207b}' => Some('-'),
            '\u{b9}' => Some('1'),
            '\u{b2}' => Some('2'),
            '\u{b3}' => Some('3'),
            '\u{2070}' | '\u{2074}'..='\u{2079}' => char::from_digit(character as u32 - 0x2070, 10),
            _ => None,
        };
        let caret = (digit.is_some() && !raised).then_some('^');
        raised = digit.is_some();
        caret.into_iter().chain([digit.unwrap_or(character)])
    });
    for character in spelt {
        let plain = match character {
            '\u{2212}' | '\u{2013}' | '\u{2014}' => '-',
            '\u{d7}' => 'x',
            'µ' | 'μ' => 'u',
            '\t' | '\n' | '\u{a0}' | '\u{202f}' => ' ',
            ' '..='~' => character,
            _ => '?',
        };
        let glyph = &GLYPHS[plain as usize - 0x20];
        placed.push((left, glyph));
        left += glyph.width + GAP;
    }
    (placed, (left - GAP).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let rows: Vec<&str> = include_str!("glyphs.txt").lines().collect();
        assert_eq!(rows.len(), 54);
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), if i < 45 { 95 } else { 89 }, "row {i}");
        }
        assert_eq!(GLYPHS.len(), 95);
        assert!(GLYPHS[1..].iter().all(|glyph| !glyph.strokes.is_empty()));
    }

    #[test]
    fn every_mark_is_drawn_once_joined() {
        // "T" is a bar of four joints and a stem of six.
        let (placed, width) = layout("T");
        assert_eq!((placed[0].1.strokes.len(), width), (10, 4.0));
        // "." is alone.
        assert_eq!(layout(".").0[0].1.strokes.len(), 1);
        // "X" is all diagonals but for its two upright ends.
        let cross = layout("X").0[0].1;
        assert!(
            cross.strokes.iter().filter(|[a, b]| a.0 != b.0 && a.1 != b.1).count() == 8,
            "{cross:?}"
        );
    }

    #[test]
    fn other_characters_do_not_panic() {
        assert_eq!(layout("\u{2212}µ星\u{7f}").0.len(), 4);
        // 10^-3 and 10^25.
        assert_eq!(layout("10\u{207b}\u{b3} 10\u{b2}\u{2075}").0.len(), 5 + 1 + 5);
        assert_eq!(layout("").1, 0.0);
    }
}
