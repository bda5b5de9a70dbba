//! Files of positions: two numbers for each pattern.

use std::fs;
use std::path::Path;

use super::unit::{Scale, scale};
use crate::open::{self, HEAD};
use crate::options::PositionUnit;
use crate::{Container, Error, Problem, npy};
use lapwing_model::Position;

/// Longest text file of positions.
const MAX_TEXT: u64 = 256 << 20;

/// What a file of positions must hold.
const EXPECTED: &str = "(n, 2), (2, n) or (ny, nx, 2) real numbers, window centres (y, x)";

/// Positions, and what their file says of them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pairs {
    /// In the order (y, x), or that of the columns where the user says which is which.
    pub values: Vec<[f64; 2]>,
    /// The unit that the heading of a text file states, or an attribute of an array.
    pub unit: Option<PositionUnit>,
    /// The names of the columns, where the heading tells y and x apart.
    pub columns: Option<[String; 2]>,
}

impl Pairs {
    /// Where they come from, in words.
    pub(super) fn told(&self, path: &Path) -> String {
        let columns = match &self.columns {
            Some([y, x]) => format!(", columns {y:?} and {x:?}"),
            None => String::new(),
        };
        format!("positions: (y, x) from {}{columns}", path.display())
    }

    fn plain(values: Vec<[f64; 2]>) -> Self {
        Self { values, ..Self::default() }
    }
}

/// Positions of a `.npy` file, of a text file or of arrays in another file, told apart by their
/// content; else what is wrong with them. Where `as_stored`, the order of columns is kept.
pub(super) fn read(path: &Path, as_stored: bool) -> Result<Result<Pairs, Problem>, Error> {
    let problem = |found: String| Problem::new("positions", EXPECTED, found);
    if let (file, Some(name)) = open::named(path) {
        return Ok(in_arrays(&Container::open(file)?, name)?.map_err(problem));
    }
    if !is_npy(path)? {
        return Ok(numbers(path, as_stored)?.map_err(problem));
    }
    let array = npy::read(path)?;
    let found = format!("shape {:?} of {} in {}", array.shape(), array.dtype(), path.display());
    let three = "; of three columns take the two that are y and x (array[:, [0, 1]], say)";
    match (array.shape(), array.to_f64()) {
        ([_, 2] | [_, _, 2], Ok(values)) => Ok(Ok(Pairs::plain(in_twos(&values, 2)))),
        (&[2, n], Ok(values)) if n > 3 => Ok(Ok(Pairs::plain(of_rows(&values, n)))),
        ([_, 3], _) => Ok(Err(problem(format!("{found}{three}")))),
        _ => Ok(Err(problem(found))),
    }
}

/// The positions of a file that holds nothing else, a `.npy` array or text, in pixels.
///
/// # Errors
/// When the file cannot be read, holds something else, or says that it is in another unit.
pub fn positions_in_pixels(path: &Path) -> Result<Vec<Position>, Error> {
    let broken = |problem| Error::Contract { path: path.to_owned(), problems: vec![problem] };
    let found = read(path, false)?.map_err(broken)?;
    if let Some(unit) = found.unit.filter(|unit| unit.metres().is_some()) {
        let problem = Problem::new("positions", "pixels", format!("a heading that says {unit}"));
        return Err(broken(problem));
    }
    Ok(found.values.into_iter().map(|[y, x]| Position { y, x }).collect())
}

/// The first two rows of `n` numbers each.
fn of_rows(values: &[f64], n: usize) -> Vec<[f64; 2]> {
    let (y, x) = values.split_at(n);
    y.iter().zip(x).map(|(&y, &x)| [y, x]).collect()
}

/// The first two of each so many numbers.
fn in_twos(values: &[f64], width: usize) -> Vec<[f64; 2]> {
    values.chunks_exact(width).map(|row| [row[0], row[1]]).collect()
}

/// The unit of length that an array of a file says of itself (the attribute `units` of HDF5).
pub(super) fn unit_of(file: &Container, name: &str) -> Option<PositionUnit> {
    let Container::Hdf5(file) = file else { return None };
    let Some(Scale::Metres(each)) = scale(&file.text_attribute(name, "units")?) else {
        return None;
    };
    use PositionUnit::{Angstrom, Metre, Micrometre, Millimetre, Nanometre};
    let units = [Metre, Millimetre, Micrometre, Nanometre, Angstrom];
    units.into_iter().find(|unit| unit.metres() == Some(each))
}

/// Positions of the array `name` of a file, or of its two arrays `Y,X`.
fn in_arrays(file: &Container, name: &str) -> Result<Result<Pairs, String>, Error> {
    let read = |name: &str| file.read(name.trim_start_matches('/'));
    if let Some((of_y, of_x)) = name.split_once(',').filter(|_| !file.contains(name)) {
        let (y, x) = (read(of_y)?, read(of_x)?);
        let (unit, other) = (unit_of(file, of_y), unit_of(file, of_x));
        if unit != other {
            let said = |unit: Option<PositionUnit>| {
                unit.map_or_else(|| "none".to_owned(), |unit| unit.to_string())
            };
            let units = format!("units {} and {} of {name}", said(unit), said(other));
            return Ok(Err(units));
        }
        let found = format!("shapes {:?} and {:?} in {name}", y.shape(), x.shape());
        return Ok(match (y.to_f64(), x.to_f64()) {
            (Ok(y), Ok(x)) if y.len() == x.len() => {
                let values = y.into_iter().zip(x).map(|(y, x)| [y, x]).collect();
                Ok(Pairs { unit, ..Pairs::plain(values) })
            }
            _ => Err(found),
        });
    }
    let unit = unit_of(file, name);
    let with_unit = |values| Ok(Pairs { unit, ..Pairs::plain(values) });
    let array = read(name)?;
    let axes = array.shape().last().copied().unwrap_or(0);
    let two = matches!(array.shape().len(), 2 | 3);
    let line = array.shape().len() == 1;
    // As programs that count columns first write (n, 2).
    let turned = match *array.shape() {
        [2, n] if n > 3 => Some(n),
        _ => None,
    };
    let found = format!("shape {:?} of {} in {name}", array.shape(), array.dtype());
    Ok(match array.to_f64() {
        Ok(values) if turned.is_some() => with_unit(of_rows(&values, turned.unwrap_or(0))),
        // CXI's have a third coordinate.
        Ok(values) if two && matches!(axes, 2 | 3) => with_unit(in_twos(&values, axes)),
        _ if line => Err(format!("{found}; two arrays, y and x, are named FILE::Y,X")),
        _ => Err(found),
    })
}

/// Whether a file begins like a NumPy array.
fn is_npy(path: &Path) -> Result<bool, Error> {
    use std::io::Read as _;
    let refused = |source| Error::io(path, source);
    open::check(path).map_err(refused)?;
    let mut head = Vec::with_capacity(HEAD);
    let file = fs::File::open(path).map_err(refused)?;
    file.take(npy::MAGIC.len() as u64).read_to_end(&mut head).map_err(refused)?;
    Ok(head == npy::MAGIC)
}

/// What the heading of a table says: the columns of y and x, and their unit.
#[derive(Debug, PartialEq)]
struct Heading {
    y: usize,
    x: usize,
    columns: [String; 2],
    unit: Option<PositionUnit>,
    /// Number of columns.
    count: usize,
}

/// Places of the only two of some names that are called y and x.
pub(super) fn y_and_x(names: &[&str]) -> Option<(usize, usize)> {
    Heading::of(&names.join(",")).map(|heading| (heading.y, heading.x))
}

impl Heading {
    /// From a line in which one column is called y and one x: `y,x`, `index, pos_x_um, pos_y_um`,
    /// `# y [mm]; x [mm]`.
    fn of(line: &str) -> Option<Self> {
        let line = line.trim().trim_start_matches('#').trim();
        let mark = [';', ',', '\t'].into_iter().find(|&mark| line.contains(mark));
        let names: Vec<&str> = match mark {
            Some(mark) => line.split(mark).map(|name| name.trim().trim_matches('"')).collect(),
            None => line.split_whitespace().collect(),
        };
        let words = |name: &str| -> Vec<String> {
            let parts = name.split(|c: char| !c.is_alphanumeric());
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let only = |meant: [&str; 4]| -> Option<usize> {
            let is = |name: &&str| {
                words(name).iter().any(|word| meant.contains(&word.to_lowercase().as_str()))
            };
            let mut found = (0..names.len()).filter(|&at| is(&names[at]));
            found.next().filter(|_| found.next().is_none())
        };
        let y = only(["y", "ycoord", "ycoords", "row"])?;
        let x = only(["x", "xcoord", "xcoords", "column"])?;
        let unit = |name: &str| {
            let words = words(name);
            let last = words.last().filter(|_| words.len() > 1)?;
            last.replace(['\u{b5}', '\u{3bc}'], "u").parse::<PositionUnit>().ok()
        };
        let unit = unit(names[y]).filter(|one| unit(names[x]) == Some(*one));
        let columns = [names[y].to_owned(), names[x].to_owned()];
        (y != x).then_some(Self { y, x, columns, unit, count: names.len() })
    }
}

/// The lines of a text file, each of two numbers with a comma, a semicolon or white space between,
/// or of more under a heading that names y and x. A first line of words is a heading; `#` begins a
/// remark.
fn numbers(path: &Path, as_stored: bool) -> Result<Result<Pairs, String>, Error> {
    let refused = |source| Error::io(path, source);
    let length = open::check(path).map_err(refused)?.len();
    if length > MAX_TEXT {
        return Ok(Err(format!("{length} bytes in {}; at most {MAX_TEXT}", path.display())));
    }
    let Ok(text) = String::from_utf8(fs::read(path).map_err(refused)?) else {
        let found = format!("no text in {}: name an array of it as FILE::NAME", path.display());
        return Ok(Err(found));
    };
    // Some programs begin with a mark of the order of bytes, and with remarks.
    let text = text.trim_start_matches('\u{feff}');
    let is_data = |line: &&str| {
        line.trim_start().starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
    };
    let heading = text.lines().take_while(|line| !is_data(line)).enumerate();
    let heading = heading.filter_map(|(at, line)| Some((at, Heading::of(line)?))).last();
    let (words_at, heading) = heading.map_or((0, None), |(at, heading)| (at, Some(heading)));
    let mut values = Vec::new();
    let mut named = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
        let words: Vec<&str> = line.split(separator).filter(|value| !value.is_empty()).collect();
        let parsed: Option<Vec<f64>> = words.iter().map(|value| value.parse().ok()).collect();
        let heading = heading.as_ref().filter(|heading| heading.count == words.len());
        match (parsed.as_deref(), heading) {
            (Some([]), _) => {}
            (Some(row), Some(&Heading { y, x, .. })) => {
                let (first, second) = if as_stored { (y.min(x), y.max(x)) } else { (y, x) };
                values.push([row[first], row[second]]);
                named = true;
            }
            (Some(&[y, x]), None) => values.push([y, x]),
            (None, _) if values.is_empty() && number == words_at => {}
            _ => {
                let line: String = line.chars().take(80).collect();
                let place = format!("line {} of {}", number + 1, path.display());
                let way = match words.len() > 2 {
                    true if line.contains(',') && line.contains([';', '\t']) => {
                        "; decimal commas are not read: write points"
                    }
                    true => {
                        "; of more than two columns a first line must say which is y and which x"
                    }
                    false => "",
                };
                return Ok(Err(format!("{line:?} in {place}{way}")));
            }
        }
    }
    let heading = heading.filter(|_| named);
    let unit = heading.as_ref().and_then(|heading| heading.unit);
    let columns = heading.filter(|_| !as_stored).map(|heading| heading.columns);
    Ok(Ok(Pairs { values, unit, columns }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, as_stored: bool) -> Result<Pairs, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.csv");
        fs::write(&path, text).unwrap();
        read(&path, as_stored).unwrap().map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_file_that_is_no_text_is_told_how_to_name_an_array() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.dat");
        fs::write(&path, b"PK\x03\x04\xff\xfe\x00").unwrap();
        let told = read(&path, false).unwrap().map_err(|problem| problem.to_string()).unwrap_err();
        assert!(told.contains("no text in") && told.contains("FILE::NAME"), "{told}");
    }

    #[test]
    fn arrays_of_columns_first_are_turned_and_of_three_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.npy");
        let read_of = |shape: Vec<usize>| {
            let values: Vec<f64> = (0..shape.iter().product()).map(|i: usize| i as f64).collect();
            let array = npy::Array::from(values).reshape(shape).unwrap();
            npy::write(&path, &array).unwrap();
            read(&path, false).unwrap().map_err(|problem| problem.to_string())
        };
        assert_eq!(read_of(vec![2, 5]).unwrap().values[1], [1.0, 6.0]);
        assert_eq!(read_of(vec![5, 2]).unwrap().values[1], [2.0, 3.0]);
        assert!(read_of(vec![5, 3]).unwrap_err().contains("three columns"));
    }

    #[test]
    fn a_heading_tells_columns_and_unit() {
        let plain = of("1 2\n3;4\n# remark\n", false).unwrap();
        assert_eq!(plain, Pairs::plain(vec![[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(of("some words\n1,2\n", false).unwrap().values, [[1.0, 2.0]]);
        for (heading, unit) in [
            ("index,pos_x_um,pos_y_um", Some(PositionUnit::Micrometre)),
            ("# n; x [\u{b5}m]; y [\u{b5}m]", Some(PositionUnit::Micrometre)),
            ("n X Y", None),
            ("n,x_nm,y_um", None),
        ] {
            let found = of(&format!("{heading}\n0,1,2\n1,3,4\n"), false).unwrap();
            assert_eq!(
                (found.values, found.unit),
                (vec![[2.0, 1.0], [4.0, 3.0]], unit),
                "{heading}"
            );
            assert!(found.columns.is_some());
        }
        // What the user says of the order is of the columns as they stand.
        let stored = of("x_nm,y_nm\n1,2\n", true).unwrap();
        assert_eq!(
            stored,
            Pairs { values: vec![[1.0, 2.0]], unit: Some(PositionUnit::Nanometre), columns: None }
        );
        let late = of("\u{feff}# scan 12\nidx;x_mm;y_mm\n0;1;2\n", false).unwrap();
        assert_eq!((late.values, late.unit), (vec![[2.0, 1.0]], Some(PositionUnit::Millimetre)));
        assert!(of("1,2,3\n", false).unwrap_err().contains("which is y"));
        assert!(of("y,x\n1,2,3\n", false).unwrap_err().contains("which is y"));
        assert!(of("y,x\n1,a\n", false).unwrap_err().contains("line 2"));
        assert!(of("y;x\n0,5;1,5\n", false).unwrap_err().contains("decimal commas"));
    }
}
