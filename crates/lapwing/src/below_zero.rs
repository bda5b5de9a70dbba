//! Numbers below zero as values of flags, however they are written.

use std::ffi::OsString;

/// The arguments with numbers below zero joined to the flags before them, `--defocus-m=-5e-8` for
/// `--defocus-m -5e-8`: else they would be taken for flags themselves.
pub fn joined(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut flags_end = false;
    for argument in arguments {
        flags_end |= argument == "--";
        let number = argument.to_str().is_some_and(is_below_zero);
        match all.last_mut().filter(|last| number && !flags_end && is_flag(last)) {
            Some(flag) => {
                flag.push("=");
                flag.push(argument);
            }
            None => all.push(argument),
        }
    }
    all
}

/// Whether a word is one number, or several with commas between them, of which the first is below
/// zero.
fn is_below_zero(word: &str) -> bool {
    let digits = word
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|first: char| first == '.' || first.is_ascii_digit()));
    digits && word.split(',').all(|number| number.parse::<f64>().is_ok())
}

/// Whether a word is a flag without its value.
fn is_flag(word: &OsString) -> bool {
    word.to_str().is_some_and(|word| word.starts_with("--") && !word.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_zero_belong_to_the_flag_before_them() {
        for (given, expected) in [
            ("x --a -5e-8 --b -1,2 -q", "x --a=-5e-8 --b=-1,2 -q"),
            ("x --a -.5 --c -1 -2", "x --a=-.5 --c=-1 -2"),
            ("x --a=1 -2 --b -q --c -1x", "x --a=1 -2 --b -q --c -1x"),
            ("x -- --a -5", "x -- --a -5"),
        ] {
            let found = joined(given.split(' ').map(OsString::from));
            assert_eq!(found.join(" ".as_ref()), OsString::from(expected), "{given}");
        }
    }
}
