//! What a file that is not understood may be, by the shapes of its arrays.

use super::pairs;
use crate::{Container, Error, Problem};

/// The name of what looks like the positions of `n` patterns: an array, or two as `Y,X`.
fn positions_of(file: &Container, n: usize) -> Option<String> {
    let looks = |shape: &[usize]| match *shape {
        [rows, 2 | 3] => rows == n,
        [2, columns] => columns == n,
        [rows, columns, 2] => rows.saturating_mul(columns) == n,
        _ => false,
    };
    let arrays = file.list().ok()?;
    // One array, or one for each coordinate.
    let one = || arrays.iter().find(|array| looks(&array.shape)).map(|array| array.name.clone());
    let two = || {
        let lines = arrays.iter().filter(|array| array.shape == [n]);
        let names: Vec<&str> = lines.map(|array| array.name.as_str()).collect();
        let last = |name: &&str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let ends: Vec<String> = names.iter().map(last).collect();
        let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
        let (y, x) = pairs::y_and_x(&ends)?;
        Some(format!("{},{}", names[y], names[x]))
    };
    one().or_else(two)
}

/// What to say of the unit of positions, where their arrays do not.
fn unit_to_say(file: &Container, name: &str) -> &'static str {
    match pairs::unit_of(file, name.split(',').next().unwrap_or(name)) {
        Some(_) => "",
        None => " --position-unit pixel, m, mm, um or nm",
    }
}

/// An array that looks like the positions of `n` patterns, where nobody says which are theirs.
pub(super) fn unused_positions(file: &Container, n: usize) -> Option<Problem> {
    let name = positions_of(file, n)?;
    let path = file.path().display();
    let expected = format!(
        "to be named where {name} holds them: --positions {path}::{name}{}",
        unit_to_say(file, &name)
    );
    Some(Problem::new("positions", expected, "none named"))
}

/// What to type where a file that no dialect knows has an array (n, H, W) and what looks like the
/// positions of as many patterns; nothing where it has none, or several.
pub(super) fn likely_options(file: &Container) -> Result<String, Error> {
    let stacks = file.list()?.into_iter().filter(|array| {
        let code = array.dtype.trim_start_matches(['<', '>', '|', '=']);
        let real = ["int", "uint", "float"].iter().any(|kind| code.starts_with(kind));
        real && matches!(*array.shape, [_, height, width] if height > 3 && width > 3)
    });
    let mut pairs = stacks.filter_map(|array| {
        let name = array.name.trim_start_matches('/').to_owned();
        Some((positions_of(file, array.shape[0])?, name))
    });
    let Some((positions, patterns)) = pairs.next().filter(|_| pairs.next().is_none()) else {
        return Ok(String::new());
    };
    let path = file.path().display();
    let positions = positions.trim_start_matches('/');
    let unit = unit_to_say(file, positions);
    Ok(format!("; perhaps --patterns {patterns} --positions {path}::{positions}{unit}"))
}
