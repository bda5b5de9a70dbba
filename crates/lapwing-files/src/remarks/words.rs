//! Numbers and places in words.

/// Numbers as people write them: `3, 17, 40-52`.
pub(crate) fn ranges(numbers: &[usize]) -> String {
    const MOST: usize = 8;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let each = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let mut text = runs.iter().take(MOST).map(each).collect::<Vec<_>>().join(",");
    if runs.len() > MOST {
        text.push_str(",...");
    }
    text
}

/// The option that leaves patterns out, with their numbers where these are few enough to be typed.
pub(crate) fn leave_out(numbers: &[usize]) -> String {
    let numbers = ranges(numbers);
    match numbers.ends_with("...") {
        true => "--leave-out-frames".to_owned(),
        false => format!("--leave-out-frames {numbers}"),
    }
}

/// The first pixels of a list in words.
pub(crate) fn places(pixels: &[(usize, usize)]) -> String {
    const MOST: usize = 4;
    let each = |&(y, x): &(usize, usize)| format!("({y}, {x})");
    let mut text = pixels.iter().take(MOST).map(each).collect::<Vec<_>>().join(", ");
    if pixels.len() > MOST {
        text.push_str(", ...");
    }
    text
}

/// A length in pixels, of which no more digits are told than anybody reads.
pub(crate) fn far(pixels: f64, digits: usize) -> String {
    match pixels.abs() < 1e6 {
        true => format!("{pixels:.digits$}"),
        false => format!("{pixels:.3e}"),
    }
}

/// `1 pattern`, `3 patterns`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_few_digits() {
        assert_eq!((far(4002.0816, 1), far(-4.002e30, 1)), ("4002.1".into(), "-4.002e30".into()));
    }

    #[test]
    fn numbers_are_told_as_ranges() {
        assert_eq!(ranges(&[3, 17, 40, 41, 42]), "3,17,40-42");
        assert_eq!(ranges(&(0..40).step_by(2).collect::<Vec<_>>()), "0,2,4,6,8,10,12,14,...");
    }
}
