//! Pickles, read without running anything.
//!
//! Python's pickles are programs: they may import any function and call it. [`load`] knows only the
//! instructions that build values (`None`, booleans, numbers, text, bytes, lists, tuples,
//! dictionaries) and the handful of calls by which NumPy rebuilds its arrays, scalars and dtypes,
//! under the module names of NumPy 1 and 2. Whatever else a pickle asks for is refused by name.
//! Protocols 0 to 5 are understood.
//!
//! Memory is bounded as well: values are first kept as a graph whose size is limited, then unfolded
//! within the same limits, so that a few bytes of mutual references cannot grow without end.

mod error;
mod literal;
mod machine;
mod numpy;

use std::collections::HashMap;

use crate::npy::Array;
pub use error::PickleError;
use machine::{Machine, Node, NodeId};

/// Longest pickle read, bytes.
const MAX_INPUT: usize = 16 << 20;
/// Most values of a pickle, before and after unfolding what it shares.
const MAX_VALUES: usize = 1 << 20;
/// Most bytes of text, byte strings and arrays of a pickle, before and after unfolding what it
/// shares.
const MAX_CONTENT: usize = 32 << 20;
/// Deepest nesting of lists, tuples and dictionaries.
const MAX_DEPTH: usize = 100;

/// A Python value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// `str`.
    Text(String),
    /// `bytes` and `bytearray`, and the `str` of Python 2.
    Bytes(Vec<u8>),
    /// `list`.
    List(Vec<Value>),
    /// `tuple`.
    Tuple(Vec<Value>),
    /// `dict`, in insertion order; keys may repeat, the last one counts.
    Dict(Vec<(Value, Value)>),
    /// A NumPy array of numbers, booleans or text. Scalars and 0-d arrays become plain values
    /// unless complex.
    Array(Box<Array>),
    /// A NumPy array of Python objects: its shape, and its elements in C order.
    Objects(Box<(Vec<usize>, Vec<Value>)>),
}

/// Reads one pickle. Bytes after its end are refused.
///
/// # Errors
/// See [`PickleError`].
///
/// ```
/// use lapwing_files::pickle::{Value, load};
/// let expected = Value::List(vec![Value::Int(1), Value::Text("hi".into())]);
/// assert_eq!(load(b"\x80\x02]q\x00(K\x01X\x02\x00\x00\x00hie.")?, expected);
/// let error = load(b"cos\nsystem\n(S'echo'\ntR.").unwrap_err();
/// assert!(error.to_string().contains("os.system"));
/// # Ok::<(), lapwing_files::pickle::PickleError>(())
/// ```
pub fn load(bytes: &[u8]) -> Result<Value, PickleError> {
    if bytes.len() > MAX_INPUT {
        return Err(PickleError::TooLarge(format!(
            "{} bytes, at most {MAX_INPUT} are read",
            bytes.len()
        )));
    }
    let (nodes, root) = Machine::run(bytes)?;
    Unfolding { nodes: &nodes, values: 0, content: 0 }.value(root, 0)
}

/// Turns the graph into a tree.
struct Unfolding<'a> {
    nodes: &'a [Node],
    values: usize,
    content: usize,
}

impl Unfolding<'_> {
    fn spend(&mut self, content: usize) -> Result<(), PickleError> {
        self.content = self.content.saturating_add(content);
        if self.content > MAX_CONTENT {
            return Err(PickleError::TooLarge(format!(
                "its values unfold to more than {MAX_CONTENT} bytes"
            )));
        }
        Ok(())
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, PickleError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(PickleError::TooLarge(format!(
                "it unfolds to more than {MAX_VALUES} values"
            )));
        }
        if depth > MAX_DEPTH {
            let message =
                format!("its values nest more than {MAX_DEPTH} deep, or contain themselves");
            return Err(PickleError::TooLarge(message));
        }
        // Ids only come from the machine that made the nodes.
        Ok(match &self.nodes[id as usize] {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Float(value) => Value::Float(*value),
            Node::Text(text) => {
                self.spend(text.len())?;
                Value::Text(text.to_string())
            }
            Node::Bytes(bytes) => {
                self.spend(bytes.len())?;
                Value::Bytes(bytes.to_vec())
            }
            Node::List(items) => Value::List(self.values(items, depth)?),
            Node::Tuple(items) => Value::Tuple(self.values(items, depth)?),
            Node::Dict(entries) => {
                let mut pairs = Vec::new();
                for &(key, value) in entries {
                    pairs.push((self.value(key, depth + 1)?, self.value(value, depth + 1)?));
                }
                Value::Dict(pairs)
            }
            Node::Array(array) => {
                self.spend(array.count().saturating_mul(array.dtype().width()))?;
                numpy::plain(array)
            }
            Node::Objects(shape, list) => match &self.nodes[*list as usize] {
                Node::List(items) => {
                    self.spend(8 * shape.len())?;
                    Value::Objects(Box::new((shape.to_vec(), self.values(items, depth)?)))
                }
                _ => {
                    return Err(PickleError::Malformed(
                        "an array of objects without its list".into(),
                    ));
                }
            },
            Node::Global(function) => {
                return Err(PickleError::Refused(format!("`{function}` itself as a value")));
            }
            Node::DType(_) => return Err(PickleError::Refused("a dtype as a value".into())),
            Node::Unbuilt => {
                return Err(PickleError::Malformed("an array without contents".into()));
            }
        })
    }

    fn values(&mut self, items: &[NodeId], depth: usize) -> Result<Vec<Value>, PickleError> {
        // A loop, not an iterator: what adapters put on the stack at every depth is much where
        // they are not inlined.
        let mut values = Vec::new();
        for &item in items {
            values.push(self.value(item, depth + 1)?);
        }
        Ok(values)
    }
}

/// Where PUT and its kin store values. Indices are the pickle's choice, hence no vector.
type Memo = HashMap<u32, NodeId>;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        match load(bytes) {
            Err(PickleError::Refused(what)) => what,
            other => panic!("expected a refusal, found {other:?}"),
        }
    }

    #[test]
    fn whatever_runs_code_is_refused_by_name() {
        assert!(refused(b"cos\nsystem\n(S'id'\ntR.").contains("os.system"));
        assert!(
            refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.").contains("os.system")
        );
        assert!(refused(b"(S'id'\nios\nsystem\n.").contains("os.system"));
        assert!(refused(b"(cos\nsystem\nS'id'\no.").contains("os.system"));
        assert!(refused(b"(cnumpy\ndtype\nS'f8'\no.").contains("OBJ"));
        assert!(refused(b"\x80\x02csubprocess\nPopen\n)\x81.").contains("subprocess.Popen"));
        assert!(refused(b"\x80\x02cnumpy\nndarray\n)\x81.").contains("NEWOBJ"));
        assert!(refused(b"\x80\x04cnumpy\nndarray\n)}\x92.").contains("NEWOBJ_EX"));
        assert!(refused(b"Pmy-id\n.").contains("my-id"));
        assert!(refused(b"\x80\x02K\x01Q.").contains("persistent"));
        assert!(refused(b"\x80\x02\x82\x07.").contains("extension"));
        assert!(refused(b"\x80\x05\x97.").contains("buffer"));
        assert!(refused(b"c__builtin__\neval\n(S'1'\ntR.").contains("__builtin__.eval"));
        assert!(refused(b"cnumpy.core.multiarray\nfromfile\n.").contains("fromfile"));
        assert!(refused(b"cnumpy\ndtype\n.").contains("itself"));
        assert!(refused(b"\x80\x04\x8f.").contains("set"));
    }

    #[test]
    fn names_are_shown_harmlessly() {
        let long = [b"c".as_slice(), &[b'x'; 5000], b"\n\x1b[31mred\n."].concat();
        let what = refused(&long);
        assert!(what.len() < 300 && !what.contains('\x1b'), "{what}");
    }

    #[test]
    fn reference_bombs_are_stopped() {
        // Each level is a list of ten times the one before: 10^9 leaves from a few hundred bytes.
        let mut bomb = b"\x80\x02]q\x000".to_vec();
        for level in 0..9_u8 {
            bomb.extend([b']', b'q', level + 1, b'(']);
            bomb.extend([b'h', level].repeat(10));
            bomb.extend(b"e0");
        }
        bomb.extend(b"h\x09.");
        assert!(matches!(load(&bomb), Err(PickleError::TooLarge(_))));
        // A list that contains itself.
        assert!(matches!(load(b"]q\x00h\x00a."), Err(PickleError::TooLarge(_))));
        // A long string referred to very often.
        let mut shared = b"\x80\x02(X\x00\x00\x01\x00".to_vec();
        shared.extend([b'x'; 0x10000]);
        shared.extend(b"q\x00");
        shared.extend(b"h\x00".repeat(5000));
        shared.extend(b"l.");
        assert!(matches!(load(&shared), Err(PickleError::TooLarge(_))));
        // Arrays made again and again from one buffer.
        let mut arrays =
            b"\x80\x02(cnumpy.core.numeric\n_frombuffer\nq\x01(B\x00\x00\x10\x00".to_vec();
        // Not an array: a mebibyte of it, moved, would overflow a test's stack.
        arrays.resize(arrays.len() + 0x100000, 0);
        arrays.extend(b"cnumpy\ndtype\n(S'u1'\ntRJ\x00\x00\x10\x00\x85S'C'\ntq\x02Rl");
        let one = arrays.len();
        let mut many = arrays[..one - 1].to_vec();
        many.extend(b"h\x01h\x02R".repeat(100));
        many.extend(b"l.");
        arrays.push(b'.');
        assert!(load(&arrays).is_ok());
        assert!(matches!(load(&many), Err(PickleError::TooLarge(_))));
    }

    #[test]
    fn deep_nesting_ends_in_an_error() {
        let mut deep = b"]".repeat(500_000);
        deep.extend(b"a".repeat(499_999));
        deep.push(b'.');
        assert!(matches!(load(&deep), Err(PickleError::TooLarge(_))));
        let marks = [b"(".repeat(2_000_000), b".".to_vec()].concat();
        assert!(load(&marks).is_err());
    }

    #[test]
    fn lengths_that_lie_are_found_before_memory_is_taken() {
        for lie in [
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx.".as_slice(),
            b"\x80\x04X\xff\xff\xff\xffx.",
            b"\x80\x04\x8e\x00\x00\x00\x00\x00\x00\x00\x80.",
            b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
            b"\x80\x05\x96\x10\x00\x00\x00\x00\x00\x00\x00x.",
            b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
            b"\x80\x02\x8b\xff\xff\xff\xff\x01.",
            b"T\xff\xff\xff\xffx.",
        ] {
            assert!(load(lie).is_err(), "{lie:?}");
        }
    }

    #[test]
    fn malformed_pickles_end_in_errors() {
        for bad in [
            b"".as_slice(),
            b".",
            b"N",
            b"NN.",
            b"a.",
            b"e.",
            b"(e.",
            b"NNa.",
            b"}NNs",
            b"s.",
            b"(Nd.",
            b"t.",
            b"\x85.",
            b"R.",
            b"NNb.",
            b"g0\n.",
            b"gx\n.",
            b"h\x00.",
            b"q\x00.",
            b"I12x\n.",
            b"Lx\n.",
            b"Fx\n.",
            b"S'open\n.",
            b"Vx\\u12\n.",
            b"\x80\x09N.",
            b"\xff.",
            b"N.N",
            b"1.",
            b"0.",
            b"2.",
            b"\x80\x04K\x01K\x02\x93.",
        ] {
            assert!(load(bad).is_err(), "{bad:?}");
        }
    }
}
