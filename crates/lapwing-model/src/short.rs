//! Numbers in messages.

use std::fmt;

/// A number in words that are short however large or small it is: `1e308`, where a plain one has
/// 309 digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// From here on numbers with so many digits behind the point have an exponent, and those
        /// with all of them.
        const MOST: (f64, f64) = (1e6, 1e15);
        /// Below here those with all digits have one.
        const LEAST: f64 = 1e-5;
        let size = self.0.abs();
        match f.precision() {
            Some(digits) if size >= MOST.0 => write!(f, "{:.digits$e}", self.0),
            Some(digits) => write!(f, "{:.digits$}", self.0),
            None if size >= MOST.1 || (size > 0.0 && size < LEAST) => write!(f, "{:e}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        for (number, all, two) in [
            (1e308, "1e308", "1.00e308"),
            (-1.5e-300, "-1.5e-300", "-0.00"),
            (0.0, "0", "0.00"),
            (12.25, "12.25", "12.25"),
            (1e-5, "0.00001", "0.00"),
            (123_456.0, "123456", "123456.00"),
            (-2e9, "-2000000000", "-2.00e9"),
            (f64::INFINITY, "inf", "inf"),
        ] {
            assert_eq!(
                (Short(number).to_string().as_str(), &*format!("{:.2}", Short(number))),
                (all, two)
            );
            assert_eq!(Short(number).to_string().parse(), Ok(number));
        }
        for exponent in -323..=308 {
            let number: f64 = format!("1e{exponent}").parse().unwrap();
            let (all, four) = (Short(number).to_string(), format!("{:.4}", Short(number)));
            assert!(all.len() <= 16 && four.len() <= 16, "{all} {four}");
        }
    }
}
