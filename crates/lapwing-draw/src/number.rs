//! Numbers as labels.

/// `value` with `digits` significant digits, without trailing zeros; 10 to a power for the very
/// large and very small.
///
/// ```
/// use lapwing_draw::number::label;
/// assert_eq!(label(0.123456, 3), "0.123");
/// assert_eq!(label(1504.0, 3), "1500");
/// assert_eq!(label(-2.5e7, 3), "\u{2212}2.5\u{d7}10\u{2077}");
/// ```
pub fn label(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "\u{2013}".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{:.*e}", digits.max(1) - 1, value);
    let exponent =
        text.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    if (-4..5).contains(&exponent) {
        let decimals = digits as i32 - 1 - exponent;
        let unit = 10f64.powi((-decimals).max(0));
        let rounded = (value / unit).round() * unit;
        let value = if decimals < 0 { rounded } else { value };
        return signed(&trimmed(&format!("{value:.*}", decimals.max(0) as usize)));
    }
    let mantissa = trimmed(text.split_once('e').map_or(text.as_str(), |(mantissa, _)| mantissa));
    match mantissa.as_str() {
        "1" => power_of_ten(exponent),
        mantissa => format!("{}\u{d7}{}", signed(mantissa), power_of_ten(exponent)),
    }
}

/// 10 to `exponent`, with superscript digits; 1, 10 and 100 are written out.
pub fn power_of_ten(exponent: i32) -> String {
    if (0..3).contains(&exponent) {
        return ["1", "10", "100"][exponent as usize].to_owned();
    }
    let digits = exponent.to_string();
    let superscripts = digits.chars().map(|digit| match digit {
        '-' => '\u{207b}',
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        other => char::from_u32(0x2070 + (other as u32 - '0' as u32)).unwrap_or(other),
    });
    "10".chars().chain(superscripts).collect()
}

/// Without trailing zeros behind the point.
fn trimmed(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
        .to_owned()
}

/// With a real minus sign.
pub(crate) fn signed(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// As short a decimal as SVG needs: at most two digits behind the point.
pub(crate) fn short(value: f64) -> String {
    let text = trimmed(&format!("{value:.2}"));
    if text == "-0" { "0".to_owned() } else { text }
}

/// As [`label`], but with an exponent in place of a power of ten, for the built-in font: `1.5e7`.
pub(crate) fn plain(value: f64, digits: usize) -> String {
    let text = label(value, digits);
    if text.is_ascii() || text.trim_start_matches('\u{2212}').is_ascii() {
        return text;
    }
    let text = format!("{:.*e}", digits.max(1) - 1, value);
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_round_and_trim() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (99_999.0, "10\u{2075}"),
            (12_345.0, "12300"),
            (0.000_12, "0.00012"),
            (0.000_012, "1.2\u{d7}10\u{207b}\u{2075}"),
            (-0.25, "\u{2212}0.25"),
            (f64::NAN, "\u{2013}"),
        ] {
            assert_eq!(label(value, 3), text);
        }
        assert_eq!((plain(1.5e7, 3), plain(-0.5, 3)), ("1.5e7".into(), "\u{2212}0.5".into()));
        assert_eq!(short(-0.001), "0");
        assert_eq!(short(12.30), "12.3");
    }
}
