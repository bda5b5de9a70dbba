//! From stored chunks to an array in memory.

use std::io::Read;
use std::ops::Range;

use lapwing_model::parallel::InParallel;

use super::Zarr;
use super::layout::{ChunkPacking, Layout, Step};
use crate::Error;
use crate::claims::{MOST, MOST_CHUNK, SMALL, SMALL_CHUNK};
use crate::holes::Holes;
use crate::npy::{self, Array, Header, Sequential};
use crate::parts::{Take, entries_of_part, parts_with};

impl Zarr {
    /// Reads an array. Chunks that are not stored have the fill value.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`], and [`Error::Archive`] when it is damaged, packed in a way that is
    /// not read, or claims more than its chunks can hold.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        let layout = self.layout(name)?;
        let count = layout.shape.first().copied().unwrap_or(1);
        self.part(name, layout, 0, count)
    }

    /// [`Container::parts`](crate::Container::parts) of an array.
    pub(crate) fn parts(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let layout = self.layout(name)?;
        let chunk = layout.outer().first().copied().unwrap_or(1);
        let together = entries_of_part(&layout.shape, layout.dtype.width(), chunk);
        let each: usize = layout.shape.iter().skip(1).product();
        parts_with(&layout.shape, (together, chunk), wanted).into_iter().try_for_each(
            |(first, count)| take(first * each, self.part(name, layout, first, count)?),
        )
    }

    /// The layout of an array of believable size.
    fn layout(&self, name: &str) -> Result<&Layout, Error> {
        let Some(array) = self.arrays.iter().find(|array| array.name == name) else {
            let names = self.arrays.iter().map(|array| array.name.clone()).collect();
            return Err(Error::NoSuchArray {
                path: self.path().to_owned(),
                key: name.to_owned(),
                names,
            });
        };
        let layout = array.layout.as_ref().map_err(|reason| self.error(name, reason))?;
        self.check_size(name, layout)?;
        Ok(layout)
    }

    /// `count` entries of an array along its first axis; `first` begins a chunk.
    fn part(
        &self,
        name: &str,
        layout: &Layout,
        first: usize,
        count: usize,
    ) -> Result<Array, Error> {
        let mut shape = layout.shape.clone();
        if let Some(length) = shape.first_mut() {
            *length = count;
        }
        let width = layout.dtype.width();
        let mut bytes = vec![0; shape.iter().product::<usize>() * width];
        if layout.fill.iter().any(|&byte| byte != 0) {
            bytes.chunks_exact_mut(width).for_each(|one| one.copy_from_slice(&layout.fill));
        }
        let outer = layout.outer();
        let before = first / outer.first().copied().unwrap_or(1).max(1);
        // Chunks with the same first index lie in a part of the array of their own.
        let row: usize = layout.shape.iter().skip(1).product::<usize>() * width;
        let part = outer.first().map_or(width, |first| first.saturating_mul(row)).max(1);
        let parts = bytes.chunks_mut(part).enumerate().in_parallel().map(|(first, part)| {
            for index in indices(&layout.shape, outer, before + first) {
                self.place(name, layout, outer, &index, part)
                    .map_err(|reason| self.error(name, reason))?;
            }
            Ok(())
        });
        parts.into_iter().collect::<Result<(), Error>>()?;
        let header = Header {
            dtype: layout.dtype.clone(),
            big_endian: layout.packing.big_endian,
            fortran_order: false,
            shape,
            length: 0,
        };
        let available = bytes.len() as u64;
        npy::read_values(&mut Sequential(bytes.as_slice()), header, available)
            .map_err(|error| self.error(name, error))
    }

    /// Chunks, or shards, of an array that are not there; `None` where all are.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub(crate) fn holes(&self, name: &str) -> Result<Option<Holes>, Error> {
        let layout = self.layout(name)?;
        let outer = layout.outer();
        let grid: Vec<usize> =
            layout.shape.iter().zip(outer).map(|(length, chunk)| length.div_ceil(*chunk)).collect();
        Ok(Holes::of(&layout.shape, outer, |place| {
            let (mut rest, mut index) = (place, vec![0; grid.len()]);
            for (at, length) in index.iter_mut().zip(&grid).rev() {
                *at = rest % length;
                rest /= length;
            }
            self.at(&file_of(name, layout, &index)).is_some()
        }))
    }

    /// The place of a file among all.
    fn at(&self, file: &str) -> Option<usize> {
        self.files.binary_search_by(|(other, _)| other.as_str().cmp(file)).ok()
    }

    /// Refuses an array that claims more bytes than its files can hold.
    fn check_size(&self, name: &str, layout: &Layout) -> Result<(), Error> {
        let product = |lengths: &[usize]| {
            lengths.iter().fold(layout.dtype.width() as u64, |product, &length| {
                product.saturating_mul(length as u64)
            })
        };
        let within = |file: &str| {
            name.is_empty() || file.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
        };
        let stored: u64 =
            self.files.iter().filter(|(file, _)| within(file)).map(|(_, length)| length).sum();
        let bytes = product(&layout.shape);
        // The other lengths of an array without elements may be anything.
        if bytes == 0 {
            return Err(self.error(name, format!("has no elements, shape {:?}", layout.shape)));
        }
        if bytes > SMALL.max(stored.saturating_mul(MOST)) {
            let reason = format!(
                "claims shape {:?} of {}, more than {stored} bytes of chunks can hold",
                layout.shape, layout.dtype
            );
            return Err(self.error(name, reason));
        }
        let chunk = product(layout.outer());
        if chunk > SMALL_CHUNK.max(bytes.saturating_mul(MOST_CHUNK)) {
            let reason = format!("claims chunks of {chunk} bytes for {bytes} bytes of data");
            return Err(self.error(name, reason));
        }
        Ok(())
    }

    /// Puts the stored chunk, or shard, of an index into its part of the array.
    fn place(
        &self,
        name: &str,
        layout: &Layout,
        outer: &[usize],
        index: &[usize],
        part: &mut [u8],
    ) -> Result<(), String> {
        let file = file_of(name, layout, index);
        let Some(at) = self.at(&file) else { return Ok(()) };
        let read = self.store.read(&file, self.files[at].1).map_err(|error| error.to_string())?;
        let Some(stored) = read else { return Ok(()) };
        let told = |reason: String| format!("chunk {file}: {reason}");
        let width = layout.dtype.width();
        let from: Vec<usize> =
            index.iter().zip(outer).map(|(index, length)| index * length).collect();
        let packing = &layout.packing;
        let Some(shards) = &layout.shards else {
            let chunk = unpacked(&stored, packing, width).map_err(told)?;
            copy(&chunk, packing, &layout.shape, &from, outer, width, part);
            return Ok(());
        };
        let inner: Vec<usize> =
            shards.shape.iter().zip(&packing.chunk).map(|(outer, inner)| outer / inner).collect();
        let number: usize = inner.iter().product();
        let crc = if shards.index_crc { 4 } else { 0 };
        let length = number.checked_mul(16).and_then(|length| length.checked_add(crc));
        let Some(length) = length.filter(|&length| length <= stored.len()) else {
            return Err(told("a shard without its index".into()));
        };
        let start = if shards.index_first { 0 } else { stored.len() - length };
        let table = &stored[start..start + length];
        let table = if shards.index_crc { checked(table).map_err(told)? } else { table };
        let ones = vec![1; inner.len()];
        let all = (0..inner.first().copied().unwrap_or(1))
            .flat_map(|first| indices(&inner, &ones, first));
        for (which, entry) in all.zip(table.chunks_exact(16)) {
            let [offset, size] = [0, 8]
                .map(|at| u64::from_le_bytes(entry[at..at + 8].try_into().expect("eight bytes")));
            if offset == u64::MAX && size == u64::MAX {
                continue;
            }
            let end = offset.checked_add(size).and_then(|end| usize::try_from(end).ok());
            let bytes = end.and_then(|end| stored.get(offset as usize..end));
            let bytes = bytes.ok_or_else(|| told("a shard whose index points beyond it".into()))?;
            let chunk = unpacked(bytes, packing, width).map_err(told)?;
            let from: Vec<usize> = (from.iter().zip(&which).zip(&packing.chunk))
                .map(|((from, which), length)| from + which * length)
                .collect();
            copy(&chunk, packing, &layout.shape, &from, outer, width, part);
        }
        Ok(())
    }
}

/// The file of the chunk, or shard, at an index.
fn file_of(name: &str, layout: &Layout, index: &[usize]) -> String {
    let key: Vec<String> = index.iter().map(ToString::to_string).collect();
    let separator = layout.separator.to_string();
    let key = match (layout.prefixed, key.is_empty()) {
        (true, true) => "c".to_owned(),
        (true, false) => format!("c{separator}{}", key.join(&separator)),
        (false, true) => "0".to_owned(),
        (false, false) => key.join(&separator),
    };
    if name.is_empty() { key } else { format!("{name}/{key}") }
}

/// The indices of all chunks of a grid whose first one is `first`, in C order.
fn indices(shape: &[usize], chunk: &[usize], first: usize) -> Vec<Vec<usize>> {
    let mut all = vec![if shape.is_empty() { Vec::new() } else { vec![first] }];
    for (length, chunk) in shape.iter().zip(chunk).skip(1) {
        let count = length.div_ceil(*chunk);
        all = all
            .into_iter()
            .flat_map(|start| {
                (0..count).map(move |index| start.iter().copied().chain([index]).collect())
            })
            .collect();
    }
    all
}

/// The bytes of a chunk, all of it.
fn unpacked(stored: &[u8], packing: &ChunkPacking, width: usize) -> Result<Vec<u8>, String> {
    let length = packing.chunk.iter().product::<usize>() * width;
    let mut bytes = stored.to_vec();
    for step in &packing.steps {
        // A step below a checksum or another codec is little longer than what it packs.
        let most = length.saturating_add(length / 64 + 4096);
        bytes = match step {
            Step::Codec(codec) => codec.unpack(&bytes, most)?,
            Step::Zlib => inflated(flate2::read::ZlibDecoder::new(bytes.as_slice()), most)?,
            Step::Gzip => inflated(flate2::read::MultiGzDecoder::new(bytes.as_slice()), most)?,
            Step::Crc32c => checked(&bytes)?.to_vec(),
        };
    }
    match bytes.len() == length {
        true => Ok(bytes),
        false => Err(format!("expected {length} bytes, found {}", bytes.len())),
    }
}

fn inflated(stream: impl Read, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stream
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("a damaged stream: {error}"))?;
    Ok(bytes)
}

/// Bytes without the checksum at their end, which must be right: CRC-32C (Castagnoli), reflected,
/// as RFC 3720 has it.
fn checked(bytes: &[u8]) -> Result<&[u8], String> {
    let (body, told) = bytes.split_last_chunk::<4>().ok_or("no room for a checksum")?;
    let mut sum = u32::MAX;
    for &byte in body {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg());
        }
    }
    match !sum == u32::from_le_bytes(*told) {
        true => Ok(body),
        false => Err("a checksum that is wrong".into()),
    }
}

/// Copies what of a chunk that begins at `from` lies in an array of `shape` into the part of the
/// array that chunks of shape `outer` with its first index fill.
fn copy(
    chunk: &[u8],
    packing: &ChunkPacking,
    shape: &[usize],
    from: &[usize],
    outer: &[usize],
    width: usize,
    part: &mut [u8],
) {
    let axes = shape.len();
    if axes == 0 {
        part[..width].copy_from_slice(&chunk[..width]);
        return;
    }
    // Steps along the axes, in elements.
    let steps = |lengths: &[usize], fortran: bool| {
        let mut steps = vec![1; axes];
        for axis in 1..axes {
            match fortran {
                true => steps[axis] = steps[axis - 1] * lengths[axis - 1],
                false => {
                    steps[axes - 1 - axis] = steps[axes - axis] * lengths[axes - axis];
                }
            }
        }
        steps
    };
    let source = steps(&packing.chunk, packing.fortran);
    let target = steps(shape, false);
    let inside: Vec<usize> = (0..axes)
        .map(|axis| packing.chunk[axis].min(shape[axis].saturating_sub(from[axis])))
        .collect();
    if inside.contains(&0) {
        return;
    }
    // The part begins at a multiple of its length along the first axis.
    let mut origin = from.to_vec();
    origin[0] %= outer[0];
    let last = axes - 1;
    let mut at = vec![0; axes];
    loop {
        let sum = |steps: &[usize], shift: &[usize]| -> usize {
            at.iter().zip(shift).zip(steps).map(|((at, shift), step)| (at + shift) * step).sum()
        };
        let (read, write) = (sum(&source, &vec![0; axes]), sum(&target, &origin));
        if source[last] == 1 {
            let length = inside[last] * width;
            part[write * width..write * width + length]
                .copy_from_slice(&chunk[read * width..read * width + length]);
        } else {
            for step in 0..inside[last] {
                let (read, write) = ((read + step * source[last]) * width, (write + step) * width);
                part[write..write + width].copy_from_slice(&chunk[read..read + width]);
            }
        }
        // The next row.
        let mut axis = last;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            at[axis] += 1;
            if at[axis] < inside[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4: 32 bytes of zeros.
        let mut bytes = vec![0; 32];
        bytes.extend(0x8a91_36aa_u32.to_le_bytes());
        assert_eq!(checked(&bytes).unwrap().len(), 32);
        bytes[3] = 1;
        assert!(checked(&bytes).is_err());
    }

    #[test]
    fn chunks_that_reach_beyond_the_array_are_cut() {
        let packing = ChunkPacking {
            chunk: vec![2, 3],
            fortran: false,
            big_endian: false,
            steps: Vec::new(),
        };
        let mut whole = [0; 9];
        for first in 0..2 {
            for index in indices(&[3, 3], &[2, 2], first) {
                assert_eq!(index[0], first);
            }
        }
        copy(&[1, 2, 3, 4, 5, 6], &packing, &[3, 3], &[2, 1], &[2, 3], 1, &mut whole[6..]);
        assert_eq!(whole, [0, 0, 0, 0, 0, 0, 0, 1, 2]);
        let packing = ChunkPacking { fortran: true, ..packing };
        let mut part = [0; 6];
        copy(&[1, 2, 3, 4, 5, 6], &packing, &[2, 3], &[0, 0], &[2, 3], 1, &mut part);
        assert_eq!(part, [1, 3, 5, 2, 4, 6]);
    }
}
