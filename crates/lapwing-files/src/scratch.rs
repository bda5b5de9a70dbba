//! A file for what does not fit into memory, shown as memory again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use memmap2::{Mmap, MmapMut};

/// A nameless file that is written once from beginning to end. It is gone when nobody uses it any
/// more, however the process ends.
#[derive(Debug)]
pub struct ScratchFile(BufWriter<File>);

/// The bytes of a [`ScratchFile`], mapped into memory: the system reads them when they are looked
/// at and may forget them again.
#[derive(Debug)]
pub struct Mapped(Option<Mmap>);

/// The bytes of a [`ScratchFile`], mapped into memory to be changed too.
#[derive(Debug)]
pub struct MappedMut(Option<MmapMut>);

/// Bytes that are free on the disk of a folder, where the system tells.
#[cfg(target_os = "linux")]
pub fn free_in(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut told = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends in a zero byte, and there is room for the answer, for which zeros are
    // valid.
    let told = unsafe {
        match libc::statvfs(path.as_ptr(), told.as_mut_ptr()) {
            0 => told.assume_init(),
            _ => return None,
        }
    };
    Some((told.f_bavail as u64).saturating_mul(told.f_frsize as u64))
}

/// Bytes that are free on the disk of a folder, where the system tells.
#[cfg(not(target_os = "linux"))]
pub fn free_in(_: &Path) -> Option<u64> {
    None
}

/// So many zeros in a file on the disk of `folder`, without a name there.
///
/// # Errors
/// When none can be made there, a disk without so much room included.
pub fn zeros_in(folder: impl AsRef<Path>, len: u64) -> io::Result<MappedMut> {
    let file = tempfile::tempfile_in(folder)?;
    if len == 0 {
        return Ok(MappedMut(None));
    }
    reserve(&file, len)?;
    // SAFETY: the file has no name, and its only handle ends here, so nobody can change or shorten
    // it; every byte of it has its place on the disk already.
    Ok(MappedMut(Some(unsafe { MmapMut::map_mut(&file)? })))
}

/// Makes an empty file so many zeros long, all of them with a place on the disk.
#[cfg(target_os = "linux")]
fn reserve(file: &File, len: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let bytes = libc::off_t::try_from(len)
        .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "more than a file holds"))?;
    // SAFETY: the handle is open, and nothing else is handed over.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, bytes) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Makes an empty file so many zeros long, all of them with a place on the disk.
#[cfg(not(target_os = "linux"))]
fn reserve(mut file: &File, len: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), len), &mut file)?;
    file.sync_data()
}

impl ScratchFile {
    /// An empty file on the disk of `folder`, without a name there.
    ///
    /// # Errors
    /// When none can be made there.
    pub fn new_in(folder: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(folder)?)))
    }

    /// Writes behind what is there already.
    ///
    /// # Errors
    /// What the system says, a full disk included.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// What the system says, a disk that is found full only now included.
    pub fn finish(self) -> io::Result<Mapped> {
        let Some(file) = self.written()? else { return Ok(Mapped(None)) };
        // SAFETY: the file has no name, and its only handle ends here, so nobody can change or
        // shorten it; every byte of it was written, so that none has to be found room for when it
        // is looked at.
        Ok(Mapped(Some(unsafe { Mmap::map(&file)? })))
    }

    /// Everything that was written, to be changed in place.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn finish_mut(self) -> io::Result<MappedMut> {
        let Some(file) = self.written()? else { return Ok(MappedMut(None)) };
        // SAFETY: as in `finish`; a byte that is changed has its place on the disk already.
        Ok(MappedMut(Some(unsafe { MmapMut::map_mut(&file)? })))
    }

    /// The file with all of it on the disk; `None` when that is nothing.
    fn written(self) -> io::Result<Option<File>> {
        let file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        // Nothing may be left to go wrong when a page is looked at.
        file.sync_data()?;
        Ok((file.metadata()?.len() > 0).then_some(file))
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl AsRef<[u8]> for MappedMut {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl AsMut<[u8]> for MappedMut {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = ScratchFile::new_in(folder.path()).unwrap();
        let bytes: Vec<u8> = (0..3_000_000).map(|index| (index * 7 % 251) as u8).collect();
        for part in bytes.chunks(12_345) {
            scratch.append(part).unwrap();
        }
        let mapped = scratch.finish().unwrap();
        assert!(mapped.as_ref() == bytes);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        assert!(ScratchFile::new_in(folder.path()).unwrap().finish().unwrap().as_ref().is_empty());
        assert!(ScratchFile::new_in(folder.path().join("none")).is_err());
        assert_eq!(free_in(&folder.path().join("none")), None);
        #[cfg(target_os = "linux")]
        assert!(free_in(folder.path()).is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn zeros_are_changed_in_place_and_a_disk_is_asked_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut mapped = zeros_in(folder.path(), 5000).unwrap();
        assert!(mapped.as_ref().len() == 5000 && mapped.as_ref().iter().all(|&byte| byte == 0));
        mapped.as_mut()[4999] = 7;
        assert_eq!((mapped.as_ref()[4998], mapped.as_ref()[4999]), (0, 7));
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        assert!(zeros_in(folder.path(), 0).unwrap().as_ref().is_empty());
        assert!(zeros_in(folder.path(), 1 << 60).is_err());
        assert!(zeros_in(folder.path().join("none"), 1).is_err());
    }

    /// A device on which every write finds the disk full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut scratch = ScratchFile(BufWriter::with_capacity(1 << 20, full));
        let outcome = scratch.append(&vec![1; 3 << 20]).and_then(|()| scratch.finish().map(drop));
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
