//! The text literals of protocol 0.

use super::PickleError;

fn malformed(what: &str, line: &[u8]) -> PickleError {
    let shown: String = String::from_utf8_lossy(line).chars().take(40).collect();
    PickleError::Malformed(format!("{what} {shown:?}"))
}

fn ascii<'a>(what: &str, line: &'a [u8]) -> Result<&'a str, PickleError> {
    let text = std::str::from_utf8(line).map_err(|_| malformed(what, line))?;
    Ok(text.trim())
}

/// A decimal whole number, with the `L` of long integers if it has one.
pub(super) fn integer(line: &[u8]) -> Result<i128, PickleError> {
    let text = ascii("integer", line)?;
    text.strip_suffix('L').unwrap_or(text).parse().map_err(|_| malformed("integer", line))
}

/// The decimal digits of a whole number in two's complement, least byte first.
pub(super) fn decimal(bytes: &[u8]) -> String {
    const BASE: u64 = 1_000_000_000;
    let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    // The magnitude, in groups of nine digits, the last group first.
    let mut groups: Vec<u64> = vec![0];
    let add = |groups: &mut Vec<u64>, factor: u64, term: u64| {
        let mut carry = term;
        for group in groups.iter_mut() {
            carry += *group * factor;
            (*group, carry) = (carry % BASE, carry / BASE);
        }
        if carry > 0 {
            groups.push(carry);
        }
    };
    for byte in bytes.iter().rev() {
        add(&mut groups, 256, u64::from(if negative { !byte } else { *byte }));
    }
    if negative {
        add(&mut groups, 1, 1);
    }
    let mut digits = groups.iter().rev();
    let first = digits.next().map(u64::to_string).unwrap_or_default();
    let rest: String = digits.map(|group| format!("{group:09}")).collect();
    format!("{}{first}{rest}", if negative { "-" } else { "" })
}

/// A memo index.
pub(super) fn index(line: &[u8]) -> Result<u32, PickleError> {
    u32::try_from(integer(line)?).map_err(|_| malformed("memo index", line))
}

/// A floating-point number as `repr` writes it.
pub(super) fn float(line: &[u8]) -> Result<f64, PickleError> {
    ascii("float", line)?.parse().map_err(|_| malformed("float", line))
}

/// Python's raw-unicode-escape: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn unicode(line: &[u8]) -> Result<String, PickleError> {
    let wrong = || malformed("text", line);
    let mut text = String::new();
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let digits = match (byte, line.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                at += 1;
                continue;
            }
        };
        let (unit, next) = hex(line, at + 2, digits).ok_or_else(wrong)?;
        at = next;
        // Characters beyond 16 bits may be written as a pair of surrogates.
        let unit = match unit {
            0xd800..0xdc00 if line[at..].starts_with(b"\\u") => {
                let (low, next) = hex(line, at + 2, 4).ok_or_else(wrong)?;
                at = next;
                match low {
                    0xdc00..0xe000 => 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00),
                    _ => return Err(wrong()),
                }
            }
            unit => unit,
        };
        text.push(char::from_u32(unit).ok_or_else(wrong)?);
    }
    Ok(text)
}

/// A quoted string of Python 2, with its escapes.
pub(super) fn string(line: &[u8]) -> Result<Vec<u8>, PickleError> {
    let wrong = || malformed("string", line);
    let line = line.trim_ascii();
    let inner = match line {
        [open @ (b'\'' | b'"'), inner @ .., close] if open == close => inner,
        _ => return Err(wrong()),
    };
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        at += 1;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let escape = *inner.get(at).ok_or_else(wrong)?;
        at += 1;
        bytes.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'v' => 0x0b,
            b'\\' | b'\'' | b'"' => escape,
            b'x' => {
                let (unit, next) = hex(inner, at, 2).ok_or_else(wrong)?;
                at = next;
                // Two hexadecimal digits.
                unit as u8
            }
            _ => return Err(wrong()),
        });
    }
    Ok(bytes)
}

/// The value of `digits` hexadecimal digits at `at`, and where they end.
fn hex(line: &[u8], at: usize, digits: usize) -> Option<(u32, usize)> {
    let text = std::str::from_utf8(line.get(at..at + digits)?).ok()?;
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(text, 16).ok()?, at + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_as_python_writes_them() {
        assert_eq!(unicode(b"h\xe9 \\u03c0 \\U0001f426 \\ud83d\\udc26").unwrap(), "hé π 🐦 🐦");
        assert_eq!(unicode(b"a\\u000ab\\u005cc").unwrap(), "a\nb\\c");
        assert_eq!(string(b"'a\\x00\\n\\'\"\\\\'").unwrap(), b"a\0\n'\"\\");
        assert_eq!(
            integer(b"-123456789012345678901234567890L").unwrap(),
            -123_456_789_012_345_678_901_234_567_890
        );
        assert_eq!(float(b"1e-05").unwrap(), 1e-5);
        assert!(float(b"nan").unwrap().is_nan());
        assert!(unicode(b"\\ud83dx").is_err() && unicode(b"\\u+123").is_err());
    }
}
