//! One JSON object from an array of whatever kind.

use serde_json::{Number, Value as Json};
use std::borrow::Cow;

use super::Metadata;
use crate::npy::{Array, Values};
use crate::pickle::{self, Value};

/// Most values that the JSON may hold.
const MAX_VALUES: usize = 1 << 20;
/// What to do about metadata that are not read.
const WAY_ON: &str = "save the metadata as text, json.dumps(metadata, default=str) in Python, or \
                      read the file without them (--leave-out _metadata)";
/// Most digits of a whole number beyond 64 bits that are kept.
const MAX_DIGITS: usize = 4096;
/// How deep one-element arrays may be wrapped in each other.
const MAX_WRAPPERS: usize = 8;

/// The metadata in an array; the error says why there are none and what to do about it.
pub(super) fn metadata(array: Array) -> Result<Metadata, String> {
    decoded(array).map_err(|reason| format!("{reason}; {WAY_ON}"))
}

fn decoded(array: Array) -> Result<Metadata, String> {
    let json = match array.values() {
        Values::Object(pickled) => {
            from_value(pickle::load(pickled).map_err(|error| error.to_string())?, 0)?
        }
        _ => from_text(&text(&array)?)?,
    };
    match json {
        Json::Object(mut object) => {
            // Dose and scale are looked for in a dictionary, which an array of one may hold.
            if let Some(parameters) = object.get_mut("physics_parameters")
                && super::bare(parameters).is_object()
            {
                *parameters = super::bare(parameters).clone();
            }
            Ok(object)
        }
        other => Err(format!("{} in place of a JSON object", kind(&other))),
    }
}

/// The text of an array: its only string, or its bytes.
fn text(array: &Array) -> Result<String, String> {
    match array.values() {
        Values::U8(bytes) if !bytes.is_empty() => {
            String::from_utf8(bytes.clone()).map_err(|_| "the bytes are not UTF-8 text".to_owned())
        }
        Values::Text { .. } | Values::Bytes { .. } => match array.count() {
            1 => Ok(array.to_strings().map_err(|error| error.to_string())?.remove(0)),
            count => Err(format!("{count} texts in place of one")),
        },
        _ => {
            Err("no JSON text (unicode, bytes, uint8) and no pickled text or dictionary".to_owned())
        }
    }
}

fn from_text(text: &str) -> Result<Json, String> {
    let text =
        text.trim_start_matches('\u{feff}').trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err("the text is empty".to_owned());
    }
    // Every value but the first follows one of these, so their number bounds the memory.
    if text.bytes().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count() > MAX_VALUES {
        return Err(format!("the JSON text holds more than {MAX_VALUES} values"));
    }
    let text = with_large_numbers_quoted(text);
    serde_json::from_str(&text).or_else(|error| {
        let strict = without_specials(&text).ok_or_else(|| format!("no valid JSON: {error}"))?;
        serde_json::from_str(&strict).map_err(|_| format!("no valid JSON: {error}"))
    })
}

/// The text with whole numbers beyond 64 bits as texts, which keep all their digits.
fn with_large_numbers_quoted(text: &str) -> Cow<'_, str> {
    /// Digits of the largest number of 64 bits.
    const DIGITS: usize = 19;
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at, mut in_string) = (String::new(), 0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'0'..=b'9' if !in_string => {
                let end = bytes[at..].iter().position(|byte| !byte.is_ascii_digit());
                let end = end.map_or(bytes.len(), |length| at + length);
                let start = at - usize::from(at > 0 && bytes[at - 1] == b'-');
                let whole = !matches!(bytes.get(end), Some(b'.' | b'e' | b'E'))
                    && !matches!(
                        start.checked_sub(1).map(|i| bytes[i]),
                        Some(b'.' | b'e' | b'E' | b'+')
                    );
                let number = &text[start..end];
                let small = end - at < DIGITS
                    || number.parse::<i64>().is_ok()
                    || number.parse::<u64>().is_ok();
                if whole && !small && end - at <= MAX_DIGITS {
                    out.push_str(&text[copied..start]);
                    out.push_str(&format!("\"{number}\""));
                    copied = end;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(out + &text[copied..]),
    }
}

/// The text with `NaN`, `Infinity` and `-Infinity` outside of strings replaced by `null`; `None`
/// without any.
fn without_specials(text: &str) -> Option<String> {
    let (mut out, mut in_string, mut found) = (String::with_capacity(text.len()), false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let special =
            ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word));
        match (in_string, c, special) {
            (false, _, Some(word)) => {
                out.push_str("null");
                found = true;
                rest = &rest[word.len()..];
                continue;
            }
            (true, '\\', _) => {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            (_, '"', _) => in_string = !in_string,
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    found.then_some(out)
}

/// A pickled value: wrappers of one element are taken off, text is JSON, a dictionary is the object
/// itself.
fn from_value(value: Value, wrappers: usize) -> Result<Json, String> {
    if wrappers > MAX_WRAPPERS {
        return Err(format!("wrapped in more than {MAX_WRAPPERS} arrays"));
    }
    match value {
        Value::Text(text) => from_text(&text),
        Value::Bytes(bytes) => from_text(
            &String::from_utf8(bytes).map_err(|_| "the pickled bytes are not UTF-8 text")?,
        ),
        Value::Dict(_) => to_json(value),
        Value::Array(array) => from_text(&text(&array)?),
        Value::Objects(objects) => only(objects.1).and_then(|item| from_value(item, wrappers + 1)),
        Value::List(items) | Value::Tuple(items) => {
            only(items).and_then(|item| from_value(item, wrappers + 1))
        }
        Value::None => Err("the pickle holds None".to_owned()),
        other => {
            Err(format!("{} in place of a pickled text or dictionary", kind(&to_json(other)?)))
        }
    }
}

fn only(mut items: Vec<Value>) -> Result<Value, String> {
    match (items.pop(), items.len()) {
        (Some(item), 0) => Ok(item),
        (None, _) => Err("no pickled object".to_owned()),
        (Some(_), others) => Err(format!("{} pickled objects in place of one", others + 1)),
    }
}

/// A Python value as JSON, as `json.dumps` would write it; arrays become nested lists, complex
/// numbers pairs.
pub(crate) fn to_json(value: Value) -> Result<Json, String> {
    let list = |items: Vec<Value>| {
        items.into_iter().map(to_json).collect::<Result<Vec<_>, _>>().map(Json::Array)
    };
    match value {
        Value::None => Ok(Json::Null),
        Value::Bool(flag) => Ok(Json::Bool(flag)),
        Value::Int(number) => Ok(whole(number)),
        Value::Float(number) => Ok(real(number)),
        Value::Text(text) => Ok(Json::String(text)),
        Value::Bytes(bytes) => String::from_utf8(bytes)
            .map(Json::String)
            .map_err(|_| "bytes that are not UTF-8 text".to_owned()),
        Value::List(items) | Value::Tuple(items) => list(items),
        Value::Dict(entries) => {
            let mut object = Metadata::new();
            for (key, value) in entries {
                let key = match to_json(key)? {
                    Json::String(text) => text,
                    plain @ (Json::Null | Json::Bool(_) | Json::Number(_)) => plain.to_string(),
                    other => return Err(format!("{} as a key of a dictionary", kind(&other))),
                };
                object.insert(key, to_json(value)?);
            }
            Ok(Json::Object(object))
        }
        Value::Array(array) => {
            let items = elements(&array)?;
            Ok(nested(array.shape(), items))
        }
        Value::Objects(objects) => {
            let (shape, items) = *objects;
            let items = items.into_iter().map(to_json).collect::<Result<Vec<_>, _>>()?;
            Ok(nested(&shape, items))
        }
    }
}

/// A whole number; beyond 64 bits, where JSON has only rounded ones, its digits as text.
fn whole(number: i128) -> Json {
    let exact = i64::try_from(number).map(Number::from);
    let exact = exact.or_else(|_| u64::try_from(number).map(Number::from));
    exact.map_or_else(|_| Json::String(number.to_string()), Json::Number)
}

fn real(number: f64) -> Json {
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}

fn elements(array: &Array) -> Result<Vec<Json>, String> {
    if array.count() > MAX_VALUES {
        return Err(format!("an array of {} values inside the metadata", array.count()));
    }
    let wrong = |error: crate::npy::NpyError| error.to_string();
    let dtype = array.dtype();
    Ok(match array.values() {
        Values::Bool(flags) => flags.iter().map(|&flag| Json::Bool(flag)).collect(),
        Values::U64(numbers) => numbers.iter().map(|&number| whole(number.into())).collect(),
        _ if dtype.is_integer() => {
            array.to_i64().map_err(wrong)?.into_iter().map(|number| whole(number.into())).collect()
        }
        _ if dtype.is_float() => array.to_f64().map_err(wrong)?.into_iter().map(real).collect(),
        Values::C64(numbers) => numbers
            .iter()
            .map(|z| Json::Array(vec![real(z.re.into()), real(z.im.into())]))
            .collect(),
        Values::C128(numbers) => {
            numbers.iter().map(|z| Json::Array(vec![real(z.re), real(z.im)])).collect()
        }
        Values::Text { .. } | Values::Bytes { .. } => {
            array.to_strings().map_err(wrong)?.into_iter().map(Json::String).collect()
        }
        _ => return Err(format!("an array of {dtype} inside the metadata")),
    })
}

/// Elements in C order as nested lists.
fn nested(shape: &[usize], mut items: Vec<Json>) -> Json {
    if shape.is_empty() {
        return items.pop().unwrap_or(Json::Null);
    }
    for &length in shape[1..].iter().rev() {
        // Without elements there is nothing to nest.
        if length == 0 || items.is_empty() {
            return Json::Array(Vec::new());
        }
        let mut rest = items.into_iter();
        let mut rows = Vec::new();
        loop {
            let row: Vec<Json> = rest.by_ref().take(length).collect();
            if row.is_empty() {
                break;
            }
            rows.push(Json::Array(row));
        }
        items = rows;
    }
    Json::Array(items)
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn python_specials_become_null_outside_of_strings_only() {
        let parsed =
            from_text(r#"{"a": NaN, "b": [-Infinity, Infinity, 1], "NaN": "NaN \" Infinity"}"#)
                .unwrap();
        assert_eq!(parsed, json!({"a": null, "b": [null, null, 1], "NaN": "NaN \" Infinity"}));
        assert!(from_text("{\"a\": Nan}").is_err());
    }

    #[test]
    fn whole_numbers_beyond_64_bits_keep_their_digits() {
        let text = r#"{"a": 123456789012345678901234567890, "b": [-99999999999999999999, 1.5e30],
            "c": "12345678901234567890123 \" 1", "d": 18446744073709551615, "e": -9223372036854775808,
            "f": 12345678901234567890123.5, "g": 1e12345678901234567890123}"#;
        let text = text.replace(", \"g\": 1e12345678901234567890123", "");
        let parsed = from_text(&text).unwrap();
        let expected = json!({"a": "123456789012345678901234567890",
            "b": ["-99999999999999999999", 1.5e30], "c": "12345678901234567890123 \" 1",
            "d": u64::MAX, "e": i64::MIN, "f": 12345678901234567890123.5});
        assert_eq!(parsed, expected);
        let large = i128::from(u64::MAX) + 1;
        assert_eq!(to_json(Value::Int(large)).unwrap(), json!("18446744073709551616"));
        // Written by Python, protocol 2: {"n": 2**200 + 1, "m": -(2**70)}.
        let pickled = b"\x80\x02}q\x00(X\x01\x00\x00\x00nq\x01\x8a\x1a\x01\x00\x00\x00\x00\
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
            \x00\x01X\x01\x00\x00\x00mq\x02\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00\xc0u.";
        let read = to_json(pickle::load(pickled).unwrap()).unwrap();
        let digits = "1606938044258990275541962092341162602522202993782792835301377";
        assert_eq!(read, json!({"n": digits, "m": "-1180591620717411303424"}));
    }

    /// Written by Python, protocol 2.
    #[test]
    fn python_objects_are_refused_by_name_with_a_way_on() {
        let pickles: [(&[u8], &str); 4] = [
            (
                b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00aq\x02K\x01s.",
                "collections.OrderedDict",
            ),
            (
                b"\x80\x02}q\x00X\x01\x00\x00\x00pq\x01cpathlib\nPurePosixPath\nq\x02X\x01\
                  \x00\x00\x00aq\x03X\x01\x00\x00\x00bq\x04\x86q\x05Rq\x06s.",
                "pathlib.PurePosixPath",
            ),
            (
                b"\x80\x02}q\x00X\x01\x00\x00\x00sq\x01c__builtin__\nset\nq\x02]q\x03K\x01a\
                  \x85q\x04Rq\x05s.",
                "__builtin__.set",
            ),
            (
                b"\x80\x02}q\x00X\x01\x00\x00\x00tq\x01cdatetime\ndatetime\nq\x02c_codecs\n\
                  encode\nq\x03X\x0b\x00\x00\x00\x07\xc3\xa8\x05\x01\x00\x00\x00\x00\x00\x00q\x04\
                  X\x06\x00\x00\x00latin1q\x05\x86q\x06Rq\x07\x85q\x08Rq\ts.",
                "datetime.datetime",
            ),
        ];
        for (pickled, name) in pickles {
            let array = Array::new(vec![], Values::Object(pickled.to_vec())).unwrap();
            let told = metadata(array).unwrap_err();
            for part in [name, "json.dumps", "--leave-out _metadata"] {
                assert!(told.contains(part), "{told}");
            }
        }
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for bad in ["", " \0", "[1]", "\"{}\"", "null", "{", "{} {}"] {
            assert!(metadata(Array::text(bad)).is_err(), "{bad:?}");
        }
        for bad in ["{broken", "[1]"] {
            let told = metadata(Array::text(bad)).unwrap_err();
            assert!(
                told.contains("--leave-out _metadata") && !told.contains("expected a"),
                "{told}"
            );
        }
        assert!(metadata(Array::texts(&["{}", "{}"])).is_err());
        assert!(metadata(Array::from(vec![1.0_f32])).is_err());
        assert!(metadata(Array::from(vec![0xff_u8, 0xfe])).is_err());
    }

    #[test]
    fn deep_and_broad_json_is_refused_quickly() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(metadata(Array::text(&deep)).unwrap_err().contains("recursion"));
        let broad = format!("{{\"a\": [{}0]}}", "0,".repeat(2_000_000));
        assert!(metadata(Array::text(&broad)).unwrap_err().contains("more than"));
    }

    #[test]
    fn python_values_become_json_as_python_would_write_them() {
        let value = Value::Dict(vec![
            (
                Value::Int(1),
                Value::Tuple(vec![Value::Float(f64::NAN), Value::Int(u64::MAX.into())]),
            ),
            (Value::Bool(true), Value::Bytes(b"x".to_vec())),
            (
                Value::Text("a".into()),
                Value::Array(Box::new(Array::from(&ndarray::arr2(&[[1_u8, 2], [3, 4]])))),
            ),
        ]);
        let expected = json!({"1": [null, 18_446_744_073_709_551_615_u64], "true": "x", "a": [[1, 2], [3, 4]]});
        assert_eq!(to_json(value).unwrap(), expected);
    }

    #[test]
    fn physics_parameters_in_an_array_of_one_are_those_of_the_file() {
        let text = r#"{"physics_parameters": [[{"nphotons": [100.0]}]], "steps": [{"a": 1}]}"#;
        let read = metadata(Array::text(text)).unwrap();
        assert_eq!(super::super::nphotons(&read), Some(100.0));
        assert_eq!(read["physics_parameters"], json!({"nphotons": [100.0]}));
        // Other lists stay lists.
        assert_eq!(read["steps"], json!([{"a": 1}]));
    }
}
