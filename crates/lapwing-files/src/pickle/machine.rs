//! The stack machine of the pickle format: every instruction either builds a value or is refused.

use super::numpy::{Code, Function, build, call};
use super::{MAX_CONTENT, MAX_VALUES, Memo, PickleError, literal};
use crate::npy::Array;

/// Longest integer that is read, bytes.
const MAX_LONG: usize = 1024;

/// Index of a node in the graph of values.
pub(super) type NodeId = u32;

/// A value whose parts are named by their ids, so that sharing costs nothing.
#[derive(Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    List(Vec<NodeId>),
    Tuple(Box<[NodeId]>),
    Dict(Vec<(NodeId, NodeId)>),
    Global(Function),
    DType(Box<Code>),
    /// An array between `_reconstruct` and BUILD.
    Unbuilt,
    Array(Box<Array>),
    /// An array of objects: its shape and the list of its elements.
    Objects(Box<[usize]>, NodeId),
}

pub(super) struct Machine<'a> {
    rest: &'a [u8],
    nodes: Vec<Node>,
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: Memo,
    content: usize,
}

fn malformed(what: impl Into<String>) -> PickleError {
    PickleError::Malformed(what.into())
}

fn refused(what: impl Into<String>) -> PickleError {
    PickleError::Refused(what.into())
}

/// Text from a pickle, made harmless for a message.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().take(100).flat_map(char::escape_debug).collect()
}

impl<'a> Machine<'a> {
    /// Runs a pickle to its end and returns the graph and its root.
    pub(super) fn run(bytes: &'a [u8]) -> Result<(Vec<Node>, NodeId), PickleError> {
        let mut machine = Self {
            rest: bytes,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::new(),
            content: 0,
        };
        loop {
            let [opcode] = machine.fixed("no STOP instruction")?;
            if opcode == b'.' {
                break;
            }
            machine.step(opcode)?;
        }
        let root = machine.pop()?;
        match (machine.stack.is_empty(), machine.rest.is_empty()) {
            (true, true) => Ok((machine.nodes, root)),
            (false, _) => Err(malformed("values left on the stack")),
            (_, false) => Err(malformed(format!("{} bytes after its end", machine.rest.len()))),
        }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        // Ids only come from `push`, and nodes are never removed.
        &self.nodes[id as usize]
    }

    /// Accounts for memory that a value takes besides its node.
    pub(super) fn spend(&mut self, content: usize) -> Result<(), PickleError> {
        self.content = self.content.saturating_add(content);
        if self.content > MAX_CONTENT {
            return Err(PickleError::TooLarge(format!(
                "more than {MAX_CONTENT} bytes of text and arrays"
            )));
        }
        Ok(())
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            // Framing.
            0x80 => match self.fixed("protocol")? {
                [0..=5] => Ok(()),
                [version] => Err(malformed(format!("protocol {version}; 0 to 5 are read"))),
            },
            0x95 => {
                let length = u64::from_le_bytes(self.fixed("frame")?);
                if length > self.rest.len() as u64 {
                    return Err(PickleError::Truncated("a frame is longer than the rest"));
                }
                Ok(())
            }

            // Constants and numbers.
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'I' => match self.line()? {
                b"00" => self.push(Node::Bool(false)),
                b"01" => self.push(Node::Bool(true)),
                line => self.push(Node::Int(literal::integer(line)?)),
            },
            b'J' => {
                let number = i32::from_le_bytes(self.fixed("BININT")?);
                self.push(Node::Int(number.into()))
            }
            b'K' => {
                let [number] = self.fixed("BININT1")?;
                self.push(Node::Int(number.into()))
            }
            b'M' => {
                let number = u16::from_le_bytes(self.fixed("BININT2")?);
                self.push(Node::Int(number.into()))
            }
            b'L' => {
                let number = literal::integer(self.line()?)?;
                self.push(Node::Int(number))
            }
            0x8a => {
                let [length] = self.fixed("LONG1")?;
                self.long(length.into())
            }
            0x8b => {
                let length = i32::from_le_bytes(self.fixed("LONG4")?);
                self.long(
                    u64::try_from(length)
                        .map_err(|_| malformed("an integer of negative length"))?,
                )
            }
            b'F' => {
                let number = literal::float(self.line()?)?;
                self.push(Node::Float(number))
            }
            b'G' => {
                let number = f64::from_be_bytes(self.fixed("BINFLOAT")?);
                self.push(Node::Float(number))
            }

            // Text and bytes.
            b'V' => {
                let text = literal::unicode(self.line()?)?;
                self.push_text(&text)
            }
            b'X' => {
                let length = u32::from_le_bytes(self.fixed("BINUNICODE")?);
                self.text(length.into())
            }
            0x8c => {
                let [length] = self.fixed("SHORT_BINUNICODE")?;
                self.text(length.into())
            }
            0x8d => {
                let length = u64::from_le_bytes(self.fixed("BINUNICODE8")?);
                self.text(length)
            }
            b'S' => {
                let bytes = literal::string(self.line()?)?;
                self.push_bytes(&bytes)
            }
            b'T' | b'B' => {
                let length = u32::from_le_bytes(self.fixed("BINBYTES")?);
                self.bytes(length.into())
            }
            b'U' | b'C' => {
                let [length] = self.fixed("SHORT_BINBYTES")?;
                self.bytes(length.into())
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(self.fixed("BINBYTES8")?);
                self.bytes(length)
            }

            // Containers.
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.push(Node::Tuple(Box::default())),
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items))
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Node::Tuple(items.into()))
            }
            b'd' => {
                let entries = pairs(&self.pop_to_mark()?)?;
                self.push(Node::Dict(entries))
            }
            0x85..=0x87 => {
                let length = usize::from(opcode - 0x84);
                let start =
                    self.stack.len().checked_sub(length).filter(|&start| start >= self.floor());
                let start =
                    start.ok_or_else(|| malformed("a tuple of more values than there are"))?;
                let items = self.stack.split_off(start);
                self.push(Node::Tuple(items.into()))
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(&[item])
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.extend_list(&items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend_dict(&[(key, value)])
            }
            b'u' => {
                let entries = pairs(&self.pop_to_mark()?)?;
                self.extend_dict(&entries)
            }

            // Stack and memo.
            b'(' => {
                self.marks.push(self.stack.len());
                bounded(self.marks.len())
            }
            b'0' => match self.stack.len() > self.floor() {
                true => self.pop().map(drop),
                false => self.pop_to_mark().map(drop),
            },
            b'1' => self.pop_to_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push_id(top)
            }
            b'p' => {
                let index = literal::index(self.line()?)?;
                self.put(index)
            }
            b'q' => {
                let [index] = self.fixed("BINPUT")?;
                self.put(index.into())
            }
            b'r' => {
                let index = u32::from_le_bytes(self.fixed("LONG_BINPUT")?);
                self.put(index)
            }
            // The memo is bounded, so its length fits.
            0x94 => self.put(self.memo.len() as u32),
            b'g' => {
                let index = literal::index(self.line()?)?;
                self.get(index)
            }
            b'h' => {
                let [index] = self.fixed("BINGET")?;
                self.get(index.into())
            }
            b'j' => {
                let index = u32::from_le_bytes(self.fixed("LONG_BINGET")?);
                self.get(index)
            }

            // The few functions, and what they return.
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.node(module), self.node(name)) {
                    (Node::Text(module), Node::Text(name)) => {
                        let (module, name) = (module.clone(), name.clone());
                        self.global(module.as_bytes(), name.as_bytes())
                    }
                    _ => Err(malformed("STACK_GLOBAL without names")),
                }
            }
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                match (self.node(function), self.node(arguments)) {
                    // None of the functions takes more; a bound, because the arguments are copied.
                    (Node::Global(function), Node::Tuple(arguments)) if arguments.len() <= 8 => {
                        let (function, arguments) = (*function, arguments.clone());
                        let node = call(self, function, &arguments)?;
                        self.push(node)
                    }
                    (Node::Global(function), _) => {
                        Err(refused(format!("`{function}` with strange arguments")))
                    }
                    _ => Err(refused("calling something that is no function")),
                }
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                let node = build(self, object, state)?;
                self.nodes[object as usize] = node;
                Ok(())
            }

            // Everything that could run code, or refers to something outside.
            b'i' => {
                let (module, name) = (shown(self.line()?), shown(self.line()?));
                Err(refused(format!("`{module}.{name}` (INST)")))
            }
            b'o' => Err(refused("an instance of a class (OBJ)")),
            0x81 => Err(refused("an instance of a class (NEWOBJ)")),
            0x92 => Err(refused("an instance of a class (NEWOBJ_EX)")),
            b'P' => Err(refused(format!("the persistent object `{}`", shown(self.line()?)))),
            b'Q' => Err(refused("a persistent object")),
            0x82..=0x84 => Err(refused("an object of the extension registry")),
            0x8f..=0x91 => Err(refused("a set")),
            0x97 | 0x98 => Err(refused("a buffer outside of the pickle")),
            other => Err(malformed(format!("unknown instruction {other:#04x}"))),
        }
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<(), PickleError> {
        let known = match (std::str::from_utf8(module), std::str::from_utf8(name)) {
            (Ok(module), Ok(name)) => Function::named(module, name),
            _ => None,
        };
        match known {
            Some(function) => self.push(Node::Global(function)),
            None => Err(refused(format!("`{}.{}`", shown(module), shown(name)))),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], PickleError> {
        let too_long = PickleError::Truncated("a value is longer than the rest");
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= self.rest.len())
            .ok_or(too_long)?;
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], PickleError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(PickleError::Truncated(what))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The rest of the line, without its end.
    fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let end = self
            .rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or(PickleError::Truncated("a line"))?;
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Ok(line)
    }

    fn long(&mut self, length: u64) -> Result<(), PickleError> {
        let bytes = self.take(length)?;
        if bytes.len() > MAX_LONG {
            return Err(PickleError::TooLarge(format!("an integer of {} bytes", bytes.len())));
        }
        if bytes.len() > 16 {
            // No number here holds it; its digits do.
            return self.push_text(&literal::decimal(bytes));
        }
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut number = [if negative { 0xff } else { 0 }; 16];
        number[..bytes.len()].copy_from_slice(bytes);
        self.push(Node::Int(i128::from_le_bytes(number)))
    }

    fn text(&mut self, length: u64) -> Result<(), PickleError> {
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("text that is not UTF-8"))?;
        self.push_text(text)
    }

    fn bytes(&mut self, length: u64) -> Result<(), PickleError> {
        let bytes = self.take(length)?;
        self.push_bytes(bytes)
    }

    fn push_text(&mut self, text: &str) -> Result<(), PickleError> {
        self.spend(text.len())?;
        self.push(Node::Text(text.into()))
    }

    fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        self.spend(bytes.len())?;
        self.push(Node::Bytes(bytes.into()))
    }

    fn push(&mut self, node: Node) -> Result<(), PickleError> {
        bounded(self.nodes.len() + 1)?;
        // Bounded, so it fits.
        let id = self.nodes.len() as NodeId;
        self.nodes.push(node);
        self.push_id(id)
    }

    fn push_id(&mut self, id: NodeId) -> Result<(), PickleError> {
        self.stack.push(id);
        bounded(self.stack.len())
    }

    /// Values below the innermost mark are out of reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<NodeId, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn top(&self) -> Result<NodeId, PickleError> {
        let top = if self.stack.len() > self.floor() { self.stack.last() } else { None };
        top.copied().ok_or_else(|| malformed("an instruction that lacks its value"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<NodeId>, PickleError> {
        let start =
            self.marks.pop().ok_or_else(|| malformed("an instruction that lacks its mark"))?;
        // Nothing pops below the innermost mark, so `start` is within the stack.
        Ok(self.stack.split_off(start.min(self.stack.len())))
    }

    fn put(&mut self, index: u32) -> Result<(), PickleError> {
        let top = self.top()?;
        self.memo.insert(index, top);
        bounded(self.memo.len())
    }

    fn get(&mut self, index: u32) -> Result<(), PickleError> {
        let id = *self
            .memo
            .get(&index)
            .ok_or_else(|| malformed(format!("memo entry {index} is not there")))?;
        self.push_id(id)
    }

    fn extend_list(&mut self, items: &[NodeId]) -> Result<(), PickleError> {
        let list = self.top()?;
        self.spend(size_of_val(items))?;
        match &mut self.nodes[list as usize] {
            Node::List(list) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => Err(malformed("appending to something that is no list")),
        }
    }

    fn extend_dict(&mut self, entries: &[(NodeId, NodeId)]) -> Result<(), PickleError> {
        let dict = self.top()?;
        self.spend(size_of_val(entries))?;
        match &mut self.nodes[dict as usize] {
            Node::Dict(dict) => {
                dict.extend_from_slice(entries);
                Ok(())
            }
            _ => Err(malformed("setting an item of something that is no dictionary")),
        }
    }
}

fn bounded(count: usize) -> Result<(), PickleError> {
    if count > MAX_VALUES {
        return Err(PickleError::TooLarge(format!("more than {MAX_VALUES} values")));
    }
    Ok(())
}

fn pairs(items: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>, PickleError> {
    if !items.len().is_multiple_of(2) {
        return Err(malformed("a key without its value"));
    }
    Ok(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}
