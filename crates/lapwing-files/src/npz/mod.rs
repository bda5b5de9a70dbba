//! NumPy archives: ZIP files whose members are `.npy` arrays.
//!
//! [`Archive`] reads them one array at a time, each straight from its place in the file into
//! memory; [`write()`] makes them, atomically and with the same bytes every time.
//!
//! What is read is bounded by what was checked: no member may claim more than its bytes can hold,
//! no array more than its member, and members may not share bytes. Names that look like paths out
//! of the archive and names that occur twice are refused. Members that are no arrays are passed
//! over; [`Archive::strangers`] lists them.

mod content;
mod directory;
mod info;
mod source;
mod writer;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use lapwing_model::parallel::InParallel;

use crate::npy::{self, Array, Header, NpyError};
use crate::parts::{everything, parts_with};
use crate::{Error, open};
use content::Content;
use directory::Member;
pub use info::ArrayInfo;
use source::ByteSource;
pub use writer::{Packing, Writer, write, write_with};

/// What takes values of an array, and the place of the first.
pub(crate) type TakeValues<'a, E> = dyn FnMut(usize, &mut [f32]) -> Result<(), E> + 'a;

/// An open NumPy archive. Several threads may read from it at once.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    source: ByteSource,
    /// The arrays, names without `.npy`, in file order.
    members: Vec<Member>,
    strangers: Vec<String>,
    /// The members that are no arrays, each name once.
    others: BTreeMap<String, Member>,
}

impl Archive {
    /// Opens an archive and checks its directory; no array is read yet.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Archive`] when it is damaged, hostile
    /// or no archive.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let source = open::regular(path)
            .and_then(ByteSource::file)
            .map_err(|source| Error::io(path, source))?;
        Self::of(source, path)
    }

    /// An archive in memory; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self, Error> {
        Self::of(ByteSource::Memory(bytes.into()), Path::new(name))
    }

    fn of(source: ByteSource, path: &Path) -> Result<Self, Error> {
        let refused = |reason: String| Error::archive(path, reason);
        let all = directory::read(&source).map_err(refused)?;
        let (mut members, mut strangers, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut others = BTreeMap::new();
        for mut member in all {
            check_name(&member.name).map_err(refused)?;
            // Zarr's writers leave older versions of a file in the archive: the last one counts.
            let again = !seen.insert(member.name.clone());
            if again && member.name.ends_with(".npy") {
                return Err(refused(format!(
                    "it holds two members named \"{}\"",
                    member.name.escape_debug()
                )));
            }
            match member.name.strip_suffix(".npy") {
                Some(key) => {
                    member.name = key.to_owned();
                    members.push(member);
                }
                None => {
                    if !again {
                        strangers.push(member.name.clone());
                    }
                    others.insert(member.name.clone(), member);
                }
            }
        }
        Ok(Self { path: path.to_owned(), source, members, strangers, others })
    }

    /// Where the archive came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the arrays, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Names of the members that are no arrays.
    pub fn strangers(&self) -> &[String] {
        &self.strangers
    }

    /// The bytes of a member that is no array; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`Error::Archive`] when it is damaged, or longer than `most`.
    pub(crate) fn stranger(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(member) = self.others.get(name) else {
            return Ok(None);
        };
        let refused = |reason: String| Error::archive(&self.path, format!("{name}: {reason}"));
        if member.size > most {
            return Err(refused(format!(
                "{} bytes, more than the {most} it may have",
                member.size
            )));
        }
        let (mut content, mut bytes) = (self.content(member), Vec::new());
        let read = content.read_to_end(&mut bytes).and_then(|_| content.finish());
        read.map_err(|error| refused(error.to_string()))?;
        Ok(Some(bytes))
    }

    /// Name and length of every member that is no array.
    pub(crate) fn stranger_lengths(&self) -> impl Iterator<Item = (String, u64)> {
        self.others.iter().map(|(name, member)| (name.clone(), member.size))
    }

    /// Whether there is an array of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    /// The header of an array, without its data.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`], or [`Error::Array`] when it is unreadable.
    pub fn header(&self, name: &str) -> Result<Header, Error> {
        let member = self.member(name)?;
        Header::read(&mut self.content(member)).map_err(|source| self.unreadable(name, source))
    }

    /// Name, dtype and shape of every array, in file order.
    ///
    /// # Errors
    /// [`Error::Array`] for the first whose header is unreadable.
    pub fn list(&self) -> Result<Vec<ArrayInfo>, Error> {
        let info = |name: &str| {
            let header = self.header(name)?;
            Ok(ArrayInfo { name: name.to_owned(), dtype: header.dtype_name(), shape: header.shape })
        };
        self.names().map(info).collect()
    }

    /// Reads one array.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`], or [`Error::Array`] when it is damaged (its checksum included) or
    /// unreadable.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        let read = |content: &mut Content, header: Header, available| {
            npy::read_values(content, header, available)
        };
        self.read_by(name, read)
    }

    /// Reads several arrays, at the same time where there are threads: a compressed one keeps only
    /// one of them busy.
    ///
    /// # Errors
    /// That of the first name that cannot be read, as for [`read`](Self::read).
    pub fn read_all<N: AsRef<str> + Sync>(&self, names: &[N]) -> Result<Vec<Array>, Error> {
        let arrays = names.iter().in_parallel().map(|name| self.read(name.as_ref()));
        arrays.into_iter().collect()
    }

    /// Reads real numbers as `f32`. They are converted as they come, whatever they are in the file:
    /// memory is taken for the `f32` array only.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and [`NpyError::Kind`] inside [`Error::Array`] for anything but
    /// booleans, integers and real floats.
    pub fn read_f32(&self, name: &str) -> Result<ndarray::ArrayD<f32>, Error> {
        let axes = self.header(name)?.shape.len();
        self.read_f32_in_order(name, &(0..axes).collect::<Vec<_>>())
    }

    /// [`read_f32`](Self::read_f32) with the axes in another order, C order in memory; `order[0]`
    /// is the axis of the file that becomes the first. This too is done as the numbers come.
    ///
    /// # Errors
    /// As for [`read_f32`](Self::read_f32), and [`NpyError::Shape`] inside [`Error::Array`] when
    /// `order` does not name each axis once.
    pub fn read_f32_in_order(
        &self,
        name: &str,
        order: &[usize],
    ) -> Result<ndarray::ArrayD<f32>, Error> {
        self.read_by(name, |content, header, available| {
            let mut sorted = order.to_vec();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..header.shape.len()) {
                return Err(NpyError::Shape(format!(
                    "{:?}, of which the axes {order:?} were asked for",
                    header.shape
                )));
            }
            let values = npy::read_f32(content, &header, order, available)?;
            let shape: Vec<usize> = order.iter().map(|&axis| header.shape[axis]).collect();
            let array = ndarray::ArrayD::from_shape_vec(shape, values);
            array.map_err(|_| NpyError::Shape(format!("{:?}", header.shape)))
        })
    }

    /// A pass over real numbers as `f32`, converted as for [`read_f32`](Self::read_f32), in the
    /// order of the file: calls `take` with at most `block` of them at a time, and the place of the
    /// first. No more than these are in memory. They have all of those `wanted` (ranges of places,
    /// ascending); a stored array is read only there, which leaves its checksum unknown.
    ///
    /// # Errors
    /// As for [`read_f32`](Self::read_f32), the checksum at the end of what is read as a whole, and
    /// whatever `take` fails with.
    pub(crate) fn blocks_f32<E: From<Error>>(
        &self,
        name: &str,
        block: usize,
        wanted: &[Range<usize>],
        take: &mut TakeValues<'_, E>,
    ) -> Result<(), E> {
        let unreadable = |source| self.unreadable(name, source);
        let member = self.member(name)?;
        let mut content = self.content(member);
        let header = Header::read(&mut content).map_err(unreadable)?;
        let available = member.size.saturating_sub(header.length as u64);
        npy::check_length(&header, available).map_err(unreadable)?;
        let count = header.count();
        let everything = everything(count);
        let wanted = if content.is_stored() { wanted } else { &everything };
        let parts = parts_with(&[count], (block, 1), wanted);
        let (longest, mut values) =
            (parts.iter().map(|part| part.1).max().unwrap_or(0), Vec::new());
        values.try_reserve_exact(longest).map_err(|_| {
            let bytes = (longest as u64).saturating_mul(4);
            unreadable(NpyError::TooLarge { bytes, limit: "the memory there is" })
        })?;
        values.resize(longest, 0.0);
        let mut at = 0;
        for (first, count) in parts {
            let skipped = (first - at) as u64 * header.dtype.width() as u64;
            content.skip(skipped).map_err(|error| unreadable(error.into()))?;
            let values = &mut values[..count];
            npy::next_f32(&mut content, &header, values).map_err(unreadable)?;
            at = first + count;
            take(first, values)?;
        }
        let rest = (count - at) as u64 * header.dtype.width() as u64;
        let ended = content.skip(rest).and_then(|()| content.finish());
        Ok(ended.map_err(|error| unreadable(error.into()))?)
    }

    /// Reads header, data by `read`, which is given the number of bytes, and checks the rest.
    fn read_by<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut Content, Header, u64) -> Result<T, NpyError>,
    ) -> Result<T, Error> {
        let member = self.member(name)?;
        let mut content = self.content(member);
        let whole = || {
            let header = Header::read(&mut content)?;
            let available = member.size.saturating_sub(header.length as u64);
            let value = read(&mut content, header, available)?;
            content.finish()?;
            Ok(value)
        };
        whole().map_err(|source| self.unreadable(name, source))
    }

    /// The first bytes of an array's data, for a message about them; nothing when they cannot be
    /// read.
    pub(crate) fn first_bytes(&self, name: &str, most: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Ok(member) = self.member(name) {
            let mut stream = self.content(member);
            if Header::read(&mut stream).is_err() {
                stream = self.content(member);
            }
            // What was read before an error is kept, and is all that can be shown.
            let _ = stream.take(most).read_to_end(&mut bytes);
        }
        bytes
    }

    fn member(&self, name: &str) -> Result<&Member, Error> {
        self.members.iter().find(|member| member.name == name).ok_or_else(|| Error::NoSuchArray {
            path: self.path.clone(),
            key: name.to_owned(),
            names: self.names().map(str::to_owned).collect(),
        })
    }

    fn unreadable(&self, name: &str, source: NpyError) -> Error {
        let source = match source {
            // What the decoder says does not mention that the archive is at fault.
            NpyError::Io(error) => {
                NpyError::Io(io::Error::new(error.kind(), format!("damaged data: {error}")))
            }
            other => other,
        };
        Error::Array { path: self.path.clone(), key: name.to_owned(), source }
    }

    fn content(&self, member: &Member) -> Content {
        Content::new(&self.source, member)
    }
}

/// Refuses names that would lead somewhere else if the archive were unpacked.
fn check_name(name: &str) -> Result<(), String> {
    let plain = !name.is_empty()
        && !name.starts_with('/')
        && !name.contains(['\\', ':'])
        && !name.contains(char::is_control)
        && !name.split('/').any(|part| part == ".." || part == ".");
    match plain {
        true => Ok(()),
        false => {
            let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            Err(format!("its member \"{shown}\" is named like a path out of the archive"))
        }
    }
}
