//! The few Python literals that occur in the header of a `.npy` file.

use super::NpyError;

/// A Python literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    /// A whole number that is not negative: lengths are the only numbers of a header.
    Int(u64),
    Bool(bool),
    None,
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    /// Entries with their source text.
    Dict(Vec<(String, Literal, String)>),
}

/// How deep brackets may nest; records of records are two or three deep.
const MAX_DEPTH: usize = 32;

impl Literal {
    pub(crate) fn parse(text: &str) -> Result<Self, NpyError> {
        let mut parser = Parser { text, at: 0 };
        let literal = parser.value(0)?;
        parser.skip_blanks();
        match parser.text.get(parser.at..) {
            Some("") => Ok(literal),
            _ => Err(parser.error("the end of the header")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset, always at a character boundary.
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\0']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn error(&self, expected: &str) -> NpyError {
        let found: String = self.text[self.at..].chars().take(20).collect();
        NpyError::Header(format!("expected {expected} at byte {}, found {found:?}", self.at))
    }

    fn value(&mut self, depth: usize) -> Result<Literal, NpyError> {
        if depth > MAX_DEPTH {
            return Err(NpyError::Header(format!("brackets nested more than {MAX_DEPTH} deep")));
        }
        self.skip_blanks();
        match self.peek() {
            Some('\'' | '"') => self.string().map(Literal::Text),
            Some('0'..='9') => self.number(),
            Some('(') => {
                self.at += 1;
                self.items(')', depth).map(|(mut items, comma)| match items.len() {
                    1 if !comma => items.remove(0),
                    _ => Literal::Tuple(items),
                })
            }
            Some('[') => {
                self.at += 1;
                self.items(']', depth).map(|(items, _)| Literal::List(items))
            }
            Some('{') => {
                self.at += 1;
                self.dict(depth)
            }
            _ if self.take("True") => Ok(Literal::Bool(true)),
            _ if self.take("False") => Ok(Literal::Bool(false)),
            _ if self.take("None") => Ok(Literal::None),
            // Python 2 wrote u'...' for some strings.
            Some('u') => {
                self.at += 1;
                self.string().map(Literal::Text)
            }
            _ => Err(self.error("a Python literal")),
        }
    }

    /// The items up to the closing bracket, and whether a comma was among them.
    fn items(&mut self, close: char, depth: usize) -> Result<(Vec<Literal>, bool), NpyError> {
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            self.skip_blanks();
            if self.peek() == Some(close) {
                self.at += 1;
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(self.error("a comma or the closing bracket"));
            }
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(",") {
                comma = true;
            } else if self.peek() != Some(close) {
                return Err(self.error("a comma or the closing bracket"));
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Literal, NpyError> {
        let mut entries = Vec::new();
        loop {
            self.skip_blanks();
            if self.take("}") {
                return Ok(Literal::Dict(entries));
            }
            let key = match self.value(depth + 1)? {
                Literal::Text(key) => key,
                _ => return Err(self.error("a string as key")),
            };
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.error("a colon"));
            }
            self.skip_blanks();
            let start = self.at;
            let value = self.value(depth + 1)?;
            entries.push((key, value, self.text[start..self.at].to_owned()));
            self.skip_blanks();
            if !self.take(",") && self.peek() != Some('}') {
                return Err(self.error("a comma or the closing brace"));
            }
        }
    }

    fn string(&mut self) -> Result<String, NpyError> {
        let quote = match self.peek() {
            Some(quote @ ('\'' | '"')) => quote,
            _ => return Err(self.error("a string")),
        };
        let mut text = String::new();
        let mut escaped = false;
        for (offset, c) in self.text[self.at + 1..].char_indices() {
            if escaped {
                text.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == quote {
                self.at += 1 + offset + 1;
                return Ok(text);
            } else {
                text.push(c);
            }
        }
        Err(self.error("a closed string"))
    }

    fn number(&mut self) -> Result<Literal, NpyError> {
        let rest = &self.text[self.at..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits].parse().map_err(|_| self.error("a length below 2^64"))?;
        self.at += digits;
        // Python 2 marked long integers.
        self.take("L");
        Ok(Literal::Int(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_numpy_array() {
        let header =
            Literal::parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4L,), }  \n")
                .unwrap();
        let Literal::Dict(entries) = header else { panic!("no dict") };
        assert_eq!(entries[0], ("descr".into(), Literal::Text("<f4".into()), "'<f4'".into()));
        assert_eq!(entries[1].1, Literal::Bool(false));
        assert_eq!(entries[2].1, Literal::Tuple(vec![Literal::Int(3), Literal::Int(4)]));
    }

    #[test]
    fn parentheses_without_a_comma_are_no_tuple() {
        assert_eq!(Literal::parse("(3)").unwrap(), Literal::Int(3));
        assert_eq!(Literal::parse("(3,)").unwrap(), Literal::Tuple(vec![Literal::Int(3)]));
        assert_eq!(Literal::parse("()").unwrap(), Literal::Tuple(vec![]));
    }

    #[test]
    fn nonsense_is_refused_without_deep_recursion() {
        let deep = "(".repeat(100_000);
        for bad in [
            "",
            "{",
            "{'a' 1}",
            "'open",
            "(1 2)",
            "-1",
            "99999999999999999999999",
            "os.system",
            &deep,
        ] {
            assert!(Literal::parse(bad).is_err());
        }
    }
}
