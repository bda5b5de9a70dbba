//! The directory at the end of a ZIP archive (PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5), zip64
//! included.
//!
//! Sizes are taken from the directory alone, so members with data descriptors need no special care;
//! the local headers only tell where the data begin.

use super::source::ByteSource;
use crate::{claims, open};

/// Longest directory accepted: room for more than 100,000 arrays.
const MAX_DIRECTORY: u64 = 16 << 20;

const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// One member of an archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub name: String,
    pub method: Method,
    pub crc: u32,
    pub compressed: u64,
    pub size: u64,
    /// Where the data begin.
    pub data: u64,
}

/// A reader of little-endian fields that never reaches past the end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }
    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
    fn starts(&mut self, signature: [u8; 4]) -> Option<()> {
        (self.take(4)? == signature).then_some(())
    }
}

/// What an entry of the directory says, before the local header is looked at.
struct Entry {
    member: Member,
    header: u64,
}

/// Reads the directory of an archive and finds the data of every member.
pub(super) fn read(source: &ByteSource) -> Result<Vec<Member>, String> {
    let (offset, length, count) = locate(source)?;
    if length > MAX_DIRECTORY {
        return Err(format!(
            "its directory is {length} bytes long, at most {MAX_DIRECTORY} are read"
        ));
    }
    // Below the limit.
    let bytes = source.bytes(offset, length as usize).map_err(|error| error.to_string())?;
    let mut fields = Fields(&bytes);
    let mut members = Vec::new();
    while !fields.0.is_empty() {
        let entry = entry(&mut fields).ok_or("its directory is damaged")??;
        members.push(local(source, entry, offset)?);
    }
    if members.len() as u64 != count {
        return Err(format!("its directory holds {} members but promises {count}", members.len()));
    }
    refuse_overlaps(&members)?;
    Ok(members)
}

/// Offset, length and number of entries of the directory.
fn locate(source: &ByteSource) -> Result<(u64, u64, u64), String> {
    let total = source.length();
    let tail_length = total.min(22 + 0xffff);
    let tail_start = total - tail_length;
    // At most 65,557 bytes.
    let tail = source.bytes(tail_start, tail_length as usize).map_err(|error| error.to_string())?;
    if total == 0 {
        return Err("expected arrays, found an empty file: copy it again".into());
    }
    let end = tail
        .windows(4)
        .enumerate()
        .rev()
        .filter(|(_, window)| *window == END)
        .map(|(at, _)| at)
        .find(|&at| {
            // The comment must reach exactly to the end of the file.
            let comment = tail
                .get(at + 20..at + 22)
                .and_then(|length| length.try_into().ok())
                .map(u16::from_le_bytes);
            comment.is_some_and(|length| at + 22 + usize::from(length) == tail.len())
        })
        .ok_or_else(|| no_archive(source))?;
    let end_offset = tail_start + end as u64;

    let mut fields = Fields(&tail[end + 4..]);
    let parse = |fields: &mut Fields| {
        let (disk, start_disk) = (fields.u16()?, fields.u16()?);
        let (here, count) = (fields.u16()?, fields.u16()?);
        Some((disk, start_disk, here, count, fields.u32()?, fields.u32()?))
    };
    let (disk, start_disk, here, count, length, offset) =
        parse(&mut fields).ok_or("its end is damaged")?;
    let needs64 = disk == 0xffff
        || start_disk == 0xffff
        || here == 0xffff
        || count == 0xffff
        || length == u32::MAX
        || offset == u32::MAX;
    let (offset, length, count, limit) = match end64(source, end_offset) {
        Some(found) => found,
        None if needs64 => return Err("its zip64 directory is missing or damaged".into()),
        None if disk != 0 || start_disk != 0 || here != count => {
            return Err("archives in several parts are not read".into());
        }
        None => (u64::from(offset), u64::from(length), u64::from(count), end_offset),
    };
    match offset.checked_add(length) {
        Some(end) if end <= limit => Ok((offset, length, count)),
        _ => Err("its directory lies outside of the file".into()),
    }
}

/// Why a file without the end of an archive is none.
fn no_archive(source: &ByteSource) -> String {
    let mut head = [0; open::HEAD];
    let read = source.read_at(0, &mut head).unwrap_or(0);
    match open::foreign(&head[..read]) {
        Some(kind) => format!("it is {kind}"),
        None => {
            "it is no file that is known by its content: expected NumPy (.npz, whole, or .npy), \
                 HDF5, Zarr, MATLAB, TIFF, .dm4, .mib or MRC; frames without a header are read with \
                 --raw empad, or --raw dtype=uint16,frame=256x256"
                .to_owned()
        }
    }
}

/// Offset, length and number of entries by the zip64 record, and where that record begins.
fn end64(source: &ByteSource, end: u64) -> Option<(u64, u64, u64, u64)> {
    let locator = source.bytes(end.checked_sub(20)?, 20).ok()?;
    let mut fields = Fields(&locator);
    fields.starts(LOCATOR64)?;
    fields.skip(4)?;
    let start = fields.u64()?;
    if start > end - 20 {
        return None;
    }
    let record = source.bytes(start, 56).ok()?;
    let mut fields = Fields(&record);
    fields.starts(END64)?;
    fields.skip(8 + 2 + 2 + 4 + 4)?;
    let (here, count) = (fields.u64()?, fields.u64()?);
    let (length, offset) = (fields.u64()?, fields.u64()?);
    (here == count).then_some((offset, length, count, start))
}

/// The next entry of the directory; `None` when it is cut short.
fn entry(fields: &mut Fields) -> Option<Result<Entry, String>> {
    fields.starts(ENTRY)?;
    fields.skip(4)?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.skip(4)?;
    let crc = fields.u32()?;
    let (mut compressed, mut size) = (u64::from(fields.u32()?), u64::from(fields.u32()?));
    let (name_length, extra_length, comment_length) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let disk = fields.u16()?;
    fields.skip(6)?;
    let mut header = u64::from(fields.u32()?);
    let name = fields.take(name_length.into())?;
    let mut extra = Fields(fields.take(extra_length.into())?);
    fields.skip(comment_length.into())?;

    // The zip64 field holds, in this order, those of the three numbers that did not fit.
    while let (Some(kind), Some(length)) = (extra.u16(), extra.u16()) {
        let mut body = Fields(extra.take(length.into())?);
        if kind == 1 {
            for number in [&mut size, &mut compressed, &mut header] {
                if *number == u64::from(u32::MAX) {
                    *number = body.u64()?;
                }
            }
        }
    }

    // Bit 11 says UTF-8; without it names are in code page 437, of which only the ASCII part is
    // expected here.
    let name = String::from_utf8_lossy(name).into_owned();
    Some(
        checked(name, flags, method, disk, crc, compressed, size)
            .map(|member| Entry { member, header }),
    )
}

fn checked(
    name: String,
    flags: u16,
    method: u16,
    disk: u16,
    crc: u32,
    compressed: u64,
    size: u64,
) -> Result<Member, String> {
    let shown = name.escape_debug();
    if flags & 1 != 0 {
        return Err(format!("its member \"{shown}\" is encrypted"));
    }
    if disk != 0 && disk != 0xffff {
        return Err("archives in several parts are not read".into());
    }
    let method = match method {
        0 if size != compressed => {
            return Err(format!("its stored member \"{shown}\" has two different sizes"));
        }
        0 => Method::Stored,
        8 if size > compressed.saturating_add(1).saturating_mul(claims::MOST) => {
            return Err(format!(
                "its member \"{shown}\" claims to grow from {compressed} to {size} bytes, which deflate cannot do"
            ));
        }
        8 => Method::Deflated,
        other => {
            return Err(format!(
                "its member \"{shown}\" is compressed by method {other}; stored and deflated are read"
            ));
        }
    };
    Ok(Member { name, method, crc, compressed, size, data: 0 })
}

/// Finds the data of a member behind its local header; they end before the directory at `limit`.
fn local(source: &ByteSource, entry: Entry, limit: u64) -> Result<Member, String> {
    let Entry { mut member, header } = entry;
    let damaged = || {
        format!(
            "its member \"{}\" is damaged: its header is not where the directory says",
            member.name.escape_debug()
        )
    };
    let end = header.checked_add(30).filter(|&end| end <= limit).ok_or_else(damaged)?;
    let bytes = source.bytes(header, 30).map_err(|error| error.to_string())?;
    let mut fields = Fields(&bytes);
    let lengths = |fields: &mut Fields| {
        fields.starts(LOCAL)?;
        fields.skip(22)?;
        Some((fields.u16()?, fields.u16()?))
    };
    let (name, extra) = lengths(&mut fields).ok_or_else(damaged)?;
    let data = end + u64::from(name) + u64::from(extra);
    if data.checked_add(member.compressed).is_none_or(|end| end > limit) {
        return Err(format!("its member \"{}\" is cut short", member.name.escape_debug()));
    }
    let local_name = source.bytes(end, name.into()).map_err(|error| error.to_string())?;
    if String::from_utf8_lossy(&local_name) != member.name {
        return Err(format!(
            "its member \"{}\" has another name in its own header",
            member.name.escape_debug()
        ));
    }
    member.data = data;
    Ok(member)
}

/// Members that share bytes are a way to make a small file claim a large content.
fn refuse_overlaps(members: &[Member]) -> Result<(), String> {
    let mut ranges: Vec<(u64, u64)> =
        members.iter().map(|m| (m.data, m.data + m.compressed)).collect();
    ranges.sort_unstable();
    match ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        true => Err("its members overlap".into()),
        false => Ok(()),
    }
}
