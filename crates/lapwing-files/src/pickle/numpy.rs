//! The calls by which NumPy rebuilds its arrays, scalars and dtypes, and nothing beyond.

use std::fmt;

use super::machine::{Machine, Node, NodeId};
use super::{PickleError, Value};
use crate::npy::{Array, DType, Header, Sequential, Values, half_to_f32, read_values};

/// A function that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// `numpy.core.multiarray._reconstruct`: an array without contents; BUILD fills it.
    Reconstruct,
    /// `numpy.core.multiarray.scalar`.
    Scalar,
    /// `numpy.core.numeric._frombuffer`: arrays in protocol 5.
    FromBuffer,
    /// `numpy.ndarray`, as argument of `_reconstruct` only.
    NdArray,
    /// `numpy.dtype`.
    DType,
    /// `_codecs.encode`: how protocols 0 to 2 write bytes.
    Encode,
    /// `bytes`: how protocols 0 to 2 write empty bytes.
    Bytes,
    /// `bytearray`: how protocols 0 to 4 write it.
    ByteArray,
}

impl Function {
    /// The function of that name, when it is one of the few that are known.
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Self::Reconstruct
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::Scalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("numpy", "ndarray") => Self::NdArray,
            ("numpy", "dtype") => Self::DType,
            ("_codecs", "encode") => Self::Encode,
            ("builtins" | "__builtin__", "bytes") => Self::Bytes,
            ("builtins" | "__builtin__", "bytearray") => Self::ByteArray,
            _ => return None,
        })
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reconstruct => "numpy.core.multiarray._reconstruct",
            Self::Scalar => "numpy.core.multiarray.scalar",
            Self::FromBuffer => "numpy.core.numeric._frombuffer",
            Self::NdArray => "numpy.ndarray",
            Self::DType => "numpy.dtype",
            Self::Encode => "_codecs.encode",
            Self::Bytes => "bytes",
            Self::ByteArray => "bytearray",
        })
    }
}

/// An element type and its byte order.
#[derive(Debug, Clone)]
pub(super) struct Code {
    dtype: DType,
    big_endian: bool,
}

fn malformed(what: impl Into<String>) -> PickleError {
    PickleError::Malformed(what.into())
}

/// What `function(*arguments)` returns.
pub(super) fn call(
    machine: &mut Machine<'_>,
    function: Function,
    arguments: &[NodeId],
) -> Result<Node, PickleError> {
    match (function, arguments) {
        (Function::Reconstruct, &[class, ..]) => match machine.node(class) {
            Node::Global(Function::NdArray) => Ok(Node::Unbuilt),
            _ => Err(PickleError::Refused("an array of a class of its own".into())),
        },
        (Function::DType, &[code, ..]) => {
            let code = text(machine, code)?;
            let (dtype, big_endian) = DType::parse(&code)?;
            Ok(Node::DType(Box::new(Code { dtype, big_endian })))
        }
        (Function::Scalar, &[dtype, value]) => match machine.node(dtype) {
            Node::DType(code) if code.dtype == DType::Object => {
                Err(PickleError::Refused("a NumPy scalar of a Python object".into()))
            }
            _ => array(machine, Vec::new(), dtype, false, value),
        },
        (Function::FromBuffer, &[buffer, dtype, shape, order]) => {
            let fortran = match text(machine, order)?.as_str() {
                "C" => false,
                "F" => true,
                other => return Err(malformed(format!("array order {other:?}"))),
            };
            let shape = lengths(machine, shape)?;
            array(machine, shape, dtype, fortran, buffer)
        }
        (Function::Encode, &[value]) => encode(machine, value, None),
        (Function::Encode | Function::ByteArray, &[value, encoding]) => {
            encode(machine, value, Some(encoding))
        }
        (Function::Bytes | Function::ByteArray, &[]) => Ok(Node::Bytes(Box::default())),
        (Function::ByteArray, &[value]) => match machine.node(value) {
            Node::Bytes(bytes) => {
                let bytes = bytes.clone();
                machine.spend(bytes.len())?;
                Ok(Node::Bytes(bytes))
            }
            _ => Err(PickleError::Refused("a bytearray of something other than bytes".into())),
        },
        (function, arguments) => {
            Err(PickleError::Refused(format!("`{function}` with {} arguments", arguments.len())))
        }
    }
}

/// What `object.__setstate__(state)` makes of the object.
pub(super) fn build(
    machine: &mut Machine<'_>,
    object: NodeId,
    state: NodeId,
) -> Result<Node, PickleError> {
    let Node::Tuple(state) = machine.node(state) else {
        return Err(malformed("a state that is no tuple"));
    };
    if state.len() > 16 {
        return Err(malformed(format!("a state of {} entries", state.len())));
    }
    let state = state.clone();
    match machine.node(object) {
        // (version, shape, dtype, Fortran order, data); the version was not always there.
        Node::Unbuilt => {
            let &[shape, dtype, fortran, data] = (match &*state {
                [_, rest @ ..] if state.len() == 5 => rest,
                whole => whole,
            }) else {
                return Err(malformed("the state of an array has 4 or 5 entries"));
            };
            let fortran = match machine.node(fortran) {
                Node::Bool(flag) => *flag,
                Node::Int(flag) => *flag != 0,
                _ => return Err(malformed("the order of an array is no truth value")),
            };
            let shape = lengths(machine, shape)?;
            array(machine, shape, dtype, fortran, data)
        }
        // (version, byte order, subarray, names, fields, element size, alignment, flags[, dates])
        Node::DType(code) => {
            let mut code = code.clone();
            let &[_, order, subarray, names, fields, ..] = &*state else {
                return Err(malformed("the state of a dtype has 8 entries"));
            };
            if [subarray, names, fields].iter().any(|&id| !matches!(machine.node(id), Node::None)) {
                return Err(PickleError::Refused("a NumPy record".into()));
            }
            code.big_endian = match text(machine, order)?.as_str() {
                ">" => true,
                "<" | "|" => false,
                "=" => cfg!(target_endian = "big"),
                other => return Err(malformed(format!("byte order {other:?}"))),
            };
            Ok(Node::DType(code))
        }
        _ => Err(PickleError::Refused("BUILD: setting the attributes of an object".into())),
    }
}

/// An array of the given shape from its data: bytes, or a list for objects.
fn array(
    machine: &mut Machine<'_>,
    shape: Vec<usize>,
    dtype: NodeId,
    fortran_order: bool,
    data: NodeId,
) -> Result<Node, PickleError> {
    let Node::DType(code) = machine.node(dtype) else {
        return Err(malformed("an array without a dtype"));
    };
    let Code { dtype, big_endian } = (**code).clone();
    machine.spend(64 + 8 * shape.len())?;
    let header = Header { dtype, big_endian, fortran_order, shape, length: 0 };
    header.data_bytes()?;
    match (machine.node(data), &header.dtype) {
        (Node::List(items), DType::Object) => {
            if items.len() != header.count() {
                return Err(malformed(format!(
                    "{} objects for shape {:?}",
                    items.len(),
                    header.shape
                )));
            }
            Ok(Node::Objects(header.shape.into_boxed_slice(), data))
        }
        (Node::Bytes(bytes), dtype) if *dtype != DType::Object => {
            let available = bytes.len();
            machine.spend(available)?;
            let Node::Bytes(bytes) = machine.node(data) else {
                return Err(malformed("an array without data"));
            };
            let array = read_values(&mut Sequential(&**bytes), header, available as u64)?;
            Ok(Node::Array(Box::new(array)))
        }
        _ => Err(malformed(format!("data of the wrong kind for an array of {}", header.dtype))),
    }
}

/// `_codecs.encode(text, 'latin1')`, and `bytearray(text, 'latin-1')`.
fn encode(
    machine: &mut Machine<'_>,
    value: NodeId,
    encoding: Option<NodeId>,
) -> Result<Node, PickleError> {
    let name = encoding.map_or(Ok("utf-8".to_owned()), |id| text(machine, id))?;
    let latin = match name.as_str() {
        "latin1" | "latin-1" => true,
        "utf-8" | "utf8" => false,
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(PickleError::Refused(format!("text in the encoding {shown:?}")));
        }
    };
    let Node::Text(text) = machine.node(value) else {
        return Err(malformed("encoding something other than text"));
    };
    let bytes: Option<Box<[u8]>> = match latin {
        true => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        false => Some(text.as_bytes().into()),
    };
    let bytes = bytes.ok_or_else(|| malformed("text that is not Latin-1"))?;
    machine.spend(bytes.len())?;
    Ok(Node::Bytes(bytes))
}

/// A short text: dtype codes and orders. Python 2 wrote them as bytes.
fn text(machine: &Machine<'_>, id: NodeId) -> Result<String, PickleError> {
    let text = match machine.node(id) {
        Node::Text(text) => Some(&**text),
        Node::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    text.filter(|text| text.len() <= 100)
        .map(str::to_owned)
        .ok_or_else(|| malformed("expected a short text as argument"))
}

/// The lengths of the axes: a tuple of whole numbers, or one alone.
fn lengths(machine: &Machine<'_>, id: NodeId) -> Result<Vec<usize>, PickleError> {
    let length = |id: NodeId| match machine.node(id) {
        Node::Int(length) => usize::try_from(*length).ok(),
        _ => None,
    };
    let shape = match machine.node(id) {
        Node::Tuple(items) if items.len() <= 64 => items.iter().map(|&id| length(id)).collect(),
        Node::Int(_) => length(id).map(|length| vec![length]),
        _ => None,
    };
    shape.ok_or_else(|| malformed("the shape of an array"))
}

/// Scalars and 0-d arrays as plain values, everything else as it is.
pub(super) fn plain(array: &Array) -> Value {
    let whole = || Value::Array(Box::new(array.clone()));
    if !array.shape().is_empty() {
        return whole();
    }
    let value = match array.values() {
        Values::Bool(v) => v.first().map(|&x| Value::Bool(x)),
        Values::I8(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::I16(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::I32(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::I64(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::U8(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::U16(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::U32(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::U64(v) => v.first().map(|&x| Value::Int(x.into())),
        Values::F16(v) => v.first().map(|&x| Value::Float(half_to_f32(x).into())),
        Values::F32(v) => v.first().map(|&x| Value::Float(x.into())),
        Values::F64(v) => v.first().map(|&x| Value::Float(x)),
        Values::Text { .. } => {
            array.to_strings().ok().and_then(|mut texts| texts.pop()).map(Value::Text)
        }
        Values::Bytes { bytes, .. } => Some(Value::Bytes(bytes.clone())),
        _ => None,
    };
    value.unwrap_or_else(whole)
}
