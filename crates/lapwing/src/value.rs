//! Values on the command line, checked as they are read: what is wrong here is wrong usage.

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};
use lapwing_study::condition;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

/// A parser of values, with words that a shell may offer while one is typed. What is taken is the
/// parser's affair alone.
#[derive(Debug, Clone)]
pub struct Offering<P> {
    words: Vec<&'static str>,
    parser: P,
}

impl<P> Offering<P> {
    /// `parser`, with `words` to offer.
    pub fn new(words: impl IntoIterator<Item = &'static str>, parser: P) -> Self {
        Self { words: words.into_iter().collect(), parser }
    }
}

impl<P: TypedValueParser> TypedValueParser for Offering<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<P::Value, Error> {
        self.parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        match self.words.is_empty() {
            true => None,
            false => Some(Box::new(self.words.iter().map(|word| PossibleValue::new(*word)))),
        }
    }
}

/// A kind of which all names are known.
pub fn kind<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    Offering::new(names, |text: &str| text.parse::<T>())
}

/// A finite number greater than zero.
pub fn positive(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 { Ok(value) } else { Err("expected a number greater than 0".into()) }
}

/// A finite number of at least zero.
pub fn not_negative(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value >= 0.0 { Ok(value) } else { Err("expected a number, 0 or more".into()) }
}

/// A number from 0 to 1, both allowed.
pub fn share(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err("expected a number from 0 to 1".into())
    }
}

/// A number above 0 and at most 1.
pub fn positive_share(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 && value <= 1.0 {
        Ok(value)
    } else {
        Err("expected a number above 0 and at most 1".into())
    }
}

/// A number between 0 and 1, both excluded.
pub fn inner_share(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err("expected a number between 0 and 1".into())
    }
}

/// A number from 0 to below 1.
pub fn overlap(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if (0.0..1.0).contains(&value) {
        Ok(value)
    } else {
        Err("expected at least 0 and less than 1".into())
    }
}

/// A finite number.
pub fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("expected a number".into()),
    }
}

/// A dose that names a folder: a whole number of photons, also written as 1e4.
pub fn whole_dose(text: &str) -> Result<u64, String> {
    let expected = || format!("expected {}", condition::expected_dose());
    condition::whole_dose(positive(text)?).ok_or_else(expected)
}

/// Most of anything that is counted through, such as epochs.
const MAX_COUNT: usize = 1_000_000;

/// A whole number from 1 to a million.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(value) if (1..=MAX_COUNT).contains(&value) => Ok(value),
        _ => Err("expected a whole number, 1 to 1,000,000".into()),
    }
}

/// A whole number of at least one, however large.
pub fn whole(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(value) if value > 0 => Ok(value),
        _ => Err("expected a whole number, 1 or more".into()),
    }
}

/// One of the names of an enumeration, as in design files.
pub fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let deserializer: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(deserializer).map_err(|error| error.to_string())
}

/// The name of a picture: nothing else than PNG is drawn.
pub fn png(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("png") => Ok(path),
        _ => Err("expected a name that ends in .png, for the picture is one".to_owned()),
    }
}

/// `HEIGHTxWIDTH`, or one number for both, pixels.
pub fn size(text: &str) -> Result<(usize, usize), String> {
    let side = |text: &str| match text.trim().parse::<usize>() {
        Ok(side) if side > 0 => Ok(side),
        _ => Err("expected pixels as HEIGHTxWIDTH or one number, such as 128x96 or 128".to_owned()),
    };
    match text.split_once('x') {
        Some((height, width)) => Ok((side(height)?, side(width)?)),
        None => side(text).map(|side| (side, side)),
    }
}

/// `HEIGHTxWIDTH`, or one number for both, pixels; not necessarily whole.
pub fn extent(text: &str) -> Result<(f64, f64), String> {
    sides(text, not_negative)
        .map_err(|_| "expected pixels as HEIGHTxWIDTH or one number, such as 300x200".to_owned())
}

/// `DY,DX`, pixels with their signs.
pub fn along(text: &str) -> Result<(f64, f64), String> {
    let both = text.split_once(',').and_then(|(y, x)| {
        let side = |text: &str| number(text.trim()).ok();
        side(y).zip(side(x))
    });
    both.ok_or_else(|| "expected pixels along rows and columns, such as 1.5,-2".to_owned())
}

/// `HEIGHTxWIDTH`, or one number for both, metres above 0.
pub fn metres(text: &str) -> Result<(f64, f64), String> {
    sides(text, positive).map_err(|_| {
        "expected metres above 0 as HEIGHTxWIDTH or one number, such as 5e-6x8e-6".to_owned()
    })
}

fn sides(text: &str, number: impl Fn(&str) -> Result<f64, String>) -> Result<(f64, f64), String> {
    let side = |text: &str| number(text.trim());
    match text.split_once('x') {
        Some((height, width)) => Ok((side(height)?, side(width)?)),
        None => side(text).map(|side| (side, side)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_range_pass_and_others_say_what_is_expected() {
        assert_eq!(positive("1e3"), Ok(1000.0));
        assert_eq!(whole_dose("1e4"), Ok(10_000));
        assert_eq!((share("1"), overlap("0")), (Ok(1.0), Ok(0.0)));
        for bad in [
            positive("0"),
            positive("nan"),
            positive("inf"),
            not_negative("-1"),
            share("1.1"),
            overlap("1"),
            positive_share("0"),
            number("x"),
        ] {
            assert!(bad.unwrap_err().starts_with("expected"));
        }
        assert_eq!(
            (count("1000000"), whole("9999999999999")),
            (Ok(1_000_000), Ok(9_999_999_999_999))
        );
        for bad in
            [count("0"), count("1000001"), count("18446744073709551615"), whole("0"), whole("-1")]
        {
            assert!(bad.unwrap_err().starts_with("expected"));
        }
        assert!(
            whole_dose("10.5").is_err() && whole_dose("-3").is_err() && whole_dose("1e20").is_err()
        );
    }

    #[test]
    fn sizes_are_one_number_or_height_by_width() {
        assert_eq!((size("64"), size("64x32")), (Ok((64, 64)), Ok((64, 32))));
        assert_eq!((extent("64.5"), extent("0 x 32")), (Ok((64.5, 64.5)), Ok((0.0, 32.0))));
        assert_eq!((along("1.5,-2"), along("0, 3")), (Ok((1.5, -2.0)), Ok((0.0, 3.0))));
        assert!(along("3").is_err() && along("1,inf").is_err() && along("a,b").is_err());
        assert!(
            size("0").is_err()
                && size("64x").is_err()
                && size("6.4").is_err()
                && extent("-1x2").is_err()
        );
    }
}
