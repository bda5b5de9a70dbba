//! Files of positions: two numbers for each pattern.

use std::fs;
use std::path::Path;

use crate::open::{self, HEAD};
use crate::{Container, Error, Problem, npy};

/// Longest text file of positions.
const MAX_TEXT: u64 = 256 << 20;

/// What a file of positions must hold.
const EXPECTED: &str = "(n, 2) or (ny, nx, 2) real numbers, window centres (y, x)";

/// Positions (y, x) of a `.npy` file or of a text file, told apart by their content; else what is
/// wrong with them.
pub(super) fn read(path: &Path) -> Result<Result<Vec<[f64; 2]>, Problem>, Error> {
    let problem = |found: String| Problem::new("positions", EXPECTED, found);
    // A file of the whole name is meant, whatever the name looks like.
    if let Some((file, name)) = path.to_str().and_then(|text| text.rsplit_once("::"))
        && !path.exists()
    {
        let file = Container::open(file)?;
        let name = name.trim_start_matches('/');
        let array = file.read(name)?;
        let found = format!("shape {:?} of {} in {name}", array.shape(), array.dtype());
        let axes = array.shape().last().copied().unwrap_or(0);
        return Ok(match array.to_f64() {
            // CXI's have a third coordinate.
            Ok(values) if matches!(array.shape().len(), 2 | 3) && matches!(axes, 2 | 3) => {
                Ok(values.chunks_exact(axes).map(|row| [row[0], row[1]]).collect())
            }
            _ => Err(problem(found)),
        });
    }
    if !is_npy(path)? {
        return Ok(numbers(path)?.map_err(problem));
    }
    let array = npy::read(path)?;
    let found = format!("shape {:?} of {} in {}", array.shape(), array.dtype(), path.display());
    match (array.shape(), array.to_f64()) {
        ([_, 2] | [_, _, 2], Ok(values)) => {
            Ok(Ok(values.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()))
        }
        _ => Ok(Err(problem(found))),
    }
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

/// The lines of a text file, each of two numbers with a comma, a semicolon or white space between.
/// A first line of words is a heading; `#` begins a remark.
fn numbers(path: &Path) -> Result<Result<Vec<[f64; 2]>, String>, Error> {
    let refused = |source| Error::io(path, source);
    let length = open::check(path).map_err(refused)?.len();
    if length > MAX_TEXT {
        return Ok(Err(format!("{length} bytes in {}; at most {MAX_TEXT}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(refused)?;
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
        let values: Vec<&str> = line.split(separator).filter(|value| !value.is_empty()).collect();
        let parsed: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
        match parsed.as_deref() {
            Some([]) => {}
            Some(&[y, x]) => pairs.push([y, x]),
            None if pairs.is_empty() && number == 0 => {}
            _ => {
                let line: String = line.chars().take(80).collect();
                let place = format!("line {} of {}", number + 1, path.display());
                return Ok(Err(format!("{line:?} in {place}")));
            }
        }
    }
    Ok(Ok(pairs))
}
