//! The uncompressed data of a member: as many bytes as it claims, and their checksum.
//!
//! Stored data are read through windows into the file, by several threads when they are many. A
//! deflated stream can only be unpacked from its beginning to its end: one thread does that and
//! another one sums, converts and stores.

use std::io::{self, BufReader, Read};
use std::mem::MaybeUninit;
use std::sync::mpsc::sync_channel;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use lapwing_model::parallel::InParallel;

use super::directory::{Member, Method};
use super::source::{ByteSource, Section};
use crate::Error;
use crate::npy::{Bytes, Convert, PIECE, fill_in_order};
use crate::stop::{self, Asked};

/// Bytes of a file that are mapped at a time.
const WINDOW: usize = 4 << 20;
/// From this length on, unpacking is worth a thread of its own.
const WORTH_A_THREAD: usize = 4 << 20;
/// Pieces that may wait between the two threads.
const WAITING: usize = 4;

pub(super) struct Content {
    packed: Packed,
    left: u64,
    crc: Crc,
    /// `None` once some of it was passed over.
    expected: Option<u32>,
}

enum Packed {
    Stored(Section),
    Deflated(Box<DeflateDecoder<BufReader<Section>>>),
}

impl Content {
    pub(super) fn new(source: &ByteSource, member: &Member) -> Self {
        let section = source.section(member.data, member.compressed);
        let packed = match member.method {
            Method::Stored => Packed::Stored(section),
            Method::Deflated => Packed::Deflated(Box::new(DeflateDecoder::new(
                BufReader::with_capacity(1 << 16, section),
            ))),
        };
        Self { packed, left: member.size, crc: Crc::new(), expected: Some(member.crc) }
    }

    /// Checks that everything was read, that nothing follows, and the checksum.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let damaged = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
        if self.left > 0 {
            return damaged("bytes are left over");
        }
        if let Packed::Deflated(decoder) = &mut self.packed
            && decoder.read(&mut [0])? > 0
        {
            return damaged("it unpacks to more than the archive says");
        }
        if self.expected.is_some_and(|expected| self.crc.sum() != expected) {
            return damaged("the checksum is wrong");
        }
        Ok(())
    }

    /// Whether bytes can be passed over unread.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self.packed, Packed::Stored(_))
    }

    /// Passes over bytes, unread where they are stored; then the checksum is no longer checked.
    pub(super) fn skip(&mut self, length: u64) -> io::Result<()> {
        match &mut self.packed {
            _ if length == 0 => Ok(()),
            Packed::Stored(section) => {
                section.skip(length)?;
                self.left = self.left.checked_sub(length).ok_or(io::ErrorKind::UnexpectedEof)?;
                self.expected = None;
                Ok(())
            }
            Packed::Deflated(_) => {
                io::copy(&mut Read::take(&mut *self, length), &mut io::sink()).map(|_| ())
            }
        }
    }

    fn spend(&mut self, length: usize) -> io::Result<()> {
        self.left = self.left.checked_sub(length as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        stop::check_bytes()?;
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = match &mut self.packed {
            Packed::Stored(section) => section.read(&mut buffer[..wanted])?,
            Packed::Deflated(decoder) => decoder.read(&mut buffer[..wanted])?,
        };
        self.crc.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

impl Bytes for Content {
    fn pieces(
        &mut self,
        length: usize,
        piece: usize,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        self.spend(length)?;
        let lengths = (0..length).step_by(piece.max(1)).map(|start| piece.min(length - start));
        let crc = &mut self.crc;
        let mut taken = |bytes: &[u8]| {
            crc.update(bytes);
            take(bytes);
        };
        match &mut self.packed {
            Packed::Stored(section) => {
                for length in lengths {
                    stop::check_bytes()?;
                    taken(&section.window(length)?);
                }
                Ok(())
            }
            Packed::Deflated(decoder)
                if length < WORTH_A_THREAD || rayon::current_num_threads() < 2 =>
            {
                let mut buffer = vec![0; piece.min(length)];
                for length in lengths {
                    stop::check_bytes()?;
                    decoder.read_exact(&mut buffer[..length])?;
                    taken(&buffer[..length]);
                }
                Ok(())
            }
            Packed::Deflated(decoder) => std::thread::scope(|scope| {
                let (full, arriving) = sync_channel::<Vec<u8>>(WAITING);
                let (empty, returned) = sync_channel::<Vec<u8>>(WAITING + 2);
                let unpacking = scope.spawn(move || {
                    for length in lengths {
                        let mut buffer = returned.try_recv().unwrap_or_default();
                        buffer.resize(length, 0);
                        decoder.read_exact(&mut buffer)?;
                        // Nobody waits for it any more when the other side was stopped or has ended
                        // in a panic.
                        if full.send(buffer).is_err() {
                            break;
                        }
                    }
                    Ok(())
                });
                let asked = Asked::here();
                for buffer in arriving {
                    taken(&buffer);
                    // A buffer that cannot go back is dropped and another one made.
                    let _ = empty.try_send(buffer);
                    if asked.to_stop() {
                        break;
                    }
                }
                stop::check_bytes()?;
                unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        }
    }

    fn fill<T: Send>(
        &mut self,
        places: &mut [MaybeUninit<T>],
        width: usize,
        convert: &Convert<'_, T>,
    ) -> io::Result<()> {
        let length = places.len() * width;
        let per_window = WINDOW / width;
        let Packed::Stored(section) = &mut self.packed else {
            return fill_in_order(self, places, width, convert);
        };
        if places.len() <= per_window {
            return fill_in_order(self, places, width, convert);
        }
        let (source, start) = (&section.source, section.at);
        let piece = PIECE / width;
        let asked = Asked::here();
        let window = |(index, places): (usize, &mut [MaybeUninit<T>])| -> io::Result<Crc> {
            if asked.to_stop() {
                return Err(io::Error::other(Error::Stopped.to_string()));
            }
            let offset = start + (index * per_window * width) as u64;
            let window = source.window(offset, places.len() * width)?;
            let mut crc = Crc::new();
            // As many bytes as places, so both end together.
            for (bytes, places) in window.chunks(piece * width).zip(places.chunks_mut(piece)) {
                crc.update(bytes);
                convert(bytes, places);
            }
            Ok(crc)
        };
        let sums = places.chunks_mut(per_window).enumerate().in_parallel().map(window);
        section.skip(length as u64)?;
        for sum in sums {
            self.crc.combine(&sum?);
        }
        self.spend(length)
    }
}
